/* labels: api
 * The documents for operators say what the tables say: every setting with its default, metrics and options that exist,
 * each alert explained, links that lead somewhere. SINTER_WRITE_DOCS=1 in the environment writes the table of settings
 * anew. */
#include "tests/support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/room.h"
#include "core/text.h"
#include "server/config.h"

#define OPERATING "docs/operating.md"

static const char table_begin[] = "<!-- settings: tests/test_operating.c writes this table -->\n",
                  table_end[] = "<!-- end of settings -->\n";

static struct arena *arena;

static char *read_text(const char *path)
{
    size_t n;
    return test_read_file(arena, path, &n);
}

/* 268435456 as 256M, for units that take it. */
static const char *shorter(const struct setting *row, const char *value)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);
    int letter = -1;
    if (strncmp(row->unit, "bytes", 5) != 0 || *end || !n)
        return value;
    for (; n % 1024 == 0 && letter < 3; n /= 1024)
        letter++;
    return letter < 0 ? value : arena_printf(arena, "%llu%c", n, "KMGT"[letter]);
}

/* As the table has it: the same on every machine. */
static const char *default_of(const struct settings *s, const struct setting *row)
{
    char value[256];
    bool number = row->type != SETTING_TEXT && row->type != SETTING_CHOICE;
    if (number && row->built_in && !isdigit((unsigned char)*row->built_in)) /* "cores": made when it starts */
        return !strcmp(row->built_in, "memory") ? "half the memory" : row->built_in;
    if (!strcmp(row->name, "target"))
        return "the CPU's best";
    config_print_value(s, row, value, sizeof value);
    return *value ? arena_strdup(arena, shorter(row, value)) : "none";
}

/* A | would end a column. */
static void add_escaped(struct text *t, const char *s)
{
    for (; *s; s++)
        text_addf(t, *s == '|' ? "\\|" : "%c", *s);
}

static char *make_table(void)
{
    struct settings s;
    char complaint[512], *argv[] = {(char *)(uintptr_t) "serve", NULL};
    struct text t = {.arena = arena};
    assert_int_equal(config_read(&s, 1, argv, complaint, sizeof complaint), CONFIG_READY);
    text_add(&t, "| setting | default | what |\n|---|---|---|\n");
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct setting *row = &config_settings[i];
        text_addf(&t, "| `--%s` | %s | ", row->name, default_of(&s, row));
        add_escaped(&t, row->what);
        text_add(&t, " (");
        add_escaped(&t, row->unit);
        text_add(&t, ") |\n");
    }
    return t.s;
}

static void every_setting_stands_in_the_table_as_in_config_def(void **state)
{
    (void)state;
    char *text = read_text(OPERATING), *begin = strstr(text, table_begin);
    assert_non_null(begin);
    begin += sizeof table_begin - 1;
    char *end = strstr(begin, table_end), *table = make_table();
    assert_non_null(end);
    bool same = strlen(table) == (size_t)(end - begin) && !strncmp(table, begin, strlen(table));
    if (same)
        return;
    if (!getenv("SINTER_WRITE_DOCS"))
        fail_msg(
            "the table of settings in %s is not as config.def says; SINTER_WRITE_DOCS=1 %s/test_operating writes it",
            OPERATING, test_build_dir());
    FILE *f = fopen(OPERATING, "w");
    assert_non_null(f);
    fprintf(f, "%.*s%s%s", (int)(begin - text), text, table, end);
    assert_int_equal(fclose(f), 0);
}

static const char *const documents[] = {OPERATING,   "docs/api.md",         "docs/architecture.md",
                                        "README.md", "deploy/compose.yaml", "deploy/sinter.service",
                                        "Dockerfile"};
enum { DOCUMENTS = sizeof documents / sizeof *documents };

static bool is_setting(const char *name)
{
    for (size_t i = 0; i < config_settings_count; i++)
        if (!strcmp(config_settings[i].name, name))
            return true;
    return false;
}

/* SINTER_NAME of the environment. */
static void variables_that_are_named_are_settings(void **state)
{
    (void)state;
    int found = 0;
    for (int d = 0; d < DOCUMENTS; d++)
        for (const char *at = read_text(documents[d]); (at = strstr(at, "SINTER_")); at += 7) {
            size_t n = strspn(at + 7, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
            char *name = arena_strndup(arena, at + 7, n);
            for (char *c = name; *c; c++)
                *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
            /* SINTER_NAME stands for all, SINTER_KEY is of examples/batch.sh */
            if (!n || !strcmp(name, "name") || !strcmp(name, "key"))
                continue;
            if (!is_setting(name))
                fail_msg("%s: SINTER_%.*s is no setting", documents[d], (int)n, at + 7);
            found++;
        }
    assert_true(found > 5);
}

/* `--name` of operating.md, between backticks, alone or with a value. */
static void options_that_are_named_are_settings(void **state)
{
    (void)state;
    int found = 0;
    static const char *const others[] = {"max-NAME"};
    for (const char *at = read_text(OPERATING); (at = strstr(at, "`--")); at += 3) {
        size_t n = strspn(at + 3, "abcdefghijklmnopqrstuvwxyzNAME-");
        char *name = arena_strndup(arena, at + 3, n);
        if (strcmp(name, others[0]) != 0 && !is_setting(name))
            fail_msg("%s: --%s is no setting", OPERATING, name);
        found++;
    }
    assert_true(found > 80);
}

/* [text](target): the file is there; of #anchor, a heading like it. */
static bool leads_somewhere(const char *from, const char *link)
{
    const char *slash = strrchr(from, '/'), *hash = strchr(link, '#');
    size_t n = hash ? (size_t)(hash - link) : strlen(link);
    char *path = n ? arena_printf(arena, "%.*s%.*s", slash ? (int)(slash - from + 1) : 0, from, (int)n, link)
                   : arena_strdup(arena, from);
    if (access(path, F_OK) != 0)
        return false;
    if (!hash)
        return true;
    for (const char *at = read_text(path); (at = strstr(at, "\n#")); at++) {
        const char *title = at + 1 + strspn(at + 1, "#") + 1, *want = hash + 1;
        for (; *title && *title != '\n'; title++) {
            char c = (char)tolower((unsigned char)*title);
            if (!isalnum((unsigned char)c) && c != ' ' && c != '-' && c != '_')
                continue;
            if (*want != (c == ' ' ? '-' : c))
                break;
            want++;
        }
        if (!*want && (!*title || *title == '\n'))
            return true;
    }
    return false;
}

static void links_lead_somewhere(void **state)
{
    (void)state;
    int found = 0;
    for (int d = 0; d < DOCUMENTS; d++)
        for (const char *at = read_text(documents[d]); (at = strstr(at, "](")); at += 2) {
            char *link = arena_strndup(arena, at + 2, strcspn(at + 2, ")"));
            if (!strncmp(link, "http", 4))
                continue;
            if (!leads_somewhere(documents[d], link))
                fail_msg("%s: %s leads nowhere", documents[d], link);
            found++;
        }
    assert_true(found > 15);
}

static void every_alert_is_explained(void **state)
{
    (void)state;
    const char *text = read_text(OPERATING);
    int found = 0;
    for (const char *at = read_text("deploy/alerts.yaml"); (at = strstr(at, "- alert: ")); at++, found++) {
        char *name = arena_strndup(arena, at + 9, strcspn(at + 9, "\n"));
        if (!strstr(text, name))
            fail_msg("%s does not say what to do about %s", OPERATING, name);
    }
    assert_true(found > 8);
}

/* Pattern "/graphs/{id}" stands there as /graphs/ID. */
static void the_reference_has_every_route_and_every_error(void **state)
{
    (void)state;
    const char *text = read_text("docs/api.md");
    for (size_t i = 0; route_at(i); i++) {
        char *path = arena_strdup(arena, route_at(i)->pattern), *from = path, *to = path;
        for (bool inside = false; *from; from++) {
            if (*from == '{' || *from == '}')
                inside = *from == '{';
            else
                *to++ = inside ? (char)toupper((unsigned char)*from) : *from;
        }
        *to = 0;
        if (!strstr(text, path))
            fail_msg("docs/api.md does not have %s", path);
    }
    for (enum status s = STATUS_OK + 1; s < STATUS_COUNT; s++)
        if (!strstr(text, arena_printf(arena, "`%s`", status_slug(s))))
            fail_msg("docs/api.md does not have %s", status_slug(s));
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_settings_count; i++) { /* the settings of whoever runs the tests do not matter */
        char name[80];
        snprintf(name, sizeof name, "SINTER_%s", config_settings[i].name);
        for (char *c = name; *c; c++)
            *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        unsetenv(name);
    }
    arena = arena_new((size_t)256 << 20);
    return !arena || ARENA_GUARD(arena);
}

static bool is_limit_name(const char *s, size_t n)
{
    return n > 3 && memchr(s, '-', n) && strspn(s, "abcdefghijklmnopqrstuvwxyz-") >= n && *s != '-' && s[n - 1] != '-';
}

/* Names of limits in the calls of `function` in this source. */
static int check_names(const char *path, const char *function, const char *fixed)
{
    int found = 0;
    char *text = read_text(path);
    for (const char *at = text; (at = strstr(at, function)); at++) {
        const char *end = strchr(at, ';');
        for (const char *quote = at; end && (quote = strchr(quote, '"')) && quote < end;) {
            size_t n = strcspn(quote + 1, "\"");
            char name[64], cell[80];
            snprintf(name, sizeof name, "%.*s", (int)n, quote + 1);
            snprintf(cell, sizeof cell, "`%s`", name);
            if (is_limit_name(name, strlen(name)) && ++found && !is_setting(name) && !strstr(fixed, cell))
                fail_msg("%s: the limit %s is neither a setting nor in docs/graph-language.md", path, name);
            quote += n + 2;
        }
    }
    return found;
}

static void every_limit_that_refuses_is_a_setting_or_documented_as_fixed(void **state)
{
    (void)state;
    static const char *const functions[] = {"fault_limit(", "number_list(", "over_limit(", "->limit = ", ".limit = "};
    const char *fixed = read_text("docs/graph-language.md");
    int found = 0;
    FILE *f = popen("ls core/*.c core/nodes/*.c api/*.c api/*/*.c", "r");
    char path[256];
    assert_non_null(f);
    while (fgets(path, sizeof path, f)) {
        path[strcspn(path, "\n")] = 0;
        for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
            found += check_names(path, functions[i], fixed);
    }
    assert_int_equal(pclose(f), 0);
    print_message("%d places name a limit\n", found);
    assert_true(found > 60);
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_stands_in_the_table_as_in_config_def),
        cmocka_unit_test(variables_that_are_named_are_settings),
        cmocka_unit_test(options_that_are_named_are_settings),
        cmocka_unit_test(links_lead_somewhere),
        cmocka_unit_test(every_limit_that_refuses_is_a_setting_or_documented_as_fixed),
        cmocka_unit_test(every_alert_is_explained),
        cmocka_unit_test(the_reference_has_every_route_and_every_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
