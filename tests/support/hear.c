/* See hear.h. */
#include "tests/support/hear.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rig.h"

float hear_in[2][HEAR_LONG], hear_out[HEAR_CHANNELS][HEAR_LONG];
double hear_model[HEAR_CHANNELS][HEAR_LONG];
double hear_latency, hear_rate = HEAR_RATE;
struct arena *hear_arena;

static struct engine *engine;

int hear_open(void **state)
{
    struct engine_config config = engine_config_default();
    struct fault fault;
    uint64_t seed = 5;
    (void)state;
    hear_arena = arena_new((size_t)256 << 20);
    fault_init(&fault, hear_arena);
    config.tier = TIER_INTERP;
    config.target = TARGET_NONE;
    config.store_dir = NULL;
    config.compilers = 0;
    for (int i = 0; i < HEAR_LONG; i++)
        for (int c = 0; c < 2; c++)
            hear_in[c][i] = (float)(test_random(&seed) / 2147483648.0 - 1);
    if (engine_new(&config, &engine, &fault) != STATUS_OK)
        return -1;
    fp_state_enter();
    return 0;
}

int hear_open_swelling(void **state)
{
    int r = hear_open(state);
    hear_swell();
    return r;
}

int hear_close(void **state)
{
    (void)state;
    engine_free(engine);
    arena_free(hear_arena);
    return 0;
}

void hear_swell(void)
{
    uint64_t seed = 5;
    for (int i = 0; i < HEAR_LONG; i++)
        for (int c = 0; c < 2; c++) {
            double loud = 0.5 + 0.5 * sin(i * (0.0007 + 0.0003 * c));
            hear_in[c][i] = (float)(loud * loud * (test_random(&seed) / 2147483648.0 - 1));
        }
}

void hear_run(const char *text, uint32_t channels)
{
    struct rig rig;
    struct fault fault;
    const float *from[2] = {hear_in[0], hear_in[1]};
    float *to[HEAR_CHANNELS];
    fault_init(&fault, hear_arena);
    if (rig_open(engine, text, (struct layout){GRAPH_AUDIO, channels}, false, &rig, &fault) != STATUS_OK)
        fail_msg("%s\n%s: %s", text, fault.items[0].pointer, fault.items[0].detail);
    hear_latency = rig.program->lowered.latency;
    assert_true(rig.program->ir->n_outputs <= HEAR_CHANNELS);
    for (int c = 0; c < HEAR_CHANNELS; c++)
        to[c] = hear_out[c];
    rig.context[CONTEXT_RATE] = hear_rate;
    rig_run(&rig, false, from, to, 0, HEAR_LONG, 1);
    rig_close(&rig);
}

void hear_run_ports(const char *node, const char *outputs)
{
    hear_run(arena_printf(hear_arena, "{\"version\":1,\"nodes\":{\"a\":%s},\"output\":[%s]}", node, outputs), 2);
}

void hear_refused(const char *text, const char *part)
{
    struct rig rig;
    struct fault fault;
    fault_init(&fault, hear_arena);
    if (rig_open(engine, text, (struct layout){GRAPH_AUDIO, 2}, false, &rig, &fault) == STATUS_OK) {
        rig_close(&rig);
        fail_msg("%s was taken", text);
    }
    for (size_t i = 0; i < fault.count; i++)
        if (strstr(fault.items[i].detail, part))
            return;
    fail_msg("%s\n%s does not say \"%s\"", text, fault.items[0].detail, part);
}

void hear_null(const char *what, int channel, double tolerance)
{
    double worst = 0, peak = 0;
    int at = 0;
    for (int i = 0; i < HEAR_LONG; i++) {
        double error = fabs((double)hear_out[channel][i] - hear_model[channel][i]);
        if (!(error <= worst)) {
            worst = error;
            at = i;
        }
        peak = fmax(peak, fabs(hear_model[channel][i]));
    }
    if (getenv("TEST_VERBOSE"))
        printf("%s, output %d: error %.2g of %.2g\n", what, channel, worst, peak);
    if (!(peak > 1e-3))
        fail_msg("%s, output %d: the model is silent", what, channel);
    if (!(worst <= tolerance))
        fail_msg("%s, output %d: sample %d is %.9g, not %.9g (error %g, allowed %g)", what, channel, at,
                 (double)hear_out[channel][at], hear_model[channel][at], worst, tolerance);
}

double hear_phase(double freq, int n)
{
    uint32_t step = (uint32_t)(int64_t)rint(freq / HEAR_RATE * 0x1p32);
    return step * (uint32_t)n * 0x1p-32;
}

double hear_power(int channel, int freq)
{
    static double wave[HEAR_RATE]; /* one period of a sine, made once */
    double re = 0, im = 0;
    for (int n = HEAR_RATE - 1; wave[1] == 0 && n >= 0; n--)
        wave[n] = sin(6.283185307179586 * n / HEAR_RATE);
    for (int n = 0; n < HEAR_LONG; n++) {
        int angle = (int)((int64_t)freq * n % HEAR_RATE);
        double x = (1 - wave[(n + HEAR_RATE / 4) % HEAR_RATE]) * (double)hear_out[channel][n];
        re += wave[(angle + HEAR_RATE / 4) % HEAR_RATE] * x;
        im += wave[angle] * x;
    }
    return 4 * (re * re + im * im) / ((double)HEAR_LONG * HEAR_LONG);
}
