/* labels: core */
/* Stages, text to text: an IR with planes becomes one IR a depth, which passes leave as they are; and how far each
 * stage reads. */
#include "tests/support.h"

#include <string.h>

#include "core/pass.h"
#include "core/stages.h"

static struct stages split(struct arena *a, const char *text)
{
    struct fault f;
    struct ir *ir = test_ir(a, text);
    passes_run(ir, NULL, NULL);
    char *before = ir_print(ir, a);
    struct stages s = stages_split(ir);
    assert_string_equal(before, ir_print(ir, a));
    fault_init(&f, a);
    for (uint32_t i = 0; i < s.n; i++)
        if (ir_verify(s.list[i].ir, &f))
            fail_msg("stage %u: %s\n%s", i, f.items[0].detail, ir_print(s.list[i].ir, a));
    return s;
}

static void must_be(struct arena *a, const struct ir_stage *stage, const char *wanted)
{
    const char *got = ir_print(stage->ir, a), *text = ir_print(test_ir(a, wanted), a);
    if (strcmp(got, text))
        fail_msg("the stage is\n%swanted\n%s", got, text);
}

static void without_planes_there_is_one_stage(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct ir *ir = test_ir(a, "main { %1 = iota %2 = f32.i32 %1 out 0 %2 }");
    struct stages s = stages_split(ir);
    assert_int_equal(s.n, 1);
    assert_ptr_equal(s.list[0].ir, ir);
    assert_null(s.list[0].fills);
    assert_int_equal(s.n_planes, 0);
    arena_free(a);
}

/* A blur in x, then in y: three stages. The last needs the argument that the first needs too; each numbers its own. */
static const char two_passes[] = "arg 0 literal 3\n"
                                 "arg 1 literal 7\n"
                                 "main {\n"
                                 "  %1 = iota\n"
                                 "  %2 = f32.i32 %1\n"
                                 "  %3 = arg 1\n"
                                 "  %4 = f32.f64 %3\n"
                                 "  %5 = mul.f32 %2 %4\n"
                                 "  %6 = plane %5 repeat\n"
                                 "  %7 = const.i32 -1\n"
                                 "  %8 = const.i32 0\n"
                                 "  %9 = near %6 %7 %8\n"
                                 "  %10 = const.i32 1\n"
                                 "  %11 = near %6 %10 %8\n"
                                 "  %12 = add.f32 %9 %11\n"
                                 "  %13 = plane %12 clamp\n"
                                 "  %14 = arg 0\n"
                                 "  %15 = i32.f64 %14\n"
                                 "  %16 = near %13 %8 %15\n"
                                 "  %17 = near %13 %8 %7\n"
                                 "  %18 = add.f32 %16 %17\n"
                                 "  %19 = sub.f32 %18 %5\n"
                                 "  out 0 %19\n"
                                 "}\n";

static void each_depth_is_a_stage(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct stages s = split(a, two_passes);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.n_planes, 2);
    must_be(
        a, &s.list[0],
        "arg 0 literal 7 main { %1 = iota %2 = f32.i32 %1 %3 = arg 0 %4 = f32.f64 %3 %5 = mul.f32 %2 %4 out 0 %5 }");
    must_be(a, &s.list[1],
            "main { %1 = surface 0 %2 = const.i32 -1 %3 = const.i32 0 %4 = near %1 %2 %3 %5 = const.i32 1"
            " %6 = near %1 %5 %3 %7 = add.f32 %4 %6 out 0 %7 }");
    assert_int_equal(s.list[0].ir->n_planes, 0);
    assert_int_equal(s.list[1].ir->n_planes, 1);
    assert_int_equal(s.list[2].ir->n_planes, 1);
    assert_int_equal(s.list[2].ir->n_args, 2);
    uint32_t first = s.list[0].fills[0], second = s.list[1].fills[0];
    assert_int_equal(s.list[1].reads[0], first);
    assert_int_equal(s.list[2].reads[0], second);
    assert_int_equal(s.edges[first], EDGE_REPEAT);
    assert_int_equal(s.edges[second], EDGE_CLAMP);
    assert_null(s.list[2].fills);
    arena_free(a);
}

static void reach_is_the_least_and_greatest_offset(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct stages s = split(a, two_passes);
    struct reach r;
    double args[2];
    stages_reach(plan_make(s.list[1].ir, a), NULL, &r, a);
    assert_int_equal(r.left, -1);
    assert_int_equal(r.right, 1);
    assert_int_equal(r.up, 0);
    assert_int_equal(r.down, 0);
    for (uint32_t i = 0; i < 2; i++)
        args[i] = s.list[2].ir->args[i].value;
    stages_reach(plan_make(s.list[2].ir, a), args, &r, a);
    assert_int_equal(r.left, 0);
    assert_int_equal(r.right, 0);
    assert_int_equal(r.up, -1);
    assert_int_equal(r.down, 3);
    arena_free(a);
}

/* Two planes side by side, one of them twice, and one above both: the two share the first stage, a copy is no third. */
static void planes_of_one_depth_share_a_stage(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct stages s =
        split(a, "main { %1 = iota %2 = f32.i32 %1 %3 = neg.f32 %2 %4 = plane %2 mirror %5 = plane %3 clamp"
                 " %6 = plane %2 mirror %7 = const.i32 2 %8 = near %4 %7 %7 %9 = near %5 %7 %7"
                 " %10 = const.i32 3 %11 = near %6 %10 %7 %12 = add.f32 %8 %9 %13 = plane %12 constant"
                 " %14 = near %13 %7 %7 %15 = add.f32 %14 %11 out 0 %15 }");
    assert_int_equal(s.n, 3);
    assert_int_equal(s.n_planes, 3);
    assert_int_equal(s.list[0].ir->n_outputs, 2);
    assert_int_equal(s.list[1].ir->n_outputs, 1);
    assert_int_equal(s.list[1].ir->n_planes, 2);
    assert_int_equal(s.list[2].ir->n_planes, 2); /* the one above, and the one read twice */
    assert_int_equal(s.edges[s.list[1].fills[0]], EDGE_CONSTANT);
    for (uint32_t i = 0; i < 2; i++)
        assert_true(s.list[1].reads[i] == s.list[0].fills[0] || s.list[1].reads[i] == s.list[0].fills[1]);
    arena_free(a);
}

/* What a stage computes again is computed the same way: passes find nothing to do in it that they had not found. */
static void a_stage_is_as_canonical_as_the_whole(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct stages s = split(a, two_passes);
    for (uint32_t i = 0; i < s.n; i++) {
        char *text = ir_print(s.list[i].ir, a);
        assert_false(pass_canon(s.list[i].ir) || pass_dead(s.list[i].ir));
        assert_string_equal(text, ir_print(s.list[i].ir, a));
    }
    arena_free(a);
}

/* The host hands every stage the same images. */
static void images_keep_their_slots(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct stages s =
        split(a, "image 0 unused image 1 paper image 2 stone arg 0 image 2 width main { %1 = iota"
                 " %2 = row %3 = fetch %1 %2 5 %4 = plane %3 repeat %5 = const.i32 1 %6 = near %4 %5 %5 %7 = arg 0"
                 " %8 = f32.f64 %7 %9 = fetch %2 %1 11 %10 = mul.f32 %6 %8 %11 = add.f32 %10 %9 out 0 %11 }");
    assert_int_equal(s.n, 2);
    for (uint32_t i = 0; i < s.n; i++) {
        assert_int_equal(s.list[i].ir->n_images, 2);
        assert_string_equal(s.list[i].ir->images[0].name, s.list[0].ir->images[0].name);
        assert_string_equal(s.list[i].ir->images[1].name, s.list[0].ir->images[1].name);
    }
    const struct ir *last = s.list[1].ir;
    assert_int_equal(last->n_args, 1);
    assert_int_equal(last->args[0].kind, ARG_IMAGE);
    assert_string_equal(last->images[last->args[0].index / 2].name, "stone");
    for (uint32_t v = 1; v < last->main.n; v++)
        if (last->main.ins[v].op == OP_FETCH)
            assert_string_equal(last->images[last->main.ins[v].imm.i / 4].name, "stone");
    assert_int_equal(s.list[0].ir->n_args, 0);
    arena_free(a);
}

/* The signal is made once; what comes behind reads it and what the host made of it as inputs. A loop before the host
 * stays before it. */
static void audio_is_cut_where_a_host_works(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct stages s = split(a, "response 0 hall 0 1 response 1 room 2 0 arg 0 param 0 "
                               "main { %1 = input 0 %2 = prev.f32 %3 %3 = add.f32 %1 %2 %4 = hosted %3 0 "
                               "%5 = mul.f32 %4 %3 %6 = hosted %5 1 %7 = add.f32 %6 %3 out 0 %7 }");
    assert_int_equal(s.n, 3);
    assert_int_equal(s.n_planes, 0);
    assert_int_equal(s.n_hosts, 2);
    assert_int_equal(s.n_signals, 1);
    assert_int_equal(s.hosts[0], 0);
    assert_int_equal(s.hosts[1], 1);
    must_be(a, &s.list[0], "main { %1 = prev.f32 %3 %2 = input 0 %3 = add.f32 %1 %2 out 0 %3 }");
    assert_int_equal(s.list[0].fills[0], 0);
    assert_int_equal(s.list[1].fills[0], 1);
    assert_null(s.list[2].fills);
    for (int i = 1; i < 3; i++) { /* the host's of this depth, and the first host's own signal */
        uint32_t other = (uint32_t)i - 1;
        assert_int_equal(s.list[i].ir->n_inputs, 3);
        assert_true((s.list[i].reads[0] == other && s.list[i].reads[1] == 2) ||
                    (s.list[i].reads[1] == other && s.list[i].reads[0] == 2));
        for (uint32_t v = 1; v < s.list[i].ir->main.n; v++)
            assert_true(s.list[i].ir->main.ins[v].op != OP_PREV_F32);
    }
    arena_free(a);
}

/* An input is read again, not handed over; hosts of one depth share a stage. */
static void hosts_of_one_depth_share_a_stage(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct stages s = split(a, "response 0 hall 0 2 response 1 hall 1 2 "
                               "main { %1 = input 0 %2 = input 1 %3 = hosted %1 0 %4 = hosted %2 1 %5 = hosted %1 0 "
                               "%6 = add.f32 %3 %1 %7 = add.f32 %4 %5 out 0 %6 out 1 %7 }");
    assert_int_equal(s.n, 2);
    assert_int_equal(s.n_hosts, 2); /* equal ones are one */
    assert_int_equal(s.list[0].ir->n_outputs, 2);
    assert_int_equal(s.list[1].ir->n_inputs, 4);
    assert_int_equal(s.list[1].reads[0] + s.list[1].reads[1], 1);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_planes_there_is_one_stage),      cmocka_unit_test(each_depth_is_a_stage),
        cmocka_unit_test(reach_is_the_least_and_greatest_offset), cmocka_unit_test(planes_of_one_depth_share_a_stage),
        cmocka_unit_test(a_stage_is_as_canonical_as_the_whole),   cmocka_unit_test(images_keep_their_slots),
        cmocka_unit_test(audio_is_cut_where_a_host_works),        cmocka_unit_test(hosts_of_one_depth_share_a_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
