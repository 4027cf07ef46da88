/* labels: jit */
/* What other graph compilers got wrong, and the parity suites of the one whose work this takes over: every statement is
 * judged through the interpreter and through kernels, which must agree to the bit before the value counts. */
#include "tests/support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/image/format_image.h"
#include "core/node.h"
#include "core/text.h"
#include "tests/support/engines.h"

enum { LONGEST = 4096, GUARD = 16, CHANNELS = 64 };

static const float guard = 12345.0f;

static float signal[2][LONGEST];              /* channel 0: -1 .. 1; channel 1: another */
static float want[CHANNELS][LONGEST + GUARD]; /* what the reference gave */
static float got[CHANNELS][LONGEST + GUARD];

/* One graph of audio, open in every engine. */
struct subject {
    const char *text;
    struct arena *arena;
    struct rig rigs[TEST_ENGINES];
    uint32_t outputs;
};

static void make_signal(void)
{
    uint64_t seed = 3;
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < LONGEST; i++)
            signal[c][i] = (float)(test_random(&seed) / 2147483648.0 - 1);
}

static struct subject subject_open(const char *text, uint32_t channels)
{
    struct subject s = {.text = text, .arena = arena_new(1 << 24)};
    struct fault fault;
    for (int e = 0; e < TEST_ENGINES; e++) {
        if (!test_engines[e].engine)
            continue;
        fault_init(&fault, s.arena);
        if (rig_open(test_engines[e].engine, text, (struct layout){GRAPH_AUDIO, channels}, e > 0, &s.rigs[e], &fault) !=
            STATUS_OK)
            fail_msg("%s\n%s: %s: %s %s", text, test_engines[e].name, fault.items[0].pointer, fault.items[0].detail,
                     test_engines_log());
    }
    s.outputs = s.rigs[0].program->ir->n_outputs;
    assert_true(s.outputs <= CHANNELS);
    return s;
}

static void subject_close(struct subject *s)
{
    for (int e = 0; e < TEST_ENGINES; e++)
        if (test_engines[e].engine)
            rig_close(&s->rigs[e]);
    arena_free(s->arena);
}

static void subject_reset(struct subject *s, int64_t n)
{
    for (int e = 0; e < TEST_ENGINES; e++)
        if (test_engines[e].engine) {
            rig_reset(&s->rigs[e]);
            s->rigs[e].n = n;
        }
}

static void subject_param(struct subject *s, size_t i, double value)
{
    for (int e = 0; e < TEST_ENGINES; e++)
        if (test_engines[e].engine)
            s->rigs[e].params[i] = value;
}

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

/* The next n samples into want[]; every engine must give the same and leave what lies behind alone. */
static void subject_run(struct subject *s, const float *const *in, int n)
{
    for (int e = 0; e < TEST_ENGINES; e++) {
        float *out[CHANNELS];
        if (!test_engines[e].engine)
            continue;
        for (uint32_t c = 0; c < s->outputs; c++) {
            out[c] = e ? got[c] : want[c];
            for (int i = n; i < n + GUARD; i++)
                out[c][i] = guard;
        }
        rig_run(&s->rigs[e], e > 0, in, out, 0, n, 1);
        for (uint32_t c = 0; c < s->outputs; c++)
            for (int i = 0; i < n + GUARD; i++)
                if (bits_of(out[c][i]) != bits_of(i < n ? want[c][i] : guard))
                    fail_msg("%s\n%s, %d samples: output %u, sample %d is %g (%08x), not %g (%08x)", s->text,
                             test_engines[e].name, n, c, i, (double)out[c][i], bits_of(out[c][i]), (double)want[c][i],
                             bits_of(want[c][i]));
    }
}

/* Opens, runs n samples of the two signals from the start, closes. */
static void evaluate(const char *text, int n)
{
    const float *in[2] = {signal[0], signal[1]};
    struct subject s = subject_open(text, 2);
    subject_run(&s, in, n);
    subject_close(&s);
}

/* The value of an expression for in = x, in.1 = y. */
static float value_at(const char *text, float x, float y)
{
    float a[1] = {x}, b[1] = {y};
    const float *in[2] = {a, b};
    struct subject s = subject_open(text, 2);
    subject_run(&s, in, 1);
    subject_close(&s);
    return want[0][0];
}

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

static void must_be_affine(struct subject *s, const float *x, int n, float gain, float offset)
{
    const float *in[1] = {x};
    subject_run(s, in, n);
    for (int i = 0; i < n; i++)
        if (bits_of(want[0][i]) != bits_of(fma_reference(x[i], gain, offset)))
            fail_msg("%g * %g + %g is %g (%08x), not %g (%08x)", (double)x[i], (double)gain, (double)offset,
                     (double)want[0][i], bits_of(want[0][i]), (double)fma_reference(x[i], gain, offset),
                     bits_of(fma_reference(x[i], gain, offset)));
}

static const char *const affine_text = "{\"params\":{\"g\":1,\"o\":0},\"output\":\"affine(in, g, o)\"}";
static const float gains[] = {0.0f, 1.0f, -1.0f, 0.5f, 2.0f, -0.0f, 1e-3f, 123.456f};
static const float offsets[] = {0.0f, 1.0f, -1.0f, 0.5f, -0.5f, -0.0f, 1e-6f, 1e6f, -3.25f, 0.1f, 1e-40f};

static void gain_and_offset_are_one_fma_at_every_size(void **state)
{
    (void)state;
    struct subject s = subject_open(affine_text, 1);
    size_t pairs = 0;
    for (size_t g = 0; g < sizeof gains / sizeof *gains; g++)
        for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++, pairs++) {
            subject_param(&s, 0, (double)gains[g]);
            subject_param(&s, 1, (double)offsets[o]);
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                must_be_affine(&s, signal[0] + (i % 3), sizes[i] > LONGEST - 3 ? LONGEST - 3 : sizes[i], gains[g],
                               offsets[o]);
        }
    assert_int_equal(pairs, 88);
    assert_int_equal(sizeof sizes / sizeof *sizes, 25);
    subject_close(&s);
}

static void edge_values_pass_through_gain_and_offset(void **state)
{
    (void)state;
    static const float edges[] = {0.0f,     -0.0f,   FLT_TRUE_MIN, -FLT_TRUE_MIN, 1e-40f,      -1e-40f,  FLT_MIN,
                                  -FLT_MIN, FLT_MAX, -FLT_MAX,     1e38f,         -1e38f,      INFINITY, -INFINITY,
                                  NAN,      1.0f,    -1.0f,        FLT_EPSILON,   16777216.0f, 0.1f};
    enum { EDGES = sizeof edges / sizeof *edges };
    struct subject s = subject_open(affine_text, 1);
    for (size_t g = 0; g < EDGES; g++)
        for (size_t o = 0; o < EDGES; o++) {
            subject_param(&s, 0, (double)edges[g]);
            subject_param(&s, 1, (double)edges[o]);
            must_be_affine(&s, edges, EDGES, edges[g], edges[o]);
        }
    subject_close(&s);
}

static void resins_worked_example_is_x_plus_one_and_a_half(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (int baked = 0; baked < 2; baked++) {
        evaluate(graph_of(a, "offset(gain(offset(gain(in, 0.5), 1), 2), -0.5)", baked), 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(bits_of(want[0][i]), bits_of(signal[0][i] + 1.5f));
        evaluate(graph_of(a, "(in*0.5 + 1)*2 - 0.5", baked), 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(bits_of(want[0][i]), bits_of(signal[0][i] + 1.5f));
    }
    arena_free(a);
}

/* The mistakes of others */

static void a_modulated_frequency_is_heard(void **state)
{
    (void)state;
    double phase = 0, low = 0;
    evaluate("{\"output\":[\"sine(2000 + 1500*in)\",\"onepole_lp(in.1, 2000 + 1500*in)\"]}", 1000);
    for (int i = 0; i < 1000; i++) {
        double freq = (double)(2000 + 1500 * signal[0][i]);
        low += (1 - exp(-2 * M_PI * freq / 48000)) * ((double)signal[1][i] - low);
        assert_float_equal(want[0][i], (float)sin(2 * M_PI * phase), 1e-4);
        assert_float_equal(want[1][i], (float)low, 1e-5);
        phase += freq / 48000;
    }
}

static void softclip_keeps_its_drive(void **state)
{
    (void)state;
    evaluate("{\"output\":[\"softclip(in, 3)\",\"softclip(in, 4*in.1)\",\"softclip(in)\"]}", 1000);
    for (int i = 0; i < 1000; i++) {
        assert_float_equal(want[0][i], tanhf(3 * signal[0][i]), 1e-6);
        assert_float_equal(want[1][i], tanhf(4 * signal[1][i] * signal[0][i]), 2e-6);
        assert_float_equal(want[2][i], tanhf(signal[0][i]), 1e-6);
    }
}

/* A call of a node in which input `at` (or none: -1) reads `text`, the other required runtime inputs in.0, and all else
 * is left out. */
static const char *call_text(struct arena *a, const struct node_def *def, int at, const char *value)
{
    char *text = arena_printf(a, "%s(", def->name);
    bool first = true;
    for (size_t i = 0; i < def->n_inputs; i++) {
        const struct node_input *in = &def->inputs[i];
        bool vec = in->type == INPUT_VEC && strcmp(in->name, "period") != 0;
        const char *mine = (int)i == at ? value : "in.0";
        if ((int)i != at && !in->required)
            continue;
        text =
            arena_printf(a, vec ? "%s%s%s=vec3(%s, in.0, 0.3)" : "%s%s%s=%s", text, first ? "" : ", ", in->name, mine);
        first = false;
    }
    bool vector = (def->flags & NODE_VECTOR) != 0;
    return arena_printf(a, vector ? "%s).y" : "%s)", text);
}

/* Some nodes want more than their required inputs say: a list, or colours that fit. Those are few. */
static bool is_well_formed(struct arena *a, const char *expression)
{
    struct rig s;
    struct fault fault;
    fault_init(&fault, a);
    const char *text = arena_printf(a, "{\"output\":[\"%s\"]}", expression);
    if (rig_open(test_engines[0].engine, text, (struct layout){GRAPH_AUDIO, 2}, false, &s, &fault) != STATUS_OK)
        return false;
    rig_close(&s);
    return true;
}

static void inputs_left_out_mean_the_same_everywhere(void **state)
{
    (void)state;
    enum { TOGETHER = 32 };
    struct arena *a = arena_new((size_t)64 << 20);
    char *outputs = arena_strdup(a, "");
    size_t n = 0, odd = 0;
    for (size_t i = 0; i < node_count(); i++) {
        const char *text = call_text(a, node_at(i), -1, NULL);
        bool pixels = node_at(i)->flags & NODE_FIELD; /* reads no audio: its own tests leave inputs out */
        bool good = !pixels && is_well_formed(a, text);
        odd += !good && !pixels;
        if (good)
            outputs = arena_printf(a, "%s%s\"%s\"", outputs, n++ % TOGETHER ? "," : "", text);
        if (*outputs && ((good && n % TOGETHER == 0) || i + 1 == node_count())) {
            evaluate(arena_printf(a, "{\"output\":[%s]}", outputs), 700);
            outputs = arena_strdup(a, "");
        }
    }
    assert_true(odd * 20 < node_count());
    arena_free(a);
}

static void time_does_not_drift_and_is_no_f32(void **state)
{
    (void)state;
    enum { N = 100 };
    static const int64_t starts[] = {0, 47999, (int64_t)1 << 24, 1000000000, (int64_t)1 << 32, (int64_t)1 << 45};
    const float *in[2] = {signal[0], signal[1]};
    struct arena *a = arena_new(1 << 20);
    for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
        double whole = floor((double)starts[k] / 48000);
        struct subject s = subject_open(
            arena_printf(a, "{\"output\":[\"t - %.0f\",\"n - %lld\",\"t\"]}", whole, (long long)starts[k]), 2);
        subject_reset(&s, starts[k]);
        for (int block = 0, at = 0; block < 3; block++, at += N) {
            subject_run(&s, in, N);
            for (int i = 0; i < N; i++) {
                double t = (double)(starts[k] + at + i) / 48000;
                assert_int_equal(bits_of(want[0][i]), bits_of((float)(t - whole)));
                assert_int_equal(bits_of(want[1][i]), bits_of((float)(at + i)));
                assert_int_equal(bits_of(want[2][i]), bits_of((float)t));
            }
        }
        subject_close(&s);
    }
    arena_free(a);
}

static void a_tone_from_t_stays_clean_far_out(void **state)
{
    (void)state;
    const float *in[2] = {signal[0], signal[1]};
    struct subject s = subject_open("{\"output\":[\"sin(2*pi*440*t)\"]}", 2);
    subject_reset(&s, 1000000000);
    subject_run(&s, in, 1000);
    for (int i = 0; i < 1000; i++) {
        long double turns = 440.0L * (1000000000.0L + i) / 48000.0L;
        assert_float_equal(want[0][i], (float)sin(2 * M_PI * (double)(turns - floorl(turns))), 1e-6);
    }
    subject_close(&s);
}

static void a_new_stream_remembers_nothing(void **state)
{
    (void)state;
    static float first[CHANNELS][LONGEST];
    const float *in[2] = {signal[0], signal[1]};
    struct subject s = subject_open(
        "{\"nodes\":{\"echo\":{\"op\":\"delay\",\"in\":\"in + "
        "0.5*echo\",\"time\":0.001}},\"output\":[\"echo\",\"lowpass(in, 300)\","
        "\"svf(in, 400).bp\",\"adsr(in > 0)\",\"sine(300)\",\"saw(200)\",\"z1(in)\",\"onepole_lp(in, 50)\"]}",
        2);
    for (int turn = 0; turn < 2; turn++) {
        subject_reset(&s, 0);
        subject_run(&s, in, 777);
        for (uint32_t c = 0; c < s.outputs && turn == 0; c++)
            memcpy(first[c], want[c], sizeof first[c]);
    }
    for (uint32_t c = 0; c < s.outputs; c++)
        assert_memory_equal(first[c], want[c], 777 * sizeof(float));
    subject_close(&s);
}

static void smooth_subtraction_blends_the_right_way(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (int baked = 0; baked < 2; baked++) {
        assert_true(value_at(graph_of(a, "smooth_subtraction(-2, -2, 0)", baked), 0, 0) == 2.0f);
        assert_true(value_at(graph_of(a, "smooth_subtraction(in, in.1, 0)", baked), -2, -2) == 2.0f);
        assert_true(value_at(graph_of(a, "smooth_union(in, in.1, 0)", baked), -2, 3) == -2.0f);
        assert_true(value_at(graph_of(a, "smooth_intersection(in, in.1, 0)", baked), -2, 3) == 3.0f);
        /* At |a - -b| = 0 the blend is k/4 deep, outwards: max(a, -b) + k/4. */
        assert_float_equal(value_at(graph_of(a, "smooth_subtraction(in, in.1, 0.4)", baked), 1, -1), 1.1, 1e-6);
        assert_float_equal(value_at(graph_of(a, "smooth_union(in, in.1, 0.4)", baked), 1, 1), 0.9, 1e-6);
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
        assert_true(value_at(graph_of(a, points[i].text, false), points[i].x, points[i].y) == points[i].value);
    assert_true(value_at(graph_of(a, "mod(-7, 3) + fract(-0.25)", true), 0, 0) == 2.75f);
    arena_free(a);
}

static void a_gain_of_one_that_moves_is_kept(void **state)
{
    (void)state;
    const float *in[2] = {signal[0], signal[1]};
    struct subject s =
        subject_open("{\"params\":{\"g\":1,\"o\":0},\"output\":[\"offset(gain(in, g), o)\",\"gain(in, in.1)\"]}", 2);
    for (int step = 0; step < 3; step++) {
        float g = (float)(1 + step);
        subject_param(&s, 0, (double)g);
        subject_param(&s, 1, step == 2 ? 0.25 : 0);
        subject_run(&s, in, 500);
        for (int i = 0; i < 500; i++) {
            assert_true(want[0][i] == fmaf(signal[0][i], g, step == 2 ? 0.25f : 0));
            assert_true(want[1][i] == signal[0][i] * signal[1][i]);
        }
    }
    subject_close(&s);
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
        evaluate(arena_printf(a, "%.*s%s%s", (int)(at - text), text, baked ? "true" : "false", at + 2), 400);
        for (int i = 0; i < 400; i++) {
            float x = signal[0][i];
            assert_true(want[0][i] == 2 * x);
            assert_true(want[1][i] == fmaf(2, x, 1));
            assert_true(want[2][i] == x + 0.5f);
            assert_float_equal(want[3][i], 2 * x * (2 * x + 1), 1e-6);
        }
    }
    arena_free(a);
}

static void the_order_of_nodes_means_nothing(void **state)
{
    (void)state;
    static float first[LONGEST];
    evaluate("{\"nodes\":{\"a\":{\"op\":\"gain\",\"in\":\"in\",\"gain\":3},\"b\":{\"op\":\"z1\",\"in\":\"a\"},\"c\":{"
             "\"op\":\"offset\",\"in\":\"b + a\",\"offset\":1}},"
             "\"output\":[\"c\"]}",
             300);
    memcpy(first, want[0], sizeof first);
    evaluate("{\"nodes\":{\"c\":{\"op\":\"offset\",\"in\":\"b + "
             "a\",\"offset\":1},\"b\":{\"op\":\"z1\",\"in\":\"a\"},\"a\":{\"op\":\"gain\",\"in\":\"in\",\"gain\":3}},"
             "\"output\":[\"c\"]}",
             300);
    assert_memory_equal(first, want[0], 300 * sizeof(float));
    assert_true(want[0][1] != 1); /* and not what a successor that reads 0 gives */
}

static void a_delay_of_nothing_reads_the_present_sample(void **state)
{
    (void)state;
    evaluate("{\"params\":{\"d\":0},\"output\":[\"delay(in, 0)\",\"delay(in, 0, interp='none')\",\"delay(in, d, "
             "max=0.01)\",\"delay(in, 0*in.1, max=0.01)\","
             "\"delay(in, 1/rate, max=0.01, interp='none')\"]}",
             3000);
    for (uint32_t c = 0; c < 4; c++)
        assert_memory_equal(want[c], signal[0], 3000 * sizeof(float));
    assert_memory_equal(want[4] + 1, signal[0], 2999 * sizeof(float));
    assert_true(want[4][0] == 0);
}

static void what_may_be_nan_is_not_folded(void **state)
{
    (void)state;
    static const char *const texts[] = {"in*0", "0*in", "in - in", "in/in", "0/in*0", "in - in + 1", "in*0 + in.1*0"};
    struct arena *a = arena_new(1 << 20);
    for (int baked = 0; baked < 2; baked++)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            assert_int_equal(bits_of(value_at(graph_of(a, texts[i], baked), NAN, 1)), 0x7fc00000u);
            if (i < 4)
                assert_int_equal(bits_of(value_at(graph_of(a, texts[i], baked), INFINITY, 1)), 0x7fc00000u);
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
            if (bits_of(value_at(graph_of(a, cases[i].text, baked), -0.0f, 1)) != cases[i].bits)
                fail_msg("%s of -0%s is %08x", cases[i].text, baked ? ", baked," : "", bits_of(want[0][0]));
    arena_free(a);
}

/* A graph in the reference engine only: its shape and what it gives. */
static struct bytes shape_and_samples(struct arena *a, const char *expression, float *out, int n)
{
    struct rig s;
    struct fault fault;
    const float *in[2] = {signal[0], signal[1]};
    float *to[1] = {out};
    const char *text = arena_printf(a, "{\"output\":[\"%s\"]}", expression);
    fault_init(&fault, a);
    if (rig_open(test_engines[0].engine, text, (struct layout){GRAPH_AUDIO, 2}, false, &s, &fault) != STATUS_OK)
        fail_msg("%s: %s", expression, fault.items[0].detail);
    assert_int_equal(s.program->ir->n_outputs, 1);
    rig_run(&s, false, in, to, 0, n, 1);
    struct bytes shape = ir_shape(s.program->ir, a);
    rig_close(&s);
    return shape;
}

static void must_tell_apart(struct arena *a, const char *x, const char *y)
{
    if (!is_well_formed(a, x) || !is_well_formed(a, y))
        return;
    static float from_x[400], from_y[400];
    struct bytes p = shape_and_samples(a, x, from_x, 400), q = shape_and_samples(a, y, from_y, 400);
    bool alike = p.n == q.n && !memcmp(p.data, q.data, p.n);
    if (alike && memcmp(from_x, from_y, sizeof from_x))
        fail_msg("%s and %s share a kernel and are not the same", x, y);
}

/* Each input of each node wired to another channel, and each choice: where samples differ, the key must. */
static void the_key_sees_every_input(void **state)
{
    (void)state;
    for (size_t k = 0; k < node_count(); k++) {
        const struct node_def *def = node_at(k);
        struct arena *a = arena_new((size_t)64 << 20);
        for (size_t i = 0; i < def->n_inputs; i++) {
            const struct node_input *in = &def->inputs[i];
            if (in->choices)
                for (size_t c = 1; in->choices[c]; c++)
                    must_tell_apart(a, call_text(a, def, (int)i, arena_printf(a, "'%s'", in->choices[c - 1])),
                                    call_text(a, def, (int)i, arena_printf(a, "'%s'", in->choices[c])));
            else if (!strcmp(in->name, "octaves"))
                must_tell_apart(a, call_text(a, def, (int)i, "2"), call_text(a, def, (int)i, "3"));
            bool wired = in->type != INPUT_SHAPE && strcmp(in->name, "period") != 0;
            bool coordinate = in->optional && i > 0 && def->inputs[i - 1].optional; /* z without y makes no sense */
            if (wired && !coordinate && strcmp(def->name, "delay") != 0)
                must_tell_apart(a, call_text(a, def, (int)i, "in.0"), call_text(a, def, (int)i, "in.1"));
        }
        arena_free(a);
    }
}

static void pixels_are_rounded_and_not_cut(void **state)
{
    (void)state;
    float in[512], *planes[1] = {in};
    uint8_t out[512];
    struct counts counts = {0};
    struct raster r = {.data = out, .width = 512, .height = 1, .channels = 1, .bits = 8};
    for (int i = 0; i < 256; i++) {
        in[2 * i] = (float)((i + 0.49) / 255);
        in[2 * i + 1] = (float)((i + 0.51) / 255);
    }
    raster_rows(&r, 0, 1, planes, 512, &counts);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(out[2 * i], i);
        assert_int_equal(out[2 * i + 1], i == 255 ? 255 : i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gain_and_offset_are_one_fma_at_every_size),
        cmocka_unit_test(edge_values_pass_through_gain_and_offset),
        cmocka_unit_test(resins_worked_example_is_x_plus_one_and_a_half),
        cmocka_unit_test(a_modulated_frequency_is_heard),
        cmocka_unit_test(softclip_keeps_its_drive),
        cmocka_unit_test(inputs_left_out_mean_the_same_everywhere),
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
        cmocka_unit_test(the_key_sees_every_input),
        cmocka_unit_test(pixels_are_rounded_and_not_cut),
    };
    make_signal();
    if (!test_engines_start())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_engines_stop();
    return failed;
}
