/* See sample.h. */
#include "tests/support/sample.h"

#include <math.h>
#include <stdlib.h>

static const char *const operands[] = {"in.0", "in.0, in.1", "in.0, in.1, in.2", "in.0, in.1, in.2, in.3"};
float points[AXES][MANY], values[MANY], others[MANY];

struct arena *arena_of_test(void)
{
    struct arena *a = arena_new((size_t)512 << 20);
    assert_non_null(a);
    if (ARENA_GUARD(a))
        fail_msg("the arena is too small for the test");
    return a;
}

struct probe *noise(struct arena *a, const char *name, int dims, const char *rest)
{
    return probe_expr(a, arena_printf(a, "%s(%s%s)", name, operands[dims - 1], rest), AXES);
}

float at(const struct probe *p, const float x[AXES])
{
    const float *const in[PROBE_INPUTS] = {&x[0], &x[1], &x[2], &x[3]};
    float r = 0, *const out[2] = {&r, NULL};
    probe_run(p, in, out, 1);
    return r;
}

void fill_points(double range)
{
    uint64_t random = 11;
    for (int c = 0; c < AXES; c++)
        for (int i = 0; i < MANY; i++)
            points[c][i] = (float)((test_random(&random) * 0x1p-32 - 0.5) * 2 * range);
}

void run(const struct probe *p, float *out)
{
    probe_run(p, (const float *const[]){points[0], points[1], points[2], points[3]}, (float *const[]){out, NULL}, MANY);
}

struct statistics statistics(const float *v)
{
    struct statistics s = {.least = 1e9, .most = -1e9};
    for (int i = 0; i < MANY; i++) {
        s.mean += (double)v[i] / MANY;
        s.deviation += (double)v[i] * (double)v[i] / MANY;
        s.least = fmin(s.least, (double)v[i]);
        s.most = fmax(s.most, (double)v[i]);
    }
    for (int i = 0; i < MANY; i++)
        s.at_most += (double)v[i] == s.most || (double)v[i] == s.least;
    s.deviation = sqrt(s.deviation - s.mean * s.mean);
    return s;
}

double correlation(const float *x, const float *y)
{
    double xy = 0, xx = 0, yy = 0;
    struct statistics sx = statistics(x), sy = statistics(y);
    for (int i = 0; i < MANY; i++) {
        double dx = (double)x[i] - sx.mean, dy = (double)y[i] - sy.mean;
        xy += dx * dy;
        xx += dx * dx;
        yy += dy * dy;
    }
    return xy / sqrt(xx * yy);
}
