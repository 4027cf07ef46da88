/* labels: api
 * Every route without a socket: requests in, answers out. The engine interprets only, so that nothing here waits for a compiler. */
#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/api.h"
#include "api/json.h"
#include "api/pool.h"
#include "api/request.h"

struct pair {
    const char *name, *value;
};

/* A request as a test writes it: query "a=1&b=2", undecoded. */
struct ask {
    enum method method;
    const char *path, *query, *type, *accept, *if_none_match, *body;
    size_t      size; /* 0: strlen(body) */
    bool        draining, gone;
    struct pair pairs[16]; /* filled here */
    size_t      n_pairs;
    char        text[4096];
};

static struct api    *api;
static struct engine *engine;
static struct pool   *pool;
static struct arena  *arena;

static const char *header(const struct api_request *req, const char *name)
{
    const struct ask *a = req->user;
    if (!strcasecmp(name, "Content-Type"))
        return a->type;
    if (!strcasecmp(name, "Accept"))
        return a->accept;
    return !strcasecmp(name, "If-None-Match") ? a->if_none_match : NULL;
}

static const char *query(const struct api_request *req, const char *name)
{
    const struct ask *a = req->user;
    for (size_t i = 0; i < a->n_pairs; i++)
        if (!strcmp(a->pairs[i].name, name))
            return a->pairs[i].value;
    return NULL;
}

static void each_query(const struct api_request *req, void (*one)(const char *name, const char *value, void *), void *user)
{
    const struct ask *a = req->user;
    for (size_t i = 0; i < a->n_pairs; i++)
        one(a->pairs[i].name, a->pairs[i].value, user);
}

static bool gone(const struct api_request *req)
{
    return ((const struct ask *)req->user)->gone;
}

static void split_query(struct ask *a)
{
    a->n_pairs = 0;
    if (!a->query)
        return;
    snprintf(a->text, sizeof a->text, "%s", a->query);
    for (char *at = a->text; at && *at;) {
        char *next = strchr(at, '&'), *equals = strchr(at, '=');
        if (next)
            *next++ = 0;
        *equals = 0;
        a->pairs[a->n_pairs++] = (struct pair){at, equals + 1};
        at = next;
    }
}

static struct api_request request_of(struct ask *a)
{
    split_query(a);
    return (struct api_request){.method = a->method,
                                .method_name = "TEST",
                                .path = a->path,
                                .header = header,
                                .query = query,
                                .each_query = each_query,
                                .body = a->body,
                                .body_size = a->size ? a->size : a->body ? strlen(a->body) : 0,
                                .client_gone = gone,
                                .user = a,
                                .draining = a->draining};
}

static struct api_response ask_of(struct api *of, struct ask a)
{
    struct api_response res;
    struct api_request  req = request_of(&a);
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    return res;
}

static struct api_response ask(struct ask a)
{
    return ask_of(api, a);
}

static struct api_response post(const char *path, const char *json)
{
    return ask((struct ask){.method = METHOD_POST, .path = path, .type = "application/json", .body = json});
}

static struct api_response get(const char *path, const char *text)
{
    return ask((struct ask){.method = METHOD_GET, .path = path, .query = text});
}

static const char *header_of(const struct api_response *res, const char *name)
{
    for (size_t i = 0; i < res->n_headers; i++)
        if (!strcasecmp(res->headers[i].name, name))
            return res->headers[i].value;
    return "";
}

static char *body_of(const struct api_response *res)
{
    return arena_strndup(arena, res->body, res->body_size);
}

static struct datum *json_of(const char *text, size_t n)
{
    struct fault       fault;
    struct datum      *root = NULL;
    struct json_limits limits = {.max_bytes = n, .max_depth = 64};
    fault_init(&fault, arena);
    assert_int_equal(json_read(text, n, &limits, arena, &root, &fault), STATUS_OK);
    return root;
}

/* The answer is a problem with this slug, whose first error points here. */
static void assert_problem(struct api_response res, enum status status, const char *pointer, const char *detail_has)
{
    char *text = body_of(&res);
    if (res.http_status != status_http(status))
        fail_msg("status %d instead of %d: %s", res.http_status, status_http(status), text);
    assert_string_equal(header_of(&res, "Content-Type"), "application/problem+json");
    struct datum       *root = json_of(text, strlen(text));
    const struct datum *errors = datum_get(root, "errors");
    char                type[64];
    snprintf(type, sizeof type, "/errors/%s", status_slug(status));
    assert_string_equal(datum_get(root, "type")->string, type);
    assert_true(datum_get(root, "status")->number == status_http(status));
    assert_string_equal(datum_get(root, "title")->string, status_title(status));
    if (pointer && (!errors->n || strcmp(datum_get(&errors->items[0], "pointer")->string, pointer) != 0))
        fail_msg("no pointer %s in %s", pointer, text);
    if (detail_has && !strstr(text, detail_has))
        fail_msg("no \"%s\" in %s", detail_has, text);
    assert_string_equal(header_of(&res, "ETag"), "");
    api_response_done(&res);
}

static void assert_limit(struct api_response res, const char *limit, const char *pointer)
{
    assert_non_null(res.limit);
    assert_string_equal(res.limit, limit);
    assert_problem(res, STATUS_LIMIT, pointer, arena_printf(arena, "--%s", limit));
}

static void assert_ok(const struct api_response *res)
{
    if (res->http_status != 200)
        fail_msg("status %d: %.*s", res->http_status, (int)res->body_size, (const char *)res->body);
}

static void assert_same_body(struct api_response a, struct api_response b)
{
    assert_ok(&a);
    assert_ok(&b);
    assert_int_equal(a.body_size, b.body_size);
    assert_memory_equal(a.body, b.body, a.body_size);
    api_response_done(&a);
    api_response_done(&b);
}

#define FIELD_GRAPH "{\"params\":{\"k\":{\"default\":3,\"min\":0,\"max\":9}},\"output\":\"sin(x*k)+y*y\"}"

/* render */

static void an_expression_renders_to_floats(void **state)
{
    (void)state;
    struct api_response res = post("/render", "{\"expr\":\"x+10*y\",\"width\":4,\"height\":2,\"format\":\"f32\"}");
    const float         want[] = {2.625f, 2.875f, 3.125f, 3.375f, 7.625f, 7.875f, 8.125f, 8.375f};
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
    struct ask          a = {.method = METHOD_GET, .path = "/render", .query = "expr=x&width=8&height=8"};
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
        const char *tail = arena_printf(arena, "expr=sin(x*37+z)*cos(y*19)+px*u&region=-1,2,3,5.5&width=203&height=117&z=.3&format=f32&samples=%d", samples);
        struct api_response whole = get("/render", tail), tile = get("/render", arena_printf(arena, "%s&tile=31,17,101,60", tail));
        assert_ok(&whole);
        assert_ok(&tile);
        assert_int_equal(tile.body_size, 101 * 60 * 4);
        for (size_t y = 0; y < 60; y++)
            assert_memory_equal((const float *)tile.body + y * 101, (const float *)whole.body + (17 + y) * 203 + 31, 101 * 4);
        api_response_done(&whole);
        api_response_done(&tile);
    }
}

static void samples_are_the_mean_of_a_grid(void **state)
{
    (void)state;
    struct api_response res = get("/render", "expr=x*x&width=2&height=1&samples=3&format=f32"); /* rounded up to 2 x 2 */
    float               want[2];
    for (int p = 0; p < 2; p++) {
        float a = (float)((p + 0.25) / 2), b = (float)((p + 0.75) / 2);
        want[p] = (a * a + b * b + a * a + b * b) / 4;
    }
    assert_ok(&res);
    assert_true(fabsf(((const float *)res.body)[0] - want[0]) < 1e-7f);
    assert_true(fabsf(((const float *)res.body)[1] - want[1]) < 1e-7f);
    api_response_done(&res);
}

static void frames_are_stacked_in_time(void **state)
{
    (void)state;
    struct api_response res = get("/render", "expr=t&width=1&height=1&frames=3&fps=4&time=1&format=f32");
    const float         want[] = {1, 1.25f, 1.5f};
    assert_ok(&res);
    assert_int_equal(res.body_size, sizeof want);
    assert_memory_equal(res.body, want, sizeof want);
    api_response_done(&res);
    assert_problem(get("/render", "expr=t&frames=3"), STATUS_NOT_IMPLEMENTED, "/frames", "npy");
}

static void by_id_inline_and_as_expression_are_the_same(void **state)
{
    (void)state;
    struct api_response stored = post("/graphs", FIELD_GRAPH);
    assert_true(stored.http_status == 201 || stored.http_status == 200);
    const char *id = header_of(&stored, "Location") + strlen("/graphs/");
    const char *by_id = arena_printf(arena, "graph=%s&width=16&height=16&format=f32", id);
    assert_same_body(get("/render", by_id), post("/render", "{\"graph\":" FIELD_GRAPH ",\"width\":16,\"height\":16,\"format\":\"f32\"}"));
    assert_same_body(get("/render", by_id), get("/render", "expr=sin(x*3)+y*y&width=16&height=16&format=f32"));
    assert_same_body(get("/render", arena_printf(arena, "%s&param.k=5", by_id)),
                     post("/render", arena_printf(arena, "{\"graph_id\":\"%s\",\"params\":{\"k\":5},\"width\":16,\"height\":16,\"format\":\"f32\"}", id)));
    api_response_done(&stored);
}

static void threads_do_not_change_a_pixel(void **state)
{
    (void)state;
    struct fault      fault;
    struct api       *slow;
    struct api_config config = api_config_default();
    fault_init(&fault, arena);
    config.inline_us = 1e9; /* all on this thread */
    assert_int_equal(api_new(&config, engine, pool, &slow, &fault), STATUS_OK);
    struct ask a = {.method = METHOD_GET, .path = "/render", .query = "expr=sin(x*999)*cos(y*777)&width=700&height=500"};
    assert_same_body(ask(a), ask_of(slow, a));
    api_free(slow);
}

/* etag */

static void what_the_client_has_is_not_made_again(void **state)
{
    (void)state;
    struct ask          a = {.method = METHOD_GET, .path = "/render", .query = "expr=x&width=8&height=8"};
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
    static const char *const others[] = {"expr=x&width=9&height=8", "expr=y&width=8&height=8", "expr=x&width=8&height=8&format=npy",
                                         "expr=x&width=8&height=8&seed=1", "expr=x&width=8&height=8&z=1"};
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

static struct api_response process_raw(const char *text, const void *data, size_t n)
{
    return ask((struct ask){.method = METHOD_POST, .path = "/process", .query = text, .type = "application/octet-stream", .body = data, .size = n});
}

static void plain_buffers_need_no_rate(void **state)
{
    (void)state;
    const float         in[] = {0, 1, -2, 0.25f}, want[] = {1.5f, 2.5f, -0.5f, 1.75f};
    struct api_response res = process_raw("expr=in%1+1.5", in, sizeof in);
    api_response_done(&res);
    res = process_raw("expr=in+1.5", in, sizeof in);
    assert_ok(&res);
    assert_memory_equal(res.body, want, sizeof want);
    assert_string_equal(header_of(&res, "Sinter-Latency-Samples"), "0");
    api_response_done(&res);
    assert_problem(process_raw("expr=lowpass(in)", in, sizeof in), STATUS_BAD_FIELD, "/rate", NULL);
}

static void blocks_carry_state_and_integers_round_trip(void **state)
{
    (void)state;
    enum { N = 10000 };
    static int16_t in[N * 2];
    static float   whole[N];
    uint64_t       seed = 5;
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
    const float         in[] = {1, NAN, INFINITY, 2}, zeroed[] = {1, 0, 0, 2};
    struct api_response res = process_raw("expr=in", in, sizeof in);
    assert_ok(&res);
    assert_memory_equal(res.body, zeroed, sizeof zeroed);
    assert_string_equal(header_of(&res, "Sinter-Nonfinite-In"), "2");
    assert_string_equal(header_of(&res, "Sinter-Nonfinite"), "0");
    api_response_done(&res);
    assert_problem(process_raw("expr=in&nonfinite=reject", in, sizeof in), STATUS_BAD_AUDIO, "", "sample 1 of channel 0");
    res = process_raw("expr=in&nonfinite=pass", in, sizeof in);
    assert_ok(&res);
    assert_true(isnan(((const float *)res.body)[1]) && isinf(((const float *)res.body)[2]));
    assert_string_equal(header_of(&res, "Sinter-Nonfinite"), "2");
    api_response_done(&res);
}

static void a_wav_brings_its_rate_and_channels(void **state)
{
    (void)state;
    struct api_response made = post("/process", "{\"expr\":\"sine(440)*.5\",\"rate\":8000,\"channels\":2,\"frames\":800,\"bits\":16}");
    assert_ok(&made);
    assert_string_equal(header_of(&made, "Content-Type"), "audio/wav");
    assert_int_equal(made.body_size, 44 + 800 * 4);
    struct ask a = {.method = METHOD_POST, .path = "/process", .query = "expr=in&bits=16", .type = "audio/wav", .body = made.body, .size = made.body_size};
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
    const float         in[] = {0.5f, -0.25f};
    struct ask          a = {.method = METHOD_POST, .path = "/process", .type = "multipart/form-data; boundary=AaB"};
    static const char   head[] = "--AaB\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"graph\":{\"output\":[\"in\",\"-in\"]},\"format\":\"f32le\"}\r\n"
                                 "--AaB\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a.raw\"\r\nContent-Type: application/octet-stream\r\n\r\n";
    static const char   tail[] = "\r\n--AaB--\r\n";
    char                body[1024];
    size_t              n = sizeof head - 1;
    memcpy(body, head, n);
    memcpy(body + n, in, sizeof in);
    memcpy(body + n + sizeof in, tail, sizeof tail);
    a.body = body;
    a.size = n + sizeof in + sizeof tail - 1;
    struct api_response res = ask(a);
    const float         want[] = {0.5f, -0.5f, -0.25f, 0.25f};
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
    assert_problem(post("/process", "{\"expr\":\"sine(440)\",\"rate\":44100.5,\"seconds\":1}"), STATUS_BAD_FIELD, "/rate", "WAV");
    assert_problem(post("/process", "{\"expr\":\"lowpass(in,30000)\",\"rate\":44100,\"frames\":1}"), STATUS_BAD_FIELD, "", NULL);
    assert_problem(process_raw("expr=lowpass(in,30000)&rate=44100", "1234", 4), STATUS_BAD_GRAPH, "/expr", "half the sample rate");
}

/* errors */

static void wrong_fields_are_all_reported(void **state)
{
    (void)state;
    struct api_response res = post("/render", "{\"expr\":\"x\",\"widht\":5,\"height\":-1,\"format\":\"pgn\",\"region\":[0,1],\"seed\":0.5}");
    struct datum       *root = json_of(res.body, res.body_size);
    const struct datum *errors = datum_get(root, "errors");
    const char         *text = body_of(&res);
    assert_int_equal(res.http_status, 422);
    assert_int_equal(errors->n, 5);
    assert_non_null(strstr(text, "/widht"));
    assert_non_null(strstr(text, "did you mean width?"));
    assert_non_null(strstr(text, "did you mean png?"));
    assert_non_null(strstr(text, "/region"));
    assert_non_null(strstr(text, "/seed"));
    api_response_done(&res);
    assert_problem(get("/render", "expr=x&width=1e3x"), STATUS_BAD_FIELD, "/width", NULL);
    assert_problem(get("/render", "expr=x&width=8&width=9"), STATUS_BAD_FIELD, "/width", "twice");
    assert_problem(get("/render", "expr=x&width=0"), STATUS_BAD_FIELD, "/width", NULL);
    assert_problem(get("/render", "expr=x&tile=0,0,300,1"), STATUS_BAD_FIELD, "/tile", "256 x 256");
    assert_problem(get("/render", "width=8"), STATUS_BAD_FIELD, "/", "exactly one");
    assert_problem(get("/render", "expr=x&param.q=1"), STATUS_BAD_FIELD, "/params/q", "no parameter");
    assert_problem(post("/render", "{\"graph\":" FIELD_GRAPH ",\"params\":{\"k\":10}}"), STATUS_BAD_FIELD, "/params/k", "0 .. 9");
    assert_problem(post("/render", "[1]"), STATUS_BAD_FIELD, "", "object");
}

static void graphs_fail_with_pointers_into_the_request(void **state)
{
    (void)state;
    assert_problem(post("/render", "{\"graph\":{\"nodes\":{\"n\":{\"op\":\"sine3\"}},\"output\":\"n\"}}"), STATUS_BAD_GRAPH, "/graph/nodes/n/op", NULL);
    assert_problem(post("/graphs", "{\"output\":\"sin(\"}"), STATUS_BAD_EXPRESSION, "/output", "column");
    assert_problem(get("/render", "expr=sin(qqq)"), STATUS_BAD_GRAPH, "/expr", "qqq");
    assert_problem(get("/render", "expr=in"), STATUS_BAD_GRAPH, "/expr", NULL);
    assert_problem(get("/render", "expr=sine(440)"), STATUS_BAD_GRAPH, "/expr", NULL);
    assert_problem(post("/graphs", "{\"nodes\":{\"a\":{\"op\":\"clip\",\"in\":\"b\"},\"b\":{\"op\":\"clip\",\"in\":\"a\"}},\"output\":\"a\"}"), STATUS_CYCLE,
                   NULL, "a");
}

static void limits_name_themselves(void **state)
{
    (void)state;
    assert_limit(post("/render", "{\"expr\":\"x\",\"width\":65536,\"height\":65536}"), "max-width", "/width");
    assert_limit(get("/render", "expr=x&height=65536"), "max-height", "/height");
    assert_limit(get("/render", "expr=x&width=16384&height=16384&samples=4"), "max-pixels", "/width");
    assert_limit(get("/render", "expr=x&width=16384&height=8192&frames=2147483647&format=f32"), "max-pixels", "/width");
    assert_limit(post("/render", "{\"graph\":{\"output\":[\"x\",\"x\",\"x\",\"x\",\"x\"]}}"), "max-outputs-image", "/graph/output");
    assert_limit(post("/process", "{\"expr\":\"n\",\"rate\":48000,\"seconds\":1e9}"), "max-frames", "/seconds");
    assert_limit(post("/process", "{\"expr\":\"n\",\"rate\":48000,\"seconds\":1,\"channels\":65}"), "max-channels", "/channels");
    assert_limit(process_raw("expr=delay(in,1e9)&rate=48000", "1234", 4), "max-state-bytes", NULL);
}

static void each_slug_has_an_answer(void **state)
{
    (void)state;
    assert_problem(post("/render", "{\"expr\":}"), STATUS_BAD_JSON, NULL, NULL);
    assert_problem(post("/render", "{\"expr\":\"x\",\"expr\":\"y\"}"), STATUS_BAD_JSON, NULL, NULL);
    assert_problem(get("/nothing", NULL), STATUS_NOT_FOUND, NULL, "/nothing");
    assert_problem(get("/render", "graph=0123456789012345678901234567890123456789"), STATUS_NOT_FOUND, "/graph", NULL);
    assert_problem(get("/render", "graph=12"), STATUS_BAD_FIELD, "/graph", NULL);
    assert_problem(get("/graphs/12", NULL), STATUS_NOT_FOUND, NULL, NULL);
    assert_problem(ask((struct ask){.method = METHOD_POST, .path = "/render", .type = "application/x-www-form-urlencoded", .body = "{}"}),
                   STATUS_MEDIA_TYPE, NULL, "application/json");
    assert_problem(ask((struct ask){.method = METHOD_POST, .path = "/process", .body = "{}"}), STATUS_MEDIA_TYPE, NULL, "audio/wav");
    assert_problem(ask((struct ask){.method = METHOD_GET, .path = "/ops", .draining = true}), STATUS_BUSY, NULL, NULL);
    assert_problem(post("/process", "{\"expr\":\"n\",\"rate\":1,\"seconds\":1,\"normalize\":-14}"), STATUS_NOT_IMPLEMENTED, "/normalize", NULL);
    assert_problem(ask((struct ask){.method = METHOD_POST, .path = "/render", .type = "multipart/form-data", .body = "x"}), STATUS_BAD_REQUEST, NULL,
                   "boundary");
    struct api_response res = ask((struct ask){.method = METHOD_DELETE, .path = "/render"});
    assert_string_equal(header_of(&res, "Allow"), "GET, HEAD, POST");
    assert_problem(res, STATUS_METHOD, NULL, NULL);
    assert_problem(ask((struct ask){.method = METHOD_GET, .path = "/render", .query = "expr=sin(x)*3&width=2048&height=2048", .gone = true}),
                   STATUS_CLIENT_GONE, NULL, NULL);
    assert_problem(get("/render", "expr=x&tier=jit"), STATUS_BUSY, "/tier", NULL);
}

/* An api with other limits, in memory. */
static struct api *small_api(struct api_config config)
{
    struct fault fault;
    struct api  *other;
    fault_init(&fault, arena);
    assert_int_equal(api_new(&config, engine, pool, &other, &fault), STATUS_OK);
    return other;
}

static void deadlines_and_memory_end_in_answers(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_request_ms = 1;
    struct api *other = small_api(config);
    struct api_response res = ask_of(other, (struct ask){.method = METHOD_GET, .path = "/render", .query = "expr=sin(x*y)^1.5&width=4096&height=4096"});
    assert_string_equal(header_of(&res, "Retry-After"), "1");
    assert_problem(res, STATUS_DEADLINE, "", "max-request-ms");
    api_free(other);
    config = api_config_default();
    config.max_arena = 20000;
    other = small_api(config);
    char *json = arena_alloc(arena, 40001);
    strcpy(json, "{\"expr\":\"x");
    memset(json + 10, ' ', 20000);
    strcpy(json + 20010, "\"}");
    assert_problem(ask_of(other, (struct ask){.method = METHOD_POST, .path = "/render", .type = "application/json", .body = json}),
                   STATUS_NO_MEMORY, NULL, "max-arena");
    api_free(other);
    config = api_config_default();
    config.max_body = 4;
    config.max_graphs = 1;
    other = small_api(config);
    struct ask big = {.method = METHOD_POST, .path = "/render", .type = "application/json", .body = "{\"expr\":1}"};
    res = ask_of(other, big);
    assert_string_equal(res.limit, "max-body");
    assert_problem(res, STATUS_TOO_LARGE, NULL, "max-body");
    api_free(other);
    config.max_body = 1000;
    other = small_api(config);
    struct ask put = {.method = METHOD_POST, .path = "/graphs", .type = "application/json", .body = "{\"output\":\"x\"}"};
    res = ask_of(other, put);
    assert_int_equal(res.http_status, 201);
    api_response_done(&res);
    res = ask_of(other, put);
    assert_int_equal(res.http_status, 200);
    api_response_done(&res);
    put.body = "{\"output\":\"y\"}";
    assert_limit(ask_of(other, put), "max-graphs", "");
    api_free(other);
}

static void heads_are_judged_before_bodies(void **state)
{
    (void)state;
    struct api_response res;
    struct ask          a = {.method = METHOD_POST, .path = "/render", .type = "application/json"};
    struct api_request  req = request_of(&a);
    assert_true(api_accept_headers(api, &req, 10, &res));
    assert_false(api_accept_headers(api, &req, -1, &res));
    assert_problem(res, STATUS_LENGTH, NULL, NULL);
    assert_false(api_accept_headers(api, &req, (int64_t)1 << 40, &res));
    assert_problem(res, STATUS_TOO_LARGE, NULL, "max-json");
    a.type = "text/plain";
    assert_false(api_accept_headers(api, &req, 10, &res));
    assert_problem(res, STATUS_MEDIA_TYPE, NULL, NULL);
}

/* graphs and the rest */

static void graphs_are_stored_and_survive(void **state)
{
    (void)state;
    char              dir[] = "/tmp/sinter-test-XXXXXX", command[64];
    struct api_config config = api_config_default();
    assert_non_null(mkdtemp(dir));
    config.store_dir = dir;
    struct api *other = small_api(config);
    struct ask  a = {.method = METHOD_POST, .path = "/graphs", .type = "application/json", .body = "{\"output\":\"x * 2.50\"}"};
    struct api_response res = ask_of(other, a);
    assert_int_equal(res.http_status, 201);
    struct datum *root = json_of(res.body, res.body_size);
    char         *path = arena_strdup(arena, header_of(&res, "Location"));
    assert_string_equal(datum_get(root, "id")->string, path + 8);
    assert_string_equal(datum_get(root, "kind")->string, "field");
    assert_true(datum_get(root, "outputs")->number == 1);
    assert_true(datum_get(root, "kernels")->n == 1);
    api_response_done(&res);
    api_free(other);
    other = small_api(config);
    res = ask_of(other, (struct ask){.method = METHOD_GET, .path = path});
    assert_ok(&res);
    assert_non_null(strstr(body_of(&res), "2.5\""));
    api_response_done(&res);
    res = ask_of(other, (struct ask){.method = METHOD_GET, .path = "/render", .query = arena_printf(arena, "graph=%s&width=2&height=1&format=f32", path + 8)});
    assert_ok(&res);
    assert_true(((const float *)res.body)[1] == 1.875f);
    api_response_done(&res);
    res = ask_of(other, a);
    assert_int_equal(res.http_status, 200);
    api_response_done(&res);
    api_free(other);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void a_broken_graph_store_costs_only_graphs(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.store_dir = "/proc/no/such/place";
    struct api *other = small_api(config);
    assert_problem(ask_of(other, (struct ask){.method = METHOD_POST, .path = "/graphs", .type = "application/json", .body = "{\"output\":\"x\"}"}),
                   STATUS_BUSY, NULL, NULL);
    struct api_response res = ask_of(other, (struct ask){.method = METHOD_GET, .path = "/render", .query = "expr=x&width=8"});
    assert_ok(&res);
    api_response_done(&res);
    api_free(other);
}

static void tables_are_served_as_json(void **state)
{
    (void)state;
    static const char *const paths[] = {"/", "/ops", "/openapi.json", "/version", "/errors"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct api_response res = get(paths[i], NULL);
        assert_ok(&res);
        json_of(res.body, res.body_size);
        api_response_done(&res);
    }
    for (enum status s = STATUS_OK + 1; s < STATUS_COUNT; s++) {
        struct api_response res = get(arena_printf(arena, "/errors/%s", status_slug(s)), NULL);
        assert_ok(&res);
        assert_true(*datum_get(json_of(res.body, res.body_size), "description")->string);
        api_response_done(&res);
    }
    assert_problem(get("/errors/none", NULL), STATUS_NOT_FOUND, NULL, NULL);
    static const char *const texts[] = {"/livez", "/readyz", "/metrics"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct api_response res = get(texts[i], NULL);
        assert_ok(&res);
        api_response_done(&res);
    }
}

static void every_field_is_known_where_its_row_says(void **state)
{
    (void)state;
    for (size_t i = 0; field_info_at(i); i++) {
        const struct field_info *f = field_info_at(i);
        if (!(f->of & FIELD_RENDER) || !strcmp(f->form, "PARAMS"))
            continue;
        struct api_response res = get("/render", arena_printf(arena, "%s=", f->name));
        assert_null(strstr(body_of(&res), "there is no field"));
        api_response_done(&res);
    }
}

static void explain_shows_every_stage(void **state)
{
    (void)state;
    struct api_response res = post("/explain", "{\"expr\":\"x*2*3+1\"}");
    assert_ok(&res);
    struct datum *root = json_of(res.body, res.body_size);
    assert_true(datum_get(root, "stages")->n >= 2);
    assert_string_equal(datum_get(&datum_get(root, "stages")->items[0], "stage")->string, "lowered");
    assert_non_null(strstr(datum_get(&datum_get(root, "stages")->items[0], "ir")->string, "main {"));
    assert_true(datum_get(datum_get(root, "cost"), "interp_ns")->number > 0);
    api_response_done(&res);
    assert_problem(post("/explain", "{\"expr\":\"qqq\"}"), STATUS_BAD_GRAPH, "/expr", NULL);
}

static int set_up(void **state)
{
    (void)state;
    struct fault         fault;
    struct engine_config config = engine_config_default();
    struct api_config    api_config = api_config_default();
    arena = arena_new((size_t)1 << 30);
    if (ARENA_GUARD(arena))
        return -1;
    fault_init(&fault, arena);
    config.tier = TIER_INTERP;
    config.compilers = 0;
    config.store_dir = NULL;
    pool = pool_new(2);
    return engine_new(&config, &engine, &fault) != STATUS_OK || api_new(&api_config, engine, pool, &api, &fault) != STATUS_OK;
}

static int tear_down(void **state)
{
    (void)state;
    pool_free(pool);
    api_free(api);
    engine_free(engine);
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_renders_to_floats),
        cmocka_unit_test(png_is_the_default_and_accept_may_choose),
        cmocka_unit_test(clipped_and_nonfinite_values_are_counted),
        cmocka_unit_test(a_tile_equals_the_crop),
        cmocka_unit_test(samples_are_the_mean_of_a_grid),
        cmocka_unit_test(frames_are_stacked_in_time),
        cmocka_unit_test(by_id_inline_and_as_expression_are_the_same),
        cmocka_unit_test(threads_do_not_change_a_pixel),
        cmocka_unit_test(what_the_client_has_is_not_made_again),
        cmocka_unit_test(only_a_versioned_url_is_immutable),
        cmocka_unit_test(plain_buffers_need_no_rate),
        cmocka_unit_test(blocks_carry_state_and_integers_round_trip),
        cmocka_unit_test(odd_byte_counts_are_refused),
        cmocka_unit_test(samples_that_are_no_numbers_follow_the_policy),
        cmocka_unit_test(a_wav_brings_its_rate_and_channels),
        cmocka_unit_test(a_mono_wav_may_come_out_in_stereo),
        cmocka_unit_test(generators_say_how_much),
        cmocka_unit_test(wrong_fields_are_all_reported),
        cmocka_unit_test(graphs_fail_with_pointers_into_the_request),
        cmocka_unit_test(limits_name_themselves),
        cmocka_unit_test(each_slug_has_an_answer),
        cmocka_unit_test(deadlines_and_memory_end_in_answers),
        cmocka_unit_test(heads_are_judged_before_bodies),
        cmocka_unit_test(graphs_are_stored_and_survive),
        cmocka_unit_test(a_broken_graph_store_costs_only_graphs),
        cmocka_unit_test(tables_are_served_as_json),
        cmocka_unit_test(every_field_is_known_where_its_row_says),
        cmocka_unit_test(explain_shows_every_stage),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
