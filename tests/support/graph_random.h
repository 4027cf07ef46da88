/* Random graphs for tests: well-formed ones over every node of the registry, as JSON text. Fields and audio, vectors,
 * let, if, shape inputs, nested calls, feedback through delays, parameters, lists of outputs, literals that break
 * engines. One seed, one graph, on every machine. */
#ifndef TESTS_SUPPORT_GRAPH_RANDOM_H
#define TESTS_SUPPORT_GRAPH_RANDOM_H

#include "core/lower.h"
#include "tests/support.h"

enum { GRAPH_RANDOM_NODES = 8, GRAPH_RANDOM_OUTPUTS = 4 };

struct graph_random {
    struct layout layout;
    bool bake;
    const char *params;                    /* the object's text */
    const char *names[GRAPH_RANDOM_NODES]; /* of its nodes, loops first, then such that each reads only earlier ones and
                                              loops */
    const char *nodes[GRAPH_RANDOM_NODES]; /* the objects' texts */
    size_t n_nodes;
    const char *output; /* JSON: a string or a list */
};

struct graph_random graph_random(struct arena *a, uint64_t seed);
/* Of at most three nodes and two outputs. */
struct graph_random graph_random_small(struct arena *a, uint64_t seed);
/* The graph's JSON, with this output in place of its own unless NULL. */
char *graph_random_text(const struct graph_random *g, const char *output, struct arena *a);

#endif
