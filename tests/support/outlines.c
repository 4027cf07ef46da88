/* See outlines.h. */
#include "tests/support/outlines.h"

#include <math.h>
#include <stddef.h>

#include "tests/support.h"

enum { CORNERS_MAX = 128 };

static const double pi = 3.14159265358979323846;

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

const struct shape shapes[] = {
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
const int n_shapes = sizeof shapes / sizeof *shapes;
