/* See descriptors.h. The numbers are counted from the rooms' code, with room to spare. */
#include "server/descriptors.h"

#include <sys/resource.h>

#include "server/log.h"

enum {
    BASE = 48,       /* standard streams, listening, signals, files that are read for a moment */
    STORES = 32,     /* two databases with their logs and readers, the lock, a backup under way */
    LINGERING = 64,  /* refused connections that are read to their end */
    OF_THREAD = 2,   /* epoll, eventfd */
    OF_COMPILER = 6, /* socket, folder, state, and as many while it is started again */
    OF_BATCH = 3,    /* a spooled answer, blobs */
    OPS = HTTP_OPS_CONNECTIONS + 32,
};

uint64_t descriptors_fixed(const struct settings *s)
{
    uint64_t fixed = BASE + LINGERING + (uint64_t)OF_THREAD * s->http.threads;
    fixed += (uint64_t)OF_COMPILER * (unsigned)s->engine.compilers;
    fixed += (uint64_t)OF_BATCH * s->api.batch_threads;
    if (s->store)
        fixed += STORES;
    if (s->http.ops_listen)
        fixed += OPS;
    return fixed;
}

/* A socket each; a quarter of them more while evicted ones go; a quarter with a spooled body or answer, opened twice.
 */
uint64_t descriptors_connections(const struct settings *s, uint64_t limit)
{
    uint64_t fixed = descriptors_fixed(s);
    return limit > fixed ? (limit - fixed) * 4 / 7 : 0;
}

bool descriptors_fit(struct settings *s)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return true;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    uint64_t room = descriptors_connections(s, limit.rlim_cur);
    if (s->http.max_connections <= room)
        return true;
    if (room < DESCRIPTORS_LEAST_CONNECTIONS) {
        log_event(LEVEL_ERROR, "limits",
                  "the limit of open files is %llu; threads, compilers and stores take %llu of them, which leaves room "
                  "for %llu connections: raise it (ulimit -n, LimitNOFILE=) or lower --threads or --compilers",
                  (unsigned long long)limit.rlim_cur, (unsigned long long)descriptors_fixed(s),
                  (unsigned long long)room);
        return false;
    }
    log_event(LEVEL_WARN, "limits",
              "max-connections is lowered from %u to %llu: the limit of open files is %llu (ulimit -n, LimitNOFILE=), "
              "and threads, compilers and stores take %llu of them",
              s->http.max_connections, (unsigned long long)room, (unsigned long long)limit.rlim_cur,
              (unsigned long long)descriptors_fixed(s));
    s->http.max_connections = (uint32_t)room;
    return true;
}
