/* See http.h. The only file that includes microhttpd.h.
 *
 * The library calls on_request once after the head, then with each piece of the body, then once more; all of a connection's calls
 * come on its thread, except that `finish` runs on a pool thread while the connection is suspended. A refusal that leaves the request's
 * end in doubt is queued at the first call, which makes the library close the connection; any other waits for the body's end, so
 * that the connection stays alive. What the library refuses before its first call (no HTTP version, a head too large for its
 * memory, a line without colon, a broken chunk) it answers itself with a short HTML page; there is no hook for those. */
#include "server/http.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "api/pool.h"
#include "core/interp.h"
#include "server/body.h"
#include "server/header_check.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/problem.h"
#include "server/reaper.h"
#include "server/uri.h"

enum { REQUEST_ID_SIZE = 68, PROBLEM_SIZE = 1024, RETRY_SIZE = 16, DEFERRABLE = 262144 };

enum visit { VISIT_NONE, VISIT_HEAD, VISIT_BODY, VISIT_REFUSED, VISIT_POOL, VISIT_READY };

struct http {
    struct http_config config;
    struct api        *api;
    struct pool       *pool;
    struct MHD_Daemon *daemon;
    struct reaper     *reaper;
    char               url[LISTEN_URL_SIZE];
    char               retry_after[RETRY_SIZE];
    uint64_t           id_base;
    atomic_ulong       id_next;
    atomic_bool        draining, aborting;
    atomic_int         in_flight, on_pool, open;
    _Atomic int64_t    progress_ms;
};

/* A connection and the one request it carries at a time. */
struct conn {
    struct http           *http;
    struct MHD_Connection *mhd;
    struct watched         watched;
    enum visit             visit;
    bool                   begun;         /* counted as in flight */
    bool                   close;         /* after this answer */
    bool                   too_late;      /* began while draining */
    bool                   linger;        /* the client may still be sending */
    bool                   answer_held;   /* api_response_done is owed */
    bool                   answer_in_file;
    enum status            line_status;   /* of the target */
    const char            *line_detail;
    const char            *target;        /* in the library's memory */
    size_t                 target_size;
    uint64_t               discarded;
    int64_t                began_ms;
    struct timespec        began;
    struct header_list     fields;
    size_t                 fields_capacity;
    struct header_facts    facts;
    struct uri             uri;
    struct body            body;
    struct api_request     request;
    struct api_response    response;
    char                   request_id[REQUEST_ID_SIZE];
    char                   problem[PROBLEM_SIZE];
};

/* ---- what the api room asks about a request ---- */

static struct conn *conn_of(const struct api_request *request)
{
    return request->user;
}

static const char *request_header(const struct api_request *request, const char *name)
{
    return MHD_lookup_connection_value(conn_of(request)->mhd, MHD_HEADER_KIND, name);
}

static const char *request_query(const struct api_request *request, const char *name)
{
    return uri_query(&conn_of(request)->uri, name);
}

static void request_each_query(const struct api_request *request, void (*one)(const char *, const char *, void *), void *user)
{
    const struct uri *u = &conn_of(request)->uri;
    for (size_t i = 0; i < u->n_pairs; i++)
        one(u->pairs[i].name, u->pairs[i].value, user);
}

static bool request_client_gone(const struct api_request *request)
{
    struct conn *c = conn_of(request);
    if (atomic_load_explicit(&c->http->aborting, memory_order_relaxed))
        return true;
    struct pollfd p = {.fd = c->watched.fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0;
}

static enum method method_of(const char *name)
{
    static const char *const names[] = {[METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",   [METHOD_POST] = "POST",
                                        [METHOD_PUT] = "PUT",     [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE",
                                        [METHOD_OPTIONS] = "OPTIONS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i]))
            return (enum method)i;
    return METHOD_OTHER;
}

/* ---- answers ---- */

static const struct api_header *json_header(void)
{
    static const struct api_header h = {"Content-Type", "application/problem+json"};
    return &h;
}

/* The answer of this room: a problem. */
static void refuse(struct conn *c, enum status status, const char *detail, const char *limit)
{
    struct api_response *r = &c->response;
    if (c->answer_held)
        api_response_done(r);
    c->answer_held = false;
    *r = (struct api_response){.http_status = status_http(status), .fd = -1, .route = "(refused)", .limit = limit};
    r->headers[r->n_headers++] = *json_header();
    if (status == STATUS_BUSY)
        r->headers[r->n_headers++] = (struct api_header){"Retry-After", c->http->retry_after};
    r->body_size = problem_write(c->problem, sizeof c->problem, status, detail, limit);
    r->body = c->problem;
    if (status == STATUS_BAD_REQUEST)
        metrics_add(METRIC_MALFORMED, 1);
}

/* The library has done with the body, or there was none. */
static void answer_freed(void *user)
{
    struct conn *c = user;
    if (c->answer_held)
        api_response_done(&c->response);
    c->answer_held = false;
}

static struct MHD_Response *make_response(struct conn *c)
{
    struct api_response *r = &c->response;
    if (r->fd >= 0) {
        struct MHD_Response *m = MHD_create_response_from_fd64(r->body_size, r->fd);
        if (m)
            r->fd = -1; /* the library closes it */
        c->answer_in_file = true;
        return m;
    }
    return MHD_create_response_from_buffer_with_free_callback_cls(r->body_size, (void *)(uintptr_t)r->body, answer_freed, c);
}

static void add_headers(struct conn *c, struct MHD_Response *m)
{
    const struct api_response *r = &c->response;
    MHD_add_response_header(m, "Server", "sinter/" SINTER_VERSION);
    MHD_add_response_header(m, "X-Request-Id", c->request_id);
    MHD_add_response_header(m, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < r->n_headers; i++)
        MHD_add_response_header(m, r->headers[i].name, r->headers[i].value);
    if (c->close)
        MHD_add_response_header(m, "Connection", "close");
}

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) * 1e-9;
}

static void observe(const struct conn *c)
{
    static const char *const   stages[] = {"parse", "check", "lower", "cache", "exec", "encode"};
    const struct api_response *r = &c->response;
    metrics_request(r->route ? r->route : "(none)", r->http_status);
    metrics_add(METRIC_ANSWER_BYTES, (int64_t)r->body_size);
    if (r->limit)
        metrics_label(METRIC_LABEL_REFUSED, r->limit);
    metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, "total", seconds_since(&c->began));
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        if (r->stage_ms[i] > 0)
            metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, stages[i], r->stage_ms[i] * 1e-3);
}

static void log_access(const struct conn *c)
{
    const struct log_field fields[] = {
        {"id", c->request_id, 0},
        {"method", c->request.method_name, 0},
        {"path", c->request.path, 0},
        {"status", NULL, c->response.http_status},
        {"ms", NULL, seconds_since(&c->began) * 1e3},
        {"in", NULL, (double)c->request.body_size},
        {"out", NULL, (double)c->response.body_size},
    };
    log_fields(LEVEL_INFO, "request", fields, sizeof fields / sizeof fields[0]);
}

static int64_t transfer_deadline(const struct http *h, int64_t from_ms, uint32_t timeout_ms, uint64_t bytes)
{
    return from_ms + timeout_ms + (int64_t)(bytes / h->config.min_rate) * 1000;
}

static enum MHD_Result answer(struct conn *c)
{
    struct http *h = c->http;
    if (atomic_load_explicit(&h->draining, memory_order_relaxed))
        c->close = true;
    size_t               size = c->response.body_size;
    struct MHD_Response *m = make_response(c);
    if (!m)
        return MHD_NO;
    add_headers(c, m);
    observe(c);
    if (h->config.access_log)
        log_access(c);
    watched_set(&c->watched, "send", transfer_deadline(h, reaper_clock_ms(), h->config.send_timeout_ms, size));
    enum MHD_Result queued = MHD_queue_response(c->mhd, (unsigned)c->response.http_status, m);
    MHD_destroy_response(m);
    return queued;
}

/* For refusals after which nothing more of this connection can be understood, or is wanted. */
static enum MHD_Result answer_and_close(struct conn *c)
{
    c->close = true;
    c->linger = true;
    return answer(c);
}

/* ---- the head ---- */

static enum MHD_Result add_field(void *user, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value,
                                 size_t value_size)
{
    (void)kind;
    struct conn *c = user;
    if (c->fields.n == c->fields_capacity) {
        size_t               capacity = c->fields_capacity ? 2 * c->fields_capacity : 16;
        struct header_field *fields = realloc(c->fields.fields, capacity * sizeof *fields);
        if (!fields)
            return MHD_NO;
        c->fields.fields = fields;
        c->fields_capacity = capacity;
    }
    c->fields.fields[c->fields.n++] = (struct header_field){name, value ? value : "", name_size, value_size};
    return MHD_YES;
}

static bool id_is_sound(const char *id)
{
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n < REQUEST_ID_SIZE - 3 && !id[n];
}

static void set_request_id(struct conn *c)
{
    const char *given = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "X-Request-Id");
    if (given && id_is_sound(given))
        snprintf(c->request_id, sizeof c->request_id, "%s", given);
    else
        snprintf(c->request_id, sizeof c->request_id, "%016llx",
                 (unsigned long long)(c->http->id_base + atomic_fetch_add(&c->http->id_next, 1)));
}

static enum status check_head(struct conn *c, const char *method, const char *version, const char **ret_detail)
{
    c->fields.n = 0;
    int n = MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, add_field, c);
    if (n < 0 || (size_t)n != c->fields.n) {
        *ret_detail = "there is no memory for the request's headers";
        return STATUS_NO_MEMORY;
    }
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct header_head              head = {method, c->target, version, c->target_size, size ? size->header_size : 0};
    if (c->line_status != STATUS_OK) {
        *ret_detail = c->line_detail;
        return c->line_status;
    }
    TRY(header_check_method(method, ret_detail));
    TRY(header_check_layout(&head, &c->fields, ret_detail));
    return header_check_fields(version, &c->fields, &c->facts, ret_detail);
}

static bool has_body(const struct conn *c)
{
    return c->facts.chunked || c->facts.content_length > 0;
}

/* What this room alone can refuse, once the head is known to be sound. STATUS_OK: nothing. */
static enum status refuse_early(struct conn *c)
{
    const struct http_config *config = &c->http->config;
    char                      detail[256];
    if (c->fields.n > config->max_headers) {
        snprintf(detail, sizeof detail, "the request has %zu header fields; the limit is %u (setting max-headers)", c->fields.n,
                 config->max_headers);
        refuse(c, STATUS_BAD_REQUEST, detail, "max-headers");
        return STATUS_BAD_REQUEST;
    }
    if (c->facts.content_length > 0 && (uint64_t)c->facts.content_length > config->max_body) {
        snprintf(detail, sizeof detail, "the body has %lld bytes; the limit is %llu (setting max-body)",
                 (long long)c->facts.content_length, (unsigned long long)config->max_body);
        refuse(c, STATUS_TOO_LARGE, detail, "max-body");
        return STATUS_TOO_LARGE;
    }
    return STATUS_OK;
}

static void set_request(struct conn *c, const char *method)
{
    c->request = (struct api_request){
        .method = method_of(method),
        .method_name = method,
        .path = c->uri.path,
        .header = request_header,
        .query = request_query,
        .each_query = request_each_query,
        .client_gone = request_client_gone,
        .user = c,
        .request_id = c->request_id,
        .draining = c->too_late,
    };
}

/* An answer that is known before the body: at once, or, when a short body comes anyway, behind it. */
static enum MHD_Result answer_early(struct conn *c)
{
    bool awaited = c->facts.expects_continue || c->facts.chunked || c->facts.content_length > DEFERRABLE;
    if (has_body(c) && awaited)
        return answer_and_close(c);
    c->visit = VISIT_REFUSED;
    return MHD_YES;
}

static bool is_full(const struct http *h)
{
    return (uint32_t)atomic_load_explicit(&h->open, memory_order_relaxed) > h->config.max_connections;
}

static enum MHD_Result take_head(struct conn *c, const char *method, const char *version)
{
    struct http *h = c->http;
    const char  *detail = "";
    clock_gettime(CLOCK_MONOTONIC, &c->began);
    set_request_id(c);
    set_request(c, method);
    if (is_full(h)) {
        refuse(c, STATUS_BUSY, "all connections of the server are in use (setting max-connections)", "max-connections");
        return answer_and_close(c);
    }
    enum status status = check_head(c, method, version, &detail);
    if (status != STATUS_OK) {
        refuse(c, status, detail, NULL);
        return answer_and_close(c);
    }
    c->request.path = c->uri.path;
    c->visit = VISIT_BODY;
    watched_set(&c->watched, "body", transfer_deadline(h, c->began_ms, h->config.body_timeout_ms, 0));
    status = refuse_early(c);
    if (status != STATUS_OK)
        return answer_and_close(c);
    c->answer_held = true;
    if (!api_accept_headers(h->api, &c->request, c->facts.content_length, &c->response))
        return answer_early(c);
    c->answer_held = false;
    if (c->facts.content_length > 0 && c->facts.content_length <= DEFERRABLE &&
        !body_reserve(&c->body, (size_t)c->facts.content_length, h->config.max_bodies)) {
        refuse(c, STATUS_BUSY, "the bodies of other requests fill the memory set aside (setting max-bodies)", "max-bodies");
        return answer_and_close(c);
    }
    return MHD_YES;
}

/* ---- the body ---- */

static void refuse_body(struct conn *c, enum status status, const char *detail, const char *limit)
{
    refuse(c, status, detail, limit);
    c->visit = VISIT_REFUSED;
    c->close = true;
    c->discarded = c->body.size;
    body_clear(&c->body);
}

static enum MHD_Result take_piece(struct conn *c, const char *data, size_t n)
{
    struct http *h = c->http;
    metrics_add(METRIC_BODY_BYTES, (int64_t)n);
    if (c->visit == VISIT_REFUSED) {
        c->discarded += n;
        return c->discarded <= h->config.max_discard + h->config.max_body ? MHD_YES : MHD_NO;
    }
    if (c->body.size + n > h->config.max_body) {
        char detail[256];
        snprintf(detail, sizeof detail, "the body has more than %llu bytes (setting max-body)",
                 (unsigned long long)h->config.max_body);
        refuse_body(c, STATUS_TOO_LARGE, detail, "max-body");
    } else if (!body_append(&c->body, data, n, h->config.max_bodies)) {
        refuse_body(c, STATUS_BUSY, "the bodies of other requests fill the memory set aside (setting max-bodies)", "max-bodies");
    }
    watched_set(&c->watched, "body", transfer_deadline(h, c->began_ms, h->config.body_timeout_ms, c->body.size + c->discarded));
    return MHD_YES;
}

/* ---- the work ---- */

/* On a pool thread, the connection suspended. */
static void finish(void *user)
{
    struct conn *c = user;
    struct http *h = c->http;
    api_finish(h->api, &c->request, &c->response);
    c->visit = VISIT_READY;
    atomic_store_explicit(&h->progress_ms, reaper_clock_ms(), memory_order_relaxed);
    metrics_add(METRIC_SUSPENDED, -1);
    MHD_resume_connection(c->mhd);
    atomic_fetch_sub(&h->on_pool, 1); /* after the resume: the daemon must not stop between them */
}

static enum MHD_Result work_on_pool(struct conn *c)
{
    struct http *h = c->http;
    c->visit = VISIT_POOL;
    watched_set(&c->watched, "work", INT64_MAX);
    if (atomic_fetch_add(&h->on_pool, 1) == 0)
        atomic_store_explicit(&h->progress_ms, reaper_clock_ms(), memory_order_relaxed);
    metrics_add(METRIC_SUSPENDED, 1);
    MHD_suspend_connection(c->mhd);
    if (!pool_submit(h->pool, finish, c, (int)h->config.max_queue))
        return MHD_YES;
    atomic_fetch_sub(&h->on_pool, 1);
    metrics_add(METRIC_SUSPENDED, -1);
    refuse(c, STATUS_BUSY, "too many long requests wait already (setting max-queue)", "max-queue");
    c->visit = VISIT_READY;
    MHD_resume_connection(c->mhd);
    return MHD_YES;
}

static enum MHD_Result work(struct conn *c)
{
    c->request.body = c->body.data;
    c->request.body_size = c->body.size;
    watched_set(&c->watched, "work", INT64_MAX);
    c->answer_held = true;
    unsigned          saved = fp_state_enter();
    enum api_progress progress = api_begin(c->http->api, &c->request, &c->response);
    fp_state_leave(saved);
    return progress == API_LONG ? work_on_pool(c) : answer(c);
}

/* ---- the library's callbacks ---- */

static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **request)
{
    (void)user;
    (void)mhd;
    (void)url;
    struct conn *c = *request;
    if (!c)
        return MHD_NO;
    switch (c->visit) {
    case VISIT_HEAD:
        return take_head(c, method, version);
    case VISIT_BODY:
    case VISIT_REFUSED:
        if (*upload_size) {
            size_t n = *upload_size;
            *upload_size = 0;
            return take_piece(c, upload, n);
        }
        return c->visit == VISIT_BODY ? work(c) : answer(c);
    case VISIT_READY:
        return answer(c);
    case VISIT_POOL:
        return MHD_YES; /* resumed by nobody: not reached */
    case VISIT_NONE:
        break;
    }
    return MHD_NO;
}

/* The request line has come; `target` is as the client sent it, up to the first NUL. */
static void *on_line(void *user, const char *target, struct MHD_Connection *mhd)
{
    (void)user;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn                    *c = info ? info->socket_context : NULL;
    if (!c)
        return NULL;
    struct http *h = c->http;
    c->visit = VISIT_HEAD;
    c->begun = true;
    c->close = false;
    c->linger = false;
    c->answer_in_file = false;
    c->discarded = 0;
    c->facts = (struct header_facts){.content_length = -1};
    c->target = target ? target : "";
    c->target_size = strlen(c->target);
    atomic_fetch_add(&h->in_flight, 1);
    metrics_add(METRIC_IN_FLIGHT, 1);
    c->too_late = atomic_load(&h->draining);
    c->began_ms = reaper_clock_ms();
    watched_set(&c->watched, "head", c->began_ms + h->config.headers_timeout_ms);
    c->line_status = header_check_target(c->target, &c->line_detail);
    const char *wrong = c->line_status == STATUS_OK ? uri_parse(&c->uri, c->target, c->target_size, h->config.max_query) : NULL;
    if (wrong) {
        c->line_status = STATUS_BAD_REQUEST;
        c->line_detail = wrong;
    }
    return c;
}

/* A body in memory is still the library's here; answer_freed comes right after. */
static void on_completed(void *user, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode why)
{
    (void)mhd;
    (void)why;
    struct http *h = user;
    struct conn *c = *request;
    if (!c || !c->begun)
        return;
    c->begun = false;
    c->visit = VISIT_NONE;
    if (c->answer_in_file)
        answer_freed(c);
    body_clear(&c->body);
    metrics_add(METRIC_IN_FLIGHT, -1);
    atomic_fetch_sub(&h->in_flight, 1);
    watched_set(&c->watched, "idle", reaper_clock_ms() + h->config.idle_timeout_ms + h->config.headers_timeout_ms);
}

static void conn_begin(struct http *h, struct MHD_Connection *mhd, void **socket_context)
{
    struct conn                    *c = calloc(1, sizeof *c);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    *socket_context = c;
    if (!c)
        return;
    c->http = h;
    c->mhd = mhd;
    c->response.fd = -1;
    c->watched.fd = info ? info->connect_fd : -1;
    watched_set(&c->watched, "head", reaper_clock_ms() + h->config.headers_timeout_ms);
    reaper_add(h->reaper, &c->watched);
    atomic_fetch_add(&h->open, 1);
    metrics_add(METRIC_CONNECTIONS, 1);
    metrics_add(METRIC_CONNECTIONS_TOTAL, 1);
}

static void conn_end(struct conn *c)
{
    struct http *h = c->http;
    reaper_remove(h->reaper, &c->watched);
    if (c->linger) {
        int fd = fcntl(c->watched.fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0)
            reaper_linger(h->reaper, fd);
    }
    answer_freed(c);
    body_done(&c->body);
    uri_done(&c->uri);
    free(c->fields.fields);
    free(c);
    atomic_fetch_sub(&h->open, 1);
    metrics_add(METRIC_CONNECTIONS, -1);
}

static void on_connection(void *user, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        conn_begin(user, mhd, socket_context);
    else if (*socket_context)
        conn_end(*socket_context);
}

static void on_log(void *user, const char *format, va_list ap)
{
    (void)user;
    char text[300];
    vsnprintf(text, sizeof text, format, ap);
    text[strcspn(text, "\n")] = 0;
    log_event(LEVEL_DEBUG, "http library", "%s", text);
}

/* ---- begin and end ---- */

static struct MHD_Daemon *start_daemon(struct http *h, int listen_fd)
{
    const struct http_config *config = &h->config;
    unsigned                  flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    unsigned                  threads = config->threads > 1 ? config->threads : 0;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, h, MHD_OPTION_LISTEN_SOCKET,
                            listen_fd, MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT,
                            config->max_connections + HTTP_HEADROOM, MHD_OPTION_CONNECTION_TIMEOUT,
                            (config->idle_timeout_ms + 999) / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)config->max_head,
                            MHD_OPTION_URI_LOG_CALLBACK, on_line, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

static uint32_t reaper_period(const struct http_config *config)
{
    uint32_t shortest = config->headers_timeout_ms;
    if (config->body_timeout_ms < shortest)
        shortest = config->body_timeout_ms;
    if (config->send_timeout_ms < shortest)
        shortest = config->send_timeout_ms;
    uint32_t period = shortest / 8;
    return period < 5 ? 5 : period > 250 ? 250 : period;
}

enum status http_new(const struct http_config *config, struct api *api, struct pool *pool, struct http **ret_http,
                     struct fault *fault)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the HTTP server");
    h->config = *config;
    h->api = api;
    h->pool = pool;
    snprintf(h->retry_after, sizeof h->retry_after, "%u", config->retry_after_s);
    if (getrandom(&h->id_base, sizeof h->id_base, 0) != sizeof h->id_base)
        h->id_base = (uint64_t)time(NULL) << 32;
    int         listen_fd = -1;
    enum status status = listen_open(config->listen, &listen_fd, h->url, fault);
    if (status != STATUS_OK) {
        free(h);
        return status;
    }
    h->reaper = reaper_new(reaper_period(config));
    h->daemon = h->reaper ? start_daemon(h, listen_fd) : NULL;
    if (!h->daemon) {
        reaper_free(h->reaper);
        close(listen_fd);
        free(h);
        return fault_add(fault, STATUS_INTERNAL, "", 0, "the HTTP server cannot start its threads");
    }
    *ret_http = h;
    return STATUS_OK;
}

const char *http_url(const struct http *h)
{
    return h->url;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Waits until `n` is zero; false when it is not by then. */
static bool wait_for_none(const atomic_int *n, int64_t until_ms)
{
    enum { PAUSE_MS = 2 };
    while (atomic_load(n) > 0) {
        if (reaper_clock_ms() >= until_ms)
            return false;
        sleep_ms(PAUSE_MS);
    }
    return true;
}

bool http_drain(struct http *h, uint32_t timeout_ms)
{
    enum { SETTLE_MS = 20, ABORT_MS = 5000, LAST_WORDS_MS = 200 };
    int64_t until = reaper_clock_ms() + timeout_ms;
    atomic_store(&h->draining, true);
    metrics_add(METRIC_DRAINING, 1);
    int listen_fd = MHD_quiesce_daemon(h->daemon);
    if (listen_fd >= 0)
        close(listen_fd);
    sleep_ms(SETTLE_MS); /* what had arrived before is begun by then */
    if (!wait_for_none(&h->in_flight, until))
        log_event(LEVEL_WARN, "drain", "%d requests are cut short", atomic_load(&h->in_flight));
    atomic_store(&h->aborting, true);
    if (!wait_for_none(&h->on_pool, reaper_clock_ms() + ABORT_MS))
        return false;
    wait_for_none(&h->in_flight, reaper_clock_ms() + LAST_WORDS_MS);
    return true;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    MHD_stop_daemon(h->daemon);
    reaper_free(h->reaper);
    free(h);
}

bool http_progresses(const struct http *h, uint32_t stall_ms)
{
    return atomic_load(&h->on_pool) == 0 || reaper_clock_ms() - atomic_load(&h->progress_ms) < (int64_t)stall_ms;
}
