/* See cycles.h. Vertices are the graph's nodes and the delayed and hosted calls inside its expressions; a vertex points
 * to what it reads. */
#include "core/cycles.h"

#include <string.h>

struct arc {
    uint32_t to;
    bool delayed; /* through the first input of a delay */
};

struct vertex {
    const struct expr *call; /* NULL: a node */
    struct arc *edges;
    uint32_t n, cap;
    uint32_t index, low, component;
    bool on_cycle;
};

struct cycles {
    const struct graph *graph;
    struct arena *arena;
    struct vertex *vertices; /* the nodes first */
    uint32_t n, cap;
    uint32_t outputs; /* the vertex that reads every output */
    uint32_t *order;  /* nodes, operands first */
    uint32_t n_order;
};

/* Which edges a walk leaves out: none, those through a delay, or those that close a cycle through one. */
enum cut { CUT_NONE, CUT_DELAYED, CUT_CLOSING };

static void add_edge(struct cycles *c, uint32_t from, uint32_t to, bool delayed)
{
    struct vertex *v = &c->vertices[from];
    if (v->n == v->cap) {
        uint32_t cap = v->cap ? v->cap * 2 : 4;
        v->edges = arena_grow(c->arena, v->edges, v->n, cap, sizeof *v->edges);
        v->cap = cap;
    }
    v->edges[v->n++] = (struct arc){to, delayed};
}

static uint32_t add_vertex(struct cycles *c, const struct expr *call)
{
    if (c->n == c->cap) {
        uint32_t cap = c->cap * 2 + 16;
        c->vertices = arena_grow(c->arena, c->vertices, c->n, cap, sizeof *c->vertices);
        c->cap = cap;
    }
    c->vertices[c->n] = (struct vertex){.call = call};
    return c->n++;
}

static bool is_first_input(const struct node_def *def, const struct expr *call, size_t arg)
{
    return call->arg_names[arg] ? !strcmp(call->arg_names[arg], def->inputs[0].name) : arg == 0;
}

struct shadow { /* names bound by let */
    const char *name;
    const struct shadow *outer;
};

static void scan(struct cycles *c, uint32_t from, bool delayed, const struct expr *e, const struct shadow *lets)
{
    if (e->kind == EXPR_NAME) {
        for (const struct shadow *l = lets; l; l = l->outer)
            if (!strcmp(l->name, e->name))
                return;
        int node = graph_node_by_name(c->graph, e->name);
        if (node >= 0)
            add_edge(c, from, (uint32_t)node, delayed);
        return;
    }
    const struct node_def *def = e->kind == EXPR_CALL ? node_by_name(e->name) : NULL;
    if (def && (def->flags & (NODE_DELAYED | NODE_HOSTED))) {
        uint32_t v = add_vertex(c, e);
        add_edge(c, from, v, delayed);
        for (size_t i = 0; i < e->n_args; i++)
            scan(c, v, (def->flags & NODE_DELAYED) && is_first_input(def, e, i), e->args[i], lets);
        return;
    }
    if (e->kind == EXPR_LET) {
        scan(c, from, delayed, e->args[0], lets);
        scan(c, from, delayed, e->args[1], &(struct shadow){e->name, lets});
        return;
    }
    for (size_t i = 0; i < e->n_args; i++)
        scan(c, from, delayed, e->args[i], lets);
}

/* Tarjan from `first_root` on; calls found() with each component's vertices, operands first. */
static enum status components(struct cycles *c, enum cut cut, uint32_t first_root,
                              enum status (*found)(struct cycles *, const uint32_t *, uint32_t, void *), void *user)
{
    uint32_t *stack = ARENA_ARRAY(c->arena, c->n, uint32_t), n_stack = 0, next = 1, n_components = 0;
    uint32_t *path = ARENA_ARRAY(c->arena, c->n, uint32_t), *at = ARENA_ARRAY(c->arena, c->n, uint32_t);
    for (uint32_t i = 0; i < c->n; i++)
        c->vertices[i].index = c->vertices[i].component = 0;
    for (uint32_t root = first_root; root < c->n; root++) {
        if (c->vertices[root].index)
            continue;
        uint32_t depth = 0;
        path[0] = root;
        at[0] = 0;
        c->vertices[root].index = c->vertices[root].low = next++;
        stack[n_stack++] = root;
        for (;;) {
            struct vertex *v = &c->vertices[path[depth]];
            if (at[depth] < v->n) {
                struct arc e = v->edges[at[depth]++];
                struct vertex *w = &c->vertices[e.to];
                if (e.delayed && (cut == CUT_DELAYED || (cut == CUT_CLOSING && v->on_cycle)))
                    continue;
                if (!w->index) {
                    w->index = w->low = next++;
                    stack[n_stack++] = e.to;
                    path[++depth] = e.to;
                    at[depth] = 0;
                } else if (!w->component && w->index < v->low) {
                    v->low = w->index;
                }
                continue;
            }
            if (v->low == v->index) {
                uint32_t top = n_stack;
                n_components++;
                do
                    c->vertices[stack[--n_stack]].component = n_components;
                while (stack[n_stack] != path[depth]);
                TRY(found(c, stack + n_stack, top - n_stack, user));
            }
            if (depth-- == 0)
                break;
            if (v->low < c->vertices[path[depth]].low)
                c->vertices[path[depth]].low = v->low;
        }
    }
    return STATUS_OK;
}

static bool reads_itself_undelayed(const struct vertex *v, uint32_t self)
{
    for (uint32_t k = 0; k < v->n; k++)
        if (v->edges[k].to == self && !v->edges[k].delayed)
            return true;
    return false;
}

static enum status mark_delays(struct cycles *c, const uint32_t *members, uint32_t n, void *user)
{
    (void)user;
    for (uint32_t i = 0; i < n; i++) {
        struct vertex *v = &c->vertices[members[i]];
        for (uint32_t k = 0; k < v->n; k++)
            if (v->edges[k].delayed && c->vertices[v->edges[k].to].component == v->component)
                v->on_cycle = true;
    }
    return STATUS_OK;
}

static const char *vertex_name(const struct cycles *c, uint32_t v)
{
    return v < c->graph->n_nodes ? c->graph->nodes[v].name : c->vertices[v].call->name;
}

static const struct node_def *vertex_def(const struct cycles *c, uint32_t v)
{
    if (v < c->graph->n_nodes)
        return c->graph->nodes[v].def;
    return c->vertices[v].call ? node_by_name(c->vertices[v].call->name) : NULL;
}

/* A host stage has the whole of a signal before what follows it begins. */
static enum status refuse_hosted(struct cycles *c, const uint32_t *members, uint32_t n, void *user)
{
    bool loops = n > 1;
    const struct vertex *first = &c->vertices[members[0]];
    for (uint32_t k = 0; k < first->n; k++)
        loops = loops || first->edges[k].to == members[0];
    for (uint32_t i = 0; loops && i < n; i++) {
        const struct node_def *def = vertex_def(c, members[i]);
        if (!def || !(def->flags & NODE_HOSTED))
            continue;
        uint32_t node = members[i];
        for (uint32_t k = 0; k < n && node >= c->graph->n_nodes; k++)
            node = members[k]; /* in whose expression it is called */
        const char *name = vertex_name(c, members[i]);
        const char *pointer = node < c->graph->n_nodes ? c->graph->nodes[node].pointer : "";
        fault_add(
            user, STATUS_CYCLE, pointer, 0,
            "%s is in a loop; %s is computed a block at a time beside the kernel, so no loop can lead through it, "
            "not even with a delay",
            name, def->name);
    }
    return STATUS_OK;
}

static enum status append_order(struct cycles *c, const uint32_t *members, uint32_t n, void *user)
{
    (void)user;
    for (uint32_t i = 0; i < n; i++)
        if (members[i] < c->graph->n_nodes)
            c->order[c->n_order++] = members[i];
    return STATUS_OK;
}

static enum status refuse_loop(struct cycles *c, const uint32_t *members, uint32_t n, void *user)
{
    struct fault *fault = user;
    if (n == 1 && !reads_itself_undelayed(&c->vertices[members[0]], members[0]))
        return STATUS_OK;
    const char *names = "", *pointer = "";
    for (uint32_t i = n; i-- > 0;) {
        names = arena_printf(c->arena, "%s%s%s", names, *names ? " -> " : "", vertex_name(c, members[i]));
        if (members[i] < c->graph->n_nodes)
            pointer = c->graph->nodes[members[i]].pointer;
    }
    fault_add(fault, STATUS_CYCLE, pointer, 0,
              "these nodes read each other in a loop without a delay: %s; a loop closes only through the input `in` of "
              "delay or z1",
              names);
    return STATUS_OK;
}

/* What the outputs reach, by every edge; then in dependency order by those that do not close a cycle. */
static enum status find_order(struct cycles *c)
{
    uint32_t *stack = ARENA_ARRAY(c->arena, c->n, uint32_t), n = 0;
    bool *reached = ARENA_ARRAY(c->arena, c->n, bool);
    uint32_t *all = ARENA_ARRAY(c->arena, c->n, uint32_t), n_live = 0;
    c->order = all;
    TRY(components(c, CUT_CLOSING, 0, append_order, NULL));
    stack[n++] = c->outputs;
    reached[c->outputs] = true;
    while (n) {
        const struct vertex *v = &c->vertices[stack[--n]];
        for (uint32_t k = 0; k < v->n; k++)
            if (!reached[v->edges[k].to]) {
                reached[v->edges[k].to] = true;
                stack[n++] = v->edges[k].to;
            }
    }
    for (uint32_t i = 0; i < c->n_order; i++)
        if (reached[all[i]])
            all[n_live++] = all[i];
    c->n_order = n_live;
    return STATUS_OK;
}

size_t cycles_order(const struct cycles *c, const uint32_t **ret_nodes)
{
    *ret_nodes = c->order;
    return c->n_order;
}

enum status cycles_find(const struct graph *g, struct arena *a, struct cycles **ret, struct fault *fault)
{
    struct cycles *c = ARENA_NEW(a, struct cycles);
    c->graph = g;
    c->arena = a;
    size_t before = fault->count;
    for (size_t i = 0; i < g->n_nodes; i++)
        add_vertex(c, NULL);
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct graph_node *node = &g->nodes[i];
        for (size_t k = 0; k < node->n_inputs; k++)
            if (node->inputs[k].expr)
                scan(c, (uint32_t)i, (node->def->flags & NODE_DELAYED) && node->inputs[k].def == &node->def->inputs[0],
                     node->inputs[k].expr, NULL);
    }
    c->outputs = add_vertex(c, NULL);
    for (size_t i = 0; i < g->n_outputs; i++)
        scan(c, c->outputs, false, g->outputs[i], NULL);
    TRY(components(c, CUT_DELAYED, 0, refuse_loop, fault));
    if (fault->count == before)
        TRY(components(c, CUT_NONE, 0, refuse_hosted, fault));
    if (fault->count > before)
        return STATUS_CYCLE;
    TRY(components(c, CUT_NONE, 0, mark_delays, NULL));
    TRY(find_order(c));
    *ret = c;
    return STATUS_OK;
}

bool cycles_node(const struct cycles *c, size_t node)
{
    return c->vertices[node].on_cycle;
}

bool cycles_call(const struct cycles *c, const struct expr *call)
{
    for (uint32_t i = (uint32_t)c->graph->n_nodes; i < c->n; i++)
        if (c->vertices[i].call == call)
            return c->vertices[i].on_cycle;
    return false;
}
