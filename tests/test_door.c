/* labels: http */
/* Connections counted by address. */
#include "tests/support.h"

#include <string.h>

#include "server/door.h"

static struct peer address(const char *text)
{
    struct peers one;
    assert_null(peers_parse(&one, text));
    return one.nets[0].net;
}

static void an_address_has_its_share_and_no_more(void **state)
{
    (void)state;
    struct door *d = door_new(64, 2);
    struct peer a = address("192.0.2.1"), b = address("192.0.2.2");
    assert_true(door_enter(d, 10, &a, true));
    assert_true(door_enter(d, 11, &a, true));
    assert_false(door_enter(d, 12, &a, true));
    assert_true(door_enter(d, 12, &b, true));
    assert_int_equal(door_open(d), 3);
    door_leave(d, 10);
    door_leave(d, 10);
    assert_int_equal(door_open(d), 2);
    assert_true(door_enter(d, 13, &a, true));
    assert_false(door_enter(d, 14, &a, true));
    assert_true(door_enter(d, 14, &a, false));
    door_free(d);
}

static void one_network_of_ipv6_is_one_address(void **state)
{
    (void)state;
    struct door *d = door_new(64, 2);
    struct peer a = address("2001:db8:0:1::1"), b = address("2001:db8:0:1:ffff::2"), c = address("2001:db8:0:2::1");
    assert_true(door_enter(d, 10, &a, true));
    assert_true(door_enter(d, 11, &b, true));
    assert_false(door_enter(d, 12, &a, true));
    assert_true(door_enter(d, 12, &c, true));
    door_free(d);
}

static void a_connection_that_vanished_gives_its_place_back_with_its_number(void **state)
{
    (void)state;
    struct door *d = door_new(64, 1);
    struct peer a = address("192.0.2.1"), b = address("192.0.2.2");
    assert_true(door_enter(d, 10, &a, true));
    assert_true(door_enter(d, 10, &b, true)); /* 10 was closed and opened again */
    assert_true(door_enter(d, 11, &a, true));
    assert_int_equal(door_open(d), 2);
    door_free(d);
}

static void descriptors_beyond_its_bound_stay_outside(void **state)
{
    (void)state;
    struct door *d = door_new(64, 1);
    struct peer a = address("192.0.2.1");
    assert_false(door_enter(d, 64, &a, false));
    assert_false(door_enter(d, -1, &a, false));
    door_leave(d, 64);
    door_leave(d, -1);
    assert_int_equal(door_open(d), 0);
    door_free(d);
}

static void many_addresses_come_and_go(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct door *d = door_new(MANY, 1);
    struct peer p = address("10.0.0.0");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            p.bytes[14] = (uint8_t)(i >> 8);
            p.bytes[15] = (uint8_t)i;
            assert_true(door_enter(d, i, &p, true));
        }
        assert_int_equal(door_open(d), MANY);
        for (int i = 0; i < MANY; i++)
            door_leave(d, i * 7 % MANY); /* another order */
        assert_int_equal(door_open(d), 0);
    }
    door_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_share_and_no_more),
        cmocka_unit_test(one_network_of_ipv6_is_one_address),
        cmocka_unit_test(a_connection_that_vanished_gives_its_place_back_with_its_number),
        cmocka_unit_test(descriptors_beyond_its_bound_stay_outside),
        cmocka_unit_test(many_addresses_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
