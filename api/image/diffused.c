/* See diffused.h. A band depends on the ones above it, so all work of the inner encoder happens in `join`. */
#include "api/image/diffused.h"

enum { CACHE_LINE = 64 };

struct diffused {
    struct encoder *inner;
    struct diffusion diffusion;
    double *errors;
    int32_t *row;   /* of whole numbers */
    uint8_t *band;  /* samples as the inner one wants them */
    uint8_t *bytes; /* the inner one's of a band */
    void *work;
};

static void diffused_head(struct encoder *e, struct sink *s)
{
    struct encoder *inner = ((struct diffused *)e->own)->inner;
    e->clipped = 0;
    if (inner->head)
        inner->head(inner, s);
}

static void store(const struct encoder *inner, const int32_t *in, size_t n, uint8_t *to)
{
    if (inner->sample_bits == 8) {
        for (size_t i = 0; i < n; i++)
            to[i] = (uint8_t)in[i];
        return;
    }
    for (size_t i = 0; i < n; i++) {
        to[i * 2 + inner->big_endian] = (uint8_t)in[i];
        to[i * 2 + !inner->big_endian] = (uint8_t)(in[i] >> 8);
    }
}

static void pass_on(struct encoder *inner, const struct band *b, struct diffused *d, struct sink *s)
{
    uint64_t note = 0;
    const uint8_t *bytes = d->band;
    size_t n = b->rows * encoder_row_bytes(inner);
    if (inner->encode) {
        n = inner->encode(inner, b, d->band, d->work, d->bytes, &note);
        bytes = d->bytes;
        s->failed |= !n;
    }
    if (inner->join)
        inner->join(inner, b, bytes, n, note, s);
    else
        sink_put(s, bytes, n);
}

static void diffused_join(struct encoder *e, const struct band *b, const uint8_t *bytes, size_t n, uint64_t note,
                          struct sink *s)
{
    struct diffused *d = e->own;
    const struct image_form *f = &e->form;
    size_t samples = (size_t)f->width * f->channels;
    (void)n;
    (void)note;
    if (b->first)
        diffusion_begin(&d->diffusion, f->dither, f->width, f->channels, f->bits, d->errors);
    for (uint32_t y = 0; y < b->rows; y++) {
        e->clipped += diffusion_row(&d->diffusion, (const float *)(const void *)bytes + y * samples, d->row);
        store(d->inner, d->row, samples, d->band + y * encoder_row_bytes(d->inner));
    }
    pass_on(d->inner, b, d, s);
}

static void diffused_tail(struct encoder *e, struct sink *s)
{
    struct encoder *inner = ((struct diffused *)e->own)->inner;
    if (inner->tail)
        inner->tail(inner, s);
}

static void diffused_close(struct encoder *e)
{
    struct encoder *inner = ((struct diffused *)e->own)->inner;
    if (inner->close)
        inner->close(inner);
}

struct encoder *diffused_new(struct encoder *inner, struct arena *a)
{
    struct encoder *e = ARENA_NEW(a, struct encoder);
    struct diffused *d = ARENA_NEW(a, struct diffused);
    const struct image_form *f = &inner->form;
    size_t samples = (size_t)f->width * f->channels;
    *e = (struct encoder){.form = *f,
                          .sample_bits = 32,
                          .band_rows = inner->band_rows,
                          .frame_more = inner->frame_more,
                          .head_room = inner->head_room,
                          .head = diffused_head,
                          .join = diffused_join,
                          .tail = diffused_tail,
                          .close = diffused_close,
                          .own = d};
    d->inner = inner;
    d->errors = ARENA_ARRAY(a, diffusion_doubles(f->width, f->channels), double);
    d->row = ARENA_ARRAY(a, samples, int32_t);
    d->band = arena_aligned(a, inner->band_rows * encoder_row_bytes(inner), CACHE_LINE);
    d->bytes = arena_aligned(a, inner->band_most, CACHE_LINE);
    d->work = arena_aligned(a, inner->work_size, CACHE_LINE);
    return e;
}
