/* labels: jit */
/* The compile workers' keeper against workers that die, hang, lie, are missing or never get ready. The worker is this
 * very program under another name: a link fake-MODE to it. */
#include "tests/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jit/cc_protocol.h"
#include "jit/compiler.h"
#include "tests/support/folder.h"

/* The fake worker */

static void send_message(uint32_t kind, const void *data, uint32_t size, uint32_t claimed, uint32_t entry)
{
    struct cc_header head = {.magic = CC_MAGIC, .kind = kind, .size = claimed, .entry = entry, .compile_us = 1500};
    strcpy(head.compiler, "fake 1");
    if (write(CC_FD, &head, sizeof head) != sizeof head || write(CC_FD, data, size) != (ssize_t)size)
        _exit(1);
}

/* What it was born with, for the test to judge. */
static void describe(char *text, size_t size)
{
    int open_fds = 0;
    extern char **environ;
    DIR *d = opendir("/proc/self/fd");
    struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        open_fds += entry->d_name[0] != '.' && atoi(entry->d_name) > CC_FD && atoi(entry->d_name) != dirfd(d);
    int n = snprintf(text, size, "pid %d fds %d nice %d batch %d", getpid(), open_fds, getpriority(PRIO_PROCESS, 0),
                     sched_getscheduler(0) == SCHED_BATCH);
    for (char **e = environ; *e && n > 0 && (size_t)n < size; e++)
        n += snprintf(text + n, size - (size_t)n, " %s", *e);
    snprintf(text + n, size - (size_t)n, ".");
}

static int lives_so_far(const char *self)
{
    char path[300];
    snprintf(path, sizeof path, "%s.lives", self);
    int fd = open(path, O_CREAT | O_APPEND | O_RDWR, 0600);
    if (write(fd, "x", 1) != 1)
        _exit(1);
    int lives = (int)lseek(fd, 0, SEEK_END);
    close(fd);
    return lives;
}

static void litter(void)
{
    char path[300];
    snprintf(path, sizeof path, "%s/deep", getenv("TMPDIR"));
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/deep/left.s", getenv("TMPDIR"));
    close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void answer(const char *mode, int lives)
{
    static const char image[16] = "\xc3 an image";
    char text[1000];
    if (strcmp(mode, "dies") == 0 || (strcmp(mode, "dies-twice") == 0 && lives <= 2))
        _exit(1);
    if (strcmp(mode, "hangs") == 0)
        pause();
    while (strcmp(mode, "spins") == 0)
        ;
    if (strcmp(mode, "lies-huge") == 0)
        send_message(CC_IMAGE, image, sizeof image, UINT32_MAX, 0);
    else if (strcmp(mode, "lies-long") == 0)
        send_message(CC_IMAGE, image, sizeof image, 1000, 0);
    else if (strcmp(mode, "lies-entry") == 0)
        send_message(CC_IMAGE, image, sizeof image, sizeof image, sizeof image);
    else if (strcmp(mode, "lies-empty") == 0)
        send_message(CC_IMAGE, image, 0, 0, 0);
    else if (strcmp(mode, "garbage") == 0)
        send_message(99, image, sizeof image, sizeof image, 0);
    else if (strcmp(mode, "refuses") == 0)
        send_message(CC_REFUSED, "too odd", 8, 8, 0);
    else if (strcmp(mode, "describes") == 0) {
        describe(text, sizeof text);
        send_message(CC_REFUSED, text, (uint32_t)strlen(text), (uint32_t)strlen(text), 0);
    } else
        send_message(CC_IMAGE, image, sizeof image, sizeof image, 0);
}

static int fake_worker(const char *self, const char *mode)
{
    struct cc_header head;
    int lives = lives_so_far(self);
    if (strcmp(mode, "ends") == 0 || (strcmp(mode, "ends-once") == 0 && lives == 1))
        return 0;
    if (strcmp(mode, "mute") == 0)
        pause();
    litter();
    send_message(CC_READY, "", 0, 0, 0);
    while (recv(CC_FD, &head, sizeof head, MSG_WAITALL) == sizeof head) {
        char *text = malloc(head.size);
        if (head.magic != CC_MAGIC || head.kind != CC_COMPILE ||
            recv(CC_FD, text, head.size, MSG_WAITALL) != (ssize_t)head.size || text[head.size - 1] != 0 ||
            !strstr(text, "main {"))
            return 1;
        free(text);
        answer(mode, lives);
    }
    return 0;
}

/* The test's side */

static char dir[FOLDER_PATH];
static struct arena *arena;
static struct ir *ir;

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    folder_make(dir);
    arena = arena_new(64 << 20);
    fault_init(&f, arena);
    if (ir_parse("main { %1 = input 0 out 0 %1 }", arena, &ir, &f))
        return -1;
    char *tmp = arena_printf(arena, "%s/tmp", dir);
    return mkdir(tmp, 0700) || setenv("TMPDIR", tmp, 1);
}

static int tear_down(void **state)
{
    (void)state;
    unsetenv("TMPDIR");
    arena_free(arena);
    folder_remove(dir);
    return 0;
}

static const char *fake(const char *mode)
{
    char self[300];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = 0;
    char *path = arena_printf(arena, "%s/fake-%s", dir, mode);
    if (symlink(self, path) != 0)
        assert_int_equal(errno, EEXIST);
    return path;
}

static struct compiler *compiler_of(const char *path, int workers)
{
    struct compiler *c = compiler_new(&(struct compiler_config){.path = path,
                                                                .workers = workers,
                                                                .timeout_ms = 300,
                                                                .start_ms = 1000,
                                                                .queue = 8,
                                                                .recycle = 4,
                                                                .backoff_ms = 10});
    assert_non_null(c);
    return c;
}

struct waiting {
    struct compile_job job;
    atomic_int done;
    enum compile_outcome outcome;
    char reason[1000], compiler[40];
    size_t size;
    double compile_ms;
};

static void done(struct compile_job *job, const struct compile_result *r)
{
    struct waiting *w = (struct waiting *)job;
    w->outcome = r->outcome;
    if (r->outcome == COMPILE_REFUSED)
        snprintf(w->reason, sizeof w->reason, "%s", r->reason);
    if (r->outcome == COMPILE_OK) {
        snprintf(w->compiler, sizeof w->compiler, "%s", r->compiler);
        w->size = r->image.size;
        w->compile_ms = r->compile_ms;
        assert_int_equal(r->image.bytes[0], 0xc3);
    }
    atomic_fetch_add(&w->done, 1);
}

static struct waiting *submit(struct compiler *c)
{
    struct waiting *w = ARENA_NEW(arena, struct waiting);
    w->job = (struct compile_job){.ir = ir, .target = TARGET_V3, .cost_ms = 50, .done = done};
    return compiler_submit(c, &w->job) ? w : NULL;
}

static enum compile_outcome wait_for(const struct waiting *w)
{
    for (int i = 0; i < 1000 && !w->done; i++)
        usleep(10000);
    assert_int_equal(w->done, 1);
    return w->outcome;
}

static struct compiler_stats stats_of(struct compiler *c)
{
    struct compiler_stats s;
    compiler_stats(c, &s);
    return s;
}

static unsigned entries_of(const char *path)
{
    unsigned n = 0;
    struct dirent *entry;
    DIR *d = opendir(path);
    while ((entry = readdir(d)) != NULL)
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static void jobs_are_answered_and_workers_recycled(void **state)
{
    (void)state;
    struct compiler *c = compiler_of(fake("good"), 2);
    for (int i = 0; i < 20; i++) {
        struct waiting *w = submit(c);
        assert_int_equal(wait_for(w), COMPILE_OK);
        assert_string_equal(w->compiler, "fake 1");
        assert_int_equal(w->size, 16);
        assert_true(w->compile_ms > 1.4 && w->compile_ms < 1.6);
    }
    struct compiler_stats s = stats_of(c);
    assert_true(s.restarts >= 3); /* 20 jobs, 2 workers of 4 each */
    assert_int_equal(s.crashes + s.timeouts, 0);
    assert_int_equal(s.workers, 2);
    assert_true(entries_of(getenv("TMPDIR")) >= 1);
    compiler_free(c);
    assert_int_equal(entries_of(getenv("TMPDIR")), 0); /* whatever workers left there */
}

static void a_refusal_is_final_and_costs_no_worker(void **state)
{
    (void)state;
    struct compiler *c = compiler_of(fake("refuses"), 1);
    struct waiting *w = submit(c);
    assert_int_equal(wait_for(w), COMPILE_REFUSED);
    assert_string_equal(w->reason, "too odd");
    assert_int_equal(stats_of(c).crashes + stats_of(c).restarts, 0);
    compiler_free(c);
}

/* Each of these ends the worker; the job is tried COMPILE_STRIKES times. */
static void check_strikes(const char *mode, enum compile_outcome outcome)
{
    struct compiler *c = compiler_of(fake(mode), 1);
    struct waiting *w = submit(c);
    assert_int_equal(wait_for(w), outcome);
    struct compiler_stats s = stats_of(c);
    assert_int_equal(outcome == COMPILE_TIMEOUT ? s.timeouts : s.crashes, COMPILE_STRIKES);
    assert_int_equal(outcome == COMPILE_TIMEOUT ? s.crashes : s.timeouts, 0);
    compiler_free(c);
}

static void a_killer_is_given_up_after_three_workers(void **state)
{
    (void)state;
    check_strikes("dies", COMPILE_CRASHED);
}

static void a_hung_worker_is_killed_at_its_deadline(void **state)
{
    (void)state;
    check_strikes("hangs", COMPILE_TIMEOUT);
    check_strikes("spins", COMPILE_TIMEOUT);
}

static void lies_about_sizes_and_garbage_count_as_crashes(void **state)
{
    (void)state;
    check_strikes("lies-huge", COMPILE_CRASHED);
    check_strikes("lies-entry", COMPILE_CRASHED);
    check_strikes("lies-empty", COMPILE_CRASHED);
    check_strikes("garbage", COMPILE_CRASHED);
    check_strikes("lies-long", COMPILE_TIMEOUT);
}

static void a_job_survives_two_crashes(void **state)
{
    (void)state;
    struct compiler *c = compiler_of(fake("dies-twice"), 1);
    assert_int_equal(wait_for(submit(c)), COMPILE_OK);
    assert_int_equal(stats_of(c).crashes, 2);
    assert_int_equal(stats_of(c).restarts, 2);
    compiler_free(c);
}

static void wait_until_down(struct compiler *c)
{
    for (int i = 0; i < 500 && !stats_of(c).down; i++)
        usleep(10000);
    assert_true(stats_of(c).down);
}

static void without_a_worker_jobs_are_not_taken(void **state)
{
    (void)state;
    const char *absent = arena_printf(arena, "%s/absent", dir);
    for (int i = 0; i < 3; i++) {
        struct compiler *c = compiler_of(i == 0 ? absent : fake(i == 1 ? "ends" : "mute"), 2);
        struct waiting *early = submit(c); /* workers are still starting */
        wait_until_down(c);
        assert_null(submit(c));
        if (early)
            assert_int_equal(wait_for(early), COMPILE_DROPPED);
        compiler_free(c);
        assert_int_equal(entries_of(getenv("TMPDIR")), 0);
    }
}

static void a_worker_that_comes_back_is_used(void **state)
{
    (void)state;
    struct compiler *c = compiler_of(fake("ends-once"), 1);
    for (int i = 0; i < 500 && !stats_of(c).ready; i++)
        usleep(10000);
    assert_false(stats_of(c).down);
    assert_int_equal(wait_for(submit(c)), COMPILE_OK);
    compiler_free(c);
}

static void the_queue_is_bounded_and_the_end_drops_it(void **state)
{
    (void)state;
    struct compiler *c = compiler_of(fake("hangs"), 1);
    struct waiting *all[20];
    int taken = 0;
    for (int i = 0; i < 20; i++) {
        struct waiting *w = submit(c);
        if (w)
            all[taken++] = w;
    }
    assert_in_range(taken, 8, 9);
    assert_true(stats_of(c).queue_cost_ms >= 8 * 50);
    compiler_free(c);
    for (int i = 0; i < taken; i++) {
        assert_int_equal(all[i]->done, 1);
        assert_int_equal(all[i]->outcome, COMPILE_DROPPED);
    }
}

static void workers_have_a_clean_and_low_life(void **state)
{
    (void)state;
    setenv("SECRET", "of the server", 1);
    int leaky = open("/dev/null", O_RDONLY); /* without CLOEXEC */
    int pid, fds, niceness, batch;
    struct compiler *c = compiler_of(fake("describes"), 1);
    struct waiting *w = submit(c);
    assert_int_equal(wait_for(w), COMPILE_REFUSED);
    assert_int_equal(sscanf(w->reason, "pid %d fds %d nice %d batch %d", &pid, &fds, &niceness, &batch), 4);
    assert_int_equal(fds, 0);
    assert_int_equal(niceness, 10);
    assert_int_equal(batch, 1);
    assert_null(strstr(w->reason, "SECRET"));
    assert_non_null(strstr(w->reason, " PATH=/usr/bin:/bin "));
    assert_non_null(strstr(w->reason, arena_printf(arena, " TMPDIR=%s/", getenv("TMPDIR"))));
    compiler_free(c);
    assert_int_equal(kill(pid, 0), -1);
    close(leaky);
}

static void directories_of_a_killed_parent_are_swept(void **state)
{
    (void)state;
    char *old = arena_printf(arena, "%s/sinter-cc-aaaaaa", getenv("TMPDIR"));
    char *fresh = arena_printf(arena, "%s/sinter-cc-bbbbbb", getenv("TMPDIR"));
    char *other = arena_printf(arena, "%s/somebody-else", getenv("TMPDIR"));
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(mkdir(old, 0700) | mkdir(fresh, 0700) | mkdir(other, 0700), 0);
    assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0) | utimensat(AT_FDCWD, other, long_ago, 0), 0);
    struct compiler *c = compiler_of(fake("good"), 1);
    assert_int_equal(wait_for(submit(c)), COMPILE_OK);
    assert_int_not_equal(access(old, F_OK), 0);
    assert_int_equal(access(fresh, F_OK) | access(other, F_OK), 0);
    /* One in use is locked: a second server leaves it alone, however old it is. */
    struct dirent *entry;
    DIR *d = opendir(getenv("TMPDIR"));
    while ((entry = readdir(d)) != NULL) {
        if (strncmp(entry->d_name, "sinter-cc-", 10) == 0 && strcmp(entry->d_name, "sinter-cc-bbbbbb") != 0)
            assert_int_equal(utimensat(dirfd(d), entry->d_name, long_ago, 0), 0);
    }
    closedir(d);
    unsigned before = entries_of(getenv("TMPDIR"));
    struct compiler *second = compiler_of(fake("ends"), 1);
    wait_until_down(second);
    compiler_free(second);
    assert_int_equal(entries_of(getenv("TMPDIR")), before);
    compiler_free(c);
}

static void the_death_of_an_idle_worker_strikes_no_job(void **state)
{
    (void)state;
    int pid;
    struct compiler *c = compiler_of(fake("describes"), 1);
    struct waiting *w = submit(c);
    assert_int_equal(wait_for(w), COMPILE_REFUSED);
    assert_int_equal(sscanf(w->reason, "pid %d", &pid), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    usleep(50000);
    assert_int_equal(wait_for(submit(c)), COMPILE_REFUSED);
    assert_int_equal(stats_of(c).crashes, 0);
    assert_int_equal(stats_of(c).restarts, 1);
    compiler_free(c);
}

int main(int argc, char **argv)
{
    const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
    if (name && strncmp(name, "/fake-", 6) == 0)
        return fake_worker(argv[0], name + 6);
#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(jobs_are_answered_and_workers_recycled),        ONE(a_refusal_is_final_and_costs_no_worker),
        ONE(a_killer_is_given_up_after_three_workers),      ONE(a_hung_worker_is_killed_at_its_deadline),
        ONE(lies_about_sizes_and_garbage_count_as_crashes), ONE(a_job_survives_two_crashes),
        ONE(without_a_worker_jobs_are_not_taken),           ONE(a_worker_that_comes_back_is_used),
        ONE(the_queue_is_bounded_and_the_end_drops_it),     ONE(workers_have_a_clean_and_low_life),
        ONE(directories_of_a_killed_parent_are_swept),      ONE(the_death_of_an_idle_worker_strikes_no_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
