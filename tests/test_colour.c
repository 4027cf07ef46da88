/* labels: core */
/* Colour spaces against references in double, published values and their own way back; adjustments and distortions
 * against their definitions. References are written here from the sources, not from the nodes. */
#include <math.h>
#include <string.h>

#include "api/json/json.h"
#include "core/lower.h"
#include "tests/support/points.h"

/* --- spaces */

static double decoded(double c)
{
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double encoded(double c)
{
    return c <= 0.0031308 ? 12.92 * c : 1.055 * pow(c, 1 / 2.4) - 0.055;
}

/* Greatest component less the least. */
static double spread(struct rgb c)
{
    return fmax(c.c[0], fmax(c.c[1], c.c[2])) - fmin(c.c[0], fmin(c.c[1], c.c[2]));
}

static double hexagon(struct rgb c)
{
    double x = fmax(c.c[0], fmax(c.c[1], c.c[2])), d = spread(c);
    if (d == 0)
        return 0;
    double h = x == c.c[0]   ? (c.c[1] - c.c[2]) / d
               : x == c.c[1] ? 2 + (c.c[2] - c.c[0]) / d
                             : 4 + (c.c[0] - c.c[1]) / d;
    return h < 0 ? h / 6 + 1 : h / 6;
}

static struct rgb ref_hsv(struct rgb c)
{
    double v = fmax(c.c[0], fmax(c.c[1], c.c[2]));
    return (struct rgb){{hexagon(c), v > 0 ? spread(c) / v : 0, v}};
}

static struct rgb ref_hsl(struct rgb c)
{
    double x = fmax(c.c[0], fmax(c.c[1], c.c[2])), l = x - spread(c) / 2, room = 1 - fabs(2 * l - 1);
    return (struct rgb){{hexagon(c), room > 0 ? spread(c) / room : 0, l}};
}

static struct rgb ref_hwb(struct rgb c)
{
    double x = fmax(c.c[0], fmax(c.c[1], c.c[2]));
    return (struct rgb){{hexagon(c), x - spread(c), 1 - x}};
}

/* The matrix of JFIF 1.02, as printed there to four or five digits. */
static struct rgb ref_ycbcr(struct rgb c)
{
    return (struct rgb){{0.299 * c.c[0] + 0.587 * c.c[1] + 0.114 * c.c[2],
                         -0.168736 * c.c[0] - 0.331264 * c.c[1] + 0.5 * c.c[2] + 0.5,
                         0.5 * c.c[0] - 0.418688 * c.c[1] - 0.081312 * c.c[2] + 0.5}};
}

static double det(const double m[3][3])
{
    double d = 0;
    for (int k = 0; k < 3; k++)
        d += m[0][k] * (m[1][(k + 1) % 3] * m[2][(k + 2) % 3] - m[1][(k + 2) % 3] * m[2][(k + 1) % 3]);
    return d;
}

/* XYZ of linear sRGB from the chromaticities of ITU-R BT.709 and D65: columns are scaled so that white is white. */
static struct rgb to_xyz(struct rgb linear, struct rgb *ret_white)
{
    static const double xy[4][2] = {{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}, {0.3127, 0.3290}};
    double m[3][3], white[3];
    for (int k = 0; k < 4; k++) {
        double column[3] = {xy[k][0] / xy[k][1], 1, (1 - xy[k][0] - xy[k][1]) / xy[k][1]};
        for (int i = 0; i < 3; i++)
            *(k < 3 ? &m[i][k] : &white[i]) = column[i];
    }
    struct rgb xyz = {{0, 0, 0}};
    for (int k = 0; k < 3; k++) { /* Cramer */
        double with[3][3];
        memcpy(with, m, sizeof m);
        for (int i = 0; i < 3; i++)
            with[i][k] = white[i];
        for (int i = 0; i < 3; i++)
            xyz.c[i] += m[i][k] * (det(with) / det(m)) * linear.c[k];
    }
    *ret_white = (struct rgb){{white[0], white[1], white[2]}};
    return xyz;
}

static double lab_f(double t)
{
    double d = 6.0 / 29;
    return t > d * d * d ? cbrt(t) : t / (3 * d * d) + 4.0 / 29;
}

static struct rgb ref_lab(struct rgb c)
{
    struct rgb white, linear = {{decoded(c.c[0]), decoded(c.c[1]), decoded(c.c[2])}}, xyz = to_xyz(linear, &white);
    double x = lab_f(xyz.c[0] / white.c[0]), y = lab_f(xyz.c[1] / white.c[1]), z = lab_f(xyz.c[2] / white.c[2]);
    return (struct rgb){{116 * y - 16, 500 * (x - y), 200 * (y - z)}};
}

/* Ottosson's own way, through XYZ. */
static struct rgb ref_oklab(struct rgb c)
{
    static const double m1[3][3] = {{0.8189330101, 0.3618667424, -0.1288597137},
                                    {0.0329845436, 0.9293118715, 0.0361456387},
                                    {0.0482003018, 0.2643662691, 0.6338517070}};
    static const double m2[3][3] = {{0.2104542553, 0.7936177850, -0.0040720468},
                                    {1.9779984951, -2.4285922050, 0.4505937099},
                                    {0.0259040371, 0.7827717662, -0.8086757660}};
    struct rgb white, linear = {{decoded(c.c[0]), decoded(c.c[1]), decoded(c.c[2])}}, xyz = to_xyz(linear, &white);
    struct rgb lms = {{0, 0, 0}}, lab = {{0, 0, 0}};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            lms.c[i] += m1[i][k] * xyz.c[k];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            lab.c[i] += m2[i][k] * cbrt(lms.c[k]);
    return lab;
}

static struct rgb polar(struct rgb lab)
{
    double h = atan2(lab.c[2], lab.c[1]) / (2 * acos(-1));
    return (struct rgb){{lab.c[0], hypot(lab.c[1], lab.c[2]), h < 0 ? h + 1 : h}};
}

static struct rgb ref_lch(struct rgb c)
{
    return polar(ref_lab(c));
}

static struct rgb ref_oklch(struct rgb c)
{
    return polar(ref_oklab(c));
}

/* Oklab's two published matrices agree to about 4 digits only: its exact check is the published colours'. */
static const struct {
    const char *name;
    struct rgb (*reference)(struct rgb c);
    double tolerance;
    int hue; /* component, -1: none */
} spaces[] = {
    {"hsv", ref_hsv, 1e-6, 0},      {"hsl", ref_hsl, 1e-6, 0},     {"hwb", ref_hwb, 1e-6, 0},
    {"ycbcr", ref_ycbcr, 1e-6, -1}, {"lab", ref_lab, 1e-4, -1},    {"oklab", ref_oklab, 3e-4, -1},
    {"lch", ref_lch, 1e-4, 2},      {"oklch", ref_oklch, 6e-4, 2},
};
enum { SPACES = sizeof spaces / sizeof *spaces };

/* Hues are compared round the circle, and by the length of the arc where the space is polar. */
static void near_in_space(int s, int i, struct rgb want)
{
    for (int k = 0; k < 3; k++) {
        double off = fabs((double)points_out[k][i] - want.c[k]);
        if (k == spaces[s].hue) {
            off = fmin(off, 1 - off) * (k ? 6.2832 * want.c[1] : 1);
            assert_true(points_out[k][i] >= 0 && points_out[k][i] <= 1);
        }
        if (!(off <= spaces[s].tolerance))
            points_near(spaces[s].name, i, k, want.c[k], 0);
    }
}

static void spaces_match_references(void **state)
{
    (void)state;
    for (int s = 0; s < SPACES; s++) {
        points_run(arena_printf(points_arena, "rgb_to_%s(" A3 ")", spaces[s].name));
        for (int i = 0; i < POINTS; i++)
            near_in_space(s, i, spaces[s].reference(points_colour(0, i)));
        assert_true(points_unset(3));
    }
}

static void spaces_lead_back(void **state)
{
    (void)state;
    for (int s = 0; s < SPACES; s++) {
        points_run(arena_printf(points_arena, "%s_to_rgb(rgb_to_%s(" A4 "))", spaces[s].name, spaces[s].name));
        for (int i = 0; i < POINTS; i++) {
            points_near_colour(spaces[s].name, i, points_colour(0, i), 2e-5);
            points_near(spaces[s].name, i, 3, (double)points_in[3][i], 0);
        }
    }
}

/* The way back alone, so that two mistakes cannot cancel: colours given by the reference in double. */
static void spaces_are_left_as_they_were_entered(void **state)
{
    static float saved[3][POINTS];
    (void)state;
    for (int k = 0; k < 3; k++)
        memcpy(saved[k], points_in[k], sizeof saved[k]);
    for (int s = 0; s < SPACES; s++) {
        for (int i = 0; i < POINTS; i++) {
            struct rgb c = {{(double)saved[0][i], (double)saved[1][i], (double)saved[2][i]}},
                       to = spaces[s].reference(c);
            for (int k = 0; k < 3; k++)
                points_in[k][i] = (float)to.c[k];
        }
        points_run(arena_printf(points_arena, "%s_to_rgb(" A3 ")", spaces[s].name));
        for (int i = 0; i < POINTS; i++) {
            struct rgb c = {{(double)saved[0][i], (double)saved[1][i], (double)saved[2][i]}};
            points_near_colour(spaces[s].name, i, c, strncmp(spaces[s].name, "ok", 2) ? 4e-5 : 4e-3);
        }
    }
    for (int k = 0; k < 3; k++)
        memcpy(points_in[k], saved[k], sizeof saved[k]);
}

static void colours_have_their_published_values(void **state)
{
    static const struct {
        const char *text;
        double want[3], tolerance;
    } known[] = {
        /* sRGB primaries in Oklab, as CSS Color 4 implementations print them */
        {"rgb_to_oklab(vec3(1,0,0))", {0.62796, 0.22486, 0.12585}, 1e-5},
        {"rgb_to_oklab(vec3(0,1,0))", {0.86644, -0.23389, 0.17950}, 1e-5},
        {"rgb_to_oklab(vec3(0,0,1))", {0.45201, -0.03246, -0.31153}, 1e-5},
        {"rgb_to_oklab(vec3(1,1,1))", {1, 0, 0}, 1e-6},
        {"rgb_to_oklch(vec3(1,0,0))", {0.62796, 0.25768, 29.23 / 360}, 2e-5},
        /* CIELAB of the sRGB primaries under D65 */
        {"rgb_to_lab(vec3(1,0,0))", {53.24, 80.09, 67.20}, 0.02},
        {"rgb_to_lab(vec3(0,1,0))", {87.73, -86.18, 83.18}, 0.02},
        {"rgb_to_lab(vec3(0,0,1))", {32.30, 79.19, -107.86}, 0.02},
        {"rgb_to_lab(vec3(1,1,1))", {100, 0, 0}, 1e-4},
        {"rgb_to_lab(vec3(128/255,128/255,128/255))", {53.585, 0, 0}, 1e-3},
        {"rgb_to_lch(vec3(0,0,1))", {32.30, 133.81, 306.28 / 360}, 0.02},
        /* by hand */
        {"rgb_to_hsv(vec3(1,0.5,0))", {1.0 / 12, 1, 1}, 1e-7},
        {"rgb_to_hsl(vec3(0.25,0.75,0.75))", {0.5, 0.5, 0.5}, 1e-7},
        {"hsl_to_rgb(vec3(2/3,1,0.75))", {0.5, 0.5, 1}, 3e-7},
        {"hsv_to_rgb(vec3(-1/3,0.5,0.8))", {0.4, 0.4, 0.8}, 3e-7},
        {"rgb_to_hwb(vec3(0.2,0.6,0.2))", {1.0 / 3, 0.2, 0.4}, 1e-7},
        {"hwb_to_rgb(vec3(0.3,0.9,0.6))", {0.6, 0.6, 0.6}, 1e-7},
        {"rgb_to_ycbcr(vec3(0,0,1))", {0.114, 1, 0.5 - 0.114 / 1.402}, 1e-7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        points_run(known[i].text);
        for (int k = 0; k < 3; k++)
            if (!(fabs((double)points_out[k][0] - known[i].want[k]) <= known[i].tolerance))
                fail_msg("%s: component %d is %.8g, not %g", known[i].text, k, (double)points_out[k][0],
                         known[i].want[k]);
    }
}

static void the_srgb_curve_is_that_of_iec_61966(void **state)
{
    (void)state;
    points_run(
        "vec4(srgb_to_linear(in.0), linear_to_srgb(in.0), linear_to_srgb(srgb_to_linear(in.0)), srgb_to_linear(1) + "
        "linear_to_srgb(1))");
    for (int i = 0; i < POINTS; i++) {
        points_near("srgb_to_linear", i, 0, decoded((double)points_in[0][i]), 4e-7);
        points_near("linear_to_srgb", i, 1, encoded((double)points_in[0][i]), 4e-7);
        points_near("there and back", i, 2, (double)points_in[0][i], 1e-6);
        points_near("ends", i, 3, 2, 3e-7);
    }
}

/* --- adjustments */

static void alpha_passes_through(void **state)
{
    static const char *const calls[] = {"invert(%s)",        "srgb_to_linear(%s)", "linear_to_srgb(%s)",
                                        "premultiply(%s)",   "unpremultiply(%s)",  "levels(%s,0.1,0.8,2)",
                                        "hue_shift(%s,0.3)", "posterize(%s)",      "threshold(%s)",
                                        "tint(%s," B3 ")",   "tint(%s," B4 ")"};
    (void)state;
    for (size_t n = 0; n < sizeof calls / sizeof *calls; n++) {
        points_run(arena_printf(points_arena, calls[n], A4));
        for (int i = 0; i < POINTS; i++)
            points_near(calls[n], i, 3, (double)points_in[3][i], 0);
    }
    points_run("tint(" A3 "," B4 ")");
    points_near("tint by a colour with alpha", 0, 3, 1, 0);
}

static void invert_twice_is_identity(void **state)
{
    (void)state;
    points_run("invert(invert(" A4 "))");
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < 4; k++) {
            bool eight_bits = points_in[k][i] * 256 == floorf(points_in[k][i] * 256);
            points_near("invert", i, k, (double)points_in[k][i], eight_bits || k == 3 ? 0 : 0x1p-24);
        }
    points_run("invert(" A3 ")");
    for (int i = 0; i < POINTS; i++)
        points_near("invert", i, 1, 1 - (double)points_in[1][i], 0x1p-25);
}

static void alpha_is_multiplied_in_and_out(void **state)
{
    (void)state;
    points_run("premultiply(" A4 ")");
    for (int i = 0; i < POINTS; i++)
        points_near("premultiply", i, 2, (double)points_in[2][i] * (double)points_in[3][i], 0x1p-24);
    points_run("unpremultiply(premultiply(" A4 "))");
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < 3; k++)
            points_near("unpremultiply", i, k, points_in[3][i] > 0 ? (double)points_in[k][i] : 0, 2e-7);
    points_run("unpremultiply(vec4(in.0,in.1,in.2,in.3*0))");
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < 4; k++)
            points_near("alpha 0", i, k, 0, 0);
}

static void luminance_weighs_red_green_and_blue(void **state)
{
    (void)state;
    points_run("luminance(" A4 ")");
    for (int i = 0; i < POINTS; i++)
        points_near("luminance", i, 0,
                    0.2126 * (double)points_in[0][i] + 0.7152 * (double)points_in[1][i] +
                        0.0722 * (double)points_in[2][i],
                    2e-7);
    assert_true(points_unset(1));
}

static void levels_map_one_range_to_another(void **state)
{
    (void)state;
    points_run("levels(" A3 ",0.2,0.7,1.8,0.9,0.1)");
    for (int i = 0; i < POINTS; i++) {
        double t = fmin(1, fmax(0, ((double)points_in[1][i] - 0.2) / 0.5));
        points_near("levels", i, 1, 0.9 - 0.8 * pow(t, 1 / 1.8), 2e-6);
    }
    points_run("levels(" A3 ")");
    for (int i = 0; i < POINTS; i++)
        points_near_colour("levels at its defaults", i, points_colour(0, i), 0);
    points_run("levels(vec3(0.25,0.5,0.75),0.5,0.5)");
    points_near_colour("black point at the white point", 0, (struct rgb){{0, 0, 1}}, 0);
    points_run("levels(" A3 ",gamma=0 - in.4)");
    for (int i = 0; i < POINTS; i++)
        assert_true(points_out[0][i] >= 0 && points_out[0][i] <= 1);
}

static void hues_turn(void **state)
{
    (void)state;
    points_run("hue_shift(" A3 ",-2/3)");
    for (int i = 0; i < POINTS; i++) {
        struct rgb c = points_colour(0, i), want = {{c.c[2], c.c[0], c.c[1]}};
        points_near_colour("a third of a turn rotates the components", i, want, 1e-6);
    }
    points_run("hue_shift(vec3(1,0.5,0),0.25)");
    points_near_colour("a quarter of a turn", 0, (struct rgb){{0, 1, 0}}, 1e-6);
}

static void posterize_has_bands_of_equal_width(void **state)
{
    int seen[4] = {0};
    (void)state;
    points_run("posterize(" A3 ")");
    for (int i = 0; i < POINTS; i++) {
        double band = fmin(3, floor(4 * (double)points_in[0][i]));
        points_near("posterize", i, 0, band / 3, 1e-7);
        seen[(int)band] += points_in[0][i] != 1;
    }
    for (int k = 0; k < 4; k++)
        assert_true(seen[k] > POINTS / 6);
    points_run("posterize(" A3 "*3 - vec3(1,1,1),levels=2)");
    for (int i = 0; i < POINTS; i++)
        points_near("two levels", i, 0, points_in[0][i] * 3 - 1 >= 0.5f, 0);
}

static void threshold_goes_by_luminance(void **state)
{
    (void)state;
    points_run("threshold(" A3 ",at=0.4)");
    for (int i = 0; i < POINTS; i++) {
        double l =
            0.2126 * (double)points_in[0][i] + 0.7152 * (double)points_in[1][i] + 0.0722 * (double)points_in[2][i];
        for (int k = 0; k < 3 && fabs(l - 0.4) > 1e-6; k++)
            points_near("threshold", i, k, l > 0.4, 0);
    }
    points_run("threshold(in.0)");
    for (int i = 0; i < POINTS; i++)
        points_near("threshold of a grey", i, 0, points_in[0][i] > 0.5f, 0);
}

static void tint_multiplies(void **state)
{
    (void)state;
    points_run("tint(" A3 "," B3 ",in.3)");
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < 3; k++) {
            double c = (double)points_in[k][i], by = (double)points_in[k + 4][i], amount = (double)points_in[3][i];
            points_near("tint", i, k, c * (1 - amount + amount * by), 2e-7);
        }
}

static void matrices_are_applied_by_rows(void **state)
{
    static const double m[4][5] = {
        {0.5, 0.25, 0, 0.125, 0}, {-1, 0.5, 2, 0, 0.75}, {0, 0, 0, 1, 0}, {0.25, 0.25, 0.25, 0, 1}};
    static const char nodes[] = "\"m\":{\"op\":\"color_matrix\",\"c\":\"" A4 "\",\"matrix\":[[0.5,0.25,0,0.125],"
                                "[-1,0.5,2,0,0.75],[0,0,0,1],[0.25,0.25,0.25,0,1]]},"
                                "\"n\":{\"op\":\"color_matrix\",\"c\":\"" A3 "\",\"matrix\":[[0.5,0.25,0,0.125],"
                                "[-1,0.5,2,0,0.75],[0,0,0,1]]}";
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        points_run_with(nodes, pass ? "n" : "m");
        for (int i = 0; i < POINTS; i++)
            for (int k = 0; k < (pass ? 3 : 4); k++) {
                double want = m[k][4] + m[k][3] * (pass ? 1 : (double)points_in[3][i]);
                for (int j = 0; j < 3; j++)
                    want += m[k][j] * (double)points_in[j][i];
                points_near("color_matrix", i, k, want, 5e-7);
            }
        assert_int_equal(points_unset(3), pass);
    }
}

static enum status refusal(const char *nodes, const char *text, struct fault *fault)
{
    const struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
    const struct json_limits size = {.max_bytes = 1 << 20, .max_depth = 64};
    struct lowered lowered;
    struct datum *root;
    struct graph *g;
    char *json = arena_printf(points_arena, "{\"version\":1,\"nodes\":{%s},\"output\":[\"%s\"]}", nodes, text);
    fault_init(fault, points_arena);
    TRY(json_read(json, strlen(json), &size, points_arena, &root, fault));
    TRY(graph_read(root, &limits, points_arena, &g, fault));
    return lower(g, (struct layout){GRAPH_FIELD, 0}, &limits, points_arena, &lowered, fault);
}

static void what_is_no_colour_is_refused(void **state)
{
    static const char *const texts[] = {"rgb_to_hsv(x)",      "lab_to_rgb(vec2(x,y))",        "invert(vec2(x,y))",
                                        "blend(vec2(x,y),1)", "blend(vec3(x,y,1),vec2(x,y))", "over(x,vec2(x,y))",
                                        "tint(x,vec2(x,y))",  "blend(x,y,mode='burnt')",      "posterize(x,levels=1)"};
    static const char *const matrices[] = {"[]", "[[1,0,0,0],[0,1,0,0]]", "[[1,0,0],[0,1,0],[0,0,1]]",
                                           "[[1,0,0,0],[0,1,0,0],[0,0,1,'x']]",
                                           "[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]"};
    struct fault fault;
    (void)state;
    if (ARENA_GUARD(points_arena))
        fail_msg("the arena is too small for the test");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (refusal("", texts[i], &fault) == STATUS_OK)
            fail_msg("%s is taken", texts[i]);
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        char *node = arena_printf(points_arena, "\"m\":{\"op\":\"color_matrix\",\"c\":\"vec3(x,y,1)\",\"matrix\":%s}",
                                  matrices[i]);
        for (char *c = node; *c; c++)
            if (*c == '\'')
                *c = '"';
        if (refusal(node, "m", &fault) != STATUS_BAD_GRAPH || strcmp(fault.items[0].pointer, "/nodes/m/matrix"))
            fail_msg("%s: %s", matrices[i], fault.count ? fault.items[0].pointer : "taken");
    }
}

/* --- coordinates of images */

static void distortions_follow_their_formulas(void **state)
{
    (void)state;
    points_run("vec4(lens(in.0,in.1,0.3).u, lens(in.0,in.1,-0.5).v, wave(in.0,in.1).u, wave(in.0,in.1,0.1,3,0.25).v)");
    for (int i = 0; i < POINTS; i++) {
        double u = (double)points_in[0][i], v = (double)points_in[1][i],
               r2 = (u - 0.5) * (u - 0.5) + (v - 0.5) * (v - 0.5);
        points_near("lens", i, 0, 0.5 + (u - 0.5) * (1 + 0.3 * r2), 2e-7);
        points_near("lens", i, 1, 0.5 + (v - 0.5) * (1 - 0.5 * r2), 2e-7);
        points_near("wave", i, 2, u + 0.02 * sin(8 * acos(-1) * v), 2e-7);
        points_near("wave", i, 3, v + 0.1 * cos(6 * acos(-1) * u), 5e-7);
    }
}

static void spherize_bulges_pinches_and_stays_whole(void **state)
{
    (void)state;
    points_run("vec4(spherize(in.0,in.1,radius=0.4).u, spherize(in.0,in.1,radius=0.4).v, "
               "spherize(in.0,in.1,-0.5,0.4).u, spherize(in.0,in.1,1,0).v)");
    for (int i = 0; i < POINTS; i++) {
        double u = (double)points_in[0][i] - 0.5, v = (double)points_in[1][i] - 0.5, r = hypot(u, v) / 0.4,
               pi = acos(-1);
        double bulge = r > 0 && r < 1 ? asin(r) * 2 / pi / r : 1,
               pinch = r > 0 && r < 1 ? (1 + sin(r * pi / 2) / r) / 2 : 1;
        points_near("bulge", i, 0, 0.5 + u * bulge, 1e-6 + 2e-7 / sqrt(fabs(1 - r) + 1e-6));
        points_near("pinch", i, 2, 0.5 + u * pinch, 1e-6);
        points_near("radius 0", i, 3, 0.5 + v, 6e-8);
    }
    points_run(
        "let a = spherize(in.0,in.1).u; let b = spherize(in.0,in.1).v; vec2(spherize(a,b,-1).u, spherize(a,b,-1).v)");
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < 2; k++)
            points_near("a pinch undoes a bulge", i, k, (double)points_in[k][i], 2e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spaces_match_references),
        cmocka_unit_test(spaces_lead_back),
        cmocka_unit_test(spaces_are_left_as_they_were_entered),
        cmocka_unit_test(colours_have_their_published_values),
        cmocka_unit_test(the_srgb_curve_is_that_of_iec_61966),
        cmocka_unit_test(alpha_passes_through),
        cmocka_unit_test(invert_twice_is_identity),
        cmocka_unit_test(alpha_is_multiplied_in_and_out),
        cmocka_unit_test(luminance_weighs_red_green_and_blue),
        cmocka_unit_test(levels_map_one_range_to_another),
        cmocka_unit_test(hues_turn),
        cmocka_unit_test(posterize_has_bands_of_equal_width),
        cmocka_unit_test(threshold_goes_by_luminance),
        cmocka_unit_test(tint_multiplies),
        cmocka_unit_test(matrices_are_applied_by_rows),
        cmocka_unit_test(what_is_no_colour_is_refused),
        cmocka_unit_test(distortions_follow_their_formulas),
        cmocka_unit_test(spherize_bulges_pinches_and_stays_whole),
    };
    return cmocka_run_group_tests(tests, points_open, points_close);
}
