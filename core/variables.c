/* See variables.h. One row a variable. */
#include "core/variables.h"

#include <stdlib.h>
#include <string.h>

typedef struct value make_variable(struct variables *v, struct build *b);

static struct value number(struct val x)
{
    return (struct value){.kind = VALUE_NUMBER, .dims = 1, .c = {x}};
}

static struct value signal(struct build *b, struct val x)
{
    return (struct value){.kind = VALUE_F32, .dims = 1, .c = {b_to(b, TYPE_F32, x)}};
}

static struct val column(struct build *b)
{
    return b_add(b, b_context(b, CONTEXT_PX0), b_to(b, TYPE_F64, b_iota(b)));
}

static struct val line(struct build *b)
{
    struct val row = ir_emit(b->ir, b->code, (struct ins){.op = OP_ROW});
    return b_add(b, b_context(b, CONTEXT_PY0), b_to(b, TYPE_F64, row));
}

static struct val centre(struct build *b, struct val pixel, enum context origin, enum context step)
{
    return b_fma(b, b_addc(b, pixel, 0.5), b_context(b, step), b_context(b, origin));
}

static struct val reciprocal(struct build *b, enum context c)
{
    return b_div(b, b_f64(b, 1), b_context(b, c));
}

static struct value make_x(struct variables *v, struct build *b)
{
    (void)v;
    return signal(b, centre(b, column(b), CONTEXT_X0, CONTEXT_DX));
}

static struct value make_y(struct variables *v, struct build *b)
{
    (void)v;
    return signal(b, centre(b, line(b), CONTEXT_Y0, CONTEXT_DY));
}

static struct value make_u(struct variables *v, struct build *b)
{
    (void)v;
    return signal(b, b_mul(b, b_addc(b, column(b), 0.5), reciprocal(b, CONTEXT_WIDTH)));
}

static struct value make_v(struct variables *v, struct build *b)
{
    (void)v;
    return signal(b, b_mul(b, b_addc(b, line(b), 0.5), reciprocal(b, CONTEXT_HEIGHT)));
}

static struct value make_px(struct variables *v, struct build *b)
{
    (void)v;
    return signal(b, column(b));
}

static struct value make_py(struct variables *v, struct build *b)
{
    (void)v;
    return signal(b, line(b));
}

static struct value make_z(struct variables *v, struct build *b)
{
    (void)v;
    return number(b_context(b, CONTEXT_Z));
}

static struct value make_width(struct variables *v, struct build *b)
{
    (void)v;
    return number(b_context(b, CONTEXT_WIDTH));
}

static struct value make_height(struct variables *v, struct build *b)
{
    (void)v;
    return number(b_context(b, CONTEXT_HEIGHT));
}

static struct value make_aspect(struct variables *v, struct build *b)
{
    (void)v;
    return number(b_div(b, b_context(b, CONTEXT_WIDTH), b_context(b, CONTEXT_HEIGHT)));
}

/* Audio: n / rate for every sample, in f64. A frame has one time. */
static struct value make_t(struct variables *v, struct build *b)
{
    if (v->layout.kind != GRAPH_AUDIO)
        return number(b_context(b, CONTEXT_TIME));
    return value_of(b, b_div(b, b_n(b), b_rate(b)));
}

static struct value make_n(struct variables *v, struct build *b)
{
    (void)v;
    return value_of(b, b_n(b));
}

static struct value make_rate(struct variables *v, struct build *b)
{
    (void)v;
    return number(b_rate(b));
}

static struct value make_channel(struct variables *v, struct build *b)
{
    return value_number(b, v->channel);
}

static struct value make_channels(struct variables *v, struct build *b)
{
    (void)v;
    return number(b_context(b, CONTEXT_CHANNELS));
}

static struct value make_in(struct variables *v, struct build *b)
{
    return value_of(b, b_input(b, v->list ? 0 : v->channel));
}

static const struct {
    const char *name;
    enum graph_kind kind;
    make_variable *make;
} rows[] = {
    {"x", GRAPH_FIELD, make_x},
    {"y", GRAPH_FIELD, make_y},
    {"z", GRAPH_FIELD, make_z},
    {"u", GRAPH_FIELD, make_u},
    {"v", GRAPH_FIELD, make_v},
    {"px", GRAPH_FIELD, make_px},
    {"py", GRAPH_FIELD, make_py},
    {"width", GRAPH_FIELD, make_width},
    {"height", GRAPH_FIELD, make_height},
    {"aspect", GRAPH_FIELD, make_aspect},
    {"t", GRAPH_ANY, make_t},
    {"in", GRAPH_AUDIO, make_in},
    {"n", GRAPH_AUDIO, make_n},
    {"rate", GRAPH_AUDIO, make_rate},
    {"channel", GRAPH_AUDIO, make_channel},
    {"channels", GRAPH_AUDIO, make_channels},
};
enum { ROWS = sizeof rows / sizeof *rows };
_Static_assert((int)ROWS <= (int)VARIABLE_COUNT, "room for every variable");

void variables_init(struct variables *v, struct layout layout, bool list)
{
    *v = (struct variables){.layout = layout, .channel = v->channel, .list = list};
}

const char *const *variable_names(void)
{
    static const char *const names[] = {"x",      "y", "z",  "u", "v",    "px",      "py",       "width", "height",
                                        "aspect", "t", "in", "n", "rate", "channel", "channels", NULL};
    return names;
}

static int row_by_name(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].name, name))
            return i;
    return -1;
}

enum graph_kind variable_kind(const char *name)
{
    int i = row_by_name(name);
    return i < 0 ? GRAPH_ANY : rows[i].kind;
}

/* in.k: another channel of the input. */
static enum status input_channel(struct variables *v, struct scope *s, const struct expr *e, const char *port,
                                 struct value *ret)
{
    char *end;
    long k = strtol(port, &end, 10);
    if (*end || end == port)
        return fault_add(s->b->fault, STATUS_BAD_GRAPH, s->pointer, e->column,
                         "in.%s is no channel; write in.0, in.1 ...", port);
    if (k < 0 || (unsigned long)k >= v->layout.channels)
        return fault_add(s->b->fault, STATUS_BAD_GRAPH, s->pointer, e->column, "in.%ld of audio with %u channels", k,
                         v->layout.channels);
    *ret = value_of(s->b, b_input(s->b, (uint32_t)k));
    return STATUS_OK;
}

enum status variable_value(struct variables *v, struct scope *s, const struct expr *e, const char *name,
                           const char *port, struct value *ret)
{
    int i = row_by_name(name);
    *ret = (struct value){0};
    if (i < 0)
        return STATUS_OK;
    if (rows[i].kind != GRAPH_ANY && rows[i].kind != v->layout.kind)
        return fault_add(s->b->fault, STATUS_BAD_GRAPH, s->pointer, e->column,
                         "%s is a variable of %s; this graph is run as %s", name, graph_kind_name(rows[i].kind),
                         graph_kind_name(v->layout.kind));
    if (port && !strcmp(name, "in"))
        return input_channel(v, s, e, port, ret);
    if (port)
        return STATUS_OK;
    if (v->known[i].kind == VALUE_NONE)
        v->known[i] = rows[i].make(v, s->b);
    *ret = v->known[i];
    return STATUS_OK;
}
