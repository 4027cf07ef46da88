/* The plainest host of a graph that reads neighbours: planes have the edges they ask for, and each window is a copy of
 * its own, exactly as large as the contract of core/kernel.h says. */
#ifndef TESTS_SUPPORT_EDGES_H
#define TESTS_SUPPORT_EDGES_H

#include "bench/rig.h"

/* count * rows pixels from context[PX0], context[PY0] of an image of context[WIDTH] x context[HEIGHT]: what that needs
 * of each plane in one piece, then the pixels. Fails the test when there is no memory. */
void edges_run(struct rig *s, bool compiled, float *const *out, int64_t out_stride, int32_t count, int32_t rows);

#endif
