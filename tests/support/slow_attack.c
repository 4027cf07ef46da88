/* See slow_attack.h. One thread; each client has its turn twice a second. */
#include "tests/support/slow_attack.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/raw.h"
#include "tests/support/server_child.h"

enum { WINDOW = 2048, BITE = 64, TURNS = 50, TURN_MS = 10, LIFE_S = 120 };
enum kind { HEAD, BODY, READER, KINDS };

#define OPS "GET /ops HTTP/1.1\r\nHost: a\r\n\r\n"
static const char *const openings[KINDS] = {
    [HEAD] = "GET /livez HTTP/1.1\r\nHost: a\r\nX: ",
    [BODY] = "POST /graphs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
    [READER] =
        OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS OPS};

struct slow_client {
    int fd; /* -1: none now */
    double again_s;
};

static volatile sig_atomic_t holding;

static void hold(int number)
{
    (void)number;
    holding = 1;
}

static void come(struct slow_client *c, enum kind kind, int port, unsigned from)
{
    c->fd = raw_connect(port, from, kind == READER ? WINDOW : 0);
    if (c->fd < 0)
        return;
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    raw_send(c->fd, openings[kind], strlen(openings[kind]));
}

static void go(struct slow_client *c)
{
    close(c->fd);
    c->fd = -1;
    c->again_s = now_s() + 1;
}

static void drip(struct slow_client *c, enum kind kind)
{
    char bytes[BITE];
    ssize_t n = kind == READER ? recv(c->fd, bytes, sizeof bytes, 0) : send(c->fd, "x", 1, MSG_NOSIGNAL);
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    if (n == 0 || (kind != READER && poll(&p, 1, 0) == 1))
        go(c);
}

static void attack(int port, int clients)
{
    struct slow_client *all = calloc((size_t)clients, sizeof *all);
    double began = now_s();
    for (int i = 0; i < clients; i++)
        all[i].fd = -1;
    for (int turn = 0; now_s() - began < LIFE_S; turn = (turn + 1) % TURNS) {
        for (int i = turn; i < clients; i += TURNS) {
            enum kind kind = (enum kind)(i % KINDS);
            if (all[i].fd >= 0)
                drip(&all[i], kind);
            else if (!holding && now_s() >= all[i].again_s)
                come(&all[i], kind, port, 0x10000u + (unsigned)i);
        }
        pause_ms(TURN_MS);
    }
    _exit(0);
}

struct attack attack_start(int port, int clients)
{
    struct attack a = {.pid = fork()};
    if (a.pid == 0) {
        signal(SIGUSR1, hold);
        attack(port, clients);
    }
    return a;
}

void attack_hold(const struct attack *a)
{
    kill(a->pid, SIGUSR1);
}

void attack_stop(const struct attack *a)
{
    kill(a->pid, SIGKILL);
    waitpid(a->pid, NULL, 0);
}
