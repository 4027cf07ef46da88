/* POST /blobs, GET and DELETE /blobs/{sha256}. A blob belongs to whoever has stored it; to others it does not exist. */
#include "api/jobs/blobs.h"

#include <string.h>

#include "api/bytes/stream.h"
#include "api/data/data_store.h"
#include "api/etag.h"
#include "api/json/json_write.h"
#include "api/room.h"

enum { PIECE = 128 << 10 };

const double blobs_byte_s = 1e-8;

/* ---- storing ---- */

static void release_upload(void *user)
{
    data_upload_free(user);
}

static enum status check_size(struct exchange *ex, uint64_t size)
{
    uint64_t most = ex->api->config.data.max_blob_bytes;
    if (size <= most)
        return STATUS_OK;
    ex->fault.limit = "max-blob-bytes";
    return fault_add(&ex->fault, STATUS_TOO_LARGE, "", 0,
                     "a blob has at most %llu bytes (limit max-blob-bytes, set by --max-blob-bytes)",
                     (unsigned long long)most);
}

static enum status begin(struct exchange *ex)
{
    struct data_upload *upload;
    void **slot = exchange_defer(ex, release_upload);
    TRY(data_upload_new(ex->api->data, DATA_BLOB, ex->client->id, &upload, &ex->fault));
    *slot = ex->work = upload;
    return STATUS_OK;
}

static void write_answer(struct exchange *ex, const char *sha256, uint64_t size)
{
    struct json_writer w;
    const char *path = arena_printf(ex->arena, "/blobs/%s", sha256);
    json_writer_init(&w, ex->arena);
    json_object(&w, NULL);
    json_string(&w, "sha256", sha256);
    json_uint(&w, "size", size);
    json_string(&w, "path", path);
    json_object_end(&w);
    text_add(&w.text, "\n");
    answer_header(ex, "Location", path);
    answer_header(ex, "Cache-Control", "no-store");
    answer_body(ex, 201, "application/json", w.text.s, w.text.n);
}

static enum status end(struct exchange *ex)
{
    char sha256[DATA_SHA256_HEX];
    uint64_t size;
    TRY(data_blob_end(ex->work, sha256, &size, &ex->fault));
    write_answer(ex, sha256, size);
    return STATUS_OK;
}

static enum status store_whole(struct exchange *ex)
{
    TRY(check_size(ex, ex->req->body_size));
    TRY(begin(ex));
    TRY(data_upload_add(ex->work, ex->req->body, ex->req->body_size, &ex->fault));
    return end(ex);
}

enum status blobs_post(struct exchange *ex)
{
    return exchange_long(ex, store_whole);
}

/* ---- while it arrives ---- */

struct arriving {
    struct data_upload *upload;
    uint64_t taken;
};

bool blobs_intake_is_for(const struct api_request *req)
{
    return req->method == METHOD_POST && !strcmp(req->path, "/blobs");
}

/* On a thread that serves connections: nothing is stored yet. */
enum status blobs_intake_begin(struct exchange *ex, int64_t content_length)
{
    if (content_length > 0)
        TRY(check_size(ex, (uint64_t)content_length));
    ex->work = ARENA_NEW(ex->arena, struct arriving);
    return STATUS_OK;
}

/* Only the store's work counts against the deadline, not the time in which the client sends. */
enum status blobs_intake_piece(struct exchange *ex, const void *data, size_t n, size_t *ret_used)
{
    struct arriving *a = ex->work;
    ex->deadline_ms = exchange_clock_ms() + ex->api->config.max_request_ms;
    if (!a->upload) {
        TRY(begin(ex));
        a->upload = ex->work;
        ex->work = a;
    }
    a->taken += n;
    TRY(check_size(ex, a->taken));
    TRY(data_upload_add(a->upload, data, n, &ex->fault));
    *ret_used = n;
    return STATUS_OK;
}

enum status blobs_intake_end(struct exchange *ex, const void *data, size_t n)
{
    struct arriving *a = ex->work;
    size_t used;
    TRY(blobs_intake_piece(ex, data, n, &used));
    ex->work = a->upload;
    return end(ex);
}

/* ---- reading, deleting ---- */

static enum status no_blob(struct exchange *ex, size_t before)
{
    ex->fault.count = before;
    ex->fault.status = STATUS_OK;
    return fault_add(&ex->fault, STATUS_NOT_FOUND, "", 0,
                     "no blob %.64s of yours is stored here; one that nobody uses is forgotten in time (setting "
                     "blob-age)",
                     ex->rest);
}

struct reading {
    struct exchange *ex;
    struct data_bytes bytes;
    uint64_t at;
    uint8_t *piece;
};

static enum status read_work(void *user, struct sink *s, bool (*full)(struct sink *s), bool *ret_done)
{
    struct reading *r = user;
    struct exchange *ex = r->ex;
    ex->deadline_ms = exchange_clock_ms() + ex->api->config.max_request_ms; /* of a turn */
    while (r->at < r->bytes.size && !full(s)) {
        uint64_t left = r->bytes.size - r->at;
        size_t n = left < PIECE ? (size_t)left : PIECE;
        enum status alive = exchange_alive(ex, 0);
        if (alive != STATUS_OK)
            return exchange_ended(ex, alive);
        TRY(data_read(ex->api->data, r->bytes, r->at, r->piece, n, &ex->fault));
        sink_put(s, r->piece, n);
        r->at += n;
    }
    *ret_done = r->at == r->bytes.size;
    return s->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static void read_end(void *user)
{
    (void)user;
}

static enum status read_blob(struct exchange *ex)
{
    struct reading *r = ARENA_NEW(ex->arena, struct reading);
    const struct stream_source source = {read_work, read_end, r};
    const char *owner = ex->client->roles & ROLE_ADMIN ? NULL : ex->client->id;
    size_t before = ex->fault.count;
    r->ex = ex;
    enum status status = data_blob_find(ex->api->data, owner, ex->rest, &r->bytes, &ex->fault);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? no_blob(ex, before) : status;
    answer_header(ex, "Cache-Control", "private, max-age=31536000, immutable");
    if (etag_is(ex, ex->rest))
        return STATUS_OK;
    r->piece = arena_alloc(ex->arena, PIECE);
    answer_body(ex, 200, "application/octet-stream", r->piece, r->bytes.size);
    if (r->bytes.size > PIECE)
        return stream_begin(ex, &source);
    return r->bytes.size ? data_read(ex->api->data, r->bytes, 0, r->piece, r->bytes.size, &ex->fault) : STATUS_OK;
}

enum status blobs_get(struct exchange *ex)
{
    return exchange_long(ex, read_blob);
}

static enum status delete_blob(struct exchange *ex)
{
    size_t before = ex->fault.count;
    enum status status = data_blob_delete(ex->api->data, ex->client->id, ex->rest, &ex->fault);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? no_blob(ex, before) : status;
    answer_body(ex, 204, NULL, "", 0);
    return STATUS_OK;
}

enum status blobs_delete(struct exchange *ex)
{
    return exchange_long(ex, delete_blob);
}
