/* See null_test.h. */
#include "tests/support/null_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/rig.h"

struct arena *null_arena;
float null_in[2][NULL_LONG], null_out[NULL_CHANNELS][NULL_LONG];
double null_model[NULL_CHANNELS][NULL_LONG];
double null_latency;
static struct engine *engine;

int null_start(void **state)
{
    struct engine_config config = engine_config_default();
    struct fault fault;
    (void)state;
    null_arena = arena_new((size_t)64 << 20);
    if (!null_arena || ARENA_GUARD(null_arena))
        return -1;
    fault_init(&fault, null_arena);
    config.tier = TIER_INTERP;
    config.target = TARGET_NONE;
    config.store_dir = NULL;
    config.compilers = 0;
    fp_state_enter();
    null_signal();
    return engine_new(&config, &engine, &fault) == STATUS_OK ? 0 : -1;
}

int null_stop(void **state)
{
    (void)state;
    engine_free(engine);
    arena_free(null_arena);
    return 0;
}

void null_signal(void)
{
    uint64_t seed = 5;
    for (int i = 0; i < NULL_LONG; i++)
        for (int c = 0; c < 2; c++) {
            double loud = 0.5 + 0.5 * sin(i * (0.0007 + 0.0003 * c));
            null_in[c][i] = (float)(loud * loud * (test_random(&seed) / 2147483648.0 - 1));
        }
}

void null_run(const char *text, uint32_t channels)
{
    struct rig rig;
    struct fault fault;
    const float *from[2] = {null_in[0], null_in[1]};
    float *to[NULL_CHANNELS];
    fault_init(&fault, null_arena);
    if (rig_open(engine, text, (struct layout){GRAPH_AUDIO, channels}, false, &rig, &fault) != STATUS_OK)
        fail_msg("%s\n%s: %s", text, fault.items[0].pointer, fault.items[0].detail);
    null_latency = rig.program->lowered.latency;
    assert_true(rig.program->ir->n_outputs <= NULL_CHANNELS);
    for (int c = 0; c < NULL_CHANNELS; c++)
        to[c] = null_out[c];
    rig_run(&rig, false, from, to, 0, NULL_LONG, 1);
    rig_close(&rig);
}

void null_run_ports(const char *node, const char *ports)
{
    null_run(arena_printf(null_arena, "{\"version\":1,\"nodes\":{\"a\":%s},\"output\":[%s]}", node, ports), 2);
}

void null_must(const char *what, int channel, double tolerance)
{
    double worst = 0, peak = 0;
    int at = 0;
    for (int i = 0; i < NULL_LONG; i++) {
        double error = fabs((double)null_out[channel][i] - null_model[channel][i]);
        if (isnan(error))
            fail_msg("%s, output %d: sample %d is not a number", what, channel, i);
        if (error > worst) {
            worst = error;
            at = i;
        }
        peak = fmax(peak, fabs(null_model[channel][i]));
    }
    if (getenv("TEST_VERBOSE"))
        printf("%s, output %d: error %.2g of %.2g\n", what, channel, worst, peak);
    if (!(peak > 1e-3))
        fail_msg("%s, output %d: the model is silent", what, channel);
    if (!(worst <= tolerance))
        fail_msg("%s, output %d: sample %d is %.9g, not %.9g (error %g, allowed %g)", what, channel, at,
                 (double)null_out[channel][at], null_model[channel][at], worst, tolerance);
}
