/* labels: http */
/* Kernels that the process died of: the marks that children leave, what becomes of them, and a real server with a
 * stored kernel that crashes, which it does once. */
#include "tests/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/host.h"
#include "jit/quarantine.h"
#include "jit/sandbox.h"
#include "jit/store.h"
#include "jit/thread.h"
#include "server/http_client.h"
#include "tests/support/folder.h"
#include "tests/support/server_child.h"

static char dir[FOLDER_PATH], program[512], compiler[512];

static void key_of(int i, uint8_t ret_key[HASH_SIZE])
{
    memset(ret_key, i, HASH_SIZE);
}

/* Marks */

struct seen {
    int n;
    struct marked marks[8];
};

static void collect(const struct marked *m, void *user)
{
    struct seen *s = user;
    assert_true(s->n < 8);
    s->marks[s->n++] = *m;
}

static struct seen what_is_left(void)
{
    struct seen s = {0};
    struct marker *m = marker_open(dir, collect, &s);
    assert_non_null(m);
    marker_close(m);
    return s;
}

static void ignore(const struct marked *m, void *user)
{
    (void)m;
    (void)user;
}

/* A child that runs `act` under the mark of key 7, with the handlers. */
static int after(void (*act)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        uint8_t key[HASH_SIZE];
        key_of(7, key);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        marker_catch();
        struct mark *mark = marker_set(marker_open(dir, ignore, NULL), key);
        if (!mark)
            _exit(100);
        act();
        marker_clear(mark);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void end_well(void)
{
}
static void be_killed(void)
{
    kill(getpid(), SIGKILL);
}
static void run_nonsense(void)
{
    __asm__ volatile("ud2");
}
static void touch_nothing(void)
{
    volatile uintptr_t at = 8;
    *(volatile int *)at = 1;
}
static void divide(void)
{
    volatile int zero = 0;
    __asm__ volatile("idivl %0" : : "m"(zero), "a"(1), "d"(0));
}
static int deeper(int n)
{
    volatile char frame[4096];
    frame[0] = (char)n;
    return n == INT32_MAX ? 0 : deeper(n + 1) + frame[0];
}
static void use_up_the_stack(void)
{
    deeper(0);
}
static void be_sent_a_signal(void)
{
    kill(getpid(), SIGSEGV);
    sleep(1);
}

static void must_leave(void (*act)(void), int end, int n, int number)
{
    uint8_t key[HASH_SIZE];
    key_of(7, key);
    assert_int_equal(after(act), end);
    struct seen s = what_is_left();
    assert_int_equal(s.n, n);
    if (n) {
        assert_int_equal(s.marks[0].signal, number);
        assert_memory_equal(s.marks[0].key, key, HASH_SIZE);
    }
    assert_int_equal(what_is_left().n, 0);
}

static void a_mark_tells_what_ran_and_how_it_ended(void **state)
{
    (void)state;
    must_leave(end_well, 0, 0, 0);
    must_leave(be_killed, SIGKILL, 1, 0);
    if (!sandbox_possible())
        return;
    must_leave(run_nonsense, SIGILL, 1, SIGILL);
    must_leave(touch_nothing, SIGSEGV, 1, SIGSEGV);
    must_leave(divide, SIGFPE, 1, SIGFPE);
    must_leave(use_up_the_stack, SIGSEGV, 1, SIGSEGV);
    must_leave(be_sent_a_signal, SIGSEGV, 1, 0);
}

static void *mark_once(void *user)
{
    uint8_t key[HASH_SIZE] = {1};
    struct mark *mark = marker_set(user, key);
    marker_clear(mark);
    return mark;
}

static void threads_that_ended_give_their_marks_back(void **state)
{
    (void)state;
    struct marker *m = marker_open(dir, ignore, NULL);
    assert_non_null(m);
    for (int i = 0; i < 3000; i++) {
        pthread_t t;
        void *mark;
        assert_int_equal(pthread_create(&t, NULL, mark_once, m), 0);
        assert_int_equal(pthread_join(t, &mark), 0);
        assert_non_null(mark);
    }
    marker_close(m);
}

static void a_second_process_leaves_the_marks_alone(void **state)
{
    (void)state;
    struct marker *m = marker_open(dir, ignore, NULL);
    assert_non_null(m);
    assert_null(marker_open(dir, ignore, NULL)); /* another description of the file, as another process has */
    assert_int_equal(errno, EWOULDBLOCK);
    marker_close(m);
}

static void a_file_of_another_form_is_begun_anew(void **state)
{
    char path[100];
    (void)state;
    snprintf(path, sizeof path, "%s/crash.marker", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 100000; i++)
        fputc(1 + i % 250, f);
    fclose(f);
    assert_int_equal(what_is_left().n, 0);
    must_leave(be_killed, SIGKILL, 1, 0);
}

static void a_mark_costs_nanoseconds(void **state)
{
    enum { TIMES = 10000000 };
    uint8_t key[HASH_SIZE] = {1};
    (void)state;
    struct marker *m = marker_open(dir, ignore, NULL);
    assert_non_null(m);
    double began = clock_us();
    for (int i = 0; i < TIMES; i++)
        marker_clear(marker_set(m, key));
    double ns = (clock_us() - began) * 1e3 / TIMES;
    print_message("a mark set and cleared: %.2f ns\n", ns);
    assert_true(ns < 100 || !sandbox_possible());
    marker_close(m);
}

/* Quarantine */

enum { NOW = 1000000 };

/* A start that found key i running (its signal; 0: killed), or i = 0: nothing. */
static void begin(int i, int number, int64_t now)
{
    struct quarantine *q = quarantine_open(dir);
    struct marked m = {.signal = number};
    assert_non_null(q);
    key_of(i, m.key);
    if (i) {
        quarantine_note(q, &m, now);
        quarantine_note(q, &m, now); /* on two threads */
    }
    quarantine_noted(q, now);
    assert_true(quarantine_write(q));
    quarantine_free(q);
}

static bool is_held(int i, int64_t now)
{
    uint8_t key[HASH_SIZE];
    struct quarantine *q = quarantine_open(dir);
    key_of(i, key);
    bool held = quarantine_holds(q, key, now);
    assert_true(quarantine_count(q, now) >= held);
    quarantine_free(q);
    return held;
}

static void one_crash_is_enough_and_lasts_until_release(void **state)
{
    uint8_t key[HASH_SIZE];
    (void)state;
    begin(5, SIGILL, NOW);
    assert_true(is_held(5, NOW));
    begin(0, 0, NOW + 10 * QUARANTINE_S);
    assert_true(is_held(5, NOW + 10 * QUARANTINE_S));
    assert_false(is_held(6, NOW));
    key_of(5, key);
    struct quarantine *q = quarantine_open(dir);
    assert_true(quarantine_release(q, key));
    assert_false(quarantine_release(q, key));
    assert_true(quarantine_write(q));
    quarantine_free(q);
    assert_false(is_held(5, NOW));
}

static void being_killed_three_times_in_a_row_holds_it_for_an_hour(void **state)
{
    (void)state;
    begin(5, 0, NOW);
    begin(5, 0, NOW);
    assert_false(is_held(5, NOW));
    begin(5, 0, NOW);
    assert_true(is_held(5, NOW));
    begin(0, 0, NOW + 1);
    assert_true(is_held(5, NOW + QUARANTINE_S - 1));
    assert_false(is_held(5, NOW + QUARANTINE_S));
    begin(0, 0, NOW + QUARANTINE_S);
    begin(5, 0, NOW + QUARANTINE_S);
    assert_false(is_held(5, NOW + QUARANTINE_S));
    begin(0, 0, NOW + QUARANTINE_S);
}

static void a_start_without_it_ends_a_suspicion(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        begin(5, 0, NOW);
        begin(5, 0, NOW);
        begin(0, 0, NOW);
    }
    assert_false(is_held(5, NOW));
}

static void a_file_that_is_none_suspects_nobody(void **state)
{
    char path[100];
    (void)state;
    snprintf(path, sizeof path, "%s/quarantine", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("hello\n0505050505050505050505050505050505050505\n0505 3 3 4 1\n"
          "zz05050505050505050505050505050505050505 3 3 4 1\n"
          "0505050505050505050505050505050505050505 0 1 4 1\n\n",
          f);
    fclose(f);
    struct quarantine *q = quarantine_open(dir);
    assert_int_equal(quarantine_count(q, NOW), 1);
    quarantine_free(q);
    assert_true(is_held(5, NOW));
    assert_int_equal(unlink(path), 0);
}

/* A server */

enum { SIDE = 64, BYTES = SIDE * SIDE * 4 };

/* The status, 0 when the connection broke. */
static int render(const struct host *h, const char *tier, uint8_t ret[BYTES], bool *ret_compiled)
{
    char text[300];
    struct http_answer a;
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    if (!c)
        return 0;
    snprintf(text, sizeof text,
             "{\"expr\":\"sin(x*3) * abs(y - 0.2)\",\"width\":%d,\"height\":%d,\"format\":\"f32\",\"tier\":\"%s\"}",
             SIDE, SIDE, tier);
    int status = 0;
    if (http_client_send(c, "POST", "/render", "Content-Type: application/json\r\n", text, strlen(text)) == 0 &&
        http_client_receive(c, &a) == 0) {
        const char *engine = http_client_header(c, &a, "Sinter-Engine");
        status = a.status;
        *ret_compiled = engine && strstr(engine, "jit");
        if (status == 200 && a.body_size == BYTES)
            memcpy(ret, a.body, BYTES);
        else if (status == 200)
            status = -1;
    }
    http_client_close(c);
    return status;
}

static bool forge(const struct stored *row, void *user)
{
    static const uint8_t ud2[] = {0x0f, 0x0b};
    struct store *s = user;
    struct image image = {.bytes = ud2, .size = sizeof ud2};
    store_put(s, row->key, row->target, row->shape, &image);
    return true;
}

/* Every kernel in the store becomes one that crashes, under a seal that is right. */
static void forge_kernels(void)
{
    struct store *s = store_open(&(struct store_config){.dir = dir, .bytes = 64 << 20});
    assert_non_null(s);
    store_recent(s, 10, forge, s);
    store_flush(s);
    store_close(s);
}

static struct host begin_host(void)
{
    struct host h;
    if (!host_start(&h, program, dir, (const char *const[]){"--compiler", compiler, "--compile-above-ms", "0", NULL}))
        fail_msg("the server did not start");
    return h;
}

static int run_command(const char *what, char *out, size_t size)
{
    char command[800];
    snprintf(command, sizeof command, "%s cache %s --store %s 2>&1", program, what, dir);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    out[fread(out, 1, size - 1, f)] = 0;
    return pclose(f);
}

static void a_kernel_that_ends_the_server_does_so_once(void **state)
{
    uint8_t right[BYTES], got[BYTES];
    char out[1000], key[64], command[100];
    bool compiled = false;
    (void)state;
    if (!sandbox_possible())
        skip();
    struct host h = begin_host();
    assert_int_equal(render(&h, "jit", right, &compiled), 200);
    assert_true(compiled);
    assert_int_equal(host_stop(&h, true), 0);
    forge_kernels();

    h = begin_host();
    assert_int_equal(render(&h, "auto", got, &compiled), 0);
    assert_true(host_stop(&h, true) != 0);

    for (int turn = 0; turn < 3; turn++) { /* and never again */
        h = begin_host();
        assert_true(host_metric(&h, "sinter_kernels_quarantined") == 1);
        for (int i = 0; i < 5; i++) {
            memset(got, 0, BYTES);
            assert_int_equal(render(&h, "auto", got, &compiled), 200);
            assert_false(compiled);
            assert_memory_equal(got, right, BYTES);
        }
        assert_int_equal(host_stop(&h, true), 0);
    }

    assert_int_equal(run_command("suspects", out, sizeof out), 0);
    assert_non_null(strstr(out, "in quarantine"));
    snprintf(key, sizeof key, "%.40s", out);
    snprintf(command, sizeof command, "release %s", key);
    assert_int_equal(run_command(command, out, sizeof out), 0);
    assert_int_not_equal(run_command(command, out, sizeof out), 0);
    h = begin_host();
    assert_int_equal(render(&h, "jit", got, &compiled), 200);
    assert_true(compiled);
    assert_memory_equal(got, right, BYTES);
    assert_true(host_metric(&h, "sinter_kernels_quarantined") == 0);
    assert_int_equal(host_stop(&h, true), 0);
}

/* A request; the status, the body in `ret` and its Location, or 0 when the connection broke. */
static int ask(const struct host *h, const char *method, const char *path, const char *body, char *ret, size_t size,
               char *ret_location)
{
    struct http_answer a;
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    int status = 0;
    *ret = 0;
    if (!c)
        return 0;
    if (http_client_send(c, method, path, body ? "Content-Type: application/json\r\n" : "", body,
                         body ? strlen(body) : 0) == 0 &&
        http_client_receive(c, &a) == 0) {
        const char *location = http_client_header(c, &a, "Location");
        status = a.status;
        snprintf(ret, size, "%.*s", (int)a.body_size, (const char *)a.body);
        if (location && ret_location)
            sscanf(location, "%99[^\r\n]", ret_location);
    }
    http_client_close(c);
    return status;
}

static void a_job_whose_kernel_ended_the_server_goes_on_interpreted(void **state)
{
    static const char item[] =
        "{\"kind\":\"render\",\"expr\":\"sin(x*3) * abs(y - 0.2)\",\"width\":64,\"height\":64,\"format\":\"f32\"}";
    uint8_t right[BYTES];
    char job[600], body[4000], location[100] = "";
    bool compiled = false;
    (void)state;
    if (!sandbox_possible())
        skip();
    struct host h = begin_host();
    assert_int_equal(render(&h, "jit", right, &compiled), 200);
    assert_int_equal(host_stop(&h, true), 0);
    forge_kernels();

    h = begin_host();
    snprintf(job, sizeof job, "[%s,%s,%s]", item, item, item);
    assert_int_equal(ask(&h, "POST", "/jobs", job, body, sizeof body, location), 202);
    assert_int_equal(strncmp(location, "/jobs/", 6), 0);
    int status = 1;
    for (double end = clock_us() + 20e6; status && clock_us() < end; pause_ms(20))
        status = ask(&h, "GET", location, NULL, body, sizeof body, NULL);
    assert_int_equal(status, 0); /* it is gone */
    assert_true(host_stop(&h, true) != 0);

    h = begin_host();
    assert_true(host_metric(&h, "sinter_kernels_quarantined") == 1);
    for (double end = clock_us() + 20e6; !strstr(body, "\"done\":3") && clock_us() < end; pause_ms(20))
        assert_int_equal(ask(&h, "GET", location, NULL, body, sizeof body, NULL), 200);
    if (!strstr(body, "\"done\":3") || !strstr(body, "\"failed\":0"))
        fail_msg("the job says %s", body);
    assert_int_equal(host_stop(&h, true), 0);
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
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mark_tells_what_ran_and_how_it_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_that_ended_give_their_marks_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_process_leaves_the_marks_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_another_form_is_begun_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mark_costs_nanoseconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_crash_is_enough_and_lasts_until_release, set_up, tear_down),
        cmocka_unit_test_setup_teardown(being_killed_three_times_in_a_row_holds_it_for_an_hour, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_start_without_it_ends_a_suspicion, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_none_suspects_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kernel_that_ends_the_server_does_so_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_job_whose_kernel_ended_the_server_goes_on_interpreted, set_up, tear_down),
    };
    snprintf(program, sizeof program, "%s/sinter", test_build_dir());
    snprintf(compiler, sizeof compiler, "%s/sinter-cc", test_build_dir());
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
