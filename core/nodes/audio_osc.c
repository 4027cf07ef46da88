/* Oscillators on an integer phase: 32 bits a turn, so that a block's phase does not depend on how the stream was cut.
 *     inc = freq / rate, taken each sample;  phase = accumulated inc + the input `phase` (turns)
 * sine: sin(2 pi p). saw: 2p - 1 - polyBLEP(p), with dt = |inc|:
 *     p < dt:     u = p/dt,       2u - u^2 - 1
 *     p > 1 - dt: u = (p - 1)/dt, u^2 + 2u + 1
 * Source of the correction: Valimaki and Huovilainen, "Antialiasing oscillators in subtractive synthesis", IEEE SPM
 * 2007. */
#include "core/node.h"

/* Turns to a phase of 32 bits; whole turns vanish. */
static struct val turns_to_phase(struct build *b, struct val turns)
{
    struct val fraction = b_sub(b, turns, b_rint(b, turns));
    return b_to(b, TYPE_I32, b_rint(b, b_mulc(b, fraction, 0x1p32))); /* +2^31 becomes INT_MIN: the same phase */
}

static struct val phase_of(struct build *b, const struct node_args *args, struct val *ret_step)
{
    *ret_step = b_div(b, args->in[0], b_rate(b));
    return b_add(b, b_accum(b, turns_to_phase(b, *ret_step)), turns_to_phase(b, args->in[1]));
}

/* sin(2 pi x) for x = phase / 2^32 in -1/2 .. 1/2: folded to a quarter turn, then the odd Taylor series to x^13, whose
 * error there, 7e-10, is below that of f32. */
static enum status sine(struct build *b, const struct node_args *args, struct val *out)
{
    static const double c[] = {6.283185307179586, -41.341702240399755, 81.60524927607504, -76.70585975306136,
                               42.05869394489765, -15.094642576822984, 3.8199525848482803};
    struct val step, x = b_mulc(b, b_to(b, TYPE_F32, phase_of(b, args, &step)), 0x1p-32);
    struct val halves = b_rint(b, b_mulc(b, x, 2));
    struct val y = b_fmac(b, halves, -0.5, 0);
    y = b_add(b, x, y);
    struct val s = b_mul(b, y, b_horner(b, b_mul(b, y, y), c, 7));
    struct val sign = b_fmac(b, b_abs(b, halves), -2, 1);
    out[0] = b_mul(b, s, sign);
    return STATUS_OK;
}

static struct val unit_phase(struct build *b, struct val phase)
{
    return b_mulc(b, b_to(b, TYPE_F32, b_shr(b, phase, 8)), 0x1p-24);
}

static struct val poly_blep(struct build *b, struct val p, struct val dt)
{
    struct val one = b_f32(b, 1), zero = b_f32(b, 0);
    struct val u = b_div(b, p, dt), w = b_div(b, b_sub(b, p, one), dt);
    struct val rising = b_sub(b, b_fma(b, b_neg(b, u), u, b_mulc(b, u, 2)), one);
    struct val falling = b_add(b, b_fma(b, w, w, b_mulc(b, w, 2)), one);
    struct val before = b_select(b, b_gt(b, p, b_sub(b, one, dt)), falling, zero);
    return b_select(b, b_lt(b, p, dt), rising, before);
}

static struct val naive_saw(struct build *b, const struct node_args *args, struct val *ret_p, struct val *ret_dt)
{
    struct val step, phase = phase_of(b, args, &step);
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

extern const struct node_row audio_osc_rows[];
const struct node_row audio_osc_rows[] = {
    {"sine : freq:f64 (Hz)=440, phase:f64=0", "Sine oscillator; phase in turns.", NODE_AUDIO, NULL, sine, NULL},
    {"saw : freq:f64 (Hz)=440, phase:f64=0", "Rising sawtooth with polyBLEP, little aliasing.", NODE_AUDIO, NULL, saw,
     NULL},
    {"saw_naive : freq:f64 (Hz)=440, phase:f64=0", "Rising sawtooth 2p - 1 without antialiasing.", NODE_AUDIO, NULL,
     saw_naive, NULL},
    {0},
};
