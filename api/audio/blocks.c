/* See blocks.h. */
#include "api/audio/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "api/audio/hosting.h"
#include "api/audio/line_place.h"
#include "api/room.h"

enum { BLOCK = BLOCKS_FRAMES, SMALL = 64 << 10 /* bytes that come from the arena */ };

struct blocks {
    struct runner *runner;
    const struct track *track;
    struct workspace space;
    double *args;
    float **in, **out, **own_in; /* own_in: planes of a block; `in` may point past them */
    const float **at_in;         /* where in them a call begins */
    float **at_out;
    struct block_state state;
    struct hosting *hosting; /* of a graph that convolves, else NULL */
    uint32_t block;          /* frames */
    bool direct_in, direct_out;
    uint64_t went; /* frames of earlier pieces, for messages */
};

static size_t aligned(size_t n)
{
    return (n + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN;
}

static struct block_context context_at(const struct blocks *b, uint64_t n0)
{
    return (struct block_context){.rate = b->track->rate, .seed = b->track->seed, .n0 = b->track->first + n0};
}

static void make_args(const struct blocks *b, uint64_t n0)
{
    const struct block_context context = context_at(b, n0);
    block_args(b->runner->program, b->runner->params, &context, b->args);
}

/* Zeroed and aligned; small ones from the arena, which costs nothing to give back. */
static enum status zeroed(struct exchange *ex, size_t size, char **ret)
{
    if (size <= SMALL) {
        *ret = (char *)aligned((size_t)arena_alloc(ex->arena, size + KERNEL_ALIGN));
        return STATUS_OK;
    }
    void **slot = exchange_defer(ex, free);
    *slot = calloc(1, size + KERNEL_ALIGN);
    if (!*slot)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for %zu bytes of delay lines", size);
    *ret = (char *)aligned((size_t)*slot);
    return STATUS_OK;
}

static enum status measure_state(struct blocks *b)
{
    struct runner *r = b->runner;
    struct exchange *ex = r->ex;
    const struct block_context context = context_at(b, 0);
    uint64_t most = ex->api->config.max_state_bytes;
    size_t before = ex->fault.count;
    if (r->program->n_hosts && r->responses)
        return block_state_measure_hosted(r->program, r->params, &context, r->response_lengths, most, ex->arena,
                                          &b->state, &ex->fault);
    enum status status = block_state_measure(r->program, b->args, most, ex->arena, &b->state, &ex->fault);
    if (status == STATUS_LIMIT && r->subject)
        line_place(ex, before, r->subject, r->program, r->params, context.rate);
    return status;
}

static enum status make_state(struct blocks *b)
{
    struct exchange *ex = b->runner->ex;
    const struct program *program = b->runner->program;
    char *memory = NULL;
    if (b->track->state) {
        b->state = *b->track->state;
        return STATUS_OK;
    }
    TRY(measure_state(b));
    TRY(zeroed(ex, b->state.size, &memory));
    block_state_place(&b->state, program, memory);
    return STATUS_OK;
}

static bool is_float_at(const void *p)
{
    return (size_t)p % sizeof(float) == 0;
}

static bool is_direct_in(const struct track *t)
{
    return t->source.data && t->channels_in == 1 && t->source.sample == SAMPLE_F32 && is_float_at(t->source.data);
}

static enum status make_planes(struct blocks *b)
{
    struct exchange *ex = b->runner->ex;
    const struct track *t = b->track;
    b->direct_in = is_direct_in(t);
    b->direct_out = t->channels_out == 1 && t->sample == SAMPLE_F32 && is_float_at(t->out);
    size_t space = workspace_size(b->runner), planes = (size_t)t->channels_in + t->channels_out, n = b->block;
    size_t size = space + (planes - b->direct_out) * n * sizeof(float);
    void *memory;
    if (size <= SMALL)
        memory = arena_alloc(ex->arena, size);
    else
        TRY(exchange_memory(ex, size, &memory));
    b->space = workspace_at(b->runner, memory);
    float *at = (float *)(void *)((char *)memory + space);
    float **tables = ARENA_ARRAY(ex->arena, planes * 2 + 2, float *);
    b->own_in = tables;
    for (size_t i = 0; i < planes - b->direct_out; i++)
        tables[i] = at + i * n;
    b->in = tables + planes;
    b->out = b->in + t->channels_in;
    memcpy(b->in, tables, planes * sizeof *tables);
    b->at_in = ARENA_ARRAY(ex->arena, t->channels_in + 1u, const float *);
    b->at_out = ARENA_ARRAY(ex->arena, t->channels_out + 1u, float *);
    return STATUS_OK;
}

/* Where the first sample that is no number stands. */
static enum status fault_nonfinite(const struct blocks *b, uint64_t n0, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < b->track->channels_in; c++)
            if (audio_count_nonfinite(&b->in[c][i], 1))
                return fault_add(&b->runner->ex->fault, STATUS_BAD_AUDIO, "", 0,
                                 "sample %llu of channel %u is not a finite number; nonfinite=zero or nonfinite=pass "
                                 "take such audio",
                                 (unsigned long long)(b->went + n0 + i), c);
    return STATUS_OK;
}

static void zero_nonfinite(struct blocks *b, uint32_t n)
{
    for (uint32_t c = 0; c < b->track->channels_in; c++) {
        const float *from = b->in[c];
        float *to = b->own_in[c];
        for (uint32_t i = 0; i < n; i++) {
            float v = from[i];
            to[i] = audio_count_nonfinite(&v, 1) ? 0 : v;
        }
        b->in[c] = to;
    }
}

/* Fills b->in with frames n0 .. n0 + n of the source, silence behind its end. */
static enum status read_block(struct blocks *b, uint64_t n0, uint32_t n, struct counts *counts)
{
    const struct track *t = b->track;
    const struct audio_source *s = &t->source;
    uint64_t left = (s->data || s->pull) && n0 < s->frames ? s->frames - n0 : 0;
    uint32_t have = left < n ? (uint32_t)left : n, bad = 0;
    if (b->direct_in && have == n) {
        b->in[0] = (float *)(void *)(s->data + n0 * sizeof(float));
    } else {
        memcpy(b->in, b->own_in, t->channels_in * sizeof *b->in);
        if (have)
            audio_read(s, n0, have, b->own_in);
        for (uint32_t c = 0; c < t->channels_in; c++)
            memset(b->own_in[c] + have, 0, (n - have) * sizeof(float));
    }
    if (!have || (s->sample != SAMPLE_F32 && s->sample != SAMPLE_F64))
        return STATUS_OK;
    for (uint32_t c = 0; c < t->channels_in; c++)
        bad += (uint32_t)audio_count_nonfinite(b->in[c], n);
    counts->nonfinite += bad;
    if (bad && t->nonfinite == NONFINITE_REJECT)
        return fault_nonfinite(b, n0, n);
    if (bad && t->nonfinite == NONFINITE_ZERO)
        zero_nonfinite(b, n);
    return STATUS_OK;
}

/* Samples in all delay lines. */
static uint64_t delayed(const struct blocks *b)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < b->runner->program->plan->n_rings; i++)
        sum += (uint64_t)b->state.rings[i].mask + 1;
    if (b->hosting)
        sum += hosting_delay(b->hosting);
    return sum;
}

/* n frames, of which the first is frame `at` of the block that begins at n0: with the same numbers for all. */
static void call_kernel(struct blocks *b, uint64_t n0, uint32_t at, uint32_t n)
{
    const struct track *t = b->track;
    for (uint32_t c = 0; c < t->channels_in; c++)
        b->at_in[c] = b->in[c] + at;
    for (uint32_t c = 0; c < t->channels_out; c++)
        b->at_out[c] = b->out[c] + at;
    if (n0 + at || t->changes)
        make_args(b, n0 + at);
    const struct block_context context = context_at(b, n0 + at);
    struct kernel_call call = {.args = b->args,
                               .in = b->hosting ? hosting_run(b->hosting, b->at_in, &context, n) : b->at_in,
                               .out = b->at_out,
                               .state = b->state.state,
                               .rings = b->state.rings,
                               .scratch = b->space.scratch,
                               .out_stride = n,
                               .count = (int32_t)n,
                               .rows = 1,
                               .n0_low = (int32_t)(uint32_t)(t->first + n0 + at)};
    runner_call(b->runner, &call, b->space.work);
}

/* While a parameter moves, a sample at a time: each has numbers of its own. */
static void run_block(struct blocks *b, uint64_t n0, uint32_t n, struct counts *counts)
{
    const struct track *t = b->track;
    uint8_t *to = t->out + n0 * t->channels_out * sample_size(t->sample);
    if (b->direct_out)
        b->out[0] = (float *)(void *)to;
    for (uint32_t at = 0, same; at < n; at += same) {
        same = t->changes ? automation_step(t->changes, t->first + n0 + at, n - at) : n;
        call_kernel(b, n0, at, same);
    }
    audio_write(b->out, t->channels_out, n, t->sample, to, counts);
}

static enum status run_blocks(struct blocks *b, struct counts *ret_out, struct counts *ret_in)
{
    for (uint64_t n0 = 0; n0 < b->track->frames; n0 += b->block) {
        uint64_t left = b->track->frames - n0;
        uint32_t n = left < b->block ? (uint32_t)left : b->block;
        enum status alive = n0 ? exchange_alive(b->runner->ex, (double)n0 / (double)b->track->frames) : STATUS_OK;
        if (alive != STATUS_OK)
            return exchange_ended(b->runner->ex, alive);
        TRY(read_block(b, n0, n, ret_in));
        run_block(b, n0, n, ret_out);
        if (b->track->tail && tail_hear(b->track->tail, b->out, b->track->channels_out, b->went + n0, n))
            break;
    }
    return STATUS_OK;
}

static enum status make_ready(struct blocks *b, struct runner *r, const struct track *track)
{
    *b = (struct blocks){.runner = r, .track = track};
    b->block = track->frames < BLOCK ? (uint32_t)track->frames : BLOCK;
    b->args = ARENA_ARRAY(r->ex->arena, r->program->ir->n_args + 1u, double);
    make_args(b, 0);
    TRY(make_state(b));
    TRY(make_planes(b));
    if (r->program->n_hosts)
        TRY(hosting_new(r, &b->state, b->block, &b->hosting));
    if (track->tail)
        tail_wait(track->tail, track->rate, delayed(b));
    return STATUS_OK;
}

static enum status run_all(struct blocks *b, struct counts *ret_out, struct counts *ret_in)
{
    unsigned saved = fp_state_enter();
    enum status status = run_blocks(b, ret_out, ret_in);
    fp_state_leave(saved);
    return status;
}

enum status blocks_measure(struct runner *r, const struct track *track, uint64_t *ret)
{
    struct blocks b = {.runner = r, .track = track};
    b.args = ARENA_ARRAY(r->ex->arena, r->program->ir->n_args + 1u, double);
    make_args(&b, 0);
    TRY(measure_state(&b));
    *ret = b.state.size;
    return STATUS_OK;
}

enum status blocks_run(struct runner *r, const struct track *track, struct counts *ret_out, struct counts *ret_in)
{
    struct blocks b;
    TRY(make_ready(&b, r, track));
    return run_all(&b, ret_out, ret_in);
}

enum status blocks_new(struct runner *r, const struct track *track, struct blocks **ret)
{
    struct blocks *b = ARENA_NEW(r->ex->arena, struct blocks);
    TRY(make_ready(b, r, track));
    *ret = b;
    return STATUS_OK;
}

enum status blocks_go(struct blocks *b, struct counts *ret_out, struct counts *ret_in)
{
    const struct track *t = b->track;
    b->direct_in = is_direct_in(t);
    make_args(b, 0);
    TRY(run_all(b, ret_out, ret_in));
    b->went += t->frames;
    return STATUS_OK;
}

void blocks_listen(const struct blocks *b, struct tail *tail)
{
    tail_wait(tail, b->track->rate, delayed(b));
}
