/* The expression language: text to tree and back. Grammar: docs/graph-language.md. Knows no names: lower.c gives them
 * meaning. */
#ifndef CORE_EXPR_H
#define CORE_EXPR_H

#include <stddef.h>
#include <stdint.h>

#include "core/fault.h"

enum expr_kind {
    EXPR_NUMBER, /* number; a minus sign straight before a literal is part of it, but -2^2 = -(2^2) and -2.x = -(2.x) */
    EXPR_STRING, /* name: the text between single quotes */
    EXPR_NAME,   /* name */
    EXPR_PORT,   /* args[0] . name   (a port, a channel number, or a swizzle such as xyz, rgb) */
    EXPR_CALL,   /* name(args...), arg_names[i] is NULL for a positional one */
    EXPR_UNARY,  /* op '-' '!' */
    EXPR_BINARY, /* op: '+' '-' '*' '/' '%' '^' '<' '>' 'l'(<=) 'g'(>=) '='(==) 'n'(!=) '&' '|' */
    EXPR_IF,     /* args[0] ? args[1] : args[2] */
    EXPR_LET,    /* let name = args[0]; args[1] */
};

struct expr {
    enum expr_kind kind;
    char op;
    int column; /* 1-based */
    double number;
    const char *name;
    struct expr **args;
    const char **arg_names;
    size_t n_args;
};

/* Bytes of text; parentheses, calls and signs within one another; height of the tree, which long sums grow too:
 * a+b+c+... */
enum { EXPR_LENGTH_MAX = 65536, EXPR_DEPTH_MAX = 200, EXPR_HEIGHT_MAX = 1024 };

/* What a client's expression may have of it, at most that; 0: all. Filled from the settings. */
struct expr_limits {
    uint32_t length, depth, height;
};

/* `pointer` goes into the faults: /nodes/n/x. limits NULL: none but the language's. STATUS_BAD_EXPRESSION with the
 * column; STATUS_LIMIT when too long or deep. */
enum status expr_parse(const char *text, const char *pointer, const struct expr_limits *limits, struct arena *a,
                       struct expr **ret_expr, struct fault *fault) MUST_CHECK;

/* Canonical text: minimal parentheses, shortest numbers, one spelling an operator; parses back to the same tree. */
char *expr_print(const struct expr *e, struct arena *a);

#endif
