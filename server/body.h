/* A request body as it arrives. All bodies together keep to a budget; small buffers are kept for the connection's next
 * request. */
#ifndef SERVER_BODY_H
#define SERVER_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body {
    char *data;
    size_t size, capacity;
};

/* Room for `size` bytes in sum. False: no memory, or all bodies would exceed max_bodies. */
bool body_reserve(struct body *b, size_t size, uint64_t max_bodies);
bool body_append(struct body *b, const void *data, size_t n, uint64_t max_bodies);
void body_clear(struct body *b); /* empty again; large memory is given back */
void body_done(struct body *b);

#endif
