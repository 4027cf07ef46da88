/* A plan evaluated one sample at a time: each value computed when it is asked for, each operation by interp_fold().
 * What the engines are compared with, state and rings included. */
#ifndef TESTS_SUPPORT_REFERENCE_H
#define TESTS_SUPPORT_REFERENCE_H

#include "core/interp.h"

struct reference {
    const struct plan *plan;
    const struct ir *ir;
    const double *args;
    const float *const *in;
    int32_t n, row;         /* sample, row */
    struct constant *now;   /* by value */
    int64_t *known_at;      /* by value: sample for which `now` holds, + 1 */
    struct constant *state; /* by value */
    struct kernel_ring *rings;
};

/* `rings` are the reference's own. Runs under fp_state_enter(). */
struct reference reference_new(struct arena *a, const struct plan *p, const double *args, const float *const *in,
                               struct kernel_ring *rings);
struct constant reference_value(struct reference *r, struct val v); /* at sample r->n, row r->row */
void reference_next(struct reference *r);
float reference_canonical(float x); /* NaN made canonical */

struct kernel_ring *reference_rings(struct arena *a, uint32_t n, uint32_t length); /* length: a power of two */

#endif
