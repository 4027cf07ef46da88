/* See lower.h. Nodes are lowered operands first, each once an instance; a delay on a cycle is opened first, and its
 * input is closed when everything else stands. */
#include "core/lower.h"

#include <assert.h>
#include <string.h>

#include "core/cycles.h"
#include "core/eval.h"
#include "core/variables.h"

enum node_state { NODE_UNSEEN, NODE_BUSY, NODE_DONE };

struct lowered_node {
    enum node_state state;
    struct value ports[NODE_PORTS_MAX];
};

struct pending { /* the first input of a delay on a cycle, to be lowered later */
    struct pending *next;
    struct val open;
    const struct expr *expr;
    const struct binding *lets;
    const char *pointer;
    const struct node_def *def;
};

struct lowering {
    const struct graph *graph;
    const struct graph_limits *limits;
    struct layout layout;
    struct cycles *cycles;
    struct build b;
    struct lowered_node *nodes;
    struct pending *pending, **pending_end;
    struct variables variables;
};

static enum status lower_node(struct lowering *l, size_t i, struct lowered_node **ret);

static struct value port_value(const struct node_def *def, const struct value *ports, const char *port)
{
    for (size_t i = 0; i < def->n_ports; i++) {
        if (strcmp(def->ports[i], port))
            continue;
        if (!(def->flags & NODE_VECTOR))
            return ports[i];
        return (struct value){.kind = ports[0].kind, .dims = 1, .c = {ports[0].c[i]}};
    }
    return (struct value){0};
}

static struct scope make_scope(struct lowering *l, const char *pointer);

static enum status node_value(struct scope *s, const struct expr *e, size_t node, const char *port, struct value *ret)
{
    struct lowering *l = s->user;
    struct lowered_node *n;
    TRY(lower_node(l, node, &n));
    const struct node_def *def = l->graph->nodes[node].def;
    *ret = n->ports[0];
    if (!port)
        return STATUS_OK;
    *ret = port_value(def, n->ports, port);
    if (ret->kind != VALUE_NONE)
        return STATUS_OK;
    *ret = n->ports[0];
    if (ret->dims > 1 || !strcmp(port, "x") || !strcmp(port, "r") || !strcmp(port, "0")) {
        *ret = (struct value){0}; /* a swizzle: eval's business */
        return STATUS_OK;
    }
    const char **names = ARENA_ARRAY(s->b->fault->arena, def->n_ports + 1, const char *);
    for (size_t i = 0; i < def->n_ports; i++)
        names[i] = def->ports[i];
    const char *near = nearest_name(port, names);
    return fault_add(s->b->fault, STATUS_BAD_GRAPH, s->pointer, e->column, "%s has no port .%s%s%s", def->name, port,
                     near ? "; did you mean ." : "", near ? near : "");
}

static enum status unknown(struct scope *s, const struct expr *e, const char *name)
{
    struct lowering *l = s->user;
    const struct graph *g = l->graph;
    const char *const *variables = variable_names();
    size_t n_variables = 0, n = 0;
    while (variables[n_variables])
        n_variables++;
    const char **names = ARENA_ARRAY(s->b->fault->arena, g->n_nodes + g->n_params + n_variables + 1, const char *);
    for (size_t i = 0; i < g->n_nodes; i++)
        names[n++] = g->nodes[i].name;
    for (size_t i = 0; i < g->n_params; i++)
        names[n++] = g->params[i].name;
    for (size_t i = 0; i < n_variables; i++)
        names[n++] = variables[i];
    const char *near = nearest_name(name, names);
    return fault_add(s->b->fault, STATUS_BAD_GRAPH, s->pointer, e->column, "unknown name %s%s%s%s", name,
                     near ? "; did you mean " : "", near ? near : "",
                     near ? "?" : "; it is no node, parameter or variable");
}

static enum status graph_name(struct scope *s, const struct expr *e, const char *name, const char *port,
                              struct value *ret)
{
    struct lowering *l = s->user;
    *ret = (struct value){0};
    int node = graph_node_by_name(l->graph, name);
    if (node >= 0)
        return node_value(s, e, (size_t)node, port, ret);
    int param = graph_param_by_name(l->graph, name);
    if (param >= 0 && !port) {
        uint32_t slot = ir_add_arg(l->b.ir, (struct arg_source){.kind = ARG_PARAM, .index = (uint32_t)param});
        struct val v = ir_emit(l->b.ir, l->b.code, (struct ins){.op = OP_ARG, .imm.i = (int32_t)slot});
        *ret = (struct value){.kind = VALUE_NUMBER, .dims = 1, .c = {v}};
        return STATUS_OK;
    }
    TRY(variable_value(&l->variables, s, e, name, port, ret));
    if (ret->kind == VALUE_NONE && !port)
        return unknown(s, e, name);
    return STATUS_OK;
}

static void defer(struct lowering *l, const struct scope *s, const struct instance *in, const struct expr *expr)
{
    struct pending *p = ARENA_NEW(l->b.fault->arena, struct pending);
    *p = (struct pending){.open = l->b.open, .expr = expr, .lets = s->lets, .pointer = s->pointer, .def = in->def};
    l->b.open = VAL_NONE;
    *l->pending_end = p;
    l->pending_end = &p->next;
}

static const struct expr *first_argument(const struct expr *call, const struct node_def *def)
{
    for (size_t i = 0; i < call->n_args; i++)
        if (call->arg_names[i] ? !strcmp(call->arg_names[i], def->inputs[0].name) : i == 0)
            return call->args[i];
    return NULL;
}

static enum status delayed_call(struct scope *s, const struct expr *call, struct instance *in, struct value *ret_ports)
{
    struct lowering *l = s->user;
    in->open = cycles_call(l->cycles, call);
    TRY(eval_call_inputs(s, call, in, in->open));
    TRY(instance_build(s->b, in, ret_ports));
    if (in->open)
        defer(l, s, in, first_argument(call, in->def));
    return STATUS_OK;
}

static struct scope make_scope(struct lowering *l, const char *pointer)
{
    return (struct scope){.b = &l->b,
                          .pointer = pointer,
                          .structural = l->graph->bake,
                          .name = graph_name,
                          .delayed = delayed_call,
                          .user = l};
}

/* Every input is tried, so that every error is found. */
static enum status node_inputs(struct lowering *l, const struct graph_node *node, struct instance *in)
{
    enum status status = STATUS_OK;
    for (size_t k = 0; k < node->n_inputs; k++) {
        const struct graph_input *input = &node->inputs[k];
        size_t at = (size_t)(input->def - node->def->inputs);
        if (!input->expr) {
            in->shape[at] = input->shape;
            continue;
        }
        if (in->open && at == 0)
            continue;
        struct scope s = make_scope(l, input->pointer);
        enum status one = eval(&s, input->expr, &in->in[at]);
        if (one != STATUS_OK && status == STATUS_OK)
            status = one;
    }
    return status;
}

static enum status check_size(struct lowering *l)
{
    uint32_t n = l->b.ir->main.n;
    for (uint32_t i = 0; i < l->b.ir->n_fns; i++)
        n += l->b.ir->fns[i].code.n;
    if (n > l->limits->instructions)
        return fault_limit(l->b.fault, "max-instructions", "",
                           "the graph comes to %u instructions; at most %u are allowed", n, l->limits->instructions);
    return STATUS_OK;
}

static enum status lower_new_node(struct lowering *l, size_t i, struct lowered_node *n)
{
    const struct graph_node *node = &l->graph->nodes[i];
    struct instance in = {.def = node->def};
    in.open = (node->def->flags & NODE_DELAYED) && cycles_node(l->cycles, i);
    /* Literals in a definition are structural, so a baked graph and a raw instance differ only in the seed: raw stays
     * false. */
    TRY(node_inputs(l, node, &in));
    l->b.pointer = node->pointer;
    TRY(instance_build(&l->b, &in, n->ports));
    if (in.open)
        for (size_t k = 0; k < node->n_inputs; k++)
            if (node->inputs[k].def == &node->def->inputs[0]) {
                struct scope s = make_scope(l, node->inputs[k].pointer);
                defer(l, &s, &in, node->inputs[k].expr);
            }
    return check_size(l);
}

static enum status lower_node(struct lowering *l, size_t i, struct lowered_node **ret)
{
    struct lowered_node *n = &l->nodes[i];
    *ret = n;
    if (n->state == NODE_DONE)
        return n->ports[0].kind == VALUE_NONE ? STATUS_BAD_GRAPH : STATUS_OK; /* its fault is noted already */
    assert(n->state != NODE_BUSY);                                            /* cycles.c has seen to it */
    n->state = NODE_BUSY;
    const char *pointer = l->b.pointer;
    enum status status = lower_new_node(l, i, n);
    l->b.pointer = pointer;
    n->state = NODE_DONE;
    if (status != STATUS_OK)
        n->ports[0] = (struct value){0};
    return status;
}

static enum status close_cycles(struct lowering *l)
{
    for (; l->pending; l->pending = l->pending->next) {
        struct pending *p = l->pending;
        struct scope s = make_scope(l, p->pointer);
        struct value v;
        s.lets = p->lets;
        TRY(eval(&s, p->expr, &v));
        if (v.dims != 1)
            return fault_add(l->b.fault, STATUS_BAD_GRAPH, p->pointer, 0, "%s takes one number, not a vector",
                             p->def->name);
        enum type t = l->b.code->ins[p->open.i].op == OP_PREV_F64 ? TYPE_F64 : TYPE_F32;
        struct val closing = value_as(&l->b, &v, 0, t);
        b_close(&l->b, p->open, closing);
    }
    l->pending_end = &l->pending;
    return STATUS_OK;
}

static enum status lower_output(struct lowering *l, size_t i)
{
    struct scope s =
        make_scope(l, l->graph->output_is_list ? arena_printf(l->b.fault->arena, "/output/%zu", i) : "/output");
    struct value v;
    struct ir *ir = l->b.ir;
    l->b.pointer = s.pointer;
    TRY(eval(&s, l->graph->outputs[i], &v));
    TRY(close_cycles(l));
    if (ir->n_outputs + (uint32_t)v.dims > l->limits->outputs)
        return fault_limit(l->b.fault, "max-outputs", s.pointer, "more than %u output channels", l->limits->outputs);
    for (int c = 0; c < v.dims; c++)
        ir->outputs[ir->n_outputs++] = value_as(&l->b, &v, c, TYPE_F32);
    return check_size(l);
}

static enum status lower_instance(struct lowering *l)
{
    enum status status = STATUS_OK;
    memset(l->nodes, 0, l->graph->n_nodes * sizeof *l->nodes);
    variables_init(&l->variables, l->layout, l->graph->output_is_list);
    const uint32_t *order;
    size_t n = cycles_order(l->cycles, &order);
    for (size_t i = 0; i < n; i++) {
        struct lowered_node *node;
        enum status one = lower_node(l, order[i], &node);
        if (one != STATUS_OK && status == STATUS_OK)
            status = one;
    }
    for (size_t i = 0; i < l->graph->n_outputs; i++) {
        enum status one = lower_output(l, i);
        if (one != STATUS_OK && status == STATUS_OK)
            status = one;
    }
    return status;
}

/* Nodes that no output reaches are checked too: a mistake in them is still a mistake. Their code is dead. */
static enum status check_unreached(struct lowering *l)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < l->graph->n_nodes; i++) {
        struct lowered_node *n;
        if (l->nodes[i].state != NODE_UNSEEN)
            continue;
        enum status one = lower_node(l, i, &n);
        if (one == STATUS_OK)
            one = close_cycles(l);
        if (one != STATUS_OK && status == STATUS_OK)
            status = one;
    }
    return status;
}

/* Planes and images are of pixels, and a plane is whole or not there: no memory between samples leads around it. */
static enum status check_pixels(struct lowering *l)
{
    const struct code *code = &l->b.ir->main;
    uint32_t planes = 0, images = 0, states = 0;
    for (uint32_t v = 1; v < code->n; v++) {
        planes += code->ins[v].op == OP_PLANE;
        images += code->ins[v].op == OP_FETCH;
        states += (op_info(code->ins[v].op)->flags & OP_STATE) != 0;
    }
    images += l->b.ir->n_images;
    if ((planes || images) && l->layout.kind == GRAPH_AUDIO)
        return fault_add(l->b.fault, STATUS_BAD_GRAPH, "", 0,
                         "the graph reads pixels (an image, or neighbours of a pixel), which audio has not");
    if (planes && states)
        return fault_add(l->b.fault, STATUS_BAD_GRAPH, "", 0,
                         "a graph that reads neighbours of a pixel cannot remember from sample to sample as well");
    if (planes > IR_PLANES_MAX)
        return fault_add(l->b.fault, STATUS_BAD_GRAPH, "", 0,
                         "the graph reads the neighbours in %u planes; more than %d are not possible", planes,
                         IR_PLANES_MAX);
    return STATUS_OK;
}

/* Host stages are of audio, and their signals are inputs of the stages behind them. */
static enum status check_hosted(struct lowering *l)
{
    const struct ir *ir = l->b.ir;
    uint32_t n = 0;
    for (uint32_t v = 1; v < ir->main.n; v++)
        n += ir->main.ins[v].op == OP_HOSTED;
    if (n && l->layout.kind == GRAPH_FIELD)
        return fault_add(l->b.fault, STATUS_BAD_GRAPH, "", 0, "the graph convolves audio, which a field has not");
    if (n > IR_HOSTED_MAX || (n && ir->n_inputs + 2 * n > IR_INPUTS_MAX) || ir->n_responses > IR_RESPONSES_MAX)
        return fault_limit(l->b.fault, "graph-convolutions", "",
                           "the graph convolves %u signals of %u channels; at most %d are possible", n, ir->n_inputs,
                           IR_HOSTED_MAX);
    return STATUS_OK;
}

static bool uses_rate(const struct ir *ir)
{
    for (uint32_t i = 0; i < ir->n_args; i++)
        if (ir->args[i].kind == ARG_CONTEXT && ir->args[i].index == CONTEXT_RATE)
            return true;
    return false;
}

/* The longest path of late values to an output. Edges that point forward close loops and do not count. */
static double latency(const struct build *b)
{
    const struct ir *ir = b->ir;
    double *late = ARENA_ARRAY(ir->arena, ir->main.n, double), *own = ARENA_ARRAY(ir->arena, ir->main.n, double);
    double most = 0;
    for (uint32_t i = 0; i < b->n_late; i++)
        own[b->late[i].v.i] = b->late[i].seconds;
    for (uint32_t v = 1; v < ir->main.n; v++) {
        const struct ins *ins = &ir->main.ins[v];
        for (uint32_t k = 0; k < ins->n_args; k++)
            if (ins->args[k].i < v && late[ins->args[k].i] > late[v])
                late[v] = late[ins->args[k].i];
        late[v] += own[v];
    }
    for (uint32_t o = 0; o < ir->n_outputs; o++)
        if (late[ir->outputs[o].i] > most)
            most = late[ir->outputs[o].i];
    return most;
}

enum status lower(const struct graph *g, struct layout layout, const struct graph_limits *limits, struct arena *a,
                  struct lowered *ret, struct fault *fault)
{
    struct lowering l = {.graph = g, .limits = limits, .layout = layout};
    TRY(cycles_find(g, a, &l.cycles, fault));
    l.pending_end = &l.pending;
    l.nodes = ARENA_ARRAY(a, g->n_nodes + 1, struct lowered_node);
    l.b = (struct build){.ir = ir_new(a), .fault = fault, .pointer = "", .channels = layout.channels};
    l.b.code = &l.b.ir->main;
    l.b.ir->outputs = ARENA_ARRAY(a, limits->outputs + 4u, struct val);
    uint32_t instances = layout.kind == GRAPH_AUDIO && !g->output_is_list ? layout.channels : 1;
    l.b.instances = instances;
    for (uint32_t c = 0; c < instances; c++) {
        l.b.channel = c;
        l.variables.channel = c;
        TRY(lower_instance(&l));
    }
    struct ir *ir = l.b.ir;
    uint32_t n_inputs = ir->n_inputs;
    bool needs_rate = uses_rate(ir);
    TRY(check_unreached(&l));
    if (fault->count)
        return fault->status;
    TRY(check_pixels(&l));
    TRY(check_hosted(&l));
    *ret = (struct lowered){.ir = ir,
                            .kind = graph_kind(g),
                            .n_inputs = n_inputs,
                            .reads_in = n_inputs > 0,
                            .needs_rate = needs_rate,
                            .latency = l.b.n_late ? latency(&l.b) : 0,
                            .lines = l.b.lines,
                            .n_lines = l.b.n_lines};
    return STATUS_OK;
}

void lower_args(const struct ir *ir, const double *params, const double *context, const struct kernel_image *images,
                double *ret_args)
{
    for (uint32_t i = 0; i < ir->n_args; i++) {
        const struct arg_source *s = &ir->args[i];
        switch (s->kind) {
        case ARG_LITERAL:
            ret_args[i] = s->value;
            break;
        case ARG_PARAM:
            ret_args[i] = params[s->index];
            break;
        case ARG_CONTEXT:
            ret_args[i] = context[s->index];
            break;
        case ARG_IMAGE:
            ret_args[i] = s->index % 2 ? images[s->index / 2].height : images[s->index / 2].width;
            break;
        }
    }
}
