/* labels: api */
/* Results of jobs without a socket: waited for, heard while they come, packed, gone. */
#include "tests/support/jobs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/server_child.h"

static void a_long_poll_waits_for_the_end_or_its_time(void **state)
{
    (void)state;
    struct api *of = jobs_api(api_config_default(), false);
    const char *path = job_post(of, "[" JOB_RENDER "}]");
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    struct heard h = hear_get(of, path, "wait=0.3");
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double took = (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) * 1e-9;
    assert_true(took >= 0.3 && took < 5);
    assert_string_equal(text_of(json_of(h.text, h.n), "state"), "queued");
    struct fault fault;
    fault_init(&fault, arena);
    assert_int_equal(api_run_jobs(of, &fault), STATUS_OK);
    h = hear_get(of, path, "wait=60");
    assert_string_equal(text_of(json_of(h.text, h.n), "state"), "done");
    path = job_post(of, "[" JOB_RENDER "}," JOB_LONG "}]");
    h = hear_get(of, path, "wait=60&wait_for=progress");
    assert_string_equal(text_of(json_of(h.text, h.n), "state"), "running");
    struct api_response res = job_cancel(of, path);
    api_response_done(&res);
    api_free(of);
}

struct hearing {
    struct api *of;
    const char *path;
    struct heard heard;
};

/* With no arena of its own: the other thread waits meanwhile. */
static void *hear_results(void *user)
{
    struct hearing *h = user;
    h->heard = hear_get(h->of, h->path, "format=ndjson");
    return NULL;
}

static void results_end_with_the_server_and_say_so(void **state)
{
    (void)state;
    struct api *of = jobs_api(api_config_default(), false);
    const char *path = job_post(of, "[" JOB_RENDER "}]");
    struct hearing h = {.of = of, .path = arena_printf(arena, "%s/results", path)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hear_results, &h), 0);
    pause_ms(100);
    api_drain(of);
    pthread_join(thread, NULL);
    assert_int_equal(h.heard.supply, API_SUPPLY_END);
    struct datum *end = json_of(h.heard.text, h.heard.n);
    assert_true(datum_get(end, "end")->truth);
    assert_false(datum_get(end, "complete")->truth);
    api_free(of);
}

static void a_client_that_has_left_is_noticed(void **state)
{
    (void)state;
    struct api *of = jobs_api(api_config_default(), false);
    const char *path = arena_printf(arena, "%s/results", job_post(of, "[" JOB_RENDER "}]"));
    struct ask a = {.method = METHOD_GET, .path = path};
    struct api_request req = request_of(&a);
    struct api_response res;
    size_t n;
    req.takes_stream = true;
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    assert_int_equal(api_stream_take(res.stream, &n, sizeof n, &n), API_SUPPLY_MORE);
    assert_false(api_stream_wants(res.stream)); /* it is idle */
    a.gone = true;
    for (int i = 0; i < 600 && !api_stream_wants(res.stream); i++)
        pause_ms(10);
    api_stream_work(res.stream);
    assert_int_equal(api_stream_take(res.stream, &n, sizeof n, &n), API_SUPPLY_BROKEN);
    api_response_done(&res);
    api_free(of);
}

static void a_tar_holds_a_file_a_result_and_the_job(void **state)
{
    (void)state;
    char command[256], line[200], names[400] = "";
    struct api *of = jobs_api(api_config_default(), true);
    const char *path = job_post(of, "[" JOB_RENDER "}," JOB_TONE
                                    ",\"id\":\"tone\"},{\"kind\":\"render\",\"expr\":\"sine(3)\"}," JOB_RENDER
                                    ",\"id\":\"raw\",\"format\":\"f32\"}]");
    struct heard h = hear_get(of, arena_printf(arena, "%s/results", path), "format=tar");
    assert_int_equal(h.supply, API_SUPPLY_END);
    assert_int_equal(h.n % 512, 0);
    snprintf(command, sizeof command, "%s/r.tar", jobs_dir);
    FILE *f = fopen(command, "w");
    assert_int_equal(fwrite(h.text, 1, h.n, f), h.n);
    fclose(f);
    snprintf(command, sizeof command, "tar tf %s/r.tar | sort", jobs_dir);
    f = popen(command, "r");
    while (fgets(line, sizeof line, f))
        strcat(names, line);
    assert_int_equal(pclose(f), 0);
    assert_string_equal(names, "0.png\n2.problem.json\njob.json\nraw.f32\ntone.wav\n");
    api_free(of);
}

static void a_head_says_what_a_get_would(void **state)
{
    (void)state;
    struct api *of = jobs_api(api_config_default(), true);
    const char *path = job_post(of, "[" JOB_RENDER "}]"), *results = arena_printf(arena, "%s/results", path);
    job_wait(of, path);
    struct ask a = {.method = METHOD_HEAD, .path = results};
    struct api_request req = request_of(&a);
    struct api_response res;
    req.takes_stream = true;
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Content-Type"), "application/x-ndjson");
    api_response_done(&res);
    api_free(of);
}

static void results_that_are_gone_are_410(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.data.result_age_s = 3; /* as long again, and the job is forgotten; it is looked at once a second */
    struct api *of = jobs_api(config, true);
    const char *path = job_post(of, "[" JOB_RENDER "}]"), *results = arena_printf(arena, "%s/results", path);
    struct heard h = {0};
    for (int i = 0; i < 100 && h.status != 410; i++) {
        pause_ms(100);
        h = hear_of(of, (struct ask){.method = METHOD_GET, .path = results}, 10);
    }
    assert_int_equal(h.status, 410);
    assert_non_null(strstr(h.text, "result-age"));
    api_free(of);
}

int main(void)
{
#define JOB_TEST(f) cmocka_unit_test_setup_teardown(f, jobs_set_up, jobs_tear_down)
    const struct CMUnitTest tests[] = {
        JOB_TEST(a_long_poll_waits_for_the_end_or_its_time),
        JOB_TEST(results_end_with_the_server_and_say_so),
        JOB_TEST(a_client_that_has_left_is_noticed),
        JOB_TEST(a_tar_holds_a_file_a_result_and_the_job),
        JOB_TEST(a_head_says_what_a_get_would),
        JOB_TEST(results_that_are_gone_are_410),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
