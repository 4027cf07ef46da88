/* labels: core */
/* Which recurrences the plan finds fit to run side by side: IR text in, packs of the plan out. That they give the same
 * samples is for test_law. */
#include "tests/support.h"

#include <string.h>

#include "core/plan.h"

static struct arena *arena;

static int start(void **state)
{
    (void)state;
    arena = arena_new((size_t)64 << 20);
    return arena ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* The plan's lines that begin with "pack". */
static const char *packs_of(const char *text)
{
    struct ir *ir;
    struct fault fault;
    fault_init(&fault, arena);
    if (ir_parse(text, arena, &ir, &fault) != STATUS_OK || ir_verify(ir, &fault) != STATUS_OK)
        fail_msg("%s\n%s", fault.items[0].detail, text);
    ir_rates(ir);
    char *line = plan_print(plan_make(ir, arena), arena), *all = arena_strdup(arena, "");
    for (line = strstr(line, "\npack"); line; line = strstr(line + 1, "\npack"))
        all = arena_printf(arena, "%s%.*s;", all, (int)strcspn(line + 1, "\n"), line + 1);
    return all;
}

#define HEAD                                                                                                           \
    "arg 0 param 0\narg 1 param 1\narg 2 param 2\nmain {\n"                                                            \
    "  %1 = input 0\n  %2 = arg 0\n  %3 = arg 1\n  %4 = arg 2\n"
/* One-poles of f64 state, each fed by the one before, narrowed. */
#define CASCADE(second)                                                                                                \
    HEAD "  %5 = f64.f32 %1\n  %6 = prev.f64 %7\n  %7 = fma.f64 %6 %2 %5\n  %8 = f32.f64 %7\n"                         \
         "  %9 = f64.f32 %8\n  %10 = prev.f64 %11\n  %11 = " second "\n  %12 = f32.f64 %11\n"                          \
         "  %13 = f64.f32 %12\n  %14 = prev.f64 %15\n  %15 = fma.f64 %14 %4 %13\n  %16 = f32.f64 %15\n"

static void stages_made_alike_are_one_chain(void **state)
{
    (void)state;
    assert_string_equal(packs_of(CASCADE("fma.f64 %10 %3 %9") "  out 0 %16\n}\n"), "pack 1 x 3 %15;");
}

static void factors_may_stand_in_either_order(void **state)
{
    (void)state;
    assert_string_equal(packs_of(CASCADE("fma.f64 %3 %10 %9") "  out 0 %16\n}\n"), "pack 1 x 3 %15;");
}

static void a_stage_made_otherwise_ends_a_chain(void **state)
{
    (void)state;
    assert_string_equal(packs_of(CASCADE("fma.f64 %10 %9 %3") "  out 0 %16\n}\n"), "");
}

static void a_stage_heard_by_others_feeds_no_other(void **state)
{
    (void)state;
    assert_string_equal(packs_of(CASCADE("fma.f64 %10 %3 %9") "  out 0 %16\n  out 1 %12\n}\n"), "pack 1 x 2 %11;");
}

/* n recurrences of eight values beside each other. */
static const char *voices(int n)
{
    char *text = arena_strdup(arena, HEAD), *sums = arena_strdup(arena, "");
    for (int i = 0; i < n; i++) {
        int v = 5 + 8 * i;
        text = arena_printf(arena,
                            "%s  %%%d = f64.f32 %%1\n  %%%d = prev.f64 %%%d\n  %%%d = prev.f64 %%%d\n"
                            "  %%%d = fma.f64 %%%d %%%d %%%d\n  %%%d = fma.f64 %%%d %%3 %%%d\n"
                            "  %%%d = add.f64 %%%d %%%d\n  %%%d = neg.f64 %%%d\n  %%%d = f32.f64 %%%d\n",
                            text, v, v + 1, v + 4, v + 2, v + 1, v + 3, v + 1, i % 2 ? 2 : 4, v, v + 4, v + 2, v + 3,
                            v + 5, v + 4, v + 2, v + 6, v + 5, v + 7, v + 6);
        sums = arena_printf(arena, "%s  out %d %%%d\n", sums, i, v + 7);
    }
    return arena_printf(arena, "%s%s}\n", text, sums);
}

static void four_voices_are_a_pack_and_three_are_not(void **state)
{
    (void)state;
    assert_string_equal(packs_of(voices(4)), "pack 4 x 1 %12 %20 %28 %36;");
    assert_string_equal(packs_of(voices(3)), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_made_alike_are_one_chain),
        cmocka_unit_test(factors_may_stand_in_either_order),
        cmocka_unit_test(a_stage_made_otherwise_ends_a_chain),
        cmocka_unit_test(a_stage_heard_by_others_feeds_no_other),
        cmocka_unit_test(four_voices_are_a_pack_and_three_are_not),
    };
    return cmocka_run_group_tests(tests, start, end);
}
