/* A buffer with an inaccessible page before and behind it. */
#ifndef JIT_CC_GUARDED_H
#define JIT_CC_GUARDED_H

#include <stddef.h>

struct guarded {
    char *base;  /* accessible from here; NULL: no memory */
    size_t size; /* whole pages */
};
struct guarded guarded_new(size_t size); /* zeroed */
void guarded_done(struct guarded *g);
void *guarded_end(const struct guarded *g, size_t size); /* the last `size` bytes, aligned if `size` is */

#endif
