/* A kernel's machine code. Flat: code and constants laid out together, relocations applied, position independent, calls
 * nothing. */
#ifndef JIT_IMAGE_H
#define JIT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/fault.h"
#include "core/kernel.h"

/* Bytes as the worker returns them and the store keeps them. */
struct image {
    const uint8_t *bytes;
    size_t size;
    uint32_t entry; /* offset of the kernel_entry */
};
enum { IMAGE_MAX = 8 << 20 };

/* A mapped image: sealed memfd mapped read-execute; nothing is ever writable and executable. */
struct mapped {
    void *base;
    size_t size;
    kernel_entry *entry;
};
enum status image_map(const struct image *image, struct mapped *ret_mapped, struct fault *fault) MUST_CHECK;
void image_unmap(struct mapped *m);

#endif
