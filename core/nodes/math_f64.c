/* sin cos tan exp ln pow in f64, relative error at most 1e-12 (tests/test_math.c): for coefficients, phases and
 * positions. sin, cos and tan hold that to |x| = 1e6. Coefficients: tests/tools/fit.py. */
#include "core/nodes/math_parts.h"

#define PI 3.141592653589793

/* As in math_trig.c. */
static struct val reduce(struct build *b, struct val x, struct val n, double scale)
{
    struct val r = b_fma(b, n, b_f64(b, scale * -0x1.921fb54442d18p+1), x);
    r = b_fma(b, n, b_f64(b, scale * -0x1.1a62633145c06p-53), r);
    return b_fma(b, n, b_f64(b, scale * -0x1.c1cd129024e08p-106), r);
}

static struct val nearest(struct build *b, struct val x)
{
    return b_addc(b, b_rint(b, x), 0);
}

static struct val is_odd(struct build *b, struct val n)
{
    return b_lt(b, b_shl(b, b_to(b, TYPE_I32, n), 31), b_i32(b, 0));
}

static struct val sin_part(struct build *b, struct val r)
{
    static const double c[] = {1.0,
                               -0.16666666666666186,
                               0.008333333333285476,
                               -0.00019841269825038267,
                               2.7557316598288826e-06,
                               -2.5051880129619265e-08,
                               1.6048090878912537e-10,
                               -7.373288983274704e-13}; /* 1.5e-16 */
    return math_limit(b, b_mul(b, r, b_horner(b, b_mul(b, r, r), c, 8)), -1, 1);
}

static struct val sin_of(struct build *b, struct val x)
{
    struct val n = nearest(b, b_mulc(b, x, 1 / PI)), v = sin_part(b, reduce(b, x, n, 1));
    return b_select(b, is_odd(b, n), b_neg(b, v), v);
}

static struct val cos_of(struct build *b, struct val x)
{
    struct val n = b_floor(b, b_mulc(b, x, 1 / PI)), v = sin_part(b, reduce(b, x, b_addc(b, n, 0.5), 1));
    return b_select(b, is_odd(b, n), v, b_neg(b, v));
}

static struct val tan_of(struct build *b, struct val x)
{
    static const double c[] = {0.333333333343002,      0.1333333324320026,    0.053968283080351676,
                               0.021869021489866598,   0.008867566872809953,  0.003567041577416335,
                               0.0015500962731595398,  0.0003580005259397778, 0.0006060477894507309,
                               -0.0002523251986943961, 0.00020643377922989424}; /* 3.3e-14 */
    struct val n = nearest(b, b_mulc(b, x, 2 / PI));
    struct val r = math_limit(b, reduce(b, x, n, 0.5), -0.7855, 0.7855), z = b_mul(b, r, r);
    struct val p = b_fma(b, b_mul(b, r, z), b_horner(b, z, c, 11), r);
    return b_select(b, is_odd(b, n), b_div(b, b_f64(b, -1), p), p);
}

static struct val power_of_two(struct build *b, struct val n_i32)
{
    return b_from_high(b, b_shl(b, b_addc(b, n_i32, 1023), 20));
}

/* 2^n in two factors, so that neither leaves the range. */
static struct val exp_of(struct build *b, struct val x)
{
    static const double c[] = {1.0,
                               1.0,
                               0.49999999999998324,
                               0.16666666666611493,
                               0.041666666668136836,
                               0.008333333370915514,
                               0.0013888888516295755,
                               0.00019841185162754058,
                               2.480192759985546e-05,
                               2.763347502586663e-06,
                               2.7465261562711233e-07}; /* 1.1e-14 */
    struct val held = math_limit(b, x, -800, 800), n = b_rint(b, b_mulc(b, held, LOG2E));
    struct val r = b_fma(b, n, b_f64(b, -0.6931471805599453), held);
    r = b_fma(b, n, b_f64(b, -2.3190468138462996e-17), r);
    struct val whole = b_to(b, TYPE_I32, n), first = b_sar(b, whole, 1);
    struct val p = b_mul(b, b_horner(b, r, c, 11), power_of_two(b, first));
    return b_mul(b, p, power_of_two(b, b_sub(b, whole, first)));
}

/* x = 2^k m by the upper word; ln m = 2 atanh(s), s = (m - 1)/(m + 1). */
static struct val ln_of(struct build *b, struct val x)
{
    static const double c[] = {0.6666666666666734,  0.3999999999941654,  0.28571428742065874, 0.22222198599914883,
                               0.18183563174762402, 0.15314075304499167, 0.14795739965397187}; /* of z: 2.5e-18 */
    struct val minus_k = b_sar(b, b_sub(b, b_i32(b, 0x3fe6a09e + 0xfffff), b_high(b, x)), 20);
    struct val first = b_sar(b, minus_k, 1);
    struct val m = b_mul(b, b_mul(b, x, power_of_two(b, first)), power_of_two(b, b_sub(b, minus_k, first)));
    struct val f = b_addc(b, m, -1), s = b_div(b, f, b_addc(b, m, 1)), z = b_mul(b, s, s);
    struct val part = b_fma(b, b_mul(b, s, z), b_horner(b, z, c, 7), b_add(b, s, s));
    struct val r = b_fma(b, b_to(b, TYPE_F64, minus_k), b_f64(b, -LN2), part), zero = b_f64(b, 0);
    struct val low = b_select(b, b_eq(b, x, zero), b_f64(b, -INFINITY), b_f64(b, NAN));
    r = b_select(b, b_lt(b, x, b_f64(b, INFINITY)), r, x);
    return b_select(b, b_le(b, x, zero), low, r);
}

/* e^(y ln |x|): the product is at most 745, so 1e-12 is kept. A negative x wants a whole y. The sign of a zero is lost.
 */
static struct val pow_of(struct build *b, struct val x, struct val y)
{
    struct val zero = b_f64(b, 0), one = b_f64(b, 1);
    struct val r = exp_of(b, b_mul(b, math_limit(b, y, -0x1p1000, 0x1p1000), ln_of(b, b_abs(b, x))));
    struct val whole = b_eq(b, b_floor(b, y), y), half = b_mulc(b, y, 0.5);
    struct val odd = b_not(b, b_eq(b, b_floor(b, half), half));
    struct val finite = b_lt(b, b_f64(b, -INFINITY), x);
    struct val signed_r = b_select(b, whole, b_select(b, odd, b_neg(b, r), r), b_select(b, finite, b_f64(b, NAN), r));
    r = b_select(b, b_lt(b, x, zero), signed_r, r);
    return b_select(b, b_or(b, b_eq(b, y, zero), b_eq(b, x, one)), one, r);
}

#define EXPORT(name, expression)                                                                                       \
    enum status math_##name##_f64(struct build *b, const struct node_args *args, struct val *out)                      \
    {                                                                                                                  \
        const struct val x = args->in[0];                                                                              \
        *out = (expression);                                                                                           \
        return STATUS_OK;                                                                                              \
    }
EXPORT(sin, sin_of(b, x))
EXPORT(cos, cos_of(b, x))
EXPORT(tan, tan_of(b, x))
EXPORT(exp, exp_of(b, x))
EXPORT(ln, ln_of(b, x))
EXPORT(pow, pow_of(b, x, args->in[1]))
