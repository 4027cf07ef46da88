/* What pthreads leave open: monotonic deadlines, and threads that take no signals. */
#ifndef JIT_THREAD_H
#define JIT_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

int64_t clock_ms(void); /* monotonic */
double clock_us(void);

void cond_init(pthread_cond_t *cond); /* for cond_wait_until */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
                     int64_t deadline_ms); /* false when the deadline passed */

/* A joinable thread with all signals blocked: they are the server's main thread's. */
bool thread_start(pthread_t *ret_thread, void *(*run)(void *user), void *user);

#endif
