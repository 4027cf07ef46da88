/* One-pole and RBJ biquad filters, coefficients and state in f64.
 *     onepole: p = exp(-2 pi f/R), y = p y1 + (1 - p) x
 *     biquad:  u = b0 x + b1 x1 + b2 x2, y = fma(-a1, y1, fma(-a2, y2, u))   (one fma on the recursive chain)
 * Coefficients: Robert Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients" (W3C note, 2021);
 * bandpass with 0 dB peak. Frequencies are clamped to 0.1 Hz .. 0.49 rate, q to at least 0.001. */
#include <string.h>

#include "core/node.h"

static const double PI = 3.14159265358979323846;

/* 2 pi f / R with f clamped. */
static struct val angular(struct build *b, struct val freq)
{
    struct val rate = b_rate(b);
    struct val f = b_clamp(b, freq, b_f64(b, 0.1), b_mulc(b, rate, 0.49));
    return b_div(b, b_mulc(b, f, 2 * PI), rate);
}

static enum status onepole(struct build *b, const struct node_args *args, struct val *out)
{
    struct val p = B_CALL(b, "exp", b_neg(b, angular(b, args->in[1])));
    struct val x = b_to(b, TYPE_F64, args->in[0]);
    struct val y1 = b_prev_open(b, TYPE_F64);
    struct val y = b_fma(b, p, y1, b_mul(b, b_sub(b, b_f64(b, 1), p), x));
    b_close(b, y1, y);
    struct val low = b_to(b, TYPE_F32, y);
    out[0] = strcmp(args->def->name, "onepole_hp") ? low : b_sub(b, args->in[0], low);
    return STATUS_OK;
}

struct biquad {
    struct val b0, b1, b2, a0, a1, a2;
};

static struct val run_biquad(struct build *b, struct val in, struct biquad c)
{
    struct val scale = b_div(b, b_f64(b, 1), c.a0);
    struct val in1 = b_prev(b, in), in2 = b_prev(b, in1);
    struct val x = b_to(b, TYPE_F64, in), x1 = b_to(b, TYPE_F64, in1), x2 = b_to(b, TYPE_F64, in2);
    struct val u =
        b_fma(b, b_mul(b, c.b0, scale), x, b_fma(b, b_mul(b, c.b1, scale), x1, b_mul(b, b_mul(b, c.b2, scale), x2)));
    struct val y1 = b_prev_open(b, TYPE_F64), y2 = b_prev(b, y1);
    struct val na1 = b_neg(b, b_mul(b, c.a1, scale)), na2 = b_neg(b, b_mul(b, c.a2, scale));
    struct val y = b_fma(b, na1, y1, b_fma(b, na2, y2, u));
    b_close(b, y1, y);
    return b_to(b, TYPE_F32, y);
}

/* What the cookbook calls cos w0, alpha and 1. */
struct cookbook {
    struct val cosine, alpha, one;
};

static struct cookbook cookbook(struct build *b, const struct node_args *args)
{
    struct val w = angular(b, args->in[1]);
    struct val q = b_max(b, args->in[2], b_f64(b, 0.001));
    return (struct cookbook){B_CALL(b, "cos", w), b_div(b, B_CALL(b, "sin", w), b_mulc(b, q, 2)), b_f64(b, 1)};
}

static enum status pass_filter(struct build *b, const struct node_args *args, struct val *out)
{
    const char *name = args->def->name;
    struct cookbook k = cookbook(b, args);
    struct val zero = b_f64(b, 0), up = b_add(b, k.one, k.alpha), down = b_sub(b, k.one, k.alpha);
    struct val middle = b_mulc(b, k.cosine, -2);
    struct biquad c = {.a0 = up, .a1 = middle, .a2 = down};
    if (!strcmp(name, "lowpass")) {
        c.b1 = b_sub(b, k.one, k.cosine);
        c.b0 = c.b2 = b_mulc(b, c.b1, 0.5);
    } else if (!strcmp(name, "highpass")) {
        c.b1 = b_neg(b, b_add(b, k.one, k.cosine));
        c.b0 = c.b2 = b_mulc(b, c.b1, -0.5);
    } else if (!strcmp(name, "bandpass")) {
        c.b0 = k.alpha;
        c.b1 = zero;
        c.b2 = b_neg(b, k.alpha);
    } else if (!strcmp(name, "notch")) {
        c.b0 = c.b2 = k.one;
        c.b1 = middle;
    } else { /* allpass */
        c.b0 = down;
        c.b1 = middle;
        c.b2 = up;
    }
    out[0] = run_biquad(b, args->in[0], c);
    return STATUS_OK;
}

/* A = 10^(dB/40) */
static struct val amplitude(struct build *b, struct val gain_db)
{
    return B_CALL(b, "exp", b_mulc(b, gain_db, 2.30258509299404568402 / 40));
}

static enum status peak(struct build *b, const struct node_args *args, struct val *out)
{
    struct cookbook k = cookbook(b, args);
    struct val a = amplitude(b, args->in[3]);
    struct val boost = b_mul(b, k.alpha, a), cut = b_div(b, k.alpha, a), middle = b_mulc(b, k.cosine, -2);
    struct biquad c = {.b0 = b_add(b, k.one, boost),
                       .b1 = middle,
                       .b2 = b_sub(b, k.one, boost),
                       .a0 = b_add(b, k.one, cut),
                       .a1 = middle,
                       .a2 = b_sub(b, k.one, cut)};
    out[0] = run_biquad(b, args->in[0], c);
    return STATUS_OK;
}

/* The high shelf is the low shelf with the sign of the cosine turned, and of b1 and a1. */
static enum status shelf(struct build *b, const struct node_args *args, struct val *out)
{
    struct cookbook k = cookbook(b, args);
    bool high = !strcmp(args->def->name, "high_shelf");
    struct val a = amplitude(b, args->in[3]), cosine = high ? b_neg(b, k.cosine) : k.cosine;
    struct val up = b_add(b, a, k.one), down = b_sub(b, a, k.one);
    struct val slope = b_mul(b, b_mulc(b, b_sqrt(b, a), 2), k.alpha);
    struct val dc = b_mul(b, down, cosine), uc = b_mul(b, up, cosine);
    struct val num = b_sub(b, up, dc), den = b_add(b, up, dc);
    struct val b1 = b_mulc(b, b_mul(b, a, b_sub(b, down, uc)), high ? -2 : 2);
    struct val a1 = b_mulc(b, b_add(b, down, uc), high ? 2 : -2);
    struct biquad c = {.b0 = b_mul(b, a, b_add(b, num, slope)),
                       .b1 = b1,
                       .b2 = b_mul(b, a, b_sub(b, num, slope)),
                       .a0 = b_add(b, den, slope),
                       .a1 = a1,
                       .a2 = b_sub(b, den, slope)};
    out[0] = run_biquad(b, args->in[0], c);
    return STATUS_OK;
}

static enum status raw_biquad(struct build *b, const struct node_args *args, struct val *out)
{
    struct biquad c = {.b0 = args->in[1],
                       .b1 = args->in[2],
                       .b2 = args->in[3],
                       .a0 = b_f64(b, 1),
                       .a1 = args->in[4],
                       .a2 = args->in[5]};
    out[0] = run_biquad(b, args->in[0], c);
    return STATUS_OK;
}

extern const struct node_row audio_filter_rows[];
const struct node_row audio_filter_rows[] = {
    {"onepole_lp : in, freq:f64 (Hz)=1000",
     "One-pole low-pass, 6 dB an octave: y += (1 - exp(-2 pi freq/rate))(in - y).", NODE_AUDIO, NULL, onepole, NULL},
    {"onepole_hp : in, freq:f64 (Hz)=1000", "One-pole high-pass, 6 dB an octave: in minus onepole_lp.", NODE_AUDIO,
     NULL, onepole, NULL},
    {"lowpass : in, freq:f64 (Hz)=1000, q:f64=0.7071",
     "RBJ low-pass, 12 dB an octave above freq; q is the gain at freq: 0.7071 is flat, more rings.", NODE_AUDIO, NULL,
     pass_filter, NULL},
    {"highpass : in, freq:f64 (Hz)=1000, q:f64=0.7071",
     "RBJ high-pass, 12 dB an octave below freq; q is the gain at freq: 0.7071 is flat, more rings.", NODE_AUDIO, NULL,
     pass_filter, NULL},
    {"bandpass : in, freq:f64 (Hz)=1000, q:f64=0.7071",
     "RBJ band-pass: 0 dB at freq, 6 dB an octave to both sides; q is freq over the bandwidth.", NODE_AUDIO, NULL,
     pass_filter, NULL},
    {"notch : in, freq:f64 (Hz)=1000, q:f64=0.7071", "RBJ notch: takes freq out; q is freq over the bandwidth.",
     NODE_AUDIO, NULL, pass_filter, NULL},
    {"allpass : in, freq:f64 (Hz)=1000, q:f64=0.7071",
     "RBJ second-order all-pass: the level stays, the phase turns half a turn at freq, the faster the greater q.",
     NODE_AUDIO, NULL, pass_filter, NULL},
    {"peak : in, freq:f64 (Hz)=1000, q:f64=0.7071, gain_db:f64 (dB)=0",
     "RBJ peaking equaliser: gain_db at freq, 0 dB far from it; q is freq over the bandwidth.", NODE_AUDIO, NULL, peak,
     NULL},
    {"low_shelf : in, freq:f64 (Hz)=1000, q:f64=0.7071, gain_db:f64 (dB)=0",
     "RBJ low shelf: gain_db below freq, half of it at freq, 0 dB above; q is linear.", NODE_AUDIO, NULL, shelf, NULL},
    {"high_shelf : in, freq:f64 (Hz)=1000, q:f64=0.7071, gain_db:f64 (dB)=0",
     "RBJ high shelf: gain_db above freq, half of it at freq, 0 dB below; q is linear.", NODE_AUDIO, NULL, shelf, NULL},
    {"biquad : in, b0:f64, b1:f64, b2:f64, a1:f64, a2:f64",
     "Any biquad, coefficients divided by a0; stable when |a2| < 1 and |a1| < 1 + a2, which is the client's care.",
     NODE_AUDIO, NULL, raw_biquad, NULL},
    {0},
};
