/* labels: core */
/* Law 3: what is in a kernel's shape and what is not. Spelling, order, names, dead nodes, commuted operands and the
 * values of numbers are not; structure is. With `bake` numbers are structure, and the passes show their effect on them.
 */
#include "tests/support.h"

#include <string.h>

#include "api/json/json.h"
#include "core/lower.h"
#include "core/pass.h"

static struct arena *arena;

struct made {
    struct bytes shape;
    char id[GRAPH_ID_SIZE];
    struct ir *ir;
};

static struct made make(const char *text)
{
    struct json_limits json = {.max_bytes = 1 << 20, .max_depth = 64};
    struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
    struct datum *datum;
    struct graph *g;
    struct lowered l;
    struct fault fault;
    struct made m;
    fault_init(&fault, arena);
    enum status status = STATUS_OK;
    if (*text == '{') {
        status = json_read(text, strlen(text), &json, arena, &datum, &fault);
        if (status == STATUS_OK)
            status = graph_read(datum, &limits, arena, &g, &fault);
    } else {
        status = graph_from_expr(text, NULL, arena, &g, &fault);
    }
    if (status == STATUS_OK) {
        enum graph_kind kind = graph_kind(g) == GRAPH_AUDIO ? GRAPH_AUDIO : GRAPH_FIELD;
        status = lower(g, (struct layout){kind, 1}, &limits, arena, &l, &fault);
    }
    if (status != STATUS_OK)
        fail_msg("%s: %s %s", text, fault.items[0].pointer, fault.items[0].detail);
    passes_run(l.ir, NULL, NULL);
    m.ir = l.ir;
    m.shape = ir_shape(l.ir, arena);
    graph_id(g, arena, m.id);
    return m;
}

static bool same_shape(const struct made *a, const struct made *b)
{
    return a->shape.n == b->shape.n && !memcmp(a->shape.data, b->shape.data, a->shape.n);
}

static void must_share(const char *x, const char *y, bool same_id)
{
    struct made a = make(x), b = make(y);
    if (!same_shape(&a, &b))
        fail_msg("another kernel:\n%s\n%s\n%s\n%s", x, y, ir_print(a.ir, arena), ir_print(b.ir, arena));
    if (same_id != !strcmp(a.id, b.id))
        fail_msg("%s id:\n%s\n%s", same_id ? "another" : "the same", x, y);
}

static void must_differ(const char *x, const char *y)
{
    struct made a = make(x), b = make(y);
    if (same_shape(&a, &b))
        fail_msg("the same kernel:\n%s\n%s", x, y);
    assert_string_not_equal(a.id, b.id);
}

#define GRAPH(nodes, output) "{\"version\":1,\"nodes\":{" nodes "},\"output\":" output "}"

static void spelling_changes_neither_key_nor_id(void **state)
{
    (void)state;
    must_share("x*0.1 + y", "x * 1e-1+y", true);
    must_share("x*0.1 + y", "(x*0.10)+(y)", true);
    must_share(GRAPH("\"a\":{\"op\":\"affine\",\"in\":\"x\",\"gain\":2}", "\"a\""),
               GRAPH("\"a\":{\"gain\":2.0,\"in\":\"x\",\"op\":\"affine\"}", "\"a\""), true);
    must_share(GRAPH("\"a\":{\"op\":\"affine\",\"in\":\"x\",\"gain\":2}", "\"a\""),
               GRAPH("\"other\":{\"op\":\"affine\",\"in\":\"x\",\"gain\":2}", "\"other\""), true);
    must_share(GRAPH("\"a\":{\"op\":\"affine\",\"in\":\"x\"},\"b\":{\"op\":\"affine\",\"in\":\"a*a\"}", "\"b\""),
               GRAPH("\"b\":{\"op\":\"affine\",\"in\":\"a*a\"},\"a\":{\"op\":\"affine\",\"in\":\"x\"}", "\"b\""), true);
    must_share("not (x > 0.5)", "!(x > 0.5)", true);
    must_share("if x > 0.5 then 1 else y", "x > 0.5 ? 1 : y", true);
}

static void dead_nodes_change_neither_key_nor_id(void **state)
{
    (void)state;
    must_share(
        GRAPH("\"a\":{\"op\":\"affine\",\"in\":\"x\"}", "\"a\""),
        GRAPH("\"a\":{\"op\":\"affine\",\"in\":\"x\"},\"dead\":{\"op\":\"affine\",\"in\":\"sin(a*y)\"}", "\"a\""),
        true);
}

static void commuted_operands_share_a_kernel(void **state)
{
    (void)state;
    must_share("x*y + sin(x)", "sin(x) + y*x", false);
    must_share("x*3 + y*4", "y*4 + x*3", false);
    must_share("in*0.5 + z1(in)", "z1(in) + 0.5*in", false);
    must_differ("x - y", "y - x");
    must_differ("min(x, y)", "min(y, x)");
}

static void values_of_numbers_share_a_kernel(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0", "1", "-1", "0.5", "2", "1e30", "-0.0", "3.25"};
    static const char *const forms[] = {"x*%s + y",        "x + %s",
                                        "pow(x, %s)",      "x/%s - y",
                                        "min(x, %s)",      "lowpass(in, 100 + %s)",
                                        "clamp(x, %s, 2)", "gnoise(x, y, seed=%s)",
                                        "select(x, %s, y)"};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        for (size_t i = 1; i < sizeof numbers / sizeof *numbers; i++) {
            const char *from = strstr(forms[f], "%s");
            char *a = arena_printf(arena, "%.*s%s%s", (int)(from - forms[f]), forms[f], numbers[0], from + 2);
            char *b = arena_printf(arena, "%.*s%s%s", (int)(from - forms[f]), forms[f], numbers[i], from + 2);
            must_share(a, b, false);
        }
}

static void a_parameter_and_a_number_share_a_kernel(void **state)
{
    (void)state;
    struct made a = make("x*3"), b = make("{\"version\":1,\"params\":{\"k\":7},\"nodes\":{},\"output\":\"x*k\"}");
    assert_true(same_shape(&a, &b));
}

static void structure_is_in_the_key(void **state)
{
    (void)state;
    must_differ("fbm2(x, y, octaves=3)", "fbm2(x, y, octaves=4)");
    must_differ("svf(in, 100, type='lp')", "svf(in, 100, type='hp')");
    must_differ("x + y", "x*y");
    must_differ("gnoise(x, y)", "gnoise(x, y, 0)");
}

#define BAKED(output) "{\"version\":1,\"bake\":true,\"nodes\":{},\"output\":\"" output "\"}"

static int count_ops(const struct ir *ir, enum rate rate)
{
    int n = 0;
    for (uint32_t i = 1; i < ir->main.n; i++)
        n += !(op_info(ir->main.ins[i].op)->flags & OP_SOURCE) && ir->main.ins[i].rate == rate;
    return n;
}

static void baked_literals_fold(void **state)
{
    (void)state;
    struct made folded = make(BAKED("in*(2*3 - 5)")), plain = make(BAKED("in"));
    assert_true(same_shape(&folded, &plain)); /* x*1 is x */
    must_differ(BAKED("x*2"), BAKED("x*3"));
    /* resin's worked example: gain .5, offset 1, gain 2, offset -.5 is x + 1.5 */
    struct made chain = make(BAKED("((in*0.5 + 1)*2) - 0.5")), sum = make(BAKED("in + 1.5"));
    if (!same_shape(&chain, &sum))
        fail_msg("%s\n%s", ir_print(chain.ir, arena), ir_print(sum.ir, arena));
    assert_int_equal(count_ops(chain.ir, RATE_SAMPLE), 1);
}

static void unbaked_chains_cost_one_operation_a_sample(void **state)
{
    (void)state;
    struct made chain = make("((in*0.5 + 1)*2) - 0.5");
    ir_rates(chain.ir);
    assert_int_equal(count_ops(chain.ir, RATE_SAMPLE), 1);
}

static void what_may_be_nan_or_signed_stays(void **state)
{
    (void)state;
    must_differ(BAKED("in*0"), BAKED("0"));
    must_differ(BAKED("in - in"), BAKED("0"));
    must_differ(BAKED("in/in"), BAKED("1"));
    must_differ(BAKED("in + 0"), BAKED("in")); /* -0 + 0 is 0 */
}

static void a_gain_that_is_modulated_is_kept(void **state)
{
    (void)state;
    must_differ("in*sine(3)", "in");
    struct made m = make("affine(in, gain=sine(3))");
    assert_true(count_ops(m.ir, RATE_SAMPLE) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spelling_changes_neither_key_nor_id),
        cmocka_unit_test(dead_nodes_change_neither_key_nor_id),
        cmocka_unit_test(commuted_operands_share_a_kernel),
        cmocka_unit_test(values_of_numbers_share_a_kernel),
        cmocka_unit_test(a_parameter_and_a_number_share_a_kernel),
        cmocka_unit_test(structure_is_in_the_key),
        cmocka_unit_test(baked_literals_fold),
        cmocka_unit_test(unbaked_chains_cost_one_operation_a_sample),
        cmocka_unit_test(what_may_be_nan_or_signed_stays),
        cmocka_unit_test(a_gain_that_is_modulated_is_kept),
    };
    arena = arena_new((size_t)512 << 20);
    if (ARENA_GUARD(arena))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
