/* The kernel ABI: how both engines are called. A kernel touches only what is named here and calls nothing. */
#ifndef CORE_KERNEL_H
#define CORE_KERNEL_H

#include <stdint.h>

#define KERNEL_ABI 1

enum context {
#define CONTEXT(id, name, what) CONTEXT_##id,
#include "core/context.def"
#undef CONTEXT
    CONTEXT_COUNT
};
const char *context_name(enum context c);

/* A delay line: 2^k samples; sample n of the stream is data[n & mask]. KERNEL_PAD further floats follow data[mask]
 * for vectors that run over the end; the kernel copies them to the front. */
struct kernel_ring {
    float *data;
    int32_t mask;
    int32_t unused;
};

enum {
    KERNEL_PAD = 16,    /* floats behind every buffer of the host's that may be touched: none; behind rings and scratch:
                           this many */
    KERNEL_STRIP = 256, /* samples a strip of a kernel with state */
    KERNEL_ALIGN = 64,  /* alignment of state, scratch and ring data; inputs and outputs: 4 */
};

struct kernel_call {
    const double *args;              /* ir.n_args numbers */
    const float *const *in;          /* ir.n_inputs channels of `count` samples */
    float *const *out;               /* ir.n_outputs channels; row r starts at out[c] + r * out_stride */
    void *state;                     /* plan.state_size bytes, all zero at the start of a stream */
    const struct kernel_ring *rings; /* plan.n_rings */
    float *scratch;                  /* plan.scratch_size bytes, any content */
    int64_t out_stride;              /* floats */
    int32_t count;                   /* samples in a row or in the block; >= 0 */
    int32_t rows;                    /* 1 for audio */
    int32_t n0_low;                  /* lower 32 bits of the first sample's index: ring positions */
    int32_t unused;
};

typedef void kernel_entry(const struct kernel_call *call);

#endif
