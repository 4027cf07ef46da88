/* One request on its way to its answer, as the handlers of routes.def see it. A handler returns STATUS_OK with the
 * answer written, or a failure with `fault` filled, which becomes a problem answer. One that finds its work to be long
 * sets `resume` and returns STATUS_OK: the rest runs on a pool thread. Everything lives in the answer's arena; what
 * does not is deferred. */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include <stdatomic.h>

#include "api/access/client.h"
#include "api/api.h"

enum stage { STAGE_PARSE, STAGE_CHECK, STAGE_LOWER, STAGE_CACHE, STAGE_EXEC, STAGE_ENCODE, STAGE_COUNT };
extern const char *const stage_names[STAGE_COUNT];

struct exchange;
typedef enum status handler(struct exchange *ex);

struct route {
    enum method method;
    const char *pattern; /* "/graphs/{id}" */
    uint32_t roles;      /* a client needs one of these; 0: open to all */
    handler *run;
    const char *accepts; /* content types of the body, with ", " between them; "" when there is none */
    const char *doc;
};

struct deferred {
    struct deferred *next;
    void (*run)(void *user);
    void *user;
};

/* What its work was predicted to take, was charged for, and has taken; see admission.h. */
struct cost_account {
    const struct runner *runner; /* whose engine was predicted */
    double raw_s;                /* as predicted before corrections */
    double charged_s, spent_s;
    uint64_t bytes, held;        /* predicted; known to the pool beside its work */
    bool begun, compiled, alone; /* one engine does it all */
};

struct exchange {
    struct api *api;
    const struct api_request *req;
    struct api_response *res;
    struct arena *arena;
    struct fault fault;
    const struct route *route;
    const struct client *client; /* who asks; not NULL in handlers */
    bool by_key;                 /* the answer is for this client alone */
    int64_t signed_until;        /* when the URL's signature ends; 0: it has none */
    const char *allow;           /* of OPTIONS: the methods of this path */
    const char *rest;            /* what the pattern's {name} matched */
    handler *resume;             /* set by a handler: the rest is long */
    bool on_pool;                /* long already: `resume` is of no use any more */
    bool in_trailers;            /* headers are trailers now */
    void *work;                  /* the handler's */
    double mark_ms;              /* end of the last stage */
    double deadline_ms;
    struct cost_account cost;
    atomic_bool stopped; /* nobody wants the answer any more */
    struct deferred *deferred;
};

double exchange_clock_ms(void); /* monotonic */

/* Numbers are read and written in the default floating-point state, whatever thread this is: enters it; what it
 * returns is for fp_state_leave. */
unsigned exchange_state_enter(void);

/* Adds the time since the last stage ended to this one. */
void exchange_stage(struct exchange *ex, enum stage stage);
/* Calls run(user) when the answer is written or failed, unless `user`, whose place is returned, is still NULL. Made
 * before the thing it releases, so that running out of memory leaks nothing. */
void **exchange_defer(struct exchange *ex, void (*run)(void *user));
/* Asked between tiles, when `done` of the work is done (0 to 1): DEADLINE or CLIENT_GONE when there is no point in
 * going on. Thread-safe, adds no fault. */
enum status exchange_alive(const struct exchange *ex, double done);
/* Fills `fault` for one of those. */
enum status exchange_ended(struct exchange *ex, enum status why);
/* An item of a job that is only to be checked? */
bool exchange_checks_only(const struct exchange *ex);
/* How many threads its work may have. */
int exchange_threads(const struct exchange *ex);
/* On a thread, what is left is so long that it waits again? */
bool exchange_queues_again(const struct exchange *ex);
/* Goes on with `resume` on a pool thread, when the client's quota allows for what admission_predict said; at once when
 * it is there already, unless that is so long that it queues again. */
enum status exchange_long(struct exchange *ex, handler *resume);

/* The answer. Values must live as long as it does. */
void answer_header(struct exchange *ex, const char *name, const char *value);
void answer_header_count(struct exchange *ex, const char *name, uint64_t value);
void answer_body(struct exchange *ex, int http_status, const char *type, const void *body, size_t n);
void answer_text(struct exchange *ex, int http_status, const char *type, const char *text);
/* Server-Timing, from the stages so far. */
void answer_timing(struct exchange *ex);
/* Are headers that are added from here on trailers of a stream? */
void answer_trailers(struct exchange *ex, bool yes);

/* Problem+json of ex->fault. */
void problem_answer(struct exchange *ex);
/* The answer when there is not even memory for a problem. */
void problem_no_memory(struct api_response *res);

handler blobs_post, blobs_get, blobs_delete, jobs_post, jobs_get, job_results_get, jobs_delete, index_get, graphs_post,
    graphs_get, render_post, render_get, process_post, explain_post, ops_get, openapi_get, streams_post, streams_block,
    streams_get, streams_patch, streams_delete, stream_state_get, version_get, livez_get, readyz_get, metrics_get,
    errors_get, error_get;

#endif
