/* Images over HTTP: how far the time of an answer is from its kernel's. The server, the client and the baseline's
 * server share the machine, so the client's own work (taking megabytes from a socket) is in every figure, the
 * baseline's too. */
#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bare.h"
#include "bench/bench.h"
#include "bench/host.h"
#include "server/http_client.h"

enum { TIMES = 200, SIDE = 1024, LARGE = 4096 };

static const char JSON[] = "Content-Type: application/json\r\n";

struct asked {
    double ms, least_ms;           /* median and least */
    double work_ms, least_work_ms; /* of what the server says its kernel and its encoder took */
    size_t bytes;
};

static double timing(const char *value, const char *stage)
{
    const char *at = value ? strstr(value, stage) : NULL;
    return at ? strtod(at + strlen(stage) + strlen(";dur="), NULL) : 0;
}

/* False, and said on stderr, when an answer is not 200. */
static bool ask_often(int port, const char *method, const char *path, const char *body, int times, struct asked *ret)
{
    struct http_client *c = http_client_open("127.0.0.1", port);
    double *ms = calloc(2 * (size_t)times, sizeof *ms), *work = ms + times;
    bool good = c && ms;
    for (int i = -times / 10 - 3; i < times && good; i++) {
        struct http_answer a;
        double start = bench_now();
        good = !http_client_send(c, method, path, body ? JSON : NULL, body, body ? strlen(body) : 0) &&
               !http_client_receive(c, &a);
        double took = (bench_now() - start) * 1e3;
        if (good && a.status != 200) {
            fprintf(stderr, "%s answered %d: %.*s\n", path, a.status, (int)(a.body_size < 300 ? a.body_size : 300),
                    a.body);
            good = false;
        }
        if (i < 0 || !good)
            continue;
        const char *value = http_client_header(c, &a, "Server-Timing");
        ms[i] = took;
        work[i] = timing(value, "exec") + timing(value, "encode");
        ret->bytes = a.body_size;
    }
    http_client_close(c);
    if (good) {
        ret->work_ms = bench_median(work, times);
        ret->least_work_ms = bench_quantile(work, times, 1e-9);
        ret->least_ms = bench_quantile(ms, times, 1e-9);
        ret->ms = bench_median(ms, times);
    }
    free(ms);
    return good;
}

static void noise_request(int side, const char *format, char *ret, size_t size)
{
    snprintf(ret, size,
             "{\"expr\": \"0.5 + 0.5*gnoise(x*8, y*8)\", \"width\": %d, \"height\": %d, \"format\": \"%s\", "
             "\"tier\": \"jit\"}",
             side, side, format);
}

static bool ask_noise(const struct host *h, int side, const char *format, int times, struct asked *ret)
{
    char body[256];
    noise_request(side, format, body, sizeof body);
    return ask_often(h->port, "POST", "/render", body, times, ret);
}

static double memcpy_ms(size_t n)
{
    double times[50];
    char *from = calloc(1, n), *to = malloc(n);
    for (int i = 0; i < 50; i++) {
        double start = bench_now();
        memcpy(to, from, n);
        __asm__ volatile("" ::"r"(to) : "memory");
        times[i] = (bench_now() - start) * 1e3;
    }
    free(from);
    free(to);
    return bench_median(times, 50);
}

/* The PNG of the answer `file`, written again as libpng at level 1 with SUB does it. */
static size_t plain_png(const void *file, size_t n, double *ret_ms)
{
    size_t size = 0, out = 0;
    spng_ctx *in = spng_ctx_new(0), *to = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr head;
    void *pixels = NULL;
    if (!spng_set_png_buffer(in, file, n) && !spng_get_ihdr(in, &head) &&
        !spng_decoded_image_size(in, SPNG_FMT_PNG, &size) && (pixels = malloc(size)) &&
        !spng_decode_image(in, pixels, size, SPNG_FMT_PNG, 0)) {
        double start = bench_now();
        spng_set_option(to, SPNG_ENCODE_TO_BUFFER, 1);
        spng_set_option(to, SPNG_IMG_COMPRESSION_LEVEL, 1);
        spng_set_option(to, SPNG_FILTER_CHOICE, SPNG_FILTER_CHOICE_SUB);
        spng_set_ihdr(to, &head);
        int failed = spng_encode_image(to, pixels, size, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
        free(failed ? NULL : spng_get_png_buffer(to, &out, &failed));
        *ret_ms = (bench_now() - start) * 1e3;
    }
    free(pixels);
    spng_ctx_free(in);
    spng_ctx_free(to);
    return out;
}

static void report_size(struct bench *b, const struct host *h)
{
    char body[256];
    struct http_answer a;
    double ms = 0;
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    noise_request(SIDE, "png", body, sizeof body);
    if (c && !http_client_send(c, "POST", "/render", JSON, body, strlen(body)) && !http_client_receive(c, &a)) {
        size_t plain = plain_png(a.body, a.body_size, &ms);
        bench_figure(b, "1024 x 1024 png8, bytes", (double)a.body_size, "bytes", BAR_AT_MOST, (double)plain);
        bench_figure(b, "zlib level 1 and SUB for the same pixels", ms, "ms", BAR_NONE, 0);
    } else {
        bench_failed(b, "no PNG", NULL);
    }
    http_client_close(c);
}

static void report_small(struct bench *b, const struct host *h, const struct bare *e)
{
    struct asked f32 = {0}, png = {0}, zeroes = {0}, few = {0};
    char all[32], some[32];
    if (!ask_noise(h, SIDE, "f32", TIMES, &f32) || !ask_noise(h, SIDE, "png", TIMES, &png)) {
        bench_failed(b, "no image", NULL);
        return;
    }
    snprintf(all, sizeof all, "/%zu", f32.bytes);
    snprintf(some, sizeof some, "/%zu", png.bytes);
    if (!ask_often(e->port, "GET", all, NULL, TIMES, &zeroes) || !ask_often(e->port, "GET", some, NULL, TIMES, &few)) {
        bench_failed(b, "no baseline", NULL);
        return;
    }
    bench_figure(b, "1024 x 1024 f32, p50", f32.ms, "ms", BAR_AT_MOST, 3);
    bench_figure(b, "1024 x 1024 f32, least", f32.least_ms, "ms", BAR_NONE, 0);
    bench_figure(b, "  of it kernel and encoder, p50", f32.work_ms, "ms", BAR_NONE, 0);
    bench_figure(b, "  as many bytes from a bare server, p50", zeroes.ms, "ms", BAR_NONE, 0);
    bench_figure(b, "  as many bytes from a bare server, least", zeroes.least_ms, "ms", BAR_NONE, 0);
    bench_figure(b, "  memcpy of as many", memcpy_ms(f32.bytes), "ms", BAR_NONE, 0);
    bench_figure(b, "1024 x 1024 png8, p50", png.ms, "ms", BAR_AT_MOST, 6);
    bench_figure(b, "1024 x 1024 png8, least", png.least_ms, "ms", BAR_NONE, 0);
    bench_figure(b, "  of it kernel and encoder, p50", png.work_ms, "ms", BAR_NONE, 0);
    bench_figure(b, "  as many bytes from a bare server, p50", few.ms, "ms", BAR_NONE, 0);
    report_size(b, h);
}

/* Both servers are asked in turn, so that a busy moment meets both; the least of each counts: what two threads can do
 * shows only while nobody else is at work. */
static void report_threads(struct bench *b, const struct host *one, const struct host *two, const char *format)
{
    enum { ROUNDS = 8, EACH = 8 };
    double least[2] = {1e9, 1e9};
    char what[64];
    for (int i = 0; i < 2 * ROUNDS; i++) {
        struct asked a = {0};
        if (!ask_noise(i % 2 ? two : one, LARGE, format, EACH, &a)) {
            bench_failed(b, "no large image", NULL);
            return;
        }
        if (a.least_work_ms < least[i % 2])
            least[i % 2] = a.least_work_ms;
    }
    snprintf(what, sizeof what, "4096 x 4096 %s, one thread", format);
    bench_figure(b, what, least[0], "ms", BAR_NONE, 0);
    snprintf(what, sizeof what, "4096 x 4096 %s, two threads against one", format);
    bench_figure(b, what, least[0] / least[1], "times", BAR_AT_LEAST, 1.9);
}

void bench_render(struct bench *b)
{
    /* Held in memory, so that sending does not take part in the work's time. */
    static const char *const single[] = {"--threads", "1", "--stream-above", "1G", NULL}, *const twin[] = {
                                                                                              "--threads", "2",
                                                                                              "--stream-above", "1G",
                                                                                              NULL};
    struct host one, two;
    struct bare bare;
    if (!bare_start(&bare) || !host_start(&one, NULL, NULL, single) || !host_start(&two, NULL, NULL, twin)) {
        bench_failed(b, "no server", NULL);
        return;
    }
    report_small(b, &two, &bare);
    report_threads(b, &one, &two, "png");
    report_threads(b, &one, &two, "f32");
    host_stop(&one, false);
    host_stop(&two, false);
    bare_stop(&bare);
}
