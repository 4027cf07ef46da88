/* See math_parts.h. Coefficients: tests/tools/fit.py, which states their greatest relative error. */
#include "core/nodes/math_parts.h"

struct val math_copysign(struct build *b, struct val magnitude, struct val sign)
{
    struct val bit = b_and(b, b_bits(b, sign), b_i32(b, INT32_MIN));
    return b_from_bits(b, b_or(b, b_bits(b, magnitude), bit));
}

struct val math_limit(struct build *b, struct val x, double lo, double hi)
{
    enum type t = b_type(b, x);
    return b_min(b, b_const(b, t, hi), b_max(b, b_const(b, t, lo), x));
}

struct val math_power_of_two(struct build *b, struct val n_i32)
{
    return b_from_bits(b, b_shl(b, b_addc(b, n_i32, 127), 23));
}

/* -k = ceil((sqrt(1/2) - x) / 2^23) on the bit patterns. */
struct val math_split(struct build *b, struct val x, struct val *ret_f)
{
    struct val bits = b_bits(b, x);
    struct val minus_k = b_sar(b, b_sub(b, b_i32(b, 0x3f3504f3 + 0x7fffff), bits), 23);
    struct val m = b_from_bits(b, b_add(b, bits, b_shl(b, minus_k, 23)));
    *ret_f = b_addc(b, m, -1);
    return minus_k;
}

struct val math_log_edges(struct build *b, struct val x, struct val inside)
{
    struct val zero = b_f32(b, 0);
    struct val low = b_select(b, b_eq(b, x, zero), b_f32(b, -INFINITY), b_f32(b, NAN));
    struct val r = b_select(b, b_lt(b, x, b_f32(b, INFINITY)), inside, x);
    return b_select(b, b_le(b, x, zero), low, r);
}

/* n = floor(x log2 e), r = x - n ln2 in [0, ln2), e^r in [1, 2): so n reaches -126 and 127 exactly where results are
 * normal. */
struct val math_exp(struct build *b, struct val x, int halvings)
{
    static const double c[] = {1.0,
                               0.9999998211860657,
                               0.5000055432319641,
                               0.1666117012500763,
                               0.041911039501428604,
                               0.007796901743859053,
                               0.0019467133097350597}; /* 2.2e-9 */
    struct val held = math_limit(b, x, -88, halvings ? 89.5 : 89);
    struct val n = b_floor(b, b_mulc(b, held, LOG2E));
    struct val r = b_fma(b, n, b_f32(b, -0x1.62e430p-1), held);
    r = b_fma(b, n, b_f32(b, 0x1.05c610p-29), r);
    struct val scale = math_power_of_two(b, b_addc(b, b_to(b, TYPE_I32, n), -halvings));
    return b_mul(b, b_horner(b, r, c, 7), scale);
}

const double math_ln_c[MATH_LN_C] = {1.0,
                                     -0.5,
                                     0.3333333134651184,
                                     -0.250008225440979,
                                     0.20001260936260223,
                                     -0.16623088717460632,
                                     0.14200571179389954,
                                     -0.1316429227590561,
                                     0.1277463138103485,
                                     -0.07636923342943192};

/* u = 1 + x gives the exponent k only. f = (1 + x) 2^-k - 1 = x s + (s - 1) with s = 2^-k, one rounding, so nothing of
 * a small x is lost. From 2^24 on 1 + x is x, and s would leave the range. */
struct val math_log1p(struct build *b, struct val x)
{
    struct val u = b_addc(b, x, 1), big;
    struct val minus_k = math_split(b, u, &big);
    struct val s = math_power_of_two(b, minus_k);
    struct val small = b_fma(b, x, s, b_addc(b, s, -1));
    struct val f = b_select(b, b_lt(b, x, b_f32(b, 0x1p24)), small, big);
    struct val r =
        b_fma(b, b_to(b, TYPE_F32, minus_k), b_f32(b, -LN2), b_mul(b, f, b_horner(b, f, math_ln_c, MATH_LN_C)));
    return math_log_edges(b, u, r);
}
