/* See target.h. Asks CPUID, and through gcc's cpu model also the operating system (XGETBV). */
#include "jit/target.h"

#include <string.h>

static bool has_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("bmi");
}

static bool has_v4(void)
{
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512cd");
}

enum target target_of_cpu(void)
{
    __builtin_cpu_init();
    return has_v4() ? TARGET_V4 : has_v3() ? TARGET_V3 : TARGET_NONE;
}

bool target_runs_here(enum target t)
{
    return t <= target_of_cpu();
}

static const char *const names[] = {[TARGET_NONE] = "none", [TARGET_V3] = "x86-64-v3", [TARGET_V4] = "x86-64-v4"};

const char *target_name(enum target t)
{
    return names[t];
}

enum target target_by_name(const char *name)
{
    for (enum target t = TARGET_V3; t <= TARGET_V4; t++) {
        if (strcmp(name, names[t]) == 0 || strcmp(name, names[t] + strlen("x86-64-")) == 0)
            return t;
    }
    return TARGET_NONE;
}
