/* See acceptor.h. */
#include "server/acceptor.h"

#include <errno.h>
#include <linux/filter.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct acceptor {
    pthread_t thread;
    struct acceptor_user user;
    int listen_fd, wake_fd;
};

enum { PAUSE_MS = 5 };

/* True: nothing waits any more; false: it must wait, for want of descriptors. */
static bool take_all(struct acceptor *a)
{
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t n = sizeof peer;
        int fd = accept4(a->listen_fd, (struct sockaddr *)&peer, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            a->user.take(a->user.user, fd, (struct sockaddr *)&peer, n);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return true;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM || errno == EINVAL)
            return false;
        /* Anything else is that connection's own misfortune. */
    }
}

/* True: stop. */
static bool wait_for_some(const struct acceptor *a, bool pause)
{
    struct pollfd fds[2] = {{.fd = a->wake_fd, .events = POLLIN}, {.fd = a->listen_fd, .events = POLLIN}};
    while (poll(fds, pause ? 1 : 2, pause ? PAUSE_MS : -1) < 0 && errno == EINTR)
        ;
    return fds[0].revents != 0;
}

static void *run(void *user)
{
    struct acceptor *a = user;
    bool pause = false;
    while (!wait_for_some(a, pause))
        pause = !take_all(a);
    take_all(a);
    return NULL;
}

struct acceptor *acceptor_new(int listen_fd, const struct acceptor_user *user)
{
    struct acceptor *a = calloc(1, sizeof *a);
    if (a) {
        *a = (struct acceptor){.user = *user, .listen_fd = listen_fd, .wake_fd = eventfd(0, EFD_CLOEXEC)};
        if (a->wake_fd >= 0 && !pthread_create(&a->thread, NULL, run, a))
            return a;
        if (a->wake_fd >= 0)
            close(a->wake_fd);
    }
    free(a);
    close(listen_fd);
    return NULL;
}

/* Who has shaken hands when a listening socket is closed is reset, with all it has sent. So nobody may begin to from
 * now on; who has begun is done within milliseconds, and is taken. */
static void ignore_newcomers(int listen_fd)
{
    enum { FLAGS_AT = 13, SYN = 2, HANDSHAKE_MS = 5 };
    struct sock_filter drop_syn[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
                                     BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SYN, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
                                     BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
    const struct sock_fprog program = {sizeof drop_syn / sizeof drop_syn[0], drop_syn};
    if (!setsockopt(listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program))
        nanosleep(&(struct timespec){.tv_nsec = HANDSHAKE_MS * 1000000}, NULL);
}

void acceptor_stop(struct acceptor *a)
{
    if (!a || a->listen_fd < 0)
        return;
    ignore_newcomers(a->listen_fd);
    eventfd_write(a->wake_fd, 1);
    pthread_join(a->thread, NULL);
    close(a->listen_fd);
    close(a->wake_fd);
    a->listen_fd = -1;
}

void acceptor_free(struct acceptor *a)
{
    acceptor_stop(a);
    free(a);
}
