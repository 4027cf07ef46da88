/* Benches through the whole way of a request, against a server in a process of its own on 127.0.0.1. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/bare.h"
#include "bench/bench.h"
#include "bench/host.h"
#include "server/http_client.h"

static void sleep_until(double when)
{
    double left = when - bench_now();
    if (left > 0)
        nanosleep(&(struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)}, NULL);
}

/* One request; seconds from the first byte sent to the last received, or -1. engine: the answer's Sinter-Engine. */
static double ask(struct http_client *c, const char *path, const char *headers, const void *body, size_t n,
                  char engine[16])
{
    struct http_answer a;
    double start = bench_now();
    if (http_client_send(c, "POST", path, headers, body, n) || http_client_receive(c, &a))
        return -1;
    double seconds = bench_now() - start;
    const char *which = engine ? http_client_header(c, &a, "Sinter-Engine") : NULL;
    if (engine)
        snprintf(engine, 16, "%s", which ? which : "");
    if (a.status != 200 && a.status != 201) {
        fprintf(stderr, "%s answered %d: %.*s\n", path, a.status, (int)(a.body_size < 300 ? a.body_size : 300), a.body);
        return -1;
    }
    return seconds;
}

static const char JSON[] = "Content-Type: application/json\r\n";

/* Graphs whose structure differs: a chain of operations chosen by the digits of i. */
static void shape_of(int i, char *ret, size_t size)
{
    static const char *const wraps[] = {"sin(%s + y)",         "abs(%s - 0.3)",       "fract(%s*1.7)",
                                        "sqrt(abs(%s) + 0.1)", "gnoise(%s*3, y*5)",   "max(%s, y*0.7)",
                                        "perlin2(%s*4, y*3)",  "smoothstep(0, 1, %s)"};
    char text[1024] = "x*3 + 0.2", next[1024];
    for (int k = 0; k < 4; k++, i /= 8) {
        snprintf(next, sizeof next, wraps[i % 8], text);
        strcpy(text, next);
    }
    snprintf(ret, size, "%s", text);
}

enum { COLD = 200 };

struct cold_asked {
    double at;
    int graph, round;
};

static int cold_body(int graph, char *ret, size_t size)
{
    char expression[1024];
    shape_of(graph * 17 + 3, expression, sizeof expression);
    return snprintf(ret, size, "{\"expr\": \"%s\", \"width\": 256, \"height\": 256, \"format\": \"f32\"}", expression);
}

static int by_time(const void *a, const void *b)
{
    const struct cold_asked *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

void bench_cold(struct bench *b)
{
    struct host host;
    if (!host_start(&host, NULL, NULL, NULL)) {
        bench_failed(b, "no server", NULL);
        return;
    }
    struct http_client *c = http_client_open("127.0.0.1", host.port);
    struct cold_asked plan[3 * COLD];
    double first[COLD], start = bench_now() + 1;
    int compiled = 0, refused = 0, n_first = 0;
    for (int i = 0; i < COLD; i++) {
        plan[3 * i] = (struct cold_asked){i * 0.15, i, 0};
        plan[3 * i + 1] = (struct cold_asked){i * 0.15 + 0.3, i, 1};
        plan[3 * i + 2] = (struct cold_asked){i * 0.15 + 1.3, i, 2};
    }
    qsort(plan, 3 * COLD, sizeof *plan, by_time);
    for (int i = 0; i < 3 * COLD && c; i++) {
        char body[2048], engine[16];
        int n = cold_body(plan[i].graph, body, sizeof body);
        sleep_until(start + plan[i].at);
        double seconds = ask(c, "/render", JSON, body, (size_t)n, engine);
        refused += seconds < 0;
        if (plan[i].round == 0 && seconds >= 0)
            first[n_first++] = seconds * 1e3;
        if (plan[i].round == 2)
            compiled += !strcmp(engine, "jit");
    }
    double compiles = host_metric(&host, "sinter_compile_seconds_count"),
           sum = host_metric(&host, "sinter_compile_seconds_sum");
    bench_figure(b, "errors", refused, "answers", BAR_EXACTLY, 0);
    if (n_first) {
        bench_figure(b, "first answer, p50", bench_quantile(first, n_first, 0.5), "ms", BAR_AT_MOST, 3);
        bench_figure(b, "first answer, p99", bench_quantile(first, n_first, 0.99), "ms", BAR_AT_MOST, 15);
    }
    bench_figure(b, "third answer from the compiled kernel", compiled, "of 200", BAR_EXACTLY, COLD);
    bench_figure(b, "compile, p50", host_metric(&host, "sinter_compile_seconds{quantile=\"0.5\"}") * 1e3, "ms",
                 BAR_AT_MOST, 60);
    bench_figure(b, "compile, mean", sum / compiles * 1e3, "ms", BAR_NONE, 0);
    http_client_close(c);
    host_stop(&host, false);
}

enum { WARM = 20000, WARM_BLOCK = 4096 };

static double warm_pass(struct http_client *c, const char *path, const char *headers, const void *body, double *times,
                        int n)
{
    for (int i = 0; i < n; i++)
        if ((times[i] = ask(c, path, headers, body, WARM_BLOCK, NULL)) < 0)
            return -1;
    return bench_median(times, n) * 1e6;
}

static bool post_graph(struct http_client *c, const char *graph, char ret_id[64])
{
    struct http_answer a;
    if (http_client_send(c, "POST", "/graphs", JSON, graph, strlen(graph)) || http_client_receive(c, &a) ||
        a.status / 100 != 2)
        return false;
    const char *id = strstr(a.body, "\"id\"");
    return id && sscanf(id, "\"id\":%*[ ]\"%63[0-9a-f]", ret_id) == 1
               ? true
               : id && sscanf(id, "\"id\":\"%63[0-9a-f]", ret_id) == 1;
}

static void measure_warm(struct bench *b)
{
    static const char graph[] = "{\"version\":1,\"nodes\":{\"g\":{\"op\":\"affine\",\"in\":\"in\",\"gain\":0.5,"
                                "\"offset\":0.1}},\"output\":\"g\"}";
    static const char headers[] = "Content-Type: application/octet-stream\r\n";
    struct host host;
    char id[64], path[160];
    struct bare bare_echo;
    if (!bare_start(&bare_echo) || !host_start(&host, NULL, NULL, NULL)) {
        bench_failed(b, "no server", NULL);
        return;
    }
    struct http_client *c = http_client_open("127.0.0.1", host.port),
                       *e = http_client_open("127.0.0.1", bare_echo.port);
    double *times = malloc(WARM * sizeof *times), ours[5], bare[5];
    float block[WARM_BLOCK / sizeof(float)];
    for (size_t i = 0; i < sizeof block / sizeof *block; i++)
        block[i] = (float)(i % 100) * 0.01f;
    if (c && e && post_graph(c, graph, id)) {
        snprintf(path, sizeof path, "/process?graph=%s&channels=1&format=f32le&rate=48000", id);
        for (int i = 0; i < 200; i++) /* compiled by now */
            if (ask(c, path, headers, block, sizeof block, NULL) < 0)
                break;
        sleep_until(bench_now() + 1);
        for (int i = 0; i < 5; i++) { /* in turn */
            bare[i] = warm_pass(e, "/echo", headers, block, times, WARM / 5);
            ours[i] = warm_pass(c, path, headers, block, times, WARM / 5);
        }
        bench_figure(b, "bare HTTP echo, p50", bench_median(bare, 5), "us", BAR_NONE, 0);
        bench_figure(b, "sinter, p50", bench_median(ours, 5), "us", BAR_NONE, 0);
        bench_figure(b, "sinter against the echo, p50", bench_median(ours, 5) / bench_median(bare, 5), "ratio",
                     BAR_AT_MOST, 1.5);
    } else {
        bench_failed(b, "no connection or no graph", NULL);
    }
    free(times);
    http_client_close(c);
    http_client_close(e);
    host_stop(&host, false);
    bare_stop(&bare_echo);
}

/* One request is in flight at a time, so client and server never run at once: on one processor the scheduler's choice
 * of another, which costs tens of microseconds in a virtual machine, is not what is measured. Children inherit it. */
void bench_warm(struct bench *b)
{
    cpu_set_t before, one;
    sched_getaffinity(0, sizeof before, &before);
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    measure_warm(b);
    sched_setaffinity(0, sizeof before, &before);
}

enum { CACHED = 1000 };

static int restart_body(int i, const char *tier, char *ret, size_t size)
{
    char expression[1024];
    shape_of(i + 3, expression, sizeof expression);
    return snprintf(ret, size,
                    "{\"expr\": \"%s\", \"width\": 64, \"height\": 64, \"format\": \"f32\", \"tier\": \"%s\"}",
                    expression, tier);
}

/* Median of first answers of graphs [from, to), in ms; -1 on an error. */
static double first_answers(struct http_client *c, int from, int to, const char *tier, int *ret_compiled)
{
    double *times = malloc((size_t)(to - from) * sizeof *times), result = -1;
    int n = 0;
    for (int i = from; i < to; i++) {
        char body[2048], engine[16];
        int size = restart_body(i, tier, body, sizeof body);
        if ((times[n] = ask(c, "/render", JSON, body, (size_t)size, engine)) < 0)
            goto out;
        n++;
        *ret_compiled += !strcmp(engine, "jit");
    }
    result = bench_median(times, n) * 1e3;
out:
    free(times);
    return result;
}

void bench_restart(struct bench *b)
{
    static const char *const lazy[] = {"--preload", "0", NULL};
    struct host host, again;
    int compiled = 0, ignored = 0;
    if (!host_start(&host, NULL, NULL, NULL)) {
        bench_failed(b, "no server", NULL);
        return;
    }
    struct http_client *c = http_client_open("127.0.0.1", host.port);
    double filled = first_answers(c, 0, CACHED, "jit", &ignored);
    http_client_close(c);
    host_stop(&host, true);
    if (filled < 0 || !host_start(&again, NULL, host.store, lazy)) {
        bench_failed(b, "the store was not filled", NULL);
        host_remove_store(&host);
        return;
    }
    c = http_client_open("127.0.0.1", again.port);
    /* The same kind of graph twice: its first answer after the restart, from the store, and a later one, from memory.
     */
    double from_store = first_answers(c, 0, CACHED, "auto", &compiled);
    double from_memory = first_answers(c, 0, CACHED, "auto", &ignored);
    bench_figure(b, "first answer after a restart, p50", from_store, "ms", BAR_NONE, 0);
    bench_figure(b, "the same from memory, p50", from_memory, "ms", BAR_NONE, 0);
    bench_figure(b, "added to a first answer, p50", (from_store - from_memory) * 1e3, "us", BAR_AT_MOST, 300);
    bench_figure(b, "first answers from the cached kernel", compiled, "of 1000", BAR_EXACTLY, CACHED);
    bench_figure(b, "compiles after the restart", host_metric(&again, "sinter_compile_seconds_count"), "compiles",
                 BAR_EXACTLY, 0);
    http_client_close(c);
    host_stop(&again, true);
    host_remove_store(&host);
}

enum { HERD = 1000, HERD_THREADS = 100 };

struct herd {
    int port;
    pthread_barrier_t start;
    int errors[HERD_THREADS];
};

struct herd_member {
    struct herd *herd;
    int index;
};

/* Ten connections a thread, all sent before any answer is read. */
static void *run_member(void *user)
{
    struct herd_member *m = user;
    struct http_client *c[HERD / HERD_THREADS];
    static const char body[] =
        "{\"expr\": \"gnoise(x*7 + sin(y*3), y*5)*perlin2(x*9, y)\", \"width\": 256, \"height\": 256, "
        "\"format\": \"f32\"}";
    for (int i = 0; i < HERD / HERD_THREADS; i++)
        c[i] = http_client_open("127.0.0.1", m->herd->port);
    pthread_barrier_wait(&m->herd->start);
    for (int i = 0; i < HERD / HERD_THREADS; i++)
        if (!c[i] || http_client_send(c[i], "POST", "/render", JSON, body, sizeof body - 1))
            m->herd->errors[m->index]++;
    for (int i = 0; i < HERD / HERD_THREADS; i++) {
        struct http_answer a;
        if (c[i] && (http_client_receive(c[i], &a) || a.status != 200))
            m->herd->errors[m->index]++;
        http_client_close(c[i]);
    }
    return NULL;
}

void bench_herd(struct bench *b)
{
    static const char *const roomy[] = {"--max-connections", "1200", "--max-queue", "2000", NULL};
    struct host host;
    struct herd herd = {0};
    struct herd_member members[HERD_THREADS];
    pthread_t threads[HERD_THREADS];
    int errors = 0;
    if (!host_start(&host, NULL, NULL, roomy)) {
        bench_failed(b, "no server", NULL);
        return;
    }
    herd.port = host.port;
    pthread_barrier_init(&herd.start, NULL, HERD_THREADS);
    double start = bench_now();
    for (int i = 0; i < HERD_THREADS; i++) {
        members[i] = (struct herd_member){&herd, i};
        pthread_create(&threads[i], NULL, run_member, &members[i]);
    }
    for (int i = 0; i < HERD_THREADS; i++) {
        pthread_join(threads[i], NULL);
        errors += herd.errors[i];
    }
    double seconds = bench_now() - start;
    for (int i = 0; i < 100 && host_metric(&host, "sinter_compile_seconds_count") < 1; i++)
        sleep_until(bench_now() + 0.1);
    sleep_until(bench_now() + 1); /* a second compile would show */
    bench_figure(b, "errors", errors, "of 1000", BAR_EXACTLY, 0);
    bench_figure(b, "compiles", host_metric(&host, "sinter_compiles_total{result=\"ok\"}"), "compiles", BAR_EXACTLY, 1);
    bench_figure(b, "all answered after", seconds, "s", BAR_NONE, 0);
    pthread_barrier_destroy(&herd.start);
    host_stop(&host, false);
}
