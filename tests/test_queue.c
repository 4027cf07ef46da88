/* labels: api
 * Works that wait: whose turn it is, what there is room for, who makes room, what is predicted. */
#include "tests/support.h"

#include <math.h>
#include <stdlib.h>

#include "api/load/queue.h"

static const struct queue_load two_threads = {.now_ms = 1000, .threads = 2};

static void unused(void *user)
{
    (void)user;
}

static void unused_late(void *user, const char *limit)
{
    (void)user;
    (void)limit;
}

static bool says_yes(void *user)
{
    return user != NULL;
}

static const struct queued *put_work(struct queue *q, struct pool_work work, const char *expected, struct queued **ret)
{
    struct queued *item = calloc(1, sizeof *item), *out;
    const char *limit, *out_limit;
    work.run = unused;
    work.late = unused_late;
    item->work = work;
    limit = queue_put(q, item, &two_threads, &out, &out_limit);
    if (expected)
        assert_string_equal(limit, expected);
    else
        assert_null(limit);
    if (limit)
        free(item);
    if (ret)
        *ret = out;
    else
        assert_null(out);
    return limit ? NULL : item;
}

static const struct queued *put(struct queue *q, const char *client, double cost_s, const char *expected)
{
    return put_work(q, (struct pool_work){.class = POOL_INTERACTIVE, .client = client, .cost_s = cost_s}, expected,
                    NULL);
}

static double take(struct queue *q, bool short_only)
{
    struct queued *w = queue_take(q, short_only);
    double cost_s = w ? w->work.cost_s : -1;
    free(w);
    return cost_s;
}

static void empty(struct queue *q)
{
    while (take(q, false) >= 0) {
    }
    assert_int_equal(q->n, 0);
    assert_int_equal(q->n_lines, 0);
    assert_int_equal(q->bytes, 0);
    queue_done(q);
}

static void one_client_is_served_in_order(void **state)
{
    (void)state;
    struct queue q = {0};
    for (int i = 1; i <= 5; i++)
        put(&q, "a", i, NULL);
    for (int i = 1; i <= 5; i++)
        assert_true(take(&q, false) == i);
    empty(&q);
}

static void a_backlog_of_one_keeps_nobody_else_waiting(void **state)
{
    (void)state;
    struct queue q = {0};
    for (int i = 0; i < 100; i++)
        put(&q, "greedy", 1, NULL);
    assert_true(take(&q, false) == 1);
    put(&q, "modest", 2, NULL);
    put(&q, "late", 3, NULL);
    double next_three = take(&q, false) + take(&q, false) + take(&q, false);
    assert_true(next_three == 1 + 2 + 3);
    empty(&q);
}

static void turns_are_shared_by_seconds_not_by_works(void **state)
{
    (void)state;
    struct queue q = {0};
    for (int i = 0; i < 40; i++) {
        put(&q, "long", 4, NULL);
        put(&q, "short", 1, NULL);
    }
    double seconds[2] = {0};
    for (int i = 0; i < 40; i++) {
        double cost_s = take(&q, false);
        seconds[cost_s == 4] += cost_s;
    }
    assert_true(fabs(seconds[0] - seconds[1]) <= 4);
    empty(&q);
}

static void a_thread_for_short_works_takes_no_others(void **state)
{
    (void)state;
    struct queue q = {0};
    put(&q, "a", 1, NULL);
    put(&q, "a", QUEUE_SHORT_S, NULL);
    put(&q, "b", 2, NULL);
    assert_true(take(&q, true) == QUEUE_SHORT_S);
    assert_true(take(&q, true) == -1);
    empty(&q);
}

static void a_full_queue_takes_from_the_longest_line(void **state)
{
    (void)state;
    struct queue q = {.limits.works = 8};
    struct queued *out;
    for (int i = 0; i < 6; i++)
        put(&q, "greedy", 1 + i, NULL);
    put(&q, "greedy", 9, "max-queue"); /* the rest is for short ones */
    put_work(&q, (struct pool_work){.class = POOL_INTERACTIVE, .client = "modest", .cost_s = 1}, NULL, &out);
    assert_non_null(out);
    assert_null(out->next);
    assert_true(out->work.cost_s == 6); /* the last that came */
    free(out);
    put(&q, "greedy", 0, NULL);
    put(&q, "greedy", 0, NULL);
    put(&q, "greedy", 0, "max-queue");
    put_work(&q, (struct pool_work){.class = POOL_CONTINUE, .client = "greedy"}, NULL, NULL);
    empty(&q);
}

static void memory_that_waits_and_runs_is_bounded(void **state)
{
    (void)state;
    struct queue q = {.limits.bytes = 100};
    struct queued *out;
    const struct pool_work sixty = {.class = POOL_INTERACTIVE, .client = "a", .bytes = 60},
                           thirty = {.class = POOL_INTERACTIVE, .client = "b", .bytes = 30};
    put_work(&q, sixty, NULL, NULL);
    put_work(&q, sixty, "max-work-bytes", NULL);
    put_work(&q, thirty, NULL, NULL);
    put_work(&q, thirty, "max-work-bytes", &out); /* b would then have as much as a */
    assert_null(out);
    struct queued *w = queue_take(&q, false);
    assert_int_equal(w->work.bytes, 60);
    free(w);
    q.bytes += 60; /* it runs */
    put_work(&q, thirty, "max-work-bytes", NULL);
    q.bytes -= 60;
    put_work(&q, thirty, NULL, NULL);
    empty(&q);
}

static void who_would_wait_too_long_is_told_at_once(void **state)
{
    (void)state;
    struct queue q = {.limits.wait_s = 5};
    const struct pool_work soon = {.class = POOL_INTERACTIVE, .client = "a", .cost_s = 1, .deadline_ms = 1000 + 3000};
    for (int i = 0; i < 8; i++)
        put(&q, "a", 1, NULL);
    put_work(&q, soon, "max-request-ms", NULL); /* 8 s on two threads take 4 */
    put(&q, "a", 1, NULL);
    put(&q, "a", 1, NULL);
    put(&q, "a", 1, NULL);
    put(&q, "a", 1, "max-queue-seconds");
    assert_true(fabs(queue_wait_s(&q, &two_threads, "a", 1) - 5.5) <= 1e-9);
    assert_true(fabs(queue_wait_s(&q, &two_threads, "b", 1) - 0.5) <= 1e-9); /* its line is empty */
    assert_true(fabs(queue_wait_s(&q, &two_threads, "a", 0.01)) <= 1e-9);    /* some thread is always free for it */
    put(&q, "b", 1, NULL);
    assert_true(fabs(queue_drain_s(&q, &two_threads) - 6) <= 1e-9);
    empty(&q);
}

static void deadlines_come_in_their_order(void **state)
{
    (void)state;
    struct queue q = {0};
    unsigned random = 1;
    for (int i = 0; i < 200; i++) {
        random = random * 1664525 + 1013904223;
        put_work(&q,
                 (struct pool_work){.class = POOL_INTERACTIVE,
                                    .client = random & 1024 ? "a" : "b",
                                    .deadline_ms = 2000 + (random >> 8) % 5000},
                 NULL, NULL);
        if (i % 3 == 0)
            assert_true(take(&q, false) >= 0);
    }
    double before = 0;
    assert_null(queue_take_late(&q, queue_first_deadline(&q) - 1));
    for (struct queued *w; (w = queue_take_late(&q, 1e9)); free(w)) {
        assert_true(w->work.deadline_ms >= before);
        before = w->work.deadline_ms;
    }
    assert_true(queue_first_deadline(&q) == HUGE_VAL);
    empty(&q);
}

static void who_has_left_is_found(void **state)
{
    (void)state;
    struct queue q = {0};
    int left;
    for (int i = 0; i < 10; i++)
        put_work(
            &q,
            (struct pool_work){
                .class = POOL_INTERACTIVE, .client = "a", .gone = says_yes, .user = i == 7 ? &left : NULL, .cost_s = i},
            NULL, NULL);
    struct queued *w = queue_take_gone(&q, 10);
    assert_true(w->work.cost_s == 7);
    free(w);
    assert_null(queue_take_gone(&q, 10));
    assert_int_equal(q.n, 9);
    empty(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_client_is_served_in_order),
        cmocka_unit_test(a_backlog_of_one_keeps_nobody_else_waiting),
        cmocka_unit_test(turns_are_shared_by_seconds_not_by_works),
        cmocka_unit_test(a_thread_for_short_works_takes_no_others),
        cmocka_unit_test(a_full_queue_takes_from_the_longest_line),
        cmocka_unit_test(memory_that_waits_and_runs_is_bounded),
        cmocka_unit_test(who_would_wait_too_long_is_told_at_once),
        cmocka_unit_test(deadlines_come_in_their_order),
        cmocka_unit_test(who_has_left_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
