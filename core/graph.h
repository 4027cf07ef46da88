/* A graph as the client wrote it: parameters, named nodes wired by expressions, outputs. Structure only is checked here
 * (known keys, shapes, limits, expressions that parse, operations and inputs that exist); lower.c checks meaning. */
#ifndef CORE_GRAPH_H
#define CORE_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/datum.h"
#include "core/expr.h"
#include "core/node.h"

struct graph_param {
    const char *name, *unit; /* unit may be NULL */
    double value, min, max;  /* default; -inf, inf when not given */
};

struct graph_input {
    const struct node_input *def;
    const char *pointer;       /* "/nodes/n/x" */
    struct expr *expr;         /* a runtime input; NULL for a shape input */
    const struct datum *shape; /* a shape input's value as it was given: string, number or list */
};

struct graph_node {
    const char *name;
    const char *pointer; /* "/nodes/n" */
    const struct node_def *def;
    struct graph_input *inputs; /* those given, in the client's order */
    size_t n_inputs;
};

struct graph_name {
    const char *name;
    uint32_t index;
};

struct graph {
    struct graph_param *params;
    size_t n_params;
    struct graph_node *nodes;
    size_t n_nodes;
    struct expr **outputs;
    size_t n_outputs;
    bool output_is_list; /* an array: one instance for all channels; else one a channel */
    bool bake;
    struct graph_name *nodes_by_name, *params_by_name; /* sorted */
};

enum { GRAPH_NAME_MAX = 64 };

/* Words that nodes, parameters and let may not take: variables, constants and keywords. `n` may be taken, and then
 * hides the variable; names are looked up in the order let, node, parameter, variable. */
bool graph_name_reserved(const char *name);

/* Limits a client's graph must keep; filled from the settings. */
struct graph_limits {
    uint32_t nodes, params, instructions;
    uint32_t outputs;
    struct expr_limits expr;
};
#define GRAPH_LIMITS_DEFAULT                                                                                           \
    ((struct graph_limits){.nodes = 4096,                                                                              \
                           .params = 256,                                                                              \
                           .instructions = 60000,                                                                      \
                           .outputs = 64,                                                                              \
                           .expr = {EXPR_LENGTH_MAX, EXPR_DEPTH_MAX, EXPR_HEIGHT_MAX}})

/* Reads the JSON form (api.md "Graph"). Every error found is in `fault`, pointers relative to the graph ("" = the graph
 * itself). Strings of `root` must outlive the graph. */
enum status graph_read(const struct datum *root, const struct graph_limits *limits, struct arena *a,
                       struct graph **ret_graph, struct fault *fault) MUST_CHECK;
/* The graph whose output is this one expression; faults point to "/output". limits NULL: none but the language's. */
enum status graph_from_expr(const char *text, const struct graph_limits *limits, struct arena *a,
                            struct graph **ret_graph, struct fault *fault) MUST_CHECK;

int graph_node_by_name(const struct graph *g, const char *name); /* -1 when absent */
int graph_param_by_name(const struct graph *g, const char *name);

/* Canonical JSON text: live nodes only, in the order first reached from the outputs, renamed n1, n2 ...; keys in a
 * fixed order; numbers shortest; expressions by expr_print, names bound by let renamed too. Two graphs that differ in
 * spelling, order, names or dead nodes give the same text, and graph_read of the text gives the text again. Parameters
 * keep their names and are sorted by them. */
char *graph_canonical(const struct graph *g, struct arena *a);

/* The graph id: 40 hex digits, BLAKE2b-160 of the canonical text. */
#define GRAPH_ID_SIZE 41
void graph_id(const struct graph *g, struct arena *a, char ret_id[GRAPH_ID_SIZE]);

#endif
