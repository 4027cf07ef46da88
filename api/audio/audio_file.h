/* Frames of floats to an audio file of any format, piece by piece; integers are rounded, clamped and counted here. */
#ifndef API_AUDIO_FILE_H
#define API_AUDIO_FILE_H

#include "api/audio/format_audio.h"
#include "api/audio/tpdf.h"
#include "api/bytes/place.h"
#include "core/arena.h"

struct audio_form {
    enum audio_file file;
    enum sample sample; /* F32, S16 or S24 */
    uint32_t channels;
    double rate;
    uint64_t frames; /* exactly so many will come */
    bool dither;
    uint64_t dither_seed;
};

/* Can the format hold it? BAD_FIELD at /format or /rate. Asked before work is done. */
enum status audio_form_check(const struct audio_form *form, struct fault *fault) MUST_CHECK;

struct audio_writer;
enum status audio_writer_new(const struct audio_form *form, struct place *place, struct arena *a,
                             struct audio_writer **ret, struct fault *fault) MUST_CHECK;
/* At most PCM_PIECE frames. Adds to counts. */
void audio_writer_put(struct audio_writer *w, const float *interleaved, size_t frames, struct counts *counts);
/* Ends the file. The place says whether all was written. */
void audio_writer_end(struct audio_writer *w);
void audio_writer_abandon(struct audio_writer *w); /* only frees; also after the end, when the place is gone */

#endif
