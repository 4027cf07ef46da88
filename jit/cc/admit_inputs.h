/* What the admission test feeds a kernel with, by set: 0 plausible, 1 random, 2 nasty. */
#ifndef JIT_CC_ADMIT_INPUTS_H
#define JIT_CC_ADMIT_INPUTS_H

#include "core/plan.h"

void input_fill(float *to, int count, int set, uint64_t *random);
/* `images`: whose sizes the arguments tell. */
void args_fill(const struct ir *ir, const struct kernel_image *images, double *args, int set, uint64_t *random);
/* Do all ages of rate CALL lie within their delay lines? Beyond them the order of reads and writes would show. */
bool ages_fit(const struct plan *plan, const double *args, const uint32_t *lengths, struct arena *a);

#endif
