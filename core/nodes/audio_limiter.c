/* Limiter with look-ahead: no sample leaves it above the ceiling C, and none is clipped for it.
 * Gains are whole numbers of 2^-24, so that sums of them are exact:
 *     t = floor(2^24 min(1, C/|x|)), |x| the louder channel;   r = 2^24 - t, the least reduction this sample needs
 *     m = max of r over this and the last N samples, N = lookahead R rounded
 *     e = m, or where it falls ceil(m + c (e1 - m)), c = exp(-1/(release R)):   e >= m
 *     a = mean of e over this and the last N samples
 *     l = x[n - N] (1 - 2^-24 a)
 * Each e in that mean has x[n - N]'s own r under it, so a is no less; every rounding goes the same way, and a last
 * clamp takes back the one of C/|x|. The maximum over N + 1 samples is made in steps that double the window, the last
 * ones by what is left to N + 1: the number of steps is structure, N is not. The sum of e is its running sum, exact in
 * f64. The signal comes N samples late. */
#include <math.h>

#include "core/nodes/audio_safe.h"

enum { INPUT_CEILING = 2, INPUT_RELEASE, INPUT_LOOKAHEAD };
static const double LOOKAHEAD_MOST = 0.1, RATE_MOST = 768000;

static enum status lookahead(struct build *b, const struct node_args *args, double *ret_seconds)
{
    const struct datum *given = args->shape[INPUT_LOOKAHEAD];
    *ret_seconds = given && given->kind == DATUM_NUMBER ? given->number : args->def->inputs[INPUT_LOOKAHEAD].value;
    if ((given && given->kind != DATUM_NUMBER) || !(*ret_seconds >= 0 && *ret_seconds <= LOOKAHEAD_MOST))
        return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/lookahead", b->pointer), 0,
                         "lookahead of limiter is a number of seconds from 0 to %g", LOOKAHEAD_MOST);
    return STATUS_OK;
}

/* x, `samples` ago. */
static struct val later(struct build *b, struct val x, struct val samples)
{
    return b_tap(b, b_ring(b, x, b_addc(b, samples, 4)), b_to(b, TYPE_I32, samples));
}

/* max of x over `window` samples, a whole number from 1 to 2^steps. */
static struct val window_max(struct build *b, struct val x, struct val window, int steps)
{
    struct val length = b_f64(b, 1);
    for (int i = 0; i < steps; i++) {
        struct val step = b_min(b, length, b_sub(b, window, length));
        x = b_max(b, x, later(b, x, step));
        length = b_add(b, length, step);
    }
    return x;
}

/* At once up to m, down by a one-pole; whole numbers, no less than m. */
static struct val released(struct build *b, struct val m, struct val keep)
{
    struct val wide = b_to(b, TYPE_F64, m), e1 = b_prev_open(b, TYPE_F64);
    struct val e = b_max(b, wide, b_fma(b, keep, b_sub(b, e1, wide), wide));
    b_close(b, e1, e);
    return b_to(b, TYPE_F32, b_neg(b, b_floor(b, b_neg(b, e))));
}

static struct val window_mean(struct build *b, struct val e, struct val window)
{
    struct val change = b_sub(b, b_to(b, TYPE_F64, e), b_to(b, TYPE_F64, later(b, e, window)));
    struct val sum1 = b_prev_open(b, TYPE_F64), sum = b_add(b, sum1, change);
    b_close(b, sum1, sum);
    return b_div(b, sum, window);
}

static enum status limiter(struct build *b, const struct node_args *args, struct val *out)
{
    double seconds;
    TRY(lookahead(b, args, &seconds));
    int steps = (int)ceil(log2(rint(seconds * RATE_MOST) + 1));
    struct val one = b_f64(b, 1), most = b_f64(b, exp2(steps));
    struct val window = b_min(b, b_add(b, b_rint(b, b_mulc(b, b_rate(b), seconds)), one), most);
    struct val x[2] = {audio_clean(b, args->in[0]), VAL_NONE}, loud = b_abs(b, x[0]);
    if (args->in[1].i) {
        x[1] = audio_clean(b, args->in[1]);
        loud = b_max(b, loud, b_abs(b, x[1]));
    }
    struct val ceiling = audio_amplitude(b, audio_within(b, args->in[INPUT_CEILING], -200, 200));
    struct val need = b_min(b, b_div(b, ceiling, loud), b_f32(b, 1)); /* C/0 is infinite: 1 */
    struct val r = b_sub(b, b_f32(b, 0x1p24), b_floor(b, b_mulc(b, need, 0x1p24)));
    struct val e = released(b, window_max(b, r, window, steps), audio_keep(b, args->in[INPUT_RELEASE]));
    struct val gain = b_to(b, TYPE_F32, b_fma(b, window_mean(b, e, window), b_f64(b, -0x1p-24), one));
    struct val late = b_sub(b, window, one);
    for (int k = 0; k < 2; k++) {
        out[k] = x[k].i ? b_clamp(b, b_mul(b, later(b, x[k], late), gain), b_neg(b, ceiling), ceiling) : out[0];
        b_late(b, out[k], seconds);
    }
    return STATUS_OK;
}

extern const struct node_row audio_limiter_rows[];
const struct node_row audio_limiter_rows[] = {
    {"limiter : in, in_r=none, ceiling_db (dB)=-0.3, release:f64 (s)=0.1, *lookahead (s)=0.005 -> l r",
     "Keeps peaks under the ceiling by looking ahead; the signal comes that much later.", NODE_AUDIO, NULL, limiter,
     NULL},
    {0},
};
