/* What the api room owns while the server runs. */
#ifndef API_ROOM_H
#define API_ROOM_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/data/graph_store.h"
#include "api/exchange.h"
#include "api/jobs/jobs.h"
#include "api/load/pool.h"

/* Graphs whose literals fit a sample rate. */
struct checked {
    char id[GRAPH_ID_SIZE];
    double rate;
};
enum { API_CHECKED = 1024 };

struct api {
    struct api_config config;
    struct engine *engine;
    struct pool *pool;
    struct data_store *data;
    struct graph_store *graphs; /* the memory before it */
    struct access *access;
    struct admission *admission;
    struct job_waiters *job_waiters;
    _Atomic(struct job_runner *) job_runner; /* NULL: nobody runs items here */
    struct job_keys job_keys;
    _Atomic uint64_t items_done, items_failed;
    struct audio_streams *streams;
    uint8_t stream_key[MAC_KEY_SIZE]; /* seals exported state */
    atomic_int waiting;               /* requests of tier jit that hold a thread until their kernel is there */
    pthread_mutex_t checked_lock;
    struct checked checked[API_CHECKED]; /* by hash; the last one stays */
    char *(*more_metrics)(struct arena *a, void *user);
    void *more_metrics_user;
    bool (*ready)(const char **ret_why, void *user);
    void *ready_user;
};

const struct route *route_at(size_t i); /* NULL behind the last */

#endif
