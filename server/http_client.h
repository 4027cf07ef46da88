/* A blocking keep-alive HTTP/1.1 client for benches, tests and health checks: one connection, one request at a time.
 * Reads bodies by Content-Length, chunked, or up to the end. No TLS, no redirects, no 1xx but 100 (skipped). */
#ifndef SERVER_HTTP_CLIENT_H
#define SERVER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct http_client;

struct http_answer {
    int status;
    const char *head; /* status line and headers, NUL behind; valid until the next receive */
    const char *body; /* the same */
    size_t body_size;
    const char *trailers; /* lines behind a chunked body, from a "\r\n" on; "" when there are none */
    bool closed;          /* the server ends the connection after this answer */
};

struct http_client *http_client_open(const char *host, int port); /* NULL: errno says why */
void http_client_close(struct http_client *c);                    /* takes NULL */
int http_client_fd(const struct http_client *c);

/* Sends one request with a Content-Length when there is a body. `headers` is NULL or lines "Name: value\r\n". 0, or -1
 * when the connection broke. */
int http_client_send(struct http_client *c, const char *method, const char *path, const char *headers, const void *body,
                     size_t n);
/* Sends these bytes as they are. */
int http_client_raw(struct http_client *c, const void *bytes, size_t n);
/* Reads one answer; the second to a HEAD request. -1: the connection ended or this is not HTTP. */
int http_client_receive(struct http_client *c, struct http_answer *ret);
int http_client_receive_head(struct http_client *c, struct http_answer *ret);

/* A header's or trailer's value of the last answer, in a buffer of the client's, or NULL. */
const char *http_client_header(struct http_client *c, const struct http_answer *a, const char *name);

#endif
