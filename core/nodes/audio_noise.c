/* White noise as a pure function of (seed, channel, n): seekable, independent of blocks, 24 bits, uniform in -1 .. 1.
 * The mixing constants are those of the 32-bit finaliser "lowbias32" (Chris Wellons, hash-prospector, 2018); the seed
 * enters between its rounds, so that seeds are not shifts of each other. */
#include "core/node.h"

static struct val xor_shift(struct build *b, struct val x, int n)
{
    return b_xor(b, x, b_shr(b, x, n));
}

static struct val mix(struct build *b, struct val x)
{
    x = b_mul(b, xor_shift(b, x, 16), b_i32(b, 0x7feb352d));
    x = b_mul(b, xor_shift(b, x, 15), b_i32(b, (int32_t)0x846ca68bu));
    return xor_shift(b, x, 16);
}

static enum status white(struct build *b, const struct node_args *args, struct val *out)
{
    struct val low, high, seed = b_to(b, TYPE_I32, args->in[0]);
    struct val first = mix(b, seed), second = mix(b, b_xor(b, seed, b_i32(b, (int32_t)0x9e3779b9u)));
    b_n_halves(b, &low, &high);
    struct val x = b_mul(b, xor_shift(b, b_xor(b, low, first), 16), b_i32(b, 0x7feb352d));
    x = b_add(b, x, b_add(b, second, b_mul(b, high, b_i32(b, 0x2c1b3c6d))));
    x = b_mul(b, xor_shift(b, x, 15), b_i32(b, (int32_t)0x846ca68bu));
    x = xor_shift(b, x, 16);
    out[0] = b_fmac(b, b_to(b, TYPE_F32, b_shr(b, x, 8)), 0x1p-23, -1);
    return STATUS_OK;
}

extern const struct node_row audio_noise_rows[];
const struct node_row audio_noise_rows[] = {
    {"white : seed:f64=0", "White noise, uniform in -1 .. 1; two with one seed are equal.", NODE_AUDIO, NULL, white,
     NULL},
    {0},
};
