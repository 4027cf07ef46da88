/* Answers that wait for a job: long polls, and results that are sent as they come. Each is a stream that is idle
 * (stream.h); it is nudged when something of its job has changed, when its time is over, and once in a while so that it
 * notices that its client has gone. None holds a thread. */
#ifndef API_JOB_WAITERS_H
#define API_JOB_WAITERS_H

#include "api/bytes/stream.h"
#include "api/data/data_store.h"

struct job_waiters;
struct job_waiters *job_waiters_new(void);    /* NULL: no memory, or no thread */
void job_waiters_free(struct job_waiters *w); /* takes NULL; nobody waits any more */

/* Nudges `s`, which may end meanwhile, until the exchange ends. `until_ms`: by exchange_clock_ms. */
enum status job_waiters_add(struct job_waiters *w, struct exchange *ex, struct api_stream *s, const char *job,
                            double until_ms) MUST_CHECK;
/* Something of this job has changed; NULL: of any. */
void job_waiters_tell(struct job_waiters *w, const char *job);

/* From here on nobody should wait: all are nudged, and see it. */
void job_waiters_drain(struct job_waiters *w);
bool job_waiters_draining(const struct job_waiters *w);

#endif
