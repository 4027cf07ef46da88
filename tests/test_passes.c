/* labels: core */
/* Passes, by data: each file of tests/cases/pass names its passes in the first line, then has IR, a line of three
 * dashes, and the IR expected. And what no single file can show: canonical shapes, speed, every pass on awkward graphs.
 */
#include "tests/support.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/interp.h"
#include "core/ir.h"
#include "core/pass.h"
#include "tests/support/ir_random.h"

#define CASES "tests/cases/pass"

static void verify(struct arena *a, const struct ir *ir, const char *where)
{
    struct fault f;
    fault_init(&f, a);
    if (ir_verify(ir, &f))
        fail_msg("%s: %s\n%s", where, f.items[0].detail, ir_print(ir, a));
}

static struct ir *parse(struct arena *a, const char *text, const char *where)
{
    struct fault f;
    struct ir *ir = NULL;
    fault_init(&f, a);
    if (ir_parse(text, a, &ir, &f))
        fail_msg("%s: %s\n%s", where, f.items[0].detail, text);
    verify(a, ir, where);
    return ir;
}

/* Runs "fold dead" or "all". */
static void run_passes(struct arena *a, struct ir *ir, char *names, const char *where)
{
    for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
        const struct pass *pass = pass_by_name(name);
        if (!strcmp(name, "all"))
            passes_run(ir, NULL, NULL);
        else if (pass)
            pass->run(ir);
        else
            fail_msg("%s: there is no pass %s", where, name);
        verify(a, ir, where);
    }
}

static void run_case(const char *name)
{
    struct arena *a = test_arena();
    char *path = arena_printf(a, "%s/%s", CASES, name);
    char *text = test_read_file(a, path, NULL);
    char *input = strchr(text, '\n'), *split = strstr(text, "\n---\n");
    if (strncmp(text, "pass ", 5) || !input || !split)
        fail_msg("%s: wants 'pass NAME', IR, '---', IR", path);
    *input++ = 0;
    *split = 0;
    struct ir *ir = parse(a, input, path);
    run_passes(a, ir, text + 5, path);
    const char *wanted = ir_print(parse(a, split + 5, path), a), *got = ir_print(ir, a);
    if (strcmp(got, wanted))
        fail_msg("%s gives\n%s  wanted\n%s", path, got, wanted);
    arena_free(a);
}

static int is_case(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 3 && !strcmp(d->d_name + n - 3, ".ir");
}

static void every_case_gives_what_it_says(void **state)
{
    (void)state;
    struct dirent **files;
    int n = scandir(CASES, &files, is_case, alphasort);
    assert_true(n > 20);
    for (int i = 0; i < n; i++) {
        run_case(files[i]->d_name);
        free(files[i]);
    }
    free(files);
}

static void every_pass_has_a_case(void **state)
{
    (void)state;
    struct dirent **files;
    int n = scandir(CASES, &files, is_case, alphasort);
    for (size_t p = 0; pass_at(p); p++) {
        const char *name = pass_at(p)->name;
        bool found = !strcmp(name, "rates"); /* its effect does not print */
        for (int i = 0; i < n; i++)
            found |= !strncmp(files[i]->d_name, name, strlen(name)) && files[i]->d_name[strlen(name)] == '_';
        if (!found)
            fail_msg("no case of the pass %s", name);
    }
    while (n)
        free(files[--n]);
    free(files);
}

enum { SAMPLES = 24, GRAPHS = 60, OUT = IR_RANDOM_OUTPUTS * SAMPLES };

/* Awkward signals without denormals: dropping x * 1 is allowed to keep those. */
static void fill_inputs(float in[2][SAMPLES], uint64_t seed)
{
    static const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN, 1e38f, -0.5f, 1e-30f};
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < SAMPLES; i++) {
            uint32_t r = test_random(&seed);
            in[c][i] = r & 1 ? special[(r >> 1) % 10] : (float)(r >> 8) / 4e6f - 2.0f;
        }
}

static bool same_samples(const float *a, const float *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) && !(isnan(a[i]) && isnan(b[i])))
            return false;
    return true;
}

static void check_meaning(struct arena *a, const struct ir *before, const struct ir *after, uint64_t seed,
                          const char *where)
{
    float in[2][SAMPLES], wanted[OUT], got[OUT];
    const float *channels[2] = {in[0], in[1]};
    fill_inputs(in, seed);
    ir_walk(before, channels, SAMPLES, wanted, a);
    ir_walk(after, channels, SAMPLES, got, a);
    if (!same_samples(wanted, got, before->n_outputs * SAMPLES))
        fail_msg("graph %u means something else after %s:\n%s  now\n%s", (unsigned)seed, where, ir_print(before, a),
                 ir_print(after, a));
}

static void every_pass_but_affine_keeps_every_sample(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        struct arena *a = test_arena();
        struct ir *ir = ir_random(a, seed, 20 + (uint32_t)seed % 60);
        verify(a, ir, "random");
        for (int round = 0; round < 3; round++)
            for (size_t p = 0; pass_at(p); p++) {
                struct ir *before = ir_copy(ir, a);
                bool changed = pass_at(p)->run(ir);
                verify(a, ir, pass_at(p)->name);
                if (!strcmp(pass_at(p)->name, "affine"))
                    continue;
                check_meaning(a, before, ir, seed, pass_at(p)->name);
                if (!changed && strcmp(ir_print(before, a), ir_print(ir, a)))
                    fail_msg("graph %u: %s changed something and says it did not", (unsigned)seed, pass_at(p)->name);
            }
        arena_free(a);
    }
}

static struct val emit(struct ir *ir, enum op op, int32_t imm, struct val x, struct val y)
{
    struct val args[2] = {x, y};
    return ir_emit(ir, &ir->main, (struct ins){.op = op, .imm.i = imm, .n_args = y.i ? 2 : x.i ? 1 : 0, .args = args});
}

/* The operations of a floating-point type, in the order that `algebra` reads them. */
static const enum op families[2][12] = {
    {OP_ADD_F32, OP_SUB_F32, OP_MUL_F32, OP_DIV_F32, OP_MIN_F32, OP_MAX_F32, OP_FMA_F32, OP_NEG_F32, OP_ABS_F32,
     OP_FLOOR_F32, OP_RINT_F32, OP_CONST_F32},
    {OP_ADD_F64, OP_SUB_F64, OP_MUL_F64, OP_DIV_F64, OP_MIN_F64, OP_MAX_F64, OP_FMA_F64, OP_NEG_F64, OP_ABS_F64,
     OP_FLOOR_F64, OP_RINT_F64, OP_CONST_F64},
};
enum { BINARIES = 6, FMA = 6, UNARIES = 7, N_UNARIES = 4, CONSTANT = 11 };

static const float algebra_numbers[] = {0.0f, -0.0f,    1.0f,      -1.0f, 2.0f,  -0.5f,
                                        3.0f, INFINITY, -INFINITY, NAN,   1e38f, 1e-30f};
enum { NUMBERS = sizeof algebra_numbers / sizeof *algebra_numbers };

/* x, -x, |x|, or a constant. */
static struct val operand_form(struct ir *ir, const enum op *family, struct val x, uint32_t form)
{
    if (form == 0)
        return x;
    if (form < 3)
        return emit(ir, family[UNARIES + form - 1], 0, x, VAL_NONE);
    struct ins ins = {.op = family[CONSTANT]};
    if (ins.op == OP_CONST_F32)
        ins.imm.f = algebra_numbers[form - 3];
    else
        ins.imm.d = (double)algebra_numbers[form - 3];
    return ir_emit(ir, &ir->main, ins);
}

/* Adds an output for each operation of two such operands, and one for each unary operation of that. */
static void algebra(struct ir *ir, const enum op *family, struct val x, struct val y, uint32_t left, uint32_t right)
{
    struct val a = operand_form(ir, family, x, left), b = operand_form(ir, family, y, right);
    for (uint32_t i = 0; i <= FMA; i++) {
        struct val args[3] = {a, b, operand_form(ir, family, x, 3 + (left + right) % NUMBERS)};
        struct val v = ir_emit(ir, &ir->main, (struct ins){.op = family[i], .n_args = i == FMA ? 3 : 2, .args = args});
        for (uint32_t u = 0; u <= N_UNARIES; u++) {
            struct val w = u ? emit(ir, family[UNARIES + u - 1], 0, v, VAL_NONE) : v;
            ir->outputs[ir->n_outputs++] = family == families[0] ? w : emit(ir, OP_F32_F64, 0, w, VAL_NONE);
        }
    }
}

static void check_algebra(const enum op *family, uint32_t left, uint32_t right, bool same_operand)
{
    enum { POINTS = NUMBERS * NUMBERS, OUTS = (FMA + 1) * (N_UNARIES + 1) };
    static float in[2][POINTS], wanted[OUTS * POINTS], got[OUTS * POINTS];
    struct arena *a = test_arena();
    struct ir *ir = ir_new(a);
    for (int i = 0; i < POINTS; i++) {
        in[0][i] = algebra_numbers[i % NUMBERS];
        in[1][i] = algebra_numbers[i / NUMBERS];
    }
    struct val x = emit(ir, OP_INPUT, 0, VAL_NONE, VAL_NONE), y = emit(ir, OP_INPUT, 1, VAL_NONE, VAL_NONE);
    if (family != families[0]) {
        x = emit(ir, OP_F64_F32, 0, x, VAL_NONE);
        y = emit(ir, OP_F64_F32, 0, y, VAL_NONE);
    }
    ir->outputs = ARENA_ARRAY(a, OUTS, struct val);
    ir->n_inputs = 2;
    algebra(ir, family, x, same_operand ? x : y, left, right);
    const float *channels[2] = {in[0], in[1]};
    struct ir *before = ir_copy(ir, a);
    ir_walk(before, channels, POINTS, wanted, a);
    while (pass_fold(ir) | pass_dead(ir))
        verify(a, ir, "fold");
    ir_walk(ir, channels, POINTS, got, a);
    if (!same_samples(wanted, got, ir->n_outputs * POINTS))
        fail_msg("folding changes a number:\n%s  now\n%s", ir_print(before, a), ir_print(ir, a));
    arena_free(a);
}

static void folding_holds_for_every_special_number(void **state)
{
    (void)state;
    for (int family = 0; family < 2; family++)
        for (uint32_t left = 0; left < 3 + NUMBERS; left++)
            for (uint32_t right = 0; right < 3 + NUMBERS; right++) {
                check_algebra(families[family], left, right, false);
                if (left < 3 && right < 3)
                    check_algebra(families[family], left, right, true);
            }
}

/* Affine fusion reassociates, so it is judged by its error on tame numbers. */
static void affine_chains_stay_close(void **state)
{
    (void)state;
    static const char chain[] =
        "arg 0 param 0 arg 1 param 1 arg 2 param 3 main { %1 = input 0 %2 = arg 0 %3 = f32.f64 %2 %4 = arg 1 "
        "%5 = f32.f64 %4 %6 = arg 2 %7 = f32.f64 %6 %8 = mul.f32 %1 %5 %9 = sub.f32 %7 %8 %10 = neg.f32 %9 "
        "%11 = fma.f32 %10 %7 %3 %12 = sub.f32 %11 %5 %13 = mul.f32 %7 %12 out 0 %13 out 1 %1 }";
    struct arena *a = test_arena();
    struct ir *before = parse(a, chain, "chain"), *after = ir_copy(before, a);
    float in[SAMPLES], wanted[OUT], got[OUT];
    const float *channels[1] = {in};
    for (int i = 0; i < SAMPLES; i++)
        in[i] = (float)i / 7.0f - 1.0f;
    assert_true(pass_affine(after));
    pass_dead(after);
    ir_walk(before, channels, SAMPLES, wanted, a);
    ir_walk(after, channels, SAMPLES, got, a);
    for (int i = 0; i < SAMPLES; i++) {
        assert_true(fabsf(wanted[i] - got[i]) <= 1e-5f);
        assert_true(fabsf(got[i] - (((2 * in[i] - 3) * 3 + 1) - 2) * 3) <= 1e-4f);
    }
    uint32_t at_samples = 0;
    for (uint32_t v = 1; v < after->main.n; v++)
        at_samples += after->main.ins[v].rate == RATE_SAMPLE;
    assert_int_equal(at_samples, 2); /* the input and one fma */
    arena_free(a);
}

static bool same_shape(struct arena *a, const struct ir *x, const struct ir *y)
{
    struct bytes p = ir_shape(x, a), q = ir_shape(y, a);
    return p.n == q.n && !memcmp(p.data, q.data, p.n);
}

static void check_spelling(struct arena *a, struct ir *ir, uint64_t seed)
{
    struct ir *other = ir_shuffled(ir, a, seed);
    verify(a, other, "shuffled");
    check_meaning(a, ir, other, seed, "shuffling");
    passes_run(ir, NULL, NULL);
    passes_run(other, NULL, NULL);
    if (!same_shape(a, ir, other))
        fail_msg("graph %u has two shapes:\n%s  and\n%s", (unsigned)seed, ir_print(ir, a), ir_print(other, a));
}

static void spelling_does_not_change_the_shape(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4 * GRAPHS; seed++) {
        struct arena *a = test_arena();
        check_spelling(a, ir_random(a, seed, 20 + (uint32_t)seed % 100), seed);
        arena_free(a);
    }
}

/* Recurrences that differ by nothing but their arguments, crossed: those of two neighbours are summed and multiplied,
 * so an argument is met in several places, and which of two like ones comes first must be decided once for all of them.
 * Eight instructions a voice, all of them needed. */
static struct ir *voices(struct arena *a, uint32_t n)
{
    struct ir *ir = ir_new(a);
    struct val *gain = ARENA_ARRAY(a, n, struct val), *voice = ARENA_ARRAY(a, n, struct val);
    struct val in = emit(ir, OP_INPUT, 0, VAL_NONE, VAL_NONE), sum = in;
    for (uint32_t i = 0; i < n; i++) {
        ir_add_arg(ir, (struct arg_source){.kind = ARG_LITERAL, .value = i});
        gain[i] = emit(ir, OP_F32_F64, 0, emit(ir, OP_ARG, (int32_t)i, VAL_NONE, VAL_NONE), VAL_NONE);
        struct val last = emit(ir, OP_PREV_F32, 0, in, VAL_NONE);
        voice[i] = emit(ir, OP_ADD_F32, 0, emit(ir, OP_MUL_F32, 0, last, gain[i]), in);
        ir->main.ins[last.i].args[0] = voice[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        struct val product = emit(ir, OP_MUL_F32, 0, voice[i], voice[(i + 1) % n]);
        sum = emit(ir, OP_ADD_F32, 0, sum, emit(ir, OP_ADD_F32, 0, gain[(i + 1) % n], product));
    }
    ir->outputs = ARENA_ARRAY(a, 1, struct val);
    ir->outputs[0] = sum;
    ir->n_outputs = ir->n_inputs = 1;
    return ir;
}

static void alike_voices_have_one_shape(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        struct arena *a = test_arena();
        check_spelling(a, voices(a, 2 + (uint32_t)seed % 16), seed);
        arena_free(a);
    }
}

static void shapes_tell_graphs_apart(void **state)
{
    (void)state;
    static const char *const graphs[] = {
        "main { %1 = input 0 out 0 %1 }",
        "main { %1 = input 1 out 0 %1 }",
        "main { %1 = input 0 %2 = input 1 out 0 %2 }",
        "main { %1 = input 0 out 0 %1 out 1 %1 }",
        "main { %1 = input 0 %2 = neg.f32 %1 out 0 %2 }",
        "main { %1 = input 0 %2 = neg.f32 %1 out 0 %1 }",
        "main { %1 = const.f32 0 out 0 %1 }",
        "main { %1 = const.f32 -0 out 0 %1 }",
        "main { %1 = const.f64 1 %2 = f32.f64 %1 out 0 %2 }",
        "main { %1 = const.f64 1.0000000000000002 %2 = f32.f64 %1 out 0 %2 }",
        "main { %1 = iota %2 = shl.i32 %1 1 %3 = f32.i32 %2 out 0 %3 }",
        "main { %1 = iota %2 = shl.i32 %1 2 %3 = f32.i32 %2 out 0 %3 }",
        "arg 0 literal 1 arg 1 literal 1 main { %1 = arg 0 %2 = arg 0 %3 = add.f64 %1 %2 %4 = f32.f64 %3 out 0 %4 }",
        "arg 0 literal 1 arg 1 literal 1 main { %1 = arg 0 %2 = arg 1 %3 = add.f64 %1 %2 %4 = f32.f64 %3 out 0 %4 }",
        "table t f32 1 [0] main { %1 = iota %2 = gather.f32 t %1 out 0 %2 }",
        "table t f32 1 [-0] main { %1 = iota %2 = gather.f32 t %1 out 0 %2 }",
        "table t f32 2 [0, 0] main { %1 = iota %2 = gather.f32 t %1 out 0 %2 }",
        "fn f(f32) f32 { %1 = param.f32 0 %2 = neg.f32 %1 ret %2 } main { %1 = input 0 %2 = call.f32 f %1 out 0 %2 }",
        "fn f(f32) f32 { %1 = param.f32 0 %2 = abs.f32 %1 ret %2 } main { %1 = input 0 %2 = call.f32 f %1 out 0 %2 }",
        "main { %1 = input 0 %2 = prev.f32 %1 out 0 %2 }",
        "main { %1 = input 0 %2 = prev.f32 %2 out 0 %2 }",
    };
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++)
        for (size_t k = 0; k < i; k++)
            if (same_shape(a, parse(a, graphs[i], "shape"), parse(a, graphs[k], "shape")))
                fail_msg("one shape:\n%s\n%s", graphs[i], graphs[k]);
    arena_free(a);
}

/* Law 3: neither the number of a literal nor that it became a parameter is part of the shape. */
static void the_source_of_a_number_is_not_in_the_shape(void **state)
{
    (void)state;
    static const char body[] =
        "main { %1 = input 0 %2 = arg 0 %3 = f32.f64 %2 %4 = mul.f32 %1 %3 %5 = arg 1 %6 = f32.f64 %5 "
        "%7 = mul.f32 %4 %6 out 0 %7 }";
    static const char *const args[] = {"arg 0 literal 2 arg 1 literal 3 ", "arg 0 literal 1 arg 1 literal 0 ",
                                       "arg 0 param 1 arg 1 literal nan ", "arg 0 param 0 arg 1 context rate "};
    struct arena *a = test_arena();
    struct ir *first = NULL;
    for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
        struct ir *ir = parse(a, arena_printf(a, "%s%s", args[i], body), "sources");
        passes_run(ir, NULL, NULL);
        if (!first)
            first = ir;
        assert_true(same_shape(a, first, ir));
    }
    arena_free(a);
}

struct trace {
    size_t n;
    bool last_round_changed;
};

static void note(const char *name, bool changed, void *user)
{
    struct trace *t = user;
    assert_string_equal(name, pass_at(t->n++ % 7)->name);
    t->last_round_changed = t->n % 7 == 1 ? changed : t->last_round_changed || changed;
}

static void the_driver_stops_at_a_fixed_point(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        struct arena *a = test_arena();
        struct ir *ir = ir_random(a, seed, 80);
        struct trace t = {0};
        passes_run(ir, note, &t);
        assert_false(t.last_round_changed);
        assert_true(t.n % 7 == 0 && t.n <= 7 * PASS_ROUNDS_MAX / 2);
        char *text = ir_print(ir, a);
        passes_run(ir, NULL, NULL);
        assert_string_equal(text, ir_print(ir, a));
        arena_free(a);
    }
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The least of a few runs of the whole table over n instructions. */
static double pipeline_ms(uint32_t n, int runs)
{
    double best = INFINITY;
    for (int i = 0; i < runs; i++) {
        struct arena *a = test_arena();
        struct ir *ir = voices(a, n / 8);
        double from = cpu_ms();
        passes_run(ir, NULL, NULL);
        best = fmin(best, cpu_ms() - from);
        arena_free(a);
    }
    return best;
}

static void time_grows_with_the_graph(void **state)
{
    (void)state;
    double small = pipeline_ms(200, 20), middle = pipeline_ms(5000, 4), large = pipeline_ms(50000, 2);
    print_message("passes: 200 instructions %.3f ms, 5,000 %.2f ms, 50,000 %.1f ms\n", small, middle, large);
    assert_true(large < 40 * middle);
#ifdef NDEBUG
    assert_true(small < 1.0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gives_what_it_says),
        cmocka_unit_test(every_pass_has_a_case),
        cmocka_unit_test(every_pass_but_affine_keeps_every_sample),
        cmocka_unit_test(folding_holds_for_every_special_number),
        cmocka_unit_test(affine_chains_stay_close),
        cmocka_unit_test(spelling_does_not_change_the_shape),
        cmocka_unit_test(alike_voices_have_one_shape),
        cmocka_unit_test(shapes_tell_graphs_apart),
        cmocka_unit_test(the_source_of_a_number_is_not_in_the_shape),
        cmocka_unit_test(the_driver_stops_at_a_fixed_point),
        cmocka_unit_test(time_grows_with_the_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
