/* The audio benches: whole graphs on one core, nanoseconds a frame, each beside the same thing in Faust where that is
 * installed. Both get noise in blocks of the same length, with denormals off. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/faust.h"
#include "bench/rig.h"
#include "bench/setting.h"

enum { RATE = 48000, FRAMES = 96000, PASSES = 21, CHANNELS_MAX = 2, BLOCK_MAX = 4096, TEXT = 16384 };

struct audio_row {
    const char *name;
    int channels, block;
    double bar; /* ns a frame, or a voice where `voices` is more than one */
    int voices;
    void (*graph)(char *to); /* writes TEXT characters at most */
    const char *faust;
};

static void biquad(char *to)
{
    strcpy(to, "lowpass(in, 1000)");
}

static void eqs(char *to)
{
    int n = sprintf(to, "{\"nodes\":{");
    for (int i = 0; i < 8; i++) {
        char in[16] = "in";
        if (i)
            snprintf(in, sizeof in, "eq%d", i - 1);
        n += sprintf(to + n, "%s\"eq%d\":{\"op\":\"peak\",\"in\":\"%s\",\"freq\":%d,\"q\":1,\"gain_db\":%d}",
                     i ? "," : "", i, in, 60 << i, i % 2 ? 3 : -3);
    }
    sprintf(to + n, "},\"output\":\"eq7\"}");
}

static void freeverb(char *to)
{
    strcpy(to,
           "{\"nodes\":{\"r\":{\"op\":\"freeverb\",\"in\":\"in.0\",\"in_r\":\"in.1\"}},\"output\":[\"r.l\",\"r.r\"]}");
}

/* Strings of 100 Hz and up, each a loop of a whole number of samples and a mean of two. */
static void strings(char *to)
{
    int n = sprintf(to, "{\"nodes\":{");
    for (int i = 0; i < 32; i++)
        n += sprintf(to + n,
                     "%s\"s%d\":{\"op\":\"delay\",\"in\":\"in + 0.498*(s%d + l%d)\",\"time\":\"%d/rate\",\"max\":0.02,"
                     "\"interp\":\"none\"},\"l%d\":{\"op\":\"z1\",\"in\":\"s%d\"}",
                     i ? "," : "", i, i, i, 100 + 11 * i, i, i);
    n += sprintf(to + n, "},\"output\":\"s0");
    for (int i = 1; i < 32; i++)
        n += sprintf(to + n, "+s%d", i);
    sprintf(to + n, "\"}");
}

static void compressor(char *to)
{
    strcpy(to, "{\"nodes\":{\"c\":{\"op\":\"compressor\",\"in\":\"in.0\",\"in_r\":\"in.1\",\"threshold_db\":-20,"
               "\"ratio\":4,\"attack\":0.01,\"release\":0.1}},\"output\":[\"c.l\",\"c.r\"]}");
}

static void swept(char *to)
{
    strcpy(to, "svf(in, freq=1000 + 500*sine(3), q=2)");
}

static void voices(char *to)
{
    int n = sprintf(to, "{\"nodes\":{\"gate\":{\"op\":\"constant\",\"value\":\"fract(t*2) < 0.5\"}");
    for (int i = 0; i < 16; i++)
        n +=
            sprintf(to + n,
                    ",\"o%d\":{\"op\":\"saw\",\"freq\":%d},\"f%d\":{\"op\":\"svf\",\"in\":\"o%d\",\"freq\":%d,\"q\":1},"
                    "\"e%d\":{\"op\":\"adsr\",\"gate\":\"gate\"}",
                    i, 110 + 17 * i, i, i, 800 + 90 * i, i);
    n += sprintf(to + n, "},\"output\":\"f0*e0");
    for (int i = 1; i < 16; i++)
        n += sprintf(to + n, "+f%d*e%d", i, i);
    sprintf(to + n, "\"}");
}

static void drive(char *to)
{
    strcpy(to, "softclip(in, drive=3)");
}

static void sines(char *to)
{
    strcpy(to, "(sine(440) + sine(554))*(0.5 + 0.3*lfo(5))");
}

static void gains(char *to)
{
    strcpy(to, "gain(gain(gain(gain(gain(gain(in, 0.9), 1.1), 0.8), 1.2), 0.7), 1.3)");
}

#define LIBRARY "import(\"stdfaust.lib\");\n"
#define PEAKS "seq(i, 8, fi.peak_eq_cq((i % 2) * 6 - 3, 60 * (1 << i), 1))"

static const struct audio_row rows[] = {
    {"one biquad, mono", 1, BLOCK_MAX, 1.8, 1, biquad, LIBRARY "process = fi.resonlp(1000, 0.7071, 1);"},
    {"8 peak EQs, mono", 1, BLOCK_MAX, 5, 1, eqs, LIBRARY "process = " PEAKS ";"},
    {"8 peak EQs, stereo", 2, BLOCK_MAX, 6.5, 1, eqs, LIBRARY "process = par(c, 2, " PEAKS ");"},
    {"Freeverb, stereo", 2, BLOCK_MAX, 10, 1, freeverb,
     LIBRARY "process(l, r) = (l * 0.015, r * 0.015 : re.stereo_freeverb(0.84, 0.5, 0.2, 23) : *(0.9), *(0.9)),"
             "(l * 0.7, r * 0.7) :> _, _;"},
    {"32 Karplus strings", 1, BLOCK_MAX, 8, 1, strings,
     LIBRARY "string(i) = + ~ (de.delay(1024, 99 + 11 * i) <: _, mem : + : *(0.498));\n"
             "process = _ <: par(i, 32, string(i)) :> _;"},
    {"stereo compressor", 2, BLOCK_MAX, 8, 1, compressor, LIBRARY "process = co.compressor_stereo(4, -20, 0.01, 0.1);"},
    {"SVF, cutoff at audio rate", 1, BLOCK_MAX, 6, 1, swept, LIBRARY "process = fi.svf.lp(1000 + 500 * os.osc(3), 2);"},
    {"saw + SVF + ADSR, a voice of 16", 0, BLOCK_MAX, 1.5, 16, voices,
     LIBRARY "gate = os.lf_squarewavepos(2);\n"
             "voice(i) = os.polyblep_saw(110 + 17 * i) : fi.svf.lp(800 + 90 * i, 1) : *(en.adsr(0.01, 0.1, 0.7, 0.3, "
             "gate));\nprocess = par(i, 16, voice(i)) :> _;"},
    {"tanh drive", 1, BLOCK_MAX, 0.8, 1, drive, LIBRARY "process = *(3) : ma.tanh;"},
    {"two sines and an LFO", 0, BLOCK_MAX, 1.5, 1, sines,
     LIBRARY "process = (os.osc(440) + os.osc(554)) * (0.5 + 0.3 * os.osc(5));"},
    {"gain chain of 6, blocks of 512", 1, 512, 0.08, 1, gains,
     LIBRARY "process = *(0.9) : *(1.1) : *(0.8) : *(1.2) : *(0.7) : *(1.3);"},
};

/* Median nanoseconds a frame over PASSES passes. */
static double time_rig(struct rig *rig, const struct audio_row *row, bool compiled)
{
    static _Alignas(64) float in[CHANNELS_MAX][BLOCK_MAX], out[CHANNELS_MAX][BLOCK_MAX];
    const float *ins[CHANNELS_MAX] = {in[0], in[1]};
    float *outs[CHANNELS_MAX] = {out[0], out[1]};
    double times[PASSES];
    uint32_t seed = 1;
    for (int c = 0; c < CHANNELS_MAX; c++)
        for (int i = 0; i < BLOCK_MAX; i++) {
            seed = seed * 1664525 + 1013904223;
            in[c][i] = (float)(int32_t)seed * 0x1p-32f;
        }
    rig_reset(rig);
    for (int p = 0; p < PASSES; p++) {
        int n = 0;
        double start = bench_now();
        for (; n < FRAMES; n += row->block)
            rig_run(rig, compiled, ins, outs, 0, row->block, 1);
        times[p] = (bench_now() - start) / n;
    }
    return bench_median(times, PASSES) * 1e9;
}

static void figures(struct bench *b, struct rig *rig, const struct audio_row *row, double *ret_sum, int *ret_n)
{
    double voices_of = row->voices, compiled = time_rig(rig, row, true) / voices_of;
    bench_figure(b, row->name, compiled, "ns/frame", BAR_AT_MOST, row->bar);
    bench_figure(b, "  interpreted", time_rig(rig, row, false) / voices_of, "ns/frame", BAR_NONE, 0);
    double peer = faust_ns(row->faust, row->block) / voices_of;
    if (peer <= 0)
        return;
    double again = time_rig(rig, row, true) / voices_of;
    bench_figure(b, "  Faust, the best of its C and LLVM", peer, "ns/frame", BAR_NONE, 0);
    double faster = peer / ((compiled + again) / 2);
    bench_figure(b, "  times faster than Faust", faster, "ratio", BAR_AT_LEAST, 1);
    *ret_sum += log(faster);
    ++*ret_n;
}

void bench_audio(struct bench *b)
{
    struct bench_setting s;
    double sum = 0;
    int n = 0;
    if (!bench_setting_open(b, &s))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static char text[TEXT];
        struct rig rig;
        struct layout layout = {GRAPH_AUDIO, rows[i].channels ? (uint32_t)rows[i].channels : 1};
        rows[i].graph(text);
        if (rig_open(s.engine, text, layout, true, &rig, &s.fault) != STATUS_OK) {
            bench_failed(b, rows[i].name, &s.fault);
            continue;
        }
        figures(b, &rig, &rows[i], &sum, &n);
        rig_close(&rig);
    }
    if (n)
        bench_figure(b, "times faster than Faust, geometric mean", exp(sum / n), "ratio", BAR_AT_LEAST, 3.5);
    bench_setting_close(&s);
}
