/* A shape's blurred likeness, behind it or around it. Colours are straight (not multiplied by alpha) going in and
 * coming out; alpha a is held within 0..1. Three components are opaque; a number is a white shape of that coverage.
 * B is the Gaussian blur of `sigma` pixels (see blur), moved by (dx, dy) pixels; fractions move it linearly. C, ca are
 * `colour` and its alpha.
 *     drop_shadow   s = B(a) amount ca, within 0..1, lies under the shape:
 *                   ao = a + s (1 - a), Co = (a c + s (1 - a) C)/ao
 *     glow          the shape's own light is added, tinted: ao = a + B(a) amount ca, at most 1,
 *                   Co = (a c + B(a c) amount ca C)/ao, which may pass 1
 * and 0 where ao is 0. */
#include "core/nodes/colour_parts.h"
#include "core/nodes/neighbourhood_parts.h"

enum { IN, SIGMA, AMOUNT, DX, DY, COLOUR, WRAP }; /* the inputs */

struct halo {
    struct gauss g;
    enum edge edge;
    bool moved;
    struct val dx, dy;
    struct val strength; /* amount ca */
    struct colour tint;
};

/* The offset shapes which pixels are read: the same for all of them. */
static enum status check_offset(struct build *b, const struct node_args *args, int input)
{
    if (pass_rate(b, args->in[input]) <= RATE_CALL)
        return STATUS_OK;
    const char *name = args->def->inputs[input].name;
    return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/%s", b->pointer, name), 0,
                     "%s of %s is one number for the whole image: it may not vary from pixel to pixel", name,
                     args->def->name);
}

static bool is_zero(const struct build *b, struct val x)
{
    const struct ins *ins = ir_at(b->code, x);
    return ins->op == OP_CONST_F64 && ins->imm.d == 0;
}

static enum status read_halo(struct build *b, const struct node_args *args, struct halo *h)
{
    TRY(colour_check(b, args, IN, true));
    TRY(colour_check(b, args, COLOUR, true));
    TRY(check_offset(b, args, DX));
    TRY(check_offset(b, args, DY));
    TRY(pass_gauss(b, args, SIGMA, &h->g));
    TRY(pass_wrap(b, args, WRAP, &h->edge));
    h->dx = args->in[DX];
    h->dy = args->in[DY];
    h->moved = !is_zero(b, h->dx) || !is_zero(b, h->dy);
    h->strength = args->dims[COLOUR] == 4 ? b_mul(b, args->in[AMOUNT], args->vec[COLOUR][3]) : args->in[AMOUNT];
    h->tint = colour_of(args, COLOUR);
    return STATUS_OK;
}

static struct val spread(struct build *b, const struct halo *h, struct val x)
{
    return h->moved ? pass_blur_moved(b, x, &h->g, h->edge, h->dx, h->dy) : pass_blur(b, x, &h->g, h->edge);
}

/* x again, from a plane: computing it a second time, after the blur, would cost more than keeping it. */
static struct val kept(struct build *b, const struct halo *h, struct val x)
{
    return pass_rate(b, x) < RATE_SAMPLE ? x : b_near_at(b, b_plane(b, x, h->edge), 0, 0);
}

static struct val within_0_1(struct build *b, struct val x)
{
    return b_clamp(b, x, b_f32(b, 0), b_f32(b, 1));
}

static struct val coverage(struct build *b, const struct node_args *args)
{
    if (args->dims[IN] == 1)
        return within_0_1(b, args->in[IN]);
    return args->dims[IN] == 4 ? within_0_1(b, args->vec[IN][3]) : b_f32(b, 1);
}

/* premultiplied / alpha, 0 where that is 0. */
static struct val straight(struct build *b, struct val premultiplied, struct val alpha)
{
    struct val some = b_gt(b, alpha, b_f32(b, 0));
    return b_select(b, some, b_div(b, premultiplied, b_select(b, some, alpha, b_f32(b, 1))), b_f32(b, 0));
}

static enum status drop_shadow(struct build *b, const struct node_args *args, struct val *out)
{
    struct halo h;
    TRY(read_halo(b, args, &h));
    struct val a = coverage(b, args), here = kept(b, &h, a), one = b_f32(b, 1);
    struct val shade = within_0_1(b, b_mul(b, spread(b, &h, a), h.strength));
    struct val under = b_mul(b, shade, b_sub(b, one, here));
    out[3] = b_add(b, here, under);
    for (int c = 0; c < 3; c++) {
        struct val own = args->dims[IN] == 1 ? one : kept(b, &h, args->vec[IN][c]);
        out[c] = straight(b, b_fma(b, here, own, b_mul(b, under, h.tint.c[c])), out[3]);
    }
    return STATUS_OK;
}

static enum status glow(struct build *b, const struct node_args *args, struct val *out)
{
    struct halo h;
    TRY(read_halo(b, args, &h));
    struct val a = coverage(b, args), one = b_f32(b, 1);
    bool opaque = args->dims[IN] == 3;
    out[3] = opaque ? one : within_0_1(b, b_fma(b, spread(b, &h, a), h.strength, kept(b, &h, a)));
    for (int c = 0; c < 3; c++) {
        struct val light = args->dims[IN] == 1 ? a : opaque ? args->vec[IN][c] : b_mul(b, a, args->vec[IN][c]);
        struct val added = b_mul(b, h.strength, h.tint.c[c]);
        out[c] = b_fma(b, spread(b, &h, light), added, kept(b, &h, light));
        if (!opaque)
            out[c] = straight(b, out[c], out[3]);
    }
    return STATUS_OK;
}

#define HALO " : in:vec, *sigma (pixels)=4, amount=1, dx:f64 (pixels)=0, dy:f64 (pixels)=0, colour:vec, " PASS_WRAP

extern const struct node_row neighbourhood_halo_rows[];
const struct node_row neighbourhood_halo_rows[] = {
    {"drop_shadow" HALO " -> r g b a",
     "A blurred shadow of `colour` under a shape with alpha (or a number: a white shape), moved by (dx, dy) pixels.",
     NODE_VECTOR | NODE_FIELD, NULL, drop_shadow, NULL},
    {"glow" HALO " -> r g b a",
     "The image's own blurred light, tinted by `colour` and moved by (dx, dy) pixels, added.", NODE_VECTOR | NODE_FIELD,
     NULL, glow, NULL},
    {0},
};
