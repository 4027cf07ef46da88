/* POST /process while its body arrives: the audio is processed piece by piece, and what comes out is kept in a file
 * until the end, because an answer that is begun before the upload has ended stops the upload. Where the answer needs
 * all of its samples (another loudness, another rate, FLAC), they are kept as floats and mastered at the end; a body
 * that is FLAC or AIFF is kept whole and decoded then. The bytes and the ETag are those of the same request in memory.
 * The turns' thread, guard and floating-point state are the caller's (api.c). */
#ifndef API_INTAKE_H
#define API_INTAKE_H

#include "api/exchange.h"

bool intake_is_for(const struct api_request *req);

enum status intake_begin(struct exchange *ex, int64_t content_length) MUST_CHECK;
bool intake_is_short(const struct exchange *ex, size_t n);
double intake_seconds(const struct exchange *ex, size_t n); /* that a piece takes, as predicted */
/* A failure ends it. */
enum status intake_piece(struct exchange *ex, const void *data, size_t n, size_t *ret_used) MUST_CHECK;
enum status intake_end(struct exchange *ex, const void *data, size_t n) MUST_CHECK;

#endif
