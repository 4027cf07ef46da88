/* See marker.h. The file: a header and MARKS marks. It is locked as long as its process lives, and allocated in whole,
 * since writing into a hole of a mapping kills when the disk is full. A thread takes a mark at its first kernel and
 * keeps it; those of threads that ended are taken over when none is left. */
#include "jit/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jit/sandbox.h"

enum { MARKS = 1000, BOOT_SIZE = 36, STACK_SIZE = 32 << 10 };

struct header {
    char magic[8];
    char boot[BOOT_SIZE]; /* of the machine: what ran when it went down, ran innocently */
    char unused[64 - 8 - BOOT_SIZE];
};

struct file {
    struct header header;
    struct mark marks[MARKS];
};
static const char magic[8] = "sinterM1";

_Thread_local struct marker_mine marker_mine;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of claims, and of the next */
static uint64_t last_id;
static char *stacks[MARKS]; /* for handlers: a kernel may have used up the thread's own. Kept for the next thread */
static bool catches;
static struct file *volatile current; /* what the handlers may have to replace */

static void read_boot(char boot[BOOT_SIZE])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    memset(boot, 0, BOOT_SIZE);
    if (fd < 0)
        return;
    if (read(fd, boot, BOOT_SIZE) != BOOT_SIZE)
        memset(boot, 0, BOOT_SIZE);
    close(fd);
}

/* Tells what was left and begins anew. A file of another form is overwritten: it is worth one start's suspicions. */
static void take_over(struct file *f, void (*left)(const struct marked *m, void *user), void *user)
{
    char boot[BOOT_SIZE];
    read_boot(boot);
    bool ours = memcmp(f->header.magic, magic, sizeof magic) == 0;
    bool same_boot = memcmp(f->header.boot, boot, BOOT_SIZE) == 0;
    for (int i = 0; i < MARKS; i++) {
        unsigned state = f->marks[i].state;
        struct marked m = {.signal = state > MARK_CRASHED ? (int)(state - MARK_CRASHED) : 0};
        memcpy(m.key, f->marks[i].key, HASH_SIZE);
        if (ours && (m.signal || (state == MARK_RUNNING && same_boot)))
            left(&m, user);
    }
    memset(f, 0, sizeof *f);
    memcpy(f->header.boot, boot, BOOT_SIZE);
    memcpy(f->header.magic, magic, sizeof magic);
}

static int open_file(const char *dir)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/crash.marker", dir);
    errno = ENAMETOOLONG;
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd < 0)
        return -1;
    int error = flock(fd, LOCK_EX | LOCK_NB) == 0 ? posix_fallocate(fd, 0, sizeof(struct file)) : errno;
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

struct marker *marker_open(const char *dir, void (*left)(const struct marked *m, void *user), void *user)
{
    int fd = open_file(dir);
    if (fd < 0)
        return NULL;
    struct marker *m = malloc(sizeof *m);
    struct file *f = m ? mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (f == MAP_FAILED) {
        int error = errno;
        free(m);
        close(fd);
        errno = error;
        return NULL;
    }
    take_over(f, left, user);
    pthread_mutex_lock(&lock);
    *m = (struct marker){.id = ++last_id, .fd = fd, .file = f};
    pthread_mutex_unlock(&lock);
    current = f;
    return m;
}

void marker_close(struct marker *m)
{
    if (!m)
        return;
    if (current == m->file)
        current = NULL;
    munmap(m->file, sizeof(struct file));
    close(m->fd);
    free(m);
}

/* A thread's mark */

/* This thread takes the handlers, and on a stack of its own. */
static void take_signals(char **stack)
{
    sigset_t set;
    if (!catches)
        return;
    if (!*stack)
        *stack = malloc(STACK_SIZE);
    stack_t own = {.ss_sp = *stack, .ss_size = STACK_SIZE};
    if (*stack)
        sigaltstack(&own, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigaddset(&set, SIGBUS);
    sigaddset(&set, SIGILL);
    sigaddset(&set, SIGFPE);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* one that is blocked ends the process without a word */
}

static bool has_ended(int thread)
{
    return syscall(SYS_tgkill, getpid(), thread, 0) != 0 && errno == ESRCH;
}

struct mark *marker_claim(struct marker *m)
{
    struct file *f = m->file;
    struct mark *mine = NULL;
    int i;
    pthread_mutex_lock(&lock);
    for (i = 0; i < MARKS && f->marks[i].thread != 0; i++)
        ;
    for (int k = 0; i == MARKS && k < MARKS; k++)
        if (has_ended(f->marks[k].thread))
            i = k;
    if (i < MARKS) {
        mine = &f->marks[i];
        mine->thread = (int)gettid();
        take_signals(&stacks[i]);
    }
    pthread_mutex_unlock(&lock);
    marker_mine = (struct marker_mine){.id = m->id, .mark = mine};
    return mine;
}

/* Crashes */

/* The disk under the mapping is gone or full: the marks go on in memory. */
static bool is_of_marker(const siginfo_t *info)
{
    char *base = (char *)current, *at = info->si_addr;
    if (!base || at < base || at >= base + sizeof(struct file))
        return false;
    return mmap(base, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
           base;
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    struct mark *mine = current ? marker_mine.mark : NULL;
    if (number == SIGBUS && info->si_code > 0 && is_of_marker(info))
        return;
    if (mine && mine->state == MARK_RUNNING && info->si_code > 0)
        mine->state = (unsigned)(MARK_CRASHED + number);
    signal(number, SIG_DFL);
    if (info->si_code <= 0) /* somebody sent it; else the instruction is tried again, and dies */
        syscall(SYS_tgkill, getpid(), gettid(), number);
}

void marker_catch(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (!sandbox_possible())
        return;
    catches = true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}
