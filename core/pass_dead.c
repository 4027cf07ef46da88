/* Dead code: keeps what an output needs, through delayed operands too, and drops the rest: instructions, functions,
 * tables, arguments and images (so ir->args is renumbered, and n_inputs and n_planes may fall). Parameters of functions
 * stay: callers pass them. */
#include <string.h>

#include "core/pass.h"

struct dead {
    struct ir *ir;
    bool **live; /* by body, by value */
    bool *fns, *tables, *args, *images;
    uint32_t *fn_to, *table_to, *arg_to, *image_to;
    bool changed;
};

static bool is_gather(enum op op)
{
    return op == OP_GATHER_F32 || op == OP_GATHER_I32;
}

/* What a live instruction needs besides its operands. */
static void mark_imm(struct dead *d, const struct ins *ins)
{
    if (op_info(ins->op)->arity < 0)
        d->fns[ins->imm.i] = true;
    if (is_gather(ins->op))
        d->tables[ins->imm.i] = true;
    if (ins->op == OP_FETCH)
        d->images[ins->imm.i / 4] = true;
    if (ins->op == OP_ARG) {
        const struct arg_source *source = &d->ir->args[ins->imm.i];
        d->args[ins->imm.i] = true;
        if (source->kind == ARG_IMAGE)
            d->images[source->index / 2] = true;
    }
}

static void mark_body(struct dead *d, uint32_t index)
{
    struct body b = body_at(d->ir, index);
    bool *live = ARENA_ARRAY(d->ir->arena, b.code->n, bool);
    uint32_t *stack = ARENA_ARRAY(d->ir->arena, b.code->n, uint32_t), n = 0;
    d->live[index] = live;
    for (uint32_t i = 0; i < b.n_roots; i++) {
        if (!live[b.roots[i].i])
            stack[n++] = b.roots[i].i;
        live[b.roots[i].i] = true;
    }
    while (n) {
        const struct ins *ins = &b.code->ins[stack[--n]];
        mark_imm(d, ins);
        for (uint32_t k = 0; k < ins->n_args; k++) {
            if (!live[ins->args[k].i])
                stack[n++] = ins->args[k].i;
            live[ins->args[k].i] = true;
        }
    }
}

/* New indices of those that stay, in their order. */
static void number(const bool *live, uint32_t n, uint32_t *to)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (live[i])
            to[i] = kept++;
}

static void sweep_body(struct dead *d, uint32_t index)
{
    struct body b = body_at(d->ir, index);
    uint32_t *order = ARENA_ARRAY(d->ir->arena, b.code->n, uint32_t), n = 0;
    for (uint32_t i = 1; i < b.code->n; i++)
        if (d->live[index][i])
            order[n++] = i;
    if (n + 1 != b.code->n) {
        body_reorder(d->ir, &b, order, n);
        d->changed = true;
    }
    for (uint32_t i = 1; i < b.code->n; i++) {
        struct ins *ins = &b.code->ins[i];
        if (op_info(ins->op)->arity < 0)
            ins->imm.i = (int32_t)d->fn_to[ins->imm.i];
        else if (is_gather(ins->op))
            ins->imm.i = (int32_t)d->table_to[ins->imm.i];
        else if (ins->op == OP_ARG)
            ins->imm.i = (int32_t)d->arg_to[ins->imm.i];
        else if (ins->op == OP_FETCH)
            ins->imm.i = (int32_t)(4 * d->image_to[ins->imm.i / 4]) + ins->imm.i % 4;
    }
}

#define COMPACT(d, list, count, live)                                                                                  \
    do {                                                                                                               \
        uint32_t kept_ = 0;                                                                                            \
        for (uint32_t i_ = 0; i_ < (count); i_++)                                                                      \
            if ((live)[i_])                                                                                            \
                (list)[kept_++] = (list)[i_];                                                                          \
        (d)->changed |= kept_ != (count);                                                                              \
        (count) = kept_;                                                                                               \
    } while (0)

/* After the arguments that nobody needs are gone. */
static void sweep_images(struct dead *d)
{
    for (uint32_t i = 0; i < d->ir->n_args; i++) {
        struct arg_source *source = &d->ir->args[i];
        if (source->kind == ARG_IMAGE)
            source->index = 2 * d->image_to[source->index / 2] + source->index % 2;
    }
    COMPACT(d, d->ir->images, d->ir->n_images, d->images);
}

/* 1 + the largest immediate of `input`, or of `surface`. */
static uint32_t count_of(const struct code *code, enum op op)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < code->n; i++)
        if (code->ins[i].op == op && n <= (uint32_t)code->ins[i].imm.i)
            n = (uint32_t)code->ins[i].imm.i + 1;
    return n;
}

bool pass_dead(struct ir *ir)
{
    struct arena *a = ir->arena;
    struct dead d = {.ir = ir,
                     .live = ARENA_ARRAY(a, body_count(ir), bool *),
                     .fns = ARENA_ARRAY(a, ir->n_fns, bool),
                     .tables = ARENA_ARRAY(a, ir->n_tables, bool),
                     .args = ARENA_ARRAY(a, ir->n_args, bool),
                     .images = ARENA_ARRAY(a, ir->n_images, bool),
                     .fn_to = ARENA_ARRAY(a, ir->n_fns, uint32_t),
                     .table_to = ARENA_ARRAY(a, ir->n_tables, uint32_t),
                     .arg_to = ARENA_ARRAY(a, ir->n_args, uint32_t),
                     .image_to = ARENA_ARRAY(a, ir->n_images, uint32_t)};
    mark_body(&d, ir->n_fns);
    for (uint32_t i = ir->n_fns; i-- > 0;) /* callers have greater indices */
        if (d.fns[i])
            mark_body(&d, i);
    number(d.fns, ir->n_fns, d.fn_to);
    number(d.tables, ir->n_tables, d.table_to);
    number(d.args, ir->n_args, d.arg_to);
    for (uint32_t i = 0; ir->fixed_images && i < ir->n_images; i++)
        d.images[i] = true;
    number(d.images, ir->n_images, d.image_to);
    for (uint32_t i = 0; i < body_count(ir); i++)
        if (d.live[i])
            sweep_body(&d, i);
    COMPACT(&d, ir->fns, ir->n_fns, d.fns);
    COMPACT(&d, ir->tables, ir->n_tables, d.tables);
    COMPACT(&d, ir->args, ir->n_args, d.args);
    sweep_images(&d);
    uint32_t n_inputs = count_of(&ir->main, OP_INPUT), n_planes = count_of(&ir->main, OP_SURFACE);
    d.changed |= n_inputs != ir->n_inputs || n_planes != ir->n_planes;
    ir->n_inputs = n_inputs;
    ir->n_planes = n_planes;
    return d.changed;
}
