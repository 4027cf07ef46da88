/* See cors.h. */
#include "api/access/cors.h"

#include <stdlib.h>
#include <string.h>

struct cors {
    bool any;
    size_t n;
    char **origins;
    char *text; /* that they point into */
};

/* Scheme, host and port as browsers send them: no path, no upper case. */
static bool is_origin(const char *text)
{
    size_t scheme = !strncmp(text, "https://", 8) ? 8 : !strncmp(text, "http://", 7) ? 7 : 0;
    size_t n = strspn(text + scheme, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]");
    return scheme && n && !text[scheme + n];
}

static enum status read_origins(struct cors *c, struct fault *fault)
{
    for (char *at = c->text + strspn(c->text, ", "); *at; at += strspn(at, ", ")) {
        char *origin = at;
        at += strcspn(at, ", ");
        if (*at)
            *at++ = 0;
        c->origins[c->n++] = origin;
        c->any |= !strcmp(origin, "*");
        if (strcmp(origin, "*") != 0 && !is_origin(origin))
            return fault_add(fault, STATUS_BAD_FIELD, "", 0,
                             "cors-origins: \"%.200s\" is not an origin as browsers send it, like https://a.example or "
                             "http://localhost:3000, nor *",
                             origin);
    }
    if (c->any && c->n > 1)
        return fault_add(fault, STATUS_BAD_FIELD, "", 0, "cors-origins: * stands for all, so nothing stands beside it");
    return STATUS_OK;
}

enum status cors_new(const char *origins, struct cors **ret_cors, struct fault *fault)
{
    *ret_cors = NULL;
    if (!origins || !origins[strspn(origins, ", ")])
        return STATUS_OK;
    struct cors *c = calloc(1, sizeof *c);
    if (c) {
        c->text = strdup(origins);
        c->origins = calloc(strlen(origins) / 2 + 1, sizeof *c->origins);
    }
    if (!c || !c->text || !c->origins) {
        cors_free(c);
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the origins");
    }
    enum status status = read_origins(c, fault);
    if (status == STATUS_OK)
        *ret_cors = c;
    else
        cors_free(c);
    return status;
}

void cors_free(struct cors *c)
{
    if (!c)
        return;
    free(c->origins);
    free(c->text);
    free(c);
}

/* As Access-Control-Allow-Origin says it, or NULL. */
static const char *allowed(const struct cors *c, const char *origin)
{
    if (!origin)
        return NULL;
    if (c->any)
        return "*";
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->origins[i], origin))
            return c->origins[i];
    return NULL;
}

static void add(struct api_response *res, const char *name, const char *value)
{
    if (res->n_headers < API_HEADERS_MAX)
        res->headers[res->n_headers++] = (struct api_header){name, value};
}

/* Besides those that every page may read (RFC names: Cache-Control, Content-Type, Content-Length, ...). A page without
 * credentials could be told *, but not in every browser. */
static const char exposed[] =
    "Allow, Cache-Status, ETag, Location, Retry-After, Server-Timing, Sinter-Channels, Sinter-Clipped, Sinter-Engine, "
    "Sinter-Gain, Sinter-Graph, Sinter-Kernel, Sinter-Latency-Samples, Sinter-Loudness, Sinter-Nonfinite, "
    "Sinter-Nonfinite-In, Sinter-Peak, Sinter-Position, Sinter-True-Peak, Trailer, WWW-Authenticate, X-Request-Id";

void cors_headers(const struct cors *c, const struct api_request *req, struct api_response *res)
{
    if (!c)
        return;
    if (!c->any)
        add(res, "Vary", "Origin");
    const char *origin = allowed(c, req->header(req, "Origin"));
    if (!origin)
        return;
    add(res, "Access-Control-Allow-Origin", origin);
    if (req->method != METHOD_OPTIONS)
        add(res, "Access-Control-Expose-Headers", exposed);
}

void cors_preflight(const struct cors *c, struct exchange *ex, const char *methods)
{
    if (!allowed(c, ex->req->header(ex->req, "Origin")) || !ex->req->header(ex->req, "Access-Control-Request-Method"))
        return;
    answer_header(ex, "Access-Control-Allow-Methods", methods);
    answer_header(ex, "Access-Control-Allow-Headers",
                  "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-Id, traceparent, "
                  "tracestate");
    answer_header(ex, "Access-Control-Max-Age", "7200");
}
