/* Who may ask for what: finds the client of a request by its key, its URL's signature or its address, and holds its
 * roles against the route's. Closed when there is a file of keys; else everybody has all roles. */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "api/exchange.h"

struct access;

/* Reads config->keys and config->sign_keys, where they are given, and config->cors_origins. */
enum status access_new(const struct api_config *config, struct access **ret_access, struct fault *fault) MUST_CHECK;
void access_free(struct access *a); /* takes NULL */
/* Reads the files again. On failure everything stays as it was. */
enum status access_reload(struct access *a, struct fault *fault) MUST_CHECK;
/* How many there are; `stale`: the files were changed since, and could not be read. */
struct access_stats {
    uint32_t keys, sign_keys;
    bool stale;
};
void access_stats(struct access *a, struct access_stats *ret);
const struct cors *access_cors(const struct access *a); /* NULL: off */

/* The route is found. Sets ex->client; UNAUTHORIZED or FORBIDDEN, with the headers that belong to it. */
enum status access_check(struct exchange *ex) MUST_CHECK;
/* The share of work of whoever has this id, as struct client says it. For work that nobody asks for just now. */
double access_quota_seconds(struct access *a, const char *id);
/* The answer is written: what caches may do with it depends on who may see it. */
void access_finish(struct exchange *ex);

#endif
