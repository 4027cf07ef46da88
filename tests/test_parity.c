/* labels: jit */
/* What other graph compilers got wrong, and the parity suites of the one whose work this takes over: every statement is
 * judged through the interpreter and through kernels, which must agree to the bit before the value counts. */
#include "tests/support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/parity.h"

/* A graph of one output over both channels; `baked` makes its literals structural. */
static const char *graph_of(struct arena *a, const char *expression, bool baked)
{
    return arena_printf(a, "{\"bake\":%s,\"output\":[\"%s\"]}", baked ? "true" : "false", expression);
}

/* resin's parity suites */

static const int sizes[] = {0,  1,  2,  3,  4,  5,   7,   8,   9,   15,  16,   17,  31,
                            32, 33, 63, 64, 65, 100, 127, 128, 255, 256, 1000, 4096};

static float fma_reference(float x, float gain, float offset)
{
    float y = fmaf(x, gain, offset);
    return y == y ? y : __builtin_nanf("");
}

static void must_be_affine(struct parity *s, const float *x, int n, float gain, float offset)
{
    const float *in[1] = {x};
    parity_run(s, in, n);
    for (int i = 0; i < n; i++)
        if (parity_bits(parity_want[0][i]) != parity_bits(fma_reference(x[i], gain, offset)))
            fail_msg("%g * %g + %g is %g (%08x), not %g (%08x)", (double)x[i], (double)gain, (double)offset,
                     (double)parity_want[0][i], parity_bits(parity_want[0][i]),
                     (double)fma_reference(x[i], gain, offset), parity_bits(fma_reference(x[i], gain, offset)));
}

static const char *const affine_text = "{\"params\":{\"g\":1,\"o\":0},\"output\":\"affine(in, g, o)\"}";
static const float gains[] = {0.0f, 1.0f, -1.0f, 0.5f, 2.0f, -0.0f, 1e-3f, 123.456f};
static const float offsets[] = {0.0f, 1.0f, -1.0f, 0.5f, -0.5f, -0.0f, 1e-6f, 1e6f, -3.25f, 0.1f, 1e-40f};

static void gain_and_offset_are_one_fma_at_every_size(void **state)
{
    (void)state;
    struct parity s = parity_open(affine_text, 1);
    size_t pairs = 0;
    for (size_t g = 0; g < sizeof gains / sizeof *gains; g++)
        for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++, pairs++) {
            parity_param(&s, 0, (double)gains[g]);
            parity_param(&s, 1, (double)offsets[o]);
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                must_be_affine(&s, parity_signal[0] + (i % 3),
                               sizes[i] > PARITY_LONGEST - 3 ? PARITY_LONGEST - 3 : sizes[i], gains[g], offsets[o]);
        }
    assert_int_equal(pairs, 88);
    assert_int_equal(sizeof sizes / sizeof *sizes, 25);
    parity_close(&s);
}

static void edge_values_pass_through_gain_and_offset(void **state)
{
    (void)state;
    static const float edges[] = {0.0f,     -0.0f,   FLT_TRUE_MIN, -FLT_TRUE_MIN, 1e-40f,      -1e-40f,  FLT_MIN,
                                  -FLT_MIN, FLT_MAX, -FLT_MAX,     1e38f,         -1e38f,      INFINITY, -INFINITY,
                                  NAN,      1.0f,    -1.0f,        FLT_EPSILON,   16777216.0f, 0.1f};
    enum { EDGES = sizeof edges / sizeof *edges };
    struct parity s = parity_open(affine_text, 1);
    for (size_t g = 0; g < EDGES; g++)
        for (size_t o = 0; o < EDGES; o++) {
            parity_param(&s, 0, (double)edges[g]);
            parity_param(&s, 1, (double)edges[o]);
            must_be_affine(&s, edges, EDGES, edges[g], edges[o]);
        }
    parity_close(&s);
}

static void resins_worked_example_is_x_plus_one_and_a_half(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (int baked = 0; baked < 2; baked++) {
        parity_evaluate(graph_of(a, "offset(gain(offset(gain(in, 0.5), 1), 2), -0.5)", baked), 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(parity_bits(parity_want[0][i]), parity_bits(parity_signal[0][i] + 1.5f));
        parity_evaluate(graph_of(a, "(in*0.5 + 1)*2 - 0.5", baked), 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(parity_bits(parity_want[0][i]), parity_bits(parity_signal[0][i] + 1.5f));
    }
    arena_free(a);
}

/* The mistakes of others */

static void a_modulated_frequency_is_heard(void **state)
{
    (void)state;
    double phase = 0, low = 0;
    parity_evaluate("{\"output\":[\"sine(2000 + 1500*in)\",\"onepole_lp(in.1, 2000 + 1500*in)\"]}", 1000);
    for (int i = 0; i < 1000; i++) {
        double freq = (double)(2000 + 1500 * parity_signal[0][i]);
        low += (1 - exp(-2 * M_PI * freq / 48000)) * ((double)parity_signal[1][i] - low);
        assert_float_equal(parity_want[0][i], (float)sin(2 * M_PI * phase), 1e-4);
        assert_float_equal(parity_want[1][i], (float)low, 1e-5);
        phase += freq / 48000;
    }
}

static void softclip_keeps_its_drive(void **state)
{
    (void)state;
    parity_evaluate("{\"output\":[\"softclip(in, 3)\",\"softclip(in, 4*in.1)\",\"softclip(in)\"]}", 1000);
    for (int i = 0; i < 1000; i++) {
        assert_float_equal(parity_want[0][i], tanhf(3 * parity_signal[0][i]), 1e-6);
        assert_float_equal(parity_want[1][i], tanhf(4 * parity_signal[1][i] * parity_signal[0][i]), 2e-6);
        assert_float_equal(parity_want[2][i], tanhf(parity_signal[0][i]), 1e-6);
    }
}

static void time_does_not_drift_and_is_no_f32(void **state)
{
    (void)state;
    enum { N = 100 };
    static const int64_t starts[] = {0, 47999, (int64_t)1 << 24, 1000000000, (int64_t)1 << 32, (int64_t)1 << 45};
    const float *in[2] = {parity_signal[0], parity_signal[1]};
    struct arena *a = arena_new(1 << 20);
    for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
        double whole = floor((double)starts[k] / 48000);
        struct parity s = parity_open(
            arena_printf(a, "{\"output\":[\"t - %.0f\",\"n - %lld\",\"t\"]}", whole, (long long)starts[k]), 2);
        parity_reset(&s, starts[k]);
        for (int block = 0, at = 0; block < 3; block++, at += N) {
            parity_run(&s, in, N);
            for (int i = 0; i < N; i++) {
                double t = (double)(starts[k] + at + i) / 48000;
                assert_int_equal(parity_bits(parity_want[0][i]), parity_bits((float)(t - whole)));
                assert_int_equal(parity_bits(parity_want[1][i]), parity_bits((float)(at + i)));
                assert_int_equal(parity_bits(parity_want[2][i]), parity_bits((float)t));
            }
        }
        parity_close(&s);
    }
    arena_free(a);
}

static void a_tone_from_t_stays_clean_far_out(void **state)
{
    (void)state;
    const float *in[2] = {parity_signal[0], parity_signal[1]};
    struct parity s = parity_open("{\"output\":[\"sin(2*pi*440*t)\"]}", 2);
    parity_reset(&s, 1000000000);
    parity_run(&s, in, 1000);
    for (int i = 0; i < 1000; i++) {
        long double turns = 440.0L * (1000000000.0L + i) / 48000.0L;
        assert_float_equal(parity_want[0][i], (float)sin(2 * M_PI * (double)(turns - floorl(turns))), 1e-6);
    }
    parity_close(&s);
}

static void a_new_stream_remembers_nothing(void **state)
{
    (void)state;
    static float first[PARITY_CHANNELS][PARITY_LONGEST];
    const float *in[2] = {parity_signal[0], parity_signal[1]};
    struct parity s = parity_open(
        "{\"nodes\":{\"echo\":{\"op\":\"delay\",\"in\":\"in + "
        "0.5*echo\",\"time\":0.001}},\"output\":[\"echo\",\"lowpass(in, 300)\","
        "\"svf(in, 400).bp\",\"adsr(in > 0)\",\"sine(300)\",\"saw(200)\",\"z1(in)\",\"onepole_lp(in, 50)\"]}",
        2);
    for (int turn = 0; turn < 2; turn++) {
        parity_reset(&s, 0);
        parity_run(&s, in, 777);
        for (uint32_t c = 0; c < s.outputs && turn == 0; c++)
            memcpy(first[c], parity_want[c], sizeof first[c]);
    }
    for (uint32_t c = 0; c < s.outputs; c++)
        assert_memory_equal(first[c], parity_want[c], 777 * sizeof(float));
    parity_close(&s);
}

static void smooth_subtraction_blends_the_right_way(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (int baked = 0; baked < 2; baked++) {
        assert_true(parity_value(graph_of(a, "smooth_subtraction(-2, -2, 0)", baked), 0, 0) == 2.0f);
        assert_true(parity_value(graph_of(a, "smooth_subtraction(in, in.1, 0)", baked), -2, -2) == 2.0f);
        assert_true(parity_value(graph_of(a, "smooth_union(in, in.1, 0)", baked), -2, 3) == -2.0f);
        assert_true(parity_value(graph_of(a, "smooth_intersection(in, in.1, 0)", baked), -2, 3) == 3.0f);
        /* At |a - -b| = 0 the blend is k/4 deep, outwards: max(a, -b) + k/4. */
        assert_float_equal(parity_value(graph_of(a, "smooth_subtraction(in, in.1, 0.4)", baked), 1, -1), 1.1, 1e-6);
        assert_float_equal(parity_value(graph_of(a, "smooth_union(in, in.1, 0.4)", baked), 1, 1), 0.9, 1e-6);
    }
    arena_free(a);
}

static void mod_and_fract_floor_below_zero(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        float x, y, value;
    } points[] = {
        {"mod(in, in.1)", -0.25f, 1, 0.75f}, {"mod(in, in.1)", -7, 3, 2},
        {"mod(in, in.1)", 7, -3, -2},        {"in % in.1", -7, 3, 2},
        {"fract(in)", -0.25f, 0, 0.75f},     {"fract(in)", -3, 0, 0},
        {"wrap(in, in.1)", -1.5f, 4, 2.5f},
    };
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        assert_true(parity_value(graph_of(a, points[i].text, false), points[i].x, points[i].y) == points[i].value);
    assert_true(parity_value(graph_of(a, "mod(-7, 3) + fract(-0.25)", true), 0, 0) == 2.75f);
    arena_free(a);
}

static void a_gain_of_one_that_moves_is_kept(void **state)
{
    (void)state;
    const float *in[2] = {parity_signal[0], parity_signal[1]};
    struct parity s =
        parity_open("{\"params\":{\"g\":1,\"o\":0},\"output\":[\"offset(gain(in, g), o)\",\"gain(in, in.1)\"]}", 2);
    for (int step = 0; step < 3; step++) {
        float g = (float)(1 + step);
        parity_param(&s, 0, (double)g);
        parity_param(&s, 1, step == 2 ? 0.25 : 0);
        parity_run(&s, in, 500);
        for (int i = 0; i < 500; i++) {
            assert_true(parity_want[0][i] == fmaf(parity_signal[0][i], g, step == 2 ? 0.25f : 0));
            assert_true(parity_want[1][i] == parity_signal[0][i] * parity_signal[1][i]);
        }
    }
    parity_close(&s);
}

static void outputs_inside_a_chain_survive_its_fusion(void **state)
{
    (void)state;
    static const char *const nodes =
        "{\"bake\":%s,\"nodes\":{\"a\":{\"op\":\"gain\",\"in\":\"in\",\"gain\":2},\"b\":{\"op\":\"offset\",\"in\":"
        "\"a\",\"offset\":1},"
        "\"c\":{\"op\":\"gain\",\"in\":\"b\",\"gain\":0.5}},\"output\":[\"a\",\"b\",\"c\",\"a*b\"]}";
    struct arena *a = arena_new(1 << 20);
    for (int baked = 0; baked < 2; baked++) {
        char *text = arena_printf(a, "%s", nodes);
        char *at = strstr(text, "%s");
        parity_evaluate(arena_printf(a, "%.*s%s%s", (int)(at - text), text, baked ? "true" : "false", at + 2), 400);
        for (int i = 0; i < 400; i++) {
            float x = parity_signal[0][i];
            assert_true(parity_want[0][i] == 2 * x);
            assert_true(parity_want[1][i] == fmaf(2, x, 1));
            assert_true(parity_want[2][i] == x + 0.5f);
            assert_float_equal(parity_want[3][i], 2 * x * (2 * x + 1), 1e-6);
        }
    }
    arena_free(a);
}

static void the_order_of_nodes_means_nothing(void **state)
{
    (void)state;
    static float first[PARITY_LONGEST];
    parity_evaluate(
        "{\"nodes\":{\"a\":{\"op\":\"gain\",\"in\":\"in\",\"gain\":3},\"b\":{\"op\":\"z1\",\"in\":\"a\"},\"c\":{"
        "\"op\":\"offset\",\"in\":\"b + a\",\"offset\":1}},"
        "\"output\":[\"c\"]}",
        300);
    memcpy(first, parity_want[0], sizeof first);
    parity_evaluate(
        "{\"nodes\":{\"c\":{\"op\":\"offset\",\"in\":\"b + "
        "a\",\"offset\":1},\"b\":{\"op\":\"z1\",\"in\":\"a\"},\"a\":{\"op\":\"gain\",\"in\":\"in\",\"gain\":3}},"
        "\"output\":[\"c\"]}",
        300);
    assert_memory_equal(first, parity_want[0], 300 * sizeof(float));
    assert_true(parity_want[0][1] != 1); /* and not what a successor that reads 0 gives */
}

static void a_delay_of_nothing_reads_the_present_sample(void **state)
{
    (void)state;
    parity_evaluate("{\"params\":{\"d\":0},\"output\":[\"delay(in, 0)\",\"delay(in, 0, interp='none')\",\"delay(in, d, "
                    "max=0.01)\",\"delay(in, 0*in.1, max=0.01)\","
                    "\"delay(in, 1/rate, max=0.01, interp='none')\"]}",
                    3000);
    for (uint32_t c = 0; c < 4; c++)
        assert_memory_equal(parity_want[c], parity_signal[0], 3000 * sizeof(float));
    assert_memory_equal(parity_want[4] + 1, parity_signal[0], 2999 * sizeof(float));
    assert_true(parity_want[4][0] == 0);
}

static void what_may_be_nan_is_not_folded(void **state)
{
    (void)state;
    static const char *const texts[] = {"in*0", "0*in", "in - in", "in/in", "0/in*0", "in - in + 1", "in*0 + in.1*0"};
    struct arena *a = arena_new(1 << 20);
    for (int baked = 0; baked < 2; baked++)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            assert_int_equal(parity_bits(parity_value(graph_of(a, texts[i], baked), NAN, 1)), 0x7fc00000u);
            if (i < 4)
                assert_int_equal(parity_bits(parity_value(graph_of(a, texts[i], baked), INFINITY, 1)), 0x7fc00000u);
        }
    arena_free(a);
}

static void minus_zero_is_not_zero(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t bits; /* for in = -0 */
    } cases[] = {
        {"in", 0x80000000u},
        {"in + 0", 0},
        {"0 + in", 0},
        {"in - 0", 0x80000000u},
        {"in*1", 0x80000000u},
        {"in/1", 0x80000000u},
        {"-in", 0},
        {"0 - in", 0},
        {"in*-1", 0},
        {"in*0", 0x80000000u},
        {"in + in", 0x80000000u},
        {"in + -0.0", 0x80000000u},
        {"abs(in)", 0},
        {"sqrt(in)", 0x80000000u},
        {"floor(in)", 0x80000000u},
    };
    struct arena *a = arena_new(1 << 20);
    for (int baked = 0; baked < 2; baked++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            if (parity_bits(parity_value(graph_of(a, cases[i].text, baked), -0.0f, 1)) != cases[i].bits)
                fail_msg("%s of -0%s is %08x", cases[i].text, baked ? ", baked," : "", parity_bits(parity_want[0][0]));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gain_and_offset_are_one_fma_at_every_size),
        cmocka_unit_test(edge_values_pass_through_gain_and_offset),
        cmocka_unit_test(resins_worked_example_is_x_plus_one_and_a_half),
        cmocka_unit_test(a_modulated_frequency_is_heard),
        cmocka_unit_test(softclip_keeps_its_drive),
        cmocka_unit_test(time_does_not_drift_and_is_no_f32),
        cmocka_unit_test(a_tone_from_t_stays_clean_far_out),
        cmocka_unit_test(a_new_stream_remembers_nothing),
        cmocka_unit_test(smooth_subtraction_blends_the_right_way),
        cmocka_unit_test(mod_and_fract_floor_below_zero),
        cmocka_unit_test(a_gain_of_one_that_moves_is_kept),
        cmocka_unit_test(outputs_inside_a_chain_survive_its_fusion),
        cmocka_unit_test(the_order_of_nodes_means_nothing),
        cmocka_unit_test(a_delay_of_nothing_reads_the_present_sample),
        cmocka_unit_test(what_may_be_nan_is_not_folded),
        cmocka_unit_test(minus_zero_is_not_zero),
    };
    return parity_main("test_parity", tests, sizeof tests / sizeof *tests);
}
