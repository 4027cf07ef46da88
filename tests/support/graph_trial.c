/* See graph_trial.h. */
#include "tests/support/graph_trial.h"

#include <stdio.h>
#include <string.h>

enum { CHANNELS = GRAPH_TRIAL_CHANNELS, FRAMES = GRAPH_TRIAL_FRAMES, WIDTH = 75, HEIGHT = 5 };

static float signal[2][FRAMES];
void graph_trials_start(void)
{
    uint64_t seed = 5;
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < FRAMES; i++)
            signal[c][i] = (float)(test_random(&seed) / 2147483648.0 - 1);
    signal[0][500] = 1e-40f;
    signal[1][600] = -0.0f;
}

static void run_audio(struct rig *s, bool compiled, const int *sizes, int n_sizes, struct graph_trial_run *ret)
{
    rig_reset(s);
    for (int at = 0, k = 0, n; at < FRAMES; at += n, k++) {
        const float *in[CHANNELS];
        float *out[CHANNELS];
        n = sizes[k % n_sizes] < FRAMES - at ? sizes[k % n_sizes] : FRAMES - at;
        for (int c = 0; c < CHANNELS; c++) {
            in[c] = signal[c % 2] + at;
            out[c] = ret->out[c] + at;
        }
        rig_run(s, compiled, in, out, 0, n, 1);
    }
}

static void run_field(struct rig *s, bool compiled, int width, struct graph_trial_run *ret)
{
    s->context[CONTEXT_TIME] = 0.75;
    s->context[CONTEXT_Z] = 0.3;
    for (int px = 0; px < WIDTH; px += width) {
        float *out[CHANNELS];
        int n = WIDTH - px < width ? WIDTH - px : width;
        for (int c = 0; c < CHANNELS; c++)
            out[c] = ret->out[c] + px;
        s->context[CONTEXT_PX0] = 480 + px;
        s->context[CONTEXT_PY0] = 510;
        rig_run(s, compiled, NULL, out, WIDTH, n, HEIGHT);
    }
}

static void run(struct rig *s, bool compiled, bool split, struct graph_trial_run *ret)
{
    static const int whole[] = {FRAMES}, pieces[] = {1, 37, 256, 3, 300, 64};
    if (s->program->layout.kind == GRAPH_AUDIO)
        run_audio(s, compiled, split ? pieces : whole, split ? 6 : 1, ret);
    else
        run_field(s, compiled, split ? 17 : WIDTH, ret);
}

/* NULL when this engine agrees with the reference. */
static const char *difference(struct graph_trial *t, int e, bool compiled)
{
    static struct graph_trial_run got;
    static char what[256];
    struct rig *reference = &t->rigs[0], *s = &t->rigs[e];
    bool audio = s->program->layout.kind == GRAPH_AUDIO;
    size_t n = audio ? FRAMES : WIDTH * HEIGHT;
    uint32_t n_out = s->program->ir->n_outputs, a, b;
    if (!t->has_want)
        run(reference, false, false, &t->want);
    t->has_want = true;
    for (int split = 0; split < 2; split++) {
        run(s, compiled, split, &got);
        for (uint32_t c = 0; c < n_out; c++)
            for (size_t i = 0; i < n; i++) {
                memcpy(&a, &t->want.out[c][i], 4);
                memcpy(&b, &got.out[c][i], 4);
                if (a != b) {
                    snprintf(what, sizeof what,
                             "%s %s, %s: output %u, sample %zu is %g (%08x), the reference has %g (%08x)",
                             compiled ? "kernel" : "interpreter", test_engines[e].name, split ? "in pieces" : "whole",
                             c, i, (double)got.out[c][i], b, (double)t->want.out[c][i], a);
                    return what;
                }
            }
        if (audio && memcmp(reference->state, s->state, s->program->plan->state_size)) {
            snprintf(what, sizeof what, "%s %s, %s: another state", compiled ? "kernel" : "interpreter",
                     test_engines[e].name, split ? "in pieces" : "whole");
            return what;
        }
    }
    return NULL;
}

void graph_trial_close(struct graph_trial *t)
{
    for (int e = 0; t->open && e < TEST_ENGINES; e++)
        if (t->tried[e])
            rig_close(&t->rigs[e]);
    arena_free(t->arena);
    t->arena = NULL;
    t->open = false;
}

static void close_first(struct graph_trial *t, int n)
{
    for (int e = 0; e < n; e++)
        if (t->tried[e])
            rig_close(&t->rigs[e]);
}

enum status graph_trial_open(struct graph_trial *t, const char *output, struct fault *fault)
{
    const char *text = graph_random_text(&t->graph, output, t->arena);
    for (int e = 0; e < TEST_ENGINES; e++) {
        if (!t->tried[e])
            continue;
        enum status s = rig_open(test_engines[e].engine, text, t->graph.layout, false, &t->rigs[e], fault);
        if (s != STATUS_OK) {
            close_first(t, e);
            return e ? STATUS_INTERNAL : s;
        }
    }
    t->open = true;
    return STATUS_OK;
}

static bool has_kernels(const struct rig *s)
{
    bool all = s->kernel;
    for (uint32_t i = 0; i < s->program->n_stages; i++)
        all = all && s->stage_kernels[i];
    return all;
}

const char *graph_trial_difference(struct graph_trial *t)
{
    for (int e = 1; e < TEST_ENGINES; e++) {
        if (!t->tried[e])
            continue;
        if (!has_kernels(&t->rigs[e]))
            return "no kernel came back from the compiler";
        const char *what = difference(t, e, false);
        what = what ? what : difference(t, e, true);
        if (what)
            return what;
    }
    return NULL;
}
