/* The strip loop and its regions: VECTOR in whole vectors over strip buffers, SERIAL a sample at a time, CHUNK a loop
 * of pieces around its sub-regions. See core/plan.h. */
#include "core/arena.h"
#include "jit/cc/emit.h"
#include "jit/cc/width.h"

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
}

struct site site_in_loop(const struct site *outer, const struct shape *shape, struct loop *loop)
{
    struct site s = *outer;
    s.shape = shape;
    s.loop = loop;
    return s;
}

struct value emit_iota(struct site *s, struct val v, const struct ins *ins)
{
    (void)v, (void)ins;
    struct loop *l = s->loop;
    gcc_jit_rvalue *first = site_int(s, l->at);
    if (!s->shape->vector)
        return (struct value){.part = {first, NULL}};
    gcc_jit_rvalue *all = site_splat(s, TYPE_I32, first).part[0];
    return (struct value){.part = {site_add(s, all, site_lane_numbers(s->e)), NULL}};
}

struct value emit_input(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct loop *l = s->loop;
    gcc_jit_rvalue *base = r(s->e->main->in[ins->imm.i]);
    if (s->shape->vector && !l->direct)
        return (struct value){.part = {site_load_masked(s, base, l->at, l->mask), NULL}};
    return (struct value){.part = {site_let(s, s->shape->f32, r(site_at(s, s->shape->f32_at, base, l->at))), NULL}};
}

void emit_store(struct site *s, uint32_t output)
{
    struct loop *l = s->loop;
    gcc_jit_rvalue *base = r(s->e->main->out[output]);
    gcc_jit_rvalue *v = site_canonical(s, TYPE_F32, site_get(s, s->e->ir->outputs[output]).part[0]);
    if (l->direct)
        site_set(s, site_at(s, s->shape->f32_at, base, l->at), v);
    else
        site_store_masked(s, base, l->at, l->mask, v);
}

/* Computes the region's values for this turn and keeps those that other regions read. */
void emit_region_body(struct site *s, const struct region *region)
{
    const struct plan *plan = s->e->plan;
    for (uint32_t i = 0; i < region->n_vals; i++) {
        struct val v = region->vals[i];
        if (plan->pack_of[v.i] != PLAN_NONE)
            continue;
        struct value made = site_emit(s, v);
        if (plan->strip_at[v.i] != PLAN_NONE && made.part[0])
            site_store(s, op_info(s->code->ins[v.i].op)->result, s->e->main->scratch, plan->strip_at[v.i],
                       s->loop->index, made);
    }
}

/* A loop of `step` samples over lo..hi; `body` writes one turn. */
struct turns {
    struct site s;
    gcc_jit_lvalue *index;
    gcc_jit_block *head, *done;
};

static struct turns turns_begin(struct site *s, gcc_jit_rvalue *lo, gcc_jit_rvalue *hi)
{
    struct turns t = {.s = *s};
    gcc_jit_block *turn = site_block(s, "turn");
    t.index = site_local(s, s->e->t_long, "i");
    t.head = site_block(s, "head");
    t.done = site_block(s, "done");
    site_set(&t.s, t.index, lo);
    site_jump(&t.s, t.head);
    site_branch(&t.s, site_less(&t.s, r(t.index), hi), turn, t.done);
    t.s.block = turn;
    return t;
}

static void turns_end(struct turns *t, gcc_jit_rvalue *next)
{
    site_set(&t->s, t->index, next);
    site_jump(&t->s, t->head);
    t->s.block = t->done;
}

static void loop_at(struct site *s, struct loop *l, gcc_jit_lvalue *index)
{
    l->index = r(index);
    l->at = site_add(s, l->base, l->index);
    if (s->shape->vector)
        l->mask = site_first_lanes(s, site_int(s, site_sub(s, l->hi, l->index)));
}

static bool region_makes(const struct region *region, struct val v)
{
    for (uint32_t i = 0; i < region->n_vals; i++)
        if (region->vals[i].i == v.i)
            return true;
    return false;
}

/* Of the last vector of the loop s is in. */
static gcc_jit_rvalue *last_lane(struct site *s)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *length = site_sub(s, s->loop->hi, s->loop->lo);
    return site_and(s, site_sub(s, length, machine_long(e, 1)), machine_long(e, e->vector.lanes - 1));
}

static void vector_region(struct site *outer, const struct region *region, const struct loop *strip, bool top)
{
    struct emitter *e = outer->e;
    struct loop l = *strip;
    struct site s = site_in_loop(outer, &e->vector, &l);
    if (!top)
        state_begin(&s, region);
    struct turns t = turns_begin(&s, l.lo, l.hi);
    loop_at(&t.s, &l, t.index);
    emit_region_body(&t.s, region);
    for (uint32_t c = 0; top && c < e->ir->n_outputs; c++)
        if (region_makes(region, e->ir->outputs[c])) {
            emit_store(&t.s, c);
            e->main->stored[c] = true;
        }
    turns_end(&t, site_add(&t.s, r(t.index), machine_long(e, e->vector.lanes)));
    site_forget(&t.s);
    if (!top)
        state_end(&t.s, region, last_lane(&t.s));
    outer->block = t.s.block;
}

/* One sample of a recurrence, `offset` after the loop's index. */
static void serial_sample(struct site *s, const struct region *region, struct loop *l, gcc_jit_lvalue *index,
                          long offset)
{
    l->index = site_add(s, r(index), machine_long(s->e, offset));
    l->at = site_add(s, l->base, l->index);
    emit_region_body(s, region);
    state_turn(s, region);
    site_forget(s);
}

/* Copies of a short body: without them the registers that hold state are shuffled every sample, on the recurrence's
 * path. */
static long serial_unroll(const struct region *region)
{
    return region->n_vals <= 12 ? 4 : region->n_vals <= 40 ? 2 : 1;
}

static void serial_region(struct site *outer, const struct region *region, const struct loop *strip)
{
    struct emitter *e = outer->e;
    struct loop l = *strip;
    struct site s = site_in_loop(outer, &e->scalar, &l);
    long unroll = serial_unroll(region);
    gcc_jit_rvalue *from = l.lo;
    for (long step = unroll; step >= 1; step = step > 1 ? 1 : 0) {
        gcc_jit_rvalue *last = site_sub(&s, l.hi, machine_long(e, step - 1));
        struct turns t = turns_begin(&s, from, last);
        for (long k = 0; k < step; k++)
            serial_sample(&t.s, region, &l, t.index, k);
        turns_end(&t, site_add(&t.s, r(t.index), machine_long(e, step)));
        s.block = t.s.block;
        from = r(t.index);
    }
    outer->block = s.block;
}

static gcc_jit_rvalue *smaller(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    gcc_jit_lvalue *m = site_local(s, s->e->t_long, "least");
    gcc_jit_block *other = site_block(s, "other"), *joined = site_block(s, "joined");
    site_set(s, m, a);
    site_branch(s, site_less(s, b, a), other, joined);
    s->block = other;
    site_set(s, m, b);
    site_jump(s, joined);
    return r(m);
}

static void emit_regions(struct site *s, const struct region *regions, uint32_t n, struct loop *strip, bool top);

/* The greatest piece in which no tap reads what the piece itself writes. */
static gcc_jit_rvalue *piece_length(struct site *s, const struct region *region)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *least = machine_long(e, KERNEL_STRIP);
    struct main_body *m = e->main;
    for (uint32_t i = 0; i < region->n_ages; i++)
        if (e->ir->main.ins[region->ages[i].i].rate == RATE_SAMPLE)
            return machine_long(e, 1);
    for (uint32_t i = 0; i < region->n_ages; i++) {
        gcc_jit_rvalue *age = gcc_jit_context_new_cast(e->ctxt, NULL, m->uniform[region->ages[i].i].part[0], e->t_long);
        least = smaller(s, least, site_let(s, e->t_long, age));
    }
    gcc_jit_rvalue *one = machine_long(e, 1);
    gcc_jit_lvalue *piece = site_local(s, e->t_long, "piece");
    gcc_jit_block *low = site_block(s, "low"), *joined = site_block(s, "joined");
    site_set(s, piece, least);
    site_branch(s, site_less(s, least, one), low, joined);
    s->block = low;
    site_set(s, piece, one);
    site_jump(s, joined);
    return r(piece);
}

static void chunk_region(struct site *outer, const struct region *region, const struct loop *strip)
{
    struct loop l = *strip;
    gcc_jit_rvalue *length = piece_length(outer, region);
    struct turns t = turns_begin(outer, strip->lo, strip->hi);
    l.lo = r(t.index);
    l.hi = smaller(&t.s, strip->hi, site_add(&t.s, l.lo, length));
    emit_regions(&t.s, region->subs, region->n_subs, &l, false);
    turns_end(&t, l.hi);
    outer->block = t.s.block;
}

/* Is all of it packed? */
static bool region_rests(const struct plan *plan, const struct region *region)
{
    for (uint32_t i = 0; i < region->n_vals; i++)
        if (plan->pack_of[region->vals[i].i] == PLAN_NONE)
            return false;
    return region->kind != REGION_CHUNK;
}

static void emit_regions(struct site *s, const struct region *regions, uint32_t n, struct loop *strip, bool top)
{
    for (uint32_t i = 0; i < n; i++) {
        packs_run(s, s->e->main->packs, &regions[i], strip);
        if (region_rests(s->e->plan, &regions[i]))
            continue;
        if (regions[i].kind == REGION_VECTOR)
            vector_region(s, &regions[i], strip, top);
        else if (regions[i].kind == REGION_SERIAL)
            serial_region(s, &regions[i], strip);
        else
            chunk_region(s, &regions[i], strip);
    }
}

/* Outputs that no VECTOR region wrote: from strip buffers, and uniform ones. */
static void emit_remaining_outputs(struct site *outer, const struct loop *strip)
{
    struct emitter *e = outer->e;
    struct loop l = *strip;
    bool any = false;
    for (uint32_t c = 0; c < e->ir->n_outputs; c++)
        any = any || !e->main->stored[c];
    if (!any)
        return;
    struct site s = site_in_loop(outer, &e->vector, &l);
    struct turns t = turns_begin(&s, l.lo, l.hi);
    loop_at(&t.s, &l, t.index);
    for (uint32_t c = 0; c < e->ir->n_outputs; c++)
        if (!e->main->stored[c])
            emit_store(&t.s, c);
    turns_end(&t, site_add(&t.s, r(t.index), machine_long(e, e->vector.lanes)));
    site_forget(&t.s);
    outer->block = t.s.block;
}

/* State in registers for the whole block, but for VECTOR regions of a CHUNK, whose pieces are no whole vectors.
 * `begin`: from the state block; else back to it. */
static void move_states(struct site *outer, const struct region *regions, uint32_t n, bool begin, bool top)
{
    struct emitter *e = outer->e;
    for (uint32_t i = 0; i < n; i++) {
        const struct region *r = &regions[i];
        bool vector = r->kind == REGION_VECTOR;
        struct loop all = {.lo = machine_long(e, 0), .hi = e->main->count};
        struct site s = site_in_loop(outer, vector ? &e->vector : &e->scalar, &all);
        if (r->kind == REGION_CHUNK)
            move_states(&s, r->subs, r->n_subs, begin, false);
        else if (begin && (top || !vector))
            state_begin(&s, r);
        else if (top || !vector)
            state_end(&s, r, vector ? last_lane(&s) : NULL);
        site_forget(&s);
        outer->block = s.block;
    }
}

void emit_strips(struct site *outer)
{
    struct emitter *e = outer->e;
    const struct plan *plan = e->plan;
    gcc_jit_rvalue *length = machine_long(e, width_strip(plan));
    move_states(outer, plan->regions, plan->n_regions, true, true);
    e->main->packs = packs_begin(outer);
    struct turns t = turns_begin(outer, machine_long(e, 0), e->main->count);
    struct loop strip = {.lo = machine_long(e, 0), .base = r(t.index)};
    gcc_jit_rvalue *left = site_sub(&t.s, e->main->count, strip.base);
    strip.hi = smaller(&t.s, left, length);
    emit_regions(&t.s, plan->regions, plan->n_regions, &strip, true);
    emit_remaining_outputs(&t.s, &strip);
    turns_end(&t, site_add(&t.s, strip.base, length));
    outer->block = t.s.block;
    move_states(outer, plan->regions, plan->n_regions, false, true);
    packs_end(outer, e->main->packs);
}
