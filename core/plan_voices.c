/* Voices: recurrences of one region made alike; see plan_packs.h. A recurrence takes along what widens its inputs and
 * what is computed from it alone, so that few and narrow values pass between lanes and strips.
 *
 * In: the regions of a plan, cascades found. Out: packs. */
#include <string.h>

#include "core/plan_match.h"

enum { VOICES_LEAST = 4, VOICES_MOST = 32, MEMBERS_LEAST = 8 };

/* One recurrence and what it takes along. */
struct voice {
    uint32_t vals[PACK_MEMBERS], n;
    uint32_t result; /* 0: not found, or not one */
    bool taken;
};

struct finder {
    const struct ir *ir;
    struct plan *plan;
    struct arena *arena;
    uint32_t *list;       /* by value: which list of regions its own stands in; VECTOR regions only */
    uint32_t lists;       /* numbers given out */
    uint32_t *uses;       /* by value: how many operands of rate SAMPLE, and outputs, refer to it */
    uint32_t *users, *at; /* by value: the users' places in `users`, from at[v] to at[v + 1] */
    uint32_t *owner;      /* by value: number of the voice it belongs to, from 1 */
    uint32_t voices;      /* numbers given out */
    uint32_t cap;         /* of plan->packs */
    struct match match;
};

static const struct ins *ins_at(const struct finder *f, uint32_t v)
{
    return &f->ir->main.ins[v];
}

static bool is_sample(const struct finder *f, uint32_t v)
{
    return v && ins_at(f, v)->rate == RATE_SAMPLE;
}

static void find_users(struct finder *f)
{
    uint32_t n = f->ir->main.n;
    f->at = ARENA_ARRAY(f->arena, n + 2, uint32_t);
    for (uint32_t v = 1; v < n; v++)
        for (uint32_t k = 0; is_sample(f, v) && k < ins_at(f, v)->n_args; k++)
            f->at[ins_at(f, v)->args[k].i + 2]++;
    for (uint32_t v = 1; v < n + 2; v++)
        f->at[v] += f->at[v - 1];
    f->users = ARENA_ARRAY(f->arena, f->at[n + 1] + 1, uint32_t);
    for (uint32_t v = 1; v < n; v++)
        for (uint32_t k = 0; is_sample(f, v) && k < ins_at(f, v)->n_args; k++) {
            f->users[f->at[ins_at(f, v)->args[k].i + 1]++] = v;
            f->uses[ins_at(f, v)->args[k].i]++;
        }
    for (uint32_t i = 0; i < f->ir->n_outputs; i++)
        f->uses[f->ir->outputs[i].i]++;
}

static bool is_free(const struct finder *f, uint32_t v)
{
    return !f->owner[v] && f->plan->pack_of[v] == PLAN_NONE && match_allows(ins_at(f, v)->op);
}

static bool take(struct finder *f, struct voice *o, uint32_t v)
{
    if (o->n == PACK_MEMBERS || !is_free(f, v))
        return false;
    o->vals[o->n++] = v;
    f->owner[v] = f->voices;
    return true;
}

/* How many of v's uses are the voice's own. */
static uint32_t own_uses(const struct finder *f, uint32_t v)
{
    uint32_t uses = 0;
    for (uint32_t i = f->at[v]; i < f->at[v + 1]; i++)
        uses += f->owner[f->users[i]] == f->voices;
    return uses;
}

/* f64 made for this voice alone, of what it is made of as well: narrower values go in instead. */
static void take_before(struct finder *f, struct voice *o, uint32_t list)
{
    for (uint32_t i = 0; i < o->n; i++)
        for (uint32_t k = 0; k < ins_at(f, o->vals[i])->n_args; k++) {
            uint32_t v = ins_at(f, o->vals[i])->args[k].i;
            if (is_sample(f, v) && op_info(ins_at(f, v)->op)->result == TYPE_F64 && f->list[v] == list &&
                !(op_info(ins_at(f, v)->op)->flags & OP_STATE) && own_uses(f, v) == f->uses[v])
                take(f, o, v);
        }
}

static bool is_input(const struct finder *f, const struct voice *o, uint32_t v)
{
    for (uint32_t i = 0; i < o->n; i++)
        for (uint32_t k = 0; k < ins_at(f, o->vals[i])->n_args; k++)
            if (ins_at(f, o->vals[i])->args[k].i == v)
                return true;
    return false;
}

static bool depends_on_it_alone(const struct finder *f, const struct voice *o, uint32_t v)
{
    const struct ins *ins = ins_at(f, v);
    for (uint32_t k = 0; k < ins->n_args; k++) {
        uint32_t w = ins->args[k].i;
        if (is_sample(f, w) && f->owner[w] != f->voices && !is_input(f, o, w))
            return false;
    }
    return true;
}

static bool take_user(struct finder *f, struct voice *o, uint32_t v, uint32_t list)
{
    enum { USERS = 8 };
    uint32_t end = f->at[v + 1] - f->at[v] > USERS ? f->at[v] + USERS : f->at[v + 1];
    for (uint32_t u = f->at[v]; u < end; u++) {
        uint32_t w = f->users[u];
        if (f->list[w] == list && is_free(f, w) && !(op_info(ins_at(f, w)->op)->flags & OP_STATE) &&
            depends_on_it_alone(f, o, w) && take(f, o, w))
            return true;
    }
    return false;
}

/* Feed-forward values computed from this voice and its inputs. */
static void take_after(struct finder *f, struct voice *o, uint32_t list)
{
    for (uint32_t i = 0; i < o->n;)
        i = take_user(f, o, o->vals[i], list) ? 0 : i + 1; /* others may depend on what is new */
}

static void find_result(const struct finder *f, struct voice *o)
{
    for (uint32_t i = 0; i < o->n; i++) {
        uint32_t v = o->vals[i];
        if (own_uses(f, v) == f->uses[v])
            continue;
        if (o->result || op_info(ins_at(f, v)->op)->result == TYPE_F64) {
            o->result = 0;
            return;
        }
        o->result = v;
    }
}

/* The voice of the n values of one recurrence. */
static void make_voice(struct finder *f, struct voice *o, const uint32_t *vals, uint32_t n, uint32_t list)
{
    *o = (struct voice){0};
    f->voices++;
    if (n > PACK_MEMBERS / 2)
        return;
    for (uint32_t i = 0; i < n; i++)
        if (!take(f, o, vals[i]))
            return;
    take_before(f, o, list); /* what the outputs share with it becomes an input */
    take_after(f, o, list);
    take_before(f, o, list);
    find_result(f, o);
    if (o->n < MEMBERS_LEAST)
        o->result = 0;
}

/* Is voice b, number `number`, like voice a? Leaves the map. */
static bool alike(struct finder *f, const struct voice *a, const struct voice *b, uint32_t number)
{
    struct match *m = &f->match;
    if (b->taken || !b->result || a->n != b->n)
        return false;
    match_begin(m);
    if (!match_alike(m, a->result, b->result))
        return false;
    for (uint32_t i = 0; i < m->n_trail; i++) {
        uint32_t v = m->trail[i];
        if (is_sample(f, v) && (f->owner[m->map[v]] == number) != (f->owner[v] == m->stamp))
            return false;
    }
    for (uint32_t i = 0; i < a->n; i++)
        if (!m->map[a->vals[i]])
            return false;
    return true;
}

static void add_voice(struct finder *f, struct pack *p, const struct voice *a)
{
    const struct match *m = &f->match;
    if (!p->keys) {
        pack_order(p, f->ir, a->vals, a->n, a->result, f->arena);
        p->n_keys = p->n_members;
        for (int inputs = 0; inputs < 2; inputs++)
            for (uint32_t i = 0; i < m->n_trail; i++) {
                uint32_t v = m->trail[i];
                if (f->owner[v] == m->stamp || is_sample(f, v) != inputs)
                    continue;
                p->keys[p->n_keys++] = (struct val){v};
                p->n_inputs += (uint32_t)inputs;
            }
    }
    p->of[p->n_chains] = ARENA_ARRAY(f->arena, p->n_keys, struct val);
    for (uint32_t k = 0; k < p->n_keys; k++)
        p->of[p->n_chains][k] = (struct val){m->map[p->keys[k].i]};
    p->n_chains++;
}

/* A pack of voice i and those like it that follow soon; `first` is the number of voice 0. */
static void make_pack(struct finder *f, struct voice *voices, uint32_t n, uint32_t i, uint32_t first,
                      const struct region *region)
{
    struct plan *plan = f->plan;
    struct voice *a = &voices[i];
    struct pack p = {.n_stages = 1, .last = region};
    uint32_t end = n - i < VOICES_MOST ? n : i + VOICES_MOST;
    if (a->taken || !a->result)
        return;
    p.of = ARENA_ARRAY(f->arena, VOICES_MOST, struct val *);
    p.feeds = ARENA_ARRAY(f->arena, VOICES_MOST, struct val);
    f->match.stamp = first + i;
    for (uint32_t j = i; j < end; j++)
        if (alike(f, a, &voices[j], first + j)) {
            voices[j].taken = true;
            add_voice(f, &p, a);
        }
    if (p.n_chains < VOICES_LEAST)
        return;
    for (uint32_t c = 0; c < p.n_chains; c++)
        for (uint32_t k = 0; k < p.n_members; k++)
            plan->pack_of[p.of[c][k].i] = plan->n_packs;
    if (plan->n_packs == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 4;
        plan->packs = arena_grow(f->arena, plan->packs, plan->n_packs, f->cap, sizeof p);
    }
    plan->packs[plan->n_packs++] = p;
}

static uint32_t root_of(uint32_t *parent, uint32_t v)
{
    while (parent[v] != v)
        v = parent[v] = parent[parent[v]];
    return v;
}

/* Which recurrence of the region each value belongs to, from 1: values that hang together. `parent` and `number` are
 * by value. Returns how many there are. */
static uint32_t number_recurrences(const struct finder *f, const struct region *r, uint32_t *parent, uint32_t *number)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_vals; i++)
        parent[r->vals[i].i] = r->vals[i].i;
    for (uint32_t i = 0; i < r->n_vals; i++) {
        const struct ins *ins = ins_at(f, r->vals[i].i);
        for (uint32_t k = 0; k < ins->n_args; k++)
            if (parent[ins->args[k].i])
                parent[root_of(parent, r->vals[i].i)] = root_of(parent, ins->args[k].i);
    }
    for (uint32_t i = 0; i < r->n_vals; i++) {
        uint32_t root = root_of(parent, r->vals[i].i);
        if (!number[root])
            number[root] = ++n;
        number[r->vals[i].i] = number[root];
    }
    for (uint32_t i = 0; i < r->n_vals; i++)
        parent[r->vals[i].i] = 0; /* other regions' values are no part of this */
    return n;
}

static void find_in_region(struct finder *f, const struct region *r, uint32_t list, uint32_t *parent, uint32_t *number)
{
    uint32_t n = number_recurrences(f, r, parent, number), first = f->voices + 1;
    struct voice *voices = ARENA_ARRAY(f->arena, n, struct voice);
    uint32_t *vals = ARENA_ARRAY(f->arena, r->n_vals, uint32_t), *at = ARENA_ARRAY(f->arena, n + 2, uint32_t);
    for (uint32_t i = 0; i < r->n_vals; i++)
        at[number[r->vals[i].i] + 1]++;
    for (uint32_t i = 1; i < n + 2; i++)
        at[i] += at[i - 1];
    for (uint32_t i = 0; i < r->n_vals; i++)
        vals[at[number[r->vals[i].i]]++] = r->vals[i].i;
    for (uint32_t i = 0; i < n;
         i++) /* recurrence i + 1 ends where at[i + 1] now is, and begins where the one before ends */
        make_voice(f, &voices[i], vals + at[i], at[i + 1] - at[i], list);
    for (uint32_t i = 0; i < n; i++)
        make_pack(f, voices, n, i, first, r);
}

static void find_in(struct finder *f, const struct region *regions, uint32_t n, uint32_t *parent, uint32_t *number)
{
    uint32_t list = ++f->lists;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; regions[i].kind == REGION_VECTOR && k < regions[i].n_vals; k++)
            f->list[regions[i].vals[k].i] = list;
    for (uint32_t i = 0; i < n; i++) {
        if (regions[i].kind == REGION_SERIAL)
            find_in_region(f, &regions[i], list, parent, number);
        else if (regions[i].kind == REGION_CHUNK)
            find_in(f, regions[i].subs, regions[i].n_subs, parent, number);
    }
}

void plan_find_voices(struct plan *plan, struct arena *a)
{
    uint32_t n = plan->ir->main.n;
    struct finder f = {.ir = plan->ir, .plan = plan, .arena = a, .cap = plan->n_packs};
    uint32_t *parent = ARENA_ARRAY(a, n, uint32_t), *number = ARENA_ARRAY(a, n, uint32_t);
    f.list = ARENA_ARRAY(a, n, uint32_t);
    f.uses = ARENA_ARRAY(a, n, uint32_t);
    f.owner = ARENA_ARRAY(a, n, uint32_t);
    match_init(&f.match, plan->ir, a);
    f.match.inside = f.owner;
    find_users(&f);
    find_in(&f, plan->regions, plan->n_regions, parent, number);
}
