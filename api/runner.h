/* A program at work for one request: which engine runs it, changed between two tiles or blocks when a kernel arrives.
 */
#ifndef API_RUNNER_H
#define API_RUNNER_H

#include <stdatomic.h>

#include "api/exchange.h"

struct subject;

struct runner {
    struct exchange *ex;
    struct program *program;
    struct subject *subject;           /* whose program it is, to say where in the request; NULL: nobody's */
    const double *params;              /* values by the program's order */
    const struct kernel_image *images; /* by the program's slots */
    struct response **responses;       /* by the program's hosts; not for two threads at once */
    uint64_t *response_lengths;        /* by host, in samples */
    _Atomic(struct kernel *) kernel;   /* NULL: the interpreter, so far */
    struct runner **stages;            /* of program->stages; there after runner_choose */
    struct pipeline *pipeline;         /* of a field that has stages, else NULL */
    enum tier tier;
    enum kernel_origin origin;
    atomic_bool used_interp, used_jit;
};

/* Gives program and kernel back when the request ends. Call before program is set. */
struct runner *runner_new(struct exchange *ex);

/* Asks for the kernel of work worth `points` points or samples, and for those of its stages; waits for them when the
 * tier is jit and this is a pool thread. */
enum status runner_choose(struct runner *r, double points) MUST_CHECK;

/* What the work will take with the engines at hand, stages and all, in microseconds. */
double runner_predict_us(const struct runner *r, double points);

/* One call, on any thread in the kernels' floating-point state. */
void runner_call(struct runner *r, const struct kernel_call *call, void *work);

/* Memory that one thread's calls need beside inputs and outputs; KERNEL_ALIGN-ed parts. Asked after runner_choose,
 * once. */
struct workspace {
    float *scratch;
    void *work;
};
size_t workspace_size(const struct runner *r);
struct workspace workspace_at(const struct runner *r, void *memory); /* of workspace_size bytes, any alignment */

const char *runner_engine(const struct runner *r); /* which have run so far */
/* Sinter-Graph, Sinter-Kernel (of the last stage), Sinter-Engine and Cache-Status (of all). */
void runner_headers(const struct runner *r);

/* Memory of the request beside its arena: aligned, not zeroed; STATUS_NO_MEMORY in the request's fault. */
enum status exchange_memory(struct exchange *ex, size_t size, void **ret_memory) MUST_CHECK;

#endif
