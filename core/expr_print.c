/* A tree of expr.h to its canonical text: the fewest parentheses, one spelling an operator, shortest numbers. What is
 * printed parses back to the same tree, columns aside. */
#include <math.h>
#include <string.h>

#include "core/expr.h"
#include "core/text.h"

/* How tightly the text of a tree holds together; an operand that holds less than its place demands is put in
 * parentheses. */
enum level {
    LEVEL_EXPR,
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_COMPARE,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_UNARY,
    LEVEL_POWER,
    LEVEL_POSTFIX,
};

struct spelling {
    char op;
    enum level level;
    const char text[5];
};

static const struct spelling *spelling_of(char op)
{
    static const struct spelling rows[] = {
        {'|', LEVEL_OR, " || "},      {'&', LEVEL_AND, " && "},     {'=', LEVEL_COMPARE, " == "},
        {'n', LEVEL_COMPARE, " != "}, {'<', LEVEL_COMPARE, " < "},  {'l', LEVEL_COMPARE, " <= "},
        {'>', LEVEL_COMPARE, " > "},  {'g', LEVEL_COMPARE, " >= "}, {'+', LEVEL_SUM, " + "},
        {'-', LEVEL_SUM, " - "},      {'*', LEVEL_PRODUCT, " * "},  {'/', LEVEL_PRODUCT, " / "},
        {'%', LEVEL_PRODUCT, " % "},  {'^', LEVEL_POWER, "^"},
    };
    const struct spelling *row = rows;
    while (row->op != op)
        row++;
    return row;
}

static enum level level_of(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
        return signbit(e->number) ? LEVEL_UNARY : LEVEL_POSTFIX;
    case EXPR_UNARY:
        return LEVEL_UNARY;
    case EXPR_BINARY:
        return spelling_of(e->op)->level;
    case EXPR_IF:
    case EXPR_LET:
        return LEVEL_EXPR;
    case EXPR_STRING:
    case EXPR_NAME:
    case EXPR_PORT:
    case EXPR_CALL:
        break;
    }
    return LEVEL_POSTFIX;
}

static void print_tree(struct text *t, const struct expr *e);

static void print_in_parentheses(struct text *t, const struct expr *e)
{
    text_add(t, "(");
    print_tree(t, e);
    text_add(t, ")");
}

static void print_operand(struct text *t, const struct expr *e, enum level least)
{
    if (level_of(e) < least)
        print_in_parentheses(t, e);
    else
        print_tree(t, e);
}

static void print_string(struct text *t, const char *s)
{
    text_add(t, "'");
    for (const char *quote; (quote = strchr(s, '\'')); s = quote + 1) {
        text_add_n(t, s, (size_t)(quote + 1 - s));
        text_add(t, "'");
    }
    text_add(t, s);
    text_add(t, "'");
}

static void print_call(struct text *t, const struct expr *e)
{
    text_add(t, e->name);
    text_add(t, "(");
    for (size_t i = 0; i < e->n_args; i++) {
        if (i)
            text_add(t, ", ");
        if (e->arg_names[i]) {
            text_add(t, e->arg_names[i]);
            text_add(t, "=");
        }
        print_tree(t, e->args[i]);
    }
    text_add(t, ")");
}

static void print_unary(struct text *t, const struct expr *e)
{
    const struct expr *operand = e->args[0];
    text_add_n(t, &e->op, 1);
    /* Without parentheses the sign would become part of the literal. */
    if (e->op == '-' && operand->kind == EXPR_NUMBER && !signbit(operand->number))
        print_in_parentheses(t, operand);
    else
        print_operand(t, operand, LEVEL_UNARY);
}

static void print_binary(struct text *t, const struct expr *e)
{
    const struct spelling *row = spelling_of(e->op);
    enum level left = row->level, right = row->level + 1;
    if (e->op == '^') {
        left = LEVEL_POSTFIX;
        right = LEVEL_UNARY;
    }
    print_operand(t, e->args[0], left);
    text_add(t, row->text);
    print_operand(t, e->args[1], right);
}

static void print_port(struct text *t, const struct expr *e)
{
    /* 2.5 would be a number. */
    if (e->args[0]->kind == EXPR_NUMBER)
        print_in_parentheses(t, e->args[0]);
    else
        print_operand(t, e->args[0], LEVEL_POSTFIX);
    text_add(t, ".");
    text_add(t, e->name);
}

static void print_if(struct text *t, const struct expr *e)
{
    print_operand(t, e->args[0], LEVEL_OR);
    text_add(t, " ? ");
    print_tree(t, e->args[1]);
    text_add(t, " : ");
    print_tree(t, e->args[2]);
}

static void print_let(struct text *t, const struct expr *e)
{
    text_add(t, "let ");
    text_add(t, e->name);
    text_add(t, " = ");
    print_tree(t, e->args[0]);
    text_add(t, "; ");
    print_tree(t, e->args[1]);
}

static void print_tree(struct text *t, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
        text_number(t, e->number);
        break;
    case EXPR_STRING:
        print_string(t, e->name);
        break;
    case EXPR_NAME:
        text_add(t, e->name);
        break;
    case EXPR_PORT:
        print_port(t, e);
        break;
    case EXPR_CALL:
        print_call(t, e);
        break;
    case EXPR_UNARY:
        print_unary(t, e);
        break;
    case EXPR_BINARY:
        print_binary(t, e);
        break;
    case EXPR_IF:
        print_if(t, e);
        break;
    case EXPR_LET:
        print_let(t, e);
        break;
    }
}

char *expr_print(const struct expr *e, struct arena *a)
{
    struct text t = {.arena = a};
    print_tree(&t, e);
    return t.s;
}
