/* The routes of streams: audio in blocks, the state kept between them. What a stream is, is in audio_stream.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/choice.h"
#include "api/json/json_write.h"
#include "api/load/admission.h"
#include "api/room.h"
#include "api/streams/audio_stream.h"
#include "api/streams/stream_make.h"
#include "api/streams/stream_state.h"
#include "api/subject.h"

/* Seconds after which a block in flight is likely to be done. */
enum { RETRY_IN_FLIGHT_S = 1 };

/* Microseconds that a sample's way in and out takes. */
static const double convert_us = 0.002;
/* And a byte of state its seal. */
static const double state_us = 0.003;

static const char *const formats[] = {"f32le", "s16le", "s24le", NULL};
static const enum sample format_samples[] = {SAMPLE_F32, SAMPLE_S16, SAMPLE_S24};
static const char *const policies[] = {"zero", "reject", "pass", NULL};

static const char *format_of(enum sample sample)
{
    size_t i = 0;
    while (format_samples[i] != sample)
        i++;
    return formats[i];
}

static void release_stream(void *user)
{
    audio_stream_unref(user);
}

/* As jobs: to others it does not exist. */
static bool is_own(const struct exchange *ex, const struct audio_stream *s)
{
    return (ex->client->roles & ROLE_ADMIN) || !strcmp(ex->client->id, s->owner);
}

/* The stream of the path, until the request ends. */
static enum status find_stream(struct exchange *ex, bool uses, struct audio_stream **ret)
{
    void **slot = exchange_defer(ex, release_stream);
    *slot = *ret = audio_streams_find(ex->api->streams, ex->rest, uses);
    answer_header(ex, "Cache-Control", "no-store");
    if (*ret && is_own(ex, *ret))
        return STATUS_OK;
    return fault_add(&ex->fault, STATUS_NOT_FOUND, "", 0,
                     "no stream %.60s of yours is open here: it may have been idle for too long, and no stream "
                     "outlives its server; POST /streams opens one",
                     ex->rest);
}

static enum status in_flight(struct exchange *ex)
{
    answer_header_count(ex, "Retry-After", RETRY_IN_FLIGHT_S);
    return fault_add(&ex->fault, STATUS_CONFLICT, "", 0, "a block of this stream is being made; come back when it is");
}

/* What is told about a stream */

static void write_params(struct json_writer *w, const struct program *p, const double *values)
{
    json_object(w, "params");
    for (size_t i = 0; i < p->n_params; i++)
        json_number(w, p->params[i].name, values[i]);
    json_object_end(w);
}

static void write_kernel(struct json_writer *w, struct exchange *ex, struct program *p)
{
    static const char *const states[] = {"absent", "queued", "stored", "loaded", "failed"};
    char key[HASH_HEX];
    bool has_key = engine_key(ex->api->engine, p, key);
    json_object(w, "kernel");
    json_string(w, "key", has_key ? key : NULL);
    json_string(w, "state", states[engine_kernel_state(ex->api->engine, p)]);
    json_object_end(w);
}

static void answer_stream(struct exchange *ex, int http_status, struct audio_stream *s)
{
    struct stream_view view;
    struct json_writer w;
    double *params = ARENA_ARRAY(ex->arena, s->program->n_params + 1, double);
    audio_stream_view(s, &view, params);
    json_writer_init(&w, ex->arena);
    json_object(&w, NULL);
    json_string(&w, "id", s->id);
    json_string(&w, "graph", s->program->graph_id);
    json_uint(&w, "seq", view.seq);
    json_uint(&w, "position", view.position);
    json_bool(&w, "in_flight", view.busy);
    json_number(&w, "rate", s->rate > 0 ? s->rate : NAN);
    json_uint(&w, "channels", s->channels_in);
    json_uint(&w, "channels_out", s->channels_out);
    json_string(&w, "format", format_of(s->sample_in));
    json_string(&w, "format_out", format_of(s->sample_out));
    json_string(&w, "nonfinite", policies[s->nonfinite]);
    json_number(&w, "seed", s->seed);
    json_uint(&w, "latency_samples", (uint64_t)rint(s->program->lowered.latency * s->rate));
    write_params(&w, s->program, params);
    json_uint(&w, "changes", view.changes);
    write_kernel(&w, ex, s->program);
    json_uint(&w, "bytes", view.bytes);
    json_number(&w, "expires_ms", rint(view.expires_ms));
    json_object_end(&w);
    text_add(&w.text, "\n");
    answer_body(ex, http_status, "application/json", w.text.s, w.text.n);
}

/* Opening one */

struct opening {
    struct fields fields;
    struct subject subject;
    struct param_values params;
    struct responses responses;
    struct program *program;
    struct audio_stream *stream;
    double rate, seed;
    uint64_t channels;
    int policy, format, format_out;
    enum tier tier;
};

static void release_opening(void *user)
{
    struct opening *o = user;
    if (o->program)
        program_unref(o->program);
    audio_stream_unref(o->stream);
}

static void read_options(struct opening *o)
{
    struct fields *f = &o->fields;
    const struct api_config *config = &f->ex->api->config;
    fields_params(f, &o->params);
    o->tier = config->tier;
    choice_tier(f, &o->tier);
    o->channels = 1;
    if (fields_count(f, "channels", 1, &o->channels) && o->channels > config->max_channels) {
        f->failed = true;
        fault_limit(&f->ex->fault, "max-channels", "/channels", "%.0f channels are more than %u", (double)o->channels,
                    config->max_channels);
    }
    if (fields_number(f, "seed", &o->seed) && (o->seed != floor(o->seed) || fabs(o->seed) > 0x1p31))
        fields_fault(f, "seed", "seed must be a whole number of at most 32 bits");
    if (fields_number(f, "rate", &o->rate) && !(o->rate > 0 && o->rate <= 1e9))
        fields_fault(f, "rate", "rate must be above 0, in frames a second");
    fields_choice(f, "nonfinite", policies, &o->policy);
    if (fields_choice(f, "format", formats, &o->format))
        o->format_out = o->format;
    fields_choice(f, "format_out", formats, &o->format_out);
}

static enum status check_program(struct exchange *ex, struct opening *o)
{
    if (o->rate > 0)
        return subject_check_rate(ex, &o->subject, o->rate);
    if (o->program->lowered.needs_rate)
        return fault_add(&ex->fault, STATUS_BAD_FIELD, "/rate", 0,
                         "this graph depends on time, so the stream must say its rate");
    return STATUS_OK;
}

static enum status make_stream(struct exchange *ex, struct opening *o)
{
    struct stream_wish wish = {.program = o->program, .responses = &o->responses, .rate = o->rate, .seed = o->seed};
    TRY(subject_params(ex, o->program, &o->params, &wish.params));
    TRY(check_program(ex, o));
    TRY(responses_match(ex, &o->responses, &o->subject, o->program));
    TRY(subject_load(ex, &o->subject)); /* the text, to be exported */
    wish.canonical = o->subject.canonical;
    TRY(stream_make(ex, &wish, &o->stream));
    o->stream->channels_in = (uint32_t)o->channels;
    o->stream->nonfinite = (enum nonfinite)o->policy;
    o->stream->sample_in = format_samples[o->format];
    o->stream->sample_out = format_samples[o->format_out];
    o->stream->tier = o->tier;
    return STATUS_OK;
}

static enum status open_stream(struct exchange *ex, struct opening *o)
{
    snprintf(o->stream->owner, sizeof o->stream->owner, "%s", ex->client->id);
    TRY(audio_streams_open(ex->api->streams, o->stream, &ex->fault));
    answer_header(ex, "Location", arena_printf(ex->arena, "/streams/%s", o->stream->id));
    answer_header(ex, "Cache-Control", "no-store");
    answer_header(ex, "Sinter-Graph", arena_strdup(ex->arena, o->stream->program->graph_id));
    answer_stream(ex, 201, o->stream);
    answer_timing(ex);
    return STATUS_OK;
}

static enum status streams_make(struct exchange *ex)
{
    struct opening *o = ex->work;
    struct layout layout = {.kind = GRAPH_AUDIO, .channels = (uint32_t)o->channels};
    TRY(subject_program(ex, &o->subject, layout, &o->program));
    TRY(make_stream(ex, o));
    return open_stream(ex, o);
}

static enum status streams_continue(struct exchange *ex)
{
    struct opening *o = ex->work;
    TRY(stream_state_read(ex, ex->req->body, ex->req->body_size, &o->stream));
    return open_stream(ex, o);
}

/* JSON, alone or as the part `request` with impulse responses beside it. */
static enum status read_request(struct exchange *ex, struct opening *o)
{
    struct multipart *parts;
    struct multipart_part request;
    if (!multipart_is(ex))
        return fields_from_json(ex, ex->req->body, ex->req->body_size, FIELD_STREAM, &o->fields);
    parts = ARENA_NEW(ex->arena, struct multipart);
    TRY(multipart_read(ex, parts));
    TRY(multipart_take(ex, parts, "request", &request));
    TRY(fields_from_json(ex, request.data, request.size, FIELD_STREAM, &o->fields));
    responses_read(ex, parts, &o->responses);
    return STATUS_OK;
}

enum status streams_post(struct exchange *ex)
{
    const char *type = ex->req->header(ex->req, "Content-Type");
    struct opening *o = ARENA_NEW(ex->arena, struct opening);
    *exchange_defer(ex, release_opening) = o;
    ex->work = o;
    if (!strncasecmp(type, "application/octet-stream", 24)) {
        fields_from_query(ex, 0, &o->fields);
        TRY(fields_end(&o->fields));
        admission_predict(ex, NULL, (double)ex->req->body_size * state_us, ex->req->body_size);
        return exchange_long(ex, streams_continue);
    }
    TRY(read_request(ex, o));
    exchange_stage(ex, STAGE_PARSE);
    enum status subject = subject_read(&o->fields, &o->subject);
    read_options(o);
    TRY(fields_end(&o->fields));
    TRY(subject);
    exchange_stage(ex, STAGE_CHECK);
    if (subject_is_small(&o->subject))
        return streams_make(ex);
    admission_predict(ex, NULL, subject_predict_us(&o->subject), 0);
    return exchange_long(ex, streams_make);
}

/* A block */

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
                         ex->req->body_size, frame, s->channels_in, format_of(s->sample_in));
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
        return in_flight(ex);
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
    TRY(find_stream(ex, true, &b->stream));
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

/* The rest */

enum status streams_get(struct exchange *ex)
{
    struct audio_stream *s;
    TRY(find_stream(ex, false, &s));
    answer_stream(ex, 200, s);
    return STATUS_OK;
}

enum status streams_patch(struct exchange *ex)
{
    struct fields fields;
    struct audio_stream *s;
    struct automation_rows rows;
    struct stream_view view;
    uint32_t most = ex->api->config.max_changes;
    TRY(find_stream(ex, true, &s));
    TRY(fields_from_json(ex, ex->req->body, ex->req->body_size, FIELD_CHANGE, &fields));
    if (!fields_find(&fields, "params"))
        fields_fault(&fields, "params", "a change of a stream is in params: a list of {param, value, at, ramp}");
    TRY(fields_end(&fields));
    audio_stream_view(s, &view, ARENA_ARRAY(ex->arena, s->program->n_params + 1, double));
    uint64_t reached = view.reached;
    TRY(automation_read(&fields, "params", s->program, s->rate, reached, &rows));
    switch (audio_stream_change(s, &rows, most, &reached)) {
    case STATUS_OK:
        break;
    case STATUS_CONFLICT:
        return fault_add(&ex->fault, STATUS_CONFLICT, "/params", 0,
                         "a block was begun meanwhile; the next sample that can change is %llu",
                         (unsigned long long)reached);
    case STATUS_LIMIT:
        return fault_limit(&ex->fault, "max-changes", "/params",
                           "with those that wait there would be more than %u changes", most);
    default:
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for %zu changes", rows.n);
    }
    answer_stream(ex, 200, s);
    return STATUS_OK;
}

enum status streams_delete(struct exchange *ex)
{
    struct audio_stream *s;
    TRY(find_stream(ex, false, &s));
    audio_streams_close(s);
    answer_body(ex, 204, NULL, "", 0);
    return STATUS_OK;
}

static void release_hold(void *user)
{
    audio_stream_abandon(user);
}

static enum status state_write(struct exchange *ex)
{
    struct audio_stream *s = ex->work;
    uint8_t *data;
    size_t n;
    void **slot = exchange_defer(ex, release_hold);
    enum turn turn = audio_stream_hold(s);
    if (turn == TURN_IN_FLIGHT)
        return in_flight(ex);
    if (turn != TURN_RUN)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for the state");
    *slot = s;
    TRY(stream_state_write(ex, s, &data, &n));
    ex->res->owned = data;
    answer_header_count(ex, "Sinter-Position", s->position);
    answer_body(ex, 200, "application/octet-stream", data, n);
    return STATUS_OK;
}

enum status stream_state_get(struct exchange *ex)
{
    struct audio_stream *s;
    TRY(find_stream(ex, true, &s));
    ex->work = s;
    admission_predict(ex, NULL, (double)s->state.size * state_us, 2 * s->state.size);
    return exchange_long(ex, state_write);
}
