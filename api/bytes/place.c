/* See place.h: the place in memory. */
#include "api/bytes/place.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct place_memory *m, uint64_t need)
{
    uint64_t capacity = m->capacity + m->capacity / 2;
    m->over |= need > m->most;
    if (m->over)
        return false;
    capacity = capacity < need ? need : capacity > m->most ? m->most : capacity;
    uint8_t *data = realloc(m->data, capacity + 1);
    if (!data)
        return false;
    m->data = data;
    m->capacity = capacity;
    return true;
}

static void put(struct place *p, uint64_t at, const void *bytes, size_t n)
{
    struct place_memory *m = (struct place_memory *)p;
    if (at + n > m->capacity && !grow(m, at + n)) {
        p->failed = true;
        return;
    }
    if (at > p->size)
        memset(m->data + p->size, 0, at - p->size);
    memcpy(m->data + at, bytes, n);
}

void place_memory_init(struct place_memory *m, uint64_t likely, uint64_t most)
{
    *m = (struct place_memory){.place = {.put = put}, .most = most};
    m->place.failed = !grow(m, likely < most ? likely : most);
}
