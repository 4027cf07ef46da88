/* labels: core */
/* Noises in regions far from the origin: as smooth as near it, the same wherever the image is cut. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/interp.h"
#include "core/lower.h"
#include "core/pass.h"
#include "tests/support.h"

enum { WIDE = 256, HIGH = 16 };

struct place {
    double x, y, step; /* its corner and the width of a pixel */
    int px, py;        /* where the tile begins that is computed */
};

/* width x height pixels of the expression, by the interpreter, as an ordinary request would compute them. */
static void render(struct arena *a, const char *text, const struct place *r, int width, int height, float *out)
{
    const struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
    const double context[CONTEXT_COUNT] = {
        [CONTEXT_WIDTH] = WIDE, [CONTEXT_HEIGHT] = HIGH, [CONTEXT_X0] = r->x,   [CONTEXT_Y0] = r->y,
        [CONTEXT_DX] = r->step, [CONTEXT_DY] = r->step,  [CONTEXT_PX0] = r->px, [CONTEXT_PY0] = r->py};
    struct fault fault;
    struct graph *g;
    struct lowered lowered;
    fault_init(&fault, a);
    if (graph_from_expr(text, NULL, a, &g, &fault) != STATUS_OK ||
        lower(g, (struct layout){.kind = GRAPH_FIELD}, &limits, a, &lowered, &fault) != STATUS_OK)
        fail_msg("%s: %s", text, fault.items[0].detail);
    passes_run(lowered.ir, NULL, NULL);
    struct interp *interp = interp_new(plan_make(lowered.ir, a), INTERP_BEST, a);
    double *args = ARENA_ARRAY(a, lowered.ir->n_args + 1, double);
    lower_args(lowered.ir, NULL, context, NULL, args);
    size_t work_size = (interp_work_size(interp) + 2 * KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN;
    void *work = aligned_alloc(KERNEL_ALIGN, work_size);
    struct kernel_call call = {
        .args = args, .out = (float *[]){out}, .out_stride = WIDE, .count = width, .rows = height};
    assert_non_null(work);
    unsigned saved = fp_state_enter();
    interp_run(interp, &call, work);
    fp_state_leave(saved);
    free(work);
}

/* The greatest second difference along rows. */
static double roughness(const float *v)
{
    double most = 0;
    for (int y = 0; y < HIGH; y++)
        for (int x = 1; x + 1 < WIDE; x++) {
            const float *p = v + y * WIDE + x;
            most = fmax(most, fabs((double)p[-1] - 2 * (double)p[0] + (double)p[1]));
        }
    return most;
}

static const char *const noises[] = {
    "gnoise(x, y)",
    "gnoise(x, y, x - y)",
    "gnoise(3*x + 0.5, y/2, 1, 2)",
    "snoise(x, y)",
    "snoise(x, y, 0.3)",
    "snoise(x, y, 0.3, 7)",
    "vnoise(x, y)",
    "vnoise(x*0.8 + y*0.6, y*0.8 - x*0.6)",
    "cellular(x, y)",
    "cellular(x, y, 0.3)",
    "cellular(x, y, returns='f2')",
    "cellular(x, y, returns='edge')",
    "fractal(x, y)",
    "fractal(x, y, noise='snoise', lacunarity=1.9)",
    "fractal(x, y, noise='vnoise', type='billow')",
    "fractal(x, y, noise='cellular', octaves=3)",
    "ridged(x, y)",
    "terrain2d(x, y)",
    "gnoise(warp(x, y).x, warp(x, y).y)",
    "curl(x, y).x",
    "gnoise(translate(x, y, dx=0.25).x, y)",
    "gnoise(rotate2d(x, y, 0.3).x, rotate2d(x, y, 0.3).y)",
    "vnoise(scale(x, y, sx=1.5).x - y/3, -(y - 0.5))",
    "gnoise(x, y, period=5)",
    "snoise(x, y, period=5)",
};
enum { NOISES = sizeof noises / sizeof *noises };

static const double far_away[] = {1e6, -3e6 + 0.37, 1e9, -7.7e9};
enum { PLACES = sizeof far_away / sizeof *far_away };

static void noises_are_as_smooth_far_away_as_near(void **state)
{
    (void)state;
    static float v[WIDE * HIGH];
    for (int n = 0; n < NOISES; n++) {
        struct arena *a = test_arena();
        double near = 0;
        for (int k = 0; k < 40; k++) {
            render(a, noises[n], &(struct place){.x = 1.7 * k, .y = -0.9 * k, .step = 1.0 / WIDE}, WIDE, HIGH, v);
            near = fmax(near, roughness(v));
        }
        for (int k = 0; k < PLACES; k++) {
            struct place r = {.x = far_away[k], .y = -far_away[k] / 3, .step = 1.0 / WIDE};
            render(a, noises[n], &r, WIDE, HIGH, v);
            double there = roughness(v);
            if (getenv("SINTER_PRINT"))
                printf("%s at %g: %g, near %g\n", noises[n], r.x, there, near);
            if (!(there <= 1.25 * near) || there == 0)
                fail_msg("%s at %g: second differences up to %g, near the origin %g", noises[n], r.x, there, near);
        }
        arena_free(a);
    }
}

/* What the test above would say of coordinates that have become f32. */
static void rounded_coordinates_are_rough(void **state)
{
    (void)state;
    static float v[WIDE * HIGH];
    struct arena *a = test_arena();
    render(a, "gnoise(max(x, -1e30), y)", &(struct place){.x = 1e6, .y = 0.3, .step = 1.0 / WIDE}, WIDE, HIGH, v);
    assert_true(roughness(v) > 0.01);
    arena_free(a);
}

static void a_noise_moved_by_what_the_region_is_moved_is_the_same(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"gnoise(x, y)", "gnoise(x - 1048576, y + 2097152)"},
        {"snoise(x*4, y*4)", "snoise((x - 1048576)*4, 4*(y + 2097152))"},
        {"vnoise(x, y, x)", "vnoise(x - 1048576, y + 2097152, x - 1048576)"},
        {"cellular(x*2, y)", "cellular(x*2 - 2097152, y + 2097152)"},
        {"fractal(x, y)", "fractal(x - 1048576, y + 2097152)"},
        {"wnoise(x*99, y*99)", "wnoise((x - 1048576)*99, (y + 2097152)*99)"},
    };
    static float near[WIDE * HIGH], there[WIDE * HIGH];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct arena *a = test_arena();
        render(a, pairs[i][0], &(struct place){.step = 1.0 / WIDE}, WIDE, HIGH, near);
        render(a, pairs[i][1], &(struct place){.x = 1048576, .y = -2097152, .step = 1.0 / WIDE}, WIDE, HIGH, there);
        if (memcmp(near, there, sizeof near))
            fail_msg("%s is not %s", pairs[i][1], pairs[i][0]);
        arena_free(a);
    }
}

static void tiles_of_far_noises_are_crops(void **state)
{
    (void)state;
    static const int cuts[][4] = {{0, 0, 1, 1}, {1, 0, 255, 3}, {37, 5, 111, 11}, {200, 15, 56, 1}};
    static float whole[WIDE * HIGH], tile[WIDE * HIGH];
    for (int n = 0; n < NOISES; n++) {
        struct arena *a = test_arena();
        struct place r = {.x = 1e6 + 0.1, .y = -1e9, .step = 0.013};
        render(a, noises[n], &r, WIDE, HIGH, whole);
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
            const int *cut = cuts[c];
            struct place part = r;
            part.px = cut[0];
            part.py = cut[1];
            render(a, noises[n], &part, cut[2], cut[3], tile);
            for (int y = 0; y < cut[3]; y++)
                if (memcmp(tile + y * WIDE, whole + (cut[1] + y) * WIDE + cut[0], (size_t)cut[2] * sizeof *tile))
                    fail_msg("%s: the tile at %d %d is no crop", noises[n], cut[0], cut[1]);
        }
        arena_free(a);
    }
}

/* One width further on is the same column; the region's corner and the frequency are what they are. */
static void periodic_images_have_no_seam(void **state)
{
    (void)state;
    static const char *const tilings[] = {
        "gnoise(x*8, y*8, period=8)",
        "gnoise(x*5, y*5, 0.5, period=5)",
        "snoise(x*8, y*8, period=8)",
        "vnoise(x*7, y*7, period=7)",
        "wnoise(x*9, y*9, period=9)",
        "cellular(x*8, y*8, period=8)",
        "fractal(x*4, y*4, period=4)",
        "fractal(x*3, y*3, noise='snoise', lacunarity=1.7, period=3)",
        "ridged(x*4, y*4, noise='cellular', period=4)",
        "curl(x*6, y*6, period=6).y",
    };
    static const double corners[] = {0, 3, -2};
    static float first[WIDE * HIGH], again[WIDE * HIGH];
    for (size_t i = 0; i < sizeof tilings / sizeof *tilings; i++)
        for (size_t c = 0; c < sizeof corners / sizeof *corners; c++) {
            struct arena *a = test_arena();
            struct place r = {.x = corners[c], .step = 1.0 / WIDE};
            render(a, tilings[i], &r, WIDE, HIGH, first);
            r.px = WIDE;
            render(a, tilings[i], &r, WIDE, HIGH, again);
            if (memcmp(first, again, sizeof first))
                fail_msg("%s has a seam at x = %g", tilings[i], corners[c] + 1);
            r.px = 0;
            r.py = WIDE;
            render(a, tilings[i], &r, WIDE, HIGH, again);
            if (memcmp(first, again, sizeof first))
                fail_msg("%s has a seam at y = 1", tilings[i]);
            arena_free(a);
        }
}

/* Cells count modulo 2^32: 2^32 further on everything repeats. */
static void cells_wrap_at_32_bits(void **state)
{
    (void)state;
    static float near[WIDE * HIGH], there[WIDE * HIGH];
    struct arena *a = test_arena();
    render(a, "gnoise(x, y)", &(struct place){.x = 0.25, .step = 1.0 / WIDE}, WIDE, HIGH, near);
    render(a, "gnoise(x, y)", &(struct place){.x = 0x1p32 + 0.25, .y = -0x1p33, .step = 1.0 / WIDE}, WIDE, HIGH, there);
    assert_memory_equal(near, there, sizeof near);
    arena_free(a);
}

static void regions_without_end_give_numbers_or_nan(void **state)
{
    (void)state;
    static const double places[] = {1e15, -1e18, 1e300, INFINITY, -INFINITY, NAN};
    static float v[WIDE * HIGH];
    for (int n = 0; n < NOISES; n++)
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            struct arena *a = test_arena();
            render(a, noises[n], &(struct place){.x = places[k], .y = places[k], .step = 1}, WIDE, HIGH, v);
            for (int i = 0; i < WIDE * HIGH; i++)
                if (isinf(v[i]) || (!isnan(v[i]) && fabsf(v[i]) > 1e5f))
                    fail_msg("%s at %g: %g", noises[n], places[k], (double)v[i]);
            arena_free(a);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noises_are_as_smooth_far_away_as_near),
        cmocka_unit_test(rounded_coordinates_are_rough),
        cmocka_unit_test(a_noise_moved_by_what_the_region_is_moved_is_the_same),
        cmocka_unit_test(tiles_of_far_noises_are_crops),
        cmocka_unit_test(periodic_images_have_no_seam),
        cmocka_unit_test(cells_wrap_at_32_bits),
        cmocka_unit_test(regions_without_end_give_numbers_or_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
