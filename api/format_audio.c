/* See format_audio.h. */
#include "api/format_audio.h"

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

void audio_read(const struct audio_source *s, uint64_t from, uint32_t n, float *const *planes)
{
    if (s->pull) {
        s->pull(s->user, from, n, planes);
        return;
    }
    size_t size = sample_size(s->sample), frame = size * s->channels;
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

/* The scale is a power of two, so the product is exact, and so is adding a half in double. */
WIDE static uint64_t quantise(const float *in, size_t n, double scale, int32_t *restrict out)
{
    uint64_t clipped = 0;
    double most = scale - 1;
    for (size_t i = 0; i < n; i++) {
        double v = in[i];
        v = v == v ? v * scale + 0.5 : 0.0;
        double below = v < -scale ? -scale : v, within = below < most ? below : most;
        clipped += (v < -scale) | (v >= scale);
        int32_t whole = (int32_t)within;
        out[i] = whole - (within < (double)whole);
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
        counts->clipped += quantise(in + at, m, small ? 0x1p15 : 0x1p23, whole);
        for (uint32_t i = 0; i < m; i++) {
            uint8_t *to = out + (size_t)(at + i) * step;
            put16(to, (uint32_t)whole[i] & 0xffff);
            if (!small)
                to[2] = (uint8_t)((uint32_t)whole[i] >> 16);
        }
    }
}

void audio_write(float *const *planes, uint32_t channels, uint32_t n, enum sample sample, uint8_t *out,
                 struct counts *counts)
{
    size_t size = sample_size(sample), step = size * channels;
    for (uint32_t c = 0; c < channels; c++) {
        uint8_t *to = out + c * size;
        counts->nonfinite += audio_count_nonfinite(planes[c], n);
        if (sample != SAMPLE_F32)
            write_integers(planes[c], n, sample, to, step, counts);
        else if ((const uint8_t *)planes[c] != to)
            for (uint32_t i = 0; i < n; i++)
                memcpy(to + i * step, &planes[c][i], sizeof(float));
    }
}
