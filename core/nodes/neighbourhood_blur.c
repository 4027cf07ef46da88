/* Passes over a square or a disc around each pixel, one component of a vector at a time, along rows and then along
 * columns (all of them are separable):
 *     blur        G: Gaussian weights exp(-k^2/(2 sigma^2)) at distances k to ceil(3 sigma), of sum 1
 *     box_blur    mean of the (2 radius + 1)^2 pixels
 *     dilate      the greatest of them, erode the least, by max and min of the expression language
 *     high_pass   amount (in - G)
 *     unsharp     in + amount (in - G), R. C. Gonzalez and R. E. Woods, Digital Image Processing, "Unsharp masking"
 * sigma and radius are pixels of the image that is computed. With wrap=constant 0 lies around the image, so that means
 * darken at its border; with the others a constant stays. */
#include "core/nodes/neighbourhood_parts.h"

typedef struct val combine(struct build *b, struct val x, struct val y);

/* A tree over the pixels at first..last: rounds less than a chain would, and does not wait. */
static struct val tree(struct build *b, struct val plane, int first, int last, bool down, combine *two)
{
    if (first == last)
        return b_near_at(b, plane, down ? 0 : first, down ? first : 0);
    int middle = first + (last - first) / 2;
    struct val x = tree(b, plane, first, middle, down, two);
    return two(b, x, tree(b, plane, middle + 1, last, down, two));
}

static enum status blur(struct build *b, const struct node_args *args, struct val *out)
{
    struct gauss g;
    enum edge edge;
    TRY(pass_gauss(b, args, 1, &g));
    TRY(pass_wrap(b, args, 2, &edge));
    for (int c = 0; c < args->dims[0]; c++)
        out[c] = pass_blur(b, args->vec[0][c], &g, edge);
    return STATUS_OK;
}

static enum status square(struct build *b, const struct node_args *args, struct val *out, combine *two, bool mean)
{
    int radius;
    enum edge edge;
    TRY(pass_radius(b, args, 1, &radius));
    TRY(pass_wrap(b, args, 2, &edge));
    for (int c = 0; c < args->dims[0]; c++) {
        out[c] = args->vec[0][c];
        for (int down = 0; radius && down < 2; down++) {
            out[c] = tree(b, b_plane(b, out[c], edge), -radius, radius, down, two);
            if (mean)
                out[c] = b_mulc(b, out[c], 1.0 / (2 * radius + 1));
        }
    }
    return STATUS_OK;
}

static enum status box_blur(struct build *b, const struct node_args *args, struct val *out)
{
    return square(b, args, out, b_add, true);
}

static enum status dilate(struct build *b, const struct node_args *args, struct val *out)
{
    return square(b, args, out, b_max, false);
}

static enum status erode(struct build *b, const struct node_args *args, struct val *out)
{
    return square(b, args, out, b_min, false);
}

/* What the blur took away, weighed: alone, or put on top. Both read the input from the plane that is blurred. */
static enum status sharpened(struct build *b, const struct node_args *args, struct val *out, bool on_top)
{
    struct gauss g;
    enum edge edge;
    TRY(pass_gauss(b, args, 2, &g));
    TRY(pass_wrap(b, args, 3, &edge));
    for (int c = 0; c < args->dims[0]; c++) {
        struct val x = b_near_at(b, b_plane(b, args->vec[0][c], edge), 0, 0);
        struct val fine = b_sub(b, x, g.radius ? pass_blur(b, args->vec[0][c], &g, edge) : x);
        out[c] = on_top ? b_fma(b, args->in[1], fine, x) : b_mul(b, args->in[1], fine);
    }
    return STATUS_OK;
}

static enum status high_pass(struct build *b, const struct node_args *args, struct val *out)
{
    return sharpened(b, args, out, false);
}

static enum status unsharp(struct build *b, const struct node_args *args, struct val *out)
{
    return sharpened(b, args, out, true);
}

extern const struct node_row neighbourhood_blur_rows[];
const struct node_row neighbourhood_blur_rows[] = {
    {"blur : in:vec, *sigma (pixels)=2, " PASS_WRAP, "Gaussian blur of standard deviation `sigma` pixels.",
     NODE_VECTOR | NODE_FIELD, NULL, blur, NULL},
    {"box_blur : in:vec, *radius (pixels)=1, " PASS_WRAP,
     "The mean of the pixels at most `radius` columns and rows away.", NODE_VECTOR | NODE_FIELD, NULL, box_blur, NULL},
    {"dilate : in:vec, *radius (pixels)=1, " PASS_WRAP,
     "The greatest of the pixels at most `radius` columns and rows away: what is bright grows.",
     NODE_VECTOR | NODE_FIELD, NULL, dilate, NULL},
    {"erode : in:vec, *radius (pixels)=1, " PASS_WRAP,
     "The least of the pixels at most `radius` columns and rows away: what is bright shrinks.",
     NODE_VECTOR | NODE_FIELD, NULL, erode, NULL},
    {"unsharp : in:vec, amount=1, *sigma (pixels)=2, " PASS_WRAP,
     "Unsharp mask: what a Gaussian blur of `sigma` takes away, added `amount` times.", NODE_VECTOR | NODE_FIELD, NULL,
     unsharp, NULL},
    {"high_pass : in:vec, amount=1, *sigma (pixels)=2, " PASS_WRAP,
     "What a Gaussian blur of `sigma` takes away, times `amount`; around 0, signed.", NODE_VECTOR | NODE_FIELD, NULL,
     high_pass, NULL},
    {0},
};
