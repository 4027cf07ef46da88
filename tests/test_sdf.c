/* labels: core */
/* Shapes against brute force: the distance to a densely sampled boundary, the sign from a predicate of its own. Slopes,
 * and what the operators that combine shapes promise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/lower.h"
#include "tests/support/probe.h"

enum { PROBES = 400, PAIRS = 1 << 15, CLOUD_MAX = 600000, CORNERS_MAX = 128 };

static const double pi = 3.14159265358979323846;

/* A boundary as points; `grow` is how far the shape reaches beyond it. */
struct cloud {
    double (*p)[3];
    int n;
    double grow;
};

struct shape {
    const char *text;
    void (*boundary)(struct cloud *c);
    bool (*inside)(double x, double y, double z); /* of the cloud; NULL: it has no inside */
    double tolerance;                             /* of the sampling */
    double least; /* points nearer than this are not compared: too close to the samples */
};

static struct arena *arena_of_test(void)
{
    struct arena *a = arena_new(256u << 20);
    assert_non_null(a);
    if (ARENA_GUARD(a))
        fail_msg("the arena is too small for the test");
    return a;
}

static void add_point(struct cloud *c, double x, double y, double z)
{
    assert_true(c->n < CLOUD_MAX);
    c->p[c->n][0] = x;
    c->p[c->n][1] = y;
    c->p[c->n++][2] = z;
}

static void add_line(struct cloud *c, double ax, double ay, double bx, double by)
{
    for (int i = 0; i <= 4000; i++)
        add_point(c, ax + (bx - ax) * i / 4000, ay + (by - ay) * i / 4000, 0);
}

static void add_arc(struct cloud *c, double cx, double cy, double rx, double ry, double from, double to)
{
    for (int i = 0; i <= 10000; i++) {
        double t = from + (to - from) * i / 10000;
        add_point(c, cx + rx * cos(t), cy + ry * sin(t), 0);
    }
}

/* Polygons by their corners, even-odd. */
static double corners[CORNERS_MAX][2];
static int n_corners;

static void corner(double x, double y)
{
    assert_true(n_corners < CORNERS_MAX);
    corners[n_corners][0] = x;
    corners[n_corners++][1] = y;
}

static void add_corners(struct cloud *c)
{
    for (int i = 0; i < n_corners; i++) {
        const double *a = corners[i], *b = corners[(i + 1) % n_corners];
        add_line(c, a[0], a[1], b[0], b[1]);
    }
}

static bool in_corners(double x, double y, double z)
{
    bool in = false;
    (void)z;
    for (int i = 0, k = n_corners - 1; i < n_corners; k = i++) {
        const double *a = corners[i], *b = corners[k];
        if ((a[1] > y) != (b[1] > y) && x < a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]))
            in = !in;
    }
    return in;
}

/* Corners at angle 2 pi k/n from up, alternating between two radii. */
static void corners_around(int n, double even, double odd)
{
    n_corners = 0;
    for (int k = 0; k < n; k++) {
        double r = k % 2 ? odd : even, t = 2 * pi * k / n;
        corner(r * sin(t), -r * cos(t));
    }
}

static void box(struct cloud *c)
{
    n_corners = 0;
    corner(-0.7, -0.4);
    corner(0.7, -0.4);
    corner(0.7, 0.4);
    corner(-0.7, 0.4);
    add_corners(c);
}

static void rounded_box(struct cloud *c)
{
    n_corners = 0;
    corner(-0.5, -0.2);
    corner(0.5, -0.2);
    corner(0.5, 0.2);
    corner(-0.5, 0.2);
    for (int i = 0; i < 4; i++) {
        double x = corners[i][0], y = corners[i][1], t = pi + i * pi / 2;
        const double *next = corners[(i + 1) % 4];
        add_arc(c, x, y, 0.2, 0.2, t, t + pi / 2);
        double dx = 0.2 * cos(t + pi / 2), dy = 0.2 * sin(t + pi / 2);
        add_line(c, x + dx, y + dy, next[0] + dx, next[1] + dy);
    }
}

static bool in_rounded_box(double x, double y, double z)
{
    (void)z;
    return hypot(fmax(fabs(x) - 0.5, 0), fmax(fabs(y) - 0.2, 0)) < 0.2;
}

static void circle(struct cloud *c)
{
    add_arc(c, 0, 0, 0.7, 0.7, 0, 2 * pi);
}

static bool in_circle(double x, double y, double z)
{
    (void)z;
    return hypot(x, y) < 0.7;
}

static void segment(struct cloud *c)
{
    add_line(c, -0.5, -0.3, 0.6, 0.2);
    c->grow = 0.15;
}

static void triangle(struct cloud *c)
{
    n_corners = 0;
    corner(-0.6, -0.5);
    corner(0.7, -0.1);
    corner(-0.2, 0.8);
    add_corners(c);
}

static void pentagon(struct cloud *c)
{
    corners_around(5, 0.8, 0.8);
    add_corners(c);
}

static void trigon(struct cloud *c)
{
    corners_around(3, 0.8, 0.8);
    add_corners(c);
}

static void hexagon(struct cloud *c)
{
    corners_around(6, 0.7, 0.7);
    add_corners(c);
}

static void star5(struct cloud *c)
{
    corners_around(10, 0.8, 0.4);
    add_corners(c);
}

static void star7(struct cloud *c)
{
    corners_around(14, 0.8, 0.76);
    add_corners(c);
}

static void cross(struct cloud *c)
{
    static const int turns[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    n_corners = 0;
    for (int i = 0; i < 4; i++) {
        double s = turns[i][1], k = turns[i][0];
        double at[3][2] = {{0.8, -0.15}, {0.8, 0.15}, {0.15, 0.15}};
        for (int j = 0; j < 3; j++)
            corner(k * at[j][0] - s * at[j][1], s * at[j][0] + k * at[j][1]);
    }
    add_corners(c);
}

static void ellipse(struct cloud *c)
{
    add_arc(c, 0, 0, 0.8, 0.3, 0, 2 * pi);
}

static bool in_ellipse(double x, double y, double z)
{
    (void)z;
    return hypot(x / 0.8, y / 0.3) < 1;
}

static void short_arc(struct cloud *c)
{
    add_arc(c, 0, 0, 0.7, 0.7, -pi / 2 - 1.25, -pi / 2 + 1.25);
    c->grow = 0.1;
}

static void long_arc(struct cloud *c)
{
    add_arc(c, 0, 0, 0.7, 0.7, -pi / 2 - 2.5, -pi / 2 + 2.5);
    c->grow = 0.1;
}

static void pie_of(struct cloud *c, double half)
{
    add_arc(c, 0, 0, 0.7, 0.7, -pi / 2 - half, -pi / 2 + half);
    add_line(c, 0, 0, 0.7 * sin(half), -0.7 * cos(half));
    add_line(c, 0, 0, -0.7 * sin(half), -0.7 * cos(half));
}

static void narrow_pie(struct cloud *c)
{
    pie_of(c, 0.75);
}

static bool in_narrow_pie(double x, double y, double z)
{
    (void)z;
    return hypot(x, y) < 0.7 && fabs(atan2(x, -y)) < 0.75;
}

static void wide_pie(struct cloud *c)
{
    pie_of(c, 2.5);
    c->grow = 0.05;
}

static bool in_wide_pie(double x, double y, double z)
{
    (void)z;
    return hypot(x, y) < 0.7 && fabs(atan2(x, -y)) < 2.5;
}

static void ring(struct cloud *c)
{
    add_arc(c, 0, 0, 0.6, 0.6, 0, 2 * pi);
    c->grow = 0.1;
}

static const double heart_unit = 2 * 0.7 / (0.75 + 0.35355339059327373);

static void heart(struct cloud *c)
{
    double k = heart_unit, r = 0.35355339059327373 * k;
    for (int side = -1; side <= 1; side += 2) {
        add_line(c, 0, 0.7, side * 0.5 * k, 0.7 - 0.5 * k);
        add_arc(c, side * 0.25 * k, 0.7 - 0.75 * k, side * r, r, pi / 4, -3 * pi / 4);
    }
}

static bool in_heart(double x, double y, double z)
{
    double px = fabs(x) / heart_unit, py = (0.7 - y) / heart_unit;
    (void)z;
    return (px < py && px + py < 1) || hypot(px - 0.25, py - 0.75) < 0.35355339059327373;
}

/* Solids: patches of 300 x 300 points. */
typedef void patch(double u, double v, double p[3]);

static void add_patch(struct cloud *c, patch *f)
{
    double p[3];
    for (int i = 0; i < 300; i++)
        for (int k = 0; k < 300; k++) {
            f(i / 299.0, k / 299.0, p);
            add_point(c, p[0], p[1], p[2]);
        }
}

static const double half_box[3] = {0.6, 0.3, 0.4};
static int side_axis;
static double side_sign;

static void box_side(double u, double v, double p[3])
{
    int x = (side_axis + 1) % 3, y = (side_axis + 2) % 3;
    p[side_axis] = side_sign * half_box[side_axis];
    p[x] = (2 * u - 1) * half_box[x];
    p[y] = (2 * v - 1) * half_box[y];
}

static void solid_box(struct cloud *c)
{
    for (side_axis = 0; side_axis < 3; side_axis++)
        for (side_sign = -1; side_sign <= 1; side_sign += 2)
            add_patch(c, box_side);
}

static bool in_solid_box(double x, double y, double z)
{
    return fabs(x) < half_box[0] && fabs(y) < half_box[1] && fabs(z) < half_box[2];
}

static void solid_rounded_box(struct cloud *c)
{
    solid_box(c);
    c->grow = 0.1;
}

static void cylinder_side(double u, double v, double p[3])
{
    p[0] = 0.5 * cos(2 * pi * u);
    p[1] = (2 * v - 1) * 0.4;
    p[2] = 0.5 * sin(2 * pi * u);
}

static void lids(double u, double v, double p[3])
{
    double r = 0.5 * (v < 0.5 ? 2 * v : 2 * v - 1);
    p[0] = r * cos(2 * pi * u);
    p[1] = v < 0.5 ? -0.4 : 0.4;
    p[2] = r * sin(2 * pi * u);
}

static void cylinder(struct cloud *c)
{
    add_patch(c, cylinder_side);
    add_patch(c, lids);
}

static bool in_cylinder(double x, double y, double z)
{
    return hypot(x, z) < 0.5 && fabs(y) < 0.4;
}

static void cone_side(double u, double v, double p[3])
{
    p[0] = 0.5 * v * cos(2 * pi * u);
    p[1] = (2 * v - 1) * 0.6;
    p[2] = 0.5 * v * sin(2 * pi * u);
}

static void cone_base(double u, double v, double p[3])
{
    cone_side(u, v, p);
    p[1] = 0.6;
}

static void cone(struct cloud *c)
{
    add_patch(c, cone_side);
    add_patch(c, cone_base);
}

static bool in_cone(double x, double y, double z)
{
    return y < 0.6 && hypot(x, z) < 0.5 * (y + 0.6) / 1.2;
}

static void torus(struct cloud *c)
{
    for (int i = 0; i < 20000; i++)
        add_point(c, 0.6 * cos(2 * pi * i / 20000), 0, 0.6 * sin(2 * pi * i / 20000));
    c->grow = 0.2;
}

static void capsule(struct cloud *c)
{
    for (int i = 0; i <= 10000; i++)
        add_point(c, -0.3 + 0.8e-4 * i, 0.2 - 0.5e-4 * i, 0.1 + 0.3e-4 * i);
    c->grow = 0.2;
}

static int octant;

static void octahedron_face(double u, double v, double p[3])
{
    p[0] = 0.7 * u;
    p[1] = 0.7 * (1 - u) * v;
    p[2] = 0.7 - p[0] - p[1];
    for (int i = 0; i < 3; i++)
        p[i] *= octant >> i & 1 ? -1 : 1;
}

static void octahedron(struct cloud *c)
{
    for (octant = 0; octant < 8; octant += 2) /* x >= 0: the other half mirrors it */
        add_patch(c, octahedron_face);
}

static bool in_octahedron(double x, double y, double z)
{
    return fabs(x) + fabs(y) + fabs(z) < 0.7;
}

static void origin(struct cloud *c)
{
    add_point(c, 0, 0, 0);
    c->grow = 0.7;
}

static const struct shape shapes[] = {
    {"sdf_circle(in.0, in.1, 0.7)", circle, in_circle, 1e-4, 0},
    {"sdf_box2(in.0, in.1, 0.7, 0.4)", box, in_corners, 1e-4, 0},
    {"sdf_rounded_box2(in.0, in.1, 0.7, 0.4, 0.2)", rounded_box, in_rounded_box, 1e-4, 0},
    {"sdf_segment(in.0, in.1, -0.5, -0.3, 0.6, 0.2, 0.15)", segment, NULL, 1e-4, 0},
    {"sdf_triangle(in.0, in.1, -0.6, -0.5, 0.7, -0.1, -0.2, 0.8)", triangle, in_corners, 1e-4, 0},
    {"sdf_triangle(in.0, in.1, -0.6, -0.5, -0.2, 0.8, 0.7, -0.1)", triangle, in_corners, 1e-4, 0},
    {"sdf_polygon(in.0, in.1, 0.8)", pentagon, in_corners, 1e-4, 0},
    {"sdf_polygon(in.0, in.1, 0.8, sides=3)", trigon, in_corners, 1e-4, 0},
    {"sdf_hexagon(in.0, in.1, 0.7)", hexagon, in_corners, 1e-4, 0},
    {"sdf_ellipse(in.0, in.1, 0.8, 0.3)", ellipse, in_ellipse, 1e-4, 0},
    {"sdf_ellipse(in.1, in.0, 0.3, 0.8)", ellipse, in_ellipse, 1e-4, 0},
    {"sdf_arc(in.0, in.1, 0.7, 2.5, 0.2)", short_arc, NULL, 1e-4, 0},
    {"sdf_arc(in.0, in.1, 0.7, 5, 0.2)", long_arc, NULL, 1e-4, 0},
    {"sdf_pie(in.0, in.1, 0.7, 1.5)", narrow_pie, in_narrow_pie, 1e-4, 0},
    {"sdf_pie(in.0, in.1, 0.7, 5, 0.1)", wide_pie, in_wide_pie, 1e-4, 0},
    {"sdf_ring(in.0, in.1, 0.6, 0.2)", ring, NULL, 1e-4, 0},
    {"sdf_star(in.0, in.1, 0.8)", star5, in_corners, 1e-4, 0},
    {"sdf_star(in.0, in.1, 0.8, points=7, inner=0.95)", star7, in_corners, 1e-4, 0},
    {"sdf_cross(in.0, in.1, 0.8, 0.3)", cross, in_corners, 1e-4, 0},
    {"sdf_heart(in.0, in.1, 0.7)", heart, in_heart, 1e-4, 0},
    {"sdf_sphere(in.0, in.1, in.2, 0.7)", origin, NULL, 1e-6, 0},
    {"sdf_octahedron(abs(in.0), in.1, in.2, 0.7)", octahedron, in_octahedron, 5e-4, 0.05},
    {"sdf_box3(in.0, in.1, in.2, 0.6, 0.3, 0.4)", solid_box, in_solid_box, 5e-4, 0.05},
    {"sdf_rounded_box3(in.0, in.1, in.2, 0.7, 0.4, 0.5, 0.1)", solid_rounded_box, in_solid_box, 5e-4, 0.05},
    {"sdf_cylinder(in.0, in.1, in.2, 0.5, 0.4)", cylinder, in_cylinder, 5e-4, 0.05},
    {"sdf_cone(in.0, in.1, in.2, 0.5, 0.6)", cone, in_cone, 5e-4, 0.05},
    {"sdf_torus(in.0, in.1, in.2, 0.6, 0.2)", torus, NULL, 1e-5, 0},
    {"sdf_capsule(in.0, in.1, in.2, -0.3, 0.2, 0.1, 0.5, -0.3, 0.4, 0.2)", capsule, NULL, 1e-5, 0},
    {"sdf_line2(in.0, in.1, 3, -4, 0.2)", NULL, NULL, 0, 0},
    {"sdf_plane(in.0, in.1, in.2, 2, -3, 6, 0.2)", NULL, NULL, 0, 0},
    {"sdf_extrude(sdf_box2(in.0, in.1, 0.6, 0.3), in.2, 0.4)", solid_box, in_solid_box, 5e-4, 0.05},
    {"sdf_circle(sdf_revolve(in.0, in.1, in.2, 0.6).x, in.1, 0.2)", torus, NULL, 1e-5, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

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
    for (int i = 0; i < SHAPES; i++) {
        struct arena *a = arena_of_test();
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
    struct arena *a = arena_of_test();
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
    for (int i = 0; i < SHAPES; i++)
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
    struct arena *a = arena_of_test();
    assert_float_equal(evaluate(a, "sdf_line2(in.0, in.1, 3, -4, 0.2)", 3, -4, 0), 4.8, 1e-6);
    assert_float_equal(evaluate(a, "sdf_line2(in.0, in.1, 3, -4, 0.2)", 0, 0, 0), -0.2, 1e-6);
    assert_float_equal(evaluate(a, "sdf_plane(in.0, in.1, in.2, 2, -3, 6, 0.2)", 2, -3, 6), 6.8, 1e-6);
    assert_float_equal(evaluate(a, "sdf_plane(in.0, in.1, in.2, 0, 0, 0, 0.2)", 2, -3, 6), -0.2, 1e-6);
    arena_free(a);
}

static void degenerate_shapes_are_points_and_lines(void **state)
{
    (void)state;
    struct arena *a = arena_of_test();
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
    struct arena *a = arena_of_test();
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
        struct arena *a = arena_of_test();
        struct lowered lowered;
        struct graph *g;
        struct fault fault;
        fault_init(&fault, a);
        assert_int_equal(graph_from_expr(wrong[i], a, &g, &fault), STATUS_OK);
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
