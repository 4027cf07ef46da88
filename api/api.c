/* See api.h: a request finds its route (dispatch.c), runs its handler, and leaves with an answer or a problem. What the
 * routes do is in the files of their handlers. */
#include "api/api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>

#include "api/access/access.h"
#include "api/access/cors.h"
#include "api/audio/intake.h"
#include "api/audio/resample.h"
#include "api/bytes/memory.h"
#include "api/bytes/spool.h"
#include "api/bytes/stream.h"
#include "api/data/data_store.h"
#include "api/dispatch.h"
#include "api/exchange.h"
#include "api/jobs/blobs.h"
#include "api/jobs/job_runner.h"
#include "api/jobs/job_waiters.h"
#include "api/load/admission.h"
#include "api/room.h"
#include "api/streams/audio_stream.h"
#include "jit/store_key.h"

/* JSON bodies larger than this are parsed on a pool thread: 5 ns a byte. */
enum { INLINE_JSON = 64 << 10 };
/* With what is made of it: a graph is lowered, too. */
static const double json_us = 0.3;

struct api_config api_config_default(void)
{
    return (struct api_config){
        .graph = GRAPH_LIMITS_DEFAULT,
        .max_body = 256u << 20,
        .max_json = 4u << 20,
        .max_json_depth = 64,
        .max_width = 32768,
        .max_height = 32768,
        .max_pixels = 1u << 30,
        .max_samples = 65536,
        .max_outputs_image = 4,
        .max_channels = 64,
        .max_frames = 192000u * 3600u,
        .max_rate = 1e7,
        .max_tail = 60,
        .max_state_bytes = 256u << 20,
        .max_output_bytes = 1u << 30,
        .stream_above = 32u << 20,
        .max_stream_bytes = (uint64_t)16 << 30,
        .upload_above = 4u << 20,
        .max_upload = (uint64_t)16 << 30,
        .max_spool_bytes = (uint64_t)16 << 30,
        .max_spools_bytes = (uint64_t)64 << 30,
        .max_image_pixels = 1u << 24,
        .max_image_bytes = 512u << 20,
        .max_plane_bytes = 1u << 30,
        .max_response_samples = 1u << 22,
        .max_request_ms = 60000,
        .data = data_config_default(),
        .quota = {.burst_s = 60, .burst_requests = 100},
        .max_client_share = 0.5,
        .max_streams = 256,
        .max_streams_bytes = 1u << 30,
        .max_stream_frames = 1u << 20,
        .max_changes = 4096,
        .stream_idle_ms = 300000,
        .max_arena = 64u << 20,
        .max_job_items = 100000,
        .max_job_bytes = 64u << 20,
        .max_item_ms = 600000,
        .max_wait_s = 60,
        .inline_us = 200,
    };
}

__attribute__((format(printf, 2, 3))) static void warn(const struct data_config *config, const char *format, ...)
{
    char message[4096 + 256];
    va_list ap;
    if (!config->log)
        return;
    va_start(ap, format);
    vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    config->log(LOG_WARNING, message, config->log_user);
}

/* Beside the graphs, so that an exported stream may go on after a restart; without a folder it may not. */
static bool make_stream_key(const char *dir, const struct data_config *config, uint8_t ret_key[MAC_KEY_SIZE])
{
    char path[4096];
    bool replaced = false;
    int n = snprintf(path, sizeof path, "%s/streams.key", dir ? dir : "");
    if (dir && n > 0 && (size_t)n < sizeof path && store_key(path, ret_key, &replaced)) {
        if (replaced)
            warn(config,
                 "%s was of another length, somebody else's or open to everybody, and was made anew: streams exported "
                 "before cannot be continued",
                 path);
        return true;
    }
    if (dir)
        warn(config, "%s cannot be read or made (%s): streams exported from here end with this process", path,
             strerror(errno));
    return getrandom(ret_key, MAC_KEY_SIZE, 0) == MAC_KEY_SIZE;
}

static double share_of(const char *owner, void *user)
{
    const struct api *api = user;
    return client_share(owner, api->config.max_client_share);
}

enum status api_new(const struct api_config *config, struct engine *engine, struct pool *pool, struct api **ret_api,
                    struct fault *fault)
{
    struct api *api = calloc(1, sizeof *api);
    if (!api)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the api");
    resample_pin();
    *api = (struct api){.config = *config, .engine = engine, .pool = pool};
    pthread_mutex_init(&api->checked_lock, NULL);
    pthread_mutex_init(&api->job_keys.lock, NULL);
    api->streams = audio_streams_new(config);
    api->admission = admission_new(config);
    api->job_waiters = job_waiters_new();
    if (!api->streams || !api->admission || !api->job_waiters) {
        api_free(api);
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the api");
    }
    enum status status = access_new(config, &api->access, fault);
    if (status != STATUS_OK) {
        api_free(api);
        return status;
    }
    struct data_config data = config->data;
    data.dir = config->store_dir;
    data.share = share_of;
    data.share_user = api;
    status = data_store_new(&data, &api->data, fault);
    if (status == STATUS_OK)
        status = graph_store_new(api->data, &api->graphs, fault);
    if (status != STATUS_OK) {
        api_free(api);
        return status;
    }
    if (!make_stream_key(config->store_dir, &config->data, api->stream_key)) {
        api_free(api);
        return fault_add(fault, STATUS_INTERNAL, "", 0, "there are no random numbers for a key");
    }
    *ret_api = api;
    return STATUS_OK;
}

void api_free(struct api *api)
{
    if (!api)
        return;
    api_stop_jobs(api);
    job_waiters_free(api->job_waiters);
    pthread_mutex_destroy(&api->job_keys.lock);
    admission_free(api->admission);
    audio_streams_free(api->streams);
    access_free(api->access);
    graph_store_free(api->graphs);
    data_store_free(api->data);
    pthread_mutex_destroy(&api->checked_lock);
    free(api);
}

enum status api_run_jobs(struct api *api, struct fault *fault)
{
    int threads = (int)api->config.batch_threads;
    struct job_runner *r = NULL;
    if (threads)
        TRY(job_runner_new(api, threads, &r, fault));
    atomic_store(&api->job_runner, r); /* requests may come in already */
    return STATUS_OK;
}

void api_drain(struct api *api)
{
    if (api->job_runner)
        job_runner_end(api->job_runner);
    job_waiters_drain(api->job_waiters);
}

void api_stop_jobs(struct api *api)
{
    job_runner_free(api->job_runner);
    api->job_runner = NULL;
}

void api_stats(struct api *api, struct api_stats *ret)
{
    struct access_stats access;
    audio_streams_stats(api->streams, ret);
    access_stats(api->access, &access);
    ret->keys = access.keys;
    ret->sign_keys = access.sign_keys;
    ret->keys_stale = access.stale;
    if (api->pool)
        pool_stats(api->pool, &ret->pool);
    for (int i = 0; i < 2; i++)
        ret->factors[i] = admission_factor(api->admission, i);
    data_stats(api->data, &ret->data);
    ret->items_done = atomic_load(&api->items_done);
    ret->items_failed = atomic_load(&api->items_failed);
}

void api_set_metrics(struct api *api, char *(*text)(struct arena *a, void *user), void *user)
{
    api->more_metrics = text;
    api->more_metrics_user = user;
}

void api_set_ready(struct api *api, bool (*ready)(const char **ret_why, void *user), void *user)
{
    api->ready = ready;
    api->ready_user = user;
}

/* A failed answer keeps nothing of the one that was begun, but says what would be taken, and when. */
static void forget_answer(struct api_response *res)
{
    static const char *const keeps[] = {"Allow",
                                        "Accept-Encoding",
                                        "Retry-After",
                                        "WWW-Authenticate",
                                        "Vary",
                                        "Access-Control-Allow-Origin",
                                        "Access-Control-Expose-Headers"};
    size_t kept = 0;
    for (size_t i = 0; i < res->n_headers; i++)
        for (size_t k = 0; k < sizeof keeps / sizeof *keeps; k++)
            if (!strcmp(res->headers[i].name, keeps[k])) {
                res->headers[kept++] = res->headers[i];
                break;
            }
    res->n_headers = kept;
    free(res->owned);
    res->owned = NULL;
    stream_free(res->stream);
    res->stream = NULL;
}

/* What follows a handler's return, or resume's. */
static void finish(struct exchange *ex, enum status status)
{
    if (status != STATUS_OK) {
        forget_answer(ex->res);
        if (ex->fault.status == STATUS_OK)
            exchange_ended(ex, status);
        problem_answer(ex);
    }
    access_finish(ex);
}

static void run_deferred(struct exchange *ex)
{
    for (struct deferred *d = ex->deferred; d; d = d->next)
        if (d->user)
            d->run(d->user);
    ex->deferred = NULL;
}

/* NULL: there is no memory, and `res` says so. */
static struct exchange *exchange_new(struct api *api, const struct api_request *req, struct api_response *res)
{
    *res = (struct api_response){.fd = -1, .route = "other"};
    res->arena = arena_new(api->config.max_arena);
    if (!res->arena || ARENA_GUARD(res->arena)) {
        problem_no_memory(res);
        return NULL;
    }
    struct exchange *ex = ARENA_NEW(res->arena, struct exchange);
    *ex = (struct exchange){.api = api, .req = req, .res = res, .arena = res->arena, .mark_ms = exchange_clock_ms()};
    ex->deadline_ms = res->deadline_ms = ex->mark_ms + (req->batch ? req->batch->max_ms : api->config.max_request_ms);
    ex->on_pool = req->batch;
    fault_init(&ex->fault, ex->arena);
    res->exchange = ex;
    cors_headers(access_cors(api->access), req, res);
    return ex;
}

void api_add_cors(struct api *api, const struct api_request *req, struct api_response *res)
{
    cors_headers(access_cors(api->access), req, res);
}

enum status api_reload_keys(struct api *api, struct fault *fault)
{
    return access_reload(api->access, fault);
}

bool api_accept_headers(struct api *api, const struct api_request *req, int64_t content_length,
                        struct api_response *res)
{
    struct exchange *ex = exchange_new(api, req, res);
    if (!ex)
        return false;
    if (ARENA_GUARD(ex->arena)) {
        problem_no_memory(res);
        return false;
    }
    enum status status = dispatch_head(ex, false);
    if (status == STATUS_OK && *ex->route->accepts && content_length < 0 && !req->header(req, "Transfer-Encoding"))
        status = fault_add(&ex->fault, STATUS_LENGTH, "", 0,
                           "the request needs a Content-Length or Transfer-Encoding: chunked");
    if (status == STATUS_OK && content_length > 0)
        status = dispatch_size(ex, (uint64_t)content_length);
    if (status != STATUS_OK) {
        finish(ex, status);
        return false;
    }
    api_response_done(res);
    return true;
}

static enum status check_batch(struct exchange *ex)
{
    const struct api_batch *batch = ex->req->batch;
    if (!batch || batch->failure == STATUS_OK)
        return STATUS_OK;
    ex->fault.limit = batch->limit;
    return fault_add(&ex->fault, batch->failure, "", 0, "%s", batch->why);
}

static enum status begin(struct exchange *ex)
{
    TRY(dispatch_head(ex, true));
    TRY(check_batch(ex));
    TRY(dispatch_size(ex, ex->req->body_size));
    admission_predict(ex, NULL, (double)ex->req->body_size * json_us, 0);
    if (ex->req->body_size > INLINE_JSON && dispatch_body_is_json(ex))
        return exchange_long(ex, ex->route->run);
    return ex->route->run(ex);
}

enum api_progress api_begin(struct api *api, const struct api_request *req, struct api_response *res)
{
    struct exchange *ex = exchange_new(api, req, res);
    if (!ex)
        return API_DONE;
    if (ARENA_GUARD(ex->arena)) {
        (void)exchange_state_enter();
        run_deferred(ex);
        problem_no_memory(res);
        return API_DONE;
    }
    double begun_ms = ex->mark_ms;
    enum status status = begin(ex);
    admission_spent(ex, (exchange_clock_ms() - begun_ms) * 1e-3);
    if (status == STATUS_OK && ex->resume)
        return API_LONG;
    finish(ex, status);
    if (!res->stream)
        run_deferred(ex);
    return API_DONE;
}

/* False: there is more, for later. */
static bool go_on(struct exchange *ex)
{
    handler *resume = ex->resume;
    double spent_s = pool_spent_s();
    enum status status = exchange_alive(ex, 0);
    ex->resume = NULL;
    ex->mark_ms = exchange_clock_ms(); /* no stage waited for a thread */
    status = status == STATUS_OK ? resume(ex) : exchange_ended(ex, status);
    admission_spent(ex, pool_spent_s() - spent_s);
    if (status == STATUS_OK && ex->resume)
        return false;
    finish(ex, status);
    return true;
}

/* A pool thread is in the kernels' floating-point state when it comes here. */
enum api_progress api_finish(struct api *api, const struct api_request *req, struct api_response *res)
{
    (void)api;
    struct exchange *ex = res->exchange;
    volatile bool done = true;
    unsigned saved = exchange_state_enter();
    ex->req = req;
    ex->on_pool = true;
    if (ARENA_GUARD(ex->arena))
        problem_no_memory(res);
    else
        done = go_on(ex);
    if (done && !res->stream)
        run_deferred(ex);
    fp_state_leave(saved);
    return done ? API_DONE : API_LONG;
}

static enum status why_refused(struct exchange *ex, const char *limit)
{
    double waited_s = (exchange_clock_ms() - ex->mark_ms) * 1e-3;
    if (!limit)
        return exchange_ended(ex, STATUS_CLIENT_GONE);
    ex->fault.limit = limit;
    if (!strcmp(limit, "max-request-ms"))
        return fault_add(&ex->fault, STATUS_DEADLINE, "", 0,
                         "no thread is free for this before its deadline: others' work will take longer; it has waited "
                         "for %.3f s (limit max-request-ms, set by --max-request-ms)",
                         waited_s);
    if (!strcmp(limit, "max-work-bytes"))
        return fault_add(
            &ex->fault, STATUS_BUSY, "", 0,
            "requests that wait or run take as much memory as they may together (limit max-work-bytes, set "
            "by --max-work-bytes)");
    return fault_add(&ex->fault, STATUS_BUSY, "", 0,
                     "too much long work waits already (limit %s, set by --%s); come back later", limit, limit);
}

void api_refuse(struct api *api, struct api_response *res, const char *limit)
{
    (void)api;
    struct exchange *ex = res->exchange;
    unsigned saved = exchange_state_enter();
    if (ARENA_GUARD(ex->arena))
        problem_no_memory(res);
    else
        finish(ex, why_refused(ex, limit));
    run_deferred(ex);
    fp_state_leave(saved);
}

/* ---- bodies that are worked on while they arrive ---- */

struct piece {
    int64_t content_length;
    const void *data;
    size_t n;
    size_t *ret_used;
};

typedef enum status intake_step(struct exchange *ex, const struct piece *piece);

static bool is_blob(const struct exchange *ex)
{
    return ex->route->run == blobs_post;
}

static enum status step_begin(struct exchange *ex, const struct piece *piece)
{
    TRY(dispatch_head(ex, true));
    return is_blob(ex) ? blobs_intake_begin(ex, piece->content_length) : intake_begin(ex, piece->content_length);
}

static enum status step_piece(struct exchange *ex, const struct piece *piece)
{
    return is_blob(ex) ? blobs_intake_piece(ex, piece->data, piece->n, piece->ret_used)
                       : intake_piece(ex, piece->data, piece->n, piece->ret_used);
}

static enum status step_end(struct exchange *ex, const struct piece *piece)
{
    return is_blob(ex) ? blobs_intake_end(ex, piece->data, piece->n) : intake_end(ex, piece->data, piece->n);
}

/* False: the answer is a refusal. */
static bool intake(struct exchange *ex, intake_step *step, const struct piece *piece)
{
    volatile enum status status = STATUS_NO_MEMORY;
    unsigned saved = exchange_state_enter();
    double spent_s = pool_spent_s();
    if (ARENA_GUARD(ex->arena)) {
        problem_no_memory(ex->res);
    } else {
        status = step(ex, piece);
        admission_spent(ex, pool_spent_s() - spent_s);
        finish(ex, status);
    }
    if (status != STATUS_OK || step == step_end)
        run_deferred(ex);
    fp_state_leave(saved);
    return status == STATUS_OK;
}

bool api_takes_pieces(struct api *api, const struct api_request *req)
{
    (void)api;
    return intake_is_for(req) || blobs_intake_is_for(req);
}

bool api_intake_begin(struct api *api, const struct api_request *req, int64_t content_length, struct api_response *res)
{
    struct exchange *ex = exchange_new(api, req, res);
    return ex && intake(ex, step_begin, &(struct piece){.content_length = content_length});
}

bool api_intake_is_short(const struct api_response *res, size_t n)
{
    return !is_blob(res->exchange) && intake_is_short(res->exchange, n);
}

double api_intake_seconds(const struct api_response *res, size_t n)
{
    return is_blob(res->exchange) ? (double)n * blobs_byte_s : intake_seconds(res->exchange, n);
}

bool api_intake_piece(struct api_response *res, const void *data, size_t n, size_t *ret_used)
{
    return intake(res->exchange, step_piece, &(struct piece){.data = data, .n = n, .ret_used = ret_used});
}

void api_intake_end(struct api_response *res, const void *data, size_t n)
{
    (void)intake(res->exchange, step_end, &(struct piece){.data = data, .n = n});
}

void api_response_done(struct api_response *res)
{
    stream_free(res->stream);
    if (res->exchange)
        run_deferred(res->exchange);
    memory_release(res->owned);
    spool_free(res->spool);
    arena_free(res->arena);
    *res = (struct api_response){.fd = -1};
}
