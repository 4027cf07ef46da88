/* Items of jobs in data.db: handed out fairly, ended once, and their results in the order of completion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/data/data_store_private.h"
#include "jit/thread.h"

enum { SMALL_RESULT = 16 << 10 }; /* always fits */

void data_item_done(struct data_item *item)
{
    free(item->id);
    free(item->request);
    item->id = item->request = NULL;
}

/* Leasing */

struct lease_op {
    struct data_op op;
    struct data_item *items;
    uint32_t n, got;
};

enum { UNSUSPECTED = 1 };

/* Items may have begun so often before. Somebody who kills the server again and again, or a machine that is out of
 * memory, hits some item twice by chance; an item whose fault it is does it again later, with work done in between. */
static int64_t attempts_allowed(const struct data_store *s)
{
    return clock_ms() - s->leads_from < s->config.suspect_ms ? UNSUSPECTED : INT64_MAX;
}

/* The next owner's first item, round after round; 0: none waits. */
static int next_queued(struct data_store *s, int64_t *ret_item)
{
    *ret_item = 0;
    for (int round = 0; round < 2 && !*ret_item; round++) {
        sqlite3_stmt *row;
        int rc = data_row(&s->writer, &row, SQL_ITEM_QUEUED, "ii", s->last_owner, attempts_allowed(s));
        if (rc == SQLITE_ROW) {
            *ret_item = sqlite3_column_int64(row, 0);
            s->last_owner = sqlite3_column_int64(row, 1);
        }
        data_end(row);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            return rc;
        if (rc == SQLITE_DONE)
            s->last_owner = 0;
    }
    return SQLITE_OK;
}

static int read_item(struct data_store *s, int64_t key, struct data_item *ret)
{
    sqlite3_stmt *row;
    *ret = (struct data_item){.seq = (uint32_t)(key & ((1 << DATA_BITS) - 1))};
    int rc = data_row(&s->writer, &row, SQL_ITEM_TEXT, "i", key);
    if (rc == SQLITE_ROW) {
        const void *request = sqlite3_column_blob(row, 4);
        ret->n = (size_t)sqlite3_column_bytes(row, 4);
        snprintf(ret->job, sizeof ret->job, "%s", (const char *)sqlite3_column_text(row, 0));
        snprintf(ret->owner, sizeof ret->owner, "%s", (const char *)sqlite3_column_text(row, 1));
        ret->attempts = (uint32_t)sqlite3_column_int64(row, 2);
        ret->id = data_text(row, 3);
        ret->request = malloc(ret->n + 1);
        if (ret->request) {
            if (ret->n)
                memcpy(ret->request, request, ret->n);
            ret->request[ret->n] = 0;
        }
        if (!ret->request || (!ret->id && sqlite3_column_type(row, 3) != SQLITE_NULL)) {
            data_item_done(ret);
            rc = SQLITE_NOMEM;
        }
    }
    data_end(row);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

static void free_leased(struct lease_op *l)
{
    while (l->got)
        data_item_done(&l->items[--l->got]);
}

static int lease(struct data_store *s, struct data_op *op)
{
    struct lease_op *l = (struct lease_op *)op;
    free_leased(l); /* of an attempt that was undone */
    TRY_SQL(data_lead(s));
    while (s->leads && l->got < l->n) {
        int64_t item;
        TRY_SQL(next_queued(s, &item));
        if (!item)
            break;
        TRY_SQL(data_run(&s->writer, SQL_ITEM_LEASE, "i", item));
        TRY_SQL(data_run(&s->writer, SQL_JOB_LEASED, "i", item >> DATA_BITS));
        TRY_SQL(read_item(s, item, &l->items[l->got]));
        l->got++;
    }
    s->totals.running += l->got;
    return SQLITE_OK;
}

enum status data_items_lease(struct data_store *s, struct data_item *ret_items, uint32_t n, uint32_t *ret_n,
                             struct fault *fault)
{
    struct lease_op l = {.op.run = lease, .items = ret_items, .n = n};
    enum status status = data_submit(s, &l.op, fault);
    if (status != STATUS_OK)
        free_leased(&l);
    else
        *ret_n = l.got;
    return status;
}

/* Ending */

struct end_op {
    struct data_op op;
    const struct data_item *item;
    const struct data_outcome *outcome; /* NULL: it is returned */
};

/* The item's key while it runs in this attempt, else 0. */
static int find_running(struct data_store *s, const struct data_item *item, int64_t *ret_key, int64_t *ret_bytes)
{
    sqlite3_stmt *row;
    int64_t job;
    *ret_key = 0;
    TRY_SQL(data_number(&s->writer, &job, 0, SQL_JOB_NUMBER, "t", item->job));
    if (!job)
        return SQLITE_OK;
    int64_t key = job << DATA_BITS | item->seq;
    int rc = data_row(&s->writer, &row, SQL_ITEM_RUNS, "ii", key, (int64_t)item->attempts);
    if (rc == SQLITE_ROW) {
        *ret_key = key;
        *ret_bytes = sqlite3_column_int64(row, 1);
    }
    data_end(row);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int drop_item(struct data_store *s, int64_t key, int64_t bytes)
{
    TRY_SQL(data_charge_job(s, key >> DATA_BITS, &(struct data_held){.items = -1, .items_bytes = -bytes}));
    TRY_SQL(data_run(&s->writer, SQL_ITEM_DROP, "i", key));
    TRY_SQL(data_run(&s->writer, SQL_REQUEST_DROP, "i", key));
    s->totals.items--;
    s->totals.items_bytes -= bytes;
    s->totals.running--;
    return SQLITE_OK;
}

static int keep_body(struct data_store *s, struct end_op *e, int64_t job, struct data_bytes *ret)
{
    const struct data_outcome *o = e->outcome;
    *ret = (struct data_bytes){0, o->n};
    if (o->upload)
        return data_upload_finish(s, &e->op, o->upload, BODY_RESULT, ret);
    const char *limit;
    TRY_SQL(data_results_room(s, e->item->owner, o->n, &limit));
    if (limit && o->n > SMALL_RESULT)
        return data_refuse_results(s, &e->op, e->item->owner, o->n, limit);
    if (!o->n)
        return SQLITE_OK;
    TRY_SQL(data_body_new(s, BODY_RESULT, 0, &ret->id));
    TRY_SQL(data_body_add(s, ret->id, 0, o->body, o->n));
    TRY_SQL(data_run(&s->writer, SQL_BODY_GROW, "iii", ret->id, (int64_t)o->n, (int64_t)BODY_RESULT));
    s->totals.results_bytes += (int64_t)o->n;
    return data_charge_job(s, job, &(struct data_held){.results_bytes = (int64_t)o->n});
}

/* How many of the job have a result: the last one's order. */
static int count_results(struct data_store *s, int64_t job, int64_t *ret_n)
{
    sqlite3_stmt *row;
    int rc = data_row(&s->writer, &row, SQL_JOB_COUNTS, "i", job);
    if (rc == SQLITE_ROW)
        *ret_n = sqlite3_column_int64(row, 2) + sqlite3_column_int64(row, 3);
    data_end(row);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

static int end_item(struct data_store *s, struct data_op *op)
{
    struct end_op *e = (struct end_op *)op;
    const struct data_outcome *o = e->outcome;
    struct data_bytes body;
    int64_t key, bytes = 0, order = 0;
    TRY_SQL(find_running(s, e->item, &key, &bytes));
    if (!key)
        return SQLITE_OK;
    int64_t job = key >> DATA_BITS, failed = o->http_status >= 400;
    TRY_SQL(keep_body(s, e, job, &body));
    if (op->status != STATUS_OK)
        return SQLITE_OK;
    TRY_SQL(count_results(s, job, &order));
    TRY_SQL(data_run(&s->writer, SQL_RESULT_ADD, "iititti", (job << DATA_BITS) + order + 1, (int64_t)e->item->seq,
                     e->item->id, (int64_t)o->http_status, o->content_type, o->headers, body.id));
    TRY_SQL(drop_item(s, key, bytes));
    TRY_SQL(data_run(&s->writer, SQL_JOB_ENDED_ONE, "iiii", job, 1 - failed, failed, (int64_t)body.size));
    return data_job_finish(s, job);
}

enum status data_item_end(struct data_store *s, const struct data_item *item, const struct data_outcome *outcome,
                          struct fault *fault)
{
    struct end_op e = {.op.run = end_item, .item = item, .outcome = outcome};
    return data_submit(s, &e.op, fault);
}

static int return_item(struct data_store *s, struct data_op *op)
{
    const struct end_op *e = (struct end_op *)op;
    sqlite3_stmt *row;
    int64_t key, bytes = 0;
    bool cancelling = false;
    TRY_SQL(find_running(s, e->item, &key, &bytes));
    if (!key)
        return SQLITE_OK;
    int64_t job = key >> DATA_BITS;
    int rc = data_row(&s->writer, &row, SQL_JOB_COUNTS, "i", job);
    if (rc == SQLITE_ROW)
        cancelling = sqlite3_column_int(row, 4) != 0;
    data_end(row);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    if (cancelling) {
        TRY_SQL(drop_item(s, key, bytes));
        TRY_SQL(data_run(&s->writer, SQL_JOB_CANCELLED_ONE, "i", job));
        return data_job_finish(s, job);
    }
    s->totals.running--;
    TRY_SQL(data_run(&s->writer, SQL_ITEM_RETURN, "i", key));
    return data_run(&s->writer, SQL_JOB_RETURNED, "i", job);
}

enum status data_item_return(struct data_store *s, const struct data_item *item, struct fault *fault)
{
    struct end_op e = {.op.run = return_item, .item = item};
    return data_submit(s, &e.op, fault);
}

/* Results */

void data_result_done(struct data_result *result)
{
    free(result->id);
    free(result->content_type);
    free(result->headers);
    result->id = result->content_type = result->headers = NULL;
}

static void read_result(sqlite3_stmt *row, struct data_result *ret)
{
    *ret = (struct data_result){
        .order = (uint32_t)(sqlite3_column_int64(row, 0) & ((1 << DATA_BITS) - 1)),
        .seq = (uint32_t)sqlite3_column_int64(row, 1),
        .id = data_text(row, 2),
        .http_status = sqlite3_column_int(row, 3),
        .content_type = data_text(row, 4),
        .headers = data_text(row, 5),
        .body = {sqlite3_column_int64(row, 6), (uint64_t)sqlite3_column_int64(row, 7)},
    };
}

/* Both are seen in one state of the database. */
static int find_result(struct data_conn *c, const char *job, uint32_t order, struct data_job *ret_job,
                       struct data_result *ret, bool *ret_found)
{
    sqlite3_stmt *row, *result = NULL;
    *ret_found = false;
    int rc = data_row(c, &row, SQL_JOB_GET, "t", job);
    if (rc == SQLITE_ROW) {
        int64_t first = sqlite3_column_int64(row, 0) << DATA_BITS;
        snprintf(ret_job->id, sizeof ret_job->id, "%s", (const char *)sqlite3_column_text(row, 1));
        ret_job->expired = sqlite3_column_int(row, 11) != 0;
        rc = data_row(c, &result, SQL_RESULT_AFTER, "ii", first | order, first + (1 << DATA_BITS));
        *ret_found = rc == SQLITE_ROW;
        if (*ret_found)
            read_result(result, ret);
    }
    data_end(result);
    data_end(row);
    return rc;
}

enum status data_result_after(struct data_store *s, const char *job, uint32_t order, struct data_result *ret_result,
                              bool *ret_found, struct fault *fault)
{
    struct data_job of = {0};
    struct data_result result;
    bool found;
    struct data_reader *r = data_read_begin(s, fault);
    if (!r)
        return STATUS_STORE;
    int rc = find_result(r->conn, job, order, &of, &result, &found);
    enum status status = data_read_end(s, r, rc, fault);
    if (status == STATUS_OK && !of.id[0])
        status = fault_add(fault, STATUS_NOT_FOUND, "", 0, "there is no job %.40s here", job);
    else if (status == STATUS_OK && of.expired)
        status = fault_add(fault, STATUS_NOT_FOUND, "", 0, "the results of job %s have expired", of.id);
    if (status == STATUS_OK) {
        *ret_found = found;
        if (found)
            *ret_result = result;
    } else if (found) {
        data_result_done(&result);
    }
    return status;
}
