/* A temporary file without a name: samples and bodies that are too long for memory. It is gone with its last
 * descriptor, however the server ends. Pieces are written and read anywhere; a spool is a place too. */
#ifndef API_SPOOL_H
#define API_SPOOL_H

#include "api/bytes/place.h"
#include "api/exchange.h"

struct spool {
    struct place place; /* place.size: of the file so far; failed: spool_check knows why */
    int fd;
    uint64_t held; /* of the sum that all spools share */
    const struct api_config *config;
    enum { SPOOL_GOOD, SPOOL_OVER, SPOOL_FULL, SPOOL_BROKEN } state;
    int error;
};

/* In the folder `spool-dir`. Freed with the exchange. BUSY when no file can be made. */
enum status spool_new(struct exchange *ex, struct spool **ret) MUST_CHECK;
void spool_free(struct spool *s); /* takes NULL */

void spool_put(struct spool *s, const void *bytes, size_t n); /* at its end */
/* n bytes that were written; false: the disk does not give them. */
bool spool_read(struct spool *s, uint64_t at, void *to, size_t n);
/* LIMIT max-spool-bytes; BUSY max-spools-bytes, or the disk is full. */
enum status spool_check(const struct spool *s, struct fault *fault) MUST_CHECK;

/* The file from `at` on becomes the answer's body. */
void spool_answer(struct exchange *ex, struct spool *s, uint64_t at);

#endif
