/* Memory between samples: prev, accum, ring, tap. Around a region's loop their state moves between the state block and
 * registers; a NaN is made canonical on the way out. */
#include "core/arena.h"
#include "jit/cc/emit.h"

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
}

static struct value one(gcc_jit_rvalue *v)
{
    return (struct value){.part = {v, NULL}};
}

static struct site one_lane(const struct site *s)
{
    struct site t = *s;
    t.shape = &s->e->scalar;
    return t;
}

static enum type type_of(const struct site *s, struct val v)
{
    return op_info(s->code->ins[v.i].op)->result;
}

static bool has_slot(const struct site *s, struct val v)
{
    const struct plan *plan = s->e->plan;
    return plan->state_at[v.i] != PLAN_NONE && plan->pack_of[v.i] == PLAN_NONE; /* packs have their own */
}

static bool is_accum(const struct site *s, struct val v)
{
    return s->code->ins[v.i].op == OP_ACCUM;
}

/* The increment of an accum, one lane, when it is the same for all samples; else NULL. */
static gcc_jit_rvalue *uniform_step(const struct site *s, struct val v)
{
    struct val step = s->code->ins[v.i].args[0];
    return s->code->ins[step.i].rate == RATE_SAMPLE ? NULL : s->e->main->uniform[step.i].part[0];
}

static gcc_jit_rvalue *times(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    return site_binary(s, GCC_JIT_BINARY_OP_MULT, gcc_jit_rvalue_get_type(a), a, b);
}

static void begin_one(struct site *s, struct val v)
{
    struct emitter *e = s->e;
    struct main_body *m = e->main;
    enum type t = type_of(s, v);
    struct site lane = one_lane(s);
    gcc_jit_rvalue *first = site_load(&lane, t, m->state, e->plan->state_at[v.i], machine_long(e, 0)).part[0];
    struct value start = s->shape->vector ? site_splat(s, t, first) : one(first);
    m->first[v.i] = first;
    if (s->shape->vector && is_accum(s, v) && uniform_step(s, v)) {
        gcc_jit_rvalue *step = site_get(s, s->code->ins[v.i].args[0]).part[0];
        start.part[0] = site_add(s, start.part[0], times(s, step, site_lane_numbers(e)));
    }
    for (int part = 0; part < 2 && start.part[part]; part++) {
        m->carry[v.i][part] = site_local(s, machine_type(s->shape, t), "carry");
        site_set(s, m->carry[v.i][part], start.part[part]);
    }
}

void state_begin(struct site *s, const struct region *region)
{
    for (uint32_t i = 0; i < region->n_vals; i++)
        if (has_slot(s, region->vals[i]))
            begin_one(s, region->vals[i]);
}

/* One sample on: all new values first, since one prev may be another's operand. */
void state_turn(struct site *s, const struct region *region)
{
    struct main_body *m = s->e->main;
    gcc_jit_rvalue **next = ARENA_ARRAY(s->e->arena, region->n_vals, gcc_jit_rvalue *);
    for (uint32_t i = 0; i < region->n_vals; i++) {
        struct val v = region->vals[i];
        if (!has_slot(s, v))
            continue;
        next[i] = site_get(s, s->code->ins[v.i].args[0]).part[0];
        if (is_accum(s, v))
            next[i] = site_add(s, r(m->carry[v.i][0]), next[i]);
        else
            next[i] = site_let(s, machine_type(s->shape, type_of(s, v)), next[i]);
    }
    for (uint32_t i = 0; i < region->n_vals; i++)
        if (next[i])
            site_set(s, m->carry[region->vals[i].i][0], next[i]);
}

/* Element `lane` of a vector, by way of memory: once a region. */
static gcc_jit_rvalue *lane_of(struct site *s, enum type t, gcc_jit_lvalue *const *vector, gcc_jit_rvalue *lane)
{
    struct emitter *e = s->e;
    gcc_jit_type *element = machine_type(&e->scalar, t);
    gcc_jit_lvalue *all =
        site_local(s, gcc_jit_context_new_array_type(e->ctxt, NULL, element, e->vector.lanes), "lanes");
    gcc_jit_rvalue *bytes =
        gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(all, NULL), e->t_byte_ptr);
    struct value v = one(r(vector[0]));
    if (t == TYPE_F64)
        v.part[1] = r(vector[1]);
    site_store(s, t, bytes, 0, machine_long(e, 0), v);
    struct site scalar = one_lane(s);
    return site_load(&scalar, t, bytes, 0, lane).part[0];
}

static gcc_jit_rvalue *final_of(struct site *s, struct val v, gcc_jit_rvalue *last_lane)
{
    struct main_body *m = s->e->main;
    if (!s->shape->vector)
        return r(m->carry[v.i][0]);
    gcc_jit_rvalue *step = is_accum(s, v) ? uniform_step(s, v) : NULL;
    if (!step)
        return lane_of(s, type_of(s, v), m->carry[v.i], last_lane);
    gcc_jit_rvalue *length = site_int(s, site_sub(s, s->loop->hi, s->loop->lo));
    return site_add(s, m->first[v.i], times(s, step, length));
}

void state_end(struct site *s, const struct region *region, gcc_jit_rvalue *last_lane)
{
    struct emitter *e = s->e;
    for (uint32_t i = 0; i < region->n_vals; i++) {
        struct val v = region->vals[i];
        if (!has_slot(s, v))
            continue;
        struct site lane = one_lane(s);
        struct value last = site_canonical_value(&lane, type_of(s, v), one(final_of(s, v, last_lane)));
        site_store(&lane, type_of(s, v), e->main->state, e->plan->state_at[v.i], machine_long(e, 0), last);
    }
}

/* The vector one sample earlier: before's last lane, then all but the last of x. Elements of 4 bytes, or 8 (`wide`). */
static gcc_jit_rvalue *shift_in(struct site *s, gcc_jit_type *type, gcc_jit_rvalue *before, gcc_jit_rvalue *x,
                                bool wide)
{
    if (s->e->v4)
        return SITE_ASM(s, type, NULL, wide ? "valignq $7, %1, %2, %0" : "valignd $15, %1, %2, %0", {"v", before},
                        {"v", x});
    gcc_jit_rvalue *middle = SITE_ASM(s, type, NULL, "vperm2f128 $0x21, %2, %1, %0", {"x", before}, {"x", x});
    return SITE_ASM(s, type, NULL, wide ? "vpalignr $8, %1, %2, %0" : "vpalignr $12, %1, %2, %0", {"x", middle},
                    {"x", x});
}

struct value emit_prev(struct site *s, struct val v, const struct ins *ins)
{
    gcc_jit_lvalue *const *carry = s->e->main->carry[v.i];
    enum type t = type_of(s, v);
    gcc_jit_type *type = machine_type(s->shape, t);
    if (!s->shape->vector)
        return one(site_let(s, type, r(carry[0])));
    struct value x = site_get(s, ins->args[0]), made = {0};
    bool wide = t == TYPE_F64;
    made.part[0] = shift_in(s, type, r(carry[wide]), x.part[0], wide);
    if (wide)
        made.part[1] = shift_in(s, type, x.part[0], x.part[1], true);
    for (int part = 0; part < (wide ? 2 : 1); part++)
        site_set(s, carry[part], x.part[part]);
    return made;
}

/* Sums of the lanes up to and including each: log steps of shifted adds. */
static gcc_jit_rvalue *prefix_sum(struct site *s, gcc_jit_rvalue *x)
{
    struct emitter *e = s->e;
    gcc_jit_type *type = e->vector.i32;
    if (e->v4) {
        gcc_jit_rvalue *zero = site_constant_i32(&e->vector, e, 0);
        static const char *const shifts[4] = {"valignd $15, %1, %2, %0", "valignd $14, %1, %2, %0",
                                              "valignd $12, %1, %2, %0", "valignd $8, %1, %2, %0"};
        for (int k = 0; k < 4; k++)
            x = site_add(s, x, SITE_ASM(s, type, NULL, shifts[k], {"v", zero}, {"v", x}));
        return x;
    }
    x = site_add(s, x, SITE_ASM(s, type, NULL, "vpslldq $4, %1, %0", {"x", x}));
    x = site_add(s, x, SITE_ASM(s, type, NULL, "vpslldq $8, %1, %0", {"x", x}));
    return site_add(s, x, SITE_ASM(s, type, NULL, "vperm2i128 $0x08, %1, %1, %0\n\tvpshufd $0xff, %0, %0", {"x", x}));
}

struct value emit_accum(struct site *s, struct val v, const struct ins *ins)
{
    struct emitter *e = s->e;
    gcc_jit_lvalue *carry = e->main->carry[v.i][0];
    if (!s->shape->vector)
        return one(site_let(s, e->t_int, r(carry)));
    gcc_jit_rvalue *step = site_get(s, ins->args[0]).part[0];
    int lanes = e->vector.lanes;
    if (uniform_step(s, v)) {
        gcc_jit_rvalue *sum = site_let(s, s->shape->i32, r(carry));
        site_set(s, carry, site_add(s, sum, times(s, step, site_constant_i32(s->shape, e, lanes))));
        return one(sum);
    }
    gcc_jit_rvalue *last = site_constant_i32(s->shape, e, lanes - 1);
    gcc_jit_rvalue *before = SITE_ASM(s, s->shape->i32, NULL, "vpermd %1, %2, %0", {e->reg, r(carry)}, {e->reg, last});
    gcc_jit_rvalue *sum = site_add(s, before, prefix_sum(s, step));
    site_set(s, carry, sum);
    return one(site_sub(s, sum, step));
}

/* Lower 32 bits of the stream's index of this turn's first sample. */
static gcc_jit_rvalue *stream_index(struct site *s)
{
    return site_add(s, s->e->main->n0, site_int(s, s->loop->at));
}

static gcc_jit_rvalue *is_above(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    gcc_jit_context *c = s->e->ctxt;
    gcc_jit_type *u = gcc_jit_context_get_int_type(c, 4, 0);
    return gcc_jit_context_new_comparison(c, NULL, GCC_JIT_COMPARISON_GT, gcc_jit_context_new_cast(c, NULL, a, u),
                                          gcc_jit_context_new_cast(c, NULL, b, u));
}

/* What follows a line's end is its front once more, so that vectors may be loaded from anywhere: the lanes of x that
 * ran over the end go to the front, and what was stored at the front goes behind the end. */
static void mirror_line(struct site *s, gcc_jit_rvalue *data, gcc_jit_rvalue *mask, gcc_jit_rvalue *at,
                        gcc_jit_rvalue *x)
{
    struct emitter *e = s->e;
    gcc_jit_block *near = site_block(s, "near_end"), *joined = site_block(s, "joined");
    gcc_jit_rvalue *lanes = machine_int(e, e->vector.lanes), *size = site_add(s, mask, machine_int(e, 1));
    gcc_jit_rvalue *most = site_sub(s, size, machine_int(e, 2 * e->vector.lanes)); /* lines have 512 samples or more */
    site_branch(s, is_above(s, site_sub(s, at, lanes), most), near, joined);
    s->block = near;
    gcc_jit_rvalue *left = s->loop->valid ? s->loop->valid : site_int(s, site_sub(s, s->loop->hi, s->loop->index));
    gcc_jit_rvalue *over = site_sub(s, site_add(s, at, left), size);
    gcc_jit_rvalue *tail = site_let(s, e->vector.f32, r(site_at(s, e->vector.f32_at, data, size)));
    site_store_masked(s, data, machine_int(e, 0), site_first_lanes(s, over), tail);
    gcc_jit_rvalue *room = site_first_lanes(s, site_sub(s, lanes, at));
    gcc_jit_rvalue *both = e->v4
                               ? SITE_ASM(s, e->t_kmask, "Yk", "kandw %2, %1, %0", {"Yk", room}, {"Yk", s->loop->mask})
                               : site_and(s, room, s->loop->mask);
    site_store_masked(s, data, site_add(s, at, size), both, x);
    site_jump(s, joined);
}

static void find_mirrored(const struct region *regions, uint32_t n, const struct plan *plan, bool *mirrored)
{
    for (uint32_t i = 0; i < n; i++) {
        find_mirrored(regions[i].subs, regions[i].n_subs, plan, mirrored);
        for (uint32_t k = 0; k < regions[i].n_vals; k++)
            if (regions[i].kind == REGION_VECTOR && plan->ring_at[regions[i].vals[k].i] != PLAN_NONE)
                mirrored[plan->ring_at[regions[i].vals[k].i]] = true;
    }
}

/* Whoever wrote the line before knew of no mirror. */
void state_begin_lines(struct site *s)
{
    struct main_body *m = s->e->main;
    const struct plan *plan = s->e->plan;
    struct site v = *s;
    v.shape = &s->e->vector;
    m->mirrored = ARENA_ARRAY(s->e->arena, plan->n_rings, bool);
    find_mirrored(plan->regions, plan->n_regions, plan, m->mirrored);
    for (uint32_t i = 0; i < plan->n_rings; i++) {
        if (!m->mirrored[i])
            continue;
        gcc_jit_rvalue *front =
            site_let(&v, v.shape->f32, r(site_at(&v, v.shape->f32_at, m->ring_data[i], machine_int(v.e, 0))));
        gcc_jit_rvalue *size = site_add(&v, m->ring_mask[i], machine_int(v.e, 1));
        site_set(&v, site_at(&v, v.shape->f32_at, m->ring_data[i], size), front);
    }
}

struct value emit_ring(struct site *s, struct val v, const struct ins *ins)
{
    struct emitter *e = s->e;
    uint32_t ring = e->plan->ring_at[v.i];
    gcc_jit_rvalue *data = e->main->ring_data[ring], *mask = e->main->ring_mask[ring];
    gcc_jit_rvalue *x = site_canonical(s, TYPE_F32, site_get(s, ins->args[0]).part[0]);
    gcc_jit_rvalue *at = site_and(s, stream_index(s), mask);
    if (s->shape->vector) {
        site_store_masked(s, data, site_index(s, at), s->loop->mask, x);
        mirror_line(s, data, mask, at, x);
    } else {
        site_set(s, site_at(s, e->t_float, data, at), x);
    }
    return (struct value){0};
}

static gcc_jit_rvalue *gather_line(struct site *s, gcc_jit_rvalue *data, gcc_jit_rvalue *mask, gcc_jit_rvalue *n,
                                   gcc_jit_rvalue *age)
{
    gcc_jit_rvalue *all = site_add(s, site_splat(s, TYPE_I32, n).part[0], site_lane_numbers(s->e));
    gcc_jit_rvalue *index = site_and(s, site_sub(s, all, age), site_splat(s, TYPE_I32, mask).part[0]);
    return site_gather(s, s->e->vector.f32, data, index, true);
}

/* All lanes have one age: they lie side by side, but in a line without a mirror for those beyond its end. */
static gcc_jit_rvalue *load_line(struct site *s, uint32_t ring, gcc_jit_rvalue *n, struct val age)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *data = e->main->ring_data[ring], *mask = e->main->ring_mask[ring];
    gcc_jit_rvalue *at = site_and(s, site_sub(s, n, e->main->uniform[age.i].part[0]), mask);
    if (e->main->mirrored[ring])
        return site_let(s, e->vector.f32, r(site_at(s, e->vector.f32_at, data, site_index(s, at))));
    gcc_jit_rvalue *ages = site_get(s, age).part[0];
    gcc_jit_lvalue *got = site_local(s, e->vector.f32, "tap");
    gcc_jit_block *split = site_block(s, "split"), *whole = site_block(s, "whole"), *joined = site_block(s, "joined");
    site_branch(s, site_less(s, mask, site_add(s, at, machine_int(e, e->vector.lanes - 1))), split, whole);
    s->block = whole;
    site_set(s, got, r(site_at(s, e->vector.f32_at, data, at)));
    gcc_jit_block_end_with_jump(s->block, NULL, joined);
    s->block = split;
    site_set(s, got, gather_line(s, data, mask, n, ages));
    site_jump(s, joined);
    return r(got);
}

struct value emit_tap(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct emitter *e = s->e;
    uint32_t ring = e->plan->ring_at[ins->args[0].i];
    gcc_jit_rvalue *data = e->main->ring_data[ring], *mask = e->main->ring_mask[ring], *n = stream_index(s);
    struct val age = ins->args[1];
    if (!s->shape->vector) {
        gcc_jit_rvalue *at = site_and(s, site_sub(s, n, site_get(s, age).part[0]), mask);
        return one(site_let(s, e->t_float, r(site_at(s, e->t_float, data, at))));
    }
    if (e->ir->main.ins[age.i].rate != RATE_SAMPLE)
        return one(load_line(s, ring, n, age));
    return one(gather_line(s, data, mask, n, site_get(s, age).part[0]));
}
