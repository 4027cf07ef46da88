/* Takes connections from a listening socket, on a thread of its own, and hands them on. The HTTP library could do that
 * itself, but it cannot stop: to take the listening socket back while its threads wait on it is a race that ends in
 * abort() now and then. Here stopping is a join, and running out of descriptors is a pause and not a spin. */
#ifndef SERVER_ACCEPTOR_H
#define SERVER_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>

struct acceptor;

struct acceptor_user {
    void (*take)(void *user, int fd, const struct sockaddr *peer, socklen_t n); /* the socket is now yours */
    void *user;
};

/* Owns listen_fd (non-blocking) from here on, also on failure. NULL: no thread. */
struct acceptor *acceptor_new(int listen_fd, const struct acceptor_user *user);
/* Hands on what waits in the kernel's queue and closes the listening socket; no `take` comes after it. Takes NULL, and
 * may be called again. */
void acceptor_stop(struct acceptor *a);
void acceptor_free(struct acceptor *a); /* stops first; takes NULL */

#endif
