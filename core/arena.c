/* See arena.h. Blocks double in size up to 1 MiB; a request larger than a block gets one of its own. Each thread keeps
 * the arena it freed last, with one block, for the next: a short request then costs no malloc. */
#include "core/arena.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    size_t used, cap;
    _Alignas(16) unsigned char data[];
};

struct arena {
    struct block *blocks; /* the head is the one being filled */
    size_t used, limit;
    jmp_buf escape;
};

enum { FIRST_BLOCK = 8 << 10, LARGEST_BLOCK = 1 << 20, SPARE_BLOCK = 128 << 10 };

static pthread_key_t spare_key; /* this thread's spare arena */
static pthread_once_t spare_once = PTHREAD_ONCE_INIT;

static void destroy(void *arena)
{
    struct arena *a = arena;
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static void make_spare_key(void)
{
    if (pthread_key_create(&spare_key, destroy))
        abort(); /* at the first use in the process: nothing works yet */
}

struct arena *arena_new(size_t limit)
{
    pthread_once(&spare_once, make_spare_key);
    struct arena *a = pthread_getspecific(spare_key);
    if (a)
        pthread_setspecific(spare_key, NULL);
    else
        a = calloc(1, sizeof *a);
    if (a)
        a->limit = limit;
    return a;
}

/* Leaves one block of moderate size, emptied. */
static void make_spare(struct arena *a)
{
    struct block *kept = NULL;
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        if (b->cap <= SPARE_BLOCK && (!kept || b->cap > kept->cap)) {
            free(kept);
            kept = b;
        } else {
            free(b);
        }
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    a->blocks = kept;
    a->used = 0;
    pthread_setspecific(spare_key, a);
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    if (pthread_getspecific(spare_key))
        destroy(a);
    else
        make_spare(a);
}

jmp_buf *arena_escape(struct arena *a)
{
    return &a->escape;
}

static struct block *block_new(struct arena *a, size_t size)
{
    size_t cap = a->blocks ? a->blocks->cap * 2 : FIRST_BLOCK;
    if (cap > LARGEST_BLOCK)
        cap = LARGEST_BLOCK;
    if (cap < size)
        cap = size;
    struct block *b = malloc(sizeof *b + cap);
    if (!b)
        return NULL;
    *b = (struct block){.next = a->blocks, .cap = cap};
    a->blocks = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - 15)
        longjmp(a->escape, 1);
    size = (size + 15) & ~(size_t)15;
    if (size > a->limit || a->used > a->limit - size)
        longjmp(a->escape, 1);
    struct block *b = a->blocks;
    if (!b || b->cap - b->used < size)
        b = block_new(a, size);
    if (!b)
        longjmp(a->escape, 1);
    void *p = b->data + b->used;
    b->used += size;
    a->used += size;
    return memset(p, 0, size);
}

void *arena_aligned(struct arena *a, size_t size, size_t align)
{
    if (size > SIZE_MAX - align)
        longjmp(a->escape, 1);
    char *p = arena_alloc(a, size + align);
    return p + (-(uintptr_t)p & (align - 1));
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        longjmp(a->escape, 1);
    return arena_alloc(a, bytes);
}

void *arena_grow(struct arena *a, const void *old, size_t old_count, size_t new_count, size_t size)
{
    void *p = arena_array(a, new_count, size);
    if (old_count)
        memcpy(p, old, old_count * size);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    memcpy(p, s, n);
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    char *p = arena_alloc(a, n < 0 ? 1 : (size_t)n + 1);
    if (n > 0)
        vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *p = arena_vprintf(a, format, ap);
    va_end(ap);
    return p;
}

size_t arena_reserved(const struct arena *a)
{
    size_t n = sizeof *a;
    for (const struct block *b = a->blocks; b; b = b->next)
        n += sizeof *b + b->cap;
    return n;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
