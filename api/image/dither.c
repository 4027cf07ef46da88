/* See dither.h. B. E. Bayer, "An optimum method for two-level rendition of continuous-tone pictures", ICC 1973; R.
 * Floyd and L. Steinberg, "An adaptive algorithm for spatial grey scale", Proc. SID 17/2 (1976); Atkinson's filter as
 * in MacPaint, which hands on six eighths of the error. Sums are in doubles, in a fixed order. */
#include "api/image/dither.h"

#include <assert.h>
#include <string.h>

#include "api/image/blue_noise.h"
#include "api/wide.h"

const char *const dither_names[DITHERS + 1] = {
    "none", "bayer2", "bayer4", "bayer8", "ordered", "blue_noise", "floyd_steinberg", "atkinson", NULL,
};

bool dither_is_diffusion(enum dither kind)
{
    return kind == DITHER_FLOYD_STEINBERG || kind == DITHER_ATKINSON;
}

/* The matrix of 2^levels: the bits of x ^ y and y interleaved, lowest first. */
static uint32_t bayer_rank(unsigned levels, uint32_t x, uint32_t y)
{
    uint32_t rank = 0;
    for (unsigned i = 0; i < levels; i++)
        rank = rank << 2 | ((x ^ y) >> i & 1) << 1 | (y >> i & 1);
    return rank;
}

double dither_threshold(enum dither kind, uint32_t x, uint32_t y)
{
    if (kind == DITHER_BLUE_NOISE)
        return (blue_ranks[y % BLUE_SIDE * BLUE_SIDE + x % BLUE_SIDE] + 0.5) / (BLUE_SIDE * BLUE_SIDE);
    static const unsigned levels_of[DITHERS] = {
        [DITHER_BAYER2] = 1, [DITHER_BAYER4] = 2, [DITHER_BAYER8] = 3, [DITHER_ORDERED] = 3};
    unsigned levels = levels_of[kind];
    return (bayer_rank(levels, x, y) + 0.5) / (double)(1u << 2 * levels);
}

/* At most BLUE_SIDE samples. */
WIDE static uint64_t quantise(const float *in, size_t n, const double *threshold, double most, int32_t *restrict out)
{
    uint64_t clipped = 0;
    for (size_t i = 0; i < n; i++) {
        double v = in[i];
        clipped += (v < 0.0) | (v > 1.0);
        v = v > 0.0 ? v : 0.0;
        v = v < 1.0 ? v : 1.0;
        out[i] = (int32_t)(v * most + threshold[i]);
    }
    return clipped;
}

uint64_t dither_quantise(enum dither kind, uint32_t x, uint32_t y, const float *in, size_t n, double most, int32_t *out)
{
    double threshold[BLUE_SIDE]; /* every side of a matrix divides it */
    uint64_t clipped = 0;
    assert(!dither_is_diffusion(kind));
    for (uint32_t i = 0; i < BLUE_SIDE; i++)
        threshold[i] = dither_threshold(kind, x + i, y);
    for (size_t at = 0; at < n; at += BLUE_SIDE)
        clipped += quantise(in + at, n - at < BLUE_SIDE ? n - at : BLUE_SIDE, threshold, most, out + at);
    return clipped;
}

/* Where a pixel's error goes, and how much of it. */
struct tap {
    int dx, dy;
    double share;
};
static const struct tap floyd_steinberg[] = {{1, 0, 7 / 16.0}, {-1, 1, 3 / 16.0}, {0, 1, 5 / 16.0}, {1, 1, 1 / 16.0}};
static const struct tap atkinson[] = {{1, 0, 1 / 8.0}, {2, 0, 1 / 8.0}, {-1, 1, 1 / 8.0},
                                      {0, 1, 1 / 8.0}, {1, 1, 1 / 8.0}, {0, 2, 1 / 8.0}};
enum { MARGIN = 2 }; /* the farthest dx */

static size_t row_doubles(uint32_t width, uint32_t channels)
{
    return ((size_t)width + 2 * MARGIN) * channels;
}

size_t diffusion_doubles(uint32_t width, uint32_t channels)
{
    return 3 * row_doubles(width, channels);
}

void diffusion_begin(struct diffusion *d, enum dither kind, uint32_t width, uint32_t channels, unsigned bits,
                     double *memory)
{
    assert(dither_is_diffusion(kind) && (bits == 8 || bits == 16));
    *d = (struct diffusion){.kind = kind, .width = width, .channels = channels, .most = bits == 8 ? 255 : 65535};
    for (size_t i = 0; i < 3; i++)
        d->ahead[i] = memory + i * row_doubles(width, channels);
    memset(memory, 0, diffusion_doubles(width, channels) * sizeof *memory);
}

/* Constant taps unroll. */
static inline __attribute__((always_inline)) uint64_t diffuse(const struct diffusion *d, const struct tap *taps,
                                                              size_t n_taps, const float *in, int32_t *out)
{
    size_t channels = d->channels, n = d->width * channels;
    uint64_t clipped = 0;
    for (size_t i = 0; i < n; i++) {
        double v = in[i];
        clipped += (v < 0.0) | (v > 1.0);
        v = v > 0.0 ? v : 0.0;
        v = v < 1.0 ? v : 1.0;
        double want = v * d->most + d->ahead[0][i + MARGIN * channels];
        double got = want < 0.0 ? 0.0 : want > d->most ? d->most : (double)(int32_t)(want + 0.5);
        out[i] = (int32_t)got;
        for (size_t t = 0; t < n_taps; t++)
            d->ahead[taps[t].dy][i + (size_t)(MARGIN + taps[t].dx) * channels] += (want - got) * taps[t].share;
    }
    return clipped;
}

uint64_t diffusion_row(struct diffusion *d, const float *in, int32_t *out)
{
    uint64_t clipped = d->kind == DITHER_ATKINSON
                           ? diffuse(d, atkinson, sizeof atkinson / sizeof *atkinson, in, out)
                           : diffuse(d, floyd_steinberg, sizeof floyd_steinberg / sizeof *floyd_steinberg, in, out);
    double *done = d->ahead[0];
    d->ahead[0] = d->ahead[1];
    d->ahead[1] = d->ahead[2];
    d->ahead[2] = done;
    memset(done, 0, row_doubles(d->width, d->channels) * sizeof *done);
    return clipped;
}
