/* What the files of the store of kernels share; nobody else includes this. */
#ifndef JIT_STORE_PRIVATE_H
#define JIT_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "jit/store.h"
#include "jit/store_db.h"

enum { STORE_TOUCHED_MAX = 1024, STORE_DOOMED_MAX = 64 };

struct put {
    struct put *next;
    struct db_row row; /* owned memory behind */
    size_t bytes;
};

/* What waits for the writer. */
struct work {
    struct put *puts;
    uint32_t n_touched, n_doomed;
    uint8_t touched[STORE_TOUCHED_MAX][HASH_SIZE], doomed[STORE_DOOMED_MAX][HASH_SIZE];
    char compiler[DB_NAME_SIZE]; /* "": no news */
};

struct gc {
    uint64_t keep_bytes, removed;
    bool done, good;
};

struct store {
    struct store_config config;
    uint8_t secret[MAC_KEY_SIZE];
    struct db db; /* its reader under read_lock, its writer is the thread's */
    pthread_mutex_t read_lock;
    int64_t retry_at; /* the thread's, as is the next */
    struct work taken;

    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake, written;
    struct work work;
    struct put **last;
    uint32_t n_puts;
    size_t put_bytes;
    uint64_t flushes_wanted, flushes_done;
    struct gc *gc;
    bool damaged, stopping;

    atomic_uint_fast64_t refused, errors, dropped, bytes, rows;
    atomic_bool degraded;
};

__attribute__((format(printf, 3, 4))) void store_say(struct store *s, int level, const char *format, ...);

/* The writer (store_writer.c) */

/* Opens the database, and begins anew what is damaged: what SQLite says on opening, or what was found in it before. On
 * the writer's thread, or before there is one. */
void store_open_or_rebuild(struct store *s, bool damaged);
void *store_write_forever(void *store); /* the thread, until `stopping` */

#endif
