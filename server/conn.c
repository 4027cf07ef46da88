/* See conn.h. */
#include "server/conn.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/access/client.h"
#include "api/load/pool.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/problem.h"

enum { PIECE = 256 << 10 /* of a body that is worked on while it arrives: this much at once */ };

/* ---- what the api room asks about a request ---- */

static struct conn *conn_of(const struct api_request *request)
{
    return request->user;
}

static const char *field_value(const struct conn *c, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < c->fields.n; i++)
        if (c->fields.fields[i].name_size == n && !strncasecmp(c->fields.fields[i].name, name, n))
            return c->stripped[i] ? c->stripped[i] : c->fields.fields[i].value;
    return NULL;
}

static const char *request_header(const struct api_request *request, const char *name)
{
    return field_value(conn_of(request), name);
}

static const char *request_query(const struct api_request *request, const char *name)
{
    return uri_query(&conn_of(request)->uri, name);
}

static void request_each_query(const struct api_request *request, void (*one)(const char *, const char *, void *),
                               void *user)
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
    static const char *const names[] = {
        [METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",      [METHOD_PUT] = "PUT",
        [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE", [METHOD_OPTIONS] = "OPTIONS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i]))
            return (enum method)i;
    return METHOD_OTHER;
}

static void set_request(struct conn *c, const char *method)
{
    static const struct client operator= {.id = "local", .roles = ROLES_ALL}; /* who can connect there */
    const struct http *h = c->http;
    struct peer peer = peer_behind(&h->trusted, h->config.proxy_header, &c->socket_peer, &c->fields);
    peer_text(&peer, c->peer);
    c->request = (struct api_request){.method = method_of(method),
                                      .method_name = method,
                                      .path = c->uri.path,
                                      .header = request_header,
                                      .query = request_query,
                                      .each_query = request_each_query,
                                      .client_gone = request_client_gone,
                                      .user = c,
                                      .request_id = c->request_id,
                                      .peer = c->peer,
                                      .client = h->config.ops ? &operator: NULL,
                                      .draining = c->too_late,
                                      .takes_stream = c->takes_stream,
                                      .queues = true, };
}

/* ---- answers ---- */

void conn_answer_done(struct conn *c)
{
    if (c->answer_held)
        api_response_done(&c->response);
    c->answer_held = false;
}

void conn_refuse(struct conn *c, enum status status, const char *detail, const char *limit)
{
    struct api_response *r = &c->response;
    conn_answer_done(c);
    *r = (struct api_response){.http_status = status_http(status), .fd = -1, .route = "(refused)", .limit = limit};
    r->headers[r->n_headers++] = (struct api_header){"Content-Type", "application/problem+json"};
    if (status == STATUS_BUSY) {
        snprintf(c->retry_after, sizeof c->retry_after, "%u", pool_retry_s(c->http->pool));
        r->headers[r->n_headers++] = (struct api_header){"Retry-After", c->retry_after};
    }
    r->body_size = problem_write(c->problem, sizeof c->problem, status, detail, limit, c->request_id);
    r->body = c->problem;
    if (c->request.header)
        api_add_cors(c->http->api, &c->request, r);
    if (status == STATUS_BAD_REQUEST)
        metrics_add(METRIC_MALFORMED, 1);
}

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) * 1e-9;
}

void conn_waits(struct conn *c)
{
    clock_gettime(CLOCK_MONOTONIC, &c->queued);
}

void conn_has_waited(const struct conn *c)
{
    metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, "wait", seconds_since(&c->queued));
}

/* Of a stream, what its trailers say. */
static const char *engine_of(const struct api_response *r)
{
    static const char name[] = "Sinter-Engine";
    for (size_t i = 0; i < r->n_trailers; i++)
        if (!strcmp(r->trailers[i].name, name))
            return r->trailers[i].value;
    for (size_t i = 0; i < r->n_headers; i++)
        if (!strcmp(r->headers[i].name, name))
            return r->headers[i].value;
    return NULL;
}

static const char *const stages[] = {"parse", "check", "lower", "cache", "exec", "encode"};
enum { STAGES = sizeof stages / sizeof stages[0] };

/* To a microsecond: more digits say nothing. */
static double rounded_ms(double ms)
{
    return (double)(int64_t)(ms * 1e3 + 0.5) / 1e3;
}

static void log_access(const struct conn *c, double seconds)
{
    const struct api_response *r = &c->response;
    const char *engine = engine_of(r);
    struct log_field fields[16 + STAGES] = {
        {"id", c->request_id, 0},
        {"peer", c->peer, 0},
        {"client", r->client ? r->client : "", 0},
        {"method", c->request.method_name, 0},
        {"path", c->request.path, 0},
        {"route", r->route ? r->route : "(none)", 0},
        {"status", NULL, r->http_status},
        {"ms", NULL, rounded_ms(seconds * 1e3)},
        {"in", NULL, (double)c->request.body_size},
        {"out", NULL, (double)r->body_size},
    };
    size_t n = 10;
    if (c->trace_id[0])
        fields[n++] = (struct log_field){"trace_id", c->trace_id, 0};
    if (r->limit)
        fields[n++] = (struct log_field){"limit", r->limit, 0};
    if (engine)
        fields[n++] = (struct log_field){"engine", engine, 0};
    for (size_t i = 0; i < STAGES; i++)
        if (r->stage_ms[i] > 0)
            fields[n++] = (struct log_field){stages[i], NULL, rounded_ms(r->stage_ms[i])};
    log_fields(LEVEL_INFO, "request", fields, n);
}

void conn_observe(const struct conn *c)
{
    const struct api_response *r = &c->response;
    metrics_request(r->route ? r->route : "(none)", r->http_status);
    metrics_add(METRIC_ANSWER_BYTES, (int64_t)r->body_size);
    if (r->limit)
        metrics_label(METRIC_LABEL_REFUSED, r->limit);
    double total = seconds_since(&c->began);
    metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, "total", total);
    metrics_observe(METRIC_HISTOGRAM_ROUTE_SECONDS, r->route ? r->route : "(none)", total);
    const char *engine = engine_of(r);
    if (engine)
        metrics_label(METRIC_LABEL_ENGINE, engine);
    for (size_t i = 0; i < STAGES; i++)
        if (r->stage_ms[i] > 0)
            metrics_observe(METRIC_HISTOGRAM_REQUEST_SECONDS, stages[i], r->stage_ms[i] * 1e-3);
    if (c->http->config.access_log)
        log_access(c, total);
}

/* ---- the head ---- */

static bool id_is_sound(const char *id)
{
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n < REQUEST_ID_SIZE - 3 && !id[n];
}

/* 16 hexadecimal digits; by hand, because printf is half a microsecond. */
static void set_request_id(struct conn *c)
{
    const char *given = field_value(c, "X-Request-Id");
    if (given && id_is_sound(given)) {
        memcpy(c->request_id, given, strlen(given) + 1);
        return;
    }
    uint64_t id = c->http->id_base + atomic_fetch_add(&c->http->id_next, 1);
    for (int i = 15; i >= 0; i--, id >>= 4)
        c->request_id[i] = "0123456789abcdef"[id & 15];
    c->request_id[16] = 0;
}

/* Handed back and logged; a wrong one is not there. */
static void set_trace(struct conn *c)
{
    const char *parent = field_value(c, "traceparent");
    c->trace_parent[0] = 0;
    c->trace_id[0] = 0;
    if (parent && trace_parse(parent, c->trace_id))
        memcpy(c->trace_parent, parent, strlen(parent) + 1);
}

static void drop_fields(struct conn *c)
{
    for (size_t i = 0; i < c->fields.n; i++)
        free(c->stripped[i]);
    c->fields.n = 0;
}

void conn_take_line(struct conn *c, const char *target)
{
    const struct http *h = c->http;
    c->visit = VISIT_HEAD;
    c->linger = false;
    c->answer_in_file = false;
    c->discarded = c->taken = 0;
    c->most_discarded = h->config.max_discard + h->config.max_body;
    drop_fields(c);
    c->facts = (struct header_facts){.content_length = -1};
    c->target = target;
    c->target_size = strlen(target);
    c->too_late = atomic_load(&h->refusing);
    int64_t now = reaper_clock_ms();
    atomic_store_explicit(&c->watched.end_ms, h->config.total_timeout_ms ? now + h->config.total_timeout_ms : INT64_MAX,
                          memory_order_relaxed);
    watched_set(&c->watched, PHASE_HEAD, now, now + h->config.headers_timeout_ms);
    c->close = ++c->turns >= h->config.max_turns;
    c->line_status = header_check_target(target, &c->line_detail);
    const char *wrong =
        c->line_status == STATUS_OK ? uri_parse(&c->uri, target, c->target_size, h->config.max_query) : NULL;
    if (wrong) {
        c->line_status = STATUS_BAD_REQUEST;
        c->line_detail = wrong;
    }
}

static bool grow_fields(struct conn *c)
{
    size_t capacity = c->fields_capacity ? 2 * c->fields_capacity : 16;
    struct header_field *fields = realloc(c->fields.fields, capacity * sizeof *fields);
    if (!fields)
        return false;
    c->fields.fields = fields;
    char **stripped = realloc(c->stripped, capacity * sizeof *stripped);
    if (!stripped)
        return false;
    c->stripped = stripped;
    c->fields_capacity = capacity;
    return true;
}

bool conn_take_field(struct conn *c, const char *name, size_t name_size, const char *value, size_t value_size)
{
    if (c->fields.n == c->fields_capacity && !grow_fields(c))
        return false;
    size_t n = value_size;
    while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    char *stripped = n < value_size ? strndup(value, n) : NULL; /* the library keeps them, RFC 9112, 5.1 does not */
    if (n < value_size && !stripped)
        return false;
    c->stripped[c->fields.n] = stripped;
    c->fields.fields[c->fields.n++] = (struct header_field){name, value, name_size, value_size};
    return true;
}

static enum status check_head(struct conn *c, const char *method, const char *version, size_t head_size,
                              const char **ret_detail)
{
    struct header_head head = {method, c->target, version, c->target_size, head_size};
    *ret_detail = c->line_detail;
    TRY(c->line_status);
    TRY(header_check_method(method, ret_detail));
    TRY(header_check_form(method, c->target, ret_detail));
    TRY(header_check_layout(&head, &c->fields, ret_detail));
    return header_check_fields(version, &c->fields, &c->facts, ret_detail);
}

static bool has_body(const struct conn *c)
{
    return c->facts.chunked || c->facts.content_length > 0;
}

static bool is_one_of(const char *path, const char *const *paths)
{
    while (*paths && strcmp(*paths, path))
        paths++;
    return *paths;
}

/* OPTIONS *: about the server, not about a resource. */
static void answer_asterisk(struct conn *c)
{
    struct api_response *r = &c->response;
    *r = (struct api_response){.http_status = 204, .fd = -1, .route = "*", .body = ""};
    r->headers[r->n_headers++] = (struct api_header){"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};
}

/* A port for the operator and one for everybody have different things to offer. */
static enum status check_port(struct conn *c)
{
    static const char *const of_ops[] = {"/livez", "/readyz", "/metrics", "/version", NULL}, *const only[] = {
                                                                                                 "/metrics", NULL};
    const struct http_config *config = &c->http->config;
    if (config->ops && !is_one_of(c->uri.path, of_ops)) {
        conn_refuse(c, STATUS_NOT_FOUND,
                    "this port answers /livez, /readyz, /metrics and /version alone (setting ops-listen)", NULL);
        return STATUS_NOT_FOUND;
    }
    if (!config->ops && config->ops_only && is_one_of(c->uri.path, only)) {
        conn_refuse(c, STATUS_NOT_FOUND, "/metrics is answered on the operator's port alone (setting ops-only)", NULL);
        return STATUS_NOT_FOUND;
    }
    return STATUS_OK;
}

/* What this room alone can refuse, once the head is known to be sound. STATUS_OK: nothing. */
static enum status refuse_early(struct conn *c)
{
    const struct http_config *config = &c->http->config;
    char detail[256];
    if (c->fields.n > config->max_headers) {
        snprintf(detail, sizeof detail, "the request has %zu header fields; the limit is %u (setting max-headers)",
                 c->fields.n, config->max_headers);
        conn_refuse(c, STATUS_BAD_REQUEST, detail, "max-headers");
        return STATUS_BAD_REQUEST;
    }
    if (c->uri.n_asked > config->max_query) {
        snprintf(detail, sizeof detail, "the URL's query has %zu fields; the limit is %u (setting max-query)",
                 c->uri.n_asked, config->max_query);
        conn_refuse(c, STATUS_BAD_REQUEST, detail, "max-query");
        return STATUS_BAD_REQUEST;
    }
    bool counted = c->facts.content_length > 0 && (uint64_t)c->facts.content_length > config->max_body;
    if (counted && !api_takes_pieces(c->http->api, &c->request)) {
        snprintf(detail, sizeof detail, "the body has %lld bytes; the limit is %llu (setting max-body)",
                 (long long)c->facts.content_length, (unsigned long long)config->max_body);
        conn_refuse(c, STATUS_TOO_LARGE, detail, "max-body");
        return STATUS_TOO_LARGE;
    }
    return STATUS_OK;
}

static enum conn_next refused(struct conn *c, enum status status, const char *detail, const char *limit)
{
    conn_refuse(c, status, detail, limit);
    return NEXT_ANSWER_NOW;
}

static const char bodies_are_full[] = "the bodies of other requests fill the memory set aside (setting max-bodies)";

/* At once, or, when a short body comes anyway, behind it, so that the connection stays alive.
 */
static enum conn_next refused_behind_body(struct conn *c)
{
    bool awaited = c->facts.expects_continue || c->facts.chunked || c->facts.content_length > DEFERRABLE;
    if (has_body(c) && awaited)
        return NEXT_ANSWER_NOW;
    c->visit = VISIT_REFUSED;
    return NEXT_READ;
}

/* Of a body that has n bytes or more. */
static bool wants_intake(const struct conn *c, uint64_t n)
{
    return n > c->http->config.upload_above && api_takes_pieces(c->http->api, &c->request);
}

/* False: `response` is a refusal. */
static bool begin_intake(struct conn *c)
{
    c->answer_held = true;
    c->wanted = PIECE;
    if (!api_intake_begin(c->http->api, &c->request, c->facts.content_length, &c->response))
        return false;
    c->visit = VISIT_INTAKE;
    return true;
}

enum conn_next conn_take_head(struct conn *c, const char *method, const char *version, size_t head_size)
{
    struct http *h = c->http;
    const char *detail = "";
    clock_gettime(CLOCK_MONOTONIC, &c->began);
    set_request_id(c);
    set_trace(c);
    c->takes_stream = version && !strcmp(version, "HTTP/1.1"); /* only chunks show that an answer was cut */
    set_request(c, method);
    enum status status = check_head(c, method, version, head_size, &detail);
    if (status != STATUS_OK)
        return refused(c, status, detail, NULL);
    if (refuse_early(c) != STATUS_OK)
        return NEXT_ANSWER_NOW;
    if (c->target[0] == '*') {
        answer_asterisk(c);
        return refused_behind_body(c);
    }
    if (check_port(c) != STATUS_OK)
        return refused_behind_body(c);
    c->visit = VISIT_BODY;
    c->due_us = reaper_clock_ms() * 1000;
    conn_awaits_body(c);
    c->answer_held = true;
    if (!api_accept_headers(h->api, &c->request, c->facts.content_length, &c->response))
        return refused_behind_body(c);
    c->answer_held = false;
    if (c->facts.content_length > 0 && wants_intake(c, (uint64_t)c->facts.content_length))
        return begin_intake(c) ? NEXT_READ : refused_behind_body(c);
    if (c->facts.content_length > 0 && c->facts.content_length <= DEFERRABLE &&
        !body_reserve(&c->body, (size_t)c->facts.content_length, h->config.max_bodies))
        return refused(c, STATUS_BUSY, bodies_are_full, "max-bodies");
    return NEXT_READ;
}

/* ---- the body ---- */

/* `response` is a refusal, which is sent behind the body. */
static void ignore_rest(struct conn *c)
{
    c->visit = VISIT_REFUSED;
    c->close = true;
    body_clear(&c->body);
}

static void refuse_body(struct conn *c, enum status status, const char *detail, const char *limit)
{
    conn_refuse(c, status, detail, limit);
    c->discarded = c->body.size;
    ignore_rest(c);
}

static void refuse_larger(struct conn *c, uint64_t most, const char *limit)
{
    char detail[128];
    snprintf(detail, sizeof detail, "the body has more than %llu bytes (setting %s)", (unsigned long long)most, limit);
    refuse_body(c, STATUS_TOO_LARGE, detail, limit);
}

bool conn_take_piece(struct conn *c, const char *data, size_t n)
{
    const struct http_config *config = &c->http->config;
    metrics_add(METRIC_BODY_BYTES, (int64_t)n);
    if (c->visit == VISIT_REFUSED) {
        c->discarded += n;
        return c->discarded <= c->most_discarded;
    }
    c->taken += n;
    if (c->visit == VISIT_BODY && wants_intake(c, c->taken) && !begin_intake(c))
        ignore_rest(c);
    else if (c->visit == VISIT_INTAKE && c->taken > config->max_upload)
        refuse_larger(c, config->max_upload, "max-upload");
    else if (c->body.size + n > config->max_body) /* of an intake: the head alone */
        refuse_larger(c, config->max_body, "max-body");
    else if (!body_append(&c->body, data, n, config->max_bodies))
        refuse_body(c, STATUS_BUSY, bodies_are_full, "max-bodies");
    int64_t due_us = c->due_us + (int64_t)((uint64_t)n * 1000000 / config->min_rate), now_us = reaper_clock_ms() * 1000;
    c->due_us = due_us < now_us ? due_us : now_us;
    conn_awaits_body(c);
    return true;
}

/* ---- bodies that are worked on while they arrive ---- */

bool conn_turn_is_due(const struct conn *c)
{
    return c->visit == VISIT_INTAKE && c->body.size >= c->wanted;
}

bool conn_turn_is_short(const struct conn *c)
{
    return api_intake_is_short(&c->response, c->body.size);
}

void conn_turn(struct conn *c)
{
    size_t used = 0;
    if (!api_intake_piece(&c->response, c->body.data, c->body.size, &used)) {
        c->most_discarded = c->http->config.max_discard;
        ignore_rest(c);
        return;
    }
    c->body.size -= used;
    memmove(c->body.data, c->body.data + used, c->body.size);
    c->wanted = 2 * c->body.size > PIECE ? 2 * c->body.size : PIECE; /* what was left over needs more behind it */
}

void conn_turn_refused(struct conn *c, const char *limit)
{
    api_refuse(c->http->api, &c->response, limit);
    c->most_discarded = c->http->config.max_discard;
    ignore_rest(c);
}

void conn_hold(struct conn *c, uint64_t bytes)
{
    c->held += bytes;
    pool_hold(c->http->pool, (int64_t)bytes);
}

static void let_go(struct conn *c)
{
    if (c->held)
        pool_hold(c->http->pool, -(int64_t)c->held);
    c->held = 0;
    c->let_in = false;
}

void conn_request_done(struct conn *c)
{
    c->visit = VISIT_NONE;
    if (c->response.stream) {
        api_stream_stop(c->response.stream);
        c->response.body_size = c->sent;
        conn_observe(c);
    }
    if (c->answer_in_file)
        conn_answer_done(c);
    body_clear(&c->body);
    let_go(c);
    const struct http_config *config = &c->http->config;
    int64_t now = reaper_clock_ms();
    watched_set(&c->watched, PHASE_IDLE, now, now + config->idle_timeout_ms + config->headers_timeout_ms);
}

void conn_free(struct conn *c)
{
    let_go(c);
    conn_answer_done(c);
    body_done(&c->body);
    uri_done(&c->uri);
    drop_fields(c);
    free(c->stripped);
    free(c->fields.fields);
    free(c);
}
