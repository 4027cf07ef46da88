/* See pictures.h. */
#include "tests/support/pictures.h"

#include <openexr.h>
#include <stdio.h>
#include <string.h>

unsigned picture_sample(unsigned x, unsigned y, unsigned c)
{
    unsigned h = x * 0x9E3779B1u ^ y * 0x85EBCA77u ^ (c + 1) * 0xC2B2AE3Du;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    return (h ^ h >> 13) & 0xffff;
}

unsigned picture_smooth(unsigned x, unsigned y, unsigned c)
{
    return (x * 3 + y * 5 + c * 40) << 8 & 0xff00;
}

static void put(struct arena *a, struct picture_file *file, const void *data, size_t n)
{
    if (file->n + n > file->cap) {
        file->cap = 2 * (file->n + n);
        file->data = arena_grow(a, file->data, file->n, file->cap, 1);
    }
    memcpy(file->data + file->n, data, n);
    file->n += n;
}

/* ---- PNG ---- */

static void put_be(struct arena *a, struct picture_file *file, uint32_t v)
{
    const uint8_t bytes[] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    put(a, file, bytes, 4);
}

static uint32_t crc_of(const uint8_t *data, size_t n)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

void picture_chunk(struct arena *a, struct picture_file *file, const char *type, const void *data, size_t n)
{
    put_be(a, file, (uint32_t)n);
    size_t from = file->n;
    put(a, file, type, 4);
    put(a, file, data, n);
    put_be(a, file, crc_of(file->data + from, file->n - from));
}

static void put_sample(uint8_t *row, unsigned at, int depth, unsigned v)
{
    if (depth == 16) {
        row[at * 2] = (uint8_t)(v >> 8);
        row[at * 2 + 1] = (uint8_t)v;
    } else {
        unsigned bit = at * (unsigned)depth;
        v >>= 16 - depth;
        row[bit / 8] = (uint8_t)(row[bit / 8] | v << (8 - (unsigned)depth - bit % 8));
    }
}

struct pass {
    unsigned x0, y0, dx, dy;
};

static void put_pass(struct arena *a, struct picture_file *raw, unsigned width, unsigned height, int colour, int depth,
                     struct pass p)
{
    static const unsigned counts[] = {1, 0, 3, 1, 2, 0, 4};
    unsigned n = counts[colour], columns = width > p.x0 ? (width - p.x0 + p.dx - 1) / p.dx : 0;
    size_t bytes = ((size_t)columns * n * (unsigned)depth + 7) / 8;
    for (unsigned y = p.y0; y < height && columns; y += p.dy) {
        uint8_t *row = arena_alloc(a, bytes + 1);
        for (unsigned i = 0; i < columns; i++)
            for (unsigned c = 0; c < n; c++)
                put_sample(row + 1, i * n + c, depth,
                           picture_sample(p.x0 + i * p.dx, y, colour == 4 && c == 1 ? 3 : c));
        put(a, raw, row, bytes + 1);
    }
}

static struct picture_file stored_zlib(struct arena *a, struct picture_file raw)
{
    struct picture_file z = {0};
    uint32_t low = 1, high = 0;
    put(a, &z, "\x78\x01", 2);
    for (size_t at = 0; at < raw.n || !at; at += 65535) {
        size_t n = raw.n - at < 65535 ? raw.n - at : 65535;
        const uint8_t head[] = {at + n >= raw.n, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
        put(a, &z, head, 5);
        put(a, &z, raw.data + at, n);
    }
    for (size_t i = 0; i < raw.n; i++) {
        low = (low + raw.data[i]) % 65521;
        high = (high + low) % 65521;
    }
    put_be(a, &z, high << 16 | low);
    return z;
}

struct picture_file picture_png(struct arena *a, unsigned width, unsigned height, int colour, int depth,
                                bool interlaced)
{
    static const struct pass adam7[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                        {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    struct picture_file file = {0}, head = {0}, raw = {0};
    put(a, &file, "\x89PNG\r\n\x1a\n", 8);
    put_be(a, &head, width);
    put_be(a, &head, height);
    const uint8_t rest[] = {(uint8_t)depth, (uint8_t)colour, 0, 0, interlaced};
    put(a, &head, rest, 5);
    picture_chunk(a, &file, "IHDR", head.data, head.n);
    if (colour == 3) {
        uint8_t palette[768];
        for (int k = 0; k < 256; k++)
            memcpy(palette + 3 * k, (uint8_t[]){(uint8_t)k, (uint8_t)(255 - k), (uint8_t)(k ^ 85)}, 3);
        picture_chunk(a, &file, "PLTE", palette, 3u << depth);
    }
    if (interlaced)
        for (int i = 0; i < 7; i++)
            put_pass(a, &raw, width, height, colour, depth, adam7[i]);
    else
        put_pass(a, &raw, width, height, colour, depth, (struct pass){0, 0, 1, 1});
    struct picture_file z = stored_zlib(a, raw);
    picture_chunk(a, &file, "IDAT", z.data, z.n);
    picture_chunk(a, &file, "IEND", "", 0);
    return file;
}

/* ---- NPY ---- */

static uint16_t half_of(float v) /* exact for what the tests write */
{
    uint32_t bits;
    memcpy(&bits, &v, 4);
    if (v == 0)
        return 0;
    return (uint16_t)((bits >> 16 & 0x8000) | ((bits >> 23 & 255) - 112) << 10 | (bits >> 13 & 1023));
}

static float fraction(unsigned sample)
{
    return (float)(sample >> 8) / 256.0f;
}

static size_t number_bytes(const char *type, unsigned sample, uint8_t ret[8])
{
    uint64_t bits = 0;
    float f = fraction(sample);
    double d = f;
    size_t n = (size_t)(type[1] - '0');
    if (*type == 'u')
        bits = n == 1 ? sample >> 8 : sample;
    else if (n == 2)
        bits = half_of(f);
    else if (n == 4)
        memcpy(&bits, &f, 4);
    else
        memcpy(&bits, &d, 8);
    for (size_t i = 0; i < n; i++)
        ret[i] = (uint8_t)(bits >> (8 * i));
    return n;
}

struct picture_file picture_npy(struct arena *a, unsigned width, unsigned height, unsigned channels, char order,
                                const char *type)
{
    struct picture_file file = {0};
    char shape[64], head[128];
    snprintf(shape, sizeof shape, channels > 1 ? "(%u, %u, %u)" : "(%u, %u)", height, width, channels);
    int n =
        snprintf(head, sizeof head, "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }\n", order, type, shape);
    put(a, &file, "\x93NUMPY\x01", 8); /* and minor version 0 */
    put(a, &file, (uint8_t[]){(uint8_t)n, (uint8_t)(n >> 8)}, 2);
    put(a, &file, head, (size_t)n);
    for (unsigned i = 0; i < width * height * channels; i++) {
        uint8_t bytes[8], swapped[8];
        size_t size =
            number_bytes(type, picture_sample(i / channels % width, i / channels / width, i % channels), bytes);
        for (size_t k = 0; k < size; k++)
            swapped[k] = bytes[order == '>' ? size - 1 - k : k];
        put(a, &file, swapped, size);
    }
    return file;
}

/* ---- OpenEXR ---- */

struct growing {
    struct arena *arena;
    struct picture_file file;
};

static int64_t write_bytes(exr_const_context_t ctx, void *user, const void *data, uint64_t n, uint64_t at,
                           exr_stream_error_func_ptr_t error)
{
    (void)ctx;
    (void)error;
    struct growing *g = user;
    while (g->file.n < at + n)
        put(g->arena, &g->file, "", 1);
    memcpy(g->file.data + at, data, n);
    return (int64_t)n;
}

static void must(exr_result_t result)
{
    if (result != EXR_ERR_SUCCESS)
        fail_msg("OpenEXR: %s", exr_get_default_error_message(result));
}

static unsigned component(const char *name)
{
    static const char letters[] = "RGBA";
    const char *at = strchr(letters, *name);
    return at ? (unsigned)(at - letters) : 0;
}

static void write_chunk(const struct picture_exr *of, struct arena *a, exr_context_t ctx, exr_chunk_info_t *chunk,
                        unsigned x0, unsigned y0)
{
    exr_encode_pipeline_t encode = EXR_ENCODE_PIPELINE_INITIALIZER;
    size_t size = of->type == EXR_PIXEL_HALF ? 2 : 4;
    must(exr_encoding_initialize(ctx, 0, chunk, &encode));
    for (int i = 0; i < encode.channel_count; i++) {
        exr_coding_channel_info_t *c = &encode.channels[i];
        uint8_t *data = arena_alloc(a, (size_t)chunk->width * (size_t)chunk->height * size);
        for (int k = 0; k < chunk->width * chunk->height; k++) {
            unsigned s = picture_smooth(x0 + (unsigned)(k % chunk->width), y0 + (unsigned)(k / chunk->width),
                                        component(c->channel_name));
            uint8_t bytes[8];
            uint32_t whole = s;
            number_bytes(size == 2 ? "f2" : "f4", s, bytes);
            memcpy(data + (size_t)k * size, of->type == EXR_PIXEL_UINT ? (void *)&whole : bytes, size);
        }
        c->user_bytes_per_element = (int16_t)size;
        c->user_data_type = (uint16_t)of->type;
        c->user_pixel_stride = (int32_t)size;
        c->user_line_stride = (int32_t)((size_t)chunk->width * size);
        c->encode_from_ptr = data;
    }
    must(exr_encoding_choose_default_routines(ctx, 0, &encode));
    must(exr_encoding_run(ctx, 0, &encode));
    must(exr_encoding_destroy(ctx, &encode));
}

enum { TILE_W = 16, TILE_H = 8 };

static void write_chunks(const struct picture_exr *of, struct arena *a, exr_context_t ctx)
{
    exr_chunk_info_t chunk;
    int32_t lines = TILE_H;
    if (!of->tiled)
        must(exr_get_scanlines_per_chunk(ctx, 0, &lines));
    for (unsigned y = 0; y < of->height; y += (unsigned)lines) {
        if (!of->tiled) {
            must(exr_write_scanline_chunk_info(ctx, 0, of->y0 + (int)y, &chunk));
            write_chunk(of, a, ctx, &chunk, 0, y);
        }
        for (unsigned x = 0; of->tiled && x < of->width; x += TILE_W) {
            must(exr_write_tile_chunk_info(ctx, 0, (int)(x / TILE_W), (int)(y / TILE_H), 0, 0, &chunk));
            write_chunk(of, a, ctx, &chunk, x, y);
        }
    }
}

struct picture_file picture_exr(struct arena *a, const struct picture_exr *of)
{
    struct growing g = {.arena = a};
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    exr_context_t ctx;
    int part;
    init.user_data = &g;
    init.write_fn = write_bytes;
    must(exr_start_write(&ctx, "memory", EXR_WRITE_FILE_DIRECTLY, &init));
    must(exr_add_part(ctx, "picture", of->tiled ? EXR_STORAGE_TILED : EXR_STORAGE_SCANLINE, &part));
    exr_attr_box2i_t window = {.min = {.x = of->x0, .y = of->y0},
                               .max = {.x = of->x0 + (int)of->width - 1, .y = of->y0 + (int)of->height - 1}};
    exr_attr_v2f_t centre = {.x = 0, .y = 0};
    must(exr_initialize_required_attr(ctx, 0, &window, &window, 1.0f, &centre, 1.0f, EXR_LINEORDER_INCREASING_Y,
                                      (exr_compression_t)of->compression));
    for (const char *c = of->channels; *c; c++)
        must(exr_add_channel(ctx, 0, (char[]){*c, 0}, (exr_pixel_type_t)of->type, EXR_PERCEPTUALLY_LOGARITHMIC, 1, 1));
    if (of->tiled)
        must(exr_set_tile_descriptor(ctx, 0, TILE_W, TILE_H, EXR_TILE_ONE_LEVEL, EXR_TILE_ROUND_DOWN));
    must(exr_write_header(ctx));
    write_chunks(of, a, ctx);
    must(exr_finish(&ctx));
    return g.file;
}
