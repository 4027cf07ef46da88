/* See store.h: its one writing thread. What waits is taken all at once and written in transactions of bounded size; a
 * disk that fails is left alone for a while, a file that is damaged is moved aside and begun anew. */
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

#include "jit/store_private.h"
#include "jit/thread.h"

enum {
    TICK_MS = 30000,       /* how often times of last use are written */
    RETRY_MS = 5000,       /* after a failed write */
    BATCH_BYTES = 4 << 20, /* of one transaction, about: the journal grows with it */
};

static void note_size(struct store *s)
{
    uint64_t bytes, rows;
    if (db_size(&s->db, &bytes, &rows) != DB_OK)
        return;
    atomic_store(&s->bytes, bytes);
    atomic_store(&s->rows, rows);
}

void store_open_or_rebuild(struct store *s, bool damaged)
{
    bool said = atomic_load(&s->degraded);
    enum db_result r = damaged ? DB_DAMAGED : db_open(&s->db);
    if (r == DB_DAMAGED) {
        db_close(&s->db);
        bool moved = db_move_aside(&s->db);
        store_say(s, LOG_ERR, "the kernel store is damaged and %s: %s",
                  moved ? "was moved aside" : "cannot be moved aside", s->db.path);
        if (moved)
            r = db_open(&s->db);
    }
    atomic_store(&s->degraded, !s->db.writer);
    if (r == DB_NEWER && !said)
        store_say(s, LOG_ERR,
                  "the kernel store was made by a newer sinter, which may be using it: it is left alone, and "
                  "kernels are not kept here; give this one another --store: %s",
                  s->db.path);
    else if (!s->db.writer && !said)
        store_say(s, LOG_WARNING, "the kernel store %s: %s: %s", r == DB_OK ? "can only be read" : "cannot be used",
                  s->db.path, s->db.problem);
    note_size(s);
}

static void reopen(struct store *s, bool damaged)
{
    pthread_mutex_lock(&s->read_lock);
    db_close(&s->db);
    store_open_or_rebuild(s, damaged);
    pthread_mutex_unlock(&s->read_lock);
    s->retry_at = clock_ms() + RETRY_MS;
}

/* One transaction: some puts from io_put on, deletions with the first, the rest with the last. io_put moves on success
 * only. */
static enum db_result write_some(struct store *s, const struct work *w, const struct put **io_put)
{
    enum db_result r = db_begin(&s->db);
    int64_t now = (int64_t)time(NULL);
    const struct put *p = *io_put;
    for (uint32_t i = 0; p == w->puts && i < w->n_doomed && r == DB_OK; i++) /* before the same key comes anew */
        r = db_delete(&s->db, w->doomed[i]);
    for (size_t bytes = 0; p && r == DB_OK && bytes <= s->config.bytes / 16 && bytes <= BATCH_BYTES; p = p->next) {
        r = db_put(&s->db, &p->row, now);
        bytes += p->bytes;
    }
    for (uint32_t i = 0; !p && i < w->n_touched && r == DB_OK; i++)
        r = db_touch(&s->db, w->touched[i], now);
    if (!p && w->compiler[0] && r == DB_OK)
        r = db_set_compiler(&s->db, w->compiler);
    if (r == DB_OK)
        r = db_commit(&s->db);
    if (r == DB_OK)
        *io_put = p;
    else
        db_rollback(&s->db);
    return r;
}

/* Room for what comes: evicts from nine tenths of the bound down to eight. */
static void keep_bound(struct store *s, bool at_once)
{
    uint64_t bytes, rows, removed;
    if (db_size(&s->db, &bytes, &rows) != DB_OK || (!at_once && bytes <= s->config.bytes / 10 * 9))
        return;
    if (db_evict(&s->db, s->config.bytes / 10 * (at_once ? 6 : 8), &removed) == DB_OK)
        db_shrink(&s->db);
}

static enum db_result write_all(struct store *s, const struct work *w)
{
    const struct put *put = w->puts;
    enum db_result r;
    do {
        r = write_some(s, w, &put);
        if (r == DB_FULL) {
            keep_bound(s, true);
            r = write_some(s, w, &put);
        } else if (r == DB_DAMAGED) {
            reopen(s, true);
            r = write_some(s, w, &put);
        }
        keep_bound(s, false);
    } while (r == DB_OK && put);
    for (; put; put = put->next)
        atomic_fetch_add(&s->dropped, 1);
    return r;
}

static void write_work(struct store *s, const struct work *w)
{
    if (!w->puts && !w->n_touched && !w->n_doomed && !w->compiler[0])
        return;
    bool failing = atomic_load(&s->degraded);
    if (failing && clock_ms() < s->retry_at) {
        for (const struct put *p = w->puts; p; p = p->next)
            atomic_fetch_add(&s->dropped, 1);
        return;
    }
    if (!s->db.writer)
        reopen(s, false);
    enum db_result r = write_all(s, w);
    if (r == DB_OK && failing)
        store_say(s, LOG_NOTICE, "the kernel store can be written again");
    if (r != DB_OK) {
        atomic_fetch_add(&s->errors, 1);
        s->retry_at = clock_ms() + RETRY_MS;
        if (!failing)
            store_say(s, LOG_WARNING, "the kernel store cannot be written, kernels are not kept meanwhile: %s",
                      s->db.path);
    }
    note_size(s);
    atomic_store(&s->degraded, r != DB_OK);
}

static void free_puts(struct put *puts)
{
    for (struct put *next; puts; puts = next) {
        next = puts->next;
        free(puts);
    }
}

/* Under the lock: is there something that should not wait for the next tick? */
static bool is_urgent(const struct store *s)
{
    return s->stopping || s->damaged || s->work.puts || s->work.n_doomed || s->work.compiler[0] ||
           (s->gc && !s->gc->done) || s->flushes_wanted > s->flushes_done || s->work.n_touched == STORE_TOUCHED_MAX;
}

/* One round: everything that waits is taken, then written without the lock, which is held before and after. */
static void write_round(struct store *s)
{
    bool damaged = s->damaged;
    struct gc *gc = s->gc && !s->gc->done ? s->gc : NULL;
    uint64_t flushes = s->flushes_wanted;
    s->taken = s->work;
    s->work.puts = NULL;
    s->work.n_touched = s->work.n_doomed = 0;
    s->work.compiler[0] = 0;
    s->last = &s->work.puts;
    s->n_puts = 0;
    s->put_bytes = 0;
    s->damaged = false;
    pthread_mutex_unlock(&s->lock);
    if (damaged && clock_ms() >= s->retry_at)
        reopen(s, true);
    write_work(s, &s->taken);
    free_puts(s->taken.puts);
    if (gc) {
        gc->good = db_evict(&s->db, gc->keep_bytes, &gc->removed) == DB_OK && db_shrink(&s->db) == DB_OK;
        note_size(s);
    }
    pthread_mutex_lock(&s->lock);
    if (gc)
        gc->done = true;
    s->flushes_done = flushes;
    pthread_cond_broadcast(&s->written);
}

void *store_write_forever(void *user)
{
    struct store *s = user;
    int64_t tick = clock_ms() + TICK_MS;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        while (!is_urgent(s) && cond_wait_until(&s->wake, &s->lock, tick))
            ;
        if (s->config.collect_used && (clock_ms() >= tick || s->stopping)) {
            pthread_mutex_unlock(&s->lock);
            s->config.collect_used(s, s->config.user);
            pthread_mutex_lock(&s->lock);
        }
        if (clock_ms() >= tick)
            tick = clock_ms() + TICK_MS;
        write_round(s);
    }
    write_round(s);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
