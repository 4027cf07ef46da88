/* labels: jit */
/* Law 1 on graphs that nobody thought of, by the way that requests go: random ones give the same bytes and the same
 * state from the interpreter at each instruction set and from kernels for each target, which the workers make one by
 * one. SINTER_RANDOM_GRAPHS says how many, SINTER_RANDOM_SEED from which on. See test_random_many.c for very many. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/graph_trial.h"

enum { GRAPHS = 60, AHEAD = 8 };

/* Asks for the kernels; false when sinter refuses this graph, for the reason in `fault`. */
static bool trial_open(struct graph_trial *t, const char *output, struct fault *fault)
{
    for (int e = 0; e < TEST_ENGINES; e++)
        t->tried[e] = test_engines[e].engine;
    enum status s = graph_trial_open(t, output, fault);
    if (s == STATUS_INTERNAL)
        fail_msg("SINTER_RANDOM_SEED=%llu: refused by one engine only: %s", (unsigned long long)t->seed,
                 fault->items[0].detail);
    for (int e = 1; s == STATUS_OK && e < TEST_ENGINES; e++)
        if (t->tried[e])
            rig_kernels(test_engines[e].engine, &t->rigs[e], 0);
    return s == STATUS_OK;
}

static const char *trial_compare(struct graph_trial *t)
{
    for (int e = 1; e < TEST_ENGINES; e++)
        if (t->tried[e] && !rig_kernels(test_engines[e].engine, &t->rigs[e], 60000))
            return test_engines_log();
    return graph_trial_difference(t);
}

/* The first node that alone shows it: nodes read only earlier ones, so it is the least part of the graph that does. */
static void report(struct graph_trial *t, const char *what)
{
    char *text = graph_random_text(&t->graph, NULL, t->arena), *first = arena_strdup(t->arena, what);
    for (size_t i = 0; i < t->graph.n_nodes; i++) {
        struct fault fault;
        struct graph_trial part = {.arena = arena_new((size_t)64 << 20), .graph = t->graph, .seed = t->seed};
        char *output = arena_printf(t->arena, "[\"%s\"]", t->graph.names[i]);
        fault_init(&fault, part.arena);
        if (trial_open(&part, output, &fault) && (what = trial_compare(&part))) {
            text = graph_random_text(&t->graph, output, t->arena);
            print_error("node %s alone: %s\n", t->graph.names[i], what);
            i = t->graph.n_nodes;
        }
        graph_trial_close(&part);
    }
    fprintf(stderr, "%s\n", text); /* it may be longer than cmocka prints */
    fail_msg("SINTER_RANDOM_SEED=%llu: %s", (unsigned long long)t->seed, first);
}

static void count_refusal(struct graph_trial *t, const struct fault *fault, int *n)
{
    ++*n;
    if (getenv("SINTER_RANDOM_VERBOSE"))
        print_message("refused: %s: %s\n%s\n", fault->items[0].pointer, fault->items[0].detail,
                      graph_random_text(&t->graph, NULL, t->arena));
}

/* How many of those from this seed on are refused. */
static int run_graphs(uint64_t seed, int graphs)
{
    static struct graph_trial ring[AHEAD];
    int refused = 0;
    for (int i = 0; i < graphs + AHEAD; i++) {
        struct graph_trial *t = &ring[i % AHEAD];
        if (i >= AHEAD && t->open) {
            const char *what = trial_compare(t);
            if (what)
                report(t, what);
        }
        if (i >= AHEAD)
            graph_trial_close(t);
        if (i >= graphs)
            continue;
        struct fault fault;
        *t = (struct graph_trial){.arena = arena_new((size_t)64 << 20), .seed = seed + (uint64_t)i};
        fault_init(&fault, t->arena);
        t->graph = graph_random(t->arena, t->seed);
        if (!trial_open(t, NULL, &fault))
            count_refusal(t, &fault, &refused);
    }
    return refused;
}

static void random_graphs_have_one_meaning(void **state)
{
    const char *count = getenv("SINTER_RANDOM_GRAPHS"), *first = getenv("SINTER_RANDOM_SEED");
    int graphs = count ? atoi(count) : GRAPHS;
    (void)state;
    int refused = run_graphs(first ? strtoull(first, NULL, 10) : 1, graphs);
    if (refused * 10 > graphs)
        fail_msg("%d of %d graphs were refused: the generator no longer knows what is well-formed", refused, graphs);
}

static void graphs_that_once_differed_do_so_no_more(void **state)
{
    static const uint64_t found[] = {700326};
    (void)state;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++)
        assert_int_equal(run_graphs(found[i], 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_that_once_differed_do_so_no_more),
        cmocka_unit_test(random_graphs_have_one_meaning),
    };
    graph_trials_start();
    if (!test_engines_start())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_engines_stop();
    return failed;
}
