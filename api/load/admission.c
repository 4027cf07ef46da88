/* See admission.h. */
#include "api/load/admission.h"

#include <math.h>
#include <stdlib.h>

#include "api/load/quota.h"
#include "api/room.h"
#include "api/runner.h"

enum {
    CLIENTS = 65536, /* whose quotas are remembered */
    RETRY_MOST_S = 3600,
    /* Times over the deadline, on all threads, since predictions are not so wrong; and not below a minute, which is
     * cheaper tried than argued about. */
    HOPELESS = 4,
    HOPELESS_MS = 60000
};

/* Requests above this tell something about predictions; a request moves them by a sixteenth of its error, and none by
 * more than the bounds. */
static const double learn_above_s = 0.002, learn_share = 1.0 / 16, factor_least = 1.0 / 8, factor_most = 8;

struct admission {
    struct quota *quota;
    _Atomic double factors[2]; /* interpreted, compiled */
};

struct admission *admission_new(const struct api_config *config)
{
    struct admission *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->quota = quota_new(&config->quota, CLIENTS);
    if (!a->quota) {
        free(a);
        return NULL;
    }
    a->factors[0] = a->factors[1] = 1;
    return a;
}

void admission_free(struct admission *a)
{
    if (!a)
        return;
    quota_free(a->quota);
    free(a);
}

double admission_factor(const struct admission *a, bool compiled)
{
    return atomic_load_explicit(&a->factors[compiled], memory_order_relaxed);
}

double admission_client_wait_s(struct api *api, const struct client *client)
{
    return quota_wait_s(api->admission->quota, client, exchange_clock_ms());
}

uint32_t admission_retry_s(const struct exchange *ex)
{
    return ex->api->pool ? pool_retry_s(ex->api->pool) : 1;
}

/* ---- quotas ---- */

static enum status over_quota(struct exchange *ex, const char *limit, double retry_s)
{
    double whole = ceil(fmin(fmax(retry_s, 1), RETRY_MOST_S));
    answer_header_count(ex, "Retry-After", (uint64_t)whole);
    ex->fault.limit = limit;
    return fault_add(&ex->fault, STATUS_QUOTA, "", 0,
                     "%s has used up its quota (limit %s, set by --%s); there is some again in %.0f s", ex->client->id,
                     limit, limit, whole);
}

/* Looking after what one has, and ending it, is open to who is in debt: a job of theirs may be what has brought them
 * there, and runs on. */
static bool works(const struct exchange *ex)
{
    return !(ex->route->roles & ROLE_ADMIN) && ex->route->method != METHOD_DELETE;
}

enum status admission_enter(struct exchange *ex, bool take)
{
    double retry_s = 0;
    if (!ex->route->roles || ex->req->batch || !ex->req->peer)
        return STATUS_OK; /* health and documents are free, and what this server asks itself */
    const char *limit =
        quota_enter(ex->api->admission->quota, ex->client, exchange_clock_ms(), works(ex), take, &retry_s);
    return limit ? over_quota(ex, limit, retry_s) : STATUS_OK;
}

/* ---- one request ---- */

/* Was it the engine that was predicted, and nothing else, that did it? */
static bool was_foreseen(const struct cost_account *c)
{
    const struct runner *r = c->runner;
    return r && c->alone && atomic_load(&r->used_jit) == c->compiled && atomic_load(&r->used_interp) != c->compiled;
}

static void learn(struct exchange *ex)
{
    const struct cost_account *c = &ex->cost;
    if (c->raw_s < learn_above_s || ex->fault.status != STATUS_OK || !was_foreseen(c))
        return;
    _Atomic double *at = &ex->api->admission->factors[c->compiled];
    double factor = atomic_load_explicit(at, memory_order_relaxed), seen = c->spent_s / c->raw_s;
    double error = fmin(fmax(seen / factor, 1.0 / 16), 16);
    factor = fmin(fmax(factor * pow(error, learn_share), factor_least), factor_most);
    atomic_store_explicit(at, factor, memory_order_relaxed);
}

/* The request has ended: what was charged too much is given back. */
static void settle(void *user)
{
    struct exchange *ex = user;
    struct cost_account *c = &ex->cost;
    learn(ex);
    if (c->held)
        pool_hold(ex->api->pool, -(int64_t)c->held);
    c->held = 0;
    if (c->charged_s > c->spent_s)
        quota_charge(ex->api->admission->quota, ex->client, exchange_clock_ms(), c->spent_s - c->charged_s);
}

static void begin_account(struct exchange *ex)
{
    if (ex->cost.begun)
        return;
    ex->cost.begun = true;
    *exchange_defer(ex, settle) = ex;
}

void admission_predict(struct exchange *ex, const struct runner *r, double us, uint64_t bytes)
{
    bool compiled = r && (r->tier == TIER_JIT || atomic_load_explicit(&r->kernel, memory_order_relaxed));
    ex->cost.runner = r;
    ex->cost.raw_s = us * 1e-6;
    ex->cost.compiled = compiled;
    ex->cost.alone = r && !r->program->n_stages;
    ex->res->cost_seconds = us * 1e-6 * (r ? admission_factor(ex->api->admission, compiled) : 1);
    ex->res->cost_bytes = bytes + ex->req->body_size;
    ex->cost.bytes = bytes;
    begin_account(ex);
}

enum status admission_hold(struct exchange *ex, uint64_t bytes)
{
    if (!ex->api->pool || !bytes)
        return STATUS_OK;
    begin_account(ex);
    if (!ex->req->batch && !pool_has_room(ex->api->pool, bytes)) {
        ex->fault.limit = "max-work-bytes";
        return fault_add(&ex->fault, STATUS_BUSY, "", 0,
                         "this takes %llu bytes more, and requests that wait or run take as much memory as they may "
                         "together (limit max-work-bytes, set by --max-work-bytes)",
                         (unsigned long long)bytes);
    }
    pool_hold(ex->api->pool, (int64_t)bytes);
    ex->cost.held += bytes;
    return STATUS_OK;
}

/* Health and documents are free, and what the command line asks; items of jobs are their owner's. */
static bool is_charged(const struct exchange *ex)
{
    return ex->client && ex->route && ex->route->roles && (ex->req->peer || ex->req->batch);
}

void admission_spent(struct exchange *ex, double seconds)
{
    struct cost_account *c = &ex->cost;
    c->spent_s += seconds;
    if (c->spent_s <= c->charged_s || !is_charged(ex))
        return;
    quota_charge(ex->api->admission->quota, ex->client, exchange_clock_ms(), c->spent_s - c->charged_s);
    c->charged_s = c->spent_s;
}

static enum status check_hope(struct exchange *ex)
{
    const struct api_response *res = ex->res;
    double least_ms = res->cost_seconds * 1e3 / pool_threads(ex->api->pool),
           most_ms = fmax(HOPELESS * (double)ex->api->config.max_request_ms, HOPELESS_MS);
    uint64_t most = pool_limits(ex->api->pool).bytes;
    if (least_ms > most_ms)
        return fault_limit(
            &ex->fault, "max-request-ms", "",
            "this is predicted to take %.0f s, far more than the deadline of %.0f s; ask for less at once",
            least_ms * 1e-3, (double)ex->api->config.max_request_ms * 1e-3);
    if (most && res->cost_bytes > most)
        return fault_limit(&ex->fault, "max-work-bytes", "", "this takes %llu bytes of memory, more than %llu",
                           (unsigned long long)res->cost_bytes, (unsigned long long)most);
    return STATUS_OK;
}

enum status admission_charge(struct exchange *ex)
{
    struct cost_account *c = &ex->cost;
    double retry_s = 0, more_s = ex->res->cost_seconds;
    begin_account(ex);
    if (!ex->api->pool)
        return STATUS_OK;
    if (ex->on_pool && !exchange_queues_again(ex))
        TRY(admission_hold(ex, c->bytes));
    if (ex->req->batch)
        return STATUS_OK;
    TRY(check_hope(ex));
    if (!ex->req->peer || !works(ex))
        return STATUS_OK;
    const char *limit = quota_take(ex->api->admission->quota, ex->client, exchange_clock_ms(), more_s, &retry_s);
    if (limit)
        return over_quota(ex, limit, retry_s);
    c->charged_s += more_s;
    return STATUS_OK;
}
