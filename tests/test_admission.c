/* labels: http
 * What is let in, what waits and what is refused, over a socket: queues by predicted time and memory, deadlines that
 * cannot be kept, short work beside long, quotas, clients that leave, health beside all of it. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/server_child.h"

enum { LONG_SIDE = 16384 /* a minute and more of the interpreter */, SHORT_SIDE = 64 };

/* A render of side * side points, each of 300 instructions; `who`: the end of the client's address. */
static void send_render(struct http_client *c, int side, int who)
{
    enum { TERMS = 100 };
    char body[8192], headers[128];
    int n = snprintf(body, sizeof body,
                     "{\"width\":%d,\"height\":%d,\"tier\":\"interp\",\"format\":\"f32\",\"expr\":\"0", side, side);
    for (int i = 1; i <= TERMS; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "+abs(x*%d-y*y)", i);
    n += snprintf(body + n, sizeof body - (size_t)n, "\"}");
    snprintf(headers, sizeof headers, "Content-Type: application/json\r\nX-Forwarded-For: 203.0.113.%d\r\n", who);
    assert_int_equal(http_client_send(c, "POST", "/render", headers, body, (size_t)n), 0);
}

static const char *metrics(struct http_client *watch)
{
    struct http_answer a;
    assert_int_equal(http_client_send(watch, "GET", "/metrics", NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive(watch, &a), 0);
    return a.body;
}

static void await_line(struct http_client *watch, const char *line)
{
    double began = now_s();
    while (!strstr(metrics(watch), line)) {
        if (now_s() - began > 5)
            fail_msg("/metrics does not come to say: %s", line);
        pause_ms(5);
    }
}

struct scene {
    struct child server;
    struct http_client *watch, *busy[2];
};

/* Both threads are at long work, of clients 1 and 2. */
static struct scene begin(const char *const *arguments, bool busy)
{
    const char *all[16] = {"--inline-us", "0", "--trusted-proxies", "127.0.0.1", "--stream-above", "1T"};
    for (int i = 6; arguments && *arguments; i++)
        all[i] = *arguments++;
    struct scene s = {.server = child_start(all)};
    s.watch = child_connect(&s.server);
    for (int i = 0; i < 2 && busy; i++) {
        s.busy[i] = child_connect(&s.server);
        send_render(s.busy[i], LONG_SIDE, i + 1);
        await_line(s.watch, i ? "sinter_queue_running 2\n" : "sinter_queue_running 1\n");
    }
    return s;
}

static void end(struct scene *s)
{
    for (int i = 0; i < 2; i++)
        http_client_close(s->busy[i]);
    http_client_close(s->watch);
    assert_int_equal(child_stop(&s->server), 0);
}

/* Until the work of `who` is refused by this limit, or done (NULL); its Retry-After. */
static int ask(struct scene *s, int side, int who, int status, const char *limit)
{
    struct http_client *c = child_connect(&s->server);
    struct http_answer a;
    char text[80];
    send_render(c, side, who);
    assert_int_equal(http_client_receive(c, &a), 0);
    if (a.status != status)
        fail_msg("%d, not %d: %s", a.status, status, a.body);
    snprintf(text, sizeof text, "\"limit\":\"%s\"", limit ? limit : "");
    if (limit && !strstr(a.body, text))
        fail_msg("no %s in %s", text, a.body);
    const char *retry = http_client_header(c, &a, "Retry-After");
    int seconds = retry ? atoi(retry) : 0;
    http_client_close(c);
    return seconds;
}

static void short_work_passes_by_long_work(void **state)
{
    (void)state;
    struct scene s = begin(NULL, true);
    double began = now_s();
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(&s, SHORT_SIDE, 1, 200, NULL), 0);
    assert_true(now_s() - began < 3);
    end(&s);
}

static void who_would_wait_too_long_is_told_when_to_come_back(void **state)
{
    (void)state;
    static const char *const seconds[] = {"--max-queue-seconds", "1", NULL};
    struct scene s = begin(seconds, true);
    double began = now_s();
    int retry_s = ask(&s, LONG_SIDE, 3, 503, "max-queue-seconds");
    assert_true(now_s() - began < 2);
    assert_in_range(retry_s, 2, 3600);
    end(&s);
}

static void a_deadline_that_cannot_be_kept_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const seconds[] = {"--max-queue-seconds", "0", "--max-request-ms", "3000", NULL};
    struct scene s = begin(seconds, true);
    double began = now_s();
    int retry_s = ask(&s, LONG_SIDE / 8, 3, 503, "max-request-ms");
    assert_true(now_s() - began < 2);
    assert_in_range(retry_s, 1, 3600);
    end(&s);
}

static void a_full_queue_makes_room_for_who_has_nothing_in_it(void **state)
{
    (void)state;
    enum { WAITING = 4 };
    static const char *const few[] = {"--max-queue", "4", "--max-queue-seconds", "0", "--max-request-ms",
                                      "3600000",     NULL};
    struct scene s = begin(few, true);
    struct http_client *greedy[WAITING];
    struct http_answer a;
    for (int i = 0; i < WAITING - 1; i++) { /* the fourth place is for short work */
        char line[64];
        greedy[i] = child_connect(&s.server);
        send_render(greedy[i], LONG_SIDE / 4, 3);
        snprintf(line, sizeof line, "sinter_queue_waiting %d\n", i + 1);
        await_line(s.watch, line);
    }
    ask(&s, LONG_SIDE / 4, 3, 503, "max-queue");
    greedy[WAITING - 1] = child_connect(&s.server);
    send_render(greedy[WAITING - 1], LONG_SIDE / 4, 4);
    assert_int_equal(http_client_receive(greedy[WAITING - 2], &a), 0); /* the one that came last */
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.body, "\"limit\":\"max-queue\""));
    assert_non_null(http_client_header(greedy[WAITING - 2], &a, "Retry-After"));
    await_line(s.watch, "sinter_queue_given_up_total{why=\"pushed\"} 1\n");
    for (int i = 0; i < WAITING; i++)
        http_client_close(greedy[i]);
    await_line(s.watch, "sinter_queue_given_up_total{why=\"gone\"} 3\n"); /* while both threads are still at work */
    await_line(s.watch, "sinter_queue_running 2\n");
    await_line(s.watch, "sinter_queue_waiting 0\n");
    end(&s);
}

static void work_that_never_fits_is_a_mistake_of_the_request(void **state)
{
    (void)state;
    static const char *const little[] = {"--max-work-bytes", "16M", NULL};
    struct scene s = begin(little, false);
    assert_int_equal(ask(&s, 2500, 3, 422, "max-work-bytes"), 0);
    assert_int_equal(ask(&s, SHORT_SIDE, 3, 200, NULL), 0);
    await_line(s.watch, "sinter_work_bytes 0\n");
    end(&s);
}

static void a_quota_of_work_is_one_clients_own(void **state)
{
    (void)state;
    static const char *const quota[] = {"--quota-seconds", "0.001", "--quota-burst", "1", NULL};
    struct scene s = begin(quota, true); /* more than can be saved up: they have it all */
    int retry_s = ask(&s, SHORT_SIDE, 1, 429, "quota-seconds");
    assert_in_range(retry_s, 2, 3600);
    assert_int_equal(ask(&s, SHORT_SIDE, 3, 200, NULL), 0);
    struct http_answer a;
    assert_int_equal(http_client_send(s.watch, "GET", "/livez", "X-Forwarded-For: 203.0.113.1\r\n", NULL, 0), 0);
    assert_int_equal(http_client_receive(s.watch, &a), 0);
    assert_int_equal(a.status, 200);
    static const char *const tending[] = {"GET",
                                          "DELETE"}; /* a job that has brought them there can be seen and ended */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(http_client_send(s.watch, tending[i], "/jobs/x", "X-Forwarded-For: 203.0.113.1\r\n", NULL, 0),
                         0);
        assert_int_equal(http_client_receive(s.watch, &a), 0);
        assert_int_equal(a.status, 404);
    }
    end(&s);
}

static void a_quota_of_requests_comes_back_with_time(void **state)
{
    (void)state;
    static const char *const quota[] = {"--quota-requests", "10", "--quota-request-burst", "3", NULL};
    struct scene s = begin(quota, false);
    int done = 0, refused = 0;
    for (int i = 0; i < 8 && !refused; i++) {
        struct http_client *c = child_connect(&s.server);
        struct http_answer a;
        send_render(c, SHORT_SIDE, 1);
        assert_int_equal(http_client_receive(c, &a), 0);
        done += a.status == 200;
        refused += a.status == 429;
        if (a.status == 429) {
            assert_non_null(strstr(a.body, "\"limit\":\"quota-requests\""));
            assert_string_equal(http_client_header(c, &a, "Retry-After"), "1");
        }
        http_client_close(c);
    }
    assert_true(done >= 3);
    assert_int_equal(refused, 1);
    pause_ms(150);
    assert_int_equal(ask(&s, SHORT_SIDE, 1, 200, NULL), 0);
    for (int i = 0; i < 20; i++) /* health is free */
        metrics(s.watch);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_work_passes_by_long_work),
        cmocka_unit_test(who_would_wait_too_long_is_told_when_to_come_back),
        cmocka_unit_test(a_deadline_that_cannot_be_kept_is_refused_at_once),
        cmocka_unit_test(a_full_queue_makes_room_for_who_has_nothing_in_it),
        cmocka_unit_test(work_that_never_fits_is_a_mistake_of_the_request),
        cmocka_unit_test(a_quota_of_work_is_one_clients_own),
        cmocka_unit_test(a_quota_of_requests_comes_back_with_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
