/* From verified IR to an image or to assembly text: libgccjit, then the assembler. */
#ifndef JIT_CC_COMPILE_H
#define JIT_CC_COMPILE_H

#include "core/plan.h"
#include "jit/image.h"
#include "jit/target.h"

/* Files go to `dir`. The text is NUL-terminated; text and image live in `a`. STATUS_BUSY: files or `as`
 * failed, which says nothing about the kernel. */
enum status compile_text(const struct plan *plan, enum target target, const char *dir, struct arena *a, char **ret_text,
                         size_t *ret_n, struct fault *fault) MUST_CHECK;
enum status compile_image(const struct plan *plan, enum target target, const char *dir, struct arena *a,
                          struct image *ret_image, struct fault *fault) MUST_CHECK;
/* Each as compile_image() makes it, though those that take the same options share a context, an object file and the
 * bytes of their images: a fifth of the time is saved. Tests have that many; the service has one at a time.
 * Different plans. */
enum status compile_images(const struct plan *const *plans, size_t n, enum target target, const char *dir,
                           struct arena *a, struct image *ret_images, struct fault *fault) MUST_CHECK;
const char *compiler_id(struct arena *a); /* "libgccjit 12.2.0 codegen 1" */

#endif
