/* See format_image.h: conversion of floats to samples, and the small headers. PNG is format_png.c. */
#include "api/format_image.h"

#include <math.h>
#include <stdio.h>
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

/* The double product of a float and 2^bits-1 is exact, so half up is half up. A NaN becomes 0. */
WIDE static uint64_t quantise(const float *in, size_t n, double scale, int32_t *restrict out)
{
    uint64_t clipped = 0;
    for (size_t i = 0; i < n; i++) {
        double v = in[i];
        clipped += (v < 0.0) | (v > 1.0);
        v = v > 0.0 ? v : 0.0;
        v = v < 1.0 ? v : 1.0;
        out[i] = (int32_t)(v * scale + 0.5);
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

/* A cube root by Newton's method from a guess in the bits of the exponent: only + - * /, so that it is the same
 * everywhere. */
static double cube_root(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = bits / 3 + 0x2a9f7893782da1ceu;
    double y;
    memcpy(&y, &bits, sizeof y);
    for (int i = 0; i < 4; i++)
        y = y - (y * y * y - x) / (3.0 * y * y);
    return y;
}

/* IEC 61966-2-1. x^(1/2.4) = x^(5/12) = x^(1/3) * (x^(1/3))^(1/4). */
float srgb_encode(float linear)
{
    if (!(linear > 0.0031308f))
        return linear * 12.92f;
    if (linear == INFINITY)
        return linear;
    double third = cube_root((double)linear);
    return (float)(1.055 * (third * sqrt(sqrt(third))) - 0.055);
}

enum { PIECE = 512 };

static void store8(const int32_t *in, size_t n, uint8_t *out, size_t step)
{
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

static void convert_piece(const struct raster *r, const float *in, size_t n, uint8_t *out, bool curve,
                          struct counts *counts)
{
    float curved[PIECE];
    int32_t whole[PIECE];
    counts->nonfinite += count_nonfinite(in, n);
    if (curve) {
        for (size_t i = 0; i < n; i++)
            curved[i] = srgb_encode(in[i]);
        in = curved;
    }
    if (r->bits == 32) {
        store32(in, n, out, r->channels);
        return;
    }
    counts->clipped += quantise(in, n, r->bits == 8 ? 255.0 : 65535.0, whole);
    if (r->bits == 8)
        store8(whole, n, out, r->channels);
    else
        store16(whole, n, out, r->channels, r->big_endian);
}

void raster_rows(const struct raster *r, uint32_t row, uint32_t rows, float *const *planes, size_t stride,
                 struct counts *counts)
{
    size_t sample = r->bits / 8;
    for (uint32_t y = 0; y < rows; y++) {
        uint8_t *line = r->data + (size_t)(row + y) * raster_row_bytes(r);
        for (uint32_t c = 0; c < r->channels; c++) {
            bool alpha = r->channels % 2 == 0 && c == r->channels - 1;
            const float *in = planes[c] + y * stride;
            for (size_t x = 0; x < r->width; x += PIECE) {
                size_t n = r->width - x < PIECE ? r->width - x : PIECE;
                convert_piece(r, in + x, n, line + (x * r->channels + c) * sample, r->srgb && !alpha, counts);
            }
        }
    }
}

void raster_flip(const struct raster *r)
{
    size_t n = raster_row_bytes(r);
    uint8_t swap[4096];
    for (uint32_t y = 0; y < r->height / 2; y++) {
        uint8_t *a = r->data + y * n, *b = r->data + (r->height - 1 - y) * n;
        for (size_t at = 0; at < n; at += sizeof swap) {
            size_t piece = n - at < sizeof swap ? n - at : sizeof swap;
            memcpy(swap, a + at, piece);
            memcpy(a + at, b + at, piece);
            memcpy(b + at, swap, piece);
        }
    }
}

/* NEP 1: magic, version 1.0, length, a dictionary padded with spaces so that the data starts at a multiple of 64. */
static size_t npy_header(const struct raster *r, uint64_t frames, char ret[IMAGE_HEADER_MAX])
{
    const char *type = r->bits == 8 ? "|u1" : r->bits == 16 ? "<u2" : "<f4";
    char text[160], shape[80], first[32] = "", last[16] = "";
    if (frames > 1)
        snprintf(first, sizeof first, "%llu, ", (unsigned long long)frames);
    if (r->channels > 1)
        snprintf(last, sizeof last, ", %u", r->channels);
    snprintf(shape, sizeof shape, "(%s%u, %u%s)", first, r->height, r->width, last);
    int n = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    size_t whole = (10 + (size_t)n + 1 + 63) / 64 * 64;
    memset(ret, ' ', whole);
    static const char magic[8] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
    memcpy(ret, magic, sizeof magic);
    ret[8] = (char)((whole - 10) & 255);
    ret[9] = (char)((whole - 10) >> 8);
    for (int i = 0; i < n; i++)
        ret[10 + i] = text[i];
    ret[whole - 1] = '\n';
    return whole;
}

size_t image_header(enum image_file file, const struct raster *r, uint64_t frames, char ret[IMAGE_HEADER_MAX])
{
    if (file == IMAGE_NPY)
        return npy_header(r, frames, ret);
    if (file == IMAGE_PFM)
        return (size_t)snprintf(ret, IMAGE_HEADER_MAX, "P%c\n%u %u\n-1.0\n", r->channels == 3 ? 'F' : 'f', r->width,
                                r->height);
    return 0;
}
