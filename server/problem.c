/* See problem.h. Details are sentences of this program (numbers filled in), never a client's bytes; quotes are escaped.
 */
#include "server/problem.h"

#include <assert.h>
#include <stdio.h>

static void escape(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; *from && n + 3 < size; from++) {
        if (*from == '"' || *from == '\\')
            to[n++] = '\\';
        to[n++] = *from;
    }
    to[n] = 0;
}

size_t problem_write(char *text, size_t size, enum status status, const char *detail, const char *limit,
                     const char *request_id)
{
    char safe[512], tail[80] = "";
    escape(safe, sizeof safe, detail);
    if (limit)
        snprintf(tail, sizeof tail, ",\"limit\":\"%s\"", limit);
    int n =
        snprintf(text, size,
                 "{\"type\":\"/errors/%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"%s,\"request_id\":\"%s\","
                 "\"errors\":[]}\n",
                 status_slug(status), status_title(status), status_http(status), safe, tail, request_id);
    assert(n > 0 && (size_t)n < size);
    return (size_t)n < size ? (size_t)n : size - 1;
}
