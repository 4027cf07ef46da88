/* labels: jit */
/* What a client should not send, through the whole of /process: samples that are no numbers are taken for zeros,
 * counted, and leave nothing behind in filters and loops; a loop without a delay and a delay of hours are refused by
 * name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ask.h"

enum { FRAMES = 48000 };

static float good[FRAMES], bad[FRAMES], zeroed[FRAMES];
static int n_bad;

static void make_signals(void)
{
    static const float wrong[] = {NAN, -NAN, INFINITY, -INFINITY};
    uint64_t seed = 21;
    for (int n = 0; n < FRAMES; n++) {
        good[n] = bad[n] = zeroed[n] = (float)(test_random(&seed) / 2147483648.0 - 1);
        if (n % 1000 < 3 || (n > 20000 && n < 20300)) {
            bad[n] = wrong[n % 4];
            zeroed[n] = 0;
            n_bad++;
        }
    }
}

static const char *const graphs[] = {
    "lowpass(peak(in, 300, 8, 12), 2000)",
    "svf(onepole_hp(in, 30), 900, 20).bp",
    "butterworth(dcblock(in), 500, 7)",
    "comb(allpass1(smooth(in, 0.01)), 0.01, 0.95)",
    "fdn(in).l + freeverb(in).r + schroeder(in)",
    "compressor(limiter(in)).l + envelope(in)",
    "feedback_delay(in, 0.01, 0.9) + phaser(in) + flanger(in)",
};

static struct api_response run(const char *graph, const char *policy, const float *in)
{
    return process_raw(arena_printf(arena, "expr=%s&rate=48000&channels=1&nonfinite=%s", graph, policy), in,
                       FRAMES * sizeof(float));
}

/* Byte for byte what zeros in their place give: all that comes after is as if nothing had been wrong. */
static void samples_that_are_no_numbers_leave_nothing_behind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
        struct api_response res = run(graphs[i], "zero", bad);
        assert_ok(&res);
        assert_int_equal(atoi(header_of(&res, "Sinter-Nonfinite-In")), n_bad);
        assert_string_equal(header_of(&res, "Sinter-Nonfinite"), "0");
        const float *out = (const float *)res.body;
        double loudest = 0;
        for (int n = FRAMES - 4800; n < FRAMES; n++) {
            assert_true(isfinite(out[n]));
            loudest = fmax(loudest, fabs((double)out[n]));
        }
        assert_true(loudest > 1e-4);
        assert_same_body(res, run(graphs[i], "pass", zeroed));
    }
}

static void rejected_ones_are_placed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
        assert_problem(run(graphs[i], "reject", bad), STATUS_BAD_AUDIO, "", "sample 0 of channel 0");
        struct api_response res = run(graphs[i], "reject", good);
        assert_ok(&res);
        api_response_done(&res);
    }
}

static struct api_response post_graph(const char *text)
{
    return post("/graphs", text);
}

static void loops_without_a_delay_are_named(void **state)
{
    (void)state;
    assert_problem(post_graph("{\"nodes\":{\"wet\":{\"op\":\"gain\",\"in\":\"tone\",\"gain\":0.5},\"tone\":{\"op\":"
                              "\"lowpass\",\"in\":\"wet + in\"}},\"output\":\"tone\"}"),
                   STATUS_CYCLE, NULL, "tone -> wet");
    assert_problem(post_graph("{\"nodes\":{\"self\":{\"op\":\"svf\",\"in\":\"in + self.hp\"}},\"output\":\"self\"}"),
                   STATUS_CYCLE, NULL, "self");
    /* The time of a delay is no way out of a loop, its input is. */
    assert_problem(
        post_graph("{\"nodes\":{\"late\":{\"op\":\"delay\",\"in\":\"in\",\"time\":\"0.1 + 0.01*late\",\"max\":"
                   "1}},\"output\":\"late\"}"),
        STATUS_CYCLE, NULL, "late");
    struct api_response res = post_graph("{\"nodes\":{\"late\":{\"op\":\"delay\",\"in\":\"in + 0.5*low\",\"time\":0.1},"
                                         "\"low\":{\"op\":\"lowpass\",\"in\":\"late\"}},\"output\":\"late\"}");
    assert_int_equal(res.http_status, 201);
    api_response_done(&res);
}

static void eight_hours_of_delay_are_refused_with_the_limit(void **state)
{
    static const char *const texts[] = {
        "delay(in,28800)",    "delay(in,0.1,max=28800)", "comb(in,28800)",        "feedback_delay(in,28800)",
        "fdn(in,time=28800)", "chorus(in,time=28800)",   "vibrato(in,0.1,28800)", "flanger(in,time=28800)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_limit(process_raw(arena_printf(arena, "expr=%s&rate=48000", texts[i]), good, 400), "max-state-bytes",
                     NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_that_are_no_numbers_leave_nothing_behind),
        cmocka_unit_test(rejected_ones_are_placed),
        cmocka_unit_test(loops_without_a_delay_are_named),
        cmocka_unit_test(eight_hours_of_delay_are_refused_with_the_limit),
    };
    make_signals();
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
