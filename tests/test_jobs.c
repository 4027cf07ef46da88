/* labels: api */
/* Jobs without a socket: taken whole or not at all, run by the routes' code, kept over a restart. */
#include "tests/support/jobs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/access/client.h"
#include "tests/support/server_child.h"

/* Long enough to be met at work, and short enough to be done again. */
#define MEDIUM "{\"kind\":\"render\",\"expr\":\"fbm2(x*9,y*9)+fbm2(x*8,y*7)\",\"width\":2048,\"height\":2048"

/* taking */

static void results_are_the_routes_answers(void **state)
{
    (void)state;
    size_t n, size;
    struct api *of = jobs_api(api_config_default(), true);
    const char *path = job_post(of, "[" JOB_RENDER "}," JOB_TONE
                                    ",\"id\":\"tone\"},{\"kind\":\"render\",\"expr\":\"sine(3)\"}," JOB_RENDER
                                    ",\"id\":\"raw\",\"format\":\"f32\"}]");
    struct datum *job = job_wait(of, path);
    assert_string_equal(text_of(job, "state"), "done");
    assert_true(number_of(job, "items") == 4 && number_of(job, "done") == 3 && number_of(job, "failed") == 1);
    assert_true(number_of(job, "progress") == 1);
    struct datum **lines = job_results(of, path, NULL, &n);
    assert_int_equal(n, 5);
    for (size_t i = 0; i < 4; i++)
        assert_true(number_of(lines[i], "order") == (double)i + 1);
    static const char *const ids[] = {"0", "tone", "raw"};
    static const char *const routes[] = {"/render", "/process", "/render"};
    static const char *const bodies[] = {"{\"expr\":\"sin(x*9)*y\",\"width\":33,\"height\":17}",
                                         "{\"expr\":\"sine(440)\",\"rate\":8000,\"seconds\":0.1}",
                                         "{\"expr\":\"sin(x*9)*y\",\"width\":33,\"height\":17,\"format\":\"f32\"}"};
    for (size_t i = 0; i < 3; i++) {
        const struct datum *line = result_of(lines, n, ids[i]);
        struct api_response res = post(routes[i], bodies[i]);
        assert_ok(&res);
        assert_true(number_of(line, "status") == 200);
        assert_string_equal(text_of(line, "content_type"), header_of(&res, "Content-Type"));
        assert_string_equal(text_of(datum_get(line, "headers"), "ETag"), header_of(&res, "ETag"));
        char *bytes = result_bytes(line, &size);
        assert_int_equal(size, res.body_size);
        assert_memory_equal(bytes, res.body, size);
        api_response_done(&res);
    }
    const struct datum *failed = result_of(lines, n, "2");
    assert_true(number_of(failed, "status") == 422);
    assert_string_equal(text_of(datum_get(failed, "body"), "type"), "/errors/bad-graph");
    assert_true(datum_get(lines[4], "complete")->truth);
    assert_true(number_of(lines[4], "after") == 4);
    api_free(of);
}

static void lines_are_a_job_too(void **state)
{
    (void)state;
    size_t n;
    struct api *of = jobs_api(api_config_default(), true);
    const char *path = job_post(of, JOB_RENDER "}\n\n" JOB_RENDER ",\"id\":\"b\"}\r\n");
    assert_true(number_of(job_wait(of, path), "done") == 2);
    job_results(of, path, "format=ndjson", &n);
    assert_int_equal(n, 3);
    api_free(of);
}

static void every_wrong_item_is_named_and_nothing_is_taken(void **state)
{
    (void)state;
    struct api *of = jobs_api(api_config_default(), false);
    struct api_stats stats;
    static const struct {
        const char *item, *pointer, *said;
    } wrong[] = {
        {"{\"kind\":\"rendre\",\"expr\":\"x\"}", "/kind", "render"},
        {"{\"expr\":\"x\"}", "/kind", "process"},
        {JOB_RENDER ",\"widht\":3}", "/widht", "did you mean width"},
        {JOB_RENDER ",\"id\":\"../x\"}", "/id", "letters"},
        {JOB_RENDER ",\"width\":99999999}", NULL, "key"},
        {"{\"kind\":\"render\",\"expr\":\"x\",\"width\":99999999}", "/width", "max-width"},
        {"{\"kind\":\"render\",\"expr\":\"sin(\"}", "/expr", "expected"},
        {"{\"kind\":\"render\",\"graph\":{\"nodes\":{\"n\":{\"op\":\"sin3\"}},\"output\":\"n\"}}", "/graph/nodes/n/op",
         "sin3"},
        {"{\"kind\":\"render\",\"graph\":" FIELD_GRAPH ",\"params\":{\"k\":10}}", "/params/k", "0 .. 9"},
        {"{\"kind\":\"render\",\"graph\":" FIELD_GRAPH ",\"params\":{\"q\":1}}", "/params/q", "no parameter"},
        {"{\"kind\":\"render\",\"graph_id\":\"0123456789012345678901234567890123456789\"}", "/graph_id", "no graph"},
        {JOB_RENDER ",\"audio\":\"/blobs/1\"}", "/audio", "no audio"},
        {"{\"kind\":\"process\",\"expr\":\"in\",\"audio\":\"/blobs/1\"}", "/audio", "64 digits"},
        {"{\"kind\":\"process\",\"expr\":\"in\",\"audio\":\"/blobs/"
         "0123456789012345678901234567890123456789012345678901234567890123\"}",
         "/audio", "POST /blobs"},
        {JOB_RENDER ",\"files\":{\"audio\":\"/blobs/1\"}}", "/files/audio", "name"},
        {"{\"kind\":\"process\",\"expr\":\"sine(3)\",\"rate\":8000}", "/seconds", "audio"},
        {"{\"kind\":\"process\",\"expr\":\"sine(3)\",\"rate\":8000,\"seconds\":-1}", "/seconds", "negative"},
        {"[]", "", "object"},
        {"{\"kind\":\"render\",}", "", "line 1"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct api_response res = job_ask(of, arena_printf(arena, "[" JOB_RENDER "},%s]", wrong[i].item), NULL);
        const char *text = body_of(&res);
        assert_true(res.http_status == 422 || res.http_status == 400);
        if (wrong[i].pointer && !strstr(text, arena_printf(arena, "\"pointer\":\"/1%s\"", wrong[i].pointer)))
            fail_msg("no pointer /1%s in %s", wrong[i].pointer, text);
        if (!strstr(text, wrong[i].said))
            fail_msg("no \"%s\" in %s", wrong[i].said, text);
        api_response_done(&res);
    }
    struct api_response res =
        job_ask(of, "[{\"kind\":\"x\"}," JOB_RENDER "},{\"kind\":\"render\",\"expr\":\"q\",\"z\":\"\"}]", NULL);
    assert_non_null(strstr(body_of(&res), "/0/kind"));
    assert_non_null(strstr(body_of(&res), "/2/z"));
    api_response_done(&res);
    assert_problem(job_ask(of, "[" JOB_RENDER ",\"id\":\"a\"}," JOB_RENDER "}," JOB_RENDER ",\"id\":\"a\"}]", NULL),
                   STATUS_BAD_FIELD, "/2/id", "0 and 2");
    assert_problem(job_ask(of, "[" JOB_RENDER ",\"id\":\"1\"}," JOB_RENDER "}]", NULL), STATUS_BAD_FIELD, "/0/id",
                   "called 1");
    api_stats(of, &stats);
    assert_int_equal(stats.data.jobs, 0);
    api_free(of);
}

static void a_list_that_is_none_is_refused(void **state)
{
    (void)state;
    struct api *of = jobs_api(api_config_default(), false);
    static const char *const broken[] = {"[",
                                         "[" JOB_RENDER "}",
                                         "[" JOB_RENDER "}}",
                                         "[" JOB_RENDER "}] x",
                                         "[" JOB_RENDER "},]",
                                         "[," JOB_RENDER "}]",
                                         "[" JOB_RENDER "} " JOB_RENDER "}]",
                                         "[\"",
                                         "[{\"a\":\"]\"",
                                         "[[[["};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct api_response res = job_ask(of, broken[i], NULL);
        if (res.http_status != 400 && res.http_status != 422)
            fail_msg("%s: %d", broken[i], res.http_status);
        api_response_done(&res);
    }
    assert_problem(job_ask(of, "[]", NULL), STATUS_BAD_FIELD, "", "no items");
    assert_problem(job_ask(of, "\n\n", NULL), STATUS_BAD_FIELD, "", "no items");
    assert_problem(
        ask_of(
            of,
            (struct ask){.method = METHOD_POST, .path = "/jobs", .type = "application/json", .body = JOB_RENDER "}"}),
        STATUS_BAD_JSON, "", "array");
    assert_problem(job_ask(of, JOB_RENDER "} {}\n", NULL), STATUS_BAD_JSON, "/0", NULL);
    api_free(of);
}

static void limits_name_themselves(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_job_items = 2;
    config.max_job_bytes = 400;
    config.data.max_jobs = 1;
    config.max_wait_s = 5;
    struct api *of = jobs_api(config, false);
    assert_limit(job_ask(of, "[" JOB_RENDER "}," JOB_RENDER "}," JOB_RENDER "}]", NULL), "max-job-items", "/2");
    struct api_response res = job_ask(of, arena_printf(arena, "[%400s]", ""), NULL);
    assert_string_equal(res.limit, "max-job-bytes");
    assert_problem(res, STATUS_TOO_LARGE, "", "max-job-bytes");
    const char *path = job_post(of, "[" JOB_RENDER "}]");
    res = job_ask(of, "[" JOB_TONE "}]", NULL);
    assert_int_equal(res.http_status, 503);
    assert_string_equal(res.limit, "max-jobs");
    assert_string_not_equal(header_of(&res, "Retry-After"), "");
    api_response_done(&res);
    assert_limit(job_get(of, path, "wait=6"), "max-wait-s", "/wait");
    assert_problem(job_get(of, path, "wait=-1"), STATUS_BAD_FIELD, "/wait", NULL);
    assert_problem(job_get(of, path, "wait_for=nothing"), STATUS_BAD_FIELD, "/wait_for", NULL);
    assert_problem(job_get(of, arena_printf(arena, "%s/results", path), "format=zip"), STATUS_BAD_FIELD, "/format",
                   "tar");
    assert_problem(job_get(of, arena_printf(arena, "%s/results", path), NULL), STATUS_NOT_IMPLEMENTED, "", "HTTP/1.0");
    api_free(of);
}

/* Idempotency-Key */

static void the_same_key_is_the_same_job(void **state)
{
    (void)state;
    struct api *of = jobs_api(api_config_default(), false);
    struct api_response first = job_ask(of, "[" JOB_RENDER "}]", "k1"), again = job_ask(of, "[" JOB_RENDER "}]", "k1"),
                        other = job_ask(of, "[" JOB_RENDER "}]", "k2");
    assert_int_equal(first.http_status, 202);
    assert_int_equal(again.http_status, 202);
    assert_string_equal(header_of(&first, "Location"), header_of(&again, "Location"));
    assert_string_not_equal(header_of(&first, "Location"), header_of(&other, "Location"));
    assert_problem(job_ask(of, "[" JOB_TONE "}]", "k1"), STATUS_KEY_REUSED, "", "Idempotency-Key");
    assert_problem(job_ask(of, "[" JOB_TONE "}]", "a b"), STATUS_BAD_FIELD, "", "printable");
    api_free(of);
    of = jobs_api(api_config_default(), false); /* and after a restart */
    api_response_done(&again);
    again = job_ask(of, "[" JOB_RENDER "}]", "k1");
    assert_string_equal(header_of(&first, "Location"), header_of(&again, "Location"));
    api_response_done(&first);
    api_response_done(&again);
    api_response_done(&other);
    api_free(of);
}

enum { RACERS = 6, RACE_ITEMS = 300 };

struct race {
    struct api *of;
    const char *json;
    char location[RACERS][80];
    int status[RACERS];
    atomic_int next;
};

static void *race(void *user)
{
    struct race *r = user;
    int i = atomic_fetch_add(&r->next, 1);
    struct api_response res = job_ask(r->of, r->json, "same");
    r->status[i] = res.http_status;
    snprintf(r->location[i], sizeof r->location[i], "%s", header_of(&res, "Location"));
    if (res.http_status == 409 && !strcmp(header_of(&res, "Retry-After"), ""))
        r->status[i] = 0;
    api_response_done(&res);
    return NULL;
}

static void one_key_at_once_from_many_makes_one_job(void **state)
{
    (void)state;
    struct race r = {.of = jobs_api(api_config_default(), false)};
    struct api_stats stats;
    pthread_t threads[RACERS];
    char *json = arena_alloc(arena, RACE_ITEMS * 100), *at = json;
    for (int i = 0; i < RACE_ITEMS; i++)
        at += sprintf(at, JOB_RENDER "}\n");
    r.json = json;
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &r), 0);
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    const char *taken = NULL;
    for (int i = 0; i < RACERS; i++) {
        assert_true(r.status[i] == 202 || r.status[i] == 409);
        if (r.status[i] == 202 && taken)
            assert_string_equal(r.location[i], taken);
        else if (r.status[i] == 202)
            taken = r.location[i];
    }
    assert_non_null(taken);
    api_stats(r.of, &stats);
    assert_int_equal(stats.data.jobs, 1);
    api_free(r.of);
}

/* who may see what */

static void others_do_not_see_a_job(void **state)
{
    (void)state;
    struct api *of = jobs_api(api_config_default(), false);
    const char *path = job_post(of, "[" JOB_RENDER "}]"), *results = arena_printf(arena, "%s/results", path);
    struct ask a = {.method = METHOD_GET, .path = path, .peer = "192.0.2.1"};
    assert_problem(job_get(of, "/jobs/nothing", NULL), STATUS_NOT_FOUND, "", "no job");
    const struct client stranger = {.id = "key:stranger", .roles = ROLES_WORK},
                        admin = {.id = "key:a", .roles = ROLES_ALL};
    struct api_request req = request_of(&a);
    struct api_response res;
    req.client = &stranger;
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    assert_problem(res, STATUS_NOT_FOUND, "", "no job");
    req.path = results;
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    assert_problem(res, STATUS_NOT_FOUND, "", "no job");
    req.path = path;
    req.client = &admin;
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    assert_ok(&res);
    api_response_done(&res);
    api_free(of);
}

/* running */

static void a_cancelled_job_ends_and_keeps_what_it_has(void **state)
{
    (void)state;
    size_t n;
    struct api *of = jobs_api(api_config_default(), true);
    const char *path = job_post(of, "[" JOB_RENDER "}," JOB_LONG "}," JOB_LONG ",\"seed\":1}]");
    while (number_of(job_read(of, path), "done") < 1 || number_of(job_read(of, path), "running") < 1)
        pause_ms(2);
    struct api_response res = job_cancel(of, path);
    assert_ok(&res);
    api_response_done(&res);
    struct datum *job = job_wait(of, path);
    assert_string_equal(text_of(job, "state"), "cancelled");
    assert_true(number_of(job, "done") == 1 && number_of(job, "cancelled") == 2);
    res = job_cancel(of, path);
    assert_ok(&res);
    api_response_done(&res);
    struct datum **lines = job_results(of, path, NULL, &n);
    assert_int_equal(n, 2);
    assert_true(datum_get(lines[1], "complete")->truth);
    assert_string_equal(text_of(lines[1], "state"), "cancelled");
    api_free(of);
}

static void an_item_has_a_deadline_of_its_own_and_the_job_goes_on(void **state)
{
    (void)state;
    size_t n;
    struct api_config config = api_config_default();
    config.max_item_ms = 40;
    struct api *of = jobs_api(config, true);
    const char *path = job_post(of, "[" JOB_LONG "}," JOB_RENDER "}]");
    struct datum *job = job_wait(of, path);
    assert_true(number_of(job, "done") == 1 && number_of(job, "failed") == 1);
    struct datum **lines = job_results(of, path, NULL, &n);
    const struct datum *late = datum_get(result_of(lines, n, "0"), "body");
    assert_string_equal(text_of(late, "type"), "/errors/deadline");
    assert_non_null(strstr(text_of(late, "detail"), "max-item-ms"));
    assert_string_equal(text_of(late, "limit"), "max-item-ms");
    api_free(of);
}

#define DEAR "{\"kind\":\"render\",\"expr\":\"fbm2(x*9,y*9,octaves=8)\",\"width\":512,\"height\":512}"
/* Some milliseconds also for compiled code, which may come while it runs. */
#define DEARER "{\"kind\":\"render\",\"expr\":\"fbm2(x*9,y*9,octaves=8)\",\"width\":1024,\"height\":1024}"
#define CHEAP "{\"kind\":\"render\",\"expr\":\"x*y\",\"width\":4,\"height\":4}"

static const char *post_from(struct api *of, const char *peer, const char *json)
{
    struct ask a = {.method = METHOD_POST, .path = "/jobs", .type = "application/json", .body = json, .peer = peer};
    struct api_response res = ask_of(of, a);
    if (res.http_status != 202)
        fail_msg("%d: %s", res.http_status, body_of(&res));
    const char *path = arena_strdup(arena, header_of(&res, "Location"));
    api_response_done(&res);
    return path;
}

static struct datum *stand_of(struct api *of, const char *peer, const char *path)
{
    struct api_response res = ask_of(of, (struct ask){.method = METHOD_GET, .path = path, .peer = peer});
    assert_int_equal(res.http_status, 200);
    struct datum *job = json_of(res.body, res.body_size);
    api_response_done(&res);
    return job;
}

/* Polls until so many items of the job have ended well. */
static void await_done(struct api *of, const char *peer, const char *path, double done)
{
    enum { MOST_MS = 120000, POLL_MS = 20 };
    int waited = 0;
    while (number_of(stand_of(of, peer, path), "done") < done) {
        pause_ms(POLL_MS);
        waited += POLL_MS;
        if (waited > MOST_MS)
            fail_msg("%s stands still", path);
    }
}

static void items_of_a_client_in_debt_wait_and_others_go_on(void **state)
{
    (void)state;
    static const char debtor[] = "203.0.113.1", other[] = "203.0.113.2";
    struct api_config config = api_config_default();
    config.quota = (struct quota_limits){.seconds = 1e-5, .burst_s = 0.003, .burst_requests = 100};
    struct api *of = jobs_api(config, true);
    const char *path = post_from(of, debtor, "[" DEARER "," DEARER "," DEARER "]");
    await_done(of, debtor, path, 1); /* what it may save up is not enough for one: that is a debt of minutes */
    const char *others = post_from(of, other, "[" CHEAP "," CHEAP "," CHEAP "]");
    await_done(of, other, others, 3);
    pause_ms(700); /* the threads have looked at the debtor's items twice */
    struct datum *job = stand_of(of, debtor, path);
    assert_true(number_of(job, "done") == 1);
    assert_true(number_of(job, "failed") == 0);
    assert_true(number_of(job, "queued") + number_of(job, "running") == 2);
    struct api_response res = ask_of(of, (struct ask){.method = METHOD_DELETE, .path = path, .peer = debtor});
    assert_int_equal(res.http_status, 200); /* who is in debt may end what costs */
    api_response_done(&res);
    api_free(of);
}

static void items_go_on_when_there_is_quota_again(void **state)
{
    (void)state;
    static const char debtor[] = "203.0.113.1";
    struct api_config config = api_config_default();
    config.quota = (struct quota_limits){.seconds = 0.3, .burst_s = 0.02, .burst_requests = 100};
    struct api *of = jobs_api(config, true);
    const char *path = post_from(of, debtor, "[" DEAR "," DEAR "," DEAR "]");
    await_done(of, debtor, path, 3);
    api_free(of);
}

static void a_job_outlives_its_server(void **state)
{
    (void)state;
    size_t n;
    struct api *of = jobs_api(api_config_default(), true);
    const char *path = job_post(of, "[" JOB_RENDER "}," MEDIUM "}," MEDIUM "}," MEDIUM "}," MEDIUM "}," JOB_TONE "}]");
    while (number_of(job_read(of, path), "running") < 1 || number_of(job_read(of, path), "done") < 1)
        pause_ms(2);
    api_drain(of);
    api_free(of); /* in the middle of an item */
    of = jobs_api(api_config_default(), false);
    struct datum *job = job_read(of, path);
    assert_true(number_of(job, "queued") >= 1 && number_of(job, "done") + number_of(job, "queued") == 6);
    struct fault fault;
    fault_init(&fault, arena);
    assert_int_equal(api_run_jobs(of, &fault), STATUS_OK);
    job = job_wait(of, path);
    assert_true(number_of(job, "done") == 6);
    job_results(of, path, "after=1", &n);
    assert_int_equal(n, 6);
    api_free(of);
}

int main(void)
{
#define JOB_TEST(f) cmocka_unit_test_setup_teardown(f, jobs_set_up, jobs_tear_down)
    const struct CMUnitTest tests[] = {
        JOB_TEST(results_are_the_routes_answers),
        JOB_TEST(lines_are_a_job_too),
        JOB_TEST(every_wrong_item_is_named_and_nothing_is_taken),
        JOB_TEST(a_list_that_is_none_is_refused),
        JOB_TEST(limits_name_themselves),
        JOB_TEST(the_same_key_is_the_same_job),
        JOB_TEST(one_key_at_once_from_many_makes_one_job),
        JOB_TEST(others_do_not_see_a_job),
        JOB_TEST(a_cancelled_job_ends_and_keeps_what_it_has),
        JOB_TEST(an_item_has_a_deadline_of_its_own_and_the_job_goes_on),
        JOB_TEST(items_of_a_client_in_debt_wait_and_others_go_on),
        JOB_TEST(items_go_on_when_there_is_quota_again),
        JOB_TEST(a_job_outlives_its_server),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
