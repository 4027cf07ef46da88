/* A listening TCP socket from "HOST:PORT". */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/fault.h"

enum { LISTEN_URL_SIZE = 300 };

/* HOST is a name or an address ("[::1]" for IPv6); port 0 picks a free one. `ret_url` gets "http://HOST:PORT" with the
 * real port. */
enum status listen_open(const char *where, int *ret_fd, char ret_url[LISTEN_URL_SIZE], struct fault *fault) MUST_CHECK;

/* Can only this machine reach it? A name counts when all its addresses are loopback; what cannot be found does, since
 * nothing will listen on it. */
bool listen_is_loopback(const char *where);

#endif
