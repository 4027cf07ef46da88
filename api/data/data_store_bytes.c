/* Bytes of any length in data.db: a body is a row and chunks of DATA_PIECE bytes, the last one shorter. A body that is
 * on its way counts towards its bound with what has come; one that nobody needs any more is marked and swept later. */
#include <stdlib.h>
#include <string.h>

#include "api/data/data_store_private.h"
#include "core/hash.h"

#define FORGOTTEN "another server took over the store and forgot this upload"

struct data_upload {
    struct data_store *store;
    enum body_kind coming; /* BODY_BLOB_COMING or BODY_RESULT_COMING */
    int64_t body;          /* 0: nothing of it is in the store */
    uint64_t size;         /* of what is in the store */
    struct sha256 sha256;
    size_t n;
    uint8_t piece[DATA_PIECE];
};

enum status data_upload_new(struct data_store *s, enum data_kind kind, struct data_upload **ret_upload,
                            struct fault *fault)
{
    struct data_upload *u = malloc(sizeof *u);
    if (!u)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for an upload");
    u->store = s;
    u->coming = kind == DATA_BLOB ? BODY_BLOB_COMING : BODY_RESULT_COMING;
    u->body = 0;
    u->size = u->n = 0;
    sha256_init(&u->sha256);
    *ret_upload = u;
    return STATUS_OK;
}

uint64_t data_upload_size(const struct data_upload *u)
{
    return u->size + u->n;
}

struct data_store *data_upload_store(const struct data_upload *u)
{
    return u->store;
}

void data_upload_hash(const struct data_upload *u, char ret_hex[DATA_SHA256_HEX])
{
    struct sha256 sha256 = u->sha256; /* may be asked again */
    uint8_t digest[SHA256_SIZE];
    sha256_end(&sha256, digest);
    sha256_hex(digest, ret_hex);
}

int data_body_new(struct data_store *s, enum body_kind kind, int64_t *ret_body)
{
    TRY_SQL(data_run(&s->writer, SQL_BODY_ADD, "i", (int64_t)kind));
    *ret_body = sqlite3_last_insert_rowid(s->writer.db);
    return SQLITE_OK;
}

int data_body_add(struct data_store *s, int64_t body, int64_t chunk, const void *p, size_t n)
{
    return data_run(&s->writer, SQL_CHUNK_ADD, "ib", body << DATA_BITS | chunk, p, n);
}

/* The piece becomes a chunk. Does not change the upload, since an operation may run again. */
static int store_piece(struct data_store *s, struct data_op *op, const struct data_upload *u, int64_t *io_body)
{
    bool blob = u->coming == BODY_BLOB_COMING;
    int64_t *total = blob ? &s->totals.blobs_bytes : &s->totals.results_bytes;
    uint64_t bound = blob ? s->config.max_blobs_bytes : s->config.max_results_bytes;
    bool fits = (uint64_t)*total + u->n <= bound;
    if (!fits && !blob)
        TRY_SQL(data_results_room(s, 0, u->n, &fits));
    if (!fits)
        return data_refuse(op, STATUS_STORE, blob ? "max-blobs-bytes" : "max-results-bytes",
                           "%lld bytes are kept already, and there is no room for more (limit %s, set by --%s)",
                           (long long)*total, blob ? "max-blobs-bytes" : "max-results-bytes",
                           blob ? "max-blobs-bytes" : "max-results-bytes");
    if (!*io_body)
        TRY_SQL(data_body_new(s, u->coming, io_body));
    TRY_SQL(data_body_add(s, *io_body, (int64_t)(u->size / DATA_PIECE), u->piece, u->n));
    TRY_SQL(data_run(&s->writer, SQL_BODY_GROW, "iii", *io_body, (int64_t)u->n, (int64_t)u->coming));
    if (sqlite3_changes(s->writer.db) != 1)
        return data_refuse(op, STATUS_STORE, NULL, FORGOTTEN);
    *total += (int64_t)u->n;
    return SQLITE_OK;
}

struct piece_op {
    struct data_op op;
    const struct data_upload *upload;
    int64_t body;
};

static int add_piece(struct data_store *s, struct data_op *op)
{
    struct piece_op *p = (struct piece_op *)op;
    p->body = p->upload->body;
    return store_piece(s, op, p->upload, &p->body);
}

static enum status flush(struct data_upload *u, struct fault *fault)
{
    struct piece_op p = {.op.run = add_piece, .upload = u};
    TRY(data_submit(u->store, &p.op, fault));
    u->body = p.body;
    u->size += u->n;
    u->n = 0;
    return STATUS_OK;
}

enum status data_upload_add(struct data_upload *u, const void *data, size_t n, struct fault *fault)
{
    const uint8_t *from = data;
    uint64_t most = u->coming == BODY_BLOB_COMING ? u->store->config.max_blob_bytes : (uint64_t)1 << 39;
    if (n > most || data_upload_size(u) > most - n) {
        fault->limit = "max-blob-bytes";
        return fault_add(fault, STATUS_TOO_LARGE, "", 0,
                         "the blob has more than %llu bytes (limit max-blob-bytes, set by --max-blob-bytes)",
                         (unsigned long long)most);
    }
    if (u->coming == BODY_BLOB_COMING && data_upload_size(u) + n > u->store->config.max_blobs_bytes) {
        fault->limit = "max-blobs-bytes"; /* however many others are deleted */
        return fault_add(fault, STATUS_TOO_LARGE, "", 0,
                         "the blob has more bytes than all together may have here, %llu (limit max-blobs-bytes, set by "
                         "--max-blobs-bytes; less without a store)",
                         (unsigned long long)u->store->config.max_blobs_bytes);
    }
    if (u->coming == BODY_BLOB_COMING)
        sha256_add(&u->sha256, data, n);
    while (n) {
        if (u->n == DATA_PIECE)
            TRY(flush(u, fault));
        size_t m = n < DATA_PIECE - u->n ? n : DATA_PIECE - u->n;
        memcpy(u->piece + u->n, from, m);
        u->n += m;
        from += m;
        n -= m;
    }
    return STATUS_OK;
}

int data_upload_finish(struct data_store *s, struct data_op *op, struct data_upload *u, enum body_kind kind,
                       struct data_bytes *ret_bytes)
{
    *ret_bytes = (struct data_bytes){u->body, data_upload_size(u)};
    if (u->n || kind == BODY_BLOB) /* even an empty blob is one */
        TRY_SQL(store_piece(s, op, u, &ret_bytes->id));
    if (op->status != STATUS_OK || !ret_bytes->id)
        return SQLITE_OK;
    TRY_SQL(data_run(&s->writer, SQL_BODY_KIND, "iii", ret_bytes->id, (int64_t)kind, (int64_t)u->coming));
    if (sqlite3_changes(s->writer.db) != 1)
        return data_refuse(op, STATUS_STORE, NULL, FORGOTTEN);
    return SQLITE_OK;
}

struct drop_op {
    struct data_op op;
    const struct data_upload *upload;
};

static int drop_upload(struct data_store *s, struct data_op *op)
{
    const struct data_upload *u = ((struct drop_op *)op)->upload;
    TRY_SQL(data_run(&s->writer, SQL_BODY_KIND, "iii", u->body, (int64_t)BODY_GARBAGE, (int64_t)u->coming));
    if (!sqlite3_changes(s->writer.db))
        return SQLITE_OK;
    *(u->coming == BODY_BLOB_COMING ? &s->totals.blobs_bytes : &s->totals.results_bytes) -= (int64_t)u->size;
    s->sweeping = true;
    return SQLITE_OK;
}

/* Ended uploads are of another kind already, or have no body. */
void data_upload_free(struct data_upload *u)
{
    struct arena *arena = u && u->body ? arena_new(1 << 16) : NULL;
    if (arena && !ARENA_GUARD(arena)) {
        struct drop_op d = {.op.run = drop_upload, .upload = u};
        struct fault none;
        fault_init(&none, arena);
        (void)!data_submit(u->store, &d.op, &none);
    }
    arena_free(arena);
    free(u);
}

static int read_part(struct data_conn *c, int64_t chunk, int at, void *to, int n)
{
    sqlite3_blob *blob = NULL;
    int rc = sqlite3_blob_open(c->db, "main", "chunks", "data", chunk, 0, &blob);
    if (rc == SQLITE_OK)
        rc = sqlite3_blob_read(blob, to, n, at);
    sqlite3_blob_close(blob);
    return rc;
}

enum status data_read(struct data_store *s, struct data_bytes from, uint64_t at, void *ret_bytes, size_t n,
                      struct fault *fault)
{
    uint8_t *to = ret_bytes;
    int rc = SQLITE_OK;
    if (!n)
        return STATUS_OK;
    struct data_reader *r = data_read_begin(s, fault);
    if (!r)
        return STATUS_STORE;
    while (n && rc == SQLITE_OK) {
        size_t start = at % DATA_PIECE, m = n < DATA_PIECE - start ? n : DATA_PIECE - start;
        rc = read_part(r->conn, from.id << DATA_BITS | (int64_t)(at / DATA_PIECE), (int)start, to, (int)m);
        to += m;
        at += m;
        n -= m;
    }
    bool gone = rc == SQLITE_ERROR; /* no such row */
    TRY(data_read_end(s, r, gone ? SQLITE_OK : rc, fault));
    if (gone)
        return fault_add(fault, STATUS_NOT_FOUND, "", 0, "these bytes were deleted meanwhile");
    return STATUS_OK;
}
