/* Merging of shared references: what computes the same from the same is computed once. Within one body; constants,
 * calls and table reads too. Commuted operands are the same operands; different argument slots are different, whatever
 * they hold.
 *
 * State merges as well, since all state starts at zero: two recurrences are the same when their bodies are, supposing
 * that they are. So all state is supposed equal at first, and classes of equal values are split until nothing
 * changes; the classes left are equal sample by sample, and do not depend on how the graph was written. A chain of n
 * delayed samples takes n sweeps; where that would take too long, only what is known without supposing merges. */
#include <string.h>

#include "core/pass.h"

enum { WORK_MAX = 1 << 20 }; /* instructions in all sweeps */

struct cse {
    struct ir *ir;
    const struct code *code;
    uint32_t *cls;  /* by value: the first value of its class, in this sweep */
    uint32_t *last; /* in the sweep before */
    uint32_t *slots, cap;
    bool careful; /* trust no supposition */
};

/* What an operand is compared by: all delayed ones by the sweep before, wherever they stand. */
static uint32_t operand_class(const struct cse *c, uint32_t user, uint32_t k)
{
    const struct ins *ins = &c->code->ins[user];
    uint32_t v = ins->args[k].i;
    if (!ins_is_delayed(ins, k))
        return c->cls[v];
    if (!c->careful)
        return c->last[v];
    return v < user ? c->cls[v] : v;
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
    hash = (hash ^ hash >> 31) * 0x94D049BB133111EBu;
    uint32_t at = (uint32_t)(hash >> 32) & (c->cap - 1);
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

static void find_classes(struct cse *c)
{
    uint32_t n = c->code->n;
    for (uint32_t v = 1; v < n; v++)
        c->last[v] = 1;
    for (uint32_t work = n; work < WORK_MAX; work += n) {
        sweep(c);
        if (!memcmp(c->cls, c->last, n * sizeof *c->cls))
            return;
        memcpy(c->last, c->cls, n * sizeof *c->cls);
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
