/* labels: api
 * Refusals and the routes beside /render and /process: each slug provoked, every limit named, graphs kept. */
#include "tests/support/ask.h"
#include "tests/support/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/request.h"

/* errors */

static void wrong_fields_are_all_reported(void **state)
{
    (void)state;
    struct api_response res =
        post("/render", "{\"expr\":\"x\",\"widht\":5,\"height\":-1,\"format\":\"pgn\",\"region\":[0,1],\"seed\":0.5}");
    struct datum *root = json_of(res.body, res.body_size);
    const struct datum *errors = datum_get(root, "errors");
    const char *text = body_of(&res);
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
    assert_problem(get("/render", "expr=x&region=0,1,2,1"), STATUS_BAD_FIELD, "/region", "no area");
    assert_problem(get("/render", "expr=x&tile=0,0,300,1"), STATUS_BAD_FIELD, "/tile", "256 x 256");
    assert_problem(get("/render", "width=8"), STATUS_BAD_FIELD, "", "exactly one");
    assert_problem(post("/render", "{\"expr\":\"x\",\"\":1}"), STATUS_BAD_FIELD, "/", "no field");
    res = process_raw("expr=in&channels=0", "1234", 4);
    assert_int_equal(datum_get(json_of(res.body, res.body_size), "errors")->n, 1);
    assert_problem(res, STATUS_BAD_FIELD, "/channels", "at least 1");
    assert_problem(get("/render", "expr=x&param.q=1"), STATUS_BAD_FIELD, "/params/q", "no parameter");
    assert_problem(post("/render", "{\"graph\":" FIELD_GRAPH ",\"params\":{\"k\":10}}"), STATUS_BAD_FIELD, "/params/k",
                   "0 .. 9");
    assert_problem(post("/render", "[1]"), STATUS_BAD_FIELD, "", "object");
}

static void graphs_fail_with_pointers_into_the_request(void **state)
{
    (void)state;
    assert_problem(post("/render", "{\"graph\":{\"nodes\":{\"n\":{\"op\":\"sine3\"}},\"output\":\"n\"}}"),
                   STATUS_BAD_GRAPH, "/graph/nodes/n/op", NULL);
    assert_problem(post("/graphs", "{\"output\":\"sin(\"}"), STATUS_BAD_EXPRESSION, "/output", "column");
    assert_problem(get("/render", "expr=sin(qqq)"), STATUS_BAD_GRAPH, "/expr", "qqq");
    assert_problem(get("/render", "expr=in"), STATUS_BAD_GRAPH, "/expr", NULL);
    assert_problem(get("/render", "expr=sine(440)"), STATUS_BAD_GRAPH, "/expr", NULL);
    assert_problem(
        post(
            "/graphs",
            "{\"nodes\":{\"a\":{\"op\":\"clip\",\"in\":\"b\"},\"b\":{\"op\":\"clip\",\"in\":\"a\"}},\"output\":\"a\"}"),
        STATUS_CYCLE, NULL, "a");
}

static void limits_name_themselves(void **state)
{
    (void)state;
    assert_limit(post("/render", "{\"expr\":\"x\",\"width\":65536,\"height\":65536}"), "max-width", "/width");
    assert_limit(get("/render", "expr=x&height=65536"), "max-height", "/height");
    assert_limit(get("/render", "expr=x&width=32768&height=32768&samples=4"), "max-pixels", "/samples");
    assert_limit(get("/render", "expr=x&width=1&height=1&samples=65537"), "max-samples", "/samples");
    assert_limit(get("/render", "expr=x&width=16384&height=8192&frames=2147483647&format=f32"), "max-pixels",
                 "/frames");
    struct api_response res = get("/render", "expr=x&width=1&height=1&frames=4000000000&format=f32");
    assert_non_null(strstr(body_of(&res), "4000000000 times"));
    assert_limit(res, "max-pixels", "/frames");
    struct api_config terse = api_config_default();
    terse.graph.expr.length = 10;
    struct api *brief = small_api(terse);
    const struct ask within = {.method = METHOD_GET, .path = "/render", .query = "expr=x*y&width=4&height=4"};
    struct api_response small = ask_of(brief, within);
    assert_ok(&small);
    api_response_done(&small);
    struct ask beyond = within;
    beyond.query = "expr=x*y*x*y*x*y&width=4&height=4";
    assert_limit(ask_of(brief, beyond), "max-expression", "/expr");
    beyond = (struct ask){.method = METHOD_POST, .path = "/render", .type = "application/json"};
    beyond.body = "{\"graph\":{\"output\":\"x*y*x*y*x*y\"}}";
    assert_limit(ask_of(brief, beyond), "max-expression", "/graph/output");
    api_free(brief);
    assert_limit(post("/render", "{\"graph\":{\"output\":[\"x\",\"x\",\"x\",\"x\",\"x\"]}}"), "max-outputs-image",
                 "/graph/output");
    assert_limit(post("/process", "{\"expr\":\"n\",\"rate\":48000,\"seconds\":1e9}"), "max-frames", "/seconds");
    assert_limit(post("/process", "{\"expr\":\"n\",\"rate\":48000,\"seconds\":1,\"channels\":65}"), "max-channels",
                 "/channels");
    assert_limit(process_raw("expr=delay(in,1e9)&rate=48000", "1234", 4), "max-state-bytes", "/expr");
#define LINES                                                                                                          \
    "\"rate\":48000,\"graph\":{\"nodes\":{\"near\":{\"op\":\"delay\",\"in\":\"t\",\"time\":3},"                        \
    "\"dead\":{\"op\":\"delay\",\"in\":\"t\",\"time\":1e9},\"echo\":{\"op\":\"delay\",\"in\":\"near\",\"time\":"       \
    "60000}},"                                                                                                         \
    "\"output\":\"echo+near\"}"
    assert_limit(post("/process", "{" LINES ",\"seconds\":0.1}"), "max-state-bytes", "/graph/nodes/echo");
    assert_limit(post("/streams", "{" LINES "}"), "max-state-bytes", "/graph/nodes/echo");
}

static void each_slug_has_an_answer(void **state)
{
    (void)state;
    assert_problem(post("/render", "{\"expr\":}"), STATUS_BAD_JSON, NULL, NULL);
    assert_problem(post("/render", "{\"expr\":\"x\",\"expr\":\"y\"}"), STATUS_BAD_JSON, NULL, NULL);
    assert_problem(get("/nothing", NULL), STATUS_NOT_FOUND, NULL, "/nothing");
    assert_problem(get("/render", "graph=0123456789012345678901234567890123456789"), STATUS_NOT_FOUND, "/graph", NULL);
    assert_problem(get("/render", "graph_id=0123456789012345678901234567890123456789"), STATUS_NOT_FOUND, "/graph_id",
                   NULL);
    assert_problem(get("/render", "graph=12"), STATUS_BAD_FIELD, "/graph", NULL);
    assert_problem(get("/graphs/12", NULL), STATUS_NOT_FOUND, NULL, NULL);
    assert_problem(
        ask((struct ask){
            .method = METHOD_POST, .path = "/render", .type = "application/x-www-form-urlencoded", .body = "{}"}),
        STATUS_MEDIA_TYPE, NULL, "application/json");
    assert_problem(ask((struct ask){.method = METHOD_POST, .path = "/process", .body = "{}"}), STATUS_MEDIA_TYPE, NULL,
                   "audio/wav");
    assert_problem(ask((struct ask){.method = METHOD_GET, .path = "/ops", .draining = true}), STATUS_BUSY, NULL, NULL);
    assert_problem(post("/explain", "{\"expr\":\"x\",\"asm\":true}"), STATUS_NOT_IMPLEMENTED, NULL, "compiler");
    assert_problem(
        ask((struct ask){.method = METHOD_POST, .path = "/render", .type = "multipart/form-data", .body = "x"}),
        STATUS_BAD_REQUEST, NULL, "boundary");
    struct api_response res = ask((struct ask){.method = METHOD_DELETE, .path = "/render"});
    assert_string_equal(header_of(&res, "Allow"), "GET, HEAD, POST");
    assert_problem(res, STATUS_METHOD, NULL, NULL);
    assert_problem(
        ask((struct ask){
            .method = METHOD_GET, .path = "/render", .query = "expr=sin(x)*3&width=2048&height=2048", .gone = true}),
        STATUS_CLIENT_GONE, NULL, NULL);
    assert_problem(get("/render", "expr=x&tier=jit"), STATUS_BUSY, "/tier", NULL);
}

static void deadlines_and_memory_end_in_answers(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_request_ms = 1;
    struct api *other = small_api(config);
    struct api_response res = ask_of(
        other,
        (struct ask){.method = METHOD_GET, .path = "/render", .query = "expr=sin(x*y)^1.5&width=4096&height=4096"});
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
    assert_problem(
        ask_of(other, (struct ask){.method = METHOD_POST, .path = "/render", .type = "application/json", .body = json}),
        STATUS_NO_MEMORY, NULL, "max-arena");
    api_free(other);
    config = api_config_default();
    config.max_body = 4;
    config.data.max_graphs = 1;
    other = small_api(config);
    struct ask big = {.method = METHOD_POST, .path = "/render", .type = "application/json", .body = "{\"expr\":1}"};
    res = ask_of(other, big);
    assert_string_equal(res.limit, "max-body");
    assert_problem(res, STATUS_TOO_LARGE, NULL, "max-body");
    api_free(other);
    config.max_body = 1000;
    other = small_api(config);
    struct ask put = {
        .method = METHOD_POST, .path = "/graphs", .type = "application/json", .body = "{\"output\":\"x\"}"};
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
    struct ask a = {.method = METHOD_POST, .path = "/render", .type = "application/json"};
    struct api_request req = request_of(&a);
    assert_true(api_accept_headers(api, &req, 10, &res));
    assert_false(api_accept_headers(api, &req, -1, &res));
    assert_problem(res, STATUS_LENGTH, NULL, NULL);
    assert_false(api_accept_headers(api, &req, (int64_t)1 << 40, &res));
    assert_problem(res, STATUS_TOO_LARGE, NULL, "max-json");
    a.encoding = "Identity";
    assert_true(api_accept_headers(api, &req, 10, &res));
    a.encoding = "gzip";
    assert_false(api_accept_headers(api, &req, 10, &res));
    assert_string_equal(header_of(&res, "Accept-Encoding"), "identity");
    assert_problem(res, STATUS_MEDIA_TYPE, NULL, "identity");
    a.encoding = NULL;
    a.type = "text/plain";
    assert_false(api_accept_headers(api, &req, 10, &res));
    assert_problem(res, STATUS_MEDIA_TYPE, NULL, NULL);
}

/* graphs and the rest */

static void graphs_are_stored_and_survive(void **state)
{
    (void)state;
    char dir[FOLDER_PATH];
    struct api_config config = api_config_default();
    folder_make(dir);
    config.store_dir = dir;
    struct api *other = small_api(config);
    struct ask a = {
        .method = METHOD_POST, .path = "/graphs", .type = "application/json", .body = "{\"output\":\"x * 2.50\"}"};
    struct api_response res = ask_of(other, a);
    assert_int_equal(res.http_status, 201);
    struct datum *root = json_of(res.body, res.body_size);
    char *path = arena_strdup(arena, header_of(&res, "Location"));
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
    res = ask_of(other, (struct ask){.method = METHOD_GET,
                                     .path = "/render",
                                     .query = arena_printf(arena, "graph=%s&width=2&height=1&format=f32", path + 8)});
    assert_ok(&res);
    assert_true(((const float *)res.body)[1] == 1.875f);
    api_response_done(&res);
    res = ask_of(other, a);
    assert_int_equal(res.http_status, 200);
    api_response_done(&res);
    api_free(other);
    folder_remove(dir);
}

static void a_broken_graph_store_costs_only_graphs(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.store_dir = "/proc/no/such/place";
    struct api *other = small_api(config);
    assert_problem(ask_of(other, (struct ask){.method = METHOD_POST,
                                              .path = "/graphs",
                                              .type = "application/json",
                                              .body = "{\"output\":\"x\"}"}),
                   STATUS_STORE, NULL, NULL);
    struct api_response res =
        ask_of(other, (struct ask){.method = METHOD_GET, .path = "/render", .query = "expr=x&width=8"});
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
