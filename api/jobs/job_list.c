/* See job_list.h. */
#include "api/jobs/job_list.h"

#include <string.h>

struct list {
    const char *at, *end;
    struct arena *a;
    struct fault *fault;
    struct job_text *items;
    size_t n, cap, most;
};

static enum status add(struct list *l, const char *from, const char *to)
{
    if (l->n == l->most)
        return fault_limit(l->fault, "max-job-items", arena_printf(l->a, "/%zu", l->n),
                           "the job has more than %zu items", l->most);
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        l->items = arena_grow(l->a, l->items, l->cap, cap, sizeof *l->items);
        l->cap = cap;
    }
    l->items[l->n++] = (struct job_text){from, (size_t)(to - from)};
    return STATUS_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct list *l)
{
    while (l->at < l->end && is_space(*l->at))
        l->at++;
}

static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : end;
}

/* The comma or bracket behind a value of an array, or the end of all. Whatever is no value is stopped at, too. */
static const char *value_end(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = string_end(at, end);
            continue;
        }
        bool closes = *at == ']' || *at == '}';
        if (!depth && (closes || *at == ','))
            return at;
        depth += *at == '[' || *at == '{';
        depth -= closes;
        at++;
    }
    return at;
}

static enum status split_array(struct list *l)
{
    skip_space(l);
    if (l->at == l->end || *l->at != '[')
        return fault_add(l->fault, STATUS_BAD_JSON, "", 0,
                         "a job is an array of items as application/json, or one item a line as application/x-ndjson");
    l->at++;
    skip_space(l);
    while (l->at == l->end || *l->at != ']' || l->n) {
        const char *from = l->at;
        l->at = value_end(from, l->end);
        TRY(add(l, from, l->at));
        if (l->at == l->end)
            return fault_add(l->fault, STATUS_BAD_JSON, "", 0, "the array of items does not end: there is no ']'");
        if (*l->at == '}')
            return fault_add(l->fault, STATUS_BAD_JSON, "", 0, "behind item %zu comes neither ',' nor ']'", l->n - 1);
        if (*l->at == ']')
            break;
        l->at++;
    }
    l->at++;
    skip_space(l);
    return l->at == l->end ? STATUS_OK
                           : fault_add(l->fault, STATUS_BAD_JSON, "", 0, "something stands behind the array");
}

static enum status split_lines(struct list *l)
{
    while (l->at < l->end) {
        const char *from = l->at, *newline = memchr(from, '\n', (size_t)(l->end - from)),
                   *to = newline ? newline : l->end;
        l->at = newline ? newline + 1 : l->end;
        while (from < to && is_space(*from))
            from++;
        if (from < to)
            TRY(add(l, from, to));
    }
    return STATUS_OK;
}

enum status job_list_split(const char *body, size_t n, bool lines, size_t most, struct arena *a, struct job_text **ret,
                           size_t *ret_n, struct fault *fault)
{
    struct list l = {.at = body, .end = body + n, .a = a, .fault = fault, .most = most};
    TRY(lines ? split_lines(&l) : split_array(&l));
    if (!l.n)
        return fault_add(fault, STATUS_BAD_FIELD, "", 0, "the job has no items");
    *ret = l.items;
    *ret_n = l.n;
    return STATUS_OK;
}
