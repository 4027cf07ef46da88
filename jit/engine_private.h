/* What the engine's files share; nobody else includes this. */
#ifndef JIT_ENGINE_PRIVATE_H
#define JIT_ENGINE_PRIVATE_H

#include <stdatomic.h>

#include "jit/cache.h"
#include "jit/compiler.h"
#include "jit/engine.h"
#include "jit/programs.h"
#include "jit/quarantine.h"
#include "jit/store.h"
#include "jit/thread.h"

/* What a worker called itself; all that were ever seen live as long as the engine, so that they can be read without a
 * lock. */
struct compiler_name {
    char id[40];
    unsigned generation; /* from 1 */
    struct compiler_name *older;
};

struct engine {
    struct engine_config config;
    struct programs *programs;
    struct cache *cache;
    struct store *store;           /* NULL: none */
    struct compiler *compiler;     /* NULL: none */
    struct quarantine *quarantine; /* NULL: nothing is kept */
    struct marker *marker;         /* NULL: crashes are not noticed */
    pthread_t preload;
    bool preloads;
    pthread_t recompile;
    bool recompiles;
    atomic_bool stopping;
    atomic_uint worker_sandbox;           /* what the latest worker's holds */
    _Atomic(struct compiler_name *) name; /* the latest; NULL while nobody knows */
    atomic_uint_fast64_t hits_memory, hits_store, misses, mismatches;
    pthread_mutex_t lock; /* of what follows, and for setting `name` */
    pthread_cond_t named;
    struct engine_stats stats; /* the compile members */
    bool worker_named;         /* the name is that of a worker that runs, not the stored one */
};

/* engine.c */
__attribute__((format(printf, 3, 4))) void engine_say(struct engine *e, int level, const char *format, ...);

/* A kernel from bytes, or NULL with a word in the log. */
struct kernel *engine_load(struct engine *e, const uint8_t key[HASH_SIZE], struct bytes shape,
                           const struct image *image);
/* Ends a claim in the cache; takes over the kernel's reference. */
void engine_settle(struct engine *e, const uint8_t key[HASH_SIZE], enum cache_state state, struct kernel *k);
void engine_count_compile(struct engine *e, const struct compile_result *r);

/* recompile.c */
void recompile_start(struct engine *e);
void recompile_stop(struct engine *e); /* the engine is stopping; before its compiler is freed */

/* engine_wary.c */
void engine_open_quarantine(struct engine *e);
bool engine_holds(const struct engine *e, const uint8_t key[HASH_SIZE]); /* in quarantine */
void engine_note_sandbox(struct engine *e, unsigned held);               /* a worker's; from its thread */

#endif
