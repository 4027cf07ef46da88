/* See gate.h. The refusal is written before the request is read, as HTTP allows; the connection then lingers, so that
 * the client sees it whatever it still sends. */
#include "server/gate.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/door.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/problem.h"

struct gate {
    struct gate_config config;
    struct door *door;
};

static uint32_t descriptors(void)
{
    enum { MOST = 1 << 20 };
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > MOST ? MOST : (uint32_t)limit.rlim_cur;
}

struct gate *gate_new(const struct gate_config *config)
{
    struct gate *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->config = *config;
    g->door = door_new(descriptors(), config->max_site ? config->max_site : UINT32_MAX);
    if (g->door)
        return g;
    free(g);
    return NULL;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    door_free(g->door);
    free(g);
}

static void refuse(const struct gate *g, int fd, enum status status, const char *detail, const char *limit)
{
    char body[512], text[1024], id[17];
    snprintf(id, sizeof id, "%08x%08x", randombytes_random(), randombytes_random());
    size_t size = problem_write(body, sizeof body, status, detail, limit, id);
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %d %s\r\nServer: sinter/" SINTER_VERSION "\r\nX-Request-Id: %s\r\n"
                     "X-Content-Type-Options: nosniff\r\nContent-Type: application/problem+json\r\nRetry-After: %u\r\n"
                     "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
                     status_http(status), status == STATUS_BUSY ? "Service Unavailable" : "Too Many Requests", id,
                     g->config.retry_after_s, size, body);
    metrics_label(METRIC_LABEL_REFUSED, limit);
    metrics_request("(refused)", status_http(status));
    if (send(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n && !shutdown(fd, SHUT_WR))
        reaper_linger(g->config.reaper, fd);
    else
        close(fd);
}

/* False: everybody is busy, or more than can go at once are going already. */
static bool has_room(const struct gate *g)
{
    uint32_t open = door_open(g->door), most = g->config.max_connections;
    if (open < most)
        return true;
    return reaper_evict(g->config.reaper) > 0 && open < most + g->config.headroom;
}

bool gate_enter(struct gate *g, int fd, const struct sockaddr *from)
{
    struct peer peer = {{0}};
    bool known = peer_of_socket(from, &peer);
    if (!has_room(g)) {
        refuse(g, fd, STATUS_BUSY, "all connections of the server are in use (setting max-connections)",
               "max-connections");
        return false;
    }
    if (door_enter(g->door, fd, &peer, known && g->config.max_site && !peers_have(g->config.uncounted, &peer)))
        return true;
    refuse(g, fd, STATUS_QUOTA, "this address has too many connections open (setting max-connections-per-address)",
           "max-connections-per-address");
    return false;
}

void gate_leave(struct gate *g, int fd)
{
    door_leave(g->door, fd);
}

bool gate_has_unread(const struct gate *g)
{
    return door_has_unread(g->door);
}

uint32_t gate_open(const struct gate *g)
{
    return door_open(g->door);
}
