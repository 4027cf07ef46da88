/* See listen.h. */
#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, HOST_SIZE = 256, PORT_MAX = 65535 };

/* "host:port", "[v6]:port" */
static int split(const char *where, char host[HOST_SIZE], const char **ret_port)
{
    const char *colon = strrchr(where, ':');
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return -1;
    if (strlen(colon + 1) > 5 || atoi(colon + 1) > PORT_MAX) /* the resolver keeps its low 16 bits */
        return -1;
    const char *from = where;
    size_t n = (size_t)(colon - where);
    if (n >= 2 && from[0] == '[' && from[n - 1] == ']') {
        from++;
        n -= 2;
    }
    if (n == 0 || n >= HOST_SIZE)
        return -1;
    memcpy(host, from, n);
    host[n] = 0;
    *ret_port = colon + 1;
    return 0;
}

static int open_one(const struct addrinfo *at)
{
    int one = 1, fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!bind(fd, at->ai_addr, at->ai_addrlen) && !listen(fd, BACKLOG))
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t n = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &n))
        return 0;
    return at.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&at)->sin6_port)
                                    : ntohs(((struct sockaddr_in *)&at)->sin_port);
}

enum status listen_open(const char *where, int *ret_fd, char ret_url[LISTEN_URL_SIZE], struct fault *fault)
{
    char host[HOST_SIZE];
    const char *port = "";
    if (split(where, host, &port))
        return fault_add(fault, STATUS_BAD_FIELD, "/listen", 0, "\"%.200s\" is not HOST:PORT with a port up to 65535",
                         where);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error)
        return fault_add(fault, STATUS_BAD_FIELD, "/listen", 0, "cannot find \"%.200s\": %s", where,
                         gai_strerror(error));
    int fd = -1;
    for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next)
        fd = open_one(at);
    int why = errno;
    freeaddrinfo(list);
    if (fd < 0)
        return fault_add(fault, STATUS_BUSY, "/listen", 0, "cannot listen on %.200s: %s", where, strerror(why));
    snprintf(ret_url, LISTEN_URL_SIZE, strchr(host, ':') ? "http://[%s]:%u" : "http://%s:%u", host, port_of(fd));
    *ret_fd = fd;
    return STATUS_OK;
}

static bool is_loopback(const struct sockaddr *at)
{
    if (at->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)at)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)at)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(six))
        return six->s6_addr[12] == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(six);
}

bool listen_is_loopback(const char *where)
{
    char host[HOST_SIZE];
    const char *port;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
    if (split(where, host, &port) || getaddrinfo(host, port, &hints, &list))
        return true;
    bool all = true;
    for (const struct addrinfo *at = list; at; at = at->ai_next)
        all &= is_loopback(at->ai_addr);
    freeaddrinfo(list);
    return all;
}
