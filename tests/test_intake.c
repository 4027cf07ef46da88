/* labels: api */
/* Audio that is processed while it arrives: whatever the pieces, the answer is that of the whole body in memory. */
#include "tests/support/upload.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RAW "application/octet-stream"
#define WAV "audio/wav"

enum { FRAMES = 30001, CHANNELS = 2 };

static float samples[FRAMES * CHANNELS];

static void fill(void)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < FRAMES * CHANNELS; i++)
        samples[i] = (float)(test_random(&seed) * 0x1p-32 - 0.5) * (i > FRAMES ? 0.001F : 1.5F);
}

/* An answer's body as the next request's. */
struct file {
    const char *data, *type;
    size_t n;
};

static struct ask request(const char *query, struct file body)
{
    return (struct ask){.method = METHOD_POST,
                        .path = "/process",
                        .query = query,
                        .type = body.type,
                        .body = body.data,
                        .size = body.n};
}

static struct file raw(void)
{
    return (struct file){(const char *)samples, RAW, sizeof samples};
}

/* The samples as a file of a format. */
static struct file as_file(const char *query, const char *type)
{
    struct ask a = request(query, raw());
    a.accept = type;
    struct api_response res = ask(a);
    assert_ok(&res);
    struct file f = {upload_body(&res), type, res.body_size};
    api_response_done(&res);
    return f;
}

static void assert_same_header(const struct api_response *a, const struct api_response *b, const char *name)
{
    assert_string_equal(header_of(a, name), header_of(b, name));
}

static void assert_same_answer(struct ask a, size_t piece)
{
    static const char *const names[] = {"ETag",
                                        "Content-Type",
                                        "Sinter-Clipped",
                                        "Sinter-Nonfinite",
                                        "Sinter-Channels",
                                        "Sinter-Loudness",
                                        "Sinter-True-Peak",
                                        "Sinter-Nonfinite-In",
                                        "Sinter-Latency-Samples"};
    struct api_response whole = ask(a), pieces = upload(a, piece);
    assert_ok(&whole);
    assert_int_equal(pieces.http_status, 200);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_same_header(&whole, &pieces, names[i]);
    assert_string_not_equal(header_of(&pieces, "ETag"), "");
    assert_int_equal(whole.body_size, pieces.body_size);
    assert_memory_equal(whole.body, upload_body(&pieces), whole.body_size);
    api_response_done(&whole);
    api_response_done(&pieces);
}

/* Answers that are packed at once, and such that need all of the samples. */
static const char *const queries[] = {
    "expr=lowpass(in,900,0.7)+delay(in,0.01)*0.5&channels=2&rate=48000&tail=0.25",
    "expr=tanh(in*3)&channels=2&rate=48000&nonfinite=zero",
    "expr=lowpass(in,900,0.7)*0.9&channels=2&rate=48000&out_rate=44100",
    "expr=delay(in,0.05)*0.5&channels=2&rate=48000&tail=auto&normalize=-20",
    "expr=in+n*0.00001&channels=2&rate=48000&measure=1&compensate=1",
};

static void any_split_of_raw_audio_gives_the_answer_of_the_whole(void **state)
{
    (void)state;
    static const size_t splits[] = {1, 7, 64, 513, 4096, 65536, 0, sizeof samples};
    for (size_t q = 0; q < sizeof queries / sizeof *queries; q++)
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
            struct file body = raw();
            body.n = splits[i] < 64 && splits[i] ? 24000 : body.n; /* a call for each byte takes its time */
            assert_same_answer(request(queries[q], body), splits[i]);
        }
}

static void parameters_move_where_they_would_in_memory(void **state)
{
    (void)state;
    struct api_response graph = post(
        "/graphs", "{\"params\":{\"k\":{\"default\":1,\"min\":0,\"max\":9}},\"output\":\"lowpass(in*k,900*k,0.7)\"}");
    const char *id = datum_get(json_of(body_of(&graph), graph.body_size), "id")->string;
    const char *query = arena_printf(arena,
                                     "graph=%s&channels=2&rate=48000&automation=[{\"param\":\"k\",\"value\":3,"
                                     "\"at\":5000,\"ramp\":0.1},{\"param\":\"k\",\"value\":2,\"at\":20001}]",
                                     id);
    assert_same_answer(request(query, raw()), 4096);
    assert_same_answer(request(query, raw()), 0);
    api_response_done(&graph);
}

static void any_split_of_a_wav_gives_the_answer_of_the_whole(void **state)
{
    (void)state;
    static const size_t splits[] = {1, 13, 4095, 0, 1 << 20};
    static const char *const files[] = {"expr=in&channels=2&rate=48000&bits=16",
                                        "expr=in&channels=2&rate=48000&bits=24", "expr=in&channels=2&rate=48000",
                                        "expr=in.0&channels=2&rate=48000&bits=24"};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        struct file wav = as_file(files[f], WAV);
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
            assert_same_answer(request("expr=lowpass(in,900,0.7)&bits=24&dither=none", wav), splits[i]);
            assert_same_answer(request("expr=in*2&format=flac&bits=16", wav), splits[i]);
            assert_same_answer(request("expr=in*2&bits=16&dither=tpdf&dither_seed=3", wav), splits[i]);
        }
    }
}

static void files_that_must_be_whole_are_kept_and_decoded(void **state)
{
    (void)state;
    static const size_t splits[] = {5, 4095, 0};
    struct file flac = as_file("expr=in&channels=2&rate=48000&bits=24", "audio/flac"),
                aiff = as_file("expr=in&channels=2&rate=48000&bits=16", "audio/aiff");
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        assert_same_answer(request("expr=lowpass(in,900,0.7)&tail=0.1", flac), splits[i]);
        assert_same_answer(request("expr=in*2&out_rate=32000&format=flac", aiff), splits[i]);
    }
}

/* A WAV whose sizes are changed and which has `junk` bytes in a chunk before its samples. */
static struct file wav_of(uint32_t riff, uint32_t data, uint32_t junk, uint32_t cut)
{
    struct file wav = as_file("expr=in&channels=2&rate=48000&bits=16", WAV);
    char *text = arena_alloc(arena, wav.n + junk + 16);
    size_t head = 36; /* up to the data chunk of a PCM file */
    memcpy(text, wav.data, head);
    memcpy(text + 4, &riff, 4);
    memcpy(text + head, "LIST", 4);
    memcpy(text + head + 4, &junk, 4);
    memset(text + head + 8, 'x', junk);
    memcpy(text + head + 8 + junk, wav.data + head, wav.n - head);
    memcpy(text + head + 8 + junk + 4, &data, 4);
    return (struct file){text, WAV, wav.n + 8 + junk - cut};
}

static void streamed_sizes_and_odd_chunks_are_read(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, UINT32_MAX, 0x7fffffff, 0x7ffff000, FRAMES * CHANNELS * 2};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_same_answer(request("expr=in*0.5", wav_of(0, sizes[i], 100000, 0)), 1000);
        assert_same_answer(
            request("expr=in*0.5", wav_of(UINT32_MAX, sizes[i], 2, sizes[i] == FRAMES * CHANNELS * 2 ? 0 : 3)), 0);
    }
    /* What stands behind the samples is not heard. */
    struct file more = wav_of(100, 4 * 1000, 0, 0);
    assert_same_answer(request("expr=in*0.5", more), 999);
}

/* Of an upload, in pieces, with and without its length. */
static void assert_refused(const char *query, struct file body, enum status status, const char *says)
{
    for (int length = 0; length < 2; length++) {
        struct ask a = request(query, body);
        struct api_response whole = ask(a);
        assert_int_equal(whole.http_status, status_http(status));
        api_response_done(&whole);
        assert_problem(upload_of(api, a, 3000, length), status, NULL, says);
    }
}

static void what_is_wrong_is_told_as_for_the_whole(void **state)
{
    (void)state;
    struct file odd = raw(), noise = {(const char *)samples, WAV, sizeof samples};
    odd.n -= 3;
    assert_refused("expr=in&channels=2", odd, STATUS_BAD_AUDIO, "no whole number of 8-byte frames");
    assert_refused("expr=in", noise, STATUS_BAD_AUDIO, "not a RIFF WAVE file");
    assert_refused("expr=in", wav_of(0, FRAMES * CHANNELS * 2 + 4, 0, 0), STATUS_BAD_AUDIO, "but only 120004 follow");
    assert_refused("expr=in", wav_of(0, FRAMES * CHANNELS * 2 - 1, 0, 0), STATUS_BAD_AUDIO, "no");
    assert_refused("expr=in", (struct file){wav_of(0, 0, 8, 0).data, WAV, 40}, STATUS_BAD_AUDIO, "before its data");
    assert_refused("expr=in&channels=1", wav_of(0, 0, 0, 0), STATUS_BAD_FIELD, "2 channels");
    assert_refused("expr=in&rate=44100", wav_of(0, 0, 0, 0), STATUS_BAD_FIELD, "48000 frames a second");
    assert_refused("expr=in+t", raw(), STATUS_BAD_FIELD, "rate");
    assert_refused("expr=in+", raw(), STATUS_BAD_EXPRESSION, NULL);
    assert_refused("expr=in&chanels=2", raw(), STATUS_BAD_FIELD, "channels");
    assert_refused("expr=in&seconds=2&rate=48000", raw(), STATUS_BAD_FIELD, "tail makes it longer");
    assert_refused("graph_id=0123456789012345678901234567890123456789", raw(), STATUS_NOT_FOUND, NULL);
}

static void a_nan_is_found_where_it_is(void **state)
{
    (void)state;
    float kept = samples[2 * 20000 + 1];
    samples[2 * 20000 + 1] = NAN;
    assert_refused("expr=in&channels=2&nonfinite=reject", raw(), STATUS_BAD_AUDIO, "sample 20000 of channel 1");
    assert_same_answer(request("expr=in&channels=2&nonfinite=pass", raw()), 1001);
    assert_same_answer(request("expr=in&channels=2&nonfinite=zero", raw()), 1001);
    samples[2 * 20000 + 1] = kept;
}

static void a_name_that_the_client_has_is_answered_without_a_body(void **state)
{
    (void)state;
    struct ask a = request(queries[0], raw());
    struct api_response first = ask(a);
    a.if_none_match = arena_strdup(arena, header_of(&first, "ETag"));
    struct api_response second = upload(a, 5000);
    assert_int_equal(second.http_status, 304);
    assert_int_equal(second.body_size, 0);
    api_response_done(&first);
    api_response_done(&second);
}

static void limits_hold_while_it_arrives(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_frames = FRAMES - 1;
    struct api *few = small_api(config);
    assert_limit(upload_of(few, request("expr=in&channels=2", raw()), 4000, false), "max-frames", NULL);
    assert_limit(upload_of(few, request("expr=in&channels=2", raw()), 4000, true), "max-frames", NULL);
    api_free(few);
    config = api_config_default();
    config.max_spool_bytes = 100000;
    struct api *little = small_api(config);
    assert_limit(upload_of(little, request("expr=in&channels=2", raw()), 4000, false), "max-spool-bytes", NULL);
    api_free(little);
    config = api_config_default();
    config.max_spools_bytes = 300000;
    struct api *shared = small_api(config);
    struct api_response first = upload_of(shared, request("expr=in&channels=2", raw()), 4000, false);
    assert_int_equal(first.http_status, 200); /* and held */
    struct api_response second = upload_of(shared, request("expr=in&channels=2", raw()), 4000, false);
    assert_string_equal(second.limit, "max-spools-bytes");
    assert_problem(second, STATUS_BUSY, NULL, "max-spools-bytes");
    api_response_done(&first);
    first = upload_of(shared, request("expr=in&channels=2", raw()), 4000, false);
    assert_int_equal(first.http_status, 200);
    api_response_done(&first);
    api_free(shared);
}

static int open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void whoever_leaves_leaves_no_file(void **state)
{
    (void)state;
    int before = open_files();
    for (int k = 0; k < 3; k++) {
        struct ask a = request(k < 2 ? "expr=in&channels=2" : "expr=in&channels=2&nonfinite=reject", raw());
        struct api_request req = request_of(&a);
        struct api_response res;
        size_t used;
        assert_true(api_intake_begin(api, &req, -1, &res));
        assert_true(api_intake_piece(&res, samples, 8000, &used));
        assert_int_equal(used, 8000);
        if (k) {
            a.gone = true;
            assert_false(api_intake_piece(&res, samples, 8000, &used));
            assert_int_equal(res.http_status, status_http(STATUS_CLIENT_GONE));
        }
        api_response_done(&res);
        assert_int_equal(open_files(), before);
    }
}

static void only_work_counts_against_the_deadline(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_request_ms = 1000;
    struct api *hasty = small_api(config);
    struct ask a = request("expr=in&channels=2", raw());
    struct api_request req = request_of(&a);
    struct api_response res;
    size_t used;
    assert_true(api_intake_begin(hasty, &req, -1, &res));
    for (int k = 0; k < 4; k++) {
        struct timespec pause = {.tv_nsec = 400000000};
        nanosleep(&pause, NULL);
        assert_true(api_intake_piece(&res, samples, 8000, &used));
    }
    api_intake_end(&res, NULL, 0);
    assert_int_equal(res.http_status, 200);
    api_response_done(&res);
    api_free(hasty);
}

int main(void)
{
    fill();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_of_raw_audio_gives_the_answer_of_the_whole),
        cmocka_unit_test(parameters_move_where_they_would_in_memory),
        cmocka_unit_test(any_split_of_a_wav_gives_the_answer_of_the_whole),
        cmocka_unit_test(files_that_must_be_whole_are_kept_and_decoded),
        cmocka_unit_test(streamed_sizes_and_odd_chunks_are_read),
        cmocka_unit_test(what_is_wrong_is_told_as_for_the_whole),
        cmocka_unit_test(a_nan_is_found_where_it_is),
        cmocka_unit_test(a_name_that_the_client_has_is_answered_without_a_body),
        cmocka_unit_test(limits_hold_while_it_arrives),
        cmocka_unit_test(whoever_leaves_leaves_no_file),
        cmocka_unit_test(only_work_counts_against_the_deadline),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
