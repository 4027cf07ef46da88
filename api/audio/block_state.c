/* See block_state.h. */
#include "api/audio/block_state.h"

#include <string.h>

#include "api/audio/convolver.h"

static size_t aligned(size_t n)
{
    return (n + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN;
}

void block_args(const struct program *p, const double *params, const struct block_context *context, double *ret_args)
{
    double values[CONTEXT_COUNT] = {
        [CONTEXT_SEED] = context->seed,
        [CONTEXT_RATE] = context->rate,
        [CONTEXT_CHANNELS] = p->layout.channels,
        [CONTEXT_N0] = (double)context->n0,
        [CONTEXT_N0_LOW] = (int32_t)(uint32_t)context->n0,
        [CONTEXT_N0_HIGH] = (int32_t)(uint32_t)(context->n0 >> 32),
    };
    lower_args(p->ir, params, values, NULL, ret_args);
}

static size_t ring_bytes(uint32_t length)
{
    return aligned(((size_t)length + KERNEL_PAD) * sizeof(float));
}

/* Without its stages and hosts. */
static enum status measure_one(const struct program *p, const double *args, uint64_t most, struct arena *a,
                               struct block_state *ret, struct fault *fault)
{
    const struct plan *plan = p->plan;
    uint64_t samples = most / sizeof(float) < 1u << 30 ? most / sizeof(float) : 1u << 30;
    uint32_t *lengths = ARENA_ARRAY(a, plan->n_rings + 1u, uint32_t);
    if (plan->n_rings)
        TRY(plan_ring_lengths(plan, args, (uint32_t)samples, "max-state-bytes", lengths, a, fault));
    uint64_t size = aligned(plan->state_size);
    for (uint32_t i = 0; i < plan->n_rings; i++)
        size += ring_bytes(lengths[i]);
    if (size > most)
        return fault_limit(fault, "max-state-bytes", "", "the graph's delay lines need %llu bytes, more than %llu",
                           (unsigned long long)size, (unsigned long long)most);
    *ret = (struct block_state){.rings = ARENA_ARRAY(a, plan->n_rings + 1u, struct kernel_ring), .size = (size_t)size};
    for (uint32_t i = 0; i < plan->n_rings; i++)
        ret->rings[i].mask = (int32_t)(lengths[i] - 1);
    return STATUS_OK;
}

enum status block_state_measure(const struct program *p, const double *args, uint64_t most, struct arena *a,
                                struct block_state *ret, struct fault *fault)
{
    if (p->n_hosts)
        return fault_add(fault, STATUS_BAD_FIELD, "", 0,
                         "this graph convolves with an impulse response, which is sent along as multipart/form-data: "
                         "the parts request, audio (for POST /process), and the response by its name");
    return measure_one(p, args, most, a, ret, fault);
}

static enum status measure_stages(const struct program *p, const double *params, const struct block_context *context,
                                  uint64_t most, struct arena *a, struct block_state *io, struct fault *fault)
{
    io->stages = ARENA_ARRAY(a, p->n_stages, struct block_state);
    for (uint32_t i = 0; i < p->n_stages; i++) {
        double *args = ARENA_ARRAY(a, p->stages[i]->ir->n_args + 1u, double);
        block_args(p->stages[i], params, context, args);
        TRY(measure_one(p->stages[i], args, most, a, &io->stages[i], fault));
        io->size += io->stages[i].size;
    }
    return STATUS_OK;
}

enum status block_state_measure_hosted(const struct program *p, const double *params,
                                       const struct block_context *context, const uint64_t *lengths, uint64_t most,
                                       struct arena *a, struct block_state *ret, struct fault *fault)
{
    struct block_state s;
    double *args = ARENA_ARRAY(a, p->ir->n_args + 1u, double);
    block_args(p, params, context, args);
    TRY(measure_one(p, args, most, a, &s, fault));
    TRY(measure_stages(p, params, context, most, a, &s, fault));
    s.hosts = ARENA_ARRAY(a, p->n_hosts, float *);
    s.lengths = lengths;
    uint64_t size = s.size;
    for (uint32_t i = 0; i < p->n_hosts; i++)
        size += aligned((size_t)convolver_state_bytes(lengths[i]));
    if (size > most)
        return fault_limit(fault, "max-state-bytes", "",
                           "the graph's delay lines and convolutions need %llu bytes, more than %llu",
                           (unsigned long long)size, (unsigned long long)most);
    s.size = (size_t)size;
    *ret = s;
    return STATUS_OK;
}

void block_state_copy(const struct block_state *s, const struct program *p, struct arena *a, struct block_state *ret)
{
    uint32_t n_rings = p->plan->n_rings;
    *ret = (struct block_state){.size = s->size, .lengths = s->lengths};
    ret->rings = ARENA_ARRAY(a, n_rings + 1u, struct kernel_ring);
    memcpy(ret->rings, s->rings, n_rings * sizeof *ret->rings);
    ret->stages = s->stages ? ARENA_ARRAY(a, p->n_stages, struct block_state) : NULL;
    for (uint32_t i = 0; s->stages && i < p->n_stages; i++)
        block_state_copy(&s->stages[i], p->stages[i], a, &ret->stages[i]);
    ret->hosts = s->hosts ? ARENA_ARRAY(a, p->n_hosts, float *) : NULL;
}

void block_state_place(struct block_state *s, const struct program *p, void *memory)
{
    char *at = memory;
    s->state = at;
    at += aligned(p->plan->state_size);
    for (uint32_t i = 0; i < p->plan->n_rings; i++) {
        s->rings[i].data = (float *)(void *)at;
        at += ring_bytes((uint32_t)s->rings[i].mask + 1);
    }
    for (uint32_t i = 0; s->stages && i < p->n_stages; i++) {
        block_state_place(&s->stages[i], p->stages[i], at);
        at += s->stages[i].size;
    }
    for (uint32_t i = 0; s->hosts && i < p->n_hosts; i++) {
        s->hosts[i] = (float *)(void *)at;
        at += aligned((size_t)convolver_state_bytes(s->lengths[i]));
    }
}

static void mark_sizers(const struct program *p, struct arena *a, bool *io)
{
    const struct ir *ir = p->ir;
    bool *needed = ARENA_ARRAY(a, ir->main.n, bool);
    for (uint32_t i = 0; i < p->plan->n_rings; i++)
        needed[ir->main.ins[p->plan->rings[i].i].args[1].i] = true;
    for (uint32_t v = ir->main.n; v-- > 1;) { /* operands stand before what uses them: no length depends on state */
        const struct ins *ins = &ir->main.ins[v];
        for (uint32_t i = 0; needed[v] && i < ins->n_args; i++)
            needed[ins->args[i].i] = true;
        if (needed[v] && ins->op == OP_ARG && ir->args[ins->imm.i].kind == ARG_PARAM)
            io[ir->args[ins->imm.i].index] = true;
    }
}

const bool *block_state_sizers(const struct program *p, struct arena *a)
{
    bool *params = ARENA_ARRAY(a, p->n_params + 1, bool);
    mark_sizers(p, a, params);
    for (uint32_t i = 0; i < p->n_stages; i++)
        mark_sizers(p->stages[i], a, params);
    return params;
}
