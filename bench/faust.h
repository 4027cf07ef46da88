/* The peer of the audio benches: a Faust program as C, compiled by gcc -O3 -march=native -ffast-math, and by libfaust
 * with LLVM where its headers are; each scalar and with -vec, run in a process of its own. */
#ifndef BENCH_FAUST_H
#define BENCH_FAUST_H

/* Nanoseconds a frame of `program` (Faust's language) over blocks of `block` frames of noise: the best of these,
 * median of several passes. Negative where faust or cc is missing, or the program does not compile. */
double faust_ns(const char *program, int block);

#endif
