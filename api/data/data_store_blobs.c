/* Blobs in data.db: bodies by their SHA-256, held by whoever uploaded them. A blob that nobody holds and no job reads
 * is garbage. */
#include <string.h>

#include "api/data/data_store_private.h"

int data_blob_forget(struct data_store *s, int64_t body)
{
    int64_t size;
    s->owners_due = true;
    TRY_SQL(data_run(&s->writer, SQL_BLOB_FORGET, "i", body));
    if (!sqlite3_changes(s->writer.db))
        return SQLITE_OK;
    TRY_SQL(data_number(&s->writer, &size, 0, SQL_BODY_SIZE, "ii", body, (int64_t)BODY_BLOB));
    TRY_SQL(data_run(&s->writer, SQL_BODY_KIND, "iii", body, (int64_t)BODY_GARBAGE, (int64_t)BODY_BLOB));
    s->totals.blobs--;
    s->totals.blobs_bytes -= size;
    s->sweeping = true;
    return SQLITE_OK;
}

int data_holder_drop(struct data_store *s, int64_t owner, int64_t body, bool *ret_was)
{
    int64_t size;
    TRY_SQL(data_number(&s->writer, &size, 0, SQL_BODY_SIZE, "ii", body, (int64_t)BODY_BLOB));
    TRY_SQL(data_run(&s->writer, SQL_HOLDER_DROP, "ii", owner, body));
    *ret_was = sqlite3_changes(s->writer.db) != 0;
    return *ret_was ? data_charge(s, owner, &(struct data_held){.blobs_bytes = -size}) : SQLITE_OK;
}

struct blob_op {
    struct data_op op;
    struct data_upload *upload;
    const char *owner, *sha256;
};

/* What arrived counts as kept from here on. */
static int end_new(struct data_store *s, struct blob_op *b, const struct data_bytes *bytes)
{
    uint64_t kept = (uint64_t)(s->totals.blobs_bytes - s->totals.coming_bytes), most = s->config.max_blobs_bytes;
    if (kept > most)
        return data_refuse(&b->op, STATUS_STORE, "max-blobs-bytes",
                           "with this blob %llu bytes would be kept (limit max-blobs-bytes, set by --max-blobs-bytes)",
                           (unsigned long long)kept);
    s->totals.blobs++;
    return data_run(&s->writer, SQL_BLOB_ADD, "it", bytes->id, b->sha256);
}

static int hold(struct data_store *s, struct blob_op *b, int64_t body, uint64_t size)
{
    int64_t owner, held;
    struct data_held has;
    uint64_t share = data_share(s, b->owner, s->config.max_blobs_bytes);
    TRY_SQL(data_owner(s, b->owner, true, &owner));
    TRY_SQL(data_number(&s->writer, &held, 0, SQL_HOLDER_GET, "ii", owner, body));
    TRY_SQL(data_held(s, owner, &has));
    if (!held && (uint64_t)has.blobs_bytes + size > share)
        return data_refuse_share(&b->op, "max-blobs-bytes", share, "bytes of blobs");
    const struct data_held more = {.coming_bytes = -(int64_t)size, .blobs_bytes = held ? 0 : (int64_t)size};
    TRY_SQL(data_charge(s, owner, &more));
    return data_run(&s->writer, SQL_HOLDER_ADD, "iii", owner, body, data_now_ms());
}

/* The bytes are there already under this hash: what was uploaded is garbage. */
static int end_known(struct data_store *s, const struct data_bytes *bytes)
{
    TRY_SQL(data_run(&s->writer, SQL_BODY_KIND, "iii", bytes->id, (int64_t)BODY_GARBAGE, (int64_t)BODY_BLOB));
    s->totals.blobs_bytes -= (int64_t)bytes->size;
    s->sweeping = true;
    return SQLITE_OK;
}

static int end_blob(struct data_store *s, struct data_op *op)
{
    struct blob_op *b = (struct blob_op *)op;
    struct data_bytes bytes;
    int64_t body;
    TRY_SQL(data_upload_finish(s, op, b->upload, BODY_BLOB, &bytes));
    if (op->status != STATUS_OK)
        return SQLITE_OK;
    s->totals.coming_bytes -= (int64_t)bytes.size;
    TRY_SQL(data_number(&s->writer, &body, 0, SQL_BLOB_GET, "t", b->sha256));
    TRY_SQL(body ? end_known(s, &bytes) : end_new(s, b, &bytes));
    return op->status == STATUS_OK ? hold(s, b, body ? body : bytes.id, bytes.size) : SQLITE_OK;
}

enum status data_blob_end(struct data_upload *u, char ret_sha256[DATA_SHA256_HEX], uint64_t *ret_size,
                          struct fault *fault)
{
    char hex[DATA_SHA256_HEX];
    data_upload_hash(u, hex);
    struct blob_op b = {.op.run = end_blob, .upload = u, .owner = data_upload_owner(u), .sha256 = hex};
    TRY(data_submit(data_upload_store(u), &b.op, fault));
    memcpy(ret_sha256, hex, sizeof hex);
    *ret_size = data_upload_size(u);
    return STATUS_OK;
}

static void touch(struct data_store *s, int64_t body)
{
    pthread_mutex_lock(&s->lock);
    bool there = false;
    for (int i = 0; i < s->n_touched; i++)
        there |= s->touched[i] == body;
    if (!there && s->n_touched < DATA_TOUCHED)
        s->touched[s->n_touched++] = body;
    pthread_mutex_unlock(&s->lock);
}

enum status data_blob_find(struct data_store *s, const char *owner, const char *sha256, struct data_bytes *ret_bytes,
                           struct fault *fault)
{
    sqlite3_stmt *row;
    struct data_bytes found = {0};
    struct data_reader *r = data_read_begin(s, fault);
    if (!r)
        return STATUS_STORE;
    int rc = owner ? data_row(r->conn, &row, SQL_BLOB_FIND_OF, "tt", sha256, owner)
                   : data_row(r->conn, &row, SQL_BLOB_FIND, "t", sha256);
    if (rc == SQLITE_ROW)
        found = (struct data_bytes){sqlite3_column_int64(row, 0), (uint64_t)sqlite3_column_int64(row, 1)};
    data_end(row);
    TRY(data_read_end(s, r, rc, fault));
    if (!found.id)
        return fault_add(fault, STATUS_NOT_FOUND, "", 0, "there is no blob %.64s here; POST /blobs makes one", sha256);
    touch(s, found.id);
    *ret_bytes = found;
    return STATUS_OK;
}

static int drop_blob(struct data_store *s, struct data_op *op)
{
    const struct blob_op *b = (struct blob_op *)op;
    int64_t body, owner, reads;
    bool held;
    TRY_SQL(data_number(&s->writer, &body, 0, SQL_BLOB_GET, "t", b->sha256));
    TRY_SQL(data_owner(s, b->owner, false, &owner));
    TRY_SQL(data_number(&s->writer, &reads, 0, SQL_BLOB_READER, "ii", owner, body));
    if (reads)
        return data_refuse(op, STATUS_CONFLICT, NULL, "a job that has not ended reads this blob");
    TRY_SQL(data_holder_drop(s, owner, body, &held));
    if (!held)
        return data_refuse(op, STATUS_NOT_FOUND, NULL, "there is no blob %.64s here", b->sha256);
    return data_blob_forget(s, body);
}

enum status data_blob_delete(struct data_store *s, const char *owner, const char *sha256, struct fault *fault)
{
    struct blob_op b = {.op = {.run = drop_blob, .frees = true}, .owner = owner, .sha256 = sha256};
    return data_submit(s, &b.op, fault);
}
