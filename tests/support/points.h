/* Many colours through one expression, and what came out of it compared: in.0 to in.3 are one colour with its alpha,
 * in.4 to in.7 another. */
#ifndef TESTS_SUPPORT_POINTS_H
#define TESTS_SUPPORT_POINTS_H

#include "tests/support/probe.h"

enum { POINTS = 4096 };

#define A4 "vec4(in.0,in.1,in.2,in.3)"
#define B4 "vec4(in.4,in.5,in.6,in.7)"
#define A3 "vec3(in.0,in.1,in.2)"
#define B3 "vec3(in.4,in.5,in.6)"

struct rgb {
    double c[3];
};

extern struct arena *points_arena;
extern float points_in[PROBE_INPUTS][POINTS], points_out[PROBE_INPUTS][POINTS];

/* Group setup: colours of 0..1, one in four components an edge of some formula, the first of them greys. */
int points_open(void **state);
int points_close(void **state);

/* Runs an expression on all points; sets points_out[component]. */
void points_run(const char *text);
/* The same beside these nodes: what goes between the braces of "nodes". */
void points_run_with(const char *nodes, const char *text);

/* Inputs from..from + 2 at point i. */
struct rgb points_colour(int from, int i);

/* Fails the test unless component k at point i is within `tolerance` of what is wanted. */
void points_near(const char *what, int i, int k, double want, double tolerance);
void points_near_colour(const char *what, int i, struct rgb want, double tolerance);
/* The expression had no such component. */
bool points_unset(int k);

#endif
