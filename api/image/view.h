/* Which part of which image, and where its points lie. */
#ifndef API_VIEW_H
#define API_VIEW_H

#include "core/lower.h"

struct view {
    uint32_t width, height; /* of the whole image */
    uint32_t x, y, w, h;    /* the part of it that is wanted */
    double region[4];       /* x0 y0 x1 y1 of the whole image */
    double z, time, seed;
    uint32_t grid; /* grid * grid points a pixel, averaged */
};

/* Views in a row, in time and in z. */
struct frames {
    uint64_t n;
    double fps;    /* frames follow one another in time; 0: they do not */
    double z_step; /* and in z */
};
struct view view_frame(const struct view *first, const struct frames *frames, uint64_t frame);

/* What the values of a program in a call depend on beside the pixels. */
struct view_inputs {
    const struct ir *ir;
    const double *params;
    const struct kernel_image *images;
};

/* Arguments of a call whose first pixel is (x, y) of the whole image, for point k of each pixel's grid: rows of points,
 * then points of a row. */
void view_args(const struct view *v, const struct view_inputs *in, uint32_t x, uint32_t y, uint32_t k,
               double *ret_args);

#endif
