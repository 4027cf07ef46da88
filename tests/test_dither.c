/* labels: api
 * Dither: matrices as published, a flat tone keeps its mean, blue noise has no low frequencies, error diffusion
 * against sums written out. */
#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/image/dither.h"

static const enum dither ordered[] = {DITHER_BAYER2, DITHER_BAYER4, DITHER_BAYER8, DITHER_BLUE_NOISE};
static const uint32_t sides[] = {2, 4, 8, 64};

static void bayer_matrices_are_the_published_ones(void **state)
{
    (void)state;
    static const int two[4] = {0, 2, 3, 1};
    static const int four[16] = {0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5};
    static const int eight_top[8] = {0, 32, 8, 40, 2, 34, 10, 42};
    for (uint32_t i = 0; i < 4; i++)
        assert_true(dither_threshold(DITHER_BAYER2, i % 2, i / 2) == (two[i] + 0.5) / 4);
    for (uint32_t i = 0; i < 16; i++)
        assert_true(dither_threshold(DITHER_BAYER4, i % 4, i / 4) == (four[i] + 0.5) / 16);
    for (uint32_t i = 0; i < 8; i++)
        assert_true(dither_threshold(DITHER_BAYER8, i, 0) == (eight_top[i] + 0.5) / 64);
    assert_true(dither_threshold(DITHER_NONE, 5, 7) == 0.5);
}

static void every_threshold_occurs_once_a_tile(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        uint32_t side = sides[k], n = side * side;
        bool *seen = calloc(n, sizeof *seen);
        for (uint32_t i = 0; i < n; i++) {
            double rank = dither_threshold(ordered[k], i % side + side * 7, i / side + side * 1000003) * n - 0.5;
            assert_true(rank == floor(rank) && rank >= 0 && rank < n);
            assert_false(seen[(uint32_t)rank]);
            seen[(uint32_t)rank] = true;
        }
        free(seen);
    }
}

/* A tone between two steps: as many pixels are the upper one as its share says. */
static void a_flat_tone_keeps_its_mean(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        for (double most = 255; most < 70000; most += 65280) {
            for (int tone = 1; tone < 40; tone++) {
                uint32_t side = sides[k];
                float in[64];
                int32_t out[64];
                double sum = 0, want = most * (double)(float)(tone / 41.3);
                for (uint32_t i = 0; i < side; i++)
                    in[i] = (float)(tone / 41.3);
                for (uint32_t y = 0; y < side; y++) {
                    dither_quantise(ordered[k], 0, y, in, side, most, out);
                    for (uint32_t i = 0; i < side; i++) {
                        assert_true(fabs(out[i] - want) < 1);
                        sum += out[i];
                    }
                }
                assert_true(fabs(sum / (side * side) - want) <= 0.5 / (side * side) + 1e-9);
            }
        }
    }
}

static void steps_stay_and_what_is_outside_is_counted(void **state)
{
    (void)state;
    for (int kind = DITHER_NONE; kind < DITHER_FLOYD_STEINBERG; kind++) {
        for (uint32_t y = 0; y < 64; y++) {
            float in[256 + 6];
            int32_t out[256 + 6];
            for (int i = 0; i < 256; i++)
                in[i] = (float)(i / 255.0);
            memcpy(in + 256, (float[]){NAN, INFINITY, -INFINITY, -0.25f, 1.5f, 1.0f}, 6 * sizeof(float));
            assert_int_equal(dither_quantise((enum dither)kind, y, y, in, 262, 255, out), 4);
            for (int i = 0; i < 256; i++)
                assert_int_equal(out[i], i);
            const int32_t want[] = {0, 255, 0, 0, 255, 255};
            assert_memory_equal(out + 256, want, sizeof want);
        }
    }
}

/* Any window of a row is the row's own: nothing depends on where a piece begins. */
static void ordered_dither_depends_on_the_place_alone(void **state)
{
    (void)state;
    enum { N = 300 };
    float in[N];
    int32_t whole[N], part[N];
    uint64_t seed = 3;
    for (int i = 0; i < N; i++)
        in[i] = (float)(test_random(&seed) >> 8) / 16777216.0f;
    for (size_t k = 0; k < 4; k++) {
        dither_quantise(ordered[k], 1000, 77, in, N, 255, whole);
        for (uint32_t from = 0; from < N; from += 13) {
            dither_quantise(ordered[k], 1000 + from, 77, in + from, N - from, 255, part);
            assert_memory_equal(part, whole + from, (N - from) * sizeof *part);
        }
    }
}

/* Power of the pattern of a tone at wave (u, v), over that of white noise of the same variance. */
static double power(const bool *on, double share, int u, int v)
{
    double re = 0, im = 0;
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 64; x++) {
            double a = 2 * M_PI * (u * x + v * y) / 64, s = on[y * 64 + x] - share;
            re += s * cos(a);
            im += s * sin(a);
        }
    return (re * re + im * im) / (4096 * share * (1 - share));
}

/* Mean power of waves of at least `from` and less than `to` periods a tile. */
static double ring(const bool *on, double share, int from, int to)
{
    double sum = 0;
    int n = 0;
    for (int v = -to; v <= to; v++)
        for (int u = 0; u <= to; u++) {
            int d2 = u * u + v * v;
            if (d2 >= from * from && d2 < to * to && (u || v > 0)) {
                sum += power(on, share, u, v);
                n++;
            }
        }
    return sum / n;
}

static void blue_noise_has_no_low_frequencies(void **state)
{
    (void)state;
    static const double shares[] = {0.1, 0.25, 0.5, 0.75};
    for (size_t k = 0; k < 4; k++) {
        bool on[64 * 64];
        for (uint32_t i = 0; i < 64 * 64; i++)
            on[i] = dither_threshold(DITHER_BLUE_NOISE, i % 64, i / 64) < shares[k];
        double low = ring(on, shares[k], 1, 6), high = ring(on, shares[k], 20, 26);
        if (low > 0.06 || high < 0.9)
            fail_msg("at %g: low %g, high %g", shares[k], low, high);
    }
}

struct reference_tap {
    int dx, dy, parts;
};

/* The same by the definition: a whole image of wants, each pixel's error added where it goes. */
static void diffuse_reference(const struct reference_tap *taps, int n_taps, int of, int w, int h, const float *in,
                              int32_t *out)
{
    double *want = malloc((size_t)(w * h) * sizeof *want);
    for (int i = 0; i < w * h; i++)
        want[i] = 255.0 * (in[i] < 0 ? 0 : in[i] > 1 ? 1 : (double)in[i]);
    for (int i = 0; i < w * h; i++) {
        double near = floor(want[i] + 0.5), got = near < 0 ? 0 : near > 255 ? 255 : near;
        out[i] = (int32_t)got;
        for (int t = 0; t < n_taps; t++) {
            int x = i % w + taps[t].dx, y = i / w + taps[t].dy;
            if (x >= 0 && x < w && y < h)
                want[y * w + x] += (want[i] - got) * taps[t].parts / of;
        }
    }
    free(want);
}

static void diffusion_is_what_the_papers_say(void **state)
{
    (void)state;
    static const struct reference_tap floyd[] = {{1, 0, 7}, {-1, 1, 3}, {0, 1, 5}, {1, 1, 1}},
                                      atkinson[] = {{1, 0, 1}, {2, 0, 1}, {-1, 1, 1}, {0, 1, 1}, {1, 1, 1}, {0, 2, 1}};
    static const int sizes[][2] = {{1, 1}, {1, 7}, {2, 5}, {9, 1}, {61, 40}};
    uint64_t seed = 5;
    for (size_t s = 0; s < 5; s++) {
        for (int kind = DITHER_FLOYD_STEINBERG; kind <= DITHER_ATKINSON; kind++) {
            int w = sizes[s][0], h = sizes[s][1], differ = 0;
            size_t n = (size_t)(w * h);
            float *in = malloc(n * 2 * sizeof *in), *one = malloc(n * sizeof *one);
            int32_t *want = malloc(n * sizeof *want), *out = malloc(n * 2 * sizeof *out);
            for (size_t i = 0; i < n; i++) {
                one[i] = (float)(test_random(&seed) >> 8) / 16777216.0f * 1.2f - 0.1f;
                in[i * 2] = one[i];
                in[i * 2 + 1] = 1.0f; /* a second channel that must not mix with the first */
            }
            double *memory = malloc(diffusion_doubles((uint32_t)w, 2) * sizeof *memory);
            struct diffusion d;
            diffusion_begin(&d, (enum dither)kind, (uint32_t)w, 2, 8, memory);
            for (int y = 0; y < h; y++)
                diffusion_row(&d, in + y * w * 2, out + y * w * 2);
            if (kind == DITHER_ATKINSON)
                diffuse_reference(atkinson, 6, 8, w, h, one, want);
            else
                diffuse_reference(floyd, 4, 16, w, h, one, want);
            for (size_t i = 0; i < n; i++) {
                differ += out[i * 2] != want[i];
                assert_int_equal(out[i * 2 + 1], 255);
            }
            assert_int_equal(differ, 0);
            free(memory);
            free(in);
            free(one);
            free(want);
            free(out);
        }
    }
}

static void diffusion_keeps_the_mean_and_counts(void **state)
{
    (void)state;
    enum { SIDE = 128 };
    double memory[3 * (SIDE + 4)], sum = 0;
    struct diffusion d;
    float in[SIDE];
    int32_t out[SIDE];
    assert_int_equal(diffusion_doubles(SIDE, 1), sizeof memory / sizeof *memory);
    for (int bits = 8; bits <= 16; bits += 8) {
        double most = bits == 8 ? 255 : 65535;
        sum = 0;
        diffusion_begin(&d, DITHER_FLOYD_STEINBERG, SIDE, 1, (unsigned)bits, memory);
        for (int i = 0; i < SIDE; i++)
            in[i] = (float)(100.3 / most);
        for (int y = 0; y < SIDE; y++) {
            assert_int_equal(diffusion_row(&d, in, out), 0);
            for (int i = 0; i < SIDE; i++)
                sum += out[i];
        }
        assert_true(fabs(sum / (SIDE * SIDE) - (double)in[0] * most) < 0.02);
    }
    memcpy(in, (float[]){NAN, 2, -1, INFINITY, -INFINITY}, 5 * sizeof *in);
    assert_int_equal(diffusion_row(&d, in, out), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bayer_matrices_are_the_published_ones),
        cmocka_unit_test(every_threshold_occurs_once_a_tile),
        cmocka_unit_test(a_flat_tone_keeps_its_mean),
        cmocka_unit_test(steps_stay_and_what_is_outside_is_counted),
        cmocka_unit_test(ordered_dither_depends_on_the_place_alone),
        cmocka_unit_test(blue_noise_has_no_low_frequencies),
        cmocka_unit_test(diffusion_is_what_the_papers_say),
        cmocka_unit_test(diffusion_keeps_the_mean_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
