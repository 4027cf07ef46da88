/* Recurrences made alike that machine code may run side by side: cascades, each fed by the one before, and voices. */
#ifndef CORE_PLAN_PACKS_H
#define CORE_PLAN_PACKS_H

#include "core/plan.h"

enum {
    PACK_STAGES = 8,   /* of one chain, at most: lanes of the narrowest vector */
    PACK_MEMBERS = 48, /* values of a stage, at most */
    PACK_KEYS = 2 * PACK_MEMBERS,
};

/* Chains that run in step: of several stages, or of one. A stage computes its members from what feeds it and from
 * constants; what feeds stage s + 1 comes from the result of stage s. Members do not leave their stage, but for the
 * results of the last ones. What feeds a stage is f32. A single stage is not fed, it has inputs, and its result is no
 * f64. Arrays by lane: [chain * n_stages + stage]. */
struct pack {
    uint32_t n_chains, n_stages;
    uint32_t n_members;        /* in an order in which undelayed operands come first */
    uint32_t n_keys;           /* n_members, then constants: what is of a lower rate than SAMPLE; then inputs */
    uint32_t n_inputs;         /* of one stage: values of rate SAMPLE made elsewhere */
    struct val *keys;          /* the template's, which is stage 1 of chain 0 */
    struct val fed;            /* the template's: what feeds it */
    struct val **of;           /* by lane and key: what stands there */
    struct val *feeds;         /* by lane: what feeds it */
    uint32_t result;           /* key of what leaves a stage */
    bool narrows;              /* a stage is fed f32.f64 of the result before; else that itself */
    const struct region *last; /* the SERIAL region of the last results */
};

/* Fills plan->packs, n_packs and pack_of; the regions stay as they are. A pack may run in place of its members where
 * its `last` region stands. */
void plan_find_packs(struct plan *plan, struct arena *a);
void plan_find_cascades(struct plan *plan, struct arena *a); /* its two halves; each adds */
void plan_find_voices(struct plan *plan, struct arena *a);

#endif
