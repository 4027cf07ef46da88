/* See parity.h. */
#include "tests/support.h"

#include "tests/support/parity.h"

#include <string.h>

static const float guard = 12345.0f;

float parity_signal[2][PARITY_LONGEST];
float parity_want[PARITY_CHANNELS][PARITY_LONGEST + PARITY_GUARD];
static float got[PARITY_CHANNELS][PARITY_LONGEST + PARITY_GUARD];

static void make_signal(void)
{
    uint64_t seed = 3;
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < PARITY_LONGEST; i++)
            parity_signal[c][i] = (float)(test_random(&seed) / 2147483648.0 - 1);
}

struct parity parity_open(const char *text, uint32_t channels)
{
    struct parity s = {.text = text, .arena = arena_new(1 << 24)};
    struct fault fault;
    for (int e = 0; e < TEST_ENGINES; e++) {
        if (!test_engines[e].engine)
            continue;
        fault_init(&fault, s.arena);
        if (rig_open(test_engines[e].engine, text, (struct layout){GRAPH_AUDIO, channels}, e > 0, &s.rigs[e], &fault) !=
            STATUS_OK)
            fail_msg("%s\n%s: %s: %s %s", text, test_engines[e].name, fault.items[0].pointer, fault.items[0].detail,
                     test_engines_log());
    }
    s.outputs = s.rigs[0].program->ir->n_outputs;
    assert_true(s.outputs <= PARITY_CHANNELS);
    return s;
}

void parity_close(struct parity *s)
{
    for (int e = 0; e < TEST_ENGINES; e++)
        if (test_engines[e].engine)
            rig_close(&s->rigs[e]);
    arena_free(s->arena);
}

void parity_reset(struct parity *s, int64_t n)
{
    for (int e = 0; e < TEST_ENGINES; e++)
        if (test_engines[e].engine) {
            rig_reset(&s->rigs[e]);
            s->rigs[e].n = n;
        }
}

void parity_param(struct parity *s, size_t i, double value)
{
    for (int e = 0; e < TEST_ENGINES; e++)
        if (test_engines[e].engine)
            s->rigs[e].params[i] = value;
}

uint32_t parity_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

void parity_run(struct parity *s, const float *const *in, int n)
{
    for (int e = 0; e < TEST_ENGINES; e++) {
        float *out[PARITY_CHANNELS];
        if (!test_engines[e].engine)
            continue;
        for (uint32_t c = 0; c < s->outputs; c++) {
            out[c] = e ? got[c] : parity_want[c];
            for (int i = n; i < n + PARITY_GUARD; i++)
                out[c][i] = guard;
        }
        rig_run(&s->rigs[e], e > 0, in, out, 0, n, 1);
        for (uint32_t c = 0; c < s->outputs; c++)
            for (int i = 0; i < n + PARITY_GUARD; i++)
                if (parity_bits(out[c][i]) != parity_bits(i < n ? parity_want[c][i] : guard))
                    fail_msg("%s\n%s, %d samples: output %u, sample %d is %g (%08x), not %g (%08x)", s->text,
                             test_engines[e].name, n, c, i, (double)out[c][i], parity_bits(out[c][i]),
                             (double)parity_want[c][i], parity_bits(parity_want[c][i]));
    }
}

void parity_evaluate(const char *text, int n)
{
    const float *in[2] = {parity_signal[0], parity_signal[1]};
    struct parity s = parity_open(text, 2);
    parity_run(&s, in, n);
    parity_close(&s);
}

float parity_value(const char *text, float x, float y)
{
    float a[1] = {x}, b[1] = {y};
    const float *in[2] = {a, b};
    struct parity s = parity_open(text, 2);
    parity_run(&s, in, 1);
    parity_close(&s);
    return parity_want[0][0];
}

int parity_main(const char *name, const struct CMUnitTest *tests, size_t n)
{
    make_signal();
    if (!test_engines_start())
        return 1;
    int failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
    test_engines_stop();
    return failed;
}
