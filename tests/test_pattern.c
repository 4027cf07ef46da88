/* labels: core */
/* Patterns and coordinates: the same left of zero, soft edges that keep the mean, the true nearest point; and the
 * algebra of what moves points. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/instance.h"
#include "core/nodes/noise_parts.h"
#include "tests/support/probe.h"

enum { SIDE = 480, POINTS = SIDE * SIDE };

static double random_in(uint64_t *seed, double lo, double hi)
{
    return lo + (hi - lo) * test_random(seed) * 0x1p-32;
}

static double value(struct arena *a, const char *text, double x, double y, double z)
{
    return (double)probe_at(probe_expr(a, text, 3), (float)x, (float)y, (float)z);
}

static float xs[POINTS], ys[POINTS], zs[POINTS], first[POINTS], second[POINTS];

static void evaluate(const struct probe *p, float z, float *out)
{
    for (int i = 0; i < POINTS; i++)
        zs[i] = z;
    probe_run(p, (const float *const[PROBE_INPUTS]){xs, ys, zs}, (float *const[]){out, NULL}, POINTS);
}

/* Midpoints of a grid over w x h, from a corner left of and above zero. */
static void spread(double w, double h)
{
    for (int i = 0; i < POINTS; i++) {
        xs[i] = (float)(w * ((i % SIDE + 0.5) / SIDE - 3));
        ys[i] = (float)(h * ((double)(i / SIDE) + 0.5) / SIDE - 2 * h);
    }
}

/* in.2 is aa. `mean` over one period; tolerance: what sampling a hard edge and a corner leave. */
static const struct {
    const char *text;
    double w, h, mean, softest, tolerance;
} means[] = {
    {"checker(in.0, in.1, aa=in.2)", 2, 2, 0.5, 2, 2e-3},
    {"stripes(in.0, 0.3, in.2)", 1, 1, 0.3, 1, 1e-3},
    {"stripes(in.0, 0.02, in.2)", 1, 1, 0.02, 1, 3e-3},
    {"smooth_stripes(in.0, 0.3, in.2)", 1, 1, 0.3, 1, 1e-3},
    {"brick(in.0, in.1, mortar=0.1, aa=in.2)", 4, 2, 0.9 * 0.95, 1, 5e-3},
    {"dots(in.0, in.1, 0.3, in.2)", 1, 1, 3.14159265358979 * 0.09, 0.4, 2e-3},
    {"dots(in.0, in.1, 0.05, in.2)", 1, 1, 3.14159265358979 * 0.0025, 0.4, 1e-3},
    {"grid(in.0, in.1, 0.1, in.2)", 1, 1, 1 - 0.81, 1, 5e-3},
    {"truchet(in.0, in.1, 0.2, in.2)", 1, 1, 3.14159265358979 * 0.1, 0.2, 2e-3},
    {"hexagons(in.0, in.1, 0.1, in.2)", 1, 1.73205080756888, 0.81, 0.4, 3e-3},
    {"hexagons(in.0, in.1, 0.03, in.2)", 1, 1.73205080756888, 0.9409, 0.4, 3e-3},
    {"hexagons(in.0, in.1, 0.5, in.2)", 1, 1.73205080756888, 0.25, 0.4, 3e-3},
};

static void soft_edges_keep_the_mean(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        struct arena *a = test_arena();
        struct probe *p = probe_expr(a, means[i].text, 3);
        spread(means[i].w, means[i].h);
        for (int k = 0; k < 6; k++) {
            double sum = 0, aa = means[i].softest * (k ? pow(0.5, 5 - k) : 0);
            evaluate(p, (float)aa, first);
            for (int j = 0; j < POINTS; j++) {
                assert_true(first[j] >= -1e-6f && first[j] <= 1.000001f);
                sum += (double)first[j];
            }
            if (fabs(sum / POINTS - means[i].mean) > means[i].tolerance)
                fail_msg("%s, aa %g: mean %g, not %g", means[i].text, aa, sum / POINTS, means[i].mean);
        }
        arena_free(a);
    }
}

/* The second is the first moved by whole periods from positive to negative, or mirrored. */
static const char *const same[][2] = {
    {"checker(in.0, in.1, aa=0.1)", "checker(in.0 - 12, in.1 - 8, aa=0.1)"},
    {"checker(in.0, in.1, in.2, aa=0.1)", "checker(in.0 - 11, in.1 - 7, in.2 - 2, aa=0.1)"},
    {"checker(in.0, in.1, aa=0.1)", "1 - checker(in.0 - 11, in.1 - 8, aa=0.1)"},
    {"checker(in.0, in.1, aa=0.1)", "1 - checker(-in.0, in.1, aa=0.1)"},
    {"stripes(in.0, 0.3, aa=0.1)", "stripes(in.0 - 11, 0.3, aa=0.1)"},
    {"stripes(in.0, 0.3, aa=0.1)", "stripes(0.3 - in.0, 0.3, aa=0.1)"},
    {"stripes(in.0, 0.3, aa=0.1)", "1 - stripes(in.0 - 0.3, 0.7, aa=0.1)"},
    {"smooth_stripes(in.0, 0.3)", "smooth_stripes(in.0 - 11, 0.3)"},
    {"smooth_stripes(in.0, 0.3)", "smooth_stripes(0.3 - in.0, 0.3)"},
    {"brick(in.0, in.1, aa=0.1)", "brick(in.0 - 12, in.1 - 8, aa=0.1)"},
    {"brick(in.0, in.1, aa=0.1)", "brick(in.0 - 1, in.1 - 9, aa=0.1)"},
    {"dots(in.0, in.1, aa=0.1)", "dots(in.0 - 11, in.1 - 8, aa=0.1)"},
    {"dots(in.0, in.1, aa=0.1)", "dots(-in.0, -in.1, aa=0.1)"},
    {"dots(in.0, in.1, 0.7, aa=0.1)", "dots(in.1, in.0, 0.7, aa=0.1)"},
    {"smooth_dots(in.0, in.1)", "smooth_dots(-in.0, in.1 - 9)"},
    {"grid(in.0, in.1, aa=0.1)", "grid(in.0 - 11, in.1 - 8, aa=0.1)"},
    {"grid(in.0, in.1, aa=0.1)", "grid(-in.1, -in.0, aa=0.1)"},
    {"hexagons(in.0, in.1, aa=0.1)", "hexagons(in.0 - 11, in.1 - 8*sqrt(3), aa=0.1)"},
    {"hexagons(in.0, in.1, aa=0.1)", "hexagons(-in.0, -in.1, aa=0.1)"},
    {"hexagons(in.0, in.1, aa=0.1)", "hexagons(rotate2d(in.0, in.1, pi/3).x, rotate2d(in.0, in.1, pi/3).y, aa=0.1)"},
    {"weave(in.0, in.1, 0.7, aa=0.1)", "weave(in.0 - 12, in.1 - 8, 0.7, aa=0.1)"},
    {"weave(in.0, in.1, 0.7, aa=0.1)", "weave(in.0 - 11, in.1 - 7, 0.7, aa=0.1)"},
    {"weave(in.0, in.1, 0.7, aa=0.1)", "weave(in.1, in.0 + 1, 0.7, aa=0.1)"},
    {"weave(in.0, in.1, seed=5)", "weave(in.0, in.1)"},
    {"voronoi(in.0, in.1, seed=3, period=4)", "voronoi(in.0 - 12, in.1 - 8, seed=3, period=4)"},
    {"voronoi(in.0, in.1, period=vec2(3, 5))", "voronoi(in.0 - 12, in.1 - 10, period=vec2(3, 5))"},
    {"gradient_angular(in.0, in.1)", "polar(in.0, in.1).angle/(2*pi) + (in.1 < 0 ? 1 : 0)"},
    {"gradient_linear(in.0, in.1)", "saturate(in.0)"},
    {"gradient_linear(in.0, in.1, pi/2)", "saturate(in.1)"},
    {"gradient_radial(in.0, in.1)", "min(hypot(in.0, in.1), 1)"},
    {"in.0 + in.1", "repeat(in.0, in.1, px=1, py=0).y + repeat(in.0, in.1, px=-2).x"},
    {"repeat(in.0, in.1, px=0.7, py=2).x", "repeat(in.0 - 0.7*9, px=0.7).x"},
    {"repeat(in.0, in.1, in.2, pz=2).z", "in.2 - 2*floor(in.2/2 + 0.5)"},
    {"in.0 - 0.75*floor(in.0/0.75 + 0.5)", "repeat(in.0, px=0.75).x"},
    {"in.0 - 2*clamp(floor(in.0/2 + 0.5), -1, 1)", "repeat_limited(in.0, px=2).x"},
    {"in.1 - (in.1 < 0 ? -0.5 : 0.5)", "repeat_limited(in.0, in.1, n=2).y"},
    {"in.1", "repeat_limited(in.0, in.1, n=1).y"},
    {"rotate2d(in.0, in.1, 0.7).y", "rotate3d(in.0, in.1, in.2, 0, 0, 9, 0.7).y"},
    {"rotate3d(in.0, in.1, in.2, 1, 2, 3, 0.7).x", "rotate3d(in.0, in.1, in.2, -2, -4, -6, -0.7).x"},
    {"in.0", "let p = vec3(in.0, in.1, in.2); rotate3d(in.0, in.1, in.2, 1, 1, 1, 2*pi/3).y"},
    {"rotate3d(in.0, in.1, in.2, 0, 1, 0, -2*in.1).x", "twist(in.0, in.1, in.2, 2).x"},
    {"rotate3d(in.0, in.1, in.2, 0, 1, 0, -2*in.1).z", "twist(in.0, in.1, in.2, 2).z"},
    {"rotate2d(in.0, in.1, 2*in.0).y", "bend(in.0, in.1, in.2, 2).y"},
    {"abs(in.1)", "mirror(in.0, in.1, axis='y').y"},
    {"in.0 + abs(in.2)", "mirror(in.0, in.1, in.2, axis='z').x + mirror(in.0, in.1, in.2, axis='z').z"},
    {"in.0 + 0.5*in.2", "displace(in.0, in.1, in.2, 7, 0.5).x"},
    {"in.1 + 0.3*in.0", "shear(in.0, in.1, 9, 0.3).y"},
    {"in.0", "polar(in.0, in.1).r*cos(polar(in.0, in.1).angle)"},
    {"in.1", "polar(in.0, in.1).r*sin(polar(in.0, in.1).angle)"},
    {"hypot(in.0, in.1)", "let n = 7; hypot(kaleidoscope(in.0, in.1, n).x, kaleidoscope(in.0, in.1, n).y)"},
    {"kaleidoscope(in.0, in.1).y", "kaleidoscope(in.0, -in.1).y"},
    {"kaleidoscope(in.0, in.1, 5).x",
     "kaleidoscope(rotate2d(in.0, in.1, 0.4*pi).x, rotate2d(in.0, in.1, 0.4*pi).y, 5).x"},
    {"in.0", "hypot(in.0 - 0.5, in.1 - 0.5) > 0.5 ? swirl(in.0, in.1, 3).x : in.0"},
    {"hypot(in.0 - 0.5, in.1 - 0.5)", "hypot(swirl(in.0, in.1, 3).x - 0.5, swirl(in.0, in.1, 3).y - 0.5)"},
    {"in.1", "swirl(in.0, in.1, 3, radius=0).y"},
    {"clamp(in.0, 0, 1)*0", "island(in.0 + 0.5*sign(in.0), in.1, 1)"},
};

static void moved_by_a_period_or_mirrored_it_is_the_same(void **state)
{
    (void)state;
    spread(6, 6);
    for (int i = 0; i < POINTS; i++) {
        xs[i] += 14.6f; /* both sides of 0; 6/480 steps hit no edge exactly */
        ys[i] += 8.3f;
    }
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct arena *a = test_arena();
        evaluate(probe_expr(a, same[i][0], 3), 0.37f, first);
        evaluate(probe_expr(a, same[i][1], 3), 0.37f, second);
        for (int k = 0; k < POINTS; k++)
            if (!(fabsf(first[k] - second[k]) <= 1e-4f))
                fail_msg("%s is %g, %s is %g at %g %g", same[i][0], (double)first[k], same[i][1], (double)second[k],
                         (double)xs[k], (double)ys[k]);
        arena_free(a);
    }
}

static void edges_are_where_they_are_said_to_be(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    static const double hard[][2] = {{0, 1}, {0.49999, 1}, {0.5, 0}, {-1e-6, 0}, {-0.5, 0}, {-0.50001, 1}, {-1, 1}};
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
        assert_true(value(a, "stripes(in.0)", hard[i][0], 0, 0) == hard[i][1]);
    static const double soft[][2] = {{-0.1, 0}, {-0.05, 0.25}, {0, 0.5}, {0.05, 0.75}, {0.1, 1}, {0.45, 0.75}};
    for (size_t i = 0; i < sizeof soft / sizeof *soft; i++)
        assert_float_equal(value(a, "stripes(in.0, aa=0.2)", soft[i][0], 0, 0), soft[i][1], 1e-6);
    assert_true(value(a, "stripes(in.0, 0)", 3, 0, 0) == 0 && value(a, "stripes(in.0, 1)", -3, 0, 0) == 1);
    assert_true(value(a, "checker(in.0, in.1)", -0.5, -0.5, 0) == 1 && value(a, "checker(in.0, in.1)", -1, 0, 0) == 0);
    assert_true(value(a, "grid(in.0, in.1)", -2.024, 0.5, 0) == 1 && value(a, "grid(in.0, in.1)", -2.026, 0.5, 0) == 0);
    assert_true(value(a, "dots(in.0, in.1)", -0.5, -0.79, 0) == 1 && value(a, "dots(in.0, in.1)", -0.5, -0.81, 0) == 0);
    assert_true(value(a, "brick(in.0, in.1)", 1, -0.024, 0) == 0 && value(a, "brick(in.0, in.1)", 2, -0.5, 0) == 1);
    assert_true(value(a, "hexagons(in.0, in.1)", 0.47, 0, 0) == 1 && value(a, "hexagons(in.0, in.1)", 0.48, 0, 0) == 0);
    assert_float_equal(value(a, "hexagons(in.0, in.1, 0.1, 0.2)", 0.5, 0, 0), 0.5, 0.05); /* half the box is line */
    arena_free(a);
}

/* Anything but NaN gives a number of the pattern's range as long as cells can be told apart, and never a trap beyond.
 */
static void far_out_patterns_stay_in_range(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "checker(in.0, in.1)", "stripes(in.0, aa=0.1)",  "brick(in.0, in.1)",   "dots(in.0, in.1)",
        "grid(in.0, in.1)",    "hexagons(in.0, in.1)",   "weave(in.0, in.1)",   "truchet(in.0, in.1)",
        "voronoi(in.0, in.1)", "voronoi_id(in.0, in.1)", "tiles(in.0, in.1).x", "tiles(in.0, in.1).random",
    };
    static const float places[] = {1e6f, -1e6f, 1e9f, -3e9f, 1e12f, -1e30f, INFINITY, -INFINITY, NAN};
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct probe *p = probe_expr(a, patterns[i], 2);
        for (int k = 0; k < 81; k++) {
            float x = places[k / 9], y = places[k % 9], v = probe_at(p, x, y, 0);
            bool finite = fabsf(x) <= 1e30f && fabsf(y) <= 1e30f;
            if (!(v >= 0 && v <= 1) && (finite || !isnan(v)))
                fail_msg("%s at %g %g: %g", patterns[i], (double)x, (double)y, (double)v);
        }
    }
    arena_free(a);
}

/* Truchet's lines meet the middles of all four sides, and nothing else of them, whatever the tile. */
static void truchet_lines_go_on_in_the_next_tile(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct probe *p = probe_expr(a, "truchet(in.0, in.1, 0.2, seed=in.2)", 3);
    uint64_t seed = 1;
    int turned = 0;
    for (int i = 0; i < 400; i++) {
        float x = floorf((float)random_in(&seed, -50, 50)), t = (float)random_in(&seed, 0, 1);
        float y = floorf((float)random_in(&seed, -50, 50)), expected = fabsf(t - 0.5f) < 0.1f ? 1 : 0;
        if (fabsf(fabsf(t - 0.5f) - 0.1f) < 0.01f)
            continue;
        assert_true(probe_at(p, x + t, y + 1e-5f, (float)i) == expected);
        assert_true(probe_at(p, x + t, y - 1e-5f, (float)i) == expected);
        assert_true(probe_at(p, x + 1e-5f, y + t, (float)i) == expected);
        assert_true(probe_at(p, x - 1e-5f, y + t, (float)i) == expected);
        turned += probe_at(p, x + 0.36f, y + 0.36f, (float)i) == 1;
    }
    assert_in_range(turned, 100, 260);
    arena_free(a);
}

/* voronoi's points, found again: the hash in plain C, the mixed seed from the node's own part. */
static struct val seed_half(struct build *b, const void *user)
{
    struct val s = noise_mixed_seed(b, b_f64(b, 0));
    (void)b_input(b, 0);
    return b_to(b, TYPE_F32, user ? b_shr(b, s, 16) : b_and(b, s, b_i32(b, 0xffff)));
}

static uint32_t cell_bits(int x, int y, uint32_t seed)
{
    uint32_t h = ((uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u ^ seed) * 0x2c1b3c6du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    return h ^ h >> 16;
}

struct nearest {
    double distance, second, x, y;
};

static struct nearest nearest_point(float x, float y, uint32_t seed)
{
    struct nearest r = {INFINITY, INFINITY, 0, 0};
    int cx = (int)floorf(x), cy = (int)floorf(y);
    for (int i = 0; i < 49; i++) {
        int kx = cx - 3 + i % 7, ky = cy - 3 + i / 7;
        uint32_t h = cell_bits(kx, ky, seed);
        double px = kx + (h >> 16) / 65536.0, py = ky + (h & 0xffff) / 65536.0;
        double d = hypot(px - (double)x, py - (double)y);
        if (d < r.distance)
            r = (struct nearest){d, r.distance, px, py};
        else
            r.second = fmin(d, r.second);
    }
    return r;
}

/* All points where the nearest is far, for only there can a search be too narrow; a sample of the others. */
static void voronoi_finds_the_nearest_of_all_points(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    double high = (double)probe_at(probe_built(a, seed_half, ""), 0, 0, 0);
    uint32_t mixed = (uint32_t)high << 16 | (uint32_t)probe_at(probe_built(a, seed_half, NULL), 0, 0, 0);
    struct probe *near = probe_expr(a, "voronoi(in.0, in.1)", 2), *id = probe_expr(a, "voronoi_id(in.0, in.1)", 2);
    int beyond = 0;
    for (int round = 0; round < 20; round++) {
        spread(500 + 10 * round, 500);
        evaluate(near, 0, first);
        for (int i = 0; i < POINTS; i++) {
            double got = (double)first[i] * sqrt(2);
            if (got < 0.95 && i % 100)
                continue;
            struct nearest n = nearest_point(xs[i], ys[i], mixed);
            beyond += fabs(floor(n.x) - (double)floorf(xs[i])) > 1 || fabs(floor(n.y) - (double)floorf(ys[i])) > 1;
            if (fabs(got - n.distance) > 2e-4)
                fail_msg("voronoi at %g %g: %g, not %g", (double)xs[i], (double)ys[i], got, n.distance);
            if (i % 1000 == 0 && n.second - n.distance > 1e-2)
                assert_true(probe_at(id, xs[i], ys[i], 0) == probe_at(id, (float)n.x, (float)n.y, 0));
        }
    }
    assert_true(beyond > 0); /* a search of 3 x 3 cells would have missed these */
    arena_free(a);
}

static void tiles_have_an_id_and_a_random_number(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct probe *x = probe_expr(a, "tiles(in.0, in.1).x", 2), *id = probe_expr(a, "tiles(in.0, in.1).id", 2);
    struct probe *random = probe_expr(a, "tiles(in.0, in.1).random", 2);
    double sum = 0, square = 0, product = 0, before = 0;
    for (int i = 0; i < 4096; i++) {
        float cx = (float)(i % 64 - 32), cy = (float)(i / 64 - 32);
        float n = probe_at(id, cx + 0.25f, cy + 0.5f, 0), r = probe_at(random, cx + 0.25f, cy + 0.5f, 0);
        assert_true(probe_at(x, cx + 0.25f, cy, 0) == 0.25f);
        assert_true(n == floorf(n) && n >= 0 && n < 0x1p24f && r >= 0 && r < 1);
        assert_true(n == probe_at(id, cx, cy + 0.9f, 0) && r == probe_at(random, cx, cy + 0.9f, 0));
        sum += (double)r;
        square += (double)r * (double)r;
        product += (double)r * before;
        before = (double)r;
    }
    assert_float_equal(sum / 4096, 0.5, 0.02);
    assert_float_equal(square / 4096, 1.0 / 3, 0.02);
    assert_float_equal(product / 4096, 0.25, 0.02); /* neighbours have nothing in common */
    arena_free(a);
}

static void heights_keep_their_range_and_order(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    double least = 1, most = 0;
    spread(60, 60);
    evaluate(probe_expr(a, "terrain2d(in.0, in.1)", 3), 0, first);
    evaluate(probe_expr(a, "terrain2d(in.0, in.1, exponent=3)", 3), 0, second);
    for (int i = 0; i < POINTS; i++) {
        least = fmin(least, (double)first[i]);
        most = fmax(most, (double)first[i]);
        assert_float_equal(pow((double)first[i], 3), (double)second[i], 1e-6);
    }
    assert_true(least >= 0 && least < 0.3 && most <= 1 && most > 0.7);
    struct probe *steps = probe_expr(a, "terraced(in.0, 5)", 1);
    for (float h = -1, last = -2; h < 1; h += 0x1p-10f) {
        float t = probe_at(steps, h, 0, 0);
        assert_true(t >= last && t - last < 0.01f + (last < -1 ? 2 : 0) && fabsf(t - h) <= 0.2f);
        last = t;
    }
    assert_float_equal(value(a, "terraced(in.0, 5)", 0.29, 0, 0), 0.2, 1e-6);
    assert_float_equal(value(a, "island(in.0, in.1, 0.8)", 0, 0, 0), 0.8, 1e-6);
    assert_float_equal(value(a, "island(in.0, in.1, 0.8)", 0.3, 0.4, 0), 0, 1e-6);
    arena_free(a);
}

static void fresnel_follows_the_textbook(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    /* At Brewster's angle one polarisation is not reflected. */
    double brewster = cos(atan(1.5)), s = (1 - 1.5 * 1.5) / (1 + 1.5 * 1.5);
    assert_float_equal(value(a, "fresnel(in.0)", 1, 0, 0), (float)(0.45 * 0.45 / (2.45 * 2.45)), 1e-6);
    assert_float_equal(value(a, "fresnel(in.0)", 0, 0, 0), 1, 1e-6);
    assert_float_equal(value(a, "fresnel(in.0, 1.5)", brewster, 0, 0), (float)(s * s / 2), 1e-6);
    assert_float_equal(value(a, "fresnel(in.0, 1/1.5)", 0.7, 0, 0), 1, 1e-6); /* total within glass */
    assert_float_equal(value(a, "fresnel(in.0, 1)", 0, 0, 0), 0, 1e-6);
    assert_float_equal(value(a, "fresnel(in.0, 1)", 0.3, 0, 0), 0, 1e-6);
    arena_free(a);
}

struct balls {
    const char *node;
    const struct datum *points;
    enum status status;
};

/* Builds the node over in.0, in.1 (in.2) with these points; the status becomes the value when it is not OK. */
static struct val metaballs_body(struct build *b, const void *user)
{
    const struct balls *balls = user;
    struct instance in = {.def = node_by_name(balls->node)};
    struct value ports[NODE_PORTS_MAX];
    size_t dims = in.def->n_inputs - 2;
    for (size_t c = 0; c < dims; c++)
        in.in[c] = value_of(b, b_input(b, (uint32_t)c));
    in.shape[dims] = balls->points;
    enum status status = instance_build(b, &in, ports);
    assert_int_equal(status, balls->status);
    b->fault->count = 0;
    return status == STATUS_OK ? ports[0].c[0] : b_to(b, TYPE_F32, b_i32(b, (int)status));
}

static void metaballs_sum_their_points(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct datum n[5] = {{.kind = DATUM_NUMBER, .number = 0.2},
                         {.kind = DATUM_NUMBER, .number = -0.3},
                         {.kind = DATUM_NUMBER, .number = 0.5},
                         {.kind = DATUM_NUMBER, .number = 2},
                         {.kind = DATUM_NUMBER, .number = 3}};
    struct datum rows[65];
    for (int i = 0; i < 65; i++)
        rows[i] = (struct datum){.kind = DATUM_LIST, .items = n, .n = 3};
    struct datum list = {.kind = DATUM_LIST, .items = rows, .n = 1};
    assert_float_equal(
        probe_at(probe_built(a, metaballs_body, &(struct balls){"metaballs2", &list, STATUS_OK}), 0.7f, -0.3f, 0), 0,
        1e-6); /* at its radius one point of strength 1 is at the threshold */
    list.n = 2;
    rows[1].n = 4; /* strength 2 */
    assert_float_equal(
        probe_at(probe_built(a, metaballs_body, &(struct balls){"metaballs2", &list, STATUS_OK}), 1.2f, -0.3f, 0),
        0.25 * 3 - 1, 1e-6);
    rows[0].n = rows[1].n = 5;
    assert_float_equal(
        probe_at(probe_built(a, metaballs_body, &(struct balls){"metaballs3", &list, STATUS_OK}), 0.2f, -0.3f, 2.5f),
        2 * 3 * 4 / 4.0 - 1, 1e-5);
    list.n = 65;
    probe_built(a, metaballs_body, &(struct balls){"metaballs2", &list, STATUS_LIMIT});
    list.n = 1;
    rows[0].n = 2;
    probe_built(a, metaballs_body, &(struct balls){"metaballs2", &list, STATUS_BAD_GRAPH});
    assert_true(isfinite(value(a, "metaballs2(in.0, in.1)", 0.35, 0.5, 0)));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_edges_keep_the_mean),
        cmocka_unit_test(moved_by_a_period_or_mirrored_it_is_the_same),
        cmocka_unit_test(edges_are_where_they_are_said_to_be),
        cmocka_unit_test(far_out_patterns_stay_in_range),
        cmocka_unit_test(truchet_lines_go_on_in_the_next_tile),
        cmocka_unit_test(voronoi_finds_the_nearest_of_all_points),
        cmocka_unit_test(tiles_have_an_id_and_a_random_number),
        cmocka_unit_test(heights_keep_their_range_and_order),
        cmocka_unit_test(fresnel_follows_the_textbook),
        cmocka_unit_test(metaballs_sum_their_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
