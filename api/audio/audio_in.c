/* See audio_in.h. */
#include "api/audio/audio_in.h"

#include <string.h>

#include "api/room.h"

struct opened {
    struct snd_bytes bytes;
    struct snd_reader *reader;
};

static void release(void *user)
{
    struct opened *o = user;
    snd_free(o->reader);
}

enum status audio_in_check_rate(struct exchange *ex, const struct audio_source *s)
{
    double most = ex->api->config.max_rate;
    if (s->rate <= most)
        return STATUS_OK;
    return fault_limit(&ex->fault, "max-rate", "", "the file says it has %u frames a second, more than %.9g", s->rate,
                       most);
}

static enum status open_snd(struct exchange *ex, struct snd_bytes bytes, struct audio_source *ret,
                            struct snd_reader **ret_snd)
{
    struct opened *o = ARENA_NEW(ex->arena, struct opened);
    *exchange_defer(ex, release) = o;
    o->bytes = bytes;
    TRY(snd_open(&o->bytes, ex->api->config.max_frames, ex->arena, ret, &o->reader, &ex->fault));
    *ret_snd = o->reader;
    return audio_in_check_rate(ex, ret);
}

bool audio_in_is(const void *head, size_t n)
{
    return snd_is(head, n) ||
           (n >= 4 && (!memcmp(head, "RIFF", 4) || !memcmp(head, "RF64", 4) || !memcmp(head, "BW64", 4)));
}

enum status audio_in_open(struct exchange *ex, const void *data, size_t n, struct audio_source *ret,
                          struct snd_reader **ret_snd)
{
    *ret_snd = NULL;
    if (snd_is(data, n))
        return open_snd(ex, snd_bytes_memory(data, n), ret, ret_snd);
    if (n && !audio_in_is(data, n))
        return fault_add(&ex->fault, STATUS_BAD_AUDIO, "", 0, "the audio is neither WAV (RIFF, RF64), FLAC nor AIFF");
    TRY(wav_read(data, n, ret, &ex->fault));
    return audio_in_check_rate(ex, ret);
}

enum status audio_in_file(struct exchange *ex, int fd, uint64_t n, struct audio_source *ret,
                          struct snd_reader **ret_snd)
{
    return open_snd(ex, snd_bytes_file(fd, n), ret, ret_snd);
}
