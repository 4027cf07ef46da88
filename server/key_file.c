/* See key_file.h. Those who add at once wait for each other at the old file, and look again which one it is. */
#include "server/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 65536, TRIES = 100 };

static enum status cannot(struct fault *fault, const char *what, const char *path)
{
    return fault_add(fault, STATUS_BAD_FIELD, "", 0, "cannot %s %s: %s", what, path, strerror(errno));
}

/* The file of this name, locked; -1. */
static int open_locked(const char *path, struct stat *ret_stat)
{
    for (int i = 0; i < TRIES; i++) {
        struct stat now;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return -1;
        if (!flock(fd, LOCK_EX) && !fstat(fd, ret_stat) && !stat(path, &now) && now.st_ino == ret_stat->st_ino &&
            now.st_dev == ret_stat->st_dev)
            return fd;
        close(fd);
    }
    errno = EBUSY;
    return -1;
}

static bool write_all(int fd, const char *text, size_t n)
{
    while (n) {
        ssize_t put = write(fd, text, n);
        if (put <= 0)
            return false;
        text += put;
        n -= (size_t)put;
    }
    return true;
}

static bool copy_and_add(int from, int to, const char *line)
{
    char piece[PIECE], last = '\n';
    ssize_t n;
    while ((n = read(from, piece, sizeof piece)) > 0) {
        if (!write_all(to, piece, (size_t)n))
            return false;
        last = piece[n - 1];
    }
    return n == 0 && (last == '\n' || write_all(to, "\n", 1)) && write_all(to, line, strlen(line)) &&
           write_all(to, "\n", 1) && !fsync(to);
}

static bool make_new(const char *path, int from, const struct stat *old, const char *line)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool other = old->st_uid != geteuid() || old->st_gid != getegid();
    bool made = (!other || !fchown(fd, old->st_uid, old->st_gid)) && !fchmod(fd, old->st_mode & 0777) &&
                copy_and_add(from, fd, line);
    return !close(fd) && made;
}

static void sync_folder(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd); /* the file is whole either way */
    close(fd);
}

enum status key_file_add(const char *path, const char *line,
                         enum status (*is_sound)(const char *path, struct fault *fault), struct fault *fault)
{
    char fresh[PATH_MAX];
    struct stat old;
    int n = snprintf(fresh, sizeof fresh, "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof fresh)
        return fault_add(fault, STATUS_BAD_FIELD, "", 0, "the file's name is too long");
    int fd = open_locked(path, &old);
    if (fd < 0)
        return cannot(fault, "open", path);
    enum status status = STATUS_OK;
    unlink(fresh);
    if (!make_new(fresh, fd, &old, line))
        status = cannot(fault, "write", fresh);
    if (status == STATUS_OK)
        status = is_sound(fresh, fault);
    if (status == STATUS_OK && rename(fresh, path))
        status = cannot(fault, "replace", path);
    if (status == STATUS_OK)
        sync_folder(path);
    else
        unlink(fresh);
    close(fd);
    return status;
}
