/* See host.h. */
#include "bench/host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/http_client.h"

extern char **environ;

/* Reads the line "listening on http://HOST:PORT". */
static int read_port(int fd)
{
    char line[256] = "";
    size_t n = 0;
    while (n + 1 < sizeof line && !strchr(line, '\n')) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 10000) <= 0)
            return -1;
        ssize_t got = read(fd, line + n, sizeof line - 1 - n);
        if (got <= 0)
            return -1;
        n += (size_t)got;
        line[n] = 0;
    }
    const char *colon = strrchr(line, ':');
    return colon ? atoi(colon + 1) : -1;
}

bool host_start(struct host *h, const char *program, const char *store, const char *const *extra)
{
    int out[2];
    const char *argv[32] = {program ? program : "/proc/self/exe", "serve", "--listen", "127.0.0.1:0", "--store"};
    size_t n = 5;
    *h = (struct host){.own_store = !store};
    snprintf(h->store, sizeof h->store, "%s", store ? store : "/tmp/sinter-bench-XXXXXX");
    if ((!store && !mkdtemp(h->store)) || pipe(out))
        return false;
    argv[n++] = h->store;
    for (size_t i = 0; extra && extra[i] && n < 31; i++)
        argv[n++] = extra[i];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1 /* O_WRONLY */, 0);
    int failed = posix_spawn(&h->pid, argv[0], &actions, NULL, (char **)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    h->port = failed ? -1 : read_port(out[0]);
    close(out[0]);
    if (h->port > 0)
        return true;
    fprintf(stderr, "the server did not start\n");
    if (!failed)
        host_stop(h, false);
    return false;
}

int host_stop(struct host *h, bool keep_store)
{
    int status = 0, code = -1;
    kill(h->pid, SIGTERM);
    for (int i = 0; i < 1000 && code < 0; i++) {
        if (waitpid(h->pid, &status, WNOHANG) == h->pid)
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        else
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    if (code < 0) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, &status, 0);
    }
    if (!keep_store)
        host_remove_store(h);
    return code;
}

void host_remove_store(struct host *h)
{
    char command[128];
    if (!h->own_store)
        return;
    snprintf(command, sizeof command, "rm -rf %s", h->store);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", h->store);
}

double host_metric(const struct host *h, const char *name)
{
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    struct http_answer a;
    double value = -1;
    if (c && http_client_send(c, "GET", "/metrics", NULL, NULL, 0) == 0 && http_client_receive(c, &a) == 0) {
        size_t length = strlen(name);
        char *text = strndup(a.body, a.body_size);
        for (char *line = text, *next; line && *line; line = next) {
            next = strchr(line, '\n');
            if (next)
                *next++ = 0;
            if (!strncmp(line, name, length) && line[length] == ' ')
                value = atof(line + length);
        }
        free(text);
    }
    http_client_close(c);
    return value;
}
