/* See exchange.h: time, ends, and the parts of an answer. */
#include "api/exchange.h"

#include <string.h>
#include <time.h>

#include "api/load/admission.h"
#include "api/room.h"

/* Work that turns out to take longer than this, on a thread that began it as something shorter, gives the thread back
 * and waits in the line where it belongs. */
static const double queue_again_s = 0.05;

const char *const stage_names[STAGE_COUNT] = {"parse", "check", "lower", "cache", "exec", "encode"};

double exchange_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

unsigned exchange_state_enter(void)
{
    enum { MXCSR_DEFAULT = 0x1f80 };
    unsigned saved = fp_state_enter();
    fp_state_leave(MXCSR_DEFAULT);
    return saved;
}

void exchange_stage(struct exchange *ex, enum stage stage)
{
    double now = exchange_clock_ms();
    ex->res->stage_ms[stage] += now - ex->mark_ms;
    ex->mark_ms = now;
}

void **exchange_defer(struct exchange *ex, void (*run)(void *user))
{
    struct deferred *d = ARENA_NEW(ex->arena, struct deferred);
    *d = (struct deferred){ex->deferred, run, NULL};
    ex->deferred = d;
    return &d->user;
}

enum status exchange_alive(const struct exchange *ex, double done)
{
    if (ex->req->progress)
        ex->req->progress(ex->req, done);
    if (exchange_clock_ms() > ex->deadline_ms)
        return STATUS_DEADLINE;
    if (atomic_load_explicit(&ex->stopped, memory_order_relaxed))
        return STATUS_CLIENT_GONE;
    if (ex->req->client_gone && ex->req->client_gone(ex->req))
        return STATUS_CLIENT_GONE;
    return STATUS_OK;
}

enum status exchange_ended(struct exchange *ex, enum status why)
{
    bool item = ex->req->batch && !ex->req->batch->check_only;
    if (why == STATUS_DEADLINE && !ex->fault.limit)
        ex->fault.limit = item ? "max-item-ms" : "max-request-ms";
    if (why == STATUS_DEADLINE && item)
        return fault_add(&ex->fault, why, "", 0,
                         "the item was not done after %u ms; split it, or have the operator raise --max-item-ms",
                         ex->req->batch->max_ms);
    if (why == STATUS_DEADLINE)
        return fault_add(&ex->fault, why, "", 0,
                         "the request was not done after %u ms; ask for less at once, or raise --max-request-ms",
                         ex->api->config.max_request_ms);
    if (why == STATUS_CLIENT_GONE)
        return fault_add(&ex->fault, why, "", 0, "the client closed the connection before the answer was done");
    return fault_add(&ex->fault, why, "", 0, "there was not enough memory for this request");
}

bool exchange_checks_only(const struct exchange *ex)
{
    return ex->req->batch && ex->req->batch->check_only;
}

int exchange_threads(const struct exchange *ex)
{
    return ex->on_pool && !ex->req->batch && ex->api->pool ? pool_threads(ex->api->pool) : 1;
}

bool exchange_queues_again(const struct exchange *ex)
{
    return ex->req->queues && ex->res->cost_seconds > queue_again_s;
}

enum status exchange_long(struct exchange *ex, handler *resume)
{
    TRY(admission_charge(ex));
    if (ex->on_pool && !exchange_queues_again(ex))
        return resume(ex);
    ex->resume = resume;
    return STATUS_OK;
}

void answer_header(struct exchange *ex, const char *name, const char *value)
{
    struct api_response *res = ex->res;
    const struct api_header header = {name, value};
    if (ex->in_trailers) {
        if (res->n_trailers < API_TRAILERS_MAX)
            res->trailers[res->n_trailers++] = header;
    } else if (res->n_headers < API_HEADERS_MAX) {
        res->headers[res->n_headers++] = header;
    }
}

void answer_trailers(struct exchange *ex, bool yes)
{
    ex->in_trailers = yes;
}

/* Digits of v, ending before `end`; returns where they begin. */
static char *digits_before(char *end, uint64_t v)
{
    do
        *--end = (char)('0' + v % 10);
    while (v /= 10);
    return end;
}

void answer_header_count(struct exchange *ex, const char *name, uint64_t value)
{
    char *text = arena_alloc(ex->arena, 24);
    answer_header(ex, name, digits_before(text + 23, value));
}

void answer_body(struct exchange *ex, int http_status, const char *type, const void *body, size_t n)
{
    ex->res->http_status = http_status;
    ex->res->body = body;
    ex->res->body_size = n;
    if (type)
        answer_header(ex, "Content-Type", type);
}

void answer_text(struct exchange *ex, int http_status, const char *type, const char *text)
{
    answer_body(ex, http_status, type, text, strlen(text));
}

/* "parse;dur=0.012, ..." with microseconds; by hand, because printf of six doubles costs more than a small kernel. */
void answer_timing(struct exchange *ex)
{
    char *text = arena_alloc(ex->arena, STAGE_COUNT * 40), *at = text;
    for (int i = 0; i < STAGE_COUNT; i++) {
        char number[24], *end = number + sizeof number;
        uint64_t us = (uint64_t)(ex->res->stage_ms[i] * 1e3 + 0.5);
        end[-1] = (char)('0' + us % 10);
        end[-2] = (char)('0' + us / 10 % 10);
        end[-3] = (char)('0' + us / 100 % 10);
        end[-4] = '.';
        char *first = digits_before(end - 4, us / 1000);
        at = stpcpy(at, i ? ", " : "");
        at = stpcpy(at, stage_names[i]);
        at = stpcpy(at, ";dur=");
        memcpy(at, first, (size_t)(end - first));
        at += end - first;
    }
    answer_header(ex, "Server-Timing", text);
}
