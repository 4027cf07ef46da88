/* A graph of audio that every engine must understand alike: what it gives is judged to the bit through the interpreter
 * and through kernels before its value counts. */
#ifndef TESTS_SUPPORT_PARITY_H
#define TESTS_SUPPORT_PARITY_H

#include "tests/support/engines.h"

enum { PARITY_LONGEST = 4096, PARITY_GUARD = 16, PARITY_CHANNELS = 64 };

extern float parity_signal[2][PARITY_LONGEST];                            /* channel 0: -1 .. 1; channel 1: another */
extern float parity_want[PARITY_CHANNELS][PARITY_LONGEST + PARITY_GUARD]; /* what the reference gave */

/* One graph, open in every engine. */
struct parity {
    const char *text;
    struct arena *arena;
    struct rig rigs[TEST_ENGINES];
    uint32_t outputs;
};

struct parity parity_open(const char *text, uint32_t channels);
void parity_close(struct parity *s);
void parity_reset(struct parity *s, int64_t n); /* at sample n of a new stream */
void parity_param(struct parity *s, size_t i, double value);
/* The next n samples into parity_want; every engine must give the same and leave what lies behind alone. */
void parity_run(struct parity *s, const float *const *in, int n);

/* Opens, runs n samples of the two signals from the start, closes. */
void parity_evaluate(const char *text, int n);
/* The value of an expression for in = x, in.1 = y. */
float parity_value(const char *text, float x, float y);

uint32_t parity_bits(float x);

/* A program's tests between the start and the end of the engines; what main returns. */
struct CMUnitTest;
int parity_main(const char *name, const struct CMUnitTest *tests, size_t n);

#endif
