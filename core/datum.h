/* A tree of plain data, as JSON has it, without JSON: what core reads graphs from. Arrays and objects keep their order.
 */
#ifndef CORE_DATUM_H
#define CORE_DATUM_H

#include <stdbool.h>
#include <stddef.h>

enum datum_kind { DATUM_NULL, DATUM_BOOL, DATUM_NUMBER, DATUM_STRING, DATUM_LIST, DATUM_OBJECT };

struct datum {
    enum datum_kind kind;
    const char *key; /* inside an object: the member's name */
    bool truth;
    double number;
    const char *string;  /* no embedded NUL */
    struct datum *items; /* list, object */
    size_t n;
};

const struct datum *datum_get(const struct datum *object, const char *key); /* NULL when absent */

#endif
