/* See json_check.h. Recursive descent, one function a production of the grammar. The keys of the open objects lie on
 * one stack; when an object closes, its keys are sorted, and equal neighbours are duplicates: no hash to attack. */
#include "api/json/json_check.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

struct key {
    const char *s; /* decoded */
    size_t n;
    const char *place;
};

struct check {
    const char *text, *p, *end;
    struct arena *arena;
    struct fault *fault;
    struct key *keys;
    size_t n_keys, cap_keys;
    uint32_t depth, max_depth;
};

struct place {
    size_t line, column;
};

static struct place place_of(const struct check *c, const char *at)
{
    struct place place = {1, 1};
    for (const char *p = c->text; p < at; p++) {
        place.column++;
        if (*p == '\n')
            place = (struct place){place.line + 1, 1};
    }
    return place;
}

static enum status __attribute__((format(printf, 3, 4)))
bad(const struct check *c, const char *at, const char *format, ...)
{
    struct place place = place_of(c, at);
    va_list ap;
    va_start(ap, format);
    const char *detail = arena_vprintf(c->arena, format, ap);
    va_end(ap);
    return fault_add(c->fault, STATUS_BAD_JSON, "", (int)place.column, "line %zu, column %zu (byte %zu): %s",
                     place.line, place.column, (size_t)(at - c->text), detail);
}

static enum status unexpected(const struct check *c, const char *wanted)
{
    if (c->p == c->end)
        return bad(c, c->p, "the text ends where %s should stand", wanted);
    unsigned char byte = (unsigned char)*c->p;
    if (byte > 0x20 && byte < 0x7f)
        return bad(c, c->p, "'%c' stands where %s should", byte, wanted);
    return bad(c, c->p, "byte 0x%02x stands where %s should", byte, wanted);
}

static void skip_space(struct check *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool at(const struct check *c, char wanted)
{
    return c->p < c->end && *c->p == wanted;
}

static bool at_digit(const struct check *c)
{
    return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

/* The four digits at p, or -1. */
static int hex4(const struct check *c, const char *p)
{
    int v = 0;
    if (c->end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdefABCDEF", *d = p[i] ? strchr(digits, p[i]) : NULL;
        if (!d)
            return -1;
        int digit = (int)(d - digits);
        v = v * 16 + (digit < 16 ? digit : digit - 6);
    }
    return v;
}

/* At the backslash of \uXXXX. */
static enum status check_unicode_escape(struct check *c)
{
    int unit = hex4(c, c->p + 2);
    if (unit < 0)
        return bad(c, c->p, "\\u needs four hexadecimal digits");
    if (!unit)
        return bad(c, c->p, "the character U+0000 is not taken");
    if (unit >= 0xdc00 && unit < 0xe000)
        return bad(c, c->p, "the second half of a surrogate pair stands alone");
    if (unit < 0xd800 || unit >= 0xe000) {
        c->p += 6;
        return STATUS_OK;
    }
    int second = c->end - c->p >= 12 && c->p[6] == '\\' && c->p[7] == 'u' ? hex4(c, c->p + 8) : -1;
    if (second < 0xdc00 || second >= 0xe000)
        return bad(c, c->p, "the first half of a surrogate pair stands alone");
    c->p += 12;
    return STATUS_OK;
}

static enum status check_escape(struct check *c)
{
    if (c->end - c->p < 2)
        return bad(c, c->p, "the text ends within a string");
    if (c->p[1] == 'u')
        return check_unicode_escape(c);
    if (!c->p[1] || !strchr("\"\\/bfnrt", c->p[1]))
        return bad(c, c->p, "no such escape; a backslash itself is written \\\\");
    c->p += 2;
    return STATUS_OK;
}

/* At the opening quote; leaves the text between the quotes in *ret. */
static enum status check_string(struct check *c, struct key *ret, bool *ret_escapes)
{
    const char *open = c->p++;
    *ret_escapes = false;
    while (!at(c, '"')) {
        if (c->p == c->end)
            return bad(c, open, "this string has no end");
        if (*c->p == '\\') {
            *ret_escapes = true;
            TRY(check_escape(c));
            continue;
        }
        if ((unsigned char)*c->p < 0x20)
            return bad(c, c->p, "the control character 0x%02x in a string is written \\u%04x", *c->p, *c->p);
        size_t n = utf8_length((const unsigned char *)c->p, (size_t)(c->end - c->p));
        if (!n)
            return bad(c, c->p, "byte 0x%02x is not UTF-8", (unsigned char)*c->p);
        c->p += n;
    }
    *ret = (struct key){open + 1, (size_t)(c->p - open - 1), open};
    c->p++;
    return STATUS_OK;
}

static size_t encode_utf8(uint32_t u, char *to)
{
    if (u < 0x80) {
        to[0] = (char)u;
        return 1;
    }
    size_t n = u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, u >>= 6)
        to[i] = (char)(0x80 | (u & 0x3f));
    to[0] = (char)((0xf00u >> n) | u);
    return n;
}

/* The key without its escapes, which check_string has approved. */
static void decode(const struct check *c, struct key *key)
{
    char *out = arena_alloc(c->arena, key->n), *to = out;
    const char *end = key->s + key->n;
    for (const char *p = key->s; p < end;) {
        if (*p != '\\') {
            *to++ = *p++;
        } else if (p[1] != 'u') {
            static const char letters[] = "b\bf\fn\nr\rt\t";
            const char *letter = strchr("bfnrt", p[1]) ? strchr(letters, p[1]) : NULL;
            *to++ = letter ? letter[1] : p[1];
            p += 2;
        } else {
            uint32_t u = (uint32_t)hex4(c, p + 2);
            p += 6;
            if (u >= 0xd800 && u < 0xdc00) {
                u = 0x10000 + ((u - 0xd800) << 10) + ((uint32_t)hex4(c, p + 2) - 0xdc00);
                p += 6;
            }
            to += encode_utf8(u, to);
        }
    }
    key->s = out;
    key->n = (size_t)(to - out);
}

static enum status check_number(struct check *c)
{
    const char *start = c->p;
    if (at(c, '-'))
        c->p++;
    if (!at_digit(c))
        return unexpected(c, "a digit");
    if (at(c, '0') && c->end - c->p > 1 && c->p[1] >= '0' && c->p[1] <= '9')
        return bad(c, c->p, "a number does not start with 0");
    while (at_digit(c))
        c->p++;
    if (at(c, '.')) {
        c->p++;
        if (!at_digit(c))
            return unexpected(c, "a digit after the decimal point");
        while (at_digit(c))
            c->p++;
    }
    if (at(c, 'e') || at(c, 'E')) {
        c->p++;
        if (at(c, '+') || at(c, '-'))
            c->p++;
        if (!at_digit(c))
            return unexpected(c, "a digit of the exponent");
        while (at_digit(c))
            c->p++;
    }
    size_t n = (size_t)(c->p - start);
    if (n > JSON_NUMBER_MAX)
        return bad(c, start, "a number has at most %d characters, this one has %zu", JSON_NUMBER_MAX, n);
    char copy[JSON_NUMBER_MAX + 1] = {0};
    memcpy(copy, start, n);
    return isfinite(strtod(copy, NULL)) ? STATUS_OK : bad(c, start, "the number %s is too large", copy);
}

static int key_order(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    int order = memcmp(a->s, b->s, a->n);
    if (order)
        return order;
    return a->place < b->place ? -1 : a->place > b->place;
}

static enum status check_duplicates(struct check *c, size_t first)
{
    size_t n = c->n_keys - first;
    if (n < 2) {
        c->n_keys = first;
        return STATUS_OK;
    }
    struct key *keys = c->keys + first;
    qsort(keys, n, sizeof *keys, key_order);
    for (size_t i = 1; i < n; i++)
        if (keys[i].n == keys[i - 1].n && !memcmp(keys[i].s, keys[i - 1].s, keys[i].n))
            return bad(c, keys[i].place, "the key \"%.*s\" appears twice in one object",
                       (int)(keys[i].n < 40 ? keys[i].n : 40), keys[i].s);
    c->n_keys = first;
    return STATUS_OK;
}

static enum status check_key(struct check *c)
{
    struct key key;
    bool escapes;
    if (!at(c, '"'))
        return unexpected(c, "a key in double quotes");
    TRY(check_string(c, &key, &escapes));
    if (escapes)
        decode(c, &key);
    if (c->n_keys == c->cap_keys) {
        size_t cap = c->cap_keys ? 2 * c->cap_keys : 32;
        c->keys = arena_grow(c->arena, c->keys, c->n_keys, cap, sizeof *c->keys);
        c->cap_keys = cap;
    }
    c->keys[c->n_keys++] = key;
    return STATUS_OK;
}

static enum status check_value(struct check *c);

static enum status check_member(struct check *c, bool object)
{
    skip_space(c);
    if (object) {
        TRY(check_key(c));
        skip_space(c);
        if (!at(c, ':'))
            return unexpected(c, "':'");
        c->p++;
    }
    TRY(check_value(c));
    skip_space(c);
    return STATUS_OK;
}

/* Objects and arrays. */
static enum status check_container(struct check *c)
{
    bool object = *c->p == '{';
    char close = object ? '}' : ']';
    size_t first = c->n_keys;
    if (++c->depth > c->max_depth)
        return fault_limit(c->fault, "max-json-depth", "", "line %zu: the JSON is nested deeper than %u levels",
                           place_of(c, c->p).line, c->max_depth);
    c->p++;
    skip_space(c);
    if (!at(c, close)) {
        TRY(check_member(c, object));
        while (at(c, ',')) {
            c->p++;
            TRY(check_member(c, object));
        }
        if (!at(c, close))
            return unexpected(c, object ? "',' or '}'" : "',' or ']'");
    }
    c->p++;
    c->depth--;
    return check_duplicates(c, first);
}

static enum status check_value(struct check *c)
{
    skip_space(c);
    if (at(c, '{') || at(c, '['))
        return check_container(c);
    if (at(c, '"')) {
        struct key string;
        bool escapes;
        return check_string(c, &string, &escapes);
    }
    if (at(c, '-') || at_digit(c))
        return check_number(c);
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(c->end - c->p) >= n && !memcmp(c->p, words[i], n)) {
            c->p += n;
            return STATUS_OK;
        }
    }
    return unexpected(c, "a value");
}

enum status json_check(const char *text, size_t n, const struct json_limits *limits, struct arena *a,
                       struct fault *fault)
{
    struct check c = {.text = text, .p = text, .end = text + n, .arena = a, .fault = fault};
    c.max_depth = limits->max_depth < JSON_DEPTH_MAX ? limits->max_depth : JSON_DEPTH_MAX;
    if (n > limits->max_bytes) {
        if (!fault->limit)
            fault->limit = "max-json";
        return fault_add(fault, STATUS_TOO_LARGE, "", 0,
                         "the JSON has %zu bytes, more than the %zu allowed (limit max-json, set by --max-json)", n,
                         limits->max_bytes);
    }
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        return bad(&c, text, "a byte order mark stands before the JSON");
    TRY(check_value(&c));
    skip_space(&c);
    if (c.p < c.end)
        return unexpected(&c, "the end");
    return STATUS_OK;
}
