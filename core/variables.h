/* The variables of the expression language: position in a field, time and samples in audio. */
#ifndef CORE_VARIABLES_H
#define CORE_VARIABLES_H

#include "core/eval.h"
#include "core/lower.h"

enum variable { VARIABLE_COUNT = 24 };

struct variables {
    struct layout layout;
    uint32_t channel;
    bool list;                          /* an array of outputs: `in` means in.0 */
    struct value known[VARIABLE_COUNT]; /* those already emitted for this instance */
};

void variables_init(struct variables *v, struct layout layout, bool list); /* keeps `channel` */
const char *const *variable_names(void);                                   /* NULL-terminated */
enum graph_kind variable_kind(const char *name); /* FIELD or AUDIO for those that decide it; else ANY */

/* The variable's value; kind VALUE_NONE when there is none of this name. */
enum status variable_value(struct variables *v, struct scope *s, const struct expr *e, const char *name,
                           const char *port, struct value *ret) MUST_CHECK;

#endif
