/* See stream.h. Lives beside the answer's arena, by references, because a turn that waits for a thread may outlast the
 * answer; whoever begins such a turn finds `stopped` and leaves. */
#include "api/bytes/stream.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/load/admission.h"
#include "api/load/pool.h"
#include "core/interp.h"

enum { BLOCK = 128 << 10, QUEUE_MOST = 4 << 20, QUEUE_LOW = 2 << 20 };

/* The first turn comes before the head: what fails in it is a problem of its own, but the client waits. */
static const double first_turn_ms = 200;

struct block {
    struct block *next;
    size_t begin, end;
    uint8_t bytes[BLOCK];
};

struct api_stream {
    struct sink sink; /* first: the sink is the stream */
    struct exchange *ex;
    struct stream_source source;
    void (*sleep)(void *user);
    void (*wake)(void *user);
    void *user;
    double left_ms;  /* when the last turn ended */
    double until_ms; /* when this turn must end; 0: nothing presses */

    pthread_mutex_t lock;
    pthread_cond_t left; /* working has become false */
    struct block *first, *last, *spare;
    size_t queued;
    enum api_supply supply;
    bool due, working, waiting, stopped;
    bool parked; /* the source waits for something else than the reader */
    bool nudged; /* that has come since it was asked last */
    bool idle;   /* the source's word within a turn; of the working thread */
    int references;
};

/* ---- the queue ---- */

/* Called with the lock held. */
static struct block *block_take(struct api_stream *s)
{
    struct block *b = s->spare;
    if (b)
        s->spare = b->next;
    else
        b = malloc(sizeof *b);
    if (!b)
        return NULL;
    b->next = NULL;
    b->begin = b->end = 0;
    *(s->last ? &s->last->next : &s->first) = b;
    s->last = b;
    return b;
}

static bool append(struct api_stream *s, const uint8_t *bytes, size_t n)
{
    while (n) {
        struct block *b = s->last && s->last->end < BLOCK ? s->last : block_take(s);
        if (!b)
            return false;
        size_t piece = BLOCK - b->end < n ? BLOCK - b->end : n;
        memcpy(b->bytes + b->end, bytes, piece);
        b->end += piece;
        bytes += piece;
        n -= piece;
        s->queued += piece;
    }
    return true;
}

/* Unlocks. */
static void unlock_and_wake(struct api_stream *s)
{
    bool wake = s->waiting;
    s->waiting = false;
    pthread_mutex_unlock(&s->lock);
    if (wake)
        s->wake(s->user);
}

static void stream_put(struct sink *sink, const void *bytes, size_t n)
{
    struct api_stream *s = (struct api_stream *)sink;
    pthread_mutex_lock(&s->lock);
    sink->failed = !append(s, bytes, n);
    unlock_and_wake(s);
}

static bool is_over(const struct api_stream *s)
{
    return s->until_ms > 0 && exchange_clock_ms() > s->until_ms;
}

static bool is_full(struct sink *sink)
{
    struct api_stream *s = (struct api_stream *)sink;
    pthread_mutex_lock(&s->lock);
    bool full = s->queued >= QUEUE_MOST || s->stopped;
    pthread_mutex_unlock(&s->lock);
    return full || is_over(s);
}

enum api_supply api_stream_take(struct api_stream *s, void *to, size_t n, size_t *ret_n)
{
    uint8_t *at = to;
    pthread_mutex_lock(&s->lock);
    while (n && s->first) {
        struct block *b = s->first;
        size_t piece = b->end - b->begin < n ? b->end - b->begin : n;
        memcpy(at, b->bytes + b->begin, piece);
        b->begin += piece;
        at += piece;
        n -= piece;
        if (b->begin < b->end)
            continue;
        s->first = b->next;
        if (!s->first)
            s->last = NULL;
        b->next = s->spare;
        s->spare = b;
    }
    *ret_n = (size_t)(at - (uint8_t *)to);
    s->queued -= *ret_n;
    enum api_supply supply = *ret_n && s->supply == API_SUPPLY_END ? API_SUPPLY_MORE : s->supply;
    if (supply == API_SUPPLY_MORE && !*ret_n && s->sleep) {
        s->waiting = true;
        s->sleep(s->user);
    }
    pthread_mutex_unlock(&s->lock);
    return supply;
}

/* ---- turns ---- */

struct api_stream *stream_of(struct sink *sink)
{
    return (struct api_stream *)sink;
}

void stream_idle(struct sink *sink)
{
    ((struct api_stream *)sink)->idle = true;
}

/* A nudge that came while the source looked counts: it may have looked too early. */
static bool goes_on(struct api_stream *s)
{
    pthread_mutex_lock(&s->lock);
    bool more = s->queued <= QUEUE_LOW && !s->stopped && !is_over(s);
    if (s->idle && !s->nudged) {
        s->parked = true;
        more = false;
    }
    s->idle = s->nudged = false;
    pthread_mutex_unlock(&s->lock);
    return more;
}

/* Makes more until the queue is full, all is made, or the source is idle; no lock held. */
static enum status turn(struct api_stream *s, bool *ret_done)
{
    enum status status = STATUS_OK;
    bool more = true;
    while (status == STATUS_OK && !*ret_done && more) {
        status = s->source.work(s->source.user, &s->sink, is_full, ret_done);
        more = status == STATUS_OK && !*ret_done && goes_on(s);
    }
    if (status == STATUS_OK && *ret_done)
        s->source.end(s->source.user);
    return status;
}

static void leave(struct api_stream *s, enum status status, bool done)
{
    pthread_mutex_lock(&s->lock);
    if (status != STATUS_OK)
        s->supply = API_SUPPLY_BROKEN;
    else if (done)
        s->supply = API_SUPPLY_END;
    s->left_ms = exchange_clock_ms();
    s->working = false;
    pthread_cond_broadcast(&s->left);
    /* Who has emptied the queue since we last looked has found us at work, and must ask for the next turn again. */
    if (s->supply == API_SUPPLY_MORE && (s->parked || s->queued))
        pthread_mutex_unlock(&s->lock);
    else
        unlock_and_wake(s);
}

struct api_stream *stream_ref(struct api_stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->references++;
    pthread_mutex_unlock(&s->lock);
    return s;
}

void stream_unref(struct api_stream *s)
{
    pthread_mutex_lock(&s->lock);
    int left = --s->references;
    pthread_mutex_unlock(&s->lock);
    if (left)
        return;
    for (struct block *b = s->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    for (struct block *b = s->spare, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    pthread_cond_destroy(&s->left);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* The reader that sleeps asks for more when it is woken, and so brings the next turn. */
void stream_nudge(struct api_stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->nudged = true;
    bool parked = s->parked;
    s->parked = false;
    if (parked)
        unlock_and_wake(s);
    else
        pthread_mutex_unlock(&s->lock);
}

bool api_stream_wants(struct api_stream *s)
{
    pthread_mutex_lock(&s->lock);
    bool wants =
        s->supply == API_SUPPLY_MORE && !s->due && !s->working && !s->parked && !s->stopped && s->queued <= QUEUE_LOW;
    s->due |= wants;
    s->references += wants;
    pthread_mutex_unlock(&s->lock);
    return wants;
}

/* The deadline is for work: the time in which the client was waited for does not count. */
static void enter(struct api_stream *s)
{
    double now = exchange_clock_ms();
    s->ex->deadline_ms += now - s->left_ms;
    s->ex->mark_ms = now;
}

static enum status guarded_turn(struct api_stream *s, bool *ret_done)
{
    return ARENA_GUARD(s->ex->arena) ? STATUS_NO_MEMORY : turn(s, ret_done);
}

void api_stream_work(struct api_stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->due = false;
    bool go = s->working = !s->stopped;
    pthread_mutex_unlock(&s->lock);
    if (go) {
        bool done = false;
        enter(s);
        unsigned saved = exchange_state_enter();
        double spent_s = pool_spent_s();
        enum status status = guarded_turn(s, &done);
        admission_spent(s->ex, pool_spent_s() - spent_s);
        fp_state_leave(saved);
        leave(s, status, done);
    }
    stream_unref(s);
}

void api_stream_break(struct api_stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->due = false;
    s->supply = API_SUPPLY_BROKEN;
    unlock_and_wake(s);
    stream_unref(s);
}

void api_stream_stop(struct api_stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    atomic_store(&s->ex->stopped, true);
    while (s->working)
        pthread_cond_wait(&s->left, &s->lock);
    s->waiting = false;
    pthread_mutex_unlock(&s->lock);
}

void api_stream_attend(struct api_stream *s, void (*sleep)(void *user), void (*wake)(void *user), void *user)
{
    s->sleep = sleep;
    s->wake = wake;
    s->user = user;
}

/* ---- begin and end ---- */

enum status stream_begin(struct exchange *ex, const struct stream_source *source)
{
    struct api_stream *s = calloc(1, sizeof *s);
    bool done = false;
    if (!s)
        return exchange_ended(ex, STATUS_NO_MEMORY);
    *s = (struct api_stream){.sink = {.put = stream_put}, .ex = ex, .source = *source, .references = 1};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->left, NULL);
    ex->res->stream = s; /* from here on the answer's end frees it */
    if (ex->req->method == METHOD_HEAD)
        return STATUS_OK;
    s->until_ms = exchange_clock_ms() + first_turn_ms;
    enum status status = turn(s, &done);
    s->until_ms = 0;
    leave(s, status, done);
    return status;
}

void stream_free(struct api_stream *s)
{
    if (!s)
        return;
    api_stream_stop(s);
    stream_unref(s);
}
