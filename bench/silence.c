/* What silence costs: a reverb's tail into a minute of it, timed block by block. A block's own cost is the least of
 * several passes, since whatever else the machine does comes at other blocks in each; the slowest block of a single
 * pass is reported beside it, and the same for noise that never stops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/rig.h"
#include "bench/setting.h"

enum { RATE = 48000, BLOCK = 512, SECONDS = 60, BLOCKS = SECONDS * RATE / BLOCK, LOUD = RATE / BLOCK, PASSES = 9 };

static const struct silence_row {
    const char *name, *text;
    double bar; /* slowest over median */
} rows[] = {
    {"Freeverb, stereo",
     "{\"nodes\":{\"r\":{\"op\":\"freeverb\",\"in\":\"in.0\",\"in_r\":\"in.1\"}},\"output\":[\"r.l\",\"r.r\"]}", 1.3},
    {"feedback delay network of 8",
     "{\"nodes\":{\"r\":{\"op\":\"fdn\",\"in\":\"in.0 + in.1\"}},\"output\":[\"r.l\",\"r.r\"]}", 1.3},
    {"echo and four filters",
     "{\"nodes\":{\"echo\":{\"op\":\"feedback_delay\",\"in\":\"in\",\"time\":0.2},\"f\":{\"op\":\"lowpass\",\"in\":"
     "\"highpass(peak(svf(echo, 900, 4), 300, 2, 6), 40)\",\"freq\":5000}},\"output\":\"f\"}",
     1.3},
};

/* Microseconds of each block; with `silent` noise for a second before them and none in them, else noise throughout. */
static void pass(struct rig *rig, bool silent, double *us)
{
    static _Alignas(64) float noise[2][BLOCK], nothing[BLOCK], out[2][BLOCK];
    const float *loud[2] = {noise[0], noise[1]}, *quiet[2] = {nothing, nothing};
    float *to[2] = {out[0], out[1]};
    uint32_t seed = 1;
    for (int i = 0; i < 2 * BLOCK; i++) {
        seed = seed * 1664525 + 1013904223;
        noise[i / BLOCK][i % BLOCK] = (float)(int32_t)seed * 0x1p-32f;
    }
    rig_reset(rig);
    for (int i = 0; i < LOUD; i++)
        rig_run(rig, true, loud, to, 0, BLOCK, 1);
    for (int i = 0; i < BLOCKS; i++) {
        double start = bench_now();
        rig_run(rig, true, silent ? quiet : loud, to, 0, BLOCK, 1);
        us[i] = (bench_now() - start) * 1e6;
    }
}

struct silence_figures {
    double median, slowest;       /* of blocks, each the least of all passes */
    double p999, single, typical; /* of single passes: 99.9 %, slowest block, median over the passes */
};

static void measure(struct rig *rig, bool silent, struct silence_figures *ret)
{
    double *us = malloc(BLOCKS * sizeof *us), *least = malloc(BLOCKS * sizeof *least), p999[PASSES], single[PASSES],
           typical[PASSES];
    for (int p = 0; p < PASSES; p++) {
        pass(rig, silent, us);
        for (int i = 0; i < BLOCKS; i++)
            least[i] = p == 0 || us[i] < least[i] ? us[i] : least[i];
        typical[p] = bench_median(us, BLOCKS);
        p999[p] = us[(int)(0.999 * BLOCKS)];
        single[p] = us[BLOCKS - 1];
    }
    ret->median = bench_median(least, BLOCKS);
    ret->slowest = least[BLOCKS - 1];
    ret->p999 = bench_median(p999, PASSES);
    ret->single = bench_median(single, PASSES);
    ret->typical = bench_median(typical, PASSES);
    free(us);
    free(least);
}

static void figures(struct bench *b, const struct silence_row *row, struct rig *rig)
{
    struct silence_figures quiet, loud;
    measure(rig, true, &quiet);
    measure(rig, false, &loud);
    bench_figure(b, row->name, quiet.median, "us/block", BAR_NONE, 0);
    bench_figure(b, "  slowest block over the median, silence", quiet.slowest / quiet.median, "ratio", BAR_AT_MOST,
                 row->bar);
    bench_figure(b, "  the same, noise", loud.slowest / loud.median, "ratio", BAR_NONE, 0);
    bench_figure(b, "  silence against noise, medians", quiet.median / loud.median, "ratio", BAR_AT_MOST, 1.1);
    bench_figure(b, "  one pass: 99.9 % over its median, silence", quiet.p999 / quiet.typical, "ratio", BAR_NONE, 0);
    bench_figure(b, "  one pass: 99.9 % over its median, noise", loud.p999 / loud.typical, "ratio", BAR_NONE, 0);
    bench_figure(b, "  one pass: slowest over its median, silence", quiet.single / quiet.typical, "ratio", BAR_NONE, 0);
    bench_figure(b, "  one pass: slowest over its median, noise", loud.single / loud.typical, "ratio", BAR_NONE, 0);
}

void bench_silence(struct bench *b)
{
    struct bench_setting s;
    if (!bench_setting_open(b, &s))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig;
        if (rig_open(s.engine, rows[i].text, (struct layout){GRAPH_AUDIO, 2}, true, &rig, &s.fault) != STATUS_OK) {
            bench_failed(b, rows[i].name, &s.fault);
            continue;
        }
        figures(b, &rows[i], &rig);
        rig_close(&rig);
    }
    bench_setting_close(&s);
}
