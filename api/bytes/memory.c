/* See memory.h. */
#include "api/bytes/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, HUGE_PAGE = 2 << 20, KEPT_LEAST = 8 << 20, KEPT_MOST = 64 << 20 };

/* Fresh memory costs more than filling it: the system clears it first, page by page. So one large block is kept for the
 * next large answer, and new ones are asked for in large pages. */
static _Atomic(void *) kept;

static void *allocate(size_t capacity)
{
    if (capacity < KEPT_LEAST)
        return aligned_alloc(ALIGN, capacity);
    void *p = atomic_exchange(&kept, NULL);
    if (p && malloc_usable_size(p) >= capacity)
        return p;
    free(p);
    size_t rounded = (capacity + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; /* as aligned_alloc asks */
    p = aligned_alloc(HUGE_PAGE, rounded);
    if (p)
        madvise(p, rounded, MADV_HUGEPAGE); /* refused: small pages, then */
    return p;
}

void memory_release(void *data)
{
    size_t size = data ? malloc_usable_size(data) : 0;
    if (size >= KEPT_LEAST && size <= KEPT_MOST + HUGE_PAGE && (uintptr_t)data % ALIGN == 0)
        data = atomic_exchange(&kept, data);
    free(data);
}

bool memory_probe(size_t n)
{
    char *volatile p = malloc(n);
    bool there = p;
    free(p);
    return there;
}

static void memory_put(struct sink *s, const void *bytes, size_t n)
{
    struct memory *m = (struct memory *)s;
    if (m->capacity - m->n < n) {
        size_t capacity = m->n + n > 2 * m->capacity ? m->n + n : 2 * m->capacity;
        uint8_t *data = realloc(m->data, capacity);
        s->failed = !data;
        if (!data)
            return;
        m->data = data;
        m->capacity = capacity;
    }
    memcpy(m->data + m->n, bytes, n);
    m->n += n;
}

bool memory_init(struct memory *m, size_t capacity)
{
    capacity = (capacity + ALIGN - 1) / ALIGN * ALIGN; /* as aligned_alloc asks */
    *m = (struct memory){.sink = {.put = memory_put}, .data = allocate(capacity), .capacity = capacity};
    m->sink.failed = !m->data;
    return m->data;
}
