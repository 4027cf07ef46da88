/* JSON out: values one after another; commas, quotes and escapes are seen to. Inside objects every value has a key, in
 * arrays and at the top it is NULL. */
#ifndef API_JSON_WRITE_H
#define API_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/datum.h"
#include "core/text.h"

struct json_writer {
    struct text text; /* text.s, text.n: what was written */
    bool comma;       /* one is due before the next value */
};

void json_writer_init(struct json_writer *w, struct arena *a);
void json_object(struct json_writer *w, const char *key);
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w, const char *key);
void json_array_end(struct json_writer *w);
void json_string(struct json_writer *w, const char *key, const char *value); /* NULL is written as null */
void json_number(struct json_writer *w, const char *key, double value);      /* shortest; null when not finite */
void json_int(struct json_writer *w, const char *key, int64_t value);
void json_uint(struct json_writer *w, const char *key, uint64_t value);
void json_bool(struct json_writer *w, const char *key, bool value);
void json_null(struct json_writer *w, const char *key);
void json_raw(struct json_writer *w, const char *key, const char *json); /* a value that is JSON already */
void json_datum(struct json_writer *w, const char *key, const struct datum *value);

#endif
