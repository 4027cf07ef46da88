/* See format_wav.h. RF64 is EBU Tech 3306: the sizes that do not fit 32 bits stand in a chunk ds64 before all others.
 */
#include "api/audio/format_wav.h"

#include <string.h>

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

enum { TAG_PCM = 1, TAG_FLOAT = 3, TAG_EXTENSIBLE = 0xfffe, EXTENSIBLE_SIZE = 40 };

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

/* The tag that an extensible format's GUID stands for, of the plain and the ambisonic family; 0: another's. */
static uint32_t tag_of_guid(const uint8_t *p)
{
    static const uint8_t plain[] = {0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113},
                         ambisonic[] = {0, 0, 33, 7, 211, 17, 134, 68, 200, 193, 202, 0, 0, 0};
    bool known = !memcmp(p + 2, plain, sizeof plain) || !memcmp(p + 2, ambisonic, sizeof ambisonic);
    return known ? get16(p) : 0;
}

static enum status read_format(const uint8_t *p, size_t n, struct audio_source *ret, struct fault *fault)
{
    uint32_t tag = get16(p), bits = get16(p + 14), align = get16(p + 12);
    ret->channels = get16(p + 2);
    ret->rate = get32(p + 4);
    if (tag == TAG_EXTENSIBLE && n >= EXTENSIBLE_SIZE)
        tag = tag_of_guid(p + 24);
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

/* Where in the file we are, and what was said so far. */
struct walk {
    const uint8_t *p;
    size_t n;
    bool is_rf64, has_sizes;
    uint64_t riff_size, data_size; /* of the RF64's ds64 */
    struct wav_head head;
};

/* Sizes that writers leave who cannot go back to correct them: of sox, arecord and others that count in int. */
static bool is_left_open(uint32_t size)
{
    return size == 0x7ffff000u || size == 0x7fffffffu || size == 0x80000000u;
}

/* 0 is what a streaming writer leaves, or an honest empty file: then RIFF's size covers what follows. */
static bool is_unknown(const struct walk *w, uint32_t size, uint64_t at)
{
    uint32_t riff = get32(w->p + 4);
    return size == UINT32_MAX || (size == 0 && (riff == 0 || riff == UINT32_MAX || riff + 8ull <= at));
}

static enum status begin_data(struct walk *w, uint32_t size, uint64_t at, struct fault *fault)
{
    if (!w->head.source.channels)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the WAV's data comes before its fmt chunk");
    w->head.data_at = at;
    w->head.data_size = size;
    w->head.open_end = is_left_open(size);
    if (w->has_sizes && size == UINT32_MAX)
        w->head.data_size = w->data_size;
    else if (is_unknown(w, size, at))
        w->head.data_size = UINT64_MAX;
    return STATUS_OK;
}

/* How much of a chunk must be there to know what it says. */
static size_t wanted(const uint8_t *chunk, uint32_t size)
{
    size_t most = !memcmp(chunk, "fmt ", 4) ? EXTENSIBLE_SIZE : !memcmp(chunk, "ds64", 4) ? 28 : 0;
    return size < most ? size : most;
}

static enum status read_chunk(struct walk *w, const uint8_t *chunk, uint32_t size, struct fault *fault)
{
    if (!memcmp(chunk, "fmt ", 4)) {
        if (size < 16)
            return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the WAV's fmt chunk has %u bytes, less than 16", size);
        if (w->head.source.channels)
            return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the WAV has two fmt chunks");
        return read_format(chunk + 8, size, &w->head.source, fault);
    }
    if (w->is_rf64 && !memcmp(chunk, "ds64", 4)) {
        if (size < 24)
            return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the RF64's ds64 chunk has %u bytes, less than 24", size);
        w->riff_size = get64(chunk + 8);
        w->data_size = get64(chunk + 16);
        w->has_sizes = true;
    }
    return STATUS_OK;
}

static bool is_wav(const uint8_t *p, size_t n, bool *ret_rf64)
{
    *ret_rf64 = n >= 4 && (!memcmp(p, "RF64", 4) || !memcmp(p, "BW64", 4));
    return n >= 12 && (*ret_rf64 || !memcmp(p, "RIFF", 4)) && !memcmp(p + 8, "WAVE", 4);
}

enum status wav_head(const void *body, size_t n, bool whole, struct wav_head *ret, bool *ret_more, struct fault *fault)
{
    struct walk w = {.p = body, .n = n};
    *ret_more = true;
    if (n < 12 && !whole)
        return STATUS_OK;
    if (!is_wav(w.p, n, &w.is_rf64))
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the body is not a RIFF WAVE file");
    for (uint64_t at = 12; n > at && n - at >= 8;) {
        const uint8_t *chunk = w.p + at;
        uint32_t size = get32(chunk + 4);
        at += 8;
        if (!memcmp(chunk, "data", 4)) {
            TRY(begin_data(&w, size, at, fault));
            *ret_more = false;
            *ret = w.head;
            return STATUS_OK;
        }
        if (n - at < (whole ? size : wanted(chunk, size)))
            break;
        TRY(read_chunk(&w, chunk, size, fault));
        at += (uint64_t)size + (size & 1);
    }
    if (whole)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the WAV ends before its data chunk");
    return STATUS_OK;
}

enum status wav_read(const void *body, size_t n, struct audio_source *ret, struct fault *fault)
{
    struct wav_head head;
    bool more;
    TRY(wav_head(body, n, true, &head, &more, fault));
    size_t frame = head.source.channels * sample_size(head.source.sample);
    uint64_t left = n - head.data_at, size = head.data_size;
    if (size == UINT64_MAX || (head.open_end && size > left))
        size = left - left % frame;
    if (size > left)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0,
                         "the WAV's data chunk says it has %llu bytes, but only %llu follow", (unsigned long long)size,
                         (unsigned long long)left);
    if (size % frame)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0,
                         "the WAV's data chunk has %llu bytes, which is not a whole number of %zu-byte frames",
                         (unsigned long long)size, frame);
    *ret = head.source;
    ret->data = (const uint8_t *)body + head.data_at;
    ret->frames = size / frame;
    return STATUS_OK;
}

static uint8_t *put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *p++ = (uint8_t)(v >> 8 * i);
    return p;
}

static uint8_t *put_tag(uint8_t *p, const char *tag)
{
    for (int i = 0; i < 4; i++)
        *p++ = (uint8_t)tag[i];
    return p;
}

bool wav_fits(enum sample sample, uint32_t channels)
{
    return channels * sample_size(sample) <= UINT16_MAX;
}

/* PCM: a fmt chunk of 16 bytes. Float: one of 18 bytes and a fact chunk, as the format asks of all but PCM. */
static uint8_t *put_format(uint8_t *at, enum sample sample, uint32_t channels, uint32_t rate, uint64_t frames)
{
    bool is_float = sample == SAMPLE_F32;
    uint32_t size = (uint32_t)sample_size(sample), frame = channels * size;
    at = put(put_tag(at, "fmt "), is_float ? 18 : 16, 4);
    at = put(put(at, is_float ? TAG_FLOAT : TAG_PCM, 2), channels, 2);
    at = put(put(at, rate, 4), (uint64_t)rate * frame, 4);
    at = put(put(at, frame, 2), size * 8u, 2);
    if (is_float) {
        at = put(at, 0, 2);
        at = put(put(put_tag(at, "fact"), 4, 4), frames > UINT32_MAX ? UINT32_MAX : frames, 4);
    }
    return at;
}

static uint8_t *put_head(uint8_t *at, bool rf64, uint64_t riff, uint64_t data, uint64_t frames)
{
    at = put(put_tag(at, rf64 ? "RF64" : "RIFF"), rf64 ? UINT32_MAX : riff, 4);
    at = put_tag(at, "WAVE");
    if (rf64) {
        at = put(put_tag(at, "ds64"), 28, 4);
        at = put(put(put(put(at, riff, 8), data, 8), frames, 8), 0, 4);
    }
    return at;
}

size_t wav_header(enum sample sample, uint32_t channels, uint32_t rate, uint64_t frames, uint8_t ret[WAV_HEADER_MAX])
{
    uint64_t data = frames * channels * sample_size(sample), padded = data + (data & 1);
    size_t format = sample == SAMPLE_F32 ? 26 + 12 : 24, sizes = 36, head = 12 + format + 8;
    bool rf64 = padded > UINT32_MAX - (head - 8);
    head += rf64 ? sizes : 0;
    uint8_t *at = put_head(ret, rf64, head - 8 + padded, data, frames);
    at = put_format(at, sample, channels, rate, frames);
    put(put_tag(at, "data"), rf64 ? UINT32_MAX : data, 4);
    return head;
}
