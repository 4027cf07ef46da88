/* An application/problem+json body (RFC 9457) for what the server room refuses by itself: bad framing, too large, full,
 * draining. */
#ifndef SERVER_PROBLEM_H
#define SERVER_PROBLEM_H

#include <stddef.h>

#include "core/fault.h"

/* Writes into `text`; a detail that does not fit is a mistake of ours. `limit` may be NULL. The id has nothing to
 * escape. Returns the length. */
size_t problem_write(char *text, size_t size, enum status status, const char *detail, const char *limit,
                     const char *request_id);

#endif
