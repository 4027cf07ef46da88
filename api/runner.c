/* See runner.h. */
#include "api/runner.h"

#include <limits.h>
#include <stdlib.h>

#include "api/room.h"

static void release(void *user)
{
    struct runner *r = user;
    kernel_unref(atomic_load(&r->kernel));
    if (r->program)
        program_unref(r->program);
}

struct runner *runner_new(struct exchange *ex)
{
    struct runner *r = ARENA_NEW(ex->arena, struct runner);
    r->ex = ex;
    *exchange_defer(ex, release) = r;
    return r;
}

static enum status fault_no_kernel(struct exchange *ex)
{
    return fault_add(&ex->fault, STATUS_BUSY, "/tier", 0,
                     "there is no compiled kernel for this graph now (no compiler, or it is busy or refused it); tier "
                     "auto always answers");
}

static int milliseconds_left(const struct exchange *ex)
{
    double left_ms = ex->deadline_ms - exchange_clock_ms();
    return left_ms < 1 ? 1 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* A request of tier jit holds a thread of the pool while it waits for the compiler. So it waits no longer than a
 * compile may take, and when most threads wait already, only briefly: others have work to do. */
enum { LONG_WAIT_MS = 15000, BRIEF_WAIT_MS = 2000 };

static struct kernel *await_kernel(struct runner *r, double expected_ns)
{
    struct api *api = r->ex->api;
    int threads = pool_threads(api->pool);
    int waiting = atomic_fetch_add(&api->waiting, 1);
    int most_ms = waiting == 0 || waiting + 1 < threads ? LONG_WAIT_MS : BRIEF_WAIT_MS;
    int left_ms = milliseconds_left(r->ex);
    struct kernel *k =
        engine_kernel(api->engine, r->program, expected_ns, left_ms < most_ms ? left_ms : most_ms, &r->origin);
    atomic_fetch_sub(&api->waiting, 1);
    return k;
}

static void release_kernel(void *user)
{
    struct runner *r = user;
    kernel_unref(atomic_load(&r->kernel));
}

/* Programs of stages come and go with the whole. */
static struct runner *stage_new(const struct runner *whole, struct program *program)
{
    struct runner *r = ARENA_NEW(whole->ex->arena, struct runner);
    void **deferred = exchange_defer(whole->ex, release_kernel);
    r->ex = whole->ex;
    r->program = program;
    r->params = whole->params;
    r->images = whole->images;
    r->tier = whole->tier;
    *deferred = r;
    return r;
}

static enum status choose(struct runner *r, double points)
{
    if (r->tier == TIER_INTERP)
        return STATUS_OK;
    bool waits = r->tier == TIER_JIT && r->ex->on_pool;
    double expected_ns = points * r->program->cost.interp_ns;
    atomic_store(&r->kernel, waits ? await_kernel(r, expected_ns)
                                   : engine_kernel(r->ex->api->engine, r->program, expected_ns, 0, &r->origin));
    if (waits && !atomic_load(&r->kernel))
        return fault_no_kernel(r->ex);
    return STATUS_OK;
}

enum status runner_choose(struct runner *r, double points)
{
    uint32_t n = r->program->n_stages;
    TRY(choose(r, points));
    if (!r->stages)
        r->stages = ARENA_ARRAY(r->ex->arena, n + 1u, struct runner *);
    for (uint32_t i = 0; i < n; i++) {
        if (!r->stages[i])
            r->stages[i] = stage_new(r, r->program->stages[i]);
        TRY(choose(r->stages[i], points));
    }
    return STATUS_OK;
}

double runner_predict_us(const struct runner *r, double points)
{
    const struct cost *cost = &r->program->cost;
    double ns = atomic_load_explicit(&r->kernel, memory_order_relaxed) ? cost->jit_ns : cost->interp_ns, us = 0;
    for (uint32_t i = 0; i < r->program->n_stages; i++)
        us += runner_predict_us(r->stages[i], points);
    return us + points * ns * 1e-3;
}

static struct kernel *kernel_now(struct runner *r)
{
    struct kernel *k = atomic_load_explicit(&r->kernel, memory_order_acquire);
    if (k || r->tier != TIER_AUTO)
        return k;
    k = engine_kernel_poll(r->ex->api->engine, r->program);
    struct kernel *before = NULL;
    if (k && !atomic_compare_exchange_strong(&r->kernel, &before, k)) {
        kernel_unref(k);
        k = before;
    }
    return k;
}

static void note(atomic_bool *used)
{
    if (!atomic_load_explicit(used, memory_order_relaxed))
        atomic_store_explicit(used, true, memory_order_relaxed);
}

void runner_call(struct runner *r, const struct kernel_call *call, void *work)
{
    struct kernel *k = kernel_now(r);
    note(k ? &r->used_jit : &r->used_interp);
    program_run(r->program, k, call, work);
}

static size_t aligned(size_t n)
{
    return (n + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN;
}

static size_t scratch_bytes(const struct runner *r)
{
    return aligned(r->program->plan->scratch_size + KERNEL_PAD * sizeof(float));
}

/* A kernel that is there already stays, so the interpreter needs no room beside it. */
size_t workspace_size(const struct runner *r)
{
    bool compiled = atomic_load_explicit(&r->kernel, memory_order_relaxed) != NULL;
    return scratch_bytes(r) + (compiled ? 0 : aligned(interp_work_size(r->program->interp))) + KERNEL_ALIGN;
}

struct workspace workspace_at(const struct runner *r, void *memory)
{
    char *at = (char *)aligned((size_t)memory);
    return (struct workspace){.scratch = (float *)(void *)at, .work = at + scratch_bytes(r)};
}

/* What is furthest from the cache comes first. */
static enum kernel_origin coldest(const struct runner *r)
{
    static const int warmth[] = {
        [KERNEL_MISS] = 0, [KERNEL_COLLAPSED] = 1, [KERNEL_COMPILED] = 2, [KERNEL_STORE] = 3, [KERNEL_MEMORY] = 4};
    enum kernel_origin origin = r->origin;
    for (uint32_t i = 0; r->stages && i < r->program->n_stages; i++)
        if (warmth[r->stages[i]->origin] < warmth[origin])
            origin = r->stages[i]->origin;
    return origin;
}

static bool has_used(const struct runner *r, bool compiled)
{
    bool used = atomic_load(compiled ? &r->used_jit : &r->used_interp);
    for (uint32_t i = 0; r->stages && i < r->program->n_stages; i++)
        used |= has_used(r->stages[i], compiled);
    return used;
}

const char *runner_engine(const struct runner *r)
{
    bool interp = has_used(r, false), jit = has_used(r, true);
    return !jit ? "interp" : interp ? "interp+jit" : "jit";
}

void runner_headers(const struct runner *r)
{
    static const char *const cache[] = {
        [KERNEL_MISS] = "sinter; fwd=miss",
        [KERNEL_MEMORY] = "sinter; hit",
        [KERNEL_STORE] = "sinter; hit; detail=store",
        [KERNEL_COMPILED] = "sinter; fwd=miss; stored",
        [KERNEL_COLLAPSED] = "sinter; fwd=miss; collapsed",
    };
    struct exchange *ex = r->ex;
    char *key = arena_alloc(ex->arena, HASH_HEX);
    answer_header(ex, "Sinter-Graph", arena_strdup(ex->arena, r->program->graph_id));
    if (engine_key(ex->api->engine, r->program, key))
        answer_header(ex, "Sinter-Kernel", key);
    answer_header(ex, "Sinter-Engine", runner_engine(r));
    answer_header(ex, "Cache-Status", cache[coldest(r)]);
}

enum status exchange_memory(struct exchange *ex, size_t size, void **ret_memory)
{
    void **slot = exchange_defer(ex, free);
    *slot = aligned_alloc(KERNEL_ALIGN, aligned(size ? size : 1));
    if (!*slot)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for %zu bytes of working space", size);
    *ret_memory = *slot;
    return STATUS_OK;
}
