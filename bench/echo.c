/* See echo.h. Includes microhttpd.h, as server/http.c does, because the library itself is what it measures. */
#include "bench/echo.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct echo {
    struct MHD_Daemon *daemon;
};

static char zero[ECHO_ZEROES];

struct heard {
    char *data;
    size_t n, capacity;
};

static enum MHD_Result hear(struct heard *h, const char *data, size_t n)
{
    if (h->n + n > h->capacity) {
        size_t capacity = 2 * (h->n + n);
        char *grown = realloc(h->data, capacity);
        if (!grown)
            return MHD_NO;
        h->data = grown;
        h->capacity = capacity;
    }
    memcpy(h->data + h->n, data, n);
    h->n += n;
    return MHD_YES;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request)
{
    (void)user;
    (void)method;
    (void)version;
    struct heard *h = *request;
    if (!h) {
        *request = calloc(1, sizeof *h);
        return *request ? MHD_YES : MHD_NO;
    }
    if (*upload_size) {
        size_t n = *upload_size;
        *upload_size = 0;
        return hear(h, upload, n);
    }
    unsigned long asked = strtoul(url + 1, NULL, 10);
    bool zeroes = asked > 0 && asked <= sizeof zero;
    struct MHD_Response *m = zeroes ? MHD_create_response_from_buffer(asked, zero, MHD_RESPMEM_PERSISTENT)
                                    : MHD_create_response_from_buffer(h->n, h->data, MHD_RESPMEM_MUST_FREE);
    if (!m)
        return MHD_NO;
    if (!zeroes)
        h->data = NULL;
    enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, m);
    MHD_destroy_response(m);
    return queued;
}

static void on_completed(void *user, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode why)
{
    (void)user;
    (void)connection;
    (void)why;
    struct heard *h = *request;
    if (h)
        free(h->data);
    free(h);
    *request = NULL;
}

struct echo *echo_start(int threads, size_t connection_memory, int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct echo *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR,
                                 &at, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)(threads > 1 ? threads : 0),
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory, MHD_OPTION_NOTIFY_COMPLETED,
                                 on_completed, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = e->daemon ? MHD_get_daemon_info(e->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!info) {
        echo_stop(e);
        return NULL;
    }
    *ret_port = info->port;
    return e;
}

void echo_stop(struct echo *e)
{
    if (!e)
        return;
    if (e->daemon)
        MHD_stop_daemon(e->daemon);
    free(e);
}
