/* See good_clients.h. */
#include "tests/support/good_clients.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http_client.h"
#include "tests/support/server_child.h"

enum { CLIENTS_MAX = 64, FAILED_MS = 1000 };

struct good {
    pthread_t thread;
    int port, pace_ms;
    bool keeps;
    double seconds, *ms;
    size_t n, failed, most;
};

static bool ask(struct http_client *c, bool image)
{
    struct http_answer a;
    const char *path = image ? "/render?expr=x*y&width=32&height=32" : "/livez";
    return !http_client_send(c, "GET", path, NULL, NULL, 0) && !http_client_receive(c, &a) && a.status == 200;
}

static void *run(void *user)
{
    struct good *g = user;
    struct http_client *c = NULL;
    double began = now_s();
    for (bool image = false; now_s() - began < g->seconds && g->n < g->most; image = !image) {
        double at = now_s();
        if (!c)
            c = http_client_open("127.0.0.1", g->port);
        bool fine = c && ask(c, image);
        if (!fine || !g->keeps) {
            http_client_close(c);
            c = NULL;
        }
        g->failed += !fine;
        g->ms[g->n++] = fine ? (now_s() - at) * 1e3 : FAILED_MS;
        pause_ms(g->pace_ms);
    }
    http_client_close(c);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct good_result good_clients(int port, int clients, double seconds, long pace_ms)
{
    static struct good all[CLIENTS_MAX];
    struct good_result r = {0};
    size_t most = (size_t)(seconds * 1e3 / (double)pace_ms) + 2;
    double *ms = calloc((size_t)clients * most, sizeof *ms);
    for (int i = 0; i < clients; i++) {
        all[i] = (struct good){.port = port,
                               .pace_ms = (int)pace_ms,
                               .keeps = i % 2,
                               .seconds = seconds,
                               .ms = calloc(most, sizeof *ms),
                               .most = most};
        pthread_create(&all[i].thread, NULL, run, &all[i]);
    }
    for (int i = 0; i < clients; i++) {
        pthread_join(all[i].thread, NULL);
        memcpy(ms + r.asked, all[i].ms, all[i].n * sizeof *ms);
        r.asked += all[i].n;
        r.failed += all[i].failed;
        free(all[i].ms);
    }
    qsort(ms, r.asked, sizeof *ms, by_size);
    if (r.asked) {
        r.median_ms = ms[r.asked / 2];
        r.p99_ms = ms[r.asked - 1 - r.asked / 100];
        r.worst_ms = ms[r.asked - 1];
    }
    free(ms);
    return r;
}

void good_print(const char *what, const struct good_result *r)
{
    printf("  %-28s %zu requests, %zu failed; median %.2f ms, p99 %.2f ms, worst %.2f ms\n", what, r->asked, r->failed,
           r->median_ms, r->p99_ms, r->worst_ms);
    fflush(stdout);
}
