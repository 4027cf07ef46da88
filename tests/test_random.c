/* labels: jit */
/* Law 1 on graphs that nobody thought of: random ones give the same bytes and the same state from the interpreter at
 * each instruction set and from kernels for each target, in different blocks. SINTER_RANDOM_GRAPHS says how many,
 * SINTER_RANDOM_SEED from which on. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engines.h"
#include "tests/support/graph_random.h"

enum { GRAPHS = 120, MANY = 1000, AHEAD = 8, CHANNELS = 8, FRAMES = 900, WIDTH = 75, HEIGHT = 5 };

/* What one engine made of it: outputs of the whole run. */
struct run {
    float out[CHANNELS][FRAMES];
};

struct trial {
    struct arena *arena;
    struct graph_random graph;
    uint64_t seed;
    bool open;
    struct rig rigs[TEST_ENGINES];
    struct run want; /* what the reference made of it */
    bool has_want;
};

static float signal[2][FRAMES];
static void make_signal(void)
{
    uint64_t seed = 5;
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < FRAMES; i++)
            signal[c][i] = (float)(test_random(&seed) / 2147483648.0 - 1);
    signal[0][500] = 1e-40f;
    signal[1][600] = -0.0f;
}

static void run_audio(struct rig *s, bool compiled, const int *sizes, int n_sizes, struct run *ret)
{
    rig_reset(s);
    for (int at = 0, k = 0, n; at < FRAMES; at += n, k++) {
        const float *in[CHANNELS];
        float *out[CHANNELS];
        n = sizes[k % n_sizes] < FRAMES - at ? sizes[k % n_sizes] : FRAMES - at;
        for (int c = 0; c < CHANNELS; c++) {
            in[c] = signal[c % 2] + at;
            out[c] = ret->out[c] + at;
        }
        rig_run(s, compiled, in, out, 0, n, 1);
    }
}

static void run_field(struct rig *s, bool compiled, int width, struct run *ret)
{
    s->context[CONTEXT_TIME] = 0.75;
    s->context[CONTEXT_Z] = 0.3;
    for (int px = 0; px < WIDTH; px += width) {
        float *out[CHANNELS];
        int n = WIDTH - px < width ? WIDTH - px : width;
        for (int c = 0; c < CHANNELS; c++)
            out[c] = ret->out[c] + px;
        s->context[CONTEXT_PX0] = 480 + px;
        s->context[CONTEXT_PY0] = 510;
        rig_run(s, compiled, NULL, out, WIDTH, n, HEIGHT);
    }
}

static void run(struct rig *s, bool compiled, bool split, struct run *ret)
{
    static const int whole[] = {FRAMES}, pieces[] = {1, 37, 256, 3, 300, 64};
    if (s->program->layout.kind == GRAPH_AUDIO)
        run_audio(s, compiled, split ? pieces : whole, split ? 6 : 1, ret);
    else
        run_field(s, compiled, split ? 17 : WIDTH, ret);
}

/* NULL when this engine agrees with the reference, else what differs. */
static const char *difference(struct trial *t, int e, bool compiled)
{
    static struct run got;
    static char what[256];
    struct rig *reference = &t->rigs[0], *s = &t->rigs[e];
    bool audio = s->program->layout.kind == GRAPH_AUDIO;
    size_t n = audio ? FRAMES : WIDTH * HEIGHT;
    uint32_t n_out = s->program->ir->n_outputs, a, b;
    if (!t->has_want)
        run(reference, false, false, &t->want);
    t->has_want = true;
    for (int split = 0; split < 2; split++) {
        run(s, compiled, split, &got);
        for (uint32_t c = 0; c < n_out; c++)
            for (size_t i = 0; i < n; i++) {
                memcpy(&a, &t->want.out[c][i], 4);
                memcpy(&b, &got.out[c][i], 4);
                if (a != b) {
                    snprintf(what, sizeof what,
                             "%s %s, %s: output %u, sample %zu is %g (%08x), the reference has %g (%08x)",
                             compiled ? "kernel" : "interpreter", test_engines[e].name, split ? "in pieces" : "whole",
                             c, i, (double)got.out[c][i], b, (double)t->want.out[c][i], a);
                    return what;
                }
            }
        if (audio && memcmp(reference->state, s->state, s->program->plan->state_size)) {
            snprintf(what, sizeof what, "%s %s, %s: another state", compiled ? "kernel" : "interpreter",
                     test_engines[e].name, split ? "in pieces" : "whole");
            return what;
        }
    }
    return NULL;
}

/* Among very many graphs each is tried on one target, by turns: there are enough for all. */
static bool takes_turns;
static bool is_tried(const struct trial *t, int e)
{
    bool turn =
        !takes_turns || e == 0 || !test_engines[1].engine || !test_engines[2].engine || e == 1 + (int)(t->seed % 2);
    return test_engines[e].engine && turn;
}

static void trial_close(struct trial *t)
{
    for (int e = 0; t->open && e < TEST_ENGINES; e++)
        if (is_tried(t, e))
            rig_close(&t->rigs[e]);
    arena_free(t->arena);
    t->open = false;
}

/* Lowers it for every engine and asks for its kernels. False: sinter refuses this graph, for the reason in `fault`. */
static bool trial_open(struct trial *t, const char *output, struct fault *fault)
{
    const char *text = graph_random_text(&t->graph, output, t->arena);
    for (int e = 0; e < TEST_ENGINES; e++) {
        if (!is_tried(t, e))
            continue;
        enum status s = rig_open(test_engines[e].engine, text, t->graph.layout, false, &t->rigs[e], fault);
        if (s != STATUS_OK && e == 0)
            return false;
        if (s != STATUS_OK)
            fail_msg("refused by one engine only: %s\n%s", fault->items[0].detail, text);
        rig_kernels(test_engines[e].engine, &t->rigs[e], 0);
    }
    t->open = true;
    return true;
}

static const char *trial_compare(struct trial *t)
{
    for (int e = 1; e < TEST_ENGINES; e++) {
        if (!is_tried(t, e))
            continue;
        struct rig *s = &t->rigs[e];
        if (!rig_kernels(test_engines[e].engine, s, 60000))
            return test_engines_log();
        const char *what = difference(t, e, false);
        what = what ? what : difference(t, e, true);
        if (what)
            return what;
    }
    return NULL;
}

/* The first node that alone shows it: nodes read only earlier ones, so it is the least part of the graph that does. */
static void report(struct trial *t, const char *what)
{
    char *text = graph_random_text(&t->graph, NULL, t->arena), *first = arena_strdup(t->arena, what);
    for (size_t i = 0; i < t->graph.n_nodes; i++) {
        struct fault fault;
        struct trial part = {.arena = arena_new((size_t)64 << 20), .graph = t->graph, .seed = t->seed};
        char *output = arena_printf(t->arena, "[\"%s\"]", t->graph.names[i]);
        fault_init(&fault, part.arena);
        if (trial_open(&part, output, &fault) && (what = trial_compare(&part))) {
            text = graph_random_text(&t->graph, output, t->arena);
            print_error("node %s alone: %s\n", t->graph.names[i], what);
            i = t->graph.n_nodes;
        }
        trial_close(&part);
    }
    fprintf(stderr, "%s\n", text); /* it may be longer than cmocka prints */
    fail_msg("SINTER_RANDOM_SEED=%llu: %s", (unsigned long long)t->seed, first);
}

static void count_refusal(struct trial *t, const struct fault *fault, int *n)
{
    ++*n;
    if (getenv("SINTER_RANDOM_VERBOSE"))
        print_message("refused: %s: %s\n%s\n", fault->items[0].pointer, fault->items[0].detail,
                      graph_random_text(&t->graph, NULL, t->arena));
}

/* How many of those from this seed on are refused. */
static int run_graphs(uint64_t seed, int graphs)
{
    static struct trial ring[AHEAD];
    int refused = 0;
    for (int i = 0; i < graphs + AHEAD; i++) {
        struct trial *t = &ring[i % AHEAD];
        if (i >= AHEAD && t->open) {
            const char *what = trial_compare(t);
            if (what)
                report(t, what);
        }
        if (i >= AHEAD)
            trial_close(t);
        if (i >= graphs)
            continue;
        struct fault fault;
        *t = (struct trial){.arena = arena_new((size_t)64 << 20), .seed = seed + (uint64_t)i};
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
    takes_turns = graphs >= MANY;
    int refused = run_graphs(first ? strtoull(first, NULL, 10) : 1, graphs);
    if (refused * 10 > graphs)
        fail_msg("%d of %d graphs were refused: the generator no longer knows what is well-formed", refused, graphs);
    test_figure("random.graphs", graphs - refused, "graphs", "100000");
}

static void graphs_that_once_differed_do_so_no_more(void **state)
{
    static const uint64_t found[] = {700326};
    (void)state;
    takes_turns = false;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++)
        assert_int_equal(run_graphs(found[i], 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_that_once_differed_do_so_no_more),
        cmocka_unit_test(random_graphs_have_one_meaning),
    };
    make_signal();
    if (!test_engines_start())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_engines_stop();
    return failed;
}
