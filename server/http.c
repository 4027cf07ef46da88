/* See http.h. The only file that includes microhttpd.h.
 *
 * The library calls on_request once after the head, then with each piece of the body, then once more; all of a
 * connection's calls come on its thread, except that `finish` runs on a pool thread while the connection is suspended.
 * A refusal that leaves the request's end in doubt is queued at the first call, which makes the library close the
 * connection; any other waits for the body's end, so that the connection stays alive. What the library refuses before
 * its first call (no HTTP version, a head too large for its memory, a line without colon, a broken chunk) it answers
 * itself with a short HTML page; there is no hook for those. */
#include "server/http.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/load/pool.h"
#include "core/interp.h"
#include "server/conn.h"
#include "server/gate.h"
#include "server/http_daemon.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/turn.h"

/* ---- streams ---- */

enum { STREAM_PIECE = 128 << 10 };

/* Inside stream_read. A client that leaves now is noticed by the work that it waits for. */
static void stream_sleep(void *user)
{
    struct conn *c = user;
    c->asleep_ms = reaper_clock_ms();
    conn_works(c);
    MHD_suspend_connection(c->mhd);
}

static void stream_wake(void *user)
{
    struct conn *c = user;
    MHD_resume_connection(c->mhd);
}

/* The client must take each piece in time, and all together at the least rate. */
static void set_stream_deadline(struct conn *c, size_t n)
{
    const struct http *h = c->http;
    int64_t now = reaper_clock_ms();
    if (c->asleep_ms)
        c->sending_ms += now - c->asleep_ms;
    c->asleep_ms = 0;
    int64_t piece = transfer_deadline(h, now, h->config.send_timeout_ms, n),
            all = transfer_deadline(h, c->sending_ms, h->config.send_timeout_ms, c->sent + n);
    watched_set(&c->watched, PHASE_SEND, now, piece < all ? piece : all);
}

static ssize_t stream_read(void *user, uint64_t at, char *to, size_t most)
{
    struct conn *c = user;
    struct api_stream *stream = c->response.stream;
    size_t n;
    (void)at;
    enum api_supply supply = api_stream_take(stream, to, most, &n);
    if (api_stream_wants(stream) && !turn_submit(c))
        api_stream_break(stream);
    if (supply == API_SUPPLY_BROKEN) {
        metrics_add(METRIC_STREAMS_CUT, 1);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (n == 0 && supply == API_SUPPLY_MORE)
        return 0;
    set_stream_deadline(c, n);
    c->sent += n;
    if (n)
        return (ssize_t)n;
    for (size_t i = 0; i < c->response.n_trailers; i++)
        MHD_add_response_footer(c->stream_answer, c->response.trailers[i].name, c->response.trailers[i].value);
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* The library has done with the body, or there was none. */
static void answer_freed(void *user)
{
    conn_answer_done(user);
}

static struct MHD_Response *make_response(struct conn *c)
{
    struct api_response *r = &c->response;
    if (r->stream) {
        api_stream_attend(r->stream, stream_sleep, stream_wake, c);
        c->sent = 0;
        c->sending_ms = reaper_clock_ms();
        c->asleep_ms = 0;
        struct MHD_Response *m = MHD_create_response_from_callback(r->body_size ? r->body_size : MHD_SIZE_UNKNOWN,
                                                                   STREAM_PIECE, stream_read, c, answer_freed);
        /* Behind a chunked answer's head the library would send the last chunk, to HEAD, too. */
        if (m && c->request.method == METHOD_HEAD && !r->body_size)
            MHD_set_response_options(m, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
        return m;
    }
    if (r->fd >= 0) {
        int fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 0);
        struct MHD_Response *m = fd >= 0 ? MHD_create_response_from_fd_at_offset64(r->body_size, fd, r->fd_at) : NULL;
        if (!m && fd >= 0)
            close(fd); /* else the library does */
        c->answer_in_file = true;
        return m;
    }
    return MHD_create_response_from_buffer_with_free_callback_cls(r->body_size, (void *)(uintptr_t)r->body,
                                                                  answer_freed, c);
}

static void add_headers(struct conn *c, struct MHD_Response *m)
{
    const struct api_response *r = &c->response;
    MHD_add_response_header(m, "Server", "sinter/" SINTER_VERSION);
    MHD_add_response_header(m, "X-Request-Id", c->request_id);
    if (c->trace_parent[0])
        MHD_add_response_header(m, "traceparent", c->trace_parent);
    MHD_add_response_header(m, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < r->n_headers; i++)
        MHD_add_response_header(m, r->headers[i].name, r->headers[i].value);
    if (c->close)
        MHD_add_response_header(m, "Connection", "close");
}

/* What is sent is memory as long as the client takes for it. */
static void hold_answer(struct conn *c)
{
    enum { WORTH = 64 << 10 };
    const struct api_response *r = &c->response;
    if (r->stream)
        conn_hold(c, r->cost_bytes);
    else if (r->owned && r->body_size > WORTH)
        conn_hold(c, r->body_size);
}

static enum MHD_Result answer(struct conn *c)
{
    struct http *h = c->http;
    if (atomic_load_explicit(&h->draining, memory_order_relaxed))
        c->close = true;
    size_t size = c->response.body_size;
    struct MHD_Response *m = make_response(c);
    if (!m)
        return MHD_NO;
    add_headers(c, m);
    if (!c->response.stream) /* else when it has ended */
        conn_observe(c);
    c->stream_answer = m;
    int64_t now = reaper_clock_ms();
    watched_set(&c->watched, PHASE_SEND, now, transfer_deadline(h, now, h->config.send_timeout_ms, size));
    hold_answer(c);
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

static enum MHD_Result add_field(void *user, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                 const char *value, size_t value_size)
{
    (void)kind;
    return conn_take_field(user, name, name_size, value ? value : "", value_size) ? MHD_YES : MHD_NO;
}

static enum MHD_Result take_head(struct conn *c, const char *method, const char *version)
{
    int n = MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, add_field, c);
    if (n < 0 || (size_t)n != c->fields.n)
        return MHD_NO; /* no memory, not even for the list of headers */
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (conn_take_head(c, method, version, info ? info->header_size : 0) == NEXT_ANSWER_NOW)
        return answer_and_close(c);
    return MHD_YES;
}

/* ---- the work ---- */

/* The answer is there; the connection goes on with it. */
static void give_back(struct conn *c)
{
    struct http *h = c->http;
    c->visit = VISIT_READY;
    metrics_add(METRIC_SUSPENDED, -1);
    MHD_resume_connection(c->mhd);
    atomic_fetch_sub(&h->on_pool, 1); /* after the resume: the daemon must not stop between them */
}

static void note_progress(struct http *h)
{
    atomic_store_explicit(&h->progress_ms, reaper_clock_ms(), memory_order_relaxed);
}

/* Its work was given up while it waited, which is no progress. */
static void finish_late(void *user, const char *limit)
{
    struct conn *c = user;
    api_refuse(c->http->api, &c->response, limit);
    give_back(c);
}

static bool nobody_waits(void *user)
{
    const struct conn *c = user;
    return c->request.client_gone(&c->request);
}

static void finish(void *user);

static struct pool_work work_of(struct conn *c)
{
    const struct api_response *r = &c->response;
    return (struct pool_work){.run = finish,
                              .late = finish_late,
                              .gone = nobody_waits,
                              .user = c,
                              .class = POOL_INTERACTIVE,
                              .cost_s = r->cost_seconds,
                              .bytes = r->cost_bytes,
                              .deadline_ms = r->deadline_ms,
                              .client = r->client};
}

/* The name of the limit that refuses, or NULL. */
static const char *queue_work(struct conn *c)
{
    const struct pool_work work = work_of(c);
    conn_waits(c);
    return pool_submit(c->http->pool, &work);
}

/* On a pool thread, the connection suspended. */
static void finish(void *user)
{
    struct conn *c = user;
    conn_has_waited(c);
    if (api_finish(c->http->api, &c->request, &c->response) == API_LONG) {
        const char *limit = queue_work(c);
        if (!limit)
            return;
        api_refuse(c->http->api, &c->response, limit);
    }
    note_progress(c->http);
    give_back(c);
}

/* From here on the connection is a pool thread's. */
static void suspend(struct conn *c)
{
    struct http *h = c->http;
    conn_works(c);
    if (atomic_fetch_add(&h->on_pool, 1) == 0)
        note_progress(h);
    metrics_add(METRIC_SUSPENDED, 1);
    MHD_suspend_connection(c->mhd);
}

/* And ours again: nobody has taken it. */
static void resume(struct conn *c)
{
    atomic_fetch_sub(&c->http->on_pool, 1);
    metrics_add(METRIC_SUSPENDED, -1);
    MHD_resume_connection(c->mhd);
}

static enum MHD_Result work_on_pool(struct conn *c)
{
    const struct pool_work work = work_of(c);
    const char *limit = pool_refusal(c->http->pool, &work);
    if (limit) { /* most refusals; they cost no suspension */
        api_refuse(c->http->api, &c->response, limit);
        return answer(c);
    }
    c->visit = VISIT_POOL;
    suspend(c);
    limit = queue_work(c);
    if (!limit)
        return MHD_YES;
    api_refuse(c->http->api, &c->response, limit);
    c->visit = VISIT_READY;
    resume(c);
    return MHD_YES;
}

/* ---- bodies that are worked on while they arrive ---- */

static void submit_turn(struct conn *c, void (*run)(void *user))
{
    const struct api_response *r = &c->response;
    const struct pool_work work = {.run = run,
                                   .user = c,
                                   .class = POOL_CONTINUE,
                                   .cost_s = api_intake_seconds(r, c->body.size),
                                   .client = r->client};
    suspend(c);
    if (pool_submit(c->http->pool, &work))
        run(c); /* no memory for a line of the queue, or the end has begun: here and now */
}

/* On a pool thread, the connection suspended. */
static void take_turn(void *user)
{
    struct conn *c = user;
    struct http *h = c->http;
    conn_turn(c);
    int64_t now = reaper_clock_ms();
    atomic_store_explicit(&h->progress_ms, now, memory_order_relaxed);
    c->due_us += (now - c->turn_ms) * 1000; /* the client has waited for us */
    conn_awaits_body(c);
    metrics_add(METRIC_SUSPENDED, -1);
    atomic_store(&c->turn_of, TURN_WAKING);
    MHD_resume_connection(c->mhd);
    atomic_store(&c->turn_of, TURN_OURS);
    atomic_fetch_sub(&h->on_pool, 1); /* after the resume: the daemon must not stop between them */
}

static bool let_in(struct conn *c)
{
    const struct api_response *r = &c->response;
    const struct pool_work work = {
        .class = POOL_INTERACTIVE, .cost_s = r->cost_seconds, .bytes = r->cost_bytes, .client = r->client};
    const char *limit = pool_refusal(c->http->pool, &work);
    if (limit)
        conn_turn_refused(c, limit);
    else
        conn_hold(c, r->cost_bytes);
    c->let_in = !limit;
    return c->let_in;
}

/* An upload is let in with its first turn; the others go on with what is begun. */
static void begin_turn(struct conn *c)
{
    if (!c->let_in && !let_in(c))
        return;
    if (conn_turn_is_short(c)) {
        conn_turn(c);
        return;
    }
    c->turn_ms = reaper_clock_ms();
    atomic_store(&c->turn_of, TURN_THEIRS);
    submit_turn(c, take_turn);
}

/* The library may ask again while a turn is under way, when it has read more than one chunk: it keeps what is not
 * taken, and asks once more after the resume. */
static bool is_ours(struct conn *c)
{
    while (atomic_load(&c->turn_of) == TURN_WAKING)
        sched_yield();
    return atomic_load(&c->turn_of) == TURN_OURS;
}

static void finish_intake(void *user)
{
    struct conn *c = user;
    c->request.body_size = c->taken;
    api_intake_end(&c->response, c->body.data, c->body.size);
    note_progress(c->http);
    give_back(c);
}

static enum MHD_Result end_intake(struct conn *c)
{
    c->visit = VISIT_POOL;
    submit_turn(c, finish_intake);
    return MHD_YES;
}

static enum MHD_Result work(struct conn *c)
{
    c->request.body = c->body.data;
    c->request.body_size = c->body.size;
    conn_works(c);
    c->answer_held = true;
    unsigned saved = fp_state_enter();
    enum api_progress progress = api_begin(c->http->api, &c->request, &c->response);
    fp_state_leave(saved);
    return progress == API_LONG ? work_on_pool(c) : answer(c);
}

/* ---- the library's callbacks ---- */

static enum MHD_Result take_piece(struct conn *c, const char *data, size_t n)
{
    if (!conn_take_piece(c, data, n))
        return MHD_NO;
    if (conn_turn_is_due(c))
        begin_turn(c);
    return MHD_YES;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request)
{
    (void)user;
    (void)mhd;
    (void)url;
    struct conn *c = *request;
    if (!c)
        return MHD_NO;
    if (!is_ours(c)) /* not even `visit` is */
        return MHD_YES;
    switch (c->visit) {
    case VISIT_HEAD:
        return take_head(c, method, version);
    case VISIT_BODY:
    case VISIT_INTAKE:
    case VISIT_REFUSED:
        if (*upload_size) {
            size_t n = *upload_size;
            *upload_size = 0;
            return take_piece(c, upload, n);
        }
        return c->visit == VISIT_BODY ? work(c) : c->visit == VISIT_INTAKE ? end_intake(c) : answer(c);
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
    struct conn *c = info ? info->socket_context : NULL;
    if (!c)
        return NULL;
    c->begun = true;
    atomic_fetch_add(&c->http->in_flight, 1);
    metrics_add(METRIC_IN_FLIGHT, 1);
    conn_take_line(c, target ? target : "");
    return c;
}

/* A body in memory is still the library's here; answer_freed comes right after. */
static void on_completed(void *user, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode why)
{
    (void)mhd;
    struct http *h = user;
    struct conn *c = *request;
    if (!c || !c->begun)
        return;
    if (c->visit == VISIT_HEAD && why == MHD_REQUEST_TERMINATED_WITH_ERROR)
        metrics_add(METRIC_MALFORMED, 1); /* answered by the library itself */
    c->begun = false;
    conn_request_done(c);
    metrics_add(METRIC_IN_FLIGHT, -1);
    atomic_fetch_sub(&h->in_flight, 1);
}

static void begin_connection(struct http *h, struct MHD_Connection *mhd, void **socket_context)
{
    struct conn *c = calloc(1, sizeof *c);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    *socket_context = c;
    if (!c)
        return;
    c->http = h;
    c->mhd = mhd;
    c->response.fd = -1;
    c->watched.fd = info ? info->connect_fd : -1;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr)
        peer_of_socket(info->client_addr, &c->socket_peer);
    int64_t now = reaper_clock_ms();
    c->watched.end_ms = INT64_MAX;
    watched_set(&c->watched, PHASE_HEAD, now, now + h->config.headers_timeout_ms);
    reaper_add(h->reaper, &c->watched);
    metrics_add(METRIC_CONNECTIONS, 1);
    metrics_add(METRIC_CONNECTIONS_TOTAL, 1);
}

static void end_connection(struct conn *c)
{
    struct http *h = c->http;
    (void)is_ours(c); /* who woke the library for it may not have let go of it yet */
    reaper_remove(h->reaper, &c->watched);
    if (c->linger) {
        int fd = fcntl(c->watched.fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0)
            reaper_linger(h->reaper, fd);
    }
    gate_leave(h->gate, c->watched.fd);
    conn_free(c);
    metrics_add(METRIC_CONNECTIONS, -1);
}

static void on_connection(void *user, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        begin_connection(user, mhd, socket_context);
    else if (*socket_context)
        end_connection(*socket_context);
}

static void on_log(void *user, const char *format, va_list ap)
{
    (void)user;
    char text[300];
    vsnprintf(text, sizeof text, format, ap);
    text[strcspn(text, "\n")] = 0;
    log_event(LEVEL_DEBUG, "http library", "%s", text);
}

/* ---- the daemon ---- */

/* The library divides its own limit of connections among its threads, and a thread that reaches its share never unlocks
 * a mutex again (0.9.75). The gate counts; the library's limit is so high that no thread can reach it. */
static unsigned library_limit(const struct http_config *config)
{
    uint64_t limit = (uint64_t)config->threads * (config->max_connections + http_headroom(config) + 1);
    return limit < INT_MAX ? (unsigned)limit : INT_MAX;
}

bool http_daemon_start(struct http *h)
{
    const struct http_config *config = &h->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC;
    unsigned threads = config->threads > 1 ? config->threads : 0;
    h->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, h, MHD_OPTION_THREAD_POOL_SIZE,
        threads, MHD_OPTION_CONNECTION_LIMIT, library_limit(config), MHD_OPTION_CONNECTION_TIMEOUT,
        (config->idle_timeout_ms + 999) / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)config->max_head,
        MHD_OPTION_URI_LOG_CALLBACK, on_line, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    return h->daemon;
}

/* What the kernel holds of answers that are not taken is bounded, and the reaper sees who does not take them. */
static void bound_unsent(int fd)
{
    int most = 128 << 10;
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}

void http_daemon_add(struct http *h, int fd, const struct sockaddr *peer, socklen_t n)
{
    bound_unsent(fd);
    (void)MHD_add_connection(h->daemon, fd, peer, n); /* closes it when it fails */
}

void http_daemon_stop(struct http *h)
{
    if (h->daemon)
        MHD_stop_daemon(h->daemon);
    h->daemon = NULL;
}
