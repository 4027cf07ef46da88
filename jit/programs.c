/* See programs.h. */
#include "jit/programs.h"

#include <stdlib.h>
#include <string.h>

#include "core/pass.h"
#include "core/stages.h"
#include "jit/thread.h"

enum { PROGRAM_ARENA_MAX = 512 << 20, BUCKETS_MAX = 1 << 16 };

/* Making one */

static void copy_params(struct program *p, const struct graph *g)
{
    struct graph_param *params = ARENA_ARRAY(p->arena, g->n_params ? g->n_params : 1, struct graph_param);
    for (size_t i = 0; i < g->n_params; i++) {
        params[i] = g->params[i];
        params[i].name = arena_strdup(p->arena, g->params[i].name);
        params[i].unit = g->params[i].unit ? arena_strdup(p->arena, g->params[i].unit) : NULL;
    }
    p->params = params;
    p->n_params = g->n_params;
}

static void fill_stage(struct program *p, const struct stages *all, uint32_t i, enum interp_isa isa)
{
    const struct ir_stage *stage = &all->list[i];
    p->ir = stage->ir;
    p->reads = stage->reads;
    p->fills = stage->fills;
    p->edges = all->edges;
    p->n_planes = all->n_planes;
    p->hosts = all->hosts;
    p->n_hosts = all->n_hosts;
    p->n_signals = all->n_signals;
    p->plan = plan_make(p->ir, p->arena);
    p->interp = interp_new(p->plan, isa, p->arena);
    p->cost = p->whole_cost = plan_cost(p->plan);
    p->private->shape = ir_shape(p->ir, p->arena);
}

static struct program_private *private_new(void)
{
    struct program_private *private = calloc(1, sizeof *private);
    if (!private)
        return NULL;
    pthread_mutex_init(&private->lock, NULL);
    atomic_init(&private->refs, 1);
    return private;
}

/* A program in the whole's arena; what it shares with the whole is copied. */
static struct program *stage_new(struct program *whole)
{
    struct program *p = ARENA_NEW(whole->arena, struct program);
    struct program_private *private = private_new();
    if (!private)
        return NULL;
    *p = *whole;
    p->private = private;
    p->private->whole = whole;
    p->stages = NULL;
    p->n_stages = 0;
    whole->stages[whole->n_stages++] = p;
    return p;
}

static enum status fill_stages(struct program *p, enum interp_isa isa, struct fault *fault)
{
    struct stages all = stages_split(p->lowered.ir);
    p->stages = ARENA_ARRAY(p->arena, all.n, struct program *);
    fill_stage(p, &all, all.n - 1, isa);
    for (uint32_t i = 0; i + 1 < all.n; i++) {
        struct program *stage = stage_new(p);
        if (!stage)
            return fault_add(fault, STATUS_NO_MEMORY, "", 0, "there is no memory for the stages");
        fill_stage(stage, &all, i, isa);
        p->whole_cost.interp_ns += stage->cost.interp_ns;
        p->whole_cost.jit_ns += stage->cost.jit_ns;
        p->whole_cost.compile_ms += stage->cost.compile_ms;
        p->whole_cost.instructions += stage->cost.instructions;
    }
    return STATUS_OK;
}

/* Everything that may run out of the program's arena. */
static enum status fill(struct program *p, const struct graph *g, const struct graph_limits *limits,
                        enum interp_isa isa, struct fault *fault)
{
    double start = clock_us();
    if (ARENA_GUARD(p->arena))
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "the graph needs more than %d MB to be compiled",
                         PROGRAM_ARENA_MAX >> 20);
    TRY(lower(g, p->layout, limits, p->arena, &p->lowered, fault));
    TRY(ir_verify(p->lowered.ir, fault));
    passes_run(p->lowered.ir, NULL, NULL);
    copy_params(p, g);
    TRY(fill_stages(p, isa, fault));
    p->lower_ms = (clock_us() - start) / 1e3;
    return STATUS_OK;
}

/* Copies faults to the caller's arena. When that has no room either, what was copied must do. */
static void copy_fault(struct fault *to, const struct fault *from)
{
    jmp_buf outer;
    memcpy(&outer, arena_escape(to->arena), sizeof outer);
    if (!ARENA_GUARD(to->arena)) {
        for (size_t i = 0; i < from->count; i++) {
            const struct fault_item *item = &from->items[i];
            fault_add(to, from->status, arena_strdup(to->arena, item->pointer), item->column, "%s", item->detail);
        }
        if (from->limit)
            to->limit = arena_strdup(to->arena, from->limit);
    }
    memcpy(arena_escape(to->arena), &outer, sizeof outer);
}

/* Faults are collected in an arena of our own: running out of the caller's would jump past us and leak the program. */
static enum status fill_or_explain(struct program *p, const struct graph *g, const struct graph_limits *limits,
                                   enum interp_isa isa, struct fault *fault)
{
    struct arena *a = arena_new(4 << 20);
    if (!a)
        return STATUS_NO_MEMORY;
    if (ARENA_GUARD(a)) {
        arena_free(a);
        return STATUS_NO_MEMORY;
    }
    struct fault mine;
    fault_init(&mine, a);
    enum status s = fill(p, g, limits, isa, &mine);
    if (s != STATUS_OK)
        copy_fault(fault, &mine);
    arena_free(a);
    return s;
}

static void private_free(struct program_private *private)
{
    kernel_unref(private->kernel);
    pthread_mutex_destroy(&private->lock);
    free(private);
}

static void program_free(struct program *p)
{
    for (uint32_t i = 0; i < p->n_stages; i++)
        private_free(p->stages[i]->private);
    private_free(p->private);
    arena_free(p->arena);
    free(p);
}

/* Of a stage, whose whole it is; stages come and go with it. */
static struct program *whole_of(struct program *p)
{
    return p->private->whole ? p->private->whole : p;
}

enum status program_make(const struct graph *g, const char *graph_id, struct layout layout,
                         const struct graph_limits *limits, enum interp_isa isa, struct program **ret_program,
                         struct fault *fault)
{
    struct program *p = calloc(1, sizeof *p);
    struct program_private *private = private_new();
    struct arena *a = arena_new(PROGRAM_ARENA_MAX);
    if (!p || !private || !a) {
        arena_free(a);
        if (private)
            private_free(private);
        free(p);
        return STATUS_NO_MEMORY;
    }
    *p = (struct program){.arena = a, .layout = layout, .private = private};
    memcpy(p->graph_id, graph_id, GRAPH_ID_SIZE);
    enum status s = fill_or_explain(p, g, limits, isa, fault);
    if (s != STATUS_OK) {
        program_free(p);
        return s;
    }
    private->bytes = sizeof *p + (1 + p->n_stages) * sizeof *private + arena_reserved(a);
    *ret_program = p;
    return STATUS_OK;
}

struct program *program_ref(struct program *p)
{
    atomic_fetch_add_explicit(&whole_of(p)->private->refs, 1, memory_order_relaxed);
    return p;
}

void program_unref(struct program *p)
{
    p = p ? whole_of(p) : NULL;
    if (p && atomic_fetch_sub_explicit(&p->private->refs, 1, memory_order_acq_rel) == 1)
        program_free(p);
}

void program_run(const struct program *p, struct kernel *kernel, const struct kernel_call *call, void *work)
{
    if (kernel) {
        struct mark *mark = marker_set(kernel->marker, kernel->key);
        kernel->entry(call);
        marker_clear(mark);
    } else {
        interp_run(p->interp, call, work);
    }
}

/* Its kernel */

struct kernel *program_kernel(struct program *p)
{
    struct program_private *private = p->private;
    pthread_mutex_lock(&private->lock);
    struct kernel *k = private->kernel ? kernel_ref(private->kernel) : NULL;
    pthread_mutex_unlock(&private->lock);
    const unsigned all = KERNEL_USED_CACHE | KERNEL_USED_STORE;
    if (k && atomic_load_explicit(&k->used, memory_order_relaxed) != all)
        atomic_store_explicit(&k->used, all, memory_order_relaxed);
    return k;
}

bool program_bind(struct program *p, struct kernel *k)
{
    struct program_private *private = p->private;
    struct kernel *old = NULL;
    if (k->shape.n != private->shape.n || memcmp(k->shape.data, private->shape.data, k->shape.n) != 0)
        return false;
    pthread_mutex_lock(&private->lock);
    if (private->kernel != k && !atomic_load(&k->evicted)) {
        old = private->kernel;
        private->kernel = kernel_ref(k);
    }
    pthread_mutex_unlock(&private->lock);
    kernel_unref(old);
    return true;
}

/* The table */

struct programs {
    pthread_mutex_t lock;
    struct program **buckets;
    uint32_t mask;
    uint32_t n, bound;
    uint64_t bytes, bytes_bound;
    uint64_t hits, misses;
    struct program *newest, *oldest;
};

struct programs *programs_new(uint32_t bound, uint64_t bytes)
{
    struct programs *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    uint32_t buckets = 64;
    while (buckets < bound && buckets < BUCKETS_MAX)
        buckets *= 2;
    t->bound = bound ? bound : 1;
    t->bytes_bound = bytes;
    t->mask = buckets - 1;
    t->buckets = calloc(buckets, sizeof(struct program *));
    if (!t->buckets) {
        free(t);
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

static struct program **slot_of(struct programs *t, const char *graph_id, struct layout layout)
{
    uint32_t hash = layout.channels * 31 + layout.kind;
    for (const char *c = graph_id; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    struct program **slot = &t->buckets[(hash ^ hash >> 16) & t->mask];
    while (*slot && (strcmp((*slot)->graph_id, graph_id) != 0 || (*slot)->layout.kind != layout.kind ||
                     (*slot)->layout.channels != layout.channels))
        slot = &(*slot)->private->chain;
    return slot;
}

static void list_remove(struct programs *t, struct program *p)
{
    struct program *newer = p->private->newer, *older = p->private->older;
    *(newer ? &newer->private->older : &t->newest) = older;
    *(older ? &older->private->newer : &t->oldest) = newer;
}

static void list_add(struct programs *t, struct program *p)
{
    p->private->newer = NULL;
    p->private->older = t->newest;
    *(t->newest ? &t->newest->private->newer : &t->oldest) = p;
    t->newest = p;
}

/* Takes out the oldest; its reference is the caller's. */
static struct program *evict(struct programs *t)
{
    struct program *p = t->oldest;
    list_remove(t, p);
    *slot_of(t, p->graph_id, p->layout) = p->private->chain;
    t->n--;
    t->bytes -= p->private->bytes;
    return p;
}

void programs_free(struct programs *t)
{
    if (!t)
        return;
    while (t->oldest)
        program_unref(evict(t));
    pthread_mutex_destroy(&t->lock);
    free(t->buckets);
    free(t);
}

struct program *programs_find(struct programs *t, const char *graph_id, struct layout layout)
{
    pthread_mutex_lock(&t->lock);
    struct program *p = *slot_of(t, graph_id, layout);
    if (p) {
        if (t->newest != p) {
            list_remove(t, p);
            list_add(t, p);
        }
        program_ref(p);
    }
    *(p ? &t->hits : &t->misses) += 1;
    pthread_mutex_unlock(&t->lock);
    return p;
}

void programs_stats(struct programs *t, struct engine_stats *to)
{
    pthread_mutex_lock(&t->lock);
    to->programs = t->n;
    to->program_bytes = t->bytes;
    to->program_hits = t->hits;
    to->program_misses = t->misses;
    pthread_mutex_unlock(&t->lock);
}

struct program *programs_keep(struct programs *t, struct program *p)
{
    struct program *gone = NULL;
    pthread_mutex_lock(&t->lock);
    struct program **slot = slot_of(t, p->graph_id, p->layout);
    if (*slot) {
        gone = p;
        p = program_ref(*slot);
        gone->private->chain = NULL;
    } else {
        p->private->chain = NULL;
        *slot = program_ref(p);
        list_add(t, p);
        t->n++;
        t->bytes += p->private->bytes;
        while (t->oldest != p && (t->n > t->bound || t->bytes > t->bytes_bound)) {
            struct program *out = evict(t);
            out->private->chain = gone;
            gone = out;
        }
    }
    pthread_mutex_unlock(&t->lock);
    for (struct program *next; gone; gone = next) { /* freeing may take a while: not under the lock */
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): each was in the list once
        next = gone->private->chain;
        program_unref(gone);
    }
    return p;
}

struct program *programs_take_wanting(struct programs *t)
{
    pthread_mutex_lock(&t->lock);
    struct program *wanting = NULL;
    for (struct program *p = t->newest; p && !wanting; p = p->private->older) {
        for (uint32_t i = 0; i < p->n_stages && !wanting; i++)
            if (atomic_exchange(&p->stages[i]->private->wants, false))
                wanting = p->stages[i];
        if (!wanting && atomic_exchange(&p->private->wants, false))
            wanting = p;
    }
    if (wanting)
        program_ref(wanting);
    pthread_mutex_unlock(&t->lock);
    return wanting;
}

static void unbind(struct program *p, struct kernel *k)
{
    pthread_mutex_lock(&p->private->lock);
    bool holds = p->private->kernel == k;
    if (holds)
        p->private->kernel = NULL;
    pthread_mutex_unlock(&p->private->lock);
    if (holds)
        kernel_unref(k);
}

void programs_unbind(struct programs *t, struct kernel *k)
{
    atomic_store(&k->evicted, true);
    pthread_mutex_lock(&t->lock);
    for (struct program *p = t->newest; p; p = p->private->older) {
        for (uint32_t i = 0; i < p->n_stages; i++)
            unbind(p->stages[i], k);
        unbind(p, k);
    }
    pthread_mutex_unlock(&t->lock);
}
