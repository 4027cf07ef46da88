/* See stream_state.h. Numbers stand as this processor has them; there is no other kind that sinter runs on.
 *
 *     "sinter-stream\n" version semantics graph-id layout-digest  what it is of
 *     numbers, the graph's text, impulse responses, parameters and their ramps, changes to come, the last answer
 *     state and delay lines  MAC                                                                */
#include "api/streams/stream_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/bytes/multipart.h"
#include "api/json/json.h"
#include "api/room.h"
#include "api/streams/stream_make.h"
#include "api/subject.h"
#include "core/ir.h"

static const char magic[16] = "sinter-stream\n";

/* Writes, or only counts while `data` is NULL. */
struct pack {
    uint8_t *data;
    size_t n;
};

static void put(struct pack *p, const void *data, size_t n)
{
    if (p->data && n)
        memcpy(p->data + p->n, data, n);
    p->n += n;
}

static void put_number(struct pack *p, uint64_t v)
{
    put(p, &v, sizeof v);
}

static void put_double(struct pack *p, double v)
{
    put(p, &v, sizeof v);
}

struct unpack {
    const uint8_t *data;
    size_t n, at;
    bool short_;
};

static const void *take(struct unpack *u, size_t n)
{
    if (n > u->n - u->at) {
        u->short_ = true;
        return NULL;
    }
    u->at += n;
    return u->data + u->at - n;
}

static void take_into(struct unpack *u, void *to, size_t n)
{
    const void *from = take(u, n);
    if (from)
        memcpy(to, from, n);
}

static uint64_t take_number(struct unpack *u)
{
    uint64_t v = 0;
    take_into(u, &v, sizeof v);
    return v;
}

static double take_double(struct unpack *u)
{
    double v = 0;
    take_into(u, &v, sizeof v);
    return v;
}

/* `size` of each of the items that follow: a count that cannot be true is 0. */
static size_t take_count(struct unpack *u, size_t size)
{
    uint64_t n = take_number(u);
    if (n <= (u->n - u->at) / size)
        return (size_t)n;
    u->short_ = true;
    return 0;
}

/* What the bytes of state mean: everything that plan_make(), the lengths of delay lines and of convolutions come
 * from. */
static void layout_digest(const struct program *p, const struct block_state *s, struct arena *a, uint8_t *ret)
{
    struct bytes shape = ir_shape(p->ir, a);
    const uint32_t versions[] = {IR_VERSION, KERNEL_ABI, p->plan->state_size, p->plan->n_rings};
    uint32_t *masks = ARENA_ARRAY(a, p->plan->n_rings + 1u, uint32_t);
    for (uint32_t i = 0; i < p->plan->n_rings; i++)
        masks[i] = (uint32_t)s->rings[i].mask;
    uint8_t(*stages)[HASH_SIZE] = arena_array(a, p->n_stages + 1u, HASH_SIZE);
    for (uint32_t i = 0; s->stages && i < p->n_stages; i++)
        layout_digest(p->stages[i], &s->stages[i], a, stages[i]);
    const struct hash_part parts[] = {{versions, sizeof versions},
                                      {shape.data, shape.n},
                                      {masks, p->plan->n_rings * sizeof *masks},
                                      {stages, s->stages ? p->n_stages * sizeof *stages : 0},
                                      {s->lengths, s->hosts ? p->n_hosts * sizeof *s->lengths : 0}};
    hash_parts(parts, sizeof parts / sizeof *parts, ret);
}

static void put_changes(struct pack *p, const struct automation *a)
{
    put_number(p, a->n_params);
    for (uint32_t i = 0; i < a->n_params; i++) {
        put_double(p, a->values[i]);
        put_double(p, a->ramps[i].from);
        put_double(p, a->ramps[i].to);
        put_number(p, a->ramps[i].at);
        put_number(p, a->ramps[i].frames);
    }
    put_number(p, a->n);
    for (size_t i = 0; i < a->n; i++) {
        put_number(p, a->changes[i].param);
        put_double(p, a->changes[i].value);
        put_number(p, a->changes[i].at);
        put_number(p, a->changes[i].frames);
    }
}

static void put_text(struct pack *p, const char *text)
{
    put_number(p, strlen(text));
    put(p, text, strlen(text));
}

static void put_responses(struct pack *p, const struct kept_responses *k)
{
    put_number(p, k ? k->n_files : 0);
    for (size_t i = 0; k && i < k->n_files; i++) {
        put_text(p, k->files[i].name);
        put_number(p, k->files[i].size);
        put(p, k->files[i].data, k->files[i].size);
    }
}

static void put_stream(struct pack *p, const struct audio_stream *s, const uint8_t *digest)
{
    const uint64_t numbers[] = {s->channels_in,
                                (uint64_t)s->nonfinite,
                                (uint64_t)s->sample_in,
                                (uint64_t)s->sample_out,
                                (uint64_t)s->tier,
                                s->seq,
                                s->position};
    put(p, magic, sizeof magic);
    put_number(p, STREAM_STATE_VERSION);
    put_number(p, SEMANTICS_VERSION);
    put(p, s->program->graph_id, GRAPH_ID_SIZE);
    put(p, digest, HASH_SIZE);
    put(p, numbers, sizeof numbers);
    put_double(p, s->rate);
    put_double(p, s->seed);
    put_text(p, s->canonical);
    put_responses(p, s->responses);
    put_changes(p, &s->automation);
    put(p, s->last.digest, sizeof s->last.digest);
    const uint64_t counts[] = {s->last.out.clipped, s->last.out.nonfinite, s->last.in.nonfinite, s->last.size};
    put(p, counts, sizeof counts);
    put(p, s->last.body, s->last.size);
    put_number(p, s->state.size);
    put(p, s->memory, s->state.size);
}

enum status stream_state_write(struct exchange *ex, const struct audio_stream *s, uint8_t **ret, size_t *ret_n)
{
    uint8_t digest[HASH_SIZE];
    struct pack p = {0};
    layout_digest(s->program, &s->state, ex->arena, digest);
    put_stream(&p, s, digest);
    p.data = malloc(p.n + MAC_SIZE);
    if (!p.data)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for %zu bytes of state", p.n);
    p.n = 0;
    put_stream(&p, s, digest);
    hash_mac(ex->api->stream_key, &(struct hash_part){p.data, p.n}, 1, p.data + p.n);
    *ret = p.data;
    *ret_n = p.n + MAC_SIZE;
    return STATUS_OK;
}

/* Reading */

/* In a time that tells nothing about where they differ. */
static bool same_mac(const uint8_t *a, const uint8_t *b)
{
    uint8_t differ = 0;
    for (size_t i = 0; i < MAC_SIZE; i++)
        differ |= a[i] ^ b[i];
    return !differ;
}

static enum status refuse(struct exchange *ex, const char *why)
{
    return fault_add(&ex->fault, STATUS_BAD_STATE, "", 0, "%s", why);
}

static enum status check_seal(struct exchange *ex, const uint8_t *data, size_t n, struct unpack *ret)
{
    uint8_t mac[MAC_SIZE];
    if (n < sizeof magic + MAC_SIZE || memcmp(data, magic, sizeof magic) != 0)
        return refuse(ex, "the body is not the state of a stream, as GET /streams/{id}/state gives it");
    hash_mac(ex->api->stream_key, &(struct hash_part){data, n - MAC_SIZE}, 1, mac);
    if (!same_mac(mac, data + n - MAC_SIZE))
        return refuse(ex, "the state is not whole, was changed, or was exported by a server with another key");
    *ret = (struct unpack){.data = data, .n = n - MAC_SIZE, .at = sizeof magic};
    return STATUS_OK;
}

static enum status check_versions(struct exchange *ex, struct unpack *u)
{
    uint64_t form = take_number(u), semantics = take_number(u);
    if (form != STREAM_STATE_VERSION)
        return fault_add(&ex->fault, STATUS_BAD_STATE, "", 0,
                         "the state has form %llu, and this server reads form %d: it comes from another release",
                         (unsigned long long)form, STREAM_STATE_VERSION);
    if (semantics != SEMANTICS_VERSION)
        return fault_add(&ex->fault, STATUS_BAD_STATE, "", 0,
                         "graphs meant something else where the state was made (semantics version %llu, here %d): the "
                         "stream would not go on as it was",
                         (unsigned long long)semantics, SEMANTICS_VERSION);
    return STATUS_OK;
}

/* What the bytes hold, still in them. */
struct content {
    const char *graph_id;
    const uint8_t *digest;
    uint64_t channels_in, nonfinite, sample_in, sample_out, tier, seq, position;
    double rate, seed;
    const char *graph;
    size_t graph_size;
    struct multipart *responses;
    struct automation automation; /* in the arena */
    struct stream_answer last;
    const uint8_t *body, *state;
    size_t state_size;
};

static void take_changes(struct unpack *u, struct arena *arena, struct automation *a)
{
    enum { PARAM_BYTES = 40, CHANGE_BYTES = 32 };
    a->n_params = (uint32_t)take_count(u, PARAM_BYTES);
    a->values = ARENA_ARRAY(arena, a->n_params + 1u, double);
    a->ramps = ARENA_ARRAY(arena, a->n_params + 1u, struct automation_ramp);
    for (uint32_t i = 0; i < a->n_params; i++) {
        a->values[i] = take_double(u);
        a->ramps[i].from = take_double(u);
        a->ramps[i].to = take_double(u);
        a->ramps[i].at = take_number(u);
        a->ramps[i].frames = take_number(u);
    }
    a->n = take_count(u, CHANGE_BYTES);
    a->changes = ARENA_ARRAY(arena, a->n + 1, struct automation_change);
    for (size_t i = 0; i < a->n; i++) {
        a->changes[i].param = (uint32_t)take_number(u);
        a->changes[i].value = take_double(u);
        a->changes[i].at = take_number(u);
        a->changes[i].frames = take_number(u);
        u->short_ |= a->changes[i].param >= a->n_params;
    }
}

/* As if they came along with a request. */
static void take_responses(struct unpack *u, struct arena *arena, struct content *c)
{
    uint64_t n = take_number(u);
    u->short_ |= n > MULTIPART_PARTS_MAX;
    c->responses = ARENA_NEW(arena, struct multipart);
    while (!u->short_ && c->responses->n < n) {
        size_t name_size = take_count(u, 1);
        const char *name = take(u, name_size);
        size_t size = take_count(u, 1);
        const void *data = take(u, size);
        if (name && data)
            c->responses->parts[c->responses->n++] = (struct multipart_part){
                .name = arena_strndup(arena, name, name_size), .type = "", .data = data, .size = size};
    }
}

static void take_last(struct unpack *u, struct content *c)
{
    const char *digest = take(u, sizeof c->last.digest);
    if (digest)
        memcpy(c->last.digest, digest, sizeof c->last.digest);
    c->last.digest[sizeof c->last.digest - 1] = 0;
    c->last.out.clipped = take_number(u);
    c->last.out.nonfinite = take_number(u);
    c->last.in.nonfinite = take_number(u);
    c->last.size = take_count(u, 1);
    c->body = take(u, c->last.size);
}

/* What no stream can be, whoever sealed it. */
static bool is_possible(const struct content *c)
{
    return c->channels_in >= 1 && c->channels_in <= UINT32_MAX && c->nonfinite <= NONFINITE_PASS &&
           c->sample_in <= SAMPLE_S24 && c->sample_out <= SAMPLE_S24 && c->tier <= TIER_JIT && c->rate >= 0 &&
           c->rate <= 1e9 && isfinite(c->seed);
}

static void take_content(struct unpack *u, struct arena *arena, struct content *c)
{
    c->graph_id = take(u, GRAPH_ID_SIZE);
    c->digest = take(u, HASH_SIZE);
    c->channels_in = take_number(u);
    c->nonfinite = take_number(u);
    c->sample_in = take_number(u);
    c->sample_out = take_number(u);
    c->tier = take_number(u);
    c->seq = take_number(u);
    c->position = take_number(u);
    c->rate = take_double(u);
    c->seed = take_double(u);
    c->graph_size = take_count(u, 1);
    c->graph = take(u, c->graph_size);
    take_responses(u, arena, c);
    take_changes(u, arena, &c->automation);
    take_last(u, c);
    c->state_size = take_count(u, 1);
    c->state = take(u, c->state_size);
    u->short_ |= u->at != u->n || !is_possible(c);
}

static void release_program(void *user)
{
    program_unref(user);
}

/* With a reference that ends with the request. */
static enum status make_program(struct exchange *ex, const struct content *c, struct program **ret,
                                struct subject *subject)
{
    const struct api_config *config = &ex->api->config;
    struct json_limits limits = {.max_bytes = config->max_json, .max_depth = config->max_json_depth};
    struct datum *root;
    void **slot = exchange_defer(ex, release_program);
    if (c->channels_in > config->max_channels)
        return fault_limit(&ex->fault, "max-channels", "", "the stream has %u channels, more than %u",
                           (uint32_t)c->channels_in, config->max_channels);
    TRY(json_read(c->graph, c->graph_size, &limits, ex->arena, &root, &ex->fault));
    TRY(subject_from_datum(ex, root, "", subject));
    struct layout layout = {.kind = GRAPH_AUDIO, .channels = (uint32_t)c->channels_in};
    TRY(subject_program(ex, subject, layout, ret));
    *slot = *ret;
    if (memcmp(subject->id, c->graph_id, GRAPH_ID_SIZE) != 0 || (*ret)->n_params != c->automation.n_params)
        return refuse(ex, "this server knows the state's graph by another id: it comes from another release");
    return STATUS_OK;
}

static enum status continue_stream(struct exchange *ex, const struct content *c, struct audio_stream *s)
{
    s->channels_in = (uint32_t)c->channels_in;
    s->nonfinite = (enum nonfinite)c->nonfinite;
    s->sample_in = (enum sample)c->sample_in;
    s->sample_out = (enum sample)c->sample_out;
    s->tier = (enum tier)c->tier;
    s->seq = c->seq;
    s->position = c->position;
    memcpy(s->memory, c->state, c->state_size);
    s->last = c->last;
    s->last.body = malloc(c->last.size + 1);
    s->bytes += c->last.size;
    s->n_changes = c->automation.n;
    automation_done(&s->automation);
    if (!s->last.body || !automation_copy(&c->automation, &s->automation))
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for the stream");
    if (c->last.size)
        memcpy(s->last.body, c->body, c->last.size);
    return STATUS_OK;
}

/* At sample 0 still. */
static enum status make_alike(struct exchange *ex, const struct content *c, struct audio_stream **ret)
{
    struct stream_wish wish = {.params = c->automation.values, .rate = c->rate, .seed = c->seed};
    struct subject subject;
    struct responses responses;
    TRY(make_program(ex, c, &wish.program, &subject));
    responses_read(ex, c->responses, &responses);
    TRY(responses_match(ex, &responses, &subject, wish.program));
    wish.canonical = subject.canonical;
    wish.responses = &responses;
    return stream_make(ex, &wish, ret);
}

static enum status check_layout(struct exchange *ex, const struct content *c, const struct audio_stream *s)
{
    uint8_t digest[HASH_SIZE];
    layout_digest(s->program, &s->state, ex->arena, digest);
    if (memcmp(digest, c->digest, HASH_SIZE) != 0 || s->state.size != c->state_size)
        return refuse(ex, "this server lays the graph's state out otherwise: it comes from another release");
    return STATUS_OK;
}

enum status stream_state_read(struct exchange *ex, const void *data, size_t n, struct audio_stream **ret)
{
    struct unpack u = {0};
    struct content c = {0};
    struct audio_stream *s = NULL;
    TRY(check_seal(ex, data, n, &u));
    TRY(check_versions(ex, &u));
    take_content(&u, ex->arena, &c);
    if (u.short_)
        return refuse(ex, "the state is sealed, but it does not hold what a state holds");
    TRY(make_alike(ex, &c, &s));
    enum status status = check_layout(ex, &c, s);
    if (status == STATUS_OK)
        status = continue_stream(ex, &c, s);
    if (status == STATUS_OK)
        *ret = s;
    else
        audio_stream_unref(s);
    return status;
}
