/* Small pictures of numbers: values as pixels, curves, waveforms and spectra as drawings, and tiles set into sheets
 * with captions. Samples in, 8-bit pixels out; no files. */
#ifndef SERVER_DOCS_DRAW_H
#define SERVER_DOCS_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/image/format_image.h"
#include "core/arena.h"

enum { DOCS_TILE = 128, DOCS_TILE_BYTES = DOCS_TILE * DOCS_TILE * 3, DOCS_GLYPH_HEIGHT = 7, DOCS_RATE = 48000 };

extern const uint8_t docs_font[128][DOCS_GLYPH_HEIGHT];

struct tile {
    const char *caption;
    uint8_t *rgb; /* DOCS_TILE_BYTES */
};

/* DOCS_TILE * DOCS_TILE pixels of 1 to 4 channels, 0..1; alpha over a chequered ground. */
void draw_pixels(struct tile *t, const float *values, size_t channels);

/* A curve through n samples from x0 to x1, y0 at the bottom; lines where x and y are whole. */
void draw_curve(struct tile *t, const float *values, size_t n, const double range[4]);

/* n samples in time; between lo and hi. */
void draw_wave(struct tile *t, const float *values, size_t n, double lo, double hi);

/* Level in dB between lo and hi over frequency, 20 Hz to 20 kHz, logarithmic; lines at 100 Hz, 1 kHz, 10 kHz and every
 * 20 dB. `impulse`: the values are an impulse response; else a signal, whose power in each band is drawn. */
void draw_spectrum(struct tile *t, const float *values, size_t n, bool impulse, double lo, double hi);

/* Frequency upwards, 20 Hz to 20 kHz, over time; black at lo dB, white at hi. */
void draw_spectrogram(struct tile *t, const float *values, size_t n, double lo, double hi);

/* The greatest difference between two tiles, and within one. */
int tile_difference(const struct tile *a, const struct tile *b);
int tile_contrast(const struct tile *t);

/* Rows of up to 6 tiles with their captions under them; gray when no tile has a colour. */
struct raster sheet_make(struct arena *a, const struct tile *tiles, size_t n);

#endif
