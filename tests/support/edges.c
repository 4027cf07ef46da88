/* See edges.h. */
#include "tests/support/edges.h"

#include <limits.h>
#include <string.h>

#include "core/stages.h"
#include "tests/support.h"

/* Columns x0..x1 - 1 of rows y0..y1 - 1; none when x0 >= x1. */
struct rect {
    long x0, y0, x1, y1;
};
static const struct rect nothing = {LONG_MAX, LONG_MAX, LONG_MIN, LONG_MIN};

struct plane {
    struct rect rect;
    float *data;
};

struct host {
    struct rig *rig;
    struct arena *arena;
    struct plane *planes; /* by number */
    bool compiled;
};

static long modulo(long i, long n)
{
    return (i % n + n) % n;
}

/* Where column (or row) i is in an image of n; -1: nowhere, 0 is read. */
static long mapped(long i, long n, enum edge edge)
{
    if (i >= 0 && i < n)
        return i;
    if (edge == EDGE_REPEAT)
        return modulo(i, n);
    if (edge == EDGE_CLAMP)
        return i < 0 ? 0 : n - 1;
    if (edge == EDGE_CONSTANT)
        return -1;
    long m = n > 1 ? modulo(i, 2 * n - 2) : 0;
    return m < n ? m : 2 * n - 2 - m;
}

/* Widens lo..hi - 1 to all that from..to - 1 is mapped to. */
static void cover(long from, long to, long n, enum edge edge, long *lo, long *hi)
{
    for (long i = from; i < to; i++) {
        long m = mapped(i, n, edge);
        if (m >= 0 && m < *lo)
            *lo = m;
        if (m >= *hi)
            *hi = m + 1;
    }
}

static long width_of(const struct host *h)
{
    return (long)h->rig->context[CONTEXT_WIDTH];
}

static long height_of(const struct host *h)
{
    return (long)h->rig->context[CONTEXT_HEIGHT];
}

static double *args_of(const struct host *h, const struct program *stage, struct rect r)
{
    double context[CONTEXT_COUNT], *args = ARENA_ARRAY(h->arena, stage->ir->n_args + 1, double);
    memcpy(context, h->rig->context, sizeof context);
    context[CONTEXT_PX0] = (double)r.x0;
    context[CONTEXT_PY0] = (double)r.y0;
    lower_args(stage->ir, h->rig->params, context, h->rig->images, args);
    return args;
}

/* What is read of each plane to make r. */
static struct rect *reads_of(const struct host *h, const struct program *stage, struct rect r)
{
    uint32_t n = stage->ir->n_planes;
    struct rect *reads = ARENA_ARRAY(h->arena, n + 1, struct rect);
    struct reach *reach = ARENA_ARRAY(h->arena, n + 1, struct reach);
    stages_reach(stage->plan, args_of(h, stage, r), reach, h->arena);
    for (uint32_t i = 0; i < n; i++)
        reads[i] = (struct rect){r.x0 + reach[i].left, r.y0 + reach[i].up, r.x1 + reach[i].right, r.y1 + reach[i].down};
    return reads;
}

static void need(const struct host *h, const struct program *stage, struct rect r)
{
    struct rect *reads = reads_of(h, stage, r);
    for (uint32_t i = 0; i < stage->ir->n_planes && r.x0 < r.x1 && r.y0 < r.y1; i++) {
        struct rect *known = &h->planes[stage->reads[i]].rect;
        enum edge edge = stage->edges[stage->reads[i]];
        cover(reads[i].x0, reads[i].x1, width_of(h), edge, &known->x0, &known->x1);
        cover(reads[i].y0, reads[i].y1, height_of(h), edge, &known->y0, &known->y1);
    }
}

/* All that is needed of the planes one stage fills, in one rectangle. */
static struct rect needed_of(const struct host *h, const struct program *stage)
{
    struct rect all = nothing;
    for (uint32_t i = 0; i < stage->ir->n_outputs; i++) {
        const struct rect *r = &h->planes[stage->fills[i]].rect;
        all.x0 = r->x0 < all.x0 ? r->x0 : all.x0;
        all.y0 = r->y0 < all.y0 ? r->y0 : all.y0;
        all.x1 = r->x1 > all.x1 ? r->x1 : all.x1;
        all.y1 = r->y1 > all.y1 ? r->y1 : all.y1;
    }
    return all;
}

static struct kernel_plane window(const struct host *h, uint32_t number, enum edge edge, struct rect w, struct rect r)
{
    const struct plane *plane = &h->planes[number];
    long stride = w.x1 - w.x0, width = plane->rect.x1 - plane->rect.x0;
    float *data = ARENA_ARRAY(h->arena, (size_t)stride * (size_t)(w.y1 - w.y0), float), *to = data;
    for (long y = w.y0; y < w.y1; y++)
        for (long x = w.x0; x < w.x1; x++) {
            long i = mapped(x, width_of(h), edge), k = mapped(y, height_of(h), edge);
            *to++ = i < 0 || k < 0 ? 0 : plane->data[(k - plane->rect.y0) * width + i - plane->rect.x0];
        }
    return (struct kernel_plane){data + (r.y0 - w.y0) * stride + r.x0 - w.x0, stride};
}

static void run(const struct host *h, const struct program *stage, struct kernel *kernel, struct rect r, void *work,
                float *scratch, float *const *out, int64_t stride)
{
    uint32_t n = stage->ir->n_planes;
    struct kernel_plane *windows = ARENA_ARRAY(h->arena, n + 1, struct kernel_plane);
    struct rect *reads = reads_of(h, stage, r);
    for (uint32_t i = 0; i < n; i++)
        windows[i] = window(h, stage->reads[i], stage->edges[stage->reads[i]], reads[i], r);
    struct kernel_call call = {.args = args_of(h, stage, r),
                               .out = out,
                               .scratch = scratch,
                               .planes = windows,
                               .images = h->rig->images,
                               .out_stride = stride,
                               .count = (int32_t)(r.x1 - r.x0),
                               .rows = (int32_t)(r.y1 - r.y0)};
    program_run(stage, h->compiled ? kernel : NULL, &call, work);
}

static void run_stage(const struct host *h, uint32_t index, struct rect r)
{
    const struct program *stage = h->rig->program->stages[index];
    float **out = ARENA_ARRAY(h->arena, stage->ir->n_outputs, float *);
    if (r.x0 >= r.x1 || r.y0 >= r.y1)
        return; /* all that is read of it lies outside, and is 0 */
    for (uint32_t i = 0; i < stage->ir->n_outputs; i++) {
        out[i] = ARENA_ARRAY(h->arena, (size_t)((r.x1 - r.x0) * (r.y1 - r.y0)), float);
        h->planes[stage->fills[i]] = (struct plane){r, out[i]};
    }
    run(h, stage, h->rig->stage_kernels[index], r, h->rig->stage_work, h->rig->stage_scratch, out, r.x1 - r.x0);
}

void edges_run(struct rig *s, bool compiled, float *const *out, int64_t out_stride, int32_t count, int32_t rows)
{
    const struct program *whole = s->program;
    struct host h = {.rig = s, .arena = arena_new((size_t)1 << 30), .compiled = compiled};
    long x = (long)s->context[CONTEXT_PX0], y = (long)s->context[CONTEXT_PY0];
    const struct rect r = {x, y, x + count, y + rows};
    if (!h.arena || ARENA_GUARD(h.arena))
        fail_msg("no memory for planes");
    h.planes = ARENA_ARRAY(h.arena, whole->n_planes + 1, struct plane);
    struct rect *rects = ARENA_ARRAY(h.arena, whole->n_stages + 1, struct rect);
    for (uint32_t i = 0; i < whole->n_planes; i++)
        h.planes[i].rect = nothing;
    need(&h, whole, r);
    for (uint32_t i = whole->n_stages; i-- > 0;) {
        rects[i] = needed_of(&h, whole->stages[i]);
        need(&h, whole->stages[i], rects[i]);
    }
    for (uint32_t i = 0; i < whole->n_stages; i++)
        run_stage(&h, i, rects[i]);
    run(&h, whole, s->kernel, r, s->work, s->scratch, out, out_stride);
    arena_free(h.arena);
}
