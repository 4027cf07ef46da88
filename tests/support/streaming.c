/* See streaming.h. */
#include "tests/support/streaming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fed fed_of(struct api *of, struct api_response *res)
{
    struct fed s = {.api = of};
    if (res->http_status != 201)
        fail_msg("status %d: %s", res->http_status, body_of(res));
    struct datum *root = json_of(res->body, res->body_size);
    s.path = arena_strdup(arena, header_of(res, "Location"));
    s.seq = (uint64_t)datum_get(root, "seq")->number;
    s.frame_in = (size_t)datum_get(root, "channels")->number * sizeof(float);
    s.frame_out = (size_t)datum_get(root, "channels_out")->number * sizeof(float);
    api_response_done(res);
    return s;
}

struct fed stream_open(struct api *of, const char *members)
{
    const char *body = arena_printf(arena, "{%s}", members);
    struct api_response res =
        ask_of(of, (struct ask){.method = METHOD_POST, .path = "/streams", .type = "application/json", .body = body});
    return fed_of(of, &res);
}

static struct api_response block(const struct fed *s, const char *query, const void *data, size_t n)
{
    return ask_of(s->api, (struct ask){.method = METHOD_POST,
                                       .path = s->path,
                                       .query = query,
                                       .type = "application/octet-stream",
                                       .body = n ? data : NULL,
                                       .size = n});
}

struct api_response stream_send(const struct fed *s, uint64_t seq, const void *data, size_t n)
{
    return block(s, arena_printf(arena, "seq=%llu", (unsigned long long)seq), data, n);
}

struct api_response stream_silence(const struct fed *s, uint64_t seq, uint64_t frames)
{
    return block(s, arena_printf(arena, "seq=%llu&frames=%llu", (unsigned long long)seq, (unsigned long long)frames),
                 NULL, 0);
}

struct api_response stream_patch(const struct fed *s, const char *json)
{
    return ask_of(s->api,
                  (struct ask){.method = METHOD_PATCH, .path = s->path, .type = "application/json", .body = json});
}

struct api_response stream_get(const struct fed *s, const char *tail)
{
    return ask_of(s->api, (struct ask){.method = METHOD_GET, .path = arena_printf(arena, "%s%s", s->path, tail)});
}

struct api_response stream_delete(const struct fed *s)
{
    return ask_of(s->api, (struct ask){.method = METHOD_DELETE, .path = s->path});
}

struct api_response stream_import(struct api *of, const void *state, size_t n)
{
    return ask_of(
        of,
        (struct ask){
            .method = METHOD_POST, .path = "/streams", .type = "application/octet-stream", .body = state, .size = n});
}

double stream_number(const struct fed *s, const char *member)
{
    struct api_response res = stream_get(s, "");
    assert_ok(&res);
    double v = datum_get(json_of(res.body, res.body_size), member)->number;
    api_response_done(&res);
    return v;
}

void stream_feed(struct fed *s, const float *in, size_t from, size_t to, size_t piece, float *out)
{
    uint64_t seed = 7;
    char *to_bytes = (char *)out;
    for (size_t at = from, n; at < to; at += n) {
        n = piece ? piece : test_random(&seed) % 900 + 1;
        n = n < to - at ? n : to - at;
        const char *data = (const char *)in + at * s->frame_in;
        struct api_response res = in ? stream_send(s, s->seq, data, n * s->frame_in) : stream_silence(s, s->seq, n);
        assert_ok(&res);
        assert_int_equal(res.body_size, n * s->frame_out);
        memcpy(to_bytes + at * s->frame_out, res.body, res.body_size);
        api_response_done(&res);
        s->seq++;
    }
}
