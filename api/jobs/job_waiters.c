/* See job_waiters.h. */
#include "api/jobs/job_waiters.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/room.h"

enum { ROUND_MS = 100, LOOK_ROUNDS = 20 /* after which all look for their clients */ };

struct waiter {
    struct waiter *next;
    struct job_waiters *all;
    struct api_stream *stream;
    char job[DATA_JOB_ID];
    double until_ms;
};

struct job_waiters {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    pthread_t thread;
    struct waiter *first;
    bool ending;
    atomic_bool draining;
};

/* Called with the lock held. A time that is over is told once. */
static void look(struct job_waiters *w, bool all)
{
    double now = exchange_clock_ms();
    for (struct waiter *i = w->first; i; i = i->next) {
        bool over = i->until_ms > 0 && now >= i->until_ms;
        if (over)
            i->until_ms = 0;
        if (over || all)
            stream_nudge(i->stream);
    }
}

static void *rounds(void *user)
{
    struct job_waiters *w = user;
    pthread_mutex_lock(&w->lock);
    for (int i = 1; !w->ending; i++) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += ROUND_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&w->ended, &w->lock, &until);
        look(w, i % LOOK_ROUNDS == 0);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct job_waiters *job_waiters_new(void)
{
    struct job_waiters *w = calloc(1, sizeof *w);
    pthread_condattr_t clock;
    if (!w)
        return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&w->ended, &clock);
    pthread_condattr_destroy(&clock);
    if (!pthread_create(&w->thread, NULL, rounds, w))
        return w;
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

void job_waiters_free(struct job_waiters *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void remove_waiter(void *user)
{
    struct waiter *me = user;
    struct job_waiters *w = me->all;
    pthread_mutex_lock(&w->lock);
    struct waiter **at = &w->first;
    while (*at != me)
        at = &(*at)->next;
    *at = me->next;
    pthread_mutex_unlock(&w->lock);
    stream_unref(me->stream);
    free(me);
}

enum status job_waiters_add(struct job_waiters *w, struct exchange *ex, struct api_stream *s, const char *job,
                            double until_ms)
{
    void **slot = exchange_defer(ex, remove_waiter);
    struct waiter *me = calloc(1, sizeof *me);
    if (!me)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for one who waits");
    *me = (struct waiter){.all = w, .stream = stream_ref(s), .until_ms = until_ms};
    snprintf(me->job, sizeof me->job, "%s", job);
    pthread_mutex_lock(&w->lock);
    me->next = w->first;
    w->first = me;
    pthread_mutex_unlock(&w->lock);
    *slot = me;
    return STATUS_OK;
}

void job_waiters_tell(struct job_waiters *w, const char *job)
{
    pthread_mutex_lock(&w->lock);
    for (struct waiter *i = w->first; i; i = i->next)
        if (!job || !strcmp(i->job, job))
            stream_nudge(i->stream);
    pthread_mutex_unlock(&w->lock);
}

void job_waiters_drain(struct job_waiters *w)
{
    atomic_store(&w->draining, true);
    job_waiters_tell(w, NULL);
}

bool job_waiters_draining(const struct job_waiters *w)
{
    return atomic_load(&w->draining);
}
