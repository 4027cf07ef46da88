/* labels: api
 * Parameters that move: exact at every sample, the same in any split, without clicks. */
#include "tests/support/streaming.h"

#include <math.h>
#include <string.h>

enum { FRAMES = 9000 };

/* `params` of a graph whose answer is its parameter. */
#define GAIN_GRAPH "\"graph\":{\"params\":{\"g\":{\"default\":0.25,\"min\":-8,\"max\":8}},\"output\":\"g\"}"

static float noise[FRAMES], heard[FRAMES * 2], wanted[FRAMES * 2];

static void patch_ok(const struct fed *s, const char *json)
{
    struct api_response res = stream_patch(s, json);
    assert_ok(&res);
    api_response_done(&res);
}

static void a_ramp_is_a_straight_line(void **state)
{
    (void)state;
    struct fed s = stream_open(api, GAIN_GRAPH ",\"rate\":1000");
    patch_ok(&s, "{\"params\":[{\"param\":\"g\",\"value\":3,\"at\":100,\"ramp\":0.25},"
                 "{\"param\":\"g\",\"value\":-1,\"at\":600},"
                 "{\"param\":\"g\",\"value\":2,\"at\":700,\"ramp_frames\":3}]}");
    stream_feed(&s, NULL, 0, 1000, 64, heard);
    for (int i = 0; i < 1000; i++) {
        double want = i < 100   ? 0.25
                      : i < 350 ? 0.25 + 2.75 * ((i - 100) / 250.0)
                      : i < 600 ? 3
                      : i < 700 ? -1
                      : i < 703 ? -1 + 3 * ((i - 700) / 3.0)
                                : 2;
        if (heard[i] != (float)want)
            fail_msg("sample %d is %.9g, not %.9g", i, (double)heard[i], want);
    }
    assert_true(stream_number(&s, "changes") == 0);
}

static void a_change_ends_the_rest_of_a_ramp(void **state)
{
    (void)state;
    struct fed s = stream_open(api, GAIN_GRAPH);
    patch_ok(&s, "{\"params\":[{\"param\":\"g\",\"value\":4.25,\"at\":0,\"ramp_frames\":400}]}");
    stream_feed(&s, NULL, 0, 100, 10, heard); /* a quarter of the way: 1.25 */
    patch_ok(&s, "{\"params\":[{\"param\":\"g\",\"value\":-0.75,\"ramp_frames\":8}]}");
    stream_feed(&s, NULL, 100, 200, 10, heard);
    patch_ok(&s, "{\"params\":[{\"param\":\"g\",\"value\":8,\"ramp_frames\":1000},{\"param\":\"g\",\"value\":1}]}");
    stream_feed(&s, NULL, 200, 300, 10, heard); /* of two at one sample the later one stays */
    for (int i = 0; i < 300; i++) {
        double want = i < 100 ? 0.25 + i * 0.01 : i < 108 ? 1.25 - (i - 100) * 0.25 : i < 200 ? -0.75 : 1;
        assert_true(fabs((double)heard[i] - want) < 1e-6);
    }
    assert_true(heard[100] == 1.25f);
    assert_true(heard[104] == 0.25f);
}

static void held_is_a_ramp_of_slope_zero(void **state)
{
    (void)state;
    struct fed held = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    struct fed flat = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    patch_ok(&flat, "{\"params\":[{\"param\":\"cutoff\",\"value\":900,\"at\":10,\"ramp\":0.05},"
                    "{\"param\":\"mix\",\"value\":0.5,\"at\":500,\"ramp\":1}]}");
    stream_feed(&held, noise, 0, FRAMES, 512, wanted);
    stream_feed(&flat, noise, 0, FRAMES, 512, heard);
    assert_memory_equal(heard, wanted, sizeof heard);
}

static const char moves[] = "[{\"param\":\"mix\",\"value\":1,\"at\":17},"
                            "{\"param\":\"cutoff\",\"value\":4000,\"at\":1000,\"ramp\":0.02},"
                            "{\"param\":\"mix\",\"value\":0.1,\"at\":1500,\"ramp_frames\":300},"
                            "{\"param\":\"cutoff\",\"value\":200,\"at\":1600,\"ramp_frames\":4000},"
                            "{\"param\":\"mix\",\"value\":0.9,\"at\":8999}]";

static void any_split_hears_the_same_changes(void **state)
{
    (void)state;
    static const size_t pieces[] = {FRAMES, 1, 7, 64, 512, 0, 5000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct fed s = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
        patch_ok(&s, arena_printf(arena, "{\"params\":%s}", moves));
        stream_feed(&s, noise, 0, FRAMES, pieces[i], i ? heard : wanted);
        if (i)
            assert_memory_equal(heard, wanted, sizeof heard);
    }
}

static void changes_may_come_while_the_stream_runs(void **state)
{
    (void)state;
    struct fed s = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    static const char *const rows[] = {
        "[{\"param\":\"mix\",\"value\":1}]",
        "[{\"param\":\"mix\",\"value\":0.1,\"ramp_frames\":300},{\"param\":\"cutoff\",\"value\":4000,\"at\":1000,"
        "\"ramp\":"
        "0.02}]",
        "{\"mix\":0.9}",
    };
    struct fed same = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    patch_ok(&same, "{\"params\":[{\"param\":\"mix\",\"value\":0.1,\"at\":500,\"ramp_frames\":300},"
                    "{\"param\":\"mix\",\"value\":1,\"at\":0},"
                    "{\"param\":\"mix\",\"value\":0.9,\"at\":2000},"
                    "{\"param\":\"cutoff\",\"value\":4000,\"at\":1000,\"ramp\":0.02}]}");
    stream_feed(&same, noise, 0, FRAMES, 0, wanted);
    patch_ok(&s, arena_printf(arena, "{\"params\":%s}", rows[0]));
    stream_feed(&s, noise, 0, 500, 100, heard);
    patch_ok(&s, arena_printf(arena, "{\"params\":%s}", rows[1]));
    stream_feed(&s, noise, 500, 2000, 7, heard);
    patch_ok(&s, arena_printf(arena, "{\"params\":%s}", rows[2]));
    stream_feed(&s, noise, 2000, FRAMES, 3000, heard);
    assert_memory_equal(heard, wanted, sizeof heard);
}

static const char *raw_query(const char *changes)
{
    struct api_response res = post("/graphs", ECHO_GRAPH);
    const char *id = header_of(&res, "Location") + strlen("/graphs/");
    const char *query = arena_printf(arena, "graph=%s&rate=48000&format=f32le%s", id, changes);
    api_response_done(&res);
    return query;
}

static void process_takes_the_same_rows(void **state)
{
    (void)state;
    struct fed s = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    patch_ok(&s, arena_printf(arena, "{\"params\":%s}", moves));
    stream_feed(&s, noise, 0, FRAMES, 512, wanted);
    const char *moving = raw_query(arena_printf(arena, "&automation=%s", moves));
    struct api_response still = process_raw(raw_query(""), noise, sizeof noise),
                        res = process_raw(moving, noise, sizeof noise);
    assert_ok(&res);
    assert_int_equal(res.body_size, sizeof wanted);
    assert_memory_equal(res.body, wanted, sizeof wanted);
    assert_string_not_equal(header_of(&res, "ETag"), header_of(&still, "ETag"));
    api_response_done(&still);
    api_response_done(&res);
    res = post("/process", "{" GAIN_GRAPH ",\"rate\":1000,\"frames\":200,\"format\":\"f32le\",\"automation\":["
                           "{\"param\":\"g\",\"value\":1.25,\"at\":100,\"ramp\":0.1}]}");
    assert_ok(&res);
    const float *y = res.body;
    for (int i = 0; i < 200; i++)
        assert_true(y[i] == (float)(i < 100 ? 0.25 : 0.25 + (i - 100) / 100.0));
    api_response_done(&res);
    assert_problem(post("/process",
                        "{" GAIN_GRAPH
                        ",\"format\":\"f32le\",\"frames\":9,\"automation\":[{\"param\":\"h\",\"value\":1}]}"),
                   STATUS_BAD_FIELD, "/automation/0/param", "no parameter");
    assert_problem(post("/process", "{" GAIN_GRAPH ",\"format\":\"f32le\",\"frames\":9,\"automation\":7}"),
                   STATUS_BAD_FIELD, "/automation", "list");
    assert_problem(process_raw(raw_query("&automation=[{"), noise, 8), STATUS_BAD_JSON, NULL, NULL);
}

/* The level of what a 100 Hz sine's amplitude does beside the sine: how far a sample is from where the two before it
 * point. A sine alone has -75 dB at this rate. */
static double roughness(const char *change)
{
    double most = 0;
    struct fed s = stream_open(api, "\"graph\":{\"params\":{\"g\":{\"default\":1}},\"output\":\"g*sine(100)\"},"
                                    "\"rate\":48000");
    patch_ok(&s, change);
    stream_feed(&s, NULL, 0, FRAMES, 512, heard);
    for (int i = 2; i < FRAMES; i++)
        most = fmax(most, fabs((double)heard[i] - 2.0 * (double)heard[i - 1] + (double)heard[i - 2]));
    return 20 * log10(most);
}

static void ramps_do_not_click(void **state)
{
    (void)state;
    double jump = roughness("{\"params\":[{\"param\":\"g\",\"value\":0,\"at\":4920}]}");
    double ramp = roughness("{\"params\":[{\"param\":\"g\",\"value\":0,\"at\":4920,\"ramp\":0.05}]}");
    double held = roughness("{\"params\":[]}");
    print_message("a jump of the gain: %.1f dB, a ramp of 50 ms: %.1f dB, none: %.1f dB\n", jump, ramp, held);
    /* What is left are the line's two corners: its slope, 1 / 2400 a sample or -67.6 dB, beside the sine itself. */
    assert_true(jump > -6);
    assert_true(ramp < -64);
}

static void wrong_changes_say_what_is_wrong(void **state)
{
    (void)state;
    struct fed s = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    stream_feed(&s, noise, 0, 100, 50, heard);
#define PATCH(rows, status, pointer, has)                                                                              \
    assert_problem(stream_patch(&s, "{\"params\":" rows "}"), status, pointer, has)
    PATCH("[{\"param\":\"mx\",\"value\":1}]", STATUS_BAD_FIELD, "/params/0/param", "did you mean mix?");
    PATCH("[{\"param\":\"mix\",\"value\":2}]", STATUS_BAD_FIELD, "/params/0/value", "0 .. 1");
    PATCH("[{\"param\":\"mix\"}]", STATUS_BAD_FIELD, "/params/0/value", NULL);
    PATCH("[{\"value\":1}]", STATUS_BAD_FIELD, "/params/0/param", NULL);
    PATCH("[{\"param\":\"mix\",\"value\":\"1\"}]", STATUS_BAD_FIELD, "/params/0/value", "number");
    PATCH("[{\"param\":\"mix\",\"value\":1,\"at\":99}]", STATUS_CONFLICT, "/params/0/at", "next one is 100");
    PATCH("[{\"param\":\"mix\",\"value\":1,\"at\":0.5}]", STATUS_BAD_FIELD, "/params/0/at", NULL);
    PATCH("[{\"param\":\"mix\",\"value\":1,\"ramp\":-1}]", STATUS_BAD_FIELD, "/params/0/ramp", NULL);
    PATCH("[{\"param\":\"mix\",\"value\":1,\"ramp_frames\":0.5}]", STATUS_BAD_FIELD, "/params/0/ramp_frames", NULL);
    PATCH("[{\"param\":\"mix\",\"value\":1,\"ramp\":1,\"ramp_frames\":5}]", STATUS_BAD_FIELD, "/params/0/ramp_frames",
          "not both");
    PATCH("[{\"param\":\"mix\",\"value\":1,\"when\":3}]", STATUS_BAD_FIELD, "/params/0/when", "at");
    PATCH("[1]", STATUS_BAD_FIELD, "/params/0", "object");
    PATCH("{\"mux\":1}", STATUS_BAD_FIELD, "/params/mux", "mix");
    PATCH("3", STATUS_BAD_FIELD, "/params", "list");
    assert_problem(stream_patch(&s, "{}"), STATUS_BAD_FIELD, "/params", NULL);
    assert_problem(stream_patch(&s, "{\"params\":[],\"at\":3}"), STATUS_BAD_FIELD, "/at", NULL);
    /* One wrong row, and none of them counts. */
    PATCH("[{\"param\":\"mix\",\"value\":1},{\"param\":\"mix\",\"value\":2}]", STATUS_BAD_FIELD, "/params/1/value",
          NULL);
    assert_true(stream_number(&s, "changes") == 0);
    s = stream_open(api, GAIN_GRAPH);
    PATCH("[{\"param\":\"g\",\"value\":1,\"ramp\":1}]", STATUS_BAD_FIELD, "/params/0/ramp", "rate");
#undef PATCH
}

static void changes_have_a_limit(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_changes = 3;
    struct api *small = small_api(config);
    struct fed s = stream_open(small, GAIN_GRAPH);
    const char *two = "{\"params\":[{\"param\":\"g\",\"value\":1,\"at\":9},{\"param\":\"g\",\"value\":2,\"at\":8}]}";
    patch_ok(&s, two);
    assert_limit(stream_patch(&s, two), "max-changes", "/params");
    assert_limit(stream_patch(&s, "{\"params\":[{},{},{},{}]}"), "max-changes", "/params");
    assert_true(stream_number(&s, "changes") == 2);
    stream_feed(&s, NULL, 0, 20, 1, heard);
    assert_true(heard[7] == 0.25f && heard[8] == 2 && heard[9] == 1);
    patch_ok(&s, "{\"params\":[{\"param\":\"g\",\"value\":1}]}");
    api_free(small);
}

static int set_up(void **state)
{
    uint64_t seed = 1;
    for (size_t i = 0; i < FRAMES; i++)
        noise[i] = (float)test_random(&seed) * 0x1p-31f - 1;
    return ask_set_up(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ramp_is_a_straight_line),
        cmocka_unit_test(a_change_ends_the_rest_of_a_ramp),
        cmocka_unit_test(held_is_a_ramp_of_slope_zero),
        cmocka_unit_test(any_split_hears_the_same_changes),
        cmocka_unit_test(changes_may_come_while_the_stream_runs),
        cmocka_unit_test(process_takes_the_same_rows),
        cmocka_unit_test(ramps_do_not_click),
        cmocka_unit_test(wrong_changes_say_what_is_wrong),
        cmocka_unit_test(changes_have_a_limit),
    };
    return cmocka_run_group_tests(tests, set_up, ask_tear_down);
}
