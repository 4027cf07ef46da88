/* See rig_hosts.h. */
#include "bench/rig_hosts.h"

#include <math.h>
#include <string.h>

#include "api/audio/block_state.h"
#include "api/audio/convolver.h"

struct rig_hosts {
    struct block_state state;
    void *memory;
    uint32_t n;
    struct response **responses; /* by host */
    uint64_t *lengths;
    float **signals; /* numbered as in core/stages.h */
    const float **in;
    float **out;
    double *args;
    int32_t capacity; /* samples of a signal */
};

static struct response *make_response(const struct ir_response *of)
{
    float h[RIG_RESPONSE];
    uint32_t random = of->channel + 1;
    for (const char *c = of->name; *c; c++)
        random = random * 31 + (unsigned char)*c;
    for (int i = 0; i < RIG_RESPONSE; i++) {
        random = random * 1664525u + 1013904223u;
        h[i] = ((float)(random >> 8) * 0x1p-23f - 1) * expf(-0.004f * (float)i);
    }
    return response_new(h, RIG_RESPONSE);
}

static struct block_context context_of(const struct rig *s)
{
    return (struct block_context){
        .rate = s->context[CONTEXT_RATE], .seed = s->context[CONTEXT_SEED], .n0 = (uint64_t)s->n};
}

static struct rig_hosts *hosts_new(const struct rig *s)
{
    const struct program *p = s->program;
    struct arena *a = s->arena;
    struct rig_hosts *h = ARENA_NEW(a, struct rig_hosts);
    uint32_t n_args = p->ir->n_args;
    for (uint32_t i = 0; i < p->n_stages; i++)
        n_args = n_args > p->stages[i]->ir->n_args ? n_args : p->stages[i]->ir->n_args;
    *h = (struct rig_hosts){.n = p->n_hosts,
                            .responses = ARENA_ARRAY(a, p->n_hosts, struct response *),
                            .lengths = ARENA_ARRAY(a, p->n_hosts, uint64_t),
                            .signals = ARENA_ARRAY(a, (size_t)2 * p->n_hosts, float *),
                            .in = ARENA_ARRAY(a, p->n_signals + (size_t)2 * p->n_hosts, const float *),
                            .out = ARENA_ARRAY(a, p->n_hosts, float *),
                            .args = ARENA_ARRAY(a, n_args + 1, double)};
    return h;
}

enum status rig_hosts_open(struct rig *s, struct rig_hosts **ret, struct fault *fault)
{
    const struct program *p = s->program;
    *ret = NULL;
    if (!p->n_hosts)
        return STATUS_OK;
    struct rig_hosts *h = *ret = hosts_new(s);
    for (uint32_t i = 0; i < h->n; i++) {
        h->lengths[i] = RIG_RESPONSE;
        h->responses[i] = make_response(&p->lowered.ir->responses[p->hosts[i]]);
        if (!h->responses[i])
            return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory");
    }
    const struct block_context context = context_of(s);
    TRY(block_state_measure_hosted(p, s->params, &context, h->lengths, 1u << 28, s->arena, &h->state, fault));
    h->memory = arena_aligned(s->arena, h->state.size, KERNEL_ALIGN);
    block_state_place(&h->state, p, h->memory);
    return STATUS_OK;
}

void rig_hosts_close(struct rig_hosts *h)
{
    for (uint32_t i = 0; h && i < h->n; i++)
        response_unref(h->responses[i]);
}

void rig_hosts_reset(struct rig_hosts *h)
{
    memset(h->memory, 0, h->state.size);
}

bool rig_hosts_equal(const struct rig *a, const struct rig *b)
{
    const struct block_state *x = &a->hosts->state, *y = &b->hosts->state;
    bool equal = true;
    for (uint32_t i = 0; i < a->program->n_stages; i++)
        equal = equal && !memcmp(x->stages[i].state, y->stages[i].state, a->program->stages[i]->plan->state_size);
    for (uint32_t i = 0; i < a->hosts->n; i++)
        equal = equal && !memcmp(x->hosts[i], y->hosts[i], (size_t)convolver_state_bytes(x->lengths[i]));
    return equal;
}

static void need_room(struct rig *s, int32_t count)
{
    struct rig_hosts *h = s->hosts;
    if (count <= h->capacity)
        return;
    h->capacity = 2 * count;
    for (uint32_t i = 0; i < 2 * h->n; i++)
        h->signals[i] = ARENA_ARRAY(s->arena, (size_t)h->capacity, float);
}

static void collect(struct rig_hosts *h, const struct program *stage, const float *const *in)
{
    for (uint32_t i = 0; i < stage->ir->n_inputs; i++)
        h->in[i] = i < stage->n_signals ? in[i] : h->signals[stage->reads[i - stage->n_signals]];
}

static void run_stage(struct rig *s, uint32_t i, bool compiled, int32_t count)
{
    struct rig_hosts *h = s->hosts;
    const struct program *stage = s->program->stages[i];
    const struct block_context context = context_of(s);
    for (uint32_t k = 0; k < stage->ir->n_outputs; k++)
        h->out[k] = h->signals[h->n + stage->fills[k]];
    block_args(stage, s->params, &context, h->args);
    struct kernel_call call = {.args = h->args,
                               .in = h->in,
                               .out = h->out,
                               .state = h->state.stages[i].state,
                               .rings = h->state.stages[i].rings,
                               .scratch = s->stage_scratch,
                               .out_stride = count,
                               .count = count,
                               .rows = 1,
                               .n0_low = (int32_t)(uint32_t)context.n0};
    program_run(stage, compiled ? s->stage_kernels[i] : NULL, &call, s->stage_work);
    for (uint32_t k = 0; k < stage->ir->n_outputs; k++) {
        uint32_t host = stage->fills[k];
        convolver_run(h->responses[host], h->state.hosts[host], context.n0, h->out[k], h->signals[host],
                      (uint32_t)count);
    }
}

const float *const *rig_hosts_run(struct rig *s, bool compiled, const float *const *in, int32_t count)
{
    const struct program *p = s->program;
    need_room(s, count);
    for (uint32_t i = 0; i < p->n_stages; i++) {
        collect(s->hosts, p->stages[i], in);
        run_stage(s, i, compiled, count);
    }
    collect(s->hosts, p, in);
    return s->hosts->in;
}
