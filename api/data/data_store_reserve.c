/* Room on the disk that is kept for what makes room: to delete, SQLite must first write to its journal. The reserve is
 * a file of blocks beside data.db. When the disk is full it is given up, the journal's pages are put into the file, the
 * operation runs, and the reserve is made again from what the journal has left. So it is there the next time, too; who
 * has the disk to himself meanwhile is the writer thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/data/data_store_private.h"

enum { RESERVE_BYTES = 16 << 20, RESERVE_LEAST = 1 << 20 };

static bool path_of(const struct data_store *s, char path[DATA_PATH])
{
    int n = s->dir ? snprintf(path, DATA_PATH, "%s/data.reserve", s->dir) : -1;
    return n > 0 && n < DATA_PATH;
}

/* Something else of this name is left alone, and is not waited for; more than is wanted is given back. -1: none. */
static int open_reserve(const char *path)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (st.st_size <= RESERVE_BYTES || ftruncate(fd, RESERVE_BYTES) == 0))
        return fd;
    close(fd);
    return -1;
}

/* As much of it as there is, by halves. A file system that cannot promise blocks has no reserve. */
void data_reserve_make(struct data_store *s)
{
    char path[DATA_PATH];
    if (!path_of(s, path) || s->reserve == RESERVE_BYTES)
        return;
    int fd = open_reserve(path);
    if (fd < 0)
        return;
    s->reserve = 0;
    for (int64_t n = RESERVE_BYTES; n >= RESERVE_LEAST && !s->reserve; n /= 2)
        if (fallocate(fd, 0, 0, n) == 0)
            s->reserve = n;
        else if (errno == EOPNOTSUPP || ftruncate(fd, 0) != 0)
            break;
    close(fd);
    if (!s->reserve)
        unlink(path);
}

static bool give_up(struct data_store *s)
{
    char path[DATA_PATH];
    bool had = s->reserve && path_of(s, path) && unlink(path) == 0;
    s->reserve = 0;
    return had;
}

bool data_reserve_open(struct data_store *s)
{
    char path[DATA_PATH];
    struct statvfs disk;
    if (!path_of(s, path) || statvfs(s->dir, &disk) != 0 ||
        (uint64_t)disk.f_bavail * disk.f_frsize >= (uint64_t)RESERVE_LEAST)
        return false;
    s->reserve = 1; /* one that an earlier process has left */
    return give_up(s);
}

/* So much in the file that nobody uses that what is added finds its place there. */
static bool has_free_pages(struct data_store *s)
{
    int64_t pages;
    return data_number(&s->writer, &pages, 0, SQL_FREE_PAGES, "") == SQLITE_OK && pages * 4096 >= RESERVE_BYTES;
}

bool data_reserve_begin(struct data_store *s, bool frees)
{
    if (!frees && !has_free_pages(s))
        return false;
    if (!give_up(s))
        return false;
    (void)sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return true;
}

void data_reserve_end(struct data_store *s)
{
    (void)sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    data_reserve_make(s);
}
