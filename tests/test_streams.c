/* labels: api
 * Streams: what comes out does not depend on how it went in, retries are harmless, everything else is a conflict. */
#include "tests/support/streaming.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FRAMES = 9000 };

static float noise[FRAMES * 2], heard[FRAMES * 2];

static void make_noise(void)
{
    uint64_t seed = 1;
    for (size_t i = 0; i < FRAMES * 2; i++)
        noise[i] = (float)test_random(&seed) * 0x1p-31f - 1;
}

static const char *stored(const char *graph)
{
    struct api_response res = post("/graphs", graph);
    assert_true(res.http_status == 201 || res.http_status == 200);
    const char *id = arena_strdup(arena, header_of(&res, "Location") + strlen("/graphs/"));
    api_response_done(&res);
    return id;
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void any_split_is_the_whole(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 64, 512, 0, 5000, FRAMES};
    const char *id = stored(ECHO_GRAPH);
    struct api_response whole =
        process_raw(arena_printf(arena, "graph=%s&rate=48000&seed=3&format=f32le&param.mix=0.7", id), noise,
                    FRAMES * sizeof(float));
    assert_ok(&whole);
    assert_int_equal(whole.body_size, FRAMES * 2 * sizeof(float));
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct fed s = stream_open(
            api, arena_printf(arena, "\"graph_id\":\"%s\",\"rate\":48000,\"seed\":3,\"params\":{\"mix\":0.7}", id));
        memset(heard, 0xff, sizeof heard);
        stream_feed(&s, noise, 0, FRAMES, pieces[i], heard);
        assert_memory_equal(heard, whole.body, whole.body_size);
        assert_true(stream_number(&s, "position") == FRAMES);
        assert_true(stream_number(&s, "seq") == (double)s.seq);
        struct api_response gone = stream_delete(&s);
        assert_int_equal(gone.http_status, 204);
        api_response_done(&gone);
    }
    api_response_done(&whole);
}

static void two_channels_of_integers_are_those_of_process(void **state)
{
    (void)state;
    enum { N = 3000, FRAME = 4 };
    int16_t in[N * 2];
    char out[N * FRAME];
    for (size_t i = 0; i < N * 2; i++)
        in[i] = (int16_t)(noise[i] * 32767);
    struct fed s = stream_open(api, "\"expr\":\"in*1.3+0.1*delay(in,0.01)\",\"rate\":8000,\"channels\":2,\"format\":"
                                    "\"s16le\"");
    struct api_response whole =
        process_raw("expr=in*1.3+0.1*delay(in,0.01)&rate=8000&channels=2&format=s16le", in, sizeof in);
    uint64_t clipped = 0;
    assert_ok(&whole);
    for (size_t at = 0; at < N; at += 100) {
        struct api_response res = stream_send(&s, s.seq++, in + at * 2, 100 * FRAME);
        assert_ok(&res);
        assert_int_equal(res.body_size, 100 * FRAME);
        memcpy(out + at * FRAME, res.body, 100 * FRAME);
        clipped += strtoul(header_of(&res, "Sinter-Clipped"), NULL, 10);
        api_response_done(&res);
    }
    assert_memory_equal(out, whole.body, sizeof out);
    assert_true(clipped > 0);
    assert_int_equal(clipped, strtoul(header_of(&whole, "Sinter-Clipped"), NULL, 10));
    api_response_done(&whole);
}

static void generators_and_silence_are_asked_for_by_frames(void **state)
{
    (void)state;
    struct fed s = stream_open(api, "\"expr\":\"sine(440)+0.1*white()\",\"rate\":48000,\"channels\":1");
    struct api_response whole =
        post("/process", "{\"expr\":\"sine(440)+0.1*white()\",\"rate\":48000,\"frames\":9000,\"format\":\"f32le\"}");
    assert_ok(&whole);
    stream_feed(&s, NULL, 0, FRAMES, 333, heard);
    assert_memory_equal(heard, whole.body, FRAMES * sizeof(float));
    api_response_done(&whole);
    s = stream_open(api, "\"expr\":\"delay(in,0.01)\",\"rate\":1000");
    struct api_response res = stream_send(&s, 0, noise, 10 * sizeof(float));
    api_response_done(&res);
    res = stream_silence(&s, 1, 10); /* what was fed comes out as the tail */
    assert_ok(&res);
    assert_memory_equal(res.body, noise, 10 * sizeof(float));
    api_response_done(&res);
    res = stream_send(&s, 2, NULL, 0); /* nothing is a block, too */
    assert_ok(&res);
    assert_int_equal(res.body_size, 0);
    api_response_done(&res);
    assert_true(stream_number(&s, "position") == 20);
}

static void the_last_block_again_is_the_same_answer(void **state)
{
    (void)state;
    struct fed s = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    enum { BYTES = 256 * sizeof(float) };
    for (int i = 0; i < 4; i++) {
        struct api_response first = stream_send(&s, s.seq, noise + i * 256, BYTES);
        for (int again = 0; again < 3; again++) {
            struct api_response retry = stream_send(&s, s.seq, noise + i * 256, BYTES);
            assert_ok(&retry);
            assert_int_equal(retry.body_size, first.body_size);
            assert_memory_equal(retry.body, first.body, first.body_size);
            assert_string_equal(header_of(&retry, "Sinter-Position"), header_of(&first, "Sinter-Position"));
            assert_string_equal(header_of(&retry, "Sinter-Graph"), header_of(&first, "Sinter-Graph"));
            api_response_done(&retry);
        }
        s.seq++;
        api_response_done(&first);
    }
    assert_true(stream_number(&s, "position") == 1024);
}

static void what_does_not_follow_is_a_conflict(void **state)
{
    (void)state;
    struct fed s = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    assert_problem(stream_send(&s, 1, noise, 400), STATUS_CONFLICT, "/seq", "not due");
    stream_feed(&s, noise, 0, 300, 100, heard);
    assert_problem(stream_send(&s, 2, noise, 400), STATUS_CONFLICT, "/seq", "same body");
    assert_problem(stream_send(&s, 2, noise + 200, 396), STATUS_CONFLICT, "/seq", "next one is 3");
    assert_problem(stream_silence(&s, 2, 100), STATUS_CONFLICT, "/seq", "same body");
    assert_problem(stream_send(&s, 1, noise + 100, 400), STATUS_CONFLICT, "/seq", "forgotten");
    assert_problem(stream_send(&s, 4, noise, 400), STATUS_CONFLICT, "/seq", "not due");
    struct api_response res = stream_send(&s, 2, noise + 200, 400);
    assert_ok(&res);
    api_response_done(&res);
    assert_true(stream_number(&s, "position") == 300);
}

/* Requests that stop between their two halves, as they do when they wait for a thread. */
struct halved {
    struct ask ask;
    struct api_request req;
    struct api_response res;
};

static void begin_block(struct halved *h, const struct fed *s, const char *query, const void *data, size_t n)
{
    h->ask = (struct ask){.method = METHOD_POST,
                          .path = s->path,
                          .query = query,
                          .type = "application/octet-stream",
                          .body = data,
                          .size = n};
    h->req = request_of(&h->ask);
    assert_int_equal(api_begin(s->api, &h->req, &h->res), API_LONG);
}

static void one_block_at_a_time(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.inline_us = 0;
    struct api *slow = small_api(config);
    struct fed s = stream_open(slow, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    struct fed same = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    static struct halved h;
    begin_block(&h, &s, "seq=0", noise, 400);
    struct api_response res = stream_send(&s, 0, noise, 400);
    assert_string_equal(header_of(&res, "Retry-After"), "1");
    assert_problem(res, STATUS_CONFLICT, "", "being made");
    assert_problem(stream_send(&s, 1, noise, 400), STATUS_CONFLICT, "", "being made");
    assert_problem(stream_get(&s, "/state"), STATUS_CONFLICT, "", "being made");
    assert_problem(stream_patch(&s, "{\"params\":[{\"param\":\"mix\",\"value\":1,\"at\":99}]}"), STATUS_CONFLICT,
                   "/params/0/at", "next one is 100");
    res = stream_patch(&s, "{\"params\":[{\"param\":\"mix\",\"value\":1}]}");
    assert_ok(&res);
    api_response_done(&res);
    /* The client leaves: as if it had not been. */
    h.ask.gone = true;
    api_finish(slow, &h.req, &h.res);
    assert_problem(h.res, STATUS_CLIENT_GONE, "", NULL);
    begin_block(&h, &s, "seq=0", noise, 400);
    api_finish(slow, &h.req, &h.res);
    struct api_response want = stream_send(&same, 0, noise, 400);
    assert_same_body(h.res, want);
    res = stream_patch(&same, "{\"params\":{\"mix\":1}}");
    api_response_done(&res);
    assert_same_body(stream_send(&s, 1, noise + 100, 400), stream_send(&same, 1, noise + 100, 400));
    api_free(slow);
}

static void a_deleted_stream_answers_what_it_has_begun(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.inline_us = 0;
    struct api *slow = small_api(config);
    struct fed s = stream_open(slow, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    static struct halved h;
    struct api_stats stats;
    begin_block(&h, &s, "seq=0", noise, 400);
    struct api_response res = stream_delete(&s);
    assert_int_equal(res.http_status, 204);
    api_response_done(&res);
    assert_problem(stream_delete(&s), STATUS_NOT_FOUND, "", "no stream");
    assert_problem(stream_send(&s, 1, noise, 400), STATUS_NOT_FOUND, "", "no stream");
    api_finish(slow, &h.req, &h.res);
    assert_ok(&h.res);
    api_response_done(&h.res);
    api_stats(slow, &stats);
    assert_int_equal(stats.streams, 0);
    assert_int_equal(stats.streams_bytes, 0);
    api_free(slow);
}

static void a_long_block_that_ends_early_has_not_been(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_request_ms = 1;
    struct api *hasty = small_api(config);
    struct fed s = stream_open(hasty, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    struct fed same = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    assert_problem(stream_silence(&s, 0, 1000000), STATUS_DEADLINE, "", NULL);
    assert_true(stream_number(&s, "position") == 0);
    assert_same_body(stream_send(&s, 0, noise, 256), stream_send(&same, 0, noise, 256));
    api_free(hasty);
}

static void what_is_no_number_is_zeroed_rejected_or_passed(void **state)
{
    (void)state;
    static float bad[FRAMES];
    memcpy(bad, noise, sizeof bad);
    bad[6000] = NAN;
    bad[6001] = INFINITY;
    struct fed zero = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    struct api_response res = stream_send(&zero, 0, bad, sizeof bad);
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Sinter-Nonfinite-In"), "2");
    assert_string_equal(header_of(&res, "Sinter-Nonfinite"), "0");
    api_response_done(&res);
    struct fed pass = stream_open(api, "\"expr\":\"in*0.5\",\"nonfinite\":\"pass\"");
    res = stream_send(&pass, 0, bad, sizeof bad);
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Sinter-Nonfinite"), "2");
    api_response_done(&res);
    struct fed reject = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000,\"nonfinite\":\"reject\"");
    struct fed same = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000");
    assert_same_body(stream_send(&reject, 0, noise, 400), stream_send(&same, 0, noise, 400));
    assert_problem(stream_send(&reject, 1, bad, sizeof bad), STATUS_BAD_AUDIO, "", "sample 6000 of channel 0");
    assert_same_body(stream_send(&reject, 1, noise, 4000), stream_send(&same, 1, noise, 4000));
}

static void idle_streams_end(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    struct api_stats stats;
    config.stream_idle_ms = 250;
    struct api *brief = small_api(config);
    struct fed used = stream_open(brief, "\"expr\":\"in\""), idle = stream_open(brief, "\"expr\":\"in\"");
    assert_true(stream_number(&idle, "expires_ms") <= 250);
    for (int i = 0; i < 8; i++) {
        wait_ms(50);
        stream_feed(&used, noise, 0, 10, 10, heard);
    }
    api_stats(brief, &stats); /* nobody has asked for it: it has ended by itself */
    assert_int_equal(stats.streams, 1);
    assert_int_equal(stats.streams_begun, 2);
    assert_int_equal(stats.streams_expired, 1);
    assert_problem(stream_get(&idle, ""), STATUS_NOT_FOUND, "", "idle for too long");
    assert_problem(stream_send(&idle, 0, noise, 4), STATUS_NOT_FOUND, "", NULL);
    api_free(brief); /* with one open */
}

static void assert_full(struct api_response res, const char *limit)
{
    assert_non_null(res.limit);
    assert_string_equal(res.limit, limit);
    assert_string_equal(header_of(&res, "Retry-After"), "1");
    assert_problem(res, STATUS_BUSY, "", arena_printf(arena, "--%s", limit));
}

static struct api_response try_open(struct api *of, const char *json)
{
    return ask_of(of,
                  (struct ask){.method = METHOD_POST, .path = "/streams", .type = "application/json", .body = json});
}

static void limits_hold(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_streams = 2;
    config.max_stream_frames = 1000;
    config.max_state_bytes = 1 << 20;
    config.max_output_bytes = 3000;
    struct api *small = small_api(config);
    struct fed a = stream_open(small, "\"expr\":\"in\""), b = stream_open(small, "\"expr\":\"in\"");
    assert_full(try_open(small, "{\"expr\":\"in\"}"), "max-streams");
    struct api_response res = stream_delete(&a);
    api_response_done(&res);
    a = stream_open(small, "\"expr\":\"in\"");
    assert_limit(stream_send(&b, 0, noise, 4004), "max-stream-frames", "");
    assert_limit(stream_silence(&b, 0, 1001), "max-stream-frames", "/frames");
    assert_limit(stream_silence(&b, 0, 1000), "max-output-bytes", "");
    assert_limit(try_open(small, "{\"expr\":\"delay(in,100)\",\"rate\":48000}"), "max-state-bytes", NULL);
    assert_limit(try_open(small, "{\"expr\":\"in\",\"channels\":65}"), "max-channels", "/channels");
    api_free(small);
    config = api_config_default();
    config.max_streams_bytes = 1 << 20;
    small = small_api(config);
    a = stream_open(small, "\"expr\":\"in\"");
    assert_full(try_open(small, "{\"expr\":\"delay(in,5)\",\"rate\":48000}"), "max-streams-bytes");
    assert_full(stream_silence(&a, 0, 300000), "max-streams-bytes");
    res = stream_silence(&a, 0, 1000);
    assert_ok(&res);
    api_response_done(&res);
    api_free(small);
}

static struct api_response open_from(struct api *of, const char *peer)
{
    return ask_of(of, (struct ask){.method = METHOD_POST,
                                   .path = "/streams",
                                   .type = "application/json",
                                   .peer = peer,
                                   .body = "{\"expr\":\"in\"}"});
}

static void assert_share(struct api_response res)
{
    assert_non_null(res.limit);
    assert_string_equal(res.limit, "max-client-share");
    assert_non_null(header_of(&res, "Retry-After"));
    assert_problem(res, STATUS_QUOTA, "", "--max-client-share");
}

static void assert_opened(struct api_response res)
{
    assert_int_equal(res.http_status, 201);
    api_response_done(&res);
}

static void one_client_opens_no_more_than_its_share(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_streams = 4;
    struct api *small = small_api(config);
    assert_opened(open_from(small, "203.0.113.7"));
    assert_opened(open_from(small, "203.0.113.7"));
    assert_share(open_from(small, "203.0.113.7"));
    assert_opened(open_from(small, "203.0.113.8"));
    assert_opened(open_from(small, "203.0.113.9"));
    assert_full(open_from(small, "203.0.113.10"), "max-streams");
    api_free(small);
    for (int i = 0; i < 2; i++) { /* this machine's own have all */
        small = small_api(config);
        for (int k = 0; k < 4; k++)
            assert_opened(open_from(small, i ? "::1" : "127.0.0.1"));
        assert_full(open_from(small, "127.0.0.1"), "max-streams");
        api_free(small);
    }
    config = api_config_default();
    config.max_streams_bytes = 1 << 20;
    small = small_api(config);
    struct ask a = {.method = METHOD_POST, .path = "/streams", .type = "application/json", .peer = "203.0.113.7"};
    a.body = "{\"expr\":\"delay(in,2)\",\"rate\":48000}";
    assert_share(ask_of(small, a));
    a.peer = NULL;
    assert_opened(ask_of(small, a));
    api_free(small);
}

static void an_answer_that_is_kept_counts_for_its_client(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_streams_bytes = 1 << 20;
    struct api *small = small_api(config);
    struct api_response res = open_from(small, "203.0.113.7");
    struct ask a = {.method = METHOD_POST, .type = "application/octet-stream", .peer = "203.0.113.7", .body = ""};
    a.path = arena_strdup(arena, header_of(&res, "Location"));
    assert_opened(res);
    a.query = "seq=0&frames=140000"; /* 560,000 bytes */
    assert_share(ask_of(small, a));
    a.query = "seq=0&frames=1000";
    res = ask_of(small, a);
    assert_ok(&res);
    api_response_done(&res);
    api_free(small);
}

static void wrong_requests_say_what_is_wrong(void **state)
{
    (void)state;
    struct fed s = stream_open(api, "\"expr\":\"in+in.1\",\"channels\":2,\"rate\":48000");
    struct ask none = {.method = METHOD_POST, .path = s.path, .type = "application/octet-stream"};
    assert_problem(ask(none), STATUS_BAD_FIELD, "/seq", "seq=0");
    assert_problem(stream_send(&s, 0, noise, 12), STATUS_BAD_AUDIO, "", "8-byte frames");
    none.query = "seq=0&frames=3";
    none.body = (const char *)noise;
    none.size = 8;
    assert_problem(ask(none), STATUS_BAD_FIELD, "/frames", NULL);
    none.query = "seq=0&sequence=3";
    assert_problem(ask(none), STATUS_BAD_FIELD, "/sequence", "seq");
    none.query = "seq=0";
    none.type = "audio/wav";
    assert_problem(ask(none), STATUS_MEDIA_TYPE, "", "octet-stream");
    assert_problem(try_open(api, "{\"expr\":\"sine(9)\"}"), STATUS_BAD_FIELD, "/rate", "rate");
    assert_problem(try_open(api, "{\"expr\":\"lowpass(in,30000)\",\"rate\":48000}"), STATUS_BAD_GRAPH, NULL, NULL);
    assert_problem(try_open(api, "{\"expr\":\"in\",\"format\":\"wav\"}"), STATUS_BAD_FIELD, "/format", "f32le");
    assert_problem(try_open(api, "{\"expr\":\"x\"}"), STATUS_BAD_GRAPH, "/expr", NULL);
    assert_problem(try_open(api, "{\"expr\":\"in\",\"tail\":1}"), STATUS_BAD_FIELD, "/tail", NULL);
    struct api_response res = ask((struct ask){.method = METHOD_PUT, .path = s.path});
    assert_string_equal(header_of(&res, "Allow"), "POST, GET, HEAD, PATCH, DELETE");
    assert_problem(res, STATUS_METHOD, "", NULL);
    res = ask((struct ask){.method = METHOD_DELETE, .path = arena_printf(arena, "%s/state", s.path)});
    assert_string_equal(header_of(&res, "Allow"), "GET, HEAD");
    assert_problem(res, STATUS_METHOD, "", NULL);
    assert_problem(get("/streams/nothing", NULL), STATUS_NOT_FOUND, "", "nothing");
    assert_problem(get("/streams/", NULL), STATUS_NOT_FOUND, "", NULL);
    assert_problem(get("/streams//state", NULL), STATUS_NOT_FOUND, "", NULL);
    assert_problem(get(arena_printf(arena, "%s/stale", s.path), NULL), STATUS_NOT_FOUND, "", NULL);
}

static void a_stream_says_where_it_stands(void **state)
{
    (void)state;
    struct fed s = stream_open(api, "\"graph\":" ECHO_GRAPH ",\"rate\":48000,\"seed\":9,\"format_out\":\"s24le\"");
    s.frame_out = 6;
    stream_feed(&s, noise, 0, 50, 25, heard);
    struct api_response res = stream_get(&s, "");
    assert_ok(&res);
    const struct datum *root = json_of(res.body, res.body_size), *params = datum_get(root, "params");
    assert_string_equal(datum_get(root, "id")->string, s.path + strlen("/streams/"));
    assert_true(datum_get(root, "seq")->number == 2);
    assert_true(datum_get(root, "position")->number == 50);
    assert_true(datum_get(root, "rate")->number == 48000);
    assert_true(datum_get(root, "channels_out")->number == 2);
    assert_true(datum_get(root, "seed")->number == 9);
    assert_string_equal(datum_get(root, "format")->string, "f32le");
    assert_string_equal(datum_get(root, "format_out")->string, "s24le");
    assert_true(datum_get(params, "mix")->number == 0.5);
    assert_true(datum_get(params, "cutoff")->number == 900);
    assert_true(datum_get(root, "expires_ms")->number > 1000);
    assert_non_null(datum_get(datum_get(root, "kernel"), "state"));
    assert_string_equal(header_of(&res, "Cache-Control"), "no-store");
    api_response_done(&res);
}

static int set_up(void **state)
{
    make_noise();
    return ask_set_up(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_is_the_whole),
        cmocka_unit_test(two_channels_of_integers_are_those_of_process),
        cmocka_unit_test(generators_and_silence_are_asked_for_by_frames),
        cmocka_unit_test(the_last_block_again_is_the_same_answer),
        cmocka_unit_test(what_does_not_follow_is_a_conflict),
        cmocka_unit_test(one_block_at_a_time),
        cmocka_unit_test(a_deleted_stream_answers_what_it_has_begun),
        cmocka_unit_test(a_long_block_that_ends_early_has_not_been),
        cmocka_unit_test(what_is_no_number_is_zeroed_rejected_or_passed),
        cmocka_unit_test(idle_streams_end),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(one_client_opens_no_more_than_its_share),
        cmocka_unit_test(an_answer_that_is_kept_counts_for_its_client),
        cmocka_unit_test(wrong_requests_say_what_is_wrong),
        cmocka_unit_test(a_stream_says_where_it_stands),
    };
    return cmocka_run_group_tests(tests, set_up, ask_tear_down);
}
