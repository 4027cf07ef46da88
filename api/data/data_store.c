/* See data_store.h: the store as a whole, its writer thread and its readers. What the operations do is in the other
 * files of this name. Reading goes through a few connections, each under a lock; all writing is done by one thread,
 * which puts what waits for it into one transaction, so that many clients share one wait for the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "api/data/data_store_private.h"
#include "jit/thread.h"

enum { TICK_MS = 1000, BATCH_OPS = 256, MEMORY_BYTES = 256 << 20 };

struct data_config data_config_default(void)
{
    return (struct data_config){
        .max_graphs = 100000,
        .max_graphs_bytes = (uint64_t)1 << 30,
        .max_blob_bytes = (uint64_t)1 << 30,
        .max_blobs_bytes = (uint64_t)16 << 30,
        .blob_age_s = 7 * 86400,
        .max_jobs = 10000,
        .max_items = 1000000,
        .max_jobs_bytes = (uint64_t)1 << 30,
        .max_results_bytes = (uint64_t)16 << 30,
        .result_age_s = 86400,
        .suspect_ms = 2000,
    };
}

int64_t data_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int data_refuse(struct data_op *op, enum status status, const char *limit, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(op->why, sizeof op->why, format, ap);
    va_end(ap);
    op->status = status;
    op->limit = limit;
    return SQLITE_OK;
}

/* Opening */

__attribute__((format(printf, 3, 4))) static void say(const struct data_store *s, int level, const char *format, ...)
{
    char message[DATA_WHY + DATA_PATH];
    va_list ap;
    if (!s->config.log)
        return;
    va_start(ap, format);
    vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    s->config.log(level, message, s->config.log_user);
}

/* Said once, until it works again. */
static void note_failure(struct data_store *s, const char *why)
{
    pthread_mutex_lock(&s->lock);
    bool said = s->stats.failing;
    s->stats.failing = true;
    s->stats.failures++;
    pthread_mutex_unlock(&s->lock);
    if (!said)
        say(s, LOG_ERR, "%s/data.db cannot be used now, jobs and new graphs are refused meanwhile: %s",
            s->dir ? s->dir : "", why);
}

static int read_totals(struct data_store *s)
{
    struct data_totals *t = &s->totals;
    int64_t *const to[] = {&t->graphs, &t->graphs_bytes, &t->blobs, &t->blobs_bytes, &t->results_bytes,
                           &t->jobs,   &t->jobs_ended,   &t->items, &t->items_bytes, &t->running};
    sqlite3_stmt *row;
    int rc = data_row(&s->writer, &row, SQL_TOTALS, "");
    for (int i = 0; rc == SQLITE_ROW && i < (int)(sizeof to / sizeof *to); i++)
        *to[i] = sqlite3_column_int64(row, i);
    data_end(row);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    TRY_SQL(data_number(&s->writer, &t->coming_bytes, 0, SQL_BODIES_COMING, ""));
    return s->first_body < 0 ? data_number(&s->writer, &s->first_body, 0, SQL_BODIES_LAST, "") : SQLITE_OK;
}

/* `alone`: there is no writer, perhaps the file can be read all the same. */
static void open_readers(struct data_store *s, bool alone)
{
    for (int i = 0; i < s->n_readers && s->dir; i++) {
        struct data_reader *r = &s->readers[i];
        pthread_mutex_lock(&r->lock);
        if (r->alone && !alone)
            data_conn_close(r->conn);
        if (!r->conn->db && data_open_reader(s->dir, alone, r->conn) == SQLITE_OK)
            r->alone = alone;
        pthread_mutex_unlock(&r->lock);
    }
}

/* On the writer's thread, or before there is one. */
static enum data_found be_open(struct data_store *s, char why[DATA_WHY])
{
    if (s->writer.db)
        return DATA_SOUND;
    enum data_found found = data_open_writer(s->dir, &s->writer, why);
    if (found == DATA_CLOSED && data_reserve_open(s))
        found = data_open_writer(s->dir, &s->writer, why);
    if (found == DATA_SOUND && read_totals(s) != SQLITE_OK) {
        snprintf(why, DATA_WHY, "its totals cannot be read");
        data_conn_close(&s->writer);
        found = DATA_DAMAGED;
    }
    if (found == DATA_SOUND || found == DATA_CLOSED)
        open_readers(s, found == DATA_CLOSED);
    if (found == DATA_SOUND)
        data_reserve_make(s);
    return found;
}

static enum status fault_of_file(const struct data_store *s, enum data_found found, const char *why,
                                 struct fault *fault)
{
    if (found == DATA_NEWER)
        return fault_add(fault, STATUS_STORE, "", 0,
                         "%s/data.db was written by a newer sinter: %s; start that one, or restore the backup that was "
                         "made before upgrading. The file was not touched",
                         s->dir, why);
    return fault_add(fault, STATUS_STORE, "", 0,
                     "%s/data.db is damaged: %s. The file was not touched. Restore the last backup "
                     "(docs/operating.md), or save what can be read: `sinter cache salvage NEW-DIR --store %s` makes "
                     "NEW-DIR/data.db; put that in its place and delete data.db-wal and data.db-shm",
                     s->dir, why, s->dir);
}

/* The writer */

static int save_totals(struct data_store *s, const struct data_totals *before)
{
    const struct data_totals *t = &s->totals;
    if (!memcmp(t, before, sizeof *t))
        return SQLITE_OK;
    return data_run(&s->writer, SQL_SET_TOTALS, "iiiiiiiiii", t->graphs, t->graphs_bytes, t->blobs, t->blobs_bytes,
                    t->results_bytes, t->jobs, t->jobs_ended, t->items, t->items_bytes, t->running);
}

static int run_one(struct data_store *s, struct data_op *op)
{
    struct data_totals before = s->totals;
    op->status = STATUS_OK;
    op->limit = NULL;
    TRY_SQL(data_run(&s->writer, SQL_SAVE, ""));
    TRY_SQL(op->run(s, op));
    if (op->status != STATUS_OK) {
        s->totals = before;
        TRY_SQL(data_run(&s->writer, SQL_UNDO, ""));
    }
    return data_run(&s->writer, SQL_RELEASE, "");
}

/* One transaction of the operations from `first` to before `end`. */
static int run_all(struct data_store *s, struct data_op *first, const struct data_op *end, char why[DATA_WHY])
{
    struct data_totals before = s->totals;
    bool led = s->leads;
    /* Not even a rollback is certain when there is no memory: what the last one left is undone first. */
    int rc = sqlite3_get_autocommit(s->writer.db) ? SQLITE_OK : data_run(&s->writer, SQL_ROLLBACK, "");
    if (rc == SQLITE_OK)
        rc = data_run(&s->writer, SQL_BEGIN, "");
    for (struct data_op *op = first; op != end && rc == SQLITE_OK; op = op->next)
        rc = run_one(s, op);
    if (rc == SQLITE_OK)
        rc = save_totals(s, &before);
    if (rc == SQLITE_OK)
        rc = data_run(&s->writer, SQL_COMMIT, "");
    if (rc != SQLITE_OK) {
        snprintf(why, DATA_WHY, "%s", sqlite3_errmsg(s->writer.db));
        if (!sqlite3_get_autocommit(s->writer.db))
            (void)!data_run(&s->writer, SQL_ROLLBACK, "");
        s->totals = before;
        s->leads = led;
    }
    return rc;
}

static void fail_all(struct data_op *first, const struct data_op *end, const char *why)
{
    for (struct data_op *op = first; op != end; op = op->next)
        data_refuse(op, STATUS_STORE, NULL, "the store cannot keep or find this now: %s", why);
}

/* What changed nothing says nothing about the disk. */
static void count_commit(struct data_store *s, bool changed)
{
    if (!changed)
        return;
    pthread_mutex_lock(&s->lock);
    s->stats.commits++;
    bool failed = s->stats.failing;
    s->stats.failing = false;
    pthread_mutex_unlock(&s->lock);
    if (failed)
        say(s, LOG_NOTICE, "%s/data.db can be used again", s->dir ? s->dir : "");
}

/* May the same connection go on after this? It must where it can: what a failed commit left in the journal is
 * overwritten by the next one, but would come to life if the journal were read anew. */
static bool passes(int code)
{
    code &= 0xff;
    return code == SQLITE_FULL || code == SQLITE_BUSY || code == SQLITE_IOERR || code == SQLITE_NOMEM;
}

/* One operation on a full disk. */
static int run_in_reserve(struct data_store *s, struct data_op *op, const struct data_op *end, char why[DATA_WHY])
{
    if (!data_reserve_begin(s, op->frees))
        return SQLITE_FULL;
    int rc = run_all(s, op, end, why);
    data_reserve_end(s);
    return rc;
}

/* What fails together is tried one by one: one too many for the disk must not take the others with it. */
static void write_ops(struct data_store *s, struct data_op *first, const struct data_op *end)
{
    char why[DATA_WHY] = "";
    if (be_open(s, why) != DATA_SOUND) {
        note_failure(s, why);
        fail_all(first, end, why);
        return;
    }
    int changes = sqlite3_total_changes(s->writer.db);
    int rc = run_all(s, first, end, why);
    bool alone = first->next == end;
    if (rc == SQLITE_FULL && alone)
        rc = run_in_reserve(s, first, end, why);
    if (rc == SQLITE_OK) { /* that something can be deleted does not say that something can be kept */
        count_commit(s, sqlite3_total_changes(s->writer.db) != changes && !(alone && first->frees));
        return;
    }
    if (!alone) {
        for (struct data_op *op = first, *next; op != end; op = next) {
            next = op->next;
            write_ops(s, op, next);
        }
        return;
    }
    note_failure(s, why);
    fail_all(first, end, why);
    if (s->dir && !passes(rc))
        data_conn_close(&s->writer);
}

static void copy_totals(struct data_store *s)
{
    const struct data_totals *t = &s->totals;
    struct data_stats *to = &s->stats;
    to->graphs = (uint64_t)t->graphs;
    to->graphs_bytes = (uint64_t)t->graphs_bytes;
    to->blobs = (uint64_t)t->blobs;
    to->blobs_bytes = (uint64_t)t->blobs_bytes;
    to->results_bytes = (uint64_t)t->results_bytes;
    to->jobs = (uint64_t)t->jobs;
    to->jobs_ended = (uint64_t)t->jobs_ended;
    to->items = (uint64_t)t->items;
    to->items_bytes = (uint64_t)t->items_bytes;
    to->items_running = (uint64_t)t->running;
}

static void write_locked(struct data_store *s, struct data_op *first, const struct data_op *end)
{
    if (!s->dir)
        pthread_mutex_lock(&s->readers[0].lock);
    write_ops(s, first, end);
    if (!s->dir)
        pthread_mutex_unlock(&s->readers[0].lock);
}

/* A failing disk is asked again by each tick, so that its recovery is seen without a client. */
static int probe(struct data_store *s, struct data_op *op)
{
    (void)op;
    struct data_totals none = {.graphs = -1};
    return save_totals(s, &none);
}

static void tick(struct data_store *s, bool failing)
{
    struct data_op look = {.run = probe}, op = {.run = data_sweep, .frees = true};
    if (failing)
        write_locked(s, &look, NULL);
    else if (s->dir)
        data_reserve_make(s);
    if (s->leads)
        write_locked(s, &op, NULL);
}

/* Under the lock: the operations of one transaction, or NULL. */
static struct data_op *take(struct data_store *s, struct data_op **ret_end)
{
    struct data_op *first = s->first, *last = first;
    for (int n = 1; last && last->next && n < BATCH_OPS; n++)
        last = last->next;
    *ret_end = last ? last->next : NULL;
    s->first = *ret_end;
    if (!s->first)
        s->last = &s->first;
    return first;
}

static void finish(struct data_op *first, const struct data_op *end)
{
    for (struct data_op *op = first, *next; op != end; op = next) {
        next = op->next; /* it is its owner's as soon as it is done */
        op->done = true;
    }
}

static void *write_forever(void *user)
{
    struct data_store *s = user;
    int64_t next_tick = clock_ms() + TICK_MS;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping || s->first) {
        struct data_op *end, *first = take(s, &end);
        bool due = clock_ms() >= next_tick || s->sweeping, failing = s->stats.failing;
        if (!first && !due) {
            cond_wait_until(&s->wake, &s->lock, next_tick);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        if (first)
            write_locked(s, first, end);
        if (due) {
            tick(s, failing);
            next_tick = clock_ms() + TICK_MS;
        }
        pthread_mutex_lock(&s->lock);
        copy_totals(s);
        finish(first, end);
        pthread_cond_broadcast(&s->finished);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

enum status data_submit(struct data_store *s, struct data_op *op, struct fault *fault)
{
    pthread_mutex_lock(&s->lock);
    op->next = NULL;
    op->done = false;
    *s->last = op;
    s->last = &op->next;
    pthread_cond_signal(&s->wake);
    while (!op->done)
        pthread_cond_wait(&s->finished, &s->lock);
    pthread_mutex_unlock(&s->lock);
    if (op->status == STATUS_OK)
        return STATUS_OK;
    if (op->limit)
        fault->limit = op->limit;
    return fault_add(fault, op->status, "", 0, "%s", op->why);
}

void data_maintain(struct data_store *s)
{
    struct fault none;
    struct arena *arena = arena_new(1 << 16);
    if (!arena)
        return;
    if (!ARENA_GUARD(arena)) {
        fault_init(&none, arena);
        struct data_op op = {.run = data_sweep, .frees = true};
        (void)!data_submit(s, &op, &none);
    }
    arena_free(arena);
}

/* Reading */

static struct data_reader *lock_reader(struct data_store *s)
{
    unsigned first = atomic_fetch_add(&s->next_reader, 1);
    for (int i = 0; i < s->n_readers; i++) {
        struct data_reader *r = &s->readers[(first + (unsigned)i) % (unsigned)s->n_readers];
        if (pthread_mutex_trylock(&r->lock) == 0)
            return r;
    }
    struct data_reader *r = &s->readers[first % (unsigned)s->n_readers];
    pthread_mutex_lock(&r->lock);
    return r;
}

/* The writer is open when an operation runs. */
static int reopen_readers(struct data_store *s, struct data_op *op)
{
    (void)op;
    open_readers(s, false);
    return SQLITE_OK;
}

struct data_reader *data_read_begin(struct data_store *s, struct fault *fault)
{
    struct data_reader *r = lock_reader(s);
    if (r->conn->db)
        return r;
    pthread_mutex_unlock(&r->lock);
    struct data_op op = {.run = reopen_readers};
    enum status status = data_submit(s, &op, fault);
    r = lock_reader(s);
    if (r->conn->db && status == STATUS_OK)
        return r;
    pthread_mutex_unlock(&r->lock);
    if (status == STATUS_OK)
        fault_add(fault, STATUS_STORE, "", 0, "the store cannot be read now");
    return NULL;
}

enum status data_read_end(struct data_store *s, struct data_reader *r, int code, struct fault *fault)
{
    char why[DATA_WHY];
    bool good = code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE;
    snprintf(why, sizeof why, "%s", good ? "" : sqlite3_errmsg(r->conn->db));
    if (!good && s->dir)
        data_conn_close(r->conn);
    pthread_mutex_unlock(&r->lock);
    if (good)
        return STATUS_OK;
    note_failure(s, why);
    return fault_add(fault, STATUS_STORE, "", 0, "the store cannot find this now: %s", why);
}

/* The whole */

static void bound_memory(struct data_config *c)
{
    uint64_t *const bounds[] = {&c->max_graphs_bytes, &c->max_blobs_bytes, &c->max_jobs_bytes, &c->max_results_bytes};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (*bounds[i] > MEMORY_BYTES)
            *bounds[i] = MEMORY_BYTES;
}

static struct data_store *store_alloc(const struct data_config *config)
{
    struct data_store *s = calloc(1, sizeof *s);
    if (s && config->dir)
        s->dir = strdup(config->dir);
    if (!s || (config->dir && !s->dir)) {
        free(s);
        return NULL;
    }
    s->config = *config;
    s->config.dir = s->dir;
    if (!s->dir)
        bound_memory(&s->config);
    s->lock_fd = -1;
    s->first_body = -1;
    s->last = &s->first;
    s->n_readers = s->dir ? DATA_READERS : 1;
    for (int i = 0; i < s->n_readers; i++) {
        pthread_mutex_init(&s->readers[i].lock, NULL);
        s->readers[i].conn = s->dir ? &s->readers[i].own : &s->writer;
    }
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->wake);
    pthread_cond_init(&s->finished, NULL);
    return s;
}

enum status data_store_new(const struct data_config *config, struct data_store **ret_store, struct fault *fault)
{
    char why[DATA_WHY] = "";
    struct data_store *s = store_alloc(config);
    if (!s)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the store");
    enum data_found found = be_open(s, why);
    if (found == DATA_DAMAGED || found == DATA_NEWER) {
        enum status status = fault_of_file(s, found, why, fault);
        data_store_free(s);
        return status;
    }
    if (found != DATA_SOUND)
        note_failure(s, why);
    copy_totals(s);
    s->started = thread_start(&s->thread, write_forever, s);
    if (!s->started) {
        data_store_free(s);
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no thread for the store");
    }
    *ret_store = s;
    return STATUS_OK;
}

void data_store_free(struct data_store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (s->started)
        pthread_join(s->thread, NULL);
    for (int i = 0; i < s->n_readers; i++) {
        data_conn_close(&s->readers[i].own);
        pthread_mutex_destroy(&s->readers[i].lock);
    }
    data_conn_close(&s->writer); /* last: puts the journal's pages into the file */
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->finished);
    free(s->dir);
    free(s);
}

void data_stats(struct data_store *s, struct data_stats *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->stats;
    pthread_mutex_unlock(&s->lock);
}
