/* labels: api */
/* A server whose disk fails under data.db while it runs: what needs no disk goes on, what must be kept is refused, the
 * operator is told, and all is well again when the disk is. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/ask.h"
#include "tests/support/folder.h"
#include "tests/support/vfs_faults.h"

enum { NOBODY = 65534 };

static char dir[FOLDER_PATH], last_word[1024];
static atomic_int words;
static bool key_told; /* that the key of streams cannot be kept */

static void listen_to_log(int level, const char *message, void *user)
{
    (void)user;
    if (level == LOG_WARNING) {
        assert_non_null(strstr(message, "streams.key"));
        key_told = true;
        return;
    }
    assert_true(level == LOG_ERR || level == LOG_NOTICE);
    snprintf(last_word, sizeof last_word, "%s", message);
    atomic_fetch_add(&words, 1);
}

static struct api *with_store(void)
{
    struct api_config config = api_config_default();
    config.store_dir = dir;
    config.data.log = listen_to_log;
    return small_api(config);
}

static void make_dir(void)
{
    folder_make(dir);
}

static void remove_dir(void)
{
    folder_remove(dir);
}

static struct api_response post_graph(struct api *to, int k)
{
    char *body = arena_printf(arena, "{\"output\":\"x*%d\"}", k);
    return ask_of(to, (struct ask){.method = METHOD_POST, .path = "/graphs", .type = "application/json", .body = body});
}

static struct api_response post_job(struct api *to)
{
    return ask_of(to, (struct ask){.method = METHOD_POST,
                                   .path = "/jobs",
                                   .type = "application/json",
                                   .body = "[{\"kind\":\"render\",\"expr\":\"x\",\"width\":8,\"height\":8}]"});
}

static uint64_t jobs_of(struct api *of)
{
    struct api_stats stats;
    api_stats(of, &stats);
    return stats.data.jobs;
}

static void assert_status(struct api_response res, int expected)
{
    if (res.http_status != expected)
        fail_msg("%d: %s", res.http_status, body_of(&res));
    api_response_done(&res);
}

static bool is_failing(struct api *of)
{
    struct api_stats stats;
    api_stats(of, &stats);
    return stats.data.failing;
}

static void a_disk_that_fails_costs_only_what_must_be_kept(void **state)
{
    (void)state;
    static const enum vfs_fault kinds[] = {VFS_FULL, VFS_READONLY, VFS_SYNC, VFS_IOERR};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        make_dir();
        vfs_faults_begin();
        struct api *a = with_store();
        atomic_store(&words, 0);
        struct api_response res = post_graph(a, 1);
        char *path = arena_strdup(arena, header_of(&res, "Location"));
        assert_status(res, 201);
        assert_false(is_failing(a));
        vfs_faults_arm(kinds[i], 1, true);
        res = post_graph(a, 2);
        assert_non_null(header_of(&res, "Retry-After"));
        assert_problem(res, STATUS_STORE, NULL, "store");
        assert_true(is_failing(a));
        assert_status(ask_of(a, (struct ask){.method = METHOD_GET, .path = "/readyz"}), 200);
        assert_status(ask_of(a, (struct ask){.method = METHOD_GET, .path = "/render", .query = "expr=x&width=8"}), 200);
        assert_status(ask_of(a, (struct ask){.method = METHOD_GET, .path = path}), 200);
        assert_problem(post_graph(a, 3), STATUS_STORE, NULL, "store");
        assert_problem(post_job(a), STATUS_STORE, NULL, "store");
        assert_int_equal(atomic_load(&words), 1); /* said once */
        assert_non_null(strstr(last_word, "data.db"));
        vfs_faults_arm(VFS_SOUND, 0, false);
        for (int waited = 0; is_failing(a) && waited < 100; waited++) /* it looks by itself */
            nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        assert_false(is_failing(a));
        assert_non_null(strstr(last_word, "again"));
        assert_status(post_graph(a, 2), 201); /* it was not half there */
        assert_int_equal(jobs_of(a), 0);
        assert_status(post_job(a), 202);
        assert_int_equal(jobs_of(a), 1);
        api_free(a);
        vfs_faults_end();
        remove_dir();
    }
}

/* As somebody who may read, and no more. */
static int reads_only(const char *path)
{
    struct api *a = with_store();
    struct api_response res = ask_of(a, (struct ask){.method = METHOD_GET, .path = path});
    if (res.http_status != 200)
        return 1;
    api_response_done(&res);
    res = post_graph(a, 9);
    if (res.http_status != 503)
        return 2;
    api_response_done(&res);
    res = ask_of(a, (struct ask){.method = METHOD_GET, .path = "/render", .query = "expr=x&width=8"});
    if (res.http_status != 200 || !is_failing(a))
        return 3;
    api_response_done(&res);
    api_free(a);
    return key_told ? 0 : 4;
}

static void a_read_only_folder_still_gives_its_graphs(void **state)
{
    (void)state;
    make_dir();
    struct api *a = with_store();
    struct api_response res = post_graph(a, 1);
    char *path = arena_strdup(arena, header_of(&res, "Location"));
    assert_status(res, 201);
    api_free(a);
    char command[256];
    snprintf(command, sizeof command, "rm -f %s/streams.key; chmod 444 %s/*; chmod 555 %s", dir, dir, dir);
    assert_int_equal(system(command), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)) ? 9 : reads_only(path));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    remove_dir();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_fails_costs_only_what_must_be_kept),
        cmocka_unit_test(a_read_only_folder_still_gives_its_graphs),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
