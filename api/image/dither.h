/* Dither: floats between two steps of an integer file are spread over both, so that their mean stays. It works on
 * code values, behind the sRGB curve, and treats every channel alike: what is gray stays gray, and what is a step
 * already (0 and 1 always) stays as it is.
 *
 * The ordered ones (bayer, blue noise) are a threshold by the pixel's place in the whole image, repeated every `side`
 * pixels: a tile equals the crop. Error diffusion hands each pixel's error on to its neighbours, left to right, top to
 * bottom: one row needs all rows above it. */
#ifndef API_DITHER_H
#define API_DITHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dither {
    DITHER_NONE, /* round half up */
    DITHER_BAYER2,
    DITHER_BAYER4,
    DITHER_BAYER8,
    DITHER_ORDERED, /* bayer8 by its general name */
    DITHER_BLUE_NOISE,
    DITHER_FLOYD_STEINBERG,
    DITHER_ATKINSON,
    DITHERS
};
extern const char *const dither_names[DITHERS + 1]; /* the last is NULL */

bool dither_is_diffusion(enum dither kind);

/* Between 0 and 1, never at the ends; 0.5 everywhere for none. Not for diffusion. */
double dither_threshold(enum dither kind, uint32_t x, uint32_t y);

/* n samples of row y from column x on to floor(v * most + threshold), v clamped to 0..1, a NaN 0. Returns how many
 * were out of 0..1. Not for diffusion. */
uint64_t dither_quantise(enum dither kind, uint32_t x, uint32_t y, const float *in, size_t n, double most,
                         int32_t *out);

/* Error diffusion over one image. */
struct diffusion {
    enum dither kind;
    uint32_t width, channels;
    double most;
    double *ahead[3]; /* errors that have come to this row and the two below it, with room on both sides */
};

size_t diffusion_doubles(uint32_t width, uint32_t channels); /* how many `memory` must have */
/* bits: 8 or 16. */
void diffusion_begin(struct diffusion *d, enum dither kind, uint32_t width, uint32_t channels, unsigned bits,
                     double *memory);
/* The next row: width * channels samples, interleaved, to whole numbers. Returns how many were out of 0..1. */
uint64_t diffusion_row(struct diffusion *d, const float *in, int32_t *out);

#endif
