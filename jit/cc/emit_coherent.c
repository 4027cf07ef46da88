/* See emit_coherent.h.
 *
 * In a noise of large cells neighbouring samples lie in few cells, and what comes of a cell (hashes, gradients, their
 * sums along y and z) is the same for all its samples while y and z are. The function's own code shows which part that
 * is: its slice, all that depends on nothing but one i32 value, the index, and on parameters that are the same for a
 * whole row. Values of the slice that the rest reads are its frontier.
 *
 * A call site keeps a memo: for as many consecutive indices as there are lanes, from `base` on, the frontier's values,
 * one vector each. Samples whose indices all lie there take their lanes by vpermd. Otherwise the slice is computed for
 * the indices from the least on, and kept; where indices lie too far apart for that to pay, it is computed as the
 * function is written, and so are the next few vectors without a look at the memo. Every lane sees the same operations
 * on the same numbers on all three ways: the same bits.
 *
 * Memos are locals of the kernel and are void at the start of each row. */
#include "jit/cc/emit_coherent.h"

#include <stdio.h>
#include <string.h>

#include "core/arena.h"

enum {
    MEMO_VECTORS_MAX = 256, /* of all call sites of a kernel: 16 KiB */
    FRONTIER_MAX = 32,
    GAIN_LEAST = 8, /* instructions saved, about */
    SKIPPED = 31,   /* vectors, after one whose indices lay too far apart */
    MEMO_BASE = 0,  /* ints in the memo's first vector */
    MEMO_VOID = 1,
    MEMO_SKIP = 2,
};

struct slice {
    uint32_t index;     /* the value; 0: there is no slice worth it */
    bool *inside;       /* by value */
    uint32_t *frontier; /* values */
    uint32_t n_frontier;
    int gain;
};

struct coherent_fn {
    uint32_t fn;
    uint32_t uniform; /* bits: parameters that are the same for a row */
    struct slice slice;
    gcc_jit_function *f;
    struct coherent_fn *next;
};

static bool is_const(enum op op)
{
    return op == OP_CONST_F32 || op == OP_CONST_F64 || op == OP_CONST_I32;
}

static bool is_param(enum op op)
{
    return op == OP_PARAM_F32 || op == OP_PARAM_F64 || op == OP_PARAM_I32;
}

static bool *uniform_values(const struct ir_fn *fn, uint32_t params, struct arena *a)
{
    bool *r = ARENA_ARRAY(a, fn->code.n, bool);
    for (uint32_t v = 1; v < fn->code.n; v++) {
        const struct ins *ins = &fn->code.ins[v];
        r[v] = is_param(ins->op) ? params >> ins->imm.i & 1 : true;
        for (uint32_t k = 0; k < ins->n_args; k++)
            r[v] = r[v] && r[ins->args[k].i];
    }
    return r;
}

/* About how many vector instructions. */
static int weight(const struct emitter *e, const struct ins *ins)
{
    switch (ins->op) {
    case OP_GATHER_F32:
    case OP_GATHER_I32:
        return 20;
    case OP_MUL_I32:
        return 2;
    case OP_CALL_F32:
    case OP_CALL_F64:
    case OP_CALL_I32:
        return (int)e->ir->fns[ins->imm.i].code.n;
    default:
        return 1;
    }
}

/* Values that depend on `index` and uniform ones alone, but for those that `barred` takes out. */
static void mark_slice(const struct code *code, const bool *uniform, const bool *barred, uint32_t index, bool *inside)
{
    for (uint32_t v = 1; v < code->n; v++) {
        const struct ins *ins = &code->ins[v];
        inside[v] = !uniform[v] && v != index && ins->n_args > 0 && !barred[v];
        for (uint32_t k = 0; k < ins->n_args; k++) {
            uint32_t w = ins->args[k].i;
            inside[v] = inside[v] && (uniform[w] || inside[w] || w == index);
        }
    }
}

/* Values inside that are read outside. */
static bool *mark_frontier(const struct ir_fn *fn, const bool *inside, struct arena *a)
{
    bool *r = ARENA_ARRAY(a, fn->code.n, bool);
    for (uint32_t v = 1; v < fn->code.n; v++)
        for (uint32_t k = 0; k < fn->code.ins[v].n_args && !inside[v]; k++)
            r[fn->code.ins[v].args[k].i] = inside[fn->code.ins[v].args[k].i];
    r[fn->result.i] = inside[fn->result.i];
    return r;
}

static struct slice slice_at(const struct emitter *e, const struct ir_fn *fn, const bool *uniform, uint32_t index)
{
    const struct code *code = &fn->code;
    struct arena *a = e->arena;
    struct slice s = {.index = index, .inside = ARENA_ARRAY(a, code->n, bool)};
    bool *barred = ARENA_ARRAY(a, code->n, bool), *frontier = NULL;
    for (bool again = true; again;) { /* only what fits a lane of 32 bits can be kept */
        again = false;
        mark_slice(code, uniform, barred, index, s.inside);
        frontier = mark_frontier(fn, s.inside, a);
        for (uint32_t v = 1; v < code->n; v++) {
            enum type t = op_info(code->ins[v].op)->result;
            if (frontier[v] && t != TYPE_F32 && t != TYPE_I32)
                again = barred[v] = true;
        }
    }
    s.frontier = ARENA_ARRAY(a, code->n, uint32_t);
    for (uint32_t v = 1; v < code->n; v++) {
        if (frontier[v])
            s.frontier[s.n_frontier++] = v;
        s.gain += s.inside[v] ? weight(e, &code->ins[v]) : 0;
    }
    s.gain -= (int)s.n_frontier * 3 / 2 + 8;
    return s;
}

static struct slice best_slice(const struct emitter *e, const struct ir_fn *fn, uint32_t params)
{
    struct slice best = {.gain = GAIN_LEAST - 1};
    const bool *uniform = uniform_values(fn, params, e->arena);
    for (uint32_t v = 1; v < fn->code.n; v++)
        if (fn->code.ins[v].op == OP_I32_F32 && !uniform[v]) {
            struct slice s = slice_at(e, fn, uniform, v);
            if (s.gain > best.gain && s.n_frontier <= FRONTIER_MAX)
                best = s;
        }
    return best;
}

/* --- the function */

struct parts {
    const struct coherent_fn *c;
    const struct ir_fn *fn;
    bool *before, *within, *after;  /* by value: needed for the index, for the frontier, for the result */
    gcc_jit_rvalue *ints, *vectors; /* the memo, seen as either */
    gcc_jit_lvalue *joined[FRONTIER_MAX];
};

/* Marks what the marked values are made of; `stop` is where to end. */
static void mark_needed(const struct code *code, bool *need, const bool *stop)
{
    for (uint32_t v = code->n; v-- > 1;)
        for (uint32_t k = 0; need[v] && !(stop && stop[v]) && k < code->ins[v].n_args; k++)
            need[code->ins[v].args[k].i] = true;
}

static struct parts parts_of(struct emitter *e, const struct coherent_fn *c)
{
    const struct ir_fn *fn = &e->ir->fns[c->fn];
    const struct code *code = &fn->code;
    bool *stop = ARENA_ARRAY(e->arena, code->n, bool);
    struct parts p = {.c = c,
                      .fn = fn,
                      .before = ARENA_ARRAY(e->arena, code->n, bool),
                      .within = ARENA_ARRAY(e->arena, code->n, bool),
                      .after = ARENA_ARRAY(e->arena, code->n, bool)};
    p.before[c->slice.index] = p.after[fn->result.i] = true;
    mark_needed(code, p.before, NULL);
    for (uint32_t i = 0; i < c->slice.n_frontier; i++)
        p.within[c->slice.frontier[i]] = stop[c->slice.frontier[i]] = true;
    mark_needed(code, p.after, stop);
    memset(stop, 0, code->n * sizeof *stop);
    stop[c->slice.index] = true;
    mark_needed(code, p.within, stop);
    for (uint32_t v = 1; v < code->n; v++) /* what both the slice and the rest read comes first */
        p.before[v] = p.before[v] || is_param(code->ins[v].op) || (p.within[v] && p.after[v] && !c->slice.inside[v]);
    mark_needed(code, p.before, NULL);
    return p;
}

/* Writes those of the wanted values that are not there yet. */
static void emit_wanted(struct site *s, const bool *wanted)
{
    for (uint32_t v = 1; v < s->code->n; v++)
        if (wanted[v] && !is_const(s->code->ins[v].op) && !s->values[v].part[0])
            site_emit(s, (struct val){v});
}

/* A site in a block of its own that knows what s knows. */
static struct site site_aside(const struct site *s, gcc_jit_block *block)
{
    struct site r = site_new(s->e, s->shape, s->code, s->fn, block);
    memcpy(r.values, s->values, s->code->n * sizeof *r.values);
    r.uses = s->uses;
    r.params = s->params;
    return r;
}

static gcc_jit_lvalue *memo_int(struct site *s, gcc_jit_rvalue *ints, int which)
{
    return gcc_jit_context_new_array_access(s->e->ctxt, NULL, ints, machine_int(s->e, which));
}

static gcc_jit_lvalue *memo_vector(struct site *s, const struct parts *p, enum type t, uint32_t which)
{
    gcc_jit_type *pointer = gcc_jit_type_get_pointer(machine_type(s->shape, t));
    gcc_jit_rvalue *at = gcc_jit_context_new_cast(s->e->ctxt, NULL, p->vectors, pointer);
    return gcc_jit_context_new_array_access(s->e->ctxt, NULL, at, machine_int(s->e, (int)which + 1));
}

static gcc_jit_rvalue *is_not_zero(struct site *s, gcc_jit_rvalue *v)
{
    return gcc_jit_context_new_comparison(s->e->ctxt, NULL, GCC_JIT_COMPARISON_NE, v, machine_int(s->e, 0));
}

/* Not 0: a lane of the vector is not below n, all taken without a sign. */
static gcc_jit_rvalue *any_from(struct site *s, gcc_jit_rvalue *v, int n)
{
    struct emitter *e = s->e;
    if (e->v4) {
        gcc_jit_rvalue *bound = site_constant_i32(s->shape, e, n);
        gcc_jit_rvalue *k = SITE_ASM(s, e->t_kmask, "Yk", "vpcmpud $5, %2, %1, %0", {"v", v}, {"vm", bound});
        return site_let(s, e->t_int, gcc_jit_context_new_cast(e->ctxt, NULL, k, e->t_int));
    }
    gcc_jit_rvalue *last = site_constant_i32(s->shape, e, n - 1);
    gcc_jit_rvalue *same =
        SITE_ASM(s, s->shape->i32, "&x", "vpminud %2, %1, %0\n\tvpcmpeqd %1, %0, %0", {"x", v}, {"xm", last});
    gcc_jit_rvalue *lanes = SITE_ASM(s, e->t_int, "r", "vmovmskps %1, %0", {"x", same});
    return site_sub(s, machine_int(e, 255), lanes);
}

static gcc_jit_rvalue *last_lane(struct site *s, gcc_jit_rvalue *v)
{
    if (s->e->v4) {
        gcc_jit_rvalue *top = SITE_ASM(s, s->shape->i32, NULL, "vextracti32x4 $3, %1, %x0", {"v", v});
        return SITE_ASM(s, s->e->t_int, "r", "vpextrd $3, %x1, %0", {"x", top});
    }
    gcc_jit_rvalue *top = SITE_ASM(s, s->shape->i32, NULL, "vextracti128 $1, %1, %x0", {"x", v});
    return SITE_ASM(s, s->e->t_int, "r", "vpextrd $3, %x1, %0", {"x", top});
}

/* The frontier as the function is written. */
static void emit_general(const struct site *entry, struct parts *p, gcc_jit_block *block, gcc_jit_block *join)
{
    struct site s = site_aside(entry, block);
    emit_wanted(&s, p->within);
    for (uint32_t i = 0; i < p->c->slice.n_frontier; i++)
        site_set(&s, p->joined[i], s.values[p->c->slice.frontier[i]].part[0]);
    site_jump(&s, join);
}

/* The frontier by lane from the memo. */
static void emit_hit(const struct site *entry, struct parts *p, gcc_jit_block *block, gcc_jit_rvalue *lanes,
                     gcc_jit_block *join)
{
    struct site s = site_aside(entry, block);
    for (uint32_t i = 0; i < p->c->slice.n_frontier; i++) {
        enum type t = op_info(s.code->ins[p->c->slice.frontier[i]].op)->result;
        gcc_jit_rvalue *from = gcc_jit_lvalue_as_rvalue(memo_vector(&s, p, t, i));
        const char *text = t == TYPE_F32 ? "vpermps %2, %1, %0" : "vpermd %2, %1, %0";
        site_set(&s, p->joined[i],
                 SITE_ASM(&s, machine_type(s.shape, t), NULL, text, {s.e->reg, lanes}, {s.e->reg_or_mem, from}));
    }
    site_jump(&s, join);
}

/* Fills the memo from the least index on, if the indices lie near enough. */
static void emit_miss(const struct site *entry, struct parts *p, gcc_jit_block *block, gcc_jit_rvalue *indices,
                      gcc_jit_lvalue *lanes, gcc_jit_block *hit, gcc_jit_block *general)
{
    struct site s = site_aside(entry, block);
    struct emitter *e = s.e;
    gcc_jit_block *fill = site_block(&s, "fill"), *apart = site_block(&s, "apart"), *down = site_block(&s, "down"),
                  *look = site_block(&s, "look");
    gcc_jit_lvalue *base = site_local(&s, e->t_int, "base");
    gcc_jit_rvalue *first = site_lane0(&s, TYPE_I32, (struct value){.part = {indices, NULL}});
    gcc_jit_rvalue *last = last_lane(&s, indices);
    site_set(&s, base, first);
    site_branch(&s, site_less(&s, last, first), down, look);
    s.block = down;
    site_set(&s, base, last);
    site_jump(&s, look);
    gcc_jit_rvalue *all = site_splat(&s, TYPE_I32, gcc_jit_lvalue_as_rvalue(base)).part[0];
    site_set(&s, lanes, site_sub(&s, indices, all));
    site_branch(&s, is_not_zero(&s, any_from(&s, gcc_jit_lvalue_as_rvalue(lanes), e->vector.lanes / 2)), apart, fill);
    s.block = apart;
    site_set(&s, memo_int(&s, p->ints, MEMO_SKIP), machine_int(e, SKIPPED));
    site_set(&s, memo_int(&s, p->ints, MEMO_VOID), machine_int(e, 1));
    gcc_jit_block_end_with_jump(s.block, NULL, general);
    s.block = fill;
    s.values[p->c->slice.index] = (struct value){.part = {site_add(&s, all, site_lane_numbers(e)), NULL}};
    emit_wanted(&s, p->within);
    for (uint32_t i = 0; i < p->c->slice.n_frontier; i++) {
        uint32_t v = p->c->slice.frontier[i];
        site_set(&s, memo_vector(&s, p, op_info(s.code->ins[v].op)->result, i), s.values[v].part[0]);
    }
    site_set(&s, memo_int(&s, p->ints, MEMO_BASE), gcc_jit_lvalue_as_rvalue(base));
    site_set(&s, memo_int(&s, p->ints, MEMO_VOID), machine_int(e, 0));
    site_jump(&s, hit);
}

static void emit_body(struct site *s, struct parts *p)
{
    struct emitter *e = s->e;
    gcc_jit_block *counts = site_block(s, "counts"), *look = site_block(s, "memo"), *hit = site_block(s, "hit"),
                  *miss = site_block(s, "miss"), *general = site_block(s, "general"), *join = site_block(s, "join");
    for (uint32_t i = 0; i < p->c->slice.n_frontier; i++)
        p->joined[i] =
            site_local(s, machine_type(s->shape, op_info(s->code->ins[p->c->slice.frontier[i]].op)->result), "joined");
    emit_wanted(s, p->before);
    gcc_jit_rvalue *indices = s->values[p->c->slice.index].part[0];
    gcc_jit_lvalue *lanes = site_local(s, s->shape->i32, "lanes");
    gcc_jit_rvalue *skip = site_let(s, e->t_int, gcc_jit_lvalue_as_rvalue(memo_int(s, p->ints, MEMO_SKIP)));
    site_branch(s, is_not_zero(s, skip), counts, look);
    s->block = counts;
    site_set(s, memo_int(s, p->ints, MEMO_SKIP), site_sub(s, skip, machine_int(e, 1)));
    gcc_jit_block_end_with_jump(s->block, NULL, general);
    s->block = look;
    gcc_jit_rvalue *base = site_let(s, e->t_int, gcc_jit_lvalue_as_rvalue(memo_int(s, p->ints, MEMO_BASE)));
    site_set(s, lanes, site_sub(s, indices, site_splat(s, TYPE_I32, base).part[0]));
    gcc_jit_rvalue *outside = any_from(s, gcc_jit_lvalue_as_rvalue(lanes), e->vector.lanes);
    gcc_jit_rvalue *is_void = gcc_jit_lvalue_as_rvalue(memo_int(s, p->ints, MEMO_VOID));
    site_branch(s, is_not_zero(s, site_binary(s, GCC_JIT_BINARY_OP_BITWISE_OR, e->t_int, outside, is_void)), miss, hit);
    emit_miss(s, p, miss, indices, lanes, hit, general);
    emit_general(s, p, general, join);
    emit_hit(s, p, hit, gcc_jit_lvalue_as_rvalue(lanes), join);
    s->block = join;
    for (uint32_t i = 0; i < p->c->slice.n_frontier; i++)
        s->values[p->c->slice.frontier[i]] = (struct value){.part = {gcc_jit_lvalue_as_rvalue(p->joined[i]), NULL}};
    emit_wanted(s, p->after);
    gcc_jit_block_end_with_return(s->block, NULL, site_get(s, p->fn->result).part[0]);
}

static void fn_define(struct emitter *e, struct coherent_fn *c)
{
    const struct ir_fn *fn = &e->ir->fns[c->fn];
    struct parts p = parts_of(e, c);
    gcc_jit_param *params[FN_ARGS_MAX + 1];
    gcc_jit_type *memo_type = gcc_jit_type_get_pointer(e->vector.i32);
    struct value values[FN_ARGS_MAX] = {0};
    for (uint32_t k = 0; k < fn->n_params; k++) {
        params[k] = gcc_jit_context_new_param(e->ctxt, NULL, machine_type(&e->vector, fn->params[k]), "p");
        values[k].part[0] = gcc_jit_param_as_rvalue(params[k]);
    }
    params[fn->n_params] = gcc_jit_context_new_param(e->ctxt, NULL, memo_type, "memo");
    const char *name = arena_printf(e->arena, "%s_fn_%u_memo_%u", e->name, c->fn, c->uniform);
    c->f =
        gcc_jit_context_new_function(e->ctxt, NULL, GCC_JIT_FUNCTION_INTERNAL,
                                     machine_type(&e->vector, fn->result_type), name, (int)fn->n_params + 1, params, 0);
    struct site s = site_new(e, &e->vector, &fn->code, c->f, gcc_jit_function_new_block(c->f, "entry"));
    p.vectors = gcc_jit_param_as_rvalue(params[fn->n_params]);
    p.ints = gcc_jit_context_new_cast(e->ctxt, NULL, p.vectors, e->t_int_ptr);
    s.uses = e->fn_uses[c->fn];
    s.params = values;
    emit_body(&s, &p);
}

/* --- the call */

static bool takes_f64(const struct ir_fn *fn)
{
    for (uint32_t k = 0; k < fn->n_params; k++)
        if (fn->params[k] == TYPE_F64)
            return true;
    return fn->result_type == TYPE_F64;
}

static struct coherent_fn *find(struct emitter *e, uint32_t fn, uint32_t uniform)
{
    struct coherent_fn *c = e->coherent;
    while (c && (c->fn != fn || c->uniform != uniform))
        c = c->next;
    if (c)
        return c;
    c = ARENA_NEW(e->arena, struct coherent_fn);
    *c = (struct coherent_fn){.fn = fn, .uniform = uniform, .next = e->coherent};
    e->coherent = c;
    if (!takes_f64(&e->ir->fns[fn]))
        c->slice = best_slice(e, &e->ir->fns[fn], uniform);
    if (c->slice.index)
        fn_define(e, c);
    return c;
}

/* A local of the kernel, void at the start of each row. */
static gcc_jit_rvalue *memo_new(struct site *s, uint32_t n_vectors)
{
    struct emitter *e = s->e;
    struct main_body *m = e->main;
    gcc_jit_type *type = gcc_jit_context_new_array_type(e->ctxt, NULL, e->vector.i32, (int)n_vectors);
    gcc_jit_lvalue *memo = site_local(s, type, "memo");
    gcc_jit_lvalue *first =
        gcc_jit_context_new_array_access(e->ctxt, NULL, gcc_jit_lvalue_as_rvalue(memo), machine_int(e, 0));
    gcc_jit_rvalue *at = gcc_jit_lvalue_get_address(first, NULL);
    gcc_jit_rvalue *ints = gcc_jit_context_new_cast(e->ctxt, NULL, at, e->t_int_ptr);
    site_set(&m->prologue, memo_int(s, ints, MEMO_SKIP), machine_int(e, 0));
    site_set(&m->prologue, memo_int(s, ints, MEMO_BASE), machine_int(e, 0));
    site_set(&m->row, memo_int(s, ints, MEMO_VOID), machine_int(e, 1));
    e->memo_vectors += n_vectors;
    return at;
}

struct value coherent_call(struct site *s, const struct ins *ins)
{
    struct emitter *e = s->e;
    struct value none = {0};
    uint32_t uniform = 0;
    if (!s->main || !s->loop || !s->loop->direct || !s->shape->vector || ins->rate != RATE_SAMPLE)
        return none;
    for (uint32_t k = 0; k < ins->n_args; k++)
        uniform |= (uint32_t)(s->code->ins[ins->args[k].i].rate != RATE_SAMPLE) << k;
    if (!uniform)
        return none;
    struct coherent_fn *c = find(e, (uint32_t)ins->imm.i, uniform);
    if (!c->f || e->memo_vectors + c->slice.n_frontier + 1 > MEMO_VECTORS_MAX)
        return none;
    gcc_jit_rvalue *args[FN_ARGS_MAX + 1];
    for (uint32_t k = 0; k < ins->n_args; k++)
        args[k] = site_get(s, ins->args[k]).part[0];
    args[ins->n_args] = memo_new(s, c->slice.n_frontier + 1);
    gcc_jit_rvalue *call = gcc_jit_context_new_call(e->ctxt, NULL, c->f, (int)ins->n_args + 1, args);
    gcc_jit_type *type = machine_type(&e->vector, e->ir->fns[ins->imm.i].result_type);
    return (struct value){.part = {site_let(s, type, call), NULL}};
}
