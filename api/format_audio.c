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

enum { TAG_PCM = 1, TAG_FLOAT = 3, TAG_EXTENSIBLE = 0xfffe };

static bool sample_of(uint32_t tag, uint32_t bits, enum sample *ret)
{
    static const struct {
        uint32_t tag, bits;
        enum sample sample;
    } rows[] = {{TAG_PCM, 8, SAMPLE_U8},   {TAG_PCM, 16, SAMPLE_S16},   {TAG_PCM, 24, SAMPLE_S24},
                {TAG_PCM, 32, SAMPLE_S32}, {TAG_FLOAT, 32, SAMPLE_F32}, {TAG_FLOAT, 64, SAMPLE_F64}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].tag == tag && rows[i].bits == bits) {
            *ret = rows[i].sample;
            return true;
        }
    }
    return false;
}

static enum status read_format(const uint8_t *p, size_t n, struct audio_source *ret, struct fault *fault)
{
    if (n < 16)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the WAV's fmt chunk has %zu bytes, less than 16", n);
    uint32_t tag = get16(p), bits = get16(p + 14), align = get16(p + 12);
    ret->channels = get16(p + 2);
    ret->rate = get32(p + 4);
    if (tag == TAG_EXTENSIBLE && n >= 40)
        tag = get16(p + 24);
    if (!sample_of(tag, bits, &ret->sample))
        return fault_add(
            fault, STATUS_BAD_AUDIO, "", 0,
            "the WAV holds format %u with %u bits; read are PCM of 8, 16, 24 or 32 bits and float of 32 or 64", tag,
            bits);
    if (!ret->channels || !ret->rate)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the WAV says it has %u channels at %u Hz", ret->channels,
                         ret->rate);
    if (align != ret->channels * sample_size(ret->sample))
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0,
                         "the WAV says that a frame has %u bytes; %u channels of %u bits have %zu", align,
                         ret->channels, bits, ret->channels * sample_size(ret->sample));
    return STATUS_OK;
}

static enum status read_data(const uint8_t *p, uint64_t size, size_t left, struct audio_source *ret,
                             struct fault *fault)
{
    size_t frame = ret->channels * sample_size(ret->sample);
    if (size == 0xffffffffu || (size == 0 && left > 0))
        size = left - left % frame; /* streamed: its writer did not know */
    if (size > left)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0,
                         "the WAV's data chunk says it has %llu bytes, but only %zu follow", (unsigned long long)size,
                         left);
    if (size % frame)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0,
                         "the WAV's data chunk has %llu bytes, which is not a whole number of %zu-byte frames",
                         (unsigned long long)size, frame);
    ret->data = p;
    ret->frames = size / frame;
    return STATUS_OK;
}

enum status wav_read(const void *body, size_t n, struct audio_source *ret, struct fault *fault)
{
    const uint8_t *p = body;
    struct audio_source s = {0};
    if (n < 12 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVE", 4) != 0)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the body is not a RIFF WAVE file");
    for (size_t at = 12; n - at >= 8;) {
        const uint8_t *chunk = p + at;
        uint32_t size = get32(chunk + 4);
        at += 8;
        if (!memcmp(chunk, "data", 4)) {
            if (!s.channels)
                return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the WAV's data comes before its fmt chunk");
            TRY(read_data(chunk + 8, size, n - at, &s, fault));
            *ret = s;
            return STATUS_OK;
        }
        if (size > n - at)
            break;
        if (!memcmp(chunk, "fmt ", 4))
            TRY(read_format(chunk + 8, size, &s, fault));
        at += size;
        at += (size & 1) && at < n;
    }
    return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the WAV ends before its data chunk");
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v & 0xffff);
    put16(p + 2, v >> 16);
}

static void put_tag(uint8_t *p, const char *tag)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)tag[i];
}

bool wav_fits(enum sample sample, uint32_t channels, uint64_t frames)
{
    return frames <= (UINT32_MAX - WAV_HEADER_MAX) / (channels * sample_size(sample)) && channels <= UINT16_MAX;
}

/* PCM: RIFF, fmt of 16 bytes, data. Float: fmt of 18 bytes and a fact chunk, as the format asks of all but PCM. */
size_t wav_header(enum sample sample, uint32_t channels, uint32_t rate, uint64_t frames, uint8_t ret[WAV_HEADER_MAX])
{
    bool is_float = sample == SAMPLE_F32;
    uint32_t size = (uint32_t)sample_size(sample), frame = channels * size, data = (uint32_t)(frames * frame);
    size_t head = is_float ? 58 : 44;
    memset(ret, 0, WAV_HEADER_MAX);
    put_tag(ret, "RIFF");
    put32(ret + 4, (uint32_t)(head - 8) + data + (data & 1));
    put_tag(ret + 8, "WAVE");
    put_tag(ret + 12, "fmt ");
    put32(ret + 16, is_float ? 18 : 16);
    put16(ret + 20, is_float ? TAG_FLOAT : TAG_PCM);
    put16(ret + 22, channels);
    put32(ret + 24, rate);
    put32(ret + 28, rate * frame);
    put16(ret + 32, frame);
    put16(ret + 34, size * 8);
    if (is_float) {
        put_tag(ret + 38, "fact");
        put32(ret + 42, 4);
        put32(ret + 46, (uint32_t)frames);
    }
    put_tag(ret + head - 8, "data");
    put32(ret + head - 4, data);
    return head;
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
