/* labels: api
 * Audio files as people have them, and as nobody should: what libsndfile writes is read, ours are read by libsndfile,
 * and lies are told apart from audio. */
#include "tests/support/ask.h"

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/audio/audio_file.h"
#include "api/audio/format_snd.h"
#include "api/audio/format_wav.h"
#include "api/audio/pcm.h"

enum { FRAMES = 5000, FILE_MOST = 1 << 20 };

/* A file in memory as libsndfile sees it. */
struct disk {
    uint8_t data[FILE_MOST];
    sf_count_t n, at, pretended; /* pretended: the length that is told when not 0 */
};

static sf_count_t disk_size(void *user)
{
    struct disk *d = user;
    return d->pretended ? d->pretended : d->n;
}

static sf_count_t disk_seek(sf_count_t offset, int whence, void *user)
{
    struct disk *d = user;
    d->at = offset + (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? d->at : disk_size(d));
    return d->at;
}

static sf_count_t disk_read(void *to, sf_count_t n, void *user)
{
    struct disk *d = user;
    sf_count_t left = d->at < d->n ? d->n - d->at : 0, take = left < n ? left : n;
    memcpy(to, d->data + d->at, (size_t)take);
    d->at += take;
    return take;
}

static sf_count_t disk_write(const void *from, sf_count_t n, void *user)
{
    struct disk *d = user;
    assert_true(d->at + n <= FILE_MOST);
    memcpy(d->data + d->at, from, (size_t)n);
    d->at += n;
    d->n = d->at > d->n ? d->at : d->n;
    return n;
}

static sf_count_t disk_tell(void *user)
{
    return ((struct disk *)user)->at;
}

static SF_VIRTUAL_IO disk_io = {disk_size, disk_seek, disk_read, disk_write, disk_tell};

/* -1 .. 1, the ends too. */
static void fill(float *to, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (float)(int32_t)test_random(&seed) * 0x1p-31f;
    to[0] = -1;
    to[1] = 0.999969482421875f;
}

static void write_by_libsndfile(struct disk *d, int format, int channels, const float *samples, sf_count_t frames)
{
    SF_INFO info = {.samplerate = 44100, .channels = channels, .format = format};
    *d = (struct disk){0};
    SNDFILE *f = sf_open_virtual(&disk_io, SFM_WRITE, &info, d);
    if (!f)
        fail_msg("%s", sf_strerror(NULL));
    sf_command(f, SFC_SET_CLIPPING, NULL, SF_TRUE);
    assert_int_equal(sf_writef_float(f, samples, frames), frames);
    sf_close(f);
}

/* What libsndfile finds in a file of ours; returns the number of frames. */
static sf_count_t read_by_libsndfile(const void *data, size_t n, SF_INFO *info, float *to, sf_count_t most)
{
    static struct disk d;
    d = (struct disk){.n = (sf_count_t)n};
    assert_true(n <= FILE_MOST);
    memcpy(d.data, data, n);
    *info = (SF_INFO){0};
    SNDFILE *f = sf_open_virtual(&disk_io, SFM_READ, info, &d);
    if (!f)
        fail_msg("%s", sf_strerror(NULL));
    sf_count_t got = sf_readf_float(f, to, most);
    sf_close(f);
    return got;
}

static const struct {
    int format;
    double step;
} flac_and_aiff[] = {
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_S8, 0x1p-7},  {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 0x1p-15},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 0x1p-23}, {SF_FORMAT_AIFF | SF_FORMAT_PCM_S8, 0x1p-7},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 0x1p-15}, {SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 0x1p-23},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_32, 0x1p-24}, {SF_FORMAT_AIFF | SF_FORMAT_FLOAT, 0},
    {SF_FORMAT_AIFF | SF_FORMAT_DOUBLE, 0},       {SF_FORMAT_AIFF | SF_ENDIAN_LITTLE | SF_FORMAT_PCM_16, 0x1p-15}};
enum { N_SND = sizeof flac_and_aiff / sizeof *flac_and_aiff };

/* Opens and reads to the end; the file's channels are 2. */
static enum status read_whole(const void *data, size_t n, struct audio_source *s, float *left, float *right,
                              struct fault *fault)
{
    struct snd_bytes bytes = snd_bytes_memory(data, n);
    struct snd_reader *r = NULL;
    fault_init(fault, arena);
    enum status status = snd_open(&bytes, FRAMES * 4, arena, s, &r, fault);
    if (status != STATUS_OK) {
        snd_free(r);
        return status;
    }
    float *planes[2] = {left, right};
    bool fits = s->channels <= 2 && s->frames <= FRAMES;
    for (uint64_t at = 0; at < s->frames && fits; at += 999) {
        uint32_t take = s->frames - at < 999 ? (uint32_t)(s->frames - at) : 999;
        float *here[2] = {planes[0] + at, planes[1] + at};
        audio_read(s, at, take, here);
    }
    status = snd_end(r, fault);
    snd_free(r);
    return status;
}

static float in[FRAMES * 2], a[FRAMES], b[FRAMES];
static struct disk disk;

static void flacs_and_aiffs_of_libsndfile_are_read(void **state)
{
    (void)state;
    fill(in, FRAMES * 2, 3);
    for (size_t r = 0; r < N_SND; r++) {
        struct audio_source s;
        struct fault fault;
        write_by_libsndfile(&disk, flac_and_aiff[r].format, 2, in, FRAMES);
        assert_int_equal(read_whole(disk.data, (size_t)disk.n, &s, a, b, &fault), STATUS_OK);
        assert_int_equal(s.channels, 2);
        assert_int_equal(s.rate, 44100);
        assert_int_equal(s.frames, FRAMES);
        for (int i = 0; i < FRAMES; i++) {
            assert_true(fabs((double)a[i] - (double)in[2 * i]) <= flac_and_aiff[r].step);
            assert_true(fabs((double)b[i] - (double)in[2 * i + 1]) <= flac_and_aiff[r].step);
        }
    }
}

/* An encoder that writes into a pipe leaves the length 0. */
static void flacs_that_do_not_say_their_length_are_counted(void **state)
{
    (void)state;
    struct audio_source s;
    struct fault fault;
    write_by_libsndfile(&disk, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 2, in, FRAMES);
    disk.data[21] &= 0xf0; /* of STREAMINFO, which begins at byte 8: 36 bits, and the checksum */
    memset(disk.data + 22, 0, 4 + 16);
    assert_int_equal(read_whole(disk.data, (size_t)disk.n, &s, a, b, &fault), STATUS_OK);
    assert_int_equal(s.frames, FRAMES);
    assert_true(fabsf(a[FRAMES - 1] - in[2 * FRAMES - 2]) <= 0x1p-15f);
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    for (size_t r = 0; r < N_SND; r++) {
        write_by_libsndfile(&disk, flac_and_aiff[r].format, 2, in, FRAMES);
        size_t whole = (size_t)disk.n;
        for (size_t n = 0; n < whole; n += n < 200 ? 1 : 731) {
            struct audio_source s;
            struct fault fault;
            uint8_t *exact = malloc(n + 1);
            memcpy(exact, disk.data, n);
            if (read_whole(exact, n, &s, a, b, &fault) != STATUS_BAD_AUDIO)
                fail_msg("format %x: %zu bytes of %zu were taken", flac_and_aiff[r].format, n, whole);
            assert_true(fault.count > 0 && strlen(fault.items[0].detail) > 20);
            free(exact);
        }
    }
}

/* In an arena of its own, which runs out where a file asks for too much. */
static void read_broken(const uint8_t *data, size_t n)
{
    struct arena *own = arena, *small = arena_new(64 << 20);
    struct audio_source s;
    struct fault fault;
    arena = small;
    if (!ARENA_GUARD(small) && read_whole(data, n, &s, a, b, &fault) != STATUS_OK)
        assert_true(fault.count > 0);
    arena = own;
    arena_free(small);
}

/* Bytes changed at random: an answer or a sentence, never more samples than are there (the sanitizers watch). */
static void broken_files_break_nothing(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (size_t r = 0; r < N_SND; r++) {
        write_by_libsndfile(&disk, flac_and_aiff[r].format, 2, in, 300);
        for (int round = 0; round < 1500; round++) {
            uint8_t *exact = malloc((size_t)disk.n);
            memcpy(exact, disk.data, (size_t)disk.n);
            for (uint32_t k = test_random(&seed) % 4; k < 5; k++)
                exact[test_random(&seed) % (round % 2 ? 100u : (uint32_t)disk.n)] = (uint8_t)test_random(&seed);
            read_broken(exact, (size_t)disk.n);
            free(exact);
        }
    }
}

static size_t put_chunk(uint8_t *to, const char *id, uint32_t size, uint32_t bytes)
{
    memcpy(to, id, 4);
    for (int i = 0; i < 4; i++)
        to[4 + i] = (uint8_t)(size >> 8 * i);
    memset(to + 8, 0x55, bytes);
    return 8 + bytes;
}

/* The chunks of a WAV of ours put anew: with `junk` (odd) before and between, and another size of data. */
static size_t odd_wav(uint8_t *to, uint32_t riff, uint32_t data, uint32_t frames)
{
    uint8_t plain[WAV_HEADER_MAX];
    size_t head = wav_header(SAMPLE_S16, 2, 48000, frames, plain), n = 12;
    assert_int_equal(head, 44);
    memcpy(to, plain, 12);
    for (int i = 0; i < 4; i++)
        to[4 + i] = (uint8_t)(riff >> 8 * i);
    n += put_chunk(to + n, "JUNK", 27, 28); /* a padded chunk */
    n += put_chunk(to + n, "bext", 602, 602);
    memcpy(to + n, plain + 12, 24);
    n += 24;
    n += put_chunk(to + n, "LIST", 5, 6);
    n += put_chunk(to + n, "data", data, 0);
    for (uint32_t i = 0; i < frames * 4; i++)
        to[n++] = (uint8_t)(i * 7);
    return n;
}

static void chunks_before_the_samples_are_passed_over(void **state)
{
    (void)state;
    static uint8_t file[2000];
    static const struct {
        uint32_t riff, data, frames;
        bool follows; /* something behind the samples */
    } rows[] = {{0, 0, 100, false},
                {UINT32_MAX, UINT32_MAX, 100, false},
                {UINT32_MAX, 0, 100, false},
                {0x7ffff024, 0x7ffff000, 100, false},
                {0x80000024, 0x80000000, 100, false},
                {36, 0, 100, false},
                {1000, 400, 100, true},
                {700 + 20, 0, 0, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct audio_source s;
        struct fault fault;
        size_t n = odd_wav(file, rows[i].riff, rows[i].data, rows[i].frames);
        n += rows[i].follows ? put_chunk(file + n, "id3 ", 10, 10) : 0;
        fault_init(&fault, arena);
        if (wav_read(file, n, &s, &fault) != STATUS_OK)
            fail_msg("row %zu: %s", i, fault.items[0].detail);
        assert_int_equal(s.frames, rows[i].frames);
        assert_int_equal(s.channels, 2);
        if (s.frames)
            assert_int_equal(s.data[3], 21);
        /* Piece by piece: nothing is decided before the samples begin, and then the same. */
        struct wav_head head;
        bool more = true;
        size_t given = 0;
        while (more && ++given <= n)
            assert_int_equal(wav_head(file, given, false, &head, &more, &fault), STATUS_OK);
        assert_false(more);
        assert_int_equal(head.data_at, given);
        assert_int_equal(head.data_at, (size_t)(s.data - file));
    }
}

/* A head alone, of a file larger than 4 GiB: read by ours and by libsndfile. */
static void rf64_holds_what_riff_cannot(void **state)
{
    (void)state;
    static const enum sample samples[] = {SAMPLE_F32, SAMPLE_S16, SAMPLE_S24};
    for (size_t i = 0; i < 3; i++) {
        uint64_t frames = (UINT64_C(5) << 30) / sample_size(samples[i]), size = frames * 2 * sample_size(samples[i]);
        struct fault fault;
        struct wav_head head;
        bool more;
        disk = (struct disk){0};
        disk.n = (sf_count_t)wav_header(samples[i], 2, 96000, frames, disk.data);
        fault_init(&fault, arena);
        assert_memory_equal(disk.data, "RF64", 4);
        assert_int_equal(wav_head(disk.data, (size_t)disk.n, true, &head, &more, &fault), STATUS_OK);
        assert_int_equal(head.data_size, size);
        assert_int_equal(head.source.sample, samples[i]);
        disk.pretended = disk.n + (sf_count_t)size;
        SF_INFO info = {0};
        SNDFILE *f = sf_open_virtual(&disk_io, SFM_READ, &info, &disk);
        assert_non_null(f);
        sf_close(f);
        assert_int_equal(info.frames, frames);
        assert_int_equal(info.channels, 2);
        assert_int_equal(info.format & SF_FORMAT_TYPEMASK, SF_FORMAT_RF64);
        /* The last that fits stays a RIFF. */
        uint64_t most = (UINT32_MAX - 100) / (2 * sample_size(samples[i]));
        wav_header(samples[i], 2, 96000, most, disk.data);
        assert_memory_equal(disk.data, "RIFF", 4);
    }
}

static void rf64_of_libsndfile_is_read(void **state)
{
    (void)state;
    struct audio_source s;
    struct fault fault;
    fault_init(&fault, arena);
    write_by_libsndfile(&disk, SF_FORMAT_RF64 | SF_FORMAT_PCM_24, 2, in, FRAMES);
    assert_memory_equal(disk.data, "RF64", 4);
    assert_int_equal(wav_read(disk.data, (size_t)disk.n, &s, &fault), STATUS_OK);
    assert_int_equal(s.frames, FRAMES);
    float *planes[] = {a, b};
    audio_read(&s, 0, FRAMES, planes);
    for (int i = 0; i < FRAMES; i++)
        assert_true(fabsf(b[i] - in[2 * i + 1]) <= 0x1p-23f);
    for (size_t n = 0; n < (size_t)disk.n; n += n < 200 ? 1 : 331)
        assert_int_equal(wav_read(disk.data, n, &s, &fault), STATUS_BAD_AUDIO);
}

static struct api_response process(const char *query, const char *type, const void *data, size_t n)
{
    return ask(
        (struct ask){.method = METHOD_POST, .path = "/process", .query = query, .type = type, .body = data, .size = n});
}

/* Numbers at a place of a file's head, and the sentence that must come back. */
static void heads_that_lie_are_named(void **state)
{
    (void)state;
    static const struct {
        int format;
        size_t at;
        uint8_t bytes[4];
        size_t n;
        const char *detail, *limit;
    } rows[] = {{SF_FORMAT_WAV | SF_FORMAT_PCM_16, 22, {0, 0}, 2, "0 channels", NULL},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 22, {255, 255}, 2, "65535 channels", NULL},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 24, {0, 0, 0, 128}, 4, "2147483648 frames a second", "max-rate"},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 24, {0, 0, 0, 0}, 4, "at 0 Hz", NULL},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 40, {255, 255, 255, 15}, 4, "says it has 268435455 bytes", NULL},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 34, {12, 0}, 2, "12 bits", NULL},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 20, {85, 0}, 2, "format 85", NULL},
                {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 20, {0, 0}, 2, "AIFF", NULL},         /* channels */
                {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 20, {255, 255}, 2, "AIFF", NULL},     /* channels */
                {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 20, {0x02, 0}, 2, "channels", NULL},  /* 512 */
                {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 28, {0x40, 0x3f, 0xff}, 3, "", NULL}, /* a rate of 2^64 */
                {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 42, {0x7f}, 1, "SSND", NULL},
                {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 18, {0, 0, 0}, 3, "FLAC", NULL}, /* a rate of 0 */
                {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 24, {0x23}, 1, "breaks off after frame 5000 of 9096", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_by_libsndfile(&disk, rows[i].format, 2, in, FRAMES);
        memcpy(disk.data + rows[i].at, rows[i].bytes, rows[i].n);
        struct api_response res = process("expr=in", "audio/wav", disk.data, (size_t)disk.n);
        const char *text = body_of(&res);
        if (res.http_status != 422 || !strstr(text, rows[i].detail))
            fail_msg("row %zu: %d %.300s", i, res.http_status, text);
        if (rows[i].limit)
            assert_string_equal(res.limit, rows[i].limit);
        api_response_done(&res);
    }
    struct api_response res = process("expr=in", "audio/flac", "OggS and so on, twelve", 22);
    assert_problem(res, STATUS_BAD_AUDIO, "", "RIFF");
}

struct output {
    const char *name, *bits;
    double scale; /* 0: floats */
    bool file;    /* that libsndfile reads */
};
static const struct output outputs[] = {
    {"wav", "32", 0, true},         {"wav", "16", 0x1p15, true},   {"wav", "24", 0x1p23, true},
    {"flac", "16", 0x1p15, true},   {"flac", "24", 0x1p23, true},  {"aiff", "16", 0x1p15, true},
    {"aiff", "24", 0x1p23, true},   {"aiff", "32", 0, true},       {"f32le", "32", 0, false},
    {"s16le", "16", 0x1p15, false}, {"s24le", "24", 0x1p23, false}};
enum { N_OUTPUTS = sizeof outputs / sizeof *outputs };

/* `in` as a WAV of floats, through `expr`, to any format. */
static struct api_response as_file(const struct output *o, const char *expr, const char *more)
{
    static uint8_t wav[WAV_HEADER_MAX + sizeof in];
    char query[300];
    size_t head = wav_header(SAMPLE_F32, 2, 44100, FRAMES, wav);
    memcpy(wav + head, in, sizeof in);
    snprintf(query, sizeof query, "expr=%s&format=%s&bits=%s%s", expr, o->name, o->bits, more);
    return process(query, "audio/wav", wav, head + sizeof in);
}

static float decoded(const struct output *o, const uint8_t *p, size_t i)
{
    int32_t v = 0;
    float f;
    if (o->scale == 0) {
        memcpy(&f, p + 4 * i, sizeof f);
        return f;
    }
    size_t n = o->scale == 0x1p15 ? 2 : 3;
    for (size_t k = 0; k < n; k++)
        v |= (int32_t)((uint32_t)p[i * n + k] << (8 * (k + 4 - n)));
    return (float)(v * 0x1p-31);
}

static void every_output_holds_the_clamped_samples(void **state)
{
    (void)state;
    static float back[FRAMES * 2];
    fill(in, FRAMES * 2, 77);
    for (size_t k = 0; k < N_OUTPUTS; k++) {
        const struct output *o = &outputs[k];
        struct api_response res = as_file(o, "in*3", "");
        assert_ok(&res);
        SF_INFO info = {.channels = 2, .samplerate = 44100};
        if (o->file)
            assert_int_equal(read_by_libsndfile(res.body, res.body_size, &info, back, FRAMES), FRAMES);
        for (size_t i = 0; i < FRAMES * 2 && !o->file; i++)
            back[i] = decoded(o, res.body, i);
        assert_int_equal(info.channels, 2);
        assert_int_equal(info.samplerate, 44100);
        uint64_t clipped = 0;
        for (size_t i = 0; i < FRAMES * 2; i++) {
            double want = (double)(in[i] * 3.0f);
            if (o->scale != 0) {
                double whole = floor(want * o->scale + 0.5), most = o->scale - 1;
                clipped += whole > most || whole < -o->scale;
                want = (whole > most ? most : whole < -o->scale ? -o->scale : whole) / o->scale;
            }
            if ((double)back[i] != (double)(float)want)
                fail_msg("%s %s: sample %zu is %.9g instead of %.9g", o->name, o->bits, i, (double)back[i], want);
        }
        assert_int_equal(strtoull(header_of(&res, "Sinter-Clipped"), NULL, 10), clipped);
        api_response_done(&res);
    }
}

/* No times, no addresses: also a second later. */
static void the_same_request_gives_the_same_file(void **state)
{
    (void)state;
    struct api_response first[N_OUTPUTS];
    for (size_t k = 0; k < N_OUTPUTS; k++)
        first[k] = as_file(&outputs[k], "in*0.5", "");
    sleep(1);
    for (size_t k = 0; k < N_OUTPUTS; k++)
        assert_same_body(first[k], as_file(&outputs[k], "in*0.5", ""));
}

static void files_name_what_they_cannot_hold(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *pointer, *detail;
    } rows[] = {{"\"channels\":9,\"rate\":48000,\"format\":\"flac\"", "/format", "8 channels"},
                {"\"channels\":1,\"rate\":768000,\"format\":\"flac\"", "/format", "655350"},
                {"\"channels\":1,\"rate\":22050.5,\"format\":\"flac\"", "/rate", "whole rate"},
                {"\"channels\":1,\"rate\":22050.5,\"format\":\"aiff\"", "/rate", "whole rate"},
                {"\"channels\":1,\"rate\":48000,\"format\":\"flac\",\"bits\":32", "/bits", "24, 16"},
                {"\"channels\":1,\"rate\":48000,\"format\":\"flac\",\"bits\":8", "/bits", "24, 16"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"expr\":\"n\",\"frames\":100,%s}", rows[i].rest);
        assert_problem(post("/process", json), STATUS_BAD_FIELD, rows[i].pointer, rows[i].detail);
    }
}

static void floats_of_an_aiff_that_are_no_numbers_are_counted(void **state)
{
    (void)state;
    static float bad[200];
    float back[200];
    SF_INFO info;
    fill(bad, 200, 5);
    bad[10] = NAN;
    bad[11] = INFINITY;
    write_by_libsndfile(&disk, SF_FORMAT_AIFF | SF_FORMAT_FLOAT, 2, bad, 100);
    struct api_response res = process("expr=in&format=wav", "audio/aiff", disk.data, (size_t)disk.n);
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Sinter-Nonfinite-In"), "2");
    assert_int_equal(read_by_libsndfile(res.body, res.body_size, &info, back, 100), 100);
    assert_true(back[10] == 0 && back[11] == 0 && back[12] == bad[12]);
    api_response_done(&res);
    assert_problem(process("expr=in&nonfinite=reject", "audio/aiff", disk.data, (size_t)disk.n), STATUS_BAD_AUDIO, "",
                   "sample 5 of channel 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flacs_and_aiffs_of_libsndfile_are_read),
        cmocka_unit_test(flacs_that_do_not_say_their_length_are_counted),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(broken_files_break_nothing),
        cmocka_unit_test(chunks_before_the_samples_are_passed_over),
        cmocka_unit_test(rf64_holds_what_riff_cannot),
        cmocka_unit_test(rf64_of_libsndfile_is_read),
        cmocka_unit_test(heads_that_lie_are_named),
        cmocka_unit_test(every_output_holds_the_clamped_samples),
        cmocka_unit_test(the_same_request_gives_the_same_file),
        cmocka_unit_test(files_name_what_they_cannot_hold),
        cmocka_unit_test(floats_of_an_aiff_that_are_no_numbers_are_counted),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
