/* See points.h. */
#include "tests/support/points.h"

#include <math.h>

struct arena *points_arena;
float points_in[PROBE_INPUTS][POINTS], points_out[PROBE_INPUTS][POINTS];

int points_open(void **state)
{
    static const float edges[] = {0, 1, 0.5f, 0.25f, 0.04045f, 0.0031308f, 0.75f, 1};
    uint64_t seed = 11;
    (void)state;
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < PROBE_INPUTS; k++) {
            uint32_t r = test_random(&seed);
            points_in[k][i] = r % 4 ? (float)(r >> 8) * 0x1p-24f : edges[r / 4 % 8];
        }
    for (int i = 0; i < 64; i++) /* greys */
        points_in[1][i] = points_in[2][i] = points_in[0][i];
    points_arena = arena_new(256u << 20);
    return points_arena ? 0 : -1;
}

int points_close(void **state)
{
    (void)state;
    arena_free(points_arena);
    return 0;
}

void points_run_with(const char *nodes, const char *text)
{
    const float *ins[PROBE_INPUTS];
    float *outs[PROBE_INPUTS];
    char *json = arena_printf(points_arena, "{\"version\":1,\"nodes\":{%s},\"output\":[\"%s\"]}", nodes, text);
    for (int k = 0; k < PROBE_INPUTS; k++) {
        ins[k] = points_in[k];
        outs[k] = points_out[k];
        for (int i = 0; i < POINTS; i++)
            points_out[k][i] = -777;
    }
    if (ARENA_GUARD(points_arena))
        fail_msg("the arena is too small for the test");
    probe_run(probe_graph(points_arena, json, PROBE_INPUTS), ins, outs, POINTS);
}

void points_run(const char *text)
{
    points_run_with("", text);
}

struct rgb points_colour(int from, int i)
{
    return (struct rgb){{(double)points_in[from][i], (double)points_in[from + 1][i], (double)points_in[from + 2][i]}};
}

void points_near(const char *what, int i, int k, double want, double tolerance)
{
    if (!(fabs((double)points_out[k][i] - want) <= tolerance))
        fail_msg("%s: component %d at (%g %g %g %g), (%g %g %g %g) is %.9g, not %.9g", what, k, (double)points_in[0][i],
                 (double)points_in[1][i], (double)points_in[2][i], (double)points_in[3][i], (double)points_in[4][i],
                 (double)points_in[5][i], (double)points_in[6][i], (double)points_in[7][i], (double)points_out[k][i],
                 want);
}

void points_near_colour(const char *what, int i, struct rgb want, double tolerance)
{
    for (int k = 0; k < 3; k++)
        points_near(what, i, k, want.c[k], tolerance);
}

bool points_unset(int k)
{
    return points_out[k][0] == -777;
}
