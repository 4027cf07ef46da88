/* A compiled kernel in memory: mapped once, shared by reference counts, unmapped by the last. */
#ifndef JIT_LOADED_H
#define JIT_LOADED_H

#include <stdatomic.h>

#include "core/hash.h"
#include "core/ir.h"
#include "jit/image.h"
#include "jit/marker.h"

struct kernel {
    kernel_entry *entry;
    struct mapped mapped;
    struct bytes shape; /* owned: ir_shape() of the code it was made from, compared before a program uses it */
    uint8_t key[HASH_SIZE];
    struct marker *marker; /* where it is marked while it runs; NULL: nowhere. Outlives it */
    atomic_uint refs;
    atomic_bool evicted; /* no longer in the cache: to be held no longer than a request runs */
    atomic_uint used;    /* enum kernel_used: set by whoever runs it, cleared by whoever looks */
};

enum kernel_used { KERNEL_USED_CACHE = 1, KERNEL_USED_STORE = 2 };

/* Maps the image; the first reference is the caller's. Copies shape and key. */
enum status kernel_new(const uint8_t key[HASH_SIZE], struct bytes shape, const struct image *image,
                       struct kernel **ret_kernel, struct fault *fault) MUST_CHECK;
struct kernel *kernel_ref(struct kernel *k);
void kernel_unref(struct kernel *k); /* takes NULL */

#endif
