/* See image_in.h. */
#include "api/image/image_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/request.h"
#include "api/room.h"
#include "api/wide.h"

static const struct image_reader *const readers[] = {&image_png, &image_npy, &image_exr};
enum { READERS = sizeof readers / sizeof *readers, SIDE_MOST = 1 << 24 };

static const struct image_reader *reader_of(const struct image_in *file)
{
    for (int i = 0; i < READERS; i++)
        if (readers[i]->is(file->data, file->size))
            return readers[i];
    return NULL;
}

static const char *pointer_of(struct exchange *ex, const struct image_in *file)
{
    return request_pointer(ex->arena, "/images/", file->name);
}

static enum status bad(struct exchange *ex, const struct image_in *file, const struct image_reader *reader,
                       const char *why)
{
    enum status status = strcmp(why, IMAGE_NO_MEMORY) ? STATUS_BAD_IMAGE : STATUS_NO_MEMORY;
    return fault_add(&ex->fault, status, pointer_of(ex, file), 0, "the image \"%.60s\" (%zu bytes, %s): %s", file->name,
                     file->size, reader ? reader->name : "of no known format", why);
}

/* NULL: a fault says why. A file that begins as another format and is no raw image of that size was not meant to be
 * one. */
static const struct image_reader *choose_reader(struct exchange *ex, const struct image_in *file)
{
    const struct image_options *o = &file->options;
    const struct image_reader *known = reader_of(file);
    uint64_t raw = (uint64_t)o->width * o->height * o->channels * sizeof(float);
    if (o->channels && (!known || raw == file->size))
        return &image_f32;
    if (known && !o->channels)
        return known;
    if (known)
        bad(ex, file, known, "such a file brings its own size; width, height and channels are for raw floats");
    else
        bad(ex, file, NULL,
            "png, npy and exr are known by their first bytes; of raw little-endian floats the request gives the "
            "size as \"images\": {NAME: {\"width\": W, \"height\": H, \"channels\": 1..4}}");
    return NULL;
}

enum status image_head(struct exchange *ex, const struct image_in *file, struct image_head *ret)
{
    char why[IMAGE_WHY] = "";
    uint64_t most = ex->api->config.max_image_pixels;
    struct image_head head = {.reader = choose_reader(ex, file)};
    if (!head.reader)
        return STATUS_BAD_IMAGE;
    if (!head.reader->head(file, &head, why))
        return bad(ex, file, head.reader, why);
    if (!head.width || !head.height)
        return bad(ex, file, head.reader, "it has no pixels");
    if ((uint64_t)head.width * head.height > most || head.width > SIDE_MOST || head.height > SIDE_MOST)
        return fault_limit(&ex->fault, "max-image-pixels", pointer_of(ex, file),
                           "the image \"%.60s\" has %u x %u pixels, more than %llu", file->name, head.width,
                           head.height, (unsigned long long)most);
    *ret = head;
    return STATUS_OK;
}

uint64_t image_bytes(const struct image_head *head)
{
    return (uint64_t)head->width * head->height * 4 * sizeof(float);
}

/* The bits decide, since comparisons are what differs between floating-point states. */
WIDE static void canonical_nans(float *values, size_t n)
{
    uint32_t *bits = (uint32_t *)(void *)values;
    for (size_t i = 0; i < n; i++)
        bits[i] = (bits[i] & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : bits[i];
}

enum status image_decode(struct exchange *ex, const struct image_in *file, const struct image_head *head, float *planes)
{
    char why[IMAGE_WHY] = "";
    size_t plane = (size_t)head->width * head->height;
    if (!head->reader->decode(file, head, planes, why))
        return bad(ex, file, head->reader, why);
    if (file->options.srgb)
        srgb_decode(planes, 3 * plane);
    canonical_nans(planes, 4 * plane);
    return STATUS_OK;
}

void image_put(const float *pixels, size_t n, uint32_t channels, size_t at, size_t plane, float *planes)
{
    float *r = planes + at, *g = r + plane, *b = g + plane, *a = b + plane;
    bool gray = channels < 3, alpha = channels % 2 == 0;
    for (size_t i = 0; i < n; i++, pixels += channels) {
        r[i] = pixels[0];
        g[i] = pixels[gray ? 0 : 1];
        b[i] = pixels[gray ? 0 : 2];
        a[i] = alpha ? pixels[channels - 1] : 1.0f;
    }
}

/* A fifth root by Newton's method from a guess in the bits of the exponent: only + - * /, so that it is the same
 * everywhere. x is positive and finite. */
static inline double fifth_root(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = bits / 5 + 0x3326666666666800u;
    double y;
    memcpy(&y, &bits, sizeof y);
    for (int i = 0; i < 5; i++) {
        double square = y * y, fourth = square * square;
        y = y - (y * fourth - x) / (5.0 * fourth);
    }
    return y;
}

/* IEC 61966-2-1: ((v + 0.055) / 1.055)^2.4, and c^2.4 = c^2 * (c^2)^(1/5). */
WIDE void srgb_decode(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v = values[i];
        bool curved = v > 0.04045f && v < INFINITY;
        double c = curved ? ((double)v + 0.055) / 1.055 : 1.0, square = c * c;
        float high = (float)(square * fifth_root(square)), low = v < INFINITY ? v / 12.92f : v;
        values[i] = curved ? high : low;
    }
}
