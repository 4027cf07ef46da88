/* See multipart.h. */
#include "api/bytes/multipart.h"

#include <string.h>
#include <strings.h>

enum { BOUNDARY_MAX = 70 };

struct reader {
    struct exchange *ex;
    const char *at, *end;
    char delimiter[BOUNDARY_MAX + 5]; /* CR LF -- boundary */
    size_t n;
};

bool multipart_is(const struct exchange *ex)
{
    const char *type = ex->req->header(ex->req, "Content-Type");
    if (ex->req->batch)
        return ex->req->batch->load != NULL;
    return type && !strncasecmp(type, "multipart/form-data", 19);
}

static enum status bad(struct reader *r, const char *why)
{
    fault_add(&r->ex->fault, STATUS_BAD_REQUEST, "", 0, "the multipart body is broken: %s", why);
    return STATUS_BAD_REQUEST;
}

/* The value of a parameter such as boundary=... or name="...", of at most `size` - 1 characters; its length, or 0. */
static size_t parameter(const char *text, const char *end, const char *name, char *ret, size_t size)
{
    size_t n = strlen(name);
    for (const char *at = text; at + n + 1 < end; at++) {
        if ((at > text && !strchr("; \t", at[-1])) || strncasecmp(at, name, n) != 0 || at[n] != '=')
            continue;
        at += n + 1;
        bool quoted = *at == '"';
        const char *from = quoted ? at + 1 : at, *to = from;
        while (to < end && (quoted ? *to != '"' : !strchr("; \t", *to)))
            to++;
        if ((size_t)(to - from) >= size || (quoted && to == end))
            return 0;
        memcpy(ret, from, (size_t)(to - from));
        ret[to - from] = 0;
        return (size_t)(to - from);
    }
    return 0;
}

static const char *find(const struct reader *r, const char *from)
{
    return memmem(from, (size_t)(r->end - from), r->delimiter, r->n);
}

static enum status read_head_line(struct reader *r, const char *line, const char *end, struct multipart_part *part)
{
    static const char disposition[] = "content-disposition:", type[] = "content-type:";
    char value[256];
    size_t n = (size_t)(end - line);
    if (n >= sizeof disposition && !strncasecmp(line, disposition, sizeof disposition - 1)) {
        if (!parameter(line + sizeof disposition - 1, end, "name", value, sizeof value))
            return bad(r, "a part has no name");
        part->name = arena_strdup(r->ex->arena, value);
    } else if (n >= sizeof type && !strncasecmp(line, type, sizeof type - 1)) {
        line += sizeof type - 1;
        while (line < end && (*line == ' ' || *line == '\t'))
            line++;
        const char *stop = line;
        while (stop < end && !strchr("; \t", *stop))
            stop++;
        part->type = arena_strndup(r->ex->arena, line, (size_t)(stop - line));
    }
    return STATUS_OK;
}

/* r->at stands behind a delimiter's line. */
static enum status read_part(struct reader *r, struct multipart_part *part)
{
    *part = (struct multipart_part){.type = ""};
    for (;;) {
        const char *end = memmem(r->at, (size_t)(r->end - r->at), "\r\n", 2);
        if (!end)
            return bad(r, "a part's head does not end");
        if (memchr(r->at, 0, (size_t)(end - r->at)))
            return bad(r, "a part's head has a NUL in it");
        if (end == r->at)
            break;
        TRY(read_head_line(r, r->at, end, part));
        r->at = end + 2;
    }
    if (!part->name)
        return bad(r, "a part has no Content-Disposition");
    const char *data = r->at + 2,
               *end = find(r, r->at); /* the blank line's CR LF may begin the delimiter of an empty part */
    if (!end)
        return bad(r, "a part does not end with the boundary");
    part->data = data;
    part->size = end > data ? (size_t)(end - data) : 0;
    r->at = end + r->n;
    return STATUS_OK;
}

static enum status reader_init(struct reader *r, struct exchange *ex)
{
    const char *type = ex->req->header(ex->req, "Content-Type");
    char boundary[BOUNDARY_MAX + 1];
    *r = (struct reader){.ex = ex, .at = ex->req->body, .end = (const char *)ex->req->body + ex->req->body_size};
    if (!parameter(type, type + strlen(type), "boundary", boundary, sizeof boundary))
        return bad(r, "its Content-Type has no boundary");
    r->n = (size_t)(stpcpy(stpcpy(r->delimiter, "\r\n--"), boundary) - r->delimiter);
    if (ex->req->body_size < r->n || memcmp(r->at, r->delimiter + 2, r->n - 2) != 0)
        return bad(r, "it does not begin with the boundary");
    r->at += r->n - 2;
    return STATUS_OK;
}

static enum status read_item(struct exchange *ex, struct multipart *ret)
{
    ret->parts[ret->n++] =
        (struct multipart_part){.name = "request", .type = "", .data = ex->req->body, .size = ex->req->body_size};
    return ex->req->batch->load(ex, ret);
}

enum status multipart_read(struct exchange *ex, struct multipart *ret)
{
    struct reader r;
    ret->n = 0;
    if (ex->req->batch)
        return read_item(ex, ret);
    TRY(reader_init(&r, ex));
    for (;;) {
        if (r.end - r.at >= 2 && !memcmp(r.at, "--", 2))
            return STATUS_OK;
        while (r.at < r.end && (*r.at == ' ' || *r.at == '\t'))
            r.at++;
        if (r.end - r.at < 2 || memcmp(r.at, "\r\n", 2) != 0)
            return bad(&r, "a boundary's line does not end");
        r.at += 2;
        if (ret->n == MULTIPART_PARTS_MAX)
            return bad(&r, "it has more than 64 parts");
        TRY(read_part(&r, &ret->parts[ret->n]));
        for (size_t i = 0; i < ret->n; i++)
            if (!strcmp(ret->parts[i].name, ret->parts[ret->n].name))
                return bad(&r, "two parts have one name");
        ret->n++;
    }
}

enum status multipart_take(struct exchange *ex, struct multipart *m, const char *name, struct multipart_part *ret)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->parts[i].name, name) != 0)
            continue;
        m->parts[i].taken = true;
        *ret = m->parts[i];
        return STATUS_OK;
    }
    if (ex->req->batch)
        return fault_add(&ex->fault, STATUS_BAD_FIELD, "", 0, "the item has no %s", name);
    return fault_add(&ex->fault, STATUS_BAD_FIELD, "", 0, "the multipart body has no part named \"%s\"", name);
}

enum status multipart_end(struct exchange *ex, const struct multipart *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (!m->parts[i].taken)
            fault_add(&ex->fault, STATUS_BAD_FIELD, "", 0, "the graph uses no file named \"%.60s\"", m->parts[i].name);
    return ex->fault.status;
}
