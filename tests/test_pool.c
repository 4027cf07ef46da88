/* labels: api
 * The pool of threads: every piece once, errors stop further pieces, nesting, limits of the queue. */
#include "tests/support.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/pool.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_piece_runs_exactly_once),
        cmocka_unit_test(a_failing_piece_stops_the_rest),
        cmocka_unit_test(jobs_share_work_without_deadlock),
        cmocka_unit_test(a_full_queue_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
