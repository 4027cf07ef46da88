/* Writes the frames of a request as PNG files in a tar archive: frame_00000.png and on. A member's size stands in front
 * of it, so one frame's file at a time is held in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bytes/tar.h"
#include "api/image/encoder.h"

enum { FRAME_MORE = 2 * TAR_BLOCK + 256 }; /* head, padding, chunks around the samples */

/* Collects a file. */
struct member {
    struct sink sink;
    uint8_t *data;
    size_t n, cap;
};

struct archive {
    struct encoder *png; /* of one frame */
    struct member member;
};

static void member_put(struct sink *s, const void *bytes, size_t n)
{
    struct member *m = (struct member *)s;
    if (m->cap - m->n < n) {
        size_t cap = 2 * m->cap + n;
        uint8_t *data = realloc(m->data, cap);
        s->failed = !data;
        if (!data)
            return;
        m->data = data;
        m->cap = cap;
    }
    memcpy(m->data + m->n, bytes, n);
    m->n += n;
}

static struct band band_of_frame(struct band b)
{
    b.index = b.frame = 0; /* no PNG band asks for its index */
    return b;
}

static size_t tar_encode(const struct encoder *e, const struct band *b, uint8_t *samples, void *work, uint8_t *ret,
                         uint64_t *ret_note)
{
    const struct archive *x = e->own;
    struct band inner = band_of_frame(*b);
    return x->png->encode(x->png, &inner, samples, work, ret, ret_note);
}

static void put_member(const struct member *m, uint64_t frame, struct sink *s)
{
    static const uint8_t zeros[TAR_BLOCK];
    uint8_t head[TAR_BLOCK];
    char name[32];
    snprintf(name, sizeof name, "frame_%05llu.png", (unsigned long long)frame);
    tar_head(name, m->n, head);
    sink_put(s, head, sizeof head);
    sink_put(s, m->data, m->n);
    sink_put(s, zeros, tar_padding(m->n));
}

static void tar_join(struct encoder *e, const struct band *b, const uint8_t *bytes, size_t n, uint64_t note,
                     struct sink *s)
{
    struct archive *x = e->own;
    struct member *m = &x->member;
    struct band inner = band_of_frame(*b);
    if (b->first) {
        m->n = 0;
        m->sink.failed = false;
        x->png->head(x->png, &m->sink);
    }
    x->png->join(x->png, &inner, bytes, n, note, &m->sink);
    if (!b->last)
        return;
    x->png->tail(x->png, &m->sink);
    if (m->sink.failed)
        s->failed = true;
    else
        put_member(m, b->frame, s);
}

static void tar_tail(struct encoder *e, struct sink *s)
{
    static const uint8_t end[TAR_END];
    (void)e;
    sink_put(s, end, sizeof end);
}

static void tar_close(struct encoder *e)
{
    struct archive *x = e->own;
    free(x->member.data);
    x->member = (struct member){.sink = {.put = member_put}};
}

enum status tar_open(struct encoder *ret, struct arena *a, struct fault *fault)
{
    struct archive *x = ret->own = ARENA_NEW(a, struct archive);
    struct image_form one = ret->form;
    one.frames = 1;
    one.dither = DITHER_NONE; /* done outside */
    TRY(encoder_new(IMAGE_PNG, &one, a, &x->png, fault));
    x->member = (struct member){.sink = {.put = member_put}};
    ret->sample_bits = x->png->sample_bits;
    ret->big_endian = x->png->big_endian;
    ret->band_rows = x->png->band_rows;
    ret->band_most = x->png->band_most;
    ret->work_size = x->png->work_size;
    if (x->png->band_most > TAR_SIZE_MOST / 2 / encoder_bands(x->png))
        return fault_add(fault, STATUS_BAD_FIELD, "/format", 0, "a file in a tar has at most 8 GiB; take npy or f32");
    ret->frame_more = FRAME_MORE;
    ret->encode = tar_encode;
    ret->join = tar_join;
    ret->tail = tar_tail;
    ret->close = tar_close;
    return STATUS_OK;
}
