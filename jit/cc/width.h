/* Where a kernel spends its time, and what follows from it. */
#ifndef JIT_CC_WIDTH_H
#define JIT_CC_WIDTH_H

#include "core/plan.h"
#include "jit/target.h"

enum target width_choose(const struct plan *plan, enum target target); /* to emit for where `target` may be used */
/* Should loops keep as many constants in registers as fit? */
bool width_spends_registers(const struct plan *plan);
/* May the plan's stages work on strips one behind the other? */
bool width_staggered(const struct plan *plan, long n_stages);
/* Samples a strip: at most KERNEL_STRIP, a multiple of all vectors. */
long width_strip(const struct plan *plan, long n_stages);

#endif
