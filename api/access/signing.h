/* Signed URLs: who has one of the secrets of --sign-keys can let others have one render until a given time. A line of
 * that file is
 *
 *     ID SECRET [expires=YYYY-MM-DD]
 *
 * where SECRET is 64 hexadecimal digits, 32 bytes. A URL carries expires (seconds since 1970), kid (the ID) and sig:
 * the HMAC-SHA256 under SECRET, in base64url without padding, of
 *
 *     METHOD "\n" PATH "\n" PAIRS
 *
 * METHOD is GET (also for HEAD). PATH and PAIRS are percent-decoded, then each byte but A-Z a-z 0-9 - . _ ~ (and / in
 * the path) is written %XX with upper-case digits; PAIRS are all NAME=VALUE of the query but sig, sorted by bytes, with
 * & between them. So it does not matter how a proxy or client spells the URL. */
#ifndef API_SIGNING_H
#define API_SIGNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fault.h"

enum { SIGN_SECRET_SIZE = 32, SIGN_TEXT_SIZE = 43 + 1 };

struct sign_key {
    const char *id;
    uint8_t secret[SIGN_SECRET_SIZE];
    int64_t expires; /* no URL is good from this second on; INT64_MAX: no end */
};

struct sign_keys;

enum status sign_keys_read(const char *path, struct sign_keys **ret_keys, struct fault *fault) MUST_CHECK;
void sign_keys_free(struct sign_keys *k); /* takes NULL */
size_t sign_keys_count(const struct sign_keys *k);
const struct sign_key *sign_keys_find(const struct sign_keys *k, const char *id);

/* The pairs of a query, decoded. */
struct sign_pair {
    const char *name, *value;
};
/* What is signed. */
const char *sign_subject(struct arena *a, const char *path, const struct sign_pair *pairs, size_t n);
void sign_make(const struct sign_key *key, const char *subject, char ret_sig[SIGN_TEXT_SIZE]);
/* In constant time. */
bool sign_is_right(const struct sign_key *key, const char *subject, const char *sig);
/* A query's value as it stands in a URL. */
const char *sign_escape(struct arena *a, const char *text, const char *also);

#endif
