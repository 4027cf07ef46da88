/* Envelopes.
 * adsr: the gate is on above 0.5. On its rising edge a linear attack from the present level at 1/attack a second, to 1;
 * then decay to `sustain`, linear, (1 - sustain)/decay a second; when it falls, release from the present level to 0 in
 * `release` seconds. A time under one sample jumps. */
#include "core/node.h"

/* 1 / (time R), at most 1: the share of the way done in one sample. */
static struct val share(struct build *b, struct val time)
{
    struct val one = b_f64(b, 1);
    return b_div(b, one, b_max(b, b_mul(b, time, b_rate(b)), one));
}

static enum status adsr(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f64(b, 0), one = b_f64(b, 1), half = b_f64(b, 0.5), sustain = args->in[3];
    struct val gate = b_to(b, TYPE_F64, b_gt(b, args->in[0], b_f32(b, 0.5))), gate1 = b_prev(b, gate);
    struct val on = b_gt(b, gate, half), rising = b_and(b, on, b_not(b, b_gt(b, gate1, half)));
    struct val fall = b_mul(b, b_sub(b, one, sustain), share(b, args->in[2]));
    struct val rise = share(b, args->in[1]), away = share(b, args->in[4]);
    struct val level1 = b_prev_open(b, TYPE_F64), attacking1 = b_prev_open(b, TYPE_F64),
               from1 = b_prev_open(b, TYPE_F64);
    struct val attacking = b_or(b, rising, b_and(b, on, b_gt(b, attacking1, half)));
    struct val up = b_min(b, b_add(b, level1, rise), one);
    struct val down = b_max(b, b_sub(b, level1, fall), sustain);
    struct val released = b_max(b, b_fma(b, b_neg(b, from1), away, level1), zero);
    struct val level = b_select(b, on, b_select(b, attacking, up, down), released);
    b_close(b, attacking1, b_to(b, TYPE_F64, b_and(b, attacking, b_lt(b, up, one))));
    b_close(b, from1, b_select(b, on, level, from1)); /* where the release will start */
    b_close(b, level1, level);
    out[0] = b_to(b, TYPE_F32, level);
    return STATUS_OK;
}

extern const struct node_row audio_envelope_rows[];
const struct node_row audio_envelope_rows[] = {
    {"adsr : gate, attack:f64 (s)=0.01, decay:f64 (s)=0.1, sustain:f64=0.7, release:f64 (s)=0.3",
     "Attack, decay, sustain, release, all linear.", NODE_AUDIO, NULL, adsr, NULL},
    {0},
};
