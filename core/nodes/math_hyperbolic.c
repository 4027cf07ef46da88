/* Hyperbolic functions in f32, at most 3.5 ULP (tests/test_math.c): odd polynomials near 0 (tests/tools/fit.py),
 * exponentials and logarithms of the magnitude elsewhere. */
#include "core/nodes/math_parts.h"

/* E = e^|x| / 2, which stays in range as long as sinh and cosh do: the last doubling is where they overflow. */
static struct val half_exp(struct build *b, struct val ax)
{
    struct val quarter = math_exp(b, ax, 2);
    return b_add(b, quarter, quarter);
}

/* E - 1/(4E) */
static struct val sinh_of(struct build *b, struct val x)
{
    static const double c[] = {0.1666666716337204, 0.00833331048488617, 0.00019842895562760532,
                               2.7822131869470468e-06}; /* 3e-10 */
    struct val ax = b_abs(b, x), z = b_mul(b, x, x), e = half_exp(b, ax);
    struct val far = math_copysign(b, b_sub(b, e, b_div(b, b_f32(b, 0.25), e)), x);
    struct val near = b_mul(b, x, b_fma(b, z, b_horner(b, z, c, 4), b_f32(b, 1)));
    return b_select(b, b_lt(b, ax, b_f32(b, 1)), near, far);
}

static struct val cosh_of(struct build *b, struct val x)
{
    struct val e = half_exp(b, b_abs(b, x));
    return b_add(b, e, b_div(b, b_f32(b, 0.25), e));
}

/* From 0.55 on by 2t / (1 + t^2) of t = tanh(x/2) = P(x) / Q(x): one division, and what P and Q lose in rounding the
 * outer formula forgives, more so as t nears 1. At 8.7 it rounds to 1. */
static struct val tanh_of(struct build *b, struct val x)
{
    static const double c[] = {-0.333329469, 0.133207217, -0.05267125, 0.0164360609}; /* 3.7e-8 */
    static const double p[] = {0.500003934, 0.0141766304, 3.83830156e-05, -3.469464e-08},
                        q[] = {1.00000799, 0.111687057, 0.0010507314}; /* 3.2 ULP with all roundings */
    struct val h = math_limit(b, x, -8.7, 8.7), z = b_mul(b, h, h);
    struct val up = b_mul(b, h, b_horner(b, z, p, 4)), down = b_horner(b, z, q, 3);
    struct val far = b_div(b, b_mul(b, b_add(b, up, up), down), b_fma(b, up, up, b_mul(b, down, down)));
    struct val near = b_mul(b, h, b_fma(b, z, b_horner(b, z, c, 4), b_f32(b, 1)));
    return b_select(b, b_lt(b, z, b_f32(b, 0.3025)), near, far);
}

/* log1p(a + a^2/(1 + sqrt(a^2 + 1))); from 2^30 on ln a + ln 2, before the square overflows. */
static struct val asinh_of(struct build *b, struct val x)
{
    static const double c[] = {-0.1666666567325592,  0.07499907165765762,  -0.04461609572172165,
                               0.030033569782972336, -0.02004958502948284, 0.009256629273295403}; /* 6.2e-11 */
    struct val a = b_abs(b, x), z = b_mul(b, x, x), one = b_f32(b, 1);
    struct val big = b_lt(b, b_f32(b, 0x1p30), a);
    struct val w = b_add(b, a, b_div(b, z, b_add(b, one, b_sqrt(b, b_add(b, z, one)))));
    struct val l = math_log1p(b, b_select(b, big, a, w));
    struct val far = b_add(b, l, b_select(b, big, b_f32(b, LN2), b_f32(b, 0)));
    struct val near = b_mul(b, x, b_fma(b, z, b_horner(b, z, c, 6), one));
    return b_select(b, b_lt(b, a, b_f32(b, 0.5)), near, math_copysign(b, far, x));
}

/* log1p(t + sqrt(2t + t^2)), t = x - 1; likewise. */
static struct val acosh_of(struct build *b, struct val x)
{
    struct val t = b_addc(b, x, -1), big = b_lt(b, b_f32(b, 0x1p30), x);
    struct val w = b_add(b, t, b_sqrt(b, b_fma(b, t, t, b_add(b, t, t))));
    struct val l = math_log1p(b, b_select(b, big, x, w));
    l = b_add(b, l, b_select(b, big, b_f32(b, LN2), b_f32(b, 0)));
    return b_select(b, b_lt(b, x, b_f32(b, 1)), b_f32(b, NAN), l);
}

/* log1p(2a/(1 - a))/2. */
static struct val atanh_of(struct build *b, struct val x)
{
    struct val a = b_abs(b, x);
    struct val l = math_log1p(b, b_div(b, b_add(b, a, a), b_sub(b, b_f32(b, 1), a)));
    return math_copysign(b, b_mulc(b, l, 0.5), x);
}

/* a sqrt(1 + (b/a)^2), a the greater: no square overflows. Infinity beats NaN, as in C. */
static struct val hypot_of(struct build *b, struct val x, struct val y)
{
    struct val ax = b_abs(b, x), ay = b_abs(b, y), inf = b_f32(b, INFINITY);
    struct val hi = b_max(b, ax, ay), lo = b_min(b, ax, ay), q = b_div(b, lo, hi);
    struct val r = b_mul(b, hi, b_sqrt(b, b_fma(b, q, q, b_f32(b, 1))));
    r = b_select(b, b_eq(b, hi, b_f32(b, 0)), hi, r);
    r = b_select(b, b_and(b, b_eq(b, x, x), b_eq(b, y, y)), r, b_f32(b, NAN));
    return b_select(b, b_or(b, b_eq(b, ax, inf), b_eq(b, ay, inf)), inf, r);
}

MATH_1(sinh, sinh_of(b, x))
MATH_1(cosh, cosh_of(b, x))
MATH_1(tanh, tanh_of(b, x))
MATH_1(asinh, asinh_of(b, x))
MATH_1(acosh, acosh_of(b, x))
MATH_1(atanh, atanh_of(b, x))
MATH_2(hypot, hypot_of(b, x, y))

const struct node_row math_hyperbolic_rows[] = {
    {"sinh : x", "Hyperbolic sine.", MATH_PURE, NULL, build_sinh, NULL},
    {"cosh : x", "Hyperbolic cosine.", MATH_PURE, NULL, build_cosh, NULL},
    {"tanh : x", "Hyperbolic tangent.", MATH_PURE, NULL, build_tanh, NULL},
    {"asinh : x", "Inverse hyperbolic sine.", MATH_PURE, NULL, build_asinh, NULL},
    {"acosh : x", "Inverse hyperbolic cosine; NaN below 1.", MATH_PURE, NULL, build_acosh, NULL},
    {"atanh : x", "Inverse hyperbolic tangent; NaN beyond -1 and 1.", MATH_PURE, NULL, build_atanh, NULL},
    {"hypot : a, b", "Length of the hypotenuse, without overflow.", MATH_PURE, NULL, build_hypot, NULL},
    {0},
};
