/* What data.db looks like, from its first version on, and whether a file can be one. Changes nothing but by a
 * migration, which is one transaction. */
#include <stdio.h>
#include <string.h>

#include "api/data/data_store_private.h"

/* What leads from version i to i + 1. Never changed once released: what stands in files now was made by these. */
static const char *const migrations[DATA_SCHEMA] = {
    "CREATE TABLE graphs (id TEXT PRIMARY KEY, canonical TEXT NOT NULL, stored_at INTEGER NOT NULL) WITHOUT ROWID;",

    "CREATE TABLE totals (one INTEGER PRIMARY KEY CHECK (one = 1), graphs INTEGER NOT NULL, graphs_bytes INTEGER NOT "
    "NULL,"
    " blobs INTEGER NOT NULL, blobs_bytes INTEGER NOT NULL, results_bytes INTEGER NOT NULL, jobs INTEGER NOT NULL,"
    " jobs_ended INTEGER NOT NULL, items INTEGER NOT NULL, items_bytes INTEGER NOT NULL, running INTEGER NOT NULL);"
    "INSERT INTO totals SELECT 1, count(*), " DATA_GRAPHS_ROOM ", 0, 0, 0, 0, 0, 0, 0, 0"
    " FROM graphs;"
    "CREATE TABLE owners (owner INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    /* bytes in chunks; kind: enum body_kind */
    "CREATE TABLE bodies (body INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, size INTEGER NOT NULL);"
    "CREATE INDEX bodies_garbage ON bodies (body) WHERE kind = 0;"
    "CREATE TABLE chunks (chunk INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    "CREATE TABLE blobs (body INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE);"
    "CREATE TABLE holders (owner INTEGER NOT NULL, body INTEGER NOT NULL, used_ms INTEGER NOT NULL,"
    " PRIMARY KEY (owner, body)) WITHOUT ROWID;"
    "CREATE INDEX holders_body ON holders (body);"
    "CREATE INDEX holders_used ON holders (used_ms);"
    "CREATE TABLE jobs (job INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL,"
    " idempotency_key TEXT, body_sha256 BLOB NOT NULL, items INTEGER NOT NULL, queued INTEGER NOT NULL,"
    " running INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,"
    " cancelled INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL DEFAULT 0,"
    " cancelling INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0, result_bytes INTEGER NOT NULL DEFAULT "
    "0);"
    "CREATE UNIQUE INDEX jobs_key ON jobs (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;"
    "CREATE INDEX jobs_owner ON jobs (owner);"
    "CREATE INDEX jobs_finished ON jobs (expired, finished_ms) WHERE finished_ms > 0;"
    "CREATE INDEX jobs_waiting ON jobs (created_ms) WHERE queued > 0;"
    "CREATE TABLE job_blobs (job INTEGER NOT NULL, body INTEGER NOT NULL, PRIMARY KEY (job, body)) WITHOUT ROWID;"
    "CREATE INDEX job_blobs_body ON job_blobs (body);"
    /* items that have not ended; state: 0 waits, 1 runs */
    "CREATE TABLE items (item INTEGER PRIMARY KEY, owner INTEGER NOT NULL, state INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, id TEXT);"
    /* job by job; what did not survive its server comes behind the rest of its job */
    "CREATE INDEX items_queued ON items (owner, item >> 20, attempts, item) WHERE state = 0;"
    "CREATE INDEX items_running ON items (item) WHERE state = 1;"
    "CREATE TABLE requests (item INTEGER PRIMARY KEY, request BLOB NOT NULL);"
    "CREATE TABLE results (result INTEGER PRIMARY KEY, seq INTEGER NOT NULL, id TEXT, http_status INTEGER NOT NULL,"
    " content_type TEXT, headers TEXT, body INTEGER NOT NULL);",

    "ALTER TABLE bodies ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;" /* of those on their way */
    "ALTER TABLE owners ADD COLUMN jobs INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE owners ADD COLUMN items INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE owners ADD COLUMN items_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE owners ADD COLUMN blobs_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE owners ADD COLUMN coming_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE owners ADD COLUMN results_bytes INTEGER NOT NULL DEFAULT 0;" DATA_OWNERS_SUMS,
};

int data_user_version(sqlite3 *db, int *ret_version)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret_version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int run_migrations(sqlite3 *db, int from)
{
    char set[64];
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    int now = from;
    if (rc == SQLITE_OK) /* another process may have been faster */
        rc = data_user_version(db, &now);
    for (int i = now; i < DATA_SCHEMA && rc == SQLITE_OK; i++)
        rc = sqlite3_exec(db, migrations[i], NULL, NULL, NULL);
    snprintf(set, sizeof set, "PRAGMA user_version = %d", now > DATA_SCHEMA ? now : DATA_SCHEMA);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, set, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static enum data_found found_by(sqlite3 *db, int rc, char why[DATA_WHY])
{
    snprintf(why, DATA_WHY, "%s", sqlite3_errmsg(db));
    int code = rc & 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR ? DATA_DAMAGED : DATA_CLOSED;
}

enum data_found data_migrate(sqlite3 *db, bool fresh, char why[DATA_WHY])
{
    int version = 0;
    int rc = data_user_version(db, &version);
    if (rc == SQLITE_OK && version > DATA_SCHEMA) {
        snprintf(why, DATA_WHY, "it is of version %d, and this sinter knows versions up to %d", version, DATA_SCHEMA);
        return DATA_NEWER;
    }
    if (rc == SQLITE_OK && version < 1 && !fresh) {
        snprintf(why, DATA_WHY, "it is no database of sinter's (version %d)", version);
        return DATA_DAMAGED;
    }
    if (rc == SQLITE_OK && version < DATA_SCHEMA)
        rc = run_migrations(db, version);
    return rc == SQLITE_OK ? DATA_SOUND : found_by(db, rc, why);
}

/* Is it whole? */

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* How many pages behind the first `pages` has the journal? */
static int64_t pages_in_journal(sqlite3 *db, int64_t pages, int64_t wanted, int64_t page_size)
{
    unsigned char head[32], frame[24];
    sqlite3_file *wal = NULL;
    sqlite3_int64 size = 0;
    int64_t n = 0;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK || !wal || !wal->pMethods ||
        wal->pMethods->xFileSize(wal, &size) != SQLITE_OK || size < (int64_t)sizeof head ||
        wal->pMethods->xRead(wal, head, sizeof head, 0) != SQLITE_OK)
        return 0;
    unsigned char *seen = sqlite3_malloc64((sqlite3_uint64)(wanted - pages));
    if (!seen)
        return wanted - pages;
    memset(seen, 0, (size_t)(wanted - pages));
    for (int64_t at = sizeof head; at + (int64_t)sizeof frame + page_size <= size;
         at += (int64_t)sizeof frame + page_size) {
        if (wal->pMethods->xRead(wal, frame, sizeof frame, at) != SQLITE_OK || memcmp(frame + 8, head + 16, 8) != 0)
            break; /* frames of an earlier round of the journal have other salts */
        int64_t page = big_endian(frame);
        if (page > pages && page <= wanted && !seen[page - pages - 1]++)
            n++;
    }
    sqlite3_free(seen);
    return n;
}

/* Before anything is read by SQLite: -1 not a database of at least one page; else its pages. */
static int64_t file_pages(sqlite3 *db, int64_t *ret_page_size, char why[DATA_WHY])
{
    unsigned char head[100];
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK)
        rc = file->pMethods->xFileSize(file, &size);
    if (rc == SQLITE_OK && size >= (int64_t)sizeof head)
        rc = file->pMethods->xRead(file, head, sizeof head, 0);
    if (rc != SQLITE_OK)
        return -2;
    snprintf(why, DATA_WHY, "it has %lld bytes and does not begin like a database", (long long)size);
    if (size < 512 || memcmp(head, "SQLite format 3", 16) != 0)
        return -1;
    int64_t page_size = (int64_t)head[16] << 8 | head[17];
    *ret_page_size = page_size == 1 ? 65536 : page_size;
    return *ret_page_size >= 512 ? size / *ret_page_size : -1;
}

static int64_t page_count(sqlite3 *db)
{
    sqlite3_stmt *st = NULL;
    int64_t n = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA page_count", -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

enum data_found data_file_is_whole(sqlite3 *db, char why[DATA_WHY])
{
    int64_t page_size = 0, pages = file_pages(db, &page_size, why);
    if (pages == -2)
        return found_by(db, SQLITE_IOERR, why);
    if (pages < 0)
        return DATA_DAMAGED;
    int64_t wanted = page_count(db);
    if (wanted < 0)
        return found_by(db, sqlite3_errcode(db), why);
    if (wanted > pages && pages + pages_in_journal(db, pages, wanted, page_size) < wanted) {
        snprintf(why, DATA_WHY, "it should have %lld pages of %lld bytes, and has %lld", (long long)wanted,
                 (long long)page_size, (long long)pages);
        return DATA_DAMAGED;
    }
    return DATA_SOUND;
}
