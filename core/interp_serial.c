/* SERIAL regions: one sample at a time on slots of work memory, state kept in slots between samples and
 * flushed at the end. The new state is moved in place by a parallel copy after the sample, or computed in place when
 * nobody reads the old one any more. */
#include <assert.h>

#include "core/interp/lives.h"
#include "core/interp/serial.h"

enum { SLOT_SIZE = 16 };

static bool is_wide(const struct flat *f)
{
    return f->type == TYPE_F64;
}

static bool is_prev(const struct flat *f)
{
    return f->op == OP_PREV_F32 || f->op == OP_PREV_F64 || f->op == OP_PREV_I32;
}

static bool has_slot_state(const struct flat *f)
{
    return is_prev(f) || f->op == OP_ACCUM;
}

uint32_t serial_size(const struct flat_plan *fp)
{
    uint32_t most = 0;
    for (uint32_t r = 0; r < fp->n_regions; r++) {
        if (fp->regions[r].kind != REGION_SERIAL)
            continue;
        uint32_t slots = 1; /* the parallel copy's */
        for (uint32_t i = 0; i < fp->regions[r].list.n; i++)
            slots += 1u + fp->flats[fp->regions[r].list.ids[i]].n_args;
        if (slots > most)
            most = slots;
    }
    return most * SLOT_SIZE;
}

struct step tick_step(const struct flat_plan *fp, const struct tick_ops *ticks, const struct flat *f)
{
    uint32_t at[3] = {0, 0, 0};
    for (uint32_t k = 0; k < f->n_args; k++) {
        at[k] = fp->flats[f->args[k]].slot;
        assert(!f->args[k] || at[k] != FLAT_UNPLACED);
    }
    struct step s = {NULL, f->slot, at[0], at[1], at[2], f->imm, f->aux};
    switch (f->op) {
    case OP_ARG:
        s.fn = ticks->arg;
        break;
    case OP_ROW:
        s.fn = ticks->row;
        break;
    case OP_IOTA:
        s.fn = ticks->iota;
        break;
    case OP_INPUT:
        s.fn = ticks->input;
        break;
    case OP_GATHER_F32:
    case OP_GATHER_I32:
        s.fn = ticks->gather;
        break;
    case OP_NEAR:
        s.fn = ticks->near;
        break;
    case OP_FETCH:
        s.fn = ticks->fetch;
        break;
    case OP_RING:
        s.fn = ticks->ring;
        break;
    case OP_TAP:
        s.fn = ticks->tap;
        break;
    default:
        s.fn = ticks->op[f->op];
        break;
    }
    assert(s.fn);
    return s;
}

/* Being emitted: one region. */
struct serial {
    struct flat_plan *fp;
    const struct tick_ops *ticks;
    const struct flat_region *r;
    uint32_t *last_read; /* by place in the list: the last place that reads it; n: after the sample */
    bool *in_place;      /* by place: a prev whose operand is computed into its slot */
    struct step_list enter, sample, leave;
};

static struct flat *at(const struct serial *s, uint32_t place)
{
    return &s->fp->flats[s->r->list.ids[place]];
}

/* The place of a value of this region; list.n for another's. */
static uint32_t place_of(const struct serial *s, uint32_t id)
{
    const struct flat *f = &s->fp->flats[id];
    bool here = f->rate == RATE_SAMPLE && f->region == at(s, 0)->region;
    return here ? (f->slot - s->fp->serial_at) / SLOT_SIZE - 1 : s->r->list.n;
}

static void find_last_reads(struct serial *s)
{
    uint32_t n = s->r->list.n;
    for (uint32_t i = 0; i < n; i++) {
        const struct flat *f = at(s, i);
        uint32_t when = has_slot_state(f) ? n : i;
        for (uint32_t k = 0; k < f->n_args; k++) {
            uint32_t place = f->args[k] ? place_of(s, f->args[k]) : n;
            if (place < n && s->last_read[place] < when)
                s->last_read[place] = when;
        }
        if (f->strip != FLAT_UNPLACED)
            s->last_read[i] = n;
    }
}

/* Values of other regions into slots; their steps come first in each sample. */
static void emit_loads(struct serial *s, struct flat_list *loaded)
{
    uint32_t slot = s->fp->serial_at + (1 + s->r->list.n) * SLOT_SIZE;
    for (uint32_t i = 0; i < s->r->list.n; i++)
        for (uint32_t k = 0; k < at(s, i)->n_args; k++) {
            uint32_t id = at(s, i)->args[k];
            struct flat *f = &s->fp->flats[id];
            if (!id || f->rate != RATE_SAMPLE || f->slot != FLAT_UNPLACED)
                continue;
            assert(f->strip != FLAT_UNPLACED);
            f->slot = slot;
            slot += SLOT_SIZE;
            loaded->ids[loaded->n++] = id;
            struct step load = {.fn = is_wide(f) ? s->ticks->load8 : s->ticks->load4, .dst = f->slot, .a = f->strip};
            steps_add(s->fp->arena, &s->sample, load);
        }
}

static void emit_state(struct serial *s, const struct flat *f)
{
    const struct tick_ops *t = s->ticks;
    struct step load = {.fn = is_wide(f) ? t->state_load8 : t->state_load4, .dst = f->slot, .aux = f->aux};
    struct step save = {.fn = f->type == TYPE_F64   ? t->state_save_d
                              : f->type == TYPE_F32 ? t->state_save_f
                                                    : t->state_save_i,
                        .a = f->slot,
                        .aux = f->aux};
    steps_add(s->fp->arena, &s->enter, load);
    steps_add(s->fp->arena, &s->leave, save);
}

/* A prev's operand may be computed into the prev's own slot when the old value has been read by then. */
static void choose_in_place(struct serial *s)
{
    uint32_t n = s->r->list.n;
    bool *taken = ARENA_ARRAY(s->fp->arena, n, bool);
    uint32_t *new_slot = ARENA_ARRAY(s->fp->arena, n, uint32_t);
    for (uint32_t i = 0; i < n; i++) {
        if (!is_prev(at(s, i)))
            continue;
        uint32_t from = place_of(s, at(s, i)->args[0]);
        if (from == n || has_slot_state(at(s, from)) || taken[from] || s->last_read[i] > from || i > from)
            continue;
        taken[from] = s->in_place[i] = true;
        new_slot[from] = at(s, i)->slot;
    }
    for (uint32_t i = 0; i < n; i++)
        if (taken[i])
            at(s, i)->slot = new_slot[i];
}

/* One move of new state into a slot. */
struct move {
    uint32_t dst, src;
    bool wide, adds;
};

static void emit_move(struct serial *s, const struct move *m)
{
    const struct tick_ops *t = s->ticks;
    step_fn *fn = m->adds ? t->accum : m->wide ? t->copy8 : t->copy4;
    steps_add(s->fp->arena, &s->sample, (struct step){.fn = fn, .dst = m->dst, .a = m->src});
}

/* All at once in effect: a slot is written when no move that is still to come reads it; a ring of moves is
 * opened by the spare slot. */
static void emit_moves(struct serial *s, struct move *moves, uint32_t n_moves)
{
    uint32_t n = s->r->list.n, n_ready = 0, left = n_moves;
    uint32_t *writer = ARENA_ARRAY(s->fp->arena, n + 1, uint32_t); /* by slot: 1 + the move into it */
    uint32_t *readers = ARENA_ARRAY(s->fp->arena, n_moves, uint32_t);
    uint32_t *ready = ARENA_ARRAY(s->fp->arena, n_moves, uint32_t);
    bool *done = ARENA_ARRAY(s->fp->arena, n_moves, bool);
#define WRITER(slot) ((slot)-s->fp->serial_at <= n * SLOT_SIZE ? writer[((slot)-s->fp->serial_at) / SLOT_SIZE] : 0)
    for (uint32_t i = 0; i < n_moves; i++)
        writer[(moves[i].dst - s->fp->serial_at) / SLOT_SIZE] = i + 1;
    for (uint32_t i = 0; i < n_moves; i++)
        if (WRITER(moves[i].src) && WRITER(moves[i].src) != i + 1)
            readers[WRITER(moves[i].src) - 1]++;
    for (uint32_t i = 0; i < n_moves; i++)
        if (!readers[i])
            ready[n_ready++] = i;
    for (uint32_t next = 0; left;) {
        if (!n_ready) { /* what is left are rings; each slot in them has one reader */
            while (done[next])
                next++;
            for (uint32_t i = 0; i < n_moves; i++)
                if (!done[i] && i != next && moves[i].src == moves[next].dst)
                    moves[i].src = s->fp->serial_at;
            struct move spare = {s->fp->serial_at, moves[next].dst, moves[next].wide, false};
            emit_move(s, &spare);
            ready[n_ready++] = next;
        }
        uint32_t i = ready[--n_ready], w = WRITER(moves[i].src);
        emit_move(s, &moves[i]);
        done[i] = true;
        left--;
        if (w && w != i + 1 && --readers[w - 1] == 0 && !done[w - 1])
            ready[n_ready++] = w - 1;
    }
#undef WRITER
}

static void emit_updates(struct serial *s)
{
    uint32_t n = s->r->list.n, n_moves = 0;
    struct move *moves = ARENA_ARRAY(s->fp->arena, n, struct move);
    for (uint32_t i = 0; i < n; i++) {
        const struct flat *f = at(s, i);
        uint32_t src = has_slot_state(f) ? s->fp->flats[f->args[0]].slot : 0;
        bool adds = f->op == OP_ACCUM;
        if (has_slot_state(f) && !s->in_place[i] && (adds || src != f->slot))
            moves[n_moves++] = (struct move){f->slot, src, is_wide(f), adds};
    }
    emit_moves(s, moves, n_moves);
}

void emit_serial(struct flat_plan *fp, const struct tick_ops *ticks, const struct flat_region *r, struct block *ret)
{
    struct serial s = {.fp = fp, .ticks = ticks, .r = r};
    struct flat_list loaded = {.ids = ARENA_ARRAY(fp->arena, serial_size(fp) / SLOT_SIZE, uint32_t)};
    uint32_t n = r->list.n;
    for (uint32_t i = 0; i < n; i++)
        at(&s, i)->slot = fp->serial_at + (1 + i) * SLOT_SIZE;
    s.last_read = ARENA_ARRAY(fp->arena, n, uint32_t);
    s.in_place = ARENA_ARRAY(fp->arena, n, bool);
    find_last_reads(&s);
    choose_in_place(&s);
    emit_loads(&s, &loaded);
    for (uint32_t i = 0; i < n; i++)
        if (has_slot_state(at(&s, i)))
            emit_state(&s, at(&s, i));
        else
            steps_add(fp->arena, &s.sample, tick_step(fp, ticks, at(&s, i)));
    for (uint32_t i = 0; i < n; i++)
        if (at(&s, i)->strip != FLAT_UNPLACED) {
            const struct flat *f = at(&s, i);
            struct step store = {.fn = is_wide(f) ? ticks->store8 : ticks->store4, .dst = f->strip, .a = f->slot};
            steps_add(fp->arena, &s.sample, store);
        }
    emit_updates(&s);
    struct step end = {.fn = ticks->end};
    steps_add(fp->arena, &s.enter, end);
    steps_add(fp->arena, &s.sample, end);
    steps_add(fp->arena, &s.leave, end);
    for (uint32_t i = 0; i < loaded.n; i++) /* the next region has its own slots */
        fp->flats[loaded.ids[i]].slot = FLAT_UNPLACED;
    for (uint32_t i = 0; i < n; i++)
        at(&s, i)->slot = FLAT_UNPLACED;
    ret->enter = s.enter.steps;
    ret->steps = s.sample.steps;
    ret->leave = s.leave.steps;
}
