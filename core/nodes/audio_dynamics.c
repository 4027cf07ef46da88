/* Dynamics. R is the rate, keep(t) = exp(-1/(t R)), x what is heard: the louder of the two channels, or the sidechain.
 *     envelope    e = v + c (e1 - v), c = keep(attack) when v > e1, else keep(release); v = |x|; rms: x^2 and a root
 *     compressor  over = L - threshold, L = 20 log10 max(|x|, 1e-5), s = 1/ratio - 1; target: s over above knee/2,
 *                 s (over + knee/2)^2 / (2 knee) within, 0 below; g = target + c (g1 - target), attack when it falls
 *     expander    target: (ratio - 1) over below -knee/2, (1 - ratio) (over - knee/2)^2 / (2 knee) within, 0 above,
 *                 at least -160; attack when it rises
 *     gate        open while |x| >= threshold and for `hold` after it; a = target + c (a1 - target), target 1 when
 *                 open, else 10^(range/20); attack when it rises
 * Gains go to both channels; g in dB, smoothed in dB, `makeup` is not in port gain_db. Levels in dB are held within
 * -200 .. 200, ratio within 1 .. 1000, knee within 0 .. 100. Curves after Giannoulis, Massberg and Reiss, "Digital
 * dynamic range compressor design", JAES 2012. */
#include "core/nodes/audio_safe.h"

static struct val decibels(struct build *b, struct val db)
{
    return audio_within(b, db, -200, 200);
}

/* The louder of two channels, or the sidechain alone: what is heard, f32, never below 0. */
static struct val heard(struct build *b, const struct node_args *args)
{
    if (args->in[2].i)
        return b_abs(b, audio_clean(b, args->in[2]));
    struct val x = b_abs(b, audio_clean(b, args->in[0]));
    return args->in[1].i ? b_max(b, x, b_abs(b, audio_clean(b, args->in[1]))) : x;
}

static void both_channels(struct build *b, const struct node_args *args, struct val gain, struct val *out)
{
    out[0] = b_mul(b, args->in[0], gain);
    out[1] = args->in[1].i ? b_mul(b, args->in[1], gain) : out[0];
}

/* A one-pole towards `target`, f64, `rise` of what remains kept a sample when it is above, `fall` when not. Both ways
 * are gone, since to choose between them takes no longer than to know which. */
static struct val follow(struct build *b, struct val target, struct val rise, struct val fall)
{
    struct val one = b_f64(b, 1), y1 = b_prev_open(b, TYPE_F64);
    struct val up = b_fma(b, rise, y1, b_mul(b, b_sub(b, one, rise), target));
    struct val down = b_fma(b, fall, y1, b_mul(b, b_sub(b, one, fall), target));
    struct val y = b_select(b, b_gt(b, target, y1), up, down);
    b_close(b, y1, y);
    return y;
}

static enum status envelope(struct build *b, const struct node_args *args, struct val *out)
{
    int rms;
    TRY(node_choice(b, args, 3, &rms));
    struct val x = b_to(b, TYPE_F64, audio_clean(b, args->in[0]));
    struct val v = rms ? b_mul(b, x, x) : b_abs(b, x);
    struct val e = follow(b, v, audio_keep(b, args->in[1]), audio_keep(b, args->in[2]));
    out[0] = b_to(b, TYPE_F32, rms ? b_sqrt(b, e) : e);
    return STATUS_OK;
}

/* How far the level is above the threshold, in dB. */
static struct val over_threshold(struct build *b, const struct node_args *args)
{
    struct val level = B_CALL(b, "log10", b_max(b, heard(b, args), b_f32(b, 1e-5)));
    return b_sub(b, b_mulc(b, level, 20), decibels(b, args->in[3]));
}

/* `outside` beyond half a knee, 0 on the other side of it, and the parabola between: slope (over + side knee/2)^2 /
 * (2 side knee), which `slope` times `over` continues; side is 1 for what is above the threshold, -1 for below. */
static struct val knee_curve(struct build *b, struct val over, struct val slope, struct val knee, int side)
{
    struct val zero = b_f32(b, 0), half = b_mulc(b, audio_within(b, knee, 0, 100), 0.5);
    struct val into = b_mulc(b, over, side), from = b_add(b, into, half);
    struct val bent = b_div(b, b_mul(b, b_mul(b, slope, from), from), b_mulc(b, half, 4 * side));
    struct val y = b_select(b, b_gt(b, from, zero), bent, zero);
    return b_select(b, b_ge(b, into, half), b_mul(b, slope, over), y);
}

static enum status compressor(struct build *b, const struct node_args *args, struct val *out)
{
    struct val one = b_f32(b, 1), ratio = audio_within(b, args->in[4], 1, 1000);
    struct val slope = b_sub(b, b_div(b, one, ratio), one);
    struct val target = knee_curve(b, over_threshold(b, args), slope, args->in[7], 1);
    struct val g = follow(b, b_to(b, TYPE_F64, target), audio_keep(b, args->in[6]), audio_keep(b, args->in[5]));
    out[2] = b_to(b, TYPE_F32, g);
    both_channels(b, args, audio_amplitude(b, b_add(b, out[2], decibels(b, args->in[8]))), out);
    return STATUS_OK;
}

static enum status expander(struct build *b, const struct node_args *args, struct val *out)
{
    struct val ratio = audio_within(b, args->in[4], 1, 1000), slope = b_addc(b, ratio, -1);
    struct val target = knee_curve(b, over_threshold(b, args), slope, args->in[7], -1);
    target = b_max(b, target, b_f32(b, -160));
    struct val g = follow(b, b_to(b, TYPE_F64, target), audio_keep(b, args->in[5]), audio_keep(b, args->in[6]));
    out[2] = b_to(b, TYPE_F32, g);
    both_channels(b, args, audio_amplitude(b, out[2]), out);
    return STATUS_OK;
}

static enum status gate(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f64(b, 0), one = b_f64(b, 1);
    struct val loud = b_ge(b, heard(b, args), audio_amplitude(b, decibels(b, args->in[3])));
    struct val hold = b_rint(b, b_mul(b, b_max(b, args->in[5], zero), b_rate(b)));
    struct val left1 = b_prev_open(b, TYPE_F64); /* samples for which it stays open, this one included */
    struct val left = b_select(b, loud, b_add(b, hold, one), b_max(b, b_sub(b, left1, one), zero));
    b_close(b, left1, left);
    struct val shut = b_to(b, TYPE_F64, audio_amplitude(b, decibels(b, args->in[7])));
    struct val target = b_select(b, b_gt(b, left, zero), one, shut);
    struct val a = follow(b, target, audio_keep(b, args->in[4]), audio_keep(b, args->in[6]));
    both_channels(b, args, b_to(b, TYPE_F32, a), out);
    return STATUS_OK;
}

extern const struct node_row audio_dynamics_rows[];
const struct node_row audio_dynamics_rows[] = {
    {"envelope : in, attack:f64 (s)=0.01, release:f64 (s)=0.1, *mode=peak|rms",
     "How loud a signal is, 0 and up: its peak or root mean square, following with the time constants attack and "
     "release.",
     NODE_AUDIO, NULL, envelope, NULL},
    {"compressor : in, in_r=none, sidechain=none, threshold_db (dB)=-20, ratio=4, attack:f64 (s)=0.01, "
     "release:f64 (s)=0.1, knee_db (dB)=0, makeup_db (dB)=0 -> l r gain_db",
     "Lowers what is above the threshold to 1/ratio of its excess in dB, gently over a knee of knee_db; in and in_r "
     "share one gain (gain_db, without makeup), by the louder of them or by sidechain.",
     NODE_AUDIO, NULL, compressor, NULL},
    {"expander : in, in_r=none, sidechain=none, threshold_db (dB)=-40, ratio=2, attack:f64 (s)=0.001, "
     "release:f64 (s)=0.1, knee_db (dB)=0 -> l r gain_db",
     "Lowers what is below the threshold to `ratio` times its distance in dB, gently over a knee of knee_db; in and "
     "in_r share one gain (gain_db), by the louder of them or by sidechain.",
     NODE_AUDIO, NULL, expander, NULL},
    {"gate : in, in_r=none, sidechain=none, threshold_db (dB)=-40, attack:f64 (s)=0.001, hold:f64 (s)=0.05, "
     "release:f64 (s)=0.1, range_db (dB)=-80 -> l r",
     "Lowers by range_db what is below the threshold, `hold` seconds after it was last above; in and in_r share one "
     "gain, by the louder of them or by sidechain.",
     NODE_AUDIO, NULL, gate, NULL},
    {0},
};
