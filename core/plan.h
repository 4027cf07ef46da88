/* The plan: in which order and grouping a kernel's values are computed, and where its state lies. Pure function of the
 * optimised IR, shared by both engines, so that they can exchange state in the middle of a stream.
 *
 * Values of rate CONST and CALL are computed once a call, ROW once a row, in list order. The rest
 * (SAMPLE) are grouped in regions by strongly connected components:
 *   VECTOR  feed-forward; all lanes at once. `prev` shifts lanes, `accum` is a prefix sum (exact: integers).
 *   SERIAL  one or more recurrences, a sample at a time, `prev` and `accum` in registers; rings and taps too, when a
 * loop's delay changes from sample to sample. CHUNK   a loop through delay lines only (its inner recurrences are
 * sub-regions): runs its sub-regions over pieces of at most `min(strip, least age of its delayed taps)` samples, at
 * least 1. A kernel whose plan is a single VECTOR region without SERIAL or CHUNK needs no strips: it runs straight from
 * inputs to outputs. Otherwise the block is cut into strips of KERNEL_STRIP samples; a value that is used in another
 * region than its own lives in a strip buffer in scratch. Such buffers share memory when their lifetimes in the strip
 * loop do not overlap.
 *
 * Outputs: one of rate SAMPLE that a top-level VECTOR region computes is stored from there; any other of rate SAMPLE
 * has a strip buffer and is copied out at the end of each strip; one of a lower rate is a fill.
 *
 * Machine code may take other ways through the same regions, with the same samples: see jit/cc/fused.h. */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "core/ir.h"
#include "core/kernel.h"

enum region_kind { REGION_VECTOR, REGION_SERIAL, REGION_CHUNK };

struct region {
    enum region_kind kind;
    struct val *vals; /* VECTOR, SERIAL: in an order in which undelayed operands come first */
    uint32_t n_vals;
    struct region *subs; /* CHUNK */
    uint32_t n_subs;
    struct val
        *ages; /* CHUNK: the `age` operands of taps that read a ring written later in this region; rate CALL at most */
    uint32_t n_ages;
};

enum { PLAN_NONE = UINT32_MAX };

struct pack;
struct plan {
    const struct ir *ir;
    struct val *call_vals, *row_vals;
    uint32_t n_call_vals, n_row_vals;
    struct region *regions;
    uint32_t n_regions;
    bool strips;        /* false: one VECTOR region, no strip loop */
    uint32_t *strip_at; /* by value: byte offset of its strip buffer in scratch, or PLAN_NONE. Each buffer holds
                         * KERNEL_STRIP + KERNEL_PAD elements (f32, i32: 4 bytes; f64: 8; mask: i32 of 0 / -1) */
    uint32_t *state_at; /* by value: byte offset in state of a prev or accum, or PLAN_NONE. 8 bytes each */
    uint32_t *ring_at;  /* by value: index of a ring, or PLAN_NONE */
    struct val *rings;  /* by ring index: the RING instruction */
    uint32_t n_rings;
    uint32_t scratch_size, state_size; /* bytes */
    struct pack *packs;                /* see plan_packs.h */
    uint32_t n_packs;
    uint32_t *pack_of; /* by value: the pack that may compute it, or PLAN_NONE */
};

/* `ir` must be verified and rated (ir_rates). */
struct plan *plan_make(const struct ir *ir, struct arena *a);
char *plan_print(const struct plan *p, struct arena *a);

/* Fills lengths[plan.n_rings] with each ring's size in samples (a power of two): its capacity operand evaluated for
 * `args`, + KERNEL_STRIP + KERNEL_PAD, rounded up. Not finite or above `max_samples`: STATUS_LIMIT naming `limit`. */
enum status plan_ring_lengths(const struct plan *p, const double *args, uint32_t max_samples, const char *limit,
                              uint32_t *lengths, struct arena *a, struct fault *fault) MUST_CHECK;

/* Predicted work, in nanoseconds a sample of the compiled kernel and of the interpreter, and bytes of state beside
 * rings. */
struct cost {
    double jit_ns, interp_ns;
    double compile_ms;
    uint32_t instructions;
};
struct cost plan_cost(const struct plan *p);

#endif
