/* Cascades of trapezoidal sections, in f64; g = tan(pi f/R).
 *     first order   G = g/(1 + g), v = G (x - s), lp = v + s, hp = x - lp, s = lp + v
 *     second order  the state variable filter (audio_svf.c) of k = 1/q
 *     butterworth   order N: sections of k = 2 cos((2i + 1) pi / 2N) for i < N/2 (k = 2 sin of the angle from the other
 *                   end), and one of first order when N is odd: -3 dB at f, 6 N dB an octave
 *     linkwitz_riley  of order N: twice the Butterworth filter of order N/2, so -6 dB at f; hp turned over when N/2 is
 *                   odd, so that lp + hp passes all frequencies alike
 *     ladder        four first-order low-passes in a row, y4 fed back: k = 4 resonance,
 *                   u = tanh((drive x - k S)/(1 + k G^4)), S = (1 - G)(G^3 s1 + G^2 s2 + G s3 + s4), the part of y4
 * that is known before x; output y4. At resonance 1 it rings of itself. Sources: Simper (audio_svf.c); Zavalishin, "The
 * art of VA filter design", 2018; Linkwitz, "Active crossover networks for noncoincident drivers", JAES 1976. */
#include <math.h>

#include "core/nodes/audio_parts.h"

enum { BUTTERWORTH_ORDER_MAX = 16, LINKWITZ_RILEY_ORDER_MAX = 16 };

struct bands {
    struct val lp, hp;
};

static struct bands first_order(struct build *b, struct val x, struct val share)
{
    struct bands r;
    struct val s = b_prev_open(b, TYPE_F64);
    struct val v = b_mul(b, share, b_sub(b, x, s));
    r.lp = b_add(b, v, s);
    r.hp = b_sub(b, x, r.lp);
    b_close(b, s, b_add(b, r.lp, v));
    return r;
}

static struct bands second_order(struct build *b, struct val x, struct val g, double damping)
{
    struct val one = b_f64(b, 1), two = b_f64(b, 2), k = b_f64(b, damping);
    struct val a1 = b_div(b, one, b_fma(b, g, b_add(b, g, k), one)), a2 = b_mul(b, g, a1), a3 = b_mul(b, g, a2);
    struct val s1 = b_prev_open(b, TYPE_F64), s2 = b_prev_open(b, TYPE_F64);
    struct val v3 = b_sub(b, x, s2);
    struct val v1 = b_fma(b, a1, s1, b_mul(b, a2, v3));
    struct val v2 = b_add(b, s2, b_fma(b, a2, s1, b_mul(b, a3, v3)));
    b_close(b, s1, b_fma(b, two, v1, b_neg(b, s1)));
    b_close(b, s2, b_fma(b, two, v2, b_neg(b, s2)));
    return (struct bands){v2, b_sub(b, b_fma(b, b_neg(b, k), v1, x), v2)};
}

static struct val share_of(struct build *b, struct val g)
{
    return b_div(b, g, b_addc(b, g, 1));
}

static struct val butterworth_of(struct build *b, struct val x, struct val g, int order, bool high)
{
    for (int i = 0; i < order / 2; i++) {
        struct bands r = second_order(b, x, g, 2 * sin((2 * i + 1) * 3.14159265358979323846 / (2 * order)));
        x = high ? r.hp : r.lp;
    }
    if (order % 2) {
        struct bands r = first_order(b, x, share_of(b, g));
        x = high ? r.hp : r.lp;
    }
    return x;
}

static struct val angle_tangent(struct build *b, struct val freq)
{
    return B_CALL(b, "tan", half_angle(b, freq));
}

static enum status butterworth(struct build *b, const struct node_args *args, struct val *out)
{
    int order, high;
    TRY(node_count_arg(b, args, 2, 1, BUTTERWORTH_ORDER_MAX, &order));
    TRY(node_choice(b, args, 3, &high));
    struct val x = b_to(b, TYPE_F64, args->in[0]);
    out[0] = b_to(b, TYPE_F32, butterworth_of(b, x, angle_tangent(b, args->in[1]), order, high));
    return STATUS_OK;
}

static enum status linkwitz_riley(struct build *b, const struct node_args *args, struct val *out)
{
    int order;
    TRY(node_count_arg(b, args, 2, 2, LINKWITZ_RILEY_ORDER_MAX, &order));
    if (order % 2)
        return fault_add(b->fault, STATUS_BAD_GRAPH, input_pointer(b, args, 2), 0,
                         "order of linkwitz_riley is even: it is a filter applied twice");
    struct val x = b_to(b, TYPE_F64, args->in[0]), g = angle_tangent(b, args->in[1]), y[2];
    for (int high = 0; high < 2; high++)
        y[high] = butterworth_of(b, butterworth_of(b, x, g, order / 2, high), g, order / 2, high);
    out[0] = b_to(b, TYPE_F32, y[0]);
    out[1] = b_to(b, TYPE_F32, order / 2 % 2 ? b_neg(b, y[1]) : y[1]);
    return STATUS_OK;
}

static enum status ladder(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f64(b, 0), one = b_f64(b, 1), s[4], known = zero;
    struct val share = share_of(b, angle_tangent(b, args->in[1])), rest = b_sub(b, one, share);
    struct val k = b_mulc(b, b_clamp(b, args->in[2], zero, one), 4);
    struct val square = b_mul(b, share, share);
    struct val loop = b_div(b, one, b_fma(b, k, b_mul(b, square, square), one));
    for (int i = 0; i < 4; i++) {
        s[i] = b_prev_open(b, TYPE_F64);
        known = b_fma(b, known, share, s[i]);
    }
    struct val driven = b_mul(b, args->in[3], b_to(b, TYPE_F64, args->in[0]));
    struct val back = b_mul(b, k, b_mul(b, rest, known));
    struct val y = tanh_wide(b, b_mul(b, b_sub(b, driven, back), loop));
    for (int i = 0; i < 4; i++) {
        struct val v = b_mul(b, share, b_sub(b, y, s[i]));
        y = b_add(b, v, s[i]);
        b_close(b, s[i], b_add(b, y, v));
    }
    out[0] = b_to(b, TYPE_F32, y);
    return STATUS_OK;
}

extern const struct node_row audio_cascade_rows[];
const struct node_row audio_cascade_rows[] = {
    {"ladder : in, freq:f64 (Hz)=1000, resonance:f64=0.5, drive:f64=1",
     "Four-pole ladder low-pass, 24 dB an octave, saturated by tanh in its loop; rings of itself at resonance 1.",
     NODE_AUDIO, NULL, ladder, NULL},
    {"butterworth : in, freq:f64 (Hz)=1000, *order=4, *type=lp|hp",
     "Butterworth filter of order 1..16, flat before `freq`, -3 dB there; may be modulated.", NODE_AUDIO, NULL,
     butterworth, NULL},
    {"linkwitz_riley : in, freq:f64 (Hz)=1000, *order=4 -> lp hp",
     "Crossover of even order 2..16: lp + hp passes all frequencies alike.", NODE_AUDIO, NULL, linkwitz_riley, NULL},
    {0},
};
