/* JSON in: text, checked strictly, to plain data. */
#ifndef API_JSON_H
#define API_JSON_H

#include "api/json/json_check.h"
#include "core/datum.h"

/* Everything of the result lies in the arena; `text` need not outlive it nor end with NUL. Errors: json_check.h, and
 * STATUS_NO_MEMORY. */
enum status json_read(const char *text, size_t n, const struct json_limits *limits, struct arena *a, struct datum **ret,
                      struct fault *fault) MUST_CHECK;

#endif
