/* See text.h. */
#include "core/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_add_n(struct text *t, const char *s, size_t n)
{
    if (t->cap - t->n <= n) {
        size_t cap = 2 * (t->n + n) + 64;
        t->s = arena_grow(t->arena, t->s, t->n, cap, 1);
        t->cap = cap;
    }
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

void text_add(struct text *t, const char *s)
{
    text_add_n(t, s, strlen(s));
}

void text_addf(struct text *t, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *s = arena_vprintf(t->arena, format, ap);
    va_end(ap);
    text_add(t, s);
}

/* 1e+15 to 1e15, 1e-07 to 1e-7. */
static void shorten_exponent(char *s)
{
    char *e = strchr(s, 'e');
    if (!e)
        return;
    char *to = e + 1, *from = e + 1;
    if (*from == '-')
        *to++ = *from++;
    else if (*from == '+')
        from++;
    while (*from == '0' && from[1])
        from++;
    memmove(to, from, strlen(from) + 1);
}

void number_text(double v, char ret_text[NUMBER_TEXT_SIZE])
{
    /* 15 digits of a normal number always survive the way from text to double, 17 always the way back. Bits are
     * compared, since the thread may treat denormals as zero. */
    for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(ret_text, NUMBER_TEXT_SIZE, "%.*g", digits, v);
        double back = strtod(ret_text, NULL);
        if (!memcmp(&back, &v, sizeof v))
            break;
    }
    shorten_exponent(ret_text);
}

void text_number(struct text *t, double v)
{
    char s[NUMBER_TEXT_SIZE];
    if (!isfinite(v)) {
        text_add(t, "null");
        return;
    }
    number_text(v, s);
    text_add(t, s);
}

size_t utf8_length(const unsigned char *s, size_t n)
{
    size_t length = s[0] < 0x80                   ? 1
                    : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                    : (s[0] & 0xf0) == 0xe0       ? 3
                    : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                  : 0;
    if (!length || length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return length;
}

static void add_escape(struct text *t, unsigned char c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *p = letters; *p; p += 2)
        if ((unsigned char)*p == c) {
            char escape[2] = {'\\', p[1]};
            text_add_n(t, escape, 2);
            return;
        }
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", c);
    text_add(t, escape);
}

void text_quoted_n(struct text *t, const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + n, *plain = p;
    text_add_n(t, "\"", 1);
    while (p < end) {
        size_t length = utf8_length(p, (size_t)(end - p));
        if (length && *p >= 0x20 && *p != '"' && *p != '\\' && *p != 0x7f) {
            p += length;
            continue;
        }
        text_add_n(t, (const char *)plain, (size_t)(p - plain));
        if (length)
            add_escape(t, *p);
        else
            text_add(t, "\xef\xbf\xbd");
        plain = ++p;
    }
    text_add_n(t, (const char *)plain, (size_t)(p - plain));
    text_add_n(t, "\"", 1);
}

void text_quoted(struct text *t, const char *s)
{
    text_quoted_n(t, s, strlen(s));
}
