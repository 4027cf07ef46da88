/* Files that clients store for their jobs, by SHA-256. Their bodies are stored while they arrive: turns as of intake.h.
 */
#ifndef API_BLOBS_H
#define API_BLOBS_H

#include "api/exchange.h"

extern const double blobs_byte_s; /* seconds that a byte takes on its way into the store */

bool blobs_intake_is_for(const struct api_request *req);
enum status blobs_intake_begin(struct exchange *ex, int64_t content_length) MUST_CHECK;
enum status blobs_intake_piece(struct exchange *ex, const void *data, size_t n, size_t *ret_used) MUST_CHECK;
enum status blobs_intake_end(struct exchange *ex, const void *data, size_t n) MUST_CHECK;

#endif
