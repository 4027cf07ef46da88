#!/usr/bin/env python3
"""Makes api/image/blue_noise.h: a 64 x 64 blue noise threshold table by void and cluster.

R. Ulichney, "The void-and-cluster method for dither array generation", Proc. SPIE 1913 (1993). The
filter is a Gaussian on the torus, in whole numbers, so that the table is the same on every machine;
since filtered zeros and ones sum to a constant, the method's phases II and III are one loop.

    tests/tools/blue_noise.py > api/image/blue_noise.h
"""
import numpy as np

SIDE = 64
SIGMA = 1.9
ONES = SIDE * SIDE // 10

axis = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE))
distance2 = axis[:, None] ** 2 + axis[None, :] ** 2
KERNEL = np.rint(np.exp(-distance2 / (2 * SIGMA**2)) * 2**40).astype(np.int64)
NEVER = np.int64(2**62)


def filter_of(at):
    return np.roll(KERNEL, (at // SIDE, at % SIDE), (0, 1)).ravel()


def cluster(energy, ones):  # the one with the most ones around it
    return int(np.argmax(np.where(ones, energy, -NEVER)))


def void(energy, ones):  # the zero with the fewest ones around it
    return int(np.argmin(np.where(ones, NEVER, energy)))


def first_pattern():
    ones = np.zeros(SIDE * SIDE, bool)
    energy = np.zeros(SIDE * SIDE, np.int64)
    state = 1
    while ones.sum() < ONES:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        at = (state >> 33) % (SIDE * SIDE)
        if not ones[at]:
            ones[at] = True
            energy += filter_of(at)
    while True:  # spread evenly: the tightest cluster's one goes into the largest void
        tight = cluster(energy, ones)
        ones[tight] = False
        energy -= filter_of(tight)
        free = void(energy, ones)
        ones[free] = True
        energy += filter_of(free)
        if free == tight:
            return ones, energy


def ranks():
    start, energy_start = first_pattern()
    rank = np.zeros(SIDE * SIDE, int)
    ones, energy = start.copy(), energy_start.copy()
    for value in range(ONES - 1, -1, -1):
        at = cluster(energy, ones)
        ones[at] = False
        energy -= filter_of(at)
        rank[at] = value
    ones, energy = start, energy_start
    for value in range(ONES, SIDE * SIDE):
        at = void(energy, ones)
        ones[at] = True
        energy += filter_of(at)
        rank[at] = value
    return rank


def main():
    rank = ranks()
    print("/* Made by tests/tools/blue_noise.py: the order in which the pixels of a blue noise tile light up, by void and\n"
          " * cluster. A permutation of 0 .. side * side - 1; wraps on all sides. */")
    print("#ifndef API_BLUE_NOISE_H\n#define API_BLUE_NOISE_H\n\n#include <stdint.h>\n")
    print(f"enum {{ BLUE_SIDE = {SIDE} }};\n")
    print("/* clang-format off */\nstatic const uint16_t blue_ranks[BLUE_SIDE * BLUE_SIDE] = {")
    for row in range(0, SIDE * SIDE, 16):
        print("    " + " ".join(f"{r}," for r in rank[row:row + 16]))
    print("};\n/* clang-format on */\n\n#endif")


main()
