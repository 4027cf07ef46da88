/* See stream_make.h. */
#include "api/streams/stream_make.h"

#include "api/audio/line_place.h"
#include "api/room.h"

static void release_kept(void *user)
{
    kept_responses_free(user);
}

/* Of a graph that convolves: decodes for a runner that never runs, and keeps what came of it. */
static enum status keep_responses(struct exchange *ex, const struct stream_wish *wish, struct kept_responses **ret)
{
    struct runner *r = runner_new(ex);
    r->program = program_ref(wish->program);
    TRY(responses_decode(r, wish->responses, wish->rate));
    *ret = kept_responses_new(wish->responses, r);
    return *ret ? STATUS_OK
                : fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for the impulse responses of a stream");
}

static enum status measure(struct exchange *ex, const struct stream_wish *wish, const struct kept_responses *kept,
                           struct block_state *ret)
{
    const struct program *p = wish->program;
    const struct block_context context = {.rate = wish->rate, .seed = wish->seed};
    uint64_t most = ex->api->config.max_state_bytes;
    if (kept)
        return block_state_measure_hosted(p, wish->params, &context, kept->lengths, most, ex->arena, ret, &ex->fault);
    double *args = ARENA_ARRAY(ex->arena, p->ir->n_args + 1u, double);
    block_args(p, wish->params, &context, args);
    size_t before = ex->fault.count;
    enum status status = block_state_measure(p, args, most, ex->arena, ret, &ex->fault);
    if (status == STATUS_LIMIT && wish->subject)
        line_place(ex, before, wish->subject, p, wish->params, wish->rate);
    return status;
}

enum status stream_make(struct exchange *ex, const struct stream_wish *wish, struct audio_stream **ret)
{
    struct kept_responses *kept = NULL;
    struct block_state state;
    void **slot = exchange_defer(ex, release_kept);
    if (wish->program->n_hosts)
        TRY(keep_responses(ex, wish, &kept));
    *slot = kept;
    TRY(measure(ex, wish, kept, &state));
    *slot = NULL; /* the stream's now */
    *ret = audio_stream_new(program_ref(wish->program), wish->canonical, &state, wish->params, kept);
    if (!*ret)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for a stream of %zu bytes", state.size);
    (*ret)->channels_out = wish->program->ir->n_outputs;
    (*ret)->rate = wish->rate;
    (*ret)->seed = wish->seed;
    return STATUS_OK;
}
