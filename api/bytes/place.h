/* Where a file is put together: bytes in any order, because heads are often corrected at the end. In memory, or
 * wherever the owner's `put` writes. */
#ifndef API_PLACE_H
#define API_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One that cannot go on sets `failed` and ignores what follows. */
struct place {
    void (*put)(struct place *p, uint64_t at, const void *bytes, size_t n);
    uint64_t size; /* of the file so far */
    bool failed;
};

static inline void place_put(struct place *p, uint64_t at, const void *bytes, size_t n)
{
    if (p->failed || !n)
        return;
    p->put(p, at, bytes, n);
    if (at + n > p->size)
        p->size = at + n;
}

struct place_memory {
    struct place place;
    uint8_t *data; /* for free() */
    size_t capacity, most;
    bool over; /* failed because of `most`, not for want of memory */
};

/* Grows up to `most` bytes; `likely` are taken at once, or it is failed. */
void place_memory_init(struct place_memory *m, uint64_t likely, uint64_t most);

#endif
