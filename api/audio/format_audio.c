/* See format_audio.h. */
#include "api/audio/format_audio.h"

#include <string.h>

#include "api/wide.h"

const struct format_info audio_files[AUDIO_FILES + 1] = {
#define IMAGE_FILE(id, name, type, bits, open, what)
#define AUDIO_FILE(id, name, type, bits, what) {name, type, bits, what},
#include "api/formats.def"
#undef IMAGE_FILE
#undef AUDIO_FILE
};

size_t sample_size(enum sample s)
{
    static const size_t sizes[] = {
        [SAMPLE_F32] = 4, [SAMPLE_S16] = 2, [SAMPLE_S24] = 3, [SAMPLE_S32] = 4, [SAMPLE_U8] = 1, [SAMPLE_F64] = 8};
    return sizes[s];
}

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static float decode(const uint8_t *p, enum sample s)
{
    float f;
    double d;
    switch (s) {
    case SAMPLE_U8:
        return (float)((int)p[0] - 128) * 0x1p-7f;
    case SAMPLE_S16:
        return (float)(int16_t)get16(p) * 0x1p-15f;
    case SAMPLE_S24:
        return (float)((int32_t)((uint32_t)p[0] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 24) >> 8) * 0x1p-23f;
    case SAMPLE_S32:
        return (float)(int32_t)get32(p) * 0x1p-31f;
    case SAMPLE_F64:
        memcpy(&d, p, sizeof d);
        return (float)d;
    case SAMPLE_F32:
        break;
    }
    memcpy(&f, p, sizeof f);
    return f;
}

/* One copy of the loop a sample format, so that `decode` folds to what it needs. */
#define READ(S)                                                                                                        \
    case S:                                                                                                            \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            to[i] = decode(p + (size_t)i * step, S);                                                                   \
        break

static void read_plane(const uint8_t *p, size_t step, uint32_t n, enum sample s, float *to)
{
    switch (s) {
        READ(SAMPLE_U8);
        READ(SAMPLE_S16);
        READ(SAMPLE_S24);
        READ(SAMPLE_S32);
        READ(SAMPLE_F64);
        READ(SAMPLE_F32);
    }
}

/* Stereo of 16 bits, two samples a word. */
WIDE static void read_pairs(const uint8_t *p, uint32_t n, float *restrict left, float *restrict right)
{
    for (uint32_t i = 0; i < n; i++) {
        int32_t both;
        memcpy(&both, p + (size_t)i * 4, sizeof both);
        left[i] = (float)(int16_t)both * 0x1p-15f;
        right[i] = (float)(both >> 16) * 0x1p-15f;
    }
}

void audio_read(const struct audio_source *s, uint64_t from, uint32_t n, float *const *planes)
{
    if (s->pull) {
        s->pull(s->user, from, n, planes);
        return;
    }
    size_t size = sample_size(s->sample), frame = size * s->channels;
    if (s->sample == SAMPLE_S16 && s->channels == 2) {
        read_pairs(s->data + from * frame, n, planes[0], planes[1]);
        return;
    }
    for (uint32_t c = 0; c < s->channels; c++)
        read_plane(s->data + from * frame + c * size, frame, n, s->sample, planes[c]);
}

/* Counts in 32 bits, as wide as the samples, so that no vector has to be unpacked. */
WIDE static uint32_t count_nonfinite(const float *in, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &in[i], sizeof bits);
        count += (bits & 0x7f800000u) == 0x7f800000u;
    }
    return count;
}

uint64_t audio_count_nonfinite(const float *in, size_t n)
{
    enum { PART = 1 << 30 };
    uint64_t count = 0;
    for (size_t at = 0; at < n; at += PART)
        count += count_nonfinite(in + at, n - at < PART ? (uint32_t)(n - at) : (uint32_t)PART);
    return count;
}

/* The scale is a power of two, so the product is exact; so is what lies above the whole number below it, and no half is
 * added to a float that cannot hold it. */
WIDE static uint32_t quantise(const float *in, uint32_t n, float scale, int32_t *restrict out)
{
    uint32_t clipped = 0;
    float most = scale - 1, least = scale < 0x1p23f ? -scale - 0.5f : -scale; /* where floats are whole, no half */
    for (uint32_t i = 0; i < n; i++) {
        float v = in[i] * scale;
        v = v == v ? v : 0;
        clipped += (v < least) | (v >= most + 0.5f);
        float below = v < -scale ? -scale : v, within = below < most ? below : most;
        int32_t whole = (int32_t)within;
        whole -= within < (float)whole;
        out[i] = whole + (within - (float)whole >= 0.5f);
    }
    return clipped;
}

enum { PIECE = 512 };

static void write_integers(const float *in, uint32_t n, enum sample sample, uint8_t *out, size_t step,
                           struct counts *counts)
{
    int32_t whole[PIECE];
    bool small = sample == SAMPLE_S16;
    for (uint32_t at = 0; at < n; at += PIECE) {
        uint32_t m = n - at < PIECE ? n - at : PIECE;
        counts->clipped += quantise(in + at, m, small ? 0x1p15f : 0x1p23f, whole);
        for (uint32_t i = 0; i < m; i++) {
            uint8_t *to = out + (size_t)(at + i) * step;
            put16(to, (uint32_t)whole[i] & 0xffff);
            if (!small)
                to[2] = (uint8_t)((uint32_t)whole[i] >> 16);
        }
    }
}

/* Two samples of 16 bits are one word: most files are such. */
WIDE static void join_pairs(const int32_t *left, const int32_t *right, uint32_t n, uint8_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t both = ((uint32_t)left[i] & 0xffff) | (uint32_t)right[i] << 16;
        memcpy(out + (size_t)i * 4, &both, sizeof both);
    }
}

static void write_pairs(const float *left, const float *right, uint32_t n, uint8_t *out, struct counts *counts)
{
    int32_t l[PIECE], r[PIECE];
    for (uint32_t at = 0; at < n; at += PIECE) {
        uint32_t m = n - at < PIECE ? n - at : PIECE;
        counts->clipped += quantise(left + at, m, 0x1p15f, l) + quantise(right + at, m, 0x1p15f, r);
        join_pairs(l, r, m, out + (size_t)at * 4);
    }
}

void audio_write(float *const *planes, uint32_t channels, uint32_t n, enum sample sample, uint8_t *out,
                 struct counts *counts)
{
    size_t size = sample_size(sample), step = size * channels;
    for (uint32_t c = 0; c < channels; c++) {
        uint8_t *to = out + c * size;
        counts->nonfinite += audio_count_nonfinite(planes[c], n);
        if (sample == SAMPLE_S16 && channels == 2) {
            if (c == 1)
                write_pairs(planes[0], planes[1], n, out, counts);
        } else if (sample != SAMPLE_F32)
            write_integers(planes[c], n, sample, to, step, counts);
        else if ((const uint8_t *)planes[c] != to)
            for (uint32_t i = 0; i < n; i++)
                memcpy(to + i * step, &planes[c][i], sizeof(float));
    }
}
