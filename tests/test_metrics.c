/* labels: http */
/* What /metrics says is Prometheus' text format (0.0.4), holds every row of metrics.def, and is all that the dashboard
 * and the alerts of deploy/ speak of. */
#include "tests/support.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/json/json.h"
#include "core/datum.h"
#include "core/fault.h"
#include "server/metrics.h"
#include "tests/support/server_child.h"

static struct arena *arena;

static const struct {
    const char *kind, *name, *help;
} rows[] = {
#define PRINTED(kind, id, name, help) {#kind, name, help},
#include "server/metrics.def"
#define COUNTED(kind, id, name, help) {#kind, name, help},
#include "server/metrics.def"
#define LABELLED(kind, id, name, label, help) {#kind, name, help},
#include "server/metrics.def"
#define HISTOGRAM(id, name, label, help) {"histogram", name, help},
#include "server/metrics.def"
#define READ(kind, name, labels, value, help) {#kind, name, help},
#include "server/metrics.def"
};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- the text format ---- */

enum { FAMILIES = 200, SERIES = 4000, NAME = 100 };

struct family {
    char name[NAME], kind[16];
    int samples;
};

/* A page, read line by line. */
struct page {
    struct family families[FAMILIES];
    int n_families;
    char *series[SERIES]; /* name and labels */
    double values[SERIES];
    int n_series;
};

static bool is_name(const char *s, size_t n)
{
    static const char head[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    if (!n || !strchr(head, *s))
        return false;
    for (size_t i = 1; i < n; i++)
        if (!strchr(head, s[i]) && !strchr("0123456789", s[i]))
            return false;
    return true;
}

/* Behind the labels of a sample; fails the test when they are not as they should be. */
static const char *skip_labels(const char *at, const char *line)
{
    if (*at != '{')
        return at;
    do {
        at++;
        size_t n = strcspn(at, "=");
        if (!is_name(at, n) || at[n + 1] != '"')
            fail_msg("no label at \"%s\" of %s", at, line);
        for (at += n + 2; *at != '"'; at++) {
            if (!*at)
                fail_msg("a label does not end: %s", line);
            if (*at == '\\' && !strchr("\\\"n", *++at))
                fail_msg("a wrong escape: %s", line);
        }
        at++;
    } while (*at == ',');
    if (*at != '}')
        fail_msg("labels do not end: %s", line);
    return at + 1;
}

/* "name_bucket" of a histogram "name" belongs to it. */
static bool belongs(const struct family *f, const char *name, size_t n)
{
    static const char *const endings[] = {"_bucket", "_sum", "_count"};
    size_t m = strlen(f->name);
    bool summary = !strcmp(f->kind, "summary");
    if (strncmp(f->name, name, m < n ? m : n) != 0 || n < m)
        return false;
    if (n == m)
        return strcmp(f->kind, "histogram") != 0;
    for (int i = summary ? 1 : 0; i < 3; i++)
        if (strlen(endings[i]) == n - m && !strncmp(endings[i], name + m, n - m))
            return summary || !strcmp(f->kind, "histogram");
    return false;
}

static void read_sample(struct page *p, const char *line)
{
    size_t n = strcspn(line, "{ ");
    char *end;
    if (!is_name(line, n))
        fail_msg("no name: %s", line);
    const char *value = skip_labels(line + n, line);
    struct family *f = p->n_families ? &p->families[p->n_families - 1] : NULL;
    if (!f || !belongs(f, line, n))
        fail_msg("%s does not stand under its own TYPE", line);
    f->samples++;
    if (*value != ' ')
        fail_msg("no value: %s", line);
    p->series[p->n_series] = arena_strndup(arena, line, (size_t)(value - line));
    for (int i = 0; i < p->n_series; i++)
        if (!strcmp(p->series[i], p->series[p->n_series]))
            fail_msg("%s stands there twice", p->series[i]);
    p->values[p->n_series++] = strtod(value + 1, &end);
    if (end == value + 1 || *end)
        fail_msg("no number: %s", line);
    assert_true(p->n_series < SERIES);
}

/* "# HELP name text", then "# TYPE name kind". */
static void read_head(struct page *p, const char *help, const char *type)
{
    struct family *f = &p->families[p->n_families];
    char name[NAME] = "", kind[16] = "";
    *f = (struct family){.name = ""};
    if (sscanf(help, "# HELP %99s", name) != 1 || sscanf(type, "# TYPE %99s %15s", f->name, f->kind) != 2 ||
        strcmp(name, f->name) != 0)
        fail_msg("HELP and TYPE do not belong together: %s; %s", help, type);
    const char *text = help + strlen("# HELP ") + strlen(name);
    assert_true(*text == ' ' && strlen(text) > 8 && !strchr(text, '\\'));
    static const char *const kinds[] = {"counter", "gauge", "histogram", "summary"};
    for (size_t i = 0; i < 4; i++)
        if (!strcmp(f->kind, kinds[i]))
            strcpy(kind, kinds[i]);
    if (!*kind || (!strcmp(kind, "counter")) != (strlen(name) > 6 && !strcmp(name + strlen(name) - 6, "_total")))
        fail_msg("%s: a counter, and nothing else, ends in _total", type);
    for (int i = 0; i < p->n_families; i++)
        if (!strcmp(p->families[i].name, name))
            fail_msg("%s stands there twice", name);
    p->n_families++;
    assert_true(p->n_families < FAMILIES);
}

static struct page *read_page(const char *text)
{
    struct page *p = ARENA_NEW(arena, struct page);
    char *copy = arena_strdup(arena, text), *help = NULL;
    assert_true(*text && text[strlen(text) - 1] == '\n');
    for (char *line = copy, *next; *line; line = next) {
        next = strchr(line, '\n');
        *next++ = 0;
        if (!strncmp(line, "# HELP ", 7)) {
            help = line;
        } else if (*line == '#') {
            assert_non_null(help);
            read_head(p, help, line);
            help = NULL;
        } else {
            assert_null(help);
            read_sample(p, line);
        }
    }
    return p;
}

static double value_of(const struct page *p, const char *series)
{
    for (int i = 0; i < p->n_series; i++)
        if (!strcmp(p->series[i], series))
            return p->values[i];
    return NAN;
}

static const struct family *family_of(const struct page *p, const char *name)
{
    for (int i = 0; i < p->n_families; i++)
        if (!strcmp(p->families[i].name, name))
            return &p->families[i];
    return NULL;
}

/* Buckets rise with their limits, the last is +Inf and has as many as _count. */
static void check_histograms(const struct page *p)
{
    double last = 0, limit = -1;
    int checked = 0;
    for (int i = 0; i < p->n_series; i++) {
        const char *series = p->series[i], *le = strstr(series, ",le=\"");
        if (!le)
            continue;
        double this_limit = strtod(le + 5, NULL);
        if (limit < 0)
            last = 0;
        assert_true(this_limit > limit && p->values[i] >= last);
        last = p->values[i];
        limit = this_limit;
        if (!isinf(limit))
            continue;
        const char *bucket = strstr(series, "_bucket{");
        char *rest = arena_strndup(arena, bucket + 8, (size_t)(le - bucket - 8));
        const char *count = arena_printf(arena, "%.*s_count{%s}", (int)(bucket - series), series, rest),
                   *sum = arena_printf(arena, "%.*s_sum{%s}", (int)(bucket - series), series, rest);
        assert_true(value_of(p, count) == last);
        assert_true(value_of(p, sum) >= 0);
        limit = -1;
        checked++;
    }
    assert_true(checked > 0);
}

static void check_rows(const struct page *p)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct family *f = family_of(p, rows[i].name);
        if (!f)
            fail_msg("%s is a row and not on the page", rows[i].name);
        assert_string_equal(f->kind, rows[i].kind);
    }
    for (int i = 0; i < p->n_families; i++) {
        size_t k = 0;
        while (k < ROWS && strcmp(rows[k].name, p->families[i].name) != 0)
            k++;
        if (k == ROWS)
            fail_msg("%s is on the page and no row", p->families[i].name);
    }
}

static void a_servers_page_holds_every_row_and_keeps_the_format(void **state)
{
    (void)state;
    struct child s = child_start(NULL);
    struct http_client *c = child_connect(&s);
    struct http_answer a;
    static const char *const paths[] = {"/render?expr=x&width=9&height=9", "/render?expr=x&width=9", "/nothing", "/ops",
                                        "/render?expr=x&width=0"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(http_client_send(c, "GET", paths[i], NULL, NULL, 0), 0);
        assert_int_equal(http_client_receive(c, &a), 0);
    }
    assert_int_equal(http_client_send(c, "GET", "/metrics", NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive(c, &a), 0);
    assert_string_equal(http_client_header(c, &a, "Content-Type"), "text/plain; version=0.0.4");
    struct page *p = read_page(a.body);
    check_rows(p);
    check_histograms(p);
    assert_true(value_of(p, "sinter_requests_total{route=\"/render\",status=\"200\"}") == 2);
    assert_true(value_of(p, "sinter_requests_total{route=\"/render\",status=\"422\"}") == 1);
    assert_true(value_of(p, "sinter_requests_total{route=\"other\",status=\"404\"}") == 1);
    assert_true(value_of(p, "sinter_answers_total{engine=\"interp\"}") == 2);
    assert_true(value_of(p, "sinter_route_seconds_count{route=\"/render\"}") == 3);
    assert_true(value_of(p, "sinter_request_seconds_count{stage=\"total\"}") == 5);
    assert_true(value_of(p, "sinter_programs") >= 1);
    assert_true(value_of(p, "process_resident_memory_bytes") > 1 << 20);
    assert_true(value_of(p, "process_open_fds") > 5 &&
                value_of(p, "process_open_fds") < value_of(p, "process_max_fds"));
    double age = (double)time(NULL) - value_of(p, "process_start_time_seconds");
    assert_true(age > -2 && age < 60);
    http_client_close(c);
    assert_int_equal(child_stop(&s), 0);
}

static struct page *page_of(struct http_client *c)
{
    struct http_answer a;
    assert_int_equal(http_client_send(c, "GET", "/metrics", NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive(c, &a), 0);
    return read_page(a.body);
}

static void what_waits_is_counted_with_its_age(void **state)
{
    (void)state;
    enum { TERMS = 100 / TEST_SLOWNESS, LONG = 5 };
    const char *const arguments[] = {"--threads",        "1",      "--inline-us", "0", "--max-queue-seconds", "0",
                                     "--max-request-ms", "600000", NULL};
    struct child s = child_start(arguments);
    struct http_client *watch = child_connect(&s), *busy[LONG];
    struct http_answer a;
    char body[8192];
    int n = snprintf(body, sizeof body, "{\"width\":2000,\"height\":2000,\"tier\":\"interp\",\"expr\":\"0");
    for (int i = 1; i <= TERMS; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "+abs(x*%d-y*y)", i);
    n += snprintf(body + n, sizeof body - (size_t)n, "\"}");
    for (int i = 0; i < LONG; i++) {
        busy[i] = child_connect(&s);
        assert_int_equal(
            http_client_send(busy[i], "POST", "/render", "Content-Type: application/json\r\n", body, (size_t)n), 0);
    }
    struct page *p;
    double began = now_s();
    do {
        assert_true(now_s() - began < 60);
        p = page_of(watch);
    } while (value_of(p, "sinter_queue_waiting") < 2 || value_of(p, "sinter_queue_running") < 1);
    pause_ms(20);
    p = page_of(watch);
    assert_true(value_of(p, "sinter_queue_waiting") >= 1);
    assert_true(value_of(p, "sinter_queue_oldest_seconds") >= 0.019);
    assert_true(value_of(p, "sinter_queue_clients") == 1);
    assert_true(value_of(p, "sinter_queue_cost_seconds{of=\"requests\"}") > 0);
    assert_true(value_of(p, "sinter_work_bytes") > 2000 * 2000);
    for (int i = 0; i < LONG; i++) {
        assert_int_equal(http_client_receive(busy[i], &a), 0);
        assert_int_equal(a.status, 200);
        http_client_close(busy[i]);
    }
    p = page_of(watch);
    assert_true(value_of(p, "sinter_request_seconds_count{stage=\"wait\"}") == LONG);
    assert_true(value_of(p, "sinter_request_seconds_sum{stage=\"wait\"}") > 0.01);
    assert_true(value_of(p, "sinter_queue_waiting") == 0 && value_of(p, "sinter_queue_oldest_seconds") == 0);
    http_client_close(watch);
    assert_int_equal(child_stop(&s), 0);
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    metrics_label(METRIC_LABEL_REFUSED, "a\"b\\c\nd");
    metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, "a\"b\\c\nd", 0.0007);
    metrics_request("a\"b\\c\nd", 200);
    struct page *p = read_page(metrics_text(arena, NULL, NULL));
    assert_true(value_of(p, "sinter_refused_total{limit=\"a\\\"b\\\\c\\nd\"}") == 1);
    assert_true(value_of(p, "sinter_requests_total{route=\"a\\\"b\\\\c\\nd\",status=\"200\"}") == 1);
    check_histograms(p);
}

static void times_fall_into_the_bucket_of_their_limit(void **state)
{
    (void)state;
    metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, "exec", 0.0007);
    metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, "exec", 0.001);
    metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, "exec", 1e9);
    metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, "exec", NAN);
    struct page *p = read_page(metrics_text(arena, NULL, NULL));
    assert_true(value_of(p, "sinter_request_seconds_bucket{stage=\"exec\",le=\"1e-05\"}") == 1);
    assert_true(value_of(p, "sinter_request_seconds_bucket{stage=\"exec\",le=\"0.0005\"}") == 1);
    assert_true(value_of(p, "sinter_request_seconds_bucket{stage=\"exec\",le=\"0.001\"}") == 3);
    assert_true(value_of(p, "sinter_request_seconds_bucket{stage=\"exec\",le=\"60\"}") == 3);
    assert_true(value_of(p, "sinter_request_seconds_bucket{stage=\"exec\",le=\"+Inf\"}") == 4);
}

static void values_beyond_a_familys_room_are_counted_as_other(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++)
        metrics_label(METRIC_LABEL_REAPED, arena_printf(arena, "phase %d", i));
    struct page *p = read_page(metrics_text(arena, NULL, NULL));
    assert_true(value_of(p, "sinter_connections_reaped_total{phase=\"phase 10\"}") == 1);
    assert_true(value_of(p, "sinter_connections_reaped_total{phase=\"other\"}") > 100);
}

static void the_pinned_names_are_there(void **state)
{
    (void)state;
    static const char *const pinned[] = {"sinter_requests_total",       "sinter_request_seconds",
                                         "sinter_compiles_total",       "sinter_compile_seconds",
                                         "sinter_cache_hits_total",     "sinter_cache_misses_total",
                                         "sinter_kernels_loaded",       "sinter_store_bytes",
                                         "sinter_queue_cost_seconds",   "sinter_workers",
                                         "sinter_refused_total",        "sinter_degraded",
                                         "sinter_worker_restarts_total"};
    struct page *p = read_page(metrics_text(arena, NULL, NULL));
    for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++)
        if (!family_of(p, pinned[i]))
            fail_msg("%s", pinned[i]);
}

/* ---- what deploy/ asks for ---- */

/* Is it a row, or one of a histogram's or summary's series? */
static bool is_known(const char *name, size_t n)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct family f = {.name = ""};
        snprintf(f.name, sizeof f.name, "%s", rows[i].name);
        snprintf(f.kind, sizeof f.kind, "%s", rows[i].kind);
        if (belongs(&f, name, n))
            return true;
    }
    return false;
}

/* Fails for names that no row has; how many there are. */
static int check_names(const char *text, const char *where)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    int found = 0;
    for (const char *at = text; *at;) {
        size_t n = strspn(at, letters);
        bool ours = n > 8 && (!strncmp(at, "sinter_", 7) || !strncmp(at, "process_", 8));
        if (ours && !is_known(at, n))
            fail_msg("%s: %.*s is no metric", where, (int)n, at);
        found += ours;
        at += n ? n : 1;
    }
    return found;
}

static struct datum *read_json(const char *path)
{
    size_t n;
    char *text = test_read_file(arena, path, &n);
    struct json_limits limits = {.max_bytes = n, .max_depth = 100};
    struct datum *root = NULL;
    struct fault fault;
    fault_init(&fault, arena);
    if (json_read(text, n, &limits, arena, &root, &fault) != STATUS_OK)
        fail_msg("%s: %s", path, fault.items[0].detail);
    return root;
}

static void the_dashboard_asks_for_what_there_is(void **state)
{
    (void)state;
    static const char path[] = "deploy/grafana-dashboard.json";
    const struct datum *root = read_json(path), *panels = datum_get(root, "panels");
    double ids[200], n_targets = 0;
    assert_non_null(datum_get(root, "title"));
    assert_true(datum_get(root, "schemaVersion")->number > 30);
    assert_string_equal(datum_get(&datum_get(root, "__inputs")->items[0], "pluginId")->string, "prometheus");
    assert_true(panels->n > 10 && panels->n < 200);
    for (size_t i = 0; i < panels->n; i++) {
        const struct datum *panel = &panels->items[i], *at = datum_get(panel, "gridPos");
        const struct datum *targets = datum_get(panel, "targets");
        ids[i] = datum_get(panel, "id")->number;
        for (size_t k = 0; k < i; k++)
            assert_true(ids[i] != ids[k]);
        assert_true(datum_get(at, "x")->number + datum_get(at, "w")->number <= 24);
        if (!strcmp(datum_get(panel, "type")->string, "row"))
            continue;
        assert_true(*datum_get(panel, "description")->string);
        assert_true(targets && targets->n > 0);
        for (size_t t = 0; t < targets->n; t++, n_targets++)
            if (!check_names(datum_get(&targets->items[t], "expr")->string, path))
                fail_msg("%s: no metric in %s", path, datum_get(&targets->items[t], "expr")->string);
    }
    assert_true(n_targets > 20);
}

static void the_alerts_ask_for_what_there_is(void **state)
{
    (void)state;
    static const char path[] = "deploy/alerts.yaml";
    size_t n;
    char *text = test_read_file(arena, path, &n);
    int alerts = 0, expressions = 0, names = check_names(text, path);
    for (const char *at = text; (at = strstr(at, "- alert: ")); at++)
        alerts++;
    for (const char *at = text; (at = strstr(at, "\n        expr: ")); at++, expressions++)
        if (!check_names(arena_strndup(arena, at + 1, strcspn(at + 1, "\n")), path))
            fail_msg("%s: no metric in %.80s", path, at);
    assert_true(alerts > 8 && alerts == expressions && names >= alerts);
}

static void documents_speak_of_metrics_that_exist(void **state)
{
    (void)state;
    static const char *const paths[] = {"docs/operating.md", "docs/api.md", "README.md"};
    int found = 0;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        size_t n;
        found += check_names(test_read_file(arena, paths[i], &n), paths[i]);
    }
    assert_true(found > 5);
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)256 << 20);
    return !arena || ARENA_GUARD(arena);
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_servers_page_holds_every_row_and_keeps_the_format),
        cmocka_unit_test(what_waits_is_counted_with_its_age),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(times_fall_into_the_bucket_of_their_limit),
        cmocka_unit_test(values_beyond_a_familys_room_are_counted_as_other),
        cmocka_unit_test(the_pinned_names_are_there),
        cmocka_unit_test(the_dashboard_asks_for_what_there_is),
        cmocka_unit_test(the_alerts_ask_for_what_there_is),
        cmocka_unit_test(documents_speak_of_metrics_that_exist),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
