/* The vocabulary: what nodes there are, their inputs and ports, and how each becomes IR. A function of the expression
 * language and an operation of the graph are the same thing. */
#ifndef CORE_NODE_H
#define CORE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/build.h"
#include "core/datum.h"

enum input_type {
    INPUT_F32,  /* one signal or number */
    INPUT_F64,  /* one, kept in f64: times, phases, frequencies */
    INPUT_VEC,  /* scalar or vec2..vec4 */
    INPUT_SHAPE /* an enum, a count, a list: part of the key */
};

struct node_input {
    const char *name;
    enum input_type type;
    bool required;              /* no default */
    bool optional;              /* "=none": may be absent, and then is VAL_NONE */
    double value;               /* default of a runtime input or a count */
    const char *unit;           /* "Hz", "s", "dB" or NULL */
    const char *const *choices; /* an enum's, NULL-terminated; the first is the default */
};

enum node_flag {
    NODE_COMPONENTS = 1, /* applied to each component of vectors; scalars broadcast */
    NODE_FUNCTION = 2,   /* heavy and pure: becomes an IR function, called (inputs and result scalar) */
    NODE_DELAYED = 4, /* an edge into the first input may close a cycle: build then gets VAL_NONE for it and opens one
                         prev or ring */
    NODE_VECTOR = 8,  /* its ports are the components of one vector value */
    NODE_AUDIO = 16,  /* needs a sample rate: makes the graph audio */
    NODE_FIELD = 32,  /* needs pixels: makes the graph a field */
    NODE_HOSTED = 64, /* a host stage does it: no cycle may lead through it */
};

struct node_def {
    const char *name;
    const char *signature; /* as in the row */
    const char *doc;       /* one sentence */
    unsigned flags;
    const char *formula;   /* in the expression language over the inputs' names, literals structural; or NULL */
    struct expr *tree;     /* the formula, parsed */
    node_build *build;     /* or this */
    node_build *build_f64; /* for f64 operands (NODE_COMPONENTS); NULL: operands become f32 */
    struct node_input *inputs;
    size_t n_inputs;
    const char **ports; /* at least one; a single unnamed one is "" */
    size_t n_ports;
};

/* The rows a node file contributes. Signature, in one line:
 *     "names : inputs -> ports"
 *     names   one or several that share everything (then build sees node_args.def->name)
 *     input   [*]name[:f64|:vec][ (unit)][=default]    `*` shape; default: number, none, or a|b|c (an enum, first is
 * default) ports   names; left out: one unnamed port, the value for example "svf : in, freq:f64 (Hz)=1000,
 * q:f64=0.7071, gain_db:f64 (dB)=0, *type=lp|bp|hp -> value lp bp hp" */
struct node_row {
    const char *signature;
    const char *doc;
    unsigned flags;
    const char *formula;
    node_build *build, *build_f64;
};

/* The registry; made once from nodes.def (thread-safe), lives for ever. */
const struct node_def *node_by_name(const char *name);
const struct node_def *node_at(size_t i);
size_t node_count(void);
const char *const *node_names(void); /* NULL-terminated, for nearest_name */
const struct node_input *node_input_by_name(const struct node_def *def, const char *name);

#endif
