/* Signed distance to plane shapes, negative inside, centred on the origin. All are exact, outside and inside, but the
 * ellipse, which is found by iteration (see below). Up is negative y, as in a picture: the first corner of a polygon,
 * the tip of a star, the middle of an arc and of a pie point there.
 *     circle   |p| - r
 *     box      q = |p| - h: |max(q, 0)| + min(max(qx, qy), 0)
 *     segment  |p - a - t (b - a)|, t = (p - a).(b - a)/|b - a|^2 held in 0..1
 *     triangle the nearest of three segments, negative on the inner side of all three edges
 *     polygon, star   one sector of the dihedral group holds the nearest boundary point, too: p is turned into it and
 *              measured against the one segment there
 *     arc, pie half = angle/2; p is within the opening when |x| cos half <= -y sin half
 * Source: Inigo Quilez, "2D distance functions"; the ellipse: 0xfaded, "Simple method for distance to ellipse". */
#include <math.h>

#include "core/node.h"

static const double pi = 3.14159265358979323846;

static struct val hypotenuse(struct build *b, struct val x, struct val y)
{
    return b_sqrt(b, b_fma(b, x, x, b_mul(b, y, y)));
}

/* The point's angle from `up`, taken from the middle of its sector of n, and what it is there: along that middle and
 * across. `shift` 0: sectors begin at up; 1/2: the first is centred there. */
static void to_sector(struct build *b, struct val x, struct val y, int n, double shift, struct val *ret_along,
                      struct val *ret_across)
{
    double width = 2 * pi / n;
    struct val angle = B_CALL(b, "atan2", x, b_neg(b, y)), length = hypotenuse(b, x, y);
    struct val sector = b_floor(b, b_fmac(b, angle, 1 / width, shift));
    struct val rest = b_fma(b, b_addc(b, sector, 0.5 - shift), b_f32(b, -width), angle);
    *ret_along = b_mul(b, length, B_CALL(b, "cos", rest));
    *ret_across = b_abs(b, b_mul(b, length, B_CALL(b, "sin", rest)));
}

static struct val polygon(struct build *b, struct val x, struct val y, struct val r, int sides)
{
    struct val along, across, zero = b_f32(b, 0);
    to_sector(b, x, y, sides, 0, &along, &across);
    struct val over = b_sub(b, along, b_mulc(b, r, cos(pi / sides)));
    struct val beyond = b_max(b, b_sub(b, across, b_mulc(b, r, sin(pi / sides))), zero); /* only outside */
    return b_select(b, b_lt(b, over, zero), over, hypotenuse(b, over, beyond));
}

static enum status build_polygon(struct build *b, const struct node_args *args, struct val *out)
{
    int sides;
    TRY(node_count_arg(b, args, 3, 3, 64, &sides));
    out[0] = polygon(b, args->in[0], args->in[1], args->in[2], sides);
    return STATUS_OK;
}

static enum status build_hexagon(struct build *b, const struct node_args *args, struct val *out)
{
    out[0] = polygon(b, args->in[0], args->in[1], args->in[2], 6);
    return STATUS_OK;
}

/* The edge of a sector runs from the tip (along r, across 0) to the dent. */
static enum status build_star(struct build *b, const struct node_args *args, struct val *out)
{
    int points;
    struct val along, across, r = args->in[2], zero = b_f32(b, 0);
    TRY(node_count_arg(b, args, 3, 2, 64, &points));
    to_sector(b, args->in[0], args->in[1], points, 0.5, &along, &across);
    struct val dent = b_mul(b, r, args->in[4]);
    struct val along_dent = b_mulc(b, dent, cos(pi / points)), across_dent = b_mulc(b, dent, sin(pi / points));
    out[0] = B_CALL(b, "sdf_segment", along, across, r, zero, along_dent, across_dent);
    struct val fall = b_sub(b, along_dent, r), past = b_sub(b, along, r);
    struct val side = b_fma(b, fall, across, b_neg(b, b_mul(b, across_dent, past)));
    out[0] = b_select(b, b_gt(b, side, zero), b_neg(b, out[0]), out[0]);
    return STATUS_OK;
}

/* In the first quadrant, t the unit vector that gives the boundary point (rx tx, ry ty): the circle of curvature at t
 * meets the ray from its centre through p at a better one. Six rounds leave 3e-7 at 10 : 1, 1e-5 at 20 : 1, 2e-4 at
 * 100 : 1 of the longer radius; never too small in magnitude, as what is measured is the way to a boundary point.
 * Flatter ones are beyond f32 and are drawn as 100 : 1. */
static enum status build_ellipse(struct build *b, const struct node_args *args, struct val *out)
{
    enum { ROUNDS = 6 };
    struct val zero = b_f32(b, 0), one = b_f32(b, 1), tiny = b_f32(b, 1e-18);
    struct val p[2], radius[2], evolute[2], t[2] = {b_f32(b, sqrt(0.5)), b_f32(b, sqrt(0.5))};
    struct val least = b_mulc(b, b_max(b, b_abs(b, args->in[2]), b_abs(b, args->in[3])), 0.01);
    for (int c = 0; c < 2; c++) {
        p[c] = b_abs(b, args->in[c]);
        radius[c] = b_max(b, b_max(b, b_abs(b, args->in[2 + c]), least), tiny);
    }
    struct val excess = b_mul(b, b_add(b, radius[0], radius[1]), b_sub(b, radius[0], radius[1]));
    evolute[0] = b_div(b, excess, radius[0]);
    evolute[1] = b_div(b, b_neg(b, excess), radius[1]);
    for (int i = 0; i < ROUNDS; i++) {
        struct val centre[2], from[2], to[2];
        for (int c = 0; c < 2; c++) {
            centre[c] = b_mul(b, evolute[c], b_mul(b, t[c], b_mul(b, t[c], t[c])));
            from[c] = b_fma(b, radius[c], t[c], b_neg(b, centre[c]));
            to[c] = b_sub(b, p[c], centre[c]);
        }
        struct val far = b_max(b, hypotenuse(b, to[0], to[1]), tiny);
        struct val ratio = b_div(b, hypotenuse(b, from[0], from[1]), far);
        struct val next[2];
        for (int c = 0; c < 2; c++)
            next[c] = b_clamp(b, b_div(b, b_fma(b, to[c], ratio, centre[c]), radius[c]), zero, one);
        struct val length = hypotenuse(b, next[0], next[1]), found = b_gt(b, length, zero);
        for (int c = 0; c < 2; c++) /* in a circle's centre every t is as good */
            t[c] = b_select(b, found, b_div(b, next[c], length), t[c]);
    }
    for (int c = 0; c < 2; c++)
        t[c] = b_fma(b, b_neg(b, radius[c]), t[c], p[c]);
    struct val d = hypotenuse(b, t[0], t[1]);
    struct val inside = hypotenuse(b, b_div(b, p[0], radius[0]), b_div(b, p[1], radius[1]));
    out[0] = b_select(b, b_lt(b, inside, one), b_neg(b, d), d);
    return STATUS_OK;
}

extern const struct node_row sdf2_rows[];
const struct node_row sdf2_rows[] = {
    {"sdf_circle : x, y, r", "Exact signed distance to a circle.", 0, "sqrt(x*x + y*y) - r", NULL, NULL},
    {"sdf_box2 : x, y, hw, hh", "Exact signed distance to a box of half width hw and half height hh.", 0,
     "let qx = abs(x) - hw; let qy = abs(y) - hh; let ox = max(qx, 0); let oy = max(qy, 0);"
     "sqrt(ox*ox + oy*oy) + min(max(qx, qy), 0)",
     NULL, NULL},
    {"sdf_rounded_box2 : x, y, hw, hh, r",
     "Exact signed distance to a box of half width hw and half height hh whose corners are rounded within it by radius "
     "r.",
     0, "let k = min(max(r, 0), min(hw, hh)); sdf_box2(x, y, hw - k, hh - k) - k", NULL, NULL},
    {"sdf_segment : x, y, ax, ay, bx, by, r=0",
     "Exact signed distance to a capsule of radius r around the segment from a to b; with r = 0 to the segment.", 0,
     "let px = x - ax; let py = y - ay; let dx = bx - ax; let dy = by - ay;"
     "let t = min(max((px*dx + py*dy)/(dx*dx + dy*dy), 0), 1);"
     "let ex = px - t*dx; let ey = py - t*dy; sqrt(ex*ex + ey*ey) - r",
     NULL, NULL},
    {"sdf_triangle : x, y, ax, ay, bx, by, cx, cy", "Exact signed distance to the triangle a b c, whichever way round.",
     0,
     "let d = min(min(sdf_segment(x, y, ax, ay, bx, by), sdf_segment(x, y, bx, by, cx, cy)),"
     "            sdf_segment(x, y, cx, cy, ax, ay));"
     "let turn = sign((bx - ax)*(cy - ay) - (by - ay)*(cx - ax));"
     "let ab = (bx - ax)*(y - ay) - (by - ay)*(x - ax); let bc = (cx - bx)*(y - by) - (cy - by)*(x - bx);"
     "let ca = (ax - cx)*(y - cy) - (ay - cy)*(x - cx); min(min(turn*ab, turn*bc), turn*ca) > 0 ? -d : d",
     NULL, NULL},
    {"sdf_polygon : x, y, r, *sides=5",
     "Exact signed distance to a regular polygon of 3 to 64 sides with corners at distance r, one of them up.", 0, NULL,
     build_polygon, NULL},
    {"sdf_ellipse : x, y, rx, ry",
     "Signed distance to an ellipse, by iteration: within 1e-5 of the longer radius up to 20 : 1, 2e-4 at 100 : 1.",
     NODE_FUNCTION, NULL, build_ellipse, NULL},
    {"sdf_arc : x, y, r, angle, width=0",
     "Exact signed distance to a circular arc of radius r, `angle` long and centred on up, drawn with a round pen of "
     "this "
     "width.",
     0,
     "let h = min(max(angle*0.5, 0), pi); let s = max(sin(h), 1e-9); let c = cos(h); let ax = abs(x);"
     "let ex = ax - r*s; let ey = y + r*c; let d = sqrt(x*x + y*y) - r;"
     "(if ax*c <= -y*s then abs(d) else sqrt(ex*ex + ey*ey)) - 0.5*width",
     NULL, NULL},
    {"sdf_pie : x, y, r, angle, width=0",
     "Exact signed distance to a sector of radius r, open by `angle` and centred on up, from 2 pi a disc; grown by "
     "width/2, and then a bound inside where angle is above pi.",
     0,
     "let h = min(max(angle*0.5, 0), pi); let s = max(sin(h), 1e-9); let c = cos(h); let ax = abs(x);"
     "let d = sqrt(x*x + y*y) - r; let t = min(max(ax*s - y*c, 0), r); let ex = ax - t*s; let ey = y + t*c;"
     "let m = sqrt(ex*ex + ey*ey);"
     "(if h >= pi then d else max(d, ax*c <= -y*s ? -m : m)) - 0.5*width",
     NULL, NULL},
    {"sdf_line2 : x, y, nx, ny, d=0",
     "Exact signed distance to the line at distance d from the origin along its normal n, negative before it.", 0,
     "(x*nx + y*ny)/max(sqrt(nx*nx + ny*ny), 1e-18) - d", NULL, NULL},
    {"sdf_ring : x, y, r, width", "Exact signed distance to a ring of this width whose middle is at radius r.", 0,
     "abs(sqrt(x*x + y*y) - r) - 0.5*width", NULL, NULL},
    {"sdf_star : x, y, r, *points=5, inner=0.5",
     "Exact signed distance to a star of 2 to 64 points with tips at distance r, one of them up, and dents at r*inner.",
     0, NULL, build_star, NULL},
    {"sdf_cross : x, y, size, width",
     "Exact signed distance to a cross of four arms that reach `size` from the origin and are `width` wide.", 0,
     "let px = max(abs(x), abs(y)); let py = min(abs(x), abs(y)); let h = 0.5*width;"
     "let k = max(px - size, py - h); let wx = max(k > 0 ? px - size : h - px, 0); let wy = max(k > 0 ? py - h : -k, "
     "0);"
     "let d = sqrt(wx*wx + wy*wy); k > 0 ? d : -d",
     NULL, NULL},
    {"sdf_heart : x, y, size", "Exact signed distance to a heart of height 2 size, its point down: |y| <= size.", 0,
     "let k = 2*size/(0.75 + sqrt(2)/4); let px = abs(x); let py = size - y;"
     "let ax = px - 0.25*k; let ay = py - 0.75*k; let cy = py - k;"
     "let m = 0.5*max(px + py, 0); let dx = px - m; let dy = py - m;"
     "let d = sqrt(min(px*px + cy*cy, dx*dx + dy*dy));"
     "if px + py > k then sqrt(ax*ax + ay*ay) - k*sqrt(2)/4 else (px < py ? -d : d)",
     NULL, NULL},
    {"sdf_hexagon : x, y, size",
     "Exact signed distance to a regular hexagon with corners at distance `size`, one of them up.", 0, NULL,
     build_hexagon, NULL},
    {0},
};
