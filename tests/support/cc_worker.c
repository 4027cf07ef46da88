/* See cc_worker.h. */
#include "tests/support/cc_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool read_all(int fd, void *to, size_t n)
{
    for (char *at = to; n > 0;) {
        ssize_t got = read(fd, at, n);
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static struct cc_reply receive(struct cc_worker *w, struct arena *a)
{
    struct cc_reply r = {0};
    if (!read_all(w->fd, &r.head, sizeof r.head))
        return (struct cc_reply){0};
    assert_int_equal(r.head.magic, CC_MAGIC);
    assert_true(r.head.size <= CC_MESSAGE_MAX);
    r.payload = arena_alloc(a, r.head.size + 1);
    return read_all(w->fd, r.payload, r.head.size) ? r : (struct cc_reply){0};
}

struct cc_worker cc_worker_start(void)
{
    struct cc_worker w = {.dir = "/tmp/sinter-test-XXXXXX"};
    char path[512], tmpdir[96], *argv[] = {path, NULL}, *envp[] = {tmpdir, NULL};
    int fds[2];
    posix_spawn_file_actions_t actions;
    assert_non_null(mkdtemp(w.dir));
    snprintf(path, sizeof path, "%s/sinter-cc", test_build_dir());
    snprintf(tmpdir, sizeof tmpdir, "TMPDIR=%s", w.dir);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    int high = fcntl(fds[1], F_DUPFD_CLOEXEC, 10); /* dup2 onto itself would keep it from being inherited */
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, high, CC_FD);
    if (posix_spawn(&w.pid, path, &actions, NULL, argv, envp) != 0)
        fail_msg("cannot start %s", path);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    close(high);
    w.fd = fds[0];
    if (!read_all(w.fd, &w.ready, sizeof w.ready))
        fail_msg("%s does not get ready", path);
    assert_int_equal(w.ready.kind, CC_READY);
    return w;
}

int cc_worker_stop(struct cc_worker *w)
{
    int status = 0;
    close(w->fd);
    while (waitpid(w->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    rmdir(w->dir); /* fails when the worker left something there, which a test looks at */
    return status;
}

struct cc_reply cc_worker_ask(struct cc_worker *w, struct cc_header head, const void *payload, struct arena *a)
{
    if (send(w->fd, &head, sizeof head, MSG_NOSIGNAL) != (ssize_t)sizeof head)
        return (struct cc_reply){0};
    for (size_t sent = 0; sent < head.size;) {
        ssize_t n = send(w->fd, (const char *)payload + sent, head.size - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return (struct cc_reply){0};
        sent += (size_t)n;
    }
    return receive(w, a);
}

struct cc_reply cc_worker_compile(struct cc_worker *w, const char *text, enum target target, unsigned flags,
                                  struct arena *a)
{
    struct cc_header head = {.magic = CC_MAGIC, .kind = CC_COMPILE, .target = (uint32_t)target, .flags = flags};
    head.size = (uint32_t)strlen(text) + 1;
    return cc_worker_ask(w, head, text, a);
}

struct cc_worker cc_worker_ours;

int cc_worker_set_up(void **state)
{
    (void)state;
    if (target_of_cpu() == TARGET_NONE) {
        print_message("this CPU runs no kernels\n");
        exit(0);
    }
    cc_worker_ours = cc_worker_start();
    return 0;
}

int cc_worker_tear_down(void **state)
{
    (void)state;
    cc_worker_stop(&cc_worker_ours);
    return 0;
}
