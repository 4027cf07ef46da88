/* See plan_match.h. */
#include "core/plan_match.h"

#include <string.h>

enum { NONE = 0, COMPARES = 2048 };

static const struct ins *at(const struct match *m, uint32_t v)
{
    return &m->ir->main.ins[v];
}

static bool is_sample(const struct match *m, uint32_t v)
{
    return v && at(m, v)->rate == RATE_SAMPLE;
}

bool match_allows(enum op op)
{
    if (op_info(op)->flags & OP_STATE)
        return op == OP_PREV_F32 || op == OP_PREV_F64;
    return op_info(op)->arity > 0 && op != OP_TAP && op != OP_NEAR && op != OP_FETCH && op != OP_PLANE;
}

void match_init(struct match *m, const struct ir *ir, struct arena *a)
{
    uint32_t n = ir->main.n;
    *m = (struct match){.ir = ir};
    m->map = ARENA_ARRAY(a, n, uint32_t);
    m->back = ARENA_ARRAY(a, n, uint32_t);
    m->trail = ARENA_ARRAY(a, PACK_KEYS, uint32_t);
}

static void take_back(struct match *m, uint32_t mark)
{
    while (m->n_trail > mark) {
        uint32_t v = m->trail[--m->n_trail];
        if (m->back[m->map[v]] == v)
            m->back[m->map[v]] = NONE;
        m->map[v] = NONE;
    }
}

static bool set_map(struct match *m, uint32_t v, uint32_t w)
{
    if (m->n_trail == PACK_KEYS)
        return false;
    m->map[v] = w;
    m->trail[m->n_trail++] = v;
    return true;
}

static bool same_imm(const struct ins *a, const struct ins *b)
{
    unsigned flags = op_info(a->op)->flags;
    if (flags & OP_IMM_D)
        return memcmp(&a->imm.d, &b->imm.d, sizeof a->imm.d) == 0;
    return !(flags & (OP_IMM_F | OP_IMM_I)) || memcmp(&a->imm.i, &b->imm.i, sizeof a->imm.i) == 0;
}

static bool swaps(enum op op)
{
    return (op_info(op)->flags & OP_COMMUTES) || op == OP_FMA_F32 || op == OP_FMA_F64;
}

static bool operands_alike(struct match *m, const struct ins *a, const struct ins *b, bool swapped)
{
    for (uint32_t k = 0; k < a->n_args; k++)
        if (!match_alike(m, a->args[k].i, b->args[swapped && k < 2 ? 1 - k : k].i))
            return false;
    return true;
}

/* Can w stand where v stands? Deep as a stage is large at most. */
bool match_alike(struct match *m, uint32_t v, uint32_t w)
{
    const struct ins *a = at(m, v), *b = at(m, w);
    if (!m->compares)
        return false;
    m->compares--;
    if (v == m->fed) {
        if (!m->fed_there && is_sample(m, w) && op_info(b->op)->result == TYPE_F32)
            m->fed_there = w;
        return m->fed_there == w;
    }
    if (m->map[v])
        return m->map[v] == w;
    if (!is_sample(m, v) || !is_sample(m, w))
        return !is_sample(m, v) && !is_sample(m, w) && set_map(m, v, w);
    if (m->inside && m->inside[v] != m->stamp)
        return op_info(a->op)->result == op_info(b->op)->result && set_map(m, v, w);
    if (m->back[w] || a->op != b->op || a->n_args != b->n_args || !same_imm(a, b) || !set_map(m, v, w))
        return false;
    m->back[w] = v;
    uint32_t mark = m->n_trail, there = m->fed_there;
    if (operands_alike(m, a, b, false))
        return true;
    take_back(m, mark);
    m->fed_there = there;
    return swaps(a->op) && operands_alike(m, a, b, true);
}

void match_begin(struct match *m)
{
    take_back(m, 0);
    m->compares = COMPARES;
    m->fed = m->fed_there = NONE;
}

struct order {
    struct pack *pack;
    const struct ir *ir;
    const uint32_t *vals;
    uint32_t n, *pending, n_pending;
    bool *seen;
};

static void order_from(struct order *o, uint32_t v)
{
    uint32_t place = 0;
    while (place < o->n && o->vals[place] != v)
        place++;
    if (place == o->n || o->seen[place])
        return;
    o->seen[place] = true;
    const struct ins *ins = &o->ir->main.ins[v];
    for (uint32_t k = 0; k < ins->n_args; k++) {
        if (op_info(ins->op)->flags & OP_STATE)
            o->pending[o->n_pending++] = ins->args[k].i;
        else
            order_from(o, ins->args[k].i);
    }
    o->pack->keys[o->pack->n_members++] = (struct val){v};
}

void pack_order(struct pack *p, const struct ir *ir, const uint32_t *vals, uint32_t n, uint32_t result, struct arena *a)
{
    bool seen[PACK_MEMBERS] = {false};
    uint32_t pending[PACK_MEMBERS];
    struct order o = {.pack = p, .ir = ir, .vals = vals, .n = n, .pending = pending, .seen = seen};
    p->keys = ARENA_ARRAY(a, PACK_KEYS, struct val);
    order_from(&o, result);
    while (o.n_pending)
        order_from(&o, pending[--o.n_pending]);
    for (uint32_t i = 0; i < p->n_members; i++)
        if (p->keys[i].i == result)
            p->result = i;
}
