/* Conversions between types, and table gathers: operations whose operand and result differ in width. See emit_ops.c. */
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "jit/cc/emit.h"

static struct value one(gcc_jit_rvalue *r)
{
    return (struct value){.part = {r, NULL}};
}

static gcc_jit_rvalue *arg(struct site *s, const struct ins *ins)
{
    return site_get(s, ins->args[0]).part[0];
}

/* The texts of one conversion: how v4 and v3 make the lower and the upper half, and one lane. */
struct texts {
    const char *v4[2], *v3[2], *scalar;
};

static struct value to_wide(struct site *s, gcc_jit_rvalue *a, const struct texts *t)
{
    const char *reg = s->e->reg;
    if (!s->shape->vector)
        return one(SITE_ASM(s, s->e->t_double, NULL, t->scalar, {reg, a}));
    struct value r = {0};
    for (int part = 0; part < s->shape->parts; part++)
        r.part[part] = SITE_ASM(s, s->shape->f64, NULL, s->e->v4 ? t->v4[part] : t->v3[part], {reg, a});
    return r;
}

/* v4[0], v3[0]: one half into the lower half of a register. */
static struct value to_narrow(struct site *s, gcc_jit_type *type, struct value a, const struct texts *t)
{
    const char *reg = s->e->reg;
    const char *join = s->e->v4 ? "vinsertf32x8 $1, %t2, %1, %0" : "vinsertf128 $1, %x2, %1, %0";
    const char *narrow = s->e->v4 ? t->v4[0] : t->v3[0];
    gcc_jit_rvalue *low = SITE_ASM(s, type, NULL, narrow, {reg, a.part[0]});
    if (s->shape->parts == 1)
        return one(low);
    gcc_jit_rvalue *high = low;
    if (a.part[1] && a.part[1] != a.part[0])
        high = SITE_ASM(s, type, NULL, narrow, {reg, a.part[1]});
    return one(SITE_ASM(s, type, NULL, join, {reg, low}, {reg, high}));
}

struct value emit_widen(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    static const struct texts t = {
        {"vcvtps2pd %t1, %0", "vextractf32x8 $1, %1, %t0\n\tvcvtps2pd %t0, %0"},
        {"vcvtps2pd %x1, %0", "vextractf128 $1, %1, %x0\n\tvcvtps2pd %x0, %0"},
        "vcvtss2sd %1, %1, %0",
    };
    return to_wide(s, arg(s, ins), &t);
}

struct value emit_narrow(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    static const struct texts t = {{"vcvtpd2ps %1, %t0"}, {"vcvtpd2ps %1, %x0"}, "vcvtsd2ss %1, %1, %0"};
    struct value a = site_get(s, ins->args[0]);
    if (!s->shape->vector)
        return one(SITE_ASM(s, s->e->t_float, NULL, t.scalar, {s->e->reg, a.part[0]}));
    return to_narrow(s, s->shape->f32, a, &t);
}

/* Integers to floats: gcc's own conversion is the instruction, and exact in how it folds. */
static struct value scalar_cast(struct site *s, gcc_jit_type *type, gcc_jit_rvalue *a)
{
    return one(site_let(s, type, gcc_jit_context_new_cast(s->e->ctxt, NULL, a, type)));
}

struct value emit_f32_i32(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    if (!s->shape->vector)
        return scalar_cast(s, s->e->t_float, arg(s, ins));
    return one(SITE_ASM(s, s->shape->f32, NULL, "vcvtdq2ps %1, %0", {s->e->reg, arg(s, ins)}));
}

struct value emit_f64_i32(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    static const struct texts t = {
        {"vcvtdq2pd %t1, %0", "vextracti32x8 $1, %1, %t0\n\tvcvtdq2pd %t0, %0"},
        {"vcvtdq2pd %x1, %0", "vextracti128 $1, %1, %x0\n\tvcvtdq2pd %x0, %0"},
        NULL,
    };
    if (!s->shape->vector)
        return scalar_cast(s, s->e->t_double, arg(s, ins));
    return to_wide(s, arg(s, ins), &t);
}

struct value emit_i32_f32(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    if (!s->shape->vector)
        return one(SITE_ASM(s, s->e->t_int, "r", "vcvttss2si %1, %0", {s->e->reg, arg(s, ins)}));
    return one(SITE_ASM(s, s->shape->i32, NULL, "vcvttps2dq %1, %0", {s->e->reg, arg(s, ins)}));
}

struct value emit_i32_f64(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    static const struct texts t = {{"vcvttpd2dq %1, %t0"}, {"vcvttpd2dq %1, %x0"}, NULL};
    if (!s->shape->vector)
        return one(SITE_ASM(s, s->e->t_int, "r", "vcvttsd2si %1, %0", {s->e->reg, arg(s, ins)}));
    return to_narrow(s, s->shape->i32, site_get(s, ins->args[0]), &t);
}

struct value emit_bits_f32(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    gcc_jit_rvalue *a = site_canonical(s, TYPE_F32, arg(s, ins));
    return one(site_let(s, s->shape->i32, gcc_jit_context_new_bitcast(s->e->ctxt, NULL, a, s->shape->i32)));
}

struct value emit_from_bits(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    gcc_jit_rvalue *a = gcc_jit_context_new_bitcast(s->e->ctxt, NULL, arg(s, ins), s->shape->f32);
    return one(site_canonical(s, TYPE_F32, site_let(s, s->shape->f32, a)));
}

struct value emit_high_f64(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    static const struct texts t = {{"vpsrlq $32, %1, %0\n\tvpmovqd %0, %t0"}, {NULL}, NULL};
    struct value a = site_canonical_value(s, TYPE_F64, site_get(s, ins->args[0]));
    if (!s->shape->vector)
        return one(SITE_ASM(s, s->e->t_int, "r", "vpextrd $1, %1, %0", {"x", a.part[0]}));
    if (s->e->v4)
        return to_narrow(s, s->shape->i32, a, &t);
    if (s->shape->parts == 1)
        return one(SITE_ASM(s, s->shape->i32, "&x", "vextracti128 $1, %1, %0\n\tvshufps $0xdd, %0, %x1, %0",
                            {"x", a.part[0]}));
    return one(SITE_ASM(s, s->shape->i32, NULL, "vshufps $0xdd, %2, %1, %0\n\tvpermpd $0xd8, %0, %0", {"x", a.part[0]},
                        {"x", a.part[1]}));
}

struct value emit_from_high(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    static const struct texts t = {
        {"vpmovzxdq %t1, %0\n\tvpsllq $32, %0, %0",
         "vextracti32x8 $1, %1, %t0\n\tvpmovzxdq %t0, %0\n\tvpsllq $32, %0, %0"},
        {"vpmovzxdq %x1, %0\n\tvpsllq $32, %0, %0",
         "vextracti128 $1, %1, %x0\n\tvpmovzxdq %x0, %0\n\tvpsllq $32, %0, %0"},
        NULL,
    };
    struct value r;
    if (s->shape->vector)
        r = to_wide(s, arg(s, ins), &t);
    else
        r = one(SITE_ASM(s, s->e->t_double, "x", "vmovd %1, %0\n\tvpsllq $32, %0, %0", {"r", arg(s, ins)}));
    return site_canonical_value(s, TYPE_F64, r);
}

/* A table as assembly text: gcc need not look at its elements, and libgccjit cannot make a constant array of bytes. */
static void table_define(struct emitter *e, uint32_t index)
{
    const struct ir_table *t = &e->ir->tables[index];
    size_t cap = 96 + strlen(e->name) + (size_t)t->n * sizeof " 0x00000000,", n;
    char *text = arena_alloc(e->arena, cap);
    n = (size_t)snprintf(text, cap, "\t.pushsection .rodata\n\t.balign 64\n.L%s_table_%u:", e->name, index);
    for (uint32_t i = 0; i < t->n; i++)
        n += (size_t)snprintf(text + n, cap - n, "%s 0x%x", i % 16 ? "," : "\n\t.long", (unsigned)t->data.i[i]);
    snprintf(text + n, cap - n, "\n\t.popsection");
    gcc_jit_context_add_top_level_asm(e->ctxt, NULL, text);
    e->tables[index] = true;
}

static gcc_jit_rvalue *table_base(struct site *s, uint32_t index)
{
    struct emitter *e = s->e;
    if (!e->tables[index])
        table_define(e, index);
    const char *text = arena_printf(e->arena, "lea .L%s_table_%u(%%%%rip), %%0", e->name, index);
    return SITE_ASM0(s, e->ir->tables[index].type == TYPE_F32 ? e->t_float_ptr : e->t_int_ptr, "r", text);
}

gcc_jit_rvalue *site_gather(struct site *s, gcc_jit_type *type, gcc_jit_rvalue *base, gcc_jit_rvalue *index,
                            bool memory)
{
    struct emitter *e = s->e;
    const char *text = e->v4 ? "kxnorw %1, %1, %1\n\tvpxord %0, %0, %0\n\tvpgatherdd (%2,%3,4), %0%{%1%}"
                             : "vpcmpeqd %1, %1, %1\n\tvpxor %0, %0, %0\n\tvpgatherdd %1, (%2,%3,4), %0";
    gcc_jit_lvalue *to = site_local(s, type, "g");
    gcc_jit_lvalue *mask = site_local(s, s->e->vector.mask, "gk");
    gcc_jit_extended_asm *a = gcc_jit_block_add_extended_asm(s->block, NULL, text);
    gcc_jit_extended_asm_add_output_operand(a, NULL, e->v4 ? "=&v" : "=&x", to);
    gcc_jit_extended_asm_add_output_operand(a, NULL, e->v4 ? "=&Yk" : "=&x", mask);
    gcc_jit_extended_asm_add_input_operand(a, NULL, "r", base);
    gcc_jit_extended_asm_add_input_operand(a, NULL, e->reg, index);
    if (memory) {
        gcc_jit_extended_asm_set_volatile_flag(a, 1);
        gcc_jit_extended_asm_add_clobber(a, "memory");
    }
    return gcc_jit_lvalue_as_rvalue(to);
}

struct value emit_gather(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct emitter *e = s->e;
    const struct ir_table *t = &e->ir->tables[ins->imm.i];
    gcc_jit_type *type = machine_type(s->shape, t->type);
    gcc_jit_rvalue *base = table_base(s, (uint32_t)ins->imm.i);
    gcc_jit_rvalue *mask = site_constant_i32(s->shape, e, (int32_t)(t->n - 1));
    gcc_jit_rvalue *index = site_binary(s, GCC_JIT_BINARY_OP_BITWISE_AND, s->shape->i32, arg(s, ins), mask);
    if (s->shape->vector)
        return one(site_gather(s, type, base, index, false));
    gcc_jit_lvalue *at = gcc_jit_context_new_array_access(e->ctxt, NULL, base, index);
    return one(site_let(s, type, gcc_jit_lvalue_as_rvalue(at)));
}
