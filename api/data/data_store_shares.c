/* What each owner has of what all share, and how much that may be. The sums stand in the owners' rows and change in the
 * transaction of what they count, so they are never wrong for longer than it. A blob of two owners counts for both. */
#include <math.h>

#include "api/data/data_store_private.h"

const char data_limit_share[] = "max-client-share";

int data_owner(struct data_store *s, const char *name, bool add, int64_t *ret_owner)
{
    if (add)
        TRY_SQL(data_run(&s->writer, SQL_OWNER_ADD, "t", name));
    return data_number(&s->writer, ret_owner, 0, SQL_OWNER_GET, "t", name);
}

int data_charge(struct data_store *s, int64_t owner, const struct data_held *more)
{
    return data_run(&s->writer, SQL_OWNER_CHARGE, "iiiiiii", owner, more->jobs, more->items, more->items_bytes,
                    more->blobs_bytes, more->coming_bytes, more->results_bytes);
}

int data_charge_job(struct data_store *s, int64_t job, const struct data_held *more)
{
    int64_t owner;
    TRY_SQL(data_number(&s->writer, &owner, 0, SQL_JOB_OWNER, "i", job));
    return data_charge(s, owner, more);
}

int data_held(struct data_store *s, int64_t owner, struct data_held *ret)
{
    sqlite3_stmt *row;
    *ret = (struct data_held){0};
    int64_t *const to[] = {&ret->jobs,        &ret->items,        &ret->items_bytes,
                           &ret->blobs_bytes, &ret->coming_bytes, &ret->results_bytes};
    int rc = data_row(&s->writer, &row, SQL_OWNER_HELD, "i", owner);
    for (int i = 0; rc == SQLITE_ROW && i < (int)(sizeof to / sizeof *to); i++)
        *to[i] = sqlite3_column_int64(row, i);
    data_end(row);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

uint64_t data_share(const struct data_store *s, const char *owner, uint64_t bound)
{
    double part = s->config.share ? s->config.share(owner, s->config.share_user) : 1;
    return part < 1 ? (uint64_t)ceil(part * (double)bound) : bound;
}

int data_refuse_share(struct data_op *op, const char *limit, uint64_t share, const char *unit)
{
    return data_refuse(op, STATUS_QUOTA, data_limit_share,
                       "one client may have %llu %s, its share of --%s, and would have more (limit max-client-share, "
                       "set by --max-client-share); delete or wait for what is yours",
                       (unsigned long long)share, unit, limit);
}
