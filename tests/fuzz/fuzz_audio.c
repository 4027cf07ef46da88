/* libFuzzer: any bytes as an audio file. A WAV's head is the same in pieces as in one; what is read lies in the file;
 * a FLAC or AIFF gives samples or a sentence.
 *     ./dev fuzz audio 60 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/audio/format_snd.h"
#include "api/audio/format_wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { PIECE = 256, FRAMES_MOST = 1 << 16, CHANNELS_MOST = 64 };

static void read_samples(const struct audio_source *s)
{
    static float memory[CHANNELS_MOST][PIECE];
    float *planes[CHANNELS_MOST];
    for (int c = 0; c < CHANNELS_MOST; c++)
        planes[c] = memory[c];
    if (s->channels > CHANNELS_MOST)
        return;
    for (uint64_t at = 0; at < s->frames && at < FRAMES_MOST; at += PIECE)
        audio_read(s, at, s->frames - at < PIECE ? (uint32_t)(s->frames - at) : PIECE, planes);
}

/* The head is found at one length of the file's begin, and is what the whole file says. */
static void check_pieces(const uint8_t *data, size_t n, const struct audio_source *whole, struct fault *fault)
{
    struct wav_head head;
    bool more = true;
    size_t data_at = (size_t)(whole->data - data);
    if (data_at > 1 && (wav_head(data, data_at - 1, false, &head, &more, fault) != STATUS_OK || !more))
        abort();
    if (wav_head(data, data_at, false, &head, &more, fault) != STATUS_OK || more || head.data_at != data_at)
        abort();
    if (head.source.channels != whole->channels || head.source.rate != whole->rate || n < data_at)
        abort();
}

static void check(const uint8_t *data, size_t n, struct arena *a, struct snd_reader **reader)
{
    struct audio_source s;
    struct fault fault;
    fault_init(&fault, a);
    if (snd_is(data, n)) {
        struct snd_bytes *bytes = arena_alloc(a, sizeof *bytes);
        *bytes = snd_bytes_memory(data, n);
        if (snd_open(bytes, FRAMES_MOST, a, &s, reader, &fault) == STATUS_OK) {
            if (!s.channels || !s.rate)
                abort();
            read_samples(&s);
            if (snd_end(*reader, &fault) == STATUS_OK)
                return;
        }
        if (!fault.count)
            abort();
    } else if (wav_read(data, n, &s, &fault) == STATUS_OK) {
        if (s.data < data || s.data + s.frames * s.channels * sample_size(s.sample) > data + n)
            abort();
        read_samples(&s);
        check_pieces(data, n, &s, &fault);
    } else if (!fault.count) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(64 << 20);
    static struct snd_reader *reader; /* the arena may end the check in its midst */
    reader = NULL;
    if (a && !ARENA_GUARD(a))
        check(data, n, a, &reader);
    snd_free(reader);
    arena_free(a);
    return 0;
}
