/* Words of the expression language; shared by expr.c and expr_lex.c only. */
#ifndef CORE_EXPR_LEX_H
#define CORE_EXPR_LEX_H

#include "core/expr.h"

/* Operators are the letters of struct expr's `op`, other punctuation is itself. */
enum token {
    TOKEN_END = 0,
    TOKEN_NUMBER = 256,
    TOKEN_STRING,
    TOKEN_NAME,
    TOKEN_PORT, /* what follows a dot: a name or decimal digits */
    TOKEN_ASSIGN,
    TOKEN_IF,
    TOKEN_THEN,
    TOKEN_ELSE,
    TOKEN_LET,
};

struct lex {
    const char *p; /* the rest of the text */
    int next;      /* column of *p */
    int token;     /* the present word */
    int column;    /* where it starts, 1-based, in characters */
    const char *start;
    size_t n;
    double number;
    const char *pointer;
    struct arena *arena;
    struct fault *fault;
};

/* Moves to the next word. A lex may be copied to look ahead. */
enum status lex_next(struct lex *l) MUST_CHECK;
enum status lex_bad(const struct lex *l, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* at the present word */
char *lex_string(const struct lex *l);     /* the text of a TOKEN_STRING, doubled quotes undone */
char *lex_show(const struct lex *l);       /* the present word, for a message */

#endif
