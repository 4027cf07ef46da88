/* labels: http slow */
/* The compile workers of a server under load are killed 500 times: clients must not notice. Every answer is 200 with
 * the bytes of a server that only interprets, and afterwards kernels are compiled as before. SINTER_KILLS says another
 * number. */
#include "tests/support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/host.h"
#include "server/http_client.h"
#include "tests/support/children.h"
#include "tests/support/server_child.h"

enum {
    KILLS = 500,
    SECONDS_MOST = 270,
    CLIENTS = 3,
    WORKERS = 4,
    SIDE = 32,
    BYTES = SIDE * SIDE * 4,
    BITS = 14,
    PAUSE_MS = 3,   /* of a client; or the workers, which are nice, would hardly compile */
    CHECK_EACH = 8, /* answer is compared */
    TIMES = 1 << 18,
};

static char program[512], compiler[512];

/* Graph k: its bits choose among functions that are nested, so each has a kernel of its own. */
static void request_text(unsigned k, char *ret, size_t size)
{
    char expr[1024] = "x";
    for (int bit = 0; bit < BITS; bit++) {
        char inner[900];
        snprintf(inner, sizeof inner, "%.899s", expr);
        snprintf(expr, sizeof expr, k >> bit & 1 ? "sin(%s*3 + y)" : "abs(%s - 0.3)", inner);
    }
    snprintf(ret, size, "{\"expr\":\"%s\",\"width\":%d,\"height\":%d,\"format\":\"f32\"}", expr, SIDE, SIDE);
}

static int render(struct http_client *c, unsigned k, uint8_t ret[BYTES], bool *ret_compiled)
{
    char text[1400];
    struct http_answer a;
    request_text(k, text, sizeof text);
    if (http_client_send(c, "POST", "/render", "Content-Type: application/json\r\n", text, strlen(text)) != 0 ||
        http_client_receive(c, &a) != 0)
        return 0;
    const char *engine = http_client_header(c, &a, "Sinter-Engine");
    *ret_compiled = engine && strstr(engine, "jit");
    if (a.status == 200 && a.body_size == BYTES)
        memcpy(ret, a.body, BYTES);
    return a.status == 200 && a.body_size != BYTES ? -1 : a.status;
}

struct client {
    const struct host *host, *judge;
    unsigned next;
    atomic_bool *ending;
    unsigned answers, compiled, checked, bad, wrong;
    int first_bad; /* status */
    float *ms;
};

static void *press(void *user)
{
    struct client *l = user;
    uint8_t got[BYTES], right[BYTES];
    bool compiled, ignored;
    struct http_client *c = http_client_open("127.0.0.1", l->host->port);
    struct http_client *judge = http_client_open("127.0.0.1", l->judge->port);
    while (c && judge && !atomic_load(l->ending)) {
        /* A new graph, then again one of the latest, whose kernel may be there by now. */
        unsigned k = l->answers % 2 ? l->next - CLIENTS * (l->answers % 32) : l->next;
        double began = now_s();
        int status = render(c, k % (1u << BITS), got, &compiled);
        if (l->answers < TIMES)
            l->ms[l->answers] = (float)((now_s() - began) * 1e3);
        if (status != 200 && !l->bad++)
            l->first_bad = status;
        l->compiled += status == 200 && compiled;
        if (status == 200 && l->answers % CHECK_EACH == 0) {
            l->checked++;
            l->wrong += render(judge, k % (1u << BITS), right, &ignored) != 200 || memcmp(got, right, BYTES) != 0;
        }
        l->next += l->answers++ % 2 ? 0 : CLIENTS;
        if (status == 0)
            break;
        pause_ms(PAUSE_MS);
    }
    if (!c || !judge)
        l->bad++;
    if (c)
        http_client_close(c);
    if (judge)
        http_client_close(judge);
    return NULL;
}

/* A worker that has answered since it was started is killed at any time; at once, now and then. */
static int kill_workers(const struct host *h, int wanted, double seconds)
{
    unsigned seed = 7;
    int kills = 0;
    double end = now_s() + seconds;
    while (kills < wanted && now_s() < end) {
        pid_t pids[2 * WORKERS];
        size_t n = children_named(h->pid, "sinter-cc", pids, 2 * WORKERS);
        if (n > 0)
            kills += kill(pids[(unsigned)rand_r(&seed) % n], SIGKILL) == 0;
        pause_ms(rand_r(&seed) % (1000 / WORKERS));
    }
    return kills;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void await_recovery(const struct host *h)
{
    uint8_t got[BYTES];
    bool compiled = false;
    double end = now_s() + 90;
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    assert_non_null(c);
    while (!compiled) {
        assert_int_equal(render(c, 0x2aaa, got, &compiled), 200);
        if (now_s() > end)
            fail_msg("no kernel long after the last kill");
        pause_ms(50);
    }
    http_client_close(c);
    while (host_metric(h, "sinter_workers{state=\"ready\"}") < WORKERS && now_s() < end)
        pause_ms(50);
    assert_true(host_metric(h, "sinter_workers{state=\"ready\"}") == WORKERS);
    assert_true(host_metric(h, "sinter_degraded") == 0);
}

static void workers_killed_500_times_under_load_cost_no_answer(void **state)
{
    struct host h, judge;
    pthread_t threads[CLIENTS];
    struct client clients[CLIENTS];
    static float all[CLIENTS * TIMES];
    atomic_bool ending = false;
    const char *given = getenv("SINTER_KILLS");
    int wanted = given ? atoi(given) : KILLS;
    (void)state;
    assert_true(host_start(&judge, program, "none", (const char *const[]){"--compilers", "0", NULL}));
    assert_true(
        host_start(&h, program, NULL,
                   (const char *const[]){"--compiler", compiler, "--compile-above-ms", "0", "--compilers", "4", NULL}));
    double began = now_s();
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.host = &h, .judge = &judge, .next = i, .ending = &ending, .ms = &all[i * TIMES]};
        assert_int_equal(pthread_create(&threads[i], NULL, press, &clients[i]), 0);
    }
    int kills = kill_workers(&h, wanted, SECONDS_MOST);
    atomic_store(&ending, true);
    size_t answers = 0, kept = 0;
    unsigned compiled = 0, checked = 0, bad = 0, wrong = 0;
    for (int i = 0; i < CLIENTS; i++) {
        struct client *l = &clients[i];
        pthread_join(threads[i], NULL);
        size_t n = l->answers < TIMES ? l->answers : TIMES;
        memmove(all + kept, l->ms, n * sizeof *all);
        kept += n;
        answers += l->answers;
        compiled += l->compiled;
        checked += l->checked;
        bad += l->bad;
        wrong += l->wrong;
        if (l->bad)
            print_message("client %d: first bad status %d\n", i, l->first_bad);
    }
    double seconds = now_s() - began;
    qsort(all, kept, sizeof *all, by_size);
    print_message("%d kills in %.0f s; %zu answers, %u by kernels, %u not 200; %u compared, %u wrong; p50 %.2f ms, p99 "
                  "%.2f ms, longest %.1f ms; %.0f kernels compiled, %.0f restarts\n",
                  kills, seconds, answers, compiled, bad, checked, wrong, (double)all[kept / 2],
                  (double)all[kept * 99 / 100], (double)all[kept - 1],
                  host_metric(&h, "sinter_compiles_total{result=\"ok\"}"),
                  host_metric(&h, "sinter_worker_restarts_total"));
    test_figure("worker-kills.kills", kills, "kills", "500");
    test_figure("worker-kills.not-200", bad, "answers", "0");
    test_figure("worker-kills.wrong", wrong, "answers", "0");
    test_figure("worker-kills.p99", (double)all[kept * 99 / 100], "ms", "-");
    assert_int_equal(bad, 0);
    assert_int_equal(wrong, 0);
    assert_int_equal(kills, wanted);
    assert_true(checked > 0 && compiled > 0);
    await_recovery(&h);
    assert_int_equal(host_stop(&h, false), 0);
    assert_int_equal(host_stop(&judge, true), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_killed_500_times_under_load_cost_no_answer),
    };
    snprintf(program, sizeof program, "%s/sinter", test_build_dir());
    snprintf(compiler, sizeof compiler, "%s/sinter-cc", test_build_dir());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
