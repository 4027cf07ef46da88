/* A small pool of threads in the kernels' floating-point state. */
#ifndef API_POOL_H
#define API_POOL_H

#include <stddef.h>

struct pool;
struct pool *pool_new(int threads); /* NULL when threads cannot be made */
void pool_free(struct pool *p);     /* finishes what is queued */
int pool_threads(const struct pool *p);
int pool_waiting(const struct pool *p); /* jobs queued by pool_submit and not yet begun */

/* Runs job(user) on some thread, later. Returns -1 when `limit` jobs wait already. */
int pool_submit(struct pool *p, void (*job)(void *user), void *user, int limit);

/* Calls piece(i, user) for i in 0..n-1 on the calling thread and idle pool threads, at most `threads` of them; returns
 * when all are done. A piece that returns nonzero stops further ones from starting; that value is returned. Safe from
 * inside a job. */
int pool_each(struct pool *p, int threads, size_t n, int (*piece)(size_t i, void *user), void *user);

#endif
