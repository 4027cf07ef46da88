/* The way of a request to its handler: its route, and the checks that need no body. The routes are in routes.def. */
#ifndef API_DISPATCH_H
#define API_DISPATCH_H

#include "api/exchange.h"

/* Finds ex->route and ex->client, or what speaks against the request. `takes`: it counts as one of its client's. */
enum status dispatch_head(struct exchange *ex, bool takes) MUST_CHECK;
/* May its body have so many bytes? The route is found. */
enum status dispatch_size(struct exchange *ex, uint64_t size) MUST_CHECK;
bool dispatch_body_is_json(const struct exchange *ex);

#endif
