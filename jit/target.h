/* Which instruction set a kernel is compiled for. */
#ifndef JIT_TARGET_H
#define JIT_TARGET_H

#include <stdbool.h>

enum target {
    TARGET_NONE,
    TARGET_V3,
    TARGET_V4
}; /* NONE: interpreter only. v3: AVX2+FMA, 8 lanes. v4: AVX-512 F, VL, BW, DQ, 16 lanes */

enum target target_of_cpu(void);              /* the best this CPU and its operating system run */
const char *target_name(enum target t);       /* "none", "x86-64-v3", "x86-64-v4" */
enum target target_by_name(const char *name); /* also "v3", "v4"; TARGET_NONE when unknown */
bool target_runs_here(enum target t);

#endif
