/* labels: jit */
/* Law 1 on very many random graphs, most of them small: like tests/test_random.c, but the kernels of a batch of graphs
 * are compiled in one context here, as compile_images() does, instead of one by one by workers; and each goes through
 * the admission test first. Pieces of some graphs run in a child each, for what gcc leaks and what a kernel may break.
 *
 * SINTER_RANDOM_GRAPHS: how many. SINTER_RANDOM_SEED: from which on. SINTER_RANDOM_LOG: a file that remembers
 * which pieces are done, so that a run can be broken off and taken up again; one of another code is to be removed. */
#include "tests/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/interp.h"
#include "core/ir_text.h"
#include "jit/cc/admit.h"
#include "jit/cc/compile.h"
#include "tests/support/graph_trial.h"

enum {
    GRAPHS = 128,
    BATCH = 64,
    PIECE = 1024,
    LARGE_EACH = 8, /* one graph of so many is not a small one */
    BATCH_SECONDS = 300,
    TOLD = 5, /* findings of a piece that are printed */
    KERNELS_MAX = 4096,
};

static char directory[64] = "/tmp/sinter-test-XXXXXX";

/* What a child does, and what it says of it, in memory that both see. */
struct piece {
    uint64_t seed;
    int graphs;
    int run, refused, kernels, found;
    uint64_t at; /* the graph in hand */
};
static struct piece *piece;

/* Kernels of one target that are to be made. */
struct orders {
    struct arena *arena;
    const struct plan *plans[KERNELS_MAX];
    struct kernel **to[KERNELS_MAX];
    const char **why[KERNELS_MAX]; /* by kernel: where its graph says what was wrong */
    uint64_t seeds[KERNELS_MAX];
    size_t n;
};

struct batch {
    struct arena *arena;
    struct graph_trial trials[BATCH];
    const char *why[BATCH]; /* no kernel came, because */
    int n;
};

/* As the worker has it: from the text that it is sent. */
static const struct plan *plan_sent(const struct ir *ir, struct arena *a)
{
    struct ir *read;
    struct fault fault;
    fault_init(&fault, a);
    if (ir_parse(ir_print(ir, a), a, &read, &fault) != STATUS_OK || ir_verify(read, &fault) != STATUS_OK)
        return NULL;
    ir_rates(read);
    return plan_make(read, a);
}

static void order(struct orders *o, const struct ir *ir, struct kernel **to, const char **why, uint64_t seed)
{
    const struct plan *plan = o->n < KERNELS_MAX ? plan_sent(ir, o->arena) : NULL;
    if (!plan) {
        *why = "the IR's text is not read back";
        return;
    }
    o->plans[o->n] = plan;
    o->to[o->n] = to;
    o->why[o->n] = why;
    o->seeds[o->n++] = seed;
}

/* All at once, or, when gcc refuses that, one by one, to see whose fault it is. */
static void compile_all(struct orders *o, enum target target, struct image *ret_images)
{
    struct fault fault;
    fault_init(&fault, o->arena);
    if (o->n == 0 || compile_images(o->plans, o->n, target, directory, o->arena, ret_images, &fault) == STATUS_OK)
        return;
    for (size_t i = 0; i < o->n; i++) {
        fault_init(&fault, o->arena);
        if (compile_image(o->plans[i], target, directory, o->arena, &ret_images[i], &fault) != STATUS_OK)
            *o->why[i] = arena_strdup(o->arena, fault.items[0].detail);
    }
}

static void make_kernels(struct orders *o, enum target target)
{
    static const uint8_t key[HASH_SIZE], no_shape[1];
    struct image *images = ARENA_ARRAY(o->arena, o->n + 1, struct image);
    fp_state_leave(TEXT_MXCSR); /* as the worker is while it compiles */
    compile_all(o, target, images);
    for (size_t i = 0; i < o->n; i++) {
        struct fault fault;
        fault_init(&fault, o->arena);
        piece->at = o->seeds[i];
        if (*o->why[i] || admit(o->plans[i], &images[i], o->arena, &fault) != STATUS_OK ||
            kernel_new(key, (struct bytes){no_shape, 0}, &images[i], o->to[i], &fault) != STATUS_OK)
            *o->why[i] = *o->why[i] ? *o->why[i] : arena_strdup(o->arena, fault.items[0].detail);
        else
            piece->kernels++;
    }
    fp_state_enter();
}

static void order_kernels(struct batch *b, int e)
{
    struct orders *o = ARENA_NEW(b->arena, struct orders);
    o->arena = b->arena;
    for (int i = 0; i < b->n; i++) {
        struct graph_trial *t = &b->trials[i];
        if (!t->open || !t->tried[e])
            continue;
        struct rig *s = &t->rigs[e];
        order(o, s->program->ir, &s->kernel, &b->why[i], t->seed);
        for (uint32_t k = 0; k < s->program->n_stages; k++)
            order(o, s->program->stages[k]->ir, &s->stage_kernels[k], &b->why[i], t->seed);
    }
    make_kernels(o, test_engines[e].target);
}

/* One target a graph, by turns: there are enough of them for all. */
static void choose_engines(struct graph_trial *t)
{
    bool both = test_engines[1].engine && test_engines[2].engine;
    for (int e = 0; e < TEST_ENGINES; e++)
        t->tried[e] = test_engines[e].engine && (e == 0 || !both || e == 1 + (int)(t->seed % 2));
}

static bool is_large(uint64_t seed)
{
    return seed / 2 % LARGE_EACH == 0; /* of both targets */
}

static void trial_make(struct graph_trial *t, uint64_t seed)
{
    *t = (struct graph_trial){.arena = arena_new((size_t)64 << 20), .seed = seed};
    t->graph = is_large(seed) ? graph_random(t->arena, seed) : graph_random_small(t->arena, seed);
    choose_engines(t);
}

static struct batch *batch_new(void)
{
    struct arena *a = arena_new((size_t)4 << 30);
    struct batch *b = ARENA_NEW(a, struct batch);
    b->arena = a;
    alarm(BATCH_SECONDS);
    return b;
}

static void batch_done(struct batch *b)
{
    for (int i = 0; i < b->n; i++)
        graph_trial_close(&b->trials[i]);
    arena_free(b->arena);
}

/* The last of the batch; what all engines refuse it with is no finding. */
static enum status batch_open_last(struct batch *b, const char *output)
{
    struct graph_trial *t = &b->trials[b->n++];
    struct fault fault;
    fault_init(&fault, t->arena);
    piece->at = t->seed;
    enum status s = graph_trial_open(t, output, &fault);
    if (s == STATUS_INTERNAL)
        b->why[b->n - 1] = "refused by one engine only";
    return s;
}

static void batch_compile(struct batch *b)
{
    for (int e = 1; e < TEST_ENGINES; e++)
        if (test_engines[e].engine)
            order_kernels(b, e);
}

static const char *batch_difference(struct batch *b, int i)
{
    struct graph_trial *t = &b->trials[i];
    piece->at = t->seed;
    return b->why[i] || !t->open ? b->why[i] : graph_trial_difference(t);
}

/* The first node that alone shows it: nodes read only earlier ones, so it is the least part of the graph that does. */
static void tell(const struct graph_trial *t, const char *what)
{
    printf("SINTER_RANDOM_SEED=%llu: %s\n", (unsigned long long)t->seed, what);
    for (size_t i = 0; i < t->graph.n_nodes; i++) {
        struct batch *b = batch_new();
        char *output = arena_printf(b->arena, "[\"%s\"]", t->graph.names[i]);
        trial_make(&b->trials[0], t->seed);
        bool shows = false;
        if (batch_open_last(b, output) == STATUS_OK) {
            batch_compile(b);
            what = batch_difference(b, 0);
            shows = what;
        }
        if (shows)
            printf("node %s alone: %s\n%s\n", t->graph.names[i], what, graph_random_text(&t->graph, output, b->arena));
        batch_done(b);
        if (shows)
            return;
    }
    printf("%s\n", graph_random_text(&t->graph, NULL, t->arena));
}

static void run_batch(uint64_t seed, int n)
{
    struct batch *b = batch_new();
    for (int i = 0; i < n; i++) {
        trial_make(&b->trials[i], seed + (uint64_t)i);
        if (batch_open_last(b, NULL) != STATUS_OK && !b->why[i])
            piece->refused++;
    }
    batch_compile(b);
    for (int i = 0; i < n; i++) {
        const char *what = batch_difference(b, i);
        piece->run += b->trials[i].open;
        if (what && ++piece->found <= TOLD)
            tell(&b->trials[i], what);
    }
    batch_done(b);
}

static void piece_run(void)
{
    if (!test_engines_start_alone())
        _exit(3);
    for (int i = 0; i < piece->graphs; i += BATCH)
        run_batch(piece->seed + (uint64_t)i, piece->graphs - i < BATCH ? piece->graphs - i : BATCH);
    test_engines_stop();
    fflush(stdout);
    _exit(0);
}

static void piece_in_child(uint64_t seed, int graphs)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};
    int status = 0;
    *piece = (struct piece){.seed = seed, .graphs = graphs};
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a run that is broken off leaves nothing running */
        for (int i = 0; i < (int)(sizeof deadly / sizeof *deadly); i++)
            signal(deadly[i], SIG_DFL); /* cmocka would go on with the test after them */
        piece_run();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    piece->found++;
    printf("SINTER_RANDOM_SEED=%llu: the process ended with %s %d\n", (unsigned long long)piece->at,
           WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* The log: a line a piece. */

static bool log_has(const char *path, uint64_t seed, int graphs)
{
    FILE *f = path ? fopen(path, "r") : NULL;
    struct piece p;
    bool has = false;
    while (f && !has &&
           fscanf(f, "%lu %d: %d run, %d refused, %d kernels, %d found\n", &p.seed, &p.graphs, &p.run, &p.refused,
                  &p.kernels, &p.found) == 6)
        if (p.seed == seed && p.graphs == graphs && p.found == 0) {
            *piece = p;
            has = true;
        }
    if (f)
        fclose(f);
    return has;
}

static void log_add(const char *path)
{
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f)
        return;
    fprintf(f, "%lu %d: %d run, %d refused, %d kernels, %d found\n", piece->seed, piece->graphs, piece->run,
            piece->refused, piece->kernels, piece->found);
    fclose(f);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

struct sum {
    int run, refused, kernels, found, fresh;
};

static struct sum run_pieces(uint64_t first, int graphs, const char *log)
{
    struct sum sum = {0};
    for (int i = 0; i < graphs; i += PIECE) {
        int n = graphs - i < PIECE ? graphs - i : PIECE;
        if (!log_has(log, first + (uint64_t)i, n)) {
            piece_in_child(first + (uint64_t)i, n);
            log_add(log);
            sum.fresh += piece->run;
        }
        sum.run += piece->run;
        sum.refused += piece->refused;
        sum.kernels += piece->kernels;
        sum.found += piece->found;
    }
    return sum;
}

static void very_many_random_graphs_have_one_meaning(void **state)
{
    const char *count = getenv("SINTER_RANDOM_GRAPHS"), *first = getenv("SINTER_RANDOM_SEED");
    int graphs = count ? atoi(count) : GRAPHS;
    double began = now();
    (void)state;
    struct sum sum = run_pieces(first ? strtoull(first, NULL, 10) : 1, graphs, getenv("SINTER_RANDOM_LOG"));
    test_figure("random.graphs", sum.run, "graphs", count ? "100000" : "-");
    test_figure("random.kernels", sum.kernels, "kernels", "-");
    test_figure("random.seconds", now() - began, "s", "-");
    test_figure("random.processor_time", sum.fresh ? 1e3 * cpu_seconds() / sum.fresh : 0, "ms/graph", "-");
    test_figure("random.findings", sum.found, "graphs", "0");
    assert_int_equal(sum.found, 0);
    if (sum.refused * 10 > graphs)
        fail_msg("%d of %d graphs were refused: the generator no longer knows what is well-formed", sum.refused,
                 graphs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(very_many_random_graphs_have_one_meaning),
    };
    piece = mmap(NULL, sizeof *piece, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED || !mkdtemp(directory))
        return 1;
    setenv("TMPDIR", directory, 1);
    setenv("PATH", "/usr/bin:/bin", 1);
    graph_trials_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
