/* cellular: distances to scattered points, one a unit cell, in 1 to 4 dimensions (S. Worley, "A Cellular Texture Basis
 * Function", SIGGRAPH 1996).
 *
 *     point of a cell = its middle + jitter * u / 2, a = (x X) ^ (y Y) ^ .. ^ seed
 *     u_x = (a M) / 2^31, u_y = (a N) / 2^31 in -1..1, u_z and u_w the same of the products' lower halves
 *
 * in 32-bit arithmetic, X.. M and N odd: two multiplications a cell, no table. F1 <= F2 <= F3 <= F4 are the smallest
 * distances by the metric; they are not signed. edge is the Euclidean distance to the border of the cell of the nearest
 * point, the least (|r|^2 - |r1|^2) / 2|r - r1| over the other points; value a number in -1..1 and id a whole number
 * below 2^24, both of the nearest point.
 *
 * What is searched for F1 are the cells that can hold the nearest point at any jitter, seen from the cell that holds p.
 * No point of it is farther than the corners of a block of 4^d cells begin whose centre is the lattice corner nearest
 * to p; the border of the block is at least 1.5 away; so in two dimensions its other 12 cells make F1 exact. In three,
 * of the 24 cells that are outermost along two axes the 18 that begin at least 1.118 away are left out as well: F1 is
 * beyond that, and such a point nearer, at less than one point in 10^7.
 *
 * For the others the whole block is searched: F2 is exact but for a point in 10^9. Metrics with longer reach
 * (manhattan, minkowski), F3, F4 and edge search 6^d cells in up to three dimensions; in four they search 4^4.
 *
 * Where there are many cells a row of them along x is an IR function of its own, and so is a cell where more than the
 * nearest counts. To know the
 * nearest point and not only its distance, the cell's place goes in the lowest bits of the distance.
 *
 * jitter is limited to 0..1 and p to 0.25..16. period as gnoise's. Infinite coordinates and NaN give NaN, or a distance
 * of 10^5 where more than the nearest counts, and as value and id those of one cell. */
#include "core/nodes/noise_lattice.h"

enum metric { METRIC_EUCLIDEAN, METRIC_EUCLIDEAN2, METRIC_MANHATTAN, METRIC_CHEBYSHEV, METRIC_MINKOWSKI };
enum returns {
    RETURNS_F1,
    RETURNS_F2,
    RETURNS_F3,
    RETURNS_F4,
    RETURNS_DIFFERENCE,
    RETURNS_SUM,
    RETURNS_PRODUCT,
    RETURNS_EDGE,
    RETURNS_VALUE,
    RETURNS_ID
};
enum { WIDEST = 6 };

static const uint32_t jitter_primes[2] = {0x2c1b3c6du, 0x297a2d39u};
#define VALUE_PRIME 0x27220a95u

struct cellular {
    int dims;
    enum metric metric;
    enum returns returns;
    bool tiles;
};

/* `before`: the hashes of the cells before p's, or NULL: none. */
static struct val hash_of(struct build *b, struct val cell, const struct val *before, int axis)
{
    struct val hash = b_mul(b, b_to(b, TYPE_I32, cell), noise_prime(b, axis));
    return before ? b_add(b, hash, before[axis]) : hash;
}

/* Where p stands among the cells of a block. */
struct block {
    int n;                               /* cells along an axis */
    struct val first[NOISE_AXES];        /* the first cell, f32 */
    struct val middle[NOISE_AXES];       /* its middle minus p */
    struct val hash[NOISE_AXES][WIDEST]; /* of each cell, its prime in */
};

static struct val offset(struct build *b, struct val middle, int k)
{
    return k ? b_addc(b, middle, k) : middle;
}

static struct block block_of(struct build *b, const struct val *p, const struct val *before, const struct val *period,
                             int dims, int n)
{
    struct block r = {.n = n};
    int half = n / 2;
    for (int c = 0; c < dims; c++) {
        struct val corner = b_floor(b, b_addc(b, p[c], -0.5));
        r.first[c] = b_addc(b, corner, 1 - half);
        r.middle[c] = b_addc(b, b_sub(b, corner, p[c]), 1.5 - half);
        struct val prime = noise_prime(b, c);
        for (int k = 0; k < n; k++) {
            struct val cell = period ? noise_wrap(b, offset(b, r.first[c], k), period[c]) : r.first[c];
            r.hash[c][k] = k && !period ? b_add(b, r.hash[c][k - 1], prime) : hash_of(b, cell, before, c);
        }
    }
    return r;
}

/* The point of the cell with this hash, minus p. */
static void vector_to(struct build *b, struct val hash, const struct val *middle, struct val jitter, int dims,
                      struct val r[NOISE_AXES])
{
    struct val product[2];
    for (int c = 0; c < dims; c++) {
        struct val u = c < 2 ? b_mulc(b, hash, (int32_t)jitter_primes[c]) : b_shl(b, product[c - 2], 16);
        product[c & 1] = c < 2 ? u : product[c & 1];
        r[c] = b_fma(b, b_to(b, TYPE_F32, u), jitter, middle[c]);
    }
}

/* The distance, but for the root that keeps its order. */
static struct val measure(struct build *b, const struct cellular *v, const struct val *r, struct val exponent)
{
    struct val sum = VAL_NONE;
    for (int c = 0; c < v->dims; c++) {
        if (v->metric <= METRIC_EUCLIDEAN2) {
            sum = c ? b_fma(b, r[c], r[c], sum) : b_mul(b, r[c], r[c]);
            continue;
        }
        struct val side = b_abs(b, r[c]);
        if (v->metric == METRIC_MINKOWSKI)
            side = B_CALL(b, "pow", side, exponent);
        sum = !c ? side : v->metric == METRIC_CHEBYSHEV ? b_max(b, sum, side) : b_add(b, sum, side);
    }
    return sum;
}

static struct val root(struct build *b, const struct cellular *v, struct val d, struct val exponent)
{
    if (v->metric == METRIC_EUCLIDEAN)
        return b_sqrt(b, d);
    if (v->metric == METRIC_MINKOWSKI)
        return B_CALL(b, "pow", d, b_div(b, b_f32(b, 1), exponent));
    return d;
}

/* --- rows: what the cells along x come to */

enum row_kind { ROW_CELL, ROW_NEAREST, ROW_PLACED, ROW_EDGE };

/* in: hash over the other axes with the seed, x's hashes, middles, jitter, exponent, and for edges the vector to the
 * nearest point and its square. */
struct row {
    const struct cellular *v;
    enum row_kind kind;
    int n, from, to; /* cells along x */
};

static int place_bits(int n)
{
    return n > 4 ? 3 : 2;
}

static struct val edge_squared(struct build *b, int dims, const struct val *r, const struct val *nearest)
{
    struct val square = b_neg(b, nearest[dims]), between = b_f32(b, 0), zero = b_f32(b, 0);
    for (int c = 0; c < dims; c++) {
        struct val d = b_sub(b, r[c], nearest[c]);
        square = b_fma(b, r[c], r[c], square);
        between = b_fma(b, d, d, between);
    }
    square = b_max(b, zero, square);
    struct val other = b_lt(b, b_f32(b, 1e-10), between);
    return b_select(b, other, b_div(b, b_mul(b, square, square), between), b_f32(b, 1e10));
}

static struct val row_body(struct build *b, const struct val *in, const void *user)
{
    const struct row *row = user;
    int dims = row->v->dims;
    const struct val *hash = in + 1, *middle = hash + row->n, jitter = middle[dims], exponent = middle[dims + 1];
    struct val least = VAL_NONE, at[NOISE_AXES], r[NOISE_AXES];
    for (int c = 1; c < dims; c++)
        at[c] = middle[c];
    for (int k = row->from; k < row->to; k++) {
        struct val d;
        at[0] = offset(b, middle[0], k);
        vector_to(b, b_xor(b, in[0], hash[k]), at, jitter, dims, r);
        if (row->kind == ROW_EDGE)
            d = edge_squared(b, dims, r, middle + dims + 2);
        else
            d = measure(b, row->v, r, exponent);
        if (row->kind == ROW_PLACED) {
            int mask = (1 << place_bits(row->n) * dims) - 1;
            d = b_add(b, d, b_f32(b, 1e-30)); /* never quite 0: a denormal would lose the place */
            d = b_or(b, b_and(b, b_bits(b, d), b_i32(b, ~mask)), b_i32(b, k));
            d = b_from_bits(b, d);
        }
        least = least.i ? b_min(b, d, least) : d;
    }
    return least;
}

static struct val call_row(struct build *b, const struct row *row, const struct block *block, struct val hash,
                           const struct val *middle, const struct val *rest, int n_rest)
{
    struct val in[FN_ARGS_MAX];
    int n = 0, dims = row->v->dims;
    in[n++] = hash;
    for (int k = 0; k < row->n; k++)
        in[n++] = block->hash[0][k];
    for (int c = 0; c < dims; c++)
        in[n++] = middle[c];
    for (int i = 0; i < n_rest; i++)
        in[n++] = rest[i];
    char *name = arena_printf(b->ir->arena, "cellular%d.row%d%d.%d%d%d", dims, row->kind, row->v->metric, row->n,
                              row->from, row->to);
    return noise_call_with(b, name, row_body, row, in, n);
}

static bool is_end(int k, int n)
{
    return k == 0 || k == n - 1;
}

/* The least over the block; `rest` is jitter, exponent, ... The corners of the block are left
 * out, but not for edges. */
static struct val least_of_rows(struct build *b, const struct cellular *v, enum row_kind kind,
                                const struct block *block, struct val seed, const struct val *rest, int n_rest)
{
    struct val least = VAL_NONE;
    int rows = 1, n = block->n, bits = place_bits(n);
    for (int c = 1; c < v->dims; c++)
        rows *= n;
    for (int i = 0; i < rows; i++) {
        struct val hash = seed, middle[NOISE_AXES] = {block->middle[0]};
        int place = 0;
        bool ends = kind != ROW_EDGE;
        for (int c = 1, left = i; c < v->dims; c++, left /= n) {
            int k = left % n;
            hash = b_xor(b, hash, block->hash[c][k]);
            middle[c] = offset(b, block->middle[c], k);
            place |= k << bits * c;
            ends = ends && is_end(k, n);
        }
        struct row row = {v, kind, n, ends, n - ends};
        struct val d = call_row(b, &row, block, hash, middle, rest, n_rest);
        if (kind == ROW_PLACED && place)
            d = b_from_bits(b, b_or(b, b_bits(b, d), b_i32(b, place)));
        least = least.i ? b_min(b, d, least) : d;
    }
    return least;
}

/* --- the nearest: cells 0 and 1 meet in the corner nearest to p, which 0 holds; -1 is beside 0, 2 beside 1 */

struct around {
    struct val middle[4], hash[4]; /* of cells -1 .. 2 */
};

static struct around around(struct build *b, struct val p, const struct val *before, const struct val *period, int axis)
{
    struct around r;
    struct val f, cell = noise_cell(b, p, &f), prime = noise_prime(b, axis);
    struct val up = b_ge(b, f, b_f32(b, 0.5)), step = b_select(b, up, b_f32(b, 1), b_f32(b, -1));
    r.middle[1] = b_sub(b, b_f32(b, 0.5), f);
    r.middle[0] = b_sub(b, r.middle[1], step);
    r.middle[2] = b_add(b, r.middle[1], step);
    r.middle[3] = b_add(b, r.middle[2], step);
    struct val stride = b_select(b, up, prime, b_neg(b, prime));
    r.hash[1] = hash_of(b, cell, before, axis);
    r.hash[0] = b_sub(b, r.hash[1], stride);
    r.hash[2] = b_add(b, r.hash[1], stride);
    r.hash[3] = b_add(b, r.hash[2], stride);
    for (int i = 0; i < 4 && period; i++) {
        struct val at = b_fma(b, step, b_f32(b, i - 1), cell);
        r.hash[i] = b_mul(b, b_to(b, TYPE_I32, noise_wrap(b, at, period[axis])), prime);
    }
    return r;
}

/* Can cell i, in base 4 along the axes, hold the nearest point? */
static bool may_be_nearest(int i, int dims)
{
    int near = 0, far = 0;
    for (int c = 0; c < dims; c++, i /= 4) {
        near += i % 4 == 0;
        far += i % 4 == 3;
    }
    return far ? far + near == 1 && dims > 1 : near < dims;
}

static struct val nearest(struct build *b, const struct cellular *v, const struct val *p, const struct val *before,
                          const struct val *period, struct val seed, const struct val *rest)
{
    struct around axes[NOISE_AXES];
    struct val least = VAL_NONE, middle[NOISE_AXES], r[NOISE_AXES];
    int dims = v->dims, cells = 1;
    for (int c = 0; c < dims; c++, cells *= 4)
        axes[c] = around(b, p[c], before, period, c);
    for (int i = 0; i < cells; i++) {
        struct val hash = seed;
        if (!may_be_nearest(i, dims))
            continue;
        for (int c = dims - 1; c >= 0; c--) {
            int at = i >> 2 * c & 3;
            hash = b_xor(b, hash, axes[c].hash[at]);
            middle[c] = axes[c].middle[at];
        }
        vector_to(b, hash, middle, rest[0], dims, r);
        struct val d = measure(b, v, r, rest[1]);
        least = least.i ? b_min(b, d, least) : d;
    }
    return least;
}

/* --- the smallest few */

static struct val cell_body(struct build *b, const struct val *in, const void *user)
{
    const struct cellular *v = user;
    struct val r[NOISE_AXES];
    const struct val *middle = in + 1, *rest = middle + v->dims;
    vector_to(b, in[0], middle, rest[0], v->dims, r);
    return measure(b, v, r, rest[1]);
}

/* Keeps f[0] <= f[1] <= ... the smallest `keep` of all distances. */
static void smallest(struct build *b, const struct cellular *v, const struct block *block, struct val seed,
                     const struct val *rest, int keep, struct val *f)
{
    int cells = 1, n = block->n;
    char *name = arena_printf(b->ir->arena, "cellular%d.cell%d", v->dims, v->metric);
    for (int i = 0; i < keep; i++)
        f[i] = b_f32(b, 1e10);
    for (int c = 0; c < v->dims; c++)
        cells *= n;
    for (int i = 0; i < cells; i++) {
        struct val in[NOISE_AXES + 3] = {seed};
        for (int c = 0, left = i; c < v->dims; c++, left /= n) {
            in[0] = b_xor(b, in[0], block->hash[c][left % n]);
            in[1 + c] = offset(b, block->middle[c], left % n);
        }
        in[1 + v->dims] = rest[0];
        in[2 + v->dims] = rest[1];
        struct val d = noise_call_with(b, name, cell_body, v, in, v->dims + 3);
        for (int k = keep - 1; k > 0; k--)
            f[k] = b_min(b, b_max(b, f[k - 1], d), f[k]);
        f[0] = b_min(b, f[0], d);
    }
}

/* --- the nearest cell */

/* Its hash, and its middle minus p. */
static struct val nearest_cell(struct build *b, const struct cellular *v, const struct block *block,
                               const struct val *before, const struct val *period, struct val seed, struct val placed,
                               struct val *middle)
{
    int bits = place_bits(block->n);
    struct val hash = seed, place = b_bits(b, placed);
    for (int c = 0; c < v->dims; c++) {
        struct val k = b_and(b, c ? b_shr(b, place, c * bits) : place, b_i32(b, (1 << bits) - 1));
        struct val steps = b_to(b, TYPE_F32, k), cell = b_add(b, block->first[c], steps);
        middle[c] = b_add(b, block->middle[c], steps);
        if (period)
            cell = noise_wrap(b, cell, period[c]);
        hash = b_xor(b, hash, hash_of(b, cell, before, c));
    }
    return hash;
}

static struct val edge(struct build *b, const struct cellular *v, const struct block *block, struct val seed,
                       const struct val *rest, const struct val *nearest)
{
    struct val in[2 + NOISE_AXES + 1] = {rest[0], rest[1]}, square = b_f32(b, 0);
    for (int c = 0; c < v->dims; c++) {
        in[2 + c] = nearest[c];
        square = b_fma(b, nearest[c], nearest[c], square);
    }
    in[2 + v->dims] = square;
    struct val least = least_of_rows(b, v, ROW_EDGE, block, seed, in, v->dims + 3);
    return b_mulc(b, b_sqrt(b, least), 0.5);
}

/* --- the noise */

static int reach(const struct cellular *v, int keep)
{
    bool far = v->metric == METRIC_MANHATTAN || v->metric == METRIC_MINKOWSKI;
    if (v->dims == 4 || (v->dims == 1 && keep < 4))
        return 4;
    return keep > 2 || (far && (keep == 2 || v->dims == 3 || v->metric == METRIC_MINKOWSKI)) ? 6 : 4;
}

static struct val distances(struct build *b, const struct cellular *v, const struct val *p, const struct val *before,
                            const struct val *period, struct val seed, const struct val *rest)
{
    static const int wanted[] = {1, 2, 3, 4, 2, 2, 2};
    struct val f[4];
    int keep = wanted[v->returns];
    if (keep == 1 && v->dims < 4 && reach(v, keep) == 4)
        return root(b, v, nearest(b, v, p, before, period, seed, rest), rest[1]);
    struct block block = block_of(b, p, before, period, v->dims, reach(v, keep));
    if (keep == 1)
        return root(b, v, least_of_rows(b, v, ROW_NEAREST, &block, seed, rest, 2), rest[1]);
    smallest(b, v, &block, seed, rest, keep, f);
    struct val last = root(b, v, f[keep - 1], rest[1]);
    if (v->returns < RETURNS_DIFFERENCE)
        return last;
    struct val first = root(b, v, f[0], rest[1]);
    return v->returns == RETURNS_DIFFERENCE ? b_sub(b, last, first)
           : v->returns == RETURNS_SUM      ? b_add(b, last, first)
                                            : b_mul(b, last, first);
}

/* in: coordinates, mixed seed, jitter, exponent, periods when it tiles, else the hashes of the cells before. */
static struct val cellular_body(struct build *b, const struct val *in, const void *user)
{
    struct cellular v = *(const struct cellular *)user;
    struct val period[NOISE_AXES], middle[NOISE_AXES], r[NOISE_AXES], seed = in[v.dims];
    struct val rest[2] = {b_mulc(b, b_clamp(b, in[v.dims + 1], b_f32(b, 0), b_f32(b, 1)), 0x1p-32),
                          b_clamp(b, in[v.dims + 2], b_f32(b, 0.25), b_f32(b, 16))};
    for (int c = 0; c < v.dims && v.tiles; c++)
        period[c] = noise_whole_period(b, in[v.dims + 3 + c]);
    const struct val *periods = v.tiles ? period : NULL, *before = v.tiles ? NULL : in + v.dims + 3;
    if (v.returns < RETURNS_EDGE)
        return distances(b, &v, in, before, periods, seed, rest);
    if (v.returns == RETURNS_EDGE)
        v.metric = METRIC_EUCLIDEAN2;
    struct block block = block_of(b, in, before, periods, v.dims, reach(&v, 1));
    struct val placed = least_of_rows(b, &v, ROW_PLACED, &block, seed, rest, 2);
    struct val hash = nearest_cell(b, &v, &block, before, periods, seed, placed, middle);
    if (v.returns == RETURNS_VALUE)
        return noise_unit(b, b_mulc(b, hash, (int32_t)VALUE_PRIME));
    if (v.returns == RETURNS_ID) {
        hash = b_mulc(b, hash, (int32_t)VALUE_PRIME);
        return b_to(b, TYPE_F32, b_shr(b, b_xor(b, hash, b_shr(b, hash, 15)), 8));
    }
    vector_to(b, hash, middle, rest[0], v.dims, r);
    block = block_of(b, in, before, periods, v.dims, v.dims == 4 ? 4 : 6);
    return edge(b, &v, &block, seed, rest, r);
}

static struct val cellular_call(struct build *b, const struct noise_point *point, struct val jitter,
                                struct val exponent, enum metric metric, enum returns returns)
{
    struct cellular v = {point->dims, metric, returns, point->tiles};
    struct val in[FN_ARGS_MAX];
    int dims = v.dims;
    in[dims] = noise_mixed_seed(b, point->seed);
    in[dims + 1] = jitter;
    in[dims + 2] = exponent;
    for (int c = 0; c < dims; c++) {
        struct val cells;
        in[c] = noise_coordinate(b, point, c, &cells);
        in[dims + 3 + c] = v.tiles ? point->period[c] : b_mul(b, cells, noise_prime(b, c));
    }
    char *name =
        arena_printf(b->ir->arena, "cellular%d.%d%d%s", v.dims, (int)metric, (int)returns, v.tiles ? ".tiled" : "");
    return noise_call_with(b, name, cellular_body, &v, in, 2 * dims + 3);
}

struct val cellular_at(struct build *b, const struct noise_point *point)
{
    return cellular_call(b, point, b_f32(b, 1), b_f32(b, 3), METRIC_EUCLIDEAN, RETURNS_F1);
}

static enum status build_cellular(struct build *b, const struct node_args *args, struct val *out)
{
    enum { SEED = NOISE_AXES, PERIOD, JITTER, METRIC, EXPONENT, RETURNS };
    struct noise_point point;
    int metric, returns;
    TRY(node_choice(b, args, METRIC, &metric));
    TRY(node_choice(b, args, RETURNS, &returns));
    TRY(noise_point_of(b, args, NOISE_AXES, SEED, PERIOD, &point));
    *out = cellular_call(b, &point, args->in[JITTER], args->in[EXPONENT], (enum metric)metric, (enum returns)returns);
    return STATUS_OK;
}

const struct node_row noise_cellular_rows[] = {
    {"cellular : x, y=none, z=none, w=none, seed:f64=0, period:vec=0, jitter=1, "
     "*metric=euclidean|euclidean2|manhattan|chebyshev|minkowski, p=3, "
     "*returns=f1|f2|f3|f4|f2-f1|f1+f2|f1*f2|edge|value|id",
     "Distances to scattered points, one a unit cell, in 1 to 4 dimensions: f1 the nearest's by `metric`, f2 to f4 the "
     "next; 0 and up, in cells. edge: Euclidean distance to the border between cells; value: the nearest's own number "
     "in -1..1; id: its own whole number below 2^24. jitter 0..1; p, 0.25..16, is minkowski's.",
     0, NULL, build_cellular, NULL},
    {0},
};
