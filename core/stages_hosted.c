/* See stages_hosted.h. Signals go round in loops of their own, so a walk follows operands wherever they stand; no loop
 * leads through a host (cycles.c sees to it). */
#include "core/stages_hosted.h"

#include <assert.h>

#include "core/pass.h"

struct splitter {
    struct ir *ir;
    uint32_t *host;  /* by value: of a `hosted`, its number + 1; else 0 */
    uint32_t *fed;   /* by value: 1 + a host it feeds, of the least depth; 0: none */
    struct val *at;  /* by host: the `hosted` */
    uint32_t *depth; /* by host: hosts one behind the other, itself included */
    uint32_t n_hosts;
    bool *seen; /* by value: a walk's */
    uint32_t *stack;
};

bool stages_has_hosts(const struct ir *ir)
{
    for (uint32_t v = 1; v < ir->main.n; v++)
        if (ir->main.ins[v].op == OP_HOSTED)
            return true;
    return false;
}

static void find_hosts(struct splitter *s)
{
    const struct code *code = &s->ir->main;
    for (uint32_t v = 1; v < code->n; v++)
        if (code->ins[v].op == OP_HOSTED) {
            s->at[s->n_hosts] = (struct val){v};
            s->host[v] = ++s->n_hosts;
        }
}

static struct val feed(const struct splitter *s, uint32_t host)
{
    return s->ir->main.ins[s->at[host].i].args[0];
}

/* Does a stage at this depth find the value ready? Then by which number. */
static bool is_handed(const struct splitter *s, uint32_t v, uint32_t depth, uint32_t *ret_signal)
{
    uint32_t made = s->host[v], fed = s->fed[v];
    if (made)
        *ret_signal = made - 1;
    else if (fed && s->depth[fed - 1] < depth)
        *ret_signal = s->n_hosts + fed - 1;
    else
        return false;
    return true;
}

/* Marks in s->seen what the roots need at this depth, with what is handed over, not looking behind that. */
static void walk(struct splitter *s, const struct val *roots, uint32_t n_roots, uint32_t depth)
{
    const struct code *code = &s->ir->main;
    uint32_t n = 0, signal;
    for (uint32_t v = 1; v < code->n; v++)
        s->seen[v] = false;
    for (uint32_t i = 0; i < n_roots; i++) {
        if (!s->seen[roots[i].i])
            s->stack[n++] = roots[i].i;
        s->seen[roots[i].i] = true;
    }
    while (n) {
        uint32_t v = s->stack[--n];
        const struct ins *ins = &code->ins[v];
        for (uint32_t k = 0; k < ins->n_args && !is_handed(s, v, depth, &signal); k++) {
            if (!s->seen[ins->args[k].i])
                s->stack[n++] = ins->args[k].i;
            s->seen[ins->args[k].i] = true;
        }
    }
}

/* A host's depth is one more than the greatest that it sees. */
static uint32_t find_depths(struct splitter *s)
{
    uint32_t n = s->n_hosts, deepest = 1;
    bool *sees = ARENA_ARRAY(s->ir->arena, (size_t)n * n, bool), changed = true;
    for (uint32_t h = 0; h < n; h++) {
        struct val root = feed(s, h);
        walk(s, &root, 1, 0);
        for (uint32_t g = 0; g < n; g++)
            sees[h * n + g] = s->seen[s->at[g].i];
        s->depth[h] = 1;
    }
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < n * n; i++) {
            uint32_t *depth = &s->depth[i / n], behind = s->depth[i % n];
            if (!sees[i] || *depth > behind)
                continue;
            *depth = behind + 1;
            assert(*depth <= n);
            deepest = *depth > deepest ? *depth : deepest;
            changed = true;
        }
    }
    return deepest;
}

/* Inputs, and what changes less often than samples do, are read again. */
static void find_feeds(struct splitter *s)
{
    for (uint32_t h = 0; h < s->n_hosts; h++) {
        uint32_t v = feed(s, h).i, other = s->fed[v];
        const struct ins *ins = &s->ir->main.ins[v];
        if (ins->rate != RATE_SAMPLE || ins->op == OP_INPUT || ins->op == OP_HOSTED)
            continue;
        if (!other || s->depth[h] < s->depth[other - 1])
            s->fed[v] = h + 1;
    }
}

static struct ins read_signal(struct ir_stage *stage, uint32_t n_signals, uint32_t signal)
{
    uint32_t i = n_signals;
    while (i < stage->ir->n_inputs && stage->reads[i - n_signals] != signal)
        i++;
    if (i == stage->ir->n_inputs)
        stage->ir->n_inputs++;
    stage->reads[i - n_signals] = signal;
    return (struct ins){.op = OP_INPUT, .imm.i = (int32_t)i};
}

/* Copies what the walk has marked. */
static void copy_seen(struct splitter *s, struct ir_stage *stage, uint32_t *to, uint32_t depth)
{
    const struct code *code = &s->ir->main;
    uint32_t n = 1, signal;
    for (uint32_t v = 1; v < code->n; v++)
        if (s->seen[v])
            to[v] = n++; /* before any is copied: an operand may come later */
    for (uint32_t v = 1; v < code->n; v++) {
        struct ins ins = code->ins[v];
        struct val args[FN_ARGS_MAX];
        if (!s->seen[v])
            continue;
        if (is_handed(s, v, depth, &signal))
            ins = read_signal(stage, s->ir->n_inputs, signal);
        for (uint32_t k = 0; k < ins.n_args; k++)
            args[k].i = to[ins.args[k].i];
        ins.args = args;
        ir_emit(stage->ir, &stage->ir->main, ins);
    }
}

/* Does the same as the IR up to the roots, which become its outputs. */
static struct ir_stage make_stage(struct splitter *s, const struct val *roots, uint32_t n_roots, uint32_t depth)
{
    struct arena *a = s->ir->arena;
    struct ir_stage stage = {.ir = stages_copy_lists(s->ir), .reads = ARENA_ARRAY(a, (size_t)2 * s->n_hosts, uint32_t)};
    uint32_t *to = ARENA_ARRAY(a, s->ir->main.n, uint32_t);
    stage.ir->n_inputs = s->ir->n_inputs;
    walk(s, roots, n_roots, depth);
    copy_seen(s, &stage, to, depth);
    stage.ir->n_outputs = n_roots;
    stage.ir->outputs = ARENA_ARRAY(a, n_roots, struct val);
    for (uint32_t i = 0; i < n_roots; i++)
        stage.ir->outputs[i].i = to[roots[i].i];
    pass_dead(stage.ir); /* as in stages.c, only these */
    pass_canon(stage.ir);
    pass_rates(stage.ir);
    return stage;
}

/* Makes the signals of the hosts of one depth. */
static struct ir_stage feeding_stage(struct splitter *s, uint32_t depth)
{
    struct val *roots = ARENA_ARRAY(s->ir->arena, s->n_hosts, struct val);
    uint32_t *fills = ARENA_ARRAY(s->ir->arena, s->n_hosts, uint32_t), n = 0;
    for (uint32_t h = 0; h < s->n_hosts; h++)
        if (s->depth[h] == depth) {
            roots[n] = feed(s, h);
            fills[n++] = h;
        }
    struct ir_stage stage = make_stage(s, roots, n, depth);
    stage.fills = fills;
    return stage;
}

struct stages stages_split_hosted(struct ir *ir)
{
    struct arena *a = ir->arena;
    struct splitter s = {.ir = ir,
                         .host = ARENA_ARRAY(a, ir->main.n, uint32_t),
                         .fed = ARENA_ARRAY(a, ir->main.n, uint32_t),
                         .at = ARENA_ARRAY(a, ir->main.n, struct val),
                         .depth = ARENA_ARRAY(a, ir->main.n, uint32_t),
                         .seen = ARENA_ARRAY(a, ir->main.n, bool),
                         .stack = ARENA_ARRAY(a, ir->main.n, uint32_t)};
    find_hosts(&s);
    uint32_t deepest = find_depths(&s);
    find_feeds(&s);
    struct stages r = {.list = ARENA_ARRAY(a, deepest + 1u, struct ir_stage),
                       .n = deepest + 1,
                       .hosts = ARENA_ARRAY(a, s.n_hosts, uint32_t),
                       .n_hosts = s.n_hosts,
                       .n_signals = ir->n_inputs};
    for (uint32_t h = 0; h < s.n_hosts; h++)
        r.hosts[h] = (uint32_t)ir->main.ins[s.at[h].i].imm.i;
    for (uint32_t i = 0; i < deepest; i++)
        r.list[i] = feeding_stage(&s, i + 1);
    r.list[deepest] = make_stage(&s, ir->outputs, ir->n_outputs, deepest + 1);
    return r;
}
