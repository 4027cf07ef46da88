/* One expression, or one node in f64, as a function of arrays: what the tests of nodes measure. The interpreter runs
 * it. */
#ifndef TESTS_SUPPORT_PROBE_H
#define TESTS_SUPPORT_PROBE_H

#include "core/build.h"
#include "core/interp.h"
#include "tests/support.h"

enum { PROBE_INPUTS = 8 };

struct probe;

/* The expression reads its operands as in.0, in.1, ...: `inputs` of them. Lowered and optimised as a graph's is. */
struct probe *probe_expr(struct arena *a, const char *text, int inputs);
/* The same of a graph in JSON; its outputs go to out[0], out[1] ... */
struct probe *probe_graph(struct arena *a, const char *json, int inputs);
/* The node's f64 body. Operand k is the exact sum of in[2k] and in[2k + 1], the result of out[0] and out[1]. */
struct probe *probe_wide(struct arena *a, const char *node, int inputs);
/* A node that is no expression of scalars: `body` reads b_input(k) and returns what goes to out[0]. */
typedef struct val probe_body(struct build *b, const void *user);
struct probe *probe_built(struct arena *a, probe_body *body, const void *user);

/* Sets output 0 (a wide one: and 1; a graph's: all) for n points. */
void probe_run(const struct probe *p, const float *const *in, float *const *out, int n);
/* One point of up to PROBE_INPUTS operands. */
float probe_at(const struct probe *p, float x, float y, float z);

#endif
