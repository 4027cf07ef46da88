/* See noise_lattice.h.
 *
 * A lattice noise's function takes: x and the hash of the cells before it, or its period when it tiles; of every other
 * axis the distance and the fade; the hashes of the 2^(d-1) cells over them, with the seed in. What it does not take is
 * x's own cells: they differ from sample to sample. */
#include "core/nodes/noise_lattice.h"

/* Odd, near 2^32 over the plastic numbers' powers, so that cells spread evenly. */
static const uint32_t axis_primes[NOISE_AXES] = {0x9e3779b1u, 0x85ebca77u, 0xc2b2ae3du, 0x27d4eb2fu};

bool noise_is_default(const struct build *b, struct val v)
{
    const struct ins *ins = ir_at(b->code, v);
    return ins->op == OP_CONST_F32 && ins->imm.f == 0;
}

enum status noise_point_of(struct build *b, const struct node_args *args, int n_coordinates, int seed, int period,
                           struct noise_point *ret)
{
    struct noise_point point = {.seed = noise_seed(b, args->in[seed])};
    for (int c = 0; c < n_coordinates; c++)
        if (args->in[c].i)
            point.p[point.dims++] = noise_line_of(b, args->in[c]);
    int given = period < 0 ? 0 : args->dims[period];
    point.tiles = given > 1 || (given == 1 && !noise_is_default(b, args->vec[period][0]));
    if (point.tiles && given != 1 && given != point.dims)
        return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/period", b->pointer), 0,
                         "period has %d components for a noise of %d dimensions; give one number or %d", given,
                         point.dims, point.dims);
    for (int c = 0; point.tiles && c < point.dims; c++)
        point.period[c] = args->vec[period][given > 1 ? c : 0];
    *ret = point;
    return STATUS_OK;
}

struct val noise_prime(struct build *b, int axis)
{
    return b_i32(b, (int32_t)axis_primes[axis]);
}

struct val noise_whole_period(struct build *b, struct val period)
{
    return b_rint(b, b_abs(b, period));
}

struct val noise_wrap(struct build *b, struct val index, struct val period)
{
    struct val turns = b_floor(b, b_div(b, index, period));
    struct val wrapped = b_fma(b, b_neg(b, turns), period, index);
    return b_select(b, b_lt(b, b_f32(b, 0), period), wrapped, index);
}

struct val noise_unit(struct build *b, struct val hash)
{
    return b_mulc(b, b_to(b, TYPE_F32, hash), 0x1p-31);
}

struct val noise_coordinate(struct build *b, const struct noise_point *point, int axis, struct val *ret_cells)
{
    const struct noise_line *line = &point->p[axis];
    *ret_cells = b_i32(b, 0);
    if (point->tiles)
        return noise_line_in_tile(b, line, noise_whole_period(b, point->period[axis]));
    struct val cells, f = noise_line_split(b, line, &cells);
    if (cells.i)
        *ret_cells = cells;
    return f;
}

/* The axis at x, and its two cells times the prime; `before`: the hash of the cells before x. The cell after the last
 * wraps to 0. */
static struct noise_axis axis_of(struct build *b, struct val x, struct val before, const struct val *period, int axis,
                                 struct val hash[2])
{
    struct noise_axis r;
    struct val prime = noise_prime(b, axis), cell = noise_cell(b, x, &r.d[0]);
    if (period) {
        struct val p = noise_whole_period(b, *period), one = b_i32(b, 1), zero = b_i32(b, 0);
        struct val index = b_to(b, TYPE_I32, noise_wrap(b, cell, p)), next = b_add(b, index, one);
        next = b_select(b, b_eq(b, next, b_to(b, TYPE_I32, p)), zero, next);
        hash[0] = b_mul(b, index, prime);
        hash[1] = b_mul(b, next, prime);
    } else {
        hash[0] = b_add(b, b_mul(b, b_to(b, TYPE_I32, cell), prime), before);
        hash[1] = b_add(b, hash[0], prime);
    }
    r.d[1] = b_addc(b, r.d[0], -1);
    r.fade = noise_fade(b, r.d[0]);
    return r;
}

struct lattice_variant {
    noise_lattice_body *body;
    int dims, user;
    bool tiles;
};

static struct val lattice_body(struct build *b, const struct val *in, const void *user)
{
    const struct lattice_variant *v = user;
    struct noise_lattice l = {.dims = v->dims};
    struct val hash[2];
    const struct val *rest = in + 2 * v->dims; /* the other axes' hashes; their distances and fades stand before */
    int n = 1 << (v->dims - 1);
    l.axes[0] = axis_of(b, in[0], in[1], v->tiles ? &in[1] : NULL, 0, hash);
    for (int c = 1; c < v->dims; c++)
        l.axes[c] = (struct noise_axis){.d = {in[2 * c], b_addc(b, in[2 * c], -1)}, .fade = in[2 * c + 1]};
    for (int i = 0; i < 2 * n; i++)
        l.hash[i] = b_xor(b, rest[i >> 1], hash[i & 1]);
    return v->body(b, &l, v->user);
}

struct val noise_lattice_call(struct build *b, const char *name, noise_lattice_body *body, int user,
                              const struct noise_point *point)
{
    struct lattice_variant variant = {body, point->dims, user, point->tiles};
    struct val in[FN_ARGS_MAX], rest[1 << (NOISE_AXES - 1)];
    int n = 0, dims = point->dims, cells = 1;
    struct val before;
    in[n++] = noise_coordinate(b, point, 0, &before);
    in[n++] = point->tiles ? point->period[0] : b_mul(b, before, noise_prime(b, 0));
    rest[0] = noise_mixed_seed(b, point->seed);
    for (int c = 1; c < dims; c++, cells *= 2) {
        struct val hash[2], x = noise_coordinate(b, point, c, &before);
        before = b_mul(b, before, noise_prime(b, c));
        struct noise_axis axis = axis_of(b, x, before, point->tiles ? &point->period[c] : NULL, c, hash);
        in[n++] = axis.d[0];
        in[n++] = axis.fade;
        for (int i = 0; i < cells; i++) {
            rest[cells + i] = b_xor(b, rest[i], hash[1]);
            rest[i] = b_xor(b, rest[i], hash[0]);
        }
    }
    for (int i = 0; i < cells; i++)
        in[n++] = rest[i];
    char *full = arena_printf(b->ir->arena, "%s%d%s", name, dims, point->tiles ? ".tiled" : "");
    return noise_call_with(b, full, lattice_body, &variant, in, n);
}

struct val noise_blend(struct build *b, const struct noise_lattice *l, struct val *corners)
{
    for (int c = l->dims - 1; c >= 0; c--) /* x last: before, a column's values do not depend on where in it one is */
        for (int i = 0; i < 1 << c; i++)
            corners[i] = b_lerp(b, corners[i], corners[i + (1 << c)], l->axes[c].fade);
    return corners[0];
}

/* sum + |wave of h| dx + |wave of h + 1/2| dy, in units of 2^31. */
static struct val diamond(struct build *b, struct val h, struct val dx, struct val dy, struct val sum)
{
    struct val x = b_abs(b, b_to(b, TYPE_F32, h));
    struct val y = b_abs(b, b_to(b, TYPE_F32, b_add(b, h, b_i32(b, 1 << 30))));
    x = sum.i ? b_fma(b, x, dx, sum) : b_mul(b, x, dx);
    return b_fma(b, y, dy, x);
}

struct val noise_gradient_beside(struct build *b, struct val h, const struct val *d, int dims, struct val sum)
{
    struct val low = dims > 2 ? b_shl(b, h, 16) : h, y = b_abs(b, b_to(b, TYPE_F32, b_add(b, h, b_i32(b, 1 << 30))));
    if (dims == 3)
        sum = sum.i ? b_fma(b, b_to(b, TYPE_F32, low), d[2], sum) : b_mul(b, b_to(b, TYPE_F32, low), d[2]);
    if (dims == 4)
        sum = diamond(b, low, d[2], d[3], sum);
    return sum.i ? b_fma(b, y, d[1], sum) : b_mul(b, y, d[1]);
}

struct val noise_gradient(struct build *b, struct val h, const struct val *d, int dims, struct val sum)
{
    if (dims == 1)
        return sum.i ? b_fma(b, b_to(b, TYPE_F32, h), d[0], sum) : b_mul(b, b_to(b, TYPE_F32, h), d[0]);
    struct val low = dims > 2 ? b_shl(b, h, 16) : h;
    if (dims == 3)
        sum = sum.i ? b_fma(b, b_to(b, TYPE_F32, low), d[2], sum) : b_mul(b, b_to(b, TYPE_F32, low), d[2]);
    if (dims == 4)
        sum = diamond(b, low, d[2], d[3], sum);
    return diamond(b, h, d[0], d[1], sum);
}
