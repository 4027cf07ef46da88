/* One connection to data.db: statements prepared once, bound and stepped. Knows nothing of what they mean. */
#include <stdarg.h>
#include <string.h>

#include "api/data/data_store_private.h"

static const char *const texts[SQL_COUNT] = {
#define STATEMENT(name, text) [SQL_##name] = text,
#include "api/data/data_sql.def"
#undef STATEMENT
};

static int bind_all(sqlite3_stmt *st, const char *types, va_list ap)
{
    int rc = SQLITE_OK;
    for (int i = 1; types[i - 1] && rc == SQLITE_OK; i++) {
        const void *bytes;
        switch (types[i - 1]) {
        case 'i':
            rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
            break;
        case 't':
            rc = sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
            break;
        default:
            bytes = va_arg(ap, const void *);
            rc = sqlite3_bind_blob64(st, i, bytes ? bytes : "", va_arg(ap, size_t), SQLITE_STATIC);
        }
    }
    return rc;
}

static int first_row(struct data_conn *c, enum sql sql, const char *types, va_list ap, sqlite3_stmt **ret)
{
    sqlite3_stmt **st = &c->statements[sql];
    *ret = NULL;
    int rc = *st ? SQLITE_OK : sqlite3_prepare_v3(c->db, texts[sql], -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
    if (rc == SQLITE_OK)
        rc = bind_all(*st, types, ap);
    *ret = *st;
    return rc == SQLITE_OK ? sqlite3_step(*st) : rc;
}

void data_end(sqlite3_stmt *row)
{
    if (!row)
        return;
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
}

int data_run(struct data_conn *c, enum sql sql, const char *types, ...)
{
    sqlite3_stmt *st;
    va_list ap;
    va_start(ap, types);
    int rc = first_row(c, sql, types, ap, &st);
    va_end(ap);
    data_end(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int data_row(struct data_conn *c, sqlite3_stmt **ret_row, enum sql sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    int rc = first_row(c, sql, types, ap, ret_row);
    va_end(ap);
    return rc;
}

int data_number(struct data_conn *c, int64_t *ret_number, int64_t missing, enum sql sql, const char *types, ...)
{
    sqlite3_stmt *st;
    va_list ap;
    va_start(ap, types);
    int rc = first_row(c, sql, types, ap, &st);
    va_end(ap);
    if (rc == SQLITE_ROW)
        *ret_number = sqlite3_column_int64(st, 0);
    else if (rc == SQLITE_DONE)
        *ret_number = missing;
    data_end(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

char *data_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? strdup(text) : NULL;
}

void data_conn_close(struct data_conn *c)
{
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(c->statements[i]);
    sqlite3_close(c->db);
    memset(c, 0, sizeof *c);
}
