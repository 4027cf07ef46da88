/* The crash marker: a small file in the store's folder, mapped, in which each thread writes the key of the kernel that
 * it runs. What stands there when the process is gone was running when it died; the next start reads it. Setting and
 * clearing a mark takes a few nanoseconds and no system call. */
#ifndef JIT_MARKER_H
#define JIT_MARKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/hash.h"

struct marker {
    uint64_t id; /* of this process's markers; from 1 */
    int fd;      /* locked */
    void *file;
};

/* One a thread. state: MARK_IDLE, MARK_RUNNING, or MARK_CRASHED and the signal. */
enum { MARK_IDLE, MARK_RUNNING, MARK_CRASHED = 256 };
struct mark {
    _Alignas(64) atomic_uint state;
    atomic_int thread; /* its kernel id; 0: the mark is free */
    uint8_t key[HASH_SIZE];
};

/* What the process before us left. */
struct marked {
    uint8_t key[HASH_SIZE];
    int signal; /* that the kernel raised; 0: it was running when the process was ended from outside */
};

/* Opens or makes DIR/crash.marker and empties it after one call of `left` a mark. NULL: errno says why; EWOULDBLOCK:
 * another process has it. */
struct marker *marker_open(const char *dir, void (*left)(const struct marked *m, void *user), void *user);
void marker_close(struct marker *m); /* nothing runs any more; takes NULL */

/* From now on, a kernel that raises SIGSEGV, SIGBUS, SIGILL or SIGFPE is told apart in its mark before the process
 * dies of it as it would have. For the whole process; not under sanitizers, which have handlers of their own. */
void marker_catch(void);

struct marker_mine {
    uint64_t id;
    struct mark *mark;
};
extern _Thread_local struct marker_mine marker_mine;
struct mark *marker_claim(struct marker *m); /* NULL when all are taken: this thread is not watched */

/* Around a kernel. */
static inline struct mark *marker_set(struct marker *m, const uint8_t key[HASH_SIZE])
{
    if (!m)
        return NULL;
    struct mark *mark = marker_mine.id == m->id ? marker_mine.mark : marker_claim(m);
    if (!mark)
        return NULL;
    memcpy(mark->key, key, HASH_SIZE);
    atomic_store_explicit(&mark->state, MARK_RUNNING, memory_order_release);
    return mark;
}

static inline void marker_clear(struct mark *mark)
{
    if (mark)
        atomic_store_explicit(&mark->state, MARK_IDLE, memory_order_release);
}

#endif
