/* Heads of RIFF WAVE and RF64 files, read and written. Bytes come from anyone. Samples are format_audio.h's. */
#ifndef API_FORMAT_WAV_H
#define API_FORMAT_WAV_H

#include "api/audio/format_audio.h"

struct wav_head {
    struct audio_source source; /* channels, rate, sample; no data, no frames */
    uint64_t data_at;           /* where the samples begin in the file */
    uint64_t data_size;         /* UINT64_MAX: the writer did not know, they go on to the file's end */
    bool open_end;              /* a size that streaming writers leave: fewer bytes may follow */
};

/* The head of a file of which the first n bytes are there. *ret_more: nothing is wrong so far, and the samples begin
 * further on; then `ret` is not written. `whole`: no more bytes will come. BAD_AUDIO with a sentence. */
enum status wav_head(const void *body, size_t n, bool whole, struct wav_head *ret, bool *ret_more,
                     struct fault *fault) MUST_CHECK;

/* A whole file in memory: PCM of 8 to 32 bits, float of 32 or 64, plain or extensible, RIFF or RF64, whatever chunks
 * stand before the samples. A data chunk that says more than there is is refused, not cut, unless it is one of the
 * sizes that streaming writers leave. */
enum status wav_read(const void *body, size_t n, struct audio_source *ret, struct fault *fault) MUST_CHECK;

/* The writers' head of `frames` frames; sample is F32, S16 or S24. An RF64 when 32 bits do not hold the sizes. Returns
 * its size. The body must follow, padded to an even size. */
enum { WAV_HEADER_MAX = 96 };
size_t wav_header(enum sample sample, uint32_t channels, uint32_t rate, uint64_t frames, uint8_t ret[WAV_HEADER_MAX]);
bool wav_fits(enum sample sample, uint32_t channels); /* a frame's size fits the format's 16 bits */

#endif
