/* See audio_stream.h. One lock for the table and what streams share: it is held for moments only, never while a kernel
 * runs or memory is given back. */
#include "api/streams/audio_stream.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "api/room.h"

enum { BUCKETS = 1024, TABLES_BYTES = 16 << 20 };

struct audio_streams {
    uint32_t max;
    uint64_t max_bytes;
    double share; /* of both, that one client may have */
    double idle_ms;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t sweeper;
    bool sweeps, ending;
    struct audio_stream *buckets[BUCKETS];
    uint32_t n;
    uint64_t bytes, begun, expired;
};

static void stream_free(struct audio_stream *s)
{
    automation_done(&s->automation);
    automation_done(&s->inbox);
    program_unref(s->program);
    free(s->canonical);
    free(s->memory);
    arena_free(s->tables);
    kept_responses_free(s->responses);
    free(s->params);
    free(s->last.body);
    free(s->coming.body);
    free(s);
}

static struct audio_stream *fill(struct audio_stream *s, const char *canonical, const struct block_state *state,
                                 const double *params)
{
    size_t n_params = s->program->n_params;
    s->canonical = strdup(canonical);
    s->memory = aligned_alloc(KERNEL_ALIGN, state->size + KERNEL_ALIGN);
    s->params = malloc((n_params + 1) * sizeof *params);
    s->tables = arena_new(TABLES_BYTES);
    bool changes = automation_init(&s->automation, (uint32_t)n_params, params) && automation_init(&s->inbox, 0, NULL);
    if (!s->canonical || !s->memory || !s->params || !s->tables || !changes || ARENA_GUARD(s->tables)) {
        stream_free(s);
        return NULL;
    }
    memset(s->memory, 0, state->size);
    memcpy(s->params, params, n_params * sizeof *params);
    block_state_copy(state, s->program, s->tables, &s->state);
    block_state_place(&s->state, s->program, s->memory);
    s->bytes = sizeof *s + strlen(canonical) + state->size + (s->responses ? s->responses->bytes : 0) +
               n_params * (2 * sizeof(double) + sizeof(struct automation_ramp)) + arena_used(s->program->arena) +
               arena_used(s->tables);
    return s;
}

struct audio_stream *audio_stream_new(struct program *p, const char *canonical, const struct block_state *state,
                                      const double *params, struct kept_responses *responses)
{
    struct audio_stream *s = calloc(1, sizeof *s);
    if (!s) {
        program_unref(p);
        kept_responses_free(responses);
        return NULL;
    }
    s->program = p;
    s->responses = responses;
    s->refs = 1;
    return fill(s, canonical, state, params);
}

void audio_stream_unref(struct audio_stream *s)
{
    if (!s)
        return;
    struct audio_streams *t = s->table;
    if (t)
        pthread_mutex_lock(&t->lock);
    bool last = --s->refs == 0;
    if (last && t)
        t->bytes -= s->bytes;
    if (t)
        pthread_mutex_unlock(&t->lock);
    if (last)
        stream_free(s);
}

/* The table */

struct audio_streams *audio_streams_new(const struct api_config *config)
{
    struct audio_streams *t = calloc(1, sizeof *t);
    pthread_condattr_t clock;
    if (!t)
        return NULL;
    t->max = config->max_streams;
    t->max_bytes = config->max_streams_bytes;
    t->share = config->max_client_share;
    t->idle_ms = config->stream_idle_ms;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wake, &clock);
    pthread_condattr_destroy(&clock);
    return t;
}

static struct audio_stream **bucket_of(struct audio_streams *t, const char *id)
{
    unsigned h = 0;
    for (const char *c = id; *c; c++)
        h = h * 31 + (unsigned char)*c;
    return &t->buckets[h % BUCKETS];
}

/* Out of the table; the reference that it had is the caller's now. */
static void take_out(struct audio_streams *t, struct audio_stream *s)
{
    struct audio_stream **at = bucket_of(t, s->id);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->next = NULL;
    s->closed = true;
    t->n--;
}

/* Takes those out whose time is over, as a list. *ret_next_ms: when the next one's will be, or 0. */
static struct audio_stream *take_idle(struct audio_streams *t, double now_ms, double *ret_next_ms)
{
    struct audio_stream *dead = NULL, *next;
    *ret_next_ms = 0;
    for (size_t i = 0; t->n && i < BUCKETS; i++) {
        for (struct audio_stream *s = t->buckets[i]; s; s = next) {
            double end_ms = s->busy ? now_ms + t->idle_ms : s->used_ms + t->idle_ms;
            next = s->next;
            if (end_ms <= now_ms) {
                take_out(t, s);
                t->expired++;
                s->next = dead;
                dead = s;
            } else if (*ret_next_ms <= 0 || end_ms < *ret_next_ms) {
                *ret_next_ms = end_ms;
            }
        }
    }
    return dead;
}

static void give_back(struct audio_stream *dead)
{
    while (dead) {
        struct audio_stream *next = dead->next;
        audio_stream_unref(dead);
        dead = next;
    }
}

static void wait_until(struct audio_streams *t, double ms)
{
    struct timespec until = {.tv_sec = (time_t)(ms / 1e3)};
    until.tv_nsec = (long)((ms - (double)until.tv_sec * 1e3) * 1e6);
    if (ms > 0)
        pthread_cond_timedwait(&t->wake, &t->lock, &until);
    else
        pthread_cond_wait(&t->wake, &t->lock);
}

static void *sweep(void *user)
{
    struct audio_streams *t = user;
    pthread_mutex_lock(&t->lock);
    while (!t->ending) {
        double next_ms;
        struct audio_stream *dead = take_idle(t, exchange_clock_ms(), &next_ms);
        if (dead) {
            pthread_mutex_unlock(&t->lock);
            give_back(dead);
            pthread_mutex_lock(&t->lock);
        } else {
            wait_until(t, next_ms);
        }
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

void audio_streams_free(struct audio_streams *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->ending = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    if (t->sweeps)
        pthread_join(t->sweeper, NULL);
    for (size_t i = 0; i < BUCKETS; i++)
        while (t->buckets[i]) {
            struct audio_stream *s = t->buckets[i];
            take_out(t, s);
            audio_stream_unref(s);
        }
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void audio_streams_stats(struct audio_streams *t, struct api_stats *ret)
{
    pthread_mutex_lock(&t->lock);
    *ret = (struct api_stats){
        .streams = t->n, .streams_bytes = t->bytes, .streams_begun = t->begun, .streams_expired = t->expired};
    pthread_mutex_unlock(&t->lock);
}

/* Nobody who does not know it can guess it. */
static enum status draw_id(struct audio_stream *s, struct fault *fault)
{
    uint8_t bytes[(STREAM_ID_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return fault_add(fault, STATUS_INTERNAL, "", 0, "there are no random numbers for an id");
    for (size_t i = 0; i < sizeof bytes; i++) {
        s->id[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        s->id[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return STATUS_OK;
}

/* What would be too much, with n streams and these bytes more. */
enum room { ROOM_LEFT, ROOM_STREAMS, ROOM_BYTES, SHARE_STREAMS, SHARE_BYTES };

static enum room check_share(const struct audio_streams *t, const char *owner, uint32_t n, size_t bytes)
{
    double share = client_share(owner, t->share);
    double most = ceil(share * t->max), most_bytes = share * (double)t->max_bytes;
    double has = n, has_bytes = (double)bytes;
    if (share >= 1 || (t->n + has <= most && (double)t->bytes + has_bytes <= most_bytes)) /* nobody has so much */
        return ROOM_LEFT;
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct audio_stream *s = t->buckets[i]; s; s = s->next)
            if (!strcmp(s->owner, owner)) {
                has++;
                has_bytes += (double)s->bytes;
            }
    return has > most ? SHARE_STREAMS : has_bytes > most_bytes ? SHARE_BYTES : ROOM_LEFT;
}

static enum room check_room(const struct audio_streams *t, const char *owner, uint32_t n, size_t bytes)
{
    if (t->n + n > t->max)
        return ROOM_STREAMS;
    if (bytes > t->max_bytes - t->bytes)
        return ROOM_BYTES;
    return check_share(t, owner, n, bytes);
}

static enum status fault_of_room(const struct audio_streams *t, const struct audio_stream *s, enum room room,
                                 struct fault *fault)
{
    switch (room) {
    case ROOM_LEFT:
        return STATUS_OK;
    case ROOM_STREAMS:
        fault->limit = "max-streams";
        return fault_add(fault, STATUS_BUSY, "", 0,
                         "%u streams are open, and more are not (limit max-streams, set by "
                         "--max-streams); DELETE those that are not needed",
                         t->max);
    case ROOM_BYTES:
        fault->limit = "max-streams-bytes";
        return fault_add(fault, STATUS_BUSY, "", 0,
                         "this stream's %zu bytes do not fit into what open streams may take "
                         "together, %llu (limit max-streams-bytes, set by --max-streams-bytes)",
                         s->bytes, (unsigned long long)t->max_bytes);
    default:
        fault->limit = "max-client-share";
        return fault_add(fault, STATUS_QUOTA, "", 0,
                         "this client has its share of --%s, %g of it (limit max-client-share, set by "
                         "--max-client-share); DELETE streams that are not needed",
                         room == SHARE_STREAMS ? "max-streams" : "max-streams-bytes", t->share);
    }
}

enum status audio_streams_open(struct audio_streams *t, struct audio_stream *s, struct fault *fault)
{
    double next_ms;
    TRY(draw_id(s, fault));
    pthread_mutex_lock(&t->lock);
    struct audio_stream *dead = take_idle(t, exchange_clock_ms(), &next_ms);
    pthread_mutex_unlock(&t->lock);
    give_back(dead);
    pthread_mutex_lock(&t->lock);
    enum room room = check_room(t, s->owner, 1, s->bytes);
    if (room == ROOM_LEFT) {
        struct audio_stream **at = bucket_of(t, s->id);
        s->table = t;
        s->used_ms = exchange_clock_ms();
        s->reached = s->position;
        s->refs++;
        s->next = *at;
        *at = s;
        t->n++;
        t->begun++;
        t->bytes += s->bytes;
        if (!t->sweeps) /* without the thread, idle ones end when another one is opened or asked for */
            t->sweeps = !pthread_create(&t->sweeper, NULL, sweep, t);
        pthread_cond_signal(&t->wake);
    }
    pthread_mutex_unlock(&t->lock);
    return fault_of_room(t, s, room, fault);
}

struct audio_stream *audio_streams_find(struct audio_streams *t, const char *id, bool uses)
{
    double now_ms = exchange_clock_ms();
    pthread_mutex_lock(&t->lock);
    struct audio_stream *s = *bucket_of(t, id);
    while (s && strcmp(s->id, id) != 0)
        s = s->next;
    if (s && !s->busy && s->used_ms + t->idle_ms <= now_ms)
        s = NULL; /* over, though nobody has come to take it out */
    if (s) {
        s->refs++;
        if (uses)
            s->used_ms = now_ms;
    }
    pthread_mutex_unlock(&t->lock);
    return s;
}

void audio_streams_close(struct audio_stream *s)
{
    struct audio_streams *t = s->table;
    pthread_mutex_lock(&t->lock);
    bool was_open = !s->closed;
    if (was_open)
        take_out(t, s);
    pthread_mutex_unlock(&t->lock);
    if (was_open)
        audio_stream_unref(s);
}

/* The turn */

static void answer_drop(struct audio_stream *s, struct stream_answer *answer)
{
    s->table->bytes -= answer->size;
    s->bytes -= answer->size;
    free(answer->body);
    *answer = (struct stream_answer){0};
}

/* Room for the answer, before any work is done. */
static enum turn reserve_answer(struct audio_stream *s, const struct turn_wanted *wanted)
{
    struct audio_streams *t = s->table;
    if (wanted->answer_size > t->max_bytes - t->bytes)
        return TURN_FULL;
    if (check_share(t, s->owner, 0, wanted->answer_size) != ROOM_LEFT)
        return TURN_FULL_SHARE;
    s->coming.body = malloc(wanted->answer_size + 1);
    if (!s->coming.body)
        return TURN_NO_MEMORY;
    s->coming.size = wanted->answer_size;
    memcpy(s->coming.digest, wanted->digest, sizeof s->coming.digest);
    s->bytes += wanted->answer_size;
    t->bytes += wanted->answer_size;
    return TURN_RUN;
}

static bool merge_inbox(struct audio_stream *s)
{
    if (!automation_add(&s->automation, s->inbox.changes, s->inbox.n))
        return false;
    s->inbox.n = 0;
    s->n_changes = s->automation.n;
    return true;
}

static enum turn begin(struct audio_stream *s, const struct turn_wanted *wanted, struct stream_answer *ret_last)
{
    if (s->busy)
        return TURN_IN_FLIGHT;
    if (wanted->seq > s->seq)
        return TURN_GAP;
    if (wanted->seq < s->seq) {
        if (wanted->seq + 1 < s->seq || !*s->last.digest)
            return TURN_OLD;
        if (strcmp(s->last.digest, wanted->digest) != 0 || s->last.size != wanted->answer_size)
            return TURN_OTHER;
        memcpy(wanted->answer, s->last.body, s->last.size);
        *ret_last = s->last;
        ret_last->body = NULL;
        return TURN_REPEAT;
    }
    enum turn turn = reserve_answer(s, wanted);
    if (turn != TURN_RUN)
        return turn;
    if (!merge_inbox(s)) {
        answer_drop(s, &s->coming);
        return TURN_NO_MEMORY;
    }
    s->busy = true;
    s->reached = s->position + wanted->frames;
    return TURN_RUN;
}

enum turn audio_stream_begin(struct audio_stream *s, const struct turn_wanted *wanted, struct stream_answer *ret_last,
                             struct stream_view *ret_view)
{
    pthread_mutex_lock(&s->table->lock);
    *ret_view = (struct stream_view){.seq = s->seq, .position = s->position, .busy = s->busy};
    enum turn turn = begin(s, wanted, ret_last);
    pthread_mutex_unlock(&s->table->lock);
    return turn;
}

void audio_stream_commit(struct audio_stream *s, uint64_t frames)
{
    pthread_mutex_lock(&s->table->lock);
    answer_drop(s, &s->last);
    s->last = s->coming;
    s->coming = (struct stream_answer){0};
    s->seq++;
    s->position += frames;
    s->reached = s->position;
    s->n_changes = s->automation.n;
    memcpy(s->params, s->automation.values, s->program->n_params * sizeof *s->params);
    s->busy = false;
    s->used_ms = exchange_clock_ms();
    pthread_mutex_unlock(&s->table->lock);
}

void audio_stream_abandon(struct audio_stream *s)
{
    pthread_mutex_lock(&s->table->lock);
    answer_drop(s, &s->coming);
    s->reached = s->position;
    s->busy = false;
    s->used_ms = exchange_clock_ms();
    pthread_mutex_unlock(&s->table->lock);
}

enum turn audio_stream_hold(struct audio_stream *s)
{
    pthread_mutex_lock(&s->table->lock);
    enum turn turn = s->busy ? TURN_IN_FLIGHT : merge_inbox(s) ? TURN_RUN : TURN_NO_MEMORY;
    if (turn == TURN_RUN)
        s->busy = true;
    pthread_mutex_unlock(&s->table->lock);
    return turn;
}

enum status audio_stream_change(struct audio_stream *s, const struct automation_rows *rows, uint32_t most,
                                uint64_t *ret_reached)
{
    enum status status = STATUS_OK;
    pthread_mutex_lock(&s->table->lock);
    for (size_t i = 0; i < rows->n; i++)
        if (rows->list[i].at < s->reached)
            status = STATUS_CONFLICT;
    *ret_reached = s->reached;
    if (status == STATUS_OK && s->n_changes + s->inbox.n + rows->n > most)
        status = STATUS_LIMIT;
    if (status == STATUS_OK && !automation_add(&s->inbox, rows->list, rows->n))
        status = STATUS_NO_MEMORY;
    pthread_mutex_unlock(&s->table->lock);
    return status;
}

void audio_stream_view(struct audio_stream *s, struct stream_view *ret, double *ret_params)
{
    struct audio_streams *t = s->table;
    pthread_mutex_lock(&t->lock);
    *ret = (struct stream_view){.seq = s->seq,
                                .position = s->position,
                                .reached = s->reached,
                                .changes = s->n_changes + s->inbox.n,
                                .bytes = s->bytes,
                                .busy = s->busy,
                                .expires_ms = s->used_ms + t->idle_ms - exchange_clock_ms()};
    memcpy(ret_params, s->params, s->program->n_params * sizeof *ret_params);
    pthread_mutex_unlock(&t->lock);
    if (ret->busy || ret->expires_ms > t->idle_ms)
        ret->expires_ms = t->idle_ms;
}
