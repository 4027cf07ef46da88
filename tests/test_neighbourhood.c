/* labels: core */
/* Neighbourhood passes, against sums written out in f64. The image they run over is a picture sampled at its own
 * size, which copies it. */
#include "tests/support/field.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const char *const wraps[] = {"repeat", "clamp", "mirror", "constant"};
static const char *const parts[] = {"p.r", "vec2(p.r, p.g)", "p.rgb", "p"};
enum { WIDTH = 18, HEIGHT = 11, PIXELS = WIDTH * HEIGHT };
static float picture[4 * PIXELS];

static struct field field_of(struct arena *a)
{
    uint64_t random = 9;
    for (int i = 0; i < 4 * PIXELS; i++)
        picture[i] = (float)test_random(&random) * 0x1p-32f;
    return (struct field){.arena = a, .width = WIDTH, .height = HEIGHT, .images = {{"a", WIDTH, HEIGHT, picture}}};
}

/* A graph of the picture p and the node n, whose members after "op" are `node`. */
static const char *graph_of(struct arena *a, const char *node, const char *output)
{
    return arena_printf(a,
                        "{\"version\":1,\"params\":{\"k\":2.3},\"nodes\":{\"p\":{\"op\":\"image\",\"name\":\"a\","
                        "\"u\":\"u\",\"v\":\"v\"},\"n\":{\"op\":%s}},\"output\":[%s]}",
                        node, output);
}

/* Component c of the picture, beyond its borders too. */
struct source {
    int c;
    const char *wrap;
};

static double at(const struct source *s, int x, int y)
{
    x = field_edge(x, WIDTH, s->wrap);
    y = field_edge(y, HEIGHT, s->wrap);
    return x < 0 || y < 0 ? 0 : (double)picture[s->c * PIXELS + y * WIDTH + x];
}

static double weighed(const struct source *s, int x, int y, const double *k, int columns, int rows)
{
    double sum = 0;
    for (int j = 0; j < rows; j++)
        for (int i = 0; i < columns; i++)
            sum += k[j * columns + i] * at(s, x + i - columns / 2, y + j - rows / 2);
    return sum;
}

static double gauss(const struct source *s, int x, int y, double sigma)
{
    int r = (int)ceil(3 * sigma);
    double sum = 0, whole = 0;
    for (int j = -r; j <= r; j++)
        for (int i = -r; i <= r; i++) {
            double w = sigma > 0 ? exp(-(i * i + j * j) / (2 * sigma * sigma)) : 1;
            sum += w * at(s, x + i, y + j);
            whole += w;
        }
    return sum / whole;
}

static double extreme(const struct source *s, int x, int y, int r, double sign)
{
    double most = -1e9;
    for (int j = -r; j <= r; j++)
        for (int i = -r; i <= r; i++)
            most = fmax(most, sign * at(s, x + i, y + j));
    return sign * most;
}

static double box(const struct source *s, int x, int y, int r)
{
    double sum = 0;
    for (int j = -r; j <= r; j++)
        for (int i = -r; i <= r; i++)
            sum += at(s, x + i, y + j);
    return sum / ((2 * r + 1) * (2 * r + 1));
}

static const double laplace[] = {0, 1, 0, 1, -4, 1, 0, 1, 0}, relief[] = {-2, -1, 0, -1, 1, 1, 0, 1, 2};
static const double sobel_x[] = {-1, 0, 1, -2, 0, 2, -1, 0, 1}, sobel_y[] = {-1, -2, -1, 0, 0, 0, 1, 2, 1};

static double blur_plain(const struct source *s, int x, int y)
{
    return gauss(s, x, y, 2);
}

static double blur_none(const struct source *s, int x, int y)
{
    return gauss(s, x, y, 0);
}

static double blur_little(const struct source *s, int x, int y)
{
    return gauss(s, x, y, 0.3);
}

static double blur_wide(const struct source *s, int x, int y) /* reaches round the picture more than once */
{
    return gauss(s, x, y, 13.1);
}

static double box_1(const struct source *s, int x, int y)
{
    return box(s, x, y, 1);
}

static double box_14(const struct source *s, int x, int y)
{
    return box(s, x, y, 14);
}

static double dilate_2(const struct source *s, int x, int y)
{
    return extreme(s, x, y, 2, 1);
}

static double erode_1(const struct source *s, int x, int y)
{
    return extreme(s, x, y, 1, -1);
}

static double same(const struct source *s, int x, int y)
{
    return at(s, x, y);
}

static double laplacian(const struct source *s, int x, int y)
{
    return 0.7 * weighed(s, x, y, laplace, 3, 3);
}

static double sharpen(const struct source *s, int x, int y)
{
    return at(s, x, y) - 2.3 * weighed(s, x, y, laplace, 3, 3);
}

static double emboss(const struct source *s, int x, int y)
{
    return weighed(s, x, y, relief, 3, 3);
}

static double edge(const struct source *s, int x, int y)
{
    return 0.5 / 4 * hypot(weighed(s, x, y, sobel_x, 3, 3), weighed(s, x, y, sobel_y, 3, 3));
}

static double unsharp(const struct source *s, int x, int y)
{
    return at(s, x, y) + 1.5 * (at(s, x, y) - gauss(s, x, y, 1.2));
}

static double high_pass(const struct source *s, int x, int y)
{
    return at(s, x, y) - gauss(s, x, y, 2);
}

static double modulated(const struct source *s, int x, int y)
{
    return ((double)x + 0.5) / WIDTH * (at(s, x, y) - gauss(s, x, y, 0.7));
}

static const double kernel_33[] = {1, -0.5, 0.25, 3, 0, -2, 0.125, 7, 0.1},
                    kernel_24[] = {1, 2, 3, 4, -1, 5, 0.5, 0.25}, kernel_15[] = {1, 4, 6, 4, 1};

static double convolve_33(const struct source *s, int x, int y)
{
    return weighed(s, x, y, kernel_33, 3, 3) + 0.25;
}

static double convolve_24(const struct source *s, int x, int y)
{
    return weighed(s, x, y, kernel_24, 4, 2);
}

static double convolve_51(const struct source *s, int x, int y)
{
    return weighed(s, x, y, kernel_15, 5, 1);
}

static double convolve_15(const struct source *s, int x, int y)
{
    return weighed(s, x, y, kernel_15, 1, 5);
}

static const struct {
    const char *node;
    double (*want)(const struct source *s, int x, int y);
    double tolerance;
} passes[] = {
    {"\"blur\"", blur_plain, 3e-7},
    {"\"blur\",\"sigma\":0", blur_none, 0},
    {"\"blur\",\"sigma\":0.3", blur_little, 3e-7},
    {"\"blur\",\"sigma\":13.1", blur_wide, 5e-7},
    {"\"box_blur\"", box_1, 3e-7},
    {"\"box_blur\",\"radius\":14", box_14, 4e-7},
    {"\"dilate\",\"radius\":2", dilate_2, 0},
    {"\"erode\"", erode_1, 0},
    {"\"erode\",\"radius\":0", same, 0},
    {"\"laplacian\",\"amount\":0.7", laplacian, 1e-6},
    {"\"sharpen\",\"amount\":\"k\"", sharpen, 3e-6},
    {"\"emboss\"", emboss, 2e-6},
    {"\"edge\",\"amount\":0.5", edge, 1e-6},
    {"\"unsharp\",\"amount\":1.5,\"sigma\":1.2", unsharp, 1e-6},
    {"\"high_pass\"", high_pass, 5e-7},
    {"\"high_pass\",\"amount\":\"u\",\"sigma\":0.7", modulated, 5e-7},
    {"\"convolve\",\"kernel\":[[1,-0.5,0.25],[3,0,-2],[0.125,7,0.1]],\"bias\":0.25", convolve_33, 5e-6},
    {"\"convolve\",\"kernel\":[[1,2,3,4],[-1,5,0.5,0.25]]", convolve_24, 5e-6},
    {"\"convolve\",\"kernel\":[[1,4,6,4,1]]", convolve_51, 5e-6},
    {"\"convolve\",\"kernel\":[[1],[4],[6],[4],[1]]", convolve_15, 5e-6},
    {"\"convolve\"", same, 0},
};
enum { PASSES = sizeof passes / sizeof *passes };

static const char *outputs_of(struct arena *a, int dims)
{
    static const char *const all = "\"n.x\",\"n.y\",\"n.z\",\"n.w\"";
    return arena_strndup(a, all, (size_t)(6 * dims - 1));
}

static void compare(struct field *f, int pass, const char *wrap, int dims)
{
    const char *node =
        arena_printf(f->arena, "%s,\"in\":\"%s\",\"wrap\":\"%s\"", passes[pass].node, parts[dims - 1], wrap);
    field_run(f, graph_of(f->arena, node, outputs_of(f->arena, dims)));
    for (int c = 0; c < dims; c++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                struct source s = {c, wrap};
                double want = passes[pass].want(&s, x, y), got = (double)field_at(f, c, x, y);
                if (!(fabs(got - want) <= passes[pass].tolerance))
                    fail_msg("%s of %s, %s, component %d at (%d, %d): %.9g, not %.9g", passes[pass].node,
                             parts[dims - 1], wrap, c, x, y, got, want);
            }
}

static void passes_are_their_sums_at_every_edge_and_size(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct field f = field_of(a);
    for (int pass = 0; pass < PASSES; pass++)
        for (int wrap = 0; wrap < 4; wrap++)
            compare(&f, pass, wraps[wrap], (pass + wrap) % 4 + 1);
    for (int dims = 1; dims <= 4; dims++)
        compare(&f, 0, "mirror", dims);
    arena_free(a);
}

/* Tiles bit for bit: what is at column x of a repeated picture is at x + W/2 of one that begins in the middle. */
static void repeated_images_have_no_seam(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (int pass = 0; pass < PASSES; pass++) {
        struct field f = field_of(a), moved;
        const char *node = arena_printf(a, "%s,\"in\":\"p.r\",\"wrap\":\"repeat\"", passes[pass].node);
        if (strstr(node, "\"u\""))
            continue;
        field_run(&f, graph_of(a, node, "\"n\""));
        moved = field_of(a);
        field_run(&moved, arena_printf(a,
                                       "{\"version\":1,\"params\":{\"k\":2.3},\"nodes\":{\"p\":{\"op\":\"image\","
                                       "\"name\":\"a\",\"u\":\"u + 0.5\",\"v\":\"v\",\"filter\":\"nearest\"},"
                                       "\"n\":{\"op\":%s}},\"output\":\"n\"}",
                                       node));
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                if (field_at(&moved, 0, x, y) != field_at(&f, 0, (x + WIDTH / 2) % WIDTH, y))
                    fail_msg("%s at (%d, %d)", node, x, y);
    }
    arena_free(a);
}

static void a_constant_stays(void **state)
{
    static const char *const nodes[] = {"blur(0.7, sigma=0.4)", "blur(0.7, sigma=5)", "blur(0.7, sigma=85)",
                                        "box_blur(0.7, radius=1)", "box_blur(0.7, radius=256)"};
    static const char *const exact[] = {"dilate(0.7, radius=9)", "erode(0.7, radius=9)", "0.7 + laplacian(0.7)",
                                        "0.7 + edge(0.7)",       "sharpen(0.7)",         "0.7 + sobel(0.7).y"};
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        for (int wrap = 0; wrap < 3; wrap++) {
            struct field f = field_of(a);
            field_run(&f, arena_printf(a, "%.*s, wrap='%s')", (int)strlen(nodes[i]) - 1, nodes[i], wraps[wrap]));
            for (int k = 0; k < PIXELS; k++)
                assert_float_equal(f.out[0][k], 0.7f, 3e-7);
        }
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
        struct field f = field_of(a);
        field_run(&f, exact[i]);
        for (int k = 0; k < PIXELS; k++)
            assert_float_equal(f.out[0][k], 0.7f, 0);
    }
    arena_free(a);
}

/* One pixel of 1, spread: the sum of what arrives is the sum of the weights. */
static void weights_sum_to_one(void **state)
{
    static const char *const nodes[] = {"blur(s, sigma=0.5)",
                                        "blur(s, sigma=1.3)",
                                        "blur(s, sigma=7)",
                                        "blur(s, sigma=40)",
                                        "box_blur(s, radius=3)",
                                        "unsharp(s, sigma=3)",
                                        "1 + high_pass(s, sigma=3)*198"};
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        struct field f = field_of(a);
        double sum = 0;
        field_run(&f, arena_printf(a, "let s = (px == 5 and py == 4); %s", nodes[i]));
        for (int k = 0; k < PIXELS; k++)
            sum += (double)f.out[0][k];
        if (i == 6)
            sum = (sum - PIXELS) / PIXELS + 1;
        assert_float_equal((float)sum, 1, 1e-6);
    }
    arena_free(a);
}

static void dilation_and_erosion_keep_their_order(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (int wrap = 0; wrap < 3; wrap++) {
        struct field f = field_of(a);
        const char *w = wraps[wrap];
        field_run(&f, arena_printf(
                          a,
                          "{\"version\":1,\"nodes\":{\"p\":{\"op\":\"image\",\"name\":\"a\",\"u\":\"u\",\"v\":\"v\"},"
                          "\"d\":{\"op\":\"dilate\",\"in\":\"p.g\",\"radius\":2,\"wrap\":\"%s\"},"
                          "\"er\":{\"op\":\"erode\",\"in\":\"p.g\",\"radius\":2,\"wrap\":\"%s\"},"
                          "\"close\":{\"op\":\"erode\",\"in\":\"d\",\"radius\":2,\"wrap\":\"%s\"},"
                          "\"open\":{\"op\":\"dilate\",\"in\":\"er\",\"radius\":2,\"wrap\":\"%s\"},"
                          "\"inverse\":{\"op\":\"dilate\",\"in\":\"1 - p.g\",\"radius\":2,\"wrap\":\"%s\"}},"
                          "\"output\":[\"p.g\",\"d\",\"er\",\"close\",\"open\",\"inverse\"]}",
                          w, w, w, w, w));
        for (int k = 0; k < PIXELS; k++) {
            float p = f.out[0][k], d = f.out[1][k], e = f.out[2][k], closed = f.out[3][k], opened = f.out[4][k];
            assert_true(e <= opened && opened <= p && p <= closed && closed <= d);
            assert_float_equal(f.out[5][k], 1 - e, 1e-6); /* each is the other of the negative */
        }
    }
    arena_free(a);
}

static void must_point(const struct field *f, int x, int y, double nx, double ny, double nz)
{
    double size = sqrt(nx * nx + ny * ny + nz * nz);
    const double n[3] = {nx / size, ny / size, nz / size};
    for (int c = 0; c < 3; c++)
        if (!(fabs((double)field_at(f, c, x, y) - n[c]) <= 1e-6))
            fail_msg("component %d at (%d, %d): %.9g, not %.9g", c, x, y, (double)field_at(f, c, x, y), n[c]);
}

static void normals_stand_on_slopes(void **state)
{
    static const char *const kernels[] = {"sobel", "scharr"};
    (void)state;
    struct arena *a = test_arena();
    struct field f = field_of(a);
    for (int k = 0; k < 2; k++)
        for (int dx = 0; dx < 2; dx++) {
            const char *rest = arena_printf(a, "y='%s', kernel='%s', wrap='clamp')", dx ? "dx" : "gl", kernels[k]);
            field_run(&f, arena_printf(a, "normal(0.3, 5, %s", rest));
            for (int i = 0; i < PIXELS; i++)
                assert_true(f.out[0][i] == 0 && f.out[1][i] == 0 && f.out[2][i] == 1);
            /* 0.25 up a column to the right, 0.125 up a row downwards, twice as high */
            field_run(&f, arena_printf(a, "normal(px*0.25 + py*0.125, 2, %s", rest));
            must_point(&f, 7, 5, -0.5, dx ? -0.25 : 0.25, 1);
            must_point(&f, 0, 5, -0.25, dx ? -0.25 : 0.25, 1); /* half as steep where the border is repeated */
            for (int i = 0; i < PIXELS; i++)
                assert_float_equal(hypotf(hypotf(f.out[0][i], f.out[1][i]), f.out[2][i]), 1, 1e-6);
        }
    field_run(&f, "normal(px*1e25 + u/(px == 3 ? 0 : 1), 1e30)");
    for (int i = 0; i < 3 * PIXELS; i++)
        assert_true(isfinite(f.out[i / PIXELS][i % PIXELS]));
    arena_free(a);
}

static void slopes_are_those_of_sobel_and_scharr(void **state)
{
    static const double scharr_x[] = {-3, 0, 3, -10, 0, 10, -3, 0, 3}, scharr_y[] = {-3, -10, -3, 0, 0, 0, 3, 10, 3};
    (void)state;
    struct arena *a = test_arena();
    for (int wrap = 0; wrap < 4; wrap++) {
        struct field f = field_of(a);
        struct source s = {0, wraps[wrap]};
        const char *sobel = arena_printf(a, "\"sobel\",\"in\":\"p.r\",\"wrap\":\"%s\"", wraps[wrap]);
        field_run(&f, graph_of(a, sobel, "\"n.x\",\"n.y\""));
        for (int i = 0; i < PIXELS; i++) {
            assert_float_equal(f.out[0][i], (float)weighed(&s, i % WIDTH, i / WIDTH, sobel_x, 3, 3), 2e-6);
            assert_float_equal(f.out[1][i], (float)weighed(&s, i % WIDTH, i / WIDTH, sobel_y, 3, 3), 2e-6);
        }
        const char *normal = arena_printf(
            a, "\"normal\",\"in\":\"p.r\",\"strength\":3,\"kernel\":\"scharr\",\"wrap\":\"%s\"", wraps[wrap]);
        field_run(&f, graph_of(a, normal, "\"n.x\",\"n.y\",\"n.z\""));
        for (int i = 0; i < PIXELS; i++)
            must_point(&f, i % WIDTH, i / WIDTH, -3 * weighed(&s, i % WIDTH, i / WIDTH, scharr_x, 3, 3) / 32,
                       3 * weighed(&s, i % WIDTH, i / WIDTH, scharr_y, 3, 3) / 32, 1);
    }
    arena_free(a);
}

static void passes_share_planes(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct field f = field_of(a);
    field_run(&f, graph_of(a, "\"blur\",\"in\":\"p.r\"", "\"n + unsharp(p.r) + sobel(p.r).x\""));
    assert_int_equal(f.n_planes, 2); /* the picture, and its rows blurred */
    assert_int_equal(f.n_stages, 3);
    field_run(&f, "x*y + 0.5"); /* not a neighbour in sight */
    assert_int_equal(f.n_stages, 1);
    arena_free(a);
}

static void refused(struct arena *a, const char *node, const char *pointer, const char *limit)
{
    const char *at_pointer, *at_limit;
    const char *text = graph_of(a, node, "\"n\"");
    assert_int_not_equal(field_refused(a, text, &at_pointer, &at_limit), STATUS_OK);
    if (strcmp(at_pointer, pointer) || (limit ? !at_limit || strcmp(at_limit, limit) : at_limit != NULL))
        fail_msg("%s: at %s, limit %s", text, at_pointer, at_limit ? at_limit : "none");
}

static void sizes_and_kernels_have_limits(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    refused(a, "\"blur\",\"in\":\"p\",\"sigma\":85.5", "/nodes/n/sigma", "pass-radius");
    refused(a, "\"blur\",\"in\":\"p\",\"sigma\":-1", "/nodes/n/sigma", NULL);
    refused(a, "\"blur\",\"in\":\"p\",\"sigma\":\"soft\"", "/nodes/n/sigma", NULL);
    refused(a, "\"high_pass\",\"in\":\"p\",\"sigma\":1e300", "/nodes/n/sigma", "pass-radius");
    refused(a, "\"dilate\",\"in\":\"p\",\"radius\":257", "/nodes/n/radius", "pass-radius");
    refused(a, "\"erode\",\"in\":\"p\",\"radius\":1.5", "/nodes/n/radius", NULL);
    refused(a, "\"box_blur\",\"in\":\"p\",\"wrap\":\"tile\"", "/nodes/n/wrap", NULL);
    refused(a, "\"convolve\",\"in\":\"p\",\"kernel\":[]", "/nodes/n/kernel", NULL);
    refused(a, "\"convolve\",\"in\":\"p\",\"kernel\":[[1,2],[3]]", "/nodes/n/kernel/1", NULL);
    refused(a, "\"convolve\",\"in\":\"p\",\"kernel\":[[1,2],[3,\"x\"]]", "/nodes/n/kernel/1/1", NULL);
    refused(a, "\"convolve\",\"in\":\"p\",\"kernel\":[[1e300]]", "/nodes/n/kernel/0/0", NULL);
    char *row = arena_strdup(a, "1");
    for (int i = 1; i < 41; i++)
        row = arena_printf(a, "%s,1", row);
    char *rows = arena_printf(a, "[%s]", row);
    for (int i = 1; i < 24; i++)
        rows = arena_printf(a, "%s,[%s]", rows, row);
    const char *fits = arena_printf(a, "\"convolve\",\"in\":\"p\",\"kernel\":[%s]", rows);
    assert_int_equal(field_refused(a, graph_of(a, fits, "\"n\""), NULL, NULL), STATUS_OK); /* 41 x 24 */
    refused(a, arena_printf(a, "\"convolve\",\"in\":\"p\",\"kernel\":[%s,[%s]]", rows, row), "/nodes/n/kernel/24",
            "convolve-taps");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_are_their_sums_at_every_edge_and_size),
        cmocka_unit_test(repeated_images_have_no_seam),
        cmocka_unit_test(a_constant_stays),
        cmocka_unit_test(weights_sum_to_one),
        cmocka_unit_test(dilation_and_erosion_keep_their_order),
        cmocka_unit_test(normals_stand_on_slopes),
        cmocka_unit_test(slopes_are_those_of_sobel_and_scharr),
        cmocka_unit_test(passes_share_planes),
        cmocka_unit_test(sizes_and_kernels_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
