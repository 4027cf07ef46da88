/* A body that is a list of items: a JSON array, or one item a line. Finds where each begins and ends, and nothing of
 * what is in them: whoever reads an item checks it. An array whose items are strict JSON is strict JSON itself. */
#ifndef API_JOB_LIST_H
#define API_JOB_LIST_H

#include <stdbool.h>

#include "core/fault.h"

struct job_text {
    const char *text; /* in the body */
    size_t n;
};

/* `lines`: NDJSON, empty lines do not count. BAD_JSON; BAD_FIELD when there are none; LIMIT max-job-items. */
enum status job_list_split(const char *body, size_t n, bool lines, size_t most, struct arena *a, struct job_text **ret,
                           size_t *ret_n, struct fault *fault) MUST_CHECK;

#endif
