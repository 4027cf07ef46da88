/* See vfs_faults.h. */
#include "tests/support/vfs_faults.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A change that no sync has covered yet: what was there before, and what was to be there. */
struct change {
    struct change *older;
    char *path;
    int64_t at, size_before;
    size_t n, n_before; /* n 0: a truncate to `at` */
    uint8_t *after, *before;
    bool lost; /* a sync failed: no later one will bring it to the disk */
};

struct file {
    sqlite3_file base;
    char *path;
    bool lasting; /* its changes are remembered */
    sqlite3_file real[];
};

enum { PAGE = 4096 };

static sqlite3_vfs *real_vfs, shim_vfs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum vfs_fault armed;
static unsigned armed_n, count;
static bool armed_lasting;
static struct change *changes;

enum operation { WRITE, SYNC, TRUNCATE, DELETE, MAKE, READ };

static bool counts(enum operation op)
{
    if (armed == VFS_SYNC)
        return op == SYNC;
    if (armed == VFS_READ)
        return op == READ;
    return op != READ;
}

/* SQLITE_OK, or how the operation fails. */
static int judge(enum operation op)
{
    static const int codes[] = {
        [VFS_SOUND] = SQLITE_OK,          [VFS_FULL] = SQLITE_FULL,        [VFS_IOERR] = SQLITE_IOERR,
        [VFS_READONLY] = SQLITE_READONLY, [VFS_SYNC] = SQLITE_IOERR_FSYNC, [VFS_READ] = SQLITE_IOERR_READ,
        [VFS_POWER_CUT] = SQLITE_IOERR};
    if (!counts(op))
        return SQLITE_OK;
    pthread_mutex_lock(&lock);
    count++;
    bool now = armed_n && (armed_lasting ? count >= armed_n : count == armed_n);
    if (armed == VFS_POWER_CUT && armed_n && count >= armed_n)
        now = true;
    int code = now ? codes[armed] : SQLITE_OK;
    pthread_mutex_unlock(&lock);
    if (code == SQLITE_FULL && op != WRITE && op != MAKE)
        code = SQLITE_OK;
    return code == SQLITE_FULL && op == MAKE ? SQLITE_CANTOPEN : code;
}

/* What is not synced */

static void change_free(struct change *c)
{
    free(c->path);
    free(c->after);
    free(c->before);
    free(c);
}

static struct change *change_new(const struct file *f, const void *data, size_t n, int64_t at)
{
    struct change *c = calloc(1, sizeof *c);
    c->path = strdup(f->path);
    c->after = malloc(n + 1);
    if (n)
        memcpy(c->after, data, n);
    c->n = n;
    c->at = at;
    return c;
}

/* Read through SQLite's own file: closing another one would let go of its locks. */
static void remember(struct file *f, const void *data, size_t n, int64_t at)
{
    struct change *c = change_new(f, data, n, at);
    sqlite3_int64 size = 0;
    if (f->real->pMethods->xFileSize(f->real, &size) != SQLITE_OK)
        abort();
    c->size_before = size;
    size_t old = size > at ? (size_t)(size - at) : 0;
    c->n_before = n && n < old ? n : old;
    c->before = calloc(1, (n > c->n_before ? n : c->n_before) + 1);
    if (c->n_before && f->real->pMethods->xRead(f->real, c->before, (int)c->n_before, at) != SQLITE_OK)
        abort();
    c->older = changes;
    changes = c;
}

static bool is_over(const struct change *c, const char *path, int64_t at, size_t n)
{
    int64_t first = c->at / PAGE, last = (c->at + (int64_t)c->n) / PAGE;
    return !strcmp(c->path, path) && (at + (int64_t)n) / PAGE >= first && at / PAGE <= last;
}

/* What was lost by a sync that failed is in the file again when its page is written again. */
static void write_again(const char *path, int64_t at, size_t n)
{
    for (struct change **to = &changes; *to;) {
        struct change *c = *to;
        if (!c->lost || !is_over(c, path, at, n)) {
            to = &c->older;
            continue;
        }
        *to = c->older;
        change_free(c);
    }
}

static void lose_all(const char *path)
{
    for (struct change *c = changes; c; c = c->older)
        c->lost |= !strcmp(c->path, path);
}

static void forget(const char *path)
{
    for (struct change **at = &changes; *at;) {
        struct change *c = *at;
        if (c->lost || strcmp(c->path, path) != 0) {
            at = &c->older;
            continue;
        }
        *at = c->older;
        change_free(c);
    }
}

static void undo(const struct change *c)
{
    int fd = open(c->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    size_t n = c->lost && c->n > c->n_before ? c->n : c->n_before; /* more may have been written behind it since */
    if (n && pwrite(fd, c->before, n, c->at) < 0)
        abort();
    if (!c->lost && ftruncate(fd, c->size_before) != 0)
        abort();
    close(fd);
}

static void redo(const struct change *c)
{
    int fd = open(c->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    if (c->n ? pwrite(fd, c->after, c->n, c->at) < 0 : ftruncate(fd, c->at) != 0)
        abort();
    close(fd);
}

/* Oldest first, each by chance. */
static void redo_some(const struct change *c, unsigned *io_seed)
{
    if (!c)
        return;
    redo_some(c->older, io_seed);
    *io_seed = *io_seed * 1103515245 + 12345;
    if ((*io_seed >> 16 & 1) && !c->lost)
        redo(c);
}

void vfs_faults_forget(void)
{
    while (changes) {
        struct change *c = changes;
        changes = c->older;
        change_free(c);
    }
}

void vfs_faults_lose(unsigned seed)
{
    for (const struct change *c = changes; c; c = c->older)
        undo(c);
    redo_some(changes, &seed);
    vfs_faults_forget();
}

/* Files */

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct file *)f)->real;
}

static int x_close(sqlite3_file *f)
{
    int rc = real_of(f)->pMethods->xClose(real_of(f));
    free(((struct file *)f)->path);
    return rc;
}

static int x_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    int code = judge(READ);
    return code != SQLITE_OK ? code : real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static int x_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    int code = judge(WRITE);
    if (code != SQLITE_OK)
        return code;
    pthread_mutex_lock(&lock);
    if (((struct file *)f)->lasting) {
        write_again(((struct file *)f)->path, at, (size_t)n);
        remember((struct file *)f, from, (size_t)n, at);
    }
    code = real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
    pthread_mutex_unlock(&lock);
    return code;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int code = judge(TRUNCATE);
    if (code != SQLITE_OK)
        return code;
    pthread_mutex_lock(&lock);
    if (((struct file *)f)->lasting)
        remember((struct file *)f, NULL, 0, size);
    code = real_of(f)->pMethods->xTruncate(real_of(f), size);
    pthread_mutex_unlock(&lock);
    return code;
}

static int x_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    int code = judge(SYNC);
    pthread_mutex_lock(&lock);
    if (((struct file *)f)->lasting && code == SQLITE_OK)
        forget(((struct file *)f)->path);
    else if (code == SQLITE_IOERR_FSYNC)
        lose_all(((struct file *)f)->path);
    pthread_mutex_unlock(&lock);
    return code;
}

#define PASS_ON(name, parameters, ...)                                                                                 \
    static int name parameters                                                                                         \
    {                                                                                                                  \
        return __VA_ARGS__;                                                                                            \
    }
PASS_ON(x_size, (sqlite3_file * f, sqlite3_int64 *n), real_of(f)->pMethods->xFileSize(real_of(f), n))
PASS_ON(x_lock, (sqlite3_file * f, int l), real_of(f)->pMethods->xLock(real_of(f), l))
PASS_ON(x_unlock, (sqlite3_file * f, int l), real_of(f)->pMethods->xUnlock(real_of(f), l))
PASS_ON(x_check, (sqlite3_file * f, int *r), real_of(f)->pMethods->xCheckReservedLock(real_of(f), r))
PASS_ON(x_control, (sqlite3_file * f, int op, void *p), real_of(f)->pMethods->xFileControl(real_of(f), op, p))
PASS_ON(x_sector, (sqlite3_file * f), real_of(f)->pMethods->xSectorSize(real_of(f)))
PASS_ON(x_traits, (sqlite3_file * f), real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)))
PASS_ON(x_shm_map, (sqlite3_file * f, int i, int n, int w, void volatile **p),
        real_of(f)->pMethods->xShmMap(real_of(f), i, n, w, p))
PASS_ON(x_shm_lock, (sqlite3_file * f, int o, int n, int l), real_of(f)->pMethods->xShmLock(real_of(f), o, n, l))
PASS_ON(x_shm_unmap, (sqlite3_file * f, int d), real_of(f)->pMethods->xShmUnmap(real_of(f), d))

static void x_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_traits,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *out, int flags, int *out_flags)
{
    struct file *f = (struct file *)out;
    struct stat st;
    (void)vfs;
    f->base.pMethods = NULL;
    bool makes = (flags & SQLITE_OPEN_CREATE) && (!name || stat(name, &st) != 0);
    int code = makes ? judge(MAKE) : SQLITE_OK;
    if (code != SQLITE_OK)
        return code;
    code = real_vfs->xOpen(real_vfs, name, f->real, flags, out_flags);
    if (code == SQLITE_OK) {
        f->base.pMethods = &methods;
        f->path = name ? strdup(name) : NULL;
        f->lasting = name && !(flags & SQLITE_OPEN_DELETEONCLOSE);
    }
    return code;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    int code = judge(DELETE);
    if (code != SQLITE_OK)
        return code;
    pthread_mutex_lock(&lock);
    forget(name);
    pthread_mutex_unlock(&lock);
    return real_vfs->xDelete(real_vfs, name, sync_dir);
}

void vfs_faults_begin(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    shim_vfs = *real_vfs;
    shim_vfs.zName = "faults";
    shim_vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    shim_vfs.xOpen = x_open;
    shim_vfs.xDelete = x_delete;
    sqlite3_vfs_register(&shim_vfs, 1);
}

void vfs_faults_end(void)
{
    sqlite3_vfs_unregister(&shim_vfs);
    vfs_faults_forget();
}

void vfs_faults_arm(enum vfs_fault fault, unsigned n, bool lasting)
{
    pthread_mutex_lock(&lock);
    armed = fault;
    armed_n = n;
    armed_lasting = lasting;
    count = 0;
    pthread_mutex_unlock(&lock);
}

unsigned vfs_faults_count(void)
{
    pthread_mutex_lock(&lock);
    unsigned n = count;
    pthread_mutex_unlock(&lock);
    return n;
}
