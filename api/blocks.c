/* See blocks.h. */
#include "api/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "api/room.h"

enum { BLOCK = 4096, SMALL = 64 << 10 /* bytes that come from the arena */ };

struct blocks {
    struct runner *runner;
    const struct track *track;
    struct workspace space;
    double *args;
    float **in, **out, **own_in; /* own_in: planes of a block; `in` may point past them */
    struct kernel_ring *rings;
    void *state;
    uint32_t block; /* frames */
    bool direct_in, direct_out;
};

static size_t aligned(size_t n)
{
    return (n + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN;
}

static void make_args(const struct blocks *b, uint64_t n0)
{
    const struct track *t = b->track;
    double context[CONTEXT_COUNT] = {
        [CONTEXT_SEED] = t->seed,
        [CONTEXT_RATE] = t->rate,
        [CONTEXT_CHANNELS] = b->runner->program->layout.channels,
        [CONTEXT_N0] = (double)n0,
        [CONTEXT_N0_LOW] = (int32_t)(uint32_t)n0,
        [CONTEXT_N0_HIGH] = (int32_t)(uint32_t)(n0 >> 32),
    };
    lower_args(b->runner->program->ir, b->runner->params, context, NULL, b->args);
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

static size_t ring_bytes(uint32_t length)
{
    return aligned(((size_t)length + KERNEL_PAD) * sizeof(float));
}

static enum status make_state(struct blocks *b)
{
    struct exchange *ex = b->runner->ex;
    const struct plan *plan = b->runner->program->plan;
    uint64_t most = ex->api->config.max_state_bytes;
    uint64_t samples = most / sizeof(float) < 1u << 30 ? most / sizeof(float) : 1u << 30;
    uint32_t *lengths = ARENA_ARRAY(ex->arena, plan->n_rings + 1u, uint32_t);
    if (plan->n_rings)
        TRY(plan_ring_lengths(plan, b->args, (uint32_t)samples, "max-state-bytes", lengths, ex->arena, &ex->fault));
    uint64_t size = aligned(plan->state_size);
    for (uint32_t i = 0; i < plan->n_rings; i++)
        size += ring_bytes(lengths[i]);
    if (size > most)
        return fault_limit(&ex->fault, "max-state-bytes", "", "the graph's delay lines need %llu bytes, more than %llu",
                           (unsigned long long)size, (unsigned long long)most);
    char *at = NULL;
    TRY(zeroed(ex, (size_t)size, &at));
    b->state = at;
    at += aligned(plan->state_size);
    b->rings = ARENA_ARRAY(ex->arena, plan->n_rings + 1u, struct kernel_ring);
    for (uint32_t i = 0; i < plan->n_rings; i++) {
        b->rings[i] = (struct kernel_ring){.data = (float *)(void *)at, .mask = (int32_t)(lengths[i] - 1)};
        at += ring_bytes(lengths[i]);
    }
    return STATUS_OK;
}

static bool is_float_at(const void *p)
{
    return (size_t)p % sizeof(float) == 0;
}

static enum status make_planes(struct blocks *b)
{
    struct exchange *ex = b->runner->ex;
    const struct track *t = b->track;
    b->direct_in =
        t->source.data && t->channels_in == 1 && t->source.sample == SAMPLE_F32 && is_float_at(t->source.data);
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
                                 (unsigned long long)n0 + i, c);
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
    uint64_t left = s->data && n0 < s->frames ? s->frames - n0 : 0;
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

static void run_block(struct blocks *b, uint64_t n0, uint32_t n, struct counts *counts)
{
    const struct track *t = b->track;
    uint8_t *to = t->out + n0 * t->channels_out * sample_size(t->sample);
    if (b->direct_out)
        b->out[0] = (float *)(void *)to;
    if (n0)
        make_args(b, n0);
    struct kernel_call call = {.args = b->args,
                               .in = (const float *const *)b->in,
                               .out = b->out,
                               .state = b->state,
                               .rings = b->rings,
                               .scratch = b->space.scratch,
                               .out_stride = n,
                               .count = (int32_t)n,
                               .rows = 1,
                               .n0_low = (int32_t)(uint32_t)n0};
    runner_call(b->runner, &call, b->space.work);
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
    }
    return STATUS_OK;
}

enum status blocks_run(struct runner *r, const struct track *track, struct counts *ret_out, struct counts *ret_in)
{
    struct blocks b = {.runner = r, .track = track};
    b.block = track->frames < BLOCK ? (uint32_t)track->frames : BLOCK;
    b.args = ARENA_ARRAY(r->ex->arena, r->program->ir->n_args + 1u, double);
    make_args(&b, 0);
    TRY(make_state(&b));
    TRY(make_planes(&b));
    unsigned saved = fp_state_enter();
    enum status status = run_blocks(&b, ret_out, ret_in);
    fp_state_leave(saved);
    return status;
}
