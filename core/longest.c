/* See longest.h. No pass runs, so that each ring is still where its node has put it. */
#include "core/longest.h"

#include "core/interp.h"
#include "core/plan.h"

static void reach(bool *live, uint32_t *found, uint32_t *n, uint32_t v)
{
    if (!live[v])
        found[(*n)++] = v;
    live[v] = true;
}

/* What the outputs need: nodes that nobody reaches are lowered, too. */
static bool *find_live(const struct ir *ir, struct arena *a)
{
    bool *live = ARENA_ARRAY(a, ir->main.n, bool);
    uint32_t *found = ARENA_ARRAY(a, ir->main.n, uint32_t), n = 0;
    for (uint32_t o = 0; o < ir->n_outputs; o++)
        reach(live, found, &n, ir->outputs[o].i);
    while (n) {
        const struct ins *ins = &ir->main.ins[found[--n]];
        for (uint32_t k = 0; k < ins->n_args; k++)
            reach(live, found, &n, ins->args[k].i);
    }
    return live;
}

const char *longest_line(const struct graph *g, struct layout layout, const struct graph_limits *limits,
                         const double *params, const double *context, struct arena *a)
{
    struct lowered lowered;
    struct fault none;
    const char *pointer = NULL;
    double most = -1;
    fault_init(&none, a);
    if (lower(g, layout, limits, a, &lowered, &none) != STATUS_OK || !lowered.n_lines)
        return NULL;
    struct ir *ir = lowered.ir;
    ir_rates(ir);
    const struct plan *plan = plan_make(ir, a);
    const bool *live = find_live(ir, a);
    double *args = ARENA_ARRAY(a, ir->n_args + 1u, double);
    lower_args(ir, params, context, NULL, args);
    for (uint32_t i = 0; i < lowered.n_lines; i++) {
        const struct asked_line *line = &lowered.lines[i];
        if (!live[line->ring.i])
            continue;
        double samples = interp_call_value(plan, ir_at(&ir->main, line->ring)->args[1], args, a);
        if (!(samples <= most)) {
            most = samples;
            pointer = line->pointer;
        }
    }
    return pointer;
}
