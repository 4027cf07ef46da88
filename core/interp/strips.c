/* The strip loops: each operation of ops.def over a piece of a strip, one copy of this file an instruction set
 * (STRIPS_ISA 0: SSE4.2, 1: x86-64-v3, 2: x86-64-v4). Loops run over whole multiples of LOOP_PAD samples, since strips
 * are padded; what touches a buffer of the host's, a ring or state stops at frame.n. */
#include "core/interp/loops.h"

#if STRIPS_ISA == 0
#include "core/lanes_base.h"
#define STRIPS_NAME strips_base
#elif STRIPS_ISA == 1
#include "core/lanes_v3.h"
#define STRIPS_NAME strips_v3
#else
#include "core/lanes_v4.h"
#define STRIPS_NAME strips_v4
#endif
#include "core/interp/rows.h"

#define STRIP(f, at, size) (((size) == 8 ? (f)->w8 : (f)->w4) + (at))
#define NEXT(s, f) return (s)[1].fn((s) + 1, f)

static inline size_t padded(size_t n)
{
    return (n + LOOP_PAD - 1) & ~(size_t)(LOOP_PAD - 1);
}

/* The loop of one row with the operands in `form` uniform. Unused operands and forms fold away. */
#define OPERAND(args, k, form, f, at)                                                                                  \
    (ROW_ARITY(args) <= (k) ? NULL : ((form) >> (k)&1) ? (f)->work + (at) : STRIP(f, at, ROW_SIZE(args, k)))
#define FETCH(args, k, form, fixed, p, i)                                                                              \
    (((form) >> (k)&1) || ROW_ARITY(args) <= (k) ? (fixed) : ROW_LOAD(args, k, (p) + (i)*ROW_SIZE(args, k)))
#define FETCH_FIXED(args, k, form, p)                                                                                  \
    if (((form) >> (k)&1) && ROW_ARITY(args) > (k))                                                                    \
    fixed_##k = ROW_LOAD_UNIFORM(args, k, p)

#define LOOP_FORM(id, form, result, args, meaning)                                                                     \
    static inline void loop_##id##_##form(const struct step *s, const struct frame *f)                                 \
    {                                                                                                                  \
        char *dst = STRIP(f, s->dst, SIZE_OF_##result);                                                                \
        const char *pa = OPERAND(args, 0, form, f, s->a);                                                              \
        const char *pb = OPERAND(args, 1, form, f, s->b);                                                              \
        const char *pc = OPERAND(args, 2, form, f, s->c);                                                              \
        const int imm = s->imm;                                                                                        \
        ROW_TYPE(args, 0) fixed_0 = {0};                                                                               \
        ROW_TYPE(args, 1) fixed_1 = {0};                                                                               \
        ROW_TYPE(args, 2) fixed_2 = {0};                                                                               \
        FETCH_FIXED(args, 0, form, pa);                                                                                \
        FETCH_FIXED(args, 1, form, pb);                                                                                \
        FETCH_FIXED(args, 2, form, pc);                                                                                \
        size_t n = padded(f->n);                                                                                       \
        _Pragma("GCC unroll 4") /* a fifth faster */                                                                   \
            for (size_t i = 0; i < n; i += LANES)                                                                      \
        {                                                                                                              \
            ROW_TYPE(args, 0) a = FETCH(args, 0, form, fixed_0, pa, i);                                                \
            ROW_TYPE(args, 1) b = FETCH(args, 1, form, fixed_1, pb, i);                                                \
            ROW_TYPE(args, 2) c = FETCH(args, 2, form, fixed_2, pc, i);                                                \
            (void)b, (void)c, (void)imm;                                                                               \
            store_##result(dst + i * SIZE_OF_##result, meaning);                                                       \
        }                                                                                                              \
        NEXT(s, f);                                                                                                    \
    }

#define LOOPS(id, result, args, meaning)                                                                               \
    LOOP_FORM(id, 0, result, args, meaning)                                                                            \
    LOOP_FORM(id, 1, result, args, meaning)                                                                            \
    LOOP_FORM(id, 2, result, args, meaning)                                                                            \
    LOOP_FORM(id, 3, result, args, meaning)                                                                            \
    LOOP_FORM(id, 4, result, args, meaning)                                                                            \
    LOOP_FORM(id, 5, result, args, meaning)                                                                            \
    LOOP_FORM(id, 6, result, args, meaning)

#define OP(id, text, result, args, flags, meaning, machine) ROW_IF(meaning)(LOOPS(id, result, args, meaning))
#include "core/ops.def"
#undef OP

static void step_end(const struct step *s, const struct frame *f)
{
    (void)s, (void)f;
}

static void iota(const struct step *s, const struct frame *f)
{
    char *dst = f->w4 + s->dst;
    vi at = i_add(splat_i(f->at), lane_numbers());
    vi stride = splat_i(LANES);
    for (size_t i = 0, n = padded(f->n); i < n; i += LANES) {
        store_i(dst + 4 * i, at);
        at = i_add(at, stride);
    }
    NEXT(s, f);
}

static void input(const struct step *s, const struct frame *f)
{
    char *dst = f->w4 + s->dst;
    memcpy(dst, f->call->in[s->imm] + f->at, f->n * 4);
    memset(dst + f->n * 4, 0, (padded(f->n) - f->n) * 4);
    NEXT(s, f);
}

/* Copies n floats, NaN made canonical, and touches no others. */
static void copy_canonical(float *dst, const char *src, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store_f(dst + i, f_canon(load_f(src + 4 * i)));
    if (i < n) {
        float rest[LANES];
        store_f(rest, f_canon(load_f(src + 4 * i)));
        memcpy(dst + i, rest, (n - i) * 4);
    }
}

static void output(const struct step *s, const struct frame *f)
{
    float *row = f->call->out[s->imm] + f->row * f->call->out_stride;
    copy_canonical(row + f->at, f->w4 + s->a, f->n);
    NEXT(s, f);
}

static void fill4(const struct step *s, const struct frame *f)
{
    char *dst = f->w4 + s->dst;
    vi value = load_i(f->work + s->a);
    for (size_t i = 0, n = padded(f->n); i < n; i += LANES)
        store_i(dst + 4 * i, value);
    NEXT(s, f);
}

static void fill8(const struct step *s, const struct frame *f)
{
    char *dst = f->w8 + s->dst;
    vd value = load_uniform_d(f->work + s->a);
    for (size_t i = 0, n = padded(f->n); i < n; i += LANES)
        store_d(dst + 8 * i, value);
    NEXT(s, f);
}

static void gather(const struct step *s, const struct frame *f)
{
    char *dst = f->w4 + s->dst;
    const char *a = f->w4 + s->a;
    const void *table = f->tables[s->imm].data;
    vi mask = splat_i(f->tables[s->imm].mask);
    for (size_t i = 0, n = padded(f->n); i < n; i += LANES)
        store_i(dst + 4 * i, gather_words(table, i_and(load_i(a + 4 * i), mask)));
    NEXT(s, f);
}

static int32_t uniform_i(const struct frame *f, uint32_t at)
{
    int32_t i;
    memcpy(&i, f->work + at, 4);
    return i;
}

static void near(const struct step *s, const struct frame *f)
{
    char *dst = f->w4 + s->dst;
    const struct kernel_plane *p = &f->call->planes[s->imm];
    int64_t column = (int64_t)f->at + uniform_i(f, s->b), row = (int64_t)f->row + uniform_i(f, s->c);
    memcpy(dst, p->data + row * p->stride + column, f->n * 4);
    memset(dst + f->n * 4, 0, (padded(f->n) - f->n) * 4);
    NEXT(s, f);
}

LANE vi clamped(vi x, vi last)
{
    vi zero = splat_i(0);
    x = i_sel(i_lt(x, zero), zero, x);
    return i_sel(i_lt(last, x), last, x);
}

/* Padding lanes are clamped like the others, so they stay in the image too. */
static inline void fetch_form(const struct step *s, const struct frame *f, unsigned form)
{
    char *dst = f->w4 + s->dst;
    const struct kernel_image *image = &f->call->images[s->imm / 4];
    const float *component = image->data + (size_t)(s->imm % 4) * (size_t)image->width * (size_t)image->height;
    const char *pa = form & 1 ? f->work + s->a : f->w4 + s->a, *pb = form & 2 ? f->work + s->b : f->w4 + s->b;
    vi width = splat_i(image->width), right = splat_i(image->width - 1), bottom = splat_i(image->height - 1);
    for (size_t i = 0, n = padded(f->n); i < n; i += LANES) {
        vi x = clamped(load_i(form & 1 ? pa : pa + 4 * i), right);
        vi y = clamped(load_i(form & 2 ? pb : pb + 4 * i), bottom);
        store_i(dst + 4 * i, gather_words(component, i_add(i_mul(y, width), x)));
    }
}

#define FETCH_FORM(form)                                                                                               \
    static void fetch_##form(const struct step *s, const struct frame *f)                                              \
    {                                                                                                                  \
        fetch_form(s, f, form);                                                                                        \
        NEXT(s, f);                                                                                                    \
    }
FETCH_FORM(0)
FETCH_FORM(1)
FETCH_FORM(2)

static uint32_t canon_f(uint32_t bits)
{
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits;
}

static uint64_t canon_d(uint64_t bits)
{
    return (bits & 0x7fffffffffffffff) > 0x7ff0000000000000 ? 0x7ff8000000000000 : bits;
}

static uint32_t canon_i(uint32_t bits)
{
    return bits;
}

/* Shifts by one sample, through the 8 bytes of state. */
#define PREV(letter, bits, size)                                                                                       \
    static void prev_##letter(const struct step *s, const struct frame *f)                                             \
    {                                                                                                                  \
        char *dst = STRIP(f, s->dst, size);                                                                            \
        const char *a = STRIP(f, s->a, size);                                                                          \
        char *state = (char *)f->call->state + s->aux;                                                                 \
        bits last;                                                                                                     \
        memcpy(&last, a + (f->n - 1) * (size), size);                                                                  \
        memcpy(dst, state, size);                                                                                      \
        memcpy(dst + (size), a, (f->n - 1) * (size));                                                                  \
        last = canon_##letter(last);                                                                                   \
        memcpy(state, &last, size);                                                                                    \
        NEXT(s, f);                                                                                                    \
    }
PREV(f, uint32_t, 4)
PREV(d, uint64_t, 8)
PREV(i, uint32_t, 4)

static void accum(const struct step *s, const struct frame *f)
{
    char *dst = f->w4 + s->dst;
    const char *a = f->w4 + s->a;
    char *state = (char *)f->call->state + s->aux;
    uint32_t sum;
    memcpy(&sum, state, 4);
    for (size_t i = 0; i < f->n; i++) {
        uint32_t x;
        memcpy(&x, a + 4 * i, 4);
        memcpy(dst + 4 * i, &sum, 4);
        sum += x;
    }
    memcpy(state, &sum, 4);
    NEXT(s, f);
}

static int32_t ring_position(const struct frame *f)
{
    return (int32_t)((uint32_t)f->call->n0_low + (uint32_t)f->at);
}

static void ring(const struct step *s, const struct frame *f)
{
    const struct kernel_ring *r = &f->call->rings[s->aux];
    const char *a = f->w4 + s->a;
    size_t at = (size_t)(ring_position(f) & r->mask);
    size_t room = (size_t)r->mask + 1 - at;
    size_t first = f->n < room ? f->n : room;
    copy_canonical(r->data + at, a, first);
    copy_canonical(r->data, a + 4 * first, f->n - first);
    NEXT(s, f);
}

static void tap(const struct step *s, const struct frame *f)
{
    const struct kernel_ring *r = &f->call->rings[s->aux];
    char *dst = f->w4 + s->dst;
    const char *age = f->w4 + s->b;
    vi at = i_add(splat_i(ring_position(f)), lane_numbers());
    vi mask = splat_i(r->mask);
    vi stride = splat_i(LANES);
    for (size_t i = 0, n = padded(f->n); i < n; i += LANES) {
        vi index = i_and(i_sub(at, load_i(age + 4 * i)), mask);
        store_i(dst + 4 * i, gather_words(r->data, index));
        at = i_add(at, stride);
    }
    NEXT(s, f);
}

static void tap_uniform(const struct step *s, const struct frame *f)
{
    const struct kernel_ring *r = &f->call->rings[s->aux];
    char *dst = f->w4 + s->dst;
    uint32_t age;
    memcpy(&age, f->work + s->b, 4);
    size_t at = ((uint32_t)ring_position(f) - age) & (uint32_t)r->mask;
    size_t room = (size_t)r->mask + 1 - at;
    size_t first = f->n < room ? f->n : room;
    memcpy(dst, r->data + at, first * 4);
    memcpy(dst + 4 * first, r->data, (f->n - first) * 4);
    NEXT(s, f);
}

/* A table entry for each form that can occur: not every operand uniform. */
#define FORM(id, form, args) ((form) < (1 << ROW_ARITY(args)) - 1 ? loop_##id##_##form : NULL)
#define FORMS(id, args)                                                                                                \
    [OP_##id] = {loop_##id##_0,     FORM(id, 1, args), FORM(id, 2, args), FORM(id, 3, args),                           \
                 FORM(id, 4, args), FORM(id, 5, args), FORM(id, 6, args)},

const struct strip_loops STRIPS_NAME = {
    .op =
        {
#define OP(id, text, result, args, flags, meaning, machine) ROW_IF(meaning)(FORMS(id, args))
#include "core/ops.def"
#undef OP
        },
    .iota = iota,
    .input = input,
    .output = output,
    .fill4 = fill4,
    .fill8 = fill8,
    .gather = gather,
    .near = near,
    .fetch = {fetch_0, fetch_1, fetch_2},
    .prev_f = prev_f,
    .prev_d = prev_d,
    .prev_i = prev_i,
    .accum = accum,
    .ring = ring,
    .tap = tap,
    .tap_uniform = tap_uniform,
    .end = step_end,
};
