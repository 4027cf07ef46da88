/* An ELF object file, flattened: code and constants laid out together with every relocation applied. */
#ifndef JIT_CC_OBJECT_H
#define JIT_CC_OBJECT_H

#include "jit/image.h"

/* Refuses anything but code and read-only data that refer to each other relative to the program counter. The image
 * lives in `a`. `symbol`: the entry. */
enum status object_flatten(const uint8_t *file, size_t size, const char *symbol, struct arena *a,
                           struct image *ret_image, struct fault *fault) MUST_CHECK;
/* The same for several entries: images that share their bytes. */
enum status object_flatten_many(const uint8_t *file, size_t size, const char *const *symbols, size_t n, struct arena *a,
                                struct image *ret_images, struct fault *fault) MUST_CHECK;

#endif
