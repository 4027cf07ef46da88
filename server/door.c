/* See door.h. A hash table of the addresses that have a connection now, and which of them each descriptor counts for.
 */
#include "server/door.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { BUCKETS = 4096 };

/* One address; lives as long as it has a connection. */
struct site {
    struct site *next;
    struct peer peer;
    uint32_t n;
};

struct place {
    bool taken;
    struct site *site; /* NULL: not counted by address */
};

struct door {
    pthread_mutex_t lock;
    _Atomic uint32_t open;
    uint32_t fds, most_of_site;
    unsigned char key[crypto_shorthash_KEYBYTES]; /* clients choose their addresses */
    struct site *buckets[BUCKETS];
    struct place places[];
};

struct door *door_new(uint32_t fds, uint32_t most_of_site)
{
    struct door *d = calloc(1, sizeof *d + fds * sizeof d->places[0]);
    if (!d)
        return NULL;
    d->fds = fds;
    d->most_of_site = most_of_site;
    pthread_mutex_init(&d->lock, NULL);
    randombytes_buf(d->key, sizeof d->key);
    return d;
}

void door_free(struct door *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct site *s = d->buckets[i], *next; s; s = next) {
            next = s->next;
            free(s);
        }
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static struct site **bucket_of(struct door *d, const struct peer *peer)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint32_t n;
    crypto_shorthash(hash, peer->bytes, sizeof peer->bytes, d->key);
    memcpy(&n, hash, sizeof n);
    return &d->buckets[n % BUCKETS];
}

/* The address's count, one more by now; NULL when it has all that it may have, or for want of memory. */
static struct site *count_site(struct door *d, const struct peer *peer)
{
    struct peer of = peer_site(peer);
    struct site **bucket = bucket_of(d, &of), *s = *bucket;
    while (s && memcmp(&s->peer, &of, sizeof of))
        s = s->next;
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return NULL;
        *s = (struct site){.next = *bucket, .peer = of};
        *bucket = s;
    }
    if (s->n >= d->most_of_site)
        return NULL;
    s->n++;
    return s;
}

static void discount_site(struct door *d, struct site *s)
{
    if (!s || --s->n)
        return;
    struct site **at = bucket_of(d, &s->peer);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    free(s);
}

static void vacate(struct door *d, struct place *p)
{
    if (!p->taken)
        return;
    discount_site(d, p->site);
    *p = (struct place){.taken = false};
    atomic_fetch_sub(&d->open, 1);
}

bool door_enter(struct door *d, int fd, const struct peer *peer, bool counted)
{
    if (fd < 0 || (uint32_t)fd >= d->fds)
        return false;
    pthread_mutex_lock(&d->lock);
    struct place *p = &d->places[fd];
    vacate(d, p);
    struct site *site = counted ? count_site(d, peer) : NULL;
    bool in = site || !counted;
    if (in) {
        *p = (struct place){true, site};
        atomic_fetch_add(&d->open, 1);
    }
    pthread_mutex_unlock(&d->lock);
    return in;
}

void door_leave(struct door *d, int fd)
{
    if (fd < 0 || (uint32_t)fd >= d->fds)
        return;
    pthread_mutex_lock(&d->lock);
    vacate(d, &d->places[fd]);
    pthread_mutex_unlock(&d->lock);
}

/* A descriptor is open as long as it is in. */
bool door_has_unread(struct door *d)
{
    bool unread = false;
    pthread_mutex_lock(&d->lock);
    uint32_t left = atomic_load(&d->open);
    for (uint32_t fd = 0; fd < d->fds && left && !unread; fd++) {
        int n = 0;
        if (!d->places[fd].taken)
            continue;
        left--;
        unread = !ioctl((int)fd, FIONREAD, &n) && n > 0;
    }
    pthread_mutex_unlock(&d->lock);
    return unread;
}

uint32_t door_open(const struct door *d)
{
    return atomic_load(&d->open);
}
