/* Regular patterns, 0..1, right for negative coordinates.
 * aa is the width, in the units of x, of the box that edges along an axis are filtered with; at most one period counts.
 * Filtering leaves the mean of a pattern as it is.
 *     checker  1 where the sum of the cells' indices is even: product of square waves
 *     stripes  1 in the first `duty` of every unit
 *     brick    columns shifted by `offset` of a brick in every other row
 *     dots     discs around the cells' middles. A soft edge straight over aa around radius q holds an area of
 *              pi (q^2 + aa^2/12), so q^2 = r^2 - aa^2/12; below q = aa/2 it is a cone, of area pi (q + aa/2)^3/(3 aa)
 *     smooth_  edges are smoothsteps, as wide as fits between a shape's middle and the middle of the gap */
#include <math.h>
#include <string.h>

#include "core/nodes/noise_parts.h"
#include "core/nodes/pattern_parts.h"

/* 1 in even cells, -1 in odd ones. */
static struct val square_wave(struct build *b, struct val x, struct softness s)
{
    struct val wave = soft_lines(b, b_fmac(b, x, 0.5, -0.25), b_f32(b, 0.25), s);
    return b_fmac(b, wave, 2, -1);
}

static enum status checker(struct build *b, const struct node_args *args, struct val *out)
{
    struct softness s = softness_of(b, b_mulc(b, args->in[3], 0.5), false);
    struct val product = b_mul(b, square_wave(b, args->in[0], s), square_wave(b, args->in[1], s));
    if (args->in[2].i)
        product = b_mul(b, product, square_wave(b, args->in[2], s));
    out[0] = b_fmac(b, product, 0.5, 0.5);
    return STATUS_OK;
}

static enum status stripes(struct build *b, const struct node_args *args, struct val *out)
{
    bool curved = !strcmp(args->def->name, "smooth_stripes");
    struct val half = b_mulc(b, b_clamp(b, args->in[1], b_f32(b, 0), b_f32(b, 1)), 0.5), width = args->in[2];
    if (curved) {
        struct val gap = b_sub(b, b_f32(b, 0.5), half);
        width = b_max(b, b_mulc(b, b_min(b, half, gap), 2), width);
    }
    out[0] = soft_lines(b, b_sub(b, args->in[0], half), half, softness_of(b, width, curved));
    return STATUS_OK;
}

static enum status brick(struct build *b, const struct node_args *args, struct val *out)
{
    enum { X, Y, WIDTH, HEIGHT, MORTAR, OFFSET, AA };
    struct val across = b_div(b, b_f32(b, 1), args->in[WIDTH]), down = b_div(b, b_f32(b, 1), args->in[HEIGHT]);
    struct val gap = b_mulc(b, args->in[MORTAR], 0.5), half = b_f32(b, 0.5);
    struct val y = b_mul(b, args->in[Y], down), row = b_floor(b, y);
    struct val odd = b_fma(b, b_floor(b, b_mulc(b, row, 0.5)), b_f32(b, -2), row);
    struct val x = b_fma(b, b_neg(b, odd), args->in[OFFSET], b_mul(b, args->in[X], across)), column = b_floor(b, x);
    struct softness sx = softness_of(b, b_mul(b, args->in[AA], across), false);
    struct softness sy = softness_of(b, b_mul(b, args->in[AA], down), false);
    struct val in_x = soft_lines(b, b_sub(b, x, half), b_sub(b, half, b_mul(b, gap, across)), sx);
    struct val in_y = soft_lines(b, b_sub(b, y, half), b_sub(b, half, b_mul(b, gap, down)), sy);
    out[0] = b_mul(b, in_x, in_y);
    out[1] = hash_unit(b, cell_hash(b, b_to(b, TYPE_I32, column), b_to(b, TYPE_I32, row), b_i32(b, 0)));
    return STATUS_OK;
}

static struct val to_middle(struct build *b, struct val x)
{
    struct val fraction;
    (void)noise_cell(b, x, &fraction);
    return b_addc(b, fraction, -0.5);
}

/* The radius whose soft disc has the area of a hard one of radius r; see above. */
static struct val soft_radius(struct build *b, struct val r, struct val aa)
{
    struct val square = b_mul(b, r, r), third = b_mulc(b, b_mul(b, aa, aa), 1.0 / 3);
    struct val disc = b_sqrt(b, b_fma(b, third, b_f32(b, -0.25), square));
    struct val cone = b_fma(b, aa, b_f32(b, -0.5), B_CALL(b, "cbrt", b_mulc(b, b_mul(b, aa, square), 3)));
    return b_select(b, b_ge(b, square, third), disc, cone);
}

static enum status dots(struct build *b, const struct node_args *args, struct val *out)
{
    bool curved = !strcmp(args->def->name, "smooth_dots");
    struct val x = to_middle(b, args->in[0]), y = to_middle(b, args->in[1]), zero = b_f32(b, 0);
    struct val d = b_sqrt(b, b_fma(b, x, x, b_mul(b, y, y))), r = b_max(b, args->in[2], zero);
    struct val width = b_clamp(b, args->in[3], zero, b_f32(b, 1));
    if (curved)
        width = b_max(b, b_mulc(b, b_min(b, r, b_sub(b, b_f32(b, 0.5), r)), 2), width);
    else
        r = soft_radius(b, r, width);
    out[0] = soft_step(b, b_sub(b, r, d), softness_of(b, width, curved));
    return STATUS_OK;
}

/* 1 unless neither covers: what x leaves, y covers. */
static enum status grid(struct build *b, const struct node_args *args, struct val *out)
{
    struct val half = b_mulc(b, args->in[2], 0.5);
    struct softness s = softness_of(b, args->in[3], false);
    struct val x = soft_lines(b, args->in[0], half, s), y = soft_lines(b, args->in[1], half, s);
    out[0] = b_lerp(b, x, b_f32(b, 1), y);
    return STATUS_OK;
}

extern const struct node_row pattern_rows[];
const struct node_row pattern_rows[] = {
    {"checker : x, y, z=none, aa=0",
     "Checkerboard of unit cells, 1 where their indices sum to an even number; aa: width of the soft edge in the units "
     "of x.",
     0, NULL, checker, NULL},
    {"stripes : x, duty=0.5, aa=0", "1 in the first `duty` of every unit of x, else 0; aa: width of the soft edge.", 0,
     NULL, stripes, NULL},
    {"smooth_stripes : x, duty=0.5, aa=0",
     "As stripes, rising and falling all the way by smoothstep; aa: width of the box it is filtered with.", 0, NULL,
     stripes, NULL},
    {"brick : x, y, width=2, height=1, mortar=0.05, offset=0.5, aa=0 -> value id",
     "Bricks, 1, between mortar, 0, every other row shifted by `offset` of a brick; id: a random number a brick, 0..1.",
     0, NULL, brick, NULL},
    {"dots : x, y, r=0.3, aa=0",
     "A disc of radius r, 1, in the middle of every unit cell, else 0; aa: width of the soft edge.", 0, NULL, dots,
     NULL},
    {"smooth_dots : x, y, r=0.3, aa=0",
     "As dots, but bumps that fall off by smoothstep from the middle outwards; aa: width of the box it is filtered "
     "with.",
     0, NULL, dots, NULL},
    {"gradient_linear : x, y, angle=0", "From 0 at the origin to 1 at distance 1 in the direction `angle`, clamped.", 0,
     "min(max(x*cos(angle) + y*sin(angle), 0), 1)", NULL, NULL},
    {"gradient_radial : x, y", "Distance from the origin, clamped to 1.", 0, "min(sqrt(x*x + y*y), 1)", NULL, NULL},
    {"gradient_angular : x, y", "Angle around the origin from x towards y, 0..1 a turn.", 0,
     "let turn = atan2(y, x)/(2*pi); turn < 0 ? turn + 1 : turn", NULL, NULL},
    {"grid : x, y, width=0.05, aa=0", "Lines of this width along whole x and y: 1 on them, 0 between.", 0, NULL, grid,
     NULL},
    {0},
};
