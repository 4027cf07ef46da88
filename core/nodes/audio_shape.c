/* Level and wave shape: functions of the present sample. */
#include "core/node.h"

extern const struct node_row audio_shape_rows[];
const struct node_row        audio_shape_rows[] = {
    {"affine : in, gain=1, offset=0", "Multiplies by gain, then adds offset.", NODE_COMPONENTS, "in*gain + offset", NULL, NULL},
    {"gain : in, gain=1, gain_db:f64 (dB)=0", "Multiplies by gain and by 10^(gain_db/20).", 0,
     "in*(gain*exp(gain_db*0.11512925464970229))", NULL, NULL},
    {"offset : in, offset=0", "Adds a constant.", NODE_COMPONENTS, "in + offset", NULL, NULL},
    {"clip : in, min=-1, max=1", "Hard clipping to min .. max.", 0, "min(max(in, min), max)", NULL, NULL},
    {"softclip : in, drive=1", "Soft saturation: tanh(drive in).", 0, "tanh(drive*in)", NULL, NULL},
    {0},
};
