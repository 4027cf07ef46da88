/* See pool.h. Works wait in a queue (queue.h); shared work ("each") is a list that threads help with for which nothing
 * waits. The thread that shares its work does all of it itself when nobody is idle, so nesting cannot deadlock. Helpers
 * leave between two pieces when a work comes, or a client with large works would have all threads for himself. One
 * thread more than asked for takes nothing but short works: while all others are at long ones the system's scheduler
 * gives it its share. One further thread watches deadlines and clients of what waits. */
#include "api/load/pool.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "api/load/queue.h"
#include "core/interp.h"

enum { WATCH_MS = 100, WATCH_ASKED = 64 /* clients asked each time whether they are still there */ };

/* Lives on the stack of pool_each. */
struct each {
    struct each *next;
    size_t n;
    int (*piece)(size_t i, void *user);
    void *user;
    atomic_size_t taken;
    atomic_int result;
    double helped_s; /* by others */
    int wanted;      /* threads that may still come to help */
    int busy;        /* threads at work on it */
    bool closed;     /* its owner is done with it */
};

struct worker {
    struct pool *pool;
    pthread_t thread;
    bool express; /* takes short works only */
    bool working;
    double cost_s, began_ms; /* of what it works at */
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* something to do, or the end */
    pthread_cond_t brief; /* the same for the express thread */
    pthread_cond_t left;  /* a thread has stopped helping */
    pthread_cond_t watch; /* something for the watcher */
    struct queue queue;
    struct each *shared;
    atomic_size_t waiting; /* works in the queue */
    int n_threads;         /* without the express thread */
    int n_workers;
    int idle;
    bool express_idle, ending, watching, has_watcher;
    double watch_ms; /* when the watcher looks again */
    uint64_t late, gone, pushed;
    pthread_t watcher;
    struct worker workers[];
};

/* ---- time ---- */

static double clock_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now_ms(void)
{
    return clock_now(CLOCK_MONOTONIC) * 1e3;
}

/* Of this thread: its processor time when its work began, and what others have added since. */
static _Thread_local double began_s, helped_s;

double pool_spent_s(void)
{
    return clock_now(CLOCK_THREAD_CPUTIME_ID) - began_s + helped_s;
}

/* ---- shared work ---- */

static void each_run(struct each *e, const atomic_size_t *leave)
{
    while (!atomic_load_explicit(&e->result, memory_order_relaxed)) {
        if (leave && atomic_load_explicit(leave, memory_order_relaxed))
            return;
        size_t i = atomic_fetch_add_explicit(&e->taken, 1, memory_order_relaxed);
        if (i >= e->n)
            return;
        int result = e->piece(i, e->user);
        if (result)
            atomic_store(&e->result, result);
    }
}

static void each_link(struct pool *p, struct each *e)
{
    e->next = p->shared;
    p->shared = e; // cppcheck-suppress autoVariables ; e leaves the list before pool_each returns
}

static void each_unlink(struct pool *p, struct each *e)
{
    for (struct each **at = &p->shared; *at; at = &(*at)->next) {
        if (*at == e) {
            *at = e->next;
            return;
        }
    }
}

/* One that leaves early makes room for another helper. */
static void reopen(struct pool *p, struct each *e)
{
    if (e->closed || atomic_load(&e->result) || atomic_load(&e->taken) >= e->n)
        return;
    if (e->wanted++ == 0)
        each_link(p, e);
}

/* Called and returns with the lock held. */
static void help(struct pool *p, struct each *e)
{
    e->busy++;
    if (--e->wanted == 0)
        each_unlink(p, e);
    pthread_mutex_unlock(&p->lock);
    double before = pool_spent_s();
    each_run(e, &p->waiting);
    double spent = pool_spent_s() - before;
    pthread_mutex_lock(&p->lock);
    e->helped_s += spent;
    reopen(p, e);
    e->busy--;
    pthread_cond_broadcast(&p->left);
}

int pool_each(struct pool *p, int threads, size_t n, int (*piece)(size_t i, void *user), void *user)
{
    struct each e = {.n = n, .piece = piece, .user = user};
    if (threads > p->n_threads)
        threads = p->n_threads;
    int wanted = threads - 1;
    if (n < (size_t)threads)
        wanted = (int)n - 1;
    if (wanted > 0) {
        pthread_mutex_lock(&p->lock);
        e.wanted = wanted;
        each_link(p, &e);
        for (int i = 0; i < wanted && i < p->idle; i++)
            pthread_cond_signal(&p->work);
        pthread_mutex_unlock(&p->lock);
    }
    each_run(&e, NULL);
    if (wanted > 0) {
        pthread_mutex_lock(&p->lock);
        e.closed = true;
        if (e.wanted > 0)
            each_unlink(p, &e);
        while (e.busy > 0)
            pthread_cond_wait(&p->left, &p->lock);
        helped_s += e.helped_s;
        pthread_mutex_unlock(&p->lock);
    }
    return atomic_load(&e.result);
}

/* ---- works ---- */

static void count_waiting(struct pool *p)
{
    atomic_store_explicit(&p->waiting, p->queue.n, memory_order_relaxed);
}

/* Called and returns with the lock held; `w` has left the queue. */
static void do_work(struct pool *p, struct worker *me, struct queued *w)
{
    count_waiting(p);
    p->queue.bytes += w->work.bytes;
    me->working = true;
    me->cost_s = w->work.cost_s;
    me->began_ms = now_ms();
    pthread_mutex_unlock(&p->lock);
    began_s = clock_now(CLOCK_THREAD_CPUTIME_ID);
    helped_s = 0;
    w->work.run(w->work.user);
    pthread_mutex_lock(&p->lock);
    me->working = false;
    p->queue.bytes -= w->work.bytes;
    free(w);
}

/* Called and returns with the lock held. False: there is nothing to do. */
static bool do_something(struct pool *p, struct worker *me)
{
    struct queued *w = queue_take(&p->queue, me->express);
    if (w)
        do_work(p, me, w);
    else if (p->shared && !me->express)
        help(p, p->shared);
    else
        return false;
    return true;
}

static void rest(struct pool *p, const struct worker *me)
{
    if (me->express) {
        p->express_idle = true;
        pthread_cond_wait(&p->brief, &p->lock);
        p->express_idle = false;
    } else {
        p->idle++;
        pthread_cond_wait(&p->work, &p->lock);
        p->idle--;
    }
}

static void *worker_main(void *user)
{
    struct worker *me = user;
    struct pool *p = me->pool;
    fp_state_enter();
    pthread_mutex_lock(&p->lock);
    for (;;) {
        if (do_something(p, me))
            continue;
        if (p->ending)
            break;
        rest(p, me);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- what waits too long ---- */

/* Called and returns with the lock held. */
static void give_up(struct pool *p, struct queued *w, const char *limit)
{
    count_waiting(p);
    pthread_mutex_unlock(&p->lock);
    w->work.late(w->work.user, limit);
    free(w);
    pthread_mutex_lock(&p->lock);
}

static void watch_all(struct pool *p)
{
    struct queued *w;
    while ((w = queue_take_late(&p->queue, now_ms()))) {
        p->late++;
        give_up(p, w, "max-request-ms");
    }
    while ((w = queue_take_gone(&p->queue, WATCH_ASKED))) {
        p->gone++;
        give_up(p, w, NULL);
    }
}

static void *watcher_main(void *user)
{
    struct pool *p = user;
    fp_state_enter();
    pthread_mutex_lock(&p->lock);
    while (!p->ending) {
        watch_all(p);
        p->watching = p->queue.n > 0;
        if (!p->watching) {
            pthread_cond_wait(&p->watch, &p->lock);
            continue;
        }
        p->watch_ms = fmin(now_ms() + WATCH_MS, queue_first_deadline(&p->queue));
        struct timespec until = {.tv_sec = (time_t)(p->watch_ms / 1e3)};
        until.tv_nsec = (long)((p->watch_ms - (double)until.tv_sec * 1e3) * 1e6);
        pthread_cond_timedwait(&p->watch, &p->lock, &until);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* With the lock held, when a work has come. */
static void wake_watcher(struct pool *p)
{
    if (!p->watching || queue_first_deadline(&p->queue) < p->watch_ms) {
        p->watching = true;
        p->watch_ms = queue_first_deadline(&p->queue);
        pthread_cond_signal(&p->watch);
    }
}

/* ---- in ---- */

static struct queue_load load_of(const struct pool *p)
{
    struct queue_load load = {.now_ms = now_ms(), .threads = p->n_threads};
    int free_threads = p->n_threads;
    for (int i = 0; i < p->n_workers; i++) {
        const struct worker *w = &p->workers[i];
        double left_s = w->cost_s - (load.now_ms - w->began_ms) * 1e-3;
        load.running_s += w->working && left_s > 0 ? left_s : 0;
        free_threads -= w->working && !w->express;
    }
    if (free_threads > 0)
        load.running_s = 0; /* nobody waits for these */
    return load;
}

static void wake_worker(struct pool *p, enum queue_kind kind)
{
    if (p->idle)
        pthread_cond_signal(&p->work);
    /* An idle thread may have been woken for another work already. */
    if (kind == QUEUE_SHORT && p->express_idle && p->queue.n > (size_t)p->idle)
        pthread_cond_signal(&p->brief);
}

/* Called and returns with the lock held. */
static void push_out(struct pool *p, struct queued *out, const char *limit)
{
    for (struct queued *next; out; out = next) {
        next = out->next;
        p->pushed++;
        give_up(p, out, limit);
    }
}

const char *pool_submit(struct pool *p, const struct pool_work *work)
{
    struct queued *item = calloc(1, sizeof *item), *out = NULL;
    const char *limit = "max-queue", *out_limit = NULL;
    if (!item)
        return limit;
    item->work = *work;
    pthread_mutex_lock(&p->lock);
    if (!p->ending) {
        struct queue_load load = load_of(p);
        limit = queue_put(&p->queue, item, &load, &out, &out_limit);
    }
    if (!limit) {
        count_waiting(p);
        wake_worker(p, item->kind);
        wake_watcher(p);
    }
    push_out(p, out, out_limit);
    pthread_mutex_unlock(&p->lock);
    if (limit)
        free(item);
    return limit;
}

const char *pool_refusal(struct pool *p, const struct pool_work *work)
{
    const struct queued item = {.work = *work, .kind = queue_kind_of(work)};
    pthread_mutex_lock(&p->lock);
    struct queue_load load = load_of(p);
    const char *limit = queue_refusal(&p->queue, &item, &load);
    pthread_mutex_unlock(&p->lock);
    return limit;
}

void pool_set_limits(struct pool *p, const struct pool_limits *limits)
{
    pthread_mutex_lock(&p->lock);
    p->queue.limits = *limits;
    pthread_mutex_unlock(&p->lock);
}

bool pool_has_room(struct pool *p, uint64_t bytes)
{
    pthread_mutex_lock(&p->lock);
    bool has = !p->queue.limits.bytes || p->queue.bytes + bytes <= p->queue.limits.bytes;
    pthread_mutex_unlock(&p->lock);
    return has;
}

struct pool_limits pool_limits(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct pool_limits limits = p->queue.limits;
    pthread_mutex_unlock(&p->lock);
    return limits;
}

void pool_hold(struct pool *p, int64_t bytes)
{
    pthread_mutex_lock(&p->lock);
    p->queue.bytes += (uint64_t)bytes;
    pthread_mutex_unlock(&p->lock);
}

/* ---- what is known about it ---- */

int pool_threads(const struct pool *p)
{
    return p ? p->n_threads : 1;
}

double pool_wait_s(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct queue_load load = load_of(p);
    double wait_s = queue_drain_s(&p->queue, &load);
    pthread_mutex_unlock(&p->lock);
    return wait_s;
}

uint32_t pool_retry_s(struct pool *p)
{
    const double least = fmax(pool_limits(p).retry_s, 1), most = 3600;
    return (uint32_t)fmin(fmax(ceil(pool_wait_s(p)), least), most);
}

int pool_waiting(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    size_t n = p->queue.n;
    pthread_mutex_unlock(&p->lock);
    return (int)n;
}

void pool_stats(struct pool *p, struct pool_stats *ret)
{
    pthread_mutex_lock(&p->lock);
    struct queue_load load = load_of(p);
    *ret = (struct pool_stats){.waiting = (uint32_t)p->queue.n,
                               .clients = (uint32_t)p->queue.n_lines,
                               .oldest_s = p->queue.n ? (load.now_ms - queue_oldest_ms(&p->queue)) * 1e-3 : 0,
                               .wait_s = queue_drain_s(&p->queue, &load),
                               .bytes = p->queue.bytes,
                               .late = p->late,
                               .gone = p->gone,
                               .pushed = p->pushed};
    for (int k = 0; k < QUEUE_KINDS; k++)
        ret->queued_s += p->queue.kinds[k].cost_s;
    for (int i = 0; i < p->n_workers; i++)
        ret->running += p->workers[i].working;
    pthread_mutex_unlock(&p->lock);
}

/* ---- begin and end ---- */

static void init_sync(struct pool *p)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->brief, NULL);
    pthread_cond_init(&p->left, NULL);
    pthread_cond_init(&p->watch, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static bool start_threads(struct pool *p)
{
    for (int n = p->n_threads + 1; p->n_workers < n; p->n_workers++) {
        struct worker *w = &p->workers[p->n_workers];
        w->pool = p;
        w->express = p->n_workers == p->n_threads;
        if (pthread_create(&w->thread, NULL, worker_main, w))
            return false;
    }
    p->has_watcher = !pthread_create(&p->watcher, NULL, watcher_main, p);
    return p->has_watcher;
}

struct pool *pool_new(int threads)
{
    if (threads < 1)
        threads = 1;
    struct pool *p = calloc(1, sizeof *p + (size_t)(threads + 1) * sizeof *p->workers);
    if (!p)
        return NULL;
    init_sync(p);
    p->n_threads = threads;
    if (start_threads(p))
        return p;
    pool_free(p);
    return NULL;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_cond_broadcast(&p->brief);
    pthread_cond_broadcast(&p->watch);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_workers; i++)
        pthread_join(p->workers[i].thread, NULL);
    if (p->has_watcher)
        pthread_join(p->watcher, NULL);
    queue_done(&p->queue);
    pthread_cond_destroy(&p->watch);
    pthread_cond_destroy(&p->left);
    pthread_cond_destroy(&p->brief);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
