/* See http_client.h. One buffer holds what has been read; an answer's head and body are parts of it. */
#include "server/http_client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { VALUE_SIZE = 1024, HEAD_SIZE = 4096, FIRST = 65536 };

struct http_client {
    int fd;
    char *data;
    size_t n, capacity; /* read so far */
    size_t used;        /* of it, by the last answer */
    char *body;         /* of a chunked answer, put together */
    size_t body_capacity;
    char value[VALUE_SIZE];
};

static int connect_to(const char *host, int port)
{
    char text[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    snprintf(text, sizeof text, "%d", port);
    if (getaddrinfo(host, text, &hints, &list)) {
        errno = EHOSTUNREACH;
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen)) {
            int why = errno;
            close(fd);
            errno = why;
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

struct http_client *http_client_open(const char *host, int port)
{
    struct http_client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->fd = connect_to(host, port);
    if (c->fd < 0) {
        free(c);
        return NULL;
    }
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return c;
}

void http_client_close(struct http_client *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c->data);
    free(c->body);
    free(c);
}

int http_client_fd(const struct http_client *c)
{
    return c->fd;
}

static int send_all(int fd, struct iovec *parts, int n)
{
    while (n > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)n};
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        size_t left = (size_t)sent;
        while (n > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            n--;
        }
        if (n > 0) {
            parts->iov_base = (char *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return 0;
}

int http_client_raw(struct http_client *c, const void *bytes, size_t n)
{
    struct iovec part = {(void *)(size_t)bytes, n};
    return send_all(c->fd, &part, 1);
}

int http_client_send(struct http_client *c, const char *method, const char *path, const char *headers, const void *body,
                     size_t n)
{
    char length[64] = "", head[HEAD_SIZE];
    if (body || n)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", n);
    int size = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n", method, path, length,
                        headers ? headers : "");
    if (size < 0 || (size_t)size >= sizeof head)
        return -1;
    struct iovec parts[2] = {{head, (size_t)size}, {(void *)(size_t)body, n}};
    return send_all(c->fd, parts, n ? 2 : 1);
}

/* Reads more; 1 when there is, 0 at the end, -1 on errors. */
static int read_more(struct http_client *c)
{
    if (c->n + 1 >= c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : FIRST;
        char *data = realloc(c->data, capacity);
        if (!data)
            return -1;
        c->data = data;
        c->capacity = capacity;
    }
    ssize_t got;
    do
        got = recv(c->fd, c->data + c->n, c->capacity - c->n - 1, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return (int)got;
    c->n += (size_t)got;
    c->data[c->n] = 0;
    return 1;
}

static const char *find_header(const char *head, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (!strncasecmp(line, name, n) && line[n] == ':')
            return line + n + 1 + strspn(line + n + 1, " \t");
    }
    return NULL;
}

/* Offset behind the empty line, or 0. */
static size_t read_head(struct http_client *c, size_t from)
{
    for (;;) {
        char *end = c->n > from ? strstr(c->data + from, "\r\n\r\n") : NULL;
        if (end)
            return (size_t)(end - c->data) + 4;
        if (read_more(c) <= 0)
            return 0;
    }
}

static int read_until(struct http_client *c, size_t n)
{
    while (c->n < n)
        if (read_more(c) <= 0)
            return -1;
    return 0;
}

static int append_chunk(struct http_client *c, size_t *n, size_t from, size_t size)
{
    if (*n + size + 1 > c->body_capacity) {
        size_t capacity = 2 * (*n + size + 1);
        char *body = realloc(c->body, capacity);
        if (!body)
            return -1;
        c->body = body;
        c->body_capacity = capacity;
    }
    memcpy(c->body + *n, c->data + from, size);
    *n += size;
    c->body[*n] = 0;
    return 0;
}

/* `at`: where the chunks begin. Returns the offset behind the trailers, or 0. */
static size_t read_chunks(struct http_client *c, size_t at, struct http_answer *ret)
{
    size_t n = 0, end_at;
    if (append_chunk(c, &n, at, 0))
        return 0;
    for (;;) {
        char *end;
        while (!(end = c->n > at ? strstr(c->data + at, "\r\n") : NULL))
            if (read_more(c) <= 0)
                return 0;
        size_t size = strtoul(c->data + at, NULL, 16);
        at = (size_t)(end - c->data) + 2;
        if (size == 0)
            break;
        if (read_until(c, at + size + 2) || append_chunk(c, &n, at, size))
            return 0;
        at += size + 2;
    }
    ret->body = c->body;
    ret->body_size = n;
    /* The empty line, or trailers and the empty line: back up over the last chunk's line end. */
    end_at = read_head(c, at - 2);
    if (end_at) {
        c->data[end_at - 1] = 0;
        ret->trailers = c->data + at - 2;
    }
    return end_at;
}

static int receive(struct http_client *c, struct http_answer *ret, bool without_body)
{
    size_t begin = c->used, body;
    if (begin == c->n)
        begin = c->n = c->used = 0;
    *ret = (struct http_answer){.trailers = ""};
    do {
        body = read_head(c, begin);
        if (!body || sscanf(c->data + begin, "HTTP/1.%*c %d", &ret->status) != 1)
            return -1;
        if (ret->status == 100)
            begin = body;
    } while (ret->status == 100);
    c->data[body - 1] = 0; /* the head ends here as a string */
    const char *length = find_header(c->data + begin, "Content-Length"),
               *coding = find_header(c->data + begin, "Transfer-Encoding");
    const char *connection = find_header(c->data + begin, "Connection");
    ret->closed = connection && !strncasecmp(connection, "close", 5);
    size_t end = body;
    if (without_body || ret->status == 204 || ret->status == 304) {
        ret->body_size = 0;
    } else if (coding) {
        end = read_chunks(c, body, ret);
        if (!end)
            return -1;
    } else if (length) {
        ret->body_size = strtoull(length, NULL, 10);
        end = body + ret->body_size;
        if (read_until(c, end))
            return -1;
    } else {
        ret->closed = true;
        while (read_more(c) > 0) {
        }
        end = c->n;
        ret->body_size = end - body;
    }
    ret->head = c->data + begin;
    if (!ret->body)
        ret->body = c->data + body;
    c->used = end;
    return 0;
}

int http_client_receive(struct http_client *c, struct http_answer *ret)
{
    return receive(c, ret, false);
}

int http_client_receive_head(struct http_client *c, struct http_answer *ret)
{
    return receive(c, ret, true);
}

const char *http_client_header(struct http_client *c, const struct http_answer *a, const char *name)
{
    const char *value = find_header(a->head, name);
    if (!value)
        value = find_header(a->trailers, name);
    if (!value)
        return NULL;
    size_t n = strcspn(value, "\r\n");
    if (n >= VALUE_SIZE)
        n = VALUE_SIZE - 1;
    memcpy(c->value, value, n);
    c->value[n] = 0;
    return c->value;
}
