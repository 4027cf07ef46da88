/* A region allocator: everything one request or one compilation needs, freed at once.
 *
 * Allocation never returns NULL. When memory or the arena's own limit runs out, control returns to the
 * latest ARENA_GUARD of that arena, whose caller answers STATUS_NO_MEMORY. So code that only
 * allocates from arenas has no failure paths for memory and cannot leak. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A new arena that refuses to grow beyond `limit` bytes. NULL when there is no memory at all. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *a); /* takes NULL */

/* Zeroed, 16-byte aligned; never NULL. `arena_array` checks count * size for overflow. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_aligned(struct arena *a, size_t size, size_t align); /* `align`: a power of two */
void *arena_array(struct arena *a, size_t count, size_t size);
void *arena_grow(struct arena *a, const void *old, size_t old_count, size_t new_count, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list ap);
size_t arena_used(const struct arena *a);
size_t arena_reserved(const struct arena *a); /* what it took from malloc for that */

/* True when control comes back because memory ran out:
 *     if (ARENA_GUARD(a)) return STATUS_NO_MEMORY;
 * The guard lives as long as the function that set it; nest by saving and restoring arena_escape(). */
#define ARENA_GUARD(a) (setjmp(*arena_escape(a)) != 0)
jmp_buf *arena_escape(struct arena *a);

#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, n, T) ((T *)arena_array((a), (n), sizeof(T)))

#endif
