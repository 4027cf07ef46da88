/* See engine.h: what is told about the engine, and what is asked of it beside running: counters, the store's rows,
 * assembly text. */
#include "jit/engine_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void engine_stats(struct engine *e, struct engine_stats *ret)
{
    struct compiler_stats c = {0};
    struct store_stats s = {0};
    bool wants_compiler = e->config.target != TARGET_NONE && e->config.tier != TIER_INTERP && e->config.compilers > 0;
    if (e->compiler)
        compiler_stats(e->compiler, &c);
    if (e->store)
        store_stats(e->store, &s);
    pthread_mutex_lock(&e->lock);
    *ret = e->stats;
    pthread_mutex_unlock(&e->lock);
    programs_stats(e->programs, ret);
    ret->compiles_crashed = c.crashes;
    ret->compiles_timeout = c.timeouts;
    ret->hits_memory = atomic_load(&e->hits_memory);
    ret->hits_store = atomic_load(&e->hits_store);
    ret->misses = atomic_load(&e->misses);
    ret->store_refused = s.refused + atomic_load(&e->mismatches);
    ret->store_errors = s.errors;
    ret->kernels_loaded = cache_loaded(e->cache);
    ret->workers = c.workers;
    ret->workers_ready = c.ready;
    ret->queue = c.queue;
    ret->worker_restarts = c.restarts;
    ret->store_bytes = s.bytes;
    ret->kernels_quarantined = e->quarantine ? quarantine_count(e->quarantine, time(NULL)) : 0;
    ret->worker_sandbox = atomic_load(&e->worker_sandbox);
    ret->store_rows = s.rows;
    ret->degraded = (wants_compiler && (!e->compiler || c.down)) || (e->config.store_dir && (!e->store || s.degraded));
    ret->queue_cost_seconds = c.queue_cost_ms / 1e3;
}

const char *engine_compiler_id(struct engine *e)
{
    const struct compiler_name *name = atomic_load(&e->name);
    return name ? name->id : "";
}

/* Assembly: a job whose text is handed over to the waiting caller. Either side may let go first. */

struct assembly {
    struct compile_job job;
    struct program *p;
    pthread_mutex_t lock;
    pthread_cond_t done;
    int holders;
    bool is_done;
    enum status status;
    char *text; /* or the reason */
};

static void assembly_release(struct assembly *as)
{
    pthread_mutex_lock(&as->lock);
    bool last = --as->holders == 0;
    pthread_mutex_unlock(&as->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&as->lock);
    pthread_cond_destroy(&as->done);
    program_unref(as->p);
    free(as->text);
    free(as);
}

static void assembled(struct compile_job *job, const struct compile_result *r)
{
    struct assembly *as = (struct assembly *)job;
    pthread_mutex_lock(&as->lock);
    as->status = r->outcome == COMPILE_OK ? STATUS_OK : r->outcome == COMPILE_DROPPED ? STATUS_BUSY : STATUS_INTERNAL;
    if (r->outcome == COMPILE_OK)
        as->text = strndup((const char *)r->image.bytes, r->image.size);
    else if (r->outcome == COMPILE_REFUSED)
        as->text = strdup(r->reason);
    as->is_done = true;
    pthread_cond_signal(&as->done);
    pthread_mutex_unlock(&as->lock);
    assembly_release(as);
}

static struct assembly *assembly_new(struct engine *e, struct program *p)
{
    struct assembly *as = calloc(1, sizeof *as);
    if (!as)
        return NULL;
    as->job = (struct compile_job){
        .ir = p->ir, .target = e->config.target, .assembly = true, .cost_ms = p->cost.compile_ms, .done = assembled};
    as->p = program_ref(p);
    as->holders = 2;
    pthread_mutex_init(&as->lock, NULL);
    cond_init(&as->done);
    return as;
}

/* The text is copied by the caller: its arena may jump away. */
static enum status await_assembly(struct assembly *as, int64_t deadline_ms)
{
    pthread_mutex_lock(&as->lock);
    while (!as->is_done && cond_wait_until(&as->done, &as->lock, deadline_ms))
        ;
    enum status s = as->is_done ? as->status : STATUS_DEADLINE;
    if (s == STATUS_OK && !as->text)
        s = STATUS_NO_MEMORY;
    pthread_mutex_unlock(&as->lock);
    return s;
}

/* The arena may run out: then nothing is leaked here, and the caller hears of it by the status. */
static enum status copy_text(const char *text, struct arena *a, char **ret_text)
{
    jmp_buf outer;
    memcpy(&outer, arena_escape(a), sizeof outer);
    if (ARENA_GUARD(a)) {
        memcpy(arena_escape(a), &outer, sizeof outer);
        return STATUS_NO_MEMORY;
    }
    *ret_text = arena_strdup(a, text);
    memcpy(arena_escape(a), &outer, sizeof outer);
    return STATUS_OK;
}

enum status engine_assembly(struct engine *e, struct program *p, struct arena *a, char **ret_text, struct fault *fault)
{
    if (!e->compiler)
        return fault_add(fault, STATUS_NOT_IMPLEMENTED, "", 0, "there is no assembly text: no compiler runs here");
    struct assembly *as = assembly_new(e, p);
    if (!as)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "there is no memory for the assembly text");
    if (!compiler_submit(e->compiler, &as->job)) {
        as->holders = 1;
        assembly_release(as);
        return fault_add(fault, STATUS_BUSY, "", 0,
                         "there is no assembly text: the compiler is busy or cannot be started");
    }
    char reason[400] = "the compiler gave no answer";
    enum status s = await_assembly(as, clock_ms() + 2 * (int64_t)e->config.compile_timeout_ms);
    if (s == STATUS_OK)
        s = copy_text(as->text, a, ret_text);
    else if (s == STATUS_INTERNAL && as->text)
        snprintf(reason, sizeof reason, "%s", as->text);
    assembly_release(as);
    return s == STATUS_OK ? s : fault_add(fault, s, "", 0, "there is no assembly text: %s", reason);
}

/* `sinter cache` */

struct listing {
    void (*row)(const struct cache_row *, void *);
    void *user;
};

static void list_one(const struct store_row *r, void *user)
{
    const struct listing *listing = user;
    char hex[HASH_HEX];
    hash_hex(r->key, hex);
    listing->row(&(struct cache_row){hex, r->target, r->size, r->used_at, r->sound}, listing->user);
}

static enum status no_store(struct fault *fault)
{
    return fault_add(fault, STATUS_NOT_FOUND, "", 0,
                     "there is no kernel store: none is configured, or it cannot be opened");
}

enum status engine_cache_list(struct engine *e, bool verify, void (*row)(const struct cache_row *, void *), void *user,
                              struct fault *fault)
{
    struct listing listing = {row, user};
    if (!e->store)
        return no_store(fault);
    store_flush(e->store);
    if (!store_list(e->store, verify, list_one, &listing))
        return fault_add(fault, STATUS_INTERNAL, "", 0, "the kernel store cannot be read to its end");
    return STATUS_OK;
}

enum status engine_cache_gc(struct engine *e, uint64_t keep_bytes, uint64_t *ret_removed, struct fault *fault)
{
    if (!e->store)
        return no_store(fault);
    if (!store_gc(e->store, keep_bytes, ret_removed))
        return fault_add(fault, STATUS_INTERNAL, "", 0, "the kernel store cannot be written");
    return STATUS_OK;
}

void engine_cache_suspects(struct engine *e, void (*suspect)(const struct cache_suspect *, void *), void *user)
{
    uint32_t n = 0;
    const struct suspect *all = e->quarantine ? quarantine_list(e->quarantine, &n) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        char hex[HASH_HEX];
        hash_hex(all[i].key, hex);
        suspect(&(struct cache_suspect){.key_hex = hex,
                                        .marks = all[i].marks,
                                        .crashes = all[i].crashes,
                                        .signal = all[i].signal,
                                        .at = all[i].at,
                                        .held = suspect_is_held(&all[i], time(NULL))},
                user);
    }
}

enum status engine_cache_release(struct engine *e, const char *key_hex, struct fault *fault)
{
    uint32_t n = 0;
    const struct suspect *all = e->quarantine ? quarantine_list(e->quarantine, &n) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        char hex[HASH_HEX];
        uint8_t key[HASH_SIZE];
        hash_hex(all[i].key, hex);
        if (strcmp(hex, key_hex) != 0)
            continue;
        memcpy(key, all[i].key, HASH_SIZE);
        quarantine_release(e->quarantine, key);
        if (!quarantine_write(e->quarantine))
            return fault_add(fault, STATUS_INTERNAL, "", 0, "the quarantine cannot be written: %s", strerror(errno));
        if (e->store)
            store_drop(e->store, key);
        return STATUS_OK;
    }
    return fault_add(fault, STATUS_NOT_FOUND, "", 0, "kernel %s is not in quarantine", key_hex);
}
