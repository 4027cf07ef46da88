/* worley2 and worley3: distance to the nearest scattered point as resin has it, 0..1.
 *
 *     h = perm(perm(cx) + cy), in three dimensions perm(h + cz); h' = perm(h + 1), h'' = perm(h' + 1)
 *     the cell's point: (cx + h / 255, cy + h' / 255, cz + h'' / 255)
 *     the least distance to those of the 3^d cells around p, over 1.5 (1.8), limited to 1
 *
 * perm(i) = P[(i + seed) & 255], P Perlin's permutation: a seed shifts the table. The nearest point may lie farther off
 * than these cells; cellular does not miss it. Coordinates beyond 2^24 have no fraction; NaN gives NaN. */
#include "core/nodes/noise_parts.h"

static struct val low_byte(struct build *b, struct val word)
{
    return b_and(b, word, b_i32(b, 255));
}

/* perm at base - 1, base and base + 1; the seed is in the base. A row's three neighbours are two words. */
static void three(struct build *b, uint32_t table, struct val base, struct val out[3])
{
    struct val below = b_gather(b, table, b_addc(b, base, -1));
    out[0] = below;
    out[1] = b_shr(b, below, 8);
    out[2] = b_gather(b, table, b_addc(b, base, 1));
}

/* (fraction - step - hash / 255)^2, added up in units of 1/255. */
static struct val square(struct build *b, struct val fraction, int step, struct val hash, struct val sum)
{
    struct val d = b_sub(b, b_fmac(b, fraction, 255, -255.0 * step), b_to(b, TYPE_F32, hash));
    return sum.i ? b_fma(b, d, d, sum) : b_mul(b, d, d);
}

/* in: coordinates, seed */
static struct val worley_body(struct build *b, const struct val *in, int dims)
{
    uint32_t table = noise_perm_table(b);
    struct val fraction[3], cell[3], hash[27], least = VAL_NONE, seed = in[dims], zero = b_f32(b, 0);
    int cells = 3;
    for (int c = 0; c < dims; c++)
        cell[c] = b_add(b, b_to(b, TYPE_I32, noise_cell(b, in[c], &fraction[c])), seed);
    three(b, table, cell[0], hash);
    for (int c = 1; c < dims; c++, cells *= 3)
        for (int i = cells - 1; i >= 0; i--)
            three(b, table, b_add(b, hash[i], cell[c]), &hash[3 * i]);
    for (int i = 0; i < cells; i++) {
        struct val h = low_byte(b, hash[i]), sum = VAL_NONE;
        int x = dims == 2 ? i / 3 : i / 9, y = dims == 2 ? i % 3 : i / 3 % 3;
        sum = square(b, fraction[0], x - 1, h, sum);
        h = low_byte(b, b_gather(b, table, b_addc(b, b_add(b, h, seed), 1)));
        sum = square(b, fraction[1], y - 1, h, sum);
        if (dims == 3) {
            h = low_byte(b, b_gather(b, table, b_addc(b, b_add(b, h, seed), 1)));
            sum = square(b, fraction[2], i % 3 - 1, h, sum);
        }
        least = least.i ? b_min(b, sum, least) : sum;
    }
    struct val d = b_mulc(b, b_sqrt(b, least), 1 / (255 * (dims == 2 ? 1.5 : 1.8)));
    return b_min(b, b_f32(b, 1), b_max(b, zero, d));
}

static enum status build_worley2(struct build *b, const struct node_args *args, struct val *out)
{
    const struct val in[] = {args->in[0], args->in[1], noise_seed(b, args->in[2])};
    *out = noise_call(b, "worley2", worley_body, 2, in, 3);
    return STATUS_OK;
}

static enum status build_worley3(struct build *b, const struct node_args *args, struct val *out)
{
    const struct val in[] = {args->in[0], args->in[1], args->in[2], noise_seed(b, args->in[3])};
    *out = noise_call(b, "worley3", worley_body, 3, in, 4);
    return STATUS_OK;
}

const struct node_row noise_worley_rows[] = {
    {"worley2 : x, y, seed:f64=0",
     "Distance to the nearest scattered point in the plane as resin has it: over 1.5, at most 1. Looks at 3 x 3 cells "
     "only and may miss the nearest; cellular does not.",
     0, NULL, build_worley2, NULL},
    {"worley3 : x, y, z, seed:f64=0",
     "Distance to the nearest scattered point in space as resin has it: over 1.8, at most 1. Looks at 27 cells only "
     "and may miss the nearest; cellular does not.",
     0, NULL, build_worley3, NULL},
    {0},
};
