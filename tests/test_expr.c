/* labels: core */
/* Expressions: how they group, what is refused and where, and that printing and parsing undo each other. */
#include "tests/support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#include "core/expr.h"
#include "core/text.h"

/* The tree with every group spelt out: (+ a (* b c)). */
static void add_tree(struct text *t, const struct expr *e)
{
    static const char *const kinds[] = {
        [EXPR_PORT] = "port",
        [EXPR_CALL] = "call",
        [EXPR_IF] = "if",
        [EXPR_LET] = "let",
    };
    if (e->kind == EXPR_NUMBER) {
        text_number(t, e->number);
        return;
    }
    if (e->kind == EXPR_NAME) {
        text_add(t, e->name);
        return;
    }
    if (e->kind == EXPR_STRING) {
        text_addf(t, "\"%s\"", e->name);
        return;
    }
    text_add(t, "(");
    if (kinds[e->kind])
        text_add(t, kinds[e->kind]);
    else
        text_addf(t, "%c", e->op);
    if (e->name)
        text_addf(t, " %s", e->name);
    for (size_t i = 0; i < e->n_args; i++) {
        text_add(t, " ");
        if (e->kind == EXPR_CALL && e->arg_names[i])
            text_addf(t, "%s=", e->arg_names[i]);
        add_tree(t, e->args[i]);
    }
    text_add(t, ")");
}

static const char *tree_of(struct arena *a, const struct expr *e)
{
    struct text t = {.arena = a};
    add_tree(&t, e);
    return t.s;
}

static struct expr *parse(struct arena *a, const char *s)
{
    struct fault f;
    struct expr *e = NULL;
    fault_init(&f, a);
    if (expr_parse(s, "/output", NULL, a, &e, &f) != STATUS_OK)
        fail_msg("'%s', column %d: %s", s, f.items[0].column, f.items[0].detail);
    assert_int_equal(f.count, 0);
    return e;
}

struct example {
    const char *text, *tree, *printed; /* printed: NULL when it is the text */
};

static const struct example examples[] = {
    {"1 + 2 * 3", "(+ 1 (* 2 3))", NULL},
    {"(1 + 2) * 3", "(* (+ 1 2) 3)", NULL},
    {"1 - 2 - 3", "(- (- 1 2) 3)", NULL},
    {"1 - (2 - 3)", "(- 1 (- 2 3))", NULL},
    {"a / b % c", "(% (/ a b) c)", NULL},
    {"a / (b * c)", "(/ a (* b c))", NULL},
    {"2^3^4", "(^ 2 (^ 3 4))", NULL},
    {"(2^3)^4", "(^ (^ 2 3) 4)", NULL},
    {"-x^2", "(- (^ x 2))", NULL},
    {"(-x)^2", "(^ (- x) 2)", NULL},
    {"-2", "-2", NULL},
    {"-2^2", "(- (^ 2 2))", NULL},
    {"(-2)^2", "(^ -2 2)", NULL},
    {"2^-3", "(^ 2 -3)", NULL},
    {"2^-x^3", "(^ 2 (- (^ x 3)))", NULL},
    {"-(2)", "(- 2)", NULL},
    {"--2", "(- -2)", NULL},
    {"---2", "(- (- -2))", NULL},
    {"- 2", "-2", "-2"},
    {"-(-x)", "(- (- x))", "--x"},
    {"a - -2", "(- a -2)", NULL},
    {"a -2", "(- a 2)", "a - 2"},
    {"-0", "-0", NULL},
    {"-2 .x", "(- (port x 2))", "-(2).x"},
    {"(-2).x", "(port x -2)", NULL},
    {"-x * y", "(* (- x) y)", NULL},
    {"-(x * y)", "(- (* x y))", NULL},
    {"not a == b", "(= (! a) b)", "!a == b"},
    {"!(a == b)", "(! (= a b))", NULL},
    {"a or b and c", "(| a (& b c))", "a || b && c"},
    {"(a || b) && c", "(& (| a b) c)", NULL},
    {"a < b == c", "(= (< a b) c)", NULL},
    {"a<=b", "(l a b)", "a <= b"},
    {"a >= b and c != d", "(& (g a b) (n c d))", "a >= b && c != d"},
    {"x > 0 ? a : b", "(if (> x 0) a b)", NULL},
    {"if x > 0 then a else b", "(if (> x 0) a b)", "x > 0 ? a : b"},
    {"if a then b else if c then d else e", "(if a b (if c d e))", "a ? b : c ? d : e"},
    {"a ? b ? c : d : e", "(if a (if b c d) e)", NULL},
    {"(a ? b : c) ? d : e", "(if (if a b c) d e)", NULL},
    {"if if a then b else c then d else e", "(if (if a b c) d e)", "(a ? b : c) ? d : e"},
    {"1 + (a ? b : c)", "(+ 1 (if a b c))", NULL},
    {"a ? b : c + 1", "(if a b (+ c 1))", NULL},
    {"let r = hypot(x, y); r * r", "(let r (call hypot x y) (* r r))", NULL},
    {"let a = let b = 1; b; a", "(let a (let b 1 b) a)", NULL},
    {"a ? let q = v; q : b", "(if a (let q v q) b)", NULL},
    {"(let q = 1; q) + 2", "(+ (let q 1 q) 2)", NULL},
    {"pi()", "(call pi)", NULL},
    {"perlin2(x*4,y*4,seed=7)", "(call perlin2 (* x 4) (* y 4) seed=7)", "perlin2(x * 4, y * 4, seed=7)"},
    {"f(a == b)", "(call f (= a b))", NULL},
    {"f(let a = 1; a, b ? c : d)", "(call f (let a 1 a) (if b c d))", NULL},
    {"cellular(x, y, returns='f2-f1')", "(call cellular x y returns=\"f2-f1\")", NULL},
    {"image('it''s', u, v).rgb", "(port rgb (call image \"it's\" u v))", NULL},
    {"''", "\"\"", NULL},
    {"in.0 + in.1", "(+ (port 0 in) (port 1 in))", NULL},
    {"in.0.1", "(port 1 (port 0 in))", NULL},
    {"p . x", "(port x p)", "p.x"},
    {"(a + b).xyz", "(port xyz (+ a b))", NULL},
    {"a.if", "(port if a)", NULL},
    {"m.0x", NULL, NULL},
    {".5", "0.5", "0.5"},
    {"5.", "5", "5"},
    {"1e3 + 1E-3 + 1.5e+2", "(+ (+ 1000 0.001) 150)", "1000 + 0.001 + 150"},
    {"a-.5", "(- a 0.5)", "a - 0.5"},
    {"x?.5:.25", "(if x 0.5 0.25)", "x ? 0.5 : 0.25"},
    {"\n x\t+\r\ny ", "(+ x y)", "x + y"},
    {"2e", NULL, NULL},
    {"mix(a,b,t).x^2", "(^ (port x (call mix a b t)) 2)", "mix(a, b, t).x^2"},
};

static void groups_as_the_grammar_says(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct example *x = &examples[i];
        if (!x->tree) {
            struct fault f;
            struct expr *e;
            fault_init(&f, a);
            assert_int_equal(expr_parse(x->text, "", NULL, a, &e, &f), STATUS_BAD_EXPRESSION);
            continue;
        }
        struct expr *e = parse(a, x->text);
        assert_string_equal(tree_of(a, e), x->tree);
        assert_string_equal(expr_print(e, a), x->printed ? x->printed : x->text);
        assert_string_equal(tree_of(a, parse(a, expr_print(e, a))), x->tree);
    }
    arena_free(a);
}

static const struct {
    const char *text;
    int column;
    const char *says;
} refusals[] = {
    {"", 1, "empty"},
    {"   ", 4, "empty"},
    {"1 +", 4, "the end"},
    {"1 + * 2", 5, "'*'"},
    {"(1 + 2", 7, "')'"},
    {"1 + 2)", 6, "closes nothing"},
    {"f(1,)", 5, "')'"},
    {"f(,1)", 3, "','"},
    {"f(1 2)", 5, "','"},
    {"f(a=1, 2)", 8, "named"},
    {"f(x", 4, "the end"},
    {"a b", 3, "operator"},
    {"2x", 1, "product"},
    {"a & b", 3, "&&"},
    {"a | b", 3, "||"},
    {"a = b", 3, "'='"},
    {"\"a\"", 1, "single quotes"},
    {"x + 'abc", 5, "closing quote"},
    {"1e999", 1, "too large"},
    {"-1e999", 2, "too large"},
    {"x.", 3, "port"},
    {"x.+", 3, "port"},
    {"x + #", 5, "'#'"},
    {"x \x01", 3, "byte 0x01"},
    {"'\xc3\xa4\xc3\xb6' $", 6, "'$'"},
    {"+x", 1, "value"},
    {"1 + if a then b else c", 5, "parentheses"},
    {"if a b else c", 6, "'then'"},
    {"if a then b", 12, "'else'"},
    {"a ? b", 6, "':'"},
    {"let = 1; 2", 5, "name"},
    {"let a 1; 2", 7, "'='"},
    {"let a = 1, 2", 10, "';'"},
    {"let a == 1; 2", 7, "'='"},
    {"let if = 1; 2", 5, "name"},
    {"then", 1, "value"},
    {"f(x)(y)", 5, "operator"},
    {"0x10", 1, "product"},
};

static void refuses_with_the_column(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct fault f;
        struct expr *e = NULL;
        fault_init(&f, a);
        enum status s = expr_parse(refusals[i].text, "/nodes/a/x", NULL, a, &e, &f);
        if (s != STATUS_BAD_EXPRESSION || f.count != 1 || e)
            fail_msg("'%s' gives status %d and %zu faults", refusals[i].text, (int)s, f.count);
        if (f.items[0].column != refusals[i].column || !strstr(f.items[0].detail, refusals[i].says))
            fail_msg("'%s', column %d: %s", refusals[i].text, f.items[0].column, f.items[0].detail);
        assert_string_equal(f.items[0].pointer, "/nodes/a/x");
    }
    arena_free(a);
}

static char *repeated(struct arena *a, const char *before, size_t n, const char *middle, const char *after)
{
    struct text t = {.arena = a};
    for (size_t i = 0; i < n; i++)
        text_add(&t, before);
    text_add(&t, middle);
    for (size_t i = 0; i < n; i++)
        text_add(&t, after);
    return t.s;
}

static void bounds_depth_height_and_length(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct {
        char *text;
        const char *limit;
    } cases[] = {
        {repeated(a, "(", 190, "x", ")"), NULL},
        {repeated(a, "(", 250, "x", ")"), "max-expression-depth"},
        {repeated(a, "(", 30000, "x", ""), "max-expression-depth"},
        {repeated(a, "-", 190, "x", ""), NULL},
        {repeated(a, "-", 60000, "x", ""), "max-expression-depth"},
        {repeated(a, "2^", 190, "x", ""), NULL},
        {repeated(a, "2^", 30000, "x", ""), "max-expression-depth"},
        {repeated(a, "f(", 20000, "x", ""), "max-expression-depth"},
        {repeated(a, "a?b:", 15000, "x", ""), "max-expression-depth"},
        {repeated(a, "x+", 1000, "x", ""), NULL},
        {repeated(a, "x+", 1100, "x", ""), "max-expression-chain"},
        {repeated(a, "", 1100, "x", ".x"), "max-expression-chain"},
        {repeated(a, "x ", 40000, "x", ""), "max-expression"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault f;
        struct expr *e;
        fault_init(&f, a);
        enum status s = expr_parse(cases[i].text, "", NULL, a, &e, &f);
        assert_int_equal(s, cases[i].limit ? STATUS_LIMIT : STATUS_OK);
        if (cases[i].limit)
            assert_string_equal(f.limit, cases[i].limit);
        else
            assert_string_equal(tree_of(a, parse(a, expr_print(e, a))), tree_of(a, e));
    }
    arena_free(a);
}

static void a_server_may_allow_less(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    const struct expr_limits limits = {.length = 40, .depth = 5, .height = 8}, more = {1u << 30, 1u << 30, 1u << 30};
    static const struct {
        const char *text, *limit;
    } cases[] = {
        {"((((x))))", NULL},
        {"(((((x)))))", "max-expression-depth"},
        {"x+x+x+x+x+x+x+x", NULL},
        {"x+x+x+x+x+x+x+x+x", "max-expression-chain"},
        {"sin(x)+sin(x)+sin(x)+sin(x)+sin(x)+1.234", NULL},
        {"sin(x)+sin(x)+sin(x)+sin(x)+sin(x)+1.2345", "max-expression"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault f;
        struct expr *e;
        fault_init(&f, a);
        enum status s = expr_parse(cases[i].text, "", &limits, a, &e, &f);
        assert_int_equal(s, cases[i].limit ? STATUS_LIMIT : STATUS_OK);
        if (!cases[i].limit)
            continue;
        assert_string_equal(f.limit, cases[i].limit);
        assert_non_null(strstr(f.items[0].detail, arena_printf(a, "set by --%s", cases[i].limit)));
        fault_init(&f, a);
        assert_int_equal(expr_parse(cases[i].text, "", NULL, a, &e, &f), STATUS_OK);
    }
    struct fault f;
    struct expr *e;
    fault_init(&f, a);
    assert_int_equal(expr_parse(repeated(a, "(", 250, "x", ")"), "", &more, a, &e, &f), STATUS_LIMIT); /* not above */
    arena_free(a);
}

static void columns_point_at_the_word(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct expr *e = parse(a, "a + sin('\xc3\xa4', -3) ");
    assert_int_equal(e->column, 3);
    assert_int_equal(e->args[0]->column, 1);
    assert_int_equal(e->args[1]->column, 5);
    assert_int_equal(e->args[1]->args[0]->column, 9);
    assert_int_equal(e->args[1]->args[1]->column, 14);
    arena_free(a);
}

static void numbers_print_shortest_and_read_back(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } known[] = {
        {0, "0"},           {-0.0, "-0"},       {0.1, "0.1"}, {1e15, "1e15"},
        {1e-7, "1e-7"},     {123456, "123456"}, {0.5, "0.5"}, {1.0 / 3, "0.3333333333333333"},
        {5e-324, "5e-324"}, {1e100, "1e100"},
    };
    char s[NUMBER_TEXT_SIZE];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        number_text(known[i].v, s);
        assert_string_equal(s, known[i].text);
    }
    /* Threads that run kernels flush denormals; numbers must not notice. */
    unsigned saved = _mm_getcsr();
    uint64_t random = 7;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = ((uint64_t)test_random(&random) << 32) | test_random(&random);
        if (i % 4 == 0)
            bits &= 0x800fffffffffffff; /* denormals */
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if ((bits >> 52 & 0x7ff) == 0x7ff)
            continue;
        _mm_setcsr(saved | 0x8040);
        number_text(v, s);
        back = strtod(s, NULL);
        _mm_setcsr(saved);
        assert_memory_equal(&back, &v, sizeof v);
    }
}

/* Random trees: whatever can be built prints to text that parses to the same tree. */
static struct expr *random_tree(struct arena *a, uint64_t *random, int depth)
{
    static const char operators[] = "+-*/%^<l>g=n&|";
    static const char *const names[] = {"x", "foo", "n1", "then_", "_"};
    struct expr *e = ARENA_NEW(a, struct expr);
    e->kind = depth ? test_random(random) % (EXPR_LET + 1) : EXPR_NUMBER;
    e->name = names[test_random(random) % 5];
    static const size_t counts[] = {
        [EXPR_PORT] = 1, [EXPR_UNARY] = 1, [EXPR_BINARY] = 2, [EXPR_IF] = 3, [EXPR_LET] = 2};
    e->n_args = e->kind == EXPR_CALL ? test_random(random) % 3 : counts[e->kind];
    e->args = ARENA_ARRAY(a, 3, struct expr *);
    e->arg_names = ARENA_ARRAY(a, 3, const char *);
    if (e->kind == EXPR_NUMBER) {
        e->name = NULL;
        e->number = ((double)test_random(random) - 0x80000000) / 1024;
    } else if (e->kind == EXPR_STRING) {
        e->name = test_random(random) % 2 ? "a'b''" : "'";
    } else if (e->kind == EXPR_UNARY || e->kind == EXPR_BINARY || e->kind == EXPR_IF) {
        e->name = NULL;
        e->op = e->kind == EXPR_UNARY ? "-!"[test_random(random) % 2] : operators[test_random(random) % 14];
    } else if (e->kind == EXPR_PORT && test_random(random) % 2) {
        e->name = "12";
    } else if (e->kind == EXPR_CALL && e->n_args) {
        e->arg_names[e->n_args - 1] = test_random(random) % 2 ? "seed" : NULL;
    }
    for (size_t i = 0; i < e->n_args; i++)
        e->args[i] = random_tree(a, random, depth - 1);
    return e;
}

static void any_tree_survives_print_and_parse(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 3000; i++) {
        struct arena *a = test_arena();
        struct expr *e = random_tree(a, &random, 1 + i % 6);
        const char *printed = expr_print(e, a);
        struct expr *again = parse(a, printed);
        assert_string_equal(tree_of(a, again), tree_of(a, e));
        assert_string_equal(expr_print(again, a), printed);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_as_the_grammar_says),        cmocka_unit_test(refuses_with_the_column),
        cmocka_unit_test(bounds_depth_height_and_length),    cmocka_unit_test(a_server_may_allow_less),
        cmocka_unit_test(columns_point_at_the_word),         cmocka_unit_test(numbers_print_shortest_and_read_back),
        cmocka_unit_test(any_tree_survives_print_and_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
