/* IR functions: each is emitted once a shape it is needed in, as an internal function that is not inlined (gcc's
 * register allocator is super-linear in a body's length, and a call costs next to nothing at 16 lanes). Tiny ones are
 * written in place, and those of a moderate size with one call: their constants then stay in registers over the loop.
 * Parameters and results travel in registers; the upper half of an f64 vector result and the parameters beyond the
 * registers through pointers. (gcc 12 forgets to store an argument on the stack again when it was one of the call
 * before, although another call's return address lay over it meanwhile.) */
#include "core/arena.h"
#include "jit/cc/emit.h"
#include "jit/cc/emit_coherent.h"

/* Instructions: of any function, of one that is called once, of all such together. */
enum { INLINE_MAX = 10, INLINE_ONCE_MAX = 64, INLINE_ONCE_ALL = 256 };

static bool is_call(const struct ins *ins)
{
    return op_info(ins->op)->arity < 0;
}

static bool is_leaf(const struct ir_fn *fn)
{
    for (uint32_t i = 1; i < fn->code.n; i++)
        if (is_call(&fn->code.ins[i]))
            return false;
    return true;
}

static void count_calls(const struct code *code, uint32_t *counts)
{
    for (uint32_t i = 1; i < code->n; i++)
        if (is_call(&code->ins[i]))
            counts[code->ins[i].imm.i]++;
}

/* By function: is it written where it is called? */
static bool *choose_inlined(const struct ir *ir, struct arena *a)
{
    uint32_t *counts = ARENA_ARRAY(a, ir->n_fns, uint32_t), all = 0;
    bool *inlined = ARENA_ARRAY(a, ir->n_fns, bool);
    count_calls(&ir->main, counts);
    for (uint32_t f = 0; f < ir->n_fns; f++)
        count_calls(&ir->fns[f].code, counts);
    for (uint32_t f = 0; f < ir->n_fns; f++) {
        uint32_t n = ir->fns[f].code.n;
        bool once = counts[f] == 1 && n <= INLINE_ONCE_MAX && all + n <= INLINE_ONCE_ALL;
        inlined[f] = is_leaf(&ir->fns[f]) && (n <= INLINE_MAX || once);
        all += inlined[f] && n > INLINE_MAX ? n : 0;
    }
    return inlined;
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

/* The parts of a function's parameters, in order, and whether each has a register. */
struct passing {
    struct {
        uint32_t param;
        int part;
        bool in_memory;
        gcc_jit_type *type;
    } parts[2 * FN_ARGS_MAX];
    int n, in_memory;
    bool pair; /* the result's upper half */
};

static struct passing passing_of(const struct shape *shape, const struct ir_fn *fn)
{
    enum { VECTOR_REGISTERS = 8, OTHER_REGISTERS = 4 }; /* beside the two pointers */
    struct passing p = {.pair = fn->result_type == TYPE_F64 && shape->parts == 2};
    int vectors = 0, others = 0;
    for (uint32_t k = 0; k < fn->n_params; k++)
        for (int part = 0; part < (fn->params[k] == TYPE_F64 ? shape->parts : 1); part++) {
            bool other = !shape->vector && fn->params[k] == TYPE_I32;
            bool in_memory = other ? ++others > OTHER_REGISTERS : ++vectors > VECTOR_REGISTERS;
            p.parts[p.n].param = k;
            p.parts[p.n].part = part;
            p.parts[p.n].in_memory = in_memory;
            p.parts[p.n].type = machine_type(shape, fn->params[k]);
            p.in_memory += in_memory;
            p.n++;
        }
    return p;
}

/* Place `i` of an area of vectors, as a `type`. */
static gcc_jit_lvalue *area_at(struct emitter *e, gcc_jit_rvalue *area, int i, gcc_jit_type *type)
{
    gcc_jit_lvalue *place = gcc_jit_context_new_array_access(e->ctxt, NULL, area, machine_int(e, i));
    gcc_jit_rvalue *at = gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(place, NULL),
                                                  gcc_jit_type_get_pointer(type));
    return gcc_jit_rvalue_dereference(at, NULL);
}

static gcc_jit_rvalue *area_new(struct site *s, int n)
{
    struct emitter *e = s->e;
    gcc_jit_type *type = gcc_jit_context_new_array_type(e->ctxt, NULL, e->vector.f32, n);
    gcc_jit_rvalue *all = gcc_jit_lvalue_get_address(site_local(s, type, "arguments"), NULL);
    return gcc_jit_context_new_cast(e->ctxt, NULL, all, gcc_jit_type_get_pointer(e->vector.f32));
}

static struct value call_function(struct site *s, const struct shape *shape, const struct ins *ins)
{
    struct emitter *e = s->e;
    const struct ir_fn *fn = &e->ir->fns[ins->imm.i];
    struct passing p = passing_of(shape, fn);
    gcc_jit_rvalue *args[2 * FN_ARGS_MAX + 2], *area = p.in_memory ? area_new(s, p.in_memory) : NULL;
    int n = 0, stored = 0;
    struct value r = {0}, a = {0};
    for (int i = 0; i < p.n; i++) {
        uint32_t k = p.parts[i].param;
        if (p.parts[i].part == 0)
            a = site_get(s, ins->args[k]);
        if (p.parts[i].part == 0 && shape != s->shape)
            a = site_splat(s, fn->params[k], a.part[0]);
        if (p.parts[i].in_memory)
            site_set(s, area_at(e, area, stored++, p.parts[i].type), a.part[p.parts[i].part]);
        else
            args[n++] = a.part[p.parts[i].part];
    }
    if (area)
        args[n++] = area;
    gcc_jit_lvalue *upper = p.pair ? site_local(s, shape->f64, "upper") : NULL;
    if (p.pair)
        args[n++] = gcc_jit_lvalue_get_address(upper, NULL);
    gcc_jit_rvalue *call = gcc_jit_context_new_call(e->ctxt, NULL, e->fns[shape->vector][ins->imm.i], n, args);
    r.part[0] = site_let(s, machine_type(shape, fn->result_type), call);
    if (p.pair)
        r.part[1] = site_let(s, shape->f64, gcc_jit_lvalue_as_rvalue(upper));
    if (shape != s->shape)
        r = (struct value){.part = {site_lane0(s, fn->result_type, r), NULL}};
    return r;
}

struct value emit_call(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct emitter *e = s->e;
    if (e->fn_inlined[ins->imm.i])
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
    struct passing p = passing_of(shape, fn);
    gcc_jit_param *params[2 * FN_ARGS_MAX + 2];
    int n = 0;
    for (int i = 0; i < p.n; i++)
        if (!p.parts[i].in_memory)
            params[n++] = gcc_jit_context_new_param(e->ctxt, NULL, p.parts[i].type, "p");
    if (p.in_memory)
        params[n++] = gcc_jit_context_new_param(e->ctxt, NULL, gcc_jit_type_get_pointer(e->vector.f32), "arguments");
    if (p.pair)
        params[n++] = gcc_jit_context_new_param(e->ctxt, NULL, gcc_jit_type_get_pointer(shape->f64), "upper");
    const char *name = arena_printf(e->arena, "%s_fn_%u_%d", e->name, index, shape->lanes);
    return gcc_jit_context_new_function(e->ctxt, NULL, GCC_JIT_FUNCTION_INTERNAL, machine_type(shape, fn->result_type),
                                        name, n, params, 0);
}

static void fn_define(struct emitter *e, const struct shape *shape, uint32_t index)
{
    const struct ir_fn *fn = &e->ir->fns[index];
    gcc_jit_function *f = e->fns[shape->vector][index];
    struct site s = site_new(e, shape, &fn->code, f, gcc_jit_function_new_block(f, "entry"));
    struct value params[FN_ARGS_MAX] = {0};
    struct passing p = passing_of(shape, fn);
    int n = 0, loaded = 0;
    gcc_jit_rvalue *area =
        p.in_memory ? gcc_jit_param_as_rvalue(gcc_jit_function_get_param(f, p.n - p.in_memory)) : NULL;
    for (int i = 0; i < p.n; i++) {
        gcc_jit_rvalue **part = &params[p.parts[i].param].part[p.parts[i].part];
        if (p.parts[i].in_memory)
            *part =
                site_let(&s, p.parts[i].type, gcc_jit_lvalue_as_rvalue(area_at(e, area, loaded++, p.parts[i].type)));
        else
            *part = gcc_jit_param_as_rvalue(gcc_jit_function_get_param(f, n++));
    }
    s.uses = e->fn_uses[index];
    s.params = params;
    struct value r = body_emit(&s, fn);
    if (p.pair) {
        gcc_jit_rvalue *upper = gcc_jit_param_as_rvalue(gcc_jit_function_get_param(f, n + (area != NULL)));
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
    e->fn_inlined = choose_inlined(ir, e->arena);
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
            if (e->fn_inlined[f])
                continue;
            e->fns[v][f] = fn_declare(e, shape, &ir->fns[f], f);
            fn_define(e, shape, f);
        }
    }
}
