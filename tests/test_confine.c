/* labels: http */
/* What a running server has taken away from itself: looked at from outside, and tried out in children that are
 * confined as it is. */
#include "tests/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/host.h"
#include "jit/sandbox.h"
#include "server/confine.h"

static char dir[64], store[80], outside[80], program[512];

static struct settings settings(void)
{
    return (struct settings){.store = store, .engine.sandbox = SANDBOX_AUTO};
}

/* What `attempt` returns in a confined child, or 1000 and its signal. `late`: after it listens. */
static int confined(int (*attempt)(void), bool late)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct settings s = settings();
        log_set_level(LEVEL_ERROR);
        if (!confine_early(&s))
            _exit(250);
        if (late)
            confine_late();
        _exit(attempt());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int what_holds(void)
{
    return (int)confine_held();
}

static void need(int parts)
{
    if ((confined(what_holds, true) & parts) != parts)
        skip();
}

static int error_of(long result)
{
    return result < 0 ? errno : 0;
}

static int write_outside(void)
{
    return error_of(open(outside, O_WRONLY));
}
static int make_outside(void)
{
    return error_of(mkdir("/etc/sinter-test", 0700));
}
static int run_what_was_written(void)
{
    char path[100], *argv[] = {path, NULL};
    snprintf(path, sizeof path, "%s/program", store);
    int fd = open(path, O_CREAT | O_WRONLY, 0700);
    if (fd < 0 || write(fd, "#!/bin/true\n", 12) != 12 || close(fd) != 0)
        return 100;
    return error_of(execv(path, argv));
}
static int use_store(void)
{
    char from[100], to[100];
    snprintf(from, sizeof from, "%s/a", store);
    snprintf(to, sizeof to, "%s/b", store);
    int fd = open(from, O_CREAT | O_RDWR, 0600);
    return fd < 0 || ftruncate(fd, 100) || fsync(fd) || rename(from, to) || unlink(to) || open(outside, O_RDONLY) < 0;
}

static void it_writes_its_folders_only_and_runs_nothing_from_there(void **state)
{
    (void)state;
    need(SANDBOX_FILES);
    assert_int_equal(confined(use_store, false), 0);
    assert_int_equal(confined(write_outside, false), EACCES);
    assert_int_equal(confined(make_outside, false), EACCES);
    assert_int_equal(confined(run_what_was_written, false), EACCES);
}

static int map_both(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
static int make_executable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}
static int trace(void)
{
    return error_of(syscall(SYS_ptrace, 0, 0, 0, 0));
}
static int load_filter_program(void)
{
    return error_of(syscall(SYS_bpf, 0, NULL, 0));
}
static int make_raw_socket(void)
{
    return error_of(socket(AF_PACKET, SOCK_RAW, 0));
}
static int change_root(void)
{
    return error_of(chroot("/"));
}

static void calls_that_no_server_needs_are_missing(void **state)
{
    static int (*const missing[])(void) = {trace, load_filter_program, make_raw_socket, change_root};
    (void)state;
    need(SANDBOX_CALLS);
    assert_int_equal(confined(map_both, false), 0);
    assert_int_equal(confined(make_executable, false), 0);
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (confined(missing[i], false) != ENOSYS)
            fail_msg("call %zu is there: %d", i, confined(missing[i], false));
}

static int make_socket(void)
{
    return error_of(socket(AF_INET, SOCK_STREAM, 0));
}
static int connect_socket(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return error_of(connect(0, (struct sockaddr *)&to, sizeof to));
}
static void *nap(void *user)
{
    atomic_int *go = user;
    while (!*go)
        usleep(1000);
    *go = make_socket() + 1;
    return NULL;
}
/* A thread that was there before. */
static int make_socket_elsewhere(void)
{
    static atomic_int go;
    pthread_t t;
    if (pthread_create(&t, NULL, nap, &go))
        return 100;
    usleep(20000);
    confine_late();
    go = 1;
    pthread_join(t, NULL);
    return go - 1;
}

static void once_it_listens_it_connects_to_nobody(void **state)
{
    (void)state;
    need(SANDBOX_CALLS);
    assert_int_equal(confined(make_socket, false), 0);
    assert_int_equal(confined(make_socket, true), EPERM);
    assert_int_equal(confined(connect_socket, true), EPERM);
    assert_int_equal(confined(make_socket_elsewhere, false), EPERM);
}

/* The real one */

static void status_line(pid_t pid, const char *name, char *ret, size_t size)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    *ret = 0;
    while (fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            snprintf(ret, size, "%s", line + strlen(name));
    fclose(f);
}

static void the_server_says_what_holds_and_can_be_told_not_to(void **state)
{
    char value[256], ours[256];
    struct host h;
    (void)state;
    need(SANDBOX_CALLS);
    assert_true(host_start(&h, program, "none", (const char *const[]){"--compilers", "0", NULL}));
    assert_true(host_metric(&h, "sinter_sandbox{process=\"server\",part=\"calls\"}") == 1);
    assert_true(host_metric(&h, "sinter_sandbox{process=\"worker\",part=\"calls\"}") == 0);
    status_line(h.pid, "Seccomp:", value, sizeof value);
    assert_string_equal(value, "\t2\n");
    status_line(h.pid, "NoNewPrivs:", value, sizeof value);
    assert_string_equal(value, "\t1\n");
    assert_int_equal(host_stop(&h, false), 0);
    assert_true(host_start(&h, program, "none", (const char *const[]){"--compilers", "0", "--sandbox", "off", NULL}));
    assert_true(host_metric(&h, "sinter_sandbox{process=\"server\",part=\"calls\"}") == 0);
    status_line(h.pid, "Seccomp:", value, sizeof value);
    status_line(getpid(), "Seccomp:", ours, sizeof ours); /* in a container there is a filter anyway */
    assert_string_equal(value, ours);
    assert_int_equal(host_stop(&h, false), 0);
}

static void what_is_required_and_missing_keeps_it_from_starting(void **state)
{
    (void)state;
    struct host h;
    bool has = (confined(what_holds, true) & SANDBOX_NEEDED) == SANDBOX_NEEDED;
    bool started =
        host_start(&h, program, "none", (const char *const[]){"--compilers", "0", "--sandbox", "require", NULL});
    if (started)
        host_stop(&h, false);
    assert_true(started == has);
}

/* A kernel without: this program in the place of sinter becomes it behind a filter that hides what WITHOUT names. */
#define WITHOUT "SINTER_TEST_WITHOUT"
static int become_server_without(const char *parts, char **argv)
{
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
    bool good = c != NULL;
    if (good && strstr(parts, "files"))
        good = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) == 0;
    if (good && strstr(parts, "memory"))
        good = seccomp_rule_add(c, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, 65)) == 0;
    if (good && strstr(parts, "calls"))
        good =
            seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0) == 0 &&
            seccomp_rule_add(c, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)) == 0;
    if (!good || seccomp_load(c) != 0)
        return 1;
    execv(program, argv);
    return 1;
}

static bool part_holds(const struct host *h, const char *process, const char *part)
{
    char metric[100];
    snprintf(metric, sizeof metric, "sinter_sandbox{process=\"%s\",part=\"%s\"}", process, part);
    return host_metric(h, metric) == 1;
}

static void must_go_on_without(const char *parts)
{
    static const char *const names[] = {"memory", "calls", "files"};
    char compiler[520];
    struct host h;
    snprintf(compiler, sizeof compiler, "%s-cc", program);
    setenv(WITHOUT, parts, 1);
    assert_true(host_start(&h, "/proc/self/exe", "none", (const char *const[]){"--compiler", compiler, NULL}));
    for (int i = 0; i < 1000 && host_metric(&h, "sinter_workers{state=\"ready\"}") < 1; i++)
        usleep(20000);
    assert_true(host_metric(&h, "sinter_workers{state=\"ready\"}") == 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int worker = 0; worker < 2; worker++)
            if (part_holds(&h, worker ? "worker" : "server", names[i]) == (strstr(parts, names[i]) != NULL))
                fail_msg("without %s: %s of the %s", parts, names[i], worker ? "worker" : "server");
    assert_int_equal(host_stop(&h, false), 0);
    bool started = host_start(&h, "/proc/self/exe", "none",
                              (const char *const[]){"--compiler", compiler, "--sandbox", "require", NULL});
    if (started)
        host_stop(&h, false);
    unsetenv(WITHOUT);
    if (started != (strcmp(parts, "memory") == 0))
        fail_msg("without %s and required: it %s", parts, started ? "started" : "did not start");
}

static void what_a_kernel_lacks_is_done_without(void **state)
{
    (void)state;
    need(SANDBOX_NEEDED | SANDBOX_MEMORY);
    must_go_on_without("memory");
    must_go_on_without("files");
    must_go_on_without("memory calls files");
}

static int tear_down(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s /var/sinter-confine-%d", dir, (int)getpid());
    return system(command);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/sinter-confine-XXXXXX");
    /* Not below the temporary folders, which it may write. */
    snprintf(outside, sizeof outside, "/var/sinter-confine-%d", (int)getpid());
    if (!mkdtemp(dir))
        return -1;
    snprintf(store, sizeof store, "%s/store", dir);
    FILE *f = fopen(outside, "w");
    if (!f) /* not root: something that nobody writes */
        snprintf(outside, sizeof outside, "/etc/hostname");
    else
        fclose(f);
    if (mkdir(store, 0700))
        return -1;
    int held = confined(what_holds, true);
    if (sandbox_possible() && prctl(PR_GET_SECCOMP) == 0 && !(held & SANDBOX_CALLS))
        return -1;
    return sandbox_possible() && syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0 && !(held & SANDBOX_FILES);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_writes_its_folders_only_and_runs_nothing_from_there),
        cmocka_unit_test(calls_that_no_server_needs_are_missing),
        cmocka_unit_test(once_it_listens_it_connects_to_nobody),
        cmocka_unit_test(the_server_says_what_holds_and_can_be_told_not_to),
        cmocka_unit_test(what_is_required_and_missing_keeps_it_from_starting),
        cmocka_unit_test(what_a_kernel_lacks_is_done_without),
    };
    snprintf(program, sizeof program, "%s/sinter", test_build_dir());
    if (argc > 1 && getenv(WITHOUT))
        return become_server_without(getenv(WITHOUT), argv);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
