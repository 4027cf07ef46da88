/* The kernel's frame: values at hand, the prologue that reads the call, the loop over rows. See emit.h. */
#include "jit/cc/emit.h"

#include <string.h>

#include "core/arena.h"

uint32_t *code_uses(const struct code *code, struct arena *a)
{
    uint32_t *uses = ARENA_ARRAY(a, code->n, uint32_t);
    for (uint32_t i = 1; i < code->n; i++)
        for (uint32_t k = 0; k < code->ins[i].n_args; k++)
            uses[code->ins[i].args[k].i]++;
    return uses;
}

struct site site_new(struct emitter *e, const struct shape *shape, const struct code *code, gcc_jit_function *fn,
                     gcc_jit_block *block)
{
    return (struct site){.e = e,
                         .shape = shape,
                         .fn = fn,
                         .block = block,
                         .code = code,
                         .values = ARENA_ARRAY(e->arena, code->n, struct value),
                         .touched = ARENA_ARRAY(e->arena, code->n, uint32_t)};
}

void site_remember(struct site *s, struct val v, struct value value)
{
    if (!s->values[v.i].part[0])
        s->touched[s->n_touched++] = v.i;
    s->values[v.i] = value;
}

void site_forget(struct site *s)
{
    while (s->n_touched > 0)
        s->values[s->touched[--s->n_touched]] = (struct value){0};
}

/* A value of rate CALL or ROW in every lane, made once where its rate is. */
static struct value splat_of(struct site *s, struct val v, const struct ins *ins)
{
    struct main_body *m = s->e->main;
    if (s->shape == &s->e->half)
        return site_splat(s, op_info(ins->op)->result, m->uniform[v.i].part[0]);
    if (!m->splat[v.i].part[0]) {
        struct site *where = ins->rate == RATE_ROW ? &m->row : &m->prologue;
        m->splat[v.i] = site_splat(where, op_info(ins->op)->result, m->uniform[v.i].part[0]);
    }
    return m->splat[v.i];
}

struct value site_get(struct site *s, struct val v)
{
    if (s->values[v.i].part[0])
        return s->values[v.i];
    const struct ins *ins = &s->code->ins[v.i];
    struct main_body *m = s->e->main;
    struct value r;
    if (ins->op == OP_CONST_F32 || ins->op == OP_CONST_F64 || ins->op == OP_CONST_I32)
        r = emit_const(s, v, ins);
    else if (ins->rate != RATE_SAMPLE)
        r = s->shape->vector ? splat_of(s, v, ins) : m->uniform[v.i];
    else
        r = site_load(s, op_info(ins->op)->result, m->scratch, s->e->plan->strip_at[v.i], s->loop->index);
    r.dies = false;
    site_remember(s, v, r);
    return r;
}

struct value emit_const(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    struct value r = site_constant(s->e, s->shape, ins);
    r.constant = true;
    return r;
}

struct value emit_arg(struct site *s, struct val v, const struct ins *ins)
{
    (void)v;
    gcc_jit_lvalue *at =
        gcc_jit_context_new_array_access(s->e->ctxt, NULL, s->e->main->args, machine_int(s->e, ins->imm.i));
    return (struct value){.part = {site_let(s, s->e->t_double, gcc_jit_lvalue_as_rvalue(at)), NULL}};
}

struct value emit_row(struct site *s, struct val v, const struct ins *ins)
{
    (void)v, (void)ins;
    return (struct value){.part = {site_let(s, s->e->t_int, gcc_jit_lvalue_as_rvalue(s->e->main->row_index)), NULL}};
}

struct call_field {
    const char *name;
    gcc_jit_type *type;
    gcc_jit_field *field;
};
enum {
    F_ARGS,
    F_IN,
    F_OUT,
    F_STATE,
    F_RINGS,
    F_SCRATCH,
    F_PLANES,
    F_IMAGES,
    F_STRIDE,
    F_COUNT,
    F_ROWS,
    F_N0,
    F_UNUSED,
    F_COUNT_OF
};

/* struct kernel_call, field by field. */
static gcc_jit_type *call_type(struct emitter *e, struct call_field *f)
{
    gcc_jit_type *floats_ptr = gcc_jit_type_get_pointer(e->t_float_ptr);
    const struct call_field fields[F_COUNT_OF] = {
        {"args", e->t_double_ptr, NULL}, {"in", floats_ptr, NULL},        {"out", floats_ptr, NULL},
        {"state", e->t_byte_ptr, NULL},  {"rings", e->t_byte_ptr, NULL},  {"scratch", e->t_byte_ptr, NULL},
        {"planes", e->t_byte_ptr, NULL}, {"images", e->t_byte_ptr, NULL}, {"out_stride", e->t_long, NULL},
        {"count", e->t_int, NULL},       {"rows", e->t_int, NULL},        {"n0_low", e->t_int, NULL},
        {"unused", e->t_int, NULL},
    };
    gcc_jit_field *list[F_COUNT_OF];
    memcpy(f, fields, sizeof fields);
    for (int i = 0; i < F_COUNT_OF; i++)
        list[i] = f[i].field = gcc_jit_context_new_field(e->ctxt, NULL, f[i].type, f[i].name);
    return gcc_jit_struct_as_type(gcc_jit_context_new_struct_type(e->ctxt, NULL, "kernel_call", F_COUNT_OF, list));
}

static gcc_jit_rvalue *field(struct site *s, gcc_jit_rvalue *call, const struct call_field *f)
{
    return site_let(s, f->type, gcc_jit_lvalue_as_rvalue(gcc_jit_rvalue_dereference_field(call, NULL, f->field)));
}

static gcc_jit_rvalue *element(struct site *s, gcc_jit_type *type, gcc_jit_rvalue *array, int index)
{
    gcc_jit_lvalue *at = gcc_jit_context_new_array_access(s->e->ctxt, NULL, array, machine_int(s->e, index));
    return site_let(s, type, gcc_jit_lvalue_as_rvalue(at));
}

/* rings[i].data and .mask, by their place in struct kernel_ring. */
static void load_rings(struct site *s, gcc_jit_rvalue *rings)
{
    struct emitter *e = s->e;
    struct main_body *m = e->main;
    gcc_jit_rvalue *data = gcc_jit_context_new_cast(e->ctxt, NULL, rings, gcc_jit_type_get_pointer(e->t_float_ptr));
    gcc_jit_rvalue *ints = gcc_jit_context_new_cast(e->ctxt, NULL, rings, e->t_int_ptr);
    for (uint32_t i = 0; i < e->plan->n_rings; i++) {
        m->ring_data[i] = element(s, e->t_float_ptr, data, (int)i * 2);
        m->ring_mask[i] = element(s, e->t_int, ints, (int)i * 4 + 2);
    }
}

static void main_allocate(struct emitter *e)
{
    struct main_body *m = e->main;
    uint32_t n = e->ir->main.n;
    m->uniform = ARENA_ARRAY(e->arena, n, struct value);
    m->splat = ARENA_ARRAY(e->arena, n, struct value);
    m->carry = arena_array(e->arena, n, sizeof *m->carry);
    m->first = ARENA_ARRAY(e->arena, n, gcc_jit_rvalue *);
    m->in = ARENA_ARRAY(e->arena, e->ir->n_inputs, gcc_jit_lvalue *);
    m->out = ARENA_ARRAY(e->arena, e->ir->n_outputs, gcc_jit_lvalue *);
    m->stored = ARENA_ARRAY(e->arena, e->ir->n_outputs, bool);
    m->inside = ARENA_ARRAY(e->arena, n, bool);
    m->ring_data = ARENA_ARRAY(e->arena, e->plan->n_rings, gcc_jit_rvalue *);
    m->ring_mask = ARENA_ARRAY(e->arena, e->plan->n_rings, gcc_jit_rvalue *);
    m->plane_views = ARENA_ARRAY(e->arena, e->ir->n_planes, struct plane_view);
    m->image_views = ARENA_ARRAY(e->arena, e->ir->n_images, struct image_view);
}

/* A site of one lane whose values are the uniform ones. */
static struct site uniform_site(struct emitter *e, gcc_jit_function *fn, gcc_jit_block *block, const uint32_t *uses)
{
    struct site s = site_new(e, &e->scalar, &e->ir->main, fn, block);
    s.values = e->main->uniform;
    s.uses = uses;
    s.main = true;
    return s;
}

static void emit_values(struct site *s, const struct val *vals, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        site_emit(s, vals[i]);
}

/* for (row = 0; row < rows; row++) { out[c] += out_stride; ...the samples of one row... } */
/* The caller's code may be older than AVX: its first instruction would wait some 40 ns for the upper halves of the
 * registers. gcc adds this by itself at -O2 only. */
static void forget_upper_halves(gcc_jit_block *last)
{
    gcc_jit_extended_asm *a = gcc_jit_block_add_extended_asm(last, NULL, "vzeroupper");
    gcc_jit_extended_asm_set_volatile_flag(a, 1);
    gcc_jit_extended_asm_add_clobber(a, "memory");
}

static void emit_rows(struct emitter *e, struct site *pro, gcc_jit_rvalue **outs, gcc_jit_rvalue *stride)
{
    struct main_body *m = e->main;
    gcc_jit_block *head = site_block(pro, "rows"), *row = site_block(pro, "row"), *samples = site_block(pro, "samples"),
                  *next = site_block(pro, "next_row"), *done = site_block(pro, "done");
    struct site r = uniform_site(e, pro->fn, head, pro->uses);
    gcc_jit_rvalue *index = gcc_jit_lvalue_as_rvalue(m->row_index);
    site_branch(&r, site_less(&r, index, m->rows), row, done);
    r.block = row;
    m->row = r;
    emit_values(&m->row, e->plan->row_vals, e->plan->n_row_vals);
    for (uint32_t c = 0; c < e->ir->n_outputs; c++) {
        gcc_jit_rvalue *wide = gcc_jit_context_new_cast(e->ctxt, NULL, index, e->t_long);
        gcc_jit_rvalue *skip = site_binary(&m->row, GCC_JIT_BINARY_OP_MULT, e->t_long, wide, stride);
        gcc_jit_lvalue *at = gcc_jit_context_new_array_access(e->ctxt, NULL, outs[c], skip);
        site_set(&m->row, m->out[c], gcc_jit_lvalue_get_address(at, NULL));
    }
    struct site s = site_new(e, &e->vector, &e->ir->main, pro->fn, samples);
    s.uses = pro->uses;
    s.main = true;
    if (e->plan->strips)
        emit_strips(&s);
    else
        emit_direct(&s);
    site_jump(&s, next);
    site_set(&s, m->row_index,
             gcc_jit_context_new_binary_op(e->ctxt, NULL, GCC_JIT_BINARY_OP_PLUS, e->t_int, index, machine_int(e, 1)));
    site_jump(&s, head);
    site_jump(&m->row, samples);
    site_jump(&m->prologue, head);
    forget_upper_halves(done);
    gcc_jit_block_end_with_void_return(done, NULL);
}

static void emit_main(struct emitter *e)
{
    struct main_body *m = e->main;
    struct call_field f[F_COUNT_OF];
    gcc_jit_type *call_ptr = gcc_jit_type_get_pointer(call_type(e, f));
    gcc_jit_param *param = gcc_jit_context_new_param(e->ctxt, NULL, call_ptr, "call");
    gcc_jit_function *fn =
        gcc_jit_context_new_function(e->ctxt, NULL, GCC_JIT_FUNCTION_EXPORTED, e->t_void, e->name, 1, &param, 0);
    gcc_jit_rvalue *call = gcc_jit_param_as_rvalue(param);
    main_allocate(e);
    m->prologue = uniform_site(e, fn, gcc_jit_function_new_block(fn, "prologue"), code_uses(&e->ir->main, e->arena));
    struct site *pro = &m->prologue;
    m->args = field(pro, call, &f[F_ARGS]);
    m->state = field(pro, call, &f[F_STATE]);
    m->scratch = field(pro, call, &f[F_SCRATCH]);
    m->planes = field(pro, call, &f[F_PLANES]);
    m->images = field(pro, call, &f[F_IMAGES]);
    m->count =
        site_let(pro, e->t_long, gcc_jit_context_new_cast(e->ctxt, NULL, field(pro, call, &f[F_COUNT]), e->t_long));
    m->rows = field(pro, call, &f[F_ROWS]);
    m->n0 = field(pro, call, &f[F_N0]);
    m->row_index = site_local(pro, e->t_int, "row");
    site_set(pro, m->row_index, machine_int(e, 0));
    load_rings(pro, field(pro, call, &f[F_RINGS]));
    state_begin_lines(pro);
    for (uint32_t c = 0; c < e->ir->n_inputs; c++) {
        m->in[c] = site_local(pro, e->t_float_ptr, "in");
        site_set(pro, m->in[c], element(pro, e->t_float_ptr, field(pro, call, &f[F_IN]), (int)c));
    }
    gcc_jit_rvalue **outs = ARENA_ARRAY(e->arena, e->ir->n_outputs, gcc_jit_rvalue *);
    for (uint32_t c = 0; c < e->ir->n_outputs; c++) {
        m->out[c] = site_local(pro, e->t_float_ptr, "out");
        outs[c] = element(pro, e->t_float_ptr, field(pro, call, &f[F_OUT]), (int)c);
    }
    emit_values(pro, e->plan->call_vals, e->plan->n_call_vals);
    emit_rows(e, pro, outs, field(pro, call, &f[F_STRIDE]));
}

void emit_kernel(gcc_jit_context *ctxt, const char *name, enum target target, const struct ir *ir,
                 const struct plan *plan, struct arena *arena)
{
    struct emitter *e = ARENA_NEW(arena, struct emitter);
    struct main_body m = {0};
    *e = (struct emitter){
        .ctxt = ctxt, .target = target, .name = name, .ir = ir, .plan = plan, .arena = arena, .main = &m};
    e->tables = ARENA_ARRAY(arena, ir->n_tables, bool);
    machine_init(e);
    fns_emit(e);
    emit_main(e);
}
