/* libFuzzer: PNG files whose checksums are right, so that what is behind them is reached. The input is a row of chunks:
 * a byte that chooses the type, a byte that is its length, the bytes. What IDAT has is deflated here, stored.
 *     ./dev fuzz png 60 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/host.h"
#include "tests/fuzz/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct file {
    uint8_t bytes[1 << 16];
    size_t n;
};

static uint32_t crc(const uint8_t *bytes, size_t n)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        c ^= bytes[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void put(struct file *f, const void *bytes, size_t n)
{
    if (n)
        memcpy(f->bytes + f->n, bytes, n);
    f->n += n;
}

static void put_number(struct file *f, uint32_t v)
{
    put(f, (const uint8_t[]){(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}, 4);
}

static void put_chunk(struct file *f, const char *type, const void *data, size_t n)
{
    size_t at = f->n + 4;
    put_number(f, (uint32_t)n);
    put(f, type, 4);
    put(f, data, n);
    put_number(f, crc(f->bytes + at, n + 4));
}

/* A zlib stream of one stored block. */
static void put_deflated(struct file *f, const uint8_t *data, uint8_t n)
{
    uint8_t stream[2 + 5 + 255 + 4] = {0x78, 0x01, 0x01, n, 0, (uint8_t)~n, 0xff};
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        stream[7 + i] = data[i];
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    const uint8_t sum[] = {(uint8_t)(b >> 8), (uint8_t)b, (uint8_t)(a >> 8), (uint8_t)a};
    memcpy(stream + 7 + n, sum, sizeof sum);
    put_chunk(f, "IDAT", stream, (size_t)n + 11);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char types[][5] = {"IHDR", "IDAT", "PLTE", "tRNS", "IEND", "gAMA", "sRGB", "iCCP",
                                    "cHRM", "tEXt", "zTXt", "iTXt", "bKGD", "hIST", "sPLT", "pHYs",
                                    "eXIf", "acTL", "fcTL", "fdAT", "tIME", "vpAg", "IDAT", "sBIT"};
    enum { TYPES = sizeof types / sizeof *types, LONGEST = 300 };
    static struct file f;
    if (!n)
        return 0;
    f.n = 0;
    struct image_options options = {.srgb = data[0] & 1};
    put(&f, "\x89PNG\r\n\x1a\n", 8);
    for (size_t at = 1; at + 2 <= n && f.n + LONGEST < sizeof f.bytes;) {
        unsigned kind = data[at] % TYPES;
        size_t left = n - at - 2;
        uint8_t length = (uint8_t)(data[at + 1] < left ? data[at + 1] : left);
        if (kind == 1)
            put_deflated(&f, data + at + 2, length);
        else
            put_chunk(&f, types[kind], data + at + 2, length);
        at += 2u + length;
    }
    picture_check(&options, f.bytes, f.n);
    return 0;
}
