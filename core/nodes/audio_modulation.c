/* Effects of one delay line or one allpass chain moved by a slow sine s = sin(2 pi freq t). R is the rate; times in
 * samples are clamped to the line, at least 1 where there is feedback; reads are linear; feedback is held within
 * -0.99 .. 0.99 (feedback_delay: 0.9999), mix and tremolo's depth within 0 .. 1.
 *     feedback_delay  y = line(time R), the line is fed x + feedback y
 *     chorus          y = line((time + depth s) R), fed x
 *     flanger         the same, fed x + feedback y
 *     vibrato         line(depth (1 + s) R), all wet
 *     tremolo         x (1 - depth (1 + s)/2)
 *     phaser          f = min + (max - min)(1 + s)/2, g = tan(pi f/R), a = (g - 1)/(g + 1); `stages` first-order
 *                     allpasses y = a x + x1 - a y1 after x + feedback y_last1
 *     value           (1 - mix) x + mix y
 * Where time and depth are not plain numbers, the line has one second for each that is not. */
#include "core/nodes/audio_safe.h"

static struct val slow_sine(struct build *b, struct val freq)
{
    return B_CALL(b, "sine", freq);
}

static struct val plain_or_second(struct build *b, const struct node_args *args, size_t input)
{
    return args->is_literal[input] ? args->in[input] : b_f64(b, 1);
}

/* (time + depth s) R */
static struct val swung(struct build *b, struct val time, struct val depth, struct val s)
{
    return b_mul(b, b_fma(b, depth, b_to(b, TYPE_F64, s), time), b_rate(b));
}

static struct val fed_back(struct build *b, struct audio_line *l, struct val x, struct val samples, struct val feedback,
                           double most)
{
    struct val y = audio_line_read(b, l, samples, 1);
    b_close(b, l->ring, b_fma(b, audio_within(b, feedback, -most, most), y, x));
    return y;
}

static enum status feedback_delay(struct build *b, const struct node_args *args, struct val *out)
{
    const struct datum *max = args->shape[4];
    if (max && max->kind != DATUM_NUMBER)
        return fault_add(b->fault, STATUS_BAD_GRAPH, b->pointer, 0, "max of feedback_delay is a number of seconds");
    struct val seconds = max ? b_f64(b, max->number) : plain_or_second(b, args, 1);
    struct audio_line l = audio_line(b, VAL_NONE, seconds);
    struct val x = audio_clean(b, args->in[0]);
    struct val y = fed_back(b, &l, x, b_mul(b, args->in[1], b_rate(b)), args->in[2], 0.9999);
    out[0] = audio_mix(b, x, y, args->in[3]);
    return STATUS_OK;
}

static enum status chorus(struct build *b, const struct node_args *args, struct val *out)
{
    struct val x = args->in[0], depth = args->in[2], time = args->in[3];
    struct val longest = b_add(b, plain_or_second(b, args, 2), plain_or_second(b, args, 3));
    struct audio_line l = audio_line(b, x, longest);
    struct val y = audio_line_read(b, &l, swung(b, time, depth, slow_sine(b, args->in[1])), 0);
    out[0] = audio_mix(b, x, y, args->in[4]);
    return STATUS_OK;
}

static enum status flanger(struct build *b, const struct node_args *args, struct val *out)
{
    struct val x = audio_clean(b, args->in[0]), depth = args->in[2], time = args->in[3];
    struct val longest = b_add(b, plain_or_second(b, args, 2), plain_or_second(b, args, 3));
    struct audio_line l = audio_line(b, VAL_NONE, longest);
    struct val samples = swung(b, time, depth, slow_sine(b, args->in[1]));
    out[0] = audio_mix(b, x, fed_back(b, &l, x, samples, args->in[4], 0.99), args->in[5]);
    return STATUS_OK;
}

static enum status vibrato(struct build *b, const struct node_args *args, struct val *out)
{
    struct val depth = args->in[2];
    struct audio_line l = audio_line(b, args->in[0], b_mulc(b, plain_or_second(b, args, 2), 2));
    out[0] = audio_line_read(b, &l, swung(b, depth, depth, slow_sine(b, args->in[1])), 0);
    return STATUS_OK;
}

static enum status tremolo(struct build *b, const struct node_args *args, struct val *out)
{
    struct val down = b_mul(b, audio_within(b, args->in[2], 0, 1), b_fmac(b, slow_sine(b, args->in[1]), 0.5, 0.5));
    out[0] = b_mul(b, args->in[0], b_sub(b, b_f32(b, 1), down));
    return STATUS_OK;
}

static struct val phaser_coefficient(struct build *b, const struct node_args *args)
{
    struct val rate = b_rate(b), one = b_f64(b, 1);
    struct val up = b_to(b, TYPE_F64, b_fmac(b, slow_sine(b, args->in[1]), 0.5, 0.5));
    struct val f = b_lerp(b, args->in[2], args->in[3], up);
    f = b_clamp(b, f, b_f64(b, 0.1), b_mulc(b, rate, 0.49));
    struct val g = B_CALL(b, "tan", b_div(b, b_mulc(b, f, 3.14159265358979323846), rate));
    return b_div(b, b_sub(b, g, one), b_add(b, g, one));
}

/* The sum that comes back is cleaned: fast sweeps of an allpass chain can add energy. */
static enum status phaser(struct build *b, const struct node_args *args, struct val *out)
{
    int stages;
    TRY(node_count_arg(b, args, 4, 1, 24, &stages));
    struct val a = phaser_coefficient(b, args), dry = audio_clean(b, args->in[0]);
    struct val last = b_prev_open(b, TYPE_F64), feedback = b_to(b, TYPE_F64, audio_within(b, args->in[5], -0.99, 0.99));
    struct val x = b_fma(b, feedback, last, b_to(b, TYPE_F64, dry)), x1 = b_prev(b, x);
    for (int i = 0; i < stages; i++) {
        struct val y1 = b_prev_open(b, TYPE_F64);
        struct val y = b_fma(b, a, b_sub(b, x, y1), x1);
        if (i == stages - 1)
            y = audio_clean(b, y);
        b_close(b, y1, y);
        x = y;
        x1 = y1;
    }
    b_close(b, last, x);
    out[0] = audio_mix(b, dry, b_to(b, TYPE_F32, x), args->in[6]);
    return STATUS_OK;
}

extern const struct node_row audio_modulation_rows[];
const struct node_row audio_modulation_rows[] = {
    {"feedback_delay : in, time:f64 (s)=0.25, feedback=0.5, mix=0.5, *max (s)=none",
     "Echo; `max` in seconds bounds a modulated time (default: the time when it is a number, else 1).", NODE_AUDIO,
     NULL, feedback_delay, NULL},
    {"chorus : in, freq:f64 (Hz)=0.5, depth:f64 (s)=0.003, time:f64 (s)=0.02, mix=0.5",
     "Mixed with a copy whose delay swings by `depth` around `time`, `freq` times a second.", NODE_AUDIO, NULL, chorus,
     NULL},
    {"flanger : in, freq:f64 (Hz)=0.3, depth:f64 (s)=0.002, time:f64 (s)=0.003, feedback=0.7, mix=0.5",
     "Mixed with a copy whose short delay swings by `depth` around `time`, and fed back: a moving comb.", NODE_AUDIO,
     NULL, flanger, NULL},
    {"vibrato : in, freq:f64 (Hz)=5, depth:f64 (s)=0.002", "Pitch moved by a delay that swings from 0 to 2 depth.",
     NODE_AUDIO, NULL, vibrato, NULL},
    {"tremolo : in, freq:f64 (Hz)=5, depth=0.5", "Loudness moved between 1 and 1 - depth.", NODE_AUDIO, NULL, tremolo,
     NULL},
    {"phaser : in, freq:f64 (Hz)=0.5, min:f64 (Hz)=100, max:f64 (Hz)=1000, *stages=4, feedback=0.7, mix=0.5",
     "Mixed with itself through `stages` allpasses swept between min and max, and fed back: moving notches.",
     NODE_AUDIO, NULL, phaser, NULL},
    {0},
};
