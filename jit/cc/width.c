/* See width.h. Guesses by instruction counts; any answer gives the same samples. */
#include "jit/cc/width.h"

#include "core/arena.h"
#include "core/plan_packs.h"
#include "jit/cc/parts.h"

/* An instruction of a recurrence takes about as long as this many in vectors of 16 lanes, and a sixth of it is at
 * stake. */
enum { SERIAL_WEIGHT = 6, SHORT_STRIP = 32, STAGGERED_STRIP = 16, CASCADE_STRIP = 64 };

static bool is_call(const struct ins *ins)
{
    return op_info(ins->op)->arity < 0;
}

/* By function: instructions a call runs. ir_verify() bounds the sums. */
static uint64_t *fn_works(const struct ir *ir)
{
    uint64_t *work = ARENA_ARRAY(ir->arena, ir->n_fns, uint64_t);
    for (uint32_t f = 0; f < ir->n_fns; f++) {
        const struct code *code = &ir->fns[f].code;
        work[f] = code->n;
        for (uint32_t i = 1; i < code->n; i++)
            if (is_call(&code->ins[i]))
                work[f] += work[code->ins[i].imm.i];
    }
    return work;
}

/* Instructions a sample. */
struct work {
    uint64_t vector, serial;
    uint64_t many; /* those of `serial` in regions of many short recurrences */
};

static void count(const struct plan *plan, const struct region *r, const uint64_t *works, struct work *w)
{
    uint32_t n_parts = 0;
    bool serial = r->kind == REGION_SERIAL;
    const struct region *parts = serial ? parts_of(plan->ir, r, plan->ir->arena, &n_parts) : NULL;
    bool many = parts_are_many(parts, n_parts);
    for (uint32_t i = 0; i < r->n_subs; i++)
        count(plan, &r->subs[i], works, w);
    for (uint32_t i = 0; i < r->n_vals; i++) {
        const struct ins *ins = &plan->ir->main.ins[r->vals[i].i];
        uint64_t work = is_call(ins) ? works[ins->imm.i] : 1;
        bool packed = plan->pack_of[r->vals[i].i] != PLAN_NONE;
        *(serial && !packed ? &w->serial : &w->vector) += work;
        w->many += many && !packed ? work : 0;
    }
}

static struct work work_of(const struct plan *plan)
{
    struct work w = {0};
    uint64_t *works = fn_works(plan->ir);
    for (uint32_t i = 0; i < plan->n_regions; i++)
        count(plan, &plan->regions[i], works, &w);
    return w;
}

static bool is_serial(uint64_t serial, uint64_t vector)
{
    return serial * SERIAL_WEIGHT > vector;
}

/* Scalar code runs a sixth slower and more while 512-bit instructions are about: 1.99 against 1.68 ns for a
 * multiply-add and a store, 4.56 against 3.10 ns for a filter of two chained ones (Sapphire Rapids, whether the vectors
 * are many or few). So recurrences get eight lanes beside them, but not those that are many: they do not wait. */
enum target width_choose(const struct plan *plan, enum target target)
{
    struct work w = work_of(plan);
    return target == TARGET_V4 && is_serial(w.serial - w.many, w.vector + w.many) ? TARGET_V3 : target;
}

static bool has_cascades(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->n_packs; i++)
        if (plan->packs[i].n_stages > 1)
            return true;
    return false;
}

static bool recurs_in_loops(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->n_regions; i++) {
        const struct region *r = &plan->regions[i];
        if (r->kind == REGION_CHUNK && (r->n_subs > 1 || r->subs[0].kind != REGION_VECTOR))
            return true;
    }
    return false;
}

bool width_spends_registers(const struct plan *plan)
{
    return !plan->n_packs && !recurs_in_loops(plan);
}

/* Recurrences on the top level, and none in loops through lines, which fill more strip buffers than the processor has
 * near. Voices have their own way. */
static bool may_stagger(const struct plan *plan)
{
    bool serial = false;
    for (uint32_t i = 0; i < plan->n_regions; i++)
        serial |= plan->regions[i].kind == REGION_SERIAL;
    for (uint32_t i = 0; i < plan->n_packs; i++)
        if (plan->packs[i].n_stages == 1)
            return false;
    return serial && !recurs_in_loops(plan);
}

/* A cascade's results must be there a strip later. */
static long staggered_strip(const struct plan *plan)
{
    return has_cascades(plan) ? CASCADE_STRIP : STAGGERED_STRIP;
}

bool width_staggered(const struct plan *plan, long n_stages)
{
    return may_stagger(plan) && staggered_strip(plan) * n_stages <= KERNEL_STRIP;
}

/* The processor overlaps a recurrence with the vector code of the next strip if that is near enough. A cascade loses
 * time at a strip's ends when strips are taken one at a time. */
long width_strip(const struct plan *plan, long n_stages)
{
    struct work w = work_of(plan);
    if (width_staggered(plan, n_stages))
        return staggered_strip(plan);
    return !has_cascades(plan) && is_serial(w.serial, w.vector) ? SHORT_STRIP : KERNEL_STRIP;
}
