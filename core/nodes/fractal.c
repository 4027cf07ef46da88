/* fractal, and ridged, billow and turbulence, which are its types by name: octaves of a native noise.
 *
 *     sum over i < octaves of amp_i n_i,   n_i = type(noise(p lacunarity^i, seed + i))
 *     amp_0 = 1, amp_(i+1) = amp_i gain lerp(1, (n_i + 1) / 2, weighted);   normalize: over the sum of |gain|^i
 *
 * Types: fbm n; ridged 1 - 2|n|; billow 2|n| - 1; turbulence |n|; pingpong the triangle wave of period 2 that is -1 at
 * even and 1 at odd 2(n + 1). weighted acts on what the type made of n, so that ridges breed ridges.
 *
 * period: that of octave i is the whole number nearest to period lacunarity^i, and the octave's coordinates are scaled
 * by the ratio of the two, after they are brought into the tile: so it tiles to the bit at every lacunarity. cellular
 * gives f1, which is not signed. The noise is one IR function, called once an octave. */
#include "core/nodes/noise_fractal.h"

enum { OCTAVES_MAX = 16 };

enum status noise_chosen(struct build *b, const struct node_args *args, size_t input, noise_at **ret)
{
    static noise_at *const noises[] = {gnoise_at, snoise_at, vnoise_at, cellular_at, wnoise_at};
    int choice;
    TRY(node_choice(b, args, input, &choice));
    *ret = noises[choice];
    return STATUS_OK;
}

static struct val shaped(struct build *b, enum fractal_type type, struct val n)
{
    switch (type) {
    case FRACTAL_RIDGED:
        return b_fmac(b, b_abs(b, n), -2, 1);
    case FRACTAL_BILLOW:
        return b_fmac(b, b_abs(b, n), 2, -1);
    case FRACTAL_TURBULENCE:
        return b_abs(b, n);
    case FRACTAL_PINGPONG: { /* with s = n + 1, a whole turn: 1 - 4 |s - floor(s) - 1/2| */
        struct val s = b_addc(b, n, 1);
        return b_fmac(b, b_abs(b, b_addc(b, b_sub(b, s, b_floor(b, s)), -0.5)), -4, 1);
    }
    default:
        return n;
    }
}

/* Brings coordinates into the tile and periods to whole numbers. */
static void settle(struct build *b, struct noise_point *base)
{
    for (int c = 0; c < base->dims && base->tiles; c++) {
        base->period[c] = noise_whole_period(b, base->period[c]);
        struct val inside = noise_line_in_tile(b, &base->p[c], base->period[c]);
        base->p[c] = noise_line_plain(noise_wrap(b, inside, base->period[c]));
    }
}

/* The point at which octave i asks; frequency is lacunarity^i. */
static struct noise_point octave(struct build *b, const struct noise_point *base, int i, struct val frequency)
{
    struct noise_point r = *base;
    if (!i)
        return r;
    r.seed = b_add(b, base->seed, b_i32(b, i));
    for (int c = 0; c < base->dims; c++) {
        struct val ratio = frequency;
        if (base->tiles) {
            struct val zero = b_f32(b, 0), old = base->period[c], tiled = b_lt(b, zero, old);
            r.period[c] = b_max(b, b_rint(b, b_mul(b, old, b_abs(b, frequency))), b_f32(b, 1));
            r.period[c] = b_select(b, tiled, r.period[c], zero);
            ratio = b_select(b, tiled, b_div(b, r.period[c], old), frequency);
        }
        r.p[c] = noise_line_scaled(b, base->p[c], ratio);
    }
    return r;
}

struct val noise_fractal_at(struct build *b, const struct noise_fractal *f, const struct noise_point *point)
{
    struct noise_point base = *point;
    struct val sum = VAL_NONE, one = b_f32(b, 1), frequency = one, gain = one, total = one, amplitude = one;
    settle(b, &base);
    for (int i = 0; i < f->octaves; i++) {
        struct noise_point at = octave(b, &base, i, frequency);
        struct val n = shaped(b, f->type, f->noise(b, &at));
        sum = i ? b_fma(b, n, amplitude, sum) : n;
        if (i)
            total = b_add(b, total, b_abs(b, gain));
        frequency = b_mul(b, frequency, f->lacunarity);
        gain = b_mul(b, gain, f->gain);
        amplitude = f->weighs ? b_mul(b, amplitude, f->gain) : gain;
        if (f->weighs)
            amplitude = b_mul(b, amplitude, b_fma(b, f->weighted, b_fmac(b, n, 0.5, -0.5), one));
    }
    return f->normalize ? b_mul(b, sum, b_div(b, one, total)) : sum;
}

static enum status build_fractal(struct build *b, const struct node_args *args, struct val *out)
{
    enum { TYPE = NOISE_AXES, NOISE, OCTAVES, LACUNARITY, GAIN, WEIGHTED, NORMALIZE, SEED, PERIOD };
    struct noise_fractal f = {
        .lacunarity = args->in[LACUNARITY], .gain = args->in[GAIN], .weighted = args->in[WEIGHTED]};
    struct noise_point point;
    int type, normalize;
    TRY(node_choice(b, args, TYPE, &type));
    TRY(noise_chosen(b, args, NOISE, &f.noise));
    TRY(node_count_arg(b, args, OCTAVES, 1, OCTAVES_MAX, &f.octaves));
    TRY(node_count_arg(b, args, NORMALIZE, 0, 1, &normalize));
    TRY(noise_point_of(b, args, NOISE_AXES, SEED, PERIOD, &point));
    f.type = (enum fractal_type)type;
    f.normalize = normalize;
    f.weighs = !noise_is_default(b, f.weighted);
    *out = noise_fractal_at(b, &f, &point);
    return STATUS_OK;
}

static enum status build_type(struct build *b, const struct node_args *args, enum fractal_type type, struct val *out)
{
    enum { NOISE = NOISE_AXES, OCTAVES, LACUNARITY, GAIN, SEED, PERIOD };
    struct noise_fractal f = {
        .type = type, .lacunarity = args->in[LACUNARITY], .gain = args->in[GAIN], .normalize = true};
    struct noise_point point;
    TRY(noise_chosen(b, args, NOISE, &f.noise));
    TRY(node_count_arg(b, args, OCTAVES, 1, OCTAVES_MAX, &f.octaves));
    TRY(noise_point_of(b, args, NOISE_AXES, SEED, PERIOD, &point));
    *out = noise_fractal_at(b, &f, &point);
    return STATUS_OK;
}

static enum status build_ridged(struct build *b, const struct node_args *args, struct val *out)
{
    return build_type(b, args, FRACTAL_RIDGED, out);
}

static enum status build_billow(struct build *b, const struct node_args *args, struct val *out)
{
    return build_type(b, args, FRACTAL_BILLOW, out);
}

static enum status build_turbulence(struct build *b, const struct node_args *args, struct val *out)
{
    return build_type(b, args, FRACTAL_TURBULENCE, out);
}

#define TYPE_INPUTS                                                                                                    \
    " : x, y=none, z=none, w=none, *noise=" NOISE_CHOICES ", *octaves=5, lacunarity=2, gain=0.5, seed:f64=0, "         \
    "period:vec=0"

const struct node_row noise_fractal_rows[] = {
    {"fractal : x, y=none, z=none, w=none, *type=fbm|ridged|billow|turbulence|pingpong, *noise=" NOISE_CHOICES
     ", *octaves=5, lacunarity=2, gain=0.5, weighted=0, *normalize=1, seed:f64=0, period:vec=0",
     "The sum over i < octaves of amp_i n(p lacunarity^i, seed + i), amp_0 = 1, amp_(i+1) = amp_i gain lerp(1, (n_i + "
     "1)/2, weighted); n is fbm: the noise, ridged: 1 - 2|noise|, billow: 2|noise| - 1, turbulence: |noise|, pingpong: "
     "a triangle wave of it. normalize 1 divides by the sum of gain^i: then about -1..1, turbulence 0..1.",
     0, NULL, build_fractal, NULL},
    {"ridged" TYPE_INPUTS, "fractal of 1 - 2|noise|: sharp ridges, about -1..1.", 0, NULL, build_ridged, NULL},
    {"billow" TYPE_INPUTS, "fractal of 2|noise| - 1: round billows with sharp valleys, about -1..1.", 0, NULL,
     build_billow, NULL},
    {"turbulence" TYPE_INPUTS, "fractal of |noise|: 0..1.", 0, NULL, build_turbulence, NULL},
    {0},
};
