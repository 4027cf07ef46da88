/* labels: http */
/* Law 6, the store may fail, the service may not: a real `sinter serve` whose store of kernels is damaged, read-only or
 * full, or cannot be made. */
#include "tests/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/troubled.h"

enum { NOBODY = 65534 };

/* A store with kernels of graphs 0 .. n-1. */
static void fill_store(char dir[FOLDER_PATH], int n)
{
    folder_make(dir);
    struct host h = troubled_start(dir, troubled_with_compiler);
    for (int k = 0; k < n; k++)
        assert_true(troubled_ask_for(&h, k, "jit"));
    troubled_stop(&h, true);
}

static void a_restart_finds_its_kernels(void **state)
{
    char dir[FOLDER_PATH];
    (void)state;
    fill_store(dir, 5);
    const char *const arguments[] = {"--compiler", "/nonexistent/sinter-cc", "--preload", "0", NULL};
    struct host h = troubled_start(dir, arguments);
    for (int k = 0; k < 5; k++)
        assert_true(troubled_ask(&h, k));
    assert_true(host_metric(&h, "sinter_cache_hits_total{level=\"store\"}") == 5);
    troubled_stop(&h, true);
    folder_remove(dir);
}

static long size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void flip_bits(const char *path)
{
    long n = size_of(path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && n > 4096);
    for (long at = 4096 + 37; at < n; at += 512) {
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 1u << (at / 512 % 8);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
}

static void halve(const char *path)
{
    assert_int_equal(truncate(path, size_of(path) / 2 + 100), 0);
}

static void empty(const char *path)
{
    assert_int_equal(truncate(path, 0), 0);
}

static void scribble(const char *path)
{
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fputs("this is no database any more", f);
    fclose(f);
}

/* The sum of what tells that kernels were lost. */
static double complaints(const struct host *h, const char *dir)
{
    char path[128];
    snprintf(path, sizeof path, "%s/kernels.db.damaged-1", dir);
    return host_metric(h, "sinter_store_refused_total") + host_metric(h, "sinter_store_errors_total") +
           (size_of(path) >= 0);
}

static void a_damaged_store_costs_compiles_and_no_answers(void **state)
{
    static const struct {
        const char *name;
        void (*damage)(const char *path);
        bool silent; /* it looks like a store that is new */
    } damages[] = {{"bits flipped", flip_bits, false},
                   {"half", halve, false},
                   {"empty", empty, true},
                   {"scribbled on", scribble, false}};
    char dir[FOLDER_PATH], path[128];
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        fill_store(dir, 5);
        snprintf(path, sizeof path, "%s/kernels.db", dir);
        damages[i].damage(path);
        struct host h = troubled_start(dir, troubled_with_compiler);
        for (int k = 0; k < 8; k++)
            troubled_ask(&h, k);
        if (!damages[i].silent && complaints(&h, dir) < 1)
            fail_msg("%s: nothing says that kernels were lost", damages[i].name);
        for (int k = 0; k < 8; k++)
            troubled_await_kernel(&h, k, 20);
        troubled_stop(&h, true);
        /* And it is a store again. */
        h = troubled_start(dir, (const char *const[]){"--compiler", "/nonexistent/sinter-cc", NULL});
        for (int k = 0; k < 8; k++)
            if (!troubled_ask(&h, k))
                fail_msg("%s: graph %d was not kept afterwards", damages[i].name, k);
        troubled_stop(&h, true);
        folder_remove(dir);
    }
}

static void a_store_damaged_under_a_running_server_costs_no_answers(void **state)
{
    char dir[FOLDER_PATH], path[128];
    (void)state;
    fill_store(dir, 5);
    snprintf(path, sizeof path, "%s/kernels.db", dir);
    struct host h = troubled_start(
        dir, (const char *const[]){"--compiler", troubled_compiler, "--compile-above-ms", "0", "--preload", "0", NULL});
    troubled_ask(&h, 0);
    halve(path);
    for (int k = 0; k < 20; k++)
        troubled_ask(&h, k);
    scribble(path);
    for (int k = 0; k < 40; k++)
        troubled_ask(&h, k);
    troubled_await_kernel(&h, 41, 20);
    troubled_stop(&h, true);
    folder_remove(dir);
}

static void a_lost_key_makes_stored_kernels_worthless_and_no_more(void **state)
{
    char dir[FOLDER_PATH], path[128];
    (void)state;
    fill_store(dir, 3);
    snprintf(path, sizeof path, "%s/kernels.key", dir);
    assert_int_equal(unlink(path), 0);
    struct host h = troubled_start(dir, troubled_with_compiler);
    for (int k = 0; k < 3; k++)
        troubled_ask(&h, k);
    for (int k = 0; k < 3; k++)
        troubled_await_kernel(&h, k, 20);
    assert_true(host_metric(&h, "sinter_compiles_total{result=\"ok\"}") == 3);
    troubled_stop(&h, true);
    folder_remove(dir);
}

/* As nobody, to whom the folder belongs to read only. */
static void a_read_only_store_is_read_and_the_rest_compiled(void **state)
{
    char dir[FOLDER_PATH], bin[FOLDER_PATH], compiler[256], script[1400], command[1400];
    (void)state;
    fill_store(dir, 3);
    folder_make(bin);
    assert_int_equal(chmod(bin, 0755), 0);
    snprintf(command, sizeof command, "cp %s %s/server && cp %s %s", troubled_program, bin, troubled_compiler, bin);
    assert_int_equal(system(command), 0); /* where they were built nobody may have no way */
    snprintf(compiler, sizeof compiler, "%s/sinter-cc", bin);
    snprintf(command, sizeof command, "chmod -R a-w %s; chmod a+rx %s", dir, dir);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "chmod a+r %s/*", dir);
    assert_int_equal(system(command), 0);
    if (geteuid() == 0) {
        snprintf(command, sizeof command, "chown %d %s/kernels.key", NOBODY, dir);
        assert_int_equal(system(command), 0);
    }
    snprintf(command, sizeof command, "chmod u=r,go= %s/kernels.key", dir);
    assert_int_equal(system(command), 0);
    const char *drop = geteuid() == 0 ? "setpriv --reuid 65534 --regid 65534 --clear-groups " : "";
    snprintf(script, sizeof script, "#!/bin/sh\nexec %s%s/server \"$@\"\n", drop, bin);
    char run[256];
    snprintf(run, sizeof run, "%s", troubled_script(bin, "sinter", script));
    struct host h = troubled_start_as(
        run, dir, (const char *const[]){"--compiler", compiler, "--compile-above-ms", "0", "--preload", "0", NULL});
    for (int k = 0; k < 3; k++)
        assert_true(troubled_ask(&h, k));
    troubled_ask(&h, 3);
    troubled_await_kernel(&h, 3, 20);
    troubled_await_metric(&h, "sinter_degraded", 1, 10);
    troubled_stop(&h, true);
    folder_remove(dir);
    folder_remove(bin);
}

/* A disk that takes no more than so many bytes a file. The limit is inherited, as is that the signal is ignored. */
static void a_full_disk_costs_no_answers(void **state)
{
    char dir[FOLDER_PATH];
    struct rlimit before, small;
    (void)state;
    folder_make(dir);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100 << 10;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct host h = troubled_start(dir, troubled_with_compiler);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    for (int k = 0; k < 60; k++) {
        troubled_ask(&h, k);
        troubled_await_kernel(&h, k, 20);
    }
    troubled_await_metric(&h, "sinter_degraded", 1, 20);
    assert_true(host_metric(&h, "sinter_store_errors_total") >= 1);
    for (int k = 0; k < 60; k++)
        assert_true(troubled_ask(&h, k));
    troubled_stop(&h, true);
    folder_remove(dir);
}

static void where_no_store_can_be_made_the_server_says_so_and_works(void **state)
{
    char dir[FOLDER_PATH], path[128];
    (void)state;
    folder_make(dir);
    snprintf(path, sizeof path, "%s/occupied", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    struct host h = troubled_start(path, troubled_with_compiler);
    troubled_ask(&h, 0);
    troubled_await_kernel(&h, 0, 20);
    assert_true(host_metric(&h, "sinter_degraded") == 1);
    troubled_stop(&h, true);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_finds_its_kernels),
        cmocka_unit_test(a_damaged_store_costs_compiles_and_no_answers),
        cmocka_unit_test(a_store_damaged_under_a_running_server_costs_no_answers),
        cmocka_unit_test(a_lost_key_makes_stored_kernels_worthless_and_no_more),
        cmocka_unit_test(a_read_only_store_is_read_and_the_rest_compiled),
        cmocka_unit_test(a_full_disk_costs_no_answers),
        cmocka_unit_test(where_no_store_can_be_made_the_server_says_so_and_works),
    };
    return troubled_run("test_store_faults", tests, sizeof tests / sizeof *tests);
}
