/* Threads of low priority that run the items of jobs, one each at a time, through the routes' own code, and put the
 * results into the store. An item that the process does not survive is run again by the next one. */
#ifndef API_JOB_RUNNER_H
#define API_JOB_RUNNER_H

#include "api/api.h"

struct job_runner;
enum status job_runner_new(struct api *api, int threads, struct job_runner **ret, struct fault *fault) MUST_CHECK;
/* Nothing more is begun; items under way are given up, and wait again in the store. */
void job_runner_end(struct job_runner *r);
void job_runner_free(struct job_runner *r); /* ends it, if need be; takes NULL */

void job_runner_tell(struct job_runner *r);                    /* there is something to run */
void job_runner_cancel(struct job_runner *r, const char *job); /* what runs of it has no point any more */

#endif
