/* Regions over a strip: VECTOR in whole vectors over strip buffers, SERIAL a sample at a time, CHUNK a loop of pieces
 * around its sub-regions. See core/plan.h. */
#include "jit/cc/regions.h"

#include "core/arena.h"
#include "jit/cc/fused.h"
#include "jit/cc/loops.h"
#include "jit/cc/packs.h"
#include "jit/cc/parts.h"

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
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
        if (plan->strip_at[v.i] != PLAN_NONE && made.part[0] && !s->e->main->inside[v.i])
            site_store(s, op_info(s->code->ins[v.i].op)->result, s->e->main->scratch, plan->strip_at[v.i],
                       s->loop->index, made);
    }
}

bool region_makes(const struct region *region, struct val v)
{
    for (uint32_t i = 0; i < region->n_vals; i++)
        if (region->vals[i].i == v.i)
            return true;
    return false;
}

static void vector_region(struct site *outer, const struct region *region, const struct loop *strip, bool top)
{
    struct emitter *e = outer->e;
    struct loop l = *strip;
    struct site s = loop_site(outer, &e->vector, &l);
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
        state_end(&t.s, region, loop_last_lane(&t.s));
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

/* How a SERIAL region's loop is written: `unroll` samples of each part, one part after the other. */
struct serial {
    const struct region *parts;
    uint32_t n_parts;
    long unroll;
};

/* Copies of a short body: without them the registers that hold state are shuffled every sample, on the recurrence's
 * path. Many short recurrences go several samples each: what a sample of each stores lies in as many lines of the
 * cache, of which the processor writes one a cycle; the recurrences overlap all the same. */
static struct serial serial_plan(const struct emitter *e, const struct region *region)
{
    enum { SAMPLES = 4 };
    uint32_t n_parts, n = region->n_vals;
    const struct region *parts = parts_of(e->ir, region, e->arena, &n_parts);
    if (parts_are_many(parts, n_parts))
        return (struct serial){parts, n_parts, SAMPLES};
    return (struct serial){region, 1, n <= 6 ? 16 : n <= 12 ? 8 : n <= 40 ? 2 : 1};
}

static void serial_loops(struct site *s, const struct serial *how, struct loop *l)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *from = l->lo;
    for (long step = how->unroll; step >= 1; step = step > 1 ? 1 : 0) {
        gcc_jit_rvalue *last = site_sub(s, l->hi, machine_long(e, step - 1));
        struct turns t = turns_begin(s, from, last);
        for (uint32_t i = 0; i < how->n_parts; i++)
            for (long k = 0; k < step; k++)
                serial_sample(&t.s, &how->parts[i], l, t.index, k);
        turns_end(&t, site_add(&t.s, r(t.index), machine_long(e, step)));
        s->block = t.s.block;
        from = r(t.index);
    }
}

/* What no pack computes of a region. */
static struct region unpacked(const struct emitter *e, const struct region *region)
{
    struct region left = {.kind = region->kind, .vals = ARENA_ARRAY(e->arena, region->n_vals, struct val)};
    for (uint32_t i = 0; i < region->n_vals; i++)
        if (e->plan->pack_of[region->vals[i].i] == PLAN_NONE)
            left.vals[left.n_vals++] = region->vals[i];
    return left;
}

/* gcc's time grows faster than a loop's length. */
static void serial_region(struct site *outer, const struct region *region, const struct loop *strip)
{
    enum { PARTS_MAX = 16 };
    struct region left = unpacked(outer->e, region);
    struct serial all = serial_plan(outer->e, &left);
    for (uint32_t i = 0; i < all.n_parts; i += PARTS_MAX) {
        struct loop l = *strip;
        struct site s = loop_site(outer, &outer->e->scalar, &l);
        struct serial some = {all.parts + i, all.n_parts - i < PARTS_MAX ? all.n_parts - i : PARTS_MAX, all.unroll};
        serial_loops(&s, &some, &l);
        outer->block = s.block;
    }
}

gcc_jit_lvalue *piece_length(struct site *s, const struct region *regions, uint32_t n)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *least = machine_long(e, KERNEL_STRIP), *one = machine_long(e, 1);
    gcc_jit_lvalue *piece = site_local(s, e->t_long, "piece");
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < regions[i].n_ages; k++) {
            struct val v = regions[i].ages[k];
            bool sample = e->ir->main.ins[v.i].rate == RATE_SAMPLE;
            gcc_jit_rvalue *age =
                sample ? one : gcc_jit_context_new_cast(e->ctxt, NULL, e->main->uniform[v.i].part[0], e->t_long);
            least = site_smaller(s, least, site_let(s, e->t_long, age));
        }
    gcc_jit_block *low = site_block(s, "low"), *joined = site_block(s, "joined");
    site_set(s, piece, least);
    site_branch(s, site_less(s, least, one), low, joined);
    s->block = low;
    site_set(s, piece, one);
    site_jump(s, joined);
    return piece;
}

static void chunk_region(struct site *outer, const struct region *region, const struct loop *strip)
{
    struct loop l = *strip;
    gcc_jit_rvalue *length = r(piece_length(outer, region, 1));
    struct turns t = turns_begin(outer, strip->lo, strip->hi);
    l.lo = r(t.index);
    l.hi = site_smaller(&t.s, strip->hi, site_add(&t.s, l.lo, length));
    emit_regions(&t.s, region->subs, region->n_subs, &l, false);
    turns_end(&t, l.hi);
    outer->block = t.s.block;
}

bool region_rests(const struct plan *plan, const struct region *region)
{
    for (uint32_t i = 0; i < region->n_vals; i++)
        if (plan->pack_of[region->vals[i].i] == PLAN_NONE)
            return false;
    return region->kind != REGION_CHUNK;
}

/* A few values that no pack computes go along with the region's voices, if there are any. */
static bool take_guest(struct site *s, const struct region *region)
{
    enum { GUEST_MAX = 40 };
    struct region *left = ARENA_NEW(s->e->arena, struct region);
    *left = unpacked(s->e, region);
    return left->n_vals && left->n_vals <= GUEST_MAX && packs_take_guest(s->e->main->packs, region, left);
}

void emit_regions(struct site *s, const struct region *regions, uint32_t n, struct loop *strip, bool top)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t run = top ? fused_run(s->e, regions + i, n - i) : 0;
        if (run) {
            fused_regions(s, regions + i, run, strip);
            i += run - 1;
            continue;
        }
        bool guest = regions[i].kind == REGION_SERIAL && take_guest(s, &regions[i]);
        packs_run(s, s->e->main->packs, &regions[i], strip);
        if (guest || region_rests(s->e->plan, &regions[i]))
            continue;
        if (regions[i].kind == REGION_VECTOR)
            vector_region(s, &regions[i], strip, top);
        else if (regions[i].kind == REGION_SERIAL)
            serial_region(s, &regions[i], strip);
        else
            chunk_region(s, &regions[i], strip);
    }
}
