/* labels: jit slow */
/* The engine and its store, with the real sinter-cc: kernels that survive a restart, and answers whatever breaks. */
#include "tests/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/lone_engine.h"

enum { NOBODY = 65534 };

static const char graph[] = "sin(x * 7 + y) * 0.25 + 0.5";

static void a_restart_finds_the_kernel_in_the_store(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    lone_bring(e, graph, KERNEL_COMPILED);
    engine_free(e);
    e = lone_engine(lone_config());
    lone_bring(e, "sin(x * 8 + y) * 3 + -1", KERNEL_STORE);
    assert_int_equal(lone_stats(e).hits_store, 1);
    assert_int_equal(lone_stats(e).compile_count, 0);
    engine_free(e);
    struct engine_config c = lone_config();
    c.preload = 10;
    e = lone_engine(c);
    for (int i = 0; i < 500 && !lone_stats(e).kernels_loaded; i++)
        usleep(10000);
    lone_bring(e, graph, KERNEL_MEMORY);
    engine_free(e);
}

static void without_a_compiler_the_store_still_answers(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    lone_bring(e, graph, KERNEL_COMPILED);
    char id[40];
    snprintf(id, sizeof id, "%s", engine_compiler_id(e));
    engine_free(e);
    struct engine_config c = lone_config();
    c.compiler_path = "/nonexistent/sinter-cc";
    e = lone_engine(c);
    assert_string_equal(engine_compiler_id(e), id);
    lone_bring(e, graph, KERNEL_STORE);
    struct program *p = lone_program(e, "cos(y)");
    enum kernel_origin origin;
    for (int i = 0; i < 500 && !lone_stats(e).degraded; i++)
        usleep(10000);
    assert_true(lone_stats(e).degraded);
    assert_null(engine_kernel(e, p, 1e9, LONE_WAIT_MS, &origin));
    assert_true(lone_run(p, NULL)[0] > 0.9F);
    program_unref(p);
    engine_free(e);
}

static void nothing_at_all_still_interprets(void **state)
{
    (void)state;
    struct engine_config c = lone_config();
    char hex[HASH_HEX];
    c.compiler_path = "/nonexistent/sinter-cc";
    c.store_dir = "/dev/null/here";
    struct engine *e = lone_engine(c);
    struct program *p = lone_program(e, "cos(y)");
    enum kernel_origin origin;
    assert_false(engine_key(e, p, hex));
    assert_null(engine_kernel(e, p, 1e9, 50, &origin));
    assert_int_equal(origin, KERNEL_MISS);
    assert_true(lone_run(p, NULL)[0] > 0.9F);
    assert_true(lone_stats(e).degraded);
    assert_int_equal(engine_kernel_state(e, p), KERNEL_ABSENT);
    program_unref(p);
    engine_free(e);
}

static char *file(const char *name)
{
    return arena_printf(lone_arena, "%s/%s", lone_dir, name);
}

/* Where the only row's image begins to differ from the row of another database is of no interest: every 97th byte is
 * tried. */
static void a_flipped_bit_of_a_stored_kernel_never_runs(void **state)
{
    (void)state;
    size_t n;
    struct engine *e = lone_engine(lone_config());
    lone_bring(e, graph, KERNEL_COMPILED);
    engine_free(e);
    char *sound = test_read_file(lone_arena, file("kernels.db"), &n);
    char *row = memmem(sound, n, "x86-64-v", 8);
    assert_non_null(row);
    struct engine_config c = lone_config();
    c.compilers = 0;
    unsigned refused = 0;
    for (size_t at = (size_t)(row - sound); at < n; at += 97) {
        sound[at] ^= 4;
        FILE *f = fopen(file("kernels.db"), "wb");
        assert_int_equal(fwrite(sound, 1, n, f), n);
        fclose(f);
        sound[at] ^= 4;
        e = lone_engine(c);
        struct program *p = lone_program(e, graph);
        enum kernel_origin origin;
        struct kernel *k = engine_kernel(e, p, 0, 0, &origin);
        if (k) /* the bit was none of the row's */
            assert_memory_equal(lone_run(p, NULL), lone_run(p, k), LONE_SIZE);
        refused += lone_stats(e).store_refused > 0;
        kernel_unref(k);
        program_unref(p);
        engine_free(e);
    }
    assert_true(refused >= 5);
}

static void a_truncated_store_costs_one_compile(void **state)
{
    (void)state;
    struct stat st;
    struct engine *e = lone_engine(lone_config());
    lone_bring(e, graph, KERNEL_COMPILED);
    engine_free(e);
    assert_int_equal(stat(file("kernels.db"), &st), 0);
    assert_int_equal(truncate(file("kernels.db"), st.st_size / 3), 0);
    e = lone_engine(lone_config());
    lone_bring(e, graph, KERNEL_COMPILED);
    engine_free(e);
    assert_int_equal(stat(file("kernels.db.damaged-1"), &st), 0);
    e = lone_engine(lone_config());
    lone_bring(e, graph, KERNEL_STORE);
    engine_free(e);
}

static int with_a_read_only_store(void)
{
    struct engine *e = lone_engine(lone_config());
    lone_bring(e, graph, KERNEL_STORE);
    lone_bring(e, "cos(x)", KERNEL_COMPILED);
    bool degraded = lone_stats(e).degraded;
    engine_free(e);
    return degraded ? 0 : 1;
}

static void a_read_only_store_serves_and_new_kernels_run(void **state)
{
    (void)state;
    int status;
    struct engine *e = lone_engine(lone_config());
    lone_bring(e, graph, KERNEL_COMPILED);
    engine_free(e);
    if (geteuid() == 0)
        assert_int_equal(chown(file("kernels.key"), NOBODY, NOBODY), 0);
    assert_int_equal(chmod(lone_dir, 0555), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)) ? 9 : with_a_read_only_store());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static unsigned listed, listed_sound;

static void list_one(const struct cache_row *row, void *user)
{
    (void)user;
    listed++;
    listed_sound += row->sound;
    assert_int_equal(strlen(row->key_hex), 40);
}

static void the_store_can_be_listed_and_emptied(void **state)
{
    (void)state;
    struct engine *e = lone_engine(lone_config());
    struct fault f;
    uint64_t removed;
    fault_init(&f, lone_arena);
    lone_bring(e, "x", KERNEL_COMPILED);
    lone_bring(e, graph, KERNEL_COMPILED);
    assert_int_equal(engine_cache_list(e, true, list_one, NULL, &f), STATUS_OK);
    assert_int_equal(listed, 2);
    assert_int_equal(listed_sound, 2);
    assert_int_equal(engine_cache_gc(e, 0, &removed, &f), STATUS_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(lone_stats(e).store_rows, 0);
    engine_free(e);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, lone_set_up, lone_tear_down)
    const struct CMUnitTest tests[] = {
        ONE(a_restart_finds_the_kernel_in_the_store), ONE(without_a_compiler_the_store_still_answers),
        ONE(nothing_at_all_still_interprets),         ONE(a_flipped_bit_of_a_stored_kernel_never_runs),
        ONE(a_truncated_store_costs_one_compile),     ONE(a_read_only_store_serves_and_new_kernels_run),
        ONE(the_store_can_be_listed_and_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
