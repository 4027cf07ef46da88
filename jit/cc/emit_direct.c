/* A kernel that is one feed-forward region: straight from inputs to outputs in whole vectors, one copy of the body.
 *
 * The last, partial vector runs through the same loop: inputs are copied (masked) to pads on the stack, and the
 * pointers moved so that the same index hits the pads; then outputs are copied back. No access touches a byte past a
 * buffer. */
#include "core/arena.h"
#include "jit/cc/loops.h"

struct tail {
    gcc_jit_lvalue **in_pads, **out_pads; /* vectors on the stack */
    gcc_jit_rvalue **ins, **outs;         /* the pointers as the call gave them */
    gcc_jit_lvalue *end;                  /* where the loop stops */
    gcc_jit_lvalue *begun, *valid, *mask;
};

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
}

static struct tail tail_new(struct site *s)
{
    struct emitter *e = s->e;
    const struct ir *ir = e->ir;
    struct tail t = {0};
    t.in_pads = ARENA_ARRAY(e->arena, ir->n_inputs, gcc_jit_lvalue *);
    t.out_pads = ARENA_ARRAY(e->arena, ir->n_outputs, gcc_jit_lvalue *);
    t.ins = ARENA_ARRAY(e->arena, ir->n_inputs, gcc_jit_rvalue *);
    t.outs = ARENA_ARRAY(e->arena, ir->n_outputs, gcc_jit_rvalue *);
    for (uint32_t c = 0; c < ir->n_inputs; c++) {
        t.in_pads[c] = site_local(s, e->vector.f32, "in_pad");
        t.ins[c] = site_let(s, e->t_float_ptr, r(e->main->in[c]));
    }
    for (uint32_t c = 0; c < ir->n_outputs; c++) {
        t.out_pads[c] = site_local(s, e->vector.f32, "out_pad");
        t.outs[c] = site_let(s, e->t_float_ptr, r(e->main->out[c]));
    }
    t.end = site_local(s, e->t_long, "end");
    t.begun = site_local(s, e->t_int, "tail");
    t.valid = site_local(s, e->t_int, "valid");
    t.mask = site_local(s, e->vector.mask, "mask");
    site_set(s, t.end, site_and(s, e->main->count, machine_long(e, -e->vector.lanes)));
    site_set(s, t.begun, machine_int(e, 0));
    site_set(s, t.valid, machine_int(e, e->vector.lanes));
    site_set(s, t.mask, site_first_lanes(s, machine_int(e, e->vector.lanes)));
    return t;
}

/* pointer = &pad - end, in elements */
static void redirect(struct site *s, gcc_jit_lvalue *pointer, gcc_jit_lvalue *pad, gcc_jit_rvalue *end)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *at = gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(pad, NULL), e->t_float_ptr);
    gcc_jit_rvalue *back =
        site_let(s, e->t_long, gcc_jit_context_new_unary_op(e->ctxt, NULL, GCC_JIT_UNARY_OP_MINUS, e->t_long, end));
    site_set(s, pointer, gcc_jit_lvalue_get_address(gcc_jit_context_new_array_access(e->ctxt, NULL, at, back), NULL));
}

static void tail_begin(struct site *s, const struct tail *t)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *end = site_let(s, e->t_long, r(t->end));
    site_set(s, t->valid, site_int(s, site_sub(s, e->main->count, end)));
    site_set(s, t->mask, site_first_lanes(s, r(t->valid)));
    for (uint32_t c = 0; c < e->ir->n_inputs; c++) {
        site_set(s, t->in_pads[c], site_load_masked(s, t->ins[c], end, r(t->mask)));
        redirect(s, e->main->in[c], t->in_pads[c], end);
    }
    for (uint32_t c = 0; c < e->ir->n_outputs; c++)
        redirect(s, e->main->out[c], t->out_pads[c], end);
    site_set(s, t->begun, machine_int(e, 1));
    site_set(s, t->end, site_add(s, end, machine_long(e, e->vector.lanes)));
}

/* Back to the caller's buffers; the next row starts afresh. */
static void tail_end(struct site *s, const struct tail *t)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *at = site_sub(s, r(t->end), machine_long(e, e->vector.lanes));
    for (uint32_t c = 0; c < e->ir->n_outputs; c++)
        site_store_masked(s, t->outs[c], at, r(t->mask), r(t->out_pads[c]));
    for (uint32_t c = 0; c < e->ir->n_inputs; c++)
        site_set(s, e->main->in[c], t->ins[c]);
}

static const struct region nothing = {.kind = REGION_VECTOR};

void emit_direct(struct site *outer)
{
    struct emitter *e = outer->e;
    const struct region *region = e->plan->n_regions ? &e->plan->regions[0] : &nothing;
    gcc_jit_block *head = site_block(outer, "head"), *turn = site_block(outer, "turn"),
                  *over = site_block(outer, "over"), *left = site_block(outer, "left"),
                  *begin = site_block(outer, "tail_begin"), *end = site_block(outer, "tail_end"),
                  *done = site_block(outer, "samples_done");
    struct tail t = tail_new(outer);
    gcc_jit_lvalue *index = site_local(outer, e->t_long, "i");
    gcc_jit_rvalue *zero = machine_long(e, 0);
    struct loop loop = {.direct = true,
                        .index = r(index),
                        .at = r(index),
                        .lo = zero,
                        .hi = e->main->count,
                        .valid = r(t.valid),
                        .mask = r(t.mask)};
    struct site s = loop_site(outer, &e->vector, &loop);
    site_set(&s, index, zero);
    state_begin(&s, region);
    site_jump(&s, head);
    site_branch(&s, site_less(&s, r(index), r(t.end)), turn, over);
    s.block = turn;
    emit_region_body(&s, region);
    for (uint32_t c = 0; c < e->ir->n_outputs; c++)
        emit_store(&s, c);
    site_set(&s, index, site_add(&s, r(index), machine_long(e, e->vector.lanes)));
    site_jump(&s, head);
    s.block = over;
    site_branch(&s, gcc_jit_context_new_comparison(e->ctxt, NULL, GCC_JIT_COMPARISON_NE, r(t.begun), machine_int(e, 0)),
                end, left);
    s.block = left;
    site_branch(&s, site_less(&s, r(t.end), e->main->count), begin, done);
    s.block = begin;
    tail_begin(&s, &t);
    gcc_jit_block_end_with_jump(s.block, NULL, head);
    s.block = end;
    tail_end(&s, &t);
    site_jump(&s, done);
    state_end(&s, region, site_sub(&s, r(t.valid), machine_int(e, 1)));
    outer->block = s.block;
}
