/* Benchmarks: `sinter bench [NAME] [--json]`. Each measures its figure and its baseline in one run and reports both
 * beside the bar. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>

#include "core/fault.h"

struct bench; /* where figures are reported */

enum bar { BAR_NONE, BAR_AT_MOST, BAR_AT_LEAST, BAR_EXACTLY };

void bench_figure(struct bench *b, const char *what, double value, const char *unit, enum bar bar, double limit);
void bench_failed(struct bench *b, const char *what, const struct fault *fault); /* fault may be NULL */

typedef void bench_run(struct bench *b);
bench_run bench_affine, bench_trig, bench_circle, bench_biquad;
bench_run bench_perlin2, bench_perlin3, bench_gnoise2, bench_gnoise2_low, bench_gnoise2_high, bench_gnoise2_turned;
bench_run bench_gnoise3, bench_gnoise3_high, bench_snoise2, bench_snoise3, bench_vnoise2, bench_vnoise3;
bench_run bench_cellular2, bench_cellular3, bench_fractal2, bench_material;
bench_run bench_audio, bench_silence, bench_eqfile;
bench_run bench_cost, bench_cold, bench_warm, bench_restart, bench_herd, bench_render;

double bench_now(void);                                 /* seconds, monotonic */
double bench_median(double *values, int n);             /* sorts */
double bench_quantile(double *values, int n, double q); /* sorts */

#endif
