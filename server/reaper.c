/* See reaper.h. The list's lock is held while a socket is shut down, so that its number cannot mean another connection
 * by then. */
#include "server/reaper.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/log.h"
#include "server/metrics.h"

enum { LINGER_MAX = 64, LINGER_MS = 2000, LINGER_CHUNK = 65536, LINGER_CHUNKS = 16 };

struct lingering {
    int fd;
    int64_t until_ms;
};

struct reaper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;
    uint32_t period_ms;
    struct watched list; /* a ring; this is its head */
    struct lingering lingering[LINGER_MAX];
    int n_lingering;
    char waste[LINGER_CHUNK];
};

int64_t reaper_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void cut_off_late(struct reaper *r, int64_t now)
{
    for (struct watched *w = r->list.next; w != &r->list; w = w->next) {
        if (now <= atomic_load_explicit(&w->deadline_ms, memory_order_relaxed))
            continue;
        const char *phase = atomic_load_explicit(&w->phase, memory_order_relaxed);
        atomic_store_explicit(&w->deadline_ms, INT64_MAX, memory_order_relaxed);
        shutdown(w->fd, SHUT_RDWR);
        metrics_label(METRIC_LABEL_REAPED, phase);
        log_event(LEVEL_DEBUG, "connection cut off", "too slow in phase %s", phase);
    }
}

/* False when it is over. */
static bool linger_on(struct reaper *r, const struct lingering *l, int64_t now)
{
    for (int i = 0; i < LINGER_CHUNKS; i++) {
        ssize_t n = recv(l->fd, r->waste, sizeof r->waste, MSG_DONTWAIT);
        if (n == 0)
            return false;
        if (n < 0)
            break;
    }
    return now < l->until_ms;
}

static void linger_all(struct reaper *r, int64_t now)
{
    for (int i = 0; i < r->n_lingering;) {
        if (linger_on(r, &r->lingering[i], now)) {
            i++;
            continue;
        }
        close(r->lingering[i].fd);
        r->lingering[i] = r->lingering[--r->n_lingering];
    }
}

static void wait_a_period(struct reaper *r)
{
    enum { LINGER_PERIOD_MS = 10 };
    struct timespec until;
    uint32_t ms = r->n_lingering && r->period_ms > LINGER_PERIOD_MS ? LINGER_PERIOD_MS : r->period_ms;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

static void *run(void *user)
{
    struct reaper *r = user;
    pthread_mutex_lock(&r->lock);
    while (!r->ending) {
        int64_t now = reaper_clock_ms();
        cut_off_late(r, now);
        linger_all(r, now);
        wait_a_period(r);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

struct reaper *reaper_new(uint32_t period_ms)
{
    struct reaper *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&r->lock, NULL);
    r->period_ms = period_ms;
    r->list.next = r->list.previous = &r->list;
    if (pthread_create(&r->thread, NULL, run, r)) {
        free(r);
        return NULL;
    }
    return r;
}

void reaper_free(struct reaper *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->ending = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    for (int i = 0; i < r->n_lingering; i++)
        close(r->lingering[i].fd);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->wake);
    free(r);
}

void reaper_add(struct reaper *r, struct watched *w)
{
    pthread_mutex_lock(&r->lock);
    w->previous = &r->list;
    w->next = r->list.next;
    w->next->previous = w;
    r->list.next = w;
    pthread_mutex_unlock(&r->lock);
}

void reaper_remove(struct reaper *r, struct watched *w)
{
    pthread_mutex_lock(&r->lock);
    w->previous->next = w->next;
    w->next->previous = w->previous;
    pthread_mutex_unlock(&r->lock);
}

void reaper_linger(struct reaper *r, int fd)
{
    pthread_mutex_lock(&r->lock);
    if (r->n_lingering < LINGER_MAX) {
        r->lingering[r->n_lingering++] = (struct lingering){fd, reaper_clock_ms() + LINGER_MS};
        pthread_cond_signal(&r->wake);
        fd = -1;
    }
    pthread_mutex_unlock(&r->lock);
    if (fd >= 0)
        close(fd);
}
