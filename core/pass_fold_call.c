/* See pass_fold_call.h. A function's body is walked once, each operation by the engine's own code, so the result has
 * the bits that running the call would give. */
#include "core/pass_fold_call.h"

static struct constant source_value(const struct ins *ins, const struct constant *args)
{
    struct constant c = {.type = op_info(ins->op)->result};
    switch (ins->op) {
    case OP_CONST_F32:
        c.as.f = ins->imm.f;
        return c;
    case OP_CONST_F64:
        c.as.d = ins->imm.d;
        return c;
    case OP_CONST_I32:
        c.as.i = ins->imm.i;
        return c;
    default:
        return args[ins->imm.i]; /* a parameter; functions have no other source */
    }
}

static struct constant table_value(const struct ir *ir, const struct ins *ins, int32_t index)
{
    const struct ir_table *t = &ir->tables[ins->imm.i];
    uint32_t at = (uint32_t)index & (t->n - 1);
    struct constant c = {.type = t->type};
    if (t->type == TYPE_F32)
        c.as.f = t->data.f[at];
    else
        c.as.i = t->data.i[at];
    return c;
}

static bool ins_value(const struct ir *ir, const struct ins *ins, const struct constant *params,
                      const struct constant *vals, uint32_t *budget, struct constant *ret_value)
{
    struct constant args[FN_ARGS_MAX];
    for (uint32_t k = 0; k < ins->n_args; k++)
        args[k] = vals[ins->args[k].i];
    if (op_info(ins->op)->flags & OP_SOURCE)
        *ret_value = source_value(ins, params);
    else if (op_info(ins->op)->arity < 0)
        return fold_call_value(ir, ins, args, budget, ret_value);
    else if (ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32)
        *ret_value = table_value(ir, ins, args[0].as.i);
    else
        *ret_value = interp_fold(ins, args);
    return true;
}

bool fold_call_value(const struct ir *ir, const struct ins *call, const struct constant *args, uint32_t *budget,
                     struct constant *ret_value)
{
    const struct ir_fn *fn = &ir->fns[call->imm.i];
    if (fn->code.n > *budget)
        return false;
    *budget -= fn->code.n;
    struct constant *vals = ARENA_ARRAY(ir->arena, fn->code.n, struct constant);
    for (uint32_t v = 1; v < fn->code.n; v++)
        if (!ins_value(ir, &fn->code.ins[v], args, vals, budget, &vals[v]))
            return false;
    *ret_value = vals[fn->result.i];
    return true;
}
