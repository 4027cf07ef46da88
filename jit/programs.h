/* Programs: made from graphs, kept by (graph id, layout) in a bounded table, least recently used out first. Private to
 * the jit room. */
#ifndef JIT_PROGRAMS_H
#define JIT_PROGRAMS_H

#include <pthread.h>
#include <stdatomic.h>

#include "jit/engine.h"

struct program_private {
    atomic_uint refs;      /* of a stage: unused, its whole's count */
    struct program *whole; /* of a stage; else NULL */
    struct bytes shape;    /* ir_shape() of the program's IR */
    size_t bytes;          /* memory of the whole program */
    atomic_uint sights;    /* requests that came without finding a kernel */
    atomic_bool wants;     /* a compile was wanted before any compiler was known */
    pthread_mutex_t lock;  /* of what follows */
    struct kernel *kernel; /* bound: the warm path ends here */
    uint8_t key[HASH_SIZE];
    unsigned key_generation;    /* of the compiler's name the key was made with; 0: none yet */
    unsigned missed_generation; /* the store was asked for that key, in vain */
    struct program *chain;      /* the table's, under its lock */
    struct program *newer, *older;
};

/* Lowers, runs the passes, plans. The first reference is the caller's. Faults in the caller's arena. */
enum status program_make(const struct graph *g, const char *graph_id, struct layout layout,
                         const struct graph_limits *limits, enum interp_isa isa, struct program **ret_program,
                         struct fault *fault) MUST_CHECK;

/* The kernel bound to the program, with a reference, or NULL. */
struct kernel *program_kernel(struct program *p);
/* Binds, unless the shapes differ (false) or the kernel was evicted meanwhile. */
bool program_bind(struct program *p, struct kernel *k) MUST_CHECK;

struct programs;
struct programs *programs_new(uint32_t bound, uint64_t bytes); /* NULL when there is no memory */
void programs_free(struct programs *t);

/* A program for which a compile was wanted before any compiler was known, with a reference; each once. NULL: no more.
 */
struct program *programs_take_wanting(struct programs *t);
struct program *programs_find(struct programs *t, const char *graph_id,
                              struct layout layout); /* with a reference, or NULL */
void programs_stats(struct programs *t, struct engine_stats *to);
/* Keeps p, whose reference comes back; or, when somebody else was faster, releases it and returns the other. */
struct program *programs_keep(struct programs *t, struct program *p);
void programs_unbind(struct programs *t, struct kernel *k); /* k was evicted: no kept program holds it any longer */

#endif
