/* labels: jit */
/* Filters against models of their own: the cookbook's biquads in direct form, Simper's trapezoidal state variable
 * filter, the one-pole; their frequency responses against the analogue ones; the error of low and narrow ones at a high
 * rate; no clicks where a parameter jumps through a smoother. */
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hear.h"

#define EACH(n) for (int n = 0; n < HEAR_LONG; n++)
static const double PI = 3.14159265358979323846;

enum shape { LP, HP, BP, NOTCH, ALLPASS, PEAK, LOW_SHELF, HIGH_SHELF };
static const char *const shape_names[] = {"lowpass", "highpass", "bandpass",  "notch",
                                          "allpass", "peak",     "low_shelf", "high_shelf"};
enum { SHAPES = 8 };

/* b0 b1 b2 a0 a1 a2, as the cookbook prints them. */
static void cookbook(enum shape shape, long double freq, long double q, long double db, long double rate,
                     long double c[6])
{
    long double w = 2 * acosl(-1) * freq / rate, co = cosl(w), al = sinl(w) / (2 * q), A = powl(10, db / 40),
                r = 2 * sqrtl(A) * al;
    long double rows[SHAPES][6] = {
        {(1 - co) / 2, 1 - co, (1 - co) / 2, 1 + al, -2 * co, 1 - al},
        {(1 + co) / 2, -(1 + co), (1 + co) / 2, 1 + al, -2 * co, 1 - al},
        {al, 0, -al, 1 + al, -2 * co, 1 - al},
        {1, -2 * co, 1, 1 + al, -2 * co, 1 - al},
        {1 - al, -2 * co, 1 + al, 1 + al, -2 * co, 1 - al},
        {1 + al * A, -2 * co, 1 - al * A, 1 + al / A, -2 * co, 1 - al / A},
        {A * ((A + 1) - (A - 1) * co + r), 2 * A * ((A - 1) - (A + 1) * co), A * ((A + 1) - (A - 1) * co - r),
         (A + 1) + (A - 1) * co + r, -2 * ((A - 1) + (A + 1) * co), (A + 1) + (A - 1) * co - r},
        {A * ((A + 1) + (A - 1) * co + r), -2 * A * ((A - 1) + (A + 1) * co), A * ((A + 1) + (A - 1) * co - r),
         (A + 1) - (A - 1) * co + r, 2 * ((A - 1) - (A + 1) * co), (A + 1) - (A - 1) * co - r},
    };
    memcpy(c, rows[shape], sizeof rows[shape]);
}

struct direct {
    long double x1, x2, y1, y2;
};

static long double direct_step(struct direct *d, const long double c[6], long double x)
{
    long double y = (c[0] * x + c[1] * d->x1 + c[2] * d->x2 - c[4] * d->y1 - c[5] * d->y2) / c[3];
    *d = (struct direct){x, d->x1, y, d->y1};
    return y;
}

/* hear_model[channel]: hear_in[0] through the cookbook's filter. */
static void model(int channel, enum shape shape, double freq, double q, double db)
{
    struct direct d = {0};
    long double c[6];
    cookbook(shape, (long double)freq, (long double)q, (long double)db, (long double)hear_rate, c);
    EACH(n) hear_model[channel][n] = (double)direct_step(&d, c, (long double)hear_in[0][n]);
}

static void biquads_are_the_cookbooks(void **state)
{
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"lowpass(in, 800, 2)\",\"highpass(in, 800, 2)\",\"bandpass(in, 800, 2)\","
             "\"notch(in, 800, 2)\",\"allpass(in, 800, 2)\",\"peak(in, 800, 2, 9)\",\"low_shelf(in, 800, 2, 9)\","
             "\"high_shelf(in, 800, 2, 9)\"]}",
             1);
    for (int s = 0; s < SHAPES; s++) {
        model(s, (enum shape)s, 800, 2, 9);
        hear_null(shape_names[s], s, 5e-7);
    }
}

/* Each type is a bilinear transform of the same analogue filter as the biquad's. */
static void state_variable_filters_equal_biquads_at_rest(void **state)
{
    static const enum shape of[] = {LP, HP, BP, NOTCH, ALLPASS, PEAK, LOW_SHELF, HIGH_SHELF};
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"svf(in, 1500, 3)\",\"svf(in, 1500, 3, type='hp')\","
             "\"svf(in, 1500, 3, type='bp')\",\"svf(in, 1500, 3, type='notch')\",\"svf(in, 1500, 3, type='allpass')\","
             "\"svf(in, 1500, 3, -7, 'bell')\",\"svf(in, 1500, 3, -7, 'low_shelf')\","
             "\"svf(in, 1500, 3, -7, 'high_shelf')\"]}",
             1);
    for (int s = 0; s < SHAPES; s++) {
        model(s, of[s], 1500, 3, -7);
        if (of[s] == BP) /* v1 is s/(s^2 + s/q + 1), the cookbook's has s/q on top */
            EACH(n) hear_model[s][n] *= 3;
        hear_null("svf at rest", s, 1e-6);
    }
    hear_run("{\"version\":1,\"nodes\":{\"a\":{\"op\":\"svf\",\"in\":\"in\",\"freq\":1500,\"q\":3}},\"output\":"
             "[\"a.lp\",\"a.hp\",\"a.bp\",\"a.hp - svf(in, 1500, 3, type='peak')\"]}",
             1);
    for (int s = 0; s < 3; s++) {
        model(s, of[s], 1500, 3, 0);
        if (of[s] == BP)
            EACH(n) hear_model[s][n] *= 3;
        hear_null("svf port", s, 1e-6);
    }
    model(3, LP, 1500, 3, 0);
    hear_null("svf peak, hp - lp", 3, 1e-6);
}

static double swept_freq(double base, double depth, double freq, int n)
{
    return base + depth * sin(2 * PI * hear_phase(freq, n));
}

/* Simper, "Solving the continuous SVF equations using trapezoidal integration", his algorithm step by step. */
static void state_variable_filters_follow_simper_when_modulated(void **state)
{
    double s1 = 0, s2 = 0, t1 = 0, t2 = 0;
    struct direct d = {0};
    double low = 0;
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"svf(in, 2000 + 1900*sine(700), 4)\","
             "\"svf(in, 1000 + 500*sine(3), 2, 6*sine(90), 'bell')\",\"lowpass(in, 1000 + 800*sine(40), 2)\","
             "\"onepole_lp(in, 3000 + 2900*sine(500))\"]}",
             1);
    EACH(n)
    {
        double x = (double)hear_in[0][n], g = tan(PI * swept_freq(2000, 1900, 700, n) / HEAR_RATE), k = 0.25;
        double a1 = 1 / (1 + g * (g + k)), v3 = x - s2, v1 = a1 * s1 + g * a1 * v3, v2 = s2 + g * v1;
        s1 = 2 * v1 - s1;
        s2 = 2 * v2 - s2;
        hear_model[0][n] = v2;
        double A = pow(10, 6 * sin(2 * PI * hear_phase(90, n)) / 40);
        g = tan(PI * swept_freq(1000, 500, 3, n) / HEAR_RATE);
        k = 1 / (2 * A);
        a1 = 1 / (1 + g * (g + k));
        v3 = x - t2;
        v1 = a1 * t1 + g * a1 * v3;
        v2 = t2 + g * v1;
        t1 = 2 * v1 - t1;
        t2 = 2 * v2 - t2;
        hear_model[1][n] = x + k * (A * A - 1) * v1;
        long double c[6];
        cookbook(LP, (long double)swept_freq(1000, 800, 40, n), 2, 0, HEAR_RATE, c);
        hear_model[2][n] = (double)direct_step(&d, c, (long double)x);
        low += (1 - exp(-2 * PI * swept_freq(3000, 2900, 500, n) / HEAR_RATE)) * (x - low);
        hear_model[3][n] = low;
    }
    hear_null("svf, swept", 0, 2e-6);
    hear_null("svf bell, swept", 1, 2e-6);
    hear_null("lowpass, swept", 2, 1e-5);
    hear_null("onepole_lp, swept", 3, 1e-6);
}

static void one_poles_follow_their_model(void **state)
{
    double low = 0, k = 1 - exp(-2 * PI * 440 / HEAR_RATE);
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"onepole_lp(in, 440)\",\"onepole_hp(in, 440)\"]}", 1);
    EACH(n)
    {
        low += k * ((double)hear_in[0][n] - low);
        hear_model[0][n] = low;
        hear_model[1][n] = (double)hear_in[0][n] - low;
    }
    hear_null("onepole_lp", 0, 1e-7);
    hear_null("onepole_hp", 1, 1.5e-7);
}

/* The analogue filter at s = j W. */
static double complex analogue(enum shape shape, double complex s, double q, double db)
{
    double A = pow(10, db / 40), r = sqrt(A) / q;
    double complex den = s * s + s / q + 1;
    switch (shape) {
    case LP:
        return 1 / den;
    case HP:
        return s * s / den;
    case BP:
        return s / q / den;
    case NOTCH:
        return (s * s + 1) / den;
    case ALLPASS:
        return (s * s - s / q + 1) / den;
    case PEAK:
        return (s * s + s * A / q + 1) / (s * s + s / (A * q) + 1);
    case LOW_SHELF:
        return A * (s * s + r * s + A) / (A * s * s + r * s + 1);
    default:
        return A * (A * s * s + r * s + 1) / (s * s + r * s + A);
    }
}

static double complex transform_at(int channel, double freq)
{
    double complex sum = 0;
    EACH(n)
    {
        double angle = 2 * PI * fmod(freq * n, HEAR_RATE) / HEAR_RATE;
        sum += (double)hear_out[channel][n] * (cos(angle) - I * sin(angle));
    }
    return sum;
}

/* Magnitude and phase, from 20 Hz to 22 kHz, of the answer to an impulse: the analogue filter's at the warped
 * frequency. */
static void responses_are_those_of_the_analogue_filters(void **state)
{
    static float saved[HEAR_LONG];
    double worst = 0;
    (void)state;
    memcpy(saved, hear_in[0], sizeof saved);
    memset(hear_in[0], 0, sizeof saved);
    hear_in[0][0] = 1;
    hear_run("{\"version\":1,\"output\":[\"lowpass(in, 2500, 1.3)\",\"highpass(in, 2500, 1.3)\","
             "\"bandpass(in, 2500, 1.3)\",\"notch(in, 2500, 1.3)\",\"allpass(in, 2500, 1.3)\","
             "\"peak(in, 2500, 1.3, 8)\",\"low_shelf(in, 2500, 1.3, 8)\",\"high_shelf(in, 2500, 1.3, 8)\"]}",
             1);
    memcpy(hear_in[0], saved, sizeof saved);
    for (int s = 0; s < SHAPES; s++)
        for (double f = 20; f < 22000; f *= 1.37) {
            double complex want =
                analogue((enum shape)s, I * tan(PI * f / HEAR_RATE) / tan(PI * 2500 / HEAR_RATE), 1.3, 8);
            double error = cabs(transform_at(s, f) - want);
            worst = fmax(worst, error);
            if (!(error < 1e-6))
                fail_msg("%s at %g Hz is off by %g of %g", shape_names[s], f, error, cabs(want));
        }
    if (getenv("TEST_VERBOSE"))
        printf("responses: the worst error is %.2g\n", worst);
}

/* Root mean square of output minus model over that of the model, in dB. */
static double error_db(int channel)
{
    double error = 0, all = 0;
    EACH(n)
    {
        error += pow((double)hear_out[channel][n] - hear_model[channel][n], 2);
        all += pow(hear_model[channel][n], 2);
    }
    return 10 * log10(error / all);
}

/* A quarter of a second is four times as long as it rings. The models are in long double. */
static void low_and_narrow_filters_are_true_at_192_khz(void **state)
{
    (void)state;
    hear_rate = 192000;
    hear_run("{\"version\":1,\"output\":[\"lowpass(in, 20, 4)\",\"highpass(in, 20, 4)\",\"bandpass(in, 20, 4)\","
             "\"notch(in, 20, 4)\",\"allpass(in, 20, 4)\",\"peak(in, 20, 4, 12)\",\"low_shelf(in, 20, 4, 12)\","
             "\"high_shelf(in, 20, 4, 12)\"]}",
             1);
    for (int s = 0; s < SHAPES; s++) {
        model(s, (enum shape)s, 20, 4, 12);
        double db = error_db(s);
        if (getenv("TEST_VERBOSE"))
            printf("%s, 20 Hz, q 4, 192 kHz: error %.1f dB\n", shape_names[s], db);
        if (!(db <= -140))
            fail_msg("%s, 20 Hz, q 4, 192 kHz: the error is %.1f dB", shape_names[s], db);
    }
    hear_run(
        "{\"version\":1,\"output\":[\"svf(in, 20, 4)\",\"svf(in, 20, 4, type='hp')\",\"svf(in, 20, 4, type='bp')\","
        "\"svf(in, 20, 4, 12, 'bell')\",\"svf(in, 20, 4, 12, 'low_shelf')\"]}",
        1);
    static const enum shape of[] = {LP, HP, BP, PEAK, LOW_SHELF};
    for (int s = 0; s < 5; s++) {
        model(s, of[s], 20, 4, 12);
        if (of[s] == BP)
            EACH(n) hear_model[s][n] *= 4;
        double db = error_db(s);
        if (getenv("TEST_VERBOSE"))
            printf("svf as %s, 20 Hz, q 4, 192 kHz: error %.1f dB\n", shape_names[of[s]], db);
        if (!(db <= -140))
            fail_msg("svf as %s, 20 Hz, q 4, 192 kHz: the error is %.1f dB", shape_names[of[s]], db);
    }
    hear_rate = HEAR_RATE;
}

/* The loudest thing above 4 kHz within 10 ms of a jump at sample 24,000 in a tone of 100 Hz, dB below the tone. */
static double click_db(int channel)
{
    double worst = 0;
    for (int f = 4000; f < 20000; f += 250) {
        double complex sum = 0;
        for (int n = 0; n < 480; n++) {
            double window = 0.5 - 0.5 * cos(2 * PI * n / 480);
            sum += window * (double)hear_out[channel][24000 - 240 + n] * cexp(-I * (2 * PI * f / HEAR_RATE * n));
        }
        worst = fmax(worst, cabs(sum) / 120);
    }
    return 20 * log10(worst + 1e-12);
}

/* A level, a filter's frequency, an echo's feedback and a pan that jump at half a second, with and without `smooth`. */
static void jumps_through_a_smoother_do_not_click(void **state)
{
    static float saved[HEAR_LONG];
    (void)state;
    memcpy(saved, hear_in[0], sizeof saved);
    EACH(n) hear_in[0][n] = (float)cos(2 * PI * 100 * n / HEAR_RATE);
    hear_run("{\"version\":1,\"nodes\":{\"jump\":{\"op\":\"constant\",\"value\":\"t < 0.5 ? 0 : 1\"},"
             "\"soft\":{\"op\":\"smooth\",\"in\":\"jump\",\"time\":0.02},"
             "\"line\":{\"op\":\"slew\",\"in\":\"jump\",\"rise\":20,\"fall\":20}},"
             "\"output\":[\"in*(1 - 0.5*jump)\",\"in*(1 - 0.5*soft)\",\"in*(1 - 0.5*line)\","
             "\"svf(in, 200 + 5000*soft)\",\"lowpass(in, 200 + 5000*soft)\",\"feedback_delay(in, 0.01, 0.6*soft)\","
             "\"pan(in, 2*soft - 1).l\",\"svf(in, 200 + 5000*jump)\"]}",
             1);
    memcpy(hear_in[0], saved, sizeof saved);
    double levels[HEAR_CHANNELS];
    for (int c = 0; c < HEAR_CHANNELS; c++) {
        levels[c] = click_db(c);
        if (getenv("TEST_VERBOSE"))
            printf("jump %d: %.1f dB\n", c, levels[c]);
    }
    assert_true(levels[0] > -50); /* the measure hears what clicks */
    for (int c = 1; c < 7; c++)
        if (!(levels[c] < -75))
            fail_msg("output %d clicks: %.1f dB above 4 kHz", c, levels[c]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(biquads_are_the_cookbooks),
        cmocka_unit_test(state_variable_filters_equal_biquads_at_rest),
        cmocka_unit_test(state_variable_filters_follow_simper_when_modulated),
        cmocka_unit_test(one_poles_follow_their_model),
        cmocka_unit_test(responses_are_those_of_the_analogue_filters),
        cmocka_unit_test(low_and_narrow_filters_are_true_at_192_khz),
        cmocka_unit_test(jumps_through_a_smoother_do_not_click),
    };
    return cmocka_run_group_tests(tests, hear_open, hear_close);
}
