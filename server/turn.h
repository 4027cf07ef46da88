/* A streamed answer is worked on in turns, on the pool's threads, while there is room for what they make. Private to
 * http.c. */
#ifndef SERVER_TURN_H
#define SERVER_TURN_H

#include <stdbool.h>

struct conn;

/* The next turn of c->response.stream. False: there is none, as the server ends or has no memory. */
bool turn_submit(struct conn *c);

#endif
