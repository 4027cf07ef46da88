/* In which steps each strip of a flat plan is alive, and the strips' registers. A chunk repeats its steps, so what it
 * reads from before lives to its last step. What it leaves behind needs no such care: each piece writes its own samples
 * and, by padding, some later ones, never those of an earlier piece. */
#include "core/interp/lives.h"

#include <assert.h>

static void number_region(struct flat_plan *fp, uint32_t index, uint32_t *step)
{
    struct flat_region *r = &fp->regions[index];
    r->first = *step;
    if (r->kind == REGION_CHUNK) {
        ++*step;
        for (uint32_t i = 0; i < r->n_subs; i++)
            number_region(fp, r->subs[i], step);
    }
    for (uint32_t i = 0; i < r->list.n; i++) {
        struct flat *f = &fp->flats[r->list.ids[i]];
        f->first = *step;
        if (r->kind == REGION_VECTOR) {
            f->last = *step; /* its loop writes, even if nothing reads */
            ++*step;
        }
    }
    if (r->kind != REGION_VECTOR)
        ++*step;
    r->last = *step - 1;
}

static bool encloses(const struct flat_plan *fp, uint32_t outer, uint32_t region)
{
    while (region != FLAT_UNPLACED && region != outer)
        region = fp->regions[region].parent;
    return region == outer;
}

/* The outermost chunk around `region` that is not also around `other`. */
static uint32_t border(const struct flat_plan *fp, uint32_t region, uint32_t other)
{
    uint32_t best = FLAT_UNPLACED;
    for (uint32_t r = fp->regions[region].parent; r != FLAT_UNPLACED; r = fp->regions[r].parent)
        if (!encloses(fp, r, other))
            best = r;
    return best;
}

static void note_use(struct flat_plan *fp, const struct flat *user, uint32_t id)
{
    struct flat *f = &fp->flats[id];
    if (f->rate != RATE_SAMPLE) {
        if (fp->regions[user->region].kind == REGION_VECTOR)
            f->in_strips = true;
        return;
    }
    if (f->region == user->region && fp->regions[f->region].kind == REGION_SERIAL)
        return;
    uint32_t in = border(fp, user->region, f->region);
    uint32_t last = in == FLAT_UNPLACED ? user->first : fp->regions[in].last;
    if (last > f->last)
        f->last = last;
}

bool flat_has_strip(const struct flat *f)
{
    return f->rate == RATE_SAMPLE && f->last && f->op != OP_RING && f->op != FLAT_OUTPUT;
}

/* By step: the values whose strips begin, or end, there. */
struct bucket {
    uint32_t *head, *next;
};

static struct bucket bucket_new(struct arena *a, uint32_t steps, uint32_t values)
{
    return (struct bucket){ARENA_ARRAY(a, steps, uint32_t), ARENA_ARRAY(a, values, uint32_t)};
}

static void bucket_add(struct bucket *b, uint32_t step, uint32_t id)
{
    b->next[id] = b->head[step];
    b->head[step] = id;
}

struct pool {
    uint32_t *free;
    uint32_t n_free, n;
};

static void release(struct flat_plan *fp, struct pool *pools, uint32_t id)
{
    struct pool *p = &pools[fp->flats[id].type == TYPE_F64];
    p->free[p->n_free++] = fp->flats[id].strip;
}

static void acquire(struct flat_plan *fp, struct pool *pools, uint32_t id)
{
    struct pool *p = &pools[fp->flats[id].type == TYPE_F64];
    fp->flats[id].strip = p->n_free ? p->free[--p->n_free] : p->n++;
}

/* Loops go element by element, so a result may take the place of an operand that ends; but prev moves elements, and a
 * recurrence or a chunk is many loops. */
static bool *steps_in_place(const struct flat_plan *fp, uint32_t steps)
{
    bool *in_place = ARENA_ARRAY(fp->arena, steps, bool);
    for (uint32_t r = 0; r < fp->n_regions; r++)
        for (uint32_t i = 0; fp->regions[r].kind == REGION_VECTOR && i < fp->regions[r].list.n; i++) {
            const struct flat *f = &fp->flats[fp->regions[r].list.ids[i]];
            in_place[fp->regions[r].first + i] = f->op != OP_PREV_F32 && f->op != OP_PREV_F64 && f->op != OP_PREV_I32;
        }
    return in_place;
}

static void assign_registers(struct flat_plan *fp, uint32_t steps, struct pool *pools)
{
    struct bucket begin = bucket_new(fp->arena, steps, fp->n), end = bucket_new(fp->arena, steps, fp->n);
    bool *in_place = steps_in_place(fp, steps);
    for (uint32_t id = 1; id < fp->n; id++)
        if (fp->flats[id].needed && flat_has_strip(&fp->flats[id])) {
            bucket_add(&begin, fp->flats[id].first, id);
            bucket_add(&end, fp->flats[id].last, id);
        }
    for (uint32_t t = 0; t < steps; t++) {
        for (uint32_t id = end.head[t]; id && in_place[t]; id = end.next[id])
            if (fp->flats[id].first < t)
                release(fp, pools, id);
        for (uint32_t id = begin.head[t]; id; id = begin.next[id])
            acquire(fp, pools, id);
        for (uint32_t id = end.head[t]; id; id = end.next[id])
            if (!in_place[t] || fp->flats[id].first == t)
                release(fp, pools, id);
    }
}

struct registers flat_registers(struct flat_plan *fp)
{
    uint32_t step = 1;
    for (uint32_t i = 0; i < fp->top.n; i++)
        number_region(fp, fp->top.ids[i], &step);
    for (uint32_t r = 0; r < fp->n_regions; r++)
        for (uint32_t i = 0; i < fp->regions[r].list.n; i++) {
            const struct flat *user = &fp->flats[fp->regions[r].list.ids[i]];
            for (uint32_t k = 0; k < user->n_args; k++)
                if (user->args[k])
                    note_use(fp, user, user->args[k]);
        }
    struct pool pools[2] = {{.free = ARENA_ARRAY(fp->arena, fp->n, uint32_t)},
                            {.free = ARENA_ARRAY(fp->arena, fp->n, uint32_t)}};
    assign_registers(fp, step, pools);
    return (struct registers){pools[0].n, pools[1].n};
}
