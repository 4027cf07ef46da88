/* labels: api
 * What /render and /process answer, without a socket. */
#include "tests/support/ask.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/ir.h"

/* render */

static void an_expression_renders_to_floats(void **state)
{
    (void)state;
    struct api_response res = post("/render", "{\"expr\":\"x+10*y\",\"width\":4,\"height\":2,\"format\":\"f32\"}");
    const float want[] = {2.625f, 2.875f, 3.125f, 3.375f, 7.625f, 7.875f, 8.125f, 8.375f};
    assert_ok(&res);
    assert_int_equal(res.body_size, sizeof want);
    assert_memory_equal(res.body, want, sizeof want);
    assert_string_equal(header_of(&res, "Content-Type"), "application/octet-stream");
    assert_string_equal(header_of(&res, "Sinter-Engine"), "interp");
    assert_int_equal(strlen(header_of(&res, "Sinter-Graph")), 40);
    assert_non_null(strstr(header_of(&res, "Server-Timing"), "exec;dur="));
    assert_string_equal(header_of(&res, "Sinter-Clipped"), "0");
    assert_string_equal(res.route, "/render");
    api_response_done(&res);
}

static void png_is_the_default_and_accept_may_choose(void **state)
{
    (void)state;
    struct ask a = {.method = METHOD_GET, .path = "/render", .query = "expr=x&width=8&height=8"};
    struct api_response res = ask(a);
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Content-Type"), "image/png");
    assert_memory_equal(res.body, "\x89PNG", 4);
    api_response_done(&res);
    a.accept = "text/html, application/x-npy;q=0.9, image/png";
    res = ask(a);
    assert_ok(&res);
    assert_memory_equal(res.body, "\x93NUMPY", 6);
    api_response_done(&res);
}

static void clipped_and_nonfinite_values_are_counted(void **state)
{
    (void)state;
    struct api_response res = get("/render", "expr=if px<2 then 2 else if px<3 then 0/0 else 0.5&width=8&height=1");
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Sinter-Clipped"), "2");
    assert_string_equal(header_of(&res, "Sinter-Nonfinite"), "1");
    api_response_done(&res);
}

static void a_tile_equals_the_crop(void **state)
{
    (void)state;
    for (int samples = 1; samples <= 9; samples += 4) {
        const char *tail = arena_printf(arena,
                                        "expr=sin(x*37+z)*cos(y*19)+px*u+gnoise(x*9,y*7)+wnoise(px,y*50)&region=-"
                                        "1,2,3,5.5&width=203&height=117&z=.3&format=f32&samples=%d",
                                        samples);
        struct api_response whole = get("/render", tail),
                            tile = get("/render", arena_printf(arena, "%s&tile=31,17,101,60", tail));
        assert_ok(&whole);
        assert_ok(&tile);
        assert_int_equal(tile.body_size, 101 * 60 * 4);
        for (size_t y = 0; y < 60; y++)
            assert_memory_equal((const float *)tile.body + y * 101, (const float *)whole.body + (17 + y) * 203 + 31,
                                101 * 4);
        api_response_done(&whole);
        api_response_done(&tile);
    }
}

static void samples_are_the_mean_of_a_grid(void **state)
{
    (void)state;
    struct api_response res =
        get("/render", "expr=x*x&width=2&height=1&samples=3&format=f32"); /* rounded up to 2 x 2 */
    float want[2];
    for (int p = 0; p < 2; p++) {
        float a = (float)((p + 0.25) / 2), b = (float)((p + 0.75) / 2);
        want[p] = (a * a + b * b + a * a + b * b) / 4;
    }
    assert_ok(&res);
    assert_true(fabsf(((const float *)res.body)[0] - want[0]) < 1e-7f);
    assert_true(fabsf(((const float *)res.body)[1] - want[1]) < 1e-7f);
    api_response_done(&res);
}

/* Noises take coordinates apart; the fraction of a pixel at which a point lies must not get lost. */
static void points_of_a_pixel_are_pixels_of_a_finer_image(void **state)
{
    (void)state;
    static const char *const noises[] = {
        "gnoise(x*9,y*7)",   "snoise(x*9,y*7,z)",     "vnoise(x*9)",     "wnoise(x*37,y*7)",
        "cellular(x*9,y*7)", "perlin2(x*9,y*7)",      "curl(x*9,y*7).y", "fractal(x*4,y*3,octaves=2)",
        "gnoise(u*9,v*5,1)", "gnoise(x,y,period=10)", "warp(x*3,y*3).x"};
    enum { W = 61, H = 7 };
    for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
        struct api_response coarse = get("/render", arena_printf(arena,
                                                                 "expr=%s&width=61&height=7&region=-2,1,5,3&"
                                                                 "samples=4&format=f32",
                                                                 noises[i])),
                            fine = get("/render", arena_printf(arena,
                                                               "expr=%s&width=122&height=14&region=-2,1,5,3&"
                                                               "format=f32",
                                                               noises[i]));
        assert_ok(&coarse);
        assert_ok(&fine);
        for (size_t y = 0; y < H; y++)
            for (size_t x = 0; x < W; x++) {
                const float *v = (const float *)fine.body + 4 * W * y + 2 * x;
                float mean = (v[0] + v[1] + v[2 * W] + v[2 * W + 1]) / 4, got = ((const float *)coarse.body)[y * W + x];
                if (!(fabsf(got - mean) < 2e-5f))
                    fail_msg("%s: %g at %zu %zu, not %g", noises[i], (double)got, x, y, (double)mean);
            }
        api_response_done(&coarse);
        api_response_done(&fine);
    }
}

static void frames_are_stacked_in_time(void **state)
{
    (void)state;
    struct api_response res = get("/render", "expr=t&width=1&height=1&frames=3&fps=4&time=1&format=f32");
    const float want[] = {1, 1.25f, 1.5f};
    assert_ok(&res);
    assert_int_equal(res.body_size, sizeof want);
    assert_memory_equal(res.body, want, sizeof want);
    api_response_done(&res);
    assert_problem(get("/render", "expr=t&frames=3"), STATUS_BAD_FIELD, "/frames", "npy");
}

static void by_id_inline_and_as_expression_are_the_same(void **state)
{
    (void)state;
    struct api_response stored = post("/graphs", FIELD_GRAPH);
    assert_true(stored.http_status == 201 || stored.http_status == 200);
    const char *id = header_of(&stored, "Location") + strlen("/graphs/");
    const char *by_id = arena_printf(arena, "graph=%s&width=16&height=16&format=f32", id);
    assert_same_body(get("/render", by_id),
                     post("/render", "{\"graph\":" FIELD_GRAPH ",\"width\":16,\"height\":16,\"format\":\"f32\"}"));
    assert_same_body(get("/render", by_id), get("/render", "expr=sin(x*3)+y*y&width=16&height=16&format=f32"));
    assert_same_body(
        get("/render", arena_printf(arena, "%s&param.k=5", by_id)),
        post("/render",
             arena_printf(arena,
                          "{\"graph_id\":\"%s\",\"params\":{\"k\":5},\"width\":16,\"height\":16,\"format\":\"f32\"}",
                          id)));
    api_response_done(&stored);
}

static void threads_do_not_change_a_pixel(void **state)
{
    (void)state;
    struct fault fault;
    struct api *slow;
    struct api_config config = api_config_default();
    fault_init(&fault, arena);
    config.inline_us = 1e9; /* all on this thread */
    assert_int_equal(api_new(&config, engine, pool, &slow, &fault), STATUS_OK);
    struct ask a = {
        .method = METHOD_GET, .path = "/render", .query = "expr=sin(x*999)*cos(y*777)&width=700&height=500"};
    assert_same_body(ask(a), ask_of(slow, a));
    api_free(slow);
}

/* etag */

static void what_the_client_has_is_not_made_again(void **state)
{
    (void)state;
    struct ask a = {.method = METHOD_GET, .path = "/render", .query = "expr=x&width=8&height=8"};
    struct api_response first = ask(a);
    assert_ok(&first);
    const char *tag = arena_strdup(arena, header_of(&first, "ETag"));
    assert_true(strlen(tag) > 30 && tag[0] == '"');
    api_response_done(&first);
    a.if_none_match = arena_printf(arena, "\"other\", W/%s", tag);
    struct api_response again = ask(a);
    assert_int_equal(again.http_status, 304);
    assert_int_equal(again.body_size, 0);
    assert_string_equal(header_of(&again, "ETag"), tag);
    api_response_done(&again);
    static const char *const others[] = {"expr=x&width=9&height=8", "expr=y&width=8&height=8",
                                         "expr=x&width=8&height=8&format=npy", "expr=x&width=8&height=8&seed=1",
                                         "expr=x&width=8&height=8&z=1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        a.query = others[i];
        struct api_response other = ask(a);
        assert_ok(&other);
        api_response_done(&other);
    }
}

static void only_a_versioned_url_is_immutable(void **state)
{
    (void)state;
    struct api_response res = get("/render", "expr=x&width=8&height=8");
    assert_string_equal(header_of(&res, "Cache-Control"), "no-cache");
    api_response_done(&res);
    res = get("/render", arena_printf(arena, "expr=x&width=8&height=8&v=%d", SEMANTICS_VERSION));
    assert_string_equal(header_of(&res, "Cache-Control"), "public, max-age=31536000, immutable");
    api_response_done(&res);
    res = get("/render", arena_printf(arena, "expr=x&width=8&height=8&v=%d", SEMANTICS_VERSION + 1));
    assert_string_equal(header_of(&res, "Cache-Control"), "no-cache");
    api_response_done(&res);
}

/* process */

static void plain_buffers_need_no_rate(void **state)
{
    (void)state;
    const float in[] = {0, 1, -2, 0.25f}, want[] = {1.5f, 2.5f, -0.5f, 1.75f};
    struct api_response res = process_raw("expr=in%1+1.5", in, sizeof in);
    api_response_done(&res);
    res = process_raw("expr=in+1.5", in, sizeof in);
    assert_ok(&res);
    assert_memory_equal(res.body, want, sizeof want);
    assert_string_equal(header_of(&res, "Sinter-Latency-Samples"), "0");
    api_response_done(&res);
    assert_problem(process_raw("expr=lowpass(in)", in, sizeof in), STATUS_BAD_FIELD, "/rate", NULL);
}

static void look_ahead_is_told_as_latency(void **state)
{
    (void)state;
    const float in[4] = {0};
    struct api_response res = process_raw("expr=limiter(in)&rate=48000", in, sizeof in);
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Sinter-Latency-Samples"), "240");
    api_response_done(&res);
}

static void blocks_carry_state_and_integers_round_trip(void **state)
{
    (void)state;
    enum { N = 10000 };
    static int16_t in[N * 2];
    static float whole[N];
    uint64_t seed = 5;
    for (int i = 0; i < N * 2; i++)
        in[i] = (int16_t)test_random(&seed);
    struct api_response res = process_raw("expr=in&channels=2&format=s16le", in, sizeof in);
    assert_ok(&res);
    assert_int_equal(res.body_size, sizeof in);
    assert_memory_equal(res.body, in, sizeof in);
    assert_string_equal(header_of(&res, "Sinter-Clipped"), "0");
    api_response_done(&res);
    for (int i = 0; i < N; i++)
        whole[i] = (float)in[i] / 32768;
    res = process_raw("expr=z1(in)", whole, sizeof whole); /* crosses two ends of blocks */
    assert_ok(&res);
    assert_true(((const float *)res.body)[0] == 0);
    assert_memory_equal((const float *)res.body + 1, whole, sizeof whole - sizeof(float));
    api_response_done(&res);
}

static void odd_byte_counts_are_refused(void **state)
{
    (void)state;
    assert_problem(process_raw("expr=in", "12345", 5), STATUS_BAD_AUDIO, "", "5 bytes");
    assert_problem(process_raw("expr=in&channels=2&format=s16le", "123456", 6), STATUS_BAD_AUDIO, "", "4-byte frames");
    assert_problem(process_raw("expr=in&format=wav", "1234", 4), STATUS_BAD_FIELD, "/format", "f32le");
    assert_problem(process_raw("expr=in&format=mp3", "1234", 4), STATUS_BAD_FIELD, "/format", "f32le");
    assert_problem(process_raw("expr=in&format=f32", "1234", 4), STATUS_BAD_FIELD, "/format", "did you mean f32le");
}

static void samples_that_are_no_numbers_follow_the_policy(void **state)
{
    (void)state;
    const float in[] = {1, NAN, INFINITY, 2}, zeroed[] = {1, 0, 0, 2};
    struct api_response res = process_raw("expr=in", in, sizeof in);
    assert_ok(&res);
    assert_memory_equal(res.body, zeroed, sizeof zeroed);
    assert_string_equal(header_of(&res, "Sinter-Nonfinite-In"), "2");
    assert_string_equal(header_of(&res, "Sinter-Nonfinite"), "0");
    api_response_done(&res);
    assert_problem(process_raw("expr=in&nonfinite=reject", in, sizeof in), STATUS_BAD_AUDIO, "",
                   "sample 1 of channel 0");
    res = process_raw("expr=in&nonfinite=pass", in, sizeof in);
    assert_ok(&res);
    assert_true(isnan(((const float *)res.body)[1]) && isinf(((const float *)res.body)[2]));
    assert_string_equal(header_of(&res, "Sinter-Nonfinite"), "2");
    api_response_done(&res);
}

static void a_wav_brings_its_rate_and_channels(void **state)
{
    (void)state;
    struct api_response made =
        post("/process", "{\"expr\":\"sine(440)*.5\",\"rate\":8000,\"channels\":2,\"frames\":800,\"bits\":16}");
    assert_ok(&made);
    assert_string_equal(header_of(&made, "Content-Type"), "audio/wav");
    assert_int_equal(made.body_size, 44 + 800 * 4);
    struct ask a = {.method = METHOD_POST,
                    .path = "/process",
                    .query = "expr=in&bits=16",
                    .type = "audio/wav",
                    .body = made.body,
                    .size = made.body_size};
    struct api_response same = ask(a);
    assert_ok(&same);
    assert_int_equal(same.body_size, made.body_size);
    assert_memory_equal(same.body, made.body, made.body_size);
    api_response_done(&same);
    a.query = "expr=in&rate=44100";
    assert_problem(ask(a), STATUS_BAD_FIELD, "/rate", "8000");
    a.query = "expr=in.0-in.1&format=f32le&tail=0.05";
    same = ask(a);
    assert_ok(&same);
    assert_int_equal(same.body_size, (800 + 400) * 4 * 2); /* one expression: once a channel */
    for (size_t i = 0; i < 1200; i++)
        assert_true(((const float *)same.body)[i] == 0);
    api_response_done(&same);
    a.query = "expr=in";
    a.size = 1000;
    assert_problem(ask(a), STATUS_BAD_AUDIO, "", "data chunk");
    api_response_done(&made);
}

static void a_mono_wav_may_come_out_in_stereo(void **state)
{
    (void)state;
    const float in[] = {0.5f, -0.25f};
    struct ask a = {.method = METHOD_POST, .path = "/process", .type = "multipart/form-data; boundary=AaB"};
    static const char head[] =
        "--AaB\r\nContent-Disposition: form-data; "
        "name=\"request\"\r\n\r\n{\"graph\":{\"output\":[\"in\",\"-in\"]},\"format\":\"f32le\"}\r\n"
        "--AaB\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a.raw\"\r\nContent-Type: "
        "application/octet-stream\r\n\r\n";
    static const char tail[] = "\r\n--AaB--\r\n";
    char body[1024];
    size_t n = sizeof head - 1;
    memcpy(body, head, n);
    memcpy(body + n, in, sizeof in);
    memcpy(body + n + sizeof in, tail, sizeof tail);
    a.body = body;
    a.size = n + sizeof in + sizeof tail - 1;
    struct api_response res = ask(a);
    const float want[] = {0.5f, -0.5f, -0.25f, 0.25f};
    assert_ok(&res);
    assert_memory_equal(res.body, want, sizeof want);
    assert_string_equal(header_of(&res, "Sinter-Channels"), "2");
    api_response_done(&res);
    for (a.size = 0; a.size < n + sizeof in + 6; a.size++) { /* cut anywhere: a problem, never a crash */
        struct ask cut = a;
        cut.body = arena_strndup(arena, body, a.size);
        cut.size = a.size ? a.size : 1;
        res = ask(cut);
        assert_true(res.http_status >= 400 && res.http_status < 500);
        api_response_done(&res);
    }
}

/* What curl -F audio=@a.wav sends: a file all the same, unless the request says how raw samples lie. */
static void a_part_of_octets_is_known_by_its_first_bytes(void **state)
{
    (void)state;
    struct ask a = {.method = METHOD_POST, .path = "/process", .type = "multipart/form-data; boundary=AaB"};
    struct api_response made = post("/process", "{\"expr\":\"n/100\",\"rate\":8000,\"frames\":50}");
    assert_ok(&made);
    for (int raw = 0; raw < 2; raw++) {
        char body[1024];
        size_t n =
            (size_t)snprintf(body, sizeof body,
                             "--AaB\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"expr\":\"in\"%s}"
                             "\r\n--AaB\r\nContent-Disposition: form-data; name=\"audio\"\r\nContent-Type: "
                             "application/octet-stream\r\n\r\n",
                             raw ? ",\"format\":\"s16le\"" : "");
        memcpy(body + n, made.body, made.body_size);
        memcpy(body + n + made.body_size, "\r\n--AaB--\r\n", 11);
        a.body = body;
        a.size = n + made.body_size + 11;
        struct api_response res = ask(a);
        assert_ok(&res);
        assert_string_equal(header_of(&res, "Content-Type"), raw ? "application/octet-stream" : "audio/wav");
        assert_int_equal(res.body_size, made.body_size);
        assert_memory_equal(res.body, made.body, made.body_size);
        api_response_done(&res);
    }
    api_response_done(&made);
}

static void generators_say_how_much(void **state)
{
    (void)state;
    struct api_response res = post("/process", "{\"expr\":\"n\",\"rate\":10,\"seconds\":1,\"format\":\"f32le\"}");
    assert_ok(&res);
    assert_int_equal(res.body_size, 40);
    for (int i = 0; i < 10; i++)
        assert_true(((const float *)res.body)[i] == (float)i);
    api_response_done(&res);
    assert_problem(post("/process", "{\"expr\":\"n\",\"rate\":10}"), STATUS_BAD_FIELD, "/seconds", NULL);
    assert_problem(post("/process", "{\"expr\":\"in\",\"rate\":10,\"seconds\":1}"), STATUS_BAD_FIELD, "", "send audio");
    assert_problem(post("/process", "{\"expr\":\"sine(440)\",\"seconds\":1}"), STATUS_BAD_FIELD, "/rate", NULL);
    assert_problem(post("/process", "{\"expr\":\"sine(440)\",\"rate\":44100.5,\"seconds\":1}"), STATUS_BAD_FIELD,
                   "/rate", "WAV");
    assert_problem(post("/process", "{\"expr\":\"lowpass(in,30000)\",\"rate\":44100,\"frames\":1}"), STATUS_BAD_FIELD,
                   "", NULL);
    assert_problem(process_raw("expr=lowpass(in,30000)&rate=44100", "1234", 4), STATUS_BAD_GRAPH, "/expr",
                   "half the sample rate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_renders_to_floats),
        cmocka_unit_test(png_is_the_default_and_accept_may_choose),
        cmocka_unit_test(clipped_and_nonfinite_values_are_counted),
        cmocka_unit_test(a_tile_equals_the_crop),
        cmocka_unit_test(samples_are_the_mean_of_a_grid),
        cmocka_unit_test(points_of_a_pixel_are_pixels_of_a_finer_image),
        cmocka_unit_test(frames_are_stacked_in_time),
        cmocka_unit_test(by_id_inline_and_as_expression_are_the_same),
        cmocka_unit_test(threads_do_not_change_a_pixel),
        cmocka_unit_test(what_the_client_has_is_not_made_again),
        cmocka_unit_test(only_a_versioned_url_is_immutable),
        cmocka_unit_test(plain_buffers_need_no_rate),
        cmocka_unit_test(look_ahead_is_told_as_latency),
        cmocka_unit_test(blocks_carry_state_and_integers_round_trip),
        cmocka_unit_test(odd_byte_counts_are_refused),
        cmocka_unit_test(samples_that_are_no_numbers_follow_the_policy),
        cmocka_unit_test(a_wav_brings_its_rate_and_channels),
        cmocka_unit_test(a_mono_wav_may_come_out_in_stereo),
        cmocka_unit_test(a_part_of_octets_is_known_by_its_first_bytes),
        cmocka_unit_test(generators_say_how_much),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
