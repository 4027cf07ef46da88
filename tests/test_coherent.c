/* labels: jit */
/* Kernels that remember what came of a cell give the bits of those that do not: noises at every scale, forwards and
 * backwards, bent, cut anywhere, against the interpreter. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/rig.h"
#include "tests/support.h"
#include "tests/support/engines.h"

enum { WIDE = 203, HIGH = 5 };

static const char *const fields[] = {
    "gnoise(x, y)",
    "gnoise(x, y, 0.3)",
    "gnoise(x, y, 0.3, 7)",
    "gnoise(x, y, period=vec2(7, 5))",
    "gnoise(-x, y)",
    "gnoise(x + 0.4*sin(9*x), y)",
    "gnoise(x*x - y, y)",
    "gnoise(x, y) + gnoise(x*3, y, seed=4) + gnoise(x, x)",
    "vnoise(x, y)",
    "vnoise(x)",
    "vnoise(x, y, 2.5)",
    "wnoise(x, y)",
    "curl(x, y).x",
    "cellular(x, y)",
    "snoise(x, y)",
    "perlin2(x, y)",
    "perlin3(x, y, 0.5)",
    "classic(x, y, 0.5)",
    "value2(x, y)",
    "worley2(x, y)",
    "fractal(x, y, octaves=6)",
    "fractal(x, y, octaves=3, noise='vnoise', lacunarity=2.7, period=5)",
    "fbm2(x, y, octaves=5)",
    "fractal(warp(x, y).x, y, octaves=3)",
};

/* Cells a pixel; the signs are directions. */
static const double steps[] = {0, 1e-5, 1.0 / 64, -1.0 / 64, 0.06, 0.13, -0.3, 0.49, 0.5, 0.55, -0.9, 1, 1.7, 40, 1e9};
static const double starts[] = {0, -3.3, 4095.99, 1e9, -1e300, INFINITY, NAN};

static void run(struct rig *r, bool compiled, int from, int count, float *out)
{
    r->context[CONTEXT_PX0] = from;
    r->context[CONTEXT_PY0] = 1;
    rig_run(r, compiled, NULL, (float *[]){out}, WIDE, count, HIGH);
}

/* Tails of every kind: the whole row, one less than a vector, one, and what is left. */
static void compare(struct rig *r, const char *text, const char *engine)
{
    static const int cuts[] = {0, WIDE, 0, 15, 15, 1, 16, 100, 116, WIDE - 116};
    static float want[WIDE * HIGH], got[WIDE * HIGH];
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
        for (size_t o = 0; o < sizeof starts / sizeof *starts; o++) {
            r->context[CONTEXT_X0] = r->context[CONTEXT_Y0] = starts[o];
            r->context[CONTEXT_DX] = r->context[CONTEXT_DY] = steps[s];
            run(r, false, 0, WIDE, want);
            for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c += 2) {
                run(r, true, cuts[c], cuts[c + 1], got);
                for (int y = 0; y < HIGH; y++)
                    if (memcmp(got + y * WIDE, want + y * WIDE + cuts[c], (size_t)cuts[c + 1] * sizeof *got))
                        fail_msg("%s, %s: row %d from column %d, %g cells a pixel from %g", text, engine, y, cuts[c],
                                 steps[s], starts[o]);
            }
        }
}

static void what_is_remembered_has_the_same_bits(void **state)
{
    (void)state;
    for (int e = 1; e < TEST_ENGINES; e++)
        for (size_t i = 0; test_engines[e].engine && i < sizeof fields / sizeof *fields; i++) {
            struct arena *a = arena_new((size_t)1 << 20);
            struct fault fault;
            struct rig r;
            fault_init(&fault, a);
            if (rig_open(test_engines[e].engine, fields[i], (struct layout){.kind = GRAPH_FIELD}, true, &r, &fault) !=
                STATUS_OK)
                fail_msg("%s, %s: %s; %s", fields[i], test_engines[e].name, fault.items[0].detail, test_engines_log());
            compare(&r, fields[i], test_engines[e].name);
            rig_close(&r);
            arena_free(a);
        }
}

int main(void)
{
    if (!test_engines_start()) {
        fprintf(stderr, "an engine does not start: %s\n", test_engines_log());
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_remembered_has_the_same_bits)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_engines_stop();
    return failed;
}
