/* See master.h. With normalize the frames go through twice: to hear how loud they are, and to be written. */
#include "api/audio/master.h"

#include <math.h>
#include <string.h>

#include "api/audio/pcm.h"
#include "api/audio/resample.h"
#include "api/room.h"

/* True peaks, and loudness itself, are defined for what is heard. */
static const double least_lufs = -70, most_lufs = 0;

static void read_dither(struct fields *f, struct master *m)
{
    static const char *const names[] = {"none", "tpdf", NULL};
    int dither = 0;
    fields_choice(f, "dither", names, &dither);
    m->dither = dither == 1;
    if (fields_count(f, "dither_seed", 0, &m->dither_seed) && !m->dither)
        fields_fault(f, "dither_seed", "dither_seed is for dither=tpdf");
}

void master_read(struct fields *f, struct master *ret)
{
    const struct api_config *config = &f->ex->api->config;
    *ret = (struct master){0};
    if (fields_number(f, "out_rate", &ret->out_rate) && !(ret->out_rate >= 1)) {
        fields_fault(f, "out_rate", "out_rate is at least 1, in frames a second");
    } else if (ret->out_rate > config->max_rate) {
        f->failed = true;
        fault_limit(&f->ex->fault, "max-rate", "/out_rate", "%.9g frames a second are more than %.9g", ret->out_rate,
                    config->max_rate);
    }
    ret->normalize = fields_number(f, "normalize", &ret->lufs);
    if (ret->normalize && !(ret->lufs >= least_lufs && ret->lufs <= most_lufs))
        fields_fault(f, "normalize", "normalize is a loudness in LUFS between %g and %g", least_lufs, most_lufs);
    fields_flag(f, "measure", &ret->measure);
    fields_flag(f, "compensate", &ret->compensate);
    read_dither(f, ret);
}

bool master_is_none(const struct master *m)
{
    return m->out_rate == 0 && !m->normalize && !m->measure && !m->dither && !m->compensate;
}

static bool changes_rate(const struct master *m, const struct master_in *in)
{
    return m->out_rate > 0 && m->out_rate != in->rate;
}

void master_form(const struct master *m, const struct master_in *in, struct audio_form *form)
{
    form->channels = in->channels;
    form->rate = m->out_rate > 0 ? m->out_rate : in->rate;
    form->frames = in->frames - in->skip;
    if (changes_rate(m, in))
        form->frames = resample_frames(form->frames, in->rate, m->out_rate);
    form->dither = m->dither;
    form->dither_seed = m->dither_seed;
}

/* The frames from the front, once. A slow rate asks for many of them for one of its own: whether anybody still waits
 * is asked here. */
struct tape {
    struct pcm pcm;
    struct exchange *ex;
    const struct master_in *in;
    uint64_t at;
    double done; /* of the request, for its progress */
    bool failed;
};

static size_t tape_pull(struct pcm *p, float *to, size_t n)
{
    struct tape *t = (struct tape *)p;
    uint64_t left = t->in->frames - t->at;
    size_t take = left < n ? (size_t)left : n;
    enum status alive = exchange_alive(t->ex, t->done);
    if (alive != STATUS_OK && !t->failed) {
        exchange_ended(t->ex, alive);
        t->failed = true;
    }
    if (take && !t->failed)
        t->failed = !t->in->read(t->in->user, t->at, take, to);
    if (t->failed)
        return 0;
    t->at += take;
    return take;
}

/* One way through all frames at the answer's rate. */
struct pass {
    struct exchange *ex;
    const struct master *master;
    const struct master_in *in;
    const struct audio_form *form;
    float *piece;
    float gain;
    struct loudness *meter;      /* may be NULL */
    struct audio_writer *writer; /* may be NULL */
    struct counts *counts;
    double begun, share; /* of the progress */
};

static void hear(struct pass *p, size_t frames)
{
    size_t n = frames * p->form->channels;
    if (p->gain != 1)
        for (size_t i = 0; i < n; i++)
            p->piece[i] *= p->gain;
    loudness_add(p->meter, p->piece, frames);
    if (p->writer)
        audio_writer_put(p->writer, p->piece, frames, p->counts);
}

static enum status pull_all(struct pass *p, struct pcm *from, struct tape *tape)
{
    for (uint64_t done = 0; done < p->form->frames;) {
        tape->done = p->begun + p->share * (double)done / (double)p->form->frames;
        enum status alive = exchange_alive(p->ex, tape->done);
        if (alive != STATUS_OK)
            return exchange_ended(p->ex, alive);
        uint64_t left = p->form->frames - done;
        size_t got = from->pull(from, p->piece, left < PCM_PIECE ? (size_t)left : PCM_PIECE);
        if (tape->failed)
            return p->ex->fault.status;
        hear(p, got);
        done += got;
    }
    return STATUS_OK;
}

static void release_resampler(void *user)
{
    resample_free(user);
}

static enum status run_pass(struct pass *p)
{
    struct tape tape = {.pcm = {tape_pull, p->in->channels}, .ex = p->ex, .in = p->in, .at = p->in->skip};
    struct resampler *r = NULL;
    if (!changes_rate(p->master, p->in))
        return pull_all(p, &tape.pcm, &tape);
    void **deferred = exchange_defer(p->ex, release_resampler);
    TRY(resample_new(&tape.pcm, p->in->frames - p->in->skip, p->in->rate, p->form->rate, p->ex->arena, &r,
                     &p->ex->fault));
    *deferred = r;
    return pull_all(p, resample_pcm(r), &tape);
}

static void release_meter(void *user)
{
    loudness_free(user);
}

static enum status measured(struct pass *p, bool peaks, struct loudness_result *ret)
{
    void **deferred = exchange_defer(p->ex, release_meter);
    TRY(loudness_new(p->form->channels, p->form->rate, peaks, &p->meter, &p->ex->fault));
    *deferred = p->meter;
    TRY(run_pass(p));
    return loudness_result(p->meter, ret, &p->ex->fault);
}

static enum status choose_gain(struct pass *p, struct master_result *ret)
{
    struct pass first = *p;
    struct loudness_result heard;
    first.share = 0.5;
    TRY(measured(&first, false, &heard));
    if (isfinite(heard.lufs))
        p->gain = loudness_gain(heard.lufs, p->master->lufs);
    ret->gain_db = 20 * log10((double)p->gain);
    p->begun = p->share = 0.5;
    return STATUS_OK;
}

static void release_writer(void *user)
{
    audio_writer_abandon(user);
}

static enum status write_file(struct pass *p, struct place *place, struct master_result *ret)
{
    void **deferred = exchange_defer(p->ex, release_writer);
    TRY(audio_writer_new(p->form, place, p->ex->arena, &p->writer, &p->ex->fault));
    *deferred = p->writer;
    ret->has_loudness = p->master->normalize || p->master->measure;
    TRY(ret->has_loudness ? measured(p, true, &ret->loudness) : run_pass(p));
    audio_writer_end(p->writer);
    return STATUS_OK;
}

enum status master_run(struct exchange *ex, const struct master *m, const struct master_in *in,
                       const struct audio_form *form, struct place *place, struct master_result *ret)
{
    *ret = (struct master_result){0};
    struct pass p = {.ex = ex, .master = m, .in = in, .form = form, .gain = 1, .counts = &ret->counts, .share = 1};
    p.piece = ARENA_ARRAY(ex->arena, (size_t)PCM_PIECE * form->channels, float);
    TRY(audio_form_check(form, &ex->fault));
    unsigned saved = exchange_state_enter(); /* other people's libraries: no denormals flushed */
    enum status status = m->normalize ? choose_gain(&p, ret) : STATUS_OK;
    if (status == STATUS_OK)
        status = write_file(&p, place, ret);
    fp_state_leave(saved);
    return status;
}

/* Hundredths of a decibel; "-inf" for silence. */
static void header_db(struct exchange *ex, const char *name, double db)
{
    answer_header(ex, name, isfinite(db) ? arena_printf(ex->arena, "%.2f", db) : "-inf");
}

void master_headers(struct exchange *ex, const struct master *m, const struct master_result *r)
{
    if (m->normalize)
        header_db(ex, "Sinter-Gain", r->gain_db);
    if (!r->has_loudness)
        return;
    header_db(ex, "Sinter-Loudness", r->loudness.lufs);
    header_db(ex, "Sinter-Peak", r->loudness.peak_db);
    header_db(ex, "Sinter-True-Peak", r->loudness.true_peak_db);
}
