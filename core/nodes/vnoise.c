/* vnoise: value noise in 1 to 4 dimensions, signed, zero mean.
 *
 *     vnoise(p) = sum over the 2^d corners of the cell: fade weight * value of the corner, uniform in -1..1
 *
 * A corner's value is h = ((x X) ^ (y Y) ^ (z Z) ^ (w W) ^ seed) M in 32-bit arithmetic: one multiplication a corner.
 *
 * period and far coordinates: as gnoise's. Infinite ones and NaN give NaN. The corners are blended along x last: the
 * others make one value a column, which does not depend on where in the cell x is. */
#include "core/nodes/noise_lattice.h"

#define VALUE_PRIME 0x27220a95u

static struct val vnoise_body(struct build *b, const struct noise_lattice *l, int user)
{
    struct val value[1 << NOISE_AXES];
    (void)user;
    for (int i = 0; i < 1 << l->dims; i++)
        value[i] = b_to(b, TYPE_F32, b_mulc(b, l->hash[i], (int32_t)VALUE_PRIME));
    return b_mulc(b, noise_blend(b, l, value), 0x1p-31);
}

struct val vnoise_at(struct build *b, const struct noise_point *point)
{
    return noise_lattice_call(b, "vnoise", vnoise_body, 0, point);
}

static enum status build_vnoise(struct build *b, const struct node_args *args, struct val *out)
{
    struct noise_point point;
    TRY(noise_point_of(b, args, NOISE_AXES, NOISE_AXES, NOISE_AXES + 1, &point));
    *out = vnoise_at(b, &point);
    return STATUS_OK;
}

const struct node_row noise_value_rows[] = {
    {"vnoise : x, y=none, z=none, w=none, seed:f64=0, period:vec=0",
     "Value noise in 1 to 4 dimensions: random values at the corners of unit cells, blended by 6t^5 - 15t^4 + 10t^3; "
     "-1..1 with mean 0. period as gnoise's.",
     0, NULL, build_vnoise, NULL},
    {0},
};
