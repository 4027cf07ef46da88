/* See pool.h. One queue of jobs, and one list of shared work ("each") that idle threads help with before they take a
 * job: a request that runs already finishes sooner than one that has not begun. The thread that shares its work does
 * all of it itself when nobody is idle, so nesting cannot deadlock. */
#include "api/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/interp.h"

struct job {
    struct job *next;
    struct pool_work work;
};

/* Lives on the stack of pool_each. */
struct each {
    struct each *next;
    size_t n;
    int (*piece)(size_t i, void *user);
    void *user;
    atomic_size_t taken;
    atomic_int result;
    int wanted; /* threads that may still come to help */
    int busy;   /* threads at work on it */
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* something to do, or the end */
    pthread_cond_t left; /* a thread has stopped helping */
    struct job *jobs, **jobs_end;
    struct each *shared;
    struct pool_limits limits;
    int n_jobs;
    int n_threads;
    int idle;
    bool ending;
    pthread_t threads[];
};

static void each_run(struct each *e)
{
    while (!atomic_load_explicit(&e->result, memory_order_relaxed)) {
        size_t i = atomic_fetch_add_explicit(&e->taken, 1, memory_order_relaxed);
        if (i >= e->n)
            return;
        int result = e->piece(i, e->user);
        if (result)
            atomic_store(&e->result, result);
    }
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

/* Called and returns with the lock held. */
static void help(struct pool *p, struct each *e)
{
    e->busy++;
    if (--e->wanted == 0)
        each_unlink(p, e);
    pthread_mutex_unlock(&p->lock);
    each_run(e);
    pthread_mutex_lock(&p->lock);
    e->busy--;
    pthread_cond_broadcast(&p->left);
}

static void do_job(struct pool *p)
{
    struct job *job = p->jobs;
    p->jobs = job->next;
    if (!p->jobs)
        p->jobs_end = &p->jobs;
    p->n_jobs--;
    pthread_mutex_unlock(&p->lock);
    job->work.run(job->work.user);
    free(job);
    pthread_mutex_lock(&p->lock);
}

static void *thread_main(void *user)
{
    struct pool *p = user;
    fp_state_enter();
    pthread_mutex_lock(&p->lock);
    for (;;) {
        if (p->shared) {
            help(p, p->shared);
        } else if (p->jobs) {
            do_job(p);
        } else if (p->ending) {
            break;
        } else {
            p->idle++;
            pthread_cond_wait(&p->work, &p->lock);
            p->idle--;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct pool *pool_new(int threads)
{
    if (threads < 1)
        threads = 1;
    struct pool *p = calloc(1, sizeof *p + (size_t)threads * sizeof *p->threads);
    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->left, NULL);
    p->jobs_end = &p->jobs;
    for (; p->n_threads < threads; p->n_threads++) {
        if (pthread_create(&p->threads[p->n_threads], NULL, thread_main, p)) {
            pool_free(p);
            return NULL;
        }
    }
    return p;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->left);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int pool_threads(const struct pool *p)
{
    return p->n_threads;
}

int pool_waiting(const struct pool *p)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&p->lock;
    pthread_mutex_lock(lock);
    int n = p->n_jobs;
    pthread_mutex_unlock(lock);
    return n;
}

void pool_set_limits(struct pool *p, const struct pool_limits *limits)
{
    pthread_mutex_lock(&p->lock);
    p->limits = *limits;
    pthread_mutex_unlock(&p->lock);
}

/* With the lock held: the limit that speaks against it, or NULL. */
static const char *refusal(const struct pool *p, const struct pool_work *work)
{
    if (p->ending)
        return "max-queue";
    if (work->class != POOL_CONTINUE && p->limits.works && (uint32_t)p->n_jobs >= p->limits.works)
        return "max-queue";
    return NULL;
}

const char *pool_submit(struct pool *p, const struct pool_work *work)
{
    struct job *job = malloc(sizeof *job);
    if (!job)
        return "max-queue";
    *job = (struct job){NULL, *work};
    pthread_mutex_lock(&p->lock);
    const char *limit = refusal(p, work);
    if (!limit) {
        *p->jobs_end = job;
        p->jobs_end = &job->next;
        p->n_jobs++;
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
    if (limit)
        free(job);
    return limit;
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
        e.next = p->shared;
        p->shared = &e; // cppcheck-suppress autoVariables ; e leaves the list before this function returns
        for (int i = 0; i < wanted && i < p->idle; i++)
            pthread_cond_signal(&p->work);
        pthread_mutex_unlock(&p->lock);
    }
    each_run(&e);
    if (wanted > 0) {
        pthread_mutex_lock(&p->lock);
        if (e.wanted > 0)
            each_unlink(p, &e);
        while (e.busy > 0)
            pthread_cond_wait(&p->left, &p->lock);
        pthread_mutex_unlock(&p->lock);
    }
    return atomic_load(&e.result);
}
