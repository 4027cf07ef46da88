/* labels: core */
/* cellular against a search of 7 cells an axis, by a reference of its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/sample.h"

static uint32_t mixed(uint32_t h)
{
    h += 0x3c6ef372u;
    h = (h ^ h >> 16) * 0x7feb352du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    return h ^ h >> 16;
}

enum { NEAREST = 4 };

struct search {
    double f[NEAREST]; /* distances, ascending */
    double edge;
};

static double distance(const double *d, int dims, int metric, double p)
{
    double sum = 0;
    for (int c = 0; c < dims; c++) {
        double side = fabs(d[c]);
        sum = metric < 2    ? sum + side * side
              : metric == 2 ? sum + side
              : metric == 3 ? fmax(sum, side)
                            : sum + pow(side, p);
    }
    return metric == 0 ? sqrt(sum) : metric == 4 ? pow(sum, 1 / p) : sum;
}

static struct search search(const float *x, int dims, uint32_t seed, double jitter, int metric, double p)
{
    static const uint32_t primes[AXES] = {0x9e3779b1u, 0x85ebca77u, 0xc2b2ae3du, 0x27d4eb2fu};
    static double vectors[7 * 7 * 7 * 7][AXES];
    struct search r = {.f = {1e9, 1e9, 1e9, 1e9}, .edge = 1e9};
    int cells = 1, first = 0;
    double nearest = 1e9;
    for (int c = 0; c < dims; c++)
        cells *= 7;
    for (int i = 0; i < cells; i++) {
        uint32_t h = mixed(seed);
        double centre[AXES];
        for (int c = 0, left = i; c < dims; c++, left /= 7) {
            int cell = (int)floor((double)x[c]) + left % 7 - 3;
            h ^= (uint32_t)cell * primes[c];
            centre[c] = cell + 0.5 - (double)x[c];
        }
        uint32_t u[AXES] = {h * 0x2c1b3c6du, h * 0x297a2d39u, h * 0x2c1b3c6du << 16, h * 0x297a2d39u << 16};
        for (int c = 0; c < dims; c++)
            vectors[i][c] = centre[c] + jitter * (int32_t)u[c] * 0x1p-32;
        double d = distance(vectors[i], dims, metric, p), euclid = distance(vectors[i], dims, 0, 2);
        if (euclid < nearest) {
            nearest = euclid;
            first = i;
        }
        for (int k = 0; k < NEAREST; k++)
            if (d < r.f[k]) {
                double swap = r.f[k];
                r.f[k] = d;
                d = swap;
            }
    }
    for (int i = 0; i < cells; i++) {
        double square = 0, between = 0;
        for (int c = 0; c < dims; c++) {
            square += vectors[i][c] * vectors[i][c] - vectors[first][c] * vectors[first][c];
            between += (vectors[i][c] - vectors[first][c]) * (vectors[i][c] - vectors[first][c]);
        }
        if (i != first)
            r.edge = fmin(r.edge, square / (2 * sqrt(between)));
    }
    return r;
}

static const char *const metrics[] = {"euclidean", "euclidean2", "manhattan", "chebyshev", "minkowski"};

static void random_point(uint64_t *random, double range, float x[AXES])
{
    for (int c = 0; c < AXES; c++)
        x[c] = (float)((test_random(random) * 0x1p-32 - 0.5) * range);
}

static void cellular_finds_the_nearest_points(void **state)
{
    (void)state;
    static const char *const returns[] = {"f1", "f2", "f3", "f4"};
    struct arena *a = arena_of_test();
    uint64_t random = 17;
    for (int dims = 1; dims <= 3; dims++)
        for (int metric = 0; metric < 5; metric++)
            for (int k = 0; k < NEAREST; k++) {
                int count = dims == 3 ? (metric < 2 ? 600 : 60) : 3000;
                if (dims == 3 && metric == 4 && k)
                    continue; /* the same code */
                struct probe *p = noise(
                    a, "cellular", dims,
                    arena_printf(a, ", seed=%d, metric='%s', p=2.5, returns='%s'", k, metrics[metric], returns[k]));
                for (int i = 0; i < count; i++) {
                    float x[AXES];
                    random_point(&random, 300, x);
                    double want = search(x, dims, (uint32_t)k, 1, metric, 2.5).f[k], got = (double)at(p, x);
                    if (fabs(got - want) > 4e-5 * (1 + want))
                        fail_msg("%s by %s in %d dimensions at %.9g %.9g %.9g: %.9g, not %.9g", returns[k],
                                 metrics[metric], dims, (double)x[0], (double)x[1], (double)x[2], got, want);
                }
            }
    arena_free(a);
}

/* A million points: a search that is only nearly wide enough errs somewhere. */
static void cellular_misses_no_point_in_many(void **state)
{
    (void)state;
    struct arena *a = arena_of_test();
    struct probe *p = noise(a, "cellular", 2, ""), *q = noise(a, "cellular", 3, "");
    uint64_t random = 23;
    for (int round = 0; round < 4; round++) {
        for (int c = 0; c < AXES; c++)
            for (int i = 0; i < MANY; i++)
                points[c][i] = (float)((test_random(&random) * 0x1p-32 - 0.5) * 300);
        run(p, values);
        run(q, others);
        for (int i = 0; i < MANY; i++) {
            float x[AXES] = {points[0][i], points[1][i], points[2][i], 0};
            double plane = search(x, 2, 0, 1, 0, 2).f[0];
            if (fabs(plane - (double)values[i]) > 4e-5)
                fail_msg("f1 at %.9g %.9g: %.9g, not %.9g", (double)x[0], (double)x[1], (double)values[i], plane);
            if (i % 16)
                continue; /* 343 cells each */
            double space = search(x, 3, 0, 1, 0, 2).f[0];
            if (fabs(space - (double)others[i]) > 4e-5)
                fail_msg("f1 at %.9g %.9g %.9g: %.9g, not %.9g", (double)x[0], (double)x[1], (double)x[2],
                         (double)others[i], space);
        }
    }
    arena_free(a);
}

static void cellular_orders_distances(void **state)
{
    (void)state;
    static const char *const returns[] = {"f1", "f2", "f3", "f4"};
    struct arena *a = arena_of_test();
    fill_points(300);
    for (int dims = 1; dims <= AXES; dims++) {
        memset(others, 0, sizeof others);
        for (int k = 0; k < NEAREST; k++) {
            if (dims == AXES && k > 1)
                continue;
            run(noise(a, "cellular", dims, arena_printf(a, ", returns='%s'", returns[k])), values);
            for (int i = 0; i < MANY; i++)
                assert_true(values[i] >= others[i] - 1e-5f);
            memcpy(others, values, sizeof values);
        }
    }
    arena_free(a);
}

static void cellular_edge_is_the_distance_to_the_border(void **state)
{
    (void)state;
    struct arena *a = arena_of_test();
    uint64_t random = 29;
    for (int dims = 1; dims <= 3; dims++) {
        struct probe *p = noise(a, "cellular", dims, ", returns='edge', jitter=0.9");
        for (int i = 0; i < (dims == 3 ? 300 : 2000); i++) {
            float x[AXES];
            random_point(&random, 200, x);
            double want = search(x, dims, 0, (double)0.9f, 0, 2).edge, got = (double)at(p, x);
            if (fabs(got - want) > 2e-4)
                fail_msg("%d dimensions at %.9g %.9g %.9g: %.9g, not %.9g", dims, (double)x[0], (double)x[1],
                         (double)x[2], got, want);
        }
    }
    arena_free(a);
}

/* value and id are constant over a cell, and change where edge is 0. */
static void cellular_values_belong_to_cells(void **state)
{
    (void)state;
    struct arena *a = arena_of_test();
    struct probe *value = noise(a, "cellular", 2, ", returns='value'"), *id = noise(a, "cellular", 2, ", returns='id'");
    struct probe *edge = noise(a, "cellular", 2, ", returns='edge'");
    uint64_t random = 31;
    for (int i = 0; i < 2000; i++) {
        float x[AXES], y[AXES] = {0};
        random_point(&random, 200, x);
        double angle = i, reach = 0.95 * (double)at(edge, x);
        y[0] = x[0] + (float)(reach * cos(angle));
        y[1] = x[1] + (float)(reach * sin(angle));
        float v = at(value, x), n = at(id, x);
        if (reach < 1e-3)
            continue;
        assert_true(v == at(value, y) && n == at(id, y));
        assert_true(v >= -1 && v <= 1 && n >= 0 && n < 16777216 && n == floorf(n));
    }
    fill_points(3000);
    run(value, values);
    struct statistics s = statistics(values);
    assert_true(fabs(s.mean) < 0.02 && fabs(s.deviation - 1 / sqrt(3)) < 0.01 && s.most > 0.99 && s.least < -0.99);
    arena_free(a);
}

static void cellular_combines_distances(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"cellular(in.0, in.1, returns='f2-f1')", "cellular(in.0, in.1, returns='f2') - cellular(in.0, in.1)"},
        {"cellular(in.0, in.1, returns='f1+f2')", "cellular(in.0, in.1, returns='f2') + cellular(in.0, in.1)"},
        {"cellular(in.0, in.1, returns='f1*f2')", "cellular(in.0, in.1, returns='f2')*cellular(in.0, in.1)"},
        {"cellular(in.0, in.1, metric='euclidean2')", "cellular(in.0, in.1)*cellular(in.0, in.1)"},
        {"cellular(in.0, in.1, metric='minkowski', p=2)", "cellular(in.0, in.1)"},
        {"cellular(in.0, in.1, metric='minkowski', p=1)", "cellular(in.0, in.1, metric='manhattan')"},
        {"cellular(in.0, in.1, jitter=0)", "hypot(fract(in.0) - 0.5, fract(in.1) - 0.5)"}};
    struct arena *a = arena_of_test();
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct probe *p = probe_expr(a, pairs[i][0], 2), *q = probe_expr(a, pairs[i][1], 2);
        for (int k = 0; k < 300; k++) {
            float x = (float)k * 0.37f - 40, y = 30 - (float)k * 0.21f;
            float got = probe_at(p, x, y, 0), want = probe_at(q, x, y, 0);
            if (!(fabsf(got - want) < 1e-5f))
                fail_msg("%s at %g %g: %.9g, not %.9g", pairs[i][0], (double)x, (double)y, (double)got, (double)want);
        }
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cellular_finds_the_nearest_points),
        cmocka_unit_test(cellular_misses_no_point_in_many),
        cmocka_unit_test(cellular_orders_distances),
        cmocka_unit_test(cellular_edge_is_the_distance_to_the_border),
        cmocka_unit_test(cellular_values_belong_to_cells),
        cmocka_unit_test(cellular_combines_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
