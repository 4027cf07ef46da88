/* See host.h. */
#include "tests/fuzz/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

void host_require(bool truth)
{
    if (!truth)
        abort();
}

uint32_t host_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static struct api_config small_limits(void)
{
    struct api_config config = api_config_default();
    config.tier = TIER_INTERP;
    config.graph.nodes = 64;
    config.graph.instructions = 4000;
    config.max_body = config.max_json = 1 << 20;
    config.upload_above = 0;
    config.max_width = config.max_height = 512;
    config.max_pixels = 1 << 14;
    config.max_samples = 16;
    config.max_channels = 8;
    config.max_frames = 1 << 14;
    config.max_tail = 0.01;
    config.max_state_bytes = 4 << 20;
    config.max_output_bytes = 1 << 20;
    config.max_upload = config.max_spool_bytes = config.max_spools_bytes = 4 << 20;
    config.max_image_pixels = 1 << 16;
    config.max_image_bytes = config.max_plane_bytes = 4 << 20;
    config.max_response_samples = 1 << 14;
    config.max_request_ms = 5000;
    config.data.max_graphs = 16;
    config.max_streams = 4;
    config.max_arena = 32 << 20;
    config.spool_dir = "/dev/shm";
    return config;
}

static struct api *make_api(int wide)
{
    struct engine_config config = engine_config_default();
    const struct api_config limits = small_limits();
    struct engine *engine;
    struct api *api;
    struct fault fault;
    struct arena *a = arena_new(1 << 20);
    host_require(a && !ARENA_GUARD(a));
    fault_init(&fault, a);
    config.tier = TIER_INTERP;
    config.target = TARGET_NONE;
    config.compilers = 0;
    config.store_dir = NULL;
    config.programs = 8;
    if (!wide)
        config.isa = INTERP_BASE;
    host_require(engine_new(&config, &engine, &fault) == STATUS_OK);
    host_require(api_new(&limits, engine, NULL, &api, &fault) == STATUS_OK);
    arena_free(a);
    return api;
}

struct api *host_api(int wide)
{
    static struct api *apis[2];
    if (!apis[wide])
        apis[wide] = make_api(wide);
    return apis[wide];
}

static const char *header(const struct api_request *req, const char *name)
{
    const struct host_ask *ask = req->user;
    return strcasecmp(name, "Content-Type") ? NULL : ask->type;
}

static const char *query(const struct api_request *req, const char *name)
{
    const struct host_ask *ask = req->user;
    for (const struct host_pair *p = ask->query; p->name; p++)
        if (!strcmp(p->name, name))
            return p->value;
    return NULL;
}

static void each_query(const struct api_request *req, void (*one)(const char *name, const char *value, void *),
                       void *user)
{
    const struct host_ask *ask = req->user;
    for (const struct host_pair *p = ask->query; p->name; p++)
        one(p->name, p->value, user);
}

struct api_request host_request(const struct host_ask *ask)
{
    return (struct api_request){.method = ask->method,
                                .method_name = "FUZZ",
                                .path = ask->path,
                                .header = header,
                                .query = query,
                                .each_query = each_query,
                                .body = ask->body,
                                .body_size = ask->size,
                                .user = (void *)(uintptr_t)ask};
}

static void judge(const struct api_response *res)
{
    if (res->http_status < 200 || res->http_status >= 600 || res->http_status == 500) {
        fprintf(stderr, "status %d: %.*s\n", res->http_status, (int)res->body_size, (const char *)res->body);
        abort();
    }
    host_require(!res->body_size || res->body || res->fd >= 0);
    if (res->http_status >= 400)
        host_require(res->body_size > 2 && ((const char *)res->body)[0] == '{');
}

struct api_response host_ask(struct api *api, const struct host_ask *ask)
{
    struct api_response res;
    struct api_request req = host_request(ask);
    if (api_begin(api, &req, &res) == API_LONG)
        api_finish(api, &req, &res);
    judge(&res);
    return res;
}

struct api_response host_upload(struct api *api, const struct host_ask *ask, uint64_t seed)
{
    enum { MOST = 700 };
    struct api_response res;
    struct api_request req = host_request(ask);
    size_t come = 0, kept = 0;
    host_require(api_takes_pieces(api, &req));
    bool says_length = seed % 2, good = api_intake_begin(api, &req, says_length ? (int64_t)ask->size : -1, &res);
    while (good && come < ask->size) {
        size_t n = 1 + host_random(&seed) % MOST, used = 0;
        if (n > ask->size - come)
            n = ask->size - come;
        come += n;
        kept += n;
        char *piece = malloc(kept); /* exactly what has come, so that reading past it shows */
        host_require(piece);
        memcpy(piece, (const char *)ask->body + come - kept, kept);
        good = api_intake_piece(&res, piece, kept, &used);
        host_require(!good || used <= kept);
        free(piece);
        kept -= good ? used : 0;
    }
    if (good)
        api_intake_end(&res, (const char *)ask->body + come - kept, kept);
    judge(&res);
    return res;
}

char *host_body(const struct api_response *res)
{
    char *text = malloc(res->body_size + 1);
    host_require(text);
    if (res->fd < 0 && res->body_size)
        memcpy(text, res->body, res->body_size);
    else if (res->body_size)
        host_require(pread(res->fd, text, res->body_size, (off_t)res->fd_at) == (ssize_t)res->body_size);
    text[res->body_size] = 0;
    return text;
}
