/* See dispatch.h. */
#include "api/dispatch.h"

#include <string.h>
#include <strings.h>

#include "api/access/access.h"
#include "api/access/cors.h"
#include "api/audio/intake.h"
#include "api/jobs/blobs.h"
#include "api/load/admission.h"
#include "api/room.h"

static const struct route routes[] = {
#define ROUTE(method, pattern, may, run, accepts, doc) {METHOD_##method, pattern, ROLES_##may, run, accepts, doc},
#include "api/routes.def"
#undef ROUTE
};

enum { N_ROUTES = sizeof routes / sizeof *routes };

const struct route *route_at(size_t i)
{
    return i < N_ROUTES ? &routes[i] : NULL;
}

static const char *const method_names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "?"};

/* Does `path` have the pattern's form? A pattern has at most one {name}, which matches one segment. */
static bool pattern_matches(const char *pattern, const char *path, const char **ret_rest, size_t *ret_n)
{
    const char *brace = strchr(pattern, '{');
    if (!brace)
        return !strcmp(pattern, path);
    size_t n = (size_t)(brace - pattern);
    if (strncmp(pattern, path, n) != 0)
        return false;
    *ret_rest = path + n;
    *ret_n = strcspn(path + n, "/");
    return *ret_n && !strcmp(strchr(brace, '}') + 1, path + n + *ret_n);
}

static char *methods_of(struct exchange *ex, const struct route *same_path)
{
    char *allow = "";
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (strcmp(routes[i].pattern, same_path->pattern) != 0)
            continue;
        const char *more = routes[i].method == METHOD_GET ? "GET, HEAD" : method_names[routes[i].method];
        allow = arena_printf(ex->arena, "%s%s%s", allow, *allow ? ", " : "", more);
    }
    return allow;
}

static enum status fault_method(struct exchange *ex, const struct route *same_path)
{
    const char *allow = methods_of(ex, same_path);
    answer_header(ex, "Allow", allow);
    ex->res->route = same_path->pattern;
    return fault_add(&ex->fault, STATUS_METHOD, "", 0, "%s does not take %s; it takes %s", same_path->pattern,
                     ex->req->method_name ? ex->req->method_name : method_names[ex->req->method], allow);
}

/* A browser asks before it sends; see cors.h. */
static enum status options(struct exchange *ex)
{
    answer_header(ex, "Allow", ex->allow);
    cors_preflight(access_cors(ex->api->access), ex, ex->allow);
    answer_body(ex, 204, NULL, "", 0);
    return STATUS_OK;
}

static enum status find_options(struct exchange *ex, const struct route *same_path)
{
    struct route *route = ARENA_NEW(ex->arena, struct route);
    *route = (struct route){
        .method = METHOD_OPTIONS, .pattern = same_path->pattern, .run = options, .accepts = "", .doc = ""};
    ex->route = route;
    ex->res->route = route->pattern;
    ex->allow = methods_of(ex, same_path);
    return STATUS_OK;
}

static enum status find_route(struct exchange *ex)
{
    enum method method = ex->req->method == METHOD_HEAD ? METHOD_GET : ex->req->method;
    const struct route *same_path = NULL;
    for (size_t i = 0; i < N_ROUTES; i++) {
        const char *rest = NULL;
        size_t n = 0;
        if (!pattern_matches(routes[i].pattern, ex->req->path, &rest, &n))
            continue;
        same_path = &routes[i];
        if (routes[i].method == method) {
            ex->rest = rest && rest[n] ? arena_strndup(ex->arena, rest, n) : rest;
            ex->route = same_path;
            ex->res->route = same_path->pattern;
            return STATUS_OK;
        }
    }
    ex->res->route = "other";
    if (same_path && method == METHOD_OPTIONS && access_cors(ex->api->access))
        return find_options(ex, same_path);
    if (same_path)
        return fault_method(ex, same_path);
    return fault_add(&ex->fault, STATUS_NOT_FOUND, "", 0, "there is nothing at %s; GET / lists the routes",
                     ex->req->path);
}

/* The length of a content type without its parameters. */
static size_t type_length(const char *type)
{
    size_t n = strcspn(type, ";");
    while (n && (type[n - 1] == ' ' || type[n - 1] == '\t'))
        n--;
    return n;
}

static bool list_has(const char *list, const char *word, size_t n)
{
    while (*list) {
        size_t m = strcspn(list, ",");
        if (m == n && !strncasecmp(list, word, n))
            return true;
        list += m + strspn(list + m, ", ");
    }
    return false;
}

static enum status check_type(struct exchange *ex)
{
    const char *accepts = ex->route->accepts;
    if (!*accepts || !strcmp(accepts, "*/*"))
        return STATUS_OK;
    const char *type = ex->req->header(ex->req, "Content-Type");
    if (!type && !strchr(accepts, ','))
        return STATUS_OK;
    if (type && list_has(accepts, type, type_length(type)))
        return STATUS_OK;
    if (!type)
        return fault_add(&ex->fault, STATUS_MEDIA_TYPE, "", 0, "the request has no Content-Type; accepted here: %s",
                         accepts);
    return fault_add(&ex->fault, STATUS_MEDIA_TYPE, "", 0, "the Content-Type %s is not read here; accepted: %s", type,
                     accepts);
}

/* Bodies are read as they are sent. */
static enum status check_encoding(struct exchange *ex)
{
    const char *encoding = *ex->route->accepts ? ex->req->header(ex->req, "Content-Encoding") : NULL;
    if (!encoding || !*encoding || !strcasecmp(encoding, "identity"))
        return STATUS_OK;
    answer_header(ex, "Accept-Encoding", "identity");
    return fault_add(&ex->fault, STATUS_MEDIA_TYPE, "", 0,
                     "the Content-Encoding %s is not read here; accepted: identity, which is none", encoding);
}

bool dispatch_body_is_json(const struct exchange *ex)
{
    static const char json[] = "application/json";
    const char *type = ex->req->header(ex->req, "Content-Type");
    size_t n = sizeof json - 1;
    return list_has(ex->route->accepts, json, n) && (!type || (type_length(type) == n && !strncasecmp(type, json, n)));
}

/* Bytes that the body may have, and the limit's name. */
static uint64_t most_bytes(const struct exchange *ex, uint64_t size, const char **ret_name)
{
    const struct api_config *config = &ex->api->config;
    const struct {
        bool counts;
        uint64_t most;
        const char *name;
    } limits[] = {{ex->route->run == blobs_post, config->data.max_blob_bytes, "max-blob-bytes"},
                  {ex->route->run == jobs_post && config->max_job_bytes < config->max_body, config->max_job_bytes,
                   "max-job-bytes"},
                  {ex->route->run != jobs_post && dispatch_body_is_json(ex) && config->max_json < config->max_body,
                   config->max_json, "max-json"},
                  {size > config->upload_above && intake_is_for(ex->req), config->max_upload, "max-upload"},
                  {true, config->max_body, "max-body"}};
    size_t i = 0;
    while (!limits[i].counts)
        i++;
    *ret_name = limits[i].name;
    return limits[i].most;
}

enum status dispatch_size(struct exchange *ex, uint64_t size)
{
    const char *name;
    uint64_t limit = most_bytes(ex, size, &name);
    if (size <= limit)
        return STATUS_OK;
    ex->fault.limit = name;
    return fault_add(&ex->fault, STATUS_TOO_LARGE, "", 0,
                     "the body has %llu bytes, more than %llu (limit %s, set by --%s)", (unsigned long long)size,
                     (unsigned long long)limit, name, name);
}

/* /livez and the like answer while the server drains, and streams can be taken elsewhere. */
static enum status check_draining(struct exchange *ex)
{
    handler *run = ex->route->run;
    if (!ex->req->draining || run == livez_get || run == readyz_get || run == metrics_get || run == stream_state_get)
        return STATUS_OK;
    return fault_add(&ex->fault, STATUS_BUSY, "", 0, "the server is ending and takes no new work; ask another one");
}

/* `takes`: it counts as a request of its client's. */
enum status dispatch_head(struct exchange *ex, bool takes)
{
    TRY(find_route(ex));
    TRY(check_draining(ex));
    TRY(access_check(ex));
    ex->res->client = ex->client->id;
    TRY(admission_enter(ex, takes));
    TRY(check_encoding(ex));
    return check_type(ex);
}
