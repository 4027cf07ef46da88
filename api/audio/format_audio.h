/* Audio samples to planes of floats and back, a piece at a time. The files around them are format_wav.h's and
 * format_snd.h's. */
#ifndef API_FORMAT_AUDIO_H
#define API_FORMAT_AUDIO_H

#include "api/image/format_image.h" /* struct counts, struct format_info */
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

/* Interleaved samples in memory that is somebody else's, or whatever `pull` gives, front to back, once. */
struct audio_source {
    const uint8_t *data;
    void (*pull)(void *user, uint64_t from, uint32_t n, float *const *planes);
    void *user;
    uint64_t frames;
    uint32_t channels, rate; /* rate 0: not known */
    enum sample sample;
};

/* planes[c][i] = sample c of frame from + i; integers scaled to -1 .. 1. */
void audio_read(const struct audio_source *s, uint64_t from, uint32_t n, float *const *planes);

/* The other way, into `out`. Integers: scaled, clamped, rounded half up; a NaN becomes 0. Adds to `counts`. */
void audio_write(float *const *planes, uint32_t channels, uint32_t n, enum sample sample, uint8_t *out,
                 struct counts *counts);

uint64_t audio_count_nonfinite(const float *in, size_t n);

#endif
