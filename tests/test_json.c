/* labels: api */
/* JSON in and out: what RFC 8259 allows is taken, everything else is refused with its place. */
#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/json/json.h"
#include "api/json/json_write.h"

static const struct json_limits roomy = {.max_bytes = 64 << 20, .max_depth = 64};

struct sample {
    const char *text;
    size_t n;
};
#define SAMPLE(s)                                                                                                      \
    {                                                                                                                  \
        s, sizeof(s) - 1                                                                                               \
    }

static const struct sample taken[] = {
    SAMPLE("null"),
    SAMPLE("true"),
    SAMPLE(" false "),
    SAMPLE("\t\r\n 0"),
    SAMPLE("-0"),
    SAMPLE("-0.0e-0"),
    SAMPLE("10.25E+01"),
    SAMPLE("1e-999"),
    SAMPLE("123456789012345678901234567890"),
    SAMPLE("\"\""),
    SAMPLE("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\""),
    SAMPLE("\"\\ud834\\uDD1E\""),
    SAMPLE("\"\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e\xf4\x8f\xbf\xbf\x7f\""),
    SAMPLE("\"\xef\xbb\xbf\""),
    SAMPLE("[]"),
    SAMPLE("[ ]"),
    SAMPLE("{ }"),
    SAMPLE("[1,[2,{\"a\":[]}], \"\" ]"),
    SAMPLE("{\"\":0,\" \":0,\"a\":{\"a\":0},\"b\":[{\"a\":1},{\"a\":2}]}"),
    SAMPLE("{\"a\":0,\"A\":0,\"a\\u0062\":1,\"a b\":2}"),
};

static const struct {
    struct sample sample;
    size_t line, column;
} refused[] = {
    {SAMPLE(""), 1, 1},
    {SAMPLE("  "), 1, 3},
    {SAMPLE("\xef\xbb\xbf{}"), 1, 1},
    {SAMPLE("{} x"), 1, 4},
    {SAMPLE("{}{}"), 1, 3},
    {SAMPLE("{}\0"), 1, 3},
    {SAMPLE("nul"), 1, 1},
    {SAMPLE("nulll"), 1, 5},
    {SAMPLE("True"), 1, 1},
    {SAMPLE("NaN"), 1, 1},
    {SAMPLE("Infinity"), 1, 1},
    {SAMPLE("-Infinity"), 1, 2},
    {SAMPLE("007"), 1, 1},
    {SAMPLE("-01"), 1, 2},
    {SAMPLE("+1"), 1, 1},
    {SAMPLE("1."), 1, 3},
    {SAMPLE(".5"), 1, 1},
    {SAMPLE("-"), 1, 2},
    {SAMPLE("1e"), 1, 3},
    {SAMPLE("1e+"), 1, 4},
    {SAMPLE("1.5.5"), 1, 4},
    {SAMPLE("0x1"), 1, 2},
    {SAMPLE("1e999"), 1, 1},
    {SAMPLE("[-1e400]"), 1, 2},
    {SAMPLE("1234567890123456789012345678901234567890123456789012345678901234"), 1, 1},
    {SAMPLE("'a'"), 1, 1},
    {SAMPLE("\"a"), 1, 1},
    {SAMPLE("\"a\\\""), 1, 1},
    {SAMPLE("\"\\"), 1, 2},
    {SAMPLE("\"\\x41\""), 1, 2},
    {SAMPLE("\"\\u12g4\""), 1, 2},
    {SAMPLE("\"\\u123\""), 1, 2},
    {SAMPLE("\"\\u0000\""), 1, 2},
    {SAMPLE("\"\0\""), 1, 2},
    {SAMPLE("\"\\\0\""), 1, 2},
    {SAMPLE("\"\n\""), 1, 2},
    {SAMPLE("\"\t\""), 1, 2},
    {SAMPLE("\"\x1f\""), 1, 2},
    {SAMPLE("\"\\ud834\""), 1, 2},
    {SAMPLE("\"\\ud834x\""), 1, 2},
    {SAMPLE("\"\\ud834\\u0041\""), 1, 2},
    {SAMPLE("\"\\ud834\\ud834\""), 1, 2},
    {SAMPLE("\"\\udd1e\""), 1, 2},
    {SAMPLE("\"\xff\""), 1, 2},
    {SAMPLE("\"\x80\""), 1, 2},
    {SAMPLE("\"\xc3\""), 1, 2},
    {SAMPLE("\"\xc0\xaf\""), 1, 2},
    {SAMPLE("\"\xe0\x80\xaf\""), 1, 2},
    {SAMPLE("\"\xed\xa0\x80\""), 1, 2},
    {SAMPLE("\"\xf0\x80\x80\xaf\""), 1, 2},
    {SAMPLE("\"\xf4\x90\x80\x80\""), 1, 2},
    {SAMPLE("\"\xf8\x88\x80\x80\x80\""), 1, 2},
    {SAMPLE("[1,]"), 1, 4},
    {SAMPLE("[,1]"), 1, 2},
    {SAMPLE("[1 2]"), 1, 4},
    {SAMPLE("[1"), 1, 3},
    {SAMPLE("[1}"), 1, 3},
    {SAMPLE("]"), 1, 1},
    {SAMPLE("[1] // why"), 1, 5},
    {SAMPLE("[1,\n 2,\n  /**/3]"), 3, 3},
    {SAMPLE("{\"a\"}"), 1, 5},
    {SAMPLE("{\"a\" 1}"), 1, 6},
    {SAMPLE("{\"a\":}"), 1, 6},
    {SAMPLE("{\"a\":1,}"), 1, 8},
    {SAMPLE("{a:1}"), 1, 2},
    {SAMPLE("{1:1}"), 1, 2},
    {SAMPLE("{\"a\":1"), 1, 7},
    {SAMPLE("{\"a\":1]"), 1, 7},
    {SAMPLE("\x0b 1"), 1, 1},
    {SAMPLE("\xc2\xa0"), 1, 1},
    {SAMPLE("{\"a\":1,\n\"b\":2,\n \"a\":3}"), 3, 2},
    {SAMPLE("{\"a\":1,\"\\u0061\":3}"), 1, 8},
    {SAMPLE("{\"\\ud834\\udd1e\\n\":1,\"\xf0\x9d\x84\x9e\\n\":3}"), 1, 21},
    {SAMPLE("{\"\":1,\"\":3}"), 1, 7},
    {SAMPLE("[[{\"k\":{\"k\":1,\"k\":2}}]]"), 1, 15},
};

static void takes_what_the_grammar_allows(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        struct fault f;
        struct datum *d;
        fault_init(&f, a);
        if (json_read(taken[i].text, taken[i].n, &roomy, a, &d, &f) != STATUS_OK)
            fail_msg("%s: %s", taken[i].text, f.items[0].detail);
    }
    arena_free(a);
}

static void refuses_everything_else_with_its_place(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct fault f;
        struct datum *d;
        /* Allocated to the byte: a reader that runs over its end is caught by the sanitizer. */
        char *copy = malloc(refused[i].sample.n ? refused[i].sample.n : 1);
        memcpy(copy, refused[i].sample.text, refused[i].sample.n);
        fault_init(&f, a);
        enum status s = json_read(copy, refused[i].sample.n, &roomy, a, &d, &f);
        char place[64];
        snprintf(place, sizeof place, "line %zu, column %zu (", refused[i].line, refused[i].column);
        if (s != STATUS_BAD_JSON || f.count != 1 || strncmp(f.items[0].detail, place, strlen(place)))
            fail_msg("%zu, %s: status %d, %s", i, refused[i].sample.text, (int)s,
                     f.count ? f.items[0].detail : "no fault");
        assert_int_equal(f.items[0].column, refused[i].column);
        free(copy);
    }
    arena_free(a);
}

static const char *through(struct arena *a, const char *text)
{
    struct fault f;
    struct datum *d;
    fault_init(&f, a);
    assert_int_equal(json_read(text, strlen(text), &roomy, a, &d, &f), STATUS_OK);
    struct json_writer w;
    json_writer_init(&w, a);
    json_datum(&w, NULL, d);
    return w.text.s;
}

static void values_arrive_as_written(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    assert_string_equal(through(a, " { \"b\" : [ 1 , true , null , false, -0.5e1, {} , [] ] , \"a\" : \"x\" } "),
                        "{\"b\":[1,true,null,false,-5,{},[]],\"a\":\"x\"}");
    assert_string_equal(through(a, "[0.1,1e22,123456789012,-0,1e-7]"), "[0.1,1e22,123456789012,-0,1e-7]");
    assert_string_equal(through(a, "\"\\ud834\\udd1e\\u00e4\\/\\\"\\\\\\u0001\\n\\u007f\""),
                        "\"\xf0\x9d\x84\x9e\xc3\xa4/\\\"\\\\\\u0001\\n\\u007f\"");
    assert_string_equal(through(a, "123456789012345678901234567890123456789012345678901234567890123"),
                        "1.2345678901234569e62");
    arena_free(a);
}

static void limits_are_named(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct fault f;
    struct datum *d;
    fault_init(&f, a);
    assert_int_equal(json_read("[1,2]", 5, &(struct json_limits){.max_bytes = 4, .max_depth = 9}, a, &d, &f),
                     STATUS_TOO_LARGE);
    assert_string_equal(f.limit, "max-json");
    fault_init(&f, a);
    assert_int_equal(json_read("[[1]]", 5, &(struct json_limits){.max_bytes = 5, .max_depth = 2}, a, &d, &f),
                     STATUS_OK);
    assert_int_equal(json_read("[[[]]]", 6, &(struct json_limits){.max_bytes = 6, .max_depth = 2}, a, &d, &f),
                     STATUS_LIMIT);
    assert_string_equal(f.limit, "max-json-depth");
    /* Deep text is refused, not followed. */
    size_t n = 1 << 20;
    char *deep = arena_alloc(a, n);
    memset(deep, '[', n);
    fault_init(&f, a);
    assert_int_equal(json_read(deep, n, &(struct json_limits){.max_bytes = n, .max_depth = UINT32_MAX}, a, &d, &f),
                     STATUS_LIMIT);
    arena_free(a);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static char *object_of(struct arena *a, size_t n_keys)
{
    struct json_writer w;
    json_writer_init(&w, a);
    json_object(&w, NULL);
    for (size_t i = 0; i < n_keys; i++)
        json_uint(&w, arena_printf(a, "key%zu", i * 7919 % n_keys), i);
    json_object_end(&w);
    return w.text.s;
}

static double time_of(size_t n_keys)
{
    struct arena *a = test_arena();
    struct fault f;
    struct datum *d;
    char *text = object_of(a, n_keys);
    fault_init(&f, a);
    double start = seconds();
    assert_int_equal(json_read(text, strlen(text), &roomy, a, &d, &f), STATUS_OK);
    double took = seconds() - start;
    assert_int_equal(d->n, n_keys);
    arena_free(a);
    return took;
}

static void many_keys_are_not_quadratic(void **state)
{
    (void)state;
    double small = time_of(20000), large = time_of(160000);
    /* Eight times the keys: quadratic would be 64 times the time. */
    if (large > 30 * small && large > 0.5)
        fail_msg("20,000 keys take %.3f s, 160,000 take %.3f s", small, large);
}

static void arena_exhaustion_comes_back_and_frees(void **state)
{
    (void)state;
    struct arena *plenty = test_arena();
    char *text = object_of(plenty, 2000);
    struct arena *small = arena_new(200000);
    struct fault f;
    struct datum *d;
    volatile int jumps = 0;
    if (ARENA_GUARD(small)) {
        jumps++;
    } else {
        fault_init(&f, small);
        assert_int_not_equal(json_read(text, strlen(text), &roomy, small, &d, &f), STATUS_OK);
    }
    assert_int_equal(jumps, 1);
    arena_free(small);
    arena_free(plenty);
}

static void writer_escapes_and_repairs(void **state)
{
    (void)state;
    struct arena *a = test_arena();
    struct json_writer w;
    json_writer_init(&w, a);
    json_object(&w, NULL);
    json_string(&w, "a\"b", "\\ \x02 \xff\xc3\xa4\xed\xa0\x80 \xc3");
    json_array(&w, "list");
    json_number(&w, NULL, NAN);
    json_number(&w, NULL, -INFINITY);
    json_int(&w, NULL, INT64_MIN);
    json_uint(&w, NULL, UINT64_MAX);
    json_array_end(&w);
    json_object(&w, "o");
    json_object_end(&w);
    json_bool(&w, "t", true);
    json_string(&w, "none", NULL);
    json_raw(&w, "raw", "[1]");
    json_object_end(&w);
    assert_string_equal(
        w.text.s, "{\"a\\\"b\":\"\\\\ \\u0002 \xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\","
                  "\"list\":[null,null,-9223372036854775808,18446744073709551615],\"o\":{},\"t\":true,"
                  "\"none\":null,\"raw\":[1]}");
    struct fault f;
    fault_init(&f, a);
    assert_int_equal(json_check(w.text.s, w.text.n, &roomy, a, &f), STATUS_OK);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_grammar_allows), cmocka_unit_test(refuses_everything_else_with_its_place),
        cmocka_unit_test(values_arrive_as_written),      cmocka_unit_test(limits_are_named),
        cmocka_unit_test(many_keys_are_not_quadratic),   cmocka_unit_test(arena_exhaustion_comes_back_and_frees),
        cmocka_unit_test(writer_escapes_and_repairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
