/* See queue.h. Fair by start times: a line's `served_s` grows with what is taken from it, and a line that begins is
 * where the one served last is. */
#include "api/load/queue.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the cheapest work counts for, so that nobody gets in between for nothing. */
static const double least_s = 0.001;

struct list {
    struct queued *first, *last;
};

struct queue_line {
    struct queue_line *next; /* in its bucket */
    size_t at;               /* in `lines` */
    struct list lists[QUEUE_KINDS];
    struct queue_sum kinds[QUEUE_KINDS];
    uint64_t bytes;
    double served_s;
    char client[];
};

/* ---- lines ---- */

static struct queue_line **bucket_of(const struct queue *q, const char *client)
{
    unsigned h = 5381;
    for (const char *c = client; *c; c++)
        h = h * 33 + (unsigned char)*c;
    return (struct queue_line **)&q->buckets[h % (sizeof q->buckets / sizeof *q->buckets)];
}

static struct queue_line *line_find(const struct queue *q, const char *client)
{
    struct queue_line *l = *bucket_of(q, client);
    while (l && strcmp(l->client, client) != 0)
        l = l->next;
    return l;
}

static struct queue_line *line_new(struct queue *q, const char *client)
{
    if (q->n_lines == q->room) {
        size_t room = q->room ? 2 * q->room : 16;
        struct queue_line **lines = realloc(q->lines, room * sizeof *lines);
        if (!lines)
            return NULL;
        q->lines = lines;
        q->room = room;
    }
    size_t n = strlen(client) + 1;
    struct queue_line *l = calloc(1, sizeof *l + n), **bucket = bucket_of(q, client);
    if (!l)
        return NULL;
    memcpy(l->client, client, n);
    l->served_s = q->served_s;
    l->next = *bucket;
    *bucket = l;
    l->at = q->n_lines;
    q->lines[q->n_lines++] = l;
    return l;
}

static uint32_t line_works(const struct queue_line *l)
{
    return l->kinds[QUEUE_CONTINUE].n + l->kinds[QUEUE_SHORT].n + l->kinds[QUEUE_LONG].n;
}

static void line_free(struct queue *q, struct queue_line *l)
{
    struct queue_line **at = bucket_of(q, l->client);
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    q->lines[l->at] = q->lines[--q->n_lines];
    q->lines[l->at]->at = l->at;
    free(l);
}

/* ---- deadlines: a binary heap ---- */

static double key_of(const struct queued *w)
{
    return w->work.deadline_ms > 0 && w->work.late ? w->work.deadline_ms : HUGE_VAL;
}

static void heap_set(struct queue *q, size_t at, struct queued *w)
{
    q->heap[at] = w;
    w->heap_at = at;
}

static void heap_up(struct queue *q, size_t at, struct queued *w)
{
    for (; at && key_of(q->heap[(at - 1) / 2]) > key_of(w); at = (at - 1) / 2)
        heap_set(q, at, q->heap[(at - 1) / 2]);
    heap_set(q, at, w);
}

static void heap_down(struct queue *q, size_t at, struct queued *w)
{
    for (size_t child; (child = 2 * at + 1) < q->n; at = child) {
        if (child + 1 < q->n && key_of(q->heap[child + 1]) < key_of(q->heap[child]))
            child++;
        if (key_of(q->heap[child]) >= key_of(w))
            break;
        heap_set(q, at, q->heap[child]);
    }
    heap_set(q, at, w);
}

static bool heap_add(struct queue *q, struct queued *w)
{
    if (q->n == q->heap_room) {
        size_t room = q->heap_room ? 2 * q->heap_room : 64;
        struct queued **heap = realloc(q->heap, room * sizeof *heap);
        if (!heap)
            return false;
        q->heap = heap;
        q->heap_room = room;
    }
    heap_up(q, q->n++, w);
    return true;
}

static void heap_remove(struct queue *q, struct queued *w)
{
    struct queued *last = q->heap[--q->n];
    if (last == w)
        return;
    size_t at = w->heap_at;
    if (at && key_of(q->heap[(at - 1) / 2]) > key_of(last))
        heap_up(q, at, last);
    else
        heap_down(q, at, last);
}

/* ---- in and out ---- */

static void sum_add(struct queue_sum *s, const struct queued *w)
{
    s->n++;
    s->cost_s += w->work.cost_s;
    s->bytes += w->work.bytes;
}

/* Sums of floats are made zero with the last, so that no crumbs stay. */
static void sum_remove(struct queue_sum *s, const struct queued *w)
{
    s->n--;
    s->cost_s = s->n ? s->cost_s - w->work.cost_s : 0;
    s->bytes -= w->work.bytes;
}

static void link_last(struct queue_line *l, struct queued *w)
{
    struct list *list = &l->lists[w->kind];
    w->next = NULL;
    w->before = list->last;
    *(list->last ? &list->last->next : &list->first) = w;
    list->last = w;
}

static void take_out(struct queue *q, struct queued *w)
{
    struct queue_line *l = w->line;
    struct list *list = &l->lists[w->kind];
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference,clang-analyzer-unix.Malloc): it is in this list
    *(w->before ? &w->before->next : &list->first) = w->next;
    *(w->next ? &w->next->before : &list->last) = w->before;
    heap_remove(q, w);
    sum_remove(&l->kinds[w->kind], w);
    sum_remove(&q->kinds[w->kind], w);
    l->bytes -= w->work.bytes;
    q->bytes -= w->work.bytes;
    if (!line_works(l))
        line_free(q, l);
    w->line = NULL;
    w->next = w->before = NULL;
    w->work.client = NULL;
}

static bool put(struct queue *q, struct queued *w)
{
    const char *client = w->work.client ? w->work.client : "";
    struct queue_line *l = line_find(q, client);
    if (!l && !(l = line_new(q, client)))
        return false;
    if (!heap_add(q, w)) {
        if (!line_works(l))
            line_free(q, l);
        return false;
    }
    w->line = l;
    w->work.client = l->client;
    w->order = q->order++;
    link_last(l, w);
    sum_add(&l->kinds[w->kind], w);
    sum_add(&q->kinds[w->kind], w);
    l->bytes += w->work.bytes;
    q->bytes += w->work.bytes;
    return true;
}

/* ---- predictions ---- */

static double line_cost_s(const struct queue_line *l, bool short_only)
{
    return l->kinds[QUEUE_SHORT].cost_s +
           (short_only ? 0 : l->kinds[QUEUE_CONTINUE].cost_s + l->kinds[QUEUE_LONG].cost_s);
}

/* Seconds of work that would be done before a new one of this client: its own, and as much of each other's. */
static double ahead_s(const struct queue *q, const char *client, double cost_s, bool short_only)
{
    const struct queue_line *own = line_find(q, client);
    double mine = own ? line_cost_s(own, short_only) : 0, sum = mine;
    for (size_t i = 0; i < q->n_lines; i++)
        if (q->lines[i] != own)
            sum += fmin(line_cost_s(q->lines[i], short_only), mine + cost_s);
    return sum;
}

double queue_wait_s(const struct queue *q, const struct queue_load *load, const char *client, double cost_s)
{
    if (!client)
        client = "";
    double wait = (load->running_s + ahead_s(q, client, cost_s, false)) / load->threads;
    return cost_s <= QUEUE_SHORT_S ? fmin(wait, ahead_s(q, client, cost_s, true)) : wait;
}

double queue_drain_s(const struct queue *q, const struct queue_load *load)
{
    double sum = load->running_s;
    for (int k = 0; k < QUEUE_KINDS; k++)
        sum += q->kinds[k].cost_s;
    return sum / load->threads;
}

/* ---- limits ---- */

/* A quarter of the places is for short works alone. */
static bool is_full(const struct queue *q, enum queue_kind kind)
{
    uint32_t most = q->limits.works;
    if (!most)
        return false;
    return q->kinds[QUEUE_SHORT].n + q->kinds[QUEUE_LONG].n >= most ||
           (kind == QUEUE_LONG && q->kinds[QUEUE_LONG].n >= most - most / 4);
}

static bool is_heavy(const struct queue *q, uint64_t more)
{
    return q->limits.bytes && q->bytes + more > q->limits.bytes;
}

/* What may be pushed out: works that were not begun. */
static struct queued *last_of(const struct queue_line *l, enum queue_kind kind)
{
    struct queued *w = l->lists[QUEUE_LONG].last;
    if (!w && kind == QUEUE_SHORT)
        w = l->lists[QUEUE_SHORT].last;
    return w && w->work.late ? w : NULL;
}

/* Of the client that has the most waiting, when that is more than the new one's client would have. */
static struct queued *victim(const struct queue *q, const struct queued *item, bool by_bytes)
{
    const char *client = item->work.client ? item->work.client : "";
    const struct queue_line *own = line_find(q, client);
    uint64_t most = by_bytes ? (own ? own->bytes : 0) + item->work.bytes : (own ? line_works(own) : 0) + 1u;
    struct queued *found = NULL;
    for (size_t i = 0; i < q->n_lines; i++) {
        const struct queue_line *l = q->lines[i];
        uint64_t has = by_bytes ? l->bytes : line_works(l);
        struct queued *w = l != own && has > most ? last_of(l, item->kind) : NULL;
        if (!w)
            continue;
        most = has;
        found = w;
    }
    return found;
}

static const char *make_room(struct queue *q, const struct queued *item, struct queued **ret_out)
{
    bool heavy;
    while ((heavy = is_heavy(q, item->work.bytes)) || is_full(q, item->kind)) {
        struct queued *w = victim(q, item, heavy);
        if (!w)
            return heavy ? "max-work-bytes" : "max-queue";
        take_out(q, w);
        w->next = *ret_out;
        *ret_out = w;
    }
    return NULL;
}

static const char *time_refusal(const struct queue *q, const struct queued *item, const struct queue_load *load)
{
    const struct pool_work *w = &item->work;
    double wait_s = queue_wait_s(q, load, w->client, w->cost_s);
    if (w->deadline_ms > 0 && load->now_ms + wait_s * 1e3 > w->deadline_ms)
        return "max-request-ms";
    return q->limits.wait_s > 0 && wait_s > q->limits.wait_s ? "max-queue-seconds" : NULL;
}

enum queue_kind queue_kind_of(const struct pool_work *w)
{
    if (w->class == POOL_CONTINUE)
        return QUEUE_CONTINUE;
    return w->cost_s <= QUEUE_SHORT_S ? QUEUE_SHORT : QUEUE_LONG;
}

const char *queue_refusal(const struct queue *q, const struct queued *item, const struct queue_load *load)
{
    const char *limit = time_refusal(q, item, load);
    if (!limit && is_heavy(q, item->work.bytes) && !victim(q, item, true))
        limit = "max-work-bytes";
    if (!limit && is_full(q, item->kind) && !victim(q, item, false))
        limit = "max-queue";
    return limit;
}

const char *queue_put(struct queue *q, struct queued *item, const struct queue_load *load, struct queued **ret_out,
                      const char **ret_limit)
{
    const struct pool_work *w = &item->work;
    *ret_out = NULL;
    item->kind = queue_kind_of(w);
    item->since_ms = load->now_ms;
    *ret_limit = is_heavy(q, w->bytes) ? "max-work-bytes" : "max-queue";
    if (w->class != POOL_CONTINUE) {
        const char *limit = time_refusal(q, item, load);
        if (!limit)
            limit = make_room(q, item, ret_out);
        if (limit)
            return limit;
    }
    return put(q, item) ? NULL : "max-queue";
}

/* ---- whose turn it is ---- */

/* A line's next: the one that came first. */
static struct queued *first_of(const struct queue_line *l, bool short_only)
{
    struct queued *first = l->lists[QUEUE_SHORT].first;
    for (int k = 0; k < QUEUE_KINDS && !short_only; k++) {
        struct queued *w = l->lists[k].first;
        if (w && (!first || w->order < first->order))
            first = w;
    }
    return first;
}

double queue_oldest_ms(const struct queue *q)
{
    double oldest = HUGE_VAL;
    for (size_t i = 0; i < q->n_lines; i++) {
        const struct queued *w = first_of(q->lines[i], false);
        oldest = w ? fmin(oldest, w->since_ms) : oldest;
    }
    return oldest;
}

struct queued *queue_take(struct queue *q, bool short_only)
{
    struct queued *next = NULL;
    for (size_t i = 0; i < q->n_lines; i++) {
        struct queued *w = first_of(q->lines[i], short_only);
        if (w && (!next || w->line->served_s < next->line->served_s ||
                  (w->line->served_s == next->line->served_s && w->order < next->order)))
            next = w;
    }
    if (!next)
        return NULL;
    q->served_s = fmax(q->served_s, next->line->served_s);
    next->line->served_s += fmax(next->work.cost_s, least_s);
    take_out(q, next);
    return next;
}

double queue_first_deadline(const struct queue *q)
{
    return q->n ? key_of(q->heap[0]) : HUGE_VAL;
}

struct queued *queue_take_late(struct queue *q, double now_ms)
{
    struct queued *w = q->n && key_of(q->heap[0]) <= now_ms ? q->heap[0] : NULL;
    if (w)
        take_out(q, w);
    return w;
}

struct queued *queue_take_gone(struct queue *q, size_t most)
{
    for (size_t i = 0; i < most && i < q->n; i++) {
        struct queued *w = q->heap[q->asked++ % q->n];
        if (!w->work.gone || !w->work.late || !w->work.gone(w->work.user))
            continue;
        take_out(q, w);
        return w;
    }
    return NULL;
}

/* Nothing waits any more. */
void queue_done(struct queue *q)
{
    free(q->lines);
    free(q->heap);
}
