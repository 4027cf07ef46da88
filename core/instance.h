/* One use of a node: its inputs as values, its ports as values. Applies component-wise nodes to vectors, turns heavy
 * ones into calls of IR functions, and evaluates formulas. */
#ifndef CORE_INSTANCE_H
#define CORE_INSTANCE_H

#include "core/node.h"
#include "core/value.h"

enum { NODE_INPUTS_MAX = 24, NODE_PORTS_MAX = 16 };

struct instance {
    const struct node_def *def;
    struct value in[NODE_INPUTS_MAX]; /* VALUE_NONE: not given */
    const struct datum *shape[NODE_INPUTS_MAX];
    bool raw;  /* used inside a definition: its seed is taken as it is */
    bool open; /* NODE_DELAYED on a cycle: the first input comes later, b->open tells where */
};

/* ret_ports[def->n_ports]; a NODE_VECTOR gives one value of that many components in ret_ports[0]. */
enum status instance_build(struct build *b, struct instance *in, struct value *ret_ports) MUST_CHECK;

#endif
