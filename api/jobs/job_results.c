/* GET /jobs/{id}/results: what the items have become, in the order in which they ended, while others still run. One
 * result at a time is open, of which a piece at a time is in memory. The last entry says whether that was all: an
 * answer that was cut, or that ends because the server does, cannot be taken for a whole one. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bytes/stream.h"
#include "api/bytes/tar.h"
#include "api/choice.h"
#include "api/jobs/job_waiters.h"
#include "api/jobs/jobs.h"
#include "api/json/json.h"
#include "api/request.h"
#include "api/room.h"

/* Three bytes are four of base64, so pieces are a multiple of three. */
enum { PIECE = 96 << 10, TEXT_SIZE = PIECE / 3 * 4 + 1, JSON_MOST = PIECE, NAME_SIZE = 128 };

enum results_form { FORM_NDJSON, FORM_TAR };

struct results {
    struct exchange *ex;
    enum results_form form;
    char job[DATA_JOB_ID];
    uint32_t after; /* the last one that is sent */
    bool waits;
    struct data_result result; /* open: some of it is sent */
    bool open;
    bool is_json;
    uint64_t at; /* of its body */
    uint8_t *piece;
    char *text;
};

static void release_result(void *user)
{
    struct results *r = user;
    if (r->open)
        data_result_done(&r->result);
}

static bool begins(const char *text, const char *with)
{
    return text && !strncmp(text, with, strlen(with));
}

/* ---- an entry's head ---- */

static bool fits_json(const struct data_result *result)
{
    return (begins(result->content_type, "application/json") ||
            begins(result->content_type, "application/problem+json")) &&
           result->body.size <= JSON_MOST && result->body.size;
}

static const char *name_of(const struct data_result *result, struct arena *a)
{
    return result->id ? result->id : arena_printf(a, "%u", result->seq);
}

static void put_line_head(struct results *r, struct arena *a, struct sink *s)
{
    const struct data_result *result = &r->result;
    struct json_writer w;
    json_writer_init(&w, a);
    json_object(&w, NULL);
    json_uint(&w, "order", result->order);
    json_string(&w, "id", name_of(result, a));
    json_uint(&w, "seq", result->seq);
    json_int(&w, "status", result->http_status);
    json_string(&w, "content_type", result->content_type);
    json_raw(&w, "headers", result->headers ? result->headers : "{}");
    json_uint(&w, "size", result->body.size);
    text_add(&w.text, r->is_json ? ",\"body\":" : ",\"body_base64\":\"");
    sink_put(s, w.text.s, w.text.n);
}

static const char *extension_of(const struct data_result *result, struct arena *a)
{
    struct fault fault;
    struct datum *root;
    fault_init(&fault, a);
    if (result->http_status >= 400)
        return "problem.json";
    const char *headers = result->headers ? result->headers : "{}";
    struct json_limits limits = {.max_bytes = strlen(headers), .max_depth = 2};
    if (json_read(headers, strlen(headers), &limits, a, &root, &fault) != STATUS_OK)
        return "bin";
    const struct datum *format = datum_get(root, "format");
    return format && format->kind == DATUM_STRING ? format->string : "bin";
}

static void put_member_head(struct results *r, struct arena *a, struct sink *s)
{
    uint8_t head[TAR_BLOCK];
    const struct data_result *result = &r->result;
    tar_head(arena_printf(a, "%.80s.%.16s", name_of(result, a), extension_of(result, a)), result->body.size, head);
    sink_put(s, head, sizeof head);
}

/* In memory of its own: there may be many. */
static enum status put_head(struct results *r, struct sink *s)
{
    struct arena *a = arena_new(r->ex->api->config.max_arena);
    volatile enum status status = STATUS_NO_MEMORY;
    if (a && !ARENA_GUARD(a)) {
        if (r->form == FORM_TAR)
            put_member_head(r, a, s);
        else
            put_line_head(r, a, s);
        status = STATUS_OK;
    }
    arena_free(a);
    return status;
}

/* ---- its body, and the end ---- */

static enum status put_piece(struct results *r, struct sink *s)
{
    uint64_t left = r->result.body.size - r->at;
    size_t n = left < PIECE ? (size_t)left : PIECE;
    TRY(data_read(r->ex->api->data, r->result.body, r->at, r->piece, n, &r->ex->fault));
    r->at += n;
    if (r->form == FORM_TAR) {
        sink_put(s, r->piece, n);
    } else if (r->is_json) {
        while (n && r->piece[n - 1] == '\n')
            n--;
        sink_put(s, r->piece, n);
    } else {
        sodium_bin2base64(r->text, TEXT_SIZE, r->piece, n, sodium_base64_VARIANT_ORIGINAL);
        sink_put(s, r->text, strlen(r->text));
    }
    return STATUS_OK;
}

static void put_entry_end(const struct results *r, struct sink *s)
{
    static const uint8_t zeros[TAR_BLOCK];
    if (r->form == FORM_TAR)
        sink_put(s, zeros, tar_padding(r->result.body.size));
    else
        sink_put(s, r->is_json ? "}\n" : "\"}\n", r->is_json ? 2 : 3);
}

static void put_end(struct results *r, const struct data_job *job, struct sink *s)
{
    static const uint8_t zeros[TAR_END];
    struct json_writer w;
    json_writer_init(&w, r->ex->arena);
    json_object(&w, NULL);
    json_bool(&w, "end", true);
    json_bool(&w, "complete", jobs_is_over(job));
    json_uint(&w, "after", r->after);
    jobs_write(&w, job);
    json_object_end(&w);
    text_add(&w.text, "\n");
    if (r->form == FORM_TAR) {
        uint8_t head[TAR_BLOCK];
        tar_head("job.json", w.text.n, head);
        sink_put(s, head, sizeof head);
    }
    sink_put(s, w.text.s, w.text.n);
    if (r->form == FORM_TAR) {
        sink_put(s, zeros, tar_padding(w.text.n));
        sink_put(s, zeros, TAR_END);
    }
}

/* ---- work ---- */

/* Nothing more is there now: because that is all, because the server ends, or because items still run. */
static enum status end_or_wait(struct results *r, struct sink *s, bool *ret_done)
{
    struct exchange *ex = r->ex;
    struct data_job job;
    TRY(data_job_get(ex->api->data, r->job, &job, &ex->fault));
    if (job.expired)
        return fault_add(&ex->fault, STATUS_GONE, "", 0, "the results of this job have expired");
    bool over = jobs_is_over(&job), all = r->after >= job.done + job.failed;
    if (over && !all)
        return STATUS_OK; /* one has ended since we looked */
    if (!over && !job_waiters_draining(ex->api->job_waiters)) {
        stream_idle(s);
        return STATUS_OK;
    }
    put_end(r, &job, s);
    *ret_done = true;
    return STATUS_OK;
}

static enum status next_result(struct results *r, struct sink *s, bool *ret_done)
{
    bool found;
    TRY(data_result_after(r->ex->api->data, r->job, r->after, &r->result, &found, &r->ex->fault));
    if (!found)
        return end_or_wait(r, s, ret_done);
    r->open = true;
    r->at = 0;
    r->is_json = fits_json(&r->result);
    return put_head(r, s);
}

static enum status step(struct results *r, struct sink *s)
{
    if (r->at < r->result.body.size)
        TRY(put_piece(r, s));
    if (r->at >= r->result.body.size) {
        put_entry_end(r, s);
        r->after = r->result.order;
        r->open = false;
        data_result_done(&r->result);
    }
    return s->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status results_work(void *user, struct sink *s, bool (*full)(struct sink *s), bool *ret_done)
{
    struct results *r = user;
    struct exchange *ex = r->ex;
    ex->deadline_ms = exchange_clock_ms() + ex->api->config.max_request_ms; /* of a turn: jobs may take days */
    if (!r->waits)
        TRY(job_waiters_add(ex->api->job_waiters, ex, stream_of(s), r->job, 0));
    r->waits = true;
    do {
        enum status alive = exchange_alive(ex, 0);
        if (alive != STATUS_OK)
            return exchange_ended(ex, alive);
        if (!r->open)
            TRY(next_result(r, s, ret_done));
        if (!r->open)
            return s->failed ? STATUS_NO_MEMORY : STATUS_OK;
        TRY(step(r, s));
    } while (!full(s));
    return STATUS_OK;
}

static void results_end(void *user)
{
    (void)user;
}

static enum status read_fields(struct exchange *ex, struct results *r)
{
    static const char *const forms[] = {"ndjson", "tar", NULL};
    struct fields fields;
    int form = FORM_NDJSON;
    uint64_t after = 0;
    const char *accept = ex->req->header(ex->req, "Accept");
    if (accept && strstr(accept, "application/x-tar"))
        form = FORM_TAR;
    fields_from_query(ex, FIELD_RESULTS, &fields);
    fields_choice(&fields, "format", forms, &form);
    if (fields_count(&fields, "after", 0, &after) && after > UINT32_MAX)
        fields_fault(&fields, "after", "no job has so many results");
    r->form = (enum results_form)form;
    r->after = (uint32_t)after;
    return fields_end(&fields);
}

static enum status results_begin(struct exchange *ex)
{
    static const char *const types[] = {"application/x-ndjson", "application/x-tar"};
    struct results *r = ARENA_NEW(ex->arena, struct results);
    struct data_job job;
    const struct stream_source source = {results_work, results_end, r};
    *exchange_defer(ex, release_result) = r;
    r->ex = ex;
    TRY(read_fields(ex, r));
    TRY(jobs_find(ex, &job));
    if (job.expired)
        return fault_add(&ex->fault, STATUS_GONE, "", 0,
                         "the results of this job have expired: they are kept for --result-age, and go earlier when "
                         "there is no room (--max-results-bytes)");
    if (!ex->req->takes_stream)
        return fault_add(&ex->fault, STATUS_NOT_IMPLEMENTED, "", 0,
                         "results are sent while items end, which HTTP/1.0 cannot tell from an answer that was cut");
    memcpy(r->job, job.id, sizeof r->job);
    r->piece = arena_alloc(ex->arena, PIECE);
    r->text = arena_alloc(ex->arena, TEXT_SIZE);
    answer_header(ex, "Cache-Control", "no-store");
    answer_body(ex, 200, types[r->form], NULL, 0);
    return stream_begin(ex, &source);
}

enum status job_results_get(struct exchange *ex)
{
    return exchange_long(ex, results_begin);
}
