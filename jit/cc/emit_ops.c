/* One operation into one machine instruction, in any shape: the machine column of ops.def spelled out.
 *
 * In: a site and an instruction whose operands are at hand. Out: its value. Sources, state and calls have their own
 * files. */
#include <stdio.h>

#include "core/arena.h"
#include "jit/cc/emit.h"

enum how { HOW_NATIVE, HOW_ASM, HOW_FMA, HOW_ROUND, HOW_COMPARE, HOW_SHIFT, HOW_CUSTOM };

struct row {
    enum how how;
    const char *name;
    int imm;
    enum gcc_jit_binary_op binary;
    emit_op *custom;
};

#define NATIVE(o)                                                                                                      \
    {                                                                                                                  \
        .how = HOW_NATIVE, .binary = GCC_JIT_BINARY_OP_##o                                                             \
    }
#define ASM1(m)                                                                                                        \
    {                                                                                                                  \
        .how = HOW_ASM, .name = #m                                                                                     \
    }
#define ASM2(m)                                                                                                        \
    {                                                                                                                  \
        .how = HOW_ASM, .name = #m                                                                                     \
    }
#define ASM3(m)                                                                                                        \
    {                                                                                                                  \
        .how = HOW_FMA, .name = #m                                                                                     \
    }
#define ROUND(i)                                                                                                       \
    {                                                                                                                  \
        .how = HOW_ROUND, .imm = i                                                                                     \
    }
#define COMPARE(p)                                                                                                     \
    {                                                                                                                  \
        .how = HOW_COMPARE, .imm = p                                                                                   \
    }
#define SHIFT(m)                                                                                                       \
    {                                                                                                                  \
        .how = HOW_SHIFT, .name = #m                                                                                   \
    }
#define CUSTOM(f)                                                                                                      \
    {                                                                                                                  \
        .how = HOW_CUSTOM, .custom = emit_##f                                                                          \
    }
static const struct row rows[OP_COUNT] = {
#define OP(id, text, result, args, flags, meaning, machine) [OP_##id] = machine,
#include "core/ops.def"
#undef OP
};

/* "ps" "pd" "ss" "sd" */
static const char *suffix(const struct site *s, enum type t)
{
    if (s->shape->vector)
        return t == TYPE_F64 ? "pd" : "ps";
    return t == TYPE_F64 ? "sd" : "ss";
}

static enum type result_of(const struct ins *ins)
{
    return op_info(ins->op)->result;
}

/* How many vectors a value of this type takes here. */
static int parts_of(const struct site *s, enum type t)
{
    return t == TYPE_F64 ? s->shape->parts : 1;
}

static struct value one(gcc_jit_rvalue *r)
{
    return (struct value){.part = {r, NULL}};
}

typedef gcc_jit_rvalue *part_op(struct site *s, const struct ins *ins, const struct value *args, int part);

/* Applies `op` to each part; operands that are the same in both parts are computed once. */
static struct value each_part(struct site *s, const struct ins *ins, part_op *op)
{
    struct value args[3] = {0}, r = {0};
    bool uniform = true;
    for (uint32_t k = 0; k < ins->n_args; k++) {
        args[k] = site_get(s, ins->args[k]);
        uniform = uniform && args[k].part[0] == args[k].part[1];
    }
    int n = parts_of(s, result_of(ins));
    r.part[0] = op(s, ins, args, 0);
    if (n == 2)
        r.part[1] = uniform ? r.part[0] : op(s, ins, args, 1);
    return r;
}

static const char *float_name(enum gcc_jit_binary_op op)
{
    switch (op) {
    case GCC_JIT_BINARY_OP_PLUS:
        return "vadd";
    case GCC_JIT_BINARY_OP_MINUS:
        return "vsub";
    case GCC_JIT_BINARY_OP_MULT:
        return "vmul";
    default:
        return "vdiv";
    }
}

static gcc_jit_rvalue *float_part(struct site *s, const struct ins *ins, const struct value *args, int part)
{
    char text[64];
    const struct row *row = &rows[ins->op];
    const char *name = row->how == HOW_NATIVE ? float_name(row->binary) : row->name;
    enum type t = result_of(ins);
    const char *reg = s->e->reg;
    if (ins->n_args == 1) {
        snprintf(text, sizeof text, s->shape->vector ? "%s%s %%1, %%0" : "%s%s %%1, %%1, %%0", name, suffix(s, t));
        return SITE_ASM(s, machine_type(s->shape, t), NULL, text, {reg, args[0].part[part]});
    }
    snprintf(text, sizeof text, "%s%s %%2, %%1, %%0", name, suffix(s, t));
    return SITE_ASM(s, machine_type(s->shape, t), NULL, text, {reg, args[0].part[part]},
                    {s->e->reg_or_mem, args[1].part[part]});
}

/* Which operand gives up its register: one that dies, else a constant, which has to be loaded anyway. */
static int fma_tied(const struct value *args)
{
    static const int order[3] = {2, 1, 0};
    for (int k = 0; k < 3; k++)
        if (args[order[k]].dies)
            return order[k];
    for (int k = 0; k < 3; k++)
        if (args[order[k]].constant)
            return order[k];
    return 2;
}

static gcc_jit_rvalue *fma_part(struct site *s, const struct ins *ins, const struct value *args, int part)
{
    char text[64];
    enum type t = result_of(ins);
    int tied = fma_tied(args);
    const char *form = tied == 2 ? "231" : "213";
    int x = tied == 0 ? 1 : 0, y = tied == 2 ? 1 : 2;
    snprintf(text, sizeof text, "vfmadd%s%s %%3, %%2, %%0", form, suffix(s, t));
    return SITE_ASM(s, machine_type(s->shape, t), NULL, text, {"0", args[tied].part[part]},
                    {s->e->reg, args[x].part[part]}, {s->e->reg_or_mem, args[y].part[part]});
}

static gcc_jit_rvalue *round_part(struct site *s, const struct ins *ins, const struct value *args, int part)
{
    char text[64];
    enum type t = result_of(ins);
    bool v4 = s->e->v4;
    const char *name = v4 ? "vrndscale" : "vround";
    snprintf(text, sizeof text, s->shape->vector ? "%s%s $%d, %%1, %%0" : "%s%s $%d, %%1, %%1, %%0", name, suffix(s, t),
             rows[ins->op].imm);
    return SITE_ASM(s, machine_type(s->shape, t), NULL, text, {s->e->reg, args[0].part[part]});
}

static struct value emit_native(struct site *s, const struct ins *ins)
{
    if (result_of(ins) != TYPE_I32)
        return each_part(s, ins, float_part);
    gcc_jit_rvalue *a = site_get(s, ins->args[0]).part[0], *b = site_get(s, ins->args[1]).part[0];
    return one(site_binary(s, rows[ins->op].binary, s->shape->i32, a, b));
}

/* Joins two masks of half the lanes. */
static gcc_jit_rvalue *join_masks(struct site *s, gcc_jit_rvalue *lo, gcc_jit_rvalue *hi)
{
    if (s->e->v4)
        return SITE_ASM(s, s->e->t_kmask, "Yk", "kunpckbw %1, %2, %0", {"Yk", lo}, {"Yk", hi});
    return SITE_ASM(s, s->shape->i32, NULL, "vshufps $0x88, %2, %1, %0\n\tvpermpd $0xd8, %0, %0", {"x", lo}, {"x", hi});
}

/* One lane of a comparison as selects like it best, a register full of it: a double or float of ones or zeros, or a
 * mask register. As an int it would come late. */
static gcc_jit_rvalue *lane_mask(struct site *s, enum type t, const char *text, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    struct emitter *e = s->e;
    gcc_jit_type *type = e->v4 ? e->t_kmask : machine_type(s->shape, t);
    return SITE_ASM(s, type, e->v4 ? "Yk" : "x", text, {e->reg, a}, {e->reg_or_mem, b});
}

static struct value emit_compare(struct site *s, const struct ins *ins)
{
    char text[64];
    enum type t = type_by_letter(op_info(ins->op)->args[0]);
    struct value a = site_get(s, ins->args[0]), b = site_get(s, ins->args[1]);
    bool k = s->e->v4 && s->shape->vector;
    gcc_jit_rvalue *r[2];
    snprintf(text, sizeof text, "vcmp%s $%d, %%2, %%1, %%0", suffix(s, t), rows[ins->op].imm);
    for (int part = 0; part < parts_of(s, t); part++)
        r[part] = SITE_ASM(s, s->shape->mask, k ? "Yk" : "x", text, {k ? "v" : "x", a.part[part]},
                           {k ? "vm" : "xm", b.part[part]});
    if (!s->shape->vector) /* gcc leaves out what nobody uses */
        return (struct value){.part = {r[0], lane_mask(s, t, text, a.part[0], b.part[0])}};
    return one(parts_of(s, t) == 2 ? join_masks(s, r[0], r[1]) : r[0]);
}

static struct value emit_shift(struct site *s, const struct ins *ins)
{
    char text[64];
    gcc_jit_rvalue *a = site_get(s, ins->args[0]).part[0];
    struct emitter *e = s->e;
    if (s->shape->vector) {
        snprintf(text, sizeof text, "%s $%d, %%1, %%0", rows[ins->op].name, ins->imm.i);
        return one(SITE_ASM(s, s->shape->i32, NULL, text, {e->reg, a}));
    }
    gcc_jit_rvalue *by = machine_int(e, ins->imm.i);
    if (ins->op == OP_SAR_I32)
        return one(site_binary(s, GCC_JIT_BINARY_OP_RSHIFT, e->t_int, a, by));
    gcc_jit_type *u = gcc_jit_context_get_int_type(e->ctxt, 4, 0);
    enum gcc_jit_binary_op op = ins->op == OP_SHL_I32 ? GCC_JIT_BINARY_OP_LSHIFT : GCC_JIT_BINARY_OP_RSHIFT;
    gcc_jit_rvalue *wide = gcc_jit_context_new_cast(e->ctxt, NULL, a, u);
    gcc_jit_rvalue *r =
        gcc_jit_context_new_binary_op(e->ctxt, NULL, op, u, wide, gcc_jit_context_new_cast(e->ctxt, NULL, by, u));
    return one(site_let(s, e->t_int, gcc_jit_context_new_cast(e->ctxt, NULL, r, e->t_int)));
}

/* Sign bits by `vxor` or `vand` with a constant of the value's own type. */
static gcc_jit_rvalue *sign_part(struct site *s, const struct ins *ins, const struct value *args, int part)
{
    bool wide = result_of(ins) == TYPE_F64, neg = ins->op == OP_NEG_F32 || ins->op == OP_NEG_F64;
    struct ins bits = {.op = wide ? OP_CONST_F64 : OP_CONST_F32};
    union {
        uint64_t u;
        double d;
    } w = {neg ? 0x8000000000000000u : 0x7fffffffffffffffu};
    union {
        uint32_t u;
        float f;
    } n = {neg ? 0x80000000u : 0x7fffffffu};
    if (wide)
        bits.imm.d = w.d;
    else
        bits.imm.f = n.f;
    char text[64];
    snprintf(text, sizeof text, "%s%s %%2, %%1, %%0", neg ? "vxor" : "vand", wide ? "pd" : "ps");
    return SITE_ASM(s, machine_type(s->shape, result_of(ins)), NULL, text, {s->e->reg, args[0].part[part]},
                    {s->shape->vector ? s->e->reg_or_mem : s->e->reg, site_constant(s->e, s->shape, &bits).part[0]});
}

struct value emit_neg(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    return each_part(s, ins, sign_part);
}

struct value emit_abs(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    return each_part(s, ins, sign_part);
}

static struct value emit_bool(struct site *s, const struct ins *ins, enum gcc_jit_comparison how, const char *v4,
                              const char *v3)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *a = site_get(s, ins->args[0]).part[0], *b = site_get(s, ins->args[1]).part[0];
    if (s->shape->vector && e->v4)
        return one(SITE_ASM(s, e->t_kmask, "Yk", v4, {"v", a}, {"vm", b}));
    if (s->shape->vector)
        return one(SITE_ASM(s, s->shape->i32, NULL, v3, {"x", a}, {"x", b}));
    gcc_jit_rvalue *is =
        gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_context_new_comparison(e->ctxt, NULL, how, a, b), e->t_int);
    return one(
        site_let(s, e->t_int, gcc_jit_context_new_unary_op(e->ctxt, NULL, GCC_JIT_UNARY_OP_MINUS, e->t_int, is)));
}

struct value emit_lt_i32(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    return emit_bool(s, ins, GCC_JIT_COMPARISON_LT, "vpcmpd $1, %2, %1, %0", "vpcmpgtd %1, %2, %0");
}

struct value emit_eq_i32(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    return emit_bool(s, ins, GCC_JIT_COMPARISON_EQ, "vpcmpd $0, %2, %1, %0", "vpcmpeqd %1, %2, %0");
}

/* One lane of a mask as lane_mask() gives it, when both have that. NULL else. */
static gcc_jit_rvalue *lane_logic(struct site *s, bool both, const struct value *a, const struct value *b)
{
    bool v4 = s->e->v4;
    if (s->shape->vector || !a->part[1] || !b->part[1])
        return NULL;
    gcc_jit_type *type = gcc_jit_rvalue_get_type(a->part[1]);
    if (type != gcc_jit_rvalue_get_type(b->part[1]))
        return NULL;
    if (v4)
        return SITE_ASM(s, type, "Yk", both ? "kandw %2, %1, %0" : "korw %2, %1, %0", {"Yk", a->part[1]},
                        {"Yk", b->part[1]});
    return SITE_ASM(s, type, NULL, both ? "vandps %2, %1, %0" : "vorps %2, %1, %0", {"x", a->part[1]},
                    {"x", b->part[1]});
}

static gcc_jit_rvalue *lane_not(struct site *s, gcc_jit_rvalue *a)
{
    if (s->shape->vector || !a)
        return NULL;
    gcc_jit_type *type = gcc_jit_rvalue_get_type(a);
    if (s->e->v4)
        return SITE_ASM(s, type, "Yk", "knotw %1, %0", {"Yk", a});
    return SITE_ASM(s, type, "&x", "vpcmpeqd %0, %0, %0\n\tvpxor %1, %0, %0", {"x", a});
}

struct value emit_mask_logic(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct emitter *e = s->e;
    bool k = s->shape->vector && e->v4;
    struct value x = site_get(s, ins->args[0]);
    gcc_jit_rvalue *a = x.part[0];
    if (ins->op == OP_NOT_MASK) {
        if (k)
            return one(SITE_ASM(s, e->t_kmask, "Yk", "knotw %1, %0", {"Yk", a}));
        a = site_binary(s, GCC_JIT_BINARY_OP_BITWISE_XOR, s->shape->i32, a, site_constant_i32(s->shape, e, -1));
        return (struct value){.part = {a, lane_not(s, x.part[1])}};
    }
    struct value y = site_get(s, ins->args[1]);
    gcc_jit_rvalue *b = y.part[0];
    bool both = ins->op == OP_AND_MASK;
    if (k)
        return one(SITE_ASM(s, e->t_kmask, "Yk", both ? "kandw %2, %1, %0" : "korw %2, %1, %0", {"Yk", a}, {"Yk", b}));
    a = site_binary(s, both ? GCC_JIT_BINARY_OP_BITWISE_AND : GCC_JIT_BINARY_OP_BITWISE_OR, s->shape->i32, a, b);
    return (struct value){.part = {a, lane_logic(s, both, &x, &y)}};
}

static gcc_jit_rvalue *select_v4(struct site *s, enum type t, const struct value *args, int part)
{
    const char *text = t == TYPE_F64   ? "vblendmpd %2, %3, %0%{%1%}"
                       : t == TYPE_I32 ? "vpblendmd %2, %3, %0%{%1%}"
                                       : "vblendmps %2, %3, %0%{%1%}";
    gcc_jit_rvalue *mask = args[0].part[0];
    if (part == 1)
        mask = SITE_ASM(s, s->e->t_kmask, "Yk", "kshiftrw $8, %1, %0", {"Yk", mask});
    return SITE_ASM(s, machine_type(s->shape, t), NULL, text, {"Yk", mask}, {"vm", args[1].part[part]},
                    {"v", args[2].part[part]});
}

/* By what lane_mask() made. */
static gcc_jit_rvalue *select_lane(struct site *s, enum type t, gcc_jit_rvalue *mask, gcc_jit_rvalue *b,
                                   gcc_jit_rvalue *c)
{
    gcc_jit_type *type = machine_type(s->shape, t);
    if (s->e->v4)
        return SITE_ASM(s, type, NULL, t == TYPE_F64 ? "vblendmpd %2, %3, %0%{%1%}" : "vblendmps %2, %3, %0%{%1%}",
                        {"Yk", mask}, {"v", b}, {"v", c});
    gcc_jit_rvalue *chosen = SITE_ASM(s, type, NULL, "vandps %2, %1, %0", {"x", mask}, {"x", b});
    gcc_jit_rvalue *other = SITE_ASM(s, type, NULL, "vandnps %2, %1, %0", {"x", mask}, {"x", c});
    return SITE_ASM(s, type, NULL, "vorps %2, %1, %0", {"x", chosen}, {"x", other});
}

static gcc_jit_rvalue *select_part(struct site *s, const struct ins *ins, const struct value *args, int part)
{
    enum type t = result_of(ins);
    gcc_jit_rvalue *lane = s->shape->vector || t == TYPE_I32 ? NULL : args[0].part[1];
    if (lane && (s->e->v4 || t == TYPE_F32 || gcc_jit_rvalue_get_type(lane) == s->e->t_double))
        return select_lane(s, t, lane, args[1].part[part], args[2].part[part]);
    if (s->shape->vector && s->e->v4)
        return select_v4(s, t, args, part);
    const char *mem = s->shape->vector ? "xm" : "x";
    gcc_jit_type *type = machine_type(s->shape, t);
    gcc_jit_rvalue *m = args[0].part[0], *b = args[1].part[part], *c = args[2].part[part];
    if (t == TYPE_I32 && !s->shape->vector) { /* c ^ ((b ^ c) & m) */
        gcc_jit_rvalue *d = site_binary(s, GCC_JIT_BINARY_OP_BITWISE_XOR, type, b, c);
        return site_binary(s, GCC_JIT_BINARY_OP_BITWISE_XOR, type,
                           site_binary(s, GCC_JIT_BINARY_OP_BITWISE_AND, type, d, m), c);
    }
    if (t == TYPE_F64) {
        const char *wide = part ? "vextracti128 $1, %1, %x0\n\tvpmovsxdq %x0, %0" : "vpmovsxdq %x1, %0";
        m = SITE_ASM(s, type, "x", wide, {"x", m});
        return SITE_ASM(s, type, "x", "vblendvpd %1, %2, %3, %0", {"x", m}, {mem, b}, {"x", c});
    }
    return SITE_ASM(s, type, "x", "vblendvps %1, %2, %3, %0", {"x", m}, {mem, b}, {"x", c});
}

struct value site_select(struct site *s, enum type t, gcc_jit_rvalue *mask, struct value a, struct value b)
{
    struct ins ins = {.op = t == TYPE_F64 ? OP_SEL_F64 : t == TYPE_F32 ? OP_SEL_F32 : OP_SEL_I32};
    struct value args[3] = {one(mask), a, b}, v = {0};
    for (int part = 0; part < parts_of(s, t); part++)
        v.part[part] = select_part(s, &ins, args, part);
    return v;
}

struct value emit_select(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    return each_part(s, ins, select_part);
}

static struct value emit_row_of(struct site *s, struct val v, const struct ins *ins)
{
    switch (rows[ins->op].how) {
    case HOW_NATIVE:
        return emit_native(s, ins);
    case HOW_ASM:
        return each_part(s, ins, float_part);
    case HOW_FMA:
        return each_part(s, ins, fma_part);
    case HOW_ROUND:
        return each_part(s, ins, round_part);
    case HOW_COMPARE:
        return emit_compare(s, ins);
    case HOW_SHIFT:
        return emit_shift(s, ins);
    default:
        return rows[ins->op].custom(s, v, ins);
    }
}

struct value site_emit(struct site *s, struct val v)
{
    struct value r = emit_row_of(s, v, &s->code->ins[v.i]);
    r.dies = s->uses[v.i] == 1;
    site_remember(s, v, r);
    return r;
}
