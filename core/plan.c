/* Regions by strongly connected components. See plan.h. */
#include "core/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan_packs.h"

/* Work in progress: per-value marks and the rings whose taps are cut off at the present depth. */
struct planner {
    const struct ir *ir;
    struct arena *arena;
    uint32_t *group;                   /* by value: which group it is being planned in; 0: none */
    uint32_t groups;                   /* last group number given out */
    bool *cut;                         /* by value: a ring that an enclosing CHUNK closes */
    uint32_t *index, *low, *component; /* Tarjan; component 0: not yet */
    uint32_t *stamp;                   /* by value: the order_component() call that placed it last */
    uint32_t stamps;
};

static const struct ins *at(const struct planner *p, uint32_t v)
{
    return &p->ir->main.ins[v];
}

static bool is_sample(const struct planner *p, uint32_t v)
{
    return at(p, v)->rate == RATE_SAMPLE;
}

/* Is operand k of v an edge inside v's group that is not cut by an enclosing chunk? */
static bool edge_counts(const struct planner *p, uint32_t v, uint32_t k)
{
    const struct ins *ins = at(p, v);
    uint32_t w = ins->args[k].i;
    return w && p->group[w] == p->group[v] && !(ins->op == OP_TAP && k == 0 && p->cut[w]);
}

struct tarjan_frame {
    uint32_t v, k;
};

struct components {
    uint32_t **members;
    uint32_t *sizes;
    uint32_t n;
};

/* Tarjan's algorithm with an explicit stack; components come out in dependency order (operands first). */
static struct components find_components(struct planner *p, const uint32_t *vals, uint32_t n)
{
    struct components c = {ARENA_ARRAY(p->arena, n, uint32_t *), ARENA_ARRAY(p->arena, n, uint32_t), 0};
    struct tarjan_frame *frames = ARENA_ARRAY(p->arena, n, struct tarjan_frame);
    uint32_t *stack = ARENA_ARRAY(p->arena, n, uint32_t);
    uint32_t n_stack = 0, next = 1;
    for (uint32_t i = 0; i < n; i++)
        p->index[vals[i]] = p->component[vals[i]] = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (p->index[vals[i]])
            continue;
        uint32_t depth = 0;
        frames[0] = (struct tarjan_frame){vals[i], 0};
        p->index[vals[i]] = p->low[vals[i]] = next++;
        stack[n_stack++] = vals[i];
        for (;;) {
            uint32_t v = frames[depth].v, k = frames[depth].k;
            if (k < at(p, v)->n_args) {
                frames[depth].k++;
                uint32_t w = at(p, v)->args[k].i;
                if (!edge_counts(p, v, k))
                    continue;
                if (!p->index[w]) {
                    p->index[w] = p->low[w] = next++;
                    stack[n_stack++] = w;
                    frames[++depth] = (struct tarjan_frame){w, 0};
                } else if (!p->component[w] && p->index[w] < p->low[v]) {
                    p->low[v] = p->index[w];
                }
                continue;
            }
            if (p->low[v] == p->index[v]) {
                uint32_t top = n_stack;
                do
                    p->component[stack[--n_stack]] = c.n + 1;
                while (stack[n_stack] != v);
                c.sizes[c.n] = top - n_stack;
                c.members[c.n] = arena_grow(p->arena, stack + n_stack, top - n_stack, top - n_stack, sizeof *stack);
                c.n++;
            }
            if (depth == 0)
                break;
            uint32_t parent = frames[--depth].v;
            if (p->low[v] < p->low[parent])
                p->low[parent] = p->low[v];
        }
    }
    return c;
}

static bool has_self_edge(const struct planner *p, uint32_t v)
{
    for (uint32_t k = 0; k < at(p, v)->n_args; k++)
        if (at(p, v)->args[k].i == v && edge_counts(p, v, k))
            return true;
    return false;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Appends v after its undelayed operands of the same component. Depth is bounded by the component's longest
 * undelayed path; an explicit stack keeps hostile graphs from exhausting ours. */
static void order_component(struct planner *p, const uint32_t *members, uint32_t n, struct val *ret)
{
    struct tarjan_frame *frames = ARENA_ARRAY(p->arena, n + 1, struct tarjan_frame);
    uint32_t out = 0, id = p->component[members[0]], stamp = ++p->stamps;
    for (uint32_t i = 0; i < n; i++) {
        if (p->stamp[members[i]] == stamp)
            continue;
        uint32_t depth = 0;
        p->stamp[members[i]] = stamp;
        frames[0] = (struct tarjan_frame){members[i], 0};
        for (;;) {
            struct tarjan_frame *f = &frames[depth];
            const struct ins *ins = at(p, f->v);
            if (f->k < ins->n_args) {
                uint32_t k = f->k++, w = ins->args[k].i;
                bool delayed = ins->op == OP_TAP ? k == 0 : ins->op != OP_RING && ins_is_delayed(ins, k);
                if (!delayed && edge_counts(p, f->v, k) && p->component[w] == id && p->stamp[w] != stamp) {
                    p->stamp[w] = stamp;
                    frames[++depth] = (struct tarjan_frame){w, 0};
                }
                continue;
            }
            ret[out++] = (struct val){f->v};
            if (depth-- == 0)
                break;
        }
    }
    assert(out == n);
}

/* Does this tap read a ring of its own component? */
static bool closes_loop(const struct planner *p, uint32_t v)
{
    const struct ins *ins = at(p, v);
    return ins->op == OP_TAP && edge_counts(p, v, 0) && p->component[ins->args[0].i] == p->component[v];
}

/* A loop through delay lines whose ages are known for the whole call; with an age that changes from sample to sample
 * there is no piece longer than one, and the loop is a recurrence like any other. */
static bool is_chunk(const struct planner *p, const uint32_t *members, uint32_t n)
{
    bool loop = false;
    for (uint32_t i = 0; i < n; i++) {
        if (!closes_loop(p, members[i]))
            continue;
        if (is_sample(p, at(p, members[i])->args[1].i))
            return false;
        loop = true;
    }
    return loop;
}

/* Members of a loop through lines as a group of their own, its lines cut. The caller puts component[] back. */
static void open_loop(struct planner *p, const uint32_t *members, uint32_t n, bool cut, uint32_t group)
{
    for (uint32_t i = 0; i < n; i++) {
        p->group[members[i]] = group;
        if (at(p, members[i])->op == OP_RING)
            p->cut[members[i]] = cut;
    }
}

static uint32_t plan_group(struct planner *p, const uint32_t *vals, uint32_t n, struct region **ret_regions);

static struct region plan_chunk(struct planner *p, uint32_t *members, uint32_t n)
{
    struct region r = {.kind = REGION_CHUNK, .ages = ARENA_ARRAY(p->arena, n, struct val)};
    qsort(members, n, sizeof *members, by_value);
    uint32_t outer = p->group[members[0]];
    for (uint32_t i = 0; i < n; i++) {
        if (closes_loop(p, members[i]))
            r.ages[r.n_ages++] = at(p, members[i])->args[1];
    }
    open_loop(p, members, n, true, ++p->groups);
    uint32_t *components = ARENA_ARRAY(p->arena, n, uint32_t);
    for (uint32_t i = 0; i < n; i++)
        components[i] = p->component[members[i]];
    r.n_subs = plan_group(p, members, n, &r.subs);
    for (uint32_t i = 0; i < n; i++) { /* as the caller had them */
        p->group[members[i]] = outer;
        p->component[members[i]] = components[i];
    }
    return r;
}

/* How many regions deep each component lies: a VECTOR region, then recurrences, then VECTOR again, and so on. Even
 * levels hold feed-forward values, odd ones recurrences; a component sits as early as its operands allow. */
static uint32_t component_level(const struct planner *p, const struct components *c, uint32_t i, bool recurrent,
                                const uint32_t *levels)
{
    uint32_t level = recurrent ? 1 : 0;
    for (uint32_t m = 0; m < c->sizes[i]; m++) {
        uint32_t v = c->members[i][m];
        for (uint32_t k = 0; k < at(p, v)->n_args; k++) {
            if (!edge_counts(p, v, k) || p->component[at(p, v)->args[k].i] == i + 1)
                continue;
            uint32_t from = levels[p->component[at(p, v)->args[k].i] - 1];
            uint32_t least = recurrent ? from + 1 + (from & 1) : from + (from & 1);
            if (least > level)
                level = least;
        }
    }
    return level;
}

struct level {
    struct val *vals;
    uint32_t n;
    bool loops; /* through lines */
};

/* Is there a recurrence in a loop beside the one through its lines? */
static bool recurs_inside(struct planner *p, const uint32_t *members, uint32_t n)
{
    uint32_t outer = p->group[members[0]], *components = ARENA_ARRAY(p->arena, n, uint32_t);
    bool recurs = false;
    for (uint32_t i = 0; i < n; i++)
        components[i] = p->component[members[i]];
    open_loop(p, members, n, true, ++p->groups);
    struct components c = find_components(p, members, n);
    for (uint32_t i = 0; i < c.n && !recurs; i++)
        recurs = c.sizes[i] > 1 || has_self_edge(p, c.members[i][0]);
    open_loop(p, members, n, false, outer);
    for (uint32_t i = 0; i < n; i++)
        p->component[members[i]] = components[i];
    return recurs;
}

/* What a loop is made of, so that two can be compared: how often it holds each operation. One when nothing recurs in it
 * but its lines: such a loop gains nothing from company, and the others' shorter pieces would slow it down. Never
 * zero. */
static uint64_t loop_shape(struct planner *p, const uint32_t *members, uint32_t n)
{
    uint64_t sum = 0;
    if (!recurs_inside(p, members, n))
        return 1;
    for (uint32_t i = 0; i < n; i++) {
        enum op op = at(p, members[i])->op;
        sum += ((uint64_t)op + 1) * ((uint64_t)op + 1) * 0x9e3779b97f4a7c15u;
    }
    return sum | 2;
}

/* Loops of one level that are made alike run as one, in pieces that suit them all: their inner recurrences meet in one
 * SERIAL region and hide each other's latency. Takes loop `i` and those like it; shapes[j] becomes `taken`. */
static struct region plan_alike(struct planner *p, const struct components *c, const uint32_t *levels, uint64_t *shapes,
                                uint32_t i)
{
    enum { TAKEN = 0, ALONE = 1 };
    uint64_t shape = shapes[i];
    uint32_t n = 0, most = c->sizes[i];
    for (uint32_t j = i + 1; j < c->n && shape != ALONE; j++)
        if (shapes[j] == shape && levels[j] == levels[i])
            most += c->sizes[j];
    uint32_t *all = ARENA_ARRAY(p->arena, most, uint32_t);
    for (uint32_t j = i; j < c->n && n < most; j++)
        if (shapes[j] == shape && levels[j] == levels[i]) {
            memcpy(all + n, c->members[j], c->sizes[j] * sizeof *all);
            n += c->sizes[j];
            shapes[j] = TAKEN;
        }
    return plan_chunk(p, all, n);
}

static uint32_t plan_group(struct planner *p, const uint32_t *vals, uint32_t n, struct region **ret_regions)
{
    struct components c = find_components(p, vals, n);
    uint32_t *levels = ARENA_ARRAY(p->arena, c.n, uint32_t);
    bool *recurrent = ARENA_ARRAY(p->arena, c.n, bool);
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < c.n; i++) {
        recurrent[i] = c.sizes[i] > 1 || has_self_edge(p, c.members[i][0]);
        levels[i] = component_level(p, &c, i, recurrent[i], levels);
        if (levels[i] > deepest)
            deepest = levels[i];
    }
    /* Values of one level in order; components are in dependency order, so appending keeps operands first. */
    struct level *plain = ARENA_ARRAY(p->arena, deepest + 1, struct level);
    struct region *regions = ARENA_ARRAY(p->arena, deepest + 1 + c.n, struct region);
    uint32_t n_regions = 0;
    uint64_t *shapes = ARENA_ARRAY(p->arena, c.n, uint64_t); /* of loops through lines; else 0 */
    for (uint32_t i = 0; i < c.n; i++) {
        if (recurrent[i] && is_chunk(p, c.members[i], c.sizes[i]))
            shapes[i] = loop_shape(p, c.members[i], c.sizes[i]);
        else
            plain[levels[i]].n += c.sizes[i];
        plain[levels[i]].loops |= shapes[i] != 0;
    }
    for (uint32_t l = 0; l <= deepest; l++) {
        plain[l].vals = ARENA_ARRAY(p->arena, plain[l].n, struct val);
        plain[l].n = 0;
    }
    for (uint32_t i = 0; i < c.n; i++) {
        struct level *l = &plain[levels[i]];
        if (!shapes[i]) {
            order_component(p, c.members[i], c.sizes[i], l->vals + l->n);
            l->n += c.sizes[i];
        }
    }
    for (uint32_t l = 0; l <= deepest; l++) {
        if (plain[l].n)
            regions[n_regions++] = (struct region){
                .kind = l & 1 ? REGION_SERIAL : REGION_VECTOR, .vals = plain[l].vals, .n_vals = plain[l].n};
        for (uint32_t i = 0; i < c.n && plain[l].loops; i++)
            if (shapes[i] && levels[i] == l)
                regions[n_regions++] = plan_alike(p, &c, levels, shapes, i);
    }
    *ret_regions = regions;
    return n_regions;
}

static void list_rates(struct plan *plan, const struct ir *ir, struct arena *a)
{
    plan->call_vals = ARENA_ARRAY(a, ir->main.n, struct val);
    plan->row_vals = ARENA_ARRAY(a, ir->main.n, struct val);
    for (uint32_t v = 1; v < ir->main.n; v++) {
        enum rate r = ir->main.ins[v].rate;
        if (ir->main.ins[v].op == OP_SURFACE)
            continue; /* named by `near`, never computed */
        if (r == RATE_CONST || r == RATE_CALL)
            plan->call_vals[plan->n_call_vals++] = (struct val){v};
        else if (r == RATE_ROW)
            plan->row_vals[plan->n_row_vals++] = (struct val){v};
    }
}

static uint32_t *filled(struct arena *a, uint32_t n)
{
    uint32_t *p = ARENA_ARRAY(a, n, uint32_t);
    memset(p, 0xff, n * sizeof *p);
    return p;
}

static void lay_out_state(struct plan *plan, struct arena *a)
{
    const struct code *code = &plan->ir->main;
    plan->state_at = filled(a, code->n);
    plan->ring_at = filled(a, code->n);
    plan->rings = ARENA_ARRAY(a, code->n, struct val);
    for (uint32_t v = 1; v < code->n; v++) {
        enum op op = code->ins[v].op;
        if (op == OP_RING) {
            plan->ring_at[v] = plan->n_rings;
            plan->rings[plan->n_rings++] = (struct val){v};
        } else if (op_info(op)->flags & OP_STATE) {
            plan->state_at[v] = plan->state_size;
            plan->state_size += 8;
        }
    }
}

/* Where a value lives in the strip loop: leaf regions are numbered in order; inside a chunk, which repeats, everything
 * lives from the chunk's first leaf to its last. */
struct lives {
    const struct ir *ir;
    uint32_t *leaf;      /* by value: the leaf that computes it */
    uint32_t *from, *to; /* by leaf: its chunk's first and last, or itself */
    bool *vector;        /* by leaf: a top-level VECTOR region */
    uint32_t n_leaves;
};

static void number_leaves(struct lives *l, const struct region *r, bool top)
{
    if (r->kind == REGION_CHUNK) {
        uint32_t first = l->n_leaves;
        for (uint32_t i = 0; i < r->n_subs; i++)
            number_leaves(l, &r->subs[i], false);
        for (uint32_t i = first; i < l->n_leaves; i++) {
            l->from[i] = first;
            l->to[i] = l->n_leaves - 1;
        }
        return;
    }
    for (uint32_t i = 0; i < r->n_vals; i++)
        l->leaf[r->vals[i].i] = l->n_leaves;
    l->from[l->n_leaves] = l->to[l->n_leaves] = l->n_leaves;
    l->vector[l->n_leaves] = top && r->kind == REGION_VECTOR;
    l->n_leaves++;
}

/* last[v]: the last leaf that needs v in a strip buffer, or PLAN_NONE. */
static uint32_t *strip_lifetimes(const struct plan *plan, const struct lives *l, struct arena *a)
{
    const struct code *code = &l->ir->main;
    uint32_t *last = filled(a, code->n);
    for (uint32_t v = 1; v < code->n; v++) {
        if (code->ins[v].rate != RATE_SAMPLE)
            continue;
        for (uint32_t k = 0; k < code->ins[v].n_args; k++) {
            uint32_t w = code->ins[v].args[k].i;
            if (code->ins[w].rate != RATE_SAMPLE || l->leaf[w] == l->leaf[v] || code->ins[w].op == OP_RING)
                continue;
            uint32_t until = l->to[l->leaf[v]];
            if (last[w] == PLAN_NONE || until > last[w])
                last[w] = until;
        }
    }
    for (uint32_t o = 0; o < l->ir->n_outputs; o++) {
        uint32_t v = l->ir->outputs[o].i;
        if (code->ins[v].rate == RATE_SAMPLE && !l->vector[l->leaf[v]])
            last[v] = l->n_leaves;
    }
    for (uint32_t i = 0; i < plan->n_packs; i++) { /* what feeds a pack waits until it runs */
        const struct pack *p = &plan->packs[i];
        uint32_t until = l->to[l->leaf[p->last->vals[0].i]];
        for (uint32_t c = 0; c < p->n_chains; c++)
            for (uint32_t k = 0; k < p->n_inputs + (p->n_stages > 1); k++) {
                uint32_t v = p->n_stages > 1 ? p->feeds[c * p->n_stages].i : p->of[c][p->n_keys - 1 - k].i;
                if (last[v] == PLAN_NONE || until > last[v])
                    last[v] = until;
            }
    }
    return last;
}

/* First fit by leaf: buffers of dead values are reused. */
static void lay_out_strips(struct plan *plan, const struct lives *l, struct arena *a)
{
    const struct code *code = &plan->ir->main;
    uint32_t *last = strip_lifetimes(plan, l, a);
    uint32_t *free_at[2] = {filled(a, code->n), filled(a, code->n)};
    uint32_t n_free[2] = {0, 0};
    uint32_t *live = ARENA_ARRAY(a, code->n, uint32_t), n_live = 0;
    struct val *order = ARENA_ARRAY(a, code->n, struct val);
    uint32_t *start = ARENA_ARRAY(a, l->n_leaves + 2, uint32_t);
    plan->strip_at = filled(a, code->n);
    for (uint32_t v = 1; v < code->n; v++) /* counting sort of values by leaf */
        if (last[v] != PLAN_NONE)
            start[l->from[l->leaf[v]] + 1]++;
    for (uint32_t i = 1; i <= l->n_leaves; i++)
        start[i] += start[i - 1];
    uint32_t total = start[l->n_leaves];
    for (uint32_t v = 1; v < code->n; v++)
        if (last[v] != PLAN_NONE)
            order[start[l->from[l->leaf[v]]]++] = (struct val){v};
    for (uint32_t i = 0; i < total; i++) {
        uint32_t v = order[i].i, now = l->from[l->leaf[v]];
        for (uint32_t j = 0; j < n_live;) {
            uint32_t w = live[j];
            if (last[w] >= now) {
                j++;
                continue;
            }
            int wide = op_info(code->ins[w].op)->result == TYPE_F64;
            free_at[wide][n_free[wide]++] = plan->strip_at[w];
            live[j] = live[--n_live];
        }
        int wide = op_info(code->ins[v].op)->result == TYPE_F64;
        if (n_free[wide]) {
            plan->strip_at[v] = free_at[wide][--n_free[wide]];
        } else {
            plan->strip_at[v] = plan->scratch_size;
            plan->scratch_size += (uint32_t)(KERNEL_STRIP + KERNEL_PAD) * (wide ? 8 : 4);
        }
        live[n_live++] = v;
    }
}

struct plan *plan_make(const struct ir *ir, struct arena *a)
{
    struct plan *plan = ARENA_NEW(a, struct plan);
    uint32_t n = ir->main.n;
    struct planner p = {.ir = ir,
                        .arena = a,
                        .group = ARENA_ARRAY(a, n, uint32_t),
                        .groups = 1,
                        .cut = ARENA_ARRAY(a, n, bool),
                        .index = ARENA_ARRAY(a, n, uint32_t),
                        .low = ARENA_ARRAY(a, n, uint32_t),
                        .component = ARENA_ARRAY(a, n, uint32_t),
                        .stamp = ARENA_ARRAY(a, n, uint32_t)};
    uint32_t *vals = ARENA_ARRAY(a, n, uint32_t), n_vals = 0;
    plan->ir = ir;
    list_rates(plan, ir, a);
    for (uint32_t v = 1; v < n; v++)
        if (is_sample(&p, v)) {
            p.group[v] = 1;
            vals[n_vals++] = v;
        }
    plan->n_regions = plan_group(&p, vals, n_vals, &plan->regions);
    plan->strips = plan->n_regions > 1 || (plan->n_regions == 1 && plan->regions[0].kind != REGION_VECTOR);
    lay_out_state(plan, a);
    plan_find_packs(plan, a);
    struct lives l = {.ir = ir,
                      .leaf = ARENA_ARRAY(a, n, uint32_t),
                      .from = ARENA_ARRAY(a, n + 1, uint32_t),
                      .to = ARENA_ARRAY(a, n + 1, uint32_t),
                      .vector = ARENA_ARRAY(a, n + 1, bool)};
    for (uint32_t i = 0; i < plan->n_regions; i++)
        number_leaves(&l, &plan->regions[i], true);
    for (uint32_t i = 0; i < plan->n_packs; i++) { /* a pack makes its results where it runs */
        const struct pack *k = &plan->packs[i];
        for (uint32_t lane = k->n_stages - 1; lane < k->n_chains * k->n_stages; lane += k->n_stages)
            l.leaf[k->of[lane][k->result].i] = l.leaf[k->last->vals[0].i];
    }
    lay_out_strips(plan, &l, a);
    return plan;
}
