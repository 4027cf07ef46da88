/* labels: http */
/* Law 6, the compiler may fail, the service may not: a real `sinter serve` whose workers are killed, stopped, missing
 * or refuse everything, and that is told to end while kernels come. */
#include "tests/support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/children.h"
#include "tests/support/server_child.h"
#include "tests/support/troubled.h"

static int signal_workers(pid_t parent, int sig)
{
    pid_t workers[16];
    int n = 0;
    for (size_t i = children_named(parent, "sinter-cc", workers, 16); i--;)
        n += kill(workers[i], sig) == 0;
    return n;
}

static void killed_workers_cost_kernels_and_no_answers(void **state)
{
    (void)state;
    struct host h = troubled_start(NULL, troubled_with_compiler);
    double end = now_s() + 2 * TEST_SLOWNESS;
    int killed = 0, k = 0;
    troubled_await_kernel(&h, 0, 20);
    while (now_s() < end) {
        killed += signal_workers(h.pid, SIGKILL);
        troubled_ask(&h, k++ % 200);
        pause_ms(5);
    }
    assert_true(killed >= 3);
    assert_true(host_metric(&h, "sinter_worker_restarts_total") >= 3);
    troubled_await_kernel(&h, 200, 30);
    troubled_await_metric(&h, "sinter_workers{state=\"ready\"}", 1, 30);
    assert_true(host_metric(&h, "sinter_degraded") == 0);
    troubled_stop(&h, false);
}

static void a_hung_worker_is_replaced_at_its_deadline(void **state)
{
    (void)state;
    char most_ms[16];
    snprintf(most_ms, sizeof most_ms, "%d", 400 * TEST_SLOWNESS);
    const char *const arguments[] = {
        "--compiler", troubled_compiler, "--compile-above-ms", "0", "--max-compile-ms", most_ms, NULL};
    struct host h = troubled_start(NULL, arguments);
    troubled_await_kernel(&h, 0, 20);
    assert_true(signal_workers(h.pid, SIGSTOP) >= 1);
    double began = now_s();
    assert_false(troubled_ask(&h, 1));
    assert_true(now_s() - began < 0.3 * TEST_SLOWNESS);
    troubled_await_metric(&h, "sinter_compiles_total{result=\"timeout\"}", 1, 10);
    troubled_await_kernel(&h, 1, 20);
    troubled_stop(&h, false);
}

/* Everything is answered by the interpreter, and /metrics says why it is slow. */
static void must_interpret(const char *server, const char *path)
{
    const char *const arguments[] = {"--compiler", path, "--compile-above-ms", "0", NULL};
    struct host h = troubled_start_as(server, NULL, arguments);
    for (int k = 0; k < 20; k++)
        assert_false(troubled_ask(&h, k));
    troubled_await_metric(&h, "sinter_degraded", 1, 25);
    for (int k = 0; k < 20; k++)
        assert_false(troubled_ask(&h, k));
    assert_true(host_metric(&h, "sinter_workers{state=\"ready\"}") == 0);
    assert_true(host_metric(&h, "sinter_compiles_total{result=\"ok\"}") == 0);
    troubled_stop(&h, false);
}

static void without_a_compiler_everything_is_interpreted(void **state)
{
    char dir[FOLDER_PATH];
    (void)state;
    must_interpret(troubled_program, "/nonexistent/sinter-cc");
    must_interpret(troubled_program, "/etc/passwd");
    must_interpret(troubled_program, "/bin/false");
    folder_make(dir);
    must_interpret(troubled_program, troubled_script(dir, "no-interpreter", "#!/nonexistent\n"));
    folder_remove(dir);
}

static bool namespaces_are_there(void)
{
    return system("unshare -rm mount --bind /dev/null $(readlink -f /usr/bin/as) 2>/dev/null") == 0;
}

/* The server in a mount namespace of its own, where `as` is another file. */
static const char *server_with_as(const char *dir, const char *as)
{
    char script[2048];
    snprintf(script, sizeof script,
             "#!/bin/sh\nexec unshare -rm sh -c \"mount --bind %s $(readlink -f /usr/bin/as) && exec %s \\\"\\$@\\\"\" "
             "sinter \"$@\"\n",
             as, troubled_program);
    return troubled_script(dir, "sinter", script);
}

/* Where there are no namespaces: a worker that cannot write what `as` would read. */
static void without_an_assembler_everything_is_interpreted(void **state)
{
    char dir[FOLDER_PATH], script[1024];
    (void)state;
    folder_make(dir);
    snprintf(script, sizeof script, "#!/bin/sh\nulimit -f 0\nexec %s\n", troubled_compiler);
    must_interpret(troubled_program, troubled_script(dir, "worker", script));
    if (namespaces_are_there())
        must_interpret(server_with_as(dir, "/dev/null"), troubled_compiler);
    folder_remove(dir);
}

/* `as` is a copy, which cannot be run for a while. */
static void an_assembler_that_returns_is_used_again(void **state)
{
    char dir[FOLDER_PATH], command[256], as[128];
    (void)state;
    if (!namespaces_are_there())
        skip();
    folder_make(dir);
    snprintf(as, sizeof as, "%s/as", dir);
    snprintf(command, sizeof command, "cp $(readlink -f /usr/bin/as) %s", as);
    assert_int_equal(system(command), 0);
    struct host h = troubled_start_as(server_with_as(dir, as), NULL, troubled_with_compiler);
    troubled_await_kernel(&h, 0, 20);
    assert_int_equal(chmod(as, 0644), 0);
    for (int k = 1; k < 10; k++)
        assert_false(troubled_ask(&h, k));
    troubled_await_metric(&h, "sinter_degraded", 1, 10);
    assert_int_equal(chmod(as, 0755), 0);
    for (int k = 1; k < 10; k++)
        troubled_await_kernel(&h, k, 20);
    assert_true(host_metric(&h, "sinter_degraded") == 0);
    troubled_stop(&h, false);
    folder_remove(dir);
}

static void a_worker_that_refuses_everything_costs_kernels_only(void **state)
{
    /* READY, then REFUSED with "no" for everything: messages of jit/cc_protocol.h, in its byte order. */
    static const char script[] = "#!/usr/bin/perl\nuse strict; $| = 1;\nopen(my $s, '+<&=', 3) or exit 1; binmode $s;\n"
                                 "sub all { my ($n) = @_; my $b = ''; while (length $b < $n) { my $r = sysread($s, $b, "
                                 "$n - length $b, length $b); exit 0 unless $r } $b }\n"
                                 "syswrite($s, pack('V8a32', 0x43544e53, 1, 0, 0, 0, 0, 0, 0, 'perl 1'));\n"
                                 "while (1) { my @h = unpack('V8', all(64)); all($h[5]); syswrite($s, pack('V8a32', "
                                 "0x43544e53, 4, 0, 0, 0, 3, 0, 0, '') . \"no\\0\") }\n";
    char dir[FOLDER_PATH];
    (void)state;
    if (access("/usr/bin/perl", X_OK) != 0)
        skip();
    folder_make(dir);
    const char *const arguments[] = {"--compiler", troubled_script(dir, "worker", script), "--compile-above-ms", "0",
                                     NULL};
    struct host h = troubled_start(NULL, arguments);
    troubled_await_metric(&h, "sinter_workers{state=\"ready\"}", 1, 10);
    for (int turn = 0; turn < 2; turn++)
        for (int k = 0; k < 10; k++)
            assert_false(troubled_ask(&h, k));
    troubled_await_metric(&h, "sinter_compiles_total{result=\"refused\"}", 10, 10);
    for (int k = 0; k < 10; k++)
        assert_false(troubled_ask(&h, k));
    assert_true(host_metric(&h, "sinter_compiles_total{result=\"refused\"}") ==
                10); /* and nobody asks again and again */
    troubled_stop(&h, false);
    folder_remove(dir);
}

struct load {
    const struct host *host;
    int first;
    atomic_bool *ending;
    int done, refused, unanswered, wrong;
};

static void *press(void *user)
{
    struct load *l = user;
    for (int k = l->first;; k = l->first + (k + 1 - l->first) % 50) {
        struct http_client *c = http_client_open("127.0.0.1", l->host->port);
        if (!c)
            return NULL; /* it no longer listens */
        struct asked r = troubled_exchange(c, k, "auto");
        http_client_close(c);
        l->done += r.status == 200;
        l->refused += r.status == 503;
        l->unanswered += r.status == 0;
        l->wrong += (r.status == 200 && !r.right) || (r.status != 200 && r.status != 503 && r.status != 0);
        if (r.status == 0 && !atomic_load(l->ending))
            l->wrong++;
    }
}

static void told_to_end_under_load_it_answers_what_it_began(void **state)
{
    enum { CLIENTS = 4 };
    pthread_t threads[CLIENTS];
    struct load loads[CLIENTS];
    atomic_bool ending = false;
    int done = 0;
    (void)state;
    for (int k = 0; k < 4 * 50; k++)
        troubled_learn(k);
    struct host h = troubled_start(NULL, troubled_with_compiler);
    for (int i = 0; i < CLIENTS; i++) {
        loads[i] = (struct load){.host = &h, .first = 50 * i, .ending = &ending};
        assert_int_equal(pthread_create(&threads[i], NULL, press, &loads[i]), 0);
    }
    pause_ms(700);
    atomic_store(&ending, true);
    double began = now_s();
    int code = troubled_end(&h, false);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(code, 0);
    assert_true(now_s() - began < 8);
    for (int i = 0; i < CLIENTS; i++) {
        done += loads[i].done;
        assert_int_equal(loads[i].wrong, 0);
        assert_true(loads[i].unanswered <= 1); /* connected, and closed before it was heard */
    }
    assert_true(done > 100 / TEST_SLOWNESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_workers_cost_kernels_and_no_answers),
        cmocka_unit_test(a_hung_worker_is_replaced_at_its_deadline),
        cmocka_unit_test(without_a_compiler_everything_is_interpreted),
        cmocka_unit_test(without_an_assembler_everything_is_interpreted),
        cmocka_unit_test(an_assembler_that_returns_is_used_again),
        cmocka_unit_test(a_worker_that_refuses_everything_costs_kernels_only),
        cmocka_unit_test(told_to_end_under_load_it_answers_what_it_began),
    };
    return troubled_run("test_compiler_faults", tests, sizeof tests / sizeof *tests);
}
