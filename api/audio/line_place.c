/* See line_place.h. Costs as much as lowering the graph, for a request that is refused anyway. */
#include "api/audio/line_place.h"

#include "api/room.h"
#include "core/longest.h"

/* In memory of its own: when there is too little of it, the fault points to the graph, and that is all. */
static const char *find(struct exchange *ex, const struct subject *s, const struct program *p, const double *params,
                        double rate)
{
    double context[CONTEXT_COUNT] = {[CONTEXT_RATE] = rate, [CONTEXT_CHANNELS] = p->layout.channels};
    const struct api_config *config = &ex->api->config;
    struct arena *a = arena_new(config->max_arena);
    const char *volatile found = NULL;
    if (a && !ARENA_GUARD(a))
        found = longest_line(s->graph, p->layout, &config->graph, params, context, a);
    const char *kept = found ? arena_strdup(ex->arena, found) : "";
    arena_free(a);
    return kept;
}

void line_place(struct exchange *ex, size_t from, struct subject *s, const struct program *p, const double *params,
                double rate)
{
    size_t count = ex->fault.count;
    enum status status = ex->fault.status;
    if (subject_load(ex, s) != STATUS_OK) { /* by its id, and deleted since: then it is nowhere */
        ex->fault.count = count;
        ex->fault.status = status;
        return;
    }
    for (size_t i = from; i < count && i < FAULT_MAX; i++)
        ex->fault.items[i].pointer = find(ex, s, p, params, rate);
    subject_move_faults(ex, from, s);
}
