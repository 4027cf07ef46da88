/* See rig.h. */
#include "bench/rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/json/json.h"
#include "bench/rig_hosts.h"
#include "bench/rig_stages.h"

static enum status read_graph(const char *text, struct arena *a, struct graph **ret, struct fault *fault)
{
    struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
    struct datum *datum;
    if (*text != '{')
        return graph_from_expr(text, NULL, a, ret, fault);
    struct json_limits json = {.max_bytes = strlen(text) + 1, .max_depth = 64};
    TRY(json_read(text, strlen(text), &json, a, &datum, fault));
    return graph_read(datum, &limits, a, ret, fault);
}

static enum status make_buffers(struct rig *s, struct fault *fault)
{
    const struct plan *plan = s->program->plan;
    uint32_t *lengths = ARENA_ARRAY(s->arena, plan->n_rings + 1, uint32_t);
    rig_stages_open(s);
    s->args = ARENA_ARRAY(s->arena, s->program->ir->n_args + 1, double);
    lower_args(s->program->ir, s->params, s->context, s->images, s->args);
    TRY(plan_ring_lengths(plan, s->args, 1u << 24, "max-state-bytes", lengths, s->arena, fault));
    s->rings = ARENA_ARRAY(s->arena, plan->n_rings + 1, struct kernel_ring);
    for (uint32_t i = 0; i < plan->n_rings; i++) {
        s->rings[i].mask = (int32_t)lengths[i] - 1;
        s->rings[i].data = arena_aligned(s->arena, (lengths[i] + KERNEL_PAD) * sizeof(float), KERNEL_ALIGN);
    }
    s->state = arena_aligned(s->arena, plan->state_size, KERNEL_ALIGN);
    s->scratch = arena_aligned(s->arena, plan->scratch_size + KERNEL_PAD * sizeof(float), KERNEL_ALIGN);
    s->work = arena_aligned(s->arena, interp_work_size(s->program->interp), KERNEL_ALIGN);
    return rig_hosts_open(s, &s->hosts, fault);
}

enum status rig_open(struct engine *e, const char *text, struct layout layout, bool compiled, struct rig *ret,
                     struct fault *fault)
{
    struct graph *g;
    struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
    struct rig s = {.arena = arena_new((size_t)1 << 30)};
    if (!s.arena || ARENA_GUARD(s.arena))
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory");
    enum status status = read_graph(text, s.arena, &g, fault);
    if (status == STATUS_OK && layout.kind == GRAPH_ANY)
        layout.kind = graph_kind(g) == GRAPH_AUDIO ? GRAPH_AUDIO : GRAPH_FIELD;
    if (status == STATUS_OK)
        status = engine_program(e, g, graph_canonical(g, s.arena), layout, &limits, &s.program, fault);
    if (status != STATUS_OK) {
        arena_free(s.arena);
        return status;
    }
    s.context[CONTEXT_WIDTH] = s.context[CONTEXT_HEIGHT] = 1024;
    s.context[CONTEXT_DX] = s.context[CONTEXT_DY] = 1.0 / 1024;
    s.context[CONTEXT_RATE] = 48000;
    s.context[CONTEXT_CHANNELS] = layout.channels;
    s.params = ARENA_ARRAY(s.arena, s.program->n_params + 1, double);
    for (size_t i = 0; i < s.program->n_params; i++)
        s.params[i] = s.program->params[i].value;
    status = make_buffers(&s, fault);
    if (status == STATUS_OK && compiled && !rig_kernels(e, &s, 60000))
        status = fault_add(fault, STATUS_INTERNAL, "", 0, "no kernel came back from the compiler");
    if (status != STATUS_OK) {
        rig_close(&s);
        return status;
    }
    *ret = s;
    return STATUS_OK;
}

bool rig_kernels(struct engine *e, struct rig *s, int wait_ms)
{
    enum kernel_origin origin;
    bool all = true;
    if (!s->kernel)
        s->kernel = engine_kernel(e, s->program, INFINITY, wait_ms, &origin);
    for (uint32_t i = 0; i < s->program->n_stages; i++) {
        if (!s->stage_kernels[i])
            s->stage_kernels[i] = engine_kernel(e, s->program->stages[i], INFINITY, wait_ms, &origin);
        all = all && s->stage_kernels[i];
    }
    return all && s->kernel;
}

void rig_close(struct rig *s)
{
    rig_hosts_close(s->hosts);
    kernel_unref(s->kernel);
    for (uint32_t i = 0; s->stage_kernels && i < s->program->n_stages; i++)
        kernel_unref(s->stage_kernels[i]);
    program_unref(s->program);
    arena_free(s->arena);
}

void rig_reset(struct rig *s)
{
    const struct plan *plan = s->program->plan;
    s->n = 0;
    memset(s->state, 0, plan->state_size);
    for (uint32_t i = 0; i < plan->n_rings; i++)
        memset(s->rings[i].data, 0, ((size_t)s->rings[i].mask + 1 + KERNEL_PAD) * sizeof(float));
    if (s->hosts)
        rig_hosts_reset(s->hosts);
}

void rig_run(struct rig *s, bool compiled, const float *const *in, float *const *out, int64_t out_stride, int32_t count,
             int32_t rows)
{
    bool audio = s->program->layout.kind == GRAPH_AUDIO;
    if (audio) {
        s->context[CONTEXT_N0] = (double)s->n;
        s->context[CONTEXT_N0_LOW] = (int32_t)(uint32_t)(uint64_t)s->n;
        s->context[CONTEXT_N0_HIGH] = (int32_t)(uint32_t)((uint64_t)s->n >> 32);
    }
    lower_args(s->program->ir, s->params, s->context, s->images, s->args);
    struct kernel_call call = {.args = s->args,
                               .in = s->hosts ? rig_hosts_run(s, compiled, in, count) : in,
                               .out = out,
                               .state = s->state,
                               .rings = s->rings,
                               .scratch = s->scratch,
                               .images = s->images,
                               .out_stride = out_stride,
                               .count = count,
                               .rows = rows,
                               .n0_low = (int32_t)(uint32_t)(uint64_t)s->n};
    struct rig_planes *planes = NULL;
    if (s->program->n_planes) {
        if (!rig_stages_run(s, compiled, count, rows, &planes))
            abort();
        call.planes = rig_windows(planes);
    }
    program_run(s->program, compiled ? s->kernel : NULL, &call, s->work);
    if (planes)
        rig_stages_forget(planes);
    if (audio)
        s->n += count;
}
