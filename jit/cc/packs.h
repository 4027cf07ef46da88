/* Packs in lanes: what emit_packs.c and emit_voices.c share. See core/plan_packs.h. */
#ifndef JIT_CC_PACKS_H
#define JIT_CC_PACKS_H

#include "core/plan_packs.h"
#include "jit/cc/emit.h"

enum { PACK_SKEW = 4 };

/* Some chains of a pack, in the lanes of one vector. */
struct group {
    const struct pack *pack;
    const struct shape *shape;
    uint32_t first, n;                /* chains */
    struct value *constants;          /* by key: of lanes that differ; else none */
    gcc_jit_lvalue *(*state)[2];      /* by member: what a `prev` remembers */
    gcc_jit_lvalue *(*widened)[2];    /* by member: f64.f32 of a `prev`: the same, of what it remembers */
    uint32_t *widened_from;           /* by member: the member that is f64.f32 of the next sample, or PLAN_NONE */
    gcc_jit_lvalue *queue[PACK_SKEW]; /* what stages made in the last steps */
    const struct region *guest;       /* voices: what is computed beside, a sample at a time; or NULL */
    struct group *next;
};

struct val packs_in_lane(const struct group *g, uint32_t chain, uint32_t stage, uint32_t key);
bool packs_lanes_differ(const struct group *g, uint32_t key);

/* `left`, which stands in the region of a pack of voices, goes along with those: recurrences overlap. False: there are
 * no such voices. */
bool packs_take_guest(struct group *groups, const struct region *region, const struct region *left);

/* One sample: members from what is remembered of inputs, then what they remember for the next. `active` NULL: in all
 * lanes. */
void packs_compute_members(struct site *s, const struct group *g);
void packs_remember_states(struct site *s, const struct group *g, gcc_jit_rvalue *active);

void voices_run(struct site *outer, struct group *g, const struct loop *strip); /* emit_voices.c */

#endif
