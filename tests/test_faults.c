/* labels: http */
/* Law 6, the compiler and the store may fail, the service may not: a real `sinter serve` whose workers are killed,
 * stopped or missing, whose store is damaged, read-only or full, and that is told to end under load. Every answer is
 * compared with that of a healthy server. */
#include "tests/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/host.h"
#include "server/http_client.h"

enum { SIDE = 64, BYTES = SIDE * SIDE * 4, SHAPES = 256, NOBODY = 65534 };

static char program[512], compiler[512];
static struct host healthy; /* interprets, keeps nothing: what the right bytes are */
static uint8_t right[SHAPES][BYTES];
static bool known[SHAPES];

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Requests. Graph k has a shape of its own: the bits of k choose among functions that are nested. */

static void request_text(int k, const char *tier, char *ret, size_t size)
{
    char expr[512] = "x";
    for (int bit = 1; bit < SHAPES; bit *= 2) {
        char inner[400];
        snprintf(inner, sizeof inner, "%.399s", expr);
        snprintf(expr, sizeof expr, k & bit ? "sin(%s*3 + y)" : "abs(%s - 0.3)", inner);
    }
    snprintf(ret, size, "{\"expr\":\"%s\",\"width\":%d,\"height\":%d,\"format\":\"f32\",\"tier\":\"%s\"}", expr, SIDE,
             SIDE, tier);
}

struct asked {
    int status; /* 0: the connection ended without an answer; -1: in the middle of one */
    bool right, compiled;
};

/* One request over an open connection, compared with right[k]. */
static struct asked exchange(struct http_client *c, int k, const char *tier)
{
    char text[1024];
    struct http_answer a;
    struct asked r = {0};
    request_text(k, tier, text, sizeof text);
    if (http_client_send(c, "POST", "/render", "Content-Type: application/json\r\n", text, strlen(text)) != 0 ||
        http_client_receive(c, &a) != 0)
        return r;
    r.status = a.status;
    r.right = a.body_size == BYTES && !memcmp(a.body, right[k], BYTES);
    const char *engine = http_client_header(c, &a, "Sinter-Engine");
    r.compiled = engine && strstr(engine, "jit");
    return r;
}

static void learn(int k)
{
    char text[1024];
    struct http_answer a;
    if (known[k])
        return;
    request_text(k, "interp", text, sizeof text);
    struct http_client *c = http_client_open("127.0.0.1", healthy.port);
    assert_non_null(c);
    assert_int_equal(http_client_send(c, "POST", "/render", "Content-Type: application/json\r\n", text, strlen(text)),
                     0);
    assert_int_equal(http_client_receive(c, &a), 0);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_size, BYTES);
    memcpy(right[k], a.body, BYTES);
    known[k] = true;
    http_client_close(c);
}

/* Graph k of this server, which must answer it rightly; true when a kernel did. */
static bool ask_for(const struct host *h, int k, const char *tier)
{
    learn(k);
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    assert_non_null(c);
    struct asked r = exchange(c, k, tier);
    http_client_close(c);
    if (r.status != 200 || !r.right)
        fail_msg("graph %d: status %d, %s bytes", k, r.status, r.right ? "the right" : "wrong");
    return r.compiled;
}

static bool ask(const struct host *h, int k)
{
    return ask_for(h, k, "auto");
}

/* Asks until a kernel answers. */
static void await_kernel(const struct host *h, int k, double seconds)
{
    double end = now_s() + seconds;
    while (!ask(h, k)) {
        if (now_s() > end)
            fail_msg("no kernel for graph %d after %g s", k, seconds);
        pause_ms(20);
    }
}

static void await_metric(const struct host *h, const char *name, double least, double seconds)
{
    double end = now_s() + seconds, value;
    while ((value = host_metric(h, name)) < least) {
        if (now_s() > end)
            fail_msg("%s is %g after %g s, less than %g", name, value, seconds, least);
        pause_ms(20);
    }
}

/* Servers */

static const char *const with_compiler[] = {"--compiler", compiler, "--compile-above-ms", "0", NULL};

/* Those whose test failed before it stopped them; main ends them. */
static pid_t live[64];
static size_t n_live;

static bool start_as(struct host *h, const char *path, const char *store, const char *const *extra)
{
    bool started = host_start(h, path, store, extra);
    if (started && n_live < sizeof live / sizeof *live)
        live[n_live++] = h->pid;
    return started;
}

static int stop_any(struct host *h, bool keep_store)
{
    for (size_t i = 0; i < n_live; i++)
        if (live[i] == h->pid)
            live[i] = live[--n_live];
    return host_stop(h, keep_store);
}

static struct host start(const char *store, const char *const *extra)
{
    struct host h;
    if (!start_as(&h, program, store, extra))
        fail_msg("the server did not start");
    return h;
}

static void stop(struct host *h, bool keep_store)
{
    assert_int_equal(stop_any(h, keep_store), 0);
}

/* Children of this process that run sinter-cc, or did before they became something else. */
static int signal_workers(pid_t parent, int sig)
{
    int n = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *d; proc && (d = readdir(proc));) {
        char path[300], line[256] = "", *after;
        int pid = atoi(d->d_name), ppid = 0;
        if (pid <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *f = fopen(path, "r");
        if (f && fgets(line, sizeof line, f) && (after = strrchr(line, ')')))
            sscanf(after + 1, " %*c %d", &ppid);
        if (f)
            fclose(f);
        if (ppid == parent && strstr(line, "(sinter-cc)") && kill(pid, sig) == 0)
            n++;
    }
    if (proc)
        closedir(proc);
    return n;
}

/* A program in this directory that does `script` in place of the compile worker. */
static const char *write_script(const char *dir, const char *name, const char *script)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(script, f);
    fclose(f);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static void make_dir(char dir[64])
{
    strcpy(dir, "/tmp/sinter-faults-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
}

static void remove_dir(const char *dir)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

/* The compiler fails */

static void killed_workers_cost_kernels_and_no_answers(void **state)
{
    (void)state;
    struct host h = start(NULL, with_compiler);
    double end = now_s() + 2;
    int killed = 0, k = 0;
    await_kernel(&h, 0, 20);
    while (now_s() < end) {
        killed += signal_workers(h.pid, SIGKILL);
        ask(&h, k++ % 200);
        pause_ms(5);
    }
    assert_true(killed >= 3);
    assert_true(host_metric(&h, "sinter_worker_restarts_total") >= 3);
    await_kernel(&h, 200, 30);
    await_metric(&h, "sinter_workers{state=\"ready\"}", 1, 30);
    assert_true(host_metric(&h, "sinter_degraded") == 0);
    stop(&h, false);
}

static void a_hung_worker_is_replaced_at_its_deadline(void **state)
{
    (void)state;
    static const char *const arguments[] = {"--compiler", compiler, "--compile-above-ms", "0", "--max-compile-ms",
                                            "400",        NULL};
    struct host h = start(NULL, arguments);
    await_kernel(&h, 0, 20);
    assert_true(signal_workers(h.pid, SIGSTOP) >= 1);
    double began = now_s();
    assert_false(ask(&h, 1));
    assert_true(now_s() - began < 0.3);
    await_metric(&h, "sinter_compiles_total{result=\"timeout\"}", 1, 10);
    await_kernel(&h, 1, 20);
    stop(&h, false);
}

/* Everything is answered by the interpreter, and /metrics says why it is slow. */
static void must_interpret(const char *server, const char *path)
{
    const char *const arguments[] = {"--compiler", path, "--compile-above-ms", "0", NULL};
    struct host h;
    if (!start_as(&h, server, NULL, arguments))
        fail_msg("the server did not start");
    for (int k = 0; k < 20; k++)
        assert_false(ask(&h, k));
    await_metric(&h, "sinter_degraded", 1, 25);
    for (int k = 0; k < 20; k++)
        assert_false(ask(&h, k));
    assert_true(host_metric(&h, "sinter_workers{state=\"ready\"}") == 0);
    assert_true(host_metric(&h, "sinter_compiles_total{result=\"ok\"}") == 0);
    stop(&h, false);
}

static void without_a_compiler_everything_is_interpreted(void **state)
{
    char dir[64];
    (void)state;
    must_interpret(program, "/nonexistent/sinter-cc");
    must_interpret(program, "/etc/passwd");
    must_interpret(program, "/bin/false");
    make_dir(dir);
    must_interpret(program, write_script(dir, "no-interpreter", "#!/nonexistent\n"));
    remove_dir(dir);
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
             as, program);
    return write_script(dir, "sinter", script);
}

/* Where there are no namespaces: a worker that cannot write what `as` would read. */
static void without_an_assembler_everything_is_interpreted(void **state)
{
    char dir[64], script[1024];
    (void)state;
    make_dir(dir);
    snprintf(script, sizeof script, "#!/bin/sh\nulimit -f 0\nexec %s\n", compiler);
    must_interpret(program, write_script(dir, "worker", script));
    if (namespaces_are_there())
        must_interpret(server_with_as(dir, "/dev/null"), compiler);
    remove_dir(dir);
}

/* `as` is a copy, which cannot be run for a while. */
static void an_assembler_that_returns_is_used_again(void **state)
{
    char dir[64], command[256], as[128];
    (void)state;
    if (!namespaces_are_there())
        skip();
    make_dir(dir);
    snprintf(as, sizeof as, "%s/as", dir);
    snprintf(command, sizeof command, "cp $(readlink -f /usr/bin/as) %s", as);
    assert_int_equal(system(command), 0);
    struct host h;
    assert_true(start_as(&h, server_with_as(dir, as), NULL, with_compiler));
    await_kernel(&h, 0, 20);
    assert_int_equal(chmod(as, 0644), 0);
    for (int k = 1; k < 10; k++)
        assert_false(ask(&h, k));
    await_metric(&h, "sinter_degraded", 1, 10);
    assert_int_equal(chmod(as, 0755), 0);
    for (int k = 1; k < 10; k++)
        await_kernel(&h, k, 20);
    assert_true(host_metric(&h, "sinter_degraded") == 0);
    stop(&h, false);
    remove_dir(dir);
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
    char dir[64];
    (void)state;
    if (access("/usr/bin/perl", X_OK) != 0)
        skip();
    make_dir(dir);
    const char *const arguments[] = {"--compiler", write_script(dir, "worker", script), "--compile-above-ms", "0",
                                     NULL};
    struct host h = start(NULL, arguments);
    await_metric(&h, "sinter_workers{state=\"ready\"}", 1, 10);
    for (int turn = 0; turn < 2; turn++)
        for (int k = 0; k < 10; k++)
            assert_false(ask(&h, k));
    await_metric(&h, "sinter_compiles_total{result=\"refused\"}", 10, 10);
    for (int k = 0; k < 10; k++)
        assert_false(ask(&h, k));
    assert_true(host_metric(&h, "sinter_compiles_total{result=\"refused\"}") ==
                10); /* and nobody asks again and again */
    stop(&h, false);
    remove_dir(dir);
}

/* The store fails */

/* A store with kernels of graphs 0 .. n-1. */
static void fill_store(char dir[64], int n)
{
    make_dir(dir);
    struct host h = start(dir, with_compiler);
    for (int k = 0; k < n; k++)
        assert_true(ask_for(&h, k, "jit"));
    stop(&h, true);
}

static void a_restart_finds_its_kernels(void **state)
{
    char dir[64];
    (void)state;
    fill_store(dir, 5);
    const char *const arguments[] = {"--compiler", "/nonexistent/sinter-cc", "--preload", "0", NULL};
    struct host h = start(dir, arguments);
    for (int k = 0; k < 5; k++)
        assert_true(ask(&h, k));
    assert_true(host_metric(&h, "sinter_cache_hits_total{level=\"store\"}") == 5);
    stop(&h, true);
    remove_dir(dir);
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
    char dir[64], path[128];
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        fill_store(dir, 5);
        snprintf(path, sizeof path, "%s/kernels.db", dir);
        damages[i].damage(path);
        struct host h = start(dir, with_compiler);
        for (int k = 0; k < 8; k++)
            ask(&h, k);
        if (!damages[i].silent && complaints(&h, dir) < 1)
            fail_msg("%s: nothing says that kernels were lost", damages[i].name);
        for (int k = 0; k < 8; k++)
            await_kernel(&h, k, 20);
        stop(&h, true);
        /* And it is a store again. */
        h = start(dir, (const char *const[]){"--compiler", "/nonexistent/sinter-cc", NULL});
        for (int k = 0; k < 8; k++)
            if (!ask(&h, k))
                fail_msg("%s: graph %d was not kept afterwards", damages[i].name, k);
        stop(&h, true);
        remove_dir(dir);
    }
}

static void a_store_damaged_under_a_running_server_costs_no_answers(void **state)
{
    char dir[64], path[128];
    (void)state;
    fill_store(dir, 5);
    snprintf(path, sizeof path, "%s/kernels.db", dir);
    struct host h =
        start(dir, (const char *const[]){"--compiler", compiler, "--compile-above-ms", "0", "--preload", "0", NULL});
    ask(&h, 0);
    halve(path);
    for (int k = 0; k < 20; k++)
        ask(&h, k);
    scribble(path);
    for (int k = 0; k < 40; k++)
        ask(&h, k);
    await_kernel(&h, 41, 20);
    stop(&h, true);
    remove_dir(dir);
}

static void a_lost_key_makes_stored_kernels_worthless_and_no_more(void **state)
{
    char dir[64], path[128];
    (void)state;
    fill_store(dir, 3);
    snprintf(path, sizeof path, "%s/kernels.key", dir);
    assert_int_equal(unlink(path), 0);
    struct host h = start(dir, with_compiler);
    for (int k = 0; k < 3; k++)
        ask(&h, k);
    for (int k = 0; k < 3; k++)
        await_kernel(&h, k, 20);
    assert_true(host_metric(&h, "sinter_compiles_total{result=\"ok\"}") == 3);
    stop(&h, true);
    remove_dir(dir);
}

/* As nobody, to whom the folder belongs to read only. */
static void a_read_only_store_is_read_and_the_rest_compiled(void **state)
{
    char dir[64], bin[64], script[1400], command[256];
    (void)state;
    fill_store(dir, 3);
    make_dir(bin);
    snprintf(command, sizeof command, "chmod -R a-w %s", dir);
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
    snprintf(script, sizeof script, "#!/bin/sh\nexec %s%s \"$@\"\n", drop, program);
    char run[256];
    snprintf(run, sizeof run, "%s", write_script(bin, "sinter", script));
    struct host h;
    if (!start_as(&h, run, dir,
                  (const char *const[]){"--compiler", compiler, "--compile-above-ms", "0", "--preload", "0", NULL}))
        fail_msg("a server with a read-only store did not start");
    for (int k = 0; k < 3; k++)
        assert_true(ask(&h, k));
    ask(&h, 3);
    await_kernel(&h, 3, 20);
    await_metric(&h, "sinter_degraded", 1, 10);
    stop(&h, true);
    snprintf(command, sizeof command, "chmod -R u+w %s", dir);
    assert_int_equal(system(command), 0);
    remove_dir(dir);
    remove_dir(bin);
}

/* A disk that takes no more than so many bytes a file. The limit is inherited, as is that the signal is ignored. */
static void a_full_disk_costs_no_answers(void **state)
{
    char dir[64];
    struct rlimit before, small;
    (void)state;
    make_dir(dir);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100 << 10;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct host h;
    bool started = start_as(&h, program, dir, with_compiler);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_true(started);
    for (int k = 0; k < 60; k++) {
        ask(&h, k);
        await_kernel(&h, k, 20);
    }
    await_metric(&h, "sinter_degraded", 1, 20);
    assert_true(host_metric(&h, "sinter_store_errors_total") >= 1);
    for (int k = 0; k < 60; k++)
        assert_true(ask(&h, k));
    stop(&h, true);
    remove_dir(dir);
}

static void where_no_store_can_be_made_the_server_says_so_and_works(void **state)
{
    char dir[64], path[128];
    (void)state;
    make_dir(dir);
    snprintf(path, sizeof path, "%s/occupied", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    struct host h = start(path, with_compiler);
    ask(&h, 0);
    await_kernel(&h, 0, 20);
    assert_true(host_metric(&h, "sinter_degraded") == 1);
    stop(&h, true);
    remove_dir(dir);
}

/* The end */

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
        struct asked r = exchange(c, k, "auto");
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
        learn(k);
    struct host h = start(NULL, with_compiler);
    for (int i = 0; i < CLIENTS; i++) {
        loads[i] = (struct load){.host = &h, .first = 50 * i, .ending = &ending};
        assert_int_equal(pthread_create(&threads[i], NULL, press, &loads[i]), 0);
    }
    pause_ms(700);
    atomic_store(&ending, true);
    double began = now_s();
    int code = stop_any(&h, false);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(code, 0);
    assert_true(now_s() - began < 8);
    for (int i = 0; i < CLIENTS; i++) {
        done += loads[i].done;
        assert_int_equal(loads[i].wrong, 0);
        assert_true(loads[i].unanswered <= 1); /* connected, and closed before it was heard */
    }
    assert_true(done > 100);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_workers_cost_kernels_and_no_answers),
        cmocka_unit_test(a_hung_worker_is_replaced_at_its_deadline),
        cmocka_unit_test(without_a_compiler_everything_is_interpreted),
        cmocka_unit_test(without_an_assembler_everything_is_interpreted),
        cmocka_unit_test(an_assembler_that_returns_is_used_again),
        cmocka_unit_test(a_worker_that_refuses_everything_costs_kernels_only),
        cmocka_unit_test(a_restart_finds_its_kernels),
        cmocka_unit_test(a_damaged_store_costs_compiles_and_no_answers),
        cmocka_unit_test(a_store_damaged_under_a_running_server_costs_no_answers),
        cmocka_unit_test(a_lost_key_makes_stored_kernels_worthless_and_no_more),
        cmocka_unit_test(a_read_only_store_is_read_and_the_rest_compiled),
        cmocka_unit_test(a_full_disk_costs_no_answers),
        cmocka_unit_test(where_no_store_can_be_made_the_server_says_so_and_works),
        cmocka_unit_test(told_to_end_under_load_it_answers_what_it_began),
    };
    const char *build = test_build_dir();
    char here[256] = "";
    if (*build != '/' && !getcwd(here, sizeof here))
        return 1;
    snprintf(program, sizeof program, "%s%s%s/sinter", here, *here ? "/" : "", build);
    snprintf(compiler, sizeof compiler, "%s%s%s/sinter-cc", here, *here ? "/" : "", build);
    if (!host_start(&healthy, program, "none", (const char *const[]){"--compilers", "0", NULL}))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    host_stop(&healthy, true);
    for (size_t i = 0; i < n_live; i++)
        kill(live[i], SIGKILL);
    return failed;
}
