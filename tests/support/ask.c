/* See ask.h. */
#include "tests/support/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/exchange.h"
#include "api/json/json.h"
#include "api/load/pool.h"

struct api *api;
struct engine *engine;
struct pool *pool;
struct arena *arena;

static const char *header(const struct api_request *req, const char *name)
{
    const struct ask *a = req->user;
    for (size_t i = 0; i < sizeof a->more / sizeof *a->more; i++)
        if (a->more[i].name && !strcasecmp(a->more[i].name, name))
            return a->more[i].value;
    if (!strcasecmp(name, "Content-Type"))
        return a->type;
    if (!strcasecmp(name, "Accept"))
        return a->accept;
    if (!strcasecmp(name, "Content-Encoding"))
        return a->encoding;
    return !strcasecmp(name, "If-None-Match") ? a->if_none_match : NULL;
}

static const char *query(const struct api_request *req, const char *name)
{
    const struct ask *a = req->user;
    for (size_t i = 0; i < a->n_pairs; i++)
        if (!strcmp(a->pairs[i].name, name))
            return a->pairs[i].value;
    return NULL;
}

static void each_query(const struct api_request *req, void (*one)(const char *name, const char *value, void *),
                       void *user)
{
    const struct ask *a = req->user;
    for (size_t i = 0; i < a->n_pairs; i++)
        one(a->pairs[i].name, a->pairs[i].value, user);
}

static bool gone(const struct api_request *req)
{
    return ((const struct ask *)req->user)->gone;
}

static void split_query(struct ask *a)
{
    a->n_pairs = 0;
    if (!a->query)
        return;
    snprintf(a->text, sizeof a->text, "%s", a->query);
    for (char *at = a->text; at && *at;) {
        char *next = strchr(at, '&'), *equals = strchr(at, '=');
        if (next)
            *next++ = 0;
        *equals = 0;
        a->pairs[a->n_pairs++] = (struct pair){at, equals + 1};
        at = next;
    }
}

struct api_request request_of(struct ask *a)
{
    split_query(a);
    return (struct api_request){.method = a->method,
                                .method_name = "TEST",
                                .path = a->path,
                                .header = header,
                                .query = query,
                                .each_query = each_query,
                                .body = a->body,
                                .body_size = a->size   ? a->size
                                             : a->body ? strlen(a->body)
                                                       : 0,
                                .client_gone = gone,
                                .user = a,
                                .peer = a->peer,
                                .draining = a->draining};
}

struct api_response ask_of(struct api *of, struct ask a)
{
    struct api_response res;
    struct api_request req = request_of(&a);
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    return res;
}

struct api_response ask(struct ask a)
{
    return ask_of(api, a);
}

struct api_response post(const char *path, const char *json)
{
    return ask((struct ask){.method = METHOD_POST, .path = path, .type = "application/json", .body = json});
}

struct api_response get(const char *path, const char *text)
{
    return ask((struct ask){.method = METHOD_GET, .path = path, .query = text});
}

const char *header_of(const struct api_response *res, const char *name)
{
    for (size_t i = 0; i < res->n_headers; i++)
        if (!strcasecmp(res->headers[i].name, name))
            return res->headers[i].value;
    return "";
}

char *body_of(const struct api_response *res)
{
    return arena_strndup(arena, res->body, res->body_size);
}

struct datum *json_of(const char *text, size_t n)
{
    struct fault fault;
    struct datum *root = NULL;
    struct json_limits limits = {.max_bytes = n, .max_depth = 64};
    fault_init(&fault, arena);
    assert_int_equal(json_read(text, n, &limits, arena, &root, &fault), STATUS_OK);
    return root;
}

/* The answer is a problem with this slug, whose first error points here. */
void assert_problem(struct api_response res, enum status status, const char *pointer, const char *detail_has)
{
    char *text = body_of(&res);
    if (res.http_status != status_http(status))
        fail_msg("status %d instead of %d: %s", res.http_status, status_http(status), text);
    assert_string_equal(header_of(&res, "Content-Type"), "application/problem+json");
    struct datum *root = json_of(text, strlen(text));
    const struct datum *errors = datum_get(root, "errors");
    char type[64];
    snprintf(type, sizeof type, "/errors/%s", status_slug(status));
    assert_string_equal(datum_get(root, "type")->string, type);
    assert_true(datum_get(root, "status")->number == status_http(status));
    assert_string_equal(datum_get(root, "title")->string, status_title(status));
    if (pointer && (!errors->n || strcmp(datum_get(&errors->items[0], "pointer")->string, pointer) != 0))
        fail_msg("no pointer %s in %s", pointer, text);
    if (detail_has && !strstr(text, detail_has))
        fail_msg("no \"%s\" in %s", detail_has, text);
    assert_string_equal(header_of(&res, "ETag"), "");
    api_response_done(&res);
}

void assert_limit(struct api_response res, const char *limit, const char *pointer)
{
    assert_non_null(res.limit);
    assert_string_equal(res.limit, limit);
    assert_problem(res, STATUS_LIMIT, pointer, arena_printf(arena, "--%s", limit));
}

void assert_ok(const struct api_response *res)
{
    if (res->http_status != 200)
        fail_msg("status %d: %.*s", res->http_status, (int)res->body_size, (const char *)res->body);
}

void assert_same_body(struct api_response a, struct api_response b)
{
    assert_ok(&a);
    assert_ok(&b);
    assert_int_equal(a.body_size, b.body_size);
    assert_memory_equal(a.body, b.body, a.body_size);
    api_response_done(&a);
    api_response_done(&b);
}

struct api_response process_raw(const char *text, const void *data, size_t n)
{
    return ask((struct ask){.method = METHOD_POST,
                            .path = "/process",
                            .query = text,
                            .type = "application/octet-stream",
                            .body = data,
                            .size = n});
}

/* An api with other limits, in memory. */
struct api *small_api(struct api_config config)
{
    struct fault fault;
    struct api *other;
    fault_init(&fault, arena);
    assert_int_equal(api_new(&config, engine, pool, &other, &fault), STATUS_OK);
    return other;
}

int ask_set_up(void **state)
{
    (void)state;
    struct fault fault;
    struct engine_config config = engine_config_default();
    struct api_config api_config = api_config_default();
    arena = arena_new((size_t)1 << 30);
    if (ARENA_GUARD(arena))
        return -1;
    fault_init(&fault, arena);
    config.tier = TIER_INTERP;
    config.compilers = 0;
    config.store_dir = NULL;
    pool = pool_new(2);
    return engine_new(&config, &engine, &fault) != STATUS_OK ||
           api_new(&api_config, engine, pool, &api, &fault) != STATUS_OK;
}

int ask_tear_down(void **state)
{
    (void)state;
    pool_free(pool);
    api_free(api);
    engine_free(engine);
    arena_free(arena);
    return 0;
}

char *path_of_route(const struct route *route)
{
    char *path = arena_strdup(arena, route->pattern), *brace = strchr(path, '{');
    if (brace)
        memmove(brace, strchr(brace, '}'), strlen(strchr(brace, '}')) + 1), *brace = 'x';
    return path;
}
