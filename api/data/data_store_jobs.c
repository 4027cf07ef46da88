/* Jobs in data.db: taking one with all its items at once, asking, cancelling, and forgetting what has ended. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "api/data/data_store_private.h"
#include "core/hash.h"

enum { ITEMS_MAX = (1 << DATA_BITS) - 1 }; /* orders begin with 1 */

/* Rows of a job's children: from job << 20 to the last. */
static int64_t first_of(int64_t job)
{
    return job << DATA_BITS;
}

static int64_t last_of(int64_t job)
{
    return job << DATA_BITS | ((1 << DATA_BITS) - 1);
}

struct put_op {
    struct data_op op;
    const struct data_new_job *job;
    int64_t bytes; /* of all requests */
    enum data_taken taken;
    char id[DATA_JOB_ID];
};

/* Was a job with this key taken before? */
static int find_key(struct data_store *s, struct put_op *p, int64_t owner)
{
    sqlite3_stmt *row;
    p->taken = DATA_JOB_NEW;
    if (!p->job->idempotency_key || !owner)
        return SQLITE_OK;
    int rc = data_row(&s->writer, &row, SQL_JOB_OF_KEY, "it", owner, p->job->idempotency_key);
    if (rc == SQLITE_ROW) {
        const void *digest = sqlite3_column_blob(row, 1);
        bool same =
            digest && sqlite3_column_bytes(row, 1) == SHA256_SIZE && !memcmp(digest, p->job->body_sha256, SHA256_SIZE);
        p->taken = same ? DATA_JOB_SAME : DATA_JOB_OTHER;
        const char *id = (const char *)sqlite3_column_text(row, 0);
        snprintf(p->id, sizeof p->id, "%s", id ? id : "");
    }
    data_end(row);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* One that has ended goes: of those without results the oldest, else the oldest; of this owner's, or of all (0). */
static int forget_ended(struct data_store *s, int64_t owner)
{
    int64_t old = 0, bytes, of = owner ? owner : INT64_MAX;
    TRY_SQL(data_number(&s->writer, &old, 0, owner ? SQL_JOB_FORGOTTEN_OF : SQL_JOB_FORGOTTEN, "i", of));
    if (!old) {
        TRY_SQL(data_job_oldest(s, owner ? SQL_JOB_OLD_OF : SQL_JOB_OLD, of, &old, &bytes));
        if (old)
            TRY_SQL(data_job_expire(s, old, bytes));
    }
    return old ? data_job_forget(s, old) : SQLITE_OK;
}

/* What one owner may have of it. */
static int check_share(struct data_store *s, struct put_op *p, int64_t owner)
{
    const struct data_config *c = &s->config;
    const char *name = p->job->owner;
    uint64_t jobs = data_share(s, name, c->max_jobs), items = data_share(s, name, c->max_items),
             bytes = data_share(s, name, c->max_jobs_bytes);
    struct data_held has;
    TRY_SQL(data_held(s, owner, &has));
    if (jobs < c->max_jobs && (uint64_t)has.jobs >= jobs) {
        TRY_SQL(forget_ended(s, owner));
        TRY_SQL(data_held(s, owner, &has));
    }
    if (jobs < c->max_jobs && (uint64_t)has.jobs >= jobs)
        return data_refuse_share(&p->op, "max-jobs", jobs, "jobs that wait or run");
    if (items < c->max_items && (uint64_t)has.items + p->job->n_items > items)
        return data_refuse_share(&p->op, "max-items", items, "items that wait or run");
    if (bytes < c->max_jobs_bytes && (uint64_t)(has.items_bytes + p->bytes) > bytes)
        return data_refuse_share(&p->op, "max-jobs-bytes", bytes, "bytes of items that wait or run");
    return SQLITE_OK;
}

static int check_room(struct data_store *s, struct put_op *p)
{
    const struct data_totals *t = &s->totals;
    const struct data_config *c = &s->config;
    if (t->jobs >= c->max_jobs)
        TRY_SQL(forget_ended(s, 0));
    if (t->jobs >= c->max_jobs)
        return data_refuse(&p->op, STATUS_STORE, "max-jobs",
                           "%lld jobs wait or run already (limit max-jobs, set by"
                           " --max-jobs)",
                           (long long)t->jobs);
    if (t->items + p->job->n_items > c->max_items)
        return data_refuse(&p->op, STATUS_STORE, "max-items",
                           "%lld items wait or run already, and this job has %u"
                           " (limit max-items, set by --max-items)",
                           (long long)t->items, p->job->n_items);
    if ((uint64_t)(t->items_bytes + p->bytes) > c->max_jobs_bytes)
        return data_refuse(&p->op, STATUS_STORE, "max-jobs-bytes",
                           "the items that wait or run have %lld bytes, and this"
                           " job %lld (limit max-jobs-bytes, set by --max-jobs-bytes)",
                           (long long)t->items_bytes, (long long)p->bytes);
    return SQLITE_OK;
}

static int add_blobs(struct data_store *s, struct put_op *p, int64_t owner, int64_t job)
{
    for (uint32_t i = 0; i < p->job->n_blobs && p->op.status == STATUS_OK; i++) {
        int64_t body, held;
        TRY_SQL(data_number(&s->writer, &body, 0, SQL_BLOB_GET, "t", p->job->blobs[i]));
        TRY_SQL(data_number(&s->writer, &held, 0, SQL_HOLDER_GET, "ii", owner, body));
        if (!held)
            return data_refuse(&p->op, STATUS_NOT_FOUND, NULL, "there is no blob %.64s here; POST /blobs makes one",
                               p->job->blobs[i]);
        TRY_SQL(data_run(&s->writer, SQL_JOB_BLOB_ADD, "ii", job, body));
    }
    return SQLITE_OK;
}

static int add_items(struct data_store *s, const struct put_op *p, int64_t owner, int64_t job)
{
    for (uint32_t i = 0; i < p->job->n_items; i++) {
        const struct data_new_item *item = &p->job->items[i];
        int64_t key = first_of(job) | i;
        TRY_SQL(data_run(&s->writer, SQL_ITEM_ADD, "iit", key, owner, item->id));
        TRY_SQL(data_run(&s->writer, SQL_REQUEST_ADD, "ib", key, (const void *)item->request, item->n));
    }
    s->totals.items += p->job->n_items;
    s->totals.items_bytes += p->bytes;
    return data_charge(s, owner, &(struct data_held){.jobs = 1, .items = p->job->n_items, .items_bytes = p->bytes});
}

static int put_job(struct data_store *s, struct data_op *op)
{
    struct put_op *p = (struct put_op *)op;
    int64_t owner;
    TRY_SQL(data_owner(s, p->job->owner, true, &owner));
    TRY_SQL(find_key(s, p, owner));
    if (p->taken != DATA_JOB_NEW)
        return SQLITE_OK;
    TRY_SQL(check_share(s, p, owner));
    if (op->status == STATUS_OK)
        TRY_SQL(check_room(s, p));
    if (op->status != STATUS_OK)
        return SQLITE_OK;
    TRY_SQL(data_run(&s->writer, SQL_JOB_ADD, "titbii", p->id, owner, p->job->idempotency_key,
                     (const void *)p->job->body_sha256, (size_t)SHA256_SIZE, (int64_t)p->job->n_items, data_now_ms()));
    int64_t job = sqlite3_last_insert_rowid(s->writer.db);
    s->totals.jobs++;
    TRY_SQL(add_blobs(s, p, owner, job));
    return op->status == STATUS_OK ? add_items(s, p, owner, job) : SQLITE_OK;
}

/* To come back later would not help. */
static enum status check_ever_fits(const struct data_store *s, const struct put_op *p, struct fault *fault)
{
    const struct data_config *c = &s->config;
    uint64_t items = data_share(s, p->job->owner, c->max_items),
             bytes = data_share(s, p->job->owner, c->max_jobs_bytes);
    if (p->job->n_items > c->max_items)
        return fault_limit(fault, "max-items", "", "the job has %u items; all jobs that wait or run have at most %u",
                           p->job->n_items, c->max_items);
    if ((uint64_t)p->bytes > c->max_jobs_bytes)
        return fault_limit(fault, "max-jobs-bytes", "",
                           "the job's items have %lld bytes; those of all jobs that wait or run have at most %llu",
                           (long long)p->bytes, (unsigned long long)c->max_jobs_bytes);
    if (p->job->n_items > items)
        return fault_limit(fault, data_limit_share, "",
                           "the job has %u items; one client's that wait or run are at most %llu, its share of "
                           "--max-items",
                           p->job->n_items, (unsigned long long)items);
    if ((uint64_t)p->bytes > bytes)
        return fault_limit(fault, data_limit_share, "",
                           "the job's items have %lld bytes; one client's that wait or run have at most %llu, its "
                           "share of --max-jobs-bytes",
                           (long long)p->bytes, (unsigned long long)bytes);
    return STATUS_OK;
}

enum status data_job_put(struct data_store *s, const struct data_new_job *job, enum data_taken *ret_taken,
                         char ret_id[DATA_JOB_ID], struct fault *fault)
{
    uint8_t random[(DATA_JOB_ID - 1) / 2];
    struct put_op p = {.op.run = put_job, .job = job};
    if (!job->n_items || job->n_items > ITEMS_MAX)
        return fault_limit(fault, "max-items", "", "a job has 1 to %u items, not %u", ITEMS_MAX, job->n_items);
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return fault_add(fault, STATUS_INTERNAL, "", 0, "there are no random numbers for a job's name");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(p.id + 2 * i, 3, "%02x", random[i]);
    for (uint32_t i = 0; i < job->n_items; i++)
        p.bytes += (int64_t)job->items[i].n;
    TRY(check_ever_fits(s, &p, fault));
    TRY(data_submit(s, &p.op, fault));
    *ret_taken = p.taken;
    memcpy(ret_id, p.id, sizeof p.id);
    return STATUS_OK;
}

static int find_job(struct data_store *s, struct data_op *op)
{
    struct put_op *p = (struct put_op *)op;
    int64_t owner;
    TRY_SQL(data_owner(s, p->job->owner, false, &owner));
    return find_key(s, p, owner);
}

enum status data_job_of_key(struct data_store *s, const char *owner, const char *key, const uint8_t body_sha256[32],
                            enum data_taken *ret_taken, char ret_id[DATA_JOB_ID], struct fault *fault)
{
    struct data_new_job job = {.owner = owner, .idempotency_key = key};
    struct put_op p = {.op.run = find_job, .job = &job};
    memcpy(job.body_sha256, body_sha256, sizeof job.body_sha256);
    TRY(data_submit(s, &p.op, fault));
    *ret_taken = p.taken;
    memcpy(ret_id, p.id, sizeof p.id);
    return STATUS_OK;
}

static void read_job(const struct data_store *s, sqlite3_stmt *row, struct data_job *ret)
{
    const char *id = (const char *)sqlite3_column_text(row, 1), *owner = (const char *)sqlite3_column_text(row, 2);
    *ret = (struct data_job){
        .created_ms = sqlite3_column_int64(row, 3),
        .finished_ms = sqlite3_column_int64(row, 4),
        .items = (uint32_t)sqlite3_column_int64(row, 5),
        .queued = (uint32_t)sqlite3_column_int64(row, 6),
        .running = (uint32_t)sqlite3_column_int64(row, 7),
        .done = (uint32_t)sqlite3_column_int64(row, 8),
        .failed = (uint32_t)sqlite3_column_int64(row, 9),
        .cancelled = (uint32_t)sqlite3_column_int64(row, 10),
        .expired = sqlite3_column_int(row, 11) != 0,
    };
    if (ret->finished_ms)
        ret->expires_ms = ret->finished_ms + (int64_t)s->config.result_age_s * 1000;
    snprintf(ret->id, sizeof ret->id, "%s", id ? id : "");
    snprintf(ret->owner, sizeof ret->owner, "%s", owner ? owner : "");
}

static enum status no_job(const char *id, struct fault *fault)
{
    return fault_add(fault, STATUS_NOT_FOUND, "", 0, "there is no job %.40s here", id);
}

enum status data_job_get(struct data_store *s, const char *id, struct data_job *ret_job, struct fault *fault)
{
    sqlite3_stmt *row;
    struct data_job job;
    struct data_reader *r = data_read_begin(s, fault);
    if (!r)
        return STATUS_STORE;
    int rc = data_row(r->conn, &row, SQL_JOB_GET, "t", id);
    bool found = rc == SQLITE_ROW;
    if (found)
        read_job(s, row, &job);
    data_end(row);
    TRY(data_read_end(s, r, rc, fault));
    if (!found)
        return no_job(id, fault);
    *ret_job = job;
    return STATUS_OK;
}

/* Ends */

int data_job_finish(struct data_store *s, int64_t job)
{
    int64_t body;
    TRY_SQL(data_run(&s->writer, SQL_JOB_FINISH, "ii", job, data_now_ms()));
    if (!sqlite3_changes(s->writer.db))
        return SQLITE_OK;
    s->totals.jobs_ended++;
    for (;;) {
        TRY_SQL(data_number(&s->writer, &body, 0, SQL_JOB_BLOB_ANY, "i", job));
        if (!body)
            return SQLITE_OK;
        TRY_SQL(data_run(&s->writer, SQL_JOB_BLOB_DROP, "ii", job, body));
        TRY_SQL(data_blob_forget(s, body));
    }
}

int data_job_drop_queued(struct data_store *s, int64_t job)
{
    sqlite3_stmt *row;
    int64_t n = 0, bytes = 0;
    int rc = data_row(&s->writer, &row, SQL_ITEMS_QUEUED_SIZE, "ii", first_of(job), last_of(job));
    if (rc == SQLITE_ROW) {
        n = sqlite3_column_int64(row, 0);
        bytes = sqlite3_column_int64(row, 1);
    }
    data_end(row);
    if (rc != SQLITE_ROW)
        return rc;
    TRY_SQL(data_run(&s->writer, SQL_REQUESTS_QUEUED_DROP, "ii", first_of(job), last_of(job)));
    TRY_SQL(data_run(&s->writer, SQL_ITEMS_QUEUED_DROP, "ii", first_of(job), last_of(job)));
    TRY_SQL(data_run(&s->writer, SQL_JOB_CANCEL, "i", job));
    TRY_SQL(data_charge_job(s, job, &(struct data_held){.items = -n, .items_bytes = -bytes}));
    s->totals.items -= n;
    s->totals.items_bytes -= bytes;
    return data_job_finish(s, job);
}

struct job_op {
    struct data_op op;
    const char *id;
};

static int cancel(struct data_store *s, struct data_op *op)
{
    const struct job_op *j = (struct job_op *)op;
    int64_t job;
    TRY_SQL(data_number(&s->writer, &job, 0, SQL_JOB_NUMBER, "t", j->id));
    if (!job)
        return data_refuse(op, STATUS_NOT_FOUND, NULL, "there is no job %.40s here", j->id);
    return data_job_drop_queued(s, job);
}

enum status data_job_cancel(struct data_store *s, const char *id, struct fault *fault)
{
    struct job_op j = {.op = {.run = cancel, .frees = true}, .id = id};
    return data_submit(s, &j.op, fault);
}

int data_job_oldest(struct data_store *s, enum sql statement, int64_t of, int64_t *ret_job, int64_t *ret_result_bytes)
{
    sqlite3_stmt *row;
    *ret_job = *ret_result_bytes = 0;
    int rc = data_row(&s->writer, &row, statement, "i", of);
    if (rc == SQLITE_ROW) {
        *ret_job = sqlite3_column_int64(row, 0);
        *ret_result_bytes = sqlite3_column_int64(row, 1);
    }
    data_end(row);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int data_job_expire(struct data_store *s, int64_t job, int64_t result_bytes)
{
    TRY_SQL(data_run(&s->writer, SQL_RESULT_BODIES_DROP, "ii", first_of(job), last_of(job)));
    TRY_SQL(data_run(&s->writer, SQL_RESULTS_DROP, "ii", first_of(job), last_of(job)));
    TRY_SQL(data_charge_job(s, job, &(struct data_held){.results_bytes = -result_bytes}));
    s->totals.results_bytes -= result_bytes;
    s->sweeping = true;
    return data_run(&s->writer, SQL_JOB_EXPIRE, "i", job);
}

int data_job_forget(struct data_store *s, int64_t job)
{
    TRY_SQL(data_charge_job(s, job, &(struct data_held){.jobs = -1}));
    s->owners_due = true;
    s->totals.jobs--;
    s->totals.jobs_ended--;
    return data_run(&s->writer, SQL_JOB_FORGET, "i", job);
}

/* Of his own that have ended, oldest first. */
static int shrink_share(struct data_store *s, const char *name, uint64_t n, uint64_t share, bool *ret_fits)
{
    int64_t owner;
    TRY_SQL(data_owner(s, name, false, &owner));
    for (;;) {
        struct data_held has;
        int64_t old, bytes;
        TRY_SQL(data_held(s, owner, &has));
        *ret_fits = (uint64_t)has.results_bytes + n <= share;
        if (*ret_fits)
            return SQLITE_OK;
        TRY_SQL(data_job_oldest(s, SQL_JOB_FULL_OF, owner, &old, &bytes));
        if (!old)
            return SQLITE_OK;
        TRY_SQL(data_job_expire(s, old, bytes));
    }
}

static int shrink_all(struct data_store *s, uint64_t n, bool *ret_fits)
{
    for (;;) {
        int64_t old, bytes;
        *ret_fits = (uint64_t)s->totals.results_bytes + n <= s->config.max_results_bytes;
        if (*ret_fits)
            return SQLITE_OK;
        TRY_SQL(data_job_oldest(s, SQL_JOB_FULL, 0, &old, &bytes));
        if (!old)
            return SQLITE_OK;
        TRY_SQL(data_job_expire(s, old, bytes));
    }
}

int data_results_room(struct data_store *s, const char *owner, uint64_t n, const char **ret_limit)
{
    uint64_t share = data_share(s, owner, s->config.max_results_bytes);
    bool fits = true;
    *ret_limit = data_limit_share;
    if (share < s->config.max_results_bytes)
        TRY_SQL(shrink_share(s, owner, n, share, &fits));
    if (!fits)
        return SQLITE_OK;
    TRY_SQL(shrink_all(s, n, &fits));
    *ret_limit = fits ? NULL : "max-results-bytes";
    return SQLITE_OK;
}

int data_refuse_results(struct data_store *s, struct data_op *op, const char *owner, uint64_t n, const char *limit)
{
    if (limit == data_limit_share)
        return data_refuse_share(op, "max-results-bytes", data_share(s, owner, s->config.max_results_bytes),
                                 "bytes of results");
    return data_refuse(
        op, STATUS_STORE, limit,
        "the results of jobs have %lld bytes, and there is no room for %llu more (limit %s, set by --%s)",
        (long long)s->totals.results_bytes, (unsigned long long)n, limit, limit);
}
