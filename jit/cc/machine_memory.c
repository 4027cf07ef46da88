/* See machine.h: loads and stores of the buffers a kernel is handed. Nothing here bounds an index: callers do. */
#include <stdio.h>

#include "jit/cc/machine.h"

/* An int that is no less than zero, as a long: without an instruction. */
gcc_jit_rvalue *site_index(struct site *s, gcc_jit_rvalue *v)
{
    gcc_jit_context *c = s->e->ctxt;
    gcc_jit_rvalue *u = gcc_jit_context_new_cast(c, NULL, v, gcc_jit_context_get_int_type(c, 4, 0));
    return site_let(s, s->e->t_long, gcc_jit_context_new_cast(c, NULL, u, s->e->t_long));
}

gcc_jit_lvalue *site_at(struct site *s, gcc_jit_type *type_at, gcc_jit_rvalue *base, gcc_jit_rvalue *index)
{
    gcc_jit_context *c = s->e->ctxt;
    gcc_jit_rvalue *wide = gcc_jit_context_new_cast(c, NULL, index, s->e->t_long);
    gcc_jit_lvalue *element = gcc_jit_context_new_array_access(c, NULL, base, wide);
    gcc_jit_rvalue *at = gcc_jit_lvalue_get_address(element, NULL);
    return gcc_jit_rvalue_dereference(gcc_jit_context_new_cast(c, NULL, at, gcc_jit_type_get_pointer(type_at)), NULL);
}

gcc_jit_rvalue *site_load_masked(struct site *s, gcc_jit_rvalue *base, gcc_jit_rvalue *index, gcc_jit_rvalue *mask)
{
    gcc_jit_rvalue *from = gcc_jit_lvalue_as_rvalue(site_at(s, s->e->vector.f32_at, base, index));
    if (s->e->v4)
        return SITE_ASM(s, s->e->vector.f32, NULL, "vmovups %1, %0%{%2%}%{z%}", {"m", from}, {"Yk", mask});
    return SITE_ASM(s, s->e->vector.f32, NULL, "vmaskmovps %1, %2, %0", {"m", from}, {"x", mask});
}

void site_store_masked(struct site *s, gcc_jit_rvalue *base, gcc_jit_rvalue *index, gcc_jit_rvalue *mask,
                       gcc_jit_rvalue *v)
{
    gcc_jit_lvalue *to = site_at(s, s->e->vector.f32_at, base, index);
    const char *text = s->e->v4 ? "vmovups %1, %0%{%2%}" : "vmaskmovps %1, %2, %0";
    gcc_jit_extended_asm *a = gcc_jit_block_add_extended_asm(s->block, NULL, text);
    gcc_jit_extended_asm_set_volatile_flag(a, 1);
    gcc_jit_extended_asm_add_output_operand(a, NULL, "+m", to);
    gcc_jit_extended_asm_add_input_operand(a, NULL, s->e->reg, v);
    gcc_jit_extended_asm_add_input_operand(a, NULL, s->e->v4 ? "Yk" : "x", mask);
}

/* bytes + offset, as a pointer to elements of type t. */
static gcc_jit_rvalue *elements_at(struct site *s, enum type t, gcc_jit_rvalue *bytes, long offset)
{
    struct emitter *e = s->e;
    gcc_jit_type *type = t == TYPE_F32 ? e->t_float_ptr : t == TYPE_F64 ? e->t_double_ptr : e->t_int_ptr;
    gcc_jit_lvalue *at = gcc_jit_context_new_array_access(e->ctxt, NULL, bytes, machine_long(e, offset));
    return gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(at, NULL), type);
}

static gcc_jit_rvalue *mask_of_ints(struct site *s, gcc_jit_rvalue *ints)
{
    if (!s->shape->vector || !s->e->v4)
        return ints;
    return SITE_ASM(s, s->e->t_kmask, "Yk", "vpmovd2m %1, %0", {"v", ints});
}

static gcc_jit_rvalue *ints_of_mask(struct site *s, gcc_jit_rvalue *mask)
{
    if (!s->shape->vector || !s->e->v4)
        return mask;
    return SITE_ASM(s, s->shape->i32, NULL, "vpmovm2d %1, %0", {"Yk", mask});
}

/* One lane of a mask as comparisons give it: see emit_ops.c. */
static gcc_jit_rvalue *lane_of_int(struct site *s, gcc_jit_lvalue *at)
{
    gcc_jit_rvalue *from = gcc_jit_lvalue_as_rvalue(at);
    if (s->e->v4)
        return SITE_ASM(s, s->e->t_kmask, "Yk", "kmovd %1, %0", {"m", from});
    return SITE_ASM(s, s->e->t_double, NULL, "vbroadcastss %1, %0", {"m", from});
}

struct value site_load(struct site *s, enum type t, gcc_jit_rvalue *bytes, long offset, gcc_jit_rvalue *index)
{
    gcc_jit_rvalue *base = elements_at(s, t, bytes, offset);
    gcc_jit_type *type = t == TYPE_MASK ? s->shape->i32 : machine_type(s->shape, t);
    gcc_jit_type *type_at = machine_type_at(s->shape, t);
    struct value v = {.part = {site_let(s, type, gcc_jit_lvalue_as_rvalue(site_at(s, type_at, base, index))), NULL}};
    if (t == TYPE_MASK && !s->shape->vector)
        v.part[1] = lane_of_int(s, site_at(s, type_at, base, index));
    else if (t == TYPE_MASK)
        v.part[0] = mask_of_ints(s, v.part[0]);
    if (t == TYPE_F64 && s->shape->parts == 2) {
        base = elements_at(s, t, bytes, offset + (long)sizeof(double) * s->shape->lanes / 2);
        v.part[1] = site_let(s, type, gcc_jit_lvalue_as_rvalue(site_at(s, type_at, base, index)));
    }
    return v;
}

void site_store(struct site *s, enum type t, gcc_jit_rvalue *bytes, long offset, gcc_jit_rvalue *index, struct value v)
{
    gcc_jit_rvalue *base = elements_at(s, t, bytes, offset);
    gcc_jit_type *type_at = machine_type_at(s->shape, t);
    site_set(s, site_at(s, type_at, base, index), t == TYPE_MASK ? ints_of_mask(s, v.part[0]) : v.part[0]);
    if (t == TYPE_F64 && s->shape->parts == 2) {
        base = elements_at(s, t, bytes, offset + (long)sizeof(double) * s->shape->lanes / 2);
        site_set(s, site_at(s, type_at, base, index), v.part[1]);
    }
}
