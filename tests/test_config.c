/* labels: http */
/* Every row of config.def does what it says. */
#include "tests/support.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config.h"

static enum config_outcome read_words(struct settings *s, char *complaint, size_t size, const char *a, const char *b)
{
    char *argv[] = {(char *)(uintptr_t) "serve", (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL};
    return config_read(s, a ? b ? 3 : 2 : 1, argv, complaint, size);
}

static void environment_name(const struct setting *row, char *text, size_t size)
{
    snprintf(text, size, "SINTER_%s", row->name);
    for (char *c = text; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

static void rows_are_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct setting *row = &config_settings[i];
        assert_true(strlen(row->what) > 5 && strlen(row->unit) > 0);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(row->name));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(config_settings[k].name, row->name);
    }
}

static void defaults_lie_within_their_bounds_and_read_back(void **state)
{
    (void)state;
    struct settings s;
    char complaint[512] = "", word[128];
    assert_int_equal(read_words(&s, complaint, sizeof complaint, NULL, NULL), CONFIG_READY);
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct setting *row = &config_settings[i];
        struct settings again;
        char value[256] = "", back[256] = "";
        config_print_value(&s, row, value, sizeof value);
        if (row->type == SETTING_TEXT && !*value)
            continue;
        snprintf(word, sizeof word, "--%s", row->name);
        if (read_words(&again, complaint, sizeof complaint, word, value) != CONFIG_READY)
            fail_msg("%s = %s: %s", row->name, value, complaint);
        config_print_value(&again, row, back, sizeof back);
        assert_string_equal(value, back);
    }
}

static void other_value(const struct settings *s, const struct setting *row, char *text, size_t size)
{
    char now[256];
    config_print_value(s, row, now, sizeof now);
    if (row->type == SETTING_TEXT || row->type == SETTING_CHOICE) {
        size_t first = strcspn(row->unit, "|");
        bool is_first = row->type == SETTING_CHOICE && strlen(now) == first && !strncmp(now, row->unit, first);
        const char *from = is_first ? row->unit + first + 1 : row->unit;
        snprintf(text, size, "%.*s", row->type == SETTING_TEXT ? 4 : (int)strcspn(from, "|"),
                 row->type == SETTING_TEXT ? "a:12" : from);
    } else {
        double value = strtod(now, NULL) == row->least ? row->least + 1 : row->least;
        snprintf(text, size, "%.9g", value);
    }
}

static void each_setting_is_read_from_line_and_environment_and_the_line_wins(void **state)
{
    (void)state;
    struct settings s, from_line, from_environment, from_both;
    char complaint[512], name[80], word[400], value[200], got[256], before[256];
    assert_int_equal(read_words(&s, complaint, sizeof complaint, NULL, NULL), CONFIG_READY);
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct setting *row = &config_settings[i];
        other_value(&s, row, value, sizeof value);
        config_print_value(&s, row, before, sizeof before);
        assert_string_not_equal(before, value);
        snprintf(word, sizeof word, "--%s=%s", row->name, value);
        assert_int_equal(read_words(&from_line, complaint, sizeof complaint, word, NULL), CONFIG_READY);
        config_print_value(&from_line, row, got, sizeof got);
        assert_string_equal(got, value);

        environment_name(row, name, sizeof name);
        setenv(name, value, 1);
        assert_int_equal(read_words(&from_environment, complaint, sizeof complaint, NULL, NULL), CONFIG_READY);
        config_print_value(&from_environment, row, got, sizeof got);
        assert_string_equal(got, value);
        if (*before) {
            snprintf(word, sizeof word, "--%s=%s", row->name, before);
            assert_int_equal(read_words(&from_both, complaint, sizeof complaint, word, NULL), CONFIG_READY);
            config_print_value(&from_both, row, got, sizeof got);
            assert_string_equal(got, before);
        }
        unsetenv(name);
    }
}

static int count_strays(const char *wanted)
{
    const char *name;
    int n, found = 0;
    for (size_t at = 0; (name = config_stray(&at, &n));)
        found += (size_t)n == strlen(wanted) && !memcmp(name, wanted, (size_t)n);
    return found;
}

static void a_variable_that_is_no_setting_is_told(void **state)
{
    (void)state;
    setenv("SINTER_KEY", "file", 1);
    setenv("SINTER_KEYS", "", 1);
    assert_int_equal(count_strays("SINTER_KEY"), 1);
    assert_int_equal(count_strays("SINTER_KEYS"), 0);
    assert_int_equal(count_strays("PATH"), 0);
    unsetenv("SINTER_KEY");
    unsetenv("SINTER_KEYS");
    assert_int_equal(count_strays("SINTER_KEY"), 0);
}

static void wrong_values_are_refused_with_their_name(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *said;
    } cases[] = {
        {"--max-width", "0", "max-width"},
        {"--max-width", "12x", "max-width"},
        {"--max-width", "-1", "max-width"},
        {"--max-width", "", "max-width"},
        {"--max-width", NULL, "max-width"},
        {"--max-width", "1e3", "max-width"},
        {"--max-width", "4K", "max-width"},
        {"--max-body", "5X", "max-body"},
        {"--max-body", "99999999999999999999", "max-body"},
        {"--max-body", "20000000000000T", "max-body"},
        {"--tier", "fast", "auto|interp|jit"},
        {"--access-log", "yes", "access-log"},
        {"--inline-us", "nan", "inline-us"},
        {"--max-widht", "5", "--max-width"},
        {"listen", NULL, "unknown option"},
        {"--", NULL, "unknown option"},
        {"--listen", "", "listen"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct settings s;
        char complaint[512] = "";
        if (read_words(&s, complaint, sizeof complaint, cases[i].a, cases[i].b) != CONFIG_WRONG ||
            !strstr(complaint, cases[i].said))
            fail_msg("%s %s: \"%s\"", cases[i].a, cases[i].b ? cases[i].b : "", complaint);
    }
}

static void bytes_take_suffixes(void **state)
{
    (void)state;
    struct settings s;
    char complaint[512];
    assert_int_equal(read_words(&s, complaint, sizeof complaint, "--max-body", "3m"), CONFIG_READY);
    assert_true(s.api.max_body == 3u << 20);
    assert_true(s.http.max_body == 3u << 20);
}

static void the_store_is_one_folder_for_both_rooms(void **state)
{
    (void)state;
    struct settings s;
    char complaint[512];
    assert_int_equal(read_words(&s, complaint, sizeof complaint, "--store", "/tmp/x"), CONFIG_READY);
    assert_string_equal(s.api.store_dir, "/tmp/x");
    assert_string_equal(s.engine.store_dir, "/tmp/x");
    assert_int_equal(read_words(&s, complaint, sizeof complaint, "--store", "none"), CONFIG_READY);
    assert_null(s.api.store_dir);
    assert_null(s.engine.store_dir);
}

static void help_lists_every_setting(void **state)
{
    (void)state;
    struct settings s;
    char complaint[512], word[80], *text = NULL;
    size_t size = 0;
    assert_int_equal(read_words(&s, complaint, sizeof complaint, "--help", NULL), CONFIG_HELP);
    FILE *f = open_memstream(&text, &size);
    config_print_help(f, &s);
    fclose(f);
    for (size_t i = 0; i < config_settings_count; i++) {
        snprintf(word, sizeof word, "--%s ", config_settings[i].name);
        assert_non_null(strstr(text, word));
        assert_non_null(strstr(text, config_settings[i].what));
    }
    free(text);
}

static bool is_setting(const char *name, size_t n)
{
    for (size_t i = 0; i < config_settings_count; i++)
        if (strlen(config_settings[i].name) == n && !strncmp(config_settings[i].name, name, n))
            return true;
    return false;
}

/* How many names of limits stand in quotes in the text; each is a setting. */
static int check_limits(const char *path, const char *text)
{
    static const char *const begins[] = {"\"max-", "\"quota-"};
    int found = 0;
    for (size_t b = 0; b < sizeof begins / sizeof *begins; b++)
        for (const char *at = text; (at = strstr(at, begins[b])); at++) {
            size_t n = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz-");
            if (at[n + 1] != '"' || at[n] == '-') /* the beginning of a name alone */
                continue;
            found++;
            if (!is_setting(at + 1, n))
                fail_msg("%s: the limit %.*s is no setting", path, (int)n, at + 1);
        }
    return found;
}

static void every_limit_that_refuses_is_a_setting(void **state)
{
    (void)state;
    static const char *const rooms[] = {"core/*.c", "core/nodes/*.c", "jit/*.c", "api/*.c", "api/*/*.c", "server/*.c"};
    struct arena *a = arena_new(1u << 26);
    int found = 0;
    assert_false(ARENA_GUARD(a));
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        glob_t files;
        assert_int_equal(glob(rooms[i], 0, NULL, &files), 0);
        for (size_t k = 0; k < files.gl_pathc; k++)
            found += check_limits(files.gl_pathv[k], test_read_file(a, files.gl_pathv[k], NULL));
        globfree(&files);
    }
    assert_true(found > 60);
    arena_free(a);
}

int main(void)
{
    /* The settings of whoever runs the tests do not matter here. */
    for (size_t i = 0; i < config_settings_count; i++) {
        char name[80];
        environment_name(&config_settings[i], name, sizeof name);
        unsetenv(name);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_limit_that_refuses_is_a_setting),
        cmocka_unit_test(rows_are_well_formed),
        cmocka_unit_test(defaults_lie_within_their_bounds_and_read_back),
        cmocka_unit_test(each_setting_is_read_from_line_and_environment_and_the_line_wins),
        cmocka_unit_test(a_variable_that_is_no_setting_is_told),
        cmocka_unit_test(wrong_values_are_refused_with_their_name),
        cmocka_unit_test(bytes_take_suffixes),
        cmocka_unit_test(the_store_is_one_folder_for_both_rooms),
        cmocka_unit_test(help_lists_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
