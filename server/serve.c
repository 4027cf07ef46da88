/* `sinter serve`: settings, then engine, pool, api and HTTP in this order; waits for SIGTERM or SIGINT; ends in the
 * opposite order. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "api/api.h"
#include "api/load/pool.h"
#include "jit/marker.h"
#include "server/command.h"
#include "server/config.h"
#include "server/confine.h"
#include "server/descriptors.h"
#include "server/http.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/metrics.h"

enum { COMPLAINT_SIZE = 512, FAULT_ARENA = 1 << 20 };

struct server {
    struct settings settings;
    struct engine *engine;
    struct pool *pool;
    struct api *api;
    _Atomic(struct http *) http; /* requests ask about it while it is still being told to us */
    struct http *ops;
    atomic_bool ending;
};

/* ---- signals ---- */

static int signal_pipe[2] = {-1, -1};

static void on_signal(int number)
{
    int kept = errno;
    char byte = (char)number;
    if (write(signal_pipe[1], &byte, 1) < 0) {
        /* Full of signals: one is enough. */
    }
    errno = kept;
}

/* Handlers and not a blocked mask, since compile workers inherit the mask. */
static int catch_signals(void)
{
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK))
        return -1;
    struct sigaction catch = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &catch, NULL);
    sigaction(SIGINT, &catch, NULL);
    sigaction(SIGHUP, &catch, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    return 0;
}

/* Its number; 0 when none came within `timeout_ms` (-1: for ever). */
static int wait_for_signal(int timeout_ms)
{
    struct pollfd p = {.fd = signal_pipe[0], .events = POLLIN};
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR && timeout_ms < 0);
    char byte;
    return n > 0 && read(signal_pipe[0], &byte, 1) == 1 ? byte : 0;
}

/* ---- what surrounds the process ---- */

/* For a supervisor that asked (systemd, Type=notify). */
static void tell_supervisor(const char *state)
{
    static int fd = -1; /* kept: once we listen, no more sockets are made */
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof at.sun_path)
        return;
    size_t n = strlen(path);
    memcpy(at.sun_path, path, n);
    if (*path == '@')
        at.sun_path[0] = 0;
    if (fd < 0)
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&at,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
        log_event(LEVEL_WARN, "notify", "the supervisor's socket does not answer: %s", strerror(errno));
}

/* How often the supervisor wants a sign of life: twice in the time after which it gives us up (systemd, WatchdogSec=).
 * -1: never. */
static int sign_of_life_ms(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long ms = us && (!pid || atoll(pid) == getpid()) ? atoll(us) / 2000 : 0;
    return ms > 0 && ms <= INT_MAX ? (int)ms : -1;
}

static int make_store(const char *dir)
{
    if (!dir || !mkdir(dir, 0700) || errno == EEXIST)
        return 0;
    log_event(LEVEL_ERROR, "store", "cannot make the folder %s: %s", dir, strerror(errno));
    return -1;
}

/* ---- what the other rooms ask ---- */

/* The jit room speaks syslog's levels. */
static enum log_level level_of(int syslog_level)
{
    return syslog_level <= LOG_ERR       ? LEVEL_ERROR
           : syslog_level == LOG_WARNING ? LEVEL_WARN
           : syslog_level <= LOG_INFO    ? LEVEL_INFO
                                         : LEVEL_DEBUG;
}

static void engine_log(int level, const char *message, void *user)
{
    (void)user;
    log_event(level_of(level), "engine", "%s", message);
}

static void data_log(int level, const char *message, void *user)
{
    (void)user;
    log_event(level_of(level), "data", "%s", message);
}

static char *more_metrics(struct arena *a, void *user)
{
    struct server *s = user;
    return metrics_text(a, s->engine, s->api);
}

static bool is_ready(const char **ret_why, void *user)
{
    struct server *s = user;
    if (atomic_load(&s->ending)) {
        *ret_why = "the server is ending";
        return false;
    }
    if (s->http && !http_progresses(s->http, 2 * s->settings.api.max_request_ms)) {
        *ret_why = "long requests are under way and none has ended for twice their deadline";
        return false;
    }
    return true;
}

/* ---- keys ---- */

static void log_faults(const struct fault *fault, const char *event)
{
    for (size_t i = 0; i < fault->count && i < FAULT_MAX; i++)
        log_event(LEVEL_ERROR, event, "%s", fault->items[i].detail);
}

/* A group that may read was made for it: a service with a user of its own has no other way. */
static void warn_of_readers(const char *path)
{
    struct stat st;
    if (path && !stat(path, &st) && (st.st_mode & (S_IWGRP | S_IRWXO)))
        log_event(LEVEL_WARN, "keys",
                  "%s can be read by everybody, or written by others than its owner (mode %03o); chmod 600 it", path,
                  st.st_mode & 0777u);
}

/* A file without a key is right and locks everybody out. */
static void log_keys(const struct server *s, const char *when)
{
    const struct api_config *config = &s->settings.api;
    struct api_stats stats;
    if (!config->keys && !config->sign_keys)
        return;
    api_stats(s->api, &stats);
    log_event(LEVEL_INFO, "keys", "%s: %u keys and %u secrets that sign URLs are in force", when, stats.keys,
              stats.sign_keys);
    if (config->keys && !stats.keys)
        log_event(LEVEL_WARN, "keys", "there is no key in %s: nobody can do what needs one", config->keys);
    if (config->sign_keys && !stats.sign_keys)
        log_event(LEVEL_WARN, "keys", "there is no secret in %s: no signed URL holds", config->sign_keys);
}

static void reload_keys(struct server *s)
{
    struct arena *arena = arena_new(FAULT_ARENA);
    struct fault fault;
    if (!arena || ARENA_GUARD(arena)) {
        arena_free(arena);
        log_event(LEVEL_ERROR, "keys", "no memory to read them again");
        return;
    }
    fault_init(&fault, arena);
    warn_of_readers(s->settings.api.keys);
    warn_of_readers(s->settings.api.sign_keys);
    if (api_reload_keys(s->api, &fault) == STATUS_OK) {
        log_keys(s, "read again");
    } else {
        log_faults(&fault, "keys");
        log_event(LEVEL_ERROR, "keys", "those that were read before stay in force");
    }
    arena_free(arena);
}

/* Whoever can connect may do everything where there are no keys. */
static enum status check_public(const struct settings *s, struct fault *fault)
{
    const char *ops = s->http.ops_listen;
    if (ops && !s->ops_public && !listen_is_loopback(ops))
        return fault_add(fault, STATUS_BAD_FIELD, "", 0,
                         "others can reach %s, and --ops-listen asks nobody for a key: take an address of this "
                         "machine or of the monitoring network, and say --ops-public 1 if whoever can connect there "
                         "may read the metrics",
                         ops);
    if (s->allow_public || s->api.keys || s->api.sign_keys || listen_is_loopback(s->http.listen))
        return STATUS_OK;
    return fault_add(
        fault, STATUS_BAD_FIELD, "", 0,
        "others can reach %s, and there are no keys: give --keys FILE (`sinter key new` makes one), listen on "
        "127.0.0.1 behind a proxy, or say --allow-public 1 if whoever can connect may do everything",
        s->http.listen);
}

/* ---- begin and end ---- */

static enum status open_ops(struct server *s, struct fault *fault)
{
    const struct http_config *config = &s->settings.http;
    if (!config->ops_listen)
        return config->ops_only ? fault_add(fault, STATUS_BAD_FIELD, "/ops-only", 0,
                                            "ops-only hides /metrics, and there is no --ops-listen HOST:PORT for it")
                                : STATUS_OK;
    const struct http_config ops = http_config_ops(config);
    TRY(http_new(&ops, s->api, s->pool, &s->ops, fault));
    log_event(LEVEL_INFO, "listening", "%s, for the operator", http_url(s->ops));
    return STATUS_OK;
}

static enum status open_rooms(struct server *s, struct fault *fault)
{
    TRY(check_public(&s->settings, fault));
    warn_of_readers(s->settings.api.keys);
    warn_of_readers(s->settings.api.sign_keys);
    s->settings.engine.log = engine_log;
    s->settings.engine.marks = true;
    TRY(engine_new(&s->settings.engine, &s->engine, fault));
    s->pool = pool_new((int)s->settings.http.threads);
    if (!s->pool)
        return fault_add(fault, STATUS_INTERNAL, "", 0, "cannot start %u threads", s->settings.http.threads);
    pool_set_limits(s->pool, &s->settings.queue);
    s->settings.api.tier = s->settings.engine.tier;
    s->settings.api.data.log = data_log;
    TRY(api_new(&s->settings.api, s->engine, s->pool, &s->api, fault));
    log_keys(s, "read");
    api_set_metrics(s->api, more_metrics, s);
    api_set_ready(s->api, is_ready, s);
    struct http *http;
    TRY(http_new(&s->settings.http, s->api, s->pool, &http, fault));
    s->http = http;
    TRY(open_ops(s, fault));
    return api_run_jobs(s->api, fault);
}

static void close_rooms(struct server *s)
{
    http_free(s->ops);
    http_free(s->http);
    if (s->api)
        api_stop_jobs(s->api);
    if (s->pool)
        pool_free(s->pool);
    api_free(s->api);
    if (s->engine)
        engine_free(s->engine);
}

/* True: all is answered or cut short. */
static bool end_requests(struct server *s)
{
    const struct settings *settings = &s->settings;
    atomic_store(&s->ending, true);
    tell_supervisor("STOPPING=1");
    log_event(LEVEL_INFO, "ending", "draining for up to %u ms", settings->drain_timeout_ms);
    signal(SIGHUP, SIG_IGN); /* would end the delay */
    if (settings->drain_delay_ms)
        wait_for_signal((int)settings->drain_delay_ms);
    api_drain(s->api);
    return http_drain(s->http, settings->drain_timeout_ms);
}

/* Until a signal ends the server. One that is stuck gives no sign of life. */
static void attend(struct server *s)
{
    int every_ms = sign_of_life_ms();
    for (int number; (number = wait_for_signal(every_ms)) == SIGHUP || !number;) {
        const char *why;
        if (number)
            reload_keys(s);
        if (every_ms > 0 && is_ready(&why, s))
            tell_supervisor("WATCHDOG=1");
    }
}

static int run(struct server *s, struct fault *fault)
{
    if (open_rooms(s, fault) != STATUS_OK) {
        log_faults(fault, "start");
        close_rooms(s);
        return EXIT_FAILED;
    }
    printf("listening on %s\n", http_url(s->http));
    fflush(stdout);
    tell_supervisor("READY=1");
    confine_late();
    log_event(LEVEL_INFO, "listening", "%s, %u threads, store %s", http_url(s->http), s->settings.http.threads,
              s->settings.store ? s->settings.store : "none");
    attend(s);
    if (!end_requests(s)) {
        /* Work that ignores its deadline still holds its connection; memory goes with the process. */
        log_event(LEVEL_ERROR, "ended", "a request could not be stopped");
        _exit(EXIT_FAILED);
    }
    close_rooms(s);
    log_event(LEVEL_INFO, "ended", "all requests are answered");
    return EXIT_DONE;
}

/* No reason not to start: Kubernetes sets SINTER_PORT and the like for a service of this name. */
static void warn_of_strays(void)
{
    const char *name;
    int n;
    for (size_t at = 0; (name = config_stray(&at, &n));)
        log_event(LEVEL_WARN, "settings", "%.*s in the environment is no setting; `sinter serve --help` lists all", n,
                  name);
}

int command_serve(int argc, char **argv)
{
    static struct server s;
    char complaint[COMPLAINT_SIZE] = "";
    switch (config_read(&s.settings, argc, argv, complaint, sizeof complaint)) {
    case CONFIG_HELP:
        config_print_help(stdout, &s.settings);
        return EXIT_DONE;
    case CONFIG_WRONG:
        fprintf(stderr, "sinter serve: %s\n", complaint);
        return EXIT_USAGE;
    case CONFIG_READY:
        break;
    }
    log_set_level(s.settings.log_level);
    log_set_rate(s.settings.log_lines);
    warn_of_strays();
    if (catch_signals() || make_store(s.settings.store))
        return EXIT_FAILED;
    marker_catch();
    if (!descriptors_fit(&s.settings) || !confine_early(&s.settings))
        return EXIT_FAILED;
    struct arena *arena = arena_new(FAULT_ARENA);
    struct fault fault;
    if (!arena || ARENA_GUARD(arena))
        return EXIT_FAILED;
    fault_init(&fault, arena);
    int code = run(&s, &fault);
    arena_free(arena);
    return code;
}
