/* labels: http */
/* A server's life: long work, clients that leave, SIGTERM, ports in use, readiness. */
#include "tests/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/command.h"
#include "tests/support/raw.h"
#include "tests/support/server_child.h"
#include "tests/support/steady_load.h"

/* True when /metrics, asked over this connection, has the line. */
static bool counts(struct http_client *client, const char *line)
{
    struct http_answer a;
    assert_int_equal(http_client_send(client, "GET", "/metrics", NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive(client, &a), 0);
    return strstr(a.body, line);
}

/* Sends a render of side * side pixels that keeps the interpreter busy, and returns when it is under way on a pool
 * thread. */
static struct http_client *begin_long(const struct child *c, struct http_client *watch, int side)
{
    enum { TERMS = 100 };
    char body[8192];
    int n = snprintf(body, sizeof body,
                     "{\"width\":%d,\"height\":%d,\"tier\":\"interp\",\"format\":\"f32\",\"expr\":\"0", side, side);
    for (int i = 1; i <= TERMS; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "+abs(x*%d-y*y)", i);
    n += snprintf(body + n, sizeof body - (size_t)n, "\"}");
    struct http_client *client = child_connect(c);
    assert_int_equal(http_client_send(client, "POST", "/render", "Content-Type: application/json\r\n", body, (size_t)n),
                     0);
    double began = now_s();
    while (!counts(watch, "sinter_requests_on_pool 1\n")) {
        assert_true(now_s() - began < 5);
        pause_ms(1);
    }
    return client;
}

static void sigterm_answers_what_was_begun_and_refuses_what_comes(void **state)
{
    (void)state;
    const char *const arguments[] = {"--inline-us", "0", NULL};
    struct child c = child_start(arguments);
    struct http_client *idle = child_connect(&c), *busy = begin_long(&c, idle, 2048);
    struct http_answer a;
    int status = 0;
    kill(c.pid, SIGHUP);
    kill(c.pid, SIGTERM);
    pause_ms(150);
    assert_int_equal(waitpid(c.pid, &status, WNOHANG), 0);
    assert_int_equal(http_client_send(idle, "GET", "/readyz", NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive(idle, &a), 0);
    assert_int_equal(a.status, 503);
    assert_true(a.closed);
    assert_null(http_client_open("127.0.0.1", c.port));
    assert_int_equal(http_client_receive(busy, &a), 0);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_size, 2048u * 2048u * 4u);
    waitpid(c.pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    http_client_close(busy);
    http_client_close(idle);
}

static void work_asked_for_while_draining_is_refused(void **state)
{
    (void)state;
    const char *const arguments[] = {"--inline-us", "0", NULL};
    struct child c = child_start(arguments);
    struct http_client *idle = child_connect(&c), *busy = begin_long(&c, idle, 2048);
    struct http_answer a;
    kill(c.pid, SIGTERM);
    pause_ms(150);
    assert_int_equal(http_client_send(idle, "POST", "/graphs", "Content-Type: application/json\r\n", "{}", 2), 0);
    assert_int_equal(http_client_receive(idle, &a), 0);
    assert_int_equal(a.status, 503);
    assert_non_null(http_client_header(idle, &a, "Retry-After"));
    http_client_close(idle);
    http_client_close(busy);
    assert_int_equal(child_stop(&c), 0);
}

static void a_drain_that_takes_too_long_cuts_the_work_short_and_ends(void **state)
{
    (void)state;
    const char *const arguments[] = {"--inline-us", "0", "--drain-timeout-ms", "50", NULL};
    struct child c = child_start(arguments);
    struct http_client *watch = child_connect(&c), *busy = begin_long(&c, watch, 8192);
    double began = now_s();
    assert_int_equal(child_stop(&c), 0);
    assert_true(now_s() - began < 2);
    http_client_close(busy);
    http_client_close(watch);
}

static void the_end_under_load_drops_no_answer(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    struct steady *load = steady_start(c.port, 10, 1000);
    struct steady_result r;
    pause_ms(300);
    assert_int_equal(child_stop(&c), 0);
    steady_end(load, &r);
    assert_true(r.answered > 100);
    assert_int_equal(r.refused + r.unread + r.dropped, 0);
}

/* The thread of this name stands still, as one does for which a busy machine has no time. 0: there is none, or it may
 * not be stopped. */
static pid_t stop_thread(pid_t pid, const char *name)
{
    char path[80], text[64];
    pid_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && !found && (task = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/comm", (int)pid, task->d_name);
        FILE *f = fopen(path, "r");
        if (f && fgets(text, sizeof text, f) && !strncmp(text, name, strlen(name)))
            found = (pid_t)atoi(task->d_name);
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
    if (!found || ptrace(PTRACE_SEIZE, found, NULL, NULL) || ptrace(PTRACE_INTERRUPT, found, NULL, NULL))
        return 0;
    int status;
    return waitpid(found, &status, __WALL) == found ? found : 0;
}

static void what_has_arrived_is_answered_although_nobody_had_read_it(void **state)
{
    (void)state;
    static const char ask[] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    static struct raw_reply reply;
    struct child c = child_start((const char *const[]){"--threads", "1", NULL});
    int fd = raw_connect(c.port, 0, 0), status;
    assert_true(raw_send(fd, ask, sizeof ask - 1));
    raw_read(fd, 200, &reply);
    assert_int_equal(reply.status, 200);
    pid_t thread = stop_thread(c.pid, "MHD");
    if (!thread) {
        close(fd);
        child_stop(&c);
        print_message("no thread can be stopped here\n");
        skip();
    }
    assert_true(raw_send(fd, ask, sizeof ask - 1));
    kill(c.pid, SIGTERM);
    pause_ms(400);
    assert_int_equal(ptrace(PTRACE_DETACH, thread, NULL, NULL), 0);
    raw_read(fd, 3000, &reply);
    assert_int_equal(reply.status, 200);
    assert_false(reply.reset);
    close(fd);
    waitpid(c.pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void the_end_does_not_wait_for_slow_clients(void **state)
{
    (void)state;
    static const char *const openings[] = {
        "GET /livez HTTP/1.1\r\nHost: a\r\nX: ",
        "POST /graphs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
        "GET /render?expr=x&width=1024&height=1024&format=f32 HTTP/1.1\r\nHost: a\r\n\r\n"};
    enum { KINDS = sizeof openings / sizeof openings[0] };
    int fds[KINDS];
    struct child c = child_start(NULL);
    for (int i = 0; i < KINDS; i++) {
        fds[i] = raw_connect(c.port, 0, 2048);
        assert_true(raw_send(fds[i], openings[i], strlen(openings[i])));
    }
    pause_ms(300);
    double began = now_s();
    assert_int_equal(child_stop(&c), 0);
    assert_true(now_s() - began < 3);
    for (int i = 0; i < KINDS; i++)
        close(fds[i]);
}

static void a_client_that_leaves_ends_its_work(void **state)
{
    (void)state;
    const char *const arguments[] = {"--inline-us", "0", NULL};
    struct child c = child_start(arguments);
    struct http_client *watch = child_connect(&c), *busy = begin_long(&c, watch, 8192);
    http_client_close(busy);
    double began = now_s();
    while (!counts(watch, "sinter_requests_on_pool 0\n")) {
        assert_true(now_s() - began < 2);
        pause_ms(5);
    }
    http_client_close(watch);
    assert_int_equal(child_stop(&c), 0);
}

static void a_full_queue_is_told_and_the_rest_goes_on(void **state)
{
    (void)state;
    enum { MANY = 8 };
    const char *const arguments[] = {"--inline-us", "0", "--max-queue", "1", "--threads", "1", NULL};
    struct child c = child_start(arguments);
    struct http_client *watch = child_connect(&c), *busy = begin_long(&c, watch, 2048), *more[MANY];
    struct http_answer a;
    static const char body[] = "{\"expr\":\"x\",\"width\":64,\"height\":64}";
    int done = 0, refused = 0;
    for (int i = 0; i < MANY; i++) {
        more[i] = child_connect(&c);
        http_client_send(more[i], "POST", "/render", "Content-Type: application/json\r\n", body, sizeof body - 1);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(http_client_receive(more[i], &a), 0);
        done += a.status == 200;
        refused += a.status == 503 && strstr(a.body, "\"limit\":\"max-queue\"") &&
                   http_client_header(more[i], &a, "Retry-After");
        http_client_close(more[i]);
    }
    assert_true(refused > 0);
    assert_int_equal(done + refused, MANY);
    assert_int_equal(http_client_receive(busy, &a), 0);
    assert_int_equal(a.status, 200);
    http_client_close(busy);
    http_client_close(watch);
    assert_int_equal(child_stop(&c), 0);
}

static void a_port_in_use_is_an_error_and_not_a_wait(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    char listen_at[40];
    snprintf(listen_at, sizeof listen_at, "127.0.0.1:%d", c.port);
    const char *const arguments[] = {"--listen", listen_at, "--store", "none", "--compilers", "0", NULL};
    assert_int_equal(child_refuses(arguments), EXIT_FAILED);
    assert_int_equal(child_stop(&c), 0);
}

/* What a command writes to stderr, in `text`. */
static int run_quietly(int (*run)(int argc, char **argv), int argc, const char *const *argv, char *text, size_t size)
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    int code = run(argc, (char **)(uintptr_t)argv);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
    return code;
}

static void a_command_that_fails_says_so_and_makes_nothing(void **state)
{
    (void)state;
    static const char *const verify[] = {"cache", "verify", "--store", "/tmp/sinter-test-no-such-store", NULL},
                             *const render[] = {"render", "--expr", "x", "-o", "/nonexistent/a.png", NULL};
    char text[1024];
    assert_int_equal(run_quietly(command_cache, 4, verify, text, sizeof text), EXIT_FAILED);
    assert_non_null(strstr(text, "there is no store in /tmp/sinter-test-no-such-store"));
    assert_int_not_equal(access(verify[3], F_OK), 0);
    assert_int_equal(run_quietly(command_render, 5, render, text, sizeof text), EXIT_FAILED);
    assert_non_null(strstr(text, "cannot write /nonexistent/a.png"));
    assert_null(strstr(text, "bytes"));
}

/* The way systemd keeps the store of a service with a user of its own: below a folder that is root's alone. */
static void root_looks_at_a_services_store_and_leaves_it_the_services(void **state)
{
    static const char script[] = "set -e; S=$0; top=$(mktemp -d /tmp/sinter-test-XXXXXX); trap 'rm -rf $top' EXIT; "
                                 "d=$top/store; mkdir -m 700 $d\n"
                                 "$S cache warm examples/marble.json --store $d >/dev/null\n"
                                 "chown -R 65534:65534 $d; before=$(b2sum <$d/kernels.key)\n"
                                 "$S cache verify --store $d; $S cache ls --store $d; $S cache gc 1000000 --store $d; "
                                 "$S cache suspects --store $d\n"
                                 "SINTER_STORE=$d $S render --expr x -w 8 -h 8 -o $top/a.png\n"
                                 "if $S cache warm examples/marble.json --store $d; then exit 1; fi\n"
                                 "[ \"$before\" = \"$(b2sum <$d/kernels.key)\" ]; [ -z \"$(find $d ! -user 65534)\" ]\n"
                                 "[ -z \"$($S cache verify --store $d | grep BROKEN)\" ]";
    char command[4096];
    (void)state;
    if (geteuid() != 0)
        skip();
    snprintf(command, sizeof command, "bash -c '%s' %s/sinter", "eval \"$SINTER_TEST_SCRIPT\"", test_build_dir());
    setenv("SINTER_TEST_SCRIPT", script, 1);
    assert_int_equal(system(command), 0);
}

static void ping_says_whether_a_server_is_ready(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/readyz", c.port);
    char *argv[] = {(char *)(uintptr_t) "ping", url, NULL};
    assert_int_equal(command_ping(2, argv), EXIT_DONE);
    assert_int_equal(child_stop(&c), 0);
    assert_int_equal(command_ping(2, argv), EXIT_FAILED);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigterm_answers_what_was_begun_and_refuses_what_comes),
        cmocka_unit_test(work_asked_for_while_draining_is_refused),
        cmocka_unit_test(a_drain_that_takes_too_long_cuts_the_work_short_and_ends),
        cmocka_unit_test(the_end_under_load_drops_no_answer),
        cmocka_unit_test(what_has_arrived_is_answered_although_nobody_had_read_it),
        cmocka_unit_test(the_end_does_not_wait_for_slow_clients),
        cmocka_unit_test(a_client_that_leaves_ends_its_work),
        cmocka_unit_test(a_full_queue_is_told_and_the_rest_goes_on),
        cmocka_unit_test(a_port_in_use_is_an_error_and_not_a_wait),
        cmocka_unit_test(a_command_that_fails_says_so_and_makes_nothing),
        cmocka_unit_test(root_looks_at_a_services_store_and_leaves_it_the_services),
        cmocka_unit_test(ping_says_whether_a_server_is_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
