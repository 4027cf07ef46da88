/* Shapes with a reference each: their boundary as points, and a predicate of their own for the inside. */
#ifndef TESTS_SUPPORT_OUTLINES_H
#define TESTS_SUPPORT_OUTLINES_H

#include <stdbool.h>

enum { CLOUD_MAX = 600000 };

/* A boundary as points; `grow` is how far the shape reaches beyond it. */
struct cloud {
    double (*p)[3];
    int n;
    double grow;
};

struct shape {
    const char *text;
    void (*boundary)(struct cloud *c);
    bool (*inside)(double x, double y, double z); /* of the cloud; NULL: it has no inside */
    double tolerance;                             /* of the sampling */
    double least; /* points nearer than this are not compared: too close to the samples */
};

extern const struct shape shapes[];
extern const int n_shapes;

#endif
