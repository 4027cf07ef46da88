/* labels: core */
/* Dependencies go one way, in the order in which docs/architecture.md lists the rooms and the folders of api: every
 * #include is read. */
#include "tests/support.h"

#include <glob.h>
#include <stdbool.h>
#include <string.h>

static struct arena *arena;
static const char *architecture;
static unsigned looked_at;

/* Where a table's row for this folder begins; NULL: it has none. */
static const char *row_of(const char *folder)
{
    return strstr(architecture, arena_printf(arena, "\n| `%s/` |", folder));
}

/* The path's first n folders: "api/json" of "api/json/json.h". */
static const char *folder_of(const char *path, int n)
{
    const char *end = strchr(path, '/');
    while (end && --n)
        end = strchr(end + 1, '/');
    return end ? arena_strndup(arena, path, (size_t)(end - path)) : NULL;
}

static void check_order(const char *from, const char *to, int depth)
{
    const char *user = folder_of(from, depth), *used = folder_of(to, depth);
    const char *of_user = user ? row_of(user) : NULL, *of_used = used ? row_of(used) : NULL;
    if (of_user && of_used && of_used > of_user)
        fail_msg("%s uses %s; docs/architecture.md has %s before %s", from, to, user, used);
    looked_at += of_user && of_used;
}

static void check_include(const char *from, const char *to)
{
    check_order(from, to, 1);
    check_order(from, to, 2);
    bool plain = !strncmp(from, "api/json/", 9) || !strncmp(from, "api/data/", 9);
    if (plain && !strncmp(to, "api/", 4) && !folder_of(to, 2))
        fail_msg("%s uses %s and should know of no request", from, to);
    if (!strncmp(from, "jit/", 4) && strncmp(from, "jit/cc/", 7) != 0 && !strncmp(to, "jit/cc/", 7))
        fail_msg("%s uses %s, which is the worker's", from, to);
}

/* A library's header: the room's row must name the file, or files like it. */
static void check_library(const char *from, const char *header)
{
    static const char *const libraries[] = {"cjson/",     "ebur128", "isa-l/",    "kiss_fft", "libgccjit",
                                            "microhttpd", "openexr", "seccomp.h", "sndfile",  "sodium",
                                            "soxr",       "spng",    "sqlite3",   "xxhash",   NULL};
    const char *row = row_of(folder_of(from, 1)), *name = strrchr(from, '/') + 1;
    for (size_t i = 0; libraries[i]; i++) {
        if (strncmp(header, libraries[i], strlen(libraries[i])) != 0)
            continue;
        const char *line = arena_strndup(arena, row, strcspn(row + 1, "\n") + 1);
        bool named = strstr(line, arena_printf(arena, "`%s`", name)) || !strncmp(from, "server/", 7) ||
                     (!strncmp(name, "data_store", 10) && strstr(line, "`data_store*.c`")) ||
                     (!strncmp(from, "jit/cc/", 7) && strstr(line, "`cc/`"));
        if (!named)
            fail_msg("docs/architecture.md does not say that %s uses %s", from, header);
        looked_at++;
    }
}

static void check_file(const char *path)
{
    for (char *at = test_read_file(arena, path, NULL), *end; (at = strstr(at, "#include ")); at = end) {
        at += strlen("#include ");
        end = at + strcspn(at, "\n");
        const char *name = arena_strndup(arena, at + 1, strcspn(at + 1, "\">"));
        if (*at == '"')
            check_include(path, name);
        else
            check_library(path, name);
    }
}

static void every_file_uses_only_what_stands_before_it(void **state)
{
    glob_t files;
    (void)state;
    arena = test_arena();
    architecture = test_read_file(arena, "docs/architecture.md", NULL);
    assert_int_equal(glob("{core,jit,api,server}/{,*/}*.[ch]", GLOB_BRACE, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        check_file(files.gl_pathv[i]);
    assert_true(files.gl_pathc > 300 && looked_at > 500);
    globfree(&files);
    arena_free(arena);
}

static void every_folder_of_the_api_room_has_its_row(void **state)
{
    glob_t folders;
    (void)state;
    arena = test_arena();
    architecture = test_read_file(arena, "docs/architecture.md", NULL);
    assert_int_equal(glob("api/*/", 0, NULL, &folders), 0);
    for (size_t i = 0; i < folders.gl_pathc; i++)
        if (!row_of(folder_of(folders.gl_pathv[i], 2)))
            fail_msg("docs/architecture.md has no row for %s", folders.gl_pathv[i]);
    globfree(&folders);
    arena_free(arena);
}

/* A path in the document, or a name anywhere in the rooms; "*" stands for anything. */
static bool is_there(const char *name)
{
    glob_t found;
    const char *pattern = strchr(name, '/') ? name : arena_printf(arena, "{core,jit,api,server}/{,*/}%s", name);
    bool any = glob(pattern, GLOB_BRACE, NULL, &found) == 0;
    globfree(&found);
    return any;
}

static void every_file_that_the_document_names_is_there(void **state)
{
    unsigned named = 0;
    (void)state;
    arena = test_arena();
    architecture = test_read_file(arena, "docs/architecture.md", NULL);
    for (const char *at = architecture; (at = strchr(at, '`')); at++) {
        size_t n = strcspn(++at, "`");
        const char *name = arena_strndup(arena, at, n), *dot = strrchr(name, '.');
        at += n;
        if (!dot || strpbrk(name, " <>{}") || (strcmp(dot, ".c") && strcmp(dot, ".h") && strcmp(dot, ".def")))
            continue;
        if (!is_there(name))
            fail_msg("docs/architecture.md names %s, which is not there", name);
        named++;
    }
    assert_true(named > 60);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_uses_only_what_stands_before_it),
        cmocka_unit_test(every_folder_of_the_api_room_has_its_row),
        cmocka_unit_test(every_file_that_the_document_names_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
