/* Audio bytes to planes of floats and back, a piece at a time; the heads of WAV files. Bytes come from anyone. */
#ifndef API_FORMAT_AUDIO_H
#define API_FORMAT_AUDIO_H

#include "api/format_image.h" /* struct counts, struct format_info */
#include "core/fault.h"

enum audio_file {
#define IMAGE_FILE(id, name, type, bits, open, what)
#define AUDIO_FILE(id, name, type, bits, what) AUDIO_##id,
#include "api/formats.def"
#undef IMAGE_FILE
#undef AUDIO_FILE
    AUDIO_FILES
};
extern const struct format_info audio_files[AUDIO_FILES + 1]; /* the last has no name */

enum sample { SAMPLE_F32, SAMPLE_S16, SAMPLE_S24, SAMPLE_S32, SAMPLE_U8, SAMPLE_F64 };
size_t sample_size(enum sample s);

/* Interleaved samples in memory that is somebody else's. */
struct audio_source {
    const uint8_t *data;
    uint64_t frames;
    uint32_t channels, rate; /* rate 0: not known */
    enum sample sample;
};

/* A RIFF WAVE file: PCM of 8 to 32 bits, float of 32 or 64, plain or extensible. STATUS_BAD_AUDIO with a sentence; a
 * data chunk that says more than there is is refused, not cut, unless its size is the 0 or 0xffffffff that streaming
 * writers leave. */
enum status wav_read(const void *body, size_t n, struct audio_source *ret, struct fault *fault) MUST_CHECK;

/* The writers' head of `frames` frames; sample is F32, S16 or S24. Returns its size. The body must follow, padded to an
 * even size. */
enum { WAV_HEADER_MAX = 64 };
size_t wav_header(enum sample sample, uint32_t channels, uint32_t rate, uint64_t frames, uint8_t ret[WAV_HEADER_MAX]);
bool wav_fits(enum sample sample, uint32_t channels, uint64_t frames); /* into RIFF's 32-bit sizes */

/* planes[c][i] = sample c of frame from + i; integers scaled to -1 .. 1. */
void audio_read(const struct audio_source *s, uint64_t from, uint32_t n, float *const *planes);

/* The other way, into `out`. Integers: scaled, clamped, rounded half up; a NaN becomes 0. Adds to `counts`. */
void audio_write(float *const *planes, uint32_t channels, uint32_t n, enum sample sample, uint8_t *out,
                 struct counts *counts);

uint64_t audio_count_nonfinite(const float *in, size_t n);

#endif
