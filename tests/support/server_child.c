/* See server_child.h. */
#include "tests/support/server_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/command.h"
#include "tests/support.h"

enum { ARGUMENTS_MAX = 24 };

double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

struct child child_start(const char *const *more)
{
    const char *argv[ARGUMENTS_MAX] = {"serve",       "--listen", "127.0.0.1:0", "--store", "none",
                                       "--compilers", "0",        "--threads",   "2"};
    int argc = 9, out[2];
    for (; more && *more; more++)
        argv[argc++] = *more;
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no server behind */
        dup2(out[1], STDOUT_FILENO);
        int nowhere = open("/dev/null", O_WRONLY);
        if (!getenv("TEST_LOG"))
            dup2(nowhere, STDERR_FILENO);
        close(out[0]);
        _exit(command_serve(argc, (char **)(uintptr_t)argv));
    }
    close(out[1]);
    struct child c = {.pid = pid};
    FILE *lines = fdopen(out[0], "r");
    char line[200] = "";
    if (!fgets(line, sizeof line, lines) || sscanf(line, "listening on http://127.0.0.1:%d\n", &c.port) != 1)
        fail_msg("the server did not start: \"%s\"", line);
    fclose(lines);
    return c;
}

int child_stop(const struct child *c)
{
    int status = 0;
    kill(c->pid, SIGTERM);
    waitpid(c->pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int child_refuses(const char *const *arguments)
{
    const char *argv[ARGUMENTS_MAX] = {"serve"};
    int argc = 1, status = 0;
    for (; *arguments; arguments++)
        argv[argc++] = *arguments;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        _exit(command_serve(argc, (char **)(uintptr_t)argv));
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

struct http_client *child_connect(const struct child *c)
{
    struct http_client *client = http_client_open("127.0.0.1", c->port);
    if (!client)
        fail_msg("cannot connect: %s", strerror(errno));
    return client;
}
