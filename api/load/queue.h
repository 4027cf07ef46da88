/* Works that wait for a thread: whose turn it is, what there is room for, how long it will take. Every client has a
 * line of its own, and the line that has had the fewest seconds is served next, so that nobody's backlog keeps another
 * waiting. Short works stand apart from long ones, because some thread is always free for them soon. No threads, no
 * lock, no clock: those are the pool's. */
#ifndef API_QUEUE_H
#define API_QUEUE_H

#include "api/load/pool.h"

/* Works predicted to take no longer are short. */
#define QUEUE_SHORT_S 0.05

enum queue_kind { QUEUE_CONTINUE, QUEUE_SHORT, QUEUE_LONG, QUEUE_KINDS };

struct queue_line;

struct queued {
    struct pool_work work; /* its client's name is the line's */
    enum queue_kind kind;
    struct queue_line *line;
    struct queued *next, *before; /* in its line */
    uint64_t order;               /* of arrival */
    double since_ms;
    size_t heap_at; /* by deadline */
};

struct queue_sum {
    uint32_t n;
    double cost_s;
    uint64_t bytes;
};

struct queue {
    struct pool_limits limits;
    struct queue_sum kinds[QUEUE_KINDS]; /* of what waits */
    uint64_t bytes;                      /* of what waits, and of what the pool has added for what runs */
    struct queue_line **lines;           /* that have works */
    size_t n_lines, room;
    struct queue_line *buckets[256];
    struct queued **heap;
    size_t n, heap_room;
    size_t asked; /* whose `gone` was asked last */
    uint64_t order;
    double served_s; /* what the line that was served last had had */
};

void queue_done(struct queue *q);
enum queue_kind queue_kind_of(const struct pool_work *w);

/* What is there already, for predictions. */
struct queue_load {
    double now_ms;
    double running_s; /* still to do of what runs */
    int threads;
};

/* Takes *item (made with malloc) and returns NULL; or the limit that refuses. To make room, works of whoever has the
 * most waiting may be pushed out: they come back in *ret_out, linked by `next`, with the limit in *ret_limit. */
const char *queue_put(struct queue *q, struct queued *item, const struct queue_load *load, struct queued **ret_out,
                      const char **ret_limit);

/* The limit that would refuse it now; or NULL. */
const char *queue_refusal(const struct queue *q, const struct queued *item, const struct queue_load *load);

/* The next one, or NULL; `short_only`: none but short ones. Its line may be gone: work.client is NULL. */
struct queued *queue_take(struct queue *q, bool short_only);
/* One whose deadline has passed, or NULL. */
struct queued *queue_take_late(struct queue *q, double now_ms);
/* Asks at most `most` of those waiting, round and round, whether they are still wanted: the first that is not. */
struct queued *queue_take_gone(struct queue *q, size_t most);
/* When the first deadline passes; HUGE_VAL: never. */
double queue_first_deadline(const struct queue *q);

/* When the one that has waited longest came; HUGE_VAL: none waits. */
double queue_oldest_ms(const struct queue *q);

/* Seconds until a work of so many seconds for this client would begin. */
double queue_wait_s(const struct queue *q, const struct queue_load *load, const char *client, double cost_s);
/* And until one behind all others would. */
double queue_drain_s(const struct queue *q, const struct queue_load *load);

#endif
