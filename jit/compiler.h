/* The compile workers: a bounded queue of jobs, a few sinter-cc processes, each driven by a thread of ours. Workers may
 * die, hang, lie or be missing: every job ends in exactly one done() all the same. Thread-safe. */
#ifndef JIT_COMPILER_H
#define JIT_COMPILER_H

#include "core/ir.h"
#include "jit/image.h"
#include "jit/sandbox.h"
#include "jit/target.h"

struct compiler;

struct compiler_config {
    const char *path; /* of sinter-cc */
    int workers;
    uint32_t timeout_ms;       /* of one compile */
    uint32_t start_ms;         /* of a start with its warming compile */
    uint32_t queue;            /* jobs that may wait */
    uint32_t recycle;          /* compiles after which a worker is replaced: libgccjit leaks */
    enum sandbox_mode sandbox; /* of the workers */
    uint32_t backoff_ms;       /* before a restart after the second failure in a row; doubles up to 30 s */
    /* A worker said what it is and what its sandbox holds (enum sandbox_part); from its thread. */
    void (*ready)(const char *compiler, unsigned sandbox, void *user);
    void (*log)(int level, const char *message, void *user);
    void *user; /* of both */
};

enum compile_outcome {
    COMPILE_OK,
    COMPILE_REFUSED, /* the worker said no: retrying is pointless */
    COMPILE_CRASHED, /* killed its worker COMPILE_STRIKES times */
    COMPILE_TIMEOUT, /* the same, and the last time by its deadline */
    COMPILE_DROPPED, /* no worker could be had, or the end came first: not the job's fault */
};
enum { COMPILE_STRIKES = 3 };

struct compile_result {
    enum compile_outcome outcome;
    const char *compiler; /* who made the image */
    struct image image;   /* OK; text when the job asked for assembly. Valid during done() */
    const char *reason;   /* REFUSED: a sentence */
    double compile_ms, admit_ms;
};

struct compile_job {
    const struct ir *ir; /* immutable until done() */
    enum target target;
    bool assembly;
    double cost_ms; /* predicted */
    void (*done)(struct compile_job *job,
                 const struct compile_result *result); /* from a worker's thread; may free the job */
    struct compile_job *next;                          /* private */
    unsigned strikes;
};

struct compiler *
compiler_new(const struct compiler_config *config); /* returns at once; NULL when there are no threads */
void compiler_free(struct compiler *c);             /* drops what waits, kills the workers */

/* False when the queue is full or no worker can be started at present: done() will not be called. */
bool compiler_submit(struct compiler *c, struct compile_job *job) MUST_CHECK;

struct compiler_stats {
    uint64_t crashes, timeouts; /* of workers, strike by strike */
    uint64_t restarts;
    uint32_t workers, ready, queue;
    double queue_cost_ms;
    bool down; /* no worker can be started */
};
void compiler_stats(struct compiler *c, struct compiler_stats *ret);

#endif
