/* From a graph to something that runs: programs (a graph lowered for a layout), their kernels from memory, store or
 * compiler, the choice between interpreter and compiled code. The one interface of the jit room for the api room.
 * Thread-safe. */
#ifndef JIT_ENGINE_H
#define JIT_ENGINE_H

#include "core/graph.h"
#include "core/hash.h"
#include "core/interp.h"
#include "core/lower.h"
#include "jit/loaded.h"
#include "jit/sandbox.h"
#include "jit/target.h"

struct engine;

enum tier { TIER_AUTO, TIER_INTERP, TIER_JIT };

struct engine_config {
    enum tier tier;
    enum target target; /* TARGET_NONE: interpreter only */
    enum interp_isa isa;
    const char *store_dir;     /* NULL: nothing is kept */
    bool marks;                /* what runs is marked in the store's folder, for the start after a crash */
    const char *compiler_path; /* sinter-cc; NULL: beside this program, then $PATH-free default */
    enum sandbox_mode sandbox; /* of these */
    int compilers;             /* worker processes; 0: none, only what is stored is used */
    uint64_t store_bytes;      /* bound of kernels.db */
    uint32_t kernels;          /* bound of mapped kernels */
    uint32_t programs;         /* bound of programs kept in memory */
    uint64_t program_bytes;    /* bound of the memory they take together */
    uint32_t compile_timeout_ms;
    uint32_t compile_queue;  /* kernels waiting for a worker; more: they stay interpreted for now */
    uint32_t preload;        /* most recently used kernels mapped at start */
    uint32_t recompile;      /* of those, that another compiler made, how many are looked at and compiled anew */
    double compile_above_ms; /* predicted interpreter time that repays a compile at once; less: second sight of the
                                graph compiles */
    void (*log)(int level, const char *message, void *user); /* levels of syslog.h; from any thread; may be NULL */
    void *log_user;
};
struct engine_config engine_config_default(void);

enum status engine_new(const struct engine_config *config, struct engine **ret_engine, struct fault *fault) MUST_CHECK;
void engine_free(struct engine *e); /* waits for its threads, ends its workers */

/* A graph lowered for a layout, optimised, planned, with its bytecode; reference counted, immutable.
 *
 * A graph that reads neighbours of pixels is cut into stages (core/stages.h). The program itself is the last; those
 * before are programs too, to be run before it in order, each with a kernel of its own. They belong to the whole: a
 * reference to one is a reference to all. */
struct program {
    struct arena *arena;
    const struct graph_param *params; /* copies of the graph's, in its order */
    size_t n_params;
    char graph_id[GRAPH_ID_SIZE];
    struct layout layout;
    struct lowered lowered; /* lowered.ir is optimised, too, and not cut */
    struct ir *ir;          /* optimised; the last stage's */
    struct plan *plan;
    struct interp *interp;
    struct cost cost;        /* of this stage; */
    struct cost whole_cost;  /* and of all that a sample of the whole takes: the same where there are no others */
    struct program **stages; /* before this one */
    uint32_t n_stages;
    const uint32_t *reads;  /* by surface (ir->n_planes): which plane; or by input from n_signals on: which signal */
    const uint32_t *fills;  /* by output, of a stage: which plane or host; NULL: the graph's own outputs */
    const enum edge *edges; /* by plane */
    uint32_t n_planes;      /* in the whole graph */
    const uint32_t *hosts;  /* by host, of the whole graph: its response, a slot of lowered.ir */
    uint32_t n_hosts;
    uint32_t n_signals; /* inputs that are the graph's own, where there are hosts */
    double lower_ms;    /* lowering, passes, plan and bytecode */
    struct program_private *private;
};

/* The program of a graph for a layout: found by (graph id, layout) when known, else made and kept. `g` is only read
 * during the call; `canonical` is graph_canonical(g): the graph id is its hash. Faults of lower() come back in `fault`,
 * whose arena is the caller's. */
enum status engine_program(struct engine *e, const struct graph *g, const char *canonical, struct layout layout,
                           const struct graph_limits *limits, struct program **ret_program,
                           struct fault *fault) MUST_CHECK;
struct program *engine_program_known(struct engine *e, const char *graph_id,
                                     struct layout layout); /* NULL when not in memory */
struct program *program_ref(struct program *p);
void program_unref(struct program *p);

/* The kernel key's hex digits. False while there is no target, or while no compiler has ever said which it is (the
 * first tenth of a second of a first start, or no sinter-cc and no store). */
bool engine_key(struct engine *e, struct program *p, char ret_hex[HASH_HEX]);

enum kernel_origin { KERNEL_MISS, KERNEL_MEMORY, KERNEL_STORE, KERNEL_COMPILED, KERNEL_COLLAPSED };

/* The kernel of a program if it is there (memory, then store). Otherwise NULL; and a compile begins when the policy
 * says that the work of `expected_ns` repays it (single flight: KERNEL_COLLAPSED when one is under way already,
 * KERNEL_MISS when it was begun or not wanted). wait_ms > 0: wait so long for the compiler (tier=jit). */
struct kernel *engine_kernel(struct engine *e, struct program *p, double expected_ns, int wait_ms,
                             enum kernel_origin *ret_origin);
/* Cheap poll for a running request between two tiles: the kernel once it is in memory, else NULL. */
struct kernel *engine_kernel_poll(struct engine *e, struct program *p);
/* Give a kernel back with kernel_unref (jit/loaded.h). */

enum kernel_state { KERNEL_ABSENT, KERNEL_QUEUED, KERNEL_STORED, KERNEL_LOADED, KERNEL_FAILED };
enum kernel_state engine_kernel_state(struct engine *e, struct program *p);

/* Assembly text of the kernel, from a worker; for explain. */
enum status engine_assembly(struct engine *e, struct program *p, struct arena *a, char **ret_text,
                            struct fault *fault) MUST_CHECK;

/* Counters for metrics and tests; all since start. */
struct engine_stats {
    uint64_t compiles_ok, compiles_refused, compiles_crashed, compiles_timeout, compiles_dropped;
    double compile_seconds_sum, compile_ms_last[64]; /* ring of the latest */
    uint64_t compile_count;
    uint64_t hits_memory, hits_store, misses;
    uint64_t store_refused; /* rows whose MAC, shape or form was wrong */
    uint64_t store_errors;
    uint32_t kernels_loaded, workers, workers_ready, queue;
    uint64_t worker_restarts;
    uint64_t store_bytes, store_rows;
    uint32_t kernels_quarantined; /* not run, since the process died of them */
    unsigned worker_sandbox;      /* what the latest worker's holds: enum sandbox_part */
    bool degraded;                /* no compiler, or the store cannot be written */
    uint64_t programs, program_bytes, program_hits, program_misses; /* lowered graphs */
    double queue_cost_seconds;
};
void engine_stats(struct engine *e, struct engine_stats *ret);
const char *engine_compiler_id(struct engine *e); /* "libgccjit 12.2.0 codegen 1", or the store's memory of it */

/* For `sinter cache`: one callback a row. */
struct cache_row {
    const char *key_hex;
    const char *target;
    uint32_t size;
    int64_t used_at; /* seconds since 1970, to about a minute */
    bool sound;      /* verify: MAC and form are right */
};
enum status engine_cache_list(struct engine *e, bool verify, void (*row)(const struct cache_row *, void *), void *user,
                              struct fault *fault) MUST_CHECK;
/* Suspects, and the way out of quarantine, which holds from the next start on: the kernel is compiled anew. */
struct cache_suspect {
    const char *key_hex;
    uint32_t marks, crashes;
    int signal; /* 0: none */
    int64_t at; /* seconds since 1970 */
    bool held;  /* not run at present */
};
void engine_cache_suspects(struct engine *e, void (*suspect)(const struct cache_suspect *, void *), void *user);
enum status engine_cache_release(struct engine *e, const char *key_hex, struct fault *fault) MUST_CHECK;
enum status engine_cache_gc(struct engine *e, uint64_t keep_bytes, uint64_t *ret_removed,
                            struct fault *fault) MUST_CHECK;

/* Runs kernel or interpreter over one call, on a thread in fp_state_enter. `kernel` NULL: the interpreter, with `work`
 * of interp_work_size(p->interp) bytes. */
void program_run(const struct program *p, struct kernel *kernel, const struct kernel_call *call, void *work);

#endif
