/* Which delays of a graph lie on a feedback cycle, and whether some cycle has no delay at all. */
#ifndef CORE_CYCLES_H
#define CORE_CYCLES_H

#include "core/graph.h"

struct cycles; /* by node and by delayed call inside an expression */

/* STATUS_CYCLE naming the nodes of a loop without a delay in it. */
enum status cycles_find(const struct graph *g, struct arena *a, struct cycles **ret, struct fault *fault) MUST_CHECK;
bool cycles_node(const struct cycles *c, size_t node); /* is this delay's first input on a cycle? */
bool cycles_call(const struct cycles *c, const struct expr *call);

/* The nodes that the outputs reach, operands first: lowering them in this order recurses no deeper than one expression.
 */
size_t cycles_order(const struct cycles *c, const uint32_t **ret_nodes);

#endif
