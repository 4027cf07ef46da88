/* Heights and fields.
 *     terrain2d  (1/2 + 1/2 sum gnoise(p 2^i, seed + i) 2^-i / sum 2^-i) ^ exponent, i < octaves
 *     island     height * max(1 - (|p|/radius)^falloff, 0)
 *     terraced   h steps = k + f: k flat in the lower half of f, a smoothstep up in the upper, over steps
 *     metaballs  sum s r^2/|p - c|^2 - threshold
 *     fresnel    unpolarised, of a dielectric: c = |cos|, g^2 = n^2 - 1 + c^2 (below 0: all is reflected),
 *                1/2 ((g - c)/(g + c))^2 (1 + ((c(g + c) - 1)/(c(g - c) + 1))^2)
 * Source: J. Blinn, "A generalization of algebraic surface drawing", 1982; R. Cook, K. Torrance, "A reflectance model
 * for computer graphics", 1982. */
#include <string.h>

#include "core/node.h"

enum { OCTAVES_MAX = 16, BALLS_MAX = 64 };

static enum status terrain2d(struct build *b, const struct node_args *args, struct val *out)
{
    int octaves;
    struct val sum = VAL_NONE;
    double gain = 1, frequency = 1, total = 0;
    TRY(node_count_arg(b, args, 2, 1, OCTAVES_MAX, &octaves));
    for (int i = 0; i < octaves; i++, gain /= 2, frequency *= 2) {
        struct val x = i ? b_mulc(b, args->in[0], frequency) : args->in[0];
        struct val y = i ? b_mulc(b, args->in[1], frequency) : args->in[1];
        struct val seed = i ? b_addc(b, args->in[4], i) : args->in[4];
        struct val n = B_CALL(b, "gnoise", x, y, VAL_NONE, VAL_NONE, seed);
        sum = i ? b_fma(b, n, b_f32(b, gain), sum) : n;
        total += gain;
    }
    struct val height = b_fmac(b, sum, 0.5 / total, 0.5);
    out[0] = B_CALL(b, "pow", b_max(b, height, b_f32(b, 0)), args->in[3]);
    return STATUS_OK;
}

struct ball {
    double centre[3], r, s;
};

static bool read_ball(const struct datum *d, size_t dims, struct ball *ret)
{
    double n[5] = {0};
    if (d->kind != DATUM_LIST || d->n < dims + 1 || d->n > dims + 2)
        return false;
    for (size_t i = 0; i < d->n; i++) {
        if (d->items[i].kind != DATUM_NUMBER)
            return false;
        n[i] = d->items[i].number;
    }
    memcpy(ret->centre, n, dims * sizeof *n);
    ret->r = n[dims];
    ret->s = d->n > dims + 1 ? n[dims + 1] : 1;
    return true;
}

static enum status read_balls(struct build *b, const struct datum *list, size_t dims, struct ball *ret, size_t *ret_n)
{
    static const struct ball pair[] = {{{0.35, 0.5, 0}, 0.15, 1}, {{0.65, 0.5, 0}, 0.15, 1}};
    const char *pointer = arena_printf(b->fault->arena, "%s/points", b->pointer);
    if (!list) {
        memcpy(ret, pair, sizeof pair);
        *ret_n = 2;
        return STATUS_OK;
    }
    if (list->kind != DATUM_LIST || list->n < 1)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "points is a list of [%s, r, s]",
                         dims == 2 ? "x, y" : "x, y, z");
    if (list->n > BALLS_MAX)
        return fault_limit(b->fault, "metaballs-points", pointer, "%zu points; at most %d are taken", list->n,
                           BALLS_MAX);
    for (size_t i = 0; i < list->n; i++)
        if (!read_ball(&list->items[i], dims, &ret[i]))
            return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/%zu", pointer, i), 0,
                             "a point is [%s, r] or [%s, r, s]: its place, radius and strength",
                             dims == 2 ? "x, y" : "x, y, z", dims == 2 ? "x, y" : "x, y, z");
    *ret_n = list->n;
    return STATUS_OK;
}

static enum status metaballs(struct build *b, const struct node_args *args, struct val *out)
{
    struct ball balls[BALLS_MAX];
    size_t n = 0, dims = args->def->n_inputs - 2; /* behind the coordinates: points, threshold */
    TRY(read_balls(b, args->shape[dims], dims, balls, &n));
    out[0] = b_neg(b, args->in[dims + 1]);
    for (size_t i = 0; i < n; i++) {
        struct val square = VAL_NONE;
        for (size_t c = 0; c < dims; c++) {
            struct val d = b_addc(b, args->in[c], -balls[i].centre[c]);
            square = c ? b_fma(b, d, d, square) : b_mul(b, d, d);
        }
        square = b_max(b, square, b_f32(b, 1e-12)); /* finite in the very middle */
        out[0] = b_add(b, out[0], b_div(b, b_f32(b, balls[i].s * balls[i].r * balls[i].r), square));
    }
    return STATUS_OK;
}

extern const struct node_row terrain_rows[];
const struct node_row terrain_rows[] = {
    {"terrain2d : x, y, *octaves=6, exponent=1, seed:f64=0",
     "A landscape's height, 0..1: octaves of gnoise, raised to `exponent`: above 1 valleys widen.", 0, NULL, terrain2d,
     NULL},
    {"island : x, y, height, radius=0.5, falloff=2",
     "The height as it is at the origin, falling to 0 at `radius`; falloff: above 1 first slowly.", 0,
     "height*max(1 - pow(sqrt(x*x + y*y)/max(radius, 1e-18), falloff), 0)", NULL, NULL},
    {"terraced : h, steps", "Heights made into steps, flat for half of each and rising smoothly to the next.", 0,
     "let n = max(steps, 1e-18); let s = h*n; let k = floor(s); let t = max(2*(s - k) - 1, 0);"
     "(k + t*t*(3 - 2*t))/n",
     NULL, NULL},
    {"metaballs2 : x, y, *points=[[x,y,r,s]...], threshold=1",
     "Field of up to 64 points, positive inside: the sum of s r^2/distance^2, less threshold. s is 1 when left out.", 0,
     NULL, metaballs, NULL},
    {"metaballs3 : x, y, z, *points=[[x,y,z,r,s]...], threshold=1",
     "Field of up to 64 points in space, positive inside: the sum of s r^2/distance^2, less threshold. s is 1 when "
     "left "
     "out.",
     0, NULL, metaballs, NULL},
    {"fresnel : cos_angle, ior=1.45",
     "How much light a smooth dielectric reflects, 0..1, from the cosine of the angle of incidence and the index of "
     "refraction.",
     0,
     "let c = min(abs(cos_angle), 1); let q = ior*ior - 1 + c*c; let g = sqrt(max(q, 0));"
     "let a = (g - c)/max(g + c, 1e-18); let b = (c*(g + c) - 1)/(c*(g - c) + 1);"
     "q < 0 ? 1 : 0.5*a*a*(1 + b*b)",
     NULL, NULL},
    {0},
};
