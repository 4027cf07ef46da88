/* Signed distance, negative inside, centred on the origin, and how distances combine. Exact distances unless said.
 *     circle  |p| - r
 *     box     q = |p| - h: |max(q, 0)| + min(max(qx, qy), 0)
 *     smooth  smin(a, b, k) = min(a, b) - h^2 k/4, h = max(k - |a - b|, 0)/k; smax = -smin(-a, -b); k <= 0 is hard
 * Source: Inigo Quilez, "2D distance functions" and "smooth minimum" (quadratic polynomial). */
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

extern const struct node_row sdf_rows[];
const struct node_row sdf_rows[] = {
    {"sdf_circle : x, y, r", "Signed distance to a circle.", 0, "sqrt(x*x + y*y) - r", NULL, NULL},
    {"sdf_box2 : x, y, hw, hh", "Signed distance to a box of half width hw and half height hh.", 0,
     "let qx = abs(x) - hw; let qy = abs(y) - hh; let ox = max(qx, 0); let oy = max(qy, 0);"
     "sqrt(ox*ox + oy*oy) + min(max(qx, qy), 0)",
     NULL, NULL},
    {"union : a, b", "Both: the lesser distance (a bound inside).", 0, "min(a, b)", NULL, NULL},
    {"intersection : a, b", "What both share: the greater distance (a bound outside).", 0, "max(a, b)", NULL, NULL},
    {"subtraction : a, b", "a without b (a bound).", 0, "max(a, -b)", NULL, NULL},
    {"smooth_union smooth_intersection smooth_subtraction : a, b, k",
     "The same with a rounded seam of width k; k <= 0 is hard.", 0, NULL, smooth, NULL},
    {0},
};
