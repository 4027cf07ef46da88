/* See allocations.h. The C library's own functions, or the sanitizer's, are behind these. */
#include "tests/interpose/allocations.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
/* The address sanitizer allocates while it begins, before its own functions work: from here, and for good. */
#ifdef __SANITIZE_ADDRESS__
enum { EARLY = 1 << 18, UNIT = 64 };
static _Alignas(64) char early[2 * EARLY]; /* the second half so that a copy may read too far */
static size_t early_used;
static bool begun;

__attribute__((constructor)) static void begin(void)
{
    begun = true;
}

/* NULL: not early any more. */
static void *allocate_early(size_t n)
{
    size_t at = early_used, size = (n + UNIT) / UNIT * UNIT;
    if (begun || size > EARLY - at)
        return NULL;
    early_used += size;
    return early + at;
}

static bool is_early(const void *p)
{
    return (const char *)p >= early && (const char *)p < early + EARLY;
}
#else
static void *allocate_early(size_t n)
{
    (void)n;
    return NULL;
}

static bool is_early(const void *p)
{
    (void)p;
    return false;
}
#endif

#define SHOWN __attribute__((visibility("default")))

extern void *REAL(malloc)(size_t);
extern void *REAL(calloc)(size_t, size_t);
extern void *REAL(realloc)(void *, size_t);
extern void *REAL(memalign)(size_t, size_t);
extern void REAL(free)(void *);

static atomic_bool armed, all_after;
static atomic_long counted, failing, alive;

void allocations_arm(long n, bool onwards)
{
    atomic_store(&counted, 0);
    atomic_store(&failing, n);
    atomic_store(&all_after, onwards);
    atomic_store(&armed, true);
}

long allocations_disarm(void)
{
    atomic_store(&armed, false);
    return atomic_load(&counted);
}

long allocations_alive(void)
{
    return atomic_load(&alive);
}

/* Is this code in a library that does not survive it? */
static bool is_spared(const void *code)
{
    static const char *const spared[] = {
#ifdef __SANITIZE_ADDRESS__
        "libasan",    "libc.so", /* which it calls when a thread begins */
#endif
        "libsndfile", "libFLAC", "libogg", "libvorbis", "libsoxr", "libebur128"};
    Dl_info info;
    if (!dladdr(code, &info) || !info.dli_fname)
        return false;
    for (size_t i = 0; i < sizeof spared / sizeof *spared; i++)
        if (strstr(info.dli_fname, spared[i]))
            return true;
    return false;
}

static bool fails(const void *code)
{
    if (!atomic_load_explicit(&armed, memory_order_relaxed) || is_spared(code))
        return false;
    long at = atomic_fetch_add(&counted, 1) + 1, n = atomic_load(&failing);
    bool yes = at == n || (at > n && atomic_load(&all_after));
    if (yes)
        errno = ENOMEM;
    return yes;
}

static void *born(void *p)
{
    if (p)
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return p;
}

SHOWN void *malloc(size_t n)
{
    void *p = allocate_early(n);
    if (p || fails(__builtin_return_address(0)))
        return p;
    return born(REAL(malloc)(n));
}

SHOWN void *calloc(size_t n, size_t size)
{
    void *p = allocate_early(n * size);
    if (p || fails(__builtin_return_address(0)))
        return p;
    return born(REAL(calloc)(n, size));
}

static void *reallocate(void *old, size_t n)
{
    if (is_early(old)) {
        void *p = malloc(n);
        return p ? memcpy(p, old, n) : NULL;
    }
    void *p = REAL(realloc)(old, n);
    if (old && !p && !n)
        atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
    return old ? p : born(p);
}

SHOWN void *realloc(void *old, size_t n)
{
    return fails(__builtin_return_address(0)) ? NULL : reallocate(old, n);
}

SHOWN void *reallocarray(void *old, size_t n, size_t size)
{
    size_t bytes;
    if (!__builtin_mul_overflow(n, size, &bytes))
        return fails(__builtin_return_address(0)) ? NULL : reallocate(old, bytes);
    errno = ENOMEM;
    return NULL;
}

SHOWN void *memalign(size_t align, size_t n)
{
    return fails(__builtin_return_address(0)) ? NULL : born(REAL(memalign)(align, n));
}

SHOWN void *aligned_alloc(size_t align, size_t n)
{
    return fails(__builtin_return_address(0)) ? NULL : born(REAL(memalign)(align, n));
}

SHOWN int posix_memalign(void **ret, size_t align, size_t n)
{
    void *p = fails(__builtin_return_address(0)) ? NULL : born(REAL(memalign)(align, n));
    if (!p)
        return ENOMEM;
    *ret = p;
    return 0;
}

SHOWN void free(void *p)
{
    if (!p || is_early(p))
        return;
    atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
    REAL(free)(p);
}
