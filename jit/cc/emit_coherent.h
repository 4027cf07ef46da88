/* Calls of functions most of whose work depends on one whole number that seldom changes from sample to sample: the cell
 * a noise is asked in. See emit_coherent.c. */
#ifndef JIT_CC_EMIT_COHERENT_H
#define JIT_CC_EMIT_COHERENT_H

#include "jit/cc/emit.h"

/* The call of the main body, in vectors, with what it knows of earlier samples; a value without parts where that is not
 * worth while. */
struct value coherent_call(struct site *s, const struct ins *ins);

#endif
