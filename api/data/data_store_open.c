/* Opening data.db: it is made whole under another name, judged before anything may change it, and migrated. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/data/data_store_private.h"

enum {
    BUSY_MS = 5000,
    CHECKED_BYTES = 16 << 20, /* a smaller file is checked from end to end at each start */
    JOURNAL_BYTES = 8 << 20,
};

/* Another program's query may hold a lock, and so may another server. Nothing is written on closing: what is refused
 * must stay as it is. */
static int connect_to(const char *name, int flags, struct data_conn *ret)
{
    int rc = sqlite3_open_v2(name, &ret->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(ret->db, BUSY_MS);
        sqlite3_extended_result_codes(ret->db, 0);
        sqlite3_db_config(ret->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        rc = sqlite3_exec(ret->db, "PRAGMA mmap_size=0; PRAGMA trusted_schema=0; PRAGMA cell_size_check=1", NULL, NULL,
                          NULL);
    }
    if (rc != SQLITE_OK)
        data_conn_close(ret);
    return rc;
}

static int path_of(char to[DATA_PATH], const char *dir, const char *end)
{
    int n = snprintf(to, DATA_PATH, "%s/data.db%s", dir, end);
    return n > 0 && n < DATA_PATH ? SQLITE_OK : SQLITE_CANTOPEN;
}

static enum data_found closed(char why[DATA_WHY], const char *doing, const char *because)
{
    snprintf(why, DATA_WHY, "%s: %s", doing, because);
    return DATA_CLOSED;
}

static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static enum data_found fill_new(const char *path, char why[DATA_WHY])
{
    struct data_conn c = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* nobody else's business, whatever the umask */
    if (fd < 0)
        return closed(why, "it cannot be made", strerror(errno));
    close(fd);
    int rc = connect_to(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &c);
    if (rc != SQLITE_OK)
        return closed(why, "it cannot be made", sqlite3_errstr(rc));
    enum data_found found = DATA_SOUND;
    rc = sqlite3_exec(c.db, "PRAGMA page_size=4096; PRAGMA synchronous=FULL", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        found = data_migrate(c.db, true, why);
    sqlite3_db_config(c.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    if (rc == SQLITE_OK && found == DATA_SOUND)
        rc = sqlite3_exec(c.db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    data_conn_close(&c);
    if (found != DATA_SOUND || rc != SQLITE_OK)
        return closed(why, "it cannot be made", rc == SQLITE_OK ? "no space or rights" : sqlite3_errstr(rc));
    return DATA_SOUND;
}

static void remove_all(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[DATA_PATH + 16];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

/* A file that appears under its name is whole from the first moment on, so that an empty one is known to be damage. */
static enum data_found make(const char *dir, const char *path, char why[DATA_WHY])
{
    char fresh[DATA_PATH], end[32];
    snprintf(end, sizeof end, ".new-%ld", (long)getpid());
    if (path_of(fresh, dir, end) != SQLITE_OK)
        return closed(why, "it cannot be made", "the path is too long");
    remove_all(fresh);
    enum data_found found = fill_new(fresh, why);
    if (found == DATA_SOUND && link(fresh, path) != 0 && errno != EEXIST)
        found = closed(why, "it cannot be made", strerror(errno));
    remove_all(fresh);
    if (found == DATA_SOUND && !sync_dir(dir))
        found = closed(why, "its folder cannot be synced", strerror(errno));
    return found;
}

static bool has_bytes(const char *dir, const char *end)
{
    char path[DATA_PATH];
    struct stat st;
    return path_of(path, dir, end) == SQLITE_OK && stat(path, &st) == 0 && st.st_size > 0;
}

/* There is a file afterwards, if it says so. */
static enum data_found be_there(const char *dir, const char *path, char why[DATA_WHY])
{
    struct stat st;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return closed(why, "its folder cannot be made", strerror(errno));
    if (stat(path, &st) == 0)
        return DATA_SOUND;
    if (errno != ENOENT)
        return closed(why, "it cannot be reached", strerror(errno));
    if (has_bytes(dir, "-wal")) {
        snprintf(why, DATA_WHY, "its journal data.db-wal is there, but it is not");
        return DATA_DAMAGED;
    }
    return make(dir, path, why);
}

/* One line of PRAGMA quick_check, "ok" when all is well. */
static enum data_found check_small(sqlite3 *db, char why[DATA_WHY])
{
    sqlite3_stmt *st = NULL;
    enum data_found found = DATA_CLOSED;
    int64_t bytes = -1;
    if (sqlite3_prepare_v2(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", -1, &st,
                           NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        bytes = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    if (bytes > CHECKED_BYTES)
        return DATA_SOUND;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    const char *line = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    if (line && !strcmp(line, "ok"))
        found = DATA_SOUND;
    else if (line || (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        found = DATA_DAMAGED;
    if (found != DATA_SOUND)
        snprintf(why, DATA_WHY, "%.200s", line ? line : sqlite3_errmsg(db));
    sqlite3_finalize(st);
    return found;
}

static enum data_found open_memory(struct data_conn *ret, char why[DATA_WHY])
{
    int rc = connect_to(":memory:", SQLITE_OPEN_READWRITE, ret);
    if (rc != SQLITE_OK)
        return closed(why, "memory cannot be used", sqlite3_errstr(rc));
    enum data_found found = data_migrate(ret->db, true, why);
    if (found != DATA_SOUND)
        data_conn_close(ret);
    return found;
}

static enum data_found judge(sqlite3 *db, char why[DATA_WHY])
{
    char set[128];
    enum data_found found = data_file_is_whole(db, why);
    if (found == DATA_SOUND)
        found = check_small(db, why);
    if (found == DATA_SOUND && sqlite3_db_readonly(db, "main"))
        found = closed(why, "it cannot be written", "no rights, or a read-only file system");
    snprintf(set, sizeof set, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=%d",
             JOURNAL_BYTES);
    if (found == DATA_SOUND)
        found = data_migrate(db, false, why);
    if (found == DATA_SOUND && sqlite3_exec(db, set, NULL, NULL, NULL) != SQLITE_OK)
        found = closed(why, "it cannot be written", sqlite3_errmsg(db));
    return found;
}

enum data_found data_open_writer(const char *dir, struct data_conn *ret, char why[DATA_WHY])
{
    char path[DATA_PATH];
    if (!dir)
        return open_memory(ret, why);
    if (path_of(path, dir, "") != SQLITE_OK)
        return closed(why, "it cannot be opened", "the path is too long");
    enum data_found found = be_there(dir, path, why);
    if (found != DATA_SOUND)
        return found;
    int rc = connect_to(path, SQLITE_OPEN_READWRITE, ret);
    if (rc != SQLITE_OK)
        return closed(why, "it cannot be opened", sqlite3_errstr(rc));
    found = judge(ret->db, why);
    if (found != DATA_SOUND)
        data_conn_close(ret);
    else
        sqlite3_db_config(ret->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return found;
}

/* "file:PATH?immutable=1"; what would mean something in a URI is escaped. */
static void make_uri(const char *path, char *ret_uri)
{
    char *out = ret_uri + sprintf(ret_uri, "file:");
    for (; *path; path++)
        out += sprintf(out, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
    sprintf(out, "?immutable=1");
}

int data_open_reader(const char *dir, bool alone, struct data_conn *ret)
{
    char path[DATA_PATH], uri[3 * DATA_PATH + 32], why[DATA_WHY];
    TRY_SQL(path_of(path, dir, ""));
    make_uri(path, uri);
    if (alone && has_bytes(dir, "-wal")) /* what is in the journal would be missed */
        return SQLITE_READONLY;
    int rc = alone ? connect_to(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret)
                   : connect_to(path, SQLITE_OPEN_READWRITE, ret);
    if (rc == SQLITE_OK && alone && data_file_is_whole(ret->db, why) != DATA_SOUND)
        rc = SQLITE_CORRUPT;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(ret->db, "PRAGMA query_only=1", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        data_conn_close(ret);
    return rc;
}
