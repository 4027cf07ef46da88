/* labels: core */
/* The interpreter at work on IR whose results can be said: rows, planes and images, calls, NaN, states; on each
 * instruction set. */
#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "core/interp.h"
#include "tests/support/reference.h"

static const struct plan *plan_of(struct arena *a, struct ir *ir)
{
    ir_rates(ir);
    return plan_make(ir, a);
}

static void rows_see_their_number_and_stride(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 24);
    struct ir *ir = test_ir(
        a, "arg 0 literal 0.5\n"
           "main {\n  %1 = row\n  %2 = iota\n  %3 = const.i32 1000\n  %4 = mul.i32 %1 %3\n  %5 = add.i32 %4 %2\n"
           "  %6 = f32.i32 %5\n  %7 = arg 0\n  %8 = f32.f64 %7\n  %9 = add.f32 %6 %8\n  %10 = f32.i32 %4\n"
           "  out 0 %9\n  out 1 %8\n  out 2 %10\n}\n");
    const struct plan *p = plan_of(a, ir);
    enum { ROWS = 5, STRIDE = 333 };
    for (int isa = 0; isa < 3; isa++)
        for (int32_t count = 0; count <= 300; count += 1 + count / 4) {
            if (!interp_isa_available((enum interp_isa)isa))
                continue;
            struct interp *in = interp_new(p, (enum interp_isa)isa, a);
            float *out[3];
            double args[1] = {0.25};
            struct kernel_call call = {.args = args, .out = out, .count = count, .rows = ROWS, .out_stride = STRIDE};
            for (int c = 0; c < 3; c++) {
                out[c] = ARENA_ARRAY(a, ROWS * STRIDE, float);
                memset(out[c], 0xee, ROWS * STRIDE * 4);
            }
            interp_run(in, &call, arena_aligned(a, interp_work_size(in), KERNEL_ALIGN));
            float untouched;
            memset(&untouched, 0xee, 4);
            for (int r = 0; r < ROWS; r++)
                for (int i = 0; i < STRIDE; i++) {
                    assert_true(out[0][r * STRIDE + i] == (i < count ? (float)(1000 * r + i) + 0.25f : untouched));
                    assert_true(out[1][r * STRIDE + i] == (i < count ? 0.25f : untouched));
                    assert_true(out[2][r * STRIDE + i] == (i < count ? (float)(1000 * r) : untouched));
                }
        }
    arena_free(a);
}

static float pixel(const struct kernel_image *image, int component, int x, int y)
{
    x = x < 0 ? 0 : x < image->width ? x : image->width - 1;
    y = y < 0 ? 0 : y < image->height ? y : image->height - 1;
    return image->data[(component * image->height + y) * image->width + x];
}

/* A window exactly as large as what is read (valgrind and the address sanitizer look on), column and row of the pixels
 * changing with the sample, with the row, or not at all; out of the image on all sides. */
static void neighbours_and_images_are_read_where_they_are(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 26);
    struct ir *ir = test_ir(
        a,
        "image 0 a\nimage 1 b\narg 0 literal 2\nmain {\n  %1 = surface 0\n  %2 = const.i32 -3\n  %3 = arg 0\n"
        "  %4 = i32.f64 %3\n  %5 = near %1 %2 %4\n  %6 = near %1 %4 %2\n  %7 = iota\n  %8 = row\n  %9 = const.i32 -9\n"
        "  %10 = add.i32 %7 %9\n  %11 = fetch %10 %8 5\n  %12 = fetch %8 %10 6\n  %13 = fetch %8 %4 7\n"
        "  %14 = fetch %10 %7 0\n  %15 = fetch %4 %4 4\n  out 0 %5\n  out 1 %6\n  out 2 %11\n  out 3 %12\n"
        "  out 4 %13\n  out 5 %14\n  out 6 %15\n}\n");
    const struct plan *p = plan_of(a, ir);
    enum { ROWS = 9, OUTS = 7 };
    float data[2][4 * 7 * 5];
    const struct kernel_image images[2] = {{data[0], 3, 2}, {data[1], 7, 5}};
    for (int i = 0; i < 2 * 4 * 7 * 5; i++)
        data[i / 140][i % 140] = (float)i;
    for (int isa = 0; isa < 3; isa++)
        for (int32_t count = 1; count <= 70; count++) {
            if (!interp_isa_available((enum interp_isa)isa))
                continue;
            struct interp *in = interp_new(p, (enum interp_isa)isa, a);
            int stride = count + 5, n = stride * (ROWS + 5);
            float *window = malloc((size_t)n * sizeof(float)), *out[OUTS];
            for (int i = 0; i < n; i++)
                window[i] = (float)i;
            const struct kernel_plane plane = {window + 3 * stride + 3, stride};
            double args[1] = {2};
            for (int c = 0; c < OUTS; c++)
                out[c] = ARENA_ARRAY(a, ROWS * 70, float);
            struct kernel_call call = {.args = args,
                                       .out = out,
                                       .planes = &plane,
                                       .images = images,
                                       .count = count,
                                       .rows = ROWS,
                                       .out_stride = count};
            interp_run(in, &call, arena_aligned(a, interp_work_size(in), KERNEL_ALIGN));
            for (int y = 0, at = 0; y < ROWS; y++)
                for (int x = 0; x < count; x++, at++) {
                    assert_true(out[0][at] == (float)((3 + y + 2) * stride + x));
                    assert_true(out[1][at] == (float)(y * stride + 3 + x + 2));
                    assert_true(out[2][at] == pixel(&images[1], 1, x - 9, y));
                    assert_true(out[3][at] == pixel(&images[1], 2, y, x - 9));
                    assert_true(out[4][at] == pixel(&images[1], 3, y, 2));
                    assert_true(out[5][at] == pixel(&images[0], 0, x - 9, x));
                    assert_true(out[6][at] == pixel(&images[1], 0, 2, 2));
                }
            free(window);
        }
    arena_free(a);
}

static void a_call_value_is_evaluated_with_its_functions(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 24);
    struct ir *ir = test_ir(a, "table t i32 4 [10, 20, 30, 40]\n"
                               "fn sq(f64) f64 {\n  %1 = param.f64 0\n  %2 = mul.f64 %1 %1\n  ret %2\n}\n"
                               "arg 0 literal 3\n"
                               "main {\n  %1 = arg 0\n  %2 = call.f64 sq %1\n  %3 = f32.f64 %2\n  %4 = i32.f32 %3\n"
                               "  %5 = gather.i32 t %4\n  %6 = lt.f64 %1 %2\n  %7 = const.i32 7\n  out 0 %3\n}\n");
    const struct plan *p = plan_of(a, ir);
    double args[1] = {3};
    assert_true(interp_call_value(p, (struct val){1}, args, a) == 3);
    assert_true(interp_call_value(p, (struct val){2}, args, a) == 9);
    assert_true(interp_call_value(p, (struct val){3}, args, a) == 9);
    assert_true(interp_call_value(p, (struct val){5}, args, a) == 20);
    assert_true(interp_call_value(p, (struct val){6}, args, a) == -1);
    assert_true(interp_call_value(p, (struct val){7}, args, a) == 7);
    arena_free(a);
}

static void nan_leaves_canonical(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 24);
    struct ir *ir = test_ir(a, "main {\n  %1 = input 0\n  %2 = neg.f32 %1\n  %3 = prev.f32 %2\n  %4 = f64.f32 %2\n"
                               "  %5 = prev.f64 %4\n  %6 = const.f64 4\n  %7 = ring %2 %6\n  %8 = f32.f64 %5\n"
                               "  out 0 %2\n  out 1 %3\n  out 2 %8\n}\n");
    const struct plan *p = plan_of(a, ir);
    for (int isa = 0; isa < 3; isa++) {
        if (!interp_isa_available((enum interp_isa)isa))
            continue;
        struct interp *in = interp_new(p, (enum interp_isa)isa, a);
        uint32_t nans[5] = {0x7fc12345, 0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff}, out[3][5];
        uint64_t slots[2] = {0, 0};
        const float *ins[1] = {(const float *)nans};
        float *outs[3] = {(float *)out[0], (float *)out[1], (float *)out[2]};
        struct kernel_ring *rings = reference_rings(a, p->n_rings, 512);
        struct kernel_call call = {.in = ins, .out = outs, .state = slots, .rings = rings, .count = 5, .rows = 1};
        interp_run(in, &call, arena_aligned(a, interp_work_size(in), KERNEL_ALIGN));
        for (int i = 0; i < 5; i++) {
            assert_int_equal(out[0][i], 0x7fc00000);
            assert_int_equal(out[1][i], i ? 0x7fc00000 : 0);
            assert_int_equal(out[2][i], i ? 0x7fc00000 : 0);
            uint32_t ring;
            memcpy(&ring, rings[0].data + i, 4);
            assert_int_equal(ring, 0x7fc00000);
        }
        assert_int_equal(slots[0], 0x7fc00000);
        assert_true(slots[1] == 0x7ff8000000000000);
    }
    arena_free(a);
}

/* In one recurrence: a pair and a triple of values that change places, and a running sum that one of them feeds. */
static void states_that_change_places_do_so_at_once(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 24);
    struct ir *ir =
        test_ir(a, "main {\n  %1 = prev.f32 %2\n  %2 = prev.f32 %1\n  %3 = prev.f64 %5\n  %4 = prev.f64 %3\n"
                   "  %5 = prev.f64 %4\n  %6 = accum %7\n  %7 = prev.i32 %6\n  %8 = f32.f64 %3\n  %9 = f32.i32 %6\n"
                   "  out 0 %1\n  out 1 %8\n  out 2 %9\n}\n");
    const struct plan *p = plan_of(a, ir);
    for (int isa = 0; isa < 3; isa++) {
        if (!interp_isa_available((enum interp_isa)isa))
            continue;
        enum { COUNT = 40 };
        struct interp *in = interp_new(p, (enum interp_isa)isa, a);
        char *slots = arena_aligned(a, p->state_size, KERNEL_ALIGN);
        float out[3][COUNT], *outs[3] = {out[0], out[1], out[2]}, pair[2] = {1, 2};
        double triple[3] = {10, 20, 30};
        int32_t sum[2] = {1, 0};
        struct kernel_call call = {.out = outs, .state = slots, .count = COUNT, .rows = 1};
        for (uint32_t i = 0; i < 2; i++)
            memcpy(slots + p->state_at[1 + i], &pair[i], 4);
        for (uint32_t i = 0; i < 3; i++)
            memcpy(slots + p->state_at[3 + i], &triple[i], 8);
        for (uint32_t i = 0; i < 2; i++)
            memcpy(slots + p->state_at[6 + i], &sum[i], 4);
        interp_run(in, &call, arena_aligned(a, interp_work_size(in), KERNEL_ALIGN));
        for (int i = 0; i < COUNT; i++) {
            assert_true(out[0][i] == pair[i % 2]);
            assert_true(out[1][i] == triple[(3 - i % 3) % 3]); /* %3 takes %5's, which took %4's */
            assert_true(out[2][i] == (float)sum[0]);
            int32_t next = sum[0] + sum[1];
            sum[1] = sum[0];
            sum[0] = next;
            if (next > 1 << 23)
                break;
        }
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_see_their_number_and_stride),
        cmocka_unit_test(neighbours_and_images_are_read_where_they_are),
        cmocka_unit_test(a_call_value_is_evaluated_with_its_functions),
        cmocka_unit_test(nan_leaves_canonical),
        cmocka_unit_test(states_that_change_places_do_so_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
