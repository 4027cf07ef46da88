/* What a graph is before it is lowered: field or audio, and whether its literals fit the sample rate. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cycles.h"
#include "core/lower.h"
#include "core/variables.h"

const char *graph_kind_name(enum graph_kind k)
{
    static const char *const names[] = {"any", "field", "audio"};
    return names[k];
}

struct kinds {
    const struct graph *graph;
    unsigned char *seen; /* by node */
    uint32_t *queue;     /* nodes reached and not looked at yet */
    size_t n_queue;
    bool found[3];
};

struct shadow { /* names bound by let */
    const char *name;
    const struct shadow *outer;
};

static void scan_name(struct kinds *k, const char *name, const struct shadow *lets)
{
    for (; lets; lets = lets->outer)
        if (!strcmp(lets->name, name))
            return;
    int node = graph_node_by_name(k->graph, name);
    if (node >= 0 && !k->seen[node]) {
        k->seen[node] = 1;
        k->queue[k->n_queue++] = (uint32_t)node;
    }
    if (node < 0 && graph_param_by_name(k->graph, name) < 0)
        k->found[variable_kind(name)] = true;
}

static void found_node(struct kinds *k, const struct node_def *def)
{
    if (def->flags & NODE_AUDIO)
        k->found[GRAPH_AUDIO] = true;
    if (def->flags & NODE_FIELD)
        k->found[GRAPH_FIELD] = true;
}

static void scan(struct kinds *k, const struct expr *e, const struct shadow *lets)
{
    if (e->kind == EXPR_NAME)
        scan_name(k, e->name, lets);
    const struct node_def *def = e->kind == EXPR_CALL ? node_by_name(e->name) : NULL;
    if (def)
        found_node(k, def);
    if (e->kind == EXPR_LET) {
        scan(k, e->args[0], lets);
        scan(k, e->args[1], &(struct shadow){e->name, lets});
        return;
    }
    for (size_t i = 0; i < e->n_args; i++)
        scan(k, e->args[i], lets);
}

/* Only what the outputs reach counts: dead nodes change nothing. */
enum graph_kind graph_kind(const struct graph *g)
{
    struct kinds k = {
        .graph = g, .seen = calloc(g->n_nodes + 1, sizeof *k.seen), .queue = calloc(g->n_nodes + 1, sizeof *k.queue)};
    for (size_t i = 0; k.seen && k.queue && i < g->n_outputs; i++)
        scan(&k, g->outputs[i], NULL);
    while (k.queue && k.n_queue) {
        const struct graph_node *node = &g->nodes[k.queue[--k.n_queue]];
        found_node(&k, node->def);
        for (size_t i = 0; i < node->n_inputs; i++)
            if (node->inputs[i].expr)
                scan(&k, node->inputs[i].expr, NULL);
    }
    free(k.seen);
    free(k.queue);
    return k.found[GRAPH_FIELD] ? GRAPH_FIELD : k.found[GRAPH_AUDIO] ? GRAPH_AUDIO : GRAPH_ANY;
}

struct literals {
    const struct graph *graph;
    struct cycles *cycles;
    double rate;
    struct fault *fault;
    enum status status;
};

static void check_number(struct literals *l, const struct node_def *def, const struct node_input *in, double v,
                         bool on_cycle, const char *pointer, int column)
{
    const char *why = NULL;
    if (!in->unit)
        return;
    if (!strcmp(in->unit, "Hz") && !(fabs(v) < l->rate / 2))
        why = "is at or above half the sample rate";
    else if (!strcmp(in->unit, "s") && !(v >= 0))
        why = "is a time and must not be negative";
    else if (!strcmp(in->unit, "s") && on_cycle && !(v * l->rate >= 1))
        why = "is less than one sample, and this delay closes a feedback loop";
    if (why)
        l->status = fault_add(l->fault, STATUS_BAD_GRAPH, pointer, column, "%s=%.9g of %s %s (rate %.9g)", in->name, v,
                              def->name, why, l->rate);
}

static void check_expr(struct literals *l, const struct expr *e, const char *pointer)
{
    const struct node_def *def = e->kind == EXPR_CALL ? node_by_name(e->name) : NULL;
    for (size_t i = 0; i < e->n_args; i++) {
        const struct node_input *in = NULL;
        if (def)
            in = e->arg_names[i]     ? node_input_by_name(def, e->arg_names[i])
                 : i < def->n_inputs ? &def->inputs[i]
                                     : NULL;
        if (in && e->args[i]->kind == EXPR_NUMBER)
            check_number(l, def, in, e->args[i]->number, (def->flags & NODE_DELAYED) && cycles_call(l->cycles, e),
                         pointer, e->args[i]->column);
        check_expr(l, e->args[i], pointer);
    }
}

enum status lower_check_literals(const struct graph *g, double rate, struct fault *fault)
{
    struct literals l = {.graph = g, .rate = rate, .fault = fault, .status = STATUS_OK};
    TRY(cycles_find(g, fault->arena, &l.cycles, fault));
    for (size_t i = 0; i < g->n_nodes; i++)
        for (size_t k = 0; k < g->nodes[i].n_inputs; k++) {
            const struct graph_input *in = &g->nodes[i].inputs[k];
            if (!in->expr)
                continue;
            if (in->expr->kind == EXPR_NUMBER)
                check_number(&l, g->nodes[i].def, in->def, in->expr->number,
                             (g->nodes[i].def->flags & NODE_DELAYED) && cycles_node(l.cycles, i), in->pointer, 0);
            check_expr(&l, in->expr, in->pointer);
        }
    for (size_t i = 0; i < g->n_outputs; i++)
        check_expr(&l, g->outputs[i], g->output_is_list ? arena_printf(fault->arena, "/output/%zu", i) : "/output");
    return l.status;
}
