/* A server of this same program in a process of its own, for benches and tests over HTTP. */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stdbool.h>
#include <sys/types.h>

struct host {
    pid_t pid;
    int port;
    char store[64]; /* its data directory */
    bool own_store; /* made here: removed at the end */
};

/* `store` NULL: a fresh temporary directory. `extra`: further arguments of `sinter serve`, NULL-terminated, or NULL.
 * False, and said on stderr, when it does not say that it listens within 10 s. `program` NULL: this one. */
bool host_start(struct host *h, const char *program, const char *store, const char *const *extra);
/* SIGTERM, then waits; returns its exit code, or -1 when it had to be killed. Keeps the store when `keep_store`. */
int host_stop(struct host *h, bool keep_store);
void host_remove_store(struct host *h);

/* A metric's value of this host, e.g. "sinter_compiles_total{result=\"ok\"}"; -1 when absent. */
double host_metric(const struct host *h, const char *name);

#endif
