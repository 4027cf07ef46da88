/* The strip loop and its regions: VECTOR in whole vectors over strip buffers, SERIAL a sample at a time, CHUNK a loop
 * of pieces around its sub-regions; loops through lines without recurrences inside, and VECTOR regions beside them, in
 * one loop over vectors, values in registers. See core/plan.h. */
#include <string.h>

#include "core/arena.h"
#include "jit/cc/packs.h"
#include "jit/cc/parts.h"
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
        if (plan->strip_at[v.i] != PLAN_NONE && made.part[0] && !s->e->main->inside[v.i])
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
        struct site s = site_in_loop(outer, &outer->e->scalar, &l);
        struct serial some = {all.parts + i, all.n_parts - i < PARTS_MAX ? all.n_parts - i : PARTS_MAX, all.unroll};
        serial_loops(&s, &some, &l);
        outer->block = s.block;
    }
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

/* The greatest piece in which no tap of n regions reads what the piece itself writes; at least 1. */
static gcc_jit_lvalue *piece_length(struct site *s, const struct region *regions, uint32_t n)
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
            least = smaller(s, least, site_let(s, e->t_long, age));
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
    l.hi = smaller(&t.s, strip->hi, site_add(&t.s, l.lo, length));
    emit_regions(&t.s, region->subs, region->n_subs, &l, false);
    turns_end(&t, l.hi);
    outer->block = t.s.block;
}

static bool is_vector_loop(const struct region *r)
{
    return r->kind == REGION_CHUNK && r->n_subs == 1 && r->subs[0].kind == REGION_VECTOR;
}

/* How many regions from the first on go into one loop over vectors: loops through lines in which nothing else recurs,
 * and the VECTOR regions among and around them, until the loop is so long that gcc takes too much time over it, or one
 * must stay apart. 0: not this one. */
static uint32_t fused_run(const struct emitter *e, const struct region *regions, uint32_t n)
{
    enum { VALUES_MAX = 320 };
    uint32_t run = 0, values = 0;
    bool loops = false;
    while (run < n && (regions[run].kind == REGION_VECTOR || is_vector_loop(&regions[run]))) {
        const struct region *r = &regions[run];
        values += r->kind == REGION_CHUNK ? r->subs->n_vals : r->n_vals;
        if (values > VALUES_MAX || (run && e->main->apart[r - e->plan->regions]))
            break;
        loops |= r->kind == REGION_CHUNK;
        run++;
    }
    return loops ? run : 0;
}

static const struct region *fused_body(const struct region *r)
{
    return r->kind == REGION_CHUNK ? r->subs : r;
}

/* A vector suffices between what is written and what is read, since vectors come one after the other; when a line is
 * shorter than that, all go in pieces of its length. */
static gcc_jit_rvalue *fused_length(struct site *s, const struct region *regions, uint32_t n)
{
    struct emitter *e = s->e;
    gcc_jit_lvalue *piece = piece_length(s, regions, n);
    gcc_jit_block *far = site_block(s, "far"), *known = site_block(s, "known");
    site_branch(s, site_less(s, r(piece), machine_long(e, e->vector.lanes)), known, far);
    s->block = far;
    site_set(s, piece, machine_long(e, KERNEL_STRIP));
    site_jump(s, known);
    return r(piece);
}

static void fused_vectors(struct site *s, const struct region *regions, uint32_t n)
{
    struct emitter *e = s->e;
    struct loop *l = s->loop;
    struct turns t = turns_begin(s, l->lo, l->hi);
    loop_at(&t.s, l, t.index);
    for (uint32_t i = 0; i < n; i++)
        emit_region_body(&t.s, fused_body(&regions[i]));
    for (uint32_t c = 0; c < e->ir->n_outputs; c++)
        for (uint32_t i = 0; i < n; i++)
            if (region_makes(fused_body(&regions[i]), e->ir->outputs[c])) {
                emit_store(&t.s, c);
                e->main->stored[c] = true;
            }
    turns_end(&t, site_add(&t.s, r(t.index), machine_long(e, e->vector.lanes)));
    site_forget(&t.s);
    s->block = t.s.block;
}

static void fused_regions(struct site *outer, const struct region *regions, uint32_t n, const struct loop *strip)
{
    struct loop l = *strip;
    gcc_jit_rvalue *length = fused_length(outer, regions, n);
    struct turns t = turns_begin(outer, strip->lo, strip->hi);
    l.lo = r(t.index);
    l.hi = smaller(&t.s, strip->hi, site_add(&t.s, l.lo, length));
    struct site s = site_in_loop(&t.s, &outer->e->vector, &l);
    for (uint32_t i = 0; i < n; i++)
        state_begin(&s, fused_body(&regions[i]));
    fused_vectors(&s, regions, n);
    for (uint32_t i = 0; i < n; i++)
        state_end(&s, fused_body(&regions[i]), last_lane(&s));
    t.s.block = s.block;
    turns_end(&t, l.hi);
    outer->block = t.s.block;
}

static void mark_run(uint32_t *run_of, const struct region *regions, uint32_t n, uint32_t run)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct region *body = fused_body(&regions[i]);
        for (uint32_t k = 0; k < body->n_vals; k++)
            run_of[body->vals[k].i] = run;
    }
}

/* Values that only their own loop over vectors uses, and outputs stored there: they need no strip buffer. */
static bool *find_inside(const struct emitter *e, uint32_t *run_of)
{
    const struct plan *plan = e->plan;
    const struct code *code = &e->ir->main;
    uint32_t runs = 0;
    bool *inside = ARENA_ARRAY(e->arena, code->n, bool);
    memset(run_of, 0, code->n * sizeof *run_of);
    for (uint32_t i = 0; i < plan->n_regions; i++) {
        uint32_t run = fused_run(e, plan->regions + i, plan->n_regions - i);
        if (run) {
            mark_run(run_of, plan->regions + i, run, ++runs);
            i += run - 1;
        }
    }
    for (uint32_t v = 1; v < code->n; v++)
        inside[v] = run_of[v] != 0;
    for (uint32_t v = 1; v < code->n; v++)
        for (uint32_t k = 0; k < code->ins[v].n_args; k++) {
            uint32_t w = code->ins[v].args[k].i;
            if (run_of[v] != run_of[w] || plan->pack_of[v] != PLAN_NONE)
                inside[w] = false;
        }
    return inside;
}

/* Does a region of a run store into a strip buffer that the run still reads? The plan gives the buffer of what is dead
 * to what comes after it; but a vector of a short piece is stored beyond the piece, over what the next one reads. */
static bool stores_over(const struct emitter *e, const struct region *region, const uint32_t *run_of,
                        const bool *inside)
{
    const uint32_t *at = e->plan->strip_at;
    const struct code *code = &e->ir->main;
    for (uint32_t i = 0; i < region->n_vals; i++) {
        uint32_t b = region->vals[i].i;
        if (at[b] == PLAN_NONE || inside[b])
            continue;
        for (uint32_t v = 1; v < code->n; v++)
            for (uint32_t k = 0; k < code->ins[v].n_args && run_of[v] == run_of[b]; k++) {
                uint32_t w = code->ins[v].args[k].i;
                if (w != b && at[w] == at[b] && run_of[w] != run_of[b])
                    return true;
            }
    }
    return false;
}

/* Sets what stays apart for that, and then `inside`. */
static void choose_runs(struct emitter *e)
{
    const struct plan *plan = e->plan;
    uint32_t *run_of = ARENA_ARRAY(e->arena, e->ir->main.n, uint32_t);
    e->main->apart = ARENA_ARRAY(e->arena, plan->n_regions + 1u, bool);
    e->main->inside = find_inside(e, run_of);
    for (uint32_t i = 0; i < plan->n_regions; i++) {
        uint32_t run = fused_run(e, plan->regions + i, plan->n_regions - i);
        for (uint32_t k = 1; k < run; k++)
            if (stores_over(e, fused_body(&plan->regions[i + k]), run_of, e->main->inside)) {
                e->main->apart[i + k] = true;
                e->main->inside = find_inside(e, run_of);
                run = fused_run(e, plan->regions + i, plan->n_regions - i);
                k = 0;
            }
        i += run ? run - 1 : 0;
    }
}

/* Is all of it packed? */
static bool region_rests(const struct plan *plan, const struct region *region)
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

static void emit_regions(struct site *s, const struct region *regions, uint32_t n, struct loop *strip, bool top)
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
        uint32_t run = top ? fused_run(e, regions + i, n - i) : 0;
        if (run) { /* they have their own way */
            i += run - 1;
            continue;
        }
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

static bool runs_pack(const struct plan *plan, const struct region *region)
{
    for (uint32_t i = 0; i < plan->n_packs; i++)
        if (plan->packs[i].last == region)
            return true;
    return false;
}

/* How many regions from region i on are one stage of the strip loop: those before the one that has work, and it. */
static uint32_t stage_length(const struct emitter *e, uint32_t i)
{
    const struct plan *plan = e->plan;
    const struct region *regions = plan->regions + i;
    uint32_t left = plan->n_regions - i, n = 0;
    while (n < left && !runs_pack(plan, &regions[n]) && region_rests(plan, &regions[n]))
        n++;
    uint32_t run = fused_run(e, regions + n, left - n);
    return n + (run ? run : n < left);
}

/* And the copying of outputs at its end. */
static uint32_t count_stages(const struct emitter *e)
{
    uint32_t n = 1;
    for (uint32_t i = 0; i < e->plan->n_regions; n++)
        i += stage_length(e, i);
    return n;
}

/* Strip T - k of stage k, in turn T. Buffers hold all strips under way, one behind the other. */
static struct loop strip_of_stage(struct site *s, gcc_jit_rvalue *turn, long k, long length, long room)
{
    struct emitter *e = s->e;
    struct loop strip = {.room = room};
    gcc_jit_rvalue *start = site_sub(s, turn, machine_long(e, k * length));
    strip.lo = site_and(s, start, machine_long(e, room - 1));
    strip.base = site_sub(s, start, strip.lo);
    gcc_jit_rvalue *end = smaller(s, site_add(s, start, machine_long(e, length)), e->main->count);
    strip.hi = site_sub(s, end, strip.base);
    return strip;
}

/* 0 <= at < count */
static gcc_jit_rvalue *is_within(struct emitter *e, gcc_jit_rvalue *at, gcc_jit_rvalue *count)
{
    gcc_jit_type *u = gcc_jit_context_get_int_type(e->ctxt, 8, 0);
    return gcc_jit_context_new_comparison(e->ctxt, NULL, GCC_JIT_COMPARISON_LT,
                                          gcc_jit_context_new_cast(e->ctxt, NULL, at, u),
                                          gcc_jit_context_new_cast(e->ctxt, NULL, count, u));
}

/* Each stage is a strip behind the one before it. So a recurrence waits for nothing of its own turn, and what is next
 * to it in the program can be computed while it runs; and no vector is loaded that was stored by pieces just now, for
 * which the processor would wait. */
static void staggered_strips(struct site *outer, long length, long n_stages)
{
    struct emitter *e = outer->e;
    const struct plan *plan = e->plan;
    long room = length;
    while (room < n_stages * length)
        room *= 2;
    gcc_jit_rvalue *end = site_add(outer, e->main->count, machine_long(e, (n_stages - 1) * length));
    struct turns t = turns_begin(outer, machine_long(e, 0), end);
    long k = 0;
    for (uint32_t i = 0; i <= plan->n_regions; k++) {
        gcc_jit_block *begun = site_block(&t.s, "begun"), *next = site_block(&t.s, "next");
        uint32_t n = i < plan->n_regions ? stage_length(e, i) : 1;
        struct loop strip = strip_of_stage(&t.s, r(t.index), k, length, room);
        site_branch(&t.s, is_within(e, site_add(&t.s, strip.base, strip.lo), e->main->count), begun, next);
        t.s.block = begun;
        if (i < plan->n_regions)
            emit_regions(&t.s, plan->regions + i, n, &strip, true);
        else
            emit_remaining_outputs(&t.s, &strip);
        site_jump(&t.s, next);
        i += n;
    }
    turns_end(&t, site_add(&t.s, r(t.index), machine_long(e, length)));
    outer->block = t.s.block;
}

static void plain_strips(struct site *outer, long length)
{
    struct emitter *e = outer->e;
    struct turns t = turns_begin(outer, machine_long(e, 0), e->main->count);
    struct loop strip = {.lo = machine_long(e, 0), .base = r(t.index)};
    gcc_jit_rvalue *left = site_sub(&t.s, e->main->count, strip.base);
    strip.hi = smaller(&t.s, left, machine_long(e, length));
    emit_regions(&t.s, e->plan->regions, e->plan->n_regions, &strip, true);
    emit_remaining_outputs(&t.s, &strip);
    turns_end(&t, site_add(&t.s, strip.base, machine_long(e, length)));
    outer->block = t.s.block;
}

void emit_strips(struct site *outer)
{
    struct emitter *e = outer->e;
    const struct plan *plan = e->plan;
    choose_runs(e);
    long n_stages = count_stages(e), length = width_strip(plan, n_stages);
    move_states(outer, plan->regions, plan->n_regions, true, true);
    e->main->packs = packs_begin(outer);
    if (width_staggered(plan, n_stages))
        staggered_strips(outer, length, n_stages);
    else
        plain_strips(outer, length);
    move_states(outer, plan->regions, plan->n_regions, false, true);
    packs_end(outer, e->main->packs);
}
