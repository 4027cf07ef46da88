/* See neighbourhood_parts.h. */
#include "core/nodes/neighbourhood_parts.h"

#include <math.h>
#include <stdlib.h>

#include "core/nodes/audio_parts.h"

enum status pass_wrap(struct build *b, const struct node_args *args, size_t input, enum edge *ret_edge)
{
    int choice;
    TRY(node_choice(b, args, input, &choice));
    *ret_edge = (enum edge)choice;
    return STATUS_OK;
}

/* A number of 0 or more; what it makes the radius may not pass the limit. */
static enum status shape_number(struct build *b, const struct node_args *args, size_t input, double per_radius,
                                double *ret)
{
    const struct node_input *in = &args->def->inputs[input];
    const struct datum *given = args->shape[input];
    double n = given && given->kind == DATUM_NUMBER ? given->number : in->value;
    if ((given && given->kind != DATUM_NUMBER) || !(n >= 0))
        return fault_add(b->fault, STATUS_BAD_GRAPH, input_pointer(b, args, input), 0, "%s of %s is a number from 0 on",
                         in->name, args->def->name);
    if (ceil(n * per_radius) > PASS_RADIUS_MAX)
        return fault_limit(b->fault, "pass-radius", input_pointer(b, args, input),
                           "%s=%.9g of %s reaches further than %d pixels", in->name, n, args->def->name,
                           PASS_RADIUS_MAX);
    *ret = n;
    return STATUS_OK;
}

enum status pass_radius(struct build *b, const struct node_args *args, size_t input, int *ret_radius)
{
    double n;
    TRY(shape_number(b, args, input, 1, &n));
    if (n != floor(n))
        return fault_add(b->fault, STATUS_BAD_GRAPH, input_pointer(b, args, input), 0, "%s of %s is a whole number",
                         args->def->inputs[input].name, args->def->name);
    *ret_radius = (int)n;
    return STATUS_OK;
}

/* The weight in the middle takes what rounding to f32 leaves of the others, so that their sum is as near to 1 as it
 * can be. */
enum status pass_gauss(struct build *b, const struct node_args *args, size_t input, struct gauss *ret)
{
    double sigma, sum = 1, rest = 1;
    TRY(shape_number(b, args, input, 3, &sigma));
    ret->radius = (int)ceil(3 * sigma);
    for (int k = 1; k <= ret->radius; k++) {
        ret->weight[k] = exp(-k * k / (2 * sigma * sigma));
        sum += 2 * ret->weight[k];
    }
    for (int k = 1; k <= ret->radius; k++) {
        ret->weight[k] = (double)(float)(ret->weight[k] / sum);
        rest -= 2 * ret->weight[k];
    }
    ret->weight[0] = (double)(float)rest;
    return STATUS_OK;
}

static struct val beside(struct build *b, struct val plane, int k, bool down)
{
    return b_near_at(b, plane, down ? 0 : k, down ? k : 0);
}

/* Mirrored taps are added first, then one fma a pair. Two sums, or each fma would wait for the one before it. */
static struct val gauss_along(struct build *b, struct val plane, const struct gauss *g, bool down)
{
    struct val sum[2] = {b_mulc(b, beside(b, plane, 0, down), g->weight[0]), VAL_NONE};
    for (int k = 1; k <= g->radius; k++) {
        struct val pair = b_add(b, beside(b, plane, k, down), beside(b, plane, -k, down)), *to = &sum[k & 1];
        *to = to->i ? b_fma(b, pair, b_f32(b, g->weight[k]), *to) : b_mulc(b, pair, g->weight[k]);
    }
    return sum[1].i ? b_add(b, sum[0], sum[1]) : sum[0];
}

struct val pass_blur(struct build *b, struct val x, const struct gauss *g, enum edge edge)
{
    if (!g->radius)
        return x;
    struct val rows = gauss_along(b, b_plane(b, x, edge), g, false);
    return gauss_along(b, b_plane(b, rows, edge), g, true);
}

/* Taps i - r .. i + r + 1 with weights (1 - t) w_k + t w_(k-1): the kernel itself is interpolated, once a call, and
 * the blur costs no third plane. */
static struct val gauss_moved(struct build *b, struct val plane, const struct gauss *g, struct val by, bool down)
{
    struct val from = b_clamp(b, b_neg(b, by), b_f64(b, -PASS_MOVED_MAX), b_f64(b, PASS_MOVED_MAX)); /* where to look */
    struct val first = b_floor(b, from), t = b_to(b, TYPE_F32, b_sub(b, from, first));
    struct val i = b_to(b, TYPE_I32, first), zero = b_i32(b, 0), sum[2] = {VAL_NONE, VAL_NONE};
    for (int k = -g->radius; k <= g->radius + 1; k++) {
        double here = k <= g->radius ? g->weight[abs(k)] : 0, before = k > -g->radius ? g->weight[abs(k - 1)] : 0;
        struct val weight = b_fmac(b, t, before - here, here), at = b_add(b, i, b_i32(b, k)), *to = &sum[k & 1];
        struct val tap = b_near(b, plane, down ? zero : at, down ? at : zero);
        *to = to->i ? b_fma(b, tap, weight, *to) : b_mul(b, tap, weight);
    }
    return b_add(b, sum[0], sum[1]);
}

struct val pass_blur_moved(struct build *b, struct val x, const struct gauss *g, enum edge edge, struct val dx,
                           struct val dy)
{
    struct val rows = gauss_moved(b, b_plane(b, x, edge), g, dx, false);
    return gauss_moved(b, b_plane(b, rows, edge), g, dy, true);
}

struct window pass_window(struct build *b, struct val x, enum edge edge)
{
    struct val plane = b_plane(b, x, edge);
    struct window w;
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 3; column++)
            w.p[row][column] = b_near_at(b, plane, column - 1, row - 1);
    return w;
}

enum rate pass_rate(struct build *b, struct val v)
{
    ir_rates(b->ir);
    return ir_at(b->code, v)->rate;
}
