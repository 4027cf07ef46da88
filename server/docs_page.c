/* The text of the node reference, in Markdown. */
#include <ctype.h>
#include <string.h>

#include "server/docs.h"

char *docs_heading(struct arena *a, const char *const *names, size_t n_names)
{
    struct text t = {.arena = a};
    for (size_t i = 0; i < n_names; i++)
        text_addf(&t, "%s%s", i ? ", " : "", names[i]);
    return t.s;
}

void docs_page_head(struct text *to, const struct showcase_page *page)
{
    text_addf(to,
              "# %s\n\nThis page is written by `./dev docs`; change the nodes' rows or docs/showcase.txt, not this "
              "file. [All pages](README.md)\n\n%s",
              page->title, page->intro);
}

static void add_choices(struct text *to, const struct node_input *in)
{
    text_add(to, "one of ");
    for (size_t i = 0; in->choices[i]; i++)
        text_addf(to, "%s`%s`", i ? ", " : "", in->choices[i]);
}

static void add_kind(struct text *to, const struct node_input *in)
{
    if (in->choices)
        add_choices(to, in);
    else if (in->type == INPUT_SHAPE)
        text_addf(to, "%s, fixed when the graph is built", in->required ? "name" : "number");
    else
        text_add(to, in->type == INPUT_VEC   ? "number or vector"
                     : in->type == INPUT_F64 ? "number, double precision"
                                             : "number");
    if (in->unit)
        text_addf(to, ", in %s", in->unit);
}

/* The part of a signature behind `*name=`, for lists, whose shape is written there. */
static const char *list_shape(const struct node_def *def, const struct node_input *in, struct arena *a)
{
    const char *at = strstr(def->signature, arena_printf(a, "*%s=[", in->name));
    if (!at)
        return NULL;
    const char *from = strchr(at, '['), *end = from;
    for (int depth = 0; *end; end++) {
        depth += (*end == '[') - (*end == ']');
        if (!depth && (*end == ',' || *end == ' ' || *end == ']'))
            break;
    }
    return arena_strndup(a, from, (size_t)(end - from) + (*end == ']'));
}

static void add_input(struct text *to, const struct node_def *def, const struct node_input *in)
{
    const char *list = in->type == INPUT_SHAPE ? list_shape(def, in, to->arena) : NULL;
    text_addf(to, "| `%s` | ", in->name);
    if (list) {
        text_addf(to, "| list `%s`, fixed when the graph is built |\n", list);
        return;
    }
    if (in->required)
        text_add(to, "required");
    else if (in->optional)
        text_add(to, "may be left out");
    else if (in->choices)
        text_addf(to, "`%s`", in->choices[0]);
    else
        text_number(to, in->value);
    text_add(to, " | ");
    add_kind(to, in);
    text_add(to, " |\n");
}

static void add_ports(struct text *to, const struct node_def *def)
{
    if (def->n_ports < 2 && !*def->ports[0])
        return;
    text_add(to, "Ports: ");
    for (size_t i = 0; i < def->n_ports; i++)
        text_addf(to, "%s`%s`", i ? ", " : "", def->ports[i]);
    text_add(to, def->flags & NODE_VECTOR ? "; the bare name is the vector of them.\n\n"
                                          : "; the bare name is the first.\n\n");
}

static void add_formula(struct text *to, const char *formula)
{
    text_add(to, "```\n");
    for (const char *p = formula; *p; p++) {
        text_add_n(to, *p == ';' ? ";\n" : p, *p == ';' ? 2 : 1);
        while (p[1] == ' ' && (*p == ' ' || *p == ';'))
            p++;
    }
    text_add(to, "\n```\n\n");
}

/* A row's sentence; Markdown is not to take products for emphasis. */
static void add_sentence(struct text *to, const char *doc)
{
    bool code = false;
    for (const char *p = doc; *p; p++) {
        code ^= *p == '`';
        if (*p == '*' && !code)
            text_add(to, "\\");
        text_add_n(to, p, 1);
    }
    text_add(to, "\n\n");
}

static void add_pictures(struct text *to, const struct exhibit *e)
{
    const char *own = NULL;
    for (size_t i = e->n_own; i-- > 0;)
        own = e->scenes[i]->show ? e->scenes[i]->show : own;
    text_addf(to, "![%s](pictures/%s.png)\n\n", e->def->name, e->def->name);
    text_addf(to, "Shown: `%s`", exhibit_call(e, to->arena));
    if (own && strcmp(own, "$") != 0)
        text_addf(to, " as `%s`", own);
    for (size_t i = 1; i < e->n_tiles; i++)
        text_addf(to, "%s`%s`", i == 1 ? "; then with " : ", ", e->tiles[i].caption);
    text_add(to, ".\n\n");
}

void docs_section(struct text *to, const struct exhibit *e, const char *const *names, size_t n_names)
{
    const struct node_def *def = e->def;
    text_addf(to, "## %s\n\n", docs_heading(to->arena, names, n_names));
    add_sentence(to, def->doc);
    if (def->n_inputs)
        text_add(to, "| input | default | |\n|---|---|---|\n");
    for (size_t i = 0; i < def->n_inputs; i++)
        add_input(to, def, &def->inputs[i]);
    if (def->n_inputs)
        text_add(to, "\n");
    add_ports(to, def);
    if (def->formula)
        add_formula(to, def->formula);
    if (e->n_tiles)
        add_pictures(to, e);
}
