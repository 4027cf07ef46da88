/* See field.h. */
#include "tests/support/field.h"

#include <stdlib.h>
#include <string.h>

#include "api/json/json.h"
#include "core/interp.h"
#include "core/lower.h"
#include "core/pass.h"
#include "core/stages.h"

/* *ret_params: the graph's, at their defaults. */
static enum status lower_text(struct arena *a, const char *text, struct lowered *ret, double **ret_params,
                              struct fault *fault)
{
    const struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
    const struct json_limits json = {.max_bytes = 1 << 20, .max_depth = 64};
    struct graph *g;
    struct datum *root;
    fault_init(fault, a);
    if (*text == '{') {
        TRY(json_read(text, strlen(text), &json, a, &root, fault));
        TRY(graph_read(root, &limits, a, &g, fault));
    } else {
        TRY(graph_from_expr(text, NULL, a, &g, fault));
    }
    *ret_params = ARENA_ARRAY(a, g->n_params + 1, double);
    for (size_t i = 0; i < g->n_params; i++)
        (*ret_params)[i] = g->params[i].value;
    return lower(g, (struct layout){.kind = GRAPH_FIELD}, &limits, a, ret, fault);
}

enum status field_refused(struct arena *a, const char *text, const char **ret_pointer, const char **ret_limit)
{
    struct lowered lowered;
    struct fault fault;
    double *params;
    enum status status = lower_text(a, text, &lowered, &params, &fault);
    if (ret_pointer)
        *ret_pointer = status != STATUS_OK ? fault.items[0].pointer : "";
    if (ret_limit)
        *ret_limit = fault.limit;
    return status;
}

int field_edge(int i, int n, const char *wrap)
{
    if (i >= 0 && i < n)
        return i;
    if (!strcmp(wrap, "clamp"))
        return i < 0 ? 0 : n - 1;
    if (!strcmp(wrap, "constant"))
        return -1;
    int period = !strcmp(wrap, "repeat") ? n : n > 1 ? 2 * n - 2 : 1;
    int k = ((i % period) + period) % period;
    return k < n ? k : period - k;
}

/* The part of a plane that a stage reads, with what lies outside filled in. */
static struct kernel_plane window(const struct field *f, const float *plane, const char *wrap, struct reach r)
{
    int width = f->width + r.right - r.left, height = f->height + r.down - r.up;
    float *data = ARENA_ARRAY(f->arena, (size_t)width * (size_t)height, float);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int from_x = field_edge(x + r.left, f->width, wrap), from_y = field_edge(y + r.up, f->height, wrap);
            data[y * width + x] = from_x < 0 || from_y < 0 ? 0 : plane[from_y * f->width + from_x];
        }
    return (struct kernel_plane){.data = data - (ptrdiff_t)r.up * width - r.left, .stride = width};
}

static struct kernel_image *images_of(const struct field *f, const struct ir *ir)
{
    struct kernel_image *images = ARENA_ARRAY(f->arena, ir->n_images + 1, struct kernel_image);
    for (uint32_t i = 0; i < ir->n_images; i++)
        for (int k = 0; k < FIELD_IMAGES; k++)
            if (f->images[k].name && !strcmp(f->images[k].name, ir->images[i].name))
                images[i] = (struct kernel_image){f->images[k].data, f->images[k].width, f->images[k].height};
    for (uint32_t i = 0; i < ir->n_images; i++)
        if (!images[i].data)
            fail_msg("the test has no image %s", ir->images[i].name);
    return images;
}

static void run_stage(const struct field *f, const struct ir_stage *s, const double *params, float *const *planes,
                      const enum edge *edges, float *const *out)
{
    const double context[CONTEXT_COUNT] = {[CONTEXT_WIDTH] = f->width,
                                           [CONTEXT_HEIGHT] = f->height,
                                           [CONTEXT_DX] = 1.0 / f->width,
                                           [CONTEXT_DY] = 1.0 / f->height};
    struct arena *a = f->arena;
    struct fault fault;
    fault_init(&fault, a);
    if (ir_verify(s->ir, &fault) != STATUS_OK)
        fail_msg("%s", fault.items[0].detail);
    struct plan *plan = plan_make(s->ir, a);
    struct interp *interp = interp_new(plan, INTERP_BEST, a);
    struct kernel_image *images = images_of(f, s->ir);
    double *args = ARENA_ARRAY(a, s->ir->n_args + 1, double);
    lower_args(s->ir, params, context, images, args);
    struct reach *reach = ARENA_ARRAY(a, s->ir->n_planes + 1, struct reach);
    struct kernel_plane *windows = ARENA_ARRAY(a, s->ir->n_planes + 1, struct kernel_plane);
    stages_reach(plan, args, reach, a);
    for (uint32_t i = 0; i < s->ir->n_planes; i++)
        windows[i] = window(f, planes[s->reads[i]], edge_text(edges[s->reads[i]]), reach[i]);
    size_t work_size = (interp_work_size(interp) + 2 * KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN;
    void *work = aligned_alloc(KERNEL_ALIGN, work_size);
    struct kernel_call call = {.args = args,
                               .out = out,
                               .planes = windows,
                               .images = images,
                               .out_stride = f->width,
                               .count = f->width,
                               .rows = f->height};
    assert_non_null(work);
    unsigned saved = fp_state_enter();
    interp_run(interp, &call, work);
    fp_state_leave(saved);
    free(work);
}

void field_run(struct field *f, const char *text)
{
    size_t pixels = (size_t)f->width * (size_t)f->height;
    struct lowered lowered;
    struct fault fault;
    double *params;
    if (lower_text(f->arena, text, &lowered, &params, &fault) != STATUS_OK ||
        ir_verify(lowered.ir, &fault) != STATUS_OK)
        fail_msg("%s\n%s: %s", text, fault.items[0].pointer, fault.items[0].detail);
    passes_run(lowered.ir, NULL, NULL);
    struct stages stages = stages_split(lowered.ir);
    float **planes = ARENA_ARRAY(f->arena, stages.n_planes + 1, float *);
    for (uint32_t i = 0; i < stages.n_planes; i++)
        planes[i] = ARENA_ARRAY(f->arena, pixels, float);
    assert_true(lowered.ir->n_outputs <= FIELD_OUTPUTS);
    f->n_outputs = (int)lowered.ir->n_outputs;
    f->n_stages = (int)stages.n;
    f->n_planes = stages.n_planes;
    for (int i = 0; i < f->n_outputs; i++)
        f->out[i] = ARENA_ARRAY(f->arena, pixels, float);
    for (uint32_t i = 0; i < stages.n; i++) {
        const struct ir_stage *s = &stages.list[i];
        float **fills = ARENA_ARRAY(f->arena, s->ir->n_outputs + 1, float *);
        for (uint32_t k = 0; s->fills && k < s->ir->n_outputs; k++)
            fills[k] = planes[s->fills[k]];
        run_stage(f, s, params, planes, stages.edges, s->fills ? fills : f->out);
    }
}

float field_at(const struct field *f, int output, int x, int y)
{
    return f->out[output][y * f->width + x];
}
