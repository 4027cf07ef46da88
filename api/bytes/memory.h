/* A sink into memory that grows. */
#ifndef API_MEMORY_H
#define API_MEMORY_H

#include <stdint.h>

#include "api/bytes/sink.h"

struct memory {
    struct sink sink;
    uint8_t *data; /* for free(); aligned to 64 as long as it has not grown */
    size_t n, capacity;
};

/* False: there is no memory; `sink` is failed. `capacity` is at least 1. */
bool memory_init(struct memory *m, size_t capacity);

/* Instead of free(): a large block may be kept for the next who asks. Takes NULL, and blocks of anybody. */
void memory_release(void *data);

/* Is there so much? Asked before a library is called that uses what it could not allocate: libsndfile 1.2 with its
 * codecs, and soxr 0.1, do (libebur128 1.2 leaks then). */
bool memory_probe(size_t n);

#endif
