/* Evaluates an expression tree into IR. Names come from a scope: a graph's nodes, parameters and variables, or a
 * formula's inputs. */
#ifndef CORE_EVAL_H
#define CORE_EVAL_H

#include "core/expr.h"
#include "core/instance.h"

struct binding { /* of let; persistent */
    const char *name;
    struct value value;
    const struct binding *outer;
};

struct scope {
    struct build *b;
    const char *pointer; /* for faults */
    const struct binding *lets;
    bool structural; /* literals are constants of the structure, not arguments */
    /* A name's value; VALUE_NONE kind when unknown. `port` NULL: the name alone. On a fault adds it and returns its
     * status. */
    enum status (*name)(struct scope *s, const struct expr *e, const char *name, const char *port, struct value *ret);
    /* A delayed call inside an expression, which may be part of a cycle; NULL: evaluate it as any other. */
    enum status (*delayed)(struct scope *s, const struct expr *call, struct instance *in, struct value *ret_ports);
    void *user;
};

enum status eval(struct scope *s, const struct expr *e, struct value *ret) MUST_CHECK;
/* Fills in an instance's inputs from a call's arguments. */
enum status eval_call_inputs(struct scope *s, const struct expr *call, struct instance *ret,
                             bool skip_first) MUST_CHECK;

#endif
