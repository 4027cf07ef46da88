/* snoise: simplex noise in 1 to 4 dimensions, signed, zero mean, never clipped, continuous.
 *
 *     n(p) = scale * sum over the d + 1 corners of the simplex: max(1/2 - |p - corner|^2, 0)^4 gradient . (p - corner)
 *
 * After S. Gustavson, "Simplex noise demystified", 2005. The simplices are those of the cubic lattice after the skew
 * u = p + F (sum of p), F = (sqrt(d + 1) - 1) / d, whose heights are all sqrt(1/2): so the squared radius 1/2 is the
 * greatest that leaves no seam between them. In one dimension there is no skew and the radius is 1. Gradients are
 * gnoise's, from ((i X) ^ (j Y) ^ .. ^ seed) M: one multiplication a corner.
 *
 * period: whole numbers P, one an axis, 0 for none. Stepping by P along axis c takes u along a lattice vector only when
 * P F is whole; so a tiled axis has the skew f = floor(P F) / P instead, one an axis: u = p + (f . p). The heights of
 * these simplices are sqrt(1/2) and 1 / sqrt(1 + 2 f + |f|^2), no smaller for f below F, so the radius still serves;
 * small periods look a little coarser. The coordinate is taken modulo P first, and a corner is brought into the tile
 * before it is hashed; where it lies is found in f64 and compared away from where corners may lie, so that no rounding
 * tells two copies of a corner apart.
 *
 * A line's skew is a line: far coordinates are split after it. Infinite coordinates and NaN give NaN. */
#include <math.h>

#include "core/nodes/noise_lattice.h"

#define CORNER_PRIME 0x2c1b3c6du
enum { TILED = 8 };

/* One over the greatest sum that any gradients make anywhere, by search; so no value leaves -1..1. */
static const double scales[NOISE_AXES + 1] = {0, 3.16, 102.3, 76.8, 77};

struct simplex {
    int dims;
    bool tiles;
    struct val d0[NOISE_AXES];      /* from the first corner */
    struct val cell[NOISE_AXES];    /* tiled: its lattice coordinates, f32 */
    struct val hash[NOISE_AXES][2]; /* untiled: of it and of the next */
    struct val seed, excess;
    struct val skew[NOISE_AXES], shrink; /* tiled: f, and 1 / (1 + sum of f); f64 */
    struct val period[NOISE_AXES];       /* tiled: f64, 0 for none */
};

static double plain_skew(int dims)
{
    return dims == 1 ? 0 : (sqrt(dims + 1) - 1) / dims;
}

/* Brings corner v into the tile: v minus turns of P along each axis, seen in lattice coordinates. */
static void wrap_corner(struct build *b, const struct simplex *s, struct val v[NOISE_AXES])
{
    const double off_the_lattice = 3.1379e-4;
    struct val along = b_f64(b, 0), shift = b_f64(b, 0), zero = b_f64(b, 0), wide[NOISE_AXES];
    for (int c = 0; c < s->dims; c++) {
        wide[c] = b_to(b, TYPE_F64, v[c]);
        along = b_fma(b, wide[c], s->skew[c], along);
    }
    along = b_mul(b, along, s->shrink);
    for (int c = 0; c < s->dims; c++) {
        struct val at = b_addc(b, b_sub(b, wide[c], along), off_the_lattice);
        struct val turns = b_floor(b, b_div(b, at, s->period[c]));
        struct val back = b_mul(b, b_select(b, b_lt(b, zero, s->period[c]), turns, zero), s->period[c]);
        wide[c] = b_sub(b, wide[c], back);
        shift = b_add(b, shift, b_rint(b, b_mul(b, back, s->skew[c])));
    }
    for (int c = 0; c < s->dims; c++)
        v[c] = b_sub(b, wide[c], shift);
}

/* The hash of the corner that lies one further along the axes of `step`: masks, or NULL and all or none of them. */
static struct val corner_hash(struct build *b, const struct simplex *s, const struct val *step, bool all)
{
    struct val h = s->seed, v[NOISE_AXES], one = b_f32(b, 1), zero = b_f32(b, 0);
    for (int c = 0; c < s->dims && s->tiles; c++)
        v[c] = b_add(b, s->cell[c], step ? b_select(b, step[c], one, zero) : all ? one : zero);
    if (s->tiles)
        wrap_corner(b, s, v);
    for (int c = 0; c < s->dims; c++) {
        struct val part = s->hash[c][all];
        if (s->tiles)
            part = b_mul(b, b_to(b, TYPE_I32, v[c]), noise_prime(b, c));
        else if (step)
            part = b_select(b, step[c], s->hash[c][1], s->hash[c][0]);
        h = b_xor(b, h, part);
    }
    return b_mulc(b, h, (int32_t)CORNER_PRIME);
}

/* What noise_gradient has too much, in its units, to be taken away; `moved`: what the sum of an untiled corner's d has
 * changed by since the first corner. */
static struct val gradient_excess(struct build *b, struct simplex *s, int k, double moved, const struct val *d)
{
    if (s->dims == 1)
        return VAL_NONE;
    if (k && s->dims != 3 && !s->tiles)
        return b_addc(b, s->excess, moved * -0x1p30);
    struct val sum = b_add(b, d[0], d[1]);
    if (s->dims == 4)
        sum = b_add(b, sum, b_add(b, d[2], d[3]));
    s->excess = b_mulc(b, sum, -0x1p30);
    return s->excess;
}

/* Adds corner k of the walk from the first to the last. */
static struct val add_corner(struct build *b, struct simplex *s, int k, const struct val *step, struct val sum)
{
    int dims = s->dims;
    bool all = k == dims;
    double g = plain_skew(dims) / (1 + dims * plain_skew(dims));
    struct val h = corner_hash(b, s, step, all), d[NOISE_AXES], square = VAL_NONE, shrink = VAL_NONE;
    if (s->tiles && k) { /* unskewed, the steps so far have gone back by the sum of their f */
        shrink = b_f64(b, 0);
        for (int c = 0; c < dims; c++)
            shrink = b_add(b, shrink, step ? b_select(b, step[c], s->skew[c], b_f64(b, 0)) : s->skew[c]);
        shrink = b_to(b, TYPE_F32, b_mul(b, shrink, s->shrink));
    }
    for (int c = 0; c < dims; c++) {
        double back = s->tiles ? 0 : k * g;
        d[c] = s->d0[c];
        if (k)
            d[c] = b_add(b, d[c], step ? b_select(b, step[c], b_f32(b, back - 1), b_f32(b, back)) : b_f32(b, back - 1));
        if (shrink.i)
            d[c] = b_add(b, d[c], shrink);
        square = c ? b_fma(b, d[c], d[c], square) : b_mul(b, d[c], d[c]);
    }
    struct val t = b_sub(b, b_f32(b, dims == 1 ? 1 : 0.5), square),
               ones = gradient_excess(b, s, k, k * (dims * g - 1), d);
    if (dims == 3)
        d[2] = b_mulc(b, d[2], 0.5);
    t = b_max(b, b_f32(b, 0), t);
    t = b_mul(b, t, t);
    struct val slope = noise_gradient(b, h, d, dims, ones);
    return sum.i ? b_fma(b, b_mul(b, t, t), slope, sum) : b_mul(b, b_mul(b, t, t), slope);
}

/* step[k][c]: corner k lies one further along axis c; corners follow d's axes from the greatest down. */
static void walk(struct build *b, const struct simplex *s, struct val step[NOISE_AXES][NOISE_AXES])
{
    const struct val *d = s->d0;
    int dims = s->dims;
    if (dims == 2) {
        step[1][0] = b_gt(b, d[0], d[1]);
        step[1][1] = b_not(b, step[1][0]);
    } else if (dims == 3) {
        struct val xy = b_ge(b, d[0], d[1]), yz = b_ge(b, d[1], d[2]), xz = b_ge(b, d[0], d[2]), yx = b_not(b, xy);
        step[1][0] = b_and(b, xy, xz);
        step[1][1] = b_and(b, yx, yz);
        step[1][2] = b_not(b, b_or(b, yz, xz));
        step[2][0] = b_or(b, xy, xz);
        step[2][1] = b_or(b, yx, yz);
        step[2][2] = b_not(b, b_and(b, yz, xz));
    } else {
        struct val rank[NOISE_AXES], one = b_f32(b, 1), zero = b_f32(b, 0); /* how many axes are greater */
        for (int c = 0; c < dims; c++)
            rank[c] = zero;
        for (int a = 0; a < dims; a++)
            for (int c = a + 1; c < dims; c++) {
                struct val first = b_ge(b, d[a], d[c]);
                rank[a] = b_add(b, rank[a], b_select(b, first, zero, one));
                rank[c] = b_add(b, rank[c], b_select(b, first, one, zero));
            }
        for (int k = 1; k < dims; k++)
            for (int c = 0; c < dims; c++)
                step[k][c] = b_lt(b, rank[c], b_f32(b, k));
    }
}

/* Tiled: coordinates into the tile, and the skew that suits each axis' period. */
static void open_tile(struct build *b, struct simplex *s, struct val *p, const struct val *period)
{
    struct val sum = b_f64(b, 1), zero = b_f64(b, 0);
    for (int c = 0; c < s->dims; c++) {
        struct val whole = noise_whole_period(b, period[c]);
        double f = plain_skew(s->dims);
        p[c] = noise_wrap(b, p[c], whole);
        s->period[c] = b_to(b, TYPE_F64, whole);
        struct val near = b_div(b, b_floor(b, b_mulc(b, s->period[c], f)), s->period[c]);
        s->skew[c] = b_select(b, b_lt(b, zero, s->period[c]), near, b_f64(b, f));
        sum = b_add(b, sum, s->skew[c]);
    }
    s->shrink = b_div(b, b_f64(b, 1), sum);
}

static struct val dot(struct build *b, const struct simplex *s, const struct val *x)
{
    struct val sum = VAL_NONE;
    for (int c = 0; c < s->dims; c++) {
        struct val f = b_to(b, TYPE_F32, s->skew[c]);
        sum = sum.i ? b_fma(b, f, x[c], sum) : b_mul(b, f, x[c]);
    }
    return sum;
}

/* Untiled: from what is left of the skewed coordinates, and the hashes of the cells before them. The fractions of
 * skewed coordinates are unskewed: that is where p lies from the corner, with no large number on the way. */
static void open_plain(struct build *b, struct simplex *s, const struct val *skewed, const struct val *before)
{
    int dims = s->dims;
    double g = plain_skew(dims) / (1 + dims * plain_skew(dims));
    struct val f[NOISE_AXES], sum = VAL_NONE;
    for (int c = 0; c < dims; c++) {
        struct val cell = noise_cell(b, skewed[c], &f[c]);
        s->hash[c][0] = b_add(b, b_mul(b, b_to(b, TYPE_I32, cell), noise_prime(b, c)), before[c]);
        s->hash[c][1] = b_add(b, s->hash[c][0], noise_prime(b, c));
        sum = sum.i ? b_add(b, sum, f[c]) : f[c];
    }
    for (int c = 0; c < dims; c++)
        s->d0[c] = dims == 1 ? f[c] : b_fma(b, sum, b_f32(b, -g), f[c]);
}

static void open_tiled(struct build *b, struct simplex *s, struct val *p, const struct val *period)
{
    open_tile(b, s, p, period);
    struct val skew = dot(b, s, p);
    for (int c = 0; c < s->dims; c++)
        s->cell[c] = b_floor(b, b_add(b, p[c], skew));
    struct val back = b_mul(b, dot(b, s, s->cell), b_to(b, TYPE_F32, s->shrink));
    for (int c = 0; c < s->dims; c++)
        s->d0[c] = b_sub(b, p[c], b_sub(b, s->cell[c], back));
}

/* in: coordinates, mixed seed, periods when user & TILED; else skewed coordinates, seed, hashes of the cells before. */
static struct val snoise_body(struct build *b, const struct val *in, int user)
{
    struct simplex s = {.dims = user & 7, .tiles = user & TILED, .seed = in[user & 7]};
    struct val p[NOISE_AXES] = {{0}}, step[NOISE_AXES][NOISE_AXES], sum = VAL_NONE;
    int dims = s.dims;
    for (int c = 0; c < dims; c++)
        p[c] = in[c];
    if (s.tiles)
        open_tiled(b, &s, p, in + dims + 1);
    else
        open_plain(b, &s, p, in + dims + 1);
    if (dims > 1)
        walk(b, &s, step);
    for (int k = 0; k <= dims; k++)
        sum = add_corner(b, &s, k, k && k < dims ? step[k] : NULL, sum);
    return b_mulc(b, sum, scales[dims] * (dims == 1 ? 0x1p-31 : 0x1p-30));
}

/* p plus F times the sum of its components, each a line: what is left of it, and the hash of the cells before. */
static void skew_point(struct build *b, const struct noise_point *point, struct val *skewed, struct val *before)
{
    struct noise_line sum = point->p[0];
    for (int c = 1; c < point->dims; c++)
        sum = noise_line_add(b, sum, point->p[c]);
    for (int c = 0; c < point->dims; c++) {
        struct noise_line line = point->p[c];
        if (point->dims > 1)
            line = noise_line_add(b, line, noise_line_scaled(b, sum, b_f32(b, plain_skew(point->dims))));
        struct val cells;
        skewed[c] = noise_line_split(b, &line, &cells);
        before[c] = cells.i ? b_mul(b, cells, noise_prime(b, c)) : b_i32(b, 0);
    }
}

struct val snoise_at(struct build *b, const struct noise_point *point)
{
    struct val in[FN_ARGS_MAX], cells;
    int dims = point->dims;
    in[dims] = noise_mixed_seed(b, point->seed);
    for (int c = 0; point->tiles && c < dims; c++) {
        in[c] = noise_coordinate(b, point, c, &cells);
        in[dims + 1 + c] = point->period[c];
    }
    if (!point->tiles)
        skew_point(b, point, in, in + dims + 1);
    char *name = arena_printf(b->ir->arena, "snoise%d%s", dims, point->tiles ? ".tiled" : "");
    return noise_call(b, name, snoise_body, dims | (point->tiles ? TILED : 0), in, 2 * dims + 1);
}

static enum status build_snoise(struct build *b, const struct node_args *args, struct val *out)
{
    struct noise_point point;
    TRY(noise_point_of(b, args, NOISE_AXES, NOISE_AXES, NOISE_AXES + 1, &point));
    *out = snoise_at(b, &point);
    return STATUS_OK;
}

const struct node_row noise_simplex_rows[] = {
    {"snoise : x, y=none, z=none, w=none, seed:f64=0, period:vec=0",
     "Simplex noise in 1 to 4 dimensions, about -1..1 with mean 0, never clipped. period: whole numbers, for all axes "
     "or each, 0 for none; with it the noise tiles to the bit.",
     0, NULL, build_snoise, NULL},
    {0},
};
