/* The kernel key: which machine code answers. Equal keys mean equal code; nothing that a client can spell
 * differently, no value, path or time goes in. */
#ifndef JIT_KEY_H
#define JIT_KEY_H

#include "core/hash.h"
#include "core/ir.h"
#include "jit/target.h"

/* `shape` is ir_shape() of the optimised IR; `compiler` what a worker called itself: libgccjit's version and the code
 * generator's, which is raised with the flags it compiles with. */
void key_make(struct bytes shape, enum target target, const char *compiler, uint8_t ret_key[HASH_SIZE]);

#endif
