/* The ticks: each operation of ops.def on one sample, for recurrences, for values computed once a call or a row, and
 * for constant folding. Compiled once an instruction set (STRIPS_ISA, as for strips.c). */
#include "core/interp/loops.h"
#include "core/lanes_one.h"

#if STRIPS_ISA == 0
#define TICKS_NAME ticks_base
#elif STRIPS_ISA == 1
#define TICKS_NAME ticks_v3
#else
#define TICKS_NAME ticks_v4
#endif
#define load_uniform_d load_d
#include "core/interp/rows.h"

#define NEXT(s, f) return (s)[1].fn((s) + 1, f)

#define OPERAND(args, k, p) __builtin_choose_expr(ROW_ARITY(args) > (k), ROW_LOAD(args, k, p), (ROW_TYPE(args, k)){0})
#define TICK(id, result, args, meaning)                                                                                \
    static void tick_##id(const struct step *s, const struct frame *f)                                                 \
    {                                                                                                                  \
        ROW_TYPE(args, 0) a = OPERAND(args, 0, f->work + s->a);                                                        \
        ROW_TYPE(args, 1) b = OPERAND(args, 1, f->work + s->b);                                                        \
        ROW_TYPE(args, 2) c = OPERAND(args, 2, f->work + s->c);                                                        \
        const int imm = s->imm;                                                                                        \
        (void)b, (void)c, (void)imm;                                                                                   \
        store_##result(f->work + s->dst, meaning);                                                                     \
        NEXT(s, f);                                                                                                    \
    }
#define OP(id, text, result, args, flags, meaning, machine) ROW_IF(meaning)(TICK(id, result, args, meaning))
#include "core/ops.def"
#undef OP

static int32_t read_i(const char *p)
{
    int32_t i;
    memcpy(&i, p, 4);
    return i;
}

static void step_end(const struct step *s, const struct frame *f)
{
    (void)s, (void)f;
}

static void arg(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, &f->call->args[s->imm], 8);
    NEXT(s, f);
}

static void row(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, &f->row, 4);
    NEXT(s, f);
}

static void iota(const struct step *s, const struct frame *f)
{
    int32_t at = f->at + (int32_t)f->i;
    memcpy(f->work + s->dst, &at, 4);
    NEXT(s, f);
}

static void input(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, f->call->in[s->imm] + f->at + f->i, 4);
    NEXT(s, f);
}

static void gather(const struct step *s, const struct frame *f)
{
    const struct loop_table *t = &f->tables[s->imm];
    memcpy(f->work + s->dst, (const char *)t->data + 4 * (read_i(f->work + s->a) & t->mask), 4);
    NEXT(s, f);
}

static void near(const struct step *s, const struct frame *f)
{
    const struct kernel_plane *p = &f->call->planes[s->imm];
    int64_t column = (int64_t)f->at + (int64_t)f->i + read_i(f->work + s->b);
    int64_t row = (int64_t)f->row + read_i(f->work + s->c);
    memcpy(f->work + s->dst, p->data + row * p->stride + column, 4);
    NEXT(s, f);
}

static size_t clamped(int32_t x, int32_t size)
{
    return (size_t)(x < 0 ? 0 : x < size ? x : size - 1);
}

static void fetch(const struct step *s, const struct frame *f)
{
    const struct kernel_image *image = &f->call->images[s->imm / 4];
    size_t width = (size_t)image->width, component = (size_t)(s->imm % 4) * width * (size_t)image->height;
    size_t x = clamped(read_i(f->work + s->a), image->width), y = clamped(read_i(f->work + s->b), image->height);
    memcpy(f->work + s->dst, image->data + component + y * width + x, 4);
    NEXT(s, f);
}

static void splat4(const struct step *s, const struct frame *f)
{
    __m128i x = _mm_set1_epi32(read_i(f->work + s->dst));
    for (size_t i = 0; i < UNIFORM_SIZE; i += 16)
        _mm_store_si128((__m128i *)(f->work + s->dst + i), x);
    NEXT(s, f);
}

static void splat8(const struct step *s, const struct frame *f)
{
    __m128i x = _mm_loadl_epi64((const __m128i *)(f->work + s->dst));
    x = _mm_unpacklo_epi64(x, x);
    for (size_t i = 0; i < UNIFORM_SIZE; i += 16)
        _mm_store_si128((__m128i *)(f->work + s->dst + i), x);
    NEXT(s, f);
}

static void copy4(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, f->work + s->a, 4);
    NEXT(s, f);
}

static void copy8(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, f->work + s->a, 8);
    NEXT(s, f);
}

static void load4(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, f->w4 + s->a + 4 * f->i, 4);
    NEXT(s, f);
}

static void load8(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, f->w8 + s->a + 8 * f->i, 8);
    NEXT(s, f);
}

static void store4(const struct step *s, const struct frame *f)
{
    memcpy(f->w4 + s->dst + 4 * f->i, f->work + s->a, 4);
    NEXT(s, f);
}

static void store8(const struct step *s, const struct frame *f)
{
    memcpy(f->w8 + s->dst + 8 * f->i, f->work + s->a, 8);
    NEXT(s, f);
}

static void state_load4(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, (const char *)f->call->state + s->aux, 4);
    NEXT(s, f);
}

static void state_load8(const struct step *s, const struct frame *f)
{
    memcpy(f->work + s->dst, (const char *)f->call->state + s->aux, 8);
    NEXT(s, f);
}

static void state_save_f(const struct step *s, const struct frame *f)
{
    store_f((char *)f->call->state + s->aux, f_canon(load_f(f->work + s->a)));
    NEXT(s, f);
}

static void state_save_d(const struct step *s, const struct frame *f)
{
    store_d((char *)f->call->state + s->aux, d_canon(load_d(f->work + s->a)));
    NEXT(s, f);
}

static void state_save_i(const struct step *s, const struct frame *f)
{
    memcpy((char *)f->call->state + s->aux, f->work + s->a, 4);
    NEXT(s, f);
}

static void accum(const struct step *s, const struct frame *f)
{
    store_i(f->work + s->dst, i_add(load_i(f->work + s->dst), load_i(f->work + s->a)));
    NEXT(s, f);
}

static uint32_t ring_position(const struct frame *f)
{
    return (uint32_t)f->call->n0_low + (uint32_t)f->at + (uint32_t)f->i;
}

static void ring(const struct step *s, const struct frame *f)
{
    const struct kernel_ring *r = &f->call->rings[s->aux];
    store_f(r->data + (ring_position(f) & (uint32_t)r->mask), f_canon(load_f(f->work + s->a)));
    NEXT(s, f);
}

static void tap(const struct step *s, const struct frame *f)
{
    const struct kernel_ring *r = &f->call->rings[s->aux];
    uint32_t at = ring_position(f) - (uint32_t)read_i(f->work + s->b);
    memcpy(f->work + s->dst, r->data + (at & (uint32_t)r->mask), 4);
    NEXT(s, f);
}

const struct tick_ops TICKS_NAME = {
    .op =
        {
#define TICK_ROW(id) [OP_##id] = tick_##id,
#define OP(id, text, result, args, flags, meaning, machine) ROW_IF(meaning)(TICK_ROW(id))
#include "core/ops.def"
#undef OP
        },
    .arg = arg,
    .row = row,
    .iota = iota,
    .input = input,
    .gather = gather,
    .near = near,
    .fetch = fetch,
    .splat4 = splat4,
    .splat8 = splat8,
    .copy4 = copy4,
    .copy8 = copy8,
    .load4 = load4,
    .load8 = load8,
    .store4 = store4,
    .store8 = store8,
    .state_load4 = state_load4,
    .state_load8 = state_load8,
    .state_save_f = state_save_f,
    .state_save_d = state_save_d,
    .state_save_i = state_save_i,
    .accum = accum,
    .ring = ring,
    .tap = tap,
    .end = step_end,
};
