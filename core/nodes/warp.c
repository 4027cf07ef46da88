/* warp: coordinates moved by fractal noise.
 *
 *     x' = x + amplitude fbm(p frequency, seed), y' = y + amplitude fbm(p frequency, seed + K), z' .. seed + 2 K
 *
 * with fractal's fbm at lacunarity 2 and gain 1/2, normalized, and a large odd K, so that no axis shares an octave's
 * seed with another. Without z the noise has two dimensions and the port z is 0. */
#include "core/nodes/noise_fractal.h"

static enum status build_warp(struct build *b, const struct node_args *args, struct val *out)
{
    enum { AMPLITUDE = 3, FREQUENCY, OCTAVES, SEED, NOISE };
    const int32_t axis_seed = 0x2545f491;
    struct noise_fractal f = {.type = FRACTAL_FBM, .normalize = true};
    struct noise_point point;
    TRY(noise_chosen(b, args, NOISE, &f.noise));
    TRY(node_count_arg(b, args, OCTAVES, 1, 16, &f.octaves));
    TRY(noise_point_of(b, args, 3, SEED, -1, &point));
    f.lacunarity = b_f32(b, 2);
    f.gain = b_f32(b, 0.5);
    for (int c = 0; c < point.dims; c++)
        point.p[c] = noise_line_scaled(b, point.p[c], args->in[FREQUENCY]);
    for (int c = 0; c < point.dims; c++) {
        out[c] = b_fma(b, noise_fractal_at(b, &f, &point), args->in[AMPLITUDE], args->in[c]);
        point.seed = b_add(b, point.seed, b_i32(b, axis_seed));
    }
    if (point.dims == 2)
        out[2] = b_f32(b, 0);
    return STATUS_OK;
}

const struct node_row noise_warp_rows[] = {
    {"warp : x, y, z=none, amplitude=0.5, frequency=1, *octaves=1, seed:f64=0, *noise=" NOISE_CHOICES " -> x y z",
     "Coordinates moved by fractal noise: x + amplitude fbm(p frequency), another noise for each axis; lacunarity 2, "
     "gain 1/2.",
     0, NULL, build_warp, NULL},
    {0},
};
