/* Slow waves for modulation: amplitude raw + offset, without antialiasing. raw, with p the phase: sine; triangle, which
 * begins at 0 and rises as the sine does; saw 2p - 1; square 1 then -1; random: a number of -1..1 held for each period,
 * drawn from the seed and the period's number (of |freq|, which is held below the sample rate). */
#include "core/nodes/audio_parts.h"

enum shape { SINE, TRIANGLE, SAW, SQUARE, RANDOM };

static struct val random_steps(struct build *b, const struct node_args *args)
{
    struct cell_clock clock = cell_clock(b, b_abs(b, args->in[0]));
    struct val turns = args->in[3], lead = b_sub(b, turns, b_floor(b, turns));
    struct val over = b_ge(b, b_add(b, clock.at, lead), b_f64(b, 1));
    struct val cell = b_add(b, clock.cell, b_select(b, over, b_i32(b, 1), b_i32(b, 0)));
    return signed_unit(b, sample_hash(b, cell, b_i32(b, 0), b_to(b, TYPE_I32, args->in[5])));
}

static enum status lfo(struct build *b, const struct node_args *args, struct val *out)
{
    int shape;
    TRY(node_choice(b, args, 4, &shape));
    struct val step, raw, phase = shape == RANDOM ? VAL_NONE : phase_of(b, args->in[0], args->in[3], &step);
    switch ((enum shape)shape) {
    case SINE:
        raw = sine_of_phase(b, phase);
        break;
    case TRIANGLE: {
        struct val turned = unit_phase(b, b_add(b, phase, b_i32(b, 1 << 30)));
        raw = b_fmac(b, b_abs(b, b_addc(b, turned, -0.5)), -4, 1);
        break;
    }
    case SAW:
        raw = b_fmac(b, unit_phase(b, phase), 2, -1);
        break;
    case SQUARE:
        raw = b_select(b, b_lt(b, unit_phase(b, phase), b_f32(b, 0.5)), b_f32(b, 1), b_f32(b, -1));
        break;
    default:
        raw = random_steps(b, args);
    }
    out[0] = b_fma(b, args->in[1], raw, args->in[2]);
    return STATUS_OK;
}

extern const struct node_row audio_lfo_rows[];
const struct node_row audio_lfo_rows[] = {
    {"lfo : freq:f64 (Hz)=1, amplitude=1, offset=0, phase:f64=0, *shape=sine|triangle|saw|square|random, seed:f64=0",
     "Low-frequency oscillator: amplitude times the wave, plus offset.", NODE_AUDIO, NULL, lfo, NULL},
    {0},
};
