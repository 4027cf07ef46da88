/* Cuts off connections that take too long for what they are doing, from a thread of its own, by shutdown(2) of the
 * socket: the HTTP library's own timer only sees idleness, so a byte now and then would keep a connection for ever.
 * Also reads to its end what a refused client still sends, so that the client sees the answer and not a reset. */
#ifndef SERVER_REAPER_H
#define SERVER_REAPER_H

#include <stdatomic.h>
#include <stdint.h>

/* Part of a connection. The owner moves phase and deadline from its thread; the reaper reads them. */
struct watched {
    struct watched *previous, *next;
    int fd;
    _Atomic int64_t deadline_ms;
    const char *_Atomic phase; /* a static string */
};

struct reaper;

struct reaper *reaper_new(uint32_t period_ms); /* NULL when there is no memory or thread */
void reaper_free(struct reaper *r);            /* takes NULL */

void reaper_add(struct reaper *r, struct watched *w);
/* After this the fd may be closed. */
void reaper_remove(struct reaper *r, struct watched *w);

/* Takes over `fd`: reads and throws away until the other side closes, at most two seconds. */
void reaper_linger(struct reaper *r, int fd);

int64_t reaper_clock_ms(void); /* monotonic, coarse: costs a few ns */

static inline void watched_set(struct watched *w, const char *phase, int64_t deadline_ms)
{
    atomic_store_explicit(&w->phase, phase, memory_order_relaxed);
    atomic_store_explicit(&w->deadline_ms, deadline_ms, memory_order_relaxed);
}

#endif
