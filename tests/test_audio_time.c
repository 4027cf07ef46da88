/* labels: jit */
/* Echoes, modulated delays, reverberators, dynamics and instruments against models of their own, in f64, written as
 * loops over samples; and what they promise: nothing above the ceiling, in tune, alive after a NaN, finite. */
#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rig.h"

enum { LONG = 48000, CHANNELS = 8, LINE = 8192 };
static const double RATE = 48000, PI = 3.14159265358979323846;

static struct engine *engine;
static struct arena *arena;
static float in[2][LONG], out[CHANNELS][LONG];
static double model[CHANNELS][LONG];
static uint32_t n_out;
static double latency;

/* Noise whose loudness rises and falls, and another. */
static void make_signal(void)
{
    uint64_t seed = 5;
    for (int i = 0; i < LONG; i++)
        for (int c = 0; c < 2; c++) {
            double loud = 0.5 + 0.5 * sin(i * (0.0007 + 0.0003 * c));
            in[c][i] = (float)(loud * loud * (test_random(&seed) / 2147483648.0 - 1));
        }
}

static void run(const char *text, uint32_t channels)
{
    struct rig rig;
    struct fault fault;
    const float *from[2] = {in[0], in[1]};
    float *to[CHANNELS];
    fault_init(&fault, arena);
    if (rig_open(engine, text, (struct layout){GRAPH_AUDIO, channels}, false, &rig, &fault) != STATUS_OK)
        fail_msg("%s\n%s: %s", text, fault.items[0].pointer, fault.items[0].detail);
    n_out = rig.program->ir->n_outputs;
    latency = rig.program->lowered.latency;
    assert_true(n_out <= CHANNELS);
    for (int c = 0; c < CHANNELS; c++)
        to[c] = out[c];
    rig_run(&rig, false, from, to, 0, LONG, 1);
    rig_close(&rig);
}

/* The node, its outputs a list of its ports. */
static void run_ports(const char *node, const char *ports)
{
    run(arena_printf(arena, "{\"version\":1,\"nodes\":{\"a\":%s},\"output\":[%s]}", node, ports), 2);
}

static void must_null(const char *what, int channel, double tolerance)
{
    double worst = 0, peak = 0;
    int at = 0;
    for (int i = 0; i < LONG; i++) {
        double error = fabs((double)out[channel][i] - model[channel][i]);
        if (!(error <= worst)) {
            worst = error;
            at = i;
        }
        peak = fmax(peak, fabs(model[channel][i]));
    }
    if (getenv("TEST_VERBOSE"))
        printf("%s, output %d: error %.2g of %.2g\n", what, channel, worst, peak);
    if (!(peak > 1e-3))
        fail_msg("%s, output %d: the model is silent", what, channel);
    if (!(worst <= tolerance))
        fail_msg("%s, output %d: sample %d is %.9g, not %.9g (error %g, allowed %g)", what, channel, at,
                 (double)out[channel][at], model[channel][at], worst, tolerance);
}

/* sin of a 32-bit phase, the oscillator's own clock. */
static double slow_sine(double freq, int n)
{
    uint32_t step = (uint32_t)(int32_t)rint(freq / RATE * 4294967296.0);
    return sin(2 * PI * (double)(int32_t)(step * (uint32_t)n) / 4294967296.0);
}

static double read_line(const double *fed, int n, double d)
{
    int i = n - (int)floor(d);
    double f = d - floor(d), near = i >= 0 ? fed[i] : 0, far = i >= 1 ? fed[i - 1] : 0;
    return near + f * (far - near);
}

static void echo_follows_its_model(void **state)
{
    static double fed[LONG];
    (void)state;
    run("feedback_delay(in, 0.0103, 0.7, 0.4)", 1);
    for (int n = 0; n < LONG; n++) {
        double x = (double)in[0][n], y = read_line(fed, n, 0.0103 * RATE);
        fed[n] = x + (double)0.7f * y;
        model[0][n] = x + (double)0.4f * (y - x);
    }
    must_null("feedback_delay", 0, 2e-6);
}

static void swinging_delays_follow_their_models(void **state)
{
    static double dry[LONG], fed[LONG];
    (void)state;
    for (int n = 0; n < LONG; n++)
        dry[n] = (double)in[0][n];
    run_ports("{\"op\":\"z1\",\"in\":0}", "\"chorus(in.0, 1.5)\",\"flanger(in.0, 2, feedback=-0.6)\",\"vibrato(in.0)\","
                                          "\"tremolo(in.0, 9, 0.8)\"");
    for (int n = 0; n < LONG; n++) {
        double x = dry[n], y = read_line(fed, n, fmax((0.003 + 0.002 * slow_sine(2, n)) * RATE, 1));
        fed[n] = x - (double)0.6f * y;
        model[0][n] = x + 0.5 * (read_line(dry, n, (0.02 + 0.003 * slow_sine(1.5, n)) * RATE) - x);
        model[1][n] = x + 0.5 * (y - x);
        model[2][n] = read_line(dry, n, fmax(0.002 * (1 + slow_sine(5, n)) * RATE, 0));
        model[3][n] = x * (1 - (double)0.8f * (0.5 + 0.5 * slow_sine(9, n)));
    }
    must_null("chorus", 0, 3e-5); /* the delay's sine is an f32 */
    must_null("flanger", 1, 1e-4);
    must_null("vibrato", 2, 3e-5);
    must_null("tremolo", 3, 1e-6);
}

static void phaser_follows_its_model(void **state)
{
    enum { STAGES = 6 };
    double x1[STAGES + 1] = {0};
    (void)state;
    run("phaser(in, 3, 200, 4000, stages=6, feedback=0.5, mix=0.6)", 1);
    for (int n = 0; n < LONG; n++) {
        double f = 200 + 3800 * (0.5 + 0.5 * slow_sine(3, n)), g = tan(PI * f / RATE), a = (g - 1) / (g + 1);
        double x = (double)in[0][n], v = x + 0.5 * x1[STAGES];
        for (int i = 0; i < STAGES; i++) {
            double y = a * v + x1[i] - a * x1[i + 1];
            x1[i] = v;
            v = y;
        }
        x1[STAGES] = v;
        model[0][n] = x + (double)0.6f * (v - x);
    }
    must_null("phaser", 0, 2e-5);
}

/* Freeverb as its author wrote it: circular buffers, one index each. */
struct buffer {
    double data[LINE], store;
    int length, at;
};

static void buffer_start(struct buffer *l, int length)
{
    memset(l, 0, sizeof *l);
    l->length = (int)rint(length * RATE / 44100);
}

static void buffer_put(struct buffer *l, double x)
{
    l->data[l->at] = x;
    if (++l->at == l->length)
        l->at = 0;
}

static double comb_step(struct buffer *l, double x, double feedback, double damp)
{
    double y = l->data[l->at];
    l->store = y * (1 - damp) + l->store * damp;
    buffer_put(l, x + l->store * feedback);
    return y;
}

static struct buffer combs[2][8], allpasses[2][4];

static void freeverb_nulls_with_the_original_algorithm(void **state)
{
    static const int comb_tuning[] = {1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617};
    static const int allpass_tuning[] = {556, 441, 341, 225};
    double feedback = 0.28 * 0.8 + 0.7, damp = 0.4 * 0.3, width = 0.7, mix = 0.45;
    (void)state;
    run_ports("{\"op\":\"freeverb\",\"in\":\"in.0\",\"in_r\":\"in.1\",\"room\":0.8,\"damp\":0.3,\"width\":0.7,"
              "\"mix\":0.45}",
              "\"a.l\",\"a.r\"");
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < 8; i++)
            buffer_start(&combs[side][i], comb_tuning[i] + 23 * side);
        for (int i = 0; i < 4; i++)
            buffer_start(&allpasses[side][i], allpass_tuning[i] + 23 * side);
    }
    for (int n = 0; n < LONG; n++) {
        double x[2] = {(double)in[0][n], (double)in[1][n]}, y[2] = {0, 0}, wet = 3;
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < 8; i++)
                y[side] += comb_step(&combs[side][i], (x[0] + x[1]) * 0.015, feedback, damp);
            for (int i = 0; i < 4; i++) {
                struct buffer *l = &allpasses[side][i];
                double late = l->data[l->at];
                buffer_put(l, y[side] + late * 0.5);
                y[side] = late - y[side];
            }
        }
        double wet1 = wet * (width / 2 + 0.5), wet2 = wet * ((1 - width) / 2);
        model[0][n] = (1 - mix) * x[0] + mix * (y[0] * wet1 + y[1] * wet2);
        model[1][n] = (1 - mix) * x[1] + mix * (y[1] * wet1 + y[0] * wet2);
    }
    must_null("freeverb", 0, 3e-6);
    must_null("freeverb", 1, 3e-6);
}

static void schroeder_follows_its_model(void **state)
{
    static const int comb_lengths[] = {1557, 1617, 1491, 1422, 1277, 1356, 1188, 1116};
    static const int allpass_lengths[] = {225, 556, 441, 341};
    (void)state;
    run("schroeder(in, 0.9, 0.7, 0.6)", 1);
    for (int i = 0; i < 8; i++)
        buffer_start(&combs[0][i], comb_lengths[i]);
    for (int i = 0; i < 4; i++)
        buffer_start(&allpasses[0][i], allpass_lengths[i]);
    for (int n = 0; n < LONG; n++) {
        double x = (double)in[0][n], y = 0;
        for (int i = 0; i < 8; i++)
            y += comb_step(&combs[0][i], x, 0.84 + 0.12 * 0.9, 0.4 * 0.7) / 8;
        for (int i = 0; i < 4; i++) {
            struct buffer *l = &allpasses[0][i];
            double late = l->data[l->at], v = y + 0.5 * late;
            buffer_put(l, v);
            y = late - 0.5 * v;
        }
        model[0][n] = 0.4 * x + 0.6 * y;
    }
    must_null("schroeder", 0, 1e-5);
}

/* The matrix I - 2/N written out; and energy that falls 60 dB in `decay`. */
static void fdn_follows_its_model(void **state)
{
    enum { N = 5 };
    static double fed[N][LONG];
    double store[N] = {0}, damp = 0.95 * 0.2;
    (void)state;
    run_ports("{\"op\":\"fdn\",\"in\":\"in.0\",\"lines\":5,\"time\":0.03,\"decay\":0.8,\"damp\":0.2,\"mix\":0.5}",
              "\"a.l\",\"a.r\"");
    for (int n = 0; n < LONG; n++) {
        double u[N], wet[2] = {0, 0}, x = (double)in[0][n];
        for (int i = 0; i < N; i++) {
            int length = (int)rint(0.03 * RATE * pow(2, -(double)i / N));
            double end = n >= length ? fed[i][n - length] : 0;
            store[i] = (1 - damp) * end + damp * store[i];
            u[i] = store[i] * pow(10, -3 * length / (0.8 * RATE));
            wet[i % 2] += end / sqrt(N);
        }
        for (int i = 0; i < N; i++) {
            fed[i][n] = x;
            for (int k = 0; k < N; k++)
                fed[i][n] += ((i == k) - 2.0 / N) * u[k];
        }
        for (int side = 0; side < 2; side++)
            model[side][n] = 0.5 * x + 0.5 * wet[side];
    }
    must_null("fdn", 0, 1e-5);
    must_null("fdn", 1, 1e-5);
}

static void follow(double *y, double target, double rise, double fall)
{
    double t = target > *y ? rise : fall, c = exp(-1 / (t * RATE));
    *y = c * *y + (1 - c) * target;
}

static void envelopes_follow_their_model(void **state)
{
    double peak = 0, square = 0;
    (void)state;
    run_ports("{\"op\":\"envelope\",\"in\":\"in.0\",\"attack\":0.002,\"release\":0.03}",
              "\"a\",\"envelope(in.0, 0.01, 0.02, 'rms')\",\"envelope(in.0, 0, 0)\"");
    for (int n = 0; n < LONG; n++) {
        double x = (double)in[0][n];
        follow(&peak, fabs(x), 0.002, 0.03);
        follow(&square, x * x, 0.01, 0.02);
        model[0][n] = peak;
        model[1][n] = sqrt(square);
        model[2][n] = fabs(x);
    }
    must_null("envelope", 0, 1e-7);
    must_null("envelope, rms", 1, 1e-7);
    must_null("envelope without times", 2, 0);
}

static double compressor_target(double level, double threshold, double ratio, double knee)
{
    double over = level - threshold, slope = 1 / ratio - 1;
    if (over < -knee / 2)
        return 0;
    return over > knee / 2 ? slope * over : slope * pow(over + knee / 2, 2) / (2 * knee);
}

static void compressor_follows_its_curve(void **state)
{
    double g[2] = {0, 0};
    (void)state;
    run_ports("{\"op\":\"compressor\",\"in\":\"in.0\",\"in_r\":\"in.1\",\"threshold_db\":-18,\"ratio\":3,\"attack\":"
              "0.001,\"release\":0.02,\"knee_db\":9,\"makeup_db\":4}",
              "\"a.l\",\"a.r\",\"a.gain_db\",\"compressor(in.0, sidechain=in.1, ratio=8).r\"");
    for (int n = 0; n < LONG; n++) {
        double l = (double)in[0][n], r = (double)in[1][n];
        double level = 20 * log10(fmax(fmax(fabs(l), fabs(r)), 1e-5)), side = 20 * log10(fmax(fabs(r), 1e-5));
        follow(&g[0], compressor_target(level, -18, 3, 9), 0.02, 0.001);
        follow(&g[1], compressor_target(side, -20, 8, 0), 0.1, 0.01);
        model[0][n] = l * pow(10, (g[0] + 4) / 20);
        model[1][n] = r * pow(10, (g[0] + 4) / 20);
        model[2][n] = g[0];
        model[3][n] = l * pow(10, g[1] / 20);
    }
    must_null("compressor", 0, 3e-6);
    must_null("compressor", 1, 3e-6);
    must_null("compressor, dB", 2, 3e-5);
    must_null("compressor with sidechain", 3, 1e-6);
}

static void expander_follows_its_curve(void **state)
{
    double g[2] = {0, 0};
    (void)state;
    run_ports("{\"op\":\"expander\",\"in\":\"in.0\",\"threshold_db\":-20,\"ratio\":2.5,\"attack\":0.002,\"release\":"
              "0.01,\"knee_db\":6}",
              "\"a.l\",\"a.r\",\"a.gain_db\",\"expander(in.0, in.1).r\"");
    for (int n = 0; n < LONG; n++) {
        double l = (double)in[0][n], r = (double)in[1][n], target = 0;
        double over = 20 * log10(fmax(fabs(l), 1e-5)) + 20;
        if (over < -3)
            target = 1.5 * over;
        else if (over < 3)
            target = -1.5 * (over - 3) * (over - 3) / 12;
        follow(&g[0], fmax(target, -160), 0.002, 0.01);
        over = 20 * log10(fmax(fmax(fabs(l), fabs(r)), 1e-5)) + 40;
        follow(&g[1], fmin(over, 0), 0.001, 0.1);
        model[0][n] = model[1][n] = l * pow(10, g[0] / 20);
        model[2][n] = g[0];
        model[3][n] = r * pow(10, g[1] / 20);
    }
    for (int k = 0; k < 4; k++)
        must_null("expander", k, k == 2 ? 1e-4 : 3e-6);
}

/* One loud sample, then silence with a quiet tone: open for the hold, then a one-pole down to the range. */
static void gate_holds_and_lets_go(void **state)
{
    enum { LOUD = 1000, HOLD = 480 };
    double a = 0;
    (void)state;
    for (int n = 0; n < LONG; n++)
        in[0][n] = n == LOUD || n == 20000 ? 0.5f : 0.005f;
    run_ports("{\"op\":\"gate\",\"in\":\"in.0\",\"attack\":0,\"hold\":0.01,\"release\":0.002,\"range_db\":-20}",
              "\"a.l\",\"a.r\"");
    for (int n = 0; n < LONG; n++) {
        bool open = (n >= LOUD && n <= LOUD + HOLD) || (n >= 20000 && n <= 20000 + HOLD);
        follow(&a, open ? 1 : 0.1, 0, 0.002);
        model[0][n] = model[1][n] = (double)in[0][n] * a;
    }
    must_null("gate", 0, 1e-8);
    must_null("gate", 1, 1e-8);
    assert_true(out[0][LOUD + HOLD] == 0.005f && out[0][LOUD + HOLD + 1] < 0.005f);
    make_signal();
}

static void limiter_signal(int kind)
{
    uint64_t seed = 9;
    for (int n = 0; n < LONG; n++)
        for (int c = 0; c < 2; c++) {
            double noise = test_random(&seed) / 2147483648.0 - 1;
            in[c][n] = (float)(kind == 0   ? 6 * noise
                               : kind == 1 ? (n / (37 + 9 * c) % 2 ? 5.0 : -5.0)
                               : kind == 2 ? (test_random(&seed) % 997 ? 0.3 : 1e4) * noise
                                           : 3 * sin(n * 0.13 * (1 + c)) * (n / 5000 % 2));
        }
}

/* Not one sample, whatever comes; and what stays under the ceiling passes untouched, later. */
static void limiter_is_never_above_its_ceiling(void **state)
{
    static const struct {
        const char *ceiling, *lookahead;
        double db;
    } rows[] = {{"-0.3", "0.005", -0.3}, {"-6", "0.0013", -6}, {"0", "0", 0}, {"-1", "0.1", -1}};
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        for (int kind = 0; kind < 4; kind++) {
            float ceiling = (float)pow(10, rows[row].db / 20), most = 0;
            limiter_signal(kind);
            run_ports(
                arena_printf(arena,
                             "{\"op\":\"limiter\",\"in\":\"in.0\",\"in_r\":\"in.1\",\"ceiling_db\":%s,\"release\":"
                             "0.003,\"lookahead\":%s}",
                             rows[row].ceiling, rows[row].lookahead),
                "\"a.l\",\"a.r\"");
            for (int n = 0; n < LONG; n++)
                most = fmaxf(most, fmaxf(fabsf(out[0][n]), fabsf(out[1][n])));
            if (!(most <= ceiling * (1 + 0x1p-22f)) || !(most > 0.9f * ceiling))
                fail_msg("ceiling %s, lookahead %s, signal %d: the peak is %.9g, the ceiling %.9g", rows[row].ceiling,
                         rows[row].lookahead, kind, (double)most, (double)ceiling);
        }
    make_signal();
    run("limiter(in*0.9)", 1);
    for (int n = 0; n < LONG; n++)
        assert_true(out[0][n] == (n >= 240 ? in[0][n - 240] * 0.9f : 0));
}

/* Along the longest path to an output; a delay is not lateness. */
static void latency_is_that_of_the_longest_path(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } rows[] = {{"delay(in, 0.25)", 0},
                {"limiter(in)", 0.005},
                {"limiter(in) + 0.5*limiter(in, lookahead=0.02)", 0.02},
                {"lowpass(limiter(delay(limiter(in, lookahead=0.03), 0.1)), 500) + in", 0.035}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run(rows[i].text, 2);
        if (fabs(latency - rows[i].seconds) > 1e-12)
            fail_msg("%s: latency %g s, not %g", rows[i].text, latency, rows[i].seconds);
    }
}

/* The same law by brute force: a window of all samples, a sum over all of them. */
static void limiter_follows_its_model(void **state)
{
    enum { N = 96 };
    static double r[LONG], e[LONG];
    double last = 0, c = exp(-1 / (0.004 * RATE)), ceiling = pow(10, -3.0 / 20);
    (void)state;
    limiter_signal(2);
    run("limiter(in, ceiling_db=-3, release=0.004, lookahead=0.002)", 1);
    for (int n = 0; n < LONG; n++) {
        double m = 0, sum = 0;
        r[n] = 1 - fmin(1, ceiling / fabs((double)in[0][n]));
        for (int k = 0; k <= N && k <= n; k++)
            m = fmax(m, r[n - k]);
        last = e[n] = fmax(m, c * last + (1 - c) * m);
        for (int k = 0; k <= N && k <= n; k++)
            sum += e[n - k];
        model[0][n] = n >= N ? (double)in[0][n - N] * (1 - sum / (N + 1)) : 0;
    }
    must_null("limiter", 0, 1e4 * 0x1p-23); /* gains are multiples of 2^-24, the signal has peaks of 10,000 */
    make_signal();
}

/* |X(f)| of LONG/2 samples under a Hann window. */
static double spectrum(const float *x, double f)
{
    double re = 0, im = 0, c = cos(2 * PI * f / RATE), s = sin(2 * PI * f / RATE), zr = 1, zi = 0;
    for (int n = 0; n < LONG / 2; n++) {
        double w = (double)x[n] * (0.5 - 0.5 * cos(2 * PI * n / (LONG / 2))), t = zr * c - zi * s;
        re += w * zr;
        im += w * zi;
        zi = zr * s + zi * c;
        zr = t;
    }
    return hypot(re, im);
}

/* The peak within 1 % of f, by golden section: the window's lobe is 4 Hz to each side. */
static double pitch_near(const float *x, double f)
{
    double span = fmin(0.01 * f, 3), lo = f - span, hi = f + span, best = f, most = 0;
    for (int i = 0; i <= 16; i++) {
        double at = lo + (hi - lo) * i / 16, y = spectrum(x, at);
        if (y > most) {
            most = y;
            best = at;
        }
    }
    lo = best - span / 8;
    hi = best + span / 8;
    for (int i = 0; i < 18; i++) {
        double third = (hi - lo) / 3;
        if (spectrum(x, lo + third) > spectrum(x, hi - third))
            hi -= third;
        else
            lo += third;
    }
    return (lo + hi) / 2;
}

/* A high note fully damped is gone after some ten milliseconds: too short to have a pitch of a cent. */
static void strings_are_in_tune_within_a_cent(void **state)
{
    static const double notes[] = {55, 110.3, 440, 987.77, 2637.02, 4186.01};
    static const double damps[] = {0, 0.3, 1};
    (void)state;
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        for (size_t k = 0; k < (notes[i] < 3000 ? 3 : 2); k++) {
            run(arena_printf(arena, "karplus(1, %.9g, %.9g, seed=%zu)", notes[i], damps[k], i), 1);
            double cents = 1200 * log2(pitch_near(out[0] + 2000, notes[i]) / notes[i]);
            if (getenv("TEST_VERBOSE"))
                printf("karplus %g Hz, damp %g: %+.3f cents\n", notes[i], damps[k], cents);
            if (!(fabs(cents) < 1))
                fail_msg("karplus at %g Hz, damp %g: %+.3f cents", notes[i], damps[k], cents);
        }
}

/* Struck at 0 and at LONG/2: a sum of sines that die away. */
static void modes_ring_at_their_ratios(void **state)
{
    static const double bar[] = {1, 2.756538, 5.403918, 8.932952, 13.344293, 18.637898, 24.813767, 31.871899};
    double gains = 0;
    (void)state;
    for (int n = 0; n < LONG; n++)
        in[0][n] = n < 10 || n >= LONG / 2 ? 1 : 0;
    run("modal(in, 800, 'bar', 0.4, 0.7)", 1);
    memset(model[0], 0, sizeof model[0]);
    for (int i = 0; i < 8; i++) {
        double f = 800 * bar[i], gain = pow(bar[i], 2 * 0.7 - 2);
        gains += gain;
        for (int n = 0; n < LONG && f < 0.49 * RATE; n++)
            for (int start = 0; start <= n; start += LONG / 2) {
                int k = n - start;
                model[0][n] += gain * pow(10, -3 * bar[i] * k / (0.4 * RATE)) * sin(2 * PI * f * k / RATE);
            }
    }
    for (int n = 0; n < LONG; n++)
        model[0][n] /= gains;
    must_null("modal", 0, 1e-6);
    make_signal();
}

/* Every node here, its signal input first; PARAM marks the inputs that a client may modulate. */
static const char *const graphs[] = {
    "feedback_delay(X, PARAM, PARAM, PARAM)",
    "chorus(X, PARAM, PARAM, PARAM, PARAM)",
    "flanger(X, PARAM, PARAM, PARAM, PARAM, PARAM)",
    "vibrato(X, PARAM, PARAM)",
    "tremolo(X, PARAM, PARAM)",
    "phaser(X, PARAM, PARAM, PARAM, feedback=PARAM, mix=PARAM)",
    "schroeder(X, PARAM, PARAM, PARAM)",
    "freeverb(X, X, PARAM, PARAM, PARAM, PARAM)",
    "freeverb(X, 0, PARAM, PARAM, PARAM, PARAM).r",
    "fdn(X, time=PARAM, decay=PARAM, damp=PARAM, mix=PARAM)",
    "envelope(X, PARAM, PARAM)",
    "envelope(X, PARAM, PARAM, 'rms')",
    "compressor(X, X, X, PARAM, PARAM, PARAM, PARAM, PARAM, PARAM)",
    "compressor(X).gain_db",
    "expander(X, X, X, PARAM, PARAM, PARAM, PARAM, PARAM)",
    "gate(X, X, X, PARAM, PARAM, PARAM, PARAM, PARAM)",
    "limiter(X, X, PARAM, PARAM)",
    "karplus(X > 0.3, PARAM, PARAM, PARAM)",
    "modal(X > 0.3, PARAM, decay=PARAM, brightness=PARAM)",
};
enum { GRAPHS = sizeof graphs / sizeof *graphs };

/* The graph with X and PARAM replaced. */
static char *filled(const char *graph, const char *x, const char *param)
{
    char *text = arena_strdup(arena, "");
    for (const char *p = graph; *p;) {
        if (*p == 'X') {
            text = arena_printf(arena, "%s%s", text, x);
            p++;
        } else if (!strncmp(p, "PARAM", 5)) {
            text = arena_printf(arena, "%s%s", text, param);
            p += 5;
        } else {
            const char *end = strstr(p, "PARAM");
            size_t n = strcspn(p, "X"), least = end ? (size_t)(end - p) : strlen(p);
            text = arena_printf(arena, "%s%.*s", text, (int)(n < least ? n : least), p);
            p += n < least ? n : least;
        }
    }
    return text;
}

/* What is not a number comes in for a while; a second later, when every line has been read, all is well again. */
static void a_nan_is_forgotten(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e30f, -0.0f};
    (void)state;
    for (int g = 0; g < GRAPHS; g++) {
        bool heard = false;
        make_signal();
        for (int n = 100; n < 300; n++)
            in[0][n] = bad[n % 7];
        run(filled(graphs[g], "in", "0.02"), 1);
        for (int n = LONG - 4000; n < LONG; n++) {
            if (!isfinite(out[0][n]) || fabsf(out[0][n]) > 1000)
                fail_msg("%s: sample %d is %g", filled(graphs[g], "in", "0.02"), n, (double)out[0][n]);
            heard = heard || out[0][n] != 0;
        }
        if (!heard)
            fail_msg("%s: silent after a NaN", graphs[g]);
    }
    make_signal();
}

/* The parameters at values that no client should send, from sample to sample and as numbers. */
static void extreme_parameters_stay_finite(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e9f, -1e9f,
                                0,   1,        -1,        0.5f,    1e-30f,   24000};
    static const char *const numbers[] = {"0", "-0.0001*in.0", "1", "1000*in.1", "1e30*in.0"};
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        make_signal();
        for (int n = 0; n < LONG; n++)
            in[1][n] = bad[(kind ? n / 100 : n) % 13];
        for (int g = 0; g < GRAPHS; g++)
            for (size_t k = 0; k < (kind ? 1 : 1 + sizeof numbers / sizeof *numbers); k++) {
                char *text = filled(graphs[g], "in.0", k ? numbers[k - 1] : "in.1");
                run(arena_printf(arena, "{\"version\":1,\"output\":[\"%s\"]}", text), 2);
                for (int n = 0; n < LONG; n++)
                    if (!isfinite(out[0][n]))
                        fail_msg("%s: sample %d is %g", text, n, (double)out[0][n]);
            }
    }
    make_signal();
}

static int start(void **state)
{
    struct engine_config config = engine_config_default();
    struct fault fault;
    (void)state;
    arena = arena_new((size_t)64 << 20);
    if (!arena || ARENA_GUARD(arena))
        return -1;
    fault_init(&fault, arena);
    config.tier = TIER_INTERP;
    config.target = TARGET_NONE;
    config.store_dir = NULL;
    config.compilers = 0;
    fp_state_enter();
    make_signal();
    return engine_new(&config, &engine, &fault) == STATUS_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    engine_free(engine);
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_follows_its_model),
        cmocka_unit_test(swinging_delays_follow_their_models),
        cmocka_unit_test(phaser_follows_its_model),
        cmocka_unit_test(freeverb_nulls_with_the_original_algorithm),
        cmocka_unit_test(schroeder_follows_its_model),
        cmocka_unit_test(fdn_follows_its_model),
        cmocka_unit_test(envelopes_follow_their_model),
        cmocka_unit_test(compressor_follows_its_curve),
        cmocka_unit_test(expander_follows_its_curve),
        cmocka_unit_test(gate_holds_and_lets_go),
        cmocka_unit_test(limiter_is_never_above_its_ceiling),
        cmocka_unit_test(latency_is_that_of_the_longest_path),
        cmocka_unit_test(limiter_follows_its_model),
        cmocka_unit_test(strings_are_in_tune_within_a_cent),
        cmocka_unit_test(modes_ring_at_their_ratios),
        cmocka_unit_test(a_nan_is_forgotten),
        cmocka_unit_test(extreme_parameters_stay_finite),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
