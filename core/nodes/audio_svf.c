/* State variable filter, trapezoidal: the one to modulate.
 *     g = tan(pi f/R), k = 1/q, a1 = 1/(1 + g (g + k)), a2 = g a1, a3 = g a2
 *     v3 = x - s2, v1 = a1 s1 + a2 v3, v2 = s2 + a2 s1 + a3 v3, s1 = 2 v1 - s1, s2 = 2 v2 - s2
 *     value = m0 x + m1 v1 + m2 v2
 * Source: Andrew Simper, "Solving the continuous SVF equations using trapezoidal integration" (Cytomic, 2013).
 * Frequency clamped to 0.1 Hz .. 0.49 rate, q to at least 0.001.
 *
 * Computed as a recurrence of what is remembered alone, so that a sample waits for two multiply-adds of the one before,
 * and with sine and cosine in place of the tangent, g = s/c, so that one division is left:
 *     d = c^2 + s (s + k c), b1 = 2 c^2/d - 1, b2 = -2 s c/d, b3 = 2 s^2/d, y = -x
 *     s1' = b1 s1 + b2 s2 + b2 y, s2' = s2 - (b3 s2 + b2 s1 + b3 y), v1 = (s1' + s1)/2, v2 = (s2' + s2)/2
 * s2 keeps a multiplier of 1: at low frequencies 1 - b3 would have too few digits. */
#include "core/node.h"

enum svf_type { SVF_LP, SVF_BP, SVF_HP, SVF_NOTCH, SVF_PEAK, SVF_ALLPASS, SVF_BELL, SVF_LOW_SHELF, SVF_HIGH_SHELF };

struct svf {
    struct val s, c, k, a; /* g = s/c; a = 10^(dB/40) */
    struct val one;
};

/* sin r for r within 0 .. pi/2: r - r^3/6 + ... */
static struct val sine(struct build *b, struct val r)
{
    static const double c[] = {-0.16666666666666186,   0.008333333333285476,    -0.00019841269825038267,
                               2.7557316598288826e-06, -2.5051880129619265e-08, 1.6048090878912537e-10,
                               -7.373288983274704e-13}; /* 1.5e-16 */
    struct val z = b_mul(b, r, r);
    return b_fma(b, b_mul(b, r, z), b_horner(b, z, c, 7), r);
}

static struct svf svf_coefficients(struct build *b, const struct node_args *args, enum svf_type type)
{
    struct val rate = b_rate(b), q = b_max(b, args->in[2], b_f64(b, 0.001));
    struct val f = b_clamp(b, args->in[1], b_f64(b, 0.1), b_mulc(b, rate, 0.49));
    struct val w = b_mul(b, f, b_div(b, b_f64(b, 3.14159265358979323846), rate));
    struct svf s = {.one = b_f64(b, 1)};
    s.s = sine(b, w);
    s.c = sine(b, b_sub(b, b_f64(b, 1.57079632679489661923), w));
    s.k = b_div(b, s.one, q);
    if (type < SVF_BELL)
        return s;
    s.a = B_CALL(b, "exp", b_mulc(b, args->in[3], 2.30258509299404568402 / 40));
    if (type == SVF_BELL)
        s.k = b_div(b, s.k, s.a);
    if (type == SVF_LOW_SHELF)
        s.s = b_div(b, s.s, b_sqrt(b, s.a));
    if (type == SVF_HIGH_SHELF)
        s.s = b_mul(b, s.s, b_sqrt(b, s.a));
    return s;
}

/* The output's weights of x, v1 and v2; one that is not there is 0. */
static void svf_weights(struct build *b, const struct svf *s, enum svf_type type, struct val m[3])
{
    struct val square, k = s->k;
    m[0] = m[1] = m[2] = VAL_NONE;
    switch (type) {
    case SVF_LP:
        m[2] = s->one;
        return;
    case SVF_BP:
        m[1] = s->one;
        return;
    case SVF_HP:
    case SVF_NOTCH:
    case SVF_PEAK:
        m[0] = s->one;
        m[1] = b_neg(b, k);
        if (type != SVF_NOTCH)
            m[2] = b_f64(b, type == SVF_HP ? -1 : -2);
        return;
    case SVF_ALLPASS:
        m[0] = s->one;
        m[1] = b_mulc(b, k, -2);
        return;
    default:
        square = b_mul(b, s->a, s->a);
    }
    if (type == SVF_HIGH_SHELF) {
        m[0] = square;
        m[1] = b_mul(b, b_mul(b, k, b_sub(b, s->one, s->a)), s->a);
        m[2] = b_sub(b, s->one, square);
    } else {
        struct val up = b_sub(b, square, s->one);
        m[0] = s->one;
        m[1] = type == SVF_BELL ? b_mul(b, k, up) : b_mul(b, k, b_sub(b, s->a, s->one));
        if (type != SVF_BELL)
            m[2] = up;
    }
}

static struct val svf_sum(struct build *b, const struct val m[3], const struct val v[3])
{
    struct val sum = VAL_NONE;
    for (int i = 2; i >= 0; i--)
        if (m[i].i)
            sum = sum.i ? b_fma(b, m[i], v[i], sum) : b_mul(b, m[i], v[i]);
    return sum;
}

static enum status svf(struct build *b, const struct node_args *args, struct val *out)
{
    int index;
    TRY(node_choice(b, args, 4, &index));
    enum svf_type type = (enum svf_type)index;
    struct svf s = svf_coefficients(b, args, type);
    struct val m[3], half = b_f64(b, 0.5), x = b_to(b, TYPE_F64, args->in[0]), y = b_neg(b, x);
    struct val cc = b_mul(b, s.c, s.c);
    struct val r = b_div(b, b_f64(b, 2), b_fma(b, s.s, b_fma(b, s.k, s.c, s.s), cc)), sr = b_mul(b, s.s, r);
    struct val b1 = b_fma(b, cc, r, b_f64(b, -1)), b2 = b_neg(b, b_mul(b, sr, s.c)), b3 = b_mul(b, sr, s.s);
    struct val s1 = b_prev_open(b, TYPE_F64), s2 = b_prev_open(b, TYPE_F64);
    struct val s1_next = b_fma(b, b2, s2, b_fma(b, b1, s1, b_mul(b, b2, y)));
    struct val s2_next = b_sub(b, s2, b_fma(b, b3, s2, b_fma(b, b2, s1, b_mul(b, b3, y))));
    b_close(b, s1, s1_next);
    b_close(b, s2, s2_next);
    struct val v1 = b_mul(b, half, b_add(b, s1_next, s1)), v2 = b_mul(b, half, b_add(b, s2_next, s2));
    svf_weights(b, &s, type, m);
    out[0] = b_to(b, TYPE_F32, svf_sum(b, m, (struct val[]){x, v1, v2}));
    out[1] = b_to(b, TYPE_F32, v2);
    out[2] = b_to(b, TYPE_F32, v1);
    out[3] = b_to(b, TYPE_F32, b_sub(b, b_fma(b, b_neg(b, s.k), v1, x), v2));
    return STATUS_OK;
}

extern const struct node_row audio_svf_rows[];
const struct node_row audio_svf_rows[] = {
    {"svf : in, freq:f64 (Hz)=1000, q:f64=0.7071, gain_db:f64 (dB)=0, "
     "*type=lp|bp|hp|notch|peak|allpass|bell|low_shelf|high_shelf"
     " -> value lp bp hp",
     "State variable filter in trapezoidal form; may be modulated at audio rate. lp, bp and hp are its outputs side by "
     "side, `value` the one that type names.",
     NODE_AUDIO, NULL, svf, NULL},
    {0},
};
