/* labels: api */
/* Bodies that are made while they are sent: the same bytes as in memory, and never a part that looks whole. */
#include "tests/support/ask.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/image/format_image.h"

enum { STREAMED = 1000 };

static struct api *streaming; /* everything above a kilobyte is */

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* A request at work. */
struct asked {
    struct ask ask;
    struct api_request request;
    struct api_response response;
};

static void begin(struct api *of, struct asked *a, const char *json)
{
    a->ask = (struct ask){.method = METHOD_POST, .path = "/render", .type = "application/json", .body = json};
    a->request = request_of(&a->ask);
    a->request.takes_stream = true;
    if (api_begin(of, &a->request, &a->response) == API_LONG)
        api_finish(of, &a->request, &a->response);
}

struct taken {
    char *data;
    size_t n;
    int turns;
};

/* Takes until the end, `piece` bytes at a time, working itself when more is wanted. */
static enum api_supply take_all(struct api_stream *s, size_t piece, struct taken *t)
{
    enum api_supply supply;
    *t = (struct taken){0};
    do {
        size_t n;
        t->data = realloc(t->data, t->n + piece);
        supply = api_stream_take(s, t->data + t->n, piece, &n);
        t->n += n;
        if (api_stream_wants(s)) {
            t->turns++;
            api_stream_work(s);
        }
    } while (supply == API_SUPPLY_MORE);
    return supply;
}

static const char *trailer_of(const struct api_response *res, const char *name)
{
    for (size_t i = 0; i < res->n_trailers; i++)
        if (!strcmp(res->trailers[i].name, name))
            return res->trailers[i].value;
    return NULL;
}

static void assert_as_in_memory(const char *json)
{
    struct asked a;
    struct taken t;
    struct api_response whole = post("/render", json);
    begin(streaming, &a, json);
    assert_ok(&whole);
    assert_ok(&a.response);
    assert_non_null(a.response.stream);
    assert_int_equal(take_all(a.response.stream, 50000, &t), API_SUPPLY_END);
    assert_int_equal(t.n, whole.body_size);
    assert_memory_equal(t.data, whole.body, t.n);
    static const char *const counted[] = {"Sinter-Clipped", "Sinter-Nonfinite"};
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        assert_string_equal(header_of(&a.response, counted[i]), "");
        assert_string_equal(trailer_of(&a.response, counted[i]), header_of(&whole, counted[i]));
    }
    assert_non_null(strstr(trailer_of(&a.response, "Server-Timing"), "exec;dur="));
    assert_string_equal(header_of(&a.response, "ETag"), header_of(&whole, "ETag"));
    free(t.data);
    api_response_done(&a.response);
    api_response_done(&whole);
}

static void a_streamed_file_is_the_one_in_memory(void **state)
{
    (void)state;
    static const char *const outputs[] = {"\"sin(x*40)*y*2\"", "[\"x\",\"y\"]", "[\"x\",\"y*2\",\"gnoise(x*9,y*9)\"]",
                                          "[\"x\",\"y\",\"x*y\",\"1/(y-0.5)\"]"};
    char json[512];
    int streamed = 0;
    for (int f = 0; f < IMAGE_FILES; f++) {
        for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++) {
            snprintf(json, sizeof json,
                     "{\"graph\":{\"output\":%s},\"width\":301,\"height\":203,\"format\":\"%s\",\"encode\":\"%s\"}",
                     outputs[o], image_files[f].name, o % 2 ? "srgb" : "none");
            struct asked a;
            struct api_response whole = post("/render", json);
            begin(streaming, &a, json);
            assert_int_equal(a.response.http_status, whole.http_status);
            bool streams = a.response.stream;
            api_response_done(&a.response);
            api_response_done(&whole);
            if (streams)
                assert_as_in_memory(json);
            streamed += streams;
        }
    }
    assert_true(streamed >= 14); /* png, f32 and npy of 1 to 4 channels, pfm of 1 and 3 at least */
}

static void frames_follow_one_another(void **state)
{
    (void)state;
    assert_as_in_memory("{\"expr\":\"x+t\",\"width\":64,\"height\":64,\"frames\":7,\"fps\":3,\"format\":\"npy\"}");
}

/* More than the queue holds: several turns. */
static void a_body_of_many_turns_is_whole(void **state)
{
    (void)state;
    struct asked a;
    struct taken t;
    begin(streaming, &a, "{\"expr\":\"x*4096 + y*7\",\"width\":4096,\"height\":1500,\"format\":\"f32\"}");
    assert_ok(&a.response);
    assert_int_equal(take_all(a.response.stream, 1 << 20, &t), API_SUPPLY_END);
    assert_int_equal(t.n, 4096 * 1500 * 4);
    assert_true(t.turns > 2);
    for (size_t y = 0; y < 1500; y += 77)
        for (size_t x = 0; x < 4096; x += 99) {
            float v, want = (float)x + 0.5f + 7.0f * ((float)y + 0.5f) / 1500.0f;
            memcpy(&v, t.data + (y * 4096 + x) * 4, sizeof v);
            assert_true(v > want - 0.01f && v < want + 0.01f);
        }
    free(t.data);
    api_response_done(&a.response);
}

static const char large[] = "{\"expr\":\"x\",\"width\":4096,\"height\":2048,\"format\":\"f32\"}";

static void nothing_is_made_ahead_of_a_reader_that_does_not_read(void **state)
{
    (void)state;
    struct asked a;
    struct taken t;
    begin(streaming, &a, large);
    assert_ok(&a.response);
    for (int turns = 1; turns < TEST_SLOWNESS && api_stream_wants(a.response.stream); turns++)
        api_stream_work(a.response.stream); /* a turn is as long, however little is made in it */
    assert_false(api_stream_wants(a.response.stream));
    assert_int_equal(take_all(a.response.stream, 1 << 20, &t), API_SUPPLY_END);
    assert_true(t.turns > 0); /* that was not all */
    free(t.data);
    api_response_done(&a.response);
}

static void a_client_that_goes_breaks_the_stream(void **state)
{
    (void)state;
    struct asked a;
    struct taken t;
    begin(streaming, &a, large);
    assert_ok(&a.response);
    a.ask.gone = true;
    assert_int_equal(take_all(a.response.stream, 1 << 20, &t), API_SUPPLY_BROKEN);
    assert_true(t.n < 4096 * 2048 * 4);
    assert_int_equal(a.response.n_trailers, 0);
    free(t.data);
    api_response_done(&a.response);
}

static void a_deadline_breaks_the_stream_but_waiting_for_the_client_does_not(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.stream_above = STREAMED;
    config.max_request_ms = 1500 * TEST_SLOWNESS;
    struct api *brief = small_api(config);
    struct asked a;
    struct taken t;
    begin(brief, &a, large);
    assert_ok(&a.response);
    sleep_ms(2000 * TEST_SLOWNESS);
    assert_int_equal(take_all(a.response.stream, 1 << 20, &t), API_SUPPLY_END);
    free(t.data);
    api_response_done(&a.response);
    begin(brief, &a,
          "{\"expr\":\"fractal(x*9,y*9,octaves=8)\",\"width\":16384,\"height\":16384,\"format\":\"png\",\"tier\":"
          "\"interp\"}");
    assert_int_equal(a.response.http_status, 200);
    assert_int_equal(take_all(a.response.stream, 1 << 20, &t), API_SUPPLY_BROKEN);
    free(t.data);
    api_response_done(&a.response);
    api_free(brief);
}

static void *work(void *user)
{
    api_stream_work(user);
    return NULL;
}

/* The end of the answer waits for the thread that is at work on it, and that thread is told. */
static void an_answer_ends_while_a_thread_works_at_it(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct asked a;
        pthread_t thread;
        size_t n;
        char *waste = malloc(4 << 20);
        begin(streaming, &a, large);
        assert_ok(&a.response);
        while (!api_stream_wants(a.response.stream))
            assert_int_equal(api_stream_take(a.response.stream, waste, 4 << 20, &n), API_SUPPLY_MORE);
        assert_int_equal(pthread_create(&thread, NULL, work, a.response.stream), 0);
        sleep_ms(round % 3);
        api_stream_stop(a.response.stream);
        api_response_done(&a.response);
        pthread_join(thread, NULL);
        free(waste);
    }
}

static void limits_have_their_own_names(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.stream_above = STREAMED;
    config.max_stream_bytes = 20000;
    config.max_output_bytes = 10000;
    struct api *small = small_api(config);
    struct asked a;
    begin(small, &a, "{\"expr\":\"x\",\"width\":100,\"height\":51,\"format\":\"f32\"}");
    assert_limit(a.response, "max-stream-bytes", "/width");
    begin(small, &a, "{\"expr\":\"x\",\"width\":100,\"height\":50,\"format\":\"f32\"}");
    assert_ok(&a.response);
    assert_non_null(a.response.stream);
    api_response_done(&a.response);
    struct ask whole = {.method = METHOD_GET, .path = "/render", .query = "expr=x&width=100&height=50&format=f32"};
    assert_limit(ask_of(small, whole), "max-output-bytes", "/width");
    api_free(small);
}

static void head_makes_nothing(void **state)
{
    (void)state;
    struct asked a = {
        .ask = {.method = METHOD_HEAD, .path = "/render", .query = "expr=x&width=4096&height=4096&format=f32"}};
    a.request = request_of(&a.ask);
    a.request.takes_stream = true;
    if (api_begin(streaming, &a.request, &a.response) == API_LONG)
        api_finish(streaming, &a.request, &a.response);
    assert_ok(&a.response);
    assert_true(*header_of(&a.response, "ETag"));
    assert_true(*header_of(&a.response, "Trailer"));
    assert_true(a.response.stage_ms[4] < 1);
    api_response_done(&a.response);
}

static int set_up(void **state)
{
    struct api_config config = api_config_default();
    int failed = ask_set_up(state);
    config.stream_above = STREAMED;
    streaming = failed ? NULL : small_api(config);
    return failed;
}

static int tear_down(void **state)
{
    api_free(streaming);
    return ask_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_streamed_file_is_the_one_in_memory),
        cmocka_unit_test(frames_follow_one_another),
        cmocka_unit_test(a_body_of_many_turns_is_whole),
        cmocka_unit_test(nothing_is_made_ahead_of_a_reader_that_does_not_read),
        cmocka_unit_test(a_client_that_goes_breaks_the_stream),
        cmocka_unit_test(a_deadline_breaks_the_stream_but_waiting_for_the_client_does_not),
        cmocka_unit_test(an_answer_ends_while_a_thread_works_at_it),
        cmocka_unit_test(limits_have_their_own_names),
        cmocka_unit_test(head_makes_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
