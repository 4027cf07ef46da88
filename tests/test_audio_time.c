/* labels: jit */
/* Echoes, modulated delays and reverberators against models of their own, in f64, written as loops over samples; and of
 * all effects that remember: alive after a NaN, finite whatever their parameters. */
#include "tests/support/hear.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double PI = 3.14159265358979323846, RATE = HEAR_RATE;

enum { LINE = 8192 };

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
    static double fed[HEAR_LONG];
    (void)state;
    hear_run("feedback_delay(in, 0.0103, 0.7, 0.4)", 1);
    for (int n = 0; n < HEAR_LONG; n++) {
        double x = (double)hear_in[0][n], y = read_line(fed, n, 0.0103 * RATE);
        fed[n] = x + (double)0.7f * y;
        hear_model[0][n] = x + (double)0.4f * (y - x);
    }
    hear_null("feedback_delay", 0, 2e-6);
}

static void swinging_delays_follow_their_models(void **state)
{
    static double dry[HEAR_LONG], fed[HEAR_LONG];
    (void)state;
    for (int n = 0; n < HEAR_LONG; n++)
        dry[n] = (double)hear_in[0][n];
    hear_run_ports("{\"op\":\"z1\",\"in\":0}",
                   "\"chorus(in.0, 1.5)\",\"flanger(in.0, 2, feedback=-0.6)\",\"vibrato(in.0)\","
                   "\"tremolo(in.0, 9, 0.8)\"");
    for (int n = 0; n < HEAR_LONG; n++) {
        double x = dry[n], y = read_line(fed, n, fmax((0.003 + 0.002 * slow_sine(2, n)) * RATE, 1));
        fed[n] = x - (double)0.6f * y;
        hear_model[0][n] = x + 0.5 * (read_line(dry, n, (0.02 + 0.003 * slow_sine(1.5, n)) * RATE) - x);
        hear_model[1][n] = x + 0.5 * (y - x);
        hear_model[2][n] = read_line(dry, n, fmax(0.002 * (1 + slow_sine(5, n)) * RATE, 0));
        hear_model[3][n] = x * (1 - (double)0.8f * (0.5 + 0.5 * slow_sine(9, n)));
    }
    hear_null("chorus", 0, 3e-5); /* the delay's sine is an f32 */
    hear_null("flanger", 1, 1e-4);
    hear_null("vibrato", 2, 3e-5);
    hear_null("tremolo", 3, 1e-6);
}

static void phaser_follows_its_model(void **state)
{
    enum { STAGES = 6 };
    double x1[STAGES + 1] = {0};
    (void)state;
    hear_run("phaser(in, 3, 200, 4000, stages=6, feedback=0.5, mix=0.6)", 1);
    for (int n = 0; n < HEAR_LONG; n++) {
        double f = 200 + 3800 * (0.5 + 0.5 * slow_sine(3, n)), g = tan(PI * f / RATE), a = (g - 1) / (g + 1);
        double x = (double)hear_in[0][n], v = x + 0.5 * x1[STAGES];
        for (int i = 0; i < STAGES; i++) {
            double y = a * v + x1[i] - a * x1[i + 1];
            x1[i] = v;
            v = y;
        }
        x1[STAGES] = v;
        hear_model[0][n] = x + (double)0.6f * (v - x);
    }
    hear_null("phaser", 0, 2e-5);
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
    hear_run_ports("{\"op\":\"freeverb\",\"in\":\"in.0\",\"in_r\":\"in.1\",\"room\":0.8,\"damp\":0.3,\"width\":0.7,"
                   "\"mix\":0.45}",
                   "\"a.l\",\"a.r\"");
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < 8; i++)
            buffer_start(&combs[side][i], comb_tuning[i] + 23 * side);
        for (int i = 0; i < 4; i++)
            buffer_start(&allpasses[side][i], allpass_tuning[i] + 23 * side);
    }
    for (int n = 0; n < HEAR_LONG; n++) {
        double x[2] = {(double)hear_in[0][n], (double)hear_in[1][n]}, y[2] = {0, 0}, wet = 3;
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
        hear_model[0][n] = (1 - mix) * x[0] + mix * (y[0] * wet1 + y[1] * wet2);
        hear_model[1][n] = (1 - mix) * x[1] + mix * (y[1] * wet1 + y[0] * wet2);
    }
    hear_null("freeverb", 0, 3e-6);
    hear_null("freeverb", 1, 3e-6);
}

static void schroeder_follows_its_model(void **state)
{
    static const int comb_lengths[] = {1557, 1617, 1491, 1422, 1277, 1356, 1188, 1116};
    static const int allpass_lengths[] = {225, 556, 441, 341};
    (void)state;
    hear_run("schroeder(in, 0.9, 0.7, 0.6)", 1);
    for (int i = 0; i < 8; i++)
        buffer_start(&combs[0][i], comb_lengths[i]);
    for (int i = 0; i < 4; i++)
        buffer_start(&allpasses[0][i], allpass_lengths[i]);
    for (int n = 0; n < HEAR_LONG; n++) {
        double x = (double)hear_in[0][n], y = 0;
        for (int i = 0; i < 8; i++)
            y += comb_step(&combs[0][i], x, 0.84 + 0.12 * 0.9, 0.4 * 0.7) / 8;
        for (int i = 0; i < 4; i++) {
            struct buffer *l = &allpasses[0][i];
            double late = l->data[l->at], v = y + 0.5 * late;
            buffer_put(l, v);
            y = late - 0.5 * v;
        }
        hear_model[0][n] = 0.4 * x + 0.6 * y;
    }
    hear_null("schroeder", 0, 1e-5);
}

/* The matrix I - 2/N written out; and energy that falls 60 dB in `decay`. */
static void fdn_follows_its_model(void **state)
{
    enum { N = 5 };
    static double fed[N][HEAR_LONG];
    double store[N] = {0}, damp = 0.95 * 0.2;
    (void)state;
    hear_run_ports("{\"op\":\"fdn\",\"in\":\"in.0\",\"lines\":5,\"time\":0.03,\"decay\":0.8,\"damp\":0.2,\"mix\":0.5}",
                   "\"a.l\",\"a.r\"");
    for (int n = 0; n < HEAR_LONG; n++) {
        double u[N], wet[2] = {0, 0}, x = (double)hear_in[0][n];
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
            hear_model[side][n] = 0.5 * x + 0.5 * wet[side];
    }
    hear_null("fdn", 0, 1e-5);
    hear_null("fdn", 1, 1e-5);
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
    char *text = arena_strdup(hear_arena, "");
    for (const char *p = graph; *p;) {
        if (*p == 'X') {
            text = arena_printf(hear_arena, "%s%s", text, x);
            p++;
        } else if (!strncmp(p, "PARAM", 5)) {
            text = arena_printf(hear_arena, "%s%s", text, param);
            p += 5;
        } else {
            const char *end = strstr(p, "PARAM");
            size_t n = strcspn(p, "X"), least = end ? (size_t)(end - p) : strlen(p);
            text = arena_printf(hear_arena, "%s%.*s", text, (int)(n < least ? n : least), p);
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
        hear_swell();
        for (int n = 100; n < 300; n++)
            hear_in[0][n] = bad[n % 7];
        hear_run(filled(graphs[g], "in", "0.02"), 1);
        for (int n = HEAR_LONG - 4000; n < HEAR_LONG; n++) {
            if (!isfinite(hear_out[0][n]) || fabsf(hear_out[0][n]) > 1000)
                fail_msg("%s: sample %d is %g", filled(graphs[g], "in", "0.02"), n, (double)hear_out[0][n]);
            heard = heard || hear_out[0][n] != 0;
        }
        if (!heard)
            fail_msg("%s: silent after a NaN", graphs[g]);
    }
    hear_swell();
}

/* The parameters at values that no client should send, from sample to sample and as numbers. */
static void extreme_parameters_stay_finite(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e9f, -1e9f,
                                0,   1,        -1,        0.5f,    1e-30f,   24000};
    static const char *const numbers[] = {"0", "-0.0001*in.0", "1", "1000*in.1", "1e30*in.0"};
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        hear_swell();
        for (int n = 0; n < HEAR_LONG; n++)
            hear_in[1][n] = bad[(kind ? n / 100 : n) % 13];
        for (int g = 0; g < GRAPHS; g++)
            for (size_t k = 0; k < (kind ? 1 : 1 + sizeof numbers / sizeof *numbers); k++) {
                char *text = filled(graphs[g], "in.0", k ? numbers[k - 1] : "in.1");
                hear_run(arena_printf(hear_arena, "{\"version\":1,\"output\":[\"%s\"]}", text), 2);
                for (int n = 0; n < HEAR_LONG; n++)
                    if (!isfinite(hear_out[0][n]))
                        fail_msg("%s: sample %d is %g", text, n, (double)hear_out[0][n]);
            }
    }
    hear_swell();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_follows_its_model),      cmocka_unit_test(swinging_delays_follow_their_models),
        cmocka_unit_test(phaser_follows_its_model),    cmocka_unit_test(freeverb_nulls_with_the_original_algorithm),
        cmocka_unit_test(schroeder_follows_its_model), cmocka_unit_test(fdn_follows_its_model),
        cmocka_unit_test(a_nan_is_forgotten),          cmocka_unit_test(extreme_parameters_stay_finite),
    };
    return cmocka_run_group_tests(tests, hear_open_swelling, hear_close);
}
