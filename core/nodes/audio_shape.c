/* Level and wave shape: functions of the present sample, and three that remember one.
 *     foldback    reflects at +-threshold: |mod(x - t, 4t) - 2t| - t; unchanged within
 *     asymmetric  x >= 0 ? tanh(2x)/2 : tanh x
 *     bitcrush    a sample is held while phase += rate/R has not passed a whole turn (the first is taken), h; then
 *                 round(h q)/q, q = 2^(bits - 1); bits within 1..24, rate within 0..R
 *     dcblock     y = x - x1 + c y1, c = 1 - 2 pi f/R, not below 0
 *     crossfade   power: a cos(m pi/2) + b sin(m pi/2), linear: a + m (b - a); m within 0..1 */
#include "core/nodes/audio_parts.h"

/* in * gain * 10^(gain_db/20); without gain_db, a bare product. */
static enum status gain(struct build *b, const struct node_args *args, struct val *out)
{
    struct val factor = args->in[1];
    const struct ins *db = ir_at(b->code, args->in[2]);
    bool left_out = db->op == OP_CONST_F64 && db->imm.d == 0;
    if (!left_out) {
        struct val power = B_CALL(b, "exp", b_mulc(b, args->in[2], 2.30258509299404568402 / 20));
        factor = b_mul(b, factor, b_to(b, TYPE_F32, power));
    }
    out[0] = b_mul(b, args->in[0], factor);
    return STATUS_OK;
}

static enum status silence(struct build *b, const struct node_args *args, struct val *out)
{
    (void)args;
    out[0] = b_f32(b, 0);
    return STATUS_OK;
}

static enum status bitcrush(struct build *b, const struct node_args *args, struct val *out)
{
    struct cell_clock clock = cell_clock(b, args->in[2]);
    struct val step1 = b_prev(b, clock.step); /* what brought the clock here */
    struct val fresh = b_or(b, b_lt(b, clock.at, step1), b_eq(b, clock.at, b_f64(b, 0)));
    struct val held1 = b_prev_open(b, TYPE_F32);
    struct val held = b_select(b, fresh, args->in[0], held1);
    b_close(b, held1, held);
    struct val bits = b_clamp(b, args->in[1], b_f32(b, 1), b_f32(b, 24));
    struct val q = B_CALL(b, "exp2", b_addc(b, bits, -1));
    out[0] = b_div(b, B_CALL(b, "round", b_mul(b, held, q)), q);
    return STATUS_OK;
}

static enum status dcblock(struct build *b, const struct node_args *args, struct val *out)
{
    struct val one = b_f64(b, 1), zero = b_f64(b, 0);
    struct val c = b_max(b, b_sub(b, one, b_mulc(b, half_angle(b, args->in[1]), 2)), zero);
    struct val x = b_to(b, TYPE_F64, args->in[0]), x1 = b_to(b, TYPE_F64, b_prev(b, args->in[0]));
    struct val y1 = b_prev_open(b, TYPE_F64);
    struct val y = b_fma(b, c, y1, b_sub(b, x, x1));
    b_close(b, y1, y);
    out[0] = b_to(b, TYPE_F32, y);
    return STATUS_OK;
}

static enum status crossfade(struct build *b, const struct node_args *args, struct val *out)
{
    int law;
    TRY(node_choice(b, args, 3, &law));
    struct val m = b_clamp(b, args->in[2], b_f32(b, 0), b_f32(b, 1));
    struct val angle = b_mulc(b, m, 1.57079632679489661923);
    out[0] = law ? b_lerp(b, args->in[0], args->in[1], m)
                 : b_fma(b, args->in[0], B_CALL(b, "cos", angle), b_mul(b, args->in[1], B_CALL(b, "sin", angle)));
    return STATUS_OK;
}

extern const struct node_row audio_shape_rows[];
const struct node_row audio_shape_rows[] = {
    {"affine : in, gain=1, offset=0", "Multiplies by gain, then adds offset.", NODE_COMPONENTS, "in*gain + offset",
     NULL, NULL},
    {"gain : in, gain=1, gain_db:f64 (dB)=0", "Multiplies by gain and by 10^(gain_db/20).", 0, NULL, gain, NULL},
    {"offset : in, offset=0", "Adds a constant.", NODE_COMPONENTS, "in + offset", NULL, NULL},
    {"clip : in, min=-1, max=1", "Hard clipping to min .. max.", 0, "min(max(in, min), max)", NULL, NULL},
    {"softclip : in, drive=1", "Soft saturation: tanh(drive in).", 0, "tanh(drive*in)", NULL, NULL},
    {"foldback : in, threshold=1", "Reflects what is beyond +-threshold back inside.", 0,
     "let t = max(threshold, 1e-6); abs(in) <= t ? in : min(max(abs(mod(in - t, 4*t) - 2*t) - t, -t), t)", NULL, NULL},
    {"asymmetric : in", "Saturates the two halves unlike: tanh(2x)/2 above 0, tanh x below.", 0,
     "in >= 0 ? 0.5*tanh(2*in) : tanh(in)", NULL, NULL},
    {"rectify : in", "Full-wave rectifier: |in|.", 0, "abs(in)", NULL, NULL},
    {"bitcrush : in, bits=8, rate:f64=44100",
     "Holds samples at `rate` a second and rounds them to `bits` (1..24, fractions too).", NODE_AUDIO, NULL, bitcrush,
     NULL},
    {"silence :", "Zero.", 0, NULL, silence, NULL},
    {"constant : value", "The value itself.", NODE_COMPONENTS, "value", NULL, NULL},
    {"crossfade : a, b, mix=0.5, *law=power|linear",
     "From a (mix 0) to b (mix 1); the power law keeps loudness, linear amplitude.", 0, NULL, crossfade, NULL},
    {"ringmod : in, mod", "Ring modulation: the product.", 0, "in*mod", NULL, NULL},
    {"dcblock : in, freq:f64 (Hz)=5", "Takes out what is constant: one zero at 0 Hz, a pole near it.", NODE_AUDIO, NULL,
     dcblock, NULL},
    {0},
};
