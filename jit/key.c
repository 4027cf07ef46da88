/* See key.h. */
#include "jit/key.h"

#include <string.h>

#include "core/kernel.h"

void key_make(struct bytes shape, enum target target, const char *compiler, uint8_t ret_key[HASH_SIZE])
{
    static const uint32_t versions[] = {IR_VERSION, SEMANTICS_VERSION, KERNEL_ABI};
    const char *isa = target_name(target);
    const struct hash_part parts[] = {
        {shape.data, shape.n},
        {versions, sizeof versions},
        {isa, strlen(isa)},
        {compiler, strlen(compiler)},
    };
    hash_parts(parts, sizeof parts / sizeof *parts, ret_key);
}
