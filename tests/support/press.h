/* Load on a server of this machine from one thread: requests built before, sent at their times whatever becomes of the
 * others (open loop), or as many as are answered (closed loop). What comes back is measured and thrown away. */
#ifndef TESTS_SUPPORT_PRESS_H
#define TESTS_SUPPORT_PRESS_H

#include <stddef.h>

enum { PRESS_CLIENTS = 8, PRESS_KINDS = 10 };

/* A kind of request: the same bytes but for who asks. */
struct press_kind {
    const char *name;
    int share;           /* of all, in percent */
    const char *line;    /* "GET /livez" */
    const char *headers; /* lines, each with its end */
    const void *body;
    size_t body_size;
    char *requests[PRESS_CLIENTS]; /* made by press_prepare, given back by press_done */
    size_t sizes[PRESS_CLIENTS];
};
/* Clients are told apart by X-Forwarded-For. */
void press_prepare(struct press_kind *kinds, size_t n);
void press_done(struct press_kind *kinds, size_t n);

struct press_plan {
    int port;
    double seconds;
    double rate;        /* a second, or 0: */
    int in_flight;      /* so many at a time */
    size_t only;        /* this kind alone; PRESS_KINDS: all by their shares */
    double health_rate; /* of GET /livez and /readyz beside all others */
    void (*each_second)(void *user);
    void *user;
};

struct press_times {
    size_t n;
    double p50_ms, p99_ms, most_ms;
};

struct press_result {
    double seconds;
    size_t sent, unsent;                                            /* unsent: there was no connection for it */
    size_t done[PRESS_KINDS], busy[PRESS_KINDS], over[PRESS_KINDS]; /* 2xx; 503; 429 */
    size_t hasty;                                                   /* 503 and 429 without Retry-After */
    size_t other;                                                   /* statuses */
    size_t broken;                                                  /* connections that ended before an answer */
    int other_status;
    struct press_times times[PRESS_KINDS], refused, health; /* 2xx by kind; of all 503 and 429; of health routes */
    size_t health_failed;
    double late_p99_ms; /* how late this generator was with what was due: the machine's share in all latencies */
};
void press_run(const struct press_plan *plan, const struct press_kind *kinds, size_t n, struct press_result *ret);

#endif
