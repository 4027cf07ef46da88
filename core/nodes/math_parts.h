/* Pieces that several mathematical nodes are made of. Everything f32. */
#ifndef CORE_NODES_MATH_PARTS_H
#define CORE_NODES_MATH_PARTS_H

#include <math.h>

#include "core/build.h"
#include "core/node.h"

#define LN2 0.69314718055994530942
#define LOG2E 1.44269504088896340736

/* Build functions of one expression over x, y, z: the node's first inputs. */
#define MATH_1(name, expression)                                                                                       \
    static enum status build_##name(struct build *b, const struct node_args *args, struct val *out)                    \
    {                                                                                                                  \
        const struct val x = args->in[0];                                                                              \
        *out = (expression);                                                                                           \
        return STATUS_OK;                                                                                              \
    }
#define MATH_2(name, expression)                                                                                       \
    static enum status build_##name(struct build *b, const struct node_args *args, struct val *out)                    \
    {                                                                                                                  \
        const struct val x = args->in[0], y = args->in[1];                                                             \
        *out = (expression);                                                                                           \
        return STATUS_OK;                                                                                              \
    }
#define MATH_3(name, expression)                                                                                       \
    static enum status build_##name(struct build *b, const struct node_args *args, struct val *out)                    \
    {                                                                                                                  \
        const struct val x = args->in[0], y = args->in[1], z = args->in[2];                                            \
        *out = (expression);                                                                                           \
        return STATUS_OK;                                                                                              \
    }

/* `magnitude` (not negative) with the sign of `sign`, -0 included. */
struct val math_copysign(struct build *b, struct val magnitude, struct val sign);

/* min(max(x, lo), hi), but NaN stays NaN. */
struct val math_limit(struct build *b, struct val x, double lo, double hi);

/* 2^n for n in -127 (gives 0) .. 128 (gives infinity). */
struct val math_power_of_two(struct build *b, struct val n_i32);

/* x > 0, normal: x = 2^k (1 + f), 1 + f in [sqrt 1/2, sqrt 2). Gives f and, as i32, -k. */
struct val math_split(struct build *b, struct val x, struct val *ret_f);

/* ln(1 + f) / f for such f: relative error 8.6e-9. */
enum { MATH_LN_C = 10 };
extern const double math_ln_c[MATH_LN_C];

/* What a logarithm gives where its polynomial does not hold: NaN below 0, -inf at 0, x at infinity and NaN. */
struct val math_log_edges(struct build *b, struct val x, struct val inside);

/* e^x / 2^halvings; with 2 halvings finite to x = 89.5. */
struct val math_exp(struct build *b, struct val x, int halvings);

/* The f64 sides of nodes whose f32 side stands in another file; math_f64.c. */
node_build math_sin_f64, math_cos_f64, math_tan_f64, math_exp_f64, math_ln_f64, math_pow_f64;

/* ln(1 + x); gives +0 for -0. */
struct val math_log1p(struct build *b, struct val x);

#define MATH_PURE (NODE_COMPONENTS | NODE_FUNCTION)

#endif
