/* wnoise: white noise, one value a unit cell in 1 to 4 dimensions, uniform in -1..1.
 *
 *     h = (x X) ^ (y Y) ^ (z Z) ^ (w W) ^ seed, then two rounds of xor-shift and multiply: neighbours share nothing.
 *
 * period: cells are counted modulo it. Coordinates beyond 2^31, infinite ones and NaN lie in one far cell. */
#include "core/nodes/noise_lattice.h"

static struct val wnoise_body(struct build *b, const struct val *in, int dims)
{
    struct val h = in[dims];
    for (int c = 0; c < dims; c++)
        h = b_xor(b, h, b_mul(b, in[c], noise_prime(b, c)));
    h = b_mulc(b, b_xor(b, h, b_shr(b, h, 16)), 0x7feb352d);
    h = b_mulc(b, b_xor(b, h, b_shr(b, h, 15)), (int32_t)0x846ca68bu);
    return noise_unit(b, b_xor(b, h, b_shr(b, h, 16)));
}

struct val wnoise_at(struct build *b, const struct noise_point *point)
{
    struct val in[NOISE_AXES + 1];
    for (int c = 0; c < point->dims; c++) {
        struct val cells, cell = b_floor(b, noise_coordinate(b, point, c, &cells));
        if (point->tiles)
            cell = noise_wrap(b, cell, noise_whole_period(b, point->period[c]));
        in[c] = b_add(b, b_to(b, TYPE_I32, cell), cells);
    }
    in[point->dims] = noise_mixed_seed(b, point->seed);
    return noise_call(b, arena_printf(b->ir->arena, "wnoise%d", point->dims), wnoise_body, point->dims, in,
                      point->dims + 1);
}

static enum status build_wnoise(struct build *b, const struct node_args *args, struct val *out)
{
    struct noise_point point;
    TRY(noise_point_of(b, args, NOISE_AXES, NOISE_AXES, NOISE_AXES + 1, &point));
    *out = wnoise_at(b, &point);
    return STATUS_OK;
}

const struct node_row noise_white_rows[] = {
    {"wnoise : x, y=none, z=none, w=none, seed:f64=0, period:vec=0",
     "White noise: one random value a unit cell in 1 to 4 dimensions, uniform in -1..1. period as gnoise's.", 0, NULL,
     build_wnoise, NULL},
    {0},
};
