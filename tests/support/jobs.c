/* See jobs.h. */
#include "tests/support/jobs.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/folder.h"

char jobs_dir[FOLDER_PATH];

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct api *jobs_api(struct api_config config, bool runs)
{
    struct fault fault;
    config.store_dir = jobs_dir;
    config.batch_threads = 1;
    struct api *of = small_api(config);
    fault_init(&fault, arena);
    if (runs)
        assert_int_equal(api_run_jobs(of, &fault), STATUS_OK);
    return of;
}

int jobs_set_up(void **state)
{
    (void)state;
    folder_make(jobs_dir);
    return 0;
}

int jobs_tear_down(void **state)
{
    (void)state;
    folder_remove(jobs_dir);
    return 0;
}

static void take(struct api_stream *s, struct heard *h, double until)
{
    enum { PIECE = 100000 };
    size_t cap = 0;
    char *text = NULL;
    do {
        size_t n;
        if (cap - h->n < PIECE)
            text = realloc(text, cap = 2 * cap + 2 * PIECE);
        h->supply = api_stream_take(s, text + h->n, PIECE, &n);
        h->n += n;
        if (api_stream_wants(s))
            api_stream_work(s);
        else if (!n)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        if (seconds() > until)
            fail_msg("no end after %zu bytes", h->n);
    } while (h->supply == API_SUPPLY_MORE);
    h->text = arena_strndup(arena, text, h->n);
    free(text);
}

struct heard hear_of(struct api *of, struct ask a, double most_s)
{
    struct api_request req = request_of(&a);
    struct api_response res;
    struct heard h = {.supply = API_SUPPLY_END};
    req.takes_stream = true;
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    h.status = res.http_status;
    if (res.stream) {
        take(res.stream, &h, seconds() + most_s);
    } else {
        h.text = body_of(&res);
        h.n = res.body_size;
    }
    api_response_done(&res);
    return h;
}

struct heard hear_get(struct api *of, const char *path, const char *query)
{
    enum { MOST_S = 60 };
    struct heard h = hear_of(of, (struct ask){.method = METHOD_GET, .path = path, .query = query}, MOST_S);
    if (h.status != 200)
        fail_msg("%s answered %d: %s", path, h.status, h.text);
    return h;
}

struct api_response job_ask(struct api *of, const char *json, const char *key)
{
    struct ask a = {.method = METHOD_POST,
                    .path = "/jobs",
                    .type = *json == '[' ? "application/json" : "application/x-ndjson",
                    .body = json};
    if (key)
        a.more[0] = (struct pair){"Idempotency-Key", key};
    return ask_of(of, a);
}

const char *job_post(struct api *of, const char *json)
{
    struct api_response res = job_ask(of, json, NULL);
    if (res.http_status != 202)
        fail_msg("%d: %s", res.http_status, body_of(&res));
    const char *path = arena_strdup(arena, header_of(&res, "Location"));
    api_response_done(&res);
    return path;
}

double number_of(const struct datum *object, const char *key)
{
    const struct datum *d = datum_get(object, key);
    if (!d || d->kind != DATUM_NUMBER)
        fail_msg("no number \"%s\"", key);
    return d->number;
}

const char *text_of(const struct datum *object, const char *key)
{
    const struct datum *d = datum_get(object, key);
    if (!d || d->kind != DATUM_STRING)
        fail_msg("no text \"%s\"", key);
    return d->string;
}

struct api_response job_cancel(struct api *of, const char *path)
{
    return ask_of(of, (struct ask){.method = METHOD_DELETE, .path = path});
}

struct datum *job_wait(struct api *of, const char *path)
{
    enum { POLLS = 12 }; /* items get what processor time is left over */
    for (int i = 0; i < POLLS; i++) {
        struct heard h = hear_get(of, path, "wait=20");
        assert_int_equal(h.supply, API_SUPPLY_END);
        struct datum *job = json_of(h.text, h.n);
        if (datum_get(job, "finished")->kind != DATUM_NULL)
            return job;
    }
    fail_msg("%s does not end", path);
    return NULL;
}

struct datum **job_results(struct api *of, const char *path, const char *query, size_t *ret_n)
{
    enum { LINES_MAX = 10000 };
    struct heard h = hear_get(of, arena_printf(arena, "%s/results", path), query);
    assert_int_equal(h.supply, API_SUPPLY_END);
    struct datum **lines = ARENA_ARRAY(arena, LINES_MAX, struct datum *);
    *ret_n = 0;
    for (char *at = h.text, *end; at < h.text + h.n; at = end + 1) {
        end = strchr(at, '\n');
        assert_non_null(end);
        assert_true(*ret_n < LINES_MAX);
        lines[(*ret_n)++] = json_of(at, (size_t)(end - at));
    }
    assert_true(*ret_n > 0 && datum_get(lines[*ret_n - 1], "end"));
    return lines;
}

const struct datum *result_of(struct datum *const *lines, size_t n, const char *id)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (!strcmp(text_of(lines[i], "id"), id))
            return lines[i];
    fail_msg("there is no result %s", id);
    return NULL;
}

char *result_bytes(const struct datum *line, size_t *ret_n)
{
    const char *text = text_of(line, "body_base64");
    size_t n = strlen(text);
    char *bytes = arena_alloc(arena, n + 1);
    assert_int_equal(
        sodium_base642bin((unsigned char *)bytes, n, text, n, NULL, ret_n, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
    assert_int_equal(*ret_n, number_of(line, "size"));
    return bytes;
}

const char *blob_post(struct api *of, const void *data, size_t n)
{
    struct api_response res =
        ask_of(of, (struct ask){.method = METHOD_POST, .path = "/blobs", .type = "audio/wav", .body = data, .size = n});
    if (res.http_status != 201)
        fail_msg("%d: %s", res.http_status, body_of(&res));
    const char *path = arena_strdup(arena, header_of(&res, "Location"));
    api_response_done(&res);
    return path;
}

struct api_response job_get(struct api *of, const char *path, const char *query)
{
    return ask_of(of, (struct ask){.method = METHOD_GET, .path = path, .query = query});
}

struct datum *job_read(struct api *of, const char *path)
{
    struct api_response res = job_get(of, path, NULL);
    assert_ok(&res);
    struct datum *job = json_of(res.body, res.body_size);
    api_response_done(&res);
    return job;
}
