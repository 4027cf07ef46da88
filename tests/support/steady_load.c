/* See steady_load.h. A client looks whether it is hung up on just before it sends, as HTTP clients do with connections
 * they keep; what it sends in the moment of hanging up is lost to every server, and shows as a reset. */
#include "tests/support/steady_load.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/http_client.h"
#include "tests/support/server_child.h"

struct steady_client {
    pthread_t thread;
    int port;
    double begin_s, pace_s, end_s;
    bool keeps;
    struct steady_result r;
};

struct steady {
    int n;
    struct steady_client clients[];
};

static bool hung_up(struct http_client *c)
{
    struct pollfd p = {.fd = http_client_fd(c), .events = POLLIN | POLLRDHUP};
    return poll(&p, 1, 0) > 0;
}

/* False: the server has ended, or this connection. */
static bool ask(struct steady_client *s, struct http_client *c, bool image)
{
    struct http_answer a;
    if (hung_up(c) ||
        http_client_send(c, "GET", image ? "/render?expr=x*y&width=16&height=16" : "/livez", NULL, NULL, 0))
        return false;
    errno = 0;
    if (http_client_receive(c, &a)) {
        *(errno == ECONNRESET || errno == EPIPE ? &s->r.unread : &s->r.dropped) += 1;
        return false;
    }
    *(a.status == 200 ? &s->r.answered : &s->r.refused) += 1;
    return !a.closed;
}

static void *run(void *user)
{
    struct steady_client *s = user;
    struct http_client *c = NULL;
    double next = s->begin_s;
    for (bool image = false;; image = !image, next += s->pace_s) {
        double wait = next - now_s();
        if (wait > 0)
            pause_ms((long)(wait * 1e3 + 0.5));
        if (!c)
            c = http_client_open("127.0.0.1", s->port);
        if (!c)
            break;
        s->end_s = now_s();
        if (!ask(s, c, image) || !s->keeps) {
            http_client_close(c);
            c = NULL;
        }
    }
    return NULL;
}

struct steady *steady_start(int port, int clients, double per_second)
{
    struct steady *s = calloc(1, sizeof *s + (size_t)clients * sizeof s->clients[0]);
    double now = now_s(), pace = clients / per_second;
    s->n = clients;
    for (int i = 0; i < clients; i++) {
        s->clients[i] = (struct steady_client){
            .port = port, .begin_s = now + pace * i / clients, .pace_s = pace, .keeps = i % 5 != 0};
        pthread_create(&s->clients[i].thread, NULL, run, &s->clients[i]);
    }
    return s;
}

void steady_end(struct steady *s, struct steady_result *ret)
{
    *ret = (struct steady_result){.answered = 0};
    for (int i = 0; i < s->n; i++) {
        struct steady_client *c = &s->clients[i];
        pthread_join(c->thread, NULL);
        ret->answered += c->r.answered;
        ret->refused += c->r.refused;
        ret->unread += c->r.unread;
        ret->dropped += c->r.dropped;
        ret->per_second += (double)(c->r.answered + c->r.refused) / (c->end_s - c->begin_s);
    }
    free(s);
}
