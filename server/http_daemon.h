/* The HTTP library's daemon of a struct http. Private to http.c, which alone knows the library, and http_server.c. */
#ifndef SERVER_HTTP_DAEMON_H
#define SERVER_HTTP_DAEMON_H

#include <stdbool.h>
#include <sys/socket.h>

struct http;

bool http_daemon_start(struct http *h);
void http_daemon_add(struct http *h, int fd, const struct sockaddr *peer, socklen_t n); /* owns fd from here on */
void http_daemon_stop(struct http *h); /* closes what is open; nothing may be suspended */

#endif
