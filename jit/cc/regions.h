/* Code of regions: what emit_regions.c has for the loops around it. */
#ifndef JIT_CC_REGIONS_H
#define JIT_CC_REGIONS_H

#include "jit/cc/emit.h"

/* n regions over a strip. `top`: of the plan, not of a CHUNK. */
void emit_regions(struct site *s, const struct region *regions, uint32_t n, struct loop *strip, bool top);
/* Is there nothing to do in it, because all of it is packed? */
bool region_rests(const struct plan *plan, const struct region *region);
bool region_makes(const struct region *region, struct val v);
/* The greatest piece in which no tap of n regions reads what the piece itself writes; at least 1. */
gcc_jit_lvalue *piece_length(struct site *s, const struct region *regions, uint32_t n);

#endif
