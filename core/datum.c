/* See datum.h. */
#include "core/datum.h"

#include <string.h>

const struct datum *datum_get(const struct datum *object, const char *key)
{
    if (object->kind != DATUM_OBJECT)
        return NULL;
    for (size_t i = 0; i < object->n; i++)
        if (!strcmp(object->items[i].key, key))
            return &object->items[i];
    return NULL;
}
