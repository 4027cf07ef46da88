/* labels: core */
/* Blends and Porter-Duff against the formulas of the W3C's Compositing and Blending Level 1, written here in double. */
#include <math.h>

#include "tests/support/points.h"

static double w3c_multiply(double b, double s)
{
    return b * s;
}

static double w3c_screen(double b, double s)
{
    return 1 - (1 - b) * (1 - s);
}

static double w3c_hard_light(double b, double s)
{
    return s <= 0.5 ? w3c_multiply(b, 2 * s) : w3c_screen(b, 2 * s - 1);
}

static double w3c_overlay(double b, double s)
{
    return w3c_hard_light(s, b);
}

static double w3c_color_dodge(double b, double s)
{
    return b == 0 ? 0 : s == 1 ? 1 : fmin(1, b / (1 - s));
}

static double w3c_color_burn(double b, double s)
{
    return b == 1 ? 1 : s == 0 ? 0 : 1 - fmin(1, (1 - b) / s);
}

static double w3c_soft_light(double b, double s)
{
    double d = b <= 0.25 ? ((16 * b - 12) * b + 4) * b : sqrt(b);
    return s <= 0.5 ? b - (1 - 2 * s) * b * (1 - b) : b + (2 * s - 1) * (d - b);
}

static double w3c_normal(double b, double s)
{
    (void)b;
    return s;
}

static double w3c_difference(double b, double s)
{
    return fabs(b - s);
}

static double w3c_exclusion(double b, double s)
{
    return b + s - 2 * b * s;
}

static double plain_add(double b, double s)
{
    return fmin(1, b + s);
}

static double plain_subtract(double b, double s)
{
    return fmax(0, b - s);
}

static double w3c_lum(struct rgb c)
{
    return 0.3 * c.c[0] + 0.59 * c.c[1] + 0.11 * c.c[2];
}

static double w3c_sat(struct rgb c)
{
    return fmax(c.c[0], fmax(c.c[1], c.c[2])) - fmin(c.c[0], fmin(c.c[1], c.c[2]));
}

static struct rgb w3c_clip(struct rgb c)
{
    double l = w3c_lum(c), n = fmin(c.c[0], fmin(c.c[1], c.c[2])), x = fmax(c.c[0], fmax(c.c[1], c.c[2]));
    for (int k = 0; k < 3; k++) {
        if (n < 0 && l > n)
            c.c[k] = l + (c.c[k] - l) * l / (l - n);
        if (x > 1 && x > l)
            c.c[k] = l + (c.c[k] - l) * (1 - l) / (x - l);
    }
    return c;
}

static struct rgb w3c_set_lum(struct rgb c, double l)
{
    double d = l - w3c_lum(c);
    for (int k = 0; k < 3; k++)
        c.c[k] += d;
    return w3c_clip(c);
}

/* By sorting, as the page has it. */
static struct rgb w3c_set_sat(struct rgb c, double s)
{
    int low = 0, high = 0;
    for (int k = 1; k < 3; k++) {
        if (c.c[k] < c.c[low])
            low = k;
        if (c.c[k] >= c.c[high])
            high = k;
    }
    if (c.c[high] <= c.c[low])
        return (struct rgb){{0, 0, 0}};
    int mid = 3 - low - high;
    c.c[mid] = (c.c[mid] - c.c[low]) * s / (c.c[high] - c.c[low]);
    c.c[high] = s;
    c.c[low] = 0;
    return c;
}

static struct rgb w3c_hue(struct rgb b, struct rgb s)
{
    return w3c_set_lum(w3c_set_sat(s, w3c_sat(b)), w3c_lum(b));
}

static struct rgb w3c_saturation(struct rgb b, struct rgb s)
{
    return w3c_set_lum(w3c_set_sat(b, w3c_sat(s)), w3c_lum(b));
}

static struct rgb w3c_color(struct rgb b, struct rgb s)
{
    return w3c_set_lum(s, w3c_lum(b));
}

static struct rgb w3c_luminosity(struct rgb b, struct rgb s)
{
    return w3c_set_lum(b, w3c_lum(s));
}

static const struct {
    const char *name;
    double (*each)(double b, double s);
    struct rgb (*whole)(struct rgb b, struct rgb s);
} modes[] = {
    {"normal", w3c_normal, NULL},
    {"multiply", w3c_multiply, NULL},
    {"screen", w3c_screen, NULL},
    {"overlay", w3c_overlay, NULL},
    {"darken", fmin, NULL},
    {"lighten", fmax, NULL},
    {"add", plain_add, NULL},
    {"subtract", plain_subtract, NULL},
    {"difference", w3c_difference, NULL},
    {"soft_light", w3c_soft_light, NULL},
    {"hard_light", w3c_hard_light, NULL},
    {"color_dodge", w3c_color_dodge, NULL},
    {"color_burn", w3c_color_burn, NULL},
    {"exclusion", w3c_exclusion, NULL},
    {"hue", NULL, w3c_hue},
    {"saturation", NULL, w3c_saturation},
    {"color", NULL, w3c_color},
    {"luminosity", NULL, w3c_luminosity},
};
enum { MODES = sizeof modes / sizeof *modes };

static struct rgb mixed(int mode, struct rgb b, struct rgb s)
{
    if (modes[mode].whole)
        return modes[mode].whole(b, s);
    for (int k = 0; k < 3; k++)
        b.c[k] = modes[mode].each(b.c[k], s.c[k]);
    return b;
}

/* Cs = (1 - ab) Cs + ab B(Cb, Cs); co = cs as + cb ab (1 - as); ao = as + ab (1 - as) */
static struct rgb composite(int mode, struct rgb b, double ab, struct rgb s, double as, double *ret_ao)
{
    struct rgb m = mixed(mode, b, s);
    double ao = as + ab * (1 - as);
    for (int k = 0; k < 3; k++) {
        double cs = (1 - ab) * s.c[k] + ab * m.c[k], co = cs * as + b.c[k] * ab * (1 - as);
        m.c[k] = ao > 0 ? co / ao : 0;
    }
    *ret_ao = ao;
    return m;
}

static void blends_are_those_of_w3c(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODES; mode++) {
        points_run(arena_printf(points_arena, "blend(" A4 "," B4 ",0.7,'%s')", modes[mode].name));
        for (int i = 0; i < POINTS; i++) {
            double ao;
            struct rgb want = composite(mode, points_colour(0, i), (double)points_in[3][i], points_colour(4, i),
                                        (double)points_in[7][i] * (double)0.7f, &ao);
            points_near_colour(modes[mode].name, i, want, 3e-6);
            points_near(modes[mode].name, i, 3, ao, 2e-7);
        }
    }
}

static void colours_without_alpha_are_opaque(void **state)
{
    static const struct {
        const char *text;
        bool base_alpha, top_alpha;
    } forms[] = {{"blend(" A3 "," B3 ",mode='%s')", false, false},
                 {"blend(" A4 "," B3 ",mode='%s')", true, false},
                 {"blend(" A3 "," B4 ",mode='%s')", false, true}};
    (void)state;
    for (int f = 0; f < 3; f++)
        for (int mode = 0; mode < MODES; mode++) {
            points_run(arena_printf(points_arena, forms[f].text, modes[mode].name));
            for (int i = 0; i < POINTS; i++) {
                double ao, ab = forms[f].base_alpha ? (double)points_in[3][i] : 1,
                           as = forms[f].top_alpha ? (double)points_in[7][i] : 1;
                struct rgb want = composite(mode, points_colour(0, i), ab, points_colour(4, i), as, &ao);
                points_near_colour(modes[mode].name, i, want, 3e-6);
                if (f)
                    points_near(modes[mode].name, i, 3, ao, 2e-7);
            }
            assert_int_equal(points_unset(3), f == 0);
        }
}

static void greys_blend_as_numbers(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODES; mode++) {
        points_run(arena_printf(points_arena, "blend(in.0,in.4,in.3,'%s')", modes[mode].name));
        for (int i = 0; i < POINTS; i++) {
            double ao, b = (double)points_in[0][i], s = (double)points_in[4][i];
            struct rgb want =
                composite(mode, (struct rgb){{b, b, b}}, 1, (struct rgb){{s, s, s}}, (double)points_in[3][i], &ao);
            points_near(modes[mode].name, i, 0, want.c[0], 3e-6);
        }
        assert_true(points_unset(1));
    }
}

static void opacity_is_clamped(void **state)
{
    (void)state;
    points_run("vec2(blend(0.25, in.0, in.1*4 + 1), blend(0.25, in.0, 0 - in.1))");
    for (int i = 0; i < POINTS; i++) {
        points_near("opacity above 1", i, 0, (double)points_in[0][i], 6e-8);
        points_near("opacity below 0", i, 1, 0.25, 0);
    }
}

static void porter_duff_is_that_of_w3c(void **state)
{
    static const char *const names[] = {"over", "in", "out", "atop", "xor"};
    (void)state;
    for (int op = 0; op < 5; op++) {
        points_run(arena_printf(points_arena, "over(" A4 "," B4 ",'%s')", names[op]));
        for (int i = 0; i < POINTS; i++) {
            double aa = (double)points_in[3][i], ab = (double)points_in[7][i];
            double fa[5] = {1, ab, 1 - ab, ab, 1 - ab}, fb[5] = {1 - aa, 0, 0, 1 - aa, 1 - aa};
            double ao = aa * fa[op] + ab * fb[op];
            struct rgb a = points_colour(0, i), b = points_colour(4, i);
            points_near(names[op], i, 3, ao, 2e-7);
            for (int k = 0; k < 3; k++)
                points_near(names[op], i, k, ao > 0 ? (aa * fa[op] * a.c[k] + ab * fb[op] * b.c[k]) / ao : 0, 1e-6);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blends_are_those_of_w3c),    cmocka_unit_test(colours_without_alpha_are_opaque),
        cmocka_unit_test(greys_blend_as_numbers),     cmocka_unit_test(opacity_is_clamped),
        cmocka_unit_test(porter_duff_is_that_of_w3c),
    };
    return cmocka_run_group_tests(tests, points_open, points_close);
}
