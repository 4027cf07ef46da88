/* Null tests: a graph of audio run for a second at 48,000 Hz by the interpreter, its outputs subtracted from a model's.
 */
#ifndef TESTS_SUPPORT_NULL_TEST_H
#define TESTS_SUPPORT_NULL_TEST_H

#include "tests/support.h"

enum { NULL_LONG = 48000, NULL_CHANNELS = 8 };
#define RATE 48000.0
#define PI 3.14159265358979323846

extern struct arena *null_arena;
extern float null_in[2][NULL_LONG], null_out[NULL_CHANNELS][NULL_LONG];
extern double null_model[NULL_CHANNELS][NULL_LONG];
extern double null_latency; /* of the graph that ran last, in seconds */

/* Group setup and teardown. */
int null_start(void **state);
int null_stop(void **state);

/* Fills null_in: noise whose loudness rises and falls, and another. null_start() has done it once. */
void null_signal(void);
/* Runs an expression, or a graph's JSON, over null_in; fails the test when it does not lower. */
void null_run(const char *text, uint32_t channels);
/* The node (JSON) is called a; the outputs are JSON strings, in two channels. */
void null_run_ports(const char *node, const char *outputs);
/* Output and model of this channel differ by at most `tolerance` everywhere, and the model is not silent. With
 * TEST_VERBOSE set it prints the error. */
void null_must(const char *what, int channel, double tolerance);

#endif
