/* Stages: an IR cut at its planes, or at what hosts make of its signals. A plane must be whole before anything near it
 * can be read, so all planes of one depth are one stage, whose outputs they are; the last stage has the IR's own
 * outputs. Point-wise work lies in the stage that needs it; a value that two stages need is computed in both, from the
 * same operations.
 *
 * Audio is cut at `hosted` in the same way: the signals of one depth are the outputs of one stage, the host makes its
 * own of each, and the stages behind read either as further inputs. Both are numbered: i of n hosts is what host i
 * makes, n + i what it makes it from. Stages have state of their own, and all run over the same samples, block by
 * block. An IR has planes or hosts, not both. */
#ifndef CORE_STAGES_H
#define CORE_STAGES_H

#include "core/plan.h"

struct ir_stage {
    struct ir *ir;   /* without `plane`; rated; with argument slots of its own (give each its lower_args()), but the
                      * whole IR's images */
    uint32_t *reads; /* by `surface` number (ir->n_planes), or by input from n_signals on: which plane or signal */
    uint32_t *fills; /* by output (ir->n_outputs): which plane or host; NULL of the last stage */
};

struct stages {
    struct ir_stage *list; /* in the order they run: each reads only what earlier ones fill */
    uint32_t n;            /* at least 1 */
    enum edge *edges;      /* by plane */
    uint32_t n_planes;
    uint32_t *hosts; /* by host: its response, a slot of the whole IR's */
    uint32_t n_hosts;
    uint32_t n_signals; /* inputs of the whole IR; those behind come from hosts */
};

/* Of optimised IR. One without planes is one stage: itself. Everything lives in ir->arena. */
struct stages stages_split(struct ir *ir);

/* How far a stage reads: of each plane in `reads` the least and greatest column and row beside the pixel's own. */
struct reach {
    int32_t left, right, up, down; /* left <= right: dx is in left..right, dy in up..down */
};
/* `plan` and `args` are the stage's; ret_reach has ir->n_planes entries. Memory for the evaluation comes from `a`. */
void stages_reach(const struct plan *plan, const double *args, struct reach *ret_reach, struct arena *a);

#endif
