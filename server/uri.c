/* See uri.h. */
#include "server/uri.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char no_memory[] = "there is no memory for the URL";

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* In place; escapes are whole and never %00, so the result is a C string. */
static void decode(char *s, int plus_is_space)
{
    char *to = s;
    for (; *s; s++) {
        if (*s == '%') {
            *to++ = (char)(hex_value(s[1]) * 16 + hex_value(s[2]));
            s += 2;
        } else {
            *to++ = *s == '+' && plus_is_space ? ' ' : *s;
        }
    }
    *to = 0;
}

static char *skip_authority(char *text)
{
    if (strncasecmp(text, "http://", 7) && strncasecmp(text, "https://", 8))
        return text;
    char *authority = strchr(text, ':') + 3;
    char *path = authority + strcspn(authority, "/?");
    return path;
}

static int add_pair(struct uri *u, const char *name, const char *value)
{
    if (u->n_pairs == u->pairs_capacity) {
        size_t capacity = u->pairs_capacity ? 2 * u->pairs_capacity : 16;
        struct uri_pair *pairs = realloc(u->pairs, capacity * sizeof *pairs);
        if (!pairs)
            return -1;
        u->pairs = pairs;
        u->pairs_capacity = capacity;
    }
    u->pairs[u->n_pairs++] = (struct uri_pair){name, value};
    return 0;
}

static const char *parse_query(struct uri *u, char *query, size_t max_pairs)
{
    for (char *next; query; query = next) {
        next = strchr(query, '&');
        if (next)
            *next++ = 0;
        if (!*query)
            continue;
        if (++u->n_asked > max_pairs)
            continue;
        char *value = strchr(query, '=');
        if (value)
            *value++ = 0;
        else
            value = query + strlen(query);
        decode(query, 1);
        if (*value)
            decode(value, 1);
        if (add_pair(u, query, value))
            return no_memory;
    }
    return NULL;
}

const char *uri_parse(struct uri *u, const char *target, size_t size, size_t max_pairs)
{
    u->n_pairs = u->n_asked = 0;
    u->path = "";
    if (size + 1 > u->capacity) {
        char *text = realloc(u->text, size + 1);
        if (!text)
            return no_memory;
        u->text = text;
        u->capacity = size + 1;
    }
    memcpy(u->text, target, size);
    u->text[size] = 0;
    char *path = skip_authority(u->text);
    if (path == u->text && *path != '/' && strcmp(path, "*") != 0)
        return "the URL is neither a path that begins with / nor a whole one that begins with http://";
    char *query = strchr(path, '?');
    if (query)
        *query++ = 0;
    decode(path, 0);
    u->path = *path ? path : "/";
    for (const char *c = u->path; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "the URL's path has an escaped control byte";
    return parse_query(u, query, max_pairs);
}

const char *uri_query(const struct uri *u, const char *name)
{
    for (size_t i = 0; i < u->n_pairs; i++)
        if (!strcmp(u->pairs[i].name, name))
            return u->pairs[i].value;
    return NULL;
}

void uri_done(struct uri *u)
{
    free(u->text);
    free(u->pairs);
    *u = (struct uri){0};
}
