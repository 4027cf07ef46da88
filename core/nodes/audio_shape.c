/* Level and wave shape: functions of the present sample. */
#include "core/node.h"

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

extern const struct node_row audio_shape_rows[];
const struct node_row audio_shape_rows[] = {
    {"affine : in, gain=1, offset=0", "Multiplies by gain, then adds offset.", NODE_COMPONENTS, "in*gain + offset",
     NULL, NULL},
    {"gain : in, gain=1, gain_db:f64 (dB)=0", "Multiplies by gain and by 10^(gain_db/20).", 0, NULL, gain, NULL},
    {"offset : in, offset=0", "Adds a constant.", NODE_COMPONENTS, "in + offset", NULL, NULL},
    {"clip : in, min=-1, max=1", "Hard clipping to min .. max.", 0, "min(max(in, min), max)", NULL, NULL},
    {"softclip : in, drive=1", "Soft saturation: tanh(drive in).", 0, "tanh(drive*in)", NULL, NULL},
    {0},
};
