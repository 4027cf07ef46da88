/* See graph_store.h: the memory before the store, bounded by bytes; what was used last stays. */
#include "api/data/graph_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, MEMORY_BYTES = 32 << 20 };

struct entry {
    struct entry *chain; /* of its bucket */
    struct entry *newer, *older;
    size_t n;
    char id[GRAPH_ID_SIZE];
    char text[];
};

struct graph_store {
    pthread_mutex_t lock;
    struct data_store *data;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t bytes;
};

static struct entry **bucket_of(struct graph_store *s, const char *id)
{
    unsigned h = 0;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc): an id is never NULL
    for (const char *c = id; *c; c++)
        h = h * 31 + (unsigned char)*c;
    return &s->buckets[h % BUCKETS];
}

static void unlink_age(struct graph_store *s, struct entry *e)
{
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void push_newest(struct graph_store *s, struct entry *e)
{
    e->newer = NULL;
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static struct entry *memory_find(struct graph_store *s, const char *id)
{
    for (struct entry *e = *bucket_of(s, id); e; e = e->chain) {
        if (!strcmp(e->id, id)) {
            unlink_age(s, e);
            push_newest(s, e);
            return e;
        }
    }
    return NULL;
}

static void memory_drop_oldest(struct graph_store *s)
{
    struct entry *e = s->oldest;
    struct entry **at = bucket_of(s, e->id);
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc): it is in its bucket
    while (*at != e)
        at = &(*at)->chain;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc): once
    *at = e->chain;
    unlink_age(s, e);
    s->bytes -= e->n;
    free(e);
}

/* Does not remember without memory, nor what is no id. */
static void memory_add(struct graph_store *s, const char *id, const char *text, size_t n)
{
    struct entry *e = strlen(id) < GRAPH_ID_SIZE ? malloc(sizeof *e + n + 1) : NULL;
    if (!e)
        return;
    snprintf(e->id, sizeof e->id, "%s", id);
    memcpy(e->text, text, n);
    e->text[n] = 0;
    e->n = sizeof *e + n + 1;
    struct entry **bucket = bucket_of(s, id);
    e->chain = *bucket;
    *bucket = e;
    push_newest(s, e);
    s->bytes += e->n;
    while (s->bytes > MEMORY_BYTES && s->oldest != e)
        memory_drop_oldest(s);
}

enum status graph_store_new(struct data_store *data, struct graph_store **ret_store, struct fault *fault)
{
    struct graph_store *s = calloc(1, sizeof *s);
    if (!s)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the graph store");
    s->data = data;
    pthread_mutex_init(&s->lock, NULL);
    *ret_store = s;
    return STATUS_OK;
}

void graph_store_free(struct graph_store *s)
{
    if (!s)
        return;
    while (s->oldest)
        memory_drop_oldest(s);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool remembers(struct graph_store *s, const char *id, char **ret_text)
{
    pthread_mutex_lock(&s->lock);
    struct entry *e = memory_find(s, id);
    if (e && ret_text)
        *ret_text = strdup(e->text); /* NULL: as if it were not remembered */
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}

/* Without memory it is found on disk next time. */
static void remember(struct graph_store *s, const char *id, const char *text)
{
    pthread_mutex_lock(&s->lock);
    if (!memory_find(s, id))
        memory_add(s, id, text, strlen(text));
    pthread_mutex_unlock(&s->lock);
}

enum status graph_store_put(struct graph_store *s, const char *id, const char *canonical, bool *ret_known,
                            struct fault *fault)
{
    *ret_known = remembers(s, id, NULL);
    if (*ret_known)
        return STATUS_OK;
    TRY(data_graph_put(s->data, id, canonical, ret_known, fault));
    remember(s, id, canonical);
    return STATUS_OK;
}

enum status graph_store_get(struct graph_store *s, const char *id, char **ret_canonical, struct fault *fault)
{
    char *text = NULL;
    remembers(s, id, &text);
    if (!text) {
        TRY(data_graph_get(s->data, id, &text, fault));
        if (text)
            remember(s, id, text);
    }
    *ret_canonical = text;
    return STATUS_OK;
}
