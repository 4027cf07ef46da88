/* A small pool of threads in the kernels' floating-point state, and the works that wait for one. */
#ifndef API_POOL_H
#define API_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;
struct pool *pool_new(int threads);     /* NULL when threads cannot be made */
void pool_free(struct pool *p);         /* finishes what is queued */
int pool_threads(const struct pool *p); /* 1 of none */

/* What may wait. A member that is 0: no limit. */
struct pool_limits {
    uint32_t works;   /* max-queue */
    double wait_s;    /* max-queue-seconds: until a new one begins, as predicted */
    uint64_t bytes;   /* max-work-bytes: of all that waits and runs, and of answers not sent yet */
    uint32_t retry_s; /* retry-after: the least */
};
void pool_set_limits(struct pool *p, const struct pool_limits *limits);
struct pool_limits pool_limits(struct pool *p);

enum pool_class {
    POOL_CONTINUE,   /* a turn of what was let in before: never refused */
    POOL_INTERACTIVE /* somebody waits for it */
};

/* A work that waits for a thread, and what is predicted of it. */
struct pool_work {
    void (*run)(void *user);
    /* Instead of run, from another thread of the pool's or inside pool_submit, when it is given up while it still
     * waits: `limit` names why (max-request-ms: its deadline has passed; another: it made room for other clients), or
     * is NULL when `gone` said yes. NULL: it is never given up. */
    void (*late)(void *user, const char *limit);
    bool (*gone)(
        void *user); /* nobody wants it any more? Asked now and then while it waits; must be quick. May be NULL */
    void *user;
    enum pool_class class;
    double cost_s;      /* seconds of one thread */
    uint64_t bytes;     /* of memory, until run returns */
    double deadline_ms; /* by exchange_clock_ms; 0: none */
    const char *client; /* whose turn it is; copied; NULL: nobody's in particular */
};

/* Runs it on some thread, later, or says by NULL that it will. Else the name of the limit that refuses. */
const char *pool_submit(struct pool *p, const struct pool_work *work);

/* Would it be let in now? NULL, or the limit that speaks against it. */
const char *pool_refusal(struct pool *p, const struct pool_work *work);

bool pool_has_room(struct pool *p, uint64_t bytes); /* of max-work-bytes */

/* Memory that outlives its work, such as an answer that is being sent, counts as well: adds `bytes`, which may be
 * negative. */
void pool_hold(struct pool *p, int64_t bytes);

/* Inside a work: seconds of processors that it has taken so far, those of threads that helped included. */
double pool_spent_s(void);

/* Seconds until a work that comes now and stands behind all others would begin, as predicted. */
double pool_wait_s(struct pool *p);
uint32_t pool_retry_s(struct pool *p); /* the same for Retry-After: whole, at least 1, at most an hour */
int pool_waiting(struct pool *p);      /* works not yet begun */

struct pool_stats {
    uint32_t waiting, running;
    uint32_t clients; /* whose works wait */
    double queued_s, wait_s;
    double oldest_s; /* how long the oldest has waited */
    uint64_t bytes;
    uint64_t late, gone, pushed; /* works given up while they waited, since the begin, by why */
};
void pool_stats(struct pool *p, struct pool_stats *ret);

/* Calls piece(i, user) for i in 0..n-1 on the calling thread and idle pool threads, at most `threads` of them; returns
 * when all are done. A piece that returns nonzero stops further ones from starting; that value is returned. Safe from
 * inside a work. */
int pool_each(struct pool *p, int threads, size_t n, int (*piece)(size_t i, void *user), void *user);

#endif
