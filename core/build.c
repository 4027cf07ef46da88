/* The b_ functions: one operation each, its type taken from the operands. See build.h. */
#include "core/build.h"

#include <assert.h>

static struct val emit(struct build *b, enum op op, uint32_t n, const struct val *args)
{
    struct val copy[3] = {{0}};
    for (uint32_t i = 0; i < n; i++)
        copy[i] = args[i];
    return ir_emit(b->ir, b->code, (struct ins){.op = op, .n_args = n, .args = copy});
}

static struct val emit_imm(struct build *b, enum op op, struct val x, int32_t imm)
{
    return ir_emit(b->ir, b->code, (struct ins){.op = op, .n_args = x.i ? 1 : 0, .args = &x, .imm.i = imm});
}

enum type b_type(const struct build *b, struct val v)
{
    return ir_type(b->ir, b->code, v);
}

/* The operation of a family for operands of x's type; OP_NONE where the family lacks it is our mistake. */
static enum op pick(const struct build *b, struct val x, enum op f32, enum op f64, enum op i32)
{
    enum type t = b_type(b, x);
    enum op op = t == TYPE_F32 ? f32 : t == TYPE_F64 ? f64 : t == TYPE_I32 ? i32 : OP_NONE;
    assert(op != OP_NONE);
    return op;
}

#define UNARY(name, f32, f64)                                                                                          \
    struct val b_##name(struct build *b, struct val x)                                                                 \
    {                                                                                                                  \
        return emit(b, pick(b, x, f32, f64, OP_NONE), 1, &x);                                                          \
    }
#define BINARY(name, f32, f64, i32)                                                                                    \
    struct val b_##name(struct build *b, struct val x, struct val y)                                                   \
    {                                                                                                                  \
        assert(b_type(b, x) == b_type(b, y));                                                                          \
        return emit(b, pick(b, x, f32, f64, i32), 2, (struct val[]){x, y});                                            \
    }
BINARY(add, OP_ADD_F32, OP_ADD_F64, OP_ADD_I32)
BINARY(sub, OP_SUB_F32, OP_SUB_F64, OP_SUB_I32)
BINARY(mul, OP_MUL_F32, OP_MUL_F64, OP_MUL_I32)
BINARY(div, OP_DIV_F32, OP_DIV_F64, OP_NONE)
BINARY(min, OP_MIN_F32, OP_MIN_F64, OP_NONE)
BINARY(max, OP_MAX_F32, OP_MAX_F64, OP_NONE)
BINARY(lt, OP_LT_F32, OP_LT_F64, OP_LT_I32)
BINARY(le, OP_LE_F32, OP_LE_F64, OP_NONE)
BINARY(eq, OP_EQ_F32, OP_EQ_F64, OP_EQ_I32)
UNARY(abs, OP_ABS_F32, OP_ABS_F64)
UNARY(sqrt, OP_SQRT_F32, OP_SQRT_F64)
UNARY(floor, OP_FLOOR_F32, OP_FLOOR_F64)
UNARY(rint, OP_RINT_F32, OP_RINT_F64)

struct val b_neg(struct build *b, struct val x)
{
    if (b_type(b, x) == TYPE_I32)
        return b_sub(b, b_i32(b, 0), x);
    return emit(b, pick(b, x, OP_NEG_F32, OP_NEG_F64, OP_NONE), 1, &x);
}

struct val b_fma(struct build *b, struct val x, struct val y, struct val z)
{
    assert(b_type(b, x) == b_type(b, y) && b_type(b, x) == b_type(b, z));
    return emit(b, pick(b, x, OP_FMA_F32, OP_FMA_F64, OP_NONE), 3, (struct val[]){x, y, z});
}

struct val b_gt(struct build *b, struct val x, struct val y)
{
    return b_lt(b, y, x);
}

struct val b_ge(struct build *b, struct val x, struct val y)
{
    return b_le(b, y, x);
}

struct val b_select(struct build *b, struct val mask, struct val x, struct val y)
{
    assert(b_type(b, mask) == TYPE_MASK && b_type(b, x) == b_type(b, y));
    return emit(b, pick(b, x, OP_SEL_F32, OP_SEL_F64, OP_SEL_I32), 3, (struct val[]){mask, x, y});
}

struct val b_clamp(struct build *b, struct val x, struct val lo, struct val hi)
{
    return b_min(b, b_max(b, x, lo), hi);
}

struct val b_lerp(struct build *b, struct val x, struct val y, struct val t)
{
    return b_fma(b, t, b_sub(b, y, x), x);
}

struct val b_f32(struct build *b, double v)
{
    return ir_emit(b->ir, b->code, (struct ins){.op = OP_CONST_F32, .imm.f = (float)v});
}

struct val b_f64(struct build *b, double v)
{
    return ir_emit(b->ir, b->code, (struct ins){.op = OP_CONST_F64, .imm.d = v});
}

struct val b_i32(struct build *b, int32_t v)
{
    return ir_emit(b->ir, b->code, (struct ins){.op = OP_CONST_I32, .imm.i = v});
}

struct val b_const(struct build *b, enum type t, double v)
{
    return t == TYPE_F64 ? b_f64(b, v) : t == TYPE_I32 ? b_i32(b, (int32_t)v) : b_f32(b, v);
}

struct val b_context(struct build *b, enum context c)
{
    assert(b->code == &b->ir->main);
    uint32_t slot = ir_add_arg(b->ir, (struct arg_source){.kind = ARG_CONTEXT, .index = c});
    return emit_imm(b, OP_ARG, VAL_NONE, (int32_t)slot);
}

struct val b_addc(struct build *b, struct val x, double c)
{
    return b_add(b, x, b_const(b, b_type(b, x), c));
}

struct val b_mulc(struct build *b, struct val x, double c)
{
    return b_mul(b, x, b_const(b, b_type(b, x), c));
}

struct val b_fmac(struct build *b, struct val x, double m, double c)
{
    enum type t = b_type(b, x);
    return b_fma(b, x, b_const(b, t, m), b_const(b, t, c));
}

struct val b_horner(struct build *b, struct val x, const double *c, int n)
{
    enum type t = b_type(b, x);
    struct val r = b_const(b, t, c[n - 1]);
    for (int i = n - 2; i >= 0; i--)
        r = b_fma(b, r, x, b_const(b, t, c[i]));
    return r;
}

struct val b_and(struct build *b, struct val x, struct val y)
{
    return emit(b, b_type(b, x) == TYPE_MASK ? OP_AND_MASK : OP_AND_I32, 2, (struct val[]){x, y});
}

struct val b_or(struct build *b, struct val x, struct val y)
{
    return emit(b, b_type(b, x) == TYPE_MASK ? OP_OR_MASK : OP_OR_I32, 2, (struct val[]){x, y});
}

struct val b_xor(struct build *b, struct val x, struct val y)
{
    return emit(b, OP_XOR_I32, 2, (struct val[]){x, y});
}

struct val b_not(struct build *b, struct val x)
{
    return emit(b, OP_NOT_MASK, 1, &x);
}

struct val b_shl(struct build *b, struct val x, int n)
{
    return emit_imm(b, OP_SHL_I32, x, n);
}

struct val b_shr(struct build *b, struct val x, int n)
{
    return emit_imm(b, OP_SHR_I32, x, n);
}

struct val b_sar(struct build *b, struct val x, int n)
{
    return emit_imm(b, OP_SAR_I32, x, n);
}

struct val b_bits(struct build *b, struct val x)
{
    return emit(b, OP_BITS_F32, 1, &x);
}

struct val b_from_bits(struct build *b, struct val x)
{
    return emit(b, OP_FROM_BITS, 1, &x);
}

struct val b_high(struct build *b, struct val x)
{
    return emit(b, OP_HIGH_F64, 1, &x);
}

struct val b_from_high(struct build *b, struct val x)
{
    return emit(b, OP_FROM_HIGH, 1, &x);
}

struct val b_to(struct build *b, enum type to, struct val x)
{
    enum type from = b_type(b, x);
    if (from == to)
        return x;
    if (from == TYPE_MASK)
        return b_select(b, x, b_const(b, to, 1), b_const(b, to, 0));
    static const enum op ops[3][3] = {/* [from][to], f32 f64 i32 */
                                      {OP_NONE, OP_F64_F32, OP_I32_F32},
                                      {OP_F32_F64, OP_NONE, OP_I32_F64},
                                      {OP_F32_I32, OP_F64_I32, OP_NONE}};
    return emit(b, ops[from - TYPE_F32][to - TYPE_F32], 1, &x);
}

struct val b_gather(struct build *b, uint32_t table, struct val index)
{
    enum op op = b->ir->tables[table].type == TYPE_F32 ? OP_GATHER_F32 : OP_GATHER_I32;
    return emit_imm(b, op, index, (int32_t)table);
}

struct val b_prev(struct build *b, struct val x)
{
    return emit(b, pick(b, x, OP_PREV_F32, OP_PREV_F64, OP_PREV_I32), 1, &x);
}

struct val b_prev_open(struct build *b, enum type t)
{
    enum op op = t == TYPE_F32 ? OP_PREV_F32 : t == TYPE_F64 ? OP_PREV_F64 : OP_PREV_I32;
    b->open = emit(b, op, 1, &VAL_NONE);
    return b->open;
}

void b_close(struct build *b, struct val open, struct val operand)
{
    struct ins *ins = &b->code->ins[open.i];
    assert(op_info(ins->op)->flags & OP_STATE);
    ins->args[0] = operand;
    if (b->open.i == open.i)
        b->open = VAL_NONE;
}

struct val b_accum(struct build *b, struct val increment)
{
    return emit(b, OP_ACCUM, 1, &increment);
}

static void note_line(struct build *b, struct val ring)
{
    uint32_t n = b->n_lines;
    if (!(n & (n - 1))) /* 0, 1, 2, 4: it is full */
        b->lines = arena_grow(b->ir->arena, b->lines, n, n ? 2 * n : 1, sizeof *b->lines);
    b->lines[b->n_lines++] = (struct asked_line){ring, arena_strdup(b->ir->arena, b->pointer)};
}

struct val b_ring(struct build *b, struct val x, struct val capacity_f64)
{
    struct val ring = emit(b, OP_RING, 2, (struct val[]){x, capacity_f64});
    note_line(b, ring);
    if (!x.i)
        b->open = ring;
    return ring;
}

struct val b_tap(struct build *b, struct val ring, struct val age_i32)
{
    return emit(b, OP_TAP, 2, (struct val[]){ring, age_i32});
}

void b_late(struct build *b, struct val v, double seconds)
{
    b->late = arena_grow(b->ir->arena, b->late, b->n_late, b->n_late + 1, sizeof *b->late);
    b->late[b->n_late++] = (struct late){v, seconds};
}

struct val b_iota(struct build *b)
{
    return ir_emit(b->ir, b->code, (struct ins){.op = OP_IOTA});
}

struct val b_input(struct build *b, uint32_t channel)
{
    if (channel >= b->ir->n_inputs)
        b->ir->n_inputs = channel + 1;
    return emit_imm(b, OP_INPUT, VAL_NONE, (int32_t)channel);
}

struct val b_rate(struct build *b)
{
    return b_context(b, CONTEXT_RATE);
}

struct val b_n(struct build *b)
{
    return b_add(b, b_context(b, CONTEXT_N0), b_to(b, TYPE_F64, b_iota(b)));
}

/* low = n0_low + iota; a carry into the upper word when that wrapped, seen by an unsigned comparison. */
void b_n_halves(struct build *b, struct val *ret_low, struct val *ret_high)
{
    struct val first = b_to(b, TYPE_I32, b_context(b, CONTEXT_N0_LOW));
    struct val flip = b_i32(b, INT32_MIN);
    *ret_low = b_add(b, first, b_iota(b));
    struct val wrapped = b_lt(b, b_xor(b, *ret_low, flip), b_xor(b, first, flip));
    *ret_high =
        b_add(b, b_to(b, TYPE_I32, b_context(b, CONTEXT_N0_HIGH)), b_select(b, wrapped, b_i32(b, 1), b_i32(b, 0)));
}

struct val b_plane(struct build *b, struct val x, enum edge edge)
{
    assert(b->code == &b->ir->main && b_type(b, x) == TYPE_F32);
    return emit_imm(b, OP_PLANE, x, (int32_t)edge);
}

struct val b_near(struct build *b, struct val plane, struct val dx, struct val dy)
{
    assert(b_type(b, plane) == TYPE_PLANE && b_type(b, dx) == TYPE_I32 && b_type(b, dy) == TYPE_I32);
    return emit(b, OP_NEAR, 3, (struct val[]){plane, dx, dy});
}

struct val b_near_at(struct build *b, struct val plane, int dx, int dy)
{
    return b_near(b, plane, b_i32(b, dx), b_i32(b, dy));
}

uint32_t b_image(struct build *b, const char *name)
{
    return ir_add_image(b->ir, name);
}

struct val b_fetch(struct build *b, uint32_t slot, int component, struct val column, struct val row)
{
    assert(b->code == &b->ir->main && slot < b->ir->n_images && component >= 0 && component < 4);
    assert(b_type(b, column) == TYPE_I32 && b_type(b, row) == TYPE_I32);
    struct val args[2] = {column, row};
    int32_t imm = (int32_t)(4 * slot) + component;
    return ir_emit(b->ir, b->code, (struct ins){.op = OP_FETCH, .n_args = 2, .args = args, .imm.i = imm});
}

struct val b_image_size(struct build *b, uint32_t slot, int axis)
{
    assert(b->code == &b->ir->main && slot < b->ir->n_images && (axis == 0 || axis == 1));
    uint32_t arg = ir_add_arg(b->ir, (struct arg_source){.kind = ARG_IMAGE, .index = 2 * slot + (uint32_t)axis});
    return emit_imm(b, OP_ARG, VAL_NONE, (int32_t)arg);
}

struct val b_convolve(struct build *b, struct val x, struct ir_response response)
{
    assert(b->code == &b->ir->main && b_type(b, x) == TYPE_F32);
    return emit_imm(b, OP_HOSTED, x, (int32_t)ir_add_response(b->ir, response));
}
