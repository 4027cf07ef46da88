/* The recurrences that a SERIAL region holds. */
#ifndef JIT_CC_PARTS_H
#define JIT_CC_PARTS_H

#include "core/plan.h"

/* Each recurrence as a region of its own, in the region's order; how many. */
struct region *parts_of(const struct ir *ir, const struct region *region, struct arena *a, uint32_t *ret_n);

/* Are they so many and so short that work, rather than waiting for one another's results, fills the time? */
bool parts_are_many(const struct region *parts, uint32_t n);

#endif
