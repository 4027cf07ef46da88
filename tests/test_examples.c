/* labels: jit */
/* The graphs of examples/, as people meet them first: each is read, gives the same bytes in every engine, and something
 * to look at or listen to. One that fails leaves its out.png or out.wav in the build directory. */
#include "tests/support.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/audio/format_audio.h"
#include "api/audio/format_wav.h"
#include "tests/support/engines.h"

enum { SIDE = 256, RATE = 48000, FRAMES = 3 * RATE, BLOCK = 4096, CHANNELS = 4, NAMES = 128, LEAST = 55 };

static char *names[NAMES];
static size_t n_names;

static float signal[2][FRAMES];
static float expected[CHANNELS][FRAMES], got[CHANNELS][FRAMES];
static const size_t field_size = SIDE * SIDE;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_examples(void)
{
    DIR *dir = opendir("examples");
    for (struct dirent *d; dir && (d = readdir(dir)) && n_names < NAMES;) {
        const char *dot = strrchr(d->d_name, '.');
        if (dot && !strcmp(dot, ".json"))
            names[n_names++] = strndup(d->d_name, (size_t)(dot - d->d_name));
    }
    if (dir)
        closedir(dir);
    qsort(names, n_names, sizeof *names, by_name);
}

/* A tone with a beat, a click and a silence: something for filters, echoes and gates to work on. */
static void make_signal(void)
{
    for (int i = 0; i < FRAMES; i++) {
        double t = (double)i / RATE, beat = fmod(t, 0.5) < 0.3 ? 1 : 0;
        signal[0][i] = (float)(0.3 * beat * sin(2 * M_PI * 220 * t) + 0.1 * sin(2 * M_PI * 60 * t));
        signal[1][i] = (float)(0.3 * beat * sin(2 * M_PI * 277 * t) + 0.1 * sin(2 * M_PI * 3000 * t));
    }
    signal[0][RATE] = signal[1][RATE] = 0.9f;
}

struct example {
    const char *name;
    bool audio;
    uint32_t outputs;
    size_t n; /* samples of an output */
};

static void leave_picture(const struct example *x)
{
    struct raster r = {.width = SIDE, .height = SIDE, .channels = x->outputs, .bits = 8, .big_endian = true};
    struct counts counts = {0};
    char path[512];
    float *planes[CHANNELS] = {expected[0], expected[1], expected[2], expected[3]};
    size_t n;
    r.data = malloc(raster_row_bytes(&r) * SIDE);
    raster_rows(&r, 0, SIDE, planes, SIDE, &counts);
    uint8_t *bytes = png_encode(&r, &n);
    snprintf(path, sizeof path, "%s/out.png", test_build_dir());
    FILE *f = fopen(path, "wb");
    if (f && bytes && fwrite(bytes, 1, n, f) == n)
        print_error("see %s\n", path);
    if (f)
        fclose(f);
    free(bytes);
    free(r.data);
}

static void leave_sound(const struct example *x)
{
    struct counts counts = {0};
    uint8_t head[WAV_HEADER_MAX], *bytes = malloc(x->outputs * x->n * 4);
    char path[512];
    float *planes[CHANNELS] = {expected[0], expected[1], expected[2], expected[3]};
    size_t head_size = wav_header(SAMPLE_F32, x->outputs, RATE, x->n, head);
    audio_write(planes, x->outputs, (uint32_t)x->n, SAMPLE_F32, bytes, &counts);
    snprintf(path, sizeof path, "%s/out.wav", test_build_dir());
    FILE *f = fopen(path, "wb");
    if (f && fwrite(head, 1, head_size, f) == head_size && fwrite(bytes, 4, x->outputs * x->n, f) == x->outputs * x->n)
        print_error("hear %s\n", path);
    if (f)
        fclose(f);
    free(bytes);
}

__attribute__((format(printf, 2, 3), noreturn)) static void complain(const struct example *x, const char *format, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    (x->audio ? leave_sound : leave_picture)(x);
    fail_msg("examples/%s.json: %s", x->name, text);
    abort();
}

static void run(struct rig *s, bool compiled, float out[CHANNELS][FRAMES])
{
    float *to[CHANNELS];
    if (s->program->layout.kind == GRAPH_FIELD) {
        s->context[CONTEXT_WIDTH] = s->context[CONTEXT_HEIGHT] = SIDE;
        s->context[CONTEXT_DX] = s->context[CONTEXT_DY] = 1.0 / SIDE;
        for (int c = 0; c < CHANNELS; c++)
            to[c] = out[c];
        rig_run(s, compiled, NULL, to, SIDE, SIDE, SIDE);
        return;
    }
    rig_reset(s);
    for (int at = 0; at < FRAMES; at += BLOCK) {
        const float *in[2] = {signal[0] + at, signal[1] + at};
        int n = FRAMES - at < BLOCK ? FRAMES - at : BLOCK;
        for (int c = 0; c < CHANNELS; c++)
            to[c] = out[c] + at;
        rig_run(s, compiled, in, to, 0, n, 1);
    }
}

/* Runs it in every engine and compares with the reference; `expected` holds that. */
static void compare_engines(struct example *x, const char *text, struct layout layout)
{
    struct arena *a = arena_new(1 << 20);
    struct fault fault;
    struct rig s;
    for (int e = 0; e < TEST_ENGINES; e++) {
        bool compiled = test_engines[e].target != TARGET_NONE;
        if (!test_engines[e].engine)
            continue;
        fault_init(&fault, a);
        if (rig_open(test_engines[e].engine, text, layout, compiled, &s, &fault) != STATUS_OK)
            fail_msg("examples/%s.json, %s: %s: %s %s", x->name, test_engines[e].name, fault.items[0].pointer,
                     fault.items[0].detail, test_engines_log());
        x->outputs = s.program->ir->n_outputs;
        assert_true(x->outputs >= 1 && x->outputs <= CHANNELS);
        run(&s, compiled, e ? got : expected);
        rig_close(&s);
        for (uint32_t c = 0; e && c < x->outputs; c++)
            for (size_t i = 0; i < x->n; i++)
                if (memcmp(&expected[c][i], &got[c][i], 4))
                    complain(x, "%s: output %u, sample %zu is %a; the interpreter has %a", test_engines[e].name, c, i,
                             (double)got[c][i], (double)expected[c][i]);
    }
    arena_free(a);
}

static void judge(const struct example *x)
{
    double sum = 0, squares = 0, peak = 0, n = (double)x->n * x->outputs;
    for (uint32_t c = 0; c < x->outputs; c++)
        for (size_t i = 0; i < x->n; i++) {
            double v = (double)expected[c][i];
            if (!isfinite(v))
                complain(x, "output %u, sample %zu is %g", c, i, v);
            sum += v;
            squares += v * v;
            peak = fmax(peak, fabs(v));
        }
    double mean = sum / n, rms = sqrt(squares / n), deviation = sqrt(fmax(squares / n - mean * mean, 0));
    if (!x->audio && !(mean > 0.02 && mean < 0.98))
        complain(x, "the mean is %g: too dark or too bright to see anything", mean);
    if (!x->audio && !(deviation > 0.01))
        complain(x, "the deviation is %g: nothing to see", deviation);
    if (x->audio && !(rms > 0.001))
        complain(x, "the RMS is %g: nothing to hear", rms);
    if (x->audio && !(peak <= 1.5))
        complain(x, "the peak is %g", peak);
}

static void every_example_runs_alike_everywhere_and_makes_sense(void **state)
{
    (void)state;
    struct arena *a = arena_new((size_t)64 << 20);
    for (size_t i = 0; i < n_names; i++) {
        char *text = test_read_file(a, arena_printf(a, "examples/%s.json", names[i]), NULL);
        /* Two channels for all but generators that make one; GRAPH_ANY: what it is by its variables. */
        struct example x = {.name = names[i]};
        struct rig s;
        struct fault fault;
        fault_init(&fault, a);
        if (rig_open(test_engines[0].engine, text, (struct layout){GRAPH_ANY, 2}, false, &s, &fault) != STATUS_OK)
            fail_msg("examples/%s.json: %s: %s", names[i], fault.items[0].pointer, fault.items[0].detail);
        x.audio = s.program->layout.kind == GRAPH_AUDIO;
        x.n = x.audio ? FRAMES : field_size;
        rig_close(&s);
        compare_engines(&x, text, (struct layout){x.audio ? GRAPH_AUDIO : GRAPH_FIELD, 2});
        judge(&x);
    }
    arena_free(a);
}

static void there_is_something_to_start_from(void **state)
{
    (void)state;
    assert_true(n_names >= LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_something_to_start_from),
        cmocka_unit_test(every_example_runs_alike_everywhere_and_makes_sense),
    };
    make_signal();
    list_examples();
    if (!test_engines_start())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_engines_stop();
    return failed;
}
