/* labels: core */
/* Shapes, patterns, space and colour ramps: values at points where they are known, and what must hold everywhere. */
#include <math.h>
#include <string.h>

#include "api/json/json.h"
#include "core/lower.h"
#include "tests/support/probe.h"

struct point {
    const char *text;
    float x, y, z;
    double value;
};

static void check_points(const struct point *points, size_t n)
{
    struct arena *a = test_arena();
    for (size_t i = 0; i < n; i++) {
        const struct point *q = &points[i];
        double got = (double)probe_at(probe_expr(a, q->text, 3), q->x, q->y, q->z);
        if (!(fabs(got - q->value) <= 4e-7 * fmax(1, fabs(q->value))))
            fail_msg("%s of %g %g %g: %.9g, not %.9g", q->text, (double)q->x, (double)q->y, (double)q->z, got,
                     q->value);
    }
    arena_free(a);
}

static void shapes_have_their_distances(void **state)
{
    (void)state;
    static const struct point points[] = {
        {"sdf_circle(in.0, in.1, in.2)", 3, 4, 2, 3},
        {"sdf_circle(in.0, in.1, in.2)", 0, 0, 2, -2},
        {"sdf_box2(in.0, in.1, 2, 1)", 0, 0, 0, -1},
        {"sdf_box2(in.0, in.1, 2, 1)", -1.5, 0.25, 0, -0.5},
        {"sdf_box2(in.0, in.1, 2, 1)", -5, -5, 0, 5},
        {"sdf_box2(in.0, in.1, 2, 1)", 0, -3, 0, 2},
        {"union(in.0, in.1)", 1, -2, 0, -2},
        {"intersection(in.0, in.1)", 1, -2, 0, 1},
        {"subtraction(in.0, in.1)", -3, -2, 0, 2},
        {"subtraction(in.0, in.1)", -3, 5, 0, -3},
        /* h = (k - |a - b|)/k, moved by h^2 k/4 */
        {"smooth_union(in.0, in.1, in.2)", 1, 1, 1, 0.75},
        {"smooth_union(in.0, in.1, in.2)", 1, 1.5, 1, 0.9375},
        {"smooth_union(in.0, in.1, in.2)", 1, 3, 1, 1},
        {"smooth_intersection(in.0, in.1, in.2)", 1, 1, 1, 1.25},
        {"smooth_intersection(in.0, in.1, in.2)", 1.5, 1, 1, 1.5625},
        {"smooth_subtraction(in.0, in.1, in.2)", 1, -1, 1, 1.25},
        {"smooth_subtraction(in.0, in.1, in.2)", -2, -2, 0, 2},
        {"smooth_subtraction(in.0, in.1, in.2)", 0.5, 4, 1, 0.5},
        {"smooth_union(in.0, in.1, in.2)", 1, 2, 0, 1},
        {"smooth_union(in.0, in.1, in.2)", 1, 2, -3, 1},
        {"smooth_intersection(in.0, in.1, in.2)", 1, 2, 0, 2},
    };
    check_points(points, sizeof points / sizeof *points);
}

static void space_moves_points(void **state)
{
    (void)state;
    static const struct point points[] = {
        {"translate(in.0, in.1, in.2, 1, 2, 3).x", 5, 6, 7, 4},
        {"translate(in.0, in.1, in.2, 1, 2, 3).y", 5, 6, 7, 4},
        {"translate(in.0, in.1, in.2, 1, 2, 3).z", 5, 6, 7, 4},
        {"translate(in.0, in.1, dy=0.5).x", 5, 6, 7, 5},
        {"scale(in.0, in.1, in.2, 2, 3, 4).x", 5, 6, 7, 10},
        {"scale(in.0, in.1, in.2, 2, 3, 4).y", 5, 6, 7, 18},
        {"scale(in.0, in.1, in.2, 2, 3, 4).z", 5, 6, 7, 28},
        {"scale(in.0, in.1, sx=2).y", 5, 6, 7, 6},
        {"rotate2d(in.0, in.1, pi/2).x", 1, 0, 0, 0},
        {"rotate2d(in.0, in.1, pi/2).y", 1, 0, 0, 1},
        {"rotate2d(in.0, in.1, pi/6).x", 2, 0, 0, 1.7320508075688772},
        {"rotate2d(in.0, in.1, pi, 1, 1).x", 3, 2, 0, -1},
        {"rotate2d(in.0, in.1, pi, 1, 1).y", 3, 2, 0, 0},
    };
    check_points(points, sizeof points / sizeof *points);
}

static void checks_alternate_on_both_sides_of_zero(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct probe *flat = probe_expr(a, "checker(in.0, in.1)", 3),
                 *cubes = probe_expr(a, "checker(in.0, in.1, in.2)", 3);
    for (int i = -5; i <= 5; i++)
        for (int j = -5; j <= 5; j++)
            for (int k = 0; k < 4; k++) {
                static const float inside[4] = {0, 0.25f, 0.5f, 0.999f};
                float x = (float)i + inside[k], y = (float)j + inside[3 - k];
                assert_true(probe_at(flat, x, y, 0) == (float)((i + j) % 2 == 0));
                assert_true(probe_at(cubes, x, y, -0.5f) == (float)((i + j - 1) % 2 == 0));
            }
    arena_free(a);
}

static void soft_checks_ramp_over_the_edge(void **state)
{
    (void)state;
    static const struct point points[] = {
        {"checker(in.0, in.1, aa=0.2)", 1, 0.5, 0, 0.5},      {"checker(in.0, in.1, aa=0.2)", 0.95f, 0.5, 0, 0.75},
        {"checker(in.0, in.1, aa=0.2)", 1.05f, 0.5, 0, 0.25}, {"checker(in.0, in.1, aa=0.2)", -1.05f, 0.5, 0, 0.75},
        {"checker(in.0, in.1, aa=0.2)", 0.5, 0.5, 0, 1},      {"checker(in.0, in.1, aa=0.2)", 1.2f, 0.5, 0, 0},
    };
    check_points(points, sizeof points / sizeof *points);
}

/* --- ramp */

static void ramp_at(struct arena *a, const char *inputs, float x, float ret[4])
{
    char *json = arena_printf(a,
                              "{\"nodes\": {\"c\": {\"op\": \"ramp\", \"in\": \"in.0\"%s}},"
                              "\"output\": [\"c.r\", \"c.g\", \"c.b\", \"c.a\"]}",
                              inputs);
    probe_run(probe_graph(a, json, 1), (const float *const[]){&x}, (float *const[]){&ret[0], &ret[1], &ret[2], &ret[3]},
              1);
}

static void expect_colour(const char *inputs, float x, float r, float g, float b, float alpha)
{
    struct arena *a = test_arena();
    float got[4], want[4] = {r, g, b, alpha};
    ramp_at(a, inputs, x, got);
    for (int c = 0; c < 4; c++)
        if (!(fabsf(got[c] - want[c]) < 1e-6f))
            fail_msg("ramp%s of %g: component %d is %.9g, not %.9g", inputs, (double)x, c, (double)got[c],
                     (double)want[c]);
    arena_free(a);
}

#define STOPS ", \"stops\": [[0, \"#000000\"], [0.5, \"#ff800080\"], [1, [0, 1, 2, 0.25]]]"

static void ramps_pass_through_their_stops(void **state)
{
    (void)state;
    static const char *const kinds[] = {STOPS, STOPS ", \"interp\": \"linear\"", STOPS ", \"interp\": \"ease\"",
                                        STOPS ", \"interp\": \"constant\""};
    for (int k = 0; k < 4; k++) {
        expect_colour(kinds[k], -3, 0, 0, 0, 1);
        expect_colour(kinds[k], 0, 0, 0, 0, 1);
        expect_colour(kinds[k], 0.5, 1, 128 / 255.0f, 0, 128 / 255.0f);
        expect_colour(kinds[k], 1, 0, 1, 2, 0.25);
        expect_colour(kinds[k], 7, 0, 1, 2, 0.25);
    }
}

static void ramps_go_between_stops_as_told(void **state)
{
    (void)state;
    expect_colour("", 0.25, 0.25, 0.25, 0.25, 1);
    expect_colour(STOPS, 0.75, 0.5, 0.75098039f, 1, 0.37598039f);
    expect_colour(STOPS ", \"interp\": \"constant\"", 0.75, 1, 128 / 255.0f, 0, 128 / 255.0f);
    expect_colour(STOPS ", \"interp\": \"ease\"", 0.625, 0.84375, 0.57977941f, 0.3125, 0.46259191f);
    expect_colour(", \"stops\": [[0, \"#204060\"]]", 0.7f, 32 / 255.0f, 64 / 255.0f, 96 / 255.0f, 1);
}

static void two_stops_at_one_place_are_an_edge(void **state)
{
    (void)state;
    static const char edge[] =
        ", \"stops\": [[0, \"#000000\"], [0.5, \"#ffffff\"], [0.5, \"#ff0000\"], [1, \"#ff0000\"]]";
    expect_colour(edge, 0.25, 0.5, 0.5, 0.5, 1);
    expect_colour(edge, 0.49999997f, 1, 0.99999994f, 0.99999994f, 1);
    expect_colour(edge, 0.5, 1, 0, 0, 1);
}

static void an_edge_may_be_the_end_of_a_ramp(void **state)
{
    (void)state;
    static const char *const kinds[] = {"linear", "constant", "ease", "cubic"};
    for (int k = 0; k < 4; k++) {
        struct arena *a = test_arena();
        const char *only =
            arena_printf(a, ", \"interp\": \"%s\", \"stops\": [[0.5, \"#000000\"], [0.5, \"#ffffff\"]]", kinds[k]);
        const char *last = arena_printf(
            a, ", \"interp\": \"%s\", \"stops\": [[0, \"#000000\"], [0.5, \"#00ff00\"], [0.5, \"#ffffff\"]]", kinds[k]);
        expect_colour(only, 0.25, 0, 0, 0, 1);
        expect_colour(only, 0.5, 1, 1, 1, 1);
        expect_colour(only, 3, 1, 1, 1, 1);
        expect_colour(last, 0, 0, 0, 0, 1);
        expect_colour(last, 0.5, 1, 1, 1, 1);
        expect_colour(last, 3, 1, 1, 1, 1);
        arena_free(a);
    }
}

static void cubic_ramps_stay_within_0_and_1(void **state)
{
    (void)state;
    static const char cubic[] =
        ", \"interp\": \"cubic\", \"stops\": [[0, [0, 0, 1]], [0.3, [1, 0, 1]], [0.6, [1, 1, 0]], [1, [0, 1, 1]]]";
    struct arena *a = test_arena();
    float got[4];
    for (int i = 0; i <= 100; i++) {
        ramp_at(a, cubic, (float)i / 100, got);
        for (int c = 0; c < 4; c++)
            assert_true(got[c] >= 0 && got[c] <= 1);
    }
    expect_colour(cubic, 0, 0, 0, 1, 1);
    expect_colour(cubic, 0.3f, 1, 0, 1, 1);
    expect_colour(cubic, 1, 0, 1, 1, 1);
    arena_free(a);
}

static void bad_stops_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *stops, *pointer;
    } bad[] = {
        {"[]", "/nodes/c/stops"},
        {"3", "/nodes/c/stops"},
        {"[[0, \"#00000\"]]", "/nodes/c/stops/0"},
        {"[[0, \"#gg0000\"]]", "/nodes/c/stops/0"},
        {"[[0, \"#000000\"], [1, [1, 2]]]", "/nodes/c/stops/1"},
        {"[[0, \"#000000\"], 5]", "/nodes/c/stops/1"},
        {"[[1, \"#000000\"], [0, \"#000000\"]]", "/nodes/c/stops/1"},
    };
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
        struct lowered lowered;
        struct datum *root;
        struct graph *g;
        struct fault fault;
        char *json = arena_printf(
            a, "{\"nodes\": {\"c\": {\"op\": \"ramp\", \"in\": \"x\", \"stops\": %s}}, \"output\": \"c.r\"}",
            bad[i].stops);
        fault_init(&fault, a);
        assert_int_equal(json_read(json, strlen(json), &(struct json_limits){1 << 20, 64}, a, &root, &fault),
                         STATUS_OK);
        assert_int_equal(graph_read(root, &limits, a, &g, &fault), STATUS_OK);
        assert_int_not_equal(lower(g, (struct layout){GRAPH_FIELD, 0}, &limits, a, &lowered, &fault), STATUS_OK);
        if (strncmp(fault.items[0].pointer, bad[i].pointer, strlen(bad[i].pointer)) != 0)
            fail_msg("stops %s: %s at %s", bad[i].stops, fault.items[0].detail, fault.items[0].pointer);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_have_their_distances),
        cmocka_unit_test(space_moves_points),
        cmocka_unit_test(checks_alternate_on_both_sides_of_zero),
        cmocka_unit_test(soft_checks_ramp_over_the_edge),
        cmocka_unit_test(ramps_pass_through_their_stops),
        cmocka_unit_test(ramps_go_between_stops_as_told),
        cmocka_unit_test(two_stops_at_one_place_are_an_edge),
        cmocka_unit_test(an_edge_may_be_the_end_of_a_ramp),
        cmocka_unit_test(cubic_ramps_stay_within_0_and_1),
        cmocka_unit_test(bad_stops_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
