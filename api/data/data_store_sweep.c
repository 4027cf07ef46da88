/* What the data store does without being asked: it forgets what is too old, deletes what nobody needs a little at a
 * time, and takes over from a process that has gone. One process at a time does so: the one that holds the lock on
 * data.lock, which the kernel lets go of however that process ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "api/data/data_store_private.h"
#include "jit/thread.h"

enum { CHUNKS_AT_ONCE = 16, BODIES_AT_ONCE = 256, OLD_AT_ONCE = 16 };

static bool take_lock(struct data_store *s)
{
    char path[DATA_PATH];
    if (!s->dir || s->lock_fd >= 0)
        return true;
    int n = snprintf(path, sizeof path, "%s/data.lock", s->dir);
    int fd = n > 0 && n < DATA_PATH ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        s->lock_fd = fd;
        return true;
    }
    if (fd >= 0)
        close(fd);
    return false;
}

/* Uploads that nobody can go on with. */
static int drop_orphans(struct data_store *s)
{
    sqlite3_stmt *row;
    int rc = data_row(&s->writer, &row, SQL_BODIES_ORPHANED, "i", s->first_body);
    for (int charged = SQLITE_OK; rc == SQLITE_ROW; rc = charged == SQLITE_OK ? sqlite3_step(row) : charged) {
        enum body_kind kind = (enum body_kind)sqlite3_column_int(row, 0);
        charged = data_upload_charge(s, kind, sqlite3_column_int64(row, 1), -sqlite3_column_int64(row, 2));
    }
    data_end(row);
    return rc == SQLITE_DONE ? data_run(&s->writer, SQL_BODIES_ORPHAN, "i", s->first_body) : rc;
}

/* Those of jobs that were cancelled while they ran. */
static int drop_cancelled(struct data_store *s)
{
    for (;;) {
        int64_t job;
        TRY_SQL(data_number(&s->writer, &job, 0, SQL_JOB_CANCELLING, ""));
        if (!job)
            return SQLITE_OK;
        TRY_SQL(data_job_drop_queued(s, job));
    }
}

int data_lead(struct data_store *s)
{
    if (s->leads || !take_lock(s))
        return SQLITE_OK;
    TRY_SQL(data_run(&s->writer, SQL_ITEMS_REQUEUE, ""));
    TRY_SQL(data_run(&s->writer, SQL_JOBS_REQUEUE, ""));
    s->totals.running = 0;
    TRY_SQL(drop_cancelled(s));
    TRY_SQL(drop_orphans(s));
    s->leads = s->sweeping = true;
    s->leads_from = clock_ms();
    return SQLITE_OK;
}

static int write_touched(struct data_store *s)
{
    int64_t touched[DATA_TOUCHED];
    pthread_mutex_lock(&s->lock);
    int n = s->n_touched;
    memcpy(touched, s->touched, sizeof touched);
    s->n_touched = 0;
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < n; i++)
        TRY_SQL(data_run(&s->writer, SQL_HOLDERS_TOUCH, "ii", touched[i], data_now_ms()));
    return SQLITE_OK;
}

static int forget_blobs(struct data_store *s)
{
    int64_t before = data_now_ms() - (int64_t)s->config.blob_age_s * 1000;
    for (int i = 0; i < OLD_AT_ONCE; i++) {
        sqlite3_stmt *row;
        int64_t owner = 0, body = 0;
        bool held;
        int rc = data_row(&s->writer, &row, SQL_HOLDER_OLD, "i", before);
        if (rc == SQLITE_ROW) {
            owner = sqlite3_column_int64(row, 0);
            body = sqlite3_column_int64(row, 1);
        }
        data_end(row);
        if (rc != SQLITE_ROW)
            return rc == SQLITE_DONE ? SQLITE_OK : rc;
        TRY_SQL(data_holder_drop(s, owner, body, &held));
        TRY_SQL(data_blob_forget(s, body));
    }
    return SQLITE_OK;
}

static int forget_jobs(struct data_store *s)
{
    int64_t age = (int64_t)s->config.result_age_s * 1000, now = data_now_ms();
    for (int i = 0; i < OLD_AT_ONCE; i++) {
        int64_t job, bytes;
        TRY_SQL(data_job_oldest(s, SQL_JOB_OLD, now - age, &job, &bytes));
        if (job)
            TRY_SQL(data_job_expire(s, job, bytes));
        int64_t gone;
        TRY_SQL(data_number(&s->writer, &gone, 0, SQL_JOB_FORGOTTEN, "i", now - 2 * age));
        if (gone)
            TRY_SQL(data_job_forget(s, gone));
        if (!job && !gone)
            break;
    }
    return SQLITE_OK;
}

/* So much that others need not wait for long. */
static int delete_garbage(struct data_store *s)
{
    s->sweeping = true;
    for (int chunks = 0, bodies = 0; chunks < CHUNKS_AT_ONCE && bodies < BODIES_AT_ONCE; bodies++) {
        int64_t body;
        TRY_SQL(data_number(&s->writer, &body, 0, SQL_BODY_GARBAGE, ""));
        if (!body) {
            s->sweeping = false;
            return SQLITE_OK;
        }
        int64_t most = CHUNKS_AT_ONCE - chunks;
        TRY_SQL(data_run(&s->writer, SQL_CHUNKS_DROP, "iii", body << DATA_BITS,
                         body << DATA_BITS | ((1 << DATA_BITS) - 1), most));
        int dropped = sqlite3_changes(s->writer.db);
        chunks += dropped > 1 ? dropped : 0; /* small ones are cheap */
        if (dropped < most)
            TRY_SQL(data_run(&s->writer, SQL_BODY_DROP, "i", body));
    }
    return SQLITE_OK;
}

static int forget_owners(struct data_store *s)
{
    TRY_SQL(data_run(&s->writer, SQL_OWNERS_FORGET, ""));
    s->owners_due = sqlite3_changes(s->writer.db) > 0;
    return SQLITE_OK;
}

static int note_oldest(struct data_store *s)
{
    int64_t created;
    TRY_SQL(data_number(&s->writer, &created, 0, SQL_JOB_OLDEST_WAITING, ""));
    double age = created ? (double)(data_now_ms() - created) / 1000 : 0;
    pthread_mutex_lock(&s->lock);
    s->stats.oldest_item_s = age > 0 ? age : 0;
    pthread_mutex_unlock(&s->lock);
    return SQLITE_OK;
}

int data_sweep(struct data_store *s, struct data_op *op)
{
    (void)op;
    TRY_SQL(data_lead(s));
    if (!s->leads)
        return SQLITE_OK;
    TRY_SQL(write_touched(s));
    TRY_SQL(forget_blobs(s));
    TRY_SQL(forget_jobs(s));
    if (s->owners_due)
        TRY_SQL(forget_owners(s));
    TRY_SQL(delete_garbage(s));
    return note_oldest(s);
}
