/* Cascades; see plan_packs.h. A stage is found by walking back from the one value that leaves a recurrence to the one
 * value of another recurrence it depends on; chains by comparing stages, value by value.
 *
 * In: the regions of a plan. Out: packs. Does not change the plan's regions, nor what anything means. */
#include "core/plan_packs.h"

#include <string.h>

#include "core/plan_match.h"

enum { NONE = 0 };

/* The recurrence of one SERIAL region's connected values, and what feeds it directly. */
struct stage {
    uint32_t result; /* the value that leaves; NONE when several do */
    bool many;       /* several leave */
    uint32_t size;   /* values of the recurrence */
    const struct region *region;
    uint32_t before; /* the stage that feeds this one; NONE: none, or not only that */
    uint32_t after;  /* the stage it feeds */
    uint32_t fed;    /* the value that comes from `before` */
    bool taken;
};

struct finder {
    const struct ir *ir;
    struct plan *plan;
    struct arena *arena;
    uint32_t *stage_of; /* by value: its recurrence, or NONE */
    bool *in_chunk;     /* by value */
    uint32_t *uses;     /* by value: how many operands of rate SAMPLE, and outputs, refer to it */
    uint32_t *inner;    /* by value: how many of them in its own recurrence */
    struct stage *stages;
    uint32_t n_stages; /* and one, since stage 0 is none */
    struct match match;
};

static const struct ins *at(const struct finder *f, uint32_t v)
{
    return &f->ir->main.ins[v];
}

static bool is_sample(const struct finder *f, uint32_t v)
{
    return v && at(f, v)->rate == RATE_SAMPLE;
}

static uint32_t root_of(uint32_t *parent, uint32_t v)
{
    while (parent[v] != v)
        v = parent[v] = parent[parent[v]];
    return v;
}

/* Values of one SERIAL region that hang together are one recurrence. */
static void number_region(struct finder *f, const struct region *r, uint32_t *parent, uint32_t *place)
{
    for (uint32_t i = 0; i < r->n_vals; i++) {
        parent[r->vals[i].i] = r->vals[i].i;
        place[r->vals[i].i] = 1;
    }
    for (uint32_t i = 0; i < r->n_vals; i++) {
        const struct ins *ins = at(f, r->vals[i].i);
        for (uint32_t k = 0; k < ins->n_args; k++)
            if (place[ins->args[k].i])
                parent[root_of(parent, r->vals[i].i)] = root_of(parent, ins->args[k].i);
    }
    for (uint32_t i = 0; i < r->n_vals; i++) {
        uint32_t root = root_of(parent, r->vals[i].i);
        if (!f->stage_of[root]) {
            f->stage_of[root] = f->n_stages;
            f->stages[f->n_stages++] = (struct stage){.region = r};
        }
        f->stage_of[r->vals[i].i] = f->stage_of[root];
        f->stages[f->stage_of[root]].size++;
    }
    for (uint32_t i = 0; i < r->n_vals; i++)
        place[r->vals[i].i] = 0;
}

static void mark_chunk(struct finder *f, const struct region *r)
{
    for (uint32_t i = 0; i < r->n_subs; i++)
        mark_chunk(f, &r->subs[i]);
    for (uint32_t i = 0; i < r->n_vals; i++)
        f->in_chunk[r->vals[i].i] = true;
}

static void leaves(struct finder *f, uint32_t v)
{
    struct stage *s = &f->stages[f->stage_of[v]];
    s->many |= s->result && s->result != v;
    s->result = v;
}

/* Counts uses, and finds the values that leave recurrences. */
static void find_leaving(struct finder *f)
{
    for (uint32_t v = 1; v < f->ir->main.n; v++) {
        if (!is_sample(f, v))
            continue;
        for (uint32_t k = 0; k < at(f, v)->n_args; k++) {
            uint32_t w = at(f, v)->args[k].i;
            f->uses[w]++;
            if (f->stage_of[w] && f->stage_of[w] == f->stage_of[v])
                f->inner[w]++;
            else if (f->stage_of[w])
                leaves(f, w);
        }
    }
    for (uint32_t i = 0; i < f->ir->n_outputs; i++) {
        f->uses[f->ir->outputs[i].i]++;
        if (f->stage_of[f->ir->outputs[i].i])
            leaves(f, f->ir->outputs[i].i);
    }
}

/* Values found on the way back from a result. */
struct cone {
    uint32_t vals[PACK_MEMBERS], n;
    bool whole; /* nothing but what may be packed, and not too much of it */
};

static bool cone_holds(const struct cone *c, uint32_t v)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (c->vals[i] == v)
            return true;
    return false;
}

static void cone_add(const struct finder *f, struct cone *c, uint32_t v)
{
    if (!is_sample(f, v) || cone_holds(c, v))
        return;
    if (c->n == PACK_MEMBERS || f->in_chunk[v] || !match_allows(at(f, v)->op))
        c->whole = false;
    else
        c->vals[c->n++] = v;
}

/* Back from `result` as far as `fed`, or, when that is NONE, as far as one value of another recurrence, whose number
 * comes back: NONE when there is none, or more than one. */
static uint32_t walk(const struct finder *f, uint32_t result, uint32_t fed, struct cone *c)
{
    uint32_t from = NONE;
    *c = (struct cone){.whole = true};
    cone_add(f, c, result);
    for (uint32_t i = 0; i < c->n && c->whole; i++) {
        const struct ins *ins = at(f, c->vals[i]);
        for (uint32_t k = 0; k < ins->n_args; k++) {
            uint32_t w = ins->args[k].i, other = is_sample(f, w) ? f->stage_of[w] : NONE;
            if (w == fed)
                continue;
            if (!other || other == f->stage_of[result])
                cone_add(f, c, w);
            else if (fed || (from && from != other) || f->stages[other].result != w || f->stages[other].many)
                c->whole = false;
            else
                from = other;
        }
    }
    return c->whole ? from : NONE;
}

/* Operands among `vals` that refer to v. */
static uint32_t uses_by(const struct finder *f, const uint32_t *vals, uint32_t n, uint32_t v)
{
    uint32_t uses = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < at(f, vals[i])->n_args; k++)
            uses += at(f, vals[i])->args[k].i == v;
    return uses;
}

/* The one value of the cone that reads v, if it does nothing but narrow it; else v. */
static uint32_t link_of(const struct finder *f, const struct cone *c, uint32_t v)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (at(f, c->vals[i])->op == OP_F32_F64 && at(f, c->vals[i])->args[0].i == v)
            return c->vals[i];
    return v;
}

static bool alone(const struct finder *f, const uint32_t *vals, uint32_t n, uint32_t result)
{
    for (uint32_t i = 0; i < n; i++)
        if (vals[i] != result && uses_by(f, vals, n, vals[i]) != f->uses[vals[i]])
            return false;
    return true;
}

/* Is v used by nobody but the cone and its own recurrence? */
static bool feeds_only(const struct finder *f, const struct cone *c, uint32_t v)
{
    return uses_by(f, c->vals, c->n, v) + f->inner[v] == f->uses[v];
}

/* Finds what feeds stage s, if that is another stage and nothing else. */
static void find_before(struct finder *f, uint32_t s)
{
    struct cone c;
    struct stage *stage = &f->stages[s];
    if (!stage->result || stage->many || stage->size > PACK_MEMBERS)
        return;
    uint32_t before = walk(f, stage->result, NONE, &c);
    if (!before || f->stages[before].size > PACK_MEMBERS || !feeds_only(f, &c, f->stages[before].result))
        return;
    uint32_t v = f->stages[before].result, fed = link_of(f, &c, v);
    if (fed != v && uses_by(f, c.vals, c.n, v) != 1)
        return;
    walk(f, stage->result, fed, &c);
    if (op_info(at(f, fed)->op)->result != TYPE_F32 || !c.whole || !feeds_only(f, &c, fed) ||
        !alone(f, c.vals, c.n, stage->result))
        return;
    stage->before = before;
    stage->fed = fed;
    f->stages[before].after = s;
}

/* Compares stage s with the one whose result is `result` and which `fed` feeds (NONE: whatever does; ret_fed says).
 * Leaves the map as the trail says. */
static bool compare(struct finder *f, uint32_t s, uint32_t result, uint32_t fed, uint32_t *ret_fed)
{
    match_begin(&f->match);
    f->match.fed = f->stages[s].fed;
    f->match.fed_there = fed;
    if (!match_alike(&f->match, f->stages[s].result, result) || !f->match.fed_there)
        return false;
    *ret_fed = f->match.fed_there;
    return true;
}

/* Can the first stage of a chain be one like `s`, fed by what it happens to be fed by? */
static bool head_fits(struct finder *f, uint32_t s, uint32_t head, uint32_t *ret_fed)
{
    struct cone c;
    const struct stage *h = &f->stages[head];
    if (!h->result || h->many || h->taken || !compare(f, s, h->result, NONE, ret_fed))
        return false;
    if (f->match.back[*ret_fed] || f->stage_of[*ret_fed] == head)
        return false;
    walk(f, h->result, *ret_fed, &c);
    return c.whole && alone(f, c.vals, c.n, h->result);
}

/* Chains being put together: stages in order, and what feeds the first. */
struct chain {
    uint32_t *stages, n, input;
};

static void take_chain(struct finder *f, struct chain *c, struct chain *to, uint32_t *n)
{
    uint32_t parts = (c->n + PACK_STAGES - 1) / PACK_STAGES, done = 0;
    for (uint32_t p = 0; p < parts; p++) { /* pieces of about the same length */
        uint32_t length = (c->n - done) / (parts - p);
        to[(*n)++] = (struct chain){c->stages + done, length, done ? f->stages[c->stages[done]].fed : c->input};
        done += length;
    }
    for (uint32_t i = 0; i < c->n; i++)
        f->stages[c->stages[i]].taken = true;
}

/* Chains of like stages, as long as can be, from first stages on. Stages are numbered in their order. */
static uint32_t find_chains(struct finder *f, struct chain *chains)
{
    uint32_t n = 0, fed, *free_stages = ARENA_ARRAY(f->arena, f->n_stages, uint32_t);
    for (uint32_t s = 1; s < f->n_stages; s++) {
        uint32_t second = f->stages[s].after;
        if (f->stages[s].taken || !second)
            continue;
        bool fits = head_fits(f, second, s, &fed);
        struct chain c = {free_stages, 0, fits ? fed : f->stages[second].fed};
        for (uint32_t t = fits ? s : second; t && !f->stages[t].taken; t = f->stages[t].after) {
            if (c.n && !compare(f, second, f->stages[t].result, f->stages[t].fed, &fed))
                break;
            c.stages[c.n++] = t;
        }
        if (c.n > 1) {
            take_chain(f, &c, chains, &n);
            free_stages += c.n;
        }
    }
    return n;
}

static void make_keys(struct finder *f, struct pack *p, uint32_t template)
{
    struct cone c;
    const struct stage *s = &f->stages[template];
    walk(f, s->result, s->fed, &c);
    pack_order(p, f->ir, c.vals, c.n, s->result, f->arena);
    p->n_keys = p->n_members;
    for (uint32_t i = 0; i < f->match.n_trail; i++) /* constants, as the comparison met them */
        if (!is_sample(f, f->match.trail[i]))
            p->keys[p->n_keys++] = (struct val){f->match.trail[i]};
    p->fed = (struct val){s->fed};
    p->narrows = s->fed != f->stages[s->before].result;
}

/* The chain beside those of the pack, if it is like them. */
static bool add_chain(struct finder *f, struct pack *p, const struct chain *c, uint32_t template)
{
    uint32_t first = p->n_chains * p->n_stages, before = f->stages[f->stages[template].before].result;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct stage *s = &f->stages[c->stages[i]];
        uint32_t fed = i ? s->fed : c->input;
        if (!compare(f, template, s->result, fed, &fed))
            return false;
        if (i && (fed == f->stages[c->stages[i - 1]].result) != (f->stages[template].fed == before))
            return false;
        if (!p->keys)
            make_keys(f, p, template);
        p->of[first + i] = ARENA_ARRAY(f->arena, p->n_keys, struct val);
        for (uint32_t k = 0; k < p->n_keys; k++)
            p->of[first + i][k] = (struct val){f->match.map[p->keys[k].i]};
        p->feeds[first + i] = (struct val){fed};
    }
    p->n_chains++;
    return true;
}

/* A pack of chain i and those like it among the ones that follow soon. */
static void make_pack(struct finder *f, struct chain *chains, uint32_t n, uint32_t i)
{
    enum { FOLLOWING = 32 };
    struct plan *plan = f->plan;
    const struct chain *first = &chains[i];
    struct pack p = {.n_stages = first->n, .last = f->stages[first->stages[first->n - 1]].region};
    uint32_t template = first->stages[1], end = n - i < FOLLOWING ? n : i + FOLLOWING;
    p.of = ARENA_ARRAY(f->arena, (end - i) * p.n_stages, struct val *);
    p.feeds = ARENA_ARRAY(f->arena, (end - i) * p.n_stages, struct val);
    for (; i < end; i++) {
        struct chain *c = &chains[i];
        if (c->n == p.n_stages && f->stages[c->stages[c->n - 1]].region == p.last && add_chain(f, &p, c, template))
            c->n = 0;
    }
    for (uint32_t lane = 0; lane < p.n_chains * p.n_stages; lane++) {
        for (uint32_t k = 0; k < p.n_members; k++)
            plan->pack_of[p.of[lane][k].i] = plan->n_packs;
        if (lane % p.n_stages)
            plan->pack_of[p.feeds[lane].i] = plan->n_packs;
    }
    plan->packs[plan->n_packs++] = p;
}

void plan_find_cascades(struct plan *plan, struct arena *a)
{
    uint32_t n = plan->ir->main.n;
    struct finder f = {.ir = plan->ir, .plan = plan, .arena = a, .n_stages = 1};
    uint32_t *parent = ARENA_ARRAY(a, n, uint32_t), *place = ARENA_ARRAY(a, n, uint32_t);
    f.stage_of = ARENA_ARRAY(a, n, uint32_t);
    f.in_chunk = ARENA_ARRAY(a, n, bool);
    f.uses = ARENA_ARRAY(a, n, uint32_t);
    f.inner = ARENA_ARRAY(a, n, uint32_t);
    f.stages = ARENA_ARRAY(a, n + 1, struct stage);
    match_init(&f.match, plan->ir, a);
    for (uint32_t i = 0; i < plan->n_regions; i++) {
        if (plan->regions[i].kind == REGION_SERIAL)
            number_region(&f, &plan->regions[i], parent, place);
        else if (plan->regions[i].kind == REGION_CHUNK)
            mark_chunk(&f, &plan->regions[i]);
    }
    find_leaving(&f);
    for (uint32_t s = 1; s < f.n_stages; s++)
        find_before(&f, s);
    struct chain *chains = ARENA_ARRAY(a, f.n_stages, struct chain);
    uint32_t n_chains = find_chains(&f, chains);
    plan->packs = arena_grow(a, plan->packs, plan->n_packs, plan->n_packs + n_chains, sizeof *plan->packs);
    for (uint32_t i = 0; i < n_chains; i++)
        if (chains[i].n)
            make_pack(&f, chains, n_chains, i);
}
