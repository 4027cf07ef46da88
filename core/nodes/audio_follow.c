/* Filters that are short sums, and followers.
 *     fir       y = sum of taps[k] x[n - k], up to 256 of them, summed in f64 from the last
 *     comb      y = x + feedback d, d = (1 - damp) y[n - D] + damp d1, D = time R with linear interpolation, at least
 * 1, at most 1 s (or the time when it is a number); feedback within +-0.9999, damp within 0..0.9999 allpass1  y = c x +
 * x1 - c y1, c within +-0.999999 smooth    y = x + p (y1 - x), p = exp(-1/(time R)); 0 for no time slew      y = y1 + x
 * - y1 held within -fall/R .. rise/R */
#include "core/nodes/audio_parts.h"

enum { FIR_TAPS_MAX = 256 };

static enum status fir(struct build *b, const struct node_args *args, struct val *out)
{
    double taps[FIR_TAPS_MAX] = {1};
    size_t n = 1;
    if (args->shape[1])
        TRY(number_list(b, args->shape[1], input_pointer(b, args, 1), "taps of fir", "fir-taps", 1, FIR_TAPS_MAX, taps,
                        &n));
    struct val line = n > 1 ? b_ring(b, args->in[0], b_f64(b, (double)n)) : VAL_NONE, y = VAL_NONE;
    for (size_t k = n; k-- > 0;) {
        struct val x = k ? b_tap(b, line, b_i32(b, (int32_t)k)) : args->in[0], tap = b_f64(b, taps[k]);
        x = b_to(b, TYPE_F64, x);
        y = y.i ? b_fma(b, tap, x, y) : b_mul(b, tap, x);
    }
    out[0] = b_to(b, TYPE_F32, y);
    return STATUS_OK;
}

static enum status comb(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f64(b, 0), one = b_f64(b, 1), limit = b_f64(b, 0.9999), rate = b_rate(b);
    struct val feedback = b_clamp(b, args->in[2], b_neg(b, limit), limit), damp = b_clamp(b, args->in[3], zero, limit);
    struct val most = b_max(b, b_mul(b, args->is_literal[1] ? args->in[1] : one, rate), one);
    struct val d = b_clamp(b, b_mul(b, args->in[1], rate), one, most), whole = b_floor(b, d);
    struct val line = b_ring(b, VAL_NONE, b_addc(b, most, 2)), age = b_to(b, TYPE_I32, whole);
    struct val near = b_to(b, TYPE_F64, b_tap(b, line, age));
    struct val far = b_to(b, TYPE_F64, b_tap(b, line, b_add(b, age, b_i32(b, 1))));
    struct val late = b_lerp(b, near, far, b_sub(b, d, whole));
    struct val low1 = b_prev_open(b, TYPE_F64);
    struct val low = b_fma(b, damp, b_sub(b, low1, late), late);
    b_close(b, low1, low);
    out[0] = b_to(b, TYPE_F32, b_fma(b, feedback, low, b_to(b, TYPE_F64, args->in[0])));
    b_close(b, line, out[0]);
    return STATUS_OK;
}

static enum status allpass1(struct build *b, const struct node_args *args, struct val *out)
{
    struct val limit = b_f64(b, 0.999999), c = b_clamp(b, args->in[1], b_neg(b, limit), limit);
    struct val x = b_to(b, TYPE_F64, args->in[0]), x1 = b_to(b, TYPE_F64, b_prev(b, args->in[0]));
    struct val y1 = b_prev_open(b, TYPE_F64);
    struct val y = b_fma(b, b_neg(b, c), y1, b_fma(b, c, x, x1));
    b_close(b, y1, y);
    out[0] = b_to(b, TYPE_F32, y);
    return STATUS_OK;
}

static enum status smooth(struct build *b, const struct node_args *args, struct val *out)
{
    struct val samples = b_max(b, b_mul(b, args->in[1], b_rate(b)), b_f64(b, 1e-3)); /* exp(-1000) is 0 */
    struct val p = B_CALL(b, "exp", b_div(b, b_f64(b, -1), samples));
    struct val x = b_to(b, TYPE_F64, args->in[0]);
    struct val y1 = b_prev_open(b, TYPE_F64);
    struct val y = b_fma(b, p, b_sub(b, y1, x), x);
    b_close(b, y1, y);
    out[0] = b_to(b, TYPE_F32, y);
    return STATUS_OK;
}

static enum status slew(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f64(b, 0), rate = b_rate(b);
    struct val up = b_div(b, b_max(b, args->in[1], zero), rate), down = b_div(b, b_max(b, args->in[2], zero), rate);
    struct val y1 = b_prev_open(b, TYPE_F64);
    struct val wanted = b_sub(b, b_to(b, TYPE_F64, args->in[0]), y1);
    struct val y = b_add(b, y1, b_clamp(b, wanted, b_neg(b, down), up));
    b_close(b, y1, y);
    out[0] = b_to(b, TYPE_F32, y);
    return STATUS_OK;
}

extern const struct node_row audio_follow_rows[];
const struct node_row audio_follow_rows[] = {
    {"fir : in, *taps=[...]", "Finite impulse response: the sum of taps[k] x[n - k], up to 256 taps.", NODE_AUDIO, NULL,
     fir, NULL},
    {"comb : in, time:f64 (s)=0.01, feedback:f64=0.7, damp:f64=0",
     "Feedback comb, its loop damped by a one-pole low-pass; a modulated time is at most 1 s.", NODE_AUDIO, NULL, comb,
     NULL},
    {"allpass1 : in, coeff:f64=0.5", "First-order all-pass: c x + x1 - c y1.", NODE_AUDIO, NULL, allpass1, NULL},
    {"smooth : in, time:f64 (s)=0.02", "Follows its input exponentially; `time` is its time constant.", NODE_AUDIO,
     NULL, smooth, NULL},
    {"slew : in, rise:f64=1000, fall:f64=1000",
     "Follows its input, rising by at most `rise` and falling by at most `fall` a second.", NODE_AUDIO, NULL, slew,
     NULL},
    {0},
};
