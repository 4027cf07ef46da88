/* See noise_line.h.
 *
 * In: f32 values of the main body as the graph wrote them: x*16 + 3. Out: the same sums in f64 where they are made of
 * the column, of what the row or the call decides, of sums, differences and products with the latter. Nothing is
 * evaluated here; f32 values that are no longer needed go with dead code. */
#include "core/nodes/noise_line.h"

enum { LOOKED_AT_MAX = 192 }; /* values; what is made of more is not taken apart */

struct reader {
    struct build *b;
    int left; /* values that may still be looked at */
};

static const struct ins *at(const struct reader *r, struct val v)
{
    return ir_at(&r->b->ir->main, v);
}

static bool is_context(const struct reader *r, struct val v, enum context c)
{
    const struct ins *ins = at(r, v);
    if (ins->op != OP_ARG)
        return false;
    const struct arg_source *source = &r->b->ir->args[ins->imm.i];
    return source->kind == ARG_CONTEXT && source->index == (uint32_t)c;
}

static bool is_iota(const struct reader *r, struct val v)
{
    const struct ins *ins = at(r, v);
    return ins->op == OP_F64_I32 && at(r, ins->args[0])->op == OP_IOTA;
}

/* px0 + iota: numbers that do not depend on how the image is cut into tiles. */
static bool is_column(const struct reader *r, struct val v)
{
    const struct ins *ins = at(r, v);
    return ins->op == OP_ADD_F64 && ((is_context(r, ins->args[0], CONTEXT_PX0) && is_iota(r, ins->args[1])) ||
                                     (is_context(r, ins->args[1], CONTEXT_PX0) && is_iota(r, ins->args[0])));
}

/* Numbers that change where the image or the stream is cut: no sum may be made of one alone. */
static bool is_cut(const struct reader *r, struct val v)
{
    return is_context(r, v, CONTEXT_PX0) || is_context(r, v, CONTEXT_N0) || is_context(r, v, CONTEXT_N0_LOW) ||
           is_context(r, v, CONTEXT_N0_HIGH);
}

/* Is v the same for all samples of a row, however the image is cut? */
static bool is_uniform(struct reader *r, struct val v)
{
    const struct ins *ins = at(r, v);
    const struct op_info *info = op_info(ins->op);
    if (r->left-- <= 0)
        return false;
    switch (ins->op) {
    case OP_CONST_F32:
    case OP_CONST_F64:
    case OP_CONST_I32:
    case OP_ROW:
        return true;
    case OP_ARG:
        return !is_cut(r, v);
    default:
        break;
    }
    if ((info->flags & (OP_SOURCE | OP_STATE)) ||
        (info->result != TYPE_F32 && info->result != TYPE_F64 && info->result != TYPE_I32 && info->result != TYPE_MASK))
        return false;
    for (uint32_t k = 0; k < ins->n_args; k++) {
        enum type t = ir_type(r->b->ir, &r->b->ir->main, ins->args[k]);
        if ((t != TYPE_F32 && t != TYPE_F64 && t != TYPE_I32 && t != TYPE_MASK) || !is_uniform(r, ins->args[k]))
            return false;
    }
    return true;
}

struct noise_line noise_line_plain(struct val f32)
{
    return (struct noise_line){.rest = f32};
}

static bool is_affine(const struct noise_line *l)
{
    return l->offset.i || l->slope.i;
}

static struct val sum(struct build *b, struct val x, struct val y)
{
    return !x.i ? y : !y.i ? x : b_add(b, x, y);
}

static struct val negative(struct build *b, struct val x)
{
    return x.i ? b_neg(b, x) : x;
}

static struct val times(struct build *b, struct val x, struct val factor)
{
    return x.i ? b_mul(b, x, b_to(b, b_type(b, x), factor)) : x;
}

struct noise_line noise_line_add(struct build *b, struct noise_line x, struct noise_line y)
{
    return (struct noise_line){.offset = sum(b, x.offset, y.offset),
                               .slope = sum(b, x.slope, y.slope),
                               .column = x.column.i ? x.column : y.column,
                               .rest = sum(b, x.rest, y.rest)};
}

static struct noise_line negated(struct build *b, struct noise_line x)
{
    return (struct noise_line){.offset = negative(b, x.offset),
                               .slope = negative(b, x.slope),
                               .column = x.column,
                               .rest = negative(b, x.rest)};
}

/* factor: f64 */
static struct noise_line scaled(struct build *b, struct noise_line x, struct val factor)
{
    return (struct noise_line){.offset = times(b, x.offset, factor),
                               .slope = times(b, x.slope, factor),
                               .column = x.column,
                               .rest = times(b, x.rest, factor)};
}

static struct noise_line read_value(struct reader *r, struct val v);

struct noise_line noise_line_scaled(struct build *b, struct noise_line x, struct val f32)
{
    struct reader r = {b, LOOKED_AT_MAX};
    if (!is_affine(&x) || b->code != &b->ir->main)
        return (struct noise_line){.rest = times(b, x.rest, f32)};
    if (is_uniform(&r, f32)) {
        struct noise_line factor = read_value(&r, f32);
        return scaled(b, x, factor.rest.i ? b_to(b, TYPE_F64, f32) : factor.offset);
    }
    return noise_line_plain(b_mul(b, noise_line_in_tile(b, &x, VAL_NONE), f32));
}

static struct noise_line plain(struct reader *r, struct val v)
{
    struct build *b = r->b;
    if (is_uniform(r, v))
        return (struct noise_line){.offset = b_to(b, TYPE_F64, v)};
    return noise_line_plain(b_to(b, TYPE_F32, v));
}

/* A product of which one factor is the same for all samples of a row. */
static struct noise_line read_product(struct reader *r, struct val v, struct val x, struct val y)
{
    struct val one = is_uniform(r, y) ? x : y, factor = one.i == x.i ? y : x;
    if (one.i == y.i && !is_uniform(r, x))
        return plain(r, v);
    struct noise_line line = read_value(r, one), by = read_value(r, factor);
    return is_affine(&line) && !by.rest.i && !by.slope.i ? scaled(r->b, line, by.offset) : plain(r, v);
}

static struct noise_line read_quotient(struct reader *r, struct val v, struct val x, struct val y)
{
    if (!is_uniform(r, y))
        return plain(r, v);
    struct noise_line line = read_value(r, x), by = read_value(r, y);
    if (!is_affine(&line) || by.rest.i || by.slope.i)
        return plain(r, v);
    return scaled(r->b, line, b_div(r->b, b_f64(r->b, 1), by.offset));
}

/* x + y; what is affine in neither stays as it is. */
static struct noise_line read_sum(struct reader *r, struct val v, struct noise_line x, struct noise_line y)
{
    return is_affine(&x) || is_affine(&y) ? noise_line_add(r->b, x, y) : plain(r, v);
}

/* With several points a pixel px0 has a fraction, that of the point in its pixel: it is the same in every tile. */
static struct noise_line column(struct build *b)
{
    struct val px0 = b_context(b, CONTEXT_PX0), first = b_floor(b, px0);
    return (struct noise_line){.offset = b_sub(b, px0, first),
                               .slope = b_f64(b, 1),
                               .column = b_to(b, TYPE_F32, b_add(b, b_to(b, TYPE_I32, first), b_iota(b)))};
}

static struct noise_line read_value(struct reader *r, struct val v)
{
    struct build *b = r->b;
    struct ins ins = *at(r, v); /* a copy: writing moves the instructions */
    struct val x = ins.n_args > 0 ? ins.args[0] : VAL_NONE, y = ins.n_args > 1 ? ins.args[1] : VAL_NONE;
    if (r->left-- <= 0)
        return noise_line_plain(b_to(b, TYPE_F32, v));
    if (is_column(r, v))
        return column(b);
    switch (ins.op) {
    case OP_F32_F64:
    case OP_F64_F32: {
        struct noise_line inner = read_value(r, x);
        return is_affine(&inner) ? inner : plain(r, v);
    }
    case OP_ADD_F32:
    case OP_ADD_F64:
        return read_sum(r, v, read_value(r, x), read_value(r, y));
    case OP_SUB_F32:
    case OP_SUB_F64:
        return read_sum(r, v, read_value(r, x), negated(b, read_value(r, y)));
    case OP_NEG_F32:
    case OP_NEG_F64: {
        struct noise_line inner = read_value(r, x);
        return is_affine(&inner) ? negated(b, inner) : plain(r, v);
    }
    case OP_MUL_F32:
    case OP_MUL_F64:
        return read_product(r, v, x, y);
    case OP_DIV_F32:
    case OP_DIV_F64:
        return read_quotient(r, v, x, y);
    case OP_FMA_F32:
    case OP_FMA_F64: {
        if (!is_uniform(r, x) && !is_uniform(r, y))
            return plain(r, v);
        struct val product = b_mul(b, x, y); /* read below, not computed: nothing uses it */
        return read_sum(r, v, read_product(r, product, x, y), read_value(r, ins.args[2]));
    }
    default:
        return plain(r, v);
    }
}

struct noise_line noise_line_of(struct build *b, struct val v)
{
    struct reader r = {b, LOOKED_AT_MAX};
    if (b->code != &b->ir->main)
        return noise_line_plain(v);
    struct noise_line line = read_value(&r, v);
    return r.left > 0 && is_affine(&line) ? line : noise_line_plain(v);
}

/* slope * column + begin + rest */
static struct val along(struct build *b, const struct noise_line *line, struct val begin)
{
    if (line->slope.i)
        begin = b_fma(b, line->column, b_to(b, TYPE_F32, line->slope), begin);
    return line->rest.i ? b_add(b, begin, line->rest) : begin;
}

struct val noise_line_split(struct build *b, const struct noise_line *line, struct val *ret_cells)
{
    *ret_cells = VAL_NONE;
    if (!is_affine(line))
        return line->rest;
    if (!line->offset.i)
        return along(b, line, b_f32(b, 0));
    struct val whole = b_floor(b, line->offset);
    struct val turns = b_rint(b, b_mulc(b, whole, 0x1p-32)); /* cells wrap at 32 bits, as hashes do */
    *ret_cells = b_to(b, TYPE_I32, b_fma(b, turns, b_f64(b, -0x1p32), whole));
    return along(b, line, b_to(b, TYPE_F32, b_sub(b, line->offset, whole)));
}

struct val noise_line_in_tile(struct build *b, const struct noise_line *line, struct val period)
{
    if (!is_affine(line))
        return line->rest;
    if (!line->offset.i)
        return along(b, line, b_f32(b, 0));
    if (!period.i)
        return along(b, line, b_to(b, TYPE_F32, line->offset));
    struct val p = b_to(b, TYPE_F64, period), zero = b_f64(b, 0);
    struct val turns = b_floor(b, b_div(b, line->offset, p));
    struct val inside = b_fma(b, b_neg(b, turns), p, line->offset);
    return along(b, line, b_to(b, TYPE_F32, b_select(b, b_lt(b, zero, p), inside, line->offset)));
}
