/* See etag.h. */
#include "api/etag.h"

#include <string.h>

#include "core/ir.h"
#include "jit/target.h"

enum { PARTS_MAX = 16 };

/* Is the tag in an If-None-Match list? Weak ones match too (RFC 9110, 13.1.2); "*" is for those who do not care what they have. */
static bool listed(const char *list, const char *tag)
{
    size_t n = strlen(tag);
    for (const char *at = list; (at = strstr(at, tag)); at += n) {
        char next = at[n];
        if (!next || next == ',' || next == ' ' || next == '\t')
            return true;
    }
    return false;
}

bool etag_matches(struct exchange *ex, const struct hash_part *parts, size_t n)
{
    struct hash_part all[PARTS_MAX];
    /* The deflater picks its code by the processor, so the files of two kinds of processor may differ. */
    const uint32_t versions[] = {SEMANTICS_VERSION, ENCODER_VERSION, (uint32_t)target_of_cpu()};
    uint8_t        digest[HASH_SIZE];
    char          *tag = arena_alloc(ex->arena, HASH_HEX + 2);
    all[0] = (struct hash_part){versions, sizeof versions};
    for (size_t i = 0; i < n && i + 1 < PARTS_MAX; i++)
        all[i + 1] = parts[i];
    hash_parts(all, n + 1, digest);
    hash_hex(digest, tag + 1);
    tag[0] = tag[HASH_HEX] = '"';
    tag[HASH_HEX + 1] = 0;
    answer_header(ex, "ETag", tag);
    const char *list = ex->req->header(ex->req, "If-None-Match");
    if (!list || !listed(list, tag))
        return false;
    answer_body(ex, 304, NULL, "", 0);
    return true;
}
