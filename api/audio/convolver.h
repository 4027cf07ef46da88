/* Convolution with long impulse responses, without latency: partitioned on the absolute sample grid, so that any split
 * of the signal gives the same bytes. The only file that knows the FFT library is convolver.c.
 *
 * A signal's state is plain floats without cursors: where in it a sample belongs follows from the sample's index. */
#ifndef API_CONVOLVER_H
#define API_CONVOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One channel of a response, transformed. Not for two threads at once: it holds the library's working space. */
struct response;

/* In the kernels' floating-point state, whatever the thread's is. n at least 1; every |h| at most RESPONSE_MOST. NULL:
 * no memory. */
#define RESPONSE_MOST 0x1p20f
struct response *response_new(const float *h, uint64_t n);
struct response *response_ref(struct response *r);
void response_unref(struct response *r); /* NULL too */

/* Bytes that a response of n samples takes, transformed, and that a signal's state takes. */
uint64_t response_bytes(uint64_t n);
uint64_t convolver_state_bytes(uint64_t n);

/* Samples n0 .. n0 + n of a signal, `state` being all zero before sample 0. `out` may be `in`. A sample that is no
 * finite number counts as 0, a greater one than 2^40 as that: a transform would spread either over its block. The
 * thread is in fp_state_enter. */
void convolver_run(struct response *r, float *state, uint64_t n0, const float *in, float *out, uint32_t n);

#endif
