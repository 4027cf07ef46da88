/* Pictures that the client sends along, sampled at (u, v): 0..1 across, pixel centres at (i + 1/2)/W, (0, 0) top left.
 *     nearest   the pixel that holds the point, floor(u W)
 *     linear    X = u W - 1/2, i = floor X, t = X - i: (1 - t) p_i + t p_(i+1), in both directions
 *     cubic     Catmull-Rom over p_(i-1) .. p_(i+2), which goes through the pixels
 * wrap says what lies outside, as it does for planes (ir.h): the same again, the nearest pixel, the mirror image about
 * the border pixel, or 0 in all four components. A point within W 2^-24 of a pixel's centre, as near as an f32 can say,
 * is that centre: a picture sampled at its own size is copied. A NaN is at the left (above), infinity there too where
 * the picture goes on for ever (repeat, mirror), else at its end; constant gives 0 for both. Colours and alpha are
 * interpolated as they are stored.
 *     chromatic_aberration   d = (u, v) - (1/2, 1/2): red at 1/2 + (1 + amount) d, green and alpha at d, blue at
 *                            (1 - amount) d; linear, the border's pixels go on outside
 * Source: E. Catmull and R. Rom, "A class of local interpolating splines", 1974. */
#include <string.h>

#include "core/graph.h"
#include "core/nodes/audio_parts.h"

enum filter { LINEAR, NEAREST, CUBIC, FILTERS }; /* as in the signature */

/* The columns (or rows) that a sample is made of, with their weights. */
struct taps {
    int n;
    struct val at[4];     /* i32 */
    struct val weight[4]; /* f32; of one tap: none */
    struct val inside[4]; /* masks; EDGE_CONSTANT only */
};

struct picture {
    uint32_t slot;
    enum filter filter;
    enum edge wrap;
};

static struct val negative_to(struct build *b, struct val x, struct val y)
{
    return b_select(b, b_lt(b, x, b_i32(b, 0)), y, x);
}

static struct val whole_abs(struct build *b, struct val x)
{
    return negative_to(b, x, b_neg(b, x));
}

/* Whole numbers, which may be huge, to where i32 holds them: into one period, or just beyond the picture. */
static struct val bounded(struct build *b, struct val i, struct val size, enum edge wrap)
{
    if (wrap == EDGE_CLAMP || wrap == EDGE_CONSTANT)
        return b_clamp(b, i, b_f64(b, -3), b_addc(b, size, 2));
    struct val period = size;
    if (wrap == EDGE_MIRROR)
        period = b_max(b, b_fmac(b, size, 2, -2), b_f64(b, 1));
    struct val turns = b_floor(b, b_div(b, i, period));
    return b_clamp(b, b_fma(b, b_neg(b, turns), period, i), b_f64(b, 0), period);
}

/* A bounded index and up to two beside it, to a pixel's; fetch itself clamps. */
static struct val wrapped(struct build *b, struct val i, struct val size, enum edge wrap)
{
    if (wrap == EDGE_REPEAT) {
        struct val beyond = b_not(b, b_lt(b, i, size));
        return negative_to(b, b_select(b, beyond, b_sub(b, i, size), i), b_add(b, i, size));
    }
    if (wrap == EDGE_MIRROR) {
        struct val last = b_add(b, size, b_i32(b, -1));
        return whole_abs(b, b_sub(b, last, whole_abs(b, b_sub(b, whole_abs(b, i), last))));
    }
    return i;
}

static void catmull_rom(struct build *b, struct val t, struct val ret[4])
{
    static const double c[4][4] = {{0, -0.5, 1, -0.5}, {1, 0, -2.5, 1.5}, {0, 0.5, 2, -1.5}, {0, 0, -0.5, 0.5}};
    for (int k = 0; k < 4; k++)
        ret[k] = b_horner(b, t, c[k], 4);
}

/* Along one axis: u in f64, the picture's size along it. */
static struct taps taps_at(struct build *b, struct val u, struct val size, const struct picture *p)
{
    static const int counts[FILTERS] = {[LINEAR] = 2, [NEAREST] = 1, [CUBIC] = 4};
    struct taps r = {.n = counts[p->filter]};
    struct val x = b_mul(b, u, size), t = VAL_NONE;
    if (p->filter != NEAREST) {
        x = b_fma(b, u, size, b_f64(b, -0.5));
        struct val centre = b_rint(b, x);
        struct val is_centre = b_lt(b, b_abs(b, b_sub(b, x, centre)), b_mulc(b, size, 0x1p-24));
        x = b_select(b, is_centre, centre, x);
    }
    struct val first = b_floor(b, x);
    if (p->filter != NEAREST) /* clamped, because infinity - infinity is none of 0..1 */
        t = b_clamp(b, b_to(b, TYPE_F32, b_sub(b, x, first)), b_f32(b, 0), b_f32(b, 1));
    if (p->filter == LINEAR) {
        r.weight[0] = b_sub(b, b_f32(b, 1), t);
        r.weight[1] = t;
    } else if (p->filter == CUBIC) {
        catmull_rom(b, t, r.weight);
    }
    struct val whole_size = b_to(b, TYPE_I32, size), zero = b_i32(b, 0);
    struct val i = b_to(b, TYPE_I32, bounded(b, first, size, p->wrap));
    for (int k = 0; k < r.n; k++) {
        int beside = p->filter == CUBIC ? k - 1 : k;
        r.at[k] = wrapped(b, beside ? b_add(b, i, b_i32(b, beside)) : i, whole_size, p->wrap);
        if (p->wrap == EDGE_CONSTANT)
            r.inside[k] = b_and(b, b_not(b, b_lt(b, r.at[k], zero)), b_lt(b, r.at[k], whole_size));
    }
    return r;
}

/* The weighted sum of up to four values, 0 for those outside. Weights of 0 and 1 give a value itself. */
static struct val weighted(struct build *b, const struct taps *t, const struct val *values)
{
    struct val sum = VAL_NONE;
    for (int k = 0; k < t->n; k++) {
        struct val v = values[k];
        if (t->inside[k].i)
            v = b_select(b, t->inside[k], v, b_f32(b, 0));
        sum = t->n == 1 ? v : k ? b_fma(b, v, t->weight[k], sum) : b_mul(b, v, t->weight[k]);
    }
    return sum;
}

static struct val component(struct build *b, const struct picture *p, const struct taps *columns,
                            const struct taps *rows, int c)
{
    struct val across[4], line[4];
    for (int y = 0; y < rows->n; y++) {
        for (int x = 0; x < columns->n; x++)
            across[x] = b_fetch(b, p->slot, c, columns->at[x], rows->at[y]);
        line[y] = weighted(b, columns, across);
    }
    return weighted(b, rows, line);
}

/* Components first..last of the picture at (u, v). */
static void sample(struct build *b, const struct picture *p, struct val u, struct val v, int first, int last,
                   struct val *out)
{
    struct taps columns = taps_at(b, u, b_image_size(b, p->slot, 0), p);
    struct taps rows = taps_at(b, v, b_image_size(b, p->slot, 1), p);
    for (int c = first; c <= last; c++)
        out[c] = component(b, p, &columns, &rows, c);
}

static bool name_is_good(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    return n >= 1 && n <= GRAPH_NAME_MAX && name[n] == 0;
}

static enum status named_slot(struct build *b, const struct node_args *args, uint32_t *ret)
{
    const struct datum *given = args->shape[0];
    const char *pointer = input_pointer(b, args, 0);
    if (!given)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "name of %s: this input is required", args->def->name);
    if (given->kind != DATUM_STRING || !name_is_good(given->string))
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0,
                         "name of %s is an image's: 1 to %d letters, digits, '_', '-' and '.'", args->def->name,
                         GRAPH_NAME_MAX);
    uint32_t slot = b_image(b, given->string);
    if (slot >= IR_IMAGES_MAX)
        return fault_limit(b->fault, "graph-images", pointer, "more than %d images in a graph", IR_IMAGES_MAX);
    *ret = slot;
    return STATUS_OK;
}

static enum status image(struct build *b, const struct node_args *args, struct val *out)
{
    struct picture p;
    int filter, wrap;
    TRY(named_slot(b, args, &p.slot));
    TRY(node_choice(b, args, 3, &filter));
    TRY(node_choice(b, args, 4, &wrap));
    p.filter = (enum filter)filter;
    p.wrap = (enum edge)wrap;
    sample(b, &p, args->in[1], args->in[2], 0, 3, out);
    return STATUS_OK;
}

static enum status chromatic_aberration(struct build *b, const struct node_args *args, struct val *out)
{
    struct picture p = {.filter = LINEAR, .wrap = EDGE_CLAMP};
    struct val u = args->in[1], v = args->in[2], amount = args->in[3];
    struct val du = b_mul(b, b_addc(b, u, -0.5), amount), dv = b_mul(b, b_addc(b, v, -0.5), amount);
    TRY(named_slot(b, args, &p.slot));
    sample(b, &p, b_add(b, u, du), b_add(b, v, dv), 0, 0, out);
    sample(b, &p, u, v, 1, 1, out);
    sample(b, &p, u, v, 3, 3, out);
    sample(b, &p, b_sub(b, u, du), b_sub(b, v, dv), 2, 2, out);
    return STATUS_OK;
}

#define SAMPLED "*name, u:f64, v:f64, *filter=linear|nearest|cubic, *wrap=repeat|clamp|mirror|constant -> r g b a"

extern const struct node_row image_rows[];
const struct node_row image_rows[] = {
    {"image : " SAMPLED, "A picture sent with the request, at (u, v), 0..1 across; linear, nearest or cubic.",
     NODE_VECTOR | NODE_FIELD, NULL, image, NULL},
    {"remap_uv : " SAMPLED,
     "A picture seen through coordinates: image, to be fed with lens, wave, spherize or any u v.",
     NODE_VECTOR | NODE_FIELD, NULL, image, NULL},
    {"chromatic_aberration : *name, u:f64, v:f64, amount:f64=0.005 -> r g b a",
     "A picture whose red is spread around the centre and whose blue is drawn in, each by `amount`.",
     NODE_VECTOR | NODE_FIELD, NULL, chromatic_aberration, NULL},
    {0},
};
