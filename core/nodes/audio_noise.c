/* Noise as a pure function of (seed, channel, n): seekable, independent of blocks.
 *     white   24 bits, uniform in -1 .. 1
 *     pink    -3 dB an octave (+-1): 16 white noises held for 1, 2, 4 ... 32768 samples, each starting in the middle of
 *             another's, a tenth of their sum: rms 0.23, beyond +-1 once in 100,000 samples. Flat below rate/65536.
 *     blue    +3 dB an octave: pink[n] - pink[n - 1], doubled
 *     violet  +6 dB an octave: (white[n] - white[n - 1])/2
 *     dust    at each sample, with probability density/R, an impulse uniform in 0 .. 1
 * and as recurrences from n = 0:
 *     brown   -6 dB an octave above 10 Hz: y = p y1 + g white, p = exp(-2 pi 10/R), g for an rms of 1/4
 *     velvet  cells of R/density samples, each with one impulse of 1 or -1 in a place drawn for it
 * Sources: Voss and Clarke, "1/f noise in music", JASA 1978 (pink); Karjalainen and Jarvelainen, "Reverberation
 * modeling using velvet noise", AES 30, 2007. */
#include "core/nodes/audio_parts.h"

enum { PINK_OCTAVES = 16 };

struct instant {
    struct val low, high; /* halves of n */
};

static struct instant present(struct build *b)
{
    struct instant i;
    b_n_halves(b, &i.low, &i.high);
    return i;
}

/* Adds v, small and constant; carries by unsigned comparison. */
static struct instant later(struct build *b, struct instant i, int32_t v)
{
    struct val flip = b_i32(b, INT32_MIN), zero = b_i32(b, 0);
    struct instant r = {.low = b_add(b, i.low, b_i32(b, v))};
    struct val wrapped = v < 0 ? b_lt(b, b_xor(b, i.low, flip), b_xor(b, r.low, flip))
                               : b_lt(b, b_xor(b, r.low, flip), b_xor(b, i.low, flip));
    r.high = b_add(b, i.high, b_select(b, wrapped, b_i32(b, v < 0 ? -1 : 1), zero));
    return r;
}

static struct val white_at(struct build *b, struct instant i, struct val seed)
{
    return signed_unit(b, sample_hash(b, i.low, i.high, seed));
}

static struct val pink_at(struct build *b, struct instant now, struct val seed)
{
    struct val sum = white_at(b, now, seed);
    for (int k = 1; k < PINK_OCTAVES; k++) {
        struct instant i = later(b, now, 1 << (k - 1));
        i.low = b_or(b, b_shr(b, i.low, k), b_shl(b, i.high, 32 - k));
        i.high = b_shr(b, i.high, k);
        sum = b_add(b, sum, white_at(b, i, b_add(b, seed, b_i32(b, (int32_t)((uint32_t)k * 0x3c6ef35fu)))));
    }
    return b_mulc(b, sum, 0.1);
}

static enum status white(struct build *b, const struct node_args *args, struct val *out)
{
    out[0] = white_at(b, present(b), b_to(b, TYPE_I32, args->in[0]));
    return STATUS_OK;
}

static enum status pink(struct build *b, const struct node_args *args, struct val *out)
{
    out[0] = pink_at(b, present(b), b_to(b, TYPE_I32, args->in[0]));
    return STATUS_OK;
}

static enum status blue(struct build *b, const struct node_args *args, struct val *out)
{
    struct val seed = b_to(b, TYPE_I32, args->in[0]);
    struct instant now = present(b);
    struct val before = pink_at(b, later(b, now, -1), seed);
    out[0] = b_mulc(b, b_sub(b, pink_at(b, now, seed), before), 2);
    return STATUS_OK;
}

static enum status violet(struct build *b, const struct node_args *args, struct val *out)
{
    struct val seed = b_to(b, TYPE_I32, args->in[0]);
    struct instant now = present(b);
    struct val before = white_at(b, later(b, now, -1), seed);
    out[0] = b_mulc(b, b_sub(b, white_at(b, now, seed), before), 0.5);
    return STATUS_OK;
}

/* White has variance 1/3, so y has g^2 / (3 (1 - p^2)). */
static enum status brown(struct build *b, const struct node_args *args, struct val *out)
{
    struct val turn = b_f64(b, -6.283185307179586 * 10);
    struct val p = B_CALL(b, "exp", b_div(b, turn, b_rate(b)));
    struct val g = b_mulc(b, b_sqrt(b, b_mulc(b, b_fma(b, b_neg(b, p), p, b_f64(b, 1)), 3)), 0.25);
    struct val x = b_to(b, TYPE_F64, white_at(b, present(b), b_to(b, TYPE_I32, args->in[0])));
    struct val y1 = b_prev_open(b, TYPE_F64);
    struct val y = b_fma(b, p, y1, b_mul(b, g, x));
    b_close(b, y1, y);
    out[0] = b_to(b, TYPE_F32, y);
    return STATUS_OK;
}

static enum status dust(struct build *b, const struct node_args *args, struct val *out)
{
    struct instant now = present(b);
    struct val zero = b_f64(b, 0), chance = b_clamp(b, b_div(b, args->in[0], b_rate(b)), zero, b_f64(b, 1));
    struct val u = wide_unit(b, sample_hash(b, now.low, now.high, b_to(b, TYPE_I32, args->in[1])));
    out[0] = b_to(b, TYPE_F32, b_select(b, b_lt(b, u, chance), b_div(b, u, chance), zero));
    return STATUS_OK;
}

/* Where in its cell the impulse of a cell is, 0..1, and its sign. */
static struct val velvet_place(struct build *b, struct val cell, struct val seed, struct val *ret_sign)
{
    struct val bits = sample_hash(b, cell, b_i32(b, 0), seed);
    struct val odd = b_lt(b, b_shl(b, bits, 31), b_i32(b, 0));
    *ret_sign = b_select(b, odd, b_f32(b, -1), b_f32(b, 1));
    return wide_unit(b, bits);
}

/* An impulse is due when its place lies between this sample and the next; that may be the next cell's. */
static enum status velvet(struct build *b, const struct node_args *args, struct val *out)
{
    struct cell_clock clock = cell_clock(b, args->in[0]);
    struct val seed = b_to(b, TYPE_I32, args->in[1]), sign, next_sign, zero = b_f32(b, 0);
    struct val place = velvet_place(b, clock.cell, seed, &sign);
    struct val next = velvet_place(b, b_add(b, clock.cell, b_i32(b, 1)), seed, &next_sign);
    struct val until = b_add(b, clock.at, clock.step);
    struct val here = b_and(b, b_le(b, clock.at, place), b_lt(b, place, until));
    struct val ahead = b_lt(b, next, b_addc(b, until, -1));
    out[0] = b_select(b, here, sign, b_select(b, ahead, next_sign, zero));
    return STATUS_OK;
}

extern const struct node_row audio_noise_rows[];
const struct node_row audio_noise_rows[] = {
    {"white : seed:f64=0", "White noise, uniform in -1 .. 1; two with one seed are equal.", NODE_AUDIO, NULL, white,
     NULL},
    {"pink : seed:f64=0", "Pink noise, -3 dB an octave, rms 0.23.", NODE_AUDIO, NULL, pink, NULL},
    {"brown : seed:f64=0", "Brown noise, -6 dB an octave above 10 Hz, rms 0.25.", NODE_AUDIO, NULL, brown, NULL},
    {"violet : seed:f64=0", "Violet noise, +6 dB an octave: half the difference of white noise.", NODE_AUDIO, NULL,
     violet, NULL},
    {"blue : seed:f64=0", "Blue noise, +3 dB an octave: twice the difference of pink noise.", NODE_AUDIO, NULL, blue,
     NULL},
    {"velvet : density:f64=1000, seed:f64=0",
     "Velvet noise: `density` impulses of 1 or -1 a second, one in each equal stretch of time.", NODE_AUDIO, NULL,
     velvet, NULL},
    {"dust : density:f64=1000, seed:f64=0",
     "Impulses of 0 .. 1 at random: `density` a second on average, independent of each other.", NODE_AUDIO, NULL, dust,
     NULL},
    {0},
};
