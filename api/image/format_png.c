/* Writes PNG, a band of rows at a time: each band is filtered and deflated by itself (ISA-L's level 1) and ends at a
 * byte by an empty stored block, so bands stand one behind the other as one stream; its checksum is combined from
 * theirs. docs/decisions/png.md has the measurements. Does not read PNG. */
#include "api/image/format_png.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "api/bytes/memory.h"
#include "api/wide.h"

enum { STORED_MOST = 65535, STORED_HEAD = 5 };

const uint8_t png_begin[PNG_BEGIN_SIZE] = {0x78, 0x01};

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* ---- chunks ---- */

void png_chunk(struct sink *s, const char type[4], const void *prefix, size_t prefix_n, const void *data, size_t n)
{
    uint8_t head[8], check[4];
    put32(head, (uint32_t)(prefix_n + n));
    memcpy(head + 4, type, 4);
    uint32_t crc = crc32_gzip_refl(0, head + 4, 4);
    if (prefix_n)
        crc = crc32_gzip_refl(crc, prefix, prefix_n);
    if (n)
        crc = crc32_gzip_refl(crc, data, n);
    put32(check, crc);
    sink_put(s, head, sizeof head);
    sink_put(s, prefix, prefix_n);
    sink_put(s, data, n);
    sink_put(s, check, sizeof check);
}

void png_signature(struct sink *s)
{
    sink_put(s, "\x89PNG\r\n\x1a\n", 8);
}

void png_head_chunks(const struct image_form *form, struct sink *s)
{
    static const uint8_t colour_types[] = {0, 0, 4, 2, 6};
    uint8_t head[13] = {0};
    put32(head, form->width);
    put32(head + 4, form->height);
    head[8] = (uint8_t)form->bits;
    head[9] = colour_types[form->channels];
    png_chunk(s, "IHDR", NULL, 0, head, sizeof head);
    if (form->srgb)
        png_chunk(s, "sRGB", NULL, 0, "", 1);
}

/* ---- the checksum ---- */

enum { ADLER = 65521 };

/* Of a stream, from its part before and the part of n bytes behind it, whose own checksum is b. */
static uint32_t adler_combine(uint32_t a, uint32_t b, uint64_t n)
{
    uint64_t ones = a & 0xffff, low = ones + (b & 0xffff) + ADLER - 1;
    uint64_t high = (a >> 16) + (b >> 16) + (n % ADLER) * ones + ADLER - n % ADLER;
    return (uint32_t)(low % ADLER | high % ADLER << 16);
}

void png_stream_begin(struct png_stream *z)
{
    z->adler = 1;
}

void png_stream_add(struct png_stream *z, const struct encoder *e, const struct band *b, uint64_t note)
{
    z->adler = adler_combine(z->adler, (uint32_t)note, (encoder_row_bytes(e) + 1) * b->rows);
}

void png_stream_end(const struct png_stream *z, uint8_t ret[PNG_END_SIZE])
{
    ret[0] = 3; /* a last block of fixed codes that ends at once */
    ret[1] = 0;
    put32(ret + 2, z->adler);
}

/* ---- bands ---- */

WIDE static void subtract(uint8_t *restrict to, const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(a[i] - b[i]);
}

/* SUB on a band's first row, which knows no row above it, UP on the others. */
static void filter_rows(const uint8_t *rows, size_t n, size_t pixel, uint32_t count, uint8_t *to)
{
    *to++ = 1;
    memcpy(to, rows, pixel);
    subtract(to + pixel, rows + pixel, rows, n - pixel);
    to += n;
    for (uint32_t y = 1; y < count; y++, to += n) {
        *to++ = 2;
        subtract(to, rows + y * n, rows + (y - 1) * n, n);
    }
}

/* Stored blocks, for what does not get shorter; the last is empty, as after a flush. */
static size_t store(const uint8_t *in, size_t n, uint8_t *ret)
{
    uint8_t *at = ret;
    for (bool more = true; more;) {
        size_t piece = n < STORED_MOST ? n : STORED_MOST;
        more = piece > 0;
        at[0] = 0;
        at[1] = (uint8_t)piece;
        at[2] = (uint8_t)(piece >> 8);
        at[3] = (uint8_t)~at[1];
        at[4] = (uint8_t)~at[2];
        memcpy(at + STORED_HEAD, in, piece);
        at += STORED_HEAD + piece;
        in += piece;
        n -= piece;
    }
    return (size_t)(at - ret);
}

/* The first byte goes by itself, into a stored block, and is what the rest finds before it. A stream that begins with
 * nothing before it makes igzip 2.30 hash its own state's address in place of the third byte's
 * (igzip_icf_body_h1_gr_bt.asm, .write_first_byte: tmp2 is not loaded there), so that one in some thousand places in
 * memory finds another match: the same samples, other bytes. 0: it does not fit into `most` bytes. */
static size_t deflate_rows(uint8_t *in, size_t n, void *level, uint8_t *ret, size_t most)
{
    const uint8_t lead[] = {0, 1, 0, 0xfe, 0xff, in[0]};
    struct isal_zstream z;
    if (n < 2 || most <= sizeof lead)
        return 0;
    memcpy(ret, lead, sizeof lead);
    isal_deflate_init(&z);
    z.level = 1;
    z.level_buf = level;
    z.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
    z.gzip_flag = IGZIP_DEFLATE;
    z.flush = SYNC_FLUSH;
    z.next_in = in + 1;
    z.avail_in = (uint32_t)n - 1;
    z.next_out = ret + sizeof lead;
    z.avail_out = (uint32_t)(most - sizeof lead);
    bool done =
        isal_deflate_set_dict(&z, in, 1) == COMP_OK && isal_deflate(&z) == COMP_OK && !z.avail_in && z.avail_out;
    return done ? most - z.avail_out : 0;
}

static size_t filtered_size(const struct encoder *e, uint32_t rows)
{
    return (encoder_row_bytes(e) + 1) * rows;
}

static size_t stored_size(size_t n)
{
    return n + STORED_HEAD * (n / STORED_MOST + 2);
}

static size_t encode_band(const struct encoder *e, const struct band *b, uint8_t *samples, void *work, uint8_t *ret,
                          uint64_t *ret_note)
{
    uint8_t *filtered = (uint8_t *)work + ISAL_DEF_LVL1_DEFAULT;
    size_t n = filtered_size(e, b->rows), row = encoder_row_bytes(e);
    filter_rows(samples, row, row / e->form.width, b->rows, filtered);
    *ret_note = isal_adler32(1, filtered, n);
    size_t size = deflate_rows(filtered, n, work, ret, n);
    return size ? size : store(filtered, n, ret);
}

void png_bands(struct encoder *e)
{
    e->big_endian = true;
    size_t n = filtered_size(e, e->band_rows);
    e->band_most = stored_size(n);
    e->work_size = ISAL_DEF_LVL1_DEFAULT + n;
    e->encode = encode_band;
}

/* ---- the file ---- */

static void png_head(struct encoder *e, struct sink *s)
{
    png_stream_begin(e->own);
    png_signature(s);
    png_head_chunks(&e->form, s);
}

static void png_join(struct encoder *e, const struct band *b, const uint8_t *bytes, size_t n, uint64_t note,
                     struct sink *s)
{
    png_chunk(s, "IDAT", png_begin, b->first ? PNG_BEGIN_SIZE : 0, bytes, n);
    png_stream_add(e->own, e, b, note);
}

static void png_tail(struct encoder *e, struct sink *s)
{
    uint8_t end[PNG_END_SIZE];
    png_stream_end(e->own, end);
    png_chunk(s, "IDAT", NULL, 0, end, sizeof end);
    png_chunk(s, "IEND", NULL, 0, NULL, 0);
}

enum status png_open(struct encoder *ret, struct arena *a, struct fault *fault)
{
    (void)fault;
    ret->own = ARENA_NEW(a, struct png_stream);
    ret->head = png_head;
    ret->join = png_join;
    ret->tail = png_tail;
    png_bands(ret);
    return STATUS_OK;
}

uint8_t *png_encode(const struct raster *r, size_t *ret_n)
{
    struct png_stream z;
    struct encoder e = {.form = {.width = r->width,
                                 .height = r->height,
                                 .channels = r->channels,
                                 .frames = 1,
                                 .bits = r->bits,
                                 .srgb = r->srgb},
                        .sample_bits = r->bits,
                        .own = &z};
    struct memory m;
    e.band_rows = encoder_rows(&e.form, ENCODER_BAND);
    png_bands(&e);
    uint8_t *work = malloc(e.work_size), *out = malloc(e.band_most);
    if (memory_init(&m, 4096) && work && out) {
        png_head(&e, &m.sink);
        for (uint64_t i = 0; i < encoder_bands(&e); i++) {
            struct band b = encoder_band(&e, i);
            uint64_t note = 0;
            size_t n = encode_band(&e, &b, r->data + b.row * encoder_row_bytes(&e), work, out, &note);
            png_join(&e, &b, out, n, note, &m.sink);
        }
        png_tail(&e, &m.sink);
    }
    bool done = !m.sink.failed && work && out;
    free(work);
    free(out);
    *ret_n = m.n;
    if (done)
        return m.data;
    free(m.data);
    return NULL;
}
