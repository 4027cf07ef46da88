/* See format_snd.h. libsndfile knows many more formats; only those that are meant are let through to it, by their first
 * bytes and again by what it found. */
#include "api/audio/format_snd.h"

#include <sndfile.h>
#include <string.h>
#include <unistd.h>

#include "api/bytes/memory.h"

bool snd_is(const void *head, size_t n)
{
    const char *p = head;
    if (n >= 4 && !memcmp(p, "fLaC", 4))
        return true;
    return n >= 12 && !memcmp(p, "FORM", 4) && (!memcmp(p + 8, "AIFF", 4) || !memcmp(p + 8, "AIFC", 4));
}

static size_t read_memory(const struct snd_bytes *b, uint64_t at, void *to, size_t n)
{
    size_t left = at < b->size ? (size_t)(b->size - at) : 0, take = n < left ? n : left;
    memcpy(to, (const char *)b->data + (take ? at : 0), take);
    return take;
}

static size_t read_file(const struct snd_bytes *b, uint64_t at, void *to, size_t n)
{
    size_t done = 0;
    for (ssize_t got; done < n && (got = pread(b->fd, (char *)to + done, n - done, (off_t)(at + done))) > 0;)
        done += (size_t)got;
    return done;
}

struct snd_bytes snd_bytes_memory(const void *data, size_t n)
{
    return (struct snd_bytes){read_memory, n, data, -1};
}

struct snd_bytes snd_bytes_file(int fd, uint64_t n)
{
    return (struct snd_bytes){read_file, n, NULL, fd};
}

enum { PIECE = 1024, TAKEN_MOST = 1 << 20 /* bytes that libsndfile takes for a file, amply */ };

struct snd_reader {
    const struct snd_bytes *bytes;
    uint64_t at; /* in the file */
    SNDFILE *file;
    uint64_t frames, frame; /* said; read */
    uint32_t channels;
    const char *name;
    const char *broken; /* why the file ended before its end */
    float *piece;
};

static sf_count_t reader_size(void *user)
{
    return (sf_count_t)((struct snd_reader *)user)->bytes->size;
}

static sf_count_t reader_seek(sf_count_t offset, int whence, void *user)
{
    struct snd_reader *r = user;
    sf_count_t from = whence == SEEK_CUR ? (sf_count_t)r->at : whence == SEEK_END ? (sf_count_t)r->bytes->size : 0, to;
    if (__builtin_add_overflow(from, offset, &to) || to < 0)
        return -1;
    r->at = (uint64_t)to;
    return to;
}

static sf_count_t reader_read(void *to, sf_count_t n, void *user)
{
    struct snd_reader *r = user;
    size_t got = n > 0 ? r->bytes->read(r->bytes, r->at, to, (size_t)n) : 0;
    r->at += got;
    return (sf_count_t)got;
}

static sf_count_t reader_write(const void *from, sf_count_t n, void *user)
{
    (void)from;
    (void)n;
    (void)user;
    return 0;
}

static sf_count_t reader_tell(void *user)
{
    return (sf_count_t)((struct snd_reader *)user)->at;
}

/* What the file's samples become: floats need a look for those that are not finite. False: not read. */
static bool sample_of(int format, enum sample *ret)
{
    int major = format & SF_FORMAT_TYPEMASK, minor = format & SF_FORMAT_SUBMASK;
    if (major != SF_FORMAT_FLAC && major != SF_FORMAT_AIFF)
        return false;
    switch (minor) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_ULAW:
    case SF_FORMAT_ALAW:
        *ret = SAMPLE_S16;
        return true;
    case SF_FORMAT_PCM_24:
        *ret = SAMPLE_S24;
        return true;
    case SF_FORMAT_PCM_32:
        *ret = SAMPLE_S32;
        return true;
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_DOUBLE:
        *ret = SAMPLE_F32;
        return true;
    }
    return false;
}

static enum status open_file(struct snd_reader *r, SF_INFO *ret, struct fault *fault)
{
    SF_VIRTUAL_IO io = {reader_size, reader_seek, reader_read, reader_write, reader_tell};
    r->at = 0;
    r->frame = 0;
    *ret = (SF_INFO){0};
    bool memory = memory_probe(TAKEN_MOST);
    if (memory)
        r->file = sf_open_virtual(&io, SFM_READ, ret, r);
    if (!memory)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory to read the %s", r->name);
    if (!r->file)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the %s cannot be read: %s", r->name, sf_strerror(NULL));
    return STATUS_OK;
}

static enum status check_info(const struct snd_reader *r, const SF_INFO *info, enum sample *ret, struct fault *fault)
{
    if (!sample_of(info->format, ret))
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0,
                         "the %s's coding is not read; read are integers of 8 to 32 bits, floats, u-law and A-law",
                         r->name);
    if (info->channels < 1 || info->samplerate < 1 || info->frames < 0)
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the %s says it has %d channels at %d Hz", r->name,
                         info->channels, info->samplerate);
    return STATUS_OK;
}

/* Reads to the end, or to `most`, and opens the file again. */
static enum status count_frames(struct snd_reader *r, uint64_t most, SF_INFO *info, struct fault *fault)
{
    uint64_t n = 0;
    for (sf_count_t got; n <= most && (got = sf_readf_float(r->file, r->piece, PIECE)) > 0;)
        n += (uint64_t)got;
    sf_close(r->file);
    r->file = NULL;
    TRY(open_file(r, info, fault));
    r->frames = n;
    return STATUS_OK;
}

/* Silence behind the end of a file that ends too soon; snd_end tells. */
static void pull(void *user, uint64_t from, uint32_t n, float *const *planes)
{
    struct snd_reader *r = user;
    (void)from;
    for (uint32_t at = 0; at < n;) {
        uint32_t want = n - at < PIECE ? n - at : PIECE;
        sf_count_t got = r->broken ? 0 : sf_readf_float(r->file, r->piece, want);
        if (got < (sf_count_t)want && !r->broken)
            r->broken = sf_error(r->file) ? sf_strerror(r->file) : "the file ends";
        got = got < 0 ? 0 : got;
        r->frame += (uint64_t)got;
        memset(r->piece + (size_t)got * r->channels, 0, ((size_t)want - (size_t)got) * r->channels * sizeof(float));
        for (uint32_t c = 0; c < r->channels; c++)
            for (uint32_t i = 0; i < want; i++)
                planes[c][at + i] = r->piece[(size_t)i * r->channels + c];
        at += want;
    }
}

static uint32_t get_big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/* libsndfile takes what there is of an AIFF that was cut; here that is an error. */
static enum status check_aiff(const struct snd_bytes *b, struct fault *fault)
{
    uint8_t chunk[8];
    for (uint64_t at = 12; b->read(b, at, chunk, sizeof chunk) == sizeof chunk;) {
        uint64_t size = get_big(chunk + 4), left = b->size - at - sizeof chunk;
        if (!memcmp(chunk, "SSND", 4) && size > left)
            return fault_add(fault, STATUS_BAD_AUDIO, "", 0,
                             "the AIFF's SSND chunk says it has %llu bytes, but only %llu follow",
                             (unsigned long long)size, (unsigned long long)left);
        at += sizeof chunk + size + (size & 1);
    }
    return STATUS_OK;
}

static enum status open_reader(struct snd_reader *r, uint64_t most, struct arena *a, struct audio_source *ret,
                               struct fault *fault)
{
    SF_INFO info;
    enum sample sample = SAMPLE_F32;
    if (r->name[0] == 'A')
        TRY(check_aiff(r->bytes, fault));
    TRY(open_file(r, &info, fault));
    TRY(check_info(r, &info, &sample, fault));
    r->channels = (uint32_t)info.channels;
    r->piece = ARENA_ARRAY(a, (size_t)r->channels * PIECE, float);
    r->frames = (uint64_t)info.frames;
    if (info.frames == SF_COUNT_MAX || (info.frames == 0 && (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC))
        TRY(count_frames(r, most, &info, fault));
    *ret = (struct audio_source){.frames = r->frames,
                                 .channels = r->channels,
                                 .rate = (uint32_t)info.samplerate,
                                 .sample = sample,
                                 .pull = pull,
                                 .user = r};
    return STATUS_OK;
}

enum status snd_open(const struct snd_bytes *bytes, uint64_t most, struct arena *a, struct audio_source *ret,
                     struct snd_reader **ret_reader, struct fault *fault)
{
    struct snd_reader *r = ARENA_NEW(a, struct snd_reader);
    char head[12];
    *ret_reader = r;
    r->bytes = bytes;
    size_t n = bytes->read(bytes, 0, head, sizeof head);
    if (!snd_is(head, n))
        return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the body is neither FLAC nor AIFF");
    r->name = head[0] == 'f' ? "FLAC" : "AIFF";
    return open_reader(r, most, a, ret, fault);
}

void snd_free(struct snd_reader *r)
{
    if (r && r->file)
        sf_close(r->file);
    if (r)
        r->file = NULL;
}

enum status snd_end(const struct snd_reader *r, struct fault *fault)
{
    if (!r->broken)
        return STATUS_OK;
    return fault_add(fault, STATUS_BAD_AUDIO, "", 0, "the %s breaks off after frame %llu of %llu: %s", r->name,
                     (unsigned long long)r->frame, (unsigned long long)r->frames, r->broken);
}

struct snd_writer {
    struct place *place;
    uint64_t at;
    SNDFILE *file;
    uint32_t channels;
    int shift; /* libsndfile's whole numbers fill 32 bits */
};

static sf_count_t writer_size(void *user)
{
    return (sf_count_t)((struct snd_writer *)user)->place->size;
}

static sf_count_t writer_seek(sf_count_t offset, int whence, void *user)
{
    struct snd_writer *w = user;
    sf_count_t from = whence == SEEK_CUR ? (sf_count_t)w->at : whence == SEEK_END ? (sf_count_t)w->place->size : 0;
    w->at = (uint64_t)(from + offset);
    return (sf_count_t)w->at;
}

static sf_count_t writer_read(void *to, sf_count_t n, void *user)
{
    (void)to;
    (void)n;
    (void)user;
    return 0;
}

static sf_count_t writer_write(const void *from, sf_count_t n, void *user)
{
    struct snd_writer *w = user;
    place_put(w->place, w->at, from, (size_t)n);
    w->at += (uint64_t)n;
    return n;
}

static sf_count_t writer_tell(void *user)
{
    return (sf_count_t)((struct snd_writer *)user)->at;
}

enum status snd_create(enum audio_file file, enum sample sample, uint32_t channels, uint32_t rate, struct place *place,
                       struct arena *a, struct snd_writer **ret, struct fault *fault)
{
    struct snd_writer *w = ARENA_NEW(a, struct snd_writer);
    SF_VIRTUAL_IO io = {writer_size, writer_seek, writer_read, writer_write, writer_tell};
    int minor = sample == SAMPLE_F32 ? SF_FORMAT_FLOAT : sample == SAMPLE_S16 ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24;
    SF_INFO info = {.samplerate = (int)rate,
                    .channels = (int)channels,
                    .format = (file == AUDIO_FLAC ? SF_FORMAT_FLAC : SF_FORMAT_AIFF) | minor};
    w->place = place;
    w->channels = channels;
    w->shift = sample == SAMPLE_S16 ? 16 : 8;
    if (!memory_probe(TAKEN_MOST))
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory to write a %s", audio_files[file].name);
    w->file = rate > INT32_MAX || !sf_format_check(&info) ? NULL : sf_open_virtual(&io, SFM_WRITE, &info, w);
    if (!w->file)
        return fault_add(fault, STATUS_BAD_FIELD, "/format", 0, "a %s cannot hold %u channels at %u Hz",
                         audio_files[file].name, channels, rate);
    sf_command(w->file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE); /* it holds the time */
    *ret = w;
    return STATUS_OK;
}

void snd_put_integers(struct snd_writer *w, int32_t *samples, size_t n)
{
    for (size_t i = 0; i < n; i++)
        samples[i] = (int32_t)((uint32_t)samples[i] << w->shift);
    w->place->failed |= sf_write_int(w->file, samples, (sf_count_t)n) != (sf_count_t)n;
}

void snd_put_floats(struct snd_writer *w, const float *samples, size_t n)
{
    w->place->failed |= sf_write_float(w->file, samples, (sf_count_t)n) != (sf_count_t)n;
}

void snd_close(struct snd_writer *w)
{
    if (w->file && sf_close(w->file))
        w->place->failed = true;
    w->file = NULL;
}

void snd_abandon(struct snd_writer *w)
{
    struct place nowhere = {.failed = true};
    w->place = &nowhere;
    snd_close(w);
    w->place = NULL;
}
