/* Merging of shared references: what computes the same from the same is computed once. Within one body; constants,
 * calls and table reads too. Commuted operands are the same operands; different argument slots are different, whatever
 * they hold.
 *
 * State merges as well, since all state starts at zero: two recurrences are the same when their bodies are, supposing
 * that they are. So classes of equal values start coarse (all `prev.f32` are one) and are split until nothing
 * changes; the classes left are equal sample by sample. Were that to take too many sweeps, only state without a
 * cycle merges. */
#include <string.h>

#include "core/pass.h"

enum { SWEEPS_MAX = 16 };

struct cse {
    struct ir *ir;
    const struct code *code;
    uint32_t *cls;  /* by value: the first value of its class, in this sweep */
    uint32_t *last; /* in the sweep before */
    uint32_t *slots, cap;
    bool careful; /* trust no supposition */
};

/* What an operand is compared by. */
static uint32_t operand_class(const struct cse *c, uint32_t user, uint32_t k)
{
    const struct ins *ins = &c->code->ins[user];
    uint32_t v = ins->args[k].i;
    if (v < user)
        return c->cls[v];
    return c->careful ? v : c->last[v];
}

static void operand_classes(const struct cse *c, uint32_t v, uint32_t *ret_classes)
{
    const struct ins *ins = &c->code->ins[v];
    for (uint32_t k = 0; k < ins->n_args; k++)
        ret_classes[k] = operand_class(c, v, k);
    if (ins_commutes(ins) && ret_classes[0] > ret_classes[1]) {
        uint32_t swap = ret_classes[0];
        ret_classes[0] = ret_classes[1];
        ret_classes[1] = swap;
    }
}

static bool are_equal(const struct cse *c, uint32_t v, const uint32_t *classes, uint32_t w)
{
    const struct ins *a = &c->code->ins[v], *b = &c->code->ins[w];
    uint32_t other[FN_ARGS_MAX];
    if (a->op != b->op || a->n_args != b->n_args || ins_imm_bits(a) != ins_imm_bits(b))
        return false;
    operand_classes(c, w, other);
    return !memcmp(classes, other, a->n_args * sizeof *classes);
}

static uint32_t class_of(struct cse *c, uint32_t v)
{
    const struct ins *ins = &c->code->ins[v];
    uint32_t classes[FN_ARGS_MAX];
    operand_classes(c, v, classes);
    uint64_t hash = (uint64_t)ins->op * 0x9E3779B97F4A7C15u + ins_imm_bits(ins);
    for (uint32_t k = 0; k < ins->n_args; k++)
        hash = (hash ^ hash >> 29 ^ classes[k]) * 0xBF58476D1CE4E5B9u;
    uint32_t at = (uint32_t)((hash ^ hash >> 32) & (c->cap - 1));
    for (; c->slots[at]; at = (at + 1) & (c->cap - 1))
        if (are_equal(c, v, classes, c->slots[at]))
            return c->slots[at];
    return c->slots[at] = v;
}

static void sweep(struct cse *c)
{
    memset(c->slots, 0, c->cap * sizeof *c->slots);
    for (uint32_t v = 1; v < c->code->n; v++)
        c->cls[v] = class_of(c, v);
}

/* All state operations of one kind are one class, until seen otherwise; so are values they may be fed with. */
static void suppose(struct cse *c)
{
    uint32_t first[OP_COUNT] = {0};
    for (uint32_t v = 1; v < c->code->n; v++) {
        enum op op = c->code->ins[v].op;
        if (!first[op])
            first[op] = v;
        c->last[v] = first[op];
    }
}

static void find_classes(struct cse *c)
{
    suppose(c);
    for (int i = 0; i < SWEEPS_MAX; i++) {
        sweep(c);
        if (!memcmp(c->cls, c->last, c->code->n * sizeof *c->cls))
            return;
        memcpy(c->last, c->cls, c->code->n * sizeof *c->cls);
    }
    c->careful = true;
    sweep(c);
}

static bool merge_body(struct ir *ir, uint32_t index)
{
    struct body b = body_at(ir, index);
    struct cse c = {.ir = ir, .code = b.code, .cap = 16};
    bool changed = false;
    while (c.cap < b.code->n * 2)
        c.cap *= 2;
    c.slots = ARENA_ARRAY(ir->arena, c.cap, uint32_t);
    c.cls = ARENA_ARRAY(ir->arena, b.code->n, uint32_t);
    c.last = ARENA_ARRAY(ir->arena, b.code->n, uint32_t);
    find_classes(&c);
    for (uint32_t v = 1; v < b.code->n; v++)
        changed |= c.cls[v] != v;
    if (changed)
        body_replace(&b, c.cls);
    return changed;
}

bool pass_cse(struct ir *ir)
{
    bool changed = false;
    for (uint32_t i = 0; i < body_count(ir); i++)
        changed |= merge_body(ir, i);
    return changed;
}
