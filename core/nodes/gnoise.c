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
 * period: whole numbers, 0 for none; then cells are counted modulo the period before they are hashed, so that the noise
 * at x + period is, to the bit, that at x. In one and two dimensions no value leaves -1..1; in three and four the scale
 * is one that a million points do not leave, though the bound is 1.2. Coordinates beyond 2^24 have no fraction and give
 * 0; infinite ones NaN. */
#include "core/nodes/noise_parts.h"

enum { AXES = 4 };

/* Odd, near 2^32 over the plastic numbers' powers, so that cells spread evenly. */
static const uint32_t axis_primes[AXES] = {0x9e3779b1u, 0x85ebca77u, 0xc2b2ae3du, 0x27d4eb2fu};
#define CORNER_PRIME 0x2c1b3c6du

static const double scales[AXES + 1] = {0, 2, 1.86, 1.2, 1.2};

struct axis {
    struct val d[2];    /* distance from the lower and the upper cell */
    struct val hash[2]; /* cell times prime */
    struct val fade;
};

/* cell mod period for period > 0. The next cell wraps to 0; where there is no period, 0 is what it would be, too. */
static void wrap_cells(struct build *b, struct val period, struct val cells[2])
{
    struct val p = b_rint(b, b_abs(b, period)), zero = b_f32(b, 0);
    struct val turns = b_floor(b, b_div(b, cells[0], p));
    struct val wrapped = b_fma(b, b_neg(b, turns), p, cells[0]);
    cells[0] = b_select(b, b_lt(b, zero, p), wrapped, cells[0]);
    cells[1] = b_addc(b, cells[0], 1);
    cells[1] = b_select(b, b_eq(b, cells[1], p), zero, cells[1]);
}

static struct axis axis_of(struct build *b, struct val x, const struct val *period, int axis)
{
    struct axis r;
    struct val prime = b_i32(b, (int32_t)axis_primes[axis]);
    struct val cells[2] = {noise_cell(b, x, &r.d[0])};
    if (period)
        wrap_cells(b, *period, cells);
    r.hash[0] = b_mul(b, b_to(b, TYPE_I32, cells[0]), prime);
    r.hash[1] = period ? b_mul(b, b_to(b, TYPE_I32, cells[1]), prime) : b_add(b, r.hash[0], prime);
    r.d[1] = b_addc(b, r.d[0], -1);
    r.fade = noise_fade(b, r.d[0]);
    return r;
}

/* sum + |wave of h| dx + |wave of h + 1/2| dy, in units of 2^31. */
static struct val diamond(struct build *b, struct val h, struct val dx, struct val dy, struct val sum)
{
    struct val x = b_abs(b, b_to(b, TYPE_F32, h));
    struct val y = b_abs(b, b_to(b, TYPE_F32, b_add(b, h, b_i32(b, 1 << 30))));
    x = sum.i ? b_fma(b, x, dx, sum) : b_mul(b, x, dx);
    return b_fma(b, y, dy, x);
}

static struct val corner(struct build *b, struct val h, const struct axis *axes, int dims, int which)
{
    struct val d[AXES];
    for (int c = 0; c < dims; c++)
        d[c] = axes[c].d[which >> c & 1];
    if (dims == 1)
        return b_mul(b, b_to(b, TYPE_F32, h), d[0]);
    struct val sum = VAL_NONE, low = h;
    if (dims > 2)
        low = b_shl(b, h, 16);
    if (dims == 3)
        sum = b_mul(b, b_mulc(b, b_to(b, TYPE_F32, low), 0.5), d[2]); /* waves count twice */
    if (dims == 4)
        sum = diamond(b, low, d[2], d[3], sum);
    return diamond(b, h, d[0], d[1], sum);
}

/* in: coordinates, mixed seed, periods when user & 8; user & 7 is the number of dimensions. */
static struct val gnoise_body(struct build *b, const struct val *in, int user)
{
    int dims = user & 7;
    struct axis axes[AXES];
    struct val hash[1 << AXES], value[1 << AXES], prime = b_i32(b, (int32_t)CORNER_PRIME);
    for (int c = 0; c < dims; c++)
        axes[c] = axis_of(b, in[c], user & 8 ? &in[dims + 1 + c] : NULL, c);
    for (int i = 0; i < 2; i++)
        hash[i] = b_xor(b, axes[dims - 1].hash[i], in[dims]);
    for (int c = dims - 2, n = 2; c >= 0; c--, n *= 2)
        for (int i = n - 1; i >= 0; i--) {
            hash[2 * i + 1] = b_xor(b, hash[i], axes[c].hash[1]);
            hash[2 * i] = b_xor(b, hash[i], axes[c].hash[0]);
        }
    for (int i = 0; i < 1 << dims; i++)
        value[i] = corner(b, b_mul(b, hash[i], prime), axes, dims, i);
    for (int c = 0, n = 1 << dims; c < dims; c++) {
        n /= 2;
        for (int i = 0; i < n; i++)
            value[i] = b_lerp(b, value[2 * i], value[2 * i + 1], axes[c].fade);
    }
    if (dims == 1)
        return b_mulc(b, value[0], scales[1] * 0x1p-31);
    struct val offset = b_sub(b, axes[0].fade, axes[0].d[0]);
    for (int c = 1; c < dims; c++)
        if (c < 2 || dims == 4)
            offset = b_add(b, offset, b_sub(b, axes[c].fade, axes[c].d[0]));
    return b_fma(b, value[0], b_f32(b, scales[dims] * 0x1p-30), b_mulc(b, offset, scales[dims]));
}

/* A default: no code for periods is made. What the client writes is an argument, never this. */
static bool is_structural_zero(const struct build *b, struct val v)
{
    const struct ins *ins = ir_at(b->code, v);
    return ins->op == OP_CONST_F32 && ins->imm.f == 0;
}

static enum status build_gnoise(struct build *b, const struct node_args *args, struct val *out)
{
    enum { SEED = AXES, PERIOD };
    struct val in[2 * AXES + 1];
    int dims = 0, n;
    for (int c = 0; c < AXES; c++)
        if (args->in[c].i)
            in[dims++] = args->in[c];
    n = dims;
    in[n++] = noise_mixed_seed(b, args->in[SEED]);
    bool tiles = args->dims[PERIOD] && !(args->dims[PERIOD] == 1 && is_structural_zero(b, args->vec[PERIOD][0]));
    if (tiles && args->dims[PERIOD] != 1 && args->dims[PERIOD] != dims)
        return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/period", b->pointer), 0,
                         "period has %d components for a noise of %d dimensions; give one number or %d",
                         args->dims[PERIOD], dims, dims);
    for (int c = 0; tiles && c < dims; c++)
        in[n++] = args->vec[PERIOD][args->dims[PERIOD] > 1 ? c : 0];
    const char *name = arena_printf(b->ir->arena, "gnoise%d%s", dims, tiles ? ".tiled" : "");
    *out = noise_call(b, name, gnoise_body, dims | (tiles ? 8 : 0), in, n);
    return STATUS_OK;
}

const struct node_row noise_gradient_rows[] = {
    {"gnoise : x, y=none, z=none, w=none, seed:f64=0, period:vec=0",
     "Gradient noise in 1 to 4 dimensions, about -1..1 with mean 0, never clipped; period makes it tile.", 0, NULL,
     build_gnoise, NULL},
    {0},
};
