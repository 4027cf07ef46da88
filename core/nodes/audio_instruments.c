/* Instruments struck by the rising edge of `trigger` through 0.5. R is the rate.
 *     karplus  a string: line(D) by third-order Lagrange, then the symmetric low-pass q, 1 - 2q, q with q = damp/4,
 *              whose delay is one sample at every frequency, so D = R/freq - 1; gain 10^(-3/(freq T)),
 *              T = 10^(1 - damp) s; when struck, one period of white noise is added, through y += k (x - y),
 *              k = 0.05 + 0.95 brightness^2
 *     modal    eight modes: z = rho e^(i w) z1 + strike, w = 2 pi freq ratio/R, rho = 10^(-3 ratio/(decay R)); the sum
 *              of gain Im z, gain = ratio^(2 brightness - 2) over the sum of all gains, 0 for modes above 0.49 R.
 *              membrane: zeros of Bessel functions over the first; bar: free at both ends; plate: square, simply
 *              supported, (m^2 + n^2)/2
 * freq is held within 10 Hz .. R/4 (karplus) or 0.1 Hz .. 0.49 R, damp and brightness within 0 .. 1.
 * Sources: Karplus and Strong, "Digital synthesis of plucked-string and drum timbres", CMJ 1983; Jaffe and Smith,
 * "Extensions of the Karplus-Strong plucked-string algorithm", CMJ 1983; Fletcher and Rossing, "The Physics of Musical
 * Instruments", 1998. */
#include <math.h>

#include "core/nodes/audio_parts.h"
#include "core/nodes/audio_safe.h"

static const double PI = 3.14159265358979323846, LN1000 = 6.90775527898213705;

/* 1 while a strike lasts: `length` samples from the edge on. */
static struct val strike(struct build *b, struct val trigger, struct val length)
{
    struct val zero = b_f64(b, 0), left1 = b_prev_open(b, TYPE_F64);
    struct val less = b_max(b, b_addc(b, left1, -1), zero);
    struct val left = b_select(b, rising(b, trigger), length, less);
    b_close(b, left1, left);
    return b_gt(b, left, zero);
}

static struct val excitation(struct build *b, const struct node_args *args, struct val period)
{
    struct val brightness = b_to(b, TYPE_F64, audio_within(b, args->in[3], 0, 1));
    struct val k = b_fmac(b, b_mul(b, brightness, brightness), 0.95, 0.05);
    struct val noise = B_CALL(b, "white", args->in[4]);
    struct val x = b_select(b, strike(b, args->in[0], b_rint(b, period)), noise, b_f32(b, 0));
    struct val y1 = b_prev_open(b, TYPE_F64);
    struct val y = b_fma(b, k, b_sub(b, b_to(b, TYPE_F64, x), y1), y1);
    b_close(b, y1, y);
    return b_to(b, TYPE_F32, y);
}

/* Third-order Lagrange between the middle two of four taps; d at least 1. */
static struct val lagrange(struct build *b, struct val ring, struct val d)
{
    struct val whole = b_floor(b, d), age = b_to(b, TYPE_I32, whole), f = b_to(b, TYPE_F32, b_sub(b, d, whole));
    struct val fp = b_addc(b, f, 1), fm = b_addc(b, f, -1), fmm = b_addc(b, f, -2), tap[4];
    for (int i = 0; i < 4; i++)
        tap[i] = b_tap(b, ring, b_add(b, age, b_i32(b, i - 1)));
    struct val low = b_mul(b, f, fm), high = b_mul(b, fp, fmm);
    struct val y = b_mul(b, b_mulc(b, b_mul(b, low, fp), 1.0 / 6), tap[3]);
    y = b_fma(b, b_mulc(b, b_mul(b, high, f), -0.5), tap[2], y);
    y = b_fma(b, b_mulc(b, b_mul(b, high, fm), 0.5), tap[1], y);
    return b_fma(b, b_mulc(b, b_mul(b, low, fmm), -1.0 / 6), tap[0], y);
}

static enum status karplus(struct build *b, const struct node_args *args, struct val *out)
{
    struct val rate = b_rate(b), ten = b_f64(b, 10);
    struct val freq = b_clamp(b, args->in[1], ten, b_mulc(b, rate, 0.25)), period = b_div(b, rate, freq);
    struct val damp = audio_within(b, args->in[2], 0, 1), q = b_mulc(b, damp, 0.25);
    struct val lasts = B_CALL(b, "exp", b_fmac(b, b_to(b, TYPE_F64, damp), -2.30258509299404568, 2.30258509299404568));
    struct val gain = B_CALL(b, "exp", b_div(b, b_f64(b, -LN1000), b_mul(b, freq, lasts)));
    struct val lowest = args->is_literal[1] ? freq : ten;
    struct val ring = b_ring(b, VAL_NONE, b_addc(b, b_div(b, rate, lowest), 8));
    struct val y = lagrange(b, ring, b_addc(b, period, -1)), y1 = b_prev(b, y), y2 = b_prev(b, y1);
    struct val soft = b_fma(b, q, b_sub(b, b_add(b, y, y2), b_mulc(b, y1, 2)), y1);
    struct val sum = b_fma(b, b_to(b, TYPE_F32, gain), soft, excitation(b, args, period));
    b_close(b, ring, sum);
    out[0] = sum;
    return STATUS_OK;
}

enum { MODES = 8 };
static const double mode_ratios[3][MODES] = {
    {1, 1.593341, 2.135549, 2.295417, 2.653066, 2.917295, 3.155465, 3.500147},
    {1, 2.756538, 5.403918, 8.932952, 13.344293, 18.637898, 24.813767, 31.871899},
    {1, 2.5, 4, 5, 6.5, 8.5, 9, 10},
};

struct resonator {
    struct val w, rho, struck; /* f64 */
};

/* Im z. */
static struct val resonate(struct build *b, struct resonator r)
{
    struct val re = b_mul(b, r.rho, B_CALL(b, "cos", r.w)), im = b_mul(b, r.rho, B_CALL(b, "sin", r.w));
    struct val x1 = b_prev_open(b, TYPE_F64), y1 = b_prev_open(b, TYPE_F64);
    struct val y = b_fma(b, im, x1, b_mul(b, re, y1));
    b_close(b, x1, b_fma(b, re, x1, b_fma(b, b_neg(b, im), y1, r.struck)));
    b_close(b, y1, y);
    return y;
}

static enum status modal(struct build *b, const struct node_args *args, struct val *out)
{
    int type;
    TRY(node_choice(b, args, 2, &type));
    struct val rate = b_rate(b), zero = b_f64(b, 0), top = b_mulc(b, rate, 0.49), sum = VAL_NONE, gains = VAL_NONE;
    struct val freq = b_clamp(b, args->in[1], b_f64(b, 0.1), top);
    struct val decay = b_mul(b, audio_within(b, args->in[3], 1e-3, 1e5), rate);
    struct val dark = b_fmac(b, b_to(b, TYPE_F64, audio_within(b, args->in[4], 0, 1)), 2, -2);
    struct resonator r = {.struck = b_to(b, TYPE_F64, rising(b, args->in[0]))};
    for (int i = 0; i < MODES; i++) {
        double ratio = mode_ratios[type][i];
        struct val f = b_mulc(b, freq, ratio), heard = b_lt(b, f, top);
        r.w = b_div(b, b_mulc(b, b_min(b, f, top), 2 * PI), rate);
        r.rho = B_CALL(b, "exp", b_div(b, b_f64(b, -LN1000 * ratio), decay));
        struct val gain = B_CALL(b, "exp", b_mulc(b, dark, log(ratio)));
        gains = i ? b_add(b, gains, gain) : gain;
        gain = b_select(b, heard, gain, zero);
        struct val y = resonate(b, r);
        sum = i ? b_fma(b, gain, y, sum) : b_mul(b, gain, y);
    }
    out[0] = b_to(b, TYPE_F32, b_div(b, sum, gains));
    return STATUS_OK;
}

extern const struct node_row audio_instrument_rows[];
const struct node_row audio_instrument_rows[] = {
    {"karplus : trigger, freq:f64 (Hz)=220, damp=0.3, brightness=0.5, seed:f64=0",
     "A plucked string, in tune within a cent.", NODE_AUDIO, NULL, karplus, NULL},
    {"modal : trigger, freq:f64 (Hz)=110, *type=membrane|bar|plate, decay:f64 (s)=1, brightness=0.5",
     "A struck body of eight modes.", NODE_AUDIO, NULL, modal, NULL},
    {0},
};
