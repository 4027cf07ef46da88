/* Text that grows in an arena: what printers write to. Start with {.arena = a}; `s` is NUL-terminated after the first
 * addition. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stddef.h>

#include "core/arena.h"

struct text {
    struct arena *arena;
    char *s;
    size_t n, cap;
};

void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The shortest decimal that reads back to the same double; valid in JSON and in expressions. A number that is not
 * finite is written as null, which JSON has in its place. */
void text_number(struct text *t, double v);

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void text_quoted(struct text *t, const char *s);
void text_quoted_n(struct text *t, const char *s, size_t n);

enum { NUMBER_TEXT_SIZE = 32 };
void number_text(double v, char ret_text[NUMBER_TEXT_SIZE]); /* finite numbers */

/* Length of the UTF-8 sequence at s (at most n bytes remain), 0 when it is not well-formed. */
size_t utf8_length(const unsigned char *s, size_t n);

#endif
