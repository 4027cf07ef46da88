/* The images that a request sends along: parts of its multipart body, known by their names, how to read them in the
 * field `images`. */
#ifndef API_UPLOADS_H
#define API_UPLOADS_H

#include "api/bytes/multipart.h"
#include "api/image/image_in.h"
#include "api/subject.h"

struct uploads {
    struct image_in *files; /* by name */
    size_t n;
    const char *tag; /* for the ETag: names, options and hashes of the bytes */
};

/* Every part that nobody took, and the field `images`; `parts` NULL: there are none. Faults are collected in `f`. */
void uploads_read(struct fields *f, struct multipart *parts, struct uploads *ret);

/* Are those that the program asks for there, and no others? BAD_FIELD, pointing at nodes of the graph and at files. */
enum status uploads_match(struct exchange *ex, const struct uploads *u, struct subject *s,
                          const struct program *p) MUST_CHECK;

/* Decodes them, by the program's slots. LIMIT max-image-pixels and max-image-bytes before memory is taken. Takes long.
 */
enum status uploads_decode(struct exchange *ex, const struct uploads *u, const struct program *p,
                           const struct kernel_image **ret_images) MUST_CHECK;

/* Where the graph names a file: a node, or an expression and its column. */
const char *uploads_where(struct exchange *ex, const struct graph *g, const char *name, int *ret_column);

#endif
