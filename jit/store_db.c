/* See store_db.h. With jit/store.c the only file of this room that knows SQLite, and the only one that includes it. */
#include "jit/store_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SCHEMA = 1,
    PAGE = 4096,
    ROW_MAX = IMAGE_MAX + DB_SHAPE_MAX + 4096,
    WAL_PAGES = 256,      /* checkpoint after so many */
    WAL_BYTES = 4 << 20,  /* what a grown journal is cut back to */
    WRITE_BUSY_MS = 2000, /* another process may be writing */
    READ_BUSY_MS = 50,
    DAMAGED_KEPT = 3,
    NAME_MAX_ADDED = 32, /* what is appended to the path */
};

static enum db_result result_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return DB_OK;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our statements are right, so it is the tables that are not ours */
        return DB_DAMAGED;
    case SQLITE_FULL:
        return DB_FULL;
    case SQLITE_TOOBIG:
        return DB_FORM;
    default:
        return DB_ERROR;
    }
}

static int run(sqlite3 *c, const char *sql)
{
    return sqlite3_exec(c, sql, NULL, NULL, NULL);
}

/* The number a statement without parameters gives; -1 when it fails. */
static int64_t number(sqlite3 *c, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t n = -1;
    if (sqlite3_prepare_v2(c, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

/* Opening */

static int connect_to(const char *name, int flags, int busy_ms, sqlite3 **ret)
{
    sqlite3 *c = NULL;
    int rc = sqlite3_open_v2(name, &c, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_limit(c, SQLITE_LIMIT_LENGTH, ROW_MAX);
        sqlite3_busy_timeout(c, busy_ms);
        rc = run(c, "PRAGMA mmap_size = 0; PRAGMA trusted_schema = 0; PRAGMA cell_size_check = 1");
    }
    if (rc != SQLITE_OK) {
        sqlite3_close(c);
        return rc;
    }
    *ret = c;
    return SQLITE_OK;
}

/* Before anything is changed. A file without tables is about to become ours. */
static enum db_result check_version(sqlite3 *c)
{
    int64_t version = number(c, "PRAGMA user_version");
    if (version < 0)
        return result_of(sqlite3_errcode(c));
    if (version > SCHEMA)
        return DB_NEWER;
    if (version == 0 && number(c, "SELECT count(*) FROM sqlite_schema") != 0)
        return DB_DAMAGED; /* another program's */
    return DB_OK;
}

static int set_up(const struct db *db, sqlite3 *c)
{
    char sql[256];
    int rc = run(c, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
                    "PRAGMA synchronous = NORMAL");
    if (rc != SQLITE_OK)
        return rc;
    snprintf(sql, sizeof sql,
             "PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d; PRAGMA max_page_count = %lld", WAL_PAGES,
             WAL_BYTES, (long long)(db->bytes / PAGE));
    rc = run(c, sql);
    if (rc != SQLITE_OK || number(c, "PRAGMA user_version") == SCHEMA)
        return rc;
    return run(c, "BEGIN IMMEDIATE;"
                  "CREATE TABLE IF NOT EXISTS kernels(key BLOB PRIMARY KEY, target TEXT NOT NULL, shape BLOB NOT NULL,"
                  " image BLOB NOT NULL, entry INTEGER NOT NULL, mac BLOB NOT NULL, used_at INTEGER NOT NULL);"
                  "CREATE INDEX IF NOT EXISTS kernels_used ON kernels(used_at);"
                  "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL);"
                  "PRAGMA user_version = 1; COMMIT");
}

enum db_result db_open_writer(struct db *db)
{
    sqlite3 *c = NULL;
    int rc = connect_to(db->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, WRITE_BUSY_MS, &c);
    enum db_result version = rc == SQLITE_OK ? check_version(c) : DB_OK;
    if (version != DB_OK) {
        db->problem = version == DB_NEWER ? "a newer server made it" : "it is no kernel store, or damaged";
        sqlite3_db_config(c, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_close(c);
        return version;
    }
    if (rc == SQLITE_OK)
        rc = set_up(db, c);
    if (rc == SQLITE_OK) {
        db->writer = c;
        return DB_OK;
    }
    db->problem = sqlite3_errstr(rc);
    sqlite3_close(c);
    return result_of(rc);
}

static int connect_reader(struct db *db, const char *name, int flags)
{
    int rc = connect_to(name, flags, READ_BUSY_MS, &db->reader);
    if (rc == SQLITE_OK)
        rc = run(db->reader, "PRAGMA query_only = 1");
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v3(db->reader, "SELECT key, target, shape, image, entry, mac FROM kernels WHERE key = ?",
                                -1, SQLITE_PREPARE_PERSISTENT, &db->get, NULL);
    if (rc != SQLITE_OK) {
        sqlite3_close(db->reader);
        db->reader = NULL;
    }
    return rc;
}

/* "file:PATH?immutable=1"; what would mean something in a URI is escaped. */
static void make_uri(const char *path, char *ret_uri)
{
    char *out = ret_uri + sprintf(ret_uri, "file:");
    for (; *path; path++)
        out += sprintf(out, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
    sprintf(out, "?immutable=1");
}

enum db_result db_open(struct db *db)
{
    char uri[3 * DB_PATH_MAX + NAME_MAX_ADDED];
    enum db_result written = db_open_writer(db);
    if (written == DB_DAMAGED || written == DB_NEWER)
        return written;
    int rc = connect_reader(db, db->path, SQLITE_OPEN_READWRITE);
    if (rc != SQLITE_OK && result_of(rc) != DB_DAMAGED && !db->writer) {
        /* Where nothing can be written, not even locks, a database that nobody writes is still good to read. */
        make_uri(db->path, uri);
        rc = connect_reader(db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    }
    if (rc != SQLITE_OK) {
        db->problem = sqlite3_errstr(rc);
        db_close(db);
    }
    return result_of(rc);
}

void db_close(struct db *db)
{
    sqlite3_finalize(db->get);
    sqlite3_close(db->reader);
    sqlite3_close(db->writer);
    db->get = NULL;
    db->reader = db->writer = NULL;
}

static enum db_result check_pages(sqlite3 *c, void (*tell)(const char *line, void *user), void *user)
{
    sqlite3_stmt *stmt = NULL;
    enum db_result r = DB_OK;
    int rc = sqlite3_prepare_v2(c, "PRAGMA integrity_check(20)", -1, &stmt, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        const char *line = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
        if (line && strcmp(line, "ok") != 0) {
            tell(line, user);
            r = DB_DAMAGED;
        }
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? r : result_of(rc);
}

enum db_result db_check(struct db *db, void (*tell)(const char *line, void *user), void *user)
{
    sqlite3 *c = NULL;
    int rc = connect_to(db->path, SQLITE_OPEN_READWRITE, WRITE_BUSY_MS, &c);
    if (rc != SQLITE_OK) {
        db->problem = sqlite3_errstr(rc);
        return result_of(rc);
    }
    sqlite3_db_config(c, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    enum db_result r = check_version(c);
    if (r == DB_OK)
        r = check_pages(c, tell, user);
    if (r == DB_DAMAGED || r == DB_ERROR)
        db->problem = "it is damaged, or no kernel store; a server that starts with it will move it aside";
    sqlite3_close(c);
    return r;
}

bool db_move_aside(const struct db *db)
{
    char from[DB_PATH_MAX + NAME_MAX_ADDED], to[DB_PATH_MAX + NAME_MAX_ADDED];
    int n = 1;
    for (; n <= DAMAGED_KEPT; n++) {
        snprintf(to, sizeof to, "%s.damaged-%d", db->path, n);
        if (access(to, F_OK) != 0)
            break;
    }
    for (int k = 1; n > DAMAGED_KEPT && k < DAMAGED_KEPT; k++) {
        snprintf(from, sizeof from, "%s.damaged-%d", db->path, k + 1);
        snprintf(to, sizeof to, "%s.damaged-%d", db->path, k);
        if (rename(from, to) != 0)
            return false;
    }
    snprintf(to, sizeof to, "%s.damaged-%d", db->path, n > DAMAGED_KEPT ? DAMAGED_KEPT : n);
    if (rename(db->path, to) != 0 && errno != ENOENT)
        return false;
    /* The journal belongs to the old file: applied to a new one it would damage that, too. */
    snprintf(from, sizeof from, "%s-wal", db->path);
    unlink(from);
    snprintf(from, sizeof from, "%s-shm", db->path);
    unlink(from);
    return true;
}

/* Reading */

static struct bytes blob(sqlite3_stmt *stmt, int column)
{
    const void *data = sqlite3_column_blob(stmt, column);
    return (struct bytes){data, data ? (size_t)sqlite3_column_bytes(stmt, column) : 0};
}

/* Copies the row the statement stands on. */
static enum db_result copy_row(sqlite3_stmt *stmt, struct db_row *ret)
{
    const char *target = (const char *)sqlite3_column_text(stmt, 1);
    struct bytes key = blob(stmt, 0), shape = blob(stmt, 2), image = blob(stmt, 3), mac = blob(stmt, 5);
    int64_t entry = sqlite3_column_int64(stmt, 4);
    enum target t = target ? target_by_name(target) : TARGET_NONE;
    if (t == TARGET_NONE || key.n != HASH_SIZE || mac.n != MAC_SIZE || shape.n > DB_SHAPE_MAX || image.n == 0 ||
        image.n > IMAGE_MAX || entry < 0 || entry >= (int64_t)image.n)
        return DB_FORM;
    uint8_t *copy = malloc(shape.n + image.n);
    if (!copy)
        return DB_ERROR;
    memcpy(copy, image.data, image.n);
    if (shape.n)
        memcpy(copy + image.n, shape.data, shape.n);
    memcpy(ret->stored.key, key.data, HASH_SIZE);
    memcpy(ret->mac, mac.data, MAC_SIZE);
    ret->stored.target = t;
    ret->stored.image = (struct image){copy, image.n, (uint32_t)entry};
    ret->stored.shape = (struct bytes){copy + image.n, shape.n};
    ret->stored.memory = copy;
    return DB_OK;
}

enum db_result db_get(struct db *db, const uint8_t key[HASH_SIZE], struct db_row *ret)
{
    if (!db->get)
        return DB_NONE;
    sqlite3_bind_blob(db->get, 1, key, HASH_SIZE, SQLITE_STATIC);
    int rc = sqlite3_step(db->get);
    enum db_result r = rc == SQLITE_DONE ? DB_NONE : result_of(rc);
    if (rc == SQLITE_ROW)
        r = copy_row(db->get, ret);
    sqlite3_reset(db->get);
    sqlite3_clear_bindings(db->get);
    return r;
}

/* Runs a listing: ?1 the number of rows, ?2 a key when the statement has it. */
static enum db_result list(struct db *db, const char *sql, const uint8_t *key, uint32_t n, struct db_entry *ret,
                           uint32_t *ret_n)
{
    sqlite3_stmt *stmt = NULL;
    *ret_n = 0;
    if (!db->reader)
        return DB_ERROR;
    int rc = sqlite3_prepare_v2(db->reader, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, n);
        if (key)
            sqlite3_bind_blob(stmt, 2, key, HASH_SIZE, SQLITE_STATIC);
        while (*ret_n < n && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            struct bytes found = blob(stmt, 0);
            const char *target = (const char *)sqlite3_column_text(stmt, 1);
            if (found.n != HASH_SIZE)
                continue;
            struct db_entry *e = &ret[(*ret_n)++];
            memcpy(e->key, found.data, HASH_SIZE);
            snprintf(e->target, sizeof e->target, "%s", target ? target : "");
            e->size = (uint32_t)sqlite3_column_int64(stmt, 2);
            e->used_at = sqlite3_column_int64(stmt, 3);
        }
    }
    sqlite3_finalize(stmt);
    return result_of(rc);
}

#define ENTRY "SELECT key, target, length(image), used_at FROM kernels "

enum db_result db_recent(struct db *db, uint32_t n, struct db_entry *ret_entries, uint32_t *ret_n)
{
    return list(db, ENTRY "ORDER BY used_at DESC LIMIT ?1", NULL, n, ret_entries, ret_n);
}

enum db_result db_after(struct db *db, const uint8_t key[HASH_SIZE], uint32_t n, struct db_entry *ret_entries,
                        uint32_t *ret_n)
{
    return list(db, ENTRY "WHERE key > ?2 ORDER BY key LIMIT ?1", key, n, ret_entries, ret_n);
}

enum db_result db_has(struct db *db, const uint8_t key[HASH_SIZE])
{
    struct db_entry e;
    uint32_t n;
    enum db_result r = list(db, ENTRY "WHERE key = ?2 LIMIT ?1", key, 1, &e, &n);
    return r == DB_OK && n == 0 ? DB_NONE : r;
}

enum db_result db_compiler(struct db *db, char ret_name[DB_NAME_SIZE])
{
    sqlite3_stmt *stmt = NULL;
    if (!db->reader)
        return DB_ERROR;
    int rc = sqlite3_prepare_v2(db->reader, "SELECT value FROM meta WHERE name = 'compiler'", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    const char *name = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (name)
        snprintf(ret_name, DB_NAME_SIZE, "%s", name);
    sqlite3_finalize(stmt);
    return name ? DB_OK : rc == SQLITE_DONE ? DB_NONE : result_of(rc);
}

/* Writing */

enum db_result db_begin(struct db *db)
{
    return db->writer ? result_of(run(db->writer, "BEGIN IMMEDIATE")) : DB_ERROR;
}

enum db_result db_commit(struct db *db)
{
    return result_of(run(db->writer, "COMMIT"));
}

void db_rollback(struct db *db)
{
    if (db->writer && !sqlite3_get_autocommit(db->writer))
        run(db->writer, "ROLLBACK");
}

static enum db_result finish(sqlite3_stmt *stmt, int rc)
{
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    return result_of(rc);
}

enum db_result db_put(struct db *db, const struct db_row *row, int64_t used_at)
{
    sqlite3_stmt *stmt = NULL;
    const struct stored *r = &row->stored;
    int rc =
        sqlite3_prepare_v2(db->writer, "INSERT OR REPLACE INTO kernels VALUES(?, ?, ?, ?, ?, ?, ?)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_blob(stmt, 1, r->key, HASH_SIZE, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, target_name(r->target), -1, SQLITE_STATIC);
        sqlite3_bind_blob(stmt, 3, r->shape.n ? (const void *)r->shape.data : "", (int)r->shape.n, SQLITE_STATIC);
        sqlite3_bind_blob(stmt, 4, r->image.bytes, (int)r->image.size, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 5, r->image.entry);
        sqlite3_bind_blob(stmt, 6, row->mac, MAC_SIZE, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 7, used_at);
    }
    return finish(stmt, rc);
}

enum db_result db_touch(struct db *db, const uint8_t key[HASH_SIZE], int64_t used_at)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->writer, "UPDATE kernels SET used_at = ? WHERE key = ?", -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, used_at);
        sqlite3_bind_blob(stmt, 2, key, HASH_SIZE, SQLITE_STATIC);
    }
    return finish(stmt, rc);
}

enum db_result db_delete(struct db *db, const uint8_t key[HASH_SIZE])
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->writer, "DELETE FROM kernels WHERE key = ?", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        sqlite3_bind_blob(stmt, 1, key, HASH_SIZE, SQLITE_STATIC);
    return finish(stmt, rc);
}

enum db_result db_set_compiler(struct db *db, const char *name)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->writer, "INSERT OR REPLACE INTO meta VALUES('compiler', ?)", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    return finish(stmt, rc);
}

static int64_t pages_used(sqlite3 *c)
{
    return number(c, "PRAGMA page_count") - number(c, "PRAGMA freelist_count");
}

enum db_result db_evict(struct db *db, uint64_t keep_bytes, uint64_t *ret_rows)
{
    sqlite3 *c = db->writer;
    int rc = SQLITE_OK, changed = 1;
    *ret_rows = 0;
    if (!c)
        return DB_ERROR;
    while (rc == SQLITE_OK && changed > 0 && (uint64_t)pages_used(c) * PAGE > keep_bytes) {
        rc = run(c, "DELETE FROM kernels WHERE rowid IN (SELECT rowid FROM kernels ORDER BY used_at, rowid LIMIT 8)");
        changed = rc == SQLITE_OK ? sqlite3_changes(c) : 0;
        *ret_rows += (uint64_t)changed;
    }
    return result_of(rc);
}

enum db_result db_shrink(struct db *db)
{
    return db->writer ? result_of(run(db->writer, "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)"))
                      : DB_ERROR;
}

enum db_result db_size(struct db *db, uint64_t *ret_used_bytes, uint64_t *ret_rows)
{
    if (!db->writer)
        return DB_ERROR;
    int64_t pages = pages_used(db->writer), rows = number(db->writer, "SELECT count(*) FROM kernels");
    if (pages < 0 || rows < 0)
        return result_of(sqlite3_errcode(db->writer));
    *ret_used_bytes = (uint64_t)pages * PAGE;
    *ret_rows = (uint64_t)rows;
    return DB_OK;
}
