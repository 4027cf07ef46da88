/* Trigonometric functions of radians in f32, at most 3.5 ULP (tests/test_math.c). sin, cos and tan reduce by three-part
 * multiples of pi with fused multiply-adds: 3.5 ULP to |x| = 30,000, and an absolute error below |x| / 2^24 beyond,
 * where neighbouring floats come to lie further apart than the period; never above 1 in magnitude (tan: about 2^24).
 * Infinity gives NaN. Coefficients: tests/tools/fit.py. */
#include "core/nodes/math_parts.h"

#define PI 3.14159265358979323846

/* x - n scale pi. Pi is cut into three parts of one sign, and n is never -0: then an x of -0 keeps its sign through the
 * sums. */
static struct val reduce(struct build *b, struct val x, struct val n, double scale)
{
    struct val r = b_fma(b, n, b_f32(b, scale * -0x1.921fb4p+1), x);
    r = b_fma(b, n, b_f32(b, scale * -0x1.4442d0p-23), r);
    return b_fma(b, n, b_f32(b, scale * -0x1.846988p-47), r);
}

/* The nearest multiple: rint, with +0 for -0. */
static struct val nearest(struct build *b, struct val x)
{
    return b_addc(b, b_rint(b, x), 0);
}

static struct val is_odd(struct build *b, struct val n_i32)
{
    return b_lt(b, b_shl(b, n_i32, 31), b_i32(b, 0));
}

/* sin r for |r| <= pi/2. The limit bounds what comes of an r out of range. */
static struct val sin_part(struct build *b, struct val r)
{
    static const double c[] = {1.0, -0.16666659712791443, 0.008333069272339344, -0.00019809776858892292,
                               2.606095677037956e-06}; /* 6.2e-9 */
    return math_limit(b, b_mul(b, r, b_horner(b, b_mul(b, r, r), c, 5)), -1, 1);
}

static struct val sin_of(struct build *b, struct val x)
{
    struct val n = nearest(b, b_mulc(b, x, 1 / PI)), v = sin_part(b, reduce(b, x, n, 1));
    return b_select(b, is_odd(b, b_to(b, TYPE_I32, n)), b_neg(b, v), v);
}

/* cos x = -sin(x - (n + 1/2) pi) for even n. */
static struct val cos_of(struct build *b, struct val x)
{
    struct val n = b_floor(b, b_mulc(b, x, 1 / PI)), v = sin_part(b, reduce(b, x, b_addc(b, n, 0.5), 1));
    return b_select(b, is_odd(b, b_to(b, TYPE_I32, n)), v, b_neg(b, v));
}

/* The product with 2/pi is off by up to 0.0016 at 30,000, so r goes to 0.788. */
static struct val tan_of(struct build *b, struct val x)
{
    static const double c[] = {0.3333314061164856,  0.13339227437973022,   0.053375303745269775,
                               0.02456028200685978, 0.0029083488043397665, 0.009512319229543209}; /* 2e-8 */
    struct val n = nearest(b, b_mulc(b, x, 2 / PI));
    struct val r = math_limit(b, reduce(b, x, n, 0.5), -0.79, 0.79), z = b_mul(b, r, r);
    struct val p = b_fma(b, b_mul(b, r, z), b_horner(b, z, c, 6), r);
    return b_select(b, is_odd(b, b_to(b, TYPE_I32, n)), b_div(b, b_f32(b, -1), p), p);
}

/* asin s for 0 <= s <= 1/2, z = s^2. */
static struct val asin_part(struct build *b, struct val s, struct val z)
{
    static const double c[] = {0.16666752099990845, 0.07495306432247162, 0.045469775795936584, 0.02418072707951069,
                               0.04216654598712921}; /* 4.9e-9 */
    return b_fma(b, b_mul(b, s, z), b_horner(b, z, c, 5), s);
}

/* Above 1/2: asin x = pi/2 - 2 asin sqrt((1 - x)/2). Beyond 1 the root is NaN. */
static struct val asin_halves(struct build *b, struct val ax, struct val *ret_big)
{
    struct val big = b_lt(b, b_f32(b, 0.5), ax);
    struct val z = b_select(b, big, b_fmac(b, ax, -0.5, 0.5), b_mul(b, ax, ax));
    *ret_big = big;
    return asin_part(b, b_select(b, big, b_sqrt(b, z), ax), z);
}

static struct val asin_of(struct build *b, struct val x)
{
    struct val big, p = asin_halves(b, b_abs(b, x), &big);
    return math_copysign(b, b_select(b, big, b_fmac(b, p, -2, PI / 2), p), x);
}

static struct val acos_of(struct build *b, struct val x)
{
    struct val big, p = asin_halves(b, b_abs(b, x), &big);
    struct val negative = b_lt(b, x, b_f32(b, 0)), twice = b_add(b, p, p);
    struct val far = b_select(b, negative, b_sub(b, b_f32(b, PI), twice), twice);
    struct val near = b_sub(b, b_f32(b, PI / 2), b_select(b, negative, b_neg(b, p), p));
    return b_select(b, big, far, near);
}

/* atan t for 0 <= t <= 1. */
static struct val atan_part(struct build *b, struct val t)
{
    static const double c[] = {-0.33333152532577515,  0.19993767142295837,  -0.14211001992225647,
                               0.10665768384933472,   -0.07551655918359756, 0.04320463538169861,
                               -0.016363101080060005, 0.0029193907976150513}; /* 1.7e-8 */
    struct val z = b_mul(b, t, t);
    return b_fma(b, b_mul(b, t, z), b_horner(b, z, c, 8), t);
}

static struct val atan_of(struct build *b, struct val x)
{
    struct val ax = b_abs(b, x), one = b_f32(b, 1);
    struct val p = atan_part(b, b_div(b, b_min(b, one, ax), b_max(b, one, ax)));
    return math_copysign(b, b_select(b, b_lt(b, one, ax), b_sub(b, b_f32(b, PI / 2), p), p), x);
}

/* The angle of the smaller to the greater magnitude, unfolded over the octants. Equal magnitudes include 0/0 and
 * inf/inf. */
static struct val atan2_of(struct build *b, struct val y, struct val x)
{
    struct val ax = b_abs(b, x), ay = b_abs(b, y), zero = b_f32(b, 0), inf = b_f32(b, INFINITY);
    struct val lo = b_min(b, ax, ay), hi = b_max(b, ax, ay);
    struct val same = b_select(b, b_lt(b, zero, lo), b_f32(b, 1), zero);
    struct val p = atan_part(b, b_select(b, b_eq(b, lo, hi), same, b_div(b, lo, hi)));
    struct val r = b_select(b, b_lt(b, ax, ay), b_sub(b, b_f32(b, PI / 2), p), p);
    struct val left = b_lt(b, b_bits(b, x), b_i32(b, 0)); /* the sign bit: -0 is to the left, too */
    r = b_select(b, left, b_sub(b, b_f32(b, PI), r), r);
    struct val numbers = b_and(b, b_le(b, ax, inf), b_le(b, ay, inf));
    return b_select(b, numbers, math_copysign(b, r, y), b_f32(b, NAN));
}

MATH_1(sin, sin_of(b, x))
MATH_1(cos, cos_of(b, x))
MATH_1(tan, tan_of(b, x))
MATH_1(asin, asin_of(b, x))
MATH_1(acos, acos_of(b, x))
MATH_1(atan, atan_of(b, x))
MATH_2(atan2, atan2_of(b, x, y))

const struct node_row math_trig_rows[] = {
    {"sin : x", "Sine of an angle in radians.", MATH_PURE, NULL, build_sin, math_sin_f64},
    {"cos : x", "Cosine of an angle in radians.", MATH_PURE, NULL, build_cos, math_cos_f64},
    {"tan : x", "Tangent of an angle in radians.", MATH_PURE, NULL, build_tan, math_tan_f64},
    {"asin : x", "Inverse sine, -pi/2 to pi/2; NaN outside -1 to 1.", MATH_PURE, NULL, build_asin, NULL},
    {"acos : x", "Inverse cosine, 0 to pi; NaN outside -1 to 1.", MATH_PURE, NULL, build_acos, NULL},
    {"atan : x", "Inverse tangent, -pi/2 to pi/2.", MATH_PURE, NULL, build_atan, NULL},
    {"atan2 : a, b", "Angle of the point (b, a), -pi to pi.", MATH_PURE, NULL, build_atan2, NULL},
    {0},
};
