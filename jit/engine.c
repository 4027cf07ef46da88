/* See engine.h. This file decides; the work is done in programs.c, cache.c, store.c and compiler.c.
 *
 * The way to a kernel: bound to the program, in the memory cache, in the store, from a worker. The first to ask for a
 * key claims it in the cache and brings it; all others meanwhile interpret, or wait when they were asked to. */
#include "jit/engine_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "jit/key.h"

enum {
    RECYCLE_COMPILES = 100,
    BACKOFF_MS = 100,
    START_MS = 20000, /* of a worker, on a busy machine */
    FAULT_ARENA = 1 << 20,
    MS_LAST = sizeof((struct engine_stats *)0)->compile_ms_last / sizeof(double),
};

void engine_say(struct engine *e, int level, const char *format, ...)
{
    char message[512];
    va_list ap;
    if (!e->config.log)
        return;
    va_start(ap, format);
    vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    e->config.log(level, message, e->config.log_user);
}

static void pass_on_log(int level, const char *message, void *user)
{
    engine_say(user, level, "%s", message);
}

/* The compiler's name; false when that is not news. */
static bool set_name(struct engine *e, const char *id)
{
    struct compiler_name *name = calloc(1, sizeof *name);
    pthread_mutex_lock(&e->lock);
    struct compiler_name *older = atomic_load(&e->name);
    bool news = name && !(older && strcmp(older->id, id) == 0);
    if (news) {
        snprintf(name->id, sizeof name->id, "%s", id);
        name->generation = older ? older->generation + 1 : 1;
        name->older = older;
        atomic_store(&e->name, name);
        pthread_cond_broadcast(&e->named);
    }
    pthread_mutex_unlock(&e->lock);
    if (!news)
        free(name);
    return news;
}

static bool compiler_is_down(struct engine *e)
{
    struct compiler_stats stats;
    compiler_stats(e->compiler, &stats);
    return stats.down;
}

/* Until some worker has said which compiler it is, none can be started, or the deadline. */
static void await_name(struct engine *e, int64_t deadline_ms)
{
    enum { LOOK_MS = 50 };
    while (!atomic_load(&e->name) && clock_ms() < deadline_ms && !compiler_is_down(e)) {
        int64_t look_ms = clock_ms() + LOOK_MS;
        pthread_mutex_lock(&e->lock);
        while (!atomic_load(&e->name) &&
               cond_wait_until(&e->named, &e->lock, look_ms < deadline_ms ? look_ms : deadline_ms))
            ;
        pthread_mutex_unlock(&e->lock);
    }
}

/* Keys */

static bool key_of(struct engine *e, struct program *p, uint8_t ret_key[HASH_SIZE], unsigned *ret_generation)
{
    struct program_private *private = p->private;
    const struct compiler_name *name = atomic_load(&e->name);
    if (e->config.target == TARGET_NONE || !name)
        return false;
    pthread_mutex_lock(&private->lock);
    if (private->key_generation != name->generation) {
        key_make(private->shape, e->config.target, name->id, private->key);
        private->key_generation = name->generation;
    }
    memcpy(ret_key, private->key, HASH_SIZE);
    pthread_mutex_unlock(&private->lock);
    *ret_generation = name->generation;
    return true;
}

bool engine_key(struct engine *e, struct program *p, char ret_hex[HASH_HEX])
{
    uint8_t key[HASH_SIZE];
    unsigned generation;
    if (!key_of(e, p, key, &generation))
        return false;
    hash_hex(key, ret_hex);
    return true;
}

/* Programs */

enum status engine_program(struct engine *e, const struct graph *g, const char *canonical, struct layout layout,
                           const struct graph_limits *limits, struct program **ret_program, struct fault *fault)
{
    uint8_t digest[HASH_SIZE];
    char id[GRAPH_ID_SIZE];
    hash_parts(&(struct hash_part){canonical, strlen(canonical)}, 1, digest);
    hash_hex(digest, id);
    struct program *p = programs_find(e->programs, id, layout);
    if (!p) {
        TRY(program_make(g, id, layout, limits, e->config.isa, &p, fault));
        p = programs_keep(e->programs, p);
    }
    *ret_program = p;
    return STATUS_OK;
}

struct program *engine_program_known(struct engine *e, const char *graph_id, struct layout layout)
{
    return programs_find(e->programs, graph_id, layout);
}

/* Bringing kernels */

void engine_settle(struct engine *e, const uint8_t key[HASH_SIZE], enum cache_state state, struct kernel *k)
{
    struct kernel *evicted = cache_settle(e->cache, key, state, k);
    if (!evicted)
        return;
    programs_unbind(e->programs, evicted);
    kernel_unref(evicted);
}

/* A kernel from bytes, or NULL with a word in the log. */
struct kernel *engine_load(struct engine *e, const uint8_t key[HASH_SIZE], struct bytes shape,
                           const struct image *image)
{
    struct kernel *k = NULL;
    struct fault fault;
    struct arena *a = arena_new(FAULT_ARENA);
    if (!a)
        return NULL;
    if (!ARENA_GUARD(a)) {
        fault_init(&fault, a);
        if (kernel_new(key, shape, image, &k, &fault) != STATUS_OK)
            engine_say(e, LOG_ERR, "%s", fault.count ? fault.items[0].detail : "no memory for a kernel");
    }
    arena_free(a);
    if (k)
        k->marker = e->marker;
    return k;
}

/* Binds the kernel and returns it; when its shape is another than the program's, the key lies: NULL. */
static struct kernel *bind(struct engine *e, struct program *p, struct kernel *k)
{
    if (!k || program_bind(p, k))
        return k;
    atomic_fetch_add(&e->mismatches, 1);
    kernel_unref(k);
    return NULL;
}

static struct kernel *from_store(struct engine *e, struct program *p, const uint8_t key[HASH_SIZE], unsigned generation)
{
    struct program_private *private = p->private;
    struct stored row;
    pthread_mutex_lock(&private->lock);
    bool missed = private->missed_generation == generation;
    private->missed_generation = generation;
    pthread_mutex_unlock(&private->lock);
    if (!e->store || missed || store_get(e->store, key, e->config.target, private->shape, &row) != STORE_HIT)
        return NULL;
    struct kernel *k = engine_load(e, key, private->shape, &row.image);
    stored_done(&row);
    if (k) {
        pthread_mutex_lock(&private->lock);
        private->missed_generation = 0;
        pthread_mutex_unlock(&private->lock);
    }
    return k;
}

struct job {
    struct compile_job base;
    struct engine *e;
    struct program *p;
    uint8_t key[HASH_SIZE];
};

void engine_count_compile(struct engine *e, const struct compile_result *r)
{
    pthread_mutex_lock(&e->lock);
    struct engine_stats *s = &e->stats;
    s->compiles_ok += r->outcome == COMPILE_OK;
    s->compiles_refused += r->outcome == COMPILE_REFUSED;
    s->compiles_dropped += r->outcome == COMPILE_DROPPED;
    if (r->outcome == COMPILE_OK) {
        s->compile_seconds_sum += r->compile_ms / 1e3;
        s->compile_ms_last[s->compile_count++ % MS_LAST] = r->compile_ms;
    }
    pthread_mutex_unlock(&e->lock);
}

/* Keeps what was compiled. ABSENT when it answers another key: sinter-cc was replaced meanwhile. */
static enum cache_state keep(struct engine *e, struct job *job, const struct compile_result *r,
                             struct kernel **ret_kernel)
{
    uint8_t key[HASH_SIZE];
    struct bytes shape = job->p->private->shape;
    key_make(shape, e->config.target, r->compiler, key);
    if (memcmp(key, job->key, HASH_SIZE) != 0)
        return CACHE_ABSENT;
    *ret_kernel = engine_load(e, key, shape, &r->image);
    if (!*ret_kernel)
        return CACHE_FAILED;
    if (e->store)
        store_put(e->store, key, e->config.target, shape, &r->image);
    pthread_mutex_lock(&job->p->private->lock);
    job->p->private->missed_generation = 0;
    pthread_mutex_unlock(&job->p->private->lock);
    return CACHE_LOADED;
}

static void compiled(struct compile_job *base, const struct compile_result *r)
{
    struct job *job = (struct job *)base;
    struct engine *e = job->e;
    struct kernel *k = NULL;
    enum cache_state state = r->outcome == COMPILE_DROPPED ? CACHE_ABSENT : CACHE_FAILED;
    char hex[HASH_HEX];
    hash_hex(job->key, hex);
    engine_count_compile(e, r);
    if (r->outcome == COMPILE_OK)
        state = keep(e, job, r, &k);
    else if (r->outcome == COMPILE_REFUSED)
        engine_say(e, LOG_ERR, "kernel %s stays interpreted: %.300s", hex, r->reason);
    else if (r->outcome != COMPILE_DROPPED)
        engine_say(e, LOG_ERR, "kernel %s stays interpreted: it ended its compile worker %d times", hex,
                   COMPILE_STRIKES);
    engine_settle(e, job->key, state, k);
    program_unref(job->p);
    free(job);
}

static bool submit(struct engine *e, struct program *p, const uint8_t key[HASH_SIZE])
{
    struct job *job = e->compiler ? calloc(1, sizeof *job) : NULL;
    if (!job)
        return false;
    job->base =
        (struct compile_job){.ir = p->ir, .target = e->config.target, .cost_ms = p->cost.compile_ms, .done = compiled};
    job->e = e;
    job->p = program_ref(p);
    memcpy(job->key, key, HASH_SIZE);
    if (compiler_submit(e->compiler, &job->base))
        return true;
    program_unref(p);
    free(job);
    pthread_mutex_lock(&e->lock);
    e->stats.compiles_dropped++;
    pthread_mutex_unlock(&e->lock);
    return false;
}

/* The key is claimed by us: from the store, or begin to compile it when that is wanted. */
static struct kernel *bring(struct engine *e, struct program *p, const uint8_t key[HASH_SIZE], unsigned generation,
                            bool wanted)
{
    if (engine_holds(e, key)) {
        atomic_fetch_add(&e->misses, 1);
        engine_settle(e, key, CACHE_FAILED, NULL);
        return NULL;
    }
    struct kernel *k = from_store(e, p, key, generation);
    if (k) {
        atomic_fetch_add(&e->hits_store, 1);
        kernel_ref(k);
        engine_settle(e, key, CACHE_LOADED, k);
        return k;
    }
    atomic_fetch_add(&e->misses, 1);
    if (!wanted || !submit(e, p, key))
        engine_settle(e, key, CACHE_ABSENT, NULL);
    return NULL;
}

static struct kernel *kernel_by_key(struct engine *e, struct program *p, const uint8_t key[HASH_SIZE],
                                    unsigned generation, bool wanted, int wait_ms, enum kernel_origin *ret_origin)
{
    static const enum kernel_origin origins[] = {[CACHE_ABSENT] = KERNEL_COMPILED,
                                                 [CACHE_PENDING] = KERNEL_COLLAPSED,
                                                 [CACHE_LOADED] = KERNEL_MEMORY,
                                                 [CACHE_FAILED] = KERNEL_MISS};
    enum cache_state found, now;
    struct kernel *k = cache_claim(e->cache, key, &found);
    *ret_origin = origins[found];
    if (found == CACHE_ABSENT) {
        k = bring(e, p, key, generation, wanted);
        if (k)
            *ret_origin = KERNEL_STORE;
    }
    if (!k && found != CACHE_FAILED && wait_ms > 0)
        k = cache_wait(e->cache, key, wait_ms, &now);
    if (found == CACHE_LOADED)
        atomic_fetch_add(&e->hits_memory, 1);
    else if (found == CACHE_PENDING || found == CACHE_FAILED)
        atomic_fetch_add(&e->misses, 1);
    k = bind(e, p, k);
    if (!k && *ret_origin != KERNEL_COLLAPSED)
        *ret_origin = KERNEL_MISS;
    return k;
}

/* Graphs that were asked for before the compiler had a name: their compiles begin now. */
static void compile_wanted(struct engine *e)
{
    enum kernel_origin origin;
    for (struct program *p; (p = programs_take_wanting(e->programs)); program_unref(p)) {
        uint8_t key[HASH_SIZE];
        unsigned generation;
        if (key_of(e, p, key, &generation))
            kernel_unref(kernel_by_key(e, p, key, generation, true, 0, &origin));
    }
}

static void worker_ready(const char *id, unsigned sandbox, void *user)
{
    struct engine *e = user;
    engine_note_sandbox(e, sandbox);
    bool news = set_name(e, id);
    pthread_mutex_lock(&e->lock);
    e->worker_named = true;
    pthread_cond_broadcast(&e->named);
    pthread_mutex_unlock(&e->lock);
    if (!news)
        return;
    if (e->store)
        store_remember_compiler(e->store, id);
    compile_wanted(e);
}

struct kernel *engine_kernel(struct engine *e, struct program *p, double expected_ns, int wait_ms,
                             enum kernel_origin *ret_origin)
{
    uint8_t key[HASH_SIZE];
    unsigned generation;
    *ret_origin = KERNEL_MISS;
    if (e->config.tier == TIER_INTERP || e->config.target == TARGET_NONE)
        return NULL;
    struct kernel *k = program_kernel(p);
    if (k) {
        atomic_fetch_add_explicit(&e->hits_memory, 1, memory_order_relaxed);
        *ret_origin = KERNEL_MEMORY;
        return k;
    }
    bool again = atomic_fetch_add(&p->private->sights, 1) > 0;
    bool wanted = again || wait_ms > 0 || e->config.tier == TIER_JIT || expected_ns > e->config.compile_above_ms * 1e6;
    int64_t deadline_ms = clock_ms() + wait_ms;
    if (wait_ms > 0 && e->compiler)
        await_name(e, deadline_ms);
    if (!key_of(e, p, key, &generation)) {
        if (wanted)
            atomic_store(&p->private->wants, true);
        atomic_fetch_add(&e->misses, 1);
        return NULL;
    }
    int64_t left_ms = deadline_ms - clock_ms();
    return kernel_by_key(e, p, key, generation, wanted, left_ms > 0 ? (int)left_ms : 0, ret_origin);
}

struct kernel *engine_kernel_poll(struct engine *e, struct program *p)
{
    uint8_t key[HASH_SIZE];
    unsigned generation;
    enum cache_state state;
    if (e->config.tier == TIER_INTERP)
        return NULL;
    struct kernel *k = program_kernel(p);
    if (k || !key_of(e, p, key, &generation))
        return k;
    return bind(e, p, cache_get(e->cache, key, &state));
}

enum kernel_state engine_kernel_state(struct engine *e, struct program *p)
{
    uint8_t key[HASH_SIZE];
    unsigned generation;
    enum cache_state state;
    if (!key_of(e, p, key, &generation))
        return KERNEL_ABSENT;
    kernel_unref(cache_get(e->cache, key, &state));
    switch (state) {
    case CACHE_LOADED:
        return KERNEL_LOADED;
    case CACHE_PENDING:
        return KERNEL_QUEUED;
    case CACHE_FAILED:
        return KERNEL_FAILED;
    case CACHE_ABSENT:
        break;
    }
    return e->store && store_has(e->store, key) ? KERNEL_STORED : KERNEL_ABSENT;
}

/* Preloading */

static bool preload_one(const struct stored *row, void *user)
{
    struct engine *e = user;
    enum cache_state found;
    uint8_t key[HASH_SIZE];
    const struct compiler_name *name = atomic_load(&e->name);
    if (atomic_load(&e->stopping) || !name)
        return false;
    key_make(row->shape, e->config.target, name->id, key);
    if (memcmp(key, row->key, HASH_SIZE) != 0)
        return true; /* another compiler's, or another processor's */
    kernel_unref(cache_claim(e->cache, row->key, &found));
    if (found == CACHE_ABSENT) {
        bool held = engine_holds(e, row->key);
        struct kernel *k = held ? NULL : engine_load(e, row->key, row->shape, &row->image);
        engine_settle(e, row->key, k ? CACHE_LOADED : held ? CACHE_FAILED : CACHE_ABSENT, k);
    }
    return true;
}

static void *preload(void *user)
{
    struct engine *e = user;
    uint32_t n = e->config.preload < e->config.kernels ? e->config.preload : e->config.kernels;
    store_recent(e->store, n, preload_one, e);
    return NULL;
}

static void touch_one(const uint8_t key[HASH_SIZE], void *user)
{
    store_touch(user, key);
}

static void collect_used(struct store *s, void *user)
{
    struct engine *e = user;
    cache_used(e->cache, touch_one, s);
}

/* Beginning and end */

struct engine_config engine_config_default(void)
{
    return (struct engine_config){
        .tier = TIER_AUTO,
        .target = target_of_cpu(),
        .isa = INTERP_BEST,
        .compilers = 1,
        .sandbox = SANDBOX_AUTO,
        .store_bytes = 256u << 20,
        .kernels = 1024,
        .programs = 4096,
        .program_bytes = 256u << 20,
        .compile_timeout_ms = 10000,
        .compile_queue = 256,
        .preload = 256,
        .recompile = 256,
        .compile_above_ms = 0.2,
    };
}

/* sinter-cc stands beside us, or where it is installed. */
static char *compiler_path(const char *given)
{
    static const char name[] = "sinter-cc";
    char path[4096 + sizeof name];
    ssize_t n = given ? -1 : readlink("/proc/self/exe", path, 4096);
    if (given)
        return strdup(given);
    if (n > 0) {
        path[n] = 0;
        char *slash = strrchr(path, '/');
        memcpy(slash ? slash + 1 : path, name, sizeof name);
        if (access(path, X_OK) == 0)
            return strdup(path);
    }
    return strdup("/usr/local/bin/sinter-cc");
}

static void open_store(struct engine *e)
{
    char id[sizeof((struct compiler_name *)0)->id];
    e->store = store_open(&(struct store_config){.dir = e->config.store_dir,
                                                 .bytes = e->config.store_bytes,
                                                 .log = pass_on_log,
                                                 .collect_used = collect_used,
                                                 .user = e});
    if (!e->store)
        return;
    if (store_compiler(e->store, id, sizeof id))
        set_name(e, id);
    if (e->config.preload && e->config.target != TARGET_NONE && e->config.tier != TIER_INTERP)
        e->preloads = thread_start(&e->preload, preload, e);
}

static void start_compiler(struct engine *e)
{
    char *path = compiler_path(e->config.compiler_path);
    if (path)
        e->compiler = compiler_new(&(struct compiler_config){.path = path,
                                                             .workers = e->config.compilers,
                                                             .timeout_ms = e->config.compile_timeout_ms,
                                                             .start_ms = START_MS,
                                                             .queue = e->config.compile_queue,
                                                             .recycle = RECYCLE_COMPILES,
                                                             .backoff_ms = BACKOFF_MS,
                                                             .sandbox = e->config.sandbox,
                                                             .ready = worker_ready,
                                                             .log = pass_on_log,
                                                             .user = e});
    if (!e->compiler)
        engine_say(e, LOG_ERR, "no compile workers: out of memory or threads");
    free(path);
}

enum status engine_new(const struct engine_config *config, struct engine **ret_engine, struct fault *fault)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "there is no memory for the engine");
    e->config = *config;
    pthread_mutex_init(&e->lock, NULL);
    cond_init(&e->named);
    e->programs = programs_new(config->programs, config->program_bytes);
    e->cache = cache_new(config->kernels);
    if (!e->programs || !e->cache) {
        engine_free(e);
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "there is no memory for the engine");
    }
    if (config->store_dir) {
        engine_open_quarantine(e);
        open_store(e);
    }
    if (config->target != TARGET_NONE && config->tier != TIER_INTERP && config->compilers > 0)
        start_compiler(e);
    recompile_start(e);
    *ret_engine = e;
    return STATUS_OK;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    atomic_store(&e->stopping, true);
    recompile_stop(e);
    compiler_free(e->compiler);
    if (e->preloads)
        pthread_join(e->preload, NULL);
    store_close(e->store);
    programs_free(e->programs);
    cache_free(e->cache);
    marker_close(e->marker);
    quarantine_free(e->quarantine);
    for (struct compiler_name *name = atomic_load(&e->name), *older; name; name = older) {
        older = name->older;
        free(name);
    }
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->named);
    free(e);
}
