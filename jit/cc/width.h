/* Where a kernel spends its time, and what follows from it. */
#ifndef JIT_CC_WIDTH_H
#define JIT_CC_WIDTH_H

#include "core/plan.h"
#include "jit/target.h"

enum target width_choose(const struct plan *plan, enum target target); /* to emit for where `target` may be used */
bool width_staggered(const struct plan *plan); /* its regions work on strips one behind the other, if short enough */
int width_strip(const struct plan *plan);      /* samples a strip: at most KERNEL_STRIP, a multiple of all vectors */

#endif
