/* The strip loop: all regions strip by strip, stage by stage or all at once, states in registers around it. */
#include "core/arena.h"
#include "jit/cc/fused.h"
#include "jit/cc/loops.h"
#include "jit/cc/packs.h"
#include "jit/cc/regions.h"
#include "jit/cc/width.h"

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
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
    struct site s = loop_site(outer, &e->vector, &l);
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
        struct site s = loop_site(outer, vector ? &e->vector : &e->scalar, &all);
        if (r->kind == REGION_CHUNK)
            move_states(&s, r->subs, r->n_subs, begin, false);
        else if (begin && (top || !vector))
            state_begin(&s, r);
        else if (top || !vector)
            state_end(&s, r, vector ? loop_last_lane(&s) : NULL);
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
    gcc_jit_rvalue *end = site_smaller(s, site_add(s, start, machine_long(e, length)), e->main->count);
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
    strip.hi = site_smaller(&t.s, left, machine_long(e, length));
    emit_regions(&t.s, e->plan->regions, e->plan->n_regions, &strip, true);
    emit_remaining_outputs(&t.s, &strip);
    turns_end(&t, site_add(&t.s, strip.base, machine_long(e, length)));
    outer->block = t.s.block;
}

void emit_strips(struct site *outer)
{
    struct emitter *e = outer->e;
    const struct plan *plan = e->plan;
    fused_choose(e);
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
