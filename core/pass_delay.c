/* Delay merge: a line fed by nothing but a tap of another line, that tap whole samples old, reads what the first line
 * was fed that much earlier: ring(tap(ring(x, c), a), d) and its taps at b are ring(x, c + d) with taps at a + b.
 *
 * Only where the first line and its tap have no other use, where a does not change within a call, and outside of
 * cycles, whose timing the least delay decides. An operand that stands later in the text waits for the next
 * round: `canon` puts operands first. Interpolated delays take two taps, so they never merge as the first.
 *
 * And a sample ago of a tap, within the loop its line closes, is a tap one sample older: loops without state between
 * samples run in longer steps. The line holds one sample more. */
#include "core/pass.h"

struct delay {
    struct rewrite w;
    uint32_t *inner; /* by value: of a ring, the tap it is merged with; else 0 */
    uint32_t *older; /* by value: of a prev, the tap it is one sample after; else 0 */
    bool *longer;    /* by value: a ring that holds one more */
};

/* The tap of another line that this ring can be merged with, or 0. */
static uint32_t tap_to_merge(const struct code *code, uint32_t ring, const uint32_t *uses, const uint32_t *component)
{
    uint32_t tap = code->ins[ring].args[0].i;
    const struct ins *t = &code->ins[tap];
    if (t->op != OP_TAP || uses[tap] != 1 || code->ins[t->args[1].i].rate > RATE_CALL)
        return 0;
    uint32_t first = t->args[0].i;
    const struct ins *r = &code->ins[first];
    bool later = t->args[1].i > ring || r->args[1].i > ring;
    return uses[first] != 1 || component[first] == component[ring] || later ? 0 : tap;
}

/* A ring that is merged into another waits, so that chains shrink by half in a round. */
static bool find_merges(struct delay *d, const struct ir *ir)
{
    const struct code *code = d->w.body.code;
    uint32_t *uses = body_uses(ir, &d->w.body), *component = NULL;
    bool *taken = ARENA_ARRAY(ir->arena, code->n, bool);
    bool found = false;
    for (uint32_t v = 1; v < code->n; v++) {
        if (code->ins[v].op != OP_RING || code->ins[code->ins[v].args[0].i].op != OP_TAP)
            continue;
        if (!component)
            component = code_components(ir, code);
        uint32_t tap = tap_to_merge(code, v, uses, component);
        uint32_t first = tap ? code->ins[tap].args[0].i : 0;
        if (!tap || taken[v] || taken[first])
            continue;
        taken[v] = taken[first] = true;
        d->inner[v] = tap;
        found = true;
    }
    return found;
}

static bool find_older(struct delay *d, const struct ir *ir)
{
    const struct code *code = d->w.body.code;
    uint32_t *component = NULL;
    bool found = false;
    for (uint32_t v = 1; v < code->n; v++) {
        uint32_t tap = code->ins[v].op == OP_PREV_F32 ? code->ins[v].args[0].i : 0;
        if (!tap || code->ins[tap].op != OP_TAP)
            continue;
        uint32_t ring = code->ins[tap].args[0].i, age = code->ins[tap].args[1].i;
        if (ring > v || age > v || code->ins[age].rate > RATE_CALL)
            continue;
        if (!component)
            component = code_components(ir, code);
        if (component[ring] != component[tap] || component[ring] != component[v])
            continue;
        d->older[v] = tap;
        d->longer[ring] = found = true;
    }
    return found;
}

static void make_older(struct delay *d, uint32_t v)
{
    const struct ins *tap = &d->w.body.code->ins[d->older[v]];
    uint32_t *map = d->w.map;
    struct val one = ir_emit(d->w.ir, &d->w.code, (struct ins){.op = OP_CONST_I32, .imm.i = 1});
    struct val age = rewrite_ins2(&d->w, OP_ADD_I32, (struct val){map[tap->args[1].i]}, one);
    map[v] = rewrite_ins2(&d->w, OP_TAP, (struct val){map[tap->args[0].i]}, age).i;
}

static void make_longer(struct delay *d, uint32_t v)
{
    const struct ins *ring = &d->w.body.code->ins[v];
    struct val one = ir_emit(d->w.ir, &d->w.code, (struct ins){.op = OP_CONST_F64, .imm.d = 1});
    struct val most = rewrite_ins2(&d->w, OP_ADD_F64, (struct val){d->w.map[ring->args[1].i]}, one);
    d->w.map[v] = rewrite_ins2(&d->w, OP_RING, ring->args[0], most).i;
}

static void merge_ring(struct delay *d, uint32_t v)
{
    const struct code *code = d->w.body.code;
    const struct ins *tap = &code->ins[d->inner[v]], *first = &code->ins[tap->args[0].i];
    const struct ins *ring = &code->ins[v];
    uint32_t *map = d->w.map;
    /* What the first line is fed with keeps its old number, as delayed operands do. */
    uint32_t c = first->args[1].i;
    struct val sum = rewrite_ins2(&d->w, OP_ADD_F64, (struct val){map[c]}, (struct val){map[ring->args[1].i]});
    map[v] = rewrite_ins2(&d->w, OP_RING, first->args[0], sum).i;
}

static void merge_tap(struct delay *d, uint32_t v, uint32_t inner)
{
    const struct code *code = d->w.body.code;
    const struct ins *tap = &code->ins[v];
    uint32_t *map = d->w.map;
    struct val a = {map[code->ins[inner].args[1].i]}, b = {map[tap->args[1].i]};
    struct val age = rewrite_ins2(&d->w, OP_ADD_I32, a, b);
    map[v] = rewrite_ins2(&d->w, OP_TAP, (struct val){map[tap->args[0].i]}, age).i;
}

bool pass_delay(struct ir *ir)
{
    struct body body = body_at(ir, ir->n_fns);
    uint32_t n = body.code->n;
    struct delay d = {.w.body = body,
                      .inner = ARENA_ARRAY(ir->arena, n, uint32_t),
                      .older = ARENA_ARRAY(ir->arena, n, uint32_t),
                      .longer = ARENA_ARRAY(ir->arena, n, bool)};
    ir_rates(ir);
    if (!find_merges(&d, ir) && !find_older(&d, ir)) /* one kind a round */
        return false;
    d.w = rewrite_begin(ir, body);
    for (uint32_t v = 1; v < n; v++) {
        const struct ins *ins = &body.code->ins[v];
        if (d.inner[v])
            merge_ring(&d, v);
        else if (ins->op == OP_TAP && d.inner[ins->args[0].i])
            merge_tap(&d, v, d.inner[ins->args[0].i]);
        else if (d.older[v])
            make_older(&d, v);
        else if (d.longer[v])
            make_longer(&d, v);
        else
            rewrite_copy(&d.w, v);
    }
    rewrite_end(&d.w);
    ir_rates(ir);
    return true;
}
