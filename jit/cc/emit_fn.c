/* IR functions: each is emitted once a shape it is needed in, as an internal function that is not inlined (gcc's
 * register allocator is super-linear in a body's length, and a call costs next to nothing at 16 lanes). Only tiny ones
 * are written in place. Parameters and results travel in vector registers; the upper half of an f64 vector result
 * through a pointer. */
#include "core/arena.h"
#include "jit/cc/emit.h"
#include "jit/cc/emit_coherent.h"

enum { INLINE_MAX = 10 };

static bool is_call(const struct ins *ins)
{
    return op_info(ins->op)->arity < 0;
}

static bool is_inlined(const struct ir_fn *fn)
{
    for (uint32_t i = 1; i < fn->code.n; i++)
        if (is_call(&fn->code.ins[i]))
            return false;
    return fn->code.n <= INLINE_MAX;
}

struct value emit_param(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    return s->params[ins->imm.i];
}

static struct value body_emit(struct site *s, const struct ir_fn *fn)
{
    for (uint32_t i = 1; i < fn->code.n; i++)
        site_emit(s, (struct val){i});
    return site_get(s, fn->result);
}

static struct value inline_call(struct site *s, const struct ins *ins)
{
    struct emitter *e = s->e;
    const struct ir_fn *fn = &e->ir->fns[ins->imm.i];
    struct site body = site_new(e, s->shape, &fn->code, s->fn, s->block);
    struct value args[FN_ARGS_MAX];
    for (uint32_t k = 0; k < ins->n_args; k++)
        args[k] = site_get(s, ins->args[k]);
    body.uses = e->fn_uses[ins->imm.i];
    body.params = args;
    return body_emit(&body, fn);
}

static struct value call_function(struct site *s, const struct shape *shape, const struct ins *ins)
{
    struct emitter *e = s->e;
    const struct ir_fn *fn = &e->ir->fns[ins->imm.i];
    gcc_jit_rvalue *args[2 * FN_ARGS_MAX + 1];
    int n = 0;
    struct value r = {0};
    bool pair = fn->result_type == TYPE_F64 && shape->parts == 2;
    for (uint32_t k = 0; k < ins->n_args; k++) {
        struct value a = site_get(s, ins->args[k]);
        if (shape != s->shape)
            a = site_splat(s, fn->params[k], a.part[0]);
        for (int part = 0; part < (fn->params[k] == TYPE_F64 ? shape->parts : 1); part++)
            args[n++] = a.part[part];
    }
    gcc_jit_lvalue *upper = pair ? site_local(s, shape->f64, "upper") : NULL;
    if (pair)
        args[n++] = gcc_jit_lvalue_get_address(upper, NULL);
    gcc_jit_rvalue *call = gcc_jit_context_new_call(e->ctxt, NULL, e->fns[shape->vector][ins->imm.i], n, args);
    r.part[0] = site_let(s, machine_type(shape, fn->result_type), call);
    if (pair)
        r.part[1] = site_let(s, shape->f64, gcc_jit_lvalue_as_rvalue(upper));
    if (shape != s->shape)
        r = (struct value){.part = {site_lane0(s, fn->result_type, r), NULL}};
    return r;
}

struct value emit_call(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct emitter *e = s->e;
    if (is_inlined(&e->ir->fns[ins->imm.i]))
        return inline_call(s, ins);
    struct value known = coherent_call(s, ins);
    if (known.part[0])
        return known;
    if (!s->shape->vector && !e->fns[0][ins->imm.i])
        return call_function(s, &e->vector, ins);
    return call_function(s, s->shape, ins);
}

static gcc_jit_function *fn_declare(struct emitter *e, const struct shape *shape, const struct ir_fn *fn,
                                    uint32_t index)
{
    gcc_jit_param *params[2 * FN_ARGS_MAX + 1];
    int n = 0;
    for (uint32_t k = 0; k < fn->n_params; k++)
        for (int part = 0; part < (fn->params[k] == TYPE_F64 ? shape->parts : 1); part++)
            params[n++] = gcc_jit_context_new_param(e->ctxt, NULL, machine_type(shape, fn->params[k]), "p");
    if (fn->result_type == TYPE_F64 && shape->parts == 2)
        params[n++] = gcc_jit_context_new_param(e->ctxt, NULL, gcc_jit_type_get_pointer(shape->f64), "upper");
    const char *name = arena_printf(e->arena, "fn_%u_%d", index, shape->lanes);
    return gcc_jit_context_new_function(e->ctxt, NULL, GCC_JIT_FUNCTION_INTERNAL, machine_type(shape, fn->result_type),
                                        name, n, params, 0);
}

static void fn_define(struct emitter *e, const struct shape *shape, uint32_t index)
{
    const struct ir_fn *fn = &e->ir->fns[index];
    gcc_jit_function *f = e->fns[shape->vector][index];
    struct site s = site_new(e, shape, &fn->code, f, gcc_jit_function_new_block(f, "entry"));
    struct value params[FN_ARGS_MAX] = {0};
    int n = 0;
    for (uint32_t k = 0; k < fn->n_params; k++)
        for (int part = 0; part < (fn->params[k] == TYPE_F64 ? shape->parts : 1); part++)
            params[k].part[part] = gcc_jit_param_as_rvalue(gcc_jit_function_get_param(f, n++));
    s.uses = e->fn_uses[index];
    s.params = params;
    struct value r = body_emit(&s, fn);
    if (fn->result_type == TYPE_F64 && shape->parts == 2) {
        gcc_jit_rvalue *upper = gcc_jit_param_as_rvalue(gcc_jit_function_get_param(f, n));
        site_set(&s, gcc_jit_rvalue_dereference(upper, NULL), r.part[1]);
    }
    gcc_jit_block_end_with_return(s.block, NULL, r.part[0]);
}

static void mark_calls(const struct region *r, const struct ir *ir, bool *need[2])
{
    for (uint32_t i = 0; i < r->n_subs; i++)
        mark_calls(&r->subs[i], ir, need);
    for (uint32_t i = 0; i < r->n_vals; i++) {
        const struct ins *ins = &ir->main.ins[r->vals[i].i];
        if (is_call(ins))
            need[r->kind == REGION_VECTOR][ins->imm.i] = true;
    }
}

/* Calls of rate CALL and ROW take the shape that the regions need anyway, else one lane. */
static void mark_uniform_calls(const struct ir *ir, bool *need[2])
{
    for (uint32_t i = 1; i < ir->main.n; i++) {
        const struct ins *ins = &ir->main.ins[i];
        if (is_call(ins) && ins->rate != RATE_SAMPLE && !need[1][ins->imm.i])
            need[0][ins->imm.i] = true;
    }
}

void fns_emit(struct emitter *e)
{
    const struct ir *ir = e->ir;
    bool *need[2] = {ARENA_ARRAY(e->arena, ir->n_fns, bool), ARENA_ARRAY(e->arena, ir->n_fns, bool)};
    e->fn_uses = ARENA_ARRAY(e->arena, ir->n_fns, uint32_t *);
    for (uint32_t i = 0; i < e->plan->n_regions; i++)
        mark_calls(&e->plan->regions[i], ir, need);
    mark_uniform_calls(ir, need);
    for (uint32_t f = ir->n_fns; f-- > 0;)
        for (uint32_t i = 1; i < ir->fns[f].code.n; i++)
            if (is_call(&ir->fns[f].code.ins[i]))
                for (int v = 0; v < 2; v++)
                    need[v][ir->fns[f].code.ins[i].imm.i] |= need[v][f];
    for (int v = 0; v < 2; v++) {
        const struct shape *shape = v ? &e->vector : &e->scalar;
        e->fns[v] = ARENA_ARRAY(e->arena, ir->n_fns, gcc_jit_function *);
        for (uint32_t f = 0; f < ir->n_fns; f++) {
            if (!need[v][f])
                continue;
            if (!e->fn_uses[f])
                e->fn_uses[f] = code_uses(&ir->fns[f].code, e->arena);
            if (is_inlined(&ir->fns[f]))
                continue;
            e->fns[v][f] = fn_declare(e, shape, &ir->fns[f], f);
            fn_define(e, shape, f);
        }
    }
}
