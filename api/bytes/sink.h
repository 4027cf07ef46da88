/* Takes bytes in order. One that cannot go on sets `failed` and ignores what follows, so that whoever writes need not
 * look. */
#ifndef API_SINK_H
#define API_SINK_H

#include <stdbool.h>
#include <stddef.h>

struct sink {
    void (*put)(struct sink *s, const void *bytes, size_t n);
    bool failed;
};

static inline void sink_put(struct sink *s, const void *bytes, size_t n)
{
    if (!s->failed && n)
        s->put(s, bytes, n);
}

#endif
