/* One connection and the request it carries: what is read of it, what is refused, what the api room may ask about it.
 * Knows no HTTP library; http.c brings the bytes and sends the answers. Private to http.c and conn.c. */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include <stdatomic.h>
#include <time.h>

#include "server/body.h"
#include "server/header_check.h"
#include "server/http.h"
#include "server/listen.h"
#include "server/reaper.h"
#include "server/trace.h"
#include "server/uri.h"

enum { REQUEST_ID_SIZE = 68, PROBLEM_SIZE = 1024, RETRY_SIZE = 16, DEFERRABLE = 262144 };

enum visit { VISIT_NONE, VISIT_HEAD, VISIT_BODY, VISIT_INTAKE, VISIT_REFUSED, VISIT_POOL, VISIT_READY };

/* Who has an intake's buffer: the connection, a pool thread, or that thread while it gives the connection back. */
enum turn_of { TURN_OURS, TURN_THEIRS, TURN_WAKING };

struct http {
    struct http_config config;
    struct api *api;
    struct pool *pool;
    struct MHD_Daemon *daemon;
    struct reaper *reaper;
    struct gate *gate;
    char url[LISTEN_URL_SIZE];
    struct peers trusted;
    uint64_t id_base;
    atomic_ulong id_next;
    atomic_bool draining, refusing, aborting; /* answers close; new work is refused; running work is cut short */
    struct acceptor *acceptor;
    atomic_int in_flight, on_pool;
    _Atomic int64_t progress_ms;
};

/* A connection and the one request it carries at a time. */
struct conn {
    struct http *http;
    struct MHD_Connection *mhd;
    struct watched watched;
    struct peer socket_peer; /* a proxy, or the client itself */
    enum visit visit;
    bool begun;       /* counted as in flight */
    bool close;       /* after this answer */
    bool too_late;    /* began while draining */
    bool linger;      /* the client may still be sending */
    bool answer_held; /* api_response_done is owed */
    bool answer_in_file;
    bool takes_stream;
    bool let_in;                        /* of an upload: its first turn was */
    uint64_t held;                      /* bytes of memory that outlive their work, known to the pool */
    struct MHD_Response *stream_answer; /* for its trailers; the library keeps it as long as the connection reads it */
    uint64_t sent;                      /* bytes of a stream handed to the library */
    int64_t sending_ms;                 /* since when, later by the time in which the client waited for us */
    int64_t asleep_ms;                  /* since when there is nothing to send */
    enum status line_status;            /* of the target */
    const char *line_detail;
    const char *target; /* in the library's memory */
    size_t target_size;
    uint64_t discarded, most_discarded;
    uint64_t taken; /* bytes of the body */
    size_t wanted;  /* bytes of it that are worth a turn */
    _Atomic int turn_of;
    int64_t turn_ms; /* when it was handed over */
    int64_t due_us;  /* when what came of the body would have come at the least rate, never ahead of now */
    uint32_t turns;  /* requests on this connection */
    struct timespec began, queued; /* the request; its work in the queue */
    struct header_list fields;
    char **stripped; /* of each field that has blanks behind its value: the value without; else NULL */
    size_t fields_capacity;
    struct header_facts facts;
    struct uri uri;
    struct body body;
    struct api_request request;
    struct api_response response;
    char request_id[REQUEST_ID_SIZE];
    char retry_after[RETRY_SIZE];
    char peer[PEER_TEXT_SIZE];                                     /* the client */
    char trace_id[TRACE_ID_SIZE], trace_parent[TRACE_PARENT_SIZE]; /* "": none, or not as it should be */
    char problem[PROBLEM_SIZE];
};

/* A transfer may take its timeout and what the least rate allows for its bytes. */
static inline int64_t transfer_deadline(const struct http *h, int64_t from_ms, uint32_t timeout_ms, uint64_t bytes)
{
    return from_ms + timeout_ms + (int64_t)(bytes / h->config.min_rate) * 1000;
}

/* What the reaper is told. */
static inline void conn_works(struct conn *c)
{
    watched_set(&c->watched, PHASE_WORK, reaper_clock_ms(), INT64_MAX);
}
static inline void conn_awaits_body(struct conn *c)
{
    watched_set(&c->watched, PHASE_BODY, c->due_us / 1000, c->due_us / 1000 + c->http->config.body_timeout_ms);
}

/* The request line has come; `target` is as it was sent, up to the first NUL, and stays where it is. */
void conn_take_line(struct conn *c, const char *target);
/* One header field, in its order. False: no memory. */
bool conn_take_field(struct conn *c, const char *name, size_t name_size, const char *value, size_t value_size);

/* What to do next: read on; answer with `response` behind the body; answer now and end the connection. */
enum conn_next { NEXT_READ, NEXT_ANSWER_NOW };
/* The head is complete: `head_size` bytes from `method` on. */
enum conn_next conn_take_head(struct conn *c, const char *method, const char *version, size_t head_size);
/* False: so much came behind a refusal that the connection is dropped. */
bool conn_take_piece(struct conn *c, const char *data, size_t n);

/* Of a body that is worked on while it arrives: is there enough for a turn? Then the turn, on any thread. */
bool conn_turn_is_due(const struct conn *c);
bool conn_turn_is_short(const struct conn *c);
void conn_turn(struct conn *c);
/* There is no room for it, by this limit: `response` says so, and is sent behind the body. */
void conn_turn_refused(struct conn *c, const char *limit);
/* So many bytes of memory stay until the request is done. */
void conn_hold(struct conn *c, uint64_t bytes);

/* Its work is about to wait for a thread; it has one: counts the time between. */
void conn_waits(struct conn *c);
void conn_has_waited(const struct conn *c);

/* Makes `response` a problem of this room. */
void conn_refuse(struct conn *c, enum status status, const char *detail, const char *limit);
/* Counts and logs the answer that is about to be sent, or the stream that has ended. */
void conn_observe(const struct conn *c);
/* The answer's memory is not needed any more. */
void conn_answer_done(struct conn *c);
void conn_request_done(struct conn *c);
void conn_free(struct conn *c);

#endif
