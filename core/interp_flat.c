/* Makes a plan flat for the interpreter: IR functions inlined, equal constants merged, what does not vary with the
 * sample moved out of the strips, what nobody needs left out. In: a plan. Out: lists of instructions by rate and
 * region. Knows nothing of strips, steps or instruction sets. */
#include <assert.h>
#include <string.h>

#include "core/interp/program.h"

struct flattener {
    struct flat_plan *fp;
    uint32_t **fn_env;     /* by function: its values as flats, while it is being inlined */
    uint32_t *const_table; /* open addressing, by bits and type */
    uint32_t const_cap;
    uint32_t region; /* where SAMPLE values go now */
};

static void list_add(struct arena *a, struct flat_list *l, uint32_t id)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 16;
        l->ids = arena_grow(a, l->ids, l->n, cap, sizeof *l->ids);
        l->cap = cap;
    }
    l->ids[l->n++] = id;
}

static uint32_t flat_new(struct flat_plan *fp, struct flat flat)
{
    if (fp->n == fp->cap) {
        uint32_t cap = fp->cap ? fp->cap * 2 : 256;
        fp->flats = arena_grow(fp->arena, fp->flats, fp->n, cap, sizeof *fp->flats);
        fp->cap = cap;
    }
    flat.slot = flat.strip = FLAT_UNPLACED;
    fp->flats[fp->n] = flat;
    return fp->n++;
}

/* Adds to the list of its rate. */
static uint32_t flat_place(struct flattener *fl, struct flat flat)
{
    struct flat_plan *fp = fl->fp;
    flat.region = fl->region;
    uint32_t id = flat_new(fp, flat);
    struct flat_list *list = flat.rate == RATE_ROW      ? &fp->row
                             : flat.rate == RATE_SAMPLE ? &fp->regions[fl->region].list
                                                        : &fp->call;
    list_add(fp->arena, list, id);
    return id;
}

static uint64_t const_bits(const struct ins *ins)
{
    uint64_t bits = 0;
    if (ins->op == OP_CONST_F64)
        memcpy(&bits, &ins->imm.d, 8);
    else
        memcpy(&bits, &ins->imm.i, 4);
    return bits;
}

static uint32_t *const_find(struct flattener *fl, uint64_t bits, uint8_t type)
{
    uint64_t hash = (bits + type) * 0x9e3779b97f4a7c15u;
    for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
        uint32_t *slot = &fl->const_table[i & (fl->const_cap - 1)];
        const struct flat *f = &fl->fp->flats[*slot];
        if (!*slot || (f->bits == bits && f->type == type))
            return slot;
    }
}

static uint32_t flat_const(struct flattener *fl, const struct ins *ins)
{
    struct flat_plan *fp = fl->fp;
    if (fp->consts.n * 2 >= fl->const_cap) {
        fl->const_cap *= 2;
        fl->const_table = ARENA_ARRAY(fp->arena, fl->const_cap, uint32_t);
        for (uint32_t i = 0; i < fp->consts.n; i++) {
            const struct flat *f = &fp->flats[fp->consts.ids[i]];
            *const_find(fl, f->bits, f->type) = fp->consts.ids[i];
        }
    }
    uint64_t bits = const_bits(ins);
    uint8_t type = (uint8_t)op_info(ins->op)->result;
    uint32_t *slot = const_find(fl, bits, type);
    if (!*slot) {
        *slot = flat_new(fp, (struct flat){.op = (uint16_t)ins->op, .type = type, .rate = RATE_CONST, .bits = bits});
        list_add(fp->arena, &fp->consts, *slot);
    }
    return *slot;
}

static enum rate own_rate(enum op op)
{
    switch (op) {
    case OP_ARG:
        return RATE_CALL;
    case OP_ROW:
    case OP_FETCH:
        return RATE_ROW;
    case OP_IOTA:
    case OP_INPUT:
    case OP_TAP:
    case OP_NEAR:
        return RATE_SAMPLE;
    default:
        return op_info(op)->flags & OP_STATE ? RATE_SAMPLE : RATE_CONST;
    }
}

/* One operation that is no constant, call or parameter, its operands already flat. */
static uint32_t flat_ins(struct flattener *fl, const struct ins *ins, const uint32_t *args, uint32_t aux)
{
    enum rate rate = own_rate(ins->op);
    struct flat flat = {.op = (uint16_t)ins->op,
                        .type = (uint8_t)op_info(ins->op)->result,
                        .n_args = (uint8_t)ins->n_args,
                        .imm = ins->imm.i,
                        .aux = aux};
    for (uint32_t k = 0; k < ins->n_args; k++) {
        flat.args[k] = args[k];
        if (args[k] && fl->fp->flats[args[k]].rate > rate)
            rate = fl->fp->flats[args[k]].rate;
    }
    flat.rate = (uint8_t)rate;
    return flat_place(fl, flat);
}

static bool is_const(enum op op)
{
    return op == OP_CONST_F32 || op == OP_CONST_F64 || op == OP_CONST_I32;
}

static bool is_call(enum op op)
{
    return op == OP_CALL_F32 || op == OP_CALL_F64 || op == OP_CALL_I32;
}

static bool is_param(enum op op)
{
    return op == OP_PARAM_F32 || op == OP_PARAM_F64 || op == OP_PARAM_I32;
}

/* A function calls only smaller ones, so one environment each is enough, and the recursion ends. */
static uint32_t inline_fn(struct flattener *fl, uint32_t index, const uint32_t *params)
{
    const struct ir_fn *fn = &fl->fp->plan->ir->fns[index];
    if (!fl->fn_env[index])
        fl->fn_env[index] = ARENA_ARRAY(fl->fp->arena, fn->code.n, uint32_t);
    uint32_t *env = fl->fn_env[index];
    for (uint32_t v = 1; v < fn->code.n; v++) {
        const struct ins *ins = &fn->code.ins[v];
        uint32_t args[FN_ARGS_MAX];
        for (uint32_t k = 0; k < ins->n_args; k++)
            args[k] = env[ins->args[k].i];
        env[v] = is_const(ins->op)   ? flat_const(fl, ins)
                 : is_param(ins->op) ? params[ins->imm.i]
                 : is_call(ins->op)  ? inline_fn(fl, (uint32_t)ins->imm.i, args)
                                     : flat_ins(fl, ins, args, 0);
    }
    return env[fn->result.i];
}

/* A strip of it, for operations that have no form with a uniform operand. */
static uint32_t as_strip(struct flattener *fl, uint32_t id)
{
    const struct flat *f = &fl->fp->flats[id];
    if (f->rate == RATE_SAMPLE)
        return id;
    struct flat fill = {.op = FLAT_FILL, .type = f->type, .rate = RATE_SAMPLE, .n_args = 1, .args = {id}};
    return flat_place(fl, fill);
}

/* A state operation in a SERIAL region may be met before its operand: resolve_delayed() fills that in. */
static uint32_t flat_state(struct flattener *fl, uint32_t v)
{
    const struct plan *p = fl->fp->plan;
    const struct ins *ins = &p->ir->main.ins[v];
    bool is_ring = ins->op == OP_RING;
    uint32_t a = fl->fp->by_val[ins->args[0].i];
    bool vector = fl->fp->regions[fl->region].kind == REGION_VECTOR;
    assert(a || !vector);
    struct flat flat = {.op = (uint16_t)ins->op,
                        .type = (uint8_t)op_info(ins->op)->result,
                        .rate = RATE_SAMPLE,
                        .n_args = 1,
                        .aux = is_ring ? p->ring_at[v] : p->state_at[v],
                        .args = {vector ? as_strip(fl, a) : a}};
    return flat_place(fl, flat);
}

static void flat_val(struct flattener *fl, struct val v)
{
    const struct plan *p = fl->fp->plan;
    const struct ins *ins = &p->ir->main.ins[v.i];
    uint32_t *by_val = fl->fp->by_val;
    uint32_t args[FN_ARGS_MAX];
    if (op_info(ins->op)->flags & OP_STATE) {
        by_val[v.i] = flat_state(fl, v.i);
        return;
    }
    for (uint32_t k = 0; k < ins->n_args; k++)
        args[k] = by_val[ins->args[k].i];
    if (ins->op == OP_TAP) {
        args[0] = FLAT_NONE; /* the ring is named by aux; it may come later in the chunk */
        by_val[v.i] = flat_ins(fl, ins, args, p->ring_at[ins->args[0].i]);
        return;
    }
    if (ins->op == OP_NEAR) {
        args[0] = FLAT_NONE; /* the plane is named by the immediate */
        by_val[v.i] = flat_ins(fl, ins, args, 0);
        fl->fp->flats[by_val[v.i]].imm = p->ir->main.ins[ins->args[0].i].imm.i;
        return;
    }
    for (uint32_t k = 0; k < ins->n_args; k++)
        assert(args[k]);
    by_val[v.i] = is_const(ins->op)  ? flat_const(fl, ins)
                  : is_call(ins->op) ? inline_fn(fl, (uint32_t)ins->imm.i, args)
                                     : flat_ins(fl, ins, args, 0);
}

static uint32_t region_new(struct flat_plan *fp, enum region_kind kind, uint32_t parent)
{
    if (fp->n_regions == fp->cap_regions) {
        uint32_t cap = fp->cap_regions ? fp->cap_regions * 2 : 16;
        fp->regions = arena_grow(fp->arena, fp->regions, fp->n_regions, cap, sizeof *fp->regions);
        fp->cap_regions = cap;
    }
    fp->regions[fp->n_regions] = (struct flat_region){.kind = kind, .parent = parent};
    return fp->n_regions++;
}

static uint32_t flat_region(struct flattener *fl, const struct region *r, uint32_t parent)
{
    struct flat_plan *fp = fl->fp;
    uint32_t index = region_new(fp, r->kind, parent);
    if (r->kind != REGION_CHUNK) {
        fl->region = index;
        for (uint32_t i = 0; i < r->n_vals; i++)
            flat_val(fl, r->vals[i]);
        return index;
    }
    uint32_t *subs = ARENA_ARRAY(fp->arena, r->n_subs, uint32_t);
    for (uint32_t i = 0; i < r->n_subs; i++)
        subs[i] = flat_region(fl, &r->subs[i], index);
    uint32_t *ages = ARENA_ARRAY(fp->arena, r->n_ages, uint32_t);
    for (uint32_t i = 0; i < r->n_ages; i++)
        ages[i] = fp->by_val[r->ages[i].i];
    struct flat_region *region = &fp->regions[index];
    region->subs = subs;
    region->n_subs = r->n_subs;
    region->ages = ages;
    region->n_ages = r->n_ages;
    return index;
}

static void resolve_delayed(struct flat_plan *fp)
{
    const struct code *code = &fp->plan->ir->main;
    for (uint32_t v = 1; v < code->n; v++)
        if ((op_info(code->ins[v].op)->flags & OP_STATE) && fp->by_val[v]) {
            struct flat *f = &fp->flats[fp->by_val[v]];
            if (!f->args[0])
                f->args[0] = fp->by_val[code->ins[v].args[0].i];
            assert(f->args[0]);
        }
}

static void flat_outputs(struct flattener *fl)
{
    const struct ir *ir = fl->fp->plan->ir;
    fl->region = region_new(fl->fp, REGION_VECTOR, FLAT_UNPLACED);
    list_add(fl->fp->arena, &fl->fp->top, fl->region);
    for (uint32_t c = 0; c < ir->n_outputs; c++) {
        uint32_t a = as_strip(fl, fl->fp->by_val[ir->outputs[c].i]);
        flat_place(fl,
                   (struct flat){.op = FLAT_OUTPUT, .rate = RATE_SAMPLE, .n_args = 1, .imm = (int32_t)c, .args = {a}});
    }
}

static void need(struct flat_plan *fp, uint32_t *stack, uint32_t *n, uint32_t id)
{
    if (id && !fp->flats[id].needed) {
        fp->flats[id].needed = true;
        stack[(*n)++] = id;
    }
}

/* Outputs, state and the ages that cut chunks are needed, and what they are made of. */
static void mark_needed(struct flat_plan *fp, uint32_t root)
{
    uint32_t *stack = ARENA_ARRAY(fp->arena, fp->n, uint32_t), n = 0;
    need(fp, stack, &n, root);
    for (uint32_t id = 1; id < fp->n && !root; id++) {
        uint16_t op = fp->flats[id].op;
        if (op == FLAT_OUTPUT || (op < OP_COUNT && (op_info((enum op)op)->flags & OP_STATE)))
            need(fp, stack, &n, id);
    }
    for (uint32_t r = 0; r < fp->n_regions && !root; r++)
        for (uint32_t i = 0; i < fp->regions[r].n_ages; i++)
            need(fp, stack, &n, fp->regions[r].ages[i]);
    while (n) {
        const struct flat *f = &fp->flats[stack[--n]];
        for (uint32_t k = 0; k < f->n_args; k++)
            need(fp, stack, &n, f->args[k]);
    }
}

static void drop_unneeded(struct flat_plan *fp, struct flat_list *l)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->n; i++)
        if (fp->flats[l->ids[i]].needed)
            l->ids[kept++] = l->ids[i];
    l->n = kept;
}

struct flat_plan *flat_plan_make(const struct plan *p, struct val root, struct arena *a)
{
    struct flat_plan *fp = ARENA_NEW(a, struct flat_plan);
    fp->plan = p;
    fp->arena = a;
    fp->by_val = ARENA_ARRAY(a, p->ir->main.n, uint32_t);
    flat_new(fp, (struct flat){.op = OP_NONE}); /* number 0 is no value */
    struct flattener fl = {.fp = fp,
                           .fn_env = ARENA_ARRAY(a, p->ir->n_fns, uint32_t *),
                           .const_table = ARENA_ARRAY(a, 64, uint32_t),
                           .const_cap = 64};
    for (uint32_t i = 0; i < p->n_call_vals; i++)
        flat_val(&fl, p->call_vals[i]);
    if (!root.i) {
        for (uint32_t i = 0; i < p->n_row_vals; i++)
            flat_val(&fl, p->row_vals[i]);
        for (uint32_t i = 0; i < p->n_regions; i++)
            list_add(a, &fp->top, flat_region(&fl, &p->regions[i], FLAT_UNPLACED));
        resolve_delayed(fp);
        flat_outputs(&fl);
    }
    mark_needed(fp, root.i ? fp->by_val[root.i] : FLAT_NONE);
    drop_unneeded(fp, &fp->call);
    drop_unneeded(fp, &fp->row);
    drop_unneeded(fp, &fp->consts);
    for (uint32_t r = 0; r < fp->n_regions; r++)
        drop_unneeded(fp, &fp->regions[r].list);
    return fp;
}
