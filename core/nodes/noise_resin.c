/* Noises that give what resin gives, 0..1, and Perlin's improved noise of 2002, signed.
 *
 * K. Perlin, "Improving Noise", SIGGRAPH 2002, with his permutation P; S. Gustavson, "Simplex noise demystified", 2005.
 * perm(i) = P[(i + seed) & 255], so a seed shifts the table. Two-dimensional gradients are (+-1, +-2) and (+-2, +-1),
 * three-dimensional ones Perlin's twelve edges. perlin2 and simplex2 leave 0..1 and are clipped there (2.6 % and 32 %
 * of all points): kept for compatibility; gnoise does not.
 *
 * A point needs the hashes of neighbouring cells. So one table holds P of an index and of the next in one word, which
 * is enough for the inner lookups; the last lookup reads gradients, not hashes, again two neighbours a word. perlin2
 * costs three gathers, perlin3 seven. */
#include <math.h>

#include "core/nodes/noise_parts.h"

static const uint8_t perlin_p[256] = {
    151, 160, 137, 91,  90,  15,  131, 13,  201, 95,  96,  53,  194, 233, 7,   225, 140, 36,  103, 30,  69,  142,
    8,   99,  37,  240, 21,  10,  23,  190, 6,   148, 247, 120, 234, 75,  0,   26,  197, 62,  94,  252, 219, 203,
    117, 35,  11,  32,  57,  177, 33,  88,  237, 149, 56,  87,  174, 20,  125, 136, 171, 168, 68,  175, 74,  165,
    71,  134, 139, 48,  27,  166, 77,  146, 158, 231, 83,  111, 229, 122, 60,  211, 133, 230, 220, 105, 92,  41,
    55,  46,  245, 40,  244, 102, 143, 54,  65,  25,  63,  161, 1,   216, 80,  73,  209, 76,  132, 187, 208, 89,
    18,  169, 200, 196, 135, 130, 116, 188, 159, 86,  164, 100, 109, 198, 173, 186, 3,   64,  52,  217, 226, 250,
    124, 123, 5,   202, 38,  147, 118, 126, 255, 82,  85,  212, 207, 206, 59,  227, 47,  16,  58,  17,  182, 189,
    28,  42,  223, 183, 170, 213, 119, 248, 152, 2,   44,  154, 163, 70,  221, 153, 101, 155, 167, 43,  172, 9,
    129, 22,  39,  253, 19,  98,  108, 110, 79,  113, 224, 232, 178, 185, 112, 104, 218, 246, 97,  228, 251, 34,
    242, 193, 238, 210, 144, 12,  191, 179, 162, 241, 81,  51,  145, 235, 249, 14,  239, 107, 49,  192, 214, 31,
    181, 199, 106, 157, 184, 84,  204, 176, 115, 121, 50,  45,  127, 4,   150, 254, 138, 236, 205, 93,  222, 114,
    67,  29,  24,  72,  243, 141, 128, 195, 78,  66,  215, 61,  156, 180,
};

/* Entry i: P[i] and P[i + 1]. */
uint32_t noise_perm_table(struct build *b)
{
    int32_t t[256];
    for (int i = 0; i < 256; i++)
        t[i] = perlin_p[i] | perlin_p[(i + 1) & 255] << 8;
    return ir_add_table(b->ir, "perm", TYPE_I32, 256, t);
}

static void grad2(int h, int g[2])
{
    int one = h & 1 ? -1 : 1, two = h & 2 ? -2 : 2;
    g[0] = h & 4 ? two : one;
    g[1] = h & 4 ? one : two;
}

static void grad3(int h, int g[3])
{
    int u = h & 8 ? 1 : 0, v = h & 12 ? ((h & 13) == 12 ? 0 : 2) : 1;
    g[0] = g[1] = g[2] = 0;
    g[u] = h & 1 ? -1 : 1;
    g[v] = h & 2 ? -1 : 1;
}

/* Entry i: the gradients of P[i] and P[i + 1], as signed fields of `bits` from the bottom up. */
static uint32_t grad_table(struct build *b, int dims, int bits)
{
    int32_t t[256];
    for (int i = 0; i < 256; i++) {
        uint32_t word = 0;
        for (int k = 0; k < 2; k++) {
            int g[3], h = perlin_p[(i + k) & 255];
            if (dims == 2)
                grad2(h & 7, g);
            else
                grad3(h & 15, g);
            for (int c = 0; c < dims; c++)
                word |= ((uint32_t)g[c] & ((1u << bits) - 1)) << (bits * (dims * k + c));
        }
        t[i] = (int32_t)word;
    }
    return ir_add_table(b->ir, dims == 2 ? "grad2" : "grad3", TYPE_I32, 256, t);
}

static struct val field(struct build *b, struct val word, int index, int bits)
{
    int left = 32 - bits * (index + 1);
    return b_to(b, TYPE_F32, b_sar(b, left ? b_shl(b, word, left) : word, 32 - bits));
}

/* Gradient number k of a table's word, times d. */
static struct val dot2(struct build *b, struct val word, int k, struct val dx, struct val dy)
{
    return b_fma(b, field(b, word, 2 * k, 8), dx, b_mul(b, field(b, word, 2 * k + 1, 8), dy));
}

static struct val dot3(struct build *b, struct val word, int k, const struct val d[3])
{
    struct val sum = b_mul(b, field(b, word, 3 * k, 4), d[0]);
    sum = b_fma(b, field(b, word, 3 * k + 1, 4), d[1], sum);
    return b_fma(b, field(b, word, 3 * k + 2, 4), d[2], sum);
}

/* raw/2 + 1/2, held in 0..1; NaN stays. */
static struct val to_unit(struct build *b, struct val raw, double gain)
{
    struct val v = b_fmac(b, raw, gain / 2, 0.5);
    return b_min(b, b_f32(b, 1), b_max(b, b_f32(b, 0), v));
}

/* in: x, y, seed */
static struct val perlin2_body(struct build *b, const struct val *in, int user)
{
    uint32_t perm = noise_perm_table(b), grads = grad_table(b, 2, 8);
    struct val x0, y0, one = b_f32(b, 1);
    struct val ix = b_add(b, b_to(b, TYPE_I32, noise_cell(b, in[0], &x0)), in[2]);
    struct val iy = b_add(b, b_to(b, TYPE_I32, noise_cell(b, in[1], &y0)), in[2]);
    struct val x1 = b_sub(b, x0, one), y1 = b_sub(b, y0, one), pair = b_gather(b, perm, ix);
    struct val left = b_gather(b, grads, b_add(b, pair, iy));
    struct val right = b_gather(b, grads, b_add(b, b_shr(b, pair, 8), iy));
    struct val u = noise_fade(b, x0), v = noise_fade(b, y0);
    struct val low = b_lerp(b, dot2(b, left, 0, x0, y0), dot2(b, right, 0, x1, y0), u);
    struct val high = b_lerp(b, dot2(b, left, 1, x0, y1), dot2(b, right, 1, x1, y1), u);
    (void)user;
    return to_unit(b, b_lerp(b, low, high, v), 1);
}

/* in: x, y, z, seed. Signed. */
static struct val perlin3_body(struct build *b, const struct val *in, int user)
{
    uint32_t perm = noise_perm_table(b), grads = grad_table(b, 3, 4);
    struct val f[3], cell[3], near[3], columns[4], along_y[2];
    for (int c = 0; c < 3; c++) {
        cell[c] = b_add(b, b_to(b, TYPE_I32, noise_cell(b, in[c], &f[c])), in[3]);
        near[c] = b_addc(b, f[c], -1);
    }
    struct val u = noise_fade(b, f[0]), v = noise_fade(b, f[1]), w = noise_fade(b, f[2]);
    struct val pair = b_gather(b, perm, cell[0]);
    struct val left = b_gather(b, perm, b_add(b, pair, cell[1]));
    struct val right = b_gather(b, perm, b_add(b, b_shr(b, pair, 8), cell[1]));
    for (int i = 0; i < 4; i++) { /* columns along z at x = i & 1, y = i >> 1 */
        struct val side = i & 1 ? right : left;
        struct val word = b_gather(b, grads, b_add(b, i & 2 ? b_shr(b, side, 8) : side, cell[2]));
        struct val x = i & 1 ? near[0] : f[0], y = i & 2 ? near[1] : f[1];
        struct val low = dot3(b, word, 0, (struct val[]){x, y, f[2]});
        columns[i] = b_lerp(b, low, dot3(b, word, 1, (struct val[]){x, y, near[2]}), w);
    }
    for (int i = 0; i < 2; i++)
        along_y[i] = b_lerp(b, columns[i], columns[i + 2], v);
    (void)user;
    return b_lerp(b, along_y[0], along_y[1], u);
}

/* (radius - |d|^2)^4 times the gradient's product, 0 beyond the radius; NaN stays. */
static struct val falloff(struct build *b, const struct val *d, int dims, double radius, struct val product)
{
    struct val t = b_f32(b, radius);
    for (int c = 0; c < dims; c++)
        t = b_fma(b, b_neg(b, d[c]), d[c], t);
    t = b_max(b, b_f32(b, 0), t);
    t = b_mul(b, t, t);
    return b_mul(b, b_mul(b, t, t), product);
}

/* in: x, y, seed */
static struct val simplex2_body(struct build *b, const struct val *in, int user)
{
    const double g = (3 - sqrt(3)) / 6;
    uint32_t perm = noise_perm_table(b), grads = grad_table(b, 2, 8);
    struct val skew = b_mulc(b, b_add(b, in[0], in[1]), (sqrt(3) - 1) / 2);
    struct val i = b_floor(b, b_add(b, in[0], skew)), j = b_floor(b, b_add(b, in[1], skew));
    struct val back = b_mulc(b, b_add(b, i, j), g);
    struct val d0[2] = {b_sub(b, in[0], b_sub(b, i, back)), b_sub(b, in[1], b_sub(b, j, back))};
    struct val first_x = b_lt(b, d0[1], d0[0]), zero = b_f32(b, 0), one = b_f32(b, 1);
    struct val d1[2] = {b_addc(b, b_sub(b, d0[0], b_select(b, first_x, one, zero)), g),
                        b_addc(b, b_sub(b, d0[1], b_select(b, first_x, zero, one)), g)};
    struct val d2[2] = {b_addc(b, d0[0], 2 * g - 1), b_addc(b, d0[1], 2 * g - 1)};
    struct val row = b_add(b, b_to(b, TYPE_I32, j), in[2]);
    struct val pair = b_gather(b, perm, b_add(b, b_to(b, TYPE_I32, i), in[2]));
    struct val left = b_gather(b, grads, b_add(b, pair, row));
    struct val right = b_gather(b, grads, b_add(b, b_shr(b, pair, 8), row));
    struct val middle = b_select(b, first_x, right, b_shr(b, left, 16));
    struct val sum = falloff(b, d0, 2, 0.5, dot2(b, left, 0, d0[0], d0[1]));
    sum = b_add(b, sum, falloff(b, d1, 2, 0.5, dot2(b, middle, 0, d1[0], d1[1])));
    sum = b_add(b, sum, falloff(b, d2, 2, 0.5, dot2(b, right, 1, d2[0], d2[1])));
    (void)user;
    return to_unit(b, sum, 70);
}

/* The corners of the tetrahedron that holds d, in the order of its greatest coordinates: step[corner][axis] as masks.
 */
static void tetrahedron(struct build *b, const struct val d[3], struct val first[3], struct val second[3])
{
    struct val x_y = b_ge(b, d[0], d[1]), y_z = b_ge(b, d[1], d[2]), x_z = b_ge(b, d[0], d[2]);
    struct val y_x = b_not(b, x_y);
    first[0] = b_and(b, x_y, x_z);
    first[1] = b_and(b, y_x, y_z);
    first[2] = b_not(b, b_or(b, y_z, x_z));
    second[0] = b_or(b, x_y, x_z);
    second[1] = b_or(b, y_x, y_z);
    second[2] = b_not(b, b_and(b, y_z, x_z));
}

/* Adds a corner: masks say along which axes it lies one further than the cell; NULL: along none (k = 0) or all (k = 3).
 */
static struct val corner3(struct build *b, const struct val d0[3], const struct val *masks, int k,
                          const struct val hashes[2], struct val z)
{
    struct val d[3], side = hashes[k == 3], one = b_f32(b, 1), zero = b_f32(b, 0), none = b_i32(b, 0),
                     next = b_i32(b, 1);
    for (int c = 0; c < 3; c++) {
        struct val step = masks ? b_select(b, masks[c], one, zero) : k ? one : zero;
        d[c] = k ? b_addc(b, b_sub(b, d0[c], step), k / 6.0) : d0[c];
    }
    if (masks)
        side = b_select(b, masks[0], hashes[1], hashes[0]);
    if (k)
        side = masks ? b_select(b, masks[1], b_shr(b, side, 8), side) : b_shr(b, side, 8);
    if (k)
        z = b_add(b, z, masks ? b_select(b, masks[2], next, none) : next);
    struct val word = b_gather(b, grad_table(b, 3, 4), b_add(b, side, z));
    return falloff(b, d, 3, 0.6, dot3(b, word, 0, d));
}

/* in: x, y, z, seed */
static struct val simplex3_body(struct build *b, const struct val *in, int user)
{
    uint32_t perm = noise_perm_table(b);
    struct val skew = b_mulc(b, b_add(b, b_add(b, in[0], in[1]), in[2]), 1.0 / 3), d0[3], cell[3], whole[3], first[3],
               second[3];
    for (int c = 0; c < 3; c++) {
        whole[c] = b_floor(b, b_add(b, in[c], skew));
        cell[c] = b_add(b, b_to(b, TYPE_I32, whole[c]), in[3]);
    }
    struct val back = b_mulc(b, b_add(b, b_add(b, whole[0], whole[1]), whole[2]), 1.0 / 6);
    for (int c = 0; c < 3; c++)
        d0[c] = b_sub(b, in[c], b_sub(b, whole[c], back));
    tetrahedron(b, d0, first, second);
    struct val pair = b_gather(b, perm, cell[0]);
    struct val hashes[2] = {b_gather(b, perm, b_add(b, pair, cell[1])),
                            b_gather(b, perm, b_add(b, b_shr(b, pair, 8), cell[1]))};
    struct val sum = corner3(b, d0, NULL, 0, hashes, cell[2]);
    sum = b_add(b, sum, corner3(b, d0, first, 1, hashes, cell[2]));
    sum = b_add(b, sum, corner3(b, d0, second, 2, hashes, cell[2]));
    sum = b_add(b, sum, corner3(b, d0, NULL, 3, hashes, cell[2]));
    (void)user;
    return to_unit(b, sum, 32);
}

static struct val call2(struct build *b, const char *name, noise_body *body, struct val x, struct val y,
                        struct val seed)
{
    return noise_call(b, name, body, 0, (const struct val[]){x, y, seed}, 3);
}

static struct val call3(struct build *b, const char *name, noise_body *body, const struct val *p, struct val seed)
{
    return noise_call(b, name, body, 0, (const struct val[]){p[0], p[1], p[2], seed}, 4);
}

static enum status build_perlin2(struct build *b, const struct node_args *args, struct val *out)
{
    *out = call2(b, "perlin2", perlin2_body, args->in[0], args->in[1], noise_seed(b, args->in[2]));
    return STATUS_OK;
}

static enum status build_perlin3(struct build *b, const struct node_args *args, struct val *out)
{
    *out = to_unit(b, call3(b, "perlin3", perlin3_body, args->in, noise_seed(b, args->in[3])), 1);
    return STATUS_OK;
}

static enum status build_classic(struct build *b, const struct node_args *args, struct val *out)
{
    *out = call3(b, "perlin3", perlin3_body, args->in, b_i32(b, 0));
    return STATUS_OK;
}

static enum status build_simplex2(struct build *b, const struct node_args *args, struct val *out)
{
    *out = call2(b, "simplex2", simplex2_body, args->in[0], args->in[1], noise_seed(b, args->in[2]));
    return STATUS_OK;
}

static enum status build_simplex3(struct build *b, const struct node_args *args, struct val *out)
{
    *out = call3(b, "simplex3", simplex3_body, args->in, noise_seed(b, args->in[3]));
    return STATUS_OK;
}

/* Sum of octaves, each half as strong and twice as fine as the one before, over the sum of strengths. */
static enum status build_fbm(struct build *b, const struct node_args *args, int dims, struct val *out)
{
    int octaves;
    TRY(node_count_arg(b, args, (size_t)dims, 1, 16, &octaves));
    struct val sum = b_f32(b, 0), seed = noise_seed(b, args->in[dims + 1]);
    double total = 0, gain = 1, frequency = 1;
    for (int i = 0; i < octaves; i++, gain /= 2, frequency *= 2) {
        struct val p[3], n;
        for (int c = 0; c < dims; c++)
            p[c] = i ? b_mulc(b, args->in[c], frequency) : args->in[c];
        n = dims == 2 ? call2(b, "perlin2", perlin2_body, p[0], p[1], seed)
                      : to_unit(b, call3(b, "perlin3", perlin3_body, p, seed), 1);
        sum = i ? b_fma(b, n, b_f32(b, gain), sum) : n;
        total += gain;
    }
    *out = b_div(b, sum, b_f32(b, total));
    return STATUS_OK;
}

static enum status build_fbm2(struct build *b, const struct node_args *args, struct val *out)
{
    return build_fbm(b, args, 2, out);
}

static enum status build_fbm3(struct build *b, const struct node_args *args, struct val *out)
{
    return build_fbm(b, args, 3, out);
}

const struct node_row noise_resin_rows[] = {
    {"perlin2 noise perlin : x, y, seed:f64=0",
     "Perlin noise in two dimensions as resin has it, 0..1: raw/2 + 1/2, clipped, which makes 2.6 % of all points "
     "flat; gnoise does not clip.",
     0, NULL, build_perlin2, NULL},
    {"perlin3 : x, y, z, seed:f64=0", "Perlin noise in three dimensions as resin has it, 0..1: raw/2 + 1/2.", 0, NULL,
     build_perlin3, NULL},
    {"simplex2 simplex : x, y, seed:f64=0",
     "Simplex noise in two dimensions as resin has it, 0..1: raw/2 + 1/2, clipped, which makes 32 % of all points "
     "flat; snoise does not clip.",
     0, NULL, build_simplex2, NULL},
    {"simplex3 : x, y, z, seed:f64=0", "Simplex noise in three dimensions as resin has it, 0..1: raw/2 + 1/2.", 0, NULL,
     build_simplex3, NULL},
    {"fbm2 fbm : x, y, *octaves=4, seed:f64=0", "Octaves of perlin2, each half as strong and twice as fine, 0..1.", 0,
     NULL, build_fbm2, NULL},
    {"fbm3 : x, y, z, *octaves=4, seed:f64=0", "Octaves of perlin3, each half as strong and twice as fine, 0..1.", 0,
     NULL, build_fbm3, NULL},
    {"classic : x, y, z", "Perlin's improved noise of 2002 as published, signed, about -1..1, 0 at whole coordinates.",
     0, NULL, build_classic, NULL},
    {0},
};
