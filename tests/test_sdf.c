/* labels: core */
/* Shapes against brute force: the distance to a densely sampled boundary, the sign from a predicate of its own. Slopes,
 * and what the operators that combine shapes promise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/lower.h"
#include "tests/support/outlines.h"
#include "tests/support/probe.h"

enum { PROBES = 400, PAIRS = 1 << 15 };

static double random_in(uint64_t *seed, double lo, double hi)
{
    return lo + (hi - lo) * test_random(seed) * 0x1p-32;
}

static double distance_to(const struct cloud *c, const float p[3])
{
    double least = INFINITY;
    for (int i = 0; i < c->n; i++) {
        double x = p[0] - c->p[i][0], y = p[1] - c->p[i][1], z = p[2] - c->p[i][2], d = x * x + y * y + z * z;
        least = d < least ? d : least;
    }
    return sqrt(least);
}

static bool is_solid(const struct shape *s)
{
    return strstr(s->text, "in.2") != NULL;
}

static void compare_with_brute_force(struct arena *a, const struct shape *s, struct cloud *c)
{
    struct probe *f = probe_expr(a, s->text, 3);
    uint64_t seed = 7;
    c->n = 0;
    c->grow = 0;
    s->boundary(c);
    for (int i = 0; i < c->n; i += 1 + c->n / 2000) {
        float at = probe_at(f, (float)c->p[i][0], (float)c->p[i][1], (float)c->p[i][2]);
        if (fabs((double)at + c->grow) > 1e-6)
            fail_msg("%s: %g on the boundary, at %g %g %g", s->text, (double)at, c->p[i][0], c->p[i][1], c->p[i][2]);
    }
    for (int i = 0; i < PROBES; i++) {
        float p[3] = {0};
        for (int k = 0; k < (is_solid(s) ? 3 : 2); k++)
            p[k] = (float)random_in(&seed, -1.3, 1.3);
        if (strstr(s->text, "abs(in.0)"))
            p[0] = fabsf(p[0]);
        double d = distance_to(c, p), got = (double)probe_at(f, p[0], p[1], p[2]);
        if (d < s->least)
            continue;
        double want = (s->inside && s->inside((double)p[0], (double)p[1], (double)p[2]) ? -d : d) - c->grow;
        if (!(fabs(got - want) < s->tolerance))
            fail_msg("%s at %g %g %g: %g, not %g", s->text, (double)p[0], (double)p[1], (double)p[2], got, want);
    }
}

static void shapes_measure_the_distance_to_their_boundary(void **state)
{
    (void)state;
    struct cloud c = {.p = malloc(CLOUD_MAX * sizeof *c.p)};
    assert_non_null(c.p);
    for (int i = 0; i < n_shapes; i++) {
        struct arena *a = test_arena();
        if (shapes[i].boundary)
            compare_with_brute_force(a, &shapes[i], &c);
        arena_free(a);
    }
    free(c.p);
}

/* |f(p) - f(q)| <= limit |p - q| for near and far pairs. */
static void check_slope(const char *text, int dims, double limit)
{
    static float in[2][3][PAIRS], out[2][PAIRS];
    struct arena *a = test_arena();
    struct probe *f = probe_expr(a, text, 3);
    uint64_t seed = 3;
    for (int i = 0; i < PAIRS; i++)
        for (int k = 0; k < dims; k++) {
            double reach = i % 3 == 0 ? 4 : i % 3 == 1 ? 0.3 : 0.02;
            in[0][k][i] = (float)random_in(&seed, -2, 2);
            in[1][k][i] = in[0][k][i] + (float)random_in(&seed, -reach, reach);
        }
    for (int s = 0; s < 2; s++)
        probe_run(f, (const float *const[PROBE_INPUTS]){in[s][0], in[s][1], in[s][2]}, (float *const[]){out[s], NULL},
                  PAIRS);
    for (int i = 0; i < PAIRS; i++) {
        double square = 0, rise = fabs((double)out[0][i] - (double)out[1][i]);
        for (int k = 0; k < dims; k++) {
            double d = (double)in[0][k][i] - (double)in[1][k][i];
            square += d * d;
        }
        if (!(rise <= limit * sqrt(square) * (1 + 1e-4) + 1e-6))
            fail_msg("%s rises by %g over %g at %g %g %g", text, rise, sqrt(square), (double)in[0][0][i],
                     (double)in[0][1][i], (double)in[0][2][i]);
    }
    arena_free(a);
}

static void no_shape_is_steeper_than_one(void **state)
{
    (void)state;
    for (int i = 0; i < n_shapes; i++)
        check_slope(shapes[i].text, is_solid(&shapes[i]) ? 3 : 2, 1);
    static const char *const more[] = {
        "sdf_arc(in.0, in.1, 0.7, 0, 0.1)",
        "sdf_arc(in.0, in.1, 0.7, 2*pi, 0.1)",
        "sdf_pie(in.0, in.1, 0.7, 0)",
        "sdf_pie(in.0, in.1, 0.7, 2*pi)",
        "sdf_ellipse(in.0, in.1, 0.5, 0.5)",
        "sdf_ellipse(in.0, in.1, 1, 0.1)",
        "sdf_star(in.0, in.1, 0.8, points=2, inner=0.2)",
        "sdf_star(in.0, in.1, 0.8, points=64, inner=0.9)",
        "sdf_polygon(in.0, in.1, 0.8, sides=64)",
        "sdf_rounded_box2(in.0, in.1, 0.5, 0.3, 9)",
        "smooth_union(sdf_box2(in.0, in.1, 0.3, 0.4), sdf_circle(in.0 - 0.4, in.1, 0.3), 0.3)",
        "smooth_subtraction(sdf_box2(in.0, in.1, 0.3, 0.4), sdf_circle(in.0 - 0.4, in.1, 0.3), 0.3)",
        "sdf_morph(sdf_box2(in.0, in.1, 0.3, 0.4), sdf_circle(in.0, in.1, 0.3), 0.3)",
        "sdf_annular(sdf_round(sdf_box2(in.0, in.1, 0.3, 0.4), 0.1), 0.02)",
        "sdf_circle(sdf_elongate(in.0, in.1, hx=0.3, hy=0.1).x, sdf_elongate(in.0, in.1, hx=0.3, hy=0.1).y, 0.2)",
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        check_slope(more[i], 2, 1);
}

static float evaluate(struct arena *a, const char *text, float x, float y, float z)
{
    return probe_at(probe_expr(a, text, 3), x, y, z);
}

static void lines_and_planes_keep_their_side_and_distance(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    assert_float_equal(evaluate(a, "sdf_line2(in.0, in.1, 3, -4, 0.2)", 3, -4, 0), 4.8, 1e-6);
    assert_float_equal(evaluate(a, "sdf_line2(in.0, in.1, 3, -4, 0.2)", 0, 0, 0), -0.2, 1e-6);
    assert_float_equal(evaluate(a, "sdf_plane(in.0, in.1, in.2, 2, -3, 6, 0.2)", 2, -3, 6), 6.8, 1e-6);
    assert_float_equal(evaluate(a, "sdf_plane(in.0, in.1, in.2, 0, 0, 0, 0.2)", 2, -3, 6), -0.2, 1e-6);
    arena_free(a);
}

static void degenerate_shapes_are_points_and_lines(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    assert_float_equal(evaluate(a, "sdf_segment(in.0, in.1, 1, 1, 1, 1)", 4, 5, 0), 5, 1e-6);
    assert_float_equal(evaluate(a, "sdf_capsule(in.0, in.1, in.2, 1, 1, 0, 1, 1, 0, 1)", 4, 5, 0), 4, 1e-6);
    assert_float_equal(evaluate(a, "sdf_triangle(in.0, in.1, 0, 0, 1, 0, 2, 0)", 1, 3, 0), 3, 1e-6);
    assert_float_equal(evaluate(a, "sdf_arc(in.0, in.1, 1, 0)", 0, 2, 0), 3, 1e-6);
    assert_float_equal(evaluate(a, "sdf_arc(in.0, in.1, 1, 2*pi)", 0, -0.25f, 0), 0.75, 1e-6);
    assert_float_equal(evaluate(a, "sdf_pie(in.0, in.1, 1, 2*pi)", 0, 0.25f, 0), -0.75, 1e-6);
    assert_float_equal(evaluate(a, "sdf_ellipse(in.0, in.1, 0.5, 0.5)", 0, 0, 0), -0.5, 1e-6);
    assert_float_equal(evaluate(a, "sdf_ellipse(in.0, in.1, 0.5, 0)", 0, 2, 0), 2, 0.005);
    arena_free(a);
}

static void smooth_operators_are_hard_without_a_seam(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"smooth_union(in.0, in.1, in.2)", "union(in.0, in.1)"},
        {"smooth_intersection(in.0, in.1, in.2)", "intersection(in.0, in.1)"},
        {"smooth_subtraction(in.0, in.1, in.2)", "subtraction(in.0, in.1)"},
    };
    struct arena *a = test_arena();
    uint64_t seed = 5;
    for (int i = 0; i < 3; i++) {
        struct probe *soft = probe_expr(a, pairs[i][0], 3), *hard = probe_expr(a, pairs[i][1], 3);
        double sign = i ? 1 : -1;
        for (int k = 0; k < 2000; k++) {
            float x = (float)random_in(&seed, -2, 2), y = k % 10 ? (float)random_in(&seed, -2, 2) : x;
            float want = probe_at(hard, x, y, 0);
            assert_true(probe_at(soft, x, y, 0) == want && probe_at(soft, x, y, -0.5f) == want);
            float seam = probe_at(soft, x, y, 0.4f);
            double added = sign * ((double)seam - (double)want); /* at most k/4, and nothing away from the seam */
            assert_true(added >= -1e-6 && added <= 0.1 + 1e-6);
            if (fabs((double)x - (i == 2 ? -(double)y : (double)y)) > 0.4 + 1e-6)
                assert_true(seam == want);
            assert_true(fabsf(probe_at(soft, x, y, 1e-5f) - want) < 1e-5f); /* continuous where the seam vanishes */
        }
    }
    assert_float_equal(evaluate(a, "smooth_subtraction(in.0, in.1, 0)", -2, -2, 0), 2, 0);
    arena_free(a);
}

static void counts_of_corners_have_limits(void **state)
{
    (void)state;
    static const char *const wrong[] = {"sdf_polygon(x, y, 1, sides=2)", "sdf_polygon(x, y, 1, sides=65)",
                                        "sdf_star(x, y, 1, points=1)", "sdf_star(x, y, 1, points=2.5)"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
        struct arena *a = test_arena();
        struct lowered lowered;
        struct graph *g;
        struct fault fault;
        fault_init(&fault, a);
        assert_int_equal(graph_from_expr(wrong[i], NULL, a, &g, &fault), STATUS_OK);
        assert_int_equal(lower(g, (struct layout){GRAPH_FIELD, 0}, &limits, a, &lowered, &fault), STATUS_BAD_GRAPH);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_measure_the_distance_to_their_boundary),
        cmocka_unit_test(no_shape_is_steeper_than_one),
        cmocka_unit_test(lines_and_planes_keep_their_side_and_distance),
        cmocka_unit_test(degenerate_shapes_are_points_and_lines),
        cmocka_unit_test(smooth_operators_are_hard_without_a_seam),
        cmocka_unit_test(counts_of_corners_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
