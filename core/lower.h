/* A graph to IR: names get meaning, types are checked, vectors become scalars, numbers the client wrote become
 * arguments. */
#ifndef CORE_LOWER_H
#define CORE_LOWER_H

#include "core/build.h"
#include "core/graph.h"
#include "core/ir.h"

enum graph_kind { GRAPH_ANY, GRAPH_FIELD, GRAPH_AUDIO };
const char *graph_kind_name(enum graph_kind k); /* "any", "field", "audio" */

/* What the variables and nodes it uses make of a graph; ANY when it uses none of either kind. */
enum graph_kind graph_kind(const struct graph *g);

/* What kind of kernel is wanted. */
struct layout {
    enum graph_kind kind; /* FIELD or AUDIO */
    uint32_t channels;    /* AUDIO: channels of the input (of the output, for a generator) */
};

struct lowered {
    struct ir *ir;
    enum graph_kind kind; /* what the graph's variables make it */
    uint32_t n_inputs;    /* audio channels it reads: 0 for a generator */
    bool reads_in;
    bool needs_rate;                /* false: the result does not depend on time (plain buffers) */
    double latency;                 /* seconds by which the latest output is late (b_late), along its longest path */
    const struct asked_line *lines; /* delay lines as nodes have made them; of the IR as it is here, before any pass */
    uint32_t n_lines;
};

/* Not optimised yet: passes_run is next. Collects every error it finds. */
enum status lower(const struct graph *g, struct layout layout, const struct graph_limits *limits, struct arena *a,
                  struct lowered *ret, struct fault *fault) MUST_CHECK;

/* Writes args[ir->n_args]: literals, parameters (by the graph's order), context, sizes of images (by slot; may be NULL
 * when the IR has none). */
struct kernel_image;
void lower_args(const struct ir *ir, const double *params, const double *context, const struct kernel_image *images,
                double *ret_args);

/* Literals against the ranges their inputs demand at this rate (a frequency under rate/2, times positive). */
enum status lower_check_literals(const struct graph *g, double rate, struct fault *fault) MUST_CHECK;

#endif
