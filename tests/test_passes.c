/* labels: core */
/* Passes, by data: each file of tests/cases/pass names its passes in the first line, then has IR, a line of three
 * dashes, and the IR expected. And what no single file can show: canonical shapes, speed, every pass on awkward graphs.
 */
#include "tests/support.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/interp.h"
#include "core/ir.h"
#include "core/pass.h"

#define CASES "tests/cases/pass"

static struct arena *arena_of_test(void)
{
    struct arena *a = arena_new((size_t)2 << 30);
    assert_non_null(a);
    if (ARENA_GUARD(a))
        fail_msg("the arena is too small for the test");
    return a;
}

static void verify(struct arena *a, const struct ir *ir, const char *where)
{
    struct fault f;
    fault_init(&f, a);
    if (ir_verify(ir, &f))
        fail_msg("%s: %s\n%s", where, f.items[0].detail, ir_print(ir, a));
}

static struct ir *parse(struct arena *a, const char *text, const char *where)
{
    struct fault f;
    struct ir *ir = NULL;
    fault_init(&f, a);
    if (ir_parse(text, a, &ir, &f))
        fail_msg("%s: %s\n%s", where, f.items[0].detail, text);
    verify(a, ir, where);
    return ir;
}

/* Runs "fold dead" or "all". */
static void run_passes(struct arena *a, struct ir *ir, char *names, const char *where)
{
    for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
        const struct pass *pass = pass_by_name(name);
        if (!strcmp(name, "all"))
            passes_run(ir, NULL, NULL);
        else if (pass)
            pass->run(ir);
        else
            fail_msg("%s: there is no pass %s", where, name);
        verify(a, ir, where);
    }
}

static void run_case(const char *name)
{
    struct arena *a = arena_of_test();
    char *path = arena_printf(a, "%s/%s", CASES, name);
    char *text = test_read_file(a, path, NULL);
    char *input = strchr(text, '\n'), *split = strstr(text, "\n---\n");
    if (strncmp(text, "pass ", 5) || !input || !split)
        fail_msg("%s: wants 'pass NAME', IR, '---', IR", path);
    *input++ = 0;
    *split = 0;
    struct ir *ir = parse(a, input, path);
    run_passes(a, ir, text + 5, path);
    const char *wanted = ir_print(parse(a, split + 5, path), a), *got = ir_print(ir, a);
    if (strcmp(got, wanted))
        fail_msg("%s gives\n%s  wanted\n%s", path, got, wanted);
    arena_free(a);
}

static int is_case(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 3 && !strcmp(d->d_name + n - 3, ".ir");
}

static void every_case_gives_what_it_says(void **state)
{
    (void)state;
    struct dirent **files;
    int n = scandir(CASES, &files, is_case, alphasort);
    assert_true(n > 20);
    for (int i = 0; i < n; i++) {
        run_case(files[i]->d_name);
        free(files[i]);
    }
    free(files);
}

static void every_pass_has_a_case(void **state)
{
    (void)state;
    struct dirent **files;
    int n = scandir(CASES, &files, is_case, alphasort);
    for (size_t p = 0; pass_at(p); p++) {
        const char *name = pass_at(p)->name;
        bool found = !strcmp(name, "rates"); /* its effect does not print */
        for (int i = 0; i < n; i++)
            found |= !strncmp(files[i]->d_name, name, strlen(name)) && files[i]->d_name[strlen(name)] == '_';
        if (!found)
            fail_msg("no case of the pass %s", name);
    }
    while (n)
        free(files[--n]);
    free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gives_what_it_says),
        cmocka_unit_test(every_pass_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
