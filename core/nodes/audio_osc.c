/* Oscillators on an integer phase: 32 bits a turn, so that a block's phase does not depend on how the stream was cut.
 *     inc = freq / rate, taken each sample;  phase = accumulated inc + the input `phase` (turns);  dt = |inc|
 * sine: sin(2 pi p). saw: 2p - 1 - polyBLEP(p):
 *     p < dt:     u = p/dt,       2u - u^2 - 1
 *     p > 1 - dt: u = (p - 1)/dt, u^2 + 2u + 1
 * square, pulse: 1 for p < duty, else -1; + polyBLEP(p) - polyBLEP(p - duty), the difference of two saws.
 * triangle: begins at 0 and rises, as the sine does; its corners, p = 1/4 and 3/4, rounded by polyBLAMP, the integral
 * of polyBLEP: with u = distance / dt, -+ 8 dt (1 - |u|)^3 / 6 where |u| < 1, dt at most 1/2.
 * Sources of the corrections: Valimaki and Huovilainen, "Antialiasing oscillators in subtractive synthesis", IEEE SPM
 * 2007; Esqueda, Valimaki and Bilbao, "Rounding corners with BLAMP", DAFx 2016. */
#include "core/nodes/audio_parts.h"

static enum status sine(struct build *b, const struct node_args *args, struct val *out)
{
    struct val step;
    out[0] = sine_of_phase(b, phase_of(b, args->in[0], args->in[1], &step));
    return STATUS_OK;
}

static struct val naive_saw(struct build *b, const struct node_args *args, struct val *ret_p, struct val *ret_dt)
{
    struct val step, phase = phase_of(b, args->in[0], args->in[1], &step);
    *ret_p = unit_phase(b, phase);
    *ret_dt = b_abs(b, b_to(b, TYPE_F32, step));
    return b_fmac(b, *ret_p, 2, -1);
}

static enum status saw(struct build *b, const struct node_args *args, struct val *out)
{
    struct val p, dt, naive = naive_saw(b, args, &p, &dt);
    out[0] = b_sub(b, naive, poly_blep(b, p, dt));
    return STATUS_OK;
}

static enum status saw_naive(struct build *b, const struct node_args *args, struct val *out)
{
    struct val p, dt;
    out[0] = naive_saw(b, args, &p, &dt);
    return STATUS_OK;
}

static enum status square_naive(struct build *b, const struct node_args *args, struct val *out)
{
    struct val step, p = unit_phase(b, phase_of(b, args->in[0], args->in[1], &step));
    out[0] = b_select(b, b_lt(b, p, b_f32(b, 0.5)), b_f32(b, 1), b_f32(b, -1));
    return STATUS_OK;
}

/* The duty is rounded to a phase first, so that the step down and its correction fall on the same sample. */
static enum status pulse(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f64(b, 0), one = b_f64(b, 1), step;
    struct val duty = b_clamp(b, args->in[1], zero, one);
    struct val phase = phase_of(b, args->in[0], args->in[2], &step), edge = turns_to_phase(b, duty);
    struct val dt = b_abs(b, b_to(b, TYPE_F32, step));
    struct val p = unit_phase(b, phase), q = unit_phase(b, b_sub(b, phase, edge));
    struct val always = b_ge(b, duty, one);
    struct val high =
        b_or(b, always, b_lt(b, b_xor(b, phase, b_i32(b, INT32_MIN)), b_xor(b, edge, b_i32(b, INT32_MIN))));
    struct val naive = b_select(b, high, b_f32(b, 1), b_f32(b, -1));
    out[0] = b_add(b, naive, b_sub(b, poly_blep(b, p, dt), poly_blep(b, q, dt)));
    return STATUS_OK;
}

/* (1 - |u|)^3 / 6 where |u| < 1; p: 0..1, the corner at 1/2. */
static struct val poly_blamp(struct build *b, struct val p, struct val dt)
{
    struct val distance = b_abs(b, b_addc(b, p, -0.5));
    struct val v = b_sub(b, b_f32(b, 1), b_div(b, distance, dt));
    struct val w = b_max(b, v, b_f32(b, 0)); /* 0 where dt is 0 too */
    return b_mulc(b, b_mul(b, b_mul(b, w, w), w), 1.0 / 6);
}

static enum status triangle(struct build *b, const struct node_args *args, struct val *out)
{
    struct val step, phase = phase_of(b, args->in[0], args->in[1], &step);
    struct val dt = b_min(b, b_abs(b, b_to(b, TYPE_F32, step)), b_f32(b, 0.5));
    struct val quarter = b_i32(b, 1 << 30);
    struct val top = unit_phase(b, b_add(b, phase, quarter)), bottom = unit_phase(b, b_sub(b, phase, quarter));
    struct val naive = b_fmac(b, b_abs(b, b_addc(b, top, -0.5)), -4, 1);
    struct val corners = b_sub(b, poly_blamp(b, bottom, dt), poly_blamp(b, top, dt));
    out[0] = b_fma(b, b_mulc(b, dt, 8), corners, naive);
    return STATUS_OK;
}

extern const struct node_row audio_osc_rows[];
const struct node_row audio_osc_rows[] = {
    {"sine : freq:f64 (Hz)=440, phase:f64=0", "Sine oscillator; phase in turns.", NODE_AUDIO, NULL, sine, NULL},
    {"saw : freq:f64 (Hz)=440, phase:f64=0", "Rising sawtooth with polyBLEP, little aliasing.", NODE_AUDIO, NULL, saw,
     NULL},
    {"saw_naive : freq:f64 (Hz)=440, phase:f64=0", "Rising sawtooth 2p - 1 without antialiasing.", NODE_AUDIO, NULL,
     saw_naive, NULL},
    {"triangle : freq:f64 (Hz)=440, phase:f64=0",
     "Triangle with polyBLAMP, little aliasing; begins at 0 and rises as the sine does.", NODE_AUDIO, NULL, triangle,
     NULL},
    {"square_naive : freq:f64 (Hz)=440, phase:f64=0", "Square wave, 1 then -1, without antialiasing.", NODE_AUDIO, NULL,
     square_naive, NULL},
    {"square pulse : freq:f64 (Hz)=440, duty:f64=0.5, phase:f64=0",
     "Pulse wave with polyBLEP: 1 for `duty` of the period, then -1; little aliasing.", NODE_AUDIO, NULL, pulse, NULL},
    {0},
};
