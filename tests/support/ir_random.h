/* Random IR for tests: sound programs with feedback, delay lines, functions, tables, planes and images over every
 * operation, rewritten in ways that must not matter, and evaluated by the plainest means there are. */
#ifndef TESTS_SUPPORT_IR_RANDOM_H
#define TESTS_SUPPORT_IR_RANDOM_H

#include "core/ir.h"
#include "core/kernel.h"

enum { IR_RANDOM_OUTPUTS = 8 };

/* About n instructions in main; two inputs, arguments whose number at slot k is ir_random_arg(k). Delays are
 * from 1 to 8 samples. No operation makes a denormal bit pattern out of whole numbers. */
struct ir *ir_random(struct arena *a, uint64_t seed, uint32_t n);
/* Two planes, to be read from column -IR_RANDOM_NEAR to IR_RANDOM_COLUMNS + IR_RANDOM_NEAR of some rows around 0, and
 * two images, as they are read by such IR. */
enum { IR_RANDOM_PLANES = 2, IR_RANDOM_IMAGES = 2, IR_RANDOM_NEAR = 8, IR_RANDOM_COLUMNS = 4096 };
const struct kernel_plane *ir_random_planes(void);
const struct kernel_image *ir_random_images(void);
double ir_random_arg(uint32_t source_index); /* of the argument whose source is ARG_PARAM with this index */

/* The same graph, otherwise written: instructions in another order that keeps operands first, commuting operands
 * exchanged, slots, functions and tables renumbered and renamed, dead instructions and a dead argument added. */
struct ir *ir_shuffled(const struct ir *ir, struct arena *a, uint64_t seed);

/* A copy that shares nothing with the original. */
struct ir *ir_copy(const struct ir *ir, struct arena *a);

/* out[channel * n + i] for n samples: one sample after the other, one operation after the other by interp_fold(). */
void ir_walk(const struct ir *ir, const float *const *in, uint32_t n, float *out, struct arena *a);

#endif
