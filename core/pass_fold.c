/* Constant folding and algebra on structural constants.
 *
 * What depends on constants alone is computed by the engine's own code (interp_fold), in functions too. Of
 * floating-point algebra only what gives the same number for every operand, NaN, infinities and both zeros among them:
 * x * 1, x / 1, x + -0, x - 0, a sign taken twice; x + 0 is not x when x is -0, and x * 0, x - x and x / x are nothing
 * known when x may be NaN. One thing may differ: x * 1 would flush a denormal x to zero and x does not, here as with
 * every dropped operation. Whole numbers wrap, so there everything goes. Arguments are never constants, whatever number
 * they hold.
 *
 * Instructions made useless stay for the pass `dead`. New constants come first in the body. */
#include <math.h>
#include <string.h>

#include "core/interp.h"
#include "core/pass.h"
#include "core/pass_fold_call.h"

enum truth { UNKNOWN, FALSE, TRUE };

/* Instructions that folded calls may run in one body: a millisecond. Calls beyond are left to the engine. */
enum { CALL_BUDGET = 10000 };

/* The operations of one floating-point type, and its numbers' bits. */
struct family {
    enum op constant, add, sub, mul, div, fma, min, max, neg, abs, floor, rint, lt, sel, from_i32;
    uint64_t one, sign;
    int mantissa, bias;
};

static const struct family f32_family = {
    OP_CONST_F32, OP_ADD_F32, OP_SUB_F32, OP_MUL_F32,   OP_DIV_F32,  OP_FMA_F32, OP_MIN_F32,
    OP_MAX_F32,   OP_NEG_F32, OP_ABS_F32, OP_FLOOR_F32, OP_RINT_F32, OP_LT_F32,  OP_SEL_F32,
    OP_F32_I32,   0x3f800000, 0x80000000, 23,           127,
};
static const struct family f64_family = {
    OP_CONST_F64, OP_ADD_F64,         OP_SUB_F64,         OP_MUL_F64,   OP_DIV_F64,  OP_FMA_F64, OP_MIN_F64,
    OP_MAX_F64,   OP_NEG_F64,         OP_ABS_F64,         OP_FLOOR_F64, OP_RINT_F64, OP_LT_F64,  OP_SEL_F64,
    OP_F64_I32,   0x3ff0000000000000, 0x8000000000000000, 52,           1023,
};

struct fold {
    struct ir *ir;
    struct body body;
    uint32_t n;     /* instructions of the body; value n + k is extra[k] */
    uint32_t *to;   /* by value: what stands for it */
    uint8_t *truth; /* by value: of masks, enum truth */
    struct ins *extra;
    uint32_t n_extra, cap_extra;
    uint32_t budget;
    bool changed;
};

static const struct ins *look(const struct fold *f, struct val v)
{
    return v.i < f->n ? &f->body.code->ins[v.i] : &f->extra[v.i - f->n];
}

static bool is_op(const struct fold *f, struct val v, enum op op)
{
    return look(f, v)->op == op;
}

static struct val operand(const struct fold *f, struct val v, uint32_t k)
{
    return look(f, v)->args[k];
}

static bool same(struct val a, struct val b)
{
    return a.i == b.i;
}

/* Is it the constant of this operation with these bits? */
static bool is_bits(const struct fold *f, struct val v, enum op constant, uint64_t bits)
{
    return is_op(f, v, constant) && ins_imm_bits(look(f, v)) == bits;
}

static struct val new_const(struct fold *f, enum op op, uint64_t bits)
{
    if (f->n_extra == f->cap_extra) {
        uint32_t cap = f->cap_extra ? f->cap_extra * 2 : 8;
        f->extra = arena_grow(f->ir->arena, f->extra, f->n_extra, cap, sizeof *f->extra);
        f->cap_extra = cap;
    }
    struct ins ins = {.op = op};
    uint32_t low = (uint32_t)bits;
    if (op == OP_CONST_F64)
        memcpy(&ins.imm.d, &bits, sizeof bits);
    else
        memcpy(&ins.imm.i, &low, sizeof low);
    f->extra[f->n_extra] = ins;
    return (struct val){f->n + f->n_extra++};
}

/* What a rule does with instruction `at`. All return true: something changed. */

static bool becomes(struct fold *f, uint32_t at, struct val v)
{
    f->to[at] = v.i;
    return true;
}

static bool becomes_const(struct fold *f, uint32_t at, enum op constant, uint64_t bits)
{
    struct ins *ins = &f->body.code->ins[at];
    uint32_t low = (uint32_t)bits;
    ins->op = constant;
    ins->n_args = 0;
    if (constant == OP_CONST_F64)
        memcpy(&ins->imm.d, &bits, sizeof bits);
    else
        memcpy(&ins->imm.i, &low, sizeof low);
    if (constant == OP_CONST_F32 && isnan(ins->imm.f)) /* a NaN's payload is nothing to tell constants apart by */
        ins->imm.f = NAN;
    if (constant == OP_CONST_F64 && isnan(ins->imm.d))
        ins->imm.d = (double)NAN;
    return true;
}

static bool becomes_ins1(struct fold *f, uint32_t at, enum op op, struct val a)
{
    struct ins *ins = &f->body.code->ins[at];
    ins->op = op;
    ins->args[0] = a;
    ins->n_args = 1;
    return true;
}

static bool becomes_ins2(struct fold *f, uint32_t at, enum op op, struct val a, struct val b)
{
    becomes_ins1(f, at, op, a);
    f->body.code->ins[at].args[1] = b;
    f->body.code->ins[at].n_args = 2;
    return true;
}

static bool becomes_truth(struct fold *f, uint32_t at, bool truth)
{
    f->truth[at] = truth ? TRUE : FALSE;
    return false; /* only its users change */
}

static uint64_t bits_of(const struct fold *f, struct val v)
{
    return ins_imm_bits(look(f, v));
}

static struct val negated(struct fold *f, const struct family *t, struct val constant)
{
    return new_const(f, t->constant, bits_of(f, constant) ^ t->sign);
}

/* Is 1 / v exact and normal, as is v? */
static bool is_power_of_two(const struct fold *f, const struct family *t, struct val v)
{
    if (!is_op(f, v, t->constant))
        return false;
    uint64_t bits = bits_of(f, v) & ~t->sign;
    uint64_t exponent = bits >> t->mantissa;
    return (bits & ((1ull << t->mantissa) - 1)) == 0 && exponent >= 1 && exponent < 2 * (uint64_t)t->bias;
}

static bool fold_add(struct fold *f, uint32_t at, const struct family *t, struct val a, struct val b)
{
    if (is_bits(f, b, t->constant, t->sign))
        return becomes(f, at, a);
    if (is_bits(f, a, t->constant, t->sign))
        return becomes(f, at, b);
    bool a_neg = is_op(f, a, t->neg), b_neg = is_op(f, b, t->neg);
    if (a_neg == b_neg) /* with two signs there is no order that commuting them would not change */
        return false;
    return b_neg ? becomes_ins2(f, at, t->sub, a, operand(f, b, 0)) : becomes_ins2(f, at, t->sub, b, operand(f, a, 0));
}

static bool fold_sub(struct fold *f, uint32_t at, const struct family *t, struct val a, struct val b)
{
    if (is_op(f, b, t->constant))
        return becomes_ins2(f, at, t->add, a, negated(f, t, b));
    if (is_op(f, b, t->neg))
        return becomes_ins2(f, at, t->add, a, operand(f, b, 0));
    if (is_bits(f, a, t->constant, t->sign))
        return becomes_ins1(f, at, t->neg, b);
    return false;
}

static bool fold_mul(struct fold *f, uint32_t at, const struct family *t, struct val a, struct val b)
{
    if (is_bits(f, b, t->constant, t->one))
        return becomes(f, at, a);
    if (is_bits(f, a, t->constant, t->one))
        return becomes(f, at, b);
    bool a_neg = is_op(f, a, t->neg), b_neg = is_op(f, b, t->neg);
    if (a_neg && b_neg)
        return becomes_ins2(f, at, t->mul, operand(f, a, 0), operand(f, b, 0));
    if (a_neg && is_op(f, b, t->constant))
        return becomes_ins2(f, at, t->mul, operand(f, a, 0), negated(f, t, b));
    if (b_neg && is_op(f, a, t->constant))
        return becomes_ins2(f, at, t->mul, operand(f, b, 0), negated(f, t, a));
    return false;
}

static bool fold_div(struct fold *f, uint32_t at, const struct family *t, struct val a, struct val b)
{
    if (is_bits(f, b, t->constant, t->one))
        return becomes(f, at, a);
    if (!is_power_of_two(f, t, b))
        return false;
    uint64_t bits = bits_of(f, b);
    uint64_t inverse = (2 * (uint64_t)t->bias << t->mantissa) - (bits & ~t->sign);
    return becomes_ins2(f, at, t->mul, a, new_const(f, t->constant, inverse | (bits & t->sign)));
}

static bool fold_fma(struct fold *f, uint32_t at, const struct family *t, const struct ins *ins)
{
    struct val a = ins->args[0], b = ins->args[1], c = ins->args[2];
    uint64_t minus_one = t->one | t->sign;
    if (is_bits(f, c, t->constant, t->sign))
        return becomes_ins2(f, at, t->mul, a, b);
    if (is_bits(f, a, t->constant, t->one) || is_bits(f, b, t->constant, t->one))
        return becomes_ins2(f, at, t->add, is_bits(f, b, t->constant, t->one) ? a : b, c);
    if (is_bits(f, a, t->constant, minus_one) || is_bits(f, b, t->constant, minus_one))
        return becomes_ins2(f, at, t->sub, c, is_bits(f, b, t->constant, minus_one) ? a : b);
    return false;
}

static bool is_whole(const struct fold *f, const struct family *t, struct val v)
{
    return is_op(f, v, t->floor) || is_op(f, v, t->rint) || is_op(f, v, t->from_i32);
}

static bool fold_float(struct fold *f, uint32_t at, const struct family *t)
{
    const struct ins *ins = &f->body.code->ins[at];
    struct val a = ins->args[0], b = ins->n_args > 1 ? ins->args[1] : VAL_NONE;
    enum op op = ins->op;
    if (op == t->add)
        return fold_add(f, at, t, a, b);
    if (op == t->sub)
        return fold_sub(f, at, t, a, b);
    if (op == t->mul)
        return fold_mul(f, at, t, a, b);
    if (op == t->div)
        return fold_div(f, at, t, a, b);
    if (op == t->fma)
        return fold_fma(f, at, t, ins);
    if ((op == t->min || op == t->max) && same(a, b))
        return becomes(f, at, a);
    if (op == t->neg && is_op(f, a, t->neg))
        return becomes(f, at, operand(f, a, 0));
    if (op == t->abs && is_op(f, a, t->abs))
        return becomes(f, at, a);
    if (op == t->abs && is_op(f, a, t->neg))
        return becomes_ins1(f, at, t->abs, operand(f, a, 0));
    if ((op == t->floor || op == t->rint) && is_whole(f, t, a))
        return becomes(f, at, a);
    if (op == t->lt && same(a, b))
        return becomes_truth(f, at, false);
    return false;
}

/* `x op c` with a constant on either side; c is the constant's number. */
static bool fold_i32_const(struct fold *f, uint32_t at, enum op op, struct val x, uint32_t c)
{
    switch (op) {
    case OP_ADD_I32:
    case OP_XOR_I32:
        return c == 0 && becomes(f, at, x);
    case OP_MUL_I32:
        if (c == 0)
            return becomes_const(f, at, OP_CONST_I32, 0);
        if (c == 1)
            return becomes(f, at, x);
        if ((c & (c - 1)) == 0) {
            becomes_ins1(f, at, OP_SHL_I32, x);
            f->body.code->ins[at].imm.i = __builtin_ctz(c);
            return true;
        }
        return false;
    case OP_AND_I32:
        if (c == 0)
            return becomes_const(f, at, OP_CONST_I32, 0);
        return c == UINT32_MAX && becomes(f, at, x);
    case OP_OR_I32:
        if (c == UINT32_MAX)
            return becomes_const(f, at, OP_CONST_I32, UINT32_MAX);
        return c == 0 && becomes(f, at, x);
    default:
        return false;
    }
}

/* (x + c) + d is x + (c + d): whole numbers wrap, so this is exact. */
static bool fold_i32_sum(struct fold *f, uint32_t at, struct val x, uint32_t d)
{
    if (!is_op(f, x, OP_ADD_I32))
        return false;
    for (uint32_t k = 0; k < 2; k++)
        if (is_op(f, operand(f, x, k), OP_CONST_I32)) {
            uint32_t c = (uint32_t)bits_of(f, operand(f, x, k));
            return becomes_ins2(f, at, OP_ADD_I32, operand(f, x, 1 - k), new_const(f, OP_CONST_I32, c + d));
        }
    return false;
}

static bool fold_i32(struct fold *f, uint32_t at)
{
    const struct ins *ins = &f->body.code->ins[at];
    struct val a = ins->args[0], b = ins->n_args > 1 ? ins->args[1] : VAL_NONE;
    enum op op = ins->op;
    if (op == OP_SHL_I32 || op == OP_SHR_I32 || op == OP_SAR_I32)
        return ins->imm.i == 0 && becomes(f, at, a);
    if (op == OP_SUB_I32 && is_op(f, b, OP_CONST_I32))
        return becomes_ins2(f, at, OP_ADD_I32, a, new_const(f, OP_CONST_I32, 0u - (uint32_t)bits_of(f, b)));
    if (op == OP_SUB_I32 || op == OP_XOR_I32)
        if (same(a, b))
            return becomes_const(f, at, OP_CONST_I32, 0);
    if ((op == OP_AND_I32 || op == OP_OR_I32) && same(a, b))
        return becomes(f, at, a);
    if ((op == OP_EQ_I32 || op == OP_LT_I32) && same(a, b))
        return becomes_truth(f, at, op == OP_EQ_I32);
    for (uint32_t k = 0; (op_info(op)->flags & OP_COMMUTES) && k < 2; k++)
        if (is_op(f, ins->args[k], OP_CONST_I32)) {
            struct val x = ins->args[1 - k];
            uint32_t c = (uint32_t)bits_of(f, ins->args[k]);
            return fold_i32_const(f, at, op, x, c) || (op == OP_ADD_I32 && fold_i32_sum(f, at, x, c));
        }
    return false;
}

static enum truth truth_of(const struct fold *f, struct val mask)
{
    return (enum truth)f->truth[mask.i];
}

static bool fold_mask(struct fold *f, uint32_t at)
{
    const struct ins *ins = &f->body.code->ins[at];
    struct val a = ins->args[0];
    enum truth truth_a = truth_of(f, a);
    if (ins->op == OP_NOT_MASK) {
        if (truth_a)
            return becomes_truth(f, at, truth_a == FALSE);
        return is_op(f, a, OP_NOT_MASK) && becomes(f, at, operand(f, a, 0));
    }
    struct val b = ins->args[1];
    enum truth truth_b = truth_of(f, b), deciding = ins->op == OP_AND_MASK ? FALSE : TRUE;
    if (truth_a == deciding || truth_b == deciding)
        return becomes_truth(f, at, deciding == TRUE);
    if (truth_b || same(a, b))
        return truth_a ? becomes_truth(f, at, truth_a == TRUE) : becomes(f, at, a);
    return truth_a && becomes(f, at, b);
}

static bool fold_select(struct fold *f, uint32_t at)
{
    const struct ins *ins = &f->body.code->ins[at];
    struct val mask = ins->args[0], a = ins->args[1], b = ins->args[2];
    if (same(a, b) || truth_of(f, mask))
        return becomes(f, at, truth_of(f, mask) == FALSE ? b : a);
    if (!is_op(f, mask, OP_NOT_MASK))
        return false;
    f->body.code->ins[at].args[0] = operand(f, mask, 0);
    f->body.code->ins[at].args[1] = b;
    f->body.code->ins[at].args[2] = a;
    return true;
}

/* There and back again, where nothing is lost on the way. */
static bool fold_conversion(struct fold *f, uint32_t at)
{
    static const struct {
        enum op outer, inner, both; /* both: OP_NONE when it is the operand itself */
    } rows[] = {
        {OP_F32_F64, OP_F64_F32, OP_NONE},    {OP_I32_F64, OP_F64_I32, OP_NONE},
        {OP_FROM_BITS, OP_BITS_F32, OP_NONE}, {OP_F32_F64, OP_F64_I32, OP_F32_I32},
        {OP_I32_F64, OP_F64_F32, OP_I32_F32},
    };
    const struct ins *ins = &f->body.code->ins[at];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (ins->op == rows[i].outer && is_op(f, ins->args[0], rows[i].inner)) {
            struct val x = operand(f, ins->args[0], 0);
            return rows[i].both ? becomes_ins1(f, at, rows[i].both, x) : becomes(f, at, x);
        }
    return false;
}

static bool is_zero(const struct fold *f, struct val v)
{
    enum op op = look(f, v)->op;
    return (op == OP_CONST_F32 || op == OP_CONST_F64 || op == OP_CONST_I32) && bits_of(f, v) == 0;
}

/* State starts as +0, so what is fed with +0 stays so. */
static bool fold_state(struct fold *f, uint32_t at)
{
    const struct ins *ins = &f->body.code->ins[at];
    if (ins->op == OP_TAP) {
        struct val fed = operand(f, ins->args[0], 0);
        return fed.i < f->n && is_zero(f, (struct val){f->to[fed.i]}) && becomes_const(f, at, OP_CONST_F32, 0);
    }
    if (ins->args[0].i >= at || !is_zero(f, ins->args[0]) || ins->op == OP_RING)
        return false;
    static const enum op constants[] = {
        [TYPE_F32] = OP_CONST_F32, [TYPE_F64] = OP_CONST_F64, [TYPE_I32] = OP_CONST_I32};
    return becomes_const(f, at, constants[op_info(ins->op)->result], 0);
}

static bool fold_gather(struct fold *f, uint32_t at)
{
    const struct ins *ins = &f->body.code->ins[at];
    const struct ir_table *t = &f->ir->tables[ins->imm.i];
    uint32_t bits;
    if (!is_op(f, ins->args[0], OP_CONST_I32))
        return false;
    memcpy(&bits, &t->data.i[bits_of(f, ins->args[0]) & (t->n - 1)], sizeof bits);
    return becomes_const(f, at, ins->op == OP_GATHER_F32 ? OP_CONST_F32 : OP_CONST_I32, bits);
}

/* A plane of one constant is that constant wherever it is read, also outside of the image unless that is 0. */
static bool fold_near(struct fold *f, uint32_t at)
{
    const struct ins *plane = look(f, f->body.code->ins[at].args[0]);
    if (plane->op != OP_PLANE || !is_op(f, plane->args[0], OP_CONST_F32))
        return false;
    bool holds = plane->imm.i != EDGE_CONSTANT || is_zero(f, plane->args[0]);
    return holds && becomes(f, at, plane->args[0]);
}

static bool constant_operands(const struct fold *f, const struct ins *ins, struct constant *ret_args)
{
    for (uint32_t k = 0; k < ins->n_args; k++) {
        const struct ins *arg = look(f, ins->args[k]);
        struct constant *c = &ret_args[k];
        *c = (struct constant){.type = op_info(arg->op)->result};
        if (c->type == TYPE_MASK && truth_of(f, ins->args[k]))
            c->as.i = truth_of(f, ins->args[k]) == TRUE ? -1 : 0;
        else if (arg->op == OP_CONST_F32)
            c->as.f = arg->imm.f;
        else if (arg->op == OP_CONST_F64)
            c->as.d = arg->imm.d;
        else if (arg->op == OP_CONST_I32)
            c->as.i = arg->imm.i;
        else
            return false;
    }
    return true;
}

static bool becomes_constant(struct fold *f, uint32_t at, struct constant c)
{
    uint32_t low;
    uint64_t bits;
    memcpy(&low, &c.as, sizeof low);
    memcpy(&bits, &c.as, sizeof bits);
    switch (c.type) {
    case TYPE_MASK:
        return becomes_truth(f, at, c.as.i != 0);
    case TYPE_F64:
        return becomes_const(f, at, OP_CONST_F64, bits);
    default:
        return becomes_const(f, at, c.type == TYPE_F32 ? OP_CONST_F32 : OP_CONST_I32, low);
    }
}

/* One operation over constants, by the engine. */
static bool fold_constants(struct fold *f, uint32_t at)
{
    const struct ins *ins = &f->body.code->ins[at];
    struct constant args[FN_ARGS_MAX];
    return constant_operands(f, ins, args) && becomes_constant(f, at, interp_fold(ins, args));
}

/* A call of a function that only hands on a parameter or a constant, or is handed nothing but constants. */
static bool fold_call(struct fold *f, uint32_t at)
{
    const struct ins *ins = &f->body.code->ins[at];
    const struct ir_fn *fn = &f->ir->fns[ins->imm.i];
    const struct ins *result = ir_at(&fn->code, fn->result);
    struct constant args[FN_ARGS_MAX], value;
    switch (result->op) {
    case OP_PARAM_F32:
    case OP_PARAM_F64:
    case OP_PARAM_I32:
        return becomes(f, at, ins->args[result->imm.i]);
    case OP_CONST_F32:
    case OP_CONST_F64:
    case OP_CONST_I32:
        return becomes_const(f, at, result->op, ins_imm_bits(result));
    default:
        return constant_operands(f, ins, args) && fold_call_value(f->ir, ins, args, &f->budget, &value) &&
               becomes_constant(f, at, value);
    }
}

static bool fold_ins(struct fold *f, uint32_t at)
{
    const struct ins *ins = &f->body.code->ins[at];
    const struct op_info *info = op_info(ins->op);
    if (info->flags & OP_SOURCE)
        return false;
    if (info->arity < 0)
        return fold_call(f, at);
    if ((info->flags & OP_STATE) || ins->op == OP_TAP)
        return fold_state(f, at);
    if (ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32)
        return fold_gather(f, at);
    if (ins->op == OP_PLANE || ins->op == OP_NEAR || ins->op == OP_FETCH || ins->op == OP_HOSTED)
        return ins->op == OP_NEAR && fold_near(f, at);
    if (fold_constants(f, at))
        return true;
    if (f->truth[at])
        return false;
    if (ins->op == OP_SEL_F32 || ins->op == OP_SEL_F64 || ins->op == OP_SEL_I32)
        return fold_select(f, at);
    if (ins->op == OP_AND_MASK || ins->op == OP_OR_MASK || ins->op == OP_NOT_MASK)
        return fold_mask(f, at);
    if (fold_conversion(f, at))
        return true;
    switch (type_by_letter(info->args[0])) {
    case TYPE_F32:
        return fold_float(f, at, &f32_family);
    case TYPE_F64:
        return fold_float(f, at, &f64_family);
    case TYPE_I32:
        return fold_i32(f, at);
    default:
        return false;
    }
}

/* Puts the new constants in front, which moves every other value up. */
static void insert_extra(struct fold *f)
{
    struct code *code = f->body.code;
    uint32_t k = f->n_extra, n = code->n;
    struct ins *ins = ARENA_ARRAY(f->ir->arena, (size_t)n + k, struct ins);
    uint32_t *to = ARENA_ARRAY(f->ir->arena, (size_t)n + k, uint32_t);
    for (uint32_t v = 1; v < n; v++)
        to[v] = v + k;
    for (uint32_t i = 0; i < k; i++)
        to[n + i] = i + 1;
    memcpy(ins + 1, f->extra, k * sizeof *ins);
    memcpy(ins + 1 + k, code->ins + 1, (n - 1) * sizeof *ins);
    *code = (struct code){.ins = ins, .n = n + k, .cap = n + k};
    body_replace(&f->body, to);
}

static bool fold_body(struct ir *ir, uint32_t index)
{
    struct fold f = {.ir = ir, .body = body_at(ir, index), .budget = CALL_BUDGET};
    struct code *code = f.body.code;
    f.n = code->n;
    f.to = ARENA_ARRAY(ir->arena, f.n, uint32_t);
    f.truth = ARENA_ARRAY(ir->arena, f.n, uint8_t);
    for (uint32_t v = 1; v < f.n; v++)
        f.to[v] = v;
    for (uint32_t v = 1; v < f.n; v++) {
        struct ins *ins = &code->ins[v];
        for (uint32_t k = 0; k < ins->n_args; k++)
            if (ins->args[k].i < v) /* the others are settled at the end */
                ins->args[k].i = f.to[ins->args[k].i];
        while (f.to[v] == v && fold_ins(&f, v))
            f.changed = true;
        f.changed |= f.to[v] != v;
    }
    for (uint32_t v = 1; v < f.n; v++)
        for (uint32_t k = 0; k < code->ins[v].n_args; k++)
            if (code->ins[v].args[k].i < f.n)
                code->ins[v].args[k].i = f.to[code->ins[v].args[k].i];
    for (uint32_t i = 0; i < f.body.n_roots; i++)
        f.body.roots[i].i = f.to[f.body.roots[i].i];
    if (f.n_extra)
        insert_extra(&f);
    return f.changed;
}

bool pass_fold(struct ir *ir)
{
    bool changed = false;
    for (uint32_t i = 0; i < body_count(ir); i++)
        changed |= fold_body(ir, i);
    return changed;
}
