/* One sinter-cc process: started, asked, ended. Used by one thread; the process is trusted with nothing: whatever it
 * sends, or fails to send, comes back as an outcome within the deadline. */
#ifndef JIT_WORKER_H
#define JIT_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/fault.h"
#include "jit/cc_protocol.h"
#include "jit/sandbox.h"

struct worker {
    pid_t pid; /* 0: none */
    int fd;
    char dir[64];      /* its temporary directory, removed by worker_end */
    int dir_fd;        /* locked as long as it is in use */
    int stat_fd;       /* its state: opened before it hides, which matters where /proc is mounted with hidepid */
    char compiler[33]; /* what it called itself */
    unsigned sandbox;  /* what it says holds: enum sandbox_part */
    uint32_t compiles;
};

enum worker_outcome {
    WORKER_OK,
    WORKER_ABSENT,  /* the program could not be started at all */
    WORKER_DEAD,    /* it ended, or broke the protocol */
    WORKER_LATE,    /* the deadline passed; one that waits for a processor gets up to six times as long */
    WORKER_STOPPED, /* stop_fd became readable */
};

/* Starts `path` and waits for its READY. On anything but WORKER_OK nothing is left behind. */
enum worker_outcome worker_start(struct worker *w, const char *path, enum sandbox_mode sandbox, int stop_fd,
                                 int timeout_ms) MUST_CHECK;

/* Sends one COMPILE and receives its answer: IMAGE or REFUSED; the payload is the caller's to free and ends in a NUL
 * that ret_head.size does not count. After anything but WORKER_OK the worker is good for worker_end only. */
enum worker_outcome worker_ask(struct worker *w, uint32_t target, uint32_t flags, const char *text, int stop_fd,
                               int timeout_ms, struct cc_header *ret_head, char **ret_payload) MUST_CHECK;

bool worker_is_idle(const struct worker *w); /* alive, and saying nothing unasked */
void worker_end(struct worker *w);           /* kills, waits, removes the directory; does nothing when there is none */

/* Removes the temporary directories of workers whose parent was killed: a minute old and not locked. */
void worker_sweep(void);

#endif
