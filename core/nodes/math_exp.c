/* Exponentials, logarithms and powers in f32, at most 3.5 ULP (tests/test_math.c). Exponents by bit arithmetic,
 * fractions by minimax polynomials of tests/tools/fit.py; pow carries its logarithm in two floats. */
#include "core/nodes/math_parts.h"

/* 2^f on [0, 1): 2.1e-9. */
static struct val exp2_part(struct build *b, struct val f)
{
    static const double c[] = {1.0,
                               0.6931470632553101,
                               0.24022908508777618,
                               0.05548618361353874,
                               0.009673775173723698,
                               0.0012482288293540478,
                               0.00021565984934568405};
    return b_horner(b, f, c, 7);
}

static struct val exp2_of(struct build *b, struct val x)
{
    struct val held = math_limit(b, x, -127, 128), n = b_floor(b, held);
    return b_mul(b, exp2_part(b, b_sub(b, held, n)), math_power_of_two(b, b_to(b, TYPE_I32, n)));
}

/* e^x - 1 = 2 (p s + (s - 1/2)), p = e^r - 1, |r| <= ln2/2, s = 2^(n-1), so that n = 128 stays in range. Tiny x is its
 * own answer, and keeps its sign. */
static struct val expm1_of(struct build *b, struct val x)
{
    static const double c[] = {1.0,
                               0.5,
                               0.1666666567325592,
                               0.04166646674275398,
                               0.008333643898367882,
                               0.0013935097958892584,
                               0.00019661642727442086}; /* (e^r - 1)/r: 5e-10 */
    struct val held = math_limit(b, x, -20, 89);
    struct val n = b_rint(b, b_mulc(b, held, LOG2E));
    struct val r = b_fma(b, n, b_f32(b, -0x1.62e430p-1), held);
    r = b_fma(b, n, b_f32(b, 0x1.05c610p-29), r);
    struct val p = b_fma(b, b_mul(b, r, r), b_horner(b, r, c + 1, 6), r);
    struct val s = math_power_of_two(b, b_addc(b, b_to(b, TYPE_I32, n), -1));
    struct val half = b_fma(b, p, s, b_addc(b, s, -0.5));
    return b_select(b, b_lt(b, b_abs(b, x), b_f32(b, 0x1p-26)), x, b_add(b, half, half));
}

/* Tiny x is its own answer, and keeps its sign. */
static struct val log1p_of(struct build *b, struct val x)
{
    return b_select(b, b_lt(b, b_abs(b, x), b_f32(b, 0x1p-26)), x, math_log1p(b, x));
}

/* k log(2) + f P(f). */
static struct val log_of(struct build *b, struct val x, double log_2, double log_2_rest, const double *c)
{
    struct val f, minus_k = b_to(b, TYPE_F32, math_split(b, x, &f));
    struct val part = b_mul(b, f, b_horner(b, f, c, MATH_LN_C));
    if (log_2_rest != 0)
        part = b_fma(b, minus_k, b_f32(b, -log_2_rest), part);
    return math_log_edges(b, x, b_fma(b, minus_k, b_f32(b, -log_2), part));
}

static const double log2_c[] = {1.4426950216293335,  -0.7213472723960876,  0.48090463876724243, -0.36070725321769714,
                                0.28823596239089966, -0.23910926282405853, 0.2101447880268097,  -0.20053310692310333,
                                0.15677867829799652, -0.05281491205096245}; /* 1.5e-8 */
static const double log10_c[] = {0.4342944920063019,   -0.21714718639850616, 0.14476479589939117, -0.10858051478862762,
                                 0.08686744421720505,  -0.07213202118873596, 0.06159089878201485, -0.05751562491059303,
                                 0.056044381111860275, -0.033098261803388596}; /* 3.5e-8 */

/* m = x / 2^(3k) in [1, 8), a quartic for its root, one step of Halley: t (1 - d/(3 + 2d)), d = (t^3 - m)/m. Zero,
 * infinity and NaN are their own roots; doubling makes a denormal zero. */
static struct val cbrt_of(struct build *b, struct val x)
{
    static const double c[] = {0.6272934675216675, 0.4491949677467346, -0.08377544581890106, 0.00958381686359644,
                               -0.0004320967709645629}; /* 1.9e-3, the step makes it 5e-9 */
    struct val ax = b_abs(b, x), bits = b_bits(b, ax);
    struct val e = b_to(b, TYPE_F32, b_addc(b, b_shr(b, bits, 23), -127));
    struct val k = b_to(b, TYPE_I32, b_floor(b, b_fmac(b, e, 1.0 / 3, 1.0 / 6)));
    struct val m = b_from_bits(b, b_sub(b, bits, b_shl(b, b_mulc(b, k, 3), 23)));
    struct val t = b_horner(b, m, c, 5);
    struct val d = b_div(b, b_fma(b, b_mul(b, t, t), t, b_neg(b, m)), m);
    t = b_fma(b, b_neg(b, t), b_div(b, d, b_fmac(b, d, 2, 3)), t);
    t = math_copysign(b, b_mul(b, t, math_power_of_two(b, k)), x);
    struct val normal = b_and(b, b_lt(b, b_f32(b, 0), ax), b_lt(b, ax, b_f32(b, INFINITY)));
    return b_select(b, normal, t, b_add(b, x, x));
}

/* log2 x = hi + lo for positive normal x, to about 2^-38. With s = f/(2 + f): log2(1 + f) = (2/ln2)(s + s^3/3 + ...).
 * s, the linear and the cubic term are taken in two parts each, products with their rounding errors. s_lo comes of the
 * remainder f - s (2 + f) = (f - 2s) - s f, exact but for one rounding. */
static struct val log2_hi(struct build *b, struct val x, struct val *ret_lo)
{
    static const double c[] = {0.5770752429962158, 0.41228580474853516, 0.3282028138637543}; /* 7.1e-9 */
    struct val f, minus_k = b_to(b, TYPE_F32, math_split(b, x, &f)), two = b_f32(b, 2);
    struct val linear = b_f32(b, 0x1.715476p+1), linear_lo = b_f32(b, 0x1.4ae0c0p-25),
               cubic = b_f32(b, 0.9617967009544373);
    struct val inverse = b_div(b, b_f32(b, 1), b_add(b, f, two));
    struct val s = b_mul(b, f, inverse), z = b_mul(b, s, s), w = b_mul(b, s, z);
    struct val s_lo = b_mul(b, b_fma(b, b_neg(b, s), f, b_fma(b, s, b_f32(b, -2), f)), inverse);
    struct val z_lo = b_fma(b, s, s, b_neg(b, z)), w_lo = b_fma(b, s, z_lo, b_fma(b, s, z, b_neg(b, w)));
    struct val p = b_mul(b, s, linear), t = b_mul(b, w, cubic);
    struct val p_lo = b_fma(b, s, linear_lo, b_fma(b, s, linear, b_neg(b, p)));
    p_lo = b_fma(b, s_lo, b_fma(b, z, b_f32(b, 3 * 0.9617967009544373), linear), p_lo);
    struct val t_lo = b_fma(b, w_lo, cubic, b_fma(b, w, cubic, b_neg(b, t)));
    t_lo = b_fma(b, b_mul(b, w, z), b_horner(b, z, c, 3), t_lo);
    struct val fraction = b_add(b, p, t);
    struct val fraction_lo = b_add(b, b_add(b, b_sub(b, p, fraction), t), b_add(b, p_lo, t_lo));
    struct val hi = b_sub(b, fraction, minus_k);
    *ret_lo = b_add(b, b_sub(b, fraction, b_add(b, hi, minus_k)), fraction_lo);
    return hi;
}

/* |x|^y for x positive and normal; y within 2^60, which lies beyond every result that is neither 0, 1 nor infinite. */
static struct val pow_normal(struct build *b, struct val ax, struct val y)
{
    struct val lo, hi = log2_hi(b, ax, &lo);
    struct val q = b_mul(b, y, hi);
    struct val q_lo = b_fma(b, y, lo, b_fma(b, y, hi, b_neg(b, q)));
    struct val held = math_limit(b, q, -140, 140);
    struct val f = b_add(b, b_sub(b, held, b_floor(b, held)), math_limit(b, q_lo, -1, 1));
    struct val carry = b_floor(b, f);
    struct val n = math_limit(b, b_add(b, b_floor(b, held), carry), -127, 128);
    return b_mul(b, exp2_part(b, b_sub(b, f, carry)), math_power_of_two(b, b_to(b, TYPE_I32, n)));
}

/* C's pow: 1 for y = 0 and x = 1 whatever the other; a negative x wants a whole y. */
static struct val pow_of(struct build *b, struct val x, struct val y)
{
    struct val zero = b_f32(b, 0), one = b_f32(b, 1), inf = b_f32(b, INFINITY), ax = b_abs(b, x);
    struct val r = pow_normal(b, ax, math_limit(b, y, -0x1p60, 0x1p60));
    struct val whole = b_eq(b, b_floor(b, y), y), half = b_mulc(b, y, 0.5);
    struct val odd = b_and(b, whole, b_not(b, b_eq(b, b_floor(b, half), half)));
    r = b_select(b, b_and(b, b_lt(b, x, zero), b_not(b, whole)), b_f32(b, NAN), r);
    struct val normal = b_and(b, b_lt(b, zero, ax), b_lt(b, ax, inf));
    struct val edge = b_select(b, b_lt(b, y, zero), b_div(b, one, ax), b_add(b, ax, ax));
    edge = b_select(b, b_eq(b, y, y), edge, y);
    r = b_select(b, normal, r, edge);
    struct val flips = b_and(b, odd, b_lt(b, b_bits(b, x), b_i32(b, 0)));
    r = b_select(b, flips, b_neg(b, r), r);
    return b_select(b, b_or(b, b_eq(b, y, zero), b_eq(b, x, one)), one, r);
}

MATH_1(exp, math_exp(b, x, 0))
MATH_1(exp2, exp2_of(b, x))
MATH_1(expm1, expm1_of(b, x))
MATH_1(ln, log_of(b, x, LN2, 0, math_ln_c))
MATH_1(log2, log_of(b, x, 1, 0, log2_c))
MATH_1(log10, log_of(b, x, 0x1.344136p-2, -0x1.ec10c0p-27, log10_c))
MATH_1(log1p, log1p_of(b, x))
MATH_1(cbrt, cbrt_of(b, x))
MATH_2(pow, pow_of(b, x, y))

const struct node_row math_exp_rows[] = {
    {"exp : x", "e to the power x.", MATH_PURE, NULL, build_exp, math_exp_f64},
    {"exp2 : x", "2 to the power x.", MATH_PURE, NULL, build_exp2, NULL},
    {"expm1 : x", "e to the power x, minus 1, exact near 0.", MATH_PURE, NULL, build_expm1, NULL},
    {"ln log : x", "Natural logarithm; NaN below 0.", MATH_PURE, NULL, build_ln, math_ln_f64},
    {"log2 : x", "Logarithm to base 2; NaN below 0.", MATH_PURE, NULL, build_log2, NULL},
    {"log10 : x", "Logarithm to base 10; NaN below 0.", MATH_PURE, NULL, build_log10, NULL},
    {"log1p : x", "Natural logarithm of 1 + x, exact near 0.", MATH_PURE, NULL, build_log1p, NULL},
    {"cbrt : x", "Cube root, of negative numbers too.", MATH_PURE, NULL, build_cbrt, NULL},
    {"pow : a, b", "a to the power b, as C's pow; also written a ^ b.", MATH_PURE, NULL, build_pow, math_pow_f64},
    {0},
};
