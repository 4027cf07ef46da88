/* Cascades a stage a lane: see core/plan_packs.h. Step t computes sample t - s * PACK_SKEW of every stage s: the
 * stages' latencies overlap, and PACK_SKEW steps of one stage. The last stage of a chain has its lowest lane: what a
 * stage makes moves down one lane to the next, new samples come in at the chain's highest lane, results leave at its
 * lowest.
 *
 * Each lane does what the plain regions would, in the same order of operations. Lanes whose sample is not there yet,
 * or no more, keep their state: at a strip's ends, or at the block's where strips go one behind the other. Then a
 * strip's last results come with the next strip, before anybody asks for them. */
#include <stdio.h>

#include "core/arena.h"
#include "jit/cc/loops.h"
#include "jit/cc/packs.h"

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
}

static struct value one(gcc_jit_rvalue *v)
{
    return (struct value){.part = {v, NULL}};
}

static struct value locals(gcc_jit_lvalue *const l[2])
{
    return (struct value){.part = {r(l[0]), l[1] ? r(l[1]) : NULL}};
}

static const struct ins *ins_of(const struct site *s, struct val v)
{
    return &s->code->ins[v.i];
}

static enum type type_of(const struct site *s, struct val v)
{
    return op_info(ins_of(s, v)->op)->result;
}

static bool remembers(const struct site *s, struct val v)
{
    return op_info(ins_of(s, v)->op)->flags & OP_STATE;
}

static int lane_of(const struct group *g, uint32_t chain, uint32_t stage)
{
    return (int)(chain * g->pack->n_stages + g->pack->n_stages - 1 - stage);
}

/* What stands in a lane for a key of the template. */
struct val packs_in_lane(const struct group *g, uint32_t chain, uint32_t stage, uint32_t key)
{
    return g->pack->of[(g->first + chain) * g->pack->n_stages + stage][key];
}

static struct site scalar_site(const struct site *s)
{
    struct site t = *s;
    t.shape = &s->e->scalar;
    return t;
}

/* Room for the elements of one vector, as bytes. */
static gcc_jit_rvalue *room(struct site *s, enum type t)
{
    struct emitter *e = s->e;
    gcc_jit_type *element = machine_type(&e->scalar, t);
    gcc_jit_lvalue *all = site_local(s, gcc_jit_context_new_array_type(e->ctxt, NULL, element, LANES_MAX), "of");
    return gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(all, NULL), e->t_byte_ptr);
}

typedef struct value scalar_of(struct site *s, struct val v);

/* A vector of one scalar a lane; lanes without a stage get another's. */
static struct value lanes_of(struct site *s, const struct group *g, uint32_t key, scalar_of *scalar)
{
    enum type t = type_of(s, g->pack->keys[key]);
    gcc_jit_rvalue *bytes = room(s, t);
    struct site lane = scalar_site(s);
    struct value v = {0};
    for (uint32_t c = 0; c < g->n; c++)
        for (uint32_t k = 0; k < g->pack->n_stages; k++) {
            v = scalar(&lane, packs_in_lane(g, c, k, key));
            site_store(&lane, t, bytes, 0, machine_long(s->e, lane_of(g, c, k)), v);
        }
    for (int l = (int)(g->n * g->pack->n_stages); l < g->shape->lanes; l++)
        site_store(&lane, t, bytes, 0, machine_long(s->e, l), v);
    return site_load(s, t, bytes, 0, machine_long(s->e, 0));
}

static struct value uniform_scalar(struct site *s, struct val v)
{
    const struct ins *ins = ins_of(s, v);
    if (op_info(ins->op)->flags & (OP_IMM_F | OP_IMM_D) || ins->op == OP_CONST_I32)
        return site_constant(s->e, s->shape, ins);
    return s->e->main->uniform[v.i];
}

static struct value state_scalar(struct site *s, struct val v)
{
    return site_load(s, type_of(s, v), s->e->main->state, s->e->plan->state_at[v.i], machine_long(s->e, 0));
}

bool packs_lanes_differ(const struct group *g, uint32_t key)
{
    for (uint32_t c = 0; c < g->n; c++)
        for (uint32_t k = 0; k < g->pack->n_stages; k++)
            if (packs_in_lane(g, c, k, key).i != g->pack->keys[key].i)
                return true;
    return false;
}

static void new_locals(struct site *s, enum type t, gcc_jit_lvalue *to[2], const struct value *first)
{
    for (int part = 0; part < 2 && first->part[part]; part++) {
        to[part] = site_local(s, machine_type(s->shape, t), "lanes");
        site_set(s, to[part], first->part[part]);
    }
}

static struct value widen(struct site *s, struct val v, struct value narrow)
{
    struct ins ins = {.op = OP_F64_F32, .n_args = 1, .args = &v};
    site_remember(s, v, narrow);
    struct value wide = emit_widen(s, v, &ins);
    site_forget(s);
    return wide;
}

/* f64.f32 of a `prev` needs no conversion when the same is made of what it remembers. */
static uint32_t find_widened(const struct site *s, const struct pack *p, uint32_t member)
{
    const struct ins *ins = ins_of(s, p->keys[member]);
    if (ins->op != OP_F64_F32 || ins_of(s, ins->args[0])->op != OP_PREV_F32 || ins->args[0].i == p->fed.i)
        return PLAN_NONE;
    struct val next = ins_of(s, ins->args[0])->args[0];
    for (uint32_t k = 0; k < p->n_members; k++) {
        const struct ins *other = ins_of(s, p->keys[k]);
        if (other->op == OP_F64_F32 && other->args[0].i == next.i)
            return k;
    }
    return PLAN_NONE;
}

static void group_begin(struct site *s, struct group *g)
{
    const struct pack *p = g->pack;
    struct arena *a = s->e->arena;
    g->constants = ARENA_ARRAY(a, p->n_keys, struct value);
    g->state = arena_array(a, p->n_members, sizeof *g->state);
    g->widened = arena_array(a, p->n_members, sizeof *g->widened);
    g->widened_from = ARENA_ARRAY(a, p->n_members, uint32_t);
    for (uint32_t k = p->n_members; k < p->n_keys - p->n_inputs; k++)
        if (packs_lanes_differ(g, k))
            g->constants[k] = lanes_of(s, g, k, uniform_scalar);
    for (uint32_t k = 0; k < p->n_members; k++) {
        struct val v = p->keys[k];
        g->widened_from[k] = find_widened(s, p, k);
        if (remembers(s, v)) {
            struct value first = lanes_of(s, g, k, state_scalar);
            new_locals(s, type_of(s, v), g->state[k], &first);
        }
    }
    for (uint32_t k = 0; k < p->n_members; k++) {
        if (g->widened_from[k] == PLAN_NONE)
            continue;
        struct val v = ins_of(s, p->keys[k])->args[0];
        for (uint32_t m = 0; m < p->n_members; m++)
            if (p->keys[m].i == v.i) {
                struct value wide = widen(s, v, one(r(g->state[m][0])));
                new_locals(s, TYPE_F64, g->widened[k], &wide);
            }
    }
    for (int q = 0; q < PACK_SKEW; q++)
        g->queue[q] = site_local(s, s->shape->f32, "made");
}

/* State of every pack into registers, at the beginning of a row. */
struct group *packs_begin(struct site *outer)
{
    struct site s = *outer;
    const struct plan *plan = s.e->plan;
    struct group *all = NULL;
    for (uint32_t i = 0; i < plan->n_packs; i++) {
        const struct pack *p = &plan->packs[i];
        uint32_t most = (uint32_t)s.e->vector.lanes / p->n_stages;
        for (uint32_t c = 0; c < p->n_chains; c += most) {
            struct group *g = ARENA_NEW(s.e->arena, struct group);
            *g = (struct group){.pack = p, .first = c, .next = all};
            g->n = p->n_chains - c < most ? p->n_chains - c : most;
            bool fits = g->n * p->n_stages <= (uint32_t)s.e->half.lanes && (s.e->v4 || p->n_stages > 1);
            g->shape = s.shape = fits ? &s.e->half : &s.e->vector;
            group_begin(&s, g);
            all = g;
        }
    }
    outer->block = s.block;
    return all;
}

/* And back to the state block at its end. */
void packs_end(struct site *outer, struct group *g)
{
    struct site s = *outer, lane = scalar_site(outer);
    struct emitter *e = s.e;
    for (; g; g = g->next)
        for (uint32_t m = 0; m < g->pack->n_members; m++) {
            s.shape = g->shape;
            if (!remembers(&s, g->pack->keys[m]))
                continue;
            enum type t = type_of(&s, g->pack->keys[m]);
            gcc_jit_rvalue *bytes = room(&s, t);
            struct value all = site_canonical_value(&s, t, locals(g->state[m]));
            site_store(&s, t, bytes, 0, machine_long(e, 0), all);
            for (uint32_t c = 0; c < g->n; c++)
                for (uint32_t k = 0; k < g->pack->n_stages; k++)
                    site_store(&lane, t, e->main->state, e->plan->state_at[packs_in_lane(g, c, k, m).i],
                               machine_long(e, 0), site_load(&lane, t, bytes, 0, machine_long(e, lane_of(g, c, k))));
        }
}

/* Every lane one down; the highest holds anything. */
static gcc_jit_rvalue *down(struct site *s, gcc_jit_rvalue *v)
{
    struct emitter *e = s->e;
    if (e->v4)
        return SITE_ASM(s, s->shape->f32, NULL, "valignd $1, %1, %1, %0", {"v", v});
    if (s->shape == &e->half)
        return SITE_ASM(s, s->shape->f32, NULL, "vpermilps $0x39, %1, %0", {"x", v});
    gcc_jit_rvalue *next[LANES_MAX];
    for (int l = 0; l < e->vector.lanes; l++)
        next[l] = machine_int(e, (l + 1) % e->vector.lanes);
    gcc_jit_rvalue *order =
        gcc_jit_context_new_rvalue_from_vector(e->ctxt, NULL, e->vector.i32, (size_t)e->vector.lanes, next);
    return SITE_ASM(s, e->vector.f32, NULL, "vpermps %1, %2, %0", {"x", v}, {"x", order});
}

/* The steps of a cascade's run, by samples of the block, or of the strip when that is all there is. */
struct span {
    gcc_jit_rvalue *from, *to; /* what is taken in */
    gcc_jit_rvalue *count;     /* all there is, before and after this run as well */
    bool whole;                /* from 0 to count */
};

static struct span span_of(struct site *s)
{
    const struct loop *l = s->loop;
    if (!l->room)
        return (struct span){l->lo, l->hi, l->hi, true};
    return (struct span){site_add(s, l->base, l->lo), site_add(s, l->base, l->hi), s->e->main->count, false};
}

/* Where a sample of the span lies in strip buffers. */
static gcc_jit_rvalue *place_of(struct site *s, gcc_jit_rvalue *sample)
{
    return s->loop->room ? site_and(s, sample, machine_long(s->e, s->loop->room - 1)) : sample;
}

/* `sample` of a chain's input into its highest lane. */
static gcc_jit_rvalue *take_in(struct site *s, const struct group *g, uint32_t chain, gcc_jit_rvalue *sample,
                               gcc_jit_rvalue *v)
{
    char text[64];
    struct emitter *e = s->e;
    const struct main_body *m = e->main;
    struct val x = g->pack->feeds[(g->first + chain) * g->pack->n_stages];
    int lane = lane_of(g, chain, 0);
    gcc_jit_rvalue *base, *from;
    if (ins_of(s, x)->op == OP_INPUT) {
        base = r(m->in[ins_of(s, x)->imm.i]);
        sample = s->loop->room ? sample : site_add(s, s->loop->base, sample);
    } else {
        sample = place_of(s, sample);
        gcc_jit_rvalue *at = gcc_jit_lvalue_get_address(
            gcc_jit_context_new_array_access(e->ctxt, NULL, m->scratch, machine_long(e, e->plan->strip_at[x.i])), NULL);
        base = gcc_jit_context_new_cast(e->ctxt, NULL, at, e->t_float_ptr);
    }
    from = r(site_at(s, e->t_float, base, sample));
    if (e->v4) {
        gcc_jit_rvalue *mask =
            site_let(s, e->t_kmask, gcc_jit_context_new_rvalue_from_int(e->ctxt, e->t_kmask, 1 << lane));
        return SITE_ASM(s, s->shape->f32, NULL, "vbroadcastss %2, %0%{%3%}", {"0", v}, {"m", from}, {"Yk", mask});
    }
    gcc_jit_rvalue *all = SITE_ASM(s, s->shape->f32, NULL, "vbroadcastss %1, %0", {"m", from});
    snprintf(text, sizeof text, "vblendps $%d, %%2, %%1, %%0", 1 << lane);
    return SITE_ASM(s, s->shape->f32, NULL, text, {"x", v}, {"x", all});
}

/* One lane as a scalar. */
static gcc_jit_rvalue *lane_value(struct site *s, enum type t, struct value v, int lane)
{
    char text[96];
    struct emitter *e = s->e;
    bool wide = t == TYPE_F64;
    int each = wide ? s->shape->lanes / s->shape->parts : s->shape->lanes;
    int part = lane / each;
    gcc_jit_rvalue *from = v.part[part];
    lane -= part * each;
    if (lane == 0)
        return site_lane0(s, t, one(from));
    gcc_jit_type *type = wide ? e->t_double : e->t_float;
    if (e->v4)
        snprintf(text, sizeof text, "valign%c $%d, %%1, %%1, %%g0", wide ? 'q' : 'd', lane);
    else if (wide)
        snprintf(text, sizeof text, "vpermpd $%d, %%1, %%t0", lane);
    else if (s->shape == &e->half)
        snprintf(text, sizeof text, "vpermilps $%d, %%1, %%0", lane);
    else
        snprintf(text, sizeof text, "vextractf128 $%d, %%1, %%0\n\tvpermilps $%d, %%0, %%0", lane / 4, lane % 4);
    return SITE_ASM(s, type, NULL, text, {e->reg, from});
}

/* The results of one step; those of a chain's first steps come before its first sample, and are not stored. */
static void give_out(struct site *s, const struct group *g, gcc_jit_rvalue *sample, struct value result)
{
    struct site lane = scalar_site(s);
    enum type t = type_of(s, g->pack->keys[g->pack->result]);
    uint32_t last = g->pack->n_stages - 1;
    sample = place_of(s, sample);
    for (uint32_t c = 0; c < g->n; c++) {
        struct val v = packs_in_lane(g, c, last, g->pack->result);
        site_store(&lane, t, s->e->main->scratch, s->e->plan->strip_at[v.i], sample,
                   one(lane_value(s, t, result, lane_of(g, c, last))));
    }
}

/* How a step is written. */
struct step {
    gcc_jit_rvalue *in;     /* the chains' sample to take in */
    gcc_jit_rvalue *out;    /* and the one to give out; NULL: none yet */
    gcc_jit_rvalue *active; /* lanes that have a sample; NULL: all */
    gcc_jit_lvalue *oldest; /* in: what was made PACK_SKEW steps ago; out: what is made now */
};

static struct value copied(struct site *s, enum type t, gcc_jit_lvalue *const l[2])
{
    struct value v = locals(l);
    for (int part = 0; part < 2; part++)
        if (v.part[part])
            v.part[part] = site_let(s, machine_type(s->shape, t), v.part[part]);
    return v;
}

static void keep(struct site *s, enum type t, gcc_jit_lvalue *const to[2], struct value next, gcc_jit_rvalue *active)
{
    if (active)
        next = site_select(s, t, active, next, locals(to));
    for (int part = 0; part < 2 && to[part]; part++)
        site_set(s, to[part], next.part[part]);
}

void packs_compute_members(struct site *s, const struct group *g)
{
    const struct pack *p = g->pack;
    for (uint32_t k = p->n_members; k < p->n_keys; k++)
        if (g->constants[k].part[0])
            site_remember(s, p->keys[k], g->constants[k]);
    for (uint32_t k = 0; k < p->n_members; k++) {
        if (g->state[k][0])
            site_remember(s, p->keys[k], copied(s, type_of(s, p->keys[k]), g->state[k]));
        else if (g->widened[k][0])
            site_remember(s, p->keys[k], copied(s, TYPE_F64, g->widened[k]));
        else
            site_emit(s, p->keys[k]);
    }
}

void packs_remember_states(struct site *s, const struct group *g, gcc_jit_rvalue *active)
{
    const struct pack *p = g->pack;
    struct value *next = ARENA_ARRAY(s->e->arena, p->n_members, struct value);
    for (uint32_t k = 0; k < p->n_members; k++) {
        if (g->state[k][0])
            next[k] = site_get(s, ins_of(s, p->keys[k])->args[0]);
        else if (g->widened[k][0])
            next[k] = site_get(s, p->keys[g->widened_from[k]]);
    }
    for (uint32_t k = 0; k < p->n_members; k++) {
        if (g->state[k][0])
            keep(s, type_of(s, p->keys[k]), g->state[k], next[k], active);
        else if (g->widened[k][0])
            keep(s, TYPE_F64, g->widened[k], next[k], active);
    }
}

static void emit_step(struct site *s, const struct group *g, const struct step *step)
{
    const struct pack *p = g->pack;
    gcc_jit_rvalue *in = down(s, r(step->oldest));
    for (uint32_t c = 0; c < g->n && step->in; c++)
        in = take_in(s, g, c, step->in, in);
    site_remember(s, p->fed, one(in));
    packs_compute_members(s, g);
    struct value result = site_get(s, p->keys[p->result]), made = result;
    if (step->out)
        give_out(s, g, step->out, result);
    packs_remember_states(s, g, step->active);
    if (p->narrows) {
        const struct ins *link = ins_of(s, p->fed);
        site_remember(s, link->args[0], result);
        made = emit_narrow(s, p->fed, link);
    }
    site_set(s, step->oldest, made.part[0]);
    site_forget(s);
}

/* Lanes whose sample in step t is there. */
static gcc_jit_rvalue *active_lanes(struct site *s, const struct group *g, const struct span *span, gcc_jit_rvalue *t)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *delay[LANES_MAX];
    for (int l = 0; l < s->shape->lanes; l++) {
        int stage = (int)g->pack->n_stages - 1 - l % (int)g->pack->n_stages;
        delay[l] = machine_int(e, stage * PACK_SKEW);
    }
    gcc_jit_rvalue *delays =
        gcc_jit_context_new_rvalue_from_vector(e->ctxt, NULL, s->shape->i32, (size_t)s->shape->lanes, delay);
    gcc_jit_rvalue *at = site_sub(s, site_splat(s, TYPE_I32, site_int(s, t)).part[0], delays);
    gcc_jit_rvalue *count = site_splat(s, TYPE_I32, site_int(s, span->count)).part[0];
    if (e->v4)
        return SITE_ASM(s, e->t_kmask, "Yk", "vpcmpud $1, %2, %1, %0", {"v", at}, {"v", count});
    gcc_jit_rvalue *below = SITE_ASM(s, s->shape->i32, NULL, "vpcmpgtd %1, %2, %0", {"x", at}, {"x", count});
    gcc_jit_rvalue *begun =
        SITE_ASM(s, s->shape->i32, NULL, "vpcmpgtd %2, %1, %0", {"x", at}, {"x", site_constant_i32(s->shape, e, -1)});
    return site_and(s, below, begun);
}

static gcc_jit_rvalue *clamped(struct site *s, const struct span *span, gcc_jit_rvalue *t)
{
    return site_smaller(s, t, site_sub(s, span->to, machine_long(s->e, 1)));
}

/* Steps at the ends, one a turn, from t until `end`. */
static void edge_steps(struct site *s, const struct group *g, const struct span *span, gcc_jit_lvalue *t,
                       gcc_jit_rvalue *end, bool begin)
{
    struct emitter *e = s->e;
    long delay = (long)(g->pack->n_stages - 1) * PACK_SKEW;
    gcc_jit_block *head = site_block(s, "edge"), *turn = site_block(s, "turn"), *done = site_block(s, "done");
    site_jump(s, head);
    site_branch(s, site_less(s, r(t), end), turn, done);
    s->block = turn;
    struct step step = {.in = clamped(s, span, r(t)), .active = active_lanes(s, g, span, r(t)), .oldest = g->queue[0]};
    if (!begin)
        step.out = site_sub(s, r(t), machine_long(e, delay));
    emit_step(s, g, &step);
    gcc_jit_rvalue *made = site_let(s, s->shape->f32, r(g->queue[0]));
    for (int q = 0; q + 1 < PACK_SKEW; q++)
        site_set(s, g->queue[q], r(g->queue[q + 1]));
    site_set(s, g->queue[PACK_SKEW - 1], made);
    site_set(s, t, site_add(s, r(t), machine_long(e, 1)));
    site_jump(s, head);
    s->block = done;
}

static void whole_steps(struct site *s, const struct group *g, const struct span *span, gcc_jit_lvalue *t)
{
    struct emitter *e = s->e;
    long delay = (long)(g->pack->n_stages - 1) * PACK_SKEW;
    gcc_jit_block *head = site_block(s, "steps"), *turn = site_block(s, "turn"), *done = site_block(s, "done");
    gcc_jit_rvalue *last = site_sub(s, span->to, machine_long(e, PACK_SKEW - 1));
    site_jump(s, head);
    site_branch(s, site_less(s, r(t), last), turn, done);
    s->block = turn;
    for (int q = 0; q < PACK_SKEW; q++) {
        struct step step = {.in = site_add(s, r(t), machine_long(e, q)), .oldest = g->queue[q]};
        step.out = site_add(s, r(t), machine_long(e, q - delay));
        emit_step(s, g, &step);
    }
    site_set(s, t, site_add(s, r(t), machine_long(e, PACK_SKEW)));
    site_jump(s, head);
    s->block = done;
}

/* Goes on where a equals b, or always; returns the block in which both ways meet. */
static gcc_jit_block *only_where(struct site *s, bool always, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    gcc_jit_block *there = site_block(s, "there"), *joined = site_block(s, "joined");
    if (always)
        site_jump(s, there);
    else
        site_branch(s, gcc_jit_context_new_comparison(s->e->ctxt, NULL, GCC_JIT_COMPARISON_EQ, a, b), there, joined);
    s->block = there;
    return joined;
}

static void cascade_run(struct site *s, const struct group *g)
{
    struct emitter *e = s->e;
    struct span span = span_of(s);
    gcc_jit_lvalue *t = site_local(s, e->t_long, "step");
    gcc_jit_rvalue *filled = machine_long(e, (long)(g->pack->n_stages - 1) * PACK_SKEW);
    gcc_jit_rvalue *nothing =
        gcc_jit_context_new_bitcast(e->ctxt, NULL, site_constant_i32(g->shape, e, 0), g->shape->f32);
    site_set(s, t, span.from);
    gcc_jit_block *begun = only_where(s, span.whole, span.from, machine_long(e, 0));
    for (int q = 0; q < PACK_SKEW; q++)
        site_set(s, g->queue[q], nothing);
    edge_steps(s, g, &span, t, filled, true);
    site_jump(s, begun);
    whole_steps(s, g, &span, t);
    gcc_jit_block *ended = only_where(s, span.whole, span.to, span.count);
    edge_steps(s, g, &span, t, site_add(s, span.count, filled), false);
    site_jump(s, ended);
}

bool packs_take_guest(struct group *groups, const struct region *region, const struct region *left)
{
    for (struct group *g = groups; g; g = g->next)
        if (g->pack->last == region && g->pack->n_stages == 1) {
            g->guest = left;
            return true;
        }
    return false;
}

/* The packs whose results this region would compute, over one strip. */
void packs_run(struct site *outer, struct group *groups, const struct region *region, const struct loop *strip)
{
    for (struct group *g = groups; g; g = g->next) {
        if (g->pack->last != region)
            continue;
        if (g->pack->n_stages == 1) {
            voices_run(outer, g, strip);
            continue;
        }
        struct loop l = *strip;
        struct site s = loop_site(outer, g->shape, &l);
        cascade_run(&s, g);
        outer->block = s.block;
    }
}
