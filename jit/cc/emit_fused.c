/* See fused.h. */
#include "jit/cc/fused.h"

#include <string.h>

#include "core/arena.h"
#include "jit/cc/loops.h"
#include "jit/cc/regions.h"

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
}

static bool is_vector_loop(const struct region *r)
{
    return r->kind == REGION_CHUNK && r->n_subs == 1 && r->subs[0].kind == REGION_VECTOR;
}

uint32_t fused_run(const struct emitter *e, const struct region *regions, uint32_t n)
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

void fused_regions(struct site *outer, const struct region *regions, uint32_t n, const struct loop *strip)
{
    struct loop l = *strip;
    gcc_jit_rvalue *length = fused_length(outer, regions, n);
    struct turns t = turns_begin(outer, strip->lo, strip->hi);
    l.lo = r(t.index);
    l.hi = site_smaller(&t.s, strip->hi, site_add(&t.s, l.lo, length));
    struct site s = loop_site(&t.s, &outer->e->vector, &l);
    for (uint32_t i = 0; i < n; i++)
        state_begin(&s, fused_body(&regions[i]));
    fused_vectors(&s, regions, n);
    for (uint32_t i = 0; i < n; i++)
        state_end(&s, fused_body(&regions[i]), loop_last_lane(&s));
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

void fused_choose(struct emitter *e)
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
