/* The bare HTTP server of echo.h in a process of its own, as the real server is: a switch between threads of one
 * process costs less. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stdbool.h>
#include <sys/types.h>

struct bare {
    pid_t pid;
    int port;
};

bool bare_start(struct bare *e);
void bare_stop(struct bare *e);

#endif
