/* Coordinates in, coordinates out. A node moves the point that is looked at: what is drawn moves the other way.
 *     repeat          x - px floor(x/px + 1/2): centred, -px/2 <= x < px/2; px <= 0 leaves x as it is
 *     repeat_limited  the same with n copies, side by side and centred on the origin; outside them x goes on
 *     rotate3d        Rodrigues: c p + s a x p + (1 - c)(a.p) a, a of length 1
 *     kaleidoscope    angle folded to and fro in 2n wedges: |mod(angle + w/2, w) - w/2|, w = 2 pi/n
 *     swirl           turned by angle (1 - d/radius)^2 within radius */
#include "core/node.h"

static enum status mirror(struct build *b, const struct node_args *args, struct val *out)
{
    int axis;
    TRY(node_choice(b, args, 3, &axis));
    for (int c = 0; c < 3; c++)
        out[c] = c == axis ? b_abs(b, args->in[c]) : args->in[c];
    return STATUS_OK;
}

enum { AXES = 3 };

static enum status repeat(struct build *b, const struct node_args *args, struct val *out)
{
    for (int c = 0; c < AXES; c++) {
        struct val x = args->in[c], period = args->in[AXES + c];
        if (!x.i) {
            out[c] = b_f32(b, 0);
            continue;
        }
        struct val turns = b_floor(b, b_addc(b, b_div(b, x, period), 0.5));
        struct val repeated = b_fma(b, b_neg(b, turns), period, x);
        out[c] = b_select(b, b_gt(b, period, b_f32(b, 0)), repeated, x);
    }
    return STATUS_OK;
}

/* Copies have the indices 0 .. n - 1; the middle one, or the middle of two, is at the origin. */
static enum status repeat_limited(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f32(b, 0), last = b_max(b, b_addc(b, b_rint(b, args->in[2 * AXES]), -1), zero);
    struct val middle = b_mulc(b, last, 0.5);
    for (int c = 0; c < AXES; c++) {
        struct val x = args->in[c], period = args->in[AXES + c];
        if (!x.i) {
            out[c] = zero;
            continue;
        }
        struct val copy = b_floor(b, b_addc(b, b_add(b, b_div(b, x, period), middle), 0.5));
        struct val shift = b_sub(b, b_clamp(b, copy, zero, last), middle);
        out[c] = b_select(b, b_gt(b, period, zero), b_fma(b, b_neg(b, shift), period, x), x);
    }
    return STATUS_OK;
}

extern const struct node_row space_rows[];
const struct node_row space_rows[] = {
    {"translate : x, y, z=0, dx=0, dy=0, dz=0 -> x y z", "Moves what is drawn by (dx, dy, dz).", 0,
     "vec3(x - dx, y - dy, z - dz)", NULL, NULL},
    {"scale : x, y, z=0, sx=1, sy=1, sz=1 -> x y z",
     "The point's coordinates times (sx, sy, sz): what is drawn shrinks by that.", 0, "vec3(x*sx, y*sy, z*sz)", NULL,
     NULL},
    {"rotate2d : x, y, angle, cx=0, cy=0 -> x y",
     "The point turned by `angle` radians around (cx, cy), from x towards y.", 0,
     "let c = cos(angle); let s = sin(angle); let dx = x - cx; let dy = y - cy;"
     "vec2(cx + c*dx - s*dy, cy + s*dx + c*dy)",
     NULL, NULL},
    {"rotate3d : x, y, z, ax=0, ay=0, az=1, angle=0 -> x y z",
     "The point turned by `angle` radians around the axis (ax, ay, az) of any length, as rotate2d does around z.", 0,
     "let p = vec3(x, y, z); let a = vec3(ax, ay, az)/max(sqrt(ax*ax + ay*ay + az*az), 1e-18);"
     "let c = cos(angle); let s = sin(angle); let k = (1 - c)*(a.x*x + a.y*y + a.z*z);"
     "c*p + s*vec3(a.y*z - a.z*y, a.z*x - a.x*z, a.x*y - a.y*x) + k*a",
     NULL, NULL},
    {"mirror : x, y, z=0, *axis=x|y|z -> x y z", "The positive half along an axis, seen on both sides.", 0, NULL,
     mirror, NULL},
    {"repeat : x, y=none, z=none, px=1, py=1, pz=1 -> x y z",
     "Space repeated with periods px, py, pz, each cell centred: from -p/2 to p/2. A period of 0 or less repeats not.",
     0, NULL, repeat, NULL},
    {"repeat_limited : x, y=none, z=none, px=1, py=1, pz=1, n=3 -> x y z",
     "n cells a direction, side by side and centred on the origin; beyond them the outer ones go on.", 0, NULL,
     repeat_limited, NULL},
    {"twist : x, y, z, amount -> x y z", "Turned around the y axis by amount*y radians.", 0,
     "let c = cos(amount*y); let s = sin(amount*y); vec3(c*x - s*z, y, s*x + c*z)", NULL, NULL},
    {"bend : x, y, z, amount -> x y z", "Turned around the z axis by amount*x radians.", 0,
     "let c = cos(amount*x); let s = sin(amount*x); vec3(c*x - s*y, s*x + c*y, z)", NULL, NULL},
    {"displace : x, y, dx, dy, amount=1 -> x y", "The point moved by (dx, dy)*amount.", 0,
     "vec2(x + dx*amount, y + dy*amount)", NULL, NULL},
    {"polar : x, y -> r angle", "Distance from the origin and angle in radians, -pi..pi, from x towards y.", 0,
     "vec2(sqrt(x*x + y*y), atan2(y, x))", NULL, NULL},
    {"kaleidoscope : x, y, segments=6 -> x y",
     "One wedge, mirrored and turned round the origin a whole number of times; it lies along the positive x axis.", 0,
     "let w = 2*pi/max(round(segments), 1); let r = sqrt(x*x + y*y); let q = atan2(y, x)/w + 0.5;"
     "let a = w*abs(q - floor(q) - 0.5); vec2(r*cos(a), r*sin(a))",
     NULL, NULL},
    {"swirl : x, y, angle=1, radius=0.5, cx=0.5, cy=0.5 -> x y",
     "Turned around (cx, cy), by `angle` radians there and by less and less out to `radius`.", 0,
     "let dx = x - cx; let dy = y - cy; let k = max(1 - sqrt(dx*dx + dy*dy)/radius, 0);"
     "let c = cos(angle*k*k); let s = sin(angle*k*k); vec2(cx + c*dx - s*dy, cy + s*dx + c*dy)",
     NULL, NULL},
    {"shear : x, y, kx=0, ky=0 -> x y", "x moved by kx*y and y by ky*x.", 0, "vec2(x + kx*y, y + ky*x)", NULL, NULL},
    {0},
};
