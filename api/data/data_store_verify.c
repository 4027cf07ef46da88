/* Looks at all of data.db: its pages, then what stands in them. Graphs and blobs must be what their names say, sums
 * must be right, nothing may refer to what is not there. Only reads. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/data/data_store_private.h"
#include "core/hash.h"

struct verify {
    struct data_conn c;
    struct data_verified found;
    void (*tell)(const char *line, void *user);
    void *user;
    char why[DATA_WHY]; /* not "": it could not be read to its end */
};

__attribute__((format(printf, 2, 3))) static void tell(struct verify *v, const char *format, ...)
{
    char line[DATA_WHY];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    v->found.faults++;
    v->tell(line, v->user);
}

/* Calls `one` for each row. */
static void each(struct verify *v, const char *sql, void (*one)(struct verify *v, sqlite3_stmt *row))
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(v->c.db, sql, -1, &row, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(row);
        if (rc == SQLITE_ROW)
            one(v, row);
    }
    if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_ERROR)
        tell(v, "it cannot be read to its end: %s", sqlite3_errmsg(v->c.db));
    else if (rc != SQLITE_DONE)
        snprintf(v->why, sizeof v->why, "%s", sqlite3_errmsg(v->c.db));
    sqlite3_finalize(row);
}

static void integrity_line(struct verify *v, sqlite3_stmt *row)
{
    const char *line = (const char *)sqlite3_column_text(row, 0);
    if (!line || strcmp(line, "ok") != 0)
        tell(v, "%s", line ? line : "?");
}

/* A row is a fault; its text says what. */
static void fault_line(struct verify *v, sqlite3_stmt *row)
{
    const char *line = (const char *)sqlite3_column_text(row, 0);
    tell(v, "%s", line ? line : "?");
}

bool data_graph_is_true(sqlite3_stmt *row)
{
    uint8_t digest[HASH_SIZE];
    char hex[HASH_HEX];
    const char *id = (const char *)sqlite3_column_text(row, 0);
    const struct hash_part text = {sqlite3_column_text(row, 1), (size_t)sqlite3_column_bytes(row, 1)};
    hash_parts(&text, 1, digest);
    hash_hex(digest, hex);
    return id && !strcmp(id, hex);
}

bool data_blob_is_true(sqlite3 *db, sqlite3_stmt *row)
{
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX];
    struct sha256 hash;
    sqlite3_stmt *chunk = NULL;
    const char *name = (const char *)sqlite3_column_text(row, 0);
    static const char sql[] = "SELECT data FROM chunks WHERE chunk BETWEEN ?1<<20 AND ?1<<20|1048575 ORDER BY chunk";
    if (sqlite3_prepare_v2(db, sql, -1, &chunk, NULL) != SQLITE_OK)
        return false;
    sqlite3_bind_int64(chunk, 1, sqlite3_column_int64(row, 1));
    sha256_init(&hash);
    while (sqlite3_step(chunk) == SQLITE_ROW)
        if (sqlite3_column_bytes(chunk, 0))
            sha256_add(&hash, sqlite3_column_blob(chunk, 0), (size_t)sqlite3_column_bytes(chunk, 0));
    sqlite3_finalize(chunk);
    sha256_end(&hash, digest);
    sha256_hex(digest, hex);
    return name && !strcmp(name, hex);
}

static const char *name_of(sqlite3_stmt *row)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    return name ? name : "?";
}

static void graph_row(struct verify *v, sqlite3_stmt *row)
{
    v->found.graphs++;
    if (!data_graph_is_true(row))
        tell(v, "graph %.60s is not what its name says", name_of(row));
}

static void blob_row(struct verify *v, sqlite3_stmt *row)
{
    v->found.blobs++;
    if (!data_blob_is_true(v->c.db, row))
        tell(v, "blob %.64s is not what its name says", name_of(row));
}

static void count_jobs(struct verify *v, sqlite3_stmt *row)
{
    v->found.jobs = (uint64_t)sqlite3_column_int64(row, 0);
}

/* Each gives a sentence for every fault. */
static const char *const rules[] = {
    "SELECT 'the bytes numbered '||body||' are '||n||' and not '||size FROM (SELECT b.body, b.size, (SELECT"
    " coalesce(sum(length(data)),0) FROM chunks WHERE chunk BETWEEN b.body<<20 AND b.body<<20|1048575) n FROM bodies b"
    " WHERE b.kind<>0) WHERE n<>size",
    "SELECT 'chunk '||chunk||' belongs to nothing' FROM chunks WHERE chunk>>20 NOT IN (SELECT body FROM bodies)",
    "SELECT 'blob '||sha256||' has no bytes' FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM bodies y WHERE y.body=b.body "
    "AND"
    " y.kind=1)",
    "SELECT 'a blob of job '||job||' is gone' FROM job_blobs WHERE body NOT IN (SELECT body FROM blobs)",
    "SELECT 'result '||(result&1048575)||' of job '||(result>>20)||' has no bytes' FROM results r WHERE r.body<>0 AND "
    "NOT"
    " EXISTS (SELECT 1 FROM bodies y WHERE y.body=r.body AND y.kind=2)",
    "SELECT 'item '||(item&1048575)||' of job '||(item>>20)||' has no request' FROM items WHERE item NOT IN"
    " (SELECT item FROM requests)",
    "SELECT 'item '||(item&1048575)||' belongs to no job' FROM items WHERE item>>20 NOT IN (SELECT job FROM jobs)",
    "SELECT 'job '||id||' does not count its items right' FROM jobs j WHERE items<>queued+running+done+failed+cancelled"
    " OR queued<>(SELECT count(*) FROM items WHERE state=0 AND item BETWEEN job<<20 AND job<<20|1048575)"
    " OR running<>(SELECT count(*) FROM items WHERE state=1 AND item BETWEEN job<<20 AND job<<20|1048575)"
    " OR (expired=0 AND done+failed<>(SELECT count(*) FROM results WHERE result BETWEEN job<<20 AND job<<20|1048575))"
    " OR (finished_ms=0)<>(queued+running>0)",
    "SELECT 'the sums of graphs are wrong' FROM totals WHERE graphs<>(SELECT count(*) FROM graphs) OR "
    "graphs_bytes<>(SELECT"
    " " DATA_GRAPHS_ROOM " FROM graphs)",
    "SELECT 'the sums of blobs are wrong' FROM totals WHERE blobs<>(SELECT count(*) FROM blobs) OR blobs_bytes<>(SELECT"
    " coalesce(sum(size),0) FROM bodies WHERE kind IN (1, 3))",
    "SELECT 'the sum of results is wrong' FROM totals WHERE results_bytes<>(SELECT coalesce(sum(size),0) FROM bodies "
    "WHERE"
    " kind IN (2, 4))",
    "SELECT 'the sums of jobs are wrong' FROM totals WHERE jobs<>(SELECT count(*) FROM jobs) OR jobs_ended<>(SELECT"
    " count(*) FROM jobs WHERE finished_ms>0)",
    "SELECT 'the sums of items are wrong' FROM totals WHERE items<>(SELECT count(*) FROM items) OR items_bytes<>(SELECT"
    " coalesce(sum(length(request)),0) FROM requests) OR running<>(SELECT count(*) FROM items WHERE state=1)",
};

/* From version 3 on. */
static const char owners_rule[] =
    "SELECT 'the sums of owner '||name||' are wrong' FROM owners o LEFT JOIN (SELECT owner, sum(size*(kind=3)) blobs,"
    " sum(size*(kind=4)) results FROM bodies WHERE kind IN (3, 4) GROUP BY owner) c ON c.owner=o.owner"
    " WHERE jobs<>(SELECT count(*) FROM jobs j WHERE j.owner=o.owner) OR items<>(SELECT "
    "coalesce(sum(queued+running),0) FROM jobs j WHERE j.owner=o.owner)"
    " OR items_bytes<>(SELECT coalesce(sum(length(request)),0) FROM jobs j JOIN requests r ON r.item BETWEEN j.job<<20"
    " AND j.job<<20|1048575 WHERE j.owner=o.owner) OR blobs_bytes<>(SELECT coalesce(sum(size),0) FROM holders h JOIN"
    " bodies b ON b.body=h.body WHERE h.owner=o.owner) OR coming_bytes<>coalesce(c.blobs,0)"
    " OR results_bytes<>(SELECT coalesce(sum(result_bytes),0) FROM jobs j WHERE j.owner=o.owner)+coalesce(c.results,0)";

static void look_at_all(struct verify *v)
{
    each(v, "PRAGMA integrity_check(20)", integrity_line);
    if (v->found.faults)
        return; /* what stands in broken pages says nothing more */
    each(v, "SELECT id, canonical FROM graphs", graph_row);
    if (v->found.version < 2)
        return;
    each(v, "SELECT sha256, body FROM blobs", blob_row);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        each(v, rules[i], fault_line);
    if (v->found.version >= 3)
        each(v, owners_rule, fault_line);
    each(v, "SELECT count(*) FROM jobs", count_jobs);
}

/* One state of the database is looked at, whatever a server writes meanwhile. */
static void look(struct verify *v)
{
    enum data_found found = data_file_is_whole(v->c.db, v->why);
    if (found == DATA_CLOSED)
        return;
    if (found == DATA_DAMAGED) {
        tell(v, "%s", v->why);
        v->why[0] = 0;
        return;
    }
    v->why[0] = 0;
    int rc = sqlite3_exec(v->c.db, "BEGIN", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = data_user_version(v->c.db, &v->found.version);
    if (rc != SQLITE_OK)
        tell(v, "%s", sqlite3_errmsg(v->c.db));
    else if (v->found.version < 1 || v->found.version > DATA_SCHEMA)
        tell(v, "it is of version %d, and this sinter knows versions 1 to %d", v->found.version, DATA_SCHEMA);
    else
        look_at_all(v);
}

enum status data_verify(const char *dir, void (*tell_line)(const char *line, void *user), void *user,
                        struct data_verified *ret, struct fault *fault)
{
    struct verify v = {.tell = tell_line, .user = user};
    char path[DATA_PATH];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/data.db", dir);
    if (n < 0 || n >= (int)sizeof path || stat(path, &st) != 0)
        return fault_add(fault, STATUS_NOT_FOUND, "", 0, "there is no %s/data.db", dir);
    int rc = data_open_reader(dir, false, &v.c);
    if (rc != SQLITE_OK)
        rc = data_open_reader(dir, true, &v.c);
    if (rc == SQLITE_OK)
        look(&v);
    else
        snprintf(v.why, sizeof v.why, "%s", sqlite3_errstr(rc));
    data_conn_close(&v.c);
    if (v.why[0])
        return fault_add(fault, STATUS_STORE, "", 0, "%s/data.db cannot be read: %s", dir, v.why);
    *ret = v.found;
    return STATUS_OK;
}
