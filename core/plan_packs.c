/* See plan_packs.h. */
#include "core/plan_packs.h"

#include <string.h>

void plan_find_packs(struct plan *plan, struct arena *a)
{
    plan->pack_of = ARENA_ARRAY(a, plan->ir->main.n, uint32_t);
    memset(plan->pack_of, 0xff, plan->ir->main.n * sizeof *plan->pack_of);
    plan_find_cascades(plan, a);
    plan_find_voices(plan, a);
}
