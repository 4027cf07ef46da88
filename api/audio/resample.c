/* See resample.h. soxr pulls its input itself, in pieces whose size changes nothing. */
#include "api/audio/resample.h"

#include <math.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

#include "api/bytes/memory.h"

enum { TAKEN_MOST = 8 << 20 /* bytes that soxr takes, amply */ };

struct resampler {
    struct pcm pcm;
    struct pcm *in;
    soxr_t soxr;
    float *piece;
    uint64_t left; /* frames still to give */
};

/* Its transforms with and without AVX differ in the last bits of a double. */
void resample_pin(void)
{
    setenv("SOXR_USE_SIMD", "0", 1);
}

uint64_t resample_frames(uint64_t n, double from, double to)
{
    return (uint64_t)floor((double)n * to / from + 0.5);
}

static size_t feed(void *user, soxr_in_t *data, size_t n)
{
    struct resampler *r = user;
    *data = r->piece;
    return r->in->pull(r->in, r->piece, n < PCM_PIECE ? n : PCM_PIECE);
}

/* Exactly as many frames as promised, whatever rounding soxr does at the end. */
static size_t pull(struct pcm *p, float *to, size_t n)
{
    struct resampler *r = (struct resampler *)p;
    size_t want = n < r->left ? n : (size_t)r->left, done = 0;
    for (size_t got; done < want; done += got) {
        got = soxr_output(r->soxr, to + done * p->channels, want - done);
        if (!got)
            break;
    }
    memset(to + done * p->channels, 0, (want - done) * p->channels * sizeof(float));
    r->left -= want;
    return want;
}

enum status resample_new(struct pcm *in, uint64_t frames, double from, double to, struct arena *a,
                         struct resampler **ret, struct fault *fault)
{
    struct resampler *r = ARENA_NEW(a, struct resampler);
    soxr_error_t error = NULL;
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, SOXR_HI_PREC_CLOCK); /* else odd ratios drift */
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    r->pcm = (struct pcm){pull, in->channels};
    r->in = in;
    r->left = resample_frames(frames, from, to);
    r->piece = ARENA_ARRAY(a, (size_t)PCM_PIECE * in->channels, float);
    if (!memory_probe(TAKEN_MOST))
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for another rate");
    r->soxr = soxr_create(from, to, in->channels, &error, &io, &quality, &runtime);
    if (r->soxr && !error)
        error = soxr_set_input_fn(r->soxr, feed, r, PCM_PIECE);
    if (!r->soxr || error) {
        resample_free(r);
        return fault_add(fault, STATUS_BAD_FIELD, "/out_rate", 0, "%.9g Hz cannot be made of %.9g Hz: %s", to, from,
                         error ? error : "no memory");
    }
    *ret = r;
    return STATUS_OK;
}

struct pcm *resample_pcm(struct resampler *r)
{
    return &r->pcm;
}

void resample_free(struct resampler *r)
{
    if (r && r->soxr)
        soxr_delete(r->soxr);
    if (r)
        r->soxr = NULL;
}
