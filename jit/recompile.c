/* See engine.h, `recompile`: after an upgrade of the compiler or of the code generator every stored kernel is another
 * key's. Those used last are compiled anew from their shapes, one at a time, when no request waits for a worker, and
 * with pauses, so that they are there when they are asked for. */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "jit/engine_private.h"
#include "jit/key.h"

enum { LOOK_MS = 100, ARENA_MAX = 256 << 20 };

/* One compile. Whoever lets go last frees it: the worker's thread, or ours, which does not wait when the engine ends.
 */
struct anew {
    struct compile_job base;
    struct engine *e;
    struct arena *arena; /* of the IR and the shape */
    struct bytes shape;
    uint8_t key[HASH_SIZE];
    int holders; /* under the engine's lock, as is what follows */
    double took_ms;
    bool kept, done;
};

static void let_go(struct anew *a)
{
    pthread_mutex_lock(&a->e->lock);
    bool last = --a->holders == 0;
    pthread_mutex_unlock(&a->e->lock);
    if (!last)
        return;
    arena_free(a->arena);
    free(a);
}

/* The kernel, when it answers the key it was compiled for. */
static struct kernel *keep(struct anew *a, const struct compile_result *r)
{
    struct engine *e = a->e;
    uint8_t key[HASH_SIZE];
    key_make(a->shape, e->config.target, r->compiler, key);
    if (r->outcome != COMPILE_OK || memcmp(key, a->key, HASH_SIZE) != 0)
        return NULL;
    struct kernel *k = engine_load(e, key, a->shape, &r->image);
    if (k)
        store_put(e->store, key, e->config.target, a->shape, &r->image);
    return k;
}

static void compiled(struct compile_job *base, const struct compile_result *r)
{
    struct anew *a = (struct anew *)base;
    struct engine *e = a->e;
    bool ours = r->outcome == COMPILE_REFUSED || r->outcome == COMPILE_CRASHED || r->outcome == COMPILE_TIMEOUT;
    struct kernel *k = r->outcome == COMPILE_OK ? keep(a, r) : NULL;
    engine_count_compile(e, r);
    engine_settle(e, a->key, k ? CACHE_LOADED : ours ? CACHE_FAILED : CACHE_ABSENT, k);
    pthread_mutex_lock(&e->lock);
    a->kept = k != NULL;
    a->took_ms = r->compile_ms + r->admit_ms;
    a->done = true;
    pthread_cond_broadcast(&e->named);
    pthread_mutex_unlock(&e->lock);
    let_go(a);
}

/* False: the engine ends. */
static bool pause_ms(struct engine *e, int64_t ms)
{
    int64_t until = clock_ms() + ms;
    pthread_mutex_lock(&e->lock);
    while (!atomic_load(&e->stopping) && cond_wait_until(&e->named, &e->lock, until))
        ;
    pthread_mutex_unlock(&e->lock);
    return !atomic_load(&e->stopping);
}

static bool await_idle(struct engine *e)
{
    struct compiler_stats stats;
    for (;;) {
        compiler_stats(e->compiler, &stats);
        if (!stats.down && stats.queue == 0)
            return !atomic_load(&e->stopping);
        if (!pause_ms(e, LOOK_MS))
            return false;
    }
}

static enum status read_shape(struct anew *a, struct bytes shape)
{
    struct fault fault;
    struct ir *ir;
    if (ARENA_GUARD(a->arena))
        return STATUS_NO_MEMORY;
    fault_init(&fault, a->arena);
    uint8_t *copy = arena_alloc(a->arena, shape.n + 1);
    memcpy(copy, shape.data, shape.n);
    a->shape = (struct bytes){copy, shape.n};
    TRY(ir_from_shape(a->shape, a->arena, &ir, &fault));
    a->base = (struct compile_job){.ir = ir, .target = a->e->config.target, .done = compiled};
    return STATUS_OK;
}

/* NULL: it cannot be. */
static struct anew *anew_new(struct engine *e, struct bytes shape, const uint8_t key[HASH_SIZE])
{
    struct anew *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->e = e;
    a->holders = 1;
    memcpy(a->key, key, HASH_SIZE);
    a->arena = arena_new(ARENA_MAX);
    if (a->arena && read_shape(a, shape) == STATUS_OK)
        return a;
    let_go(a);
    return NULL;
}

/* The key is claimed. True: it is in the store now. */
static bool compile_anew(struct engine *e, struct bytes shape, const uint8_t key[HASH_SIZE])
{
    struct anew *a = anew_new(e, shape, key);
    if (a)
        a->holders = 2;
    if (!a || !compiler_submit(e->compiler, &a->base)) {
        engine_settle(e, key, CACHE_ABSENT, NULL);
        if (a) {
            a->holders = 1;
            let_go(a);
        }
        return false;
    }
    pthread_mutex_lock(&e->lock);
    while (!a->done && !atomic_load(&e->stopping))
        pthread_cond_wait(&e->named, &e->lock);
    bool kept = a->kept;
    double took_ms = a->took_ms;
    pthread_mutex_unlock(&e->lock);
    let_go(a);
    pause_ms(e, (int64_t)took_ms);
    return kept;
}

struct round {
    struct engine *e;
    unsigned anew;
};

static bool look_at(const struct stored *row, void *user)
{
    struct round *round = user;
    struct engine *e = round->e;
    uint8_t key[HASH_SIZE];
    enum cache_state found;
    const struct compiler_name *name = atomic_load(&e->name);
    if (atomic_load(&e->stopping) || !name)
        return false;
    key_make(row->shape, e->config.target, name->id, key);
    if (row->target != e->config.target || memcmp(key, row->key, HASH_SIZE) == 0 || store_has(e->store, key) ||
        engine_holds(e, key))
        return true; /* another processor's, or as it should be */
    if (!await_idle(e))
        return false;
    kernel_unref(cache_claim(e->cache, key, &found));
    if (found == CACHE_ABSENT)
        round->anew += compile_anew(e, row->shape, key);
    return !atomic_load(&e->stopping);
}

static void *work(void *user)
{
    struct engine *e = user;
    struct round round = {.e = e};
    pthread_mutex_lock(&e->lock);
    while (!e->worker_named && !atomic_load(&e->stopping))
        pthread_cond_wait(&e->named, &e->lock);
    pthread_mutex_unlock(&e->lock);
    store_recent(e->store, e->config.recompile, look_at, &round);
    if (round.anew)
        engine_say(e, LOG_INFO, "%u kernels were compiled anew for %s", round.anew, engine_compiler_id(e));
    return NULL;
}

void recompile_start(struct engine *e)
{
    if (e->store && e->compiler && e->config.recompile)
        e->recompiles = thread_start(&e->recompile, work, e);
}

void recompile_stop(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    pthread_cond_broadcast(&e->named);
    pthread_mutex_unlock(&e->lock);
    if (e->recompiles)
        pthread_join(e->recompile, NULL);
}
