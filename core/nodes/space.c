/* Coordinates in, coordinates out. */
#include "core/node.h"

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
    {0},
};
