/* See body.h. The budget counts capacity, so that a promise (Content-Length) without bytes costs address space only up
 * to FIRST. */
#include "server/body.h"

#include <stdlib.h>
#include <string.h>

#include "server/metrics.h"

enum { FIRST = 16384, KEPT = 262144 };

static bool resize(struct body *b, size_t capacity, uint64_t max_bodies)
{
    int64_t more = (int64_t)capacity - (int64_t)b->capacity;
    if (more > 0 && (uint64_t)(metrics_value(METRIC_BODY_HELD) + more) > max_bodies)
        return false;
    char *data = realloc(b->data, capacity);
    if (!data)
        return false;
    metrics_add(METRIC_BODY_HELD, more);
    b->data = data;
    b->capacity = capacity;
    return true;
}

bool body_reserve(struct body *b, size_t size, uint64_t max_bodies)
{
    return size <= b->capacity || resize(b, size < FIRST ? FIRST : size, max_bodies);
}

bool body_append(struct body *b, const void *data, size_t n, uint64_t max_bodies)
{
    size_t needed = b->size + n;
    if (needed > b->capacity) {
        size_t doubled = 2 * b->capacity;
        if (!body_reserve(b, doubled > needed ? doubled : needed, max_bodies) && !body_reserve(b, needed, max_bodies))
            return false;
    }
    memcpy(b->data + b->size, data, n);
    b->size = needed;
    return true;
}

void body_clear(struct body *b)
{
    b->size = 0;
    if (b->capacity > KEPT)
        body_done(b);
}

void body_done(struct body *b)
{
    metrics_add(METRIC_BODY_HELD, -(int64_t)b->capacity);
    free(b->data);
    *b = (struct body){0};
}
