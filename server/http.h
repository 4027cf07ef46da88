/* HTTP/1.1 on a socket: connections in, requests to the api room, its answers out. Keeps the limits that exist before a
 * request is understood: connections, heads, bodies, slowness. http.c is the only file that knows libmicrohttpd. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "server/peers.h"

enum { HTTP_OPS_CONNECTIONS = 64 };

struct http_config {
    const char *listen;     /* "HOST:PORT", "[::1]:0" */
    const char *ops_listen; /* NULL: no port for the operator */
    bool ops_only;          /* /metrics is there alone */
    bool ops;               /* this is that port: /livez, /readyz, /metrics and /version */
    const char *trusted_proxies;
    enum proxy_header proxy_header;
    uint32_t threads;
    uint32_t max_connections, max_site;          /* of all, of one address */
    uint32_t max_turns;                          /* requests of one connection */
    uint64_t max_body, upload_above, max_upload; /* the same as api_config's */
    uint64_t max_bodies;
    uint64_t max_discard;
    uint32_t max_headers, max_query, max_head;
    uint32_t headers_timeout_ms, body_timeout_ms, send_timeout_ms, idle_timeout_ms, total_timeout_ms;
    uint32_t evict_lag_ms;
    uint32_t min_rate;
    bool access_log;
};

/* Connections beyond max_connections, while those that make room for them go. */
static inline uint32_t http_headroom(const struct http_config *config)
{
    return config->max_connections / 4 < 256 ? config->max_connections / 4 + 1 : 256;
}

/* Of the operator's own port: one thread, few connections. */
struct http_config http_config_ops(const struct http_config *config);

struct http;

/* Listens and answers from now on. `api` and `pool` must outlive it. */
enum status http_new(const struct http_config *config, struct api *api, struct pool *pool, struct http **ret_http,
                     struct fault *fault) MUST_CHECK;
const char *http_url(const struct http *h); /* "http://127.0.0.1:8080", with the port that was picked */

/* Accepts nothing new and waits until what was begun is answered, at most timeout_ms; then running work is told that
 * its client has gone. False: something still runs on a pool thread, and http_free must not be called. */
bool http_drain(struct http *h, uint32_t timeout_ms);
/* After http_drain that returned true. Takes NULL. */
void http_free(struct http *h);

/* False when long requests are under way and none has ended for `stall_ms`. */
bool http_progresses(const struct http *h, uint32_t stall_ms);

#endif
