/* See colour_parts.h. */
#include "core/nodes/colour_parts.h"

enum status colour_check(struct build *b, const struct node_args *args, int input, bool grey_too)
{
    int dims = args->dims[input];
    if (dims >= 3 || (dims == 1 && grey_too))
        return STATUS_OK;
    return fault_add(b->fault, STATUS_BAD_GRAPH, b->pointer, 0,
                     "%s of %s is a colour: 3 components, or 4 with alpha%s; not %d", args->def->inputs[input].name,
                     args->def->name, grey_too ? ", or a number for grey" : "", dims);
}

struct colour colour_of(const struct node_args *args, int input)
{
    const struct val *v = args->vec[input];
    bool grey = args->dims[input] < 3;
    return (struct colour){{v[0], v[grey ? 0 : 1], v[grey ? 0 : 2]}};
}

struct val colour_alpha(struct build *b, const struct node_args *args, int input)
{
    return args->dims[input] == 4 ? args->vec[input][3] : b_f32(b, 1);
}

void colour_out(const struct node_args *args, struct colour colour, struct val *out)
{
    for (int i = 0; i < 3; i++)
        out[i] = colour.c[i];
    if (args->dims[0] == 4)
        out[3] = args->vec[0][3];
}

struct colour colour_each(struct build *b, struct colour x, struct val (*f)(struct build *b, struct val x))
{
    for (int i = 0; i < 3; i++)
        x.c[i] = f(b, x.c[i]);
    return x;
}

struct colour colour_transform(struct build *b, const double m[3][3], struct colour x)
{
    struct colour r;
    for (int i = 0; i < 3; i++) {
        r.c[i] = b_mulc(b, x.c[0], m[i][0]);
        for (int k = 1; k < 3; k++)
            r.c[i] = b_fma(b, x.c[k], b_const(b, b_type(b, x.c[0]), m[i][k]), r.c[i]);
    }
    return r;
}

struct val colour_luminance(struct build *b, struct colour x)
{
    struct val sum = b_mulc(b, x.c[0], 0.2126);
    sum = b_fma(b, x.c[1], b_f32(b, 0.7152), sum);
    return b_fma(b, x.c[2], b_f32(b, 0.0722), sum);
}

struct val colour_least(struct build *b, struct colour x)
{
    return b_min(b, b_min(b, x.c[0], x.c[1]), x.c[2]);
}

struct val colour_most(struct build *b, struct colour x)
{
    return b_max(b, b_max(b, x.c[0], x.c[1]), x.c[2]);
}

/* x <= .04045 ? x / 12.92 : ((x + .055) / 1.055)^2.4 */
struct val colour_to_linear(struct build *b, struct val x)
{
    struct val curve = B_CALL(b, "pow", b_fmac(b, x, 1 / 1.055, 0.055 / 1.055), b_f32(b, 2.4));
    return b_select(b, b_le(b, x, b_f32(b, 0.04045)), b_mulc(b, x, 1 / 12.92), curve);
}

/* x <= .0031308 ? 12.92 x : 1.055 x^(1/2.4) - .055 */
struct val colour_to_srgb(struct build *b, struct val x)
{
    struct val curve = b_fmac(b, B_CALL(b, "pow", x, b_f32(b, 1 / 2.4)), 1.055, -0.055);
    return b_select(b, b_le(b, x, b_f32(b, 0.0031308)), b_mulc(b, x, 12.92), curve);
}

struct val colour_hue(struct build *b, struct colour x)
{
    struct val red = x.c[0], green = x.c[1], blue = x.c[2], zero = b_f32(b, 0);
    struct val most = colour_most(b, x), chroma = b_sub(b, most, colour_least(b, x));
    struct val is_red = b_eq(b, most, red), is_green = b_eq(b, most, green);
    struct val step = b_select(b, is_green, b_sub(b, blue, red), b_sub(b, red, green));
    step = b_select(b, is_red, b_sub(b, green, blue), step);
    struct val base = b_select(b, is_red, zero, b_select(b, is_green, b_f32(b, 2), b_f32(b, 4)));
    struct val grey = b_eq(b, chroma, zero);
    struct val sixths = b_add(b, b_div(b, step, b_select(b, grey, b_f32(b, 1), chroma)), base);
    struct val hue = b_mulc(b, sixths, 1.0 / 6);
    hue = b_select(b, b_lt(b, hue, zero), b_addc(b, hue, 1), hue);
    return b_select(b, grey, zero, hue);
}

/* Red |h - 3| - 1, green 2 - |h - 2|, blue 2 - |h - 4| for h in sixths of a turn, each in 0..1. */
struct colour colour_of_hue(struct build *b, struct val hue)
{
    static const double centre[3] = {-3, -2, -4}, slope[3] = {1, -1, -1}, base[3] = {-1, 2, 2};
    struct val sixths = b_mulc(b, b_sub(b, hue, b_floor(b, hue)), 6);
    struct colour r;
    for (int i = 0; i < 3; i++)
        r.c[i] =
            b_clamp(b, b_fmac(b, b_abs(b, b_addc(b, sixths, centre[i])), slope[i], base[i]), b_f32(b, 0), b_f32(b, 1));
    return r;
}
