/* A field with planes and images, computed whole by the interpreter, stage by stage, in the plainest way: every plane
 * in full, padded as far as a stage reads it, then the next stage. What tests of nodes measure. */
#ifndef TESTS_SUPPORT_FIELD_H
#define TESTS_SUPPORT_FIELD_H

#include "core/fault.h"
#include "core/kernel.h"
#include "tests/support.h"

enum { FIELD_OUTPUTS = 8, FIELD_IMAGES = 4 };

struct field_image {
    const char *name;
    int width, height;
    const float *data; /* r g b a, one plane after the other */
};

struct field {
    struct arena *arena;
    int width, height;
    struct field_image images[FIELD_IMAGES]; /* those with a name */
    int n_outputs;                           /* set by a run */
    float *out[FIELD_OUTPUTS];               /* width * height each */
    int n_stages;
    uint32_t n_planes;
};

/* `text` is an expression, or a graph's JSON when it begins with a brace; its region is 0..1. Fails the test when the
 * graph is refused. */
void field_run(struct field *f, const char *text);
float field_at(const struct field *f, int output, int x, int y);

/* The graph is refused: the status, with the pointer of its first fault and the limit in ret_pointer and ret_limit
 * (may be NULL). STATUS_OK when it is not. */
enum status field_refused(struct arena *a, const char *text, const char **ret_pointer, const char **ret_limit);

/* Where a plane's edge mode finds column or row i of n; -1: nowhere, 0 is there. */
int field_edge(int i, int n, const char *wrap);

#endif
