/* Coordinates of noises as lines over the image's columns, so that a noise far from the origin is as smooth as one near
 * it. See docs/decisions/far-coordinates.md. */
#ifndef CORE_NODES_NOISE_LINE_H
#define CORE_NODES_NOISE_LINE_H

#include "core/build.h"

/* offset + slope * column + rest. What is not there is VAL_NONE: 0. */
struct noise_line {
    struct val offset, slope; /* f64, the same for all samples of a row */
    struct val column;        /* f32, the column of the whole image; with slope */
    struct val rest;          /* f32, what is not affine in the columns */
};

/* What an f32 value of the main body is made of, in f64; the value itself as rest where it is no sum of such parts. */
struct noise_line noise_line_of(struct build *b, struct val v);
struct noise_line noise_line_plain(struct val f32);

struct noise_line noise_line_add(struct build *b, struct noise_line x, struct noise_line y);
struct noise_line noise_line_scaled(struct build *b, struct noise_line x,
                                    struct val f32); /* the same for all samples */

/* Whole cells up to the row's offset, i32, wrapping; VAL_NONE: 0. What is left of the coordinate, f32. */
struct val noise_line_split(struct build *b, const struct noise_line *line, struct val *ret_cells);
/* The coordinate as one number, offset and column's share brought into 0..period each; period is f32, whole, 0 for
 * none. */
struct val noise_line_in_tile(struct build *b, const struct noise_line *line, struct val period);

#endif
