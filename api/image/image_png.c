/* Reads PNG through libspng, row by row: memory is a row, whatever the file says. Interlaced rows bring the pixels of
 * their pass. Colour profiles and gamma are left alone. */
#include <errno.h>
#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/image/image_in.h"

/* Chunks beside the pixels are of no use here; only what libspng needs to get past them. */
enum { CHUNK_MOST = 4 << 20, CHUNKS_MOST = 16 << 20, PASSES = 7 };

static bool png_is(const uint8_t *data, size_t n)
{
    static const uint8_t magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    return n >= sizeof magic && !memcmp(data, magic, sizeof magic);
}

/* The library says "zlib" for an inflater without memory; errno says which of the two it was. */
static bool because(char why[IMAGE_WHY], int error)
{
    bool no_memory = error == SPNG_EMEM || errno == ENOMEM;
    snprintf(why, IMAGE_WHY, "%s", no_memory ? IMAGE_NO_MEMORY : spng_strerror(error));
    return false;
}

static spng_ctx *png_open(const struct image_in *file, struct spng_ihdr *ret, int *ret_error)
{
    errno = 0;
    spng_ctx *ctx = spng_ctx_new(0);
    if (!ctx) {
        *ret_error = SPNG_EMEM;
        return NULL;
    }
    spng_set_chunk_limits(ctx, CHUNK_MOST, CHUNKS_MOST);
    *ret_error = spng_set_png_buffer(ctx, file->data, file->size);
    if (!*ret_error)
        *ret_error = spng_get_ihdr(ctx, ret);
    if (!*ret_error)
        return ctx;
    spng_ctx_free(ctx);
    return NULL;
}

static bool png_head(const struct image_in *file, struct image_head *io, char why[IMAGE_WHY])
{
    int error;
    struct spng_ihdr head;
    spng_ctx *ctx = png_open(file, &head, &error);
    if (!ctx)
        return because(why, error);
    io->width = head.width;
    io->height = head.height;
    spng_ctx_free(ctx);
    return true;
}

struct rows {
    spng_ctx *ctx;
    const struct image_head *head;
    uint8_t *row; /* RGBA */
    size_t row_bytes;
    bool deep; /* 16 bits */
    float *planes;
};

/* The pixels of a row that its pass brings: first, then every step-th. */
static void put_row(const struct rows *r, uint32_t y, uint32_t first, uint32_t step)
{
    size_t plane = (size_t)r->head->width * r->head->height, at = (size_t)y * r->head->width;
    const uint16_t *wide = (const uint16_t *)(const void *)r->row;
    for (uint32_t x = first; x < r->head->width; x += step) {
        for (size_t c = 0; c < 4; c++) {
            size_t from = (size_t)x * 4 + c;
            r->planes[c * plane + at + x] = r->deep ? (float)wide[from] / 65535.0f : (float)r->row[from] / 255.0f;
        }
    }
}

static int read_rows(const struct rows *r, bool interlaced)
{
    static const uint8_t firsts[PASSES] = {0, 4, 0, 2, 0, 1, 0}, steps[PASSES] = {8, 8, 4, 4, 2, 2, 1};
    int format = r->deep ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8,
        error = spng_decode_image(r->ctx, NULL, 0, format, SPNG_DECODE_PROGRESSIVE | SPNG_DECODE_TRNS);
    while (!error) {
        struct spng_row_info info;
        error = spng_get_row_info(r->ctx, &info);
        if (error)
            return error;
        error = spng_decode_row(r->ctx, r->row, r->row_bytes);
        if (error && error != SPNG_EOI)
            return error;
        put_row(r, info.row_num, interlaced ? firsts[info.pass] : 0, interlaced ? steps[info.pass] : 1);
    }
    return error;
}

static bool png_decode(const struct image_in *file, const struct image_head *head, float *planes, char why[IMAGE_WHY])
{
    int error;
    struct spng_ihdr ihdr;
    struct rows r = {.head = head, .planes = planes, .ctx = png_open(file, &ihdr, &error)};
    if (!r.ctx)
        return because(why, error);
    r.deep = ihdr.bit_depth == 16;
    r.row_bytes = (size_t)head->width * (r.deep ? 8 : 4);
    r.row = malloc(r.row_bytes);
    error = r.row ? read_rows(&r, ihdr.interlace_method != 0) : SPNG_EMEM;
    if (error == SPNG_EOI)
        error = spng_decode_chunks(r.ctx); /* is the rest whole, too? */
    free(r.row);
    spng_ctx_free(r.ctx);
    return !error || because(why, error);
}

const struct image_reader image_png = {"png", png_is, png_head, png_decode};
