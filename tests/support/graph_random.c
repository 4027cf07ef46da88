/* See graph_random.h. Text is written top down: each rule asks for a scalar or a vector of so many components, and has
 * a budget of calls to spend. */
#include "tests/support/graph_random.h"

#include <stdio.h>
#include <string.h>

#include "core/node.h"

struct name {
    const char *text;
    int dims;
};

struct writer {
    struct arena *a;
    uint64_t rng;
    bool audio, list;
    uint32_t channels;
    bool small;
    int budget; /* calls and operators that may still be written */
    int lets;
    struct name names[96]; /* what expressions may refer to: node ports, parameters, let */
    size_t n_names;
};

static char *expression(struct writer *w, int dims, int depth);

static uint32_t below(struct writer *w, uint32_t n)
{
    return test_random(&w->rng) % n;
}

static const char *pick(struct writer *w, const char *const *list)
{
    uint32_t n = 0;
    while (list[n])
        n++;
    return list[below(w, n)];
}

static double between(struct writer *w, double lo, double hi)
{
    return lo + (hi - lo) * (test_random(&w->rng) / 4294967296.0);
}

static char *literal(struct writer *w)
{
    static const char *const known[] = {"0",  "1",    "-1",    "2",    "0.5", "-0.5", "3",     "7",     "-0.0",
                                        "10", "1e-7", "1e-40", "1e30", "100", "-3.7", "0.001", "65536", NULL};
    return below(w, 3) ? arena_printf(w->a, "%.4g", between(w, -4, 4)) : arena_strdup(w->a, pick(w, known));
}

static char *variable(struct writer *w)
{
    static const char *const field[] = {"x", "y",  "x",  "y",     "z",      "t",      "u",
                                        "v", "px", "py", "width", "height", "aspect", NULL};
    static const char *const audio[] = {"in", "in", "in", "in", "t", "n", "rate", "channel", "channels", NULL};
    if (w->audio && w->list && below(w, 3) == 0)
        return arena_printf(w->a, "in.%u", below(w, w->channels));
    return arena_strdup(w->a, pick(w, w->audio ? audio : field));
}

/* A name in reach, brought to `dims`; NULL when there is none. */
static char *reference(struct writer *w, int dims)
{
    if (w->n_names == 0)
        return NULL;
    const struct name *n = &w->names[below(w, (uint32_t)w->n_names)];
    if (n->dims == dims)
        return arena_strdup(w->a, n->text);
    if (dims == 1)
        return arena_printf(w->a, "%s.%c", n->text, "xyzw"[below(w, (uint32_t)n->dims)]);
    return NULL;
}

/* The text of one input of a call. */
struct argument {
    const char *name, *text;
    bool json; /* a JSON value that is no expression */
};

/* Frequencies and times stand where they mean something; the rest is free. */
static char *quantity(struct writer *w, const struct node_input *in, int depth, bool fixed)
{
    bool hertz = !strcmp(in->unit, "Hz"), seconds = !strcmp(in->unit, "s");
    if (!strcmp(in->unit, "pixels")) /* one number for the whole image */
        return arena_printf(w->a, "%.3g", between(w, -5, 5));
    if (!fixed && below(w, 3) == 0)
        return arena_printf(w->a,
                            hertz     ? "300 + 200*(%s)"
                            : seconds ? "0.001 + 0.0015*clamp(%s)"
                                      : "3*clamp(%s)",
                            expression(w, 1, depth));
    if (hertz)
        return arena_printf(w->a, "%.5g", below(w, 4) ? between(w, 20, 4000) : between(w, 0.5, 23000));
    return arena_printf(w->a, "%.4g", seconds ? between(w, 0.00006, 0.004) : between(w, -12, 12));
}

static const char *shape(struct writer *w, const struct node_input *in, bool *ret_json)
{
    *ret_json = true;
    if (in->choices) {
        uint32_t n = 0;
        while (in->choices[n])
            n++;
        *ret_json = false;
        return arena_printf(w->a, "'%s'", in->choices[below(w, n)]);
    }
    if (!strcmp(in->name, "name")) {
        *ret_json = false;
        return below(w, 2) ? "'paper'" : "'stone'";
    }
    if (!strcmp(in->name, "octaves"))
        return arena_printf(w->a, "%u", 1 + below(w, 4));
    if (!strcmp(in->name, "max"))
        return "0.02";
    if (!strcmp(in->name, "matrix"))
        return arena_printf(w->a, "[[1, %.3g, 0, 0.1], [0, %.3g, 0.2, 0], [%.3g, 0, 1, -0.1]]", between(w, -1, 1),
                            between(w, -1, 1), between(w, -1, 1));
    if (!strcmp(in->name, "kernel"))
        return arena_printf(w->a, "[[1, %.3g, 0], [%.3g, 0.5, -1]]", between(w, -1, 1), between(w, -1, 1));
    if (!strcmp(in->name, "stops"))
        return arena_printf(w->a, "[[%.3g, \"#102030\"], [%.3g, [1, 0.5, %.3g]], [1.2, \"#ffeecc\"]]",
                            between(w, -0.5, 0.3), between(w, 0.3, 0.8), between(w, 0, 1));
    return in->value >= 3 ? arena_printf(w->a, "%.0f", in->value - below(w, 2)) : NULL;
}

/* Vectors of one call have one length: geometry takes any, all others are colours, with or without alpha. */
static int vector_dims(struct writer *w, const struct node_def *def)
{
    static const char *const any[] = {"dot", "distance", "reflect", "length", "normalize"};
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        if (!strcmp(def->name, any[i]))
            return 2 + (int)below(w, 3);
    return strcmp(def->name, "cross") != 0 ? 3 + (int)below(w, 2) : 3;
}

struct call {
    const struct node_def *def;
    int dims;  /* of vec inputs, or of a component-wise call */
    bool loop; /* its first input closes a cycle: the others read nothing that could */
    bool node; /* written as a node: lists may stand there */
    bool wide; /* component-wise: an input of `dims` components stands already */
};

/* The text of input i, or NULL to leave it out. */
static const char *argument(struct writer *w, struct call *c, size_t i, int depth, bool *ret_json)
{
    const struct node_input *in = &c->def->inputs[i];
    *ret_json = false;
    if (in->type == INPUT_SHAPE) {
        bool needed = in->required || !strcmp(in->name, "max") || !strcmp(in->name, "matrix");
        const char *text = needed || below(w, 2) ? shape(w, in, ret_json) : NULL;
        return text && (c->node || *text != '[') ? text : NULL;
    }
    if (!in->required && below(w, 2))
        return NULL;
    if (!strcmp(in->name, "period"))
        return arena_printf(w->a, "%u", 1 + below(w, 9));
    if (!strcmp(in->name, "seed") && below(w, 4))
        return arena_printf(w->a, "%u", below(w, 1000));
    if (in->unit)
        return quantity(w, in, depth, c->loop);
    if (c->loop && i > 0)
        return literal(w);
    if (in->type == INPUT_VEC)
        return expression(w, c->dims, depth);
    bool wide = (c->def->flags & NODE_COMPONENTS) && (!c->wide || below(w, 3));
    c->wide |= wide;
    return expression(w, wide ? c->dims : 1, depth);
}

/* All inputs, in order. An optional one that is left out takes the optional ones behind it along: coordinates come in
 * order. */
static size_t arguments(struct writer *w, struct call *c, int depth, struct argument *ret)
{
    size_t n = 0;
    bool ended = false;
    for (size_t i = 0; i < c->def->n_inputs; i++) {
        const struct node_input *in = &c->def->inputs[i];
        bool json = false, tail = in->optional && in->type != INPUT_SHAPE;
        const char *text = tail && ended ? NULL : argument(w, c, i, depth, &json);
        ended |= tail && !text;
        if (text)
            ret[n++] = (struct argument){in->name, text, json};
    }
    return n;
}

static const struct node_def *definition(struct writer *w)
{
    const struct node_def *def = node_at(below(w, (uint32_t)node_count()));
    while (def->flags & (w->audio ? NODE_FIELD : NODE_AUDIO))
        def = node_at(below(w, (uint32_t)node_count()));
    return def;
}

static int result_dims(const struct call *c)
{
    if (c->def->flags & NODE_COMPONENTS)
        return c->dims;
    if (!(c->def->flags & NODE_VECTOR))
        return 1;
    return c->def->n_ports > 1 ? (int)c->def->n_ports : c->dims;
}

static bool takes_vectors(const struct node_def *def)
{
    for (size_t i = 0; i < def->n_inputs; i++)
        if (def->inputs[i].type == INPUT_VEC && strcmp(def->inputs[i].name, "period") != 0)
            return true;
    return false;
}

/* A call whose value has `dims` components, or NULL when the operation drawn does not fit. */
static char *call(struct writer *w, int dims, int depth)
{
    struct call c = {.def = definition(w), .dims = dims};
    struct argument args[16];
    char *text;
    if (takes_vectors(c.def))
        c.dims = vector_dims(w, c.def);
    int made = result_dims(&c);
    if (made < dims || c.def->n_inputs > 16 || node_input_by_name(c.def, "matrix")) /* lists stand in nodes only */
        return NULL;
    text = arena_printf(w->a, "%s(", c.def->name);
    size_t n = arguments(w, &c, depth, args);
    for (size_t i = 0; i < n; i++) {
        bool in_place = c.def->inputs + i == node_input_by_name(c.def, args[i].name);
        text =
            arena_printf(w->a, in_place ? "%s%s%.0s%s" : "%s%s%s=%s", text, i ? ", " : "", args[i].name, args[i].text);
    }
    if (made > dims)
        return arena_printf(w->a,
                            dims == 1   ? "%s).%.1s"
                            : dims == 2 ? "%s).%.2s"
                                        : "%s).%.3s",
                            text,
                            made == 2   ? "yx"
                            : made == 3 ? "zxy"
                                        : "ywxz");
    if (c.def->n_ports > 1 && dims == 1)
        return arena_printf(w->a, "%s).%s", text, c.def->ports[below(w, (uint32_t)c.def->n_ports)]);
    return arena_printf(w->a, "%s)", text);
}

static char *operation(struct writer *w, int dims, int depth)
{
    static const char *const sums[] = {"+", "-", "*", "*", "/", "%", "^", "+", "-", "*", NULL};
    static const char *const tests[] = {"<", "<=", ">", ">=", "==", "!=", "and", "or", NULL};
    switch (below(w, dims == 1 ? 5 : 3)) {
    default: {
        int other = below(w, 3) ? dims : 1;
        return arena_printf(w->a, "(%s %s %s)", expression(w, dims, depth), pick(w, sums), expression(w, other, depth));
    }
    case 2:
        return arena_printf(w->a, "-(%s)", expression(w, dims, depth));
    case 3:
        return arena_printf(w->a, "(%s %s %s)", expression(w, 1, depth), pick(w, tests), expression(w, 1, depth));
    case 4:
        return arena_printf(w->a, "(not %s)", expression(w, 1, depth));
    }
}

static char *let(struct writer *w, int dims, int depth)
{
    int inner = 1 + (int)below(w, 2);
    char *name = arena_printf(w->a, "l%d", w->lets++);
    char *value = expression(w, inner, depth);
    if (w->n_names == sizeof w->names / sizeof *w->names)
        return value;
    w->names[w->n_names++] = (struct name){name, inner};
    char *body = expression(w, dims, depth);
    w->n_names--;
    return arena_printf(w->a, "(let %s = %s; %s)", name, value, body);
}

static char *vector(struct writer *w, int dims, int depth)
{
    char *text = arena_printf(w->a, "vec%d(", dims);
    for (int i = 0; i < dims; i++)
        text = arena_printf(w->a, "%s%s%s", text, i ? ", " : "", expression(w, 1, depth));
    return arena_printf(w->a, "%s)", text);
}

static char *leaf(struct writer *w, int dims)
{
    char *text = below(w, 3) == 0 ? reference(w, dims) : NULL;
    if (text)
        return text;
    if (dims > 1)
        return arena_printf(w->a, "vec%d(%s, %s%s%s)", dims, variable(w), literal(w), dims > 2 ? ", 0.3" : "",
                            dims > 3 ? ", 2" : "");
    return below(w, 4) ? variable(w) : literal(w);
}

static char *expression(struct writer *w, int dims, int depth)
{
    char *text = NULL;
    if (--w->budget < 0 || depth == 0)
        return dims > 1 ? vector(w, dims, 0) : leaf(w, 1);
    switch (below(w, 12)) {
    case 0:
        return dims > 1 ? vector(w, dims, depth - 1) : leaf(w, 1);
    case 1:
        text = reference(w, dims);
        return text ? text : dims > 1 ? vector(w, dims, depth - 1) : leaf(w, 1);
    case 2:
        return let(w, dims, depth - 1);
    case 3:
        return arena_printf(w->a, "(if %s then %s else %s)", expression(w, 1, depth - 1),
                            expression(w, dims, depth - 1), expression(w, dims, depth - 1));
    case 4:
    case 5:
    case 6:
        return operation(w, dims, depth - 1);
    default:
        for (int i = 0; i < 20 && !text; i++)
            text = call(w, dims, depth - 1);
        return text ? text : operation(w, dims, depth - 1);
    }
}

static void add_name(struct writer *w, const char *text, int dims)
{
    if (w->n_names < sizeof w->names / sizeof *w->names)
        w->names[w->n_names++] = (struct name){text, dims};
}

/* One node as an object; its ports become names, unless it is a loop, whose name stands already. */
static const char *node(struct writer *w, const char *name, const struct node_def *def, bool loop)
{
    struct call c = {.def = def, .loop = loop, .node = true};
    struct argument args[16];
    c.dims = takes_vectors(def) ? vector_dims(w, def) : def->flags & NODE_COMPONENTS ? 1 + (int)below(w, 3) : 1;
    size_t n = arguments(w, &c, 3, args);
    char *text = arena_printf(w->a, "{\"op\": \"%s\"", def->name);
    for (size_t i = 0; i < n; i++) {
        const char *value = args[i].text;
        size_t length = strlen(value);
        if (loop && i == 0)
            text = arena_printf(w->a, "%s, \"%s\": \"0.7*clip(%s)\"", text, args[i].name, value);
        else if (args[i].json)
            text = arena_printf(w->a, "%s, \"%s\": %s", text, args[i].name, value);
        else if (*value == '\'')
            text = arena_printf(w->a, "%s, \"%s\": \"%.*s\"", text, args[i].name, (int)length - 2, value + 1);
        else
            text = arena_printf(w->a, "%s, \"%s\": \"%s\"", text, args[i].name, value);
    }
    if (!loop)
        add_name(w, name, result_dims(&c));
    for (size_t i = 1; !loop && !(def->flags & NODE_VECTOR) && i < def->n_ports; i++)
        add_name(w, arena_printf(w->a, "%s.%s", name, def->ports[i]), 1);
    return arena_printf(w->a, "%s}", text);
}

static void write_nodes(struct writer *w, struct graph_random *g)
{
    size_t loops = w->audio ? below(w, w->small ? 2 : 3) : 0, plain = below(w, w->small ? 3 : 5);
    for (size_t i = 0; i < loops; i++) {
        g->names[i] = arena_printf(w->a, "loop%zu", i);
        add_name(w, g->names[i], 1);
    }
    for (size_t i = loops; i < loops + plain; i++) {
        const struct node_def *def = definition(w);
        while (def->n_inputs > 16)
            def = definition(w);
        g->names[i] = arena_printf(w->a, "node%zu", i);
        g->nodes[i] = node(w, g->names[i], def, false);
    }
    for (size_t i = 0; i < loops; i++)
        g->nodes[i] = node(w, g->names[i], node_by_name(below(w, 3) ? "delay" : "z1"), true);
    g->n_nodes = loops + plain;
}

static void write_params(struct writer *w, struct graph_random *g)
{
    uint32_t n = below(w, 3);
    char *text = arena_strdup(w->a, "{");
    for (uint32_t i = 0; i < n; i++) {
        text = arena_printf(w->a,
                            i % 2 ? "%s%s\"p%u\": {\"default\": %.4g, \"min\": -9, \"max\": 9}" : "%s%s\"p%u\": %.4g",
                            text, i ? ", " : "", i, between(w, -2, 2));
        add_name(w, arena_printf(w->a, "p%u", i), 1);
    }
    g->params = arena_printf(w->a, "%s}", text);
}

/* Every n-th name, from the k-th: so that no node is dead. Clipped, or one infinity would hide the rest. */
static char *all_names(struct writer *w, uint32_t k, uint32_t n)
{
    char *text = arena_strdup(w->a, "");
    for (size_t i = k; i < w->n_names; i += n)
        text = arena_printf(w->a, w->names[i].dims > 1 ? "%s + clip(%s.y)" : "%s + clip(%s)", text, w->names[i].text);
    return text;
}

static struct graph_random write_graph(struct arena *a, uint64_t seed, bool small)
{
    struct graph_random g = {0};
    struct writer w = {.a = a, .rng = seed * 2 + 1, .small = small};
    w.audio = below(&w, 2);
    w.list = below(&w, 2);
    w.channels = w.audio ? 1 + below(&w, 2) : 0;
    w.budget = small ? 1 + (int)below(&w, 8) : 6 + (int)below(&w, below(&w, 4) ? 14 : 60);
    g.layout = (struct layout){w.audio ? GRAPH_AUDIO : GRAPH_FIELD, w.channels};
    g.bake = below(&w, 8) == 0;
    write_params(&w, &g);
    write_nodes(&w, &g);
    if (w.budget < (small ? 1 : 4))
        w.budget = small ? 1 : 4;
    uint32_t n = w.list ? 1 + below(&w, small ? 2 : GRAPH_RANDOM_OUTPUTS) : 1;
    char *text = arena_strdup(a, "");
    for (uint32_t i = 0; i < n; i++)
        text = arena_printf(a, below(&w, 2) ? "%s%s\"clip(%s)%s\"" : "%s%s\"%s%s\"", text, i ? ", " : "",
                            expression(&w, 1, small ? 3 : 4), all_names(&w, i, n));
    g.output = w.list ? arena_printf(a, "[%s]", text) : text;
    return g;
}

struct graph_random graph_random(struct arena *a, uint64_t seed)
{
    return write_graph(a, seed, false);
}

struct graph_random graph_random_small(struct arena *a, uint64_t seed)
{
    return write_graph(a, seed, true);
}

char *graph_random_text(const struct graph_random *g, const char *output, struct arena *a)
{
    char *nodes = arena_strdup(a, "");
    for (size_t i = 0; i < g->n_nodes; i++)
        nodes = arena_printf(a, "%s%s\"%s\": %s", nodes, i ? ",\n " : "", g->names[i], g->nodes[i]);
    return arena_printf(a, "{\"version\": 1, \"bake\": %s, \"params\": %s,\n \"nodes\": {%s},\n \"output\": %s}",
                        g->bake ? "true" : "false", g->params, nodes, output ? output : g->output);
}
