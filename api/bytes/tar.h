/* Writing tar archives: POSIX.1-2017 ustar, regular files, owned by nobody at no time, so that the same members give
 * the same bytes. docs/decisions/tar.md says why by hand. Does not read. */
#ifndef API_TAR_H
#define API_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAR_BLOCK = 512, TAR_NAME_MOST = 100, TAR_END = 2 * TAR_BLOCK };
#define TAR_SIZE_MOST ((UINT64_C(1) << 33) - 1) /* eleven octal digits */

/* The block in front of a member's bytes, which are filled up with tar_padding(size) zeros; TAR_END zeros end the
 * archive. The name has at most TAR_NAME_MOST bytes, the size is at most TAR_SIZE_MOST. */
void tar_head(const char *name, uint64_t size, uint8_t ret[TAR_BLOCK]);
size_t tar_padding(uint64_t size);

#endif
