/* The peer of the audio benches: a Faust program as C, compiled twice (scalar and -vec) by gcc -O3 -march=native
 * -ffast-math, run in a process of its own. */
#ifndef BENCH_FAUST_H
#define BENCH_FAUST_H

/* Nanoseconds a frame of `program` (Faust's language) over blocks of `block` frames of noise: the better of scalar and
 * vector code, median of several passes. Negative where faust or cc is missing, or the program does not compile. */
double faust_ns(const char *program, int block);

#endif
