/* See intake.h. */
#include "api/audio/intake.h"

#include <string.h>
#include <strings.h>

#include "api/bytes/spool.h"
#include "api/etag.h"
#include "api/load/admission.h"
#include "api/process.h"
#include "api/room.h"

enum {
    STEP_BYTES = 1 << 20, /* of the answer's samples that are made at once */
    HEAD_ROOM = WAV_HEADER_MAX
};

/* Unknown lengths are worth a kernel: whoever sends so much sends more. */
static const double unknown_points = 1e7;
/* What a turn may take of which nothing is known: lowering a graph, mastering. */
static const double unknown_s = 0.02;
/* Memory of a body's pieces, and of the encoder of its answer. */
enum { PIECES_BYTES = 1 << 20 };

enum wants { WANTS_HEAD, WANTS_SAMPLES, WANTS_FILE, WANTS_REST };

struct intake {
    struct process p;
    enum wants wants;
    int64_t content_length;
    uint64_t taken;      /* bytes of the body */
    uint64_t data_bytes; /* of the samples, as the head says; UINT64_MAX: up to the end */
    bool open_end;       /* or fewer */
    uint64_t data_taken;
    struct audio_source source; /* of the body, without its data */
    uint64_t made;              /* frames of the answer */
    struct blocks *blocks;      /* NULL until the head is known */
    uint32_t step;              /* frames made at once */
    uint8_t *out;               /* room for them */
    struct spool *spool, *body;
    struct etag_stream *hash;
    double used_ms, turn_ms;
};

bool intake_is_for(const struct api_request *req)
{
    const char *type =
        req->method == METHOD_POST && !strcmp(req->path, "/process") ? req->header(req, "Content-Type") : NULL;
    return type && (!strncasecmp(type, "audio/", 6) || !strncasecmp(type, "application/octet-stream", 24));
}

static size_t frame_size(const struct intake *k)
{
    return k->source.channels * sample_size(k->source.sample);
}

static bool is_plain(const struct intake *k)
{
    return mastered_is_needless(&k->p.mastered);
}

/* Only work counts against the deadline, not the time in which the client sends. */
static void turn_begin(struct exchange *ex, struct intake *k)
{
    k->turn_ms = ex->mark_ms = exchange_clock_ms();
    ex->deadline_ms = k->turn_ms + ex->api->config.max_request_ms - k->used_ms;
}

static void turn_end(struct intake *k)
{
    k->used_ms += exchange_clock_ms() - k->turn_ms;
}

static void release_hash(void *user)
{
    etag_stream_free(user);
}

/* ---- the head ---- */

/* How many bytes of samples will come, if that is certain. */
static bool knows_length(const struct intake *k, uint64_t *ret)
{
    bool raw = k->p.body == BODY_RAW;
    *ret = raw ? (uint64_t)k->content_length : k->data_bytes;
    return raw ? k->content_length >= 0 : k->data_bytes != UINT64_MAX && !k->open_end;
}

static enum status fault_short(struct exchange *ex, uint64_t said, uint64_t have)
{
    return fault_add(&ex->fault, STATUS_BAD_AUDIO, "", 0,
                     "the WAV's data chunk says it has %llu bytes, but only %llu follow", (unsigned long long)said,
                     (unsigned long long)have);
}

static enum status fault_frames(struct exchange *ex, const struct intake *k, uint64_t bytes)
{
    return fault_add(
        &ex->fault, STATUS_BAD_AUDIO, "", 0, "%s has %llu bytes, which is no whole number of %zu-byte frames",
        k->p.body == BODY_RAW ? "the body" : "the WAV's data chunk", (unsigned long long)bytes, frame_size(k));
}

/* A lie that the lengths give away before any work. */
static enum status check_length(struct exchange *ex, const struct intake *k, uint64_t data_at)
{
    uint64_t bytes;
    if (!knows_length(k, &bytes))
        return STATUS_OK;
    if (k->content_length >= 0 && data_at + bytes > (uint64_t)k->content_length)
        return fault_short(ex, bytes, (uint64_t)k->content_length - data_at);
    return bytes % frame_size(k) ? fault_frames(ex, k, bytes) : STATUS_OK;
}

/* The answer's samples are packed at once when nothing needs them all. */
static enum status make_blocks(struct exchange *ex, struct intake *k)
{
    struct track *t = &k->p.track;
    static const char room[HEAD_ROOM];
    void *memory;
    uint64_t state;
    if (!is_plain(k))
        t->sample = SAMPLE_F32;
    size_t frame = t->channels_out * sample_size(t->sample);
    k->step = frame > STEP_BYTES ? 1 : (uint32_t)(STEP_BYTES / frame);
    if (k->step > BLOCKS_FRAMES)
        k->step -= k->step % BLOCKS_FRAMES;
    TRY(exchange_memory(ex, k->step * frame, &memory));
    k->out = memory;
    t->frames = k->step;
    TRY(blocks_measure(k->p.runner, t, &state));
    TRY(admission_hold(ex, state));
    TRY(blocks_new(k->p.runner, t, &k->blocks));
    TRY(spool_new(ex, &k->spool));
    if (is_plain(k) && k->p.file == AUDIO_WAV)
        spool_put(k->spool, room, HEAD_ROOM); /* the head is known at the end */
    return STATUS_OK;
}

static double samples_us(const struct intake *k, double points)
{
    const struct track *t = &k->p.track;
    return runner_predict_us(k->p.runner, points) + points * (t->channels_in + t->channels_out) * process_convert_us;
}

/* Of the whole, from its first piece to the end. */
static void predict(struct exchange *ex, struct intake *k, double points)
{
    const struct mastered *m = &k->p.mastered;
    admission_predict(ex, k->p.runner, samples_us(k, points) + mastered_predict_us(m),
                      ex->res->cost_bytes + STEP_BYTES);
}

/* What the audio is has become known: checks that nothing of the request speaks against it, and makes ready. */
static enum status start(struct exchange *ex, struct intake *k, uint64_t data_at)
{
    struct process *p = &k->p;
    struct track *t = &p->track;
    uint64_t bytes = 0;
    TRY(process_source(p, &k->source));
    TRY(check_length(ex, k, data_at));
    bool known = knows_length(k, &bytes);
    t->source.frames = known ? bytes / frame_size(k) : 0;
    TRY(process_length(p));
    exchange_stage(ex, STAGE_PARSE);
    double points = known ? (double)t->frames : unknown_points;
    t->frames = 0; /* so much memory is not needed */
    ex->on_pool = true;
    TRY(process_program(ex, p));
    TRY(runner_choose(p->runner, points));
    exchange_stage(ex, STAGE_CACHE);
    predict(ex, k, points);
    return make_blocks(ex, k);
}

/* *ret_used 0: more must come. */
static enum status take_wav_head(struct exchange *ex, struct intake *k, const void *data, size_t n, bool whole,
                                 size_t *ret_used)
{
    struct wav_head head;
    bool more;
    *ret_used = 0;
    TRY(wav_head(data, n, whole, &head, &more, &ex->fault));
    if (more || head.data_at > n)
        return STATUS_OK;
    k->source = head.source;
    k->data_bytes = head.data_size;
    k->open_end = head.open_end;
    TRY(audio_in_check_rate(ex, &k->source));
    *ret_used = head.data_at;
    k->wants = WANTS_SAMPLES;
    return start(ex, k, head.data_at);
}

static enum status take_head(struct exchange *ex, struct intake *k, const void *data, size_t n, bool whole,
                             size_t *ret_used)
{
    enum { SHORTEST = 12 };
    *ret_used = 0;
    if (k->p.body == BODY_RAW) {
        k->source = k->p.track.source;
        k->source.channels = k->p.channels > UINT32_MAX ? UINT32_MAX : (uint32_t)k->p.channels;
        k->data_bytes = UINT64_MAX;
        k->wants = WANTS_SAMPLES;
        return start(ex, k, 0);
    }
    if (n < SHORTEST && !whole)
        return STATUS_OK;
    if (!snd_is(data, n))
        return take_wav_head(ex, k, data, n, whole, ret_used);
    k->wants = WANTS_FILE;
    return spool_new(ex, &k->body);
}

enum status intake_begin(struct exchange *ex, int64_t content_length)
{
    struct intake *k = ARENA_NEW(ex->arena, struct intake);
    void **deferred = exchange_defer(ex, release_hash);
    ex->work = k;
    k->content_length = content_length;
    turn_begin(ex, k);
    admission_predict(ex, NULL, unknown_s * 1e6, PIECES_BYTES);
    TRY(process_begin(ex, &k->p));
    k->p.hash = k->hash = *deferred = etag_stream_new();
    if (!k->hash)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for this request");
    TRY(subject_load(ex, &k->p.subject));
    /* Raw audio says all in the head: what is wrong with the graph is told before the body is sent. */
    size_t used;
    if (k->p.body == BODY_RAW && subject_is_small(&k->p.subject) && k->p.tier != TIER_JIT)
        TRY(take_head(ex, k, NULL, 0, false, &used));
    turn_end(k);
    return STATUS_OK;
}

/* ---- samples ---- */

/* Frames of the source as it stands, or of silence behind it. */
static enum status make_frames(struct exchange *ex, struct intake *k, uint64_t n)
{
    struct process *p = &k->p;
    struct track *t = &p->track;
    size_t in = frame_size(k), out = t->channels_out * sample_size(t->sample);
    struct counts unused = {0}, *counts = is_plain(k) ? &p->counts : &unused;
    if (k->made + n > ex->api->config.max_frames)
        return fault_limit(&ex->fault, "max-frames", "", "there are more than %llu frames",
                           (unsigned long long)ex->api->config.max_frames);
    for (uint64_t done = 0, m; done < n; done += m) {
        m = n - done < k->step ? n - done : k->step;
        enum status alive = exchange_alive(ex, 0);
        if (alive != STATUS_OK)
            return exchange_ended(ex, alive);
        t->first = k->made;
        t->frames = m;
        t->out = k->out;
        if (t->source.data || t->source.pull)
            t->source.frames = m;
        TRY(blocks_go(k->blocks, counts, &p->counts_in));
        if (t->source.data)
            t->source.data += m * in;
        k->made += m;
        bool ended = t->tail && t->tail->ended; /* then nothing was made behind its end */
        uint64_t heard = !ended ? m : t->tail->end > t->first ? t->tail->end - t->first : 0;
        spool_put(k->spool, k->out, heard * out);
        TRY(spool_check(k->spool, &ex->fault));
        if (ended)
            break;
    }
    return STATUS_OK;
}

static enum status take_samples(struct exchange *ex, struct intake *k, const uint8_t *data, size_t n, size_t *ret_used)
{
    struct track *t = &k->p.track;
    size_t frame = frame_size(k);
    uint64_t left = k->data_bytes == UINT64_MAX ? UINT64_MAX : k->data_bytes - k->data_taken;
    size_t take = n < left ? n : (size_t)left;
    if (take == left && left % frame)
        return fault_frames(ex, k, k->data_bytes);
    take -= take % frame;
    etag_stream_add(k->hash, data, take);
    t->source.data = data;
    TRY(make_frames(ex, k, take / frame));
    t->source.data = NULL;
    k->data_taken += take;
    *ret_used = take;
    if (take == left) {
        k->wants = WANTS_REST;
        *ret_used = n;
    }
    return STATUS_OK;
}

static enum status take(struct exchange *ex, struct intake *k, const uint8_t *data, size_t n, bool whole,
                        size_t *ret_used)
{
    size_t head = 0, more = 0;
    if (k->wants == WANTS_HEAD)
        TRY(take_head(ex, k, data, n, whole, &head));
    if (k->wants == WANTS_SAMPLES)
        TRY(take_samples(ex, k, data + head, n - head, &more));
    if (k->wants == WANTS_FILE) {
        etag_stream_add(k->hash, data, n);
        spool_put(k->body, data, n);
        TRY(spool_check(k->body, &ex->fault));
    }
    *ret_used = k->wants == WANTS_FILE || k->wants == WANTS_REST ? n : head + more;
    k->taken += *ret_used;
    return STATUS_OK;
}

enum status intake_piece(struct exchange *ex, const void *data, size_t n, size_t *ret_used)
{
    struct intake *k = ex->work;
    turn_begin(ex, k);
    enum status alive = exchange_alive(ex, 0);
    if (alive != STATUS_OK)
        return exchange_ended(ex, alive);
    TRY(take(ex, k, data, n, false, ret_used));
    exchange_stage(ex, STAGE_EXEC);
    turn_end(k);
    return STATUS_OK;
}

bool intake_is_short(const struct exchange *ex, size_t n)
{
    const struct intake *k = ex->work;
    const struct track *t = &k->p.track;
    if (k->wants == WANTS_REST)
        return true;
    if (k->wants != WANTS_SAMPLES || t->changes)
        return false;
    return samples_us(k, (double)(n / frame_size(k))) <= ex->api->config.inline_us;
}

double intake_seconds(const struct exchange *ex, size_t n)
{
    const struct intake *k = ex->work;
    if (k->wants != WANTS_SAMPLES)
        return unknown_s;
    return samples_us(k, (double)(n / frame_size(k))) * 1e-6;
}

/* ---- the end ---- */

static void pull_on(void *user, uint64_t from, uint32_t n, float *const *planes)
{
    struct intake *k = user;
    k->source.pull(k->source.user, k->p.track.first + from, n, planes);
}

/* A body that was kept whole. */
static enum status decode(struct exchange *ex, struct intake *k)
{
    struct process *p = &k->p;
    TRY(audio_in_file(ex, k->body->fd, k->body->place.size, &k->source, &p->snd));
    uint64_t frames = k->source.frames;
    k->data_bytes = frames * frame_size(k);
    k->content_length = -1;
    TRY(start(ex, k, 0));
    p->track.source.pull = pull_on;
    p->track.source.user = k;
    TRY(make_frames(ex, k, frames));
    p->track.source.pull = NULL;
    return snd_end(p->snd, &ex->fault);
}

/* What is left of a body that has ended. */
static enum status take_last(struct exchange *ex, struct intake *k, const uint8_t *data, size_t n)
{
    size_t used;
    TRY(take(ex, k, data, n, true, &used));
    if (k->wants == WANTS_FILE)
        return decode(ex, k);
    if (k->p.body == BODY_RAW && used < n)
        return fault_frames(ex, k, k->taken + n - used);
    if (k->wants == WANTS_SAMPLES && k->data_bytes != UINT64_MAX && !k->open_end)
        return fault_short(ex, k->data_bytes, k->data_taken + n - used);
    return STATUS_OK;
}

static enum status make_tail(struct exchange *ex, struct intake *k, uint64_t frames)
{
    struct process *p = &k->p;
    struct track *t = &p->track;
    struct tail tail;
    if (!p->mastered.tail_auto)
        return make_frames(ex, k, frames - k->made);
    TRY(make_frames(ex, k, frames - k->made)); /* what compensate adds */
    tail_begin(&tail, frames);
    blocks_listen(k->blocks, &tail);
    t->tail = &tail;
    enum status status = make_frames(ex, k, mastered_tail_most(ex, t));
    t->tail = NULL;
    TRY(status);
    if (!tail.ended)
        return mastered_fault_tail(ex, &tail, t);
    k->made = tail.end;
    return STATUS_OK;
}

static enum status answer_plain(struct exchange *ex, struct intake *k)
{
    const struct track *t = &k->p.track;
    uint8_t head[WAV_HEADER_MAX];
    size_t head_size = 0;
    if (k->p.file == AUDIO_WAV) {
        head_size = wav_header(t->sample, t->channels_out, (uint32_t)t->rate, k->made, head);
        if ((k->spool->place.size - HEAD_ROOM) % 2)
            spool_put(k->spool, "", 1);
        place_put(&k->spool->place, HEAD_ROOM - head_size, head, head_size);
    }
    TRY(spool_check(k->spool, &ex->fault));
    spool_answer(ex, k->spool, head_size ? HEAD_ROOM - head_size : 0);
    return STATUS_OK;
}

static bool read_floats(void *user, uint64_t from, size_t n, float *to)
{
    struct intake *k = user;
    size_t frame = k->p.track.channels_out * sizeof(float);
    return spool_read(k->spool, from * frame, to, n * frame);
}

/* The samples are there as floats. */
static enum status answer_mastered(struct exchange *ex, struct intake *k)
{
    struct process *p = &k->p;
    struct mastered *m = &p->mastered;
    struct spool *file;
    struct track *t = &p->track;
    struct master_in in = {.read = read_floats,
                           .user = k,
                           .frames = k->made,
                           .skip = m->how.compensate ? mastered_latency(p->runner, t->rate) : 0,
                           .channels = t->channels_out,
                           .rate = t->rate};
    master_form(&m->how, &in, &m->form);
    if (m->form.frames > ex->api->config.max_frames)
        return fault_limit(&ex->fault, "max-frames", "", "%llu frames are asked for, more than %llu",
                           (unsigned long long)m->form.frames, (unsigned long long)ex->api->config.max_frames);
    TRY(spool_new(ex, &file));
    enum status status = master_run(ex, &m->how, &in, &m->form, &file->place, &m->result);
    TRY(spool_check(k->spool, &ex->fault));
    TRY(status);
    TRY(spool_check(file, &ex->fault));
    p->counts = m->result.counts;
    spool_answer(ex, file, 0);
    return STATUS_OK;
}

enum status intake_end(struct exchange *ex, const void *data, size_t n)
{
    struct intake *k = ex->work;
    struct process *p = &k->p;
    struct track *t = &p->track;
    turn_begin(ex, k);
    TRY(take_last(ex, k, data, n));
    t->source.frames = k->made;
    TRY(process_length(p));
    uint64_t frames = t->frames;
    t->sample = p->mastered.form.sample; /* the file's, as its name says */
    bool known = process_is_known(p);
    t->sample = is_plain(k) ? t->sample : SAMPLE_F32;
    if (known)
        return STATUS_OK;
    if (p->mastered.how.compensate)
        frames += mastered_latency(p->runner, t->rate);
    TRY(make_tail(ex, k, frames));
    exchange_stage(ex, STAGE_EXEC);
    TRY(is_plain(k) ? answer_plain(ex, k) : answer_mastered(ex, k));
    exchange_stage(ex, STAGE_ENCODE);
    process_answer(ex, p);
    return STATUS_OK;
}
