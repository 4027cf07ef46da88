/* See raw.h. */
#include "tests/support/raw.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int raw_connect(int port, unsigned from, int window)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}, at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_addr.s_addr = htonl(0x7f000000u + from);
    setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
    if (window)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    if (fd >= 0 && (!from || !bind(fd, (struct sockaddr *)&at, sizeof at)) &&
        !connect(fd, (struct sockaddr *)&to, sizeof to))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

bool raw_send(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n;) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

void raw_read(int fd, int wait_ms, struct raw_reply *ret)
{
    *ret = (struct raw_reply){.n = 0};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (ret->n + 1 < sizeof ret->text && poll(&p, 1, wait_ms) == 1) {
        ssize_t got = recv(fd, ret->text + ret->n, sizeof ret->text - 1 - ret->n, 0);
        ret->closed = got <= 0;
        ret->reset = got < 0;
        if (got <= 0)
            break;
        ret->n += (size_t)got;
    }
    ret->text[ret->n] = 0;
    if (sscanf(ret->text, "HTTP/1.1 %d", &ret->status) != 1)
        ret->status = 0;
}

void raw_exchange(int port, const void *bytes, size_t n, int wait_ms, struct raw_reply *ret)
{
    int fd = raw_connect(port, 0, 0);
    if (fd < 0) {
        *ret = (struct raw_reply){.reset = true};
        return;
    }
    raw_send(fd, bytes, n); /* a refused upload may fail in the middle */
    raw_read(fd, wait_ms, ret);
    close(fd);
}

bool raw_is_closed(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1;
}
