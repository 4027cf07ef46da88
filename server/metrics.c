/* See metrics.h. Label values are few and come from tables (routes, limits, stages), so each family keeps a short list
 * that only grows; a value beyond its room is counted as "other". */
#include "server/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/etag.h"
#include "core/ir.h"
#include "jit/target.h"
#include "server/confine.h"
#include "server/log.h"
#include "server/process_stats.h"

enum { VALUES_MAX = 64, BUCKETS = 21, STATUS_MIN = 100, STATUS_MAX = 600, VALUE_SIZE = 48 };

static const double bucket_limits[BUCKETS] = {1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2,
                                              5e-2, 0.1,    0.25, 0.5,  1,      2.5,  5,    10,     30,   60};

/* Values of one label, in the order first seen; names are written before `n` grows. */
struct values {
    _Atomic unsigned n;
    char names[VALUES_MAX][VALUE_SIZE];
};

struct histogram {
    _Atomic uint64_t buckets[BUCKETS + 1];
    _Atomic uint64_t nanoseconds;
};

static _Atomic int64_t counted[METRIC_COUNT];
static struct values label_values[METRIC_LABEL_COUNT];
static _Atomic uint64_t labelled[METRIC_LABEL_COUNT][VALUES_MAX];
static struct values histogram_values[METRIC_HISTOGRAM_COUNT];
static struct histogram histograms[METRIC_HISTOGRAM_COUNT][VALUES_MAX];
static struct values route_values;
static _Atomic uint64_t requests[VALUES_MAX][STATUS_MAX - STATUS_MIN];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
    const char *kind, *name, *help;
} counted_rows[] = {
#define COUNTED(kind, id, name, help) {#kind, name, help},
#include "server/metrics.def"
};
static const struct {
    const char *kind, *name, *label, *help;
} labelled_rows[] = {
#define LABELLED(kind, id, name, label, help) {#kind, name, label, help},
#include "server/metrics.def"
};
static const struct {
    const char *name, *label, *help;
} histogram_rows[] = {
#define HISTOGRAM(id, name, label, help) {name, label, help},
#include "server/metrics.def"
};

static unsigned find(const struct values *v, unsigned n, const char *value)
{
    unsigned i = 0;
    while (i < n && strncmp(v->names[i], value, VALUE_SIZE - 1))
        i++;
    return i;
}

static unsigned index_of(struct values *v, const char *value)
{
    unsigned n = atomic_load_explicit(&v->n, memory_order_acquire);
    unsigned i = find(v, n, value);
    if (i < n)
        return i;
    pthread_mutex_lock(&lock);
    n = atomic_load(&v->n);
    i = find(v, n, value);
    if (i == n && n + 1 < VALUES_MAX) {
        snprintf(v->names[i], VALUE_SIZE, "%s", value);
        atomic_store_explicit(&v->n, n + 1, memory_order_release);
    } else if (i == n) {
        i = VALUES_MAX - 1;
        snprintf(v->names[i], VALUE_SIZE, "other");
        atomic_store_explicit(&v->n, VALUES_MAX, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return i;
}

void metrics_add(enum metric m, int64_t by)
{
    atomic_fetch_add_explicit(&counted[m], by, memory_order_relaxed);
}

int64_t metrics_value(enum metric m)
{
    return atomic_load_explicit(&counted[m], memory_order_relaxed);
}

void metrics_label(enum metric_label m, const char *value)
{
    atomic_fetch_add_explicit(&labelled[m][index_of(&label_values[m], value)], 1, memory_order_relaxed);
}

void metrics_observe(enum metric_histogram m, const char *value, double seconds)
{
    struct histogram *h = &histograms[m][index_of(&histogram_values[m], value)];
    if (!(seconds >= 0))
        seconds = 0;
    int bucket = 0;
    while (bucket < BUCKETS && seconds > bucket_limits[bucket])
        bucket++;
    atomic_fetch_add_explicit(&h->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->nanoseconds, (uint64_t)(seconds * 1e9), memory_order_relaxed);
}

void metrics_request(const char *route, int http_status)
{
    if (http_status < STATUS_MIN || http_status >= STATUS_MAX)
        http_status = STATUS_MAX - 1;
    atomic_fetch_add_explicit(&requests[index_of(&route_values, route)][http_status - STATUS_MIN], 1,
                              memory_order_relaxed);
}

/* ---- Prometheus' text format, version 0.0.4 ---- */

struct sources {
    const char *compiler;
    struct engine_stats engine;
    struct api_stats api;
    struct process_stats process;
};

static void head(FILE *f, const char *kind, const char *name, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* label="value" */
static void print_label(FILE *f, const char *label, const char *value)
{
    fprintf(f, "%s=\"", label);
    for (; *value; value++)
        if (*value == '\n')
            fputs("\\n", f);
        else
            fprintf(f, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    fputc('"', f);
}

static void print_build_info(FILE *f, const struct sources *s)
{
    fputs("sinter_build_info{", f);
    print_label(f, "version", SINTER_VERSION);
    fprintf(f, ",semantics=\"%d\",encoder=\"%d\",", SEMANTICS_VERSION, ENCODER_VERSION);
    print_label(f, "compiler", s->compiler);
    fputc(',', f);
    print_label(f, "target", target_name(target_of_cpu()));
    fputs("} 1\n", f);
}

static void print_requests(FILE *f, const struct sources *s)
{
    (void)s;
    unsigned n = atomic_load_explicit(&route_values.n, memory_order_acquire);
    for (unsigned r = 0; r < n; r++)
        for (int status = STATUS_MIN; status < STATUS_MAX; status++) {
            uint64_t count = atomic_load_explicit(&requests[r][status - STATUS_MIN], memory_order_relaxed);
            if (!count)
                continue;
            fputs("sinter_requests_total{", f);
            print_label(f, "route", route_values.names[r]);
            fprintf(f, ",status=\"%d\"} %llu\n", status, (unsigned long long)count);
        }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The engine keeps sum, count and the latest times: a summary over those. */
static void print_compile_seconds(FILE *f, const struct sources *s)
{
    double latest[64];
    uint64_t n = s->engine.compile_count < 64 ? s->engine.compile_count : 64;
    memcpy(latest, s->engine.compile_ms_last, sizeof latest);
    qsort(latest, n, sizeof latest[0], by_value);
    static const double quantiles[] = {0.5, 0.9, 0.99};
    for (size_t q = 0; n && q < 3; q++)
        fprintf(f, "sinter_compile_seconds{quantile=\"%g\"} %.6g\n", quantiles[q],
                latest[(size_t)((double)(n - 1) * quantiles[q])] * 1e-3);
    fprintf(f, "sinter_compile_seconds_sum %.6g\nsinter_compile_seconds_count %llu\n", s->engine.compile_seconds_sum,
            (unsigned long long)s->engine.compile_count);
}

static void print_labelled(FILE *f, int m)
{
    head(f, labelled_rows[m].kind, labelled_rows[m].name, labelled_rows[m].help);
    unsigned n = atomic_load_explicit(&label_values[m].n, memory_order_acquire);
    for (unsigned i = 0; i < n; i++) {
        fprintf(f, "%s{", labelled_rows[m].name);
        print_label(f, labelled_rows[m].label, label_values[m].names[i]);
        fprintf(f, "} %llu\n", (unsigned long long)atomic_load_explicit(&labelled[m][i], memory_order_relaxed));
    }
}

static void print_bucket(FILE *f, int m, const char *value, const char *limit, uint64_t count)
{
    fprintf(f, "%s_bucket{", histogram_rows[m].name);
    print_label(f, histogram_rows[m].label, value);
    fprintf(f, ",le=\"%s\"} %llu\n", limit, (unsigned long long)count);
}

static void print_histogram(FILE *f, int m)
{
    const char *name = histogram_rows[m].name;
    head(f, "histogram", name, histogram_rows[m].help);
    unsigned n = atomic_load_explicit(&histogram_values[m].n, memory_order_acquire);
    for (unsigned i = 0; i < n; i++) {
        const char *value = histogram_values[m].names[i];
        const struct histogram *h = &histograms[m][i];
        uint64_t sum = 0;
        for (int b = 0; b <= BUCKETS; b++) {
            char limit[16] = "+Inf";
            if (b < BUCKETS)
                snprintf(limit, sizeof limit, "%g", bucket_limits[b]);
            sum += atomic_load_explicit(&h->buckets[b], memory_order_relaxed);
            print_bucket(f, m, value, limit, sum);
        }
        double seconds = (double)atomic_load_explicit(&h->nanoseconds, memory_order_relaxed) * 1e-9;
        fprintf(f, "%s_sum{", name);
        print_label(f, histogram_rows[m].label, value);
        fprintf(f, "} %.9g\n%s_count{", seconds, name);
        print_label(f, histogram_rows[m].label, value);
        fprintf(f, "} %llu\n", (unsigned long long)sum);
    }
}

static void print_value(FILE *f, const char *kind, const char *name, const char *labels, double value, const char *help)
{
    if (*help)
        head(f, kind, name, help);
    if (*labels)
        fprintf(f, "%s{%s} %.15g\n", name, labels, value);
    else
        fprintf(f, "%s %.15g\n", name, value);
}

static void print_all(FILE *f, const struct sources *s)
{
#define PRINTED(kind, id, name, help)                                                                                  \
    head(f, #kind, name, help);                                                                                        \
    print_##id(f, s);
#include "server/metrics.def"
    for (int m = 0; m < METRIC_COUNT; m++)
        print_value(f, counted_rows[m].kind, counted_rows[m].name, "", (double)metrics_value((enum metric)m),
                    counted_rows[m].help);
    for (int m = 0; m < METRIC_LABEL_COUNT; m++)
        print_labelled(f, m);
    for (int m = 0; m < METRIC_HISTOGRAM_COUNT; m++)
        print_histogram(f, m);
#define READ(kind, name, labels, value, help) print_value(f, #kind, name, labels, value, help);
#include "server/metrics.def"
}

char *metrics_text(struct arena *a, struct engine *engine, struct api *api)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return arena_strdup(a, "");
    struct sources s = {.compiler = ""};
    if (api)
        api_stats(api, &s.api);
    if (engine) {
        engine_stats(engine, &s.engine);
        s.compiler = engine_compiler_id(engine);
    }
    process_stats(&s.process);
    print_all(f, &s);
    if (fclose(f) || !text)
        return arena_strdup(a, "");
    char *kept = arena_strndup(a, text, size); /* escapes past free() only when memory ends: one text is lost then */
    free(text);
    return kept;
}
