/* See json_write.h. The caller keeps objects and arrays balanced. */
#include "api/json/json_write.h"

#include <inttypes.h>

void json_writer_init(struct json_writer *w, struct arena *a)
{
    *w = (struct json_writer){.text = {.arena = a}};
}

static void before(struct json_writer *w, const char *key)
{
    if (w->comma)
        text_add(&w->text, ",");
    if (key) {
        text_quoted(&w->text, key);
        text_add(&w->text, ":");
    }
    w->comma = true;
}

static void open_with(struct json_writer *w, const char *key, const char *bracket)
{
    before(w, key);
    text_add(&w->text, bracket);
    w->comma = false;
}

static void close_with(struct json_writer *w, const char *bracket)
{
    text_add(&w->text, bracket);
    w->comma = true;
}

void json_object(struct json_writer *w, const char *key)
{
    open_with(w, key, "{");
}

void json_object_end(struct json_writer *w)
{
    close_with(w, "}");
}

void json_array(struct json_writer *w, const char *key)
{
    open_with(w, key, "[");
}

void json_array_end(struct json_writer *w)
{
    close_with(w, "]");
}

void json_raw(struct json_writer *w, const char *key, const char *json)
{
    before(w, key);
    text_add(&w->text, json);
}

void json_string(struct json_writer *w, const char *key, const char *value)
{
    before(w, key);
    if (value)
        text_quoted(&w->text, value);
    else
        text_add(&w->text, "null");
}

void json_number(struct json_writer *w, const char *key, double value)
{
    before(w, key);
    text_number(&w->text, value);
}

void json_int(struct json_writer *w, const char *key, int64_t value)
{
    before(w, key);
    text_addf(&w->text, "%" PRId64, value);
}

void json_uint(struct json_writer *w, const char *key, uint64_t value)
{
    before(w, key);
    text_addf(&w->text, "%" PRIu64, value);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
    json_raw(w, key, value ? "true" : "false");
}

void json_null(struct json_writer *w, const char *key)
{
    json_raw(w, key, "null");
}

void json_datum(struct json_writer *w, const char *key, const struct datum *value)
{
    switch (value->kind) {
    case DATUM_NULL:
        json_null(w, key);
        break;
    case DATUM_BOOL:
        json_bool(w, key, value->truth);
        break;
    case DATUM_NUMBER:
        json_number(w, key, value->number);
        break;
    case DATUM_STRING:
        json_string(w, key, value->string);
        break;
    case DATUM_LIST:
    case DATUM_OBJECT:
        open_with(w, key, value->kind == DATUM_LIST ? "[" : "{");
        for (size_t i = 0; i < value->n; i++)
            json_datum(w, value->kind == DATUM_LIST ? NULL : value->items[i].key, &value->items[i]);
        close_with(w, value->kind == DATUM_LIST ? "]" : "}");
        break;
    }
}
