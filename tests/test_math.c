/* labels: core */
/* Accuracy of the mathematical nodes against long double, over floats of every exponent, and their special values
 * against C's. SINTER_DENSE=1 visits a hundred times as many. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/probe.h"

enum { BATCH = 4096 };

typedef long double reference(const long double *x);

struct row {
    const char *text; /* the expression */
    int inputs;
    double lo, hi; /* magnitudes or range of the operands, see `how` */
    double ulp;    /* allowed */
    reference *f;
};

static float float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* In units of the last place of the exact result. Results below the normal range are zero; one that rounds beyond it is
 * infinite. */
static double ulps(float got, long double exact)
{
    if (isnan(exact))
        return isnan(got) ? 0 : INFINITY;
    if (fabsl(exact) < FLT_MIN)
        return fabsf(got) <= FLT_MIN ? 0 : INFINITY;
    if (fabsl(exact) > (long double)FLT_MAX * (1 - 3 * 0x1p-24L) && isinf(got))
        return !signbit(got) == !signbit(exact) ? 0 : INFINITY;
    if (isnan(got) || isinf(got))
        return INFINITY;
    return (double)(fabsl((long double)got - exact) / ldexpl(1, ilogbl(exact) - 23));
}

/* A float of [lo, hi] by its bits: every exponent is as likely as another. */
static float pick(uint64_t *seed, double lo, double hi)
{
    for (;;) {
        float x = float_of(test_random(seed));
        if (!(x >= (float)lo && x <= (float)hi) || (x != 0 && fabsf(x) < FLT_MIN)) {
            uint32_t r = test_random(seed);
            if (r & 1)
                continue;
            x = (float)(lo + (hi - lo) * (test_random(seed) * 0x1p-32)); /* and evenly */
            if (isinf(hi - lo) || fabsf(x) < FLT_MIN)
                continue;
        }
        return x;
    }
}

static void check_accuracy(const struct row *row)
{
    static float in[PROBE_INPUTS][BATCH], got[BATCH];
    struct arena *a = test_arena();
    struct probe *p = probe_expr(a, row->text, row->inputs);
    const float *ins[PROBE_INPUTS];
    uint64_t seed = 1;
    double worst = 0;
    float at[3] = {0}, value = 0;
    for (int i = 0; i < PROBE_INPUTS; i++)
        ins[i] = in[i];
    for (int batch = 0; batch < (getenv("SINTER_DENSE") ? 5000 : 50); batch++) {
        for (int k = 0; k < BATCH; k++)
            for (int i = 0; i < row->inputs; i++)
                in[i][k] = pick(&seed, row->lo, row->hi);
        probe_run(p, ins, (float *[]){got, NULL}, BATCH);
        for (int k = 0; k < BATCH; k++) {
            long double x[3] = {in[0][k], in[1][k], in[2][k]};
            double e = ulps(got[k], row->f(x));
            if (e > worst) {
                worst = e;
                value = got[k];
                for (int i = 0; i < 3; i++)
                    at[i] = in[i][k];
            }
        }
    }
    if (getenv("SINTER_VERBOSE"))
        print_message("%-24s %.3f ULP at %.9g %.9g\n", row->text, worst, (double)at[0], (double)at[1]);
    if (worst > row->ulp)
        fail_msg("%s: %.3f ULP at %.9g %.9g %.9g, gave %.9g", row->text, worst, (double)at[0], (double)at[1],
                 (double)at[2], (double)value);
    arena_free(a);
}

#define F(name, expression)                                                                                            \
    static long double f_##name(const long double *x)                                                                  \
    {                                                                                                                  \
        return (expression);                                                                                           \
    }
F(sin, sinl(x[0]))
F(cos, cosl(x[0]))
F(tan, tanl(x[0]))
F(asin, asinl(x[0]))
F(acos, acosl(x[0]))
F(atan, atanl(x[0]))
F(atan2, atan2l(x[0], x[1]))
F(sinh, sinhl(x[0]))
F(cosh, coshl(x[0]))
F(tanh, tanhl(x[0]))
F(asinh, asinhl(x[0]))
F(acosh, acoshl(x[0]))
F(atanh, atanhl(x[0]))
F(exp, expl(x[0]))
F(exp2, exp2l(x[0]))
F(expm1, expm1l(x[0]))
F(ln, logl(x[0]))
F(log2, log2l(x[0]))
F(log10, log10l(x[0]))
F(log1p, log1pl(x[0]))
F(cbrt, cbrtl(x[0]))
F(pow, powl(x[0], x[1]))
F(pow_far, powl(x[0], (float)x[1] * 100.0f))
F(hypot, hypotl(x[0], x[1]))
F(sqrt, sqrtl(x[0]))
F(inversesqrt, 1 / sqrtl(x[0]))
F(round, roundl(x[0]))
F(trunc, truncl(x[0]))
F(ceil, ceill(x[0]))
F(floor, floorl(x[0]))

static const struct row rows[] = {
    {"sin(in.0)", 1, -30000, 30000, 3.5, f_sin},
    {"cos(in.0)", 1, -30000, 30000, 3.5, f_cos},
    {"tan(in.0)", 1, -30000, 30000, 3.5, f_tan},
    {"tan(in.0)", 1, 28000, 30000, 3.5, f_tan},
    {"sin(in.0)", 1, 28000, 30000, 3.5, f_sin},
    {"cos(in.0)", 1, 28000, 30000, 3.5, f_cos},
    {"asin(in.0)", 1, -1, 1, 3.5, f_asin},
    {"acos(in.0)", 1, -1, 1, 3.5, f_acos},
    {"atan(in.0)", 1, -FLT_MAX, FLT_MAX, 3.5, f_atan},
    {"atan(in.0)", 1, -10, 10, 3.5, f_atan},
    {"atan2(in.0, in.1)", 2, -FLT_MAX, FLT_MAX, 3.5, f_atan2},
    {"atan2(in.0, in.1)", 2, -3, 3, 3.5, f_atan2},
    {"sinh(in.0)", 1, -90, 90, 3.5, f_sinh},
    {"sinh(in.0)", 1, -2, 2, 3.5, f_sinh},
    {"cosh(in.0)", 1, -90, 90, 3.5, f_cosh},
    {"cosh(in.0)", 1, -2, 2, 3.5, f_cosh},
    {"tanh(in.0)", 1, -100, 100, 3.5, f_tanh},
    {"tanh(in.0)", 1, -2, 2, 3.5, f_tanh},
    {"asinh(in.0)", 1, -FLT_MAX, FLT_MAX, 3.5, f_asinh},
    {"asinh(in.0)", 1, -4, 4, 3.5, f_asinh},
    {"acosh(in.0)", 1, 1, FLT_MAX, 3.5, f_acosh},
    {"acosh(in.0)", 1, 1, 4, 3.5, f_acosh},
    {"atanh(in.0)", 1, -1, 1, 3.5, f_atanh},
    {"exp(in.0)", 1, -100, 100, 3.5, f_exp},
    {"exp(in.0)", 1, -2, 2, 3.5, f_exp},
    {"exp(in.0)", 1, 88.5, 89, 3.5, f_exp},
    {"exp(in.0)", 1, -87.6, -87, 3.5, f_exp},
    {"exp2(in.0)", 1, -160, 160, 3.5, f_exp2},
    {"exp2(in.0)", 1, -2, 2, 3.5, f_exp2},
    {"expm1(in.0)", 1, -100, 100, 3.5, f_expm1},
    {"expm1(in.0)", 1, -2, 2, 3.5, f_expm1},
    {"ln(in.0)", 1, FLT_MIN, FLT_MAX, 3.5, f_ln},
    {"ln(in.0)", 1, 0.5, 2, 3.5, f_ln},
    {"log2(in.0)", 1, FLT_MIN, FLT_MAX, 3.5, f_log2},
    {"log2(in.0)", 1, 0.5, 2, 3.5, f_log2},
    {"log10(in.0)", 1, FLT_MIN, FLT_MAX, 3.5, f_log10},
    {"log10(in.0)", 1, 0.5, 2, 3.5, f_log10},
    {"log1p(in.0)", 1, -1, FLT_MAX, 3.5, f_log1p},
    {"log1p(in.0)", 1, -1, 3, 3.5, f_log1p},
    {"cbrt(in.0)", 1, -FLT_MAX, FLT_MAX, 3.5, f_cbrt},
    {"cbrt(in.0)", 1, -10, 10, 3.5, f_cbrt},
    {"in.0 ^ in.1", 2, FLT_MIN, FLT_MAX, 3.5, f_pow},
    {"in.0 ^ in.1", 2, 0, 30, 3.5, f_pow},
    {"pow(in.0, in.1)", 2, 0.9, 1.1, 3.5, f_pow},
    {"pow(in.0, 100*in.1)", 2, 0.4, 2.5, 3.5, f_pow_far},
    {"hypot(in.0, in.1)", 2, -FLT_MAX, FLT_MAX, 3.5, f_hypot},
    {"hypot(in.0, in.1)", 2, -3, 3, 3.5, f_hypot},
    {"sqrt(in.0)", 1, 0, FLT_MAX, 0.5, f_sqrt},
    {"inversesqrt(in.0)", 1, FLT_MIN, FLT_MAX, 3.5, f_inversesqrt},
    {"round(in.0)", 1, -2e7, 2e7, 0, f_round},
    {"round(in.0)", 1, -4, 4, 0, f_round},
    {"trunc(in.0)", 1, -2e7, 2e7, 0, f_trunc},
    {"ceil(in.0)", 1, -2e7, 2e7, 0, f_ceil},
    {"floor(in.0)", 1, -2e7, 2e7, 0, f_floor},
};

static void functions_are_accurate_to_three_and_a_half_ulp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_accuracy(&rows[i]);
}

/* Every pair of these goes through every function and must give what C gives: the same NaN, zero with its sign,
 * infinity; the rest within the allowance. */
static const float special[] = {0.0f,     -0.0f,   1,        -1,        0.5f,        -0.5f,        2,
                                -2,       3,       -3,       2.5f,      -2.5f,       1e-30f,       -1e-30f,
                                1e30f,    -1e30f,  16777215, -16777215, 0.49999997f, -0.49999997f, FLT_MIN,
                                -FLT_MIN, FLT_MAX, -FLT_MAX, INFINITY,  -INFINITY,   NAN};
enum { SPECIALS = sizeof special / sizeof *special };

static bool same(float got, long double exact, double allowed)
{
    if (exact == 0 || (!isnan(exact) && fabsl(exact) < FLT_MIN))
        return got == 0 ? !signbit(got) == !signbit(exact) : fabsf(got) <= FLT_MIN;
    if (isinf(exact))
        return isinf(got) && !signbit(got) == !signbit(exact);
    return ulps(got, exact) <= allowed;
}

static bool is_periodic(const char *text)
{
    return !strncmp(text, "sin(", 4) || !strncmp(text, "cos(", 4) || !strncmp(text, "tan(", 4);
}

static void special_values_are_those_of_c(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    int failures = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct probe *p = probe_expr(a, row->text, row->inputs);
        for (int k = 0; k < SPECIALS * (row->inputs == 2 ? SPECIALS : 1); k++) {
            float x = special[k % SPECIALS], y = special[k / SPECIALS];
            long double exact = row->f((const long double[]){x, y, 0});
            float got = probe_at(p, x, y, 0);
            bool far = is_periodic(row->text) && fabsf(x) > 30000 && !isinf(x);
            if (!far && !same(got, exact, row->ulp) && ++failures)
                print_error("%s of %.9g %.9g: %.9g, not %.9Lg\n", row->text, (double)x, (double)y, (double)got, exact);
        }
    }
    assert_int_equal(failures, 0);
    arena_free(a);
}

static void denormals_are_zero(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    assert_true(probe_at(probe_expr(a, "ln(in.0)", 1), 1e-40f, 0, 0) == -INFINITY);
    assert_true(probe_at(probe_expr(a, "sin(in.0)", 1), 1e-40f, 0, 0) == 0);
    assert_int_equal(bits_of(probe_at(probe_expr(a, "exp(in.0)", 1), -87.5f, 0, 0)), 0);
    assert_int_equal(bits_of(probe_at(probe_expr(a, "cbrt(in.0)", 1), -1e-40f, 0, 0)), 0x80000000u);
    arena_free(a);
}

static void far_angles_stay_bounded(void **state)
{
    (void)state;
    static const char *const names[] = {"sin(in.0)", "cos(in.0)", "tan(in.0)"};
    struct arena *a = test_arena();
    for (int i = 0; i < 3; i++) {
        struct probe *p = probe_expr(a, names[i], 1);
        double worst = 0;
        for (float x = 30000; x < 1e38f; x *= 1.0007f) {
            float got = probe_at(p, x, 0, 0);
            long double exact = i == 0 ? sinl(x) : cosl(x);
            assert_true(fabsf(got) <= (i == 2 ? 0x1p25f : 1));
            if (i < 2 && x < 1e6f)
                worst = fmax(worst, (double)fabsl(got - exact) / (double)x);
        }
        assert_true(worst < 0x1p-24 && isnan(probe_at(p, INFINITY, 0, 0)) && isnan(probe_at(p, NAN, 0, 0)));
    }
    arena_free(a);
}

/* f64: relative error of functions whose operand and result are pairs of floats. */
struct wide_row {
    const char *node;
    double lo, hi;
    reference *f;
    int inputs;
};

static const struct wide_row wide_rows[] = {
    {"sin", -30000, 30000, f_sin, 1}, {"sin", -1e6, 1e6, f_sin, 1}, {"cos", -1e6, 1e6, f_cos, 1},
    {"tan", -1e6, 1e6, f_tan, 1},     {"tan", -2, 2, f_tan, 1},     {"exp", -85, 85, f_exp, 1},
    {"exp", -1, 1, f_exp, 1},         {"ln", 1e-20, 1e30, f_ln, 1}, {"ln", 0.5, 2, f_ln, 1},
    {"pow", 0.01, 15, f_pow, 2},
};

static void check_wide(struct arena *a, const struct wide_row *row)
{
    struct probe *p = probe_wide(a, row->node, row->inputs);
    uint64_t seed = 3;
    double worst = 0;
    for (int k = 0; k < 20000; k++) {
        float in[4] = {0}, got[2];
        long double x[2];
        for (int i = 0; i < row->inputs; i++) {
            in[2 * i] = pick(&seed, row->lo, row->hi);
            in[2 * i + 1] = in[2 * i] * (float)((double)test_random(&seed) * 0x1p-58);
            x[i] = (long double)((double)in[2 * i] + (double)in[2 * i + 1]);
        }
        long double exact = row->f(x);
        probe_run(p, (const float *const[]){&in[0], &in[1], &in[2], &in[3]}, (float *const[]){&got[0], &got[1]}, 1);
        if (fabsl(exact) > 1e-25L && fabsl(exact) < 1e37L)
            worst = fmax(worst, (double)fabsl(((long double)got[0] + got[1] - exact) / exact));
    }
    if (getenv("SINTER_VERBOSE"))
        print_message("%s in f64: %.2g\n", row->node, worst);
    if (worst > 1e-12)
        fail_msg("%s in f64 to %g: relative error %.3g", row->node, row->hi, worst);
}

static void f64_functions_are_accurate_to_1e_12(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof wide_rows / sizeof *wide_rows; i++)
        check_wide(a, &wide_rows[i]);
    arena_free(a);
}

/* Small functions and easings, at given points; easings against their formulas in Penner's words. */
struct point {
    const char *text;
    float x, y, z;
    double value;
};

static const struct point points[] = {
    {"abs(in.0)", -3, 0, 0, 3},
    {"sign(in.0)", -3, 0, 0, -1},
    {"sign(in.0)", 0.25, 0, 0, 1},
    {"sign(in.0)", 0, 0, 0, 0},
    {"fract(in.0)", -1.25, 0, 0, 0.75},
    {"saturate(in.0)", 1.5, 0, 0, 1},
    {"saturate(in.0)", -1.5, 0, 0, 0},
    {"isnan(in.0)", NAN, 0, 0, 1},
    {"isnan(in.0)", INFINITY, 0, 0, 0},
    {"isfinite(in.0)", INFINITY, 0, 0, 0},
    {"isfinite(in.0)", NAN, 0, 0, 0},
    {"isfinite(in.0)", -3e38f, 0, 0, 1},
    {"min(in.0, in.1)", NAN, 2, 0, 2},
    {"max(in.0, in.1)", NAN, 2, 0, 2},
    {"min(in.0, in.1)", 2, NAN, 0, NAN},
    {"max(in.0, in.1)", 3, 2, 0, 3},
    {"mod(in.0, in.1)", -1, 3, 0, 2},
    {"mod(in.0, in.1)", 7, 3, 0, 1},
    {"mod(in.0, in.1)", 7, -3, 0, -2},
    {"in.0 % in.1", -7.5, 2, 0, 0.5},
    {"step(in.0, in.1)", 1, 1, 0, 1},
    {"step(in.0, in.1)", 1, 0.5, 0, 0},
    {"pingpong(in.0, in.1)", 3.5, 3, 0, 2.5},
    {"pingpong(in.0, in.1)", -1, 3, 0, 1},
    {"wrap(in.0, in.1)", -1, 3, 0, 2},
    {"bias(in.0, in.1)", 0.5, 0.3f, 0, 0.3},
    {"bias(in.0, in.1)", 1, 0.3f, 0, 1},
    {"schlick_gain(in.0, in.1)", 0.25, 0.3f, 0, 0.15},
    {"schlick_gain(in.0, in.1)", 0.75, 0.3f, 0, 0.85},
    {"schlick_gain(in.0, in.1)", 0.5, 0.3f, 0, 0.5},
    {"quantize(in.0, in.1)", 0.3f, 4, 0, 0.25},
    {"quantize(in.0, in.1)", -0.125, 4, 0, -0.25},
    {"gamma(in.0, in.1)", 0.25, 2, 0, 0.5},
    {"gamma(in.0, in.1)", -1, 2, 0, 0},
    {"contrast(in.0, in.1)", 0.75, 0.5, 0, 0.875},
    {"brightness(in.0, in.1)", 0.75, 0.5, 0, 1.25},
    {"clamp(in.0, in.1, in.2)", 5, -1, 2, 2},
    {"clamp(in.0)", 5, 0, 0, 1},
    {"smoothstep(in.0, in.1, in.2)", 1, 3, 1.5, 0.15625},
    {"smootherstep(in.0, in.1, in.2)", 1, 3, 1.5, 0.103515625},
    {"linearstep(in.0, in.1, in.2)", 1, 3, 1.5, 0.25},
    {"lerp(in.0, in.1, in.2)", 1, 3, 0.25, 1.5},
    {"mix(in.0, in.1, in.2)", 1, 3, 0.25, 1.5},
    {"inverse_lerp(in.0, in.1, in.2)", 1, 3, 1.5, 0.25},
    {"remap(in.0, in.1, in.2, 10, 20)", 1.5, 1, 3, 12.5},
    {"select(in.0, in.1, in.2)", 0.5, 1, 2, 2},
    {"select(in.0, in.1, in.2)", 0.50001f, 1, 2, 1},
    {"dot(vec3(in.0, in.1, in.2), vec3(1, 2, 3))", 4, 5, 6, 32},
    {"distance(vec2(in.0, in.1), vec2(1, 1))", 4, 5, 0, 5},
    {"reflect(vec2(in.0, in.1), vec2(0, 1)).y", 1, -2, 0, 2},
    {"cross(vec3(in.0, in.1, in.2), vec3(4, 5, 6)).x", 1, 2, 3, -3},
    {"cross(vec3(in.0, in.1, in.2), vec3(4, 5, 6)).y", 1, 2, 3, 6},
    {"length(vec3(in.0, in.1, in.2))", 2, 3, 6, 7},
    {"normalize(vec2(in.0, in.1)).y", 3, 4, 0, 0.8},
    {"normalize(vec2(in.0, in.1)).y", 0, 0, 0, 0},
    {"vec4(in.0, in.1, in.2, 7).w", 0, 0, 0, 7},
    {"sin(vec2(in.0, in.1)).y", 0, 1, 0, 0.8414709848078965},
    {"saturation(vec3(in.0, in.1, in.2), -1).z", 1, 0, 0, 0.2126},
    {"saturation(vec3(in.0, in.1, in.2), 0).x", 0.3f, 0.5, 0.7f, 0.3},
    {"ease_linear(in.0)", 0.3f, 0, 0, 0.3},
    {"ease_quad_in(in.0)", 0.25, 0, 0, 0.0625},
    {"ease_quad_out(in.0)", 0.25, 0, 0, 0.4375},
    {"ease_cubic_in(in.0)", 0.25, 0, 0, 0.015625},
    {"ease_cubic_inout(in.0)", 0.25, 0, 0, 0.0625},
    {"ease_quart_out(in.0)", 0.5, 0, 0, 0.9375},
    {"ease_quart_inout(in.0)", 0.75, 0, 0, 0.96875},
    {"ease_quint_in(in.0)", 0.5, 0, 0, 0.03125},
    {"ease_sine_in(in.0)", 0.5, 0, 0, 0.2928932188134524},
    {"ease_sine_out(in.0)", 0.5, 0, 0, 0.7071067811865476},
    {"ease_expo_in(in.0)", 0.5, 0, 0, 0.03125},
    {"ease_expo_out(in.0)", 0.5, 0, 0, 0.96875},
    {"ease_circ_in(in.0)", 0.6f, 0, 0, 0.2},
    {"ease_circ_out(in.0)", 0.4f, 0, 0, 0.8},
    {"ease_back_in(in.0)", 0.5, 0, 0, -0.0876975},
    {"ease_back_out(in.0)", 0.5, 0, 0, 1.0876975},
    {"ease_back_inout(in.0)", 0.25, 0, 0, -0.09968184375},
    {"ease_elastic_in(in.0)", 0.5, 0, 0, -0.015625},
    {"ease_elastic_out(in.0)", 0.5, 0, 0, 1.015625},
    {"ease_elastic_inout(in.0)", 0.25, 0, 0, 0.011969444423734042},
    {"ease_bounce_out(in.0)", 0.5, 0, 0, 0.765625},
    {"ease_bounce_in(in.0)", 0.5, 0, 0, 0.234375},
};

static void small_functions_have_their_values(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        const struct point *q = &points[i];
        double got = (double)probe_at(probe_expr(a, q->text, 3), q->x, q->y, q->z);
        if (isnan(q->value) ? !isnan(got) : !(fabs(got - q->value) <= 3e-7 * fmax(1, fabs(q->value))))
            fail_msg("%s of %g %g %g: %.9g, not %.9g", q->text, (double)q->x, (double)q->y, (double)q->z, got,
                     q->value);
    }
    arena_free(a);
}

/* Every easing runs from 0 to 1; an out is its in turned round; an inout is both at half size. */
static void easings_are_consistent(void **state)
{
    (void)state;
    static const char *const kinds[] = {"quad", "cubic", "quart", "quint",  "sine",
                                        "expo", "circ",  "back",  "bounce", "elastic"};
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct probe *in = probe_expr(a, arena_printf(a, "ease_%s_in(in.0)", kinds[i]), 1);
        struct probe *out = probe_expr(a, arena_printf(a, "ease_%s_out(in.0)", kinds[i]), 1);
        struct probe *both = probe_expr(a, arena_printf(a, "ease_%s_inout(in.0)", kinds[i]), 1);
        bool scaled = strcmp(kinds[i], "back") && strcmp(kinds[i], "elastic"); /* their inouts have other constants */
        for (float x = 0; x <= 1; x += 1 / 64.0f) {
            float e = probe_at(in, x, 0, 0), m = probe_at(both, x, 0, 0);
            assert_true(fabsf(1 - e - probe_at(out, 1 - x, 0, 0)) < 1e-6f);
            assert_true(fabsf(1 - m - probe_at(both, 1 - x, 0, 0)) < 1e-6f);
            if (scaled && x <= 0.5f)
                assert_true(fabsf(probe_at(in, 2 * x, 0, 0) / 2 - m) < 1e-6f);
        }
        assert_true(fabsf(probe_at(in, 0, 0, 0)) < 1e-6f && fabsf(probe_at(in, 1, 0, 0) - 1) < 1e-6f);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_accurate_to_three_and_a_half_ulp),
        cmocka_unit_test(special_values_are_those_of_c),
        cmocka_unit_test(denormals_are_zero),
        cmocka_unit_test(far_angles_stay_bounded),
        cmocka_unit_test(f64_functions_are_accurate_to_1e_12),
        cmocka_unit_test(small_functions_have_their_values),
        cmocka_unit_test(easings_are_consistent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
