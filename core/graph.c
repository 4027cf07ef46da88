/* The JSON form of a graph, as plain data, to struct graph. Checks structure (see graph.h) and collects every error it
 * finds, each with its JSON pointer. Objects come from clients: names are sorted and searched, never compared pairwise.
 */
#include "core/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct arena *arena;
    struct fault *fault;
    const struct graph_limits *limits;
    struct graph *graph;
    enum status status; /* the first error's */
};

static void note(struct reader *r, enum status s)
{
    if (r->status == STATUS_OK)
        r->status = s;
}

static void __attribute__((format(printf, 3, 4))) bad(struct reader *r, const char *pointer, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *detail = arena_vprintf(r->arena, format, ap);
    va_end(ap);
    note(r, fault_add(r->fault, STATUS_BAD_GRAPH, pointer, 0, "%s", detail));
}

/* "; did you mean ...?", or nothing. Searching costs time: only for errors that will be shown. */
static const char *suggest(const struct reader *r, const char *word, const char *const *names)
{
    const char *near = r->fault->count < FAULT_MAX && strlen(word) <= GRAPH_NAME_MAX ? nearest_name(word, names) : NULL;
    return near ? arena_printf(r->arena, "; did you mean %s?", near) : "";
}

/* The pointer of a member: RFC 6901 writes ~ as ~0 and / as ~1. */
static const char *member(const struct reader *r, const char *parent, const char *key)
{
    size_t n = strlen(parent), escapes = 0;
    for (const char *p = key; *p; p++)
        escapes += *p == '~' || *p == '/';
    char *s = arena_alloc(r->arena, n + strlen(key) + escapes + 2), *to = s + n;
    memcpy(s, parent, n); // NOLINT(bugprone-not-null-terminated-result): the loop below ends it
    *to++ = '/';
    for (const char *p = key; *p; p++) {
        *to++ = *p == '/' ? '~' : *p;
        if (*p == '~' || *p == '/')
            *to++ = *p == '~' ? '0' : '1';
    }
    return s;
}

static const char *kind_text(const struct datum *d)
{
    static const char *const texts[] = {"null", "true or false", "a number", "a string", "a list", "an object"};
    return texts[d->kind];
}

/* --- names */

static const char *const reserved[] = {"and",  "aspect", "channel", "channels", "e",  "else", "height", "if", "in",
                                       "let",  "not",    "or",      "pi",       "px", "py",   "rate",   "t",  "tau",
                                       "then", "u",      "v",       "width",    "x",  "y",    "z"};

static int name_order(const void *left, const void *right)
{
    const struct graph_name *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : a->index < b->index ? -1 : a->index > b->index;
}

static int find_name(const struct graph_name *names, size_t n, const char *name)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(name, names[mid].name);
        if (!order)
            return (int)names[mid].index;
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return -1;
}

bool graph_name_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (!strcmp(reserved[i], name))
            return true;
    return false;
}

int graph_node_by_name(const struct graph *g, const char *name)
{
    return find_name(g->nodes_by_name, g->n_nodes, name);
}

int graph_param_by_name(const struct graph *g, const char *name)
{
    return find_name(g->params_by_name, g->n_params, name);
}

static bool is_identifier(const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return *s && !(*s >= '0' && *s <= '9') && !s[strspn(s, letters)];
}

/* False: so long that what it names is not worth reading, for every pointer into it would be as long. */
static bool check_name(struct reader *r, const char *pointer, const char *name, const char *what)
{
    bool short_enough = strlen(name) <= GRAPH_NAME_MAX;
    if (!is_identifier(name))
        bad(r, pointer, "a %s's name consists of letters, digits and _ and does not start with a digit", what);
    else if (!short_enough)
        bad(r, pointer, "a %s's name has at most %d characters", what, GRAPH_NAME_MAX);
    else if (graph_name_reserved(name))
        bad(r, pointer, "%s is a word of the language; give this %s another name", name, what);
    return short_enough;
}

/* Duplicates do not come from strict JSON, but nothing here relies on that. */
static void check_unique(struct reader *r, const struct graph_name *names, size_t n, const char *parent)
{
    for (size_t i = 1; i < n; i++)
        if (!strcmp(names[i].name, names[i - 1].name))
            bad(r, member(r, parent, names[i].name), "this name stands twice");
}

static void sort_names(struct reader *r)
{
    struct graph *g = r->graph;
    g->nodes_by_name = ARENA_ARRAY(r->arena, g->n_nodes, struct graph_name);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        g->nodes_by_name[i] = (struct graph_name){g->nodes[i].name, i};
    g->params_by_name = ARENA_ARRAY(r->arena, g->n_params, struct graph_name);
    for (uint32_t i = 0; i < g->n_params; i++)
        g->params_by_name[i] = (struct graph_name){g->params[i].name, i};
    qsort(g->nodes_by_name, g->n_nodes, sizeof *g->nodes_by_name, name_order);
    qsort(g->params_by_name, g->n_params, sizeof *g->params_by_name, name_order);
    check_unique(r, g->nodes_by_name, g->n_nodes, "/nodes");
    check_unique(r, g->params_by_name, g->n_params, "/params");
    for (size_t i = 0; i < g->n_params; i++)
        if (graph_node_by_name(g, g->params[i].name) >= 0)
            bad(r, member(r, "/params", g->params[i].name), "a node has this name too");
}

/* --- expressions */

static void check_lets(struct reader *r, const struct expr *e, const char *pointer)
{
    if (e->kind == EXPR_LET && graph_name_reserved(e->name))
        note(r, fault_add(r->fault, STATUS_BAD_GRAPH, pointer, e->column,
                          "%s is a word of the language; let needs another name", e->name));
    for (size_t i = 0; i < e->n_args; i++)
        check_lets(r, e->args[i], pointer);
}

static struct expr *read_text(struct reader *r, const char *text, const char *pointer)
{
    struct expr *e = NULL;
    enum status s = expr_parse(text, pointer, r->limits ? &r->limits->expr : NULL, r->arena, &e, r->fault);
    note(r, s);
    if (s == STATUS_OK)
        check_lets(r, e, pointer);
    return e;
}

/* A number or an expression; NULL after an error. */
static struct expr *read_expr(struct reader *r, const struct datum *d, const char *pointer)
{
    if (d->kind == DATUM_STRING)
        return read_text(r, d->string, pointer);
    if (d->kind != DATUM_NUMBER) {
        bad(r, pointer, "a number or an expression in a string stands here, not %s", kind_text(d));
        return NULL;
    }
    struct expr *e = ARENA_NEW(r->arena, struct expr);
    e->kind = EXPR_NUMBER;
    e->number = d->number;
    e->column = 1;
    return e;
}

/* --- parameters */

static void read_param_field(struct reader *r, const struct datum *d, const char *pointer, struct graph_param *p,
                             bool *has_default)
{
    static const char *const keys[] = {"default", "min", "max", "unit", NULL};
    double *const numbers[] = {&p->value, &p->min, &p->max};
    const char *here = member(r, pointer, d->key);
    size_t k = 0;
    while (keys[k] && strcmp(keys[k], d->key))
        k++;
    if (!keys[k])
        bad(r, here, "a parameter has no such key%s", suggest(r, d->key, keys));
    else if (k == 3 && d->kind == DATUM_STRING)
        p->unit = d->string;
    else if (k == 3)
        bad(r, here, "a unit is a string, not %s", kind_text(d));
    else if (d->kind != DATUM_NUMBER)
        bad(r, here, "a number stands here, not %s", kind_text(d));
    else
        *numbers[k] = d->number;
    *has_default |= k == 0;
}

static void read_param(struct reader *r, const struct datum *d, struct graph_param *p)
{
    const char *pointer = member(r, "/params", d->key);
    *p = (struct graph_param){.name = d->key, .min = -INFINITY, .max = INFINITY};
    if (!check_name(r, pointer, d->key, "parameter"))
        return;
    if (d->kind == DATUM_NUMBER) {
        p->value = d->number;
        return;
    }
    if (d->kind != DATUM_OBJECT) {
        bad(r, pointer, "a parameter is its default, a number, or an object with default, min, max and unit; not %s",
            kind_text(d));
        return;
    }
    bool has_default = false;
    for (size_t i = 0; i < d->n; i++)
        read_param_field(r, &d->items[i], pointer, p, &has_default);
    if (!has_default)
        bad(r, pointer, "the parameter has no default");
    else if (!(p->min <= p->max))
        bad(r, pointer, "min is greater than max");
    else if (!(p->value >= p->min && p->value <= p->max))
        bad(r, pointer, "the default lies outside min and max");
}

static void read_params(struct reader *r, const struct datum *d)
{
    if (d->kind != DATUM_OBJECT) {
        bad(r, "/params", "params is an object of parameters by name, not %s", kind_text(d));
        return;
    }
    if (d->n > r->limits->params) {
        note(r, fault_limit(r->fault, "max-params", "/params", "the graph has %zu parameters, more than the %u allowed",
                            d->n, r->limits->params));
        return;
    }
    r->graph->n_params = d->n;
    r->graph->params = ARENA_ARRAY(r->arena, d->n, struct graph_param);
    for (size_t i = 0; i < d->n; i++)
        read_param(r, &d->items[i], &r->graph->params[i]);
}

/* --- nodes */

static bool is_plain_list(const struct datum *d)
{
    for (size_t i = 0; d->kind == DATUM_LIST && i < d->n; i++)
        if (!is_plain_list(&d->items[i]))
            return false;
    return d->kind == DATUM_LIST || d->kind == DATUM_NUMBER || d->kind == DATUM_STRING;
}

/* A name, a count or a list, whose sense the node's own code judges; false and true are the counts 0 and 1. */
static const struct datum *read_shape(struct reader *r, const struct datum *d, const char *pointer)
{
    if (d->kind == DATUM_BOOL) {
        struct datum *count = ARENA_NEW(r->arena, struct datum);
        *count = (struct datum){.kind = DATUM_NUMBER, .key = d->key, .number = d->truth};
        return count;
    }
    if (!is_plain_list(d))
        bad(r, pointer, "a number, a name or a list of these stands here, not %s",
            d->kind == DATUM_LIST ? "other things" : kind_text(d));
    return d;
}

static void read_input(struct reader *r, const struct datum *d, struct graph_node *node)
{
    const struct node_def *def = node->def;
    const struct node_input *input = node_input_by_name(def, d->key);
    const char *pointer = member(r, node->pointer, d->key);
    if (!input) {
        const char **names = ARENA_ARRAY(r->arena, def->n_inputs + 1, const char *);
        for (size_t i = 0; i < def->n_inputs; i++)
            names[i] = def->inputs[i].name;
        bad(r, pointer, "%s has no such input%s", def->name, suggest(r, d->key, names));
        return;
    }
    for (size_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i].def == input) {
            bad(r, pointer, "this input is given twice");
            return;
        }
    struct graph_input *in = &node->inputs[node->n_inputs++];
    *in = (struct graph_input){.def = input, .pointer = pointer};
    if (input->type == INPUT_SHAPE)
        in->shape = read_shape(r, d, pointer);
    else
        in->expr = read_expr(r, d, pointer);
}

/* Runtime inputs only: what a shape input left out means, its node's code decides, as it does in calls. */
static void check_required(struct reader *r, const struct graph_node *node)
{
    for (size_t i = 0; i < node->def->n_inputs; i++) {
        const struct node_input *input = &node->def->inputs[i];
        bool given = !input->required || input->type == INPUT_SHAPE;
        for (size_t k = 0; k < node->n_inputs; k++)
            given |= node->inputs[k].def == input;
        if (!given)
            bad(r, node->pointer, "%s needs the input %s", node->def->name, input->name);
    }
}

static const struct node_def *read_op(struct reader *r, const struct datum *node, const char *pointer)
{
    const struct datum *op = datum_get(node, "op");
    if (!op) {
        bad(r, pointer, "the node has no op");
        return NULL;
    }
    if (op->kind != DATUM_STRING) {
        bad(r, member(r, pointer, "op"), "op is the name of an operation, not %s", kind_text(op));
        return NULL;
    }
    const struct node_def *def = node_by_name(op->string);
    if (!def)
        bad(r, member(r, pointer, "op"), "there is no operation %.40s%s", op->string,
            suggest(r, op->string, node_names()));
    return def;
}

static void read_node(struct reader *r, const struct datum *d, struct graph_node *node)
{
    node->name = d->key;
    node->pointer = member(r, "/nodes", d->key);
    if (!check_name(r, node->pointer, d->key, "node"))
        return;
    if (d->kind != DATUM_OBJECT) {
        bad(r, node->pointer, "a node is an object with op and its inputs, not %s", kind_text(d));
        return;
    }
    node->def = read_op(r, d, node->pointer);
    if (!node->def)
        return;
    node->inputs = ARENA_ARRAY(r->arena, node->def->n_inputs, struct graph_input);
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->items[i].key, "op"))
            read_input(r, &d->items[i], node);
    check_required(r, node);
}

static void read_nodes(struct reader *r, const struct datum *d)
{
    if (d->kind != DATUM_OBJECT) {
        bad(r, "/nodes", "nodes is an object of nodes by name, not %s", kind_text(d));
        return;
    }
    if (d->n > r->limits->nodes) {
        note(r, fault_limit(r->fault, "max-nodes", "/nodes", "the graph has %zu nodes, more than the %u allowed", d->n,
                            r->limits->nodes));
        return;
    }
    r->graph->n_nodes = d->n;
    r->graph->nodes = ARENA_ARRAY(r->arena, d->n, struct graph_node);
    for (size_t i = 0; i < d->n; i++)
        read_node(r, &d->items[i], &r->graph->nodes[i]);
}

/* --- the graph */

static void read_output(struct reader *r, const struct datum *d)
{
    struct graph *g = r->graph;
    g->output_is_list = d->kind == DATUM_LIST;
    g->n_outputs = g->output_is_list ? d->n : 1;
    if (!g->n_outputs)
        bad(r, "/output", "the list of outputs is empty");
    if (g->n_outputs > r->limits->outputs) {
        note(r, fault_limit(r->fault, "max-outputs", "/output", "the graph has %zu outputs, more than the %u allowed",
                            g->n_outputs, r->limits->outputs));
        return;
    }
    g->outputs = ARENA_ARRAY(r->arena, g->n_outputs, struct expr *);
    if (!g->output_is_list)
        g->outputs[0] = read_expr(r, d, "/output");
    for (size_t i = 0; g->output_is_list && i < d->n; i++)
        g->outputs[i] = read_expr(r, &d->items[i], arena_printf(r->arena, "/output/%zu", i));
}

static void read_version(struct reader *r, const struct datum *d)
{
    if (d->kind != DATUM_NUMBER || d->number != 1)
        bad(r, "/version", "version is 1, the only one there is");
}

static void read_bake(struct reader *r, const struct datum *d)
{
    if (d->kind != DATUM_BOOL)
        bad(r, "/bake", "bake is true or false, not %s", kind_text(d));
    r->graph->bake = d->truth;
}

static void read_members(struct reader *r, const struct datum *root)
{
    static const char *const keys[] = {"version", "params", "nodes", "output", "bake", NULL};
    static void (*const readers[])(struct reader *, const struct datum *) = {read_version, read_params, read_nodes,
                                                                             read_output, read_bake};
    for (size_t i = 0; i < root->n; i++) {
        const struct datum *d = &root->items[i];
        size_t k = 0;
        while (keys[k] && strcmp(keys[k], d->key))
            k++;
        if (keys[k])
            readers[k](r, d);
        else
            bad(r, member(r, "", d->key), "a graph has no such key%s", suggest(r, d->key, keys));
    }
}

enum status graph_read(const struct datum *root, const struct graph_limits *limits, struct arena *a,
                       struct graph **ret_graph, struct fault *fault)
{
    struct reader r = {.arena = a, .fault = fault, .limits = limits, .graph = ARENA_NEW(a, struct graph)};
    if (root->kind != DATUM_OBJECT) {
        bad(&r, "", "a graph is an object with nodes and output, not %s", kind_text(root));
        return r.status;
    }
    read_members(&r, root);
    sort_names(&r);
    if (!datum_get(root, "output"))
        bad(&r, "", "the graph has no output");
    if (r.status == STATUS_OK)
        *ret_graph = r.graph;
    return r.status;
}

enum status graph_from_expr(const char *text, const struct graph_limits *limits, struct arena *a,
                            struct graph **ret_graph, struct fault *fault)
{
    struct reader r = {.arena = a, .fault = fault, .limits = limits, .graph = ARENA_NEW(a, struct graph)};
    r.graph->outputs = ARENA_ARRAY(a, 1, struct expr *);
    r.graph->n_outputs = 1;
    r.graph->outputs[0] = read_text(&r, text, "/output");
    if (r.status == STATUS_OK)
        *ret_graph = r.graph;
    return r.status;
}
