/* A graph that convolves, block by block: its stages before the last, each a kernel of its own, and the convolutions
 * between them. The last stage, which the caller runs, reads what they made as further inputs. */
#ifndef API_HOSTING_H
#define API_HOSTING_H

#include "api/audio/block_state.h"
#include "api/runner.h"

struct hosting;

/* Of a runner whose program has hosts, after runner_choose. Blocks have at most `most` frames. */
enum status hosting_new(struct runner *r, const struct block_state *state, uint32_t most,
                        struct hosting **ret) MUST_CHECK;
/* Makes n frames from the inputs; returns the inputs of the last stage. The thread is in fp_state_enter. */
const float *const *hosting_run(struct hosting *h, const float *const *in, const struct block_context *context,
                                uint32_t n);

/* Samples in the responses and in all delay lines of the stages before the last. */
uint64_t hosting_delay(const struct hosting *h);

#endif
