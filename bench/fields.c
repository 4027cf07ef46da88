/* Benches of fields on one core, compiled and interpreted, without HTTP: 1024 x 1024 points in f32. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/rig.h"
#include "bench/setting.h"

enum { SIDE = 1024, BATCHES = 31, OUTPUTS = 4 };

struct times {
    double median, best; /* seconds an image */
};

/* By one engine, in calls of 16 rows as requests do. */
static struct times time_image(struct rig *s, bool compiled, float *out)
{
    double times[BATCHES];
    for (int i = 0; i < BATCHES; i++) {
        double start = bench_now();
        for (int row = 0; row < SIDE; row += 16) {
            float *planes[OUTPUTS];
            for (int c = 0; c < OUTPUTS; c++)
                planes[c] = out + ((size_t)c * SIDE + (size_t)row) * SIDE;
            s->context[CONTEXT_PY0] = row;
            rig_run(s, compiled, NULL, planes, SIDE, SIDE, 16);
        }
        times[i] = bench_now() - start;
    }
    struct times r = {.median = bench_median(times, BATCHES)};
    r.best = times[0]; /* sorted now */
    return r;
}

static bool open_field(struct bench *b, const char *graph, struct bench_setting *s, struct rig *rig, float **ret_out)
{
    size_t bytes = (size_t)OUTPUTS * SIDE * SIDE * sizeof **ret_out;
    if (!bench_setting_open(b, s))
        return false;
    if (rig_open(s->engine, graph, (struct layout){.kind = GRAPH_FIELD}, true, rig, &s->fault) != STATUS_OK) {
        bench_failed(b, graph, &s->fault);
        bench_setting_close(s);
        return false;
    }
    *ret_out = aligned_alloc(64, bytes);
    memset(*ret_out, 0, bytes);
    return true;
}

static void close_field(struct bench_setting *s, struct rig *rig, float *out)
{
    free(out);
    rig_close(rig);
    bench_setting_close(s);
}

static void bench_field(struct bench *b, const char *expression, double compiled_bar, double interpreted_bar)
{
    struct bench_setting s;
    struct rig rig;
    float *out;
    if (!open_field(b, expression, &s, &rig, &out))
        return;
    double points = (double)SIDE * SIDE * 1e-6;
    struct times compiled = time_image(&rig, true, out), interpreted = time_image(&rig, false, out);
    bench_figure(b, "compiled", points / compiled.median, "Mpoints/s", compiled_bar > 0 ? BAR_AT_LEAST : BAR_NONE,
                 compiled_bar);
    bench_figure(b, "compiled, the fastest image", points / compiled.best, "Mpoints/s", BAR_NONE, 0);
    bench_figure(b, "interpreted", points / interpreted.median, "Mpoints/s",
                 interpreted_bar > 0 ? BAR_AT_LEAST : BAR_NONE, interpreted_bar);
    close_field(&s, &rig, out);
}

#define FIELD(name, ...)                                                                                               \
    void bench_##name(struct bench *b)                                                                                 \
    {                                                                                                                  \
        bench_field(b, __VA_ARGS__);                                                                                   \
    }
FIELD(perlin2, "perlin2(x*16, y*16)", 300, 100)
FIELD(perlin3, "classic(x*16, y*16, z + 0.3)", 150, 0)
FIELD(gnoise2, "gnoise(x*16, y*16)", 700, 0)
FIELD(gnoise2_low, "gnoise(x*64, y*64)", 1000, 0)
FIELD(gnoise2_high, "gnoise(x*1500, y*1500)", 0, 0)
FIELD(gnoise2_turned, "gnoise(x*12 + y*9, y*12 - x*9)", 0, 0)
FIELD(gnoise3, "gnoise(x*16, y*16, z + 0.3)", 360, 0)
FIELD(gnoise3_high, "gnoise(x*1500, y*1500, z + 0.3)", 0, 0)
FIELD(snoise2, "snoise(x*16, y*16)", 530, 0)
FIELD(snoise3, "snoise(x*16, y*16, z + 0.3)", 370, 0)
FIELD(vnoise2, "vnoise(x*16, y*16)", 1070, 0)
FIELD(vnoise3, "vnoise(x*16, y*16, z + 0.3)", 600, 0)
FIELD(cellular2, "cellular(x*16, y*16)", 175, 0)
FIELD(cellular3, "cellular(x*16, y*16, z + 0.3)", 59, 0)
FIELD(fractal2, "fractal(x*16, y*16, octaves=6)", 130, 0)
FIELD(trig, "sin(pi*x)*cos(pi*(x + y))", 500, 120)
FIELD(circle, "sdf_circle(x - 0.5, y - 0.5, 0.3)", 1500, 0)

/* What an artist builds: 25 nodes, three outputs. */
static const char material[] =
    "{\"nodes\": {"
    "\"p\": {\"op\": \"warp\", \"x\": \"x*4\", \"y\": \"y*4\", \"amplitude\": 0.4, \"octaves\": 2},"
    "\"hills\": {\"op\": \"fractal\", \"x\": \"p.x\", \"y\": \"p.y\", \"octaves\": 5},"
    "\"peaks\": {\"op\": \"ridged\", \"x\": \"p.x*2\", \"y\": \"p.y*2\", \"octaves\": 4, \"seed\": 7},"
    "\"cracks\": {\"op\": \"cellular\", \"x\": \"p.x*3\", \"y\": \"p.y*3\"},"
    "\"grain\": {\"op\": \"vnoise\", \"x\": \"x*200\", \"y\": \"y*200\"},"
    "\"veins\": {\"op\": \"snoise\", \"x\": \"p.x*1.5\", \"y\": \"p.y*1.5\", \"seed\": 3},"
    "\"relief\": {\"op\": \"affine\", \"in\": \"0.5 + 0.3*hills + 0.15*peaks\"},"
    "\"rough\": {\"op\": \"affine\", \"in\": \"relief + 0.03*grain\"},"
    "\"cover\": {\"op\": \"smoothstep\", \"lo\": 0.3, \"hi\": 0.6, \"x\": \"rough\"},"
    "\"thin\": {\"op\": \"affine\", \"in\": \"1 - min(abs(veins)*8, 1)\"},"
    "\"dirt\": {\"op\": \"clamp\", \"x\": \"1.3 - 2*cracks\", \"lo\": 0, \"hi\": 1},"
    "\"rock\": {\"op\": \"ramp\", \"in\": \"relief\", \"stops\": [[0, \"#20242a\"], [0.5, \"#6d6a60\"], [1, "
    "\"#e8e4d8\"]]},"
    "\"moss\": {\"op\": \"ramp\", \"in\": \"rough\", \"stops\": [[0, \"#0b2a10\"], [0.6, \"#3f6b35\"], [1, "
    "\"#9fb86a\"]]},"
    "\"rust\": {\"op\": \"ramp\", \"in\": \"thin\", \"stops\": [[0, \"#5a2b12\"], [1, \"#b3602a\"]]},"
    "\"both\": {\"op\": \"blend\", \"base\": \"rock\", \"top\": \"moss\", \"opacity\": \"cover\", \"mode\": "
    "\"overlay\"},"
    "\"veined\": {\"op\": \"blend\", \"base\": \"both\", \"top\": \"rust\", \"opacity\": \"thin*0.5\", \"mode\": "
    "\"multiply\"},"
    "\"dark\": {\"op\": \"affine\", \"in\": \"1 - 0.5*dirt\"},"
    "\"far\": {\"op\": \"hypot\", \"a\": \"x - 0.5\", \"b\": \"y - 0.5\"},"
    "\"vignette\": {\"op\": \"affine\", \"in\": \"1 - 0.4*far\"},"
    "\"light\": {\"op\": \"affine\", \"in\": \"dark*vignette\"},"
    "\"lit\": {\"op\": \"vec3\", \"x\": \"veined.r*light\", \"y\": \"veined.g*light\", \"z\": \"veined.b*light\"},"
    "\"gray\": {\"op\": \"luminance\", \"c\": \"lit\"},"
    "\"strength\": {\"op\": \"affine\", \"in\": \"lerp(0.7, 1, cover)\"},"
    "\"calm\": {\"op\": \"vec3\", \"x\": \"lerp(gray, lit.x, strength)\", \"y\": \"lerp(gray, lit.y, strength)\", "
    "\"z\": \"lerp(gray, lit.z, strength)\"},"
    "\"out\": {\"op\": \"linear_to_srgb\", \"c\": \"calm\"}},"
    "\"output\": [\"out.x\", \"out.y\", \"out.z\"]}";

void bench_material(struct bench *b)
{
    struct bench_setting s;
    struct rig rig;
    float *out;
    if (!open_field(b, material, &s, &rig, &out))
        return;
    double points = (double)SIDE * SIDE * 1e-6;
    struct times compiled = time_image(&rig, true, out), interpreted = time_image(&rig, false, out);
    bench_figure(b, "compiled", points / compiled.median, "Mpoints/s", BAR_NONE, 0);
    bench_figure(b, "interpreted", points / interpreted.median, "Mpoints/s", BAR_NONE, 0);
    bench_figure(b, "compiled against interpreted, medians", interpreted.median / compiled.median, "times",
                 BAR_AT_LEAST, 1.8);
    bench_figure(b, "the same of the fastest images", interpreted.best / compiled.best, "times", BAR_NONE, 0);
    close_field(&s, &rig, out);
}
