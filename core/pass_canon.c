/* Canonical order: graphs that mean the same but were written differently become the same IR, so one kernel serves
 * them.
 *
 * Every value gets a hash of what it computes and of what it is used for, blind to numbering, names and slots of
 * arguments and images.
 * Operands that commute are ordered by it; instructions are numbered as a walk from the outputs meets them, operands
 * first; arguments, functions, tables and images by first use. A tie between operands that commute is broken by
 * comparing a few levels down, then by what is numbered already; a tie that remains is between things that look alike
 * from everywhere, so either order gives the same shape. Ties in graphs made to be confusing may split a shape in two,
 * which costs a second compilation, never a wrong answer.
 *
 * The walk goes through a delayed operand at once unless it closes a cycle; those come after the outputs, in order. */
#include <string.h>

#include "core/pass.h"

enum { CYCLE_ROUNDS = 3, CONTEXT_ROUNDS = 2, COMPARE_DEPTH = 6 };

struct canon {
    struct ir *ir;
    struct body body;
    uint64_t *fn_hash; /* by function */
    uint64_t *table_hash;
    uint32_t *component; /* by value */
    uint32_t *sorted;    /* values, operands before users but for cycles */
    uint64_t *base, *hash, *context;
    uint64_t *last; /* hash, one round before */
    bool has_cycles;
    uint32_t *number; /* by value: 0 none yet, ON_PATH, or the new number */
    uint32_t *order, n_order;
    uint32_t *path, n_path, *next_arg;
    uint32_t *waiting, n_waiting; /* state operations whose delayed operand closes a cycle */
    bool changed;
};

enum { ON_PATH = UINT32_MAX };

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = (a ^ (b + 0x9E3779B97F4A7C15u + (a << 6) + (a >> 2))) * 0xBF58476D1CE4E5B9u;
    return (z ^ (z >> 29)) * 0x94D049BB133111EBu;
}

static uint64_t hash_of_table(const struct ir_table *t)
{
    uint64_t h = mix(t->type, t->n);
    for (uint32_t i = 0; i < t->n; i++)
        h = mix(h, (uint32_t)t->data.i[i]);
    return h;
}

/* What an instruction is without its operands. */
static uint64_t base_of(const struct canon *c, const struct ins *ins)
{
    if (op_info(ins->op)->arity < 0)
        return mix(ins->op, c->fn_hash[ins->imm.i]);
    if (ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32)
        return mix(ins->op, c->table_hash[ins->imm.i]);
    if (ins->op == OP_ARG)
        return mix(ins->op, 0);
    if (ins->op == OP_FETCH && !c->ir->fixed_images)
        return mix(ins->op, (uint64_t)ins->imm.i % 4);
    if (ins->op == OP_HOSTED)
        return mix(ins->op, c->ir->responses[ins->imm.i].channel);
    return mix(ins->op, ins_imm_bits(ins));
}

/* Components are numbered operands first, so sorting by component, then index puts operands first. */
static void sort_values(struct canon *c)
{
    uint32_t n = c->body.code->n;
    uint32_t *start = ARENA_ARRAY(c->ir->arena, (size_t)n + 2, uint32_t);
    for (uint32_t v = 1; v < n; v++)
        start[c->component[v] + 1]++;
    for (uint32_t i = 1; i <= n; i++)
        start[i] += start[i - 1];
    for (uint32_t v = 1; v < n; v++)
        c->sorted[start[c->component[v]]++] = v;
}

static bool closes_cycle(const struct canon *c, uint32_t v, uint32_t k)
{
    const struct ins *ins = &c->body.code->ins[v];
    return ins_is_delayed(ins, k) && c->component[ins->args[k].i] == c->component[v];
}

/* hash = base and the operands' hashes. Around a cycle the operand's hash is the one of the round before, so that it
 * does not matter where the numbering happens to enter the cycle. */
static void hash_operands_once(struct canon *c)
{
    for (uint32_t i = 0; i + 1 < c->body.code->n; i++) {
        uint32_t v = c->sorted[i];
        const struct ins *ins = &c->body.code->ins[v];
        uint64_t h = c->base[v];
        uint32_t k = 0;
        if (ins_commutes(ins)) {
            h = mix(h, c->hash[ins->args[0].i] + c->hash[ins->args[1].i]);
            k = 2;
        }
        for (; k < ins->n_args; k++)
            h = mix(h, closes_cycle(c, v, k) ? c->last[ins->args[k].i] : c->hash[ins->args[k].i]);
        c->hash[v] = h;
    }
}

static void hash_operands(struct canon *c)
{
    memset(c->last, 0, c->body.code->n * sizeof *c->last);
    hash_operands_once(c);
    for (int round = 1; c->has_cycles && round < CYCLE_ROUNDS; round++) {
        memcpy(c->last, c->hash, c->body.code->n * sizeof *c->last);
        hash_operands_once(c);
    }
}

/* context = who uses the value, and where, down from the roots; then base takes it in. Edges that close a cycle are
 * counted beforehand, by what their user is. */
static void hash_users(struct canon *c)
{
    uint32_t n = c->body.code->n;
    memset(c->context, 0, n * sizeof *c->context);
    for (uint32_t i = 0; i < c->body.n_roots; i++)
        c->context[c->body.roots[i].i] += mix(1, i);
    for (uint32_t v = 1; v < n; v++)
        if (c->body.code->ins[v].n_args && closes_cycle(c, v, 0))
            c->context[c->body.code->ins[v].args[0].i] += mix(c->hash[v], 1);
    for (uint32_t i = n - 1; i-- > 0;) {
        uint32_t v = c->sorted[i];
        const struct ins *ins = &c->body.code->ins[v];
        uint64_t h = mix(c->hash[v], c->context[v]);
        for (uint32_t k = 0; k < ins->n_args; k++)
            if (!closes_cycle(c, v, k))
                c->context[ins->args[k].i] += mix(h, k < 2 && ins_commutes(ins) ? 0 : k + 1);
    }
    for (uint32_t v = 1; v < n; v++)
        c->base[v] = mix(c->base[v], c->context[v]);
}

/* Which of two operands that commute comes first? The one that changes more often: x * gain + offset. */
static int compare(const struct canon *c, uint32_t v, uint32_t w, int depth)
{
    const struct ins *a = &c->body.code->ins[v], *b = &c->body.code->ins[w];
    if (v == w)
        return 0;
    if (a->rate != b->rate)
        return a->rate > b->rate ? -1 : 1;
    if (c->hash[v] != c->hash[w])
        return c->hash[v] < c->hash[w] ? -1 : 1;
    uint32_t x = c->number[v] == ON_PATH ? 0 : c->number[v], y = c->number[w] == ON_PATH ? 0 : c->number[w];
    if (x || y)
        return y == 0 || (x && x < y) ? -1 : 1;
    for (uint32_t k = 0; depth && k < a->n_args && k < b->n_args; k++) {
        int order = compare(c, a->args[k].i, b->args[k].i, depth - 1);
        if (order)
            return order;
    }
    return 0;
}

static void enter(struct canon *c, uint32_t v)
{
    struct ins *ins = &c->body.code->ins[v];
    if (ins_commutes(ins) && compare(c, ins->args[0].i, ins->args[1].i, COMPARE_DEPTH) > 0) {
        struct val swap = ins->args[0];
        ins->args[0] = ins->args[1];
        ins->args[1] = swap;
        c->changed = true;
    }
    c->number[v] = ON_PATH;
    c->path[c->n_path++] = v;
}

static void walk(struct canon *c, uint32_t root)
{
    if (c->number[root])
        return;
    enter(c, root);
    while (c->n_path) {
        uint32_t v = c->path[c->n_path - 1];
        const struct ins *ins = &c->body.code->ins[v];
        if (c->next_arg[v] == ins->n_args) {
            c->n_path--;
            c->order[c->n_order++] = v;
            c->number[v] = c->n_order;
            continue;
        }
        uint32_t k = c->next_arg[v]++;
        if (closes_cycle(c, v, k))
            c->waiting[c->n_waiting++] = v;
        else if (!c->number[ins->args[k].i])
            enter(c, ins->args[k].i);
    }
}

static void renumber(struct canon *c)
{
    for (uint32_t i = 0; i < c->body.n_roots; i++)
        walk(c, c->body.roots[i].i);
    for (uint32_t i = 0; i < c->n_waiting; i++)
        walk(c, c->body.code->ins[c->waiting[i]].args[0].i);
    bool same = c->n_order + 1 == c->body.code->n;
    for (uint32_t i = 0; same && i < c->n_order; i++)
        same = c->order[i] == i + 1;
    if (same)
        return;
    c->changed = true;
    body_reorder(c->ir, &c->body, c->order, c->n_order);
}

/* Orders one body; returns the hash of what its last root computes, which for a function is the function's. */
static uint64_t canon_body(struct canon *c, uint32_t index)
{
    struct arena *a = c->ir->arena;
    c->body = body_at(c->ir, index);
    uint32_t n = c->body.code->n;
    c->component = code_components(c->ir, c->body.code);
    uint64_t *wide = ARENA_ARRAY(a, (size_t)n * 4, uint64_t);
    uint32_t *room = ARENA_ARRAY(a, (size_t)n * 6, uint32_t);
    c->base = wide, c->hash = wide + n, c->context = wide + (size_t)n * 2, c->last = wide + (size_t)n * 3;
    c->sorted = room, c->number = room + n, c->order = room + (size_t)n * 2, c->path = room + (size_t)n * 3;
    c->next_arg = room + (size_t)n * 4, c->waiting = room + (size_t)n * 5;
    c->n_order = c->n_path = c->n_waiting = 0;
    c->has_cycles = false;
    for (uint32_t v = 1; v < n; v++)
        c->has_cycles |= c->body.code->ins[v].n_args && closes_cycle(c, v, 0);
    sort_values(c);
    for (uint32_t v = 1; v < n; v++)
        c->base[v] = base_of(c, &c->body.code->ins[v]);
    hash_operands(c);
    uint64_t result = c->hash[c->body.roots[c->body.n_roots - 1].i];
    for (int i = 0; i < CONTEXT_ROUNDS; i++) {
        hash_users(c);
        hash_operands(c);
    }
    renumber(c);
    return result;
}

/* New numbers for functions, tables, arguments and images, by first use. */
struct first_use {
    struct ir *ir;
    uint32_t *fn_to, *table_to, *arg_to, *image_to; /* UINT32_MAX: not met yet */
    uint32_t n_fns, n_tables, n_args, n_images;
};

static void meet(uint32_t *to, uint32_t *n, int32_t index)
{
    if (to[index] == UINT32_MAX)
        to[index] = (*n)++;
}

/* Callees are numbered before their callers. Calls nest no deeper than there are functions. */
static void meet_code(struct first_use *u, const struct code *code)
{
    for (uint32_t i = 1; i < code->n; i++) {
        const struct ins *ins = &code->ins[i];
        if (op_info(ins->op)->arity < 0 && u->fn_to[ins->imm.i] == UINT32_MAX) {
            meet_code(u, &u->ir->fns[ins->imm.i].code);
            meet(u->fn_to, &u->n_fns, ins->imm.i);
        } else if (ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32) {
            meet(u->table_to, &u->n_tables, ins->imm.i);
        } else if (ins->op == OP_ARG) {
            meet(u->arg_to, &u->n_args, ins->imm.i);
            const struct arg_source *source = &u->ir->args[ins->imm.i];
            if (source->kind == ARG_IMAGE)
                meet(u->image_to, &u->n_images, (int32_t)(source->index / 2));
        } else if (ins->op == OP_FETCH) {
            meet(u->image_to, &u->n_images, ins->imm.i / 4);
        }
    }
}

/* Those never met stay behind the others; returns whether anything moves. */
static bool meet_rest(uint32_t *to, uint32_t *n, uint32_t count)
{
    bool moved = false;
    for (uint32_t i = 0; i < count; i++) {
        meet(to, n, (int32_t)i);
        moved |= to[i] != i;
    }
    return moved;
}

static void rewrite_imms(const struct first_use *u, const struct code *code)
{
    for (uint32_t i = 1; i < code->n; i++) {
        struct ins *ins = &code->ins[i];
        if (op_info(ins->op)->arity < 0)
            ins->imm.i = (int32_t)u->fn_to[ins->imm.i];
        else if (ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32)
            ins->imm.i = (int32_t)u->table_to[ins->imm.i];
        else if (ins->op == OP_ARG)
            ins->imm.i = (int32_t)u->arg_to[ins->imm.i];
        else if (ins->op == OP_FETCH)
            ins->imm.i = (int32_t)(4 * u->image_to[ins->imm.i / 4]) + ins->imm.i % 4;
    }
}

static void rewrite_images(const struct first_use *u)
{
    for (uint32_t i = 0; i < u->ir->n_args; i++) {
        struct arg_source *source = &u->ir->args[i];
        if (source->kind == ARG_IMAGE)
            source->index = 2 * u->image_to[source->index / 2] + source->index % 2;
    }
}

#define PERMUTE(a, T, list, count, to)                                                                                 \
    do {                                                                                                               \
        T *moved_ = ARENA_ARRAY((a), (count), T);                                                                      \
        for (uint32_t i_ = 0; i_ < (count); i_++)                                                                      \
            moved_[(to)[i_]] = (list)[i_];                                                                             \
        if (count)                                                                                                     \
            memcpy((list), moved_, (count) * sizeof(T));                                                               \
    } while (0)

static uint32_t *unmet(struct arena *a, uint32_t n)
{
    uint32_t *to = ARENA_ARRAY(a, n, uint32_t);
    return n ? memset(to, 0xff, n * sizeof *to) : to;
}

static bool order_lists(struct ir *ir)
{
    struct arena *a = ir->arena;
    struct first_use u = {.ir = ir,
                          .fn_to = unmet(a, ir->n_fns),
                          .table_to = unmet(a, ir->n_tables),
                          .arg_to = unmet(a, ir->n_args),
                          .image_to = unmet(a, ir->n_images)};
    for (uint32_t i = 0; ir->fixed_images && i < ir->n_images; i++)
        meet(u.image_to, &u.n_images, (int32_t)i);
    meet_code(&u, &ir->main);
    bool moved = meet_rest(u.fn_to, &u.n_fns, ir->n_fns);
    moved |= meet_rest(u.table_to, &u.n_tables, ir->n_tables);
    moved |= meet_rest(u.arg_to, &u.n_args, ir->n_args);
    moved |= meet_rest(u.image_to, &u.n_images, ir->n_images);
    if (!moved)
        return false;
    for (uint32_t i = 0; i < body_count(ir); i++)
        rewrite_imms(&u, body_at(ir, i).code);
    rewrite_images(&u);
    PERMUTE(a, struct ir_fn, ir->fns, ir->n_fns, u.fn_to);
    PERMUTE(a, struct ir_table, ir->tables, ir->n_tables, u.table_to);
    PERMUTE(a, struct arg_source, ir->args, ir->n_args, u.arg_to);
    PERMUTE(a, struct ir_image, ir->images, ir->n_images, u.image_to);
    return true;
}

bool pass_canon(struct ir *ir)
{
    struct canon c = {.ir = ir};
    ir_rates(ir);
    c.fn_hash = ARENA_ARRAY(ir->arena, ir->n_fns, uint64_t);
    c.table_hash = ARENA_ARRAY(ir->arena, ir->n_tables, uint64_t);
    for (uint32_t i = 0; i < ir->n_tables; i++)
        c.table_hash[i] = hash_of_table(&ir->tables[i]);
    for (uint32_t i = 0; i < ir->n_fns; i++)
        c.fn_hash[i] = canon_body(&c, i);
    canon_body(&c, ir->n_fns);
    return order_lists(ir) || c.changed;
}
