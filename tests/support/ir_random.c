/* See ir_random.h. */
#include "tests/support/ir_random.h"

#include <math.h>
#include <string.h>

#include "core/interp.h"
#include "tests/support.h"

/* The first functions call none, so that they can change places. */
enum { LEAVES = 2 };

struct maker {
    struct ir *ir;
    struct code *code;
    uint64_t *seed;
    bool pure; /* a function's body */
};

static uint32_t below(uint64_t *seed, uint32_t n)
{
    return test_random(seed) % n;
}

double ir_random_arg(uint32_t index)
{
    static const double values[] = {1, 2, 0.5, 3, -1, 7, 1e-3, 5};
    return values[index % 8];
}

static const char *const image_names[IR_RANDOM_IMAGES] = {"paper", "stone"};
enum { PLANE_STRIDE = IR_RANDOM_COLUMNS + 2 * IR_RANDOM_NEAR, PLANE_ROWS = 3 * IR_RANDOM_NEAR };

static void fill(float *to, size_t n, uint64_t seed)
{
    static const float special[] = {0.0f, -0.0f, 1.0f, 1e30f, INFINITY, NAN};
    for (size_t i = 0; i < n; i++) {
        uint32_t r = test_random(&seed);
        to[i] = r % 13 == 0 ? special[r / 13 % 6] : (float)(int32_t)r * 0x1p-31f;
    }
}

const struct kernel_plane *ir_random_planes(void)
{
    static float data[IR_RANDOM_PLANES][PLANE_ROWS * PLANE_STRIDE];
    static struct kernel_plane planes[IR_RANDOM_PLANES];
    for (uint64_t i = 0; i < IR_RANDOM_PLANES && !planes[i].data; i++) {
        fill(data[i], PLANE_ROWS * PLANE_STRIDE, i + 1);
        planes[i] = (struct kernel_plane){data[i] + IR_RANDOM_NEAR * (PLANE_STRIDE + 1), PLANE_STRIDE};
    }
    return planes;
}

const struct kernel_image *ir_random_images(void)
{
    static const int32_t sizes[IR_RANDOM_IMAGES][2] = {{5, 3}, {1, 9}};
    static float data[IR_RANDOM_IMAGES][64];
    static struct kernel_image images[IR_RANDOM_IMAGES];
    for (uint64_t i = 0; i < IR_RANDOM_IMAGES && !images[i].data; i++) {
        fill(data[i], 64, i + 11);
        images[i] = (struct kernel_image){data[i], sizes[i][0], sizes[i][1]};
    }
    return images;
}

static struct val make(struct maker *m, enum op op, int32_t imm, uint32_t n, const struct val *args)
{
    struct val copy[FN_ARGS_MAX];
    for (uint32_t k = 0; k < n; k++)
        copy[k] = args[k];
    return ir_emit(m->ir, m->code, (struct ins){.op = op, .imm.i = imm, .n_args = n, .args = copy});
}

static struct val make_f32(struct maker *m, float f)
{
    return ir_emit(m->ir, m->code, (struct ins){.op = OP_CONST_F32, .imm.f = f});
}

static struct val make_f64(struct maker *m, double d)
{
    return ir_emit(m->ir, m->code, (struct ins){.op = OP_CONST_F64, .imm.d = d});
}

/* A value made so far, of this type, the younger the likelier; there is one of each. */
static struct val any(struct maker *m, enum type type)
{
    for (;;) {
        uint32_t n = m->code->n - 1, v = 1 + below(m->seed, n);
        if (n > 12 && below(m->seed, 2))
            v = m->code->n - 1 - below(m->seed, 12);
        if (op_info(m->code->ins[v].op)->result == type)
            return (struct val){v};
    }
}

static void make_constants(struct maker *m)
{
    static const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, 2.0f, 0.5f, INFINITY, NAN, 3.0f, 1e30f};
    make_f32(m, special[below(m->seed, 10)]);
    make_f32(m, special[below(m->seed, 10)]);
    make_f64(m, special[below(m->seed, 10)]);
    ir_emit(m->ir, m->code, (struct ins){.op = OP_CONST_I32, .imm.i = (int32_t)below(m->seed, 4) - 1});
    make(m, OP_LT_F32, 0, 2, (struct val[]){any(m, TYPE_F32), any(m, TYPE_F32)});
}

static struct val make_arg(struct maker *m)
{
    struct val v =
        make(m, OP_ARG, (int32_t)ir_add_arg(m->ir, (struct arg_source){.kind = ARG_PARAM, .index = below(m->seed, 8)}),
             0, NULL);
    return below(m->seed, 3) ? make(m, OP_F32_F64, 0, 1, &v) : v;
}

/* A delay of 1 to 8 samples, fed now or later. */
static struct val make_delay(struct maker *m)
{
    struct val capacity = make_f64(m, 8 + below(m->seed, 3));
    struct val age = ir_emit(m->ir, m->code, (struct ins){.op = OP_CONST_I32, .imm.i = 1 + (int32_t)below(m->seed, 8)});
    struct val ring = make(m, OP_RING, 0, 2, (struct val[]){any(m, TYPE_F32), capacity});
    struct val tap = make(m, OP_TAP, 0, 2, (struct val[]){ring, age});
    if (below(m->seed, 3) == 0) { /* a second line behind it */
        ring = make(m, OP_RING, 0, 2, (struct val[]){tap, capacity});
        tap = make(m, OP_TAP, 0, 2, (struct val[]){ring, age});
    }
    return tap;
}

/* At most IR_RANDOM_NEAR away, by a number in the code or an argument. */
static struct val make_near(struct maker *m)
{
    struct val offsets[2];
    struct val plane = make(m, OP_SURFACE, (int32_t)below(m->seed, IR_RANDOM_PLANES), 0, NULL);
    for (int k = 0; k < 2; k++) {
        int32_t at = (int32_t)below(m->seed, 2 * IR_RANDOM_NEAR + 1) - IR_RANDOM_NEAR;
        offsets[k] = ir_emit(m->ir, m->code, (struct ins){.op = OP_CONST_I32, .imm.i = at});
        if (below(m->seed, 4) == 0) {
            struct arg_source source = {.kind = ARG_PARAM, .index = below(m->seed, 8)};
            struct val v = make(m, OP_ARG, (int32_t)ir_add_arg(m->ir, source), 0, NULL);
            offsets[k] = make(m, OP_I32_F64, 0, 1, &v);
        }
    }
    return make(m, OP_NEAR, 0, 3, (struct val[]){plane, offsets[0], offsets[1]});
}

static struct val make_fetch(struct maker *m)
{
    struct val at[2] = {any(m, TYPE_I32), any(m, TYPE_I32)};
    for (int k = 0; k < 2; k++)
        if (below(m->seed, 2))
            at[k] = ir_emit(m->ir, m->code, (struct ins){.op = OP_CONST_I32, .imm.i = (int32_t)below(m->seed, 8) - 2});
    return make(m, OP_FETCH, (int32_t)below(m->seed, 4 * IR_RANDOM_IMAGES), 2, at);
}

static bool fits(const struct maker *m, enum op op)
{
    unsigned flags = op_info(op)->flags;
    bool param = op == OP_PARAM_F32 || op == OP_PARAM_F64 || op == OP_PARAM_I32;
    if (param || op == OP_INPUT || op == OP_RING || op == OP_TAP || op == OP_FROM_BITS || op == OP_FROM_HIGH)
        return false; /* made by hand, or able to make denormals */
    if (op == OP_PLANE || op == OP_SURFACE || op == OP_NEAR || op == OP_FETCH || op == OP_HOSTED)
        return false;
    if (m->pure && ((flags & OP_STATE) || op == OP_ARG || op == OP_IOTA || op == OP_ROW))
        return false;
    if (op == OP_CALL_F32)
        return m->ir->n_fns >= LEAVES;
    return op_info(op)->arity >= 0;
}

static void make_any(struct maker *m)
{
    struct val args[FN_ARGS_MAX];
    enum op op;
    do
        op = (enum op)(1 + below(m->seed, OP_COUNT - 1));
    while (!fits(m, op));
    const struct op_info *info = op_info(op);
    int32_t imm = 0;
    uint32_t n = info->arity < 0 ? 0 : (uint32_t)info->arity;
    if (op == OP_CONST_F32 || op == OP_CONST_F64 || op == OP_CONST_I32) {
        if (below(m->seed, 3) == 0)
            make_constants(m);
        return;
    }
    if (op == OP_ARG) {
        make_arg(m);
        return;
    }
    if (op == OP_SHL_I32 || op == OP_SHR_I32 || op == OP_SAR_I32)
        imm = (int32_t)below(m->seed, 32);
    if (op == OP_GATHER_I32)
        imm = 1;
    if (op == OP_CALL_F32) {
        imm = (int32_t)below(m->seed, m->ir->n_fns);
        n = m->ir->fns[imm].n_params;
    }
    for (uint32_t k = 0; k < n; k++)
        args[k] = any(m, info->arity < 0 ? m->ir->fns[imm].params[k] : type_by_letter(info->args[k]));
    make(m, op, imm, n, args);
}

static void make_fn(struct ir *ir, uint64_t *seed, const char *name)
{
    struct ir_fn fn = {.name = name, .n_params = 2, .params = {TYPE_F32, TYPE_I32}, .result_type = TYPE_F32};
    struct maker m = {.ir = ir, .code = &fn.code, .seed = seed, .pure = true};
    make(&m, OP_PARAM_F32, 0, 0, NULL);
    make(&m, OP_PARAM_I32, 1, 0, NULL);
    make_constants(&m);
    for (int i = 0; i < 8; i++)
        make_any(&m);
    fn.result = any(&m, TYPE_F32);
    ir_add_fn(ir, &fn);
}

struct ir *ir_random(struct arena *a, uint64_t seed, uint32_t n)
{
    struct ir *ir = ir_new(a);
    struct maker m = {.ir = ir, .code = &ir->main, .seed = &seed};
    static const float floats[] = {1, -0.0f, 3, 0.25f};
    static const int32_t ints[] = {5, -1};
    ir_add_table(ir, "floats", TYPE_F32, 4, floats);
    ir_add_table(ir, "ints", TYPE_I32, 2, ints);
    for (uint32_t i = 0; i < IR_RANDOM_IMAGES; i++)
        ir_add_image(ir, image_names[i]);
    make_fn(ir, &seed, "f");
    make_fn(ir, &seed, "g");
    make_fn(ir, &seed, "calls.them");
    make(&m, OP_INPUT, 0, 0, NULL);
    make(&m, OP_INPUT, 1, 0, NULL);
    make(&m, OP_IOTA, 0, 0, NULL);
    make_arg(&m);
    make_constants(&m);
    while (ir->main.n < n)
        switch (below(&seed, 16)) {
        case 0:
            make_delay(&m);
            break;
        case 1:
            make_near(&m);
            break;
        case 2:
            make_fetch(&m);
            break;
        default:
            make_any(&m);
        }
    for (uint32_t i = 1; i < ir->main.n; i++) {
        struct ins *ins = &ir->main.ins[i];
        if ((op_info(ins->op)->flags & OP_STATE) && below(&seed, 2))
            ins->args[0] = any(&m, type_by_letter(op_info(ins->op)->args[0]));
    }
    ir->outputs = ARENA_ARRAY(a, IR_RANDOM_OUTPUTS, struct val);
    for (ir->n_outputs = 0; ir->n_outputs < IR_RANDOM_OUTPUTS; ir->n_outputs++)
        ir->outputs[ir->n_outputs] = any(&m, TYPE_F32);
    ir->n_inputs = 2;
    ir->n_planes = IR_RANDOM_PLANES;
    return ir;
}

struct ir *ir_copy(const struct ir *ir, struct arena *a)
{
    struct fault f;
    struct ir *copy = NULL;
    fault_init(&f, a);
    if (ir_parse(ir_print(ir, a), a, &copy, &f))
        fail_msg("%s", f.items[0].detail);
    return copy;
}

/* Shuffling */

/* A random order of n things. */
static uint32_t *permutation(struct arena *a, uint64_t *seed, uint32_t n)
{
    uint32_t *p = ARENA_ARRAY(a, n, uint32_t);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = below(seed, i + 1);
        p[i] = p[k];
        p[k] = i;
    }
    return p;
}

static void shuffle_imm(struct ins *ins, const uint32_t *fns, const uint32_t *tables, const uint32_t *args)
{
    if (op_info(ins->op)->arity < 0)
        ins->imm.i = (int32_t)fns[ins->imm.i];
    if (ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32)
        ins->imm.i = (int32_t)tables[ins->imm.i];
    if (ins->op == OP_ARG)
        ins->imm.i = (int32_t)args[ins->imm.i];
}

static bool is_ready(const struct ins *ins, const uint32_t *to)
{
    for (uint32_t k = 0; k < ins->n_args; k++)
        if (!ins_is_delayed(ins, k) && !to[ins->args[k].i])
            return false;
    return true;
}

/* Writes the body in another order; returns where each value went. */
static uint32_t *shuffle_code(struct ir *ir, const struct code *old, struct code *new, uint64_t *seed, bool with_dead)
{
    uint32_t *to = ARENA_ARRAY(ir->arena, old->n, uint32_t);
    struct maker m = {.ir = ir, .code = new, .seed = seed};
    for (uint32_t done = 0; done + 1 < old->n;) {
        uint32_t v = 1 + below(seed, old->n - 1);
        struct ins ins = old->ins[v];
        struct val args[FN_ARGS_MAX];
        if (to[v] || !is_ready(&ins, to))
            continue;
        for (uint32_t k = 0; k < ins.n_args; k++)
            args[k].i = ins_is_delayed(&ins, k) ? ins.args[k].i : to[ins.args[k].i];
        if ((op_info(ins.op)->flags & OP_COMMUTES) && below(seed, 2)) {
            struct val swap = args[0];
            args[0] = args[1];
            args[1] = swap;
        }
        ins.args = args;
        to[v] = ir_emit(ir, new, ins).i;
        done++;
        if (with_dead && op_info(ins.op)->result == TYPE_F32 && below(seed, 4) == 0)
            make(&m, OP_ADD_F32, 0, 2, (struct val[]){{to[v]}, {to[v]}});
    }
    for (uint32_t i = 1; i < new->n; i++)
        if (new->ins[i].n_args && ins_is_delayed(&new->ins[i], 0))
            new->ins[i].args[0].i = to[new->ins[i].args[0].i];
    return to;
}

struct ir *ir_shuffled(const struct ir *ir, struct arena *a, uint64_t seed)
{
    struct ir *new = ir_copy(ir, a);
    new->args = arena_grow(a, new->args, new->n_args, (size_t) new->n_args + 1, sizeof *new->args);
    new->args[new->n_args++] = (struct arg_source){.kind = ARG_LITERAL, .value = 9};
    uint32_t *fns = permutation(a, &seed, LEAVES), *tables = permutation(a, &seed, new->n_tables);
    fns = arena_grow(a, fns, LEAVES, new->n_fns, sizeof *fns);
    for (uint32_t i = LEAVES; i < new->n_fns; i++)
        fns[i] = i;
    uint32_t *args = permutation(a, &seed, new->n_args);
    struct ir from = *new;
    new->fns = ARENA_ARRAY(a, new->n_fns, struct ir_fn);
    new->tables = ARENA_ARRAY(a, new->n_tables, struct ir_table);
    new->args = ARENA_ARRAY(a, new->n_args, struct arg_source);
    new->cap_fns = new->n_fns, new->cap_tables = new->n_tables, new->cap_args = new->n_args;
    new->main = (struct code){0};
    for (uint32_t i = 0; i < from.n_tables; i++) {
        new->tables[tables[i]] = from.tables[i];
        new->tables[tables[i]].name = arena_printf(a, "t%u", i);
    }
    for (uint32_t i = 0; i < from.n_args; i++)
        new->args[args[i]] = from.args[i];
    for (uint32_t i = 0; i < from.n_fns; i++) {
        struct ir_fn fn = from.fns[i];
        fn.name = arena_printf(a, "h%u", i);
        fn.code = (struct code){0};
        fn.result.i = shuffle_code(new, &from.fns[i].code, &fn.code, &seed, true)[fn.result.i];
        new->fns[fns[i]] = fn;
    }
    uint32_t *to = shuffle_code(new, &from.main, &new->main, &seed, true);
    for (uint32_t i = 0; i < new->n_outputs; i++)
        new->outputs[i].i = to[new->outputs[i].i];
    for (uint32_t i = 0; i <= new->n_fns; i++) {
        struct code *code = i < new->n_fns ? &new->fns[i].code : &new->main;
        for (uint32_t v = 1; v < code->n; v++)
            shuffle_imm(&code->ins[v], fns, tables, args);
    }
    return new;
}

/* Walking */

struct walk {
    const struct ir *ir;
    const float *const *in;
    uint32_t sample;
    struct constant **past; /* by value: of a state operation, what its operand was at each sample */
};

static struct constant walk_code(struct walk *w, const struct code *code, const struct constant *params,
                                 struct constant *vals, struct val result);

static struct constant zero(enum type type)
{
    return (struct constant){.type = type};
}

static struct constant walk_state(const struct walk *w, uint32_t v, const struct ins *ins, const struct constant *args)
{
    struct constant c = zero(op_info(ins->op)->result);
    if (ins->op == OP_TAP) {
        int32_t age = args[1].as.i;
        assert_true(age >= 1);
        return (uint32_t)age <= w->sample ? w->past[ins->args[0].i][w->sample - (uint32_t)age] : zero(TYPE_F32);
    }
    if (ins->op == OP_ACCUM)
        for (uint32_t i = 0; i < w->sample; i++)
            c.as.i = (int32_t)((uint32_t)c.as.i + (uint32_t)w->past[v][i].as.i);
    else if (w->sample && ins->op != OP_RING)
        c = w->past[v][w->sample - 1];
    return c;
}

static struct constant walk_source(const struct walk *w, const struct ins *ins, const struct constant *params)
{
    struct constant c = zero(op_info(ins->op)->result);
    switch (ins->op) {
    case OP_CONST_F32:
        c.as.f = ins->imm.f;
        break;
    case OP_CONST_F64:
        c.as.d = ins->imm.d;
        break;
    case OP_CONST_I32:
        c.as.i = ins->imm.i;
        break;
    case OP_ARG:
        c.as.d = ir_random_arg(w->ir->args[ins->imm.i].index);
        break;
    case OP_IOTA:
        c.as.i = (int32_t)w->sample;
        break;
    case OP_INPUT:
        c.as.f = w->in[ins->imm.i][w->sample];
        break;
    case OP_ROW:
        break;
    default:
        return params[ins->imm.i];
    }
    return c;
}

static int32_t clamp(int32_t x, int32_t size)
{
    return x < 0 ? 0 : x >= size ? size - 1 : x;
}

static struct constant walk_pixel(const struct walk *w, const struct ins *ins, const struct constant *args)
{
    struct constant c = zero(op_info(ins->op)->result);
    if (ins->op == OP_SURFACE) {
        c.as.i = ins->imm.i;
    } else if (ins->op == OP_NEAR) {
        const struct kernel_plane *p = &ir_random_planes()[args[0].as.i];
        c.as.f = p->data[args[2].as.i * p->stride + (int64_t)w->sample + args[1].as.i];
    } else {
        const char *name = w->ir->images[ins->imm.i / 4].name; /* passes may have moved it */
        const struct kernel_image *image = &ir_random_images()[strcmp(name, image_names[0]) != 0];
        int32_t x = clamp(args[0].as.i, image->width), y = clamp(args[1].as.i, image->height);
        c.as.f = image->data[(ins->imm.i % 4 * image->height + y) * image->width + x];
    }
    return c;
}

static struct constant walk_ins(struct walk *w, uint32_t v, const struct ins *ins, const struct constant *params,
                                const struct constant *vals)
{
    struct constant args[FN_ARGS_MAX];
    for (uint32_t k = 0; k < ins->n_args; k++)
        args[k] = ins_is_delayed(ins, k) ? zero(TYPE_NONE) : vals[ins->args[k].i];
    unsigned flags = op_info(ins->op)->flags;
    if (ins->op == OP_SURFACE || ins->op == OP_NEAR || ins->op == OP_FETCH)
        return walk_pixel(w, ins, args);
    if (flags & OP_SOURCE)
        return walk_source(w, ins, params);
    if ((flags & OP_STATE) || ins->op == OP_TAP)
        return walk_state(w, v, ins, args);
    if (ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32) {
        const struct ir_table *t = &w->ir->tables[ins->imm.i];
        struct constant c = zero(t->type);
        c.as.i = t->data.i[(uint32_t)args[0].as.i & (t->n - 1)];
        return c;
    }
    if (op_info(ins->op)->arity < 0) {
        const struct ir_fn *fn = &w->ir->fns[ins->imm.i];
        struct constant inner[fn->code.n];
        return walk_code(w, &fn->code, args, inner, fn->result);
    }
    return interp_fold(ins, args);
}

static struct constant walk_code(struct walk *w, const struct code *code, const struct constant *params,
                                 struct constant *vals, struct val result)
{
    for (uint32_t v = 1; v < code->n; v++)
        vals[v] = walk_ins(w, v, &code->ins[v], params, vals);
    return vals[result.i];
}

void ir_walk(const struct ir *ir, const float *const *in, uint32_t n, float *out, struct arena *a)
{
    const struct code *code = &ir->main;
    struct constant *vals = ARENA_ARRAY(a, code->n, struct constant);
    struct walk w = {.ir = ir, .in = in, .past = ARENA_ARRAY(a, code->n, struct constant *)};
    for (uint32_t v = 1; v < code->n; v++)
        if (op_info(code->ins[v].op)->flags & OP_STATE)
            w.past[v] = ARENA_ARRAY(a, n, struct constant);
    for (w.sample = 0; w.sample < n; w.sample++) {
        walk_code(&w, code, NULL, vals, (struct val){1});
        for (uint32_t v = 1; v < code->n; v++)
            if (w.past[v])
                w.past[v][w.sample] = vals[code->ins[v].args[0].i];
        for (uint32_t c = 0; c < ir->n_outputs; c++)
            out[c * n + w.sample] = vals[ir->outputs[c].i].as.f;
    }
}
