/* labels: core */
/* Noises: golden values, an independent Perlin noise in plain C, and the statistics and seams of gnoise. */
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/permutation.h"
#include "tests/support/probe.h"

enum { MANY = 1 << 17 };

static void goldens_are_kept(void **state)
{
    (void)state;
    static const char *const nodes[] = {"perlin2(in.0, in.1)", "perlin3(in.0, in.1, in.2)", "simplex2(in.0, in.1)",
                                        "simplex3(in.0, in.1, in.2)"};
    static const struct {
        float x, y, z;
        float value[4];
    } golden[] = {
        {.5f, .5f, .5f, {.25f, .375f, .0392652154f, .5f}},
        {.1f, .2f, .3f, {.617221892f, .675614595f, .917913377f, .890429676f}},
        {-1.25f, 3.75f, -.6f, {.805399895f, .710969031f, 1, .77518791f}},
        {12.34f, -56.78f, 9.1f, {.292333364f, .294051111f, .887632608f, .653859854f}},
        {4.4f, 4.8f, 1.7f, {.0157189667f, .239997268f, .294424713f, .760288537f}},
    };
    struct arena *a = test_arena();
    for (int n = 0; n < 4; n++) {
        struct probe *p = probe_expr(a, nodes[n], 3);
        for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
            float got = probe_at(p, golden[i].x, golden[i].y, golden[i].z);
            if (fabsf(got - golden[i].value[n]) > 1e-6f)
                fail_msg("%s at row %zu: %.9g, not %.9g", nodes[n], i, (double)got, (double)golden[i].value[n]);
        }
    }
    arena_free(a);
}

static void classic_noise_has_its_published_values(void **state)
{
    (void)state;
    static const struct {
        float p[3];
        double value;
    } points[] = {{{3.14f, 42, 7}, 0.13691995878400012},
                  {{1.25f, 2.5f, 3.75f}, -0.038363456726074219},
                  {{-1.3f, -2.7f, -3.1f}, 0.4124107269041658}};
    struct arena *a = test_arena();
    struct probe *p = probe_expr(a, "classic(in.0, in.1, in.2)", 3);
    for (int i = 0; i < 3; i++)
        assert_true(fabs((double)probe_at(p, points[i].p[0], points[i].p[1], points[i].p[2]) - points[i].value) < 1e-6);
    arena_free(a);
}

/* Perlin noise as the page describes it, in double. */
static double fade(double t)
{
    return ((6 * t - 15) * t + 10) * t * t * t;
}

static double gradient(int hash, double x, double y)
{
    double u = (hash & 7) < 4 ? x : y, v = (hash & 7) < 4 ? y : x;
    return (hash & 1 ? -u : u) + (hash & 2 ? -2 * v : 2 * v);
}

static double reference_perlin2(double x, double y, int seed)
{
    int i = (int)floor(x), j = (int)floor(y);
    double n[2][2], fx = x - i, fy = y - j;
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++)
            n[a][b] = gradient(perm(perm(i + a, seed) + j + b, seed), fx - a, fy - b);
    double low = n[0][0] + fade(fx) * (n[1][0] - n[0][0]), high = n[0][1] + fade(fx) * (n[1][1] - n[0][1]);
    return fmin(fmax((low + fade(fy) * (high - low)) / 2 + 0.5, 0), 1);
}

static void perlin2_is_that_of_the_page(void **state)
{
    (void)state;
    static const char sha256[] = "3682c3d0020436c45462995a4f64438c144bbfeba725b00de5906ab322b6b915";
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof digest + 1];
    crypto_hash_sha256(digest, permutation, sizeof permutation);
    assert_string_equal(sodium_bin2hex(hex, sizeof hex, digest, sizeof digest), sha256);
    static const int seeds[] = {0, 1, 7, 255, 256, -3, 100000};
    struct arena *a = test_arena();
    uint64_t random = 5;
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
        struct probe *p = probe_expr(a, arena_printf(a, "perlin2(in.0, in.1, seed=%d)", seeds[s]), 2);
        for (int i = 0; i < 2500; i++) {
            float x = (float)(test_random(&random) * 0x1p-32 * 600 - 300),
                  y = (float)(test_random(&random) * 0x1p-32 * 600 - 300);
            double got = (double)probe_at(p, x, y, 0), want = reference_perlin2((double)x, (double)y, seeds[s]);
            if (fabs(got - want) > 2e-6)
                fail_msg("seed %d at %.9g %.9g: %.9g, not %.9g", seeds[s], (double)x, (double)y, got, want);
        }
    }
    arena_free(a);
}

static void fbm_sums_octaves(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct probe *two = probe_expr(a, "fbm2(in.0, in.1)", 2),
                 *three = probe_expr(a, "fbm3(in.0, in.1, in.2, octaves=2)", 3);
    struct probe *by_hand = probe_expr(a, "(perlin3(in.0, in.1, in.2) + 0.5*perlin3(2*in.0, 2*in.1, 2*in.2))/1.5", 3);
    for (int i = 0; i < 300; i++) {
        float x = (float)i * 0.37f - 40, y = 30 - (float)i * 0.21f, z = (float)i * 0.11f;
        double sum = 0, total = 0;
        for (int o = 0; o < 4; o++) {
            sum += reference_perlin2(ldexp((double)x, o), ldexp((double)y, o), 0) / (1 << o);
            total += 1.0 / (1 << o);
        }
        assert_true(fabs((double)probe_at(two, x, y, 0) - sum / total) < 4e-6);
        assert_true(fabsf(probe_at(three, x, y, z) - probe_at(by_hand, x, y, z)) < 1e-6f);
    }
    arena_free(a);
}

static void names_of_one_noise_agree(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"noise(in.0, in.1)", "perlin2(in.0, in.1)"},
                                           {"perlin(in.0, in.1)", "perlin2(in.0, in.1)"},
                                           {"simplex(in.0, in.1)", "simplex2(in.0, in.1)"},
                                           {"fbm(in.0, in.1)", "fbm2(in.0, in.1, octaves=4)"}};
    struct arena *a = test_arena();
    for (int i = 0; i < 4; i++)
        assert_true(probe_at(probe_expr(a, pairs[i][0], 2), 1.3f, -2.6f, 0) ==
                    probe_at(probe_expr(a, pairs[i][1], 2), 1.3f, -2.6f, 0));
    arena_free(a);
}

/* --- gnoise */

static struct probe *gnoise(struct arena *a, int dims, const char *rest)
{
    static const char *const operands[] = {"in.0", "in.0, in.1", "in.0, in.1, in.2", "in.0, in.1, in.2, in.3"};
    return probe_expr(a, arena_printf(a, "gnoise(%s%s)", operands[dims - 1], rest), 4);
}

static float points[4][MANY], values[MANY], others[MANY];

static void fill_points(double range)
{
    uint64_t random = 11;
    for (int c = 0; c < 4; c++)
        for (int i = 0; i < MANY; i++)
            points[c][i] = (float)((test_random(&random) * 0x1p-32 - 0.5) * 2 * range);
}

static void run(const struct probe *p, float *out)
{
    probe_run(p, (const float *const[]){points[0], points[1], points[2], points[3]}, (float *const[]){out, NULL}, MANY);
}

static double correlation(const float *x, const float *y)
{
    double xy = 0, xx = 0, yy = 0;
    for (int i = 0; i < MANY; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return xy / sqrt(xx * yy);
}

static void gnoise_has_mean_zero_and_fills_its_range(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    fill_points(30000);
    for (int dims = 1; dims <= 4; dims++) {
        double sum = 0, squares = 0, least = 9, most = -9;
        run(gnoise(a, dims, ""), values);
        for (int i = 0; i < MANY; i++) {
            sum += (double)values[i];
            squares += (double)values[i] * (double)values[i];
            least = fmin(least, (double)values[i]);
            most = fmax(most, (double)values[i]);
        }
        if (!(fabs(sum / MANY) < 0.003 && least < -0.75 && most > 0.75 && least >= -1.05 && most <= 1.05))
            fail_msg("%d dimensions: mean %g, range %g .. %g", dims, sum / MANY, least, most);
        assert_in_range((int)(100 * sqrt(squares / MANY)), 20, 36);
    }
    arena_free(a);
}

static void gnoise_of_one_or_two_dimensions_never_leaves_the_range(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (int round = 0; round < 8; round++) {
        fill_points(1000 + 7 * round);
        for (int dims = 1; dims <= 2; dims++) {
            run(gnoise(a, dims, ""), values);
            for (int i = 0; i < MANY; i++)
                assert_true(fabsf(values[i]) <= 1);
        }
    }
    arena_free(a);
}

static void gnoise_seeds_have_nothing_in_common(void **state)
{
    (void)state;
    static const char *const seeds[] = {", seed=1",  ", seed=2",     ", seed=3",
                                        ", seed=-1", ", seed=65536", ", seed=2000000000"};
    struct arena *a = test_arena();
    fill_points(200);
    for (int dims = 1; dims <= 4; dims++) {
        run(gnoise(a, dims, ""), values);
        for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
            double r;
            run(gnoise(a, dims, seeds[s]), others);
            r = correlation(values, others);
            if (fabs(r) > (dims == 1 ? 0.15 : 0.02)) /* a line of 400 cells is a small sample */
                fail_msg("%d dimensions,%s: correlation %.4f with seed 0", dims, seeds[s], r);
        }
    }
    arena_free(a);
}

/* A seed must not move the noise by whole cells, nor the noise resemble itself a few cells on. */
static void gnoise_does_not_repeat_nearby(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    fill_points(200);
    run(gnoise(a, 2, ""), values);
    for (int seed = 0; seed <= 1; seed++)
        for (int dy = -3; dy <= 3; dy++)
            for (int dx = -3; dx <= 3; dx++) {
                if (!seed && abs(dx) < 2 && abs(dy) < 2)
                    continue; /* cells that share a corner */
                struct probe *p =
                    probe_expr(a, arena_printf(a, "gnoise(in.0 + %d, in.1 + %d, seed=%d)", dx, dy, seed), 4);
                run(p, others);
                double r = correlation(values, others);
                if (fabs(r) > 0.02)
                    fail_msg("seed %d, %d cells right, %d down: correlation %.4f", seed, dx, dy, r);
            }
    arena_free(a);
}

static void gnoise_tiles_without_a_seam(void **state)
{
    (void)state;
    static const struct {
        int dims;
        const char *rest;
        float width[4];
    } tilings[] = {{1, ", period=7", {7}},
                   {2, ", period=8", {8, 8}},
                   {2, ", period=vec2(5, 12), seed=3", {5, 12}},
                   {3, ", period=vec3(4, 3, 6)", {4, 3, 6}},
                   {4, ", period=3", {3, 3, 3, 3}}};
    struct arena *a = test_arena();
    for (size_t t = 0; t < sizeof tilings / sizeof *tilings; t++) {
        struct probe *p = gnoise(a, tilings[t].dims, tilings[t].rest);
        uint64_t random = 9;
        for (int axis = 0; axis < tilings[t].dims; axis++) {
            for (int c = 0; c < 4; c++) /* multiples of 2^-10: adding a period to them is exact */
                for (int i = 0; i < MANY; i++)
                    points[c][i] = (float)(int)(test_random(&random) >> 18) * 0x1p-10f - 8 * (float)(i & 1);
            run(p, values);
            for (int i = 0; i < MANY; i++)
                points[axis][i] += tilings[t].width[axis] * (float)(1 + i % 3);
            run(p, others);
            assert_memory_equal(values, others, sizeof values);
        }
    }
    arena_free(a);
}

static void gnoise_of_period_zero_is_gnoise(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    fill_points(500);
    run(gnoise(a, 2, ""), values);
    run(gnoise(a, 2, ", period=0"), others);
    assert_memory_equal(values, others, sizeof values);
    run(gnoise(a, 2, ", period=1048576"), others); /* wider than the sample: only negative cells wrap */
    for (int i = 0; i < MANY; i++)
        if (points[0][i] >= 0 && points[1][i] >= 0)
            assert_true(values[i] == others[i]);
    arena_free(a);
}

/* No point of no coordinate may do more than give a value: NaN of NaN, else a finite one. */
static void noises_of_any_float_are_defined(void **state)
{
    (void)state;
    static const char *const nodes[] = {"perlin2(in.0, in.1)",
                                        "perlin3(in.0, in.1, in.2)",
                                        "simplex2(in.0, in.1)",
                                        "simplex3(in.0, in.1, in.2)",
                                        "classic(in.0, in.1, in.2)",
                                        "gnoise(in.0, in.1)",
                                        "gnoise(in.0, in.1, in.2, period=4)"};
    static const float odd[] = {0, -0.0f, 1e-40f, 1e9f, -1e9f, 3e9f, 1e20f, -1e30f, INFINITY, -INFINITY, NAN};
    enum { ODD = sizeof odd / sizeof *odd };
    struct arena *a = test_arena();
    for (size_t n = 0; n < sizeof nodes / sizeof *nodes; n++) {
        struct probe *p = probe_expr(a, nodes[n], 3);
        for (int i = 0; i < ODD * ODD; i++) {
            float x = odd[i % ODD], y = odd[i / ODD], got = probe_at(p, x, y, 0.5f);
            if (isfinite(x) && isfinite(y) && fabsf(x) < 1e10f && fabsf(y) < 1e10f && !(fabsf(got) <= 1.1f))
                fail_msg("%s at %g %g: %g", nodes[n], (double)x, (double)y, (double)got);
            assert_true(!isinf(got));
        }
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens_are_kept),
        cmocka_unit_test(classic_noise_has_its_published_values),
        cmocka_unit_test(perlin2_is_that_of_the_page),
        cmocka_unit_test(fbm_sums_octaves),
        cmocka_unit_test(names_of_one_noise_agree),
        cmocka_unit_test(gnoise_has_mean_zero_and_fills_its_range),
        cmocka_unit_test(gnoise_of_one_or_two_dimensions_never_leaves_the_range),
        cmocka_unit_test(gnoise_seeds_have_nothing_in_common),
        cmocka_unit_test(gnoise_does_not_repeat_nearby),
        cmocka_unit_test(gnoise_tiles_without_a_seam),
        cmocka_unit_test(gnoise_of_period_zero_is_gnoise),
        cmocka_unit_test(noises_of_any_float_are_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
