/* value2 and value3: value noise that gives what resin gives, 0..1.
 *
 *     perm(perm(perm(x) + y) + z) / 255 at the corners of the cell, blended with 6t^5 - 15t^4 + 10t^3
 *
 * perm(i) = P[(i + seed) & 255], P Perlin's permutation: a seed shifts the table. A word of it holds two neighbours, so
 * three gathers serve the four corners, seven the eight. vnoise has no table and no shift. */
#include "core/nodes/noise_parts.h"

static struct val byte(struct build *b, struct val word, int which)
{
    return b_to(b, TYPE_F32, which ? b_shr(b, word, 8) : b_and(b, word, b_i32(b, 255)));
}

/* in: coordinates, seed. Words of one axis: entry k follows the path whose bits are k. */
static struct val value_body(struct build *b, const struct val *in, int dims)
{
    uint32_t table = noise_perm_table(b);
    struct val fraction[3], cell[3], words[4], values[4];
    for (int c = 0; c < dims; c++)
        cell[c] = b_add(b, b_to(b, TYPE_I32, noise_cell(b, in[c], &fraction[c])), in[dims]);
    words[0] = b_gather(b, table, cell[0]);
    for (int c = 1, n = 1; c < dims; c++, n *= 2)
        for (int k = n - 1; k >= 0; k--) {
            words[2 * k + 1] = b_gather(b, table, b_add(b, b_shr(b, words[k], 8), cell[c]));
            words[2 * k] = b_gather(b, table, b_add(b, words[k], cell[c]));
        }
    int n = 1 << (dims - 1);
    for (int k = 0; k < n; k++)
        values[k] = b_lerp(b, byte(b, words[k], 0), byte(b, words[k], 1), noise_fade(b, fraction[dims - 1]));
    for (int c = dims - 2; c >= 0; c--) {
        n /= 2;
        for (int k = 0; k < n; k++)
            values[k] = b_lerp(b, values[2 * k], values[2 * k + 1], noise_fade(b, fraction[c]));
    }
    return b_mulc(b, values[0], 1.0 / 255);
}

static enum status build_value2(struct build *b, const struct node_args *args, struct val *out)
{
    const struct val in[] = {args->in[0], args->in[1], noise_seed(b, args->in[2])};
    *out = noise_call(b, "value2", value_body, 2, in, 3);
    return STATUS_OK;
}

static enum status build_value3(struct build *b, const struct node_args *args, struct val *out)
{
    const struct val in[] = {args->in[0], args->in[1], args->in[2], noise_seed(b, args->in[3])};
    *out = noise_call(b, "value3", value_body, 3, in, 4);
    return STATUS_OK;
}

const struct node_row noise_resin_value_rows[] = {
    {"value2 : x, y, seed:f64=0", "Value noise in two dimensions as resin has it, 0..1.", 0, NULL, build_value2, NULL},
    {"value3 : x, y, z, seed:f64=0", "Value noise in three dimensions as resin has it, 0..1.", 0, NULL, build_value3,
     NULL},
    {0},
};
