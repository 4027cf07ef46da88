/* What can still be read of a damaged data.db, into a new one. Rows are copied table by table, from the front until
 * something cannot be read, then from the back; what is then not whole (a blob that is not what its name says, a job
 * with an item missing) is left out. The damaged file is only read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/data/data_store_private.h"

/* Each table with what orders its rows. */
static const char *const tables[][2] = {
    {"graphs", "id"},  {"owners", "owner"},        {"bodies", "body"},    {"chunks", "chunk"},
    {"blobs", "body"}, {"holders", "owner, body"}, {"jobs", "job"},       {"job_blobs", "job, body"},
    {"items", "item"}, {"requests", "item"},       {"results", "result"},
};

/* Leaves only what is whole, in this order; then the sums. */
static const char mend[] =
    "DELETE FROM bodies WHERE kind NOT IN (1, 2) OR size<>(SELECT coalesce(sum(length(data)),0) FROM chunks WHERE chunk"
    " BETWEEN body<<20 AND body<<20|1048575);"
    "DELETE FROM blobs WHERE body NOT IN (SELECT body FROM bodies WHERE kind=1);"
    "DELETE FROM holders WHERE body NOT IN (SELECT body FROM blobs) OR owner NOT IN (SELECT owner FROM owners);"
    "DELETE FROM blobs WHERE body NOT IN (SELECT body FROM holders);"
    "DELETE FROM items WHERE item NOT IN (SELECT item FROM requests);"
    "DELETE FROM results WHERE body<>0 AND body NOT IN (SELECT body FROM bodies WHERE kind=2);"
    "DELETE FROM jobs WHERE owner NOT IN (SELECT owner FROM owners) OR items<>queued+running+done+failed+cancelled"
    " OR queued<>(SELECT count(*) FROM items WHERE state=0 AND item BETWEEN job<<20 AND job<<20|1048575)"
    " OR running<>(SELECT count(*) FROM items WHERE state=1 AND item BETWEEN job<<20 AND job<<20|1048575)"
    " OR (expired=0 AND done+failed<>(SELECT count(*) FROM results WHERE result BETWEEN job<<20 AND job<<20|1048575))"
    " OR (finished_ms=0)<>(queued+running>0)"
    " OR job IN (SELECT job FROM job_blobs WHERE body NOT IN (SELECT body FROM blobs));"
    "DELETE FROM job_blobs WHERE job NOT IN (SELECT job FROM jobs);"
    "DELETE FROM items WHERE item>>20 NOT IN (SELECT job FROM jobs);"
    "DELETE FROM requests WHERE item NOT IN (SELECT item FROM items);"
    "DELETE FROM results WHERE result>>20 NOT IN (SELECT job FROM jobs);"
    "DELETE FROM bodies WHERE body NOT IN (SELECT body FROM blobs UNION SELECT body FROM results);"
    "DELETE FROM chunks WHERE chunk>>20 NOT IN (SELECT body FROM bodies);"
    "UPDATE totals SET graphs=(SELECT count(*) FROM graphs), graphs_bytes=(SELECT"
    " " DATA_GRAPHS_ROOM " FROM graphs), blobs=(SELECT count(*) FROM blobs),"
    " blobs_bytes=(SELECT coalesce(sum(size),0) FROM bodies WHERE kind=1), results_bytes=(SELECT coalesce(sum(size),0)"
    " FROM bodies WHERE kind=2), jobs=(SELECT count(*) FROM jobs), jobs_ended=(SELECT count(*) FROM jobs WHERE"
    " finished_ms>0), items=(SELECT count(*) FROM items), items_bytes=(SELECT coalesce(sum(length(request)),0) FROM"
    " requests), running=(SELECT count(*) FROM items WHERE state=1);" DATA_OWNERS_SUMS;

struct salvage {
    sqlite3 *from;
    struct data_conn to;
    char why[DATA_WHY];
};

static bool put_row(struct salvage *s, const char *table, sqlite3_stmt *row, sqlite3_stmt **io_put)
{
    int n = sqlite3_column_count(row);
    if (!*io_put) {
        char sql[1024]; /* names of columns: the file may be of an older version */
        int at = snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO %s (", table);
        for (int i = 0; i < n && at < (int)sizeof sql; i++)
            at += snprintf(sql + at, sizeof sql - (size_t)at, i ? ",%.40s" : "%.40s", sqlite3_column_name(row, i));
        for (int i = 0; i < n && at < (int)sizeof sql; i++)
            at += snprintf(sql + at, sizeof sql - (size_t)at, i ? ",?" : ") VALUES (?");
        if (at < (int)sizeof sql)
            snprintf(sql + at, sizeof sql - (size_t)at, ")");
        if (sqlite3_prepare_v2(s->to.db, sql, -1, io_put, NULL) != SQLITE_OK)
            return false;
    }
    for (int i = 0; i < n; i++)
        sqlite3_bind_value(*io_put, i + 1, sqlite3_column_value(row, i));
    int rc = sqlite3_step(*io_put);
    sqlite3_reset(*io_put);
    return rc == SQLITE_DONE || (rc & 0xff) == SQLITE_CONSTRAINT; /* a row that cannot have been ours */
}

/* Rows from one end on, until one cannot be read. False: the new file cannot be written. */
static bool copy_from_end(struct salvage *s, const char *table, const char *order, bool backwards, bool *ret_whole)
{
    char sql[256], by[64] = "";
    sqlite3_stmt *row = NULL, *put = NULL;
    bool good = true;
    for (const char *c = order; backwards && *c; c++) /* each column the other way round */
        snprintf(by + strlen(by), sizeof by - strlen(by), *c == ',' ? " DESC%c" : "%c", *c);
    snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY %s%s", table, backwards ? by : order,
             backwards ? " DESC" : "");
    int rc = sqlite3_prepare_v2(s->from, sql, -1, &row, NULL);
    while (rc == SQLITE_OK && good && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        good = put_row(s, table, row, &put);
        rc = SQLITE_OK;
    }
    *ret_whole = rc == SQLITE_DONE;
    sqlite3_finalize(row);
    sqlite3_finalize(put);
    return good;
}

static bool copy_all(struct salvage *s)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        bool whole;
        if (!copy_from_end(s, tables[i][0], tables[i][1], false, &whole) ||
            (!whole && !copy_from_end(s, tables[i][0], tables[i][1], true, &whole)))
            return false;
    }
    return true;
}

static bool drop_liars(struct salvage *s)
{
    static const char *const pairs[][2] = {
        {"SELECT id, canonical FROM graphs", "DELETE FROM graphs WHERE id=?1"},
        {"SELECT sha256, body FROM blobs", "DELETE FROM blobs WHERE sha256=?1"},
    };
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *row = NULL, *drop = NULL;
        int rc = sqlite3_prepare_v2(s->to.db, pairs[i][0], -1, &row, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_prepare_v2(s->to.db, pairs[i][1], -1, &drop, NULL);
        while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
            rc = SQLITE_OK;
            if (i == 0 ? data_graph_is_true(row) : data_blob_is_true(s->to.db, row))
                continue;
            sqlite3_bind_value(drop, 1, sqlite3_column_value(row, 0));
            rc = sqlite3_step(drop) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
            sqlite3_reset(drop);
        }
        sqlite3_finalize(row);
        sqlite3_finalize(drop);
        if (rc != SQLITE_DONE)
            return false;
    }
    return true;
}

static bool open_damaged(struct salvage *s, const char *dir)
{
    char path[DATA_PATH];
    int n = snprintf(path, sizeof path, "%s/data.db", dir);
    int rc = n < (int)sizeof path ? sqlite3_open_v2(path, &s->from, SQLITE_OPEN_READWRITE, NULL) : SQLITE_CANTOPEN;
    if (rc == SQLITE_OK) {
        sqlite3_db_config(s->from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        rc = sqlite3_exec(s->from, "PRAGMA query_only=1; PRAGMA writable_schema=1", NULL, NULL, NULL); /* short files */
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->from, "SELECT 1 FROM graphs LIMIT 0", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        snprintf(s->why, sizeof s->why, "nothing of %.200s/data.db can be read: %.200s", dir, sqlite3_errmsg(s->from));
    return rc == SQLITE_OK;
}

static bool open_new(struct salvage *s, const char *dir)
{
    char path[DATA_PATH], why[DATA_WHY];
    struct stat st;
    snprintf(path, sizeof path, "%s/data.db", dir);
    if (stat(path, &st) == 0) {
        snprintf(s->why, sizeof s->why, "%.300s is there already", path);
        return false;
    }
    if (data_open_writer(dir, &s->to, why) == DATA_SOUND)
        return true;
    snprintf(s->why, sizeof s->why, "%.200s cannot be made: %.200s", path, why);
    return false;
}

enum status data_salvage(const char *dir, const char *new_dir, struct fault *fault)
{
    struct salvage s = {0};
    if (open_damaged(&s, dir) && open_new(&s, new_dir)) {
        bool good = sqlite3_exec(s.to.db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK && copy_all(&s) && drop_liars(&s) &&
                    sqlite3_exec(s.to.db, mend, NULL, NULL, NULL) == SQLITE_OK &&
                    sqlite3_exec(s.to.db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
        if (!good)
            snprintf(s.why, sizeof s.why, "%.200s/data.db cannot be written: %.200s", new_dir, sqlite3_errmsg(s.to.db));
    }
    sqlite3_close(s.from);
    data_conn_close(&s.to);
    return s.why[0] ? fault_add(fault, STATUS_STORE, "", 0, "%s", s.why) : STATUS_OK;
}
