/* A compile worker of one's own: the sinter-cc program at the other end of a socketpair, as jit/cc_protocol.h has it.
 */
#ifndef TESTS_SUPPORT_CC_WORKER_H
#define TESTS_SUPPORT_CC_WORKER_H

#include <sys/types.h>

#include "jit/cc_protocol.h"
#include "jit/target.h"
#include "tests/support.h"

struct cc_worker {
    pid_t pid;
    int fd;
    char dir[64];
    struct cc_header ready;
};

/* Fails the test when the program does not start or get ready. */
struct cc_worker cc_worker_start(void);
int cc_worker_stop(struct cc_worker *w); /* closes the socket; the exit status, as waitpid gives it */

/* Group setup and teardown: one for all tests of the program, which ends well where the CPU runs no kernels. */
extern struct cc_worker cc_worker_ours;
int cc_worker_set_up(void **state);
int cc_worker_tear_down(void **state);

struct cc_reply {
    struct cc_header head; /* kind 0: the worker left */
    char *payload;
};
struct cc_reply cc_worker_ask(struct cc_worker *w, struct cc_header head, const void *payload, struct arena *a);
struct cc_reply cc_worker_compile(struct cc_worker *w, const char *text, enum target target, unsigned flags,
                                  struct arena *a);

#endif
