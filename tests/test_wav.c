/* labels: api */
/* WAV files as libsndfile reads and writes them, and our reader against hostile bytes. */
#include "tests/support.h"

#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

#include "api/audio/format_wav.h"

/* A file in memory, for libsndfile. */
struct file {
    uint8_t data[1 << 16];
    sf_count_t n, at;
};

static sf_count_t file_size(void *user)
{
    return ((struct file *)user)->n;
}

static sf_count_t file_seek(sf_count_t offset, int whence, void *user)
{
    struct file *f = user;
    f->at = offset + (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? f->at : f->n);
    return f->at;
}

static sf_count_t file_read(void *to, sf_count_t n, void *user)
{
    struct file *f = user;
    sf_count_t left = f->n - f->at, take = left < n ? left : n;
    memcpy(to, f->data + f->at, (size_t)take);
    f->at += take;
    return take;
}

static sf_count_t file_write(const void *from, sf_count_t n, void *user)
{
    struct file *f = user;
    memcpy(f->data + f->at, from, (size_t)n);
    f->at += n;
    if (f->at > f->n)
        f->n = f->at;
    return n;
}

static sf_count_t file_tell(void *user)
{
    return ((struct file *)user)->at;
}

static SF_VIRTUAL_IO io = {file_size, file_seek, file_read, file_write, file_tell};

enum { FRAMES = 777 };

/* Whatever libsndfile writes, read back by ours to what went in. */
static void wavs_of_libsndfile_are_read(void **state)
{
    (void)state;
    static const struct {
        int format;
        enum sample sample;
        double step;
    } rows[] = {{SF_FORMAT_WAV | SF_FORMAT_PCM_U8, SAMPLE_U8, 0x1p-7},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SAMPLE_S16, 0x1p-15},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_24, SAMPLE_S24, 0x1p-23},
                {SF_FORMAT_WAV | SF_FORMAT_PCM_32, SAMPLE_S32, 0x1p-31},
                {SF_FORMAT_WAV | SF_FORMAT_FLOAT, SAMPLE_F32, 0},
                {SF_FORMAT_WAV | SF_FORMAT_DOUBLE, SAMPLE_F64, 0},
                {SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, SAMPLE_S24, 0x1p-23},
                {SF_FORMAT_WAVEX | SF_FORMAT_FLOAT, SAMPLE_F32, 0}};
    static float in[FRAMES * 2], a[FRAMES], b[FRAMES];
    static struct file g;
    uint64_t seed = 9;
    for (int i = 0; i < FRAMES * 2; i++)
        in[i] = (float)(int32_t)test_random(&seed) * 0x1p-31f;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        SF_INFO info = {.samplerate = 22050, .channels = 2, .format = rows[r].format};
        g = (struct file){0};
        SNDFILE *f = sf_open_virtual(&io, SFM_WRITE, &info, &g);
        assert_non_null(f);
        sf_command(f, SFC_SET_CLIPPING, NULL, SF_TRUE);
        assert_int_equal(sf_writef_float(f, in, FRAMES), FRAMES);
        sf_close(f);
        struct arena *arena = arena_new(1 << 20);
        struct fault fault;
        struct audio_source s;
        float *planes[] = {a, b};
        fault_init(&fault, arena);
        assert_int_equal(wav_read(g.data, (size_t)g.n, &s, &fault), STATUS_OK);
        assert_int_equal(s.channels, 2);
        assert_int_equal(s.rate, 22050);
        assert_int_equal(s.frames, FRAMES);
        assert_int_equal(s.sample, rows[r].sample);
        audio_read(&s, 0, FRAMES, planes);
        for (int i = 0; i < FRAMES; i++) {
            assert_true(fabs((double)a[i] - (double)in[2 * i]) <= rows[r].step);
            assert_true(fabs((double)b[i] - (double)in[2 * i + 1]) <= rows[r].step);
        }
        for (size_t n = 0; n < (size_t)g.n;
             n += n < 200 ? 1 : 97) { /* cut anywhere: refused, nothing read past the end */
            uint8_t *cut = malloc(n ? n : 1);
            memcpy(cut, g.data, n);
            assert_int_equal(wav_read(cut, n, &s, &fault), STATUS_BAD_AUDIO);
            free(cut);
        }
        arena_free(arena);
    }
}

static void our_wavs_are_read_by_libsndfile(void **state)
{
    (void)state;
    static const enum sample samples[] = {SAMPLE_F32, SAMPLE_S16, SAMPLE_S24};
    static float a[FRAMES], b[FRAMES], c[FRAMES], back[FRAMES * 3];
    static struct file g;
    uint64_t seed = 4;
    for (int i = 0; i < FRAMES; i++) {
        a[i] = (float)(int32_t)test_random(&seed) * 0x1p-31f;
        b[i] = (float)i / FRAMES;
        c[i] = -b[i];
    }
    for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
        float *planes[] = {a, b, c};
        struct counts counts = {0};
        size_t head = wav_header(samples[k], 3, 48000, FRAMES, g.data), n = FRAMES * 3 * sample_size(samples[k]);
        audio_write(planes, 3, FRAMES, samples[k], g.data + head, &counts);
        g.data[head + n] = 0;
        g.n = (sf_count_t)(head + n + n % 2);
        g.at = 0;
        SF_INFO info = {0};
        SNDFILE *f = sf_open_virtual(&io, SFM_READ, &info, &g);
        assert_non_null(f);
        assert_int_equal(info.channels, 3);
        assert_int_equal(info.frames, FRAMES);
        assert_int_equal(info.samplerate, 48000);
        assert_int_equal(sf_readf_float(f, back, FRAMES + 1), FRAMES);
        sf_close(f);
        double step = k == 0 ? 0 : k == 1 ? 0x1p-16 : 0x1p-24;
        for (int i = 0; i < FRAMES; i++) {
            assert_true(fabs((double)back[3 * i] - (double)a[i]) <= step + 0x1p-23);
            assert_true(fabs((double)back[3 * i + 2] - (double)c[i]) <= step + 0x1p-23);
        }
    }
}

static void samples_are_clamped_and_rounded_half_up(void **state)
{
    (void)state;
    float in[] = {0,   0.5f / 32768, -0.5f / 32768,       -1.5f / 32768,   1, -1, 1.5f, -1.5f,
                  NAN, INFINITY,     0.49999997f / 32768, 32767.5f / 32768};
    const int16_t want[] = {0, 1, 0, -1, 32767, -32768, 32767, -32768, 0, 32767, 0, 32767};
    float *planes[] = {in};
    int16_t out[12];
    struct counts counts = {0};
    audio_write(planes, 1, 12, SAMPLE_S16, (uint8_t *)out, &counts);
    for (int i = 0; i < 12; i++)
        assert_int_equal(out[i], want[i]);
    assert_int_equal(counts.nonfinite, 2);
    assert_int_equal(counts.clipped, 5); /* 1, 1.5, -1.5, infinity, and 32767.5 rounded up */
}

static void wavs_that_lie_are_refused(void **state)
{
    (void)state;
    uint8_t file[WAV_HEADER_MAX + 40] = {0}, bad[sizeof file];
    struct arena *arena = arena_new(1 << 22);
    struct fault fault;
    struct audio_source s;
    size_t head = wav_header(SAMPLE_S16, 2, 8000, 10, file), n = head + 40;
    fault_init(&fault, arena);
    assert_int_equal(wav_read(file, n, &s, &fault), STATUS_OK);
    static const struct {
        size_t at;
        uint8_t value;
    } lies[] = {{0, 'X'}, {8, 'X'}, {20, 7},  {22, 0}, {22, 9},   {32, 3},
                {34, 13}, {40, 41}, {40, 39}, {43, 1}, {16, 200}, {16, 8}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy(bad, file, sizeof file);
        bad[lies[i].at] = lies[i].value;
        if (wav_read(bad, n, &s, &fault) != STATUS_BAD_AUDIO)
            fail_msg("byte %zu = %u was believed", lies[i].at, lies[i].value);
    }
    uint8_t twice[sizeof file + 24]; /* two formats: neither is the right one */
    memcpy(twice, file, 36);
    memcpy(twice + 36, file + 12, n - 12);
    twice[46] = 1;
    if (wav_read(twice, n + 24, &s, &fault) != STATUS_BAD_AUDIO)
        fail_msg("one of two formats was believed");
    memcpy(bad, file, sizeof file);
    memset(bad + 40, 0xff, 4); /* a streaming writer's size */
    assert_int_equal(wav_read(bad, n, &s, &fault), STATUS_OK);
    assert_int_equal(s.frames, 10);
    for (uint64_t seed = 1, round = 0; round < 20000;
         round++) { /* anything: never past the end (the sanitizers watch) */
        memcpy(bad, file, sizeof file);
        for (int k = 0; k < 3; k++)
            bad[test_random(&seed) % 50] = (uint8_t)test_random(&seed);
        fault_init(&fault, arena);
        size_t m = test_random(&seed) % (n + 1);
        uint8_t *exact = malloc(m + 1);
        memcpy(exact, bad, m);
        if (round % 200 == 0) {
            arena_free(arena);
            arena = arena_new(1 << 22);
            fault_init(&fault, arena);
        }
        if (wav_read(exact, m, &s, &fault) == STATUS_OK)
            assert_true(s.data >= exact && s.data + s.frames * s.channels * sample_size(s.sample) <= exact + m);
        free(exact);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wavs_of_libsndfile_are_read),
        cmocka_unit_test(our_wavs_are_read_by_libsndfile),
        cmocka_unit_test(samples_are_clamped_and_rounded_half_up),
        cmocka_unit_test(wavs_that_lie_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
