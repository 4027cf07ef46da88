/* Sums of octaves of a native noise, for the nodes that are made of them. */
#ifndef CORE_NODES_NOISE_FRACTAL_H
#define CORE_NODES_NOISE_FRACTAL_H

#include "core/nodes/noise_lattice.h"

enum fractal_type { FRACTAL_FBM, FRACTAL_RIDGED, FRACTAL_BILLOW, FRACTAL_TURBULENCE, FRACTAL_PINGPONG };

struct noise_fractal {
    enum fractal_type type;
    noise_at *noise;
    int octaves;
    struct val lacunarity, gain, weighted; /* f32 */
    bool weighs;                           /* weighted may be other than 0 */
    bool normalize;
};

#define NOISE_CHOICES "gnoise|snoise|vnoise|cellular|wnoise"
/* The noise that a shape input of NOISE_CHOICES asks for. */
enum status noise_chosen(struct build *b, const struct node_args *args, size_t input, noise_at **ret) MUST_CHECK;

struct val noise_fractal_at(struct build *b, const struct noise_fractal *f, const struct noise_point *point);

#endif
