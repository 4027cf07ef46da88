/* labels: api */
/* Impulse responses that a request brings: what comes out is the convolution, sample by sample, without latency, for
 * any split of the signal and every engine; responses that are missing, unused, too long or of another rate are
 * refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/audio/convolver.h"
#include "api/audio/format_wav.h"
#include "core/interp.h"
#include "tests/support/ask.h"

enum { LONG = 14000, RATE = 48000 };

static float signal[2][LONG], noise[4][LONG], whole[LONG], split[LONG];

static void make_signals(void)
{
    uint64_t seed = 3;
    for (int c = 0; c < 4; c++)
        for (int i = 0; i < LONG; i++) {
            float v = (float)((double)test_random(&seed) / 2147483648.0 - 1);
            noise[c][i] = v * expf(-5e-4f * (float)i);
            if (c < 2)
                signal[c][i] = (float)((double)test_random(&seed) / 2147483648.0 - 1);
        }
}

/* ---- the convolver alone ---- */

static double direct(const float *h, int n_h, const float *x, int at)
{
    double sum = 0;
    for (int k = 0; k < n_h && k <= at; k++)
        sum += (double)h[k] * (double)x[at - k];
    return sum;
}

static double error_db(const float *h, int n_h, const float *x, const float *y, int n, int step)
{
    double error = 0, power = 0;
    for (int i = 0; i < n; i += step) {
        double want = direct(h, n_h, x, i), off = want - (double)y[i];
        error += off * off;
        power += want * want;
    }
    assert_true(power > 0);
    return 10 * log10(error / power + 1e-300);
}

static void run_split(struct response *r, float *state, const float *x, float *y, int size)
{
    uint64_t seed = 11;
    for (int at = 0; at < LONG;) {
        int n = size ? size : 1 + (int)(test_random(&seed) % 3000);
        n = n < LONG - at ? n : LONG - at;
        convolver_run(r, state, (uint64_t)at, x + at, y + at, (uint32_t)n);
        at += n;
    }
}

/* Around every border between partitions. */
static void a_convolution_is_its_sum_for_any_split(void **state)
{
    (void)state;
    static const int lengths[] = {1, 2, 63, 64, 65, 128, 511, 512, 513, 4095, 4096, 4097, 8192, 13000};
    static const int sizes[] = {1, 7, 64, 512, 0};
    unsigned saved = fp_state_enter();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int n = lengths[i];
        struct response *r = response_new(noise[0], (uint64_t)n);
        size_t size = (size_t)convolver_state_bytes((uint64_t)n);
        float *memory = calloc(1, size);
        assert_non_null(r);
        assert_non_null(memory);
        convolver_run(r, memory, 0, signal[0], whole, LONG);
        double db = error_db(noise[0], n, signal[0], whole, LONG, n > 600 ? 37 : 1);
        if (db > (n <= 64 ? -145 : -130))
            fail_msg("%d samples: error %g dB", n, db);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            memset(memory, 0, size);
            run_split(r, memory, signal[0], split, sizes[k]);
            if (memcmp(whole, split, sizeof whole))
                fail_msg("%d samples, blocks of %d: other bytes", n, sizes[k]);
        }
        response_unref(r);
        free(memory);
    }
    fp_state_leave(saved);
}

/* An impulse at the first sample, and at one of a partition's: what goes in comes out, at once or so much later. */
static void an_impulse_moves_a_signal_and_nothing_else(void **state)
{
    (void)state;
    static const int places[] = {0, 1, 63};
    unsigned saved = fp_state_enter();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        float h[6000] = {0};
        h[places[i]] = 1;
        struct response *r = response_new(h, sizeof h / sizeof *h);
        float *memory = calloc(1, (size_t)convolver_state_bytes(sizeof h / sizeof *h));
        convolver_run(r, memory, 0, signal[0], whole, LONG);
        for (int k = 0; k < LONG; k++)
            assert_true(whole[k] == (k < places[i] ? 0 : signal[0][k - places[i]]));
        response_unref(r);
        free(memory);
    }
    fp_state_leave(saved);
}

/* Neither what is no number nor what is far too large gets beyond its own sample. */
static void what_is_not_finite_is_contained(void **state)
{
    (void)state;
    static float bad[LONG], clean[LONG];
    unsigned saved = fp_state_enter();
    struct response *r = response_new(noise[0], 5000);
    size_t size = (size_t)convolver_state_bytes(5000);
    float *memory = calloc(1, size);
    memcpy(bad, signal[0], sizeof bad);
    memcpy(clean, signal[0], sizeof clean);
    bad[100] = (float)NAN;
    bad[700] = -(float)INFINITY;
    clean[100] = clean[700] = 0;
    convolver_run(r, memory, 0, clean, whole, LONG);
    memset(memory, 0, size);
    convolver_run(r, memory, 0, bad, split, LONG);
    assert_memory_equal(whole, split, sizeof whole);
    memset(memory, 0, size);
    bad[100] = 3e38f;
    convolver_run(r, memory, 0, bad, split, LONG);
    for (int i = 0; i < LONG; i++)
        assert_true(isfinite(split[i]));
    response_unref(r);
    free(memory);
    fp_state_leave(saved);
}

/* ---- requests ---- */

struct part {
    const char *name, *type;
    const void *data;
    size_t n;
};

static struct part wav(const char *name, uint32_t channels, uint32_t rate, const float *const *planes, uint32_t frames)
{
    uint8_t *file = arena_alloc(arena, WAV_HEADER_MAX + (size_t)channels * frames * 4);
    size_t head = wav_header(SAMPLE_F32, channels, rate, frames, file);
    for (uint32_t i = 0; i < frames; i++)
        for (uint32_t c = 0; c < channels; c++)
            memcpy(file + head + ((size_t)i * channels + c) * 4, &planes[c][i], 4);
    return (struct part){name, "audio/wav", file, head + (size_t)channels * frames * 4};
}

static struct part response(const char *name, uint32_t channels, uint32_t frames)
{
    return wav(name, channels, RATE, (const float *const[]){noise[0], noise[1], noise[2], noise[3]}, frames);
}

static struct part audio(uint32_t channels)
{
    return wav("audio", channels, RATE, (const float *const[]){signal[0], signal[1]}, LONG);
}

static struct api_response send_at(struct api *of, const char *path, const char *request, const struct part *parts)
{
    struct ask a = {.method = METHOD_POST, .path = path, .type = "multipart/form-data; boundary=cut"};
    const struct part first = {"request", "application/json", request, strlen(request)};
    size_t size = 64;
    for (const struct part *p = parts; p->name; p++)
        size += p->n + 200;
    char *body = arena_alloc(arena, size + first.n + 200), *at = body;
    for (const struct part *p = &first; p->name; p = p == &first ? parts : p + 1) {
        at += sprintf(at, "--cut\r\nContent-Disposition: form-data; name=\"%s\"\r\nContent-Type: %s\r\n\r\n", p->name,
                      p->type);
        memcpy(at, p->data, p->n);
        at += p->n;
        at += sprintf(at, "\r\n");
    }
    at += sprintf(at, "--cut--\r\n");
    a.body = body;
    a.size = (size_t)(at - body);
    return ask_of(of, a);
}

static struct api_response send_to(struct api *of, const char *request, const struct part *parts)
{
    return send_at(of, "/process", request, parts);
}

static struct api_response send(const char *request, const struct part *parts)
{
    return send_to(api, request, parts);
}

#define ASK(graph) "{" graph ",\"format\":\"f32le\"}"
#define HALL ASK("\"expr\":\"convolution(in, 'hall')\"")

/* Channel c of an answer's floats against a response's direct sum. */
static void assert_convolved(const struct api_response *res, uint32_t channels, uint32_t c, const float *h, int n)
{
    const float *samples = res->body;
    assert_int_equal(res->body_size, (size_t)LONG * channels * 4);
    for (int i = 0; i < LONG; i++)
        whole[i] = samples[(size_t)i * channels + c];
    double db = error_db(h, n, signal[c], whole, LONG, 31);
    if (db > -130)
        fail_msg("channel %u: error %g dB", c, db);
}

static void one_channel_serves_every_channel(void **state)
{
    (void)state;
    const struct part parts[] = {audio(2), response("hall", 1, 3000), {0}};
    struct api_response res = send(HALL, parts);
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Sinter-Latency-Samples"), "0");
    assert_convolved(&res, 2, 0, noise[0], 3000);
    assert_convolved(&res, 2, 1, noise[0], 3000);
    api_response_done(&res);
}

static void of_several_each_has_its_own(void **state)
{
    (void)state;
    const struct part parts[] = {audio(2), response("hall", 2, 5000), {0}};
    struct api_response res = send(HALL, parts);
    assert_ok(&res);
    assert_convolved(&res, 2, 0, noise[0], 5000);
    assert_convolved(&res, 2, 1, noise[1], 5000);
    api_response_done(&res);
    res = send(ASK("\"graph\":{\"output\":[\"convolution(in.0, 'hall', channel=3)\","
                   "\"convolution(in.1, 'hall', channel=2)\"]}"),
               (const struct part[]){audio(2), response("hall", 4, 900), {0}});
    assert_ok(&res);
    assert_convolved(&res, 2, 0, noise[3], 900);
    assert_convolved(&res, 2, 1, noise[2], 900);
    api_response_done(&res);
}

/* Stages before, between and behind; the first has state, the last mixes. */
static void kernels_run_around_convolutions(void **state)
{
    (void)state;
    const struct part parts[] = {audio(1), response("hall", 1, 700), {0}};
    struct api_response res = send(
        ASK("\"graph\":{\"nodes\":{\"d\":{\"op\":\"z1\",\"in\":\"2*in + 0.5*d\"},"
            "\"a\":{\"op\":\"convolution\",\"in\":\"d\",\"name\":\"hall\"},"
            "\"b\":{\"op\":\"convolution\",\"in\":\"-a\",\"name\":\"hall\",\"mix\":0.25}},\"output\":\"b + 3*d\"}"),
        parts);
    assert_ok(&res);
    static float d[LONG], a[LONG];
    for (int i = 1; i < LONG; i++)
        d[i] = 2 * signal[0][i - 1] + 0.5f * d[i - 1];
    for (int i = 0; i < 3000; i++)
        a[i] = (float)-direct(noise[0], 700, d, i);
    const float *y = res.body;
    double most = 0, loudest = 0;
    for (int i = 0; i < 3000; i++) {
        double want = 0.75 * (double)a[i] + 0.25 * direct(noise[0], 700, a, i) + 3 * (double)d[i];
        most = fmax(most, fabs(want - (double)y[i]));
        loudest = fmax(loudest, fabs(want));
    }
    assert_true(loudest > 10);
    assert_true(most < 3e-6 * loudest);
    api_response_done(&res);
}

static void mix_reaches_from_dry_to_wet(void **state)
{
    (void)state;
    const struct part parts[] = {audio(1), response("hall", 1, 100), {0}};
    struct api_response res = send(ASK("\"expr\":\"convolution(in, 'hall', 0)\""), parts);
    assert_ok(&res);
    assert_memory_equal(res.body, signal[0], sizeof signal[0]);
    api_response_done(&res);
    struct api_response half = send(ASK("\"expr\":\"convolution(in, 'hall', 0.5)\""), parts);
    struct api_response wet = send(HALL, parts);
    assert_ok(&half);
    assert_ok(&wet);
    const float *h = half.body, *w = wet.body;
    for (int i = 0; i < LONG; i++)
        assert_true(fabsf(h[i] - 0.5f * (w[i] + signal[0][i])) < 1e-5f);
    api_response_done(&half);
    api_response_done(&wet);
}

static void a_tail_rings_as_long_as_the_response(void **state)
{
    (void)state;
    const struct part parts[] = {audio(1), response("hall", 1, 6000), {0}};
    struct api_response res = send("{\"expr\":\"convolution(in, 'hall')\",\"format\":\"f32le\",\"tail\":0.25}", parts);
    assert_ok(&res);
    assert_int_equal(res.body_size, (LONG + RATE / 4) * 4);
    const float *y = res.body;
    double want = direct(noise[0], 6000, signal[0], LONG - 1);
    assert_true(fabs(want - (double)y[LONG - 1]) < 1e-4);
    want = 0;
    for (int k = 1001; k < 6000; k++) /* a thousand samples behind the input's last */
        want += (double)noise[0][k] * (double)signal[0][LONG - 1 + 1001 - k];
    assert_true(fabs(want - (double)y[LONG + 1000]) < 1e-4);
    for (int i = LONG + 6000; i < LONG + RATE / 4; i++)
        assert_true(fabsf(y[i]) < 1e-5f);
    api_response_done(&res);
}

/* A generator needs no audio. */
static void generators_are_convolved(void **state)
{
    (void)state;
    const struct part parts[] = {response("hall", 1, 900), {0}};
    struct api_response res = send("{\"expr\":\"convolution(if n == 5 then 1 else 0, 'hall')\",\"format\":\"f32le\","
                                   "\"rate\":48000,\"channels\":1,\"frames\":2000}",
                                   parts);
    assert_ok(&res);
    const float *y = res.body;
    for (int i = 0; i < 900; i++)
        assert_true(fabsf(y[5 + i] - noise[0][i]) < 2e-6f);
    api_response_done(&res);
}

static void formats_are_known_by_their_bytes(void **state)
{
    (void)state;
    struct part hall = response("hall", 1, 800);
    hall.type = "text/html";
    assert_same_body(send(HALL, (const struct part[]){audio(1), hall, {0}}),
                     send(HALL, (const struct part[]){audio(1), response("hall", 1, 800), {0}}));
    hall.data = "no audio at all, but text";
    hall.n = 20;
    assert_problem(send(HALL, (const struct part[]){audio(1), hall, {0}}), STATUS_BAD_AUDIO, "", "");
}

static void the_tag_knows_the_response(void **state)
{
    (void)state;
    struct api_response a = send(HALL, (const struct part[]){audio(1), response("hall", 1, 800), {0}});
    struct api_response b = send(HALL, (const struct part[]){audio(1), response("hall", 1, 801), {0}});
    assert_ok(&a);
    assert_ok(&b);
    assert_string_not_equal(header_of(&a, "ETag"), header_of(&b, "ETag"));
    api_response_done(&a);
    api_response_done(&b);
}

/* ---- refusals ---- */

static void missing_and_unused_responses_are_named(void **state)
{
    (void)state;
    assert_problem(send(HALL, (const struct part[]){audio(1), {0}}), STATUS_BAD_FIELD, "/expr",
                   "the response in a part named hall");
    assert_problem(send(HALL, (const struct part[]){audio(1), response("hal", 1, 9), {0}}), STATUS_BAD_FIELD, "/expr",
                   "did you mean hal?");
    assert_problem(send(HALL, (const struct part[]){audio(1), response("hall", 1, 9), response("room", 1, 9), {0}}),
                   STATUS_BAD_FIELD, "/room", "no impulse response");
    assert_problem(send(ASK("\"expr\":\"in\""), (const struct part[]){audio(1), response("hall", 1, 9), {0}}),
                   STATUS_BAD_FIELD, "/hall", "no impulse response");
    assert_problem(process_raw("expr=convolution(in, 'hall')&rate=48000", signal, 400), STATUS_BAD_FIELD, "/expr",
                   "multipart/form-data");
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    const float *const planes[] = {noise[0]};
    assert_problem(send(HALL, (const struct part[]){audio(1), wav("hall", 1, 44100, planes, 50), {0}}),
                   STATUS_BAD_FIELD, "/hall", "44100 frames a second and the audio 48000");
    assert_problem(send(HALL, (const struct part[]){audio(2), response("hall", 4, 50), {0}}), STATUS_BAD_FIELD, "/hall",
                   "has 4 channels");
    assert_problem(send(ASK("\"expr\":\"convolution(in, 'hall', channel=2)\""),
                        (const struct part[]){audio(1), response("hall", 2, 50), {0}}),
                   STATUS_BAD_FIELD, "/hall", "asks for channel 2");
    assert_problem(send(HALL, (const struct part[]){audio(1), response("hall", 1, 0), {0}}), STATUS_BAD_AUDIO, "/hall",
                   "no samples");
    float bad[3] = {1, (float)NAN, 1};
    assert_problem(
        send(HALL, (const struct part[]){audio(1), wav("hall", 1, RATE, (const float *const[]){bad}, 3), {0}}),
        STATUS_BAD_AUDIO, "/hall", "sample 1 of channel 0");
}

static void limits_are_named(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_response_samples = 1000;
    struct api *small = small_api(config);
    assert_limit(send_to(small, HALL, (const struct part[]){audio(1), response("hall", 2, 501), {0}}),
                 "max-response-samples", "/hall");
    struct api_response res = send_to(small, HALL, (const struct part[]){audio(1), response("hall", 1, 1000), {0}});
    assert_ok(&res);
    api_response_done(&res);
    api_free(small);
    config = api_config_default();
    config.max_state_bytes = 100000;
    small = small_api(config);
    assert_limit(send_to(small, HALL, (const struct part[]){audio(1), response("hall", 1, 9000), {0}}),
                 "max-state-bytes", "/hall");
    api_free(small);
}

static void stored_graphs_name_them(void **state)
{
    (void)state;
    struct api_response res = post("/graphs", "{\"output\":[\"convolution(in.0, 'hall') + convolution(in.1, 'hall')\","
                                              "\"convolution(in.0, 'room')\"]}");
    assert_true(res.http_status == 201 || res.http_status == 200);
    const struct datum *names = datum_get(json_of(res.body, res.body_size), "responses");
    assert_int_equal(names->n, 2);
    api_response_done(&res);
}

/* ---- streams ---- */

#define AROUND                                                                                                         \
    "\"graph\":{\"nodes\":{\"d\":{\"op\":\"delay\",\"in\":\"in + 0.5*d\",\"time\":0.004,\"max\":0.01},"                \
    "\"a\":{\"op\":\"convolution\",\"in\":\"d\",\"name\":\"hall\"},"                                                   \
    "\"b\":{\"op\":\"convolution\",\"in\":\"-a\",\"name\":\"room\",\"mix\":0.25}},\"output\":\"b + 3*d\"}"

static const struct part *two_responses(void)
{
    static struct part parts[3];
    parts[0] = response("hall", 2, 5000);
    parts[1] = response("room", 1, 300);
    return parts;
}

static char *open_stream(struct api *of, const char *more, const struct part *parts)
{
    struct api_response res =
        send_at(of, "/streams", arena_printf(arena, "{" AROUND ",\"rate\":48000,\"channels\":2%s}", more), parts);
    if (res.http_status != 201)
        fail_msg("%d %s", res.http_status, body_of(&res));
    char *path = arena_strdup(arena, header_of(&res, "Location"));
    api_response_done(&res);
    return path;
}

/* Frames from .. to of the two signals; size 0: random blocks, some longer than one of the server's. */
static void feed(struct api *of, const char *path, uint64_t *seq, int from, int to, int size, float *ret)
{
    static float block[2 * LONG];
    uint64_t seed = 5;
    for (int at = from; at < to; ++*seq) {
        int n = size ? size : 1 + (int)(test_random(&seed) % 6000);
        n = n < to - at ? n : to - at;
        for (int i = 0; i < 2 * n; i++)
            block[i] = signal[i % 2][at + i / 2];
        struct api_response res = ask_of(of, (struct ask){.method = METHOD_POST,
                                                          .path = path,
                                                          .query = arena_printf(arena, "seq=%d", (int)*seq),
                                                          .type = "application/octet-stream",
                                                          .body = (const char *)block,
                                                          .size = (size_t)n * 8});
        if (res.http_status != 200)
            fail_msg("%d %s", res.http_status, body_of(&res));
        assert_int_equal(res.body_size, (size_t)n * 8);
        memcpy(ret + 2 * at, res.body, res.body_size);
        api_response_done(&res);
        at += n;
    }
}

static void a_stream_convolves_as_the_whole_does(void **state)
{
    (void)state;
    static const int sizes[] = {64, 500, 0, LONG};
    static float heard[2 * LONG];
    const struct part *responses = two_responses(), parts[] = {audio(2), responses[0], responses[1], {0}};
    struct api_response wanted = send(ASK(AROUND), parts);
    assert_ok(&wanted);
    assert_int_equal(wanted.body_size, sizeof heard);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t seq = 0;
        memset(heard, 0, sizeof heard);
        feed(api, open_stream(api, "", responses), &seq, 0, LONG, sizes[i], heard);
        assert_memory_equal(heard, wanted.body, sizeof heard);
    }
    api_response_done(&wanted);
}

/* With its responses in the exported state. */
static void an_exported_stream_goes_on_convolving(void **state)
{
    (void)state;
    enum { HALF = LONG / 2 + 3 };
    static float heard[2 * LONG], wanted[2 * LONG];
    uint64_t seq = 0;
    feed(api, open_stream(api, "", two_responses()), &seq, 0, LONG, LONG, wanted);
    char *path = open_stream(api, "", two_responses());
    seq = 0;
    feed(api, path, &seq, 0, HALF, 999, heard);
    struct api_response exported = get(arena_printf(arena, "%s/state", path), "");
    assert_ok(&exported);
    struct ask again = {.method = METHOD_POST,
                        .path = "/streams",
                        .type = "application/octet-stream",
                        .body = exported.body,
                        .size = exported.body_size};
    struct api_response res = ask(again);
    if (res.http_status != 201)
        fail_msg("%d %s", res.http_status, body_of(&res));
    feed(api, header_of(&res, "Location"), &seq, HALF, LONG, 1234, heard);
    assert_memory_equal(heard, wanted, sizeof heard);
    api_response_done(&res);
    api_response_done(&exported);
}

static void a_stream_needs_its_responses(void **state)
{
    (void)state;
    assert_problem(post("/streams", "{\"expr\":\"convolution(in, 'hall')\",\"rate\":48000,\"channels\":1}"),
                   STATUS_BAD_FIELD, "/expr", "convolves with the impulse response");
    const struct part parts[] = {two_responses()[0], {0}};
    assert_problem(send_at(api, "/streams", "{" AROUND ",\"rate\":48000,\"channels\":2}", parts), STATUS_BAD_FIELD,
                   "/graph/nodes/b", "is sent along");
    assert_problem(send_at(api, "/streams", "{" AROUND ",\"rate\":44100,\"channels\":2}", two_responses()),
                   STATUS_BAD_FIELD, "/hall", "48000 frames");
}

static void a_loop_through_a_convolution_names_it(void **state)
{
    (void)state;
    const struct part parts[] = {audio(1), response("hall", 1, 9), {0}};
    assert_problem(
        send(ASK("\"graph\":{\"nodes\":{\"wet\":{\"op\":\"convolution\",\"in\":\"in + 0.5*back\",\"name\":\"hall\"},"
                 "\"back\":{\"op\":\"delay\",\"in\":\"wet\",\"time\":0.1}},\"output\":\"wet\"}"),
             parts),
        STATUS_CYCLE, "/graph/nodes/wet", "wet is in a loop");
    assert_problem(
        send(ASK("\"graph\":{\"nodes\":{\"back\":{\"op\":\"z1\",\"in\":\"in + 0.5*convolution(back, 'hall')\"}},"
                 "\"output\":\"back\"}"),
             parts),
        STATUS_CYCLE, "/graph/nodes/back", "convolution is in a loop");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_convolution_is_its_sum_for_any_split),
        cmocka_unit_test(an_impulse_moves_a_signal_and_nothing_else),
        cmocka_unit_test(what_is_not_finite_is_contained),
        cmocka_unit_test(one_channel_serves_every_channel),
        cmocka_unit_test(of_several_each_has_its_own),
        cmocka_unit_test(kernels_run_around_convolutions),
        cmocka_unit_test(mix_reaches_from_dry_to_wet),
        cmocka_unit_test(a_tail_rings_as_long_as_the_response),
        cmocka_unit_test(generators_are_convolved),
        cmocka_unit_test(formats_are_known_by_their_bytes),
        cmocka_unit_test(the_tag_knows_the_response),
        cmocka_unit_test(missing_and_unused_responses_are_named),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(stored_graphs_name_them),
        cmocka_unit_test(a_stream_convolves_as_the_whole_does),
        cmocka_unit_test(an_exported_stream_goes_on_convolving),
        cmocka_unit_test(a_stream_needs_its_responses),
        cmocka_unit_test(a_loop_through_a_convolution_names_it),
    };
    make_signals();
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
