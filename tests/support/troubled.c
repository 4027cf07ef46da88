/* See troubled.h. */
#include "tests/support.h"

#include "tests/support/troubled.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/server_child.h"

enum { SIDE = 64, BYTES = SIDE * SIDE * 4 };

char troubled_program[512], troubled_compiler[512];
const char *const troubled_with_compiler[] = {"--compiler", troubled_compiler, "--compile-above-ms", "0", NULL};

static struct host healthy; /* interprets, keeps nothing: what the right bytes are */
static uint8_t right[TROUBLED_SHAPES][BYTES];
static bool known[TROUBLED_SHAPES];

static pid_t live[64]; /* started and not stopped */
static size_t n_live;

/* The bits of k choose among functions that are nested. */
static void request_text(int k, const char *tier, char *ret, size_t size)
{
    char expr[512] = "x";
    for (int bit = 1; bit < TROUBLED_SHAPES; bit *= 2) {
        char inner[400];
        snprintf(inner, sizeof inner, "%.399s", expr);
        snprintf(expr, sizeof expr, k & bit ? "sin(%s*3 + y)" : "abs(%s - 0.3)", inner);
    }
    snprintf(ret, size, "{\"expr\":\"%s\",\"width\":%d,\"height\":%d,\"format\":\"f32\",\"tier\":\"%s\"}", expr, SIDE,
             SIDE, tier);
}

struct asked troubled_exchange(struct http_client *c, int k, const char *tier)
{
    char text[1024];
    struct http_answer a;
    struct asked r = {0};
    request_text(k, tier, text, sizeof text);
    if (http_client_send(c, "POST", "/render", "Content-Type: application/json\r\n", text, strlen(text)) != 0 ||
        http_client_receive(c, &a) != 0)
        return r;
    r.status = a.status;
    r.right = a.body_size == BYTES && !memcmp(a.body, right[k], BYTES);
    const char *engine = http_client_header(c, &a, "Sinter-Engine");
    r.compiled = engine && strstr(engine, "jit");
    return r;
}

void troubled_learn(int k)
{
    char text[1024];
    struct http_answer a;
    if (known[k])
        return;
    request_text(k, "interp", text, sizeof text);
    struct http_client *c = http_client_open("127.0.0.1", healthy.port);
    assert_non_null(c);
    assert_int_equal(http_client_send(c, "POST", "/render", "Content-Type: application/json\r\n", text, strlen(text)),
                     0);
    assert_int_equal(http_client_receive(c, &a), 0);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_size, BYTES);
    memcpy(right[k], a.body, BYTES);
    known[k] = true;
    http_client_close(c);
}

bool troubled_ask_for(const struct host *h, int k, const char *tier)
{
    troubled_learn(k);
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    assert_non_null(c);
    struct asked r = troubled_exchange(c, k, tier);
    http_client_close(c);
    if (r.status != 200 || !r.right)
        fail_msg("graph %d: status %d, %s bytes", k, r.status, r.right ? "the right" : "wrong");
    return r.compiled;
}

bool troubled_ask(const struct host *h, int k)
{
    return troubled_ask_for(h, k, "auto");
}

void troubled_await_kernel(const struct host *h, int k, double seconds)
{
    double end = now_s() + seconds * TEST_SLOWNESS;
    while (!troubled_ask(h, k)) {
        if (now_s() > end)
            fail_msg("no kernel for graph %d after %g s", k, seconds);
        pause_ms(20);
    }
}

void troubled_await_metric(const struct host *h, const char *name, double least, double seconds)
{
    double end = now_s() + seconds * TEST_SLOWNESS, value;
    while ((value = host_metric(h, name)) < least) {
        if (now_s() > end)
            fail_msg("%s is %g after %g s, less than %g", name, value, seconds, least);
        pause_ms(20);
    }
}

struct host troubled_start_as(const char *path, const char *store, const char *const *extra)
{
    struct host h;
    if (!host_start(&h, path, store, extra))
        fail_msg("the server did not start");
    if (n_live < sizeof live / sizeof *live)
        live[n_live++] = h.pid;
    return h;
}

struct host troubled_start(const char *store, const char *const *extra)
{
    return troubled_start_as(troubled_program, store, extra);
}

int troubled_end(struct host *h, bool keep_store)
{
    for (size_t i = 0; i < n_live; i++)
        if (live[i] == h->pid)
            live[i] = live[--n_live];
    return host_stop(h, keep_store);
}

void troubled_stop(struct host *h, bool keep_store)
{
    assert_int_equal(troubled_end(h, keep_store), 0);
}

const char *troubled_script(const char *folder, const char *name, const char *script)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(script, f);
    fclose(f);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

int troubled_run(const char *name, const struct CMUnitTest *tests, size_t n)
{
    const char *build = test_build_dir();
    char here[256] = "";
    signal(SIGPIPE, SIG_IGN);
    if (*build != '/' && !getcwd(here, sizeof here))
        return 1;
    snprintf(troubled_program, sizeof troubled_program, "%s%s%s/sinter", here, *here ? "/" : "", build);
    snprintf(troubled_compiler, sizeof troubled_compiler, "%s%s%s/sinter-cc", here, *here ? "/" : "", build);
    if (!host_start(&healthy, troubled_program, "none", (const char *const[]){"--compilers", "0", NULL}))
        return 1;
    int failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
    host_stop(&healthy, true);
    for (size_t i = 0; i < n_live; i++)
        kill(live[i], SIGKILL);
    return failed;
}
