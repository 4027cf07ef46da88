/* An audio graph run by the interpreter on a second of noise, and what came out compared with a model. */
#ifndef TESTS_SUPPORT_HEAR_H
#define TESTS_SUPPORT_HEAR_H

#include "tests/support.h"

enum { HEAR_LONG = 48000, HEAR_CHANNELS = 8, HEAR_RATE = 48000 };

extern float hear_in[2][HEAR_LONG]; /* uniform noise of -1..1, unlike in the two */
extern float hear_out[HEAR_CHANNELS][HEAR_LONG];
extern double hear_model[HEAR_CHANNELS][HEAR_LONG];
extern double hear_latency; /* of the graph that ran last, in seconds */
extern double hear_rate;    /* frames a second of the next run: HEAR_RATE; others are for graphs without delays */

extern struct arena *hear_arena;

/* Group setup and teardown. */
int hear_open(void **state);
int hear_open_swelling(void **state); /* with hear_swell() */
int hear_close(void **state);

void hear_swell(void); /* hear_in: noise whose loudness rises and falls, unlike in the two */

/* Sets hear_out, one channel an output; `text` as in rig.h. */
void hear_run(const char *text, uint32_t channels);
/* The node (JSON) is called a; the outputs are JSON strings, in two channels. */
void hear_run_ports(const char *node, const char *outputs);
/* Fails unless lowering is refused and a fault's detail contains `part`. */
void hear_refused(const char *text, const char *part);
/* Fails when an output is further than `tolerance` from its model, or the model is silent. With TEST_VERBOSE set it
 * prints the error. */
void hear_null(const char *what, int channel, double tolerance);
/* sin's argument over 2 pi at sample n of an oscillator: 0..1, from 32 bits a turn. */
double hear_phase(double freq, int n);
/* Power of hear_out[channel] at a frequency in whole Hz, Hann window over the whole second; a sine of 1 gives 1. */
double hear_power(int channel, int freq);

#endif
