/* What a request asks and what an answer looks like, without sockets. The server room hands requests in and sends
 * answers out; tests and the command line do the same without a server. Thread-safe. */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/data/data_store.h"
#include "api/load/pool.h"
#include "api/load/quota.h"
#include "core/fault.h"
#include "jit/engine.h"

struct api;
struct exchange;
struct multipart;
struct pool; /* api/load/pool.h: worker threads for tiles and long requests */

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER
};

/* Limits and settings the api room reads; one member a row of server/config.def that concerns it. */
struct api_config {
    enum tier tier; /* of requests that do not choose one */
    struct graph_limits graph;
    uint64_t max_body; /* bytes of a request body */
    uint64_t max_json; /* bytes of JSON */
    uint32_t max_json_depth;
    uint32_t max_width, max_height;
    uint64_t max_pixels;        /* width * height * frames * samples of one request */
    uint32_t max_samples;       /* points a pixel */
    uint32_t max_outputs_image; /* 4 */
    uint32_t max_channels;      /* audio */
    uint64_t max_frames;        /* audio frames of one request */
    double max_rate;            /* frames a second, of audio that comes in or goes out */
    double max_tail;            /* seconds that tail=auto may add */
    uint64_t max_state_bytes;   /* delay lines of one request */
    uint64_t max_output_bytes;
    uint64_t stream_above;         /* bytes of samples from which on an image is sent while it is made */
    uint64_t max_stream_bytes;     /* of samples of such an image */
    uint64_t upload_above;         /* bytes of a body of audio from which on it is processed while it arrives */
    uint64_t max_upload;           /* of such a body */
    uint64_t max_spool_bytes;      /* of a file that is kept for one request */
    uint64_t max_spools_bytes;     /* of all such files */
    uint64_t max_image_pixels;     /* of an uploaded image */
    uint64_t max_image_bytes;      /* all decoded images of one request */
    uint64_t max_plane_bytes;      /* planes of one request */
    uint64_t max_response_samples; /* of an uploaded impulse response, all channels together */
    uint32_t max_request_ms;       /* deadline */
    struct quota_limits quota;     /* of a client, when its key says nothing else */
    double max_client_share;       /* part of what all share that one client may have */
    uint32_t max_streams;          /* open at once */
    uint64_t max_streams_bytes;    /* all of them together: state, delay lines, last answers */
    uint64_t max_stream_frames;    /* of one block */
    uint32_t max_changes;          /* of parameters, that a stream or request has to come */
    uint32_t stream_idle_ms;       /* after which a stream ends */
    struct data_config data;       /* bounds of what is kept; its folder is store_dir */
    uint32_t max_job_items;        /* of a job */
    uint64_t max_job_bytes;        /* of the body that brings it */
    uint32_t max_item_ms;          /* deadline of one item's work */
    double max_wait_s;             /* seconds a request may wait for a job */
    uint32_t batch_threads;        /* that run items of jobs; 0: none does */
    uint64_t max_arena;            /* bytes a request may use for its own bookkeeping */
    double inline_us;              /* work predicted below this runs on the connection's thread */
    const char *store_dir;         /* data.db; NULL: graphs are kept in memory only */
    const char *keys;              /* file of clients' keys; NULL: whoever asks may do all */
    const char *sign_keys;         /* file of secrets for signed URLs, or NULL */
    const char *cors_origins;      /* web pages that may read answers, or NULL */
    const char *spool_dir;         /* of temporary files; NULL: store_dir, else $TMPDIR, else /tmp */
};
struct api_config api_config_default(void);

enum status api_new(const struct api_config *config, struct engine *engine, struct pool *pool, struct api **ret_api,
                    struct fault *fault) MUST_CHECK;
void api_free(struct api *api);
/* Reads the files of keys again. On failure those it had stay. */
enum status api_reload_keys(struct api *api, struct fault *fault) MUST_CHECK;

/* Begins to run the jobs of the store, batch_threads items at a time. Without it they are taken and wait. */
enum status api_run_jobs(struct api *api, struct fault *fault) MUST_CHECK;
/* The server ends: items under way are given up and wait again, and whoever waits for a job is answered. */
void api_drain(struct api *api);
/* Returns when no item runs any more; before the pool goes. */
void api_stop_jobs(struct api *api);

/* A request that the server asks itself, for an item of a job (job_item.h): on a thread of its own and nothing of it on
 * the pool, however long it takes. */
struct api_batch {
    const struct job_item *item;
    /* Brings the files it names in place of a multipart body; NULL: there are none. */
    enum status (*load)(struct exchange *ex, struct multipart *parts);
    const struct client *client; /* whose job it is */
    uint32_t max_ms;             /* deadline, instead of max_request_ms */
    bool check_only;             /* the answer is 204 or a problem */
    enum status failure;         /* not OK: it fails so, and because of that */
    const char *why, *limit;     /* the limit, or NULL */
};

struct api_request {
    enum method method;
    const char *method_name;
    const char *path;                                                    /* decoded, without the query */
    const char *(*header)(const struct api_request *, const char *name); /* NULL when absent */
    const char *(*query)(const struct api_request *, const char *name);  /* decoded; NULL when absent */
    void (*each_query)(const struct api_request *, void (*one)(const char *name, const char *value, void *),
                       void *user);
    const void *body;
    size_t body_size;
    bool (*client_gone)(const struct api_request *); /* may be NULL; asked between tiles, from any thread */
    void (*progress)(const struct api_request *,
                     double done); /* may be NULL; told between tiles, 0 to 1, from any thread */
    void *user;                    /* the server's */
    const char *request_id;
    const char *peer; /* the client's address without its port; NULL: the command line, or this server */
    const struct client
        *client; /* api/access/client.h: who asks, if that is known already; NULL: found from the headers */
    bool draining;
    bool takes_stream;             /* the answer may come as a stream */
    bool queues;                   /* api_finish may say that it is to be called again */
    const struct api_batch *batch; /* NULL: somebody else's request */
};

struct api_header {
    const char *name, *value;
};

enum { API_HEADERS_MAX = 24, API_TRAILERS_MAX = 8 };

struct api_stream;

/* An answer; lives in its own arena until api_response_done. */
struct api_response {
    struct arena *arena;
    int http_status;
    struct api_header headers[API_HEADERS_MAX];
    size_t n_headers;
    const void *body; /* in the arena or `owned` */
    size_t body_size;
    void *owned; /* freed with free() */
    int fd;      /* >= 0: the body is body_size bytes of this file, from fd_at on; else -1 */
    uint64_t fd_at;
    struct spool *spool;                          /* that file */
    struct api_stream *stream;                    /* not NULL: the body is made while it is sent; see below */
    struct api_header trailers[API_TRAILERS_MAX]; /* of a stream that has ended */
    size_t n_trailers;
    const char *route;         /* the route's label for metrics: "/render" */
    const char *limit;         /* the limit that refused, or NULL */
    const char *format;        /* of a file: "png", "wav"; else NULL */
    double stage_ms[8];        /* parse, check, lower, cache, exec, encode */
    double cost_seconds;       /* predicted, of what is left to do by api_finish: seconds of one thread, */
    uint64_t cost_bytes;       /* and bytes of memory, the request's body and its answer among them */
    const char *client;        /* who asked, and whose turn it takes, when it is long; NULL: not known yet */
    double deadline_ms;        /* by the monotonic clock: when there is no point in it any more */
    struct exchange *exchange; /* the api room's */
};

/* Before the body: may this request go on? Route, method, content type, length (-1 unknown). On refusal the response is
 * complete. */
bool api_accept_headers(struct api *api, const struct api_request *req, int64_t content_length,
                        struct api_response *res);

/* With the whole body. API_DONE: `res` is complete. API_LONG: predicted to take longer than inline_us; call api_finish
 * on a pool thread with the same objects. Never fails: errors are answers. */
enum api_progress { API_DONE, API_LONG };
enum api_progress api_begin(struct api *api, const struct api_request *req, struct api_response *res);
/* API_LONG, for requests that queue only: what is left is longer than was predicted: call it again on a thread, later.
 */
enum api_progress api_finish(struct api *api, const struct api_request *req, struct api_response *res);
/* Instead: the answer of what will not be done, because of a limit of the queue's (see pool.h); NULL: its client has
 * gone. Any thread. */
void api_refuse(struct api *api, struct api_response *res, const char *limit);
void api_response_done(struct api_response *res);

/* A body of audio that is worked on while it arrives, so that hours of it need little memory. The answer comes at the
 * end, in a file when it is large. Whoever reads the body calls begin once the head is accepted, and piece for whatever
 * has come, then end; one at a time, on any thread; or api_response_done at any time. `req` must live as long.
 *
 * api_intake_begin and _piece: false: refused, `res` is complete, what is left of the body is for nobody. A piece is
 * used from its front, and *ret_used may be less than n: what is left is the next piece's beginning, with more behind
 * it. `end` has the last piece, which may be empty. */
bool api_takes_pieces(struct api *api, const struct api_request *req); /* a body of its kind? The head is accepted */
bool api_intake_begin(struct api *api, const struct api_request *req, int64_t content_length, struct api_response *res);
/* May a piece of n bytes be given on a thread that serves connections? Else on one of the pool's. */
bool api_intake_is_short(const struct api_response *res, size_t n);
/* Seconds that such a piece takes, as predicted. */
double api_intake_seconds(const struct api_response *res, size_t n);
bool api_intake_piece(struct api_response *res, const void *data, size_t n, size_t *ret_used);
void api_intake_end(struct api_response *res, const void *data, size_t n);

/* A body that is made while it is sent, for requests with takes_stream: whoever sends it takes what there is, and asks
 * after each time whether more is wanted; then api_stream_work is called once, on a pool thread, and returns when some
 * megabytes are ready. `request` must live as long as the answer.
 *
 * sleep(user) is called inside api_stream_take when there is nothing to take yet, and for each such time wake(user)
 * once, from any thread, when there is: never before sleep has returned. NULL: nobody is told. */
enum api_supply {
    API_SUPPLY_MORE,
    API_SUPPLY_END,   /* all is taken, the trailers are there */
    API_SUPPLY_BROKEN /* it will never be whole: what was sent must not look as if it were */
};
void api_stream_attend(struct api_stream *s, void (*sleep)(void *user), void (*wake)(void *user), void *user);
enum api_supply api_stream_take(struct api_stream *s, void *to, size_t n, size_t *ret_n);
/* True: api_stream_work must be called, or api_stream_break when there is no thread for it. */
bool api_stream_wants(struct api_stream *s);
void api_stream_work(struct api_stream *s);
void api_stream_break(struct api_stream *s);
/* The client has gone: returns when nobody works at it any more. */
void api_stream_stop(struct api_stream *s);

/* Lets web pages read an answer that was not made here: adds the headers of --cors-origins. */
void api_add_cors(struct api *api, const struct api_request *req, struct api_response *res);

/* Extra families for /metrics that the server room counts; text is appended as it is. Set once before requests. */
void api_set_metrics(struct api *api, char *(*text)(struct arena *a, void *user), void *user);
/* For metrics. */
struct api_stats {
    uint32_t streams; /* open */
    uint64_t streams_bytes, streams_begun, streams_expired;
    struct pool_stats pool;
    double factors[2]; /* of predictions: interpreted, compiled */
    struct data_stats data;
    uint64_t items_done, items_failed; /* since the start */
    uint32_t keys, sign_keys;          /* in force */
    bool keys_stale;                   /* their files cannot be read any more */
};
void api_stats(struct api *api, struct api_stats *ret);

/* Not ready while draining or while nothing progresses; asked by /readyz. */
void api_set_ready(struct api *api, bool (*ready)(const char **ret_why, void *user), void *user);

#endif
