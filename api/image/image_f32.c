/* Reads raw little-endian floats, interleaved, top row first; the size comes from the request. */
#include <stdio.h>
#include <string.h>

#include "api/image/image_in.h"

enum { PIECE = 1024 };

static bool f32_head(const struct image_in *file, struct image_head *io, char why[IMAGE_WHY])
{
    const struct image_options *o = &file->options;
    uint64_t bytes = (uint64_t)o->width * o->height * o->channels * sizeof(float);
    io->width = o->width;
    io->height = o->height;
    if (bytes == file->size)
        return true;
    snprintf(why, IMAGE_WHY, "%u x %u pixels of %u channels are %llu bytes", o->width, o->height, o->channels,
             (unsigned long long)bytes);
    return false;
}

static bool f32_decode(const struct image_in *file, const struct image_head *head, float *planes, char why[IMAGE_WHY])
{
    (void)why;
    float piece[PIECE * 4];
    size_t plane = (size_t)head->width * head->height, channels = file->options.channels;
    const uint8_t *from = file->data;
    for (size_t at = 0; at < plane; at += PIECE) {
        size_t n = plane - at < PIECE ? plane - at : PIECE, bytes = n * channels * sizeof(float);
        memcpy(piece, from, bytes);
        from += bytes;
        image_put(piece, n, (uint32_t)channels, at, plane, planes);
    }
    return true;
}

const struct image_reader image_f32 = {"f32", NULL, f32_head, f32_decode};
