/* See block_state.h. */
#include "api/block_state.h"

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

enum status block_state_measure(const struct program *p, const double *args, uint64_t most, struct arena *a,
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

void block_state_place(struct block_state *s, const struct program *p, void *memory)
{
    char *at = memory;
    s->state = at;
    at += aligned(p->plan->state_size);
    for (uint32_t i = 0; i < p->plan->n_rings; i++) {
        s->rings[i].data = (float *)(void *)at;
        at += ring_bytes((uint32_t)s->rings[i].mask + 1);
    }
}

const bool *block_state_sizers(const struct program *p, struct arena *a)
{
    const struct ir *ir = p->ir;
    bool *needed = ARENA_ARRAY(a, ir->main.n, bool), *params = ARENA_ARRAY(a, p->n_params + 1, bool);
    for (uint32_t i = 0; i < p->plan->n_rings; i++)
        needed[ir->main.ins[p->plan->rings[i].i].args[1].i] = true;
    for (uint32_t v = ir->main.n; v-- > 1;) { /* operands stand before what uses them: no length depends on state */
        const struct ins *ins = &ir->main.ins[v];
        for (uint32_t i = 0; needed[v] && i < ins->n_args; i++)
            needed[ins->args[i].i] = true;
        if (needed[v] && ins->op == OP_ARG && ir->args[ins->imm.i].kind == ARG_PARAM)
            params[ir->args[ins->imm.i].index] = true;
    }
    return params;
}
