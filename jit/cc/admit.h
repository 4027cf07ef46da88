/* The admission test of a fresh kernel. */
#ifndef JIT_CC_ADMIT_H
#define JIT_CC_ADMIT_H

#include "core/plan.h"
#include "jit/image.h"

/* Runs the image beside the interpreter on guarded buffers, awkward lengths and awkward numbers; refuses it unless
 * outputs, state and delay lines agree bit for bit. A kernel that reaches past a buffer kills the process. */
enum status admit(const struct plan *plan, const struct image *image, struct arena *a, struct fault *fault) MUST_CHECK;

#endif
