/* What clients entrust to sinter: graphs, blobs, jobs and their results. One file data.db in SQLite (data_store*.c and
 * nothing else know that), never discarded or rebuilt; without a folder the same in memory. The functions are few and
 * speak of rows by key, so that a database shared by many servers can stand behind them later.
 *
 * What stores returns when it is on disk; writes of several threads share a commit. All calls wait for locks and disks,
 * so they are no business of a thread that serves connections, but for data_stats. Thread-safe. A disk that fails is
 * STATUS_STORE, with nothing of the call kept; a bound that is reached too, with the limit's name. STATUS_QUOTA: the
 * bound is not, but one owner's share of it. Nothing is allocated from a fault's arena while a lock is held. */
#ifndef API_DATA_STORE_H
#define API_DATA_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fault.h"

struct data_store;

struct data_config {
    const char *dir; /* holds data.db, made when it is not there; NULL: memory only */
    uint32_t max_graphs;
    uint64_t max_graphs_bytes; /* what they take of the file, about */
    uint64_t max_blob_bytes;   /* of one */
    uint64_t max_blobs_bytes;  /* of all; those that arrive may have max_blob_bytes beyond it, until they end */
    uint32_t blob_age_s;       /* since it was last used; those of unfinished jobs are kept */
    uint32_t max_jobs;         /* unfinished ones and those that are remembered, which make room */
    uint32_t max_items;        /* of all jobs, that are not finished */
    uint64_t max_jobs_bytes;   /* of those items' requests */
    uint64_t max_results_bytes;
    uint32_t result_age_s; /* since the job ended; the job itself is remembered as long again */
    uint32_t suspect_ms;   /* an item that ran when two processes died is not leased in a process's first so many */
    /* Which part of max_jobs, _items, _jobs_bytes, _blobs_bytes and _results_bytes this owner may fill; NULL: all. */
    double (*share)(const char *owner, void *user);
    void *share_user;
    void (*log)(int level, const char *message, void *user); /* of syslog's levels; may be NULL */
    void *log_user;
};

struct data_config data_config_default(void);

/* STATUS_STORE: data.db is damaged, or of a newer version: the fault says how to recover, the file is as it was. A
 * folder or file that cannot be used now is no failure here: calls fail, and try again each time. */
enum status data_store_new(const struct data_config *config, struct data_store **ret_store,
                           struct fault *fault) MUST_CHECK;
void data_store_free(struct data_store *s); /* takes NULL; no call is under way, no upload is left */

struct data_stats {
    bool failing; /* the last write or read did not succeed, for a reason that is the disk's */
    uint64_t graphs, graphs_bytes, blobs, blobs_bytes, results_bytes;
    uint64_t jobs, jobs_ended;   /* remembered, and of those with nothing left to do */
    uint64_t items, items_bytes; /* not finished, and their requests */
    uint64_t items_running;
    double oldest_item_s;       /* age of the oldest job with items that wait; 0: none does */
    uint64_t commits, failures; /* transactions that changed something, and what failed */
};
void data_stats(struct data_store *s, struct data_stats *ret);

/* Forgets what is too old or too much, and what nobody refers to. Called about once a second by the store itself. */
void data_maintain(struct data_store *s);

/* Reads all of dir/data.db, beside a server that may use it, and tells every fault it finds in a line. Nothing is
 * changed. STATUS_NOT_FOUND: there is none. STATUS_STORE: it cannot be read at all now. */
struct data_verified {
    uint64_t graphs, blobs, jobs, faults;
    int version;
};
enum status data_verify(const char *dir, void (*tell)(const char *line, void *user), void *user,
                        struct data_verified *ret, struct fault *fault) MUST_CHECK;

/* What can be read of a damaged dir/data.db, and is whole, into new_dir/data.db, which must not be there. The damaged
 * file is only read. STATUS_STORE: nothing can be read, or the new one cannot be written. */
enum status data_salvage(const char *dir, const char *new_dir, struct fault *fault) MUST_CHECK;

/* Graphs: canonical text by id */

/* `ret_known`: it was there already. */
enum status data_graph_put(struct data_store *s, const char *id, const char *canonical, bool *ret_known,
                           struct fault *fault) MUST_CHECK;
/* The text, for free(); NULL when there is none. */
enum status data_graph_get(struct data_store *s, const char *id, char **ret_canonical, struct fault *fault) MUST_CHECK;

/* Bytes of any length. They come and go in pieces: at most DATA_PIECE of them are held in memory. */

enum { DATA_PIECE = 1 << 20, DATA_SHA256_HEX = 65, DATA_OWNER_SIZE = 128 };

/* On its way into the store; one call at a time. What is not ended is forgotten, at the latest at the next start. */
struct data_upload;
enum data_kind { DATA_BLOB, DATA_RESULT };
enum status data_upload_new(struct data_store *s, enum data_kind kind, const char *owner,
                            struct data_upload **ret_upload, struct fault *fault) MUST_CHECK;
enum status data_upload_add(struct data_upload *u, const void *data, size_t n, struct fault *fault) MUST_CHECK;
void data_upload_free(struct data_upload *u); /* takes NULL; ended or not */

/* In the store. */
struct data_bytes {
    int64_t id; /* 0: none, and no bytes */
    uint64_t size;
};
/* Exactly n bytes. STATUS_NOT_FOUND: deleted or expired meanwhile, so that nothing is ever cut short in silence. */
enum status data_read(struct data_store *s, struct data_bytes from, uint64_t at, void *ret_bytes, size_t n,
                      struct fault *fault) MUST_CHECK;

/* Blobs: bytes by SHA-256 in lower case hex. The same blob of two owners is kept once, and belongs to both. */

/* The upload is a blob of its owner now. What is there already needs no room. */
enum status data_blob_end(struct data_upload *u, char ret_sha256[DATA_SHA256_HEX], uint64_t *ret_size,
                          struct fault *fault) MUST_CHECK;
/* owner NULL: whosever it is. Finding is using: its age begins anew (without waiting for that). STATUS_NOT_FOUND. */
enum status data_blob_find(struct data_store *s, const char *owner, const char *sha256, struct data_bytes *ret_bytes,
                           struct fault *fault) MUST_CHECK;
/* STATUS_NOT_FOUND; STATUS_CONFLICT: an unfinished job of this owner reads it. */
enum status data_blob_delete(struct data_store *s, const char *owner, const char *sha256,
                             struct fault *fault) MUST_CHECK;

/* Jobs: a list of items, each a request in JSON that ends with a result. */

enum { DATA_JOB_ID = 33, DATA_ATTEMPTS = 3, DATA_ITEM_ID_MAX = 1000 };

struct data_new_item {
    const char *id; /* the client's, or NULL */
    const char *request;
    size_t n;
};

struct data_new_job {
    const char *owner;
    const char *idempotency_key; /* NULL: none */
    uint8_t body_sha256[32];     /* of the whole request, to tell a repetition from another job */
    const struct data_new_item *items;
    uint32_t n_items;         /* at least 1, at most (1 << 20) - 1 */
    const char *const *blobs; /* SHA-256 of those it reads; kept until it ends */
    uint32_t n_blobs;
};

enum data_taken { DATA_JOB_NEW, DATA_JOB_SAME /* taken before */, DATA_JOB_OTHER /* the key is another body's */ };
/* All or nothing. A blob that this owner does not have: STATUS_NOT_FOUND, its SHA-256 in the fault's detail. */
enum status data_job_put(struct data_store *s, const struct data_new_job *job, enum data_taken *ret_taken,
                         char ret_id[DATA_JOB_ID], struct fault *fault) MUST_CHECK;

/* Was a job of this owner taken with this key? DATA_JOB_NEW: none; else its id. */
enum status data_job_of_key(struct data_store *s, const char *owner, const char *key, const uint8_t body_sha256[32],
                            enum data_taken *ret_taken, char ret_id[DATA_JOB_ID], struct fault *fault) MUST_CHECK;

struct data_job {
    char id[DATA_JOB_ID], owner[DATA_OWNER_SIZE];
    int64_t created_ms, finished_ms; /* since 1970; 0: not finished */
    int64_t expires_ms;              /* results go then at the latest; 0: not finished */
    uint32_t items, queued, running, done, failed, cancelled;
    bool expired; /* its results are gone, for age or for want of room */
};
enum status data_job_get(struct data_store *s, const char *id, struct data_job *ret_job,
                         struct fault *fault) MUST_CHECK; /* STATUS_NOT_FOUND */
/* Items that wait are cancelled; those that run may end. */
enum status data_job_cancel(struct data_store *s, const char *id, struct fault *fault) MUST_CHECK;

/* To be run now. */
struct data_item {
    char job[DATA_JOB_ID], owner[DATA_OWNER_SIZE];
    uint32_t seq;      /* place in the job, from 0 */
    uint32_t attempts; /* this one included; more than DATA_ATTEMPTS: not to be run, but to be ended as failed */
    char *id;          /* the client's, or NULL */
    char *request;     /* NUL behind */
    size_t n;
};
/* Up to n items, fairly over the owners; that they run is on disk before they are returned. Only one process at a time
 * gets any: the first that asks, until it ends. What ran in another that is gone waits again. */
enum status data_items_lease(struct data_store *s, struct data_item *ret_items, uint32_t n, uint32_t *ret_n,
                             struct fault *fault) MUST_CHECK;
void data_item_done(struct data_item *item); /* frees its memory */

struct data_outcome {
    int http_status;                    /* below 400: done, else failed */
    const char *content_type, *headers; /* JSON; NULL: none */
    const void *body;                   /* all of it, at most DATA_PIECE bytes ... */
    size_t n;
    struct data_upload *upload; /* ... or NULL and what was uploaded */
};
/* The result and the item's end at once. An item that has ended already stays as it is. A result for which there is no
 * room (limit max-results-bytes, or the owner's share of it) leaves the item running: end it with a small one (up to 16
 * KiB), which always fits. */
enum status data_item_end(struct data_store *s, const struct data_item *item, const struct data_outcome *outcome,
                          struct fault *fault) MUST_CHECK;
/* Not run to its end: it waits again, as if never begun; cancelled when its job is. */
enum status data_item_return(struct data_store *s, const struct data_item *item, struct fault *fault) MUST_CHECK;

/* Results in the order of completion, which is 1, 2, ... without gaps; cancelled items have none. */
struct data_result {
    uint32_t order, seq;
    char *id; /* the client's, or NULL */
    int http_status;
    char *content_type, *headers; /* or NULL */
    struct data_bytes body;
};
/* The next one after `order`; `ret_found` false: there is none yet, or the job has ended. STATUS_NOT_FOUND: there is no
 * such job, or its results are gone. */
enum status data_result_after(struct data_store *s, const char *job, uint32_t order, struct data_result *ret_result,
                              bool *ret_found, struct fault *fault) MUST_CHECK;
void data_result_done(struct data_result *result); /* frees its memory */

#endif
