/* A server as a child process, for tests. */
#ifndef TESTS_SUPPORT_SERVER_CHILD_H
#define TESTS_SUPPORT_SERVER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "server/http_client.h"

struct child {
    pid_t pid;
    int port;
};

/* On a free port, interpreter only, no store, two threads, then `more` arguments (NULL at the end, or NULL). Returns
 * when it says that it listens. Its log goes nowhere, or to stderr when TEST_LOG is set. */
struct child child_start(const char *const *more);
/* SIGTERM; the exit code, or 1000 and the signal. */
int child_stop(const struct child *c);
/* The exit code of `sinter serve` with these arguments (NULL at the end), which ends by itself. Says nothing. */
int child_refuses(const char *const *arguments);
struct http_client *child_connect(const struct child *c); /* fails the test when it cannot */

double now_s(void); /* monotonic */
void pause_ms(long ms);

#endif
