/* See press.h. One epoll loop; each connection carries one request at a time. */
#include "tests/support/press.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support.h"
#include "tests/support/server_child.h"

enum { CONNECTIONS = 800, HEAD_MOST = 4096, EVENTS = 64, CHUNK = 256 << 10, HEALTH = PRESS_KINDS };

struct line {
    int fd; /* -1: closed */
    bool busy, sending;
    size_t kind; /* HEALTH: a health route */
    const char *request;
    size_t size, sent;
    double due_s;
    char head[HEAD_MOST];
    size_t n_head, left; /* of the body, once the head is whole */
    bool in_body;
    int status;
    bool retry, close;
    struct line *next; /* idle */
};

struct sample {
    double *ms;
    size_t n, room;
};

struct press {
    const struct press_plan *plan;
    const struct press_kind *kinds;
    size_t n_kinds;
    int epoll;
    struct line *lines, *idle;
    size_t n_idle, n_busy;
    size_t order[100]; /* kinds by their shares */
    size_t arrivals, health_arrivals;
    char *health[2];
    struct sample done[PRESS_KINDS], refused, healthy, late;
    struct press_result *result;
    char waste[CHUNK];
};

/* ---- figures ---- */

static void add(struct sample *s, double ms)
{
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 1024;
        s->ms = realloc(s->ms, s->room * sizeof *s->ms);
        assert_non_null(s->ms);
    }
    s->ms[s->n++] = ms;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct press_times times_of(struct sample *s)
{
    struct press_times t = {.n = s->n};
    if (s->n) {
        qsort(s->ms, s->n, sizeof *s->ms, by_size);
        t.p50_ms = s->ms[s->n / 2];
        t.p99_ms = s->ms[s->n - 1 - s->n / 100];
        t.most_ms = s->ms[s->n - 1];
    }
    free(s->ms);
    return t;
}

/* ---- requests ---- */

static char *request_new(const struct press_kind *k, int client, size_t *ret_n)
{
    char head[1024];
    int n = snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.%d\r\n%s", k->line,
                     client, k->headers ? k->headers : "");
    if (k->body)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n", k->body_size);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    char *request = malloc((size_t)n + k->body_size + 1);
    assert_non_null(request);
    memcpy(request, head, (size_t)n);
    if (k->body)
        memcpy(request + n, k->body, k->body_size);
    *ret_n = (size_t)n + k->body_size;
    request[*ret_n] = 0;
    return request;
}

void press_prepare(struct press_kind *kinds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < PRESS_CLIENTS; c++)
            kinds[i].requests[c] = request_new(&kinds[i], c + 1, &kinds[i].sizes[c]);
}

void press_done(struct press_kind *kinds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < PRESS_CLIENTS; c++)
            free(kinds[i].requests[c]);
}

/* Each kind at even distances. */
static void make_order(struct press *p)
{
    double have[PRESS_KINDS] = {0};
    for (size_t at = 0; at < 100; at++) {
        size_t best = 0;
        for (size_t k = 0; k < p->n_kinds; k++) {
            have[k] += p->kinds[k].share / 100.0;
            best = have[k] > have[best] ? k : best;
        }
        have[best] -= 1;
        p->order[at] = p->plan->only < p->n_kinds ? p->plan->only : best;
    }
}

/* ---- connections ---- */

static void watch(struct press *p, struct line *l, int how, bool out)
{
    struct epoll_event e = {.events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.ptr = l};
    assert_int_equal(epoll_ctl(p->epoll, how, l->fd, &e), 0);
}

static bool line_open(struct press *p, struct line *l)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)p->plan->port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return false;
    if (connect(l->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        close(l->fd);
        l->fd = -1;
        return false;
    }
    watch(p, l, EPOLL_CTL_ADD, false);
    return true;
}

static void line_close(struct line *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

static void line_rest(struct press *p, struct line *l)
{
    l->busy = false;
    p->n_busy--;
    l->next = p->idle;
    p->idle = l;
    p->n_idle++;
}

static void line_broken(struct press *p, struct line *l)
{
    line_close(l);
    if (!l->busy)
        return; /* an idle one that the server has ended */
    if (l->kind == HEALTH)
        p->result->health_failed++;
    else
        p->result->broken++;
    line_rest(p, l);
}

static void line_send(struct press *p, struct line *l)
{
    while (l->sent < l->size) {
        ssize_t n = send(l->fd, l->request + l->sent, l->size - l->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            if (!l->sending)
                watch(p, l, EPOLL_CTL_MOD, true);
            l->sending = true;
            return;
        }
        if (n < 0)
            return; /* what it answered may still be read */
        l->sent += (size_t)n;
    }
    if (l->sending)
        watch(p, l, EPOLL_CTL_MOD, false);
    l->sending = false;
}

static bool line_begin(struct press *p, size_t kind, const char *request, size_t size, double due_s)
{
    struct line *l = p->idle;
    if (!l)
        return false;
    p->idle = l->next;
    p->n_idle--;
    p->n_busy++;
    *l = (struct line){.fd = l->fd, .busy = true, .kind = kind, .request = request, .size = size, .due_s = due_s};
    if (l->fd < 0 && !line_open(p, l)) {
        line_rest(p, l);
        return false;
    }
    add(&p->late, (now_s() - due_s) * 1e3);
    line_send(p, l);
    return true;
}

/* ---- answers ---- */

static void count(struct press *p, struct line *l)
{
    struct press_result *r = p->result;
    double ms = (now_s() - l->due_s) * 1e3;
    if (l->kind == HEALTH) {
        r->health_failed += l->status != 200;
        add(&p->healthy, ms);
        return;
    }
    if (l->status >= 200 && l->status < 300) {
        r->done[l->kind]++;
        add(&p->done[l->kind], ms);
        return;
    }
    r->busy[l->kind] += l->status == 503;
    r->over[l->kind] += l->status == 429;
    if (l->status != 503 && l->status != 429) {
        r->other++;
        r->other_status = l->status;
        return;
    }
    r->hasty += !l->retry;
    add(&p->refused, ms);
}

static void read_head(struct line *l)
{
    l->status = atoi(l->head + 9);
    l->retry = strcasestr(l->head, "\r\nRetry-After: ") != NULL;
    l->close = strcasestr(l->head, "\r\nConnection: close") != NULL;
    const char *length = strcasestr(l->head, "\r\nContent-Length: ");
    l->left = length ? (size_t)strtoull(length + 18, NULL, 10) : 0;
    l->in_body = true;
}

/* False: the answer is whole. */
static bool take(struct line *l, const char *data, size_t n)
{
    if (!l->in_body) {
        size_t room = HEAD_MOST - 1 - l->n_head, some = n < room ? n : room;
        memcpy(l->head + l->n_head, data, some);
        l->n_head += some;
        l->head[l->n_head] = 0;
        const char *end = strstr(l->head, "\r\n\r\n");
        if (!end)
            return true;
        read_head(l);
        size_t before = l->n_head - some, head = (size_t)(end + 4 - l->head);
        n -= head - before;
    }
    l->left -= n < l->left ? n : l->left;
    return l->left > 0;
}

static void line_receive(struct press *p, struct line *l)
{
    for (;;) {
        ssize_t n = recv(l->fd, p->waste, sizeof p->waste, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            line_broken(p, l);
            return;
        }
        if (!l->busy || take(l, p->waste, (size_t)n))
            continue;
        count(p, l);
        if (l->close || l->sent < l->size)
            line_close(l);
        line_rest(p, l);
        return;
    }
}

/* ---- the loop ---- */

static void begin_next(struct press *p, double due_s)
{
    size_t i = p->arrivals++, kind = p->order[i % 100];
    unsigned mixed = (unsigned)i * 2654435761u >> 16;
    size_t client = mixed % 2 ? 0 : 1 + mixed / 2 % (PRESS_CLIENTS - 1); /* one asks for half of all */
    const struct press_kind *k = &p->kinds[kind];
    if (line_begin(p, kind, k->requests[client], k->sizes[client], due_s))
        p->result->sent++;
    else
        p->result->unsent++;
}

/* What is due by now; when the next one is. */
static double begin_due(struct press *p, double begin_s, double now, double end_s)
{
    const struct press_plan *plan = p->plan;
    double next_s = end_s;
    if (plan->rate > 0) {
        for (double due_s; (due_s = begin_s + (double)p->arrivals / plan->rate) < end_s; begin_next(p, due_s))
            if (due_s > now) {
                next_s = due_s;
                break;
            }
    } else {
        while (now < end_s && (int)p->n_busy < plan->in_flight)
            begin_next(p, now);
    }
    for (double due_s;
         plan->health_rate > 0 && (due_s = begin_s + (double)p->health_arrivals / plan->health_rate) < end_s;) {
        if (due_s > now)
            return fmin(next_s, due_s);
        const char *request = p->health[p->health_arrivals++ % 2];
        if (!line_begin(p, HEALTH, request, strlen(request), due_s))
            p->result->health_failed++;
    }
    return next_s;
}

static void wait_and_read(struct press *p, double until_s)
{
    struct epoll_event events[EVENTS];
    double wait_ms = ceil((until_s - now_s()) * 1e3);
    int n = epoll_wait(p->epoll, events, EVENTS, wait_ms < 0 ? 0 : wait_ms > 100 ? 100 : (int)wait_ms);
    for (int i = 0; i < n; i++) {
        struct line *l = events[i].data.ptr;
        if (l->fd >= 0 && events[i].events & EPOLLOUT && l->busy)
            line_send(p, l);
        if (l->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            line_receive(p, l);
    }
}

static void loop(struct press *p)
{
    enum { LAST_ANSWERS_S = 60 };
    const struct press_plan *plan = p->plan;
    double begin_s = now_s(), end_s = begin_s + plan->seconds, tick_s = begin_s + 1, now;
    while ((now = now_s()) < end_s) {
        wait_and_read(p, fmin(begin_due(p, begin_s, now, end_s), tick_s));
        if (now < tick_s)
            continue;
        tick_s += 1;
        if (plan->each_second)
            plan->each_second(plan->user);
    }
    p->result->seconds = now_s() - begin_s;
    size_t done[PRESS_KINDS];
    memcpy(done, p->result->done, sizeof done);
    while (p->n_busy && now_s() < end_s + LAST_ANSWERS_S)
        wait_and_read(p, now_s() + 0.1);
    p->result->broken += p->n_busy;
    memcpy(p->result->done, done, sizeof done); /* what came behind the end was not done within it */
}

void press_run(const struct press_plan *plan, const struct press_kind *kinds, size_t n, struct press_result *ret)
{
    struct press *p = calloc(1, sizeof *p);
    assert_non_null(p);
    *ret = (struct press_result){0};
    *p = (struct press){
        .plan = plan, .kinds = kinds, .n_kinds = n, .result = ret, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    p->lines = calloc(CONNECTIONS, sizeof *p->lines);
    assert_non_null(p->lines);
    p->health[0] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    p->health[1] = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n";
    for (size_t i = 0; i < CONNECTIONS; i++) {
        p->lines[i].fd = -1;
        p->n_busy++;
        line_rest(p, &p->lines[i]);
    }
    make_order(p);
    loop(p);
    for (size_t i = 0; i < CONNECTIONS; i++)
        line_close(&p->lines[i]);
    for (size_t k = 0; k < n; k++)
        ret->times[k] = times_of(&p->done[k]);
    ret->refused = times_of(&p->refused);
    ret->health = times_of(&p->healthy);
    ret->late_p99_ms = times_of(&p->late).p99_ms;
    close(p->epoll);
    free(p->lines);
    free(p);
}
