/* labels: http long */
/* The house end to end, set up in every way it can be: interpreter only, kernels for each instruction set, one thread
 * or several, with kernels from the store of a process before. Every example, asked for over HTTP, gives the same bytes
 * from all of them. Sanitizers see some of the examples. */
#include "tests/support.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/host.h"
#include "jit/target.h"
#include "server/http_client.h"
#include "tests/support/server_child.h"

enum { EXAMPLES = 64, FRAMES = 48000 / TEST_SLOWNESS };

struct example {
    const char *name, *graph;
    char id[64];
    bool field, reads;
    uint8_t *bytes; /* of the reference's answer */
    size_t n;
};

#define PATIENT "--max-compile-ms", "60000"

static struct arena *arena;
static struct example examples[EXAMPLES];
static size_t n_examples;
static float signal_in[FRAMES][2];
static char program[512], compiler[512];

static int is_json(const struct dirent *d)
{
    const char *dot = strrchr(d->d_name, '.');
    return dot && !strcmp(dot, ".json");
}

static void list_examples(void)
{
    struct dirent **files;
    int n = scandir("examples", &files, is_json, alphasort);
    assert_true(n >= 12);
    for (int i = 0; i < n; i++) {
        if (i % TEST_SLOWNESS == 0 && n_examples < EXAMPLES) {
            struct example *x = &examples[n_examples++];
            x->name = arena_strdup(arena, files[i]->d_name);
            x->graph = test_read_file(arena, arena_printf(arena, "examples/%s", x->name), NULL);
        }
        free(files[i]);
    }
    free(files);
}

static void post(struct http_client *c, const char *path, const char *type, const void *body, size_t n,
                 struct http_answer *ret)
{
    char header[100];
    snprintf(header, sizeof header, "Content-Type: %s\r\n", type);
    double until = now_s() + 120 * (TEST_SLOWNESS - 1);
    do { /* a request does not wait as long as a worker under a sanitizer takes */
        assert_int_equal(http_client_send(c, "POST", path, header, body, n), 0);
        assert_int_equal(http_client_receive(c, ret), 0);
    } while (ret->status == 503 && now_s() < until);
    if (ret->status != 200 && ret->status != 201)
        fail_msg("%s: %d %.*s", path, ret->status, (int)(ret->body_size < 500 ? ret->body_size : 500), ret->body);
}

static void copy_member(const char *json, const char *key, char *ret, size_t size)
{
    char pattern[40];
    const char *at = strstr(json, (snprintf(pattern, sizeof pattern, "\"%s\":", key), pattern));
    if (!at)
        fail_msg("no %s in %.300s", key, json);
    at += strlen(pattern);
    at += strspn(at, " \"");
    size_t n = strcspn(at, "\",} ");
    snprintf(ret, size, "%.*s", (int)n, at);
}

/* What the server says this graph is. */
static void introduce(struct http_client *c, struct example *x)
{
    struct http_answer a;
    char kind[16], inputs[16];
    post(c, "/graphs", "application/json", x->graph, strlen(x->graph), &a);
    copy_member(a.body, "id", x->id, sizeof x->id);
    copy_member(a.body, "kind", kind, sizeof kind);
    copy_member(a.body, "inputs", inputs, sizeof inputs);
    x->field = !strcmp(kind, "field");
    x->reads = atoi(inputs) > 0;
}

/* One answer, engine and all. */
static void ask(struct http_client *c, struct example *x, struct http_answer *ret)
{
    introduce(c, x);
    if (x->field) {
        char *body = arena_printf(arena, "{\"graph\":%s,\"width\":301,\"height\":203,\"format\":\"f32\",\"time\":0.5}",
                                  x->graph);
        post(c, "/render", "application/json", body, strlen(body), ret);
    } else if (x->reads) {
        char *path = arena_printf(arena, "/process?graph=%s&channels=2&rate=48000&format=f32le", x->id);
        post(c, path, "application/octet-stream", signal_in, sizeof signal_in, ret);
    } else {
        char *body = arena_printf(
            arena, "{\"graph\":%s,\"rate\":48000,\"channels\":1,\"frames\":%d,\"format\":\"f32le\"}", x->graph, FRAMES);
        post(c, "/process", "application/json", body, strlen(body), ret);
    }
}

static struct host start(const char *store, const char *const *arguments)
{
    struct host h;
    if (!host_start(&h, program, store, arguments))
        fail_msg("the server did not start");
    return h;
}

/* Asks for all examples; `engine` is what must have answered, or NULL for any. The first server asked makes the
 * reference. */
static void must_answer_alike(const struct host *h, const char *setting, const char *engine)
{
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    assert_non_null(c);
    for (size_t i = 0; i < n_examples; i++) {
        struct example *x = &examples[i];
        struct http_answer a;
        ask(c, x, &a);
        const char *by = http_client_header(c, &a, "Sinter-Engine");
        if (!by || (engine && strcmp(by, engine) != 0))
            fail_msg("%s, %s: answered by %s", setting, x->name, by ? by : "nobody");
        if (!x->bytes) {
            x->bytes = arena_alloc(arena, a.body_size);
            x->n = a.body_size;
            memcpy(x->bytes, a.body, x->n);
        }
        if (a.body_size != x->n || memcmp(a.body, x->bytes, x->n))
            fail_msg("%s, %s: other bytes than the interpreter's on one thread", setting, x->name);
    }
    http_client_close(c);
}

static void must_serve(const char *setting, const char *const *arguments, const char *engine)
{
    struct host h = start("none", arguments);
    must_answer_alike(&h, setting, engine);
    assert_int_equal(host_stop(&h, true), 0);
}

static void interpreters_of_every_instruction_set_answer_alike(void **state)
{
    (void)state;
    must_serve("base, one thread",
               (const char *const[]){"--tier", "interp", "--interp-isa", "base", "--threads", "1", NULL}, "interp");
    must_serve("best", (const char *const[]){"--tier", "interp", "--inline-us", "0", "--threads", "3", NULL}, "interp");
    must_serve("no target", (const char *const[]){"--target", "none", "--interp-isa", "base", NULL}, "interp");
    must_serve("no compilers", (const char *const[]){"--compilers", "0", NULL}, "interp");
}

static void kernels_of_every_target_answer_alike(void **state)
{
    static const enum target targets[] = {TARGET_V3, TARGET_V4};
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const char *name = target_name(targets[i]);
        if (!target_runs_here(targets[i]))
            continue;
        must_serve(name,
                   (const char *const[]){"--tier", "jit", "--target", name, "--compiler", compiler, "--compilers", "2",
                                         PATIENT, NULL},
                   "jit");
        must_serve(name,
                   (const char *const[]){"--tier", "jit", "--target", name, "--compiler", compiler, "--threads", "1",
                                         PATIENT, NULL},
                   "jit");
    }
}

static void engines_that_change_during_a_request_answer_alike(void **state)
{
    (void)state;
    const char *const arguments[] = {"--compiler", compiler, "--compile-above-ms", "0", "--inline-us", "0", NULL};
    struct host h = start("none", arguments);
    for (int turn = 0; turn < 3; turn++)
        must_answer_alike(&h, "auto", NULL);
    assert_int_equal(host_stop(&h, true), 0);
}

static void kernels_of_a_process_before_answer_alike(void **state)
{
    (void)state;
    if (target_of_cpu() == TARGET_NONE)
        skip();
    struct host h = start(NULL, (const char *const[]){"--tier", "jit", "--compiler", compiler, PATIENT, NULL});
    char store[64];
    must_answer_alike(&h, "before", "jit");
    snprintf(store, sizeof store, "%s", h.store);
    assert_int_equal(host_stop(&h, true), 0);
    h = start(store, (const char *const[]){"--compiler", "/nonexistent/sinter-cc", NULL});
    must_answer_alike(&h, "after", "jit");
    h.own_store = true;
    assert_int_equal(host_stop(&h, false), 0);
}

static void make_signal(void)
{
    uint64_t seed = 9;
    for (int i = 0; i < FRAMES; i++)
        for (int c = 0; c < 2; c++)
            signal_in[i][c] = (float)(0.4 * sin(2 * M_PI * (220 + 57 * c) * i / 48000.0) +
                                      0.1 * (test_random(&seed) / 2147483648.0 - 1));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interpreters_of_every_instruction_set_answer_alike),
        cmocka_unit_test(kernels_of_every_target_answer_alike),
        cmocka_unit_test(engines_that_change_during_a_request_answer_alike),
        cmocka_unit_test(kernels_of_a_process_before_answer_alike),
    };
    const char *build = test_build_dir();
    char here[256] = "";
    if (*build != '/' && !getcwd(here, sizeof here))
        return 1;
    snprintf(program, sizeof program, "%s%s%s/sinter", here, *here ? "/" : "", build);
    snprintf(compiler, sizeof compiler, "%s%s%s/sinter-cc", here, *here ? "/" : "", build);
    arena = arena_new((size_t)256 << 20);
    make_signal();
    list_examples();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
