/* Which node of a graph asks for its longest delay line: to say where, when that is too much. */
#ifndef CORE_LONGEST_H
#define CORE_LONGEST_H

#include "core/lower.h"

/* The node's JSON pointer, in `a`; NULL: there is no delay line, or the graph cannot be lowered so. `context` as
 * lower_args has it. Lowers the graph anew, since a program does not know its nodes' names. */
const char *longest_line(const struct graph *g, struct layout layout, const struct graph_limits *limits,
                         const double *params, const double *context, struct arena *a);

#endif
