/* Strip registers of a flat plan. */
#ifndef CORE_INTERP_LIVES_H
#define CORE_INTERP_LIVES_H

#include "core/interp/program.h"

struct registers {
    uint32_t n4, n8; /* strips of 4- and 8-byte elements */
};

/* Fills first, last, in_strips, and strip with the number of a register of its width; values never alive at once
 * share one. */
struct registers flat_registers(struct flat_plan *fp);
bool flat_has_strip(const struct flat *f);

#endif
