/* Pieces that colour nodes are made of. A colour is a vector input of three components (opaque) or four (the fourth is
 * alpha, not multiplied into the others); where a node says so, a number is a grey. Everything f32. */
#ifndef CORE_NODES_COLOUR_PARTS_H
#define CORE_NODES_COLOUR_PARTS_H

#include "core/build.h"
#include "core/node.h"

struct colour {
    struct val c[3];
};

/* Refuses vectors of two, and numbers unless `grey_too`. */
enum status colour_check(struct build *b, const struct node_args *args, int input, bool grey_too) MUST_CHECK;

/* Red, green and blue; a grey in all three. */
struct colour colour_of(const struct node_args *args, int input);
/* Its alpha; 1 when it has none. */
struct val colour_alpha(struct build *b, const struct node_args *args, int input);

/* Writes `colour` to out, and the alpha of input 0 behind it when that has one. */
void colour_out(const struct node_args *args, struct colour colour, struct val *out);

/* Every component of a colour through f. */
struct colour colour_each(struct build *b, struct colour x, struct val (*f)(struct build *b, struct val x));
/* m x, by rows, in f32 or f64. */
struct colour colour_transform(struct build *b, const double m[3][3], struct colour x);

/* Weights .2126 .7152 .0722 of ITU-R BT.709. */
struct val colour_luminance(struct build *b, struct colour x);

struct val colour_least(struct build *b, struct colour x);
struct val colour_most(struct build *b, struct colour x);

/* IEC 61966-2-1, one component. */
struct val colour_to_linear(struct build *b, struct val x);
struct val colour_to_srgb(struct build *b, struct val x);

/* Hue in turns: red at 0, green at 1/3, blue at 2/3; a grey has 0. */
struct val colour_hue(struct build *b, struct colour x);
/* The purest colour of a hue, its components in 0..1; any real hue. */
struct colour colour_of_hue(struct build *b, struct val hue);

#endif
