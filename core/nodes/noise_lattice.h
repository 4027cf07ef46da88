/* What the native noises share: their arguments, the hash of a cell, and lattices whose rows are prepared outside the
 * noise, so that what depends on y alone is computed once a row. */
#ifndef CORE_NODES_NOISE_LATTICE_H
#define CORE_NODES_NOISE_LATTICE_H

#include "core/nodes/noise_line.h"
#include "core/nodes/noise_parts.h"

enum { NOISE_AXES = 4 };

/* Where a noise is asked for. Coordinates that were left out are closed up. */
struct noise_point {
    int dims; /* 1..4 */
    struct noise_line p[NOISE_AXES];
    struct val seed; /* i32, as the client gave it */
    bool tiles;
    struct val period[NOISE_AXES]; /* when it tiles: f32, 0 for none along that axis */
};

/* Reads coordinates from inputs 0..n_coordinates-1, and the others where they stand; period < 0: there is none. */
enum status noise_point_of(struct build *b, const struct node_args *args, int n_coordinates, int seed, int period,
                           struct noise_point *ret) MUST_CHECK;

/* An input left out whose default is 0: no code for it is made. What the client writes is an argument, never this. */
bool noise_is_default(const struct build *b, struct val v);

/* A noise at a point: what a family offers to fractals. */
typedef struct val noise_at(struct build *b, const struct noise_point *point);
noise_at gnoise_at, snoise_at, vnoise_at, cellular_at, wnoise_at;

/* A coordinate for a noise's function: what is left of it, f32, and in *ret_cells i32: untiled the cells before it,
 * else the coordinate lies in the tile already. */
struct val noise_coordinate(struct build *b, const struct noise_point *point, int axis, struct val *ret_cells);

/* The hash of a cell is the XOR over the axes of index times axis prime, and of the mixed seed; a family multiplies it
 * by its own odd number. */
struct val noise_prime(struct build *b, int axis);
/* index mod period; `period` is a whole number not below 0, 0 for none. Both f32. */
struct val noise_wrap(struct build *b, struct val index, struct val period);
struct val noise_whole_period(struct build *b, struct val period);
/* 32 bits as a number uniform in -1..1. */
struct val noise_unit(struct build *b, struct val hash);

/* A cell's corners: corner i lies one further along axis c when i >> c & 1. */
struct noise_axis {
    struct val d[2]; /* from the lower and the upper cell */
    struct val fade;
};
struct noise_lattice {
    int dims;
    struct noise_axis axes[NOISE_AXES];
    struct val hash[1 << NOISE_AXES];
};
typedef struct val noise_lattice_body(struct build *b, const struct noise_lattice *l, int user);

/* Calls the IR function "name<dims>[.tiled]". */
struct val noise_lattice_call(struct build *b, const char *name, noise_lattice_body *body, int user,
                              const struct noise_point *point);
/* One value a corner into one by the axes' fades. */
struct val noise_blend(struct build *b, const struct noise_lattice *l, struct val *corners);

/* sum + gradient . d in units of 2^30, but that the gradient's first two components, in four dimensions all, are one
 * too large; in three d[2] is given halved; in one dimension in units of 2^31. */
struct val noise_gradient(struct build *b, struct val hash, const struct val *d, int dims, struct val sum);
/* The same without the first component, |hash| d[0]; from two dimensions on. */
struct val noise_gradient_beside(struct build *b, struct val hash, const struct val *d, int dims, struct val sum);

#endif
