/* Is this text strict JSON? One pass after RFC 8259, before any parser sees it. */
#ifndef API_JSON_CHECK_H
#define API_JSON_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "core/fault.h"

struct json_limits {
    size_t max_bytes;   /* max-json */
    uint32_t max_depth; /* max-json-depth; no more than JSON_DEPTH_MAX count */
};

enum { JSON_DEPTH_MAX = 500, JSON_NUMBER_MAX = 63 /* characters */ };

/* STATUS_BAD_JSON with line and column (bytes) of the first error; STATUS_TOO_LARGE or STATUS_LIMIT when over a limit.
 * Refused beyond the grammar: a byte order mark, text that is not UTF-8, lone surrogates, \u0000, one key twice in an
 * object, and numbers that are not finite doubles or longer than JSON_NUMBER_MAX. */
enum status json_check(const char *text, size_t n, const struct json_limits *limits, struct arena *a,
                       struct fault *fault) MUST_CHECK;

#endif
