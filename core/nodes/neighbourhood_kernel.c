/* Weighted sums of the pixels around each one. Kernels are laid on the image as they are written, rows downwards
 * (correlation); p is the pixel, n e s w its neighbours, up being the row before.
 *     convolve    sum k p + bias; the kernel's middle is its element (rows/2, columns/2), counted from 0 and rounded
 * down laplacian   amount (n + e + s + w - 4p) sharpen     p - amount (n + e + s + w - 4p) emboss      p + amount (2 se
 * - 2 nw + e - w + s - n): at amount 1 the kernel [-2 -1 0; -1 1 1; 0 1 2] sobel       x [-1 0 1; -2 0 2; -1 0 1], y
 * (downwards) its transpose edge        amount sqrt(x^2 + y^2)/4 of sobel: a straight step of 1 gives 1 normal      the
 * unit vector along (-strength dx, strength dy, 1), dx and dy the slopes to the right and downwards in units a pixel,
 * by Sobel's kernels/8 or Scharr's [-3 0 3; -10 0 10; -3 0 3]/32; y=gl has y point up in the image, y=dx down. strength
 * is how many pixels high 1 is. To keep it in an image: n/2 + 1/2. All but normal work on each component of a vector
 * (sobel takes one number). Sources: I. Sobel and G. Feldman, 1968; H. Scharr, Optimale Operatoren in der Digitalen
 * Bildverarbeitung, 2000. */
#include <math.h>

#include "core/nodes/audio_parts.h"
#include "core/nodes/neighbourhood_parts.h"

enum { CONVOLVE_TAPS_MAX = 1024 };

struct kernel_shape {
    size_t rows, columns;
    double taps[CONVOLVE_TAPS_MAX];
};

static enum status read_row(struct build *b, const struct datum *row, const char *pointer, struct kernel_shape *k)
{
    if (row->kind != DATUM_LIST || !row->n || (k->rows && row->n != k->columns))
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0,
                         "kernel of convolve is a list of rows of equally many numbers");
    if ((k->rows + 1) * row->n > CONVOLVE_TAPS_MAX)
        return fault_limit(b->fault, "convolve-taps", pointer, "kernel of convolve has more than %d numbers",
                           CONVOLVE_TAPS_MAX);
    k->columns = row->n;
    for (size_t i = 0; i < row->n; i++) {
        const struct datum *d = &row->items[i];
        if (d->kind != DATUM_NUMBER || !isfinite((float)d->number))
            return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/%zu", pointer, i), 0,
                             "kernel of convolve holds numbers of single precision");
        k->taps[k->rows * k->columns + i] = d->number;
    }
    k->rows++;
    return STATUS_OK;
}

static enum status read_kernel(struct build *b, const struct node_args *args, struct kernel_shape *k)
{
    const struct datum *given = args->shape[1];
    const char *pointer = input_pointer(b, args, 1);
    if (!given) {
        *k = (struct kernel_shape){.rows = 1, .columns = 1, .taps = {1}};
        return STATUS_OK;
    }
    if (given->kind != DATUM_LIST || !given->n)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0,
                         "kernel of convolve is a list of rows of equally many numbers");
    for (size_t i = 0; i < given->n; i++)
        TRY(read_row(b, &given->items[i], arena_printf(b->fault->arena, "%s/%zu", pointer, i), k));
    return STATUS_OK;
}

/* Taps of 0 are left out. */
static enum status convolve(struct build *b, const struct node_args *args, struct val *out)
{
    struct kernel_shape k = {.rows = 0};
    enum edge edge;
    TRY(read_kernel(b, args, &k));
    TRY(pass_wrap(b, args, 3, &edge));
    for (int c = 0; c < args->dims[0]; c++) {
        struct val plane = b_plane(b, args->vec[0][c], edge);
        out[c] = args->in[2];
        for (size_t i = 0; i < k.rows * k.columns; i++) {
            int dx = (int)(i % k.columns) - (int)(k.columns / 2), dy = (int)(i / k.columns) - (int)(k.rows / 2);
            if (k.taps[i] != 0)
                out[c] = b_fma(b, b_near_at(b, plane, dx, dy), b_f32(b, k.taps[i]), out[c]);
        }
    }
    return STATUS_OK;
}

/* n + e + s + w - 4p */
static struct val laplace(struct build *b, const struct window *w)
{
    struct val sum = b_add(b, b_add(b, w->p[0][1], w->p[2][1]), b_add(b, w->p[1][0], w->p[1][2]));
    return b_fma(b, w->p[1][1], b_f32(b, -4), sum);
}

static struct val relief(struct build *b, const struct window *w)
{
    struct val straight = b_add(b, b_sub(b, w->p[1][2], w->p[1][0]), b_sub(b, w->p[2][1], w->p[0][1]));
    return b_fma(b, b_sub(b, w->p[2][2], w->p[0][0]), b_f32(b, 2), straight);
}

/* Differences to the right and downwards, the corner rows weighing `corner` and the middle one `middle`. */
struct slopes {
    struct val x, y;
};

static struct slopes slopes(struct build *b, const struct window *w, double corner, double middle)
{
    struct val rising = b_sub(b, w->p[0][2], w->p[2][0]), falling = b_sub(b, w->p[2][2], w->p[0][0]);
    struct val x = b_add(b, falling, rising), y = b_sub(b, falling, rising);
    if (corner != 1) {
        x = b_mulc(b, x, corner);
        y = b_mulc(b, y, corner);
    }
    struct val weight = b_f32(b, middle);
    return (struct slopes){b_fma(b, b_sub(b, w->p[1][2], w->p[1][0]), weight, x),
                           b_fma(b, b_sub(b, w->p[2][1], w->p[0][1]), weight, y)};
}

static struct val steepness(struct build *b, const struct window *w)
{
    struct slopes s = slopes(b, w, 1, 2);
    return b_sqrt(b, b_fma(b, s.x, s.x, b_mul(b, s.y, s.y)));
}

/* What laplacian, sharpen, emboss and edge do with a window and an amount. */
typedef struct val windowed(struct build *b, const struct window *w, struct val amount);

static struct val laplacian_of(struct build *b, const struct window *w, struct val amount)
{
    return b_mul(b, amount, laplace(b, w));
}

static struct val sharpen_of(struct build *b, const struct window *w, struct val amount)
{
    return b_fma(b, b_neg(b, amount), laplace(b, w), w->p[1][1]);
}

static struct val emboss_of(struct build *b, const struct window *w, struct val amount)
{
    return b_fma(b, amount, relief(b, w), w->p[1][1]);
}

static struct val edge_of(struct build *b, const struct window *w, struct val amount)
{
    return b_mul(b, b_mulc(b, amount, 0.25), steepness(b, w));
}

static enum status each_window(struct build *b, const struct node_args *args, struct val *out, windowed *f)
{
    enum edge edge;
    TRY(pass_wrap(b, args, 2, &edge));
    for (int c = 0; c < args->dims[0]; c++) {
        struct window w = pass_window(b, args->vec[0][c], edge);
        out[c] = f(b, &w, args->in[1]);
    }
    return STATUS_OK;
}

#define WINDOWED(name)                                                                                                 \
    static enum status name(struct build *b, const struct node_args *args, struct val *out)                            \
    {                                                                                                                  \
        return each_window(b, args, out, name##_of);                                                                   \
    }
WINDOWED(laplacian)
WINDOWED(sharpen)
WINDOWED(emboss)
WINDOWED(edge)

static enum status sobel(struct build *b, const struct node_args *args, struct val *out)
{
    enum edge edge;
    TRY(pass_wrap(b, args, 1, &edge));
    struct window w = pass_window(b, args->in[0], edge);
    struct slopes s = slopes(b, &w, 1, 2);
    out[0] = s.x;
    out[1] = s.y;
    return STATUS_OK;
}

/* Slopes are held within +-1e18, so that their squares are finite; a NaN counts as -1e18. */
static enum status normal(struct build *b, const struct node_args *args, struct val *out)
{
    static const double weights[2][2] = {{1, 2}, {3, 10}}, scale[2] = {1.0 / 8, 1.0 / 32};
    enum edge edge;
    int down, kernel;
    TRY(node_choice(b, args, 2, &down));
    TRY(node_choice(b, args, 3, &kernel));
    TRY(pass_wrap(b, args, 4, &edge));
    struct window w = pass_window(b, args->in[0], edge);
    struct slopes s = slopes(b, &w, weights[kernel][0], weights[kernel][1]);
    struct val least = b_f32(b, -1e18), most = b_f32(b, 1e18), up = b_mulc(b, args->in[1], scale[kernel]);
    struct val x = b_clamp(b, b_mul(b, b_neg(b, up), s.x), least, most);
    struct val y = b_clamp(b, b_mul(b, down ? b_neg(b, up) : up, s.y), least, most);
    struct val square = b_fma(b, x, x, b_fma(b, y, y, b_f32(b, 1)));
    struct val shrink = b_div(b, b_f32(b, 1), b_sqrt(b, square));
    out[0] = b_mul(b, x, shrink);
    out[1] = b_mul(b, y, shrink);
    out[2] = shrink;
    return STATUS_OK;
}

extern const struct node_row neighbourhood_kernel_rows[];
const struct node_row neighbourhood_kernel_rows[] = {
    {"convolve : in:vec, *kernel=[[...]...], bias=0, " PASS_WRAP,
     "The sum of the pixels around, weighed by the rows of `kernel` as they lie, plus bias; without a kernel, in + "
     "bias.",
     NODE_VECTOR | NODE_FIELD, NULL, convolve, NULL},
    {"sharpen : in:vec, amount=1, " PASS_WRAP, "The image less `amount` times its Laplacian.", NODE_VECTOR | NODE_FIELD,
     NULL, sharpen, NULL},
    {"emboss : in:vec, amount=1, " PASS_WRAP, "The image plus a relief of it, lit from the lower right.",
     NODE_VECTOR | NODE_FIELD, NULL, emboss, NULL},
    {"laplacian : in:vec, amount=1, " PASS_WRAP, "The four neighbours' sum less four times the pixel, times `amount`.",
     NODE_VECTOR | NODE_FIELD, NULL, laplacian, NULL},
    {"edge : in:vec, amount=1, " PASS_WRAP,
     "How steep the image is, by Sobel's kernels: a straight step of 1 gives `amount` on both of its sides.",
     NODE_VECTOR | NODE_FIELD, NULL, edge, NULL},
    {"sobel : in, " PASS_WRAP " -> x y", "Sobel's differences to the right (x) and downwards (y).",
     NODE_VECTOR | NODE_FIELD, NULL, sobel, NULL},
    {"normal : in, strength=1, *y=gl|dx, *kernel=sobel|scharr, " PASS_WRAP " -> x y z",
     "Normal map of a height: unit vectors, -1..1 (keep them as n/2 + 1/2); a height of 1 is `strength` pixels high.",
     NODE_VECTOR | NODE_FIELD, NULL, normal, NULL},
    {0},
};
