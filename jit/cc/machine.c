/* See machine.h: types, locals, blocks and constants. */
#include "jit/cc/machine.h"

#include <stdio.h>
#include <string.h>

#include "core/arena.h"

static struct shape shape_make(struct emitter *e, int lanes, int parts)
{
    if (lanes == 1)
        return (struct shape){.vector = false,
                              .lanes = 1,
                              .parts = 1,
                              .f32 = e->t_float,
                              .f64 = e->t_double,
                              .i32 = e->t_int,
                              .mask = e->t_int,
                              .f32_at = e->t_float,
                              .f64_at = e->t_double,
                              .i32_at = e->t_int};
    struct shape s = {.vector = true, .lanes = lanes, .parts = parts};
    s.f32 = gcc_jit_type_get_vector(e->t_float, (size_t)lanes);
    s.f64 = gcc_jit_type_get_vector(e->t_double, (size_t)(lanes / parts));
    s.i32 = gcc_jit_type_get_vector(e->t_int, (size_t)lanes);
    s.mask = e->v4 ? e->t_kmask : s.i32;
    s.f32_at = gcc_jit_type_get_aligned(s.f32, 4);
    s.f64_at = gcc_jit_type_get_aligned(s.f64, 8);
    s.i32_at = gcc_jit_type_get_aligned(s.i32, 4);
    return s;
}

void machine_init(struct emitter *e)
{
    gcc_jit_context *c = e->ctxt;
    e->v4 = e->target == TARGET_V4;
    e->reg = e->v4 ? "v" : "x";
    e->reg_or_mem = e->v4 ? "vm" : "xm";
    e->t_void = gcc_jit_context_get_type(c, GCC_JIT_TYPE_VOID);
    e->t_float = gcc_jit_context_get_type(c, GCC_JIT_TYPE_FLOAT);
    e->t_double = gcc_jit_context_get_type(c, GCC_JIT_TYPE_DOUBLE);
    e->t_int = gcc_jit_context_get_int_type(c, 4, 1);
    e->t_long = gcc_jit_context_get_int_type(c, 8, 1);
    e->t_kmask = gcc_jit_context_get_int_type(c, 2, 0);
    e->t_bool = gcc_jit_context_get_type(c, GCC_JIT_TYPE_BOOL);
    e->t_float_ptr = gcc_jit_type_get_pointer(e->t_float);
    e->t_double_ptr = gcc_jit_type_get_pointer(e->t_double);
    e->t_int_ptr = gcc_jit_type_get_pointer(e->t_int);
    e->t_byte_ptr = gcc_jit_type_get_pointer(gcc_jit_context_get_int_type(c, 1, 1));
    e->scalar = shape_make(e, 1, 1);
    e->vector = shape_make(e, e->v4 ? 16 : 8, 2);
    e->half = shape_make(e, e->vector.lanes / 2, 1);
}

gcc_jit_type *machine_type(const struct shape *s, enum type t)
{
    return t == TYPE_F32 ? s->f32 : t == TYPE_F64 ? s->f64 : t == TYPE_MASK ? s->mask : s->i32;
}

gcc_jit_type *machine_type_at(const struct shape *s, enum type t)
{
    return t == TYPE_F32 ? s->f32_at : t == TYPE_F64 ? s->f64_at : s->i32_at;
}

gcc_jit_rvalue *machine_int(struct emitter *e, int v)
{
    return gcc_jit_context_new_rvalue_from_int(e->ctxt, e->t_int, v);
}

gcc_jit_rvalue *machine_long(struct emitter *e, long v)
{
    return gcc_jit_context_new_rvalue_from_long(e->ctxt, e->t_long, v);
}

gcc_jit_lvalue *site_local(struct site *s, gcc_jit_type *type, const char *name)
{
    return gcc_jit_function_new_local(s->fn, NULL, type, name);
}

void site_set(struct site *s, gcc_jit_lvalue *to, gcc_jit_rvalue *v)
{
    gcc_jit_block_add_assignment(s->block, NULL, to, v);
}

gcc_jit_rvalue *site_let(struct site *s, gcc_jit_type *type, gcc_jit_rvalue *v)
{
    gcc_jit_lvalue *l = site_local(s, type, "t");
    site_set(s, l, v);
    return gcc_jit_lvalue_as_rvalue(l);
}

gcc_jit_rvalue *site_asm(struct site *s, gcc_jit_type *type, const char *out, const char *text, int n,
                         const struct operand *in)
{
    gcc_jit_lvalue *l = site_local(s, type, "a");
    char constraint[8];
    snprintf(constraint, sizeof constraint, "=%s", out ? out : s->e->reg);
    gcc_jit_extended_asm *a = gcc_jit_block_add_extended_asm(s->block, NULL, text);
    gcc_jit_extended_asm_add_output_operand(a, NULL, constraint, l);
    for (int i = 0; i < n; i++)
        gcc_jit_extended_asm_add_input_operand(a, NULL, in[i].constraint, in[i].value);
    return gcc_jit_lvalue_as_rvalue(l);
}

gcc_jit_block *site_block(struct site *s, const char *name)
{
    return gcc_jit_function_new_block(s->fn, name);
}

void site_branch(struct site *s, gcc_jit_rvalue *condition, gcc_jit_block *yes, gcc_jit_block *no)
{
    gcc_jit_block_end_with_conditional(s->block, NULL, condition, yes, no);
}

void site_jump(struct site *s, gcc_jit_block *to)
{
    gcc_jit_block_end_with_jump(s->block, NULL, to);
    s->block = to;
}

gcc_jit_rvalue *site_binary(struct site *s, enum gcc_jit_binary_op op, gcc_jit_type *type, gcc_jit_rvalue *a,
                            gcc_jit_rvalue *b)
{
    return site_let(s, type, gcc_jit_context_new_binary_op(s->e->ctxt, NULL, op, type, a, b));
}

gcc_jit_rvalue *site_add(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    return site_binary(s, GCC_JIT_BINARY_OP_PLUS, gcc_jit_rvalue_get_type(a), a, b);
}

gcc_jit_rvalue *site_sub(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    return site_binary(s, GCC_JIT_BINARY_OP_MINUS, gcc_jit_rvalue_get_type(a), a, b);
}

gcc_jit_rvalue *site_and(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    return site_binary(s, GCC_JIT_BINARY_OP_BITWISE_AND, gcc_jit_rvalue_get_type(a), a, b);
}

gcc_jit_rvalue *site_int(struct site *s, gcc_jit_rvalue *v)
{
    return site_let(s, s->e->t_int, gcc_jit_context_new_cast(s->e->ctxt, NULL, v, s->e->t_int));
}

gcc_jit_rvalue *site_less(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    return gcc_jit_context_new_comparison(s->e->ctxt, NULL, GCC_JIT_COMPARISON_LT, a, b);
}

/* n equal elements as a vector constant. */
static gcc_jit_rvalue *vector_of(struct emitter *e, gcc_jit_type *type, int n, gcc_jit_rvalue *element)
{
    gcc_jit_rvalue *elements[LANES_MAX];
    for (int i = 0; i < n; i++)
        elements[i] = element;
    return gcc_jit_context_new_rvalue_from_vector(e->ctxt, NULL, type, (size_t)n, elements);
}

gcc_jit_rvalue *site_constant_i32(const struct shape *shape, struct emitter *e, int32_t v)
{
    return shape->vector ? vector_of(e, shape->i32, shape->lanes, machine_int(e, v)) : machine_int(e, v);
}

/* By its bits: libgccjit's own conversion from double would lose a NaN's. */
static gcc_jit_rvalue *constant_f64(struct emitter *e, const struct shape *shape, double v)
{
    long bits;
    memcpy(&bits, &v, sizeof bits);
    if (!shape->vector)
        return gcc_jit_context_new_bitcast(e->ctxt, NULL, machine_long(e, bits), e->t_double);
    int n = shape->lanes / shape->parts;
    gcc_jit_type *longs = gcc_jit_type_get_vector(e->t_long, (size_t)n);
    return gcc_jit_context_new_bitcast(e->ctxt, NULL, vector_of(e, longs, n, machine_long(e, bits)), shape->f64);
}

struct value site_constant(struct emitter *e, const struct shape *shape, const struct ins *ins)
{
    if (ins->op == OP_CONST_F64) {
        gcc_jit_rvalue *r = constant_f64(e, shape, ins->imm.d);
        return (struct value){.part = {r, r}};
    }
    int32_t bits = ins->imm.i;
    if (ins->op == OP_CONST_F32)
        memcpy(&bits, &ins->imm.f, sizeof bits);
    gcc_jit_rvalue *r = site_constant_i32(shape, e, bits);
    if (ins->op == OP_CONST_F32)
        r = gcc_jit_context_new_bitcast(e->ctxt, NULL, r, shape->f32);
    return (struct value){.part = {r, NULL}};
}

struct value site_splat(struct site *s, enum type t, gcc_jit_rvalue *v)
{
    struct emitter *e = s->e;
    const struct shape *w = s->shape->vector ? s->shape : &e->vector;
    gcc_jit_rvalue *r = NULL;
    switch (t) {
    case TYPE_F32:
        r = SITE_ASM(s, w->f32, NULL, "vbroadcastss %x1, %0", {e->reg, v});
        break;
    case TYPE_F64:
        r = SITE_ASM(s, w->f64, NULL, "vbroadcastsd %x1, %0", {e->reg, v});
        return (struct value){.part = {r, r}};
    case TYPE_MASK:
        if (e->v4) {
            r = site_let(s, w->mask, gcc_jit_context_new_cast(e->ctxt, NULL, v, w->mask));
            break;
        } /* fallthrough */
    default:
        if (e->v4)
            r = SITE_ASM(s, w->i32, NULL, "vpbroadcastd %1, %0", {"r", v});
        else
            r = SITE_ASM(s, w->i32, NULL, "vmovd %1, %x0\n\tvpbroadcastd %x0, %0", {"r", v});
    }
    return (struct value){.part = {r, NULL}};
}

gcc_jit_rvalue *site_lane0(struct site *s, enum type t, struct value v)
{
    struct emitter *e = s->e;
    switch (t) {
    case TYPE_F32:
        return SITE_ASM(s, e->t_float, NULL, "vmovaps %x1, %x0", {e->reg, v.part[0]});
    case TYPE_F64:
        return SITE_ASM(s, e->t_double, NULL, "vmovaps %x1, %x0", {e->reg, v.part[0]});
    default:
        return SITE_ASM(s, e->t_int, "r", "vmovd %x1, %0", {e->reg, v.part[0]});
    }
}

gcc_jit_rvalue *site_lane_numbers(struct emitter *e)
{
    gcc_jit_rvalue *elements[LANES_MAX];
    for (int i = 0; i < e->vector.lanes; i++)
        elements[i] = machine_int(e, i);
    return gcc_jit_context_new_rvalue_from_vector(e->ctxt, NULL, e->vector.i32, (size_t)e->vector.lanes, elements);
}

static struct value nan_of(struct emitter *e, const struct shape *shape, enum type t)
{
    struct ins ins = {.op = t == TYPE_F64 ? OP_CONST_F64 : OP_CONST_F32};
    if (t == TYPE_F64) {
        uint64_t bits = 0x7ff8000000000000u;
        memcpy(&ins.imm.d, &bits, sizeof bits);
    } else {
        uint32_t bits = 0x7fc00000u;
        memcpy(&ins.imm.f, &bits, sizeof bits);
    }
    return site_constant(e, shape, &ins);
}

/* v where it is a number, the canonical NaN elsewhere. */
gcc_jit_rvalue *site_canonical(struct site *s, enum type t, gcc_jit_rvalue *v)
{
    struct emitter *e = s->e;
    char text[128];
    gcc_jit_type *type = machine_type(s->shape, t);
    gcc_jit_rvalue *nan = nan_of(e, s->shape, t).part[0];
    char kind = t == TYPE_F64 ? 'd' : 's';
    if (s->shape->vector && e->v4) {
        snprintf(text, sizeof text, "vcmpp%c $3, %%1, %%1, %%0", kind);
        gcc_jit_rvalue *k = SITE_ASM(s, e->t_kmask, "Yk", text, {"v", v});
        snprintf(text, sizeof text, "vblendmp%c %%2, %%1, %%0%%{%%3%%}", kind);
        return SITE_ASM(s, type, NULL, text, {"v", v}, {"vm", nan}, {"Yk", k});
    }
    const char *x = s->shape->vector ? "" : "x";
    snprintf(text, sizeof text, "vcmp%c%c $3, %%1, %%1, %%0\n\tvblendvp%c %%%s0, %%%s2, %%%s1, %%%s0",
             s->shape->vector ? 'p' : 's', kind, kind, x, x, x, x);
    return SITE_ASM(s, type, "&x", text, {"x", v}, {"x", nan});
}

struct value site_canonical_value(struct site *s, enum type t, struct value v)
{
    if (t != TYPE_F32 && t != TYPE_F64)
        return v;
    struct value r = {.part = {site_canonical(s, t, v.part[0]), NULL}};
    if (v.part[1])
        r.part[1] = v.part[1] == v.part[0] ? r.part[0] : site_canonical(s, t, v.part[1]);
    return r;
}

gcc_jit_rvalue *site_first_lanes(struct site *s, gcc_jit_rvalue *n)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *lanes = site_lane_numbers(e);
    gcc_jit_rvalue *bound = site_splat(s, TYPE_I32, n).part[0];
    if (e->v4)
        return SITE_ASM(s, e->t_kmask, "Yk", "vpcmpd $1, %2, %1, %0", {"v", lanes}, {"v", bound});
    return SITE_ASM(s, e->vector.i32, NULL, "vpcmpgtd %1, %2, %0", {"x", lanes}, {"x", bound});
}
