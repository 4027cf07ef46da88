/* See trace.h. https://www.w3.org/TR/trace-context/#traceparent-header */
#include "server/trace.h"

#include <string.h>

enum { ID_AT = 3, ID = 32, SPAN_AT = 36, SPAN = 16, FLAGS_AT = 53, SIZE = 55 };

static bool is_hex(const char *s, size_t n)
{
    return strspn(s, "0123456789abcdef") >= n;
}

static bool is_zero(const char *s, size_t n)
{
    return strspn(s, "0") >= n;
}

bool trace_parse(const char *parent, char ret_id[TRACE_ID_SIZE])
{
    size_t n = strlen(parent);
    ret_id[0] = 0;
    if (n < SIZE || n >= TRACE_PARENT_SIZE)
        return false;
    if (!is_hex(parent, 2) || parent[2] != '-' || !is_hex(parent + ID_AT, ID) || parent[ID_AT + ID] != '-' ||
        !is_hex(parent + SPAN_AT, SPAN) || parent[SPAN_AT + SPAN] != '-' || !is_hex(parent + FLAGS_AT, 2))
        return false;
    if (is_zero(parent + ID_AT, ID) || is_zero(parent + SPAN_AT, SPAN) || !memcmp(parent, "ff", 2))
        return false;
    if (n > SIZE && (!memcmp(parent, "00", 2) || parent[SIZE] != '-'))
        return false;
    memcpy(ret_id, parent + ID_AT, ID);
    ret_id[ID] = 0;
    return true;
}
