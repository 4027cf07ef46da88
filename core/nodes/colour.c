/* Adjusting colours. A colour is three components, or four with alpha, which passes through; where no other component
 * matters, a number is a grey and stays one. Components are 0..1; only levels, posterize and threshold clamp.
 *
 *     luminance       .2126 r + .7152 g + .0722 b (ITU-R BT.709) of the components as they are
 *     srgb_to_linear  IEC 61966-2-1: c <= .04045 ? c/12.92 : ((c + .055)/1.055)^2.4; linear_to_srgb its inverse
 *     levels          t = saturate((c - in_black)/(in_white - in_black)),
 *                     out_black + t^(1/gamma) (out_white - out_black)
 *     hue_shift       the hue of hsv turned, the greatest and the least component kept
 *     posterize       min(floor(n c), n - 1)/(n - 1): n bands of equal width
 *     threshold       luminance > at ? white : black
 *     tint            c + (c colour - c) amount
 *     color_matrix    rows times (r, g, b, a, 1), as feColorMatrix of SVG; a is 1 where there is none */
#include "core/nodes/colour_parts.h"

#define EACH(name, of)                                                                                                 \
    static enum status build_##name(struct build *b, const struct node_args *args, struct val *out)                    \
    {                                                                                                                  \
        TRY(colour_check(b, args, 0, true));                                                                           \
        colour_out(args, colour_each(b, colour_of(args, 0), of), out);                                                 \
        return STATUS_OK;                                                                                              \
    }

static struct val inverse(struct build *b, struct val x)
{
    return b_sub(b, b_f32(b, 1), x);
}

EACH(invert, inverse)
EACH(srgb_to_linear, colour_to_linear)
EACH(linear_to_srgb, colour_to_srgb)

static enum status build_luminance(struct build *b, const struct node_args *args, struct val *out)
{
    TRY(colour_check(b, args, 0, true));
    *out = args->dims[0] == 1 ? args->vec[0][0] : colour_luminance(b, colour_of(args, 0));
    return STATUS_OK;
}

static enum status build_premultiply(struct build *b, const struct node_args *args, struct val *out)
{
    TRY(colour_check(b, args, 0, true));
    struct colour c = colour_of(args, 0);
    for (int i = 0; i < 3 && args->dims[0] == 4; i++)
        c.c[i] = b_mul(b, c.c[i], args->vec[0][3]);
    colour_out(args, c, out);
    return STATUS_OK;
}

/* What is wholly transparent has no colour: black. */
static enum status build_unpremultiply(struct build *b, const struct node_args *args, struct val *out)
{
    TRY(colour_check(b, args, 0, true));
    struct colour c = colour_of(args, 0);
    if (args->dims[0] == 4) {
        struct val zero = b_f32(b, 0), none = b_eq(b, args->vec[0][3], zero);
        struct val alpha = b_select(b, none, b_f32(b, 1), args->vec[0][3]);
        for (int i = 0; i < 3; i++)
            c.c[i] = b_select(b, none, zero, b_div(b, c.c[i], alpha));
    }
    colour_out(args, c, out);
    return STATUS_OK;
}

static bool is_constant_one(const struct build *b, struct val v)
{
    const struct ins *ins = ir_at(b->code, v);
    return ins->op == OP_CONST_F32 && ins->imm.f == 1;
}

/* Equal black and white points make a step: the division gives an infinity or, on the point, NaN, which max drops. */
static enum status build_levels(struct build *b, const struct node_args *args, struct val *out)
{
    TRY(colour_check(b, args, 0, true));
    struct colour c = colour_of(args, 0);
    const struct val black = args->in[1], gamma = args->in[3], low = args->in[4];
    struct val range = b_sub(b, args->in[2], black), rise = b_sub(b, args->in[5], low);
    struct val power = b_div(b, b_f32(b, 1), b_max(b, gamma, b_f32(b, 0.01)));
    for (int i = 0; i < (args->dims[0] == 1 ? 1 : 3); i++) {
        struct val t = b_div(b, b_sub(b, c.c[i], black), range);
        t = b_clamp(b, t, b_f32(b, 0), b_f32(b, 1));
        if (!is_constant_one(b, gamma))
            t = B_CALL(b, "pow", t, power);
        c.c[i] = b_fma(b, t, rise, low);
    }
    colour_out(args, c, out);
    return STATUS_OK;
}

static enum status build_hue_shift(struct build *b, const struct node_args *args, struct val *out)
{
    TRY(colour_check(b, args, 0, true));
    struct colour c = colour_of(args, 0);
    if (args->dims[0] > 1) {
        struct val least = colour_least(b, c), chroma = b_sub(b, colour_most(b, c), least);
        struct colour pure = colour_of_hue(b, b_add(b, colour_hue(b, c), args->in[1]));
        for (int i = 0; i < 3; i++)
            c.c[i] = b_fma(b, pure.c[i], chroma, least);
    }
    colour_out(args, c, out);
    return STATUS_OK;
}

static enum status build_posterize(struct build *b, const struct node_args *args, struct val *out)
{
    int n = 0;
    TRY(colour_check(b, args, 0, true));
    TRY(node_count_arg(b, args, 1, 2, 256, &n));
    struct colour c = colour_of(args, 0);
    for (int i = 0; i < 3; i++) {
        struct val band = b_clamp(b, b_floor(b, b_mulc(b, c.c[i], n)), b_f32(b, 0), b_f32(b, n - 1));
        c.c[i] = b_div(b, band, b_f32(b, n - 1));
    }
    colour_out(args, c, out);
    return STATUS_OK;
}

static enum status build_threshold(struct build *b, const struct node_args *args, struct val *out)
{
    struct val grey;
    TRY(build_luminance(b, args, &grey));
    grey = b_to(b, TYPE_F32, b_gt(b, grey, args->in[1]));
    colour_out(args, (struct colour){{grey, grey, grey}}, out);
    return STATUS_OK;
}

static enum status build_tint(struct build *b, const struct node_args *args, struct val *out)
{
    TRY(colour_check(b, args, 0, true));
    TRY(colour_check(b, args, 1, true));
    struct colour c = colour_of(args, 0), by = colour_of(args, 1);
    for (int i = 0; i < 3; i++)
        out[i] = b_lerp(b, c.c[i], b_mul(b, c.c[i], by.c[i]), args->in[2]);
    if (args->dims[0] == 4 || args->dims[1] == 4)
        out[3] = colour_alpha(b, args, 0);
    return STATUS_OK;
}

static enum status bad_matrix(struct build *b, const char *why)
{
    return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/matrix", b->pointer), 0, "%s", why);
}

static enum status check_matrix(struct build *b, const struct datum *m, int dims)
{
    if (!m || m->kind != DATUM_LIST || (m->n != 3 && m->n != 4))
        return bad_matrix(b, "matrix is a list of 3 rows, or 4 to make alpha, too");
    if (m->n == 4 && dims == 3)
        return bad_matrix(b, "a fourth row makes alpha, which this colour of 3 components has not");
    for (size_t i = 0; i < m->n; i++) {
        const struct datum *row = &m->items[i];
        bool good = row->kind == DATUM_LIST && (row->n == 4 || row->n == 5);
        for (size_t k = 0; good && k < row->n; k++)
            good = row->items[k].kind == DATUM_NUMBER;
        if (!good)
            return bad_matrix(b, "a row of matrix is 4 numbers, the weights of r g b a, or 5 with an offset");
    }
    return STATUS_OK;
}

static enum status build_color_matrix(struct build *b, const struct node_args *args, struct val *out)
{
    const struct datum *m = args->shape[1];
    TRY(colour_check(b, args, 0, false));
    TRY(check_matrix(b, m, args->dims[0]));
    struct colour c = colour_of(args, 0);
    const struct val in[5] = {c.c[0], c.c[1], c.c[2], colour_alpha(b, args, 0), b_f32(b, 1)};
    colour_out(args, c, out);
    for (size_t i = 0; i < m->n; i++) {
        const struct datum *row = &m->items[i];
        struct val sum = b_mulc(b, in[0], row->items[0].number);
        for (size_t k = 1; k < row->n; k++)
            sum = b_fma(b, in[k], b_f32(b, row->items[k].number), sum);
        out[i] = sum;
    }
    return STATUS_OK;
}

extern const struct node_row colour_rows[];
const struct node_row colour_rows[] = {
    {"luminance : c:vec", "Brightness as one number: .2126 r + .7152 g + .0722 b.", 0, NULL, build_luminance, NULL},
    {"invert : c:vec", "1 - c; alpha stays.", NODE_VECTOR, NULL, build_invert, NULL},
    {"srgb_to_linear : c:vec", "Decodes sRGB to linear light; alpha stays.", NODE_VECTOR, NULL, build_srgb_to_linear,
     NULL},
    {"linear_to_srgb : c:vec", "Encodes linear light as sRGB; alpha stays.", NODE_VECTOR, NULL, build_linear_to_srgb,
     NULL},
    {"premultiply : c:vec", "Red, green and blue times alpha.", NODE_VECTOR, NULL, build_premultiply, NULL},
    {"unpremultiply : c:vec", "Red, green and blue divided by alpha; black where that is 0.", NODE_VECTOR, NULL,
     build_unpremultiply, NULL},
    {"levels : c:vec, in_black=0, in_white=1, gamma=1, out_black=0, out_white=1",
     "The range in_black..in_white, clamped, to out_black..out_white; gamma above 1 brightens the middle (0.01 at "
     "least).",
     NODE_VECTOR, NULL, build_levels, NULL},
    {"hue_shift : c:vec, turns", "The hue turned; the greatest and the least component stay.", NODE_VECTOR, NULL,
     build_hue_shift, NULL},
    {"posterize : c:vec, *levels=4", "2 to 256 levels a component, in bands of equal width.", NODE_VECTOR, NULL,
     build_posterize, NULL},
    {"threshold : c:vec, at=0.5", "White where the luminance is above `at`, else black.", NODE_VECTOR, NULL,
     build_threshold, NULL},
    {"tint : c:vec, colour:vec, amount=1", "Multiplied by a colour, by `amount` of it; alpha stays.", NODE_VECTOR, NULL,
     build_tint, NULL},
    {"color_matrix : c:vec, *matrix=[[4 or 5 numbers] x 3 or 4]",
     "Three rows of weights of r g b a and an offset make r g b; a fourth row makes alpha.", NODE_VECTOR, NULL,
     build_color_matrix, NULL},
    {0},
};
