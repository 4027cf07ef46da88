/* The kernel store: kernels that outlive the process, in one SQLite file beside a key file. Disposable: what is damaged
 * or was tampered with is refused, thrown away and made anew. Thread-safe; reading takes a tenth of a millisecond,
 * writing happens on the store's own thread. */
#ifndef JIT_STORE_H
#define JIT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/ir.h"
#include "jit/image.h"
#include "jit/target.h"

struct store;

struct store_config {
    const char *dir; /* holds kernels.db and kernels.key; made when absent */
    uint64_t bytes;  /* bound of kernels.db; the journal beside it takes a few MB more */
    void (*log)(int level, const char *message, void *user);
    /* Asked once in a while from the store's thread: call store_touch for what was used since. May be NULL. */
    void (*collect_used)(struct store *s, void *user);
    void *user;
};

struct store *
store_open(const struct store_config *config); /* NULL, and a word in the log, when nothing can be stored there */
void store_close(struct store *s);             /* writes what is queued; takes NULL */

enum store_result {
    STORE_HIT,
    STORE_MISS,
    STORE_REFUSED, /* there was a row, but its MAC, shape or form is wrong; it will be deleted */
    STORE_ERROR,
};

/* A row as it was read: memory is the store's until stored_done. */
struct stored {
    uint8_t key[HASH_SIZE];
    enum target target;
    struct bytes shape;
    struct image image;
    void *memory;
};
void stored_done(struct stored *row);

/* The image of a kernel whose row has this very shape and an intact MAC. */
enum store_result store_get(struct store *s, const uint8_t key[HASH_SIZE], enum target target, struct bytes shape,
                            struct stored *ret_row) MUST_CHECK;
bool store_has(struct store *s, const uint8_t key[HASH_SIZE]);

/* Copies and queues; when the queue is full the kernel is not kept. */
void store_put(struct store *s, const uint8_t key[HASH_SIZE], enum target target, struct bytes shape,
               const struct image *image);
void store_drop(struct store *s, const uint8_t key[HASH_SIZE]);  /* its row goes */
void store_touch(struct store *s, const uint8_t key[HASH_SIZE]); /* it was used: kept in memory, written now and then */
void store_flush(struct store *s);                               /* waits until all of that is written */

/* The most recently used rows that are intact, latest first; stops when `row` returns false. */
void store_recent(struct store *s, uint32_t n, bool (*row)(const struct stored *row, void *user), void *user);

/* The latest compiler's name, so that keys can be formed without one. */
void store_remember_compiler(struct store *s, const char *compiler);
bool store_compiler(struct store *s, char *ret_compiler, size_t size);

/* All rows, in the order of their keys. `sound` is only looked at when `verify`. */
struct store_row {
    uint8_t key[HASH_SIZE];
    const char *target;
    uint32_t size;   /* bytes of code */
    int64_t used_at; /* seconds since 1970 */
    bool sound;
};
bool store_list(struct store *s, bool verify, void (*row)(const struct store_row *, void *user), void *user);

/* Before it is opened: is DIR/kernels.db there, and are its pages in order? Every fault is told in a line. The rows are
 * store_list's. Changes nothing. */
enum store_state { STORE_SOUND, STORE_ABSENT, STORE_UNUSABLE };
enum store_state store_check(const char *dir, void (*tell)(const char *line, void *user), void *user);

/* Deletes the least recently used until at most keep_bytes are left and gives the space back to the file system. False
 * when that failed. */
bool store_gc(struct store *s, uint64_t keep_bytes, uint64_t *ret_removed);

struct store_stats {
    uint64_t refused, errors, dropped;
    uint64_t bytes, rows; /* of kernels.db, as of the last write */
    bool degraded;        /* cannot be written at present */
};
void store_stats(struct store *s, struct store_stats *ret);

#endif
