/* Planes and images: loads at other pixels than a sample's own. See emit_ops.c.
 *
 * A row of a plane is read like an input, from a pointer that is moved once a row. An image is gathered from, with
 * column and row clamped into it, so that no index leads out. */
#include "core/arena.h"
#include "jit/cc/emit.h"

static struct value one(gcc_jit_rvalue *r)
{
    return (struct value){.part = {r, NULL}};
}

/* `near` names its plane; a plane itself is no value, and an IR that still has `plane` is refused before. */
struct value emit_plane(struct site *s, struct val v, const struct ins *ins)
{
    (void)s, (void)v, (void)ins;
    return one(NULL);
}

struct value emit_surface(struct site *s, struct val v, const struct ins *ins)
{
    (void)s, (void)v, (void)ins;
    return one(NULL);
}

/* Refused before, as `plane` is: a stage's IR has inputs instead. */
struct value emit_hosted(struct site *s, struct val v, const struct ins *ins)
{
    (void)s, (void)v, (void)ins;
    return one(NULL);
}

static gcc_jit_rvalue *element(struct site *s, gcc_jit_type *type, gcc_jit_rvalue *bytes, uint32_t index)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *array = gcc_jit_context_new_cast(e->ctxt, NULL, bytes, gcc_jit_type_get_pointer(type));
    gcc_jit_lvalue *at = gcc_jit_context_new_array_access(e->ctxt, NULL, array, machine_int(e, (int)index));
    return site_let(s, type, gcc_jit_lvalue_as_rvalue(at));
}

static gcc_jit_rvalue *long_of(struct emitter *e, gcc_jit_rvalue *v)
{
    return gcc_jit_context_new_cast(e->ctxt, NULL, v, e->t_long);
}

static gcc_jit_rvalue *pointer_at(struct site *s, gcc_jit_rvalue *base, gcc_jit_rvalue *index)
{
    struct emitter *e = s->e;
    gcc_jit_lvalue *at = gcc_jit_context_new_array_access(e->ctxt, NULL, base, index);
    return site_let(s, e->t_float_ptr, gcc_jit_lvalue_get_address(at, NULL));
}

/* planes[i].data and .stride, by their place in struct kernel_plane. */
static const struct plane_view *plane_of(struct main_body *m, uint32_t i)
{
    struct plane_view *view = &m->plane_views[i];
    struct site *pro = &m->prologue;
    if (!view->data) {
        view->data = element(pro, pro->e->t_float_ptr, m->planes, 2 * i);
        view->stride = element(pro, pro->e->t_long, m->planes, 2 * i + 1);
    }
    return view;
}

/* data + (row + dy) * stride is made once a row; the column moves with the loop. */
struct value emit_near(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct emitter *e = s->e;
    struct main_body *m = e->main;
    const struct plane_view *plane = plane_of(m, (uint32_t)s->code->ins[ins->args[0].i].imm.i);
    gcc_jit_rvalue *dx = long_of(e, site_get(&m->prologue, ins->args[1]).part[0]);
    gcc_jit_rvalue *dy = long_of(e, site_get(&m->prologue, ins->args[2]).part[0]);
    struct site *row = &m->row;
    gcc_jit_rvalue *down = site_add(row, long_of(e, gcc_jit_lvalue_as_rvalue(m->row_index)), dy);
    gcc_jit_rvalue *base =
        pointer_at(row, plane->data, site_binary(row, GCC_JIT_BINARY_OP_MULT, e->t_long, down, plane->stride));
    gcc_jit_rvalue *at = site_add(s, s->loop->at, dx);
    if (s->shape->vector)
        return one(site_load_masked(s, base, at, s->loop->mask));
    return one(site_let(s, e->t_float, gcc_jit_lvalue_as_rvalue(site_at(s, s->shape->f32_at, base, at))));
}

/* images[i], by its fields' places in struct kernel_image. */
static const struct image_view *image_of(struct main_body *m, uint32_t i)
{
    struct image_view *view = &m->image_views[i];
    struct site *pro = &m->prologue;
    struct emitter *e = pro->e;
    if (view->width)
        return view;
    view->width = element(pro, e->t_int, m->images, 4 * i + 2);
    view->height = element(pro, e->t_int, m->images, 4 * i + 3);
    gcc_jit_rvalue *pixels =
        site_binary(pro, GCC_JIT_BINARY_OP_MULT, e->t_long, long_of(e, view->width), long_of(e, view->height));
    view->component[0] = element(pro, e->t_float_ptr, m->images, 2 * i);
    for (int c = 1; c < 4; c++)
        view->component[c] = pointer_at(pro, view->component[c - 1], pixels);
    view->columns = site_splat(pro, TYPE_I32, view->width).part[0];
    view->last[0] = site_splat(pro, TYPE_I32, site_sub(pro, view->width, machine_int(e, 1))).part[0];
    view->last[1] = site_splat(pro, TYPE_I32, site_sub(pro, view->height, machine_int(e, 1))).part[0];
    return view;
}

/* min(max(x, 0), last), lane by lane */
static gcc_jit_rvalue *clamped_lanes(struct site *s, gcc_jit_rvalue *x, gcc_jit_rvalue *last)
{
    gcc_jit_rvalue *zero = site_constant_i32(s->shape, s->e, 0);
    x = SITE_ASM(s, s->shape->i32, NULL, "vpmaxsd %2, %1, %0", {s->e->reg, x}, {s->e->reg, zero});
    return SITE_ASM(s, s->shape->i32, NULL, "vpminsd %2, %1, %0", {s->e->reg, x}, {s->e->reg, last});
}

/* The same of one int: x & ~(x >> 31), then last + (d & d >> 31) with d = x - last, which does not overflow. */
static gcc_jit_rvalue *clamped_one(struct site *s, gcc_jit_rvalue *x, gcc_jit_rvalue *size)
{
    struct emitter *e = s->e;
    gcc_jit_type *t = e->t_int;
    gcc_jit_rvalue *by = machine_int(e, 31), *last = site_sub(s, size, machine_int(e, 1));
    gcc_jit_rvalue *sign = site_binary(s, GCC_JIT_BINARY_OP_RSHIFT, t, x, by);
    gcc_jit_rvalue *low =
        site_and(s, x, gcc_jit_context_new_unary_op(e->ctxt, NULL, GCC_JIT_UNARY_OP_BITWISE_NEGATE, t, sign));
    gcc_jit_rvalue *over = site_sub(s, low, last);
    return site_add(s, last, site_and(s, over, site_binary(s, GCC_JIT_BINARY_OP_RSHIFT, t, over, by)));
}

/* Column and row are clamped, so row * width + column is below KERNEL_IMAGE_MAX. */
struct value emit_fetch(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct emitter *e = s->e;
    const struct image_view *image = image_of(e->main, (uint32_t)ins->imm.i / 4);
    gcc_jit_rvalue *base = image->component[ins->imm.i % 4];
    gcc_jit_rvalue *x = site_get(s, ins->args[0]).part[0], *y = site_get(s, ins->args[1]).part[0];
    if (s->shape->vector) {
        y = clamped_lanes(s, y, image->last[1]);
        gcc_jit_rvalue *start = site_binary(s, GCC_JIT_BINARY_OP_MULT, s->shape->i32, y, image->columns);
        return one(site_gather(s, s->shape->f32, base, site_add(s, start, clamped_lanes(s, x, image->last[0])), false));
    }
    y = clamped_one(s, y, image->height);
    gcc_jit_rvalue *start = site_binary(s, GCC_JIT_BINARY_OP_MULT, e->t_int, y, image->width);
    gcc_jit_rvalue *at = site_add(s, start, clamped_one(s, x, image->width));
    return one(site_let(s, e->t_float, gcc_jit_lvalue_as_rvalue(site_at(s, s->shape->f32_at, base, at))));
}
