/* POST /streams/{id}: the next block of a stream. Its answer is kept until the one after it, for a client that did not
 * hear it. */
#include <stdlib.h>
#include <string.h>

#include "api/etag.h"
#include "api/load/admission.h"
#include "api/room.h"
#include "api/streams/streams.h"

/* Microseconds that a sample's way in and out takes. */
static const double convert_us = 0.002;

struct block {
    struct audio_stream *stream;
    struct runner *runner;
    struct track track;
    struct stream_answer answer;
    struct block_state copy; /* what a long one works on, since it may be cut short */
    struct automation changes;
    char digest[ETAG_HASH];
    uint64_t seq;
    size_t size; /* of the answer */
    bool has_turn;
};

static handler block_choose, block_run;

static void release_block(void *user)
{
    struct block *b = user;
    if (b->has_turn)
        audio_stream_abandon(b->stream);
    automation_done(&b->changes);
}

static enum status read_frames(struct fields *f, struct block *b)
{
    struct exchange *ex = f->ex;
    const struct audio_stream *s = b->stream;
    struct track *t = &b->track;
    size_t frame = s->channels_in * sample_size(s->sample_in);
    uint64_t most = ex->api->config.max_stream_frames;
    bool says = fields_count(f, "frames", 0, &t->frames);
    TRY(fields_end(f));
    if (says && ex->req->body_size)
        return fields_fault(f, "frames", "a block's length is its body's; frames is for silence, or a generator");
    if (ex->req->body_size % frame)
        return fault_add(&ex->fault, STATUS_BAD_AUDIO, "", 0,
                         "the block has %zu bytes, which is no whole number of %zu-byte frames (%u channels of %s)",
                         ex->req->body_size, frame, s->channels_in, streams_format(s->sample_in));
    t->source = (struct audio_source){.channels = s->channels_in, .sample = s->sample_in};
    if (ex->req->body_size) {
        t->source.data = ex->req->body;
        t->source.frames = t->frames = ex->req->body_size / frame;
    }
    if (t->frames > most)
        return fault_limit(&ex->fault, "max-stream-frames", says ? "/frames" : "",
                           "the block has %llu frames, more than %llu", (unsigned long long)t->frames,
                           (unsigned long long)most);
    return STATUS_OK;
}

static void digest_block(struct exchange *ex, struct block *b)
{
    char body[ETAG_HASH];
    etag_hash(ex->req->body, ex->req->body_size, body);
    const char *text = arena_printf(ex->arena, "%s %llu", body, (unsigned long long)b->track.frames);
    etag_hash(text, strlen(text), b->digest);
}

static enum status answer_memory(struct exchange *ex, struct block *b)
{
    enum { SMALL = 64 << 10 };
    b->size = (size_t)b->track.frames * b->stream->channels_out * sample_size(b->stream->sample_out);
    if ((double)b->size > (double)ex->api->config.max_output_bytes)
        return fault_limit(&ex->fault, "max-output-bytes", "", "the answer has %zu bytes, more than %llu", b->size,
                           (unsigned long long)ex->api->config.max_output_bytes);
    b->track.out = b->size <= SMALL ? arena_alloc(ex->arena, b->size + 1) : (ex->res->owned = malloc(b->size + 1));
    return b->track.out
               ? STATUS_OK
               : fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for an answer of %zu bytes", b->size);
}

static void answer_block(struct exchange *ex, struct block *b, uint64_t position)
{
    const struct audio_stream *s = b->stream;
    answer_body(ex, 200, "application/octet-stream", b->track.out, b->size);
    answer_header_count(ex, "Sinter-Position", position);
    answer_header_count(ex, "Sinter-Clipped", b->answer.out.clipped);
    answer_header_count(ex, "Sinter-Nonfinite", b->answer.out.nonfinite);
    if (b->answer.in.nonfinite)
        answer_header_count(ex, "Sinter-Nonfinite-In", b->answer.in.nonfinite);
    if (s->channels_out != s->channels_in)
        answer_header_count(ex, "Sinter-Channels", s->channels_out);
}

static enum status no_turn(struct exchange *ex, const struct block *b, enum turn turn, const struct stream_view *view)
{
    unsigned long long next = view->seq, asked = b->seq;
    switch (turn) {
    case TURN_IN_FLIGHT:
        return streams_in_flight(ex);
    case TURN_OLD:
        return fault_add(&ex->fault, STATUS_CONFLICT, "/seq", 0,
                         "block %llu is answered and forgotten; the next one is %llu", asked, next);
    case TURN_OTHER:
        return fault_add(&ex->fault, STATUS_CONFLICT, "/seq", 0,
                         "block %llu was another one: the same seq comes again with the same body only; the next one "
                         "is %llu",
                         asked, next);
    case TURN_GAP:
        return fault_add(&ex->fault, STATUS_CONFLICT, "/seq", 0, "block %llu is not due yet; the next one is %llu",
                         asked, next);
    case TURN_FULL:
        ex->fault.limit = "max-streams-bytes";
        return fault_add(&ex->fault, STATUS_BUSY, "", 0,
                         "open streams hold as much memory as they may together (limit max-streams-bytes, set by "
                         "--max-streams-bytes)");
    case TURN_FULL_SHARE:
        ex->fault.limit = "max-client-share";
        return fault_add(&ex->fault, STATUS_QUOTA, "", 0,
                         "this client's streams hold their share of --max-streams-bytes (limit max-client-share, set "
                         "by --max-client-share)");
    default:
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for the block");
    }
}

/* STATUS_OK without a turn: it was the last block again. */
static enum status take_turn(struct exchange *ex, struct block *b)
{
    struct stream_view view;
    const struct turn_wanted wanted = {
        .seq = b->seq, .frames = b->track.frames, .digest = b->digest, .answer = b->track.out, .answer_size = b->size};
    enum turn turn = audio_stream_begin(b->stream, &wanted, &b->answer, &view);
    b->has_turn = turn == TURN_RUN;
    if (turn == TURN_REPEAT) {
        answer_header(ex, "Sinter-Graph", arena_strdup(ex->arena, b->stream->program->graph_id));
        answer_block(ex, b, view.position);
        return STATUS_OK;
    }
    return turn == TURN_RUN ? STATUS_OK : no_turn(ex, b, turn, &view);
}

static enum status make_copy(struct exchange *ex, struct block *b)
{
    struct audio_stream *s = b->stream;
    void *memory;
    block_state_copy(&s->state, s->program, ex->arena, &b->copy);
    TRY(exchange_memory(ex, s->state.size, &memory));
    memcpy(memory, s->memory, s->state.size);
    block_state_place(&b->copy, s->program, memory);
    if (!automation_copy(&s->automation, &b->changes))
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for the block");
    b->track.state = &b->copy;
    b->track.changes = &b->changes;
    return STATUS_OK;
}

static void keep_copy(struct block *b)
{
    struct audio_stream *s = b->stream;
    struct automation before = s->automation;
    memcpy(s->memory, b->copy.state, s->state.size);
    s->automation = b->changes;
    b->changes = before; /* release_block's */
}

static enum status block_run(struct exchange *ex)
{
    struct block *b = ex->work;
    struct audio_stream *s = b->stream;
    bool is_long = b->track.frames > BLOCKS_FRAMES;
    b->track.state = &s->state;
    b->track.changes = &s->automation;
    if (is_long)
        TRY(make_copy(ex, b));
    b->runner->params = b->track.changes->values;
    exchange_stage(ex, STAGE_CACHE);
    TRY(blocks_run(b->runner, &b->track, &b->answer.out, &b->answer.in));
    /* From here on nothing fails until the stream has moved. */
    if (is_long)
        keep_copy(b);
    if (b->size)
        memcpy(s->coming.body, b->track.out, b->size);
    s->coming.out = b->answer.out;
    s->coming.in = b->answer.in;
    b->has_turn = false;
    audio_stream_commit(s, b->track.frames);
    exchange_stage(ex, STAGE_EXEC);
    runner_headers(b->runner);
    answer_block(ex, b, b->track.first + b->track.frames);
    answer_timing(ex);
    return STATUS_OK;
}

static enum status block_choose(struct exchange *ex)
{
    struct block *b = ex->work;
    TRY(runner_choose(b->runner, (double)b->track.frames));
    return block_run(ex);
}

/* A long one works on a copy of the state. */
static void predict_block(struct exchange *ex, const struct block *b, double engine_us)
{
    const struct track *t = &b->track;
    double us = engine_us + automation_predict_us(&b->stream->automation, t->first, t->frames) +
                (double)t->frames * (t->channels_in + t->channels_out) * convert_us;
    admission_predict(ex, b->runner, us, b->size + (t->frames > BLOCKS_FRAMES ? b->stream->state.size : 0));
}

static enum status block_prepare(struct exchange *ex, struct block *b)
{
    struct audio_stream *s = b->stream;
    struct track *t = &b->track;
    double points = (double)t->frames;
    t->channels_in = s->channels_in;
    t->channels_out = s->channels_out;
    t->rate = s->rate;
    t->seed = s->seed;
    t->nonfinite = s->nonfinite;
    t->sample = s->sample_out;
    t->first = s->position;
    b->runner = runner_new(ex);
    b->runner->program = program_ref(s->program);
    b->runner->tier = s->tier;
    if (s->responses) {
        b->runner->responses = s->responses->responses;
        b->runner->response_lengths = s->responses->lengths;
    }
    if (s->tier == TIER_JIT) {
        predict_block(ex, b, points * s->program->whole_cost.jit_ns * 1e-3);
        return exchange_long(ex, block_choose);
    }
    TRY(runner_choose(b->runner, points));
    predict_block(ex, b, runner_predict_us(b->runner, points));
    bool is_long = ex->res->cost_seconds * 1e6 > ex->api->config.inline_us;
    return is_long ? exchange_long(ex, block_run) : block_run(ex);
}

enum status streams_block(struct exchange *ex)
{
    struct fields fields;
    struct block *b = ARENA_NEW(ex->arena, struct block);
    void **slot = exchange_defer(ex, release_block);
    ex->work = b;
    TRY(streams_find(ex, true, &b->stream));
    *slot = b;
    fields_from_query(ex, FIELD_BLOCK, &fields);
    if (!fields_count(&fields, "seq", 0, &b->seq) && !fields_find(&fields, "seq"))
        fields_fault(&fields, "seq", "a block says which it is: seq=0 for the first, then one more each time");
    TRY(read_frames(&fields, b));
    digest_block(ex, b);
    TRY(answer_memory(ex, b));
    exchange_stage(ex, STAGE_PARSE);
    TRY(take_turn(ex, b));
    return b->has_turn ? block_prepare(ex, b) : STATUS_OK;
}
