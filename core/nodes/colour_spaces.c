/* Colours between spaces; alpha passes through. `rgb` is sRGB as it is written and shown, gamma-encoded, 0..1: hsv,
 * hsl, hwb and ycbcr are rearrangements of it, lab, lch, oklab and oklch go through linear light by the sRGB curve
 * (colours that are linear go through linear_to_srgb first). Hues are turns, 0..1; a grey's is 0 (in lch and oklch any,
 * as its chroma is about 0). Results are not clipped: a colour that sRGB cannot show has components outside 0..1.
 *
 *     hsv, hsl  A. R. Smith, Color Gamut Transform Pairs, 1978; v = max, s = (max - min)/max;
 *               l = (max + min)/2, s = (max - min)/(1 - |2l - 1|)
 *     hwb       A. R. Smith, HWB, 1996, as in CSS Color 4: w = min, b = 1 - max
 *     ycbcr     ITU-R BT.601 in full range (JFIF): y = .299r + .587g + .114b,
 *               cb = (b - y)/1.772 + .5, cr = (r - y)/1.402 + .5
 *     lab       CIE 15, white D65 (x = .3127, y = .3290), l 0..100; matrices of CSS Color 4
 *     oklab     B. Ottosson, A perceptual color space for image processing, 2020 (matrices of 2021), l 0..1
 *     lch       lab in polar form, oklch oklab: c = sqrt(a^2 + b^2), h = atan2(b, a) */
#include "core/nodes/colour_parts.h"

#define TURN 6.28318530717958647693

/* A conversion from colour to colour as a node. */
#define CONVERSION(name, of)                                                                                           \
    static enum status build_##name(struct build *b, const struct node_args *args, struct val *out)                    \
    {                                                                                                                  \
        TRY(colour_check(b, args, 0, false));                                                                          \
        colour_out(args, of(b, colour_of(args, 0)), out);                                                              \
        return STATUS_OK;                                                                                              \
    }

/* x / y, and 0 where y is 0. */
static struct val ratio(struct build *b, struct val x, struct val y)
{
    struct val zero = b_f32(b, 0), none = b_eq(b, y, zero);
    return b_select(b, none, zero, b_div(b, x, b_select(b, none, b_f32(b, 1), y)));
}

static struct colour rgb_to_hsv(struct build *b, struct colour rgb)
{
    struct val most = colour_most(b, rgb);
    return (struct colour){{colour_hue(b, rgb), ratio(b, b_sub(b, most, colour_least(b, rgb)), most), most}};
}

/* v (1 - s (1 - pure)) */
static struct colour hsv_to_rgb(struct build *b, struct colour hsv)
{
    struct colour r = colour_of_hue(b, hsv.c[0]);
    for (int i = 0; i < 3; i++) {
        struct val less = b_mul(b, hsv.c[1], b_addc(b, r.c[i], -1));
        r.c[i] = b_fma(b, hsv.c[2], less, hsv.c[2]);
    }
    return r;
}

/* 1 - |2l - 1| is the lesser of the sum of the extremes and the sum of their distances from 1. */
static struct colour rgb_to_hsl(struct build *b, struct colour rgb)
{
    struct val most = colour_most(b, rgb), least = colour_least(b, rgb), sum = b_add(b, most, least);
    struct val one = b_f32(b, 1), rest = b_add(b, b_sub(b, one, most), b_sub(b, one, least)),
               room = b_min(b, sum, rest);
    return (struct colour){{colour_hue(b, rgb), ratio(b, b_sub(b, most, least), room), b_mulc(b, sum, 0.5)}};
}

/* l + s (1 - |2l - 1|)(pure - 1/2) */
static struct colour hsl_to_rgb(struct build *b, struct colour hsl)
{
    struct colour r = colour_of_hue(b, hsl.c[0]);
    struct val l = hsl.c[2], twice = b_add(b, l, l);
    struct val chroma = b_mul(b, hsl.c[1], b_min(b, twice, b_sub(b, b_f32(b, 2), twice)));
    for (int i = 0; i < 3; i++)
        r.c[i] = b_fma(b, chroma, b_addc(b, r.c[i], -0.5), l);
    return r;
}

static struct colour rgb_to_hwb(struct build *b, struct colour rgb)
{
    return (struct colour){{colour_hue(b, rgb), colour_least(b, rgb), b_sub(b, b_f32(b, 1), colour_most(b, rgb))}};
}

/* w + b >= 1 is the grey w/(w + b), else pure (1 - w - b) + w. */
static struct colour hwb_to_rgb(struct build *b, struct colour hwb)
{
    struct colour r = colour_of_hue(b, hwb.c[0]);
    struct val white = hwb.c[1], sum = b_add(b, white, hwb.c[2]), one = b_f32(b, 1);
    struct val is_grey = b_ge(b, sum, one), grey = b_div(b, white, b_select(b, is_grey, sum, one));
    struct val chroma = b_sub(b, b_sub(b, one, hwb.c[2]), white);
    for (int i = 0; i < 3; i++)
        r.c[i] = b_select(b, is_grey, grey, b_fma(b, r.c[i], chroma, white));
    return r;
}

static struct colour rgb_to_ycbcr(struct build *b, struct colour rgb)
{
    struct val y = b_mulc(b, rgb.c[0], 0.299);
    y = b_fma(b, rgb.c[1], b_f32(b, 0.587), y);
    y = b_fma(b, rgb.c[2], b_f32(b, 0.114), y);
    return (struct colour){
        {y, b_fmac(b, b_sub(b, rgb.c[2], y), 1 / 1.772, 0.5), b_fmac(b, b_sub(b, rgb.c[0], y), 1 / 1.402, 0.5)}};
}

static struct colour ycbcr_to_rgb(struct build *b, struct colour in)
{
    struct val y = in.c[0], cb = b_addc(b, in.c[1], -0.5), cr = b_addc(b, in.c[2], -0.5);
    struct val green = b_fma(b, cr, b_f32(b, -0.299 * 1.402 / 0.587), y);
    return (struct colour){{b_fma(b, cr, b_f32(b, 1.402), y), b_fma(b, cb, b_f32(b, -0.114 * 1.772 / 0.587), green),
                            b_fma(b, cb, b_f32(b, 1.772), y)}};
}

static struct val cube(struct build *b, struct val x)
{
    return b_mul(b, b_mul(b, x, x), x);
}

/* The node's cube root, and a step of Newton's with an exact remainder: lab multiplies its error by 500. */
static struct val cube_root(struct build *b, struct val x)
{
    struct val r = B_CALL(b, "cbrt", x), square = b_mul(b, r, r), low = b_fma(b, r, r, b_neg(b, square));
    struct val rest = b_fma(b, b_neg(b, square), r, x);
    rest = b_fma(b, b_neg(b, low), r, rest);
    return b_add(b, r, ratio(b, rest, b_mulc(b, square, 3)));
}

static const double rgb_to_lms[3][3] = {{0.4122214708, 0.5363325363, 0.0514459929},
                                        {0.2119034982, 0.6806995451, 0.1073969566},
                                        {0.0883024619, 0.2817188376, 0.6299787005}};
static const double lms_to_lab[3][3] = {{0.2104542553, 0.7936177850, -0.0040720468},
                                        {1.9779984951, -2.4285922050, 0.4505937099},
                                        {0.0259040371, 0.7827717662, -0.8086757660}};
static const double lab_to_lms[3][3] = {
    {1, 0.3963377774, 0.2158037573}, {1, -0.1055613458, -0.0638541728}, {1, -0.0894841775, -1.2914855480}};
static const double lms_to_rgb[3][3] = {{4.0767416621, -3.3077115913, 0.2309699292},
                                        {-1.2684380046, 2.6097574011, -0.3413193965},
                                        {-0.0041960863, -0.7034186147, 1.7076147010}};

static struct colour rgb_to_oklab(struct build *b, struct colour rgb)
{
    struct colour lms = colour_transform(b, rgb_to_lms, colour_each(b, rgb, colour_to_linear));
    return colour_transform(b, lms_to_lab, colour_each(b, lms, cube_root));
}

/* In f64 up to linear light: the differences of large terms would otherwise show in dark components, where the sRGB
 * curve is steep. */
static struct colour oklab_to_rgb(struct build *b, struct colour lab)
{
    for (int i = 0; i < 3; i++)
        lab.c[i] = b_to(b, TYPE_F64, lab.c[i]);
    struct colour lms = colour_each(b, colour_transform(b, lab_to_lms, lab), cube);
    struct colour linear = colour_transform(b, lms_to_rgb, lms);
    for (int i = 0; i < 3; i++)
        linear.c[i] = b_to(b, TYPE_F32, linear.c[i]);
    return colour_each(b, linear, colour_to_srgb);
}

/* Linear sRGB to XYZ over the white's, and back: rows sum to 1, so that greys have a = b = 0. */
#define WHITE_X (0.3127 / 0.3290)
#define WHITE_Z (0.3583 / 0.3290)
static const double rgb_to_xyz[3][3] = {
    {506752. / 1228815 / WHITE_X, 87881. / 245763 / WHITE_X, 12673. / 70218 / WHITE_X},
    {87098. / 409605, 175762. / 245763, 12673. / 175545},
    {7918. / 409605 / WHITE_Z, 87881. / 737289 / WHITE_Z, 1001167. / 1053270 / WHITE_Z}};
static const double xyz_to_rgb[3][3] = {{12831. / 3959 * WHITE_X, -329. / 214, -1974. / 3959 * WHITE_Z},
                                        {-851781. / 878810 * WHITE_X, 1648619. / 878810, 36519. / 878810 * WHITE_Z},
                                        {705. / 12673 * WHITE_X, -2585. / 12673, 705. / 667 * WHITE_Z}};
#define LAB_EDGE (216. / 24389)
#define LAB_SLOPE (24389. / 27)

/* t > (6/29)^3 ? cbrt t : (slope t + 16)/116 */
static struct val lab_curve(struct build *b, struct val t)
{
    struct val line = b_fmac(b, t, LAB_SLOPE / 116, 16. / 116);
    return b_select(b, b_gt(b, t, b_f32(b, LAB_EDGE)), cube_root(b, t), line);
}

static struct val lab_curve_back(struct build *b, struct val f)
{
    struct val line = b_fmac(b, f, 116 / LAB_SLOPE, -16 / LAB_SLOPE);
    return b_select(b, b_gt(b, f, b_f32(b, 6. / 29)), cube(b, f), line);
}

static struct colour rgb_to_lab(struct build *b, struct colour rgb)
{
    struct colour xyz = colour_transform(b, rgb_to_xyz, colour_each(b, rgb, colour_to_linear));
    struct colour f = colour_each(b, xyz, lab_curve);
    return (struct colour){{b_fmac(b, f.c[1], 116, -16), b_mulc(b, b_sub(b, f.c[0], f.c[1]), 500),
                            b_mulc(b, b_sub(b, f.c[1], f.c[2]), 200)}};
}

static struct colour lab_to_rgb(struct build *b, struct colour lab)
{
    struct val y = b_fmac(b, lab.c[0], 1. / 116, 16. / 116);
    struct colour f = {{b_fma(b, lab.c[1], b_f32(b, 1. / 500), y), y, b_fma(b, lab.c[2], b_f32(b, -1. / 200), y)}};
    struct colour xyz = colour_each(b, f, lab_curve_back);
    return colour_each(b, colour_transform(b, xyz_to_rgb, xyz), colour_to_srgb);
}

static struct colour to_polar(struct build *b, struct colour lab)
{
    struct val x = lab.c[1], y = lab.c[2];
    struct val turns = b_mulc(b, B_CALL(b, "atan2", y, x), 1 / TURN);
    turns = b_select(b, b_lt(b, turns, b_f32(b, 0)), b_addc(b, turns, 1), turns);
    return (struct colour){{lab.c[0], b_sqrt(b, b_fma(b, x, x, b_mul(b, y, y))), turns}};
}

static struct colour from_polar(struct build *b, struct colour lch)
{
    struct val angle = b_mulc(b, b_sub(b, lch.c[2], b_rint(b, lch.c[2])), TURN);
    return (struct colour){
        {lch.c[0], b_mul(b, lch.c[1], B_CALL(b, "cos", angle)), b_mul(b, lch.c[1], B_CALL(b, "sin", angle))}};
}

CONVERSION(rgb_to_hsv, rgb_to_hsv)
CONVERSION(hsv_to_rgb, hsv_to_rgb)
CONVERSION(rgb_to_hsl, rgb_to_hsl)
CONVERSION(hsl_to_rgb, hsl_to_rgb)
CONVERSION(rgb_to_hwb, rgb_to_hwb)
CONVERSION(hwb_to_rgb, hwb_to_rgb)
CONVERSION(rgb_to_ycbcr, rgb_to_ycbcr)
CONVERSION(ycbcr_to_rgb, ycbcr_to_rgb)
CONVERSION(rgb_to_oklab, rgb_to_oklab)
CONVERSION(oklab_to_rgb, oklab_to_rgb)
CONVERSION(rgb_to_lab, rgb_to_lab)
CONVERSION(lab_to_rgb, lab_to_rgb)

#define POLAR(b, colour) to_polar(b, rgb_to_lab(b, colour))
#define POLAR_OK(b, colour) to_polar(b, rgb_to_oklab(b, colour))
#define FROM_POLAR(b, colour) lab_to_rgb(b, from_polar(b, colour))
#define FROM_POLAR_OK(b, colour) oklab_to_rgb(b, from_polar(b, colour))
CONVERSION(rgb_to_lch, POLAR)
CONVERSION(lch_to_rgb, FROM_POLAR)
CONVERSION(rgb_to_oklch, POLAR_OK)
CONVERSION(oklch_to_rgb, FROM_POLAR_OK)

extern const struct node_row colour_spaces_rows[];
const struct node_row colour_spaces_rows[] = {
    {"rgb_to_hsv : c:vec", "Hue in turns, saturation, value.", NODE_VECTOR, NULL, build_rgb_to_hsv, NULL},
    {"hsv_to_rgb : c:vec", "From hue in turns, saturation, value.", NODE_VECTOR, NULL, build_hsv_to_rgb, NULL},
    {"rgb_to_hsl : c:vec", "Hue in turns, saturation, lightness.", NODE_VECTOR, NULL, build_rgb_to_hsl, NULL},
    {"hsl_to_rgb : c:vec", "From hue in turns, saturation, lightness.", NODE_VECTOR, NULL, build_hsl_to_rgb, NULL},
    {"rgb_to_hwb : c:vec", "Hue in turns, whiteness, blackness.", NODE_VECTOR, NULL, build_rgb_to_hwb, NULL},
    {"hwb_to_rgb : c:vec", "From hue in turns, whiteness, blackness.", NODE_VECTOR, NULL, build_hwb_to_rgb, NULL},
    {"rgb_to_oklab : c:vec", "Oklab of an sRGB colour: lightness 0..1, a and b about -0.4..0.4.", NODE_VECTOR, NULL,
     build_rgb_to_oklab, NULL},
    {"oklab_to_rgb : c:vec", "The sRGB colour of Oklab; outside 0..1 when sRGB cannot show it.", NODE_VECTOR, NULL,
     build_oklab_to_rgb, NULL},
    {"rgb_to_oklch : c:vec", "Oklab of an sRGB colour as lightness, chroma and hue in turns.", NODE_VECTOR, NULL,
     build_rgb_to_oklch, NULL},
    {"oklch_to_rgb : c:vec", "The sRGB colour of Oklab's lightness, chroma and hue in turns.", NODE_VECTOR, NULL,
     build_oklch_to_rgb, NULL},
    {"rgb_to_lab : c:vec", "CIELAB (D65) of an sRGB colour: lightness 0..100, a and b about -110..110.", NODE_VECTOR,
     NULL, build_rgb_to_lab, NULL},
    {"lab_to_rgb : c:vec", "The sRGB colour of CIELAB (D65); outside 0..1 when sRGB cannot show it.", NODE_VECTOR, NULL,
     build_lab_to_rgb, NULL},
    {"rgb_to_lch : c:vec", "CIELAB (D65) of an sRGB colour as lightness 0..100, chroma and hue in turns.", NODE_VECTOR,
     NULL, build_rgb_to_lch, NULL},
    {"lch_to_rgb : c:vec", "The sRGB colour of CIELAB's lightness 0..100, chroma and hue in turns.", NODE_VECTOR, NULL,
     build_lch_to_rgb, NULL},
    {"rgb_to_ycbcr : c:vec", "Luma and two colour differences around 0.5: BT.601 in full range.", NODE_VECTOR, NULL,
     build_rgb_to_ycbcr, NULL},
    {"ycbcr_to_rgb : c:vec", "From luma and two colour differences around 0.5: BT.601 in full range.", NODE_VECTOR,
     NULL, build_ycbcr_to_rgb, NULL},
    {0},
};
