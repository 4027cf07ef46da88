/* labels: core */
/* Graphs: what their JSON form allows, where errors point, and the canonical text that names them. */
#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/json/json.h"
#include "api/json/json_write.h"
#include "core/graph.h"

static const struct json_limits roomy = {.max_bytes = 64 << 20, .max_depth = 64};
static const struct graph_limits limits = GRAPH_LIMITS_DEFAULT;

/* Tests write ' for " and ` for '. */
static char *json_of(struct arena *a, const char *text)
{
    char *s = arena_strdup(a, text);
    for (char *p = s; *p; p++)
        *p = (char)(*p == '\'' ? '"' : *p == '`' ? '\'' : *p);
    return s;
}

static enum status read_text(struct arena *a, const char *json, struct graph **ret, struct fault *f)
{
    struct datum *root;
    fault_init(f, a);
    if (json_read(json, strlen(json), &roomy, a, &root, f) != STATUS_OK)
        fail_msg("%s: %s", json, f->items[0].detail);
    return graph_read(root, &limits, a, ret, f);
}

static struct graph *read_json(struct arena *a, const char *json)
{
    struct fault f;
    struct graph *g = NULL;
    if (read_text(a, json, &g, &f) != STATUS_OK)
        fail_msg("%s\n%s: %s", json, f.items[0].pointer, f.items[0].detail);
    assert_int_equal(f.count, 0);
    return g;
}

static struct graph *read_graph(struct arena *a, const char *text)
{
    return read_json(a, json_of(a, text));
}

static void reads_the_example_of_the_contract(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct graph *g =
        read_graph(a, "{ 'version': 1,"
                      "  'params': { 'scale': 4, 'cutoff': {'default': 1000, 'min': 20, 'max': 20000, 'unit': 'Hz'} },"
                      "  'nodes': { 'n': {'op': 'perlin2', 'x': 'x*scale', 'y': 'y*scale', 'seed': 7},"
                      "             'warm': {'op': 'ramp', 'in': 'n', 'stops': [[0, '#102030'], [1, '#ffeecc']]} },"
                      "  'output': 'warm' }");
    assert_int_equal(g->n_params, 2);
    assert_string_equal(g->params[0].name, "scale");
    assert_true(g->params[0].value == 4 && isinf(g->params[0].min) && isinf(g->params[0].max) && !g->params[0].unit);
    assert_true(g->params[1].value == 1000 && g->params[1].min == 20 && g->params[1].max == 20000);
    assert_string_equal(g->params[1].unit, "Hz");
    assert_int_equal(g->n_nodes, 2);
    assert_string_equal(g->nodes[0].def->name, "perlin2");
    assert_int_equal(g->nodes[0].n_inputs, 3);
    assert_string_equal(g->nodes[0].inputs[2].pointer, "/nodes/n/seed");
    assert_true(g->nodes[0].inputs[2].expr->kind == EXPR_NUMBER && g->nodes[0].inputs[2].expr->number == 7);
    assert_null(g->nodes[1].inputs[1].expr);
    assert_int_equal(g->nodes[1].inputs[1].shape->kind, DATUM_LIST);
    assert_int_equal(g->n_outputs, 1);
    assert_false(g->output_is_list || g->bake);
    assert_int_equal(graph_node_by_name(g, "warm"), 1);
    assert_int_equal(graph_node_by_name(g, "scale"), -1);
    assert_int_equal(graph_param_by_name(g, "cutoff"), 1);
    arena_free(a);
}

struct refusal {
    const char *text, *pointer;
    int column;
    const char *says;
};

static const struct refusal refusals[] = {
    {"[]", "", 0, "a list"},
    {"'x'", "", 0, "a string"},
    {"{}", "", 0, "no output"},
    {"{'output':null}", "/output", 0, "null"},
    {"{'output':{}}", "/output", 0, "an object"},
    {"{'output':[]}", "/output", 0, "empty"},
    {"{'output':['x',true]}", "/output/1", 0, "true or false"},
    {"{'output':'x +'}", "/output", 4, "the end"},
    {"{'output':['x','(y']}", "/output/1", 3, "')'"},
    {"{'output':'x','version':2}", "/version", 0, "version is 1"},
    {"{'output':'x','version':'1'}", "/version", 0, "version is 1"},
    {"{'output':'x','bake':1}", "/bake", 0, "a number"},
    {"{'outptu':'x','output':'x'}", "/outptu", 0, "did you mean output?"},
    {"{'output':'x','a/b~c':1}", "/a~1b~0c", 0, "no such key"},
    {"{'output':'x','nodes':[]}", "/nodes", 0, "a list"},
    {"{'output':'x','nodes':{'a':1}}", "/nodes/a", 0, "a number"},
    {"{'output':'x','nodes':{'a':{}}}", "/nodes/a", 0, "no op"},
    {"{'output':'x','nodes':{'a':{'op':1}}}", "/nodes/a/op", 0, "a number"},
    {"{'output':'x','nodes':{'a':{'op':'perlim2','x':0,'y':0}}}", "/nodes/a/op", 0, "did you mean perlin2?"},
    {"{'output':'x','nodes':{'a':{'op':'perlin2','x':0,'y':0,'sed':0}}}", "/nodes/a/sed", 0, "did you mean seed?"},
    {"{'output':'x','nodes':{'a':{'op':'perlin2','x':0}}}", "/nodes/a", 0, "needs the input y"},
    {"{'output':'x','nodes':{'a':{'op':'perlin2','x':0,'y':[1]}}}", "/nodes/a/y", 0, "a list"},
    {"{'output':'x','nodes':{'a':{'op':'perlin2','x':0,'y':'1 2'}}}", "/nodes/a/y", 3, "operator"},
    {"{'output':'x','nodes':{'a':{'op':'fbm2','x':0,'y':0,'octaves':null}}}", "/nodes/a/octaves", 0, "null"},
    {"{'output':'x','nodes':{'a':{'op':'fbm2','x':0,'y':0,'octaves':[1,{}]}}}", "/nodes/a/octaves", 0, "other things"},
    {"{'output':'x','nodes':{'a b':{'op':'perlin2','x':0,'y':0}}}", "/nodes/a b", 0, "letters"},
    {"{'output':'x','nodes':{'':{'op':'perlin2','x':0,'y':0}}}", "/nodes/", 0, "letters"},
    {"{'output':'x','nodes':{'1a':{'op':'perlin2','x':0,'y':0}}}", "/nodes/1a", 0, "letters"},
    {"{'output':'x','nodes':{'x':{'op':'perlin2','x':0,'y':0}}}", "/nodes/x", 0, "word of the language"},
    {"{'output':'x','nodes':{'if':{'op':'perlin2','x':0,'y':0}}}", "/nodes/if", 0, "word of the language"},
    {"{'output':'x','params':{'pi':3}}", "/params/pi", 0, "word of the language"},
    {"{'output':'x','params':{'a':3},'nodes':{'a':{'op':'perlin2','x':0,'y':0}}}", "/params/a", 0,
     "a node has this name"},
    {"{'output':'x','params':3}", "/params", 0, "a number"},
    {"{'output':'x','params':{'a':'3'}}", "/params/a", 0, "a string"},
    {"{'output':'x','params':{'a':{}}}", "/params/a", 0, "no default"},
    {"{'output':'x','params':{'a':{'default':1,'min':2}}}", "/params/a", 0, "outside"},
    {"{'output':'x','params':{'a':{'default':1,'max':0}}}", "/params/a", 0, "outside"},
    {"{'output':'x','params':{'a':{'default':1,'min':2,'max':1}}}", "/params/a", 0, "greater"},
    {"{'output':'x','params':{'a':{'default':'1'}}}", "/params/a/default", 0, "a string"},
    {"{'output':'x','params':{'a':{'default':1,'unit':1}}}", "/params/a/unit", 0, "a number"},
    {"{'output':'x','params':{'a':{'default':1,'mim':1}}}", "/params/a/mim", 0, "did you mean min?"},
    {"{'output':'let x = 1; x'}", "/output", 1, "let needs another name"},
    {"{'output':'1 + sin(let pi = 1; pi)'}", "/output", 9, "let needs another name"},
};

static void refuses_with_pointer_and_advice(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *want = &refusals[i];
        struct fault f;
        struct graph *g = NULL;
        enum status s = read_text(a, json_of(a, want->text), &g, &f);
        if (s == STATUS_OK || g || f.count != 1 || f.status != s)
            fail_msg("%s: status %d, %zu faults", want->text, (int)s, f.count);
        const struct fault_item *item = &f.items[0];
        if (strcmp(item->pointer, want->pointer) || item->column != want->column || !strstr(item->detail, want->says))
            fail_msg("%s\n%s, column %d: %s", want->text, item->pointer, item->column, item->detail);
    }
    arena_free(a);
}

static void collects_every_error(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct fault f;
    struct graph *g;
    const char *text = "{'verison':1, 'params':{'a':null,'b':{'min':0}}, 'output':['1+','(',3],"
                       " 'nodes':{'p':{'op':'perlin2','x':'*','z':1}, 'q':{'op':'nothing_like_it'}}}";
    assert_int_not_equal(read_text(a, json_of(a, text), &g, &f), STATUS_OK);
    static const char *const pointers[] = {"/verison",   "/params/a",  "/params/b", "/output/0",  "/output/1",
                                           "/nodes/p/x", "/nodes/p/z", "/nodes/p",  "/nodes/q/op"};
    assert_int_equal(f.count, sizeof pointers / sizeof *pointers);
    for (size_t i = 0; i < f.count; i++)
        assert_string_equal(f.items[i].pointer, pointers[i]);
    arena_free(a);
}

static const struct {
    const char *text, *canonical;
} canonical[] = {
    {"{'output':'x+y*2'}", "{'version':1,'output':'x + y * 2'}"},
    {"{'output':'0.50'}", "{'version':1,'output':0.5}"},
    {"{'output':-5e-1}", "{'version':1,'output':-0.5}"},
    {"{'output':['x',1],'bake':true}", "{'version':1,'output':['x',1],'bake':true}"},
    {"{'output':['x'],'bake':false,'version':1,'nodes':{},'params':{}}", "{'version':1,'output':['x']}"},
    {"{'params':{'b':2,'a':{'default':1},'c':{'max':3,'unit':'H\\u007a','default':1}},'output':'b'}",
     "{'version':1,'params':{'a':1,'b':2,'c':{'default':1,'max':3,'unit':'Hz'}},'output':'b'}"},
    {"{'nodes':{'dead':{'op':'sin','x':'zwei'},'eins':{'op':'sin','x':'zwei'},'zwei':{'op':'perlin2','seed':3,'y':'y','"
     "x':'x'}},"
     "'output':'eins+zwei'}",
     "{'version':1,'nodes':{'n1':{'op':'sin','x':'n2'},'n2':{'op':'perlin2','x':'x','y':'y','seed':3}},'output':'n1 + "
     "n2'}"},
    {"{'nodes':{'n2':{'op':'sin','x':'n1.x'},'n1':{'op':'cos','x':1}},'output':'n2'}",
     "{'version':1,'nodes':{'n1':{'op':'sin','x':'n2.x'},'n2':{'op':'cos','x':1}},'output':'n1'}"},
    /* Parameters keep their names, so nodes step aside. */
    {"{'params':{'n1':1,'n3':1},'nodes':{'a':{'op':'sin','x':'n1'},'b':{'op':'cos','x':'n3'}},'output':'a*b'}",
     "{'version':1,'params':{'n1':1,'n3':1},'nodes':{'n2':{'op':'sin','x':'n1'},'n4':{'op':'cos','x':'n3'}},'output':'"
     "n2 * n4'}"},
    /* A function and a node may share a name; ports are no names. */
    {"{'nodes':{'mix':{'op':'sin','x':'x'}},'output':'mix(mix, in.mix, mix=mix.mix)'}",
     "{'version':1,'nodes':{'n1':{'op':'sin','x':'x'}},'output':'mix(n1, in.mix, mix=n1.mix)'}"},
    /* A cycle. */
    {"{'nodes':{'echo':{'op':'delay','in':'in + 0.5*echo','time':0.25}},'output':'echo'}",
     "{'version':1,'nodes':{'n1':{'op':'delay','in':'in + 0.5 * n1','time':0.25}},'output':'n1'}"},
    /* let hides a node in its body, not in its value; two that nest get two names. */
    {"{'nodes':{'a':{'op':'sin','x':'x'}},'output':'let a = a; a + a'}",
     "{'version':1,'nodes':{'n1':{'op':'sin','x':'x'}},'output':'let l1 = n1; l1 + l1'}"},
    {"{'nodes':{'a':{'op':'sin','x':'x'},'l1':{'op':'cos','x':'x'}},'params':{'l2':0},"
     "'output':'(let n1 = 1; let b = n1; b + a + l1 + l2) + (let q = 2; q)'}",
     "{'version':1,'params':{'l2':0},'nodes':{'n1':{'op':'sin','x':'x'},'n2':{'op':'cos','x':'x'}},"
     "'output':'(let l1 = 1; let l3 = l1; l3 + n1 + n2 + l2) + (let l1 = 2; l1)'}"},
    /* A node that only a hidden name mentions is dead. */
    {"{'nodes':{'a':{'op':'sin','x':'x'}},'output':'let a = 1; a'}", "{'version':1,'output':'let l1 = 1; l1'}"},
    {"{'nodes':{'a':{'op':'delay','in':'in','time':0.5,'interp':'none','max':2}},'output':'a'}",
     "{'version':1,'nodes':{'n1':{'op':'delay','in':'in','time':0.5,'max':2,'interp':'none'}},'output':'"
     "n1'}"},
    {"{'nodes':{'a':{'op':'ramp','stops':[[0,'#10\\u0032030'],[1.0,[1,2.50,3,4]]],'in':'x'}},'output':'a'}",
     "{'version':1,'nodes':{'n1':{'op':'ramp','in':'x','stops':[[0,'#102030'],[1,[1,2.5,3,4]]]}},'output':'n1'}"},
    {"{'nodes':{'a':{'op':'fbm','x':'x','y':'y','octaves':true}},'output':'a'}",
     "{'version':1,'nodes':{'n1':{'op':'fbm','x':'x','y':'y','octaves':1}},'output':'n1'}"},
};

static void canonical_text_is_as_promised(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        const char *want = json_of(a, canonical[i].canonical);
        const char *got = graph_canonical(read_graph(a, canonical[i].text), a);
        assert_string_equal(got, want);
        assert_string_equal(graph_canonical(read_json(a, got), a), got);
    }
    arena_free(a);
}

static void unknown_names_cannot_pass_for_known_ones(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    const char *good = graph_canonical(read_graph(a, "{'nodes':{'a':{'op':'sin','x':'x'}},'output':'a + a'}"), a);
    const char *wrong = graph_canonical(read_graph(a, "{'nodes':{'a':{'op':'sin','x':'x'}},'output':'a + n1'}"), a);
    assert_string_equal(wrong, json_of(a, "{'version':1,'nodes':{'n1':{'op':'sin','x':'x'}},'output':'n1 + ?n1'}"));
    assert_string_not_equal(good, wrong);
    arena_free(a);
}

static void ids_ignore_spelling_and_heed_values(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    char one[GRAPH_ID_SIZE], same[GRAPH_ID_SIZE], other[GRAPH_ID_SIZE];
    graph_id(read_graph(a, "{'nodes':{'a':{'op':'sin','x':'2*x'}},'output':'a'}"), a, one);
    graph_id(read_graph(a, "{'output':'(q)','nodes':{'w':{'op':'cos','x':0},'q':{'x':'2.0 * x','op':'sin'}}}"), a,
             same);
    graph_id(read_graph(a, "{'nodes':{'a':{'op':'sin','x':'3*x'}},'output':'a'}"), a, other);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), 40);
    assert_int_equal(strspn(one, "0123456789abcdef"), 40);
    arena_free(a);
}

static void an_expression_is_a_graph(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct fault f;
    struct graph *g;
    char from_text[GRAPH_ID_SIZE], from_json[GRAPH_ID_SIZE];
    fault_init(&f, a);
    assert_int_equal(graph_from_expr("perlin2(x*4,y*4)", NULL, a, &g, &f), STATUS_OK);
    graph_id(g, a, from_text);
    graph_id(read_graph(a, "{'output':'perlin2(x*4, y*4)'}"), a, from_json);
    assert_string_equal(from_text, from_json);
    assert_int_equal(graph_node_by_name(g, "a"), -1);
    assert_int_equal(graph_from_expr("x x", NULL, a, &g, &f), STATUS_BAD_EXPRESSION);
    assert_string_equal(f.items[0].pointer, "/output");
    assert_int_equal(f.items[0].column, 3);
    arena_free(a);
}

static void limits_are_named(void **state)
{
    (void)state;
    static const struct {
        struct graph_limits limits;
        const char *limit, *pointer;
    } cases[] = {
        {{.nodes = 1, .params = 9, .outputs = 9}, "max-nodes", "/nodes"},
        {{.nodes = 9, .params = 1, .outputs = 9}, "max-params", "/params"},
        {{.nodes = 9, .params = 9, .outputs = 1}, "max-outputs", "/output"},
        {{.nodes = 2, .params = 2, .outputs = 2}, NULL, NULL},
    };
    struct arena *a = test_arena();
    const char *text = json_of(a, "{'params':{'p':1,'q':1},'output':[1,2],"
                                  "'nodes':{'a':{'op':'sin','x':1},'b':{'op':'sin','x':1}}}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault f;
        struct datum *root;
        struct graph *g;
        fault_init(&f, a);
        assert_int_equal(json_read(text, strlen(text), &roomy, a, &root, &f), STATUS_OK);
        assert_int_equal(graph_read(root, &cases[i].limits, a, &g, &f), cases[i].limit ? STATUS_LIMIT : STATUS_OK);
        if (cases[i].limit) {
            assert_string_equal(f.limit, cases[i].limit);
            assert_string_equal(f.items[0].pointer, cases[i].pointer);
        }
    }
    arena_free(a);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A chain: every node reads the next, so the walk is as deep as the graph is long. */
static double time_of_chain(size_t n)
{
    struct arena *a = test_arena();
    struct json_writer w;
    json_writer_init(&w, a);
    json_object(&w, NULL);
    json_object(&w, "nodes");
    for (size_t i = 0; i < n; i++) {
        json_object(&w, arena_printf(a, "k%zu", i));
        json_string(&w, "op", "sin");
        json_string(&w, "x", i + 1 < n ? arena_printf(a, "k%zu + k%zu", i + 1, n - 1) : "x");
        json_object_end(&w);
    }
    json_object_end(&w);
    json_string(&w, "output", "k0");
    json_object_end(&w);
    struct fault f;
    struct datum *root;
    struct graph *g;
    fault_init(&f, a);
    double start = seconds();
    struct graph_limits wide = limits;
    wide.nodes = UINT32_MAX;
    assert_int_equal(json_read(w.text.s, w.text.n, &roomy, a, &root, &f), STATUS_OK);
    assert_int_equal(graph_read(root, &wide, a, &g, &f), STATUS_OK);
    char id[GRAPH_ID_SIZE];
    graph_id(g, a, id);
    double took = seconds() - start;
    assert_non_null(strstr(graph_canonical(g, a), "\"output\":\"n1\""));
    arena_free(a);
    return took;
}

static void long_chains_are_walked_in_linear_time(void **state)
{
    (void)state;
    double small = time_of_chain(5000), large = time_of_chain(40000);
    /* Eight times the nodes: quadratic would be 64 times the time. */
    if (large > 30 * small && large > 1)
        fail_msg("5,000 nodes take %.3f s, 40,000 take %.3f s", small, large);
}

static void a_flood_of_errors_costs_little(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct json_writer w;
    json_writer_init(&w, a);
    json_object(&w, NULL);
    json_object(&w, "nodes");
    for (size_t i = 0; i < 4000; i++) {
        json_object(&w, arena_printf(a, "k%zu", i));
        json_string(&w, "op", "a_name_of_about_thirty_letters");
        json_object_end(&w);
    }
    json_object_end(&w);
    json_string(&w, "output", "k0");
    json_object_end(&w);
    struct fault f;
    struct graph *g;
    double start = seconds();
    assert_int_equal(read_text(a, w.text.s, &g, &f), STATUS_BAD_GRAPH);
    assert_int_equal(f.count, 4000);
    if (seconds() - start > 2)
        fail_msg("%.3f s", seconds() - start);
    arena_free(a);
}

/* Random graphs under two spellings: another order, other names, dead nodes between, and a round through JSON. */
static void add_random_graph(struct arena *a, struct json_writer *w, uint64_t seed, bool other_spelling)
{
    enum { NODES = 12 };
    char names[NODES][16], inputs[NODES][96];
    for (uint32_t i = 0; i < NODES; i++)
        snprintf(names[i], sizeof names[i], other_spelling ? "z%u_" : "node%u", other_spelling ? NODES - i : i);
    for (uint32_t i = 0; i < NODES; i++) {
        uint32_t p = test_random(&seed) % NODES, q = test_random(&seed) % NODES;
        q += q == 3; /* the let of the first spelling hides node3 */
        snprintf(inputs[i], sizeof inputs[i],
                 other_spelling ? "(%s)*.5+(let k = y; (%s.x)-pi)" : "%s * 0.5 + (let node3 = y; %s.x - pi)", names[p],
                 names[q]);
    }
    json_object(w, NULL);
    if (other_spelling)
        json_string(w, "output", names[0]);
    json_object(w, "nodes");
    for (uint32_t k = 0; k < NODES; k++) {
        uint32_t i = other_spelling ? NODES - 1 - k : k;
        json_object(w, names[i]);
        if (!other_spelling)
            json_string(w, "op", "delay");
        json_number(w, "time", 0.25 + i);
        json_string(w, "in", inputs[i]);
        if (other_spelling)
            json_string(w, "op", "delay");
        json_object_end(w);
    }
    if (other_spelling) {
        json_object(w, "dead");
        json_string(w, "op", "sin");
        json_string(w, "x", names[1]);
        json_object_end(w);
    }
    json_object_end(w);
    if (!other_spelling)
        json_string(w, "output", arena_printf(a, "( %s )", names[0]));
    json_object_end(w);
}

static void random_graphs_have_one_canonical_text(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct arena *a = test_arena();
        struct json_writer one, two;
        json_writer_init(&one, a);
        json_writer_init(&two, a);
        add_random_graph(a, &one, seed, false);
        add_random_graph(a, &two, seed, true);
        const char *text = graph_canonical(read_json(a, one.text.s), a);
        assert_string_equal(graph_canonical(read_json(a, two.text.s), a), text);
        assert_string_equal(graph_canonical(read_json(a, text), a), text);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_example_of_the_contract),
        cmocka_unit_test(refuses_with_pointer_and_advice),
        cmocka_unit_test(collects_every_error),
        cmocka_unit_test(canonical_text_is_as_promised),
        cmocka_unit_test(unknown_names_cannot_pass_for_known_ones),
        cmocka_unit_test(ids_ignore_spelling_and_heed_values),
        cmocka_unit_test(an_expression_is_a_graph),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(long_chains_are_walked_in_linear_time),
        cmocka_unit_test(a_flood_of_errors_costs_little),
        cmocka_unit_test(random_graphs_have_one_canonical_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
