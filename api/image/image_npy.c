/* Reads NumPy's .npy, versions 1 to 3: arrays in C order of shape (height, width) or (height, width, 1..4), of u1, u2,
 * f2, f4 or f8, either byte order. Integers are divided by their largest value. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/image/image_in.h"

enum { PIECE = 1024, HEADER_MOST = 65536 };

struct npy {
    const uint8_t *data;
    char kind;     /* 'u' or 'f' */
    unsigned size; /* bytes a number */
    bool big;
    uint32_t channels;
};

static bool npy_is(const uint8_t *data, size_t n)
{
    return n >= 6 && !memcmp(data, "\x93NUMPY", 6);
}

static bool because(char why[IMAGE_WHY], const char *reason)
{
    snprintf(why, IMAGE_WHY, "%s", reason);
    return false;
}

/* The value of a key of the header, which is a Python dictionary; NULL when it is not there. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at)
        return NULL;
    at += strlen(key);
    at += strspn(at, " ");
    if (*at != ':')
        return NULL;
    return at + 1 + strspn(at + 1, " ");
}

static bool read_type(const char *at, struct npy *ret)
{
    static const char *const types[] = {"u1", "u2", "f2", "f4", "f8"};
    if (!at || (*at != '\'' && *at != '"') || !strchr("<>|=", at[1]) || !at[1])
        return false;
    ret->big = at[1] == '>';
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!strncmp(at + 2, types[i], 2) && at[4] == at[0]) {
            ret->kind = types[i][0];
            ret->size = (unsigned)(types[i][1] - '0');
            return true;
        }
    }
    return false;
}

/* (h, w) or (h, w, c) */
static bool read_shape(const char *at, uint64_t ret[3])
{
    int n = 0;
    ret[2] = 1;
    if (!at || *at++ != '(')
        return false;
    for (; n < 3; n++) {
        at += strspn(at, " ");
        size_t digits = strspn(at, "0123456789");
        if (!digits || digits > 9)
            break;
        ret[n] = strtoull(at, NULL, 10);
        at += digits;
        at += strspn(at, " ");
        if (*at != ',')
            return *at == ')' && ++n >= 2;
        at++;
    }
    at += strspn(at, " ");
    return *at == ')' && n >= 2;
}

static bool read_header(const char *header, struct npy *ret, struct image_head *io, char why[IMAGE_WHY])
{
    uint64_t shape[3];
    const char *order = value_of(header, "'fortran_order'");
    if (!read_type(value_of(header, "'descr'"), ret))
        return because(why, "its numbers are not of type u1, u2, f2, f4 or f8");
    if (!order || strncmp(order, "False", 5) != 0)
        return because(why, "it is not in C order (fortran_order must be False)");
    if (!read_shape(value_of(header, "'shape'"), shape) || shape[2] < 1 || shape[2] > 4)
        return because(why, "its shape is not (height, width) or (height, width, 1..4)");
    io->height = (uint32_t)shape[0];
    io->width = (uint32_t)shape[1];
    ret->channels = (uint32_t)shape[2];
    return true;
}

static bool npy_open(const struct image_in *file, struct npy *ret, struct image_head *io, char why[IMAGE_WHY])
{
    const uint8_t *d = file->data;
    bool first = file->size >= 10 && d[6] == 1;
    size_t at = first ? 10 : 12, n = 0;
    if (file->size < 12 || d[6] < 1 || d[6] > 3)
        return because(why, "it is cut short, or of a version above 3");
    for (size_t i = at; i-- > 8;)
        n = n << 8 | d[i];
    if (n > HEADER_MOST || n > file->size - at)
        return because(why, "its header is cut short");
    char *header = strndup((const char *)d + at, n);
    bool good = header ? read_header(header, ret, io, why) : because(why, IMAGE_NO_MEMORY);
    free(header);
    if (!good)
        return false;
    uint64_t bytes = (uint64_t)io->width * io->height * ret->channels * ret->size, there = file->size - at - n;
    ret->data = d + at + n;
    if (bytes == there)
        return true;
    snprintf(why, IMAGE_WHY, "%u x %u pixels of %u numbers are %llu bytes; %llu follow its header", io->width,
             io->height, ret->channels, (unsigned long long)bytes, (unsigned long long)there);
    return false;
}

static bool npy_head(const struct image_in *file, struct image_head *io, char why[IMAGE_WHY])
{
    struct npy npy;
    return npy_open(file, &npy, io, why);
}

static float half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    float v = exponent == 31 ? (mantissa ? NAN : INFINITY)
              : exponent     ? ldexpf((float)(mantissa + 1024), exponent - 25)
                             : ldexpf((float)mantissa, -24);
    return bits >> 15 ? -v : v;
}

static float number_value(const struct npy *npy, const uint8_t *at)
{
    uint64_t bits = 0;
    float f;
    double d;
    for (unsigned i = 0; i < npy->size; i++)
        bits |= (uint64_t)at[npy->big ? npy->size - 1 - i : i] << (8 * i);
    if (npy->kind == 'u')
        return npy->size == 1 ? (float)bits / 255.0f : (float)bits / 65535.0f;
    if (npy->size == 2)
        return half_value((uint16_t)bits);
    uint32_t low = (uint32_t)bits;
    memcpy(&f, &low, sizeof f);
    memcpy(&d, &bits, sizeof d);
    return npy->size == 4 ? f : (float)d;
}

static bool npy_decode(const struct image_in *file, const struct image_head *head, float *planes, char why[IMAGE_WHY])
{
    struct npy npy;
    struct image_head again = *head;
    float piece[PIECE * 4];
    if (!npy_open(file, &npy, &again, why))
        return false;
    size_t plane = (size_t)head->width * head->height;
    for (size_t at = 0; at < plane; at += PIECE) {
        size_t n = plane - at < PIECE ? plane - at : PIECE;
        for (size_t i = 0; i < n * npy.channels; i++, npy.data += npy.size)
            piece[i] = number_value(&npy, npy.data);
        image_put(piece, n, npy.channels, at, plane, planes);
    }
    return true;
}

const struct image_reader image_npy = {"npy", npy_is, npy_head, npy_decode};
