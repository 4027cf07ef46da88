/* See etag.h. Tags are XXH3 of 128 bits: a cryptographic hash of the body was a fifth of a short block's time, and who
 * forges a collision deceives only his own cache. */
#define XXH_INLINE_ALL
#include "api/etag.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "core/ir.h"
#include "jit/target.h"

enum { TAG_SIZE = 2 + 32 + 1, PARTS_MAX = 8 };

/* Is the tag in an If-None-Match list? Weak ones match too (RFC 9110, 13.1.2); "*" is for those who do not care what
 * they have. */
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

static void put_hex(char *to, uint64_t v)
{
    for (int i = 15; i >= 0; i--, v >>= 4)
        to[i] = "0123456789abcdef"[v & 15];
}

void etag_hash(const void *data, size_t n, char ret[ETAG_HASH])
{
    XXH128_hash_t digest = XXH3_128bits(data, n);
    put_hex(ret, digest.high64);
    put_hex(ret + 16, digest.low64);
    ret[ETAG_HASH - 1] = 0;
}

struct etag_stream *etag_stream_new(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (state)
        XXH3_128bits_reset(state);
    return (struct etag_stream *)state;
}

void etag_stream_add(struct etag_stream *s, const void *data, size_t n)
{
    if (n)
        XXH3_128bits_update((XXH3_state_t *)s, data, n);
}

void etag_stream_free(struct etag_stream *s)
{
    XXH3_freeState((XXH3_state_t *)s);
}

/* True: the client has it, and the 304 is written. `tag` has its quotes. */
static bool answer_tag(struct exchange *ex, const char *tag)
{
    answer_header(ex, "ETag", tag);
    const char *list = ex->req->header(ex->req, "If-None-Match");
    if (!list || !listed(list, tag))
        return false;
    answer_body(ex, 304, NULL, "", 0);
    return true;
}

bool etag_is(struct exchange *ex, const char *name)
{
    return answer_tag(ex, arena_printf(ex->arena, "\"%s\"", name));
}

bool etag_matches_stream(struct exchange *ex, const struct hash_part *parts, size_t n, const struct etag_stream *s)
{
    /* The deflater picks its code by the processor, so the files of two kinds of processor may differ. */
    const uint32_t versions[] = {SEMANTICS_VERSION, ENCODER_VERSION, (uint32_t)target_of_cpu()};
    char *tag = arena_alloc(ex->arena, TAG_SIZE);
    XXH128_hash_t digests[PARTS_MAX + 1]; /* one a part, so that ("ab", "c") and ("a", "bc") differ */
    assert(n + (s != NULL) <= PARTS_MAX);
    for (size_t i = 0; i < n; i++)
        digests[i] = XXH3_128bits(parts[i].data, parts[i].n);
    if (s)
        digests[n++] = XXH3_128bits_digest((const XXH3_state_t *)s);
    digests[n] = XXH3_128bits(versions, sizeof versions);
    XXH128_hash_t digest = XXH3_128bits(digests, (n + 1) * sizeof *digests);
    tag[0] = tag[TAG_SIZE - 2] = '"';
    put_hex(tag + 1, digest.high64);
    put_hex(tag + 17, digest.low64);
    return answer_tag(ex, tag);
}

bool etag_matches(struct exchange *ex, const struct hash_part *parts, size_t n)
{
    return etag_matches_stream(ex, parts, n, NULL);
}
