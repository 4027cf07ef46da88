/* labels: http */
/* traceparent after W3C Trace Context. */
#include "tests/support.h"

#include <string.h>

#include "server/trace.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static void a_trace_has_an_id_when_its_parent_is_well_formed(void **state)
{
    (void)state;
    static const struct {
        const char *parent;
        bool fine;
    } cases[] = {
        {"00-" ID "-" SPAN "-01", true},
        {"00-" ID "-" SPAN "-00", true},
        {"00-" ID "-" SPAN "-ff", true},
        {"01-" ID "-" SPAN "-01", true},
        {"cc-" ID "-" SPAN "-01-what-the-future-will-be-like", true},
        {"cc-" ID "-" SPAN "-01-", true},
        {"", false},
        {"00", false},
        {"00-" ID "-" SPAN, false},
        {"00-" ID "-" SPAN "-", false},
        {"00-" ID "-" SPAN "-1", false},
        {"00-" ID "-" SPAN "-01-", false},
        {"00-" ID "-" SPAN "-01-x", false},
        {"00-" ID "-" SPAN "-011", false},
        {"cc-" ID "-" SPAN "-01.x", false},
        {"cc-" ID "-" SPAN "-011", false},
        {"ff-" ID "-" SPAN "-01", false},
        {"0-" ID "-" SPAN "-011", false},
        {"0g-" ID "-" SPAN "-01", false},
        {"00-00000000000000000000000000000000-" SPAN "-01", false},
        {"00-" ID "-0000000000000000-01", false},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false},
        {"00-" ID "-00F067AA0BA902B7-01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e473.-" SPAN "-01", false},
        {"00_" ID "-" SPAN "-01", false},
        {"00-" ID "_" SPAN "-01", false},
        {"00-" ID "-" SPAN "_01", false},
        {"00-" ID "-" SPAN "-0x", false},
        {" 00-" ID "-" SPAN "-01", false},
        {"00-" ID "-" SPAN "-01, 00-" ID "-" SPAN "-01", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char id[TRACE_ID_SIZE] = "unset";
        if (trace_parse(cases[i].parent, id) != cases[i].fine)
            fail_msg("%s", cases[i].parent);
        assert_string_equal(id, cases[i].fine ? ID : "");
    }
}

static void a_parent_of_any_length_is_harmless(void **state)
{
    (void)state;
    char parent[3 * TRACE_PARENT_SIZE] = "cc-" ID "-" SPAN "-01-", id[TRACE_ID_SIZE];
    memset(parent + 56, 'x', sizeof parent - 57);
    assert_false(trace_parse(parent, id));
    parent[TRACE_PARENT_SIZE - 1] = 0;
    assert_true(trace_parse(parent, id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_has_an_id_when_its_parent_is_well_formed),
        cmocka_unit_test(a_parent_of_any_length_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
