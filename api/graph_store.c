/* See graph_store.h. One connection to data.db behind a lock; a database that cannot be opened is tried again at the
 * next call, and until then only storing and finding graphs fails, not the server. The lock is never held while an
 * arena allocates. */
#include "api/graph_store.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BUCKETS = 4096, MEMORY_BYTES = 32 << 20, BUSY_MS = 2000, SCHEMA_VERSION = 1, WHY_SIZE = 256 };

struct entry {
    struct entry *chain; /* of its bucket */
    struct entry *newer, *older;
    size_t n;
    char id[GRAPH_ID_SIZE];
    char text[];
};

struct graph_store {
    pthread_mutex_t lock;
    char *dir; /* NULL: memory only, nothing is evicted */
    sqlite3 *db;
    sqlite3_stmt *get, *put, *count;
    uint32_t max_graphs, n_entries;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t bytes;
    char why[WHY_SIZE]; /* the database's last failure */
};

static struct entry **bucket_of(struct graph_store *s, const char *id)
{
    unsigned h = 0;
    for (const char *c = id; *c; c++)
        h = h * 31 + (unsigned char)*c;
    return &s->buckets[h % BUCKETS];
}

static void unlink_age(struct graph_store *s, struct entry *e)
{
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void push_newest(struct graph_store *s, struct entry *e)
{
    e->newer = NULL;
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static struct entry *memory_find(struct graph_store *s, const char *id)
{
    for (struct entry *e = *bucket_of(s, id); e; e = e->chain) {
        if (!strcmp(e->id, id)) {
            unlink_age(s, e);
            push_newest(s, e);
            return e;
        }
    }
    return NULL;
}

static void memory_drop_oldest(struct graph_store *s)
{
    struct entry *e = s->oldest;
    struct entry **at = bucket_of(s, e->id);
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    unlink_age(s, e);
    s->bytes -= e->n;
    s->n_entries--;
    free(e);
}

/* False: no memory, or an id that is not one. */
static bool memory_add(struct graph_store *s, const char *id, const char *text, size_t n)
{
    struct entry *e = strlen(id) < GRAPH_ID_SIZE ? malloc(sizeof *e + n + 1) : NULL;
    if (!e)
        return false;
    snprintf(e->id, sizeof e->id, "%s", id);
    memcpy(e->text, text, n);
    e->text[n] = 0;
    e->n = sizeof *e + n + 1;
    struct entry **bucket = bucket_of(s, id);
    e->chain = *bucket;
    *bucket = e;
    push_newest(s, e);
    s->bytes += e->n;
    s->n_entries++;
    while (s->dir && s->bytes > MEMORY_BYTES && s->oldest != e)
        memory_drop_oldest(s);
    return true;
}

static void db_close(struct graph_store *s)
{
    sqlite3_finalize(s->get);
    sqlite3_finalize(s->put);
    sqlite3_finalize(s->count);
    s->get = s->put = s->count = NULL;
    sqlite3_close(s->db);
    s->db = NULL;
}

/* A newer server's database is left alone. */
static bool db_version_fits(sqlite3 *db)
{
    sqlite3_stmt *st = NULL;
    bool fits = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
                sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0) <= SCHEMA_VERSION;
    sqlite3_finalize(st);
    return fits;
}

static bool db_prepare(struct graph_store *s)
{
    static const char set_up[] =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=4194304;"
        "CREATE TABLE IF NOT EXISTS graphs (id TEXT PRIMARY KEY, canonical TEXT NOT NULL, stored_at INTEGER NOT NULL)"
        " WITHOUT ROWID; PRAGMA user_version=1;";
    return db_version_fits(s->db) && sqlite3_exec(s->db, set_up, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "SELECT canonical FROM graphs WHERE id=?1", -1, &s->get, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "INSERT OR IGNORE INTO graphs VALUES (?1, ?2, unixepoch())", -1, &s->put, NULL) ==
               SQLITE_OK &&
           sqlite3_prepare_v2(s->db, "SELECT count(*) FROM graphs", -1, &s->count, NULL) == SQLITE_OK;
}

static void explain(struct graph_store *s, const char *doing)
{
    snprintf(s->why, sizeof s->why, "%s failed: %s (%s/data.db)", doing,
             s->db ? sqlite3_errmsg(s->db) : strerror(errno), s->dir);
}

static bool db_open(struct graph_store *s)
{
    if (s->db)
        return true;
    if (mkdir(s->dir, 0700) && errno != EEXIST) {
        explain(s, "making the directory of the graph store");
        return false;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/data.db", s->dir);
    bool open = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) ==
                SQLITE_OK;
    if (open)
        sqlite3_busy_timeout(s->db, BUSY_MS);
    if (open && db_prepare(s))
        return true;
    explain(s, "opening the graph store");
    db_close(s);
    return false;
}

enum status graph_store_new(const char *dir, uint32_t max_graphs, struct graph_store **ret_store, struct fault *fault)
{
    struct graph_store *s = calloc(1, sizeof *s);
    if (s && dir)
        s->dir = strdup(dir);
    if (!s || (dir && !s->dir)) {
        free(s);
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the graph store");
    }
    s->max_graphs = max_graphs;
    pthread_mutex_init(&s->lock, NULL);
    *ret_store = s;
    return STATUS_OK;
}

void graph_store_free(struct graph_store *s)
{
    if (!s)
        return;
    db_close(s);
    while (s->oldest)
        memory_drop_oldest(s);
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

/* What happened under the lock, told after it. */
enum outcome { DONE, KNOWN, ABSENT, FULL, BROKEN, EXHAUSTED };

static enum outcome broken(struct graph_store *s, const char *doing)
{
    explain(s, doing);
    db_close(s);
    return BROKEN;
}

static enum outcome db_put(struct graph_store *s, const char *id, const char *canonical)
{
    int found, counted, stored;
    sqlite3_bind_text(s->get, 1, id, -1, SQLITE_STATIC);
    found = sqlite3_step(s->get);
    sqlite3_reset(s->get);
    if (found == SQLITE_ROW)
        return KNOWN;
    counted = sqlite3_step(s->count);
    int64_t n = counted == SQLITE_ROW ? sqlite3_column_int64(s->count, 0) : 0;
    sqlite3_reset(s->count);
    if (found != SQLITE_DONE || counted != SQLITE_ROW)
        return broken(s, "reading the graph store");
    if (n >= s->max_graphs)
        return FULL;
    sqlite3_bind_text(s->put, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s->put, 2, canonical, -1, SQLITE_STATIC);
    stored = sqlite3_step(s->put);
    sqlite3_reset(s->put);
    sqlite3_clear_bindings(s->put);
    return stored == SQLITE_DONE ? DONE : broken(s, "storing the graph");
}

static enum outcome put_locked(struct graph_store *s, const char *id, const char *canonical)
{
    if (memory_find(s, id))
        return KNOWN;
    if (s->dir && !db_open(s))
        return BROKEN;
    enum outcome outcome = s->dir ? db_put(s, id, canonical) : s->n_entries >= s->max_graphs ? FULL : DONE;
    if (outcome == DONE || outcome == KNOWN)
        if (!memory_add(s, id, canonical, strlen(canonical)) && !s->dir)
            return EXHAUSTED;
    return outcome;
}

static enum outcome db_get(struct graph_store *s, const char *id, char **ret_text)
{
    sqlite3_bind_text(s->get, 1, id, -1, SQLITE_STATIC);
    int found = sqlite3_step(s->get);
    const char *text = found == SQLITE_ROW ? (const char *)sqlite3_column_text(s->get, 0) : NULL;
    if (text) {
        *ret_text = strdup(text);
        memory_add(s, id, text, strlen(text));
    }
    sqlite3_reset(s->get);
    sqlite3_clear_bindings(s->get);
    if (found == SQLITE_ROW)
        return *ret_text ? DONE : EXHAUSTED;
    return found == SQLITE_DONE ? ABSENT : broken(s, "reading the graph store");
}

static enum outcome get_locked(struct graph_store *s, const char *id, char **ret_text)
{
    struct entry *e = memory_find(s, id);
    if (e) {
        *ret_text = strdup(e->text);
        return *ret_text ? DONE : EXHAUSTED;
    }
    if (!s->dir)
        return ABSENT;
    return db_open(s) ? db_get(s, id, ret_text) : BROKEN;
}

static enum status outcome_status(enum outcome outcome, const char *why, const struct graph_store *s,
                                  struct fault *fault)
{
    if (outcome == FULL)
        return fault_limit(fault, "max-graphs", "", "%u graphs are stored already", s->max_graphs);
    if (outcome == EXHAUSTED)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the graph");
    if (outcome == BROKEN)
        return fault_add(fault, STATUS_BUSY, "", 0, "%s; graphs inside requests work meanwhile", why);
    return STATUS_OK;
}

enum status graph_store_put(struct graph_store *s, const char *id, const char *canonical, bool *ret_known,
                            struct fault *fault)
{
    char why[WHY_SIZE];
    pthread_mutex_lock(&s->lock);
    enum outcome outcome = put_locked(s, id, canonical);
    memcpy(why, s->why, sizeof why);
    pthread_mutex_unlock(&s->lock);
    TRY(outcome_status(outcome, why, s, fault));
    *ret_known = outcome == KNOWN;
    return STATUS_OK;
}

enum status graph_store_get(struct graph_store *s, const char *id, char **ret_canonical, struct fault *fault)
{
    char why[WHY_SIZE];
    char *text = NULL;
    pthread_mutex_lock(&s->lock);
    enum outcome outcome = get_locked(s, id, &text);
    memcpy(why, s->why, sizeof why);
    pthread_mutex_unlock(&s->lock);
    TRY(outcome_status(outcome, why, s, fault));
    *ret_canonical = text;
    return STATUS_OK;
}
