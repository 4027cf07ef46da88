/* An audio file that a request brings: WAV, FLAC or AIFF, by its first bytes. */
#ifndef API_AUDIO_IN_H
#define API_AUDIO_IN_H

#include "api/audio/format_snd.h"
#include "api/audio/format_wav.h"
#include "api/exchange.h"

bool audio_in_is(const void *head, size_t n); /* by the first 12 bytes */

/* In memory, which must stay. *ret_snd: of files that are decoded while they are read, else NULL; ask snd_end after the
 * last audio_read. It is freed with the exchange. BAD_AUDIO; LIMIT max-rate. */
enum status audio_in_open(struct exchange *ex, const void *data, size_t n, struct audio_source *ret,
                          struct snd_reader **ret_snd) MUST_CHECK;
/* The same of n bytes of a file that is FLAC or AIFF; `fd` stays the caller's. */
enum status audio_in_file(struct exchange *ex, int fd, uint64_t n, struct audio_source *ret,
                          struct snd_reader **ret_snd) MUST_CHECK;

/* LIMIT max-rate. */
enum status audio_in_check_rate(struct exchange *ex, const struct audio_source *s) MUST_CHECK;

#endif
