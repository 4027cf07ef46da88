/* Writes PNG: SUB on the first row and UP on the others (best on the textures this server makes), ISA-L's deflate at
 * level 1. Same raster, same bytes on one machine. Does not read PNG. */
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "api/format_image.h"
#include "api/wide.h"

enum { CHUNK = 256 << 10, BATCH = 128 << 10 };

struct writer {
    uint8_t *data;
    size_t n, cap;
    size_t chunk; /* where the open chunk's length stands */
    bool failed;
};

static void writer_room(struct writer *w, size_t more)
{
    if (w->failed || w->cap - w->n >= more)
        return;
    size_t cap = w->cap * 2 > w->n + more ? w->cap * 2 : w->n + more;
    uint8_t *data = realloc(w->data, cap);
    w->failed = !data;
    if (data) {
        w->data = data;
        w->cap = cap;
    }
}

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static void chunk_open(struct writer *w, const char *type)
{
    writer_room(w, 8);
    if (w->failed)
        return;
    w->chunk = w->n;
    memcpy(w->data + w->n + 4, type, 4);
    w->n += 8;
}

static void chunk_close(struct writer *w)
{
    writer_room(w, 4);
    if (w->failed)
        return;
    size_t size = w->n - w->chunk - 8;
    put32(w->data + w->chunk, (uint32_t)size);
    put32(w->data + w->n, crc32_gzip_refl(0, w->data + w->chunk + 4, size + 4));
    w->n += 4;
}

static void put_bytes(struct writer *w, const void *data, size_t n)
{
    writer_room(w, n);
    if (w->failed)
        return;
    memcpy(w->data + w->n, data, n);
    w->n += n;
}

WIDE static void subtract(uint8_t *restrict to, const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(a[i] - b[i]);
}

static void filter_row(const struct raster *r, uint32_t y, uint8_t *to)
{
    size_t n = raster_row_bytes(r), pixel = n / r->width;
    const uint8_t *row = r->data + y * n;
    *to++ = y ? 2 : 1;
    if (y) {
        subtract(to, row, row - n, n);
        return;
    }
    memcpy(to, row, pixel);
    subtract(to + pixel, row + pixel, row, n - pixel);
}

/* Feeds what z has to the deflater, output in chunks of about CHUNK bytes. */
static void deflate_some(struct writer *w, struct isal_zstream *z)
{
    do {
        if (w->n - w->chunk - 8 >= CHUNK) {
            chunk_close(w);
            chunk_open(w, "IDAT");
        }
        writer_room(w, CHUNK);
        if (w->failed)
            return;
        z->next_out = w->data + w->n;
        z->avail_out = CHUNK;
        w->failed = isal_deflate(z) != COMP_OK;
        w->n += CHUNK - z->avail_out;
    } while (!w->failed && (z->avail_in || (z->end_of_stream && z->internal_state.state != ZSTATE_END)));
}

static void put_pixels(struct writer *w, const struct raster *r, uint8_t *batch, size_t batch_rows, uint8_t *level)
{
    struct isal_zstream z;
    isal_deflate_init(&z);
    z.level = 1;
    z.level_buf = level;
    z.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
    z.gzip_flag = IGZIP_ZLIB;
    size_t row_bytes = raster_row_bytes(r) + 1;
    chunk_open(w, "IDAT");
    for (uint32_t y = 0; y < r->height && !w->failed;) {
        size_t rows = r->height - y < batch_rows ? r->height - y : batch_rows;
        for (size_t i = 0; i < rows; i++)
            filter_row(r, y + (uint32_t)i, batch + i * row_bytes);
        y += (uint32_t)rows;
        z.next_in = batch;
        z.avail_in = (uint32_t)(rows * row_bytes);
        z.end_of_stream = y == r->height;
        deflate_some(w, &z);
    }
    chunk_close(w);
}

static void put_head(struct writer *w, const struct raster *r)
{
    static const uint8_t colour_types[] = {0, 0, 4, 2, 6};
    uint8_t head[13];
    put32(head, r->width);
    put32(head + 4, r->height);
    memcpy(head + 8, (uint8_t[]){(uint8_t)r->bits, colour_types[r->channels], 0, 0, 0}, 5);
    put_bytes(w, "\x89PNG\r\n\x1a\n", 8);
    chunk_open(w, "IHDR");
    put_bytes(w, head, sizeof head);
    chunk_close(w);
    if (r->srgb) {
        chunk_open(w, "sRGB");
        put_bytes(w, "", 1);
        chunk_close(w);
    }
}

uint8_t *png_encode(const struct raster *r, size_t *ret_n)
{
    size_t row_bytes = raster_row_bytes(r) + 1;
    size_t batch_rows = row_bytes < BATCH ? BATCH / row_bytes : 1;
    uint8_t *batch = malloc(batch_rows * row_bytes), *level = malloc(ISAL_DEF_LVL1_DEFAULT);
    struct writer w = {.failed = !batch || !level};
    writer_room(&w, row_bytes * r->height / 2 + 1024);
    put_head(&w, r);
    if (!w.failed)
        put_pixels(&w, r, batch, batch_rows, level);
    chunk_open(&w, "IEND");
    chunk_close(&w);
    free(batch);
    free(level);
    if (w.failed) {
        free(w.data);
        return NULL;
    }
    *ret_n = w.n;
    return w.data;
}
