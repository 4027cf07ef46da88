/* How distances combine and what changes them. min, max and the smooth operators of exact distances are bounds: their
 * magnitude is never more than the distance, and their slope never above 1.
 *     smooth   smin(a, b, k) = min(a, b) - h^2 k/4, h = max(k - |a - b|, 0)/k; smax = -smin(-a, -b); k <= 0 is hard
 *     extrude  w = (d, |z| - h): |max(w, 0)| + min(max(wx, wy), 0)
 *     elongate p - clamp(p, -h, h), revolve (|(x, z)| - offset, y): of the coordinates, before the shape
 * Source: Inigo Quilez, "smooth minimum" (quadratic polynomial) and "distance functions". */
#include <string.h>

#include "core/node.h"

static struct val smooth_min(struct build *b, struct val x, struct val y, struct val k)
{
    struct val zero = b_f32(b, 0), hard = b_min(b, x, y);
    struct val h = b_div(b, b_max(b, b_sub(b, k, b_abs(b, b_sub(b, x, y))), zero), k);
    struct val soft = b_fma(b, b_mul(b, h, h), b_mulc(b, k, -0.25), hard);
    return b_select(b, b_gt(b, k, zero), soft, hard);
}

static enum status smooth(struct build *b, const struct node_args *args, struct val *out)
{
    struct val x = args->in[0], y = args->in[1], k = args->in[2];
    const char *name = args->def->name;
    if (!strcmp(name, "smooth_union")) {
        out[0] = smooth_min(b, x, y, k);
        return STATUS_OK;
    }
    if (!strcmp(name, "smooth_intersection"))
        y = b_neg(b, y); /* subtraction is the intersection with -y: its sign turns twice */
    out[0] = b_neg(b, smooth_min(b, b_neg(b, x), y, k));
    return STATUS_OK;
}

extern const struct node_row sdf_combine_rows[];
const struct node_row sdf_combine_rows[] = {
    {"union : a, b", "Both shapes: the lesser distance. Exact outside, a bound inside.", 0, "min(a, b)", NULL, NULL},
    {"intersection : a, b", "What both shapes share: the greater distance. Exact inside, a bound outside.", 0,
     "max(a, b)", NULL, NULL},
    {"subtraction : a, b", "a without b: max(a, -b), a bound.", 0, "max(a, -b)", NULL, NULL},
    {"smooth_union : a, b, k",
     "union with its seam rounded over a width of k: min(a, b) - h^2 k/4, h = max(k - |a - b|, 0)/k; a bound. k <= 0 "
     "is hard.",
     0, NULL, smooth, NULL},
    {"smooth_intersection : a, b, k",
     "intersection with its seam rounded over a width of k, the mirror of smooth_union; a bound. k <= 0 is hard.", 0,
     NULL, smooth, NULL},
    {"smooth_subtraction : a, b, k",
     "a without b, the seam rounded over a width of k, the mirror of smooth_union; a bound. k <= 0 is hard.", 0, NULL,
     smooth, NULL},
    {"sdf_round : d, amount", "The shape grown by `amount` all round, its outer corners rounded: d - amount.", 0,
     "d - amount", NULL, NULL},
    {"sdf_annular : d, amount", "A shell of half thickness `amount` along the shape's surface: |d| - amount.", 0,
     "abs(d) - amount", NULL, NULL},
    {"sdf_elongate : x, y, z=0, hx, hy, hz=0 -> x y z",
     "Coordinates for a shape cut through its middle and drawn apart by hx, hy, hz each way; exact outside, a bound "
     "inside.",
     0, "vec3(x - min(max(x, -hx), hx), y - min(max(y, -hy), hy), z - min(max(z, -hz), hz))", NULL, NULL},
    {"sdf_extrude : d, z, h", "Distance to a plane shape d made a solid from z = -h to h; exact where d is.", 0,
     "let k = abs(z) - h; let ox = max(d, 0); let oy = max(k, 0); sqrt(ox*ox + oy*oy) + min(max(d, k), 0)", NULL, NULL},
    {"sdf_revolve : x, y, z, offset -> x y",
     "Coordinates for a plane shape turned round the y axis, at distance `offset` from it; exact where the shape is "
     "and keeps off the axis.",
     0, "vec2(sqrt(x*x + z*z) - offset, y)", NULL, NULL},
    {"sdf_morph : a, b, t", "From shape a at t = 0 to shape b at t = 1 (a bound): a + (b - a) t.", 0, "lerp(a, b, t)",
     NULL, NULL},
    {0},
};
