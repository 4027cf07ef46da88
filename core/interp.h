/* The interpreter: runs a plan as loops of one operation over strips that stay in L1. It is the definition of what
 * a graph means, the engine that answers first, the judge of the compiler. */
#ifndef CORE_INTERP_H
#define CORE_INTERP_H

#include "core/plan.h"

struct interp; /* bytecode; immutable after interp_new, shared by threads */

enum interp_isa { INTERP_BASE, INTERP_V3, INTERP_V4, INTERP_BEST }; /* BASE: SSE4.2; BEST: what this CPU has */

/* `a` must outlive the interp; the plan and its IR need not. Calls are inlined, so memory grows with the inlined code:
 * `a`'s limit bounds it. */
struct interp *interp_new(const struct plan *p, enum interp_isa isa, struct arena *a);

/* Bytes of work memory one call needs (KERNEL_ALIGN-ed), beside kernel_call.state and rings. kernel_call.scratch is not
 * used. */
size_t interp_work_size(const struct interp *in);
/* The thread must be between fp_state_enter() and fp_state_leave(). `work` may hold anything and is free afterwards; a
 * count or rows of 0 does nothing. */
void interp_run(const struct interp *in, const struct kernel_call *call, void *work);

/* Evaluates one CONST or CALL value for these args, as f64 (mask, i32 and f32 widened). Sets the
 * floating-point state itself. */
double interp_call_value(const struct plan *p, struct val v, const double *args, struct arena *a);

/* Constant folding by the same code as the engine's: op over constant operands, with FTZ/DAZ set. The op must have a
 * meaning in ops.def: no source, memory, gather or call. */
struct constant {
    enum type type;
    union {
        float f;
        double d;
        int32_t i; /* mask: 0 or -1 */
    } as;
};
struct constant interp_fold(const struct ins *ins, const struct constant *args);

/* Sets FTZ, DAZ and round-to-nearest on this thread; every thread that runs kernels calls it. Returns the previous
 * MXCSR. */
unsigned fp_state_enter(void);
void fp_state_leave(unsigned saved);

bool interp_isa_available(enum interp_isa isa);

#endif
