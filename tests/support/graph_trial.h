/* Law 1 on one random graph: the interpreter at its least instruction set against the interpreters and kernels of the
 * targets under trial, whole and in different blocks, to the bit. Where its kernels come from is the test's business.
 */
#ifndef TESTS_SUPPORT_GRAPH_TRIAL_H
#define TESTS_SUPPORT_GRAPH_TRIAL_H

#include "tests/support/engines.h"
#include "tests/support/graph_random.h"

enum { GRAPH_TRIAL_CHANNELS = 8, GRAPH_TRIAL_FRAMES = 900 };

/* What one engine made of it: outputs of the whole run. */
struct graph_trial_run {
    float out[GRAPH_TRIAL_CHANNELS][GRAPH_TRIAL_FRAMES];
};

struct graph_trial {
    struct arena *arena;
    struct graph_random graph;
    uint64_t seed;
    bool tried[TEST_ENGINES]; /* the reference always */
    bool open;
    struct rig rigs[TEST_ENGINES];
    struct graph_trial_run want; /* what the reference made of it */
    bool has_want;
};

void graph_trials_start(void); /* once */

/* Lowers `graph`, which lives in `arena`, for every engine that is tried. STATUS_OK; what all engines refuse it with;
 * or STATUS_INTERNAL when they are not of one mind. The trial owns the arena from now on, opened or not. */
enum status graph_trial_open(struct graph_trial *t, const char *output, struct fault *fault);
void graph_trial_close(struct graph_trial *t);

/* NULL when they agree, else what differs. The rigs have their kernels; one without is a difference. */
const char *graph_trial_difference(struct graph_trial *t);

#endif
