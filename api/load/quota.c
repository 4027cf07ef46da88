/* See quota.h. A table by hash, and a ring in the order of use whose oldest makes room. */
#include "api/load/quota.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct account {
    struct account *next;            /* in its bucket */
    struct account *newer, *older;   /* in the ring of use */
    double seconds, requests, at_ms; /* what it had then */
    uint32_t hash;
    char id[];
};

struct quota {
    struct quota_limits limits;
    pthread_mutex_t lock;
    size_t most, n;
    struct account *buckets[BUCKETS];
    struct account *newest, *oldest;
};

/* What holds for this client. */
struct terms {
    double seconds, burst_s, requests, burst_requests;
};

static struct terms terms_of(const struct quota *q, const struct client *c)
{
    const struct quota_limits *l = &q->limits;
    return (struct terms){.seconds = c->quota_seconds > 0 ? c->quota_seconds : l->seconds,
                          .burst_s = l->burst_s,
                          .requests = l->requests,
                          .burst_requests = fmax(l->burst_requests, 1)};
}

static uint32_t hash_of(const char *id)
{
    uint32_t h = 2166136261u;
    for (const char *c = id; *c; c++)
        h = (h ^ (unsigned char)*c) * 16777619u;
    return h;
}

/* ---- the table ---- */

static void ring_remove(struct quota *q, struct account *a)
{
    *(a->newer ? &a->newer->older : &q->newest) = a->older;
    *(a->older ? &a->older->newer : &q->oldest) = a->newer;
}

static void ring_add(struct quota *q, struct account *a)
{
    a->newer = NULL;
    a->older = q->newest;
    *(q->newest ? &q->newest->newer : &q->oldest) = a;
    q->newest = a;
}

static void forget_oldest(struct quota *q)
{
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it is in its bucket, once
    struct account *a = q->oldest, **at = &q->buckets[a->hash % BUCKETS];
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    ring_remove(q, a);
    q->n--;
    free(a);
}

static struct account *account_new(struct quota *q, const struct client *c, const struct terms *t, uint32_t hash)
{
    size_t n = strlen(c->id) + 1;
    if (q->n >= q->most)
        forget_oldest(q);
    struct account *a = malloc(sizeof *a + n);
    if (!a)
        return NULL;
    *a = (struct account){
        .next = q->buckets[hash % BUCKETS], .hash = hash, .seconds = t->burst_s, .requests = t->burst_requests};
    memcpy(a->id, c->id, n);
    q->buckets[hash % BUCKETS] = a;
    q->n++;
    ring_add(q, a);
    return a;
}

/* With the lock held: what it has now. NULL: no memory, and nobody is refused for that. */
static struct account *account_now(struct quota *q, const struct client *c, const struct terms *t, double now_ms)
{
    uint32_t hash = hash_of(c->id);
    struct account *a = q->buckets[hash % BUCKETS];
    while (a && (a->hash != hash || strcmp(a->id, c->id) != 0))
        a = a->next;
    if (!a) {
        a = account_new(q, c, t, hash);
        if (a)
            a->at_ms = now_ms;
        return a;
    }
    ring_remove(q, a);
    ring_add(q, a);
    double passed_s = fmax(now_ms - a->at_ms, 0) * 1e-3;
    a->seconds = fmin(a->seconds + passed_s * t->seconds, t->burst_s);
    a->requests = fmin(a->requests + passed_s * t->requests, t->burst_requests);
    a->at_ms = now_ms;
    return a;
}

/* ---- the questions ---- */

static bool concerns(const struct terms *t)
{
    return t->seconds > 0 || t->requests > 0;
}

const char *quota_enter(struct quota *q, const struct client *c, double now_ms, bool works, bool take,
                        double *ret_retry_s)
{
    const struct terms t = terms_of(q, c);
    const char *limit = NULL;
    if (!concerns(&t))
        return NULL;
    pthread_mutex_lock(&q->lock);
    struct account *a = account_now(q, c, &t, now_ms);
    if (a && t.requests > 0 && a->requests < 1) {
        limit = "quota-requests";
        *ret_retry_s = (1 - a->requests) / t.requests;
    } else if (a && works && t.seconds > 0 && a->seconds <= 0) {
        limit = "quota-seconds";
        *ret_retry_s = -a->seconds / t.seconds;
    } else if (a && take && t.requests > 0) {
        a->requests -= 1;
    }
    pthread_mutex_unlock(&q->lock);
    return limit;
}

const char *quota_take(struct quota *q, const struct client *c, double now_ms, double seconds, double *ret_retry_s)
{
    const struct terms t = terms_of(q, c);
    const char *limit = NULL;
    if (!(t.seconds > 0))
        return NULL;
    pthread_mutex_lock(&q->lock);
    struct account *a = account_now(q, c, &t, now_ms);
    double needed = fmin(seconds, t.burst_s);
    if (a && a->seconds < needed) {
        limit = "quota-seconds";
        *ret_retry_s = (needed - a->seconds) / t.seconds;
    } else if (a) {
        a->seconds -= seconds;
    }
    pthread_mutex_unlock(&q->lock);
    return limit;
}

void quota_charge(struct quota *q, const struct client *c, double now_ms, double seconds)
{
    const struct terms t = terms_of(q, c);
    if (!(t.seconds > 0))
        return;
    pthread_mutex_lock(&q->lock);
    struct account *a = account_now(q, c, &t, now_ms);
    if (a)
        a->seconds = fmin(a->seconds - seconds, t.burst_s);
    pthread_mutex_unlock(&q->lock);
}

double quota_wait_s(struct quota *q, const struct client *c, double now_ms)
{
    const struct terms t = terms_of(q, c);
    double wait_s = 0;
    if (!(t.seconds > 0))
        return 0;
    pthread_mutex_lock(&q->lock);
    struct account *a = account_now(q, c, &t, now_ms);
    if (a && a->seconds <= 0)
        wait_s = -a->seconds / t.seconds;
    pthread_mutex_unlock(&q->lock);
    return wait_s;
}

size_t quota_clients(struct quota *q)
{
    pthread_mutex_lock(&q->lock);
    size_t n = q->n;
    pthread_mutex_unlock(&q->lock);
    return n;
}

struct quota *quota_new(const struct quota_limits *limits, size_t most)
{
    struct quota *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->limits = *limits;
    q->most = most ? most : 1;
    pthread_mutex_init(&q->lock, NULL);
    return q;
}

void quota_free(struct quota *q)
{
    if (!q)
        return;
    while (q->n)
        forget_oldest(q);
    pthread_mutex_destroy(&q->lock);
    free(q);
}
