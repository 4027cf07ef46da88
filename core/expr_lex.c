/* Cuts the text of an expression into words. Text in, one word a call out; it knows operators and keywords, no names.
 * A dot after an operand starts a port (`in.0.x`), any other dot a number (`.5`). */
#include "core/expr_lex.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 40 };

enum status lex_bad(const struct lex *l, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *detail = arena_vprintf(l->arena, format, ap);
    va_end(ap);
    return fault_add(l->fault, STATUS_BAD_EXPRESSION, l->pointer, l->column, "%s", detail);
}

char *lex_show(const struct lex *l)
{
    if (l->token == TOKEN_END)
        return arena_strdup(l->arena, "the end");
    return arena_printf(l->arena, "'%.*s'", (int)(l->n < SHOWN_MAX ? l->n : SHOWN_MAX), l->start);
}

/* <ctype.h> asks the locale. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static const char *skip_digits(const char *p)
{
    while (is_digit(*p))
        p++;
    return p;
}

static const char *skip_name(const char *p)
{
    while (is_letter(*p) || is_digit(*p))
        p++;
    return p;
}

static enum status take(struct lex *l, int token, size_t n)
{
    l->token = token;
    l->n = n;
    l->p += n;
    l->next += (int)n;
    return STATUS_OK;
}

static enum status take_number(struct lex *l)
{
    const char *p = skip_digits(l->p);
    if (*p == '.' && !is_letter(p[1]))
        p = skip_digits(p + 1);
    if (*p == 'e' || *p == 'E') {
        const char *exponent = p + 1 + (p[1] == '+' || p[1] == '-');
        if (is_digit(*exponent))
            p = skip_digits(exponent);
    }
    size_t n = (size_t)(p - l->start);
    if (is_letter(*p)) {
        l->n = n;
        return lex_bad(l, "a name follows %s without an operator; a product is written with *", lex_show(l));
    }
    /* A copy: strtod would read on into 0x1. */
    char small[64];
    char *copy = n < sizeof small ? memcpy(small, l->start, n) : arena_strndup(l->arena, l->start, n);
    copy[n] = 0;
    l->number = strtod(copy, NULL);
    take(l, TOKEN_NUMBER, n);
    return isfinite(l->number) ? STATUS_OK : lex_bad(l, "the number %s is too large", lex_show(l));
}

static enum status take_string(struct lex *l)
{
    const char *p = l->p + 1;
    int characters = 2;
    for (; *p && !(p[0] == '\'' && p[1] != '\''); p++) {
        if (*p == '\'') {
            p++;
            characters++;
        }
        characters += ((unsigned char)*p & 0xc0) != 0x80;
    }
    if (!*p)
        return lex_bad(l, "the string that starts here has no closing quote");
    l->token = TOKEN_STRING;
    l->n = (size_t)(p + 1 - l->p);
    l->p = p + 1;
    l->next += characters;
    return STATUS_OK;
}

char *lex_string(const struct lex *l)
{
    char *s = arena_alloc(l->arena, l->n), *to = s;
    for (const char *p = l->start + 1; p < l->start + l->n - 1; p++) {
        *to++ = *p;
        p += *p == '\'';
    }
    *to = 0;
    return s;
}

static int keyword(const char *s, size_t n)
{
    static const struct {
        const char *word;
        int token;
    } keywords[] = {{"if", TOKEN_IF}, {"then", TOKEN_THEN}, {"else", TOKEN_ELSE}, {"let", TOKEN_LET},
                    {"and", '&'},     {"or", '|'},          {"not", '!'}};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strlen(keywords[i].word) == n && !memcmp(s, keywords[i].word, n))
            return keywords[i].token;
    return TOKEN_NAME;
}

static enum status take_operator(struct lex *l)
{
    static const struct {
        char text[3];
        int token;
    } pairs[] = {{"<=", 'l'}, {">=", 'g'}, {"==", '='}, {"!=", 'n'}, {"&&", '&'}, {"||", '|'}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (l->p[0] == pairs[i].text[0] && l->p[1] == pairs[i].text[1])
            return take(l, pairs[i].token, 2);
    if (*l->p == '=')
        return take(l, TOKEN_ASSIGN, 1);
    if (strchr("+-*/%^<>!().,;?:", *l->p))
        return take(l, *l->p, 1);
    l->n = 1;
    if (*l->p == '&' || *l->p == '|')
        return lex_bad(l, "%s stands alone; 'and' is written && or and, 'or' is written || or or", lex_show(l));
    if (*l->p == '"')
        return lex_bad(l, "strings stand in single quotes");
    if ((unsigned char)*l->p < 0x20 || (unsigned char)*l->p >= 0x7f)
        return lex_bad(l, "a character that no expression has (byte 0x%02x)", (unsigned char)*l->p);
    return lex_bad(l, "%s means nothing in an expression", lex_show(l));
}

enum status lex_next(struct lex *l)
{
    bool after_dot = l->token == '.';
    bool after_operand = l->token == TOKEN_NUMBER || l->token == TOKEN_STRING || l->token == TOKEN_NAME ||
                         l->token == TOKEN_PORT || l->token == ')';
    for (; *l->p == ' ' || *l->p == '\t' || *l->p == '\n' || *l->p == '\r'; l->p++)
        l->next++;
    l->start = l->p;
    l->column = l->next;
    l->n = 0;
    if (!*l->p)
        return take(l, TOKEN_END, 0);
    if (after_dot && (is_digit(*l->p) || is_letter(*l->p)))
        return take(l, TOKEN_PORT, (size_t)((is_digit(*l->p) ? skip_digits(l->p) : skip_name(l->p)) - l->p));
    if (is_digit(*l->p) || (*l->p == '.' && is_digit(l->p[1]) && !after_operand))
        return take_number(l);
    if (*l->p == '\'')
        return take_string(l);
    if (is_letter(*l->p)) {
        size_t n = (size_t)(skip_name(l->p) - l->p);
        return take(l, keyword(l->p, n), n);
    }
    return take_operator(l);
}
