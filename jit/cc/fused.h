/* Regions in one loop over vectors, values in registers: loops through lines in which nothing else recurs, and the
 * VECTOR regions among and around them. */
#ifndef JIT_CC_FUSED_H
#define JIT_CC_FUSED_H

#include "jit/cc/emit.h"

/* Sets main_body's `apart`, and then `inside`. */
void fused_choose(struct emitter *e);
/* How many regions from the first on go into one loop, until it is so long that gcc takes too much time over it, or one
 * must stay apart. 0: not this one. */
uint32_t fused_run(const struct emitter *e, const struct region *regions, uint32_t n);
/* That loop. */
void fused_regions(struct site *outer, const struct region *regions, uint32_t n, const struct loop *strip);

#endif
