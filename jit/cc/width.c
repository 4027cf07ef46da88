/* See width.h. Guesses by instruction counts; any answer gives the same samples. */
#include "jit/cc/width.h"

#include "core/arena.h"
#include "core/plan_packs.h"

/* An instruction of a recurrence takes about as long as this many in vectors of 16 lanes, and a sixth of it is at
 * stake. */
enum { SERIAL_WEIGHT = 6, SHORT_STRIP = 32 };

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

static void count(const struct plan *plan, const struct region *r, const uint64_t *works, uint64_t *serial,
                  uint64_t *vector)
{
    for (uint32_t i = 0; i < r->n_subs; i++)
        count(plan, &r->subs[i], works, serial, vector);
    for (uint32_t i = 0; i < r->n_vals; i++) {
        const struct ins *ins = &plan->ir->main.ins[r->vals[i].i];
        bool packed = plan->pack_of[r->vals[i].i] != PLAN_NONE;
        *(r->kind == REGION_SERIAL && !packed ? serial : vector) += is_call(ins) ? works[ins->imm.i] : 1;
    }
}

bool width_is_serial(const struct plan *plan)
{
    uint64_t serial = 0, vector = 0;
    uint64_t *works = fn_works(plan->ir);
    for (uint32_t i = 0; i < plan->n_regions; i++)
        count(plan, &plan->regions[i], works, &serial, &vector);
    return serial * SERIAL_WEIGHT > vector;
}

/* Scalar code runs a sixth slower while 512-bit instructions are about (1.99 against 1.68 ns for a multiply-add and a
 * store, Sapphire Rapids, whether the vectors are many or few). So recurrences get eight lanes beside them. */
enum target width_choose(const struct plan *plan, enum target target)
{
    return target == TARGET_V4 && width_is_serial(plan) ? TARGET_V3 : target;
}

static bool has_cascades(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->n_packs; i++)
        if (plan->packs[i].n_stages > 1)
            return true;
    return false;
}

/* The processor overlaps a recurrence with the vector code of the next strip if that is near enough. A cascade loses
 * time at a strip's ends. */
int width_strip(const struct plan *plan)
{
    return has_cascades(plan) ? KERNEL_STRIP : width_is_serial(plan) ? SHORT_STRIP : KERNEL_STRIP;
}
