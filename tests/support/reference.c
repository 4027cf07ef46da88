/* See reference.h. */
#include "tests/support/reference.h"

#include <stdlib.h>
#include <string.h>

static struct constant zero_of(enum op op)
{
    return (struct constant){.type = op_info(op)->result};
}

static struct constant const_of(const struct ins *ins)
{
    struct constant c = {.type = op_info(ins->op)->result};
    memcpy(&c.as, &ins->imm, sizeof c.as);
    return c;
}

static struct constant table_at(const struct ir *ir, const struct ins *ins, int32_t index)
{
    const struct ir_table *t = &ir->tables[ins->imm.i];
    struct constant c = {.type = t->type};
    c.as.i = t->data.i[(uint32_t)index & (t->n - 1)];
    return c;
}

static struct constant call_fn(const struct ir *ir, uint32_t index, const struct constant *params)
{
    const struct ir_fn *fn = &ir->fns[index];
    struct constant *vals = calloc(fn->code.n, sizeof *vals);
    for (uint32_t v = 1; v < fn->code.n; v++) {
        const struct ins *ins = &fn->code.ins[v];
        struct constant args[FN_ARGS_MAX];
        for (uint32_t k = 0; k < ins->n_args; k++)
            args[k] = vals[ins->args[k].i];
        switch (ins->op) {
        case OP_CONST_F32:
        case OP_CONST_F64:
        case OP_CONST_I32:
            vals[v] = const_of(ins);
            break;
        case OP_PARAM_F32:
        case OP_PARAM_F64:
        case OP_PARAM_I32:
            vals[v] = params[ins->imm.i];
            break;
        case OP_CALL_F32:
        case OP_CALL_F64:
        case OP_CALL_I32:
            vals[v] = call_fn(ir, (uint32_t)ins->imm.i, args);
            break;
        case OP_GATHER_F32:
        case OP_GATHER_I32:
            vals[v] = table_at(ir, ins, args[0].as.i);
            break;
        default:
            vals[v] = interp_fold(ins, args);
            break;
        }
    }
    struct constant result = vals[fn->result.i];
    free(vals);
    return result;
}

static struct constant compute(struct reference *r, struct val v)
{
    const struct ins *ins = &r->ir->main.ins[v.i];
    struct constant c = zero_of(ins->op), args[FN_ARGS_MAX];
    if (ins->op == OP_PREV_F32 || ins->op == OP_PREV_F64 || ins->op == OP_PREV_I32 || ins->op == OP_ACCUM)
        return r->state[v.i];
    if (ins->op == OP_TAP) {
        int32_t age = reference_value(r, ins->args[1]).as.i;
        const struct kernel_ring *ring = &r->rings[r->plan->ring_at[ins->args[0].i]];
        if (age == 0)
            return reference_value(r, r->ir->main.ins[ins->args[0].i].args[0]);
        c.as.f = ring->data[((uint32_t)r->n - (uint32_t)age) & (uint32_t)ring->mask];
        return c;
    }
    for (uint32_t k = 0; k < ins->n_args; k++)
        args[k] = reference_value(r, ins->args[k]);
    switch (ins->op) {
    case OP_CONST_F32:
    case OP_CONST_F64:
    case OP_CONST_I32:
        return const_of(ins);
    case OP_ARG:
        c.as.d = r->args[ins->imm.i];
        return c;
    case OP_IOTA:
        c.as.i = r->n;
        return c;
    case OP_ROW:
        c.as.i = r->row;
        return c;
    case OP_INPUT:
        c.as.f = r->in[ins->imm.i][r->n];
        return c;
    case OP_GATHER_F32:
    case OP_GATHER_I32:
        return table_at(r->ir, ins, args[0].as.i);
    case OP_CALL_F32:
    case OP_CALL_F64:
    case OP_CALL_I32:
        return call_fn(r->ir, (uint32_t)ins->imm.i, args);
    default:
        return interp_fold(ins, args);
    }
}

struct constant reference_value(struct reference *r, struct val v)
{
    if (r->known_at[v.i] != r->n + 1) {
        r->now[v.i] = compute(r, v);
        r->known_at[v.i] = r->n + 1;
    }
    return r->now[v.i];
}

float reference_canonical(float x)
{
    uint32_t nan = 0x7fc00000;
    if (x != x)
        memcpy(&x, &nan, 4);
    return x;
}

void reference_next(struct reference *r)
{
    const struct code *code = &r->ir->main;
    struct constant *next = calloc(code->n, sizeof *next);
    for (uint32_t v = 1; v < code->n; v++)
        if (op_info(code->ins[v].op)->flags & OP_STATE) {
            next[v] = reference_value(r, code->ins[v].args[0]);
            if (code->ins[v].op == OP_ACCUM)
                next[v].as.i = (int32_t)((uint32_t)r->state[v].as.i + (uint32_t)next[v].as.i);
        }
    for (uint32_t v = 1; v < code->n; v++) {
        if (code->ins[v].op == OP_RING) {
            struct kernel_ring *ring = &r->rings[r->plan->ring_at[v]];
            ring->data[r->n & ring->mask] = reference_canonical(next[v].as.f);
        }
        r->state[v] = next[v];
    }
    r->n++;
    free(next);
}

struct reference reference_new(struct arena *a, const struct plan *p, const double *args, const float *const *in,
                               struct kernel_ring *rings)
{
    uint32_t n = p->ir->main.n;
    struct reference r = {.plan = p,
                          .ir = p->ir,
                          .args = args,
                          .in = in,
                          .now = ARENA_ARRAY(a, n, struct constant),
                          .known_at = ARENA_ARRAY(a, n, int64_t),
                          .state = ARENA_ARRAY(a, n, struct constant),
                          .rings = rings};
    return r;
}

struct kernel_ring *reference_rings(struct arena *a, uint32_t n, uint32_t length)
{
    struct kernel_ring *rings = ARENA_ARRAY(a, n, struct kernel_ring);
    for (uint32_t i = 0; i < n; i++)
        rings[i] = (struct kernel_ring){ARENA_ARRAY(a, length + KERNEL_PAD, float), (int32_t)length - 1, 0};
    return rings;
}
