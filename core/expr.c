/* Expression text to a tree, by recursive descent; the grammar stands in docs/graph-language.md. Stops at the first
 * error. What names mean, how many arguments a function takes and what a port is called are lower.c's business. */
#include "core/expr.h"

#include <stdbool.h>
#include <string.h>

#include "core/expr_lex.h"

struct parser {
    struct lex lex;
    struct expr_limits most;
    unsigned depth;
};

/* Every node the parser makes is one of these: heights are bounded so that whoever walks the tree may recurse. */
struct tall_expr {
    struct expr e;
    unsigned height;
};

static enum status parse_expr(struct parser *p, struct expr **ret);
static enum status parse_unary(struct parser *p, struct expr **ret);

static enum status over_limit(struct parser *p, const char *limit, const char *what, unsigned most, const char *unit)
{
    struct lex *l = &p->lex;
    if (!l->fault->limit)
        l->fault->limit = limit;
    return fault_add(l->fault, STATUS_LIMIT, l->pointer, l->column,
                     "the expression %s %u %s; name its parts as nodes (limit %s, set by --%s)", what, most, unit,
                     limit, limit);
}

static enum status enter(struct parser *p)
{
    if (++p->depth <= p->most.depth)
        return STATUS_OK;
    return over_limit(p, "max-expression-depth", "is nested deeper than", p->most.depth, "levels");
}

static struct expr *expr_new(struct parser *p, enum expr_kind kind, int column, size_t n_args)
{
    struct expr *e = &ARENA_NEW(p->lex.arena, struct tall_expr)->e;
    e->kind = kind;
    e->column = column;
    e->n_args = n_args;
    if (n_args)
        e->args = ARENA_ARRAY(p->lex.arena, n_args, struct expr *);
    return e;
}

/* Its arguments are known: they decide the height. */
static enum status finish(struct parser *p, struct expr *e)
{
    unsigned height = 0;
    for (size_t i = 0; i < e->n_args; i++) {
        unsigned h = ((struct tall_expr *)e->args[i])->height;
        if (h > height)
            height = h;
    }
    ((struct tall_expr *)e)->height = height + 1;
    if (height < p->most.height)
        return STATUS_OK;
    return over_limit(p, "max-expression-chain", "chains more than", p->most.height, "operators");
}

static enum status expect(struct parser *p, int token, const char *what)
{
    if (p->lex.token != token)
        return lex_bad(&p->lex, "%s is expected here, not %s", what, lex_show(&p->lex));
    return lex_next(&p->lex);
}

static char *word(const struct parser *p)
{
    return arena_strndup(p->lex.arena, p->lex.start, p->lex.n);
}

struct arg_list {
    struct expr **args;
    const char **names;
    size_t n, cap;
    bool named;
};

static void arg_list_add(struct parser *p, struct arg_list *list, struct expr *e, const char *name)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 4;
        list->args = arena_grow(p->lex.arena, list->args, list->n, cap, sizeof *list->args);
        list->names = arena_grow(p->lex.arena, list->names, list->n, cap, sizeof *list->names);
        list->cap = cap;
    }
    list->args[list->n] = e;
    list->names[list->n++] = name;
}

static enum status parse_arg(struct parser *p, struct arg_list *list)
{
    const char *name = NULL;
    if (p->lex.token == TOKEN_NAME) {
        struct lex ahead = p->lex;
        TRY(lex_next(&ahead));
        if (ahead.token == TOKEN_ASSIGN) {
            name = word(p);
            p->lex = ahead;
            TRY(lex_next(&p->lex));
        }
    }
    if (!name && list->named)
        return lex_bad(&p->lex, "an argument without a name cannot follow a named one");
    list->named = name != NULL;
    struct expr *e;
    TRY(parse_expr(p, &e));
    arg_list_add(p, list, e, name);
    return STATUS_OK;
}

/* At the opening parenthesis. */
static enum status parse_call(struct parser *p, struct expr *call)
{
    struct arg_list list = {0};
    TRY(lex_next(&p->lex));
    if (p->lex.token != ')')
        TRY(parse_arg(p, &list));
    while (p->lex.token == ',') {
        TRY(lex_next(&p->lex));
        TRY(parse_arg(p, &list));
    }
    call->kind = EXPR_CALL;
    call->args = list.args;
    call->arg_names = list.names;
    call->n_args = list.n;
    return expect(p, ')', list.n ? "',' or ')'" : "an argument or ')'");
}

static enum status parse_primary(struct parser *p, struct expr **ret)
{
    struct lex *l = &p->lex;
    struct expr *e;
    switch (l->token) {
    case TOKEN_NUMBER:
        e = expr_new(p, EXPR_NUMBER, l->column, 0);
        e->number = l->number;
        TRY(lex_next(l));
        break;
    case TOKEN_STRING:
        e = expr_new(p, EXPR_STRING, l->column, 0);
        e->name = lex_string(l);
        TRY(lex_next(l));
        break;
    case TOKEN_NAME:
        e = expr_new(p, EXPR_NAME, l->column, 0);
        e->name = word(p);
        TRY(lex_next(l));
        if (l->token == '(')
            TRY(parse_call(p, e));
        break;
    case '(':
        TRY(lex_next(l));
        TRY(parse_expr(p, ret));
        return expect(p, ')', "')'");
    case TOKEN_IF:
    case TOKEN_LET:
        return lex_bad(l, "%s cannot be an operand; put it in parentheses", lex_show(l));
    default:
        return lex_bad(l, "a value is expected here, not %s", lex_show(l));
    }
    *ret = e;
    return finish(p, e);
}

static enum status parse_postfix(struct parser *p, struct expr **ret)
{
    TRY(parse_primary(p, ret));
    while (p->lex.token == '.') {
        TRY(lex_next(&p->lex));
        if (p->lex.token != TOKEN_PORT)
            return lex_bad(&p->lex, "a port's name or number is expected after '.', not %s", lex_show(&p->lex));
        struct expr *e = expr_new(p, EXPR_PORT, (*ret)->column, 1);
        e->name = word(p);
        e->args[0] = *ret;
        *ret = e;
        TRY(finish(p, e));
        TRY(lex_next(&p->lex));
    }
    return STATUS_OK;
}

static enum status binary(struct parser *p, int op, int column, struct expr *left, struct expr *right,
                          struct expr **ret)
{
    struct expr *e = expr_new(p, EXPR_BINARY, column, 2);
    e->op = (char)op;
    e->args[0] = left;
    e->args[1] = right;
    *ret = e;
    return finish(p, e);
}

static enum status parse_power(struct parser *p, struct expr **ret)
{
    TRY(parse_postfix(p, ret));
    if (p->lex.token != '^')
        return STATUS_OK;
    int column = p->lex.column;
    struct expr *right;
    TRY(enter(p));
    TRY(lex_next(&p->lex));
    TRY(parse_unary(p, &right));
    p->depth--;
    return binary(p, '^', column, *ret, right, ret);
}

/* At a minus: is the next word a literal that the sign belongs to? */
static enum status sign_of_literal(const struct parser *p, bool *ret)
{
    struct lex ahead = p->lex;
    TRY(lex_next(&ahead));
    *ret = false;
    if (ahead.token != TOKEN_NUMBER)
        return STATUS_OK;
    TRY(lex_next(&ahead));
    *ret = ahead.token != '^' && ahead.token != '.';
    return STATUS_OK;
}

static enum status parse_sign(struct parser *p, struct expr **ret)
{
    int op = p->lex.token, column = p->lex.column;
    bool literal = false;
    if (op == '-')
        TRY(sign_of_literal(p, &literal));
    struct expr *operand;
    TRY(enter(p));
    TRY(lex_next(&p->lex));
    TRY(parse_unary(p, &operand));
    p->depth--;
    if (literal) {
        operand->number = -operand->number;
        operand->column = column;
        *ret = operand;
        return STATUS_OK;
    }
    *ret = expr_new(p, EXPR_UNARY, column, 1);
    (*ret)->op = (char)op;
    (*ret)->args[0] = operand;
    return finish(p, *ret);
}

static enum status parse_unary(struct parser *p, struct expr **ret)
{
    if (p->lex.token == '-' || p->lex.token == '!')
        return parse_sign(p, ret);
    return parse_power(p, ret);
}

enum { LEVEL_LOWEST = 1 };

/* Binding strength of the operators that group to the left; 0: not one. */
static int level(int token)
{
    switch (token) {
    case '|':
        return LEVEL_LOWEST;
    case '&':
        return 2;
    case '=':
    case 'n':
    case '<':
    case 'l':
    case '>':
    case 'g':
        return 3;
    case '+':
    case '-':
        return 4;
    case '*':
    case '/':
    case '%':
        return 5;
    default:
        return 0;
    }
}

static enum status parse_binary(struct parser *p, int least, struct expr **ret)
{
    TRY(parse_unary(p, ret));
    for (int l; (l = level(p->lex.token)) && l >= least;) {
        int op = p->lex.token, column = p->lex.column;
        struct expr *right;
        TRY(lex_next(&p->lex));
        TRY(parse_binary(p, l + 1, &right));
        TRY(binary(p, op, column, *ret, right, ret));
    }
    return STATUS_OK;
}

/* After the condition, at `first`: "? yes : no" or "then yes else no". */
static enum status parse_arms(struct parser *p, struct expr *condition, int column, bool words, struct expr **ret)
{
    struct expr *e = expr_new(p, EXPR_IF, column, 3);
    e->args[0] = condition;
    TRY(expect(p, words ? TOKEN_THEN : '?', "'then'"));
    TRY(parse_expr(p, &e->args[1]));
    TRY(expect(p, words ? TOKEN_ELSE : ':', words ? "'else'" : "':'"));
    TRY(parse_expr(p, &e->args[2]));
    *ret = e;
    return finish(p, e);
}

static enum status parse_let(struct parser *p, struct expr **ret)
{
    struct expr *e = expr_new(p, EXPR_LET, p->lex.column, 2);
    TRY(lex_next(&p->lex));
    if (p->lex.token != TOKEN_NAME)
        return lex_bad(&p->lex, "a name is expected after 'let', not %s", lex_show(&p->lex));
    e->name = word(p);
    TRY(lex_next(&p->lex));
    TRY(expect(p, TOKEN_ASSIGN, "'='"));
    TRY(parse_expr(p, &e->args[0]));
    TRY(expect(p, ';', "';'"));
    TRY(parse_expr(p, &e->args[1]));
    *ret = e;
    return finish(p, e);
}

static enum status parse_expr(struct parser *p, struct expr **ret)
{
    int column = p->lex.column;
    TRY(enter(p));
    if (p->lex.token == TOKEN_LET) {
        TRY(parse_let(p, ret));
    } else if (p->lex.token == TOKEN_IF) {
        struct expr *condition;
        TRY(lex_next(&p->lex));
        TRY(parse_expr(p, &condition));
        TRY(parse_arms(p, condition, column, true, ret));
    } else {
        TRY(parse_binary(p, LEVEL_LOWEST, ret));
        if (p->lex.token == '?')
            TRY(parse_arms(p, *ret, column, false, ret));
    }
    p->depth--;
    return STATUS_OK;
}

static uint32_t at_most(uint32_t given, uint32_t most)
{
    return given && given < most ? given : most;
}

enum status expr_parse(const char *text, const char *pointer, const struct expr_limits *limits, struct arena *a,
                       struct expr **ret_expr, struct fault *fault)
{
    const struct expr_limits given = limits ? *limits : (struct expr_limits){0};
    struct parser p = {.lex = {.p = text, .next = 1, .column = 1, .pointer = pointer, .arena = a, .fault = fault},
                       .most = {.length = at_most(given.length, EXPR_LENGTH_MAX),
                                .depth = at_most(given.depth, EXPR_DEPTH_MAX),
                                .height = at_most(given.height, EXPR_HEIGHT_MAX)}};
    if (strnlen(text, (size_t)p.most.length + 1) > p.most.length)
        return over_limit(&p, "max-expression", "is longer than", p.most.length, "bytes");
    p.lex.token = TOKEN_ASSIGN; /* nothing an operand: a dot that comes first starts a number */
    TRY(lex_next(&p.lex));
    if (p.lex.token == TOKEN_END)
        return lex_bad(&p.lex, "the expression is empty");
    struct expr *e;
    TRY(parse_expr(&p, &e));
    if (p.lex.token == ')')
        return lex_bad(&p.lex, "this ')' closes nothing");
    if (p.lex.token != TOKEN_END)
        return lex_bad(&p.lex, "an operator is expected here, not %s", lex_show(&p.lex));
    *ret_expr = e;
    return STATUS_OK;
}
