/* labels: core */
/* Shapes are enough to compile from: an IR made from one has the same shape again, whatever the IR was, and bytes that
 * are no shape are refused. */
#include <string.h>

#include "core/pass.h"
#include "tests/support.h"
#include "tests/support/ir_random.h"

enum { IRS = 300 };

static struct fault fault;

static void a_shape_comes_back_through_an_ir(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= IRS; seed++) {
        struct arena *a = arena_new(64 << 20);
        struct ir *ir = ir_random(a, seed, 5 + (uint32_t)seed % 120), *again;
        fault_init(&fault, a);
        if (seed % 2)
            passes_run(ir, NULL, NULL);
        struct bytes shape = ir_shape(ir, a);
        if (ir_from_shape(shape, a, &again, &fault) != STATUS_OK)
            fail_msg("seed %llu: %s", (unsigned long long)seed, fault.items[0].detail);
        struct bytes second = ir_shape(again, a);
        assert_int_equal(second.n, shape.n);
        assert_memory_equal(second.data, shape.data, shape.n);
        arena_free(a);
    }
}

/* Refused, or an IR that is sound and prints: never anything worse. */
static void bytes_that_are_no_shape_are_refused(void **state)
{
    (void)state;
    unsigned refused = 0, taken = 0;
    uint64_t random = 1;
    for (uint64_t seed = 1; seed <= IRS; seed++) {
        struct arena *a = arena_new(256 << 20);
        struct bytes shape = ir_shape(ir_random(a, seed, 40), a);
        uint8_t *bytes = arena_alloc(a, shape.n + 4);
        memcpy(bytes, shape.data, shape.n);
        for (int i = 0; i < 20; i++) {
            struct ir *ir;
            size_t at = test_random(&random) % shape.n, n = i % 4 ? shape.n : at / 4 * 4 + (size_t)i % 3;
            uint8_t kept = bytes[at];
            bytes[at] ^= (uint8_t)(1u << test_random(&random) % 8);
            fault_init(&fault, a);
            if (ir_from_shape((struct bytes){bytes, n}, a, &ir, &fault) == STATUS_OK) {
                assert_non_null(ir_print(ir, a));
                taken++;
            } else {
                refused++;
            }
            bytes[at] = kept;
        }
        arena_free(a);
    }
    assert_true(refused > IRS);
    assert_true(taken > IRS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shape_comes_back_through_an_ir),
        cmocka_unit_test(bytes_that_are_no_shape_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
