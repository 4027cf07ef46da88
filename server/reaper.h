/* Cuts off connections that take too long for what they are doing, from a thread of its own, by shutdown(2) of the
 * socket: the HTTP library's own timer only sees idleness, so a byte now and then would keep a connection for ever.
 * When all connections are in use it also makes room for a new one, at the cost of who lags most.
 * Also reads to its end what a refused client still sends, so that the client sees the answer and not a reset. */
#ifndef SERVER_REAPER_H
#define SERVER_REAPER_H

#include <stdatomic.h>
#include <stdint.h>

/* What a connection is doing. WORK is ours and never cut off but by the request's end; CUT is the reaper's. */
enum phase { PHASE_HEAD, PHASE_BODY, PHASE_SEND, PHASE_WORK, PHASE_IDLE, PHASE_CUT };

/* Part of a connection. Its thread moves it by watched_set; the reaper reads it. */
struct watched {
    struct watched *previous, *next;
    int fd;
    _Atomic uint64_t state;      /* phase, and since when it lags behind */
    _Atomic int64_t deadline_ms; /* of this phase */
    _Atomic int64_t end_ms;      /* of the whole request */
    /* The reaper's own: how an answer is taken. */
    uint64_t seen_state, seen_acked;
    int64_t due_ms;
};

struct reaper_config {
    uint32_t period_ms;
    uint32_t send_timeout_ms, min_rate; /* bytes a second: slower answers are cut off after their timeout */
    uint32_t evict_lag_ms;
};

struct reaper;

struct reaper *reaper_new(const struct reaper_config *config); /* NULL when there is no memory or thread */
void reaper_free(struct reaper *r);                            /* takes NULL */

void reaper_add(struct reaper *r, struct watched *w);
/* After this the fd may be closed. */
void reaper_remove(struct reaper *r, struct watched *w);

/* Cuts off some of those that lag most; else one that has not finished a head, else one that idles. Returns how many:
 * 0 when everybody is busy and in time. Their descriptors are closed a little later. */
unsigned reaper_evict(struct reaper *r);

/* From now on a second behind the least rate is enough: the server ends. */
void reaper_hurry(struct reaper *r);

/* Takes over `fd`: reads and throws away until the other side closes, at most two seconds. */
void reaper_linger(struct reaper *r, int fd);

int64_t reaper_clock_ms(void); /* monotonic, coarse: costs a few ns */

/* since_ms: when the phase began, or for a body, when what came of it would have come at the least rate. */
static inline void watched_set(struct watched *w, enum phase phase, int64_t since_ms, int64_t deadline_ms)
{
    atomic_store_explicit(&w->deadline_ms, deadline_ms, memory_order_relaxed);
    atomic_store_explicit(&w->state, (uint64_t)since_ms << 3 | phase, memory_order_release);
}

#endif
