/* Reverberators from combs, allpasses and delay networks. Lengths are for 44,100 Hz, L R/44100 rounded, at least 1.
 *     comb        y = line(L); z = (1 - d) y + d z1; the line is fed x + g z
 *     schroeder   combs 1557 1617 1491 1422 1277 1356 1188 1116, g = 0.84 + 0.12 room, d = 0.4 damp, mean; then
 *                 allpasses 225 556 441 341: y = line(L), v = x + y/2 is fed, value y - v/2
 *     freeverb    combs 1116 1188 1277 1356 1422 1491 1557 1617, g = 0.7 + 0.28 room, d = 0.4 damp, of 0.015 (l + r),
 *                 sum; then allpasses 556 441 341 225: y = line(L), fed x + y/2, value y - x; the right one's lines are
 *                 23 longer. wet l = 3 (l (1 + width)/2 + r (1 - width)/2), r likewise
 *     fdn         N lines of time R 2^(-i/N) samples, z_i the low-passed ends, d = 0.95 damp, u_i = g_i z_i,
 *                 g_i = 10^(-3 L_i/(decay R)); each is fed x + u_i - 2/N sum u (Householder); wet l is the sum of the
 *                 ends of even lines, r of odd ones, over sqrt N
 *     value       (1 - mix) in + mix wet
 * room, damp, width and mix are held within 0 .. 1. Sources: M. R. Schroeder, "Natural sounding artificial
 * reverberation", JAES 1962; Jezar at Dreampoint, Freeverb (public domain, 2000); Jot and Chaigne, AES 90, 1991. */
#include <math.h>

#include "core/nodes/audio_safe.h"

enum { FDN_MOST = 16 };

/* A line of a length that stays for the whole call, and its end. */
struct loop {
    struct val ring, end;
};

static struct loop loop_of(struct build *b, struct val samples)
{
    struct val length = b_max(b, b_rint(b, samples), b_f64(b, 1));
    struct loop l = {.ring = b_ring(b, VAL_NONE, b_addc(b, length, 4))};
    l.end = b_tap(b, l.ring, b_to(b, TYPE_I32, length));
    return l;
}

static struct loop loop_at_44100(struct build *b, int samples)
{
    return loop_of(b, b_mulc(b, b_rate(b), samples / 44100.0));
}

/* (1 - d) y + d z1, in f64. */
static struct val damped(struct build *b, struct val y, struct val d)
{
    struct val wide = b_to(b, TYPE_F64, y), z1 = b_prev_open(b, TYPE_F64);
    struct val z = b_fma(b, d, z1, b_mul(b, b_sub(b, b_f64(b, 1), d), wide));
    b_close(b, z1, z);
    return b_to(b, TYPE_F32, z);
}

struct room {
    struct val gain, damp;
};

/* The sum of eight combs, all fed with x. */
static struct val combs(struct build *b, struct val x, const int *lengths, int further, struct room room)
{
    struct val sum = VAL_NONE;
    for (int i = 0; i < 8; i++) {
        struct loop l = loop_at_44100(b, lengths[i] + further);
        b_close(b, l.ring, b_fma(b, room.gain, damped(b, l.end, room.damp), x));
        sum = i ? b_add(b, sum, l.end) : l.end;
    }
    return sum;
}

static struct room room_of(struct build *b, struct val room, struct val damp, double scale, double least)
{
    return (struct room){b_fmac(b, audio_within(b, room, 0, 1), scale, least),
                         b_mulc(b, audio_within(b, damp, 0, 1), 0.4)};
}

static enum status schroeder(struct build *b, const struct node_args *args, struct val *out)
{
    static const int comb_lengths[] = {1557, 1617, 1491, 1422, 1277, 1356, 1188, 1116};
    static const int allpass_lengths[] = {225, 556, 441, 341};
    struct val x = audio_clean(b, args->in[0]);
    struct val y = b_mulc(b, combs(b, x, comb_lengths, 0, room_of(b, args->in[1], args->in[2], 0.12, 0.84)), 0.125);
    for (int i = 0; i < 4; i++) {
        struct loop l = loop_at_44100(b, allpass_lengths[i]);
        struct val v = b_fma(b, l.end, b_f32(b, 0.5), y);
        b_close(b, l.ring, v);
        y = b_fma(b, v, b_f32(b, -0.5), l.end);
    }
    out[0] = audio_mix(b, args->in[0], y, args->in[3]);
    return STATUS_OK;
}

static struct val freeverb_side(struct build *b, struct val x, int further, struct room room)
{
    static const int comb_lengths[] = {1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617};
    static const int allpass_lengths[] = {556, 441, 341, 225};
    struct val y = combs(b, x, comb_lengths, further, room);
    for (int i = 0; i < 4; i++) {
        struct loop l = loop_at_44100(b, allpass_lengths[i] + further);
        b_close(b, l.ring, b_fma(b, l.end, b_f32(b, 0.5), y));
        y = b_sub(b, l.end, y);
    }
    return y;
}

static enum status freeverb(struct build *b, const struct node_args *args, struct val *out)
{
    enum { SPREAD = 23 };
    struct val l = args->in[0], r = args->in[1].i ? args->in[1] : l;
    struct room room = room_of(b, args->in[2], args->in[3], 0.28, 0.7);
    struct val x = b_mulc(b, b_add(b, audio_clean(b, l), audio_clean(b, r)), 0.015);
    struct val left = freeverb_side(b, x, 0, room), right = freeverb_side(b, x, SPREAD, room);
    struct val width = audio_within(b, args->in[4], 0, 1);
    struct val same = b_fmac(b, width, 1.5, 1.5), other = b_fmac(b, width, -1.5, 1.5);
    out[0] = audio_mix(b, l, b_fma(b, left, same, b_mul(b, right, other)), args->in[5]);
    out[1] = audio_mix(b, r, b_fma(b, right, same, b_mul(b, left, other)), args->in[5]);
    return STATUS_OK;
}

/* 10^(-3 samples/(decay R)): 60 dB in `decay` seconds. A decay of a millisecond or less counts as that. */
static struct val fdn_gain(struct build *b, struct val samples, struct val decay)
{
    struct val long_enough = b_mul(b, audio_within(b, decay, 1e-3, 1e5), b_rate(b));
    return B_CALL(b, "exp", b_div(b, b_mulc(b, samples, -6.90775527898213705), long_enough));
}

/* The lines are read at whole samples, so that no interpolation dulls what goes round. */
static enum status fdn(struct build *b, const struct node_args *args, struct val *out)
{
    int n;
    TRY(node_count_arg(b, args, 1, 2, FDN_MOST, &n));
    struct val ring[FDN_MOST], end[FDN_MOST], sum = VAL_NONE, side[2] = {VAL_NONE, VAL_NONE};
    struct val x = audio_clean(b, args->in[0]), one = b_f64(b, 1);
    struct val most = b_max(b, b_mul(b, args->is_literal[2] ? args->in[2] : one, b_rate(b)), one);
    struct val time = b_clamp(b, b_mul(b, args->in[2], b_rate(b)), one, most);
    struct val damp = b_mulc(b, audio_within(b, args->in[4], 0, 1), 0.95);
    for (int i = 0; i < n; i++) {
        struct val length = b_max(b, b_rint(b, b_mulc(b, time, exp2(-(double)i / n))), one);
        ring[i] = b_ring(b, VAL_NONE, b_addc(b, most, 4));
        end[i] = b_tap(b, ring[i], b_to(b, TYPE_I32, length));
        side[i & 1] = side[i & 1].i ? b_add(b, side[i & 1], end[i]) : end[i];
        struct val gain = b_to(b, TYPE_F32, fdn_gain(b, length, args->in[3]));
        end[i] = b_mul(b, gain, damped(b, end[i], damp));
        sum = i ? b_add(b, sum, end[i]) : end[i];
    }
    struct val common = b_fma(b, sum, b_f32(b, -2.0 / n), x);
    for (int i = 0; i < n; i++)
        b_close(b, ring[i], b_add(b, end[i], common));
    for (int k = 0; k < 2; k++)
        out[k] = audio_mix(b, args->in[0], b_mulc(b, side[k], 1 / sqrt(n)), args->in[5]);
    return STATUS_OK;
}

extern const struct node_row audio_reverb_rows[];
const struct node_row audio_reverb_rows[] = {
    {"schroeder : in, room=0.5, damp:f64=0.5, mix=0.3",
     "Schroeder's reverb: eight damped combs side by side, then four allpasses. room (length), damp (how fast highs "
     "fade) and mix are 0..1.",
     NODE_AUDIO, NULL, schroeder, NULL},
    {"freeverb : in, in_r=none, room=0.5, damp:f64=0.5, width=1, mix=0.3 -> l r",
     "Freeverb, stereo: eight damped combs and four allpasses a side, the right ones a little longer. room, damp, "
     "width and mix are 0..1.",
     NODE_AUDIO, NULL, freeverb, NULL},
    {"fdn : in, *lines=8, time:f64 (s)=0.05, decay:f64 (s)=2, damp:f64=0.3, mix=0.3 -> l r",
     "Reverb by a feedback delay network of 2 to 16 lines; the longest takes `time`, the sound falls by 60 dB in "
     "`decay`. damp and mix are 0..1.",
     NODE_AUDIO, NULL, fdn, NULL},
    {0},
};
