/* Pieces that noises are made of. */
#ifndef CORE_NODES_NOISE_PARTS_H
#define CORE_NODES_NOISE_PARTS_H

#include "core/build.h"
#include "core/node.h"

/* The body of an IR function: inside it only `in` may be used. `user` tells variants apart, as does the name. */
typedef struct val noise_body(struct build *b, const struct val *in, int user);

/* Calls the IR function of this name, which is written when it is first needed, with n operands of any type. */
struct val noise_call(struct build *b, const char *name, noise_body *body, int user, const struct val *in, int n);

/* The same, for bodies whose variants one number does not describe. */
typedef struct val noise_body_with(struct build *b, const struct val *in, const void *user);
struct val noise_call_with(struct build *b, const char *name, noise_body_with *body, const void *user,
                           const struct val *in, int n);

/* The cell of a coordinate (floor, f32) and the fraction within it. */
struct val noise_cell(struct build *b, struct val x, struct val *ret_fraction);
/* 6t^5 - 15t^4 + 10t^3 */
struct val noise_fade(struct build *b, struct val t);

/* A seed input (f64, whole) as i32; and that (or an i32 seed) spread over all bits, so that neighbouring seeds have
 * nothing in common. */
struct val noise_seed(struct build *b, struct val seed);
struct val noise_mixed_seed(struct build *b, struct val seed);

/* Ken Perlin's permutation P, 256 words: entry i is P[i] and in the next byte P[i + 1]. */
uint32_t noise_perm_table(struct build *b);

#endif
