/* See upload.h. */
#include "tests/support/upload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct api_response upload_of(struct api *of, struct ask a, size_t piece, bool says_length)
{
    enum { MOST = 9000 };
    struct api_response res;
    struct api_request req = request_of(&a);
    const char *body = req.body;
    size_t size = req.body_size, come = 0, kept = 0;
    uint64_t seed = size;
    assert_true(api_takes_pieces(of, &req));
    char *buffer = malloc(size + 1); /* exactly what has come, so that reading past it shows */
    bool good = api_intake_begin(of, &req, says_length ? (int64_t)size : -1, &res);
    while (good && come < size) {
        size_t n = min_size(piece ? piece : 1 + test_random(&seed) % MOST, size - come), used = 0;
        memcpy(buffer + kept, body + come, n);
        come += n;
        kept += n;
        good = api_intake_piece(&res, buffer, kept, &used);
        assert_true(used <= kept);
        if (good)
            memmove(buffer, buffer + used, kept - used);
        kept -= used;
    }
    if (good)
        api_intake_end(&res, buffer, kept);
    free(buffer);
    return res;
}

struct api_response upload(struct ask a, size_t piece)
{
    return upload_of(api, a, piece, piece % 2);
}

const char *upload_body(const struct api_response *res)
{
    char *text = arena_alloc(arena, res->body_size + 1);
    if (res->fd < 0)
        memcpy(text, res->body, res->body_size);
    else
        assert_int_equal(pread(res->fd, text, res->body_size, (off_t)res->fd_at), res->body_size);
    return text;
}
