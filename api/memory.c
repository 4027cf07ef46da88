/* See memory.h. */
#include "api/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

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
    *m = (struct memory){.sink = {.put = memory_put}, .data = aligned_alloc(ALIGN, capacity), .capacity = capacity};
    m->sink.failed = !m->data;
    return m->data;
}
