/* Delay lines. D = time R samples, from what was fed before this sample on:
 *     none      x[n - round D]
 *     linear    (1 - f) x[n - i] + f x[n - i - 1],  i = floor D, f = D - i
 *     lagrange3 third-order Lagrange over x[n - i + 1] .. x[n - i - 2]
 *     allpass   first-order Thiran: i = floor(D - 1/2), d = D - i, e = (1 - d)/(1 + d), y = e (x[n - i] - y1) + x[n - i
 * - 1] D is clamped to the line's length and to its least: 0; on a cycle 1 (lagrange3: 1, on a cycle 2; allpass: 1/2
 * and 3/2). Source of the interpolators: Laakso et al., "Splitting the unit delay", IEEE SPM 1996. */
#include "core/node.h"

enum interpolation { LINEAR, NONE, ALLPASS, LAGRANGE3 };

static const double least_delay[4][2] = {
    [LINEAR] = {0, 1}, [NONE] = {0, 1}, [ALLPASS] = {0.5, 1.5}, [LAGRANGE3] = {1, 2}};

struct line {
    struct val ring, whole; /* i, as i32 */
    struct val fraction;    /* f32 */
};

static struct val tap_at(struct build *b, const struct line *l, int further)
{
    return b_tap(b, l->ring, further ? b_add(b, l->whole, b_i32(b, further)) : l->whole);
}

static struct val lagrange3(struct build *b, const struct line *l)
{
    struct val d = b_addc(b, l->fraction, 1), d1 = l->fraction, d2 = b_addc(b, d, -2), d3 = b_addc(b, d, -3);
    struct val outer = b_mul(b, d1, d2), inner = b_mul(b, d, d3);
    struct val h0 = b_mulc(b, b_mul(b, outer, d3), -1.0 / 6), h1 = b_mulc(b, b_mul(b, inner, d2), 0.5);
    struct val h2 = b_mulc(b, b_mul(b, inner, d1), -0.5), h3 = b_mulc(b, b_mul(b, outer, d), 1.0 / 6);
    struct val y = b_mul(b, h3, tap_at(b, l, 2));
    y = b_fma(b, h2, tap_at(b, l, 1), y);
    y = b_fma(b, h1, tap_at(b, l, 0), y);
    return b_fma(b, h0, tap_at(b, l, -1), y);
}

static struct val thiran(struct build *b, const struct line *l)
{
    struct val one = b_f32(b, 1), e = b_div(b, b_sub(b, one, l->fraction), b_add(b, one, l->fraction));
    struct val y1 = b_prev_open(b, TYPE_F32);
    struct val y = b_fma(b, e, b_sub(b, tap_at(b, l, 0), y1), tap_at(b, l, 1));
    b_close(b, y1, y);
    return y;
}

/* The longest delay, in seconds: `max`, else the time itself when the client gave a number, else one second. */
static enum status longest(struct build *b, const struct node_args *args, struct val *ret)
{
    const struct datum *max = args->shape[2];
    if (max && max->kind != DATUM_NUMBER)
        return fault_add(b->fault, STATUS_BAD_GRAPH, b->pointer, 0, "max of delay is a number of seconds");
    *ret = max ? b_f64(b, max->number) : args->is_literal[1] ? args->in[1] : b_f64(b, 1);
    return STATUS_OK;
}

static enum status delay(struct build *b, const struct node_args *args, struct val *out)
{
    int kind;
    struct val seconds, open;
    TRY(node_choice(b, args, 3, &kind));
    TRY(longest(b, args, &seconds));
    bool on_cycle = !args->in[0].i;
    struct val rate = b_rate(b), least = b_f64(b, least_delay[kind][on_cycle]);
    struct val most = b_max(b, b_mul(b, seconds, rate), least);
    struct val d = b_clamp(b, b_mul(b, args->in[1], rate), least, most);
    struct line l = {.ring = b_ring(b, args->in[0], b_addc(b, most, 4))};
    open = b->open;
    struct val whole =
        kind == NONE ? b_floor(b, b_addc(b, d, 0.5)) : b_floor(b, kind == ALLPASS ? b_addc(b, d, -0.5) : d);
    l.whole = b_to(b, TYPE_I32, whole);
    l.fraction = b_to(b, TYPE_F32, b_sub(b, d, whole));
    if (kind == NONE)
        out[0] = tap_at(b, &l, 0);
    else if (kind == LINEAR)
        out[0] = b_lerp(b, tap_at(b, &l, 0), tap_at(b, &l, 1), l.fraction);
    else
        out[0] = kind == ALLPASS ? thiran(b, &l) : lagrange3(b, &l);
    b->open = open;
    return STATUS_OK;
}

static enum status z1(struct build *b, const struct node_args *args, struct val *out)
{
    out[0] = args->in[0].i ? b_prev(b, args->in[0]) : b_prev_open(b, TYPE_F32);
    return STATUS_OK;
}

extern const struct node_row audio_delay_rows[];
const struct node_row audio_delay_rows[] = {
    {"delay : in, time:f64 (s)=0.1, *max (s)=none, *interp=linear|none|allpass|lagrange3",
     "Delay line of `time` seconds, between samples too (none: whole samples); `max` bounds a modulated time (default: "
     "the time when it is a number, else 1).",
     NODE_AUDIO | NODE_DELAYED, NULL, delay, NULL},
    {"z1 : in", "The previous sample.", NODE_AUDIO | NODE_DELAYED, NULL, z1, NULL},
    {0},
};
