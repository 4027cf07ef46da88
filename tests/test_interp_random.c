/* labels: core */
/* The interpreter against an evaluation of the IR one sample at a time: random graphs with feedback, delay lines
 * and functions, cut into blocks of any length, each block on another instruction set. */
#include <stdlib.h>
#include <string.h>

#include "core/interp.h"
#include "tests/support.h"
#include "tests/support/reference.h"

/* Random graphs. */
struct maker {
    struct ir *ir;
    struct code *code;
    uint64_t seed;
    struct val pool[4][512]; /* by type: f32, f64, i32, mask */
    uint32_t n[4];
    struct val delayed[64]; /* state operations that still need an operand */
    uint32_t n_delayed;
};

static uint32_t pick(struct maker *m, uint32_t n)
{
    return test_random(&m->seed) % n;
}

static struct val keep(struct maker *m, struct val v)
{
    int t = (int)op_info(m->code->ins[v.i].op)->result - TYPE_F32;
    m->pool[t][m->n[t]++] = v;
    return v;
}

static struct val any(struct maker *m, enum type type)
{
    uint32_t n = m->n[type - TYPE_F32];
    assert_int_not_equal(n, 0);
    /* late values more often, so that graphs grow deep */
    uint32_t a = pick(m, n), b = pick(m, n);
    return m->pool[type - TYPE_F32][a > b ? a : b];
}

static struct val emit(struct maker *m, struct ins ins)
{
    return keep(m, ir_emit(m->ir, m->code, ins));
}

static void random_elementwise(struct maker *m)
{
    enum op op = OP_ADD_F32 + pick(m, OP_FROM_HIGH - OP_ADD_F32 + 1);
    const struct op_info *info = op_info(op);
    struct val args[3];
    for (int k = 0; k < info->arity; k++)
        args[k] = any(m, type_by_letter(info->args[k]));
    int32_t imm = info->flags & OP_IMM_I ? (int32_t)pick(m, 32) : 0;
    emit(m, (struct ins){.op = op, .n_args = (uint32_t)info->arity, .args = args, .imm.i = imm});
}

static void random_gather(struct maker *m)
{
    struct val index = any(m, TYPE_I32);
    bool integers = pick(m, 2);
    emit(m,
         (struct ins){.op = integers ? OP_GATHER_I32 : OP_GATHER_F32, .n_args = 1, .args = &index, .imm.i = integers});
}

static void random_call(struct maker *m)
{
    if (!m->ir->n_fns)
        return;
    uint32_t index = pick(m, m->ir->n_fns);
    const struct ir_fn *fn = &m->ir->fns[index];
    struct val args[FN_ARGS_MAX];
    enum op op = fn->result_type == TYPE_F32 ? OP_CALL_F32 : fn->result_type == TYPE_F64 ? OP_CALL_F64 : OP_CALL_I32;
    for (uint32_t k = 0; k < fn->n_params; k++)
        args[k] = any(m, fn->params[k]);
    emit(m, (struct ins){.op = op, .n_args = fn->n_params, .args = args, .imm.i = (int32_t)index});
}

enum { RING_CAPACITY = 300, RING_LENGTH = 1024 };

static struct val const_i32(struct maker *m, int32_t i)
{
    return emit(m, (struct ins){.op = OP_CONST_I32, .imm.i = i});
}

/* From 1 to RING_CAPACITY: a constant, an argument, or varying by the sample. */
static struct val random_age(struct maker *m)
{
    struct val args[2];
    switch (pick(m, 4)) {
    case 0:
        return const_i32(m, 1 + (int32_t)pick(m, RING_CAPACITY));
    case 1:
        args[0] = any(m, TYPE_I32);
        args[1] = const_i32(m, 127);
        args[0] = emit(m, (struct ins){.op = OP_AND_I32, .n_args = 2, .args = args});
        args[1] = const_i32(m, 1 + (int32_t)pick(m, 100));
        return emit(m, (struct ins){.op = OP_ADD_I32, .n_args = 2, .args = args});
    default:
        args[0] = ir_emit(m->ir, m->code, (struct ins){.op = OP_ARG, .imm.i = (int32_t)pick(m, 3)});
        return emit(m, (struct ins){.op = OP_I32_F64, .n_args = 1, .args = args});
    }
}

static void random_state(struct maker *m)
{
    static const enum op ops[] = {OP_PREV_F32, OP_PREV_F32, OP_PREV_F64, OP_PREV_I32, OP_ACCUM};
    struct val args[2] = {any(m, TYPE_F32), VAL_NONE};
    if (m->n_delayed == 64)
        return;
    if (pick(m, 3) == 0) {
        args[1] = ir_emit(m->ir, m->code, (struct ins){.op = OP_CONST_F64, .imm.d = RING_CAPACITY});
        struct val line = ir_emit(m->ir, m->code, (struct ins){.op = OP_RING, .n_args = 2, .args = args});
        m->delayed[m->n_delayed++] = line;
        for (uint32_t taps = 1 + pick(m, 2); taps; taps--) {
            struct val tap[2] = {line, random_age(m)};
            emit(m, (struct ins){.op = OP_TAP, .n_args = 2, .args = tap});
        }
        return;
    }
    enum op op = ops[pick(m, 5)];
    args[0] = any(m, type_by_letter(op_info(op)->args[0]));
    m->delayed[m->n_delayed++] = emit(m, (struct ins){.op = op, .n_args = 1, .args = args});
}

static void random_sources(struct maker *m)
{
    for (int32_t i = 0; i < 3; i++) {
        struct val arg = emit(m, (struct ins){.op = OP_ARG, .imm.i = i});
        emit(m, (struct ins){.op = OP_F32_F64, .n_args = 1, .args = &arg});
    }
    emit(m, (struct ins){.op = OP_CONST_F32, .imm.f = -0.75f});
    emit(m, (struct ins){.op = OP_CONST_F64, .imm.d = 0.3});
    emit(m, (struct ins){.op = OP_IOTA});
    emit(m, (struct ins){.op = OP_ROW});
    for (int32_t i = 0; i < 2; i++)
        emit(m, (struct ins){.op = OP_INPUT, .imm.i = i});
    struct val ab[2] = {any(m, TYPE_F32), any(m, TYPE_F32)};
    emit(m, (struct ins){.op = OP_LT_F32, .n_args = 2, .args = ab});
}

static void random_fn(struct ir *ir, uint64_t *seed)
{
    struct ir_fn fn = {
        .name = arena_printf(ir->arena, "f%u", ir->n_fns), .n_params = 3, .params = {TYPE_F32, TYPE_F64, TYPE_I32}};
    struct maker m = {.ir = ir, .code = &fn.code, .seed = *seed};
    emit(&m, (struct ins){.op = OP_PARAM_F32, .imm.i = 0});
    emit(&m, (struct ins){.op = OP_PARAM_F64, .imm.i = 1});
    struct val i = emit(&m, (struct ins){.op = OP_PARAM_I32, .imm.i = 2});
    struct val k = const_i32(&m, 3);
    emit(&m, (struct ins){.op = OP_LT_I32, .n_args = 2, .args = (struct val[]){i, k}});
    for (int n = 0; n < 8; n++)
        random_elementwise(&m);
    random_gather(&m);
    random_call(&m);
    fn.result_type = TYPE_F32 + pick(&m, 3);
    fn.result = any(&m, fn.result_type);
    *seed = m.seed;
    ir_add_fn(ir, &fn);
}

/* `wide`: so many values alive at once that strips must be short. */
static struct ir *random_ir(struct arena *a, uint64_t seed, bool with_state, bool wide)
{
    struct maker m = {.ir = ir_new(a), .seed = seed};
    float floats[16];
    int32_t integers[64];
    for (int i = 0; i < 64; i++) {
        integers[i] = (int32_t)test_random(&m.seed) >> (i % 32);
        floats[i % 16] = (float)integers[i] * 0x1p-31f;
    }
    ir_add_table(m.ir, "floats", TYPE_F32, 16, floats);
    ir_add_table(m.ir, "integers", TYPE_I32, 64, integers);
    for (uint32_t i = 0; i < 3; i++)
        ir_add_arg(m.ir, (struct arg_source){.kind = ARG_PARAM, .index = i});
    m.ir->n_inputs = 2;
    for (int i = 0; i < 3; i++)
        random_fn(m.ir, &m.seed);
    m.code = &m.ir->main;
    random_sources(&m);
    for (uint32_t n = 10 + pick(&m, 50); n; n--) {
        uint32_t kind = pick(&m, 10);
        if (kind == 0)
            random_gather(&m);
        else if (kind == 1)
            random_call(&m);
        else if (kind < 4 && with_state)
            random_state(&m);
        else
            random_elementwise(&m);
    }
    for (uint32_t i = 0; i < m.n_delayed; i++) {
        struct ins *ins = &m.code->ins[m.delayed[i].i];
        if (pick(&m, 3)) /* else it stays fed from before: no cycle */
            ins->args[0] = any(&m, type_by_letter(op_info(ins->op)->args[0]));
    }
    if (wide) {
        struct val first[150], sum = any(&m, TYPE_F32);
        for (int i = 0; i < 150; i++) {
            struct val x[2] = {any(&m, TYPE_F32), m.pool[0][0]};
            first[i] = ir_emit(m.ir, m.code, (struct ins){.op = OP_MIN_F32, .n_args = 2, .args = x});
        }
        for (int i = 0; i < 150; i++)
            sum = ir_emit(m.ir, m.code,
                          (struct ins){.op = OP_ADD_F32, .n_args = 2, .args = (struct val[]){sum, first[i]}});
        keep(&m, sum);
    }
    m.ir->outputs = ARENA_ARRAY(a, 3, struct val);
    m.ir->n_outputs = 3;
    for (int i = 0; i < 3; i++)
        m.ir->outputs[i] = wide && i == 0 ? m.pool[0][m.n[0] - 1] : any(&m, TYPE_F32);
    return m.ir;
}

static const struct plan *plan_of(struct arena *a, struct ir *ir)
{
    struct fault fault;
    fault_init(&fault, a);
    if (ir_verify(ir, &fault) != STATUS_OK)
        fail_msg("%s\n%s", fault.items[0].detail, ir_print(ir, a));
    ir_rates(ir);
    return plan_make(ir, a);
}

enum { SAMPLES = 2000, CHANNELS = 3 };

struct bench {
    struct arena *a;
    const struct plan *plan;
    struct interp *isas[3];
    void *work[3];
    double args[3];
    const float *in[2];
    float *expected[CHANNELS];
    struct reference ref;
};

static struct bench *bench_new(struct ir *ir, uint64_t seed)
{
    struct arena *a = ir->arena;
    struct bench *b = ARENA_NEW(a, struct bench);
    b->a = a;
    b->plan = plan_of(a, ir);
    for (int isa = 0; isa < 3; isa++) {
        int use = interp_isa_available((enum interp_isa)isa) ? isa : INTERP_BASE;
        b->isas[isa] = interp_new(b->plan, (enum interp_isa)use, a);
        b->work[isa] = arena_aligned(a, interp_work_size(b->isas[isa]), KERNEL_ALIGN);
    }
    for (int i = 0; i < 3; i++)
        b->args[i] = 1 + test_random(&seed) % (i == 0 ? 12u : (unsigned)RING_CAPACITY);
    for (int c = 0; c < 2; c++) {
        float *in = ARENA_ARRAY(a, SAMPLES, float);
        for (int i = 0; i < SAMPLES; i++)
            in[i] = (float)(int32_t)test_random(&seed) * (i % 97 ? 0x1p-31f : 0x1p-140f);
        b->in[c] = in;
    }
    return b;
}

static void bench_reference(struct bench *b)
{
    b->ref = reference_new(b->a, b->plan, b->args, b->in, reference_rings(b->a, b->plan->n_rings, RING_LENGTH));
    for (int c = 0; c < CHANNELS; c++)
        b->expected[c] = ARENA_ARRAY(b->a, SAMPLES, float);
    while (b->ref.n < SAMPLES) {
        for (int c = 0; c < CHANNELS; c++)
            b->expected[c][b->ref.n] = reference_canonical(reference_value(&b->ref, b->plan->ir->outputs[c]).as.f);
        reference_next(&b->ref);
    }
}

static void check_state(const struct bench *b, const char *state)
{
    for (uint32_t v = 1; v < b->plan->ir->main.n; v++) {
        if (b->plan->state_at[v] == PLAN_NONE)
            continue;
        const char *p = state + b->plan->state_at[v];
        struct constant x = b->ref.state[v];
        if (x.type == TYPE_F64) {
            double d;
            memcpy(&d, p, 8);
            assert_true(x.as.d != x.as.d ? !memcmp(p, "\0\0\0\0\0\0\xf8\x7f", 8) : !memcmp(p, &x.as.d, 8));
        } else {
            float f = x.type == TYPE_F32 ? reference_canonical(x.as.f) : x.as.f;
            assert_memory_equal(p, &f, 4);
        }
    }
}

/* Blocks of `least` to `most` samples, one after another; `isa` below 0: another one each block. In and out are exactly
 * as long as the block, so that a sanitizer sees what reaches beyond. */
static void check_blocks(struct bench *b, int isa, uint32_t least, uint32_t most, uint64_t seed)
{
    void *state = arena_aligned(b->a, b->plan->state_size, KERNEL_ALIGN);
    struct kernel_ring *rings = reference_rings(b->a, b->plan->n_rings, RING_LENGTH);
    for (int32_t n = 0; n < SAMPLES;) {
        int32_t count = (int32_t)(least + test_random(&seed) % (most - least + 1));
        count = count < SAMPLES - n ? count : SAMPLES - n;
        float *in[2], *out[CHANNELS];
        for (int c = 0; c < 2; c++) {
            in[c] = malloc((size_t)count * 4 + 1);
            memcpy(in[c], b->in[c] + n, (size_t)count * 4);
        }
        for (int c = 0; c < CHANNELS; c++)
            out[c] = malloc((size_t)count * 4 + 1);
        struct kernel_call call = {.args = b->args,
                                   .in = (const float *const *)in,
                                   .out = out,
                                   .state = state,
                                   .rings = rings,
                                   .count = count,
                                   .rows = 1,
                                   .n0_low = n};
        int use = isa < 0 ? (int)(test_random(&seed) % 3) : isa;
        unsigned saved = fp_state_enter();
        interp_run(b->isas[use], &call, b->work[use]);
        fp_state_leave(saved);
        for (int c = 0; c < CHANNELS; c++) {
            for (int32_t i = 0; i < count; i++)
                if (memcmp(&out[c][i], &b->expected[c][n + i], 4) != 0)
                    fail_msg("isa %d, block of %d at %d: output %d, sample %d is %a, expected %a\n%s\n%s", use, count,
                             n, c, n + i, (double)out[c][i], (double)b->expected[c][n + i], ir_print(b->plan->ir, b->a),
                             plan_print(b->plan, b->a));
            free(out[c]);
        }
        free(in[0]);
        free(in[1]);
        n += count;
    }
    check_state(b, state);
    for (uint32_t i = 0; i < b->plan->n_rings; i++)
        assert_memory_equal(rings[i].data, b->ref.rings[i].data, RING_LENGTH * 4);
}

/* The iota of a graph counts from 0 in each block; only one block has the reference's. */
static bool counts_samples(const struct ir *ir)
{
    for (uint32_t v = 1; v < ir->main.n; v++)
        if (ir->main.ins[v].op == OP_IOTA)
            return true;
    return false;
}

/* Replaces iota by a running count, which goes on over blocks. */
static void count_by_state(struct ir *ir)
{
    struct val one = ir_emit(ir, &ir->main, (struct ins){.op = OP_CONST_I32, .imm.i = 1});
    for (uint32_t v = 1; v < ir->main.n; v++)
        if (ir->main.ins[v].op == OP_IOTA) {
            struct val *args = ARENA_ARRAY(ir->arena, 1, struct val);
            args[0] = one;
            ir->main.ins[v] = (struct ins){.op = OP_ACCUM, .n_args = 1, .args = args};
        }
}

static void random_graphs(bool with_state, bool wide, uint64_t from, uint64_t count)
{
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct arena *a = arena_new(1u << 28);
        struct ir *ir = random_ir(a, seed, with_state, wide);
        if (with_state)
            count_by_state(ir);
        assert_int_equal(counts_samples(ir), !with_state);
        struct bench *b = bench_new(ir, seed);
        unsigned saved = fp_state_enter();
        bench_reference(b);
        fp_state_leave(saved);
        for (int isa = 0; isa < 3; isa++)
            check_blocks(b, isa, SAMPLES, SAMPLES, seed);
        if (with_state) {
            check_blocks(b, -1, 1, 40, seed);
            check_blocks(b, -1, 100, 700, seed);
            check_blocks(b, 2, 16, 16, seed);
        }
        arena_free(a);
    }
}

static void graphs_without_state_agree(void **state)
{
    (void)state;
    random_graphs(false, false, 1, 60);
}

static void graphs_with_feedback_agree_in_any_blocks_on_any_isa(void **state)
{
    (void)state;
    random_graphs(true, false, 1000, 150);
}

static void graphs_with_many_live_values_agree(void **state)
{
    (void)state;
    random_graphs(true, true, 2000, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_without_state_agree),
        cmocka_unit_test(graphs_with_feedback_agree_in_any_blocks_on_any_isa),
        cmocka_unit_test(graphs_with_many_live_values_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
