/* See rig_stages.h. */
#include "bench/rig_stages.h"

#include <assert.h>

#include "core/stages.h"

enum { IMAGE_WIDTH = 61, IMAGE_HEIGHT = 40 };

struct rect { /* of pixels, beside the call's first; x0 >= x1: nothing */
    int32_t x0, y0, x1, y1;
};

struct buffer {
    float *data;
    struct rect rect;
};

struct rig_planes {
    struct arena *arena;          /* of this and all below */
    struct buffer *planes;        /* by plane */
    struct kernel_plane *windows; /* of the stage that runs */
    struct reach *reach;
    double *args;
};

static void make_images(struct rig *s, uint32_t n)
{
    enum { SIZE = 4 * IMAGE_WIDTH * IMAGE_HEIGHT };
    uint32_t random = 1;
    s->images = ARENA_ARRAY(s->arena, n + 1, struct kernel_image);
    for (uint32_t i = 0; i < n; i++) {
        float *data = ARENA_ARRAY(s->arena, SIZE, float);
        for (int k = 0; k < SIZE; k++) {
            random = random * 1664525u + 1013904223u;
            data[k] = (float)(random >> 8) * 0x1p-24f;
        }
        s->images[i] = (struct kernel_image){data, IMAGE_WIDTH, IMAGE_HEIGHT};
    }
}

void rig_stages_open(struct rig *s)
{
    size_t work = 0, scratch = 0;
    make_images(s, s->program->ir->n_images);
    s->stage_kernels = ARENA_ARRAY(s->arena, s->program->n_stages + 1, struct kernel *);
    for (uint32_t i = 0; i < s->program->n_stages; i++) {
        const struct program *stage = s->program->stages[i];
        work = work > interp_work_size(stage->interp) ? work : interp_work_size(stage->interp);
        scratch = scratch > stage->plan->scratch_size ? scratch : stage->plan->scratch_size;
        assert(!stage->plan->state_size || s->program->n_hosts);
    }
    s->stage_work = arena_aligned(s->arena, work, KERNEL_ALIGN);
    s->stage_scratch = arena_aligned(s->arena, scratch + KERNEL_PAD * sizeof(float), KERNEL_ALIGN);
}

static struct rect around(struct rect a, struct rect b)
{
    if (a.x0 >= a.x1)
        return b;
    return (struct rect){a.x0 < b.x0 ? a.x0 : b.x0, a.y0 < b.y0 ? a.y0 : b.y0, a.x1 > b.x1 ? a.x1 : b.x1,
                         a.y1 > b.y1 ? a.y1 : b.y1};
}

/* What all planes that a stage fills need together. */
static struct rect filled(const struct rig_planes *st, const struct program *stage)
{
    struct rect r = {0};
    for (uint32_t i = 0; i < stage->ir->n_outputs; i++)
        r = around(r, st->planes[stage->fills[i]].rect);
    return r;
}

/* Makes st->args those of a stage whose first pixel lies at (x, y). */
static void make_args(struct rig_planes *st, const struct rig *s, const struct program *stage, int32_t x, int32_t y)
{
    double context[CONTEXT_COUNT];
    for (int i = 0; i < CONTEXT_COUNT; i++)
        context[i] = s->context[i];
    context[CONTEXT_PX0] += x;
    context[CONTEXT_PY0] += y;
    lower_args(stage->ir, s->params, context, s->images, st->args);
}

/* Widens what is needed of the planes that a stage reads when it runs over r. */
static void need(struct rig_planes *st, const struct rig *s, const struct program *stage, struct rect r)
{
    make_args(st, s, stage, r.x0, r.y0);
    stages_reach(stage->plan, st->args, st->reach, st->arena);
    for (uint32_t i = 0; i < stage->ir->n_planes; i++) {
        struct reach k = st->reach[i];
        struct rect *of = &st->planes[stage->reads[i]].rect;
        *of = around(*of, (struct rect){r.x0 + k.left, r.y0 + k.up, r.x1 + k.right, r.y1 + k.down});
    }
}

static void make_windows(struct rig_planes *st, const struct program *stage, int32_t x, int32_t y)
{
    for (uint32_t i = 0; i < stage->ir->n_planes; i++) {
        const struct buffer *b = &st->planes[stage->reads[i]];
        int64_t stride = b->rect.x1 - b->rect.x0;
        st->windows[i] = (struct kernel_plane){b->data + (y - b->rect.y0) * stride + (x - b->rect.x0), stride};
    }
}

static void run_stage(struct rig_planes *st, const struct rig *s, uint32_t i, bool compiled)
{
    struct program *stage = s->program->stages[i];
    struct rect r = filled(st, stage);
    size_t size = (size_t)(r.x1 - r.x0) * (size_t)(r.y1 - r.y0);
    float **out = ARENA_ARRAY(st->arena, stage->ir->n_outputs, float *);
    for (uint32_t k = 0; k < stage->ir->n_outputs; k++) {
        out[k] = ARENA_ARRAY(st->arena, size, float);
        st->planes[stage->fills[k]] = (struct buffer){out[k], r};
    }
    make_args(st, s, stage, r.x0, r.y0);
    make_windows(st, stage, r.x0, r.y0);
    struct kernel_call call = {.args = st->args,
                               .out = out,
                               .scratch = s->stage_scratch,
                               .planes = st->windows,
                               .images = s->images,
                               .out_stride = r.x1 - r.x0,
                               .count = r.x1 - r.x0,
                               .rows = r.y1 - r.y0};
    program_run(stage, compiled ? s->stage_kernels[i] : NULL, &call, s->stage_work);
}

static struct rig_planes *planes_new(struct arena *a, const struct program *p)
{
    struct rig_planes *st = ARENA_NEW(a, struct rig_planes);
    uint32_t n_args = 0, n_planes = 0;
    for (uint32_t i = 0; i <= p->n_stages; i++) {
        const struct ir *ir = i < p->n_stages ? p->stages[i]->ir : p->ir;
        n_args = n_args > ir->n_args ? n_args : ir->n_args;
        n_planes = n_planes > ir->n_planes ? n_planes : ir->n_planes;
    }
    *st = (struct rig_planes){.arena = a,
                              .planes = ARENA_ARRAY(a, p->n_planes + 1, struct buffer),
                              .windows = ARENA_ARRAY(a, n_planes + 1, struct kernel_plane),
                              .reach = ARENA_ARRAY(a, n_planes + 1, struct reach),
                              .args = ARENA_ARRAY(a, n_args + 1, double)};
    return st;
}

bool rig_stages_run(struct rig *s, bool compiled, int32_t count, int32_t rows, struct rig_planes **ret)
{
    const struct program *p = s->program;
    struct arena *a = arena_new((size_t)1 << 30);
    if (!a)
        return false;
    if (ARENA_GUARD(a)) {
        arena_free(a);
        return false;
    }
    struct rig_planes *st = planes_new(a, p);
    *ret = st;
    if (count <= 0 || rows <= 0)
        return true;
    need(st, s, p, (struct rect){0, 0, count, rows});
    for (uint32_t i = p->n_stages; i-- > 0;)
        need(st, s, p->stages[i], filled(st, p->stages[i]));
    for (uint32_t i = 0; i < p->n_stages; i++)
        run_stage(st, s, i, compiled);
    make_windows(st, p, 0, 0);
    return true;
}

const struct kernel_plane *rig_windows(const struct rig_planes *planes)
{
    return planes->windows;
}

void rig_stages_forget(struct rig_planes *planes)
{
    arena_free(planes->arena);
}
