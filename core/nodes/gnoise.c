/* gnoise: gradient noise in 1 to 4 dimensions, signed, zero mean, never clipped.
 *
 *     n(p) = scale * sum over the 2^d corners of the cell: fade weight * gradient . (p - corner)
 *
 * The gradient of a corner comes from h = ((x X) ^ (y Y) ^ (z Z) ^ (w W) ^ seed) M in 32-bit arithmetic, X.. and M odd:
 * one multiplication a corner, no table. h is an angle: two triangle waves a quarter turn apart run round the diamond
 * |gx| + |gy| = 1, gx = 2|h| - 1, gy = 2|h + 1/2| - 1     (h and h + 1/2 wrapped into -1..1), which costs an addition
 * and two conversions. The third and fourth component come from the lower half of h: a third alone is uniform in -1..1,
 * a pair runs round a second diamond; in one dimension the slope is uniform. The -1 of the waves is the same for every
 * corner: the weighted sum of (p - corner) is fraction - fade(fraction), taken away once.
 *
 * curl: the curl of gnoise in two dimensions, (dn/dy, -dn/dx), free of divergence, from the noise's own derivative:
 * that of a sum of products, fade' = 30 t^2 (t - 1)^2.
 *
 * period: whole numbers, 0 for none; then cells are counted modulo the period before they are hashed, so that the noise
 * at x + period is, to the bit, that at x. In one and two dimensions no value leaves -1..1; in three and four the scale
 * is one that a million points do not leave, though the bound is 1.2. Coordinates that noise_line.h takes apart are
 * smooth as far as f64 goes; others beyond 2^24 have no fraction and give 0; infinite ones NaN.
 *
 * The corners that differ in other axes than x are summed first, to a line in the distance along x: see column_of(). */
#include "core/nodes/noise_lattice.h"

#define CORNER_PRIME 0x2c1b3c6du

static const double scales[NOISE_AXES + 1] = {0, 2, 1.86, 1.2, 1.2};

static struct val hash_of(struct build *b, const struct noise_lattice *l, int corner)
{
    return b_mul(b, l->hash[corner], b_i32(b, (int32_t)CORNER_PRIME));
}

static void distance(const struct noise_lattice *l, int corner, struct val d[NOISE_AXES])
{
    for (int c = 0; c < l->dims; c++)
        d[c] = l->axes[c].d[corner >> c & 1];
}

/* The weight of the corner i among those that differ in the axes from the second on. */
static struct val weight_of(struct build *b, const struct noise_lattice *l, int i)
{
    struct val w = VAL_NONE;
    for (int c = 1; c < l->dims; c++) {
        struct val fade = l->axes[c].fade, side = i >> (c - 1) & 1 ? fade : b_sub(b, b_f32(b, 1), fade);
        w = w.i ? b_mul(b, w, side) : side;
    }
    return w;
}

/* The corners whose x cell is the lower or the upper one (side), weighted and summed, are a line in the distance from
 * it: slope * d + at. Both depend on the x cell and on what is given for a row, not on where in the cell x is. */
static void column_of(struct build *b, const struct noise_lattice *l, int side, struct val *slope, struct val *at)
{
    struct val zero = b_f32(b, 0);
    *slope = *at = VAL_NONE;
    for (int i = 0; i < 1 << (l->dims - 1); i++) {
        struct val h = hash_of(b, l, 2 * i + side), w = weight_of(b, l, i), d[NOISE_AXES] = {zero};
        for (int c = 1; c < l->dims; c++) {
            d[c] = b_mul(b, w, l->axes[c].d[i >> (c - 1) & 1]);
            if (c == 2 && l->dims == 3)
                d[c] = b_mulc(b, d[c], 0.5);
        }
        *at = noise_gradient_beside(b, h, d, l->dims, *at);
        struct val x = b_abs(b, b_to(b, TYPE_F32, h));
        *slope = slope->i ? b_fma(b, x, w, *slope) : b_mul(b, x, w);
    }
}

static struct val gnoise_body(struct build *b, const struct noise_lattice *l, int user)
{
    struct val slope, at, value[2], offset = b_sub(b, l->axes[0].fade, l->axes[0].d[0]);
    (void)user;
    if (l->dims == 1) {
        for (int i = 0; i < 2; i++)
            value[i] = b_mul(b, b_to(b, TYPE_F32, hash_of(b, l, i)), l->axes[0].d[i]);
        return b_mulc(b, b_lerp(b, value[0], value[1], l->axes[0].fade), scales[1] * 0x1p-31);
    }
    for (int i = 0; i < 2; i++) {
        column_of(b, l, i, &slope, &at);
        value[i] = b_fma(b, slope, l->axes[0].d[i], at);
    }
    struct val sum = b_lerp(b, value[0], value[1], l->axes[0].fade), rest = VAL_NONE;
    for (int c = 1; c < l->dims; c++)
        if (c < 2 || l->dims == 4) {
            struct val excess = b_sub(b, l->axes[c].fade, l->axes[c].d[0]);
            rest = rest.i ? b_add(b, rest, excess) : excess;
        }
    return b_fma(b, sum, b_f32(b, scales[l->dims] * 0x1p-30), b_mulc(b, b_add(b, offset, rest), scales[l->dims]));
}

struct val gnoise_at(struct build *b, const struct noise_point *point)
{
    return noise_lattice_call(b, "gnoise", gnoise_body, 0, point);
}

static enum status build_gnoise(struct build *b, const struct node_args *args, struct val *out)
{
    struct noise_point point;
    TRY(noise_point_of(b, args, NOISE_AXES, NOISE_AXES, NOISE_AXES + 1, &point));
    *out = gnoise_at(b, &point);
    return STATUS_OK;
}

static struct val fade_slope(struct build *b, struct val t)
{
    struct val s = b_mul(b, t, b_addc(b, t, -1));
    return b_mulc(b, b_mul(b, s, s), 30);
}

/* The derivative along axis `along`: the blended gradients' component, and the blended differences along that axis. */
static struct val slope_body(struct build *b, const struct noise_lattice *l, int along)
{
    struct val slope[4], value[4], d[NOISE_AXES];
    const struct noise_axis *axis = &l->axes[along], *other = &l->axes[1 - along];
    for (int i = 0; i < 4; i++) {
        struct val h = hash_of(b, l, i), turned = along ? b_add(b, h, b_i32(b, 1 << 30)) : h;
        distance(l, i, d);
        slope[i] = b_abs(b, b_to(b, TYPE_F32, turned));
        value[i] = noise_gradient(b, h, d, 2, VAL_NONE);
    }
    int step = along + 1, row = 2 - along;
    struct val near = b_sub(b, value[step], value[0]), far = b_sub(b, value[step + row], value[row]);
    struct val difference = b_lerp(b, near, far, other->fade), blended = noise_blend(b, l, slope);
    struct val s = fade_slope(b, axis->d[0]);
    struct val sum = b_fma(b, s, difference, blended);
    return b_fma(b, sum, b_f32(b, scales[2] * 0x1p-30), b_mulc(b, b_addc(b, s, -1), scales[2]));
}

static enum status build_curl(struct build *b, const struct node_args *args, struct val *out)
{
    struct noise_point point;
    TRY(noise_point_of(b, args, 2, 2, 3, &point));
    out[0] = noise_lattice_call(b, "gnoise.dy", slope_body, 1, &point);
    out[1] = b_neg(b, noise_lattice_call(b, "gnoise.dx", slope_body, 0, &point));
    return STATUS_OK;
}

const struct node_row noise_gradient_rows[] = {
    {"gnoise : x, y=none, z=none, w=none, seed:f64=0, period:vec=0",
     "Gradient noise (Perlin's, with hashed gradients) in 1 to 4 dimensions, about -1..1 with mean 0, 0 at whole "
     "coordinates, never clipped. period: whole numbers of cells, for all axes or each, 0 for none; with it the noise "
     "tiles to the bit.",
     0, NULL, build_gnoise, NULL},
    {"curl : x, y, seed:f64=0, period:vec=0 -> x y",
     "The curl of gnoise in two dimensions, (dn/dy, -dn/dx): a flow along its contours, free of divergence.", 0, NULL,
     build_curl, NULL},
    {0},
};
