/* See store_key.h. */
#include "jit/store_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_sound(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    bool ours = st.st_uid == geteuid() || st.st_uid == 0;
    return S_ISREG(st.st_mode) && st.st_size == MAC_KEY_SIZE && ours && (st.st_mode & S_IRWXO) == 0;
}

/* Root, who does not trust it, is no reason to take it from the one whose folder it is. */
static bool is_the_folders(int fd, const char *path)
{
    struct stat st, folder;
    char dir[4096];
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) : 1;
    snprintf(dir, sizeof dir, "%.*s", n ? n : 1, slash ? path : ".");
    return geteuid() == 0 && fstat(fd, &st) == 0 && stat(dir, &folder) == 0 && st.st_uid != 0 &&
           st.st_uid == folder.st_uid;
}

/* 1 read, 0 there is something unsound, -1 there is nothing that can be read, -2 it is not ours to replace. */
static int read_key(const char *path, uint8_t ret_key[MAC_KEY_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    int found = is_sound(fd) && read(fd, ret_key, MAC_KEY_SIZE) == MAC_KEY_SIZE;
    if (!found && is_the_folders(fd, path))
        found = -2;
    close(fd);
    return found;
}

static bool write_key(const char *path, const uint8_t key[MAC_KEY_SIZE])
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = write(fd, key, MAC_KEY_SIZE) == MAC_KEY_SIZE && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

bool store_key(const char *path, uint8_t ret_key[MAC_KEY_SIZE], bool *ret_replaced)
{
    char fresh[4096];
    uint8_t key[MAC_KEY_SIZE];
    int found = read_key(path, ret_key);
    *ret_replaced = found == 0;
    if (found == 1)
        return true;
    if (found == -2) {
        errno = EPERM;
        return false;
    }
    int n = snprintf(fresh, sizeof fresh, "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof fresh || getrandom(key, sizeof key, 0) != sizeof key)
        return false;
    unlink(fresh);
    bool placed = write_key(fresh, key);
    if (placed && found == 0)
        placed = rename(fresh, path) == 0;
    else if (placed) /* does not replace what another process placed meanwhile */
        placed = link(fresh, path) == 0 || errno == EEXIST;
    int error = errno;
    unlink(fresh);
    errno = error;
    return placed && read_key(path, ret_key) == 1;
}
