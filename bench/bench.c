/* The table of benchmarks and their report. See bench.h. */
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/command.h"

static const struct {
    const char *name, *what;
    bench_run *run;
} rows[] = {
    {"affine", "gain, offset, gain, offset on 44,100 floats, beside memcpy and plain loops", bench_affine},
    {"perlin2", "resin-compatible gradient noise, one core", bench_perlin2},
    {"perlin3", "Perlin's improved noise of 2002, one core", bench_perlin3},
    {"gnoise2", "native gradient noise, one core", bench_gnoise2},
    {"gnoise2_low", "the same, in cells of 16 pixels", bench_gnoise2_low},
    {"gnoise2_high", "the same, in cells smaller than a pixel", bench_gnoise2_high},
    {"gnoise2_turned", "the same, turned", bench_gnoise2_turned},
    {"gnoise3", "native gradient noise in three dimensions, one core", bench_gnoise3},
    {"gnoise3_high", "the same, in cells smaller than a pixel", bench_gnoise3_high},
    {"snoise2", "native simplex noise, one core", bench_snoise2},
    {"snoise3", "native simplex noise in three dimensions, one core", bench_snoise3},
    {"vnoise2", "native value noise, one core", bench_vnoise2},
    {"vnoise3", "native value noise in three dimensions, one core", bench_vnoise3},
    {"cellular2", "distance to the nearest point, one core", bench_cellular2},
    {"cellular3", "the same in three dimensions, one core", bench_cellular3},
    {"fractal2", "six octaves of native gradient noise, one core", bench_fractal2},
    {"material", "25 nodes: warp, fbm, ridged, cellular, ramps, blend, sRGB, one core", bench_material},
    {"trig", "sin(pi x) cos(pi (x + y)), one core", bench_trig},
    {"circle", "signed distance to a circle, one core", bench_circle},
    {"biquad", "one low-pass, mono, f64 state", bench_biquad},
    {"audio", "eleven audio graphs, beside Faust where that is installed", bench_audio},
    {"silence", "a reverb's tail into a minute of silence, block by block", bench_silence},
    {"eqfile", "a minute of stereo through 8 EQs by one curl, beside sox and ffmpeg", bench_eqfile},
    {"cost", "what requests are predicted to take, beside what they take, for the graphs of examples/", bench_cost},
    {"cold", "200 graphs never seen before, over HTTP", bench_cold},
    {"warm", "4 KB audio blocks by graph id over one connection, beside a bare HTTP echo", bench_warm},
    {"restart", "first answers of a new process with 1,000 cached kernels", bench_restart},
    {"render", "images of 1024 x 1024 and 4096 x 4096, beside a bare HTTP server", bench_render},
    {"herd", "1,000 concurrent requests for one new graph", bench_herd},
};

struct bench {
    const char *name;
    bool json;
    int figures, missed, failed;
};

static bool reaches(enum bar bar, double value, double limit)
{
    switch (bar) {
    case BAR_AT_MOST:
        return value <= limit;
    case BAR_AT_LEAST:
        return value >= limit;
    case BAR_EXACTLY:
        return value == limit;
    default:
        return true;
    }
}

void bench_figure(struct bench *b, const char *what, double value, const char *unit, enum bar bar, double limit)
{
    static const char *const words[] = {"", "at most", "at least", "exactly"};
    bool ok = reaches(bar, value, limit);
    b->missed += !ok;
    if (b->json) {
        printf("%s\n  {\"bench\": \"%s\", \"what\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"", b->figures ? "," : "",
               b->name, what, value, unit);
        if (bar)
            printf(", \"bar\": \"%s\", \"limit\": %.6g, \"reached\": %s", words[bar], limit, ok ? "true" : "false");
        printf("}");
    } else if (bar) {
        printf("%-8s %-46s %12.4g %-11s %s %g%s\n", b->name, what, value, unit, words[bar], limit,
               ok ? "" : "   MISSED");
    } else {
        printf("%-8s %-46s %12.4g %-11s\n", b->name, what, value, unit);
    }
    fflush(stdout);
    b->figures++;
}

void bench_failed(struct bench *b, const char *what, const struct fault *fault)
{
    b->failed++;
    fprintf(stderr, "sinter bench %s: %s%s%s\n", b->name, what, fault && fault->count ? ": " : "",
            fault && fault->count ? fault->items[0].detail : "");
}

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_quantile(double *values, int n, double q)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
    int i = (int)ceil(q * n) - 1;
    return values[i < 0 ? 0 : i];
}

double bench_median(double *values, int n)
{
    return bench_quantile(values, n, 0.5);
}

static void print_usage(FILE *to)
{
    fprintf(to, "usage: sinter bench [NAME ...] [--json]\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fprintf(to, "  %-9s %s\n", rows[i].name, rows[i].what);
}

int command_bench(int argc, char **argv)
{
    struct bench b = {0};
    bool chosen[sizeof rows / sizeof *rows] = {false}, any = false;
    for (int a = 1; a < argc; a++) {
        bool known = !strcmp(argv[a], "--json");
        b.json |= known;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (!strcmp(argv[a], rows[i].name))
                known = chosen[i] = any = true;
        if (!strcmp(argv[a], "--help")) {
            print_usage(stdout);
            return EXIT_DONE;
        }
        if (!known) {
            print_usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (b.json)
        printf("[");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (any && !chosen[i])
            continue;
        b.name = rows[i].name;
        rows[i].run(&b);
    }
    if (b.json)
        printf("\n]\n");
    else
        printf("%d figures, %d bars missed, %d benches failed\n", b.figures, b.missed, b.failed);
    return b.failed ? EXIT_FAILED : EXIT_DONE;
}
