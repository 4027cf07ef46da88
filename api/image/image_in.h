/* Uploaded images to planes of floats. PNG, NPY and OpenEXR are known by their first bytes, raw floats by the size that
 * the request gives; names and declared types decide nothing. Bytes come from anyone: sizes are judged before memory is
 * taken. */
#ifndef API_IMAGE_IN_H
#define API_IMAGE_IN_H

#include "api/exchange.h"
#include "core/kernel.h"

struct image_options {
    uint32_t width, height, channels; /* of raw little-endian floats, interleaved, top row first; 0: not raw */
    bool srgb;                        /* colours pass through the inverse of the sRGB curve */
};

struct image_in {
    const char *name;
    const uint8_t *data;
    size_t size;
    struct image_options options;
};

/* What it is and how large, from its head alone. BAD_IMAGE; LIMIT max-image-pixels. Faults point to /images/NAME. */
struct image_head {
    const struct image_reader *reader;
    uint32_t width, height;
    uint64_t scratch; /* bytes that decoding takes beside the planes, when that is more than a row */
};
enum status image_head(struct exchange *ex, const struct image_in *file, struct image_head *ret) MUST_CHECK;

/* Bytes of its planes. */
uint64_t image_bytes(const struct image_head *head);

/* Decodes into `planes` (image_bytes of them): r g b a, one after the other; gray: r = g = b; no alpha: 1. Integers of
 * 8 and 16 bits are divided by 255 and 65535; a NaN becomes canonical. */
enum status image_decode(struct exchange *ex, const struct image_in *file, const struct image_head *head,
                         float *planes) MUST_CHECK;

/* One format. Functions return false with the reason in `why`; they take no arena, because what they hold must be
 * given back. */
enum { IMAGE_WHY = 200 };
#define IMAGE_NO_MEMORY "there is no memory for it" /* the reason that is not the file's */
struct image_reader {
    const char *name;
    bool (*is)(const uint8_t *data, size_t n);
    bool (*head)(const struct image_in *file, struct image_head *io, char why[IMAGE_WHY]);
    /* Components that the file lacks are filled: g b from r, a with 1. */
    bool (*decode)(const struct image_in *file, const struct image_head *head, float *planes, char why[IMAGE_WHY]);
};
extern const struct image_reader image_png, image_npy, image_exr, image_f32;

/* `channels` interleaved floats a pixel (1 gray, 2 gray alpha, 3, 4) to the planes, from pixel `at` on. */
void image_put(const float *pixels, size_t n, uint32_t channels, size_t at, size_t plane, float *planes);

/* The inverse of srgb_encode(), the same bits on every machine. */
void srgb_decode(float *values, size_t n);

#endif
