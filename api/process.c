/* POST /process: a graph over audio, or a generator's audio. The body is a WAV or raw samples with the fields in the
 * query, or JSON, or both in a multipart body. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/bytes/multipart.h"
#include "api/choice.h"
#include "api/load/admission.h"
#include "api/process.h"
#include "api/room.h"
#include "core/text.h"

/* Bodies above this are read on a pool thread; microseconds that a sample's way in and out takes. */
enum { INLINE_BODY = 256 << 10 };
const double process_convert_us = 0.004;
/* A sample of a convolution, and a byte of a body that is read for its parts and its ETag. */
static const double host_us = 0.05, body_us = 0.002;

static handler process_prepare, process_run;

static enum body body_of(const char *type)
{
    return strncasecmp(type, "audio/", 6) ? BODY_RAW : BODY_FILE;
}

/* Clients call the parts whose type they do not know octet streams: unless the request says how raw samples lie, the
 * first bytes decide. */
static enum body body_of_part(const struct multipart_part *part, struct fields *f)
{
    bool is_vague = !*part->type || (!strncasecmp(part->type, "application/octet-stream", 24) &&
                                     !fields_find(f, "channels") && !fields_find(f, "format"));
    return is_vague && audio_in_is(part->data, part->size) ? BODY_FILE : body_of(part->type);
}

static enum sample sample_of(int file, unsigned bits)
{
    if (file == AUDIO_F32LE || bits == 32)
        return SAMPLE_F32;
    return bits == 16 ? SAMPLE_S16 : SAMPLE_S24;
}

static void read_raw(struct process *p, int format)
{
    struct fields *f = &p->fields;
    struct audio_source *s = &p->track.source;
    if (format == AUDIO_WAV || format == AUDIO_FLAC || format == AUDIO_AIFF) {
        fields_fault(f, "format", "the format of a raw body is f32le, s16le or s24le; a %s is sent as %s",
                     audio_files[format].name, audio_files[format].type);
        return;
    }
    s->sample = format == AUDIO_F32LE ? SAMPLE_F32 : format == AUDIO_S16LE ? SAMPLE_S16 : SAMPLE_S24;
    if (p->channels > f->ex->api->config.max_channels)
        return; /* read_length tells */
    size_t frame = p->channels * sample_size(s->sample);
    if (p->audio_size % frame) {
        f->failed = true;
        fault_add(&f->ex->fault, STATUS_BAD_AUDIO, "", 0,
                  "the body has %zu bytes, which is no whole number of %zu-byte frames (%llu channels of %s)",
                  p->audio_size, frame, (unsigned long long)p->channels, audio_files[format].name);
        return;
    }
    s->data = p->audio;
    s->frames = p->audio_size / frame;
}

static void accept_source(struct process *p)
{
    struct fields *f = &p->fields;
    struct audio_source *s = &p->track.source;
    if (p->track.rate != 0 && p->track.rate != s->rate)
        fields_fault(f, "rate", "the file has %u frames a second, not %.9g", s->rate, p->track.rate);
    p->track.rate = s->rate;
    if (p->says_channels && p->channels != s->channels)
        fields_fault(f, "channels", "the file has %u channels, not %llu", s->channels, (unsigned long long)p->channels);
}

static void read_audio_file(struct process *p)
{
    struct fields *f = &p->fields;
    if (audio_in_open(f->ex, p->audio, p->audio_size, &p->track.source, &p->snd) == STATUS_OK)
        accept_source(p);
    else
        f->failed = true;
}

/* How long, and how wide. */
static void read_length(struct process *p)
{
    struct fields *f = &p->fields;
    struct track *t = &p->track;
    t->channels_in = p->channels > UINT32_MAX ? UINT32_MAX : (uint32_t)p->channels;
    if (p->body == BODY_FILE)
        t->channels_in = t->source.channels;
    t->source.channels = t->channels_in;
    t->frames = t->source.frames;
    bool seconds = fields_number(f, "seconds", &p->seconds), frames = fields_count(f, "frames", 0, &t->frames);
    if (p->body != BODY_NONE && (seconds || frames))
        fields_fault(f, seconds ? "seconds" : "frames", "the length of the answer is the body's; tail makes it longer");
    else if (p->body == BODY_NONE && seconds == frames)
        fields_fault(f, "seconds", "a request without audio says how much to make: seconds or frames");
    else if (seconds && (!(p->seconds >= 0) || t->rate <= 0))
        fields_fault(f, t->rate <= 0 ? "rate" : "seconds",
                     t->rate <= 0 ? "seconds need a rate" : "seconds must not be negative");
    if (p->tail > 0 && t->rate <= 0)
        fields_fault(f, "rate", "a tail in seconds needs a rate");
    double most = (double)f->ex->api->config.max_frames, added = floor((p->seconds + p->tail) * t->rate + 0.5);
    if (!f->failed && (double)t->frames + added > most) {
        f->failed = true;
        fault_limit(&f->ex->fault, "max-frames",
                    seconds       ? "/seconds"
                    : frames      ? "/frames"
                    : p->tail > 0 ? "/tail"
                                  : "",
                    "%.0f frames are asked for, more than %.0f", (double)t->frames + added, most);
    }
    if (!f->failed)
        t->frames += (uint64_t)added;
    if (t->channels_in > f->ex->api->config.max_channels) {
        f->failed = true;
        fault_limit(&f->ex->fault, "max-channels", "/channels", "%u channels are more than %u", t->channels_in,
                    f->ex->api->config.max_channels);
    }
}

static void read_tail(struct process *p)
{
    struct fields *f = &p->fields;
    struct field *field = fields_find(f, "tail");
    if (!field)
        return;
    const char *text = field->text ? field->text : field->value->kind == DATUM_STRING ? field->value->string : NULL;
    if (text && !strcmp(text, "none"))
        return;
    if (text && !strcmp(text, "auto"))
        p->mastered.tail_auto = true;
    else if (text && !strpbrk(text, "0123456789"))
        fields_fault(f, "tail", "a tail is none, auto or a number of seconds");
    else if (fields_number(f, "tail", &p->tail) && !(p->tail >= 0))
        fields_fault(f, "tail", "a tail must not be negative");
}

static void read_options(struct process *p)
{
    static const char *const policies[] = {"zero", "reject", "pass", NULL};
    struct fields *f = &p->fields;
    struct track *t = &p->track;
    int policy = NONFINITE_ZERO;
    uint64_t version;
    fields_params(f, &p->params);
    p->tier = f->ex->api->config.tier;
    choice_tier(f, &p->tier);
    fields_count(f, "v", 0, &version);
    p->channels = 1;
    p->says_channels = fields_count(f, "channels", 1, &p->channels);
    fields_choice(f, "nonfinite", policies, &policy);
    t->nonfinite = (enum nonfinite)policy;
    if (fields_number(f, "seed", &t->seed) && (t->seed != floor(t->seed) || fabs(t->seed) > 0x1p31))
        fields_fault(f, "seed", "seed must be a whole number of at most 32 bits");
    if (fields_number(f, "rate", &t->rate) && !(t->rate > 0 && t->rate <= 1e9))
        fields_fault(f, "rate", "rate must be above 0, in frames a second");
    master_read(f, &p->mastered.how);
    read_tail(p);
}

static void read_file(struct process *p)
{
    static const char *const later[] = {NULL};
    struct fields *f = &p->fields;
    unsigned bits;
    p->file = p->body == BODY_RAW ? AUDIO_F32LE : AUDIO_WAV;
    if (p->body == BODY_RAW && !fields_find(f, "format"))
        read_raw(p, p->file);
    choice_format(f, audio_files, later, &p->file);
    if (p->body == BODY_RAW && fields_find(f, "format") && !f->failed) {
        read_raw(p, p->file);
        choice_accept(f->ex, audio_files, &p->file);
    }
    choice_bits(f, &audio_files[p->file], &bits);
    p->track.sample = sample_of(p->file, bits);
    p->mastered.form = (struct audio_form){.file = (enum audio_file)p->file, .sample = p->track.sample};
}

/* The names of what the answer depends on; the audio itself last. */
bool process_is_known(struct process *p)
{
    struct exchange *ex = p->fields.ex;
    const struct track *t = &p->track;
    const uint64_t whole[] = {t->frames,
                              t->channels_in,
                              (uint64_t)t->nonfinite,
                              (uint64_t)t->sample,
                              (uint64_t)p->file,
                              (uint64_t)t->source.sample,
                              p->body};
    const double numbers[] = {t->rate, t->seed};
    struct text params = {.arena = ex->arena};
    for (size_t i = 0; i < p->params.n; i++)
        text_addf(&params, "%s=%a;", p->params.list[i].name, p->params.list[i].value);
    if (!mastered_is_needless(&p->mastered))
        mastered_describe(&p->mastered, &params);
    if (p->responses.n)
        text_addf(&params, "responses=%s", p->responses.tag);
    if (fields_find(&p->fields, "automation"))
        text_addf(&params, "automation=%s", automation_text(&p->fields, "automation"));
    size_t size = t->source.frames * t->source.channels * sample_size(t->source.sample);
    const struct hash_part parts[] = {
        {"process", 7},
        {p->subject.id, sizeof p->subject.id},
        {whole, sizeof whole},
        {numbers, sizeof numbers},
        {params.s, params.n},
        {p->snd ? p->audio : t->source.data, p->snd ? p->audio_size : t->source.data ? size : 0}};
    size_t n = sizeof parts / sizeof *parts;
    return p->hash ? etag_matches_stream(ex, parts, n - 1, p->hash) : etag_matches(ex, parts, n);
}

static enum status failure(const struct fields *f)
{
    return f->failed ? f->ex->fault.status : STATUS_OK;
}

enum status process_source(struct process *p, const struct audio_source *s)
{
    if (p->body == BODY_FILE) {
        p->track.source = *s;
        p->track.source.data = NULL;
        p->track.source.pull = NULL;
        accept_source(p);
    }
    return failure(&p->fields);
}

enum status process_length(struct process *p)
{
    read_length(p);
    return failure(&p->fields);
}

enum status process_begin(struct exchange *ex, struct process *p)
{
    p->body = body_of(ex->req->header(ex->req, "Content-Type"));
    fields_from_query(ex, FIELD_PROCESS, &p->fields);
    enum status subject = subject_read(&p->fields, &p->subject);
    read_options(p);
    read_file(p);
    TRY(fields_end(&p->fields));
    return subject;
}

static enum status process_read(struct exchange *ex, struct process *p)
{
    ex->work = p;
    exchange_stage(ex, STAGE_PARSE);
    enum status subject = subject_read(&p->fields, &p->subject);
    read_options(p);
    read_file(p);
    bool unseen = p->body == BODY_FILE && exchange_checks_only(ex);
    if (p->body == BODY_FILE && !unseen)
        read_audio_file(p);
    if (!unseen)
        read_length(p);
    TRY(fields_end(&p->fields));
    TRY(subject);
    exchange_stage(ex, STAGE_CHECK);
    if (exchange_checks_only(ex))
        return subject_check(ex, &p->subject, &p->params);
    if (process_is_known(p))
        return STATUS_OK;
    if (subject_is_small(&p->subject))
        return process_prepare(ex);
    admission_predict(ex, NULL, subject_predict_us(&p->subject), 0);
    return exchange_long(ex, process_prepare);
}

static enum status check_program(struct exchange *ex, struct process *p)
{
    const struct program *program = p->runner->program;
    struct track *t = &p->track;
    if (program->lowered.reads_in && p->body == BODY_NONE)
        return fault_add(&ex->fault, STATUS_BAD_FIELD, "", 0,
                         "this graph reads `in`: send audio (audio/wav, raw, or multipart), not only JSON");
    if (t->rate > 0)
        TRY(subject_check_rate(ex, &p->subject, t->rate));
    else if (program->lowered.needs_rate)
        return fault_add(&ex->fault, STATUS_BAD_FIELD, "/rate", 0,
                         "this graph depends on time, so the request must say its rate");
    return mastered_check(p->runner, &p->mastered, t);
}

static double process_points(const struct process *p)
{
    return (double)p->track.frames;
}

static enum status process_choose(struct exchange *ex)
{
    struct process *p = ex->work;
    TRY(runner_choose(p->runner, process_points(p)));
    return process_run(ex);
}

static void release_changes(void *user)
{
    automation_done(user);
}

/* Parameters that move have their values in the automation from here on. */
static enum status read_automation(struct exchange *ex, struct process *p)
{
    struct automation_rows rows;
    struct automation *changes = ARENA_NEW(ex->arena, struct automation);
    const struct program *program = p->runner->program;
    void **deferred = exchange_defer(ex, release_changes);
    TRY(automation_read(&p->fields, "automation", program, p->track.rate, 0, &rows));
    if (!rows.n)
        return STATUS_OK;
    *deferred = changes;
    if (!automation_init(changes, (uint32_t)program->n_params, p->runner->params) ||
        !automation_add(changes, rows.list, rows.n))
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "/automation", 0, "no memory for %zu changes", rows.n);
    p->runner->params = changes->values;
    p->track.changes = changes;
    return STATUS_OK;
}

enum status process_program(struct exchange *ex, struct process *p)
{
    p->runner = runner_new(ex);
    p->runner->tier = p->tier;
    p->runner->subject = &p->subject;
    struct layout layout = {.kind = GRAPH_AUDIO, .channels = p->track.channels_in};
    TRY(subject_program(ex, &p->subject, layout, &p->runner->program));
    TRY(subject_params(ex, p->runner->program, &p->params, &p->runner->params));
    TRY(responses_match(ex, &p->responses, &p->subject, p->runner->program));
    TRY(check_program(ex, p));
    return read_automation(ex, p);
}

static enum status process_decode(struct exchange *ex)
{
    struct process *p = ex->work;
    TRY(responses_decode(p->runner, &p->responses, p->track.rate));
    exchange_stage(ex, STAGE_PARSE);
    return process_choose(ex);
}

/* Where the whole is not short, its state is looked at, too. */
static enum status predict(struct process *p, double engine_us)
{
    struct exchange *ex = p->fields.ex;
    const struct track *t = &p->track;
    uint64_t frames = t->frames, state = 0;
    double us = engine_us + process_points(p) * (t->channels_in + t->channels_out) * process_convert_us +
                mastered_predict_us(&p->mastered);
    us += t->changes ? automation_predict_us(t->changes, 0, frames) : 0;
    if (us > ex->api->config.inline_us && !p->runner->program->n_hosts)
        TRY(blocks_measure(p->runner, t, &state));
    if (p->mastered.tail_auto)
        frames += mastered_tail_most(ex, t);
    uint64_t bytes = state + frames * t->channels_out * sample_size(t->sample);
    if (!mastered_is_needless(&p->mastered))
        bytes += frames * t->channels_out * sizeof(float);
    admission_predict(ex, p->runner, us, bytes);
    return STATUS_OK;
}

static enum status process_prepare(struct exchange *ex)
{
    struct process *p = ex->work;
    TRY(process_program(ex, p));
    const struct program *program = p->runner->program;
    double points = process_points(p), whole_us = points * program->whole_cost.jit_ns * 1e-3;
    if (program->n_hosts || p->tier == TIER_JIT) {
        TRY(predict(p, whole_us + points * program->n_hosts * host_us));
        return exchange_long(ex, program->n_hosts ? process_decode : process_choose);
    }
    TRY(runner_choose(p->runner, points));
    exchange_stage(ex, STAGE_CACHE);
    TRY(predict(p, runner_predict_us(p->runner, points)));
    bool is_long = ex->res->cost_seconds * 1e6 > ex->api->config.inline_us;
    return is_long ? exchange_long(ex, process_run) : process_run(ex);
}

void process_answer(struct exchange *ex, struct process *p)
{
    answer_body(ex, 200, audio_files[p->file].type, ex->res->body, ex->res->body_size);
    ex->res->format = audio_files[p->file].name;
    runner_headers(p->runner);
    answer_header_count(ex, "Sinter-Clipped", p->counts.clipped);
    answer_header_count(ex, "Sinter-Nonfinite", p->counts.nonfinite);
    if (p->counts_in.nonfinite)
        answer_header_count(ex, "Sinter-Nonfinite-In", p->counts_in.nonfinite);
    answer_header_count(ex, "Sinter-Latency-Samples", mastered_latency(p->runner, p->track.rate));
    master_headers(ex, &p->mastered.how, &p->mastered.result);
    if (p->body == BODY_RAW && p->track.channels_out != p->track.channels_in)
        answer_header_count(ex, "Sinter-Channels", p->track.channels_out);
    answer_timing(ex);
}

/* Small answers come from the arena; the rest is not zeroed first. */
static enum status answer_memory(struct exchange *ex, size_t size, uint8_t **ret)
{
    enum { SMALL = 64 << 10 };
    if (size <= SMALL) {
        *ret = arena_alloc(ex->arena, size);
        return STATUS_OK;
    }
    *ret = ex->res->owned = malloc(size);
    return *ret ? STATUS_OK
                : fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for an answer of %zu bytes", size);
}

static void release_place(void *user)
{
    struct place_memory *place = user;
    free(place->data);
}

static enum status run_mastered(struct exchange *ex, struct process *p)
{
    void **deferred = exchange_defer(ex, release_place);
    struct place_memory *place = ARENA_NEW(ex->arena, struct place_memory);
    const struct audio_form *form = &p->mastered.form;
    exchange_stage(ex, STAGE_CACHE);
    *deferred = place;
    place_memory_init(place, form->frames * form->channels * sample_size(form->sample) + WAV_HEADER_MAX,
                      ex->api->config.max_output_bytes);
    TRY(mastered_run(p->runner, &p->mastered, &p->track, p->snd, &place->place));
    if (place->over)
        return fault_limit(&ex->fault, "max-output-bytes", "", "the answer has more than %zu bytes", place->most);
    if (place->place.failed)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for the answer");
    exchange_stage(ex, STAGE_ENCODE);
    p->counts = p->mastered.result.counts;
    p->counts_in = p->mastered.counts_in;
    *deferred = NULL;
    ex->res->body = ex->res->owned = place->data;
    ex->res->body_size = place->place.size;
    process_answer(ex, p);
    return STATUS_OK;
}

static enum status process_run(struct exchange *ex)
{
    struct process *p = ex->work;
    struct track *t = &p->track;
    if (!mastered_is_needless(&p->mastered))
        return run_mastered(ex, p);
    uint8_t head[WAV_HEADER_MAX];
    size_t head_size =
        p->file == AUDIO_WAV ? wav_header(t->sample, t->channels_out, (uint32_t)t->rate, t->frames, head) : 0;
    size_t bytes = t->frames * t->channels_out * sample_size(t->sample), pad = head_size && bytes % 2;
    uint8_t *file;
    /* The head may have any size; the samples begin at a multiple of a float's. */
    size_t room = (head_size + 15) / 16 * 16;
    TRY(answer_memory(ex, room + bytes + 1, &file));
    t->out = file + room;
    memcpy(file + room - head_size, head, head_size);
    t->out[bytes] = 0;
    exchange_stage(ex, STAGE_CACHE);
    TRY(blocks_run(p->runner, t, &p->counts, &p->counts_in));
    if (p->snd)
        TRY(snd_end(p->snd, &ex->fault));
    exchange_stage(ex, STAGE_EXEC);
    ex->res->body = t->out - head_size;
    ex->res->body_size = head_size + bytes + pad;
    process_answer(ex, p);
    return STATUS_OK;
}

static bool has_part(const struct multipart *parts, const char *name)
{
    for (size_t i = 0; i < parts->n; i++)
        if (!strcmp(parts->parts[i].name, name))
            return true;
    return false;
}

static enum status read_multipart(struct exchange *ex, struct process *p)
{
    struct multipart *parts = ARENA_NEW(ex->arena, struct multipart);
    struct multipart_part request, audio;
    TRY(multipart_read(ex, parts));
    TRY(multipart_take(ex, parts, "request", &request));
    TRY(fields_from_json(ex, request.data, request.size, FIELD_PROCESS, &p->fields));
    p->body = BODY_NONE;
    /* A generator says how much to make; whoever does not meant to send audio. */
    if (has_part(parts, "audio") || (!fields_find(&p->fields, "seconds") && !fields_find(&p->fields, "frames"))) {
        TRY(multipart_take(ex, parts, "audio", &audio));
        p->audio = audio.data;
        p->audio_size = audio.size;
        p->body = body_of_part(&audio, &p->fields);
    }
    responses_read(ex, parts, &p->responses);
    return STATUS_OK;
}

enum status process_post(struct exchange *ex)
{
    const char *type = ex->req->header(ex->req, "Content-Type");
    struct process *p = ARENA_NEW(ex->arena, struct process);
    if (ex->req->body_size > INLINE_BODY && !ex->on_pool) {
        admission_predict(ex, NULL, (double)ex->req->body_size * body_us, 0);
        return exchange_long(ex, process_post);
    }
    if (multipart_is(ex)) {
        TRY(read_multipart(ex, p));
    } else if (!strncasecmp(type, "application/json", 16)) {
        p->body = BODY_NONE;
        TRY(fields_from_json(ex, ex->req->body, ex->req->body_size, FIELD_PROCESS, &p->fields));
    } else {
        p->body = body_of(type);
        p->audio = ex->req->body;
        p->audio_size = ex->req->body_size;
        fields_from_query(ex, FIELD_PROCESS, &p->fields);
    }
    return process_read(ex, p);
}
