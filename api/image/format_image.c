/* See format_image.h: conversion of floats to samples. */
#include "api/image/format_image.h"

#include <math.h>
#include <string.h>

#include "api/wide.h"

const struct format_info image_files[IMAGE_FILES + 1] = {
#define IMAGE_FILE(id, name, type, bits, open, what) {name, type, bits, what},
#define AUDIO_FILE(id, name, type, bits, what)
#include "api/formats.def"
#undef IMAGE_FILE
#undef AUDIO_FILE
};

size_t raster_row_bytes(const struct raster *r)
{
    return (size_t)r->width * r->channels * (r->bits / 8);
}

/* floor(v * most + 0.5) of the exact product, where most = scale - 1 and scale is a power of two: v * scale is exact,
 * the difference to v is rounded, and what rounding took is exact again. v is clamped to 0..1, a NaN becomes 0. */
WIDE static uint64_t quantise(const float *in, size_t n, float scale, int32_t *restrict out)
{
    uint32_t clipped = 0;
    for (size_t i = 0; i < n; i++) {
        float v = in[i];
        clipped += (v < 0.0f) | (v > 1.0f);
        v = v > 0.0f ? v : 0.0f;
        v = v < 1.0f ? v : 1.0f;
        float large = v * scale, product = large - v, lost = (large - product) - v;
        int32_t whole = (int32_t)product;
        float rest = (product - (float)whole - 0.5f) + lost;
        out[i] = whole + (rest >= 0.0f);
    }
    return clipped;
}

WIDE static uint64_t count_nonfinite(const float *in, size_t n)
{
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &in[i], sizeof bits);
        count += (bits & 0x7f800000u) == 0x7f800000u;
    }
    return count;
}

/* A cube root by two of Halley's steps in doubles, from a guess in the bits that is 3 % off: only + - * /, so that it
 * is the same everywhere, and no branch, so that it vectorises. */
static inline __attribute__((always_inline)) double cube_root(float v)
{
    uint32_t bits;
    float guess;
    memcpy(&bits, &v, sizeof bits);
    bits = bits / 3 + 0x2a5137a0u;
    memcpy(&guess, &bits, sizeof guess);
    double x = (double)v, y = (double)guess, cube = y * y * y;
    y = y * (cube + 2 * x) / (2 * cube + x);
    cube = y * y * y;
    return y * (cube + 2 * x) / (2 * cube + x);
}

/* IEC 61966-2-1. x^(1/2.4) = x^(5/12) = x^(1/3) * (x^(1/3))^(1/4). */
static inline __attribute__((always_inline)) float curve(float linear)
{
    float low = linear * 12.92f;
    double third = cube_root(linear);
    float high = (float)(1.055 * (third * sqrt(sqrt(third))) - 0.055);
    high = linear == INFINITY ? linear : high;
    return linear > 0.0031308f ? high : low;
}

float srgb_encode(float linear)
{
    return curve(linear);
}

WIDE static void srgb_encode_all(const float *in, size_t n, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = curve(in[i]);
}

enum { PIECE = 512 };

WIDE static void store8_dense(const int32_t *in, size_t n, uint8_t *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)in[i];
}

static void store8(const int32_t *in, size_t n, uint8_t *out, size_t step)
{
    if (step == 1) {
        store8_dense(in, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i * step] = (uint8_t)in[i];
}

static void store16(const int32_t *in, size_t n, uint8_t *out, size_t step, bool big_endian)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t high = (uint8_t)(in[i] >> 8), low = (uint8_t)in[i];
        out[i * step * 2] = big_endian ? high : low;
        out[i * step * 2 + 1] = big_endian ? low : high;
    }
}

static void store32(const float *in, size_t n, uint8_t *out, size_t step)
{
    float *to = (float *)(void *)out;
    if (step == 1 && to != in)
        memcpy(to, in, n * sizeof *in);
    else if (step > 1)
        for (size_t i = 0; i < n; i++)
            to[i * step] = in[i];
}

/* Where a piece of a row goes. */
struct place {
    uint32_t x, y; /* of its first pixel in the whole image */
    uint8_t *out;
    size_t step; /* samples from one to the next */
    bool curve;
};

static uint64_t whole_numbers(const struct raster *r, const struct place *p, const float *in, size_t n, int32_t *out)
{
    float scale = r->bits == 8 ? 256.0f : 65536.0f;
    return r->dither == DITHER_NONE ? quantise(in, n, scale, out)
                                    : dither_quantise(r->dither, p->x, p->y, in, n, (double)scale - 1, out);
}

static void convert_piece(const struct raster *r, const struct place *p, const float *in, size_t n,
                          struct counts *counts)
{
    float curved[PIECE];
    int32_t whole[PIECE];
    counts->nonfinite += count_nonfinite(in, n);
    if (p->curve) {
        srgb_encode_all(in, n, curved);
        in = curved;
    }
    if (r->bits == 32) {
        store32(in, n, p->out, p->step);
        return;
    }
    counts->clipped += whole_numbers(r, p, in, n, whole);
    if (r->bits == 8)
        store8(whole, n, p->out, p->step);
    else
        store16(whole, n, p->out, p->step, r->big_endian);
}

static void convert_row(const struct raster *r, uint32_t y, uint32_t channel, const float *in, struct counts *counts)
{
    size_t sample = r->bits / 8, line = r->bottom_up ? r->height - 1 - y : y;
    uint8_t *out = r->data + line * raster_row_bytes(r) + (r->planar ? (size_t)channel * r->width : channel) * sample;
    bool alpha = r->channels % 2 == 0 && channel == r->channels - 1;
    struct place p = {.y = r->y + y, .step = r->planar ? 1 : r->channels, .curve = r->srgb && !alpha};
    for (size_t x = 0; x < r->width; x += PIECE) {
        size_t n = r->width - x < PIECE ? r->width - x : PIECE;
        p.x = r->x + (uint32_t)x;
        p.out = out + x * p.step * sample;
        convert_piece(r, &p, in + x, n, counts);
    }
}

void raster_rows(const struct raster *r, uint32_t row, uint32_t rows, float *const *planes, size_t stride,
                 struct counts *counts)
{
    for (uint32_t y = 0; y < rows; y++)
        for (uint32_t c = 0; c < r->channels; c++)
            convert_row(r, row + y, c, planes[c] + y * stride, counts);
}
