/* labels: jit */
/* Shapers, oscillators, filters, envelopes and stereo nodes against models in f64, written as loops over samples; what
 * they refuse; and that nothing a client can modulate makes them anything but finite. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "tests/support/hear.h"

#define IN(c, n) ((double)hear_in[c][n])
#define EACH(n) for (int n = 0; n < HEAR_LONG; n++)
static const double PI = 3.14159265358979323846, R = HEAR_RATE;
static double (*const out)[HEAR_LONG] = hear_model;

static void shapers_follow_their_models(void **state)
{
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"foldback(5*in, 0.5)\",\"asymmetric(in)\",\"rectify(in)\","
             "\"ringmod(in.0, in.1)\",\"crossfade(in.0, in.1, 0.3)\",\"crossfade(in.0, in.1, 0.3, 'linear')\","
             "\"silence() + constant(in)\"]}",
             2);
    EACH(n)
    {
        double x = IN(0, n), f = (double)(5 * hear_in[0][n]), m = (double)0.3f;
        while (fabs(f) > 0.5)
            f = f > 0 ? 1 - f : -1 - f;
        out[0][n] = f;
        out[1][n] = x >= 0 ? 0.5 * tanh(2 * x) : tanh(x);
        out[2][n] = fabs(x);
        out[3][n] = x * IN(1, n);
        out[4][n] = x * cos(m * PI / 2) + IN(1, n) * sin(m * PI / 2);
        out[5][n] = x + m * (IN(1, n) - x);
        out[6][n] = x;
    }
    for (int c = 0; c < 7; c++)
        hear_null("shape", c, 1e-6);
}

static void holds_and_blockers_follow_their_models(void **state)
{
    double x1 = 0, y1 = 0;
    float held = 0;
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"bitcrush(in, 6, 9000)\",\"dcblock(in + 0.5, 20)\"]}", 1);
    EACH(n)
    {
        double x = (double)(hear_in[0][n] + 0.5f);
        if (n == 0 || n * 3 / 16 != (n - 1) * 3 / 16)
            held = hear_in[0][n];
        out[0][n] = round((double)held * 32) / 32;
        y1 = x - x1 + (1 - 2 * PI * 20 / R) * y1;
        x1 = x;
        out[1][n] = y1;
    }
    hear_null("bitcrush", 0, 0);
    hear_null("dcblock", 1, 1e-7);
}

static double blep(double p, double dt)
{
    double u = p / dt, w = (p - 1) / dt;
    return p < dt ? 2 * u - u * u - 1 : p > 1 - dt ? w * w + 2 * w + 1 : 0;
}

static double corner(double p, double at, double dt)
{
    double u = fabs(p - at), v = fmax(1 - fmin(u, 1 - u) / dt, 0);
    return 8 * dt * v * v * v / 6;
}

static void oscillators_follow_their_models(void **state)
{
    double freq = 1234.5, dt = freq / R;
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"square(1234.5)\",\"pulse(1234.5, 0.2)\",\"triangle(1234.5)\","
             "\"square_naive(1234.5)\",\"lfo(1234.5, 2, 0.5, shape='triangle')\",\"lfo(3, 0.5, 1)\","
             "\"lfo(1234.5, shape='saw')\",\"lfo(1234.5, shape='square')\"]}",
             1);
    EACH(n)
    {
        double p = hear_phase(freq, n), q = p + 0.8 - floor(p + 0.8), h = p + 0.5 - floor(p + 0.5);
        double naive = 4 * fabs(p + 0.25 - floor(p + 0.25) - 0.5);
        out[0][n] = (p < 0.5 ? 1 : -1) + blep(p, dt) - blep(h, dt);
        out[1][n] = (p < 0.2 ? 1 : -1) + blep(p, dt) - blep(q, dt);
        out[2][n] = 1 - naive - corner(p, 0.25, dt) + corner(p, 0.75, dt);
        out[3][n] = out[7][n] = p < 0.5 ? 1 : -1;
        out[4][n] = 2 * (1 - naive) + 0.5;
        out[5][n] = 0.5 * sin(2 * PI * hear_phase(3, n)) + 1;
        out[6][n] = 2 * p - 1;
    }
    for (int c = 0; c < 8; c++)
        hear_null("oscillator", c, 1e-5);
}

static void wavetables_are_sums_of_harmonics(void **state)
{
    (void)state;
    hear_run("{\"version\":1,\"nodes\":{\"a\":{\"op\":\"wavetable\",\"freq\":440,\"tables\":\"saw\"},"
             "\"b\":{\"op\":\"wavetable\",\"freq\":100,\"tables\":[0,1,0,-1]},"
             "\"c\":{\"op\":\"wavetable\",\"freq\":100,\"tables\":[[1,1],[0,1,0,-1],[0,0,0]],\"morph\":0.25},"
             "\"d\":{\"op\":\"wavetable\",\"freq\":440,\"tables\":\"triangle\"}},\"output\":[\"a\",\"b\",\"c\",\"d\"]}",
             1);
    EACH(n)
    {
        double p = 2 * PI * hear_phase(440, n), q = 2 * PI * hear_phase(100, n), saw = 0, triangle = 0;
        for (int k = 1; k <= 32; k++) { /* the most, as a power of two, that lie below 24 kHz */
            saw -= 2 / (PI * k) * sin(k * p);
            triangle += k % 2 ? (k % 4 == 1 ? 8 : -8) / (PI * PI * k * k) * sin(k * p) : 0;
        }
        out[0][n] = saw;
        out[1][n] = sin(q);
        out[2][n] = 0.5 + 0.5 * sin(q);
        out[3][n] = triangle;
    }
    hear_null("wavetable saw", 0, 4e-3);
    hear_null("wavetable sine", 1, 1e-5);
    hear_null("wavetable morph", 2, 1e-5);
    hear_null("wavetable triangle", 3, 1e-4);
}

static double turn(double freq, int n, double radians)
{
    return sin(2 * PI * hear_phase(freq, n) + radians);
}

static void fm_follows_its_model(void **state)
{
    double m = 0, s = 0;
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"fm2(300, 1.5, 3, 0.5)\","
             "\"fm4(200, 'serial', vec4(1,2,3,4), vec4(0.9,1,2,0.5), 0.25)\","
             "\"fm4(200, 'parallel', vec4(1,2,3,4), vec4(0.9,1,2,0.5), 0.25)\","
             "\"fm4(200, 'pairs', vec4(1,2,3,4), vec4(0.9,1,2,0.5), 0.25)\","
             "\"fm4(200, 'stack', vec4(1,2,3,4), vec4(0.9,1,2,0.5), 0.25)\",\"fm4(200)\"]}",
             1);
    EACH(n)
    {
        m = turn(450, n, 0.5 * m);
        s = turn(800, n, 0.25 * s);
        double a = (double)0.9f, four = 0.5 * s;
        out[0][n] = turn(300, n, 3 * m);
        out[1][n] = a * turn(200, n, turn(400, n, 2 * turn(600, n, four)));
        out[2][n] = (a * turn(200, n, 0) + turn(400, n, 0) + 2 * turn(600, n, 0) + four) / 4;
        out[3][n] = (a * turn(200, n, turn(400, n, 0)) + 2 * turn(600, n, four)) / 2;
        out[4][n] = a * turn(200, n, turn(400, n, 0) + 2 * turn(600, n, 0) + four);
        out[5][n] = turn(200, n, turn(400, n, turn(600, n, turn(800, n, 0))));
    }
    for (int c = 0; c < 6; c++)
        hear_null("fm", c, 1e-5);
}

/* Bilinear Butterworth sections in direct form: another arithmetic than the nodes'. */
static void direct(double *x, double freq, int order, bool high)
{
    double w = tan(PI * freq / R);
    for (int i = 0; i < (order + 1) / 2; i++) {
        bool single = order % 2 && i == order / 2;
        double k = 2 * sin((2 * i + 1) * PI / (2 * order)), x1 = 0, x2 = 0, y1 = 0, y2 = 0;
        double a0 = single ? 1 + w : 1 + k * w + w * w, b0 = high ? 1 : single ? w : w * w;
        double b1 = single ? (high ? -b0 : b0) : (high ? -2 * b0 : 2 * b0), b2 = single ? 0 : b0;
        double a1 = single ? w - 1 : 2 * (w * w - 1), a2 = single ? 0 : 1 - k * w + w * w;
        EACH(n)
        {
            double y = (b0 * x[n] + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2) / a0;
            x2 = x1;
            x1 = x[n];
            y2 = y1;
            x[n] = y1 = y;
        }
    }
}

static void cascades_follow_their_models(void **state)
{
    (void)state;
    hear_run("{\"version\":1,\"nodes\":{\"c\":{\"op\":\"linkwitz_riley\",\"in\":\"in\",\"freq\":900,\"order\":6}},"
             "\"output\":[\"butterworth(in, 2000)\",\"butterworth(in, 300, 7, 'hp')\",\"butterworth(in, 5000, 1)\","
             "\"c.lp\",\"c.hp\"]}",
             1);
    EACH(n) for (int c = 0; c < 5; c++) out[c][n] = IN(0, n);
    direct(out[0], 2000, 4, false);
    direct(out[1], 300, 7, true);
    direct(out[2], 5000, 1, false);
    for (int twice = 0; twice < 2; twice++) {
        direct(out[3], 900, 3, false);
        direct(out[4], 900, 3, true);
    }
    EACH(n) out[4][n] = -out[4][n];
    for (int c = 0; c < 5; c++)
        hear_null("cascade", c, 1e-6);
}

static void ladder_follows_its_model(void **state)
{
    double s[4] = {0}, g = tan(PI * 1200 / R), G = g / (1 + g), k = 4 * 0.8;
    (void)state;
    hear_run("ladder(in, 1200, 0.8, 2)", 1);
    EACH(n)
    {
        double S = (1 - G) * (pow(G, 3) * s[0] + G * G * s[1] + G * s[2] + s[3]);
        double y = tanh((2 * IN(0, n) - k * S) / (1 + k * pow(G, 4)));
        for (int i = 0; i < 4; i++) {
            double v = G * (y - s[i]);
            y = v + s[i];
            s[i] = y + v;
        }
        out[0][n] = y;
    }
    hear_null("ladder", 0, 1e-6);
}

static double at(const double *y, double place)
{
    int i = (int)floor(place);
    double f = place - i;
    return (1 - f) * (i >= 0 ? y[i] : 0) + f * (i >= -1 ? y[i + 1] : 0);
}

static void lines_follow_their_models(void **state)
{
    double d = 0.00123 * R, low = 0, ap = 0, sm = 0, sl = 0;
    static const double taps[] = {0.5, -0.25, 0, 0.125, 3};
    (void)state;
    hear_run(
        "{\"version\":1,\"nodes\":{\"f\":{\"op\":\"fir\",\"in\":\"in\",\"taps\":[0.5,-0.25,0,0.125,3]}},\"output\":"
        "[\"f\",\"comb(in, 0.00123, -0.8, 0.3)\",\"allpass1(in, -0.6)\",\"smooth(in, 0.001)\","
        "\"slew(in, 5000, 3000)\",\"biquad(in, 0.2, 0.3, 0.1, -0.5, 0.25)\",\"smooth(in, 0)\"]}",
        1);
    EACH(n)
    {
        double x = IN(0, n), x1 = n ? IN(0, n - 1) : 0, x2 = n > 1 ? IN(0, n - 2) : 0;
        double y1 = n ? out[5][n - 1] : 0, y2 = n > 1 ? out[5][n - 2] : 0, sum = 0;
        for (int k = 0; k < 5 && k <= n; k++)
            sum += taps[k] * IN(0, n - k);
        out[0][n] = sum;
        low = 0.7 * at(out[1], n - d) + 0.3 * low;
        out[1][n] = x - 0.8 * low;
        out[2][n] = ap = -0.6 * x + x1 + 0.6 * ap;
        out[3][n] = sm = x + exp(-1 / (0.001 * R)) * (sm - x);
        out[4][n] = sl += fmin(fmax(x - sl, -3000 / R), 5000 / R);
        out[5][n] = 0.2 * x + 0.3 * x1 + 0.1 * x2 + 0.5 * y1 - 0.25 * y2;
        out[6][n] = x;
    }
    for (int c = 0; c < 7; c++)
        hear_null("line", c, 2e-6);
}

static double clamped(double x, double lo, double hi)
{
    return fmin(fmax(x, lo), hi);
}

static void envelopes_follow_their_models(void **state)
{
    double level = 0, jump = 0;
    bool up = false, before = false;
    (void)state;
    hear_run("{\"version\":1,\"nodes\":{\"p\":{\"op\":\"breakpoints\",\"points\":[[0.1,0],[0.2,1],[0.2,-1],[0.5,0.5]]},"
             "\"q\":{\"op\":\"breakpoints\",\"points\":[[0,1],[0.4,-1]],\"interp\":\"smooth\"},"
             "\"h\":{\"op\":\"breakpoints\",\"points\":[[0,1],[0.4,-1]],\"interp\":\"hold\"},"
             "\"g\":{\"op\":\"square_naive\",\"freq\":100}},\"output\":[\"p\",\"q\",\"h\","
             "\"ar(g, 0.002, 0.005)\",\"ar(g, 0, 0)\",\"line(1, -1, 0.25, 0.1)\",\"line(2, 3, 0, 0.5)\"]}",
             1);
    EACH(n)
    {
        double t = n / R, s = clamped(t / 0.4, 0, 1);
        bool gate = hear_phase(100, n) < 0.5, starts = gate && !before;
        out[0][n] = t < 0.1 ? 0 : t < 0.2 ? (t - 0.1) / 0.1 : t < 0.5 ? -1 + 1.5 * (t - 0.2) / 0.3 : 0.5;
        out[1][n] = 1 - 2 * s * s * (3 - 2 * s);
        out[2][n] = t < 0.4 ? 1 : -1;
        up = starts || up;
        level = up ? fmin(level + 1 / (0.002 * R), 1) : fmax(level - 1 / (0.005 * R), 0);
        up = up && level < 1;
        jump = starts ? 1 : 0;
        out[3][n] = level;
        out[4][n] = jump;
        out[5][n] = 1 - 2 * clamped((t - 0.1) / 0.25, 0, 1);
        out[6][n] = t < 0.5 ? 2 : 3;
        before = gate;
    }
    for (int c = 0; c < 7; c++)
        hear_null("envelope", c, 2e-7);
}

static void stereo_follows_its_model(void **state)
{
    (void)state;
    hear_run("{\"version\":1,\"nodes\":{\"b\":{\"op\":\"balance\",\"l\":\"in.0\",\"r\":\"in.1\",\"pan\":0.25},"
             "\"w\":{\"op\":\"width\",\"l\":\"in.0\",\"r\":\"in.1\",\"width\":1.5},"
             "\"m\":{\"op\":\"midside\",\"l\":\"in.0\",\"r\":\"in.1\"},"
             "\"mat\":{\"op\":\"matrix\",\"matrix\":[[0.5,-0.25],[0,1]]}},"
             "\"output\":[\"b.l\",\"b.r\",\"w.l\",\"w.r\",\"m.m\",\"m.s\",\"mat.0 + mat.2\",\"mat.1\"]}",
             2);
    EACH(n)
    {
        double l = IN(0, n), r = IN(1, n), m = (l + r) / 2, s = 1.5 * (l - r) / 2;
        double row[] = {0.75 * l, r, m + s, m - s, (l + r) / sqrt(2), (l - r) / sqrt(2), 0.5 * l - 0.25 * r, r};
        for (int c = 0; c < 8; c++)
            out[c][n] = row[c];
    }
    for (int c = 0; c < 8; c++)
        hear_null("stereo", c, 4e-7);
}

static double nearest_note(double freq, double root, const double *scale, int n)
{
    double best = 0, error = INFINITY;
    for (int k = -200; k < 200; k++)
        for (int i = 0; i < n; i++) {
            double f = root * exp2(k + scale[i] / 12), e = fabs(log2(f / freq));
            if (e < error) {
                error = e;
                best = f;
            }
        }
    return best;
}

static void lookups_follow_their_models(void **state)
{
    static const double minor[] = {0, 2, 3, 5, 7, 8, 10}, list[] = {0, 3.5};
    static const double table[] = {-1, -0.3, 0.1, 0.6, 0.9};
    double held = 0;
    (void)state;
    hear_run("{\"version\":1,\"nodes\":{\"q\":{\"op\":\"quantize_pitch\",\"freq\":\"440*exp2(2*line(-1, 1))\","
             "\"scale\":\"minor\"},\"p\":{\"op\":\"quantize_pitch\",\"freq\":\"440*exp2(2*line(-1, 1))\","
             "\"scale\":[0,3.5],\"root\":100},\"s\":{\"op\":\"waveshape\",\"in\":\"1.5*in\","
             "\"table\":[-1,-0.3,0.1,0.6,0.9]}},"
             "\"output\":[\"q/1000\",\"p/1000\",\"s\",\"sample_hold(in, square_naive(100))\"]}",
             1);
    EACH(n)
    {
        double x = clamped(2 * (1.5 * IN(0, n) + 1), 0, 4), i = fmin(floor(x), 3);
        if (n == 0 || hear_phase(100, n) < hear_phase(100, n - 1))
            held = IN(0, n);
        out[2][n] = table[(int)i] + (x - i) * (table[(int)i + 1] - table[(int)i]);
        out[3][n] = held;
        out[0][n] = out[1][n] = 0;
        if (n % 97 == 0) {
            double freq = 440 * exp2(2 * (2.0 * n / R - 1));
            out[0][n] = nearest_note(freq, 261.6305, minor, 7) / 1000;
            out[1][n] = nearest_note(freq, 100, list, 2) / 1000;
        } else {
            hear_out[0][n] = hear_out[1][n] = 0;
        }
    }
    hear_null("quantize_pitch", 0, 1e-6);
    hear_null("quantize_pitch of a list", 1, 1e-6);
    hear_null("waveshape", 2, 1e-6);
    hear_null("sample_hold", 3, 0);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *node, *says;
    } cases[] = {
        {"{\"op\":\"fir\",\"in\":\"in\",\"taps\":[]}", "list of 1 or more"},
        {"{\"op\":\"fir\",\"in\":\"in\",\"taps\":[1,\"a\"]}", "holds numbers"},
        {"{\"op\":\"waveshape\",\"in\":\"in\",\"table\":[1]}", "list of 2 or more"},
        {"{\"op\":\"breakpoints\",\"points\":[[1,0],[0,1]]}", "before that of the point before"},
        {"{\"op\":\"breakpoints\",\"points\":[[1,0,2]]}", "at most 2"},
        {"{\"op\":\"matrix\",\"matrix\":[[1,0,1]]}", "channels"},
        {"{\"op\":\"matrix\",\"matrix\":[[1],[1],[1],[1],[1],[1],[1],[1],[1]]}", "at most 8"},
        {"{\"op\":\"quantize_pitch\",\"freq\":440,\"scale\":[12]}", "0 up to 12"},
        {"{\"op\":\"quantize_pitch\",\"freq\":440,\"scale\":\"list\"}", "instead of the word"},
        {"{\"op\":\"wavetable\",\"tables\":[[1]]}", "list of 2 or more"},
        {"{\"op\":\"wavetable\",\"tables\":\"lists\"}", "instead of the word"},
        {"{\"op\":\"butterworth\",\"in\":\"in\",\"order\":17}", "from 1 to 16"},
        {"{\"op\":\"linkwitz_riley\",\"in\":\"in\",\"order\":3}", "even"},
        {"{\"op\":\"fm4\",\"ratios\":\"vec3(1, 2, 3)\"}", "vec4"},
    };
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "{\"version\":1,\"nodes\":{\"a\":%s},\"output\":\"a\"}", cases[i].node);
        hear_refused(text, cases[i].says);
    }
}

/* A signal that reaches past every range: 1e6, 0, -1e6 in turns beside the noise. */
#define WILD "(in*1e6*lfo(3, shape='random'))"

static void nothing_modulated_makes_them_infinite(void **state)
{
    static const char *const texts[] = {
        "foldback(in, " WILD ") + foldback(" WILD ", 0) + bitcrush(in, " WILD ", " WILD ") + dcblock(in, " WILD ")",
        "crossfade(in, 1, " WILD ") + ladder(in, " WILD ", " WILD ", 9) + butterworth(in, " WILD ", 8)",
        "square(" WILD ", " WILD ") + triangle(" WILD ", " WILD ") + square_naive(" WILD ") + pulse(0, 0)",
        "wavetable(" WILD ", " WILD ") + fm2(" WILD ", " WILD ", " WILD ", " WILD ")",
        "fm4(" WILD ", 'stack', " WILD ", 1, " WILD ") + lfo(" WILD ", 1, 0, " WILD ", 'random')",
        "velvet(" WILD ") + dust(" WILD ") + velvet(0) + dust(0) + dust(1e9) + velvet(1e9)",
        "comb(in, " WILD ", 0.9*in, " WILD ") + comb(in, 0, 0.5) + allpass1(in, 0.9*in)",
        "smooth(in, " WILD ") + slew(in, " WILD ", " WILD ") + slew(in, 0, 0) + linkwitz_riley(in, " WILD ").hp",
        "ar(in, " WILD ", " WILD ") + line(0, 1, " WILD ", " WILD ") + line(0, 1, 0, 0)",
        "sample_hold(in, " WILD ") + quantize_pitch(" WILD ", 'blues', " WILD ")",
        "waveshape(" WILD ") + triangle(0) + square(0)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        hear_run(texts[i], 1);
        EACH(n) if (!isfinite(hear_out[0][n])) fail_msg("%s is not finite at sample %d", texts[i], n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapers_follow_their_models),
        cmocka_unit_test(holds_and_blockers_follow_their_models),
        cmocka_unit_test(oscillators_follow_their_models),
        cmocka_unit_test(wavetables_are_sums_of_harmonics),
        cmocka_unit_test(fm_follows_its_model),
        cmocka_unit_test(cascades_follow_their_models),
        cmocka_unit_test(ladder_follows_its_model),
        cmocka_unit_test(lines_follow_their_models),
        cmocka_unit_test(envelopes_follow_their_models),
        cmocka_unit_test(stereo_follows_its_model),
        cmocka_unit_test(lookups_follow_their_models),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(nothing_modulated_makes_them_infinite),
    };
    return cmocka_run_group_tests(tests, hear_open, hear_close);
}
