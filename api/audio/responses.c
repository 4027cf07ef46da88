/* See responses.h. */
#include "api/audio/responses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/audio/audio_in.h"
#include "api/audio/convolver.h"
#include "api/etag.h"
#include "api/image/uploads.h"
#include "api/room.h"
#include "core/text.h"

struct response_file {
    const char *name;
    const void *data;
    size_t size;
    struct audio_source source; /* once it is decoded */
    float **planes;             /* NULL: not yet */
};

static int by_name(const void *a, const void *b)
{
    const struct response_file *x = a, *y = b;
    return strcmp(x->name, y->name);
}

void responses_read(struct exchange *ex, struct multipart *parts, struct responses *ret)
{
    struct text tag = {.arena = ex->arena};
    *ret = (struct responses){.files = ARENA_ARRAY(ex->arena, parts->n + 1, struct response_file)};
    for (size_t i = 0; i < parts->n; i++) {
        struct multipart_part *part = &parts->parts[i];
        if (part->taken)
            continue;
        part->taken = true;
        ret->files[ret->n++] = (struct response_file){.name = part->name, .data = part->data, .size = part->size};
    }
    qsort(ret->files, ret->n, sizeof *ret->files, by_name);
    for (size_t i = 0; i < ret->n; i++) {
        char hash[ETAG_HASH];
        etag_hash(ret->files[i].data, ret->files[i].size, hash);
        text_addf(&tag, "%zu:%s %s;", strlen(ret->files[i].name), ret->files[i].name, hash);
    }
    ret->tag = tag.n ? tag.s : "";
}

static struct response_file *find(const struct responses *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->files[i].name, name))
            return &r->files[i];
    return NULL;
}

static const struct ir_response *wanted(const struct program *p, uint32_t host)
{
    return &p->lowered.ir->responses[p->hosts[host]];
}

/* NULL-terminated; a name may stand there more than once. */
static const char *const *wanted_names(struct arena *a, const struct program *p)
{
    const char **names = ARENA_ARRAY(a, p->n_hosts + 1u, const char *);
    for (uint32_t i = 0; i < p->n_hosts; i++)
        names[i] = wanted(p, i)->name;
    return names;
}

static const char *const *file_names(struct arena *a, const struct responses *r)
{
    const char **names = ARENA_ARRAY(a, r->n + 1, const char *);
    for (size_t i = 0; i < r->n; i++)
        names[i] = r->files[i].name;
    return names;
}

static const char *guess(struct arena *a, const char *name, const char *const *names)
{
    const char *near = nearest_name(name, names);
    return near ? arena_printf(a, "; did you mean %.60s?", near) : "";
}

static void fault_missing(struct exchange *ex, const struct responses *r, struct subject *s, const char *name)
{
    int column;
    size_t before = ex->fault.count;
    const char *pointer = uploads_where(ex, s->graph, name, &column);
    if (r->n)
        fault_add(&ex->fault, STATUS_BAD_FIELD, pointer, column, "no impulse response \"%.60s\" is sent along%s", name,
                  guess(ex->arena, name, file_names(ex->arena, r)));
    else
        fault_add(
            &ex->fault, STATUS_BAD_FIELD, pointer, column,
            "this graph convolves with the impulse response \"%.60s\": send the request as multipart/form-data, its "
            "JSON "
            "in a part named request, the response in a part named %.60s, and for POST /process the sound in a part "
            "named audio",
            name, name);
    subject_move_faults(ex, before, s);
}

enum status responses_match(struct exchange *ex, const struct responses *r, struct subject *s, const struct program *p)
{
    const char *const *names = wanted_names(ex->arena, p);
    for (size_t i = 0; names[i]; i++) {
        size_t first = 0;
        while (strcmp(names[first], names[i]) != 0)
            first++;
        if (find(r, names[i]) || first < i)
            continue;
        TRY(subject_load(ex, s));
        fault_missing(ex, r, s, names[i]);
    }
    for (size_t i = 0; i < r->n; i++) {
        const char *const *at = names;
        while (*at && strcmp(*at, r->files[i].name) != 0)
            at++;
        if (!*at)
            fault_add(&ex->fault, STATUS_BAD_FIELD, request_pointer(ex->arena, "/", r->files[i].name), 0,
                      "the graph convolves with no impulse response \"%.60s\"%s", r->files[i].name,
                      guess(ex->arena, r->files[i].name, names));
    }
    return ex->fault.status;
}

static enum status bad(struct exchange *ex, const struct response_file *f, enum status status, const char *why)
{
    return fault_add(&ex->fault, status, request_pointer(ex->arena, "/", f->name), 0,
                     "the impulse response \"%.60s\" %s", f->name, why);
}

/* What a file's head says, against what may be and what the audio is. */
static enum status check_head(struct exchange *ex, const struct response_file *f, double rate)
{
    uint64_t most = ex->api->config.max_response_samples;
    const struct audio_source *s = &f->source;
    if (!s->frames)
        return bad(ex, f, STATUS_BAD_AUDIO, "has no samples");
    if (s->frames > most / s->channels)
        return fault_limit(&ex->fault, "max-response-samples", request_pointer(ex->arena, "/", f->name),
                           "the impulse response \"%.60s\" has %llu samples in %u channels, more than %llu", f->name,
                           (unsigned long long)s->frames, s->channels, (unsigned long long)most);
    if (rate > 0 && rate != s->rate)
        return bad(ex, f, STATUS_BAD_FIELD,
                   arena_printf(ex->arena,
                                "has %u frames a second and the audio %.9g; it is not resampled: send it at the "
                                "audio's rate",
                                s->rate, rate));
    return STATUS_OK;
}

static enum status check_samples(struct exchange *ex, const struct response_file *f)
{
    for (uint32_t c = 0; c < f->source.channels; c++)
        for (uint64_t i = 0; i < f->source.frames; i++)
            if (!(fabsf(f->planes[c][i]) <= RESPONSE_MOST))
                return bad(ex, f, STATUS_BAD_AUDIO,
                           arena_printf(ex->arena, "holds %g at sample %llu of channel %u; at most %g is possible",
                                        (double)f->planes[c][i], (unsigned long long)i, c, (double)RESPONSE_MOST));
    return STATUS_OK;
}

static enum status decode(struct exchange *ex, struct response_file *f, double rate)
{
    enum { PIECE = 4096 };
    struct snd_reader *snd;
    void *memory;
    TRY(audio_in_open(ex, f->data, f->size, &f->source, &snd));
    TRY(check_head(ex, f, rate));
    TRY(exchange_memory(ex, (size_t)f->source.frames * f->source.channels * sizeof(float), &memory));
    f->planes = ARENA_ARRAY(ex->arena, f->source.channels, float *);
    float **at = ARENA_ARRAY(ex->arena, f->source.channels, float *);
    for (uint32_t c = 0; c < f->source.channels; c++)
        f->planes[c] = (float *)memory + c * f->source.frames;
    for (uint64_t from = 0; from < f->source.frames; from += PIECE) {
        uint64_t left = f->source.frames - from;
        for (uint32_t c = 0; c < f->source.channels; c++)
            at[c] = f->planes[c] + from;
        audio_read(&f->source, from, left < PIECE ? (uint32_t)left : PIECE, at);
    }
    if (snd)
        TRY(snd_end(snd, &ex->fault));
    return check_samples(ex, f);
}

static enum status check_channels(struct exchange *ex, const struct response_file *f, const struct ir_response *r)
{
    uint32_t have = f->source.channels;
    if (have == 1 || (r->of ? have == r->of : r->channel < have))
        return STATUS_OK;
    if (!r->of)
        return bad(ex, f, STATUS_BAD_FIELD,
                   arena_printf(ex->arena, "has %u channels; the graph asks for channel %u, counted from 0", have,
                                r->channel));
    return bad(ex, f, STATUS_BAD_FIELD,
               arena_printf(ex->arena,
                            "has %u channels, which is neither 1 nor as many as there are to convolve, %u; the input "
                            "`channel` of convolution says which one is meant",
                            have, r->of));
}

static void release_response(void *user)
{
    response_unref(user);
}

/* The responses hold working space, so each host has one of its own. */
static enum status give(struct runner *r, uint32_t host, const struct response_file *f)
{
    struct exchange *ex = r->ex;
    uint32_t channel = f->source.channels > 1 ? wanted(r->program, host)->channel : 0;
    void **slot = exchange_defer(ex, release_response);
    *slot = r->responses[host] = response_new(f->planes[channel], f->source.frames);
    r->response_lengths[host] = f->source.frames;
    return *slot ? STATUS_OK
                 : fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for an impulse response of %llu samples",
                             (unsigned long long)f->source.frames);
}

enum status responses_decode(struct runner *r, const struct responses *files, double rate)
{
    struct exchange *ex = r->ex;
    const struct program *p = r->program;
    uint64_t bytes = 0, most = ex->api->config.max_state_bytes;
    r->responses = ARENA_ARRAY(ex->arena, p->n_hosts, struct response *);
    r->response_lengths = ARENA_ARRAY(ex->arena, p->n_hosts, uint64_t);
    for (uint32_t i = 0; i < p->n_hosts; i++) {
        struct response_file *f = find(files, wanted(p, i)->name);
        enum status alive = exchange_alive(ex, 0);
        if (alive != STATUS_OK)
            return exchange_ended(ex, alive);
        if (!f->planes)
            TRY(decode(ex, f, rate));
        TRY(check_channels(ex, f, wanted(p, i)));
        bytes += response_bytes(f->source.frames) + convolver_state_bytes(f->source.frames);
        if (bytes > most)
            return fault_limit(&ex->fault, "max-state-bytes", request_pointer(ex->arena, "/", f->name),
                               "with this impulse response the graph's convolutions need %llu bytes, more than %llu",
                               (unsigned long long)bytes, (unsigned long long)most);
        TRY(give(r, i, f));
    }
    return STATUS_OK;
}

static bool keep_file(struct kept_file *to, const struct response_file *f)
{
    *to = (struct kept_file){.name = strdup(f->name), .data = malloc(f->size + 1), .size = f->size};
    if (to->data && f->size)
        memcpy(to->data, f->data, f->size);
    return to->name && to->data;
}

struct kept_responses *kept_responses_new(const struct responses *files, const struct runner *r)
{
    struct kept_responses *k = calloc(1, sizeof *k);
    uint32_t n_hosts = r->program->n_hosts;
    if (!k)
        return NULL;
    k->files = calloc(files->n + 1, sizeof *k->files);
    k->responses = calloc(n_hosts + 1u, sizeof *k->responses);
    k->lengths = calloc(n_hosts + 1u, sizeof *k->lengths);
    bool whole = k->files && k->responses && k->lengths;
    for (size_t i = 0; whole && i < files->n; i++) {
        whole = keep_file(&k->files[k->n_files++], &files->files[i]);
        k->bytes += files->files[i].size + strlen(files->files[i].name);
    }
    for (uint32_t i = 0; whole && i < n_hosts; i++) {
        k->responses[k->n_hosts++] = response_ref(r->responses[i]);
        k->lengths[i] = r->response_lengths[i];
        k->bytes += (size_t)response_bytes(k->lengths[i]);
    }
    if (whole)
        return k;
    kept_responses_free(k);
    return NULL;
}

void kept_responses_free(struct kept_responses *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n_files; i++) {
        free(k->files[i].name);
        free(k->files[i].data);
    }
    for (uint32_t i = 0; i < k->n_hosts; i++)
        response_unref(k->responses[i]);
    free(k->files);
    free(k->responses);
    free(k->lengths);
    free(k);
}
