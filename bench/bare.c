/* See bare.h. */
#include "bench/bare.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/echo.h"

bool bare_start(struct bare *e)
{
    int out[2];
    if (pipe(out) || (e->pid = fork()) < 0)
        return false;
    if (e->pid == 0) {
        int port = -1;
        struct echo *echo = echo_start(2, 32768, &port);
        if (!echo || write(out[1], &port, sizeof port) != sizeof port)
            _exit(1);
        for (;;)
            pause();
    }
    close(out[1]);
    bool started = read(out[0], &e->port, sizeof e->port) == sizeof e->port;
    close(out[0]);
    return started;
}

void bare_stop(struct bare *e)
{
    kill(e->pid, SIGTERM);
    waitpid(e->pid, NULL, 0);
}
