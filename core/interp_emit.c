/* Bytecode from a flat plan: places in work memory, strip length, steps. */
#include <assert.h>
#include <string.h>

#include "core/interp/lives.h"
#include "core/interp/program.h"
#include "core/interp/serial.h"

/* The working set that should stay in the first-level cache. */
enum { HOT_BYTES = 24 * 1024, STRIP_MIN = 64, STRIP_MAX = KERNEL_STRIP };

void steps_add(struct arena *a, struct step_list *l, struct step s)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 32;
        l->steps = arena_grow(a, l->steps, l->n, cap, sizeof *l->steps);
        l->cap = cap;
    }
    l->steps[l->n++] = s;
}

static bool is_wide(const struct flat *f)
{
    return f->type == TYPE_F64;
}

static uint32_t place_uniforms(struct flat_plan *fp, const struct flat_list *l, uint32_t at)
{
    for (uint32_t i = 0; i < l->n; i++, at += UNIFORM_SIZE)
        fp->flats[l->ids[i]].slot = at;
    return at;
}

static void *const_image(const struct flat_plan *fp)
{
    char *image = arena_array(fp->arena, fp->consts.n, UNIFORM_SIZE);
    for (uint32_t i = 0; i < fp->consts.n; i++) {
        const struct flat *f = &fp->flats[fp->consts.ids[i]];
        size_t size = is_wide(f) ? 8 : 4;
        for (size_t at = 0; at < UNIFORM_SIZE; at += size)
            memcpy(image + f->slot + at, &f->bits, size);
    }
    return image;
}

static uint32_t hot_uniforms(const struct flat_plan *fp)
{
    uint32_t n = 0;
    for (uint32_t id = 1; id < fp->n; id++)
        n += fp->flats[id].in_strips;
    return n;
}

/* Bytes from one strip to the next, kept off multiples of 512 that would make them collide in the cache. */
static uint32_t strip_stride(uint32_t strip, uint32_t element)
{
    uint32_t bytes = (strip + LOOP_PAD) * element;
    return bytes % 512 ? bytes : bytes + 64;
}

static uint32_t choose_strip(struct registers r, uint32_t uniforms)
{
    for (uint32_t strip = STRIP_MAX; strip > STRIP_MIN; strip -= 16)
        if (r.n4 * strip_stride(strip, 4) + r.n8 * strip_stride(strip, 8) + uniforms * UNIFORM_SIZE <= HOT_BYTES)
            return strip;
    return STRIP_MIN;
}

static size_t place_strips(struct flat_plan *fp, struct registers r, uint32_t strip, size_t at)
{
    size_t stride4 = strip_stride(strip, 4), stride8 = strip_stride(strip, 8);
    for (uint32_t id = 1; id < fp->n; id++) {
        struct flat *f = &fp->flats[id];
        if (f->strip != FLAT_UNPLACED)
            f->strip = (uint32_t)(at + (is_wide(f) ? r.n4 * stride4 + f->strip * stride8 : f->strip * stride4));
    }
    return at + r.n4 * stride4 + r.n8 * stride8;
}

/* Values computed once a call or once a row. */
static const struct step *emit_uniforms(const struct flat_plan *fp, const struct tick_ops *ticks,
                                        const struct flat_list *l)
{
    struct step_list out = {0};
    for (uint32_t i = 0; i < l->n; i++) {
        const struct flat *f = &fp->flats[l->ids[i]];
        steps_add(fp->arena, &out, tick_step(fp, ticks, f));
        if (f->in_strips)
            steps_add(fp->arena, &out, (struct step){.fn = is_wide(f) ? ticks->splat8 : ticks->splat4, .dst = f->slot});
    }
    steps_add(fp->arena, &out, (struct step){.fn = ticks->end});
    return out.steps;
}

static step_fn *strip_fn(const struct strip_loops *loops, const struct flat *f, unsigned form)
{
    switch (f->op) {
    case FLAT_FILL:
        return is_wide(f) ? loops->fill8 : loops->fill4;
    case FLAT_OUTPUT:
        return loops->output;
    case OP_IOTA:
        return loops->iota;
    case OP_INPUT:
        return loops->input;
    case OP_GATHER_F32:
    case OP_GATHER_I32:
        return loops->gather;
    case OP_NEAR:
        return loops->near;
    case OP_FETCH:
        return loops->fetch[form]; // cppcheck-suppress CastIntegerToAddressAtReturn ; it is an array of functions
    case OP_PREV_F32:
        return loops->prev_f;
    case OP_PREV_F64:
        return loops->prev_d;
    case OP_PREV_I32:
        return loops->prev_i;
    case OP_ACCUM:
        return loops->accum;
    case OP_RING:
        return loops->ring;
    case OP_TAP:
        return form & 2 ? loops->tap_uniform : loops->tap;
    default:
        return loops->op[f->op][form];
    }
}

static struct step strip_step(const struct flat_plan *fp, const struct strip_loops *loops, const struct flat *f)
{
    uint32_t at[3] = {0, 0, 0};
    unsigned form = 0;
    for (uint32_t k = 0; k < f->n_args; k++) {
        const struct flat *arg = &fp->flats[f->args[k]];
        bool uniform = arg->rate != RATE_SAMPLE;
        form |= (unsigned)(f->args[k] && uniform) << k;
        at[k] = uniform ? arg->slot : arg->strip;
        assert(!f->args[k] || at[k] != FLAT_UNPLACED);
    }
    struct step s = {strip_fn(loops, f, form), f->strip, at[0], at[1], at[2], f->imm, f->aux};
    assert(s.fn);
    return s;
}

static void emit_region(struct flat_plan *fp, const struct strip_loops *loops, const struct tick_ops *ticks,
                        uint32_t index, struct block *ret)
{
    const struct flat_region *r = &fp->regions[index];
    *ret = (struct block){.kind = r->kind};
    if (r->kind == REGION_SERIAL) {
        emit_serial(fp, ticks, r, ret);
    } else if (r->kind == REGION_VECTOR) {
        struct step_list out = {0};
        for (uint32_t i = 0; i < r->list.n; i++)
            steps_add(fp->arena, &out, strip_step(fp, loops, &fp->flats[r->list.ids[i]]));
        steps_add(fp->arena, &out, (struct step){.fn = loops->end});
        ret->steps = out.steps;
    } else {
        struct block *subs = ARENA_ARRAY(fp->arena, r->n_subs, struct block);
        for (uint32_t i = 0; i < r->n_subs; i++)
            emit_region(fp, loops, ticks, r->subs[i], &subs[i]);
        ret->subs = subs;
        ret->n_subs = r->n_subs;
        ret->ages = ARENA_ARRAY(fp->arena, r->n_ages, uint32_t);
        for (uint32_t i = 0; i < r->n_ages; i++) {
            const struct flat *age = &fp->flats[r->ages[i]];
            if (age->rate == RATE_SAMPLE)
                ret->age_varies = true;
            else
                ret->ages[ret->n_ages++] = age->slot;
        }
    }
}

static const struct loop_table *copy_tables(const struct ir *ir, struct arena *a)
{
    struct loop_table *tables = ARENA_ARRAY(a, ir->n_tables, struct loop_table);
    for (uint32_t i = 0; i < ir->n_tables; i++) {
        void *data = arena_array(a, ir->tables[i].n, 4);
        memcpy(data, ir->tables[i].data.i, ir->tables[i].n * 4u);
        tables[i] = (struct loop_table){data, (int32_t)(ir->tables[i].n - 1)};
    }
    return tables;
}

struct interp *interp_build(const struct plan *p, struct val root, enum interp_isa isa, struct arena *a)
{
    const struct strip_loops *loops = isa == INTERP_V4 ? &strips_v4 : isa == INTERP_V3 ? &strips_v3 : &strips_base;
    const struct tick_ops *ticks = isa == INTERP_V4 ? &ticks_v4 : isa == INTERP_V3 ? &ticks_v3 : &ticks_base;
    struct flat_plan *fp = flat_plan_make(p, root, a);
    struct registers registers = flat_registers(fp);
    struct interp *in = ARENA_NEW(a, struct interp);
    uint32_t at = place_uniforms(fp, &fp->consts, 0);
    in->n_consts = at;
    in->consts = const_image(fp);
    at = place_uniforms(fp, &fp->call, at);
    at = place_uniforms(fp, &fp->row, at);
    fp->serial_at = at;
    at += (serial_size(fp) + KERNEL_ALIGN - 1) & ~(uint32_t)(KERNEL_ALIGN - 1);
    in->strip = choose_strip(registers, hot_uniforms(fp));
    in->work_size = place_strips(fp, registers, in->strip, at) + KERNEL_ALIGN;
    in->tables = copy_tables(p->ir, a);
    in->call_steps = emit_uniforms(fp, ticks, &fp->call);
    in->row_steps = emit_uniforms(fp, ticks, &fp->row);
    struct block *blocks = ARENA_ARRAY(a, fp->top.n, struct block);
    for (uint32_t i = 0; i < fp->top.n; i++)
        emit_region(fp, loops, ticks, fp->top.ids[i], &blocks[i]);
    in->blocks = blocks;
    in->n_blocks = fp->top.n;
    if (root.i)
        in->root_slot = fp->flats[fp->by_val[root.i]].slot;
    return in;
}
