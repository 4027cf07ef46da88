/* Floats to samples of image files. What the files hold beside samples is encoder.h's. */
#ifndef API_FORMAT_IMAGE_H
#define API_FORMAT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/image/dither.h"

enum image_file {
#define IMAGE_FILE(id, name, type, bits, open, what) IMAGE_##id,
#define AUDIO_FILE(id, name, type, bits, what)
#include "api/formats.def"
#undef IMAGE_FILE
#undef AUDIO_FILE
    IMAGE_FILES
};

struct format_info {
    const char *name, *type, *bits, *what;
};
extern const struct format_info image_files[IMAGE_FILES + 1]; /* the last has no name */

/* Values that did not survive as they were. An infinity in an integer file counts as both. */
struct counts {
    uint64_t clipped, nonfinite;
};

/* Where rows of an image go, as samples of a file. */
struct raster {
    uint8_t *data;
    uint32_t width, height, channels;
    uint32_t x, y;      /* of the first pixel in the whole image: for dither */
    unsigned bits;      /* 8, 16: 0..1 scaled to 0..2^bits-1, round half up or dithered; 32: float */
    bool big_endian;    /* of 16 bits */
    bool srgb;          /* colour channels (not the alpha of 2 or 4) pass through the sRGB curve first */
    bool planar;        /* a row is all of channel 0, then all of channel 1, ...; else channels are interleaved */
    bool bottom_up;     /* the lowest row comes first */
    enum dither dither; /* none or an ordered one */
};

size_t raster_row_bytes(const struct raster *r);

/* Converts rows [row, row + rows). planes[c] holds width * rows floats, rows `stride` floats apart. When the raster is
 * float without a curve and a plane already points to where it belongs, only counts. Adds to `counts`. Threads may fill
 * different rows. */
void raster_rows(const struct raster *r, uint32_t row, uint32_t rows, float *const *planes, size_t stride,
                 struct counts *counts);

/* A whole PNG of samples as it wants them (16 bits big-endian), to be freed with free(); NULL: no memory. */
uint8_t *png_encode(const struct raster *r, size_t *ret_n);

/* The sRGB transfer curve, 0..1 to 0..1; the same bits on every machine. */
float srgb_encode(float linear);

#endif
