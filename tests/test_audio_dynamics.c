/* labels: jit */
/* Dynamics and instruments against models of their own, in f64, written as loops over samples; and what they promise:
 * nothing above the ceiling, strings in tune. */
#include "tests/support/hear.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846, RATE = HEAR_RATE;

static void follow(double *y, double target, double rise, double fall)
{
    double t = target > *y ? rise : fall, c = exp(-1 / (t * RATE));
    *y = c * *y + (1 - c) * target;
}

static void envelopes_follow_their_model(void **state)
{
    double peak = 0, square = 0;
    (void)state;
    hear_run_ports("{\"op\":\"envelope\",\"in\":\"in.0\",\"attack\":0.002,\"release\":0.03}",
                   "\"a\",\"envelope(in.0, 0.01, 0.02, 'rms')\",\"envelope(in.0, 0, 0)\"");
    for (int n = 0; n < HEAR_LONG; n++) {
        double x = (double)hear_in[0][n];
        follow(&peak, fabs(x), 0.002, 0.03);
        follow(&square, x * x, 0.01, 0.02);
        hear_model[0][n] = peak;
        hear_model[1][n] = sqrt(square);
        hear_model[2][n] = fabs(x);
    }
    hear_null("envelope", 0, 1e-7);
    hear_null("envelope, rms", 1, 1e-7);
    hear_null("envelope without times", 2, 0);
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
    hear_run_ports(
        "{\"op\":\"compressor\",\"in\":\"in.0\",\"in_r\":\"in.1\",\"threshold_db\":-18,\"ratio\":3,\"attack\":"
        "0.001,\"release\":0.02,\"knee_db\":9,\"makeup_db\":4}",
        "\"a.l\",\"a.r\",\"a.gain_db\",\"compressor(in.0, sidechain=in.1, ratio=8).r\"");
    for (int n = 0; n < HEAR_LONG; n++) {
        double l = (double)hear_in[0][n], r = (double)hear_in[1][n];
        double level = 20 * log10(fmax(fmax(fabs(l), fabs(r)), 1e-5)), side = 20 * log10(fmax(fabs(r), 1e-5));
        follow(&g[0], compressor_target(level, -18, 3, 9), 0.02, 0.001);
        follow(&g[1], compressor_target(side, -20, 8, 0), 0.1, 0.01);
        hear_model[0][n] = l * pow(10, (g[0] + 4) / 20);
        hear_model[1][n] = r * pow(10, (g[0] + 4) / 20);
        hear_model[2][n] = g[0];
        hear_model[3][n] = l * pow(10, g[1] / 20);
    }
    hear_null("compressor", 0, 3e-6);
    hear_null("compressor", 1, 3e-6);
    hear_null("compressor, dB", 2, 3e-5);
    hear_null("compressor with sidechain", 3, 1e-6);
}

static void expander_follows_its_curve(void **state)
{
    double g[2] = {0, 0};
    (void)state;
    hear_run_ports(
        "{\"op\":\"expander\",\"in\":\"in.0\",\"threshold_db\":-20,\"ratio\":2.5,\"attack\":0.002,\"release\":"
        "0.01,\"knee_db\":6}",
        "\"a.l\",\"a.r\",\"a.gain_db\",\"expander(in.0, in.1).r\"");
    for (int n = 0; n < HEAR_LONG; n++) {
        double l = (double)hear_in[0][n], r = (double)hear_in[1][n], target = 0;
        double over = 20 * log10(fmax(fabs(l), 1e-5)) + 20;
        if (over < -3)
            target = 1.5 * over;
        else if (over < 3)
            target = -1.5 * (over - 3) * (over - 3) / 12;
        follow(&g[0], fmax(target, -160), 0.002, 0.01);
        over = 20 * log10(fmax(fmax(fabs(l), fabs(r)), 1e-5)) + 40;
        follow(&g[1], fmin(over, 0), 0.001, 0.1);
        hear_model[0][n] = hear_model[1][n] = l * pow(10, g[0] / 20);
        hear_model[2][n] = g[0];
        hear_model[3][n] = r * pow(10, g[1] / 20);
    }
    for (int k = 0; k < 4; k++)
        hear_null("expander", k, k == 2 ? 1e-4 : 3e-6);
}

/* One loud sample, then silence with a quiet tone: open for the hold, then a one-pole down to the range. */
static void gate_holds_and_lets_go(void **state)
{
    enum { LOUD = 1000, HOLD = 480 };
    double a = 0;
    (void)state;
    for (int n = 0; n < HEAR_LONG; n++)
        hear_in[0][n] = n == LOUD || n == 20000 ? 0.5f : 0.005f;
    hear_run_ports("{\"op\":\"gate\",\"in\":\"in.0\",\"attack\":0,\"hold\":0.01,\"release\":0.002,\"range_db\":-20}",
                   "\"a.l\",\"a.r\"");
    for (int n = 0; n < HEAR_LONG; n++) {
        bool open = (n >= LOUD && n <= LOUD + HOLD) || (n >= 20000 && n <= 20000 + HOLD);
        follow(&a, open ? 1 : 0.1, 0, 0.002);
        hear_model[0][n] = hear_model[1][n] = (double)hear_in[0][n] * a;
    }
    hear_null("gate", 0, 1e-8);
    hear_null("gate", 1, 1e-8);
    assert_true(hear_out[0][LOUD + HOLD] == 0.005f && hear_out[0][LOUD + HOLD + 1] < 0.005f);
    hear_swell();
}

static void limiter_signal(int kind)
{
    uint64_t seed = 9;
    for (int n = 0; n < HEAR_LONG; n++)
        for (int c = 0; c < 2; c++) {
            double noise = test_random(&seed) / 2147483648.0 - 1;
            hear_in[c][n] = (float)(kind == 0   ? 6 * noise
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
            hear_run_ports(
                arena_printf(hear_arena,
                             "{\"op\":\"limiter\",\"in\":\"in.0\",\"in_r\":\"in.1\",\"ceiling_db\":%s,\"release\":"
                             "0.003,\"lookahead\":%s}",
                             rows[row].ceiling, rows[row].lookahead),
                "\"a.l\",\"a.r\"");
            for (int n = 0; n < HEAR_LONG; n++)
                most = fmaxf(most, fmaxf(fabsf(hear_out[0][n]), fabsf(hear_out[1][n])));
            if (!(most <= ceiling * (1 + 0x1p-22f)) || !(most > 0.9f * ceiling))
                fail_msg("ceiling %s, lookahead %s, signal %d: the peak is %.9g, the ceiling %.9g", rows[row].ceiling,
                         rows[row].lookahead, kind, (double)most, (double)ceiling);
        }
    hear_swell();
    hear_run("limiter(in*0.9)", 1);
    for (int n = 0; n < HEAR_LONG; n++)
        assert_true(hear_out[0][n] == (n >= 240 ? hear_in[0][n - 240] * 0.9f : 0));
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
        hear_run(rows[i].text, 2);
        if (fabs(hear_latency - rows[i].seconds) > 1e-12)
            fail_msg("%s: latency %g s, not %g", rows[i].text, hear_latency, rows[i].seconds);
    }
}

/* The same law by brute force: a window of all samples, a sum over all of them. */
static void limiter_follows_its_model(void **state)
{
    enum { N = 96 };
    static double r[HEAR_LONG], e[HEAR_LONG];
    double last = 0, c = exp(-1 / (0.004 * RATE)), ceiling = pow(10, -3.0 / 20);
    (void)state;
    limiter_signal(2);
    hear_run("limiter(in, ceiling_db=-3, release=0.004, lookahead=0.002)", 1);
    for (int n = 0; n < HEAR_LONG; n++) {
        double m = 0, sum = 0;
        r[n] = 1 - fmin(1, ceiling / fabs((double)hear_in[0][n]));
        for (int k = 0; k <= N && k <= n; k++)
            m = fmax(m, r[n - k]);
        last = e[n] = fmax(m, c * last + (1 - c) * m);
        for (int k = 0; k <= N && k <= n; k++)
            sum += e[n - k];
        hear_model[0][n] = n >= N ? (double)hear_in[0][n - N] * (1 - sum / (N + 1)) : 0;
    }
    hear_null("limiter", 0, 1e4 * 0x1p-23); /* gains are multiples of 2^-24, the signal has peaks of 10,000 */
    hear_swell();
}

/* |X(f)| of HEAR_LONG/2 samples under a Hann window. */
static double spectrum(const float *x, double f)
{
    double re = 0, im = 0, c = cos(2 * PI * f / RATE), s = sin(2 * PI * f / RATE), zr = 1, zi = 0;
    for (int n = 0; n < HEAR_LONG / 2; n++) {
        double w = (double)x[n] * (0.5 - 0.5 * cos(2 * PI * n / (HEAR_LONG / 2))), t = zr * c - zi * s;
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
            hear_run(arena_printf(hear_arena, "karplus(1, %.9g, %.9g, seed=%zu)", notes[i], damps[k], i), 1);
            double cents = 1200 * log2(pitch_near(hear_out[0] + 2000, notes[i]) / notes[i]);
            if (getenv("TEST_VERBOSE"))
                printf("karplus %g Hz, damp %g: %+.3f cents\n", notes[i], damps[k], cents);
            if (!(fabs(cents) < 1))
                fail_msg("karplus at %g Hz, damp %g: %+.3f cents", notes[i], damps[k], cents);
        }
}

/* Struck at 0 and at HEAR_LONG/2: a sum of sines that die away. */
static void modes_ring_at_their_ratios(void **state)
{
    static const double bar[] = {1, 2.756538, 5.403918, 8.932952, 13.344293, 18.637898, 24.813767, 31.871899};
    double gains = 0;
    (void)state;
    for (int n = 0; n < HEAR_LONG; n++)
        hear_in[0][n] = n < 10 || n >= HEAR_LONG / 2 ? 1 : 0;
    hear_run("modal(in, 800, 'bar', 0.4, 0.7)", 1);
    memset(hear_model[0], 0, sizeof hear_model[0]);
    for (int i = 0; i < 8; i++) {
        double f = 800 * bar[i], gain = pow(bar[i], 2 * 0.7 - 2);
        gains += gain;
        for (int n = 0; n < HEAR_LONG && f < 0.49 * RATE; n++)
            for (int start = 0; start <= n; start += HEAR_LONG / 2) {
                int k = n - start;
                hear_model[0][n] += gain * pow(10, -3 * bar[i] * k / (0.4 * RATE)) * sin(2 * PI * f * k / RATE);
            }
    }
    for (int n = 0; n < HEAR_LONG; n++)
        hear_model[0][n] /= gains;
    hear_null("modal", 0, 1e-6);
    hear_swell();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelopes_follow_their_model),       cmocka_unit_test(compressor_follows_its_curve),
        cmocka_unit_test(expander_follows_its_curve),         cmocka_unit_test(gate_holds_and_lets_go),
        cmocka_unit_test(limiter_is_never_above_its_ceiling), cmocka_unit_test(latency_is_that_of_the_longest_path),
        cmocka_unit_test(limiter_follows_its_model),          cmocka_unit_test(strings_are_in_tune_within_a_cent),
        cmocka_unit_test(modes_ring_at_their_ratios),
    };
    return cmocka_run_group_tests(tests, hear_open_swelling, hear_close);
}
