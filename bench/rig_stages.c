/* See rig_stages.h. */
#include "bench/rig_stages.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "core/stages.h"

enum { IMAGE_WIDTH = 61, IMAGE_HEIGHT = 40 };

struct rect { /* of pixels, beside the call's first; x0 >= x1: nothing */
    int32_t x0, y0, x1, y1;
};

struct buffer {
    float *data;
    size_t room; /* floats */
    struct rect rect;
};

struct rig_stages {
    struct kernel_image *images;
    struct kernel **kernels;      /* by stage before the last */
    struct buffer *planes;        /* by plane */
    struct kernel_plane *windows; /* of the stage that runs */
    struct reach *reach;
    double *args;
    void *work;
    float *scratch;
    uint32_t n_kernels, n_planes;
    struct arena *arena;
};

static const struct program *stage_at(const struct rig *s, uint32_t i)
{
    return i < s->program->n_stages ? s->program->stages[i] : s->program;
}

static void make_images(struct rig_stages *st, uint32_t n)
{
    enum { SIZE = 4 * IMAGE_WIDTH * IMAGE_HEIGHT };
    uint32_t random = 1;
    st->images = ARENA_ARRAY(st->arena, n + 1, struct kernel_image);
    for (uint32_t i = 0; i < n; i++) {
        float *data = ARENA_ARRAY(st->arena, SIZE, float);
        for (int k = 0; k < SIZE; k++) {
            random = random * 1664525u + 1013904223u;
            data[k] = (float)(random >> 8) * 0x1p-24f;
        }
        st->images[i] = (struct kernel_image){data, IMAGE_WIDTH, IMAGE_HEIGHT};
    }
}

static void *aligned(struct arena *a, size_t n)
{
    char *p = arena_alloc(a, n + 2 * KERNEL_ALIGN);
    return (void *)(((uintptr_t)p + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN);
}

enum status rig_stages_open(struct engine *e, struct rig *s, bool compiled, struct rig_stages **ret,
                            struct fault *fault)
{
    const struct program *p = s->program;
    struct rig_stages *st = ARENA_NEW(s->arena, struct rig_stages);
    size_t work = 0, scratch = 0, n_args = 0, n_planes = 0;
    *st = (struct rig_stages){.arena = s->arena, .n_planes = p->n_planes};
    st->kernels = ARENA_ARRAY(s->arena, p->n_stages + 1, struct kernel *);
    make_images(st, p->ir->n_images);
    for (uint32_t i = 0; i <= p->n_stages; i++) {
        const struct program *stage = stage_at(s, i);
        work = work > interp_work_size(stage->interp) ? work : interp_work_size(stage->interp);
        scratch = scratch > stage->plan->scratch_size ? scratch : stage->plan->scratch_size;
        n_args = n_args > stage->ir->n_args ? n_args : stage->ir->n_args;
        n_planes = n_planes > stage->ir->n_planes ? n_planes : stage->ir->n_planes;
        assert(i == p->n_stages || !stage->plan->state_size);
    }
    st->planes = ARENA_ARRAY(s->arena, p->n_planes + 1, struct buffer);
    st->windows = ARENA_ARRAY(s->arena, n_planes + 1, struct kernel_plane);
    st->reach = ARENA_ARRAY(s->arena, n_planes + 1, struct reach);
    st->args = ARENA_ARRAY(s->arena, n_args + 1, double);
    st->work = aligned(s->arena, work);
    st->scratch = aligned(s->arena, scratch + KERNEL_PAD * sizeof(float));
    *ret = st;
    for (uint32_t i = 0; compiled && i < p->n_stages; i++) {
        enum kernel_origin origin;
        st->kernels[i] = engine_kernel(e, p->stages[i], INFINITY, 60000, &origin);
        if (!st->kernels[i])
            return fault_add(fault, STATUS_INTERNAL, "", 0, "no kernel of a stage came back from the compiler");
        st->n_kernels++;
    }
    return STATUS_OK;
}

void rig_stages_close(struct rig_stages *st)
{
    for (uint32_t i = 0; st && i < st->n_kernels; i++)
        kernel_unref(st->kernels[i]);
    for (uint32_t i = 0; st && i < st->n_planes; i++)
        free(st->planes[i].data);
}

const struct kernel_image *rig_stages_images(const struct rig_stages *st)
{
    return st->images;
}

static struct rect around(struct rect a, struct rect b)
{
    if (a.x0 >= a.x1)
        return b;
    return (struct rect){a.x0 < b.x0 ? a.x0 : b.x0, a.y0 < b.y0 ? a.y0 : b.y0, a.x1 > b.x1 ? a.x1 : b.x1,
                         a.y1 > b.y1 ? a.y1 : b.y1};
}

/* What all planes that a stage fills need together. */
static struct rect filled(const struct rig_stages *st, const struct program *stage)
{
    struct rect r = {0};
    for (uint32_t i = 0; i < stage->ir->n_outputs; i++)
        r = around(r, st->planes[stage->fills[i]].rect);
    return r;
}

/* Makes st->args those of a stage whose first pixel lies at (x, y). */
static void make_args(struct rig_stages *st, const struct rig *s, const struct program *stage, int32_t x, int32_t y)
{
    double context[CONTEXT_COUNT];
    for (int i = 0; i < CONTEXT_COUNT; i++)
        context[i] = s->context[i];
    context[CONTEXT_PX0] += x;
    context[CONTEXT_PY0] += y;
    lower_args(stage->ir, s->params, context, st->images, st->args);
}

/* Widens what is needed of the planes that a stage reads when it runs over r. */
static void need(struct rig_stages *st, const struct rig *s, const struct program *stage, struct rect r)
{
    struct arena *a = arena_new((size_t)16 << 20);
    if (!a || ARENA_GUARD(a))
        abort();
    make_args(st, s, stage, r.x0, r.y0);
    stages_reach(stage->plan, st->args, st->reach, a);
    arena_free(a);
    for (uint32_t i = 0; i < stage->ir->n_planes; i++) {
        struct reach k = st->reach[i];
        struct rect *of = &st->planes[stage->reads[i]].rect;
        *of = around(*of, (struct rect){r.x0 + k.left, r.y0 + k.up, r.x1 + k.right, r.y1 + k.down});
    }
}

static void make_windows(struct rig_stages *st, const struct program *stage, int32_t x, int32_t y)
{
    for (uint32_t i = 0; i < stage->ir->n_planes; i++) {
        const struct buffer *b = &st->planes[stage->reads[i]];
        int64_t stride = b->rect.x1 - b->rect.x0;
        st->windows[i] = (struct kernel_plane){b->data + (y - b->rect.y0) * stride + (x - b->rect.x0), stride};
    }
}

static void run_stage(struct rig_stages *st, const struct rig *s, uint32_t i, bool compiled)
{
    struct program *stage = s->program->stages[i];
    struct rect r = filled(st, stage);
    size_t room = (size_t)(r.x1 - r.x0) * (size_t)(r.y1 - r.y0);
    float **out = calloc(stage->ir->n_outputs, sizeof *out);
    for (uint32_t k = 0; out && k < stage->ir->n_outputs; k++) {
        struct buffer *b = &st->planes[stage->fills[k]];
        b->rect = r;
        if (b->room < room) {
            free(b->data);
            b->data = malloc(room * sizeof(float));
            b->room = room;
        }
        out[k] = b->data;
        if (!b->data)
            abort();
    }
    make_args(st, s, stage, r.x0, r.y0);
    make_windows(st, stage, r.x0, r.y0);
    struct kernel_call call = {.args = st->args,
                               .out = out,
                               .scratch = st->scratch,
                               .planes = st->windows,
                               .images = st->images,
                               .out_stride = r.x1 - r.x0,
                               .count = r.x1 - r.x0,
                               .rows = r.y1 - r.y0};
    program_run(stage, compiled ? st->kernels[i] : NULL, &call, st->work);
    free(out);
}

const struct kernel_plane *rig_stages_run(struct rig_stages *st, const struct rig *s, bool compiled, int32_t count,
                                          int32_t rows)
{
    const struct program *p = s->program;
    if (!p->n_stages || count <= 0 || rows <= 0)
        return st->windows;
    for (uint32_t i = 0; i < st->n_planes; i++)
        st->planes[i].rect = (struct rect){0};
    need(st, s, p, (struct rect){0, 0, count, rows});
    for (uint32_t i = p->n_stages; i-- > 0;)
        need(st, s, p->stages[i], filled(st, p->stages[i]));
    for (uint32_t i = 0; i < p->n_stages; i++)
        run_stage(st, s, i, compiled);
    make_windows(st, p, 0, 0);
    return st->windows;
}
