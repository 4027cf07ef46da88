/* Distortions of image coordinates, 0..1 with the centre at (0.5, 0.5): where to sample to see the picture distorted.
 *     lens      Brown's radial model, first term: d (1 + k |d|^2)
 *     wave      u + amplitude sin(2 pi (frequency v + phase)), v + amplitude sin(2 pi (frequency u + phase))
 *     spherize  r = |d|/radius < 1 becomes 2/pi asin(r), as a sphere seen from afar shows it, or for amounts below 0
 *               the inverse, sin(pi r/2); by |amount|, at most 1. Continuous at the rim; what lies outside stays. */
#include "core/node.h"

extern const struct node_row image_space_rows[];
const struct node_row image_space_rows[] = {
    {"lens : u, v, k=0.1 -> u v", "Lens distortion around the centre: barrel for k > 0, pincushion for k < 0.", 0,
     "let x = u - 0.5; let y = v - 0.5; let s = 1 + k*(x*x + y*y); vec2(0.5 + x*s, 0.5 + y*s)", NULL, NULL},
    {"wave : u, v, amplitude=0.02, frequency=4, phase=0 -> u v",
     "Waves along both axes: frequency in waves across the image, phase in turns.", 0,
     "vec2(u + amplitude*sin(2*pi*(frequency*v + phase)), v + amplitude*sin(2*pi*(frequency*u + phase)))", NULL, NULL},
    {"spherize : u, v, amount=1, radius=0.5 -> u v",
     "A bulge as of a glass ball around the centre; amounts below 0 pinch, a radius of 0 does nothing.", 0,
     "let x = u - 0.5; let y = v - 0.5; let d = sqrt(x*x + y*y); let r = d/radius;"
     "let to = amount < 0 ? sin(r*pi/2) : asin(min(r, 1))*2/pi;"
     "let s = r > 0 and r < 1 ? 1 + min(abs(amount), 1)*(to/r - 1) : 1; vec2(0.5 + x*s, 0.5 + y*s)",
     NULL, NULL},
    {0},
};
