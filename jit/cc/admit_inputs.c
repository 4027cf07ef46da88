/* See admit_inputs.h. Repeatable: the same generator from the same start. */
#include "jit/cc/admit_inputs.h"

#include <math.h>
#include <string.h>

#include "core/interp.h"
#include "core/kernel.h"

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

static const float nasty[] = {0.0f,   -0.0f,    1.0f,      -1.0f, 0.5f,          1e-40f, -1e-40f,   3e38f,
                              -3e38f, INFINITY, -INFINITY, NAN,   2147483648.0f, 1e10f,  8388609.0f};

static float nasty_number(uint64_t *random)
{
    uint64_t r = next(random);
    float f;
    uint32_t bits = (uint32_t)(r >> 32);
    if (r % 3 == 0) {
        memcpy(&f, &bits, sizeof f);
        return f;
    }
    return nasty[(r >> 8) % (sizeof nasty / sizeof *nasty)];
}

void input_fill(float *to, int count, int set, uint64_t *random)
{
    for (int i = 0; i < count; i++)
        to[i] = set == 2 ? nasty_number(random) : (float)(2 * uniform(random) - 1);
}

static const double plausible[CONTEXT_COUNT] = {
    [CONTEXT_WIDTH] = 300,  [CONTEXT_HEIGHT] = 40,       [CONTEXT_X0] = -1,       [CONTEXT_DX] = 0.0125,
    [CONTEXT_Y0] = 2,       [CONTEXT_DY] = 0.0125,       [CONTEXT_PX0] = 0,       [CONTEXT_PY0] = 8,
    [CONTEXT_Z] = 0.25,     [CONTEXT_TIME] = 1.5,        [CONTEXT_SEED] = 7,      [CONTEXT_RATE] = 8000,
    [CONTEXT_CHANNELS] = 2, [CONTEXT_N0] = 4294967196.0, [CONTEXT_N0_LOW] = -100, [CONTEXT_N0_HIGH] = 0,
};

static double arg_value(const struct arg_source *source, const struct kernel_image *images, int set, uint64_t *random)
{
    if (source->kind == ARG_IMAGE)
        return source->index % 2 ? images[source->index / 2].height : images[source->index / 2].width;
    if (set == 2 && source->kind != ARG_CONTEXT)
        return (double)nasty_number(random);
    if (source->kind == ARG_CONTEXT)
        return plausible[source->index];
    if (set == 0)
        return source->kind == ARG_LITERAL ? source->value : uniform(random);
    return next(random) % 4 == 0 ? 1000 * uniform(random) : 4 * uniform(random) - 2;
}

void args_fill(const struct ir *ir, const struct kernel_image *images, double *args, int set, uint64_t *random)
{
    for (uint32_t i = 0; i < ir->n_args; i++)
        args[i] = arg_value(&ir->args[i], images, set, random);
}

bool ages_fit(const struct plan *plan, const double *args, const uint32_t *lengths, struct arena *a)
{
    const struct code *code = &plan->ir->main;
    for (uint32_t v = 1; v < code->n && plan->n_rings > 0; v++) {
        const struct ins *tap = &code->ins[v];
        if (tap->op != OP_TAP || code->ins[tap->args[1].i].rate > RATE_CALL)
            continue;
        double age = interp_call_value(plan, tap->args[1], args, a);
        double most = (double)lengths[plan->ring_at[tap->args[0].i]] - KERNEL_STRIP - KERNEL_PAD;
        if (!(age >= 0 && age <= most))
            return false;
    }
    return true;
}
