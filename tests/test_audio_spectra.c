/* labels: jit */
/* What cannot be compared sample by sample: slopes, levels and rates of noises, how little band-limited waves alias,
 * and where filters are flat. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/hear.h"

#define EACH(n) for (int n = 0; n < HEAR_LONG; n++)

static double db(double power)
{
    return 10 * log10(power + 1e-30);
}

static void expect_db(const char *what, double have, double lo, double hi)
{
    if (getenv("TEST_VERBOSE"))
        printf("%s: %.2f dB\n", what, have);
    if (!(have >= lo && have <= hi))
        fail_msg("%s is %.2f dB, not %g..%g", what, have, lo, hi);
}

/* Power a Hz of an octave around `middle`, from 256 frequencies of it. */
static double density(int channel, double middle)
{
    double sum = 0;
    for (int i = 0; i < 256; i++)
        sum += hear_power(channel, (int)round(middle * exp2((i + 0.5) / 256 - 0.5)));
    return sum / 256;
}

/* Slopes from 250 Hz to 4 kHz: four octaves; some 200 periodograms an end leave an error of 0.1 dB an
 * octave. */
static void noises_slope_as_their_colours(void **state)
{
    static const struct {
        const char *name;
        double octave;
    } colours[] = {{"white", 0}, {"pink", -3.01}, {"brown", -6.02}, {"blue", 3.01}, {"violet", 6.02}};
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"white(1)\",\"pink(1)\",\"brown(1)\",\"blue(1)\",\"violet(1)\"]}", 1);
    for (int c = 0; c < 5; c++) {
        double slope = (db(density(c, 4000)) - db(density(c, 250))) / 4;
        expect_db(colours[c].name, slope, colours[c].octave - 0.4, colours[c].octave + 0.4);
    }
}

static double rms(int channel)
{
    double sum = 0;
    EACH(n) sum += (double)hear_out[channel][n] * (double)hear_out[channel][n];
    return sqrt(sum / HEAR_LONG);
}

static void noises_have_their_levels(void **state)
{
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"white(1)\",\"pink(1)\",\"brown(1)\",\"white(2)\",\"white(1)\"]}", 1);
    assert_float_equal(rms(0), sqrt(1.0 / 3), 0.01);
    assert_float_equal(rms(1), 0.231, 0.05);
    assert_float_equal(rms(2), 0.25, 0.08);
    double together = 0;
    EACH(n)
    {
        assert_true(hear_out[0][n] == hear_out[4][n]);
        together += (double)hear_out[0][n] * (double)hear_out[3][n];
    }
    assert_float_equal(together / HEAR_LONG, 0, 0.01); /* two seeds: 6 sigma are 0.009 */
}

/* One impulse of +-1 in each stretch of 48 samples; both signs. */
static void velvet_has_one_impulse_a_cell(void **state)
{
    int signs[2] = {0, 0};
    (void)state;
    hear_run("velvet(1000)", 1);
    for (int cell = 0; cell < 1000; cell++) {
        int count = 0;
        for (int n = cell * 48; n < cell * 48 + 48; n++)
            if (hear_out[0][n] != 0) {
                assert_true(fabsf(hear_out[0][n]) == 1);
                count++;
                signs[hear_out[0][n] > 0]++;
            }
        /* 1000/48000 is rounded to 2^-32: a cell's edge may move by a sample in time */
        if (count != 1)
            fail_msg("cell %d has %d impulses", cell, count);
    }
    assert_in_range(signs[0], 400, 600);
}

static void dust_comes_as_often_as_asked(void **state)
{
    int count = 0;
    double sum = 0;
    (void)state;
    hear_run("dust(2000, seed=3)", 1);
    EACH(n)
    {
        assert_true(hear_out[0][n] >= 0 && hear_out[0][n] <= 1);
        count += hear_out[0][n] > 0;
        sum += (double)hear_out[0][n];
    }
    assert_in_range(count, 1780, 2220); /* 5 sigma */
    double mean = sum / count;
    assert_float_equal(mean, 0.5, 0.04);
}

/* A step every period, uniform, never the same for long. */
static void random_lfo_draws_once_a_period(void **state)
{
    int changes = 0;
    (void)state;
    hear_run("lfo(100, shape='random')", 1);
    for (int n = 1; n < HEAR_LONG; n++)
        changes += hear_out[0][n] != hear_out[0][n - 1];
    assert_in_range(changes, 98, 100);
    assert_float_equal(rms(0), sqrt(1.0 / 3), 0.15);
}

/* The loudest partial below 20 kHz that is none of the wave's own, against its fundamental, at 5 kHz and a little:
 * whole Hz, so that every alias lies on one. */
static double aliases(int channel)
{
    double worst = 0;
    for (int k = 2; k < 100; k++) {
        double f = fmod(k * 5003.0, HEAR_RATE), folded = f > HEAR_RATE / 2 ? HEAR_RATE - f : f;
        if (k * 5003 > HEAR_RATE / 2 && folded < 20000)
            worst = fmax(worst, hear_power(channel, (int)folded));
    }
    return db(worst) - db(hear_power(channel, 5003));
}

static void band_limited_waves_alias_little(void **state)
{
    static const struct {
        const char *name;
        double bound;
    } waves[] = {{"saw", -27},          {"square", -34},    {"pulse", -30},         {"triangle", -50},
                 {"square_naive", -10}, {"wavetable", -90}, {"wavetable saw", -90}, {"saw_naive", -10}};
    (void)state;
    hear_run("{\"version\":1,\"output\":[\"saw(5003)\",\"square(5003)\",\"pulse(5003, 0.3)\",\"triangle(5003)\","
             "\"square_naive(5003)\",\"wavetable(5003, tables='square')\",\"wavetable(5003, tables='saw')\","
             "\"saw_naive(5003)\"]}",
             1);
    for (int c = 0; c < 8; c++)
        expect_db(waves[c].name, aliases(c), -200, waves[c].bound);
    assert_true(aliases(1) < aliases(4) - 6); /* the correction earns its place */
    assert_true(aliases(0) < aliases(7) - 6);
}

/* Gain at a frequency, from the response to an impulse, which is the test's own. */
static double gain_at(int channel, double freq)
{
    double re = 0, im = 0;
    EACH(n)
    {
        double angle = 6.283185307179586 * fmod(freq * n, HEAR_RATE) / HEAR_RATE;
        re += cos(angle) * (double)hear_out[channel][n];
        im += sin(angle) * (double)hear_out[channel][n];
    }
    return db(re * re + im * im);
}

static void filters_turn_where_they_say(void **state)
{
    static float saved[HEAR_LONG];
    (void)state;
    EACH(n)
    {
        saved[n] = hear_in[0][n];
        hear_in[0][n] = n == 0 ? 1 : 0;
    }
    hear_run("{\"version\":1,\"nodes\":{\"c\":{\"op\":\"linkwitz_riley\",\"in\":\"in\",\"freq\":1000},"
             "\"d\":{\"op\":\"linkwitz_riley\",\"in\":\"in\",\"freq\":1000,\"order\":6}},\"output\":["
             "\"butterworth(in, 1000)\",\"butterworth(in, 1000, 7, 'hp')\",\"c.lp\",\"c.hp\",\"c.lp + c.hp\","
             "\"d.lp + d.hp\",\"allpass1(in, 0.4)\"]}",
             1);
    expect_db("butterworth at its frequency", gain_at(0, 1000), -3.02, -3);
    expect_db("butterworth an octave above", gain_at(0, 2000), -25, -24);
    expect_db("butterworth hp at its frequency", gain_at(1, 1000), -3.02, -3);
    expect_db("linkwitz_riley lp at its frequency", gain_at(2, 1000), -6.03, -6.01);
    expect_db("linkwitz_riley hp at its frequency", gain_at(3, 1000), -6.03, -6.01);
    for (int f = 125; f < 20000; f *= 2)
        for (int c = 4; c < 7; c++)
            expect_db("what passes all", gain_at(c, f), -0.001, 0.001);
    EACH(n) hear_in[0][n] = saved[n];
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noises_slope_as_their_colours),  cmocka_unit_test(noises_have_their_levels),
        cmocka_unit_test(velvet_has_one_impulse_a_cell),  cmocka_unit_test(dust_comes_as_often_as_asked),
        cmocka_unit_test(random_lfo_draws_once_a_period), cmocka_unit_test(band_limited_waves_alias_little),
        cmocka_unit_test(filters_turn_where_they_say),
    };
    return cmocka_run_group_tests(tests, hear_open, hear_close);
}
