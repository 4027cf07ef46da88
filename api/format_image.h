/* Pixels to bytes. A raster is what the file holds, filled row band by row band from planes of floats; then the file is
 * made from it. */
#ifndef API_FORMAT_IMAGE_H
#define API_FORMAT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

struct raster {
    uint8_t *data; /* interleaved samples, top row first */
    uint32_t width, height, channels;
    unsigned bits;   /* 8, 16: 0..1 scaled to 0..2^bits-1, round half up; 32: float */
    bool big_endian; /* of 16 bits */
    bool srgb;       /* colour channels (not the alpha of 2 or 4) pass through the sRGB curve first */
};

size_t raster_row_bytes(const struct raster *r);

/* Converts rows [row, row + rows). planes[c] holds width * rows floats, rows `stride` floats apart. When the raster is
 * float with one channel and no curve and `planes[0]` already points into it, only counts. Adds to `counts`. Threads
 * may fill different rows. */
void raster_rows(const struct raster *r, uint32_t row, uint32_t rows, float *const *planes, size_t stride,
                 struct counts *counts);

/* What stands in front of the samples in a file whose samples are the raster as it is (f32: nothing, npy, pfm). Returns
 * its size. More than one frame is npy's first axis. */
enum { IMAGE_HEADER_MAX = 192 };
size_t image_header(enum image_file file, const struct raster *r, uint64_t frames, char ret[IMAGE_HEADER_MAX]);

/* A pfm keeps its lowest row first. */
void raster_flip(const struct raster *r);

/* A whole PNG, to be freed with free(); NULL: no memory. */
uint8_t *png_encode(const struct raster *r, size_t *ret_n);

/* The sRGB transfer curve, 0..1 to 0..1; the same bits on every machine. */
float srgb_encode(float linear);

#endif
