/* Affine chains: ((x * a + b) - c) * d ... becomes fma(x, A, B), one instruction a sample, with A and B computed as
 * often as a, b, c, d change. (a, b) then (c, d) is (c a, c b + d). Only products make a mul, only sums an add.
 *
 * A link is a f32 mul, add, sub, fma or neg of the signal with operands that change less often than it. A chain has two
 * links or more; every value inside it is used by the next link alone, so what is also an output, or read elsewhere,
 * ends a chain. In the main body only: functions compute exactly what their nodes define.
 *
 * This reassociates: the one place where optimised and written order round differently, or let an intermediate overflow
 * in one and not in the other. */
#include "core/pass.h"

struct link {
    uint32_t from;     /* the signal; 0: this instruction is no link */
    uint32_t mul, add; /* operands; 0: none */
    bool negates;      /* the signal's sign flips before the sum */
    bool sub;          /* `add` is taken away */
};

struct affine {
    struct rewrite w;
    struct code *old;
    struct link *links;
    uint32_t *next; /* by value: the link that is its only user, or 0 */
};

static enum rate rate_of(const struct affine *p, uint32_t v)
{
    return p->old->ins[v].rate;
}

/* The signal is the operand that changes more often; equal rates make no link. */
static bool pick(const struct affine *p, uint32_t a, uint32_t b, uint32_t *ret_signal, uint32_t *ret_other)
{
    bool first = rate_of(p, a) > rate_of(p, b);
    *ret_signal = first ? a : b;
    *ret_other = first ? b : a;
    return rate_of(p, a) != rate_of(p, b) && rate_of(p, *ret_signal) >= RATE_ROW;
}

static struct link link_of(const struct affine *p, uint32_t v)
{
    const struct ins *ins = &p->old->ins[v];
    struct link link = {0}, none = {0};
    uint32_t a = ins->n_args > 0 ? ins->args[0].i : 0, b = ins->n_args > 1 ? ins->args[1].i : 0;
    bool fits = false;
    switch (ins->op) {
    case OP_MUL_F32:
        fits = pick(p, a, b, &link.from, &link.mul);
        break;
    case OP_ADD_F32:
        fits = pick(p, a, b, &link.from, &link.add);
        break;
    case OP_SUB_F32:
        fits = pick(p, a, b, &link.from, &link.add);
        link.sub = link.from == a;
        link.negates = link.from == b;
        break;
    case OP_FMA_F32:
        fits = pick(p, a, b, &link.from, &link.mul);
        link.add = ins->args[2].i;
        fits = fits && rate_of(p, link.add) < rate_of(p, link.from);
        break;
    case OP_NEG_F32:
        link.from = a;
        link.negates = true;
        fits = rate_of(p, a) >= RATE_ROW;
        break;
    default:
        break;
    }
    return fits ? link : none;
}

/* Joins links to chains; returns whether there is any. */
static bool find_chains(struct affine *p, const uint32_t *uses)
{
    bool found = false;
    for (uint32_t v = 1; v < p->old->n; v++) {
        p->links[v] = link_of(p, v);
        uint32_t from = p->links[v].from;
        if (!from || !p->links[from].from || uses[from] != 1)
            continue;
        p->next[from] = v;
        found = true;
    }
    return found;
}

/* What the chain has become so far: x times A (sign kept apart) plus B; VAL_NONE is 1 and 0. */
struct line {
    struct val a, b;
    bool negative; /* A is to be negated */
};

static struct val negate(struct affine *p, struct val v)
{
    return v.i ? rewrite_ins2(&p->w, OP_NEG_F32, v, VAL_NONE) : v;
}

static void line_add(struct affine *p, struct line *line, struct val v, bool sub)
{
    if (line->b.i)
        line->b = rewrite_ins2(&p->w, sub ? OP_SUB_F32 : OP_ADD_F32, line->b, v);
    else
        line->b = sub ? negate(p, v) : v;
}

static void line_extend(struct affine *p, struct line *line, const struct link *link)
{
    struct val mul = {p->w.map[link->mul]}, add = {p->w.map[link->add]};
    if (link->negates) {
        line->negative = !line->negative;
        line->b = negate(p, line->b);
    }
    if (link->mul) {
        line->a = line->a.i ? rewrite_ins2(&p->w, OP_MUL_F32, line->a, mul) : mul;
        if (line->b.i)
            line->b = rewrite_ins2(&p->w, OP_MUL_F32, line->b, mul);
    }
    if (link->add)
        line_add(p, line, add, link->sub);
}

/* The chain's last link: one instruction in place of all of them. */
static struct val emit_line(struct affine *p, struct val x, struct line line)
{
    if (!line.a.i) {
        if (!line.b.i)
            return line.negative ? rewrite_ins2(&p->w, OP_NEG_F32, x, VAL_NONE) : x;
        return line.negative ? rewrite_ins2(&p->w, OP_SUB_F32, line.b, x) : rewrite_ins2(&p->w, OP_ADD_F32, x, line.b);
    }
    if (line.negative)
        line.a = negate(p, line.a);
    if (!line.b.i)
        return rewrite_ins2(&p->w, OP_MUL_F32, x, line.a);
    return rewrite_ins3(&p->w, OP_FMA_F32, x, line.a, line.b);
}

static struct val emit_chain(struct affine *p, uint32_t last)
{
    uint32_t first = last;
    while (p->next[p->links[first].from] == first)
        first = p->links[first].from;
    struct line line = {0};
    for (uint32_t v = first;; v = p->next[v]) {
        line_extend(p, &line, &p->links[v]);
        if (v == last)
            break;
    }
    return emit_line(p, (struct val){p->w.map[p->links[first].from]}, line);
}

static void rebuild(struct affine *p)
{
    for (uint32_t v = 1; v < p->old->n; v++) {
        if (p->next[v])
            continue; /* inside a chain */
        uint32_t from = p->links[v].from;
        if (from && p->next[from] == v)
            p->w.map[v] = emit_chain(p, v).i;
        else
            rewrite_copy(&p->w, v);
    }
    rewrite_end(&p->w);
}

bool pass_affine(struct ir *ir)
{
    struct body body = body_at(ir, ir->n_fns);
    struct affine p = {.old = body.code};
    ir_rates(ir);
    p.links = ARENA_ARRAY(ir->arena, body.code->n, struct link);
    p.next = ARENA_ARRAY(ir->arena, body.code->n, uint32_t);
    if (!find_chains(&p, body_uses(ir, &body)))
        return false;
    p.w = rewrite_begin(ir, body);
    rebuild(&p);
    ir_rates(ir);
    return true;
}
