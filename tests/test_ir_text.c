/* labels: core */
/* IR text and the verifier: what prints reads back, what is wrong is refused with its place. */
#include "tests/support.h"

#include <math.h>
#include <string.h>
#include <xmmintrin.h>

#include "core/ir.h"

enum { MIXED_MXCSR = 0x9fc0 }; /* flush to zero, denormals are zero */

static const char every_part[] = "table perm i32 4 [1, 2, 3, -4]\n"
                                 "table ramp f32 2 [0.1, nan]\n"
                                 "fn sq(f32) f32 {\n"
                                 "  %1 = param.f32 0\n"
                                 "  %2 = mul.f32 %1 %1\n"
                                 "  ret %2\n"
                                 "}\n"
                                 "fn mix.2(f32, f64, i32) f64 {\n"
                                 "  %1 = param.f32 0\n"
                                 "  %2 = call.f32 sq %1\n"
                                 "  %3 = f64.f32 %2\n"
                                 "  %4 = param.f64 1\n"
                                 "  %5 = add.f64 %3 %4\n"
                                 "  ret %5\n"
                                 "}\n"
                                 "fn one() i32 {\n"
                                 "  %1 = const.i32 1\n"
                                 "  ret %1\n"
                                 "}\n"
                                 "arg 0 context x0\n"
                                 "arg 1 literal 0.1\n"
                                 "arg 2 param 7\n"
                                 "main {\n"
                                 "  %1 = input 1\n"
                                 "  %2 = call.f32 sq %1\n"
                                 "  %3 = prev.f32 %9\n"
                                 "  %4 = arg 1\n"
                                 "  %5 = ring %9 %4\n"
                                 "  %6 = iota\n"
                                 "  %7 = tap %5 %6\n"
                                 "  %8 = add.f32 %3 %7\n"
                                 "  %9 = add.f32 %8 %2\n"
                                 "  %10 = shl.i32 %6 31\n"
                                 "  %11 = gather.i32 perm %10\n"
                                 "  %12 = gather.f32 ramp %11\n"
                                 "  %13 = lt.f32 %12 %9\n"
                                 "  %14 = sel.f32 %13 %9 %12\n"
                                 "  %15 = const.f64 -1e+300\n"
                                 "  %16 = call.f64 mix.2 %14 %15 %6\n"
                                 "  %17 = f32.f64 %16\n"
                                 "  out 0 %17\n"
                                 "  out 1 %9\n"
                                 "}\n";

static void printing_what_was_parsed_gives_the_same_text(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct ir *ir = test_ir(a, every_part);
    assert_string_equal(ir_print(ir, a), every_part);
    assert_int_equal(ir->n_inputs, 2);
    assert_int_equal(ir->n_outputs, 2);
    arena_free(a);
}

static const char pixels[] = "image 0 photo\n"
                             "image 1 no/such.png\n"
                             "arg 0 image 0 width\n"
                             "arg 1 image 1 height\n"
                             "main {\n"
                             "  %1 = arg 0\n"
                             "  %2 = i32.f64 %1\n"
                             "  %3 = row\n"
                             "  %4 = fetch %2 %3 6\n"
                             "  %5 = plane %4 repeat\n"
                             "  %6 = plane %4 clamp\n"
                             "  %7 = plane %4 mirror\n"
                             "  %8 = plane %4 constant\n"
                             "  %9 = surface 3\n"
                             "  %10 = const.i32 -1\n"
                             "  %11 = near %5 %2 %10\n"
                             "  %12 = near %9 %10 %2\n"
                             "  out 0 %11\n"
                             "  out 1 %12\n"
                             "}\n";

static void planes_and_images_print_as_they_were_parsed(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct ir *ir = test_ir(a, pixels);
    assert_string_equal(ir_print(ir, a), pixels);
    assert_int_equal(ir->n_images, 2);
    assert_int_equal(ir->n_planes, 4);
    arena_free(a);
}

static void responses_print_as_they_were_parsed(void **state)
{
    (void)state;
    static const char text[] = "response 0 hall 1 2\n"
                               "response 1 hall 0 2\n"
                               "main {\n"
                               "  %1 = input 0\n"
                               "  %2 = hosted %1 1\n"
                               "  %3 = hosted %2 0\n"
                               "  out 0 %3\n"
                               "}\n";
    struct arena *a = test_arena();
    struct ir *ir = test_ir(a, text);
    assert_string_equal(ir_print(ir, a), text);
    assert_int_equal(ir->n_responses, 2);
    arena_free(a);
}

static void spaces_and_comments_do_not_matter(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct ir *ir = test_ir(a, "arg 0 literal 1 arg 1 param 0;two\nmain{%1=input 0 ; in\n\n out 0\t%1}\r\n;end");
    assert_string_equal(ir_print(ir, a), "arg 0 literal 1\narg 1 param 0\nmain {\n  %1 = input 0\n  out 0 %1\n}\n");
    arena_free(a);
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* Prints one f32 and one f64 constant, parses them back and compares bits. */
static void check_constant(struct arena *a, uint32_t bits32, uint64_t bits64)
{
    struct ir *ir = ir_new(a);
    struct ins f = {.op = OP_CONST_F32}, d = {.op = OP_CONST_F64};
    memcpy(&f.imm.f, &bits32, sizeof bits32);
    memcpy(&d.imm.d, &bits64, sizeof bits64);
    struct val out = ir_emit(ir, &ir->main, f);
    ir_emit(ir, &ir->main, d);
    ir->outputs = &out;
    ir->n_outputs = 1;
    struct ir *back = test_ir(a, ir_print(ir, a));
    if (!isnan(f.imm.f))
        assert_memory_equal(&back->main.ins[1].imm.f, &bits32, sizeof bits32);
    else
        assert_int_equal(bits_of(back->main.ins[1].imm.f), 0x7fc00000);
    if (!isnan(d.imm.d))
        assert_memory_equal(&back->main.ins[2].imm.d, &bits64, sizeof bits64);
}

static void constants_read_back_to_the_bit(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    unsigned saved = _mm_getcsr();
    static const uint64_t special[] = {
        0,
        1,
        0x000fffffffffffff,
        0x0010000000000000,
        0x3ff0000000000000,
        0x3fb999999999999a,
        0x41dfffffffc00000,
        0x43e0000000000000,
        0x7fefffffffffffff,
        0x7ff0000000000000,
        0x7ff8000000000000,
        0x7ff0000000000001,
    };
    static const uint32_t special32[] = {0,          1,          0x007fffff, 0x00800000, 0x3f800000, 0x3dcccccd,
                                         0x49742400, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001, 0x34000000};
    uint64_t seed = 1;
    for (int flush = 0; flush < 2; flush++) {
        _mm_setcsr(flush ? MIXED_MXCSR : saved);
        for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
            check_constant(a, special32[i], special[i]);
            check_constant(a, special32[i] | 0x80000000u, special[i] | 1ull << 63);
        }
        for (int i = 0; i < 2000; i++)
            check_constant(a, test_random(&seed), (uint64_t)test_random(&seed) << 32 | test_random(&seed));
    }
    _mm_setcsr(saved);
    arena_free(a);
}

/* Each of these is refused, and the reason holds the word given. */
static const struct {
    const char *text, *reason;
} wrong[] = {
    {"", "ends"},
    {"main", "ends"},
    {"main {", "ends"},
    {"main { }", "no outputs"},
    {"main { %1 = input 0 out 0 %1 } x", "the end"},
    {"main { %2 = input 0 out 0 %2 }", "%1 should"},
    {"main { %1 = input 0 out 1 %1 }", "out 0 should"},
    {"main { %1 = inputs 0 out 0 %1 }", "operation"},
    {"main { %1 = input -1 out 0 %1 }", "input channel"},
    {"main { %1 = input 1024 out 0 %1 }", "input channel"},
    {"main { %1 = input 4294967296 out 0 %1 }", "32 bits"},
    {"main { %1 = input 0 out 0 %0 }", "out 0"},
    {"main { %1 = input 0 out 0 %2 }", "out 0"},
    {"main { %1 = input 0 out 0 % }", "a value"},
    {"main { %1 = input 0 out 0 %99999999 }", "limit"},
    {"main { %1 = iota out 0 %1 }", "no f32"},
    {"main { %1 = add.f32 %1 %1 out 0 %1 }", "come before"},
    {"main { %1 = input 0 %2 = add.f32 %1 %3 %3 = neg.f32 %2 out 0 %2 }", "come before"},
    {"main { %1 = input 0 %2 = add.f64 %1 %1 out 0 %1 }", "is f32"},
    {"main { %1 = prev.f32 %2 %2 = iota out 0 %1 }", "is i32"},
    {"main { %1 = iota %2 = shl.i32 %1 32 %3 = f32.i32 %2 out 0 %3 }", "shifts"},
    {"main { %1 = iota %2 = shl.i32 %1 -1 %3 = f32.i32 %2 out 0 %3 }", "shifts"},
    {"main { %1 = arg 0 %2 = f32.f64 %1 out 0 %2 }", "argument"},
    {"arg 0 context nothing main { %1 = input 0 out 0 %1 }", "context"},
    {"arg 1 literal 0 main { %1 = input 0 out 0 %1 }", "arg 0 should"},
    {"arg 0 literal 0x10 main { %1 = input 0 out 0 %1 }", "a number"},
    {"arg 0 literal 1e main { %1 = input 0 out 0 %1 }", "a number"},
    {"arg 0 literal infinity main { %1 = input 0 out 0 %1 }", "a number"},
    {"main { %1 = param.f32 0 out 0 %1 }", "does not belong"},
    {"main { %1 = call.f32 f %1 out 0 %1 }", "no function"},
    {"main { %1 = iota %2 = gather.f32 t %1 out 0 %2 }", "no table"},
    {"table t i32 2 [1, 2] main { %1 = iota %2 = gather.f32 t %1 out 0 %2 }", "no table"},
    {"table t i32 3 [1, 2, 3]", "power of two"},
    {"table t i32 0 []", "power of two"},
    {"table t i32 2 [1]", "stands where ,"},
    {"table t i32 1 [1, 2]", "stands where ]"},
    {"table t i32 99999999 [1]", "limit"},
    {"table t f64 1 [1]", "f32 or i32"},
    {"table t i32 1 [1] table t i32 1 [1]", "twice"},
    {"fn f() f32 { %1 = const.f32 1 ret %1 } fn f() f32 { %1 = const.f32 1 ret %1 }", "twice"},
    {"fn f() f32 { %1 = input 0 ret %1 } main { %1 = input 0 out 0 %1 }", "does not belong"},
    {"fn f() f32 { %1 = const.f32 0 %2 = prev.f32 %1 ret %2 } main { %1 = input 0 out 0 %1 }", "does not belong"},
    {"fn f() f32 { %1 = call.f32 f ret %1 } main { %1 = input 0 out 0 %1 }", "no function"},
    {"fn f() i32 { %1 = const.f32 1 ret %1 } main { %1 = input 0 out 0 %1 }", "result"},
    {"fn f() f32 { ret %0 } main { %1 = input 0 out 0 %1 }", "result"},
    {"fn f() mask { %1 = const.f32 1 ret %1 }", "f32, f64 or i32"},
    {"fn f(f32) f32 { %1 = param.f32 1 ret %1 } main { %1 = input 0 out 0 %1 }", "parameter"},
    {"fn f(f32) f32 { %1 = param.f64 0 ret %1 } main { %1 = input 0 out 0 %1 }", "parameter"},
    {"fn f(f32) f32 { %1 = param.f32 0 ret %1 } main { %1 = input 0 %2 = call.i32 f %1 out 0 %1 }", "gives f32"},
    {"fn f(f32) f32 { %1 = param.f32 0 ret %1 } main { %1 = iota %2 = call.f32 f %1 out 0 %2 }", "is i32"},
    {"fn f(f32,f32,f32,f32,f32,f32,f32,f32,f32,f32,f32,f32,f32,f32,f32,f32,f32) f32 {", "parameters"},
    {"main { %1 = input 0 %2 = f64.f32 %1 %3 = ring %1 %2 out 0 %1 }", "capacity"},
    {"main { %1 = input 0 %2 = const.f64 9 %3 = ring %1 %2 out 0 %3 }", "no f32"},
    {"main { %1 = input 0 %2 = const.i32 9 %3 = tap %1 %2 out 0 %3 }", "is f32"},
    {"image 1 a main { %1 = input 0 out 0 %1 }", "image 0 should"},
    {"image 0 a image 1 a main { %1 = input 0 out 0 %1 }", "twice"},
    {"image 0 a arg 0 image 1 width main { %1 = input 0 out 0 %1 }", "size of an image"},
    {"image 0 a arg 0 image 0 depth main { %1 = input 0 out 0 %1 }", "width or height"},
    {"main { %1 = iota %2 = fetch %1 %1 0 out 0 %2 }", "no image"},
    {"response 1 a 0 1 main { %1 = input 0 out 0 %1 }", "response 0 should"},
    {"response 0 a 0 1 response 1 a 0 1 main { %1 = input 0 out 0 %1 }", "twice"},
    {"main { %1 = input 0 %2 = hosted %1 0 out 0 %2 }", "no response"},
    {"response 0 a 0 1 main { %1 = input 0 %2 = hosted %1 -1 out 0 %2 }", "no response"},
    {"response 0 a 0 1 main { %1 = hosted %1 0 out 0 %1 }", "does not come before"},
    {"response 0 a 0 1 fn f(f32) f32 { %1 = param.f32 0 %2 = hosted %1 0 ret %2 } main { %1 = input 0 out 0 %1 }",
     "belong"},
    {"image 0 a main { %1 = iota %2 = fetch %1 %1 4 out 0 %2 }", "no image"},
    {"image 0 a main { %1 = iota %2 = fetch %1 %1 -1 out 0 %2 }", "no image"},
    {"image 0 a fn f(i32) f32 { %1 = param.i32 0 %2 = fetch %1 %1 0 ret %2 } main { %1 = input 0 out 0 %1 }", "belong"},
    {"main { %1 = input 0 %2 = plane %1 wrapped out 0 %1 }", "repeat, clamp"},
    {"main { %1 = input 0 %2 = plane %1 repeat out 0 %2 }", "no f32"},
    {"main { %1 = input 0 %2 = plane %1 repeat %3 = plane %2 repeat out 0 %1 }", "is plane"},
    {"main { %1 = surface 1024 %2 = const.i32 0 %3 = near %1 %2 %2 out 0 %3 }", "no plane"},
    {"main { %1 = surface -1 %2 = const.i32 0 %3 = near %1 %2 %2 out 0 %3 }", "no plane"},
    {"main { %1 = surface 0 %2 = iota %3 = const.i32 0 %4 = near %1 %2 %3 out 0 %4 }", "how near"},
    {"main { %1 = surface 0 %2 = row %3 = const.i32 0 %4 = near %1 %3 %2 out 0 %4 }", "how near"},
    {"image 0 a main { %1 = surface 0 %2 = const.i32 0 %3 = fetch %2 %2 0 %4 = i32.f32 %3 %5 = near %1 %4 %2 out 0 %5 "
     "}",
     "how near"},
};

static void what_is_wrong_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fault f;
        struct ir *ir = NULL;
        fault_init(&f, a);
        if (!ir_parse(wrong[i].text, a, &ir, &f) && !ir_verify(ir, &f))
            fail_msg("accepted: %s", wrong[i].text);
        if (f.count != 1 || !strstr(f.items[0].detail, wrong[i].reason))
            fail_msg("%s\n  is refused because: %s\n  not because: %s", wrong[i].text, f.count ? f.items[0].detail : "",
                     wrong[i].reason);
    }
    arena_free(a);
}

static void calls_that_double_are_refused(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    const char *text = arena_strdup(a, "fn f0(f32) f32 { %1 = param.f32 0 ret %1 }\n");
    for (int i = 1; i < 40; i++)
        text = arena_printf(
            a, "%sfn f%d(f32) f32 { %%1 = param.f32 0 %%2 = call.f32 f%d %%1 %%3 = call.f32 f%d %%2 ret %%3 }\n", text,
            i, i - 1, i - 1);
    text = arena_printf(a, "%smain { %%1 = input 0 %%2 = call.f32 f39 %%1 out 0 %%2 }", text);
    struct fault f;
    struct ir *ir = NULL;
    fault_init(&f, a);
    assert_int_equal(ir_parse(text, a, &ir, &f), STATUS_OK);
    assert_int_equal(ir_verify(ir, &f), STATUS_INTERNAL);
    assert_non_null(strstr(f.items[0].detail, "calls run more than"));
    arena_free(a);
}

/* Every prefix of a sound text, and the text with any one byte replaced, parses or is refused; nothing is read
 * out of bounds (this test runs under sanitizers too). */
static void damaged_text_is_parsed_or_refused(void **state)
{
    (void)state;
    static const char bytes[] = "%0 9.,[{}]=;-f\x80\x01";
    size_t n = sizeof every_part - 1, refused = 0;
    for (size_t i = 0; i < n; i++) {
        struct arena *a = test_arena();
        for (size_t k = 0; k < sizeof bytes; k++) { /* the last byte is the terminator: a prefix */
            char *text = arena_strdup(a, every_part);
            struct fault f;
            struct ir *ir = NULL;
            text[i] = bytes[k];
            fault_init(&f, a);
            refused += ir_parse(text, a, &ir, &f) || ir_verify(ir, &f);
        }
        arena_free(a);
    }
    assert_true(refused > n * 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printing_what_was_parsed_gives_the_same_text),
        cmocka_unit_test(responses_print_as_they_were_parsed),
        cmocka_unit_test(planes_and_images_print_as_they_were_parsed),
        cmocka_unit_test(spaces_and_comments_do_not_matter),
        cmocka_unit_test(constants_read_back_to_the_bit),
        cmocka_unit_test(what_is_wrong_is_refused_with_a_reason),
        cmocka_unit_test(calls_that_double_are_refused),
        cmocka_unit_test(damaged_text_is_parsed_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
