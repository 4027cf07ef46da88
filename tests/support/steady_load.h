/* Clients that ask at a steady rate until the server hangs up, in threads. What becomes of each request is counted. */
#ifndef TESTS_SUPPORT_STEADY_LOAD_H
#define TESTS_SUPPORT_STEADY_LOAD_H

#include <stddef.h>

struct steady_result {
    size_t answered; /* wholly, with 200 */
    size_t refused;  /* with another status */
    size_t unread;   /* sent, and the connection was reset before the server read it */
    size_t dropped;  /* sent, and the connection ended without a whole answer */
    double per_second;
};

struct steady;

/* `clients` threads that together ask `per_second` times; every fifth makes a new connection each time. */
struct steady *steady_start(int port, int clients, double per_second);
/* Waits until all have been hung up on, or could not connect. */
void steady_end(struct steady *s, struct steady_result *ret);

#endif
