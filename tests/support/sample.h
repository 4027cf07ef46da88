/* A noise's values at many points of up to four coordinates, and what tests say of them. */
#ifndef TESTS_SUPPORT_SAMPLE_H
#define TESTS_SUPPORT_SAMPLE_H

#include "tests/support/probe.h"

enum { MANY = 1 << 16, AXES = 4 };

extern float points[AXES][MANY], values[MANY], others[MANY];

/* An arena large enough for the probes of a test. */
struct arena *arena_of_test(void);
/* The node of that name at in.0, in.1, ..: `dims` of them; `rest` begins with a comma or is empty. */
struct probe *noise(struct arena *a, const char *name, int dims, const char *rest);
float at(const struct probe *p, const float x[AXES]);
/* Sets points, uniform in -range..range; and out to a probe's values there. */
void fill_points(double range);
void run(const struct probe *p, float *out);

struct statistics {
    double mean, deviation, least, most;
    int at_most; /* values equal to the least or the greatest */
};
struct statistics statistics(const float *v);
double correlation(const float *x, const float *y);

#endif
