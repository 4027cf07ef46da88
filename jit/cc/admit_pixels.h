/* The planes and images of the admission test: windows and pictures no larger than the contract of core/kernel.h says,
 * between inaccessible pages. */
#ifndef JIT_CC_ADMIT_PIXELS_H
#define JIT_CC_ADMIT_PIXELS_H

#include "core/stages.h"
#include "jit/cc/guarded.h"

struct pixels {
    const struct plan *plan;
    struct guarded *windows, *pictures; /* by plane, by image */
    struct reach *reach;                /* by plane */
    struct kernel_plane *planes;        /* what the call is handed */
    struct kernel_image *images;
};

struct pixels pixels_new(const struct plan *plan, struct arena *a);
void pixels_done(struct pixels *p);

/* Pictures of one of the three sets; false: no memory. */
bool pixels_draw(struct pixels *p, int set, uint64_t *random);
/* How far the kernel reads with these arguments; false when that is farther than the test goes. */
bool pixels_reach(struct pixels *p, const double *args, struct arena *a);
/* Windows for a call of so many samples and rows, at the end of their memory or at its start; false: no memory. */
bool pixels_place(struct pixels *p, int count, int rows, bool at_end, int set, uint64_t *random);

#endif
