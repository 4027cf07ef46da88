/* See reaper.h. The list's lock is held while a socket is shut down, so that its number cannot mean another connection
 * by then. */
#include "server/reaper.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/log.h"
#include "server/metrics.h"

enum { LINGER_MAX = 64, LINGER_MS = 2000, LINGER_CHUNK = 65536, LINGER_CHUNKS = 16 };
/* Many at once, so that the list is not walked for each connection of a flood. A head that follows its connection at
 * once is there within milliseconds; a kept connection is left alone for a while. */
enum { EVICT_MAX = 16, EVICT_HEAD_MS = 10, EVICT_IDLE_MS = 1000 };
enum { LEFT_LAG_MS = 100, HURRY_LAG_MS = 1000 };

struct lingering {
    int fd;
    int64_t until_ms;
};

struct reaper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending, hurry;
    struct reaper_config config;
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

/* ---- who is late ---- */

static enum phase phase_of(uint64_t state)
{
    return (enum phase)(state & 7);
}

static int64_t since_of(uint64_t state)
{
    return (int64_t)(state >> 3);
}

static uint64_t acked_by(int fd)
{
    struct tcp_info info;
    socklen_t n = sizeof info;
    memset(&info, 0, sizeof info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) ? 0 : info.tcpi_bytes_acked;
}

/* An answer: what the client has acknowledged since the last look moves the time it is due, but never ahead of now: who
 * was fast at first may not sleep for it later. The HTTP library does not tell how far it is; the kernel does. */
static void look_at_answer(const struct reaper *r, struct watched *w, uint64_t state, int64_t now)
{
    uint64_t acked = acked_by(w->fd);
    if (w->seen_state != state) {
        w->seen_state = state;
        w->due_ms = since_of(state);
    } else {
        w->due_ms += (int64_t)((acked - w->seen_acked) * 1000 / r->config.min_rate);
        if (w->due_ms > now)
            w->due_ms = now;
    }
    w->seen_acked = acked;
}

static int64_t lag_of(const struct watched *w, uint64_t state, int64_t now)
{
    return now - (phase_of(state) == PHASE_SEND && w->seen_state == state ? w->due_ms : since_of(state));
}

/* A request may have come just now. */
static bool has_bytes(int fd)
{
    int n = 0;
    return !ioctl(fd, FIONREAD, &n) && n > 0;
}

/* False: it has moved on meanwhile. */
static bool cut_off(struct watched *w, uint64_t state, const char *why)
{
    if (phase_of(state) == PHASE_IDLE && has_bytes(w->fd))
        return false;
    if (!atomic_compare_exchange_strong(&w->state, &state, PHASE_CUT))
        return false;
    shutdown(w->fd, SHUT_RDWR);
    metrics_label(METRIC_LABEL_REAPED, why);
    log_event(LEVEL_DEBUG, "connection cut off", "too slow in phase %s", why);
    return true;
}

/* It sends no more, and nothing of it is left to read; the library does not always notice. */
static bool has_left(const struct watched *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && !has_bytes(w->fd);
}

/* What it waits for, or is given, will not come in time. */
static bool is_slow(const struct reaper *r, const struct watched *w, uint64_t state, int64_t now)
{
    enum phase phase = phase_of(state);
    int64_t lag = lag_of(w, state, now);
    if (phase > PHASE_SEND)
        return false;
    if (phase == PHASE_SEND ? lag > r->config.send_timeout_ms : lag > LEFT_LAG_MS && has_left(w))
        return true;
    return r->hurry && lag > HURRY_LAG_MS;
}

static void cut_off_late(struct reaper *r, int64_t now)
{
    static const char *const names[] = {"head", "body", "send", "work", "idle"};
    for (struct watched *w = r->list.next; w != &r->list; w = w->next) {
        uint64_t state = atomic_load_explicit(&w->state, memory_order_acquire);
        enum phase phase = phase_of(state);
        if (phase == PHASE_CUT)
            continue;
        if (phase == PHASE_SEND)
            look_at_answer(r, w, state, now);
        if (is_slow(r, w, state, now) || now > atomic_load_explicit(&w->deadline_ms, memory_order_relaxed))
            cut_off(w, state, names[phase]);
        else if (phase != PHASE_IDLE && now > atomic_load_explicit(&w->end_ms, memory_order_relaxed))
            cut_off(w, state, "total");
    }
}

/* ---- room for new ones ---- */

/* The worst of a kind, worst first. */
struct worst {
    struct watched *w[EVICT_MAX];
    uint64_t state[EVICT_MAX];
    int64_t lag[EVICT_MAX];
    unsigned n, most;
};

static void worst_add(struct worst *worst, struct watched *w, uint64_t state, int64_t lag)
{
    unsigned at = worst->n < worst->most ? worst->n++ : worst->most;
    for (; at > 0 && worst->lag[at - 1] < lag; at--)
        if (at < worst->most) {
            worst->w[at] = worst->w[at - 1];
            worst->state[at] = worst->state[at - 1];
            worst->lag[at] = worst->lag[at - 1];
        }
    if (at < worst->most) {
        worst->w[at] = w;
        worst->state[at] = state;
        worst->lag[at] = lag;
    }
}

static unsigned evict(const struct worst *worst)
{
    unsigned n = 0;
    for (unsigned i = 0; i < worst->n; i++)
        n += cut_off(worst->w[i], worst->state[i], "evicted");
    return n;
}

unsigned reaper_evict(struct reaper *r)
{
    struct worst slow = {.most = EVICT_MAX}, headless = {.most = 1}, idle = {.most = 1};
    int64_t now = reaper_clock_ms();
    pthread_mutex_lock(&r->lock);
    for (struct watched *w = r->list.next; w != &r->list; w = w->next) {
        uint64_t state = atomic_load_explicit(&w->state, memory_order_acquire);
        enum phase phase = phase_of(state);
        int64_t lag = lag_of(w, state, now);
        if (phase == PHASE_IDLE && lag >= EVICT_IDLE_MS)
            worst_add(&idle, w, state, lag);
        else if (phase <= PHASE_SEND && lag >= r->config.evict_lag_ms)
            worst_add(&slow, w, state, lag);
        else if (phase == PHASE_HEAD && lag >= EVICT_HEAD_MS)
            worst_add(&headless, w, state, lag);
    }
    unsigned n = evict(&slow);
    if (!n)
        n = evict(&headless);
    if (!n)
        n = evict(&idle);
    pthread_mutex_unlock(&r->lock);
    return n;
}

void reaper_hurry(struct reaper *r)
{
    pthread_mutex_lock(&r->lock);
    r->hurry = true;
    pthread_mutex_unlock(&r->lock);
}

/* ---- last words ---- */

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
    uint32_t ms = r->n_lingering && r->config.period_ms > LINGER_PERIOD_MS ? LINGER_PERIOD_MS : r->config.period_ms;
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
    for (int64_t next_look = 0; !r->ending;) {
        int64_t now = reaper_clock_ms();
        if (now >= next_look) {
            cut_off_late(r, now);
            next_look = now + r->config.period_ms;
        }
        linger_all(r, now);
        wait_a_period(r);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

struct reaper *reaper_new(const struct reaper_config *config)
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
    r->config = *config;
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

static void end_oldest_lingering(struct reaper *r)
{
    int oldest = 0;
    for (int i = 1; i < r->n_lingering; i++)
        if (r->lingering[i].until_ms < r->lingering[oldest].until_ms)
            oldest = i;
    close(r->lingering[oldest].fd);
    r->lingering[oldest] = r->lingering[--r->n_lingering];
}

void reaper_linger(struct reaper *r, int fd)
{
    pthread_mutex_lock(&r->lock);
    if (r->n_lingering == LINGER_MAX)
        end_oldest_lingering(r);
    r->lingering[r->n_lingering++] = (struct lingering){fd, reaper_clock_ms() + LINGER_MS};
    if (r->n_lingering == 1)
        pthread_cond_signal(&r->wake); /* its period is longer without any */
    pthread_mutex_unlock(&r->lock);
}
