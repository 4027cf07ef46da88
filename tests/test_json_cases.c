/* labels: api */
/* JSON after RFC 8259: every file of tests/cases/json through the check and through POST /graphs. y_ must be taken, n_
 * must be refused as no JSON; where the RFC leaves a choice to the reader (range and length of numbers, depth, unpaired
 * surrogates, one key twice, a byte order mark), i_taken_ and i_refused_ say what sinter does. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json/json.h"
#include "api/json/json_write.h"
#include "tests/support/ask.h"

enum { CASES_LEAST = 300, CASES_MOST = 1000, CHOICES_LEAST = 20 };
#define FOLDER "tests/cases/json/"

static struct json_case {
    char name[256];
    char *text;
    size_t n;
    bool takes;
} cases[CASES_MOST];
static size_t n_cases;

static bool begins(const char *s, const char *with)
{
    return !strncmp(s, with, strlen(with));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct json_case *)a)->name, ((const struct json_case *)b)->name);
}

static int set_up(void **state)
{
    if (ask_set_up(state))
        return -1;
    DIR *dir = opendir(FOLDER);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        struct json_case *c = &cases[n_cases];
        if (d->d_name[0] == '.' || n_cases == CASES_MOST)
            continue;
        snprintf(c->name, sizeof c->name, "%s", d->d_name);
        c->takes = begins(d->d_name, "y_") || begins(d->d_name, "i_taken_");
        if (!c->takes && !begins(d->d_name, "n_") && !begins(d->d_name, "i_refused_"))
            return -1;
        c->text = test_read_file(arena, arena_printf(arena, FOLDER "%s", c->name), &c->n);
        n_cases++;
    }
    if (dir)
        closedir(dir);
    qsort(cases, n_cases, sizeof *cases, by_name);
    return 0;
}

/* The test's own copy, with nothing behind it: a reader that looks further is caught by the sanitizer. */
static char *exact(const struct json_case *c)
{
    char *copy = malloc(c->n ? c->n : 1);
    assert_non_null(copy);
    memcpy(copy, c->text, c->n);
    return copy;
}

static void there_are_cases_of_every_kind(void **state)
{
    (void)state;
    size_t taken = 0, refused = 0, choices = 0;
    for (size_t i = 0; i < n_cases; i++) {
        taken += cases[i].takes;
        refused += !cases[i].takes;
        choices += cases[i].name[0] == 'i';
    }
    assert_true(n_cases >= CASES_LEAST && taken > CASES_LEAST / 4 && refused > CASES_LEAST / 4);
    assert_true(choices >= CHOICES_LEAST);
}

static struct arena *arena_of_case(void)
{
    struct arena *a = arena_new(64 << 20);
    assert_non_null(a);
    if (ARENA_GUARD(a))
        fail_msg("the arena is too small for the test");
    return a;
}

static void check_case(const struct json_case *c)
{
    const struct json_limits limits = {.max_bytes = 4 << 20, .max_depth = 64};
    struct fault fault;
    struct arena *a = arena_of_case();
    char *text = exact(c);
    fault_init(&fault, a);
    enum status status = json_check(text, c->n, &limits, a, &fault);
    free(text);
    if ((status == STATUS_OK) != c->takes)
        fail_msg("%s: %s", c->name, status == STATUS_OK ? "is taken" : fault.items[0].detail);
    /* What cannot be JSON at all is never blamed on a limit. */
    if (c->name[0] == 'n' && !begins(c->name, "n_a_thousand"))
        assert_int_equal(status, STATUS_BAD_JSON);
    arena_free(a);
}

static void the_check_takes_and_refuses_what_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_cases; i++)
        check_case(&cases[i]);
}

/* Read and written. */
static char *rewrite(const struct json_case *c, const char *text, size_t n, struct arena *a)
{
    const struct json_limits limits = {.max_bytes = 4 << 20, .max_depth = 64};
    struct fault fault;
    struct datum *root;
    struct json_writer w;
    fault_init(&fault, a);
    if (json_read(text, n, &limits, a, &root, &fault) != STATUS_OK)
        fail_msg("%s: %s", c->name, fault.items[0].detail);
    json_writer_init(&w, a);
    json_datum(&w, NULL, root);
    return w.text.s;
}

/* What is taken writes to JSON that is taken and writes the same again. */
static void what_is_read_can_be_written_and_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_cases; i++) {
        if (!cases[i].takes)
            continue;
        struct arena *a = arena_of_case();
        char *once = rewrite(&cases[i], cases[i].text, cases[i].n, a);
        assert_string_equal(rewrite(&cases[i], once, strlen(once), a), once);
        arena_free(a);
    }
}

/* As a body: 400 with the place, or whatever a graph of that JSON deserves. */
static void a_request_is_answered_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_cases; i++) {
        char *text = exact(&cases[i]);
        if (!cases[i].n) /* the support takes a size of 0 as a C string's */
            text[0] = 0;
        struct api_response res = ask((struct ask){
            .method = METHOD_POST, .path = "/graphs", .type = "application/json", .body = text, .size = cases[i].n});
        bool limit = res.limit && !strcmp(res.limit, "max-json-depth");
        bool refused = res.http_status == 400 || limit;
        const char *body = body_of(&res);
        if (refused == cases[i].takes || (!refused && res.http_status != 422 && res.http_status / 100 != 2))
            fail_msg("%s: status %d: %s", cases[i].name, res.http_status, body);
        if (res.http_status == 400) {
            assert_non_null(strstr(body, "/errors/bad-json"));
            assert_non_null(strstr(body, "\"column\":"));
        }
        api_response_done(&res);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_cases_of_every_kind),
        cmocka_unit_test(the_check_takes_and_refuses_what_it_should),
        cmocka_unit_test(what_is_read_can_be_written_and_read),
        cmocka_unit_test(a_request_is_answered_alike),
    };
    return cmocka_run_group_tests(tests, set_up, ask_tear_down);
}
