/* Inside the data store: connections, the writer's operations, what both share. Only data_store*.c includes this. */
#ifndef API_DATA_STORE_PRIVATE_H
#define API_DATA_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "api/data/data_store.h"

enum sql {
#define STATEMENT(name, text) SQL_##name,
#include "api/data/data_sql.def"
#undef STATEMENT
    SQL_COUNT
};

/* What a graph's text of n bytes takes of the file, about: its key, its share of half-full pages, a page of its own
 * when it is long. */
#define DATA_GRAPH_ROOM(n) ((n) <= 800 ? (n)*3 / 2 + 90 : (n) + 5000)
#define DATA_GRAPH_LENGTH "length(CAST(canonical AS BLOB))"
#define DATA_GRAPHS_ROOM                                                                                               \
    "coalesce(sum(CASE WHEN " DATA_GRAPH_LENGTH "<=800 THEN " DATA_GRAPH_LENGTH "*3/2+90 ELSE " DATA_GRAPH_LENGTH      \
    "+5000 END),0)"

/* What owners have, counted anew; nothing is on its way. */
#define DATA_OWNERS_SUMS                                                                                               \
    "UPDATE owners SET (jobs, items, results_bytes)=(SELECT count(*), coalesce(sum(queued+running),0),"                \
    " coalesce(sum(result_bytes),0) FROM jobs j WHERE j.owner=owners.owner),"                                          \
    " items_bytes=(SELECT coalesce(sum(length(request)),0) FROM jobs j JOIN requests r ON r.item BETWEEN j.job<<20"    \
    " AND j.job<<20|1048575 WHERE j.owner=owners.owner),"                                                              \
    " blobs_bytes=(SELECT coalesce(sum(size),0) FROM holders h JOIN bodies b ON b.body=h.body"                         \
    " WHERE h.owner=owners.owner), coming_bytes=0;"

enum { DATA_WHY = 512, DATA_READERS = 4, DATA_TOUCHED = 256, DATA_PATH = 4096 };
enum { DATA_BITS = 20 }; /* of the lower number in a key */

struct data_conn {
    sqlite3 *db; /* NULL: closed */
    sqlite3_stmt *statements[SQL_COUNT];
};

/* Statements (data_store_db.c). Types of arguments: i int64_t, t const char * or NULL, b const void *, size_t. Results
 * are SQLite's codes. */

/* Runs a statement that gives nothing. */
int data_run(struct data_conn *c, enum sql sql, const char *types, ...);
/* Its first row: SQLITE_ROW, SQLITE_DONE when there is none; data_end in any case. */
int data_row(struct data_conn *c, sqlite3_stmt **ret_row, enum sql sql, const char *types, ...);
void data_end(sqlite3_stmt *row); /* takes NULL */
/* The first number of the first row; `missing` when there is none. */
int data_number(struct data_conn *c, int64_t *ret_number, int64_t missing, enum sql sql, const char *types, ...);
char *data_text(sqlite3_stmt *row, int column); /* for free(); NULL when it is NULL or there is no memory */
void data_conn_close(struct data_conn *c);

/* Opening (data_store_open.c) */

enum data_found {
    DATA_SOUND,
    DATA_CLOSED,  /* cannot be used now */
    DATA_DAMAGED, /* nor ever, as it is */
    DATA_NEWER
};
enum { DATA_SCHEMA = 3 };
/* A connection to dir/data.db, made and migrated first when need be. `dir` NULL: in memory. Judges the file before it
 * may be changed. Fills `why` when it is not sound. */
enum data_found data_open_writer(const char *dir, struct data_conn *ret, char why[DATA_WHY]);
/* `alone`: of a file that nobody can write, without locks. */
int data_open_reader(const char *dir, bool alone, struct data_conn *ret);
/* Migrates what the connection sees, from whatever version; nothing yet if `fresh` (data_store_schema.c). */
enum data_found data_migrate(sqlite3 *db, bool fresh, char why[DATA_WHY]);
int data_user_version(sqlite3 *db, int *ret_version);
/* Are all pages there that the file or its journal promise? (data_store_schema.c) */
enum data_found data_file_is_whole(sqlite3 *db, char why[DATA_WHY]);

/* Is it what its name says? A row of (id, canonical), or of (sha256, body) (data_store_verify.c). */
bool data_graph_is_true(sqlite3_stmt *row);
bool data_blob_is_true(sqlite3 *db, sqlite3_stmt *row);

/* The store (data_store.c) */

struct data_totals {
    int64_t graphs, graphs_bytes, blobs, blobs_bytes, results_bytes, jobs, jobs_ended, items, items_bytes, running;
    int64_t coming_bytes; /* of blobs_bytes, on their way; counted at the start */
};

struct data_reader {
    pthread_mutex_t lock;
    struct data_conn own, *conn; /* own, or in memory the writer's */
    bool alone;                  /* opened without a writer */
};

struct data_op;

struct data_store {
    struct data_config config;
    char *dir;
    struct data_reader readers[DATA_READERS]; /* in memory only the first */
    int n_readers;
    atomic_uint next_reader;

    /* the writer thread's; in memory under the first reader's lock */
    struct data_conn writer;
    struct data_totals totals;
    int64_t last_owner; /* who had a turn last */
    int lock_fd;        /* held: this process runs items; -1 */
    bool leads;         /* it does */
    int64_t leads_from; /* by clock_ms() */
    bool sweeping;      /* there is garbage left */
    bool owners_due;    /* there may be owners of nothing */
    int64_t reserve;    /* bytes of data.reserve */
    int64_t first_body; /* bodies after this one are of this process; -1: not known yet */

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake, finished;
    struct data_op *first, **last;
    bool stopping;
    struct data_stats stats;
    int64_t touched[DATA_TOUCHED];
    int n_touched;
};

/* Something the writer does, alone or together with others in one transaction. `run` may be called again after its
 * changes were undone, and fills its results anew each time. A status other than OK undoes what it did. */
struct data_op {
    struct data_op *next;
    int (*run)(struct data_store *s, struct data_op *op); /* SQLite's code */
    enum status status;
    const char *limit;
    char why[DATA_WHY];
    bool frees; /* it makes room, and may use the reserve when there is none */
    bool done;
};

/* Waits until it is on disk. */
enum status data_submit(struct data_store *s, struct data_op *op, struct fault *fault) MUST_CHECK;
/* Inside `run`: the operation is refused. Returns SQLITE_OK, for run to return. */
int data_refuse(struct data_op *op, enum status status, const char *limit, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A connection to read from, held until data_read_end; NULL: the fault is filled. */
struct data_reader *data_read_begin(struct data_store *s, struct fault *fault);
/* `code`: the last one of this reader's, whose failure fills the fault. */
enum status data_read_end(struct data_store *s, struct data_reader *r, int code, struct fault *fault) MUST_CHECK;

int64_t data_now_ms(void); /* since 1970 */

/* Parts of operations */

/* Owners (data_store_shares.c) */

/* The owner's number; `add`: a new one has one, too. 0: none. */
int data_owner(struct data_store *s, const char *name, bool add, int64_t *ret_owner);
/* What one has, or has more of by a change. */
struct data_held {
    int64_t jobs, items, items_bytes; /* as in the totals */
    int64_t blobs_bytes;              /* kept; blobs of several owners count for each */
    int64_t coming_bytes;             /* of blobs on their way */
    int64_t results_bytes;
};
int data_held(struct data_store *s, int64_t owner, struct data_held *ret);
int data_charge(struct data_store *s, int64_t owner, const struct data_held *more);
int data_charge_job(struct data_store *s, int64_t job, const struct data_held *more); /* whose job it is */
/* How much of a bound this owner may fill. */
uint64_t data_share(const struct data_store *s, const char *owner, uint64_t bound);
extern const char data_limit_share[]; /* the setting's name */
int data_refuse_share(struct data_op *op, const char *limit, uint64_t share, const char *unit);

enum body_kind { BODY_GARBAGE, BODY_BLOB, BODY_RESULT, BODY_BLOB_COMING, BODY_RESULT_COMING };
int data_body_new(struct data_store *s, enum body_kind kind, int64_t owner, int64_t *ret_body); /* data_store_bytes.c */
int data_body_add(struct data_store *s, int64_t body, int64_t chunk, const void *p, size_t n);  /* the next chunk */
int data_blob_forget(struct data_store *s, int64_t body); /* unless somebody holds or reads it */
/* Bytes more, or less, of what is on its way: for the totals and the owner. */
int data_upload_charge(struct data_store *s, enum body_kind coming, int64_t owner, int64_t n);
/* Ends what of the upload is not in the store yet, as part of an operation. */
int data_upload_finish(struct data_store *s, struct data_op *op, struct data_upload *u, enum body_kind kind,
                       struct data_bytes *ret_bytes);
uint64_t data_upload_size(const struct data_upload *u);
struct data_store *data_upload_store(const struct data_upload *u);
const char *data_upload_owner(const struct data_upload *u);
void data_upload_hash(const struct data_upload *u, char ret_hex[DATA_SHA256_HEX]);

int data_job_finish(struct data_store *s, int64_t job); /* when nothing of it is left; data_store_jobs.c */
/* The first job that one of the SQL_JOB_OLD and SQL_JOB_FULL_OF finds; 0: none. */
int data_job_oldest(struct data_store *s, enum sql statement, int64_t of, int64_t *ret_job, int64_t *ret_result_bytes);
int data_job_expire(struct data_store *s, int64_t job, int64_t result_bytes);
int data_job_forget(struct data_store *s, int64_t job);
int data_job_drop_queued(struct data_store *s, int64_t job);
/* Room for n bytes of this owner's results, taken from the oldest jobs that have ended: from its own when its share is
 * used up, else from whosever. *ret_limit: what leaves none, or NULL. */
int data_results_room(struct data_store *s, const char *owner, uint64_t n, const char **ret_limit);
int data_refuse_results(struct data_store *s, struct data_op *op, const char *owner, uint64_t n, const char *limit);
int data_holder_drop(struct data_store *s, int64_t owner, int64_t body, bool *ret_was); /* data_store_blobs.c */

/* The reserve (data_store_reserve.c), the writer thread's */

void data_reserve_make(struct data_store *s); /* what is missing of it */
/* The disk is full: between begin and end the reserve is there for one operation. False: there is none, or it is not
 * for this one. */
bool data_reserve_begin(struct data_store *s, bool frees);
void data_reserve_end(struct data_store *s);
bool data_reserve_open(struct data_store *s); /* data.db cannot even be opened for want of room: there is some now */

/* Becomes the process that runs items, when there is none; what ran before waits again. (data_store_sweep.c) */
int data_lead(struct data_store *s);
int data_sweep(struct data_store *s, struct data_op *op); /* an operation's run */

#define TRY_SQL(call)                                                                                                  \
    do {                                                                                                               \
        int try_code_ = (call);                                                                                        \
        if (try_code_ != SQLITE_OK)                                                                                    \
            return try_code_;                                                                                          \
    } while (0)

#endif
