/* See instance.h. */
#include "core/instance.h"

#include <assert.h>
#include <string.h>

#include "core/eval.h"
#include "core/hash.h"

/* A node's inputs brought to the types its body wants, for one component. */
struct operands {
    struct val in[NODE_INPUTS_MAX];
    struct val vec[NODE_INPUTS_MAX][4];
    int dims[NODE_INPUTS_MAX];
    bool literal[NODE_INPUTS_MAX];
    enum type type[NODE_INPUTS_MAX];
};

static enum status fault_at(struct build *b, const char *input, const char *detail)
{
    const char *pointer = input ? arena_printf(b->fault->arena, "%s/%s", b->pointer, input) : b->pointer;
    return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "%s", detail);
}

static enum status check_inputs(struct build *b, const struct instance *in)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < in->def->n_inputs; i++) {
        const struct node_input *def = &in->def->inputs[i];
        const struct value *v = &in->in[i];
        const char *why = NULL;
        if (def->type == INPUT_SHAPE)
            continue;
        if (v->kind == VALUE_NONE && def->required && !(in->open && i == 0))
            why = "this input is required";
        else if (v->dims > 1 && def->type != INPUT_VEC && !(in->def->flags & NODE_COMPONENTS))
            why = "this input takes one number, not a vector; pick a component with .x";
        if (why)
            status = fault_at(b, NULL, arena_printf(b->fault->arena, "%s of %s: %s", def->name, in->def->name, why));
    }
    return status;
}

/* Seeds are 32-bit: the sum is wrapped into -2^31 .. 2^31 - 1 while it is still exact in f64. */
static struct val whole_seed(struct build *b, struct val seed)
{
    struct val sum = b_add(b, seed, b_context(b, CONTEXT_SEED));
    if (b->channel)
        sum = b_addc(b, sum, (double)(b->channel * 1013904223u));
    struct val turns = b_floor(b, b_fmac(b, sum, 0x1p-32, 0.5));
    return b_fma(b, turns, b_f64(b, -0x1p32), sum);
}

static enum type operand_type(const struct node_input *def, enum type wanted)
{
    if (wanted != TYPE_NONE)
        return wanted;
    return def->type == INPUT_F64 ? TYPE_F64 : TYPE_F32;
}

/* `wanted` is the type of a component-wise node's operands, or TYPE_NONE. */
static void make_operands(struct build *b, const struct instance *in, int component, enum type wanted,
                          struct operands *ret)
{
    for (size_t i = 0; i < in->def->n_inputs; i++) {
        const struct node_input *def = &in->def->inputs[i];
        struct value v = in->in[i];
        enum type t = operand_type(def, wanted);
        ret->type[i] = t;
        if (def->type == INPUT_SHAPE || (in->open && i == 0) || (v.kind == VALUE_NONE && def->optional))
            continue;
        if (v.kind == VALUE_NONE)
            v = (struct value){.kind = VALUE_NUMBER, .dims = 1, .c = {b_const(b, t, def->value)}, .literal = true};
        ret->literal[i] = v.literal;
        ret->dims[i] = def->type == INPUT_VEC ? v.dims : 1;
        if (def->type == INPUT_VEC)
            for (int c = 0; c < v.dims; c++)
                ret->vec[i][c] = b_to(b, t, v.c[c]);
        ret->in[i] = def->type == INPUT_VEC ? ret->vec[i][0] : value_as(b, &v, component, t);
        if (b->code == &b->ir->main && !in->raw && !strcmp(def->name, "seed"))
            ret->in[i] = b_to(b, t, whole_seed(b, b_to(b, TYPE_F64, ret->in[i])));
    }
}

/* A formula's names are the node's inputs. */
struct formula {
    const struct node_def *def;
    const struct operands *o;
};

static enum status formula_name(struct scope *s, const struct expr *e, const char *name, const char *port,
                                struct value *ret)
{
    const struct formula *f = s->user;
    const struct node_input *in = node_input_by_name(f->def, name);
    (void)e;
    *ret = (struct value){0};
    if (!in || port)
        return STATUS_OK;
    size_t i = (size_t)(in - f->def->inputs);
    if (!f->o->in[i].i)
        return fault_add(s->b->fault, STATUS_BAD_GRAPH, s->pointer, 0, "%s of %s is needed here", name, f->def->name);
    *ret = value_of(s->b, f->o->in[i]);
    if (in->type == INPUT_VEC) {
        ret->dims = f->o->dims[i];
        memcpy(ret->c, f->o->vec[i], sizeof ret->c);
    }
    return STATUS_OK;
}

/* The node's body, written where b->code points. out: its ports, or a vector's components; *ret_dims: how many. */
static enum status write_body(struct build *b, const struct instance *in, const struct operands *o, bool wide,
                              struct val *out, int *ret_dims)
{
    const struct node_def *def = in->def;
    if (def->tree) {
        struct formula f = {def, o};
        struct scope s = {.b = b, .pointer = b->pointer, .structural = true, .name = formula_name, .user = &f};
        struct value v;
        TRY(eval(&s, def->tree, &v));
        enum type t = wide                                                               ? TYPE_F64
                      : b_type(b, v.c[0]) == TYPE_F64 && !(def->flags & NODE_COMPONENTS) ? TYPE_F64
                                                                                         : TYPE_F32;
        *ret_dims = v.dims;
        for (int c = 0; c < v.dims; c++)
            out[c] = b_to(b, t, v.c[c]);
        return STATUS_OK;
    }
    struct node_args args = {
        .def = def, .in = o->in, .vec = o->vec, .dims = o->dims, .shape = in->shape, .is_literal = o->literal};
    *ret_dims = (int)def->n_ports;
    if ((def->flags & NODE_VECTOR) && def->n_ports == 1)
        for (size_t i = 0; i < def->n_inputs; i++)
            if (def->inputs[i].type == INPUT_VEC && o->dims[i] > *ret_dims)
                *ret_dims = o->dims[i];
    return (wide && def->build_f64 ? def->build_f64 : def->build)(b, &args, out);
}

static char *shape_text(struct arena *a, const struct datum *d)
{
    if (d->kind == DATUM_NUMBER)
        return arena_printf(a, "%.17g", d->number);
    if (d->kind == DATUM_STRING)
        return arena_strdup(a, d->string);
    char *text = arena_strdup(a, "");
    for (size_t i = 0; i < d->n; i++)
        text = arena_printf(a, "%s.%s", text, shape_text(a, &d->items[i]));
    return text;
}

/* A name that tells apart every body this node can have: types, absent and defaulted inputs, shapes. */
static char *function_name(struct arena *a, const struct instance *in, const struct operands *o)
{
    char *name = arena_printf(a, "%s.", in->def->name);
    for (size_t i = 0; i < in->def->n_inputs; i++) {
        const struct node_input *def = &in->def->inputs[i];
        const char *piece = "";
        if (def->type == INPUT_SHAPE)
            piece = in->shape[i] ? arena_printf(a, "_%s_", shape_text(a, in->shape[i])) : "n";
        else if (!o->in[i].i)
            piece = "n";
        else if (def->type == INPUT_VEC)
            piece = arena_printf(a, "%d", o->dims[i]);
        else
            piece = o->type[i] == TYPE_F64 ? "d" : "f";
        name = arena_printf(a, "%s%s", name, piece);
    }
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._", *c))
            *c = '_';
    if (strlen(name) > 60) {
        uint8_t digest[HASH_SIZE];
        char hex[HASH_HEX];
        hash_parts(&(struct hash_part){name, strlen(name)}, 1, digest);
        hash_hex(digest, hex);
        name = arena_printf(a, "%s.%s", in->def->name, hex);
    }
    return name;
}

/* Replaces operands by parameters of `fn`, appends the originals to args. */
static void make_params(struct build *fb, struct ir_fn *fn, const struct instance *in, struct operands *o,
                        struct val *args)
{
    static const enum op param_ops[] = {[TYPE_F32] = OP_PARAM_F32, [TYPE_F64] = OP_PARAM_F64};
    for (size_t i = 0; i < in->def->n_inputs; i++) {
        bool vec = in->def->inputs[i].type == INPUT_VEC;
        for (int c = 0; c < (vec ? o->dims[i] : o->in[i].i ? 1 : 0); c++) {
            struct val *slot = vec ? &o->vec[i][c] : &o->in[i];
            assert(fn->n_params < FN_ARGS_MAX);
            args[fn->n_params] = *slot;
            fn->params[fn->n_params] = o->type[i];
            *slot =
                ir_emit(fb->ir, fb->code, (struct ins){.op = param_ops[o->type[i]], .imm.i = (int32_t)fn->n_params++});
        }
        if (vec && o->in[i].i)
            o->in[i] = o->vec[i][0];
    }
}

static enum status call_function(struct build *b, const struct instance *in, struct operands *o, bool wide,
                                 struct val *out)
{
    struct val args[FN_ARGS_MAX];
    struct ir_fn fn = {.name = function_name(b->ir->arena, in, o)};
    struct build fb = *b;
    uint32_t index;
    struct ir_fn *known = ir_fn_by_name(b->ir, fn.name, &index);
    fb.code = &fn.code;
    make_params(&fb, &fn, in, o, args);
    if (!known) {
        int dims;
        TRY(write_body(&fb, in, o, wide, out, &dims));
        fn.result = out[0];
        fn.result_type = b_type(&fb, out[0]);
        index = ir_add_fn(b->ir, &fn);
        known = &b->ir->fns[index];
    }
    enum op op = known->result_type == TYPE_F64   ? OP_CALL_F64
                 : known->result_type == TYPE_I32 ? OP_CALL_I32
                                                  : OP_CALL_F32;
    out[0] =
        ir_emit(b->ir, b->code, (struct ins){.op = op, .n_args = fn.n_params, .args = args, .imm.i = (int32_t)index});
    return STATUS_OK;
}

static enum status build_once(struct build *b, const struct instance *in, int component, enum type wanted,
                              struct val *out, int *ret_dims)
{
    struct operands o = {0};
    make_operands(b, in, component, wanted, &o);
    if (in->def->flags & NODE_FUNCTION) {
        *ret_dims = 1;
        return call_function(b, in, &o, wanted == TYPE_F64, out);
    }
    return write_body(b, in, &o, wanted == TYPE_F64, out, ret_dims);
}

static enum status build_components(struct build *b, const struct instance *in, struct value *ret)
{
    enum value_kind kind = VALUE_NUMBER;
    int dims = 1;
    for (size_t i = 0; i < in->def->n_inputs; i++) {
        if (in->in[i].kind == VALUE_NONE)
            continue;
        kind = value_meet(kind, in->in[i].kind);
        if (in->in[i].dims > 1 && dims > 1 && in->in[i].dims != dims)
            return fault_at(b, NULL,
                            arena_printf(b->fault->arena, "%s of vectors of %d and of %d components", in->def->name,
                                         dims, in->in[i].dims));
        if (in->in[i].dims > dims)
            dims = in->in[i].dims;
    }
    bool wide = kind != VALUE_F32 && (in->def->build_f64 || in->def->tree);
    *ret = (struct value){.dims = dims};
    for (int c = 0; c < dims; c++) {
        struct val out[NODE_PORTS_MAX];
        int n;
        TRY(build_once(b, in, c, wide ? TYPE_F64 : TYPE_F32, out, &n));
        ret->c[c] = out[0];
    }
    ret->kind = b_type(b, ret->c[0]) == TYPE_F32 ? VALUE_F32 : kind == VALUE_NUMBER ? VALUE_NUMBER : VALUE_F64;
    return STATUS_OK;
}

enum status instance_build(struct build *b, struct instance *in, struct value *ret_ports)
{
    struct val out[NODE_PORTS_MAX] = {{0}};
    int dims;
    assert(in->def->n_inputs <= NODE_INPUTS_MAX);
    TRY(check_inputs(b, in));
    if (in->def->flags & NODE_COMPONENTS)
        return build_components(b, in, ret_ports);
    TRY(build_once(b, in, 0, TYPE_NONE, out, &dims));
    if (in->def->flags & NODE_VECTOR) {
        ret_ports[0] = (struct value){.kind = VALUE_F32, .dims = dims};
        for (int c = 0; c < dims; c++)
            ret_ports[0].c[c] = b_to(b, TYPE_F32, out[c]);
        return STATUS_OK;
    }
    for (size_t i = 0; i < in->def->n_ports; i++)
        ret_ports[i] = value_of(b, out[i]);
    return STATUS_OK;
}

struct val b_call(struct build *b, const char *name, const struct val *in, size_t n)
{
    struct instance inst = {.def = node_by_name(name), .raw = true};
    struct value ports[NODE_PORTS_MAX];
    assert(inst.def && n <= inst.def->n_inputs);
    for (size_t i = 0; i < n; i++)
        if (in[i].i)
            inst.in[i] = value_of(b, in[i]);
    if (instance_build(b, &inst, ports) != STATUS_OK)
        return b_f32(b, 0); /* the fault is in b->fault */
    return ports[0].c[0];
}
