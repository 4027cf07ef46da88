/* Strong ETags of answers that are pure functions of their requests. */
#ifndef API_ETAG_H
#define API_ETAG_H

#include "api/exchange.h"
#include "core/hash.h"

/* Raised when a file of the same samples would have other bytes. */
#define ENCODER_VERSION 2

/* Adds the ETag of these parts, the semantics version and the encoder version. True: the client has it (If-None-Match),
 * and the 304 is written. */
bool etag_matches(struct exchange *ex, const struct hash_part *parts, size_t n);

/* The hash of a part, for a name that holds many: 32 hex digits. */
enum { ETAG_HASH = 33 };
void etag_hash(const void *data, size_t n, char ret[ETAG_HASH]);

#endif
