/* labels: http slow */
/* 200,000 graphs, each of another shape, through one server with one thread: half are kept by POST /graphs, half are
 * rendered as expressions, and every hundredth of those has its kernel made. The server's memory stays flat, kernels.db
 * within its bound, and one graph more than may be kept is refused with the limit's name. SINTER_MANY_GRAPHS says
 * another number. Prints what it measures. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/host.h"
#include "server/http_client.h"
#include "tests/support/folder.h"
#include "tests/support/rss.h"
#include "tests/support/server_child.h"

enum {
    GRAPHS = 200000,
    REPORTS = 10, /* in the course of it */
    KERNEL_EACH = 200,
    MOST_KB = 512 << 10,
    GROWTH_KB = 48 << 10, /* in the second half */
    STORE_BYTES = 1 << 20,
    KEPT_MOST = 100,
    DEPTH = 9
};

static char program[512], compiler[512], folder[64];

/* Graph k: its digits to base 4 choose among functions that are nested, so that each has a shape of its own. */
static const char *expression(unsigned k)
{
    static const char *const functions[] = {"sin(%s)", "abs(%s-0.3)", "(%s)*y", "max(%s,x)"};
    static char text[2][1024];
    int at = 0;
    strcpy(text[0], "x");
    for (int i = 0; i < DEPTH; i++, k /= 4, at ^= 1)
        snprintf(text[at ^ 1], sizeof text[0], functions[k % 4], text[at]);
    return text[at];
}

static struct host h;
static struct http_client *c;

static void connect_to(void)
{
    http_client_close(c);
    c = http_client_open("127.0.0.1", h.port);
    assert_non_null(c);
}

/* A connection ends after so many requests (max-requests-per-connection). */
static struct http_answer ask(const char *path, const char *text)
{
    struct http_answer a;
    static bool closed;
    if (closed || !c)
        connect_to();
    assert_int_equal(http_client_send(c, "POST", path, "Content-Type: application/json\r\n", text, strlen(text)), 0);
    assert_int_equal(http_client_receive(c, &a), 0);
    closed = a.closed;
    return a;
}

static int keep(unsigned k, struct http_answer *ret)
{
    char text[1200];
    snprintf(text, sizeof text, "{\"output\":\"%s\"}", expression(k));
    *ret = ask("/graphs", text);
    return ret->status;
}

static void render(unsigned k, bool compiled)
{
    char text[1200];
    snprintf(text, sizeof text, "{\"expr\":\"%s\",\"width\":16,\"height\":4,\"format\":\"f32\",\"tier\":\"%s\"}",
             expression(k), compiled ? "jit" : "auto");
    struct http_answer a = ask("/render", text);
    if (a.status != 200)
        fail_msg("graph %u: status %d: %.*s", k, a.status, (int)a.body_size, a.body);
    assert_int_equal(a.body_size, 16 * 4 * 4);
}

static double store_bytes(const char *name)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &st) == 0 ? (double)st.st_size : 0;
}

static void memory_stays_flat(void **state)
{
    (void)state;
    const char *text = getenv("SINTER_MANY_GRAPHS");
    unsigned graphs = text ? (unsigned)atoi(text) : GRAPHS;
    char bytes[32];
    snprintf(bytes, sizeof bytes, "%d", STORE_BYTES);
    assert_true(host_start(&h, program, folder,
                           (const char *const[]){"--compiler", compiler, "--compilers", "1", "--threads", "1",
                                                 "--max-graphs", "1000000", "--max-store-bytes", bytes, NULL}));
    struct http_answer a;
    long half = 0, most = 0, at_end = 0;
    double began = now_s(), largest = 0;
    for (unsigned k = 0; k < graphs; k++) {
        if (k % 2)
            render(k, k % KERNEL_EACH == 1);
        else if (keep(k, &a) != 201)
            fail_msg("graph %u: status %d: %.*s", k, a.status, (int)a.body_size, a.body);
        if ((k + 1) % (graphs / REPORTS))
            continue;
        at_end = rss_kb(h.pid, "VmRSS");
        most = rss_kb(h.pid, "VmHWM");
        half = k + 1 <= graphs / 2 ? at_end : half;
        largest = store_bytes("kernels.db") > largest ? store_bytes("kernels.db") : largest;
        print_message("%u graphs: %.1f MiB, at most %.1f MiB; kernels.db %.2f MiB, data.db %.1f MiB; %.0f s\n", k + 1,
                      (double)at_end / 1024, (double)most / 1024, store_bytes("kernels.db") / 0x1p20,
                      store_bytes("data.db") / 0x1p20, now_s() - began);
    }
    test_figure("many-graphs.graphs", graphs, "graphs", "200000");
    test_figure("many-graphs.memory", (double)most / 1024, "MiB", "<=512");
    test_figure("many-graphs.growth-in-second-half", (double)(at_end - half) / 1024, "MiB", "<=48");
    test_figure("many-graphs.store-of-its-bound", largest / STORE_BYTES, "-", "<=1.05");
    test_figure("many-graphs.rate", graphs / (now_s() - began), "graphs/s", "-");
    assert_true(most <= MOST_KB);
    assert_true(at_end - half <= GROWTH_KB || graphs < GRAPHS);
    assert_true(largest > 0.5 * STORE_BYTES || graphs < GRAPHS);
    assert_true(largest <= 1.05 * STORE_BYTES);
    http_client_close(c);
    c = NULL;
    assert_int_equal(host_stop(&h, true), 0);
}

static void one_more_than_may_be_kept_is_refused(void **state)
{
    (void)state;
    struct http_answer a;
    assert_true(
        host_start(&h, program, "none", (const char *const[]){"--compilers", "0", "--max-graphs", "100", NULL}));
    for (unsigned k = 0; k < KEPT_MOST; k++)
        assert_int_equal(keep(k, &a), 201);
    for (unsigned k = KEPT_MOST; k < KEPT_MOST + 50; k++) {
        assert_true(keep(k, &a) >= 400);
        assert_non_null(memmem(a.body, a.body_size, "max-graphs", 10));
    }
    assert_int_equal(keep(5, &a), 200); /* known */
    render(KEPT_MOST + 1, false);       /* needs no place */
    http_client_close(c);
    c = NULL;
    assert_int_equal(host_stop(&h, true), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(program, sizeof program, "%s/sinter", test_build_dir());
    snprintf(compiler, sizeof compiler, "%s/sinter-cc", test_build_dir());
    folder_make(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_more_than_may_be_kept_is_refused),
        cmocka_unit_test(memory_stays_flat),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
