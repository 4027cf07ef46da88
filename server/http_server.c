/* See http.h: the HTTP server's begin and end, around the library's daemon, and what it does not do by itself: to take
 * connections, to watch them, to end in order. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "api/load/pool.h"
#include "server/acceptor.h"
#include "server/conn.h"
#include "server/gate.h"
#include "server/http_daemon.h"
#include "server/log.h"
#include "server/metrics.h"

static void take_connection(void *user, int fd, const struct sockaddr *peer, socklen_t n)
{
    struct http *h = user;
    if (gate_enter(h->gate, fd, peer))
        http_daemon_add(h, fd, peer, n);
}

static uint32_t reaper_period(const struct http_config *config)
{
    uint32_t shortest = config->headers_timeout_ms;
    if (config->body_timeout_ms < shortest)
        shortest = config->body_timeout_ms;
    if (config->send_timeout_ms < shortest)
        shortest = config->send_timeout_ms;
    uint32_t period = shortest / 8;
    return period < 5 ? 5 : period > 250 ? 250 : period;
}

/* The listening socket is the acceptor's from here on. */
static bool start_threads(struct http *h, int listen_fd)
{
    const struct http_config *config = &h->config;
    const struct reaper_config reaper = {.period_ms = reaper_period(config),
                                         .send_timeout_ms = config->send_timeout_ms,
                                         .min_rate = config->min_rate,
                                         .evict_lag_ms = config->evict_lag_ms};
    h->reaper = reaper_new(&reaper);
    if (!h->config.max_site && !listen_is_loopback(config->listen))
        h->config.max_site = (config->max_connections + 3) / 4;
    const struct gate_config gate = {.max_connections = config->max_connections,
                                     .headroom = http_headroom(config),
                                     .max_site = config->max_site,
                                     .retry_after_s = pool_limits(h->pool).retry_s,
                                     .uncounted = &h->trusted,
                                     .reaper = h->reaper};
    h->gate = h->reaper ? gate_new(&gate) : NULL;
    const struct acceptor_user user = {.take = take_connection, .user = h};
    if (h->gate && http_daemon_start(h))
        h->acceptor = acceptor_new(listen_fd, &user);
    else
        close(listen_fd);
    return h->acceptor;
}

static void stop_threads(struct http *h)
{
    acceptor_free(h->acceptor);
    http_daemon_stop(h);
    gate_free(h->gate);
    reaper_free(h->reaper);
}

struct http_config http_config_ops(const struct http_config *config)
{
    struct http_config ops = *config;
    ops.ops = true;
    ops.listen = config->ops_listen;
    ops.threads = 1;
    ops.max_connections = ops.max_site = HTTP_OPS_CONNECTIONS;
    return ops;
}

enum status http_new(const struct http_config *config, struct api *api, struct pool *pool, struct http **ret_http,
                     struct fault *fault)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the HTTP server");
    h->config = *config;
    h->api = api;
    h->pool = pool;
    if (getrandom(&h->id_base, sizeof h->id_base, 0) != sizeof h->id_base)
        h->id_base = (uint64_t)time(NULL) << 32;
    int listen_fd = -1;
    const char *wrong = peers_parse(&h->trusted, config->trusted_proxies ? config->trusted_proxies : "");
    enum status status =
        wrong ? fault_add(fault, STATUS_BAD_FIELD, "/trusted-proxies", 0, "trusted-proxies: %s", wrong) : STATUS_OK;
    if (status == STATUS_OK)
        status = listen_open(config->listen, &listen_fd, h->url, fault);
    if (status != STATUS_OK) {
        free(h);
        return status;
    }
    if (!start_threads(h, listen_fd)) {
        stop_threads(h);
        free(h);
        return fault_add(fault, STATUS_INTERNAL, "", 0, "the HTTP server cannot start its threads");
    }
    *ret_http = h;
    return STATUS_OK;
}

const char *http_url(const struct http *h)
{
    return h->url;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Waits until `n` is zero; false when it is not by then. */
static bool wait_for_none(const atomic_int *n, int64_t until_ms)
{
    enum { PAUSE_MS = 2 };
    while (atomic_load(n) > 0) {
        if (reaper_clock_ms() >= until_ms)
            return false;
        sleep_ms(PAUSE_MS);
    }
    return true;
}

/* What arrives until then is still answered, and ends its connection; so a client that is used to ask often has its
 * last answer, and knows. */
static void settle(const struct http *h, int64_t until_ms)
{
    while (gate_open(h->gate) && reaper_clock_ms() < until_ms)
        sleep_ms(2);
}

/* What has arrived is answered although no thread has come to read it yet: on a machine that has too much to do that
 * takes longer than the time to settle. Between reading and knowing it for a request there is a moment, so it must be
 * quiet for a while. */
static void answer_unread(const struct http *h, int64_t until_ms)
{
    enum { PAUSE_MS = 2, QUIET = 4 };
    for (int quiet = 0; quiet < QUIET && gate_open(h->gate) && reaper_clock_ms() < until_ms; quiet++) {
        if (gate_has_unread(h->gate))
            quiet = -1;
        sleep_ms(PAUSE_MS);
    }
}

bool http_drain(struct http *h, uint32_t timeout_ms)
{
    enum { SETTLE_MS = 100, UNREAD_MS = 1000, ABORT_MS = 5000, LAST_WORDS_MS = 200 };
    int64_t until = reaper_clock_ms() + timeout_ms;
    atomic_store(&h->draining, true);
    metrics_add(METRIC_DRAINING, 1);
    acceptor_stop(h->acceptor);
    settle(h, reaper_clock_ms() + SETTLE_MS);
    answer_unread(h, reaper_clock_ms() + UNREAD_MS);
    atomic_store(&h->refusing, true);
    reaper_hurry(h->reaper);
    if (wait_for_none(&h->in_flight, until)) {
        answer_unread(h, reaper_clock_ms() + LAST_WORDS_MS); /* a refusal is an answer, too */
        wait_for_none(&h->in_flight, reaper_clock_ms() + LAST_WORDS_MS);
    } else {
        log_event(LEVEL_WARN, "drain", "%d requests are cut short", atomic_load(&h->in_flight));
    }
    atomic_store(&h->aborting, true);
    if (!wait_for_none(&h->on_pool, reaper_clock_ms() + ABORT_MS))
        return false;
    wait_for_none(&h->in_flight, reaper_clock_ms() + LAST_WORDS_MS);
    return true;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    stop_threads(h);
    free(h);
}

bool http_progresses(const struct http *h, uint32_t stall_ms)
{
    return atomic_load(&h->on_pool) == 0 || reaper_clock_ms() - atomic_load(&h->progress_ms) < (int64_t)stall_ms;
}
