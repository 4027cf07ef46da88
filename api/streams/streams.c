/* See streams.h. What a stream is, is in audio_stream.h. */
#include "api/streams/streams.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/choice.h"
#include "api/json/json_write.h"
#include "api/load/admission.h"
#include "api/room.h"
#include "api/streams/stream_make.h"
#include "api/streams/stream_state.h"
#include "api/subject.h"

/* Seconds after which a block in flight is likely to be done. */
enum { RETRY_IN_FLIGHT_S = 1 };

/* Microseconds that sealing a byte of state takes. */
static const double state_us = 0.003;

static const char *const formats[] = {"f32le", "s16le", "s24le", NULL};
static const enum sample format_samples[] = {SAMPLE_F32, SAMPLE_S16, SAMPLE_S24};
static const char *const policies[] = {"zero", "reject", "pass", NULL};

const char *streams_format(enum sample sample)
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

enum status streams_find(struct exchange *ex, bool uses, struct audio_stream **ret)
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

enum status streams_in_flight(struct exchange *ex)
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
    json_string(&w, "format", streams_format(s->sample_in));
    json_string(&w, "format_out", streams_format(s->sample_out));
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
    wish.subject = &o->subject;
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

/* The rest */

enum status streams_get(struct exchange *ex)
{
    struct audio_stream *s;
    TRY(streams_find(ex, false, &s));
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
    TRY(streams_find(ex, true, &s));
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
    TRY(streams_find(ex, false, &s));
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
        return streams_in_flight(ex);
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
    TRY(streams_find(ex, true, &s));
    ex->work = s;
    admission_predict(ex, NULL, (double)s->state.size * state_us, 2 * s->state.size);
    return exchange_long(ex, state_write);
}
