/* labels: jit */
/* A walk through the vocabulary of audio: each node with its defaults, and with each of its runtime inputs moved by a
 * sine at audio rate, gives finite samples, the same bytes in every engine and for every split of the input; and
 * forgets what was no number. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/node.h"
#include "core/text.h"
#include "tests/support.h"
#include "tests/support/engines.h"

enum { LONG = 3000, CHANNELS = 24, RECOVERY = 96000 };

#define NODES(rows) extern const struct node_row rows[];
#include "core/nodes/nodes.def"
#undef NODES

static const struct {
    const char *name;
    const struct node_row *rows;
} tables[] = {
#define NODES(rows) {#rows, rows},
#include "core/nodes/nodes.def"
#undef NODES
};

static float signal[2][RECOVERY];
static float want[CHANNELS][LONG], got[CHANNELS][LONG], long_out[CHANNELS][RECOVERY];
static struct arena *arena;

/* Noise in bursts: gates open and close, strings are struck. */
static void make_signal(void)
{
    uint64_t seed = 11;
    for (int n = 0; n < RECOVERY; n++)
        for (int c = 0; c < 2; c++) {
            double noise = test_random(&seed) / 2147483648.0 - 1;
            signal[c][n] = n / 500 % 3 == 2 ? 0 : (float)(0.8 * noise);
        }
}

/* What moves an input about as far as makes sense, many times within a block. */
static const char *moved(const struct node_input *in)
{
    double v = in->value;
    if (in->type == INPUT_VEC)
        return "vec4(1 + 0.5*sine(431), 2, 3 + sine(733), 4)";
    if (in->unit && !strcmp(in->unit, "Hz"))
        return arena_printf(arena, "%.17g*(1 + 0.8*sine(1731))", v > 0 ? v : 1000);
    if (in->unit && !strcmp(in->unit, "s"))
        return arena_printf(arena, "%.17g*(1 + 0.9*sine(613))", v > 0 ? v : 0.01);
    if (in->unit && !strcmp(in->unit, "dB"))
        return arena_printf(arena, "%.17g + 12*sine(877)", v);
    if (!strcmp(in->name, "freq") || !strcmp(in->name, "density") || !strcmp(in->name, "rate"))
        return arena_printf(arena, "%.17g*(1 + 0.8*sine(1731))", v > 0 ? v : 1000);
    return arena_printf(arena, "%.17g + 0.45*sine(977)", v);
}

/* A call with input `at` moved (-1: none); what is required and not moved reads the signal. */
static const char *call(const struct node_def *def, int at, const char *in)
{
    static const char *const stable[][2] = {
        {"b0", "0.2"}, {"b1", "0.3"}, {"b2", "0.1"}, {"a1", "-0.5"}, {"a2", "0.25"}};
    char *text = arena_printf(arena, "%s(", def->name);
    const char *comma = "";
    for (int i = 0; i < (int)def->n_inputs; i++) {
        const struct node_input *input = &def->inputs[i];
        const char *value = i ? "in.1" : in;
        if (input->type == INPUT_SHAPE || (i != at && !input->required))
            continue;
        for (size_t k = 0; !strcmp(def->name, "biquad") && k < sizeof stable / sizeof *stable; k++)
            if (!strcmp(stable[k][0], input->name))
                value = i == at ? arena_printf(arena, "%s*(1 + 0.3*sine(977))", stable[k][1]) : stable[k][1];
        if (i == at && *value == 'i')
            value = moved(input);
        text = arena_printf(arena, "%s%s%s=%s", text, comma, input->name, value);
        comma = ", ";
    }
    return arena_printf(arena, "%s)", text);
}

/* All ports with defaults, then each runtime input moved. */
static const char *graph_of(const struct node_def *def)
{
    char *text = arena_strdup(arena, "{\"output\":[");
    int n = 0;
    for (size_t p = 0; p < def->n_ports; p++)
        text = arena_printf(arena, *def->ports[p] ? "%s%s\"%s.%s\"" : "%s%s\"%s%s\"", text, n++ ? "," : "",
                            call(def, -1, "in.0"), def->ports[p]);
    for (int i = 0; i < (int)def->n_inputs; i++)
        if (def->inputs[i].type != INPUT_SHAPE)
            text = arena_printf(arena, "%s%s\"%s\"", text, n++ ? "," : "", call(def, i, "in.0"));
    assert_in_range(n, 1, CHANNELS);
    return arena_printf(arena, "%s]}", text);
}

static bool open_in(int e, const char *text, bool compiled, struct rig *ret)
{
    struct fault fault;
    fault_init(&fault, arena);
    if (rig_open(test_engines[e].engine, text, (struct layout){GRAPH_AUDIO, 2}, compiled, ret, &fault) == STATUS_OK)
        return true;
    print_error("%s\n%s: %s: %s %s\n", text, test_engines[e].name, fault.items[0].pointer, fault.items[0].detail,
                test_engines_log());
    return false;
}

/* size 0: as it comes, sizes at random. */
static void run(struct rig *s, bool compiled, int size, float out[CHANNELS][LONG])
{
    uint64_t seed = 3;
    rig_reset(s);
    for (int at = 0; at < LONG;) {
        int n = size ? size : 1 + (int)(test_random(&seed) % 700);
        const float *in[2] = {signal[0] + at, signal[1] + at};
        float *to[CHANNELS];
        n = n < LONG - at ? n : LONG - at;
        for (int c = 0; c < CHANNELS; c++)
            to[c] = out[c] + at;
        rig_run(s, compiled, in, to, 0, n, 1);
        at += n;
    }
}

static const int splits[] = {LONG, 1, 7, 64, 512, 0};
enum { SPLITS = sizeof splits / sizeof *splits };

static void compare(const char *text, const char *engine, int size, uint32_t outputs)
{
    for (uint32_t c = 0; c < outputs; c++)
        for (int n = 0; n < LONG; n++)
            if (memcmp(&want[c][n], &got[c][n], sizeof(float)))
                fail_msg("%s\n%s, blocks of %d: output %u, sample %d is %a, not %a", text, engine, size, c, n,
                         (double)got[c][n], (double)want[c][n]);
}

static void judge(const char *text, uint32_t outputs)
{
    for (uint32_t c = 0; c < outputs; c++)
        for (int n = 0; n < LONG; n++)
            if (!isfinite(want[c][n]) || fabsf(want[c][n]) > 1e6f)
                fail_msg("%s\noutput %u, sample %d is %g", text, c, n, (double)want[c][n]);
}

static void walk(const struct node_def *def)
{
    const char *text = graph_of(def);
    for (int e = 0; e < TEST_ENGINES; e++)
        for (int compiled = 0; compiled < (e ? 2 : 1); compiled++) {
            struct rig s;
            if (!test_engines[e].engine)
                continue;
            if (!open_in(e, text, compiled, &s))
                fail();
            for (int i = 0; i < SPLITS; i++) {
                bool first = !e && !i;
                run(&s, compiled, splits[i], first ? want : got);
                if (first)
                    judge(text, s.program->ir->n_outputs);
                else
                    compare(text, arena_printf(arena, "%s, %s", test_engines[e].name, compiled ? "kernel" : "strips"),
                            splits[i], s.program->ir->n_outputs);
            }
            rig_close(&s);
        }
}

/* Calls `each` for every node of audio; returns how many there are. */
static int for_each(void (*each)(const struct node_def *def))
{
    int n = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct node_row *row = tables[t].rows; !strncmp(tables[t].name, "audio_", 6) && row->signature;
             row++)
            for (const char *p = row->signature; *p && *p != ':';) {
                size_t length = strcspn(p, " :");
                const struct node_def *def = node_by_name(arena_strndup(arena, p, length));
                assert_non_null(def);
                if (strcmp(def->name, "convolution") != 0) { /* a host stage with an upload: has tests of its own */
                    each(def);
                    n++;
                }
                p += length + strspn(p + length, " ");
            }
    return n;
}

static void every_input_moves_alike_in_every_engine_and_split(void **state)
{
    (void)state;
    int n = for_each(walk);
    if (getenv("TEST_VERBOSE"))
        printf("%d nodes\n", n);
    assert_true(n >= 75);
}

/* Two seconds with 200 samples among them that no client should send. */
static void run_long(struct rig *s, bool finite)
{
    static const float bad[] = {3.4e38f, -3.4e38f, 1e30f, NAN, INFINITY, -INFINITY};
    static float in[2][RECOVERY];
    const float *from[2] = {in[0], in[1]};
    float *to[CHANNELS];
    memcpy(in, signal, sizeof in);
    for (int n = 100; n < 300; n++)
        in[0][n] = bad[n % (finite ? 3 : 6)];
    for (int c = 0; c < CHANNELS; c++)
        to[c] = long_out[c];
    rig_reset(s);
    rig_run(s, false, from, to, 0, RECOVERY, 1);
}

/* Linear recurrences: what comes in is cleaned at the door (nonfinite=zero); with nonfinite=pass, or from 0/0 in the
 * graph itself, a NaN stays in them, since a test on the recursive chain would cost a third of their speed. */
static bool keeps_a_nan(const char *name)
{
    static const char *const names[] = {"onepole_lp",     "onepole_hp", "lowpass", "highpass",  "bandpass",
                                        "notch",          "allpass",    "peak",    "low_shelf", "high_shelf",
                                        "biquad",         "svf",        "dcblock", "comb",      "butterworth",
                                        "linkwitz_riley", "allpass1",   "smooth"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static void forget(const struct node_def *def)
{
    struct rig s;
    const char *ports = arena_strdup(arena, "");
    for (size_t p = 0; p < def->n_ports; p++)
        ports = arena_printf(arena, *def->ports[p] ? "%s%s\"%s.%s\"" : "%s%s\"%s%s\"", ports, p ? "," : "",
                             call(def, -1, "in.0"), def->ports[p]);
    if (!open_in(0, arena_printf(arena, "{\"output\":[%s]}", ports), false, &s))
        fail();
    for (int finite = 0; finite < 2; finite++) {
        run_long(&s, finite);
        for (uint32_t c = 0; c < s.program->ir->n_outputs && (finite || !keeps_a_nan(def->name)); c++)
            for (int n = RECOVERY - 4800; n < RECOVERY; n++)
                if (!isfinite(long_out[c][n]) || (!finite && fabsf(long_out[c][n]) > 1000))
                    fail_msg("%s: output %u, sample %d is %g", def->name, c, n, (double)long_out[c][n]);
    }
    rig_close(&s);
}

static void what_was_no_number_is_forgotten(void **state)
{
    (void)state;
    for_each(forget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_input_moves_alike_in_every_engine_and_split),
        cmocka_unit_test(what_was_no_number_is_forgotten),
    };
    make_signal();
    arena = arena_new((size_t)512 << 20);
    if (!arena || ARENA_GUARD(arena) || !test_engines_start())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_engines_stop();
    arena_free(arena);
    return failed;
}
