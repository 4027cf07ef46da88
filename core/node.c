/* The registry: signatures of nodes.def's rows made into definitions, once. See node.h. */
#include "core/node.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/expr.h"

#define NODES(rows) extern const struct node_row rows[];
#include "core/nodes/nodes.def"
#undef NODES

static const struct node_row *const row_lists[] = {
#define NODES(rows) rows,
#include "core/nodes/nodes.def"
#undef NODES
};

static struct registry {
    pthread_once_t once;
    struct arena *arena;
    struct node_def **by_name; /* sorted */
    const char **names;
    size_t n, cap;
} registry = {.once = PTHREAD_ONCE_INIT};

static _Noreturn void bad_signature(const char *signature, const char *why)
{
    fprintf(stderr, "sinter: node signature \"%s\": %s\n", signature, why);
    abort(); /* our own table is wrong: nothing can run */
}

/* Splits `text` at commas outside brackets and parentheses; trims blanks. */
static size_t split(struct arena *a, const char *text, const char *end, char separator, char ***ret)
{
    char **parts = NULL;
    size_t n = 0;
    int depth = 0;
    for (const char *from = text, *p = text;; p++) {
        if (p < end && (*p == '(' || *p == '['))
            depth++;
        if (p < end && (*p == ')' || *p == ']'))
            depth--;
        if (p < end && (*p != separator || depth))
            continue;
        const char *first = from, *last = p;
        while (first < last && isspace((unsigned char)*first))
            first++;
        while (last > first && isspace((unsigned char)last[-1]))
            last--;
        if (last > first) {
            parts = arena_grow(a, parts, n, n + 1, sizeof *parts);
            parts[n++] = arena_strndup(a, first, (size_t)(last - first));
        }
        from = p + 1;
        if (p >= end)
            break;
    }
    *ret = parts;
    return n;
}

static void parse_default(struct arena *a, struct node_input *in, char *text)
{
    char *end;
    in->required = false;
    if (!strcmp(text, "none")) {
        in->optional = true;
        return;
    }
    in->value = strtod(text, &end);
    if (*end == 0)
        return;
    if (in->type == INPUT_SHAPE && *text != '[') {
        char **choices;
        size_t n = split(a, text, text + strlen(text), '|', &choices);
        choices = arena_grow(a, choices, n, n + 1, sizeof *choices);
        in->choices = (const char *const *)choices;
    }
}

static struct node_input parse_input(struct arena *a, char *text)
{
    struct node_input in = {.type = INPUT_F32, .required = true};
    if (*text == '*') {
        in.type = INPUT_SHAPE;
        text++;
    }
    char *value = strchr(text, '=');
    if (value)
        *value++ = 0;
    char *unit = strchr(text, '(');
    if (unit) {
        char *close = strchr(unit, ')');
        if (close)
            *close = 0;
        in.unit = unit + 1;
        *unit = 0;
    }
    char *type = strchr(text, ':');
    if (type) {
        *type++ = 0;
        if (!strncmp(type, "f64", 3))
            in.type = INPUT_F64;
        else if (!strncmp(type, "vec", 3))
            in.type = INPUT_VEC;
    }
    for (char *end = text + strlen(text); end > text && isspace((unsigned char)end[-1]);)
        *--end = 0;
    in.name = text;
    if (value)
        parse_default(a, &in, value);
    return in;
}

static struct expr *parse_formula(struct arena *a, const struct node_row *row)
{
    struct expr *tree;
    struct fault fault;
    fault_init(&fault, a);
    if (!row->formula)
        return NULL;
    if (expr_parse(row->formula, row->signature, NULL, a, &tree, &fault) != STATUS_OK)
        bad_signature(row->signature, fault.items[0].detail);
    return tree;
}

static void add_def(struct node_def *def)
{
    struct registry *r = &registry;
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 256;
        r->by_name = arena_grow(r->arena, r->by_name, r->n, cap, sizeof *r->by_name);
        r->cap = cap;
    }
    r->by_name[r->n++] = def;
}

static void add_row(const struct node_row *row)
{
    struct arena *a = registry.arena;
    const char *colon = strchr(row->signature, ':'), *arrow = strstr(row->signature, "->");
    const char *end = row->signature + strlen(row->signature);
    if (!colon)
        bad_signature(row->signature, "no colon");
    char **names, **inputs, **ports;
    size_t n_names = split(a, row->signature, colon, ' ', &names);
    size_t n_inputs = split(a, colon + 1, arrow ? arrow : end, ',', &inputs);
    size_t n_ports = arrow ? split(a, arrow + 2, end, ' ', &ports) : 0;
    struct node_input *in = ARENA_ARRAY(a, n_inputs + 1, struct node_input);
    for (size_t i = 0; i < n_inputs; i++)
        in[i] = parse_input(a, inputs[i]);
    if (!n_ports) {
        ports = ARENA_ARRAY(a, 1, char *);
        ports[0] = arena_strdup(a, "");
        n_ports = 1;
    }
    struct expr *tree = parse_formula(a, row);
    for (size_t i = 0; i < n_names; i++) {
        struct node_def *def = ARENA_NEW(a, struct node_def);
        *def = (struct node_def){.name = names[i],
                                 .signature = row->signature,
                                 .doc = row->doc,
                                 .flags = row->flags,
                                 .formula = row->formula,
                                 .tree = tree,
                                 .build = row->build,
                                 .build_f64 = row->build_f64,
                                 .inputs = in,
                                 .n_inputs = n_inputs,
                                 .ports = (const char **)ports,
                                 .n_ports = n_ports};
        add_def(def);
    }
}

static int by_name(const void *x, const void *y)
{
    return strcmp((*(struct node_def *const *)x)->name, (*(struct node_def *const *)y)->name);
}

static void make_registry(void)
{
    registry.arena = arena_new(SIZE_MAX);
    if (!registry.arena || ARENA_GUARD(registry.arena)) {
        fprintf(stderr, "sinter: no memory for the vocabulary\n");
        abort();
    }
    for (size_t l = 0; l < sizeof row_lists / sizeof *row_lists; l++)
        for (const struct node_row *row = row_lists[l]; row->signature; row++)
            add_row(row);
    qsort(registry.by_name, registry.n, sizeof *registry.by_name, by_name);
    registry.names = ARENA_ARRAY(registry.arena, registry.n + 1, const char *);
    for (size_t i = 0; i < registry.n; i++) {
        registry.names[i] = registry.by_name[i]->name;
        if (i && !strcmp(registry.names[i], registry.names[i - 1]))
            bad_signature(registry.by_name[i]->signature, "a name that exists already");
    }
}

static const struct registry *get(void)
{
    pthread_once(&registry.once, make_registry);
    return &registry;
}

const struct node_def *node_by_name(const char *name)
{
    const struct registry *r = get();
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int d = strcmp(name, r->by_name[mid]->name);
        if (d == 0)
            return r->by_name[mid];
        if (d < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const struct node_def *node_at(size_t i)
{
    return get()->by_name[i];
}

size_t node_count(void)
{
    return get()->n;
}

const char *const *node_names(void)
{
    return get()->names;
}

const struct node_input *node_input_by_name(const struct node_def *def, const char *name)
{
    for (size_t i = 0; i < def->n_inputs; i++)
        if (!strcmp(def->inputs[i].name, name))
            return &def->inputs[i];
    return NULL;
}

enum status node_choice(struct build *b, const struct node_args *args, size_t input, int *ret_index)
{
    const struct node_input *in = &args->def->inputs[input];
    const struct datum *given = args->shape[input];
    if (!given) {
        *ret_index = 0;
        return STATUS_OK;
    }
    for (int i = 0; given->kind == DATUM_STRING && in->choices[i]; i++)
        if (!strcmp(in->choices[i], given->string)) {
            *ret_index = i;
            return STATUS_OK;
        }
    const char *near = given->kind == DATUM_STRING ? nearest_name(given->string, in->choices) : NULL;
    return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/%s", b->pointer, in->name), 0,
                     "%s of %s is a name%s%s; see the choices in /ops", in->name, args->def->name,
                     near ? ", did you mean " : "", near ? near : "");
}

enum status node_count_arg(struct build *b, const struct node_args *args, size_t input, int lo, int hi, int *ret_n)
{
    const struct node_input *in = &args->def->inputs[input];
    const struct datum *given = args->shape[input];
    double n = given && given->kind == DATUM_NUMBER ? given->number : in->value;
    if ((given && given->kind != DATUM_NUMBER) || !(n >= lo && n <= hi) || n != floor(n))
        return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/%s", b->pointer, in->name), 0,
                         "%s of %s is a whole number from %d to %d", in->name, args->def->name, lo, hi);
    *ret_n = (int)n;
    return STATUS_OK;
}
