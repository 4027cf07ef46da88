/* Are two pieces of a main body alike, value by value? Private to what finds packs. */
#ifndef CORE_PLAN_MATCH_H
#define CORE_PLAN_MATCH_H

#include "core/plan_packs.h"

struct match {
    const struct ir *ir;
    uint32_t *map, *back;     /* by value: what stands for it in the other piece; for what is computed, the other way */
    uint32_t *trail, n_trail; /* what was mapped */
    uint32_t compares;        /* left; hostile pieces are unlike */
    uint32_t fed, fed_there;  /* one value that stands for another, whatever they are; 0: not known */
    const uint32_t *inside;   /* by value: `stamp` when it belongs to the first piece; NULL: all but `fed` */
    uint32_t stamp;
};

void match_init(struct match *m, const struct ir *ir, struct arena *a);
void match_begin(struct match *m); /* nothing is mapped, nothing is fed */

/* Can w stand where v stands? What lies outside stands for anything of its type; so does what is of a lower rate than
 * SAMPLE. At most PACK_KEYS values are mapped; recursion is no deeper than that. */
bool match_alike(struct match *m, uint32_t v, uint32_t w);

bool match_allows(enum op op); /* may a lane of a pack hold it? */

/* Fills the pack's keys with those of n values that `result` needs, itself included, in the order of computation. */
void pack_order(struct pack *p, const struct ir *ir, const uint32_t *vals, uint32_t n, uint32_t result,
                struct arena *a);

#endif
