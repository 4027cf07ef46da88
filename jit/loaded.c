/* See loaded.h. */
#include "jit/loaded.h"

#include <stdlib.h>
#include <string.h>

enum status kernel_new(const uint8_t key[HASH_SIZE], struct bytes shape, const struct image *image,
                       struct kernel **ret_kernel, struct fault *fault)
{
    struct kernel *k = calloc(1, sizeof *k);
    uint8_t *copy = malloc(shape.n ? shape.n : 1);
    enum status s = STATUS_NO_MEMORY;
    if (k && copy)
        s = image_map(image, &k->mapped, fault);
    if (s != STATUS_OK) {
        free(copy);
        free(k);
        return s;
    }
    memcpy(copy, shape.data, shape.n);
    k->shape.data = copy;
    k->shape.n = shape.n;
    k->entry = k->mapped.entry;
    memcpy(k->key, key, HASH_SIZE);
    atomic_init(&k->refs, 1);
    atomic_init(&k->used, 0); /* a preloaded kernel is not used yet */
    *ret_kernel = k;
    return STATUS_OK;
}

struct kernel *kernel_ref(struct kernel *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void kernel_unref(struct kernel *k)
{
    if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    image_unmap(&k->mapped);
    free((void *)(uintptr_t)k->shape.data);
    free(k);
}
