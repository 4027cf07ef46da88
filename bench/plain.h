/* What a programmer would write by hand, at this project's -O2: baselines. */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

void plain_affine(const float *in, float *out, int n, const float gain[2], const float offset[2]);

/* Seconds for one pass of the same loop over n floats in Rust (rustc -O), or a negative number where rustc is missing.
 */
double plain_rust_affine(int n);

#endif
