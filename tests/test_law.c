/* labels: jit */
/* Law 1, one meaning: every graph of cases/law.txt gives the same bytes from the interpreter at each instruction set
 * and from kernels for each target, for every length, split and tile. memcmp, never a tolerance. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rig.h"
#include "bench/rig_hosts.h"
#include "core/node.h"
#include "tests/support/edges.h"

enum { LONGEST = 4096, SHORT = 67, CHANNELS = 8, WIDTH = 100, HEIGHT = 13 };

/* The engines under comparison; those that this machine lacks are left out. */
static struct {
    const char *name;
    enum interp_isa isa;
    enum target target;
    struct engine *engine;
} engines[] = {
    {"interpreter, v2", INTERP_BASE, TARGET_NONE, NULL}, {"interpreter, v3", INTERP_V3, TARGET_NONE, NULL},
    {"interpreter, v4", INTERP_V4, TARGET_NONE, NULL},   {"kernel, v3", INTERP_BEST, TARGET_V3, NULL},
    {"kernel, v4", INTERP_BEST, TARGET_V4, NULL},
};
enum { ENGINES = sizeof engines / sizeof *engines };

struct law_case {
    enum graph_kind kind;
    uint32_t channels;
    char *text;
};

static struct arena *arena;
static struct law_case cases[256];
static size_t n_cases;

static float signal[CHANNELS][LONGEST];
static float expected[CHANNELS][LONGEST], got[CHANNELS][LONGEST + 16];

static int start_engines(void **state)
{
    static char path[512];
    (void)state;
    arena = arena_new((size_t)256 << 20);
    snprintf(path, sizeof path, "%s/sinter-cc", test_build_dir());
    for (int i = 0; i < ENGINES; i++) {
        struct engine_config config = engine_config_default();
        struct fault fault;
        bool kernels = engines[i].target != TARGET_NONE;
        if (!interp_isa_available(engines[i].isa) || (kernels && !target_runs_here(engines[i].target)))
            continue;
        fault_init(&fault, arena);
        config.tier = kernels ? TIER_JIT : TIER_INTERP;
        config.isa = engines[i].isa;
        config.target = engines[i].target;
        config.store_dir = NULL;
        config.compiler_path = path;
        config.compilers = kernels ? 1 : 0;
        if (engine_new(&config, &engines[i].engine, &fault) != STATUS_OK)
            return -1;
    }
    fp_state_enter();
    return 0;
}

static int stop_engines(void **state)
{
    (void)state;
    for (int i = 0; i < ENGINES; i++)
        if (engines[i].engine)
            engine_free(engines[i].engine);
    arena_free(arena);
    return 0;
}

static void read_cases(void)
{
    char *text = test_read_file(arena, "tests/cases/law.txt", NULL);
    for (char *line = text, *next; line && *line && n_cases < 256; line = next) {
        char kind[16];
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        struct law_case *c = &cases[n_cases];
        char *colon = strstr(line, " : ");
        if (*line == '#' || !colon || sscanf(line, "%15s %u", kind, &c->channels) != 2)
            continue;
        c->kind = !strcmp(kind, "audio") ? GRAPH_AUDIO : GRAPH_FIELD;
        c->text = colon + 3;
        n_cases++;
    }
}

/* Audio as it comes: mostly ordinary, with what breaks engines in between. */
static void make_signal(void)
{
    static const float nasty[] = {0.0f, -0.0f, 1e-40f, -1e-40f, 1e30f, -3.4e38f, 1.0f, -1.0f};
    uint64_t seed = 1;
    for (int c = 0; c < CHANNELS; c++)
        for (int i = 0; i < LONGEST; i++) {
            uint32_t r = test_random(&seed);
            signal[c][i] = r % 61 == 0 ? nasty[r / 61 % 8] : (float)((double)r / 2147483648.0 - 1);
        }
    signal[0][1000] = __builtin_nanf("");
    signal[1][50] = -__builtin_inff();
}

static void open_case(const struct law_case *c, int e, struct rig *ret)
{
    struct fault fault;
    fault_init(&fault, arena);
    struct layout layout = {c->kind, c->kind == GRAPH_AUDIO ? c->channels : 0};
    if (rig_open(engines[e].engine, c->text, layout, engines[e].target != TARGET_NONE, ret, &fault) != STATUS_OK)
        fail_msg("%s: %s\n%s: %s", engines[e].name, c->text, fault.items[0].pointer, fault.items[0].detail);
}

static void run_audio(struct rig *s, bool compiled, float out[][LONGEST + 16], int count, uint64_t *splits)
{
    uint32_t n_out = s->program->ir->n_outputs;
    assert_true(n_out <= CHANNELS && s->program->ir->n_inputs <= CHANNELS);
    rig_reset(s);
    for (int at = 0; at < count;) {
        static const int sizes[] = {1, 7, 64, 512, 3, 100};
        int n = splits ? sizes[test_random(splits) % 6] : count;
        const float *in[CHANNELS];
        float *to[CHANNELS];
        if (n > count - at)
            n = count - at;
        for (int c = 0; c < CHANNELS; c++) {
            in[c] = signal[c] + at;
            to[c] = out[c] + at;
        }
        rig_run(s, compiled, in, to, 0, n, 1);
        at += n;
    }
}

static void must_equal(const struct law_case *c, int e, const char *what, int length, const float *want,
                       const float *have, size_t n)
{
    if (!memcmp(want, have, n * sizeof(float)))
        return;
    for (size_t i = 0; i < n; i++)
        if (memcmp(want + i, have + i, sizeof(float))) {
            uint32_t a, b;
            memcpy(&a, want + i, 4);
            memcpy(&b, have + i, 4);
            fail_msg("%s, %s, length %d: sample %zu is %g (%08x), the first engine has %g (%08x)\n%s", engines[e].name,
                     what, length, i, (double)have[i], b, (double)want[i], a, c->text);
        }
}

static void compare_audio(const struct law_case *c, struct rig *reference, struct rig *s, int e)
{
    bool compiled = engines[e].target != TARGET_NONE;
    uint64_t splits = 7;
    for (int length = 0; length <= SHORT + 1; length++) {
        int count = length > SHORT ? LONGEST : length;
        run_audio(reference, false, got, count, NULL);
        for (uint32_t k = 0; k < s->program->ir->n_outputs; k++)
            memcpy(expected[k], got[k], (size_t)count * sizeof(float));
        for (int split = 0; split < 2; split++) {
            run_audio(s, compiled, got, count, split ? &splits : NULL);
            for (uint32_t k = 0; k < s->program->ir->n_outputs; k++)
                must_equal(c, e, split ? "split" : "whole", count, expected[k], got[k], (size_t)count);
        }
        if (memcmp(reference->state, s->state, s->program->plan->state_size))
            fail_msg("%s: another state after %d samples\n%s", engines[e].name, count, c->text);
        if (s->hosts && !rig_hosts_equal(reference, s))
            fail_msg("%s: another state beside the last stage\n%s", engines[e].name, c->text);
    }
}

static void run_field(struct rig *s, bool compiled, float *const *out, int px, int py, int w, int h, int stride)
{
    s->context[CONTEXT_PX0] = px;
    s->context[CONTEXT_PY0] = py;
    s->context[CONTEXT_TIME] = 1.25;
    rig_run(s, compiled, NULL, out, stride, w, h);
}

static void compare_field(const struct law_case *c, struct rig *reference, struct rig *s, int e)
{
    static float whole[CHANNELS][WIDTH * HEIGHT], tile[CHANNELS][WIDTH * HEIGHT];
    bool compiled = engines[e].target != TARGET_NONE;
    uint32_t n_out = s->program->ir->n_outputs;
    float *to[CHANNELS], *want[CHANNELS], *parts[CHANNELS];
    for (int k = 0; k < CHANNELS; k++) {
        to[k] = got[k];
        want[k] = expected[k];
    }
    for (int length = 0; length <= SHORT + 1; length++) {
        int count = length > SHORT ? LONGEST : length;
        run_field(reference, false, want, 0, 300, count, 1, count);
        run_field(s, compiled, to, 0, 300, count, 1, count);
        for (uint32_t k = 0; k < n_out; k++)
            must_equal(c, e, "row", count, expected[k], got[k], (size_t)count);
    }
    for (int k = 0; k < CHANNELS; k++)
        to[k] = whole[k];
    run_field(reference, false, to, 460, 500, WIDTH, HEIGHT, WIDTH);
    static const int tiles[][4] = {{0, 0, 33, 13}, {33, 0, 67, 5}, {33, 5, 1, 8}, {34, 5, 66, 8}};
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        const int *t = tiles[i];
        for (int k = 0; k < CHANNELS; k++)
            parts[k] = tile[k] + t[1] * WIDTH + t[0];
        run_field(s, compiled, parts, 460 + t[0], 500 + t[1], t[2], t[3], WIDTH);
    }
    for (uint32_t k = 0; k < n_out; k++)
        must_equal(c, e, "tiles", WIDTH, whole[k], tile[k], WIDTH * HEIGHT);
}

/* A small image whose borders all lie within reach: the whole of it, and tiles of every width against their crop. */
static void compare_edges(const struct law_case *c, struct rig *reference, struct rig *s, int e)
{
    enum { W = 41, H = 23 };
    static float whole[CHANNELS][W * H], other[CHANNELS][W * H];
    bool compiled = engines[e].target != TARGET_NONE;
    float *want[CHANNELS], *have[CHANNELS];
    struct rig *both[] = {reference, s};
    double before[CONTEXT_COUNT];
    memcpy(before, reference->context, sizeof before);
    for (int i = 0; i < 2; i++) {
        double *context = both[i]->context;
        context[CONTEXT_WIDTH] = W;
        context[CONTEXT_HEIGHT] = H;
        context[CONTEXT_DX] = 1.0 / W;
        context[CONTEXT_DY] = 1.0 / H;
        context[CONTEXT_PX0] = context[CONTEXT_PY0] = 0;
    }
    for (int k = 0; k < CHANNELS; k++) {
        want[k] = whole[k];
        have[k] = other[k];
    }
    edges_run(reference, false, want, W, W, H);
    edges_run(s, compiled, have, W, W, H);
    for (uint32_t k = 0; k < s->program->ir->n_outputs; k++)
        must_equal(c, e, "whole image", W, whole[k], other[k], W * H);
    memset(other, 0, sizeof other);
    for (int x = 0, width = 1; x < W; x += width, width += 5)
        for (int y = 0, height = 9; y < H; y += height) {
            int w = width < W - x ? width : W - x, h = height < H - y ? height : H - y;
            s->context[CONTEXT_PX0] = x;
            s->context[CONTEXT_PY0] = y;
            for (int k = 0; k < CHANNELS; k++)
                have[k] = other[k] + y * W + x;
            edges_run(s, compiled, have, W, w, h);
        }
    for (uint32_t k = 0; k < s->program->ir->n_outputs; k++)
        must_equal(c, e, "tiles with edges", W, whole[k], other[k], W * H);
    memcpy(reference->context, before, sizeof before);
}

static void compare_case(const struct law_case *c)
{
    struct rig reference, s;
    open_case(c, 0, &reference);
    for (int e = 0; e < ENGINES; e++) {
        if (!engines[e].engine)
            continue;
        open_case(c, e, &s);
        (c->kind == GRAPH_AUDIO ? compare_audio : compare_field)(c, &reference, &s, e);
        if (s.program->n_planes)
            compare_edges(c, &reference, &s, e);
        rig_close(&s);
    }
    rig_close(&reference);
}

static void every_engine_gives_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_cases; i++)
        compare_case(&cases[i]);
}

static bool mentions(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = text; (p = strstr(p, name)); p += n) {
        bool starts = p == text || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", p[-1]);
        if (starts && (p[n] == '(' || p[n] == '"'))
            return true;
    }
    return false;
}

static void every_node_has_a_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < node_count(); i++) {
        bool found = false;
        for (size_t k = 0; k < n_cases && !found; k++)
            found = mentions(cases[k].text, node_at(i)->name);
        if (!found)
            fail_msg("no case in tests/cases/law.txt uses %s", node_at(i)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_has_a_case),
        cmocka_unit_test(every_engine_gives_the_same_bytes),
    };
    make_signal();
    if (start_engines(NULL))
        return 1;
    read_cases();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_engines(NULL);
    return failed;
}
