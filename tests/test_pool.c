/* labels: api
 * The pool of threads: every piece once, errors stop further pieces, nesting, limits of the queue. */
#include "tests/support.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/load/pool.h"

enum { PIECES = 1000 };

static atomic_int seen[PIECES];
static atomic_int sum;

static int count_piece(size_t i, void *user)
{
    (void)user;
    atomic_fetch_add(&seen[i], 1);
    return 0;
}

static void each_piece_runs_exactly_once(void **state)
{
    (void)state;
    struct pool *p = pool_new(3);
    for (int threads = 1; threads <= 4; threads++) {
        for (int i = 0; i < PIECES; i++)
            atomic_store(&seen[i], 0);
        assert_int_equal(pool_each(p, threads, PIECES, count_piece, NULL), 0);
        for (int i = 0; i < PIECES; i++)
            assert_int_equal(atomic_load(&seen[i]), 1);
    }
    assert_int_equal(pool_each(p, 3, 0, count_piece, NULL), 0);
    pool_free(p);
}

static int fail_at_ten(size_t i, void *user)
{
    atomic_int *ran = user;
    atomic_fetch_add(ran, 1);
    return i == 10 ? 7 : 0;
}

static void a_failing_piece_stops_the_rest(void **state)
{
    (void)state;
    struct pool *p = pool_new(2);
    atomic_int ran = 0;
    assert_int_equal(pool_each(p, 2, 1000000, fail_at_ten, &ran), 7);
    assert_true(atomic_load(&ran) < 1000000);
    pool_free(p);
}

struct nested {
    struct pool *pool;
    atomic_int done;
};

static int add_piece(size_t i, void *user)
{
    (void)user;
    atomic_fetch_add(&sum, (int)i);
    return 0;
}

static void nested_job(void *user)
{
    struct nested *n = user;
    pool_each(n->pool, 4, 100, add_piece, NULL);
    atomic_fetch_add(&n->done, 1);
}

static const char *submit(struct pool *p, void (*run)(void *user), void *user)
{
    return pool_submit(p, &(struct pool_work){.run = run, .user = user, .class = POOL_INTERACTIVE, .cost_s = 1});
}

static void jobs_share_work_without_deadlock(void **state)
{
    (void)state;
    struct nested n = {.pool = pool_new(2)};
    atomic_store(&sum, 0);
    for (int i = 0; i < 50; i++)
        assert_null(submit(n.pool, nested_job, &n));
    pool_free(n.pool); /* finishes what is queued */
    assert_int_equal(atomic_load(&n.done), 50);
    assert_int_equal(atomic_load(&sum), 50 * 4950);
}

static void wait_for_flag(void *user)
{
    while (!atomic_load((atomic_int *)user))
        usleep(100);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    struct pool *p = pool_new(1);
    atomic_int go = 0;
    pool_set_limits(p, &(struct pool_limits){.works = 1});
    assert_null(submit(p, wait_for_flag, &go));
    while (pool_waiting(p) > 0)
        usleep(100);
    assert_null(submit(p, wait_for_flag, &go));
    assert_int_equal(pool_waiting(p), 1);
    assert_string_equal(submit(p, wait_for_flag, &go), "max-queue");
    atomic_store(&go, 1);
    pool_free(p);
}

struct watched_work {
    atomic_int ran, late, asked;
    const char *limit;
    bool gone;
};

static void note_run(void *user)
{
    atomic_fetch_add(&((struct watched_work *)user)->ran, 1);
}

static void note_late(void *user, const char *limit)
{
    struct watched_work *w = user;
    w->limit = limit;
    atomic_fetch_add(&w->late, 1);
}

static bool is_gone(void *user)
{
    struct watched_work *w = user;
    atomic_fetch_add(&w->asked, 1);
    return w->gone;
}

static void await(atomic_int *n)
{
    for (int ms = 0; !atomic_load(n) && ms < 5000; ms++)
        usleep(1000);
    assert_int_equal(atomic_load(n), 1);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* All threads are at long works: what waits is not at their mercy. */
static void deadlines_pass_while_others_run(void **state)
{
    (void)state;
    struct pool *p = pool_new(1);
    atomic_int go = 0;
    struct watched_work late = {0}, gone = {.gone = true}, patient = {0}, quick = {0};
    struct pool_work work = {
        .run = note_run, .late = note_late, .gone = is_gone, .class = POOL_INTERACTIVE, .cost_s = 0.6, .client = "a"};
    assert_null(submit(p, wait_for_flag, &go));
    while (pool_waiting(p) > 0)
        usleep(100);
    double begin_ms = now_ms();
    work.user = &patient;
    assert_null(pool_submit(p, &work));
    work.user = &gone;
    assert_null(pool_submit(p, &work));
    work.user = &late;
    work.deadline_ms = begin_ms + 3000; /* behind what is predicted to be done by then */
    assert_null(pool_submit(p, &work));
    work.cost_s = 0;
    work.deadline_ms = 0;
    work.user = &quick;
    assert_null(pool_submit(p, &work));
    await(&quick.ran); /* one thread is kept for short works */
    await(&gone.late);
    assert_null(gone.limit);
    await(&late.late);
    assert_string_equal(late.limit, "max-request-ms");
    assert_true(now_ms() - begin_ms < 3500);
    assert_int_equal(atomic_load(&late.ran) + atomic_load(&gone.ran) + atomic_load(&patient.ran), 0);
    assert_true(atomic_load(&patient.asked) > 0);
    atomic_store(&go, 1);
    pool_free(p);
    assert_int_equal(atomic_load(&patient.ran), 1);
}

static int spin_piece(size_t i, void *user)
{
    (void)i;
    (void)user;
    for (double end_ms = now_ms() + 2; now_ms() < end_ms;) {
    }
    return 0;
}

static void spend(void *user)
{
    struct nested *n = user;
    pool_each(n->pool, 3, 30, spin_piece, NULL);
    atomic_store(&n->done, (int)(pool_spent_s() * 1e3));
}

static void time_of_helpers_counts(void **state)
{
    (void)state;
    struct nested n = {.pool = pool_new(3)};
    assert_null(submit(n.pool, spend, &n));
    pool_free(n.pool);
    /* Sixty milliseconds by the clock; less of a processor where others compete. */
    assert_in_range(atomic_load(&n.done), 5, 70);
}

static void held_memory_leaves_no_room(void **state)
{
    (void)state;
    struct pool *p = pool_new(1);
    struct pool_stats stats;
    const struct pool_work work = {.run = note_run, .class = POOL_INTERACTIVE, .bytes = 50};
    pool_set_limits(p, &(struct pool_limits){.bytes = 100});
    pool_hold(p, 60);
    assert_string_equal(pool_submit(p, &work), "max-work-bytes");
    assert_string_equal(pool_refusal(p, &work), "max-work-bytes");
    assert_true(pool_has_room(p, 40));
    assert_false(pool_has_room(p, 41));
    pool_hold(p, -60);
    assert_null(pool_refusal(p, &work));
    pool_stats(p, &stats);
    assert_int_equal(stats.bytes, 0);
    pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_piece_runs_exactly_once),     cmocka_unit_test(a_failing_piece_stops_the_rest),
        cmocka_unit_test(jobs_share_work_without_deadlock), cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(deadlines_pass_while_others_run),  cmocka_unit_test(time_of_helpers_counts),
        cmocka_unit_test(held_memory_leaves_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
