/* Bytes of any length in data.db: a body is a row and chunks of DATA_PIECE bytes, the last one shorter. A body that is
 * on its way counts towards its bound with what has come; one that nobody needs any more is marked and swept later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/data/data_store_private.h"
#include "core/hash.h"

#define FORGOTTEN "another server took over the store and forgot this upload"

struct data_upload {
    struct data_store *store;
    char owner[DATA_OWNER_SIZE];
    enum body_kind coming; /* BODY_BLOB_COMING or BODY_RESULT_COMING */
    int64_t body;          /* 0: nothing of it is in the store */
    uint64_t size;         /* of what is in the store */
    struct sha256 sha256;
    size_t n;
    uint8_t piece[DATA_PIECE];
};

enum status data_upload_new(struct data_store *s, enum data_kind kind, const char *owner,
                            struct data_upload **ret_upload, struct fault *fault)
{
    struct data_upload *u = malloc(sizeof *u);
    if (!u)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for an upload");
    u->store = s;
    snprintf(u->owner, sizeof u->owner, "%s", owner);
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

const char *data_upload_owner(const struct data_upload *u)
{
    return u->owner;
}

void data_upload_hash(const struct data_upload *u, char ret_hex[DATA_SHA256_HEX])
{
    struct sha256 sha256 = u->sha256; /* may be asked again */
    uint8_t digest[SHA256_SIZE];
    sha256_end(&sha256, digest);
    sha256_hex(digest, ret_hex);
}

int data_body_new(struct data_store *s, enum body_kind kind, int64_t owner, int64_t *ret_body)
{
    TRY_SQL(data_run(&s->writer, SQL_BODY_ADD, "ii", (int64_t)kind, owner));
    *ret_body = sqlite3_last_insert_rowid(s->writer.db);
    return SQLITE_OK;
}

int data_body_add(struct data_store *s, int64_t body, int64_t chunk, const void *p, size_t n)
{
    return data_run(&s->writer, SQL_CHUNK_ADD, "ib", body << DATA_BITS | chunk, p, n);
}

int data_upload_charge(struct data_store *s, enum body_kind coming, int64_t owner, int64_t n)
{
    if (coming == BODY_RESULT_COMING) {
        s->totals.results_bytes += n;
        return data_charge(s, owner, &(struct data_held){.results_bytes = n});
    }
    s->totals.blobs_bytes += n;
    s->totals.coming_bytes += n;
    return data_charge(s, owner, &(struct data_held){.coming_bytes = n});
}

/* What arrives may be there already and then needs no room, which is known at its end. Until then there may be one blob
 * too much, of one owner as of all. */
static int check_blob_room(struct data_store *s, struct data_op *op, const struct data_upload *u, int64_t owner)
{
    struct data_held has;
    uint64_t bound = s->config.max_blobs_bytes, share = data_share(s, u->owner, bound), one = s->config.max_blob_bytes;
    TRY_SQL(data_held(s, owner, &has));
    if ((uint64_t)(has.blobs_bytes + has.coming_bytes) + u->n > share + (one < share ? one : share))
        return data_refuse_share(op, "max-blobs-bytes", share, "bytes of blobs");
    if ((uint64_t)s->totals.blobs_bytes + u->n > bound + (one < bound ? one : bound))
        return data_refuse(op, STATUS_STORE, "max-blobs-bytes",
                           "%lld bytes are kept or arriving already, and there is no room for more (limit "
                           "max-blobs-bytes, set by --max-blobs-bytes)",
                           (long long)s->totals.blobs_bytes);
    return SQLITE_OK;
}

static int check_result_room(struct data_store *s, struct data_op *op, const struct data_upload *u)
{
    const char *limit;
    TRY_SQL(data_results_room(s, u->owner, u->n, &limit));
    return limit ? data_refuse_results(s, op, u->owner, u->n, limit) : SQLITE_OK;
}

/* The piece becomes a chunk. Does not change the upload, since an operation may run again. */
static int store_piece(struct data_store *s, struct data_op *op, const struct data_upload *u, int64_t *io_body)
{
    int64_t owner;
    TRY_SQL(data_owner(s, u->owner, true, &owner));
    TRY_SQL(u->coming == BODY_BLOB_COMING ? check_blob_room(s, op, u, owner) : check_result_room(s, op, u));
    if (op->status != STATUS_OK)
        return SQLITE_OK;
    if (!*io_body)
        TRY_SQL(data_body_new(s, u->coming, owner, io_body));
    TRY_SQL(data_body_add(s, *io_body, (int64_t)(u->size / DATA_PIECE), u->piece, u->n));
    TRY_SQL(data_run(&s->writer, SQL_BODY_GROW, "iii", *io_body, (int64_t)u->n, (int64_t)u->coming));
    if (sqlite3_changes(s->writer.db) != 1)
        return data_refuse(op, STATUS_STORE, NULL, FORGOTTEN);
    return data_upload_charge(s, u->coming, owner, (int64_t)u->n);
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

/* However many others are deleted. */
static enum status check_ever_fits(const struct data_upload *u, size_t n, struct fault *fault)
{
    uint64_t bound = u->store->config.max_blobs_bytes, share = data_share(u->store, u->owner, bound);
    const char *limit = share < bound ? data_limit_share : "max-blobs-bytes";
    if (data_upload_size(u) + n <= share)
        return STATUS_OK;
    fault->limit = limit;
    return fault_add(fault, STATUS_TOO_LARGE, "", 0,
                     "the blob has more bytes than all of %s together may have here, %llu (limit %s, set by --%s; less "
                     "without a store)",
                     share < bound ? "one client" : "them", (unsigned long long)share, limit, limit);
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
    if (u->coming == BODY_BLOB_COMING)
        TRY(check_ever_fits(u, n, fault));
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
    int64_t owner;
    TRY_SQL(data_run(&s->writer, SQL_BODY_KIND, "iii", u->body, (int64_t)BODY_GARBAGE, (int64_t)u->coming));
    if (!sqlite3_changes(s->writer.db))
        return SQLITE_OK;
    s->sweeping = true;
    TRY_SQL(data_owner(s, u->owner, false, &owner));
    return data_upload_charge(s, u->coming, owner, -(int64_t)u->size);
}

/* Ended uploads are of another kind already, or have no body. */
void data_upload_free(struct data_upload *u)
{
    struct arena *arena = u && u->body ? arena_new(1 << 16) : NULL;
    if (arena && !ARENA_GUARD(arena)) {
        struct drop_op d = {.op = {.run = drop_upload, .frees = true}, .upload = u};
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
