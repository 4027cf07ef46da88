/* State variable filter, trapezoidal: the one to modulate.
 *     g = tan(pi f/R), k = 1/q, a1 = 1/(1 + g (g + k)), a2 = g a1, a3 = g a2
 *     v3 = x - s2, v1 = a1 s1 + a2 v3, v2 = s2 + a2 s1 + a3 v3, s1 = 2 v1 - s1, s2 = 2 v2 - s2
 *     value = m0 x + m1 v1 + m2 v2
 * Source: Andrew Simper, "Solving the continuous SVF equations using trapezoidal integration" (Cytomic, 2013).
 * Frequency clamped to 0.1 Hz .. 0.49 rate, q to at least 0.001. */
#include "core/node.h"

enum svf_type { SVF_LP, SVF_BP, SVF_HP, SVF_NOTCH, SVF_PEAK, SVF_ALLPASS, SVF_BELL, SVF_LOW_SHELF, SVF_HIGH_SHELF };

struct svf {
    struct val g, k, a; /* a = 10^(dB/40) */
    struct val one;
};

static struct svf svf_coefficients(struct build *b, const struct node_args *args, enum svf_type type)
{
    struct val rate = b_rate(b), q = b_max(b, args->in[2], b_f64(b, 0.001));
    struct val f = b_clamp(b, args->in[1], b_f64(b, 0.1), b_mulc(b, rate, 0.49));
    struct svf s = {.one = b_f64(b, 1)};
    s.g = B_CALL(b, "tan", b_div(b, b_mulc(b, f, 3.14159265358979323846), rate));
    s.k = b_div(b, s.one, q);
    if (type < SVF_BELL)
        return s;
    s.a = B_CALL(b, "exp", b_mulc(b, args->in[3], 2.30258509299404568402 / 40));
    if (type == SVF_BELL)
        s.k = b_div(b, s.k, s.a);
    if (type == SVF_LOW_SHELF)
        s.g = b_div(b, s.g, b_sqrt(b, s.a));
    if (type == SVF_HIGH_SHELF)
        s.g = b_mul(b, s.g, b_sqrt(b, s.a));
    return s;
}

/* The output's weights of x, v1 and v2. */
static void svf_weights(struct build *b, const struct svf *s, enum svf_type type, struct val m[3])
{
    struct val zero = b_f64(b, 0), square, k = s->k;
    m[0] = m[1] = m[2] = zero;
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
        m[2] = b_f64(b, type == SVF_HP ? -1 : type == SVF_PEAK ? -2 : 0);
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
        m[2] = type == SVF_BELL ? zero : up;
    }
}

static enum status svf(struct build *b, const struct node_args *args, struct val *out)
{
    int index;
    TRY(node_choice(b, args, 4, &index));
    enum svf_type type = (enum svf_type)index;
    struct svf s = svf_coefficients(b, args, type);
    struct val m[3], two = b_f64(b, 2), x = b_to(b, TYPE_F64, args->in[0]);
    struct val a1 = b_div(b, s.one, b_fma(b, s.g, b_add(b, s.g, s.k), s.one)), a2 = b_mul(b, s.g, a1),
               a3 = b_mul(b, s.g, a2);
    struct val s1 = b_prev_open(b, TYPE_F64), s2 = b_prev_open(b, TYPE_F64);
    struct val v3 = b_sub(b, x, s2);
    struct val v1 = b_fma(b, a1, s1, b_mul(b, a2, v3));
    struct val v2 = b_add(b, s2, b_fma(b, a2, s1, b_mul(b, a3, v3)));
    b_close(b, s1, b_fma(b, two, v1, b_neg(b, s1)));
    b_close(b, s2, b_fma(b, two, v2, b_neg(b, s2)));
    svf_weights(b, &s, type, m);
    out[0] = b_to(b, TYPE_F32, b_fma(b, m[0], x, b_fma(b, m[1], v1, b_mul(b, m[2], v2))));
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
