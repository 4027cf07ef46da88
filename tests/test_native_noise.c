/* labels: core */
/* The native noises' statistics, seams and meanings, and resin's worley and value noise against plain C. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/permutation.h"
#include "tests/support/sample.h"

/* --- resin's, in double */

static double fade(double t)
{
    return ((6 * t - 15) * t + 10) * t * t * t;
}

static double mix(double a, double b, double t)
{
    return a + t * (b - a);
}

static double reference_value(const float *p, int dims, int seed)
{
    int i[3] = {0};
    double f[3] = {0}, corner[2][2][2] = {{{0}}};
    for (int c = 0; c < dims; c++) {
        i[c] = (int)floor((double)p[c]);
        f[c] = fade((double)p[c] - i[c]);
    }
    for (int x = 0; x < 2; x++)
        for (int y = 0; y < 2; y++)
            for (int z = 0; z < 2; z++) {
                int h = perm(perm(i[0] + x, seed) + i[1] + y, seed);
                corner[z][y][x] = (dims == 3 ? perm(h + i[2] + z, seed) : h) / 255.0;
            }
    double plane[2];
    for (int z = 0; z < 2; z++)
        plane[z] = mix(mix(corner[z][0][0], corner[z][0][1], f[0]), mix(corner[z][1][0], corner[z][1][1], f[0]), f[1]);
    return mix(plane[0], plane[1], f[2]);
}

static double reference_worley(const float *p, int dims, int seed)
{
    double least = 1e9;
    int i[3] = {0};
    for (int c = 0; c < dims; c++)
        i[c] = (int)floor((double)p[c]);
    for (int x = i[0] - 1; x <= i[0] + 1; x++)
        for (int y = i[1] - 1; y <= i[1] + 1; y++)
            for (int z = i[2] - (dims == 3); z <= i[2] + (dims == 3); z++) {
                int h = perm(perm(x, seed) + y, seed);
                if (dims == 3)
                    h = perm(h + z, seed);
                int h2 = perm(h + 1, seed), h3 = perm(h2 + 1, seed);
                double dx = x + h / 255.0 - (double)p[0], dy = y + h2 / 255.0 - (double)p[1];
                double dz = dims == 3 ? z + h3 / 255.0 - (double)p[2] : 0;
                least = fmin(least, dx * dx + dy * dy + dz * dz);
            }
    return fmin(sqrt(least) / (dims == 3 ? 1.8 : 1.5), 1);
}

static void worley_and_value_noise_are_those_of_resin(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double (*reference)(const float *p, int dims, int seed);
        int dims;
    } noises[] = {{"value2", reference_value, 2},
                  {"value3", reference_value, 3},
                  {"worley2", reference_worley, 2},
                  {"worley3", reference_worley, 3}};
    static const int seeds[] = {0, 1, 7, 255, 256, -3, 100000};
    struct arena *a = arena_of_test();
    uint64_t random = 5;
    for (size_t n = 0; n < sizeof noises / sizeof *noises; n++)
        for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
            struct probe *p = noise(a, noises[n].name, noises[n].dims, arena_printf(a, ", seed=%d", seeds[s]));
            for (int i = 0; i < 500; i++) {
                float x[AXES];
                for (int c = 0; c < 3; c++)
                    x[c] = (float)(test_random(&random) * 0x1p-32 * 400 - 200);
                double got = (double)at(p, x), want = noises[n].reference(x, noises[n].dims, seeds[s]);
                if (fabs(got - want) > 3e-6)
                    fail_msg("%s, seed %d at %.9g %.9g %.9g: %.9g, not %.9g", noises[n].name, seeds[s], (double)x[0],
                             (double)x[1], (double)x[2], got, want);
            }
        }
    arena_free(a);
}

/* --- statistics */

static const char *const signed_noises[] = {"gnoise", "snoise", "vnoise", "wnoise"};
enum { SIGNED = 4 };

static void noises_have_mean_zero_and_fill_their_range_unclipped(void **state)
{
    (void)state;
    struct arena *a = arena_of_test();
    fill_points(30000);
    for (int n = 0; n < SIGNED; n++)
        for (int dims = 1; dims <= AXES; dims++) {
            run(noise(a, signed_noises[n], dims, ""), values);
            struct statistics s = statistics(values);
            double error = 5 * s.deviation / sqrt(MANY), reach = 0.75;
            if (getenv("SINTER_PRINT"))
                printf("%s %d: mean %.5f deviation %.4f range %.4f .. %.4f, %d at its ends\n", signed_noises[n], dims,
                       s.mean, s.deviation, s.least, s.most, s.at_most);
            if (fabs(s.mean) > error || s.most < reach || s.least > -reach || s.most > 1.03 || s.least < -1.03 ||
                s.at_most > 4)
                fail_msg("%s in %d dimensions: mean %g, range %g .. %g, %d at its ends", signed_noises[n], dims, s.mean,
                         s.least, s.most, s.at_most);
        }
    arena_free(a);
}

static void seeds_have_nothing_in_common(void **state)
{
    (void)state;
    static const char *const seeds[] = {", seed=1", ", seed=2", ", seed=-1", ", seed=65536", ", seed=2000000000"};
    static const char *const noises[] = {"snoise", "vnoise", "wnoise", "cellular"};
    struct arena *a = arena_of_test();
    fill_points(1000);
    for (int n = 0; n < 4; n++)
        for (int dims = 1; dims <= 3; dims++) {
            run(noise(a, noises[n], dims, ""), values);
            for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
                run(noise(a, noises[n], dims, seeds[s]), others);
                double r = correlation(values, others);
                if (fabs(r) > (dims == 1 ? 0.1 : 0.025))
                    fail_msg("%s in %d dimensions,%s: correlation %.4f with seed 0", noises[n], dims, seeds[s], r);
            }
        }
    arena_free(a);
}

/* Neither a seed nor a few cells' distance may give the same again. */
static void noises_do_not_repeat_nearby(void **state)
{
    (void)state;
    static const char *const noises[] = {"snoise", "vnoise", "wnoise", "cellular"};
    struct arena *a = arena_of_test();
    fill_points(400);
    for (int n = 0; n < 4; n++) {
        run(noise(a, noises[n], 2, ""), values);
        for (int seed = 0; seed <= 1; seed++)
            for (int dy = -4; dy <= 4; dy++)
                for (int dx = -4; dx <= 4; dx++) {
                    if (!seed && abs(dx) < 4 && abs(dy) < 4)
                        continue; /* cells that look at the same points */
                    run(probe_expr(a, arena_printf(a, "%s(in.0 + %d, in.1 + %d, seed=%d)", noises[n], dx, dy, seed), 4),
                        others);
                    double r = correlation(values, others);
                    if (fabs(r) > 0.025)
                        fail_msg("%s, seed %d, %d cells right, %d down: correlation %.4f", noises[n], seed, dx, dy, r);
                }
    }
    arena_free(a);
}

/* The power of a 64 x 64 sample at every frequency, over the mean: white noise has no line in it. */
static void spectrum_peak(const struct probe *p, double offset, double plane, double *ret_peak, int ret_at[2])
{
    enum { N = 64 };
    static double re[N][N], im[N][N], cos_of[N], sin_of[N];
    double total = 0;
    for (int k = 0; k < N; k++) {
        cos_of[k] = cos(2 * M_PI * k / N);
        sin_of[k] = sin(2 * M_PI * k / N);
    }
    for (int i = 0; i < N * N; i++) {
        points[0][i] = (float)(i % N + offset);
        points[1][i] = (float)(i / N + offset);
        points[2][i] = (float)plane;
    }
    run(p, values);
    double mean = 0;
    for (int i = 0; i < N * N; i++)
        mean += (double)values[i] / (N * N);
    for (int y = 0; y < N; y++)
        for (int k = 0; k < N; k++) {
            re[y][k] = im[y][k] = 0;
            for (int x = 0; x < N; x++) {
                re[y][k] += ((double)values[y * N + x] - mean) * cos_of[k * x % N];
                im[y][k] -= ((double)values[y * N + x] - mean) * sin_of[k * x % N];
            }
        }
    *ret_peak = 0;
    for (int k = 0; k < N; k++)
        for (int l = 0; l < N; l++) {
            double r = 0, i = 0;
            for (int y = 0; y < N; y++) {
                double c = cos_of[l * y % N], s = sin_of[l * y % N];
                r += re[y][k] * c + im[y][k] * s;
                i += im[y][k] * c - re[y][k] * s;
            }
            total += r * r + i * i;
            if (r * r + i * i > *ret_peak) {
                *ret_peak = r * r + i * i;
                ret_at[0] = k;
                ret_at[1] = l;
            }
        }
    *ret_peak /= total / (N * N);
}

/* Exponentially distributed powers: 4,096 of them exceed 17 times their mean once in 6,000 samples. */
static void hashes_have_no_streaks(void **state)
{
    (void)state;
    static const struct {
        const char *name, *rest;
        double offset;
    } samples[] = {{"wnoise", "", 0.5},
                   {"vnoise", "", 0},
                   {"cellular", ", returns='value'", 0.5},
                   {"cellular", ", returns='f1'", 0.5},
                   {"gnoise", "", 0.5},
                   {"snoise", "", 0.25}};
    struct arena *a = arena_of_test();
    for (size_t s = 0; s < sizeof samples / sizeof *samples; s++)
        for (int dims = 2; dims <= 3; dims++)
            for (int seed = 0; seed < 8; seed++) {
                double peak;
                int where[2];
                struct probe *p =
                    noise(a, samples[s].name, dims, arena_printf(a, "%s, seed=%d", samples[s].rest, seed));
                spectrum_peak(p, samples[s].offset, seed * 1000 + samples[s].offset, &peak, where);
                if (getenv("SINTER_PRINT"))
                    printf("%s%s %d seed %d: peak %.1f\n", samples[s].name, samples[s].rest, dims, seed, peak);
                if (peak > 17)
                    fail_msg("%s%s in %d dimensions, seed %d: %.1f times the mean power at %d, %d", samples[s].name,
                             samples[s].rest, dims, seed, peak, where[0], where[1]);
            }
    arena_free(a);
}

/* Mean squares of differences over 0.7 of a cell, by direction. */
static void noises_look_alike_in_all_directions(void **state)
{
    (void)state;
    static const char *const noises[] = {"gnoise", "snoise", "vnoise", "cellular", "fractal"};
    struct arena *a = arena_of_test();
    fill_points(2000);
    for (size_t n = 0; n < sizeof noises / sizeof *noises; n++) {
        double least = 1e9, most = 0;
        run(noise(a, noises[n], 2, ""), values);
        for (int direction = 0; direction < 8; direction++) {
            double dx = 0.7 * cos(direction * M_PI / 8), dy = 0.7 * sin(direction * M_PI / 8), sum = 0;
            run(probe_expr(a, arena_printf(a, "%s(in.0 + %.9g, in.1 + %.9g)", noises[n], dx, dy), AXES), others);
            for (int i = 0; i < MANY; i++)
                sum += ((double)values[i] - (double)others[i]) * ((double)values[i] - (double)others[i]);
            least = fmin(least, sum);
            most = fmax(most, sum);
        }
        if (getenv("SINTER_PRINT"))
            printf("%s: %.3f\n", noises[n], most / least);
        if (most > 1.1 * least)
            fail_msg("%s: differences in one direction are %.3f times those in another", noises[n], most / least);
    }
    arena_free(a);
}

static void smooth_noises_have_no_jumps(void **state)
{
    (void)state;
    static const char *const noises[] = {"gnoise", "snoise", "vnoise", "cellular"};
    static const char *const periods[] = {"", ", period=1", ", period=3", ", period=8"};
    const float step = 0x1p-8f;
    struct arena *a = arena_of_test();
    for (int n = 0; n < 4; n++)
        for (int dims = 1; dims <= AXES; dims++)
            for (int t = 0; t < (dims > 2 ? 3 : 4); t++) {
                struct probe *p = noise(a, noises[n], dims, periods[t]);
                uint64_t random = 3;
                for (int c = 0; c < AXES; c++)
                    for (int i = 0; i < MANY; i++)
                        points[c][i] = (float)(int)(test_random(&random) >> 16) * 0x1p-12f - 8;
                run(p, values);
                for (int c = 0; c < dims; c++)
                    for (int i = 0; i < MANY; i++)
                        points[c][i] += step / sqrtf((float)dims);
                run(p, others);
                for (int i = 0; i < MANY; i++)
                    if (!(fabsf(values[i] - others[i]) <= 8 * step))
                        fail_msg("%s in %d dimensions%s jumps from %g to %g near %g %g %g %g", noises[n], dims,
                                 periods[t], (double)values[i], (double)others[i], (double)points[0][i],
                                 (double)points[1][i], (double)points[2][i], (double)points[3][i]);
            }
    arena_free(a);
}

/* --- seams */

static void periods_tile_to_the_bit(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int dims;
        const char *rest;
        float width[AXES];
    } tilings[] = {
        {"gnoise", 2, ", period=8", {8, 8}},
        {"snoise", 1, ", period=7", {7}},
        {"snoise", 2, ", period=1", {1, 1}},
        {"snoise", 2, ", period=8", {8, 8}},
        {"snoise", 2, ", period=vec2(5, 12), seed=3", {5, 12}},
        {"snoise", 3, ", period=vec3(4, 3, 6)", {4, 3, 6}},
        {"snoise", 4, ", period=3", {3, 3, 3, 3}},
        {"vnoise", 1, ", period=7", {7}},
        {"vnoise", 2, ", period=vec2(5, 12), seed=3", {5, 12}},
        {"vnoise", 3, ", period=4", {4, 4, 4}},
        {"vnoise", 4, ", period=3", {3, 3, 3, 3}},
        {"wnoise", 2, ", period=vec2(5, 12), seed=3", {5, 12}},
        {"wnoise", 4, ", period=3", {3, 3, 3, 3}},
        {"cellular", 1, ", period=5", {5}},
        {"cellular", 2, ", period=vec2(5, 12), seed=3", {5, 12}},
        {"cellular", 2, ", period=2, returns='f2-f1'", {2, 2}},
        {"cellular", 2, ", period=3, returns='edge'", {3, 3}},
        {"cellular", 2, ", period=4, returns='value'", {4, 4}},
        {"cellular", 3, ", period=3", {3, 3, 3}},
        {"cellular", 3, ", period=3, returns='id'", {3, 3, 3}},
        {"fractal", 2, ", period=5", {5, 5}},
        {"fractal", 2, ", period=vec2(5, 3), lacunarity=1.7, noise='snoise'", {5, 3}},
        {"fractal", 3, ", period=4, lacunarity=2.3, noise='vnoise', octaves=3", {4, 4, 4}},
        {"fractal", 2, ", period=4, noise='cellular'", {4, 4}},
        {"ridged", 2, ", period=4, lacunarity=1.9", {4, 4}},
        {"billow", 2, ", period=4", {4, 4}},
        {"turbulence", 1, ", period=4", {4}},
    };
    struct arena *a = arena_of_test();
    for (size_t t = 0; t < sizeof tilings / sizeof *tilings; t++) {
        struct probe *p = noise(a, tilings[t].name, tilings[t].dims, tilings[t].rest);
        uint64_t random = 9;
        for (int axis = 0; axis < tilings[t].dims; axis++) {
            for (int c = 0; c < AXES; c++) /* multiples of 2^-10: adding a period to them is exact */
                for (int i = 0; i < MANY; i++)
                    points[c][i] =
                        i & 2 ? (float)(i % 23 - 7) : (float)(int)(test_random(&random) >> 18) * 0x1p-10f - 8;
            run(p, values);
            for (int i = 0; i < MANY; i++)
                points[axis][i] += tilings[t].width[axis] * (float)(1 + i % 3);
            run(p, others);
            if (memcmp(values, others, sizeof values))
                fail_msg("%s%s does not tile along axis %d", tilings[t].name, tilings[t].rest, axis);
        }
    }
    struct probe *p = probe_expr(a, "curl(in.0, in.1, period=6).x", 2);
    for (int i = 0; i < 200; i++)
        assert_true(probe_at(p, (float)i / 16, 0.75f, 0) == probe_at(p, (float)i / 16 + 6, 12.75f, 0));
    arena_free(a);
}

static void period_zero_is_no_period(void **state)
{
    (void)state;
    static const char *const noises[] = {"vnoise", "wnoise", "cellular", "fractal"};
    struct arena *a = arena_of_test();
    fill_points(500);
    for (int n = 0; n < 4; n++)
        for (int dims = 1; dims <= 3; dims++) {
            run(noise(a, noises[n], dims, ""), values);
            run(noise(a, noises[n], dims, ", period=0"), others);
            assert_memory_equal(values, others, sizeof values);
        }
    for (int dims = 1; dims <= 3; dims++) { /* the skew is found in another precision */
        run(noise(a, "snoise", dims, ""), values);
        run(noise(a, "snoise", dims, ", period=0"), others);
        for (int i = 0; i < MANY; i++)
            assert_true(fabsf(values[i] - others[i]) < 2e-3f);
    }
    arena_free(a);
}

/* --- sums of octaves */

static double shaped(double n, int type)
{
    switch (type) {
    case 1:
        return 1 - 2 * fabs(n);
    case 2:
        return 2 * fabs(n) - 1;
    case 3:
        return fabs(n);
    case 4: { /* the triangle wave of 2 (n + 1) */
        double t = fmod(2 * (n + 1), 2);
        return 2 * (t < 1 ? t : 2 - t) - 1;
    }
    default:
        return n;
    }
}

static const char *const types[] = {"fbm", "ridged", "billow", "turbulence", "pingpong"};
static const char *const noises_of_fractals[] = {"gnoise", "snoise", "vnoise", "cellular"};

static void fractal_is_the_sum_of_its_octaves(void **state)
{
    (void)state;
    enum { OCTAVES = 4 };
    const double lacunarity = 1.75, gain = 0.625;
    struct arena *a = arena_of_test();
    for (int type = 0; type < 5; type++)
        for (int n = 0; n < 4; n++)
            for (int dims = 1; dims <= 3; dims++) {
                double weighted = dims == 2 ? 0.75 : 0;
                bool normalize = n != 1;
                struct probe *octaves[OCTAVES];
                struct probe *p =
                    noise(a, "fractal", dims,
                          arena_printf(a,
                                       ", type='%s', noise='%s', octaves=4, lacunarity=1.75, gain=0.625, weighted=%g, "
                                       "normalize=%d, seed=40",
                                       types[type], noises_of_fractals[n], weighted, normalize));
                for (int i = 0; i < OCTAVES; i++)
                    octaves[i] = noise(a, noises_of_fractals[n], dims, arena_printf(a, ", seed=%d", 40 + i));
                for (int k = 0; k < 40; k++) {
                    float x[AXES] = {(float)k * 0.375f - 7, 5 - (float)k * 0.25f, (float)k * 0.125f, 0};
                    double sum = 0, amplitude = 1, total = 0;
                    for (int i = 0; i < OCTAVES; i++) {
                        float scaled[AXES];
                        for (int c = 0; c < AXES; c++)
                            scaled[c] = x[c] * (float)pow(lacunarity, i);
                        double v = shaped((double)at(octaves[i], scaled), type);
                        sum += amplitude * v;
                        total += pow(gain, i);
                        amplitude *= gain * (1 + weighted * ((v + 1) / 2 - 1));
                    }
                    sum /= normalize ? total : 1;
                    if (fabs((double)at(p, x) - sum) > 1e-5)
                        fail_msg("%s of %s in %d dimensions: %.9g, not %.9g", types[type], noises_of_fractals[n], dims,
                                 (double)at(p, x), sum);
                }
            }
    arena_free(a);
}

static void ridged_billow_and_turbulence_are_types_of_fractal(void **state)
{
    (void)state;
    struct arena *a = arena_of_test();
    for (int type = 1; type <= 3; type++) {
        struct probe *p = noise(a, types[type], 2, ", octaves=3, seed=4");
        struct probe *q = noise(a, "fractal", 2, arena_printf(a, ", type='%s', octaves=3, seed=4", types[type]));
        for (int k = 0; k < 100; k++)
            assert_true(probe_at(p, (float)k * 0.37f, 3, 0) == probe_at(q, (float)k * 0.37f, 3, 0));
    }
    arena_free(a);
}

static void warp_moves_by_noise(void **state)
{
    (void)state;
    struct arena *a = arena_of_test();
    struct probe *x = probe_expr(a, "warp(in.0, in.1, amplitude=0.25, frequency=3, octaves=2, seed=7).x", 2);
    struct probe *by_hand = probe_expr(a, "in.0 + 0.25*fractal(in.0*3, in.1*3, octaves=2, seed=7)", 2);
    struct probe *still = probe_expr(a, "warp(in.0, in.1, amplitude=0).y", 2);
    struct probe *flat = probe_expr(a, "warp(in.0, in.1).z", 2);
    for (int k = 0; k < 100; k++) {
        float u = (float)k * 0.37f - 5, v = 3 - (float)k * 0.11f;
        assert_true(fabsf(probe_at(x, u, v, 0) - probe_at(by_hand, u, v, 0)) < 1e-5f);
        assert_true(probe_at(still, u, v, 0) == v && probe_at(flat, u, v, 0) == 0);
    }
    fill_points(500);
    for (int axis = 0; axis < 2; axis++) { /* the axes move apart */
        const char *port = axis ? "y" : "z";
        run(probe_expr(a, "warp(in.0, in.1, in.2).x - in.0", 4), values);
        run(probe_expr(a, arena_printf(a, "warp(in.0, in.1, in.2).%s - in.%d", port, axis ? 1 : 2), 4), others);
        assert_true(fabs(correlation(values, others)) < 0.025);
    }
    arena_free(a);
}

static void curl_is_that_of_gnoise(void **state)
{
    (void)state;
    const float step = 0x1p-7f;
    struct arena *a = arena_of_test();
    struct probe *n = probe_expr(a, "gnoise(in.0, in.1, seed=3)", 2);
    struct probe *cx = probe_expr(a, "curl(in.0, in.1, seed=3).x", 2);
    struct probe *cy = probe_expr(a, "curl(in.0, in.1, seed=3).y", 2);
    for (int k = 0; k < 500; k++) {
        float x = (float)k * 0.37f - 90, y = 30 - (float)k * 0.21f;
        float dx = (probe_at(n, x + step, y, 0) - probe_at(n, x - step, y, 0)) / (2 * step);
        float dy = (probe_at(n, x, y + step, 0) - probe_at(n, x, y - step, 0)) / (2 * step);
        assert_true(fabsf(probe_at(cx, x, y, 0) - dy) < 5e-3f && fabsf(probe_at(cy, x, y, 0) + dx) < 5e-3f);
    }
    arena_free(a);
}

/* --- any coordinate */

/* NaN of NaN, but for what belongs to cells; otherwise a finite value up to 10^10, and never an infinity. */
static void noises_of_any_float_are_defined(void **state)
{
    (void)state;
    static const char *const nodes[] = {
        "snoise(in.0, in.1)",
        "snoise(in.0, in.1, in.2, period=4)",
        "vnoise(in.0, in.1)",
        "wnoise(in.0, in.1, period=9)",
        "cellular(in.0, in.1)",
        "cellular(in.0, in.1, in.2, returns='f2-f1')*0.3",
        "cellular(in.0, in.1, returns='edge')",
        "cellular(in.0, in.1, returns='value', period=3)",
        "fractal(in.0, in.1)",
        "fractal(in.0, in.1, noise='snoise', period=4)",
        "curl(in.0, in.1).x*0.1",
        "worley2(in.0, in.1)",
        "worley3(in.0, in.1, in.2)",
        "value2(in.0, in.1)",
        "value3(in.0, in.1, in.2)",
        "gnoise(in.2, in.2, period=in.0)",
        "snoise(in.2, in.2, period=in.0)",
        "cellular(in.2, in.2, period=in.0, jitter=in.1)*0.5",
        "fractal(in.2, in.2, gain=min(max(in.0, -1), 1), lacunarity=min(max(in.1, -9), 9))",
    };
    static const float odd[] = {0, -0.0f, 1e-40f, 0.5f, 1e9f, -1e9f, 3e9f, 1e20f, -1e30f, INFINITY, -INFINITY, NAN};
    enum { ODD = sizeof odd / sizeof *odd };
    struct arena *a = arena_of_test();
    for (size_t n = 0; n < sizeof nodes / sizeof *nodes; n++) {
        struct probe *p = probe_expr(a, nodes[n], 3);
        for (int i = 0; i < ODD * ODD; i++) {
            float x = odd[i % ODD], y = odd[i / ODD], got = probe_at(p, x, y, 0.75f);
            bool ordinary = isfinite(x) && isfinite(y) && fabsf(x) < 1e10f && fabsf(y) < 1e10f;
            if (isinf(got) || (ordinary && !(fabsf(got) <= 1.6f)))
                fail_msg("%s at %g %g: %g", nodes[n], (double)x, (double)y, (double)got);
        }
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worley_and_value_noise_are_those_of_resin),
        cmocka_unit_test(noises_have_mean_zero_and_fill_their_range_unclipped),
        cmocka_unit_test(seeds_have_nothing_in_common),
        cmocka_unit_test(noises_do_not_repeat_nearby),
        cmocka_unit_test(hashes_have_no_streaks),
        cmocka_unit_test(noises_look_alike_in_all_directions),
        cmocka_unit_test(smooth_noises_have_no_jumps),
        cmocka_unit_test(periods_tile_to_the_bit),
        cmocka_unit_test(period_zero_is_no_period),
        cmocka_unit_test(fractal_is_the_sum_of_its_octaves),
        cmocka_unit_test(ridged_billow_and_turbulence_are_types_of_fractal),
        cmocka_unit_test(warp_moves_by_noise),
        cmocka_unit_test(curl_is_that_of_gnoise),
        cmocka_unit_test(noises_of_any_float_are_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
