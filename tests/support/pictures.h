/* Image files as clients send them, made for tests: PNG of every colour type, depth and interlacing, NPY, OpenEXR.
 * Their samples are picture_sample(). */
#ifndef TESTS_SUPPORT_PICTURES_H
#define TESTS_SUPPORT_PICTURES_H

#include <stdbool.h>

#include "tests/support.h"

struct picture_file {
    uint8_t *data;
    size_t n, cap;
};

/* Sixteen bits of component c at a pixel. */
unsigned picture_sample(unsigned x, unsigned y, unsigned c);

/* The same in EXR files, where it must deflate well: OpenEXR 3.1.5 writes a chunk that deflates to exactly its own size
 * so that readers take it as not deflated. */
unsigned picture_smooth(unsigned x, unsigned y, unsigned c);

/* Colour types as PNG counts them: 0 gray, 2 RGB, 3 palette, 4 gray alpha, 6 RGBA. Of fewer bits than 16 a sample has
 * the upper ones; palette entry k is (k, 255 - k, k ^ 85). */
struct picture_file picture_png(struct arena *a, unsigned width, unsigned height, int colour, int depth,
                                bool interlaced);
/* A PNG's chunk behind what `file` has; the head's size and the like can be spoilt on the way. */
void picture_chunk(struct arena *a, struct picture_file *file, const char *type, const void *data, size_t n);

/* `type` "u1" .. "f8", `order` '<' or '>', samples as they are (u1: upper bits; floats: samples / 65536). */
struct picture_file picture_npy(struct arena *a, unsigned width, unsigned height, unsigned channels, char order,
                                const char *type);

struct picture_exr {
    unsigned width, height;
    const char *channels; /* one letter each, sorted: "ABGR", "Y" */
    int type;             /* exr_pixel_type_t */
    int compression;      /* exr_compression_t */
    bool tiled;           /* of 16 x 8 */
    int x0, y0;           /* where the data window begins */
};
/* Component c is that of R G B A or of Y as 0; halves and floats hold samples / 65536 rounded down to 8 bits. */
struct picture_file picture_exr(struct arena *a, const struct picture_exr *of);

#endif
