/* Pieces that neighbourhood passes are made of: their shape inputs, and sums over the pixels around one. A pass reads
 * its input as a plane, whose edge mode says what lies outside of the image. Everything f32. */
#ifndef CORE_NODES_NEIGHBOURHOOD_PARTS_H
#define CORE_NODES_NEIGHBOURHOOD_PARTS_H

#include "core/build.h"
#include "core/node.h"

enum { PASS_RADIUS_MAX = 256 }; /* the limit "pass-radius" */

#define PASS_WRAP "*wrap=repeat|clamp|mirror|constant" /* in the order of enum edge */

enum status pass_wrap(struct build *b, const struct node_args *args, size_t input, enum edge *ret_edge) MUST_CHECK;
/* A whole number, 0..PASS_RADIUS_MAX. */
enum status pass_radius(struct build *b, const struct node_args *args, size_t input, int *ret_radius) MUST_CHECK;

/* Half a Gaussian, cut off at three sigma rounded up: weight[k] at distances k and -k, of sum 1. */
struct gauss {
    int radius;
    double weight[PASS_RADIUS_MAX + 1];
};
enum status pass_gauss(struct build *b, const struct node_args *args, size_t input, struct gauss *ret) MUST_CHECK;

/* x blurred along rows, then along columns. A radius of 0 gives x. */
struct val pass_blur(struct build *b, struct val x, const struct gauss *g, enum edge edge);
/* The same, moved by (dx, dy) pixels (f64, rate CALL at most), with fractions: as if interpolated linearly. */
struct val pass_blur_moved(struct build *b, struct val x, const struct gauss *g, enum edge edge, struct val dx,
                           struct val dy);
/* The most that is moved, either way. */
enum { PASS_MOVED_MAX = 1 << 20 };

/* x and the eight pixels around it: ret[row][column], x itself at [1][1]. */
struct window {
    struct val p[3][3];
};
struct window pass_window(struct build *b, struct val x, enum edge edge);

/* How often v changes, of what is built so far. */
enum rate pass_rate(struct build *b, struct val v);

#endif
