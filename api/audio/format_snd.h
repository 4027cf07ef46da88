/* FLAC and AIFF files through libsndfile, from and to memory or wherever the bytes are. Bytes come from anyone. */
#ifndef API_FORMAT_SND_H
#define API_FORMAT_SND_H

#include "api/audio/format_audio.h"
#include "api/bytes/place.h"
#include "core/arena.h"

/* Do these first bytes belong to a file that snd_open reads? 12 bytes are enough. */
bool snd_is(const void *head, size_t n);

/* A file's bytes: `read` gives up to n of them from `at` on, fewer at the end. */
struct snd_bytes {
    size_t (*read)(const struct snd_bytes *b, uint64_t at, void *to, size_t n);
    uint64_t size;
    const void *data; /* of snd_bytes_memory; free for others */
    int fd;           /* of snd_bytes_file */
};
struct snd_bytes snd_bytes_memory(const void *data, size_t n);
struct snd_bytes snd_bytes_file(int fd, uint64_t n);

/* Opens a file for audio_read, front to back, once: fills *ret, whose `frames` are what the head says. `bytes` must
 * live as long as the reader, which is the caller's to free, also when this fails. BAD_AUDIO with the reason. A FLAC
 * that does not say its length is counted first, up to `most` frames. */
struct snd_reader;
enum status snd_open(const struct snd_bytes *bytes, uint64_t most, struct arena *a, struct audio_source *ret,
                     struct snd_reader **ret_reader, struct fault *fault) MUST_CHECK;
void snd_free(struct snd_reader *r);
/* After the last audio_read: BAD_AUDIO when the file ended or broke before its frames were read; silence was given
 * instead. */
enum status snd_end(const struct snd_reader *r, struct fault *fault) MUST_CHECK;

/* A writer: the same samples give the same bytes for the same library. Where samples are S16 or S24, they come as
 * whole numbers. */
struct snd_writer;
enum status snd_create(enum audio_file file, enum sample sample, uint32_t channels, uint32_t rate, struct place *place,
                       struct arena *a, struct snd_writer **ret, struct fault *fault) MUST_CHECK;
void snd_put_integers(struct snd_writer *w, int32_t *samples, size_t n); /* n values, changed */
void snd_put_floats(struct snd_writer *w, const float *samples, size_t n);
void snd_close(struct snd_writer *w);   /* writes what is left; a failure shows in the place */
void snd_abandon(struct snd_writer *w); /* frees what it holds, writes nothing; no matter whether it was closed */

#endif
