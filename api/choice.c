/* See choice.h. */
#include "api/choice.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void choice_tier(struct fields *f, enum tier *io)
{
    static const char *const names[] = {"auto", "interp", "jit", NULL};
    int tier = (int)*io;
    fields_choice(f, "tier", names, &tier);
    *io = (enum tier)tier;
}

void fields_later(struct fields *f, const char *name, const char *detail)
{
    f->failed = true;
    fault_add(&f->ex->fault, STATUS_NOT_IMPLEMENTED, arena_printf(f->ex->arena, "/%s", name), 0, "%s", detail);
}

/* The first of the list's types that a row has and that is not refused by q=0. Types that several rows share do not
 * choose. */
static void by_accept(const char *accept, const struct format_info *formats, int *io)
{
    while (*accept) {
        size_t whole = strcspn(accept, ","), n = strcspn(accept, ";, \t");
        bool refused = false;
        for (size_t i = n; i + 3 < whole + 1 && !refused; i++)
            refused =
                !strncmp(accept + i, "q=0", 3) && strspn(accept + i + 3, ".0") == strcspn(accept + i + 3, ",; \t");
        for (int i = 0; formats[i].name && !refused; i++) {
            if (strlen(formats[i].type) == n && !strncasecmp(formats[i].type, accept, n) &&
                strcmp(formats[i].type, "application/octet-stream") != 0) {
                *io = i;
                return;
            }
        }
        accept += whole;
        accept += strspn(accept, ", \t");
    }
}

void choice_accept(struct exchange *ex, const struct format_info *formats, int *io)
{
    const char *accept = ex->req->header(ex->req, "Accept");
    if (accept)
        by_accept(accept, formats, io);
}

void choice_format(struct fields *f, const struct format_info *formats, const char *const *later, int *io)
{
    const char *names[32];
    int n = 0, known, chosen;
    for (; formats[n].name; n++)
        names[n] = formats[n].name;
    known = n;
    for (; *later; later++)
        names[n++] = *later;
    names[n] = NULL;
    if (fields_choice(f, "format", names, &chosen)) {
        if (chosen < known)
            *io = chosen;
        else
            fields_later(f, "format", arena_printf(f->ex->arena, "the format %s is not written yet", names[chosen]));
    } else if (!fields_find(f, "format")) {
        choice_accept(f->ex, formats, io);
    }
}

void choice_bits(struct fields *f, const struct format_info *format, unsigned *ret_bits)
{
    uint64_t bits = strtoul(format->bits, NULL, 10);
    const char *at = format->bits;
    if (fields_count(f, "bits", 1, &bits)) {
        while (*at && strtoul(at, NULL, 10) != bits)
            at += strcspn(at, ",") + strspn(at + strcspn(at, ","), ", ");
        if (!*at)
            fields_fault(f, "bits", "%s has samples of %s bits, not %llu", format->name, format->bits,
                         (unsigned long long)bits);
    }
    *ret_bits = (unsigned)bits;
}
