/* See hosting.h. A signal is what a stage makes for a host or what a host makes of it, numbered as in core/stages.h. */
#include "api/audio/hosting.h"

#include "api/audio/convolver.h"

struct hosting {
    struct runner *runner;
    struct block_state state;
    struct workspace *spaces; /* by stage */
    double *args;             /* of the stage that runs */
    float **signals;
    const float **in; /* of the stage that runs */
    float **out;
};

static uint32_t most_args(const struct program *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_stages; i++)
        n = p->stages[i]->ir->n_args > n ? p->stages[i]->ir->n_args : n;
    return n;
}

enum status hosting_new(struct runner *r, const struct block_state *state, uint32_t most, struct hosting **ret)
{
    const struct program *p = r->program;
    struct arena *a = r->ex->arena;
    struct hosting *h = ARENA_NEW(a, struct hosting);
    uint32_t n_signals = 2 * p->n_hosts;
    *h = (struct hosting){.runner = r,
                          .state = *state,
                          .spaces = ARENA_ARRAY(a, p->n_stages, struct workspace),
                          .args = ARENA_ARRAY(a, most_args(p) + 1u, double),
                          .signals = ARENA_ARRAY(a, n_signals, float *),
                          .in = ARENA_ARRAY(a, p->n_signals + n_signals, const float *),
                          .out = ARENA_ARRAY(a, p->n_hosts, float *)};
    size_t size = (size_t)n_signals * most * sizeof(float), *sizes = ARENA_ARRAY(a, p->n_stages, size_t);
    for (uint32_t i = 0; i < p->n_stages; i++)
        size += sizes[i] = workspace_size(r->stages[i]);
    void *memory;
    TRY(exchange_memory(r->ex, size, &memory));
    char *at = memory;
    for (uint32_t i = 0; i < p->n_stages; i++) {
        h->spaces[i] = workspace_at(r->stages[i], at);
        at += sizes[i];
    }
    for (uint32_t i = 0; i < n_signals; i++)
        h->signals[i] = (float *)(void *)at + (size_t)i * most;
    *ret = h;
    return STATUS_OK;
}

/* Sets h->in to what a stage reads. */
static void collect(struct hosting *h, const struct program *stage, const float *const *in)
{
    for (uint32_t i = 0; i < stage->ir->n_inputs; i++)
        h->in[i] = i < stage->n_signals ? in[i] : h->signals[stage->reads[i - stage->n_signals]];
}

static void run_stage(struct hosting *h, uint32_t i, const struct block_context *context, uint32_t n)
{
    struct program *stage = h->runner->program->stages[i];
    const struct block_state *state = &h->state.stages[i];
    for (uint32_t k = 0; k < stage->ir->n_outputs; k++)
        h->out[k] = h->signals[stage->n_hosts + stage->fills[k]];
    block_args(stage, h->runner->params, context, h->args);
    struct kernel_call call = {.args = h->args,
                               .in = h->in,
                               .out = h->out,
                               .state = state->state,
                               .rings = state->rings,
                               .scratch = h->spaces[i].scratch,
                               .out_stride = n,
                               .count = (int32_t)n,
                               .rows = 1,
                               .n0_low = (int32_t)(uint32_t)context->n0};
    runner_call(h->runner->stages[i], &call, h->spaces[i].work);
    for (uint32_t k = 0; k < stage->ir->n_outputs; k++) {
        uint32_t host = stage->fills[k];
        convolver_run(h->runner->responses[host], h->state.hosts[host], context->n0, h->out[k], h->signals[host], n);
    }
}

const float *const *hosting_run(struct hosting *h, const float *const *in, const struct block_context *context,
                                uint32_t n)
{
    const struct program *p = h->runner->program;
    for (uint32_t i = 0; i < p->n_stages; i++) {
        collect(h, p->stages[i], in);
        run_stage(h, i, context, n);
    }
    collect(h, p, in);
    return h->in;
}

uint64_t hosting_delay(const struct hosting *h)
{
    const struct program *p = h->runner->program;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->n_hosts; i++)
        sum += h->runner->response_lengths[i];
    for (uint32_t i = 0; i < p->n_stages; i++)
        for (uint32_t k = 0; k < p->stages[i]->plan->n_rings; k++)
            sum += (uint64_t)h->state.stages[i].rings[k].mask + 1;
    return sum;
}
