/* What a plan will cost, from counts of weighted operations. The weights are estimates, fitted to the graphs of
 * examples/ (`sinter bench cost` prints both: nine of ten are within a factor of three). They decide what runs inline,
 * what is worth a compile, who waits for how long and what is refused; api/load/admission.c learns on top of them how
 * fast this machine is. */
#include <math.h>

#include "core/interp.h"
#include "core/plan.h"

static const double JIT_NS = 0.017, INTERP_NS = 0.047;           /* one unit, a lane of a vector loop */
static const double SERIAL_JIT_NS = 0.3, SERIAL_INTERP_NS = 0.9; /* one operation, a sample at a time */
static const double COMPILE_BASE_MS = 20, COMPILE_MS = 0.25;     /* an instruction */

static double unit(enum op op)
{
    switch (op) {
    case OP_DIV_F32:
    case OP_SQRT_F32:
        return 5;
    case OP_DIV_F64:
    case OP_SQRT_F64:
        return 16;
    case OP_GATHER_F32:
    case OP_GATHER_I32:
    case OP_TAP:
        return 12;
    case OP_FETCH:
        return 16;
    default:
        return op_info(op)->result == TYPE_F64 ? 2 : 1;
    }
}

static bool is_call(enum op op)
{
    return op == OP_CALL_F32 || op == OP_CALL_F64 || op == OP_CALL_I32;
}

struct weights {
    double *fns; /* units of a whole function, callees included */
};

static double ins_units(const struct weights *w, const struct ins *ins)
{
    return is_call(ins->op) ? 2 + w->fns[ins->imm.i] : unit(ins->op);
}

static void region_cost(const struct plan *p, const struct weights *w, const struct region *r, struct cost *c)
{
    for (uint32_t i = 0; i < r->n_subs; i++)
        region_cost(p, w, &r->subs[i], c);
    for (uint32_t i = 0; i < r->n_vals; i++) {
        double units = ins_units(w, ir_at(&p->ir->main, r->vals[i]));
        c->jit_ns += units * (r->kind == REGION_SERIAL ? SERIAL_JIT_NS : JIT_NS);
        c->interp_ns += units * (r->kind == REGION_SERIAL ? SERIAL_INTERP_NS : INTERP_NS);
    }
}

struct cost plan_cost(const struct plan *p)
{
    const struct ir *ir = p->ir;
    struct arena *a = ir->arena;
    struct weights w = {ARENA_ARRAY(a, ir->n_fns + 1, double)};
    struct cost c = {0};
    for (uint32_t f = 0; f < ir->n_fns; f++) {
        for (uint32_t i = 1; i < ir->fns[f].code.n; i++)
            w.fns[f] += ins_units(&w, &ir->fns[f].code.ins[i]);
        c.instructions += ir->fns[f].code.n;
    }
    c.instructions += ir->main.n;
    for (uint32_t i = 0; i < p->n_regions; i++)
        region_cost(p, &w, &p->regions[i], &c);
    c.compile_ms = COMPILE_BASE_MS + COMPILE_MS * c.instructions;
    return c;
}

enum status plan_ring_lengths(const struct plan *p, const double *args, uint32_t max_samples, const char *limit,
                              uint32_t *lengths, struct arena *a, struct fault *fault)
{
    for (uint32_t r = 0; r < p->n_rings; r++) {
        double asked = interp_call_value(p, ir_at(&p->ir->main, p->rings[r])->args[1], args, a);
        if (!(asked >= 0 && asked <= max_samples))
            return fault_limit(fault, limit, "", "a delay line of %.0f samples is asked for; at most %u are given",
                               asked, max_samples);
        uint32_t least = (uint32_t)asked + KERNEL_STRIP + KERNEL_PAD, size = 1;
        while (size < least)
            size *= 2;
        lengths[r] = size;
    }
    return STATUS_OK;
}
