/* What requests are predicted to take beside what they take: every graph of examples/ (the folder here), by both
 * engines, in seconds of processors. Queues and quotas count in these. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/audio/format_wav.h"
#include "api/json/json.h"
#include "api/load/admission.h"
#include "api/room.h"
#include "bench/bench.h"
#include "core/graph.h"
#include "server/cli.h"

enum { NAMES = 256, SIDE = 512, RATE = 48000, SECONDS = 4, CHANNELS = 2, ROUNDS = 3 };
static const double most_off = 3; /* times */

static double processor_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_examples(struct arena *a, char **ret_names)
{
    size_t n = 0;
    DIR *dir = opendir("examples");
    for (struct dirent *d; dir && n < NAMES && (d = readdir(dir));) {
        const char *dot = strrchr(d->d_name, '.');
        if (dot && !strcmp(dot, ".json"))
            ret_names[n++] = arena_strndup(a, d->d_name, (size_t)(dot - d->d_name));
    }
    if (dir)
        closedir(dir);
    qsort(ret_names, n, sizeof *ret_names, by_name);
    return n;
}

/* Two tones with a beat, as a WAV. */
static uint8_t *make_wav(struct arena *a, size_t *ret_n)
{
    const size_t frames = RATE * SECONDS;
    uint8_t *bytes = arena_alloc(a, WAV_HEADER_MAX + frames * CHANNELS * sizeof(float));
    size_t head = wav_header(SAMPLE_F32, CHANNELS, RATE, frames, bytes);
    for (size_t i = 0; i < frames * CHANNELS; i++) {
        double t = (double)(i / CHANNELS) / RATE, beat = fmod(t, 0.5) < 0.3 ? 1 : 0;
        float v = (float)(0.4 * beat * sin(2 * M_PI * (i % CHANNELS ? 277 : 220) * t));
        memcpy(bytes + head + i * sizeof v, &v, sizeof v);
    }
    *ret_n = head + frames * CHANNELS * sizeof(float);
    return bytes;
}

struct subject_of_bench {
    const char *text, *tier;
    bool audio;
};

static bool look_at(struct cli *c, const char *text, struct subject_of_bench *ret)
{
    struct datum *root;
    struct graph *g;
    struct json_limits limits = {.max_bytes = strlen(text), .max_depth = JSON_DEPTH_MAX};
    struct graph_limits most = GRAPH_LIMITS_DEFAULT;
    if (json_read(text, strlen(text), &limits, c->arena, &root, &c->fault) != STATUS_OK ||
        graph_read(root, &most, c->arena, &g, &c->fault) != STATUS_OK)
        return false;
    ret->text = text;
    ret->audio = graph_kind(g) == GRAPH_AUDIO;
    return true;
}

static bool ask(struct cli *c, const struct subject_of_bench *s, const uint8_t *wav, size_t wav_size, bool with_audio,
                struct api_response *ret)
{
    struct cli_args args = {0};
    struct cli_body body;
    const char *json =
        !s->audio
            ? arena_printf(c->arena, "{\"graph\":%s,\"width\":%d,\"height\":%d,\"format\":\"f32\",\"tier\":\"%s\"}",
                           s->text, SIDE, SIDE, s->tier)
        : with_audio
            ? arena_printf(c->arena, "{\"graph\":%s,\"tier\":\"%s\"}", s->text, s->tier)
            : arena_printf(c->arena, "{\"graph\":%s,\"rate\":%d,\"channels\":%d,\"seconds\":%d,\"tier\":\"%s\"}",
                           s->text, RATE, CHANNELS, SECONDS, s->tier);
    if (with_audio)
        args.images[args.n_images++] =
            (struct cli_image){.name = "audio", .type = "audio/wav", .data = wav, .size = wav_size};
    return cli_body(c, &args, json, &body) &&
           cli_ask(c, METHOD_POST, s->audio ? "/process" : "/render", body.type, body.data, body.n, ret);
}

struct outcome {
    double predicted_s, measured_s;
};

/* The least of some rounds, the first being for caches and the compiler. */
static bool measure(struct cli *c, const struct subject_of_bench *s, const uint8_t *wav, size_t wav_size,
                    struct outcome *ret)
{
    bool compiled = !strcmp(s->tier, "jit");
    ret->measured_s = HUGE_VAL;
    for (int i = 0; i <= ROUNDS; i++) {
        struct api_response res;
        double begin = processor_s();
        if (!ask(c, s, wav, wav_size, s->audio, &res))
            return false;
        double spent = processor_s() - begin;
        bool right = !strcmp(cli_header(&res, "Sinter-Engine"), s->tier);
        ret->predicted_s = res.cost_seconds / admission_factor(c->api->admission, compiled);
        api_response_done(&res);
        if (i && right)
            ret->measured_s = fmin(ret->measured_s, spent);
    }
    return isfinite(ret->measured_s);
}

struct sum {
    double logs, worst;
    int n, within;
};

static void add(struct sum *s, double ratio)
{
    double off = fabs(log(ratio));
    s->logs += log(ratio);
    s->worst = fmax(s->worst, off);
    s->within += off <= log(most_off);
    s->n++;
}

static void report(struct bench *b, const char *engine, const struct sum *s, struct arena *a)
{
    bench_figure(b, arena_printf(a, "%s: measured by predicted, mean", engine), exp(s->logs / s->n), "times", BAR_NONE,
                 0);
    bench_figure(b, arena_printf(a, "%s: furthest off", engine), exp(s->worst), "times", BAR_NONE, 0);
    bench_figure(b, arena_printf(a, "%s: within a factor of %g", engine, most_off), 100.0 * s->within / s->n, "%",
                 BAR_AT_LEAST, 90);
}

static void measure_all(struct bench *b, struct cli *c)
{
    static const char *const tiers[] = {"interp", "jit"};
    char *names[NAMES];
    size_t n = list_examples(c->arena, names), wav_size, size;
    uint8_t *wav = make_wav(c->arena, &wav_size);
    struct sum sums[2] = {{0}};
    for (size_t i = 0; i < n; i++) {
        struct subject_of_bench s;
        char *text = cli_read(c, arena_printf(c->arena, "examples/%s.json", names[i]), &size);
        if (!text || !look_at(c, text, &s))
            continue;
        for (int tier = 0; tier < 2; tier++) {
            struct outcome o;
            s.tier = tiers[tier];
            if (!measure(c, &s, wav, wav_size, &o)) {
                bench_failed(b, arena_printf(c->arena, "%s by %s", names[i], tiers[tier]), NULL);
                continue;
            }
            add(&sums[tier], o.measured_s / o.predicted_s);
            bench_figure(b,
                         arena_printf(c->arena, "%s, %s: predicted %.1f ms, measured", names[i], tiers[tier],
                                      o.predicted_s * 1e3),
                         o.measured_s * 1e3, "ms", BAR_NONE, 0);
        }
    }
    for (int tier = 0; tier < 2 && sums[tier].n; tier++)
        report(b, tiers[tier], &sums[tier], c->arena);
    if (!n)
        bench_failed(b, "there is no folder examples here", NULL);
}

void bench_cost(struct bench *b)
{
    struct cli c;
    if (!cli_open(&c, "none", 1)) {
        bench_failed(b, "the engine does not start", NULL);
        return;
    }
    measure_all(b, &c);
    cli_close(&c);
}
