/* Writes APNG (PNG third edition, clause 11.3.4): the frames of a request as one endless animation. The first frame is
 * the PNG's own image, which programs that know no animation show. Bands are those of format_png.c; what comes in
 * order is numbered here. */
#include <math.h>
#include <string.h>

#include "api/image/format_png.h"

struct apng {
    struct png_stream z;
    uint32_t sequence;
    uint16_t delay[2]; /* of a frame in seconds: numerator, denominator */
};

enum { ACTL_SIZE = 8, FCTL_SIZE = 26, SEQUENCE_SIZE = 4, FRAME_MORE = 256 /* chunks around a frame */ };

static void put_big(uint8_t *to, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

static void apng_head(struct encoder *e, struct sink *s)
{
    struct apng *x = e->own;
    uint8_t control[ACTL_SIZE] = {0}; /* the second half: how often it is played, 0 for ever */
    x->sequence = 0;
    put_big(control, (uint32_t)e->form.frames, 4);
    png_signature(s);
    png_head_chunks(&e->form, s);
    png_chunk(s, "acTL", NULL, 0, control, sizeof control);
}

static void frame_control(struct apng *x, const struct image_form *f, struct sink *s)
{
    uint8_t control[FCTL_SIZE] = {0}; /* at 0, 0; neither disposed of nor blended */
    put_big(control, x->sequence++, 4);
    put_big(control + 4, f->width, 4);
    put_big(control + 8, f->height, 4);
    put_big(control + 20, x->delay[0], 2);
    put_big(control + 22, x->delay[1], 2);
    png_chunk(s, "fcTL", NULL, 0, control, sizeof control);
}

static void frame_data(struct apng *x, const struct band *b, bool begin, const uint8_t *bytes, size_t n, struct sink *s)
{
    uint8_t prefix[SEQUENCE_SIZE + PNG_BEGIN_SIZE];
    size_t at = 0;
    if (b->frame) {
        put_big(prefix, x->sequence++, SEQUENCE_SIZE);
        at = SEQUENCE_SIZE;
    }
    if (begin) {
        memcpy(prefix + at, png_begin, PNG_BEGIN_SIZE);
        at += PNG_BEGIN_SIZE;
    }
    png_chunk(s, b->frame ? "fdAT" : "IDAT", prefix, at, bytes, n);
}

static void apng_join(struct encoder *e, const struct band *b, const uint8_t *bytes, size_t n, uint64_t note,
                      struct sink *s)
{
    struct apng *x = e->own;
    if (b->first) {
        frame_control(x, &e->form, s);
        png_stream_begin(&x->z);
    }
    frame_data(x, b, b->first, bytes, n, s);
    png_stream_add(&x->z, e, b, note);
    if (b->last) {
        uint8_t end[PNG_END_SIZE];
        png_stream_end(&x->z, end);
        frame_data(x, b, false, end, sizeof end, s);
    }
}

static void apng_tail(struct encoder *e, struct sink *s)
{
    (void)e;
    png_chunk(s, "IEND", NULL, 0, NULL, 0);
}

/* The convergent of the continued fraction of v with the largest parts below 2^16. */
static void fraction(double v, uint16_t ret[2])
{
    uint64_t p0 = 0, q0 = 1, p1 = 1, q1 = 0;
    for (double rest = v;;) {
        double whole = floor(rest);
        if (whole > UINT16_MAX)
            break;
        uint64_t p = (uint64_t)whole * p1 + p0, q = (uint64_t)whole * q1 + q0;
        if (p > UINT16_MAX || q > UINT16_MAX)
            break;
        p0 = p1;
        q0 = q1;
        p1 = p;
        q1 = q;
        if (fabs((double)p / (double)q - v) < 1e-12 * v)
            break;
        rest = 1.0 / (rest - whole);
    }
    ret[0] = (uint16_t)p1;
    ret[1] = (uint16_t)q1;
}

enum status apng_open(struct encoder *ret, struct arena *a, struct fault *fault)
{
    struct apng *x = ret->own = ARENA_NEW(a, struct apng);
    double fps = ret->form.fps;
    if (!(fps >= 1.0 / UINT16_MAX && fps <= UINT16_MAX))
        return fault_add(fault, STATUS_BAD_FIELD, "/fps", 0, "an apng has 1/65535 to 65535 frames a second");
    if (ret->form.frames > INT32_MAX)
        return fault_add(fault, STATUS_BAD_FIELD, "/frames", 0, "an apng has at most %d frames", INT32_MAX);
    fraction(1.0 / fps, x->delay);
    ret->head = apng_head;
    ret->join = apng_join;
    ret->tail = apng_tail;
    png_bands(ret);
    ret->frame_more = FRAME_MORE;
    return STATUS_OK;
}
