/* What a graph over audio keeps from one block to the next: its state and its delay lines, in the layout of its plan,
 * whichever engine runs. Whose memory that is, the caller says. */
#ifndef API_BLOCK_STATE_H
#define API_BLOCK_STATE_H

#include "core/kernel.h"
#include "jit/engine.h"

struct block_state {
    void *state;                /* plan.state_size bytes; what follows lies behind it */
    struct kernel_ring *rings;  /* plan.n_rings */
    size_t size;                /* bytes of all of it, a multiple of KERNEL_ALIGN */
    struct block_state *stages; /* of the program's, in their order, inside of `size` */
    float **hosts;              /* by the program's hosts: the signal's state (convolver.h), inside of `size` too */
    const uint64_t *lengths;    /* by host: samples of its response */
};

/* The numbers a kernel is called with for a block that begins at sample n0: ret_args[ir->n_args]. */
struct block_context {
    double rate, seed;
    uint64_t n0;
};
void block_args(const struct program *p, const double *params, const struct block_context *context, double *ret_args);

/* How much these numbers ask for; over `most` bytes LIMIT max-state-bytes. Pointers are not set yet; `rings` lies in
 * the arena. */
enum status block_state_measure(const struct program *p, const double *args, uint64_t most, struct arena *a,
                                struct block_state *ret, struct fault *fault) MUST_CHECK;
/* Of a program with hosts, whose responses have these lengths; they must live as long as `ret`. */
enum status block_state_measure_hosted(const struct program *p, const double *params,
                                       const struct block_context *context, const uint64_t *lengths, uint64_t most,
                                       struct arena *a, struct block_state *ret, struct fault *fault) MUST_CHECK;
/* The same with tables of its own, in the arena; pointers are not set. */
void block_state_copy(const struct block_state *s, const struct program *p, struct arena *a, struct block_state *ret);
/* `memory`: s->size bytes, aligned to KERNEL_ALIGN; zeroed where a stream begins. */
void block_state_place(struct block_state *s, const struct program *p, void *memory);

/* By parameter: does it set the length of a delay line? Then it cannot change while the stream lasts. */
const bool *block_state_sizers(const struct program *p, struct arena *a);

#endif
