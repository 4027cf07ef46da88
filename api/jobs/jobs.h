/* Jobs as their clients see them: what all routes of jobs share. A job is a list of items, each of which is a request
 * of POST /render or /process; data_store.h keeps it, job_runner.h runs it. */
#ifndef API_JOBS_H
#define API_JOBS_H

#include <pthread.h>

#include "api/data/data_store.h"
#include "api/exchange.h"
#include "api/json/json_write.h"

/* Idempotency keys of jobs that are being taken. */
struct job_keys {
    pthread_mutex_t lock;
    struct job_key *first;
};

/* The job of the path, if the client may see it. NOT_FOUND: for others it does not exist. */
enum status jobs_find(struct exchange *ex, struct data_job *ret) MUST_CHECK;

/* Members of a JSON object: state, counts, times. */
void jobs_write(struct json_writer *w, const struct data_job *job);
bool jobs_is_over(const struct data_job *job);

#endif
