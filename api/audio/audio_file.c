/* See audio_file.h. WAV and raw samples are packed here, the others are libsndfile's. */
#include "api/audio/audio_file.h"

#include <math.h>
#include <string.h>

#include "api/audio/format_snd.h"
#include "api/audio/format_wav.h"
#include "api/audio/pcm.h"

struct audio_writer {
    struct audio_form form;
    struct place *place;
    uint64_t frame, at;
    struct tpdf tpdf;
    int32_t *whole;
    struct snd_writer *snd; /* NULL: WAV or raw */
};

static bool is_raw(enum audio_file file)
{
    return file != AUDIO_WAV && file != AUDIO_FLAC && file != AUDIO_AIFF;
}

/* What the formats' heads have room for. */
enum { FLAC_CHANNELS = 8, FLAC_RATE = 655350, AIFF_MOST = 0x7fff0000 };

enum status audio_form_check(const struct audio_form *f, struct fault *fault)
{
    const char *name = audio_files[f->file].name;
    double bytes = (double)f->frames * f->channels * (double)sample_size(f->sample);
    if (f->dither && f->sample == SAMPLE_F32)
        return fault_add(fault, STATUS_BAD_FIELD, "/dither", 0, "dither is for integer samples; this %s holds floats",
                         name);
    if (is_raw(f->file))
        return STATUS_OK;
    if (f->rate < 1 || f->rate != floor(f->rate) || f->rate > UINT32_MAX / 64)
        return fault_add(fault, STATUS_BAD_FIELD, "/rate", 0, "a %s needs a whole rate; give rate, or another format",
                         f->file == AUDIO_WAV ? "WAV" : name);
    if (f->file == AUDIO_WAV && !wav_fits(f->sample, f->channels))
        return fault_add(fault, STATUS_BAD_FIELD, "/format", 0, "%u channels do not fit into a WAV; ask for f32le",
                         f->channels);
    if (f->file == AUDIO_FLAC && (f->channels > FLAC_CHANNELS || f->rate > FLAC_RATE))
        return fault_add(fault, STATUS_BAD_FIELD, "/format", 0,
                         "a flac holds up to %d channels at up to %d Hz, not %u at %.0f", FLAC_CHANNELS, FLAC_RATE,
                         f->channels, f->rate);
    if (f->file == AUDIO_AIFF && (bytes > AIFF_MOST || f->channels > INT16_MAX))
        return fault_add(fault, STATUS_BAD_FIELD, "/format", 0, "%.0f bytes do not fit into an aiff; ask for a wav",
                         bytes);
    return STATUS_OK;
}

enum status audio_writer_new(const struct audio_form *form, struct place *place, struct arena *a,
                             struct audio_writer **ret, struct fault *fault)
{
    struct audio_writer *w = ARENA_NEW(a, struct audio_writer);
    w->form = *form;
    w->place = place;
    w->tpdf = (struct tpdf){form->dither, form->dither_seed, form->sample == SAMPLE_S16 ? 0x1p15 : 0x1p23};
    w->whole = ARENA_ARRAY(a, (size_t)PCM_PIECE * form->channels, int32_t);
    if (form->file == AUDIO_FLAC || form->file == AUDIO_AIFF) {
        TRY(snd_create(form->file, form->sample, form->channels, (uint32_t)form->rate, place, a, &w->snd, fault));
    } else if (form->file == AUDIO_WAV) {
        uint8_t head[WAV_HEADER_MAX];
        w->at = wav_header(form->sample, form->channels, (uint32_t)form->rate, form->frames, head);
        place_put(place, 0, head, w->at);
    }
    *ret = w;
    return STATUS_OK;
}

/* In place: a packed sample is never longer than the whole number it is made of. */
static void pack(int32_t *whole, size_t n, size_t size)
{
    uint8_t *to = (uint8_t *)whole;
    for (size_t i = 0; i < n; i++) {
        uint32_t v = (uint32_t)whole[i];
        for (size_t k = 0; k < size; k++)
            *to++ = (uint8_t)(v >> 8 * k);
    }
}

static void put_bytes(struct audio_writer *w, const void *bytes, size_t n)
{
    place_put(w->place, w->at, bytes, n);
    w->at += n;
}

void audio_writer_put(struct audio_writer *w, const float *in, size_t frames, struct counts *counts)
{
    size_t n = frames * w->form.channels, size = sample_size(w->form.sample);
    counts->nonfinite += audio_count_nonfinite(in, n);
    if (w->form.sample == SAMPLE_F32) {
        if (w->snd)
            snd_put_floats(w->snd, in, n);
        else
            put_bytes(w, in, n * size);
    } else {
        counts->clipped += tpdf_quantise(&w->tpdf, in, frames, w->form.channels, w->frame, w->whole);
        if (w->snd) {
            snd_put_integers(w->snd, w->whole, n);
        } else {
            pack(w->whole, n, size);
            put_bytes(w, w->whole, n * size);
        }
    }
    w->frame += frames;
}

void audio_writer_abandon(struct audio_writer *w)
{
    if (w->snd)
        snd_abandon(w->snd);
}

void audio_writer_end(struct audio_writer *w)
{
    if (w->snd)
        snd_close(w->snd);
    else if (w->form.file == AUDIO_WAV && w->at % 2)
        put_bytes(w, "", 1);
}
