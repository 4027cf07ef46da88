/* Patterns of cells that are not squares in rows, or that draw a random number a cell. 0..1, right for negative
 * coordinates; aa as in pattern.c.
 *     voronoi   distance to the nearest of one feature point a cell, over sqrt 2, the greatest there is. A point of the
 *               unit square is never farther than sqrt 2 from the one feature in its cell, and all that is nearer than
 *               3/2 lies in the 4 x 4 cells around its nearest corner, so these are searched: the nearest is the true
 *               one. period: whole numbers, 0 for none; cells are counted modulo it.
 *     hexagons  centres 1 apart along x: two rectangular lattices 1 x sqrt 3, the nearer centre is the hexagon's.
 *               aa counts up to 1/2
 *     truchet   Smith's tiles: quarter circles of radius 1/2 around two opposite corners of a unit cell, mirrored at
 *               random
 *     weave     plain: height of a thread 5/8 +- 3/8 cos(pi x), of the threads across it the same half a wave off; what
 *               is higher covers */
#include <math.h>
#include <string.h>

#include "core/nodes/noise_parts.h"
#include "core/nodes/pattern_parts.h"

enum { NEAR = 4, AXES = 2, TILED = 1, WANTS_ID = 2 };

/* Cells from two before to one behind the corner nearest to x, as i32, and x from that corner. */
static struct val near_cells(struct build *b, struct val x, const struct val *period, struct val cells[NEAR])
{
    struct val corner = b_floor(b, b_addc(b, x, 0.5));
    for (int k = 0; k < NEAR; k++) {
        struct val cell = b_addc(b, corner, k - 2);
        if (period) {
            struct val p = b_rint(b, b_abs(b, *period));
            struct val wrapped = b_fma(b, b_neg(b, b_floor(b, b_div(b, cell, p))), p, cell);
            cell = b_select(b, b_lt(b, b_f32(b, 0), p), wrapped, cell);
        }
        cells[k] = b_to(b, TYPE_I32, cell);
    }
    return b_sub(b, x, corner);
}

/* A 16-bit field of a hash as a number 0..1. */
static struct val place(struct build *b, struct val field)
{
    return b_mulc(b, b_to(b, TYPE_F32, field), 0x1p-16);
}

/* in: x, y, mixed seed, periods when user & TILED */
static struct val voronoi_body(struct build *b, const struct val *in, int user)
{
    struct val cells[AXES][NEAR], at[AXES], nearest = VAL_NONE, id = VAL_NONE;
    for (int c = 0; c < AXES; c++)
        at[c] = near_cells(b, in[c], user & TILED ? &in[3 + c] : NULL, cells[c]);
    for (int i = 0; i < NEAR * NEAR; i++) {
        int kx = i % NEAR, ky = i / NEAR;
        struct val h = cell_hash(b, cells[0][kx], cells[1][ky], in[2]);
        struct val dx = b_sub(b, b_addc(b, place(b, b_shr(b, h, 16)), kx - 2), at[0]);
        struct val dy = b_sub(b, b_addc(b, place(b, b_and(b, h, b_i32(b, 0xffff))), ky - 2), at[1]);
        struct val d = b_fma(b, dx, dx, b_mul(b, dy, dy));
        if (user & WANTS_ID)
            id = i ? b_select(b, b_lt(b, d, nearest), h, id) : h;
        nearest = i ? b_min(b, d, nearest) : d;
    }
    return user & WANTS_ID ? hash_unit(b, hash_again(b, id)) : b_sqrt(b, b_mulc(b, nearest, 0.5));
}

/* A default: no code for periods is made. What the client writes is an argument, never this. */
static bool is_structural_zero(const struct build *b, struct val v)
{
    const struct ins *ins = ir_at(b->code, v);
    return ins->op == OP_CONST_F32 && ins->imm.f == 0;
}

static enum status voronoi(struct build *b, const struct node_args *args, struct val *out)
{
    enum { X, Y, SEED, PERIOD };
    const char *name = args->def->name;
    const struct val *period = args->vec[PERIOD];
    int dims = args->dims[PERIOD], user = !strcmp(name, "voronoi_id") ? WANTS_ID : 0;
    struct val in[5] = {args->in[X], args->in[Y], noise_mixed_seed(b, args->in[SEED])};
    if (dims > AXES)
        return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/period", b->pointer), 0,
                         "period has %d components; give one number or 2", dims);
    if (!(dims == 1 && is_structural_zero(b, period[0]))) {
        user |= TILED;
        in[3] = period[0];
        in[4] = period[dims > 1 ? 1 : 0];
    }
    if (user & TILED)
        name = arena_printf(b->ir->arena, "%s.tiled", name);
    out[0] = noise_call(b, name, voronoi_body, user, in, user & TILED ? 5 : 3);
    return STATUS_OK;
}

/* Half the width of a line around a hexagon, softened over a, that darkens as much as a hard one of half width h, to
 * first order: there is less room towards the middle at 1/2 than along the border, so that the outer half of a ramp
 * weighs more. */
static struct val fair_half(struct build *b, struct val h, struct val a)
{
    struct val square = b_mul(b, h, h), one = b_f32(b, 1), double_h = b_mulc(b, h, 2);
    struct val wide = b_div(b, b_mulc(b, b_mul(b, a, a), 1.0 / 12), b_sub(b, one, double_h));
    struct val part = b_mul(b, double_h, b_fma(b, b_div(b, square, a), b_f32(b, 4.0 / 3), b_sub(b, a, double_h)));
    struct val room = b_fma(b, b_div(b, square, a), b_f32(b, -8), b_fmac(b, a, -2, 4));
    return b_add(b, h, b_select(b, b_lt(b, double_h, a), b_div(b, part, room), wide));
}

static enum status hexagons(struct build *b, const struct node_args *args, struct val *out)
{
    const double tall = sqrt(3);
    struct val x = args->in[0], y = args->in[1], rows = b_mulc(b, y, 1 / tall), half = b_f32(b, 0.5);
    struct val column[2] = {b_floor(b, b_add(b, x, half)), b_floor(b, x)};
    struct val row[2] = {b_floor(b, b_add(b, rows, half)), b_floor(b, rows)};
    struct val dx[2], dy[2], square[2], cell[2][2];
    for (int i = 0; i < 2; i++) { /* the second lattice lies half a step off */
        dx[i] = b_sub(b, x, b_addc(b, column[i], 0.5 * i));
        dy[i] = b_fma(b, b_addc(b, row[i], 0.5 * i), b_f32(b, -tall), y);
        square[i] = b_fma(b, dx[i], dx[i], b_mul(b, dy[i], dy[i]));
        cell[i][0] = b_to(b, TYPE_I32, b_fmac(b, column[i], 2, i));
        cell[i][1] = b_to(b, TYPE_I32, b_fmac(b, row[i], 2, i));
    }
    struct val first = b_lt(b, square[0], square[1]);
    struct val ax = b_abs(b, b_select(b, first, dx[0], dx[1])), ay = b_abs(b, b_select(b, first, dy[0], dy[1]));
    struct val from_middle = b_max(b, ax, b_fma(b, ay, b_f32(b, 0.5 * tall), b_mulc(b, ax, 0.5)));
    struct val aa = b_clamp(b, args->in[3], b_f32(b, 0), half);
    struct val width = b_mulc(b, b_clamp(b, args->in[2], b_f32(b, 0), b_f32(b, 0.99)), 0.5);
    struct val line = soft_line(b, b_sub(b, half, from_middle), fair_half(b, width, aa), softness_of(b, aa, false));
    struct val hash = cell_hash(b, b_select(b, first, cell[0][0], cell[1][0]),
                                b_select(b, first, cell[0][1], cell[1][1]), b_i32(b, 0));
    out[0] = b_sub(b, b_f32(b, 1), line);
    out[1] = hash_unit(b, hash);
    return STATUS_OK;
}

/* Distance of (x, y) from the circle of radius 1/2. */
static struct val from_circle(struct build *b, struct val x, struct val y)
{
    return b_abs(b, b_addc(b, b_sqrt(b, b_fma(b, x, x, b_mul(b, y, y))), -0.5));
}

static enum status truchet(struct build *b, const struct node_args *args, struct val *out)
{
    struct val x, y, column = noise_cell(b, args->in[0], &x), row = noise_cell(b, args->in[1], &y);
    struct val h = cell_hash(b, b_to(b, TYPE_I32, column), b_to(b, TYPE_I32, row), noise_mixed_seed(b, args->in[4]));
    x = b_select(b, b_lt(b, h, b_i32(b, 0)), b_sub(b, b_f32(b, 1), x), x);
    struct val d = b_min(b, from_circle(b, x, y), from_circle(b, b_addc(b, x, -1), b_addc(b, y, -1)));
    struct val half = b_mulc(b, b_max(b, args->in[2], b_f32(b, 0)), 0.5);
    out[0] = soft_line(b, d, half, softness_of(b, args->in[3], false));
    return STATUS_OK;
}

/* cos(pi (along + number)), the argument brought near 0 first. */
static struct val thread_wave(struct build *b, struct val along, struct val number)
{
    struct val turns = b_mulc(b, b_add(b, b_addc(b, along, -0.5), number), 0.5);
    turns = b_sub(b, turns, b_rint(b, turns));
    return B_CALL(b, "cos", b_mulc(b, turns, 6.28318530717958647693));
}

static enum status weave(struct build *b, const struct node_args *args, struct val *out)
{
    struct val x = args->in[0], y = args->in[1], half = b_mulc(b, args->in[2], 0.5);
    struct softness s = softness_of(b, args->in[3], false);
    struct val along_x = soft_lines(b, b_addc(b, y, -0.5), half, s);
    struct val along_y = soft_lines(b, b_addc(b, x, -0.5), half, s);
    struct val zx = b_fmac(b, thread_wave(b, x, b_floor(b, y)), 0.375, 0.625);
    struct val zy = b_fmac(b, thread_wave(b, y, b_floor(b, x)), -0.375, 0.625);
    struct val x_above = b_lt(b, zy, zx);
    struct val over = b_select(b, x_above, along_x, along_y), under = b_select(b, x_above, along_y, along_x);
    struct val low = b_mul(b, under, b_min(b, zx, zy));
    out[0] = b_lerp(b, low, b_max(b, zx, zy), over);
    return STATUS_OK;
}

static enum status tiles(struct build *b, const struct node_args *args, struct val *out)
{
    struct val column = noise_cell(b, args->in[0], &out[0]), row = noise_cell(b, args->in[1], &out[1]);
    struct val h = cell_hash(b, b_to(b, TYPE_I32, column), b_to(b, TYPE_I32, row), b_i32(b, 0));
    out[2] = b_to(b, TYPE_F32, b_shr(b, hash_again(b, h), 8));
    out[3] = hash_unit(b, h);
    return STATUS_OK;
}

extern const struct node_row pattern_cell_rows[];
const struct node_row pattern_cell_rows[] = {
    {"voronoi : x, y, seed:f64=0, period:vec=0",
     "Distance to the nearest of one random point a unit cell, over sqrt 2: 0..1, never clipped; period makes it tile.",
     0, NULL, voronoi, NULL},
    {"voronoi_id : x, y, seed:f64=0, period:vec=0",
     "A random number, 0..1, for each region of the points nearest to one of voronoi's.", 0, NULL, voronoi, NULL},
    {"hexagons : x, y, width=0.05, aa=0 -> value id",
     "Hexagons, 1, with centres 1 apart, between lines, 0, of this width; id: a random number a hexagon, 0..1.", 0,
     NULL, hexagons, NULL},
    {"truchet : x, y, width=0.3, aa=0, seed:f64=0",
     "Winding lines of this width, 1 on 0: quarter circles in unit cells, each mirrored or not at random.", 0, NULL,
     truchet, NULL},
    {"weave : x, y, width=0.3, aa=0, seed:f64=0",
     "Height of threads of this width, one a unit, woven over and under: 1 on top, 1/4 below, 0 between. A plain weave "
     "has nothing random: seed changes nothing.",
     0, NULL, weave, NULL},
    {"tiles : x, y -> x y id random",
     "Coordinates 0..1 within the unit cell; id: a whole number a cell below 2^24, fit for a seed; random: 0..1.", 0,
     NULL, tiles, NULL},
    {0},
};
