/* Layers of colour: blending and Porter-Duff, after W3C Compositing and Blending Level 1. Colours are straight (not
 * multiplied by alpha) going in and coming out; three components are opaque, a number is an opaque grey.
 *     as = alpha of top times opacity (0..1), ab = alpha of base, B = the mode's function of both colours (section 10)
 *     Cr = Cs + ab (B(Cb, Cs) - Cs),  ao = as + ab (1 - as),  Co = (as Cr + (1 - as) ab Cb)/ao,  and 0 where ao = 0
 * add is min(1, Cb + Cs), subtract max(0, Cb - Cs); W3C has neither. Porter-Duff (section 9): ao = aa Fa + ab Fb,
 * Co = (aa Fa Ca + ab Fb Cb)/ao. */
#include "core/nodes/colour_parts.h"

/* As in the signature. */
enum mode {
    NORMAL,
    MULTIPLY,
    SCREEN,
    OVERLAY,
    DARKEN,
    LIGHTEN,
    ADD,
    SUBTRACT,
    DIFFERENCE,
    SOFT_LIGHT,
    HARD_LIGHT,
    COLOR_DODGE,
    COLOR_BURN,
    EXCLUSION,
    HUE,
    SATURATION,
    COLOR,
    LUMINOSITY
};

static struct val screen(struct build *b, struct val x, struct val y)
{
    return b_fma(b, b_neg(b, x), y, b_add(b, x, y));
}

static struct val hard_light(struct build *b, struct val cb, struct val cs)
{
    struct val twice = b_add(b, cs, cs);
    return b_select(b, b_le(b, cs, b_f32(b, 0.5)), b_mul(b, cb, twice), screen(b, cb, b_addc(b, twice, -1)));
}

/* cs <= 1/2: cb - (1 - 2cs) cb (1 - cb), else cb + (2cs - 1)(D(cb) - cb); D = cb <= 1/4 ? ((16cb - 12)cb + 4)cb : sqrt
 * cb */
static struct val soft_light(struct build *b, struct val cb, struct val cs)
{
    static const double cubic[] = {0, 4, -12, 16};
    struct val by = b_fmac(b, cs, 2, -1);
    struct val d = b_select(b, b_le(b, cb, b_f32(b, 0.25)), b_horner(b, cb, cubic, 4), b_sqrt(b, cb));
    struct val darker = b_mul(b, cb, b_sub(b, b_f32(b, 1), cb));
    return b_fma(b, by, b_select(b, b_le(b, cs, b_f32(b, 0.5)), darker, b_sub(b, d, cb)), cb);
}

/* min(1, x / y) with 0 first and then 1 where these hold. */
static struct val bounded_ratio(struct build *b, struct val x, struct val y)
{
    struct val zero = b_f32(b, 0), one = b_f32(b, 1), full = b_le(b, y, zero);
    struct val r = b_min(b, b_div(b, x, b_select(b, full, one, y)), one);
    return b_select(b, b_le(b, x, zero), zero, b_select(b, full, one, r));
}

static struct val separable(struct build *b, enum mode mode, struct val cb, struct val cs)
{
    struct val one = b_f32(b, 1);
    switch (mode) {
    case MULTIPLY:
        return b_mul(b, cb, cs);
    case SCREEN:
        return screen(b, cb, cs);
    case OVERLAY:
        return hard_light(b, cs, cb);
    case DARKEN:
        return b_min(b, cb, cs);
    case LIGHTEN:
        return b_max(b, cb, cs);
    case ADD:
        return b_min(b, b_add(b, cb, cs), one);
    case SUBTRACT:
        return b_max(b, b_sub(b, cb, cs), b_f32(b, 0));
    case DIFFERENCE:
        return b_abs(b, b_sub(b, cb, cs));
    case SOFT_LIGHT:
        return soft_light(b, cb, cs);
    case HARD_LIGHT:
        return hard_light(b, cb, cs);
    case COLOR_DODGE:
        return bounded_ratio(b, cb, b_sub(b, one, cs));
    case COLOR_BURN:
        return b_sub(b, one, bounded_ratio(b, b_sub(b, one, cb), cs));
    case EXCLUSION:
        return b_fma(b, b_mulc(b, cb, -2), cs, b_add(b, cb, cs));
    default:
        return cs;
    }
}

/* Lum and Sat of the page; Lum has weights of its own. */
static struct val lum(struct build *b, struct colour c)
{
    struct val sum = b_mulc(b, c.c[0], 0.3);
    sum = b_fma(b, c.c[1], b_f32(b, 0.59), sum);
    return b_fma(b, c.c[2], b_f32(b, 0.11), sum);
}

static struct val sat(struct build *b, struct colour c)
{
    return b_sub(b, colour_most(b, c), colour_least(b, c));
}

/* l + (x - l) (mask ? up/down : 1). Where rounding leaves no distance `down`, x is l but for rounding, and stays. */
static struct colour pull(struct build *b, struct colour x, struct val l, struct val mask, struct val up,
                          struct val down)
{
    struct val one = b_f32(b, 1);
    mask = b_and(b, mask, b_gt(b, down, b_f32(b, 0)));
    struct val by = b_select(b, mask, b_div(b, up, b_select(b, mask, down, one)), one);
    for (int i = 0; i < 3; i++)
        x.c[i] = b_fma(b, b_sub(b, x.c[i], l), by, l);
    return x;
}

static struct colour clip_colour(struct build *b, struct colour c)
{
    struct val l = lum(b, c), least = colour_least(b, c), most = colour_most(b, c), one = b_f32(b, 1);
    c = pull(b, c, l, b_lt(b, least, b_f32(b, 0)), l, b_sub(b, l, least));
    return pull(b, c, l, b_gt(b, most, one), b_sub(b, one, l), b_sub(b, most, l));
}

static struct colour set_lum(struct build *b, struct colour c, struct val l)
{
    struct val d = b_sub(b, l, lum(b, c));
    for (int i = 0; i < 3; i++)
        c.c[i] = b_add(b, c.c[i], d);
    return clip_colour(b, c);
}

/* The greatest component becomes s, the least 0, the middle one in proportion; a grey becomes black. */
static struct colour set_sat(struct build *b, struct colour c, struct val s)
{
    struct val zero = b_f32(b, 0), least = colour_least(b, c), range = sat(b, c), grey = b_eq(b, range, zero);
    struct val by = b_select(b, grey, zero, b_div(b, s, b_select(b, grey, b_f32(b, 1), range)));
    for (int i = 0; i < 3; i++)
        c.c[i] = b_mul(b, b_sub(b, c.c[i], least), by);
    return c;
}

static struct colour mixed(struct build *b, enum mode mode, struct colour cb, struct colour cs)
{
    struct colour r;
    switch (mode) {
    case HUE:
        return set_lum(b, set_sat(b, cs, sat(b, cb)), lum(b, cb));
    case SATURATION:
        return set_lum(b, set_sat(b, cb, sat(b, cs)), lum(b, cb));
    case COLOR:
        return set_lum(b, cs, lum(b, cb));
    case LUMINOSITY:
        return set_lum(b, cb, lum(b, cs));
    default:
        for (int i = 0; i < 3; i++)
            r.c[i] = separable(b, mode, cb.c[i], cs.c[i]);
        return r;
    }
}

/* x / alpha, 0 where alpha is 0. */
static struct val straight(struct build *b, struct val x, struct val alpha)
{
    struct val zero = b_f32(b, 0), some = b_gt(b, alpha, zero);
    return b_select(b, some, b_div(b, x, b_select(b, some, alpha, b_f32(b, 1))), zero);
}

static enum status build_blend(struct build *b, const struct node_args *args, struct val *out)
{
    int mode;
    TRY(colour_check(b, args, 0, true));
    TRY(colour_check(b, args, 1, true));
    TRY(node_choice(b, args, 3, &mode));
    struct colour base = colour_of(args, 0), top = colour_of(args, 1);
    struct colour blended = mixed(b, (enum mode)mode, base, top);
    struct val zero = b_f32(b, 0), one = b_f32(b, 1), opacity = b_clamp(b, args->in[2], zero, one);
    struct val as = args->dims[1] == 4 ? b_mul(b, args->vec[1][3], opacity) : opacity;
    if (args->dims[0] < 4) { /* ab = 1, ao = 1 */
        for (int i = 0; i < 3; i++)
            out[i] = b_lerp(b, base.c[i], blended.c[i], as);
        if (args->dims[1] == 4)
            out[3] = one;
        return STATUS_OK;
    }
    struct val ab = args->vec[0][3], below = b_mul(b, ab, b_sub(b, one, as)), ao = b_add(b, as, below);
    for (int i = 0; i < 3; i++) {
        struct val cr = b_lerp(b, top.c[i], blended.c[i], ab);
        out[i] = straight(b, b_fma(b, as, cr, b_mul(b, below, base.c[i])), ao);
    }
    out[3] = ao;
    return STATUS_OK;
}

enum operator{ OVER, IN, OUT, ATOP, XOR };

/* What is kept of top and of bottom. */
static enum status build_over(struct build *b, const struct node_args *args, struct val *out)
{
    int op;
    TRY(colour_check(b, args, 0, true));
    TRY(colour_check(b, args, 1, true));
    TRY(node_choice(b, args, 2, &op));
    struct colour top = colour_of(args, 0), bottom = colour_of(args, 1);
    struct val aa = colour_alpha(b, args, 0), ab = colour_alpha(b, args, 1), one = b_f32(b, 1);
    struct val not_a = b_mul(b, ab, b_sub(b, one, aa)), not_b = b_mul(b, aa, b_sub(b, one, ab)),
               both = b_mul(b, aa, ab);
    struct val keep_a = op == OVER ? aa : op == IN || op == ATOP ? both : not_b;
    struct val keep_b = op == IN || op == OUT ? b_f32(b, 0) : not_a;
    struct val ao = b_add(b, keep_a, keep_b);
    for (int i = 0; i < 3; i++)
        out[i] = straight(b, b_fma(b, keep_a, top.c[i], b_mul(b, keep_b, bottom.c[i])), ao);
    if (args->dims[0] == 4 || args->dims[1] == 4)
        out[3] = ao;
    return STATUS_OK;
}

extern const struct node_row blend_rows[];
const struct node_row blend_rows[] = {
    {"blend : base:vec, top:vec, opacity=1, "
     "*mode=normal|multiply|screen|overlay|darken|lighten|add|subtract|difference|soft_light|"
     "hard_light|color_dodge|color_burn|exclusion|hue|saturation|color|luminosity",
     "Lays top over base by a W3C blending mode; alpha is straight, a colour of 3 components opaque.", NODE_VECTOR,
     NULL, build_blend, NULL},
    {"over : top:vec, bottom:vec, *mode=over|in|out|atop|xor",
     "Porter-Duff compositing of straight colours; black where nothing is left.", NODE_VECTOR, NULL, build_over, NULL},
    {0},
};
