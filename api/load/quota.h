/* How much of the server each client may have: two buckets a client that fill with time, one of seconds of work, one of
 * requests. A bucket may go below zero, since work is charged as predicted and corrected when it was measured; then its
 * client waits. Clients that are not seen for long are forgotten, with what they owe. Thread-safe. */
#ifndef API_QUOTA_H
#define API_QUOTA_H

#include <stdbool.h>
#include <stddef.h>

#include "api/access/client.h"

/* A rate of 0: no such quota. */
struct quota_limits {
    double seconds, burst_s;         /* of work, a second; and saved up at most */
    double requests, burst_requests; /* a second; and saved up at most */
};

struct quota;
/* Remembers at most `most` clients. NULL: no memory. */
struct quota *quota_new(const struct quota_limits *limits, size_t most);
void quota_free(struct quota *q);

/* Each returns NULL, or the name of the setting that refuses, and in how many seconds it would not. */

/* May it begin a request? `works`: one that costs work, for which one must not be in debt. `take`: it does. */
const char *quota_enter(struct quota *q, const struct client *c, double now_ms, bool works, bool take,
                        double *ret_retry_s);
/* May it have work of so many seconds? Then it is charged. Work of more than can be saved up may go when all is. */
const char *quota_take(struct quota *q, const struct client *c, double now_ms, double seconds, double *ret_retry_s);
/* Charges without asking; negative: gives back. */
void quota_charge(struct quota *q, const struct client *c, double now_ms, double seconds);
/* Until this client may have work again; 0: now. */
double quota_wait_s(struct quota *q, const struct client *c, double now_ms);

size_t quota_clients(struct quota *q); /* remembered */

#endif
