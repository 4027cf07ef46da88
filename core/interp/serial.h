/* Steps that work on one sample. */
#ifndef CORE_INTERP_SERIAL_H
#define CORE_INTERP_SERIAL_H

#include "core/interp/program.h"

struct step_list {
    struct step *steps;
    uint32_t n, cap;
};
void steps_add(struct arena *a, struct step_list *l, struct step s);

/* Any operation but prev and accum, from slots to slot. */
struct step tick_step(const struct flat_plan *fp, const struct tick_ops *ticks, const struct flat *f);

/* Bytes of slots; SERIAL regions use them in turn, at fp->serial_at. */
uint32_t serial_size(const struct flat_plan *fp);

void emit_serial(struct flat_plan *fp, const struct tick_ops *ticks, const struct flat_region *r, struct block *ret);

#endif
