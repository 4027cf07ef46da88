/* labels: api
 * What is done between a graph's samples and a file: another rate, loudness, dither, tails, latency. */
#include "tests/support/ask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/audio/audio_file.h"
#include "api/audio/format_wav.h"
#include "api/audio/loudness.h"
#include "api/audio/pcm.h"
#include "api/audio/resample.h"
#include "api/audio/tail.h"
#include "api/audio/tpdf.h"

static const double pi = 3.14159265358979323846;

/* Samples in memory, handed out in pieces of `most` at the most (0: as many as asked for). */
struct memory_pcm {
    struct pcm pcm;
    const float *samples;
    size_t frames, at, most;
};

static size_t memory_pull(struct pcm *p, float *to, size_t n)
{
    struct memory_pcm *m = (struct memory_pcm *)p;
    size_t left = m->frames - m->at, take = n < left ? n : left;
    take = m->most && take > m->most ? m->most : take;
    memcpy(to, m->samples + m->at * p->channels, take * p->channels * sizeof(float));
    m->at += take;
    return take;
}

/* The whole of it at another rate, asked for in pieces of `step` frames (0: random ones). */
static float *resampled(const float *in, size_t frames, uint32_t channels, double from, double to, size_t step,
                        size_t *ret_n)
{
    struct memory_pcm m = {.pcm = {memory_pull, channels}, .samples = in, .frames = frames};
    struct resampler *r;
    struct fault fault;
    uint64_t seed = step;
    fault_init(&fault, arena);
    assert_int_equal(resample_new(&m.pcm, frames, from, to, arena, &r, &fault), STATUS_OK);
    size_t n = (size_t)resample_frames(frames, from, to), done = 0;
    float *out = calloc((n + 1) * channels, sizeof(float));
    while (done < n) {
        size_t want = step ? step : test_random(&seed) % 3000 + 1;
        want = want < n - done ? want : n - done;
        done += resample_pcm(r)->pull(resample_pcm(r), out + done * channels, want);
    }
    float none[64];
    assert_int_equal(resample_pcm(r)->pull(resample_pcm(r), none, 1), 0);
    resample_free(r);
    *ret_n = n;
    return out;
}

static void resampling_is_the_same_for_every_split(void **state)
{
    (void)state;
    enum { N = 60001 };
    static const double rates[][2] = {{48000, 44100}, {44100, 96000}, {44100, 8000}, {48000, 47999}, {8000, 22050.5}};
    static const size_t steps[] = {1, 7, 64, 512, 0, 100000};
    static float in[N * 2];
    uint64_t seed = 8;
    for (int i = 0; i < N * 2; i++)
        in[i] = (float)(int32_t)test_random(&seed) * 0x1p-31f;
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
        size_t n, m;
        float *whole = resampled(in, N, 2, rates[k][0], rates[k][1], N * 12, &n);
        assert_int_equal(n, (size_t)floor(N * rates[k][1] / rates[k][0] + 0.5));
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            float *split = resampled(in, N, 2, rates[k][0], rates[k][1], steps[i], &m);
            assert_int_equal(n, m);
            assert_memory_equal(whole, split, n * 2 * sizeof(float));
            free(split);
        }
        free(whole);
    }
}

/* By CPU or by hand: soxr must not choose. */
static void resampling_does_not_choose_by_cpu(void **state)
{
    (void)state;
    assert_string_equal(getenv("SOXR_USE_SIMD"), "0"); /* of api_new, in the set-up */
}

static void make_sine(float *to, size_t n, double hz, double rate, double amplitude)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (float)(amplitude * sin(2 * pi * hz * (double)i / rate));
}

/* What is left of samples when the sine that fits them best is taken away, in dB of that sine; *ret_phase: how far the
 * sine is from sin(2 pi hz i / rate), in radians. */
static double residue_db(const float *x, size_t from, size_t n, double hz, double rate, double *ret_phase)
{
    double ss = 0, cc = 0, sc = 0, xs = 0, xc = 0, left = 0, whole = 0;
    for (size_t i = from; i < from + n; i++) {
        double s = sin(2 * pi * hz * (double)i / rate), c = cos(2 * pi * hz * (double)i / rate);
        ss += s * s;
        cc += c * c;
        sc += s * c;
        xs += (double)x[i] * s;
        xc += (double)x[i] * c;
    }
    double det = ss * cc - sc * sc, a = (xs * cc - xc * sc) / det, b = (xc * ss - xs * sc) / det;
    for (size_t i = from; i < from + n; i++) {
        double fit = a * sin(2 * pi * hz * (double)i / rate) + b * cos(2 * pi * hz * (double)i / rate);
        left += ((double)x[i] - fit) * ((double)x[i] - fit);
        whole += fit * fit;
    }
    *ret_phase = atan2(b, a);
    return 10 * log10(left / whole);
}

static void resampled_sines_stay_clean_and_in_place(void **state)
{
    (void)state;
    enum { N = 96000, SKIP = 4000 };
    static const double rows[][3] = {{48000, 44100, 997},  {44100, 48000, 997},   {48000, 44100, 18000},
                                     {96000, 44100, 997},  {44100, 48000, 19000}, {96000, 48000, 10000},
                                     {44100, 192000, 997}, {48000, 47999, 5000},  {8000, 22050.5, 3000}};
    static float in[N];
    double worst = -400, phase, off = 0;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        size_t n;
        make_sine(in, N, rows[k][2], rows[k][0], 0.9);
        float *out = resampled(in, N, 1, rows[k][0], rows[k][1], 4096, &n);
        double residue = residue_db(out, SKIP, n - 2 * SKIP, rows[k][2], rows[k][1], &phase);
        print_message("%g to %g, %g Hz: THD+N %.1f dB, phase off by %.1e\n", rows[k][0], rows[k][1], rows[k][2],
                      residue, phase);
        worst = fmax(worst, residue);
        off = fmax(off, fabs(phase));
        free(out);
    }
    assert_true(worst < -140);
    assert_true(off < 1e-9);
}

static void what_the_new_rate_cannot_hold_is_gone(void **state)
{
    (void)state;
    enum { N = 96000, SKIP = 4000 };
    static const double rows[][3] = {{48000, 44100, 23000},
                                     {96000, 44100, 30000},
                                     {96000, 48000, 24500},
                                     {44100, 8000, 5000},
                                     {192000, 48000, 47000}};
    static float in[N];
    double worst = -400;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        size_t n;
        double sum = 0;
        make_sine(in, N, rows[k][2], rows[k][0], 1);
        float *out = resampled(in, N, 1, rows[k][0], rows[k][1], 4096, &n);
        for (size_t i = SKIP; i < n - SKIP; i++)
            sum += (double)out[i] * (double)out[i];
        worst = fmax(worst, 10 * log10(2 * sum / (double)(n - 2 * SKIP) + 1e-40));
        free(out);
    }
    print_message("aliases at worst %.1f dB\n", worst);
    assert_true(worst < -140);
}

/* n seconds of a stereo sine behind what is in the meter already. */
static void hear_sine(struct loudness *l, double seconds, double db)
{
    enum { PART = 480 };
    float part[PART * 2];
    for (size_t at = 0; at < (size_t)(seconds * 48000); at += PART) {
        for (size_t i = 0; i < PART; i++)
            part[2 * i] = part[2 * i + 1] = (float)(pow(10, db / 20) * sin(2 * pi * 1000 * (double)(at + i) / 48000));
        loudness_add(l, part, PART);
    }
}

/* EBU Tech 3341, cases 1 to 3: peaks of sines in dBFS, and what a meter must read within 0.1. */
static void loudness_reads_as_the_ebu_asks(void **state)
{
    (void)state;
    static const struct {
        double seconds[3], db[3], want;
    } rows[] = {{{20, 0, 0}, {-23, 0, 0}, -23}, {{20, 0, 0}, {-33, 0, 0}, -33}, {{10, 60, 10}, {-36, -23, -36}, -23}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct loudness *l;
        struct loudness_result r;
        struct fault fault;
        fault_init(&fault, arena);
        assert_int_equal(loudness_new(2, 48000, true, &l, &fault), STATUS_OK);
        for (int i = 0; i < 3; i++)
            hear_sine(l, rows[k].seconds[i], rows[k].db[i]);
        assert_int_equal(loudness_result(l, &r, &fault), STATUS_OK);
        loudness_free(l);
        print_message("case %zu: %.3f LUFS\n", k + 1, r.lufs);
        assert_true(fabs(r.lufs - rows[k].want) <= 0.1);
    }
}

/* EBU Tech 3341, cases 15 and 16: a quarter of the rate, amplitude 0.5, on its crests and beside them. */
static void true_peaks_lie_between_samples(void **state)
{
    (void)state;
    static const double phases[] = {0, 45}, peaks[] = {-6.02, -9.03};
    for (size_t k = 0; k < 2; k++) {
        static float x[48000];
        struct loudness *l;
        struct loudness_result r;
        struct fault fault;
        fault_init(&fault, arena);
        for (size_t i = 0; i < 48000; i++)
            x[i] = (float)(0.5 * sin(pi / 2 * (double)i + phases[k] * pi / 180) * fmin(1, (double)i / 9600));
        assert_int_equal(loudness_new(1, 48000, true, &l, &fault), STATUS_OK);
        loudness_add(l, x, 48000);
        assert_int_equal(loudness_result(l, &r, &fault), STATUS_OK);
        loudness_free(l);
        assert_true(fabs(r.peak_db - peaks[k]) < 0.01);
        assert_true(r.true_peak_db > -6.4 && r.true_peak_db < -5.8);
    }
}

static void dither_is_a_function_of_its_place(void **state)
{
    (void)state;
    enum { N = 5000, CHANNELS = 2 };
    static float in[N * CHANNELS];
    static int32_t whole[N * CHANNELS], split[N * CHANNELS];
    struct tpdf t = {true, 7, 0x1p15};
    uint64_t seed = 3;
    for (size_t i = 0; i < N * CHANNELS; i++)
        in[i] = (float)(int32_t)test_random(&seed) * 0x1p-31f;
    tpdf_quantise(&t, in, N, CHANNELS, 1000, whole);
    for (size_t at = 0, n; at < N; at += n) {
        n = test_random(&seed) % 100 + 1;
        n = n < N - at ? n : N - at;
        tpdf_quantise(&t, in + at * CHANNELS, n, CHANNELS, 1000 + at, split + at * CHANNELS);
    }
    assert_memory_equal(whole, split, sizeof whole);
    for (size_t i = 0; i < N; i += 97)
        for (uint32_t c = 0; c < CHANNELS; c++)
            assert_int_equal(whole[i * 2 + c], (int32_t)fmin(32767, floor((double)in[i * 2 + c] * 0x1p15 +
                                                                          tpdf_noise(7, c, 1000 + i) + 0.5)));
}

/* Mean 0, variance 1/6; no channel, frame or seed knows of another; and the error of a rounded sample has the same mean
 * and variance (1/6 + 1/12) for every value. */
static void dither_is_triangular_and_white(void **state)
{
    (void)state;
    enum { N = 1 << 18 };
    double mean = 0, square = 0, next = 0, channel = 0, seed = 0;
    for (uint64_t i = 0; i < N; i++) {
        double v = tpdf_noise(1, 0, i);
        assert_true(v > -1 && v < 1);
        mean += v / N;
        square += v * v / N;
        next += v * tpdf_noise(1, 0, i + 1) / N;
        channel += v * tpdf_noise(1, 1, i) / N;
        seed += v * tpdf_noise(2, 0, i) / N;
    }
    assert_true(fabs(mean) < 0.003 && fabs(square - 1.0 / 6) < 0.002);
    assert_true(fabs(next) < 0.002 && fabs(channel) < 0.002 && fabs(seed) < 0.002);
    static float in[4096];
    static int32_t out[4096];
    struct tpdf t = {true, 9, 0x1p15};
    for (int k = 0; k < 10; k++) {
        double sum = 0, squares = 0, value = 100 + k * 0.1;
        for (int i = 0; i < 4096; i++)
            in[i] = (float)(value / 0x1p15);
        for (uint64_t round = 0; round < 16; round++) {
            tpdf_quantise(&t, in, 4096, 1, round * 4096, out);
            for (int i = 0; i < 4096; i++) {
                sum += (out[i] - value) / 65536;
                squares += (out[i] - value) * (out[i] - value) / 65536;
            }
        }
        assert_true(fabs(sum) < 0.01);
        assert_true(fabs(squares - 0.25) < 0.01);
    }
}

static void integers_never_wrap(void **state)
{
    (void)state;
    float in[] = {1, -1, 2, -2, 1e30f, -1e30f, INFINITY, -INFINITY, NAN, 0.999999f};
    int32_t out[10];
    for (int on = 0; on < 2; on++) {
        struct tpdf t = {on, 1, 0x1p15};
        uint64_t clipped = tpdf_quantise(&t, in, 10, 1, 0, out);
        assert_true(clipped >= 7 && clipped <= 9);
        for (int i = 0; i < 8; i++)
            assert_true(i % 2 ? out[i] <= -32766 : out[i] >= 32765);
        assert_int_equal(out[8], 0);
    }
}

static void a_tail_ends_where_nothing_follows(void **state)
{
    (void)state;
    enum { N = 3000 };
    static float x[N], y[N];
    x[100] = 1;
    x[900] = -1.1e-5f;
    y[1400] = 1e-5f;
    x[1450] = 0.9e-5f;
    x[2500] = 1;
    static const uint32_t steps[] = {1, 7, 64, 512, N};
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        struct tail t;
        tail_begin(&t, 200);
        tail_wait(&t, 1000, 600); /* 600 + 100 + 1 frames of patience */
        for (uint32_t at = 0; at < N && !t.ended; at += steps[k]) {
            uint32_t n = steps[k] < N - at ? steps[k] : N - at;
            float *here[] = {x + at, y + at};
            bool ended = tail_hear(&t, here, 2, at, n);
            assert_int_equal(ended, t.ended);
        }
        assert_true(t.ended);
        assert_int_equal(t.end, 1401);
    }
}

/* A WAV of floats of one request's answer. */
struct heard {
    struct api_response res;
    const float *x;
    size_t n;
    uint32_t channels, rate;
};

static struct heard hear(const char *query, const float *in, size_t frames, uint32_t channels)
{
    struct heard h;
    struct audio_source s;
    struct fault fault;
    size_t bytes = frames * channels * sizeof(float);
    uint8_t *wav = malloc(WAV_HEADER_MAX + bytes);
    size_t head = wav_header(SAMPLE_F32, channels, 48000, frames, wav);
    memcpy(wav + head, in, bytes);
    h.res = ask((struct ask){.method = METHOD_POST,
                             .path = "/process",
                             .query = query,
                             .type = "audio/wav",
                             .body = (char *)wav,
                             .size = head + bytes});
    assert_ok(&h.res);
    fault_init(&fault, arena);
    assert_int_equal(wav_read(h.res.body, h.res.body_size, &s, &fault), STATUS_OK);
    h.n = (size_t)s.frames;
    h.channels = s.channels;
    h.rate = s.rate;
    float *copy = malloc(h.n * s.channels * sizeof(float) + 1);
    memcpy(copy, s.data, h.n * s.channels * sizeof(float));
    h.x = copy;
    free(wav);
    return h;
}

static void forget(struct heard h)
{
    free((void *)(uintptr_t)h.x);
    api_response_done(&h.res);
}

static float burst[24000 * 2];

static void make_burst(void)
{
    uint64_t seed = 12;
    for (int i = 0; i < 24000 * 2; i++)
        burst[i] = (float)(int32_t)test_random(&seed) * 0x1p-32f;
}

static void tails_stop_by_themselves(void **state)
{
    (void)state;
    static const char *const exprs[] = {"expr=in+0.5*delay(in,1.4)", "expr=delay(delay(in,0.9),0.8)",
                                        "expr=lowpass(in,30,20)", "expr=in"};
    static const size_t least[] = {24000 + 67200, 24000 + 81599, 24100, 24000};
    make_burst();
    for (size_t k = 0; k < sizeof exprs / sizeof *exprs; k++) {
        char query[100];
        snprintf(query, sizeof query, "%s&tail=auto", exprs[k]);
        struct heard by_itself = hear(query, burst, 24000, 2);
        snprintf(query, sizeof query, "%s&tail=5", exprs[k]);
        struct heard fixed = hear(query, burst, 24000, 2);
        size_t n = by_itself.n;
        assert_true(n >= least[k] && n < fixed.n);
        assert_memory_equal(by_itself.x, fixed.x, n * 2 * sizeof(float));
        if (n > 24000)
            assert_true(fabsf(fixed.x[2 * n - 2]) >= 1e-5f || fabsf(fixed.x[2 * n - 1]) >= 1e-5f);
        for (size_t i = 2 * n; i < 2 * fixed.n; i++)
            assert_true(fabsf(fixed.x[i]) < 1e-5f);
        forget(by_itself);
        forget(fixed);
    }
    assert_limit(post("/process", "{\"expr\":\"sin(t*100)\",\"rate\":8000,\"seconds\":1,\"tail\":\"auto\"}"),
                 "max-tail", "/tail");
    assert_problem(post("/process", "{\"expr\":\"n\",\"frames\":10,\"format\":\"f32le\",\"tail\":\"auto\"}"),
                   STATUS_BAD_FIELD, "/rate", NULL);
}

static void latency_is_taken_from_the_front(void **state)
{
    (void)state;
    make_burst();
    struct heard late = hear("expr=limiter(in,-6)&tail=0.1", burst, 24000, 2),
                 now = hear("expr=limiter(in,-6)&compensate=1", burst, 24000, 2);
    size_t latency = strtoul(header_of(&late.res, "Sinter-Latency-Samples"), NULL, 10);
    assert_int_equal(latency, 240);
    assert_int_equal(now.n, 24000);
    assert_memory_equal(now.x, late.x + latency * 2, 24000 * 2 * sizeof(float));
    forget(late);
    forget(now);
}

static double header_number(const struct heard *h, const char *name)
{
    return strtod(header_of(&h->res, name), NULL);
}

static void normalised_audio_is_the_same_but_louder(void **state)
{
    (void)state;
    static float sine[48000 * 2 * 3];
    for (size_t i = 0; i < 48000 * 3; i++)
        sine[2 * i] = sine[2 * i + 1] = (float)(0.01 * sin(2 * pi * 1000 * (double)i / 48000));
    struct heard plain = hear("expr=in&measure=1", sine, 48000 * 3, 2),
                 loud = hear("expr=in&normalize=-16.5", sine, 48000 * 3, 2);
    double gain = header_number(&loud, "Sinter-Gain");
    assert_true(fabs(header_number(&plain, "Sinter-Loudness") - -40) < 0.1); /* of the file's peak, by case 1 above */
    assert_true(fabs(header_number(&plain, "Sinter-Peak") - -40) < 0.011);
    assert_true(fabs(header_number(&loud, "Sinter-Loudness") - -16.5) < 0.011);
    assert_true(fabs(gain - (-16.5 - header_number(&plain, "Sinter-Loudness"))) < 0.011);
    assert_memory_equal(plain.x, sine, sizeof sine);
    float factor = loud.x[24] / sine[24];
    assert_true(fabs(20 * log10((double)factor) - gain) < 0.006);
    for (size_t i = 0; i < 48000 * 3 * 2; i++)
        assert_true(fabs((double)loud.x[i] - (double)sine[i] * (double)factor) <= 1e-7);
    forget(plain);
    forget(loud);
    static const float silence[9600];
    struct heard none = hear("expr=in&normalize=-16", silence, 4800, 2);
    assert_string_equal(header_of(&none.res, "Sinter-Loudness"), "-inf");
    assert_string_equal(header_of(&none.res, "Sinter-Gain"), "0.00");
    assert_memory_equal(none.x, silence, sizeof silence);
    forget(none);
}

static void an_answer_at_another_rate_is_resampled_once(void **state)
{
    (void)state;
    make_burst();
    size_t n;
    struct heard same = hear("expr=in*0.5", burst, 24000, 2),
                 other = hear("expr=in*0.5&out_rate=44100", burst, 24000, 2);
    float *want = resampled(same.x, 24000, 2, 48000, 44100, 4096, &n);
    assert_int_equal(other.rate, 44100);
    assert_int_equal(other.n, n);
    assert_memory_equal(other.x, want, n * 2 * sizeof(float));
    struct heard own = hear("expr=in*0.5&out_rate=48000", burst, 24000, 2);
    assert_same_body(same.res, own.res);
    free((void *)(uintptr_t)same.x);
    free((void *)(uintptr_t)own.x);
    free(want);
    forget(other);
}

static void dithered_answers_depend_on_their_seed_alone(void **state)
{
    (void)state;
    static const char *const queries[] = {"expr=in&bits=16&dither=tpdf", "expr=in&bits=16&dither=tpdf",
                                          "expr=in&bits=16&dither=tpdf&dither_seed=1", "expr=in&bits=16",
                                          "expr=in&bits=24&dither=tpdf"};
    char tags[5][80];
    static uint8_t bodies[5][24000 * 2 * 3 + 100];
    make_burst();
    for (size_t k = 0; k < 5; k++) {
        uint8_t wav[WAV_HEADER_MAX];
        static uint8_t body[WAV_HEADER_MAX + sizeof burst];
        size_t head = wav_header(SAMPLE_F32, 2, 48000, 24000, wav);
        memcpy(body, wav, head);
        memcpy(body + head, burst, sizeof burst);
        struct api_response res = ask((struct ask){.method = METHOD_POST,
                                                   .path = "/process",
                                                   .query = queries[k],
                                                   .type = "audio/wav",
                                                   .body = (char *)body,
                                                   .size = head + sizeof burst});
        assert_ok(&res);
        memcpy(bodies[k], res.body, res.body_size);
        snprintf(tags[k], sizeof tags[k], "%s", header_of(&res, "ETag"));
        api_response_done(&res);
    }
    assert_memory_equal(bodies[0], bodies[1], 24000 * 4);
    assert_string_equal(tags[0], tags[1]);
    for (size_t k = 2; k < 5; k++) {
        assert_memory_not_equal(bodies[0], bodies[k], 24000 * 4);
        assert_string_not_equal(tags[0], tags[k]);
    }
}

static void what_cannot_be_mastered_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *pointer, *limit;
    } rows[] = {{"\"out_rate\":0", "/out_rate", NULL},
                {"\"out_rate\":1e9", "/out_rate", "max-rate"},
                {"\"out_rate\":22050.5", "/rate", NULL},
                {"\"out_rate\":9e6", "/out_rate", NULL},
                {"\"out_rate\":30", "/out_rate", NULL},
                {"\"normalize\":3", "/normalize", NULL},
                {"\"normalize\":\"loud\"", "/normalize", NULL},
                {"\"measure\":3", "/measure", NULL},
                {"\"compensate\":\"x\"", "/compensate", NULL},
                {"\"dither\":\"rpdf\"", "/dither", NULL},
                {"\"dither\":\"tpdf\"", "/dither", NULL}, /* of floats */
                {"\"dither_seed\":3", "/dither_seed", NULL},
                {"\"dither_seed\":-3,\"dither\":\"tpdf\",\"bits\":16", "/dither_seed", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"expr\":\"n\",\"rate\":8000,\"channels\":1,\"frames\":800000,%s}", rows[i].rest);
        if (rows[i].limit)
            assert_limit(post("/process", json), rows[i].limit, rows[i].pointer);
        else
            assert_problem(post("/process", json), STATUS_BAD_FIELD, rows[i].pointer, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resampling_is_the_same_for_every_split),
        cmocka_unit_test(resampling_does_not_choose_by_cpu),
        cmocka_unit_test(resampled_sines_stay_clean_and_in_place),
        cmocka_unit_test(what_the_new_rate_cannot_hold_is_gone),
        cmocka_unit_test(loudness_reads_as_the_ebu_asks),
        cmocka_unit_test(true_peaks_lie_between_samples),
        cmocka_unit_test(dither_is_a_function_of_its_place),
        cmocka_unit_test(dither_is_triangular_and_white),
        cmocka_unit_test(integers_never_wrap),
        cmocka_unit_test(a_tail_ends_where_nothing_follows),
        cmocka_unit_test(tails_stop_by_themselves),
        cmocka_unit_test(latency_is_taken_from_the_front),
        cmocka_unit_test(normalised_audio_is_the_same_but_louder),
        cmocka_unit_test(an_answer_at_another_rate_is_resampled_once),
        cmocka_unit_test(dithered_answers_depend_on_their_seed_alone),
        cmocka_unit_test(what_cannot_be_mastered_is_named),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
