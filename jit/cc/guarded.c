/* See guarded.h. */
#include "jit/cc/guarded.h"

#include <sys/mman.h>

enum { PAGE = 4096 };

struct guarded guarded_new(size_t size)
{
    size_t whole = (size / PAGE + 1) * PAGE;
    char *at = mmap(NULL, whole + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return (struct guarded){0};
    if (mprotect(at + PAGE, whole, PROT_READ | PROT_WRITE) != 0) {
        munmap(at, whole + 2 * PAGE);
        return (struct guarded){0};
    }
    return (struct guarded){.base = at + PAGE, .size = whole};
}

void guarded_done(struct guarded *g)
{
    if (g->base)
        munmap(g->base - PAGE, g->size + 2 * PAGE);
    *g = (struct guarded){0};
}

void *guarded_end(const struct guarded *g, size_t size)
{
    return g->base + g->size - size;
}
