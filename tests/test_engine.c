/* labels: jit slow */
/* The engine from graph to running kernel, with the real sinter-cc: one compile however many ask, one key however it is
 * spelled, and no more programs and kernels than it is told to keep. */
#include "tests/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/lone_engine.h"

static const char graph[] = "sin(x * 7 + y) * 0.25 + 0.5";

static void both_engines_give_the_same_samples(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    struct program *p = lone_program(e, graph);
    struct kernel *k = lone_kernel(e, p, KERNEL_COMPILED);
    float *interpreted = lone_run(p, NULL), *compiled = lone_run(p, k);
    assert_memory_equal(interpreted, compiled, LONE_SIZE);
    assert_true(interpreted[0] > 0.5F && interpreted[0] < 0.7F);
    kernel_unref(k);
    program_unref(p);
    engine_free(e);
}

static void spelling_and_literals_do_not_change_the_key(void **state)
{
    (void)state;
    static const char *const same[] = {"sin(x * 7 + y) * 0.25 + 0.5", "0.5 + 0.25*sin(y + 7*x)", "sin(x*9+y)*-3+1e9",
                                       "(let a = x*1; 0.5 + sin(y + a) * 0.25)"};
    char first[HASH_HEX], other[HASH_HEX];
    struct engine *e = lone_engine(lone_config());
    struct program *p = lone_program(e, same[0]);
    kernel_unref(lone_kernel(e, p, KERNEL_COMPILED));
    assert_true(engine_key(e, p, first));
    for (size_t i = 1; i < sizeof same / sizeof *same; i++) {
        struct program *q = lone_program(e, same[i]);
        assert_true(engine_key(e, q, other));
        assert_string_equal(first, other);
        assert_string_not_equal(p->graph_id, q->graph_id);
        struct kernel *k = lone_kernel(e, q, KERNEL_MEMORY);
        assert_memory_equal(lone_run(q, NULL), lone_run(q, k), LONE_SIZE);
        kernel_unref(k);
        program_unref(q);
    }
    struct program *q = lone_program(e, "cos(x * 7 + y) * 0.25 + 0.5");
    assert_true(engine_key(e, q, other));
    assert_string_not_equal(first, other);
    assert_int_equal(lone_stats(e).compiles_ok, 1);
    program_unref(q);
    program_unref(p);
    engine_free(e);
}

static struct engine *crowd_engine;
static atomic_uint crowd_kernels;

static void *ask(void *user)
{
    enum kernel_origin origin;
    struct kernel *k = engine_kernel(crowd_engine, user, 1e9, LONE_WAIT_MS, &origin);
    atomic_fetch_add(&crowd_kernels, k != NULL);
    kernel_unref(k);
    return NULL;
}

static void a_crowd_with_one_new_graph_causes_one_compile(void **state)
{
    (void)state;
    pthread_t threads[64];
    struct program *programs[64];
    crowd_engine = lone_engine(lone_config());
    for (int i = 0; i < 64; i++)
        programs[i] = lone_program(crowd_engine, arena_printf(lone_arena, "sin(x * %d + y)", i + 2));
    for (int i = 0; i < 64; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, programs[i]), 0);
    for (int i = 0; i < 64; i++) {
        pthread_join(threads[i], NULL);
        program_unref(programs[i]);
    }
    struct engine_stats s = lone_stats(crowd_engine);
    assert_int_equal(crowd_kernels, 64);
    assert_int_equal(s.compiles_ok, 1);
    assert_int_equal(s.compile_count, 1);
    assert_int_equal(s.kernels_loaded, 1);
    assert_true(s.compile_ms_last[0] > 1);
    engine_free(crowd_engine);
}

/* Without a wait: nobody waits for the compiler. */
static enum kernel_origin glance(struct engine *e, struct program *p, double expected_ns)
{
    enum kernel_origin origin;
    kernel_unref(engine_kernel(e, p, expected_ns, 0, &origin));
    return origin;
}

static void work_that_repays_it_or_a_second_sight_begins_a_compile(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    lone_bring(e, "x + 1", KERNEL_COMPILED); /* the compiler is known from here on */
    struct program *small = lone_program(e, "sin(x)"), *large = lone_program(e, "cos(x)");
    assert_int_equal(glance(e, small, 1e3), KERNEL_MISS);
    assert_int_equal(engine_kernel_state(e, small), KERNEL_ABSENT);
    assert_int_equal(glance(e, large, 1e6), KERNEL_MISS);
    assert_int_not_equal(engine_kernel_state(e, large), KERNEL_ABSENT);
    assert_int_equal(glance(e, small, 1e3), KERNEL_MISS);
    assert_int_not_equal(engine_kernel_state(e, small), KERNEL_ABSENT);
    struct kernel *k = NULL;
    for (int i = 0; i < 3000 && !k; i++) {
        usleep(10000);
        k = engine_kernel_poll(e, small);
    }
    assert_non_null(k);
    assert_int_equal(engine_kernel_state(e, small), KERNEL_LOADED);
    assert_int_equal(glance(e, small, 1e3), KERNEL_MEMORY);
    kernel_unref(k);
    program_unref(small);
    program_unref(large);
    engine_free(e);
}

static void a_graph_asked_for_before_the_compiler_has_a_name_is_compiled(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    struct program *p = lone_program(e, "cos(x * 5 - y) * 0.5");
    enum kernel_origin origin;
    struct kernel *k =
        engine_kernel(e, p, 1e12, 0, &origin); /* once, within the first millisecond; the compiler warms for longer */
    assert_null(k);
    for (int i = 0; i < 1000 && !lone_stats(e).compiles_ok; i++)
        usleep(10000);
    assert_int_equal(lone_stats(e).compiles_ok, 1);
    program_unref(p);
    engine_free(e);
}

static void the_interpreter_tier_never_compiles(void **state)
{
    (void)state;
    struct engine_config c = lone_config();
    c.tier = TIER_INTERP;
    struct engine *e = lone_engine(c);
    struct program *p = lone_program(e, graph);
    enum kernel_origin origin;
    for (int i = 0; i < 3; i++)
        assert_null(engine_kernel(e, p, 1e12, 100, &origin));
    assert_int_equal(lone_stats(e).workers, 0);
    assert_false(lone_stats(e).degraded);
    program_unref(p);
    engine_free(e);
}

static void programs_are_found_again_and_bounded(void **state)
{
    (void)state;
    struct engine_config c = lone_config();
    c.programs = 4;
    struct engine *e = lone_engine(c);
    struct program *p = lone_program(e, "x * 2"), *again = lone_program(e, " x*2 "), *known;
    char id[GRAPH_ID_SIZE];
    struct graph *g;
    struct fault f;
    fault_init(&f, lone_arena);
    assert_int_equal(graph_from_expr("x*2", NULL, lone_arena, &g, &f), STATUS_OK);
    graph_id(g, lone_arena, id);
    assert_string_equal(p->graph_id, id);
    assert_ptr_equal(p, again);
    known = engine_program_known(e, id, lone_layout);
    assert_ptr_equal(known, p);
    assert_null(engine_program_known(e, id, (struct layout){GRAPH_AUDIO, 2}));
    program_unref(again);
    program_unref(known);
    for (int i = 0; i < 4; i++)
        program_unref(lone_program(e, arena_printf(lone_arena, "x * %d", i + 3)));
    assert_null(engine_program_known(e, id, lone_layout));
    assert_memory_equal(lone_run(p, NULL), lone_run(p, NULL), 4); /* ours lives on */
    program_unref(p);
    engine_free(e);
}

/* A blur is two passes behind what it blurs: what lies before differs, the passes' kernels are the same. */
static void stages_are_programs_with_kernels_of_their_own(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    struct program *p = lone_program(e, "blur(sin(9*x))"), *other = lone_program(e, "blur(y*y)");
    assert_int_equal(p->n_stages, 2);
    assert_int_equal(p->n_planes, 2);
    assert_null(p->fills);
    assert_int_equal(p->ir->n_planes, 1);
    assert_int_equal(p->reads[0], p->stages[1]->fills[0]);
    assert_int_equal(p->stages[1]->reads[0], p->stages[0]->fills[0]);
    assert_int_equal(p->stages[0]->ir->n_planes, 0);
    assert_true(p->whole_cost.interp_ns > p->cost.interp_ns + p->stages[0]->cost.interp_ns);
    assert_int_equal(other->n_stages, 2);
    kernel_unref(lone_kernel(e, p->stages[0], KERNEL_COMPILED));
    kernel_unref(lone_kernel(e, p->stages[1], KERNEL_COMPILED));
    kernel_unref(lone_kernel(e, p, KERNEL_COMPILED));
    kernel_unref(lone_kernel(e, other->stages[0], KERNEL_COMPILED));
    kernel_unref(lone_kernel(e, other->stages[1], KERNEL_MEMORY));
    kernel_unref(lone_kernel(e, other, KERNEL_MEMORY));
    char key[HASH_HEX], shared[HASH_HEX];
    assert_true(engine_key(e, p->stages[1], key) && engine_key(e, other->stages[1], shared));
    assert_string_equal(key, shared);
    assert_true(engine_key(e, other->stages[0], shared));
    assert_string_not_equal(key, shared);
    program_unref(p);
    program_unref(other);
    engine_free(e);
}

/* Compiles of stages that were wanted before there was a compiler hold the whole, whoever lets go of it meanwhile. */
static void stages_asked_for_before_the_compiler_has_a_name_are_compiled(void **state)
{
    (void)state;
    struct engine_config c = lone_config();
    c.programs = 1;
    struct engine *e = lone_engine(c);
    struct program *p = lone_program(e, "blur(cos(9*x))");
    for (uint32_t i = 0; i < p->n_stages; i++)
        assert_int_equal(glance(e, p->stages[i], 1e12), KERNEL_MISS);
    assert_int_equal(glance(e, p, 1e12), KERNEL_MISS);
    for (int i = 0; i < 1000 && !lone_stats(e).compiles_ok; i++)
        usleep(1000);
    program_unref(p);
    program_unref(lone_program(e, "x + y")); /* takes its place in the table */
    for (int i = 0; i < 1000 && lone_stats(e).compiles_ok < 3; i++)
        usleep(10000);
    assert_int_equal(lone_stats(e).compiles_ok, 3);
    engine_free(e);
}

/* Kernels evicted from memory go from the stages too. */
static void stages_let_go_of_kernels_that_were_evicted(void **state)
{
    (void)state;
    struct engine_config c = lone_config();
    c.kernels = 1;
    struct engine *e = lone_engine(c);
    struct program *p = lone_program(e, "blur(sin(9*x))");
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i <= p->n_stages; i++) {
            enum kernel_origin origin;
            struct kernel *k = NULL;
            for (int turn = 0; turn < 500 && (!k || origin == KERNEL_MEMORY); turn++) {
                kernel_unref(k);
                usleep(turn ? 2000 : 0); /* it is unbound by the thread that compiled, which woke us before */
                k = engine_kernel(e, i < p->n_stages ? p->stages[i] : p, 0, LONE_WAIT_MS, &origin);
            }
            assert_non_null(k);
            assert_int_not_equal(origin, KERNEL_MEMORY); /* from the store, or compiled when that was written late */
            kernel_unref(k);
            assert_true(lone_stats(e).kernels_loaded <= 1);
        }
    program_unref(p);
    engine_free(e);
}

static void faults_of_the_graph_come_back(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    struct graph *g;
    struct program *p;
    struct fault f;
    fault_init(&f, lone_arena);
    assert_int_equal(graph_from_expr("x + nowhere", NULL, lone_arena, &g, &f), STATUS_OK);
    enum status s = engine_program(e, g, graph_canonical(g, lone_arena), lone_layout, &GRAPH_LIMITS_DEFAULT, &p, &f);
    assert_int_not_equal(s, STATUS_OK);
    assert_int_equal(f.status, s);
    assert_true(f.count >= 1 && strstr(f.items[0].detail, "nowhere"));
    engine_free(e);
}

static void mapped_kernels_are_bounded(void **state)
{
    (void)state;
    struct engine_config c = lone_config();
    c.kernels = 2;
    struct engine *e = lone_engine(c);
    static const char *const exprs[] = {"sin(x)", "cos(x)", "sin(x) + cos(y)", "floor(x)"};
    struct program *programs[4];
    for (int i = 0; i < 4; i++) {
        programs[i] = lone_program(e, exprs[i]);
        kernel_unref(lone_kernel(e, programs[i], KERNEL_COMPILED));
        assert_true(lone_stats(e).kernels_loaded <= 2);
    }
    /* The first was evicted, unbound from its program, and is in the store. */
    struct kernel *k = NULL;
    for (int i = 0; i < 500 && !k; i++) {
        enum kernel_origin origin;
        usleep(2000); /* it is being written */
        k = engine_kernel(e, programs[0], 0, LONE_WAIT_MS, &origin);
        assert_int_not_equal(origin, KERNEL_MEMORY);
    }
    assert_memory_equal(lone_run(programs[0], NULL), lone_run(programs[0], k), LONE_SIZE);
    kernel_unref(k);
    for (int i = 0; i < 4; i++)
        program_unref(programs[i]);
    engine_free(e);
}

/* Few kernels and programs may stay, so that everything is evicted, unbound, read again and collapsed all the time. */
static void *churns(void *user)
{
    unsigned *wrong = user;
    uint64_t seed = (uintptr_t)user;
    struct arena *a = arena_new(64 << 20);
    struct graph *g;
    struct program *p;
    struct fault f;
    for (int i = 0; i < 150; i++) {
        unsigned n = test_random(&seed) % 8;
        enum kernel_origin origin;
        fault_init(&f, a);
        const char *expr = arena_printf(a, "x%.*s * 0.5", (int)n * 4, " * y * y * y * y * y * y * y * y");
        if (graph_from_expr(expr, NULL, a, &g, &f) ||
            engine_program(crowd_engine, g, graph_canonical(g, a), lone_layout, &GRAPH_LIMITS_DEFAULT, &p, &f)) {
            ++*wrong;
            break;
        }
        struct kernel *k = engine_kernel(crowd_engine, p, 1e9, (int)(test_random(&seed) % 3) * 20, &origin);
        float out[4], again[4];
        double args[64], context[CONTEXT_COUNT] = {[CONTEXT_DX] = 0.25, [CONTEXT_DY] = 0.25};
        _Alignas(KERNEL_ALIGN) static _Thread_local char work[1 << 16];
        *wrong += interp_work_size(p->interp) > sizeof work || p->ir->n_args > 64;
        lower_args(p->ir, NULL, context, NULL, args);
        struct kernel_call call = {
            .args = args, .out = (float *const[]){out}, .scratch = (float *)work, .count = 4, .rows = 1};
        unsigned saved = fp_state_enter();
        program_run(p, NULL, &call, work);
        call.out = (float *const[]){again};
        program_run(p, k, &call, work);
        fp_state_leave(saved);
        *wrong += memcmp(out, again, sizeof out) != 0;
        kernel_unref(engine_kernel_poll(crowd_engine, p));
        kernel_unref(k);
        program_unref(p);
    }
    arena_free(a);
    return NULL;
}

static void threads_share_what_comes_and_goes(void **state)
{
    (void)state;
    pthread_t threads[8];
    unsigned wrong[8] = {0};
    struct engine_config c = lone_config();
    c.kernels = 2;
    c.programs = 3;
    crowd_engine = lone_engine(c);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churns, &wrong[i]), 0);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(wrong[i], 0);
    }
    struct engine_stats s = lone_stats(crowd_engine);
    assert_true(s.hits_store > 0 && s.hits_memory > 0);
    assert_true(s.kernels_loaded <= 2);
    assert_int_equal(s.store_refused + s.store_errors + s.compiles_refused + s.compiles_crashed, 0);
    engine_free(crowd_engine);
}
static void the_assembly_can_be_read(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    struct program *p = lone_program(e, graph);
    struct fault f;
    char *text;
    fault_init(&f, lone_arena);
    lone_bring(e, "x", KERNEL_COMPILED); /* a worker runs */
    assert_int_equal(engine_assembly(e, p, lone_arena, &text, &f), STATUS_OK);
    assert_non_null(strstr(text, "ret"));
    program_unref(p);
    engine_free(e);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, lone_set_up, lone_tear_down)
    const struct CMUnitTest tests[] = {
        ONE(both_engines_give_the_same_samples),
        ONE(spelling_and_literals_do_not_change_the_key),
        ONE(a_crowd_with_one_new_graph_causes_one_compile),
        ONE(work_that_repays_it_or_a_second_sight_begins_a_compile),
        ONE(a_graph_asked_for_before_the_compiler_has_a_name_is_compiled),
        ONE(the_interpreter_tier_never_compiles),
        ONE(programs_are_found_again_and_bounded),
        ONE(stages_are_programs_with_kernels_of_their_own),
        ONE(stages_asked_for_before_the_compiler_has_a_name_are_compiled),
        ONE(stages_let_go_of_kernels_that_were_evicted),
        ONE(faults_of_the_graph_come_back),
        ONE(mapped_kernels_are_bounded),
        ONE(threads_share_what_comes_and_goes),
        ONE(the_assembly_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
