/* Choices that several requests offer: engine, file format, bits. */
#ifndef API_CHOICE_H
#define API_CHOICE_H

#include "api/image/format_image.h"
#include "api/request.h"

void choice_tier(struct fields *f, enum tier *io);

/* The row of `formats` (the last has no name) by the field `format`, else by Accept, else *io stays. `later` are names
 * that are understood and not made yet, NULL-terminated. */
void choice_format(struct fields *f, const struct format_info *formats, const char *const *later, int *io);

void choice_accept(struct exchange *ex, const struct format_info *formats, int *io); /* by Accept alone */

/* By the field `bits`, of those the format has; else its first. */
void choice_bits(struct fields *f, const struct format_info *format, unsigned *ret_bits);

/* STATUS_NOT_IMPLEMENTED at the field. */
void fields_later(struct fields *f, const char *name, const char *detail);

#endif
