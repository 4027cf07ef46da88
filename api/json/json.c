/* See json.h. cJSON alone takes too much for JSON (raw control characters, 1e999, duplicate keys, cut strings); so it
 * gets only what json_check() has passed. Children are walked, never looked up by name: cJSON's look-up is linear. */
#include "api/json/json.h"

#include <string.h>

#include <cjson/cJSON.h>

static void convert(const cJSON *from, struct arena *a, struct datum *to);

static void convert_children(const cJSON *from, struct arena *a, struct datum *to)
{
    for (const cJSON *child = from->child; child; child = child->next)
        to->n++;
    to->items = ARENA_ARRAY(a, to->n, struct datum);
    struct datum *item = to->items;
    for (const cJSON *child = from->child; child; child = child->next, item++) {
        convert(child, a, item);
        if (child->string)
            item->key = arena_strdup(a, child->string);
    }
}

static void convert(const cJSON *from, struct arena *a, struct datum *to)
{
    if (cJSON_IsObject(from) || cJSON_IsArray(from)) {
        to->kind = cJSON_IsObject(from) ? DATUM_OBJECT : DATUM_LIST;
        convert_children(from, a, to);
    } else if (cJSON_IsString(from)) {
        to->kind = DATUM_STRING;
        to->string = arena_strdup(a, from->valuestring);
    } else if (cJSON_IsNumber(from)) {
        to->kind = DATUM_NUMBER;
        to->number = from->valuedouble;
    } else if (cJSON_IsBool(from)) {
        to->kind = DATUM_BOOL;
        to->truth = cJSON_IsTrue(from);
    } else {
        to->kind = DATUM_NULL;
    }
}

/* An arena that runs out jumps over this function: the tree, which malloc gave, is freed on that way too. */
static struct datum *convert_and_free(cJSON *tree, struct arena *a)
{
    jmp_buf outer;
    memcpy(&outer, arena_escape(a), sizeof outer);
    if (ARENA_GUARD(a)) {
        cJSON_Delete(tree);
        memcpy(arena_escape(a), &outer, sizeof outer);
        longjmp(*arena_escape(a), 1);
    }
    struct datum *root = ARENA_NEW(a, struct datum);
    convert(tree, a, root);
    cJSON_Delete(tree);
    memcpy(arena_escape(a), &outer, sizeof outer);
    return root;
}

enum status json_read(const char *text, size_t n, const struct json_limits *limits, struct arena *a, struct datum **ret,
                      struct fault *fault)
{
    TRY(json_check(text, n, limits, a, fault));
    cJSON *tree = cJSON_ParseWithLengthOpts(text, n, NULL, 0);
    if (!tree)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "there is no memory for the JSON now");
    *ret = convert_and_free(tree, a);
    return STATUS_OK;
}
