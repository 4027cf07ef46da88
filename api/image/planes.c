/* See planes.h. From the last stage backwards: what a stage reads beside its pixels is wanted of planes, and what these
 * come from is run by theirs. */
#include "api/image/planes.h"

#include <string.h>

#include "core/stages.h"

/* Of an arena for one question: what a graph makes of it is bounded by the graph's own limits. */
enum { BOOKKEEPING = 64 << 20 };

/* A pixel of 0..n-1 for one anywhere; -1: none, the value is 0. */
static int64_t wrapped(int64_t x, int64_t n, enum edge edge)
{
    int64_t period = edge == EDGE_MIRROR ? 2 * (n - 1) : n, m;
    if (x >= 0 && x < n)
        return x;
    switch (edge) {
    case EDGE_REPEAT:
    case EDGE_MIRROR:
        if (!period)
            return 0;
        m = x % period;
        m += m < 0 ? period : 0;
        return m < n ? m : period - m;
    case EDGE_CLAMP:
        return x < 0 ? 0 : n - 1;
    default:
        return -1;
    }
}

struct span {
    int64_t from, to; /* empty: from >= to */
};

/* Of a way back and forth between 0 and n - 1: where the turns are decides how far it goes. */
static struct span mirrored(int64_t x, int64_t length, int64_t n)
{
    int64_t period = 2 * (n - 1);
    if (n == 1 || length >= period)
        return (struct span){0, n};
    int64_t first = x % period + (x % period < 0 ? period : 0), last = first + length - 1;
    int64_t a = wrapped(first, n, EDGE_MIRROR), b = wrapped(last, n, EDGE_MIRROR);
    bool far = (first <= n - 1 && last >= n - 1) || last >= n - 1 + period, near = !first || last >= period;
    return (struct span){near ? 0 : a < b ? a : b, 1 + (far ? n - 1 : a > b ? a : b)};
}

/* The least interval of 0..n-1 that x0 .. x1-1 come from. */
static struct span real_span(int64_t x0, int64_t x1, int64_t n, enum edge edge)
{
    int64_t length = x1 - x0, first = wrapped(x0, n, edge);
    switch (edge) {
    case EDGE_REPEAT:
        return first + length <= n ? (struct span){first, first + length} : (struct span){0, n};
    case EDGE_MIRROR:
        return mirrored(x0, length, n);
    case EDGE_CLAMP:
        return (struct span){first, wrapped(x1 - 1, n, edge) + 1};
    default:
        return (struct span){x0 > 0 ? x0 : 0, x1 < n ? x1 : n};
    }
}

static struct rect real_rect(struct rect r, const struct view *v, enum edge edge)
{
    const struct rect none = {0};
    if (rect_empty(r))
        return none;
    struct span x = real_span(r.x0, r.x1, v->width, edge), y = real_span(r.y0, r.y1, v->height, edge);
    struct rect real = {x.from, y.from, x.to, y.to};
    return rect_empty(real) ? none : real;
}

static struct rect hull(struct rect a, struct rect b)
{
    if (rect_empty(a) || rect_empty(b))
        return rect_empty(a) ? b : a;
    return (struct rect){a.x0 < b.x0 ? a.x0 : b.x0, a.y0 < b.y0 ? a.y0 : b.y0, a.x1 > b.x1 ? a.x1 : b.x1,
                         a.y1 > b.y1 ? a.y1 : b.y1};
}

struct planes *planes_new(const struct program *p, struct arena *a)
{
    struct planes *planes = ARENA_NEW(a, struct planes);
    *planes = (struct planes){.program = p,
                              .list = ARENA_ARRAY(a, p->n_planes + 1u, struct plane_place),
                              .stages = ARENA_ARRAY(a, p->n_stages + 1u, struct stage_place)};
    return planes;
}

static enum status find_reach(const struct program *stage, const double *args, struct reach *ret)
{
    struct arena *a = arena_new(BOOKKEEPING);
    if (!a)
        return STATUS_NO_MEMORY;
    if (ARENA_GUARD(a)) {
        arena_free(a);
        return STATUS_NO_MEMORY;
    }
    stages_reach(stage->plan, args, ret, a);
    arena_free(a);
    return STATUS_OK;
}

struct laying {
    struct planes *planes;
    const struct view *view;
    struct view_inputs in;
    struct arena *arena;
};

static const struct program *stage_at(const struct planes *planes, uint32_t i)
{
    const struct program *p = planes->program;
    return i < p->n_stages ? p->stages[i] : p;
}

/* What stage i wants of the planes it reads, to compute its pixels. */
static enum status want(const struct laying *l, uint32_t i)
{
    const struct program *stage = stage_at(l->planes, i);
    struct rect run = l->planes->stages[i].run;
    uint32_t n = stage->ir->n_planes;
    struct reach *reach = ARENA_ARRAY(l->arena, n + 1u, struct reach);
    double *args = ARENA_ARRAY(l->arena, stage->ir->n_args + 1u, double);
    struct view_inputs in = l->in;
    if (rect_empty(run) || !n)
        return STATUS_OK;
    in.ir = stage->ir;
    view_args(l->view, &in, (uint32_t)run.x0, (uint32_t)run.y0, 0, args);
    TRY(find_reach(stage, args, reach));
    for (uint32_t k = 0; k < n; k++) {
        struct plane_place *place = &l->planes->list[stage->reads[k]];
        struct rect wanted = {run.x0 + reach[k].left, run.y0 + reach[k].up, run.x1 + reach[k].right,
                              run.y1 + reach[k].down};
        if (reach[k].left > reach[k].right)
            continue; /* it is not read */
        place->wanted = hull(place->wanted, wanted);
        if (i > place->last_reader)
            place->last_reader = i;
    }
    return STATUS_OK;
}

static void place_stage(const struct laying *l, uint32_t i)
{
    const struct program *stage = stage_at(l->planes, i);
    struct stage_place place = {0};
    for (uint32_t o = 0; o < stage->ir->n_outputs; o++) {
        struct plane_place *plane = &l->planes->list[stage->fills[o]];
        plane->edge = stage->edges[stage->fills[o]];
        plane->stage = i;
        plane->real = real_rect(plane->wanted, l->view, plane->edge);
        place.run = hull(place.run, plane->real);
        place.held = hull(place.held, plane->wanted);
    }
    place.held = hull(place.held, place.run);
    l->planes->stages[i] = place;
}

/* Planes in memory at a time, by where they stand. */
struct row_of {
    uint32_t *planes, n;
};

static size_t plane_floats(const struct planes *planes, uint32_t plane)
{
    struct rect held = planes->stages[planes->list[plane].stage].held;
    return (size_t)(rect_width(held) * rect_height(held));
}

/* Into the first gap that is large enough. */
static void stand(struct planes *planes, struct row_of *row, uint32_t plane)
{
    size_t at = 0, size = plane_floats(planes, plane);
    uint32_t k = 0;
    for (; k < row->n && planes->list[row->planes[k]].at < at + size; k++)
        at = planes->list[row->planes[k]].at + plane_floats(planes, row->planes[k]);
    memmove(&row->planes[k + 1], &row->planes[k], (row->n - k) * sizeof *row->planes);
    row->planes[k] = plane;
    row->n++;
    planes->list[plane].at = at;
    planes->floats = at + size > planes->floats ? at + size : planes->floats;
}

/* Those that no stage from i on reads make room. */
static void leave(const struct planes *planes, struct row_of *row, uint32_t i)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < row->n; k++)
        if (planes->list[row->planes[k]].last_reader >= i)
            row->planes[n++] = row->planes[k];
    row->n = n;
}

/* A plane alone may be larger than numbers can say, so each is judged before they are added up. */
static enum status place_planes(const struct laying *l, double most, double *ret_needed)
{
    struct planes *planes = l->planes;
    struct row_of row = {.planes = ARENA_ARRAY(l->arena, planes->program->n_planes + 1u, uint32_t)};
    planes->floats = 0;
    planes->points = 0;
    for (uint32_t i = 0; i < planes->program->n_stages; i++) {
        const struct program *stage = stage_at(planes, i);
        const struct stage_place *place = &planes->stages[i];
        double size = (double)rect_width(place->held) * (double)rect_height(place->held);
        planes->points += (double)rect_width(place->run) * (double)rect_height(place->run);
        leave(planes, &row, i);
        for (uint32_t o = 0; o < stage->ir->n_outputs; o++) {
            *ret_needed = (double)planes->floats + size;
            if (size > most)
                return STATUS_LIMIT;
            stand(planes, &row, stage->fills[o]);
            *ret_needed = (double)planes->floats;
            if (*ret_needed > most)
                return STATUS_LIMIT;
        }
    }
    return STATUS_OK;
}

static enum status lay(const struct laying *l, double most, double *ret_needed)
{
    struct planes *planes = l->planes;
    const struct view *v = l->view;
    uint32_t last = planes->program->n_stages;
    memset(planes->list, 0, planes->program->n_planes * sizeof *planes->list);
    planes->stages[last].run = (struct rect){v->x, v->y, (int64_t)v->x + v->w, (int64_t)v->y + v->h};
    TRY(want(l, last));
    for (uint32_t i = last; i-- > 0;) {
        place_stage(l, i);
        TRY(want(l, i));
    }
    return place_planes(l, most, ret_needed);
}

enum status planes_lay(struct planes *planes, const struct view *view, struct view_inputs in, double most,
                       double *ret_needed)
{
    struct laying l = {.planes = planes, .view = view, .in = in, .arena = arena_new(BOOKKEEPING)};
    *ret_needed = 0;
    if (!l.arena)
        return STATUS_NO_MEMORY;
    if (ARENA_GUARD(l.arena)) {
        arena_free(l.arena);
        return STATUS_NO_MEMORY;
    }
    enum status status = lay(&l, most, ret_needed);
    arena_free(l.arena);
    return status;
}

/* Which contexts each value of the main body depends on, as bits. */
static const uint32_t *find_contexts(const struct ir *ir, struct arena *a)
{
    uint32_t *on = ARENA_ARRAY(a, ir->main.n, uint32_t);
    _Static_assert(CONTEXT_COUNT <= 32, "a bit each");
    for (uint32_t v = 1; v < ir->main.n; v++) {
        const struct ins *ins = &ir->main.ins[v];
        for (uint32_t k = 0; k < ins->n_args; k++)
            on[v] |= on[ins->args[k].i];
        if (ins->op == OP_ARG && ir->args[ins->imm.i].kind == ARG_CONTEXT)
            on[v] |= 1u << ir->args[ins->imm.i].index;
    }
    return on;
}

static uint32_t offsets_depend_on(const struct ir *ir, struct arena *a)
{
    const uint32_t *on = find_contexts(ir, a);
    uint32_t contexts = 0;
    for (uint32_t v = 1; v < ir->main.n; v++)
        if (ir->main.ins[v].op == OP_NEAR)
            contexts |= on[ir->main.ins[v].args[1].i] | on[ir->main.ins[v].args[2].i];
    return contexts;
}

static uint32_t all_depend_on(const struct program *p, struct arena *a)
{
    uint32_t contexts = offsets_depend_on(p->ir, a);
    for (uint32_t i = 0; i < p->n_stages; i++)
        contexts |= offsets_depend_on(p->stages[i]->ir, a);
    return contexts;
}

enum status planes_check(const struct program *p, bool *ret_moves)
{
    struct arena *a = arena_new(BOOKKEEPING);
    if (!a)
        return STATUS_NO_MEMORY;
    if (ARENA_GUARD(a)) {
        arena_free(a);
        return STATUS_NO_MEMORY;
    }
    uint32_t contexts = all_depend_on(p, a);
    arena_free(a);
    *ret_moves = contexts & (1u << CONTEXT_TIME | 1u << CONTEXT_Z);
    return contexts & (1u << CONTEXT_PX0 | 1u << CONTEXT_PY0) ? STATUS_BAD_GRAPH : STATUS_OK;
}

/* The columns of one row that lie outside. */
static void fill_row(float *row, struct rect wanted, int64_t held_x0, int64_t width, enum edge edge)
{
    for (int64_t x = wanted.x0; x < wanted.x1; x++) {
        if (x >= 0 && x < width) {
            x = width - 1;
            continue;
        }
        int64_t from = wrapped(x, width, edge);
        row[x - held_x0] = from < 0 ? 0.0f : row[from - held_x0];
    }
}

void planes_fill_edges(const struct planes *planes, uint32_t plane, const struct view *view, float *block)
{
    const struct plane_place *p = &planes->list[plane];
    struct rect held = planes->stages[p->stage].held, wanted = p->wanted, real = p->real;
    int64_t width = view->width, height = view->height;
    if (rect_empty(wanted))
        return;
    float *data = block + p->at;
    size_t bytes = (size_t)rect_width(wanted) * sizeof(float);
    for (int64_t y = real.y0; y < real.y1; y++)
        fill_row(data + rect_offset(held, held.x0, y), wanted, held.x0, width, p->edge);
    for (int64_t y = wanted.y0; y < wanted.y1; y++) {
        int64_t from = rect_empty(real) ? -1 : wrapped(y, height, p->edge);
        float *row = data + rect_offset(held, wanted.x0, y);
        if (from < 0)
            memset(row, 0, bytes);
        else if (from != y)
            memcpy(row, data + rect_offset(held, wanted.x0, from), bytes);
    }
}
