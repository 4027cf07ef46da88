/* multipart/form-data (RFC 7578) in memory: parts by name, nothing is copied. Bytes come from anyone. */
#ifndef API_MULTIPART_H
#define API_MULTIPART_H

#include "api/exchange.h"

struct multipart_part {
    const char *name, *type; /* type "" when the part does not say */
    const void *data;
    size_t size;
    bool taken;
};

enum { MULTIPART_PARTS_MAX = 64 };

struct multipart {
    struct multipart_part parts[MULTIPART_PARTS_MAX];
    size_t n;
};

bool multipart_is(const struct exchange *ex); /* by Content-Type */
enum status multipart_read(struct exchange *ex, struct multipart *ret) MUST_CHECK;
/* The part of this name, which must be there. */
enum status multipart_take(struct exchange *ex, struct multipart *m, const char *name,
                           struct multipart_part *ret) MUST_CHECK;
/* Parts that nobody took are errors. */
enum status multipart_end(struct exchange *ex, const struct multipart *m) MUST_CHECK;

#endif
