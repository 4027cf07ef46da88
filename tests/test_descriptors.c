/* labels: http */
/* A process with few descriptors has fewer connections, and none that fail for want of one. */
#include "tests/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/command.h"
#include "server/descriptors.h"
#include "tests/support/raw.h"
#include "tests/support/server_child.h"

static struct settings settings_of(const char *word)
{
    struct settings s;
    char complaint[200], *argv[] = {(char *)(uintptr_t) "serve", (char *)(uintptr_t)word, NULL};
    assert_int_equal(config_read(&s, word ? 2 : 1, argv, complaint, sizeof complaint), CONFIG_READY);
    return s;
}

static void every_setting_that_opens_descriptors_is_counted(void **state)
{
    (void)state;
    const char *const words[] = {"--threads=500", "--compilers=200", "--batch-threads=900", "--ops-listen=127.0.0.1:0"};
    struct settings plain = settings_of("--store=none");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct settings s = settings_of(words[i]);
        assert_true(descriptors_fixed(&s) > descriptors_fixed(&plain));
        assert_true(descriptors_connections(&s, 20000) < descriptors_connections(&plain, 20000));
    }
    assert_int_equal(descriptors_connections(&plain, descriptors_fixed(&plain)), 0);
    assert_int_equal(descriptors_connections(&plain, 0), 0);
    assert_true(descriptors_connections(&plain, 1024) > 300);
}

static void with_few_descriptors_there_are_fewer_connections_and_all_work(void **state)
{
    (void)state;
    enum { LIMIT = 300, MANY = 400 };
    static struct raw_reply r;
    static const char get[] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    const struct rlimit few = {LIMIT, LIMIT};
    int fds[MANY], refused = 0, served = 0;
    int of_child[2];
    assert_int_equal(pipe(of_child), 0);
    pid_t pid = fork(); /* a hard limit cannot be raised again by everybody */
    if (pid == 0) {
        setrlimit(RLIMIT_NOFILE, &few);
        struct child c = child_start(NULL);
        (void)!write(of_child[1], &c, sizeof c);
        waitpid(c.pid, NULL, 0); /* the server would end with this process */
        _exit(0);
    }
    struct child c;
    assert_int_equal(read(of_child[0], &c, sizeof c), sizeof c);
    for (int i = 0; i < MANY; i++) {
        fds[i] = raw_connect(c.port, 0, 0);
        raw_send(fds[i], get, sizeof get - 1);
        raw_read(fds[i], 5, &r);
        if (r.n == 0)
            raw_read(fds[i], 1000, &r);
        refused += r.status == 503 && strstr(r.text, "max-connections");
        served += r.status == 200;
    }
    assert_int_equal(served + refused, MANY);
    assert_in_range(served, DESCRIPTORS_LEAST_CONNECTIONS, LIMIT);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    pause_ms(100);
    raw_exchange(c.port, get, sizeof get - 1, 100, &r);
    assert_int_equal(r.status, 200);
    kill(c.pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static void with_hardly_any_it_does_not_start(void **state)
{
    (void)state;
    const struct rlimit few = {100, 100};
    pid_t pid = fork();
    if (pid == 0) {
        const char *argv[] = {"serve", "--listen", "127.0.0.1:0", "--store", "none", NULL};
        int nowhere = open("/dev/null", O_WRONLY);
        setrlimit(RLIMIT_NOFILE, &few);
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        _exit(command_serve(5, (char **)(uintptr_t)argv));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), EXIT_FAILED);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_that_opens_descriptors_is_counted),
        cmocka_unit_test(with_few_descriptors_there_are_fewer_connections_and_all_work),
        cmocka_unit_test(with_hardly_any_it_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
