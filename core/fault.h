/* What went wrong, for the person who asked: a status, and every place that is at fault with its reason.
 * Functions return a status and fill the fault only on failure; several errors of one pass are collected. */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include <stddef.h>

#include "core/arena.h"

enum status {
    STATUS_OK,
#define STATUS(id, slug, http, title) STATUS_##id,
#include "core/status.def"
#undef STATUS
    STATUS_COUNT
};

struct fault_item {
    const char *pointer; /* RFC 6901 pointer into the request, "" for the whole of it */
    int column;          /* 1-based column inside an expression, 0 when there is none */
    const char *detail;  /* one sentence: what, the limit and its setting, how to go on */
};

struct fault {
    struct arena *arena;
    enum status status; /* the first error's */
    const char *limit;  /* name of the limit that refused, or NULL */
    struct fault_item *items;
    size_t count;
};

void fault_init(struct fault *f, struct arena *a);

/* Adds one error (at most FAULT_MAX are kept, further ones are counted in the last) and returns `status`. */
#define FAULT_MAX 32
enum status fault_add(struct fault *f, enum status status, const char *pointer, int column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same, and names the limit that was exceeded: max-NAME, a row of config.def, or a node's own, which is fixed. */
enum status fault_limit(struct fault *f, const char *limit, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

const char *status_slug(enum status s); /* "bad-json" */
const char *status_title(enum status s);
int status_http(enum status s); /* 200 for STATUS_OK */

/* The name of `names` (NULL-terminated) nearest to `word` by edit distance, or NULL when none is near. */
const char *nearest_name(const char *word, const char *const *names);

#define MUST_CHECK __attribute__((warn_unused_result))
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum status try_status_ = (call);                                                                              \
        if (try_status_ != STATUS_OK)                                                                                  \
            return try_status_;                                                                                        \
    } while (0)

#endif
