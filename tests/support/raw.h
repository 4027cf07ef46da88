/* A TCP connection to a server under test, byte by byte: from a loopback address of one's choice, with a small window
 * if wanted. */
#ifndef TESTS_SUPPORT_RAW_H
#define TESTS_SUPPORT_RAW_H

#include <stdbool.h>
#include <stddef.h>

struct raw_reply {
    char text[1 << 16]; /* NUL behind */
    size_t n;
    bool closed, reset;
    int status; /* of the first answer; 0: none */
};

/* From 127.0.`from`; 0: from wherever. window > 0: the receive buffer's size. -1: not connected. */
int raw_connect(int port, unsigned from, int window);
bool raw_send(int fd, const void *bytes, size_t n); /* false: the connection broke */
/* Reads until the server closes, nothing came for wait_ms, or the buffer is full. */
void raw_read(int fd, int wait_ms, struct raw_reply *ret);
/* A connection of its own: sends, reads, closes. */
void raw_exchange(int port, const void *bytes, size_t n, int wait_ms, struct raw_reply *ret);
bool raw_is_closed(int fd); /* by the other side, whatever is left to read */

#endif
