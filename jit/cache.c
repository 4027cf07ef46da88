/* See cache.h. A chained hash table; settled entries stand in a ring that a clock hand walks to find one that was not
 * used since it last came by, so that using a kernel costs no lock. */
#include "jit/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "jit/thread.h"

struct entry {
    uint8_t key[HASH_SIZE];
    enum cache_state state;
    struct kernel *kernel;
    struct entry *chain;
    struct entry *before, *after; /* in the ring, when settled */
};

struct cache {
    pthread_mutex_t lock;
    pthread_cond_t settled;
    struct entry **buckets;
    uint32_t mask;
    uint32_t bound, n_settled, n_loaded;
    struct entry *hand;
};

struct cache *cache_new(uint32_t bound)
{
    struct cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->bound = bound ? bound : 1;
    uint32_t buckets = 64;
    while (buckets < c->bound && buckets < 1u << 20)
        buckets *= 2;
    c->mask = buckets - 1;
    c->buckets = calloc(buckets, sizeof(struct entry *));
    if (!c->buckets) {
        free(c);
        return NULL;
    }
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->settled);
    return c;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i <= c->mask; i++) {
        for (struct entry *e = c->buckets[i], *next; e; e = next) {
            next = e->chain;
            kernel_unref(e->kernel);
            free(e);
        }
    }
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->settled);
    free(c->buckets);
    free(c);
}

/* Where the pointer to the key's entry is, or would be. */
static struct entry **slot_of(struct cache *c, const uint8_t key[HASH_SIZE])
{
    uint32_t hash;
    memcpy(&hash, key, sizeof hash);
    struct entry **slot = &c->buckets[hash & c->mask];
    while (*slot && memcmp((*slot)->key, key, HASH_SIZE) != 0)
        slot = &(*slot)->chain;
    return slot;
}

/* What the entry holds, with a reference; marks it used. */
static struct kernel *take(const struct entry *e, enum cache_state *ret_state)
{
    *ret_state = e ? e->state : CACHE_ABSENT;
    if (!e || !e->kernel)
        return NULL;
    atomic_store_explicit(&e->kernel->used, KERNEL_USED_CACHE | KERNEL_USED_STORE, memory_order_relaxed);
    return kernel_ref(e->kernel);
}

struct kernel *cache_get(struct cache *c, const uint8_t key[HASH_SIZE], enum cache_state *ret_state)
{
    pthread_mutex_lock(&c->lock);
    struct kernel *k = take(*slot_of(c, key), ret_state);
    pthread_mutex_unlock(&c->lock);
    return k;
}

struct kernel *cache_claim(struct cache *c, const uint8_t key[HASH_SIZE], enum cache_state *ret_state)
{
    pthread_mutex_lock(&c->lock);
    struct entry **slot = slot_of(c, key);
    struct kernel *k = take(*slot, ret_state);
    if (*ret_state == CACHE_ABSENT) {
        struct entry *e = calloc(1, sizeof *e);
        if (e) {
            memcpy(e->key, key, HASH_SIZE);
            e->state = CACHE_PENDING;
            *slot = e;
        } else {
            *ret_state = CACHE_FAILED; /* for this time: nothing is kept */
        }
    }
    pthread_mutex_unlock(&c->lock);
    return k;
}

static void ring_add(struct cache *c, struct entry *e)
{
    if (!c->hand) {
        e->before = e->after = c->hand = e;
    } else { /* just behind the hand: the last it will come to */
        e->after = c->hand;
        e->before = c->hand->before;
        e->before->after = e->after->before = e;
    }
    c->n_settled++;
    c->n_loaded += e->kernel != NULL;
}

/* Takes one entry out of ring and table; its kernel is the caller's. */
static struct kernel *evict(struct cache *c)
{
    struct entry *e = c->hand;
    for (uint32_t i = 0; i < 2 * c->n_settled; i++, e = e->after) { /* two rounds, should all be in use all the time */
        if (!e->kernel || !(atomic_fetch_and(&e->kernel->used, ~(unsigned)KERNEL_USED_CACHE) & KERNEL_USED_CACHE))
            break;
    }
    c->hand = e->after == e ? NULL : e->after;
    e->before->after = e->after;
    e->after->before = e->before;
    c->n_settled--;
    c->n_loaded -= e->kernel != NULL;
    *slot_of(c, e->key) = e->chain;
    struct kernel *k = e->kernel;
    free(e);
    return k;
}

struct kernel *cache_settle(struct cache *c, const uint8_t key[HASH_SIZE], enum cache_state state, struct kernel *k)
{
    struct kernel *evicted = NULL;
    pthread_mutex_lock(&c->lock);
    struct entry **slot = slot_of(c, key), *e = *slot;
    assert(e && e->state == CACHE_PENDING && (state == CACHE_LOADED) == (k != NULL));
    e->state = state;
    if (state == CACHE_ABSENT) {
        *slot = e->chain;
        free(e);
    } else {
        e->kernel = k;
        if (c->n_settled >= c->bound)
            evicted = evict(c);
        ring_add(c, e);
    }
    pthread_cond_broadcast(&c->settled);
    pthread_mutex_unlock(&c->lock);
    return evicted;
}

struct kernel *cache_wait(struct cache *c, const uint8_t key[HASH_SIZE], int wait_ms, enum cache_state *ret_state)
{
    int64_t deadline = clock_ms() + wait_ms;
    pthread_mutex_lock(&c->lock);
    struct kernel *k = take(*slot_of(c, key), ret_state);
    while (*ret_state == CACHE_PENDING && cond_wait_until(&c->settled, &c->lock, deadline))
        k = take(*slot_of(c, key), ret_state);
    pthread_mutex_unlock(&c->lock);
    return k;
}

void cache_used(struct cache *c, void (*one)(const uint8_t key[HASH_SIZE], void *user), void *user)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = c->hand;
    for (uint32_t i = 0; i < c->n_settled; i++, e = e->after) {
        if (e->kernel && atomic_fetch_and(&e->kernel->used, ~(unsigned)KERNEL_USED_STORE) & KERNEL_USED_STORE)
            one(e->key, user);
    }
    pthread_mutex_unlock(&c->lock);
}

uint32_t cache_loaded(struct cache *c)
{
    pthread_mutex_lock(&c->lock);
    uint32_t n = c->n_loaded;
    pthread_mutex_unlock(&c->lock);
    return n;
}
