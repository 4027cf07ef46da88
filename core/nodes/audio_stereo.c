/* Placing a signal between two channels.
 *     p = (pan + 1)/2; power: l = cos(p pi/2), r = sin(p pi/2); linear: l = 1 - p, r = p */
#include "core/node.h"

static enum status pan(struct build *b, const struct node_args *args, struct val *out)
{
    int law;
    TRY(node_choice(b, args, 2, &law));
    struct val p = b_clamp(b, b_fmac(b, args->in[1], 0.5, 0.5), b_f32(b, 0), b_f32(b, 1));
    struct val angle = b_mulc(b, p, 1.57079632679489661923);
    struct val l = law ? b_sub(b, b_f32(b, 1), p) : B_CALL(b, "cos", angle);
    struct val r = law ? p : B_CALL(b, "sin", angle);
    out[0] = b_mul(b, args->in[0], l);
    out[1] = b_mul(b, args->in[0], r);
    return STATUS_OK;
}

extern const struct node_row audio_stereo_rows[];
const struct node_row audio_stereo_rows[] = {
    {"pan : in, pan=0, *law=power|linear -> l r",
     "Pans one signal to two: -1 left, 1 right; the power law keeps loudness.", NODE_AUDIO, NULL, pan, NULL},
    {0},
};
