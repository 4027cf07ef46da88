/* labels: jit */
/* What the compile worker's sandbox takes away, tried out: each attempt in a child of its own that enters the cage
 * first. Also the real worker, looked at from outside. */
#include "tests/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <seccomp.h>

#include "core/plan.h"
#include "jit/cc/admit.h"
#include "jit/cc/cage.h"
#include "tests/support/cc_worker.h"
#include "tests/support/folder.h"

static char dir[FOLDER_PATH], tmpdir[80], secret[80]; /* the worker's folder, and a file beside it */
static unsigned held;                                 /* on this machine */

enum { DIED = 1000 }; /* and the signal */

/* What `attempt` returns in a caged child, or DIED and its signal. */
static int caged(int (*attempt)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGILL, SIG_DFL); /* cmocka's */
        signal(SIGSEGV, SIG_DFL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (cage_enter(tmpdir) != held)
            _exit(250);
        _exit(attempt());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? DIED + WTERMSIG(status) : WEXITSTATUS(status);
}

static void need(unsigned parts)
{
    if ((held & parts) != parts)
        skip();
}

static int error_of(long result)
{
    return result < 0 ? errno : 0;
}

/* Files */

static int read_secret(void)
{
    return error_of(open(secret, O_RDONLY));
}
static int write_secret(void)
{
    return error_of(open(secret, O_WRONLY));
}
static int cut_secret(void)
{
    return error_of(truncate(secret, 0));
}
static int remove_secret(void)
{
    return error_of(unlink(secret));
}
static int make_beside(void)
{
    char path[100];
    snprintf(path, sizeof path, "%s/new", dir);
    return error_of(open(path, O_CREAT | O_WRONLY, 0600));
}
static int move_out(void)
{
    char from[100], to[100];
    snprintf(from, sizeof from, "%s/mine", tmpdir);
    snprintf(to, sizeof to, "%s/mine", dir);
    close(open(from, O_CREAT | O_WRONLY, 0600));
    return rename(from, to) == 0 ? 0 : errno == EXDEV ? EACCES : errno;
}
static int list_root(void)
{
    return error_of(open("/", O_RDONLY | O_DIRECTORY));
}
static int read_users(void)
{
    return error_of(open("/etc/passwd", O_RDONLY));
}
static int read_environment(void)
{
    return error_of(open("/proc/self/environ", O_RDONLY));
}
static int run_shell(void)
{
    return error_of(execl("/bin/sh", "sh", "-c", "exit 0", NULL));
}

static void only_its_folder_can_be_written_and_only_compilers_read(void **state)
{
    static int (*const attempts[])(void) = {read_secret, write_secret, cut_secret, remove_secret,    make_beside,
                                            move_out,    list_root,    read_users, read_environment, run_shell};
    (void)state;
    need(SANDBOX_FILES);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        if (caged(attempts[i]) != EACCES)
            fail_msg("attempt %zu ended with %d, not EACCES", i, caged(attempts[i]));
    struct stat st;
    assert_int_equal(stat(secret, &st), 0);
    assert_int_equal(st.st_size, 6);
}

static int work_in_folder(void)
{
    char path[100], sub[100];
    snprintf(sub, sizeof sub, "%s/sub", tmpdir);
    snprintf(path, sizeof path, "%s/sub/file", tmpdir);
    int fd;
    if (mkdir(sub, 0700) || (fd = open(path, O_CREAT | O_RDWR, 0600)) < 0 || write(fd, "x", 1) != 1 || close(fd) ||
        unlink(path) || rmdir(sub))
        return 1;
    return open("/usr/bin/as", O_RDONLY) < 0;
}
static int run_assembler(void)
{
    int fd = open("/dev/null", O_WRONLY);
    dup2(fd, 1);
    return error_of(execl("/usr/bin/as", "as", "--version", NULL));
}

static void what_a_compile_needs_is_there(void **state)
{
    (void)state;
    need(SANDBOX_CALLS);
    assert_int_equal(caged(work_in_folder), 0);
    if (access("/usr/bin/as", X_OK) == 0)
        assert_int_equal(caged(run_assembler), 0);
}

/* System calls */

static int open_internet(void)
{
    return error_of(socket(AF_INET, SOCK_STREAM, 0));
}
static int open_local(void)
{
    return error_of(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int connect_old_socket(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return error_of(connect(0, (struct sockaddr *)&to, sizeof to));
}
static int signal_parent(void)
{
    return error_of(kill(getppid(), 0));
}
static int leave_group(void)
{
    return error_of(setsid());
}
static int change_user(void)
{
    return error_of(syscall(SYS_setuid, 1));
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
static int enter_space(void)
{
    return syscall(SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD), 0, 0, 0, 0) >= 0;
}
static int limit_other(void)
{
    struct rlimit r = {1, 1};
    return prlimit(getppid(), RLIMIT_NOFILE, &r, NULL) == 0;
}

static void there_is_no_network_and_nobody_else(void **state)
{
    static int (*const attempts[])(void) = {open_internet, open_local,  connect_old_socket,
                                            signal_parent, leave_group, change_user};
    (void)state;
    need(SANDBOX_CALLS);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        if (caged(attempts[i]) != EPERM)
            fail_msg("attempt %zu ended with %d, not EPERM", i, caged(attempts[i]));
}

static void memory_is_writable_or_executable_and_namespaces_are_closed(void **state)
{
    static int (*const attempts[])(void) = {map_both, make_executable, enter_space, limit_other};
    (void)state;
    need(SANDBOX_CALLS);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        if (caged(attempts[i]) != 0)
            fail_msg("attempt %zu was not refused", i);
}

static int abort_parent(void)
{
    return error_of(syscall(SYS_tgkill, getppid(), getppid(), SIGABRT));
}

static void even_the_one_signal_it_has_reaches_nobody_else(void **state)
{
    (void)state;
    need(SANDBOX_SIGNALS);
    assert_int_equal(caged(abort_parent), EPERM);
}

static const char *deadly;
static int make_deadly_call(void)
{
    syscall(seccomp_syscall_resolve_name(deadly), 0, 0, 0, 0, 0, 0);
    return 0;
}

static void what_only_attackers_call_ends_the_process(void **state)
{
    (void)state;
    need(SANDBOX_CALLS);
    for (const char *const *name = sandbox_deadly; *name; name++) {
        deadly = *name;
        if (seccomp_syscall_resolve_name(deadly) >= 0 && caged(make_deadly_call) != DIED + SIGSYS)
            fail_msg("%s did not end the process", deadly);
    }
}

/* Kernels on trial */

static const char *text; /* machine code */
static size_t text_size;

static int try_kernel(void)
{
    struct arena *a = arena_new(64 << 20);
    struct fault f;
    struct ir *ir = NULL;
    fault_init(&f, a);
    setrlimit(RLIMIT_CPU, &(struct rlimit){1, 1});
    if (ARENA_GUARD(a) || ir_parse("main { %1 = input 0 out 0 %1 }", a, &ir, &f) != STATUS_OK)
        return 100;
    ir_rates(ir);
    struct image image = {.bytes = (const uint8_t *)text, .size = text_size, .entry = 0};
    return admit(plan_make(ir, a), &image, a, &f) == STATUS_OK ? 1 : 2;
}

static int on_trial(const char *code, size_t size)
{
    text = code;
    text_size = size;
    return caged(try_kernel);
}
#define ON_TRIAL(code) on_trial(code, sizeof(code) - 1)

static void machine_code_on_trial_can_call_nothing(void **state)
{
    (void)state;
    need(SANDBOX_CALLS);
    assert_int_equal(ON_TRIAL("\xc3"), 2);                                                  /* ret: computes nothing */
    assert_int_equal(ON_TRIAL("\xb8\x29\x00\x00\x00\x0f\x05\xc3"), DIED + SIGSYS);          /* socket */
    assert_int_equal(ON_TRIAL("\xb8\x01\x01\x00\x00\x0f\x05\xc3"), DIED + SIGSYS);          /* openat */
    assert_int_equal(ON_TRIAL("\xb8\x3b\x00\x00\x00\x0f\x05\xc3"), DIED + SIGSYS);          /* execve */
    assert_int_equal(ON_TRIAL("\x31\xc0\xff\xc0\x0f\x05\xc3"), DIED + SIGSYS);              /* write */
    assert_int_equal(ON_TRIAL("\x0f\x0b"), DIED + SIGILL);                                  /* ud2 */
    assert_int_equal(ON_TRIAL("\xeb\xfe"), DIED + SIGKILL);                                 /* for ever: RLIMIT_CPU */
    assert_int_equal(ON_TRIAL("\x48\x81\xec\x00\x00\x10\x00\x50\xeb\xf6"), DIED + SIGSEGV); /* all the stack */
}

/* The real worker */

static bool says(const char *file, pid_t pid, const char *line)
{
    char path[64], all[8192];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    all[fread(all, 1, sizeof all - 1, f)] = 0;
    fclose(f);
    return strstr(all, line);
}

static void the_worker_lives_in_its_cage_and_says_so(void **state)
{
    (void)state;
    struct cc_worker w = cc_worker_start();
    assert_int_equal(w.ready.flags, held);
    assert_true(says("limits", w.pid, "Max core file size        0                    0 "));
    assert_true(says("limits", w.pid, "Max open files            64                   64 "));
    assert_true(says("limits", w.pid, "Max file size             134217728            134217728 "));
    assert_true(says("limits", w.pid, "Max processes             8192"));
    if (sandbox_possible())
        assert_true(says("limits", w.pid, "Max address space         4294967296           4294967296 "));
    if (held & SANDBOX_PRIVILEGES)
        assert_true(says("status", w.pid, "NoNewPrivs:\t1\n"));
    if (held & SANDBOX_CALLS)
        assert_true(says("status", w.pid, "Seccomp:\t2\n"));
    assert_int_equal(cc_worker_stop(&w), 0);
}

/* Gone, or dead and waiting for somebody to notice. */
static bool has_ended(pid_t pid)
{
    char path[64], line[300] = "", *after;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return true;
    bool zombie = fgets(line, sizeof line, f) && (after = strrchr(line, ')')) && after[2] == 'Z';
    fclose(f);
    return zombie;
}

/* Stopped, so that it cannot notice the end of its socket. */
static void a_worker_ends_with_its_server(void **state)
{
    int fds[2], status;
    pid_t worker = 0;
    (void)state;
    assert_int_equal(pipe(fds), 0);
    pid_t server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        struct cc_worker w = cc_worker_start();
        if (write(fds[1], &w, sizeof w) != (ssize_t)sizeof w)
            _exit(1);
        pause();
    }
    struct cc_worker w;
    assert_int_equal(read(fds[0], &w, sizeof w), sizeof w);
    worker = w.pid;
    assert_int_equal(kill(worker, SIGSTOP), 0);
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(waitpid(server, &status, 0), server);
    for (int i = 0; i < 500 && !has_ended(worker); i++)
        usleep(10000);
    bool ended = has_ended(worker);
    if (!ended)
        kill(worker, SIGKILL);
    close(fds[0]);
    close(fds[1]);
    rmdir(w.dir);
    assert_true(ended);
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(dir);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    folder_make(dir);
    snprintf(tmpdir, sizeof tmpdir, "%s/tmp", dir);
    snprintf(secret, sizeof secret, "%s/kernels.db", dir);
    FILE *f = fopen(secret, "w");
    if (!f || fputs("secret", f) < 0 || fclose(f) || mkdir(tmpdir, 0700))
        return -1;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit((int)cage_enter(tmpdir));
    waitpid(pid, &status, 0);
    held = (unsigned)WEXITSTATUS(status);
    if (sandbox_possible() && prctl(PR_GET_SECCOMP) == 0 && !(held & SANDBOX_CALLS))
        return -1;
    if (sandbox_possible() && syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0 && !(held & SANDBOX_FILES))
        return -1;
    char parts[SANDBOX_TEXT];
    print_message("the cage limits: %s\n", sandbox_parts_text(held, parts, sizeof parts));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_its_folder_can_be_written_and_only_compilers_read),
        cmocka_unit_test(what_a_compile_needs_is_there),
        cmocka_unit_test(there_is_no_network_and_nobody_else),
        cmocka_unit_test(memory_is_writable_or_executable_and_namespaces_are_closed),
        cmocka_unit_test(even_the_one_signal_it_has_reaches_nobody_else),
        cmocka_unit_test(what_only_attackers_call_ends_the_process),
        cmocka_unit_test(machine_code_on_trial_can_call_nothing),
        cmocka_unit_test(the_worker_lives_in_its_cage_and_says_so),
        cmocka_unit_test(a_worker_ends_with_its_server),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
