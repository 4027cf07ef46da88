/* What a request costs, predicted before its work is queued and measured behind it: for the queue, for quotas, for
 * predictions that get better. */
#ifndef API_ADMISSION_H
#define API_ADMISSION_H

#include "api/exchange.h"

struct admission;
struct runner;

struct admission *admission_new(const struct api_config *config); /* NULL: no memory */
void admission_free(struct admission *a);

/* The route's check, before anything is read of the body: has the client requests and seconds left? `take`: one
 * request is charged. QUOTA. */
enum status admission_enter(struct exchange *ex, bool take) MUST_CHECK;

/* Before exchange_long: what is left takes `us` microseconds of one thread, as core/cost.c and its like count, and
 * `bytes` of memory beside the request's body. `r`: whose engine does it; NULL: none. Sets what the answer tells the
 * queue. */
void admission_predict(struct exchange *ex, const struct runner *r, double us, uint64_t bytes);
/* Inside exchange_long: charges the client for it. QUOTA; LIMIT when it can never be done in time, or never fits. */
enum status admission_charge(struct exchange *ex) MUST_CHECK;
/* Memory that it takes now, beyond what its work in the queue said; it counts until the request ends. BUSY
 * max-work-bytes; an item of a job is never refused. */
enum status admission_hold(struct exchange *ex, uint64_t bytes) MUST_CHECK;
/* So many seconds have been spent on it. */
void admission_spent(struct exchange *ex, double seconds);

/* Retry-After for this answer: until the queue is done, as predicted; at least 1. */
uint32_t admission_retry_s(const struct exchange *ex);

/* For whoever does work of this client without being asked (items of jobs): seconds until its quota allows for more; 0:
 * now. Items are charged as they are done and never refused. */
double admission_client_wait_s(struct api *api, const struct client *client);

/* What predictions are multiplied by: learned from the requests that have ended. */
double admission_factor(const struct admission *a, bool compiled);

#endif
