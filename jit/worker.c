/* See worker.h. The process gets a pinned PATH, an own temporary directory, no other descriptor than its socket, its
 * own process group (so that the assembler dies with it) and a low priority: compiles must not slow requests. */
#include "jit/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jit/thread.h"

enum { NICENESS = 10, STARVED_FACTOR = 6, SWEEP_AGE_S = 60 };
#define DIR_NAME "sinter-cc-"

/* One question and its answer: how long it may take. */
struct talk {
    int fd, stop_fd, stat_fd;
    pid_t pid;
    int timeout_ms;
    int64_t deadline, last_deadline; /* clock_ms() */
    double cpu_limit_ms;             /* the process's time at which its share is used up */
};

/* Processor time of the process, and whether it is willing to run: 'R' in its state. */
static bool wants_to_run(pid_t pid, int stat_fd, double *ret_cpu_ms)
{
    char text[400];
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return false;
    *ret_cpu_ms = (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
    ssize_t n = pread(stat_fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return false;
    text[n] = 0;
    const char *state = strrchr(text, ')');
    return state && strncmp(state, ") R", 3) == 0;
}

static int open_state(pid_t pid)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static struct talk talk_begin(const struct worker *w, int stop_fd, int timeout_ms)
{
    double cpu_ms = 0;
    wants_to_run(w->pid, w->stat_fd, &cpu_ms);
    return (struct talk){.fd = w->fd,
                         .stat_fd = w->stat_fd,
                         .stop_fd = stop_fd,
                         .pid = w->pid,
                         .timeout_ms = timeout_ms,
                         .deadline = clock_ms() + timeout_ms,
                         .last_deadline = clock_ms() + (int64_t)timeout_ms * STARVED_FACTOR,
                         .cpu_limit_ms = cpu_ms + timeout_ms};
}

/* A worker gives way to requests, so on a busy machine it may just not have had its turn: no reason to kill it. */
static bool talk_prolong(struct talk *t)
{
    double cpu_ms;
    int64_t now = clock_ms();
    if (now >= t->last_deadline || !wants_to_run(t->pid, t->stat_fd, &cpu_ms) || cpu_ms >= t->cpu_limit_ms)
        return false;
    t->deadline = now + t->timeout_ms / 4 + 1;
    return true;
}

/* Waits until the socket is ready for `events`. */
static enum worker_outcome wait_for(struct talk *t, short events)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = t->fd, .events = events}, {.fd = t->stop_fd, .events = POLLIN}};
        int64_t left = t->deadline - clock_ms();
        if (left <= 0 && !talk_prolong(t))
            return WORKER_LATE;
        int n = poll(fds, 2, left > 0 ? (int)left : 0);
        if (n < 0 && errno != EINTR)
            return WORKER_DEAD;
        if (n > 0 && fds[1].revents)
            return WORKER_STOPPED;
        if (n > 0 && fds[0].revents)
            return WORKER_OK;
    }
}

static enum worker_outcome send_all(struct talk *t, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t sent = send(t->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return WORKER_DEAD;
        if (sent < 0) {
            enum worker_outcome o = wait_for(t, POLLOUT);
            if (o != WORKER_OK)
                return o;
            continue;
        }
        p += sent;
        n -= (size_t)sent;
    }
    return WORKER_OK;
}

static enum worker_outcome receive_all(struct talk *t, void *data, size_t n)
{
    char *p = data;
    while (n > 0) {
        ssize_t got = recv(t->fd, p, n, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return WORKER_DEAD;
        if (got < 0) {
            enum worker_outcome o = wait_for(t, POLLIN);
            if (o != WORKER_OK)
                return o;
            continue;
        }
        p += got;
        n -= (size_t)got;
    }
    return WORKER_OK;
}

/* One message: header, then its payload with a NUL behind it. */
static enum worker_outcome receive(struct talk *t, struct cc_header *ret_head, char **ret_payload)
{
    enum worker_outcome o = receive_all(t, ret_head, sizeof *ret_head);
    if (o != WORKER_OK)
        return o;
    bool known = ret_head->kind == CC_READY || ret_head->kind == CC_IMAGE || ret_head->kind == CC_REFUSED;
    if (ret_head->magic != CC_MAGIC || !known || ret_head->size > CC_MESSAGE_MAX)
        return WORKER_DEAD;
    char *payload = malloc((size_t)ret_head->size + 1);
    if (!payload)
        return WORKER_DEAD;
    o = receive_all(t, payload, ret_head->size);
    if (o != WORKER_OK) {
        free(payload);
        return o;
    }
    payload[ret_head->size] = 0;
    *ret_payload = payload;
    return WORKER_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    remove(path); /* what cannot be removed stays: it is in the temporary directory */
    return 0;
}

static const char *temporary_base(void)
{
    const char *base = getenv("TMPDIR");
    return base && *base && strlen(base) + sizeof DIR_NAME "XXXXXX" < sizeof((struct worker *)0)->dir - 1 ? base
                                                                                                          : "/tmp";
}

static bool make_dir(struct worker *w)
{
    snprintf(w->dir, sizeof w->dir, "%s/" DIR_NAME "XXXXXX", temporary_base());
    if (!mkdtemp(w->dir)) {
        w->dir[0] = 0;
        return false;
    }
    w->dir_fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return w->dir_fd >= 0 && flock(w->dir_fd, LOCK_SH | LOCK_NB) == 0;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void sweep_one(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && st.st_mtime < time(NULL) - SWEEP_AGE_S &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        remove_tree(path);
    close(fd);
}

void worker_sweep(void)
{
    char path[4096];
    const struct dirent *entry;
    DIR *d = opendir(temporary_base());
    while (d && (entry = readdir(d)) != NULL) {
        int n = snprintf(path, sizeof path, "%s/%s", temporary_base(), entry->d_name);
        if (strncmp(entry->d_name, DIR_NAME, strlen(DIR_NAME)) == 0 && n > 0 && (size_t)n < sizeof path)
            sweep_one(path);
    }
    if (d)
        closedir(d);
}

static int spawn(struct worker *w, const char *path, enum sandbox_mode mode, int child_fd)
{
    char tmpdir[80], sandbox[40];
    char *const argv[] = {(char *)(uintptr_t)path, NULL};
    snprintf(tmpdir, sizeof tmpdir, "TMPDIR=%s", w->dir);
    snprintf(sandbox, sizeof sandbox, SANDBOX_VARIABLE "=%s", sandbox_mode_name(mode));
    char *const envp[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LC_ALL=C"}, tmpdir, sandbox, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, child_fd, CC_FD);
    posix_spawn_file_actions_addclosefrom_np(&actions, CC_FD + 1);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int error = posix_spawn(&w->pid, path, &actions, &attr, argv, envp);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    if (error)
        w->pid = 0;
    return error;
}

/* Gives way to requests. Either may be forbidden where we run; the worker then competes. */
static void give_way(pid_t pid)
{
    const struct sched_param zero = {0};
    sched_setscheduler(pid, SCHED_BATCH, &zero);
    setpriority(PRIO_PROCESS, (id_t)pid, NICENESS);
}

static enum worker_outcome await_ready(struct worker *w, int stop_fd, int timeout_ms)
{
    struct cc_header head;
    char *payload = NULL;
    struct talk t = talk_begin(w, stop_fd, timeout_ms);
    enum worker_outcome o = receive(&t, &head, &payload);
    free(payload);
    if (o != WORKER_OK)
        return o;
    memcpy(w->compiler, head.compiler, sizeof head.compiler);
    w->sandbox = head.flags;
    for (const char *p = w->compiler; *p; p++) {
        if (*p < ' ' || *p > '~')
            return WORKER_DEAD;
    }
    return head.kind == CC_READY && w->compiler[0] ? WORKER_OK : WORKER_DEAD;
}

enum worker_outcome worker_start(struct worker *w, const char *path, enum sandbox_mode sandbox, int stop_fd,
                                 int timeout_ms)
{
    int pair[2];
    *w = (struct worker){.fd = -1, .dir_fd = -1, .stat_fd = -1};
    if (!make_dir(w) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        worker_end(w);
        return WORKER_ABSENT;
    }
    w->fd = pair[0];
    int error = spawn(w, path, sandbox, pair[1]);
    close(pair[1]);
    if (error) {
        worker_end(w);
        return WORKER_ABSENT;
    }
    w->stat_fd = open_state(w->pid);
    give_way(w->pid);
    enum worker_outcome o = await_ready(w, stop_fd, timeout_ms);
    if (o != WORKER_OK)
        worker_end(w);
    return o;
}

enum worker_outcome worker_ask(struct worker *w, uint32_t target, uint32_t flags, const char *text, int stop_fd,
                               int timeout_ms, struct cc_header *ret_head, char **ret_payload)
{
    struct talk t = talk_begin(w, stop_fd, timeout_ms);
    size_t size = strlen(text) + 1;
    struct cc_header head = {
        .magic = CC_MAGIC, .kind = CC_COMPILE, .target = target, .flags = flags, .size = (uint32_t)size};
    enum worker_outcome o = send_all(&t, &head, sizeof head);
    if (o == WORKER_OK)
        o = send_all(&t, text, size);
    if (o == WORKER_OK)
        o = receive(&t, ret_head, ret_payload);
    if (o == WORKER_OK && ret_head->kind == CC_READY) {
        free(*ret_payload);
        o = WORKER_DEAD;
    }
    w->compiles++;
    return o;
}

bool worker_is_idle(const struct worker *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

void worker_end(struct worker *w)
{
    if (w->pid > 0) {
        kill(-w->pid, SIGKILL); /* its group: the assembler, too */
        kill(w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (w->fd >= 0)
        close(w->fd);
    if (w->dir[0])
        remove_tree(w->dir);
    if (w->dir_fd >= 0)
        close(w->dir_fd);
    if (w->stat_fd >= 0)
        close(w->stat_fd);
    *w = (struct worker){.fd = -1, .dir_fd = -1, .stat_fd = -1};
}
