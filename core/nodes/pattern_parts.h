/* Pieces that patterns are made of: edges that are soft over a width, and numbers drawn for a cell. */
#ifndef CORE_NODES_PATTERN_PARTS_H
#define CORE_NODES_PATTERN_PARTS_H

#include "core/build.h"
#include "core/node.h"

/* How soft an edge is: whether at all (a mask), the inverse of its width, and whether it is an S or straight. */
struct softness {
    struct val soft, inverse;
    bool curved;
};

/* `width` is held in 0..1: a period at most. */
struct softness softness_of(struct build *b, struct val width, bool curved);
/* 0 for x < 0, 1 for x >= 0, that filtered by a box (curved: a parabola) as wide as the softness. */
struct val soft_step(struct build *b, struct val x, struct softness s);
/* 1 where |x| <= half; x may be of either sign. Its integral is 2 half, however soft. */
struct val soft_line(struct build *b, struct val x, struct val half, struct softness s);
/* The same around every whole x: period 1, half at most 1/2. A box as wide as a period leaves the mean, 2 half. */
struct val soft_lines(struct build *b, struct val x, struct val half, struct softness s);

/* 32 mixed bits of a cell (i32) and a seed (i32); 24 of them as a number 0 <= u < 1. */
struct val cell_hash(struct build *b, struct val x, struct val y, struct val seed);
struct val hash_unit(struct build *b, struct val hash);
/* Other bits of the same cell. */
struct val hash_again(struct build *b, struct val hash);

#endif
