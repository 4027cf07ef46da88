/* What a bench of kernels runs in: an engine with one compiler and no store, a thread in the kernels' floating-point
 * state. */
#ifndef BENCH_SETTING_H
#define BENCH_SETTING_H

#include "bench/bench.h"
#include "jit/engine.h"

struct bench_setting {
    struct engine *engine;
    struct arena *arena;
    struct fault fault;
    unsigned fp_state;
};

bool bench_setting_open(struct bench *b, struct bench_setting *ret); /* false: reported */
void bench_setting_close(struct bench_setting *s);

#endif
