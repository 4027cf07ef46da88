/* A bare HTTP server that answers a request with its own body, or GET /N with N zeroes: what the HTTP library and the
 * machine cost without us. The baseline that benches measure beside the real server, in the same run. */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include <stddef.h>

struct echo;

enum { ECHO_ZEROES = 64 << 20 };

/* On 127.0.0.1, a free port, with the same kind of threads as the server. NULL when it cannot start. */
struct echo *echo_start(int threads, size_t connection_memory, int *ret_port);
void echo_stop(struct echo *e);

#endif
