/* The kernel ABI: how both engines are called. A kernel touches only what is named here and calls nothing. */
#ifndef CORE_KERNEL_H
#define CORE_KERNEL_H

#include <stdint.h>

#define KERNEL_ABI 2

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

/* A window of a plane: the sample `near` reads for column i of row r is data[(r + dy) * stride + i + dx]. A kernel
 * reads no column beyond -1 + count + the greatest dx nor before the least, and no row but those its dy reach: the host
 * fills as much by the plane's edge mode, and nothing more. */
struct kernel_plane {
    const float *data; /* the sample of the call's first pixel */
    int64_t stride;    /* floats */
};

/* An image: four planes of width * height floats, one behind the other: r g b a (gray: r = g = b, a = 1). */
struct kernel_image {
    const float *data;
    int32_t width, height; /* at least 1; width * height at most KERNEL_IMAGE_MAX */
};

enum {
    KERNEL_IMAGE_MAX = 1 << 30, /* pixels: an index into one component fits in 32 bits */
    KERNEL_PAD = 16,    /* floats behind every buffer of the host's that may be touched: none; behind rings and scratch:
                           this many */
    KERNEL_STRIP = 256, /* samples a strip of a kernel with state */
    KERNEL_ALIGN = 64,  /* alignment of state, scratch and ring data; inputs and outputs: 4 */
};

struct kernel_call {
    const double *args;                /* ir.n_args numbers */
    const float *const *in;            /* ir.n_inputs channels of `count` samples */
    float *const *out;                 /* ir.n_outputs channels; row r starts at out[c] + r * out_stride */
    void *state;                       /* plan.state_size bytes, all zero at the start of a stream */
    const struct kernel_ring *rings;   /* plan.n_rings */
    float *scratch;                    /* plan.scratch_size bytes, any content */
    const struct kernel_plane *planes; /* ir.n_planes */
    const struct kernel_image *images; /* ir.n_images */
    int64_t out_stride;                /* floats */
    int32_t count;                     /* samples in a row or in the block; >= 0 */
    int32_t rows;                      /* 1 for audio */
    int32_t n0_low;                    /* lower 32 bits of the first sample's index: ring positions */
    int32_t unused;
};

typedef void kernel_entry(const struct kernel_call *call);

#endif
