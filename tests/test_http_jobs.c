/* labels: http */
/* Jobs and blobs over a socket: long polls that hold no thread, results while items end, large blobs in little memory,
 * a server that ends, and examples/batch.sh. */
#include "tests/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/jobs.h"
#include "tests/support/rss.h"
#include "tests/support/server_child.h"

#define JSON "Content-Type: application/json\r\n"
#define RENDER "{\"kind\":\"render\",\"expr\":\"sin(x*9)*y\",\"width\":32,\"height\":32}"
/* Seconds of work. */
#define LONG "{\"kind\":\"render\",\"expr\":\"fbm2(x*9,y*9)+fbm2(x*8,y*7)\",\"width\":8192,\"height\":8192}"

enum { PATH_SIZE = 128 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MOST_KB = 1 << 20 }; /* what is freed is kept for a while */
#else
enum { MOST_KB = 48 << 10 };
#endif

static struct child begin(void)
{
    return child_start((const char *const[]){"--store", jobs_dir, NULL});
}

static int answered(struct http_client *c, struct http_answer *a)
{
    assert_int_equal(http_client_receive(c, a), 0);
    return a->status;
}

static int ask_for(struct http_client *c, const char *method, const char *path, const char *headers, const char *body,
                   struct http_answer *a)
{
    assert_int_equal(http_client_send(c, method, path, headers, body, body ? strlen(body) : 0), 0);
    return answered(c, a);
}

static void post_job(struct http_client *c, const char *items, char path[PATH_SIZE])
{
    struct http_answer a;
    if (ask_for(c, "POST", "/jobs", JSON, items, &a) != 202)
        fail_msg("%d: %s", a.status, a.body);
    snprintf(path, PATH_SIZE, "%s", http_client_header(c, &a, "Location"));
}

static void a_job_goes_its_way_over_http(void **state)
{
    (void)state;
    struct child c = begin();
    struct http_client *client = child_connect(&c);
    struct http_answer a;
    char path[PATH_SIZE], text[2 * PATH_SIZE];
    post_job(client, "[" RENDER "," RENDER "]", path);
    snprintf(text, sizeof text, "%s?wait=30", path);
    assert_int_equal(ask_for(client, "GET", text, NULL, NULL, &a), 200);
    assert_non_null(strstr(a.body, "\"state\":\"done\""));
    snprintf(text, sizeof text, "%s/results", path);
    assert_int_equal(ask_for(client, "GET", text, NULL, NULL, &a), 200);
    assert_string_equal(http_client_header(client, &a, "Content-Type"), "application/x-ndjson");
    assert_non_null(strstr(a.body, "\"complete\":true"));
    struct http_client *other = child_connect(&c);
    assert_int_equal(http_client_send(other, "HEAD", text, NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive_head(other, &a), 0);
    assert_int_equal(a.status, 200);
    http_client_close(other);
    assert_int_equal(ask_for(client, "DELETE", path, NULL, NULL, &a), 200);
    assert_int_equal(ask_for(client, "GET", "/jobs/nothing", NULL, NULL, &a), 404);
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

/* More of them than there are threads of any kind, and everybody else is served. */
static void those_who_wait_hold_no_thread(void **state)
{
    (void)state;
    enum { WAITING = 40 };
    struct child c = begin();
    struct http_client *client = child_connect(&c), *waiting[WAITING];
    struct http_answer a;
    char path[PATH_SIZE], text[2 * PATH_SIZE];
    post_job(client, "[" LONG "]", path);
    for (int i = 0; i < WAITING; i++) {
        waiting[i] = child_connect(&c);
        snprintf(text, sizeof text, i % 2 ? "%s?wait=50" : "%s/results", path);
        assert_int_equal(http_client_send(waiting[i], "GET", text, NULL, NULL, 0), 0);
    }
    double begun = now_s();
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask_for(client, "POST", "/render", JSON,
                                 "{\"expr\":\"x\",\"width\":512,\"height\":512,\"format\":\"f32\"}", &a),
                         200);
    assert_true(now_s() - begun < 10);
    assert_int_equal(ask_for(client, "DELETE", path, NULL, NULL, &a), 200);
    for (int i = 0; i < WAITING; i++) {
        assert_int_equal(answered(waiting[i], &a), 200);
        assert_non_null(strstr(a.body, "\"state\":\"cancelled\""));
        http_client_close(waiting[i]);
    }
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

static void a_server_that_ends_answers_those_who_wait(void **state)
{
    (void)state;
    struct child c = begin();
    struct http_client *client = child_connect(&c), *hears = child_connect(&c), *waits = child_connect(&c);
    struct http_answer a;
    char path[PATH_SIZE], text[2 * PATH_SIZE];
    post_job(client, "[" RENDER "," LONG "]", path);
    snprintf(text, sizeof text, "%s/results", path);
    assert_int_equal(http_client_send(hears, "GET", text, NULL, NULL, 0), 0);
    snprintf(text, sizeof text, "%s?wait=50", path);
    assert_int_equal(http_client_send(waits, "GET", text, NULL, NULL, 0), 0);
    pause_ms(300);
    double begun = now_s();
    kill(c.pid, SIGTERM);
    assert_int_equal(answered(waits, &a), 200);
    assert_null(strstr(a.body, "\"state\":\"done\""));
    assert_int_equal(answered(hears, &a), 200);
    assert_non_null(strstr(a.body, "\"complete\":false"));
    assert_int_equal(child_stop(&c), 0);
    assert_true(now_s() - begun < 5);
    http_client_close(client);
    http_client_close(hears);
    http_client_close(waits);
    c = begin(); /* and the next one goes on */
    client = child_connect(&c);
    assert_int_equal(ask_for(client, "GET", path, NULL, NULL, &a), 200);
    assert_null(strstr(a.body, "\"state\":\"done\""));
    assert_int_equal(ask_for(client, "DELETE", path, NULL, NULL, &a), 200);
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

static void a_large_blob_takes_little_memory(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, PIECES = 160 };
    static char piece[MIB];
    struct child c = begin();
    struct http_client *client = child_connect(&c);
    struct http_answer a;
    char path[PATH_SIZE], head[200];
    uint64_t seed = 5;
    assert_int_equal(ask_for(client, "POST", "/blobs", NULL, "small", &a), 201);
    long before = rss_kb(c.pid, "VmRSS");
    int n = snprintf(head, sizeof head, "POST /blobs HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", PIECES * MIB);
    assert_int_equal(http_client_raw(client, head, (size_t)n), 0);
    for (int i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < MIB; k += 8)
            *(uint64_t *)(void *)(piece + k) = test_random(&seed);
        assert_int_equal(http_client_raw(client, piece, MIB), 0);
    }
    assert_int_equal(answered(client, &a), 201);
    snprintf(path, sizeof path, "%s", http_client_header(client, &a, "Location"));
    long after = rss_kb(c.pid, "VmHWM");
    print_message("%d MiB stored while the server's memory grew by %.1f MiB\n", PIECES,
                  (double)(after - before) / 1024);
    assert_true(after - before < MOST_KB);
    assert_int_equal(ask_for(client, "GET", path, NULL, NULL, &a), 200);
    assert_int_equal(a.body_size, PIECES * MIB);
    assert_memory_equal(a.body + (PIECES - 1) * (size_t)MIB, piece, MIB);
    after = rss_kb(c.pid, "VmHWM");
    assert_true(after - before < MOST_KB);
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

static void a_batch_goes_with_curl_alone(void **state)
{
    (void)state;
    struct child c = begin();
    char command[300];
    snprintf(command, sizeof command,
             "examples/batch.sh http://127.0.0.1:%d %s/out 24 9 >%s/said && test $(ls %s/out | wc -l) = 34", c.port,
             jobs_dir, jobs_dir, jobs_dir);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "grep -q '^33 items .* 0 failed' %s/said", jobs_dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(child_stop(&c), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define JOB_TEST(f) cmocka_unit_test_setup_teardown(f, jobs_set_up, jobs_tear_down)
    const struct CMUnitTest tests[] = {
        JOB_TEST(a_job_goes_its_way_over_http),
        JOB_TEST(those_who_wait_hold_no_thread),
        JOB_TEST(a_server_that_ends_answers_those_who_wait),
        JOB_TEST(a_large_blob_takes_little_memory),
        JOB_TEST(a_batch_goes_with_curl_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
