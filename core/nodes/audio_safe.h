/* What the audio nodes of time, dynamics and instruments share: inputs made safe, delay lines, decibels. */
#ifndef CORE_NODES_AUDIO_SAFE_H
#define CORE_NODES_AUDIO_SAFE_H

#include "core/node.h"

/* x, or 0 where it is not finite or absurd (1e30 and more): what goes into a loop must not stay there for ever. */
struct val audio_clean(struct build *b, struct val x);
/* Within lo..hi, lo when it is NaN. */
struct val audio_within(struct build *b, struct val x, double lo, double hi);
/* (1 - mix) dry + mix wet, mix within 0..1. */
struct val audio_mix(struct build *b, struct val dry, struct val wet, struct val mix);
/* exp(-1/(time R)): what a one-pole keeps in a sample; 0 for a time of a thousandth of a sample or less. */
struct val audio_keep(struct build *b, struct val time);
/* 10^(db/20), in db's type. */
struct val audio_amplitude(struct build *b, struct val db);

/* A delay line of at most `most` samples. */
struct audio_line {
    struct val ring, most; /* most: f64 */
};
/* Fed with x, or with what b_close() gives when x is VAL_NONE. */
struct audio_line audio_line(struct build *b, struct val x, struct val seconds);
/* Linear: (1 - f) x[n - i] + f x[n - i - 1], i + f = `samples` within least..most. */
struct val audio_line_read(struct build *b, const struct audio_line *l, struct val samples, double least);

#endif
