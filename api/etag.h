/* Strong ETags of answers that are pure functions of their requests. */
#ifndef API_ETAG_H
#define API_ETAG_H

#include "api/exchange.h"
#include "core/hash.h"

/* Raised when a file of the same samples would have other bytes. */
#define ENCODER_VERSION 3

/* Adds the ETag of these parts, the semantics version and the encoder version. True: the client has it (If-None-Match),
 * and the 304 is written. */
bool etag_matches(struct exchange *ex, const struct hash_part *parts, size_t n);

/* The same of an answer whose bytes have a name already. */
bool etag_is(struct exchange *ex, const char *name);

/* A part that comes in pieces, hashed on the way: its tag is as if it had been there whole. */
struct etag_stream;
struct etag_stream *etag_stream_new(void); /* NULL: no memory */
void etag_stream_add(struct etag_stream *s, const void *data, size_t n);
void etag_stream_free(struct etag_stream *s); /* takes NULL */
/* etag_matches, and the stream as one more part behind the others. */
bool etag_matches_stream(struct exchange *ex, const struct hash_part *parts, size_t n, const struct etag_stream *s);

/* The hash of a part, for a name that holds many: 32 hex digits. */
enum { ETAG_HASH = 33 };
void etag_hash(const void *data, size_t n, char ret[ETAG_HASH]);

#endif
