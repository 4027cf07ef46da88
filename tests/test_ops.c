/* labels: core */
/* Every row of ops.def that has a meaning, on every instruction set and in every form, over nasty arguments, against a
 * scalar model of IEEE arithmetic with denormals flushed; and the rows' flags as claims. */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/interp.h"
#include "core/interp/loops.h"
#include "tests/support.h"

union cell {
    float f;
    double d;
    int32_t i;
    uint32_t u;
    uint64_t bits;
};

enum { NASTY_MAX = 40 };

struct nasty {
    union cell cells[NASTY_MAX];
    uint32_t n;
};

static struct nasty nasty_of(char letter)
{
    static const uint32_t f32[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0x3fc00000, 0x40200000,
                                   0xc0200000, 1,          0x80000001, 0x000fffff, 0x807fffff, 0x00800000, 0x80800000,
                                   0x00ffffff, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000,
                                   0x7f812345, 0xff912345, 0x4b000000, 0x4affffff, 0x4f000000, 0xcf000000, 0x4effffff,
                                   0xcf000001, 0x4f800000, 0x3f7fffff, 0x40490fdb, 0x1e3ce508, 0x5f000000};
    static const uint64_t f64[] = {0,
                                   0x8000000000000000,
                                   0x3ff0000000000000,
                                   0xbff0000000000000,
                                   0x3fe0000000000000,
                                   0x3ff8000000000000,
                                   0x4004000000000000,
                                   0xc004000000000000,
                                   1,
                                   0x8000000000000001,
                                   0x000fffffffffffff,
                                   0x800fffff12345678,
                                   0x0010000000000000,
                                   0x8010000000000000,
                                   0x7fefffffffffffff,
                                   0xffefffffffffffff,
                                   0x7ff0000000000000,
                                   0xfff0000000000000,
                                   0x7ff8000000000000,
                                   0xfff8000000000000,
                                   0x7ff0123456789abc,
                                   0x7ff0000000000001,
                                   0x41e0000000000000,
                                   0xc1e0000000000000,
                                   0x41dfffffffc00000,
                                   0x41dfffffffffffff,
                                   0xc1e0000000200000,
                                   0x4330000000000000,
                                   0x3810000000000000,
                                   0x380fffffffffffff,
                                   0x47efffffffffffff,
                                   0x36a0000000000000,
                                   0x3ff0000000000001,
                                   0x400921fb54442d18};
    static const uint32_t i32[] = {0,          1,          2,          3,          7,          0xffffffff, 0xfffffffe,
                                   0x80000000, 0x7fffffff, 0x80000001, 0x7ff00000, 0xfff00000, 0x7f800001, 0x7fc00000,
                                   0xff800001, 0x12345678, 0x00100000, 0x000fffff, 0x9e3779b9, 255,        0x55555555};
    struct nasty n = {.n = 0};
    if (letter == 'f')
        for (; n.n < sizeof f32 / sizeof *f32; n.n++)
            n.cells[n.n].u = f32[n.n];
    else if (letter == 'd')
        for (; n.n < sizeof f64 / sizeof *f64; n.n++)
            n.cells[n.n].bits = f64[n.n];
    else if (letter == 'i')
        for (; n.n < sizeof i32 / sizeof *i32; n.n++)
            n.cells[n.n].u = i32[n.n];
    else
        for (; n.n < 2; n.n++)
            n.cells[n.n].i = -(int32_t)n.n;
    return n;
}

/* The model. It runs with denormals on and flushes by hand. */

static float flush_f(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

static double flush_d(double x)
{
    return fabs(x) < DBL_MIN ? copysign(0, x) : x;
}

/* Tiny is judged after rounding to 24 bits with an unbounded exponent. */
static float narrow(double x)
{
    return fabs(x) < (double)FLT_MIN * (1 - 0x1p-25) ? copysignf(0, (float)x) : (float)x;
}

static float fused_f(float a, float b, float c)
{
    float r = fmaf(a, b, c);
    return fabsf(r) == FLT_MIN ? narrow((double)a * (double)b + (double)c) : flush_f(r);
}

/* The same judgement in f64, where `exact` is the result to more bits. */
static double flush_near(double r, long double exact)
{
    return fabsl(exact) < (long double)DBL_MIN * (1 - 0x1p-54L) ? copysign(0, r) : flush_d(r);
}

static int32_t truncated(double x)
{
    return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

static float canonical_f(float x)
{
    return isnan(x) ? ((union cell){.u = 0x7fc00000}).f : x;
}

static double canonical_d(double x)
{
    return isnan(x) ? ((union cell){.bits = 0x7ff8000000000000}).d : x;
}

#define MASK(condition) ((union cell){.i = (condition) ? -1 : 0})
#define CELL(member, value) ((union cell){.member = (value)})

/* clang-format off */
static union cell model_f(enum op op, float x, float y, float z)
{
    float a = flush_f(x), b = flush_f(y), c = flush_f(z);
    switch (op) {
    case OP_ADD_F32: return CELL(f, flush_f(a + b));
    case OP_SUB_F32: return CELL(f, flush_f(a - b));
    case OP_MUL_F32: return CELL(f, narrow((double)a * (double)b));
    case OP_DIV_F32: return CELL(f, narrow((double)a / (double)b));
    case OP_FMA_F32: return CELL(f, fused_f(a, b, c));
    case OP_MIN_F32: return CELL(f, a < b ? a : b);
    case OP_MAX_F32: return CELL(f, a > b ? a : b);
    case OP_NEG_F32: return CELL(u, (union cell){.f = x}.u ^ 0x80000000);
    case OP_ABS_F32: return CELL(u, (union cell){.f = x}.u & 0x7fffffff);
    case OP_SQRT_F32: return CELL(f, sqrtf(a));
    case OP_FLOOR_F32: return CELL(f, floorf(a));
    case OP_RINT_F32: return CELL(f, rintf(a));
    case OP_LT_F32: return MASK(a < b);
    case OP_LE_F32: return MASK(a <= b);
    case OP_EQ_F32: return MASK(a == b);
    case OP_F64_F32: return CELL(d, (double)a);
    case OP_I32_F32: return CELL(i, truncated((double)a));
    case OP_BITS_F32: return CELL(f, canonical_f(x));
    default: fail_msg("no model of %s", op_info(op)->text);
    }
    return CELL(bits, 0);
}

static union cell model_d(enum op op, double x, double y, double z)
{
    double a = flush_d(x), b = flush_d(y), c = flush_d(z);
    switch (op) {
    case OP_ADD_F64: return CELL(d, flush_d(a + b));
    case OP_SUB_F64: return CELL(d, flush_d(a - b));
    case OP_MUL_F64: return CELL(d, flush_near(a * b, (long double)a * b));
    case OP_DIV_F64: return CELL(d, flush_near(a / b, (long double)a / b));
    case OP_FMA_F64: return CELL(d, flush_near(fma(a, b, c), (long double)a * b + c));
    case OP_MIN_F64: return CELL(d, a < b ? a : b);
    case OP_MAX_F64: return CELL(d, a > b ? a : b);
    case OP_NEG_F64: return CELL(bits, (union cell){.d = x}.bits ^ 0x8000000000000000);
    case OP_ABS_F64: return CELL(bits, (union cell){.d = x}.bits & 0x7fffffffffffffff);
    case OP_SQRT_F64: return CELL(d, sqrt(a));
    case OP_FLOOR_F64: return CELL(d, floor(a));
    case OP_RINT_F64: return CELL(d, rint(a));
    case OP_LT_F64: return MASK(a < b);
    case OP_LE_F64: return MASK(a <= b);
    case OP_EQ_F64: return MASK(a == b);
    case OP_F32_F64: return CELL(f, narrow(a));
    case OP_I32_F64: return CELL(i, truncated(a));
    case OP_HIGH_F64: return CELL(u, (uint32_t)((union cell){.d = canonical_d(x)}.bits >> 32));
    default: fail_msg("no model of %s", op_info(op)->text);
    }
    return CELL(bits, 0);
}

static union cell model_i(enum op op, uint32_t a, uint32_t b, int imm)
{
    switch (op) {
    case OP_ADD_I32: return CELL(u, a + b);
    case OP_SUB_I32: return CELL(u, a - b);
    case OP_MUL_I32: return CELL(u, a * b);
    case OP_AND_I32: return CELL(u, a & b);
    case OP_OR_I32: return CELL(u, a | b);
    case OP_XOR_I32: return CELL(u, a ^ b);
    case OP_SHL_I32: return CELL(u, a << imm);
    case OP_SHR_I32: return CELL(u, a >> imm);
    case OP_SAR_I32: return CELL(i, (int32_t)((int64_t)(int32_t)a >> imm));
    case OP_LT_I32: return MASK((int32_t)a < (int32_t)b);
    case OP_EQ_I32: return MASK(a == b);
    case OP_F32_I32: return CELL(f, (float)(int32_t)a);
    case OP_F64_I32: return CELL(d, (double)(int32_t)a);
    case OP_FROM_BITS: return CELL(f, canonical_f((union cell){.u = a}.f));
    case OP_FROM_HIGH: return CELL(d, canonical_d((union cell){.bits = (uint64_t)a << 32}.d));
    case OP_AND_MASK: return CELL(u, a & b);
    case OP_OR_MASK: return CELL(u, a | b);
    case OP_NOT_MASK: return CELL(u, ~a);
    default: fail_msg("no model of %s", op_info(op)->text);
    }
    return CELL(bits, 0);
}

/* clang-format on */

static union cell model(enum op op, const union cell *x, int imm)
{
    if (op == OP_SEL_F32 || op == OP_SEL_F64 || op == OP_SEL_I32)
        return x[0].i ? x[1] : x[2];
    char letter = op_info(op)->args[0];
    return letter == 'f'   ? model_f(op, x[0].f, x[1].f, x[2].f)
           : letter == 'd' ? model_d(op, x[0].d, x[1].d, x[2].d)
                           : model_i(op, x[0].u, x[1].u, imm);
}

/* All tuples of one operation's nasty arguments, and what the model says. */
struct cases {
    enum op op;
    int arity, imm;
    size_t n;
    union cell *args[3], *expected;
};

static union cell canonical(union cell x, enum type type)
{
    union cell y = {.bits = 0};
    if (type == TYPE_F64)
        y.d = canonical_d(x.d);
    else if (type == TYPE_F32)
        y.f = canonical_f(x.f);
    else
        y.u = x.u;
    return y;
}

static struct cases cases_of(struct arena *a, enum op op, int imm)
{
    const struct op_info *info = op_info(op);
    struct nasty nasty[3] = {{.n = 1}, {.n = 1}, {.n = 1}};
    for (int k = 0; k < info->arity; k++)
        nasty[k] = nasty_of(info->args[k]);
    struct cases c = {.op = op, .arity = info->arity, .imm = imm, .n = (size_t)nasty[0].n * nasty[1].n * nasty[2].n};
    for (int k = 0; k < 3; k++)
        c.args[k] = ARENA_ARRAY(a, c.n, union cell);
    c.expected = ARENA_ARRAY(a, c.n, union cell);
    for (size_t i = 0; i < c.n; i++) {
        c.args[0][i] = nasty[0].cells[i % nasty[0].n];
        c.args[1][i] = nasty[1].cells[i / nasty[0].n % nasty[1].n];
        c.args[2][i] = nasty[2].cells[i / nasty[0].n / nasty[1].n];
        union cell x[3] = {c.args[0][i], c.args[1][i], c.args[2][i]};
        c.expected[i] = canonical(model(op, x, imm), info->result);
    }
    return c;
}

static enum type operand_type(enum op op, int k)
{
    return type_by_letter(op_info(op)->args[k]);
}

static size_t size_of(enum type type)
{
    return type == TYPE_F64 ? 8 : 4;
}

static void end_step(const struct step *s, const struct frame *f)
{
    (void)s, (void)f;
}

static void check(const struct cases *c, size_t i, union cell got, const char *where)
{
    enum type type = op_info(c->op)->result;
    got = canonical(got, type);
    if (got.bits != c->expected[i].bits)
        fail_msg("%s at %s: (%llx, %llx, %llx) gives %llx, expected %llx", op_info(c->op)->text, where,
                 (unsigned long long)c->args[0][i].bits, (unsigned long long)c->args[1][i].bits,
                 (unsigned long long)c->args[2][i].bits, (unsigned long long)got.bits,
                 (unsigned long long)c->expected[i].bits);
}

/* Bytes of one operand. */
static size_t room_of(size_t n)
{
    return (UNIFORM_SIZE + (n + LOOP_PAD) * 8 + 63) & ~(size_t)63;
}

/* Runs `n` cases from `first`, operands of `form` uniform with the values of case `first`. */
static void run_loop(const struct cases *c, step_fn *fn, unsigned form, size_t first, size_t n, char *work,
                     const char *where)
{
    size_t room = room_of(n);
    struct step steps[2] = {{fn, 0, (uint32_t)room, (uint32_t)(2 * room), (uint32_t)(3 * room), c->imm, 0},
                            {.fn = end_step}};
    for (int k = 0; k < c->arity; k++) {
        size_t size = size_of(operand_type(c->op, k));
        char *at = work + room * (size_t)(k + 1);
        bool uniform = form >> k & 1;
        size_t count = uniform ? UNIFORM_SIZE / size : n;
        for (size_t i = 0; i < count; i++)
            memcpy(at + i * size, &c->args[k][first + (uniform ? 0 : i)], size);
    }
    struct frame f = {.work = work, .w4 = work, .w8 = work, .n = n};
    steps[0].fn(steps, &f);
    enum type result = op_info(c->op)->result;
    for (size_t i = 0; i < n; i++) {
        bool same = true; /* a uniform operand stands for its own value only */
        for (int k = 0; k < c->arity; k++)
            same &= !(form >> k & 1) || c->args[k][first + i].bits == c->args[k][first].bits;
        union cell got = {.bits = 0};
        memcpy(&got, work + i * size_of(result), size_of(result));
        if (same)
            check(c, first + i, got, where);
    }
}

/* So that the uniform operands of a form keep their value over a run of cases: sorted by them. */
static void sort_cases(struct arena *a, struct cases *c, unsigned form)
{
    union cell *sorted[4];
    union cell *from[4] = {c->args[0], c->args[1], c->args[2], c->expected};
    bool *done = ARENA_ARRAY(a, c->n, bool);
    for (int k = 0; k < 4; k++)
        sorted[k] = ARENA_ARRAY(a, c->n, union cell);
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = i; j < c->n && !done[i]; j++) {
            bool same = !done[j];
            for (int k = 0; k < c->arity; k++)
                same &= !(form >> k & 1) || c->args[k][j].bits == c->args[k][i].bits;
            if (same && j != i)
                done[j] = true;
            if (same) {
                for (int k = 0; k < 4; k++)
                    sorted[k][n] = from[k][j];
                n++;
            }
            if (j == c->n - 1)
                done[i] = true;
        }
    assert_int_equal(n, c->n);
    memcpy(c->args, sorted, sizeof c->args);
    c->expected = sorted[3];
}

static const struct strip_loops *const loops[] = {&strips_base, &strips_v3, &strips_v4};
static const struct tick_ops *const ticks[] = {&ticks_base, &ticks_v3, &ticks_v4};
static const char *const isa_names[] = {"base", "v3", "v4"};

static void check_forms(struct arena *a, const struct cases *all, int isa)
{
    for (unsigned form = 0; form < (1u << all->arity) - 1; form++) {
        step_fn *fn = loops[isa]->op[all->op][form];
        if (!fn)
            fail_msg("%s has no loop of form %u at %s", op_info(all->op)->text, form, isa_names[isa]);
        struct cases c = *all;
        if (form && c.n > 2000) /* sorting is quadratic; each third value is nasty enough */
            c.n = 2000;
        if (form)
            sort_cases(a, &c, form);
        size_t step = form ? 61 : 1000;
        char *work = arena_alloc(a, 4 * room_of(step) + 64);
        work += -(uintptr_t)work & 63;
        for (size_t at = 0; at < c.n; at += step)
            run_loop(&c, fn, form, at, step < c.n - at ? step : c.n - at, work, isa_names[isa]);
    }
}

static void check_ticks(const struct cases *c, int isa)
{
    _Alignas(64) char work[64];
    struct step steps[2] = {{ticks[isa]->op[c->op], 48, 0, 16, 32, c->imm, 0}, {.fn = end_step}};
    struct frame f = {.work = work, .w4 = work, .w8 = work, .n = 1};
    for (size_t i = 0; i < c->n; i++) {
        for (int k = 0; k < 3; k++)
            memcpy(work + 16 * k, &c->args[k][i], 8);
        steps[0].fn(steps, &f);
        union cell got = {.bits = 0};
        memcpy(&got, work + 48, size_of(op_info(c->op)->result));
        check(c, i, got, "a tick");
    }
}

static bool is_elementwise(enum op op)
{
    return strips_base.op[op][0] != NULL;
}

static void each_op(void (*run)(struct arena *, const struct cases *))
{
    int walked = 0;
    for (enum op op = OP_NONE + 1; op < OP_COUNT; op++) {
        bool shifts = op == OP_SHL_I32 || op == OP_SHR_I32 || op == OP_SAR_I32;
        if (!is_elementwise(op))
            continue;
        for (int imm = 0; imm < (shifts ? 32 : 1); imm++) {
            struct arena *a = arena_new(1u << 28);
            struct cases c = cases_of(a, op, imm);
            unsigned saved = fp_state_enter();
            run(a, &c);
            fp_state_leave(saved);
            arena_free(a);
        }
        walked++;
    }
    assert_in_range(walked, 50, OP_COUNT);
}

static void check_everywhere(struct arena *a, const struct cases *c)
{
    for (int isa = 0; isa < 3; isa++) {
        if (!interp_isa_available((enum interp_isa)isa))
            continue;
        check_forms(a, c, isa);
        check_ticks(c, isa);
    }
}

static void every_operation_means_the_same_on_every_isa(void **state)
{
    (void)state;
    each_op(check_everywhere);
}

static void check_fold(struct arena *a, const struct cases *c)
{
    struct val args[3] = {{1}, {2}, {3}};
    struct ins ins = {.op = c->op, .n_args = (uint32_t)c->arity, .args = args, .imm.i = c->imm};
    (void)a;
    for (size_t i = 0; i < c->n; i++) {
        struct constant x[3];
        for (int k = 0; k < c->arity; k++) {
            x[k].type = operand_type(c->op, k);
            memcpy(&x[k].as, &c->args[k][i], 8);
        }
        struct constant r = interp_fold(&ins, x);
        union cell got = {.bits = 0};
        memcpy(&got, &r.as, size_of(r.type));
        assert_int_equal(r.type, op_info(c->op)->result);
        check(c, i, got, "folding");
    }
}

static void folding_is_the_same_code(void **state)
{
    (void)state;
    each_op(check_fold);
}

static void check_commutes(struct arena *a, const struct cases *c)
{
    (void)a;
    if (!(op_info(c->op)->flags & OP_COMMUTES))
        return;
    assert_int_equal(c->arity, 2);
    struct cases swapped = *c;
    swapped.args[0] = c->args[1];
    swapped.args[1] = c->args[0];
    check_fold(a, &swapped);
}

static void operations_that_commute_do(void **state)
{
    (void)state;
    each_op(check_commutes);
}

static void rows_without_a_meaning_are_sources_memory_pixels_or_calls(void **state)
{
    (void)state;
    for (enum op op = OP_NONE + 1; op < OP_COUNT; op++) {
        bool other = (op_info(op)->flags & (OP_SOURCE | OP_STATE)) || op == OP_GATHER_F32 || op == OP_GATHER_I32 ||
                     op == OP_TAP || op == OP_PLANE || op == OP_NEAR || op == OP_FETCH || op == OP_HOSTED ||
                     op == OP_CALL_F32 || op == OP_CALL_F64 || op == OP_CALL_I32;
        assert_int_equal(is_elementwise(op), !other);
    }
}

/* Where a product or a sum ends near a tie, a second rounding would show. */
static void fused_multiply_add_rounds_once(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct arena *a = arena_new(1u << 26);
    struct cases c = {.op = OP_FMA_F32, .arity = 3, .n = N};
    uint64_t seed = 7;
    for (int k = 0; k < 3; k++)
        c.args[k] = ARENA_ARRAY(a, N, union cell);
    c.expected = ARENA_ARRAY(a, N, union cell);
    for (size_t i = 0; i < N; i++) {
        for (int k = 0; k < 3; k++) { /* few bits set, exponents close to one another or to the smallest */
            uint32_t exponent = (i & 1 ? 100 : k == 2 ? 1 : 63) + test_random(&seed) % 50;
            uint32_t r = test_random(&seed),
                     mantissa = r & 0x7fffff & (test_random(&seed) | (uint32_t) - (int)(i >> 1 & 1));
            c.args[k][i].u = (r & 0x80000000) | exponent << 23 | mantissa;
        }
        if (i % 3 == 0) /* the product, rounded, cancels */
            c.args[2][i].f = -(c.args[0][i].f * c.args[1][i].f);
        c.expected[i] = canonical(
            CELL(f, fused_f(flush_f(c.args[0][i].f), flush_f(c.args[1][i].f), flush_f(c.args[2][i].f))), TYPE_F32);
    }
    unsigned saved = fp_state_enter();
    for (int isa = 0; isa < 3; isa++) {
        char *work = arena_alloc(a, 4 * room_of(N) + 64);
        work += -(uintptr_t)work & 63;
        if (!interp_isa_available((enum interp_isa)isa))
            continue;
        run_loop(&c, loops[isa]->op[OP_FMA_F32][0], 0, 0, N, work, isa_names[isa]);
        check_ticks(&c, isa);
    }
    fp_state_leave(saved);
    arena_free(a);
}

static void the_thread_state_is_restored(void **state)
{
    (void)state;
    volatile float tiny = FLT_MIN, half = 0.5f;
    unsigned saved = fp_state_enter();
    float flushed = tiny * half;
    fp_state_leave(saved);
    assert_true(flushed == 0);
    assert_true(tiny * half > 0);
    fesetround(FE_UPWARD);
    saved = fp_state_enter();
    volatile float one = 1, small = 1e-9f;
    float rounded = one + small;
    fp_state_leave(saved);
    assert_int_equal(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
    assert_true(rounded == 1);
}

/* A test that failed may have left the flags set. */
static int reset(void **state)
{
    (void)state;
    fp_state_leave(0x1f80);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_operation_means_the_same_on_every_isa, reset),
        cmocka_unit_test_setup(folding_is_the_same_code, reset),
        cmocka_unit_test_setup(operations_that_commute_do, reset),
        cmocka_unit_test_setup(rows_without_a_meaning_are_sources_memory_pixels_or_calls, reset),
        cmocka_unit_test_setup(fused_multiply_add_rounds_once, reset),
        cmocka_unit_test_setup(the_thread_state_is_restored, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
