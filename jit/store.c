/* See store.h. Rows are judged here by their MAC, wherever they were found. Reading happens on the caller's thread,
 * under a mutex that is never held for longer than a row; writing on one thread (store_writer.c). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "jit/store_key.h"
#include "jit/store_private.h"
#include "jit/thread.h"

enum { QUEUE_ROWS = 256, QUEUE_BYTES = 64 << 20, LIST_PAGE = 64 };

void store_say(struct store *s, int level, const char *format, ...)
{
    char message[512];
    va_list ap;
    if (!s->config.log)
        return;
    va_start(ap, format);
    vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    s->config.log(level, message, s->config.user);
}

/* Reading */

static void mac_of(const struct store *s, const struct stored *r, uint8_t ret_mac[MAC_SIZE])
{
    const char *target = target_name(r->target);
    uint8_t entry[4];
    const struct hash_part parts[] = {
        {r->key, HASH_SIZE},         {target, strlen(target)},        {entry, sizeof entry},
        {r->shape.data, r->shape.n}, {r->image.bytes, r->image.size},
    };
    for (int i = 0; i < 4; i++)
        entry[i] = (uint8_t)(r->image.entry >> 8 * i);
    hash_mac(s->secret, parts, sizeof parts / sizeof *parts, ret_mac);
}

void stored_done(struct stored *row)
{
    free(row->memory);
    row->memory = NULL;
}

static void report_damage(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->damaged = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void store_drop(struct store *s, const uint8_t key[HASH_SIZE])
{
    pthread_mutex_lock(&s->lock);
    if (s->work.n_doomed < STORE_DOOMED_MAX)
        memcpy(s->work.doomed[s->work.n_doomed++], key, HASH_SIZE);
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void refuse(struct store *s, const uint8_t key[HASH_SIZE])
{
    atomic_fetch_add(&s->refused, 1);
    store_say(s, LOG_WARNING, "a row of the kernel store is not what was written there and will be deleted");
    store_drop(s, key);
}

/* A row whose MAC is right for this key. */
static enum store_result read_row(struct store *s, const uint8_t key[HASH_SIZE], struct stored *ret)
{
    struct db_row row;
    uint8_t right[MAC_SIZE];
    pthread_mutex_lock(&s->read_lock);
    enum db_result r = db_get(&s->db, key, &row);
    pthread_mutex_unlock(&s->read_lock);
    if (r == DB_NONE)
        return STORE_MISS;
    if (r == DB_FORM)
        return STORE_REFUSED;
    if (r != DB_OK) {
        atomic_fetch_add(&s->errors, 1);
        if (r == DB_DAMAGED)
            report_damage(s);
        return STORE_ERROR;
    }
    mac_of(s, &row.stored, right);
    if (memcmp(key, row.stored.key, HASH_SIZE) != 0 || memcmp(row.mac, right, MAC_SIZE) != 0) {
        stored_done(&row.stored);
        return STORE_REFUSED;
    }
    *ret = row.stored;
    return STORE_HIT;
}

enum store_result store_get(struct store *s, const uint8_t key[HASH_SIZE], enum target target, struct bytes shape,
                            struct stored *ret_row)
{
    enum store_result r = read_row(s, key, ret_row);
    if (r == STORE_HIT && (ret_row->target != target || ret_row->shape.n != shape.n ||
                           memcmp(ret_row->shape.data, shape.data, shape.n) != 0)) {
        stored_done(ret_row);
        r = STORE_REFUSED;
    }
    if (r == STORE_HIT)
        store_touch(s, key);
    if (r == STORE_REFUSED)
        refuse(s, key);
    return r;
}

bool store_has(struct store *s, const uint8_t key[HASH_SIZE])
{
    pthread_mutex_lock(&s->read_lock);
    bool has = db_has(&s->db, key) == DB_OK;
    pthread_mutex_unlock(&s->read_lock);
    return has;
}

bool store_compiler(struct store *s, char *ret_compiler, size_t size)
{
    char name[DB_NAME_SIZE];
    pthread_mutex_lock(&s->read_lock);
    bool known = db_compiler(&s->db, name) == DB_OK;
    pthread_mutex_unlock(&s->read_lock);
    if (known)
        snprintf(ret_compiler, size, "%s", name);
    return known;
}

void store_recent(struct store *s, uint32_t n, bool (*row)(const struct stored *row, void *user), void *user)
{
    struct db_entry *entries = calloc(n ? n : 1, sizeof *entries);
    uint32_t got = 0;
    bool go_on = true;
    if (!entries)
        return;
    pthread_mutex_lock(&s->read_lock);
    enum db_result r = db_recent(&s->db, n, entries, &got);
    pthread_mutex_unlock(&s->read_lock);
    if (r == DB_DAMAGED)
        report_damage(s);
    for (uint32_t i = 0; i < got && go_on; i++) {
        struct stored one;
        enum store_result found = read_row(s, entries[i].key, &one);
        if (found == STORE_REFUSED)
            refuse(s, entries[i].key);
        if (found != STORE_HIT)
            continue;
        go_on = row(&one, user);
        stored_done(&one);
    }
    free(entries);
}

bool store_list(struct store *s, bool verify, void (*row)(const struct store_row *, void *user), void *user)
{
    struct db_entry entries[LIST_PAGE];
    uint8_t after[HASH_SIZE] = {0};
    for (;;) {
        uint32_t n;
        pthread_mutex_lock(&s->read_lock);
        enum db_result r = db_after(&s->db, after, LIST_PAGE, entries, &n);
        pthread_mutex_unlock(&s->read_lock);
        for (uint32_t i = 0; i < n; i++) {
            struct store_row out = {
                .target = entries[i].target, .size = entries[i].size, .used_at = entries[i].used_at};
            struct stored one;
            memcpy(out.key, entries[i].key, HASH_SIZE);
            out.sound = verify && read_row(s, out.key, &one) == STORE_HIT;
            if (out.sound)
                stored_done(&one);
            row(&out, user);
        }
        if (r != DB_OK || n == 0)
            return r == DB_OK;
        memcpy(after, entries[n - 1].key, HASH_SIZE);
    }
}

/* Asking for writes */

void store_put(struct store *s, const uint8_t key[HASH_SIZE], enum target target, struct bytes shape,
               const struct image *image)
{
    size_t bytes = shape.n + image->size;
    struct put *put = bytes <= s->config.bytes / 4 && shape.n <= DB_SHAPE_MAX ? malloc(sizeof *put + bytes) : NULL;
    if (!put) {
        atomic_fetch_add(&s->dropped, 1);
        return;
    }
    uint8_t *data = (uint8_t *)(put + 1);
    memcpy(data, image->bytes, image->size);
    if (shape.n)
        memcpy(data + image->size, shape.data, shape.n);
    *put = (struct put){.bytes = bytes,
                        .row.stored = {.target = target,
                                       .shape = {data + image->size, shape.n},
                                       .image = {data, image->size, image->entry}}};
    memcpy(put->row.stored.key, key, HASH_SIZE);
    mac_of(s, &put->row.stored, put->row.mac);
    pthread_mutex_lock(&s->lock);
    bool taken = s->n_puts < QUEUE_ROWS && s->put_bytes + bytes <= QUEUE_BYTES;
    if (taken) {
        *s->last = put;
        s->last = &put->next;
        s->n_puts++;
        s->put_bytes += bytes;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (!taken) {
        atomic_fetch_add(&s->dropped, 1);
        free(put);
    }
}

void store_touch(struct store *s, const uint8_t key[HASH_SIZE])
{
    pthread_mutex_lock(&s->lock);
    if (s->work.n_touched < STORE_TOUCHED_MAX)
        memcpy(s->work.touched[s->work.n_touched++], key, HASH_SIZE);
    pthread_mutex_unlock(&s->lock);
}

void store_remember_compiler(struct store *s, const char *compiler)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->work.compiler, sizeof s->work.compiler, "%s", compiler);
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void store_flush(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t mine = ++s->flushes_wanted;
    pthread_cond_signal(&s->wake);
    while (s->flushes_done < mine)
        pthread_cond_wait(&s->written, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

bool store_gc(struct store *s, uint64_t keep_bytes, uint64_t *ret_removed)
{
    struct gc gc = {.keep_bytes = keep_bytes};
    pthread_mutex_lock(&s->lock);
    while (s->gc)
        pthread_cond_wait(&s->written, &s->lock);
    s->gc = &gc;
    pthread_cond_signal(&s->wake);
    while (!gc.done)
        pthread_cond_wait(&s->written, &s->lock);
    s->gc = NULL;
    pthread_cond_broadcast(&s->written);
    pthread_mutex_unlock(&s->lock);
    *ret_removed = gc.removed;
    return gc.good;
}

void store_stats(struct store *s, struct store_stats *ret)
{
    *ret = (struct store_stats){
        .refused = atomic_load(&s->refused),
        .errors = atomic_load(&s->errors),
        .dropped = atomic_load(&s->dropped),
        .bytes = atomic_load(&s->bytes),
        .rows = atomic_load(&s->rows),
        .degraded = atomic_load(&s->degraded),
    };
}

/* Beginning and end */

static void store_free(struct store *s)
{
    db_close(&s->db);
    pthread_mutex_destroy(&s->read_lock);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->written);
    free(s);
}

/* Directory, secret and database. */
static bool prepare(struct store *s)
{
    char path[DB_PATH_MAX];
    const char *dir = s->config.dir;
    bool replaced;
    int n = snprintf(path, sizeof path, "%s/kernels.key", dir);
    snprintf(s->db.path, sizeof s->db.path, "%s/kernels.db", dir);
    if (n < 0 || (size_t)n >= sizeof path || (mkdir(dir, 0700) != 0 && errno != EEXIST) ||
        !store_key(path, s->secret, &replaced)) {
        store_say(s, LOG_WARNING, "there is no kernel store: %s: %s", dir, strerror(errno));
        return false;
    }
    if (replaced)
        store_say(s, LOG_WARNING,
                  "%s was damaged or not ours alone and was made anew: kernels stored before are refused", path);
    store_open_or_rebuild(s, false);
    return true;
}

struct store *store_open(const struct store_config *config)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->config = *config;
    if (s->config.bytes < DB_BYTES_MIN)
        s->config.bytes = DB_BYTES_MIN;
    s->db.bytes = s->config.bytes;
    s->last = &s->work.puts;
    pthread_mutex_init(&s->read_lock, NULL);
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->wake);
    cond_init(&s->written);
    if (!prepare(s) || !thread_start(&s->thread, store_write_forever, s)) {
        store_free(s);
        return NULL;
    }
    s->config.dir = NULL; /* the caller's; not needed any more */
    return s;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    store_free(s);
}
