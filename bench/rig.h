/* One graph, ready to run under either engine on the caller's buffers: what benches measure and tests compare. */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include "jit/engine.h"

struct rig {
    struct arena *arena;
    struct program *program;
    struct kernel *kernel; /* NULL: interpreter only */
    double context[CONTEXT_COUNT];
    double *args, *params;
    struct kernel_ring *rings;
    void *state, *work;
    float *scratch;
    int64_t n;                     /* audio: index of the next sample */
    struct kernel **stage_kernels; /* by stage of the program; NULL: not there */
    struct kernel_image *images;   /* by slot: pictures of the rig's own making */
    void *stage_work;
    float *stage_scratch;
    struct rig_hosts *hosts; /* of a graph that convolves, else NULL */
};

/* `text` is an expression, or a graph's JSON when it begins with a brace; parameters at their defaults, rate 48,000, a
 * region of 0..1 over 1024 x 1024 pixels. With `compiled` it waits for the compiler. On failure `fault` says why. */
enum status rig_open(struct engine *e, const char *text, struct layout layout, bool compiled, struct rig *ret,
                     struct fault *fault) MUST_CHECK;
/* Asks for the kernels of the program and its stages that are not there yet; true when all are. */
bool rig_kernels(struct engine *e, struct rig *s, int wait_ms);
void rig_close(struct rig *s);
void rig_reset(struct rig *s); /* to the start of a stream */

/* One kernel call: audio advances by `count`. Columns and rows begin at context[PX0], context[PY0]. The thread is in
 * fp_state_enter. Of a graph that reads neighbours, the stages run first, over what the call needs of them. */
void rig_run(struct rig *s, bool compiled, const float *const *in, float *const *out, int64_t out_stride, int32_t count,
             int32_t rows);

#endif
