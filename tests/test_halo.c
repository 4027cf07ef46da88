/* labels: core */
/* drop_shadow and glow against compositing written out in f64. The image is a picture sampled at its own size. */
#include "tests/support/field.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { WIDTH = 19, HEIGHT = 12, PIXELS = WIDTH * HEIGHT };
static float picture[4 * PIXELS];

/* Alpha reaches beyond 0 and 1, and is 0 in places. */
static struct field field_of(struct arena *a)
{
    uint64_t random = 3;
    for (int i = 0; i < 4 * PIXELS; i++)
        picture[i] = (float)test_random(&random) * 0x1p-32f;
    for (int i = 3 * PIXELS; i < 4 * PIXELS; i++)
        picture[i] = picture[i] < 0.5f ? 0 : picture[i] * 1.5f - 0.3f;
    return (struct field){.arena = a, .width = WIDTH, .height = HEIGHT, .images = {{"a", WIDTH, HEIGHT, picture}}};
}

struct halo {
    int dims; /* of the input: the picture, its r g b, or its a alone */
    bool glow;
    double sigma, amount, dx, dy, colour[4];
    const char *wrap;
};

/* Colour and alpha of the input as it is, inside or outside of it: rgb times alpha, alpha. */
static void light_at(const struct halo *h, int x, int y, double ret[4])
{
    x = field_edge(x, WIDTH, h->wrap);
    y = field_edge(y, HEIGHT, h->wrap);
    for (int c = 0; c < 4; c++)
        ret[c] = x < 0 || y < 0 ? 0 : (double)picture[c * PIXELS + y * WIDTH + x];
    if (x < 0 || y < 0)
        return;
    ret[3] = h->dims == 3 ? 1 : fmin(fmax(ret[3], 0), 1);
    for (int c = 0; c < 3; c++)
        ret[c] = (h->dims == 1 ? 1 : ret[c]) * ret[3];
}

/* Blurred around the point (x, y), between pixels. */
static void spread_at(const struct halo *h, double x, double y, double ret[4])
{
    int r = (int)ceil(3 * h->sigma), x0 = (int)floor(x), y0 = (int)floor(y);
    double tx = x - x0, ty = y - y0, whole = 0;
    memset(ret, 0, 4 * sizeof *ret);
    for (int j = -r; j <= r; j++)
        for (int i = -r; i <= r; i++) {
            double w = h->sigma > 0 ? exp(-(i * i + j * j) / (2 * h->sigma * h->sigma)) : 1;
            whole += w;
            for (int k = 0; k < 4; k++) {
                double part[4], share = w * (k & 1 ? tx : 1 - tx) * (k & 2 ? ty : 1 - ty);
                light_at(h, x0 + i + (k & 1), y0 + j + (k >> 1), part);
                for (int c = 0; c < 4; c++)
                    ret[c] += share * part[c];
            }
        }
    for (int c = 0; c < 4; c++)
        ret[c] /= whole;
}

static void wanted(const struct halo *h, int x, int y, double ret[4])
{
    double own[4], far[4], k = h->amount * h->colour[3];
    light_at(h, x, y, own);
    spread_at(h, x - h->dx, y - h->dy, far);
    double shade = fmin(fmax(far[3] * k, 0), 1) * (1 - own[3]);
    ret[3] = h->glow ? fmin(fmax(own[3] + far[3] * k, 0), 1) : own[3] + shade;
    for (int c = 0; c < 3; c++) {
        double sum = own[c] + h->colour[c] * (h->glow ? far[c] * k : shade);
        ret[c] = ret[3] > 0 ? sum / ret[3] : 0;
    }
}

static const char *graph_of(struct arena *a, const char *members)
{
    return arena_printf(a,
                        "{\"version\":1,\"params\":{\"left\":-2.25,\"amount\":0.8},\"nodes\":{"
                        "\"p\":{\"op\":\"image\",\"name\":\"a\",\"u\":\"u\",\"v\":\"v\"},\"n\":{%s}},"
                        "\"output\":[\"n.r\",\"n.g\",\"n.b\",\"n.a\"]}",
                        members);
}

/* `offset` is the JSON of dx and dy, with what stands before it; empty: they are left out. */
static void compare(struct arena *a, const struct halo *h, const char *offset)
{
    static const char *const inputs[] = {"", "p.a", "", "p.rgb", "p"};
    struct field f = field_of(a);
    const double *c = h->colour;
    field_run(&f,
              graph_of(a, arena_printf(a,
                                       "\"op\":\"%s\",\"in\":\"%s\",\"sigma\":%g,\"amount\":\"amount + %g\",\"wrap\":"
                                       "\"%s\",\"colour\":\"vec4(%g, %g, %g, %g)\"%s",
                                       h->glow ? "glow" : "drop_shadow", inputs[h->dims], h->sigma, h->amount - 0.8,
                                       h->wrap, c[0], c[1], c[2], c[3], offset)));
    for (int i = 0; i < PIXELS; i++) {
        double want[4];
        wanted(h, i % WIDTH, i / WIDTH, want);
        for (int k = 0; k < 4; k++) /* straight colours: as exact as alpha allows */
            if (!(fabs((double)f.out[k][i] - want[k]) * (k < 3 ? want[3] : 1) <= 2e-6))
                fail_msg("%s of %d, %s, offset%s: component %d at (%d, %d) is %.9g, not %.9g",
                         h->glow ? "glow" : "drop_shadow", h->dims, h->wrap, offset, k, i % WIDTH, i / WIDTH,
                         (double)f.out[k][i], want[k]);
    }
}

static void halos_are_blurred_moved_and_composited(void **state)
{
    static const char *const wraps[] = {"repeat", "clamp", "mirror", "constant"};
    static const int dims[] = {1, 3, 4};
    (void)state;
    struct arena *a = test_arena();
    struct halo h = {.colour = {0.25, 0.5, 1, 0.75}};
    for (int k = 0; k < 24; k++) {
        h.glow = k % 2;
        h.dims = dims[k / 2 % 3];
        h.wrap = wraps[k / 6];
        h.sigma = k % 4 == 3 ? 2.1 : 1;
        h.amount = k % 5 == 4 ? 2.5 : 0.8;
        h.dx = h.dy = 0;
        compare(a, &h, "");
        h.dx = -2.25;
        h.dy = 1.5;
        compare(a, &h, ",\"dx\":\"left\",\"dy\":1.5");
    }
    h.sigma = 0; /* as sharp as it was, whole and in between */
    h.dx = 3;
    h.dy = 0;
    compare(a, &h, ",\"dx\":3");
    h.dx = 0;
    h.dy = -0.5;
    compare(a, &h, ",\"dy\":\"-0.5\"");
    h.dy = 0;
    compare(a, &h, "");
    arena_free(a);
}

static void a_shape_hides_its_own_shadow(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct field f = field_of(a);
    field_run(&f, graph_of(a, "\"op\":\"drop_shadow\",\"in\":\"p.rgb\",\"colour\":\"vec3(1, 0, 0)\",\"dx\":3"));
    for (int c = 0; c < 4; c++)
        for (int i = 0; i < PIXELS; i++)
            assert_float_equal(f.out[c][i], c < 3 ? picture[c * PIXELS + i] : 1, 0);
    arena_free(a);
}

static void offsets_may_be_absurd(void **state)
{
    static const char *const offsets[] = {"1e30", "-1e30", "0/(0*left)", "1/(0*left)", "1048576.5"};
    (void)state;
    struct arena *a = test_arena();
    for (size_t k = 0; k < sizeof offsets / sizeof *offsets; k++) {
        struct field f = field_of(a);
        field_run(&f, graph_of(a, arena_printf(a, "\"op\":\"glow\",\"in\":\"p\",\"colour\":1,\"dx\":\"%s\",\"sigma\":1",
                                               offsets[k])));
        for (int i = 0; i < 4 * PIXELS; i++)
            assert_true(isfinite(f.out[i / PIXELS][i % PIXELS]));
    }
    arena_free(a);
}

static void refused(struct arena *a, const char *members, const char *pointer)
{
    const char *got;
    assert_int_not_equal(field_refused(a, graph_of(a, members), &got, NULL), STATUS_OK);
    if (strcmp(got, pointer))
        fail_msg("%s: at %s, not %s", members, got, pointer);
}

static void offsets_do_not_vary_and_colours_are_colours(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    refused(a, "\"op\":\"drop_shadow\",\"in\":\"p\",\"colour\":0,\"dx\":\"x\"", "/nodes/n/dx");
    refused(a, "\"op\":\"glow\",\"in\":\"p\",\"colour\":0,\"dy\":\"2*y\"", "/nodes/n/dy");
    refused(a, "\"op\":\"drop_shadow\",\"in\":\"p\",\"colour\":0,\"dx\":\"p.r\"", "/nodes/n/dx");
    refused(a, "\"op\":\"drop_shadow\",\"in\":\"p\"", "/nodes/n");
    refused(a, "\"op\":\"drop_shadow\",\"in\":\"vec2(p.r, p.g)\",\"colour\":0", "/nodes/n");
    refused(a, "\"op\":\"glow\",\"in\":\"p\",\"colour\":\"vec2(1, 2)\"", "/nodes/n");
    assert_int_equal(field_refused(a,
                                   graph_of(a, "\"op\":\"glow\",\"in\":\"p\",\"colour\":0,\"dx\":\"left*sin(t)\","
                                               "\"amount\":\"x\""),
                                   NULL, NULL),
                     STATUS_OK);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halos_are_blurred_moved_and_composited),
        cmocka_unit_test(a_shape_hides_its_own_shadow),
        cmocka_unit_test(offsets_may_be_absurd),
        cmocka_unit_test(offsets_do_not_vary_and_colours_are_colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
