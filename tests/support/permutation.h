/* Ken Perlin's permutation, as the references of the tests read it. */
#ifndef TESTS_SUPPORT_PERMUTATION_H
#define TESTS_SUPPORT_PERMUTATION_H

#include <stdint.h>

extern const uint8_t permutation[256];

/* P[(i + seed) & 255] */
int perm(int i, int seed);

#endif
