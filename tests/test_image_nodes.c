/* labels: core */
/* Nodes that sample pictures, against a sampler written for the purpose in f64. */
#include "tests/support/field.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const char *const filters[] = {"nearest", "linear", "cubic"};
static const char *const wraps[] = {"repeat", "clamp", "mirror", "constant"};
enum { SIDES = 128 };
static float pixels[4 * SIDES * SIDES];

static void fill_pixels(void)
{
    uint64_t random = 5;
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++)
        pixels[i] = (float)test_random(&random) * 0x1p-32f;
}

static struct field field_of(struct arena *a, int width, int height, int image_width, int image_height)
{
    fill_pixels();
    return (struct field){
        .arena = a, .width = width, .height = height, .images = {{"a", image_width, image_height, pixels}}};
}

static double pixel(const struct field_image *im, int c, int x, int y, const char *wrap)
{
    x = field_edge(x, im->width, wrap);
    y = field_edge(y, im->height, wrap);
    return x < 0 || y < 0 ? 0 : (double)im->data[(c * im->height + y) * im->width + x];
}

/* Weights of the taps from floor(X) - 1 on. */
static int weights(double u, int size, const char *filter, double w[4])
{
    memset(w, 0, 4 * sizeof *w);
    if (!strcmp(filter, "nearest")) {
        w[1] = 1;
        return (int)floor(u * size) - 1;
    }
    double x = u * size - 0.5, t = x - floor(x);
    if (!strcmp(filter, "linear")) {
        w[1] = 1 - t;
        w[2] = t;
    } else {
        w[0] = ((2 - t) * t - 1) * t / 2;
        w[1] = ((3 * t - 5) * t * t + 2) / 2;
        w[2] = ((4 - 3 * t) * t + 1) * t / 2;
        w[3] = (t - 1) * t * t / 2;
    }
    return (int)floor(x) - 1;
}

static double sampled(const struct field_image *im, int c, double u, double v, const char *filter, const char *wrap)
{
    double wx[4], wy[4], sum = 0;
    int x0 = weights(u, im->width, filter, wx), y0 = weights(v, im->height, filter, wy);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
            if (wx[x] != 0 && wy[y] != 0)
                sum += wx[x] * wy[y] * pixel(im, c, x0 + x, y0 + y, wrap);
    return sum;
}

static const char *sampler(struct arena *a, const char *op, const char *u, const char *v, const char *filter,
                           const char *wrap)
{
    return arena_printf(
        a,
        "{\"version\":1,\"nodes\":{\"i\":{\"op\":\"%s\",\"name\":\"a\",\"u\":\"%s\",\"v\":\"%s\","
        "\"filter\":\"%s\",\"wrap\":\"%s\"}},\"output\":[\"i.r\",\"i.g\",\"i.b\",\"i.a\",\"%s\",\"%s\"]}",
        op, u, v, filter, wrap, u, v);
}

static void filters_and_wraps_are_what_they_say(void **state)
{
    static const int sizes[][2] = {{13, 7}, {1, 1}, {2, 3}, {5, 1}, {64, 32}};
    (void)state;
    struct arena *a = test_arena();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int k = 0; k < 12; k++) {
            struct field f = field_of(a, 83, 31, sizes[s][0], sizes[s][1]);
            field_run(&f, sampler(a, k & 1 ? "image" : "remap_uv", "u*3.71 - 1.3", "2.1 - v*3.3", filters[k / 4],
                                  wraps[k % 4]));
            for (int y = 0; y < f.height; y++)
                for (int x = 0; x < f.width; x++)
                    for (int c = 0; c < 4; c++) {
                        double u = (double)field_at(&f, 4, x, y), v = (double)field_at(&f, 5, x, y);
                        double want = sampled(&f.images[0], c, u, v, filters[k / 4], wraps[k % 4]);
                        if (fabs((double)field_at(&f, c, x, y) - want) > 4e-6)
                            fail_msg("%s %s of %d x %d at (%g, %g), component %d: %.9g, not %.9g", filters[k / 4],
                                     wraps[k % 4], sizes[s][0], sizes[s][1], u, v, c, (double)field_at(&f, c, x, y),
                                     want);
                    }
        }
    arena_free(a);
}

static void a_picture_at_its_own_size_is_copied(void **state)
{
    static const int sizes[][2] = {{13, 7}, {1, 1}, {2, 1}, {101, 3}, {128, 128}, {63, 125}};
    (void)state;
    struct arena *a = test_arena();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int k = 0; k < 12; k++) {
            struct field f = field_of(a, sizes[s][0], sizes[s][1], sizes[s][0], sizes[s][1]);
            field_run(&f, sampler(a, "image", "u", "v", filters[k / 4], wraps[k % 4]));
            for (int c = 0; c < 4; c++)
                if (memcmp(f.out[c], pixels + c * f.width * f.height, (size_t)(f.width * f.height) * sizeof(float)))
                    fail_msg("%s %s of %d x %d, component %d", filters[k / 4], wraps[k % 4], f.width, f.height, c);
        }
    arena_free(a);
}

/* On the border between the last column and the first, or what stands for it. */
static void borders_obey_the_wrap_mode(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (int k = 0; k < 4; k++) {
        struct field f = field_of(a, 1, 1, 4, 1);
        const float *p = pixels;
        const float beyond[] = {p[3], p[0], p[1], 0};
        field_run(&f, sampler(a, "image", "0", "0.5", "linear", wraps[k]));
        assert_float_equal(field_at(&f, 0, 0, 0), (p[0] + beyond[k]) / 2, 1e-6);
    }
    arena_free(a);
}

static void impossible_coordinates_have_an_answer(void **state)
{
    static const char *const odd[] = {"0*x/(0*x)", "1/(0*x)", "-1/(0*x)", "1e30 + x", "-1e38 + x", "3e15 + x"};
    (void)state;
    struct arena *a = test_arena();
    for (size_t n = 0; n < sizeof odd / sizeof *odd; n++)
        for (int k = 0; k < 12; k++) {
            struct field f = field_of(a, 3, 1, 7, 5);
            field_run(&f, sampler(a, "image", odd[n], "0.5", filters[k / 4], wraps[k % 4]));
            float got = field_at(&f, 0, 1, 0);
            const float *row = pixels + 2 * 7;
            bool found = false;
            for (int x = 0; x < 7; x++)
                found |= got == row[x];
            if (k % 4 == 3)
                assert_float_equal(got, 0, 0);
            else if (k % 4 == 1)
                assert_float_equal(got, row[n == 1 || n == 3 || n == 5 ? 6 : 0], 0);
            else if (n < 3)
                assert_float_equal(got, row[0], 0);
            else if (!found && k / 4 != 1 && k / 4 != 2)
                fail_msg("%s %s at %s: %g", filters[k / 4], wraps[k % 4], odd[n], (double)got);
            assert_true(isfinite(got));
        }
    arena_free(a);
}

static void aberration_moves_red_and_blue_apart(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct field f = field_of(a, 40, 30, 16, 9);
    field_run(&f,
              "{\"version\":1,\"nodes\":{\"c\":{\"op\":\"chromatic_aberration\",\"name\":\"a\",\"u\":\"u\",\"v\":\"v\","
              "\"amount\":0.125}},\"output\":[\"c.r\",\"c.g\",\"c.b\",\"c.a\",\"u\",\"v\"]}");
    for (int y = 0; y < f.height; y++)
        for (int x = 0; x < f.width; x++) {
            double du = (double)field_at(&f, 4, x, y) - 0.5, dv = (double)field_at(&f, 5, x, y) - 0.5;
            static const double by[4] = {1.125, 1, 0.875, 1};
            for (int c = 0; c < 4; c++)
                assert_float_equal(
                    field_at(&f, c, x, y),
                    (float)sampled(&f.images[0], c, 0.5 + by[c] * du, 0.5 + by[c] * dv, "linear", "clamp"), 2e-6);
        }
    arena_free(a);
}

static void equal_names_are_one_picture(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct field f = field_of(a, 8, 8, 8, 8);
    f.images[1] = (struct field_image){"b-2.png", 8, 8, pixels + 64};
    field_run(&f, "image('a', u, v) + 2*image('b-2.png', u, v) + image('a', u, v)");
    assert_float_equal(field_at(&f, 0, 3, 2), 2 * pixels[2 * 8 + 3] + 2 * pixels[64 + 2 * 8 + 3], 1e-6);
    arena_free(a);
}

static void refused(struct arena *a, const char *text, const char *pointer)
{
    const char *got;
    assert_int_not_equal(field_refused(a, text, &got, NULL), STATUS_OK);
    if (strcmp(got, pointer))
        fail_msg("%s: at %s, not %s", text, got, pointer);
}

static void names_and_choices_are_checked(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    refused(a, "{\"version\":1,\"nodes\":{\"i\":{\"op\":\"image\",\"u\":0,\"v\":0}},\"output\":\"i\"}",
            "/nodes/i/name");
    refused(a, "{\"version\":1,\"nodes\":{\"i\":{\"op\":\"image\",\"name\":3,\"u\":0,\"v\":0}},\"output\":\"i\"}",
            "/nodes/i/name");
    refused(a, "{\"version\":1,\"nodes\":{\"i\":{\"op\":\"image\",\"name\":\"a b\",\"u\":0,\"v\":0}},\"output\":\"i\"}",
            "/nodes/i/name");
    refused(a, "{\"version\":1,\"nodes\":{\"i\":{\"op\":\"image\",\"name\":\"\",\"u\":0,\"v\":0}},\"output\":\"i\"}",
            "/nodes/i/name");
    refused(
        a,
        "{\"version\":1,\"nodes\":{\"i\":{\"op\":\"image\",\"name\":\"a\",\"u\":0,\"v\":0,\"filter\":\"bilinear\"}},"
        "\"output\":\"i\"}",
        "/nodes/i/filter");
    refused(a,
            "{\"version\":1,\"nodes\":{\"i\":{\"op\":\"remap_uv\",\"name\":\"a\",\"u\":0,\"v\":0,\"wrap\":\"tile\"}},"
            "\"output\":\"i\"}",
            "/nodes/i/wrap");
    refused(a, "{\"version\":1,\"nodes\":{\"i\":{\"op\":\"chromatic_aberration\",\"u\":0,\"v\":0}},\"output\":\"i\"}",
            "/nodes/i/name");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_and_wraps_are_what_they_say), cmocka_unit_test(a_picture_at_its_own_size_is_copied),
        cmocka_unit_test(borders_obey_the_wrap_mode),          cmocka_unit_test(impossible_coordinates_have_an_answer),
        cmocka_unit_test(aberration_moves_red_and_blue_apart), cmocka_unit_test(equal_names_are_one_picture),
        cmocka_unit_test(names_and_choices_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
