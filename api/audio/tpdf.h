/* Samples to whole numbers with or without triangular dither. The dither of a sample is a function of its seed, channel
 * and place in the file alone. */
#ifndef API_TPDF_H
#define API_TPDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Between -1 and 1, in steps of the file's, mean 0, variance 1/6. */
double tpdf_noise(uint64_t seed, uint32_t channel, uint64_t frame);

struct tpdf {
    bool on;
    uint64_t seed;
    double scale; /* 2^(bits - 1) */
};

/* n frames, the first of which is frame `at` of the file: scaled, noise added, rounded half up, clamped; a NaN becomes
 * 0 without noise. Returns how many were out of range before they were clamped. */
uint64_t tpdf_quantise(const struct tpdf *t, const float *interleaved, size_t n, uint32_t channels, uint64_t at,
                       int32_t *ret);

#endif
