/* See mastered.h. The floats are held in memory, under max-output-bytes. */
#include "api/audio/mastered.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/room.h"

enum { RATIO_MOST = 256 }; /* between two rates: filters grow with it */

bool mastered_is_needless(const struct mastered *m)
{
    return master_is_none(&m->how) && !m->tail_auto && m->form.file != AUDIO_FLAC && m->form.file != AUDIO_AIFF;
}

void mastered_describe(const struct mastered *m, struct text *to)
{
    const struct master *h = &m->how;
    text_addf(to, "out_rate=%a;lufs=%a;flags=%d%d%d%d%d;seed=%llu;", h->out_rate, h->lufs, h->normalize, h->measure,
              h->dither, h->compensate, m->tail_auto, (unsigned long long)h->dither_seed);
}

/* Nanoseconds a sample, in round figures, on the slow side. */
double mastered_predict_us(const struct mastered *m)
{
    const struct master *h = &m->how;
    double ns = 5, n = (double)m->form.frames * m->form.channels;
    if (mastered_is_needless(m))
        return 0;
    ns += h->out_rate > 0 ? 15 * (1 + h->normalize) : 0;
    ns += h->measure || h->normalize ? 60 * (1 + h->normalize) : 0;
    ns += m->form.file == AUDIO_FLAC ? 40 : 0;
    return n * ns * 1e-3;
}

uint64_t mastered_latency(const struct runner *r, double rate)
{
    return (uint64_t)rint(r->program->lowered.latency * rate);
}

static struct master_in input_of(const struct runner *r, const struct mastered *m, const struct track *t)
{
    return (struct master_in){.frames = t->frames,
                              .skip = m->how.compensate ? mastered_latency(r, t->rate) : 0,
                              .channels = t->channels_out,
                              .rate = t->rate};
}

static enum status check_sizes(struct exchange *ex, const struct mastered *m, const struct track *t)
{
    const struct api_config *config = &ex->api->config;
    double floats = (double)t->frames * t->channels_out * sizeof(float),
           file = (double)m->form.frames * m->form.channels * (double)sample_size(m->form.sample),
           bytes = fmax(floats, file), most = (double)config->max_output_bytes;
    uint64_t frames = t->frames > m->form.frames ? t->frames : m->form.frames;
    if (frames > config->max_frames)
        return fault_limit(&ex->fault, "max-frames", "", "%llu frames are asked for, more than %llu",
                           (unsigned long long)frames, (unsigned long long)config->max_frames);
    if (bytes > most)
        return fault_limit(&ex->fault, "max-output-bytes", "", "the answer has %.0f bytes, more than %.0f", bytes,
                           most);
    return STATUS_OK;
}

uint64_t mastered_tail_most(const struct exchange *ex, const struct track *t)
{
    return (uint64_t)(ex->api->config.max_tail * t->rate);
}

enum status mastered_check(struct runner *r, struct mastered *m, struct track *t)
{
    struct exchange *ex = r->ex;
    bool needs_rate = m->how.out_rate > 0 || m->how.normalize || m->how.measure || m->tail_auto;
    if (needs_rate && t->rate <= 0)
        return fault_add(&ex->fault, STATUS_BAD_FIELD, "/rate", 0,
                         "out_rate, normalize, measure and tail=auto need to know the rate");
    if (m->how.out_rate > t->rate * RATIO_MOST || (m->how.out_rate > 0 && m->how.out_rate * RATIO_MOST < t->rate))
        return fault_add(&ex->fault, STATUS_BAD_FIELD, "/out_rate", 0,
                         "%.9g Hz are made of %.9g Hz at the most, and no less than a %dth of it, not %.9g",
                         t->rate * RATIO_MOST, t->rate, RATIO_MOST, m->how.out_rate);
    if (m->how.compensate)
        t->frames += mastered_latency(r, t->rate);
    t->channels_out = r->program->ir->n_outputs;
    struct master_in in = input_of(r, m, t);
    master_form(&m->how, &in, &m->form);
    TRY(audio_form_check(&m->form, &ex->fault));
    return check_sizes(ex, m, t);
}

enum status mastered_fault_tail(struct exchange *ex, const struct tail *t, const struct track *track)
{
    double quiet = (double)(track->frames - t->end) / track->rate;
    return fault_limit(&ex->fault, "max-tail", "/tail",
                       "the tail has not ended after %.9g s: the last sound above -100 dB is %.3f s before that, and a "
                       "tail ends when there was none for %.3f s, which is what delay lines may hold and a tenth; give "
                       "a number of seconds",
                       ex->api->config.max_tail, quiet, (double)t->patience / track->rate);
}

/* Room for as long a tail as may be; pages that nobody writes cost nothing. */
static enum status make_room(struct exchange *ex, struct track *t)
{
    uint64_t size = t->frames * t->channels_out * sizeof(float);
    void *memory;
    t->sample = SAMPLE_F32;
    if (size > ex->api->config.max_output_bytes)
        return fault_limit(&ex->fault, "max-output-bytes", "/tail", "the longest tail takes %llu bytes, more than %llu",
                           (unsigned long long)size, (unsigned long long)ex->api->config.max_output_bytes);
    TRY(exchange_memory(ex, size + 1, &memory));
    t->out = memory;
    return STATUS_OK;
}

static enum status run_graph(struct runner *r, struct mastered *m, struct track *t)
{
    struct counts out = {0};
    struct tail tail;
    if (m->tail_auto) {
        tail_begin(&tail, t->frames);
        t->tail = &tail; // cppcheck-suppress autoVariables ; until the graph has run
        t->frames += mastered_tail_most(r->ex, t);
    }
    TRY(make_room(r->ex, t));
    TRY(blocks_run(r, t, &out, &m->counts_in));
    if (m->tail_auto && !tail.ended)
        return mastered_fault_tail(r->ex, &tail, t);
    if (m->tail_auto)
        t->frames = tail.end;
    t->tail = NULL;
    return STATUS_OK;
}

static bool read_floats(void *user, uint64_t from, size_t n, float *to)
{
    const struct track *t = user;
    size_t frame = t->channels_out * sizeof(float);
    memcpy(to, t->out + from * frame, n * frame);
    return true;
}

enum status mastered_run(struct runner *r, struct mastered *m, struct track *t, const struct snd_reader *snd,
                         struct place *place)
{
    struct exchange *ex = r->ex;
    TRY(run_graph(r, m, t));
    if (snd)
        TRY(snd_end(snd, &ex->fault));
    exchange_stage(ex, STAGE_EXEC);
    struct master_in in = input_of(r, m, t);
    in.read = read_floats;
    in.user = t;
    master_form(&m->how, &in, &m->form);
    TRY(check_sizes(ex, m, t));
    m->frames = m->form.frames;
    return master_run(ex, &m->how, &in, &m->form, place, &m->result);
}
