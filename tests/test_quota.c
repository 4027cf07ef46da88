/* labels: api
 * What each client may have: buckets that fill with time, debts, corrections, keys of their own, bounded memory. */
#include "tests/support.h"

#include <math.h>
#include <stdio.h>

#include "api/load/quota.h"

static const struct client ann = {.id = "key:ann"}, bob = {.id = "key:bob"},
                           rich = {.id = "key:rich", .quota_seconds = 10};

static void requests_are_counted_and_come_back(void **state)
{
    (void)state;
    const struct quota_limits limits = {.requests = 2, .burst_requests = 3, .burst_s = 1};
    struct quota *q = quota_new(&limits, 10);
    double retry_s = 0;
    assert_null(quota_enter(q, &ann, 0, true, false, &retry_s)); /* only asked */
    for (int i = 0; i < 3; i++)
        assert_null(quota_enter(q, &ann, 0, true, true, &retry_s));
    assert_string_equal(quota_enter(q, &ann, 0, true, true, &retry_s), "quota-requests");
    assert_true(fabs(retry_s - 0.5) <= 1e-9);
    assert_null(quota_enter(q, &bob, 0, true, true, &retry_s));
    assert_null(quota_enter(q, &ann, 500, true, true, &retry_s));
    assert_string_equal(quota_enter(q, &ann, 500, true, true, &retry_s), "quota-requests");
    quota_free(q);
}

static void work_is_charged_and_corrected(void **state)
{
    (void)state;
    const struct quota_limits limits = {.seconds = 0.5, .burst_s = 4};
    struct quota *q = quota_new(&limits, 10);
    double retry_s = 0;
    assert_null(quota_take(q, &ann, 0, 3, &retry_s));
    assert_string_equal(quota_take(q, &ann, 0, 2, &retry_s), "quota-seconds");
    assert_true(fabs(retry_s - 2) <= 1e-9);
    quota_charge(q, &ann, 0, -2); /* it took 1 */
    assert_null(quota_take(q, &ann, 0, 2, &retry_s));
    quota_charge(q, &ann, 0, 3); /* and this one 5 */
    assert_true(fabs(quota_wait_s(q, &ann, 0) - 4) <= 1e-9);
    assert_string_equal(quota_enter(q, &ann, 0, true, true, &retry_s), "quota-seconds");
    assert_null(quota_enter(q, &ann, 0, false, true, &retry_s)); /* what costs none is open */
    assert_true(quota_wait_s(q, &bob, 0) == 0);
    assert_true(fabs(quota_wait_s(q, &ann, 4000)) <= 1e-9);
    quota_free(q);
}

static void more_than_can_be_saved_up_may_go_when_all_is(void **state)
{
    (void)state;
    const struct quota_limits limits = {.seconds = 1, .burst_s = 4};
    struct quota *q = quota_new(&limits, 10);
    double retry_s = 0;
    assert_null(quota_take(q, &ann, 0, 10, &retry_s));
    assert_true(fabs(quota_wait_s(q, &ann, 0) - 6) <= 1e-9);
    assert_string_equal(quota_take(q, &ann, 6000, 10, &retry_s), "quota-seconds");
    assert_true(fabs(retry_s - 4) <= 1e-9);
    assert_null(quota_take(q, &ann, 10000, 10, &retry_s));
    quota_free(q);
}

static void a_key_may_have_its_own(void **state)
{
    (void)state;
    const struct quota_limits none = {.burst_s = 2};
    struct quota *q = quota_new(&none, 10);
    double retry_s = 0;
    assert_null(quota_take(q, &ann, 0, 1e6, &retry_s));
    assert_null(quota_take(q, &rich, 0, 2, &retry_s));
    assert_string_equal(quota_take(q, &rich, 0, 1, &retry_s), "quota-seconds");
    assert_true(fabs(retry_s - 0.1) <= 1e-9);
    quota_free(q);
}

static void clients_are_forgotten_in_the_order_of_use(void **state)
{
    (void)state;
    const struct quota_limits limits = {.requests = 1e-3, .burst_requests = 1, .burst_s = 1};
    struct quota *q = quota_new(&limits, 100);
    double retry_s;
    assert_null(quota_enter(q, &ann, 0, true, true, &retry_s));
    for (int i = 0; i < 1000; i++) {
        char id[32];
        snprintf(id, sizeof id, "addr:10.0.%d.%d", i / 256, i % 256);
        const struct client c = {.id = id};
        assert_null(quota_enter(q, &c, 0, true, true, &retry_s));
        assert_non_null(quota_enter(q, &ann, 0, true, true, &retry_s)); /* in use, so remembered */
    }
    assert_int_equal(quota_clients(q), 100);
    quota_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_counted_and_come_back),           cmocka_unit_test(work_is_charged_and_corrected),
        cmocka_unit_test(more_than_can_be_saved_up_may_go_when_all_is), cmocka_unit_test(a_key_may_have_its_own),
        cmocka_unit_test(clients_are_forgotten_in_the_order_of_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
