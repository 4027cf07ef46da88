/* See turn.h. A turn knows the stream and not the connection, which may be gone before it ends. */
#include "server/turn.h"

#include <stdlib.h>

#include "api/load/pool.h"
#include "server/conn.h"

static const double turn_s = 0.05; /* about what a turn takes */

struct turn {
    struct http *http;
    struct api_stream *stream;
};

static void turn_run(void *user)
{
    struct turn *t = user;
    struct http *h = t->http;
    api_stream_work(t->stream);
    free(t);
    atomic_store_explicit(&h->progress_ms, reaper_clock_ms(), memory_order_relaxed);
    atomic_fetch_sub(&h->on_pool, 1);
}

/* Its request was let in already. */
bool turn_submit(struct conn *c)
{
    struct http *h = c->http;
    struct api_stream *stream = c->response.stream;
    struct turn *t = malloc(sizeof *t);
    if (!t)
        return false;
    *t = (struct turn){h, stream};
    if (atomic_fetch_add(&h->on_pool, 1) == 0)
        atomic_store_explicit(&h->progress_ms, reaper_clock_ms(), memory_order_relaxed);
    /* Asked after it is counted: who ends the server sets it, and then waits for the count. */
    const struct pool_work work = {
        .run = turn_run, .user = t, .class = POOL_CONTINUE, .cost_s = turn_s, .client = c->response.client};
    if (!atomic_load(&h->aborting) && !pool_submit(h->pool, &work))
        return true;
    atomic_fetch_sub(&h->on_pool, 1);
    free(t);
    return false;
}
