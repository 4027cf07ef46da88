/* Benches of single audio kernels on one core, compiled and interpreted, without HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/plain.h"
#include "bench/rig.h"
#include "bench/setting.h"

enum { BATCHES = 31 };

enum { AFFINE = 44100, ROUNDS = 301, REPEATS = 20 };

/* Operations of a kind that run for every sample. */
static int count_sample_ops(const struct ir *ir, enum op first, enum op second, enum op third)
{
    int n = 0;
    for (uint32_t i = 1; i < ir->main.n; i++) {
        enum op op = ir->main.ins[i].op;
        n += ir->main.ins[i].rate == RATE_SAMPLE && (op == first || op == second || op == third);
    }
    return n;
}

static void affine_figures(struct bench *b, struct rig *s, float *in, float *out)
{
    double copy[ROUNDS], kernel[ROUNDS], interp[ROUNDS], plain[ROUNDS];
    const float gain[2] = {0.5f, 2}, offset[2] = {1, -0.5f};
    for (int r = 0; r < ROUNDS; r++) { /* in turn, so that all see the same weather */
        double t0 = bench_now();
        for (int i = 0; i < REPEATS; i++) {
            memcpy(out, in, AFFINE * sizeof *in);
            __asm__ volatile("" ::"r"(out) : "memory");
        }
        double t1 = bench_now();
        for (int i = 0; i < REPEATS; i++)
            rig_run(s, true, (const float *[]){in}, (float *[]){out}, 0, AFFINE, 1);
        double t2 = bench_now();
        for (int i = 0; i < REPEATS; i++)
            plain_affine(in, out, AFFINE, gain, offset);
        double t3 = bench_now();
        for (int i = 0; i < REPEATS; i++)
            rig_run(s, false, (const float *[]){in}, (float *[]){out}, 0, AFFINE, 1);
        double t4 = bench_now();
        copy[r] = (t1 - t0) / REPEATS;
        kernel[r] = (t2 - t1) / REPEATS;
        plain[r] = (t3 - t2) / REPEATS;
        interp[r] = (t4 - t3) / REPEATS;
    }
    double memcpy_s = bench_median(copy, ROUNDS), kernel_s = bench_median(kernel, ROUNDS);
    bench_figure(b, "memcpy of the same buffers", memcpy_s * 1e6, "us", BAR_NONE, 0);
    bench_figure(b, "compiled", kernel_s * 1e6, "us", BAR_NONE, 0);
    bench_figure(b, "compiled against memcpy", kernel_s / memcpy_s, "ratio", BAR_AT_MOST, 1.25);
    bench_figure(b, "interpreted", bench_median(interp, ROUNDS) * 1e6, "us", BAR_NONE, 0);
    bench_figure(b, "plain C loop, -O2", bench_median(plain, ROUNDS) * 1e6, "us", BAR_NONE, 0);
    double rust = plain_rust_affine(AFFINE);
    if (rust > 0)
        bench_figure(b, "plain Rust loop, -O", rust * 1e6, "us", BAR_NONE, 0);
}

void bench_affine(struct bench *b)
{
    struct bench_setting s;
    struct rig rig;
    const char *graph = "offset(gain(offset(gain(in, 0.5), 1), 2), -0.5)";
    if (!bench_setting_open(b, &s))
        return;
    if (rig_open(s.engine, graph, (struct layout){GRAPH_AUDIO, 1}, true, &rig, &s.fault) != STATUS_OK) {
        bench_failed(b, graph, &s.fault);
        bench_setting_close(&s);
        return;
    }
    float *in = aligned_alloc(64, (AFFINE + 16) * sizeof *in), *out = aligned_alloc(64, (AFFINE + 16) * sizeof *out);
    for (int i = 0; i < AFFINE; i++)
        in[i] = (float)i * 1e-3f;
    memset(out, 0, AFFINE * sizeof *out);
    affine_figures(b, &rig, in, out);
    bench_figure(b, "multiply-adds a sample", count_sample_ops(rig.program->ir, OP_FMA_F32, OP_FMA_F32, OP_FMA_F32),
                 "ops", BAR_EXACTLY, 1);
    bench_figure(b, "other arithmetic a sample", count_sample_ops(rig.program->ir, OP_MUL_F32, OP_ADD_F32, OP_SUB_F32),
                 "ops", BAR_EXACTLY, 0);
    free(in);
    free(out);
    rig_close(&rig);
    bench_setting_close(&s);
}

void bench_biquad(struct bench *b)
{
    enum { COUNT = 48000, BLOCK = 4096 };
    struct bench_setting s;
    struct rig rig;
    double times[2][BATCHES];
    if (!bench_setting_open(b, &s))
        return;
    if (rig_open(s.engine, "lowpass(in, 1000)", (struct layout){GRAPH_AUDIO, 1}, true, &rig, &s.fault) != STATUS_OK) {
        bench_failed(b, "lowpass", &s.fault);
        bench_setting_close(&s);
        return;
    }
    float *in = malloc(COUNT * sizeof *in), *out = malloc(COUNT * sizeof *out);
    for (int i = 0; i < COUNT; i++)
        in[i] = (float)((i * 7919) % 1000) * 1e-3f - 0.5f;
    for (int i = 0; i < BATCHES; i++)
        for (int compiled = 0; compiled < 2; compiled++) {
            double start = bench_now();
            rig_reset(&rig);
            for (int at = 0; at < COUNT; at += BLOCK) {
                int n = COUNT - at < BLOCK ? COUNT - at : BLOCK;
                rig_run(&rig, compiled, (const float *[]){in + at}, (float *[]){out + at}, 0, n, 1);
            }
            times[compiled][i] = bench_now() - start;
        }
    bench_figure(b, "compiled", bench_median(times[1], BATCHES) / COUNT * 1e9, "ns/sample", BAR_AT_MOST, 2.5);
    bench_figure(b, "interpreted", bench_median(times[0], BATCHES) / COUNT * 1e9, "ns/sample", BAR_NONE, 0);
    free(in);
    free(out);
    rig_close(&rig);
    bench_setting_close(&s);
}
