/* See eval.h. Recursion is bounded by EXPR_DEPTH_MAX. */
#include "core/eval.h"

#include <math.h>
#include <string.h>

static enum status fail(struct scope *s, const struct expr *e, const char *detail)
{
    return fault_add(s->b->fault, STATUS_BAD_EXPRESSION, s->pointer, e->column, "%s", detail);
}

static enum status unknown_name(struct scope *s, const struct expr *e, const char *what, const char *name,
                                const char *near)
{
    return fail(
        s, e,
        arena_printf(s->b->fault->arena, near ? "unknown %s %s; did you mean %s?" : "unknown %s %s", what, name, near));
}

static struct value literal(struct scope *s, double v)
{
    if (s->structural)
        return value_number(s->b, v);
    uint32_t slot = ir_add_arg(s->b->ir, (struct arg_source){.kind = ARG_LITERAL, .value = v});
    struct val arg = ir_emit(s->b->ir, s->b->code, (struct ins){.op = OP_ARG, .imm.i = (int32_t)slot});
    return (struct value){.kind = VALUE_NUMBER, .dims = 1, .c = {arg}, .literal = true};
}

static bool constant_by_name(const char *name, double *ret)
{
    static const struct {
        const char *name;
        double value;
    } rows[] = {{"pi", 3.14159265358979323846}, {"tau", 6.28318530717958647693}, {"e", 2.71828182845904523536}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name)) {
            *ret = rows[i].value;
            return true;
        }
    return false;
}

static enum status eval_name(struct scope *s, const struct expr *e, struct value *ret)
{
    double c;
    for (const struct binding *l = s->lets; l; l = l->outer)
        if (!strcmp(l->name, e->name)) {
            *ret = l->value;
            return STATUS_OK;
        }
    if (constant_by_name(e->name, &c)) {
        *ret = value_number(s->b, c);
        return STATUS_OK;
    }
    TRY(s->name(s, e, e->name, NULL, ret));
    return ret->kind == VALUE_NONE ? unknown_name(s, e, "name", e->name, NULL) : STATUS_OK;
}

/* Components by letters of xyzw, rgba or by digits. */
static enum status swizzle(struct scope *s, const struct expr *e, const struct value *v, struct value *ret)
{
    size_t n = strlen(e->name);
    *ret = (struct value){.kind = v->kind, .dims = (int)n};
    for (size_t i = 0; i < n && n <= 4; i++) {
        static const char *const sets[] = {"xyzw", "rgba", "0123"};
        int at = -1;
        for (size_t k = 0; k < 3; k++) {
            const char *found = strchr(sets[k], e->name[i]);
            if (found && *found)
                at = (int)(found - sets[k]);
        }
        if (at < 0 || at >= v->dims)
            return fail(s, e, arena_printf(s->b->fault->arena, "no component .%s in a value of %d", e->name, v->dims));
        ret->c[i] = v->c[at];
    }
    return n >= 1 && n <= 4 ? STATUS_OK : fail(s, e, "a swizzle has one to four letters");
}

/* The ports of a call; *ret_n is 1 for a plain value. */
static enum status eval_call(struct scope *s, const struct expr *e, struct value *ret_ports,
                             const struct node_def **ret_def)
{
    double c;
    *ret_def = NULL;
    if (e->n_args == 0 && constant_by_name(e->name, &c)) {
        ret_ports[0] = value_number(s->b, c);
        return STATUS_OK;
    }
    struct instance in = {.def = node_by_name(e->name), .raw = s->structural};
    if (!in.def)
        return unknown_name(s, e, "function", e->name, nearest_name(e->name, node_names()));
    *ret_def = in.def;
    if ((in.def->flags & NODE_DELAYED) && s->delayed)
        return s->delayed(s, e, &in, ret_ports);
    TRY(eval_call_inputs(s, e, &in, false));
    return instance_build(s->b, &in, ret_ports);
}

static enum status eval_port(struct scope *s, const struct expr *e, struct value *ret)
{
    const struct expr *of = e->args[0];
    if (of->kind == EXPR_NAME) {
        bool local = false;
        for (const struct binding *l = s->lets; l; l = l->outer)
            local |= !strcmp(l->name, of->name);
        if (!local) {
            TRY(s->name(s, of, of->name, e->name, ret));
            if (ret->kind != VALUE_NONE)
                return STATUS_OK;
        }
    }
    struct value ports[NODE_PORTS_MAX];
    const struct node_def *def = NULL;
    if (of->kind == EXPR_CALL) {
        TRY(eval_call(s, of, ports, &def));
        for (size_t i = 0; def && !(def->flags & NODE_VECTOR) && i < def->n_ports; i++)
            if (!strcmp(def->ports[i], e->name)) {
                *ret = ports[i];
                return STATUS_OK;
            }
    } else {
        TRY(eval(s, of, &ports[0]));
    }
    return swizzle(s, e, &ports[0], ret);
}

static enum status input_index(struct scope *s, const struct expr *call, size_t arg, const struct node_def *def,
                               size_t *ret)
{
    const char *name = call->arg_names[arg];
    if (!name) {
        if (arg >= def->n_inputs)
            return fail(s, call,
                        arena_printf(s->b->fault->arena, "%s takes at most %zu inputs", def->name, def->n_inputs));
        *ret = arg;
        return STATUS_OK;
    }
    const struct node_input *in = node_input_by_name(def, name);
    if (in) {
        *ret = (size_t)(in - def->inputs);
        return STATUS_OK;
    }
    const char **names = ARENA_ARRAY(s->b->fault->arena, def->n_inputs + 1, const char *);
    for (size_t i = 0; i < def->n_inputs; i++)
        names[i] = def->inputs[i].name;
    return unknown_name(s, call, arena_printf(s->b->fault->arena, "input of %s:", def->name), name,
                        nearest_name(name, names));
}

static enum status shape_datum(struct scope *s, const struct expr *e, const struct datum **ret)
{
    struct datum *d = ARENA_NEW(s->b->fault->arena, struct datum);
    if (e->kind == EXPR_NUMBER)
        *d = (struct datum){.kind = DATUM_NUMBER, .number = e->number};
    else if (e->kind == EXPR_STRING)
        *d = (struct datum){.kind = DATUM_STRING, .string = e->name};
    else
        return fail(s, e, "this input shapes the code: give a plain number or a name in single quotes");
    *ret = d;
    return STATUS_OK;
}

enum status eval_call_inputs(struct scope *s, const struct expr *call, struct instance *in, bool skip_first)
{
    bool given[NODE_INPUTS_MAX] = {false};
    for (size_t i = 0; i < call->n_args; i++) {
        size_t k = 0;
        TRY(input_index(s, call, i, in->def, &k));
        if (given[k])
            return fail(s, call, arena_printf(s->b->fault->arena, "%s is given twice", in->def->inputs[k].name));
        given[k] = true;
        if (skip_first && k == 0)
            continue;
        if (in->def->inputs[k].type == INPUT_SHAPE)
            TRY(shape_datum(s, call->args[i], &in->shape[k]));
        else
            TRY(eval(s, call->args[i], &in->in[k]));
    }
    return STATUS_OK;
}

static enum status call_named(struct scope *s, const struct expr *e, const char *name, const struct value *args,
                              size_t n, struct value *ret)
{
    struct instance in = {.def = node_by_name(name), .raw = true};
    struct value ports[NODE_PORTS_MAX];
    if (!in.def)
        return unknown_name(s, e, "function", name, NULL);
    for (size_t i = 0; i < n; i++)
        in.in[i] = args[i];
    TRY(instance_build(s->b, &in, ports));
    *ret = ports[0];
    return STATUS_OK;
}

static enum status require_scalar(struct scope *s, const struct expr *e, const struct value *v)
{
    return v->dims == 1 ? STATUS_OK : fail(s, e, "a condition is one number, not a vector");
}

static enum status eval_comparison(struct scope *s, const struct expr *e, const struct value *x, const struct value *y,
                                   struct value *ret)
{
    struct build *b = s->b;
    enum value_kind kind = value_meet(x->kind, y->kind);
    enum type t = value_type(kind);
    TRY(require_scalar(s, e, x));
    TRY(require_scalar(s, e, y));
    struct val m, p = value_as(b, x, 0, t), q = value_as(b, y, 0, t);
    switch (e->op) {
    case '<':
        m = b_lt(b, p, q);
        break;
    case 'l':
        m = b_le(b, p, q);
        break;
    case '>':
        m = b_gt(b, p, q);
        break;
    case 'g':
        m = b_ge(b, p, q);
        break;
    case '=':
        m = b_eq(b, p, q);
        break;
    default:
        m = b_not(b, b_eq(b, p, q));
    }
    *ret = value_from_truth(b, m, kind);
    return STATUS_OK;
}

static enum status eval_logic(struct scope *s, const struct expr *e, const struct value *x, const struct value *y,
                              struct value *ret)
{
    struct build *b = s->b;
    TRY(require_scalar(s, e, x));
    TRY(require_scalar(s, e, y));
    struct val p = value_truth(b, x), q = value_truth(b, y);
    *ret = value_from_truth(b, e->op == '&' ? b_and(b, p, q) : b_or(b, p, q), value_meet(x->kind, y->kind));
    return STATUS_OK;
}

static enum status eval_arithmetic(struct scope *s, const struct expr *e, const struct value *x, const struct value *y,
                                   struct value *ret)
{
    enum value_kind kind = value_meet(x->kind, y->kind);
    enum type t = value_type(kind);
    int dims = x->dims > y->dims ? x->dims : y->dims;
    if (x->dims != dims && x->dims != 1)
        return fail(s, e, arena_printf(s->b->fault->arena, "vectors of %d and %d components", x->dims, y->dims));
    if (y->dims != dims && y->dims != 1)
        return fail(s, e, arena_printf(s->b->fault->arena, "vectors of %d and %d components", x->dims, y->dims));
    *ret = (struct value){.kind = kind, .dims = dims};
    for (int c = 0; c < dims; c++) {
        struct val p = value_as(s->b, x, c, t), q = value_as(s->b, y, c, t);
        ret->c[c] = e->op == '+'   ? b_add(s->b, p, q)
                    : e->op == '-' ? b_sub(s->b, p, q)
                    : e->op == '*' ? b_mul(s->b, p, q)
                                   : b_div(s->b, p, q);
    }
    return STATUS_OK;
}

static enum status eval_binary(struct scope *s, const struct expr *e, struct value *ret)
{
    struct value v[2];
    TRY(eval(s, e->args[0], &v[0]));
    TRY(eval(s, e->args[1], &v[1]));
    switch (e->op) {
    case '+':
    case '-':
    case '*':
    case '/':
        return eval_arithmetic(s, e, &v[0], &v[1], ret);
    case '%':
        return call_named(s, e, "mod", v, 2, ret);
    case '^':
        return call_named(s, e, "pow", v, 2, ret);
    case '&':
    case '|':
        return eval_logic(s, e, &v[0], &v[1], ret);
    default:
        return eval_comparison(s, e, &v[0], &v[1], ret);
    }
}

static enum status eval_unary(struct scope *s, const struct expr *e, struct value *ret)
{
    struct value v;
    TRY(eval(s, e->args[0], &v));
    if (e->op == '!') {
        TRY(require_scalar(s, e, &v));
        *ret = value_from_truth(s->b, b_not(s->b, value_truth(s->b, &v)), v.kind);
        return STATUS_OK;
    }
    *ret = (struct value){.kind = v.kind, .dims = v.dims};
    for (int c = 0; c < v.dims; c++)
        ret->c[c] = b_neg(s->b, v.c[c]);
    return STATUS_OK;
}

static enum status eval_if(struct scope *s, const struct expr *e, struct value *ret)
{
    struct value cond, v[2];
    TRY(eval(s, e->args[0], &cond));
    TRY(require_scalar(s, e, &cond));
    TRY(eval(s, e->args[1], &v[0]));
    TRY(eval(s, e->args[2], &v[1]));
    struct val mask = value_truth(s->b, &cond);
    enum value_kind kind = value_meet(v[0].kind, v[1].kind);
    int dims = v[0].dims > v[1].dims ? v[0].dims : v[1].dims;
    if (v[0].dims != v[1].dims && v[0].dims != 1 && v[1].dims != 1)
        return fail(s, e, "both branches have the same number of components");
    if (kind == VALUE_NUMBER && cond.kind != VALUE_NUMBER)
        kind = VALUE_F32; /* chosen anew for every sample: a signal */
    *ret = (struct value){.kind = kind, .dims = dims};
    for (int c = 0; c < dims; c++)
        ret->c[c] = b_select(s->b, mask, value_as(s->b, &v[0], c, value_type(kind)),
                             value_as(s->b, &v[1], c, value_type(kind)));
    return STATUS_OK;
}

static enum status eval_let(struct scope *s, const struct expr *e, struct value *ret)
{
    struct binding *l = ARENA_NEW(s->b->fault->arena, struct binding);
    l->name = e->name;
    l->outer = s->lets;
    TRY(eval(s, e->args[0], &l->value));
    s->lets = l;
    enum status status = eval(s, e->args[1], ret);
    s->lets = l->outer;
    return status;
}

enum status eval(struct scope *s, const struct expr *e, struct value *ret)
{
    struct value ports[NODE_PORTS_MAX];
    const struct node_def *def;
    switch (e->kind) {
    case EXPR_NUMBER:
        *ret = literal(s, e->number);
        return STATUS_OK;
    case EXPR_NAME:
        return eval_name(s, e, ret);
    case EXPR_PORT:
        return eval_port(s, e, ret);
    case EXPR_UNARY:
        return eval_unary(s, e, ret);
    case EXPR_BINARY:
        return eval_binary(s, e, ret);
    case EXPR_IF:
        return eval_if(s, e, ret);
    case EXPR_LET:
        return eval_let(s, e, ret);
    case EXPR_CALL:
        TRY(eval_call(s, e, ports, &def));
        *ret = ports[0];
        return STATUS_OK;
    default:
        return fail(s, e, "text in quotes stands only where a choice or a name is asked for");
    }
}
