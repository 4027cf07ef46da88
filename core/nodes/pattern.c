/* Regular patterns, 0..1, right for negative coordinates.
 * checker: 1 where the sum of the cells' indices is even. With aa the edges are soft over that width in the units of x:
 * each axis is a square wave box-filtered over aa, and the pattern is their product. */
#include "core/node.h"

/* 1 in even cells, -1 in odd ones, linear over `aa` around each edge. */
static struct val square_wave(struct build *b, struct val x, struct val aa)
{
    struct val half = b_mulc(b, x, 0.5), part = b_sub(b, half, b_floor(b, half)); /* 0..1 over two cells */
    struct val sign = b_select(b, b_lt(b, part, b_f32(b, 0.5)), b_f32(b, 1), b_f32(b, -1));
    struct val middle =
        b_abs(b, b_addc(b, b_abs(b, b_addc(b, part, -0.5)), -0.25)); /* 1/4 at the edges, 0 in a cell's middle */
    struct val edge =
        b_min(b, b_div(b, b_fmac(b, middle, -4, 1), aa), b_f32(b, 1)); /* distance to it, in halves of aa */
    return b_mul(b, sign, b_select(b, b_gt(b, aa, b_f32(b, 0)), edge, b_f32(b, 1)));
}

static enum status checker(struct build *b, const struct node_args *args, struct val *out)
{
    struct val product = b_mul(b, square_wave(b, args->in[0], args->in[3]), square_wave(b, args->in[1], args->in[3]));
    if (args->in[2].i)
        product = b_mul(b, product, square_wave(b, args->in[2], args->in[3]));
    out[0] = b_fmac(b, product, 0.5, 0.5);
    return STATUS_OK;
}

extern const struct node_row pattern_rows[];
const struct node_row pattern_rows[] = {
    {"checker : x, y, z=none, aa=0",
     "Checkerboard of unit cells, 1 where their indices sum to an even number; aa: width of the soft edge in the units "
     "of x.",
     0, NULL, checker, NULL},
    {0},
};
