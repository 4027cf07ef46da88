/* labels: api */
/* A disk that is full, really: a small file system of its own, filled by the store and then by somebody else. What
 * frees room goes on, and what is freed can be used again. And what becomes of the reserve that is for this. */
#include "tests/support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/kept.h"

enum { DISK = 64 << 20, BLOB = 4 << 20, MOST = 32, CANNOT_MOUNT = 77 };

static char hex[MOST][DATA_SHA256_HEX];

/* False: no room. */
static bool put(struct data_store *s, uint8_t seed, char ret_hex[DATA_SHA256_HEX])
{
    static uint8_t bytes[BLOB];
    struct data_upload *u;
    uint64_t size;
    memset(bytes, seed, sizeof bytes);
    fault_init(&kept_fault, kept_arena);
    if (data_upload_new(s, DATA_BLOB, "me", &u, &kept_fault) != STATUS_OK)
        return false;
    bool good = data_upload_add(u, bytes, sizeof bytes, &kept_fault) == STATUS_OK &&
                data_blob_end(u, ret_hex, &size, &kept_fault) == STATUS_OK;
    data_upload_free(u);
    return good;
}

/* Somebody else takes what is left of the disk, to the last page. */
static void fill_disk(void)
{
    static const char page[4096] = "x";
    char path[FOLDER_PATH + 16];
    snprintf(path, sizeof path, "%s/other", kept_dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    while (write(fd, page, sizeof page) == sizeof page) {
    }
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static int fill(struct data_store *s, int first)
{
    int n = first;
    while (n < MOST && put(s, (uint8_t)(n + 1), hex[n]))
        n++;
    assert_true(n < MOST);
    fill_disk();
    return n;
}

static bool is_failing(struct data_store *s)
{
    struct data_stats stats;
    data_stats(s, &stats);
    return stats.failing;
}

static void live(void)
{
    char job[DATA_JOB_ID];
    struct data_verified v;
    struct data_bytes found;
    struct data_store *s = kept_open();
    kept_put_job(s, "me", NULL, 10, job);
    int n = fill(s, 0);
    assert_true(n > 8);
    assert_true(is_failing(s));
    kept_good(data_job_cancel(s, job, &kept_fault));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < n; i++)
            kept_good(data_blob_delete(s, "me", hex[i], &kept_fault));
        for (int i = 0; i < 2 * MOST; i++) /* as by itself, a little at a time */
            data_maintain(s);
        for (int waited = 0; is_failing(s) && waited < 100; waited++)
            usleep(100000);
        assert_false(is_failing(s)); /* there is room inside now */
        fill_disk();
        int before = n;
        n = fill(s, 0);
        print_message("%d blobs fit, and when all were deleted %d\n", before, n);
        assert_true(n >= before - 6);
        for (int i = 0; i < n; i++)
            kept_good(data_blob_find(s, "me", hex[i], &found, &kept_fault));
    }
    data_store_free(s);
    fill_disk();
    s = kept_open(); /* it begins on such a disk, too */
    kept_good(data_blob_delete(s, "me", hex[0], &kept_fault));
    data_store_free(s);
    kept_good(data_verify(kept_dir, NULL, NULL, &v, &kept_fault));
    assert_int_equal(v.faults, 0);
}

static void what_frees_room_works_on_a_full_disk(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        char size[32];
        snprintf(size, sizeof size, "size=%d", DISK);
        if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) != 0 ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("sinter-test", kept_dir, "tmpfs", 0, size) != 0)
            _exit(CANNOT_MOUNT);
        live();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_MOUNT) {
        print_message("no file system can be mounted here\n");
        skip();
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static char reserve[FOLDER_PATH + 16];

static void store_works(uint8_t seed)
{
    char sha256[DATA_SHA256_HEX];
    struct data_store *s = kept_open();
    kept_put_blob(s, "me", seed, 1000, sha256);
    data_store_free(s);
}

static void what_stands_in_the_reserve_s_place_is_left_alone(void **state)
{
    (void)state;
    struct stat st;
    snprintf(reserve, sizeof reserve, "%s/data.reserve", kept_dir);
    assert_int_equal(mkfifo(reserve, 0600), 0);
    alarm(60); /* nobody reads it: who waits for that waits for ever */
    store_works(1);
    alarm(0);
    assert_int_equal(lstat(reserve, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(unlink(reserve), 0);
    assert_int_equal(mkdir(reserve, 0700), 0);
    store_works(2);
    assert_int_equal(rmdir(reserve), 0);
    assert_int_equal(symlink("elsewhere", reserve), 0);
    store_works(3);
    assert_int_equal(lstat(reserve, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(unlink(reserve), 0);
}

static void a_reserve_that_is_too_large_gives_back(void **state)
{
    (void)state;
    struct stat st;
    snprintf(reserve, sizeof reserve, "%s/data.reserve", kept_dir);
    int fd = open(reserve, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    store_works(1);
    assert_int_equal(stat(reserve, &st), 0);
    assert_true(st.st_size <= 16 << 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_frees_room_works_on_a_full_disk, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(what_stands_in_the_reserve_s_place_is_left_alone, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(a_reserve_that_is_too_large_gives_back, kept_set_up, kept_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
