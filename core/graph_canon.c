/* The canonical text of a graph, and the id that is its hash. A read graph comes in; out goes the JSON text graph.h
 * describes.
 *
 * Nodes are named n1, n2 ... and names bound by let l1, l2 ... (by how deep they nest); both skip the names of
 * parameters, which belong to the graph's interface and stay. A name that nothing defines is written with a question
 * mark, so that the text of a graph that lower() would refuse is never that of a good one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/graph.h"
#include "core/hash.h"
#include "core/text.h"
#include "core/variables.h"

struct let_scope {
    const char *name;
    const char *canonical;
    uint32_t level;
    const struct let_scope *outer;
};

/* Nodes that an expression or the inputs of a node name, in the order they stand there. */
struct references {
    uint32_t *nodes;
    size_t n, cap;
};

struct canon {
    const struct graph *graph;
    struct arena *arena;
    struct text text;
    const char **names; /* of live nodes, by index; NULL: not reached */
    uint32_t *order;    /* live nodes in the order first reached */
    size_t n_live;
    uint32_t last_node, last_let; /* numbers given out */
    const char **let_names;       /* by level - 1; those made so far */
    uint32_t n_let_names;
};

static const struct let_scope *find_let(const struct let_scope *lets, const char *name)
{
    while (lets && strcmp(lets->name, name))
        lets = lets->outer;
    return lets;
}

/* --- which nodes live */

static void add_reference(const struct canon *c, struct references *refs, uint32_t node)
{
    if (refs->n == refs->cap) {
        size_t cap = refs->cap ? 2 * refs->cap : 4;
        refs->nodes = arena_grow(c->arena, refs->nodes, refs->n, cap, sizeof *refs->nodes);
        refs->cap = cap;
    }
    refs->nodes[refs->n++] = node;
}

static void find_references(const struct canon *c, const struct expr *e, const struct let_scope *lets,
                            struct references *refs)
{
    if (e->kind == EXPR_NAME && !find_let(lets, e->name)) {
        int node = graph_node_by_name(c->graph, e->name);
        if (node >= 0)
            add_reference(c, refs, (uint32_t)node);
    }
    for (size_t i = 0; i < e->n_args; i++) {
        bool bound = e->kind == EXPR_LET && i == 1;
        find_references(c, e->args[i], bound ? &(struct let_scope){.name = e->name, .outer = lets} : lets, refs);
    }
}

/* The inputs given, in the order of the definition; `ret` has room for all of them. */
static size_t ordered_inputs(const struct graph_node *node, const struct graph_input **ret)
{
    size_t n = 0;
    for (size_t i = 0; i < node->def->n_inputs; i++)
        for (size_t k = 0; k < node->n_inputs; k++)
            if (node->inputs[k].def == &node->def->inputs[i])
                ret[n++] = &node->inputs[k];
    return n;
}

static const char *free_name(const struct canon *c, char letter, uint32_t *number)
{
    const char *name;
    do
        name = arena_printf(c->arena, "%c%u", letter, ++*number);
    while (graph_param_by_name(c->graph, name) >= 0);
    return name;
}

static struct references reach(struct canon *c, uint32_t node)
{
    const struct graph_node *n = &c->graph->nodes[node];
    const struct graph_input **inputs = ARENA_ARRAY(c->arena, n->n_inputs + 1, const struct graph_input *);
    struct references refs = {0};
    c->names[node] = free_name(c, 'n', &c->last_node);
    c->order[c->n_live++] = node;
    size_t count = ordered_inputs(n, inputs);
    for (size_t i = 0; i < count; i++)
        if (inputs[i]->expr)
            find_references(c, inputs[i]->expr, NULL, &refs);
    return refs;
}

/* Depth first with its own stack: a chain may be as long as the graph has nodes. */
static void reach_all(struct canon *c)
{
    struct frame {
        struct references refs;
        size_t next;
    } *stack = ARENA_ARRAY(c->arena, c->graph->n_nodes + 1, struct frame);
    size_t depth = 1;
    for (size_t i = 0; i < c->graph->n_outputs; i++)
        find_references(c, c->graph->outputs[i], NULL, &stack[0].refs);
    while (depth) {
        struct frame *top = &stack[depth - 1];
        if (top->next == top->refs.n) {
            depth--;
            continue;
        }
        uint32_t node = top->refs.nodes[top->next++];
        if (!c->names[node])
            stack[depth++] = (struct frame){.refs = reach(c, node)};
    }
}

/* --- expressions under their new names */

static const char *let_name(struct canon *c, uint32_t level)
{
    if (level > c->n_let_names) {
        c->let_names = arena_grow(c->arena, c->let_names, c->n_let_names, level, sizeof *c->let_names);
        while (c->n_let_names < level)
            c->let_names[c->n_let_names++] = free_name(c, 'l', &c->last_let);
    }
    return c->let_names[level - 1];
}

static bool is_variable(const char *name)
{
    static const char *const constants[] = {"pi", "tau", "e", NULL};
    for (const char *const *p = variable_names(); *p; p++)
        if (!strcmp(*p, name))
            return true;
    for (const char *const *p = constants; *p; p++)
        if (!strcmp(*p, name))
            return true;
    return false;
}

static const char *new_name(const struct canon *c, const char *name, const struct let_scope *lets)
{
    const struct let_scope *let = find_let(lets, name);
    if (let)
        return let->canonical;
    int node = graph_node_by_name(c->graph, name);
    if (node >= 0)
        return c->names[node];
    return graph_param_by_name(c->graph, name) >= 0 || is_variable(name) ? name : arena_printf(c->arena, "?%s", name);
}

static struct expr *renamed(struct canon *c, const struct expr *e, const struct let_scope *lets)
{
    struct expr *copy = ARENA_NEW(c->arena, struct expr);
    *copy = *e;
    if (e->n_args)
        copy->args = ARENA_ARRAY(c->arena, e->n_args, struct expr *);
    if (e->kind == EXPR_NAME)
        copy->name = new_name(c, e->name, lets);
    if (e->kind == EXPR_LET) {
        struct let_scope inner = {.name = e->name, .level = lets ? lets->level + 1 : 1, .outer = lets};
        inner.canonical = copy->name = let_name(c, inner.level);
        copy->args[0] = renamed(c, e->args[0], lets);
        copy->args[1] = renamed(c, e->args[1], &inner);
        return copy;
    }
    for (size_t i = 0; i < e->n_args; i++)
        copy->args[i] = renamed(c, e->args[i], lets);
    return copy;
}

/* --- the text */

static void add_expr(struct canon *c, const struct expr *e)
{
    if (e->kind == EXPR_NUMBER)
        text_number(&c->text, e->number);
    else
        text_quoted(&c->text, expr_print(renamed(c, e, NULL), c->arena));
}

static void add_shape(struct canon *c, const struct datum *d)
{
    if (d->kind == DATUM_NUMBER) {
        text_number(&c->text, d->number);
    } else if (d->kind == DATUM_STRING) {
        text_quoted(&c->text, d->string);
    } else {
        text_add(&c->text, "[");
        for (size_t i = 0; i < d->n; i++) {
            text_add(&c->text, i ? "," : "");
            add_shape(c, &d->items[i]);
        }
        text_add(&c->text, "]");
    }
}

static void add_key(struct canon *c, const char *key, bool first)
{
    text_add(&c->text, first ? "" : ",");
    text_quoted(&c->text, key);
    text_add(&c->text, ":");
}

static void add_param(struct canon *c, const struct graph_param *p)
{
    if (isinf(p->min) && isinf(p->max) && !p->unit) {
        text_number(&c->text, p->value);
        return;
    }
    text_add(&c->text, "{");
    add_key(c, "default", true);
    text_number(&c->text, p->value);
    if (!isinf(p->min)) {
        add_key(c, "min", false);
        text_number(&c->text, p->min);
    }
    if (!isinf(p->max)) {
        add_key(c, "max", false);
        text_number(&c->text, p->max);
    }
    if (p->unit) {
        add_key(c, "unit", false);
        text_quoted(&c->text, p->unit);
    }
    text_add(&c->text, "}");
}

static void add_params(struct canon *c)
{
    const struct graph *g = c->graph;
    if (!g->n_params)
        return;
    add_key(c, "params", false);
    text_add(&c->text, "{");
    for (size_t i = 0; i < g->n_params; i++) {
        add_key(c, g->params_by_name[i].name, !i);
        add_param(c, &g->params[g->params_by_name[i].index]);
    }
    text_add(&c->text, "}");
}

static void add_node(struct canon *c, const struct graph_node *node)
{
    const struct graph_input **inputs = ARENA_ARRAY(c->arena, node->n_inputs + 1, const struct graph_input *);
    size_t n = ordered_inputs(node, inputs);
    text_add(&c->text, "{");
    add_key(c, "op", true);
    text_quoted(&c->text, node->def->name);
    for (size_t i = 0; i < n; i++) {
        add_key(c, inputs[i]->def->name, false);
        if (inputs[i]->expr)
            add_expr(c, inputs[i]->expr);
        else
            add_shape(c, inputs[i]->shape);
    }
    text_add(&c->text, "}");
}

static void add_nodes(struct canon *c)
{
    if (!c->n_live)
        return;
    add_key(c, "nodes", false);
    text_add(&c->text, "{");
    for (size_t i = 0; i < c->n_live; i++) {
        add_key(c, c->names[c->order[i]], !i);
        add_node(c, &c->graph->nodes[c->order[i]]);
    }
    text_add(&c->text, "}");
}

static void add_output(struct canon *c)
{
    const struct graph *g = c->graph;
    add_key(c, "output", false);
    text_add(&c->text, g->output_is_list ? "[" : "");
    for (size_t i = 0; i < g->n_outputs; i++) {
        text_add(&c->text, i ? "," : "");
        add_expr(c, g->outputs[i]);
    }
    text_add(&c->text, g->output_is_list ? "]" : "");
}

char *graph_canonical(const struct graph *g, struct arena *a)
{
    struct canon c = {.graph = g, .arena = a, .text = {.arena = a}};
    c.names = ARENA_ARRAY(a, g->n_nodes, const char *);
    c.order = ARENA_ARRAY(a, g->n_nodes, uint32_t);
    reach_all(&c);
    text_add(&c.text, "{");
    add_key(&c, "version", true);
    text_add(&c.text, "1");
    add_params(&c);
    add_nodes(&c);
    add_output(&c);
    text_add(&c.text, g->bake ? ",\"bake\":true}" : "}");
    return c.text.s;
}

void graph_id(const struct graph *g, struct arena *a, char ret_id[GRAPH_ID_SIZE])
{
    const char *text = graph_canonical(g, a);
    const struct hash_part part = {text, strlen(text)};
    uint8_t digest[HASH_SIZE];
    _Static_assert((int)GRAPH_ID_SIZE == (int)HASH_HEX, "the id is the digest in hexadecimal");
    hash_parts(&part, 1, digest);
    hash_hex(digest, ret_id);
}
