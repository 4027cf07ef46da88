/* See spool.h. */
#include "api/bytes/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/room.h"

/* What all spools of the process hold; the disk is one, too. */
static _Atomic uint64_t held_by_all;

static bool claim(struct spool *s, uint64_t size)
{
    uint64_t more = size > s->held ? size - s->held : 0;
    if (size > s->config->max_spool_bytes)
        s->state = SPOOL_OVER;
    else if (atomic_fetch_add(&held_by_all, more) + more > s->config->max_spools_bytes)
        s->state = SPOOL_FULL;
    else
        s->held += more;
    if (s->state == SPOOL_FULL)
        atomic_fetch_sub(&held_by_all, more);
    return s->state == SPOOL_GOOD;
}

static bool write_all(struct spool *s, uint64_t at, const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = pwrite(s->fd, bytes, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            s->error = done < 0 ? errno : ENOSPC;
            s->state = SPOOL_BROKEN;
            return false;
        }
        bytes += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return true;
}

static void put(struct place *p, uint64_t at, const void *bytes, size_t n)
{
    struct spool *s = (struct spool *)p;
    p->failed = !claim(s, at + n) || !write_all(s, at, bytes, n);
}

void spool_put(struct spool *s, const void *bytes, size_t n)
{
    place_put(&s->place, s->place.size, bytes, n);
}

bool spool_read(struct spool *s, uint64_t at, void *to, size_t n)
{
    char *p = to;
    while (n) {
        ssize_t got = pread(s->fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            s->error = got < 0 ? errno : EIO;
            s->state = SPOOL_BROKEN;
            s->place.failed = true;
            return false;
        }
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

static int open_unnamed(const char *dir)
{
    enum { PATH_SIZE = 4096 };
    char path[PATH_SIZE];
    static const char name[] = "/sinter-spool-XXXXXX";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) ||
        strlen(dir) + sizeof name > sizeof path)
        return fd;
    memcpy(path, dir, strlen(dir));
    memcpy(path + strlen(dir), name, sizeof name);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static const char *folder(const struct api_config *config)
{
    const char *dir = config->spool_dir;
    if (!dir || !*dir)
        dir = config->store_dir;
    if (!dir)
        dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/tmp";
}

static void release(void *user)
{
    spool_free(user);
}

enum status spool_new(struct exchange *ex, struct spool **ret)
{
    void **slot = exchange_defer(ex, release);
    struct spool *s = calloc(1, sizeof *s);
    if (!s)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for a spooled file");
    *slot = s;
    *s = (struct spool){.place = {.put = put}, .config = &ex->api->config};
    s->fd = open_unnamed(folder(s->config));
    if (s->fd < 0)
        return fault_add(&ex->fault, STATUS_BUSY, "", 0, "no temporary file can be made: %s (setting spool-dir)",
                         strerror(errno));
    *ret = s;
    return STATUS_OK;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    atomic_fetch_sub(&held_by_all, s->held);
    free(s);
}

enum status spool_check(const struct spool *s, struct fault *fault)
{
    if (!s->place.failed)
        return STATUS_OK;
    if (s->state == SPOOL_OVER)
        return fault_limit(fault, "max-spool-bytes", "", "what is kept in a file for this request exceeds %llu bytes",
                           (unsigned long long)s->config->max_spool_bytes);
    if (s->state == SPOOL_FULL) {
        fault->limit = "max-spools-bytes";
        return fault_add(fault, STATUS_BUSY, "", 0,
                         "the files of other requests fill the space set aside (setting max-spools-bytes)");
    }
    return fault_add(fault, STATUS_BUSY, "", 0, "the spooled file cannot be written or read: %s", strerror(s->error));
}

void spool_answer(struct exchange *ex, struct spool *s, uint64_t at)
{
    for (struct deferred *d = ex->deferred; d; d = d->next)
        if (d->user == s)
            d->user = NULL;
    ex->res->spool = s;
    ex->res->fd = s->fd;
    ex->res->fd_at = at;
    ex->res->body_size = s->place.size - at;
}
