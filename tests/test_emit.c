/* labels: jit */
/* What sinter-cc makes against the interpreter, bit for bit: each operation in each shape, every short length, random
 * graphs cut anywhere and handed from engine to engine in the middle of a stream. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/interp.h"
#include "jit/image.h"
#include "tests/support/cc_worker.h"
#include "tests/support/ir_random.h"
#include "tests/support/reference.h"

enum { LONGEST = 4096, CHANNELS = 3, CHANNELS_OUT = 8, CANARY = 24, RING_LENGTH = 4096 };

static const enum target targets[] = {TARGET_V3, TARGET_V4};

/* One graph, both engines. */
struct rig {
    struct arena *a;
    struct ir *ir;
    struct plan *plan;
    struct interp *interp;
    void *work;
    float *scratch;
    double args[8];
    struct mapped kernels[2]; /* by target; entry NULL where the CPU cannot run it */
};

static struct mapped compile(struct rig *r, const char *text, enum target target)
{
    struct fault fault;
    struct mapped m = {0};
    struct cc_reply reply;
    fault_init(&fault, r->a);
    if (!target_runs_here(target))
        return m;
    reply = cc_worker_compile(&cc_worker_ours, text, target, 0, r->a);
    if (reply.head.kind != CC_IMAGE)
        fail_msg("%s: %s\n%s", target_name(target), reply.payload ? reply.payload : "the worker left", text);
    struct image image = {(const uint8_t *)reply.payload, reply.head.size, reply.head.entry};
    assert_int_equal(image_map(&image, &m, &fault), STATUS_OK);
    return m;
}

static struct rig *rig_new(struct arena *a, const char *text)
{
    struct rig *r = ARENA_NEW(a, struct rig);
    struct fault fault;
    fault_init(&fault, a);
    r->a = a;
    if (ir_parse(text, a, &r->ir, &fault) != STATUS_OK || ir_verify(r->ir, &fault) != STATUS_OK)
        fail_msg("%s\n%s", fault.items[0].detail, text);
    assert_true(r->ir->n_planes <= IR_RANDOM_PLANES && r->ir->n_images <= IR_RANDOM_IMAGES);
    assert_true(r->ir->n_outputs <= CHANNELS_OUT && r->ir->n_inputs <= CHANNELS && r->ir->n_args <= 8);
    ir_rates(r->ir);
    r->plan = plan_make(r->ir, a);
    r->interp = interp_new(r->plan, INTERP_BEST, a);
    r->work = arena_aligned(a, interp_work_size(r->interp), KERNEL_ALIGN);
    r->scratch = arena_aligned(a, r->plan->scratch_size, KERNEL_ALIGN);
    for (uint32_t i = 0; i < r->ir->n_args; i++) {
        const struct arg_source *s = &r->ir->args[i];
        r->args[i] = s->kind == ARG_PARAM ? ir_random_arg(s->index) : s->value;
        if (s->kind == ARG_IMAGE)
            r->args[i] = ir_random_images()[s->index / 2].width;
    }
    for (int t = 0; t < 2; t++)
        r->kernels[t] = compile(r, text, targets[t]);
    return r;
}

static void rig_done(struct rig *r)
{
    for (int t = 0; t < 2; t++)
        image_unmap(&r->kernels[t]);
}

/* What one engine leaves behind. */
struct track {
    void *state;
    struct kernel_ring *rings;
    float *out[CHANNELS_OUT]; /* LONGEST samples, then a canary */
};

static struct track track_new(struct rig *r)
{
    struct track t = {.state = arena_aligned(r->a, r->plan->state_size, KERNEL_ALIGN),
                      .rings = reference_rings(r->a, r->plan->n_rings, RING_LENGTH)};
    for (uint32_t c = 0; c < r->ir->n_outputs; c++) {
        t.out[c] = ARENA_ARRAY(r->a, LONGEST + CANARY, float);
        memset(t.out[c], 0x5a, (LONGEST + CANARY) * sizeof(float));
    }
    return t;
}

enum engine_kind { KERNEL_V3, KERNEL_V4, INTERPRETER };

static void run(struct rig *r, struct track *t, enum engine_kind engine, const float *const *in, int at, int count,
                int rows)
{
    const float *ins[CHANNELS];
    float *outs[CHANNELS_OUT];
    struct kernel_plane planes[IR_RANDOM_PLANES];
    for (int i = 0; i < IR_RANDOM_PLANES; i++) {
        planes[i] = ir_random_planes()[i];
        planes[i].data += at;
    }
    for (int c = 0; c < CHANNELS; c++)
        ins[c] = in[c] + at;
    for (uint32_t c = 0; c < r->ir->n_outputs; c++)
        outs[c] = t->out[c] + at;
    struct kernel_call call = {.args = r->args,
                               .in = ins,
                               .out = outs,
                               .state = t->state,
                               .rings = t->rings,
                               .scratch = r->scratch,
                               .planes = planes,
                               .images = ir_random_images(),
                               .out_stride = count + 3,
                               .count = count,
                               .rows = rows,
                               .n0_low = at};
    unsigned saved = fp_state_enter();
    if (engine == INTERPRETER || !r->kernels[engine].entry)
        interp_run(r->interp, &call, r->work);
    else
        r->kernels[engine].entry(&call);
    fp_state_leave(saved);
}

static void same(struct rig *r, const struct track *a, const struct track *b, const char *what, int number)
{
    for (uint32_t c = 0; c < r->ir->n_outputs; c++)
        for (int i = 0; i < LONGEST + CANARY; i++)
            if (memcmp(&a->out[c][i], &b->out[c][i], sizeof(float)) != 0)
                fail_msg("%s %d: output %u, sample %d is %a, expected %a\n%s\n%s", what, number, c, i,
                         (double)a->out[c][i], (double)b->out[c][i], ir_print(r->ir, r->a), plan_print(r->plan, r->a));
    if (r->plan->state_size && memcmp(a->state, b->state, r->plan->state_size) != 0)
        fail_msg("%s %d: state differs\n%s\n%s", what, number, ir_print(r->ir, r->a), plan_print(r->plan, r->a));
    for (uint32_t i = 0; i < r->plan->n_rings; i++)
        assert_memory_equal(a->rings[i].data, b->rings[i].data, RING_LENGTH * sizeof(float));
}

/* Numbers that pick the instruction apart, in all pairs along two channels; later ones random. */
static const float awkward[16] = {0.0f,    -0.0f,         1.0f,           -1.0f,     0.5f,      1e-40f,
                                  -1e-40f, 0x1p-126f,     -3.4e38f,       INFINITY,  -INFINITY, NAN,
                                  2.5f,    2147483648.0f, -2147483648.0f, 8388609.5f};

static const float *const *awkward_inputs(struct arena *a)
{
    float **in = ARENA_ARRAY(a, CHANNELS, float *);
    uint64_t seed = 5;
    for (int c = 0; c < CHANNELS; c++) {
        in[c] = ARENA_ARRAY(a, LONGEST, float);
        for (int i = 0; i < LONGEST; i++) {
            uint32_t random = test_random(&seed);
            in[c][i] = awkward[c == 0 ? i % 16 : c == 1 ? i / 16 % 16 : (int)(random % 16)];
            if (i >= 512 && i % 3)
                memcpy(&in[c][i], &random, sizeof random);
        }
    }
    return (const float *const *)in;
}

static const float *const *tame_inputs(struct arena *a)
{
    float **in = ARENA_ARRAY(a, CHANNELS, float *);
    uint64_t seed = 9;
    for (int c = 0; c < CHANNELS; c++) {
        in[c] = ARENA_ARRAY(a, LONGEST, float);
        for (int i = 0; i < LONGEST; i++)
            in[c][i] = (float)(int32_t)test_random(&seed) * (i % 97 ? 0x1p-31f : 0x1p-140f);
    }
    return (const float *const *)in;
}

static void check_length(struct rig *r, const float *const *in, int count)
{
    struct track want = track_new(r);
    run(r, &want, INTERPRETER, in, 0, count, 1);
    for (int t = 0; t < 2; t++) {
        struct track got = track_new(r);
        run(r, &got, (enum engine_kind)t, in, 0, count, 1);
        same(r, &got, &want, "target, length", count);
    }
}

/* Text of one operation over inputs 0, 1, 2: in vectors, in a recurrence one sample at a time, and once a call. */
struct writer {
    char *text;
    size_t n;
    int last;
};

static int __attribute__((format(printf, 2, 3))) line(struct writer *w, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    w->n += (size_t)sprintf(w->text + w->n, "  %%%d = ", ++w->last);
    w->n += (size_t)vsprintf(w->text + w->n, format, ap);
    w->n += (size_t)sprintf(w->text + w->n, "\n");
    va_end(ap);
    return w->last;
}

/* An f32 as an operand of another type. */
static int as_operand(struct writer *w, char type, int f)
{
    if (type == 'd')
        return line(w, "f64.f32 %%%d", f);
    if (type == 'i')
        return line(w, "bits.f32 %%%d", f);
    if (type == 'm')
        return line(w, "lt.f32 %%%d %%%d", f, line(w, "const.f32 0.25"));
    return f;
}

/* Something of each bit of v, as an f32. */
static int as_output(struct writer *w, enum type type, int v)
{
    if (type == TYPE_MASK) {
        int yes = line(w, "const.f32 1"), no = line(w, "const.f32 -2");
        return line(w, "sel.f32 %%%d %%%d %%%d", v, yes, no);
    }
    if (type == TYPE_F64) {
        int high = line(w, "high.f64 %%%d", v), rounded = line(w, "f32.f64 %%%d", v);
        int rest = line(w, "sub.f64 %%%d %%%d", v, line(w, "f64.f32 %%%d", rounded));
        int low = line(w, "high.f64 %%%d", rest);
        v = line(w, "xor.i32 %%%d %%%d", high, line(w, "mul.i32 %%%d %%%d", low, line(w, "const.i32 -1640531535")));
    }
    if (type != TYPE_F32) { /* halves of an integer are exact, their mixture nearly so */
        int upper = line(w, "f32.i32 %%%d", line(w, "sar.i32 %%%d 16", v));
        int lower = line(w, "f32.i32 %%%d", line(w, "and.i32 %%%d %%%d", v, line(w, "const.i32 65535")));
        v = line(w, "fma.f32 %%%d %%%d %%%d", lower, line(w, "const.f32 65521"), upper);
    }
    return v;
}

static int apply(struct writer *w, enum op op, const int *f)
{
    const struct op_info *info = op_info(op);
    char args[64] = "", imm[16] = "";
    int n = 0;
    for (int k = 0; k < info->arity; k++)
        n += sprintf(args + n, " %%%d", as_operand(w, info->args[k], f[k]));
    if (op == OP_SHL_I32 || op == OP_SHR_I32 || op == OP_SAR_I32)
        strcpy(imm, " 5");
    if (op == OP_GATHER_F32 || op == OP_GATHER_I32)
        strcpy(imm, op == OP_GATHER_F32 ? " floats" : " integers");
    int v = imm[0] == ' ' && imm[1] != '5' ? line(w, "%s%s%s", info->text, imm, args)
                                           : line(w, "%s%s%s", info->text, args, imm);
    return as_output(w, info->result, v);
}

static char *op_text(struct arena *a, enum op op)
{
    struct writer w = {.text = arena_alloc(a, 1 << 14)};
    int in[3], held[3], looped[3], out[3];
    w.n = (size_t)sprintf(
        w.text, "table floats f32 4 [1, -0, nan, 3.5]\ntable integers i32 8 [1, -2, 3, 4, 5, 6, 7, -2147483648]\n"
                "arg 0 literal -1.25\narg 1 literal 7.75\narg 2 literal 0.1\nmain {\n");
    for (int k = 0; k < 3; k++)
        in[k] = line(&w, "input %d", k);
    for (int k = 0; k < 3; k++)
        held[k] = line(&w, "f32.f64 %%%d", line(&w, "arg %d", k));
    out[0] = apply(&w, op, in);
    out[1] = apply(&w, op, held);
    size_t prev_at = w.n;
    int prev =
        line(&w, "prev.f32 %%0000"); /* no comparison of a number with itself is true: the value is the input's */
    int never = line(&w, "lt.f32 %%%d %%%d", prev, prev);
    for (int k = 0; k < 3; k++)
        looped[k] = line(&w, "sel.f32 %%%d %%%d %%%d", never, prev, in[k]);
    out[2] = apply(&w, op, looped);
    char patched[64];
    int n = sprintf(patched, "  %%%d = prev.f32 %%%d", prev, out[2]);
    char *at = w.text + prev_at;
    size_t room = strcspn(at, "\n");
    assert_true((size_t)n <= room);
    memset(at, ' ', room);
    memcpy(at, patched, (size_t)n);
    sprintf(w.text + w.n, "  out 0 %%%d\n  out 1 %%%d\n  out 2 %%%d\n}\n", out[0], out[1], out[2]);
    return w.text;
}

static void every_operation_is_the_interpreters(void **unused)
{
    (void)unused;
    int checked = 0;
    for (enum op op = OP_ADD_F32; op <= OP_GATHER_I32; op++) {
        struct arena *a = arena_new((size_t)64 << 20);
        struct rig *r = rig_new(a, op_text(a, op));
        const float *const *in = awkward_inputs(a);
        assert_int_equal(r->plan->strips, true);
        check_length(r, in, 512);
        check_length(r, in, LONGEST);
        rig_done(r);
        arena_free(a);
        checked++;
    }
    assert_true(checked > 50);
}

static const char *const stateless_text =
    "arg 0 literal 0.75\nmain {\n  %1 = input 0\n  %2 = input 1\n  %3 = arg 0\n  %4 = f32.f64 %3\n  %5 = iota\n"
    "  %6 = f32.i32 %5\n  %7 = fma.f32 %1 %4 %2\n  %8 = add.f32 %7 %6\n  out 0 %8\n  out 1 %4\n  out 2 %7\n}\n";

/* An echo, a recurrence, a modulated tap, a running phase: all kinds of regions. */
static const char *const stateful_text =
    "arg 0 literal 100\narg 1 literal 37\nmain {\n  %1 = input 0\n  %2 = arg 0\n  %3 = arg 1\n  %4 = i32.f64 %3\n"
    "  %5 = ring %9 %2\n  %6 = tap %5 %4\n  %7 = const.f32 0.5\n  %8 = prev.f32 %10\n  %9 = fma.f32 %6 %7 %1\n"
    "  %10 = fma.f32 %8 %7 %9\n  %11 = input 1\n  %12 = bits.f32 %11\n  %13 = const.i32 63\n  %14 = and.i32 %12 %13\n"
    "  %15 = ring %10 %2\n  %16 = tap %15 %14\n  %17 = accum %14\n  %18 = accum %4\n  %19 = xor.i32 %17 %18\n"
    "  %20 = f32.i32 %19\n  %21 = f64.f32 %1\n  %22 = prev.f64 %21\n  %23 = f32.f64 %22\n  %24 = prev.i32 %19\n"
    "  %25 = f32.i32 %24\n  %26 = add.f32 %25 %23\n  out 0 %10\n  out 1 %16\n  out 2 %26\n  out 3 %20\n}\n";

/* A sum that depends on itself, and an echo whose delay it moves: a recurrence of integers, pieces of one sample. */
static const char *const modulated_text =
    "arg 0 literal 100\nmain {\n  %1 = input 0\n  %2 = bits.f32 %1\n  %3 = accum %5\n  %4 = xor.i32 %3 %2\n"
    "  %5 = sar.i32 %4 3\n  %6 = const.i32 31\n  %7 = and.i32 %3 %6\n  %8 = const.i32 1\n  %9 = add.i32 %7 %8\n"
    "  %10 = arg 0\n  %11 = ring %14 %10\n  %12 = tap %11 %9\n  %13 = const.f32 0.9\n  %14 = fma.f32 %12 %13 %1\n"
    "  %15 = f32.i32 %3\n  out 0 %14\n  out 1 %15\n}\n";

/* Neighbours by a constant and by an argument, and images where column and row, one of them, or neither changes from
 * sample to sample. */
static const char *const pixels_text =
    "image 0 a\nimage 1 b\narg 0 literal 2\narg 1 image 0 width\nmain {\n  %1 = surface 0\n  %2 = surface 1\n"
    "  %3 = const.i32 -3\n  %4 = const.i32 5\n  %5 = arg 0\n  %6 = i32.f64 %5\n  %7 = near %1 %3 %4\n"
    "  %8 = near %2 %6 %3\n  %9 = near %1 %4 %6\n  %10 = iota\n  %11 = row\n  %12 = fetch %10 %11 0\n"
    "  %13 = fetch %11 %10 5\n  %14 = fetch %11 %6 2\n  %15 = fetch %10 %10 7\n  %16 = arg 1\n  %17 = f32.f64 %16\n"
    "  %18 = mul.f32 %17 %15\n  out 0 %7\n  out 1 %8\n  out 2 %9\n  out 3 %12\n  out 4 %13\n  out 5 %14\n"
    "  out 6 %18\n}\n";

/* The same beside a recurrence, which an image's pixels steer. */
static const char *const walking_text =
    "image 0 a\nmain {\n  %1 = surface 0\n  %2 = const.i32 -3\n  %3 = const.i32 2\n  %4 = near %1 %2 %3\n  %5 = iota\n"
    "  %6 = prev.f32 %10\n  %7 = i32.f32 %6\n  %8 = fetch %7 %5 1\n  %9 = input 0\n  %10 = fma.f32 %8 %4 %9\n"
    "  out 0 %10\n  out 1 %4\n  out 2 %8\n}\n";

static void every_short_length_touches_only_its_own(void **unused)
{
    (void)unused;
    const char *const texts[] = {stateless_text, pixels_text, stateful_text, modulated_text, walking_text};
    for (int k = 0; k < 5; k++) {
        struct arena *a = arena_new((size_t)512 << 20);
        struct rig *r = rig_new(a, texts[k]);
        const float *const *in = tame_inputs(a);
        assert_int_equal(r->plan->strips, k > 1);
        for (int count = 0; count <= 67; count++)
            check_length(r, in, count);
        check_length(r, in, LONGEST);
        rig_done(r);
        arena_free(a);
    }
}

/* Called in vectors, in a recurrence and once a call; a function that calls; more vectors than there are registers for
 * arguments; results of each type. */
static const char *const calling_text =
    "fn wide(f64, f32, i32, f64, f64, f64, f32) f64 {\n  %1 = param.f64 0\n  %2 = param.f32 1\n  %3 = param.i32 2\n"
    "  %4 = param.f64 3\n  %5 = param.f64 4\n  %6 = param.f64 5\n  %7 = param.f32 6\n  %8 = f64.f32 %2\n"
    "  %9 = f64.i32 %3\n  %10 = fma.f64 %1 %4 %8\n  %11 = fma.f64 %10 %5 %9\n  %12 = sub.f64 %11 %6\n"
    "  %13 = f64.f32 %7\n  %14 = mul.f64 %12 %13\n  ret %14\n}\n"
    "fn count(f32) i32 {\n  %1 = param.f32 0\n  %2 = i32.f32 %1\n  %3 = const.i32 7\n  %4 = mul.i32 %2 %3\n"
    "  %5 = const.i32 3\n  %6 = xor.i32 %4 %5\n  %7 = sar.i32 %6 1\n  %8 = add.i32 %7 %2\n  %9 = sub.i32 %8 %3\n"
    "  %10 = or.i32 %9 %5\n  %11 = shl.i32 %10 2\n  ret %11\n}\n"
    "fn tiny(f32) f32 {\n  %1 = param.f32 0\n  %2 = mul.f32 %1 %1\n  ret %2\n}\n"
    "fn outer(f32, f64) f32 {\n  %1 = param.f32 0\n  %2 = param.f64 1\n  %3 = call.i32 count %1\n  %4 = call.f32 tiny "
    "%1\n"
    "  %5 = call.f64 wide %2 %4 %3 %2 %2 %2 %1\n  %6 = f32.f64 %5\n  ret %6\n}\n"
    "arg 0 literal 0.3\nmain {\n  %1 = input 0\n  %2 = arg 0\n  %3 = f32.f64 %2\n  %4 = call.f32 outer %3 %2\n"
    "  %5 = f64.f32 %1\n  %6 = call.f32 outer %1 %5\n  %7 = prev.f32 %9\n  %8 = f64.f32 %7\n"
    "  %9 = call.f32 outer %1 %8\n  %10 = input 1\n  %11 = iota\n  %12 = call.f64 wide %5 %10 %11 %5 %2 %5 %3\n"
    "  %13 = f32.f64 %12\n  out 0 %4\n  out 1 %6\n  out 2 %9\n  out 3 %13\n}\n";

static void functions_are_called_in_every_shape(void **unused)
{
    (void)unused;
    struct arena *a = arena_new((size_t)64 << 20);
    struct rig *r = rig_new(a, calling_text);
    check_length(r, tame_inputs(a), LONGEST);
    check_length(r, awkward_inputs(a), LONGEST);
    rig_done(r);
    arena_free(a);
}

static void neighbours_and_images_follow_the_row(void **unused)
{
    (void)unused;
    struct arena *a = arena_new((size_t)64 << 20);
    struct rig *r = rig_new(a, pixels_text);
    const struct kernel_plane *plane = &ir_random_planes()[0];
    const float *const *in = tame_inputs(a);
    for (int count = 0; count < 40; count += 13) {
        struct track want = track_new(r);
        run(r, &want, INTERPRETER, in, 0, count, 4);
        for (int i = 0; i < count; i++) {
            float near = plane->data[(2 + 5) * plane->stride + i - 3];
            near = near != near ? __builtin_nanf("") : near;
            assert_memory_equal(&want.out[0][2 * (count + 3) + i], &near, sizeof near);
        }
        for (int t = 0; t < 2; t++) {
            struct track got = track_new(r);
            run(r, &got, (enum engine_kind)t, in, 0, count, 4);
            same(r, &got, &want, "rows of", count);
        }
    }
    rig_done(r);
    arena_free(a);
}

static void rows_are_apart(void **unused)
{
    (void)unused;
    struct arena *a = arena_new((size_t)64 << 20);
    struct rig *r = rig_new(
        a, "main {\n  %1 = row\n  %2 = iota\n  %3 = const.i32 1000\n  %4 = mul.i32 %1 %3\n  %5 = add.i32 %4 %2\n"
           "  %6 = f32.i32 %5\n  out 0 %6\n}\n");
    const float *const *in = tame_inputs(a);
    for (int count = 0; count < 40; count += 13) {
        struct track want = track_new(r);
        run(r, &want, INTERPRETER, in, 0, count, 4);
        if (count)
            assert_true(want.out[0][2 * (count + 3) + 1] == 2001.0f);
        for (int t = 0; t < 2; t++) {
            struct track got = track_new(r);
            run(r, &got, (enum engine_kind)t, in, 0, count, 4);
            same(r, &got, &want, "rows of", count);
        }
    }
    rig_done(r);
    arena_free(a);
}

/* The same stream by the interpreter and by whichever engine comes, in the same blocks of any length. `seamless`: the
 * interpreter takes it in one go instead (iota counts from a block's start, so a graph that keeps it depends on the
 * cuts). */
static void check_splits(struct rig *r, const float *const *in, uint64_t seed, bool seamless)
{
    for (int round = 0; round < 5; round++) {
        struct track want = track_new(r), got = track_new(r);
        unsigned most = round == 0 ? 3 : round == 1 ? 40 : 700;
        if (seamless)
            run(r, &want, INTERPRETER, in, 0, LONGEST, 1);
        for (int at = 0; at < LONGEST;) {
            int count = (int)(test_random(&seed) % (most + 1));
            enum engine_kind engine = round == 3   ? KERNEL_V3
                                      : round == 4 ? KERNEL_V4
                                                   : (enum engine_kind)(test_random(&seed) % 3);
            count = count < LONGEST - at ? count : LONGEST - at;
            run(r, &got, engine, in, at, count, 1);
            if (!seamless)
                run(r, &want, INTERPRETER, in, at, count, 1);
            at += count;
        }
        same(r, &got, &want, "split, round", round);
    }
}

static void streams_change_engine_at_any_sample(void **unused)
{
    (void)unused;
    struct arena *a = arena_new((size_t)256 << 20);
    struct rig *r = rig_new(a, stateful_text);
    for (int delay = 1; delay <= 100; delay += 11) {
        r->args[1] = delay;
        check_splits(r, tame_inputs(a), (uint64_t)delay, true);
    }
    rig_done(r);
    r = rig_new(a, modulated_text);
    check_splits(r, tame_inputs(a), 1, true);
    rig_done(r);
    arena_free(a);
}

static void random_graphs_agree(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct arena *a = arena_new((size_t)256 << 20);
        struct ir *ir = ir_random(a, seed, 20 + (uint32_t)(seed * 7 % 60));
        struct rig *r = rig_new(a, ir_print(ir, a));
        check_splits(r, seed % 2 ? tame_inputs(a) : awkward_inputs(a), seed, false);
        rig_done(r);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_the_interpreters),
        cmocka_unit_test(every_short_length_touches_only_its_own),
        cmocka_unit_test(functions_are_called_in_every_shape),
        cmocka_unit_test(rows_are_apart),
        cmocka_unit_test(neighbours_and_images_follow_the_row),
        cmocka_unit_test(streams_change_engine_at_any_sample),
        cmocka_unit_test(random_graphs_agree),
    };
    return cmocka_run_group_tests(tests, cc_worker_set_up, cc_worker_tear_down);
}
